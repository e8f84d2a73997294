/* ingest.c -- the one write path (DOMAIN 2.5): a batch of records becomes facts, orders, verdicts and tallies in one
 * transaction.
 *
 * Under the heads' locks: look up ids and order rows, decide what is new, fold each touched order from the records it had
 * and those that came, judge it before and after under every scheme, and write the differences. What an order adds to the
 * tallies is always a function of its packed records and the configuration, so "before" is computed, not remembered.
 *
 * While a recomputation fills the other sheets, what it has reached is written to both: the sheets in force judged by the
 * configuration as it is, the others by that which will be. */
#include <stdlib.h>
#include <time.h>

#include "service/internal.h"

/* Records an order may hold: folding costs their number, so that one order must not grow without end. */
#define ORDER_RECORDS_MAX 10000
/* A mode of this file only: write all, then roll back, to see whether the database would take it. */
#define REHEARSAL ((enum assay_ingest_mode)(ASSAY_INGEST_TRIAL + 1))
/* Tries of a transaction that met a deadlock, a moved configuration or a lost connection. */
#define TRIES 6

void assay_item_of_record(const struct assay_record *r, enum assay_party party, assay_instant received_at, struct assay_arena *a,
                          struct assay_item *out) {
    struct assay_buf content = {0}, packed = {0};
    assay_record_content(r, &content);
    assay_record_pack(r, false, &packed);
    *out = (struct assay_item){.kind = r->kind,
                               .target_kind = r->target_kind,
                               .type = r->type,
                               .party = party,
                               .provider = r->provider,
                               .id = r->id,
                               .order = r->type == ASSAY_EVENT_VOIDED ? ASSAY_STR_NONE : r->order,
                               .content = assay_arena_dup(a, assay_buf_str(&content)),
                               .packed = assay_arena_dup(a, assay_buf_str(&packed)),
                               .target = r->target,
                               .at = r->at,
                               .received_at = received_at};
    assay_buf_free(&content);
    assay_buf_free(&packed);
}

struct assay_item assay_item_dup(const struct assay_item *it, struct assay_arena *a) {
    struct assay_item k = *it;
    k.provider = assay_arena_dup(a, it->provider), k.order = assay_arena_dup(a, it->order), k.id = assay_arena_dup(a, it->id);
    k.target = assay_arena_dup(a, it->target), k.content = assay_arena_dup(a, it->content),
    k.packed = assay_arena_dup(a, it->packed), k.original = assay_arena_dup(a, it->original);
    return k;
}

/* --- one attempt ------------------------------------------------------------------------------------------------------- */

struct touch { /* an order that something happens to */
    struct assay_order_key key;
    const struct assay_item *by;           /* the record that does it: of the order, or a void */
    const struct assay_item *item;         /* a new record of it, or NULL: */
    const struct assay_record_key *voided; /* a stored record of it that a new void names */
    const struct assay_order_row *stored;  /* known from the void's target */
    bool cleared;                          /* ... or which no void names any more */
};

struct folded;
struct batch {
    struct assay_session *s;
    const struct assay_config *cfg;
    struct assay_ingest_run *run;
    struct assay_arena *a;      /* of the batch */
    struct assay_arena scratch; /* of one order: a batch may touch many large ones */
    struct assay_item *items;
    size_t n;
    bool again;                 /* an earlier attempt's commit may have happened */
    struct assay_item **sorted; /* known providers only, by (provider, kind, id, position) */
    size_t n_sorted;
    struct assay_ingest_load load;
    struct touch *touches;
    size_t n_touches, cap_touches;
    struct assay_tally_sums sums, ahead; /* of the sheets in force, and of those that a recomputation fills */
    /* being built */
    struct assay_order_row *orders;
    struct assay_verdict_row *verdicts;
    struct folded *folded; /* as orders */
    int64_t n_numbered;    /* records that took a number */
    size_t n_orders, n_verdicts;
};

