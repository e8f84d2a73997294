/* tokens.h -- bearer tokens of an issuer outside (OpenID Connect), as a second way in beside keys; for portals.
 *
 * The issuer's keys come from a file, which is read again when that is asked for, or from a URL, which a thread asks every ten
 * minutes, and at most once a minute when a token names a key that is not known. A set that cannot be had or cannot serve changes
 * nothing: the last good one stays. */
#ifndef ASSAY_TOKENS_H
#define ASSAY_TOKENS_H

#include <stdatomic.h>

#include "assay/jwt.h"
#include "assay/keys.h"

struct assay_log;
struct assay_tokens;

/* The text behind a URL, at most ASSAY_JWKS_MAX bytes, within some seconds; gives up soon after *stop. */
typedef enum assay_status assay_tokens_fetch(void *arg, const char *url, const atomic_bool *stop, struct assay_buf *out,
                                             struct assay_error *e);
struct assay_tokens_options {
    struct assay_service *service; /* whose providers they are */
    const struct assay_log *log;   /* may be NULL */
    const char *issuer, *audience, *role_claim, *provider_claim, *roles;
    const char *jwks; /* a file, or a URL (assay_tokens_is_url) */
    int64_t skew_seconds;
    assay_tokens_fetch *fetch;
    void *fetch_arg;
    int64_t refresh_ms, least_ms; /* 0: ten minutes; one */
};
/* All are copied. Waits for the first set: a file that cannot serve is a CONFIG error; a URL that does not answer is not, for its
 * keys may come later. */
enum assay_status assay_tokens_open(const struct assay_tokens_options *o, struct assay_tokens **out,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
void assay_tokens_close(struct assay_tokens *t); /* NULL is fine */

/* Any thread; waits neither for the network nor for the database. *out is in the arena. UNAUTHORIZED, with what is wrong and
 * nothing of the token. */
enum assay_status assay_tokens_check(struct assay_tokens *t, struct assay_str bearer, assay_instant now, struct assay_arena *a,
                                     const struct assay_principal **out, struct assay_error *e) ASSAY_MUST_CHECK;

/* Read the file again now, or have the URL asked again at once (*changed is then false). What is not sound changes nothing. */
enum assay_status assay_tokens_reload(struct assay_tokens *t, bool *changed, struct assay_error *e) ASSAY_MUST_CHECK;

struct assay_tokens_stats {
    int64_t verified, recalled, refused; /* tokens whose signature was checked; that were known already; that were refused */
    int64_t loads, failures;             /* sets of keys that were taken; attempts that gave none */
    int64_t keys, loaded_at;             /* of the set in force; seconds since 1970, 0: there is none yet */
};
void assay_tokens_stats(const struct assay_tokens *t, struct assay_tokens_stats *out);

/* --- for whoever looks at settings -------------------------------------------------------------------------------------------- */
bool assay_tokens_is_url(const char *jwks);
/* https, or http to this machine itself; no user in it. */
bool assay_tokens_url_safe(const char *url);
/* Names of roles between commas; never admin. INVALID_VALUE. */
enum assay_status assay_tokens_roles(const char *list, uint32_t *out, struct assay_error *e) ASSAY_MUST_CHECK;
/* The keys behind oidc-jwks, a URL or a file; the caller frees them. CONFIG, or what the fetch says. */
enum assay_status assay_tokens_read_keys(const char *jwks, assay_tokens_fetch *fetch, void *arg, const atomic_bool *stop,
                                         struct assay_jwks **out, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_tokens_read_file(const char *path, struct assay_jwks **out, struct assay_error *e) ASSAY_MUST_CHECK;

#endif
