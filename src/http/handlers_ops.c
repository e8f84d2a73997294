/* handlers_ops.c -- probes, metrics, the contract, the page for people. */
#include "http/app.h"
#include "http/embedded.h"

enum assay_http_flow assay_get_livez(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_buf b = {0};
    assay_json_object(&b, NULL);
    assay_json_text(&b, "status", "alive");
    assay_json_object_end(&b);
    return assay_app_json(r, 200, &b);
}

enum assay_http_flow assay_get_readyz(struct assay_http_request *r, void *worker) {
    struct assay_session *s = worker;
    struct assay_error e = {0};
    const char *reason = NULL;
    if (assay_http_draining(r)) reason = "draining";
    else if (!s || assay_session_ready(s, &e) == ASSAY_DATABASE_UNAVAILABLE) reason = "database_unavailable";
    else if (e.status) reason = assay_status_code(e.status);
    struct assay_buf b = {0};
    assay_json_object(&b, NULL);
    assay_json_text(&b, "status", reason ? "not_ready" : "ready");
    assay_json_array(&b, "reasons");
    if (reason) assay_json_text(&b, NULL, reason);
    assay_json_array_end(&b);
    assay_json_object_end(&b);
    if (reason) assay_http_reply_header(r, "Retry-After", "1");
    return assay_app_json(r, reason ? 503 : 200, &b);
}

enum assay_http_flow assay_get_metrics(struct assay_http_request *r, void *worker) {
    (void)worker;
    const struct assay_app *app = r->app;
    struct assay_buf b = {0};
    assay_metrics_render(app->metrics, &b);
    assay_http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow reply_static(struct assay_http_request *r, const char *type, const char *text) {
    assay_http_reply_body(r, 200, type, assay_http_body_static(assay_str_c(text)));
    return ASSAY_HTTP_DONE;
}

enum assay_http_flow assay_get_openapi_json(struct assay_http_request *r, void *worker) {
    (void)worker;
    return reply_static(r, "application/json", assay_openapi_json);
}

enum assay_http_flow assay_get_openapi_yaml(struct assay_http_request *r, void *worker) {
    (void)worker;
    return reply_static(r, "application/yaml", assay_openapi_yaml);
}

/* The page brings all it needs; the policy names the hashes of its only style and script, made with it. */
enum assay_http_flow assay_get_docs(struct assay_http_request *r, void *worker) {
    (void)worker;
    assay_http_reply_header(r, "Content-Security-Policy", assay_docs_policy);
    return reply_static(r, "text/html; charset=utf-8", assay_docs_page);
}

enum assay_http_flow assay_get_root(struct assay_http_request *r, void *worker) {
    (void)worker;
    assay_http_reply_header(r, "Content-Security-Policy", assay_root_policy);
    return reply_static(r, "text/html; charset=utf-8", assay_root_page);
}
