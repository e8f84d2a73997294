/* refold.c -- each order that a batch touches, folded again from the records it had and those that came, and judged before and
 * after under every scheme. Must not know why it is touched, nor what is written. */
#include "service/batch.h"

/* Records an order may hold: folding costs their number, so that one order must not grow without end. */
#define ORDER_RECORDS_MAX 10000

static const struct assay_order_row *stored_order(const struct batch *b, const struct touch *t) {
    if (t->stored) return t->stored;
    const struct assay_order_key *found =
        b->load.n_orders ? bsearch(&t->key, b->load.orders, b->load.n_orders, sizeof *found, assay_batch_by_order) : NULL;
    return found ? b->load.order_rows[found - b->load.orders] : NULL;
}

/* Whether a new item is voided on arrival. Its position among the sorted items is that of load.voided. */
static bool void_waits(struct batch *b, const struct voids *v, const struct assay_item *it) {
    struct assay_item **at = bsearch(&it, b->sorted, b->n_sorted, sizeof *b->sorted, assay_batch_by_record);
    return (at && b->load.voided[at - b->sorted]) || assay_batch_voids_have(v, it->provider_id, it->kind, it->id);
}

static void pack_all(const struct assay_folded_record *recs, size_t n, struct assay_arena *a, struct assay_str *out) {
    struct assay_buf buf = {0};
    assay_packed_begin(&buf);
    for (size_t i = 0; i < n; i++) assay_record_pack(&recs[i].record, recs[i].voided, &buf);
    *out = assay_arena_dup(a, assay_buf_str(&buf));
    assay_buf_free(&buf);
}

static void count_under(struct batch *b, const struct assay_config *cfg, const struct assay_config_scheme *scheme,
                        const struct assay_order *o, struct assay_order_key key, int sign, struct assay_verdict_row *row) {
    struct assay_judged j;
    assay_judge_order(cfg, scheme, assay_config_provider_by_id(cfg, key.provider_id), o, key, &b->scratch, &j);
    assay_tally_sums_add(assay_batch_sums(b, cfg), key.provider_id, j.row.scheme_id, &j.contribution, sign);
    *row = j.row;
}

/* What an order is under each scheme, on every sheet that has it, goes out of the tallies (sign -1) or into them (+1).
 * Rows take the verdicts, as many as are returned: always the same ones for one order of a batch. */
static size_t count_order(struct batch *b, const struct assay_order *o, struct assay_order_key key, int sign,
                          struct assay_verdict_row *rows) {
    const struct assay_config *next = b->cfg->next;
    size_t n = 0;
    for (size_t i = 0; i < b->cfg->n_schemes; i++) count_under(b, b->cfg, &b->cfg->schemes[i], o, key, sign, &rows[n++]);
    if (!assay_batch_reaches(b, key.provider_id, key.order_no)) return n;
    for (size_t i = 0; i < next->n_schemes; i++)
        if (assay_config_recomputes(next, next->schemes[i].id)) count_under(b, next, &next->schemes[i], o, key, sign, &rows[n++]);
    return n;
}

/* Verdicts of one order at most. */
static size_t verdicts_max(const struct batch *b) { return b->cfg->n_schemes + (b->cfg->next ? b->cfg->next->n_schemes : 0); }

/* The order is full: its new records are refused (voids of what it holds are not). */
static void refuse_new(struct batch *b, const struct touch *t, const struct touch *end) {
    for (; t < end; t++) {
        if (!t->item) continue;
        struct assay_item *it = &b->items[t->item - b->items];
        it->status = ASSAY_ORDER_FULL;
        it->detail = "the order holds as many records as an order may";
    }
}

/* What a trial tells: the outcomes that would be others. */
static void tell_changes(struct batch *b, const struct assay_config_provider *p, struct assay_str order,
                         const struct assay_verdict_row *before, const struct assay_verdict_row *after) {
    struct assay_ingest_run *run = b->run;
    for (size_t i = 0; i < b->cfg->n_schemes; i++) {
        if (before[i].outcome == after[i].outcome) continue;
        if (run->n_changes == run->cap_changes) {
            size_t cap = run->cap_changes ? 2 * run->cap_changes : 64;
            struct assay_verdict_change *more = assay_arena_alloc(run->arena, cap * sizeof *more);
            if (run->n_changes) memcpy(more, run->changes, run->n_changes * sizeof *more);
            run->changes = more;
            run->cap_changes = cap;
        }
        run->changes[run->n_changes++] = (struct assay_verdict_change){
            .scheme = assay_arena_dup(run->arena, assay_str_c(b->cfg->schemes[i].code)),
            .provider = assay_arena_dup(run->arena, p->code),
            .order = assay_arena_dup(run->arena, order),
            .before = before[i].outcome,
            .after = after[i].outcome};
    }
}

struct mark {
    struct assay_record_key key;
    bool cleared;
};

