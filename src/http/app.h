/* app.h -- what the handlers share: the program's state, and the few steps that each of them takes. Internal to src/http. */
#ifndef ASSAY_HTTP_APP_H
#define ASSAY_HTTP_APP_H

#include "assay/http.h"
#include "assay/service.h"

/* Bits of a route's access. Roles come with keys in the database; today there is one key, the administrator's. */
#define ASSAY_ACCESS_ADMIN 1u

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
    const char *admin_key; /* NULL: --insecure-no-auth */
    struct assay_log *log;
    struct assay_metrics *metrics;
    size_t max_line;               /* of NDJSON */
    struct assay_waiters *waiters; /* of the feed of changes; NULL: nobody waits */
    struct assay_metric *change_looks;
};

/* The default scheme of the reads that take ?scheme=. */
#define ASSAY_DEFAULT_SCHEME "hp-gold-fy01"
#define ASSAY_LIST_DEFAULT 100
#define ASSAY_LIST_MAX 1000

/* The worker's session, connected and with an empty arena; NULL when the reply (503) is set already. */
struct assay_session *assay_app_session(struct assay_http_request *r, void *worker);
/* Who sends: decides what a record's party is. */
enum assay_party assay_app_party(const struct assay_http_request *r);
/* Reply with the problem that st and e say (errors es where there are some). Always DONE. */
enum assay_http_flow assay_app_fail(struct assay_http_request *r, enum assay_status st, const struct assay_error *e);
enum assay_http_flow assay_app_fail_all(struct assay_http_request *r, enum assay_status st, const struct assay_errors *es,
                                        const struct assay_error *e);
enum assay_http_flow assay_app_json(struct assay_http_request *r, int status, struct assay_buf *b);
/* ?limit= and ?cursor=, ?scheme=. */
int assay_app_limit(const struct assay_http_request *r, struct assay_errors *es);
struct assay_str assay_app_scheme(const struct assay_http_request *r);

/* ?from= and ?to=, instants: [from, to). ASSAY_NO_INSTANT where absent. */
void assay_app_range(const struct assay_http_request *r, assay_instant *from, assay_instant *to, struct assay_errors *es);
/* The upload that the path names; ASSAY_NOT_FOUND. */
enum assay_status assay_app_upload(struct assay_http_request *r, struct assay_session *s, struct assay_upload_row **row,
                                   struct assay_error *e) ASSAY_MUST_CHECK;

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
/* End a list; where there is more, with the cursor of these fields, in its body and as a Link. */
void assay_app_list_end(struct assay_http_request *r, struct assay_buf *b, char list, const struct assay_str *fields, size_t n,
                        bool more);

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
assay_http_handler assay_post_records, assay_post_records_bulk, assay_get_rejected;
/* handlers_uploads.c */
assay_http_handler assay_get_uploads, assay_get_upload, assay_post_revert;
/* handlers_observations.c */
assay_http_handler assay_get_observations;
/* handlers_registry.c */
assay_http_handler assay_put_provider, assay_get_provider, assay_get_providers, assay_post_providers;
assay_http_handler assay_put_document, assay_get_document, assay_get_documents, assay_get_scheme_version;
/* handlers_reads.c */
assay_http_handler assay_get_orders, assay_get_order, assay_get_verdict, assay_get_at_risk;
assay_http_handler assay_get_evaluation, assay_get_evaluations;
assay_http_handler assay_get_compensation, assay_get_compensation_lines, assay_get_compensations;
/* handlers_changes.c */
assay_http_handler assay_get_changes;
/* handlers_ops.c */
assay_http_handler assay_get_livez, assay_get_readyz, assay_get_metrics, assay_get_openapi_json, assay_get_openapi_yaml,
    assay_get_root;
enum assay_status assay_app_authorize(struct assay_http_request *r, struct assay_error *e);

#endif
