/* server.c -- the transport over libmicrohttpd: its callbacks, and the server's beginning and end.
 *
 * Rules the library's behaviour dictates (0.9.75), each kept in one place here:
 * - A connection is suspended only inside the access handler, under the request's lock, before anybody who might resume
 *   it knows of the request; it is resumed exactly once, by whoever clears `suspended` under that lock.
 * - A suspended connection neither times out nor notices that its client left: door.c keeps the time.
 * - A reply can be queued on the first call or after the whole body, not in between: in between, an answer goes to the
 *   socket directly and the connection is closed (cut).
 * - Under TLS the library reads and writes its session on its own thread. While a body comes it only reads, so another
 *   thread may write (GnuTLS allows one of each): that is how cut answers.
 * - Stopping drops replies and aborts on suspended connections: everything is answered and resumed before.
 * What a request is told by (struct head below) is not the library's promise but where it puts things: so the one that runs has
 * to be the one that this was built and tested with (check_library). */

#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/peers.h"
#include "http/tls.h"
#include "internal.h"

/* Of the library's memory for a connection: what is not the head. The library clears all of it after each request. */
#define POOL_BESIDES ((size_t)16 * 1024)
#define SETTLE_US 1000000 /* for the HTTP threads to close what was cut */

struct assay_http_server {
    struct assay_http_site *site;
    struct assay_http_door *door;
    struct assay_http_lane_pool *lanes[ASSAY_HTTP_LANES];
    size_t n_daemons, next_daemon;
    struct MHD_Daemon **daemons;
    atomic_uint in_flight;
    atomic_bool stopping;
    size_t given_up; /* while stopping */
};

/* --- suspending and cutting: all with the request's lock held ----------------------------------------------------- */
static void suspend(struct assay_http_exchange *x) {
    x->suspended = true;
    MHD_suspend_connection(x->mhd);
}

void assay_http_resume(struct assay_http_exchange *x) {
    if (!x->suspended) return;
    x->suspended = false;
    MHD_resume_connection(x->mhd);
}

static void enter_phase(struct assay_http_exchange *x, enum assay_http_phase phase) {
    x->phase = phase;
    x->phase_us = assay_clock_monotonic_us();
}

