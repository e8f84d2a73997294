/* app.h -- what the handlers share: the program's state, and the few steps that each of them takes. Internal to src/http. */
#ifndef ASSAY_HTTP_APP_H
#define ASSAY_HTTP_APP_H

#include "assay/http.h"
#include "assay/keys.h"
#include "assay/service.h"
#include "assay/tokens.h"

/* A route's access: the roles that may call it, and what a caller who is one provider's may see of it. */
#define ASSAY_MAY(role) (1u << ASSAY_ROLE_##role)
#define ASSAY_SEES_NOTHING (0u << 16) /* it shows the whole network: 403 */
#define ASSAY_SEES_PATH (1u << 16)    /* the first variable names a provider: 404 where it is not the caller's own */
#define ASSAY_SEES_PARAM (2u << 16)   /* ?provider= does: a parameter that is not good; the own one where it is not sent */
#define ASSAY_SEES_SENT (3u << 16)    /* what the caller sends, and the uploads of its own: the handler sees to it */
#define ASSAY_SEES_ALL (4u << 16)     /* it is the same for everybody */
#define ASSAY_SEES(access) ((access) & (7u << 16))
bool assay_app_may(uint32_t access, enum assay_role role);

/* A route's scope: what its reply changes with, so that it may be kept until then. Not for what changes with the clock, nor
 * with what moves no revision (uploads). */
enum assay_scope {
    ASSAY_SCOPE_NONE,     /* never kept */
    ASSAY_SCOPE_PROGRAM,  /* the same as long as the daemon lives */
    ASSAY_SCOPE_CONFIG,   /* the registry and its documents */
    ASSAY_SCOPE_PROVIDER, /* that, and what is stored of the provider that the route's first variable names */
    ASSAY_SCOPE_NETWORK,  /* anything: ranks */
};
/* How the server asks what a reply rests on, and how a request that says no-cache looks at the database first (http.h). */
bool assay_app_tag(struct assay_http_request *r, struct assay_http_tag *out);
enum assay_status assay_app_renew(struct assay_http_request *r, void *worker, struct assay_error *e);

struct assay_app {
    struct assay_service *service;
    const char *admin_key;       /* NULL: --insecure-no-auth */
    struct assay_tokens *tokens; /* of an issuer outside; NULL: none are taken */
    struct assay_log *log;
    struct assay_metrics *metrics;
    size_t max_line;               /* of NDJSON, and of a row of a table */
    uint64_t inflated_bytes;       /* of a body that is streamed; 0: ASSAY_INFLATED_BYTES */
    uint64_t inflate_ratio;        /* 0: ASSAY_INFLATE_RATIO */
    struct assay_waiters *waiters; /* of the feed of changes; NULL: nobody waits */
    struct assay_metric *change_looks;
    int64_t change_wait_s; /* how long a change waits for its recomputation before it answers 202 */
};
#define ASSAY_INFLATED_BYTES ((uint64_t)16 << 30)
#define ASSAY_INFLATE_RATIO ((uint64_t)250)

/* The default scheme of the reads that take ?scheme=. */
#define ASSAY_DEFAULT_SCHEME "hp-gold-fy01"
#define ASSAY_LIST_DEFAULT 100
#define ASSAY_LIST_MAX 1000
/* Replies that are tables are offered as this type too, and then have so many rows where no limit is said. */
#define ASSAY_TABLE_TYPE "text/csv"
#define ASSAY_TABLE_ROWS 50000

/* The worker's session, connected and with an empty arena; NULL when the reply (503) is set already. */
struct assay_session *assay_app_session(struct assay_http_request *r, void *worker);
/* Who calls; who sends. */
const struct assay_principal *assay_app_principal(const struct assay_http_request *r);
struct assay_sender assay_app_sender(const struct assay_http_request *r);
/* Of an ASSAY_SEES_PARAM route: ?provider=, the caller's own where it may see no other; NULL: it does not matter which. Where there
 * is no such provider es says so. */
const struct assay_config_provider *assay_app_provider_param(const struct assay_http_request *r, const struct assay_config *cfg,
                                                             struct assay_errors *es);
