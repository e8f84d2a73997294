/* config.c -- the configuration in force: providers' facts, calendars, schemes, rates, as one immutable snapshot.
 *
 * A snapshot is built from the database, put in force by swapping a pointer, and freed when its last reader lets go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/internal.h"

#define ZONE_FILE_MAX (256 * 1024)

/* --- zones ----------------------------------------------------------------------------------------------------------- */

/* An IANA name is a relative path of plain segments; anything else could leave the folder. */
static bool zone_name_ok(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n > 64 || name[0] == '/') return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("_+-/", c);
        if (!plain) return false;
    }
    return true;
}

static bool read_file(const char *path, struct assay_buf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    struct stat st;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= ZONE_FILE_MAX;
    while (ok) {
        assay_buf_reserve(out, 4096);
        ssize_t n = read(fd, out->p + out->n, 4096);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) ok = false;
        if (n <= 0) break;
        out->n += (size_t)n;
    }
    close(fd);
    return ok;
}

const struct assay_zone *assay_zones_get(void *ctx, const char *name) {
    struct assay_zones *z = ctx;
    if (!zone_name_ok(name)) return NULL;
    pthread_mutex_lock(&z->lock);
    struct assay_zone *found = NULL;
    for (size_t i = 0; i < z->n && !found; i++)
        if (!strcmp(assay_zone_name(z->zones[i]), name)) found = z->zones[i];
    if (!found) {
        struct assay_buf path = {0}, bytes = {0};
        struct assay_error ignored;
        assay_buf_printf(&path, "%s/%s", z->dir, name);
        if (read_file(path.p, &bytes) && assay_zone_new(name, assay_buf_str(&bytes), &found, &ignored) == ASSAY_OK) {
            z->zones = assay_xrealloc(z->zones, (z->n + 1) * sizeof(struct assay_zone *));
            z->zones[z->n++] = found;
        }
        assay_buf_free(&path);
        assay_buf_free(&bytes);
    }
    pthread_mutex_unlock(&z->lock);
    return found;
}

/* --- snapshots --------------------------------------------------------------------------------------------------------- */

/* A parsed document, shared by the snapshots that hold the same version of it. */
struct parsed {
    atomic_int refs;
    enum assay_document_kind kind;
    int32_t version;
    char *code, *text; /* a version that was withdrawn may be followed by another of its number */
    struct assay_calendar *calendar;
    struct assay_rates *rates;
    struct assay_scheme *scheme;
};

struct snapshot { /* struct assay_config and what it owns */
    struct assay_config config;
    struct assay_config next; /* where versions wait for their recomputation */
    atomic_int refs;
    struct assay_arena arena;
    struct parsed **parsed;
    size_t n_parsed;
};

static void parsed_release(struct parsed *p) {
    if (atomic_fetch_sub(&p->refs, 1) > 1) return;
    assay_calendar_free(p->calendar);
    assay_rates_free(p->rates);
    assay_scheme_free(p->scheme);
    free(p->code);
    free(p->text);
    free(p);
}

void assay_config_release(const struct assay_config *c) {
    if (!c) return;
    struct snapshot *s = (struct snapshot *)(uintptr_t)c;
    if (atomic_fetch_sub(&s->refs, 1) > 1) return;
    for (size_t i = 0; i < s->n_parsed; i++) parsed_release(s->parsed[i]);
    free(s->parsed);
    assay_arena_free(&s->arena);
    free(s);
}

const struct assay_config *assay_service_config(struct assay_service *s) {
    pthread_mutex_lock(&s->config_lock);
    struct assay_config *c = s->config;
    if (c) atomic_fetch_add(&((struct snapshot *)c)->refs, 1);
    pthread_mutex_unlock(&s->config_lock);
    return c;
}

static struct parsed *find_parsed(const struct assay_config *c, enum assay_document_kind kind,
                                  const struct assay_document_row *row) {
    const struct snapshot *s = (const struct snapshot *)c;
    for (size_t i = 0; s && i < s->n_parsed; i++) {
        struct parsed *p = s->parsed[i];
        bool same = p->kind == kind && p->version == row->version && !strcmp(p->code, row->code.p);
        if (same && assay_str_is(row->document, p->text)) return p;
    }
    return NULL;
}

