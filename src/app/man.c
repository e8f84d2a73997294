/* man.c -- `assayd man`: the manual page, assayd(1), in mdoc: a frame, and the commands' tables. */
#include <ctype.h>

#include "app/commands.h"

/* One character, which may be of many bytes: those roff knows by their number alone. Returns the last byte of it. */
static const char *write_character(const char *p, FILE *f) {
    unsigned char lead = (unsigned char)*p;
    int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    unsigned code = more ? lead & (0x3Fu >> more) : lead;
    if (*p == '\\') fputs("\\e", f);
    else if (*p == '-') fputs("\\-", f);
    else if (!more) fputc(*p, f);
    for (int i = 0; i < more && (p[1] & 0xC0) == 0x80; i++) code = code << 6 | ((unsigned char)*++p & 0x3Fu);
    if (more) fprintf(f, "\\[u%04X]", code);
    return p;
}

/* Text for mdoc: what roff or a macro line would read as something else is escaped. Each sentence begins a line. */
static void write_text(const char *text, FILE *f) {
    bool begins = true;
    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\'')) fputs("\\&", f);
        begins = false;
        if (*text == '\n') fputs("\n.Pp\n", f), begins = true;
        else if (*text == '.' && text[1] == ' ' && (isupper((unsigned char)text[2]) || text[2] == '-')) {
            fputs(".\n", f);
            text++;
            begins = true;
        } else text = write_character(text, f);
    }
    fputc('\n', f);
}

/* One argument of a macro, quoted: blanks, and words that are macros themselves, are then text. */
static void write_argument(const char *text, FILE *f) {
    fputs(" \"", f);
    for (; *text; text++) {
        if (*text == '"') fputs("\\(dq", f);
        else text = write_character(text, f);
    }
    fputc('"', f);
}

static void write_option(const struct assay_option_text *o, FILE *f) {
    fprintf(f, ".It Fl \\-%s", o->name + 2);
    if (o->value) fputs(" Ar", f), write_argument(o->value, f);
    fputc('\n', f);
    struct assay_buf b = {0};
    assay_buf_printf(&b, "%c%s", toupper((unsigned char)o->help[0]), o->help + 1);
    if (o->words) assay_buf_printf(&b, "; one of: %s", o->words);
    assay_buf_adds(&b, b.p[b.n - 1] == '.' ? "" : ".");
    if (o->preset) assay_buf_printf(&b, " Default: %s.", o->preset);
    if (*o->env) assay_buf_printf(&b, " Environment: %s.", o->env);
    write_text(b.p, f);
    assay_buf_free(&b);
}

static void write_synopsis(const struct assay_command *c, FILE *f) {
    for (const char *p = c->synopsis;;) {
        size_t n = strcspn(p, "\n");
        struct assay_buf b = {0};
        assay_buf_add(&b, p, n);
        fprintf(f, ".Nm\n.Cm %s\n", c->name);
        if (b.n) fputs(".No", f), write_argument(b.p, f), fputc('\n', f);
        assay_buf_free(&b);
        if (!p[n]) break;
        p += n + 1;
    }
}

static void write_examples(const struct assay_example *x, bool begins_section, FILE *f) {
    for (; x && x->what; x++, begins_section = false) {
        if (!begins_section) fputs(".Pp\n", f);
        write_text(x->what, f);
        fputs(".Dl", f);
        write_argument(x->line, f);
        fputc('\n', f);
    }
}

static void write_command(const struct assay_command *c, FILE *f) {
    struct assay_option_text o;
    fprintf(f, ".Ss assayd %s\n", c->name);
    write_text(c->about, f);
    if (c->settings) fputs("Takes the settings too\n.Pq see Sx SETTINGS .\n", f);
    for (size_t i = 0; i < c->n_options && assay_option_at(c, i, &o); i++) {
        if (i == 0) fputs(".Bl -tag -width Ds\n", f);
        write_option(&o, f);
        if (i + 1 == c->n_options) fputs(".El\n", f);
    }
    write_examples(c->examples, false, f);
    if (!c->exit_status) return;
    fputs(".Pp\nExit status:\n.Bl -tag -width Ds -compact\n", f);
    for (const struct assay_exit_status *x = c->exit_status; x->meaning; x++) {
        fprintf(f, ".It %d\n", x->status);
        write_text(x->meaning, f);
    }
    fputs(".El\n", f);
}

