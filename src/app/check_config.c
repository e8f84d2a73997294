/* check_config.c -- `assayd check-config`: every mistake at once, what is in force and where it was said, what is unwise. */
#include <stdlib.h>

#include "app/commands.h"
#include "app/grid.h"
#include "assay/http.h"
#include "assay/tokens.h"

enum { EXPIRY_DAYS = 14 };

enum { STRICT, QUIET };
static const struct assay_option options[] = {
    [STRICT] = {"strict", NULL, NULL, NULL, NULL, "fail where something is unwise, too"},
    [QUIET] = {"quiet", NULL, NULL, NULL, NULL, "only what is wrong or unwise"},
};

static void print_settings(const struct assay_settings *s) {
    static const char *const header[] = {"SETTING", "VALUE", "FROM", NULL};
    struct assay_grid t = {0};
    struct assay_setting row;
    assay_grid_begin(&t, header);
    for (size_t i = 0; assay_setting_at(i, &row); i++) {
        struct assay_buf value = {0};
        assay_setting_show(s, i, &value);
        assay_grid_cell(&t, row.name);
        assay_grid_cell(&t, value.p);
        assay_grid_cell(&t, s->from[i]);
        assay_buf_free(&value);
    }
    assay_grid_print(&t, stdout);
}

static void say(const char *what, const struct assay_errors *es) {
    for (size_t i = 0; i < assay_errors_kept(es); i++) fprintf(stderr, "assayd: %s: %s\n", what, es->items[i].detail);
}

/* --- beside assay_settings_check, which must not know the server ------------------------------------------------------------ */

static void check_lists(const struct assay_settings *s, struct assay_errors *wrong) {
    struct assay_arena a = {0};
    struct assay_error e;
    const char *const *origins;
    const struct assay_http_networks *proxies;
    if (assay_http_origins_parse(s->cors_origins, &a, &origins, &e))
        assay_errors_add(wrong, ASSAY_CONFIG, "cors-origins", "%s", e.detail);
    if (assay_http_networks_parse(s->trusted_proxies, &a, &proxies, &e))
        assay_errors_add(wrong, ASSAY_CONFIG, "trusted-proxies", "%s", e.detail);
    assay_arena_free(&a);
}

static void check_pair(const struct assay_settings *s, struct assay_errors *wrong, struct assay_errors *unwise) {
    struct assay_http_tls *tls;
    struct assay_error e;
    if (!*s->tls_certificate || !*s->tls_key) return;
    if (assay_http_tls_open(s->tls_certificate, s->tls_key, &tls, &e)) {
        assay_errors_add(wrong, ASSAY_CONFIG, e.field, "%s", e.detail);
        return;
    }
    int64_t left = assay_http_tls_expires(tls) - assay_clock_now() / ASSAY_SECOND;
    if (left < 0) assay_errors_add(wrong, ASSAY_CONFIG, "tls-certificate", "tls-certificate: %s has expired", s->tls_certificate);
    else if (left < EXPIRY_DAYS * 86400)
        assay_errors_add(unwise, ASSAY_CONFIG, "tls-certificate", "tls-certificate: %s expires in %lld days", s->tls_certificate,
                         (long long)(left / 86400));
    assay_http_tls_free(tls);
}

static void check_keys_of_issuer(const struct assay_settings *s, struct assay_errors *wrong) {
    struct assay_jwks *keys = NULL;
    struct assay_error e;
    if (!*s->oidc_issuer || !*s->oidc_jwks || assay_tokens_is_url(s->oidc_jwks)) return;
    if (assay_tokens_read_file(s->oidc_jwks, &keys, &e)) assay_errors_add(wrong, ASSAY_CONFIG, e.field, "%s", e.detail);
    assay_jwks_free(keys);
}

static int run_check_config(int argc, char **argv) {
    struct assay_cli cli;
    struct assay_settings s;
    int status;
    /* Too large for the stack of every caller; this one has it to itself. */
    static struct assay_errors command, wrong, unwise;
    command.n = wrong.n = unwise.n = 0;
    if (!assay_cli_helps(&assay_command_check_config, argc, argv, &status)) return status;
    assay_cli_parse(&assay_command_check_config, argc, argv, &cli, &command);
    for (int i = 0; i < cli.n_operands; i++)
        assay_errors_add(&command, ASSAY_CONFIG, cli.operands[i], "it takes no argument \"%s\"", cli.operands[i]);
    if (assay_settings_read_all(cli.n_settings + 1, argv, &s, &wrong)) status = 2;
    assay_settings_check(&s, &wrong, &unwise);
    check_lists(&s, &wrong);
    check_pair(&s, &wrong, &unwise);
    check_keys_of_issuer(&s, &wrong);
    assay_text_begin();
    if (!assay_cli_flag(&cli, QUIET)) print_settings(&s);
    fflush(stdout);
    say("wrong", &command);
    say("wrong", &wrong);
    say("unwise", &unwise);
    assay_settings_free(&s);
    if (command.n || wrong.n) return 2;
    if (!assay_cli_flag(&cli, QUIET)) puts(unwise.n ? "the settings are sound, with warnings" : "the settings are sound");
    return unwise.n && assay_cli_flag(&cli, STRICT);
}

const struct assay_command assay_command_check_config = {
    .name = "check-config",
    .group = "Daemon",
    .summary = "say what is wrong or unwise in the settings",
    .synopsis = "[--strict] [settings]",
    .about =
        "Reads the settings as `assayd serve` would, from the same places, and starts nothing. It names every mistake at once, "
        "prints what is in force and where each value was said (secrets only as set), and warns of what works but is unwise.",
    ASSAY_OPTIONS(options),
    .settings = true,
    .examples = (const struct assay_example[]){{"Before a restart:",
                                                "assayd check-config --config /etc/assay.conf && systemctl restart assayd"},
                                               {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "sound"}, {1, "sound but unwise, with --strict"}, {2, "wrong"}, {0}},
    .run = run_check_config,
};
