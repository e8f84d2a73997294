/* cli.c -- a command line read by its command's table. */
#include "app/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "app/settings.h"

/* --- the nearest word --------------------------------------------------------------------------------------------------- */

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* How many letters to insert, remove, replace or swap with their neighbour (optimal string alignment). */
static size_t distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b), d[WORD_MAX + 1][WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX) return SIZE_MAX;
    for (size_t i = 0; i <= n; i++) d[i][0] = i;
    for (size_t k = 0; k <= m; k++) d[0][k] = k;
    for (size_t i = 1; i <= n; i++) {
        for (size_t k = 1; k <= m; k++) {
            d[i][k] = least(least(d[i - 1][k] + 1, d[i][k - 1] + 1), d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
        }
    }
    return d[n][m];
}

const char *assay_nearest(const char *written, const char *const *words, size_t n) {
    const char *best = NULL;
    size_t length = strlen(written), best_distance = length < 4 ? 2 : length / 3 + 2; /* what is this far is another word */
    for (size_t i = 0; i < n; i++) {
        if (!words[i]) continue;
        size_t far = distance(written, words[i]);
        /* What was begun rightly is meant, however much of it is missing. */
        if (length >= 3 && !strncmp(words[i], written, length)) far = 1;
        if (far < best_distance) best = words[i], best_distance = far;
    }
    return best;
}

/* --- the options a command takes ------------------------------------------------------------------------------------------ */

bool assay_option_at(const struct assay_command *c, size_t i, struct assay_option_text *out) {
    struct assay_setting s;
    if (i < c->n_options) {
        const struct assay_option *o = &c->options[i];
        *out = (struct assay_option_text){.value = o->value, .preset = o->preset, .words = o->words, .help = o->help};
        snprintf(out->name, sizeof out->name, "--%s", o->name);
        snprintf(out->env, sizeof out->env, "%s", o->env ? o->env : "");
        return true;
    }
    if (!c->settings || !assay_setting_at(i - c->n_options, &s)) return false;
    *out = (struct assay_option_text){.value = s.value, .preset = *s.preset ? s.preset : NULL, .words = s.words, .help = s.help};
    snprintf(out->name, sizeof out->name, "--%s", s.name);
    if (s.secret) snprintf(out->env, sizeof out->env, "%s, %s_FILE", s.env, s.env);
    else snprintf(out->env, sizeof out->env, "%s", s.env);
    return true;
}

/* --- reading -------------------------------------------------------------------------------------------------------------- */

static bool same_name(const char *name, const char *written, size_t n) {
    if (strlen(name) != n) return false;
    for (size_t i = 0; i < n; i++)
        if (name[i] != written[i] && !(name[i] == '-' && written[i] == '_')) return false;
    return true;
}

static bool among(const char *words, const char *value) {
    size_t n = strlen(value);
    for (const char *p = words; n && (p = strstr(p, value)); p += n)
        if ((p == words || p[-1] == ' ') && (!p[n] || p[n] == ' ')) return true;
    return false;
}

static void unknown_option(const struct assay_command *c, const char *arg, size_t n, struct assay_errors *es) {
    struct assay_option_text o;
    struct assay_arena a = {0};
    const char *names[256];
    size_t count = 0;
    for (; count < 255 && assay_option_at(c, count, &o); count++) names[count] = assay_arena_dup(&a, assay_str_c(o.name)).p;
    names[count++] = "--help";
    const char *written = assay_arena_dup(&a, (struct assay_str){arg, n}).p, *near = assay_nearest(written, names, count);
    assay_errors_add(es, ASSAY_CONFIG, written, "there is no option %s%s%s%s", written, near ? "; did you mean " : "",
                     near ? near : "", near ? "?" : "");
    assay_arena_free(&a);
}

