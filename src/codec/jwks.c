/* jwks.c -- sets of public keys, and whether one of them made a signature. The only file that sees the JOSE library.
 *
 * The library is given less than it would take: of a key the public members alone, of tokens those whose header and base64url
 * were looked at already (jwt.c), so that nothing rests on how it reads what is doubled, padded or critical. It is given no place
 * to tell errors: it would make their texts in one that threads share. */
#include <cjose/cjose.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "jose.h"
#include "reader.h"

enum {
    KEYS_MAX = 64,
    KID_MAX = 256,
    RSA_BITS_LEAST = 2048,
    RSA_BITS_MOST = 8192,
    ES256_BYTES = 64,
    NUMBER_DIGITS_MAX = RSA_BITS_MOST / 6 + 8
};

struct assay_jwk {
    char *kid; /* NULL: none */
    enum assay_jws_algorithm algorithm;
    cjose_jwk_t *jwk;
};
struct assay_jwks {
    size_t n;
    struct assay_jwk keys[KEYS_MAX];
};

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

static bool has_text(const json_t *key, const char *name, const char *text) {
    const json_t *v = json_object_get(key, name);
    return json_is_string(v) && !strcmp(json_string_value(v), text);
}

static bool absent_or(const json_t *key, const char *name, const char *text) {
    return !json_object_get(key, name) || has_text(key, name, text);
}

static bool may_verify(const json_t *key) {
    const json_t *ops = json_object_get(key, "key_ops"), *op;
    size_t i;
    bool named = !ops;
    json_array_foreach(ops, i, op) named = named || (json_is_string(op) && !strcmp(json_string_value(op), "verify"));
    return named && absent_or(key, "use", "sig");
}

/* The library aborts at what is no base64url (a '=' in its middle), so it never sees any. */
static bool is_number(const json_t *v) {
    unsigned char bytes[NUMBER_DIGITS_MAX];
    struct assay_str text = {json_string_value(v), json_string_length(v)};
    size_t n;
    return text.n > 0 && text.n <= NUMBER_DIGITS_MAX && assay_jose_decode(text, bytes, &n);
}

/* What the library shall see of a key: its kind, which is known, and its numbers. NULL: one is missing or none. */
static cjose_jwk_t *import_public(const json_t *key, const char *const *kind, const char *const *numbers) {
    struct assay_buf text = {0};
    json_t *public = json_object();
    cjose_jwk_t *jwk = NULL;
    bool sound = true;
    for (size_t i = 0; kind[i]; i++) json_object_set(public, kind[i], json_object_get(key, kind[i]));
    for (size_t i = 0; numbers[i]; i++) {
        sound = sound && is_number(json_object_get(key, numbers[i]));
        json_object_set(public, numbers[i], json_object_get(key, numbers[i]));
    }
    assay_reader_dump(public, &text);
    if (sound) jwk = cjose_jwk_import(text.p, text.n, NULL);
    if (!jwk) ERR_clear_error();
    json_decref(public);
    assay_buf_free(&text);
    return jwk;
}

/* NULL, or why it cannot serve. */
static const char *read_key(const json_t *key, struct assay_jwk *out) {
    static const char *const of_rsa[] = {"n", "e", NULL}, *const of_ec[] = {"x", "y", NULL}, *const kind_rsa[] = {"kty", NULL},
                             *const kind_ec[] = {"kty", "crv", NULL};
    static const char *const names[ASSAY_JWS_ALGORITHMS] = {"RS256", "ES256"};
    const json_t *kid = json_object_get(key, "kid");
    bool rsa = has_text(key, "kty", "RSA"), ec = has_text(key, "kty", "EC") && has_text(key, "crv", "P-256");
    if (!rsa && !ec) return "neither RSA nor EC on P-256";
    out->algorithm = rsa ? ASSAY_JWS_RS256 : ASSAY_JWS_ES256;
    if (!may_verify(key)) return "not meant for signatures";
    if (!absent_or(key, "alg", names[out->algorithm])) return "meant for another algorithm than RS256 or ES256";
    if (json_object_get(key, "d")) return "a private key, which no issuer should give away";
    if (kid && (!json_is_string(kid) || !json_string_length(kid) || json_string_length(kid) > KID_MAX ||
                strlen(json_string_value(kid)) != json_string_length(kid)))
        return "its kid is no text of 1 to 256 bytes";
    out->jwk = import_public(key, rsa ? kind_rsa : kind_ec, rsa ? of_rsa : of_ec);
    if (!out->jwk) return "its members make no key";
    size_t bits = cjose_jwk_get_keysize(out->jwk, NULL);
    if (rsa && (bits < RSA_BITS_LEAST || bits > RSA_BITS_MOST)) return "RSA of fewer than 2048 or more than 8192 bits";
    if (kid) out->kid = assay_xstrdup(json_string_value(kid));
    return NULL;
}

