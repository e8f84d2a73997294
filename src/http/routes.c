/* routes.c -- every route of the program, in one table. A test holds it against api/openapi.yaml. */
#include "http/app.h"

/* Bodies in bytes. A JSON document takes up to eighty times its size in memory, so more is NDJSON's, which has no bound
 * but time. */
#define RECORD_BODY_MAX ((uint64_t)2 << 20)
#define DOCUMENT_BODY_MAX ((uint64_t)2 << 20)
#define PROVIDERS_BODY_MAX ((uint64_t)64 << 20)
#define STREAM_MS (INT64_C(3600) * 1000)

static const char *const json[] = {"application/json", NULL};
static const char *const record_json[] = {"application/json", "application/cloudevents+json",
                                          "application/cloudevents-batch+json", NULL};
static const char *const rows[] = {"application/x-ndjson", "text/csv", NULL};
static const char *const rejected_types[] = {"application/x-ndjson", "text/csv", NULL};
static const char *const lang_param[] = {"lang", NULL};
static const char *const record_params[] = {"atomic", "dry_run", NULL};
static const char *const row_params[] = {"atomic", "dry_run", "time_zone", NULL};
static const char *const upload_params[] = {"limit", "cursor", "kind", "status", "from", "to", NULL};
static const char *const observation_params[] = {"limit", "cursor", "indicator", "from", "to", NULL};
/* What is a table (src/http/tables.c) is offered as one. */
static const char *const table[] = {"application/json", ASSAY_TABLE_TYPE, NULL};
static const char *const scheme_param[] = {"scheme", NULL};
static const char *const page_params[] = {"limit", "cursor", NULL};
static const char *const page_scheme_params[] = {"limit", "cursor", "scheme", NULL};
static const char *const rank_params[] = {"limit",  "cursor", "sort",        "city",     "ascim",
                                          "status", "rated",  "min_counted", "provider", NULL};
static const char *const trend_params[] = {"from", "to", NULL};
static const char *const pay_params[] = {"limit", "cursor", "scheme", "sort", NULL};
static const char *const complete_params[] = {"limit", "cursor", "scheme", "sort", "complete", NULL};
static const char *const order_params[] = {"limit", "cursor", "scheme", "state", "outcome", "period", NULL};
static const char *const change_params[] = {"after", "provider", "wait", "limit", NULL};
static const char *const audit_params[] = {"limit", "cursor", "actor", "action", "subject", "from", "to", NULL};
static const char *const risk_params[] = {"limit", "cursor", "scheme", "provider", "within_seconds", NULL};

/* --- who may (API users find the same in the contract, as x-roles and x-sees; a test holds the two together) --------------- */
#define PROVIDER ASSAY_MAY(PROVIDER)
#define CCC ASSAY_MAY(CCC)
#define LOGISTICS ASSAY_MAY(LOGISTICS)
#define MANUFACTURER (ASSAY_MAY(MANUFACTURER) | ASSAY_MAY(ADMIN))
#define READERS (ASSAY_MAY(PORTAL) | ASSAY_MAY(DASHBOARD) | MANUFACTURER)
#define EVERYBODY (PROVIDER | CCC | LOGISTICS | READERS)

#define NETWORK (READERS | ASSAY_SEES_NOTHING)
#define OWN_PATH (READERS | PROVIDER | ASSAY_SEES_PATH)
#define OWN_PARAM (READERS | PROVIDER | ASSAY_SEES_PARAM)
#define PUBLISHED (READERS | PROVIDER | ASSAY_SEES_ALL) /* what the figures rest on: a provider may look it up */
#define FORMS (EVERYBODY | ASSAY_SEES_ALL)
#define OWN_UPLOADS (EVERYBODY | ASSAY_SEES_SENT)
#define REGISTRY (MANUFACTURER | ASSAY_SEES_NOTHING)
#define METERS (ASSAY_MAY(DASHBOARD) | MANUFACTURER | ASSAY_SEES_NOTHING)
#define KEYS (ASSAY_MAY(ADMIN) | ASSAY_SEES_NOTHING)
/* Of these, which records of whose orders: src/core/access.c, src/service/senders.c. Voids of all kinds are events. */
#define SENDERS(who) ((who) | MANUFACTURER | ASSAY_SEES_SENT)

