/* time.h -- instants, dates, RFC 3339, and the one place that asks what time it is.
 *
 * An instant is microseconds since 1970-01-01T00:00:00Z; a date is days since 1970-01-01 in the proleptic Gregorian
 * calendar. Leap seconds do not exist (RFC 3339's :60 is refused). Core never asks the clock: time is a parameter. */
#ifndef ASSAY_TIME_H
#define ASSAY_TIME_H

#include "assay/str.h"

typedef int64_t assay_instant; /* microseconds */
typedef int32_t assay_date;    /* days */

#define ASSAY_NO_INSTANT INT64_MIN
#define ASSAY_NO_DATE INT32_MIN
#define ASSAY_SECOND INT64_C(1000000)
#define ASSAY_DAY (INT64_C(86400) * ASSAY_SECOND)

/* What records may say: 1970-01-01T00:00:00Z up to, not including, 2100-01-01T00:00:00Z. */
#define ASSAY_INSTANT_MIN INT64_C(0)
#define ASSAY_INSTANT_MAX (INT64_C(4102444800) * ASSAY_SECOND)

assay_date assay_date_from_civil(int year, int month, int day); /* any valid civil date */
void assay_date_to_civil(assay_date d, int *year, int *month, int *day);
bool assay_civil_valid(int year, int month, int day);
int assay_date_weekday(assay_date d); /* 0 Monday .. 6 Sunday */

/* "2001-02-03". ASSAY_INVALID_TIME where it is not one that exists. */
enum assay_status assay_date_parse(struct assay_str s, assay_date *out) ASSAY_MUST_CHECK;
#define ASSAY_DATE_TEXT 16
void assay_date_format(assay_date d, char out[ASSAY_DATE_TEXT]);

/* RFC 3339 with an offset, up to 6 fractional digits (more: ASSAY_INVALID_TIME), 'T' and 'Z' in either case.
 * Without an offset ASSAY_MISSING_OFFSET; a date or time that does not exist ASSAY_INVALID_TIME; outside
 * [ASSAY_INSTANT_MIN, ASSAY_INSTANT_MAX) ASSAY_OUT_OF_RANGE. */
enum assay_status assay_instant_parse(struct assay_str s, assay_instant *out) ASSAY_MUST_CHECK;
/* UTC with 'Z', microseconds only where there are any (as few digits as say it exactly). */
#define ASSAY_INSTANT_TEXT 40
void assay_instant_format(assay_instant t, char out[ASSAY_INSTANT_TEXT]);
/* The same at an offset (seconds east of UTC): "2001-02-03T04:05:06+08:00". */
void assay_instant_format_at(assay_instant t, int offset_seconds, char out[ASSAY_INSTANT_TEXT]);

/* A month as year * 12 + (month - 1), so that months count on. */
typedef int32_t assay_month;
#define ASSAY_NO_MONTH INT32_MIN
static inline assay_month assay_month_of(int year, int month) { return year * 12 + (month - 1); }
assay_month assay_date_month(assay_date d);
assay_date assay_month_first(assay_month m);
/* "2001-02"; ASSAY_INVALID_VALUE otherwise (years 1970..2099). */
enum assay_status assay_month_parse(struct assay_str s, assay_month *out) ASSAY_MUST_CHECK;
void assay_month_format(assay_month m, char out[ASSAY_DATE_TEXT]);

/* The clock. Only src/app and src/http call these. */
assay_instant assay_clock_now(void);    /* wall clock */
int64_t assay_clock_monotonic_us(void); /* for durations */

#endif
