/* fuzz_request.c -- any bytes as a request without a socket: the target (path, query, cursors), header fields (keys, entity
 * tags, negotiation, CORS) and a body, through the same stages as on one. The first line is method and target, then come
 * fields to an empty line, then the body.
 *
 * Whatever comes, the reply is one that the program documents, its head cannot be split by what the request said, what is
 * refused is told by a problem document, nothing behind a key is done without it, and a walk goes on from its own cursor. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "assay/codec.h"
#include "assay/json_view.h"
#include "http/app.h"
#include "service/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "0123456789abcdef0123456789abcdef"
#define PROVIDERS 40
#define FIELDS 24
#define SEPARATOR '\x1f' /* between a cursor's fields, as in app.c */

static void must(bool holds) {
    if (!holds) abort();
}

static struct assay_config_provider providers[PROVIDERS];
static const struct assay_config network = {.n_providers = PROVIDERS, .providers = providers, .max_id = 3 * PROVIDERS};
static bool reached;

/* One page of a walk: what is given, with its cursor, is not given again. */
static enum assay_http_flow walk(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_errors es = {0};
    struct assay_walk w;
    struct assay_buf b = {0}, next = {0};
    int limit = assay_app_limit(r, &es), given = 0;
    assay_instant from, to;
    assay_app_range(r, &from, &to, &es);
    reached = true;
    must(r->principal_id.n > 0);
    if (!assay_walk_begin(r, &network, &w)) assay_errors_add(&es, ASSAY_INVALID_CURSOR, "cursor", "not a cursor of this list");
    if (es.n) return assay_app_fail_all(r, es.items[0].status, &es, NULL);
    assay_list_begin(&b);
    for (size_t i = 0; i < PROVIDERS && given < limit; i++) {
        if (assay_walk_given(&w, providers[i].id)) continue;
        assay_json_str(&b, NULL, providers[i].code);
        assay_walk_give(&w, &providers[i]);
        must(assay_walk_given(&w, providers[i].id));
        given++;
    }
    assay_walk_cursor(&w, &next);
    assay_list_end(&b, assay_buf_str(&next));
    assay_app_link_next(r, assay_buf_str(&next));
    assay_buf_free(&next);
    assay_http_reply(r, 200, "application/json", &b);
    return ASSAY_HTTP_DONE;
}

/* What a handler may ask of the head: whatever was sent, the answer is one that its header promises. */
static void ask_head(const struct assay_http_request *r) {
    struct assay_errors es = {0};
    bool deep = false;
    enum assay_status s = assay_http_if_match(r, "7"), none = assay_http_if_match(r, NULL);
    must(s == ASSAY_OK || s == ASSAY_PRECONDITION_REQUIRED || s == ASSAY_PRECONDITION_FAILED);
    must(none != ASSAY_OK && (none == ASSAY_PRECONDITION_REQUIRED) == !r->headers.if_match.p &&
         (s == ASSAY_PRECONDITION_REQUIRED) == !r->headers.if_match.p);
    must(!assay_http_if_none_match(r, "7") || r->headers.if_none_match.p);
    must(!assay_http_no_cache(r) || r->headers.cache_control.p);
    int64_t wait = assay_http_prefer_wait(r, -7);
    must(wait >= 0 || wait == -7);
    must(wait == -7 || r->headers.prefer.p);
    assay_http_param_bool(r, "deep", &deep, &es);
    must(es.n == 0 || !deep);
    (void)assay_http_media_param(r, "charset");
    (void)assay_http_prefers_zh(r);
    (void)assay_http_accepts(r, "text/csv");
}