static enum assay_status parse_document(struct assay_service *s, enum assay_document_kind kind,
                                        const struct assay_document_row *row, struct parsed **out, struct assay_error *e) {
    struct parsed *p = assay_xcalloc(1, sizeof *p);
    atomic_init(&p->refs, 1);
    p->kind = kind;
    p->version = row->version;
    p->code = assay_xstrdup(row->code.p);
    p->text = assay_xstrdup(row->document.p);
    struct assay_errors *es = assay_xcalloc(1, sizeof *es);
    enum assay_status status = ASSAY_OK;
    switch (kind) {
    case ASSAY_DOC_CALENDAR:
        status = assay_calendar_new_from_json(row->document, assay_zones_get, &s->zones, &p->calendar, es);
        break;
    case ASSAY_DOC_RATES: status = assay_rates_new_from_json(row->document, p->code, row->version, &p->rates, es); break;
    case ASSAY_DOC_SCHEME:
        status = assay_scheme_new_from_json(row->document, p->code, row->version, row->effective_from, assay_zones_get, &s->zones,
                                            &p->scheme, es);
        break;
    }
    if (status) {
        const struct assay_error *first = &es->items[0];
        assay_fail(e, ASSAY_CONFIG, first->field, "stored document %s version %d: %s", p->code, p->version, first->detail);
        parsed_release(p);
        p = NULL;
        status = ASSAY_CONFIG;
    }
    free(es);
    *out = p;
    return status;
}

/* Row i's parsed form: taken over from the snapshot in force where that has it. */
static enum assay_status take_parsed(struct assay_service *s, struct snapshot *sn, enum assay_document_kind kind,
                                     const struct assay_document_row *row, struct parsed **out, struct assay_error *e) {
    const struct assay_config *now = assay_service_config(s);
    struct parsed *p = find_parsed(&sn->config, kind, row);
    if (!p) p = find_parsed(now, kind, row);
    enum assay_status status = ASSAY_OK;
    if (p) atomic_fetch_add(&p->refs, 1);
    else status = parse_document(s, kind, row, &p, e);
    assay_config_release(now);
    if (status) return status;
    sn->parsed = assay_xrealloc(sn->parsed, (sn->n_parsed + 1) * sizeof(struct parsed *));
    sn->parsed[sn->n_parsed++] = p;
    *out = p;
    return ASSAY_OK;
}

static int by_effective_version(const void *x, const void *y) {
    const struct assay_scheme *a = *(const struct assay_scheme *const *)x, *b = *(const struct assay_scheme *const *)y;
    if (a->effective_from != b->effective_from) return a->effective_from < b->effective_from ? -1 : 1;
    return (a->version > b->version) - (a->version < b->version);
}

/* First index after i whose code differs. */
static size_t run_end(const struct assay_document_row *rows, size_t n, size_t i) {
    size_t j = i + 1;
    while (j < n && assay_str_eq(rows[j].code, rows[i].code)) j++;
    return j;
}

/* What the database holds: everything recorded, and what waits for its recomputation. */
struct stored {
    struct assay_provider_row *providers;
    struct assay_document_row *documents[3]; /* by enum assay_document_kind */
    struct assay_sheet_row *sheets;
    size_t n_providers, n_documents[3], n_sheets;
    bool waiting; /* something waits */
};

static enum assay_status load_stored(struct assay_db *db, struct assay_arena *a, struct stored *in, struct assay_error *e) {
    enum assay_status st = assay_store_providers(db, a, &in->providers, &in->n_providers, e);
    for (size_t i = 0; !st && i < in->n_providers; i++) in->waiting = in->waiting || in->providers[i].recomputation;
    for (int k = 0; k < 3 && !st; k++) {
        st = assay_store_documents(db, (enum assay_document_kind)k, a, &in->documents[k], &in->n_documents[k], e);
        for (size_t i = 0; !st && i < in->n_documents[k]; i++) in->waiting = in->waiting || in->documents[k][i].recomputation;
    }
    return st ? st : assay_store_sheets(db, a, &in->sheets, &in->n_sheets, e);
}