/* Whether the caller may know of an upload; the filter of those it may. */
bool assay_app_sees_upload(const struct assay_http_request *r, const struct assay_upload_row *row);
void assay_app_own_uploads(const struct assay_http_request *r, struct assay_upload_filter *f);
/* Reply with the problem that st and e say (errors es where there are some). Always DONE. */
enum assay_http_flow assay_app_fail(struct assay_http_request *r, enum assay_status st, const struct assay_error *e);
enum assay_http_flow assay_app_fail_all(struct assay_http_request *r, enum assay_status st, const struct assay_errors *es,
                                        const struct assay_error *e);
/* The reply as JSON, or as the route's table where the client prefers that (200 only). */
enum assay_http_flow assay_app_json(struct assay_http_request *r, int status, struct assay_buf *b);
/* ?limit= (up to ASSAY_LIST_MAX; where it is not sent, ASSAY_LIST_DEFAULT, of a table ASSAY_TABLE_ROWS), ?scheme=. */
int assay_app_limit(const struct assay_http_request *r, struct assay_errors *es);
struct assay_str assay_app_scheme(const struct assay_http_request *r);

/* ?from= and ?to=, instants: [from, to). ASSAY_NO_INSTANT where absent. */
void assay_app_range(const struct assay_http_request *r, assay_instant *from, assay_instant *to, struct assay_errors *es);
/* The upload that the path names; ASSAY_NOT_FOUND. */
enum assay_status assay_app_upload(struct assay_http_request *r, struct assay_session *s, struct assay_upload_row **row,
                                   struct assay_error *e) ASSAY_MUST_CHECK;
/* tables.c: a route's table and the first part of its file's name (NULL: it has none); whether the client prefers it. */
const struct assay_table *assay_app_table(const struct assay_http_route *route, const char **file);
bool assay_app_wants_table(const struct assay_http_request *r);
enum assay_http_flow assay_app_table_reply(struct assay_http_request *r, struct assay_buf *json); /* takes json's memory */

/* A read's frame: a session with the configuration in force, for the time of one handler. */
typedef enum assay_http_flow assay_app_reader(struct assay_http_request *r, struct assay_session *s);
enum assay_http_flow assay_app_read(struct assay_http_request *r, void *worker, assay_app_reader *reader);
/* Parameters that cannot be taken: es holds at least one error, the first one's status counts. */
enum assay_http_flow assay_app_bad_parameters(struct assay_http_request *r, const struct assay_errors *es);
void assay_app_bad_cursor(struct assay_errors *es);
/* A document's kind by its route, and what people call it. */
enum assay_document_kind assay_app_kind(const struct assay_http_request *r);
enum assay_http_flow assay_app_no_document(struct assay_http_request *r);

/* Run a read that may meet a connection which has died since its last use: once more on a new one. */
#define ASSAY_APP_READ(session, st, call)                                                                \
    do {                                                                                                 \
        struct assay_error lost_;                                                                        \
        (st) = (call);                                                                                   \
        if ((st) == ASSAY_DATABASE_UNAVAILABLE && assay_db_restore((session)->db, &lost_) == ASSAY_OK) { \
            assay_arena_reset(&(session)->arena);                                                        \
            (st) = (call);                                                                               \
        }                                                                                                \
    } while (0)

/* --- cursors: opaque, checked, of one list each ----------------------------------------------------------------------------- */
/* Fields joined by a unit separator, in hex behind a checksum. list: a letter that names the list. */
void assay_cursor_write(char list, const struct assay_str *fields, size_t n, struct assay_buf *b);
/* False where the cursor is not one of that list with n fields. Fields live in the arena. */
bool assay_cursor_read(char list, struct assay_str cursor, struct assay_arena *a, struct assay_str *fields, size_t n);
/* A walk through all providers of a list whose order may change between pages (walk.c): ?cursor= holds who was given. */
struct assay_walk {
    unsigned char *given; /* a bit each, by provider_id */
    size_t n;             /* bytes */
    struct assay_str last;
    bool last_only; /* the cursor has no room for all: it goes on behind `last`, wherever that stands now */
};
/* False where ?cursor= is not one of such a list. */
bool assay_walk_begin(struct assay_http_request *r, const struct assay_config *cfg, struct assay_walk *w);
bool assay_walk_given(const struct assay_walk *w, int32_t provider_id);
void assay_walk_give(struct assay_walk *w, const struct assay_config_provider *p);
void assay_walk_cursor(const struct assay_walk *w, struct assay_buf *b);
/* Set the Link header of a list's next page. */
void assay_app_link_next(struct assay_http_request *r, struct assay_str cursor);
/* The same of a list whose cursor is its parameter `after`. */
void assay_app_link_after(struct assay_http_request *r, struct assay_str cursor);
/* End a list; `next` and Link where there is more behind the row whose cursor fields these are. Lists fetch one row more
 * than they show, so that there is a next page only where it has a row. */
