/* test_forms.c -- records in every form the world sends them in, through the handlers over a real database: whatever the
 * form, what is stored is the same; what is refused comes back as a file that can be mended and sent again; templates are
 * uploads. */
#include <iconv.h>
#include <jansson.h>
#include <zlib.h>

#include "check_main.h"
#include "http/app.h"
#include "pg.h"
#include "test_random.h"

static struct {
    char conninfo[TEST_PG_CONNINFO];
    struct assay_session *session;
    struct assay_app app;
    struct assay_http_config config;
} program;

static assay_instant story_clock(void) { return INT64_C(1000000000) * ASSAY_SECOND; } /* September 2001 */

static void start(void) {
    struct assay_error e = {0};
    struct assay_db *db;
    int applied;
    test_pg_database(program.conninfo);
    ck_assert_msg(assay_db_open(program.conninfo, 20000, &db, &e) == ASSAY_OK, "%s", e.detail);
    ck_assert_msg(assay_store_migrate(db, story_clock(), &applied, &e) == ASSAY_OK, "%s", e.detail);
    assay_db_close(db);
    struct assay_service_options o = {.conninfo = program.conninfo, .now = story_clock};
    ck_assert_msg(assay_service_start(&o, &program.app.service, &e) == ASSAY_OK, "%s", e.detail);
    ck_assert_msg(assay_session_open(program.app.service, &program.session, &e) == ASSAY_OK, "%s", e.detail);
    program.app.max_line = 65536;
    program.app.inflated_bytes = 64 << 20;
    assay_http_config_init(&program.config);
    program.config.routes = assay_http_routes(&program.config.n_routes);
    program.config.app = &program.app;
    program.config.authorize = assay_app_authorize;
}

static void stop(void) {
    assay_session_close(program.session);
    assay_service_stop(program.app.service);
    test_pg_drop(program.conninfo);
}

/* --- requests ------------------------------------------------------------------------------------------------------------- */

static struct assay_http_result reply;

