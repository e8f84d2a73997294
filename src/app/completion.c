/* completion.c -- `assayd completion SHELL`: the commands' tables as a shell's completion. */
#include <ctype.h>

#include "app/commands.h"

static bool is_path(const char *value) { return value && (!strcmp(value, "FILE") || !strcmp(value, "DIR")); }

/* Text for a single-quoted word of any of the three shells: their ways to escape a quote differ, so none is written. */
static void write_quoted(const char *text, const char *also, FILE *f) {
    for (; *text; text++) {
        if (*text == '\'') continue;
        if (strchr(also, *text)) fputc('\\', f);
        fputc(*text, f);
    }
}

/* --- bash ------------------------------------------------------------------------------------------------------------------ */

/* How the value of an option, or an operand, is completed: a line of the case over them. */
static void bash_case(const char *pattern, const char *value, const char *words, FILE *f) {
    fprintf(f, "        %s) ", pattern);
    if (words) fprintf(f, "words='%s'", words);
    else if (value && !strcmp(value, "DIR")) fputs("kind=-d", f);
    else if (is_path(value)) fputs("kind=-f", f);
    else fputs("kind=none", f);
    fputs(" ;;\n", f);
}

static void bash_command(const struct assay_command *c, FILE *f) {
    struct assay_option_text o;
    char pattern[160];
    fprintf(f, "    %s)\n        options='", c->name);
    for (size_t i = 0; assay_option_at(c, i, &o); i++) fprintf(f, "%s ", o.name);
    fputs("--help'\n        case $previous in\n", f);
    for (size_t i = 0; assay_option_at(c, i, &o); i++)
        if (o.value) bash_case(o.name, o.value, o.words, f);
    bool paths = is_path(c->operands);
    snprintf(pattern, sizeof pattern, "%s", "*");
    bash_case(pattern, c->operands, paths ? NULL : c->operands ? c->operands : "", f);
    fputs("        esac ;;\n", f);
}

static void write_bash(const struct assay_program *p, FILE *f) {
    fputs("# bash completion for assayd; made by `assayd completion bash`.\n"
          "_assayd() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options='' words='' kind=''\n"
          "    # `--name=value` comes as three words.\n"
          "    if [[ $current == = ]]; then current=''; elif [[ $previous == = && COMP_CWORD -gt 2 ]]; then "
          "previous=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
          "    if ((COMP_CWORD == 1)); then\n        mapfile -t COMPREPLY < <(compgen -W '",
          f);
    for (size_t i = 0; i < p->n_commands; i++) fprintf(f, "%s ", p->commands[i]->name);
    fputs("--help --version' -- \"$current\")\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n", f);
    for (size_t i = 0; i < p->n_commands; i++) bash_command(p->commands[i], f);
    fputs("    esac\n"
          "    if [[ $current == -* ]]; then words=$options kind=''; fi\n"
          "    case $kind in\n"
          "    none) COMPREPLY=() ;;\n"
          "    -*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen \"$kind\" -- \"$current\") ;;\n"
          "    *) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
          "    esac\n"
          "}\n"
          "complete -F _assayd assayd\n",
          f);
}

/* --- zsh -------------------------------------------------------------------------------------------------------------------- */

static void zsh_action(const char *value, const char *words, FILE *f) {
    if (words) fprintf(f, "(%s)", words);
    else if (value && !strcmp(value, "DIR")) fputs("_files -/", f);
    else if (is_path(value)) fputs("_files", f);
}

static void zsh_command(const struct assay_command *c, FILE *f) {
    struct assay_option_text o;
    fprintf(f, "    %s)\n        _arguments -s \\\n", c->name);
    for (size_t i = 0; assay_option_at(c, i, &o); i++) {
        fprintf(f, "            '*%s%s[", o.name, o.value ? "=" : "");
        write_quoted(o.help, "[]:", f);
        fputc(']', f);
        if (o.value) {
            fputc(':', f);
            for (const char *v = o.value; *v; v++) fputc(tolower((unsigned char)*v), f);
            fputc(':', f);
            zsh_action(o.value, o.words, f);
        }
        fputs("' \\\n", f);
    }
    fputs("            '--help[say how it is used]'", f);
    if (c->operands) {
        fputs(" \\\n            '*:operand:", f);
        zsh_action(c->operands, is_path(c->operands) ? NULL : c->operands, f);
        fputc('\'', f);
    }
    fputs(" ;;\n", f);
}

