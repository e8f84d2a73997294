/* handlers_compensation.c -- statements of a period and their lines. */
#include "http/app.h"

/* --- compensation ------------------------------------------------------------------------------------------------------------- */

static void write_compensation(const struct assay_period_view *v, const struct assay_evaluated *row, struct assay_buf *b) {
    /* Pay rests on the multiplier's curve and the rates besides what the evaluation rests on. */
    struct assay_evaluation e = row->evaluation;
    e.points |= row->compensation.points;
    struct assay_compensation_reply reply = {.provider = row->provider->code,
                                             .evaluation = &e,
                                             .compensation = &row->compensation,
                                             .currency = v->currency[0] ? v->currency : NULL,
                                             .minor_digits = v->minor_digits};
    assay_compensation_write(&reply, b, NULL);
}

static enum assay_http_flow show_compensation(struct assay_http_request *r, struct assay_session *s) {
    struct assay_period_view v;
    const struct assay_evaluated *row;
    struct assay_error e = {0};
    enum assay_status st = assay_app_period(s, assay_app_scheme(r), r->vars[1], &v, &e);
    if (!st) st = assay_app_period_row(&v, r->vars[0], &row, &e);
    if (st) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    write_compensation(&v, row, &b);
    return assay_app_json(r, 200, &b);
}

/* What a list of statements may be sorted by. */
enum { BY_RANK, BY_CODE, BY_LINES, BY_NO_RATE, BY_BASE, BY_TOTAL };
static const struct assay_sort_name sorts[] = {{"rank", true},           {"code", false}, {"lines", false},
                                               {"no_rate_lines", false}, {"base", false}, {"total", false}};

static struct assay_sort_key sort_key(const struct assay_period_view *v, const struct assay_evaluated *row, int by) {
    const struct assay_compensation *c = &row->compensation;
    struct assay_sort_key k = {.first = ASSAY_FRAC_ZERO, .then = ASSAY_FRAC_ZERO};
    if (by == BY_RANK) return assay_app_rank_key(row);
    if (by == BY_LINES) k.first.num = c->lines;
    if (by == BY_NO_RATE) k.first.num = c->no_rate_lines;
    if (by == BY_BASE) k.first.num = c->base;
    if (by == BY_TOTAL) k.first.num = c->total;
    k.none = (by == BY_BASE && !v->currency[0]) || (by == BY_TOTAL && (!v->currency[0] || c->no_rate_lines > 0));
    return k;
}

static void write_row(const void *list, const void *row, struct assay_buf *b) { write_compensation(list, row, b); }

static enum assay_http_flow list_compensations(struct assay_http_request *r, struct assay_session *s) {
    struct assay_period_view v;
    struct assay_error e = {0};
    struct assay_errors es = {0};
    struct assay_sorting sorting;
    assay_sorting_read(r, sorts, sizeof sorts / sizeof *sorts, "rank", &sorting, &es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    enum assay_status st = assay_app_period(s, assay_app_scheme(r), r->vars[0], &v, &e);
    if (st) return assay_app_fail(r, st, &e);
    struct assay_sorted_row *rows = assay_arena_alloc(r->arena, (v.n + 1) * sizeof *rows);
    for (size_t i = 0; i < v.n; i++)
        rows[i] = (struct assay_sorted_row){
            .key = sort_key(&v, &v.rows[i], sorting.which), .provider = v.rows[i].provider, .row = &v.rows[i]};
    return assay_sorting_reply(r, &sorting, v.snapshot, rows, v.n, write_row, &v);
}

#define LINES_TRIES 5

static enum assay_http_flow list_lines(struct assay_http_request *r, struct assay_session *s) {
    struct assay_period_view v;
    const struct assay_evaluated *row = NULL;
    struct assay_error e = {0};
    struct assay_errors es = {0};
    struct assay_str cursor = assay_http_param(r, "cursor"), after = ASSAY_STR_NONE;
    int limit = assay_app_limit(r, &es);
    if (cursor.p && !assay_cursor_read('l', cursor, r->arena, &after, 1)) assay_app_bad_cursor(&es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    struct assay_line_row *lines = NULL;
    size_t n = 0;
    enum assay_status st = ASSAY_RETRY;
    /* Lines and multiplier are of one configuration: it must not have moved by the time the lines are there. */
    for (int try = 0; st == ASSAY_RETRY && try < LINES_TRIES; try++) {
        int64_t revision = 0;
        st = assay_app_period(s, assay_app_scheme(r), r->vars[1], &v, &e);
        if (!st) st = assay_app_period_row(&v, r->vars[0], &row, &e);
        if (!st)
            st = assay_store_pay_lines(s->db, v.config->id, row->provider->id, v.period, after, limit + 1, &s->arena, &lines, &n,
                                       &e);
        if (!st) st = assay_store_config_revision(s->db, &revision, &e);
        if (!st && revision != s->config->revision) st = assay_fail(&e, ASSAY_RETRY, "", "the configuration moved");
    }
    if (st) return assay_app_fail(r, st, &e);
    bool more = n > (size_t)limit;
    if (more) n = (size_t)limit;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) {
        struct assay_pay_line_reply line = {.provider = row->provider->code,
                                            .order = lines[i].order_no,
                                            .product = lines[i].product,
                                            .warranty = lines[i].warranty,
                                            .rate = lines[i].rate,
                                            .multiplier = row->compensation.multiplier,
                                            .currency = v.currency[0] ? v.currency : NULL,
                                            .scheme = v.config->code,
                                            .minor_digits = v.minor_digits};
        if (lines[i].rate != ASSAY_NO_RATE && assay_pay_line(lines[i].rate, line.multiplier, &line.amount))
            return assay_app_fail(r, ASSAY_OVERFLOW, NULL);
        assay_pay_line_write(&line, &b, NULL);
    }
    struct assay_str last = n ? lines[n - 1].order_no : ASSAY_STR("");
    assay_app_list_end(r, &b, 'l', &last, 1, more);
    return assay_app_json(r, 200, &b);
}

enum assay_http_flow assay_get_compensation(struct assay_http_request *r, void *w) {
    return assay_app_read(r, w, show_compensation);
}
enum assay_http_flow assay_get_compensation_lines(struct assay_http_request *r, void *w) {
    return assay_app_read(r, w, list_lines);
}
enum assay_http_flow assay_get_compensations(struct assay_http_request *r, void *w) {
    return assay_app_read(r, w, list_compensations);
}
