/* settings.h -- every setting of the program, in one table: name, default, bounds, help.
 *
 * The command line wins over the environment (ASSAY_NAME, and ASSAY_NAME_FILE for secrets), which wins over the file
 * given by --config (lines of `name = value`). */
#ifndef ASSAY_SETTINGS_H
#define ASSAY_SETTINGS_H

#include <stdio.h>

#include "assay/str.h"

/* name, default, type, min, max, secret, help */
/* clang-format off */
#define ASSAY_SETTINGS(X) \
    X(listen,               "127.0.0.1:8080", TEXT,  0, 0,             false, "address and port to listen on") \
    X(state_dir,            "",               TEXT,  0, 0,             false, "folder of the embedded PostgreSQL, the key and staged uploads") \
    X(database_url,         "",               TEXT,  0, 0,             true,  "PostgreSQL to use instead of the embedded one (libpq URL)") \
    X(admin_key,            "",               TEXT,  0, 0,             true,  "the administrator's key; without one STATE-DIR/admin.key is made") \
    X(insecure_no_auth,     "false",          BOOL,  0, 0,             false, "ask for no key; on a loopback address only, for a demo") \
    X(http_threads,         "1",              COUNT, 1, 64,            false, "threads that move bytes") \
    X(connections,          "1000",           COUNT, 1, 100000,        false, "client connections; beyond it 503") \
    X(read_workers,         "3",              COUNT, 1, 64,            false, "threads that read the database") \
    X(read_queue,           "512",            COUNT, 1, 100000,        false, "reads that may wait; beyond it 503") \
    X(write_workers,        "1",              COUNT, 1, 16,            false, "threads that change the registry") \
    X(write_queue,          "64",             COUNT, 1, 10000,         false, "changes that may wait") \
    X(upload_workers,       "2",              COUNT, 1, 32,            false, "uploads under way at once") \
    X(upload_queue,         "32",             COUNT, 1, 10000,         false, "uploads that may wait") \
    X(committer_queue,      "8192",           COUNT, 1, 1000000,       false, "single records that may wait for the committer") \
    X(committer_batch,      "512",            COUNT, 1, 10000,         false, "single records in one transaction") \
    X(upload_slice,         "4000",           COUNT, 1, 100000,        false, "records of an upload in one transaction") \
    X(upload_memory,        "16777216",       COUNT, 65536, 1073741824, false, "bytes of an upload staged in memory before the spool file") \
    X(record_bytes,         "65536",          COUNT, 1024, 16777216,   false, "bytes of one line of NDJSON") \
    X(body_seconds,         "30",             COUNT, 1, 3600,          false, "time for a whole request body") \
    X(idle_seconds,         "60",             COUNT, 1, 3600,          false, "time a connection may be silent") \
    X(cache_bytes,          "16777216",       COUNT, 0, 4294967296,    false, "bytes of replies kept for polls; 0: none") \
    X(view_bytes,           "67108864",       COUNT, 1, 68719476736,   false, "bytes of evaluated periods kept up to date; 1: none") \
    X(cors_origins,         "",               TEXT,  0, 0,             false, "origins whose pages may call, as https://portal.example,https://…") \
    X(drain_seconds,        "20",             COUNT, 0, 3600,          false, "time for requests under way when stopping") \
    X(statement_seconds,    "60",             COUNT, 1, 3600,          false, "time for one database statement") \
    X(log_level,            "info",           TEXT,  0, 0,             false, "debug, info, warn or error") \
    X(log_format,           "logfmt",         TEXT,  0, 0,             false, "logfmt or json") \
    X(config,               "",               TEXT,  0, 0,             false, "file of settings")
/* clang-format on */

struct assay_settings {
#define ASSAY_SETTING_TEXT const char *
#define ASSAY_SETTING_BOOL bool
#define ASSAY_SETTING_COUNT int64_t
#define X(name, value, type, min, max, secret, help) ASSAY_SETTING_##type name;
    ASSAY_SETTINGS(X)
#undef X
    struct assay_arena arena; /* of the texts */
};

/* Read argv (from argv[1] on), the environment and the file. Arguments that are no settings (no leading --) are moved to
 * the front of argv and counted in *rest. ASSAY_CONFIG names what is wrong and where it was said. */
enum assay_status assay_settings_read(int argc, char **argv, int *rest, struct assay_settings *out,
                                      struct assay_error *e) ASSAY_MUST_CHECK;
void assay_settings_free(struct assay_settings *s);
void assay_settings_help(FILE *f);

#endif
