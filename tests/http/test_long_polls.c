/* test_long_polls.c -- the feed of changes over real sockets and a real database: who waits is answered when something is
 * committed, when the time is up, when the server drains; holds no thread meanwhile; and is forgotten when it leaves. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check_main.h"
#include "http/app.h"
#include "pg.h"

#define MANY 1000

static int64_t now_ms(void) { return assay_clock_monotonic_us() / 1000; }
static void sleep_ms(int64_t ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

/* --- the program ----------------------------------------------------------------------------------------------------------- */

static char info[TEST_PG_CONNINFO];
static _Thread_local struct assay_error err; /* threads of a test fail each for itself */
static struct assay_app app;
static struct assay_http_config config;
static struct assay_http_server *server;
static struct assay_session *session;

#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

static void *worker_open(void *arg, enum assay_http_lane lane) {
    struct assay_app *a = arg;
    (void)lane;
    return assay_session_new(a->service);
}
static void worker_close(void *arg, void *worker) {
    (void)arg;
    assay_session_close(worker);
}
static void committed(void *arg, const int32_t *providers, size_t n) { assay_waiters_wake(arg, providers, n); }

static void start(size_t most, unsigned queue) {
    struct assay_service_options o = {.conninfo = info};
    OK(assay_service_start(&o, &app.service, &err));
    app.metrics = assay_metrics_new();
    app.max_line = 65536;
    app.waiters = assay_waiters_new(most);
    app.change_looks = assay_metrics_counter(app.metrics, "looks", NULL, "Looks.");
    assay_service_on_commit(app.service, committed, app.waiters);
    assay_http_config_init(&config);
    config.listen = "127.0.0.1:0";
    config.connections = MANY + 100;
    config.lanes[ASSAY_HTTP_LANE_FEED] = (struct assay_http_lane_config){1, queue};
    config.routes = assay_http_routes(&config.n_routes);
    config.app = &app;
    config.authorize = assay_app_authorize;
    config.worker_open = worker_open;
    config.worker_close = worker_close;
    config.metrics = app.metrics;
    OK(assay_http_server_start(&config, &server, &err));
    OK(assay_session_open(app.service, &session, &err));
}

static size_t stop_server(int64_t wait_ms) {
    size_t given_up = server ? assay_http_server_stop(server, wait_ms) : 0;
    server = NULL;
    return given_up;
}

static void stop(void) {
    stop_server(5000);
    assay_session_close(session);
    assay_service_stop(app.service);
    assay_waiters_free(app.waiters);
    assay_metrics_free(app.metrics);
}

static void prepare(void) {
    struct assay_db *db;
    int applied;
    bool created[2];
    test_pg_database(info);
    OK(assay_db_open(info, 20000, &db, &err));
    OK(assay_store_migrate(db, assay_clock_now(), &applied, &err));
    assay_db_close(db);
    start(MANY, 1024);
    struct assay_provider two[2] = {{.code = ASSAY_STR("P001"),
                                     .name = ASSAY_STR("One"),
                                     .facts = {ASSAY_NO_DATE, ASSAY_STR("Beijing"), false},
                                     .status = ASSAY_PROVIDER_ACTIVE},
                                    {.code = ASSAY_STR("P002"),
                                     .name = ASSAY_STR("Two"),
                                     .facts = {ASSAY_NO_DATE, ASSAY_STR("Beijing"), false},
                                     .status = ASSAY_PROVIDER_ACTIVE}};
    OK(assay_registry_put_providers(session, two, 2, created, &err));
}

static void drop(void) {
    stop();
    test_pg_drop(info);
}

static atomic_int next_record;

