/* cli.h -- what a command of assayd is: its name, options, words of help. Everything that must know them comes from these
 * tables: reading the command line, --help, shell completion, the manual page. Each command's table stands beside its code;
 * the list of all is in main.c. Must not know: what any command does. */
#ifndef ASSAY_CLI_H
#define ASSAY_CLI_H

#include <stdio.h>

#include "assay/str.h"

/* An option of one command. Settings (settings.h) are options of the commands that say so, besides their own. */
struct assay_option {
    const char *name;   /* without its dashes */
    const char *value;  /* what its value is called: "FILE" and "DIR" are completed as such; NULL: a flag */
    const char *preset; /* the default in words; NULL: none */
    const char *env;    /* the variable that is asked where the command line is silent; NULL: none */
    const char *words;  /* the values there are, between blanks; NULL: any */
    const char *help;
};
struct assay_example {
    const char *what, *line;
};
struct assay_exit_status {
    int status;
    const char *meaning;
};
struct assay_command {
    const char *name;
    const char *group;    /* the heading it stands under in --help */
    const char *summary;  /* one line */
    const char *synopsis; /* what follows the name; a line each where there is more than one way */
    const char *about;    /* paragraphs, between line feeds */
    const char *operands; /* what completes an operand: "FILE", or words between blanks; NULL: nothing */
    size_t n_options;
    const struct assay_option *options;
    bool settings;                               /* takes the settings too */
    const struct assay_example *examples;        /* ends with a NULL */
    const struct assay_exit_status *exit_status; /* ends with a NULL */
    int (*run)(int argc, char **argv);           /* argv[0] is the command's name */
};
#define ASSAY_OPTIONS(rows) .n_options = sizeof(rows) / sizeof *(rows), .options = (rows)

/* --- reading a command line ------------------------------------------------------------------------------------------- */
#define ASSAY_CLI_GIVEN_MAX 256
struct assay_cli {
    const struct assay_command *command;
    size_t n_given;
    struct {
        size_t option;
        const char *value; /* "" of a flag */
    } given[ASSAY_CLI_GIVEN_MAX];
    /* argv rearranged: argv[0], the settings as they were given, then, from operands on, everything that is no option. */
    int n_settings, n_operands;
    char **argv, **operands;
};
/* Sort argv (borrowed, rearranged in place) into options, settings and operands. Every mistake goes into *es (CONFIG): an
 * unknown option (with the nearest there is), a value missing or superfluous or not among the words. "--" ends the options;
 * "-" is an operand. Settings' values are not looked at. */
void assay_cli_parse(const struct assay_command *c, int argc, char **argv, struct assay_cli *out, struct assay_errors *es);
/* --help prints it: false, and the command returns *status. */
bool assay_cli_helps(const struct assay_command *c, int argc, char **argv, int *status);
/* The usual beginning of a command: --help prints it, mistakes are said on stderr. True: go on; else return *status. */
bool assay_cli_begin(const struct assay_command *c, int argc, char **argv, struct assay_cli *out, int *status);
/* Says a mistake the tables cannot know; returns 2. */
int assay_cli_wrong(const struct assay_command *c, const char *fmt, ...) ASSAY_PRINTF(2, 3);

/* The value of an option (an index into the command's table): the last on the command line, else the environment's where
 * it is not empty, else NULL. */
/* The same without the environment. */
const char *assay_cli_given(const struct assay_cli *cli, size_t option);
const char *assay_cli_value(const struct assay_cli *cli, size_t option);
/* Of a flag; in the environment "true" or "1" sets it. */
bool assay_cli_flag(const struct assay_cli *cli, size_t option);
/* A whole number of min..max into *out where the option was given; false (and a complaint on stderr) where it is not one. */
bool assay_cli_number(const struct assay_cli *cli, size_t option, int64_t min, int64_t max, int64_t *out);

/* The word nearest to what was written among n (absent ones are passed over), or NULL where none is near. */
const char *assay_nearest(const char *written, const char *const *words, size_t n);

/* --- telling (help.c, completion.c, man.c) ----------------------------------------------------------------------------- */
struct assay_program {
    const char *version;
    size_t n_commands;
    const struct assay_command *const *commands;
    const struct assay_example *examples;
};
const struct assay_program *assay_program(void); /* main.c */
const struct assay_command *assay_program_command(const char *name);

void assay_help_program(const struct assay_program *p, FILE *f);
void assay_help_command(const struct assay_command *c, FILE *f);
void assay_man_write(FILE *f);
/* shell: bash, zsh or fish. */
void assay_completion_write(const char *shell, FILE *f);

/* "name=VALUE"-like pieces shared by the three. The env of an option, of a setting too ("" where there is none). */
struct assay_option_text {
    char name[80];     /* "--state-dir" */
    const char *value; /* as struct assay_option's */
    char env[176];     /* "ASSAY_ADMIN_KEY, ASSAY_ADMIN_KEY_FILE" */
    const char *preset, *words, *help;
};
/* The i-th option a command takes, its own first, then the settings; false past the end. */
bool assay_option_at(const struct assay_command *c, size_t i, struct assay_option_text *out);

#endif
