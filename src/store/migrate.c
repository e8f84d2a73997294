/* migrate.c -- bring the schema up to this program's, and say whether it is there.
 *
 * Each step takes the advisory lock in its own transaction and looks again at what is applied, so that any number of
 * programs may migrate at once. Nothing is ever undone: a schema newer than this program is refused. */
#include <stdio.h>
#include <stdlib.h>

#include "store/embedded.h"
#include "store/rows.h"

#define MIGRATION_LOCK "SELECT pg_advisory_xact_lock(6500190134524248)" /* any number, the same for every assayd */

/* Migrations are numbered from 1 without gaps; the number is the file's. */
static int known_migrations(void) {
    int n = 0;
    while (assay_migrations[n].name) n++;
    return n;
}

/* How many are applied, each of them the one this program knows by that number. */
static enum assay_status count_applied(struct assay_db *db, int *applied, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_MIGRATION_LIST, NULL, &r, e);
    if (s) return s;
    int n = PQntuples(r), known = known_migrations();
    if (n > known)
        s = assay_fail(e, ASSAY_CONFIG, "",
                       "the database's schema has version %d, newer than this program's %d: run a newer assayd", n, known);
    for (int i = 0; !s && i < n; i++) {
        if (pg_get_int4(r, i, 0) == i + 1 && !strcmp(PQgetvalue(r, i, 1), assay_migrations[i].name)) continue;
        s = assay_fail(e, ASSAY_CONFIG, "",
                       "the database's migration %d is %s, not this program's %s: it is another program's database",
                       pg_get_int4(r, i, 0), PQgetvalue(r, i, 1), assay_migrations[i].name);
    }
    PQclear(r);
    *applied = n;
    return s;
}

static enum assay_status record_migration(struct assay_db *db, int number, assay_instant now, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, number);
    pg_text(&args, assay_str_c(assay_migrations[number - 1].name));
    pg_instant(&args, now);
    enum assay_status s = pg_write(db, ASSAY_Q_MIGRATION_INSERT, &args, 1, e);
    pg_args_free(&args);
    return s;
}

/* A transaction under the lock, which a long migration or a long wait may hold open. */
static enum assay_status begin_step(struct assay_db *db, struct assay_error *e) {
    enum assay_status s = assay_db_begin(db, false, e);
    if (!s) s = pg_plain(db, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0", e);
    if (!s) s = pg_plain(db, MIGRATION_LOCK, e);
    return s;
}

static enum assay_status end_step(struct assay_db *db, enum assay_status s, struct assay_error *e) {
    if (!s) s = assay_db_commit(db, e);
    if (s) assay_db_rollback(db);
    return s;
}

/* Apply the first migration that is missing. *done: none is. */
static enum assay_status apply_next(struct assay_db *db, assay_instant now, bool *done, struct assay_error *e) {
    int applied = 0;
    enum assay_status s = begin_step(db, e);
    if (!s)
        s = pg_plain(db,
                     "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY, name text NOT NULL, "
                     "applied_at timestamptz NOT NULL)",
                     e);
    if (!s) s = count_applied(db, &applied, e);
    *done = applied >= known_migrations();
    if (!s && !*done) {
        s = pg_plain(db, assay_migrations[applied].text, e);
        if (!s) s = record_migration(db, applied + 1, now, e);
    }
    return end_step(db, s, e);
}

static enum assay_status seed_documents(struct assay_db *db, enum assay_document_kind kind, const struct assay_embedded *files,
                                        assay_instant now, struct assay_error *e) {
    enum assay_status s = ASSAY_OK;
    for (int16_t i = 0; files[i].name && !s; i++) {
        struct assay_document_row row = {.scheme_id = (int16_t)(i + 1),
                                         .code = assay_str_c(files[i].name),
                                         .document = assay_str_c(files[i].text),
                                         .version = 1,
                                         .effective_from = ASSAY_NO_DATE,
                                         .recorded_at = now};
        s = assay_store_document_insert(db, kind, &row, e);
    }
    return s;
}

static enum assay_status insert_config(struct assay_db *db, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, ASSAY_ENGINE);
    enum assay_status s = pg_write(db, ASSAY_Q_CONFIG_INSERT, &args, 1, e);
    pg_args_free(&args);
    return s;
}

static enum assay_status has_config(struct assay_db *db, bool *there, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_CONFIG_REVISION, NULL, &r, e);
    *there = !s && PQntuples(r) == 1;
    PQclear(r);
    return s;
}

static enum assay_status seed(struct assay_db *db, assay_instant now, struct assay_error *e) {
    bool there = true;
    enum assay_status s = begin_step(db, e);
    if (!s) s = has_config(db, &there, e);
    if (!s && !there) {
        s = insert_config(db, e);
        if (!s) s = seed_documents(db, ASSAY_DOC_CALENDAR, assay_seed_calendars, now, e);
        if (!s) s = seed_documents(db, ASSAY_DOC_SCHEME, assay_seed_schemes, now, e);
    }
    return end_step(db, s, e);
}

enum assay_status assay_store_migrate(struct assay_db *db, assay_instant now, int *applied, struct assay_error *e) {
    enum assay_status s = ASSAY_OK;
    *applied = 0;
    for (bool done = false; !s;) {
        s = apply_next(db, now, &done, e);
        if (done) break;
        if (!s) ++*applied;
    }
    return s ? s : seed(db, now, e);
}

/* Whether assayd has ever migrated this database. */
static enum assay_status is_migrated(struct assay_db *db, bool *yes, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_MIGRATION_KNOWN, NULL, &r, e);
    *yes = !s && pg_get_bool(r, 0, 0);
    PQclear(r);
    return s;
}

enum assay_status assay_store_check_schema(struct assay_db *db, struct assay_error *e) {
    bool migrated = false;
    int applied = 0;
    enum assay_status s = is_migrated(db, &migrated, e);
    if (!s && migrated) s = count_applied(db, &applied, e);
    if (s) return s;
    if (applied < known_migrations())
        return assay_fail(e, ASSAY_CONFIG, "", "the database's schema has version %d, this program's is %d: run assayd migrate",
                          applied, known_migrations());
    int64_t revision;
    return assay_store_config_revision(db, &revision, e);
}

enum assay_status assay_store_engine(struct assay_db *db, int32_t *engine, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_ENGINE, NULL, &r, e);
    if (s) return s;
    bool there = PQntuples(r) == 1;
    if (there) *engine = pg_get_int4(r, 0, 0);
    PQclear(r);
    return there ? ASSAY_OK : pg_no_config(e);
}

enum assay_status assay_store_engine_set(struct assay_db *db, int32_t engine, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, engine);
    enum assay_status s = pg_run(db, ASSAY_Q_ENGINE_SET, &args, NULL, e);
    pg_args_free(&args);
    return s;
}