static void commit_to(struct assay_session *x, const char *provider) {
    struct assay_arena a = {0};
    struct assay_record r;
    struct assay_item it;
    struct assay_error e;
    int n = atomic_fetch_add(&next_record, 1);
    assay_record_init(&r);
    r.kind = ASSAY_KIND_REPAIR, r.type = ASSAY_ORDER_OPENED, r.provider = assay_str_c(provider);
    r.id = assay_str_c(assay_arena_printf(&a, "E%d", n)), r.order = assay_str_c(assay_arena_printf(&a, "W%d", n));
    r.at = assay_clock_now() - ASSAY_DAY, r.channel = ASSAY_CHANNEL_WALK_IN, r.product = ASSAY_STR("notebook");
    assay_item_of_record(&r, ASSAY_SENDER_MANUFACTURER, assay_clock_now(), &a, &it);
    if (assay_ingest_apply(x, &it, 1, &e) || it.status) abort();
    assay_arena_free(&a);
}

/* --- clients --------------------------------------------------------------------------------------------------------------- */

static int dial(void) {
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(assay_http_server_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    return fd;
}

static int ask(const char *target) {
    char text[600];
    int fd = dial(), n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    ck_assert_int_eq(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
    return fd;
}

struct reply {
    int status;
    char text[16384];
    const char *body;
};

/* The reply within so many milliseconds; status 0: none came. */
static struct reply hear(int fd, int64_t within_ms) {
    struct reply r = {0};
    size_t n = 0;
    for (int64_t until = now_ms() + within_ms; now_ms() < until;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(until - now_ms())) <= 0) continue;
        ssize_t got = recv(fd, r.text + n, sizeof r.text - 1 - n, 0);
        if (got <= 0) return r;
        r.text[n += (size_t)got] = '\0';
        const char *end = strstr(r.text, "\r\n\r\n"), *length = strcasestr(r.text, "\r\nContent-Length: ");
        if (!end || !length || n < (size_t)(end + 4 - r.text) + (size_t)strtoul(length + 18, NULL, 10)) continue;
        r.status = (int)strtol(r.text + 9, NULL, 10);
        r.body = end + 4;
        return r;
    }
    return r;
}

static struct reply get(const char *target) {
    int fd = ask(target);
    struct reply r = hear(fd, 10000);
    close(fd);
    return r;
}

static void next_of(const struct reply *r, char out[256]) {
    const char *p = r->body ? strstr(r->body, "\"next\":\"") : NULL;
    ck_assert_msg(r->status == 200 && p != NULL, "%s", r->text);
    snprintf(out, 256, "%.*s", (int)strcspn(p + 8, "\""), p + 8);
}

static void cursor(const char *provider, char out[256]) {
    char target[100];
    snprintf(target, sizeof target, "/v1/changes%s%s", provider ? "?provider=" : "", provider ? provider : "");
    struct reply r = get(target);
    next_of(&r, out);
}

static int follow(const char *after, const char *rest) {
    char target[500];
    snprintf(target, sizeof target, "/v1/changes?after=%s%s", after, rest);
    return ask(target);
}

static void wait_for_waiters(size_t n) {
    for (int64_t until = now_ms() + 20000; assay_waiters_count(app.waiters) != n && now_ms() < until;) sleep_ms(2);
    ck_assert_uint_eq(assay_waiters_count(app.waiters), n);
}

static bool is_empty(const struct reply *r) { return r->status == 200 && strstr(r->body, "{\"items\":[],"); }
static bool has_order(const struct reply *r) { return r->status == 200 && strstr(r->body, "\"kind\":\"order\""); }

/* --- cursors ---------------------------------------------------------------------------------------------------------------- */

