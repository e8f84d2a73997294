/* sorted.c -- lists whose order the caller chooses: rows that are all in memory, sorted by one key.
 *
 * A cursor holds the key of the last row shown, not its place: the next page begins behind where that row stood, so that
 * rows which did not change meanwhile are neither lost nor doubled, however the others moved. By code nothing ever moves. */
#include <inttypes.h>
#include <stdlib.h>

#include "http/app.h"

#define FIELDS 7 /* the order, none, first, then (two numbers each), code */

/* --- the order ---------------------------------------------------------------------------------------------------------- */

static int compare(const struct assay_sorted_row *x, const struct assay_sorted_row *y, bool descending) {
    if (x->key.none != y->key.none) return x->key.none ? 1 : -1;
    int c = x->key.none ? 0 : assay_frac_cmp(x->key.first, y->key.first);
    if (!c && !x->key.none) c = assay_frac_cmp(x->key.then, y->key.then);
    if (c) return descending ? -c : c;
    return assay_str_cmp(x->code, y->code);
}

static int ascending_order(const void *x, const void *y) { return compare(x, y, false); }
static int descending_order(const void *x, const void *y) { return compare(x, y, true); }

bool assay_sorting_cut(const struct assay_sorting *s, struct assay_sorted_row **rows, size_t *n) {
    size_t lo = 0, hi = *n;
    if (*n) qsort(*rows, *n, sizeof **rows, s->descending ? descending_order : ascending_order);
    while (s->after && lo < hi) { /* the first row behind the cursor */
        size_t mid = (lo + hi) / 2;
        if (compare(&(*rows)[mid], &s->last, s->descending) <= 0) lo = mid + 1;
        else hi = mid;
    }
    *rows += s->after ? lo : 0;
    *n -= s->after ? lo : 0;
    bool more = *n > (size_t)s->limit;
    if (more) *n = (size_t)s->limit;
    return more;
}

/* --- parameters --------------------------------------------------------------------------------------------------------- */

static void read_sort(struct assay_str sort, const struct assay_sort_name *names, size_t n, struct assay_sorting *out,
                      struct assay_errors *es) {
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

static bool read_number(struct assay_str s, int64_t *out) {
    char *end;
    *out = strtoll(s.p, &end, 10); /* a cursor's fields are separated by what is no digit, and the last ends with NUL */
    return s.n > 0 && end == s.p + s.n;
}

static bool read_cursor(struct assay_http_request *r, char list, struct assay_str cursor, struct assay_sorting *out) {
    struct assay_str x[FIELDS];
    struct assay_sort_key *k = &out->last.key;
    if (!assay_cursor_read(list, cursor, r->arena, x, FIELDS) || !assay_str_is(x[0], out->text)) return false;
    k->none = assay_str_is(x[1], "1");
    out->last.code = x[6];
    out->after = true;
    return read_number(x[2], &k->first.num) && read_number(x[3], &k->first.den) && read_number(x[4], &k->then.num) &&
           read_number(x[5], &k->then.den) && k->first.den > 0 && k->then.den > 0;
}

void assay_sorting_read(struct assay_http_request *r, char list, const struct assay_sort_name *names, size_t n,
                        const char *otherwise, struct assay_sorting *out, struct assay_errors *es) {
    struct assay_str sort = assay_http_param(r, "sort"), cursor = assay_http_param(r, "cursor");
    *out = (struct assay_sorting){.limit = assay_app_limit(r, es)};
    if (!sort.p) sort = assay_str_c(otherwise);
    read_sort(sort, names, n, out, es);
    out->text = assay_arena_dup(r->arena, sort).p;
    if (cursor.p && !read_cursor(r, list, cursor, out)) assay_app_bad_cursor(es);
}

void assay_sorting_end(struct assay_http_request *r, char list, const struct assay_sorting *s,
                       const struct assay_sorted_row *last, bool more, struct assay_buf *b) {
    struct assay_str x[FIELDS];
    if (!more) {
        assay_app_list_end(r, b, list, NULL, 0, false);
        return;
    }
    const struct assay_sort_key *k = &last->key;
    const int64_t numbers[] = {k->none, k->first.num, k->none ? 1 : k->first.den, k->then.num, k->none ? 1 : k->then.den};
    x[0] = assay_str_c(s->text);
    for (size_t i = 0; i < 5; i++) x[1 + i] = assay_str_c(assay_arena_printf(r->arena, "%" PRId64, numbers[i]));
    x[6] = last->code;
    assay_app_list_end(r, b, list, x, FIELDS, true);
}
