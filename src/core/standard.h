/* standard.h -- the arithmetic of a standard that judging and explaining share. Internal to core. */
#ifndef ASSAY_CORE_STANDARD_H
#define ASSAY_CORE_STANDARD_H

#include "assay/scheme.h"

#define ASSAY_HOUR (INT64_C(3600) * ASSAY_SECOND)

static inline bool standard_in_hours(struct assay_standard s) {
    return s.unit == ASSAY_WORKING_HOURS || s.unit == ASSAY_CALENDAR_HOURS;
}

static inline bool standard_asks_calendar(struct assay_standard s) {
    return s.unit == ASSAY_WORKING_HOURS || s.unit == ASSAY_WORKING_DAYS;
}

/* What a standard allows: microseconds for hours, dates for days. */
static inline int64_t standard_budget(struct assay_standard s) { return standard_in_hours(s) ? s.n * ASSAY_HOUR : s.n; }

/* What of it was used between two instants, in the same unit. working_us: the working time between them. */
static inline int64_t standard_spent(struct assay_standard s, const struct assay_calendar *c, assay_instant from,
                                     assay_instant to, int64_t working_us) {
    switch (s.unit) {
    case ASSAY_WORKING_HOURS: return working_us;
    case ASSAY_CALENDAR_HOURS: return to - from;
    case ASSAY_WORKING_DAYS: return assay_calendar_working_days(c, from, to);
    case ASSAY_CALENDAR_DAYS: return assay_calendar_days(c, from, to);
    }
    return 0;
}

#endif