static ssize_t send_past_library(struct assay_http_exchange *x, const void *p, size_t n) {
    if (!x->site->c.tls) return send(x->conn->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info && info->tls_session ? assay_http_tls_send(info->tls_session, p, n) : -1;
}

/* Answer past the library, which has sent nothing for this request and will not, and have it close the connection. */
static void cut(struct assay_http_exchange *x, int status, const struct assay_buf *wire) {
    int fd = x->conn->fd;
    x->cut = true;
    x->cut_status = status;
    for (size_t sent = 0; sent < wire->n;) {
        ssize_t n = send_past_library(x, wire->p + sent, wire->n - sent);
        if (n <= 0) break;
        sent += (size_t)n;
    }
    assay_http_door_linger(x->server->door, fd);
    shutdown(fd, SHUT_RD);
    assay_http_resume(x);
}

static void cut_problem(struct assay_http_exchange *x, enum assay_status why) {
    struct assay_buf wire = {0};
    assay_http_wire_problem(&(struct assay_http_wire){.status = why,
                                                      .path = x->pub.path,
                                                      .id = x->pub.id,
                                                      .head = x->pub.method == ASSAY_HTTP_HEAD,
                                                      .site = x->site,
                                                      .origin = assay_http_origin_of(x)},
                            &wire);
    cut(x, assay_http_status(why), &wire);
    assay_buf_free(&wire);
}

/* A handler has finished (assay_http_complete); its reference ends here. */
static void completed(struct assay_http_exchange *x) {
    pthread_mutex_lock(&x->lock);
    assay_http_buffer_free(x); /* the handler has done with the body */
    if (!x->detached && !x->cut) {
        x->done = true;
        if (x->phase == PHASE_BODY) {
            struct assay_buf wire = {0};
            assay_http_wire_reply(x, &wire);
            cut(x, x->reply.status, &wire);
            assay_buf_free(&wire);
        }
        assay_http_resume(x);
    }
    pthread_mutex_unlock(&x->lock);
    assay_http_exchange_unref(x);
}

/* A handler that waited wants its worker back. Under the lock the connection stays, and with it the server and its lanes. */
static bool again(struct assay_http_exchange *x) {
    assay_http_exchange_ref(x); /* the worker may be done with it before the lock is */
    pthread_mutex_lock(&x->lock);
    bool over = x->detached || x->cut, placed = false;
    if (!over) {
        struct assay_http_lane_pool *lane = x->server->lanes[x->pub.route->lane];
        placed = assay_http_lane_reserve(lane);
        if (placed) assay_http_lane_push(lane, x);
    }
    pthread_mutex_unlock(&x->lock);
    if (over) assay_http_complete(&x->pub);
    assay_http_exchange_unref(x);
    return placed || over;
}

/* --- replying ----------------------------------------------------------------------------------------------------- */
static void release_body(void *body) { assay_http_body_unref(body); }

/* Between chunks the library takes a bare LF for the end of a line, where a proxy may read on: nothing tells, so what follows a
 * body in chunks is never taken for a request. */
static bool last_of_connection(struct assay_http_exchange *x) {
    return atomic_load(&x->site->draining) || x->pub.headers.transfer_encoding.p;
}

static struct MHD_Response *make_response(struct assay_http_exchange *x) {
    struct assay_http_reply *reply = &x->reply;
    struct MHD_Response *m;
    void *bytes = (void *)(uintptr_t)reply->bytes.p;
    if (reply->body)
        m = MHD_create_response_from_buffer_with_free_callback_cls(reply->bytes.n, bytes, release_body,
                                                                   assay_http_body_ref(reply->body));
    else m = MHD_create_response_from_buffer(0, bytes, MHD_RESPMEM_PERSISTENT);
    if (!m) return NULL;
    for (const struct assay_http_header *h = reply->headers; h; h = h->next)
        if (MHD_add_response_header(m, h->name, h->value) != MHD_YES) goto refused;
    if (last_of_connection(x) && MHD_add_response_header(m, "Connection", "close") != MHD_YES) goto refused;
    return m;
refused:
    MHD_destroy_response(m);
    return NULL;
}

static enum MHD_Result respond(struct assay_http_exchange *x, struct MHD_Connection *mhd) {
    struct MHD_Response *m = make_response(x);
    if (!m) return MHD_NO;
    pthread_mutex_lock(&x->lock);
    enter_phase(x, PHASE_REPLY);
    pthread_mutex_unlock(&x->lock);
    enum MHD_Result rc = MHD_queue_response(mhd, (unsigned)x->reply.status, m);
    MHD_destroy_response(m);
    return rc;
}

static enum MHD_Result respond_problem(struct assay_http_exchange *x, struct MHD_Connection *mhd, enum assay_status why) {
    assay_http_reply_problem(&x->pub, why, NULL);
    assay_http_finish(x);
    return respond(x, mhd);
}

/* --- the head ----------------------------------------------------------------------------------------------------- */
static struct assay_http_conn *conn_of(struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The request line has come: the one place where the library shows the raw target. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd) {
    struct assay_http_server *s = cls;
    struct assay_http_exchange *x = assay_http_exchange_new(s->site);
    x->server = s;
    x->mhd = mhd;
    x->conn = conn_of(mhd);
    x->completed = completed;
    x->again = again;
    x->started_us = x->phase_us = assay_clock_monotonic_us();
    x->raw_target = target;
    x->raw_target_size = target ? strlen(target) : 0;
    assay_http_target(x, assay_str_c(target));
    atomic_fetch_add(&s->in_flight, 1);
    assay_metric_add(s->site->in_flight, 1);
    assay_http_door_request(s->door, x->conn, x);
    return x;
}

/* The library takes a bare LF for the end of a line, ends a value at a NUL, and joins a folded line to the name of its
 * field: a proxy in front reads such a head otherwise, and what it takes for a body would be a request here. Nothing of that
 * is told, but it shows in where names and values lie in the library's buffer: in a sound head each line begins two bytes
 * (CR LF) behind the value before it. */
struct head {
    struct assay_http_exchange *x;
    const char *next; /* where the next line has to begin */
    bool whole;       /* so far each did */
};

static bool only_blanks(const char *from, const char *to) {
    while (*from == ' ' || *from == '\t') from++;
    return from == to;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size, const char *value,
                                 size_t value_size) {
    struct head *h = cls;
    struct assay_str v = {value ? value : "", value_size};
    h->whole = h->whole && key == h->next && only_blanks(key + key_size + 1, value);
    if (h->whole) h->next = value + value_size + 2;
    if (!assay_http_header_in(h->x, (struct assay_str){key, key_size}, v))
        h->x->bad_head = "A header field is malformed or given twice";
    return MHD_YES;
}

static size_t head_bytes(struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static const struct sockaddr *peer_of(struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

static bool announces_body(const struct assay_http_headers *h) {
    struct assay_str length = h->content_length;
    while (length.n > 0 && length.p[0] == '0') length.p++, length.n--;
    return h->transfer_encoding.p || length.n > 0;
}

/* The version stands right behind the target, unless the target had a NUL in it that hid the rest. */
static void check_nul(struct assay_http_exchange *x, const char *version) {
    if (x->raw_target && version != x->raw_target + x->raw_target_size + 1 && !x->bad_target) x->bad_target = ASSAY_BAD_REQUEST;
}

static enum MHD_Result on_head(struct assay_http_exchange *x, struct MHD_Connection *mhd, const char *method,
                               const char *version) {
    struct assay_http_server *s = x->server;
    if (atomic_load(&s->stopping)) return MHD_NO;
    x->pub.method = assay_http_method_parse(method);
    x->pub.received_at = assay_clock_now();
    struct head head = {.x = x, .next = version + strlen(version) + 2, .whole = true};
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header, &head);
    check_nul(x, version);
    if (!head.whole || head.next + 2 != method + head_bytes(mhd)) /* CR LF of the empty line */
        x->bad_head = "A header line is folded, holds a NUL, or does not end with CR LF";
    assay_http_client(s->site->c.proxies, peer_of(mhd), x->pub.headers.x_forwarded_for, x->client);
    bool body = announces_body(&x->pub.headers);
    bool admitted = assay_http_admit(x, head_bytes(mhd), body);
    if (admitted && x->pub.route->kind == ASSAY_HTTP_STREAM) {
        x->reserved = assay_http_lane_reserve(s->lanes[x->pub.route->lane]);
        if (!x->reserved) {
            assay_metric_add(s->site->rejected[REJECTED_LANE], 1);
            assay_http_reply_problem(&x->pub, ASSAY_OVERLOADED, NULL);
            admitted = false;
        }
    }
    if (!admitted) assay_http_finish(x);
    /* The library closes a connection that is answered now. So it should where a body comes that nobody wants, and where
     * it is not certain where the next request begins. */
    if (!admitted && (body || !x->sound)) {
        assay_http_door_linger(s->door, x->conn->fd);
        return respond(x, mhd);
    }
    pthread_mutex_lock(&x->lock);
    enter_phase(x, admitted ? PHASE_BODY : PHASE_WORK);
    x->moved_us = x->phase_us;
    x->done = !admitted;
    bool is_cut = x->cut;
    pthread_mutex_unlock(&x->lock);
    return is_cut ? MHD_NO : MHD_YES;
}

/* --- the body: with the request's lock held ----------------------------------------------------------------------- */
static void dispatch(struct assay_http_exchange *x) {
    x->reserved = false;
    x->dispatched = true;
    assay_http_lane_push(x->server->lanes[x->pub.route->lane], assay_http_exchange_ref(x));
}

static bool refuse_chunk(struct assay_http_exchange *x, enum assay_status why, enum assay_http_rejection counted) {
    if (counted < REJECTIONS) assay_metric_add(x->site->rejected[counted], 1);
    if (x->dispatched) assay_http_body_fail(x, why, assay_status_title(why)); /* whoever reads it answers */
    else cut_problem(x, why);
    return x->dispatched;
}

/* True: the connection goes on. */
static bool take_chunk(struct assay_http_exchange *x, const char *p, size_t *n) {
    x->moved_us = assay_clock_monotonic_us();
    uint64_t limit = assay_http_body_limit(x);
    if (x->failure.status) { /* its reader has yet to say so */
        suspend(x);
        return true;
    }
    if (*n > limit - x->body_in) {
        bool goes_on = refuse_chunk(x, ASSAY_TOO_LARGE, REJECTIONS);
        *n = 0;
        return goes_on;
    }
    if (x->pub.route->kind != ASSAY_HTTP_STREAM) {
        if (!assay_http_collect(x, p, *n, limit)) return refuse_chunk(x, ASSAY_OVERLOADED, REJECTED_BUFFERED);
        *n = 0;
        return true;
    }
    *n -= assay_http_ring_put(x, p, *n);
    if (*n == 0) return true;
    if (x->buffer_size == 0) return refuse_chunk(x, ASSAY_OVERLOADED, REJECTED_BUFFERED);
    if (!x->dispatched) dispatch(x);
    suspend(x);
    return true;
}

static enum MHD_Result on_chunk(struct assay_http_exchange *x, const char *p, size_t *n) {
    pthread_mutex_lock(&x->lock);
    /* While suspended the library may still hand over a chunk it had already: it keeps what is not taken. */
    bool goes_on = !x->cut && (x->suspended || take_chunk(x, p, n));
    pthread_mutex_unlock(&x->lock);
    return goes_on ? MHD_YES : MHD_NO;
}

/* --- the handler -------------------------------------------------------------------------------------------------- */
static enum MHD_Result reply_or_wait(struct assay_http_exchange *x, struct MHD_Connection *mhd) {
    pthread_mutex_lock(&x->lock);
    bool is_cut = x->cut, done = x->done;
    if (!is_cut && !done && !x->suspended) suspend(x);
    pthread_mutex_unlock(&x->lock);
    if (is_cut) return MHD_NO;
    return done ? respond(x, mhd) : MHD_YES;
}

/* On this thread: the reply is there at once. */
static enum MHD_Result answer_now(struct assay_http_exchange *x, struct MHD_Connection *mhd) {
    assay_http_finish(x);
    pthread_mutex_lock(&x->lock);
    bool is_cut = x->cut;
    x->done = true;
    assay_http_buffer_free(x);
    pthread_mutex_unlock(&x->lock);
    return is_cut ? MHD_NO : respond(x, mhd);
}

/* Suspend, then give the request to another thread or to a handler that will. False: it was cut meanwhile. */
static bool hand_over(struct assay_http_exchange *x, bool lane) {
    pthread_mutex_lock(&x->lock);
    bool goes_on = !x->cut;
    if (goes_on) {
        suspend(x);
        if (lane) dispatch(x);
        else x->dispatched = true, assay_http_exchange_ref(x);
    }
    pthread_mutex_unlock(&x->lock);
    return goes_on;
}

/* A suspended request whose handler wants a worker after all; the lane takes over the handler's reference. */
static void to_worker(struct assay_http_exchange *x) {
    struct assay_http_lane_pool *lane = x->server->lanes[x->pub.route->lane];
    if (lane && assay_http_lane_reserve(lane)) {
        assay_http_lane_push(lane, x);
        return;
    }
    assay_metric_add(x->site->rejected[REJECTED_LANE], 1);
    assay_http_reply_problem(&x->pub, ASSAY_OVERLOADED, NULL);
    assay_http_complete(&x->pub);
}

static enum MHD_Result run(struct assay_http_exchange *x, struct MHD_Connection *mhd) {
    struct assay_http_server *s = x->server;
    const struct assay_http_route *route = x->pub.route;
    bool renew = assay_http_wants_renewal(x), kept = !renew && assay_http_recall(x, route->kind == ASSAY_HTTP_IMMEDIATE);
    if (kept && (assay_http_finish_is_quick(x) || !s->lanes[route->lane])) return answer_now(x, mhd);
    switch (kept || renew ? ASSAY_HTTP_WORKER : route->kind) {
    case ASSAY_HTTP_IMMEDIATE: (void)route->handler(&x->pub, NULL); return answer_now(x, mhd);
    case ASSAY_HTTP_ASYNC:
        if (!hand_over(x, false)) return MHD_NO;
        switch (route->handler(&x->pub, NULL)) {
        case ASSAY_HTTP_DONE: assay_http_complete(&x->pub); break;
        case ASSAY_HTTP_LATER: break;
        case ASSAY_HTTP_WORK: to_worker(x); break;
        }
        return MHD_YES;
    default:
        x->reserved = assay_http_lane_reserve(s->lanes[route->lane]);
        if (x->reserved) return hand_over(x, true) ? MHD_YES : MHD_NO;
        if (kept) return answer_now(x, mhd);
        assay_metric_add(s->site->rejected[REJECTED_LANE], 1);
        return respond_problem(x, mhd, ASSAY_OVERLOADED);
    }
}

/* The request is complete, or resumed. */
static enum MHD_Result on_whole(struct assay_http_exchange *x, struct MHD_Connection *mhd) {
    pthread_mutex_lock(&x->lock);
    bool first = x->phase == PHASE_BODY && !x->cut, stream = first && x->pub.route->kind == ASSAY_HTTP_STREAM;
    if (first) {
        enter_phase(x, PHASE_WORK);
        x->body_end = true;
        pthread_cond_signal(&x->moved);
        if (stream && !x->dispatched) dispatch(x);
        if (!stream && x->body_in > 0) x->pub.body = (struct assay_str){x->buffer, (size_t)x->body_in};
    }
    pthread_mutex_unlock(&x->lock);
    return first && !stream ? run(x, mhd) : reply_or_wait(x, mhd);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                 const char *upload, size_t *upload_size, void **con_cls) {
    struct assay_http_exchange *x = *con_cls;
    if (x->phase == PHASE_HEAD) return on_head(x, mhd, method, version);
    return *upload_size > 0 ? on_chunk(x, upload, upload_size) : on_whole(x, mhd);
}

/* --- ends --------------------------------------------------------------------------------------------------------- */
/* The library answers malformed requests by itself, with a 4xx, and closes. */
static bool answered_by_library(const struct assay_http_exchange *x, enum MHD_RequestTerminationCode how) {
    return !x->cut && x->phase <= PHASE_BODY && how == MHD_REQUEST_TERMINATED_WITH_ERROR;
}

/* What the client got; 0: it left before. */
static int status_of(const struct assay_http_exchange *x, enum MHD_RequestTerminationCode how) {
    if (x->cut) return x->cut_status;
    if (answered_by_library(x, how)) return 400;
    return how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? x->reply.status : 0;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode how) {
    struct assay_http_server *s = cls;
    struct assay_http_exchange *x = *con_cls;
    if (!x) return;
    *con_cls = NULL;
    assay_http_door_request(s->door, x->conn, NULL);
    atomic_store(&x->gone, true);
    pthread_mutex_lock(&x->lock);
    x->detached = true;
    assay_http_body_fail(x, ASSAY_BAD_REQUEST, "The client has gone");
    bool reserved = x->reserved;
    x->reserved = false;
    if (answered_by_library(x, how)) assay_http_door_linger(s->door, x->conn->fd);
    int status = status_of(x, how);
    bool sent = status > 0 && !x->cut && x->phase == PHASE_REPLY && x->pub.method != ASSAY_HTTP_HEAD;
    assay_http_account(x, status, sent ? x->reply.bytes.n : 0, assay_clock_monotonic_us());
    pthread_mutex_unlock(&x->lock);
    if (reserved) assay_http_lane_release(s->lanes[x->pub.route->lane]);
    assay_metric_add(s->site->in_flight, -1);
    assay_http_exchange_unref(x);
    atomic_fetch_sub(&s->in_flight, 1);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what) {
    struct assay_http_server *s = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = assay_http_door_enter(s->door, info->connect_fd);
    } else {
        assay_http_door_leave(s->door, *context);
    }
}

static void on_library_message(void *cls, const char *fmt, va_list ap) {
    struct assay_http_server *s = cls;
    char text[512];
    vsnprintf(text, sizeof text, fmt, ap);
    for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n'; n--) text[n - 1] = '\0';
    assay_log_message(s->site->c.log, ASSAY_LOG_DEBUG, "http_library", "%s", text);
}

/* --- the door's events -------------------------------------------------------------------------------------------- */
static void arrived(void *arg, int fd, const struct sockaddr *addr, socklen_t addr_len) {
    struct assay_http_server *s = arg;
    struct MHD_Daemon *daemon = s->daemons[s->next_daemon++ % s->n_daemons];
    if (MHD_add_connection(daemon, fd, addr, addr_len) != MHD_YES) assay_http_door_lost(s->door); /* fd is closed all the same */
}

static void late(void *arg, struct assay_http_exchange *x) {
    if (x->failure.status) return; /* its reader knows */
    refuse_chunk(x, ASSAY_REQUEST_TIMEOUT, REJECTED_TIMEOUT);
}

static void give_up(void *arg, struct assay_http_exchange *x) {
    struct assay_http_server *s = arg;
    atomic_store(&x->gone, true);
    if (x->phase == PHASE_HEAD) x->cut = true; /* not begun: closed without an answer */
    if ((x->phase != PHASE_BODY && x->phase != PHASE_WORK) || x->done || x->cut) return;
    s->given_up++;
    assay_metric_add(s->site->rejected[REJECTED_GIVEN_UP], 1);
    assay_http_body_fail(x, ASSAY_DRAINING, assay_status_title(ASSAY_DRAINING));
    cut_problem(x, ASSAY_DRAINING);
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */
void assay_http_config_init(struct assay_http_config *c) {
    *c = (struct assay_http_config){
        .listen = "127.0.0.1:8080",
        .threads = 1,
        .connections = 1000,
        .uri_bytes = 8192,
        .head_bytes = 32768,
        .body_bytes = UINT64_C(4) << 20,
        .buffered_bytes = UINT64_C(256) << 20,
        .stream_bytes = (size_t)512 << 10,
        .idle_ms = 60000,
        .head_ms = 10000,
        .body_ms = 60000,
        .reply_ms = 120000,
        .lanes = {[ASSAY_HTTP_LANE_READ] = {4, 256},
                  [ASSAY_HTTP_LANE_WRITE] = {2, 64},
                  [ASSAY_HTTP_LANE_BULK] = {2, 16},
                  [ASSAY_HTTP_LANE_FEED] = {1, 1024}},
    };
}

static enum assay_status check_config(const struct assay_http_config *c, struct assay_error *e) {
    if (c->threads < 1 || c->threads > 64) return assay_fail(e, ASSAY_CONFIG, "threads", "must be from 1 to 64");
    if (c->connections < 1) return assay_fail(e, ASSAY_CONFIG, "connections", "must be at least 1");
    if (c->stream_bytes < 65536) return assay_fail(e, ASSAY_CONFIG, "stream_bytes", "must be at least 65536");
    if (c->uri_bytes > c->head_bytes) return assay_fail(e, ASSAY_CONFIG, "uri_bytes", "must not be above head_bytes");
    for (size_t i = 0; i < c->n_routes; i++) {
        const struct assay_http_route *r = &c->routes[i];
        bool needs_lane = r->kind == ASSAY_HTTP_WORKER || r->kind == ASSAY_HTTP_STREAM;
        if (needs_lane && c->lanes[r->lane].workers == 0)
            return assay_fail(e, ASSAY_CONFIG, "lanes", "route %s needs a lane without workers", r->name);
    }
    return ASSAY_OK;
}

/* A system's upgrade may bring another one under the same name. */
static enum assay_status check_library(struct assay_error *e) {
    if (strcmp(MHD_get_version(), ASSAY_MICROHTTPD) == 0) return ASSAY_OK;
    return assay_fail(
        e, ASSAY_CONFIG, "",
        "libmicrohttpd is %s here, and assayd was built and tested with " ASSAY_MICROHTTPD
        ": another one may tell requests apart in another way; build assayd with the one that is here, and run its tests",
        MHD_get_version());
}

static enum assay_status start_daemon(struct assay_http_server *s, struct assay_error *e) {
    const struct assay_http_config *c = &s->site->c;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)ASSAY_HTTP_TLS_PRIORITIES},
                                   {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)assay_http_tls_retrieve},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG |
            (c->tls ? MHD_USE_TLS : 0),
        0, NULL, NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, on_library_message, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        /* The door's limit comes first; the library counts a connection a moment longer. */
        MHD_OPTION_CONNECTION_LIMIT, c->connections + 64, MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->head_bytes * 2 + POOL_BESIDES,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* deadlines are the door's */
        MHD_OPTION_ARRAY, c->tls ? tls : tls + 2, MHD_OPTION_END);
    if (!daemon) return assay_fail(e, ASSAY_IO, "", "the HTTP library does not start");
    s->daemons[s->n_daemons++] = daemon;
    return ASSAY_OK;
}

