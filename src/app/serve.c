/* serve.c -- `assayd serve`: wires everything, waits for a signal, drains. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "app/commands.h"
#include "app/fetch.h"
#include "app/meters.h"
#include "app/notify.h"
#include "http/app.h"

enum { BURST_SECONDS = 10 };

struct daemon {
    struct assay_settings *settings;
    struct assay_cluster *cluster;
    struct assay_log *log;
    struct assay_metrics *metrics;
    struct assay_service *service;
    struct assay_http_server *server;
    struct assay_http_cache *cache;
    struct assay_arena arena; /* of the lists of origins and proxies */
    const char *const *origins;
    const struct assay_http_networks *proxies;
    struct assay_http_tls *tls;
    struct assay_tokens *tokens; /* NULL: none are taken */
    struct assay_app app;
    struct assay_waiters *waiters;
    char *admin_key;
};

/* --- the administrator's key ---------------------------------------------------------------------------------------------------- */

/* Made once, in the state directory, readable by its owner only. */
static enum assay_status state_key(const char *state_dir, char **out, struct assay_error *e) {
    struct assay_buf path = {0}, text = {0};
    assay_buf_printf(&path, "%s/admin.key", state_dir);
    int fd = open(path.p, O_RDONLY | O_CLOEXEC);
    enum assay_status st = ASSAY_OK;
    if (fd >= 0) {
        char chunk[256];
        ssize_t n = read(fd, chunk, sizeof chunk);
        while (n > 0 && (chunk[n - 1] == '\n' || chunk[n - 1] == '\r' || chunk[n - 1] == ' ')) n--;
        if (n < 16) st = assay_fail(e, ASSAY_CONFIG, "admin-key", "%s holds no key of at least 16 characters", path.p);
        else assay_buf_add(&text, chunk, (size_t)n);
    } else {
        unsigned char noise[32];
        while (getrandom(noise, sizeof noise, 0) != (ssize_t)sizeof noise) continue;
        for (size_t i = 0; i < sizeof noise; i++) assay_buf_printf(&text, "%02x", noise[i]);
        fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || write(fd, "\n", 1) != 1)
            st = assay_fail(e, ASSAY_CONFIG, "state-dir", "cannot write %s: %s", path.p, strerror(errno));
    }
    if (fd >= 0) close(fd);
    assay_buf_free(&path);
    if (st) assay_buf_free(&text);
    *out = text.p;
    return st;
}

static enum assay_status find_key(struct daemon *d, struct assay_error *e) {
    const struct assay_settings *s = d->settings;
    if (s->insecure_no_auth)
        return assay_listen_is_loopback(s->listen)
                   ? ASSAY_OK
                   : assay_fail(e, ASSAY_CONFIG, "insecure-no-auth", "--insecure-no-auth is for a loopback address, not %s",
                                s->listen);
    if (*s->admin_key) {
        d->admin_key = assay_xstrdup(s->admin_key);
        return strlen(s->admin_key) >= 16 ? ASSAY_OK
                                          : assay_fail(e, ASSAY_CONFIG, "admin-key", "the key must have at least 16 characters");
    }
    if (*s->state_dir) return state_key(s->state_dir, &d->admin_key, e);
    return assay_fail(e, ASSAY_CONFIG, "admin-key",
                      "set ASSAY_ADMIN_KEY or ASSAY_ADMIN_KEY_FILE, or give a --state-dir to keep one in");
}

/* --- the database ----------------------------------------------------------------------------------------------------------------- */

enum assay_status assay_cmd_database(const struct assay_settings *s, struct assay_cluster **cluster, const char **conninfo,
                                     struct assay_error *e) {
    *cluster = NULL;
    if (*s->database_url) {
        *conninfo = s->database_url;
        return ASSAY_OK;
    }
    if (!*s->state_dir)
        return assay_fail(e, ASSAY_CONFIG, "state-dir",
                          "give --state-dir DIR for the embedded PostgreSQL, or --database-url URL for one of yours");
    enum assay_status st = assay_cluster_start(s->state_dir, cluster, e);
    if (!st) *conninfo = assay_cluster_conninfo(*cluster);
    return st;
}

