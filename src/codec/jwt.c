/* jwt.c -- whether a token is one of the issuer's, for us, now, and what it says of its bearer. Does not know where keys come from. */
#include <strings.h>

#include "jose.h"
#include "reader.h"

enum { DOTS = 2, PART_LEAST = 2, KID_MAX = 256 };

/* What is wrong with a token is said in words of ours alone. */
#define REFUSE(...) assay_fail(e, ASSAY_UNAUTHORIZED, "", "the token " __VA_ARGS__)

struct parts {
    struct assay_str header, claims, signature;
};

/* --- the form --------------------------------------------------------------------------------------------------------------- */

static bool split(struct assay_str token, struct parts *out) {
    const char *first = token.n ? memchr(token.p, '.', token.n) : NULL, *end = token.p + token.n;
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1))) return false;
    out->header = (struct assay_str){token.p, (size_t)(first - token.p)};
    out->claims = (struct assay_str){first + 1, (size_t)(second - first - 1)};
    out->signature = (struct assay_str){second + 1, (size_t)(end - second - 1)};
    return true;
}

bool assay_jwt_formed(struct assay_str token) {
    struct parts ignored;
    return split(token, &ignored);
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool assay_jose_decode(struct assay_str text, unsigned char *to, size_t *n) {
    unsigned held = 0, bits = 0;
    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        int v = value_of(text.p[i]);
        if (v < 0) return false;
        held = held << 6 | (unsigned)v;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        to[(*n)++] = (unsigned char)(held >> bits);
        held &= (1u << bits) - 1;
    }
    return bits < 6 && held == 0;
}

static bool decode(struct assay_str part, struct assay_arena *a, struct assay_str *out) {
    unsigned char *to = assay_arena_alloc(a, part.n + 1);
    size_t n;
    bool sound = assay_jose_decode(part, to, &n);
    *out = (struct assay_str){(const char *)to, n};
    return sound && part.n >= PART_LEAST;
}

/* An object, or NULL. */
static json_t *decode_object(struct assay_str part, struct assay_arena *a) {
    struct assay_str text;
    struct assay_error untold; /* it may quote the text */
    json_t *v = NULL;
    if (!decode(part, a, &text) || assay_reader_load(text, &v, &untold)) return NULL;
    if (json_is_object(v)) return v;
    json_decref(v);
    return NULL;
}

/* A string without NUL; absent where it is none. */
static struct assay_str text_of(const json_t *v) {
    struct assay_str s = {json_string_value(v), json_string_length(v)};
    return s.p && !memchr(s.p, '\0', s.n) ? s : ASSAY_STR_NONE;
}

/* --- the header ------------------------------------------------------------------------------------------------------------- */

/* What the token is meant for, where it says so: not a log-out, an event, a proof (RFC 8725 section 3.11). */
static bool is_access_token(const json_t *typ) {
    static const char *const types[] = {"JWT", "at+jwt", "application/jwt", "application/at+jwt"};
    if (!typ) return true;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (json_is_string(typ) && !strcasecmp(json_string_value(typ), types[i])) return true;
    return false;
}

static enum assay_status find_key(const struct assay_jwks *k, const json_t *header, const struct assay_jwk **key,
                                  bool *unknown_key, struct assay_error *e) {
    struct assay_str named = text_of(json_object_get(header, "alg"));
    const json_t *kid = json_object_get(header, "kid");
    bool rs256 = assay_str_is(named, "RS256"), known;
    if (!rs256 && !assay_str_is(named, "ES256")) return REFUSE("is not signed with RS256 or ES256");
    if (json_object_get(header, "crit")) return REFUSE("asks for an extension (crit), and none is understood");
    if (!is_access_token(json_object_get(header, "typ"))) return REFUSE("is of a type (typ) that lets nobody in");
    if (kid && (!text_of(kid).n || text_of(kid).n > KID_MAX)) return REFUSE("has a kid that is no text of 1 to 256 bytes");
    *key = assay_jwks_find(k, text_of(kid), rs256 ? ASSAY_JWS_RS256 : ASSAY_JWS_ES256, &known);
    if (*key) return ASSAY_OK;
    if (known) return REFUSE("says another algorithm than its key is for");
    if (!kid) return REFUSE("does not say which of the issuer's keys signed it (kid)");
    *unknown_key = true;
    return REFUSE("was signed with a key that is none of the issuer's");
}

static enum assay_status check_signature(const struct assay_jwks *k, struct assay_str token, const struct parts *parts,
                                         struct assay_arena *a, bool *unknown_key, struct assay_error *e) {
    struct assay_str claims, signature;
    const struct assay_jwk *key = NULL;
    json_t *header = decode_object(parts->header, a);
    if (!header) return REFUSE("has no sound header");
    enum assay_status st = find_key(k, header, &key, unknown_key, e);
    json_decref(header);
    if (st) return st;
    if (!decode(parts->signature, a, &signature)) return REFUSE("has no sound signature");
    if (!decode(parts->claims, a, &claims)) return REFUSE("has no sound claims"); /* the library would abort */
    return assay_jwk_verifies(key, token, signature.n) ? ASSAY_OK : REFUSE("has a signature that is not right");
}

/* --- the claims --------------------------------------------------------------------------------------------------------------- */

static bool is_for(const json_t *aud, struct assay_str audience) {
    const json_t *v;
    size_t i;
    if (json_is_string(aud)) return assay_str_eq(text_of(aud), audience);
    json_array_foreach(aud, i, v) if (json_is_string(v) && assay_str_eq(text_of(v), audience)) return true;
    return false;
}

