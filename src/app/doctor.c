/* doctor.c -- `assayd doctor`: is everything that the daemon stands on as it should be? One line for each thing looked at: what was
 * found, and what to do where it is not good. It changes nothing. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/client.h"
#include "app/commands.h"
#include "app/fetch.h"
#include "assay/http.h"
#include "assay/store.h"

enum { QUIET = ASSAY_CLIENT_CA_FILE + 1, STRICT };
static const struct assay_option options[] = {
    [ASSAY_CLIENT_URL] = {"url", "URL", NULL, "ASSAY_URL", NULL, "ask the daemon that answers there how it is, too"},
    [ASSAY_CLIENT_CA_FILE] = {"ca-file", "FILE", NULL, "ASSAY_CA_FILE", NULL,
                              "certificates (PEM) that may vouch for its own under https, instead of those the system trusts"},
    [QUIET] = {"quiet", NULL, NULL, NULL, NULL, "only what is not good"},
    [STRICT] = {"strict", NULL, NULL, NULL, NULL, "fail where something is unwise, too"},
};

/* --- findings ------------------------------------------------------------------------------------------------------------------- */

enum finding { GOOD, UNWISE, WRONG };
struct report {
    bool quiet;
    int count[3];
};

static void ASSAY_PRINTF(4, 5) say(struct report *r, enum finding how, const char *what, const char *fmt, ...) {
    static const char *const words[] = {"good", "unwise", "WRONG"};
    va_list ap;
    r->count[how]++;
    if (how == GOOD && r->quiet) return;
    printf("%-6s  %-12s  ", words[how], what);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

/* --- settings and the machine --------------------------------------------------------------------------------------------------- */

static bool check_settings(struct report *r, int argc, char **argv, struct assay_settings *s) {
    static struct assay_errors wrong, unwise; /* too large for a stack */
    wrong.n = unwise.n = 0;
    if (assay_settings_read_all(argc, argv, s, &wrong) == ASSAY_OK) {
        assay_settings_check(s, &wrong, &unwise);
    }
    for (size_t i = 0; i < assay_errors_kept(&wrong); i++) say(r, WRONG, "settings", "%s", wrong.items[i].detail);
    for (size_t i = 0; i < assay_errors_kept(&unwise); i++) say(r, UNWISE, "settings", "%s", unwise.items[i].detail);
    if (!wrong.n && !unwise.n) say(r, GOOD, "settings", "sound; assayd check-config prints them");
    return wrong.n == 0;
}

static void check_zones(struct report *r) {
    static const char zone[] = "/usr/share/zoneinfo/Asia/Shanghai";
    if (access(zone, R_OK) == 0) say(r, GOOD, "time zones", "this system has them");
    else say(r, WRONG, "time zones", "%s cannot be read: install tzdata", zone);
}

static void check_space(struct report *r, const char *what, const char *path) {
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) return;
    double free_mib = (double)fs.f_bavail * (double)fs.f_frsize / (1 << 20);
    double part = fs.f_blocks ? 100.0 * (double)fs.f_bavail / (double)fs.f_blocks : 100;
    double inodes = fs.f_files ? 100.0 * (double)fs.f_favail / (double)fs.f_files : 100;
    enum finding how = free_mib < 256 || inodes < 1 ? WRONG : free_mib < 2048 || part < 10 || inodes < 10 ? UNWISE : GOOD;
    say(r, how, what, "%.1f GiB free where %s lies, %.0f %% of it%s", free_mib / 1024, path, part,
        how == GOOD ? "" : ": make room before uploads or the database fill it");
}

static void check_state(struct report *r, const struct assay_settings *s) {
    if (!*s->state_dir) return;
    if (access(s->state_dir, F_OK) == 0) check_space(r, "disk", s->state_dir);
    else say(r, UNWISE, "disk", "%s is not there yet: assayd serve makes it", s->state_dir);
}

