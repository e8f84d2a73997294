/* settings.c -- the table of settings, read from three places. */
#include "app/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "app/cli.h"

enum type { TEXT, BOOL, COUNT };
struct row {
    const char *name, *value;
    enum type type;
    int64_t min, max;
    bool secret;
    const char *help;
    size_t offset;
};
static const struct row rows[] = {
#define X(name, value, type, min, max, secret, help) \
    {#name, value, type, min, max, secret, help, offsetof(struct assay_settings, name)},
    ASSAY_SETTINGS(X)
#undef X
};
#define N_ROWS ASSAY_N_SETTINGS

/* What a value is called and which there are, where its type does not say. */
static const struct {
    const char *name, *value, *words;
} told[] = {
    {"listen", "ADDRESS:PORT", NULL},
    {"tls_certificate", "FILE", NULL},
    {"tls_key", "FILE", NULL},
    {"trusted_proxies", "NETWORKS", NULL},
    {"oidc_issuer", "URL", NULL},
    {"oidc_jwks", "FILE|URL", NULL},
    {"oidc_ca_file", "FILE", NULL},
    {"oidc_role_claim", "NAME", NULL},
    {"oidc_provider_claim", "NAME", NULL},
    {"oidc_roles", "ROLES", NULL},
    {"state_dir", "DIR", NULL},
    {"database_url", "URL", NULL},
    {"admin_key", "KEY", NULL},
    {"log_level", "LEVEL", "debug info warn error"},
    {"log_format", "FORMAT", "logfmt json"},
    {"config", "FILE", NULL},
};

/* "state-dir" and "state_dir" are one name; the environment has it as ASSAY_STATE_DIR. */
static const struct row *find(const char *name, size_t n) {
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strlen(rows[i].name) != n) continue;
        size_t k = 0;
        while (k < n && (rows[i].name[k] == name[k] || (rows[i].name[k] == '_' && name[k] == '-'))) k++;
        if (k == n) return &rows[i];
    }
    return NULL;
}

static void dashed(const char *name, char out[64]) {
    size_t i = 0;
    for (; i < 63 && name[i]; i++) out[i] = name[i] == '_' ? '-' : name[i];
    out[i] = '\0';
}

/* A value that is wrong is told and changes nothing. */
static void set(struct assay_settings *s, const struct row *row, const char *value, const char *where, struct assay_errors *es) {
    void *at = (char *)s + row->offset;
    char name[64], *end;
    dashed(row->name, name);
    switch (row->type) {
    case TEXT: *(const char **)at = assay_arena_dup(&s->arena, assay_str_c(value)).p; break;
    case BOOL:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
            assay_errors_add(es, ASSAY_CONFIG, name, "%s (%s): true or false, not \"%s\"", name, where, value);
            return;
        }
        *(bool *)at = value[0] == 't';
        break;
    case COUNT:
        errno = 0;
        int64_t v = strtoll(value, &end, 10);
        if (errno || *end || !*value || v < row->min || v > row->max) {
            assay_errors_add(es, ASSAY_CONFIG, name, "%s (%s): a whole number from %lld to %lld, not \"%s\"", name, where,
                             (long long)row->min, (long long)row->max, value);
            return;
        }
        *(int64_t *)at = v;
        break;
    }
    s->from[row - rows] = assay_arena_dup(&s->arena, assay_str_c(where)).p;
}

static bool read_text_file(const char *path, const char *name, const char *where, struct assay_buf *out,
                           struct assay_errors *es) {
    FILE *f = fopen(path, "re");
    if (!f) {
        assay_errors_add(es, ASSAY_CONFIG, name, "%s (%s): cannot read %s: %s", name, where, path, strerror(errno));
        return false;
    }
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && out->n < (size_t)1 << 20) assay_buf_add(out, chunk, n);
    bool whole = !ferror(f);
    if (!whole) assay_errors_add(es, ASSAY_CONFIG, name, "%s (%s): cannot read %s: %s", name, where, path, strerror(errno));
    fclose(f);
    return whole;
}

static char *trim(char *p) {
    while (isspace((unsigned char)*p)) p++;
    size_t n = strlen(p);
    while (n > 0 && isspace((unsigned char)p[n - 1])) p[--n] = '\0';
    return p;
}

