/* touches.c -- which orders a batch touches: by records of theirs, by voids of those, and by voids taken back. Also counts the
 * survey responses that name no order. Must not know how an order is folded, nor what is written. */
#include "service/batch.h"

static int by_touch(const void *x, const void *y) {
    return assay_batch_order_cmp(&((const struct touch *)x)->key, &((const struct touch *)y)->key);
}

static int by_id(const void *x, const void *y) {
    COMPARE(*(const int32_t *)x, *(const int32_t *)y);
    return 0;
}

static void add_touch(struct batch *b, struct touch t) {
    if (b->n_touches == b->cap_touches) {
        size_t cap = b->cap_touches ? 2 * b->cap_touches : 64;
        struct touch *more = assay_arena_alloc(b->a, cap * sizeof *more);
        if (b->n_touches) memcpy(more, b->touches, b->n_touches * sizeof *more);
        b->touches = more;
        b->cap_touches = cap;
    }
    b->touches[b->n_touches++] = t;
}

bool assay_batch_reaches(const struct batch *b, int32_t provider_id, struct assay_str order_no) {
    if (!b->load.recomputation) return false;
    const int32_t *at = bsearch(&provider_id, b->load.providers, b->load.n_providers, sizeof *at, by_id);
    return at && assay_position_covers(&b->load.positions[at - b->load.providers], order_no);
}

static void count_survey_under(struct batch *b, const struct assay_config *cfg, const struct assay_config_scheme *scheme,
                               int32_t provider_id, const struct assay_record *survey, int sign) {
    struct assay_contribution c;
    assay_judge_loose_survey(scheme, survey, &c);
    assay_tally_sums_add(assay_batch_sums(b, cfg), provider_id, assay_config_sheet(cfg, provider_id, scheme->id), &c, sign);
}

static void count_loose_survey(struct batch *b, int32_t provider_id, const struct assay_record *survey, int sign) {
    const struct assay_config *next = b->cfg->next;
    for (size_t i = 0; i < b->cfg->n_schemes; i++) count_survey_under(b, b->cfg, &b->cfg->schemes[i], provider_id, survey, sign);
    if (!assay_batch_reaches(b, provider_id, ASSAY_STR_NONE)) return;
    for (size_t i = 0; i < next->n_schemes; i++)
        if (assay_config_recomputes(next, next->schemes[i].id))
            count_survey_under(b, next, &next->schemes[i], provider_id, survey, sign);
}

static bool is_loose_survey(enum assay_type type, struct assay_str order) { return type == ASSAY_SURVEY_RESPONSE && !order.p; }

static enum assay_status count_stored_survey(struct batch *b, const struct assay_record_row *row, int sign,
                                             struct assay_error *e) {
    struct assay_record r;
    assay_record_init(&r);
    r.kind = row->key.kind, r.type = row->type, r.id = row->key.id, r.at = row->at;
    enum assay_status st = assay_record_from_content(row->content, b->a, &r, e);
    if (!st) count_loose_survey(b, row->key.provider_id, &r, sign);
    return st;
}

static enum assay_status count_new_survey(struct batch *b, const struct assay_item *it, struct assay_error *e) {
    struct assay_record r;
    bool voided;
    size_t pos = 0;
    enum assay_status st = assay_record_unpack(it->packed, &pos, b->a, &r, &voided);
    if (st) return assay_fail(e, st, "", "a packed record could not be read back");
    count_loose_survey(b, it->provider_id, &r, +1);
    return ASSAY_OK;
}

/* A new void: its target may be stored, in this batch, or unknown (then it takes effect when the target comes). */
static enum assay_status touch_by_void(struct batch *b, const struct assay_item *it, size_t target,
                                       struct assay_record_key *voided, struct assay_error *e) {
    const struct assay_record_row *row = b->load.target_rows[target];
    if (!row || row->type == ASSAY_EVENT_VOIDED) return ASSAY_OK; /* a void of a void has no effect */
    if (is_loose_survey(row->type, row->order_no)) return count_stored_survey(b, row, -1, e);
    if (row->order_no.p)
        add_touch(
            b, (struct touch){
                   .key = {it->provider_id, row->order_no}, .by = it, .voided = voided, .stored = b->load.target_orders[target]});
    return ASSAY_OK;
}

/* Which orders the batch touches, and by what. A target named twice, now or before, is voided once. */
static enum assay_status list_touches(struct batch *b, struct voids *voids, struct assay_error *e) {
    voids->keys = assay_arena_alloc(b->a, (b->load.n_targets + 1) * sizeof *voids->keys);
    size_t target = 0;
    enum assay_status st = ASSAY_OK;
    for (size_t i = 0; i < b->n_sorted; i++) {
        const struct assay_item *it = b->sorted[i];
        if (it->type != ASSAY_EVENT_VOIDED) continue;
        if (it->fresh) voids->keys[voids->n++] = b->load.targets[target];
        target++;
    }
    if (voids->n) qsort(voids->keys, voids->n, sizeof *voids->keys, assay_record_key_cmp);
    size_t unique = 0;
    for (size_t i = 0; i < voids->n; i++)
        if (unique == 0 || assay_record_key_cmp(&voids->keys[unique - 1], &voids->keys[i]))
            voids->keys[unique++] = voids->keys[i];
    voids->n = unique;

