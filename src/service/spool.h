/* spool.h -- staging of a bulk body: records sorted by provider and order in bounded memory. Internal to src/service.
 *
 * Records are added as they are read; sorted runs go to one anonymous file when memory is full; then they come back
 * merged by (provider, order, line). The file has no name: whatever ends the daemon, nothing is left behind. */
#ifndef ASSAY_SERVICE_SPOOL_H
#define ASSAY_SERVICE_SPOOL_H

#include "assay/service.h"

struct assay_spool;
/* staged: what all spools have on disk; NULL: not counted. */
struct assay_spool *assay_spool_new(const char *dir, size_t run_bytes, _Atomic int64_t *staged);
void assay_spool_free(struct assay_spool *s);
/* item->line must grow from call to call. Copies. ASSAY_IO where the disk fails. */
enum assay_status assay_spool_add(struct assay_spool *s, const struct assay_item *item, struct assay_error *e) ASSAY_MUST_CHECK;
/* No more adds; the reading begins. */
enum assay_status assay_spool_sort(struct assay_spool *s, struct assay_error *e) ASSAY_MUST_CHECK;
/* The next item in order, its text in the arena; *end when there is none. An item whose id occurred on an earlier line
 * with another order comes at the very end, in order of lines, so that the first by line is taken first. */
enum assay_status assay_spool_next(struct assay_spool *s, struct assay_arena *a, struct assay_item *out, bool *end,
                                   struct assay_error *e) ASSAY_MUST_CHECK;
size_t assay_spool_bytes(const struct assay_spool *s); /* written to the file */

#endif