/* Of an order's stored records those that a new void names, or none any more. Both may be many. */
static void mark_voided(struct batch *b, const struct touch *t, const struct touch *end, struct assay_folded_record *recs,
                        size_t n) {
    struct mark *marks = assay_arena_alloc(&b->scratch, (size_t)(end - t) * sizeof *marks);
    size_t count = 0;
    for (const struct touch *x = t; x < end; x++)
        if (!x->item) marks[count++] = (struct mark){*x->voided, x->cleared};
    if (count == 0) return;
    qsort(marks, count, sizeof *marks, assay_record_key_cmp);
    for (size_t i = 0; i < n; i++) {
        struct assay_record_key key = {t->key.provider_id, recs[i].record.kind, recs[i].record.id};
        const struct mark *m = bsearch(&key, marks, count, sizeof *marks, assay_record_key_cmp);
        if (m) recs[i].voided = !m->cleared;
    }
}

/* All touches [t, end) are of one order: fold it as it was and as it is now. */
static enum assay_status refold_order(struct batch *b, const struct voids *voids, struct touch *t, struct touch *end,
                                      struct assay_error *e) {
    const struct assay_order_row *row = NULL;
    struct assay_folded_record *old = NULL;
    size_t n_old = 0, n = 0, extra = 0;
    for (struct touch *x = t; x < end; x++) {
        if (!row) row = stored_order(b, x);
        extra += x->item != NULL;
    }
    enum assay_status st = row ? assay_packed_read(row->packed, &b->scratch, &old, &n_old, e) : ASSAY_OK;
    if (st) return st;
    if (n_old + extra > ORDER_RECORDS_MAX) {
        refuse_new(b, t, end);
        if (extra == (size_t)(end - t)) return ASSAY_OK;
    }
    struct assay_folded_record *recs = assay_arena_alloc(&b->scratch, (n_old + extra + 1) * sizeof *recs);
    struct assay_verdict_row *before = assay_arena_zalloc(&b->scratch, (verdicts_max(b) + 1) * sizeof *before);
    if (n_old) {
        struct assay_order was;
        memcpy(recs, old, n_old * sizeof *recs);
        assay_order_fold(old, n_old, &b->scratch, &was);
        count_order(b, &was, t->key, -1, before);
    }
    n = n_old;
    bool append_only = row != NULL;
    for (struct touch *x = t; x < end; x++) {
        if (x->item && x->item->status) continue;
        if (x->item) {
            size_t pos = 0;
            struct assay_folded_record *r = &recs[n++];
            st = assay_record_unpack(x->item->packed, &pos, &b->scratch, &r->record, &r->voided);
            if (st) return assay_fail(e, st, "", "a packed record could not be read back");
            r->voided = void_waits(b, voids, x->item);
            append_only = append_only && !r->voided;
            continue;
        }
        append_only = false;
    }
    mark_voided(b, t, end, recs, n_old);
    struct folded *folded = &b->folded[b->n_orders];
    struct assay_order_row *now = &b->orders[b->n_orders++];
    struct assay_str packed;
    if (append_only) {
        struct assay_buf buf = {0};
        assay_buf_reserve(&buf, row->packed.n + 64 * extra);
        assay_buf_add(&buf, row->packed.p, row->packed.n);
        for (struct touch *x = t; x < end; x++) assay_buf_add(&buf, x->item->packed.p, x->item->packed.n);
        packed = assay_arena_dup(b->a, assay_buf_str(&buf));
        assay_buf_free(&buf);
    } else {
        pack_all(recs, n, b->a, &packed);
    }
    struct assay_order is;
    assay_order_fold(recs, n, &b->scratch, &is);
    assay_order_row_of(&is, t->key, now);
    now->packed = packed;
    now->fresh = row == NULL;
    struct assay_verdict_row *after = &b->verdicts[b->n_verdicts];
    size_t n_after = count_order(b, &is, t->key, +1, after);
    if (b->run->mode == ASSAY_INGEST_TRIAL)
        tell_changes(b, assay_config_provider_by_id(b->cfg, t->key.provider_id), t->key.order_no, before, after);
    /* Only verdicts that changed are written; an order never judged and not existing has none. */
    size_t kept = 0, told = 0; /* what is not in force yet is no news */
    for (size_t i = 0; i < n_after; i++) {
        if (i == b->cfg->n_schemes) told = kept;
        bool unchanged = n_old ? assay_verdict_row_equal(&before[i], &after[i]) : after[i].outcome == ASSAY_OUTCOME_NONE;
        if (unchanged) continue;
        after[i].fresh = row == NULL;
        after[kept++] = after[i];
    }
    if (n_after == b->cfg->n_schemes) told = kept;
    b->n_verdicts += kept;
    *folded = (struct folded){t, end, after, told};
    return ASSAY_OK;
}

enum assay_status assay_batch_refold(struct batch *b, const struct voids *voids, struct assay_error *e) {
    b->orders = assay_arena_alloc(b->a, (b->n_touches + 1) * sizeof *b->orders);
    b->verdicts = assay_arena_alloc(b->a, (b->n_touches + 1) * verdicts_max(b) * sizeof *b->verdicts);
    b->folded = assay_arena_alloc(b->a, (b->n_touches + 1) * sizeof *b->folded);
    for (size_t i = 0, j; i < b->n_touches; i = j) {
        for (j = i + 1; j < b->n_touches && assay_batch_order_cmp(&b->touches[i].key, &b->touches[j].key) == 0; j++) continue;
        enum assay_status st = refold_order(b, voids, &b->touches[i], &b->touches[j], e);
        assay_arena_reset(&b->scratch);
        if (st) return st;
    }
    return ASSAY_OK;
}
