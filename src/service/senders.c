/* senders.c -- what a sender may not do any more because of what is known of an order (DOMAIN 2.1): once parts were requested
 * only the manufacturer cancels it, once it is closed only the manufacturer takes records of it back. Decided when a record is
 * taken, in the order in which records came; the fold never asks. What a sender may not do at all is core's (access.h). */
#include "service/batch.h"

/* What came of an order, in the order in which it came: its own records, and voids of its stored ones. */
struct arrival {
    struct assay_order_key key;
    struct assay_item *item;
    size_t sorted; /* its place there */
    const struct assay_order_row *row;
};

struct known { /* the order, as far as it is known when an arrival is judged */
    struct assay_folded_record *records;
    size_t n;
    bool requested; /* parts were, at some time */
    bool closed;
    bool moved; /* since `closed` was found */
};

/* line: of an upload; all 0 where single records came together. */
static bool came_before(const struct assay_item *a, const struct assay_item *b) {
    return a->line != b->line ? a->line < b->line : a < b;
}

static int by_arrival(const void *x, const void *y) {
    const struct arrival *a = x, *b = y;
    int c = assay_batch_order_cmp(&a->key, &b->key);
    if (c) return c;
    return came_before(a->item, b->item) ? -1 : came_before(b->item, a->item);
}

static bool is_judged(const struct assay_item *it) {
    return it->fresh && it->party != ASSAY_PARTY_MANUFACTURER &&
           (it->type == ASSAY_ORDER_CANCELLED || it->type == ASSAY_EVENT_VOIDED);
}

static bool none_is_judged(const struct batch *b) {
    for (size_t i = 0; i < b->n_sorted; i++)
        if (is_judged(b->sorted[i])) return false;
    return true;
}

static bool moves_state(enum assay_type t) {
    return t == ASSAY_ORDER_OPENED || t == ASSAY_DISPATCHED || t == ASSAY_ORDER_CLOSED_EVENT || t == ASSAY_ORDER_CANCELLED ||
           t == ASSAY_ORDER_REOPENED;
}

/* The item of the batch that a void names, where it came before the void: else it is not known yet. */
static const struct assay_item *target_item(const struct batch *b, const struct assay_item *it) {
    size_t lo = 0, hi = b->n_sorted;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct assay_item *x = b->sorted[mid];
        int c = (x->provider_id > it->provider_id) - (x->provider_id < it->provider_id);
        if (!c) c = (x->kind > it->target_kind) - (x->kind < it->target_kind);
        if (!c) c = assay_str_cmp(x->id, it->target);
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    const struct assay_item *x = lo < b->n_sorted ? b->sorted[lo] : NULL;
    bool same = x && x->provider_id == it->provider_id && x->kind == it->target_kind && assay_str_eq(x->id, it->target);
    return same && x->fresh && came_before(x, it) ? x : NULL;
}

static void refuse(struct batch *b, const struct arrival *x, enum assay_status why, const char *detail) {
    /* Whoever repeated it in this batch is refused with it. */
    for (size_t i = x->sorted; i < b->n_sorted; i++) {
        struct assay_item *it = b->sorted[i];
        bool same = it->provider_id == x->item->provider_id && it->kind == x->item->kind && assay_str_eq(it->id, x->item->id);
        if (!same) return;
        if (it != x->item && !it->duplicate) continue;
        it->fresh = it->duplicate = false;
        it->status = why;
        it->detail = detail;
    }
}

static const struct assay_order_row *stored_row(const struct batch *b, const struct assay_order_key *key) {
    const struct assay_order_key *found =
        b->load.n_orders ? bsearch(key, b->load.orders, b->load.n_orders, sizeof *found, assay_batch_by_order) : NULL;
    return found ? b->load.order_rows[found - b->load.orders] : NULL;
}

/* A provider may take back only observations of its own. */
static bool is_anothers(const struct assay_item *it, const struct assay_record_row *row, const struct assay_item *target) {
    if (it->party != ASSAY_PARTY_PROVIDER || it->target_kind != ASSAY_KIND_OBSERVATION) return false;
    return row ? row->party != it->party : !target || target->party != it->party;
}

/* Returns how many; *refused: voids that belong to no order and may not be. */
static size_t list_arrivals(struct batch *b, struct arrival *out, size_t *refused) {
    size_t n = 0, target = 0;
    for (size_t i = 0; i < b->n_sorted; i++) {
        struct assay_item *it = b->sorted[i];
        bool is_void = it->type == ASSAY_EVENT_VOIDED;
        size_t t = is_void ? target++ : 0;
        struct arrival x = {.item = it, .sorted = i};
        if (!it->fresh) continue;
        if (!is_void) {
            if (!it->order.p) continue;
            x.key = (struct assay_order_key){it->provider_id, it->order};
            x.row = stored_row(b, &x.key);
        } else {
            const struct assay_record_row *row = b->load.target_rows[t];
            const struct assay_item *in_batch = row ? NULL : target_item(b, it);
            if (is_anothers(it, row, in_batch)) {
                refuse(b, &x, ASSAY_SENDER_NOT_ALLOWED, "a provider may take back only observations of its own");
                ++*refused;
                continue;
            }
            struct assay_str order = row ? row->order_no : in_batch ? in_batch->order : ASSAY_STR_NONE;
            if (!order.p) continue; /* not known yet, or of no order */
            x.key = (struct assay_order_key){it->provider_id, order};
            x.row = row ? b->load.target_orders[t] : stored_row(b, &x.key);
        }
        out[n++] = x;
    }
    qsort(out, n, sizeof *out, by_arrival);
    return n;
}

