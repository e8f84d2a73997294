/* zone_internal.h -- what the calendar asks a zone beyond calendar.h, to build its tables quickly. */
#ifndef ASSAY_CORE_ZONE_INTERNAL_H
#define ASSAY_CORE_ZONE_INTERNAL_H

#include "assay/calendar.h"

/* Seconds east of UTC in force at t; *until is the first instant at which another offset holds (INT64_MAX: never). */
int assay_zone_offset_until(const struct assay_zone *z, assay_instant t, assay_instant *until);

#endif
