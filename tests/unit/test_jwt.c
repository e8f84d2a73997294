/* test_jwt.c -- tokens, each with one thing wrong, and sets of keys. */
#include "assay/jwt.h"

#include "check_main.h"
#include "tokens.h"

#define NOW (INT64_C(981000000) * ASSAY_SECOND)
#define RS "{\"alg\":\"RS256\",\"kid\":\"r1\"}"
#define ES "{\"alg\":\"ES256\",\"kid\":\"e1\"}"
#define ISS "\"iss\":\"https://idp.example/realm\""
#define AUD "\"aud\":\"assay\""
#define SUB "\"sub\":\"u-17\""
#define EXP "\"exp\":981000300"
#define ROLE "\"role\":\"provider\""
#define PROV "\"provider\":\"P001\""
#define GOOD "{" ISS "," AUD "," SUB "," EXP "," ROLE "," PROV "}"

static EVP_PKEY *rsa, *ec, *other, *other_ec;
static struct assay_jwks *keys;
static struct assay_error err;
static struct assay_arena arena;
static const struct assay_jwt_policy policy = {.issuer = {"https://idp.example/realm", 25},
                                               .audience = {"assay", 5},
                                               .role_claim = {"role", 4},
                                               .provider_claim = {"provider", 8},
                                               .roles = 1u << ASSAY_ROLE_PROVIDER | 1u << ASSAY_ROLE_PORTAL |
                                                        1u << ASSAY_ROLE_DASHBOARD,
                                               .skew_us = 60 * ASSAY_SECOND};

static void setup(void) {
    struct assay_buf set = {0};
    rsa = token_rsa(2048), other = token_rsa(2048), ec = token_ec("P-256"), other_ec = token_ec("P-256");
    assay_buf_adds(&set, "{\"keys\":[");
    token_add_jwk(&set, rsa, "r1", ",\"use\":\"sig\",\"alg\":\"RS256\"");
    assay_buf_addc(&set, ',');
    token_add_jwk(&set, ec, "e1", "");
    assay_buf_adds(&set, ",{\"kty\":\"oct\",\"k\":\"c2VjcmV0\",\"kid\":\"h1\"}]}");
    ck_assert_msg(assay_jwks_read(assay_buf_str(&set), &keys, &err) == ASSAY_OK, "%s", err.detail);
    ck_assert_uint_eq(assay_jwks_count(keys), 2);
    assay_buf_free(&set);
}

static void teardown(void) {
    assay_jwks_free(keys);
    EVP_PKEY_free(rsa), EVP_PKEY_free(other), EVP_PKEY_free(ec), EVP_PKEY_free(other_ec);
    assay_arena_free(&arena);
}

static enum assay_status check_as(const struct assay_jwt_policy *p, struct assay_str token, struct assay_jwt *out,
                                  bool *unknown) {
    /* In memory of its own, so that reading past the end shows. */
    char *copy = assay_xmalloc(token.n + !token.n);
    if (token.n) memcpy(copy, token.p, token.n);
    err = (struct assay_error){0};
    enum assay_status st = assay_jwt_check(keys, p, (struct assay_str){copy, token.n}, NOW, &arena, out, unknown, &err);
    free(copy);
    return st;
}

static enum assay_status check(const char *token, struct assay_jwt *out) {
    bool unknown;
    return check_as(&policy, assay_str_c(token), out, &unknown);
}

/* --- those that are let in ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *header, *claims;
    enum assay_role role;
    const char *provider; /* NULL: all */
} good[] = {
    {RS, GOOD, ASSAY_ROLE_PROVIDER, "P001"},
    {ES, GOOD, ASSAY_ROLE_PROVIDER, "P001"},
    {"{\"typ\":\"at+jwt\",\"alg\":\"RS256\",\"kid\":\"r1\",\"jku\":\"https://evil.example/\"}", GOOD, ASSAY_ROLE_PROVIDER,
     "P001"},
    {RS, "{" ISS ",\"aud\":[\"x\",\"assay\"]," SUB "," EXP "," ROLE "," PROV "}", ASSAY_ROLE_PROVIDER, "P001"},
    {RS, "{" ISS "," AUD "," SUB ",\"exp\":980999941," ROLE "," PROV "}", ASSAY_ROLE_PROVIDER, "P001"},
    {RS, "{" ISS "," AUD "," SUB ",\"exp\":981000000.5," ROLE "," PROV "}", ASSAY_ROLE_PROVIDER, "P001"},
    {RS, "{" ISS "," AUD "," SUB ",\"exp\":9e99," ROLE "," PROV "}", ASSAY_ROLE_PROVIDER, "P001"},
    {RS, "{" ISS "," AUD "," SUB "," EXP ",\"nbf\":981000060,\"iat\":981000060," ROLE "," PROV "}", ASSAY_ROLE_PROVIDER, "P001"},
    {RS, "{" ISS "," AUD "," SUB "," EXP ",\"role\":[\"offline_access\",\"portal\"]," PROV "}", ASSAY_ROLE_PORTAL, "P001"},
    {RS, "{" ISS "," AUD "," SUB "," EXP ",\"role\":\"portal\",\"provider\":\"*\"}", ASSAY_ROLE_PORTAL, NULL},
    {RS, "{" ISS "," AUD "," SUB "," EXP ",\"role\":\"dashboard\"}", ASSAY_ROLE_DASHBOARD, NULL},
    {RS, "{" ISS "," AUD "," SUB "," EXP ",\"role\":\"dashboard\",\"provider\":null,\"x\":{\"role\":\"admin\"}}",
     ASSAY_ROLE_DASHBOARD, NULL},
};

