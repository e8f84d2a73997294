/* calendar.h -- time zones and working hours (DOMAIN 4.2, 4.3).
 *
 * Pure: the bytes of a zone file are a parameter. A zone and a calendar are immutable once made and may be read by any
 * number of threads. Must not know: files, the clock, JSON, schemes.
 *
 * Conventions where calendars differ elsewhere: a date's own hours (an exception) win over the week; a duration that
 * ends exactly at closing ends at the closing time; a zero duration does not move; elapsed time is real time, also
 * across a change of daylight saving. */
#ifndef ASSAY_CALENDAR_H
#define ASSAY_CALENDAR_H

#include "assay/time.h"

/* --- zones ------------------------------------------------------------------------------------------------------- */
struct assay_zone;
/* Parse a TZif file (RFC 8536, versions 1-3, with the POSIX footer for instants after the last transition).
 * name is copied. ASSAY_CONFIG with a detail where the bytes are not one. */
enum assay_status assay_zone_new(const char *name, struct assay_str tzif, struct assay_zone **out,
                                 struct assay_error *e) ASSAY_MUST_CHECK;
void assay_zone_free(struct assay_zone *z);
const char *assay_zone_name(const struct assay_zone *z);
/* Seconds east of UTC in force at t. */
int assay_zone_offset(const struct assay_zone *z, assay_instant t);
/* Local date of t, and (where seconds is not NULL) the local wall-clock second of the day. */
assay_date assay_zone_date(const struct assay_zone *z, assay_instant t, int *seconds);
/* The instant of a local wall clock (second_of_day may be 0..86400). In a gap: the instant the gap ends (what the
 * clock skips does not exist); where a wall time occurs twice: the first. */
assay_instant assay_zone_instant(const struct assay_zone *z, assay_date d, int second_of_day);

/* --- calendars --------------------------------------------------------------------------------------------------- */
struct assay_hours { /* [from, to) in wall-clock seconds of the day, 0 <= from < to <= 86400 */
    int32_t from, to;
};
struct assay_day_hours {
    size_t n;
    const struct assay_hours *hours; /* ascending, not overlapping, not touching is not required */
};
struct assay_exception {
    assay_date date;
    struct assay_day_hours day; /* n == 0: a holiday */
    const char *name;           /* may be NULL */
};
struct assay_calendar_spec {
    const struct assay_zone *zone;    /* borrowed: must outlive the calendar */
    struct assay_day_hours weekly[7]; /* Monday first */
    size_t n_exceptions;
    const struct assay_exception *exceptions; /* any order; a date at most once */
};
struct assay_calendar;
/* Copies the spec. ASSAY_INVALID_VALUE with field "/weekly/mon/0", "/exceptions/3/hours/0" or "/exceptions/3/date" where
 * intervals overlap, are empty or inverted, or a date occurs twice. Answers instants in [ASSAY_INSTANT_MIN, 2200-01-01). */
enum assay_status assay_calendar_new(const struct assay_calendar_spec *spec, struct assay_calendar **out,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
void assay_calendar_free(struct assay_calendar *c);
const struct assay_zone *assay_calendar_zone(const struct assay_calendar *c);

/* Working microseconds in [from, to). from <= to (a caller's error otherwise: returns 0). */
int64_t assay_calendar_working(const struct assay_calendar *c, assay_instant from, assay_instant to);
/* The instant at which `working` microseconds of working time have passed since t (the earliest such instant; working
 * == 0 gives t itself). ASSAY_NO_INSTANT where the calendar has not that much time before 2200. */
assay_instant assay_calendar_after(const struct assay_calendar *c, assay_instant t, int64_t working);
/* Local dates after the date of `from`, up to and including the date of `to`, on which there is working time. A date
 * that the clock skipped (Apia, 2011-12-30) is never counted, here or below; 0 where to is before from. */
int64_t assay_calendar_working_days(const struct assay_calendar *c, assay_instant from, assay_instant to);
/* The same counting every date. */
int64_t assay_calendar_days(const struct assay_calendar *c, assay_instant from, assay_instant to);
/* The local midnight that ends the nth counted date after the date of t (n >= 0; n == 0: the midnight ending t's own
 * date): the deadline of a standard in days. working: count dates with working hours only. ASSAY_NO_INSTANT where the
 * calendar has not that many dates, or t is outside it. */
assay_instant assay_calendar_days_deadline(const struct assay_calendar *c, assay_instant t, int64_t n, bool working);
bool assay_calendar_is_working_day(const struct assay_calendar *c, assay_date d);

/* The ledger: [from, to) cut into maximal stretches of one kind, in order, summing exactly to to - from.
 * working: inside hours. break: between two intervals of one date. night: outside the hours of a date that has some
 * (before the first, after the last). holiday: a date without hours by exception. weekend: a date without hours by
 * the week. */
enum assay_stretch { ASSAY_WORKING, ASSAY_BREAK, ASSAY_NIGHT, ASSAY_WEEKEND, ASSAY_HOLIDAY };
const char *assay_stretch_name(enum assay_stretch k); /* "working", ... */
struct assay_ledger_entry {
    assay_instant from, to;
    enum assay_stretch kind;
};
struct assay_ledger {
    struct assay_ledger_entry *entries; /* in the arena */
    size_t n;
};
void assay_calendar_ledger(const struct assay_calendar *c, assay_instant from, assay_instant to, struct assay_arena *a,
                           struct assay_ledger *out);

#endif