    bool *done = assay_arena_zalloc(b->a, voids->n + 1);
    target = 0;
    for (size_t i = 0; i < b->n_sorted && !st; i++) {
        const struct assay_item *it = b->sorted[i];
        size_t t = target;
        if (it->type == ASSAY_EVENT_VOIDED) {
            target++;
            if (!it->fresh) continue;
            struct assay_record_key *key = bsearch(&b->load.targets[t], voids->keys, voids->n, sizeof *key, assay_record_key_cmp);
            if (done[key - voids->keys]) continue;
            done[key - voids->keys] = true;
            if (b->load.target_rows[t] && b->load.target_voided[t]) continue;
            st = touch_by_void(b, it, t, key, e);
        } else if (it->fresh && it->order.p) {
            add_touch(b, (struct touch){.key = {it->provider_id, it->order}, .by = it, .item = it});
        } else if (it->fresh && is_loose_survey(it->type, it->order)) {
            bool voided = b->load.voided[i] || assay_batch_voids_have(voids, it->provider_id, it->kind, it->id);
            if (!voided) st = count_new_survey(b, it, e);
        }
    }
    if (b->n_touches) qsort(b->touches, b->n_touches, sizeof *b->touches, by_touch);
    return st;
}

/* --- taking voids back ---------------------------------------------------------------------------------------------- */

/* The batch takes an upload's voids back: what they named may stand again. (Such a batch holds voids only.) */
static bool takes_voids_back(const struct batch *b) {
    size_t target = 0;
    for (size_t i = 0; i < b->n_sorted; i++) {
        const struct assay_item *it = b->sorted[i];
        if (it->type != ASSAY_EVENT_VOIDED) continue;
        const struct assay_record_row *row = b->load.target_rows[target++];
        if (it->fresh && row && row->type == ASSAY_EVENT_VOIDED && assay_void_takes_back(it->id, it->target_kind)) return true;
    }
    return false;
}

/* What is voided before the batch and after it, from all voids of its providers; the differences into *v. */
static enum assay_status compare_voids(struct batch *b, struct voids *v, struct assay_error *e) {
    struct assay_record_row *rows;
    struct assay_record_key *before, *after;
    size_t n_rows, n_before, n_after, n = 0;
    enum assay_status st = assay_store_voids_of(b->s->db, b->load.providers, b->load.n_providers, b->a, &rows, &n_rows, e);
    if (st) return st;
    struct assay_void *voids = assay_arena_alloc(b->a, (b->n_sorted + n_rows + 1) * sizeof *voids);
    for (size_t i = 0; i < b->n_sorted; i++) { /* the new ones are the newest */
        const struct assay_item *it = b->sorted[i];
        if (!it->fresh || it->type != ASSAY_EVENT_VOIDED) continue;
        voids[n++] = (struct assay_void){.key = {it->provider_id, it->kind, it->id},
                                         .target = {it->provider_id, it->target_kind, it->target}};
    }
    for (size_t i = 0; i < n_rows && !st; i++) st = assay_void_of_row(&rows[i], b->a, &voids[n + i], e);
    if (st) return st;
    assay_voids_settle(voids + n, n_rows, b->a);
    assay_voids_targets(voids + n, n_rows, b->a, &before, &n_before);
    assay_voids_settle(voids, n + n_rows, b->a);
    assay_voids_targets(voids, n + n_rows, b->a, &after, &n_after);
    v->keys = assay_arena_alloc(b->a, (n_after + 1) * sizeof *v->keys);
    v->cleared = assay_arena_alloc(b->a, (n_before + 1) * sizeof *v->cleared);
    v->n = assay_keys_without(after, n_after, before, n_before, v->keys);
    v->n_cleared = assay_keys_without(before, n_before, after, n_after, v->cleared);
    return ASSAY_OK;
}

static enum assay_status touch_changed(struct batch *b, const struct assay_record_key *keys, size_t n, bool cleared,
                                       struct assay_error *e) {
    struct assay_ingest_load found = {.targets = keys, .n_targets = n};
    enum assay_status st = assay_store_ingest_targets(b->s->db, &found, b->a, e);
    for (size_t i = 0; i < n && !st; i++) {
        const struct assay_record_row *row = found.target_rows[i];
        if (!row || row->type == ASSAY_EVENT_VOIDED) continue;
        if (is_loose_survey(row->type, row->order_no)) st = count_stored_survey(b, row, cleared ? +1 : -1, e);
        else if (row->order_no.p)
            add_touch(b, (struct touch){.key = {keys[i].provider_id, row->order_no},
                                        .voided = &keys[i],
                                        .stored = found.target_orders[i],
                                        .cleared = cleared});
    }
    return st;
}

static enum assay_status list_taken_back(struct batch *b, struct voids *v, struct assay_error *e) {
    enum assay_status st = compare_voids(b, v, e);
    if (!st) st = touch_changed(b, v->keys, v->n, false, e);
    if (!st) st = touch_changed(b, v->cleared, v->n_cleared, true, e);
    if (b->n_touches) qsort(b->touches, b->n_touches, sizeof *b->touches, by_touch);
    return st;
}

enum assay_status assay_batch_touches(struct batch *b, struct voids *voids, struct assay_error *e) {
    return takes_voids_back(b) ? list_taken_back(b, voids, e) : list_touches(b, voids, e);
}
