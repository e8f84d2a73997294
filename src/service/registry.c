/* registry.c -- providers, calendars, rates and schemes: a new version. Where it touches no order it is recorded at once;
 * else it waits, with everything it brings, for the recomputation that is begun here (recomputation.c), and until that is
 * done nobody sees it. */
#include <stdlib.h>

#include "service/internal.h"

#define TRIES 5
#define TURN_LOOK_MS 20

struct change { /* a configuration change under way, in a transaction under the configuration's lock */
    struct assay_session *s;
    const struct assay_config *before;
    struct assay_config *after; /* with the new versions waiting: after->next has them in force */
    int64_t id;                 /* what they wait for */
    struct assay_arena *a;
};

/* --- the frame of every change ------------------------------------------------------------------------------------------------ */

static void leave_change(struct change *c) {
    assay_db_rollback(c->s->db);
    assay_config_release(c->before);
    assay_config_release(c->after);
    c->before = c->after = NULL;
}

/* Begin, take the configuration's lock, and make sure that what we hold is what the database holds. */
static enum assay_status begin_change(struct change *c, struct assay_error *e) {
    enum assay_status st = assay_db_restore(c->s->db, e);
    for (int try = 0; !st && try < TRIES; try++) {
        int64_t revision;
        c->before = assay_service_config(c->s->service);
        st = assay_db_begin(c->s->db, false, e);
        if (!st) st = assay_store_config_lock(c->s->db, &revision, e);
        if (!st && revision == c->before->revision) return assay_store_recomputation_next_id(c->s->db, &c->id, e);
        leave_change(c);
        if (!st) st = assay_config_refresh(c->s->service, c->s->db, e);
    }
    return st ? st : assay_fail(e, ASSAY_RETRY, "", "the configuration keeps changing");
}

/* Read the configuration as it will be, once the new rows are in. */
static enum assay_status see_after(struct change *c, struct assay_error *e) {
    enum assay_status st = assay_store_config_advance(c->s->db, e);
    return st ? st : assay_config_load(c->s->service, c->s->db, &c->after, e);
}

/* The feed says what has come into force with this very change. (What waits is told of when it is turned.) */
static enum assay_status tell(struct change *c, enum assay_change_what what, struct assay_str name, struct assay_error *e) {
    return assay_store_change_configuration(c->s->db, c->after->revision, what, name, e);
}

static enum assay_status end_change(struct change *c, enum assay_status st, struct assay_error *e) {
    if (!st) st = assay_db_commit(c->s->db, e);
    bool advanced = c->after != NULL;
    leave_change(c);
    /* Others see it within a second; this daemon at once. */
    struct assay_error later;
    if (!st && assay_session_look(c->s, &later)) assay_revisions_lost(c->s->service->revisions);
    if (!st && advanced) assay_service_committed(c->s->service, NULL, 0, 1);
    return st;
}

static enum assay_status busy(const struct change *c, struct assay_error *e) {
    return assay_fail(e, ASSAY_RECOMPUTATION_BUSY, "", "recomputation %lld is under way",
                      c->before->recomputation ? (long long)c->before->recomputation->id : 0);
}

/* What the change touches is worked out again: `what` says why; its schemes are named by the caller. */
static enum assay_status begin_recomputation(struct change *c, struct assay_recomputation *what, const int32_t *providers,
                                             size_t n, struct assay_error *e) {
    if (c->before->recomputation) return busy(c, e);
    what->id = c->id;
    what->started_at = assay_service_now(c->s->service);
    what->runner = c->s->service->runner_id;
    return assay_store_recomputation_begin(c->s->db, what, providers, n, e);
}

/* While another recomputation runs, a change that needs one waits for its turn. by_hand: the caller takes its steps. */
struct turn {
    int64_t end_us;
    bool by_hand;
};

static struct turn turn_of(const struct assay_session *s, bool by_hand) {
    return (struct turn){assay_clock_monotonic_us() + (int64_t)s->service->options.recompute_turn_ms * 1000, by_hand};
}

/* False once the turn is over. */
static bool await_turn(struct assay_session *s, const struct turn *t) {
    struct assay_error ignored;
    bool idle;
    if (assay_clock_monotonic_us() >= t->end_us) return false;
    if (!t->by_hand || assay_db_restore(s->db, &ignored) || assay_recomputation_step(s, &idle, &ignored))
        assay_pause_ms(TURN_LOOK_MS);
    return true;
}