void assay_app_list_end(struct assay_http_request *r, struct assay_buf *b, char list, const struct assay_str *fields, size_t n,
                        bool more);
/* An instant in a cursor: microseconds, or nothing where there is none. */
struct assay_str assay_cursor_instant(struct assay_arena *a, assay_instant t);
assay_instant assay_cursor_to_instant(struct assay_str s, struct assay_arena *a);

/* --- lists of providers whose order the caller chooses, sorted in memory (sorted.c) ---------------------------------------- */
struct assay_sort_key {
    bool none;                     /* there is no such value: last, whichever way */
    struct assay_frac first, then; /* then: of equal first ones */
};
struct assay_sorted_row {
    struct assay_sort_key key;
    const struct assay_config_provider *provider; /* of equal keys: by code, whichever way */
    const void *row;
    bool hidden; /* by a filter: it has its place, but is not given */
};
struct assay_sort_name {
    const char *name;
    bool best_high; /* the name alone means from high to low, and -name from low to high (rank: the best ratio first) */
};
struct assay_sorting {
    int which; /* index of the name */
    bool descending;
    int limit;
};
/* ?sort= (one of the names, or -name; `otherwise` where not sent) and ?limit=. */
void assay_sorting_read(struct assay_http_request *r, const struct assay_sort_name *names, size_t n, const char *otherwise,
                        struct assay_sorting *out, struct assay_errors *es);
/* The list's next page: the first rows, as they stand now, of those that ?cursor= does not hold yet. rows is sorted. cfg: what the
 * rows' providers are of. */
enum assay_http_flow assay_sorting_reply(struct assay_http_request *r, const struct assay_sorting *s,
                                         const struct assay_config *cfg, struct assay_sorted_row *rows, size_t n,
                                         void (*write)(const void *list, const void *row, struct assay_buf *b), const void *list);

