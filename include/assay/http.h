/* http.h -- requests, replies, routes and the server that joins them.
 *
 * A handler is decode -> one service call -> encode on the plain structs below: no type of the HTTP library is seen
 * here, and assay_http_call() runs the whole way of a request (routing, limits, parameters, keys, caching, problem
 * replies) without a socket.
 *
 * Threads. One HTTP thread per `threads` moves bytes and must never wait. What waits runs on the workers of a lane:
 * a lane is a bounded queue and its threads, each with a context of its own (its database connection). A full lane
 * answers 503 with Retry-After at once. Nothing here knows the database or the business. */
#ifndef ASSAY_HTTP_H
#define ASSAY_HTTP_H

#include <sys/types.h>

#include "assay/log.h"
#include "assay/metrics.h"
#include "assay/time.h"

struct assay_http_request;
struct assay_http_server;

/* === routes ======================================================================================================== */
enum assay_http_method {
    ASSAY_HTTP_GET = 1, /* a route for GET answers HEAD too */
    ASSAY_HTTP_HEAD,
    ASSAY_HTTP_POST,
    ASSAY_HTTP_PUT,
    ASSAY_HTTP_PATCH,
    ASSAY_HTTP_DELETE,
    ASSAY_HTTP_OPTIONS,
    ASSAY_HTTP_METHOD_OTHER, /* known nowhere: 405 */
};
const char *assay_http_method_name(enum assay_http_method m); /* "GET"; "" for OTHER */

/* How a handler runs. */
enum assay_http_kind {
    ASSAY_HTTP_IMMEDIATE, /* on the HTTP thread, with its body: must not wait and must not return LATER; on a worker of the
                             lane only where `renew` comes first */
    ASSAY_HTTP_ASYNC,     /* on the HTTP thread, with its body: must not wait; may return LATER or WORK */
    ASSAY_HTTP_WORKER,    /* on a worker of the route's lane, with its body; may return LATER */
    ASSAY_HTTP_STREAM,    /* on a worker of the route's lane, which reads the body with assay_http_read; may return LATER */
};
enum assay_http_flow {
    ASSAY_HTTP_DONE,  /* the reply is set */
    ASSAY_HTTP_LATER, /* assay_http_complete will be called once, by any thread (perhaps it was already): r is not to be
                         touched by this one any more */
    ASSAY_HTTP_WORK,  /* ASYNC only: this one takes longer; call the handler again on a worker of the route's lane */
};
/* worker: what worker_open gave this thread; NULL on the HTTP thread. */
typedef enum assay_http_flow assay_http_handler(struct assay_http_request *r, void *worker);

/* Lanes keep slow work from starving quick work. */
enum assay_http_lane {
    ASSAY_HTTP_LANE_READ,
    ASSAY_HTTP_LANE_WRITE,
    ASSAY_HTTP_LANE_BULK,
    ASSAY_HTTP_LANE_FEED,
    ASSAY_HTTP_LANES
};

#define ASSAY_HTTP_GZIP_BODY 1u /* flags: takes Content-Encoding: gzip (the handler inflates); else 415 */
#define ASSAY_HTTP_VOLATILE 2u  /* never cached: no ETag, Cache-Control: no-store (probes, metrics) */
#define ASSAY_HTTP_NO_LOG 4u    /* logged at debug only (probes) */

/* What a reply rests on: numbers that never come back once they have moved. */
struct assay_http_tag {
    uint64_t audience; /* whose view it is: others have replies of their own */
    uint64_t config, data;
};

/* One row of the program's table. Arrays of names end with NULL; NULL for an array is the empty one. */
struct assay_http_route {
    const char *name;              /* unique, snake_case: for logs, metrics and the contract (operationId) */
    enum assay_http_method method; /* never HEAD or OPTIONS: these come by themselves */
    const char *pattern;           /* "/v1/providers/{provider}/orders/{order}"; of two rows that match, the first that takes the
                            body's media type wins, else the earlier */
    enum assay_http_kind kind;
    enum assay_http_lane lane; /* of WORKER and STREAM */
    assay_http_handler *handler;
    uint32_t access; /* 0: open, needs no key; else bits that `authorize` understands */
    uint32_t scope;  /* of GET: what its successful reply depends on, as `tag` understands it; 0: it is never kept */
    uint32_t flags;
    const char *const *params;   /* names of query parameters; any other is refused */
    const char *const *accepts;  /* media types of the body; none: takes no body */
    const char *const *produces; /* media types offered, the first is the default; none: not negotiated */
    uint64_t max_body;           /* bytes; 0: the server's body_bytes (not STREAM: unbounded) */
    int64_t body_ms;             /* time for the whole body; 0: the server's */
};
/* The program's table (src/http/routes.c), for the server and for tests that hold it against the contract. */
const struct assay_http_route *assay_http_routes(size_t *n);
/* ASSAY_CONFIG naming the row where a table is not sound: a name twice, a pattern that cannot be parsed, one that an
 * earlier row hides, a missing handler. The server checks its table when it starts. */
