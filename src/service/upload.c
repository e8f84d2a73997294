/* upload.c -- a bulk body: staged whole, then applied in slices of whole orders; what could not be taken is kept beside. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "service/internal.h"
#include "service/spool.h"

/* Errors shown in the reply; all of them stay readable under the upload. */
#define SHOWN_MAX 1000
/* Rejections gathered before they go to the database. */
#define REJECT_BATCH 500

struct shown { /* one error of the reply, with its text */
    struct assay_upload_error error;
    char detail[sizeof((struct assay_error *)0)->detail], pointer[sizeof((struct assay_error *)0)->field], id[65];
};

struct assay_upload {
    struct assay_session *session;
    struct assay_upload_options o;
    bool at_once;  /* taken or tried as a whole */
    bool too_many; /* ... and larger than that may be */
    struct assay_upload_row row;
    struct assay_arena arena; /* of the upload */
    struct assay_arena line;  /* of one line */
    struct assay_spool *spool;
    const struct assay_sheet *sheet; /* of a table; NULL: JSON */
    struct assay_errors row_errors;  /* of the row being read */
    int64_t seen_us;                 /* when its row last said that it runs */
    struct assay_ingest_run run;
    /* rejections not yet written */
    struct assay_rejection_row *rejections;
    size_t n_rejections;
    struct assay_arena rejection_arena;
    int64_t next_n;
    bool header_kept;
    struct shown **shown; /* the first SHOWN_MAX by line */
    size_t n_shown;
    struct assay_upload_error *errors;
    char id_text[ASSAY_UPLOAD_ID_TEXT];
};

void assay_upload_id_format(int64_t id, char out[ASSAY_UPLOAD_ID_TEXT]) {
    static const char digits[] = "0123456789abcdef";
    out[0] = 'u';
    for (int i = 0; i < 16; i++) out[16 - i] = digits[(uint64_t)id >> (4 * i) & 15];
    out[17] = '\0';
}

bool assay_upload_id_parse(struct assay_str s, int64_t *id) {
    if (s.n != 17 || s.p[0] != 'u') return false;
    uint64_t v = 0;
    for (size_t i = 1; i < 17; i++) {
        char c = s.p[i];
        if (c >= '0' && c <= '9') v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f') v = v << 4 | (uint64_t)(c - 'a' + 10);
        else return false;
    }
    if (v == 0 || v > INT64_MAX) return false;
    *id = (int64_t)v;
    return true;
}

/* Milliseconds since 1970 in the high bits, so that ids sort by time; 22 random bits below. */
#define ID_NOISE_BITS 22

int64_t assay_upload_id_from(assay_instant t) { return (t / 1000) << ID_NOISE_BITS; }

int64_t assay_upload_id_new(assay_instant now) {
    uint32_t noise = 0;
    while (getrandom(&noise, sizeof noise, 0) != (ssize_t)sizeof noise) continue;
    return assay_upload_id_from(now) | (int64_t)(noise & ((1u << ID_NOISE_BITS) - 1));
}

static const char *intake_name(enum assay_intake i) {
    static const char *const names[] = {[ASSAY_INTAKE_EVENTS] = "repair-events",
                                        [ASSAY_INTAKE_DISPATCHES] = "ccc-dispatches",
                                        [ASSAY_INTAKE_SURVEYS] = "survey-responses",
                                        [ASSAY_INTAKE_OBSERVATIONS] = "observations"};
    return names[i];
}

/* Run a small statement that may meet a lost connection. */
#define WITH_RETRY(st, call)                                                                                             \
    do {                                                                                                                 \
        for (int try_ = 0; ((st) = (call)) == ASSAY_RETRY || (try_ < 3 && (st) == ASSAY_DATABASE_UNAVAILABLE); try_++) { \
            struct assay_error lost_;                                                                                    \
            if (assay_db_restore(u->session->db, &lost_)) continue;                                                      \
        }                                                                                                                \
    } while (0)