/* A check sum keeps guesses out of a cursor's fields, so they come from the path as well, sealed as the server does. */
static void cursor_there_and_back(const struct assay_http_request *r, struct assay_str what) {
    struct assay_str in[2] = {{what.p, what.n / 2}, {what.p + what.n / 2, what.n - what.n / 2}}, out[2] = {{0}};
    struct assay_buf b = {0};
    assay_cursor_write('o', in, 2, &b);
    must(!assay_cursor_read('p', assay_buf_str(&b), r->arena, out, 2)); /* of another list */
    must(assay_cursor_read('o', assay_buf_str(&b), r->arena, out, 2));
    must(memchr(what.p, SEPARATOR, what.n) || (assay_str_eq(in[0], out[0]) && assay_str_eq(in[1], out[1])));
    assay_instant t = assay_cursor_to_instant(out[0], r->arena);
    must(assay_cursor_to_instant(assay_cursor_instant(r->arena, t), r->arena) == t);
    b.p[b.n - 1] = b.p[b.n - 1] == '0' ? '1' : '0';
    must(!assay_cursor_read('o', assay_buf_str(&b), r->arena, out, 2)); /* changed */
    assay_buf_free(&b);
}

/* A list with two fields in its cursor, and what a variable says. */
static enum assay_http_flow list(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_str fields[2] = {{0}}, cursor = assay_http_param(r, "cursor");
    ask_head(r);
    cursor_there_and_back(r, r->vars[0]);
    struct assay_buf b = {0}, again = {0};
    reached = true;
    assay_json_object(&b, NULL);
    assay_json_str(&b, "what", r->vars[0]);
    if (cursor.p && assay_cursor_read('o', cursor, r->arena, fields, 2)) {
        assay_instant t = assay_cursor_to_instant(fields[0], r->arena);
        if (t != ASSAY_NO_INSTANT) assay_json_instant(&b, "at", t);
        assay_cursor_write('o', fields, 2, &again); /* what was read writes itself */
        must(assay_str_eq(assay_buf_str(&again), cursor));
    }
    assay_buf_free(&again);
    assay_json_object_end(&b);
    assay_http_reply_etag(r, "7");
    assay_http_reply(r, 200, "application/json", &b);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow take(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_buf b = {0};
    reached = true;
    ask_head(r);
    must((r->media >= 0 || r->body.n == 0) && r->body.n <= 4096);
    assay_json_object(&b, NULL);
    assay_json_int(&b, "bytes", (int64_t)r->body.n);
    assay_json_object_end(&b);
    assay_http_reply(r, 201, "application/json", &b);
    return ASSAY_HTTP_DONE;
}

static const char *const walk_params[] = {"limit", "cursor", "from", "to", NULL}, *const list_params[] = {"cursor", "deep", NULL},
                         *const produces[] = {"application/json", "text/csv", NULL},
                         *const accepts[] = {"application/json", "application/cloudevents+json", NULL};
static const struct assay_http_route routes[] = {
    {.name = "walk",
     .method = ASSAY_HTTP_GET,
     .pattern = "/v1/walk",
     .handler = walk,
     .access = ASSAY_MAY(ADMIN),
     .params = walk_params},
    {.name = "list",
     .method = ASSAY_HTTP_GET,
     .pattern = "/v1/{what}/list",
     .handler = list,
     .params = list_params,
     .produces = produces},
    {.name = "take",
     .method = ASSAY_HTTP_POST,
     .pattern = "/v1/take",
     .kind = ASSAY_HTTP_WORKER,
     .handler = take,
     .access = ASSAY_MAY(ADMIN),
     .accepts = accepts,
     .max_body = 4096,
     .flags = ASSAY_HTTP_GZIP_BODY},
};

static void configure(struct assay_http_config *c, struct assay_app *app, const char **origins) {
    static char codes[PROVIDERS][8];
    static struct assay_service service = {.options.now = assay_clock_now}; /* that knows no key of a database */
    if (!service.keys) service.keys = assay_keys_new();
    *app = (struct assay_app){.admin_key = KEY, .service = &service};
    origins[0] = "https://portal.example";
    origins[1] = NULL;
    for (int i = 0; i < PROVIDERS; i++) {
        snprintf(codes[i], sizeof codes[i], "P%03d", i);
        providers[i].code = assay_str_c(codes[i]);
        providers[i].id = 1 + 3 * i;
    }
    assay_http_config_init(c);
    c->routes = routes;
    c->n_routes = sizeof routes / sizeof *routes;
    c->origins = origins;
    c->app = app;
    c->authorize = assay_app_authorize;
}

/* "name: value" lines with nothing in them that ends a line or a head. */
static void check_head(struct assay_str head) {
    size_t begin = 0, colon = 0;
    for (size_t i = 0; i < head.n; i++) {
        unsigned char c = (unsigned char)head.p[i];
        if (c == ':' && colon == 0) colon = i;
        if (c == '\r') {
            must(i + 1 < head.n && head.p[i + 1] == '\n' && colon > begin);
            begin = ++i + 1;
            colon = 0;
        } else {
            must(c >= 0x20 && c != 0x7F);
        }
    }
    must(begin == head.n);
}

/* The body as it was before its Content-Encoding: a long problem document goes out as gzip to who takes that. */
static void plain_body(const struct assay_http_result *r, struct assay_buf *out) {
    bool gzip = r->head.n > 0 && strstr(r->head.p, "Content-Encoding: gzip\r\n");
    if (!gzip) {
        assay_buf_add(out, r->body.p, r->body.n);
        return;
    }
    z_stream z = {.next_in = (Bytef *)r->body.p, .avail_in = (uInt)r->body.n};
    assay_buf_reserve(out, 1 << 20);
    z.next_out = (Bytef *)out->p;
    z.avail_out = 1 << 20;
    must(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0);
    out->n = (1 << 20) - z.avail_out;
    inflateEnd(&z);
}

static void check_reply(const struct assay_http_result *r, bool head) {
    static const int known[] = {200, 201, 204, 304, 400, 401, 404, 405, 406, 412, 413, 414, 415, 422, 428, 431, 501};
    struct assay_json_doc *d = NULL;
    struct assay_error e;
    bool documented = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) documented = documented || r->status == known[i];
    must(documented);
    check_head(assay_buf_str(&r->head));
    must((r->status != 304 && r->status != 204) || r->body.n == 0);
    if (r->status < 400 || head) return;
    struct assay_buf plain = {0};
    plain_body(r, &plain);
    must(assay_json_load(assay_buf_str(&plain), &d, &e) == ASSAY_OK);
    must(assay_json_string(assay_json_member(assay_json_root(d), "code")).n > 0);
    assay_json_free(d);
    assay_buf_free(&plain);
}