/* The rows that are recorded: without those that wait. */
static struct assay_document_row *recorded_documents(const struct assay_document_row *rows, size_t *n, struct assay_arena *a) {
    struct assay_document_row *kept = assay_arena_alloc(a, (*n + 1) * sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; i < *n; i++)
        if (!rows[i].recomputation) kept[count++] = rows[i];
    *n = count;
    return kept;
}

static struct assay_provider_row *recorded_providers(const struct assay_provider_row *rows, size_t *n, struct assay_arena *a) {
    struct assay_provider_row *kept = assay_arena_alloc(a, (*n + 1) * sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; i < *n; i++)
        if (!rows[i].recomputation) kept[count++] = rows[i];
    *n = count;
    return kept;
}

static enum assay_status add_schemes(struct assay_service *s, struct snapshot *sn, struct assay_config *c,
                                     struct assay_document_row *rows, size_t n, struct assay_error *e) {
    enum assay_status st;
    struct assay_config_scheme *list = assay_arena_zalloc(&sn->arena, (n + 1) * sizeof *list);
    size_t count = 0;
    for (size_t i = 0, j; i < n; i = j) {
        j = run_end(rows, n, i);
        const struct assay_scheme **versions = assay_arena_alloc(&sn->arena, (j - i) * sizeof(struct assay_scheme *));
        for (size_t k = i; k < j; k++) {
            struct parsed *p;
            if ((st = take_parsed(s, sn, ASSAY_DOC_SCHEME, &rows[k], &p, e))) return st;
            versions[k - i] = p->scheme;
        }
        qsort(versions, j - i, sizeof *versions, by_effective_version);
        list[count++] = (struct assay_config_scheme){
            .id = rows[i].scheme_id, .code = rows[i].code.p, .versions = {j - i, versions}, .rows = &rows[i], .n_rows = j - i};
        if (rows[i].scheme_id > c->max_scheme) c->max_scheme = rows[i].scheme_id;
    }
    c->schemes = list;
    c->n_schemes = count;
    return ASSAY_OK;
}

/* Of calendars and rate tables the newest version holds. */
static enum assay_status add_newest(struct assay_service *s, enum assay_document_kind kind, struct snapshot *sn,
                                    struct assay_config *c, struct assay_document_row *rows, size_t n, struct assay_error *e) {
    enum assay_status st;
    struct assay_config_calendar *calendars = assay_arena_zalloc(&sn->arena, (n + 1) * sizeof *calendars);
    struct assay_config_rates *rates = assay_arena_zalloc(&sn->arena, (n + 1) * sizeof *rates);
    size_t count = 0;
    for (size_t i = 0, j; i < n; i = j) {
        j = run_end(rows, n, i);
        const struct assay_document_row *row = &rows[j - 1];
        struct parsed *p;
        if ((st = take_parsed(s, sn, kind, row, &p, e))) return st;
        if (kind == ASSAY_DOC_CALENDAR)
            calendars[count++] = (struct assay_config_calendar){
                row->code.p, row->version, row->recorded_at, row->document, p->calendar, &rows[i], j - i};
        else
            rates[count++] = (struct assay_config_rates){row->code.p, row->version, row->recorded_at, row->document, p->rates,
                                                         &rows[i],    j - i};
    }
    if (kind == ASSAY_DOC_CALENDAR) c->calendars = calendars, c->n_calendars = count;
    else c->rates = rates, c->n_rates = count;
    return ASSAY_OK;
}

static int by_code(const void *x, const void *y) {
    return assay_str_cmp(((const struct assay_config_provider *)x)->code, ((const struct assay_config_provider *)y)->code);
}