/* clang-format off */
/* Reads of the database, and those whose reply is kept while what it rests on stands (S: app.h); reads of what the process
 * holds; changes of the registry; what needs no key. */
#define READ(n, p, h, q, a)   {.name = n, .method = ASSAY_HTTP_GET, .pattern = p, .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_READ, .handler = h, .access = a, .params = q}
#define KEPT(n, p, h, q, s, a) {.name = n, .method = ASSAY_HTTP_GET, .pattern = p, .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_READ, .handler = h, .access = a, .params = q, .scope = ASSAY_SCOPE_##s}
#define TABLE(n, p, h, q, a) {.name = n, .method = ASSAY_HTTP_GET, .pattern = p, .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_READ, .handler = h, .access = a, .params = q, .produces = table}
#define KEPT_TABLE(n, p, h, q, s, a) {.name = n, .method = ASSAY_HTTP_GET, .pattern = p, .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_READ, .handler = h, .access = a, .params = q, .produces = table, .scope = ASSAY_SCOPE_##s}
#define HELD_TABLE(n, p, h, q, a) {.name = n, .method = ASSAY_HTTP_GET, .pattern = p, .kind = ASSAY_HTTP_IMMEDIATE, .handler = h, .access = a, .params = q, .produces = table, .scope = ASSAY_SCOPE_CONFIG}
#define HELD(n, p, h, q, a)  {.name = n, .method = ASSAY_HTTP_GET, .pattern = p, .kind = ASSAY_HTTP_IMMEDIATE, .handler = h, .access = a, .params = q, .scope = ASSAY_SCOPE_CONFIG}
#define CHANGE(n, m, p, h, types, bytes, a) \
    {.name = n, .method = m, .pattern = p, .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_WRITE, .handler = h, .access = a, .accepts = types, .max_body = bytes}
#define OPEN(n, p, h, f)     {.name = n, .method = ASSAY_HTTP_GET, .pattern = p, .kind = ASSAY_HTTP_IMMEDIATE, .handler = h, .flags = f, \
                              .scope = (f) & ASSAY_HTTP_VOLATILE ? ASSAY_SCOPE_NONE : ASSAY_SCOPE_PROGRAM}
/* Records: one object goes to the committer, an array to a worker of the bulk lane; NDJSON and
 * tables are streamed to one. */
#define RECORDS(n, p, a) \
    {.name = n, .method = ASSAY_HTTP_POST, .pattern = p, .kind = ASSAY_HTTP_ASYNC, .lane = ASSAY_HTTP_LANE_BULK, \
     .handler = assay_post_records, .access = a, .params = record_params, .accepts = record_json, .max_body = RECORD_BODY_MAX, .flags = ASSAY_HTTP_GZIP_BODY}, \
    {.name = n "_bulk", .method = ASSAY_HTTP_POST, .pattern = p, .kind = ASSAY_HTTP_STREAM, .lane = ASSAY_HTTP_LANE_BULK, \
     .handler = assay_post_records_bulk, .access = a, .accepts = rows, .params = row_params, .body_ms = STREAM_MS, \
     .flags = ASSAY_HTTP_GZIP_BODY}
/* The registry in bulk: a change that is sent as a file. */
#define PROVIDERS(n, types, bytes) \
    {.name = n, .method = ASSAY_HTTP_POST, .pattern = "/v1/providers", .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_WRITE, \
     .handler = assay_post_providers, .access = REGISTRY, .accepts = types, .max_body = bytes, .flags = ASSAY_HTTP_GZIP_BODY}