static void check_certificate(struct report *r, const struct assay_settings *s) {
    struct assay_http_tls *tls;
    struct assay_error e;
    if (!*s->tls_certificate || !*s->tls_key) return;
    if (assay_http_tls_open(s->tls_certificate, s->tls_key, &tls, &e)) {
        say(r, WRONG, "certificate", "%s", e.detail);
        return;
    }
    int64_t days = (assay_http_tls_expires(tls) - assay_clock_now() / ASSAY_SECOND) / 86400;
    say(r,
        days < 0    ? WRONG
        : days < 14 ? UNWISE
                    : GOOD,
        "certificate", "%s ends in %" PRId64 " days%s", s->tls_certificate, days, days < 14 ? ": renew it, then SIGHUP" : "");
    assay_http_tls_free(tls);
}

static void check_issuer(struct report *r, const struct assay_settings *s) {
    struct assay_jwks *keys = NULL;
    struct assay_error e = {0};
    atomic_bool stop = false;
    if (!*s->oidc_issuer) return;
    if (assay_tokens_read_keys(s->oidc_jwks, assay_fetch, (void *)(uintptr_t)s->oidc_ca_file, &stop, &keys, &e))
        say(r, WRONG, "issuer", "no token can be checked: %s", e.detail);
    else say(r, GOOD, "issuer", "%zu keys of %s", assay_jwks_count(keys), s->oidc_issuer);
    assay_jwks_free(keys);
}

/* --- the database ----------------------------------------------------------------------------------------------------------------- */

struct vitals {
    struct assay_vital *rows;
    size_t n;
};
static const char *text_of(const struct vitals *v, const char *name) {
    for (size_t i = 0; i < v->n; i++)
        if (assay_str_is(v->rows[i].name, name)) return v->rows[i].value.p ? v->rows[i].value.p : "";
    return "";
}
static int64_t number_of(const struct vitals *v, const char *name) { return strtoll(text_of(v, name), NULL, 10); }

/* Settings that everything acknowledged rests on. */
static void check_durability(struct report *r, const struct vitals *v) {
    static const struct {
        const char *name, *bad, *why;
    } rows[] = {{"fsync", "off", "a crash of the machine may destroy the whole database"},
                {"full_page_writes", "off", "a crash of the machine may destroy pages"},
                {"synchronous_commit", "off", "what was acknowledged may be lost when the server or the machine crashes"}};
    bool good = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(text_of(v, rows[i].name), rows[i].bad) != 0) continue;
        good = false;
        say(r, WRONG, "durability", "%s is off: %s", rows[i].name, rows[i].why);
    }
    if (good)
        say(r, GOOD, "durability", "fsync and full_page_writes are on, synchronous_commit is %s",
            text_of(v, "synchronous_commit"));
    if (!strcmp(text_of(v, "data_checksums"), "off"))
        say(r, UNWISE, "durability",
            "the server keeps no checksums of its pages: damage by the disk stays unseen (pg_checksums --enable)");
}

static void check_connections(struct report *r, const struct assay_settings *s, const struct vitals *v) {
    /* Its workers, each upload with a helper; and the committer, the recomputation, the watcher. */
    int64_t ours = s->read_workers + s->write_workers + 2 * s->upload_workers + s->change_workers + 3;
    int64_t room = number_of(v, "max_connections") - number_of(v, "superuser_reserved_connections");
    say(r,
        ours > room       ? WRONG
        : 2 * ours > room ? UNWISE
                          : GOOD,
        "connections", "a daemon of these settings has up to %" PRId64 "; the server lets in %" PRId64 ", %" PRId64 " are open%s",
        ours, room, number_of(v, "connections"),
        2 * ours > room ? ": two daemons, as when one takes over from another, do not fit; raise max_connections" : "");
}

static void check_clock(struct report *r, const struct vitals *v) {
    double apart = (double)(number_of(v, "clock_us") - assay_clock_now()) / 1e6;
    double much = apart < 0 ? -apart : apart;
    say(r,
        much > 60  ? WRONG
        : much > 2 ? UNWISE
                   : GOOD,
        "clocks", "the server's clock and this machine's are %.1f s apart%s", much,
        much > 2 ? ": records may be refused as of the future; run an NTP client on both" : "");
}