/* Rows come by provider, then (effective_from, version): of one date the last version holds. */
static void add_providers(struct snapshot *sn, struct assay_config *c, struct assay_provider_row *rows, size_t n) {
    struct assay_config_provider *list = assay_arena_zalloc(&sn->arena, (n + 1) * sizeof *list);
    size_t count = 0;
    for (size_t i = 0, j; i < n; i = j) {
        struct assay_provider_facts *facts = NULL;
        struct assay_config_provider *p = &list[count++];
        for (j = i; j < n && rows[j].provider_id == rows[i].provider_id; j++) continue;
        facts = assay_arena_alloc(&sn->arena, (j - i) * sizeof *facts);
        *p = (struct assay_config_provider){.id = rows[i].provider_id,
                                            .code = rows[i].code,
                                            .latest = &rows[i],
                                            .n_recorded = (int32_t)(j - i),
                                            .rows = &rows[i]};
        size_t k = 0;
        for (size_t r = i; r < j; r++) {
            if (k > 0 && facts[k - 1].effective_from == rows[r].effective_from) k--;
            facts[k++] = (struct assay_provider_facts){rows[r].effective_from, rows[r].city, rows[r].ascim};
            if (rows[r].version > p->latest->version) p->latest = &rows[r];
        }
        p->versions = (struct assay_provider_versions){k, facts};
        if (p->id > c->max_id) c->max_id = p->id;
    }
    qsort(list, count, sizeof *list, by_code);
    size_t slots = (size_t)c->max_id + 1;
    const struct assay_config_provider **by_id = assay_arena_zalloc(&sn->arena, slots * sizeof *by_id);
    for (size_t i = 0; i < count; i++) by_id[list[i].id] = &list[i];
    c->providers = list;
    c->n_providers = count;
    c->by_id = by_id;
}

/* Where in c->sheets a provider's and scheme's sheet stands. */
static size_t sheet_place(const struct assay_config *c, int32_t provider_id, int16_t scheme_id) {
    return (size_t)provider_id * ((size_t)c->max_scheme + 1) + (size_t)scheme_id;
}

/* From the rows; the schemes that a recomputation works out again (NULL: none) have the other sheet. */
static void add_sheets(struct assay_arena *a, struct assay_config *c, const struct assay_sheet_row *rows, size_t n,
                       const struct assay_recomputation *r) {
    int16_t *sheets = assay_arena_alloc(a, sheet_place(c, c->max_id + 1, 0) * sizeof *sheets);
    for (int32_t p = 0; p <= c->max_id; p++)
        for (int16_t k = 0; k <= c->max_scheme; k++) sheets[sheet_place(c, p, k)] = k;
    for (size_t i = 0; i < n; i++)
        if (rows[i].provider_id <= c->max_id && rows[i].scheme_id <= c->max_scheme)
            sheets[sheet_place(c, rows[i].provider_id, rows[i].scheme_id)] = rows[i].sheet;
    for (int32_t p = 0; r && p <= c->max_id; p++)
        for (size_t k = 0; k < r->n_schemes; k++)
            if (r->schemes[k] <= c->max_scheme)
                sheets[sheet_place(c, p, r->schemes[k])] = (int16_t)-sheets[sheet_place(c, p, r->schemes[k])];
    c->sheets = sheets;
}

static enum assay_status build(struct assay_service *s, struct snapshot *sn, struct assay_config *c, const struct stored *in,
                               bool with_waiting, struct assay_error *e) {
    struct stored rows = *in;
    enum assay_status st = ASSAY_OK;
    if (in->waiting && !with_waiting) {
        rows.providers = recorded_providers(in->providers, &rows.n_providers, &sn->arena);
        for (int k = 0; k < 3; k++) rows.documents[k] = recorded_documents(in->documents[k], &rows.n_documents[k], &sn->arena);
    }
    add_providers(sn, c, rows.providers, rows.n_providers);
    st = add_newest(s, ASSAY_DOC_CALENDAR, sn, c, rows.documents[ASSAY_DOC_CALENDAR], rows.n_documents[ASSAY_DOC_CALENDAR], e);
    if (!st) st = add_newest(s, ASSAY_DOC_RATES, sn, c, rows.documents[ASSAY_DOC_RATES], rows.n_documents[ASSAY_DOC_RATES], e);
    if (!st) st = add_schemes(s, sn, c, rows.documents[ASSAY_DOC_SCHEME], rows.n_documents[ASSAY_DOC_SCHEME], e);
    if (!st) add_sheets(&sn->arena, c, in->sheets, in->n_sheets, with_waiting ? c->recomputation : NULL);
    return st;
}