START_TEST(cursors_come_back_as_they_went) {
    struct assay_arena a = {0};
    struct assay_changes_position x,
        all = {.from = ASSAY_CHANGES_FROM_CURSOR, .era = 3, .at = {INT64_MAX, -1, 0}},
        one = {.from = ASSAY_CHANGES_FROM_CURSOR, .provider_id = 7, .era = 1, .at.seq = 12, .revision = 34};
    struct assay_str text = assay_changes_cursor(&all, &a);
    ck_assert(assay_changes_cursor_read(text, 0, &a, &x));
    ck_assert(x.from == ASSAY_CHANGES_FROM_CURSOR && x.era == 3 && x.at.place == INT64_MAX && x.at.provider_id == -1 &&
              x.at.seq == 0);
    ck_assert(!assay_changes_cursor_read(text, 7, &a, &x));
    for (size_t i = 0; i < text.n; i++) { /* no character of it may be another */
        struct assay_str wrong = assay_arena_dup(&a, text);
        ((char *)(uintptr_t)wrong.p)[i] = wrong.p[i] == '1' ? '2' : '1';
        ck_assert(!assay_changes_cursor_read(wrong, 0, &a, &x));
        ck_assert(!assay_changes_cursor_read((struct assay_str){text.p, i}, 0, &a, &x));
    }
    text = assay_changes_cursor(&one, &a);
    ck_assert(assay_changes_cursor_read(text, 7, &a, &x));
    ck_assert(x.provider_id == 7 && x.era == 1 && x.at.seq == 12 && x.revision == 34);
    ck_assert(!assay_changes_cursor_read(text, 8, &a, &x));
    ck_assert(!assay_changes_cursor_read(text, 0, &a, &x));
    /* Numbers that are none, though the sum is right. */
    static const char *const bad[] = {"", "x", "1x", " 1", "+1", "-2", "99999999999999999999", "9223372036854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int k = 0; k < 4; k++) {
            struct assay_str fields[4] = {ASSAY_STR("1"), ASSAY_STR("1"), ASSAY_STR("1"), ASSAY_STR("1")};
            struct assay_buf b = {0};
            fields[k] = assay_str_c(bad[i]);
            assay_cursor_write('c', fields, 4, &b);
            ck_assert_msg(!assay_changes_cursor_read(assay_buf_str(&b), 0, &a, &x), "%s at %d", bad[i], k);
            assay_buf_free(&b);
        }
    assay_arena_free(&a);
}
END_TEST

/* What happens between a look and the waiting is not missed; beyond the bound nobody waits. */
START_TEST(between_look_and_wait) {
    static const struct { int32_t waits_for, woken; /* woken 0: all */ } rows[] = {{3, 3}, {3, 0}, {0, 3}, {0, 0}};
    struct assay_waiters *w = assay_waiters_new(1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_waiter x = {.key = rows[i].waits_for, .seen = assay_waiters_generation(w)};
        assay_waiters_wake(w, rows[i].woken ? &rows[i].woken : NULL, 1);
        ck_assert_msg(assay_waiters_add(w, &x) == ASSAY_WAITING_MOVED, "row %zu", i);
    }
    assay_waiters_free(w);
    ck_assert_int_eq(assay_waiters_add(NULL, &(struct assay_waiter){.key = 1}), ASSAY_WAITING_FULL);
    w = assay_waiters_new(0);
    ck_assert_int_eq(assay_waiters_add(w, &(struct assay_waiter){.key = 1}), ASSAY_WAITING_FULL);
    assay_waiters_free(w);
}
END_TEST

/* --- one who waits ------------------------------------------------------------------------------------------------------------ */

#define ROUNDS 8
START_TEST(a_commit_is_told_at_once) {
    char after[256], next[256];
    for (int one = 0; one < 2; one++) {
        int quick = 0;
        cursor(one ? "P001" : NULL, after);
        for (int round = 0; round < ROUNDS; round++) {
            int fd = follow(after, one ? "&provider=P001&wait=20" : "&wait=20");
            wait_for_waiters(1);
            sleep_ms(100);
            commit_to(session, "P001");
            int64_t committed_at = now_ms();
            struct reply r = hear(fd, 5000);
            quick += now_ms() - committed_at < 100; /* the watcher looks twice a second: so it was not that */
            ck_assert_msg(has_order(&r), "%s", r.text);
            ck_assert_ptr_nonnull(
                strstr(r.text, one ? "/v1/changes?provider=P001&wait=20&after=f" : "/v1/changes?wait=20&after=c"));
            close(fd);
            /* What is there is told without waiting, and what follows it is nothing. */
            next_of(&r, next);
            fd = follow(after, one ? "&provider=P001&wait=20" : "&wait=20");
            r = hear(fd, 2000);
            ck_assert(has_order(&r));
            close(fd);
            fd = follow(next, one ? "&provider=P001" : "");
            r = hear(fd, 2000);
            ck_assert(is_empty(&r));
            close(fd);
            memcpy(after, next, sizeof after);
        }
        ck_assert_int_ge(quick, ROUNDS - 2);
    }
}
END_TEST

