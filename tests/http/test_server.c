/* test_server.c -- the server through real sockets: each kind of handler, each bound, each way a client or the server may
 * go. The handlers are toys; the clients speak HTTP by hand, so that they can speak it badly. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "check_main.h"

#include "assay/codec.h"
#include "assay/http.h"

static int64_t now_ms(void) { return assay_clock_monotonic_us() / 1000; }

static void sleep_ms(int64_t ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

/* === a committer: completes requests later, from its own thread =================================================== */
struct pending {
    struct pending *next;
    struct assay_http_request *r;
    int64_t due_ms;
};
static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct pending *list;
    bool stop;
    pthread_t thread;
    atomic_int completed;
} committer = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static struct pending *take_due(void) {
    for (struct pending **p = &committer.list; *p; p = &(*p)->next) {
        if ((*p)->due_ms > now_ms() && !committer.stop) continue;
        struct pending *found = *p;
        *p = found->next;
        return found;
    }
    return NULL;
}

static void complete(struct pending *job) {
    struct assay_buf b = {0};
    assay_buf_printf(&b, "{\"later\":%zu}", job->r->body.n);
    assay_http_reply_json(job->r, 201, &b);
    assay_http_complete(job->r);
    atomic_fetch_add(&committer.completed, 1);
    free(job);
}

static void *committer_main(void *arg) {
    pthread_mutex_lock(&committer.lock);
    for (;;) {
        struct pending *job = take_due();
        if (job) {
            pthread_mutex_unlock(&committer.lock);
            complete(job);
            pthread_mutex_lock(&committer.lock);
        } else if (committer.stop) {
            break;
        } else {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 2000000;
            if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
            pthread_cond_timedwait(&committer.moved, &committer.lock, &until);
        }
    }
    pthread_mutex_unlock(&committer.lock);
    return arg;
}

static void commit_later(struct assay_http_request *r, int64_t ms) {
    struct pending *job = assay_xcalloc(1, sizeof *job);
    job->r = r;
    job->due_ms = now_ms() + ms;
    pthread_mutex_lock(&committer.lock);
    job->next = committer.list;
    committer.list = job;
    pthread_cond_signal(&committer.moved);
    pthread_mutex_unlock(&committer.lock);
}

/* === toy handlers ================================================================================================= */
static atomic_int handled, interrupted;
static atomic_bool hold; /* workers wait while set */

static int64_t ms_param(struct assay_http_request *r) {
    struct assay_errors es = {0};
    int64_t ms = 0;
    assay_http_param_int(r, "ms", 0, 60000, &ms, &es);
    return ms;
}

static void reply_text(struct assay_http_request *r, int status, const char *text) {
    struct assay_buf b = {0};
    assay_buf_adds(&b, text);
    assay_http_reply(r, status, "text/plain", &b);
}

