/* tokens.c -- who a token's bearer is: its claims held against the registry, and a memory of tokens that were checked before. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "service/internal.h"
#include "service/issuer.h"

enum { DIGEST_BYTES = 32, REMEMBERED = 1024, PROVIDER_MAX = 32 };

/* Who a token said its bearer is. It holds while the keys are those that it was checked with. */
struct bearer {
    enum assay_role role;
    assay_instant from, until;
    char subject[ASSAY_JWT_SUBJECT_MAX + 1], provider[PROVIDER_MAX + 1]; /* "": none */
};
/* A signature takes longer to check than a reply to a poll takes to give. Tokens that meet in a place take turns. */
struct place {
    uint64_t generation; /* 0: free */
    unsigned char digest[DIGEST_BYTES];
    struct bearer bearer;
};
struct assay_tokens {
    struct assay_service *service;
    struct assay_issuer *issuer;
    struct assay_jwt_policy policy;
    struct assay_arena arena; /* of the policy's texts */
    const char *issuer_told;  /* what stands behind the subject in logs */
    pthread_mutex_t lock;     /* of the places */
    struct place *places;
    _Atomic int64_t verified, recalled, refused;
};

/* --- the memory --------------------------------------------------------------------------------------------------------------- */

static struct place *place_of(struct assay_tokens *t, const unsigned char digest[DIGEST_BYTES]) {
    return &t->places[(digest[0] | (unsigned)digest[1] << 8) % REMEMBERED];
}

static bool recall(struct assay_tokens *t, const unsigned char digest[DIGEST_BYTES], assay_instant now, struct bearer *out) {
    uint64_t generation = assay_issuer_generation(t->issuer);
    pthread_mutex_lock(&t->lock);
    const struct place *p = place_of(t, digest);
    bool known = p->generation && p->generation == generation && CRYPTO_memcmp(p->digest, digest, DIGEST_BYTES) == 0 &&
                 now >= p->bearer.from && now < p->bearer.until;
    if (known) *out = p->bearer;
    pthread_mutex_unlock(&t->lock);
    return known;
}

static void remember(struct assay_tokens *t, const unsigned char digest[DIGEST_BYTES], uint64_t generation,
                     const struct bearer *bearer) {
    pthread_mutex_lock(&t->lock);
    struct place *p = place_of(t, digest);
    p->generation = generation;
    memcpy(p->digest, digest, DIGEST_BYTES);
    p->bearer = *bearer;
    pthread_mutex_unlock(&t->lock);
}

/* --- checking ------------------------------------------------------------------------------------------------------------------ */

static enum assay_status verify(struct assay_tokens *t, struct assay_str token, assay_instant now, struct assay_arena *a,
                                struct bearer *out, uint64_t *generation, struct assay_error *e) {
    struct assay_jwt jwt;
    bool unknown_key = false;
    const struct assay_jwks *keys = assay_issuer_take(t->issuer, generation);
    enum assay_status st = ASSAY_UNAUTHORIZED;
    if (keys) st = assay_jwt_check(keys, &t->policy, token, now, a, &jwt, &unknown_key, e);
    else assay_fail(e, st, "", "the issuer's keys could not be had yet; try again shortly");
    assay_issuer_put(t->issuer);
    if (unknown_key) assay_issuer_lacks(t->issuer);
    if (st) return st;
    *out = (struct bearer){.role = jwt.role, .from = jwt.from, .until = jwt.until};
    memcpy(out->subject, jwt.subject.p, jwt.subject.n);
    if (jwt.provider.p) memcpy(out->provider, jwt.provider.p, jwt.provider.n);
    return ASSAY_OK;
}

static int32_t provider_id(struct assay_service *s, const char *code) {
    const struct assay_config *cfg = assay_service_config(s);
    const struct assay_config_provider *p = assay_config_provider(cfg, assay_str_c(code));
    int32_t id = p ? p->id : 0;
    assay_config_release(cfg);
    return id;
}

static enum assay_status admit(struct assay_tokens *t, const struct bearer *b, struct assay_arena *a,
                               const struct assay_principal **out, struct assay_error *e) {
    struct assay_principal *who = assay_arena_zalloc(a, sizeof *who);
    who->role = b->role;
    if (*b->provider) {
        who->provider_id = provider_id(t->service, b->provider);
        if (!who->provider_id) return assay_fail(e, ASSAY_UNAUTHORIZED, "", "the token's provider is not registered");
        who->provider = assay_arena_dup(a, assay_str_c(b->provider));
    }
    who->id = assay_str_c(assay_arena_printf(a, "%s@%s", b->subject, t->issuer_told));
    *out = who;
    return ASSAY_OK;
}

