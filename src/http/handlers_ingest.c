/* handlers_ingest.c -- records in: one object or event by the committer; arrays, NDJSON and tables as uploads. */
#include <stdlib.h>

#include "http/app.h"

static enum assay_intake intake_of(const struct assay_http_request *r) {
    if (strstr(r->route->pattern, "dispatches")) return ASSAY_INTAKE_DISPATCHES;
    if (strstr(r->route->pattern, "observations")) return ASSAY_INTAKE_OBSERVATIONS;
    return strstr(r->route->pattern, "survey") ? ASSAY_INTAKE_SURVEYS : ASSAY_INTAKE_EVENTS;
}

/* The media types of the two rows of a route (routes.c). */
enum { MEDIA_JSON, MEDIA_EVENT, MEDIA_EVENTS };
enum { MEDIA_NDJSON, MEDIA_CSV };

/* ?atomic= and ?dry_run=; false where the reply (400) is set. */
static bool upload_options(struct assay_http_request *r, struct assay_upload_options *o) {
    struct assay_errors es = {0};
    *o = (struct assay_upload_options){.intake = intake_of(r),
                                       .sender = assay_app_sender(r),
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

static enum assay_status decode_event(struct assay_http_request *r, assay_instant now, struct assay_record *record,
                                      struct assay_errors *es) {
    struct assay_json_doc *d;
    struct assay_error e;
    enum assay_status st = assay_json_load(r->body, &d, &e);
    if (st) {
        assay_errors_add(es, st, e.field, "%s", e.detail);
        return st;
    }
    if (assay_json_is_array(d)) {
        assay_errors_add(es, ASSAY_WRONG_TYPE, "",
                         "an object is wanted: several CloudEvents are application/cloudevents-batch+json");
        st = ASSAY_VALIDATION_FAILED;
    } else {
        st = assay_cloudevent_decode(d, 0, intake_of(r), now, r->arena, record, es);
    }
    assay_json_free(d);
    return st;
}

/* One record is all or nothing by itself. */
static enum assay_http_flow post_object(struct assay_http_request *r, const struct assay_upload_options *o, void *worker) {
    struct assay_app *app = r->app;
    if (o->dry_run && !worker) return ASSAY_HTTP_WORK;
    struct assay_record record;
    struct assay_errors es = {0};
    assay_instant now = assay_service_now(app->service);
    enum assay_status st = r->media == MEDIA_EVENT ? decode_event(r, now, &record, &es)
                                                   : assay_record_from_json(r->body, o->intake, now, r->arena, &record, &es);
    struct assay_error refused;
    struct assay_sender sender = assay_app_sender(r);
    if (!st && (st = assay_sender_check(sender.party, &record, &refused))) {
        assay_errors_add(&es, st, refused.field, "%s", refused.detail);
    }
    if (st) {
        atomic_fetch_add(&assay_service_counts(app->service)->invalid[intake_of(r)], 1);
        return assay_app_fail_all(r, st, &es, NULL);
    }
    struct single *s = assay_arena_zalloc(r->arena, sizeof *s);
    assay_item_of_record(&record, &sender, now, r->arena, &s->job.item);
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

/* A JSON array, of records or of CloudEvents, is one document: nothing is kept where it does not parse. */
static enum assay_http_flow post_array(struct assay_http_request *r, const struct assay_upload_options *o, void *worker) {
    struct assay_json_doc *d;
    struct assay_error e = {0};
    enum assay_status st = assay_json_load(r->body, &d, &e);
    if (st) return assay_app_fail(r, st, &e);
    if (!assay_json_is_array(d)) {
        assay_json_free(d);
        st = assay_fail(&e, ASSAY_VALIDATION_FAILED, "", "an array is wanted: a batch of CloudEvents");
        return assay_app_fail(r, st, &e);
    }
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
        st = r->media == MEDIA_EVENTS ? assay_upload_event(u, d, i, assay_buf_str(&text), &e)
                                      : assay_upload_line(u, assay_buf_str(&text), (int64_t)i + 1, &e);
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
    struct assay_error e = {0};
    if (!upload_options(r, &o)) return ASSAY_HTTP_DONE;
    enum assay_status st = assay_app_is_utf8(r, &e);
    if (!st) st = assay_app_inflate(r, &e);
    if (st) return assay_app_fail(r, st, &e);
    if (r->media != MEDIA_EVENTS && (r->media == MEDIA_EVENT || !is_array(r->body))) return post_object(r, &o, worker);
    return worker ? post_array(r, &o, worker) : ASSAY_HTTP_WORK;
}

/* RFC 8259 forbids a byte order mark in JSON and lets readers pass over it; files of lines get one from their editors. */
static struct assay_str without_mark(struct assay_str text) {
    bool marked = text.n >= 3 && memcmp(text.p, ASSAY_CSV_BOM, 3) == 0;
    return marked ? (struct assay_str){text.p + 3, text.n - 3} : text;
}

static enum assay_status take_line(struct assay_upload *u, const struct assay_ndjson_line *line, struct assay_error *e) {
    struct assay_str text = line->number == 1 ? without_mark(line->text) : line->text;
    if (line->status)
        return assay_upload_bad_line(u, (int64_t)line->number, line->status, "the line is longer than a record may be", e);
    return assay_upload_line(u, text, (int64_t)line->number, e);
}

static enum assay_status read_lines(struct assay_http_request *r, struct assay_upload *u, struct assay_error *e) {
    static const size_t size = 64 * 1024;
    const struct assay_app *app = r->app;
    struct assay_inflate *body = assay_inflate_new(r, assay_app_inflated_bytes(r));
    struct assay_ndjson lines;
    char *chunk = assay_xmalloc(size);
    enum assay_status st = ASSAY_OK;
    int64_t bytes = 0;
    assay_ndjson_init(&lines, app->max_line);
    for (bool end = false; !end && !st;) {
        ssize_t n = assay_inflate_read(body, chunk, size, e);
        if (n < 0) {
            st = e->status;
            break;
        }
        end = n == 0;
        assay_upload_bytes(u, bytes += n);
        if (end) assay_ndjson_finish(&lines);
        else assay_ndjson_feed(&lines, chunk, (size_t)n);
        struct assay_ndjson_line line;
        while (!st && assay_ndjson_next(&lines, &line)) st = take_line(u, &line, e);
    }
    assay_ndjson_free(&lines);
    free(chunk);
    assay_inflate_free(body);
    return st;
}

static enum assay_http_flow post_lines(struct assay_http_request *r, const struct assay_upload_options *o,
                                       struct assay_session *s) {
    struct assay_upload *u = NULL;
    struct assay_error e = {0};
    enum assay_status st = assay_app_is_utf8(r, &e);
    if (!st && assay_http_param(r, "time_zone").p)
        st = assay_fail(&e, ASSAY_INVALID_PARAMETER, "time_zone", "it is for text/csv: JSON's instants have their offset");
    if (!st) st = assay_upload_begin(s, o, &u, &e);
    if (!st) st = read_lines(r, u, &e);
    enum assay_http_flow flow = answer_upload(r, u, st, &e);
    assay_upload_free(u);
    return flow;
}

/* --- tables */

struct table_upload {
    const struct assay_upload_options *options;
    struct assay_session *session;
    struct assay_upload *upload; /* from a good header on */
    struct assay_sheet *sheet;
};

static enum assay_status begin_table(void *arg, struct assay_sheet *sheet, struct assay_error *e) {
    struct table_upload *x = arg;
    x->sheet = sheet;
    enum assay_status st = assay_upload_begin(x->session, x->options, &x->upload, e);
    if (!st) assay_upload_sheet(x->upload, sheet);
    return st;
}

static enum assay_status take_row(void *arg, const struct assay_csv_row *row, struct assay_error *e) {
    struct table_upload *x = arg;
    return assay_upload_row(x->upload, row, e);
}

static enum assay_http_flow post_table(struct assay_http_request *r, const struct assay_upload_options *o,
                                       struct assay_session *s) {
    struct table_upload x = {.options = o, .session = s};
    struct assay_error e = {0};
    struct assay_errors es = {0};
    struct assay_body_table table = {.header = begin_table, .row = take_row, .arg = &x, .intake = &o->intake};
    enum assay_status st = assay_app_read_table(r, &table, &es, &e);
    if (x.upload) assay_upload_bytes(x.upload, table.bytes);
    enum assay_http_flow flow = es.n ? assay_app_fail_all(r, st, &es, &e) : answer_upload(r, x.upload, st, &e);
    assay_upload_free(x.upload);
    assay_sheet_free(x.sheet);
    return flow;
}

enum assay_http_flow assay_post_records_bulk(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload_options o;
    if (!s || !upload_options(r, &o)) return ASSAY_HTTP_DONE;
    return r->media == MEDIA_CSV ? post_table(r, &o, s) : post_lines(r, &o, s);
}