enum assay_status assay_http_routes_check(const struct assay_http_route *routes, size_t n,
                                          struct assay_error *e) ASSAY_MUST_CHECK;

/* === requests ====================================================================================================== */
#define ASSAY_HTTP_VARS_MAX 6
#define ASSAY_HTTP_PARAMS_MAX 24

/* Header fields that handlers may want; absent where not sent. Repeated list fields are joined by ", ". */
struct assay_http_headers {
    struct assay_str authorization, content_type, content_encoding, content_length, transfer_encoding, if_none_match, if_match,
        accept, accept_encoding, accept_language, cache_control, prefer, x_request_id, origin, access_control_request_method,
        host, x_forwarded_for;
};

struct assay_http_response;

/* What a handler sees. It reads everything and writes only through the functions below (and `state`). */
struct assay_http_request {
    enum assay_http_method method; /* as sent: HEAD stays HEAD */
    struct assay_str path;         /* raw, without the query */
    struct assay_str query;        /* raw, without '?' */
    const struct assay_http_route *route;
    struct assay_str vars[ASSAY_HTTP_VARS_MAX]; /* of the pattern, in order, decoded: valid UTF-8 without NUL, not empty */
    struct assay_http_headers headers;
    struct assay_str id;           /* X-Request-Id: the client's where well formed, else made */
    assay_instant received_at;     /* when the head was complete */
    struct assay_str body;         /* IMMEDIATE, ASYNC and WORKER; "" where none was sent */
    int media;                     /* index in route->accepts of the body's media type; -1 without a body */
    bool gzip_body;                /* Content-Encoding: gzip, still to be inflated */
    int produce;                   /* index in route->produces the client prefers; -1 where not negotiated */
    struct assay_arena *arena;     /* lives until the request is freed; one thread at a time */
    void *app;                     /* the server's `app` */
    const void *principal;         /* set by authorize, in the arena; NULL on open routes without a key */
    struct assay_str principal_id; /* its id for logs; absent without one */
    struct assay_error body_error; /* why assay_http_read said -1 */
    void *state;                   /* the handler's own, in the arena */
};

/* Whether the client takes this media type: for a handler whose offer depends on the resource. */
bool assay_http_accepts(const struct assay_http_request *r, const char *type);
/* The parameter of the body's media type ("charset"), without quotes; ASSAY_STR_NONE where it is not said. */
struct assay_str assay_http_media_param(const struct assay_http_request *r, const char *name);
/* Whether the client would rather read Chinese. */
bool assay_http_prefers_zh(const struct assay_http_request *r);
/* The decoded value of a query parameter; ASSAY_STR_NONE where absent ("" where sent without a value). */
struct assay_str assay_http_param(const struct assay_http_request *r, const char *name);
/* A whole number in [min, max]; *out is left where the parameter is absent; else an INVALID_PARAMETER is added to *es. */
void assay_http_param_int(const struct assay_http_request *r, const char *name, int64_t min, int64_t max, int64_t *out,
                          struct assay_errors *es);
/* "true" or "false", likewise. */
void assay_http_param_bool(const struct assay_http_request *r, const char *name, bool *out, struct assay_errors *es);
/* Cache-Control asks for an answer that is not from a cache ("no-cache"). */
bool assay_http_no_cache(const struct assay_http_request *r);
/* If-Match against the current strong ETag (without quotes; NULL: the resource does not exist): ASSAY_OK,
 * ASSAY_PRECONDITION_REQUIRED where it was not sent, ASSAY_PRECONDITION_FAILED where it does not hold. */
