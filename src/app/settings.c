/* settings.c -- the table of settings, read from three places. */
#include "app/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

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
#define N_ROWS (sizeof rows / sizeof *rows)

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

static enum assay_status set(struct assay_settings *s, const struct row *row, const char *value, const char *where,
                             struct assay_error *e) {
    void *at = (char *)s + row->offset;
    char name[64], *end;
    dashed(row->name, name);
    switch (row->type) {
    case TEXT: *(const char **)at = assay_arena_dup(&s->arena, assay_str_c(value)).p; break;
    case BOOL:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return assay_fail(e, ASSAY_CONFIG, name, "%s (%s): true or false, not \"%s\"", name, where, value);
        *(bool *)at = value[0] == 't';
        break;
    case COUNT:
        errno = 0;
        int64_t v = strtoll(value, &end, 10);
        if (errno || *end || !*value || v < row->min || v > row->max)
            return assay_fail(e, ASSAY_CONFIG, name, "%s (%s): a whole number from %lld to %lld, not \"%s\"", name, where,
                              (long long)row->min, (long long)row->max, value);
        *(int64_t *)at = v;
        break;
    }
    return ASSAY_OK;
}

static enum assay_status read_text_file(const char *path, struct assay_buf *out, struct assay_error *e) {
    FILE *f = fopen(path, "re");
    if (!f) return assay_fail(e, ASSAY_CONFIG, "", "cannot read %s: %s", path, strerror(errno));
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && out->n < (size_t)1 << 20) assay_buf_add(out, chunk, n);
    fclose(f);
    return ASSAY_OK;
}

static char *trim(char *p) {
    while (isspace((unsigned char)*p)) p++;
    size_t n = strlen(p);
    while (n > 0 && isspace((unsigned char)p[n - 1])) p[--n] = '\0';
    return p;
}

static enum assay_status read_config_file(struct assay_settings *s, const char *path, struct assay_error *e) {
    struct assay_buf text = {0};
    enum assay_status st = read_text_file(path, &text, e);
    char *save = NULL, where[160];
    int number = 0;
    for (char *line = text.p; !st && line && *line; line = save) {
        save = strchr(line, '\n');
        if (save) *save++ = '\0';
        number++;
        line = trim(line);
        if (!*line || *line == '#') continue;
        char *equals = strchr(line, '=');
        snprintf(where, sizeof where, "%.120s line %d", path, number);
        if (!equals) {
            st = assay_fail(e, ASSAY_CONFIG, "", "%s: `name = value` is wanted", where);
            break;
        }
        *equals = '\0';
        char *name = trim(line);
        const struct row *row = find(name, strlen(name));
        if (!row) st = assay_fail(e, ASSAY_CONFIG, name, "%s: there is no setting \"%s\"", where, name);
        else st = set(s, row, trim(equals + 1), where, e);
    }
    assay_buf_free(&text);
    return st;
}

static enum assay_status read_environment(struct assay_settings *s, struct assay_error *e) {
    for (size_t i = 0; i < N_ROWS; i++) {
        char name[80] = "ASSAY_";
        size_t n = 6;
        for (const char *p = rows[i].name; *p && n < 70; p++) name[n++] = (char)toupper((unsigned char)*p);
        const char *value = getenv(name);
        enum assay_status st = value ? set(s, &rows[i], value, name, e) : ASSAY_OK;
        if (st) return st;
        if (!rows[i].secret) continue;
        memcpy(name + n, "_FILE", 6);
        const char *path = getenv(name);
        if (!path) continue;
        struct assay_buf text = {0};
        st = read_text_file(path, &text, e);
        if (!st) st = set(s, &rows[i], text.p ? trim(text.p) : "", name, e);
        assay_buf_free(&text);
        if (st) return st;
    }
    return ASSAY_OK;
}

/* One pass over argv. Only --config is wanted at first, everything else once the other places have been read. */
static enum assay_status read_arguments(int argc, char **argv, struct assay_settings *s, bool only_config, int *rest,
                                        struct assay_error *e) {
    int kept = 1;
    bool settings_end = false;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (settings_end || strncmp(arg, "--", 2) != 0) {
            if (!only_config) argv[kept++] = arg;
            continue;
        }
        if (!arg[2]) {
            settings_end = true;
            continue;
        }
        char *equals = strchr(arg, '=');
        size_t n = equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
        const struct row *row = find(arg + 2, n);
        if (!row) return assay_fail(e, ASSAY_CONFIG, arg, "there is no option %.*s; --help lists them", (int)n + 2, arg);
        const char *value = equals ? equals + 1 : row->type == BOOL ? "true" : i + 1 < argc ? argv[++i] : NULL;
        if (!value) return assay_fail(e, ASSAY_CONFIG, arg, "%s needs a value", arg);
        if (only_config != !strcmp(row->name, "config")) continue;
        enum assay_status st = set(s, row, value, "command line", e);
        if (st) return st;
    }
    if (!only_config) *rest = kept - 1;
    return ASSAY_OK;
}

enum assay_status assay_settings_read(int argc, char **argv, int *rest, struct assay_settings *out, struct assay_error *e) {
    memset(out, 0, sizeof *out);
    *rest = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        enum assay_status st = set(out, &rows[i], rows[i].value, "default", e);
        if (st) return st;
    }
    const char *path = getenv("ASSAY_CONFIG");
    enum assay_status st = path ? set(out, find("config", 6), path, "ASSAY_CONFIG", e) : ASSAY_OK;
    if (!st) st = read_arguments(argc, argv, out, true, rest, e);
    if (!st && *out->config) st = read_config_file(out, out->config, e);
    if (!st) st = read_environment(out, e);
    return st ? st : read_arguments(argc, argv, out, false, rest, e);
}

void assay_settings_free(struct assay_settings *s) { assay_arena_free(&s->arena); }

void assay_settings_help(FILE *f) {
    for (size_t i = 0; i < N_ROWS; i++) {
        char name[64];
        dashed(rows[i].name, name);
        fprintf(f, "  --%-20s %s%s%s%s\n", name, rows[i].help, *rows[i].value ? " [" : "", rows[i].value,
                *rows[i].value ? "]" : "");
    }
}