/* One option at argv[*i], which moves on where its value is the next argument. */
static void read_option(struct assay_cli *cli, int argc, int *i, struct assay_errors *es) {
    const struct assay_command *c = cli->command;
    char *arg = cli->argv[*i], *equals = strchr(arg, '=');
    size_t n = equals ? (size_t)(equals - arg) : strlen(arg), at = 0;
    struct assay_option_text o;
    while (assay_option_at(c, at, &o) && !same_name(o.name, arg, n)) at++;
    if (!assay_option_at(c, at, &o)) {
        unknown_option(c, arg, n, es);
        return;
    }
    bool setting = at >= c->n_options;
    char *value = equals ? equals + 1 : NULL;
    if (setting) cli->argv[++cli->n_settings] = arg;
    if (o.value && !value) {
        value = *i + 1 < argc ? cli->argv[++*i] : NULL;
        if (setting && value) cli->argv[++cli->n_settings] = value;
    }
    if (o.value && !value) assay_errors_add(es, ASSAY_CONFIG, o.name, "%s needs a value: %s", o.name, o.value);
    else if (!o.value && value && !setting) assay_errors_add(es, ASSAY_CONFIG, o.name, "%s takes no value", o.name);
    else if (!setting && value && o.words && !among(o.words, value))
        assay_errors_add(es, ASSAY_CONFIG, o.name, "%s: \"%s\" is none of: %s", o.name, value, o.words);
    else if (!setting && cli->n_given == ASSAY_CLI_GIVEN_MAX) assay_errors_add(es, ASSAY_CONFIG, o.name, "too many options");
    else if (!setting) {
        cli->given[cli->n_given].option = at;
        cli->given[cli->n_given++].value = value ? value : "";
    }
}

void assay_cli_parse(const struct assay_command *c, int argc, char **argv, struct assay_cli *out, struct assay_errors *es) {
    char **operands = assay_xcalloc((size_t)argc + 1, sizeof *operands);
    bool options_end = false;
    *out = (struct assay_cli){.command = c, .argv = argv};
    for (int i = 1; i < argc; i++) {
        /* Read before anything is moved onto it: n_settings never runs ahead of i. */
        char *arg = argv[i];
        if (options_end || arg[0] != '-' || !arg[1]) operands[out->n_operands++] = arg;
        else if (!strcmp(arg, "--")) options_end = true;
        else if (arg[1] != '-') assay_errors_add(es, ASSAY_CONFIG, arg, "there is no option %s; options begin with --", arg);
        else read_option(out, argc, &i, es);
    }
    out->operands = argv + 1 + out->n_settings;
    for (int i = 0; i < out->n_operands; i++) out->operands[i] = operands[i];
    free(operands);
}

static bool asks_for_help(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
}

static void try_help(const struct assay_command *c) { fprintf(stderr, "Try 'assayd %s --help'.\n", c->name); }

bool assay_cli_helps(const struct assay_command *c, int argc, char **argv, int *status) {
    *status = 0;
    if (!asks_for_help(argc, argv)) return true;
    assay_help_command(c, stdout);
    return false;
}

bool assay_cli_begin(const struct assay_command *c, int argc, char **argv, struct assay_cli *out, int *status) {
    struct assay_errors es = {0};
    if (!assay_cli_helps(c, argc, argv, status)) return false;
    assay_cli_parse(c, argc, argv, out, &es);
    for (size_t i = 0; i < assay_errors_kept(&es); i++) fprintf(stderr, "assayd %s: %s\n", c->name, es.items[i].detail);
    if (!es.n) return true;
    try_help(c);
    *status = 2;
    return false;
}

int assay_cli_wrong(const struct assay_command *c, const char *fmt, ...) {
    va_list ap;
    fprintf(stderr, "assayd %s: ", c->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    try_help(c);
    return 2;
}

/* --- values ---------------------------------------------------------------------------------------------------------------- */

const char *assay_cli_given(const struct assay_cli *cli, size_t option) {
    for (size_t i = cli->n_given; i > 0; i--)
        if (cli->given[i - 1].option == option) return cli->given[i - 1].value;
    return NULL;
}

const char *assay_cli_value(const struct assay_cli *cli, size_t option) {
    const char *value = assay_cli_given(cli, option), *env = cli->command->options[option].env;
    if (!value && env) value = getenv(env);
    return value && *value ? value : NULL;
}

bool assay_cli_flag(const struct assay_cli *cli, size_t option) {
    const char *env = cli->command->options[option].env;
    if (assay_cli_given(cli, option)) return true;
    const char *said = env ? getenv(env) : NULL;
    return said && (!strcmp(said, "true") || !strcmp(said, "1"));
}

bool assay_cli_number(const struct assay_cli *cli, size_t option, int64_t min, int64_t max, int64_t *out) {
    const char *text = assay_cli_given(cli, option);
    char *end;
    if (!text) return true;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || !*text || *end || isspace((unsigned char)*text) || v < min || v > max) {
        assay_cli_wrong(cli->command, "--%s: \"%s\" is not a whole number from %lld to %lld", cli->command->options[option].name,
                        text, (long long)min, (long long)max);
        return false;
    }
    *out = v;
    return true;
}