static bool is_taken(const struct assay_jwks *k, const struct assay_jwk *key) {
    for (size_t i = 0; key->kid && i < k->n; i++)
        if (k->keys[i].algorithm == key->algorithm && k->keys[i].kid && !strcmp(k->keys[i].kid, key->kid)) return true;
    return false;
}

static void free_key(struct assay_jwk *key) {
    cjose_jwk_release(key->jwk);
    free(key->kid);
    *key = (struct assay_jwk){0};
}

static enum assay_status read_set(const json_t *root, struct assay_jwks *k, struct assay_error *e) {
    const json_t *list = json_object_get(root, "keys"), *v;
    const char *first = NULL;
    size_t i;
    if (!json_is_array(list)) return assay_fail(e, ASSAY_INVALID_VALUE, "", "it is no set of keys: {\"keys\": [...]} is wanted");
    if (json_array_size(list) > KEYS_MAX) return assay_fail(e, ASSAY_INVALID_VALUE, "", "it has more than %d keys", KEYS_MAX);
    json_array_foreach(list, i, v) {
        struct assay_jwk *key = &k->keys[k->n];
        const char *why = read_key(v, key);
        if (!why && is_taken(k, key)) why = "another key has the same kid";
        if (!why) k->n++;
        else free_key(key);
        if (why && !first) first = why;
    }
    if (k->n) return ASSAY_OK;
    return assay_fail(e, ASSAY_INVALID_VALUE, "", "no key of it can serve%s%s", first ? "; the first: " : ": it is empty",
                      first ? first : "");
}

enum assay_status assay_jwks_read(struct assay_str json, struct assay_jwks **out, struct assay_error *e) {
    json_t *root = NULL;
    struct assay_error why = {0};
    *out = NULL;
    if (json.n > ASSAY_JWKS_MAX) return assay_fail(e, ASSAY_INVALID_VALUE, "", "it is longer than %zu bytes", ASSAY_JWKS_MAX);
    if (assay_reader_load(json, &root, &why)) return assay_fail(e, ASSAY_INVALID_VALUE, "", "it is no JSON: %s", why.detail);
    struct assay_jwks *k = assay_xcalloc(1, sizeof *k);
    enum assay_status st = read_set(root, k, e);
    json_decref(root);
    if (st) assay_jwks_free(k);
    else *out = k;
    return st;
}

size_t assay_jwks_count(const struct assay_jwks *k) { return k->n; }

void assay_jwks_free(struct assay_jwks *k) {
    if (!k) return;
    for (size_t i = 0; i < k->n; i++) free_key(&k->keys[i]);
    free(k);
}

/* --- use -------------------------------------------------------------------------------------------------------------------- */

const struct assay_jwk *assay_jwks_find(const struct assay_jwks *k, struct assay_str kid, enum assay_jws_algorithm algorithm,
                                        bool *known) {
    *known = !kid.p && k->n == 1; /* OpenID Connect Core 10.1: where there are several, the name must be said */
    if (!kid.p) return k->n == 1 && k->keys[0].algorithm == algorithm ? &k->keys[0] : NULL;
    for (size_t i = 0; i < k->n; i++) {
        if (!k->keys[i].kid || !assay_str_is(kid, k->keys[i].kid)) continue;
        *known = true;
        if (k->keys[i].algorithm == algorithm) return &k->keys[i];
    }
    return NULL;
}

bool assay_jwk_verifies(const struct assay_jwk *key, struct assay_str token, size_t n) {
    size_t wanted = key->algorithm == ASSAY_JWS_ES256 ? ES256_BYTES : (cjose_jwk_get_keysize(key->jwk, NULL) + 7) / 8;
    if (n != wanted) return false;
    cjose_jws_t *jws = cjose_jws_import(token.p, token.n, NULL);
    bool good = jws && cjose_jws_verify(jws, key->jwk, NULL);
    cjose_jws_release(jws);
    if (!good) ERR_clear_error(); /* else the next user of OpenSSL on this thread finds it */
    return good;
}