START_TEST(who_is_let_in) {
    struct assay_jwt t;
    char *token = token_make(strstr(good[_i].header, "ES256") ? ec : rsa, good[_i].header, good[_i].claims);
    ck_assert_msg(check(token, &t) == ASSAY_OK, "%s: %s", good[_i].claims, err.detail);
    ck_assert_int_eq(t.role, good[_i].role);
    ck_assert(assay_str_is(t.subject, "u-17"));
    ck_assert(good[_i].provider ? assay_str_is(t.provider, good[_i].provider) : !t.provider.p);
    ck_assert(t.from <= NOW && NOW < t.until);
    free(token);
}
END_TEST

/* --- those that are not --------------------------------------------------------------------------------------------------------- */

#define WITH(header, why) \
    { header, GOOD, why }
#define SAYS(claims, why) \
    { RS, "{" claims "}", why }
static const struct {
    const char *header, *claims, *why;
} bad[] = {
    WITH("{\"alg\":\"none\",\"kid\":\"r1\"}", "RS256 or ES256"),
    WITH("{\"alg\":\"NONE\",\"kid\":\"r1\"}", "RS256 or ES256"),
    WITH("{\"alg\":\"HS256\",\"kid\":\"r1\"}", "RS256 or ES256"),
    WITH("{\"alg\":\"RS512\",\"kid\":\"r1\"}", "RS256 or ES256"),
    WITH("{\"alg\":\"PS256\",\"kid\":\"r1\"}", "RS256 or ES256"),
    WITH("{\"alg\":[\"RS256\"],\"kid\":\"r1\"}", "RS256 or ES256"),
    WITH("{\"kid\":\"r1\"}", "RS256 or ES256"),
    WITH("{\"alg\":\"ES256\",\"kid\":\"r1\"}", "another algorithm"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"e1\"}", "another algorithm"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"r2\"}", "none of the issuer's"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"h1\"}", "none of the issuer's"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"\"}", "no text of 1 to 256"),
    WITH("{\"alg\":\"RS256\",\"kid\":7}", "no text of 1 to 256"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"r1\\u0000\"}", "no text of 1 to 256"),
    WITH("{\"alg\":\"RS256\"}", "does not say which"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[\"exp\"]}", "crit"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[]}", "crit"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"r1\",\"b64\":false,\"crit\":[\"b64\"]}", "crit"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"logout+jwt\"}", "typ"),
    WITH("{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"r1\"}", "sound header"),
    WITH("[\"RS256\"]", "sound header"),
    WITH("{\"alg\":\"RS256\",\"kid\":\"r1\"", "sound header"),
    SAYS("\"iss\":\"https://idp.example/realm/\"," AUD "," SUB "," EXP "," ROLE "," PROV, "(iss)"),
    SAYS("\"iss\":[\"https://idp.example/realm\"]," AUD "," SUB "," EXP "," ROLE "," PROV, "(iss)"),
    SAYS(AUD "," SUB "," EXP "," ROLE "," PROV, "(iss)"),
    SAYS(ISS "," SUB "," EXP "," ROLE "," PROV, "(aud)"),
    SAYS(ISS ",\"aud\":\"assay2\"," SUB "," EXP "," ROLE "," PROV, "(aud)"),
    SAYS(ISS ",\"aud\":[]," SUB "," EXP "," ROLE "," PROV, "(aud)"),
    SAYS(ISS ",\"aud\":[[\"assay\"]]," SUB "," EXP "," ROLE "," PROV, "(aud)"),
    SAYS(ISS ",\"aud\":{\"assay\":1}," SUB "," EXP "," ROLE "," PROV, "(aud)"),
    SAYS(ISS "," AUD "," EXP "," ROLE "," PROV, "(sub)"),
    SAYS(ISS "," AUD ",\"sub\":\"\"," EXP "," ROLE "," PROV, "(sub)"),
    SAYS(ISS "," AUD ",\"sub\":\"a\\nb\"," EXP "," ROLE "," PROV, "(sub)"),
    SAYS(ISS "," AUD ",\"sub\":\"a\\u0000\"," EXP "," ROLE "," PROV, "(sub)"),
    SAYS(ISS "," AUD "," SUB "," ROLE "," PROV, "(exp)"),
    SAYS(ISS "," AUD "," SUB ",\"exp\":980999940," ROLE "," PROV, "has expired"),
    SAYS(ISS "," AUD "," SUB ",\"exp\":-1," ROLE "," PROV, "has expired"),
    SAYS(ISS "," AUD "," SUB ",\"exp\":\"981000300\"," ROLE "," PROV, "no number"),
    SAYS(ISS "," AUD "," SUB ",\"exp\":1e999," ROLE "," PROV, "sound claims"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"nbf\":981000061," ROLE "," PROV, "(nbf)"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"nbf\":true," ROLE "," PROV, "no number"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"iat\":981000061," ROLE "," PROV, "(iat)"),
    SAYS(ISS "," AUD "," SUB "," EXP "," PROV, "no role"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"role\":\"Provider\"," PROV, "no role"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"role\":\"admin\"," PROV, "does not come in"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"role\":\"manufacturer\"", "does not come in"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"role\":[\"portal\",\"admin\"]," PROV, "more than one"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"role\":{\"portal\":1}," PROV, "no role"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"x\":{\"role\":\"portal\"}," PROV, "no role"),
    SAYS(ISS "," AUD "," SUB "," EXP "," ROLE, "does not name its provider"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"role\":\"portal\"", "does not name its provider"),
    SAYS(ISS "," AUD "," SUB "," EXP "," ROLE ",\"provider\":\"*\"", "no one provider"),
    SAYS(ISS "," AUD "," SUB "," EXP "," ROLE ",\"provider\":\"\"", "no one provider"),
    SAYS(ISS "," AUD "," SUB "," EXP "," ROLE ",\"provider\":[\"P001\"]", "no one provider"),
    SAYS(ISS "," AUD "," SUB "," EXP "," ROLE ",\"provider\":\"P001\\u0000\"", "no one provider"),
    SAYS(ISS "," AUD "," SUB "," EXP ",\"role\":\"dashboard\"," PROV, "its role is of none"),
    SAYS(ISS "," AUD "," SUB "," EXP "," ROLE "," PROV ",\"cnf\":{\"jkt\":\"x\"}", "(cnf)"),
    SAYS(ISS "," AUD "," SUB "," EXP "," ROLE "," PROV ",\"role\":\"portal\"", "sound claims"),
    {RS, "[" GOOD "]", "sound claims"},
    {RS, "", "sound claims"},
};