/* The only one it may send of; 0: of any. */
static int32_t senders_provider(struct assay_service *s, const struct assay_sender *sender) {
    const struct assay_config *cfg = assay_service_config(s);
    const struct assay_config_provider *p = sender->provider.p ? assay_config_provider(cfg, sender->provider) : NULL;
    int32_t id = p ? p->id : 0;
    assay_config_release(cfg);
    return id;
}

enum assay_status assay_upload_begin(struct assay_session *s, const struct assay_upload_options *o, struct assay_upload **out,
                                     struct assay_error *e) {
    struct assay_upload *u = assay_xcalloc(1, sizeof *u);
    assay_instant now = assay_service_now(s->service);
    u->session = s;
    atomic_fetch_add(&s->service->counts.uploads, 1);
    u->o = *o;
    u->at_once = o->atomic || o->dry_run;
    u->row = (struct assay_upload_row){.upload_id = assay_upload_id_new(now),
                                       .kind = assay_str_c(intake_name(o->intake)),
                                       .status = ASSAY_STR("running"),
                                       .request_id = assay_arena_dup(&u->arena, o->request_id),
                                       .content_type = o->content_type.p ? assay_arena_dup(&u->arena, o->content_type)
                                                                         : ASSAY_STR(""),
                                       .party = o->sender.party,
                                       .provider_id = senders_provider(s->service, &o->sender),
                                       .received_at = now,
                                       .finished_at = ASSAY_NO_INSTANT,
                                       .seen_at = now,
                                       .atomic = o->atomic};
    assay_upload_id_format(u->row.upload_id, u->id_text);
    u->spool = assay_spool_new(s->service->options.spool_dir, s->service->options.upload_run_bytes,
                               &s->service->counts.spool_bytes);
    u->rejections = assay_xcalloc(REJECT_BATCH + 1, sizeof *u->rejections); /* and the header */
    u->shown = assay_xcalloc(SHOWN_MAX + 1, sizeof(struct shown *));
    u->seen_us = assay_clock_monotonic_us();
    enum assay_status st = ASSAY_OK;
    if (!o->dry_run) WITH_RETRY(st, assay_store_upload_start(s->db, &u->row, e));
    if (st) assay_upload_free(u), u = NULL;
    *out = u;
    return st;
}

void assay_upload_free(struct assay_upload *u) {
    if (!u) return;
    atomic_fetch_sub(&u->session->service->counts.uploads, 1);
    for (size_t i = 0; i < u->n_shown; i++) free(u->shown[i]);
    free(u->shown);
    free(u->errors);
    free(u->rejections);
    assay_arena_free(&u->rejection_arena);
    assay_arena_free(&u->arena);
    assay_arena_free(&u->line);
    assay_spool_free(u->spool);
    free(u);
}

void assay_upload_bytes(struct assay_upload *u, int64_t bytes) { u->row.bytes = bytes; }

/* How often an upload shows that it runs. */
#define SEEN_EVERY_US (INT64_C(20) * 1000000)

static enum assay_status show_life(struct assay_upload *u, struct assay_error *e) {
    int64_t now = assay_clock_monotonic_us();
    enum assay_status st = ASSAY_OK;
    if (u->o.dry_run || now - u->seen_us < SEEN_EVERY_US) return ASSAY_OK;
    u->seen_us = now;
    WITH_RETRY(st, assay_store_upload_seen(u->session->db, u->row.upload_id, assay_service_now(u->session->service), e));
    return st;
}

/* One more record of the body. */
static enum assay_status count_record(struct assay_upload *u, struct assay_error *e) {
    size_t most = u->session->service->options.atomic_records;
    if (u->at_once && (size_t)u->row.received >= most) {
        u->too_many = true;
        return assay_fail(e, ASSAY_TOO_LARGE, "", "more than %zu records are not taken as a whole; nothing was kept", most);
    }
    u->row.received++;
    return show_life(u, e);
}