static enum assay_http_flow hello(struct assay_http_request *r, void *worker) {
    ck_assert_ptr_null(worker);
    reply_text(r, 200, "hello\n");
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow ready(struct assay_http_request *r, void *worker) {
    if (assay_http_draining(r)) assay_http_reply_problem(r, ASSAY_DRAINING, NULL);
    else reply_text(r, 200, "ready\n");
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow part(struct assay_http_request *r, void *worker) {
    struct assay_buf b = {0};
    struct assay_errors es = {0};
    int64_t limit = 100;
    bool deep = false;
    assay_http_param_int(r, "limit", 1, 1000, &limit, &es);
    assay_http_param_bool(r, "deep", &deep, &es);
    if (es.n > 0) {
        assay_http_reply_problems(r, ASSAY_INVALID_PARAMETER, &es);
        return ASSAY_HTTP_DONE;
    }
    assay_json_object(&b, NULL);
    assay_json_str(&b, "thing", r->vars[0]);
    assay_json_str(&b, "part", r->vars[1]);
    assay_json_int(&b, "limit", limit);
    assay_json_bool(&b, "deep", deep);
    assay_json_str(&b, "cursor", assay_http_param(r, "cursor"));
    assay_json_object_end(&b);
    assay_http_reply_json(r, 200, &b);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow echo(struct assay_http_request *r, void *worker) {
    struct assay_buf b = {0};
    ck_assert_ptr_nonnull(worker);
    while (atomic_load(&hold)) sleep_ms(1);
    sleep_ms(ms_param(r));
    atomic_fetch_add(&handled, 1);
    assay_buf_add(&b, r->body.p, r->body.n);
    assay_http_reply(r, 200, "text/plain", &b);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow later(struct assay_http_request *r, void *worker) {
    atomic_fetch_add(&handled, 1);
    if (r->body.n == 3) { /* the handler may also answer by itself */
        reply_text(r, 200, "now");
        return ASSAY_HTTP_DONE;
    }
    commit_later(r, ms_param(r));
    return ASSAY_HTTP_LATER;
}

/* Reads the body in small bites; answers with its length and check sum, or why it broke off. */
static atomic_int stream_error;
static atomic_long buffered_most;
static struct assay_metrics *metrics;

static long metric_value(const char *name) {
    struct assay_buf b = {0};
    char line[128];
    assay_metrics_render(metrics, &b);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *p = strstr(b.p, line);
    long v = p ? strtol(p + strlen(line), NULL, 10) : -1;
    assay_buf_free(&b);
    return v;
}

static enum assay_http_flow stream(struct assay_http_request *r, void *worker) {
    struct assay_errors es = {0};
    int64_t stop_after = INT64_MAX, delay = 0, total = 0;
    assay_http_param_int(r, "stop_after", 0, INT64_MAX, &stop_after, &es);
    assay_http_param_int(r, "delay", 0, 1000, &delay, &es);
    char *bite = assay_arena_alloc(r->arena, 50000);
    uLong sum = crc32(0, NULL, 0);
    ssize_t n;
    while ((n = assay_http_read(r, bite, 50000)) > 0) {
        sum = crc32(sum, (Bytef *)bite, (uInt)n);
        if (total / (1 << 20) != (total + n) / (1 << 20)) {
            long held = metric_value("assay_http_buffered_bytes");
            if (held > atomic_load(&buffered_most)) atomic_store(&buffered_most, held);
        }
        total += n;
        if (total >= stop_after) {
            assay_http_reply_problem(r, ASSAY_VALIDATION_FAILED, NULL);
            return ASSAY_HTTP_DONE;
        }
        if (delay) sleep_ms(delay);
    }
    atomic_fetch_add(&handled, 1);
    if (n < 0) {
        atomic_store(&stream_error, (int)r->body_error.status);
        assay_http_reply_problem(r, r->body_error.status, &r->body_error);
        return ASSAY_HTTP_DONE;
    }
    struct assay_buf b = {0};
    assay_buf_printf(&b, "%lld %08lx", (long long)total, sum);
    assay_http_reply(r, 200, "text/plain", &b);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow big(struct assay_http_request *r, void *worker) {
    struct assay_errors es = {0};
    int64_t n = 4096;
    assay_http_param_int(r, "n", 0, 100000000, &n, &es);
    struct assay_buf b = {0};
    static const char text[] = "aaaaaaabbbbbbbccccccc";
    for (int64_t i = 0; i < n; i += 21) assay_buf_add(&b, text, n - i < 21 ? (size_t)(n - i) : 21);
    assay_http_reply(r, 200, r->produce == 1 ? "text/csv; charset=utf-8" : "application/json", &b);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow put_doc(struct assay_http_request *r, void *worker) {
    enum assay_status s = assay_http_if_match(r, "v7");
    if (s) assay_http_reply_problem(r, s, NULL);
    else assay_http_reply_empty(r, 204);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow get_doc(struct assay_http_request *r, void *worker) {
    assay_http_reply_etag(r, "v7");
    reply_text(r, 200, "document seven");
    return ASSAY_HTTP_DONE;
}

/* What is kept: replies that tell what they rest on. */
static struct assay_http_cache *cache;
static atomic_ullong data_now;
static atomic_bool blind, absent;
static atomic_int worked_out, renewed;

static bool tag(struct assay_http_request *r, struct assay_http_tag *out) {
    *out = (struct assay_http_tag){.config = 1, .data = atomic_load(&data_now)};
    return !atomic_load(&blind);
}

static enum assay_status renew(struct assay_http_request *r, void *worker, struct assay_error *e) {
    ck_assert_ptr_nonnull(worker);
    atomic_fetch_add(&renewed, 1);
    return atomic_load(&absent) ? assay_fail(e, ASSAY_DATABASE_UNAVAILABLE, "", "away") : ASSAY_OK;
}

static enum assay_http_flow kept(struct assay_http_request *r, void *worker) {
    struct assay_buf b = {0};
    atomic_fetch_add(&worked_out, 1);
    if (assay_str_is(r->vars[0], "missing")) {
        assay_http_reply_problem(r, ASSAY_NOT_FOUND, NULL);
        return ASSAY_HTTP_DONE;
    }
    assay_buf_printf(&b, "%.*s of %llu", ASSAY_STR_ARG(r->vars[0]), atomic_load(&data_now));
    if (assay_str_is(r->vars[0], "long"))
        for (int i = 0; i < 500; i++) assay_buf_adds(&b, " and so on");
    assay_http_reply_header(r, "Link", "</kept/next>; rel=\"next\"");
    assay_http_reply(r, 200, "text/plain", &b);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow nothing(struct assay_http_request *r, void *worker) { return ASSAY_HTTP_DONE; }

/* A long poll. */
static atomic_int gone_seen;
static enum assay_http_flow until_gone(struct assay_http_request *r, void *worker) {
    while (!assay_http_gone(r)) sleep_ms(1);
    atomic_fetch_add(&gone_seen, 1);
    return ASSAY_HTTP_DONE;
}

/* Waits until it is interrupted. */
static enum assay_http_flow stuck(struct assay_http_request *r, void *worker) {
    atomic_fetch_add(&handled, 1);
    while (!atomic_load((atomic_bool *)worker)) sleep_ms(1);
    atomic_fetch_add(&interrupted, 1);
    reply_text(r, 200, "too late");
    return ASSAY_HTTP_DONE;
}

static enum assay_status authorize(struct assay_http_request *r, struct assay_error *e) {
    if (!assay_str_is(r->headers.authorization, "Bearer sesame"))
        return assay_fail(e, ASSAY_UNAUTHORIZED, "", "the key is not known");
    r->principal = "ali";
    r->principal_id = ASSAY_STR("ali");
    return r->route->access > 1 ? assay_fail(e, ASSAY_FORBIDDEN, "", "not for you") : ASSAY_OK;
}

static const char *const any_text[] = {"text/plain", "application/json", NULL};
static const char *const json_or_csv[] = {"application/json", "text/csv", NULL};
static const char *const part_params[] = {"limit", "deep", "cursor", NULL};
static const char *const ms_params[] = {"ms", NULL};
static const char *const stream_params[] = {"stop_after", "delay", NULL};
static const char *const big_params[] = {"n", NULL};

#define GET ASSAY_HTTP_GET
#define POST ASSAY_HTTP_POST
static const struct assay_http_route routes[] = {
    {.name = "root", .method = GET, .pattern = "/", .handler = hello},
    {.name = "hello", .method = GET, .pattern = "/hello", .handler = hello},
    {.name = "ready", .method = GET, .pattern = "/readyz", .handler = ready, .flags = ASSAY_HTTP_VOLATILE | ASSAY_HTTP_NO_LOG},
    {.name = "part", .method = GET, .pattern = "/things/{thing}/parts/{part}", .handler = part, .params = part_params},
    {.name = "special", .method = GET, .pattern = "/things/special", .handler = hello},
    {.name = "thing", .method = GET, .pattern = "/things/{thing}", .handler = hello},
    {.name = "echo_now", .method = POST, .pattern = "/now", .handler = nothing, .accepts = any_text},
    {.name = "echo",
     .method = POST,
     .pattern = "/echo",
     .kind = ASSAY_HTTP_WORKER,
     .handler = echo,
     .accepts = any_text,
     .params = ms_params},
    {.name = "slow", .method = GET, .pattern = "/slow", .kind = ASSAY_HTTP_WORKER, .handler = echo, .params = ms_params},
    {.name = "later",
     .method = POST,
     .pattern = "/later",
     .kind = ASSAY_HTTP_ASYNC,
     .handler = later,
     .accepts = any_text,
     .params = ms_params},
    {.name = "worker_later",
     .method = GET,
     .pattern = "/later",
     .kind = ASSAY_HTTP_WORKER,
     .handler = later,
     .params = ms_params},
    {.name = "stream",
     .method = POST,
     .pattern = "/stream",
     .kind = ASSAY_HTTP_STREAM,
     .lane = ASSAY_HTTP_LANE_BULK,
     .handler = stream,
     .accepts = any_text,
     .params = stream_params,
     .flags = ASSAY_HTTP_GZIP_BODY},
    {.name = "small_stream",
     .method = POST,
     .pattern = "/small-stream",
     .kind = ASSAY_HTTP_STREAM,
     .lane = ASSAY_HTTP_LANE_BULK,
     .handler = stream,
     .accepts = any_text,
     .max_body = 1000000},
    {.name = "big",
     .method = GET,
     .pattern = "/big",
     .kind = ASSAY_HTTP_WORKER,
     .handler = big,
     .params = big_params,
     .produces = json_or_csv},
    {.name = "put_doc", .method = ASSAY_HTTP_PUT, .pattern = "/doc", .handler = put_doc, .accepts = any_text},
    {.name = "get_doc", .method = GET, .pattern = "/doc", .handler = get_doc},
    {.name = "kept", .method = GET, .pattern = "/kept/{what}", .kind = ASSAY_HTTP_WORKER, .handler = kept, .scope = 1},
    {.name = "held", .method = GET, .pattern = "/held/{what}", .handler = kept, .scope = 1},
    {.name = "nothing", .method = GET, .pattern = "/nothing", .handler = nothing},
    {.name = "secret", .method = GET, .pattern = "/secret", .handler = hello, .access = 1},
    {.name = "top_secret", .method = GET, .pattern = "/top-secret", .handler = hello, .access = 2},
    {.name = "until_gone", .method = GET, .pattern = "/until-gone", .kind = ASSAY_HTTP_WORKER, .handler = until_gone},
    {.name = "stuck",
     .method = GET,
     .pattern = "/stuck",
     .kind = ASSAY_HTTP_WORKER,
     .lane = ASSAY_HTTP_LANE_WRITE,
     .handler = stuck},
};

/* === the server under test ======================================================================================== */
static struct assay_http_server *server;
static uint16_t port; /* its, also while it stops */
static struct assay_http_config config;
static atomic_int workers_open;

static void *open_worker(void *app, enum assay_http_lane lane) {
    ck_assert_str_eq(app, "the app");
    atomic_fetch_add(&workers_open, 1);
    atomic_bool *flag = assay_xcalloc(1, sizeof *flag);
    return flag;
}

static void close_worker(void *app, void *worker) {
    atomic_fetch_sub(&workers_open, 1);
    free(worker);
}

static void interrupt_worker(void *app, void *worker) { atomic_store((atomic_bool *)worker, true); }

static struct assay_log *own_log;

static void prepare(void) {
    metrics = assay_metrics_new();
    assay_http_config_init(&config);
    config.listen = "127.0.0.1:0";
    config.routes = routes;
    config.n_routes = sizeof routes / sizeof *routes;
    config.app = (void *)(uintptr_t) "the app";
    config.authorize = authorize;
    config.worker_open = open_worker;
    config.worker_close = close_worker;
    config.worker_interrupt = interrupt_worker;
    config.metrics = metrics;
    config.cache = cache = assay_http_cache_new((size_t)1 << 20, metrics);
    config.tag = tag;
    config.renew = renew;
    if (getenv("ASSAY_TEST_LOG")) config.log = own_log = assay_log_new(2, ASSAY_LOG_DEBUG, ASSAY_LOG_LOGFMT);
    committer.stop = false;
    ck_assert_int_eq(pthread_create(&committer.thread, NULL, committer_main, NULL), 0);
}

static void start(void) {
    struct assay_error e;
    ck_assert_msg(assay_http_server_start(&config, &server, &e) == ASSAY_OK, "%s", e.detail);
    port = assay_http_server_port(server);
}

static size_t stop(int64_t ms) {
    size_t given_up = server ? assay_http_server_stop(server, ms) : 0;
    server = NULL;
    return given_up;
}

static void end_committer(void) {
    pthread_mutex_lock(&committer.lock);
    committer.stop = true;
    pthread_cond_signal(&committer.moved);
    pthread_mutex_unlock(&committer.lock);
    pthread_join(committer.thread, NULL);
}

static void teardown(void) {
    atomic_store(&hold, false);
    stop(2000);
    end_committer();
    ck_assert_int_eq(atomic_load(&workers_open), 0);
    ck_assert_int_eq(metric_value("assay_http_in_flight") <= 0, 1);
    assay_http_cache_free(cache);
    cache = NULL;
    assay_metrics_free(metrics);
    assay_log_free(own_log);
}

static void setup(void) {
    prepare();
    start();
}

static void wait_for(atomic_int *counter, int n) {
    for (int64_t until = now_ms() + 10000; atomic_load(counter) < n;) {
        ck_assert_msg(now_ms() < until, "%d of %d", atomic_load(counter), n);
        sleep_ms(1);
    }
}

/* === a client that speaks by hand ================================================================================= */
struct reply {
    int status; /* 0: the connection ended before a whole reply */
    char head[8192];
    struct assay_buf body;
    bool closed; /* the server ended the connection after it */
};
struct client {
    int fd;
    struct assay_buf in; /* received, not yet taken */
};

static struct client dial(void) {
    struct client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c.fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        close(c.fd);
        c.fd = -1;
    }
    return c;
}

static void hang_up(struct client *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    assay_buf_free(&c->in);
}

/* False when the server does not take it any more. */
static bool say_bytes(struct client *c, const void *p, size_t n) {
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(c->fd, (const char *)p + sent, n - sent, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        sent += (size_t)k;
    }
    return true;
}

static bool say(struct client *c, const char *text) { return say_bytes(c, text, strlen(text)); }

/* More bytes: > 0, 0 end, -1 error or nothing for ms. */
static ssize_t hear_some(struct client *c, int ms) {
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    char bytes[65536];
    if (poll(&p, 1, ms) <= 0) return -1;
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n > 0) assay_buf_add(&c->in, bytes, (size_t)n);
    return n;
}

static const char *header(const struct reply *r, const char *name, char out[512]) {
    size_t n = strlen(name);
    for (const char *line = strstr(r->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':') continue;
        const char *value = line + 3 + n;
        while (*value == ' ') value++;
        snprintf(out, 512, "%.*s", (int)strcspn(value, "\r\n"), value);
        return out;
    }
    return NULL;
}

static bool take_head(struct client *c, struct reply *r) {
    char *end = c->in.p ? memmem(c->in.p, c->in.n, "\r\n\r\n", 4) : NULL;
    if (!end) return false;
    size_t n = (size_t)(end - c->in.p) + 4;
    ck_assert_uint_lt(n, sizeof r->head);
    memcpy(r->head, c->in.p, n);
    r->head[n] = '\0';
    memmove(c->in.p, c->in.p + n, c->in.n - n);
    c->in.n -= n;
    r->status = (int)strtol(r->head + 9, NULL, 10);
    return true;
}

/* One reply, not "100 Continue"; head_only where the request was HEAD. */
static struct reply hear_for(struct client *c, bool head_only, int ms) {
    struct reply r = {0};
    char value[512];
    do {
        while (!take_head(c, &r))
            if (hear_some(c, ms) <= 0) {
                r.closed = true;
                return r;
            }
    } while (r.status == 100);
    const char *length = header(&r, "Content-Length", value);
    bool bodiless = head_only || r.status == 304 || r.status == 204;
    while (!length && !bodiless && hear_some(c, ms) > 0) continue; /* it ends with the connection */
    size_t n = bodiless ? 0 : length ? strtoul(length, NULL, 10) : c->in.n;
    while (c->in.n < n)
        if (hear_some(c, ms) <= 0) {
            r.status = 0;
            r.closed = true;
            return r;
        }
    assay_buf_add(&r.body, c->in.p ? c->in.p : "", n);
    if (n > 0) memmove(c->in.p, c->in.p + n, c->in.n - n);
    c->in.n -= n;
    const char *connection = header(&r, "Connection", value);
    r.closed = connection && strcasecmp(connection, "close") == 0;
    return r;
}

static struct reply hear(struct client *c) { return hear_for(c, false, 10000); }

/* The connection is over, perhaps after some more. */
static bool ends(struct client *c, int ms) {
    ssize_t n;
    errno = 0;
    while ((n = hear_some(c, ms)) > 0) continue;
    return n == 0 || errno == ECONNRESET;
}

/* Nothing more comes, and the connection is over. */
static bool at_end(struct client *c, int ms) {
    errno = 0;
    ssize_t n = c->in.n == 0 ? hear_some(c, ms) : 1;
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void reply_free(struct reply *r) { assay_buf_free(&r->body); }

/* A request on a connection of its own. */
static struct reply ask(const char *request) {
    struct client c = dial();
    ck_assert_int_ge(c.fd, 0);
    say(&c, request);
    struct reply r = hear_for(&c, strncmp(request, "HEAD", 4) == 0, 10000);
    hang_up(&c);
    return r;
}

#define HOST "Host: test\r\n"
#define GET_LINE(target) "GET " target " HTTP/1.1\r\n" HOST

static int status_of(const char *request) {
    struct reply r = ask(request);
    reply_free(&r);
    return r.status;
}

#define ask_expect(request, wanted, code)                                                                      \
    do {                                                                                                       \
        struct reply r_ = ask(request);                                                                        \
        ck_assert_msg(r_.status == (wanted), "%d in place of %d to: %.200s", r_.status, (wanted), (request));  \
        if ((code)[0]) ck_assert_msg(r_.body.p &&strstr(r_.body.p, "\"code\":\"" code "\""), "%s", r_.body.p); \
        reply_free(&r_);                                                                                       \
    } while (0)

/* === replies and routing ========================================================================================== */
START_TEST(test_reply_headers) {
    char v[512];
    struct reply r = ask(GET_LINE("/hello") "X-Request-Id: abc-1.2_Z\r\n\r\n");
    ck_assert_int_eq(r.status, 200);
    ck_assert_str_eq(r.body.p, "hello\n");
    ck_assert_str_eq(header(&r, "X-Request-Id", v), "abc-1.2_Z");
    ck_assert_str_eq(header(&r, "X-Content-Type-Options", v), "nosniff");
    ck_assert_str_eq(header(&r, "Content-Type", v), "text/plain");
    ck_assert_str_eq(header(&r, "Cache-Control", v), "private, no-cache");
    ck_assert_str_eq(header(&r, "Content-Length", v), "6");
    ck_assert_ptr_nonnull(header(&r, "Date", v));
    ck_assert_uint_eq(strlen(header(&r, "ETag", v)), 34);
    reply_free(&r);
    /* Ids that are not well formed are replaced, each by another. */
    static const char *const bad[] = {"", "a b", "<script>",
                                      "0123456789012345678901234567890123456789012345678901234567890123456789"};
    char last[512] = "";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char request[256];
        snprintf(request, sizeof request, GET_LINE("/hello") "X-Request-Id: %s\r\n\r\n", bad[i]);
        r = ask(request);
        ck_assert_ptr_nonnull(header(&r, "X-Request-Id", v));
        ck_assert_uint_eq(strlen(v), 32);
        ck_assert_str_ne(v, last);
        memcpy(last, v, sizeof last);
        reply_free(&r);
    }
}
END_TEST

START_TEST(test_head) {
    char v[512], etag[512];
    struct reply get = ask(GET_LINE("/big?n=5000") "\r\n");
    ck_assert_str_eq(header(&get, "Content-Length", v), "5000");
    header(&get, "ETag", etag);
    struct client c = dial();
    say(&c, "HEAD /big?n=5000 HTTP/1.1\r\n" HOST "\r\n" GET_LINE("/hello") "\r\n");
    struct reply head = hear_for(&c, true, 5000);
    ck_assert_int_eq(head.status, 200);
    ck_assert_str_eq(header(&head, "Content-Length", v), "5000");
    ck_assert_str_eq(header(&head, "ETag", v), etag);
    struct reply next = hear(&c); /* nothing of a body in between */
    ck_assert_str_eq(next.body.p, "hello\n");
    hang_up(&c);
    reply_free(&get), reply_free(&head), reply_free(&next);
    struct reply missing = ask("HEAD /nowhere HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_eq(missing.status, 404);
    ck_assert_uint_eq(missing.body.n, 0);
    reply_free(&missing);
}
END_TEST

START_TEST(test_routing) {
    static const struct {
        const char *request;
        int status;
        const char *body;
    } rows[] = {
        {GET_LINE("/") "\r\n", 200, "hello"},
        {GET_LINE("/?") "\r\n", 200, "hello"},
        {GET_LINE("http://elsewhere.example/hello") "\r\n", 200, "hello"},
        {GET_LINE("/hello/") "\r\n", 404, "not_found"},
        {GET_LINE("//hello") "\r\n", 404, "not_found"},
        {GET_LINE("/Hello") "\r\n", 404, "not_found"},
        {GET_LINE("/%68ello") "\r\n", 404, "not_found"}, /* literals are matched raw */
        {GET_LINE("/a/../hello") "\r\n", 404, "not_found"},
        {GET_LINE("/things//parts/1") "\r\n", 404, "not_found"},
        {GET_LINE("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p") "\r\n", 404, "not_found"},
        {GET_LINE("/things/P001/parts/W%2F1%20%E4%BF%AE") "\r\n", 200, "\"thing\":\"P001\",\"part\":\"W/1 修\""},
        {GET_LINE("/things/x/parts/%252e") "\r\n", 200, "\"part\":\"%2e\""}, /* decoded once */
        {GET_LINE("/things/a+b/parts/c") "\r\n", 200, "\"thing\":\"a+b\""},
        {GET_LINE("/things/x/parts/%") "\r\n", 400, "bad_request"},
        {GET_LINE("/things/x/parts/%2") "\r\n", 400, "bad_request"},
        {GET_LINE("/things/x/parts/%zz") "\r\n", 400, "bad_request"},
        {GET_LINE("/things/x/parts/%00") "\r\n", 400, "bad_request"},
        {GET_LINE("/things/x/parts/a%00b") "\r\n", 400, "bad_request"},
        {GET_LINE("/things/x/parts/%ff") "\r\n", 400, "bad_request"},
        {GET_LINE("/things/x/parts/%c0%af") "\r\n", 400, "bad_request"},
        {GET_LINE("/hello\xff") "\r\n", 400, "bad_request"},
        {GET_LINE("/hello#top") "\r\n", 400, "bad_request"},
        {GET_LINE("hello") "\r\n", 400, "bad_request"},
        {GET_LINE("/nothing") "\r\n", 500, "internal_error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r = ask(rows[i].request);
        ck_assert_msg(r.status == rows[i].status && strstr(r.body.p, rows[i].body), "%s%d %s", rows[i].request, r.status,
                      r.body.p);
        reply_free(&r);
    }
}
END_TEST

START_TEST(test_methods) {
    static const struct {
        const char *request;
        int status;
        const char *allow;
    } rows[] = {
        {"DELETE /hello HTTP/1.1\r\n" HOST "\r\n", 405, "GET, HEAD, OPTIONS"},
        {"BREW /hello HTTP/1.1\r\n" HOST "\r\n", 405, "GET, HEAD, OPTIONS"},
        {"TRACE /hello HTTP/1.1\r\n" HOST "\r\n", 405, "GET, HEAD, OPTIONS"},
        {"HEAD /echo HTTP/1.1\r\n" HOST "\r\n", 405, "POST, OPTIONS"},
        {"PATCH /doc HTTP/1.1\r\n" HOST "\r\n", 405, "GET, HEAD, PUT, OPTIONS"},
        {"OPTIONS /doc HTTP/1.1\r\n" HOST "\r\n", 204, "GET, HEAD, PUT, OPTIONS"},
        {"OPTIONS /things/special HTTP/1.1\r\n" HOST "\r\n", 204, "GET, HEAD, OPTIONS"},
        {"OPTIONS /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char v[512];
        struct reply r = ask(rows[i].request);
        const char *allow = header(&r, "Allow", v);
        ck_assert_msg(r.status == rows[i].status, "%s%d", rows[i].request, r.status);
        ck_assert(!allow == !rows[i].allow);
        if (allow) ck_assert_str_eq(allow, rows[i].allow);
        reply_free(&r);
    }
}
END_TEST

START_TEST(test_parameters) {
    struct reply r = ask(GET_LINE("/things/a/parts/b?limit=5&deep=true&cursor=x%3D1+2") "\r\n");
    ck_assert_str_eq(r.body.p, "{\"thing\":\"a\",\"part\":\"b\",\"limit\":5,\"deep\":true,\"cursor\":\"x=1 2\"}");
    reply_free(&r);
    r = ask(GET_LINE("/things/a/parts/b?limti=5&limit=1&limit=2&page=3") "\r\n");
    ck_assert_int_eq(r.status, 400);
    ck_assert_ptr_nonnull(strstr(r.body.p, "\"code\":\"unknown_parameter\",\"request_id\""));
    ck_assert_ptr_nonnull(strstr(r.body.p, "{\"parameter\":\"limti\",\"code\":\"unknown_parameter\""));
    ck_assert_ptr_nonnull(strstr(
        r.body.p, "{\"parameter\":\"limit\",\"code\":\"invalid_parameter\",\"detail\":\"limit is given more than once\"}"));
    ck_assert_ptr_nonnull(strstr(r.body.p, "{\"parameter\":\"page\""));
    reply_free(&r);
    r = ask(GET_LINE("/things/a/parts/b?limit=1001&deep=yes") "\r\n");
    ck_assert_int_eq(r.status, 400);
    ck_assert_ptr_nonnull(strstr(r.body.p, "limit must be a whole number from 1 to 1000"));
    ck_assert_ptr_nonnull(strstr(r.body.p, "deep must be true or false"));
    reply_free(&r);
    static const char *const bad[] = {"limit=",    "limit=+5",   "limit=0x10", "limit=99999999999999999999",
                                      "limit=1.0", "limit=%31%", "limit=1%00", "=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char request[256];
        snprintf(request, sizeof request, GET_LINE("/things/a/parts/b?%s") "\r\n", bad[i]);
        ck_assert_msg(status_of(request) == 400, "%s", bad[i]);
    }
    ask_expect(GET_LINE("/hello?a=1") "\r\n", 400, "unknown_parameter");
}
END_TEST

START_TEST(test_problem) {
    char v[512];
    struct reply r = ask(GET_LINE("/nowhere?secret=1") "X-Request-Id: q1\r\n\r\n");
    ck_assert_int_eq(r.status, 404);
    ck_assert_str_eq(header(&r, "Content-Type", v), "application/problem+json");
    ck_assert_str_eq(header(&r, "Cache-Control", v), "no-store");
    ck_assert_ptr_null(header(&r, "ETag", v));
    ck_assert_str_eq(
        r.body.p, "{\"type\":\"urn:assay:problem:not_found\",\"title\":\"No such resource\",\"status\":404,\"detail\":\"No such "
                  "resource\",\"instance\":\"/nowhere\",\"code\":\"not_found\",\"request_id\":\"q1\",\"errors\":[]}");
    reply_free(&r);
    r = ask(GET_LINE("/nowhere") "Accept-Language: fr, zh-CN;q=0.9, en;q=0.8\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(r.body.p, "资源不存在"));
    ck_assert_str_eq(header(&r, "Content-Language", v), "zh-CN");
    reply_free(&r);
}
END_TEST

START_TEST(test_keys) {
    char v[512];
    struct reply r = ask(GET_LINE("/secret") "\r\n");
    ck_assert_int_eq(r.status, 401);
    ck_assert_str_eq(header(&r, "WWW-Authenticate", v), "Bearer realm=\"assay\"");
    reply_free(&r);
    ck_assert_int_eq(status_of(GET_LINE("/secret") "Authorization: Bearer sesame\r\n\r\n"), 200);
    ask_expect(GET_LINE("/top-secret") "Authorization: Bearer sesame\r\n\r\n", 403, "forbidden");
    ask_expect(GET_LINE("/secret") "Authorization: Bearer sesame\r\nAuthorization: Bearer other\r\n\r\n", 400, "bad_request");
}
END_TEST

START_TEST(test_connection_reuse) {
    struct client c = dial();
    for (int i = 0; i < 50; i++) {
        say(&c, GET_LINE("/hello") "\r\n");
        struct reply r = hear(&c);
        ck_assert_int_eq(r.status, 200);
        ck_assert(!r.closed);
        reply_free(&r);
    }
    /* Pipelined: answers come in order, whatever kind of handler gives them. */
    for (int i = 0; i < 10; i++) {
        say(&c, "POST /echo?ms=3 HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nfirst" GET_LINE(
                    "/hello") "\r\n"
                              "POST /later?ms=2 HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nlate");
        say(&c, "POST /stream HTTP/1.1\r\n" HOST
                "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc" GET_LINE("/nowhere") "\r\n");
        static const char *const wanted[] = {"first", "hello\n", "{\"later\":4}", "3 352441c2", "{\"type\""};
        for (size_t k = 0; k < 5; k++) {
            struct reply r = hear(&c);
            ck_assert_msg(r.body.p && strncmp(r.body.p, wanted[k], strlen(wanted[k])) == 0, "%zu: %d %s", k, r.status, r.body.p);
            reply_free(&r);
        }
    }
    say(&c, GET_LINE("/hello") "Connection: close\r\n\r\n");
    struct reply r = hear(&c);
    ck_assert_int_eq(r.status, 200);
    ck_assert(at_end(&c, 2000));
    reply_free(&r);
    hang_up(&c);
    r = ask("GET /hello HTTP/1.0\r\n\r\n");
    ck_assert_int_eq(r.status, 200);
    reply_free(&r);
}
END_TEST

/* A request a byte at a time is the same request. */
START_TEST(test_dribbled_request) {
    static const char request[] = "POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "4;x=y\r\nbyte\r\n8\r\n by byte\r\n0\r\nTrailer: t\r\n\r\n";
    struct client c = dial();
    for (size_t i = 0; i < sizeof request - 1; i++) ck_assert(say_bytes(&c, request + i, 1));
    struct reply r = hear(&c);
    ck_assert_int_eq(r.status, 200);
    ck_assert_str_eq(r.body.p, "byte by byte");
    reply_free(&r);
    hang_up(&c);
}
END_TEST

/* A client that ends its side has left: what waits for its sake is told, and the connection does not stay. */
START_TEST(test_half_closed_client) {
    static const char *const requests[] = {
        GET_LINE("/hello") "\r\n", GET_LINE("/until-gone") "\r\n", GET_LINE("/later?ms=50") "\r\n", "GET /hel",
        "POST /stream HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nab"};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct client c = dial();
        say(&c, requests[i]);
        shutdown(c.fd, SHUT_WR);
        ck_assert_msg(ends(&c, 5000), "%s", requests[i]);
        hang_up(&c);
    }
    wait_for(&gone_seen, 1);
}
END_TEST

/* === caching and compression ====================================================================================== */
START_TEST(test_etag) {
    char etag[512], v[512], request[1024];
    struct reply r = ask(GET_LINE("/big?n=3000") "\r\n");
    snprintf(etag, sizeof etag, "%s", header(&r, "ETag", v));
    ck_assert_str_eq(header(&r, "Vary", v), "Accept-Encoding, Accept");
    reply_free(&r);
    static const struct {
        const char *form;
        int status;
    } rows[] = {{"%s", 304}, {"W/%s", 304},  {"\"x\", %s", 304}, {"\"a,b\",W/\"y\" , %s", 304},
                {"*", 304},  {"\"x\"", 200}, {"", 200},          {"%.10s", 200}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char list[256];
        snprintf(list, sizeof list, rows[i].form, etag);
        snprintf(request, sizeof request, GET_LINE("/big?n=3000") "If-None-Match: %s\r\n\r\n" GET_LINE("/hello") "\r\n", list);
        struct client c = dial();
        say(&c, request);
        r = hear(&c);
        ck_assert_msg(r.status == rows[i].status, "%s: %d", list, r.status);
        ck_assert_str_eq(header(&r, "ETag", v), etag);
        ck_assert_str_eq(header(&r, "Vary", v), "Accept-Encoding, Accept");
        ck_assert_str_eq(header(&r, "Cache-Control", v), "private, no-cache");
        ck_assert_ptr_nonnull(header(&r, "X-Request-Id", v));
        struct reply next = hear(&c); /* a 304 has no body: the next reply begins at once */
        ck_assert_int_eq(next.status, 200);
        ck_assert_str_eq(next.body.p, "hello\n");
        reply_free(&r), reply_free(&next);
        hang_up(&c);
    }
    r = ask(GET_LINE("/big?n=3001") "\r\n"); /* other bytes, another tag */
    ck_assert_str_ne(header(&r, "ETag", v), etag);
    reply_free(&r);
    r = ask(GET_LINE("/readyz") "\r\n");
    ck_assert_ptr_null(header(&r, "ETag", v));
    ck_assert_str_eq(header(&r, "Cache-Control", v), "no-store");
    reply_free(&r);
    r = ask("POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx");
    ck_assert_ptr_null(header(&r, "ETag", v));
    ck_assert_str_eq(header(&r, "Cache-Control", v), "no-store");
    reply_free(&r);
}
END_TEST

START_TEST(test_if_match) {
#define PUT_DOC "PUT /doc HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 1\r\n"
    ask_expect(PUT_DOC "\r\nx", 428, "precondition_required");
    ask_expect(PUT_DOC "If-Match: \"v6\"\r\n\r\nx", 412, "precondition_failed");
    ask_expect(PUT_DOC "If-Match: W/\"v7\"\r\n\r\nx", 412, "precondition_failed");
    ask_expect(PUT_DOC "If-Match: \"v7\"\r\n\r\nx", 204, "");
    ask_expect(PUT_DOC "If-Match: \"v7-gz\"\r\n\r\nx", 204, "");
    ask_expect(PUT_DOC "If-Match: \"v5\", \"v7\"\r\n\r\nx", 204, "");
    ask_expect(PUT_DOC "If-Match: *\r\n\r\nx", 204, "");
    ask_expect(GET_LINE("/doc") "If-None-Match: \"v7\"\r\n\r\n", 304, "");
}
END_TEST

static void inflate_all(const struct assay_buf *in, struct assay_buf *out) {
    z_stream z = {0};
    ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)in->p;
    z.avail_in = (uInt)in->n;
    int rc = Z_OK;
    while (rc == Z_OK) {
        char bytes[4096];
        z.next_out = (Bytef *)bytes;
        z.avail_out = sizeof bytes;
        rc = inflate(&z, Z_NO_FLUSH);
        assay_buf_add(out, bytes, sizeof bytes - z.avail_out);
    }
    ck_assert_int_eq(rc, Z_STREAM_END);
    inflateEnd(&z);
}

START_TEST(test_gzip) {
    char plain_tag[512], tag[512], v[512], request[1024];
    struct reply plain = ask(GET_LINE("/big?n=20000") "\r\n");
    snprintf(plain_tag, sizeof plain_tag, "%s", header(&plain, "ETag", v));
    struct reply r = ask(GET_LINE("/big?n=20000") "Accept-Encoding: br, gzip\r\n\r\n");
    ck_assert_str_eq(header(&r, "Content-Encoding", v), "gzip");
    ck_assert_uint_lt(r.body.n, 2000);
    snprintf(tag, sizeof tag, "%s", header(&r, "ETag", v));
    ck_assert_str_ne(tag, plain_tag);
    struct assay_buf out = {0};
    inflate_all(&r.body, &out);
    ck_assert(assay_str_eq(assay_buf_str(&out), assay_buf_str(&plain.body)));
    assay_buf_free(&out);
    reply_free(&r), reply_free(&plain);
    snprintf(request, sizeof request, GET_LINE("/big?n=20000") "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n\r\n", tag);
    r = ask(request);
    ck_assert_int_eq(r.status, 304);
    ck_assert_str_eq(header(&r, "ETag", v), tag);
    reply_free(&r);
    snprintf(request, sizeof request, GET_LINE("/big?n=20000") "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n\r\n", plain_tag);
    ck_assert_int_eq(status_of(request), 200); /* the other form's tag is not this one's */
    static const struct {
        const char *target, *accept;
        bool gzip;
    } rows[] = {
        {"/big?n=20000", "gzip;q=0", false},
        {"/big?n=20000", "identity", false},
        {"/big?n=20000", "*", true},
        {"/big?n=20000", "*;q=0", false},
        {"/big?n=20000", "gzip;q=0.5, identity", false},
        {"/big?n=20000", "gzip;q=1.0, identity; q=0.5", true},
        {"/big?n=20000", "GZIP", true},
        {"/big?n=20000", "deflate", false},
        {"/big?n=1000", "gzip", false},
        {"/big?n=1024", "gzip", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "Accept-Encoding: %s\r\n\r\n", rows[i].target,
                 rows[i].accept);
        r = ask(request);
        ck_assert_msg((header(&r, "Content-Encoding", v) != NULL) == rows[i].gzip, "%s: %s", rows[i].target, rows[i].accept);
        reply_free(&r);
    }
}
END_TEST

static void expect_kept(const char *request, int wanted_status, const char *wanted, int wanted_worked_out) {
    struct reply r = ask(request);
    char v[512];
    ck_assert_msg(r.status == wanted_status, "%d to: %s", r.status, request);
    if (wanted) ck_assert_msg(r.body.p && !strncmp(r.body.p, wanted, strlen(wanted)), "%s: %.60s", request, r.body.p);
    ck_assert_msg(atomic_load(&worked_out) == wanted_worked_out, "%s: worked out %d times", request, atomic_load(&worked_out));
    if (wanted_status < 400) ck_assert_str_eq(header(&r, "Cache-Control", v), "private, no-cache");
    if (wanted_status == 200) ck_assert_str_eq(header(&r, "Link", v), "</kept/next>; rel=\"next\"");
    reply_free(&r);
}

/* Once for as long as what it rests on stands, for whoever asks and however; HEAD and GET are one. */
START_TEST(test_kept_replies) {
    static const char *const routes_of[] = {"kept", "held"};
    for (int i = 0; i < 2; i++) {
        char get[200], head[200], held[800], etag[512], again[512];
        atomic_store(&data_now, 7);
        atomic_store(&worked_out, 0);
        atomic_store(&renewed, 0);
        snprintf(get, sizeof get, "GET /%s/short HTTP/1.1\r\n" HOST "\r\n", routes_of[i]);
        snprintf(head, sizeof head, "HEAD /%s/sh%%6Frt HTTP/1.1\r\n" HOST "\r\n", routes_of[i]);
        for (int k = 0; k < 3; k++) expect_kept(get, 200, "short of 7", 1);
        expect_kept(head, 200, NULL, 1);
        struct reply r = ask(get);
        ck_assert_ptr_nonnull(header(&r, "ETag", etag));
        reply_free(&r);
        snprintf(held, sizeof held, "GET /%s/short HTTP/1.1\r\n" HOST "If-None-Match: %s\r\n\r\n", routes_of[i], etag);
        r = ask(held);
        ck_assert_int_eq(r.status, 304);
        ck_assert_uint_eq(r.body.n, 0);
        ck_assert_str_eq(header(&r, "ETag", again), etag);
        ck_assert_ptr_nonnull(header(&r, "X-Request-Id", again));
        reply_free(&r);
        ck_assert_int_eq(atomic_load(&worked_out), 1);
        /* It moves: worked out again, and the same bytes have the same ETag. */
        atomic_store(&data_now, 8);
        expect_kept(held, 200, "short of 8", 2);
        expect_kept(get, 200, "short of 8", 2);
        /* no-cache looks for itself, and what it finds is for all. */
        snprintf(head, sizeof head, "GET /%s/short HTTP/1.1\r\n" HOST "Cache-Control: max-age=0, no-cache\r\n\r\n", routes_of[i]);
        expect_kept(head, 200, "short of 8", 3);
        ck_assert_int_eq(atomic_load(&renewed), 1);
        expect_kept(get, 200, "short of 8", 3);
        atomic_store(&absent, true);
        expect_kept(head, 503, NULL, 3);
        atomic_store(&absent, false);
        /* Nothing is known: nothing is taken from here, nothing kept. */
        atomic_store(&blind, true);
        expect_kept(get, 200, "short of 8", 4);
        expect_kept(get, 200, "short of 8", 5);
        atomic_store(&blind, false);
        expect_kept(get, 200, "short of 8", 5);
        /* A refusal is not kept. */
        snprintf(get, sizeof get, "GET /%s/missing HTTP/1.1\r\n" HOST "\r\n", routes_of[i]);
        expect_kept(get, 404, NULL, 6);
        expect_kept(get, 404, NULL, 7);
    }
    ck_assert_int_eq(metric_value("assay_http_cache_not_modified_total"), 2);
    ck_assert_int_eq(metric_value("assay_http_cache_entries"), 2);
    ck_assert_int_eq(metric_value("assay_http_cache_hits_total"), 2 * 8);
}
END_TEST

/* The gzip form is made once, when first wanted; either form has an ETag of its own, and a 304 needs neither. */
START_TEST(test_kept_forms) {
    char v[512], plain[512], zipped[512], request[800];
    struct reply r = ask(GET_LINE("/kept/long") "\r\n");
    ck_assert_str_eq(header(&r, "Vary", v), "Accept-Encoding");
    snprintf(plain, sizeof plain, "%s", header(&r, "ETag", v));
    reply_free(&r);
    int64_t bytes = metric_value("assay_http_cache_bytes");
    ck_assert_int_gt(bytes, 5000);
    snprintf(request, sizeof request, GET_LINE("/kept/long") "Accept-Encoding: gzip\r\nIf-None-Match: \"%.32s-gz\"\r\n\r\n",
             plain + 1);
    ck_assert_int_eq(status_of(request), 304);
    ck_assert_int_eq(metric_value("assay_http_cache_bytes"), bytes); /* and nothing was compressed for it */
    for (int i = 0; i < 2; i++) {
        r = ask(GET_LINE("/kept/long") "Accept-Encoding: gzip\r\n\r\n");
        ck_assert_str_eq(header(&r, "Content-Encoding", v), "gzip");
        ck_assert_str_eq(header(&r, "Vary", v), "Accept-Encoding");
        snprintf(zipped, sizeof zipped, "%s", header(&r, "ETag", v));
        ck_assert_str_ne(plain, zipped);
        reply_free(&r);
    }
    ck_assert_int_gt(metric_value("assay_http_cache_bytes"), bytes);
    /* What is there in the form that is wanted needs no worker: all of them may be busy. */
    struct client busy[16];
    unsigned workers = config.lanes[ASSAY_HTTP_LANE_READ].workers;
    ck_assert_uint_le(workers, 16);
    atomic_store(&hold, true);
    for (unsigned i = 0; i < workers; i++) {
        busy[i] = dial();
        say(&busy[i], GET_LINE("/slow") "\r\n");
    }
    while (metric_value("assay_http_lane_busy{lane=\"read\"}") < workers) sleep_ms(1);
    ck_assert_int_eq(status_of(GET_LINE("/kept/long") "Accept-Encoding: gzip\r\n\r\n"), 200);
    ck_assert_int_eq(status_of(request), 304);
    atomic_store(&hold, false);
    for (unsigned i = 0; i < workers; i++) {
        r = hear_for(&busy[i], false, 10000);
        ck_assert_int_eq(r.status, 200);
        reply_free(&r);
        hang_up(&busy[i]);
    }
    r = ask(GET_LINE("/kept/long") "\r\n");
    ck_assert_ptr_null(header(&r, "Content-Encoding", v));
    ck_assert_str_eq(header(&r, "ETag", v), plain);
    reply_free(&r);
    ck_assert_int_eq(atomic_load(&worked_out), 1);
}
END_TEST

START_TEST(test_accept) {
    static const struct {
        const char *accept, *type;
    } rows[] = {
        {"text/csv", "text/csv; charset=utf-8"},
        {"application/json", "application/json"},
        {"*/*", "application/json"},
        {"text/*", "text/csv; charset=utf-8"},
        {"text/html, */*;q=0.1", "application/json"},
        {"application/json;q=0.2, text/csv;q=0.8", "text/csv; charset=utf-8"},
        {"*/*, application/json;q=0", "text/csv; charset=utf-8"},
        {"text/html", NULL},
        {"application/json;q=0", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char request[256], v[512];
        snprintf(request, sizeof request, GET_LINE("/big") "Accept: %s\r\n\r\n", rows[i].accept);
        struct reply r = ask(request);
        ck_assert_msg(r.status == (rows[i].type ? 200 : 406), "%s: %d", rows[i].accept, r.status);
        if (rows[i].type) ck_assert_str_eq(header(&r, "Content-Type", v), rows[i].type);
        reply_free(&r);
    }
}
END_TEST

START_TEST(test_cors) {
    static const char *const origins[] = {"https://portal.example", "http://localhost:3000", NULL};
    char v[512];
    stop(100);
    config.origins = origins;
    config.body_bytes = 10;
    start();
    struct reply r = ask(GET_LINE("/hello") "Origin: https://portal.example\r\n\r\n");
    ck_assert_str_eq(header(&r, "Access-Control-Allow-Origin", v), "https://portal.example");
    ck_assert_str_eq(header(&r, "Access-Control-Expose-Headers", v), "ETag, Link, Location, Retry-After, X-Request-Id");
    ck_assert_str_eq(header(&r, "Vary", v), "Origin");
    reply_free(&r);
    r = ask(GET_LINE("/nowhere") "Origin: https://portal.example\r\n\r\n");
    ck_assert_ptr_nonnull(header(&r, "Access-Control-Allow-Origin", v));
    reply_free(&r);
    /* Also of a 304, of a refusal past the library, without an origin, and of a preflight that no key comes with. */
    r = ask(GET_LINE("/doc") "If-None-Match: \"v7\"\r\nOrigin: https://portal.example\r\n\r\n");
    ck_assert_int_eq(r.status, 304);
    ck_assert_str_eq(header(&r, "Access-Control-Allow-Origin", v), "https://portal.example");
    ck_assert_str_eq(header(&r, "Access-Control-Expose-Headers", v), "ETag, Link, Location, Retry-After, X-Request-Id");
    reply_free(&r);
    r = ask(GET_LINE("/secret") "Origin: https://portal.example\r\n\r\n");
    ck_assert_int_eq(r.status, 401);
    ck_assert_str_eq(header(&r, "Access-Control-Allow-Origin", v), "https://portal.example");
    reply_free(&r);
    struct client chunks = dial();
    say(&chunks, "POST /echo HTTP/1.1\r\n" HOST "Origin: https://portal.example\r\nContent-Type: text/plain\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n");
    r = hear_for(&chunks, false, 10000);
    ck_assert_int_eq(r.status, 413);
    ck_assert_str_eq(header(&r, "Access-Control-Allow-Origin", v), "https://portal.example");
    ck_assert_str_eq(header(&r, "Access-Control-Expose-Headers", v), "ETag, Link, Location, Retry-After, X-Request-Id");
    ck_assert_str_eq(header(&r, "Vary", v), "Origin");
    reply_free(&r);
    hang_up(&chunks);
    r = ask("OPTIONS /secret HTTP/1.1\r\n" HOST "Origin: https://portal.example\r\nAccess-Control-Request-Method: GET\r\n"
            "Access-Control-Request-Headers: authorization\r\n\r\n");
    ck_assert_int_eq(r.status, 204);
    ck_assert_str_eq(header(&r, "Access-Control-Allow-Origin", v), "https://portal.example");
    ck_assert_ptr_nonnull(strstr(header(&r, "Access-Control-Allow-Headers", v), "Authorization"));
    reply_free(&r);
    r = ask(GET_LINE("/hello") "\r\n");
    ck_assert_ptr_null(header(&r, "Access-Control-Allow-Origin", v));
    ck_assert_str_eq(header(&r, "Vary", v), "Origin");
    reply_free(&r);
    r = ask(GET_LINE("/hello") "Origin: https://portal.example.evil\r\n\r\n");
    ck_assert_int_eq(r.status, 200);
    ck_assert_ptr_null(header(&r, "Access-Control-Allow-Origin", v));
    ck_assert_str_eq(header(&r, "Vary", v), "Origin");
    reply_free(&r);
    r = ask("OPTIONS /doc HTTP/1.1\r\n" HOST "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: PUT\r\n\r\n");
    ck_assert_int_eq(r.status, 204);
    ck_assert_str_eq(header(&r, "Allow", v), "GET, HEAD, PUT, OPTIONS");
    ck_assert_str_eq(header(&r, "Access-Control-Allow-Methods", v), "GET, HEAD, POST, PUT, PATCH, DELETE");
    ck_assert_ptr_nonnull(strstr(header(&r, "Access-Control-Allow-Headers", v), "If-Match"));
    ck_assert_ptr_null(header(&r, "Content-Length", v));
    reply_free(&r);
    /* A page may ask for what is not there, and read that it is not; a stranger's may not. */
    r = ask("OPTIONS /nowhere HTTP/1.1\r\n" HOST "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: GET\r\n\r\n");
    ck_assert_int_eq(r.status, 204);
    ck_assert_ptr_nonnull(header(&r, "Access-Control-Allow-Methods", v));
    reply_free(&r);
    r = ask("OPTIONS /nowhere HTTP/1.1\r\n" HOST "Origin: http://localhost:3001\r\nAccess-Control-Request-Method: GET\r\n\r\n");
    ck_assert_int_eq(r.status, 404);
    ck_assert_ptr_null(header(&r, "Access-Control-Allow-Methods", v));
    reply_free(&r);
    ask_expect("OPTIONS /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, "not_found");
    /* The door refuses unread: one origin is known, of several none. */
    for (int n = 1; n <= 2; n++) {
        stop(100);
        config.origins = origins + 2 - n;
        config.connections = 1;
        start();
        struct client first = dial();
        say(&first, GET_LINE("/hello") "\r\n");
        r = hear_for(&first, false, 10000);
        reply_free(&r);
        r = ask(GET_LINE("/hello") "Origin: http://localhost:3000\r\n\r\n");
        ck_assert_int_eq(r.status, 503);
        const char *allowed = header(&r, "Access-Control-Allow-Origin", v);
        if (n == 1) ck_assert_str_eq(allowed, "http://localhost:3000");
        else ck_assert_ptr_null(allowed);
        reply_free(&r);
        hang_up(&first);
    }
}
END_TEST

/* === bodies and bounds ============================================================================================ */
#define POST_LINE(target) "POST " target " HTTP/1.1\r\n" HOST
START_TEST(test_media_types) {
    ask_expect(POST_LINE("/echo") "Content-Length: 1\r\n\r\nx", 415, "unsupported_media_type");
    ask_expect(POST_LINE("/echo") "Content-Type: text/html\r\nContent-Length: 1\r\n\r\nx", 415, "unsupported_media_type");
    ask_expect(POST_LINE("/echo") "Content-Type: Application/JSON ; charset=utf-8\r\nContent-Length: 1\r\n\r\nx", 200, "");
    ask_expect(POST_LINE("/echo") "Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415,
               "unsupported_media_type");
    ask_expect(POST_LINE("/echo") "Content-Type: text/plain\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 200,
               "");
    ask_expect(POST_LINE("/stream") "Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 200, "");
    ask_expect(POST_LINE("/stream") "Content-Type: text/plain\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415,
               "unsupported_media_type");
    ask_expect("GET /hello HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", 400, "bad_request");
    ask_expect(POST_LINE("/echo") "\r\n", 200, "");
    ask_expect(POST_LINE("/echo") "Content-Length: 0\r\n\r\n", 200, "");
}
END_TEST

START_TEST(test_framing) {
#define TEXT "Content-Type: text/plain\r\n"
    static const char *const bad[] = {
        POST_LINE("/echo") TEXT "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST_LINE("/echo") TEXT "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        POST_LINE("/echo") TEXT "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        POST_LINE("/echo") TEXT "Content-Length: +1\r\n\r\nx",
        POST_LINE("/echo") TEXT "Content-Length: -1\r\n\r\nx",
        POST_LINE("/echo") TEXT "Content-Length: 1, 1\r\n\r\nx",
        POST_LINE("/echo") TEXT "Content-Length: 0x1\r\n\r\nx",
        POST_LINE("/echo") TEXT "Content-Length: \r\n\r\n",
        POST_LINE("/echo") TEXT "Content-Length : 1\r\n\r\nx",
        POST_LINE("/echo") TEXT "Transfer-Encoding: gzip\r\n\r\nx",
        POST_LINE("/echo") TEXT "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST_LINE("/echo") TEXT "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        POST_LINE("/echo") TEXT "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST_LINE("/echo") TEXT "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        POST_LINE("/echo") TEXT "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "GET /hello HTTP/1.1\r\n\r\n", /* no Host */
        GET_LINE("/hello") "no colon\r\n\r\n",
        GET_LINE("/hello") "Bad Name: x\r\n\r\n",
        GET_LINE("/hel lo") "\r\n",
        "GET /hello\r\n" HOST "\r\n",
        "GET /hello HTTP/9.9\r\n" HOST "\r\n",
        "GET /hello HTTP/1.1x\r\n" HOST "\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n", /* TLS at the wrong door */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct client c = dial();
        say(&c, bad[i]);
        struct reply r = hear_for(&c, false, 3000);
        ck_assert_msg(r.status == 0 || (r.status >= 400 && r.status < 506), "%zu: %s%d", i, bad[i], r.status);
        reply_free(&r);
        /* Whatever it answered, it does not go on from where two readers would differ. (What the library answers by itself to
         * a bad Content-Length has its head twice.) */
        if (strstr(bad[i], "Content-Length") || strstr(bad[i], "Transfer-Encoding"))
            ck_assert_msg(ends(&c, 3000), "%zu: %s", i, bad[i]);
        hang_up(&c);
    }
    static const char nul_target[] = "GET /hello\0/x HTTP/1.1\r\n" HOST "\r\n";
    struct client c = dial();
    say_bytes(&c, nul_target, sizeof nul_target - 1);
    struct reply r = hear_for(&c, false, 3000);
    ck_assert_int_eq(r.status, 400);
    reply_free(&r);
    hang_up(&c);
    ck_assert_int_eq(atomic_load(&handled), 0);
    ck_assert_int_eq(status_of(GET_LINE("/hello") "\r\n"), 200);
}
END_TEST

/* Shapes that two readers could cut differently, each with a second request inside or behind: it is refused or taken as one
 * whole, the connection ends where it was refused, and what was hidden is never carried out. */
START_TEST(test_hidden_requests) {
#define HIDDEN POST_LINE("/echo?ms=1") "Content-Length: 0\r\n\r\n"
    static const char *const bad[] = {
        POST_LINE("/stream") TEXT "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Content-Length: 0\r\nContent-Length: 4\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Content-Length: 4\r\nContent-Length: 0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Content-Length: -4\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Content-Length: 0 4\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Content-Length: 18446744073709551616\r\n\r\n" HIDDEN, /* 2^64: 0 to who wraps */
        POST_LINE("/stream") TEXT "Content-Length : 0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Content-Length:\r\n 61\r\n\r\n" HIDDEN,   /* folded: a body of 61 bytes to who unfolds */
        POST_LINE("/stream") TEXT "Content-Le: 0\r\n ngth\r\n\r\n" HIDDEN,   /* a name made by folding */
        POST_LINE("/stream") TEXT "X: a\nContent-Length: 0\r\n\r\n" HIDDEN,  /* a field to who ends lines so */
        POST_LINE("/stream") TEXT "X: a\rContent-Length: 61\r\n\r\n" HIDDEN, /* likewise */
        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n ,x\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "X: a\r\n Content-Length: 9\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" HIDDEN, /* 2^64 */
        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" HIDDEN,
        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" HIDDEN,
        "POST /stream HTTP/1.1\r\n" TEXT "Content-Length: 0\r\n\r\n" HIDDEN, /* no Host */
        POST_LINE("/stream") HOST TEXT "Content-Length: 0\r\n\r\n" HIDDEN,   /* two of them */
        "POST /stream HTTP/2.0\r\n" HOST TEXT "Content-Length: 0\r\n\r\n" HIDDEN,
        "POST /stream http/1.1\r\n" HOST TEXT "Content-Length: 0\r\n\r\n" HIDDEN,
        "GET /hello\r\n" HIDDEN,                   /* HTTP/0.9 */
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" HIDDEN, /* the preface of HTTP/2 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct client c = dial();
        say(&c, bad[i]);
        struct reply r = hear_for(&c, false, 3000);
        ck_assert_msg(r.status >= 400 && r.status < 506, "%zu: %s%d", i, bad[i], r.status);
        ck_assert_msg(ends(&c, 3000), "%zu: %s", i, bad[i]);
        ck_assert_msg(atomic_load(&handled) == 0, "%zu: %s", i, bad[i]);
        reply_free(&r);
        hang_up(&c);
    }
}
END_TEST

/* The library reads the lines between chunks more leniently than a proxy may: after a body in chunks nothing more is taken from
 * the connection, so that what one of the two takes for a body is never a request to the other. */
START_TEST(test_last_after_chunks) {
#define CHUNKED POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n"
    static const char *const bodies[] = {
        CHUNKED "1\r\na\r\n0\r\n\r\n" HIDDEN,          /* sound */
        CHUNKED "1\na\n0\n\n" HIDDEN,                  /* bare LF */
        CHUNKED "1;\nxx\r\na\r\n0\r\n\r\n" HIDDEN,     /* an extension that ends there to one of them */
        CHUNKED "1\r\na\r\n0\r\nX: y\n\r\n" HIDDEN,    /* trailers */
        CHUNKED "1\r\na\r\n0\r\n\n" HIDDEN "\r\n\r\n", /* the last empty line */
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct client c = dial();
        say(&c, bodies[i]);
        struct reply r = hear_for(&c, false, 3000);
        ck_assert_msg(r.status == 0 || r.status == 200 || r.status == 400, "%zu: %s%d", i, bodies[i], r.status);
        if (r.status == 200) ck_assert_msg(strstr(r.head, "Connection: close"), "%zu: %s%s", i, bodies[i], r.head);
        ck_assert_msg(i > 0 || r.status == 200, "%d", r.status);
        ck_assert_msg(ends(&c, 3000), "%zu: %s", i, bodies[i]);
        ck_assert_msg(atomic_exchange(&handled, 0) <= 1, "%zu: %s", i, bodies[i]);
        reply_free(&r);
        hang_up(&c);
    }
}
END_TEST

/* Heads that are old, odd or meant for another server. What is refused for its shape is not gone on from. */
START_TEST(test_odd_heads) {
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {"GET /hello HTTP/1.1\nHost: test\n\n", 400},
        {"GET /hello HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400},
        {GET_LINE("/hello") "X: a\r\n b\r\n\r\n", 400},
        {GET_LINE("/hello") " X: first folded\r\n\r\n", 400},
        {GET_LINE("http://test/hello") "\r\n", 200},
        {"\r\n" GET_LINE("/hello") "\r\n", 200}, /* an empty line before: of old clients, behind a body */
        {GET_LINE("/hello") "Cookie: a=b; c=\"d\"\r\nX:\r\nY: \t z \t\r\nCookie: e\r\n\r\n", 200},
        {GET_LINE("/hello") "X:y\r\nLast: \r\n\r\n", 200},
        {GET_LINE("http://other/hello") "\r\n", 200},
        {"CONNECT test:443 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET hello HTTP/1.1\r\n" HOST "\r\n", 400},
        {"BREW /hello HTTP/1.1\r\n" HOST "\r\n", 405},
        {"get /hello HTTP/1.1\r\n" HOST "\r\n", 405},
        {"TRACE /hello HTTP/1.1\r\n" HOST "\r\n", 405},
        {"GET /hello HTTP/1.1\r\n" HOST HOST "\r\n", 400},
        {GET_LINE("/hello") ": empty\r\n\r\n", 400},
        {GET_LINE("/hello") "X\x01: a\r\n\r\n", 400},
        {GET_LINE("/hello") "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200},
        {GET_LINE("/hello") "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", 200},
        {GET_LINE("/hello") "Expect: a-miracle\r\n\r\n", 200},
        {POST_LINE("/echo") TEXT "Content-Length: 1\r\nExpect: a-miracle\r\n\r\nx", 200},
        {POST_LINE("/stream") TEXT "Content-Length:\r\n 1\r\n\r\nx", 400},
        {POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n1;x=\"y\"\r\na\r\n0\r\nContent-Length: 9\r\n\r\n", 200},
        {POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c = dial();
        say(&c, rows[i].request);
        struct reply r = hear_for(&c, false, 3000);
        ck_assert_msg(r.status == rows[i].status, "%zu: %s%d", i, rows[i].request, r.status);
        if (r.status == 400) ck_assert_msg(ends(&c, 3000), "%zu: %s", i, rows[i].request);
        reply_free(&r);
        hang_up(&c);
    }
    /* A NUL, where C's strings end, in a name and in a value, the last and not the last. */
#define NUL(text) \
    { GET_LINE("/hello") text, sizeof(GET_LINE("/hello") text) - 1 }
    static const struct {
        const char *p;
        size_t n;
    } nuls[] = {NUL("X: a\0b\r\n\r\n"), NUL("X: a\0b\r\nY: c\r\n\r\n"), NUL("X\0: a\r\n\r\n"), NUL("X: a\0\r\n\r\n")};
    for (size_t i = 0; i < sizeof nuls / sizeof *nuls; i++) {
        struct client c = dial();
        say_bytes(&c, nuls[i].p, nuls[i].n);
        struct reply r = hear_for(&c, false, 3000);
        ck_assert_msg(r.status == 400, "%zu: %d", i, r.status);
        reply_free(&r);
        hang_up(&c);
    }
}
END_TEST

/* Half a request, then nothing, then the end of the connection, at each byte. */
START_TEST(test_half_requests) {
    static const char *const whole[] = {POST_LINE("/echo") TEXT "Content-Length: 9\r\n\r\nsome text",
                                        POST_LINE("/stream") TEXT "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
                                        POST_LINE("/later") TEXT "Content-Length: 4\r\n\r\nabcd"};
    for (size_t k = 0; k < 3; k++)
        for (size_t n = 1; n < strlen(whole[k]); n++) {
            struct client c = dial();
            say_bytes(&c, whole[k], n);
            if (n % 2) shutdown(c.fd, SHUT_WR);
            else setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)); /* reset */
            hang_up(&c);
        }
    ck_assert_int_eq(status_of(GET_LINE("/hello") "\r\n"), 200);
    /* Only the streaming handler may have begun (it reports the break). */
    ck_assert_int_ne(atomic_load(&stream_error), (int)ASSAY_INTERNAL);
}
END_TEST

START_TEST(test_head_bounds) {
    struct assay_buf b = {0};
    static const struct {
        size_t uri, headers;
        int status;
    } rows[] = {{8000, 100, 404}, {8193, 100, 414}, {20000, 100, 414}, {200000, 100, 414},
                {10, 30000, 404}, {10, 33000, 431}, {10, 60000, 431},  {10, 1000000, 431}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b.n = 0;
        assay_buf_adds(&b, "GET /");
        for (size_t k = 1; k < rows[i].uri; k++) assay_buf_addc(&b, 'u');
        assay_buf_adds(&b, " HTTP/1.1\r\n" HOST);
        for (size_t k = 0; k < rows[i].headers / 100; k++)
            assay_buf_printf(
                &b, "X-%07zu: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567\r\n", k);
        assay_buf_adds(&b, "\r\n");
        struct reply r = ask(b.p);
        ck_assert_msg(r.status == rows[i].status, "%zu+%zu: %d", rows[i].uri, rows[i].headers, r.status);
        reply_free(&r);
    }
    assay_buf_free(&b);
}
END_TEST

/* A body of n bytes, told by its length or in chunks; false when the server broke off. */
static bool send_body(struct client *c, size_t n, bool chunked, uLong *sum) {
    static char bytes[60000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 31 + i / 251);
    if (sum) *sum = crc32(0, NULL, 0);
    for (size_t done = 0; done < n;) {
        size_t k = n - done < sizeof bytes ? n - done : sizeof bytes;
        char line[32];
        snprintf(line, sizeof line, "%zx\r\n", k);
        if (chunked && !say(c, line)) return false;
        if (!say_bytes(c, bytes, k) || (chunked && !say(c, "\r\n"))) return false;
        if (sum) *sum = crc32(*sum, (Bytef *)bytes, (uInt)k);
        done += k;
    }
    return !chunked || say(c, "0\r\n\r\n");
}

static struct reply post_body(const char *target, size_t n, bool chunked, uLong *sum) {
    char head[256];
    struct client c = dial();
    if (chunked) snprintf(head, sizeof head, "POST %s HTTP/1.1\r\n" HOST TEXT "Transfer-Encoding: chunked\r\n\r\n", target);
    else snprintf(head, sizeof head, "POST %s HTTP/1.1\r\n" HOST TEXT "Content-Length: %zu\r\n\r\n", target, n);
    say(&c, head);
    send_body(&c, n, chunked, sum);
    struct reply r = hear(&c);
    hang_up(&c);
    return r;
}

START_TEST(test_body_bounds) {
    stop(100);
    config.body_bytes = 300000;
    start();
    static const struct {
        const char *target;
        size_t n;
        int status;
    } rows[] = {{"/echo", 300000, 200},          {"/echo", 300001, 413},          {"/echo", 3000000, 413},
                {"/small-stream", 1000000, 200}, {"/small-stream", 1000001, 413}, {"/small-stream", 5000000, 413},
                {"/stream", 5000000, 200}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int chunked = 0; chunked < 2; chunked++) {
            struct reply r = post_body(rows[i].target, rows[i].n, chunked, NULL);
            ck_assert_msg(r.status == rows[i].status, "%s %zu %d: %d", rows[i].target, rows[i].n, chunked, r.status);
            if (r.status == 413) ck_assert_ptr_nonnull(strstr(r.body.p, "\"code\":\"too_large\""));
            reply_free(&r);
        }
    /* The refused client may go on saying what it has to say (for a while: a slow one may find the door shut): no reset
     * tears the reply from it. */
    for (int chunked = 0; chunked < 2; chunked++) {
        struct client c = dial();
        say(&c, chunked ? POST_LINE("/echo") TEXT "Transfer-Encoding: chunked\r\n\r\n"
                        : POST_LINE("/echo") TEXT "Content-Length: 3000000\r\n\r\n");
        (void)send_body(&c, 3000000, chunked, NULL);
        struct reply r = hear(&c);
        ck_assert_int_eq(r.status, 413);
        ck_assert_int_eq((int)hear_some(&c, 3000), 0);
        reply_free(&r);
        hang_up(&c);
    }
    /* By its length at once, before a byte of it. */
    struct client c = dial();
    say(&c, POST_LINE("/echo") TEXT "Content-Length: 300001\r\nExpect: 100-continue\r\n\r\n");
    struct reply r = hear(&c);
    ck_assert_int_eq(r.status, 413);
    reply_free(&r);
    hang_up(&c);
    c = dial();
    say(&c, POST_LINE("/echo") TEXT "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    while (!memmem(c.in.p ? c.in.p : "", c.in.n, "100 Continue", 12)) ck_assert_int_gt((int)hear_some(&c, 3000), 0);
    say(&c, "abcde");
    r = hear(&c);
    ck_assert_int_eq(r.status, 200);
    reply_free(&r);
    hang_up(&c);
    ask_expect(POST_LINE("/echo") TEXT "Content-Length: 99999999999999999999999\r\n\r\n", 413, "");
    ask_expect(POST_LINE("/echo") TEXT "Content-Length: 18446744073709551615\r\n\r\n", 413, "");
}
END_TEST

START_TEST(test_buffered_bound) {
    stop(100);
    config.buffered_bytes = 200000;
    start();
    struct reply r = post_body("/echo", 100000, false, NULL);
    ck_assert_int_eq(r.status, 200);
    reply_free(&r);
    for (int chunked = 0; chunked < 2; chunked++) {
        char v[512];
        r = post_body("/echo", 900000, chunked, NULL);
        ck_assert_int_eq(r.status, 503);
        ck_assert_str_eq(header(&r, "Retry-After", v), "1");
        reply_free(&r);
    }
    uLong sum;
    r = post_body("/stream", 900000, true, &sum); /* a stream makes do with less */
    ck_assert_int_eq(r.status, 200);
    reply_free(&r);
    ck_assert_int_eq(metric_value("assay_http_buffered_bytes"), 0);
}
END_TEST

START_TEST(test_stream) {
    static const size_t sizes[] = {1, 16384, 16385, 100000, 524288, 524289, 64 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int chunked = 0; chunked < 2; chunked++) {
            char wanted[64];
            uLong sum;
            if (sizes[i] > 1000000 && chunked) continue;
            struct reply r = post_body("/stream", sizes[i], chunked, &sum);
            snprintf(wanted, sizeof wanted, "%zu %08lx", sizes[i], sum);
            ck_assert_int_eq(r.status, 200);
            ck_assert_str_eq(r.body.p, wanted);
            reply_free(&r);
        }
    ck_assert_int_gt(atomic_load(&buffered_most), 0);
    ck_assert_int_le(atomic_load(&buffered_most), 512 << 10);
    ck_assert_int_eq(metric_value("assay_http_buffered_bytes"), 0);
}
END_TEST

/* A slow reader holds the sender back; several at once; and a reader that has had enough answers in the middle. */
START_TEST(test_stream_flow) {
    uLong sum;
    char wanted[64];
    struct reply r = post_body("/stream?delay=2", 6 << 20, true, &sum);
    snprintf(wanted, sizeof wanted, "%d %08lx", 6 << 20, sum);
    ck_assert_str_eq(r.body.p, wanted);
    reply_free(&r);
    for (int chunked = 0; chunked < 2; chunked++) {
        r = post_body("/stream?stop_after=200000", 30 << 20, chunked, NULL);
        ck_assert_int_eq(r.status, 422);
        ck_assert(r.closed);
        reply_free(&r);
    }
    r = post_body("/stream?stop_after=1", 10, false, NULL); /* all of it was there already */
    ck_assert_int_eq(r.status, 422);
    reply_free(&r);
}
END_TEST

/* === overload ===================================================================================================== */
START_TEST(test_full_lane) {
    stop(100);
    config.lanes[ASSAY_HTTP_LANE_READ] = (struct assay_http_lane_config){2, 3};
    start();
    atomic_store(&hold, true);
    struct client waiting[5];
    for (int i = 0; i < 5; i++) {
        waiting[i] = dial();
        say(&waiting[i], GET_LINE("/slow") "\r\n");
    }
    for (int64_t until = now_ms() + 5000; metric_value("assay_http_in_flight") < 5 && now_ms() < until;) sleep_ms(1);
    sleep_ms(50);
    int64_t began = now_ms();
    char v[512];
    struct reply r = ask(GET_LINE("/slow") "\r\n");
    ck_assert_int_eq(r.status, 503);
    ck_assert_str_eq(header(&r, "Retry-After", v), "1");
    ck_assert_ptr_nonnull(strstr(r.body.p, "\"code\":\"overloaded\""));
    ck_assert_int_lt(now_ms() - began, 1000);
    reply_free(&r);
    ck_assert_int_eq(status_of(GET_LINE("/hello") "\r\n"), 200); /* what needs no worker goes on */
    ck_assert_int_eq(metric_value("assay_http_lane_waiting{lane=\"read\"}"), 3);
    ck_assert_int_eq(metric_value("assay_http_lane_busy{lane=\"read\"}"), 2);
    atomic_store(&hold, false);
    for (int i = 0; i < 5; i++) {
        r = hear(&waiting[i]);
        ck_assert_int_eq(r.status, 200);
        reply_free(&r);
        hang_up(&waiting[i]);
    }
    ck_assert_int_eq(status_of(GET_LINE("/slow") "\r\n"), 200);
    ck_assert_int_eq(metric_value("assay_http_rejected_total{reason=\"lane_full\"}"), 1);
}
END_TEST

START_TEST(test_full_stream_lane) {
    stop(100);
    config.lanes[ASSAY_HTTP_LANE_BULK] = (struct assay_http_lane_config){1, 1};
    start();
    struct client a = dial(), b = dial();
    say(&a, POST_LINE("/stream") TEXT "Content-Length: 3\r\n\r\na");
    say(&b, POST_LINE("/stream") TEXT "Content-Length: 3\r\n\r\na");
    for (int64_t until = now_ms() + 5000; metric_value("assay_http_in_flight") < 2 && now_ms() < until;) sleep_ms(1);
    ask_expect(POST_LINE("/stream") TEXT "Content-Length: 3\r\n\r\nabc", 503, "overloaded");
    hang_up(&a); /* its place is free again */
    for (int64_t until = now_ms() + 5000; metric_value("assay_http_in_flight") > 1 && now_ms() < until;) sleep_ms(1);
    ask_expect(POST_LINE("/stream") TEXT "Content-Length: 3\r\n\r\nabc", 200, "");
    say(&b, "bc");
    struct reply r = hear(&b);
    ck_assert_int_eq(r.status, 200);
    reply_free(&r);
    hang_up(&b);
}
END_TEST

START_TEST(test_connection_limit) {
    stop(100);
    config.connections = 5;
    start();
    struct client open[5];
    char v[512];
    for (int i = 0; i < 5; i++) {
        open[i] = dial();
        say(&open[i], GET_LINE("/hello") "\r\n");
        struct reply r = hear(&open[i]);
        ck_assert_int_eq(r.status, 200);
        reply_free(&r);
    }
    for (int i = 0; i < 20; i++) {
        struct reply r = ask(GET_LINE("/hello") "\r\n");
        ck_assert_int_eq(r.status, 503);
        ck_assert_str_eq(header(&r, "Retry-After", v), "1");
        ck_assert(r.closed);
        ck_assert_ptr_nonnull(strstr(r.body.p, "\"code\":\"overloaded\""));
        reply_free(&r);
    }
    ck_assert_int_eq(metric_value("assay_http_connections"), 5);
    hang_up(&open[0]);
    int status = 0;
    for (int64_t until = now_ms() + 5000; status != 200 && now_ms() < until;) status = status_of(GET_LINE("/hello") "\r\n");
    ck_assert_int_eq(status, 200);
    for (int i = 1; i < 5; i++) {
        say(&open[i], GET_LINE("/hello") "\r\n");
        struct reply r = hear(&open[i]);
        ck_assert_int_eq(r.status, 200);
        reply_free(&r);
        hang_up(&open[i]);
    }
}
END_TEST

/* === time ========================================================================================================= */
START_TEST(test_body_deadline) {
    stop(100);
    config.body_ms = 400;
    start();
    static const char *const heads[] = {POST_LINE("/echo") TEXT "Content-Length: 100000\r\n\r\n",
                                        POST_LINE("/stream") TEXT "Content-Length: 100000\r\n\r\n",
                                        POST_LINE("/later") TEXT "Content-Length: 100000\r\n\r\n"};
    for (size_t i = 0; i < 3; i++) {
        struct client c = dial();
        int64_t began = now_ms();
        say(&c, heads[i]);
        while (now_ms() - began < 5000 && hear_some(&c, 20) < 0 && say(&c, "x")) continue; /* a trickle does not help */
        struct reply r = hear_for(&c, false, 2000);
        ck_assert_msg(r.status == 408, "%s%d", heads[i], r.status);
        ck_assert(r.closed);
        ck_assert_ptr_nonnull(strstr(r.body.p, "\"code\":\"request_timeout\""));
        ck_assert_int_ge(now_ms() - began, 400);
        ck_assert_int_lt(now_ms() - began, 2000);
        reply_free(&r);
        hang_up(&c);
    }
    /* One whose reader is at work already: the reader is told, and answers. */
    struct client c = dial();
    say(&c, POST_LINE("/stream") TEXT "Content-Length: 1000000\r\n\r\n");
    send_body(&c, 600000, false, NULL);
    struct reply r = hear_for(&c, false, 3000);
    ck_assert_int_eq(r.status, 408);
    ck_assert_int_eq(atomic_load(&stream_error), (int)ASSAY_REQUEST_TIMEOUT);
    reply_free(&r);
    hang_up(&c);
}
END_TEST

START_TEST(test_idle_and_slow_heads) {
    stop(100);
    config.idle_ms = 300;
    config.head_ms = 300;
    config.reply_ms = 300;
    start();
    struct client idle = dial(), used = dial(), line = dial(), heads = dial(), still = dial();
    say(&used, GET_LINE("/hello") "\r\n");
    struct reply r = hear(&used);
    reply_free(&r);
    say(&line, "GET /hel");
    say(&heads, GET_LINE("/hello"));
    say(&still, POST_LINE("/echo") TEXT "Content-Length: 10\r\n\r\nabc");
    int64_t began = now_ms();
    while (now_ms() - began < 450) {
        say(&heads, "X: y\r\n");
        say(&line, "l");
        sleep_ms(20);
    }
    ck_assert(at_end(&idle, 2000));
    ck_assert(at_end(&used, 2000));
    ck_assert_int_le((int)hear_some(&line, 2000), 0);
    ck_assert_int_le((int)hear_some(&heads, 2000), 0);
    r = hear_for(&still, false, 2000);
    ck_assert_int_eq(r.status, 408);
    reply_free(&r);
    /* A client that does not take its reply. */
    struct client slow = dial();
    int size = 4096;
    setsockopt(slow.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    say(&slow, GET_LINE("/big?n=20000000") "\r\n");
    for (int64_t until = now_ms() + 8000; metric_value("assay_http_in_flight") == 0 && now_ms() < until;) sleep_ms(1);
    for (int64_t until = now_ms() + 8000; metric_value("assay_http_connections") > 0 && now_ms() < until;) sleep_ms(10);
    ck_assert_int_eq(metric_value("assay_http_connections"), 0);
    /* But a request that is worked on, however long, is not idle. */
    ck_assert_int_eq(status_of(GET_LINE("/slow?ms=900") "\r\n"), 200);
    hang_up(&idle), hang_up(&used), hang_up(&line), hang_up(&heads), hang_up(&still), hang_up(&slow);
}
END_TEST

/* === clients that go ============================================================================================== */
START_TEST(test_vanishing_clients) {
    static const char *const requests[] = {
        GET_LINE("/slow?ms=30") "\r\n",
        GET_LINE("/later?ms=30") "\r\n",
        POST_LINE("/later?ms=30") TEXT "Content-Length: 4\r\n\r\nabcd",
        POST_LINE("/echo?ms=30") TEXT "Content-Length: 4\r\n\r\nabcd",
        GET_LINE("/big?n=3000000") "\r\n",
        POST_LINE("/stream?delay=5") TEXT "Content-Length: 3000000\r\n\r\nabc",
    };
    enum { KINDS = sizeof requests / sizeof *requests };
    for (int round = 0; round < 8; round++) {
        struct client clients[KINDS];
        for (size_t i = 0; i < KINDS; i++) {
            clients[i] = dial();
            say(&clients[i], requests[i]);
            if (i == 5) {
                fcntl(clients[i].fd, F_SETFL, O_NONBLOCK); /* as much as goes: its reader is slow */
                send_body(&clients[i], 2000000, false, NULL);
            }
        }
        sleep_ms(round * 3);
        for (size_t i = 0; i < KINDS; i++) {
            if (round % 2) setsockopt(clients[i].fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
            hang_up(&clients[i]);
        }
    }
    for (int64_t until = now_ms() + 10000; metric_value("assay_http_connections") > 0 && now_ms() < until;) sleep_ms(5);
    ck_assert_int_eq(metric_value("assay_http_connections"), 0);
    ck_assert_int_eq(metric_value("assay_http_in_flight"), 0);
    ck_assert_int_eq(status_of(GET_LINE("/slow?ms=1") "\r\n"), 200);
    ck_assert_int_eq(status_of(POST_LINE("/stream") TEXT "Content-Length: 3\r\n\r\nabc"), 200);
}
END_TEST

/* === the end of the server ======================================================================================== */
START_TEST(test_readiness_and_refusal) {
    ck_assert_int_eq(status_of(GET_LINE("/readyz") "\r\n"), 200);
    struct client kept = dial();
    say(&kept, GET_LINE("/hello") "\r\n");
    struct reply r = hear(&kept);
    ck_assert(!r.closed);
    reply_free(&r);
    assay_http_server_drain(server);
    r = ask(GET_LINE("/readyz") "\r\n");
    ck_assert_int_eq(r.status, 503);
    ck_assert_ptr_nonnull(strstr(r.body.p, "\"code\":\"draining\""));
    ck_assert(r.closed);
    reply_free(&r);
    say(&kept, GET_LINE("/hello") "\r\n"); /* still served, but the connection ends */
    r = hear(&kept);
    ck_assert_int_eq(r.status, 200);
    ck_assert(r.closed);
    ck_assert(at_end(&kept, 2000));
    reply_free(&r);
    hang_up(&kept);
    struct client idle = dial();
    ck_assert_uint_eq(stop(3000), 0);
    ck_assert(at_end(&idle, 2000));
    hang_up(&idle);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    close(fd);
}
END_TEST

/* Clients under load, some on one connection, some on new ones. What was sent before the end began is answered. */
struct load {
    pthread_t thread;
    int id;
    int64_t answered, lost;
};
static _Atomic int64_t ending_since; /* ms; 0: not yet */
static atomic_bool load_over;

static bool load_request(struct load *l, struct client *c, unsigned turn) {
    static const char *const requests[] = {GET_LINE("/hello") "\r\n", GET_LINE("/slow?ms=2") "\r\n",
                                           POST_LINE("/later?ms=3") TEXT "Content-Length: 4\r\n\r\nabcd",
                                           POST_LINE("/stream") TEXT "Content-Length: 4\r\n\r\nabcd"};
    int64_t ending;
    if (!say(c, requests[turn % 4])) return false;
    int64_t sent = now_ms();
    struct reply r = hear(c);
    if (r.status == 200 || r.status == 201) l->answered++;
    else if (r.status == 503 && strstr(r.body.p, "overloaded")) l->answered++;
    else if ((ending = atomic_load(&ending_since)) == 0 || sent < ending) l->lost++;
    bool goes_on = r.status != 0 && !r.closed;
    reply_free(&r);
    return goes_on;
}

static void *load_main(void *arg) {
    struct load *l = arg;
    for (unsigned turn = (unsigned)l->id; !atomic_load(&load_over); turn++) {
        struct client c = dial();
        if (c.fd < 0) break;
        bool goes_on = true;
        for (int i = 0; goes_on && (l->id % 2 == 0 || i == 0); i++) goes_on = load_request(l, &c, turn + (unsigned)i);
        hang_up(&c);
    }
    return NULL;
}

static void stop_under_load(int64_t wait_ms, int64_t *answered, int64_t *lost, size_t *given_up) {
    enum { CLIENTS = 12 };
    struct load loads[CLIENTS];
    atomic_store(&ending_since, 0);
    atomic_store(&load_over, false);
    if (!server) start();
    for (int i = 0; i < CLIENTS; i++) {
        loads[i] = (struct load){.id = i};
        pthread_create(&loads[i].thread, NULL, load_main, &loads[i]);
    }
    sleep_ms(150);
    atomic_store(&ending_since, now_ms());
    *given_up = stop(wait_ms);
    atomic_store(&load_over, true);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(loads[i].thread, NULL);
        *answered += loads[i].answered;
        *lost += loads[i].lost;
    }
}

START_TEST(test_drain_under_load) {
    for (unsigned round = 0; round < 6; round++) {
        int64_t answered = 0, lost = 0;
        size_t given_up;
        config.threads = 1 + round % 2;
        stop_under_load(5000, &answered, &lost, &given_up);
        ck_assert_uint_eq(given_up, 0);
        ck_assert_msg(lost == 0 && answered > 10, "answered %lld, lost %lld", (long long)answered, (long long)lost);
    }
}
END_TEST

/* No time at all: requests may be given up at any point of their way, and nothing else may happen. */
START_TEST(test_stop_at_once_under_load) {
    for (unsigned round = 0; round < 6; round++) {
        int64_t answered = 0, lost = 0;
        size_t given_up;
        config.threads = 1 + round % 2;
        stop_under_load(0, &answered, &lost, &given_up);
        ck_assert_int_gt(answered, 0);
    }
}
END_TEST

/* The time for an orderly end is over: what still runs is answered 503, nothing crashes, late completions do no harm. */
START_TEST(test_stop_with_work_under_way) {
    static const char *const requests[] = {GET_LINE("/stuck") "\r\n",
                                           GET_LINE("/later?ms=3000") "\r\n",
                                           POST_LINE("/later?ms=3000") TEXT "Content-Length: 4\r\n\r\nabcd",
                                           POST_LINE("/stream") TEXT "Content-Length: 4\r\n\r\nab",
                                           POST_LINE("/echo") TEXT "Content-Length: 4\r\n\r\nab",
                                           POST_LINE("/stream") TEXT "Content-Length: 1000000\r\n\r\n"};
    enum { KINDS = sizeof requests / sizeof *requests };
    struct client clients[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        clients[i] = dial();
        say(&clients[i], requests[i]);
    }
    send_body(&clients[5], 600000, false, NULL);
    for (int64_t until = now_ms() + 5000; metric_value("assay_http_in_flight") < KINDS && now_ms() < until;) sleep_ms(1);
    wait_for(&handled, 3);
    int64_t began = now_ms();
    ck_assert_uint_eq(stop(200), KINDS);
    ck_assert_int_lt(now_ms() - began, 3000);
    ck_assert_int_eq(atomic_load(&interrupted), 1);
    ck_assert_int_eq(atomic_load(&stream_error), (int)ASSAY_DRAINING);
    for (size_t i = 0; i < KINDS; i++) {
        char v[512];
        struct reply r = hear(&clients[i]);
        ck_assert_msg(r.status == 503, "%s%d", requests[i], r.status);
        ck_assert_ptr_nonnull(strstr(r.body.p, "\"code\":\"draining\""));
        ck_assert_str_eq(header(&r, "Retry-After", v), "5");
        reply_free(&r);
        hang_up(&clients[i]);
    }
    ck_assert_int_eq(atomic_load(&committer.completed), 0); /* the committer completes two requests of a server that is gone */
}
END_TEST

START_TEST(test_addresses) {
    struct assay_http_config c = config;
    struct assay_http_server *s;
    struct assay_error e;
    char taken[64];
    ck_assert_ptr_nonnull(strstr(assay_http_server_address(server), "127.0.0.1:"));
    snprintf(taken, sizeof taken, "127.0.0.1:%u", assay_http_server_port(server));
    static const char *const good[] = {"localhost:0", ":0", "[::1]:0", "0.0.0.0:0"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        c.listen = good[i];
        enum assay_status st = assay_http_server_start(&c, &s, &e);
        if (st == ASSAY_IO && strchr(good[i], '[')) continue; /* no IPv6 here */
        ck_assert_msg(st == ASSAY_OK, "%s: %s", good[i], e.detail);
        ck_assert_uint_ne(assay_http_server_port(s), 0);
        assay_http_server_stop(s, 0);
    }
    const struct {
        const char *listen;
        enum assay_status status;
    } bad[] = {{"", ASSAY_CONFIG},       {"8080", ASSAY_CONFIG},           {"localhost:", ASSAY_CONFIG},
               {"::1:80", ASSAY_CONFIG}, {"127.0.0.1:http", ASSAY_CONFIG}, {taken, ASSAY_IO}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        c.listen = bad[i].listen;
        ck_assert_msg(assay_http_server_start(&c, &s, &e) == bad[i].status, "%s: %s", bad[i].listen, e.detail);
        ck_assert_str_eq(e.field, "listen");
    }
}
END_TEST

/* === without a socket ============================================================================================= */
START_TEST(test_call) {
    static const struct assay_http_field gzip[] = {{"Accept-Encoding", "gzip"}, {NULL, NULL}},
                                         text[] = {{"Content-Type", "text/plain"}, {NULL, NULL}};
    static const struct {
        struct assay_http_call call;
        int status;
        const char *head, *body;
    } rows[] = {
        {{.method = "GET", .target = "/hello"}, 200, "ETag: \"", "hello\n"},
        {{.method = "GET", .target = "/big?n=2000", .headers = gzip}, 200, "Content-Encoding: gzip\r\n", ""},
        {{.method = "POST", .target = "/later?ms=5", .headers = text, .body = {"abcd", 4}}, 201, "", "{\"later\":4}"},
        {{.method = "POST", .target = "/stream", .headers = text, .body = {"abc", 3}}, 200, "", "3 352441c2"},
        {{.method = "POST", .target = "/echo", .headers = text, .body = {"abc", 3}}, 200, "", "abc"},
        {{.method = "POST", .target = "/echo", .body = {"abc", 3}}, 415, "", "unsupported_media_type"},
        {{.method = "GET", .target = "/secret"}, 401, "WWW-Authenticate: Bearer", "unauthorized"},
        {{.method = "GET", .target = "/nowhere"}, 404, "Content-Type: application/problem+json", "not_found"},
    };
    atomic_bool worker = false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_http_result r;
        assay_http_call(&config, &rows[i].call, strcmp(rows[i].call.target, "/hello") ? &worker : NULL, &r);
        ck_assert_msg(r.status == rows[i].status && strstr(r.head.p, rows[i].head), "%s %d %s", rows[i].call.target, r.status,
                      r.head.p);
        if (rows[i].body[0]) ck_assert_msg(strstr(r.body.p, rows[i].body), "%s %s", rows[i].call.target, r.body.p);
        assay_http_result_free(&r);
    }
}
END_TEST

START_TEST(test_routes_check) {
    static const struct {
        struct assay_http_route rows[2];
        const char *fault;
    } tables[] = {
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello},
          {.name = "b", .method = POST, .pattern = "/a", .handler = hello}},
         NULL},
        {{{.name = "a", .method = GET, .pattern = "/a/b", .handler = hello},
          {.name = "b", .method = GET, .pattern = "/a/{x}", .handler = hello}},
         NULL},
        {{{.name = "a", .method = GET, .pattern = "/a/{y}", .handler = hello},
          {.name = "b", .method = GET, .pattern = "/a/b", .handler = hello}},
         "is hidden"},
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello},
          {.name = "a", .method = GET, .pattern = "/b", .handler = hello}},
         "the name"},
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello}, {.name = "b", .method = GET, .pattern = "/b"}},
         "no handler"},
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello},
          {.name = "b", .method = GET, .pattern = "b", .handler = hello}},
         "parsed"},
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello},
          {.name = "b", .method = GET, .pattern = "/b/", .handler = hello}},
         "parsed"},
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello},
          {.name = "b", .method = GET, .pattern = "/b{c}", .handler = hello}},
         "parsed"},
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello},
          {.name = "b", .method = ASSAY_HTTP_HEAD, .pattern = "/b", .handler = hello}},
         "a method"},
        {{{.name = "a", .method = GET, .pattern = "/a", .handler = hello},
          {.name = "b", .method = POST, .kind = ASSAY_HTTP_STREAM, .pattern = "/b", .handler = stream}},
         "accepts none"},
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct assay_error e = {0};
        enum assay_status s = assay_http_routes_check(tables[i].rows, 2, &e);
        if (!tables[i].fault) ck_assert_int_eq(s, ASSAY_OK);
        else ck_assert_msg(s == ASSAY_CONFIG && strstr(e.detail, tables[i].fault), "%zu: %s", i, e.detail);
    }
    ck_assert_int_eq(assay_http_routes_check(routes, sizeof routes / sizeof *routes, NULL), ASSAY_OK);
}
END_TEST

