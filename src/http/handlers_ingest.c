/* handlers_ingest.c -- records in: one object by the committer; arrays and NDJSON as uploads. */
#include <stdlib.h>

#include "http/app.h"

static enum assay_intake intake_of(const struct assay_http_request *r) {
    if (strstr(r->route->pattern, "dispatches")) return ASSAY_INTAKE_DISPATCHES;
    if (strstr(r->route->pattern, "observations")) return ASSAY_INTAKE_OBSERVATIONS;
    return strstr(r->route->pattern, "survey") ? ASSAY_INTAKE_SURVEYS : ASSAY_INTAKE_EVENTS;
}

/* ?atomic= and ?dry_run=; false where the reply (400) is set. */
static bool upload_options(struct assay_http_request *r, struct assay_upload_options *o) {
    struct assay_errors es = {0};
    *o = (struct assay_upload_options){.intake = intake_of(r),
                                       .party = assay_app_party(r),
                                       .request_id = r->id,
                                       .content_type = r->media >= 0 ? assay_str_c(r->route->accepts[r->media]) : ASSAY_STR("")};
    assay_http_param_bool(r, "atomic", &o->atomic, &es);
    assay_http_param_bool(r, "dry_run", &o->dry_run, &es);
    if (es.n) assay_http_reply_problems(r, es.items[0].status, &es);
    return es.n == 0;
}

/* --- one object -------------------------------------------------------------------------------------------------------------- */

struct single {
    struct assay_ingest_job job;
    struct assay_http_request *request;
};

/* trial: NULL, or what a dry run found. */
static void answer_single(struct assay_http_request *r, const struct assay_item *it, const struct assay_upload_reply *trial) {
    struct assay_error e;
    if (it->status == ASSAY_UNKNOWN_PROVIDER) {
        struct assay_errors es = {0};
        assay_errors_add(&es, it->status, "/provider", "provider %.*s is not registered", ASSAY_STR_ARG(it->provider));
        assay_http_reply_problems(r, it->status, &es);
    } else if (it->status) {
        assay_fail(&e, it->status, it->status == ASSAY_ID_CONFLICT ? "/id" : "", "%s",
                   it->detail ? it->detail : "the record could not be stored");
        assay_app_fail(r, it->status, &e);
    } else {
        struct assay_buf b = {0};
        assay_accepted_write(it->id, it->duplicate, trial, &b, NULL);
        assay_app_json(r, it->duplicate || trial ? 200 : 201, &b);
    }
}

static void single_done(struct assay_ingest_job *job) {
    struct single *s = job->arg;
    struct assay_http_request *r = s->request;
    answer_single(r, &job->item, NULL);
    assay_http_complete(r);
}

/* What would become of one record. */
static enum assay_http_flow try_object(struct assay_http_request *r, struct assay_item *it, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_ingest_run run = {.mode = ASSAY_INGEST_TRIAL, .arena = r->arena};
    struct assay_error e = {0};
    if (!s) return ASSAY_HTTP_DONE;
    enum assay_status st = assay_ingest_run(s, it, 1, &run, &e);
    if (st) return assay_app_fail(r, st, &e);
    answer_single(r, it, &(struct assay_upload_reply){.n_changes = run.n_changes, .changes = run.changes});
    return ASSAY_HTTP_DONE;
}

/* One record is all or nothing by itself. */
static enum assay_http_flow post_object(struct assay_http_request *r, const struct assay_upload_options *o, void *worker) {
    struct assay_app *app = r->app;
    if (o->dry_run && !worker) return ASSAY_HTTP_WORK;
    struct assay_record record;
    struct assay_errors es = {0};
    assay_instant now = assay_service_now(app->service);
    enum assay_status st = assay_record_from_json(r->body, intake_of(r), now, r->arena, &record, &es);
    if (st) {
        atomic_fetch_add(&assay_service_counts(app->service)->invalid[intake_of(r)], 1);
        return assay_app_fail_all(r, st, &es, NULL);
    }
    struct single *s = assay_arena_zalloc(r->arena, sizeof *s);
    assay_item_of_record(&record, assay_app_party(r), now, r->arena, &s->job.item);
    s->job.done = single_done;
    s->job.arg = s;
    s->request = r;
    if (o->dry_run) return try_object(r, &s->job.item, worker);
    st = assay_ingest_submit(app->service, &s->job);
    return st ? assay_app_fail(r, st, NULL) : ASSAY_HTTP_LATER;
}

