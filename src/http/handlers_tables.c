/* handlers_tables.c -- uploads as tables: reading CSV in, the files of refused rows, templates to fill in. */
#include <stdlib.h>

#include "http/app.h"

/* --- a body of rows -------------------------------------------------------------------------------------------------------------- */

struct reading {
    struct assay_body_table *table;
    const struct assay_zone *zone;
    struct assay_sheet *sheet; /* NULL: the header is yet to come */
    struct assay_text text;
    struct assay_csv csv;
    struct assay_errors *es;
};

static enum assay_status take_header(struct reading *x, const struct assay_csv_row *row, struct assay_error *e) {
    enum assay_status st = x->table->intake ? assay_sheet_new(*x->table->intake, row, x->zone, &x->sheet, x->es)
                                            : assay_sheet_new_providers(row, &x->sheet, x->es);
    return st ? st : x->table->header(x->table->arg, x->sheet, e);
}

static enum assay_status take_rows(struct reading *x, struct assay_error *e) {
    struct assay_csv_row row;
    enum assay_status st = ASSAY_OK;
    while (!st && assay_csv_next(&x->csv, &row)) st = x->sheet ? x->table->row(x->table->arg, &row, e) : take_header(x, &row, e);
    return st;
}

static enum assay_status take_text(struct reading *x, struct assay_error *e) {
    struct assay_str piece;
    enum assay_status st = ASSAY_OK;
    while (!st && assay_text_next(&x->text, &piece)) {
        assay_csv_feed(&x->csv, piece.p, piece.n);
        st = take_rows(x, e);
    }
    return st;
}

static enum assay_status read_all(struct assay_http_request *r, struct reading *x, struct assay_error *e) {
    static const size_t size = 64 * 1024;
    struct assay_inflate *body = assay_inflate_new(r, r->route->max_body ? r->route->max_body : assay_app_inflated_bytes(r));
    char *chunk = assay_xmalloc(size);
    enum assay_status st = ASSAY_OK;
    ssize_t n;
    do {
        n = assay_inflate_read(body, chunk, size, e);
        if (n > 0) x->table->bytes += n;
        if (n < 0) st = e->status;
        else if (n == 0) assay_text_finish(&x->text);
        else assay_text_feed(&x->text, chunk, (size_t)n);
        if (!st) st = take_text(x, e);
    } while (!st && n > 0);
    if (!st) assay_csv_finish(&x->csv), st = take_rows(x, e);
    if (!st && !x->sheet) st = assay_fail(e, ASSAY_EMPTY_BODY, "", "a table has a header row");
    free(chunk);
    assay_inflate_free(body);
    return st;
}

static enum assay_status find_zone(struct assay_http_request *r, const struct assay_zone **out, struct assay_error *e) {
    const struct assay_app *app = r->app;
    struct assay_str name = assay_http_param(r, "time_zone");
    *out = NULL;
    if (!name.p) return ASSAY_OK;
    *out = assay_service_zone(app->service, assay_arena_dup(r->arena, name).p);
    return *out
               ? ASSAY_OK
               : assay_fail(e, ASSAY_INVALID_PARAMETER, "time_zone", "the name of an IANA time zone is wanted, as Asia/Shanghai");
}

static enum assay_status find_charset(const struct assay_http_request *r, enum assay_charset *out, struct assay_error *e) {
    struct assay_str name = assay_http_media_param(r, "charset");
    *out = ASSAY_CHARSET_UNSAID;
    if (!name.p || assay_charset_parse(name, out)) return ASSAY_OK;
    return assay_fail(e, ASSAY_UNSUPPORTED_MEDIA_TYPE, "",
                      "The charset is not one that is read: utf-8, gb18030, gbk, gb2312, utf-16, utf-16le or utf-16be");
}

enum assay_status assay_app_is_utf8(const struct assay_http_request *r, struct assay_error *e) {
    struct assay_str name = assay_http_media_param(r, "charset");
    enum assay_charset charset;
    if (!name.p || (assay_charset_parse(name, &charset) && charset == ASSAY_CHARSET_UTF8)) return ASSAY_OK;
    return assay_fail(e, ASSAY_UNSUPPORTED_MEDIA_TYPE, "", "JSON is UTF-8; tables (text/csv) may be in other character sets");
}

enum assay_status assay_app_read_table(struct assay_http_request *r, struct assay_body_table *t, struct assay_errors *es,
                                       struct assay_error *e) {
    const struct assay_app *app = r->app;
    struct reading x = {.table = t, .es = es};
    enum assay_charset said;
    enum assay_status st = find_charset(r, &said, e);
    if (!st) st = find_zone(r, &x.zone, e);
    if (st) return st;
    assay_text_init(&x.text, said, assay_sheet_known, (void *)(uintptr_t)t->intake);
    assay_csv_init(&x.csv, app->max_line);
    st = read_all(r, &x, e);
    assay_text_free(&x.text);
    assay_csv_free(&x.csv);
    /* The sheet is the caller's from the moment it was told of it. */
    return st;
}

/* --- refused rows -------------------------------------------------------------------------------------------------------------- */

struct page {
    struct assay_rejection_row *rows;
    size_t n;
    int64_t after, line; /* of the cursor; then of the page's last */
    bool more;
    struct assay_str header; /* of a table; absent: JSON */
};

