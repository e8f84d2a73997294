/* settings_check.c -- settings looked at together: what cannot work, and what works but is unwise. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "app/settings.h"
#include "assay/http.h"
#include "assay/tokens.h"

enum {
    KEY_LEAST = 16,
    KEY_GOOD = 32,
    ISSUER_MOST = 255,
    TMPFS = 0x01021994,
    DATABASE_CONNECTIONS = 90 /* of PostgreSQL's default 100 */
};

bool assay_listen_is_loopback(const char *listen) {
    return !strncmp(listen, "127.", 4) || !strncmp(listen, "[::1]", 5) || !strncmp(listen, "localhost:", 10);
}

#define WRONG(field, ...) assay_errors_add(wrong, ASSAY_CONFIG, field, field ": " __VA_ARGS__)
#define UNWISE(field, ...) assay_errors_add(unwise, ASSAY_CONFIG, field, field ": " __VA_ARGS__)

static bool said_on_command_line(const struct assay_settings *s, size_t i) { return !strcmp(s->from[i], "command line"); }

static void check_listen(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    const char *colon = strrchr(s->listen, ':');
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    /* A port may also be a service's name. */
    if (!colon || !colon[1] || (!*end && (port < 0 || port > 65535)) ||
        (*s->listen != '[' && memchr(s->listen, ':', (size_t)(colon - s->listen))))
        WRONG("listen", "an address and a port, as 127.0.0.1:8080 or [::1]:8080, not \"%s\"", s->listen);
    else if (assay_listen_is_loopback(s->listen)) return;
    else if (s->insecure_no_auth) WRONG("insecure-no-auth", "it is for a loopback address, not %s", s->listen);
    else if (!*s->tls_certificate)
        UNWISE("listen",
               "%s is more than loopback, and keys and data go over it in clear: set tls-certificate and tls-key, or put a TLS "
               "proxy in front and let only that reach the port",
               s->listen);
}

static void check_key(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    size_t n = strlen(s->admin_key);
    if (s->insecure_no_auth) {
        UNWISE("insecure-no-auth", "whoever can log in to this machine may read and change everything");
    } else if (!n && !*s->state_dir) {
        WRONG("admin-key", "set ASSAY_ADMIN_KEY or ASSAY_ADMIN_KEY_FILE, or give a --state-dir to keep one in");
    } else if (n && n < KEY_LEAST) {
        WRONG("admin-key", "the key must have at least %d characters", KEY_LEAST);
    } else if (n && n < KEY_GOOD) {
        UNWISE("admin-key", "a key of fewer than %d characters may be guessed; `openssl rand -hex 32` makes a good one",
               KEY_GOOD);
    }
    if (n && said_on_command_line(s, ASSAY_SETTING_AT_admin_key))
        UNWISE("admin-key", "on the command line every user of this machine can read it; use ASSAY_ADMIN_KEY_FILE");
}

/* The host a libpq URL or keyword string names; empty where it names none. */
static struct assay_str host_of(const char *url) {
    const char *p = strstr(url, "://");
    if (p) {
        p += 3;
        size_t n = strcspn(p, "/?"), at = n;
        while (at > 0 && p[at - 1] != '@') at--;
        p += at;
        return *p == '[' ? (struct assay_str){p + 1, strcspn(p + 1, "]")} : (struct assay_str){p, strcspn(p, ":/?,")};
    }
    for (p = strstr(url, "host="); p && p != url && p[-1] != ' '; p = strstr(p + 1, "host=")) continue;
    return p ? (struct assay_str){p + 5, strcspn(p + 5, " ,")} : ASSAY_STR("");
}

static bool is_local_host(struct assay_str host) {
    return !host.n || host.p[0] == '/' || host.p[0] == '@' || (host.n >= 3 && !strncmp(host.p, "%2F", 3)) ||
           assay_str_is(host, "localhost") || assay_str_is(host, "::1") || (host.n >= 4 && !strncmp(host.p, "127.", 4));
}

static bool has_password(const char *url) {
    const char *authority = strstr(url, "://");
    if (strstr(url, "password=")) return true;
    if (!authority) return false;
    authority += 3;
    size_t n = strcspn(authority, "/?");
    const char *at = memchr(authority, '@', n), *colon = memchr(authority, ':', n);
    return at && colon && colon < at;
}

static void check_database(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    const char *url = s->database_url;
    if (!*url && !*s->state_dir)
        WRONG("state-dir", "give --state-dir DIR for the embedded PostgreSQL, or --database-url URL for one of yours");
    if (!*url) return;
    if (has_password(url) && said_on_command_line(s, ASSAY_SETTING_AT_database_url))
        UNWISE("database-url",
               "on the command line every user of this machine can read its password; use ASSAY_DATABASE_URL_FILE");
    if (!is_local_host(host_of(url)) && !strstr(url, "sslmode=verify-"))
        UNWISE("database-url",
               "without sslmode=verify-full nothing proves that %.*s is your database, and its answers decide pay",
               ASSAY_STR_ARG(host_of(url)));
    if (strstr(url, "synchronous_commit"))
        UNWISE("database-url",
               "it changes synchronous_commit: what was acknowledged may then be lost in a crash of the database");
    if (strstr(url, "fsync"))
        UNWISE("database-url", "fsync is the server's to set, and without it a crash may corrupt everything");
    if (!*s->state_dir) UNWISE("state-dir", "without one, large uploads are staged in the folder for temporary files");
}