enum assay_status assay_http_if_match(const struct assay_http_request *r, const char *etag) ASSAY_MUST_CHECK;
/* If-None-Match was sent and lists this ETag (without quotes; of a resource that exists), or *. */
bool assay_http_if_none_match(const struct assay_http_request *r, const char *etag);
/* The preference `wait` of Prefer (RFC 7240) in seconds, 0 for respond-async; `otherwise` where neither was sent. */
int64_t assay_http_prefer_wait(const struct assay_http_request *r, int64_t otherwise);
/* True once nobody waits for the reply: the client has gone (seen within about a second) or the server gives up. Long polls
 * ask it. Any thread. */
bool assay_http_gone(const struct assay_http_request *r);
/* True once the server is draining: readiness and long polls ask it. */
bool assay_http_draining(const struct assay_http_request *r);

/* STREAM: the next bytes of the body, waiting for them: > 0 bytes, 0 at its end, -1 on failure (r->body_error: TOO_LARGE,
 * REQUEST_TIMEOUT, DRAINING, OVERLOADED, BAD_REQUEST when the client has gone). request is a struct assay_http_request *;
 * the type suits a reader's callback. A reply set before the end of the body is sent at once and the connection closed,
 * so such a reply should be short. Other kinds read r->body the same way. */
ssize_t assay_http_read(void *request, void *buf, size_t n);

/* === replies ======================================================================================================= */
/* Immutable bytes of a representation: counted, shared by caches and replies, never copied. The identity form and its
 * ETag are made once, the gzip form when first wanted. */
struct assay_http_body;
/* Takes b's memory (b is left empty). One reference for the caller. */
struct assay_http_body *assay_http_body_take(struct assay_buf *b);
/* Static bytes: not copied, must outlive everything. */
struct assay_http_body *assay_http_body_static(struct assay_str s);
struct assay_http_body *assay_http_body_ref(struct assay_http_body *body);
void assay_http_body_unref(struct assay_http_body *body); /* NULL is fine */
struct assay_str assay_http_body_bytes(const struct assay_http_body *body);
/* Strong, without quotes: 128 bits of SHA-256 of the bytes, in hex. */
const char *assay_http_body_etag(const struct assay_http_body *body);

/* Set the reply; the last call counts. content_type must be a constant or live in the arena. Those that are given a buffer
 * take its memory and leave it empty; a body is given with its reference.
 * Successful replies to GET get ETag, Cache-Control: private, no-cache and 304 by themselves, everything else no-store. */
void assay_http_reply(struct assay_http_request *r, int status, const char *content_type, struct assay_buf *b);
void assay_http_reply_body(struct assay_http_request *r, int status, const char *content_type, struct assay_http_body *body);
void assay_http_reply_empty(struct assay_http_request *r, int status); /* 204 and the like */
/* application/json */
void assay_http_reply_json(struct assay_http_request *r, int status, struct assay_buf *b);
/* application/problem+json (RFC 9457) with the HTTP status of the one table; detail and field are e's (may be NULL). */
void assay_http_reply_problem(struct assay_http_request *r, enum assay_status status, const struct assay_error *e);
/* The same with all errors in `errors`. status: VALIDATION_FAILED, or INVALID_PARAMETER ... */
void assay_http_reply_problems(struct assay_http_request *r, enum assay_status status, const struct assay_errors *es);
/* With errors that are JSON already, an array, and one member more (NULL: none), a string. */
void assay_http_reply_problem_list(struct assay_http_request *r, enum assay_status status, struct assay_str detail,
                                   struct assay_str errors, const char *member, struct assay_str value);
/* The same with errors of lines: {line, code, detail, pointer} each; total of them, of which n are given. */
struct assay_upload_error;
void assay_http_reply_problem_lines(struct assay_http_request *r, enum assay_status status,
                                    const struct assay_upload_error *lines, size_t n, size_t total);
/* One more header (Location, Link, Content-Disposition, ...); value is copied. Survives later calls that set the reply. */
void assay_http_reply_header(struct assay_http_request *r, const char *name, const char *value);
/* What a GET's ETag and If-None-Match go by, where it is not the hash of the bytes (a document's version). Visible ASCII
 * without '"'. */
void assay_http_reply_etag(struct assay_http_request *r, const char *etag);

/* Finish a request that went LATER. Exactly once, from any thread, also after the client has gone or the server has
 * stopped; r is gone afterwards. A reply not set is a 500. */
void assay_http_complete(struct assay_http_request *r);

