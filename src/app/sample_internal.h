/* sample_internal.h -- what the made-up network's two files share: chance, text, and what an order asks of the network. */
#ifndef ASSAY_SAMPLE_INTERNAL_H
#define ASSAY_SAMPLE_INTERNAL_H

#include "sample.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Time is told as local wall clock in seconds since 1970-01-01 (China has no summer time). */
enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, UTC_OFFSET = 8 * HOUR };
static inline int weekday(int64_t day) { return assay_date_weekday((assay_date)day); }

/* --- chance ------------------------------------------------------------------------------------------------------- */
struct rng {
    uint64_t state;
};

/* splitmix64. */
static inline uint64_t draw(struct rng *g) {
    uint64_t z = g->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A generator of its own for the ith thing of a kind, so that each can be told without the others. */
static inline struct rng rng_of(uint64_t seed, uint64_t kind, uint64_t i) {
    struct rng g = {seed};
    g.state = draw(&g) ^ (kind << 56) ^ i;
    g.state = draw(&g);
    return g;
}

static inline uint32_t below(struct rng *g, uint32_t n) { return (uint32_t)((draw(g) >> 32) * n >> 32); }
static inline bool chance(struct rng *g, int in_10000) { return below(g, 10000) < (uint32_t)in_10000; }
static inline int64_t between(struct rng *g, int64_t low, int64_t high) { return low + below(g, (uint32_t)(high - low + 1)); }
/* Between the two, short ones likelier. */
static inline int64_t between_short(struct rng *g, int64_t low, int64_t high) {
    return low + (int64_t)below(g, below(g, (uint32_t)(high - low)) + 1);
}
#define ONE_OF(g, array) (array)[below((g), COUNT(array))]

/* --- text --------------------------------------------------------------------------------------------------------- */
/* A bounded run of text that strings are cut from; what does not fit is cut short, and nothing here comes near. */
struct pen {
    char *p, *end;
};
static inline void put(struct pen *w, const char *text, size_t n) {
    size_t room = (size_t)(w->end - w->p);
    if (n > room) n = room;
    memcpy(w->p, text, n);
    w->p += n;
}
static inline void put_text(struct pen *w, const char *z) { put(w, z, strlen(z)); }
static inline void put_number(struct pen *w, uint64_t v, int digits) {
    char text[20];
    int n = 0;
    do {
        text[sizeof text - (size_t)++n] = (char)('0' + v % 10);
        v /= 10;
    } while ((v || n < digits) && n < (int)sizeof text);
    put(w, text + sizeof text - n, (size_t)n);
}
static inline struct assay_str since(const struct pen *w, const char *start) {
    return (struct assay_str){start, (size_t)(w->p - start)};
}

/* --- what an order asks of the network ---------------------------------------------------------------------------- */
/* How good a provider is, which nobody tells the records; in 10,000 of its orders. */
struct grade {
    int share;
    int slow_diagnosis, slow_repair, mistakes, unhappy;
};
struct host {
    struct assay_str code; /* in the pen's text */
    const struct grade *grade;
    bool near, ascim; /* in a 2D10 city, holds stock: on that day */
};
struct rng assay_sample_order_rng(const struct assay_sample *s, int64_t i);
/* The day order i is opened. Order i of n falls on the share i/n of all the work of the network's days, so that orders
 * are numbered in rough order of opening and no stream needs to be sorted. */
assay_date assay_sample_pick_day(const struct assay_sample *s, struct rng *g, int64_t i);
void assay_sample_pick_host(const struct assay_sample *s, struct rng *g, assay_date day, struct pen *w, struct host *out);
const char *assay_sample_pick_product(struct rng *g);
void assay_sample_put_order(const struct assay_sample *s, int64_t i, struct pen *w); /* its number */

#endif
