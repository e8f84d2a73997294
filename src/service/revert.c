/* revert.c -- an upload is taken back: each record that it brought is voided, so that all is as if it had never been sent,
 * whatever came before or after.
 *
 * The voids are records like any others, of an upload of their own (kind `revert`). Their ids follow from the upload and the
 * record's sequence, so that the work can be broken off, repeated, and done by two at once. What was voided before is voided
 * once more: should that void be taken back itself one day, the record still does not stand. */
#include <stdio.h>

#include "service/internal.h"

struct revert {
    struct assay_session *s;
    const struct assay_upload_row *upload;
    struct assay_upload_row row; /* of the voids */
    enum assay_party party;
    bool trial;    /* nothing is written: whether all of it may be taken back */
    bool was_done; /* before: its counts stand and only what is new is added */
    int64_t found; /* records that had no void of ours yet */
    char of[ASSAY_UPLOAD_ID_TEXT];
    struct assay_arena arena; /* of one slice */
};

#define WITH_RETRY(st, s, call)                                                                                          \
    do {                                                                                                                 \
        for (int try_ = 0; ((st) = (call)) == ASSAY_RETRY || (try_ < 3 && (st) == ASSAY_DATABASE_UNAVAILABLE); try_++) { \
            struct assay_error lost_;                                                                                    \
            if (assay_db_restore((s)->db, &lost_)) continue;                                                             \
        }                                                                                                                \
    } while (0)

static enum assay_status read_upload(struct assay_session *s, int64_t id, struct assay_upload_row **row, struct assay_error *e) {
    enum assay_status st;
    assay_instant alive = assay_service_now(s->service) - ASSAY_UPLOAD_SILENCE;
    WITH_RETRY(st, s, assay_store_upload(s->db, id, alive, &s->arena, row, e));
    return !st && !*row ? assay_fail(e, ASSAY_NOT_FOUND, "", "there is no such upload") : st;
}

/* The upload of the voids: the one that was begun before, or a new one. */
static enum assay_status find_revert(struct revert *v, struct assay_str request_id, struct assay_error *e) {
    assay_instant now = assay_service_now(v->s->service);
    struct assay_upload_row *row;
    bool claimed = v->upload->reverted_by != 0;
    enum assay_status st = ASSAY_OK;
    if (!claimed) {
        v->row = (struct assay_upload_row){.upload_id = assay_upload_id_new(now),
                                           .kind = ASSAY_STR("revert"),
                                           .status = ASSAY_STR("running"),
                                           .request_id = request_id,
                                           .content_type = ASSAY_STR(""),
                                           .party = v->party,
                                           .received_at = now,
                                           .finished_at = ASSAY_NO_INSTANT,
                                           .seen_at = now,
                                           .atomic = true};
        struct assay_audit_row act = {.action = ASSAY_STR("upload.reverted"), .subject = assay_str_c(v->of)};
        assay_audit_sign(v->s, &act, 1);
        WITH_RETRY(st, v->s, assay_store_upload_claim(v->s->db, v->upload->upload_id, &v->row, &act, &claimed, e));
        /* Not claimed: another was quicker, or it was us, unheard. */
        if (!st && claimed) return ASSAY_OK;
        if (!st) st = read_upload(v->s, v->upload->upload_id, &row, e);
        if (!st) v->upload = row;
    }
    if (!st) st = read_upload(v->s, v->upload->reverted_by, &row, e);
    if (!st) v->row = *row;
    return st;
}

static void make_void(struct revert *v, const struct assay_brought *x, struct assay_str provider, struct assay_item *out) {
    struct assay_record r;
    assay_record_init(&r);
    r.kind = ASSAY_KIND_REPAIR, r.type = ASSAY_EVENT_VOIDED, r.provider = provider;
    r.id = assay_str_c(assay_arena_printf(&v->arena, "%s%s:%lld", ASSAY_REVERT_PREFIX, v->of, (long long)x->record.seq));
    r.at = v->upload->received_at; /* said again it must be the same */
    r.reason = assay_str_c(assay_arena_printf(&v->arena, "upload %s was taken back", v->of));
    r.target = x->record.key.id, r.target_kind = x->record.key.kind;
    assay_item_of_record(&r, &(struct assay_sender){.party = v->party}, v->row.received_at, &v->arena, out);
    out->upload_id = v->row.upload_id;
}

/* Some of what the upload brought, in one transaction; finish: with it the work is done. */
static enum assay_status void_some(struct revert *v, const struct assay_brought *rows, size_t n, bool finish, bool *finished,
                                   struct assay_error *e) {
    const struct assay_config *cfg = assay_service_config(v->s->service);
    struct assay_item *items = assay_arena_alloc(&v->arena, (n + 1) * sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct assay_config_provider *p = assay_config_provider_by_id(cfg, rows[i].record.key.provider_id);
        if (!p || (rows[i].own && v->was_done)) continue; /* a provider is never taken away */
        v->row.received++;
        if (!rows[i].own) make_void(v, &rows[i], assay_arena_dup(&v->arena, p->code), &items[count++]);
        if (rows[i].voided && !rows[i].own) v->row.duplicates++;
        else v->row.accepted++;
    }
    assay_config_release(cfg);
    v->found += (int64_t)count;
    struct assay_ingest_run run = {.mode = v->trial ? ASSAY_INGEST_TRIAL : ASSAY_INGEST_ALL,
                                   .finish = finish && !v->trial ? &v->row : NULL,
                                   .counted = true,
                                   .arena = &v->arena};
    enum assay_status st = assay_ingest_run(v->s, items, count, &run, e);
    *finished = run.finished;
    if (st || run.kept) return st;
    for (size_t i = 0; i < count; i++)
        if (items[i].status == ASSAY_ORDER_CLOSED || items[i].status == ASSAY_SENDER_NOT_ALLOWED)
            return assay_fail(e, items[i].status, "", "%.*s: %s", ASSAY_STR_ARG(items[i].target), items[i].detail);
        else if (items[i].status)
            return assay_fail(e, ASSAY_INTERNAL, "", "%.*s could not be voided: %s", ASSAY_STR_ARG(items[i].target),
                              assay_status_code(items[i].status));
    return assay_fail(e, ASSAY_INTERNAL, "", "the upload could not be taken back");
}