/* A request of a WORKER's route that went LATER goes back to its lane: the handler is called once more, with r->state as it
 * left it. False where the lane has no place just now: nothing has happened, and the request is still the caller's to
 * complete. From any thread, in place of assay_http_complete and under the same rules. */
bool assay_http_again(struct assay_http_request *r) ASSAY_MUST_CHECK;

/* The HTTP status of a stable code: the one table (src/http/problem.c). */
int assay_http_status(enum assay_status s);
/* A problem document without a request, for text that others embed. */
struct assay_http_problem {
    enum assay_status status;
    struct assay_str detail, instance, request_id;
    const struct assay_errors *errors; /* NULL: none */
    const struct assay_error *error;   /* the only one, where errors is NULL; NULL: none */
    bool zh;                           /* titles in Chinese */
    struct assay_str errors_json;      /* the array of errors, instead of those above; absent: not so */
    const char *member;                /* a member of its own; NULL: none */
    struct assay_str value;
    const struct assay_upload_error *lines; /* in place of all of these: errors of lines */
    size_t n_lines, total_lines;
};
void assay_http_problem_write(const struct assay_http_problem *p, struct assay_buf *b);

/* === kept replies ================================================================================================== */
/* Successful replies to GETs of routes with a scope, in at most so many bytes; the one not used for longest goes first. A
 * request finds one while `tag` says now what it said before that reply was worked out, and is answered on the HTTP
 * thread. Cache-Control: no-cache in the request passes it by, after `renew`, and replaces what is kept. */
struct assay_http_cache;
/* bytes 0: nothing is kept. metrics: NULL is fine. */
struct assay_http_cache *assay_http_cache_new(size_t bytes, struct assay_metrics *metrics);
void assay_http_cache_free(struct assay_http_cache *c); /* NULL is fine; no server may use it any more */
struct assay_http_cache_stats {
    uint64_t hits, misses, not_modified, evictions, entries, bytes;
};
void assay_http_cache_stats(struct assay_http_cache *c, struct assay_http_cache_stats *out);

/* A comma-separated CORS allow-list: scheme://host[:port] each, as browsers say it. *out ends with NULL, or is NULL where
 * the list is empty; it lives in the arena. ASSAY_CONFIG says what is wrong. */
enum assay_status assay_http_origins_parse(const char *text, struct assay_arena *a, const char *const **out,
                                           struct assay_error *e) ASSAY_MUST_CHECK;

/* A comma-separated list of addresses and networks (10.0.0.0/8, ::1): the proxies that may say who a client is. *out is NULL
 * where the list is empty; it lives in the arena. ASSAY_CONFIG says what is wrong. */
struct assay_http_networks;
enum assay_status assay_http_networks_parse(const char *text, struct assay_arena *a, const struct assay_http_networks **out,
                                            struct assay_error *e) ASSAY_MUST_CHECK;

/* A certificate (with its chain) and its key, both files in PEM. ASSAY_CONFIG where one cannot be read, or they are no pair. */
struct assay_http_tls;
enum assay_status assay_http_tls_open(const char *certificate, const char *key, struct assay_http_tls **out,
                                      struct assay_error *e) ASSAY_MUST_CHECK;
/* Read the files again: new connections see what is there now; where it is not sound, what was stays. From one thread. */
enum assay_status assay_http_tls_reload(struct assay_http_tls *t, bool *changed, struct assay_error *e) ASSAY_MUST_CHECK;
int64_t assay_http_tls_expires(const struct assay_http_tls *t); /* seconds since 1970; -1: not known */
void assay_http_tls_free(struct assay_http_tls *t);             /* NULL is fine; no server may use it any more */