static enum assay_status start_lanes(struct assay_http_server *s, struct assay_error *e) {
    for (int i = 0; i < ASSAY_HTTP_LANES; i++) {
        if (s->site->c.lanes[i].workers == 0) continue;
        s->lanes[i] = assay_http_lane_start(s->site, (enum assay_http_lane)i);
        if (!s->lanes[i]) return assay_fail(e, ASSAY_IO, "lanes", "no more threads");
    }
    return ASSAY_OK;
}

/* Requests are answered or cut, no connection is suspended, the door lets nobody in. */
static void server_free(struct assay_http_server *s) {
    for (size_t i = 0; i < s->n_daemons; i++) MHD_stop_daemon(s->daemons[i]);
    if (s->site->c.tls) assay_http_tls_present(NULL);
    for (int i = 0; i < ASSAY_HTTP_LANES; i++) assay_http_lane_stop(s->lanes[i]);
    assay_http_door_free(s->door);
    assay_http_site_unref(s->site);
    free(s->daemons);
    free(s);
}

static enum assay_status start_all(struct assay_http_server *s, struct assay_error *e) {
    const struct assay_http_door_events events = {arrived, late, s};
    enum assay_status status = assay_http_door_open(s->site, &events, &s->door, e);
    if (s->site->c.tls) assay_http_tls_present(s->site->c.tls);
    if (!status) status = start_lanes(s, e);
    for (unsigned i = 0; i < s->site->c.threads && !status; i++) status = start_daemon(s, e);
    return status ? status : assay_http_door_start(s->door, e);
}

