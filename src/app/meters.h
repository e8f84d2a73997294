/* meters.h -- what /metrics tells of the service, the database and the process, besides what HTTP tells of itself. */
#ifndef ASSAY_APP_METERS_H
#define ASSAY_APP_METERS_H

#include "assay/metrics.h"
#include "assay/service.h"
#include "assay/tokens.h"

/* The readers borrow the service: nothing is rendered once it is stopped. */
void assay_meters_add(struct assay_metrics *m, struct assay_service *service);
/* What is known of tokens; to be forgotten before they are closed. */
void assay_meters_tokens(struct assay_metrics *m, struct assay_tokens *tokens);

#endif