enum assay_status assay_cmd_migrate_now(const char *conninfo, int *applied, struct assay_error *e) {
    struct assay_db *db;
    enum assay_status st = assay_db_open(conninfo, 600000, &db, e);
    if (!st) st = assay_store_migrate(db, assay_clock_now(), applied, e);
    assay_db_close(db);
    return st;
}

/* --- workers ------------------------------------------------------------------------------------------------------------ */

/* A worker connects when it has work: a database that is away at the start is no reason to do without the worker. */
static void *worker_open(void *arg, enum assay_http_lane lane) {
    struct assay_app *app = arg;
    (void)lane;
    return assay_session_new(app->service);
}

static void worker_close(void *arg, void *worker) {
    (void)arg;
    assay_session_close(worker);
}

static double read_change_waiters(void *arg) { return (double)assay_waiters_count(arg); }

static double read_expiry(void *arg) { return (double)assay_http_tls_expires(arg); }

static void committed(void *arg, const int32_t *providers, size_t n) { assay_waiters_wake(arg, providers, n); }

/* --- start and stop ------------------------------------------------------------------------------------------------------------------ */

static enum assay_status start_http(struct daemon *d, struct assay_error *e) {
    const struct assay_settings *s = d->settings;
    struct assay_http_config c;
    assay_http_config_init(&c);
    c.listen = s->listen;
    c.threads = (unsigned)s->http_threads;
    c.connections = (unsigned)s->connections;
    c.body_ms = s->body_seconds * 1000;
    c.idle_ms = s->idle_seconds * 1000;
    c.lanes[ASSAY_HTTP_LANE_READ] = (struct assay_http_lane_config){(unsigned)s->read_workers, (unsigned)s->read_queue};
    c.lanes[ASSAY_HTTP_LANE_WRITE] = (struct assay_http_lane_config){(unsigned)s->write_workers, (unsigned)s->write_queue};
    c.lanes[ASSAY_HTTP_LANE_BULK] = (struct assay_http_lane_config){(unsigned)s->upload_workers, (unsigned)s->upload_queue};
    c.lanes[ASSAY_HTTP_LANE_FEED] = (struct assay_http_lane_config){(unsigned)s->change_workers, (unsigned)s->change_queue};
    c.routes = assay_http_routes(&c.n_routes);
    c.app = &d->app;
    c.authorize = assay_app_authorize;
    c.origins = d->origins;
    c.tls = d->tls;
    c.proxies = d->proxies;
    c.rate_per_second = s->rate_limit;
    c.rate_burst = s->rate_burst ? s->rate_burst : s->rate_limit * BURST_SECONDS;
    c.cache = d->cache = assay_http_cache_new((size_t)s->cache_bytes, d->metrics);
    c.tag = assay_app_tag;
    c.renew = assay_app_renew;
    c.worker_open = worker_open;
    c.worker_close = worker_close;
    c.log = d->log;
    c.metrics = d->metrics;
    return assay_http_server_start(&c, &d->server, e);
}

static enum assay_status start_log(struct daemon *d, struct assay_error *e) {
    enum assay_log_level level;
    enum assay_log_format format;
    if (!assay_log_level_parse(assay_str_c(d->settings->log_level), &level))
        return assay_fail(e, ASSAY_CONFIG, "log-level", "log-level: debug, info, warn or error, not \"%s\"",
                          d->settings->log_level);
    if (!assay_log_format_parse(assay_str_c(d->settings->log_format), &format))
        return assay_fail(e, ASSAY_CONFIG, "log-format", "log-format: logfmt or json, not \"%s\"", d->settings->log_format);
    d->log = assay_log_new(STDERR_FILENO, level, format);
    return ASSAY_OK;
}