struct folded { /* what an order came from, and what it gave: for the feed of changes */
    const struct touch *first, *end;
    const struct assay_verdict_row *verdicts;
    size_t n_verdicts;
};

#define COMPARE(x, y) \
    if ((x) != (y)) return (x) < (y) ? -1 : 1

static int by_record_key(const void *x, const void *y) {
    const struct assay_item *a = *(struct assay_item *const *)x, *b = *(struct assay_item *const *)y;
    COMPARE(a->provider_id, b->provider_id);
    COMPARE(a->kind, b->kind);
    int c = assay_str_cmp(a->id, b->id);
    if (c) return c;
    COMPARE(a, b); /* position: items are one array */
    return 0;
}

static int order_key_cmp(const struct assay_order_key *a, const struct assay_order_key *b) {
    COMPARE(a->provider_id, b->provider_id);
    return assay_str_cmp(a->order_no, b->order_no);
}

static int by_order_key(const void *x, const void *y) { return order_key_cmp(x, y); }
static int by_touch(const void *x, const void *y) {
    return order_key_cmp(&((const struct touch *)x)->key, &((const struct touch *)y)->key);
}

static int by_id(const void *x, const void *y) {
    COMPARE(*(const int32_t *)x, *(const int32_t *)y);
    return 0;
}

static bool same_key(const struct assay_item *a, const struct assay_item *b) {
    return a->provider_id == b->provider_id && a->kind == b->kind && assay_str_eq(a->id, b->id);
}

static void resolve_providers(struct batch *b) {
    b->sorted = assay_arena_alloc(b->a, b->n * sizeof *b->sorted);
    for (size_t i = 0; i < b->n; i++) {
        struct assay_item *it = &b->items[i];
        const struct assay_config_provider *p = assay_config_provider(b->cfg, it->provider);
        it->status = p ? ASSAY_OK : ASSAY_UNKNOWN_PROVIDER;
        it->duplicate = it->fresh = false;
        it->detail = NULL;
        if (!p) continue;
        it->provider_id = p->id;
        b->sorted[b->n_sorted++] = it;
    }
    qsort(b->sorted, b->n_sorted, sizeof *b->sorted, by_record_key);
}

/* What must be read under the locks. */
static void list_wants(struct batch *b) {
    size_t n = b->n_sorted;
    int32_t *providers = assay_arena_alloc(b->a, n * sizeof *providers);
    struct assay_record_key *keys = assay_arena_alloc(b->a, n * sizeof *keys),
                            *targets = assay_arena_alloc(b->a, n * sizeof *targets);
    struct assay_order_key *orders = assay_arena_alloc(b->a, n * sizeof *orders);
    size_t np = 0, no = 0, nt = 0;
    for (size_t i = 0; i < n; i++) {
        const struct assay_item *it = b->sorted[i];
        if (np == 0 || providers[np - 1] != it->provider_id) providers[np++] = it->provider_id;
        keys[i] = (struct assay_record_key){it->provider_id, it->kind, it->id};
        if (it->order.p) orders[no++] = (struct assay_order_key){it->provider_id, it->order};
        if (it->type == ASSAY_EVENT_VOIDED)
            targets[nt++] = (struct assay_record_key){it->provider_id, it->target_kind, it->target};
    }
    if (no) qsort(orders, no, sizeof *orders, by_order_key);
    size_t unique = 0;
    for (size_t i = 0; i < no; i++)
        if (unique == 0 || order_key_cmp(&orders[unique - 1], &orders[i])) orders[unique++] = orders[i];
    b->load = (struct assay_ingest_load){.providers = providers,
                                         .n_providers = np,
                                         .keys = keys,
                                         .n_keys = n,
                                         .orders = orders,
                                         .n_orders = unique,
                                         .targets = targets,
                                         .n_targets = nt,
                                         .snapshot = b->run->mode == ASSAY_INGEST_TRIAL};
}