static enum assay_status load(struct revert *v, int32_t provider_id, struct assay_brought **rows, size_t *n,
                              struct assay_error *e) {
    char prefix[sizeof ASSAY_REVERT_PREFIX + ASSAY_UPLOAD_ID_TEXT];
    snprintf(prefix, sizeof prefix, "%s%s:", ASSAY_REVERT_PREFIX, v->of);
    enum assay_status st;
    WITH_RETRY(
        st, v->s,
        assay_store_upload_records(v->s->db, v->upload->upload_id, provider_id, assay_str_c(prefix), &v->arena, rows, n, e));
    return st;
}

/* An upload too large for one transaction: slices of whole orders, provider by provider. */
static enum assay_status void_in_slices(struct revert *v, struct assay_error *e) {
    size_t slice = v->s->service->options.upload_slice, n_providers, n;
    struct assay_brought *rows;
    int32_t *providers;
    bool finished;
    enum assay_status st;
    WITH_RETRY(st, v->s, assay_store_upload_providers(v->s->db, v->upload->upload_id, &v->s->arena, &providers, &n_providers, e));
    for (size_t p = 0; p < n_providers && !st; p++) {
        assay_arena_reset(&v->arena);
        st = load(v, providers[p], &rows, &n, e);
        for (size_t i = 0, j; i < n && !st; i = j) {
            j = n - i > slice ? i + slice : n;
            while (j < n && assay_str_eq(rows[j - 1].record.order_no, rows[j].record.order_no)) j++;
            st = void_some(v, rows + i, j - i, false, &finished, e);
            struct assay_error ignored;
            if (!st && !v->trial &&
                assay_store_upload_seen(v->s->db, v->row.upload_id, assay_service_now(v->s->service), &ignored))
                st = assay_db_restore(v->s->db, e);
        }
    }
    return st;
}

/* All of it, by one transaction where it fits into one. */
static enum assay_status void_all(struct revert *v, bool *finished, struct assay_error *e) {
    struct assay_brought *rows;
    size_t n;
    /* The row of one that was broken off does not say how much it brought. */
    bool small = assay_str_is(v->upload->status, "done") && v->upload->received <= (int64_t)v->s->service->options.atomic_records;
    *finished = false;
    if (!small) return void_in_slices(v, e);
    enum assay_status st = load(v, 0, &rows, &n, e);
    return st ? st : void_some(v, rows, n, true, finished, e);
}

/* Who may not take back a record of a closed order gets nothing of the upload back, and leaves no trace of having tried. (What is
 * closed while it is taken back is found by the slice that it is in.) */
static enum assay_status may_take_back(const struct revert *v, struct assay_error *e) {
    struct revert trial = {.s = v->s, .upload = v->upload, .party = v->party, .trial = true};
    bool finished;
    if (v->party == ASSAY_PARTY_MANUFACTURER) return ASSAY_OK;
    memcpy(trial.of, v->of, sizeof trial.of);
    trial.row.received_at = assay_service_now(v->s->service);
    enum assay_status st = void_all(&trial, &finished, e);
    assay_arena_free(&trial.arena);
    return st;
}

static enum assay_status take_back(struct revert *v, struct assay_error *e) {
    bool finished;
    v->was_done = assay_str_is(v->row.status, "done");
    if (!v->was_done) v->row.received = v->row.accepted = v->row.duplicates = 0;
    v->row.status = ASSAY_STR("done");
    v->row.finished_at = v->row.seen_at = assay_service_now(v->s->service);
    enum assay_status st = void_all(v, &finished, e);
    if (st || finished || (v->was_done && v->found == 0)) return st;
    if (v->found == 0) { /* another may have done it all meanwhile, and counted it better */
        struct assay_upload_row *row;
        st = read_upload(v->s, v->row.upload_id, &row, e);
        if (st || assay_str_is(row->status, "done")) {
            if (!st) v->row = *row;
            return st;
        }
    }
    WITH_RETRY(st, v->s, assay_store_upload_finish(v->s->db, &v->row, e));
    return st;
}

enum assay_status assay_upload_revert(struct assay_session *s, int64_t upload_id, enum assay_party party,
                                      struct assay_str request_id, struct assay_reverted *out, struct assay_error *e) {
    struct revert v = {.s = s, .party = party};
    struct assay_upload_row *row;
    enum assay_status st = read_upload(s, upload_id, &row, e);
    if (st) return st;
    if (assay_str_is(row->status, "running"))
        return assay_fail(e, ASSAY_UPLOAD_RUNNING, "", "the upload is still running: wait until it has ended");
    v.upload = row;
    assay_upload_id_format(upload_id, v.of);
    st = may_take_back(&v, e);
    if (!st) st = find_revert(&v, request_id, e);
    if (!st) st = take_back(&v, e);
    assay_arena_free(&v.arena);
    if (st) return st;
    assay_upload_id_format(v.row.upload_id, out->revert);
    out->voided = v.row.accepted;
    out->already_voided = v.row.duplicates;
    return ASSAY_OK;
}