/* Figures that other rules made are derived again before anyone reads them. */
static enum assay_status renew_figures(struct daemon *d, struct assay_error *e) {
    struct assay_session *s;
    struct assay_verify_result result;
    int32_t engine = 0;
    enum assay_status st = assay_session_open(d->service, &s, e);
    if (st) return st;
    st = assay_store_engine(s->db, &engine, e);
    if (!st && engine != ASSAY_ENGINE) {
        assay_log_message(d->log, ASSAY_LOG_INFO, "rules_changed", "deriving all figures again, from rules %d to %d", engine,
                          ASSAY_ENGINE);
        st = assay_recompute_repair(s, NULL, NULL, &result, e);
        if (!st) st = assay_store_engine_set(s->db, ASSAY_ENGINE, e);
        if (!st)
            assay_log_message(d->log, ASSAY_LOG_INFO, "figures_renewed", "%lld differences put right",
                              (long long)result.differences);
    }
    assay_session_close(s);
    return st;
}

/* Waits for the issuer's keys, some seconds at most. */
static enum assay_status start_tokens(struct daemon *d, struct assay_error *e) {
    const struct assay_settings *s = d->settings;
    struct assay_tokens_options o = {.service = d->service,
                                     .log = d->log,
                                     .issuer = s->oidc_issuer,
                                     .audience = s->oidc_audience,
                                     .jwks = s->oidc_jwks,
                                     .role_claim = s->oidc_role_claim,
                                     .provider_claim = s->oidc_provider_claim,
                                     .roles = s->oidc_roles,
                                     .skew_seconds = s->oidc_clock_skew,
                                     .fetch = assay_fetch,
                                     .fetch_arg = (void *)(uintptr_t)s->oidc_ca_file};
    struct assay_tokens_stats stats;
    if (!*s->oidc_issuer) return ASSAY_OK;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    enum assay_status st = assay_tokens_open(&o, &d->tokens, e);
    if (st) return st;
    assay_tokens_stats(d->tokens, &stats);
    assay_log_message(d->log, ASSAY_LOG_INFO, "tokens_taken", "of %s, checked with %lld keys", s->oidc_issuer,
                      (long long)stats.keys);
    assay_meters_tokens(d->metrics, d->tokens);
    return ASSAY_OK;
}

static enum assay_status start(struct daemon *d, struct assay_error *e) {
    const struct assay_settings *s = d->settings;
    const char *conninfo = NULL;
    int applied = 0;
    enum assay_status st = start_log(d, e);
    if (!st) st = assay_http_origins_parse(s->cors_origins, &d->arena, &d->origins, e);
    if (!st) st = assay_http_networks_parse(s->trusted_proxies, &d->arena, &d->proxies, e);
    if (!st && *s->tls_certificate) st = assay_http_tls_open(s->tls_certificate, s->tls_key, &d->tls, e);
    if (!st && s->insecure_no_auth) st = find_key(d, e); /* refuse before anything is started */
    if (!st) st = assay_cmd_database(s, &d->cluster, &conninfo, e);
    if (!st && !s->insecure_no_auth) st = find_key(d, e);
    if (!st) st = assay_cmd_migrate_now(conninfo, &applied, e);
    if (st) return st;
    if (applied) assay_log_message(d->log, ASSAY_LOG_INFO, "migrated", "%d migrations applied", applied);
    d->metrics = assay_metrics_new();
    struct assay_service_options o = {.conninfo = conninfo,
                                      .spool_dir = *s->state_dir ? s->state_dir : NULL,
                                      .statement_timeout_ms = (int)s->statement_seconds * 1000,
                                      .committer_queue = (size_t)s->committer_queue,
                                      .committer_batch = (size_t)s->committer_batch,
                                      .upload_slice = (size_t)s->upload_slice,
                                      .atomic_records = (size_t)s->atomic_records,
                                      .upload_run_bytes = (size_t)s->upload_memory,
                                      .changes_keep_us = s->change_days * ASSAY_DAY,
                                      .view_bytes = (size_t)s->view_bytes,
                                      .recompute_page = (int)s->recompute_page,
                                      .recompute_turn_ms = (int)s->change_seconds * 1000,
                                      .recompute_lease_ms = (int)s->recompute_lease_seconds * 1000};
    st = assay_service_start(&o, &d->service, e);
    if (!st) st = renew_figures(d, e);
    if (!st) st = start_tokens(d, e);
    if (st) return st;
    d->waiters = assay_waiters_new((size_t)s->change_waiters);
    if (!d->waiters) return assay_fail(e, ASSAY_IO, "", "no thread for those who wait for changes");
    assay_service_on_commit(d->service, committed, d->waiters);
    d->app = (struct assay_app){.service = d->service,
                                .admin_key = d->admin_key,
                                .tokens = d->tokens,
                                .log = d->log,
                                .metrics = d->metrics,
                                .max_line = (size_t)s->record_bytes,
                                .inflated_bytes = (uint64_t)s->inflated_bytes,
                                .inflate_ratio = (uint64_t)s->inflate_ratio,
                                .change_wait_s = s->change_seconds,
                                .waiters = d->waiters,
                                .change_looks = assay_metrics_counter(d->metrics, "assay_change_looks_total", NULL,
                                                                      "Reads of the feed of changes, also by those who wait.")};
    assay_meters_add(d->metrics, d->service);
    assay_metrics_reader(d->metrics, "assay_change_waiters", NULL, "Long polls that wait for a change.", false,
                         read_change_waiters, d->waiters);
    if (d->tls)
        assay_metrics_reader(d->metrics, "assay_tls_certificate_expiry_seconds", NULL,
                             "When the certificate in use expires, in seconds since 1970.", false, read_expiry, d->tls);
    return start_http(d, e);
}