/* --- rejections ----------------------------------------------------------------------------------------------------------- */

static enum assay_status flush_rejections(struct assay_upload *u, struct assay_error *e) {
    if (u->n_rejections == 0) return ASSAY_OK;
    enum assay_status st = ASSAY_OK;
    if (!u->o.dry_run)
        WITH_RETRY(st, assay_store_upload_reject(u->session->db, u->row.upload_id, u->rejections, u->n_rejections, e));
    u->n_rejections = 0;
    assay_arena_reset(&u->rejection_arena);
    return st;
}

/* Keep the error among the first by line: lines come in order while reading, in any order while applying. */
static void show(struct assay_upload *u, int64_t line, struct assay_str id, const struct assay_error *what) {
    if (u->n_shown == SHOWN_MAX && (int64_t)u->shown[SHOWN_MAX - 1]->error.line <= line) return;
    struct shown *x = assay_xcalloc(1, sizeof *x);
    snprintf(x->detail, sizeof x->detail, "%s", what->detail);
    snprintf(x->pointer, sizeof x->pointer, "%s", what->field);
    x->error = (struct assay_upload_error){
        .line = (size_t)line, .column = what->column, .status = what->status, .detail = x->detail, .pointer = x->pointer};
    if (id.p && id.n < sizeof x->id) {
        memcpy(x->id, id.p, id.n);
        x->error.id = (struct assay_str){x->id, id.n};
    }
    size_t at = u->n_shown;
    while (at > 0 && (int64_t)u->shown[at - 1]->error.line > line) at--;
    memmove(&u->shown[at + 1], &u->shown[at], (u->n_shown - at) * sizeof *u->shown);
    u->shown[at] = x;
    if (++u->n_shown > SHOWN_MAX) free(u->shown[--u->n_shown]);
}

/* The header of a table stands with its refused rows, as row -1, so that their file can be made of them alone. */
static void keep_header(struct assay_upload *u) {
    struct assay_buf header = {0};
    assay_sheet_header_write(u->sheet, &header);
    u->rejections[u->n_rejections++] = (struct assay_rejection_row){
        .n = ASSAY_REJECTION_HEADER,
        .line = 0,
        .id = ASSAY_STR_NONE,
        .code = ASSAY_STR(""),
        .pointer = ASSAY_STR(""),
        .detail = ASSAY_STR(""),
        .body = assay_arena_dup(&u->rejection_arena, assay_buf_str(&header))};
    assay_buf_free(&header);
    u->header_kept = true;
}

static enum assay_status reject_one(struct assay_upload *u, int64_t line, struct assay_str id, const struct assay_error *what,
                                    struct assay_str body, struct assay_error *e) {
    struct assay_arena *a = &u->rejection_arena;
    show(u, line, id, what);
    if (u->sheet && !u->header_kept) keep_header(u);
    u->rejections[u->n_rejections++] = (struct assay_rejection_row){.n = u->next_n++,
                                                                    .line = line,
                                                                    .id = assay_arena_dup(a, id),
                                                                    .code = assay_str_c(assay_status_code(what->status)),
                                                                    .pointer = assay_arena_dup(a, assay_str_c(what->field)),
                                                                    .detail = assay_arena_dup(a, assay_str_c(what->detail)),
                                                                    .body = assay_arena_dup(a, body)};
    return u->n_rejections >= REJECT_BATCH ? flush_rejections(u, e) : ASSAY_OK;
}

static enum assay_status reject_line(struct assay_upload *u, int64_t line, struct assay_str id, const struct assay_errors *es,
                                     struct assay_str body, struct assay_error *e) {
    enum assay_status st = ASSAY_OK;
    u->row.rejected++;
    for (size_t i = 0; i < assay_errors_kept(es) && !st; i++) {
        st = reject_one(u, line, id, &es->items[i], i == 0 ? body : ASSAY_STR_NONE, e);
    }
    return st;
}