/* Take the steps until it has ended and nothing of it is left. */
static enum assay_status work_out(struct assay_session *s, int64_t id, int64_t *changed, struct assay_error *e) {
    struct assay_recomputation *r = NULL;
    struct assay_arena a = {0};
    size_t n = 0;
    int failures = 0;
    bool idle = false;
    enum assay_status st = assay_store_recomputation_count(s->db, id, e);
    while (!st && !idle) {
        st = assay_recomputation_step(s, &idle, e);
        if ((st != ASSAY_RETRY && st != ASSAY_DATABASE_UNAVAILABLE) || ++failures == TRIES) continue;
        assay_pause_ms(TURN_LOOK_MS << failures);
        st = assay_db_restore(s->db, e);
    }
    if (!st) st = assay_store_recomputations(s->db, 0, id, 1, &a, &r, &n, e);
    if (!st && n && r->status == ASSAY_RUN_FAILED)
        st = assay_fail(e, ASSAY_RECOMPUTATION_FAILED, "", "%.*s", ASSAY_STR_ARG(r->reason));
    if (!st && n) *changed = r->orders_changed;
    assay_arena_free(&a);
    return st;
}

/* --- what was done ------------------------------------------------------------------------------------------------------------ */

static struct assay_str text_of(struct change *c, struct assay_buf *b) {
    struct assay_str s = assay_arena_dup(c->a, assay_buf_str(b));
    assay_buf_free(b);
    return s;
}

static struct assay_str describe_provider(struct change *c, const struct assay_provider_row *r) {
    struct assay_buf b = {0};
    assay_json_object(&b, NULL);
    assay_json_int(&b, "version", r->version);
    assay_json_str(&b, "name", r->name);
    assay_json_str(&b, "city", r->city);
    assay_json_bool(&b, "ascim", r->ascim);
    assay_json_str(&b, "status", r->status);
    assay_json_date(&b, "effective_from", r->effective_from);
    assay_json_object_end(&b);
    return text_of(c, &b);
}

/* Versions are kept for ever, so that to say which stood and which stands says it all. */
static struct assay_str describe_version(struct change *c, int32_t version) {
    struct assay_buf b = {0};
    if (!version) return ASSAY_STR_NONE;
    assay_json_object(&b, NULL);
    assay_json_int(&b, "version", version);
    assay_json_object_end(&b);
    return text_of(c, &b);
}

/* Also of what waits for its recomputation: it was decided now. */
static enum assay_status write_providers_act(struct change *c, const struct assay_provider_row *rows, size_t n,
                                             struct assay_error *e) {
    struct assay_audit_row *acts = assay_arena_zalloc(c->a, n * sizeof *acts);
    for (size_t i = 0; i < n; i++) {
        const struct assay_config_provider *was = assay_config_provider_by_id(c->before, rows[i].provider_id);
        const struct assay_provider_row *before = i && rows[i - 1].provider_id == rows[i].provider_id ? &rows[i - 1]
                                                  : was                                               ? was->latest
                                                                                                      : NULL;
        acts[i] = (struct assay_audit_row){.action = ASSAY_STR("provider.put"),
                                           .subject = rows[i].code,
                                           .before = before ? describe_provider(c, before) : ASSAY_STR_NONE,
                                           .after = describe_provider(c, &rows[i])};
    }
    return assay_audit_act(c->s, acts, n, e);
}