static void stop(struct daemon *d) {
    if (d->server) {
        size_t lost = assay_http_server_stop(d->server, d->settings->drain_seconds * 1000);
        if (lost) assay_log_message(d->log, ASSAY_LOG_WARN, "drain_ended", "%zu requests were given up", lost);
    }
    assay_http_cache_free(d->cache);
    if (d->tokens) assay_metrics_forget(d->metrics, d->tokens);
    assay_tokens_close(d->tokens);
    assay_service_stop(d->service);
    assay_waiters_free(d->waiters); /* nobody wakes any more */
    assay_cluster_stop(d->cluster);
    assay_metrics_free(d->metrics);
    assay_http_tls_free(d->tls); /* its meter is gone */
    if (d->log) assay_log_message(d->log, ASSAY_LOG_INFO, "stopped", "goodbye");
    assay_log_free(d->log);
    assay_arena_free(&d->arena);
    free(d->admin_key);
}

static void reload_certificate(struct daemon *d) {
    struct assay_error e = {0};
    bool changed = false;
    if (assay_http_tls_reload(d->tls, &changed, &e)) /* not an error of the daemon's: it goes on with what it has */
        assay_log_message(d->log, ASSAY_LOG_WARN, "reload_failed", "the certificate in use stays: %s", e.detail);
    else
        assay_log_message(d->log, ASSAY_LOG_INFO, "reloaded",
                          changed ? "new connections get the new certificate" : "the certificate has not changed");
}

static void reload_tokens(struct daemon *d) {
    struct assay_error e = {0};
    bool changed = false;
    if (assay_tokens_reload(d->tokens, &changed, &e))
        assay_log_message(d->log, ASSAY_LOG_WARN, "reload_failed", "the issuer's keys in use stay: %s", e.detail);
    else
        assay_log_message(d->log, ASSAY_LOG_INFO, "reloaded",
                          changed ? "the issuer's keys were read again" : "the issuer is asked for its keys");
}

/* SIGHUP: what lies in files is read again. A file that is not sound changes nothing. */
static void reload(struct daemon *d) {
    assay_notify_reloading();
    if (d->tls) reload_certificate(d);
    if (d->tokens) reload_tokens(d);
    if (!d->tls && !d->tokens)
        assay_log_message(d->log, ASSAY_LOG_INFO, "reloaded", "nothing to read again: no certificate is set");
    assay_notify("READY=1");
}

