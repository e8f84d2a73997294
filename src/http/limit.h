/* limit.h -- how often a key may ask: a token bucket each, in a table of fixed size. Knows no clock and no request: times and
 * names are given to it. */
#ifndef ASSAY_HTTP_LIMIT_H
#define ASSAY_HTTP_LIMIT_H

#include "assay/str.h"

struct assay_http_limit;

#define ASSAY_HTTP_LIMIT_BUCKETS 4096 /* keys told apart at once: 128 kB */

/* per_second tokens come back each second, up to `burst`; both from 1 to 1,000,000. */
struct assay_http_limit *assay_http_limit_new(int64_t per_second, int64_t burst);
void assay_http_limit_free(struct assay_http_limit *l); /* NULL is fine */
/* Take a token of that key's at a monotonic time. 0: it was there; else after how many whole seconds there will be one, at
 * least 1. Any thread; NULL is no limit. */
int64_t assay_http_limit_take(struct assay_http_limit *l, struct assay_str key, int64_t now_us);

#endif
