/* embedded.h -- the files of sql/, compiled in: {NULL, NULL} ends each list. Sorted by name. */
#ifndef ASSAY_STORE_EMBEDDED_H
#define ASSAY_STORE_EMBEDDED_H

#include <stddef.h>

struct assay_embedded {
    const char *name, *text;
};
extern const struct assay_embedded assay_queries[];
extern const struct assay_embedded assay_migrations[];
extern const struct assay_embedded assay_seed_schemes[];
extern const struct assay_embedded assay_seed_calendars[];

#endif