/* === the server ==================================================================================================== */
struct assay_http_lane_config {
    unsigned workers; /* threads; 0: the lane is not there and no route may name it */
    unsigned queue;   /* requests that may wait besides those being worked on */
};
#define ASSAY_HTTP_FILES_BESIDES 192 /* descriptors for everything but connections */
struct assay_http_config {
    const char *listen;      /* "127.0.0.1:8080", "[::1]:8080", "localhost:0", ":8080" (all addresses); port 0: any free one */
    unsigned threads;        /* HTTP threads */
    unsigned connections;    /* beyond it: 503 and a closed connection */
    size_t uri_bytes;        /* 414 */
    size_t head_bytes;       /* request line and headers: 431 */
    uint64_t body_bytes;     /* a body that is not streamed: 413 */
    uint64_t buffered_bytes; /* of all bodies being received or waiting, together: 503 */
    size_t stream_bytes;     /* of one streamed body, at most in memory */
    int64_t idle_ms;         /* a connection without a request; a body that does not move */
    int64_t head_ms;         /* from request line to the end of the headers */
    int64_t body_ms;         /* a whole body, however it trickles: 408 */
    int64_t reply_ms;        /* a client that does not take its reply */
    struct assay_http_lane_config lanes[ASSAY_HTTP_LANES];
    const struct assay_http_route *routes;
    size_t n_routes;
    struct assay_http_tls *tls;                /* NULL: in clear. One server of a process at most has one */
    const struct assay_http_networks *proxies; /* who may say X-Forwarded-For (assay_http_networks_parse); NULL: nobody */
    int64_t rate_per_second, rate_burst;       /* requests of one key; 0 a second: as many as it likes */
    const char *const *origins;                /* CORS allow-list (assay_http_origins_parse); NULL: none */
    void *app;
    /* Called for each route with access != 0, on the HTTP thread before the body: must not wait. Sets r->principal and
     * r->principal_id, or says UNAUTHORIZED, FORBIDDEN, NOT_FOUND, OVERLOADED or DATABASE_UNAVAILABLE. */
    enum assay_status (*authorize)(struct assay_http_request *r, struct assay_error *e);
    struct assay_http_cache *cache; /* NULL: no reply is kept */
    /* For a route with a scope, on the HTTP thread or a worker: must not wait. False: nothing is to be kept or recalled. */
    bool (*tag)(struct assay_http_request *r, struct assay_http_tag *out);
    /* On a worker, before the handler of a GET that is not volatile, where the request says no-cache: what is known shall be
     * up to this moment. Optional. */
    enum assay_status (*renew)(struct assay_http_request *r, void *worker, struct assay_error *e);
    /* A worker thread's context: opened and closed on that thread. All optional. */
    void *(*worker_open)(void *app, enum assay_http_lane lane);
    void (*worker_close)(void *app, void *worker);
    /* The server gives up on what worker runs (its drain time is over): make it return soon. Any thread. */
    void (*worker_interrupt)(void *app, void *worker);
    struct assay_log *log;         /* NULL: none */
    struct assay_metrics *metrics; /* NULL: none */
};
/* Every bound at its default; listen, routes and app are the caller's to set. */
void assay_http_config_init(struct assay_http_config *c);

/* Binds, starts all threads. c is copied, what it points to is borrowed. ASSAY_CONFIG (field: the name of the setting) or
 * ASSAY_IO. Signals stay with the caller's threads. */
enum assay_status assay_http_server_start(const struct assay_http_config *c, struct assay_http_server **out,
                                          struct assay_error *e) ASSAY_MUST_CHECK;
/* "127.0.0.1:41873": where it listens, with the port it got. */
const char *assay_http_server_address(const struct assay_http_server *s);
uint16_t assay_http_server_port(const struct assay_http_server *s);
/* Step one of an orderly end: assay_http_draining says so (readiness turns 503), replies close their connections; new
 * ones are still served. Any thread. */
void assay_http_server_drain(struct assay_http_server *s);
/* Step two: drain; take what has connected, close the listening socket (new clients are refused by the kernel); wait at
 * most wait_ms for requests under way; answer 503 to the rest; stop all threads and free s. Returns how many requests
 * were given up. Requests that went LATER and are not completed yet may still be completed afterwards. */
size_t assay_http_server_stop(struct assay_http_server *s, int64_t wait_ms);

/* === without a socket ============================================================================================== */
struct assay_http_field {
    const char *name, *value;
};
struct assay_http_call {
    const char *method, *target;
    const struct assay_http_field *headers; /* ends with {NULL, NULL}; NULL: none */
    struct assay_str body;
    assay_instant received_at; /* 0: the clock */
};
struct assay_http_result {
    int status;
    struct assay_buf head; /* "name: value\r\n" lines */
    struct assay_buf body;
};
/* Run a request through c's routes as the server would, on this thread with the given worker context, and wait where the
 * handler went LATER. Limits of sockets and time do not apply; lanes are not used. */
void assay_http_call(const struct assay_http_config *c, const struct assay_http_call *call, void *worker,
                     struct assay_http_result *out);
void assay_http_result_free(struct assay_http_result *r);

#endif