static bool same_content(const struct assay_item *it, enum assay_type type, struct assay_str order, assay_instant at,
                         struct assay_str content) {
    return it->type == type && it->at == at && assay_str_eq(it->order, order) && assay_str_eq(it->content, content);
}

/* An item whose id stands already, in the database or earlier in the batch: a duplicate or a conflict. */
static void settle_repeated(struct assay_item *it, bool equal) {
    it->duplicate = equal;
    it->status = equal ? ASSAY_OK : ASSAY_ID_CONFLICT;
    if (!equal) it->detail = "a record with this id and other content was accepted before; the first stands";
}

static size_t decide_new(struct batch *b) {
    size_t fresh = 0;
    const struct assay_item *first = NULL; /* of the run of equal ids */
    for (size_t i = 0; i < b->n_sorted; i++) {
        struct assay_item *it = b->sorted[i];
        const struct assay_record_row *row = b->load.found[i];
        if (row) {
            settle_repeated(it, same_content(it, row->type, row->order_no, row->at, row->content));
            /* Ours from an attempt whose commit we did not hear of. */
            if (it->duplicate && b->again && row->received_at == it->received_at && row->upload_id == it->upload_id)
                it->duplicate = false;
        } else if (first && same_key(first, it)) {
            settle_repeated(it, same_content(it, first->type, first->order, first->at, first->content));
        } else {
            it->fresh = true;
            first = it;
            fresh++;
        }
    }
    return fresh;
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

/* Has the recomputation under way reached this order (NONE: the responses that name none)? */
static bool is_reached(const struct batch *b, int32_t provider_id, struct assay_str order_no) {
    if (!b->load.recomputation) return false;
    const int32_t *at = bsearch(&provider_id, b->load.providers, b->load.n_providers, sizeof *at, by_id);
    return at && assay_position_covers(&b->load.positions[at - b->load.providers], order_no);
}

static struct assay_tally_sums *sums_of(struct batch *b, const struct assay_config *cfg) {
    return cfg == b->cfg ? &b->sums : &b->ahead;
}

static void count_survey_under(struct batch *b, const struct assay_config *cfg, const struct assay_config_scheme *scheme,
                               int32_t provider_id, const struct assay_record *survey, int sign) {
    struct assay_contribution c;
    assay_judge_loose_survey(scheme, survey, &c);
    assay_tally_sums_add(sums_of(b, cfg), provider_id, assay_config_sheet(cfg, provider_id, scheme->id), &c, sign);
}

static void count_loose_survey(struct batch *b, int32_t provider_id, const struct assay_record *survey, int sign) {
    const struct assay_config *next = b->cfg->next;
    for (size_t i = 0; i < b->cfg->n_schemes; i++) count_survey_under(b, b->cfg, &b->cfg->schemes[i], provider_id, survey, sign);
    if (!is_reached(b, provider_id, ASSAY_STR_NONE)) return;
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

struct voids { /* what the batch's new voids name, unique, by key; and what no void names any more */
    struct assay_record_key *keys, *cleared;
    size_t n, n_cleared;
};

static bool voids_have(const struct voids *v, int32_t provider_id, enum assay_kind kind, struct assay_str id) {
    struct assay_record_key key = {provider_id, kind, id};
    return v->n && bsearch(&key, v->keys, v->n, sizeof key, assay_record_key_cmp);
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
            bool voided = b->load.voided[i] || voids_have(voids, it->provider_id, it->kind, it->id);
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

/* --- folding ---------------------------------------------------------------------------------------------------------- */

static const struct assay_order_row *stored_order(const struct batch *b, const struct touch *t) {
    if (t->stored) return t->stored;
    const struct assay_order_key *found = b->load.n_orders
                                              ? bsearch(&t->key, b->load.orders, b->load.n_orders, sizeof *found, by_order_key)
                                              : NULL;
    return found ? b->load.order_rows[found - b->load.orders] : NULL;
}

/* Whether a new item is voided on arrival. Its position among the sorted items is that of load.voided. */
static bool void_waits(struct batch *b, const struct voids *v, const struct assay_item *it) {
    struct assay_item **at = bsearch(&it, b->sorted, b->n_sorted, sizeof *b->sorted, by_record_key);
    return (at && b->load.voided[at - b->sorted]) || voids_have(v, it->provider_id, it->kind, it->id);
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
    assay_tally_sums_add(sums_of(b, cfg), key.provider_id, j.row.scheme_id, &j.contribution, sign);
    *row = j.row;
}

/* What an order is under each scheme, on every sheet that has it, goes out of the tallies (sign -1) or into them (+1).
 * Rows take the verdicts, as many as are returned: always the same ones for one order of a batch. */
static size_t count_order(struct batch *b, const struct assay_order *o, struct assay_order_key key, int sign,
                          struct assay_verdict_row *rows) {
    const struct assay_config *next = b->cfg->next;
    size_t n = 0;
    for (size_t i = 0; i < b->cfg->n_schemes; i++) count_under(b, b->cfg, &b->cfg->schemes[i], o, key, sign, &rows[n++]);
    if (!is_reached(b, key.provider_id, key.order_no)) return n;
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

static enum assay_status refold_touched(struct batch *b, const struct voids *voids, struct assay_error *e) {
    b->orders = assay_arena_alloc(b->a, (b->n_touches + 1) * sizeof *b->orders);
    b->verdicts = assay_arena_alloc(b->a, (b->n_touches + 1) * verdicts_max(b) * sizeof *b->verdicts);
    b->folded = assay_arena_alloc(b->a, (b->n_touches + 1) * sizeof *b->folded);
    for (size_t i = 0, j; i < b->n_touches; i = j) {
        for (j = i + 1; j < b->n_touches && order_key_cmp(&b->touches[i].key, &b->touches[j].key) == 0; j++) continue;
        enum assay_status st = refold_order(b, voids, &b->touches[i], &b->touches[j], e);
        assay_arena_reset(&b->scratch);
        if (st) return st;
    }
    return ASSAY_OK;
}

/* Records in the order they came; each new one takes the next number of its provider. */
static struct assay_record_row *number_records(struct batch *b, size_t fresh, size_t *count) {
    struct assay_record_row *rows = assay_arena_alloc(b->a, fresh * sizeof *rows);
    size_t n = 0, h = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct assay_item *it = &b->items[i];
        if (!it->fresh || it->status) continue;
        /* Most batches are runs of one provider. */
        if (b->load.providers[h] != it->provider_id) {
            size_t lo = 0, hi = b->load.n_providers;
            while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                if (b->load.providers[mid] < it->provider_id) lo = mid + 1;
                else hi = mid;
            }
            h = lo;
        }
        struct assay_head *head = &b->load.heads[h];
        if (head->last_record_at == ASSAY_NO_INSTANT || head->last_record_at < it->received_at)
            head->last_record_at = it->received_at;
        rows[n++] = (struct assay_record_row){.key = {it->provider_id, it->kind, it->id},
                                              .type = it->type,
                                              .order_no = it->order,
                                              .content = it->content,
                                              .at = it->at,
                                              .received_at = it->received_at,
                                              .seq = it->seq = ++head->seq,
                                              .upload_id = it->upload_id,
                                              .party = it->party};
    }
    *count = n;
    b->n_numbered = (int64_t)n;
    return rows;
}

/* Whoever repeated a record that was refused after all is refused with it. */
static void settle_refused(struct batch *b) {
    const struct assay_item *first = NULL;
    for (size_t i = 0; i < b->n_sorted; i++) {
        struct assay_item *it = b->sorted[i];
        if (it->fresh) first = it;
        else if (first && first->status && same_key(first, it) && it->duplicate)
            it->status = first->status, it->detail = first->detail, it->duplicate = false;
    }
}

/* What the batch does to orders, verdicts and tallies. */
static enum assay_status fold_batch(struct batch *b, struct voids *voids, struct assay_error *e) {
    b->sums.arena = b->ahead.arena = b->a;
    enum assay_status st = takes_voids_back(b) ? list_taken_back(b, voids, e) : list_touches(b, voids, e);
    if (!st) st = refold_touched(b, voids, e);
    if (st) return st;
    settle_refused(b);
    assay_tally_sums_close(&b->sums);
    assay_tally_sums_close(&b->ahead);
    return ASSAY_OK;
}

/* Once the records have their numbers. An order has the last that its records took. Where voids are taken back no record
 * alone is why an order changes; but each that changes has at least one void in the batch, so its numbers are enough. */
static struct assay_change_row *list_changes(struct batch *b, size_t *n) {
    struct assay_touched *orders = assay_arena_alloc(b->a, (b->n_orders + 1) * sizeof *orders);
    int64_t below = 0; /* the head's number, less what was given to orders of the provider */
    for (size_t i = 0, h = 0; i < b->n_orders; i++) {
        const struct folded *f = &b->folded[i];
        orders[i] = (struct assay_touched){.key = b->orders[i].key, .verdicts = f->verdicts, .n_verdicts = f->n_verdicts};
        for (const struct touch *t = f->first; t < f->end; t++)
            if (t->by && !t->by->status && t->by->seq > orders[i].seq) orders[i].seq = t->by->seq;
        if (i == 0 || orders[i].key.provider_id != orders[i - 1].key.provider_id) {
            while (b->load.heads[h].provider_id != orders[i].key.provider_id) h++;
            below = b->load.heads[h].seq;
        }
        if (!f->first->by) orders[i].seq = below--;
    }
    return assay_changes_make(orders, b->n_orders, &b->sums, b->load.heads, b->load.n_providers, b->load.place, b->a, n);
}

/* All that is added to tallies and pay, in the order of their keys. */
static struct assay_tally_sums all_sums(struct batch *b) {
    struct assay_tally_sums all = b->sums;
    if (b->ahead.n + b->ahead.n_pays == 0) return all;
    all.rows = assay_arena_alloc(b->a, (b->sums.n + b->ahead.n + 1) * sizeof *all.rows);
    all.pays = assay_arena_alloc(b->a, (b->sums.n_pays + b->ahead.n_pays + 1) * sizeof *all.pays);
    for (size_t i = 0; i < b->sums.n; i++) all.rows[i] = b->sums.rows[i];
    for (size_t i = 0; i < b->ahead.n; i++) all.rows[all.n++] = b->ahead.rows[i];
    for (size_t i = 0; i < b->sums.n_pays; i++) all.pays[i] = b->sums.pays[i];
    for (size_t i = 0; i < b->ahead.n_pays; i++) all.pays[all.n_pays++] = b->ahead.pays[i];
    assay_tally_sums_close(&all);
    return all;
}

static enum assay_status write_batch(struct batch *b, const struct voids *voids, size_t fresh, struct assay_error *e) {
    struct assay_tally_sums all = all_sums(b);
    struct assay_ingest_save save = {.voided = voids->keys,
                                     .n_voided = voids->n,
                                     .cleared = voids->cleared,
                                     .n_cleared = voids->n_cleared,
                                     .orders = b->orders,
                                     .n_orders = b->n_orders,
                                     .verdicts = b->verdicts,
                                     .n_verdicts = b->n_verdicts,
                                     .tallies = all.rows,
                                     .n_tallies = all.n,
                                     .pays = all.pays,
                                     .n_pays = all.n_pays,
                                     .heads = b->load.heads,
                                     .n_heads = b->load.n_providers,
                                     .finish = b->run->finish};
    save.records = number_records(b, fresh, &save.n_records);
    save.changes = list_changes(b, &save.n_changes);
    return assay_store_ingest_save(b->s->db, &save, b->run->mode != REHEARSAL, e);
}

/* An upload that ends with its records has their counts. */
static void count_results(const struct batch *b) {
    struct assay_upload_row *u = b->run->finish;
    if (!u || b->run->counted) return;
    u->accepted = u->duplicates = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].duplicate) u->duplicates++;
        else u->accepted++;
    }
}

