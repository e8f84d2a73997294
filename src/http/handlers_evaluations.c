/* handlers_evaluations.c -- a provider's evaluation of a period, its trend over periods, and the ranking of all. */
#include "http/app.h"

/* Periods of one trend at most, and where none are named. */
#define TREND_MAX 36
#define TREND_DEFAULT 12
/* Providers that one filter may name. */
#define FILTER_PROVIDERS_MAX 200

enum assay_status assay_app_period(struct assay_session *s, struct assay_str scheme, struct assay_str period,
                                   struct assay_period_view *v, struct assay_error *e) {
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_read_period(s, scheme, period, v, e));
    return st;
}

enum assay_status assay_app_period_row(const struct assay_period_view *v, struct assay_str provider,
                                       const struct assay_evaluated **row, struct assay_error *e) {
    *row = assay_period_provider(v, provider);
    return *row ? ASSAY_OK : assay_fail(e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", ASSAY_STR_ARG(provider));
}

static bool has_total(const struct assay_period_view *v, const struct assay_evaluated *row) {
    return v->currency[0] && row->compensation.no_rate_lines == 0;
}

static void write_evaluation(const struct assay_period_view *v, const struct assay_evaluated *row, struct assay_buf *b) {
    struct assay_evaluation_reply reply = {.provider = row->provider->code,
                                           .evaluation = &row->evaluation,
                                           .ranked = row->ranked,
                                           .last_record_at = row->last_record_at,
                                           .compensation = {.known = has_total(v, row),
                                                            .amount = row->compensation.total,
                                                            .minor_digits = v->minor_digits,
                                                            .currency = v->currency}};
    assay_evaluation_write(&reply, b, NULL);
}

static enum assay_http_flow show_evaluation(struct assay_http_request *r, struct assay_session *s) {
    struct assay_period_view v;
    const struct assay_evaluated *row;
    struct assay_error e = {0};
    enum assay_status st = assay_app_period(s, r->vars[1], r->vars[2], &v, &e);
    if (!st) st = assay_app_period_row(&v, r->vars[0], &row, &e);
    if (st) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    write_evaluation(&v, row, &b);
    return assay_app_json(r, 200, &b);
}

/* --- trend ---------------------------------------------------------------------------------------------------------------------- */

static void month_param(struct assay_http_request *r, const char *name, assay_month *out, struct assay_errors *es) {
    struct assay_str s = assay_http_param(r, name);
    if (s.p && assay_month_parse(s, out)) assay_errors_add(es, ASSAY_INVALID_PARAMETER, name, "a month such as 2001-02");
}

/* `to` is the running month where it is not said; `from` the eleventh before `to`. */
static void trend_range(struct assay_http_request *r, const struct assay_config_scheme *scheme, assay_month *from,
                        assay_month *to, struct assay_errors *es) {
    const struct assay_app *app = r->app;
    const struct assay_zone *zone = scheme->versions.versions[0]->zone;
    *to = assay_date_month(assay_zone_date(zone, assay_service_now(app->service), NULL));
    *from = ASSAY_NO_MONTH;
    month_param(r, "from", from, es);
    month_param(r, "to", to, es);
    if (es->n) return;
    if (*from == ASSAY_NO_MONTH) *from = *to - TREND_DEFAULT + 1;
    if (*from > *to) assay_errors_add(es, ASSAY_INVALID_PARAMETER, "from", "from is later than to");
    else if (*to - *from >= TREND_MAX)
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "from", "from and to may be at most %d months apart", TREND_MAX - 1);
}

static enum assay_http_flow list_trend(struct assay_http_request *r, struct assay_session *s) {
    struct assay_errors es = {0};
    struct assay_error e = {0};
    struct assay_trend t;
    assay_month from, to;
    const struct assay_config_scheme *scheme = assay_config_scheme(s->config, r->vars[1]);
    if (!scheme) {
        assay_fail(&e, ASSAY_NOT_FOUND, "", "there is no scheme %.*s", ASSAY_STR_ARG(r->vars[1]));
        return assay_app_fail(r, ASSAY_NOT_FOUND, &e);
    }
    trend_range(r, scheme, &from, &to, &es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_read_trend(s, r->vars[0], r->vars[1], from, to, &t, &e));
    if (st) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < t.n; i++) write_evaluation(&t.periods[i], t.periods[i].rows, &b);
    assay_list_end(&b, ASSAY_STR_NONE);
    return assay_app_json(r, 200, &b);
}

