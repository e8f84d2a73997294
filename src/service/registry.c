/* registry.c -- providers, calendars, rates and schemes: a new version, and every order it touches judged again, in one
 * transaction. Whoever reads sees the old figures or the new, never a mixture. */
#include <stdlib.h>

#include "service/internal.h"

#define TRIES 5
#define REFOLD_PAGE 2000

struct change { /* a configuration change under way */
    struct assay_session *s;
    const struct assay_config *before;
    struct assay_config *after;
    int64_t refolded;
};

/* --- refolding --------------------------------------------------------------------------------------------------------------- */

/* The scheme of `after` with its former self, where what it is judged by may differ. */
typedef bool scheme_filter(const struct change *c, const struct assay_config_scheme *scheme, const void *arg);

static const struct assay_config_scheme *former(const struct change *c, const struct assay_config_scheme *scheme) {
    return assay_config_scheme(c->before, assay_str_c(scheme->code));
}

static enum assay_status refold_page(struct change *c, int32_t provider_id, const struct assay_order_row *rows, size_t n,
                                     scheme_filter *affected, const void *arg, struct assay_error *e) {
    struct assay_arena a = {0}, scratch = {0}; /* of the page, of one order */
    struct assay_tally_sums sums = {.arena = &a};
    struct assay_verdict_row *verdicts = assay_arena_alloc(&a, (n * c->after->n_schemes + 1) * sizeof *verdicts);
    size_t n_verdicts = 0;
    const struct assay_config_provider *p_before = assay_config_provider_by_id(c->before, provider_id);
    const struct assay_config_provider *p_after = assay_config_provider_by_id(c->after, provider_id);
    enum assay_status st = ASSAY_OK;
    for (size_t i = 0; i < n && !st; i++) {
        struct assay_folded_record *recs;
        size_t n_recs;
        struct assay_order o;
        bool changed = false;
        if ((st = assay_packed_read(rows[i].packed, &scratch, &recs, &n_recs, e))) break;
        assay_order_fold(recs, n_recs, &scratch, &o);
        for (size_t k = 0; k < c->after->n_schemes; k++) {
            const struct assay_config_scheme *scheme = &c->after->schemes[k], *was = former(c, scheme);
            struct assay_judged old = {.row.outcome = ASSAY_OUTCOME_NONE}, now;
            if (!affected(c, scheme, arg)) continue;
            if (was) {
                assay_judge_order(c->before, was, p_before, &o, rows[i].key, &scratch, &old);
                assay_tally_sums_add(&sums, provider_id, scheme->id, &old.contribution, -1);
            }
            assay_judge_order(c->after, scheme, p_after, &o, rows[i].key, &scratch, &now);
            assay_tally_sums_add(&sums, provider_id, scheme->id, &now.contribution, +1);
            if (was ? assay_verdict_row_equal(&old.row, &now.row) : now.row.outcome == ASSAY_OUTCOME_NONE) continue;
            verdicts[n_verdicts++] = now.row;
            changed = true;
        }
        c->refolded += changed;
        assay_arena_reset(&scratch);
    }
    assay_tally_sums_close(&sums);
    struct assay_ingest_save save = {.verdicts = verdicts,
                                     .n_verdicts = n_verdicts,
                                     .tallies = sums.rows,
                                     .n_tallies = sums.n,
                                     .pays = sums.pays,
                                     .n_pays = sums.n_pays};
    if (!st) st = assay_store_ingest_save(c->s->db, &save, false, e);
    assay_arena_free(&scratch);
    assay_arena_free(&a);
    return st;
}