/* Each refused row once, with its first error. */
static void write_page(struct page *p, bool table, struct assay_buf *b) {
    if (table) assay_rejected_header_write(p->header, b);
    for (size_t i = 0; i < p->n; i++) {
        const struct assay_rejection_row *x = &p->rows[i];
        bool further = !x->body.p && x->line == p->line; /* error of the same row */
        p->line = x->line;
        p->after = x->n;
        if (further) continue;
        if (table) assay_rejected_row_write(x->body, (size_t)x->line, x->code.p, x->detail.p, b);
        else assay_rejected_write(x->body, (size_t)x->line, x->code.p, x->detail.p, b);
    }
}

static bool read_cursor(struct assay_http_request *r, struct page *p, struct assay_errors *es) {
    struct assay_str cursor = assay_http_param(r, "cursor"), fields[2];
    p->after = p->line = -1;
    if (!cursor.p) return true;
    if (!assay_cursor_read('r', cursor, r->arena, fields, 2)) {
        assay_errors_add(es, ASSAY_INVALID_CURSOR, "cursor", "not a cursor of this list");
        return false;
    }
    p->after = strtoll(fields[0].p, NULL, 10);
    p->line = strtoll(fields[1].p, NULL, 10);
    return true;
}

static void link_next(struct assay_http_request *r, const struct page *p) {
    struct assay_buf next = {0};
    struct assay_str fields[] = {assay_str_c(assay_arena_printf(r->arena, "%lld", (long long)p->after)),
                                 assay_str_c(assay_arena_printf(r->arena, "%lld", (long long)p->line))};
    assay_cursor_write('r', fields, 2, &next);
    assay_app_link_next(r, assay_buf_str(&next));
    assay_buf_free(&next);
}

static enum assay_status read_page(struct assay_session *s, int64_t upload, int limit, struct page *p, struct assay_error *e) {
    struct assay_rejection_row *head;
    size_t n = 0;
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_store_rejections(s->db, upload, ASSAY_REJECTION_HEADER - 1, 1, &s->arena, &head, &n, e));
    if (st) return st;
    if (n && head[0].n == ASSAY_REJECTION_HEADER) p->header = head[0].body;
    st = assay_store_rejections(s->db, upload, p->after, limit + 1, &s->arena, &p->rows, &p->n, e);
    p->more = p->n > (size_t)limit;
    if (p->more) p->n = (size_t)limit;
    return st;
}

/* The rows that were refused, ready to be mended and sent again, in the form they came in: of a table with the sender's own
 * header. A page is so many errors; its cursor holds the last one and its line, for the next page may begin with further
 * errors of that line. */
enum assay_http_flow assay_get_rejected(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload_row *row = NULL;
    struct assay_error e = {0};
    struct assay_errors es = {0};
    struct page p = {0};
    if (!s) return ASSAY_HTTP_DONE;
    int limit = assay_app_limit(r, &es);
    (void)read_cursor(r, &p, &es);
    if (es.n) return assay_app_fail_all(r, es.items[0].status, &es, NULL);
    enum assay_status st = assay_app_upload(r, s, &row, &e);
    if (!st && row) st = read_page(s, row->upload_id, limit, &p, &e);
    if (st) return assay_app_fail(r, st, &e);
    bool table = p.header.p || (p.n == 0 && r->produce == 1); /* where nothing was refused either form is as good */
    const char *type = table ? "text/csv" : "application/x-ndjson";
    if (!assay_http_accepts(r, type))
        return assay_app_fail(r, assay_fail(&e, ASSAY_NOT_ACCEPTABLE, "", "The refused rows of this upload are %s", type), &e);
    struct assay_buf b = {0};
    write_page(&p, table, &b);
    if (p.more) link_next(r, &p);
    assay_http_reply(r, 200, table ? "text/csv; charset=utf-8" : type, &b);
    return ASSAY_HTTP_DONE;
}

/* --- templates ------------------------------------------------------------------------------------------------------------------- */

enum assay_http_flow assay_get_template(struct assay_http_request *r, void *worker) {
    (void)worker;
    static const char suffix[] = ".csv";
    struct assay_str name = r->vars[0], lang = assay_http_param(r, "lang");
    struct assay_error e;
    struct assay_buf b = {0};
    bool zh = lang.p ? assay_str_is(lang, "zh") : assay_http_prefers_zh(r);
    if (lang.p && !zh && !assay_str_is(lang, "en"))
        return assay_app_fail(r, assay_fail(&e, ASSAY_INVALID_PARAMETER, "lang", "en or zh is wanted"), &e);
    size_t n = sizeof suffix - 1;
    bool is_csv = name.n > n && memcmp(name.p + name.n - n, suffix, n) == 0;
    if (!is_csv || !assay_template_write((struct assay_str){name.p, name.n - n}, zh, &b))
        return assay_app_fail(r, assay_fail(&e, ASSAY_NOT_FOUND, "", "there is no template %.*s", ASSAY_STR_ARG(name)), &e);
    assay_http_reply_header(r, "Content-Disposition",
                            assay_arena_printf(r->arena, "attachment; filename=\"%.*s\"", ASSAY_STR_ARG(name)));
    assay_http_reply_header(r, "Content-Language", zh ? "zh-CN" : "en");
    assay_http_reply(r, 200, "text/csv; charset=utf-8", &b);
    return ASSAY_HTTP_DONE;
}
