/* commands.c -- migrate and recompute. */
#include "app/commands.h"

#include <stdlib.h>

#include "assay/http.h"
#include "assay/service.h"

static int complain(enum assay_status st, const struct assay_error *e) {
    fprintf(stderr, "assayd: %s\n", e->detail);
    return st == ASSAY_CONFIG ? 2 : 1;
}

/* A command that takes settings and no operands: false where it is done with already. */
static bool begin(const struct assay_command *c, int argc, char **argv, struct assay_cli *cli, int *status) {
    if (!assay_cli_begin(c, argc, argv, cli, status)) return false;
    if (!cli->n_operands) return true;
    *status = assay_cli_wrong(c, "it takes no argument \"%s\"", cli->operands[0]);
    return false;
}

static int run_migrate(int argc, char **argv) {
    struct assay_cli cli;
    struct assay_settings settings;
    struct assay_cluster *cluster = NULL;
    struct assay_error e = {0};
    const char *conninfo;
    int status, applied = 0;
    if (!begin(&assay_command_migrate, argc, argv, &cli, &status)) return status;
    enum assay_status st = assay_settings_read(cli.n_settings + 1, argv, &settings, &e);
    if (!st) st = assay_cmd_database(&settings, &cluster, &conninfo, &e);
    if (!st) st = assay_cmd_migrate_now(conninfo, &applied, &e);
    if (!st) printf("%d migrations applied; the schema is up to date\n", applied);
    assay_cluster_stop(cluster);
    assay_settings_free(&settings);
    return st ? complain(st, &e) : 0;
}

const struct assay_command assay_command_migrate = {
    .name = "migrate",
    .group = "Daemon",
    .summary = "bring the database's schema up to date",
    .synopsis = "[settings]",
    .about =
        "Applies the migrations the database does not have yet, each in one transaction. `assayd serve` does the same when it "
        "starts.",
    .settings = true,
    .examples = (const struct assay_example[]){{"Before the daemons of a new version start:",
                                                "assayd migrate --database-url postgresql://assay@db/assay"},
                                               {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "up to date"}, {1, "failed"}, {2, "wrong usage or settings"}, {0}},
    .run = run_migrate,
};

static void print_difference(void *arg, const struct assay_difference *d) {
    (void)arg;
    printf("%-10s %.*s/%.*s: %s\n", d->what, ASSAY_STR_ARG(d->provider), ASSAY_STR_ARG(d->key), d->detail);
}

enum { VERIFY, REPAIR };
static const struct assay_option recompute_options[] = {
    [VERIFY] = {"verify", NULL, NULL, NULL, NULL, "compare; a line for each difference"},
    [REPAIR] = {"repair", NULL, NULL, NULL, NULL, "compare, and put right what differs"},
};

static int run_recompute(int argc, char **argv) {
    struct assay_cli cli;
    struct assay_settings settings;
    struct assay_cluster *cluster = NULL;
    struct assay_service *service = NULL;
    struct assay_session *session = NULL;
    struct assay_verify_result result = {0};
    struct assay_error e = {0};
    const char *conninfo;
    int status;
    if (!begin(&assay_command_recompute, argc, argv, &cli, &status)) return status;
    bool repair = assay_cli_flag(&cli, REPAIR);
    if (repair == assay_cli_flag(&cli, VERIFY)) return assay_cli_wrong(cli.command, "say --verify or --repair");
    enum assay_status st = assay_settings_read(cli.n_settings + 1, argv, &settings, &e);
    if (!st) st = assay_cmd_database(&settings, &cluster, &conninfo, &e);
    struct assay_service_options o = {.conninfo = st ? "" : conninfo, .statement_timeout_ms = 3600000};
    if (!st) st = assay_service_start(&o, &service, &e);
    if (!st) st = assay_session_open(service, &session, &e);
    if (!st && repair) st = assay_recompute_repair(session, print_difference, NULL, &result, &e);
    else if (!st) st = assay_recompute_verify(session, print_difference, NULL, &result, &e);
    if (!st)
        printf("%lld records of %lld providers: %lld orders, %lld verdicts, %lld tallies compared, %lld differences%s",
               (long long)result.records, (long long)result.providers, (long long)result.orders, (long long)result.verdicts,
               (long long)result.tallies, (long long)result.differences,
               repair && result.differences > result.lost ? ", put right" : "");
    if (!st && result.lost)
        printf("; of these %lld are of records that are gone: restore a backup, or have their senders send them again (the gap "
               "in the numbers "
               "stays)",
               (long long)result.lost);
    if (!st) putchar('\n');
    assay_session_close(session);
    assay_service_stop(service);
    assay_cluster_stop(cluster);
    assay_settings_free(&settings);
    if (st) return complain(st, &e);
    return result.lost || (result.differences && !repair);
}

const struct assay_command assay_command_recompute = {
    .name = "recompute",
    .group = "Daemon",
    .summary = "derive everything from the records again and compare",
    .synopsis = "--verify|--repair [settings]",
    .about = "Derives orders, verdicts, tallies, pay and evaluations from the records alone and compares them with what is "
             "stored: the "
             "proof that what was kept up step by step is what the whole gives. Whether records are missing shows in their "
             "numbers, which have "
             "no gaps; what is missing cannot be put right.",
    ASSAY_OPTIONS(recompute_options),
    .settings = true,
    .examples = (const struct assay_example[]){{"After a restore:", "assayd recompute --verify --state-dir /var/lib/assay"}, {0}},
    .exit_status =
        (const struct assay_exit_status[]){{0, "no difference, or all put right"},
                                           {1, "there are differences (with --repair, records are missing), or it failed"},
                                           {2, "wrong usage or settings"},
                                           {0}},
    .run = run_recompute,
};