static enum assay_status refold_loose_surveys(struct change *c, int32_t provider_id, scheme_filter *affected, const void *arg,
                                              struct assay_error *e) {
    struct assay_arena a = {0};
    struct assay_tally_sums sums = {.arena = &a};
    struct assay_record_row *rows;
    size_t n;
    enum assay_status st = assay_store_loose_surveys(c->s->db, provider_id, &a, &rows, &n, e);
    for (size_t i = 0; i < n && !st; i++) {
        struct assay_record r;
        assay_record_init(&r);
        r.kind = rows[i].key.kind, r.type = rows[i].type, r.id = rows[i].key.id, r.at = rows[i].at;
        if ((st = assay_record_from_content(rows[i].content, &a, &r, e))) break;
        for (size_t k = 0; k < c->after->n_schemes; k++) {
            const struct assay_config_scheme *scheme = &c->after->schemes[k], *was = former(c, scheme);
            struct assay_contribution x;
            if (!affected(c, scheme, arg)) continue;
            if (was) {
                assay_judge_loose_survey(was, &r, &x);
                assay_tally_sums_add(&sums, provider_id, scheme->id, &x, -1);
            }
            assay_judge_loose_survey(scheme, &r, &x);
            assay_tally_sums_add(&sums, provider_id, scheme->id, &x, +1);
        }
    }
    assay_tally_sums_close(&sums);
    struct assay_ingest_save save = {.tallies = sums.rows, .n_tallies = sums.n};
    if (!st) st = assay_store_ingest_save(c->s->db, &save, false, e);
    assay_arena_free(&a);
    return st;
}

/* Judge again every order of a provider whose head is locked. */
static enum assay_status refold_provider(struct change *c, int32_t provider_id, scheme_filter *affected, const void *arg,
                                         struct assay_error *e) {
    struct assay_arena a = {0}, key = {0};
    struct assay_str after = ASSAY_STR_NONE;
    size_t n = REFOLD_PAGE;
    enum assay_status st = ASSAY_OK;
    while (!st && n == REFOLD_PAGE) {
        struct assay_order_row *rows;
        assay_arena_reset(&a);
        st = assay_store_orders_of(c->s->db, provider_id, after, REFOLD_PAGE, &a, &rows, &n, e);
        if (!st) st = refold_page(c, provider_id, rows, n, affected, arg, e);
        if (!st && n) {
            assay_arena_reset(&key);
            after = assay_arena_dup(&key, rows[n - 1].key.order_no);
        }
    }
    if (!st) st = refold_loose_surveys(c, provider_id, affected, arg, e);
    assay_arena_free(&a);
    assay_arena_free(&key);
    return st;
}

static int by_int(const void *x, const void *y) {
    int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;
    return (a > b) - (a < b);
}

static enum assay_status refold_providers(struct change *c, int32_t *ids, size_t n, scheme_filter *affected, const void *arg,
                                          struct assay_error *e) {
    struct assay_head *heads;
    struct assay_arena a = {0};
    if (n == 0) return ASSAY_OK;
    qsort(ids, n, sizeof *ids, by_int);
    enum assay_status st = assay_store_heads_lock(c->s->db, ids, n, &a, &heads, e);
    for (size_t i = 0; i < n && !st; i++) st = refold_provider(c, ids[i], affected, arg, e);
    assay_arena_free(&a);
    return st;
}

/* --- the frame of every change ------------------------------------------------------------------------------------------------ */

/* Begin, take the configuration's lock, and make sure that what we hold is what the database holds. */
static enum assay_status begin_change(struct change *c, struct assay_error *e) {
    enum assay_status st = assay_db_restore(c->s->db, e);
    for (int try = 0; !st && try < TRIES; try++) {
        int64_t revision;
        c->before = assay_service_config(c->s->service);
        st = assay_db_begin(c->s->db, false, e);
        if (!st) st = assay_store_config_lock(c->s->db, &revision, e);
        if (!st && revision == c->before->revision) return ASSAY_OK;
        assay_db_rollback(c->s->db);
        assay_config_release(c->before);
        c->before = NULL;
        if (!st) st = assay_config_refresh(c->s->service, c->s->db, e);
    }
    return st ? st : assay_fail(e, ASSAY_RETRY, "", "the configuration keeps changing");
}

/* Read the configuration as it will be, once the new rows are in; the feed says what they are. */
static enum assay_status see_after(struct change *c, enum assay_change_what what, struct assay_str name, struct assay_error *e) {
    enum assay_status st = assay_store_config_advance(c->s->db, e);
    if (!st) st = assay_config_load(c->s->service, c->s->db, &c->after, e);
    return st ? st : assay_store_change_configuration(c->s->db, c->after->revision, what, name, e);
}