enum assay_status assay_tokens_check(struct assay_tokens *t, struct assay_str bearer, assay_instant now, struct assay_arena *a,
                                     const struct assay_principal **out, struct assay_error *e) {
    unsigned char digest[DIGEST_BYTES];
    struct bearer b;
    uint64_t generation;
    enum assay_status st = ASSAY_OK;
    if (!EVP_Digest(bearer.p, bearer.n, digest, NULL, EVP_sha256(), NULL)) abort(); /* only for want of memory */
    if (recall(t, digest, now, &b)) {
        atomic_fetch_add_explicit(&t->recalled, 1, memory_order_relaxed);
    } else {
        st = verify(t, bearer, now, a, &b, &generation, e);
        if (!st) remember(t, digest, generation, &b);
        if (!st) atomic_fetch_add_explicit(&t->verified, 1, memory_order_relaxed);
    }
    if (!st) st = admit(t, &b, a, out, e);
    if (st) atomic_fetch_add_explicit(&t->refused, 1, memory_order_relaxed);
    return st;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

enum assay_status assay_tokens_roles(const char *list, uint32_t *out, struct assay_error *e) {
    *out = 0;
    for (const char *p = list; *p; p += strcspn(p, ",")) {
        p += strspn(p, ", ");
        struct assay_str name = {p, strcspn(p, ", ")};
        enum assay_role role;
        if (!name.n) continue;
        if (!assay_role_parse(name, &role))
            return assay_fail(e, ASSAY_INVALID_VALUE, "", "there is no role \"%.*s\"", ASSAY_STR_ARG(name));
        if (role == ASSAY_ROLE_ADMIN) return assay_fail(e, ASSAY_INVALID_VALUE, "", "admin comes in with a key alone");
        *out |= 1u << role;
        p += name.n;
    }
    return *out ? ASSAY_OK : assay_fail(e, ASSAY_INVALID_VALUE, "", "at least one role is wanted");
}

static struct assay_str kept(struct assay_tokens *t, const char *text) { return assay_arena_dup(&t->arena, assay_str_c(text)); }

enum assay_status assay_tokens_open(const struct assay_tokens_options *o, struct assay_tokens **out, struct assay_error *e) {
    struct assay_tokens *t = assay_xcalloc(1, sizeof *t);
    struct assay_error why = {0};
    enum assay_status st = ASSAY_OK;
    t->service = o->service;
    t->policy = (struct assay_jwt_policy){.issuer = kept(t, o->issuer),
                                          .audience = kept(t, o->audience),
                                          .role_claim = kept(t, o->role_claim),
                                          .provider_claim = kept(t, o->provider_claim),
                                          .skew_us = o->skew_seconds * ASSAY_SECOND};
    const char *scheme = strstr(t->policy.issuer.p, "://");
    t->issuer_told = scheme ? scheme + 3 : t->policy.issuer.p;
    pthread_mutex_init(&t->lock, NULL);
    t->places = assay_xcalloc(REMEMBERED, sizeof *t->places);
    if (assay_tokens_roles(o->roles, &t->policy.roles, &why))
        st = assay_fail(e, ASSAY_CONFIG, "oidc-roles", "oidc-roles: %s", why.detail);
    if (!st) st = assay_issuer_open(o, &t->issuer, e);
    if (st) assay_tokens_close(t);
    else *out = t;
    return st;
}

void assay_tokens_close(struct assay_tokens *t) {
    if (!t) return;
    assay_issuer_close(t->issuer);
    pthread_mutex_destroy(&t->lock);
    assay_arena_free(&t->arena);
    free(t->places);
    free(t);
}

enum assay_status assay_tokens_reload(struct assay_tokens *t, bool *changed, struct assay_error *e) {
    return assay_issuer_reload(t->issuer, changed, e);
}

void assay_tokens_stats(const struct assay_tokens *t, struct assay_tokens_stats *out) {
    *out = (struct assay_tokens_stats){
        .verified = atomic_load(&t->verified), .recalled = atomic_load(&t->recalled), .refused = atomic_load(&t->refused)};
    assay_issuer_stats(t->issuer, out);
}
