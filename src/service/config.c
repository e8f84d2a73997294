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
    char *code;
    struct assay_calendar *calendar;
    struct assay_rates *rates;
    struct assay_scheme *scheme;
};

struct snapshot { /* struct assay_config and what it owns */
    struct assay_config config;
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

static struct parsed *find_parsed(const struct assay_config *c, enum assay_document_kind kind, const char *code,
                                  int32_t version) {
    const struct snapshot *s = (const struct snapshot *)c;
    for (size_t i = 0; s && i < s->n_parsed; i++) {
        struct parsed *p = s->parsed[i];
        if (p->kind == kind && p->version == version && !strcmp(p->code, code)) return p;
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
    struct parsed *p = find_parsed(now, kind, row->code.p, row->version);
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

static enum assay_status load_schemes(struct assay_service *s, struct assay_db *db, struct snapshot *sn, struct assay_error *e) {
    struct assay_document_row *rows;
    size_t n;
    enum assay_status st = assay_store_documents(db, ASSAY_DOC_SCHEME, &sn->arena, &rows, &n, e);
    if (st) return st;
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
    }
    sn->config.schemes = list;
    sn->config.n_schemes = count;
    return ASSAY_OK;
}

/* The newest version of each calendar and rate table. */
static enum assay_status load_newest(struct assay_service *s, struct assay_db *db, enum assay_document_kind kind,
                                     struct snapshot *sn, struct assay_error *e) {
    struct assay_document_row *rows;
    size_t n;
    enum assay_status st = assay_store_documents(db, kind, &sn->arena, &rows, &n, e);
    if (st) return st;
    struct assay_config_calendar *calendars = assay_arena_zalloc(&sn->arena, (n + 1) * sizeof *calendars);
    struct assay_config_rates *rates = assay_arena_zalloc(&sn->arena, (n + 1) * sizeof *rates);
    size_t count = 0;
    for (size_t i = 0, j; i < n; i = j) {
        j = run_end(rows, n, i);
        const struct assay_document_row *row = &rows[j - 1];
        struct parsed *p;
        if ((st = take_parsed(s, sn, kind, row, &p, e))) return st;
        if (kind == ASSAY_DOC_CALENDAR)
            calendars[count++] = (struct assay_config_calendar){row->code.p, row->version, row->recorded_at, row->document,
                                                                p->calendar};
        else rates[count++] = (struct assay_config_rates){row->code.p, row->version, row->recorded_at, row->document, p->rates};
    }
    if (kind == ASSAY_DOC_CALENDAR) sn->config.calendars = calendars, sn->config.n_calendars = count;
    else sn->config.rates = rates, sn->config.n_rates = count;
    return ASSAY_OK;
}

static int by_code(const void *x, const void *y) {
    return assay_str_cmp(((const struct assay_config_provider *)x)->code, ((const struct assay_config_provider *)y)->code);
}

/* Rows come by provider, then (effective_from, version): of one date the last version holds. */
static enum assay_status load_providers(struct assay_db *db, struct snapshot *sn, struct assay_error *e) {
    struct assay_provider_row *rows;
    size_t n;
    enum assay_status st = assay_store_providers(db, &sn->arena, &rows, &n, e);
    if (st) return st;
    struct assay_config_provider *list = assay_arena_zalloc(&sn->arena, (n + 1) * sizeof *list);
    size_t count = 0;
    for (size_t i = 0, j; i < n; i = j) {
        struct assay_provider_facts *facts = NULL;
        struct assay_config_provider *p = &list[count++];
        for (j = i; j < n && rows[j].provider_id == rows[i].provider_id; j++) continue;
        facts = assay_arena_alloc(&sn->arena, (j - i) * sizeof *facts);
        *p = (struct assay_config_provider){
            .id = rows[i].provider_id, .code = rows[i].code, .latest = &rows[i], .n_recorded = (int32_t)(j - i)};
        size_t k = 0;
        for (size_t r = i; r < j; r++) {
            if (k > 0 && facts[k - 1].effective_from == rows[r].effective_from) k--;
            facts[k++] = (struct assay_provider_facts){rows[r].effective_from, rows[r].city, rows[r].ascim};
            if (rows[r].version > p->latest->version) p->latest = &rows[r];
        }
        p->versions = (struct assay_provider_versions){k, facts};
        if (p->id > sn->config.max_id) sn->config.max_id = p->id;
    }
    qsort(list, count, sizeof *list, by_code);
    size_t slots = (size_t)sn->config.max_id + 1;
    const struct assay_config_provider **by_id = assay_arena_zalloc(&sn->arena, slots * sizeof *by_id);
    for (size_t i = 0; i < count; i++) by_id[list[i].id] = &list[i];
    sn->config.providers = list;
    sn->config.n_providers = count;
    sn->config.by_id = by_id;
    return ASSAY_OK;
}

enum assay_status assay_config_load(struct assay_service *s, struct assay_db *db, struct assay_config **out,
                                    struct assay_error *e) {
    struct snapshot *sn = assay_xcalloc(1, sizeof *sn);
    atomic_init(&sn->refs, 1);
    enum assay_status st = assay_store_config_revision(db, &sn->config.revision, e);
    if (!st) st = load_providers(db, sn, e);
    if (!st) st = load_newest(s, db, ASSAY_DOC_CALENDAR, sn, e);
    if (!st) st = load_newest(s, db, ASSAY_DOC_RATES, sn, e);
    if (!st) st = load_schemes(s, db, sn, e);
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