/* True when asked to stop, false when the embedded server ended by itself. */
static bool wait_for_end(struct daemon *d, int signals) {
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                            {.fd = d->cluster ? assay_cluster_ended_fd(d->cluster) : -1, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return true;
        if (fds[1].revents) return false;
        struct signalfd_siginfo info;
        if (!fds[0].revents || read(signals, &info, sizeof info) != (ssize_t)sizeof info) continue;
        if (info.ssi_signo != SIGHUP) return true;
        reload(d);
    }
}

/* Everything that is wrong is said before anything is started. */
static bool read_settings(const struct assay_cli *cli, struct assay_settings *s) {
    static struct assay_errors wrong, unwise;
    unwise.n = 0;
    if (!assay_settings_read_all(cli->n_settings + 1, cli->argv, s, &wrong)) assay_settings_check(s, &wrong, &unwise);
    for (size_t i = 0; i < assay_errors_kept(&wrong); i++) fprintf(stderr, "assayd: %s\n", wrong.items[i].detail);
    return !wrong.n;
}

static int run_serve(int argc, char **argv) {
    struct assay_cli cli;
    struct assay_settings settings;
    struct assay_error e = {0};
    int status;
    struct daemon d = {.settings = &settings};
    if (!assay_cli_begin(&assay_command_serve, argc, argv, &cli, &status)) return status;
    if (cli.n_operands) return assay_cli_wrong(cli.command, "it takes no argument \"%s\"", cli.operands[0]);
    if (!read_settings(&cli, &settings)) {
        assay_settings_free(&settings);
        return 2;
    }
    /* Blocked before any thread starts, so that all inherit it and only signalfd sees them. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* Keys are in this memory and in the environment: no core of it, also where cores go to a program, which RLIMIT_CORE would
     * not stop; and no look into either for other processes of the same user. PostgreSQL, being another program, keeps its own. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    enum assay_status st = start(&d, &e);
    if (st) {
        fprintf(stderr, "assayd: %s\n", e.detail);
        stop(&d);
        assay_settings_free(&settings);
        return st == ASSAY_CONFIG ? 2 : 1;
    }
    assay_log_message(d.log, ASSAY_LOG_INFO, "listening", "http%s://%s%s", d.tls ? "s" : "", assay_http_server_address(d.server),
                      settings.insecure_no_auth ? " without keys: for a demo only" : "");
    assay_notify("READY=1");
    bool asked = wait_for_end(&d, signals);
    assay_notify("STOPPING=1");
    if (asked)
        assay_log_message(d.log, ASSAY_LOG_INFO, "draining", "finishing what is under way, at most %lld s",
                          (long long)settings.drain_seconds);
    else
        assay_log_message(d.log, ASSAY_LOG_ERROR, "database_ended",
                          "the embedded PostgreSQL ended by itself; see its log in the state directory");
    stop(&d);
    close(signals);
    assay_settings_free(&settings);
    return asked ? 0 : 1;
}

const struct assay_command assay_command_serve = {
    .name = "serve",
    .group = "Daemon",
    .summary = "run the daemon",
    .synopsis = "[settings]",
    .about = "Answers over HTTP until SIGTERM or SIGINT; then requests under way are finished first. SIGHUP has it read the "
             "certificate and the keys of oidc-jwks "
             "again. Without --database-url it starts "
             "and owns a private PostgreSQL in the state directory.\n"
             "Without tls-certificate keys and data go over the connection in clear: set it, or put a TLS proxy in front, on any "
             "address "
             "but loopback.",
    .settings = true,
    .examples =
        (const struct assay_example[]){
            {"With its own PostgreSQL:", "assayd serve --listen 127.0.0.1:8080 --state-dir /var/lib/assay"},
            {"With yours, its password in a file:",
             "ASSAY_DATABASE_URL_FILE=/etc/assay/database assayd serve --state-dir /var/lib/assay"},
            {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "stopped when asked to"},
                                                      {1, "it could not start, or its PostgreSQL ended by itself"},
                                                      {2, "wrong usage or settings"},
                                                      {0}},
    .run = run_serve,
};