/* --- uploads ------------------------------------------------------------------------------------------------------------------- */

/* Taken as a whole and refused: a problem with what is wrong with each record. */
static enum assay_http_flow answer_refused(struct assay_http_request *r, const struct assay_upload_reply *reply) {
    struct assay_buf errors = {0};
    assay_upload_errors_write(reply, &errors, NULL);
    const char *detail = assay_arena_printf(r->arena, "%lld of %lld records are refused, so nothing was kept",
                                            (long long)reply->rejected, (long long)reply->received);
    assay_http_reply_problem_list(r, ASSAY_UPLOAD_REFUSED, assay_str_c(detail), assay_buf_str(&errors), "upload", reply->upload);
    assay_buf_free(&errors);
    return ASSAY_HTTP_DONE;
}

static enum assay_http_flow answer_upload(struct assay_http_request *r, struct assay_upload *u, enum assay_status st,
                                          struct assay_error *e) {
    struct assay_upload_reply reply;
    if (st && u) assay_upload_abandon(u);
    if (!st) st = assay_upload_finish(u, &reply, e);
    if (st) return assay_app_fail(r, st, e);
    if (reply.refused) return answer_refused(r, &reply);
    struct assay_buf b = {0};
    assay_upload_write(&reply, &b, NULL);
    return assay_app_json(r, 200, &b);
}

/* A JSON array is one document: nothing is kept where it does not parse. */
static enum assay_http_flow post_array(struct assay_http_request *r, const struct assay_upload_options *o, void *worker) {
    struct assay_json_doc *d;
    struct assay_error e = {0};
    enum assay_status st = assay_json_load(r->body, &d, &e);
    if (st) return assay_app_fail(r, st, &e);
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload *u = NULL;
    if (!s) {
        assay_json_free(d);
        return ASSAY_HTTP_DONE;
    }
    struct assay_buf text = {0};
    st = assay_upload_begin(s, o, &u, &e);
    if (!st) assay_upload_bytes(u, (int64_t)r->body.n);
    for (size_t i = 0; i < assay_json_count(d) && !st; i++) {
        text.n = 0;
        assay_json_element_write(d, i, &text);
        st = assay_upload_line(u, assay_buf_str(&text), (int64_t)i + 1, &e);
    }
    assay_buf_free(&text);
    assay_json_free(d);
    enum assay_http_flow flow = answer_upload(r, u, st, &e);
    assay_upload_free(u);
    return flow;
}

static bool is_array(struct assay_str body) {
    size_t i = 0;
    while (i < body.n && strchr(" \t\r\n", body.p[i]) && body.p[i]) i++;
    return i < body.n && body.p[i] == '[';
}

enum assay_http_flow assay_post_records(struct assay_http_request *r, void *worker) {
    struct assay_upload_options o;
    if (!upload_options(r, &o)) return ASSAY_HTTP_DONE;
    if (!is_array(r->body)) return post_object(r, &o, worker);
    return worker ? post_array(r, &o, worker) : ASSAY_HTTP_WORK;
}

