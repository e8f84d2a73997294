/* commands.c -- migrate, recompute, check-config. */
#include "app/commands.h"

#include <stdlib.h>

#include "assay/http.h"
#include "assay/service.h"

static int complain(enum assay_status st, const struct assay_error *e) {
    fprintf(stderr, "assayd: %s\n", e->detail);
    return st == ASSAY_CONFIG ? 2 : 1;
}

int assay_cmd_migrate(int argc, char **argv) {
    struct assay_settings settings;
    struct assay_cluster *cluster = NULL;
    struct assay_error e = {0};
    const char *conninfo;
    int rest, applied = 0;
    enum assay_status st = assay_settings_read(argc, argv, &rest, &settings, &e);
    if (!st) st = assay_cmd_database(&settings, &cluster, &conninfo, &e);
    if (!st) st = assay_cmd_migrate_now(conninfo, &applied, &e);
    if (!st) printf("%d migrations applied; the schema is up to date\n", applied);
    assay_cluster_stop(cluster);
    assay_settings_free(&settings);
    return st ? complain(st, &e) : 0;
}

int assay_cmd_check_config(int argc, char **argv) {
    struct assay_settings settings;
    struct assay_error e = {0};
    int rest;
    const char *const *origins;
    enum assay_status st = assay_settings_read(argc, argv, &rest, &settings, &e);
    if (!st) st = assay_http_origins_parse(settings.cors_origins, &settings.arena, &origins, &e);
    if (!st) puts("the settings are sound");
    assay_settings_free(&settings);
    return st ? complain(st, &e) : 0;
}

static void print_difference(void *arg, const struct assay_difference *d) {
    (void)arg;
    printf("%-10s %.*s/%.*s: %s\n", d->what, ASSAY_STR_ARG(d->provider), ASSAY_STR_ARG(d->key), d->detail);
}

/* --verify and --repair are this command's own, so they are taken out before the settings are read. */
static int take_flag(int *argc, char **argv, const char *flag) {
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], flag) != 0) continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i - 1) * sizeof *argv);
        --*argc;
        return 1;
    }
    return 0;
}

int assay_cmd_recompute(int argc, char **argv) {
    struct assay_settings settings;
    struct assay_cluster *cluster = NULL;
    struct assay_service *service = NULL;
    struct assay_session *session = NULL;
    struct assay_verify_result result;
    struct assay_error e = {0};
    const char *conninfo;
    int rest;
    bool repair = take_flag(&argc, argv, "--repair"), verify = take_flag(&argc, argv, "--verify");
    if (repair == verify) {
        fputs("usage: assayd recompute --verify | --repair [settings]\n"
              "  --verify  derive everything from the records again and compare; exit 1 and a line for each difference\n"
              "  --repair  the same, then put right what differs\n",
              stderr);
        return 2;
    }
    enum assay_status st = assay_settings_read(argc, argv, &rest, &settings, &e);
    if (!st) st = assay_cmd_database(&settings, &cluster, &conninfo, &e);
    struct assay_service_options o = {.conninfo = st ? "" : conninfo, .statement_timeout_ms = 3600000};
    if (!st) st = assay_service_start(&o, &service, &e);
    if (!st) st = assay_session_open(service, &session, &e);
    if (!st && repair) st = assay_recompute_repair(session, print_difference, NULL, &result, &e);
    else if (!st) st = assay_recompute_verify(session, print_difference, NULL, &result, &e);
    if (!st)
        printf("%lld records of %lld providers: %lld orders, %lld verdicts, %lld tallies compared, %lld differences%s\n",
               (long long)result.records, (long long)result.providers, (long long)result.orders, (long long)result.verdicts,
               (long long)result.tallies, (long long)result.differences, repair && result.differences ? ", put right" : "");
    assay_session_close(session);
    assay_service_stop(service);
    assay_cluster_stop(cluster);
    assay_settings_free(&settings);
    if (st) return complain(st, &e);
    return result.differences && !repair;
}