START_TEST(in_vain_until_the_deadline) {
    char after[256];
    cursor(NULL, after);
    int64_t began = now_ms();
    int fd = follow(after, "&wait=1");
    struct reply r = hear(fd, 5000);
    ck_assert_msg(is_empty(&r), "%s", r.text);
    ck_assert_int_ge(now_ms() - began, 990);
    ck_assert_int_lt(now_ms() - began, 2500);
    ck_assert_ptr_nonnull(strstr(r.body, "\"more\":false"));
    close(fd);
    next_of(&r, after);
    commit_to(session, "P002");
    fd = follow(after, "&wait=20");
    r = hear(fd, 2000);
    ck_assert(has_order(&r));
    close(fd);
    /* Without a cursor there is nothing to wait for; nor is more than a minute waited. */
    began = now_ms();
    r = get("/v1/changes?wait=20");
    ck_assert(is_empty(&r));
    ck_assert_int_lt(now_ms() - began, 1000);
    r = get("/v1/changes?wait=61");
    ck_assert_int_eq(r.status, 400);
    r = get("/v1/changes?wait=1&provider=P009");
    ck_assert_int_eq(r.status, 400);
    r = get("/v1/changes?after=12");
    ck_assert(r.status == 400 && strstr(r.body, "invalid_cursor"));
    r = get("/v1/changes?after=12&provider=P001");
    ck_assert(r.status == 410 && strstr(r.body, "cursor_expired"));
    r = get("/v1/changes?after=0&provider=P001");
    ck_assert(r.status == 200 && strstr(r.body, "\"kind\":\"configuration\""));
}
END_TEST

static int64_t count_looks(void) {
    struct assay_buf b = {0};
    assay_metrics_render(app.metrics, &b);
    const char *p = strstr(b.p, "\nlooks ");
    int64_t n = p ? strtoll(p + 7, NULL, 10) : 0;
    assay_buf_free(&b);
    return n;
}

/* Who waits for one provider is not woken by another's commits, and is by its own and by the configuration's. */
START_TEST(only_what_concerns_it) {
    char after[256];
    bool created;
    cursor("P001", after);
    int fd = follow(after, "&provider=P001&wait=20");
    wait_for_waiters(1);
    sleep_ms(1200); /* the watcher knows all that was before */
    int64_t looks = count_looks();
    for (int i = 0; i < 5; i++) commit_to(session, "P002");
    struct reply r = hear(fd, 1500);
    ck_assert_int_eq(r.status, 0);
    ck_assert_int_le(count_looks(), looks + 1); /* the watcher's look may have been just between a commit and its count */
    struct assay_provider moved = {.code = ASSAY_STR("P001"),
                                   .name = ASSAY_STR("One"),
                                   .facts = {ASSAY_NO_DATE, ASSAY_STR("Xi'an"), false},
                                   .status = ASSAY_PROVIDER_ACTIVE};
    OK(assay_registry_put_providers(session, &moved, 1, &created, &err));
    r = hear(fd, 1000);
    ck_assert_msg(r.status == 200 &&
                      strstr(r.body, "\"document\":\"provider\",\"code\":\"P001\",\"href\":\"/v1/providers/P001\""),
                  "%s", r.text);
    close(fd);
}
END_TEST