static void must_refuse(struct assay_str token, const char *why, const char *what) {
    struct assay_jwt t;
    bool unknown;
    ck_assert_msg(check_as(&policy, token, &t, &unknown) == ASSAY_UNAUTHORIZED, "let in: %s", what);
    ck_assert_msg(strstr(err.detail, why), "%s: \"%s\", wanted %s", what, err.detail, why);
    ck_assert_msg(!strstr(err.detail, "eyJ") && !strstr(err.detail, "P001") && !strstr(err.detail, "u-17"), "told: %s",
                  err.detail);
    ck_assert_msg(unknown == (strstr(err.detail, "none of the issuer's") != NULL), "%s: unknown_key %d", what, unknown);
}

START_TEST(who_is_refused) {
    EVP_PKEY *key = strstr(bad[_i].header, "ES256") ? ec : rsa;
    char *token = token_make(key, bad[_i].header, bad[_i].claims);
    struct assay_buf what = {0};
    assay_buf_printf(&what, "%s %s", bad[_i].header, bad[_i].claims);
    must_refuse(assay_str_c(token), bad[_i].why, what.p);
    assay_buf_free(&what);
    free(token);
}
END_TEST

START_TEST(who_did_not_sign) {
    char *tokens[] = {token_make(other, RS, GOOD),
                      token_make(other_ec, ES, GOOD),
                      token_make(NULL, RS, GOOD),
                      token_make(NULL, "{\"alg\":\"none\"}", GOOD),
                      token_confused(rsa, "{\"alg\":\"HS256\",\"kid\":\"r1\"}", GOOD),
                      token_confused(rsa, RS, GOOD)};
    static const char *const why[] = {"not right",      "not right",      "no sound signature",
                                      "RS256 or ES256", "RS256 or ES256", "not right"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) must_refuse(assay_str_c(tokens[i]), why[i], why[i]);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) free(tokens[i]);
}
END_TEST