static bool all_good(const struct batch *b) {
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].status) return false;
    return true;
}

/* The transaction is open and what stands is loaded. Ends it. */
static enum assay_status decide_and_write(struct batch *b, struct assay_error *e) {
    struct assay_ingest_run *run = b->run;
    struct voids voids = {0};
    size_t fresh = decide_new(b);
    enum assay_status st = fresh ? fold_batch(b, &voids, e) : ASSAY_OK; /* nothing new: take no number, move no revision */
    run->kept = !st && all_good(b);
    bool writes = fresh && run->mode != ASSAY_INGEST_TRIAL && (run->mode != ASSAY_INGEST_ALL || run->kept);
    if (!st && writes) {
        count_results(b);
        st = write_batch(b, &voids, fresh, e);
        run->finished = !st && run->finish;
    }
    bool committed = !st && writes && run->mode != REHEARSAL;
    if (!committed) assay_db_rollback(b->s->db);
    /* Before anyone is answered. Where nothing was written, what stands already may be another daemon's, or ours from a
     * commit that we did not hear of. */
    if (!st && !b->load.snapshot)
        assay_revisions_note(b->s->service->revisions, b->load.heads, b->load.n_providers, committed ? 0 : 1);
    if (committed) assay_service_committed(b->s->service, b->load.providers, b->load.n_providers, b->n_numbered);
    return st;
}