/* A commit of another daemon on the database, within a second or little more. */
START_TEST(another_daemon_is_heard) {
    struct assay_service *other;
    struct assay_session *x;
    struct assay_service_options o = {.conninfo = info};
    char after[256];
    OK(assay_service_start(&o, &other, &err));
    OK(assay_session_open(other, &x, &err));
    cursor(NULL, after);
    int fd = follow(after, "&wait=20");
    wait_for_waiters(1);
    int64_t began = now_ms();
    commit_to(x, "P001");
    struct reply r = hear(fd, 5000);
    ck_assert_msg(has_order(&r), "%s", r.text);
    ck_assert_int_lt(now_ms() - began, 1500);
    close(fd);
    assay_session_close(x);
    assay_service_stop(other);
}
END_TEST

/* --- bounds and ends ---------------------------------------------------------------------------------------------------------- */

START_TEST(beyond_the_bound_at_once) {
    char after[256];
    stop();
    start(2, 1024);
    cursor(NULL, after);
    int a = follow(after, "&wait=20"), b = follow(after, "&wait=20");
    wait_for_waiters(2);
    int64_t began = now_ms();
    int c = follow(after, "&wait=20");
    struct reply r = hear(c, 5000);
    ck_assert_msg(is_empty(&r), "%s", r.text);
    ck_assert_int_lt(now_ms() - began, 1000);
    close(c);
    close(a); /* who leaves makes room */
    for (int64_t until = now_ms() + 3000; assay_waiters_count(app.waiters) > 1 && now_ms() < until;) sleep_ms(5);
    ck_assert_uint_eq(assay_waiters_count(app.waiters), 1);
    c = follow(after, "&wait=20");
    wait_for_waiters(2);
    close(b);
    close(c);
    wait_for_waiters(0);
}
END_TEST

START_TEST(a_drain_answers_all) {
    int fds[20];
    char after[256];
    cursor(NULL, after);
    for (int i = 0; i < 20; i++) fds[i] = follow(after, "&wait=60");
    wait_for_waiters(20);
    sleep_ms(1200); /* nobody wakes them for another reason */
    int64_t began = now_ms();
    ck_assert_uint_eq(stop_server(10000), 0);
    ck_assert_int_lt(now_ms() - began, 2000);
    for (int i = 0; i < 20; i++) {
        struct reply r = hear(fds[i], 1000);
        ck_assert_msg(is_empty(&r), "%d: %s", i, r.text);
        ck_assert_ptr_nonnull(strcasestr(r.text, "Connection: close"));
        close(fds[i]);
    }
}
END_TEST