/* Whatever byte of a token is another, also where it would decode to the same. */
START_TEST(no_byte_may_be_another) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=. \n+/";
    char *token = token_make(_i ? ec : rsa, _i ? ES : RS, GOOD);
    struct assay_jwt t;
    size_t n = strlen(token), last = n - 1;
    for (size_t i = 0; i < n; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        ck_assert_msg(check(token, &t) == ASSAY_UNAUTHORIZED, "byte %zu of %zu", i, n);
        token[i] = was;
    }
    for (const char *c = digits; *c; c++) {
        char was = token[last];
        token[last] = *c;
        ck_assert_msg((check(token, &t) == ASSAY_OK) == (*c == was), "ends in %c and is taken", *c);
        token[last] = was;
    }
    for (size_t cut = 0; cut < n; cut++) {
        bool unknown;
        ck_assert_int_eq(check_as(&policy, (struct assay_str){token, cut}, &t, &unknown), ASSAY_UNAUTHORIZED);
    }
    ck_assert_int_eq(check(token, &t), ASSAY_OK);
    free(token);
}
END_TEST

START_TEST(forms_that_are_no_token) {
    char *token = token_make(rsa, RS, GOOD);
    static const char *const around[][2] = {{"", "="},  {"", "=="}, {" ", ""}, {"", " "},
                                            {"", "\n"}, {"", ".x"}, {".", ""}, {"", "AAAA"}};
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        struct assay_buf b = {0};
        assay_buf_printf(&b, "%s%s%s", around[i][0], token, around[i][1]);
        must_refuse(assay_buf_str(&b), "token", b.p);
        assay_buf_free(&b);
    }
    static const char *const none[] = {"",      ".",           "..",    "...",  "a.b",
                                       "a.b.c", "e30.e30.e30", "e30..", "....", "e30.e30.e30.e30.e30"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) must_refuse(assay_str_c(none[i]), "token", none[i]);
    /* Each part with what is no base64url in it, the others sound: nothing of it reaches the JOSE library, which would abort. */
    for (size_t at = 1; at < strlen(token); at++) {
        static const char odd[] = "=+/ \t\r\n\"%\x7f\xff";
        for (const char *c = odd; *c; c++) {
            struct assay_buf b = {0};
            assay_buf_adds(&b, token);
            if (b.p[at] != '.') b.p[at] = *c;
            else assay_buf_addc(&b, *c);
            must_refuse(assay_buf_str(&b), "token", b.p);
            b.n = 0;
            assay_buf_printf(&b, "%.*s%c%s", (int)at, token, *c, token + at);
            must_refuse(assay_buf_str(&b), "token", b.p);
            assay_buf_free(&b);
        }
    }
    ck_assert(assay_jwt_formed(assay_str_c(token)) && !assay_jwt_formed(ASSAY_STR("assay_0123")) &&
              !assay_jwt_formed(ASSAY_STR_NONE));
    struct assay_buf claims = {0};
    assay_buf_printf(&claims, "{" ISS "," AUD "," SUB "," EXP "," ROLE "," PROV ",\"x\":\"%0*d\"}", 20000, 0);
    char *large = token_make(rsa, RS, claims.p);
    must_refuse(assay_str_c(large), "longer than 16384 bytes", "a large one");
    claims.n = 0;
    assay_buf_adds(&claims, "{\"x\":");
    for (int i = 0; i < 3000; i++) assay_buf_addc(&claims, '[');
    for (int i = 0; i < 3000; i++) assay_buf_addc(&claims, ']');
    assay_buf_addc(&claims, '}');
    char *deep = token_make(rsa, RS, claims.p);
    must_refuse(assay_str_c(deep), "sound claims", "a deep one");
    assay_buf_free(&claims);
    free(token), free(large), free(deep);
}
END_TEST

/* --- sets ------------------------------------------------------------------------------------------------------------------------ */

static size_t count_of(const char *json) {
    struct assay_jwks *k = NULL;
    size_t n = assay_jwks_read(assay_str_c(json), &k, &err) == ASSAY_OK ? assay_jwks_count(k) : 0;
    assay_jwks_free(k);
    return n;
}

