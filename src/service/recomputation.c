/* recomputation.c -- a changed configuration is worked out beside the one in force, page by page, and shown at once.
 *
 * What is derived of a provider under a scheme stands on one of two sheets. A recomputation fills the sheets that are not
 * in force: provider by provider, in the order of order numbers, each page a short transaction under that provider's head
 * lock that also says how far it came. Ingest, which holds the same lock, writes what lies behind that position to both
 * sheets and what lies before it to the one in force. Once all is filled, one short transaction under all the head locks
 * turns the sheets and puts the new versions in force; whoever reads sees the old figures or the new.
 *
 * Nothing is remembered outside the database, and every step begins by reading it: it may be taken by anyone, again, or by
 * several at once. A step that dies leaves nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "service/internal.h"

/* Verdicts deleted in one transaction. */
#define CLEAR_PAGE 5000

struct step {
    struct assay_session *s;
    const struct assay_config *cfg; /* cfg->recomputation runs; cfg->next is what it brings */
    int32_t provider_id;
    struct assay_position position;
    struct assay_arena *a;
    struct assay_tally_sums sums;
    struct assay_verdict_row *verdicts;
    size_t n_verdicts;
    int64_t judged, changed;
};

/* --- a page ---------------------------------------------------------------------------------------------------------------- */

/* The sheets that are filled, of the step's provider. */
static size_t other_sheets(const struct step *t, int16_t *sheets) {
    const struct assay_recomputation *r = t->cfg->recomputation;
    for (size_t i = 0; i < r->n_schemes; i++) sheets[i] = assay_config_sheet(t->cfg->next, t->provider_id, r->schemes[i]);
    return r->n_schemes;
}

/* Does the order's verdict under the scheme differ from the one in force? */
static bool differs(struct step *t, const struct assay_config_scheme *scheme, const struct assay_order *o,
                    const struct assay_judged *now, struct assay_arena *scratch) {
    const struct assay_config_scheme *was = assay_config_scheme(t->cfg, assay_str_c(scheme->code));
    struct assay_judged old;
    if (!was) return now->row.outcome != ASSAY_OUTCOME_NONE;
    assay_judge_order(t->cfg, was, assay_config_provider_by_id(t->cfg, t->provider_id), o, now->row.key, scratch, &old);
    return !assay_verdict_row_equal(&old.row, &now->row);
}

static enum assay_status judge_row(struct step *t, const struct assay_order_row *row, struct assay_arena *scratch,
                                   struct assay_error *e) {
    const struct assay_config *next = t->cfg->next;
    struct assay_folded_record *recs;
    size_t n;
    struct assay_order o;
    bool changed = false;
    enum assay_status st = assay_packed_read(row->packed, scratch, &recs, &n, e);
    if (st) return st;
    assay_order_fold(recs, n, scratch, &o);
    for (size_t k = 0; k < next->n_schemes; k++) {
        struct assay_judged j;
        if (!assay_config_recomputes(next, next->schemes[k].id)) continue;
        assay_judge_order(next, &next->schemes[k], assay_config_provider_by_id(next, t->provider_id), &o, row->key, scratch, &j);
        assay_tally_sums_add(&t->sums, t->provider_id, j.row.scheme_id, &j.contribution, +1);
        changed = changed || differs(t, &next->schemes[k], &o, &j, scratch);
        if (j.row.outcome == ASSAY_OUTCOME_NONE) continue;
        j.row.fresh = true;
        t->verdicts[t->n_verdicts++] = j.row;
    }
    t->judged++;
    t->changed += changed;
    return ASSAY_OK;
}

static enum assay_status judge_loose_surveys(struct step *t, struct assay_error *e) {
    const struct assay_config *next = t->cfg->next;
    struct assay_record_row *rows;
    size_t n;
    enum assay_status st = assay_store_loose_surveys(t->s->db, t->provider_id, t->a, &rows, &n, e);
    for (size_t i = 0; !st && i < n; i++) {
        struct assay_record r;
        assay_record_init(&r);
        r.kind = rows[i].key.kind, r.type = rows[i].type, r.id = rows[i].key.id, r.at = rows[i].at;
        st = assay_record_from_content(rows[i].content, t->a, &r, e);
        for (size_t k = 0; !st && k < next->n_schemes; k++) {
            struct assay_contribution c;
            int16_t sheet = assay_config_sheet(next, t->provider_id, next->schemes[k].id);
            if (!assay_config_recomputes(next, next->schemes[k].id)) continue;
            assay_judge_loose_survey(&next->schemes[k], &r, &c);
            assay_tally_sums_add(&t->sums, t->provider_id, sheet, &c, +1);
        }
    }
    return st;
}

