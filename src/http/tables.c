/* tables.c -- which replies are tables, and their columns: one row for each route that offers text/csv. The names are those
 * of the JSON members, so that a column is the member of that path. */
#include "http/app.h"

/* clang-format off */
#define ORDER_COLUMNS "provider", "order", "state", "channel", "product", "customer_class", "warranty", "opened_at", "closed_at", "outcome", "reason"
#define ORDERS_COLUMNS "orders.closed", "orders.counted", "orders.compliant", "orders.missed", "orders.exempt", "orders.undetermined", "orders.open"
static const char *const orders[] = {ORDER_COLUMNS, "deadline", "verdict", NULL};
static const char *const at_risk[] = {ORDER_COLUMNS, "clock", "deadline", "verdict", NULL};
/* Every member that a record of some type has (include/assay/record.h). */
static const char *const records[] = {
    "kind", "type", "id", "provider", "order", "at", "channel", "product", "customer_class", "serial", "warranty", "reported_at",
    "request", "line", "part_no", "replaces", "local", "courier", "warehouse", "mark", "reason", "note", "outcome",
    "target", "target_kind", "answer", "source", "responsibility", "overall", "attitude", "recommend", "parts",
    "indicator", "numerator", "denominator", "value", "rater", "party", "received_at", "upload", "seq", "voided", NULL};
static const char *const evaluations[] = {
    "provider", "scheme", "scheme_version", "period", "window.from", "window.to", "status", "rank", "ranked", "score", "max", "ratio",
    "grade", ORDERS_COLUMNS, "compensation.amount", "compensation.currency", "last_record_at", "indicators.*", "assumptions", NULL};
static const char *const indicators[] = {
    "/provider", "/scheme", "/scheme_version", "/period", "/status", "code", "numerator", "denominator", "value", "score", "max",
    "rated", NULL};
static const char *const compensations[] = {
    "provider", "scheme", "period", "status", "lines", "no_rate_lines", "base.amount", "base.currency", "multiplier",
    "adjustments.amount", "adjustments.currency", "total.amount", "total.currency", "assumptions", NULL};
static const char *const lines[] = {
    "order", "product", "warranty", "rate.amount", "rate.currency", "multiplier", "amount.amount", "amount.currency", "status",
    "verdict", NULL};
static const char *const completeness[] = {
    "provider", "scheme", "period", "complete", "findings", "missing.period_running", "missing.no_records", "missing.never_opened",
    "missing.closed_without_opening", "missing.missing_open", "missing.request_before_open", "missing.close_before_start",
    "missing.missing_shipment", "missing.orphan_records", "missing.surveys_of_unknown_orders", "missing.silent_days",
    "orders.dispatched", "orders.opened", "orders.closed", "orders.cancelled", "orders.open",
    "records.repair.count", "records.repair.last_received_at", "records.shipment.count", "records.shipment.last_received_at",
    "records.dispatch.count", "records.dispatch.last_received_at", "records.survey.count", "records.survey.last_received_at",
    "records.observation.count", "records.observation.last_received_at", "last_record_at", "last_upload", NULL};
static const char *const uploads[] = {
    "upload", "kind", "status", "atomic", "party", "content_type", "bytes", "received_at", "finished_at", "request_id", "received",
    "accepted", "duplicates", "rejected", "reverted_by", "self", "rejected_rows", NULL};
static const char *const observations[] = {
    "id", "provider", "indicator", "at", "numerator", "denominator", "value", "rater", "party", "received_at", "upload", "seq", "voided",
    NULL};
static const char *const providers[] = {"code", "name", "city", "ascim", "status", "effective_from", "versions", NULL};
static const char *const documents[] = {"code", "version", "recorded_at", "href", NULL};

static const struct {
    const char *route, *file;
    struct assay_table table;
} tables[] = {
    {"list_providers", "providers", {"items", providers}},
    {"list_calendars", "calendars", {"items", documents}},
    {"list_rates", "rates", {"items", documents}},
    {"list_schemes", "schemes", {"items", documents}},
    {"list_orders", "orders", {"items", orders}},
    {"get_order", "records", {"records", records}},
    {"list_uploads", "uploads", {"items", uploads}},
    {"list_observations", "observations", {"items", observations}},
    {"list_at_risk", "at-risk", {"items", at_risk}},
    {"get_evaluation", "evaluation", {"indicators", indicators}},
    {"list_trend", "trend", {"items", evaluations}},
    {"list_evaluations", "evaluations", {"items", evaluations}},
    {"get_compensation", "compensation", {NULL, compensations}},
    {"list_compensation_lines", "lines", {"items", lines}},
    {"list_compensation", "compensation", {"items", compensations}},
    {"get_completeness", "completeness", {NULL, completeness}},
    {"list_completeness", "completeness", {"items", completeness}},
};
/* clang-format on */

const struct assay_table *assay_app_table(const struct assay_http_route *route, const char **file) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (strcmp(tables[i].route, route->name) != 0) continue;
        *file = tables[i].file;
        return &tables[i].table;
    }
    return NULL;
}

bool assay_app_wants_table(const struct assay_http_request *r) {
    return r->produce >= 0 && !strcmp(r->route->produces[r->produce], ASSAY_TABLE_TYPE);
}

/* attachment; filename="orders-P001.csv": the route's word and what its path names. */
static void name_file(struct assay_http_request *r, const char *file) {
    struct assay_buf b = {0};
    assay_buf_printf(&b, "attachment; filename=\"%s", file);
    for (size_t i = 0; i < ASSAY_HTTP_VARS_MAX && r->vars[i].n; i++) {
        assay_buf_addc(&b, '-');
        for (size_t k = 0; k < r->vars[i].n; k++) {
            unsigned char c = (unsigned char)r->vars[i].p[k];
            bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("._-", c);
            assay_buf_addc(&b, plain ? (char)c : '_');
        }
    }
    assay_buf_adds(&b, ".csv\"");
    assay_http_reply_header(r, "Content-Disposition", b.p);
    assay_buf_free(&b);
}

enum assay_http_flow assay_app_table_reply(struct assay_http_request *r, struct assay_buf *json) {
    const char *file = "";
    const struct assay_table *table = assay_app_table(r->route, &file);
    struct assay_buf csv = {0};
    assay_table_write(table, assay_buf_str(json), &csv);
    assay_buf_free(json);
    name_file(r, file);
    assay_http_reply(r, 200, ASSAY_TABLE_TYPE "; charset=utf-8", &csv);
    return ASSAY_HTTP_DONE;
}
