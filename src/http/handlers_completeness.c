/* handlers_completeness.c -- what is missing of a period's records, of one provider and of all. */
#include "http/app.h"

static enum assay_status read_completeness(struct assay_session *s, struct assay_str provider, struct assay_str scheme,
                                           struct assay_str period, struct assay_completeness_view *v, struct assay_error *e) {
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_read_completeness(s, provider, scheme, period, v, e));
    return st;
}

static enum assay_http_flow show_completeness(struct assay_http_request *r, struct assay_session *s) {
    struct assay_completeness_view v;
    struct assay_error e = {0};
    enum assay_status st = read_completeness(s, r->vars[0], assay_app_scheme(r), r->vars[1], &v, &e);
    if (st) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    assay_completeness_write(&v.rows[0], v.config->code, v.period, &b, NULL);
    return assay_app_json(r, 200, &b);
}

/* Sorted by what is missing: by the count of one code, or of all together. The codes' names stand behind these. */
enum { BY_FINDINGS, BY_CODE, BY_LAST_RECORD, BY_MISSING };
#define N_SORTS (BY_MISSING + ASSAY_MISSING_COUNT)

static void sort_names(struct assay_sort_name names[N_SORTS]) {
    names[BY_FINDINGS] = (struct assay_sort_name){"findings", false};
    names[BY_CODE] = (struct assay_sort_name){"code", false};
    names[BY_LAST_RECORD] = (struct assay_sort_name){"last_record_at", false};
    for (int m = 0; m < ASSAY_MISSING_COUNT; m++)
        names[BY_MISSING + m] = (struct assay_sort_name){assay_missing_code((enum assay_missing)m), false};
}

static struct assay_sort_key sort_key(const struct assay_completeness *c, int by) {
    struct assay_sort_key k = {.first = ASSAY_FRAC_ZERO, .then = ASSAY_FRAC_ZERO};
    if (by == BY_FINDINGS) k.first.num = assay_completeness_findings(c);
    else if (by == BY_LAST_RECORD) k.none = c->last_record_at == ASSAY_NO_INSTANT, k.first.num = c->last_record_at;
    else if (by >= BY_MISSING) k.first.num = c->missing[by - BY_MISSING];
    return k;
}

static bool is_complete(const struct assay_completeness *c) {
    return assay_completeness_findings(c) == 0 && !c->missing[ASSAY_MISSING_PERIOD_RUNNING];
}

static void write_row(const void *list, const void *row, struct assay_buf *b) {
    const struct assay_completeness_view *v = list;
    assay_completeness_write(row, v->config->code, v->period, b, NULL);
}

static enum assay_http_flow list_completeness(struct assay_http_request *r, struct assay_session *s) {
    struct assay_completeness_view v;
    struct assay_error e = {0};
    struct assay_errors es = {0};
    struct assay_sorting sorting;
    struct assay_sort_name names[N_SORTS];
    bool complete = false;
    sort_names(names);
    assay_sorting_read(r, names, N_SORTS, "-findings", &sorting, &es);
    assay_http_param_bool(r, "complete", &complete, &es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    enum assay_status st = read_completeness(s, ASSAY_STR_NONE, assay_app_scheme(r), r->vars[0], &v, &e);
    if (st) return assay_app_fail(r, st, &e);
    struct assay_sorted_row *rows = assay_arena_alloc(r->arena, (v.n + 1) * sizeof *rows);
    bool all = !assay_http_param(r, "complete").p;
    for (size_t i = 0; i < v.n; i++)
        rows[i] = (struct assay_sorted_row){.key = sort_key(&v.rows[i], sorting.which),
                                            .provider = assay_config_provider(s->config, v.rows[i].provider),
                                            .row = &v.rows[i],
                                            .hidden = !all && is_complete(&v.rows[i]) != complete};
    return assay_sorting_reply(r, &sorting, s->config, rows, v.n, write_row, &v);
}

enum assay_http_flow assay_get_completeness(struct assay_http_request *r, void *w) {
    return assay_app_read(r, w, show_completeness);
}
enum assay_http_flow assay_get_completeness_all(struct assay_http_request *r, void *w) {
    return assay_app_read(r, w, list_completeness);
}
