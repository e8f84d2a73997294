/* fetch.h -- one small document from a URL. */
#ifndef ASSAY_APP_FETCH_H
#define ASSAY_APP_FETCH_H

#include "assay/tokens.h"

/* arg: a file of certificates (const char *) that sign the server's; NULL or "": those the system trusts. */
assay_tokens_fetch assay_fetch;

#endif