/* === log and meters =============================================================================================== */
START_TEST(test_log) {
    int ends[2];
    char text[8192];
    ck_assert_int_eq(pipe(ends), 0);
    stop(100);
    struct assay_log *log = assay_log_new(ends[1], ASSAY_LOG_INFO, ASSAY_LOG_LOGFMT),
                     *json = assay_log_new(ends[1], ASSAY_LOG_DEBUG, ASSAY_LOG_JSON);
    config.log = log;
    start();
    ck_assert_int_eq(status_of(GET_LINE("/secret") "Authorization: Bearer sesame\r\nX-Request-Id: q7\r\n\r\n"), 200);
    ck_assert_int_eq(status_of(GET_LINE("/readyz") "\r\n"), 200); /* not at this level */
    ck_assert_int_eq(status_of(GET_LINE("/things/%22%0a/parts/x?cursor=hidden") "X-Request-Id: q8\r\n\r\n"), 200);
    stop(1000);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    ck_assert_int_gt((int)n, 0);
    text[n] = '\0';
    ck_assert_msg(
        strstr(text,
               " level=info event=request id=q7 method=GET route=secret path=/secret status=200 bytes_in=0 bytes_out=6 us="),
        "%s", text);
    ck_assert_ptr_nonnull(strstr(text, " principal=ali\n"));
    ck_assert_ptr_null(strstr(text, "sesame"));
    ck_assert_ptr_null(strstr(text, "hidden"));
    ck_assert_ptr_null(strstr(text, "ready"));
    int lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++) lines++;
    ck_assert_int_eq(lines, 2);
    /* Whatever a value holds, a line is one line, and JSON is JSON. */
    char weird[6000];
    memset(weird, 'x', sizeof weird);
    memcpy(weird, "a\"b\\c\n\x01\xff=", 10);
    struct assay_log_line l;
    ck_assert(assay_log_begin(&l, json, ASSAY_LOG_WARN, "odd"));
    assay_log_str(&l, "value", (struct assay_str){weird, 9});
    assay_log_int(&l, "n", INT64_MIN);
    assay_log_str(&l, "long", (struct assay_str){weird, sizeof weird});
    assay_log_int(&l, "after", 1);
    assay_log_end(&l);
    n = read(ends[0], text, sizeof text - 1);
    text[n] = '\0';
    ck_assert_msg(strstr(text, "\"level\":\"warn\",\"event\":\"odd\",\"value\":\"a\\\"b\\\\c\\u000a\\u0001\\u00ff=\",\"n\":-"
                               "9223372036854775808,\"cut\":true}\n"),
                  "%s", text);
    ck_assert_ptr_eq(strchr(text, '\n'), text + n - 1);
    ck_assert(!assay_log_begin(&l, log, ASSAY_LOG_DEBUG, "quiet"));
    assay_log_set_level(log, ASSAY_LOG_DEBUG);
    ck_assert(assay_log_begin(&l, log, ASSAY_LOG_DEBUG, "quiet"));
    ck_assert(!assay_log_begin(&l, NULL, ASSAY_LOG_ERROR, "none"));
    /* A log that nobody reads stops nothing. */
    assay_log_set_level(log, ASSAY_LOG_INFO);
    for (int i = 0; i < 100; i++) assay_log_message(log, ASSAY_LOG_INFO, "flood", "%.900s", weird + 10);
    while (poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 0) > 0)
        ck_assert_int_gt((int)read(ends[0], text, sizeof text), 0);
    assay_log_message(log, ASSAY_LOG_INFO, "flood", "over");
    n = read(ends[0], text, sizeof text - 1);
    text[n] = '\0';
    ck_assert_msg(strstr(text, " level=warn event=log_lines_dropped lines=") && strstr(text, "event=flood message=over\n"), "%s",
                  text);
    config.log = NULL;
    assay_log_free(log), assay_log_free(json);
    close(ends[0]), close(ends[1]);
}
END_TEST

