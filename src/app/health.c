/* health.c -- `assayd health`: is the daemon there, and ready? For scripts and containers, which may have no other client. */
#include <time.h>

#include "app/client.h"
#include "app/commands.h"

enum { LIVE = ASSAY_CLIENT_CA_FILE + 1, WAIT, QUIET };
static const struct assay_option options[] = {
    ASSAY_CLIENT_URL_OPTIONS,
    [LIVE] = {"live", NULL, NULL, NULL, NULL, "ask only whether the process answers, not whether it is ready to work"},
    [WAIT] = {"wait", "SECONDS", "0", NULL, NULL, "ask again so long until it is"},
    [QUIET] = {"quiet", NULL, NULL, NULL, NULL, "say nothing; the exit status tells"},
};
enum { AGAIN_NS = 200000000 };

static bool ask(struct assay_client *c, const char *path, struct assay_reply *r) {
    struct assay_request q = {.method = "GET", .path = path};
    return assay_client_ask(c, &q, r) == ASSAY_ANSWERED && r->status == 200;
}

static int run_health(int argc, char **argv) {
    struct assay_cli cli;
    struct assay_reply r;
    int status;
    int64_t wait_s = 0;
    if (!assay_cli_begin(&assay_command_health, argc, argv, &cli, &status)) return status;
    if (cli.n_operands) return assay_cli_wrong(cli.command, "it takes no argument \"%s\"", cli.operands[0]);
    if (!assay_cli_number(&cli, WAIT, 0, 86400, &wait_s)) return 2;
    struct assay_client *c = assay_client_new(&cli, &status);
    if (!c) return status;
    const char *path = assay_cli_flag(&cli, LIVE) ? "/livez" : "/readyz";
    const int64_t until = assay_clock_monotonic_us() + wait_s * 1000000;
    bool good;
    while (!(good = ask(c, path, &r)) && assay_clock_monotonic_us() < until) {
        assay_reply_free(&r);
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_NS}, NULL);
    }
    if (!assay_cli_flag(&cli, QUIET)) {
        if (good) printf("%s%s: good\n", assay_client_url(c), path);
        else if (r.status) assay_client_complain(path, &r);
        else fprintf(stderr, "assayd: %s cannot be reached: %s\n", assay_client_url(c), r.why);
    }
    assay_reply_free(&r);
    assay_client_free(c);
    return good ? 0 : 1;
}

const struct assay_command assay_command_health = {
    .name = "health",
    .group = "Figures",
    .summary = "ask whether a daemon is there and ready",
    .synopsis = "[--url URL] [--live] [--wait SECONDS]",
    .about = "Asks /readyz (database reachable, schema known, not stopping), or /livez with --live. No key is needed.",
    ASSAY_OPTIONS(options),
    .examples = (const struct assay_example[]){{"Wait for a daemon that was just started:",
                                                "assayd health --wait 60 && assayd load ..."},
                                               {0}},
    .exit_status =
        (const struct assay_exit_status[]){{0, "it is"}, {1, "it is not, or cannot be reached"}, {2, "wrong usage"}, {0}},
    .run = run_health,
};