static enum assay_status write_document_act(struct change *c, enum assay_document_kind kind, const struct assay_document_row *row,
                                            struct assay_error *e) {
    static const char *const actions[] = {
        [ASSAY_DOC_CALENDAR] = "calendar.put", [ASSAY_DOC_RATES] = "rates.put", [ASSAY_DOC_SCHEME] = "scheme.put"};
    struct assay_audit_row act = {.action = assay_str_c(actions[kind]),
                                  .subject = row->code,
                                  .before = describe_version(c, row->version - 1),
                                  .after = describe_version(c, row->version)};
    return assay_audit_act(c->s, &act, 1, e);
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

/* Do the facts differ on any date? */
static bool facts_differ(const struct assay_config_provider *x, const struct assay_config_provider *y) {
    for (size_t i = 0; i < x->versions.n + y->versions.n; i++) {
        assay_date d = i < x->versions.n ? x->versions.facts[i].effective_from
                                         : y->versions.facts[i - x->versions.n].effective_from;
        if (!same_facts(assay_provider_on(&x->versions, d), assay_provider_on(&y->versions, d))) return true;
    }
    return false;
}

/* A request's providers by code, then place: the versions of one stand together in the order they were sent. */
static int by_code_and_place(const void *x, const void *y) {
    const struct assay_provider *a = *(const struct assay_provider *const *)x, *b = *(const struct assay_provider *const *)y;
    int c = assay_str_cmp(a->code, b->code);
    return c ? c : (a > b) - (a < b);
}

/* The rows that the request adds. *first_new: the id from which on providers are new. */
static enum assay_status provider_rows(struct change *c, const struct assay_provider *const *sorted,
                                       const struct assay_provider *first, size_t n, bool *created,
                                       struct assay_provider_row *rows, size_t *n_rows, struct assay_error *e) {
    int32_t next_id = c->before->max_id + 1;
    *n_rows = 0;
    for (size_t i = 0, j; i < n; i = j) {
        const struct assay_config_provider *known = assay_config_provider(c->before, sorted[i]->code);
        size_t before = *n_rows;
        int32_t id = known ? known->id : next_id;
        for (j = i; j < n && assay_str_eq(sorted[j]->code, sorted[i]->code); j++) {
            struct assay_provider_row *row = &rows[*n_rows];
            created[sorted[j] - first] = !known && j == i;
            bool news = provider_row(c, sorted[j], known, id, row);
            if (!news && *n_rows == before) continue; /* says what stands; but after a change it is one back */
            if (!known && j > i && row->effective_from == ASSAY_NO_DATE) row->effective_from = today(c);
            row->version = (known ? known->n_recorded : 0) + (int32_t)(*n_rows - before) + 1;
            row->recomputation = c->id;
            ++*n_rows;
        }
        if (!known) next_id++;
        else if (*n_rows > before && c->before->next &&
                 assay_config_provider_by_id(c->before->next, id)->n_recorded > known->n_recorded)
            return busy(c, e); /* it waits already */
    }
    return ASSAY_OK;
}

/* Of the providers in rows: those whose facts the change moves wait; the others are recorded, and where every provider is
 * worked out again, a new one begins with both its sheets complete: it has no orders. */
static enum assay_status part_providers(struct change *c, const struct assay_provider_row *rows, size_t n, int64_t *recomputation,
                                        struct assay_error *e) {
    int32_t *moved = assay_arena_alloc(c->a, n * sizeof *moved), *still = assay_arena_alloc(c->a, n * sizeof *still),
            *fresh = assay_arena_alloc(c->a, n * sizeof *fresh);
    size_t n_moved = 0, n_still = 0, n_fresh = 0, first_moved = 0;
    const struct assay_recomputation *running = c->before->recomputation;
    for (size_t i = 0; i < n; i++) {
        int32_t id = rows[i].provider_id;
        const struct assay_config_provider *was = assay_config_provider_by_id(c->before, id);
        if (i && rows[i - 1].provider_id == id) continue;
        if (!was) fresh[n_fresh++] = id;
        if (was && c->before->n_schemes && facts_differ(was, assay_config_provider_by_id(c->after->next, id))) {
            if (!n_moved) first_moved = i;
            moved[n_moved++] = id;
        } else {
            still[n_still++] = id;
        }
    }
    const struct assay_provider_row *told = NULL; /* a row of those that are recorded */
    for (size_t i = 0; i < n && n_still; i++)
        if (rows[i].provider_id == still[0]) told = &rows[i];
    enum assay_status st = assay_store_providers_settle(c->s->db, c->id, still, n_still, e);
    if (!st && told)
        st = tell(c, assay_cause_told(ASSAY_CAUSE_PROVIDER, n_still > 1), n_still > 1 ? ASSAY_STR_NONE : told->code, e);
    if (!st && running && running->every_provider) st = assay_store_positions_add(c->s->db, running->id, fresh, n_fresh, true, e);
    if (st || n_moved == 0) return st;
    struct assay_recomputation what = {.cause_kind = ASSAY_CAUSE_PROVIDER};
    if (n_moved == 1) {
        what.cause_code = rows[first_moved].code;
        for (size_t i = first_moved; i < n && rows[i].provider_id == moved[0]; i++) what.cause_version = rows[i].version;
    }
    for (size_t i = 0; i < c->after->next->n_schemes; i++) {
        if (what.n_schemes == ASSAY_SCHEMES_MAX)
            return assay_fail(e, ASSAY_OVERFLOW, "", "more than %d schemes", ASSAY_SCHEMES_MAX);
        what.schemes[what.n_schemes++] = c->after->next->schemes[i].id;
    }
    *recomputation = c->id;
    return begin_recomputation(c, &what, moved, n_moved, e);
}

static enum assay_status put_providers(struct change *c, const struct assay_provider *const *sorted,
                                       const struct assay_provider *first, size_t n, int32_t expected_version, bool *created,
                                       int64_t *recomputation, struct assay_error *e) {
    struct assay_provider_row *rows = assay_arena_alloc(c->a, n * sizeof *rows);
    const struct assay_config_provider *known = assay_config_provider(c->before, first->code);
    size_t n_rows = 0;
    int32_t stands = known ? known->latest->version : 0;
    if (expected_version != ASSAY_ANY_VERSION && expected_version != stands)
        return assay_fail(e, ASSAY_PRECONDITION_FAILED, "", "version %d stands", stands);
    enum assay_status st = provider_rows(c, sorted, first, n, created, rows, &n_rows, e);
    if (st || n_rows == 0) return st;
    st = assay_store_provider_insert(c->s->db, rows, n_rows, e);
    if (!st) st = write_providers_act(c, rows, n_rows, e);
    if (!st) st = see_after(c, e);
    return st ? st : part_providers(c, rows, n_rows, recomputation, e);
}

static enum assay_status begin_providers(struct assay_session *s, const struct assay_provider *p, size_t n,
                                         int32_t expected_version, bool *created, int64_t *recomputation, bool by_hand,
                                         struct assay_error *e) {
    struct assay_arena a = {0};
    enum assay_status st;
    *recomputation = 0;
    if (n == 0) return ASSAY_OK;
    const struct assay_provider **sorted = assay_arena_alloc(&a, n * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &p[i];
    qsort(sorted, n, sizeof *sorted, by_code_and_place);
    struct turn turn = turn_of(s, by_hand);
    do {
        struct change c = {.s = s, .a = &a};
        *recomputation = 0;
        st = begin_change(&c, e);
        if (!st) st = end_change(&c, put_providers(&c, sorted, p, n, expected_version, created, recomputation, e), e);
        else leave_change(&c);
    } while (st == ASSAY_RECOMPUTATION_BUSY && await_turn(s, &turn));
    assay_arena_free(&a);
    return st;
}

enum assay_status assay_registry_begin_providers(struct assay_session *s, const struct assay_provider *p, size_t n,
                                                 int32_t expected_version, bool *created, int64_t *recomputation,
                                                 struct assay_error *e) {
    enum assay_status st = begin_providers(s, p, n, expected_version, created, recomputation, false, e);
    if (!st && *recomputation) assay_recomputation_kick(s->service);
    return st;
}

enum assay_status assay_registry_put_providers(struct assay_session *s, const struct assay_provider *p, size_t n, bool *created,
                                               struct assay_error *e) {
    int64_t recomputation, changed;
    enum assay_status st = begin_providers(s, p, n, ASSAY_ANY_VERSION, created, &recomputation, true, e);
    return st || !recomputation ? st : work_out(s, recomputation, &changed, e);
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
    const struct assay_config_scheme *s = assay_config_scheme(c->after->next, assay_str_c(d->code));
    for (size_t i = 0; s && i < s->versions.n; i++) {
        const char *calendar = s->versions.versions[i]->calendar_code;
        if (assay_config_calendar(c->after->next, calendar)) continue;
        assay_errors_add(es, ASSAY_INVALID_VALUE, "/calendar", "there is no calendar %s: put it first", calendar);
        return ASSAY_VALIDATION_FAILED;
    }
    return ASSAY_OK;
}

/* The schemes whose figures rest on it, before or after. */
static enum assay_status list_touched(const struct change *c, const struct document *d, struct assay_recomputation *what,
                                      struct assay_error *e) {
    const struct assay_config *next = c->after->next;
    for (size_t i = 0; i < next->n_schemes; i++) {
        const struct assay_config_scheme *s = &next->schemes[i];
        if (!rests_on(s, d) && !rests_on(assay_config_scheme(c->before, assay_str_c(s->code)), d)) continue;
        if (what->n_schemes == ASSAY_SCHEMES_MAX)
            return assay_fail(e, ASSAY_OVERFLOW, "", "more than %d schemes", ASSAY_SCHEMES_MAX);
        what->schemes[what->n_schemes++] = s->id;
    }
    return ASSAY_OK;
}

/* Does a version of it wait already? */
static bool is_waiting(const struct change *c, const struct document *d, const struct standing *standing) {
    return c->before->next && find_standing(c->before->next, d->kind, d->code).version > standing->version;
}

static enum assay_status put_document(struct change *c, const struct document *d, const struct standing *standing,
                                      struct assay_str text, assay_date from, struct assay_put_result *out,
                                      struct assay_errors *es, struct assay_error *e) {
    struct assay_document_row row = {.scheme_id = standing->scheme_id ? standing->scheme_id : next_scheme_id(c->before),
                                     .code = assay_str_c(d->code),
                                     .document = text,
                                     .version = standing->version + 1,
                                     .effective_from = from,
                                     .recorded_at = assay_service_now(c->s->service),
                                     .recomputation = c->id};
    struct assay_recomputation what = {.cause_kind = (enum assay_cause_kind)d->kind,
                                       .cause_code = row.code,
                                       .cause_version = row.version,
                                       .every_provider = true};
    *out = (struct assay_put_result){.created = standing->version == 0, .version = row.version};
    if (is_waiting(c, d, standing)) return busy(c, e);
    if (d->kind == ASSAY_DOC_SCHEME && !standing->scheme_id && c->before->recomputation)
        return busy(c, e); /* ids are given in turn */
    enum assay_status st = assay_store_document_insert(c->s->db, d->kind, &row, e);
    if (!st) st = write_document_act(c, d->kind, &row, e);
    if (!st) st = see_after(c, e);
    if (!st) st = check_references(c, d, es);
    if (!st) st = list_touched(c, d, &what, e);
    if (st) return st;
    if (what.n_schemes == 0 || c->after->n_providers == 0) {
        st = assay_store_pending_settle(c->s->db, c->id, e);
        return st ? st : tell(c, assay_cause_told((enum assay_cause_kind)d->kind, false), row.code, e);
    }
    int32_t *ids = assay_arena_alloc(c->a, c->after->n_providers * sizeof *ids);
    for (size_t i = 0; i < c->after->n_providers; i++) ids[i] = c->after->providers[i].id;
    out->recomputation = c->id;
    return begin_recomputation(c, &what, ids, c->after->n_providers, e);
}

static enum assay_status begin_document(struct assay_session *s, const struct document *d, struct assay_str text,
                                        int32_t expected_version, bool by_hand, struct assay_put_result *out,
                                        struct assay_errors *es, struct assay_error *e) {
    assay_date from;
    struct assay_arena a = {0};
    enum assay_status st = check_document(s->service, d->kind, d->code, text, 1, &from, es);
    if (st) return st;
    struct turn turn = turn_of(s, by_hand);
    do {
        struct change c = {.s = s, .a = &a};
        if ((st = begin_change(&c, e))) {
            leave_change(&c);
            break;
        }
        struct standing standing = find_standing(c.before, d->kind, d->code);
        if (expected_version != ASSAY_ANY_VERSION && expected_version != standing.version) {
            st = assay_fail(e, ASSAY_PRECONDITION_FAILED, "", "version %d stands", standing.version);
        } else if (standing.version && assay_json_equal(standing.text, text)) {
            *out = (struct assay_put_result){.unchanged = true, .version = standing.version};
        } else {
            st = put_document(&c, d, &standing, text, from, out, es, e);
        }
        st = end_change(&c, st, e);
    } while (st == ASSAY_RECOMPUTATION_BUSY && await_turn(s, &turn));
    assay_arena_free(&a);
    return st;
}

enum assay_status assay_registry_begin_document(struct assay_session *s, enum assay_document_kind kind, struct assay_str code,
                                                struct assay_str text, int32_t expected_version, struct assay_put_result *out,
                                                struct assay_errors *es, struct assay_error *e) {
    struct assay_arena a = {0};
    struct document d = {kind, assay_arena_dup(&a, code).p};
    enum assay_status st = begin_document(s, &d, text, expected_version, false, out, es, e);
    if (!st && out->recomputation) assay_recomputation_kick(s->service);
    assay_arena_free(&a);
    return st;
}

enum assay_status assay_registry_put_document(struct assay_session *s, enum assay_document_kind kind, struct assay_str code,
                                              struct assay_str text, int32_t expected_version, struct assay_put_result *out,
                                              struct assay_errors *es, struct assay_error *e) {
    struct assay_arena a = {0};
    struct document d = {kind, assay_arena_dup(&a, code).p};
    enum assay_status st = begin_document(s, &d, text, expected_version, true, out, es, e);
    if (!st && out->recomputation) st = work_out(s, out->recomputation, &out->refolded, e);
    assay_arena_free(&a);
    return st;
}