/* A disk that is full takes part of a line; what is written once there is room again begins on a line of its own. */
START_TEST(test_torn_log) {
    char path[] = "/tmp/assay-log-XXXXXX", text[4096];
    int fd = mkstemp(path);
    struct rlimit was, few;
    struct assay_log *log = assay_log_new(fd, ASSAY_LOG_INFO, ASSAY_LOG_LOGFMT);
    ck_assert(fd >= 0 && getrlimit(RLIMIT_FSIZE, &was) == 0);
    signal(SIGXFSZ, SIG_IGN);
    assay_log_message(log, ASSAY_LOG_INFO, "one", "whole");
    few = (struct rlimit){(rlim_t)lseek(fd, 0, SEEK_END) + 30, was.rlim_max};
    ck_assert(setrlimit(RLIMIT_FSIZE, &few) == 0);
    assay_log_message(log, ASSAY_LOG_INFO, "two", "torn");
    assay_log_message(log, ASSAY_LOG_INFO, "three", "dropped");
    ck_assert(setrlimit(RLIMIT_FSIZE, &was) == 0);
    assay_log_message(log, ASSAY_LOG_INFO, "four", "whole again");
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    int lines = 0;
    for (char *p = text; *p; p = strchr(p, '\n') + 1, lines++) {
        ck_assert_msg(strncmp(p, "time=", 5) == 0 && strchr(p, '\n'), "%s", text);
        ck_assert_msg(!strstr(p + 5, "time=") || strchr(p, '\n') < strstr(p + 5, "time="), "%s", text);
    }
    ck_assert_msg(lines == 4 && strstr(text, "log_lines_dropped lines=1\n") &&
                      strstr(text, "event=four message=\"whole again\"\n"),
                  "%s", text);
    assay_log_free(log);
    close(fd);
    unlink(path);
}
END_TEST