static void check_state_dir(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    struct stat st;
    struct statfs fs;
    struct assay_buf key = {0};
    if (!*s->state_dir || stat(s->state_dir, &st) != 0) return; /* it is made at the first start */
    if (!S_ISDIR(st.st_mode)) {
        WRONG("state-dir", "%s is not a folder", s->state_dir);
        return;
    }
    if (st.st_mode & 0022) UNWISE("state-dir", "others than its owner may write in %s", s->state_dir);
    if (statfs(s->state_dir, &fs) == 0 && fs.f_type == TMPFS)
        UNWISE("state-dir", "%s is in memory: it is gone when the machine is", s->state_dir);
    assay_buf_printf(&key, "%s/admin.key", s->state_dir);
    if (stat(key.p, &st) == 0 && st.st_mode & 0077) UNWISE("state-dir", "others than its owner may read %s", key.p);
    assay_buf_free(&key);
}

/* Whether they are a pair is for who can read them (check_config.c). */
static void check_tls(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    struct stat st;
    if (*s->tls_certificate && !*s->tls_key) WRONG("tls-key", "a certificate needs its key");
    if (*s->tls_key && !*s->tls_certificate) WRONG("tls-certificate", "a key needs its certificate");
    if (*s->tls_key && stat(s->tls_key, &st) == 0 && st.st_mode & 0077)
        UNWISE("tls-key", "others than its owner may read %s", s->tls_key);
}

/* Whether a file of keys holds any is for who can read it (check_config.c). */
static void check_tokens(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    struct assay_error e;
    uint32_t roles;
    if (!*s->oidc_issuer) {
        if (*s->oidc_audience) WRONG("oidc-audience", "without oidc-issuer no token is taken");
        if (*s->oidc_jwks) WRONG("oidc-jwks", "without oidc-issuer no token is taken");
        return;
    }
    if (strlen(s->oidc_issuer) > ISSUER_MOST) WRONG("oidc-issuer", "it is longer than %d bytes", ISSUER_MOST);
    if (!assay_tokens_url_safe(s->oidc_issuer))
        UNWISE("oidc-issuer", "OpenID Connect wants an https URL, not \"%s\"", s->oidc_issuer);
    if (!*s->oidc_audience) WRONG("oidc-audience", "say it: else tokens that were given for other programs would do");
    if (!*s->oidc_jwks) WRONG("oidc-jwks", "the issuer's keys are wanted: a file, or an https URL");
    else if (assay_tokens_is_url(s->oidc_jwks) && !assay_tokens_url_safe(s->oidc_jwks))
        WRONG("oidc-jwks", "https is wanted, and no user in it: whoever can change the answer can let anybody in");
    if (!*s->oidc_role_claim || strlen(s->oidc_role_claim) > ASSAY_JWT_CLAIM_MAX)
        WRONG("oidc-role-claim", "a name of 1 to %d bytes is wanted", ASSAY_JWT_CLAIM_MAX);
    if (!*s->oidc_provider_claim || strlen(s->oidc_provider_claim) > ASSAY_JWT_CLAIM_MAX)
        WRONG("oidc-provider-claim", "a name of 1 to %d bytes is wanted", ASSAY_JWT_CLAIM_MAX);
    if (assay_tokens_roles(s->oidc_roles, &roles, &e)) WRONG("oidc-roles", "%s", e.detail);
    else if (roles & 1u << ASSAY_ROLE_MANUFACTURER)
        UNWISE("oidc-roles", "with manufacturer the issuer can let anybody change rates and schemes");
}

static void check_config_file(const struct assay_settings *s, struct assay_errors *unwise) {
    struct stat st;
    const char *const from[] = {s->from[ASSAY_SETTING_AT_admin_key], s->from[ASSAY_SETTING_AT_database_url]};
    size_t n = strlen(s->config);
    if (!n || stat(s->config, &st) != 0 || !(st.st_mode & 0077)) return;
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(from[i], s->config, n) != 0) continue;
        UNWISE("config", "%s holds a secret, and others than its owner may read it", s->config);
        return;
    }
}

static void check_bounds(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    struct rlimit files;
    int64_t sessions = s->read_workers + s->write_workers + s->upload_workers;
    int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    if (sessions > DATABASE_CONNECTIONS)
        UNWISE("read-workers", "%lld workers each hold a connection to PostgreSQL, whose default bound is 100",
               (long long)sessions);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max != RLIM_INFINITY &&
        (rlim_t)s->connections + ASSAY_HTTP_FILES_BESIDES > files.rlim_max)
        WRONG("connections", "%lld connections need %lld open files, but only %llu are allowed (ulimit -n)",
              (long long)s->connections, (long long)s->connections + ASSAY_HTTP_FILES_BESIDES,
              (unsigned long long)files.rlim_max);
    if (memory > 0 && s->upload_memory > memory / 2 / s->upload_workers)
        UNWISE("upload-memory", "%lld uploads of so many bytes take more than half of this machine's memory",
               (long long)s->upload_workers);
    if (s->rate_burst && !s->rate_limit) UNWISE("rate-burst", "without rate-limit nothing is limited");
    if (!s->drain_seconds) UNWISE("drain-seconds", "0 cuts off the requests under way at every stop");
}

void assay_settings_check(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    enum assay_log_level level;
    enum assay_log_format format;
    check_listen(s, wrong, unwise);
    check_key(s, wrong, unwise);
    check_database(s, wrong, unwise);
    check_tls(s, wrong, unwise);
    check_tokens(s, wrong, unwise);
    check_state_dir(s, wrong, unwise);
    check_config_file(s, unwise);
    check_bounds(s, wrong, unwise);
    if (!assay_log_level_parse(assay_str_c(s->log_level), &level))
        WRONG("log-level", "debug, info, warn or error, not \"%s\"", s->log_level);
    if (!assay_log_format_parse(assay_str_c(s->log_format), &format))
        WRONG("log-format", "logfmt or json, not \"%s\"", s->log_format);
}