static enum assay_status end_change(struct change *c, enum assay_status st, struct assay_error *e) {
    if (!st) st = assay_db_commit(c->s->db, e);
    if (st) assay_db_rollback(c->s->db);
    bool advanced = c->after != NULL;
    assay_config_release(c->before);
    assay_config_release(c->after);
    /* Others see it within a second; this daemon at once. */
    struct assay_error later;
    if (!st && assay_session_look(c->s, &later)) assay_revisions_lost(c->s->service->revisions);
    if (!st && advanced) assay_service_committed(c->s->service, NULL, 0, 1);
    return st;
}

/* --- providers --------------------------------------------------------------------------------------------------------------- */

static assay_date today(const struct change *c) {
    const struct assay_scheme *first = c->before->n_schemes ? assay_scheme_on(&c->before->schemes[0].versions, ASSAY_NO_DATE)
                                                            : NULL;
    assay_instant now = assay_service_now(c->s->service);
    return first ? assay_zone_date(first->zone, now, NULL) : (assay_date)(now / ASSAY_DAY);
}

static bool same_facts(const struct assay_provider_facts *x, const struct assay_provider_facts *y) {
    return x && assay_str_eq(x->city, y->city) && x->ascim == y->ascim;
}

/* The row a put adds, or false where it says what stands already. */
static bool provider_row(const struct change *c, const struct assay_provider *p, const struct assay_config_provider *known,
                         int32_t id, struct assay_provider_row *row) {
    assay_date from = p->facts.effective_from;
    if (known && from == ASSAY_NO_DATE) from = today(c);
    *row = (struct assay_provider_row){.provider_id = id,
                                       .version = known ? known->n_recorded + 1 : 1,
                                       .code = p->code,
                                       .name = p->name,
                                       .city = p->facts.city,
                                       .status = assay_str_c(assay_provider_status_name(p->status)),
                                       .ascim = p->facts.ascim,
                                       .effective_from = from,
                                       .recorded_at = assay_service_now(c->s->service)};
    if (!known) return true;
    bool same_names = assay_str_eq(known->latest->name, row->name) && assay_str_eq(known->latest->status, row->status);
    bool dated = p->facts.effective_from != ASSAY_NO_DATE;
    const struct assay_provider_facts *then = assay_provider_on(&known->versions, from);
    return !(same_names && same_facts(then, &p->facts) && (!dated || then->effective_from == from));
}

static bool any_scheme(const struct change *c, const struct assay_config_scheme *scheme, const void *arg) {
    (void)c, (void)scheme, (void)arg;
    return true;
}

/* A request's providers by code, then place: the versions of one stand together in the order they were sent. */
static int by_code_and_place(const void *x, const void *y) {
    const struct assay_provider *a = *(const struct assay_provider *const *)x, *b = *(const struct assay_provider *const *)y;
    int c = assay_str_cmp(a->code, b->code);
    return c ? c : (a > b) - (a < b);
}

static enum assay_status put_providers(struct change *c, const struct assay_provider *const *sorted,
                                       const struct assay_provider *first, size_t n, bool *created, struct assay_arena *a,
                                       struct assay_error *e) {
    struct assay_provider_row *rows = assay_arena_alloc(a, n * sizeof *rows);
    int32_t *moved = assay_arena_alloc(a, n * sizeof *moved), next_id = c->before->max_id + 1;
    size_t n_rows = 0, n_moved = 0;
    for (size_t i = 0, j; i < n; i = j) {
        const struct assay_config_provider *known = assay_config_provider(c->before, sorted[i]->code);
        size_t before = n_rows;
        int32_t id = known ? known->id : next_id;
        for (j = i; j < n && assay_str_eq(sorted[j]->code, sorted[i]->code); j++) {
            created[sorted[j] - first] = !known && j == i;
            bool news = provider_row(c, sorted[j], known, id, &rows[n_rows]);
            if (!news && n_rows == before) continue; /* says what stands; but after a change it is one back */
            if (!known && j > i && rows[n_rows].effective_from == ASSAY_NO_DATE) rows[n_rows].effective_from = today(c);
            rows[n_rows].version = (known ? known->n_recorded : 0) + (int32_t)(n_rows - before) + 1;
            n_rows++;
        }
        if (!known) next_id++;
        else if (n_rows > before) moved[n_moved++] = known->id;
    }
    if (n_rows == 0) return ASSAY_OK;
    bool several = !assay_str_eq(rows[0].code, rows[n_rows - 1].code); /* they are sorted by code */
    enum assay_status st = assay_store_provider_insert(c->s->db, rows, n_rows, e);
    if (!st)
        st = see_after(c, several ? ASSAY_CHANGE_PROVIDERS : ASSAY_CHANGE_PROVIDER, several ? ASSAY_STR_NONE : rows[0].code, e);
    return st ? st : refold_providers(c, moved, n_moved, any_scheme, NULL, e);
}