/* A NumericDate, within what an instant can be. False where it is there and is none. */
static bool read_date(const json_t *claims, const char *name, assay_instant absent, assay_instant *out) {
    const json_t *v = json_object_get(claims, name);
    *out = absent;
    if (!v) return true;
    if (!json_is_number(v)) return false;
    double s = json_number_value(v), most = (double)ASSAY_INSTANT_MAX / (double)ASSAY_SECOND;
    *out = s <= 0 ? 0 : s >= most ? ASSAY_INSTANT_MAX : (assay_instant)(s * (double)ASSAY_SECOND);
    return true;
}

static enum assay_status check_times(const json_t *claims, int64_t skew, assay_instant now, struct assay_jwt *out,
                                     struct assay_error *e) {
    assay_instant expires, begins, issued;
    if (!json_object_get(claims, "exp")) return REFUSE("does not say when it expires (exp)");
    if (!read_date(claims, "exp", 0, &expires) || !read_date(claims, "nbf", 0, &begins) || !read_date(claims, "iat", 0, &issued))
        return REFUSE("has a time (exp, nbf, iat) that is no number");
    out->from = (begins > issued ? begins : issued) - skew;
    out->until = expires + skew;
    if (now >= out->until) return REFUSE("has expired");
    if (now < begins - skew) return REFUSE("is not good yet (nbf)");
    if (now < issued - skew) return REFUSE("was issued in the future (iat)");
    return ASSAY_OK;
}

static bool is_subject(struct assay_str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~') return false;
    return s.n && s.n <= ASSAY_JWT_SUBJECT_MAX;
}

/* How many roles of ours a claim names: a text, or a list in which other programs' roles may stand. */
static size_t roles_in(const json_t *v, enum assay_role *out) {
    const json_t *one;
    size_t i, n = 0;
    if (json_is_string(v)) return assay_role_parse(text_of(v), out);
    json_array_foreach(v, i, one) n += json_is_string(one) && assay_role_parse(text_of(one), out);
    return n;
}

static enum assay_status read_role(const json_t *claims, const struct assay_jwt_policy *p, struct assay_jwt *out,
                                   struct assay_error *e) {
    size_t n = roles_in(json_object_get(claims, p->role_claim.p), &out->role);
    if (n != 1) return REFUSE("names %s role in \"%.*s\"", n ? "more than one" : "no", ASSAY_STR_ARG(p->role_claim));
    return p->roles & 1u << out->role ? ASSAY_OK : REFUSE("names a role that does not come in by token");
}

/* A role that may be of all providers is so only where that is said: a claim that an issuer forgets must not open the network. */
static enum assay_status read_provider(const json_t *claims, const struct assay_jwt_policy *p, struct assay_arena *a,
                                       struct assay_jwt *out, struct assay_error *e) {
    const json_t *v = json_object_get(claims, p->provider_claim.p);
    enum assay_binding binding = assay_role_binding(out->role);
    if (json_is_null(v)) v = NULL;
    if (binding == ASSAY_BOUND_NEVER)
        return v ? REFUSE("names a provider, and its role is of none (\"%.*s\")", ASSAY_STR_ARG(p->provider_claim)) : ASSAY_OK;
    if (!v) return REFUSE("does not name its provider (\"%.*s\")", ASSAY_STR_ARG(p->provider_claim));
    if (binding == ASSAY_BOUND_PERHAPS && assay_str_is(text_of(v), ASSAY_JWT_ALL_PROVIDERS)) return ASSAY_OK;
    if (!assay_form_provider(text_of(v))) return REFUSE("names no one provider in \"%.*s\"", ASSAY_STR_ARG(p->provider_claim));
    out->provider = assay_arena_dup(a, text_of(v));
    return ASSAY_OK;
}

static enum assay_status check_claims(const json_t *claims, const struct assay_jwt_policy *p, assay_instant now,
                                      struct assay_arena *a, struct assay_jwt *out, struct assay_error *e) {
    struct assay_str subject = text_of(json_object_get(claims, "sub"));
    if (!assay_str_eq(text_of(json_object_get(claims, "iss")), p->issuer)) return REFUSE("is of another issuer (iss)");
    if (!is_for(json_object_get(claims, "aud"), p->audience)) return REFUSE("is not for this service (aud)");
    if (json_object_get(claims, "cnf")) return REFUSE("is bound to a key of its bearer (cnf), which cannot be asked for here");
    if (!is_subject(subject)) return REFUSE("has no subject (sub) of 1 to 255 printable characters");
    enum assay_status st = check_times(claims, p->skew_us, now, out, e);
    if (!st) st = read_role(claims, p, out, e);
    if (!st) st = read_provider(claims, p, a, out, e);
    out->subject = assay_arena_dup(a, subject);
    return st;
}

enum assay_status assay_jwt_check(const struct assay_jwks *k, const struct assay_jwt_policy *p, struct assay_str token,
                                  assay_instant now, struct assay_arena *a, struct assay_jwt *out, bool *unknown_key,
                                  struct assay_error *e) {
    struct parts parts;
    *out = (struct assay_jwt){0};
    *unknown_key = false;
    if (token.n > ASSAY_JWT_MAX) return REFUSE("is longer than %zu bytes", ASSAY_JWT_MAX);
    if (!split(token, &parts)) return REFUSE("does not have three parts");
    enum assay_status st = check_signature(k, token, &parts, a, unknown_key, e);
    if (st) return st;
    json_t *claims = decode_object(parts.claims, a);
    if (!claims) return REFUSE("has no sound claims");
    st = check_claims(claims, p, now, a, out, e);
    json_decref(claims);
    return st;
}
