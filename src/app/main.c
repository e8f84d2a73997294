/* main.c -- assayd: the list of its commands, and which of them is meant. */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"

static const struct assay_command *const commands[] = {
    &assay_command_serve,  &assay_command_check_config, &assay_command_doctor, &assay_command_migrate, &assay_command_recompute,
    &assay_command_load,   &assay_command_sample,       &assay_command_orders, &assay_command_explain, &assay_command_key,
    &assay_command_health, &assay_command_completion,   &assay_command_man,
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static const struct assay_example examples[] = {
    {"Start a daemon with a PostgreSQL of its own:", "assayd serve --state-dir /var/lib/assay"},
    {"Load a made-up network into it:",
     "assayd sample --out net && assayd load --state-dir /var/lib/assay net/*.ndjson net/rates.json --code fy01-labour"},
    {"Ask which orders were missed, and why one of them:", "assayd orders P001 --outcome missed --state-dir /var/lib/assay"},
    {0},
};

const struct assay_program *assay_program(void) {
    static const struct assay_program program = {ASSAY_VERSION, N_COMMANDS, commands, examples};
    return &program;
}

const struct assay_command *assay_program_command(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(name, commands[i]->name)) return commands[i];
    return NULL;
}

static int no_such_command(const char *name) {
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) names[i] = commands[i]->name;
    const char *near = assay_nearest(name, names, N_COMMANDS);
    fprintf(stderr, "assayd: there is no command %s%s%s%s; assayd --help lists them\n", name, near ? "; did you mean " : "",
            near ? near : "", near ? "?" : "");
    return 2;
}

/* `assayd help`, `assayd help COMMAND`. */
static int help(int argc, char **argv) {
    const struct assay_command *c = argc > 2 ? assay_program_command(argv[2]) : NULL;
    if (argc > 2 && !c) return no_such_command(argv[2]);
    if (c) assay_help_command(c, stdout);
    else assay_help_program(assay_program(), stdout);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        assay_help_program(assay_program(), stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) return help(argc, argv);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        puts("assayd " ASSAY_VERSION);
        return 0;
    }
    const struct assay_command *c = assay_program_command(argv[1]);
    return c ? c->run(argc - 1, argv + 1) : no_such_command(argv[1]);
}