/* --- periods (handlers_evaluations.c) ---------------------------------------------------------------------------------------- */
enum assay_status assay_app_period(struct assay_session *s, struct assay_str scheme, struct assay_str period,
                                   struct assay_period_view *v, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_app_period_row(const struct assay_period_view *v, struct assay_str provider,
                                       const struct assay_evaluated **row, struct assay_error *e) ASSAY_MUST_CHECK;
struct assay_sort_key assay_app_rank_key(const struct assay_evaluated *row);

/* --- requests that wait for something to happen (waiters.c) ------------------------------------------------------------------ */
struct assay_waiters;
struct assay_waiter { /* in the request's arena */
    struct assay_http_request *r;
    int32_t key;                                  /* what it waits for: a provider; 0: anything */
    uint64_t seen;                                /* the generation before it last looked */
    int64_t deadline_us;                          /* monotonic */
    void (*answer)(struct assay_http_request *r); /* set the reply of one that waited in vain */
    /* the list's */
    struct assay_waiter *next;
    bool over;
};
struct assay_waiters *assay_waiters_new(size_t most);
/* Answers all that wait. After the server has stopped, and when nobody wakes any more. NULL is fine. */
void assay_waiters_free(struct assay_waiters *w);
uint64_t assay_waiters_generation(struct assay_waiters *w);
/* Something happened to these keys; NULL: to any; none: to those who wait for anything. Does not wait. */
void assay_waiters_wake(struct assay_waiters *w, const int32_t *keys, size_t n);
size_t assay_waiters_count(struct assay_waiters *w);
enum assay_waiting {
    ASSAY_WAITING,       /* the handler returns LATER and does not touch the request again */
    ASSAY_WAITING_MOVED, /* it happened since it looked: look again */
    ASSAY_WAITING_FULL,  /* no more may wait */
};
enum assay_waiting assay_waiters_add(struct assay_waiters *w, struct assay_waiter *x);

/* --- cursors of the feed of changes -------------------------------------------------------------------------------------------- */
struct assay_str assay_changes_cursor(const struct assay_changes_position *p, struct assay_arena *a);
/* False where it is not one of that provider's feed (0: of the whole feed). */
bool assay_changes_cursor_read(struct assay_str cursor, int32_t provider_id, struct assay_arena *a,
                               struct assay_changes_position *out);

/* --- handlers, by file -------------------------------------------------------------------------------------------------------- */
/* handlers_ingest.c */
assay_http_handler assay_post_records, assay_post_records_bulk;
/* handlers_tables.c */
assay_http_handler assay_get_rejected, assay_get_template;
/* The rows of a body that is a table, read as they come: each goes to row(arg, sheet of the header, ...), which stops it by
 * a status. header(arg) is told once, when the header is good. *es: what is wrong with the header. */
struct assay_body_table {
    enum assay_status (*header)(void *arg, struct assay_sheet *sheet, struct assay_error *e);
    enum assay_status (*row)(void *arg, const struct assay_csv_row *row, struct assay_error *e);
    void *arg;
    const enum assay_intake *intake; /* NULL: providers */
    int64_t bytes;                   /* out: of the table, inflated */
};
enum assay_status assay_app_read_table(struct assay_http_request *r, struct assay_body_table *t, struct assay_errors *es,
                                       struct assay_error *e) ASSAY_MUST_CHECK;
/* ASSAY_UNSUPPORTED_MEDIA_TYPE where the body's charset is another than UTF-8. */
enum assay_status assay_app_is_utf8(const struct assay_http_request *r, struct assay_error *e) ASSAY_MUST_CHECK;
/* inflate.c: a body as it was before its Content-Encoding. */
struct assay_inflate;
struct assay_inflate *assay_inflate_new(struct assay_http_request *r, uint64_t most); /* bytes of it at most */
/* As read(2); -1: *e says why. INVALID_GZIP: damaged, or it ends early; TOO_LARGE: beyond a bound. */
ssize_t assay_inflate_read(struct assay_inflate *z, void *buf, size_t n, struct assay_error *e);
void assay_inflate_free(struct assay_inflate *z);
/* A collected body, inflated in the request's arena; r->body becomes it. Nothing to do where it is not gzip. */
enum assay_status assay_app_inflate(struct assay_http_request *r, struct assay_error *e) ASSAY_MUST_CHECK;
/* The bound of a streamed body. */
uint64_t assay_app_inflated_bytes(const struct assay_http_request *r);
/* handlers_uploads.c */
assay_http_handler assay_get_uploads, assay_get_upload, assay_post_revert;
/* handlers_observations.c */
assay_http_handler assay_get_observations;
/* handlers_registry.c */
assay_http_handler assay_put_provider, assay_get_provider, assay_get_providers, assay_post_providers;
assay_http_handler assay_put_document, assay_get_document, assay_get_documents;
/* handlers_history.c */
assay_http_handler assay_get_versions, assay_get_version, assay_get_provider_versions, assay_get_schema;
/* handlers_recomputation.c */
assay_http_handler assay_get_recomputation, assay_get_recomputations;
#define ASSAY_RECOMPUTATION_LINK 48
/* "/v1/recomputations/7" */
const char *assay_app_recomputation_link(int64_t id, char out[ASSAY_RECOMPUTATION_LINK]);
/* Wait for the recomputation that a change has begun, as long as the client would have it. True: it is done, *changed orders
 * are judged otherwise. False: the reply is set: 202 and where to look, or why it failed. */
bool assay_app_await(struct assay_http_request *r, struct assay_session *s, int64_t id, int64_t *changed);
/* handlers_orders.c */
assay_http_handler assay_get_orders, assay_get_order, assay_get_verdict, assay_get_at_risk;
/* handlers_evaluations.c */
assay_http_handler assay_get_evaluation, assay_get_evaluations, assay_get_trend;
/* handlers_compensation.c */
assay_http_handler assay_get_compensation, assay_get_compensation_lines, assay_get_compensations;
/* handlers_changes.c */
assay_http_handler assay_get_changes;
/* handlers_completeness.c */
assay_http_handler assay_get_completeness, assay_get_completeness_all;
/* handlers_ops.c */
assay_http_handler assay_get_livez, assay_get_readyz, assay_get_metrics, assay_get_openapi_json, assay_get_openapi_yaml,
    assay_get_docs, assay_get_root;
/* handlers_keys.c */
assay_http_handler assay_get_keys, assay_get_key, assay_post_keys, assay_post_key_rotate, assay_delete_key, assay_get_audit;
/* authorize.c: the server's `authorize` (http.h). */
enum assay_status assay_app_authorize(struct assay_http_request *r, struct assay_error *e);

#endif