enum assay_status assay_registry_put_providers(struct assay_session *s, const struct assay_provider *p, size_t n, bool *created,
                                               struct assay_error *e) {
    struct change c = {.s = s};
    struct assay_arena a = {0};
    if (n == 0) return ASSAY_OK;
    const struct assay_provider **sorted = assay_arena_alloc(&a, n * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &p[i];
    qsort(sorted, n, sizeof *sorted, by_code_and_place);
    enum assay_status st = begin_change(&c, e);
    if (!st) st = end_change(&c, put_providers(&c, sorted, p, n, created, &a, e), e);
    assay_arena_free(&a);
    return st;
}

/* --- documents --------------------------------------------------------------------------------------------------------------- */

struct document {
    enum assay_document_kind kind;
    const char *code;
};

/* Does a version of the scheme, before or after, rest on the document? */
static bool rests_on(const struct assay_config_scheme *s, const struct document *d) {
    if (!s) return false;
    if (d->kind == ASSAY_DOC_SCHEME) return !strcmp(s->code, d->code);
    for (size_t i = 0; i < s->versions.n; i++) {
        const struct assay_scheme *v = s->versions.versions[i];
        if (!strcmp(d->kind == ASSAY_DOC_CALENDAR ? v->calendar_code : v->rates_code, d->code)) return true;
    }
    return false;
}

static bool touched_by_document(const struct change *c, const struct assay_config_scheme *scheme, const void *arg) {
    return rests_on(scheme, arg) || rests_on(former(c, scheme), arg);
}

/* Parse for the errors' sake. */
static enum assay_status check_document(struct assay_service *s, enum assay_document_kind kind, const char *code,
                                        struct assay_str text, int32_t version, assay_date *from, struct assay_errors *es) {
    struct assay_calendar *calendar = NULL;
    struct assay_rates *rates = NULL;
    struct assay_scheme *scheme = NULL;
    enum assay_status st = ASSAY_OK;
    switch (kind) {
    case ASSAY_DOC_CALENDAR: st = assay_calendar_new_from_json(text, assay_zones_get, &s->zones, &calendar, es); break;
    case ASSAY_DOC_RATES: st = assay_rates_new_from_json(text, code, version, &rates, es); break;
    case ASSAY_DOC_SCHEME:
        st = assay_scheme_new_from_json(text, code, version, ASSAY_NO_DATE, assay_zones_get, &s->zones, &scheme, es);
        break;
    }
    *from = scheme ? scheme->effective_from : ASSAY_NO_DATE;
    assay_calendar_free(calendar);
    assay_rates_free(rates);
    assay_scheme_free(scheme);
    return st;
}

struct standing { /* the version of a document in force */
    int32_t version;
    struct assay_str text;
    int16_t scheme_id;
    const char *currency;
};

static struct standing find_standing(const struct assay_config *cfg, enum assay_document_kind kind, const char *code) {
    struct standing s = {.version = 0};
    if (kind == ASSAY_DOC_CALENDAR) {
        const struct assay_config_calendar *x = assay_config_calendar(cfg, code);
        if (x) s.version = x->version, s.text = x->document;
    } else if (kind == ASSAY_DOC_RATES) {
        const struct assay_config_rates *x = assay_config_rates(cfg, code);
        if (x) s.version = x->version, s.text = x->document, s.currency = x->rates->currency;
    } else {
        const struct assay_config_scheme *x = assay_config_scheme(cfg, assay_str_c(code));
        if (x) s.version = x->rows[x->n_rows - 1].version, s.text = x->rows[x->n_rows - 1].document, s.scheme_id = x->id;
    }
    return s;
}

static int16_t next_scheme_id(const struct assay_config *cfg) {
    int16_t id = 0;
    for (size_t i = 0; i < cfg->n_schemes; i++)
        if (cfg->schemes[i].id > id) id = cfg->schemes[i].id;
    return (int16_t)(id + 1);
}

static enum assay_status check_references(const struct change *c, const struct document *d, struct assay_errors *es) {
    if (d->kind != ASSAY_DOC_SCHEME) return ASSAY_OK;
    const struct assay_config_scheme *s = assay_config_scheme(c->after, assay_str_c(d->code));
    for (size_t i = 0; s && i < s->versions.n; i++) {
        const char *calendar = s->versions.versions[i]->calendar_code;
        if (assay_config_calendar(c->after, calendar)) continue;
        assay_errors_add(es, ASSAY_INVALID_VALUE, "/calendar", "there is no calendar %s: put it first", calendar);
        return ASSAY_VALIDATION_FAILED;
    }
    return ASSAY_OK;
}

static enum assay_status put_document(struct change *c, const struct document *d, const struct standing *standing,
                                      struct assay_str text, assay_date from, struct assay_put_result *out,
                                      struct assay_errors *es, struct assay_error *e) {
    struct assay_document_row row = {.scheme_id = standing->scheme_id ? standing->scheme_id : next_scheme_id(c->before),
                                     .code = assay_str_c(d->code),
                                     .document = text,
                                     .version = standing->version + 1,
                                     .effective_from = from,
                                     .recorded_at = assay_service_now(c->s->service)};
    struct assay_arena a = {0};
    static const enum assay_change_what whats[] = {[ASSAY_DOC_CALENDAR] = ASSAY_CHANGE_CALENDAR,
                                                   [ASSAY_DOC_RATES] = ASSAY_CHANGE_RATES,
                                                   [ASSAY_DOC_SCHEME] = ASSAY_CHANGE_SCHEME};
    enum assay_status st = assay_store_document_insert(c->s->db, d->kind, &row, e);
    if (!st) st = see_after(c, whats[d->kind], row.code, e);
    if (!st) st = check_references(c, d, es);
    bool touches = false;
    for (size_t i = 0; !st && i < c->after->n_schemes; i++) touches = touches || touched_by_document(c, &c->after->schemes[i], d);
    if (!st && touches) {
        int32_t *ids = assay_arena_alloc(&a, (c->after->n_providers + 1) * sizeof *ids);
        for (size_t i = 0; i < c->after->n_providers; i++) ids[i] = c->after->providers[i].id;
        st = refold_providers(c, ids, c->after->n_providers, touched_by_document, d, e);
    }
    assay_arena_free(&a);
    *out = (struct assay_put_result){.created = standing->version == 0, .version = row.version, .refolded = c->refolded};
    return st;
}

enum assay_status assay_registry_put_document(struct assay_session *s, enum assay_document_kind kind, struct assay_str code,
                                              struct assay_str text, int32_t expected_version, struct assay_put_result *out,
                                              struct assay_errors *es, struct assay_error *e) {
    struct change c = {.s = s};
    struct assay_arena a = {0};
    struct document d = {kind, assay_arena_dup(&a, code).p};
    assay_date from;
    enum assay_status st = check_document(s->service, kind, d.code, text, 1, &from, es);
    if (!st) st = begin_change(&c, e);
    if (st) goto out;
    struct standing standing = find_standing(c.before, kind, d.code);
    if (expected_version >= 0 && expected_version != standing.version) {
        st = assay_fail(e, ASSAY_PRECONDITION_FAILED, "", "version %d stands", standing.version);
    } else if (standing.version && assay_str_eq(standing.text, text)) {
        *out = (struct assay_put_result){.unchanged = true, .version = standing.version};
    } else {
        st = put_document(&c, &d, &standing, text, from, out, es, e);
    }
    st = end_change(&c, st, e);
out:
    assay_arena_free(&a);
    return st;
}