/* The library says so here, not in its own place. */
static const char *library_says;
const char *MHD_get_version(void) { return library_says ? library_says : ASSAY_MICROHTTPD; }

START_TEST(test_other_library) {
    struct assay_http_config c;
    struct assay_http_server *other = NULL;
    struct assay_error e = {0};
    assay_http_config_init(&c);
    library_says = "1.0.1";
    ck_assert_int_eq(assay_http_server_start(&c, &other, &e), ASSAY_CONFIG);
    ck_assert_ptr_null(other);
    ck_assert_msg(strstr(e.detail, "libmicrohttpd is 1.0.1 here, and assayd was built and tested with " ASSAY_MICROHTTPD), "%s",
                  e.detail);
}
END_TEST

START_TEST(test_metrics) {
    ck_assert_int_eq(status_of(GET_LINE("/hello") "\r\n"), 200);
    ck_assert_int_eq(status_of(GET_LINE("/hello?x=1") "\r\n"), 400);
    ck_assert_int_eq(status_of(GET_LINE("/nowhere") "\r\n"), 404);
    ck_assert_int_eq(status_of(GET_LINE("/random-name-that-makes-no-series") "\r\n"), 404);
    stop(1000);
    struct assay_buf b = {0};
    assay_metrics_render(metrics, &b);
    static const char *const wanted[] = {
        "# TYPE assay_http_requests_total counter\n",
        "\nassay_http_requests_total{route=\"hello\",class=\"2xx\"} 1\n",
        "\nassay_http_requests_total{route=\"hello\",class=\"4xx\"} 1\n",
        "\nassay_http_requests_total{route=\"none\",class=\"4xx\"} 2\n",
        "\nassay_http_request_duration_seconds_bucket{route=\"hello\",le=\"+Inf\"} 2\n",
        "\nassay_http_request_duration_seconds_count{route=\"hello\"} 2\n",
        "\nassay_http_in_flight 0\n",
        "\nassay_http_body_bytes_out_total ",
        "# TYPE assay_http_connections gauge\n",
        "\nassay_http_connections 0\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(b.p, wanted[i]), "%s in\n%s", wanted[i], b.p);
    ck_assert_ptr_null(strstr(b.p, "random"));
    assay_buf_free(&b);
    static const int64_t bounds[] = {10, 100};
    struct assay_metric *h = assay_metrics_histogram(metrics, "h", NULL, "help", bounds, 2);
    static const int64_t observed[] = {1, 10, 11, 100, 101, 100000000};
    for (size_t i = 0; i < 6; i++) assay_metric_observe(h, observed[i]);
    assay_metrics_render(metrics, &b);
    ck_assert_ptr_nonnull(strstr(
        b.p, "\nh_bucket{le=\"1e-05\"} 2\nh_bucket{le=\"0.0001\"} 4\nh_bucket{le=\"+Inf\"} 6\nh_sum 100.000223\nh_count 6\n"));
    assay_buf_free(&b);
}
END_TEST

#define ADD(tc, test) tcase_add_test(tc, test)
static Suite *suite_of_server(void) {
    Suite *s = suite_create("server");
    TCase *tc = tcase_create("server");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    ADD(tc, test_reply_headers), ADD(tc, test_head), ADD(tc, test_routing), ADD(tc, test_methods), ADD(tc, test_parameters),
        ADD(tc, test_problem);
    ADD(tc, test_keys), ADD(tc, test_connection_reuse), ADD(tc, test_dribbled_request), ADD(tc, test_half_closed_client);
    ADD(tc, test_etag), ADD(tc, test_if_match), ADD(tc, test_gzip), ADD(tc, test_kept_replies), ADD(tc, test_kept_forms),
        ADD(tc, test_accept), ADD(tc, test_cors);
    ADD(tc, test_media_types), ADD(tc, test_framing), ADD(tc, test_hidden_requests), ADD(tc, test_last_after_chunks),
        ADD(tc, test_odd_heads), ADD(tc, test_half_requests), ADD(tc, test_head_bounds), ADD(tc, test_body_bounds);
    ADD(tc, test_buffered_bound), ADD(tc, test_stream), ADD(tc, test_stream_flow);
    ADD(tc, test_full_lane), ADD(tc, test_full_stream_lane), ADD(tc, test_connection_limit);
    ADD(tc, test_body_deadline), ADD(tc, test_idle_and_slow_heads), ADD(tc, test_vanishing_clients);
    ADD(tc, test_readiness_and_refusal), ADD(tc, test_drain_under_load), ADD(tc, test_stop_at_once_under_load),
        ADD(tc, test_stop_with_work_under_way), ADD(tc, test_addresses);
    ADD(tc, test_call), ADD(tc, test_routes_check), ADD(tc, test_log), ADD(tc, test_torn_log), ADD(tc, test_metrics),
        ADD(tc, test_other_library);
    suite_add_tcase(s, tc);
    return s;
}

ASSAY_TESTS(suite_of_server)
