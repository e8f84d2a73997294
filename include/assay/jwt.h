/* jwt.h -- signed tokens (JWT, RFC 7519) and the keys they are signed with (JWKS, RFC 7517), read as RFC 8725 advises.
 *
 * Pure: no clock, no file, no network; any thread. Only RS256 and ES256, and only with public keys of the set: what a token says of
 * its algorithm has to agree with the key, and keys or addresses of keys that a token brings along are not looked at. No error holds
 * anything of a token's text. */
#ifndef ASSAY_JWT_H
#define ASSAY_JWT_H

#include "assay/access.h"

#define ASSAY_JWKS_MAX ((size_t)262144) /* bytes of a set's text */
#define ASSAY_JWT_MAX ((size_t)16384)   /* of a token */
#define ASSAY_JWT_SUBJECT_MAX 255       /* of its `sub`: OpenID Connect Core 2 */
#define ASSAY_JWT_CLAIM_MAX 128         /* of the name of a claim */

/* A set of public keys; does not change. */
struct assay_jwks;
/* Keys that cannot serve (of another kind, for another use, too short, private) are passed over, as RFC 7517 section 5 wants;
 * INVALID_VALUE where the text is no set, or no key of it can serve: e says why the first cannot. */
enum assay_status assay_jwks_read(struct assay_str json, struct assay_jwks **out, struct assay_error *e) ASSAY_MUST_CHECK;
size_t assay_jwks_count(const struct assay_jwks *k); /* of those that can serve */
void assay_jwks_free(struct assay_jwks *k);          /* NULL is fine */

/* What a token has to say. */
struct assay_jwt_policy {
    struct assay_str issuer, audience;
    struct assay_str role_claim, provider_claim; /* names of the claims that say these; of the top level */
    uint32_t roles;                              /* that are taken: bits 1 << role */
    int64_t skew_us;                             /* by how much the issuer's clock may differ */
};
#define ASSAY_JWT_ALL_PROVIDERS "*" /* as the provider of a role that may be bound to one (ASSAY_BOUND_PERHAPS) */
struct assay_jwt {
    enum assay_role role;
    struct assay_str subject;  /* printable ASCII without spaces */
    struct assay_str provider; /* absent: all */
    assay_instant from, until; /* it is good in [from, until), the skew included */
};
/* Three parts between dots: no key of ours has any. Nothing more is looked at. */
bool assay_jwt_formed(struct assay_str token);
/* *out's texts are in the arena. UNAUTHORIZED with what is wrong; *unknown_key: that the set has no such key, a newer one may. */
enum assay_status assay_jwt_check(const struct assay_jwks *k, const struct assay_jwt_policy *p, struct assay_str token,
                                  assay_instant now, struct assay_arena *a, struct assay_jwt *out, bool *unknown_key,
                                  struct assay_error *e) ASSAY_MUST_CHECK;

#endif
