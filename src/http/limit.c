/* limit.c -- token buckets in a hash table that never grows.
 *
 * A bucket is counted in millionths of a token, so that a microsecond brings back exactly `per_second` of them and nothing
 * is ever rounded away. A full bucket says nothing that an absent one would not say, so it may be forgotten; where the few
 * places a key may stand in are all taken, the one untouched for longest is. That errs in favour of who asks: keys are few
 * and given out by the operator, and the queues behind this have bounds of their own. */
#include "http/limit.h"

#include <pthread.h>
#include <stdlib.h>

#define TOKEN INT64_C(1000000)
#define PLACES 8 /* where a key may stand, from its hash on */

struct bucket {
    uint64_t key; /* 0: free */
    int64_t tokens, at_us;
};
struct assay_http_limit {
    int64_t per_second, full;
    pthread_mutex_t lock;
    struct bucket buckets[ASSAY_HTTP_LIMIT_BUCKETS];
};

struct assay_http_limit *assay_http_limit_new(int64_t per_second, int64_t burst) {
    struct assay_http_limit *l = assay_xcalloc(1, sizeof *l);
    l->per_second = per_second;
    l->full = burst * TOKEN;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void assay_http_limit_free(struct assay_http_limit *l) {
    if (!l) return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* FNV-1a, then mixed so that the low bits depend on all. Names are ours, not the sender's to choose. */
static uint64_t hash(struct assay_str s) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    return h ? h : 1;
}

/* What has come back since. Never more than full, so the product is taken only where it is less than that. */
static void refill(const struct assay_http_limit *l, struct bucket *b, int64_t now_us) {
    int64_t passed = now_us - b->at_us, missing = l->full - b->tokens;
    if (passed <= 0) return;
    b->tokens = passed >= missing / l->per_second + 1 ? l->full : b->tokens + passed * l->per_second;
    if (b->tokens > l->full) b->tokens = l->full;
    b->at_us = now_us;
}

static struct bucket *find(struct assay_http_limit *l, uint64_t key, int64_t now_us) {
    struct bucket *oldest = NULL;
    for (size_t i = 0; i < PLACES; i++) {
        struct bucket *b = &l->buckets[(key + i) % ASSAY_HTTP_LIMIT_BUCKETS];
        if (b->key == key) return b;
        if (!oldest || (oldest->key && (!b->key || b->at_us < oldest->at_us))) oldest = b;
    }
    *oldest = (struct bucket){key, l->full, now_us};
    return oldest;
}

int64_t assay_http_limit_take(struct assay_http_limit *l, struct assay_str key, int64_t now_us) {
    if (!l) return 0;
    int64_t wait_us = 0;
    pthread_mutex_lock(&l->lock);
    struct bucket *b = find(l, hash(key), now_us);
    refill(l, b, now_us);
    if (b->tokens >= TOKEN) b->tokens -= TOKEN;
    else wait_us = (TOKEN - b->tokens + l->per_second - 1) / l->per_second;
    pthread_mutex_unlock(&l->lock);
    return (wait_us + 999999) / 1000000;
}