/* ASSAY_PRECONDITION_FAILED: the configuration moved; refresh and try again. */
static enum assay_status attempt(struct assay_session *s, const struct assay_config *cfg, struct assay_item *items, size_t n,
                                 struct assay_ingest_run *run, bool again, struct assay_arena *a, struct assay_error *e) {
    struct batch b = {.s = s, .cfg = cfg, .run = run, .a = a, .items = items, .n = n, .again = again};
    run->kept = run->finished = false;
    resolve_providers(&b);
    if (b.n_sorted < n) { /* a provider we do not know may be new */
        int64_t revision;
        enum assay_status st = assay_store_config_revision(s->db, &revision, e);
        if (st) return st;
        if (revision != cfg->revision) return ASSAY_PRECONDITION_FAILED;
    }
    if (b.n_sorted == 0) return ASSAY_OK;
    list_wants(&b);
    b.load.recomputation = cfg->next && cfg->recomputation && !b.load.snapshot ? cfg->recomputation->id : 0;
    enum assay_status st = assay_store_ingest_begin(s->db, &b.load, a, e);
    if (st) return st;
    if (b.load.config_revision != cfg->revision) {
        assay_db_rollback(s->db);
        return ASSAY_PRECONDITION_FAILED;
    }
    st = decide_and_write(&b, e);
    assay_arena_free(&b.scratch);
    return st;
}