/* The line at *at, ended by a NUL in place of its LF. */
static char *line_of(char **at) {
    char *line = *at, *end = strchr(line, '\n');
    *at = end ? end + 1 : line + strlen(line);
    if (end) *end = '\0';
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assay_http_config c;
    struct assay_app app;
    const char *origins[2];
    struct assay_http_field fields[FIELDS + 1] = {{NULL, NULL}};
    struct assay_http_result first, second;
    size_t n = 0;
    bool key = false;
    if (size > 8192 || memchr(data, '\0', size)) return 0; /* the head is C strings: a NUL in it never comes so far */
    char *text = assay_xmalloc(size + 1), *at = text;
    memcpy(text, data, size);
    text[size] = '\0';
    configure(&c, &app, origins);
    char *method = line_of(&at), *target = strchr(method, ' ');
    if (target) *target++ = '\0';
    for (char *line; *at && *(line = line_of(&at));) {
        char *value = strchr(line, ':');
        if (!value || n == FIELDS) continue;
        *value++ = '\0';
        value += strspn(value, " ");
        fields[n++] = (struct assay_http_field){line, value};
        key = key || strstr(value, KEY);
    }
    struct assay_http_call call = {
        .method = method, .target = target ? target : "", .headers = fields, .body = assay_str_c(at), .received_at = 1};
    reached = false;
    assay_http_call(&c, &call, NULL, &first);
    check_reply(&first, !strcmp(method, "HEAD"));
    /* Only the list is open. */
    must(!reached || key || strstr(call.target, "list"));
    assay_http_call(&c, &call, NULL, &second);
    must(first.status == second.status);
    assay_http_result_free(&first);
    assay_http_result_free(&second);
    free(text);
    return 0;
}
