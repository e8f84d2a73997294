/* batch.h -- one attempt of the write path, shared by the files that take its steps: ingest.c decides what is new and writes,
 * senders.c what its sender may do, touches.c says which orders that touches, refold.c folds and judges them. Nobody else includes it. */
#ifndef ASSAY_SERVICE_BATCH_H
#define ASSAY_SERVICE_BATCH_H

#include <stdlib.h>

#include "service/internal.h"

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

struct voids { /* what the batch's new voids name, unique, by key; and what no void names any more */
    struct assay_record_key *keys, *cleared;
    size_t n, n_cleared;
};

#define COMPARE(x, y) \
    if ((x) != (y)) return (x) < (y) ? -1 : 1

static inline int assay_batch_order_cmp(const struct assay_order_key *a, const struct assay_order_key *b) {
    COMPARE(a->provider_id, b->provider_id);
    return assay_str_cmp(a->order_no, b->order_no);
}

static inline int assay_batch_by_order(const void *x, const void *y) { return assay_batch_order_cmp(x, y); }

/* Those of the sheets in force, or of the ones being filled. */
static inline struct assay_tally_sums *assay_batch_sums(struct batch *b, const struct assay_config *cfg) {
    return cfg == b->cfg ? &b->sums : &b->ahead;
}

static inline bool assay_batch_voids_have(const struct voids *v, int32_t provider_id, enum assay_kind kind, struct assay_str id) {
    struct assay_record_key key = {provider_id, kind, id};
    return v->n && bsearch(&key, v->keys, v->n, sizeof key, assay_record_key_cmp);
}

/* Of pointers to items: provider, kind, id, then the order they came in. For qsort and bsearch in `sorted`. */
int assay_batch_by_record(const void *x, const void *y);
/* Has the recomputation under way reached this order (NONE: the responses that name none)? */
bool assay_batch_reaches(const struct batch *b, int32_t provider_id, struct assay_str order_no);
/* Refuses what its sender may not do as the order stands, and takes it off *fresh. Before the touches. */
enum assay_status assay_batch_settle_senders(struct batch *b, size_t *fresh, struct assay_error *e) ASSAY_MUST_CHECK;
/* Which orders the batch touches, and by what, into b->touches, sorted; which voids it brings or takes away. Counts what
 * belongs to no order. */
enum assay_status assay_batch_touches(struct batch *b, struct voids *voids, struct assay_error *e) ASSAY_MUST_CHECK;
/* Fold and judge each touched order, before and after: b->orders, verdicts, folded and sums. A record that an order cannot
 * take is refused by its status. */
enum assay_status assay_batch_refold(struct batch *b, const struct voids *voids, struct assay_error *e) ASSAY_MUST_CHECK;

#endif