/* --- retries and poison ------------------------------------------------------------------------------------------------- */

static void pause_before(int try) {
    unsigned jitter = (unsigned)assay_clock_monotonic_us() % 1000;
    struct timespec t = {0, (long)(((unsigned)1 << try) * 2000 + jitter) * 1000};
    nanosleep(&t, NULL);
}

static void fail_all(struct assay_item *items, size_t n, enum assay_status st) {
    for (size_t i = 0; i < n; i++) items[i].status = st, items[i].duplicate = items[i].fresh = false;
}

/* All or nothing, and the database would not take it: which records it is, by rehearsing halves. Where all of them can be
 * taken apart, none is to blame and the failure stays. */
static enum assay_status find_poison(struct assay_session *s, struct assay_item *items, size_t n, enum assay_status why,
                                     struct assay_error *e) {
    struct assay_ingest_run rehearsal = {.mode = REHEARSAL};
    struct assay_error ignored;
    enum assay_status st = n > 1 ? assay_ingest_run(s, items, n / 2, &rehearsal, &ignored) : ASSAY_OK;
    if (!st && n > 1) st = assay_ingest_run(s, items + n / 2, n - n / 2, &rehearsal, &ignored);
    if (n == 1) items[0].status = why;
    bool found = false;
    for (size_t i = 0; i < n; i++) found = found || items[i].status;
    if (st) return assay_fail(e, st, "", "%s", ignored.detail);
    return found ? ASSAY_OK : why;
}

