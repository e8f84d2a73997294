/* explain.h -- `assayd explain` in its two ways: from files (explain.c), from a daemon (explain_daemon.c). */
#ifndef ASSAY_APP_EXPLAIN_H
#define ASSAY_APP_EXPLAIN_H

#include "app/client.h"

enum {
    ASSAY_EXPLAIN_FILE = ASSAY_CLIENT_OPTIONS_END,
    ASSAY_EXPLAIN_SCHEME,
    ASSAY_EXPLAIN_CALENDAR,
    ASSAY_EXPLAIN_LANG,
    ASSAY_EXPLAIN_JSON
};

/* Returns the exit status. */
int assay_explain_from_daemon(const struct assay_cli *cli, const char *provider, const char *order);

#endif