START_TEST(sets_without_a_key_that_can_serve) {
    static const struct {
        const char *json, *why;
    } rows[] = {
        {"", "no JSON"},
        {"{\"keys\":", "no JSON"},
        {"[]", "no set of keys"},
        {"{\"keys\":{}}", "no set of keys"},
        {"{\"keys\":[]}", "it is empty"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}", "neither RSA nor EC"},
        {"{\"keys\":[7,null,\"x\"]}", "neither RSA nor EC"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}", "make no key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "fewer than 2048"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}]}", "make no key"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}", "make no key"},
        /* At these the JOSE library would abort, or read one number where another is written. */
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"uuuuu=uu\",\"e\":\"AQAB\"}]}", "make no key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"uuuuu\",\"e\":\"AQAB\"}]}", "make no key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"A\"}]}", "make no key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"\"}]}", "make no key"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A=AB\",\"y\":\"AQAB\"}]}", "make no key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_uint_eq(count_of(rows[i].json), 0);
        ck_assert_msg(strstr(err.detail, rows[i].why), "%s: %s", rows[i].json, err.detail);
    }
}
END_TEST

START_TEST(keys_that_are_passed_over) {
    EVP_PKEY *p384 = token_ec("P-384");
    const struct {
        EVP_PKEY *key;
        const char *kid, *more;
        size_t n;
    } rows[] = {
        {rsa, "a", "", 1},
        {rsa, NULL, ",\"key_ops\":[\"verify\"]", 1},
        {rsa, "a", ",\"key_ops\":[\"encrypt\"]", 0},
        {rsa, "a", ",\"use\":\"enc\"", 0},
        {rsa, "a", ",\"alg\":\"RS384\"", 0},
        {rsa, "a", ",\"d\":\"AQAB\"", 0},
        {rsa, "", "", 0},
        {ec, "a", ",\"alg\":\"ES256\"", 1},
        {ec, "a", ",\"alg\":\"RS256\"", 0},
        {p384, "a", "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_buf b = {0};
        assay_buf_adds(&b, "{\"keys\":[");
        token_add_jwk(&b, rows[i].key, rows[i].kid, rows[i].more);
        assay_buf_addc(&b, ',');
        token_add_jwk(&b, rows[i].key, rows[i].kid, rows[i].more); /* a second of the name is passed over, too */
        assay_buf_adds(&b, "]}");
        ck_assert_msg(count_of(b.p) == (rows[i].kid ? rows[i].n : 2 * rows[i].n), "row %zu: %s", i, err.detail);
        assay_buf_free(&b);
    }
    EVP_PKEY_free(p384);
}
END_TEST

/* OpenID Connect Core 10.1: only where there is one key may a token keep quiet about its name. */
START_TEST(a_single_key_needs_no_name) {
    struct assay_jwks *one;
    struct assay_buf b = {0};
    struct assay_jwt t;
    bool unknown;
    char *token = token_make(rsa, "{\"alg\":\"RS256\"}", GOOD), *crossed = token_make(ec, "{\"alg\":\"ES256\"}", GOOD);
    assay_buf_adds(&b, "{\"keys\":[");
    token_add_jwk(&b, rsa, "r1", "");
    assay_buf_adds(&b, "]}");
    ck_assert_int_eq(assay_jwks_read(assay_buf_str(&b), &one, &err), ASSAY_OK);
    ck_assert_int_eq(assay_jwt_check(one, &policy, assay_str_c(token), NOW, &arena, &t, &unknown, &err), ASSAY_OK);
    ck_assert_int_eq(assay_jwt_check(one, &policy, assay_str_c(crossed), NOW, &arena, &t, &unknown, &err), ASSAY_UNAUTHORIZED);
    assay_jwks_free(one);
    assay_buf_free(&b);
    free(token), free(crossed);
}
END_TEST

static Suite *suite_of_jwt(void) {
    Suite *s = suite_create("jwt");
    TCase *t = tcase_create("jwt");
    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, who_is_let_in, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(t, who_is_refused, 0, sizeof bad / sizeof *bad);
    tcase_add_test(t, who_did_not_sign);
    tcase_add_loop_test(t, no_byte_may_be_another, 0, 2);
    tcase_add_test(t, forms_that_are_no_token);
    tcase_add_test(t, sets_without_a_key_that_can_serve);
    tcase_add_test(t, keys_that_are_passed_over);
    tcase_add_test(t, a_single_key_needs_no_name);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_jwt)