enum assay_status assay_upload_bad_line(struct assay_upload *u, int64_t line, enum assay_status why, const char *detail,
                                        struct assay_error *e) {
    enum assay_status st = count_record(u, e);
    if (st) return st;
    u->row.rejected++;
    atomic_fetch_add(&u->session->service->counts.invalid[u->o.intake], 1);
    struct assay_error what;
    assay_fail(&what, why, "", "%s", detail);
    return reject_one(u, line, ASSAY_STR_NONE, &what, ASSAY_STR_NONE, e);
}

/* Whether the sender may send it; *es says why not. */
static bool may_send(const struct assay_upload *u, const struct assay_record *r, struct assay_errors *es) {
    struct assay_error e;
    es->n = 0;
    if (assay_sender_check(u->o.sender.party, r, &e) == ASSAY_OK) return true;
    assay_errors_add(es, e.status, e.field, "%s", e.detail);
    return false;
}

/* A record that was read is staged. original: as struct assay_item has it. */
static enum assay_status stage(struct assay_upload *u, const struct assay_record *r, struct assay_str original, int64_t line,
                               struct assay_error *e) {
    struct assay_item item;
    assay_item_of_record(r, &u->o.sender, u->row.received_at, &u->line, &item);
    item.upload_id = u->row.upload_id;
    item.line = line;
    item.original = original;
    return assay_spool_add(u->spool, &item, e);
}

enum assay_status assay_upload_line(struct assay_upload *u, struct assay_str text, int64_t line, struct assay_error *e) {
    struct assay_record r;
    struct assay_errors es = {0};
    enum assay_status st = count_record(u, e);
    if (st) return st;
    assay_arena_reset(&u->line);
    if (assay_record_from_json(text, u->o.intake, u->row.received_at, &u->line, &r, &es) != ASSAY_OK || !may_send(u, &r, &es)) {
        atomic_fetch_add(&u->session->service->counts.invalid[u->o.intake], 1);
        return reject_line(u, line, r.id, &es, text, e);
    }
    return stage(u, &r, ASSAY_STR_NONE, line, e);
}

void assay_upload_sheet(struct assay_upload *u, const struct assay_sheet *sheet) { u->sheet = sheet; }

enum assay_status assay_upload_row(struct assay_upload *u, const struct assay_csv_row *row, struct assay_error *e) {
    struct assay_record r;
    enum assay_status st = count_record(u, e);
    if (st) return st;
    assay_arena_reset(&u->line);
    if (assay_sheet_record(u->sheet, row, u->row.received_at, &u->line, &r, &u->row_errors) == ASSAY_OK &&
        may_send(u, &r, &u->row_errors))
        return stage(u, &r, row->text, (int64_t)row->line, e);
    atomic_fetch_add(&u->session->service->counts.invalid[u->o.intake], 1);
    struct assay_buf cells = {0};
    if (row->text.n) assay_sheet_cells_write(u->sheet, row->text, &cells);
    st = reject_line(u, (int64_t)row->line, r.id, &u->row_errors, assay_buf_str(&cells), e);
    assay_buf_free(&cells);
    return st;
}

enum assay_status assay_upload_event(struct assay_upload *u, const struct assay_json_doc *d, size_t i, struct assay_str text,
                                     struct assay_error *e) {
    struct assay_record r;
    enum assay_status st = count_record(u, e);
    if (st) return st;
    assay_arena_reset(&u->line);
    if (assay_cloudevent_decode(d, i, u->o.intake, u->row.received_at, &u->line, &r, &u->row_errors) == ASSAY_OK &&
        may_send(u, &r, &u->row_errors))
        return stage(u, &r, ASSAY_STR_NONE, (int64_t)i + 1, e);
    atomic_fetch_add(&u->session->service->counts.invalid[u->o.intake], 1);
    return reject_line(u, (int64_t)i + 1, r.id, &u->row_errors, text, e);
}

/* --- applying -------------------------------------------------------------------------------------------------------------- */

