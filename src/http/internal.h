/* internal.h -- inside src/http only: what is behind a request, and how its stages fit together.
 *
 *   target -> admit (route, key, parameters, body's type, limits) -> body -> handler -> finish (ETag, 304, gzip, headers)
 *          -> transport
 *
 * All but the last is free of sockets and threads (request.c, admit.c, finish.c). There are two transports: server.c
 * (the HTTP library, with door.c for what it cannot do and lane.c for the workers) and call.c (none at all). */
#ifndef ASSAY_HTTP_INTERNAL_H
#define ASSAY_HTTP_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "assay/http.h"
#include "http/limit.h"

struct assay_http_exchange;

/* === the program's table, compiled ================================================================================ */
#define SEGMENTS_MAX 12

struct assay_http_segment {
    struct assay_str text; /* the literal, or a variable's name */
    bool var;
};
struct assay_http_pattern {
    size_t n;
    struct assay_http_segment segments[SEGMENTS_MAX];
};
/* What is counted as rejected, and why. */
enum assay_http_rejection {
    REJECTED_CONNECTIONS,
    REJECTED_LANE,
    REJECTED_BUFFERED,
    REJECTED_TIMEOUT,
    REJECTED_GIVEN_UP,
    REJECTED_RATE,
    REJECTIONS
};
/* Everything that holds for all requests: configuration, compiled patterns, meters. Counted: a request that is completed
 * after the server has stopped still stands on it. */
struct assay_http_site {
    atomic_uint refs;
    struct assay_http_config c;
    struct assay_http_pattern *patterns; /* by route */
    atomic_bool draining;
    struct assay_http_limit *limit; /* NULL: none */
    atomic_uint_fast64_t buffered;  /* bytes of bodies in memory */
    struct assay_metric *in_flight, *bytes_in, *bytes_out, *rejected[REJECTIONS];
    struct assay_metric *(*classes)[6]; /* by route and hundreds; the last row: no route */
    struct assay_metric **durations;    /* likewise */
};
enum assay_status assay_http_site_new(const struct assay_http_config *c, struct assay_http_site **out,
                                      struct assay_error *e) ASSAY_MUST_CHECK;
void assay_http_site_unref(struct assay_http_site *site); /* NULL is fine */
bool assay_http_pattern_parse(const char *pattern, struct assay_http_pattern *out);
/* Match raw segments; then decode the variables among them into x (false: a broken escape, NUL, not UTF-8). */
bool assay_http_pattern_match(const struct assay_http_pattern *p, const struct assay_str *segments, size_t n);
bool assay_http_pattern_vars(struct assay_http_exchange *x, const struct assay_http_pattern *p, const struct assay_str *segments);
/* Split a raw path at its slashes; "/" has no segment. False where it has too many. */
bool assay_http_path_split(struct assay_str path, struct assay_str segments[SEGMENTS_MAX], size_t *n);

/* === a request and all that is behind it ========================================================================== */
struct assay_http_header {
    struct assay_http_header *next;
    const char *name, *value;
};
struct assay_http_reply { /* what a handler set, then what goes out */
    bool set;
    int status;
    const char *content_type;
    const char *etag;          /* preset; NULL: of the body */
    enum assay_status problem; /* it is a problem document; ASSAY_OK: it is not */
    const char *language;      /* of a problem */
    struct assay_http_body *body;
    struct assay_http_header *headers, **tail;
    struct assay_str bytes; /* after finish: what is sent of the body (its identity or gzip form) */
};
struct assay_http_named {
    struct assay_str name, value;
};
enum assay_http_phase { PHASE_HEAD, PHASE_BODY, PHASE_WORK, PHASE_REPLY };

struct assay_http_exchange {
    struct assay_http_request pub; /* first: the two pointers are one */
    struct assay_arena arena;
    struct assay_http_site *site;
    atomic_uint refs;
    size_t n_params;
    struct assay_http_named params[ASSAY_HTTP_PARAMS_MAX];
    enum assay_status bad_target;  /* found when it was parsed; ASSAY_OK */
    char client[INET6_ADDRSTRLEN]; /* its address, after trusted proxies; "" where there is no socket */
    const char *bad_head;          /* why the headers are not acceptable; NULL */
    bool sound;                    /* after admit: the head is well formed, whatever else is wrong */
    struct assay_http_reply reply; /* its owner: the HTTP thread, or whoever runs the handler */
    struct assay_str key;          /* of the cache; absent until it was asked */
    struct assay_http_tag tag;
    bool keep;     /* a successful reply may be kept under key and tag */
    bool recalled; /* the reply is one that was kept */
    /* How the transport is told that the reply is finished (assay_http_complete); takes the handler's reference. */
    void (*completed)(struct assay_http_exchange *x);
    bool (*again)(struct assay_http_exchange *x); /* likewise (assay_http_again) */
    struct assay_http_server *server;             /* NULL: no socket. Not to be touched once detached; nor are the next two */
    struct assay_http_conn *conn;
    void *mhd;
    const char *raw_target; /* the library's, until the head is complete */
    size_t raw_target_size;
    atomic_bool gone;
    int64_t started_us; /* monotonic, as are the two below */