static const struct assay_http_route routes[] = {
    RECORDS("post_repair_events", "/v1/repair-events", SENDERS(PROVIDER | CCC | LOGISTICS)),
    RECORDS("post_ccc_dispatches", "/v1/ccc-dispatches", SENDERS(CCC)),
    RECORDS("post_survey_responses", "/v1/survey-responses", SENDERS(CCC)),
    RECORDS("post_observations", "/v1/observations", SENDERS(PROVIDER | CCC)),
    TABLE("list_uploads", "/v1/uploads", assay_get_uploads, upload_params, OWN_UPLOADS),
    READ("get_upload", "/v1/uploads/{upload}", assay_get_upload, NULL, OWN_UPLOADS),
    /* Not behind uploads whose clients take their time. */
    {.name = "post_revert", .method = ASSAY_HTTP_POST, .pattern = "/v1/uploads/{upload}/revert", .kind = ASSAY_HTTP_WORKER,
     .lane = ASSAY_HTTP_LANE_WRITE, .handler = assay_post_revert,
     .access = SENDERS(PROVIDER | CCC | LOGISTICS)},
    {.name = "get_rejected", .method = ASSAY_HTTP_GET, .pattern = "/v1/uploads/{upload}/rejected", .kind = ASSAY_HTTP_WORKER,
     .lane = ASSAY_HTTP_LANE_READ, .handler = assay_get_rejected, .access = OWN_UPLOADS, .params = page_params, .produces = rejected_types},
    {.name = "list_changes", .method = ASSAY_HTTP_GET, .pattern = "/v1/changes", .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_FEED,
     .handler = assay_get_changes, .access = OWN_PARAM, .params = change_params},
    HELD("get_template", "/v1/templates/{template}", assay_get_template, lang_param, FORMS),

    /* Not HELD: a table of the whole registry is long. */
    KEPT_TABLE("list_providers", "/v1/providers", assay_get_providers, page_params, CONFIG, NETWORK),
    PROVIDERS("post_providers", json, DOCUMENT_BODY_MAX),
    PROVIDERS("post_providers_bulk", rows, PROVIDERS_BODY_MAX),
    HELD("get_provider", "/v1/providers/{provider}", assay_get_provider, NULL, OWN_PATH),
    HELD("list_provider_versions", "/v1/providers/{provider}/versions", assay_get_provider_versions, NULL, OWN_PATH),
    CHANGE("put_provider", ASSAY_HTTP_PUT, "/v1/providers/{provider}", assay_put_provider, json, DOCUMENT_BODY_MAX, REGISTRY),
    HELD_TABLE("list_calendars", "/v1/calendars", assay_get_documents, NULL, PUBLISHED),
    HELD("get_calendar", "/v1/calendars/{code}", assay_get_document, NULL, PUBLISHED),
    HELD("list_calendar_versions", "/v1/calendars/{code}/versions", assay_get_versions, NULL, PUBLISHED),
    HELD("get_calendar_version", "/v1/calendars/{code}/versions/{version}", assay_get_version, NULL, PUBLISHED),
    CHANGE("put_calendar", ASSAY_HTTP_PUT, "/v1/calendars/{code}", assay_put_document, json, DOCUMENT_BODY_MAX, REGISTRY),
    HELD_TABLE("list_rates", "/v1/rates", assay_get_documents, NULL, PUBLISHED),
    HELD("get_rates", "/v1/rates/{code}", assay_get_document, NULL, PUBLISHED),
    HELD("list_rates_versions", "/v1/rates/{code}/versions", assay_get_versions, NULL, PUBLISHED),
    HELD("get_rates_version", "/v1/rates/{code}/versions/{version}", assay_get_version, NULL, PUBLISHED),
    CHANGE("put_rates", ASSAY_HTTP_PUT, "/v1/rates/{code}", assay_put_document, json, DOCUMENT_BODY_MAX, REGISTRY),
    HELD_TABLE("list_schemes", "/v1/schemes", assay_get_documents, NULL, PUBLISHED),
    HELD("get_scheme", "/v1/schemes/{code}", assay_get_document, NULL, PUBLISHED),
    CHANGE("put_scheme", ASSAY_HTTP_PUT, "/v1/schemes/{code}", assay_put_document, json, DOCUMENT_BODY_MAX, REGISTRY),
    HELD("list_scheme_versions", "/v1/schemes/{code}/versions", assay_get_versions, NULL, PUBLISHED),
    HELD("get_scheme_version", "/v1/schemes/{code}/versions/{version}", assay_get_version, NULL, PUBLISHED),
    HELD("get_schema", "/v1/schemas/{schema}", assay_get_schema, NULL, FORMS),
    READ("list_recomputations", "/v1/recomputations", assay_get_recomputations, page_params, NETWORK),
    READ("get_recomputation", "/v1/recomputations/{recomputation}", assay_get_recomputation, NULL, NETWORK),

    KEPT_TABLE("list_orders", "/v1/providers/{provider}/orders", assay_get_orders, order_params, PROVIDER, OWN_PATH),
    KEPT_TABLE("get_order", "/v1/providers/{provider}/orders/{order}", assay_get_order, scheme_param, PROVIDER, OWN_PATH),
    KEPT("get_verdict", "/v1/providers/{provider}/orders/{order}/verdict", assay_get_verdict, scheme_param, PROVIDER, OWN_PATH),
    KEPT_TABLE("list_observations", "/v1/providers/{provider}/observations", assay_get_observations, observation_params, PROVIDER, OWN_PATH),
    KEPT_TABLE("get_evaluation", "/v1/providers/{provider}/evaluations/{scheme}/{period}", assay_get_evaluation, NULL, NETWORK, OWN_PATH),
    TABLE("list_trend", "/v1/providers/{provider}/evaluations/{scheme}", assay_get_trend, trend_params, OWN_PATH),
    KEPT_TABLE("list_evaluations", "/v1/evaluations/{scheme}/{period}", assay_get_evaluations, rank_params, NETWORK, NETWORK),
    KEPT_TABLE("get_compensation", "/v1/providers/{provider}/compensation/{period}", assay_get_compensation, scheme_param, NETWORK, OWN_PATH),
    KEPT_TABLE("list_compensation_lines", "/v1/providers/{provider}/compensation/{period}/lines", assay_get_compensation_lines, page_scheme_params, NETWORK, OWN_PATH),
    KEPT_TABLE("list_compensation", "/v1/compensation/{period}", assay_get_compensations, pay_params, NETWORK, NETWORK),
    TABLE("get_completeness", "/v1/providers/{provider}/completeness/{period}", assay_get_completeness, scheme_param, OWN_PATH),
    TABLE("list_completeness", "/v1/completeness/{period}", assay_get_completeness_all, complete_params, NETWORK),
    TABLE("list_at_risk", "/v1/orders/at-risk", assay_get_at_risk, risk_params, OWN_PARAM),

    READ("list_keys", "/v1/keys", assay_get_keys, page_params, KEYS),
    CHANGE("post_keys", ASSAY_HTTP_POST, "/v1/keys", assay_post_keys, json, DOCUMENT_BODY_MAX, KEYS),
    READ("get_key", "/v1/keys/{key}", assay_get_key, NULL, KEYS),
    CHANGE("delete_key", ASSAY_HTTP_DELETE, "/v1/keys/{key}", assay_delete_key, NULL, 0, KEYS),
    CHANGE("post_key_rotate", ASSAY_HTTP_POST, "/v1/keys/{key}/rotate", assay_post_key_rotate, json, DOCUMENT_BODY_MAX, KEYS),
    READ("list_audit", "/v1/audit", assay_get_audit, audit_params, REGISTRY),

    OPEN("livez", "/livez", assay_get_livez, ASSAY_HTTP_VOLATILE | ASSAY_HTTP_NO_LOG),
    {.name = "readyz", .method = ASSAY_HTTP_GET, .pattern = "/readyz", .kind = ASSAY_HTTP_WORKER, .lane = ASSAY_HTTP_LANE_READ,
     .handler = assay_get_readyz, .flags = ASSAY_HTTP_VOLATILE | ASSAY_HTTP_NO_LOG},
    {.name = "metrics", .method = ASSAY_HTTP_GET, .pattern = "/metrics", .kind = ASSAY_HTTP_IMMEDIATE, .handler = assay_get_metrics, .access = METERS,
     .flags = ASSAY_HTTP_VOLATILE | ASSAY_HTTP_NO_LOG},
    OPEN("openapi_json", "/openapi.json", assay_get_openapi_json, 0),
    OPEN("openapi_yaml", "/openapi.yaml", assay_get_openapi_yaml, 0),
    OPEN("docs", "/docs", assay_get_docs, 0),
    OPEN("root", "/", assay_get_root, 0),
};
/* clang-format on */

const struct assay_http_route *assay_http_routes(size_t *n) {
    *n = sizeof routes / sizeof *routes;
    return routes;
}