static struct assay_str gzipped(struct assay_str s, struct assay_buf *out) {
    z_stream z = {0};
    ck_assert(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    assay_buf_reserve(out, deflateBound(&z, s.n) + 32);
    z.next_in = (Bytef *)(uintptr_t)s.p, z.avail_in = (uInt)s.n;
    z.next_out = (Bytef *)out->p + out->n, z.avail_out = (uInt)(out->cap - out->n);
    ck_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->n += z.total_out;
    deflateEnd(&z);
    return assay_buf_str(out);
}

/* encoding, accept, language: NULL where not said. */
static int ask(const char *method, const char *target, const char *type, const char *encoding, const char *accept,
               struct assay_str body) {
    struct assay_http_field headers[4];
    size_t n = 0;
    if (type) headers[n++] = (struct assay_http_field){"Content-Type", type};
    if (encoding) headers[n++] = (struct assay_http_field){"Content-Encoding", encoding};
    if (accept) headers[n++] = (struct assay_http_field){accept[0] == 'z' ? "Accept-Language" : "Accept", accept};
    headers[n] = (struct assay_http_field){NULL, NULL};
    assay_http_result_free(&reply);
    assay_http_call(&program.config,
                    &(struct assay_http_call){
                        .method = method, .target = target, .headers = headers, .body = body, .received_at = story_clock()},
                    program.session, &reply);
    assay_buf_addc(&reply.body, '\0');
    reply.body.n--;
    return reply.status;
}

static int post(const char *target, const char *type, const char *text) {
    return ask("POST", target, type, NULL, NULL, assay_str_c(text));
}

static int64_t counted(const char *name) {
    json_t *v = json_loads(reply.body.p, 0, NULL);
    int64_t n = json_integer_value(json_object_get(v, name));
    json_decref(v);
    return n;
}

static void upload_path(char out[64], const char *below) {
    json_t *v = json_loads(reply.body.p, 0, NULL);
    snprintf(out, 64, "/v1/uploads/%s%s", json_string_value(json_object_get(v, "upload")), below);
    json_decref(v);
}

static void register_providers(void) {
    ck_assert_int_eq(post("/v1/providers", "application/x-ndjson",
                          "{\"code\":\"P001\",\"name\":\"A\",\"city\":\"Beijing\",\"ascim\":false}\n"
                          "{\"code\":\"P002\",\"name\":\"B\",\"city\":\"Beijing\",\"ascim\":true}\n"),
                     200);
}

/* --- the same records in every form ------------------------------------------------------------------------------------------ */

#define HEAD "{\"id\":\"%s\",\"type\":\"%s\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"%s\""
static const struct {
    const char *id, *type, *at, *cells, *members;
} records[] = {
    {"a-1", "order.opened", "2001-02-05T09:00:00+08:00", "送修,激光打印机|甲,大用户,,,",
     "\"channel\":\"walk_in\",\"product\":\"激光打印机|甲\",\"customer_class\":\"key\""},
    {"a-2", "part.requested", "2001-02-05T10:00:00+08:00", ",,,1,R1,C4096",
     "\"request\":1,\"line\":\"R1\",\"part_no\":\"C4096\""},
    {"a-3", "order.closed", "2001-02-06T10:00:00.5+08:00", ",,,,,", NULL},
};
#define N_RECORDS (sizeof records / sizeof *records)

static void json_record(size_t i, struct assay_buf *b) {
    assay_buf_printf(b, HEAD "%s%s}", records[i].id, records[i].type, records[i].at, records[i].members ? "," : "",
                     records[i].members ? records[i].members : "");
}

static void write_array(struct assay_buf *b) {
    for (size_t i = 0; i < N_RECORDS; i++) assay_buf_addc(b, i ? ',' : '['), json_record(i, b);
    assay_buf_addc(b, ']');
}
static void write_lines(struct assay_buf *b) {
    assay_buf_adds(b, ASSAY_CSV_BOM); /* tolerated */
    for (size_t i = 0; i < N_RECORDS; i++) json_record(i, b), assay_buf_addc(b, '\n');
}
static void write_events(struct assay_buf *b) {
    for (size_t i = 0; i < N_RECORDS; i++)
        assay_buf_printf(b,
                         "%s{\"specversion\":\"1.0\",\"id\":\"%s\",\"type\":\"cn.example.%s\",\"source\":\"/"
                         "crm\",\"subject\":\"P001\",\"time\":\"%s\",\"data\":{\"order\":\"W1\"%s%s}}",
                         i ? "," : "[", records[i].id, records[i].type, records[i].at, records[i].members ? "," : "",
                         records[i].members ? records[i].members : "");
    assay_buf_addc(b, ']');
}
static void write_table(struct assay_buf *b) {
    assay_buf_adds(b, "编号,类型,服务商,维修单,时间,渠道,产品,客户类别,备件申请,备件行,备件号\r\n");
    for (size_t i = 0; i < N_RECORDS; i++)
        assay_buf_printf(b, "%s,%s,P001,W1,%s,%s\r\n", records[i].id, records[i].type, records[i].at, records[i].cells);
}
/* The local times of a spreadsheet in place of the instants. */
static void write_local_table(struct assay_buf *b) {
    static const char *const local[] = {"2001/2/5 9:00", "2001-02-05 10:00:00", "2001/2/6 10:00:00.5"};
    assay_buf_adds(b, "sep=;\r\n编号;类型;服务商;维修单;时间;渠道;产品;客户类别;备件申请;备件行;备件号\r\n");
    for (size_t i = 0; i < N_RECORDS; i++) {
        struct assay_buf cells = {0};
        assay_buf_adds(&cells, records[i].cells);
        for (size_t k = 0; k < cells.n; k++)
            if (cells.p[k] == ',') cells.p[k] = ';';
        assay_buf_printf(b, "%s;%s;P001;W1;%s;%s\r\n", records[i].id, records[i].type, local[i], cells.p);
        assay_buf_free(&cells);
    }
}

static void convert(struct assay_buf *b, const char *charset) {
    iconv_t cd = iconv_open(charset, "UTF-8");
    struct assay_buf out = {0};
    assay_buf_reserve(&out, 2 * b->n);
    char *in = b->p, *to = out.p;
    size_t left = b->n, room = 2 * b->n;
    ck_assert(cd != (iconv_t)-1 && iconv(cd, &in, &left, &to, &room) != (size_t)-1);
    iconv_close(cd);
    out.n = 2 * b->n - room;
    assay_buf_free(b);
    *b = out;
}

static const struct {
    const char *type, *charset, *target;
    void (*write)(struct assay_buf *b);
} forms[] = {
    {"application/json", NULL, "/v1/repair-events", write_array},
    {"application/x-ndjson", NULL, "/v1/repair-events", write_lines},
    {"application/x-ndjson; charset=utf-8", NULL, "/v1/repair-events", write_lines},
    {"text/csv", NULL, "/v1/repair-events", write_table},
    {"text/csv", "GB18030", "/v1/repair-events", write_table},
    {"text/csv; charset=\"gb2312\"; header=present", "GB18030", "/v1/repair-events", write_table},
    {"text/csv; charset=utf-16le", "UTF-16LE", "/v1/repair-events", write_table},
    {"text/csv", NULL, "/v1/repair-events?time_zone=Asia/Shanghai", write_local_table},
    {"text/csv", "GBK", "/v1/repair-events?time_zone=Asia/Shanghai", write_local_table},
    {"application/cloudevents-batch+json", NULL, "/v1/repair-events", write_events},
};
#define N_FORMS (sizeof forms / sizeof *forms)

static void send_form(size_t f, bool gzip) {
    struct assay_buf b = {0}, z = {0};
    forms[f].write(&b);
    if (forms[f].charset) convert(&b, forms[f].charset);
    struct assay_str body = gzip ? gzipped(assay_buf_str(&b), &z) : assay_buf_str(&b);
    ck_assert_msg(ask("POST", forms[f].target, forms[f].type, gzip ? "gzip" : NULL, NULL, body) == 200, "%s", reply.body.p);
    assay_buf_free(&b);
    assay_buf_free(&z);
}

/* What comes first is accepted, all other forms are its duplicates: so what is stored is the same. */
START_TEST(every_form_is_the_same) {
    register_providers();
    send_form((size_t)_i, _i % 2);
    ck_assert_msg(counted("accepted") == (int)N_RECORDS, "%s: %s", forms[_i].type, reply.body.p);
    for (size_t f = 0; f < N_FORMS; f++)
        for (int gzip = 0; gzip < 2; gzip++) {
            send_form(f, gzip);
            ck_assert_msg(counted("duplicates") == (int)N_RECORDS, "%s after %s: %s", forms[f].type, forms[_i].type,
                          reply.body.p);
        }
    struct assay_buf one = {0}, z = {0};
    json_record(0, &one);
    ck_assert_int_eq(ask("POST", "/v1/repair-events", "application/json", NULL, NULL, assay_buf_str(&one)), 200);
    ck_assert_int_eq(ask("POST", "/v1/repair-events", "application/json", "gzip", NULL, gzipped(assay_buf_str(&one), &z)), 200);
    ck_assert(strstr(reply.body.p, "duplicate"));
    ck_assert_int_eq(post("/v1/repair-events", "application/cloudevents+json",
                          "{\"specversion\":\"1.0\",\"id\":\"a-3\",\"type\":\"order.closed\",\"source\":\"urn:x:P001\",\"time\":"
                          "\"2001-02-06T02:00:00.5Z\",\"data\":{\"order\":\"W1\"}}"),
                     200);
    ck_assert(strstr(reply.body.p, "duplicate"));
    assay_buf_free(&one);
    assay_buf_free(&z);
}
END_TEST

/* --- what is refused before a row is read ------------------------------------------------------------------------------------ */

static const struct {
    const char *target, *type, *encoding, *body;
    int status;
    const char *says;
} refusals[] = {
    {"/v1/repair-events", "text/csv; charset=latin1", NULL, "id\n", 415, "unsupported_media_type"},
    {"/v1/repair-events", "application/x-ndjson; charset=gbk", NULL, "{}\n", 415, "unsupported_media_type"},
    {"/v1/repair-events", "application/json; charset=gbk", NULL, "{}\n", 415, "unsupported_media_type"},
    {"/v1/repair-events", "text/csv", "br", "id\n", 415, "unsupported_media_type"},
    {"/v1/repair-events?time_zone=Mars/Olympus", "text/csv", NULL, "id\n", 400, "time_zone"},
    {"/v1/repair-events?time_zone=Asia/Shanghai", "application/x-ndjson", NULL, "{}\n", 400, "time_zone"},
    {"/v1/repair-events?time_zone=Asia/Shanghai", "application/json", NULL, "{}", 400, "unknown_parameter"},
    {"/v1/repair-events", "text/csv", NULL, "\n\n", 400, "empty_body"},
    {"/v1/repair-events", "text/csv", NULL, "id,typ,provider,order,at\nx\n", 422, "\"line\":1,\"column\":2"},
    {"/v1/repair-events", "text/csv", "gzip", "id,type,provider,order,at\n", 400, "invalid_gzip"},
    {"/v1/repair-events", "application/json", "gzip", "{}", 400, "invalid_gzip"},
    {"/v1/repair-events", "application/x-ndjson", "gzip", "{}", 400, "invalid_gzip"},
    {"/v1/repair-events", "application/cloudevents+json", NULL, "[]", 422, "an object is wanted"},
    {"/v1/repair-events", "application/cloudevents-batch+json", NULL, "{}", 422, "an array is wanted"},
    {"/v1/repair-events", "application/cloudevents+json", NULL, "{\"specversion\":\"1.0\"}", 422, "\"pointer\":\"/source\""},
    {"/v1/providers", "text/csv", NULL, "code,nam\n", 422, "unknown_field"},
    {"/v1/providers", "text/csv", "gzip", "code,name\n", 400, "invalid_gzip"},
};

START_TEST(refused_as_a_whole) {
    int status = ask("POST", refusals[_i].target, refusals[_i].type, refusals[_i].encoding, NULL, assay_str_c(refusals[_i].body));
    ck_assert_msg(status == refusals[_i].status && strstr(reply.body.p, refusals[_i].says), "%d: %s", status, reply.body.p);
}
END_TEST

/* --- gzip ------------------------------------------------------------------------------------------------------------------------ */

static void table_of(size_t rows, struct assay_buf *b) {
    uint64_t random = 5;
    assay_buf_adds(b, "id,type,provider,order,at\n");
    for (size_t i = 0; i < rows; i++)
        assay_buf_printf(b, "g-%zu-%08llx,order.closed,P001,W%zu,2001-02-05T09:00:00Z\n", i,
                         (unsigned long long)(test_random(&random) & 0xffffffff), i);
}

/* Members one behind the other are one file; wherever it is cut, and whatever byte of it is hurt, it is refused and nothing
 * of it is taken. */
START_TEST(gzip_whole_or_not_at_all) {
    struct assay_buf plain = {0}, z = {0};
    register_providers();
    table_of(300, &plain);
    size_t half = plain.n / 2;
    (void)gzipped((struct assay_str){plain.p, half}, &z);
    size_t first = z.n;
    (void)gzipped((struct assay_str){plain.p + half, plain.n - half}, &z);
    for (size_t n = 1; n < z.n; n += 97) {
        if (n == first) continue; /* a whole member is a whole file */
        ck_assert_msg(ask("POST", "/v1/repair-events", "text/csv", "gzip", NULL, (struct assay_str){z.p, n}) == 400, "%zu", n);
        ck_assert(strstr(reply.body.p, "invalid_gzip"));
    }
    struct assay_buf hurt = {0};
    assay_buf_add(&hurt, z.p, z.n);
    for (size_t i = first + 20; i < z.n; i += 61) {
        hurt.p[i] = (char)(hurt.p[i] ^ 0x55);
        int status = ask("POST", "/v1/repair-events", "text/csv", "gzip", NULL, assay_buf_str(&hurt));
        ck_assert_msg(status == 400 && strstr(reply.body.p, "invalid_gzip"), "%zu: %s", i, reply.body.p);
        hurt.p[i] = (char)(hurt.p[i] ^ 0x55);
    }
    assay_buf_adds(&hurt, "garbage");
    ck_assert_int_eq(ask("POST", "/v1/repair-events", "text/csv", "gzip", NULL, assay_buf_str(&hurt)), 400);
    ck_assert_int_eq(ask("POST", "/v1/repair-events", "text/csv", "x-gzip", NULL, assay_buf_str(&z)), 200);
    ck_assert_int_eq(counted("accepted"), 300); /* none of them was taken before */
    assay_buf_free(&plain);
    assay_buf_free(&hurt);
    assay_buf_free(&z);
}
END_TEST

/* Beyond the size, beyond the ratio, a document beyond its bound: 413, each in bounded memory. */
START_TEST(gzip_bombs) {
    struct assay_buf plain = {0}, z = {0};
    register_providers();
    for (size_t i = 0; i < 160 << 10; i++)
        assay_buf_adds(&plain, "                                                               \n");
    for (int i = 0; i < 2; i++) { /* 10 MB of blank lines in some 20 KB: within the size, far beyond the ratio */
        z.n = 0;
        (void)gzipped(assay_buf_str(&plain), &z);
        ck_assert_uint_gt(plain.n / z.n, 300);
        const char *type = i ? "text/csv" : "application/x-ndjson";
        ck_assert_msg(ask("POST", "/v1/repair-events", type, "gzip", NULL, assay_buf_str(&z)) == 413, "%s", reply.body.p);
        ck_assert(strstr(reply.body.p, "more times its size"));
    }
    ck_assert_int_eq(ask("POST", "/v1/repair-events", "application/json", "gzip", NULL, assay_buf_str(&z)), 413);
    plain.n = z.n = 0;
    table_of(40000, &plain);
    program.app.inflated_bytes = 1 << 20;
    ck_assert_int_eq(ask("POST", "/v1/repair-events", "text/csv", "gzip", NULL, gzipped(assay_buf_str(&plain), &z)), 413);
    ck_assert(strstr(reply.body.p, "larger than is taken"));
    program.app.inflated_bytes = 64 << 20;
    ck_assert_int_eq(post("/v1/repair-events", "text/csv", "id,type,provider,order,at\n"), 200);
    assay_buf_free(&plain);
    assay_buf_free(&z);
}
END_TEST

/* --- what comes back ----------------------------------------------------------------------------------------------------------- */

static void replace(struct assay_buf *b, const char *what, const char *with) {
    struct assay_buf out = {0};
    char *at;
    ck_assert_msg(strstr(b->p, what) != NULL, "no %s in %s", what, b->p);
    for (char *p = b->p; (at = strstr(p, what)) || *p; p = at + strlen(what)) {
        assay_buf_add(&out, p, at ? (size_t)(at - p) : strlen(p));
        if (!at) break;
        assay_buf_adds(&out, with);
    }
    assay_buf_free(b);
    *b = out;
}

/* Refused early and late, in GB18030, under the sender's own header: mended in the file that came back and sent again. */
START_TEST(refused_rows_come_back) {
    char path[64];
    struct assay_buf b = {0};
    register_providers();
    assay_buf_adds(&b, "编号,类型,服务商,维修单,时间,渠道,产品,_我的备注\r\n"
                       "r-1,开单,P001,W1,2001/2/5 9:00,送修,\"打印机, \"\"大\"\"\",x\r\n"
                       "r-2,开单,P001,W2,2001/2/5 9:00,邮寄,打印机,x\r\n"
                       "r-3,开单,P999,W3,2001/2/5 9:00,送修,\"打印机, \"\"大\"\"\",y\r\n"
                       "r-1,结单,P001,W1,2001/2/6 9:00,,,\r\n"
                       "r-5,结单,P001\r\n");
    convert(&b, "GB18030");
    ck_assert_int_eq(ask("POST", "/v1/repair-events?time_zone=Asia%2FShanghai", "text/csv", NULL, NULL, assay_buf_str(&b)), 200);
    ck_assert_int_eq(counted("accepted"), 1);
    ck_assert_int_eq(counted("rejected"), 4);
    ck_assert_msg(strstr(reply.body.p, "\"line\":3,\"column\":6,\"id\":\"r-2\",\"code\":\"invalid_value\""), "%s", reply.body.p);
    upload_path(path, "/rejected");
    ck_assert_int_eq(ask("GET", path, NULL, NULL, "application/x-ndjson", ASSAY_STR("")), 406);
    ck_assert_int_eq(ask("GET", path, NULL, NULL, "application/x-ndjson;q=0.9, text/csv;q=0.1", ASSAY_STR("")), 200);
    ck_assert_int_eq(ask("GET", path, NULL, NULL, NULL, ASSAY_STR("")), 200);
    ck_assert(strstr(reply.head.p, "text/csv; charset=utf-8"));
    ck_assert(!strncmp(reply.body.p,
                       ASSAY_CSV_BOM "_line,_code,_detail,编号,类型,服务商,维修单,时间,渠道,产品,_我的备注\r\n3,invalid_value,",
                       90));
    ck_assert_msg(strstr(reply.body.p, "4,unknown_provider,"), "%s", reply.body.p);
    ck_assert(strstr(reply.body.p, ",r-3,开单,P999,W3,2001/2/5 9:00,送修,\"打印机, \"\"大\"\"\",y\r\n"));
    ck_assert(strstr(reply.body.p, "5,id_conflict,") && strstr(reply.body.p, ",r-1,结单,P001,W1,2001/2/6 9:00,,,\r\n"));
    ck_assert(strstr(reply.body.p, "6,ragged_row,"));
    b.n = 0;
    assay_buf_adds(&b, reply.body.p);
    replace(&b, "邮寄", "派单");
    replace(&b, "P999", "P002");
    replace(&b, "r-1,结单", "r-4,结单");
    replace(&b, "r-5,结单,P001\r\n", "r-5,结单,P001,W2,2001/2/6 9:00,,,\r\n");
    ck_assert_int_eq(post("/v1/repair-events?time_zone=Asia/Shanghai", "text/csv", b.p), 200);
    ck_assert_msg(counted("accepted") == 4 && counted("rejected") == 0, "%s", reply.body.p);
    upload_path(path, "/rejected");
    ck_assert_int_eq(ask("GET", path, NULL, NULL, "text/csv", ASSAY_STR("")), 200); /* nothing was refused: either form */
    ck_assert_str_eq(reply.body.p, ASSAY_CSV_BOM "_line,_code,_detail\r\n");
    ck_assert_int_eq(ask("GET", path, NULL, NULL, "application/x-ndjson", ASSAY_STR("")), 200);
    ck_assert_uint_eq(reply.body.n, 0);
    assay_buf_free(&b);
}
END_TEST

/* Page by page: each page is a file of its own, no row twice, none lost. */
START_TEST(refused_rows_by_page) {
    char path[64], target[160];
    struct assay_buf b = {0};
    register_providers();
    assay_buf_adds(&b, "id,type,provider,order,at,channel\n");
    for (int i = 0; i < 25; i++) assay_buf_printf(&b, "p-%02d,order.opened,P001,W%d,bad,bad\n", i, i);
    ck_assert_int_eq(post("/v1/repair-events", "text/csv", b.p), 200);
    upload_path(path, "/rejected");
    snprintf(target, sizeof target, "%s?limit=7", path);
    int rows = 0, pages = 0;
    bool seen[25] = {false};
    for (;;) {
        ck_assert_int_eq(ask("GET", target, NULL, NULL, NULL, ASSAY_STR("")), 200);
        ck_assert(!strncmp(reply.body.p, ASSAY_CSV_BOM "_line,", 9));
        for (const char *p = reply.body.p; (p = strstr(p, ",p-")); p += 3) {
            int i = (int)strtol(p + 3, NULL, 10);
            ck_assert_msg(!seen[i], "row %d twice", i);
            seen[i] = true;
            rows++;
        }
        pages++;
        const char *next = strstr(reply.head.p, "cursor=");
        if (!next) break;
        snprintf(target, sizeof target, "%s?limit=7&%.*s", path, (int)strcspn(next, ">"), next);
    }
    ck_assert_int_eq(rows, 25);
    ck_assert_int_gt(pages, 5);
    assay_buf_free(&b);
}
END_TEST

/* JSON comes back as JSON, and not as a table. */
START_TEST(refused_lines_stay_lines) {
    char path[64];
    ck_assert_int_eq(post("/v1/repair-events", "application/x-ndjson", "{\"id\":\"x\"}\n"), 200);
    upload_path(path, "/rejected");
    ck_assert_int_eq(ask("GET", path, NULL, NULL, "text/csv", ASSAY_STR("")), 406);
    ck_assert_int_eq(ask("GET", path, NULL, NULL, "text/csv, */*;q=0.1", ASSAY_STR("")), 200);
    ck_assert(!strncmp(reply.body.p, "{\"id\":\"x\",\"_line\":1", 19));
}
END_TEST

/* --- templates ------------------------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"providers", "repair-events", "ccc-dispatches", "survey-responses", "observations"};

START_TEST(templates_are_uploads) {
    char target[96];
    struct assay_buf b = {0};
    for (int zh = 0; zh < 2; zh++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            snprintf(target, sizeof target, "/v1/templates/%s.csv%s", kinds[k], zh && k % 2 ? "?lang=zh" : "");
            ck_assert_int_eq(ask("GET", target, NULL, NULL, zh ? "zh-CN,zh;q=0.9" : NULL, ASSAY_STR("")), 200);
            ck_assert(strstr(reply.head.p, zh ? "Content-Language: zh-CN" : "Content-Language: en"));
            ck_assert(!strncmp(reply.body.p, ASSAY_CSV_BOM, 3));
            b.n = 0;
            assay_buf_adds(&b, reply.body.p);
            if (zh) convert(&b, "GB18030"); /* as Excel saves it */
            snprintf(target, sizeof target, "/v1/%s", kinds[k]);
            ck_assert_int_eq(ask("POST", target, "text/csv", NULL, NULL, assay_buf_str(&b)), 200);
            ck_assert_msg(counted("rejected") == 0 && counted("received") > 0, "%s: %s", target, reply.body.p);
            ck_assert_int_eq(counted(zh && k ? "duplicates" : "accepted"), counted("received")); /* the same in both languages */
        }
    ck_assert_int_eq(ask("GET", "/v1/templates/orders.csv", NULL, NULL, NULL, ASSAY_STR("")), 404);
    ck_assert_int_eq(ask("GET", "/v1/templates/providers", NULL, NULL, NULL, ASSAY_STR("")), 404);
    ck_assert_int_eq(ask("GET", "/v1/templates/.csv", NULL, NULL, NULL, ASSAY_STR("")), 404);
    ck_assert_int_eq(ask("GET", "/v1/templates/providers.csv?lang=fr", NULL, NULL, NULL, ASSAY_STR("")), 400);
    assay_buf_free(&b);
}
END_TEST

