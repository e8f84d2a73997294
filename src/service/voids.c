/* voids.c -- which voids hold, and what they name.
 *
 * A void takes a record out of effect. A sender's void of a void does nothing (DOMAIN 2.1); but the voids that take an upload
 * back make the voids of that upload as if they had never been sent, and so on if that is taken back in turn. A void that
 * takes another back is always the newer one, so one pass from the newest to the oldest settles all. */
#include <stdlib.h>

#include "service/internal.h"

static int by_key(const struct assay_record_key *a, const struct assay_record_key *b) {
    if (a->provider_id != b->provider_id) return a->provider_id < b->provider_id ? -1 : 1;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return assay_str_cmp(a->id, b->id);
}

int assay_record_key_cmp(const void *x, const void *y) { return by_key(x, y); }

static int by_void(const void *x, const void *y) {
    return by_key(&(*(struct assay_void *const *)x)->key, &(*(struct assay_void *const *)y)->key);
}

bool assay_void_takes_back(struct assay_str id, enum assay_kind target_kind) {
    return assay_id_is_revert(id) && target_kind == ASSAY_KIND_REPAIR; /* voids are of that kind */
}

void assay_voids_settle(struct assay_void *voids, size_t n, struct assay_arena *a) {
    struct assay_void **sorted = assay_arena_alloc(a, (n + 1) * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &voids[i], voids[i].taken_back = false;
    if (n) qsort(sorted, n, sizeof *sorted, by_void);
    for (size_t i = 0; i < n; i++) {
        if (voids[i].taken_back || !assay_void_takes_back(voids[i].key.id, voids[i].target.kind)) continue;
        struct assay_void named = {.key = voids[i].target}, *key = &named;
        struct assay_void **other = bsearch(&key, sorted, n, sizeof *sorted, by_void);
        if (other) (*other)->taken_back = true;
    }
}

void assay_voids_targets(const struct assay_void *voids, size_t n, struct assay_arena *a, struct assay_record_key **keys,
                         size_t *n_keys) {
    struct assay_record_key *list = assay_arena_alloc(a, (n + 1) * sizeof *list);
    size_t count = 0, unique = 0;
    for (size_t i = 0; i < n; i++)
        if (!voids[i].taken_back) list[count++] = voids[i].target;
    if (count) qsort(list, count, sizeof *list, assay_record_key_cmp);
    for (size_t i = 0; i < count; i++)
        if (unique == 0 || by_key(&list[unique - 1], &list[i])) list[unique++] = list[i];
    *keys = list;
    *n_keys = unique;
}

enum assay_status assay_void_of_row(const struct assay_record_row *row, struct assay_arena *a, struct assay_void *out,
                                    struct assay_error *e) {
    struct assay_record r;
    assay_record_init(&r);
    r.kind = row->key.kind, r.type = row->type, r.id = row->key.id, r.at = row->at;
    enum assay_status st = assay_record_from_content(row->content, a, &r, e);
    *out = (struct assay_void){.key = row->key, .target = {row->key.provider_id, r.target_kind, r.target}, .seq = row->seq};
    return st;
}

size_t assay_keys_without(const struct assay_record_key *keys, size_t n, const struct assay_record_key *others, size_t n_others,
                          struct assay_record_key *out) {
    size_t count = 0;
    for (size_t i = 0, j = 0; i < n; i++) {
        while (j < n_others && by_key(&others[j], &keys[i]) < 0) j++;
        if (j == n_others || by_key(&others[j], &keys[i])) out[count++] = keys[i];
    }
    return count;
}