/* Judge the page behind the position, write it, move the position. The first page counts the responses without an order. */
static enum assay_status write_page(struct step *t, bool first, struct assay_error *e) {
    int page = t->s->service->options.recompute_page;
    struct assay_order_row *rows;
    struct assay_arena scratch = {0};
    size_t n;
    enum assay_status st = assay_store_orders_of(t->s->db, t->provider_id, t->position.upto, page, t->a, &rows, &n, e);
    if (st) return st;
    t->sums.arena = t->a;
    t->verdicts = assay_arena_alloc(t->a, (n * t->cfg->next->n_schemes + 1) * sizeof *t->verdicts);
    for (size_t i = 0; i < n && !st; i++) {
        st = judge_row(t, &rows[i], &scratch, e);
        assay_arena_reset(&scratch);
    }
    assay_arena_free(&scratch);
    if (!st && first) st = judge_loose_surveys(t, e);
    if (st) return st;
    assay_tally_sums_close(&t->sums);
    struct assay_ingest_save save = {.verdicts = t->verdicts,
                                     .n_verdicts = t->n_verdicts,
                                     .tallies = t->sums.rows,
                                     .n_tallies = t->sums.n,
                                     .pays = t->sums.pays,
                                     .n_pays = t->sums.n_pays};
    struct assay_position to = {.there = true, .done = n < (size_t)page, .upto = n ? rows[n - 1].key.order_no : t->position.upto};
    st = assay_store_ingest_save(t->s->db, &save, false, e);
    if (st) return st;
    return assay_store_position_move(t->s->db, t->cfg->recomputation->id, t->provider_id, &to, t->judged, t->changed, e);
}

/* Is the configuration still the one that the step goes by? */
static enum assay_status check_revision(struct step *t, bool *same, struct assay_error *e) {
    int64_t revision = 0;
    enum assay_status st = assay_store_config_revision(t->s->db, &revision, e);
    *same = !st && revision == t->cfg->revision;
    return st;
}

/* In a transaction. *useful: there is something to commit. */
static enum assay_status fill_locked(struct step *t, bool *useful, struct assay_error *e) {
    int16_t sheets[ASSAY_SCHEMES_MAX];
    bool same = false, more = false;
    *useful = false;
    enum assay_status st = assay_store_head_hold(t->s->db, t->provider_id, t->a, e);
    if (!st) st = check_revision(t, &same, e);
    if (!st && same) st = assay_store_position(t->s->db, t->cfg->recomputation->id, t->provider_id, t->a, &t->position, e);
    if (st || !same || !t->position.there || t->position.done) return st; /* someone else was here */
    *useful = true;
    bool first = !t->position.upto.p;
    if (first) /* what an earlier recomputation left on these sheets */
        st = assay_store_sheets_clear(t->s->db, t->provider_id, sheets, other_sheets(t, sheets), CLEAR_PAGE, &more, e);
    return st || more ? st : write_page(t, first, e);
}

static enum assay_status fill(struct step *t, struct assay_error *e) {
    bool useful = false;
    enum assay_status st = assay_db_begin(t->s->db, false, e);
    if (!st) st = fill_locked(t, &useful, e);
    if (!st && useful) st = assay_db_commit(t->s->db, e);
    if (st || !useful) assay_db_rollback(t->s->db);
    return st;
}

enum assay_change_what assay_cause_told(enum assay_cause_kind kind, bool several) {
    static const enum assay_change_what told[] = {[ASSAY_CAUSE_CALENDAR] = ASSAY_CHANGE_CALENDAR,
                                                  [ASSAY_CAUSE_RATES] = ASSAY_CHANGE_RATES,
                                                  [ASSAY_CAUSE_SCHEME] = ASSAY_CHANGE_SCHEME,
                                                  [ASSAY_CAUSE_PROVIDER] = ASSAY_CHANGE_PROVIDER};
    return several ? ASSAY_CHANGE_PROVIDERS : told[kind];
}