enum assay_status assay_config_load(struct assay_service *s, struct assay_db *db, struct assay_config **out,
                                    struct assay_error *e) {
    struct snapshot *sn = assay_xcalloc(1, sizeof *sn);
    struct stored in = {.waiting = false};
    struct assay_recomputation *running = NULL;
    atomic_init(&sn->refs, 1);
    enum assay_status st = assay_store_config_revision(db, &sn->config.revision, e);
    if (!st) st = load_stored(db, &sn->arena, &in, e);
    if (!st) st = assay_store_recomputation_running(db, &sn->arena, &running, e);
    sn->next.revision = sn->config.revision;
    sn->config.recomputation = sn->next.recomputation = running;
    if (!st) st = build(s, sn, &sn->config, &in, false, e);
    if (!st && in.waiting) st = build(s, sn, &sn->next, &in, true, e);
    if (in.waiting) sn->config.next = &sn->next;
    *out = &sn->config;
    if (st) assay_config_release(&sn->config), *out = NULL;
    return st;
}

enum assay_status assay_config_refresh(struct assay_service *s, struct assay_db *db, struct assay_error *e) {
    pthread_mutex_lock(&s->reload_lock);
    struct assay_config *fresh = NULL;
    int64_t revision = 0;
    /* One snapshot of the database, so that what is loaded belongs together. */
    enum assay_status st = assay_db_begin(db, true, e);
    if (!st) st = assay_store_config_revision(db, &revision, e);
    bool stale = !st && (!s->config || s->config->revision != revision);
    if (stale) st = assay_config_load(s, db, &fresh, e);
    if (!st) st = assay_db_commit(db, e);
    else assay_db_rollback(db);
    if (!st && fresh) {
        pthread_mutex_lock(&s->config_lock);
        struct assay_config *old = s->config;
        s->config = fresh;
        pthread_mutex_unlock(&s->config_lock);
        assay_revisions_note_config(s->revisions, revision);
        assay_config_release(old);
    } else {
        assay_config_release(fresh);
    }
    pthread_mutex_unlock(&s->reload_lock);
    return st;
}

/* --- lookups ----------------------------------------------------------------------------------------------------------- */

const struct assay_config_provider *assay_config_provider(const struct assay_config *c, struct assay_str code) {
    struct assay_config_provider key = {.code = code};
    return c->n_providers ? bsearch(&key, c->providers, c->n_providers, sizeof key, by_code) : NULL;
}

const struct assay_config_provider *assay_config_provider_by_id(const struct assay_config *c, int32_t id) {
    return id >= 0 && id <= c->max_id ? c->by_id[id] : NULL;
}

const struct assay_config_scheme *assay_config_scheme(const struct assay_config *c, struct assay_str code) {
    for (size_t i = 0; i < c->n_schemes; i++)
        if (assay_str_is(code, c->schemes[i].code)) return &c->schemes[i];
    return NULL;
}

const struct assay_config_calendar *assay_config_calendar(const struct assay_config *c, const char *code) {
    for (size_t i = 0; i < c->n_calendars; i++)
        if (!strcmp(code, c->calendars[i].code)) return &c->calendars[i];
    return NULL;
}

const struct assay_config_rates *assay_config_rates(const struct assay_config *c, const char *code) {
    for (size_t i = 0; i < c->n_rates; i++)
        if (!strcmp(code, c->rates[i].code)) return &c->rates[i];
    return NULL;
}

int16_t assay_config_sheet(const struct assay_config *c, int32_t provider_id, int16_t scheme_id) {
    bool known = c->sheets && provider_id >= 0 && provider_id <= c->max_id && scheme_id <= c->max_scheme;
    return known ? c->sheets[sheet_place(c, provider_id, scheme_id)] : scheme_id;
}

bool assay_config_recomputes(const struct assay_config *c, int16_t scheme_id) {
    for (size_t k = 0; c->recomputation && k < c->recomputation->n_schemes; k++)
        if (c->recomputation->schemes[k] == scheme_id) return true;
    return false;
}