static enum assay_status begin_known(struct batch *b, const struct arrival *x, const struct arrival *end, struct known *k,
                                     struct assay_error *e) {
    const struct assay_order_row *row = NULL;
    struct assay_folded_record *old = NULL;
    size_t n_old = 0, extra = 0;
    for (const struct arrival *i = x; i < end; i++, extra++)
        if (!row) row = i->row;
    enum assay_status st = row ? assay_packed_read(row->packed, &b->scratch, &old, &n_old, e) : ASSAY_OK;
    if (st) return st;
    *k = (struct known){.records = assay_arena_alloc(&b->scratch, (n_old + extra + 1) * sizeof *k->records),
                        .n = n_old,
                        .closed = row && row->state == ASSAY_STATE_CLOSED};
    if (n_old) memcpy(k->records, old, n_old * sizeof *old);
    for (size_t i = 0; i < n_old; i++)
        k->requested = k->requested || (old[i].record.type == ASSAY_PART_REQUESTED && !old[i].voided);
    return ASSAY_OK;
}

static bool is_closed(struct batch *b, struct known *k) {
    if (k->moved) {
        struct assay_order o;
        assay_order_fold(k->records, k->n, &b->scratch, &o);
        k->closed = o.state == ASSAY_STATE_CLOSED;
        k->moved = false;
    }
    return k->closed;
}

static enum assay_status take(struct batch *b, const struct arrival *x, struct known *k, struct assay_error *e) {
    const struct assay_item *it = x->item;
    if (it->type == ASSAY_EVENT_VOIDED) {
        for (size_t i = 0; i < k->n; i++) {
            struct assay_folded_record *r = &k->records[i];
            if (r->record.kind != it->target_kind || !assay_str_eq(r->record.id, it->target)) continue;
            r->voided = true;
            k->moved = k->moved || moves_state(r->record.type);
        }
        return ASSAY_OK;
    }
    size_t pos = 0;
    struct assay_folded_record *r = &k->records[k->n++];
    enum assay_status st = assay_record_unpack(it->packed, &pos, &b->scratch, &r->record, &r->voided);
    if (st) return assay_fail(e, st, "", "a packed record could not be read back");
    r->voided = b->load.voided[x->sorted]; /* a void of it waited */
    k->requested = k->requested || (it->type == ASSAY_PART_REQUESTED && !r->voided);
    k->moved = k->moved || moves_state(it->type);
    return ASSAY_OK;
}

/* All arrivals [x, end) are of one order. */
static enum assay_status judge_order(struct batch *b, const struct arrival *x, const struct arrival *end, size_t *refused,
                                     struct assay_error *e) {
    struct known k;
    enum assay_status st = begin_known(b, x, end, &k, e);
    for (; x < end && !st; x++) {
        bool judged = is_judged(x->item);
        if (judged && x->item->type == ASSAY_ORDER_CANCELLED && k.requested) {
            refuse(b, x, ASSAY_SENDER_NOT_ALLOWED, "parts were requested: only the manufacturer may cancel the order");
            ++*refused;
        } else if (judged && x->item->type == ASSAY_EVENT_VOIDED && is_closed(b, &k)) {
            refuse(b, x, ASSAY_ORDER_CLOSED, "the order is closed: only the manufacturer may take back a record of it");
            ++*refused;
        } else {
            st = take(b, x, &k, e);
        }
    }
    return st;
}

enum assay_status assay_batch_settle_senders(struct batch *b, size_t *fresh, struct assay_error *e) {
    if (none_is_judged(b)) return ASSAY_OK;
    struct arrival *all = assay_arena_alloc(b->a, (b->n_sorted + 1) * sizeof *all);
    size_t refused = 0;
    size_t n = list_arrivals(b, all, &refused);
    enum assay_status st = ASSAY_OK;
    for (size_t i = 0, j; i < n && !st; i = j) {
        bool any = false;
        for (j = i; j < n && !assay_batch_order_cmp(&all[i].key, &all[j].key); j++) any = any || is_judged(all[j].item);
        if (any) st = judge_order(b, &all[i], &all[j], &refused, e);
        assay_arena_reset(&b->scratch);
    }
    *fresh -= refused;
    return st;
}
