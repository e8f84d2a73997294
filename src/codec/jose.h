/* jose.h -- inside src/codec only: the keys of a set and the signatures they make. */
#ifndef ASSAY_CODEC_JOSE_H
#define ASSAY_CODEC_JOSE_H

#include "assay/jwt.h"

enum assay_jws_algorithm { ASSAY_JWS_RS256, ASSAY_JWS_ES256, ASSAY_JWS_ALGORITHMS };

/* base64url without padding (RFC 7515 section 2) in its one form: bits that say nothing are zero, so that no two texts are one
 * token. to: room for text.n bytes. False: it is none. */
bool assay_jose_decode(struct assay_str text, unsigned char *to, size_t *n);

struct assay_jwk;
/* The key of this name and kind. kid absent: the only key that there is. *known: there is a key of that name, of whatever kind. */
const struct assay_jwk *assay_jwks_find(const struct assay_jwks *k, struct assay_str kid, enum assay_jws_algorithm algorithm,
                                        bool *known);
/* Whether a compact token (RFC 7515 section 7.1), whose parts are sound base64url and whose header says the key's algorithm, was
 * signed with the key. n: bytes of its signature. */
bool assay_jwk_verifies(const struct assay_jwk *key, struct assay_str token, size_t n);

#endif