/* For the metrics: what was decided for good. */
static void meter_results(struct assay_service *s, const struct assay_ingest_run *run, const struct assay_item *items, size_t n) {
    bool decided = run->mode == ASSAY_INGEST_EACH || (run->mode == ASSAY_INGEST_ALL && run->kept);
    for (size_t i = 0; decided && i < n; i++) {
        const struct assay_item *it = &items[i];
        enum assay_result r = it->status ? ASSAY_RESULT_REFUSED : it->duplicate ? ASSAY_RESULT_DUPLICATE : ASSAY_RESULT_ACCEPTED;
        atomic_fetch_add_explicit(&s->counts.records[it->kind][r], 1, memory_order_relaxed);
    }
}

enum assay_status assay_ingest_apply(struct assay_session *s, struct assay_item *items, size_t n, struct assay_error *e) {
    struct assay_ingest_run each = {.mode = ASSAY_INGEST_EACH};
    return assay_ingest_run(s, items, n, &each, e);
}

enum assay_status assay_ingest_run(struct assay_session *s, struct assay_item *items, size_t n, struct assay_ingest_run *run,
                                   struct assay_error *e) {
    enum assay_status st = ASSAY_OK;
    struct assay_arena arena = {0};
    bool again = false;
    size_t told = run->n_changes;
    run->kept = run->finished = false;
    if (n == 0) return run->kept = true, ASSAY_OK;
    for (int try = 0; try < TRIES; try++) {
        const struct assay_config *cfg = assay_service_config(s->service);
        assay_arena_reset(&arena);
        run->n_changes = told;
        st = attempt(s, cfg, items, n, run, again, &arena, e);
        assay_config_release(cfg);
        if (st == ASSAY_PRECONDITION_FAILED) {
            /* Nothing was written: until an attempt says so itself, the answer is "try again". */
            enum assay_status refreshed = assay_config_refresh(s->service, s->db, e);
            st = refreshed ? refreshed : assay_fail(e, ASSAY_RETRY, "", "the configuration keeps changing");
        }
        if (st != ASSAY_RETRY && st != ASSAY_DATABASE_UNAVAILABLE) break;
        if (st == ASSAY_DATABASE_UNAVAILABLE) again = true; /* a commit may have gone through unheard */
        pause_before(try);
        struct assay_error lost;
        if (assay_db_restore(s->db, &lost)) continue;
    }
    assay_arena_free(&arena);
    if (st == ASSAY_OK) {
        meter_results(s->service, run, items, n);
        return ASSAY_OK;
    }
    struct assay_error ignored;
    bool usable = assay_db_restore(s->db, &ignored) == ASSAY_OK;
    bool poison = st == ASSAY_DATABASE || st == ASSAY_INTERNAL;
    if (run->mode == ASSAY_INGEST_ALL && poison && usable) return find_poison(s, items, n, st, e);
    if (poison && n > 1 && usable && run->mode != ASSAY_INGEST_ALL) {
        /* One record the database will not take, or one damaged order, must not fail its neighbours. */
        enum assay_status left = assay_ingest_run(s, items, n / 2, run, e),
                          right = assay_ingest_run(s, items + n / 2, n - n / 2, run, e);
        return left ? left : right;
    }
    fail_all(items, n, st);
    if (poison) meter_results(s->service, run, items, n);
    return poison ? ASSAY_OK : st; /* poison is a result, an absent database is not */
}