static void check_transactions(struct report *r, const struct vitals *v) {
    int64_t age = number_of(v, "oldest_transaction_seconds"), held = number_of(v, "slots_bytes_held");
    say(r, age > 600 ? UNWISE : GOOD, "transactions", "the oldest one is %" PRId64 " s old%s", age,
        age > 600 ? ": it holds back the feed of changes and vacuum; pg_stat_activity by xact_start says whose it is" : "");
    if (!strcmp(text_of(v, "autovacuum"), "off"))
        say(r, UNWISE, "transactions", "autovacuum is off: tables grow, and statements become slow");
    if (held > INT64_C(4) << 30)
        say(r, UNWISE, "replication", "a slot holds back %.1f GiB of log: drop it if its standby is gone, or the disk fills",
            (double)held / (1 << 30));
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void check_commit(struct report *r, struct assay_db *db) {
    int64_t took[21];
    struct assay_error e;
    enum { N = sizeof took / sizeof *took };
    for (size_t i = 0; i < N; i++) {
        int64_t began = assay_clock_monotonic_us();
        if (assay_store_commit_probe(db, &e)) {
            say(r, UNWISE, "commits", "cannot be timed: %s", e.detail);
            return;
        }
        took[i] = assay_clock_monotonic_us() - began;
    }
    qsort(took, N, sizeof *took, by_value);
    int64_t median = took[N / 2], slowest = took[N - 1];
    say(r, median > 20000 ? UNWISE : GOOD, "commits", "one takes %.2f ms (median of %d, the slowest %.2f ms)%s",
        (double)median / 1e3, N, (double)slowest / 1e3,
        median > 20000 ? ": a slow disk, or a standby far away; single records come no faster than that" : "");
}

static void check_vitals(struct report *r, const struct assay_settings *s, struct assay_db *db) {
    static const struct assay_str names[] = {{"server_version", 14},
                                             {"server_version_num", 18},
                                             {"fsync", 5},
                                             {"full_page_writes", 16},
                                             {"synchronous_commit", 18},
                                             {"data_checksums", 14},
                                             {"max_connections", 15},
                                             {"superuser_reserved_connections", 30},
                                             {"autovacuum", 10}};
    struct assay_arena a = {0};
    struct vitals v = {0};
    struct assay_error e = {0};
    if (assay_store_vitals(db, names, sizeof names / sizeof *names, &a, &v.rows, &v.n, &e)) {
        say(r, WRONG, "database", "%s", e.detail);
        assay_arena_free(&a);
        return;
    }
    bool recovery = !strcmp(text_of(&v, "in_recovery"), "true"), old = number_of(&v, "server_version_num") < 140000;
    say(r, recovery || old ? WRONG : GOOD, "database", "PostgreSQL %s, %.2f GiB%s", text_of(&v, "server_version"),
        (double)number_of(&v, "database_bytes") / (1 << 30),
        recovery ? ": it is a standby and takes no writes; name all hosts in the URL, and the one that does is found"
        : old    ? ": 14 is the oldest that is known to do"
                 : "");
    if (strcmp(text_of(&v, "encoding"), "UTF8") != 0)
        say(r, WRONG, "database", "its encoding is %s: it has to be UTF8", text_of(&v, "encoding"));
    if (*s->database_url && !strcmp(text_of(&v, "superuser"), "true"))
        say(r, UNWISE, "database", "the daemon's user is a superuser: the owner of the database is enough");
    check_durability(r, &v);
    check_connections(r, s, &v);
    check_clock(r, &v);
    check_transactions(r, &v);
    assay_arena_free(&a);
    if (!recovery) check_commit(r, db);
}

/* Whether there is a server of one's own to look at: the first `assayd serve` makes it. */
static bool has_database(const struct assay_settings *s) {
    struct assay_buf version = {0};
    if (*s->database_url) return true;
    assay_buf_printf(&version, "%s/postgres/PG_VERSION", s->state_dir);
    bool made = access(version.p, F_OK) == 0;
    assay_buf_free(&version);
    return made;
}

static void check_database(struct report *r, const struct assay_settings *s) {
    struct assay_cluster *cluster = NULL;
    struct assay_db *db = NULL;
    struct assay_buf running = {0};
    struct assay_error e = {0};
    const char *conninfo = s->database_url;
    enum assay_status st = ASSAY_OK;
    if (!has_database(s)) {
        say(r, UNWISE, "database", "there is none yet in %s: assayd serve makes it", s->state_dir);
        return;
    }
    /* One's own server is up where a daemon runs; else it is started for as long as this takes. */
    if (!*s->database_url && assay_cluster_in_use(s->state_dir, &running)) conninfo = running.p;
    else st = assay_cmd_database(s, &cluster, &conninfo, &e);
    if (!st) st = assay_db_open(conninfo, 10000, &db, &e);
    if (st) {
        say(r, WRONG, "database", "%s", e.detail);
    } else {
        if (assay_store_check_schema(db, &e)) say(r, WRONG, "schema", "%s", e.detail);
        else say(r, GOOD, "schema", "it is this program's");
        check_vitals(r, s, db);
    }
    assay_db_close(db);
    assay_cluster_stop(cluster);
    assay_buf_free(&running);
}

/* --- the daemon --------------------------------------------------------------------------------------------------------------------- */

static bool check_daemon(struct report *r, const struct assay_cli *cli, int *status) {
    struct assay_reply reply;
    struct assay_request q = {.method = "GET", .path = "/readyz"};
    if (!assay_cli_value(cli, ASSAY_CLIENT_URL)) return true;
    struct assay_client *c = assay_client_new(cli, status);
    if (!c) return false;
    if (assay_client_ask(c, &q, &reply) != ASSAY_ANSWERED)
        say(r, WRONG, "daemon", "%s cannot be reached: %s", assay_client_url(c), reply.why);
    else if (reply.status != 200)
        say(r, WRONG, "daemon", "%s is not ready: %.200s", assay_client_url(c), reply.body.p ? reply.body.p : "");
    else say(r, GOOD, "daemon", "%s is ready", assay_client_url(c));
    assay_reply_free(&reply);
    assay_client_free(c);
    return true;
}

static int run_doctor(int argc, char **argv) {
    struct assay_cli cli;
    struct assay_settings s;
    int status;
    if (!assay_cli_begin(&assay_command_doctor, argc, argv, &cli, &status)) return status;
    if (cli.n_operands) return assay_cli_wrong(cli.command, "it takes no argument \"%s\"", cli.operands[0]);
    struct report r = {.quiet = assay_cli_flag(&cli, QUIET)};
    bool strict = assay_cli_flag(&cli, STRICT);
    if (check_settings(&r, cli.n_settings + 1, argv, &s)) {
        check_zones(&r);
        check_state(&r, &s);
        check_certificate(&r, &s);
        check_issuer(&r, &s);
        check_database(&r, &s);
    }
    bool asked = check_daemon(&r, &cli, &status);
    assay_settings_free(&s);
    if (!asked) return status;
    if (!r.quiet) printf("%d good, %d unwise, %d wrong\n", r.count[GOOD], r.count[UNWISE], r.count[WRONG]);
    fflush(stdout);
    return r.count[WRONG] || (strict && r.count[UNWISE]);
}

const struct assay_command assay_command_doctor = {
    .name = "doctor",
    .group = "Daemon",
    .summary = "look at all that the daemon stands on",
    .synopsis = "[--url URL] [--quiet] [--strict] [settings]",
    .about = "Settings, time zones, disk, certificate, the issuer's keys, and the database: its version and schema, whether it "
             "keeps what it commits, room for connections, clocks, transactions that hold others back, and how long a commit "
             "takes. A line for each, and what to do where it is not good. It may be run beside a daemon with the same "
             "settings, and changes nothing.",
    ASSAY_OPTIONS(options),
    .settings = true,
    .examples = (const struct assay_example[]){{"What is wrong here?",
                                                "assayd doctor --config /etc/assay.conf --url http://127.0.0.1:8080"},
                                               {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "nothing is wrong"},
                                                      {1, "something is wrong; or unwise, with --strict"},
                                                      {2, "wrong usage"},
                                                      {0}},
    .run = run_doctor,
};
