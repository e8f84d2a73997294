/* help.c -- the commands' tables as text for a terminal of 80 columns. */
#include "app/cli.h"

enum { WIDTH = 80, OPTION_COLUMN = 4, TEXT_COLUMN = 8 };

static void indent(int n, FILE *f) { fprintf(f, "%*s", n, ""); }

/* Text filled to the width; a line feed in it begins a new paragraph. The help is ASCII, so a byte is a column. */
static void fill(const char *text, int column, FILE *f) {
    int at = 0;
    for (const char *p = text; *p;) {
        if (*p == '\n') {
            fputs("\n\n", f);
            at = 0, p++;
            continue;
        }
        int n = (int)strcspn(p, " \n");
        if (at && at + 1 + n > WIDTH) fputc('\n', f), at = 0;
        if (!at) indent(column, f), at = column;
        else fputc(' ', f), at++;
        fprintf(f, "%.*s", n, p);
        at += n;
        p += n;
        while (*p == ' ') p++;
    }
    fputc('\n', f);
}

static void print_options(const struct assay_command *c, FILE *f) {
    struct assay_option_text o;
    for (size_t i = 0; assay_option_at(c, i, &o); i++) {
        struct assay_buf b = {0};
        if (i == 0) fputs("\nOptions\n", f);
        if (c->settings && i == c->n_options)
            fputs(i ? "\nSettings (command line, else environment, else the --config file)\n" : "", f);
        indent(OPTION_COLUMN, f);
        fprintf(f, "%s%s%s\n", o.name, o.value ? " " : "", o.value ? o.value : "");
        assay_buf_adds(&b, o.help);
        if (o.words) assay_buf_printf(&b, "; one of: %s", o.words);
        if (o.preset) assay_buf_printf(&b, " [%s]", o.preset);
        if (*o.env) assay_buf_printf(&b, " (%s)", o.env);
        fill(b.p, TEXT_COLUMN, f);
        assay_buf_free(&b);
    }
}

static void print_examples(const struct assay_example *x, FILE *f) {
    if (x && x->what) fputs("\nExamples\n", f);
    for (; x && x->what; x++) {
        fill(x->what, OPTION_COLUMN, f);
        fprintf(f, "%*s%s\n", TEXT_COLUMN, "", x->line);
    }
}

void assay_help_command(const struct assay_command *c, FILE *f) {
    for (const char *p = c->synopsis; *p;) {
        int n = (int)strcspn(p, "\n");
        fprintf(f, "%s assayd %s%s%.*s\n", p == c->synopsis ? "usage:" : "      ", c->name, n ? " " : "", n, p);
        p += n + (p[n] == '\n');
    }
    if (!*c->synopsis) fprintf(f, "usage: assayd %s\n", c->name);
    fputc('\n', f);
    fill(c->about, 0, f);
    print_options(c, f);
    print_examples(c->examples, f);
    if (c->exit_status) fputs("\nExit status\n", f);
    for (const struct assay_exit_status *x = c->exit_status; x && x->meaning; x++)
        fprintf(f, "%*s%-4d%s\n", OPTION_COLUMN, "", x->status, x->meaning);
}

void assay_help_program(const struct assay_program *p, FILE *f) {
    const char *group = "";
    fputs("assayd: evaluates a network of repair-service providers and works out their pay\n\n", f);
    fill("The daemon (assayd serve) takes repair events, dispatches, shipments and survey responses over HTTP, judges each "
         "order's "
         "turnaround by the scheme in force, and answers with verdicts, evaluations and compensation. The other commands start "
         "nothing that stays: they load files, ask a running daemon, or look after the database.",
         0, f);
    fputs("\nusage: assayd COMMAND [options]\n       assayd COMMAND --help\n", f);
    for (size_t i = 0; i < p->n_commands; i++) {
        const struct assay_command *c = p->commands[i];
        if (strcmp(group, c->group) != 0) fprintf(f, "\n%s\n", group = c->group);
        fprintf(f, "    %-14s %s\n", c->name, c->summary);
    }
    print_examples(p->examples, f);
    fputs("\nassayd --version says the version; `man assayd` has everything on one page.\n", f);
}
