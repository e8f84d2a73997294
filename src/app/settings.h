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
    X(tls_certificate,      "",               TEXT,  0, 0,             false, "file of the certificate and its chain (PEM); with it TLS is spoken, and only that") \
    X(tls_key,              "",               TEXT,  0, 0,             false, "file of its key (PEM); both are read again at SIGHUP") \
    X(trusted_proxies,      "",               TEXT,  0, 0,             false, "proxies whose X-Forwarded-For is believed, as 10.0.0.0/8,::1") \
    X(state_dir,            "",               TEXT,  0, 0,             false, "folder of the embedded PostgreSQL, the key and staged uploads") \
    X(database_url,         "",               TEXT,  0, 0,             true,  "PostgreSQL to use instead of the embedded one (libpq URL)") \
    X(admin_key,            "",               TEXT,  0, 0,             true,  "the administrator's key; without one STATE-DIR/admin.key is made") \
    X(oidc_issuer,          "",               TEXT,  0, 0,             false, "issuer (iss) whose tokens are taken beside keys; with it oidc-audience and oidc-jwks") \
    X(oidc_audience,        "",               TEXT,  0, 0,             false, "audience (aud) that a token must be for") \
    X(oidc_jwks,            "",               TEXT,  0, 0,             false, "the issuer's public keys (JWKS): a file, read again at SIGHUP, or an https URL, asked every 10 minutes") \
    X(oidc_ca_file,         "",               TEXT,  0, 0,             false, "certificates (PEM) that sign that URL's; without one those the system trusts") \
    X(oidc_role_claim,      "role",           TEXT,  0, 0,             false, "claim of a token that names its role") \
    X(oidc_provider_claim,  "provider",       TEXT,  0, 0,             false, "claim of a token that names its provider") \
    X(oidc_roles,           "provider,portal,dashboard", TEXT, 0, 0,   false, "roles that tokens may have; never admin") \
    X(oidc_clock_skew,      "60",             COUNT, 0, 300,           false, "seconds by which the issuer's clock may differ") \
    X(insecure_no_auth,     "false",          BOOL,  0, 0,             false, "ask for no key; on a loopback address only, for a demo") \
    X(http_threads,         "1",              COUNT, 1, 64,            false, "threads that move bytes") \
    X(connections,          "1000",           COUNT, 1, 100000,        false, "client connections; beyond it 503") \
    X(read_workers,         "3",              COUNT, 1, 64,            false, "threads that read the database") \
    X(read_queue,           "512",            COUNT, 1, 100000,        false, "reads that may wait; beyond it 503") \
    X(write_workers,        "4",              COUNT, 1, 16,            false, "threads that change the registry; some may wait for a recomputation") \
    X(write_queue,          "64",             COUNT, 1, 10000,         false, "changes that may wait") \
    X(upload_workers,       "2",              COUNT, 1, 32,            false, "uploads under way at once") \
    X(upload_queue,         "32",             COUNT, 1, 10000,         false, "uploads that may wait") \
    X(change_workers,       "1",              COUNT, 1, 16,            false, "threads that read the feed of changes") \
    X(change_queue,         "1024",           COUNT, 1, 100000,        false, "reads of the feed that may wait for one") \
    X(change_waiters,       "750",            COUNT, 0, 100000,        false, "long polls that may wait for a change; beyond it they are answered at once") \
    X(change_days,          "30",             COUNT, 1, 3650,          false, "days that the feed of changes is kept") \
    X(change_seconds,       "10",             COUNT, 0, 600,           false, "how long a change waits for its turn, and for its recomputation before it answers 202") \
    X(recompute_page,       "1000",           COUNT, 1, 100000,        false, "orders a recomputation judges in one transaction") \
    X(recompute_lease_seconds, "10",          COUNT, 1, 600,           false, "a daemon not heard of for so long is taken for dead, and its recomputation taken over") \
    X(committer_queue,      "8192",           COUNT, 1, 1000000,       false, "single records that may wait for the committer") \
    X(committer_batch,      "512",            COUNT, 1, 10000,         false, "single records in one transaction") \
    X(upload_slice,         "4000",           COUNT, 1, 100000,        false, "records of an upload in one transaction") \
    X(atomic_records,       "50000",          COUNT, 1, 1000000,       false, "records of an upload taken or tried as a whole (atomic, dry_run); beyond it 413") \
    X(upload_memory,        "16777216",       COUNT, 65536, 1073741824, false, "bytes of an upload staged in memory before the spool file") \
    X(record_bytes,         "65536",          COUNT, 1024, 16777216,   false, "bytes of one line of NDJSON or row of CSV") \
    X(inflated_bytes,       "17179869184",    COUNT, 1048576, 1099511627776, false, "bytes of a gzip upload once inflated; beyond it 413") \
    X(inflate_ratio,        "250",            COUNT, 10, 1100,         false, "times its size that a gzip body may inflate to") \
    X(rate_limit,           "0",              COUNT, 0, 1000000,       false, "requests a second of one key, beyond it 429; 0: as many as it likes") \
    X(rate_burst,           "0",              COUNT, 0, 1000000,       false, "requests a key may save up; 0: those of 10 s") \
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

enum {
#define X(name, value, type, min, max, secret, help) ASSAY_SETTING_AT_##name,
    ASSAY_SETTINGS(X)
#undef X
        ASSAY_N_SETTINGS
};

struct assay_settings {
#define ASSAY_SETTING_TEXT const char *
#define ASSAY_SETTING_BOOL bool
#define ASSAY_SETTING_COUNT int64_t
#define X(name, value, type, min, max, secret, help) ASSAY_SETTING_##type name;
    ASSAY_SETTINGS(X)
#undef X
    struct assay_arena arena; /* of the texts */
    /* Where each value was said, by the table's order: "default", "command line", "ASSAY_LISTEN", "assay.conf line 3". */
    const char *from[ASSAY_N_SETTINGS];
};

/* Read argv (from argv[1] on: settings alone), the environment and the file. Everything that is wrong goes into *es, named
 * by its setting and with where it was said; ASSAY_CONFIG then. A setting that is wrong keeps the value it had. */
enum assay_status assay_settings_read_all(int argc, char **argv, struct assay_settings *out,
                                          struct assay_errors *es) ASSAY_MUST_CHECK;
/* The same for who is content with the first thing that is wrong. */
enum assay_status assay_settings_read(int argc, char **argv, struct assay_settings *out, struct assay_error *e) ASSAY_MUST_CHECK;
void assay_settings_free(struct assay_settings *s);

/* A row of the table as it is told to people; false past the end. */
struct assay_setting {
    char name[64];     /* "state-dir" */
    char env[80];      /* "ASSAY_STATE_DIR"; a secret also in the file that the variable with _FILE behind it names */
    const char *value; /* what its value is called; NULL: a flag */
    const char *words; /* the values there are; NULL: any */
    const char *preset, *help;
    bool secret;
};
bool assay_setting_at(size_t i, struct assay_setting *out);
/* The i-th value as text; a secret only as the fact that it is set. */
void assay_setting_show(const struct assay_settings *s, size_t i, struct assay_buf *out);

/* What values alone cannot tell: settings that contradict each other or cannot work go into *wrong, what works but is
 * unwise into *unwise; each with the setting it is about. Looks at the state directory where there is one. */
void assay_settings_check(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise);
bool assay_listen_is_loopback(const char *listen);

#endif