START_TEST(providers_as_a_table) {
    ck_assert_int_eq(post("/v1/providers", "text/csv",
                          "服务商,名称,城市,自有备件库存,状态,生效日期\nP7,七,北京,是,正常,\nP8,八,Beijing,否,停用,2001-01-01\n"),
                     200);
    ck_assert_int_eq(counted("created"), 2);
    ck_assert_int_eq(ask("GET", "/v1/providers/P8", NULL, NULL, NULL, ASSAY_STR("")), 200);
    ck_assert(strstr(reply.body.p, "\"status\":\"inactive\"") && strstr(reply.body.p, "\"ascim\":false"));
    ck_assert_int_eq(post("/v1/providers", "text/csv", "code,name,city,ascim\nP9,x,y,maybe\nP10,x,y,TRUE\n"), 422);
    ck_assert_msg(strstr(reply.body.p, "\"line\":2,\"column\":4,\"code\":\"wrong_type\""), "%s", reply.body.p);
    ck_assert_int_eq(ask("GET", "/v1/providers/P10", NULL, NULL, NULL, ASSAY_STR("")), 404); /* all or nothing */
}
END_TEST

/* --- size ------------------------------------------------------------------------------------------------------------------------ */

/* What the address sanitizer keeps of freed memory would be all that is measured. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "quarantine_size_mb=1"; }

#ifdef __SANITIZE_THREAD__
#define MEMORY_KIB (400 * 1024L) /* with its shadow */
#else
#define MEMORY_KIB (60 * 1024L)
#endif