enum assay_status assay_http_server_start(const struct assay_http_config *c, struct assay_http_server **out,
                                          struct assay_error *e) {
    struct assay_http_server *s = assay_xcalloc(1, sizeof *s);
    sigset_t all, before;
    enum assay_status status = check_config(c, e);
    if (!status) status = check_library(e);
    if (!status) status = assay_http_site_new(c, &s->site, e);
    if (status) {
        free(s);
        return status;
    }
    s->daemons = assay_xcalloc(c->threads, sizeof(struct MHD_Daemon *));
    /* Threads inherit the mask: signals stay with the caller's. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    status = start_all(s, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status) server_free(s);
    else *out = s;
    return status;
}

const char *assay_http_server_address(const struct assay_http_server *s) { return assay_http_door_address(s->door); }
uint16_t assay_http_server_port(const struct assay_http_server *s) { return assay_http_door_port(s->door); }

void assay_http_server_drain(struct assay_http_server *s) { atomic_store(&s->site->draining, true); }

/* Wait until nothing is under way, at two looks in a row: what is between the socket and the library shows at the second. */
static void wait_quiet(struct assay_http_server *s, int64_t wait_us) {
    int64_t until = assay_clock_monotonic_us() + wait_us;
    for (int quiet = 0; quiet < 2 && assay_clock_monotonic_us() < until;) {
        quiet = assay_http_door_quiet(s->door) && atomic_load(&s->in_flight) == 0 ? quiet + 1 : 0;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

size_t assay_http_server_stop(struct assay_http_server *s, int64_t wait_ms) {
    assay_http_server_drain(s);
    assay_http_door_shut(s->door);
    wait_quiet(s, wait_ms * 1000);
    /* A request registers before it looks at `stopping`: it sees that, or give_up sees it. So nothing is suspended below. */
    atomic_store(&s->stopping, true);
    assay_http_door_each(s->door, give_up, s);
    for (int64_t until = assay_clock_monotonic_us() + SETTLE_US;
         atomic_load(&s->in_flight) > 0 && assay_clock_monotonic_us() < until;)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    size_t given_up = s->given_up;
    server_free(s);
    return given_up;
}
