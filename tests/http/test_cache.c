/* test_cache.c -- kept replies without a socket: keys, tags, bounds, many threads; and the list of origins. */
#include <pthread.h>
#include <stdatomic.h>

#include "assay/http.h"
#include "check_main.h"

static struct assay_http_cache *cache;
static struct assay_http_config config;
static _Thread_local int worked_out; /* by this thread */
static atomic_ullong config_now, data_now, audience_now;

static bool tag(struct assay_http_request *r, struct assay_http_tag *out) {
    *out = (struct assay_http_tag){
        .audience = atomic_load(&audience_now), .config = atomic_load(&config_now), .data = atomic_load(&data_now)};
    return true;
}

/* The path, n bytes of filling, and the data as it was when the handler began; once told to, the data moves on the way. */
static bool move_on_the_way;
static enum assay_http_flow show(struct assay_http_request *r, void *worker) {
    struct assay_buf b = {0};
    struct assay_errors es = {0};
    int64_t n = 0;
    worked_out++;
    assay_http_param_int(r, "n", 0, 10000000, &n, &es);
    assay_buf_printf(&b, "%.*s %llu %d ", ASSAY_STR_ARG(r->vars[0]), atomic_load(&data_now), r->produce);
    if (move_on_the_way) atomic_fetch_add(&data_now, 1);
    for (int64_t i = 0; i < n; i++) assay_buf_addc(&b, (char)('a' + i % 26));
    if (n == 1) assay_http_reply_etag(r, "v1");
    assay_http_reply(r, 200, r->produce == 1 ? "text/csv" : "text/plain", &b);
    return ASSAY_HTTP_DONE;
}

static const char *const params[] = {"n", "m", NULL};
static const char *const produces[] = {"text/plain", "text/csv", NULL};
static const struct assay_http_route routes[] = {
    {.name = "a",
     .method = ASSAY_HTTP_GET,
     .pattern = "/a/{x}",
     .handler = show,
     .params = params,
     .produces = produces,
     .scope = 1},
    {.name = "b", .method = ASSAY_HTTP_GET, .pattern = "/b/{x}", .handler = show, .params = params, .scope = 1},
    {.name = "c", .method = ASSAY_HTTP_GET, .pattern = "/c/{x}", .handler = show, .params = params},
};

static void setup_of(size_t bytes) {
    worked_out = 0;
    move_on_the_way = false;
    atomic_store(&config_now, 1);
    atomic_store(&data_now, 1);
    atomic_store(&audience_now, 0);
    cache = assay_http_cache_new(bytes, NULL);
    assay_http_config_init(&config);
    config.routes = routes;
    config.n_routes = sizeof routes / sizeof *routes;
    config.cache = cache;
    config.tag = tag;
}
static void setup(void) { setup_of((size_t)1 << 20); }
static void teardown(void) { assay_http_cache_free(cache); }

static struct assay_http_result call_with(const char *method, const char *target, const char *name, const char *value) {
    struct assay_http_field fields[] = {{name, value}, {NULL, NULL}};
    struct assay_http_result out;
    assay_http_call(&config, &(struct assay_http_call){.method = method, .target = target, .headers = name ? fields : NULL}, NULL,
                    &out);
    return out;
}

static void get(const char *target, const char *wanted) {
    struct assay_http_result r = call_with("GET", target, NULL, NULL);
    ck_assert_int_eq(r.status, 200);
    ck_assert_msg(r.body.n >= strlen(wanted) && !memcmp(r.body.p, wanted, strlen(wanted)), "%s: %.40s", target, r.body.p);
    assay_http_result_free(&r);
}

static struct assay_http_cache_stats stats(void) {
    struct assay_http_cache_stats s;
    assay_http_cache_stats(cache, &s);
    return s;
}