/* --- the end ----------------------------------------------------------------------------------------------------------------- */

/* In a transaction. */
static enum assay_status turn_locked(struct step *t, bool *useful, struct assay_error *e) {
    const struct assay_recomputation *r = t->cfg->recomputation;
    struct assay_db *db = t->s->db;
    int64_t revision = 0;
    int32_t *providers, unfilled = 0;
    size_t n = 0;
    struct assay_head *heads;
    *useful = false;
    enum assay_status st = assay_store_config_lock(db, &revision, e);
    if (st || revision != t->cfg->revision) return st;
    st = assay_store_position_providers(db, r->id, t->a, &providers, &n, e);
    if (!st && n) st = assay_store_heads_lock(db, providers, n, t->a, &heads, e);
    if (!st) st = assay_store_position_next(db, r->id, &unfilled, e);
    if (st || unfilled) return st;
    *useful = true;
    st = assay_store_sheets_turn(db, r, e);
    if (!st) st = assay_store_pending_settle(db, r->id, e);
    if (!st) st = assay_store_recomputation_end(db, r->id, ASSAY_RUN_DONE, assay_service_now(t->s->service), ASSAY_STR_NONE, e);
    if (!st) st = assay_store_config_advance(db, e);
    if (st) return st;
    return assay_store_change_configuration(db, revision + 1, assay_cause_told(r->cause_kind, !r->cause_code.p), r->cause_code,
                                            e);
}

/* The configuration has moved: this daemon sees it at once, whoever waits is told. */
static void moved(struct step *t) {
    struct assay_error later;
    if (assay_session_look(t->s, &later)) assay_revisions_lost(t->s->service->revisions);
    assay_service_committed(t->s->service, NULL, 0, 1);
}

static enum assay_status turn(struct step *t, struct assay_error *e) {
    bool useful = false;
    enum assay_status st = assay_db_begin(t->s->db, false, e);
    if (!st) st = turn_locked(t, &useful, e);
    if (!st && useful) st = assay_db_commit(t->s->db, e);
    if (st || !useful) assay_db_rollback(t->s->db);
    else moved(t);
    return st;
}

static enum assay_status fail_locked(struct step *t, const char *reason, struct assay_error *e) {
    const struct assay_recomputation *r = t->cfg->recomputation;
    int64_t revision = 0;
    enum assay_status st = assay_store_config_lock(t->s->db, &revision, e);
    if (!st && revision != t->cfg->revision) return assay_fail(e, ASSAY_RETRY, "", "the configuration moved");
    if (!st) st = assay_store_pending_withdraw(t->s->db, r->id, e);
    if (!st)
        st = assay_store_recomputation_end(t->s->db, r->id, ASSAY_RUN_FAILED, assay_service_now(t->s->service),
                                           assay_str_c(reason), e);
    return st ? st : assay_store_config_advance(t->s->db, e);
}

/* It cannot be worked out: what it was to bring is withdrawn, the figures in force stand. */
static enum assay_status give_up(struct step *t, const char *reason, struct assay_error *e) {
    enum assay_status st = assay_db_begin(t->s->db, false, e);
    if (!st) st = fail_locked(t, reason, e);
    if (!st) st = assay_db_commit(t->s->db, e);
    if (st) assay_db_rollback(t->s->db);
    else moved(t);
    return st;
}

/* Trying the same again may help. */
static bool is_passing(enum assay_status st) { return st == ASSAY_RETRY || st == ASSAY_DATABASE_UNAVAILABLE; }

static enum assay_status run_step(struct step *t, struct assay_error *e) {
    if (!t->cfg->next) return give_up(t, "nothing waits for it", e);
    enum assay_status st = assay_store_position_next(t->s->db, t->cfg->recomputation->id, &t->provider_id, e);
    if (!st) st = t->provider_id ? fill(t, e) : turn(t, e);
    if (!st || is_passing(st)) return st;
    struct assay_error ignored;
    char reason[sizeof e->detail + 96];
    const struct assay_config_provider *p = assay_config_provider_by_id(t->cfg, t->provider_id);
    snprintf(reason, sizeof reason, "%s%.*s%s%s", p ? "provider " : "", p ? (int)p->code.n : 0, p ? p->code.p : "", p ? ": " : "",
             e->detail);
    st = assay_db_restore(t->s->db, &ignored);
    return st ? st : give_up(t, reason, e);
}