/* The record again as a sender would write it, for the file of what was refused. */
static void write_again(const struct assay_upload *u, const struct assay_item *it, struct assay_arena *a, struct assay_buf *b) {
    struct assay_record r;
    if (u->sheet) {
        assay_sheet_cells_write(u->sheet, it->original, b);
        return;
    }
    struct assay_error ignored;
    assay_record_init(&r);
    r.kind = it->kind, r.type = it->type, r.id = it->id, r.provider = it->provider, r.order = it->order, r.at = it->at;
    if (assay_record_from_content(it->content, a, &r, &ignored) == ASSAY_OK) assay_record_write(&r, NULL, b, NULL);
}

static enum assay_status tell_results(struct assay_upload *u, const struct assay_item *items, size_t n, struct assay_error *e) {
    enum assay_status st = ASSAY_OK;
    for (size_t i = 0; i < n && !st; i++) {
        const struct assay_item *it = &items[i];
        if (it->status == ASSAY_OK) {
            if (it->duplicate) u->row.duplicates++;
            else u->row.accepted++;
            continue;
        }
        struct assay_buf body = {0};
        write_again(u, it, &u->line, &body);
        u->row.rejected++;
        const char *pointer = it->status == ASSAY_UNKNOWN_PROVIDER ? "/provider" : it->status == ASSAY_ID_CONFLICT ? "/id" : "";
        struct assay_error what;
        assay_fail(&what, it->status, pointer, "%s", it->detail ? it->detail : assay_status_title(it->status));
        st = reject_one(u, it->line, it->id, &what, assay_buf_str(&body), e);
        assay_buf_free(&body);
    }
    return st;
}

static bool same_order(const struct assay_item *a, const struct assay_item *b) {
    return assay_str_eq(a->provider, b->provider) && assay_str_eq(a->order, b->order);
}

/* A slice of the upload: whole orders as far as that goes, and their text. */
struct slice {
    struct assay_item *items;
    size_t n;
    struct assay_arena arena;
};

/* A second hand: while one slice is with the database, the next is read, folded and written too. Only this thread of its
 * own touches its session; results are read when it is idle. */
struct second {
    struct assay_session *session;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct slice *work; /* being applied; NULL: idle */
    bool applied, stopping;
    enum assay_status status;
    struct assay_error error;
};

static void *second_run(void *arg) {
    struct second *h = arg;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->stopping && (!h->work || h->applied)) pthread_cond_wait(&h->moved, &h->lock);
        if (h->stopping) break;
        struct slice *slice = h->work;
        pthread_mutex_unlock(&h->lock);
        enum assay_status st = assay_ingest_apply(h->session, slice->items, slice->n, &h->error);
        pthread_mutex_lock(&h->lock);
        h->status = st;
        h->applied = true;
        pthread_cond_broadcast(&h->moved);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* NULL where there is no connection or thread to be had: then one hand does it all. */
static struct second *second_new(struct assay_service *s) {
    struct second *h = assay_xcalloc(1, sizeof *h);
    struct assay_error ignored;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->moved, NULL);
    if (assay_session_open(s, &h->session, &ignored) == ASSAY_OK && pthread_create(&h->thread, NULL, second_run, h) == 0)
        return h;
    assay_session_close(h->session);
    free(h);
    return NULL;
}

static void second_free(struct second *h) {
    if (!h) return;
    pthread_mutex_lock(&h->lock);
    while (h->work && !h->applied) pthread_cond_wait(&h->moved, &h->lock);
    h->stopping = true;
    pthread_cond_broadcast(&h->moved);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    assay_session_close(h->session);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->moved);
    free(h);
}

