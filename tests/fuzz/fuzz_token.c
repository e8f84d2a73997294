/* fuzz_token.c -- any bytes as a set of keys, as a token, and as header and claims that the right key has signed. The first byte
 * picks which. Who is let in is what the policy allows; who is refused is told why, in words that have nothing of the token.
 * Run by libFuzzer (meson -Dfuzz=true, clang) or, over the corpus, by replay.c. */
#include <stdlib.h>

#include "assay/jwt.h"
#include "tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW (INT64_C(981000000) * ASSAY_SECOND)
#define ROLES (1u << ASSAY_ROLE_PROVIDER | 1u << ASSAY_ROLE_PORTAL | 1u << ASSAY_ROLE_DASHBOARD)

static const struct assay_jwt_policy policy = {.issuer = {"https://idp.example", 19},
                                               .audience = {"assay", 5},
                                               .role_claim = {"role", 4},
                                               .provider_claim = {"provider", 8},
                                               .roles = ROLES,
                                               .skew_us = 60 * ASSAY_SECOND};
static EVP_PKEY *signer;
static struct assay_jwks *keys;

static void begin(void) {
    struct assay_buf set = {0};
    struct assay_error e;
    signer = token_ec("P-256");
    assay_buf_adds(&set, "{\"keys\":[");
    token_add_jwk(&set, signer, "e1", "");
    assay_buf_adds(&set, "]}");
    token_must(assay_jwks_read(assay_buf_str(&set), &keys, &e) == ASSAY_OK);
    assay_buf_free(&set);
}

static void try_set(struct assay_str text) {
    struct assay_jwks *k = NULL;
    struct assay_error e = {0};
    enum assay_status st = assay_jwks_read(text, &k, &e);
    if (st) token_must(st == ASSAY_INVALID_VALUE && e.detail[0] && !k);
    else token_must(assay_jwks_count(k) > 0);
    assay_jwks_free(k);
}

static void check_let_in(const struct assay_jwt *t) {
    token_must(t->from <= NOW && NOW < t->until && (ROLES & 1u << t->role));
    token_must(t->subject.n > 0 && t->subject.n <= ASSAY_JWT_SUBJECT_MAX && strlen(t->subject.p) == t->subject.n);
    token_must(t->role != ASSAY_ROLE_PROVIDER || t->provider.p);
    token_must(t->role != ASSAY_ROLE_DASHBOARD || !t->provider.p);
    token_must(!t->provider.p || assay_form_provider(t->provider));
}

static bool try_token(struct assay_str token) {
    struct assay_arena a = {0};
    struct assay_jwt t;
    struct assay_error e = {0};
    bool unknown;
    enum assay_status st = assay_jwt_check(keys, &policy, token, NOW, &a, &t, &unknown, &e);
    if (st) token_must(st == ASSAY_UNAUTHORIZED && !strncmp(e.detail, "the token ", 10));
    else check_let_in(&t);
    for (const char *p = e.detail; st && *p; p++) token_must(*p >= ' ' && *p <= '~');
    if (!st) token_must(assay_jwt_formed(token) && !unknown);
    assay_arena_free(&a);
    return !st;
}

/* Header and claims, a line feed between them; and the same with its signature wounded, which must never do. */
static void try_signed(struct assay_str text) {
    char *copy = malloc(text.n + 1);
    token_must(copy);
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    char *claims = strchr(copy, '\n');
    if (claims) *claims++ = '\0';
    char *token = token_make(signer, copy, claims ? claims : "");
    size_t n = strlen(token);
    if (try_token((struct assay_str){token, n})) {
        token[n - 1 - text.n % 86] ^= 1; /* of the 86 digits of a signature */
        token_must(!try_token((struct assay_str){token, n}));
    }
    free(token);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!keys) begin();
    if (size == 0) return 0;
    struct assay_str text = {(const char *)data + 1, size - 1};
    switch (data[0] % 3) {
    case 0: try_set(text); break;
    case 1: (void)try_token(text); break;
    default: try_signed(text); break;
    }
    return 0;
}