static long resident_kib(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    long kib = 0;
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "VmRSS:", 6)) kib = strtol(line + 6, NULL, 10);
    if (f) fclose(f);
    return kib;
}

/* Tens of megabytes inflate, decode and stage in memory that does not grow with them: every row is refused, so that what is
 * measured is the reading. */
START_TEST(size_does_not_matter) {
    struct assay_buf row = {0}, plain = {0}, z = {0};
    for (size_t i = 0; i < 4000; i++)
        assay_buf_printf(&row, "m-%zu,order.closed,P001,W%zu,2001-02-05T09:00:00Z,%064zu\n", i, i, i * 7919);
    for (int half = 0; half < 2; half++) {
        long before = resident_kib();
        plain.n = z.n = 0;
        assay_buf_adds(&plain, "id,type,provider,order,at,_x\n");
        (void)gzipped(assay_buf_str(&plain), &z);
        for (int i = 0; i < (half ? 90 : 30); i++) (void)gzipped(assay_buf_str(&row), &z); /* 13 and 40 MB, inflated */
        ck_assert_msg(ask("POST", "/v1/repair-events", "text/csv", "gzip", NULL, assay_buf_str(&z)) == 200, "%s", reply.body.p);
        ck_assert_int_eq(counted("received"), 4000 * (half ? 90 : 30));
        if (half) ck_assert_msg(resident_kib() - before < MEMORY_KIB, "%ld KiB more", resident_kib() - before);
    }
    assay_buf_free(&row);
    assay_buf_free(&plain);
    assay_buf_free(&z);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

static Suite *suite_forms(void) {
    Suite *s = suite_create("forms");
    TCase *t = tcase_create("forms");
    tcase_set_timeout(t, 200);
    tcase_add_unchecked_fixture(t, test_pg_start, NULL);
    tcase_add_checked_fixture(t, start, stop);
    tcase_add_loop_test(t, every_form_is_the_same, 0, COUNT(forms));
    tcase_add_loop_test(t, refused_as_a_whole, 0, COUNT(refusals));
    tcase_add_test(t, gzip_whole_or_not_at_all);
    tcase_add_test(t, gzip_bombs);
    tcase_add_test(t, refused_rows_come_back);
    tcase_add_test(t, refused_rows_by_page);
    tcase_add_test(t, refused_lines_stay_lines);
    tcase_add_test(t, templates_are_uploads);
    tcase_add_test(t, providers_as_a_table);
    tcase_add_test(t, size_does_not_matter);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_forms)