/* --- ranking -------------------------------------------------------------------------------------------------------------------- */

enum {
    BY_RANK,
    BY_CODE,
    BY_RATIO,
    BY_SCORE,
    BY_CLOSED,
    BY_COUNTED,
    BY_COMPLIANT,
    BY_MISSED,
    BY_EXEMPT,
    BY_UNDETERMINED,
    BY_OPEN,
    BY_COMPENSATION,
    BY_LAST_RECORD
};
static const struct assay_sort_name sorts[] = {
    {"rank", true},     {"code", false},         {"ratio", false},         {"score", false},  {"closed", false},
    {"counted", false}, {"compliant", false},    {"missed", false},        {"exempt", false}, {"undetermined", false},
    {"open", false},    {"compensation", false}, {"last_record_at", false}};

/* As DOMAIN 5 ranks: by ratio, then by counted orders. */
struct assay_sort_key assay_app_rank_key(const struct assay_evaluated *row) {
    const struct assay_evaluation *e = &row->evaluation;
    return (struct assay_sort_key){.none = !e->rated, .first = e->ratio, .then = {e->counted, 1}};
}

static struct assay_sort_key sort_key(const struct assay_period_view *v, const struct assay_evaluated *row, int by) {
    const struct assay_evaluation *e = &row->evaluation;
    struct assay_sort_key k = {.first = ASSAY_FRAC_ZERO, .then = ASSAY_FRAC_ZERO};
    switch (by) {
    case BY_RANK: return assay_app_rank_key(row);
    case BY_RATIO: k.none = !e->rated, k.first = e->ratio; break;
    case BY_SCORE: k.none = !e->rated, k.first = e->score; break;
    case BY_CLOSED: k.first.num = e->closed; break;
    case BY_COUNTED: k.first.num = e->counted; break;
    case BY_COMPLIANT: k.first.num = e->compliant; break;
    case BY_MISSED: k.first.num = e->missed; break;
    case BY_EXEMPT: k.first.num = e->exempt; break;
    case BY_UNDETERMINED: k.first.num = e->undetermined; break;
    case BY_OPEN: k.first.num = e->open; break;
    case BY_COMPENSATION: k.none = !has_total(v, row), k.first.num = row->compensation.total; break;
    case BY_LAST_RECORD: k.none = row->last_record_at == ASSAY_NO_INSTANT, k.first.num = row->last_record_at; break;
    default: break; /* by code alone */
    }
    return k;
}

/* Which providers are shown. Ranks are those among all. */
struct ranking_filter {
    struct assay_str city, status; /* absent: any */
    int ascim, rated;              /* -1: any */
    int64_t min_counted;
    size_t n; /* providers by code, or by its beginning where it ends in *; 0: any */
    struct assay_str providers[FILTER_PROVIDERS_MAX];
};

static void tristate(struct assay_http_request *r, const char *name, int *out, struct assay_errors *es) {
    bool value = false;
    *out = -1;
    if (!assay_http_param(r, name).p) return;
    assay_http_param_bool(r, name, &value, es);
    *out = value;
}

static void providers_param(struct assay_http_request *r, struct ranking_filter *f, struct assay_errors *es) {
    struct assay_str rest = assay_http_param(r, "provider");
    if (!rest.p) return;
    do { /* once at least: "" is no code */
        const char *comma = memchr(rest.p, ',', rest.n);
        struct assay_str one = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
        rest.p += one.n + (comma != NULL), rest.n -= one.n + (comma != NULL);
        bool prefix = one.n && one.p[one.n - 1] == '*';
        bool sound = (prefix && one.n == 1) || assay_form_provider((struct assay_str){one.p, one.n - prefix});
        if (sound && f->n < FILTER_PROVIDERS_MAX) {
            f->providers[f->n++] = one;
            continue;
        }
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "provider",
                         sound ? "at most %d providers" : "codes or beginnings of codes (P0*), separated by commas",
                         FILTER_PROVIDERS_MAX);
        return;
    } while (rest.n);
}

