/* main.c -- assayd: which subcommand. */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", assay_cmd_serve, "run the daemon"},
    {"migrate", assay_cmd_migrate, "bring the database's schema up to date"},
    {"explain", assay_cmd_explain, "judge records from files and say why"},
    {"recompute", assay_cmd_recompute, "derive everything from the records again: --verify compares, --repair puts right"},
    {"sample", assay_cmd_sample, "write a made-up network as NDJSON"},
    {"check-config", assay_cmd_check_config, "read the settings and say what is wrong with them"},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void help(FILE *f) {
    fputs("assayd: evaluates a network of repair-service providers and works out their pay\n\nusage: assayd COMMAND "
          "[options]\n\ncommands:\n",
          f);
    for (size_t i = 0; i < N_COMMANDS; i++) fprintf(f, "  %-14s %s\n", commands[i].name, commands[i].help);
    fputs("\nsettings (command line, else ASSAY_NAME in the environment, else the --config file):\n", f);
    assay_settings_help(f);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        help(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("assayd " ASSAY_VERSION);
        return 0;
    }
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "assayd: there is no command %s; assayd --help lists them\n", argv[1]);
    return 2;
}
