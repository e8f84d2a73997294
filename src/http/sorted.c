/* sorted.c -- lists of providers in the order the caller chooses: rows that are all in memory, sorted by one key. A page is a
 * step of a walk (walk.c), so that no row is lost or doubled however the order moves between pages. */
#include <stdlib.h>

#include "http/app.h"

/* --- the order ---------------------------------------------------------------------------------------------------------- */

static int compare(const struct assay_sorted_row *x, const struct assay_sorted_row *y, bool descending) {
    if (x->key.none != y->key.none) return x->key.none ? 1 : -1;
    int c = x->key.none ? 0 : assay_frac_cmp(x->key.first, y->key.first);
    if (!c && !x->key.none) c = assay_frac_cmp(x->key.then, y->key.then);
    if (c) return descending ? -c : c;
    return assay_str_cmp(x->provider->code, y->provider->code);
}

static int ascending_order(const void *x, const void *y) { return compare(x, y, false); }
static int descending_order(const void *x, const void *y) { return compare(x, y, true); }

void assay_sorting_read(struct assay_http_request *r, const struct assay_sort_name *names, size_t n, const char *otherwise,
                        struct assay_sorting *out, struct assay_errors *es) {
    struct assay_str sort = assay_http_param(r, "sort");
    *out = (struct assay_sorting){.limit = assay_app_limit(r, es)};
    if (!sort.p) sort = assay_str_c(otherwise);
    bool minus = sort.n > 0 && sort.p[0] == '-';
    struct assay_str name = {sort.p + minus, sort.n - minus};
    for (size_t i = 0; i < n; i++) {
        if (!assay_str_is(name, names[i].name)) continue;
        out->which = (int)i;
        out->descending = minus != names[i].best_high;
        return;
    }
    struct assay_buf known = {0};
    for (size_t i = 0; i < n; i++) assay_buf_printf(&known, "%s%s", i ? ", " : "", names[i].name);
    assay_errors_add(es, ASSAY_INVALID_PARAMETER, "sort", "one of %s; with - before it the other way", known.p);
    assay_buf_free(&known);
}

/* --- a page --------------------------------------------------------------------------------------------------------------- */

/* Where a walk goes on that names its last provider only. */
static size_t behind(const struct assay_walk *w, const struct assay_sorted_row *rows, size_t n) {
    for (size_t i = 0; w->last.p && i < n; i++)
        if (assay_str_eq(rows[i].provider->code, w->last)) return i + 1;
    return 0;
}

enum assay_http_flow assay_sorting_reply(struct assay_http_request *r, const struct assay_sorting *s,
                                         const struct assay_config *cfg, struct assay_sorted_row *rows, size_t n,
                                         void (*write)(const void *list, const void *row, struct assay_buf *b),
                                         const void *list) {
    struct assay_errors es = {0};
    struct assay_walk walk;
    size_t left = (size_t)s->limit;
    if (!assay_walk_begin(r, cfg, &walk)) assay_app_bad_cursor(&es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    if (n) qsort(rows, n, sizeof *rows, s->descending ? descending_order : ascending_order);
    struct assay_buf b = {0}, next = {0};
    assay_list_begin(&b);
    for (size_t i = behind(&walk, rows, n); i < n && !next.n; i++) {
        if (rows[i].hidden || assay_walk_given(&walk, rows[i].provider->id)) continue;
        if (left == 0) {
            assay_walk_cursor(&walk, &next);
            break;
        }
        write(list, rows[i].row, &b);
        assay_walk_give(&walk, rows[i].provider);
        left--;
    }
    assay_list_end(&b, next.n ? assay_buf_str(&next) : ASSAY_STR_NONE);
    if (next.n) assay_app_link_next(r, assay_buf_str(&next));
    assay_buf_free(&next);
    return assay_app_json(r, 200, &b);
}
