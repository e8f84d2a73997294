/* test_tokens.c -- bearers of tokens against the registry; sets of keys that change, are lost, or come from a server that misbehaves. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "app/fetch.h"
#include "assay/service.h"
#include "assay/tokens.h"
#include "check_main.h"
#include "pg.h"
#include "tokens.h"

#define ISSUER "https://idp.example/realm"
static struct assay_error err;
static char info[TEST_PG_CONNINFO], file[] = "/tmp/assay-jwks-XXXXXX";
static struct assay_service *service;
static struct assay_arena arena;
static struct assay_tokens *tokens;
static char authority[] = "/tmp/assay-ca-XXXXXX";
static const char *trusted; /* the file of authorities; NULL: the system's */
static EVP_PKEY *first, *second;
static assay_instant clock_now;

#define OK(call)                                                                                 \
    do {                                                                                         \
        enum assay_status st_ = (call);                                                          \
        ck_assert_msg(st_ == ASSAY_OK, "%s: %s: %s", #call, assay_status_code(st_), err.detail); \
    } while (0)

static assay_instant test_now(void) { return clock_now; }

static void put_provider(const char *code) {
    const struct assay_provider p = {.code = assay_str_c(code),
                                     .name = ASSAY_STR("one"),
                                     .facts = {ASSAY_NO_DATE, ASSAY_STR("Beijing"), false},
                                     .status = ASSAY_PROVIDER_ACTIVE};
    struct assay_session *s;
    bool created;
    OK(assay_session_open(service, &s, &err));
    s->actor = (struct assay_actor){ASSAY_STR("somebody"), ASSAY_STR("manufacturer"), ASSAY_STR("request-1")};
    OK(assay_registry_put_providers(s, &p, 1, &created, &err));
    assay_session_close(s);
}

static void once(void) {
    struct assay_db *db;
    int applied;
    clock_now = assay_date_from_civil(2001, 6, 1) * ASSAY_DAY;
    test_pg_start();
    test_pg_database(info);
    OK(assay_db_open(info, 60000, &db, &err));
    OK(assay_store_migrate(db, clock_now, &applied, &err));
    assay_db_close(db);
    first = token_rsa(2048);
    second = token_ec("P-256");
}

static void set_up(void) {
    struct assay_service_options o = {.conninfo = info, .now = test_now};
    OK(assay_service_start(&o, &service, &err));
    put_provider("P1");
    int fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void tear_down(void) {
    assay_tokens_close(tokens);
    assay_service_stop(service);
    assay_arena_free(&arena);
    unlink(file);
}

/* The text of a set; a NULL key: without. */
static struct assay_buf set_of(const EVP_PKEY *a, const EVP_PKEY *b) {
    struct assay_buf s = {0};
    assay_buf_adds(&s, "{\"keys\":[");
    if (a) token_add_jwk(&s, a, "first", "");
    if (a && b) assay_buf_addc(&s, ',');
    if (b) token_add_jwk(&s, b, "second", "");
    assay_buf_adds(&s, "]}");
    return s;
}

static void write_file(const char *text) {
    FILE *f = fopen(file, "w");
    ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static enum assay_status open_from(const char *jwks, int64_t refresh_ms, int64_t least_ms) {
    struct assay_tokens_options o = {.service = service,
                                     .issuer = ISSUER,
                                     .audience = "assay",
                                     .role_claim = "role",
                                     .provider_claim = "provider",
                                     .roles = "provider, portal,dashboard",
                                     .jwks = jwks,
                                     .skew_seconds = 60,
                                     .fetch = assay_fetch,
                                     .fetch_arg = (void *)(uintptr_t)trusted,
                                     .refresh_ms = refresh_ms,
                                     .least_ms = least_ms};
    err = (struct assay_error){0};
    return assay_tokens_open(&o, &tokens, &err);
}

static void open_file(const EVP_PKEY *a, const EVP_PKEY *b) {
    struct assay_buf s = set_of(a, b);
    write_file(s.p);
    OK(open_from(file, 0, 0));
    assay_buf_free(&s);
}

static char *token_of(EVP_PKEY *key, const char *role, const char *provider) {
    struct assay_buf claims = {0};
    assay_buf_printf(&claims, "{\"iss\":\"" ISSUER "\",\"aud\":\"assay\",\"sub\":\"u-17\",\"exp\":%lld,\"role\":\"%s\"",
                     (long long)(assay_date_from_civil(2001, 6, 1) * 86400LL + 300), role);
    if (provider) assay_buf_printf(&claims, ",\"provider\":\"%s\"", provider);
    assay_buf_addc(&claims, '}');
    char *token = token_make(
        key, key == first ? "{\"alg\":\"RS256\",\"kid\":\"first\"}" : "{\"alg\":\"ES256\",\"kid\":\"second\"}", claims.p);
    assay_buf_free(&claims);
    return token;
}

static const struct assay_principal *who;
static enum assay_status check(const char *token) {
    who = NULL;
    err = (struct assay_error){0};
    return assay_tokens_check(tokens, assay_str_c(token), clock_now, &arena, &who, &err);
}

static struct assay_tokens_stats stats(void) {
    struct assay_tokens_stats s;
    assay_tokens_stats(tokens, &s);
    return s;
}

static void pause_ms(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

static int64_t now_ms(void) { return assay_clock_monotonic_us() / 1000; }

/* --- bearers --------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_bearer_is_a_principal) {
    open_file(first, second);
    char *provider = token_of(first, "provider", "P1"), *all = token_of(second, "portal", "*"),
         *portal = token_of(second, "portal", "P1"), *strange = token_of(first, "provider", "P2");
    for (int again = 0; again < 2; again++) {
        OK(check(provider));
        ck_assert(who->role == ASSAY_ROLE_PROVIDER && assay_str_is(who->provider, "P1") && who->provider_id > 0);
        ck_assert(assay_str_is(who->id, "u-17@idp.example/realm"));
        OK(check(all));
        ck_assert(who->role == ASSAY_ROLE_PORTAL && !who->provider.p && who->provider_id == 0);
        OK(check(portal));
        ck_assert(who->role == ASSAY_ROLE_PORTAL && assay_str_is(who->provider, "P1") && who->provider_id > 0);
        ck_assert_int_eq(check(strange), ASSAY_UNAUTHORIZED);
        ck_assert_str_eq(err.detail, "the token's provider is not registered");
    }
    put_provider("P2");
    OK(check(strange)); /* the registry is asked each time */
    struct assay_tokens_stats s = stats();
    ck_assert_int_eq(s.verified, 4);
    ck_assert_int_eq(s.recalled, 5);
    ck_assert_int_eq(s.refused, 2);
    free(provider), free(all), free(portal), free(strange);
}
END_TEST

/* Also of a token that is remembered. */
START_TEST(a_token_ends) {
    open_file(first, NULL);
    char *token = token_of(first, "dashboard", NULL);
    OK(check(token));
    clock_now += 360 * ASSAY_SECOND - 1;
    OK(check(token));
    clock_now += 1;
    ck_assert_int_eq(check(token), ASSAY_UNAUTHORIZED);
    ck_assert_str_eq(err.detail, "the token has expired");
    free(token);
}
END_TEST

START_TEST(a_key_that_is_gone_lets_nobody_in) {
    bool changed;
    open_file(first, second);
    char *old = token_of(first, "dashboard", NULL), *new = token_of(second, "dashboard", NULL);
    OK(check(old));
    OK(check(old));
    struct assay_buf s = set_of(NULL, second);
    write_file(s.p);
    OK(check(old)); /* nobody was asked to read it */
    OK(assay_tokens_reload(tokens, &changed, &err));
    ck_assert(changed);
    ck_assert_int_eq(check(old), ASSAY_UNAUTHORIZED);
    OK(check(new));
    /* what is not sound changes nothing */
    static const char *const unsound[] = {"", "{\"keys\":[]}", "{\"keys\":[", "\xEF\xBB\xBF{}"};
    for (size_t i = 0; i < 4; i++) {
        write_file(unsound[i]);
        ck_assert_int_eq(assay_tokens_reload(tokens, &changed, &err), ASSAY_CONFIG);
        ck_assert(!changed && strstr(err.detail, file));
        OK(check(new));
    }
    unlink(file);
    ck_assert_int_eq(assay_tokens_reload(tokens, &changed, &err), ASSAY_CONFIG);
    OK(check(new));
    ck_assert_int_eq(stats().failures, 5);
    assay_buf_free(&s);
    free(old), free(new);
}
END_TEST

START_TEST(what_cannot_be_opened) {
    static const struct {
        const char *jwks, *why;
    } rows[] = {{"/nowhere/jwks.json", "cannot read /nowhere/jwks.json"},
                {"/tmp", "cannot read /tmp"},
                {"http://idp.example/jwks", "https is wanted"},
                {"http://127.0.0.1.evil.example/jwks", "https is wanted"},
                {"http://localhost@evil.example/jwks", "https is wanted"},
                {"https://user:secret@idp.example/jwks", "https is wanted"},
                {"https:///jwks", "https is wanted"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(open_from(rows[i].jwks, 0, 0), ASSAY_CONFIG);
        ck_assert_msg(strstr(err.detail, rows[i].why), "%s: %s", rows[i].jwks, err.detail);
    }
    ck_assert(assay_tokens_url_safe("https://idp.example:8443/a?b#c") && assay_tokens_url_safe("http://[::1]:80/") &&
              assay_tokens_url_safe("http://localhost/x") && !assay_tokens_url_safe("http://[::2]/"));
    uint32_t roles;
    ck_assert_int_eq(assay_tokens_roles("portal,admin", &roles, &err), ASSAY_INVALID_VALUE);
    ck_assert_int_eq(assay_tokens_roles("potral", &roles, &err), ASSAY_INVALID_VALUE);
    ck_assert_int_eq(assay_tokens_roles(" , ", &roles, &err), ASSAY_INVALID_VALUE);
    OK(assay_tokens_roles("portal, ccc", &roles, &err));
    ck_assert_uint_eq(roles, 1u << ASSAY_ROLE_PORTAL | 1u << ASSAY_ROLE_CCC);
}
END_TEST

/* --- a server of keys ------------------------------------------------------------------------------------------------------------- */

enum mood { SOUND, FAILS, MOVED, HUGE_BODY, EMPTY, STALLS, HANGS_UP };
static struct {
    int fd;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    struct assay_buf body;
    SSL_CTX *tls; /* NULL: in clear */
    _Atomic int mood, hits;
    atomic_bool end;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void send_text(int fd, const char *p, size_t n) {
    for (ssize_t k; n && (k = send(fd, p, n, MSG_NOSIGNAL)) > 0; p += k) n -= (size_t)k;
}

static void answer(int fd) {
    char head[2048];
    struct assay_buf b = {0};
    if (recv(fd, head, sizeof head, 0) <= 0) return;
    switch ((enum mood)atomic_load(&server.mood)) {
    case SOUND:
        pthread_mutex_lock(&server.lock);
        assay_buf_printf(&b, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", server.body.n,
                         server.body.p);
        pthread_mutex_unlock(&server.lock);
        break;
    case FAILS: assay_buf_adds(&b, "HTTP/1.1 500 No\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"keys\":[]}"); break;
    case MOVED:
        assay_buf_printf(&b, "HTTP/1.1 302 Go\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", server.url);
        break;
    case HUGE_BODY:
        assay_buf_adds(&b, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 1 << 20; i++) assay_buf_addc(&b, ' ');
        break;
    case EMPTY: assay_buf_adds(&b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); break;
    case STALLS:
        assay_buf_adds(&b, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
        send_text(fd, b.p, b.n);
        while (atomic_load(&server.mood) == STALLS && !atomic_load(&server.end)) pause_ms(10);
        b.n = 0;
        break;
    case HANGS_UP: break;
    }
    send_text(fd, b.p, b.n);
    assay_buf_free(&b);
}

static void answer_over_tls(int fd) {
    char head[2048];
    struct assay_buf b = {0};
    SSL *s = SSL_new(server.tls);
    SSL_set_fd(s, fd);
    if (SSL_accept(s) == 1 && SSL_read(s, head, sizeof head) > 0) {
        assay_buf_printf(&b, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", server.body.n,
                         server.body.p);
        SSL_write(s, b.p, (int)b.n);
        SSL_shutdown(s);
    }
    assay_buf_free(&b);
    SSL_free(s);
}

/* A certificate for this address, which signs itself; written where it can be trusted. */
static void speak_tls(const char *address) {
    EVP_PKEY *key = token_ec("P-256");
    X509 *c = X509_new();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    X509_gmtime_adj(X509_getm_notBefore(c), -3600);
    X509_gmtime_adj(X509_getm_notAfter(c), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)"issuer", -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(c));
    X509_set_pubkey(c, key);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, address);
    X509_add_ext(c, names, -1);
    X509_EXTENSION_free(names);
    ck_assert_int_gt(X509_sign(c, key, EVP_sha256()), 0);
    server.tls = SSL_CTX_new(TLS_server_method());
    ck_assert(SSL_CTX_use_certificate(server.tls, c) == 1 && SSL_CTX_use_PrivateKey(server.tls, key) == 1);
    int fd = mkstemp(authority);
    FILE *f = fdopen(fd, "w");
    ck_assert(f && PEM_write_X509(f, c) == 1 && fclose(f) == 0);
    X509_free(c);
    EVP_PKEY_free(key);
    signal(SIGPIPE, SIG_IGN); /* a client that does not like the certificate hangs up */
}

static void *serve(void *arg) {
    (void)arg;
    for (int fd; (fd = accept(server.fd, NULL, NULL)) >= 0 && !atomic_load(&server.end); close(fd)) {
        atomic_fetch_add(&server.hits, 1);
        if (server.tls) answer_over_tls(fd);
        else answer(fd);
    }
    return NULL;
}

static void serve_set(const EVP_PKEY *a, const EVP_PKEY *b) {
    pthread_mutex_lock(&server.lock);
    assay_buf_free(&server.body);
    server.body = set_of(a, b);
    pthread_mutex_unlock(&server.lock);
}

static void start_server(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(bind(server.fd, (struct sockaddr *)&at, n) == 0 && listen(server.fd, 8) == 0 &&
              getsockname(server.fd, (struct sockaddr *)&at, &n) == 0);
    snprintf(server.url, sizeof server.url, "http%s://127.0.0.1:%d/jwks", server.tls ? "s" : "", ntohs(at.sin_port));
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop_server(void) {
    atomic_store(&server.end, true);
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    assay_buf_free(&server.body);
    SSL_CTX_free(server.tls);
}

/* Until so many sets were taken, or attempts failed. */
static void wait_for(int64_t loads, int64_t failures) {
    for (int i = 0; i < 500 && (stats().loads < loads || stats().failures < failures); i++) pause_ms(10);
    ck_assert_msg(stats().loads >= loads && stats().failures >= failures, "%lld sets, %lld failures", (long long)stats().loads,
                  (long long)stats().failures);
}

START_TEST(an_unknown_key_is_asked_for) {
    start_server();
    serve_set(first, NULL);
    OK(open_from(server.url, 600000, 300));
    char *old = token_of(first, "dashboard", NULL), *new = token_of(second, "dashboard", NULL);
    OK(check(old));
    serve_set(NULL, second);
    OK(check(old)); /* nobody has asked yet */
    for (int i = 0; i < 50; i++) ck_assert_int_eq(check(new), ASSAY_UNAUTHORIZED);
    ck_assert_int_eq(atomic_load(&server.hits), 1); /* not before its time, however often */
    wait_for(2, 0);
    OK(check(new));
    ck_assert_int_eq(check(old), ASSAY_UNAUTHORIZED);
    ck_assert_int_eq(atomic_load(&server.hits), 2);
    free(old), free(new);
    stop_server();
}
END_TEST

START_TEST(keys_are_renewed_in_the_background) {
    bool changed;
    start_server();
    serve_set(first, NULL);
    OK(open_from(server.url, 50, 10000));
    serve_set(NULL, second);
    wait_for(3, 0);
    char *new = token_of(second, "dashboard", NULL);
    OK(check(new));
    assay_tokens_close(tokens);
    serve_set(first, NULL);
    OK(open_from(server.url, 600000, 600000));
    serve_set(first, second);
    OK(assay_tokens_reload(tokens, &changed, &err)); /* SIGHUP does not wait for its turn */
    wait_for(2, 0);
    OK(check(new));
    free(new);
    stop_server();
}
END_TEST

START_TEST(the_last_good_set_stays) {
    static const enum mood moods[] = {FAILS, MOVED, HUGE_BODY, EMPTY, HANGS_UP};
    bool changed;
    start_server();
    serve_set(first, NULL);
    OK(open_from(server.url, 600000, 600000));
    char *token = token_of(first, "dashboard", NULL), *other = token_of(first, "portal", "*");
    for (size_t i = 0; i < sizeof moods / sizeof *moods; i++) {
        atomic_store(&server.mood, moods[i]);
        OK(assay_tokens_reload(tokens, &changed, &err));
        wait_for(1, (int64_t)i + 1);
        OK(check(token));
    }
    ck_assert_int_eq(stats().loads, 1);
    ck_assert_int_eq(atomic_load(&server.hits), 1 + (int)(sizeof moods / sizeof *moods)); /* no redirect was followed */
    /* While it stalls nobody waits, neither who calls nor who stops. */
    atomic_store(&server.mood, STALLS);
    OK(assay_tokens_reload(tokens, &changed, &err));
    for (int i = 0; i < 200 && atomic_load(&server.hits) < 7; i++) pause_ms(10);
    int64_t began = now_ms();
    OK(check(other));
    ck_assert_int_lt(now_ms() - began, 500);
    assay_tokens_close(tokens);
    tokens = NULL;
    ck_assert_int_lt(now_ms() - began, 4000);
    free(token), free(other);
    stop_server();
}
END_TEST

START_TEST(a_server_that_is_away_at_the_start) {
    start_server();
    atomic_store(&server.mood, FAILS);
    serve_set(first, NULL);
    OK(open_from(server.url, 600000, 100));
    char *token = token_of(first, "dashboard", NULL);
    ck_assert_int_eq(check(token), ASSAY_UNAUTHORIZED);
    ck_assert_msg(strstr(err.detail, "could not be had yet"), "%s", err.detail);
    atomic_store(&server.mood, SOUND);
    wait_for(1, 1); /* sooner than the ten minutes */
    OK(check(token));
    free(token);
    stop_server();
}
END_TEST

/* Whoever has the address can answer; who has the certificate's name and key is believed. */
START_TEST(a_server_must_show_who_it_is) {
    static const struct {
        const char *address;
        bool trusted;
        int64_t loads;
    } rows[] = {{"IP:127.0.0.1", true, 1}, {"IP:127.0.0.1", false, 0}, {"DNS:idp.example,IP:127.0.0.2", true, 0}};
    speak_tls(rows[_i].address);
    start_server();
    serve_set(first, NULL);
    trusted = rows[_i].trusted ? authority : NULL;
    OK(open_from(server.url, 600000, 600000));
    ck_assert_int_eq(stats().loads, rows[_i].loads);
    ck_assert_int_eq(stats().failures, !rows[_i].loads);
    assay_tokens_close(tokens);
    /* the same without TLS behind an address that says https */
    stop_server();
    server.tls = NULL;
    atomic_store(&server.end, false);
    start_server();
    serve_set(first, NULL);
    char *said = assay_arena_printf(&arena, "https%s", server.url + 4);
    OK(open_from(said, 600000, 600000));
    ck_assert_int_eq(stats().loads, 0);
    stop_server();
    unlink(authority);
}
END_TEST

/* --- many at once ------------------------------------------------------------------------------------------------------------------ */

static void *call_often(void *arg) {
    char *const *several = arg;
    struct assay_arena a = {0};
    for (int i = 0; i < 400; i++) {
        const struct assay_principal *p;
        struct assay_error e;
        assay_arena_reset(&a);
        ck_assert_int_eq(assay_tokens_check(tokens, assay_str_c(several[i % 2]), clock_now, &a, &p, &e), ASSAY_OK);
        ck_assert(p->role == (i % 2 ? ASSAY_ROLE_DASHBOARD : ASSAY_ROLE_PROVIDER));
    }
    assay_arena_free(&a);
    return NULL;
}

START_TEST(many_call_while_keys_are_exchanged) {
    pthread_t threads[3];
    bool changed;
    open_file(first, second);
    char *several[] = {token_of(first, "provider", "P1"), token_of(second, "dashboard", NULL)};
    for (size_t i = 0; i < 3; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, several), 0);
    for (int i = 0; i < 40; i++) {
        OK(assay_tokens_reload(tokens, &changed, &err));
        pause_ms(2);
    }
    for (size_t i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    ck_assert_int_eq(stats().verified + stats().recalled, 1200);
    ck_assert_int_gt(stats().verified, 2);
    free(several[0]), free(several[1]);
}
END_TEST

static Suite *suite_of_tokens(void) {
    Suite *s = suite_create("tokens");
    TCase *t = tcase_create("tokens");
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_bearer_is_a_principal);
    tcase_add_test(t, a_token_ends);
    tcase_add_test(t, a_key_that_is_gone_lets_nobody_in);
    tcase_add_test(t, what_cannot_be_opened);
    tcase_add_test(t, an_unknown_key_is_asked_for);
    tcase_add_test(t, keys_are_renewed_in_the_background);
    tcase_add_test(t, the_last_good_set_stays);
    tcase_add_test(t, a_server_that_is_away_at_the_start);
    tcase_add_loop_test(t, a_server_must_show_who_it_is, 0, 3);
    tcase_add_test(t, many_call_while_keys_are_exchanged);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_tokens)