static enum assay_status read_lines(struct assay_http_request *r, struct assay_upload *u, struct assay_ndjson *lines,
                                    struct assay_error *e) {
    static const size_t size = 64 * 1024;
    char *chunk = assay_xmalloc(size);
    enum assay_status st = ASSAY_OK;
    int64_t bytes = 0;
    for (bool end = false; !end && !st;) {
        ssize_t n = assay_http_read(r, chunk, size);
        if (n < 0) {
            *e = r->body_error;
            st = r->body_error.status;
            break;
        }
        end = n == 0;
        assay_upload_bytes(u, bytes += n);
        if (end) assay_ndjson_finish(lines);
        else assay_ndjson_feed(lines, chunk, (size_t)n);
        struct assay_ndjson_line line;
        while (!st && assay_ndjson_next(lines, &line)) {
            if (line.status == ASSAY_OK) st = assay_upload_line(u, line.text, (int64_t)line.number, e);
            else st = assay_upload_bad_line(u, (int64_t)line.number, line.status, "the line is longer than a record may be", e);
        }
    }
    free(chunk);
    return st;
}

enum assay_http_flow assay_post_records_bulk(struct assay_http_request *r, void *worker) {
    const struct assay_app *app = r->app;
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload_options o;
    struct assay_upload *u = NULL;
    struct assay_error e = {0};
    if (!s || !upload_options(r, &o)) return ASSAY_HTTP_DONE;
    struct assay_ndjson lines;
    assay_ndjson_init(&lines, app->max_line);
    enum assay_status st = assay_upload_begin(s, &o, &u, &e);
    if (!st) st = read_lines(r, u, &lines, &e);
    assay_ndjson_free(&lines);
    enum assay_http_flow flow = answer_upload(r, u, st, &e);
    assay_upload_free(u);
    return flow;
}

/* --- reading uploads ------------------------------------------------------------------------------------------------------------ */

/* The rows that were refused, each once with its first error, ready to be mended and sent again. A page is so many errors;
 * its cursor holds the last one and its line, for the next page may begin with further errors of that line. */
enum assay_http_flow assay_get_rejected(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload_row *row;
    struct assay_error e = {0};
    struct assay_errors es = {0};
    if (!s) return ASSAY_HTTP_DONE;
    int limit = assay_app_limit(r, &es);
    struct assay_str cursor = assay_http_param(r, "cursor"), fields[2];
    int64_t after = -1, line = -1;
    if (cursor.p && !assay_cursor_read('r', cursor, r->arena, fields, 2))
        assay_errors_add(&es, ASSAY_INVALID_CURSOR, "cursor", "not a cursor of this list");
    else if (cursor.p) after = strtoll(fields[0].p, NULL, 10), line = strtoll(fields[1].p, NULL, 10);
    if (es.n) return assay_app_fail_all(r, es.items[0].status, &es, NULL);
    enum assay_status st = assay_app_upload(r, s, &row, &e);
    struct assay_rejection_row *rows = NULL;
    size_t n = 0;
    if (!st && row)
        ASSAY_APP_READ(s, st, assay_store_rejections(s->db, row->upload_id, after, limit + 1, &s->arena, &rows, &n, &e));
    if (st) return assay_app_fail(r, st, &e);
    bool more = n > (size_t)limit;
    if (more) n = (size_t)limit;
    struct assay_buf b = {0};
    for (size_t i = 0; i < n; i++) {
        bool further = !rows[i].body.p && rows[i].line == line; /* error of the same row */
        line = rows[i].line;
        if (!further) assay_rejected_write(rows[i].body, (size_t)rows[i].line, rows[i].code.p, rows[i].detail.p, &b);
    }
    if (more) {
        struct assay_buf next = {0};
        fields[0] = assay_str_c(assay_arena_printf(r->arena, "%lld", (long long)rows[n - 1].n));
        fields[1] = assay_str_c(assay_arena_printf(r->arena, "%lld", (long long)line));
        assay_cursor_write('r', fields, 2, &next);
        assay_app_link_next(r, assay_buf_str(&next));
        assay_buf_free(&next);
    }
    assay_http_reply(r, 200, "application/x-ndjson", &b);
    return ASSAY_HTTP_DONE;
}