/* What the second hand has done is told, waiting for it where asked. *idle: it can be given work. */
static enum assay_status second_collect(struct assay_upload *u, struct second *h, bool wait, bool *idle, struct assay_error *e) {
    *idle = false;
    if (!h) return ASSAY_OK;
    pthread_mutex_lock(&h->lock);
    while (wait && h->work && !h->applied) pthread_cond_wait(&h->moved, &h->lock);
    struct slice *done = h->work && h->applied ? h->work : NULL;
    if (done) h->work = NULL, h->applied = false;
    *idle = h->work == NULL;
    pthread_mutex_unlock(&h->lock);
    if (!done) return ASSAY_OK;
    if (h->status) *e = h->error;
    return h->status ? h->status : tell_results(u, done->items, done->n, e);
}

static void second_give(struct second *h, struct slice *slice) {
    pthread_mutex_lock(&h->lock);
    h->work = slice;
    pthread_cond_broadcast(&h->moved);
    pthread_mutex_unlock(&h->lock);
}

static enum assay_status apply_here(struct assay_upload *u, struct slice *slice, struct assay_error *e) {
    enum assay_status st = assay_ingest_apply(u->session, slice->items, slice->n, e);
    return st ? st : tell_results(u, slice->items, slice->n, e);
}

/* Slices of about upload_slice records; an order is not cut while it fits in two of them. Two slices are under way at
 * once, save where their order matters: parts of one order, and records that wait for an earlier line's. */
struct apply {
    struct assay_upload *u;
    struct slice slices[2], *here;
    struct second *second;
    bool sought; /* a second hand was asked for */
};

static enum assay_status end_slice(struct apply *p, const struct assay_item *next, bool end, struct assay_error *e) {
    struct slice *full = p->here, *other = full == &p->slices[0] ? &p->slices[1] : &p->slices[0];
    const struct assay_item *last = &full->items[full->n - 1];
    bool in_turn = end || last->late || next->late || same_order(last, next);
    bool idle;
    assay_arena_reset(&p->u->line);
    enum assay_status st = show_life(p->u, e);
    if (st) return st;
    if (!in_turn && !p->sought) p->second = second_new(p->u->session->service), p->sought = true;
    st = second_collect(p->u, p->second, in_turn, &idle, e);
    if (st) return st;
    if (in_turn || !idle) {
        st = apply_here(p->u, full, e);
        full->n = 0;
        return st;
    }
    second_give(p->second, full);
    p->here = other;
    other->n = 0;
    assay_arena_reset(&other->arena);
    return ASSAY_OK;
}

static enum assay_status apply_all(struct assay_upload *u, struct assay_error *e) {
    size_t slice = u->session->service->options.upload_slice;
    struct apply p = {.u = u};
    struct assay_arena ahead = {0}; /* of the item read ahead */
    struct assay_item next;
    bool end = false, idle;
    for (int i = 0; i < 2; i++) p.slices[i].items = assay_xcalloc(2 * slice, sizeof *p.slices[i].items);
    p.here = &p.slices[0];
    enum assay_status st = assay_spool_sort(u->spool, e);
    while (!st && !end) {
        size_t n = p.here->n;
        bool may_cut = n >= slice;
        struct assay_arena *into = may_cut || n == 0 ? &ahead : &p.here->arena;
        if (into == &ahead) assay_arena_reset(&ahead);
        st = assay_spool_next(u->spool, into, &next, &end, e);
        if (st) break;
        const struct assay_item *last = n ? &p.here->items[n - 1] : NULL;
        bool cut = n > 0 && (end || n == 2 * slice || next.late != last->late || (may_cut && !same_order(last, &next)));
        if (cut) {
            if (into != &ahead && !end) next = assay_item_dup(&next, &ahead), into = &ahead;
            st = end_slice(&p, &next, end, e);
            if (p.here->n == 0) assay_arena_reset(&p.here->arena);
        }
        if (st || end) break;
        p.here->items[p.here->n++] = into == &ahead ? assay_item_dup(&next, &p.here->arena) : next;
    }
    struct assay_error later = {0}; /* the first failure is the one that is told */
    enum assay_status last = second_collect(u, p.second, true, &idle, &later);
    if (!st && last) *e = later;
    second_free(p.second);
    for (int i = 0; i < 2; i++) assay_arena_free(&p.slices[i].arena), free(p.slices[i].items);
    assay_arena_free(&ahead);
    return st ? st : last;
}