static void unknown_setting(const char *written, const char *where, struct assay_errors *es) {
    char dashes[N_ROWS][64];
    const char *names[N_ROWS];
    for (size_t i = 0; i < N_ROWS; i++) dashed(rows[i].name, dashes[i]), names[i] = dashes[i];
    const char *near = assay_nearest(written, names, N_ROWS);
    assay_errors_add(es, ASSAY_CONFIG, written, "%s: there is no setting \"%s\"%s%s%s", where, written,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static void read_config_line(struct assay_settings *s, char *line, const char *where, struct assay_errors *es) {
    line = trim(line);
    if (!*line || *line == '#') return;
    char *equals = strchr(line, '=');
    if (!equals) {
        assay_errors_add(es, ASSAY_CONFIG, "", "%s: `name = value` is wanted", where);
        return;
    }
    *equals = '\0';
    char *name = trim(line);
    const struct row *row = find(name, strlen(name));
    if (row) set(s, row, trim(equals + 1), where, es);
    else unknown_setting(name, where, es);
}

static void read_config_file(struct assay_settings *s, struct assay_errors *es) {
    struct assay_buf text = {0};
    char *save = NULL, where[160];
    int number = 0;
    if (!read_text_file(s->config, "config", s->from[ASSAY_SETTING_AT_config], &text, es)) text.n = 0;
    for (char *line = text.n ? text.p : NULL; line && *line; line = save) {
        save = strchr(line, '\n');
        if (save) *save++ = '\0';
        snprintf(where, sizeof where, "%.120s line %d", s->config, ++number);
        read_config_line(s, line, where, es);
    }
    assay_buf_free(&text);
}

static void environment_name(const struct row *row, char out[80]) {
    size_t n = (size_t)snprintf(out, 80, "ASSAY_");
    for (const char *p = row->name; *p && n < 70; p++) out[n++] = (char)toupper((unsigned char)*p);
    out[n] = '\0';
}

static void read_environment(struct assay_settings *s, struct assay_errors *es) {
    for (size_t i = 0; i < N_ROWS; i++) {
        char name[80], setting[64];
        environment_name(&rows[i], name);
        const char *value = getenv(name);
        if (value) set(s, &rows[i], value, name, es);
        if (!rows[i].secret) continue;
        memcpy(name + strlen(name), "_FILE", 6);
        const char *path = getenv(name);
        if (!path) continue;
        struct assay_buf text = {0};
        dashed(rows[i].name, setting);
        if (read_text_file(path, setting, name, &text, es)) set(s, &rows[i], text.p ? trim(text.p) : "", name, es);
        assay_buf_free(&text);
    }
}

/* One pass over argv. Only --config is wanted at first, everything else once the other places have been read. */
static void read_arguments(int argc, char **argv, struct assay_settings *s, bool only_config, struct assay_errors *es) {
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i], *equals = strchr(arg, '=');
        size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
        const struct row *row = n > 2 && !strncmp(arg, "--", 2) ? find(arg + 2, n - 2) : NULL;
        if (!row) {
            if (!only_config) assay_errors_add(es, ASSAY_CONFIG, arg, "\"%s\" is no setting", arg);
            continue;
        }
        const char *value = equals ? equals + 1 : row->type == BOOL ? "true" : i + 1 < argc ? argv[++i] : NULL;
        bool config = row == &rows[ASSAY_SETTING_AT_config];
        if (!value) {
            if (!only_config) assay_errors_add(es, ASSAY_CONFIG, arg, "%s needs a value", arg);
        } else if (config == only_config) {
            set(s, row, value, "command line", es);
        }
    }
}

enum assay_status assay_settings_read_all(int argc, char **argv, struct assay_settings *out, struct assay_errors *es) {
    memset(out, 0, sizeof *out);
    es->n = 0;
    for (size_t i = 0; i < N_ROWS; i++) set(out, &rows[i], rows[i].value, "default", es);
    const char *path = getenv("ASSAY_CONFIG");
    if (path) set(out, &rows[ASSAY_SETTING_AT_config], path, "ASSAY_CONFIG", es);
    read_arguments(argc, argv, out, true, es);
    if (*out->config) read_config_file(out, es);
    read_environment(out, es);
    read_arguments(argc, argv, out, false, es);
    return es->n ? ASSAY_CONFIG : ASSAY_OK;
}

enum assay_status assay_settings_read(int argc, char **argv, struct assay_settings *out, struct assay_error *e) {
    struct assay_errors es;
    enum assay_status st = assay_settings_read_all(argc, argv, out, &es);
    if (st) *e = es.items[0];
    return st;
}

void assay_settings_free(struct assay_settings *s) { assay_arena_free(&s->arena); }

/* --- telling ------------------------------------------------------------------------------------------------------------- */

bool assay_setting_at(size_t i, struct assay_setting *out) {
    if (i >= N_ROWS) return false;
    const struct row *row = &rows[i];
    *out = (struct assay_setting){.preset = row->value, .help = row->help, .secret = row->secret};
    dashed(row->name, out->name);
    environment_name(row, out->env);
    out->value = row->type == BOOL ? NULL : row->type == COUNT ? "N" : "TEXT";
    if (row->type == BOOL) out->preset = "";
    for (size_t k = 0; k < sizeof told / sizeof *told; k++)
        if (!strcmp(told[k].name, row->name)) out->value = told[k].value, out->words = told[k].words;
    return true;
}

void assay_setting_show(const struct assay_settings *s, size_t i, struct assay_buf *out) {
    const void *at = (const char *)s + rows[i].offset;
    switch (rows[i].type) {
    case TEXT:
        if (rows[i].secret && **(const char *const *)at) assay_buf_adds(out, "********");
        else assay_buf_adds(out, *(const char *const *)at);
        break;
    case BOOL: assay_buf_adds(out, *(const bool *)at ? "true" : "false"); break;
    case COUNT: assay_buf_printf(out, "%lld", (long long)*(const int64_t *)at); break;
    }
}