    /* Below: under lock. */
    pthread_mutex_t lock;
    pthread_cond_t moved; /* the body, or its end */
    enum assay_http_phase phase;
    int64_t phase_us, moved_us; /* when the phase began, when the body last moved */
    bool done;                  /* the reply is finished */
    bool detached;              /* the connection is gone: nobody will send the reply */
    bool suspended;             /* by us, not yet resumed */
    bool cut;                   /* answered past the HTTP library, which is to close the connection */
    bool reserved;              /* holds a place in its lane that is not pushed yet */
    bool dispatched;            /* a handler has it, or had it */
    int cut_status;
    struct assay_error failure; /* why the body will not come whole; status ASSAY_OK: it may */
    char *buffer;               /* collected body, or the ring of a streamed one */
    size_t buffer_size;
    uint64_t body_in, body_out; /* bytes received; bytes handed to the reader */
    bool body_end;
};
enum assay_http_method assay_http_method_parse(const char *name);
struct assay_http_exchange *assay_http_exchange_new(struct assay_http_site *site);
struct assay_http_exchange *assay_http_exchange_ref(struct assay_http_exchange *x);
void assay_http_exchange_unref(struct assay_http_exchange *x);
static inline struct assay_http_exchange *exchange_of(struct assay_http_request *r) { return (struct assay_http_exchange *)r; }
static inline const struct assay_http_exchange *exchange_const(const struct assay_http_request *r) {
    return (const struct assay_http_exchange *)r;
}

/* --- stages --- */
/* Take the raw request target: sets path, query and parameters, or bad_target. */
void assay_http_target(struct assay_http_exchange *x, struct assay_str target);
/* Note a header field. False where it may not be repeated and is. Absent names are passed over. */
bool assay_http_header_in(struct assay_http_exchange *x, struct assay_str name, struct assay_str value);
/* Everything that can be said once the head is there. has_body: one is announced. True: go on; false: the reply is set. */
bool assay_http_admit(struct assay_http_exchange *x, size_t head_bytes, bool has_body);
#define ASSAY_HTTP_ID_TEXT 33
void assay_http_make_id(char out[ASSAY_HTTP_ID_TEXT]);
/* Complete the reply (one that was not set becomes a 500): validators, 304, compression, headers. */
void assay_http_finish(struct assay_http_exchange *x);
/* False where finishing the reply that is set would compress much: not on the HTTP thread. */
bool assay_http_finish_is_quick(const struct assay_http_exchange *x);
/* Before the handler: true where the reply is set, from the cache. last: if not, the handler comes. */
bool assay_http_recall(struct assay_http_exchange *x, bool last);
/* On a worker, before the handler: renew, then recall. True: the reply is set, the handler is not to be called. */
bool assay_http_forestall(struct assay_http_exchange *x, void *worker);
/* The request must see the present (renew), so its handler belongs on a worker. */
bool assay_http_wants_renewal(const struct assay_http_exchange *x);
/* The handler's reply is set, and may be kept. */
void assay_http_remember(struct assay_http_exchange *x);
void assay_http_recalled_not_modified(const struct assay_http_exchange *x);
/* The largest body this request may bring; UINT64_MAX: any. */
uint64_t assay_http_body_limit(const struct assay_http_exchange *x);
/* Log and count a request that is over. status 0: the client went away. */
void assay_http_account(struct assay_http_exchange *x, int status, uint64_t bytes_out, int64_t now_us);

/* --- negotiation --- */
/* Index of the offer the client likes best (ties: the earlier), -1 none. accept absent: 0. */
int assay_http_negotiate(struct assay_str accept, const char *const *offers);
bool assay_http_wants_gzip(struct assay_str accept_encoding);
bool assay_http_wants_zh(struct assay_str accept_language);
/* Index of the media type (parameters aside) of content_type in types, -1. */
int assay_http_media(struct assay_str content_type, const char *const *types);
/* Whether a list of entity tags (or *) names etag. weak: compare weakly. */
bool assay_http_etag_listed(struct assay_str list, const char *etag, bool weak);
struct assay_str assay_http_trim(struct assay_str s);
/* Next element of a comma-separated list, quoted strings whole, blanks trimmed, empty elements passed over. */
bool assay_http_list_next(struct assay_str *rest, struct assay_str *element);
bool assay_http_name_is(struct assay_str a, const char *name); /* ASCII letters alike in either case */

/* --- bodies --- */
/* The gzip form, made at once where it is not there. */
struct assay_str assay_http_body_gzip(struct assay_http_body *body);
bool assay_http_body_has_gzip(const struct assay_http_body *body);
size_t assay_http_body_footprint(const struct assay_http_body *body); /* in memory, both forms */
#define GZIP_MIN 1024                                                 /* smaller bodies are not worth it */
#define ETAG_GZIP "-gz" /* an ETag names one representation: the gzip form has another */