static int count_threads(void) {
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    for (const struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* A thousand wait, the lane has eight places: no thread more than for none, and one commit answers them all. */
START_TEST(a_thousand_wait) {
    static int fds[MANY];
    char after[256];
    stop();
    start(MANY, 7);
    cursor(NULL, after);
    int threads = count_threads();
    for (int i = 0; i < MANY; i++) {
        fds[i] = follow(after, "&wait=60");
        wait_for_waiters((size_t)i + 1);
    }
    ck_assert_int_eq(count_threads(), threads);
    struct reply r = get("/v1/providers"); /* all else goes on */
    ck_assert_int_eq(r.status, 200);
    int64_t began = now_ms();
    commit_to(session, "P002");
    for (int i = 0; i < MANY; i++) {
        r = hear(fds[i], 20000);
        ck_assert_msg(has_order(&r), "%d: %s", i, r.text);
        close(fds[i]);
    }
    fprintf(stderr, "# %d answered in %lld ms\n", MANY, (long long)(now_ms() - began));
    ck_assert_uint_eq(assay_waiters_count(app.waiters), 0);
}
END_TEST

/* --- all at once ---------------------------------------------------------------------------------------------------------------- */

static atomic_bool storming;
static atomic_int orders_seen;

/* Follows from a cursor, now and then leaving in the middle, until the server is gone. */
static void *follower(void *arg) {
    unsigned seed = (unsigned)(uintptr_t)arg;
    char after[256] = "";
    while (atomic_load(&storming)) {
        char target[500];
        snprintf(target, sizeof target, *after ? "/v1/changes?wait=2&limit=3&after=%s" : "/v1/changes%s", after);
        struct sockaddr_in addr = {
            .sin_family = AF_INET, .sin_port = htons(assay_http_server_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0) {
            char text[600];
            int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
            struct reply r = {0};
            if (send(fd, text, (size_t)n, MSG_NOSIGNAL) == n) r = hear(fd, rand_r(&seed) % 4 ? 5000 : 5);
            if (r.status == 200) {
                for (const char *p = r.body; (p = strstr(p, "\"kind\":\"order\"")); p++) atomic_fetch_add(&orders_seen, 1);
                next_of(&r, after);
            }
        }
        close(fd);
    }
    return NULL;
}

static void *storm(void *arg) {
    struct assay_session *x;
    struct assay_error e;
    (void)arg;
    if (assay_session_open(app.service, &x, &e)) abort();
    while (atomic_load(&storming)) {
        commit_to(x, rand() % 2 ? "P001" : "P002");
        sleep_ms(rand() % 12);
    }
    assay_session_close(x);
    return NULL;
}

START_TEST(stopped_in_a_storm) {
    pthread_t followers[24], writers[2];
    atomic_store(&storming, true);
    for (size_t i = 0; i < 24; i++) pthread_create(&followers[i], NULL, follower, (void *)(uintptr_t)(i + 1));
    for (size_t i = 0; i < 2; i++) pthread_create(&writers[i], NULL, storm, NULL);
    sleep_ms(2500);
    struct assay_http_server *s = server;
    assay_http_server_drain(s);
    sleep_ms(50);
    atomic_store(&storming, false);
    for (size_t i = 0; i < 24; i++) pthread_join(followers[i], NULL);
    ck_assert_uint_eq(stop_server(5000), 0);
    for (size_t i = 0; i < 2; i++) pthread_join(writers[i], NULL);
    ck_assert_int_gt(atomic_load(&orders_seen), 100);
    ck_assert_uint_eq(assay_waiters_count(app.waiters), 0);
}
END_TEST

/* Without time to drain who waits is cut, and who is told so too late does no harm. */
START_TEST(stopped_without_time) {
    int fds[50];
    char after[256];
    cursor(NULL, after);
    for (int i = 0; i < 50; i++) fds[i] = follow(after, "&wait=60");
    wait_for_waiters(50);
    stop_server(0);
    commit_to(session, "P001");
    for (int i = 0; i < 50; i++) {
        struct reply r = hear(fds[i], 2000);
        ck_assert_msg(r.status == 503 || is_empty(&r), "%s", r.text);
        close(fds[i]);
    }
    wait_for_waiters(0);
}
END_TEST

static Suite *suite_of_long_polls(void) {
    Suite *s = suite_create("long_polls");
    TCase *t = tcase_create("cursors");
    tcase_add_test(t, cursors_come_back_as_they_went);
    tcase_add_test(t, between_look_and_wait);
    suite_add_tcase(s, t);
    t = tcase_create("sockets");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, test_pg_start, NULL);
    tcase_add_checked_fixture(t, prepare, drop);
    tcase_add_test(t, a_commit_is_told_at_once);
    tcase_add_test(t, in_vain_until_the_deadline);
    tcase_add_test(t, only_what_concerns_it);
    tcase_add_test(t, another_daemon_is_heard);
    tcase_add_test(t, beyond_the_bound_at_once);
    tcase_add_test(t, a_drain_answers_all);
    tcase_add_test(t, a_thousand_wait);
    tcase_add_test(t, stopped_in_a_storm);
    tcase_add_test(t, stopped_without_time);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_long_polls)
