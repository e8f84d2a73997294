/* commands.h -- the subcommands of assayd: each takes its own argv (argv[0] its name) and returns an exit status: 0 done,
 * 1 failed (or differences found), 2 wrong usage. */
#ifndef ASSAY_COMMANDS_H
#define ASSAY_COMMANDS_H

#include "app/cluster.h"
#include "app/settings.h"

int assay_cmd_serve(int argc, char **argv);
int assay_cmd_migrate(int argc, char **argv);
int assay_cmd_recompute(int argc, char **argv);
int assay_cmd_check_config(int argc, char **argv);
int assay_cmd_explain(int argc, char **argv);
int assay_cmd_sample(int argc, char **argv);

/* The database the settings name: the embedded one, started (the caller stops *cluster), or the URL's. */
enum assay_status assay_cmd_database(const struct assay_settings *s, struct assay_cluster **cluster, const char **conninfo,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_cmd_migrate_now(const char *conninfo, int *applied, struct assay_error *e) ASSAY_MUST_CHECK;

#endif