static const char frame_begin[] = ".\\\" Made by `assayd man` from the commands' tables: edit those.\n"
                                  ".Dd November 25, 2026\n"
                                  ".Dt ASSAYD 1\n"
                                  ".Os Assay\n"
                                  ".Sh NAME\n"
                                  ".Nm assayd\n"
                                  ".Nd evaluates a network of repair\\-service providers and works out their pay\n"
                                  ".Sh SYNOPSIS\n";
static const char frame_description[] =
    ".Sh DESCRIPTION\n"
    "Provider systems upload repair events, the customer care centre its dispatches, logistics its shipments, and survey teams\n"
    "the customers' answers.\n"
    ".Nm\n"
    "folds them into work orders, judges each order's turnaround by the scheme in force, evaluates every provider per month,\n"
    "ranks it, and works out its labour compensation.\n"
    "Everything is JSON over HTTP; every verdict says why.\n"
    ".Pp\n"
    ".Nm Cm serve\n"
    "is the daemon, over a PostgreSQL of yours or a private one that it starts and owns.\n"
    "The other commands load files into a running daemon, ask it, or look after the database.\n"
    ".Sh COMMANDS\n";
static const char frame_settings[] = ".Sh SETTINGS\n"
                                     "The command line wins over the environment, which wins over the file that\n"
                                     ".Fl \\-config\n"
                                     "names: lines of\n"
                                     ".Ql name = value ,\n"
                                     "and comments that begin with\n"
                                     ".Ql # .\n"
                                     "A secret may also stand in a file of its own that a variable ending in\n"
                                     ".Ev _FILE\n"
                                     "names.\n"
                                     ".Bl -tag -width Ds\n";
static const char frame_end[] = ".El\n"
                                ".Sh FILES\n"
                                "In the state directory:\n"
                                ".Bl -tag -width Ds\n"
                                ".It Pa admin.key\n"
                                "The administrator's key, made at the first start.\n"
                                ".It Pa postgres/\n"
                                "The data of the embedded PostgreSQL, its log in\n"
                                ".Pa postgres/log/ .\n"
                                ".It Pa run/\n"
                                "Its socket.\n"
                                ".It Pa lock\n"
                                "Held by the one daemon that uses the directory.\n"
                                ".El\n";

static const struct assay_command *any_with_settings(const struct assay_program *p) {
    for (size_t i = 0; i < p->n_commands; i++)
        if (p->commands[i]->settings) return p->commands[i];
    return NULL;
}

void assay_man_write(FILE *f) {
    const struct assay_program *p = assay_program();
    const struct assay_command *c = any_with_settings(p);
    struct assay_option_text o;
    fputs(frame_begin, f);
    for (size_t i = 0; i < p->n_commands; i++) write_synopsis(p->commands[i], f);
    fputs(".Nm\n.Fl \\-help | \\-version\n", f);
    fputs(frame_description, f);
    for (size_t i = 0; i < p->n_commands; i++) write_command(p->commands[i], f);
    fputs(frame_settings, f);
    for (size_t i = c->n_options; assay_option_at(c, i, &o); i++) write_option(&o, f);
    fputs(frame_end, f);
    fputs(".Sh EXAMPLES\n", f);
    write_examples(p->examples, true, f);
    fputs(".Sh SEE ALSO\n.Xr curl 1 ,\n.Xr pg_dump 1 ,\n.Xr postgres 1\n", f);
}

static int run_man(int argc, char **argv) {
    struct assay_cli cli;
    int status;
    if (!assay_cli_begin(&assay_command_man, argc, argv, &cli, &status)) return status;
    if (cli.n_operands) return assay_cli_wrong(&assay_command_man, "it takes no argument \"%s\"", cli.operands[0]);
    assay_man_write(stdout);
    return fflush(stdout) ? 1 : 0;
}

const struct assay_command assay_command_man = {
    .name = "man",
    .group = "Shell",
    .summary = "write the manual page, assayd(1)",
    .synopsis = "",
    .about = "Writes the manual page to the standard output, in mdoc. Packages install it, so that `man assayd` finds it.",
    .examples = (const struct assay_example[]){{"To read it where it is not installed:", "assayd man | man -l -"}, {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "written"}, {2, "wrong usage"}, {0}},
    .run = run_man,
};