static void write_zsh(const struct assay_program *p, FILE *f) {
    fputs("#compdef assayd\n# zsh completion for assayd; made by `assayd completion zsh`.\n_assayd() {\n    local -a commands\n"
          "    commands=(\n",
          f);
    for (size_t i = 0; i < p->n_commands; i++) {
        fprintf(f, "        '%s:", p->commands[i]->name);
        write_quoted(p->commands[i]->summary, ":", f);
        fputs("'\n", f);
    }
    fputs("    )\n    if ((CURRENT == 2)); then\n        _describe command commands\n        return\n    fi\n"
          "    local command=$words[2]\n    shift words\n    ((CURRENT--))\n    case $command in\n",
          f);
    for (size_t i = 0; i < p->n_commands; i++) zsh_command(p->commands[i], f);
    fputs("    esac\n}\nif [[ $funcstack[1] == _assayd ]]; then _assayd \"$@\"; else compdef _assayd assayd; fi\n", f);
}

/* --- fish ------------------------------------------------------------------------------------------------------------------- */

static void fish_command(const struct assay_command *c, FILE *f) {
    struct assay_option_text o;
    fprintf(f, "complete -c assayd -n __fish_use_subcommand -a %s -d '", c->name);
    write_quoted(c->summary, "\\", f);
    fputs("'\n", f);
    for (size_t i = 0; assay_option_at(c, i, &o); i++) {
        fprintf(f, "complete -c assayd -n '__fish_seen_subcommand_from %s' -l %s -d '", c->name, o.name + 2);
        write_quoted(o.help, "\\", f);
        fputc('\'', f);
        if (o.words) fprintf(f, " -x -a '%s'", o.words);
        else if (o.value && !strcmp(o.value, "DIR")) fputs(" -x -a '(__fish_complete_directories)'", f);
        else if (is_path(o.value)) fputs(" -r -F", f);
        else if (o.value) fputs(" -x", f);
        fputc('\n', f);
    }
    if (is_path(c->operands)) fprintf(f, "complete -c assayd -n '__fish_seen_subcommand_from %s' -F\n", c->name);
    else if (c->operands) fprintf(f, "complete -c assayd -n '__fish_seen_subcommand_from %s' -a '%s'\n", c->name, c->operands);
}

static void write_fish(const struct assay_program *p, FILE *f) {
    fputs("# fish completion for assayd; made by `assayd completion fish`.\ncomplete -c assayd -f\n"
          "complete -c assayd -l help -d 'say how it is used'\n"
          "complete -c assayd -n __fish_use_subcommand -l version -d 'say the version'\n",
          f);
    for (size_t i = 0; i < p->n_commands; i++) fish_command(p->commands[i], f);
}

/* --- the command -------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*write)(const struct assay_program *p, FILE *f);
} shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};

void assay_completion_write(const char *shell, FILE *f) {
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (!strcmp(shells[i].name, shell)) shells[i].write(assay_program(), f);
}

static int run_completion(int argc, char **argv) {
    struct assay_cli cli;
    int status;
    if (!assay_cli_begin(&assay_command_completion, argc, argv, &cli, &status)) return status;
    const char *shell = cli.n_operands == 1 ? cli.operands[0] : "";
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, shell) != 0) continue;
        assay_completion_write(shell, stdout);
        return fflush(stdout) ? 1 : 0;
    }
    return assay_cli_wrong(&assay_command_completion, "say for which shell: bash, zsh or fish");
}

const struct assay_command assay_command_completion = {
    .name = "completion",
    .group = "Shell",
    .summary = "write the completion for bash, zsh or fish",
    .synopsis = "bash|zsh|fish",
    .about = "Writes to the standard output what a shell needs to complete commands, options and their values. Packages install "
             "it where the shells look for it.",
    .operands = "bash zsh fish",
    .examples = (const struct assay_example[]){{"In this shell, now:", "source <(assayd completion bash)"},
                                               {"For fish, from now on:",
                                                "assayd completion fish > ~/.config/fish/completions/assayd.fish"},
                                               {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "written"}, {2, "wrong usage"}, {0}},
    .run = run_completion,
};
