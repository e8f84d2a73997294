/* meters.c -- gauges and counters of the service, the database's connections and the process, read when they are asked for.
 * Label sets are fixed here, so no client can add to them. */
#include "app/meters.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* --- the committer and uploads -------------------------------------------------------------------------------------------- */

#define OF_COMMITTER(name, expression)  \
    static double name(void *arg) {     \
        struct assay_committer_stats s; \
        assay_committer_stats(arg, &s); \
        return (double)(expression);    \
    }
OF_COMMITTER(read_waiting, s.waiting)
OF_COMMITTER(read_queue_limit, s.queue_limit)
OF_COMMITTER(read_batches, s.batches)
OF_COMMITTER(read_batch_limit, s.batch_limit)
OF_COMMITTER(read_largest, s.largest_batch)
OF_COMMITTER(read_records, s.records)
OF_COMMITTER(read_busy, (double)s.busy_us / 1e6)

/* A count that the service keeps itself. */
static double read_count(void *arg) { return (double)atomic_load_explicit((_Atomic int64_t *)arg, memory_order_relaxed); }

#define OF_DATABASE(name, expression) \
    static double name(void *arg) {   \
        struct assay_db_stats s;      \
        (void)arg;                    \
        assay_db_stats(&s);           \
        return (double)(expression);  \
    }
OF_DATABASE(read_db_open, s.open)
OF_DATABASE(read_db_opened, s.opened)
OF_DATABASE(read_db_reopened, s.reopened)
OF_DATABASE(read_db_failed, s.failed)

#define OF_PERIODS(name, expression) \
    static double name(void *arg) {  \
        struct assay_period_stats s; \
        assay_period_stats(arg, &s); \
        return (double)(expression); \
    }
OF_PERIODS(read_period_views, s.views)
OF_PERIODS(read_period_bytes, s.bytes)
OF_PERIODS(read_period_refreshes, s.refreshes)
OF_PERIODS(read_period_rows, s.rows)

#define OF_FEED(name, expression)    \
    static double name(void *arg) {  \
        struct assay_feed_stats s;   \
        assay_feed_stats(arg, &s);   \
        return (double)(expression); \
    }
OF_FEED(read_feed_held, (double)s.held_us / 1e6)
OF_FEED(read_feed_behind, s.behind)

/* --- the process ------------------------------------------------------------------------------------------------------------ */

/* A number of /proc/self/stat by its place, from 3 on (proc(5)); what stands before may hold blanks. */
static double of_stat(int place) {
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) fclose(f);
    text[n] = '\0';
    char *p = strrchr(text, ')');
    for (int at = 2; p && at < place; at++) p = strchr(p + 1, ' ');
    return p ? strtod(p + 1, NULL) : 0;
}

static double read_rss(void *arg) { return (void)arg, of_stat(24) * (double)sysconf(_SC_PAGESIZE); }

static double read_cpu(void *arg) {
    struct rusage u;
    (void)arg;
    if (getrusage(RUSAGE_SELF, &u) != 0) return 0;
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double read_fds(void *arg) {
    DIR *d = opendir("/proc/self/fd");
    double n = -3; /* ".", ".." and the one it is read by */
    (void)arg;
    if (!d) return 0;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static double read_max_fds(void *arg) {
    struct rlimit l;
    (void)arg;
    return getrlimit(RLIMIT_NOFILE, &l) == 0 ? (double)l.rlim_cur : 0;
}

/* Seconds since 1970: the system's start and the process's ticks after it. */
static double read_started(void *arg) {
    char line[256];
    double boot = 0;
    FILE *f = fopen("/proc/stat", "re");
    (void)arg;
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "btime ", 6) == 0) boot = strtod(line + 6, NULL);
    if (f) fclose(f);
    return boot + of_stat(22) / (double)sysconf(_SC_CLK_TCK);
}

static double read_one(void *arg) { return (void)arg, 1; }

