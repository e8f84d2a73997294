/* sample.h -- a made-up network of any size, by seed: for a first look, for load, for tests.
 *
 * Everything is a pure function of the spec: order i tells the same story whatever else is asked, so streams need no
 * memory of one another and ten million orders need no more room than ten. What is told is valid by DOMAIN 2 and shows
 * the cases of DOMAIN 3 and 4 in natural shares; nothing here judges it. Must not know: the store, HTTP, schemes. */
#ifndef ASSAY_SAMPLE_H
#define ASSAY_SAMPLE_H

#include "app/cli.h"
#include "assay/record.h"
#include "assay/scheme.h"

#define ASSAY_SAMPLE_PROVIDERS_MAX 1000000
#define ASSAY_SAMPLE_ORDERS_MAX INT64_C(1000000000)
#define ASSAY_SAMPLE_MONTHS_MAX 600

struct assay_sample_spec {
    uint64_t seed;
    int32_t providers; /* 1 .. ASSAY_SAMPLE_PROVIDERS_MAX */
    int64_t orders;    /* 0 .. ASSAY_SAMPLE_ORDERS_MAX */
    assay_month from;  /* first month; nothing is opened before it, nothing happens after the last */
    int32_t months;    /* 1 .. ASSAY_SAMPLE_MONTHS_MAX */
};

/* A network: its providers and the days it works. Immutable once made: any number of threads may read it. */
struct assay_sample;
struct assay_sample *assay_sample_new(const struct assay_sample_spec *spec); /* within the bounds above */
void assay_sample_free(struct assay_sample *s);
/* The first instant after the last month. */
assay_instant assay_sample_end(const struct assay_sample *s);

struct assay_sample_provider {
    struct assay_str code, name;          /* in text below */
    struct assay_provider_facts facts[2]; /* ascending; the first holds for always */
    size_t n_facts;
    char text[160];
};
/* 0 <= i < spec.providers. */
void assay_sample_provider_at(const struct assay_sample *s, int32_t i, struct assay_sample_provider *out);

/* One order's records, and the responses about it: dispatches, events and surveys in the order they are told. */
#define ASSAY_SAMPLE_RECORDS_MAX 192
#define ASSAY_SAMPLE_PARTS_MAX 3
struct assay_sample_order {
    size_t n;
    struct assay_record records[ASSAY_SAMPLE_RECORDS_MAX + 1]; /* the last is room for one that is not kept */
    struct assay_part parts[ASSAY_SAMPLE_PARTS_MAX];           /* what the dispatches recommend */
    char text[16384];
};
/* 0 <= i < spec.orders. out is the caller's, reusable, not to be copied: the records point into it. */
void assay_sample_order_at(const struct assay_sample *s, int64_t i, struct assay_sample_order *out);

/* The labour rates as PUT /v1/rates/{code} takes them: a row per product and warranty, one of them dated. without: a
 * product to leave out, so that its orders have no rate; NULL for none. */
void assay_sample_rates(const struct assay_sample_spec *spec, const char *without, struct assay_buf *out);

/* `assayd sample`. */
extern const struct assay_command assay_command_sample;

#endif