/* All of it in one transaction, or what would be if it were. A body with errors is not taken as a whole; then this is to find
 * the others. The transaction ends the upload too, so that whoever finds its row done finds its records. */
static enum assay_status apply_at_once(struct assay_upload *u, struct assay_error *e) {
    size_t most = (size_t)(u->row.received - u->row.rejected), n = 0;
    struct assay_item *items = assay_xcalloc(most + 1, sizeof *items);
    struct assay_arena arena = {0};
    bool end = false, trial = u->o.dry_run || u->row.rejected > 0;
    enum assay_status st = assay_spool_sort(u->spool, e);
    while (!st && !end && n <= most) {
        st = assay_spool_next(u->spool, &arena, &items[n], &end, e);
        if (!st && !end) n++;
    }
    u->run = (struct assay_ingest_run){
        .mode = trial ? ASSAY_INGEST_TRIAL : ASSAY_INGEST_ALL, .finish = trial ? NULL : &u->row, .arena = &u->arena};
    u->row.status = ASSAY_STR("done");
    u->row.finished_at = u->row.seen_at = assay_service_now(u->session->service);
    if (!st) st = assay_ingest_run(u->session, items, n, &u->run, e);
    u->row.accepted = u->row.duplicates = 0;
    if (!st) st = tell_results(u, items, n, e);
    if (u->row.rejected > 0 && !u->o.dry_run) u->row.accepted = 0;
    assay_arena_free(&arena);
    free(items);
    return st;
}

/* How it ended is written down, unless it was with the last records. */
static enum assay_status end_upload(struct assay_upload *u, struct assay_str status, struct assay_error *e) {
    enum assay_status st = ASSAY_OK;
    u->row.status = status;
    u->row.finished_at = u->row.seen_at = assay_service_now(u->session->service);
    if (!u->o.dry_run && !u->run.finished) WITH_RETRY(st, assay_store_upload_finish(u->session->db, &u->row, e));
    return st;
}

enum assay_status assay_upload_finish(struct assay_upload *u, struct assay_upload_reply *reply, struct assay_error *e) {
    enum assay_status st = u->at_once ? apply_at_once(u, e) : apply_all(u, e);
    if (!st) st = flush_rejections(u, e);
    bool refused = u->o.atomic && u->row.rejected > 0;
    /* What slices took before a failure stays taken and is counted; the sender sends all again, harmlessly. */
    struct assay_str status = st ? ASSAY_STR("interrupted") : refused ? ASSAY_STR("refused") : ASSAY_STR("done");
    struct assay_error ignored;
    enum assay_status told = end_upload(u, status, st ? &ignored : e);
    if (st || told) return st ? st : told;
    u->errors = assay_xcalloc(u->n_shown, sizeof *u->errors);
    for (size_t i = 0; i < u->n_shown; i++) u->errors[i] = u->shown[i]->error;
    *reply = (struct assay_upload_reply){.upload = u->o.dry_run ? ASSAY_STR_NONE : assay_str_c(u->id_text),
                                         .received = u->row.received,
                                         .accepted = u->row.accepted,
                                         .duplicates = u->row.duplicates,
                                         .rejected = u->row.rejected,
                                         .n_errors = u->n_shown,
                                         .errors = u->errors,
                                         .refused = refused,
                                         .dry_run = u->o.dry_run,
                                         .n_changes = u->run.n_changes,
                                         .changes = u->run.changes};
    return ASSAY_OK;
}

void assay_upload_abandon(struct assay_upload *u) {
    struct assay_error ignored;
    enum assay_status st = flush_rejections(u, &ignored);
    if (!st) st = end_upload(u, u->too_many ? ASSAY_STR("refused") : ASSAY_STR("interrupted"), &ignored);
    (void)st; /* else it goes silent, and is found broken off */
}
