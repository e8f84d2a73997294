/* problem.c -- what is said when something goes wrong: RFC 9457 documents, and the one table from codes to HTTP. */
#include <stdio.h>

#include "internal.h"

#include "assay/codec.h"

struct problem_row {
    short http;
    short retry_seconds; /* Retry-After; 0: none */
};

/* clang-format off */
#define PROBLEMS(X) \
    X(INVALID_JSON, 400, 0) X(INVALID_UTF8, 400, 0) X(DUPLICATE_KEY, 400, 0) X(TOO_DEEP, 400, 0) X(NUL_CHARACTER, 400, 0) \
    X(INVALID_CSV, 422, 0) X(RAGGED_ROW, 422, 0) X(INVALID_GZIP, 400, 0) \
    X(EMPTY_BODY, 400, 0) X(UNKNOWN_PARAMETER, 400, 0) X(INVALID_PARAMETER, 400, 0) X(INVALID_CURSOR, 400, 0) \
    X(CURSOR_EXPIRED, 410, 0) X(BAD_REQUEST, 400, 0) \
    X(UNAUTHORIZED, 401, 0) X(FORBIDDEN, 403, 0) X(NOT_FOUND, 404, 0) X(METHOD_NOT_ALLOWED, 405, 0) X(NOT_ACCEPTABLE, 406, 0) \
    X(ID_CONFLICT, 409, 0) X(PRECONDITION_FAILED, 412, 0) X(PRECONDITION_REQUIRED, 428, 0) X(TOO_LARGE, 413, 0) \
    X(URI_TOO_LONG, 414, 0) X(HEADERS_TOO_LARGE, 431, 0) X(UNSUPPORTED_MEDIA_TYPE, 415, 0) X(REQUEST_TIMEOUT, 408, 0) \
    X(VALIDATION_FAILED, 422, 0) X(UNKNOWN_FIELD, 422, 0) X(MISSING_FIELD, 422, 0) X(WRONG_TYPE, 422, 0) \
    X(INVALID_VALUE, 422, 0) \
    X(OUT_OF_RANGE, 422, 0) X(TOO_LONG, 422, 0) X(INVALID_TIME, 422, 0) X(MISSING_OFFSET, 422, 0) X(AMBIGUOUS_TIME, 422, 0) \
    X(REPEATED_COLUMN, 422, 0) X(ATTRIBUTE_CONFLICT, 422, 0) X(FUTURE_TIME, 422, 0) \
    X(UNKNOWN_PROVIDER, 422, 0) X(SENDER_NOT_ALLOWED, 403, 0) X(ORDER_FULL, 422, 0) X(ORDER_CLOSED, 409, 0) \
    X(KEY_ENDED, 409, 0) X(UPLOAD_REFUSED, 422, 0) X(UPLOAD_RUNNING, 409, 5) \
    X(RATE_LIMITED, 429, 1) X(OVERLOADED, 503, 1) X(RECOMPUTATION_BUSY, 503, 5) X(RECOMPUTATION_FAILED, 422, 0) X(DRAINING, 503, 5) \
    X(DATABASE_UNAVAILABLE, 503, 5) X(DATABASE, 500, 0) X(RETRY, 503, 1) \
    X(IO, 500, 0) X(CONFIG, 500, 0) X(OVERFLOW, 422, 0) X(INTERNAL, 500, 0)
/* clang-format on */

static const struct problem_row problems[] = {[ASSAY_OK] = {200, 0},
#define X(name, http, retry) [ASSAY_##name] = {http, retry},
                                              PROBLEMS(X)
#undef X
};
/* A code without a row, or one named twice, does not compile. */
#define X(name, http, retry) +1
_Static_assert(1 PROBLEMS(X) == ASSAY_STATUS_COUNT, "an HTTP status for each code");
#undef X
_Static_assert(sizeof problems / sizeof *problems == ASSAY_STATUS_COUNT, "an HTTP status for each code");

int assay_http_status(enum assay_status s) { return (unsigned)s < ASSAY_STATUS_COUNT ? problems[s].http : 500; }

int assay_http_retry_seconds(enum assay_status s) { return (unsigned)s < ASSAY_STATUS_COUNT ? problems[s].retry_seconds : 0; }

