/* ingest.c -- the one write path (DOMAIN 2.5): a batch of records becomes facts, orders, verdicts and tallies in one
 * transaction.
 *
 * Under the heads' locks: look up ids and order rows, decide what is new, fold each touched order from the records it had
 * and those that came, judge it before and after under every scheme, and write the differences. What an order adds to the
 * tallies is always a function of its packed records and the configuration, so "before" is computed, not remembered.
 *
 * While a recomputation fills the other sheets, what it has reached is written to both: the sheets in force judged by the
 * configuration as it is, the others by that which will be. */
#include <time.h>

#include "service/batch.h"

/* A mode of this file only: write all, then roll back, to see whether the database would take it. */
#define REHEARSAL ((enum assay_ingest_mode)(ASSAY_INGEST_TRIAL + 1))
/* Tries of a transaction that met a deadlock, a moved configuration or a lost connection. */
#define TRIES 6

void assay_item_of_record(const struct assay_record *r, const struct assay_sender *sender, assay_instant received_at,
                          struct assay_arena *a, struct assay_item *out) {
    struct assay_buf content = {0}, packed = {0};
    assay_record_content(r, &content);
    assay_record_pack(r, false, &packed);
    *out = (struct assay_item){.kind = r->kind,
                               .target_kind = r->target_kind,
                               .type = r->type,
                               .party = sender->party,
                               .foreign = assay_sender_is_foreign(sender, r),
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

/* --- what is new ---------------------------------------------------------------------------------------------------------- */

int assay_batch_by_record(const void *x, const void *y) {
    const struct assay_item *a = *(struct assay_item *const *)x, *b = *(struct assay_item *const *)y;
    COMPARE(a->provider_id, b->provider_id);
    COMPARE(a->kind, b->kind);
    int c = assay_str_cmp(a->id, b->id);
    if (c) return c;
    COMPARE(a, b); /* position: items are one array */
    return 0;
}

static bool same_key(const struct assay_item *a, const struct assay_item *b) {
    return a->provider_id == b->provider_id && a->kind == b->kind && assay_str_eq(a->id, b->id);
}

static void resolve_providers(struct batch *b) {
    b->sorted = assay_arena_alloc(b->a, b->n * sizeof *b->sorted);
    for (size_t i = 0; i < b->n; i++) {
        struct assay_item *it = &b->items[i];
        const struct assay_config_provider *p = it->foreign ? NULL : assay_config_provider(b->cfg, it->provider);
        it->status = p ? ASSAY_OK : ASSAY_UNKNOWN_PROVIDER;
        it->duplicate = it->fresh = false;
        it->detail = NULL;
        if (!p) continue;
        it->provider_id = p->id;
        b->sorted[b->n_sorted++] = it;
    }
    qsort(b->sorted, b->n_sorted, sizeof *b->sorted, assay_batch_by_record);
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
    if (no) qsort(orders, no, sizeof *orders, assay_batch_by_order);
    size_t unique = 0;
    for (size_t i = 0; i < no; i++)
        if (unique == 0 || assay_batch_order_cmp(&orders[unique - 1], &orders[i])) orders[unique++] = orders[i];
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

/* --- writing ------------------------------------------------------------------------------------------------------- */

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
    enum assay_status st = assay_batch_touches(b, voids, e);
    if (!st) st = assay_batch_refold(b, voids, e);
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
    enum assay_status st = assay_batch_settle_senders(b, &fresh, e);
    if (!st) st = fresh ? fold_batch(b, &voids, e) : ASSAY_OK; /* nothing new: take no number, move no revision */
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
