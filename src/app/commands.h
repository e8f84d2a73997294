/* commands.h -- the subcommands of assayd, each defined beside its code, and what several of them need. Exit status: 0 done,
 * 1 failed (or differences found), 2 wrong usage; more where a command says so. */
#ifndef ASSAY_COMMANDS_H
#define ASSAY_COMMANDS_H

#include "app/cli.h"
#include "app/cluster.h"
#include "app/settings.h"

extern const struct assay_command assay_command_serve, assay_command_check_config, assay_command_doctor, assay_command_migrate,
    assay_command_recompute, assay_command_load, assay_command_sample, assay_command_explain, assay_command_orders,
    assay_command_key, assay_command_health, assay_command_completion, assay_command_man;

/* The database the settings name: the embedded one, started (the caller stops *cluster), or the URL's. */
enum assay_status assay_cmd_database(const struct assay_settings *s, struct assay_cluster **cluster, const char **conninfo,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_cmd_migrate_now(const char *conninfo, int *applied, struct assay_error *e) ASSAY_MUST_CHECK;

#endif