START_TEST(what_is_asked_is_the_key) {
    static const struct {
        const char *target, *accept;
        bool same; /* as an earlier one */
    } rows[] = {
        {"/a/x", NULL, false},        {"/a/x?", NULL, true},         {"/a/%78", NULL, true},       {"/a/x", "text/plain", true},
        {"/a/x", "text/csv", false},  {"/a/y", NULL, false},         {"/b/x", NULL, false},        {"/a/x?n=1", NULL, false},
        {"/a/x?n=2", NULL, false},    {"/a/x?n=%31", NULL, true},    {"/a/x?m=1", NULL, false},    {"/a/x?n=1&m=2", NULL, false},
        {"/a/x?m=2&n=1", NULL, true}, {"/a/x?m=1&n=2", NULL, false}, {"/a/x?n=1&m=", NULL, false}, {"/a/x%3Fn=1", NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int before = worked_out;
        struct assay_http_result r = call_with("GET", rows[i].target, rows[i].accept ? "Accept" : NULL, rows[i].accept);
        ck_assert_int_eq(r.status, 200);
        assay_http_result_free(&r);
        ck_assert_msg((worked_out == before) == rows[i].same, "row %zu: %s", i, rows[i].target);
    }
    /* Another's view is another's. */
    int before = worked_out;
    atomic_store(&audience_now, 1);
    for (int i = 0; i < 4; i++) {
        get("/a/x", "x 1 0");
        ck_assert_int_eq(worked_out, before + 1); /* and neither drives out the other's */
        atomic_store(&audience_now, i % 2);
    }
    atomic_store(&audience_now, 0);
    /* A route without a scope is never kept; nor is anything for other methods. */
    before = worked_out;
    get("/c/x", "x 1 -1");
    get("/c/x", "x 1 -1");
    ck_assert_int_eq(worked_out, before + 2);
}
END_TEST

START_TEST(a_tag_that_moved_is_a_miss) {
    get("/a/x", "x 1 ");
    atomic_store(&data_now, 2);
    get("/a/x", "x 2 ");
    atomic_store(&config_now, 2);
    get("/a/x", "x 2 ");
    ck_assert_int_eq(worked_out, 3);
    ck_assert_uint_eq(stats().entries, 1);
    /* What moves while it is worked out: the reply may be newer than its tag, and is worked out once more; never the other
     * way round. */
    move_on_the_way = true;
    atomic_store(&data_now, 3);
    get("/a/x", "x 3 ");
    move_on_the_way = false;
    get("/a/x", "x 4 ");
    get("/a/x", "x 4 ");
    ck_assert_int_eq(worked_out, 5);
    /* The ETag is of the bytes, whatever the tag: the same reply again is the same. */
    struct assay_http_result r = call_with("GET", "/a/x?n=1", NULL, NULL), again;
    ck_assert_ptr_nonnull(strstr(r.head.p, "ETag: \"v1\"\r\n"));
    again = call_with("GET", "/a/x?n=1", NULL, NULL);
    ck_assert_ptr_nonnull(strstr(again.head.p, "ETag: \"v1\"\r\n"));
    assay_http_result_free(&r);
    assay_http_result_free(&again);
    r = call_with("GET", "/a/x?n=1", "If-None-Match", "\"v1\"");
    ck_assert_int_eq(r.status, 304);
    assay_http_result_free(&r);
    ck_assert_uint_eq(stats().not_modified, 1);
}
END_TEST

START_TEST(the_bound_holds) {
    char target[64];
    teardown();
    setup_of(100000);
    for (int i = 0; i < 100; i++) {
        snprintf(target, sizeof target, "/a/k%d?n=%d", i, 3000 + i);
        get(target, "k");
        get("/a/k0?n=3000", "k0"); /* always wanted */
        struct assay_http_cache_stats s = stats();
        ck_assert_uint_le(s.bytes, 100000);
        ck_assert_uint_ge(s.entries, i < 20 ? (uint64_t)i + 1 : 20);
    }
    struct assay_http_cache_stats s = stats();
    ck_assert_int_eq(worked_out, 100);
    ck_assert_uint_eq(s.entries + s.evictions, 100);
    ck_assert_uint_gt(s.evictions, 60);
    /* The ones used last are there, the first is not. */
    get("/a/k99?n=3099", "k99");
    ck_assert_int_eq(worked_out, 100);
    get("/a/k1?n=3001", "k1");
    ck_assert_int_eq(worked_out, 101);
    /* One reply must not drive out all others. */
    get("/a/huge?n=50000", "huge");
    get("/a/huge?n=50000", "huge");
    ck_assert_int_eq(worked_out, 103);
    ck_assert_uint_eq(stats().evictions, s.evictions + 1);
    /* The gzip form counts once it is there. */
    uint64_t before = stats().bytes;
    for (int i = 0; i < 2; i++) {
        struct assay_http_result r = call_with("GET", "/a/k99?n=3099", "Accept-Encoding", "gzip");
        ck_assert_ptr_nonnull(strstr(r.head.p, "Content-Encoding: gzip"));
        assay_http_result_free(&r);
    }
    ck_assert_uint_gt(stats().bytes, before);
    ck_assert_uint_lt(stats().bytes, before + 3000);
    /* No room at all. */
    teardown();
    setup_of(0);
    get("/a/x", "x");
    get("/a/x", "x");
    ck_assert_int_eq(worked_out, 2);
    ck_assert_uint_eq(stats().entries, 0);
}
END_TEST

static void *hammer(void *arg) {
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    char target[64];
    for (int i = 0; i < 3000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned pick = (unsigned)(seed >> 33) % 40;
        if (pick == 0) atomic_fetch_add(&data_now, 1);
        unsigned long long from = atomic_load(&data_now), shown;
        snprintf(target, sizeof target, "/a/k%u?n=%u", pick, pick * 100);
        struct assay_http_result r = call_with("GET", target, pick % 3 ? NULL : "Accept-Encoding", "gzip");
        ck_assert_int_eq(r.status, 200);
        if (pick % 3 && sscanf(r.body.p, "k%*u %llu", &shown) == 1) {
            ck_assert_uint_ge(shown, from); /* never older than what held when it was asked */
            ck_assert_uint_le(shown, atomic_load(&data_now));
        }
        assay_http_result_free(&r);
    }
    return NULL;
}

START_TEST(many_threads) {
    pthread_t threads[4];
    teardown();
    setup_of(40000);
    for (uintptr_t i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    struct assay_http_cache_stats s = stats();
    ck_assert_uint_eq(s.hits + s.misses, 12000);
    ck_assert_uint_gt(s.hits, 1000);
    ck_assert_uint_le(s.bytes, 40000);
}
END_TEST

/* --- origins -------------------------------------------------------------------------------------------------------------- */

START_TEST(origins_are_checked) {
    static const struct {
        const char *text, *wrong; /* NULL: sound */
        int n;
    } rows[] = {
        {"", NULL, 0},
        {"https://portal.example", NULL, 1},
        {" https://portal.example , http://localhost:3000,http://127.0.0.1:8000,http://[::1]:1,https://a-b.c.d:65535 ", NULL, 5},
        {"http://portal.example:443,https://portal.example:80", NULL, 2},
        {"*", "name the origins", 0},
        {"https://portal.example,*", "name the origins", 0},
        {"null", "sandboxed", 0},
        {"portal.example", "http://", 0},
        {"ftp://portal.example", "http://", 0},
        {"https://", "no host", 0},
        {"https://:80", "no host", 0},
        {"https://portal.example/", "slash", 0},
        {"https://portal.example/app", "path", 0},
        {"https://Portal.example", "lower case", 0},
        {"https://*.example", "no host", 0},
        {"https://user@portal.example", "no host", 0},
        {"https://portal.example?x", "no host", 0},
        {"https://portal.example:", "no port", 0},
        {"https://portal.example:0", "no port", 0},
        {"https://portal.example:080", "no port", 0},
        {"https://portal.example:65536", "no port", 0},
        {"https://portal.example:443", "leave out", 0},
        {"http://portal.example:80", "leave out", 0},
        {"http://[::1", "no", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_arena a = {0};
        struct assay_error e = {0};
        const char *const *list;
        int n = 0;
        enum assay_status st = assay_http_origins_parse(rows[i].text, &a, &list, &e);
        ck_assert_msg((st == ASSAY_OK) == (rows[i].wrong == NULL), "%s: %s", rows[i].text, e.detail);
        if (rows[i].wrong) ck_assert_msg(strstr(e.detail, rows[i].wrong) != NULL, "%s: %s", rows[i].text, e.detail);
        while (!st && list && list[n]) n++;
        if (!st) ck_assert_int_eq(n, rows[i].n);
        assay_arena_free(&a);
    }
}
END_TEST

static Suite *suite_of_cache(void) {
    Suite *s = suite_create("cache");
    TCase *t = tcase_create("cache");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_asked_is_the_key);
    tcase_add_test(t, a_tag_that_moved_is_a_miss);
    tcase_add_test(t, the_bound_holds);
    tcase_add_test(t, many_threads);
    tcase_add_test(t, origins_are_checked);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_cache)