const char *assay_http_reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } rows[] = {{200, "OK"},
                {201, "Created"},
                {202, "Accepted"},
                {204, "No Content"},
                {304, "Not Modified"},
                {400, "Bad Request"},
                {401, "Unauthorized"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {406, "Not Acceptable"},
                {408, "Request Timeout"},
                {409, "Conflict"},
                {410, "Gone"},
                {412, "Precondition Failed"},
                {413, "Content Too Large"},
                {414, "URI Too Long"},
                {415, "Unsupported Media Type"},
                {422, "Unprocessable Content"},
                {428, "Precondition Required"},
                {429, "Too Many Requests"},
                {431, "Request Header Fields Too Large"},
                {500, "Internal Server Error"},
                {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status) return rows[i].reason;
    return "Unknown";
}

/* --- documents ---------------------------------------------------------------------------------------------------- */
static const char *title_of(enum assay_status s, bool zh) { return zh ? assay_status_title_zh(s) : assay_status_title(s); }

/* A field is a JSON pointer, or the name of a parameter. */
static void write_error(const struct assay_error *e, bool zh, struct assay_buf *b) {
    assay_json_object(b, NULL);
    if (e->field[0] == '/') assay_json_text(b, "pointer", e->field);
    else if (e->field[0]) assay_json_text(b, "parameter", e->field);
    if (e->line) assay_json_int(b, "line", e->line);
    if (e->column) assay_json_int(b, "column", e->column);
    assay_json_text(b, "code", assay_status_code(e->status));
    assay_json_text(b, "detail", e->detail[0] ? e->detail : title_of(e->status, zh));
    assay_json_object_end(b);
}

static void write_line_error(const struct assay_upload_error *x, bool zh, struct assay_buf *b) {
    assay_json_object(b, NULL);
    assay_json_int(b, "line", (int64_t)x->line);
    if (x->column) assay_json_int(b, "column", x->column);
    assay_json_text(b, "code", assay_status_code(x->status));
    assay_json_text(b, "detail", x->detail && *x->detail ? x->detail : title_of(x->status, zh));
    assay_json_text(b, "pointer", x->pointer ? x->pointer : "");
    assay_json_object_end(b);
}

static void write_detail(const struct assay_http_problem *p, struct assay_buf *b) {
    if (p->detail.n > 0) {
        assay_json_str(b, "detail", p->detail);
        return;
    }
    if (!p->n_lines && (!p->errors || p->errors->n == 0)) {
        assay_json_text(b, "detail", title_of(p->status, p->zh));
        return;
    }
    char text[96];
    size_t kept = p->n_lines ? p->n_lines : assay_errors_kept(p->errors), n = p->n_lines ? p->total_lines : p->errors->n;
    if (kept < n)
        snprintf(text, sizeof text, p->zh ? "共 %zu 个错误，列出前 %zu 个" : "%zu errors, of which the first %zu are listed", n,
                 kept);
    else snprintf(text, sizeof text, p->zh ? "共 %zu 个错误" : n == 1 ? "%zu error" : "%zu errors", n);
    assay_json_text(b, "detail", text);
}

void assay_http_problem_write(const struct assay_http_problem *p, struct assay_buf *b) {
    char type[96];
    snprintf(type, sizeof type, "urn:assay:problem:%s", assay_status_code(p->status));
    assay_json_object(b, NULL);
    assay_json_text(b, "type", type);
    assay_json_text(b, "title", title_of(p->status, p->zh));
    assay_json_int(b, "status", assay_http_status(p->status));
    write_detail(p, b);
    assay_json_str(b, "instance", p->instance);
    assay_json_text(b, "code", assay_status_code(p->status));
    assay_json_str(b, "request_id", p->request_id);
    if (p->member) assay_json_str(b, p->member, p->value);
    if (p->errors_json.p) {
        assay_json_raw(b, "errors", p->errors_json);
        assay_json_object_end(b);
        return;
    }
    assay_json_array(b, "errors");
    for (size_t i = 0; i < p->n_lines; i++) write_line_error(&p->lines[i], p->zh, b);
    for (size_t i = 0; p->errors && i < assay_errors_kept(p->errors); i++) write_error(&p->errors->items[i], p->zh, b);
    if (!p->errors && p->error && p->error->field[0]) write_error(p->error, p->zh, b);
    assay_json_array_end(b);
    assay_json_object_end(b);
}

/* --- as replies --------------------------------------------------------------------------------------------------- */
static void reply(struct assay_http_request *r, struct assay_http_problem *p) {
    struct assay_buf b = {0};
    p->instance = r->path;
    p->request_id = r->id;
    p->zh = assay_http_wants_zh(r->headers.accept_language);
    assay_http_problem_write(p, &b);
    assay_http_reply(r, assay_http_status(p->status), "application/problem+json", &b);
    struct assay_http_reply *out = &exchange_of(r)->reply;
    out->problem = p->status;
    out->language = p->zh ? "zh-CN" : "en";
}

void assay_http_reply_problem(struct assay_http_request *r, enum assay_status status, const struct assay_error *e) {
    reply(r, &(struct assay_http_problem){.status = status, .detail = e ? assay_str_c(e->detail) : ASSAY_STR_NONE, .error = e});
}

void assay_http_reply_problems(struct assay_http_request *r, enum assay_status status, const struct assay_errors *es) {
    reply(r, &(struct assay_http_problem){.status = status, .errors = es});
}

void assay_http_reply_problem_list(struct assay_http_request *r, enum assay_status status, struct assay_str detail,
                                   struct assay_str errors, const char *member, struct assay_str value) {
    reply(r, &(struct assay_http_problem){
                 .status = status, .detail = detail, .errors_json = errors, .member = member, .value = value});
}

void assay_http_reply_problem_lines(struct assay_http_request *r, enum assay_status status,
                                    const struct assay_upload_error *lines, size_t n, size_t total) {
    reply(r, &(struct assay_http_problem){.status = status, .lines = lines, .n_lines = n, .total_lines = total});
}

/* --- over the wire ------------------------------------------------------------------------------------------------ */
void assay_http_wire_problem(const struct assay_http_wire *w, struct assay_buf *out) {
    struct assay_buf b = {0};
    enum assay_status s = w->status;
    assay_http_problem_write(&(struct assay_http_problem){.status = s, .instance = w->path, .request_id = w->id}, &b);
    int http = assay_http_status(s);
    assay_buf_printf(
        out, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nContent-Language: en\r\nContent-Length: %zu\r\n", http,
        assay_http_reason(http), b.n);
    assay_buf_adds(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: " SAFE_REFERRER
                        "\r\nContent-Security-Policy: " SAFE_POLICY "\r\nConnection: close\r\n");
    if (w->site->c.tls) assay_buf_adds(out, "Strict-Transport-Security: " SAFE_TRANSPORT "\r\n");
    if (w->id.p) assay_buf_printf(out, "X-Request-Id: %.*s\r\n", ASSAY_STR_ARG(w->id));
    if (w->site->c.origins) assay_buf_adds(out, "Vary: Origin\r\n");
    if (w->origin)
        assay_buf_printf(out, "Access-Control-Allow-Origin: %s\r\nAccess-Control-Expose-Headers: " CORS_EXPOSED "\r\n",
                         w->origin);
    if (assay_http_retry_seconds(s) > 0) assay_buf_printf(out, "Retry-After: %d\r\n", assay_http_retry_seconds(s));
    assay_buf_adds(out, "\r\n");
    if (!w->head) assay_buf_add(out, b.p, b.n);
    assay_buf_free(&b);
}

void assay_http_wire_reply(const struct assay_http_exchange *x, struct assay_buf *out) {
    const struct assay_http_reply *reply_ = &x->reply;
    assay_buf_printf(out, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nConnection: close\r\n", reply_->status,
                     assay_http_reason(reply_->status), reply_->bytes.n);
    for (const struct assay_http_header *h = reply_->headers; h; h = h->next)
        assay_buf_printf(out, "%s: %s\r\n", h->name, h->value);
    assay_buf_adds(out, "\r\n");
    if (x->pub.method != ASSAY_HTTP_HEAD) assay_buf_add(out, reply_->bytes.p, reply_->bytes.n);
}