/* --- the table -------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *labels, *help;
    bool counter;
    double (*read)(void *arg);
} rows[] = {
    {"assay_build_info", "version=\"" ASSAY_VERSION "\"", "Always 1; the version is a label.", false, read_one},
    {"assay_committer_waiting", NULL, "Single records waiting for the committer.", false, read_waiting},
    {"assay_committer_queue_limit", NULL, "Single records that may wait; beyond it they are answered 503.", false,
     read_queue_limit},
    {"assay_committer_batches_total", NULL, "Transactions of the committer.", true, read_batches},
    {"assay_committer_records_total", NULL, "Single records taken by the committer.", true, read_records},
    {"assay_committer_batch_limit", NULL, "Records of one transaction of the committer at most.", false, read_batch_limit},
    {"assay_committer_largest_batch", NULL, "Records of its largest transaction so far.", false, read_largest},
    {"assay_committer_busy_seconds_total", NULL, "Time that the committer's transactions took.", true, read_busy},
    {"assay_database_connections", NULL, "Open connections to the database.", false, read_db_open},
    {"assay_database_connects_total", NULL, "Connections to the database that were made.", true, read_db_opened},
    {"assay_database_reconnects_total", NULL, "Of them, those that replaced a lost one.", true, read_db_reopened},
    {"assay_database_connect_failures_total", NULL, "Connections to the database that could not be made.", true, read_db_failed},
    {"assay_period_views", NULL, "Evaluated periods kept.", false, read_period_views},
    {"assay_period_bytes", NULL, "Bytes of evaluated periods kept.", false, read_period_bytes},
    {"assay_period_refreshes_total", NULL, "Evaluated periods brought up to date.", true, read_period_refreshes},
    {"assay_period_rows_total", NULL, "Providers read and evaluated for that.", true, read_period_rows},
    {"assay_feed_held_seconds", NULL, "For how long one transaction has held the feed of changes over all providers back.", false,
     read_feed_held},
    {"assay_feed_behind_transactions", NULL,
     "Transactions since the oldest that runs, whose changes the feed over all providers does not show yet.", false,
     read_feed_behind},
    {"process_cpu_seconds_total", NULL, "Time of all processors spent, in user and system mode.", true, read_cpu},
    {"process_resident_memory_bytes", NULL, "Memory in use.", false, read_rss},
    {"process_open_fds", NULL, "Open file descriptors.", false, read_fds},
    {"process_max_fds", NULL, "File descriptors that may be open.", false, read_max_fds},
    {"process_start_time_seconds", NULL, "When the process began, in seconds since 1970.", false, read_started},
};

static void add_counts(struct assay_metrics *m, struct assay_service *service) {
    static const char *const results[ASSAY_RESULTS] = {"accepted", "duplicate", "refused"};
    static const char *const intakes[] = {"repair_events", "ccc_dispatches", "survey_responses", "observations"};
    _Static_assert(sizeof intakes / sizeof *intakes == ASSAY_INTAKE_COUNT, "each intake has its label");
    struct assay_service_counts *c = assay_service_counts(service);
    char labels[64];
    assay_metrics_reader(m, "assay_uploads_in_flight", NULL, "Uploads under way.", false, read_count, &c->uploads);
    assay_metrics_reader(m, "assay_spool_bytes", NULL, "Bytes of uploads under way that are staged on disk.", false, read_count,
                         &c->spool_bytes);
    for (int kind = 0; kind < ASSAY_KIND_COUNT; kind++)
        for (int result = 0; result < ASSAY_RESULTS; result++) {
            snprintf(labels, sizeof labels, "kind=\"%s\",result=\"%s\"", assay_kind_name((enum assay_kind)kind), results[result]);
            assay_metrics_reader(m, "assay_records_total", labels, "Records that were decided on, by kind and what came of them.",
                                 true, read_count, &c->records[kind][result]);
        }
    for (int i = 0; i < ASSAY_INTAKE_COUNT; i++) {
        snprintf(labels, sizeof labels, "intake=\"%s\"", intakes[i]);
        assay_metrics_reader(m, "assay_records_invalid_total", labels,
                             "Records that could not be read as one, by the route they came by.", true, read_count,
                             &c->invalid[i]);
    }
}

void assay_meters_add(struct assay_metrics *m, struct assay_service *service) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assay_metrics_reader(m, rows[i].name, rows[i].labels, rows[i].help, rows[i].counter, rows[i].read, service);
    add_counts(m, service);
}

#define OF_TOKENS(name, field)       \
    static double name(void *arg) {  \
        struct assay_tokens_stats s; \
        assay_tokens_stats(arg, &s); \
        return (double)s.field;      \
    }
OF_TOKENS(read_verified, verified)
OF_TOKENS(read_recalled, recalled)
OF_TOKENS(read_refused, refused)
OF_TOKENS(read_key_loads, loads)
OF_TOKENS(read_key_failures, failures)
OF_TOKENS(read_issuer_keys, keys)
OF_TOKENS(read_loaded_at, loaded_at)

void assay_meters_tokens(struct assay_metrics *m, struct assay_tokens *tokens) {
    static const char told[] = "Bearer tokens, by what came of them: signature checked, known already, refused.";
    assay_metrics_reader(m, "assay_tokens_total", "result=\"verified\"", told, true, read_verified, tokens);
    assay_metrics_reader(m, "assay_tokens_total", "result=\"recalled\"", told, true, read_recalled, tokens);
    assay_metrics_reader(m, "assay_tokens_total", "result=\"refused\"", told, true, read_refused, tokens);
    assay_metrics_reader(m, "assay_issuer_key_loads_total", NULL, "Sets of the issuer's keys that were taken.", true,
                         read_key_loads, tokens);
    assay_metrics_reader(m, "assay_issuer_key_failures_total", NULL, "Attempts to have the issuer's keys that gave none.", true,
                         read_key_failures, tokens);
    assay_metrics_reader(m, "assay_issuer_keys", NULL, "Keys of the issuer that tokens are checked with.", false,
                         read_issuer_keys, tokens);
    assay_metrics_reader(m, "assay_issuer_keys_loaded_seconds", NULL, "When they were had, in seconds since 1970; 0: not yet.",
                         false, read_loaded_at, tokens);
}