static void status_param(struct assay_http_request *r, struct ranking_filter *f, struct assay_errors *es) {
    f->status = assay_http_param(r, "status");
    if (!f->status.p) return;
    for (int i = ASSAY_PROVIDER_ACTIVE; i <= ASSAY_PROVIDER_INACTIVE; i++)
        if (assay_str_is(f->status, assay_provider_status_name((enum assay_provider_status)i))) return;
    assay_errors_add(es, ASSAY_INVALID_PARAMETER, "status", "one of active, suspended, inactive");
}

static void filter_params(struct assay_http_request *r, struct ranking_filter *f, struct assay_errors *es) {
    *f = (struct ranking_filter){.city = assay_http_param(r, "city")};
    tristate(r, "ascim", &f->ascim, es);
    tristate(r, "rated", &f->rated, es);
    assay_http_param_int(r, "min_counted", 0, INT32_MAX, &f->min_counted, es);
    status_param(r, f, es);
    providers_param(r, f, es);
}

static bool is_named(const struct ranking_filter *f, struct assay_str code) {
    for (size_t i = 0; i < f->n; i++) {
        struct assay_str p = f->providers[i];
        bool prefix = p.p[p.n - 1] == '*';
        if (prefix ? code.n >= p.n - 1 && !memcmp(code.p, p.p, p.n - 1) : assay_str_eq(code, p)) return true;
    }
    return f->n == 0;
}

/* City and ASCIM as they hold on the day: the period's last. */
static bool is_shown(const struct ranking_filter *f, const struct assay_evaluated *row, assay_date day) {
    const struct assay_provider_facts *facts = assay_provider_on(&row->provider->versions, day);
    if (f->city.p && !(facts && assay_str_eq(facts->city, f->city))) return false;
    if (f->ascim >= 0 && !(facts && facts->ascim == (f->ascim != 0))) return false;
    if (f->status.p && !assay_str_eq(row->provider->latest->status, f->status)) return false;
    if (f->rated >= 0 && row->evaluation.rated != (f->rated != 0)) return false;
    return row->evaluation.counted >= f->min_counted && is_named(f, row->provider->code);
}

static void write_row(const void *list, const void *row, struct assay_buf *b) { write_evaluation(list, row, b); }

static enum assay_http_flow list_evaluations(struct assay_http_request *r, struct assay_session *s) {
    struct assay_period_view v;
    struct assay_error e = {0};
    struct assay_errors es = {0};
    struct assay_sorting sorting;
    struct ranking_filter filter;
    assay_sorting_read(r, sorts, sizeof sorts / sizeof *sorts, "rank", &sorting, &es);
    filter_params(r, &filter, &es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    enum assay_status st = assay_app_period(s, r->vars[0], r->vars[1], &v, &e);
    if (st) return assay_app_fail(r, st, &e);
    struct assay_sorted_row *rows = assay_arena_alloc(r->arena, (v.n + 1) * sizeof *rows);
    assay_date last_day = assay_month_first(v.period + 1) - 1;
    for (size_t i = 0; i < v.n; i++)
        rows[i] = (struct assay_sorted_row){.key = sort_key(&v, &v.rows[i], sorting.which),
                                            .provider = v.rows[i].provider,
                                            .row = &v.rows[i],
                                            .hidden = !is_shown(&filter, &v.rows[i], last_day)};
    return assay_sorting_reply(r, &sorting, v.snapshot, rows, v.n, write_row, &v);
}

enum assay_http_flow assay_get_evaluation(struct assay_http_request *r, void *w) { return assay_app_read(r, w, show_evaluation); }
enum assay_http_flow assay_get_trend(struct assay_http_request *r, void *w) { return assay_app_read(r, w, list_trend); }
enum assay_http_flow assay_get_evaluations(struct assay_http_request *r, void *w) {
    return assay_app_read(r, w, list_evaluations);
}
