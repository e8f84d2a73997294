/* issuer.h -- inside src/service only: the keys of the issuer of tokens, wherever they come from. */
#ifndef ASSAY_SERVICE_ISSUER_H
#define ASSAY_SERVICE_ISSUER_H

#include "assay/tokens.h"

struct assay_issuer;
enum assay_status assay_issuer_open(const struct assay_tokens_options *o, struct assay_issuer **out,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
void assay_issuer_close(struct assay_issuer *i);
enum assay_status assay_issuer_reload(struct assay_issuer *i, bool *changed, struct assay_error *e) ASSAY_MUST_CHECK;
/* The set in force, until it is put back; NULL: none was had yet. *generation: of the set, never the same again. */
const struct assay_jwks *assay_issuer_take(struct assay_issuer *i, uint64_t *generation);
void assay_issuer_put(struct assay_issuer *i);
uint64_t assay_issuer_generation(const struct assay_issuer *i);
/* A token names a key that the set does not have. Does not wait. */
void assay_issuer_lacks(struct assay_issuer *i);
void assay_issuer_stats(const struct assay_issuer *i, struct assay_tokens_stats *out);

#endif