/* --- afterwards --------------------------------------------------------------------------------------------------------------- */

/* In a transaction: clear a page of what is not in force of a provider any more. A recomputation that runs comes first, and
 * clears by itself. */
static enum assay_status tidy_locked(struct step *t, const struct assay_recomputation *r, struct assay_error *e) {
    int16_t sheets[2 * ASSAY_SCHEMES_MAX];
    bool running = false, more = false;
    enum assay_status st = assay_store_head_hold(t->s->db, t->provider_id, t->a, e);
    if (!st) st = assay_store_position_running(t->s->db, t->provider_id, &running, e);
    if (st || running) return st;
    for (size_t i = 0; i < r->n_schemes; i++) sheets[2 * i] = r->schemes[i], sheets[2 * i + 1] = (int16_t)-r->schemes[i];
    st = assay_store_sheets_clear(t->s->db, t->provider_id, sheets, 2 * r->n_schemes, CLEAR_PAGE, &more, e);
    return st || more ? st : assay_store_position_drop(t->s->db, r->id, t->provider_id, e);
}

static enum assay_status tidy(struct step *t, bool *idle, struct assay_error *e) {
    struct assay_recomputation *r;
    enum assay_status st = assay_store_recomputation_untidy(t->s->db, t->a, &r, e);
    *idle = !st && !r;
    if (st || !r) return st;
    st = assay_store_position_first(t->s->db, r->id, &t->provider_id, e);
    if (st) return st;
    if (!t->provider_id) return assay_store_recomputation_tidied(t->s->db, r->id, e);
    st = assay_db_begin(t->s->db, false, e);
    if (!st) st = tidy_locked(t, r, e);
    if (!st) st = assay_db_commit(t->s->db, e);
    if (st) assay_db_rollback(t->s->db);
    return st;
}

enum assay_status assay_recomputation_step(struct assay_session *s, bool *idle, struct assay_error *e) {
    struct assay_arena a = {0};
    *idle = false;
    enum assay_status st = assay_config_refresh(s->service, s->db, e);
    if (st) return st;
    struct step t = {.s = s, .cfg = assay_service_config(s->service), .a = &a};
    st = t.cfg->recomputation ? run_step(&t, e) : tidy(&t, idle, e);
    assay_config_release(t.cfg);
    assay_arena_free(&a);
    return st;
}

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

/* Whoever is told that one has ended finds its change in whatever this daemon says from then on. */
enum assay_status assay_recomputation_list(struct assay_session *s, int64_t before, int limit, struct assay_recomputation **rows,
                                           size_t *n, struct assay_error *e) {
    enum assay_status st = assay_store_recomputations(s->db, before, 0, limit, &s->arena, rows, n, e);
    return st ? st : assay_session_look(s, e);
}

enum assay_status assay_recomputation_get(struct assay_session *s, int64_t id, struct assay_recomputation **out,
                                          struct assay_error *e) {
    size_t n = 0;
    enum assay_status st = id > 0 ? assay_store_recomputations(s->db, 0, id, 1, &s->arena, out, &n, e) : ASSAY_OK;
    if (!st && n == 0) st = assay_fail(e, ASSAY_NOT_FOUND, "", "there is no recomputation %lld", (long long)id);
    if (!st && (*out)->status != ASSAY_RUN_RUNNING) st = assay_session_look(s, e);
    return st;
}

#define LOOK_FIRST_MS 2
#define LOOK_MAX_MS 100

enum assay_status assay_recomputation_wait(struct assay_session *s, int64_t id, int64_t ms, bool (*gone)(void *arg), void *arg,
                                           struct assay_recomputation **out, struct assay_error *e) {
    int64_t end = assay_clock_monotonic_us() + ms * 1000, pause = LOOK_FIRST_MS;
    enum assay_status st;
    for (;;) {
        assay_arena_reset(&s->arena);
        st = assay_recomputation_get(s, id, out, e);
        if (st || (*out)->status != ASSAY_RUN_RUNNING) break;
        if (assay_clock_monotonic_us() >= end || (gone && gone(arg))) return ASSAY_OK;
        assay_pause_ms(pause);
        if ((pause *= 2) > LOOK_MAX_MS) pause = LOOK_MAX_MS;
    }
    return st;
}