/* --- what every reply says to browsers --- */
/* Not to guess types, to tell nobody where a link led from, to run or frame nothing (pages have a policy of their own). */
#define SAFE_POLICY "default-src 'none'; frame-ancestors 'none'"
#define SAFE_REFERRER "no-referrer"
#define SAFE_TRANSPORT "max-age=31536000" /* under TLS: by TLS only, for a year */

/* --- origins --- */
#define CORS_EXPOSED "ETag, Link, Location, Retry-After, X-Request-Id"
/* The one of the allow-list that the request comes from; NULL. */
const char *assay_http_origin_of(const struct assay_http_exchange *x);

/* --- problems --- */
int assay_http_retry_seconds(enum assay_status s); /* Retry-After; 0: none */
const char *assay_http_reason(int status);         /* "Not Found" */
/* A whole reply as it goes over the wire, for connections that the HTTP library cannot answer. */
struct assay_http_wire {
    enum assay_status status;
    struct assay_str path, id;
    bool head;
    const struct assay_http_site *site; /* for its origins */
    const char *origin;                 /* that may read it; NULL: none */
};
void assay_http_wire_problem(const struct assay_http_wire *w, struct assay_buf *out);
void assay_http_wire_reply(const struct assay_http_exchange *x, struct assay_buf *out); /* after finish */

/* === lanes ======================================================================================================== */
struct assay_http_lane_pool;
struct assay_http_lane_pool *assay_http_lane_start(struct assay_http_site *site, enum assay_http_lane lane);
/* A place for one request, to be pushed or released; false: the lane is full. */
bool assay_http_lane_reserve(struct assay_http_lane_pool *p);
void assay_http_lane_release(struct assay_http_lane_pool *p);
void assay_http_lane_push(struct assay_http_lane_pool *p, struct assay_http_exchange *x); /* takes a reference */
/* No more pushes, and nobody waits for what is under way: workers are interrupted and joined. NULL is fine. */
void assay_http_lane_stop(struct assay_http_lane_pool *p);

/* === body in memory (stream.c), all under x's lock ================================================================ */
/* Append to a collected body of at most `most` bytes. False: the server's bound for all bodies is reached. */
bool assay_http_collect(struct assay_http_exchange *x, const char *p, size_t n, uint64_t most);
/* Copy what fits of n bytes into the ring; returns how many. */
size_t assay_http_ring_put(struct assay_http_exchange *x, const char *p, size_t n);
void assay_http_buffer_free(struct assay_http_exchange *x);
/* The body will not come whole: its reader is told why. The first reason stands. */
void assay_http_body_fail(struct assay_http_exchange *x, enum assay_status why, const char *detail);
void assay_http_resume(struct assay_http_exchange *x); /* server.c: where it is suspended */

/* === the door: listening, limits, deadlines ======================================================================= */
struct assay_http_door;
/* A connection that the HTTP library has taken over. */
struct assay_http_conn {
    struct assay_http_conn *prev, *next;
    int fd;
    int64_t since_us;              /* since when it waits for a request */
    struct assay_http_exchange *x; /* the request under way; NULL */
};
struct assay_http_door_events {
    /* A new connection: the callee owns fd. */
    void (*arrived)(void *arg, int fd, const struct sockaddr *addr, socklen_t addr_len);
    /* The time of a request's body is up, or it stands still: answer and cut. With x's lock held. */
    void (*late)(void *arg, struct assay_http_exchange *x);
    void *arg;
};
enum assay_status assay_http_door_open(struct assay_http_site *site, const struct assay_http_door_events *events,
                                       struct assay_http_door **out, struct assay_error *e) ASSAY_MUST_CHECK;
/* Begins to take connections. */
enum assay_status assay_http_door_start(struct assay_http_door *d, struct assay_error *e) ASSAY_MUST_CHECK;
const char *assay_http_door_address(const struct assay_http_door *d);
uint16_t assay_http_door_port(const struct assay_http_door *d);
/* The HTTP library's side: a connection began, got or lost its request, ended. */
struct assay_http_conn *assay_http_door_enter(struct assay_http_door *d, int fd);
void assay_http_door_request(struct assay_http_door *d, struct assay_http_conn *conn,
                             struct assay_http_exchange *x); /* NULL: over */
void assay_http_door_leave(struct assay_http_door *d, struct assay_http_conn *conn);
/* A connection that was counted but never entered. */
void assay_http_door_lost(struct assay_http_door *d);
/* Keep reading what a client still sends on a connection that is about to be closed, for a while, so that the reply is
 * not lost in a reset. Any lock may be held. */
void assay_http_door_linger(struct assay_http_door *d, int fd);
/* Take what has connected, then refuse. Returns when done. */
void assay_http_door_shut(struct assay_http_door *d);
/* True when no request is under way and no byte of one waits in a socket. */
bool assay_http_door_quiet(struct assay_http_door *d);
/* fn for each request under way, with its lock held. */
void assay_http_door_each(struct assay_http_door *d, void (*fn)(void *arg, struct assay_http_exchange *x), void *arg);
/* After the HTTP threads have ended. NULL is fine. */
void assay_http_door_free(struct assay_http_door *d);

#endif
