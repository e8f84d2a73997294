/* calendar.c -- working time on a calendar, by tables made once.
 *
 * Three ideas. (1) The hours of a date become intervals of *elapsed* time since its first local midnight; nearly all
 * dates share a few such patterns, and a date whose clock changes merely has a pattern of its own. (2) Each date knows
 * its midnight and the working time and working dates before it, so a question is two look-ups and a difference.
 * (3) A date is found from an instant by division and a step or two, and from an amount of working time by an index of
 * equal slices of working time; nothing walks over dates but the ledger.
 *
 * An instant belongs to the last date whose first local midnight is not after it. So dates never go back, not even
 * where a clock is set back across midnight, and a date that the clock skipped holds no instant and is never counted.
 * Must not know: files, the clock, JSON, schemes. */
#include "zone_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_DATE (-2)                               /* 1970-01-01T00:00Z is a date earlier west of Greenwich */
#define END_DATE 84006                                /* 2200-01-01 */
#define N_DATES ((size_t)(END_DATE + 2 - FIRST_DATE)) /* whose hours count */
#define END (END_DATE * ASSAY_DAY)                    /* the first instant not answered */
#define SLICES (N_DATES / 4)                          /* at most; of working time, each some days long */
#define PADDED 2u                                     /* intervals of a pattern at least: a loop that does not vary */
#define LOOK_BACK 64u                                 /* patterns compared before a new one is made */

struct interval { /* [from, from + length) in microseconds since the date's midnight */
    int64_t from, length;
};
struct pattern {
    uint32_t first, n;      /* its intervals; padded with empty ones up to PADDED */
    enum assay_stretch off; /* what follows the last of them: the whole date where there is none */
};
struct date {
    int32_t midnight; /* seconds from the date's 00:00 UTC to its first local midnight */
    uint32_t pattern;
    uint64_t before; /* up to this midnight: working seconds, and above bit COUNT_SHIFT working dates */
};
#define COUNT_SHIFT 40
#define SECONDS_MASK ((UINT64_C(1) << COUNT_SHIFT) - 1)

struct assay_calendar {
    const struct assay_zone *zone;
    int64_t origin;     /* date i begins at about origin + i days */
    struct date *dates; /* N_DATES + 1: the last only ends the one before */
    struct pattern *patterns;
    struct interval *intervals;
    size_t n_patterns, cap_patterns, n_intervals, cap_intervals;
    uint32_t *slices; /* slices[i]: the last date with at most i << slice_shift working seconds before it */
    int slice_shift;
    assay_date *skipped; /* dates that the clock skipped, ascending */
    size_t n_skipped;
};

/* --- reading the tables ------------------------------------------------------------------------------------------ */

static inline int64_t midnight(const struct assay_calendar *c, size_t i) {
    return ((int64_t)i + FIRST_DATE) * ASSAY_DAY + c->dates[i].midnight * ASSAY_SECOND;
}

static inline int64_t seconds_before(const struct assay_calendar *c, size_t i) {
    return (int64_t)(c->dates[i].before & SECONDS_MASK);
}

static inline int64_t dates_before(const struct assay_calendar *c, size_t i) {
    return (int64_t)(c->dates[i].before >> COUNT_SHIFT);
}

static inline int64_t within(int64_t t, int64_t min, int64_t max) { return t < min ? min : t > max ? max : t; }

/* The date of an instant of [ASSAY_INSTANT_MIN, END]. */
static inline size_t date_of(const struct assay_calendar *c, assay_instant t) {
    size_t i = (size_t)((uint64_t)(t - c->origin) / (uint64_t)ASSAY_DAY);
    while (t < midnight(c, i)) i--;
    while (t >= midnight(c, i + 1)) i++;
    return i;
}

static inline size_t date_of_any(const struct assay_calendar *c, assay_instant t) {
    return date_of(c, within(t, ASSAY_INSTANT_MIN, END));
}

/* Working microseconds from the first date to t. */
static inline int64_t worked(const struct assay_calendar *c, assay_instant t) {
    t = within(t, ASSAY_INSTANT_MIN, END);
    size_t i = date_of(c, t);
    const struct pattern *p = &c->patterns[c->dates[i].pattern];
    const struct interval *v = &c->intervals[p->first];
    int64_t passed = t - midnight(c, i), sum = seconds_before(c, i) * ASSAY_SECOND;
    size_t k = 0;
    do sum += within(passed - v[k].from, 0, v[k].length);
    while (++k < p->n || k < PADDED);
    return sum;
}

/* --- building: patterns ------------------------------------------------------------------------------------------ */

struct shape { /* a pattern being made */
    size_t n;
    struct interval *v;
    enum assay_stretch off;
};

static bool is_shape(const struct assay_calendar *c, const struct pattern *p, const struct shape *s) {
    return p->n == s->n && p->off == s->off && (s->n == 0 || memcmp(&c->intervals[p->first], s->v, s->n * sizeof *s->v) == 0);
}

static void *grown(void *p, size_t needed, size_t *cap, size_t size) {
    if (needed <= *cap) return p;
    *cap = needed > 2 * *cap ? needed : 2 * *cap;
    return assay_xrealloc(p, *cap * size);
}

/* The number of a pattern of this shape, made where there is none. Sharing only saves memory, so looking back a little
 * is enough. */
static uint32_t pattern_of(struct assay_calendar *c, const struct shape *s) {
    size_t oldest = c->n_patterns > LOOK_BACK ? c->n_patterns - LOOK_BACK : 0;
    for (size_t i = oldest; i < c->n_patterns; i++)
        if (is_shape(c, &c->patterns[i], s)) return (uint32_t)i;
    size_t padded = s->n > PADDED ? s->n : PADDED;
    c->patterns = grown(c->patterns, c->n_patterns + 1, &c->cap_patterns, sizeof *c->patterns);
    c->intervals = grown(c->intervals, c->n_intervals + padded, &c->cap_intervals, sizeof *c->intervals);
    memset(&c->intervals[c->n_intervals], 0, padded * sizeof *c->intervals);
    if (s->n > 0) memcpy(&c->intervals[c->n_intervals], s->v, s->n * sizeof *s->v);
    c->patterns[c->n_patterns] = (struct pattern){(uint32_t)c->n_intervals, (uint32_t)s->n, s->off};
    c->n_intervals += padded;
    return (uint32_t)c->n_patterns++;
}

/* The hours of a date on which the clock does not change. */
static uint32_t plain_pattern(struct assay_calendar *c, const struct assay_day_hours *day, enum assay_stretch none,
                              struct interval *room) {
    struct shape s = {day->n, room, day->n > 0 ? ASSAY_NIGHT : none};
    for (size_t i = 0; i < day->n; i++)
        room[i] = (struct interval){day->hours[i].from * ASSAY_SECOND, (day->hours[i].to - day->hours[i].from) * ASSAY_SECOND};
    return pattern_of(c, &s);
}

/* The same where it does: what a gap swallows is gone, what is repeated is longer. */
static uint32_t changed_pattern(struct assay_calendar *c, assay_date d, const struct assay_day_hours *day,
                                enum assay_stretch none, struct interval *room) {
    struct shape s = {0, room, day->n > 0 ? ASSAY_NIGHT : none};
    assay_instant start = assay_zone_instant(c->zone, d, 0);
    for (size_t i = 0; i < day->n; i++) {
        assay_instant from = assay_zone_instant(c->zone, d, day->hours[i].from);
        assay_instant to = assay_zone_instant(c->zone, d, day->hours[i].to);
        if (from < to) room[s.n++] = (struct interval){from - start, to - from};
    }
    return pattern_of(c, &s);
}

/* --- building: dates --------------------------------------------------------------------------------------------- */

struct dated { /* an exception, sortable by date */
    assay_date date;
    size_t index;
};

static int by_date(const void *a, const void *b) {
    const struct dated *x = a, *y = b;
    return x->date != y->date ? (x->date > y->date) - (x->date < y->date) : (x->index > y->index) - (x->index < y->index);
}

struct build {
    const struct assay_calendar_spec *spec;
    const struct dated *exceptions; /* sorted */
    size_t next;                    /* the first exception not before the date at hand */
    uint32_t weekly[7];             /* patterns */
    struct interval *room;          /* for the longest list of hours */
    int64_t run_offset;             /* the zone's offset, in microseconds, up to run_until */
    assay_instant run_from, run_until;
};

/* The midnight of d, and whether the clock changes on that date or at its end: it may go back to before midnight. */
static assay_instant place(struct build *b, assay_date d, bool *changes) {
    assay_instant at = d * ASSAY_DAY - b->run_offset;
    if (at < b->run_from || at + ASSAY_DAY > b->run_until) {
        at = assay_zone_instant(b->spec->zone, d, 0);
        b->run_from = at;
        b->run_offset = assay_zone_offset_until(b->spec->zone, at, &b->run_until) * ASSAY_SECOND;
    }
    *changes = at != d * ASSAY_DAY - b->run_offset || at + ASSAY_DAY >= b->run_until;
    return at;
}

static uint32_t pattern_on(struct assay_calendar *c, struct build *b, assay_date d, bool changes) {
    while (b->next < b->spec->n_exceptions && b->exceptions[b->next].date < d) b->next++;
    bool own = b->next < b->spec->n_exceptions && b->exceptions[b->next].date == d;
    int weekday = assay_date_weekday(d);
    if (!own && !changes) return b->weekly[weekday];
    const struct assay_day_hours *day = own ? &b->spec->exceptions[b->exceptions[b->next].index].day : &b->spec->weekly[weekday];
    enum assay_stretch none = own ? ASSAY_HOLIDAY : ASSAY_WEEKEND;
    return changes ? changed_pattern(c, d, day, none, b->room) : plain_pattern(c, day, none, b->room);
}

static int64_t pattern_seconds(const struct assay_calendar *c, uint32_t pattern) {
    const struct pattern *p = &c->patterns[pattern];
    int64_t sum = 0;
    for (size_t k = 0; k < p->n; k++) sum += c->intervals[p->first + k].length;
    return sum / ASSAY_SECOND;
}

static void build_dates(struct assay_calendar *c, struct build *b) {
    int64_t seconds = 0, count = 0;
    c->dates = assay_xmalloc((N_DATES + 1) * sizeof *c->dates);
    for (size_t i = 0; i <= N_DATES; i++) {
        assay_date d = (assay_date)i + FIRST_DATE;
        bool changes = false;
        assay_instant at = place(b, d, &changes);
        uint32_t pattern = pattern_on(c, b, d, changes);
        c->dates[i] = (struct date){(int32_t)((at - d * ASSAY_DAY) / ASSAY_SECOND), pattern,
                                    (uint64_t)count << COUNT_SHIFT | (uint64_t)seconds};
        int64_t worked_seconds = pattern_seconds(c, pattern);
        seconds += worked_seconds;
        count += worked_seconds > 0;
        if (i == 0 || at > midnight(c, i - 1)) continue;
        c->skipped = assay_xrealloc(c->skipped, (c->n_skipped + 1) * sizeof *c->skipped);
        c->skipped[c->n_skipped++] = d - 1;
    }
}

static void build_slices(struct assay_calendar *c) {
    int64_t total = seconds_before(c, N_DATES);
    while (total >> c->slice_shift >= (int64_t)SLICES) c->slice_shift++;
    size_t n = (size_t)(total >> c->slice_shift) + 2;
    c->slices = assay_xmalloc(n * sizeof *c->slices);
    size_t i = 0;
    for (size_t k = 0; k < n; k++) {
        while (i < N_DATES && seconds_before(c, i + 1) <= (int64_t)k << c->slice_shift) i++;
        c->slices[k] = (uint32_t)i;
    }
}

/* --- building: the specification --------------------------------------------------------------------------------- */

static const char *const weekday_names[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* The first interval that is not one, or that does not follow the one before; day->n where all is well. */
static size_t bad_interval(const struct assay_day_hours *day) {
    size_t i = 0;
    int32_t end = 0;
    while (i < day->n && day->hours[i].from >= end && day->hours[i].from < day->hours[i].to && day->hours[i].to <= 86400)
        end = day->hours[i++].to;
    return i;
}

static enum assay_status check_hours(const struct assay_calendar_spec *spec, size_t *longest, struct assay_error *e) {
    char field[64];
    *longest = 0;
    for (size_t i = 0; i < 7 + spec->n_exceptions; i++) {
        const struct assay_day_hours *day = i < 7 ? &spec->weekly[i] : &spec->exceptions[i - 7].day;
        if (day->n > *longest) *longest = day->n;
        size_t bad = bad_interval(day);
        if (bad == day->n) continue;
        if (i < 7) snprintf(field, sizeof field, "/weekly/%s/%zu", weekday_names[i], bad);
        else snprintf(field, sizeof field, "/exceptions/%zu/hours/%zu", i - 7, bad);
        return assay_fail(e, ASSAY_INVALID_VALUE, field,
                          "an interval is empty, inverted, outside the day or not after the one before it");
    }
    return ASSAY_OK;
}

/* *out: the exceptions by date, to be freed. */
static enum assay_status sort_exceptions(const struct assay_calendar_spec *spec, struct dated **out, struct assay_error *e) {
    size_t n = spec->n_exceptions;
    struct dated *sorted = assay_xmalloc((n + 1) * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = (struct dated){spec->exceptions[i].date, i};
    qsort(sorted, n, sizeof *sorted, by_date);
    for (size_t i = 1; i < n; i++) {
        if (sorted[i].date != sorted[i - 1].date) continue;
        char field[64];
        snprintf(field, sizeof field, "/exceptions/%zu/date", sorted[i].index);
        free(sorted);
        return assay_fail(e, ASSAY_INVALID_VALUE, field, "the date occurs twice");
    }
    *out = sorted;
    return ASSAY_OK;
}

enum assay_status assay_calendar_new(const struct assay_calendar_spec *spec, struct assay_calendar **out, struct assay_error *e) {
    size_t longest = 0;
    struct dated *exceptions = NULL;
    enum assay_status s = check_hours(spec, &longest, e);
    if (s == ASSAY_OK) s = sort_exceptions(spec, &exceptions, e);
    if (s != ASSAY_OK) return s;

    struct assay_calendar *c = assay_xcalloc(1, sizeof *c);
    struct build b = {.spec = spec, .exceptions = exceptions, .run_from = INT64_MAX};
    b.room = assay_xmalloc((longest + 1) * sizeof *b.room);
    c->zone = spec->zone;
    for (size_t i = 0; i < 7; i++) b.weekly[i] = plain_pattern(c, &spec->weekly[i], ASSAY_WEEKEND, b.room);
    build_dates(c, &b);
    build_slices(c);
    c->origin = midnight(c, N_DATES / 2) - (int64_t)(N_DATES / 2) * ASSAY_DAY;
    free(b.room);
    free(exceptions);
    *out = c;
    return ASSAY_OK;
}

void assay_calendar_free(struct assay_calendar *c) {
    if (!c) return;
    free(c->dates);
    free(c->patterns);
    free(c->intervals);
    free(c->slices);
    free(c->skipped);
    free(c);
}

/* --- asking: working time ---------------------------------------------------------------------------------------- */

const struct assay_zone *assay_calendar_zone(const struct assay_calendar *c) { return c->zone; }

int64_t assay_calendar_working(const struct assay_calendar *c, assay_instant from, assay_instant to) {
    return from < to ? worked(c, to) - worked(c, from) : 0;
}

/* The last date with at most this many working seconds before it. */
static size_t date_at_work(const struct assay_calendar *c, int64_t seconds) {
    size_t slice = (size_t)(seconds >> c->slice_shift), i = c->slices[slice], n = c->slices[slice + 1] - i;
    while (n > 0) {
        size_t half = (n + 1) / 2;
        if (seconds_before(c, i + half) <= seconds) i += half;
        n -= half;
    }
    return i;
}

assay_instant assay_calendar_after(const struct assay_calendar *c, assay_instant t, int64_t working) {
    if (working <= 0) return t;
    int64_t done = worked(c, t);
    if (working > worked(c, END) - done) return ASSAY_NO_INSTANT;
    int64_t target = done + working;
    /* The last date with less than the target before it is the one on which it is reached, at its closing at the latest. */
    size_t i = date_at_work(c, (target - 1) / ASSAY_SECOND);
    int64_t rest = target - seconds_before(c, i) * ASSAY_SECOND;
    const struct interval *v = &c->intervals[c->patterns[c->dates[i].pattern].first];
    for (; rest > v->length; v++) rest -= v->length;
    return midnight(c, i) + v->from + rest;
}

/* --- asking: days ------------------------------------------------------------------------------------------------ */

/* How many of the dates [from, to) the clock skipped. */
static int64_t skipped_between(const struct assay_calendar *c, assay_date from, assay_date to) {
    int64_t n = 0;
    for (size_t k = 0; k < c->n_skipped; k++) n += c->skipped[k] >= from && c->skipped[k] < to;
    return n;
}

int64_t assay_calendar_working_days(const struct assay_calendar *c, assay_instant from, assay_instant to) {
    if (from >= to) return 0;
    return dates_before(c, date_of_any(c, to) + 1) - dates_before(c, date_of_any(c, from) + 1);
}

int64_t assay_calendar_days(const struct assay_calendar *c, assay_instant from, assay_instant to) {
    if (from >= to) return 0;
    size_t a = date_of_any(c, from), b = date_of_any(c, to);
    return (int64_t)(b - a) - skipped_between(c, (assay_date)a + FIRST_DATE, (assay_date)b + FIRST_DATE);
}

/* Counted dates before date i. */
static int64_t counted_before(const struct assay_calendar *c, size_t i, bool working) {
    return working ? dates_before(c, i) : (int64_t)i - skipped_between(c, FIRST_DATE, (assay_date)i + FIRST_DATE);
}

assay_instant assay_calendar_days_deadline(const struct assay_calendar *c, assay_instant t, int64_t n, bool working) {
    if (t < ASSAY_INSTANT_MIN || t >= END || n > (int64_t)N_DATES) return ASSAY_NO_INSTANT;
    size_t low = date_of(c, t) + 1, high = low;
    if (n <= 0) return midnight(c, low);
    int64_t target = counted_before(c, low, working) + n;
    /* The first date with so many before it: as many dates on as are missing, until it lies between low and high. */
    while (high < N_DATES && counted_before(c, high, working) < target) {
        low = high;
        size_t missing = (size_t)(target - counted_before(c, high, working));
        high = missing < N_DATES - high ? high + missing : N_DATES;
    }
    if (counted_before(c, high, working) < target) return ASSAY_NO_INSTANT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (counted_before(c, middle, working) < target) low = middle + 1;
        else high = middle;
    }
    return midnight(c, high);
}

bool assay_calendar_is_working_day(const struct assay_calendar *c, assay_date d) {
    if (d < FIRST_DATE || d >= FIRST_DATE + (assay_date)N_DATES) return false;
    size_t i = (size_t)(d - FIRST_DATE);
    return dates_before(c, i + 1) > dates_before(c, i);
}

/* --- asking: the ledger ------------------------------------------------------------------------------------------ */

const char *assay_stretch_name(enum assay_stretch k) {
    static const char *const names[] = {"working", "break", "night", "weekend", "holiday"};
    return (size_t)k < sizeof names / sizeof *names ? names[k] : "";
}

/* Writes stretches that follow one another, joining those of one kind; without entries it only counts them. */
struct ledger_pen {
    struct assay_ledger_entry *entries;
    size_t n;
    enum assay_stretch kind;
    assay_instant at, end; /* where it stands, and where the ledger ends */
};

static void write_until(struct ledger_pen *pen, assay_instant to, enum assay_stretch kind) {
    if (to > pen->end) to = pen->end;
    if (to <= pen->at) return;
    if (pen->n == 0 || kind != pen->kind) {
        if (pen->entries) pen->entries[pen->n] = (struct assay_ledger_entry){pen->at, to, kind};
        pen->kind = kind;
        pen->n++;
    }
    if (pen->entries) pen->entries[pen->n - 1].to = to;
    pen->at = to;
}

static size_t write_ledger(const struct assay_calendar *c, assay_instant from, assay_instant to,
                           struct assay_ledger_entry *entries) {
    struct ledger_pen pen = {.entries = entries, .at = from, .end = to};
    for (size_t i = date_of(c, from); pen.at < pen.end; i++) {
        const struct pattern *p = &c->patterns[c->dates[i].pattern];
        const struct interval *v = &c->intervals[p->first];
        int64_t start = midnight(c, i);
        for (size_t k = 0; k < p->n; k++) {
            write_until(&pen, start + v[k].from, k == 0 ? ASSAY_NIGHT : ASSAY_BREAK);
            write_until(&pen, start + v[k].from + v[k].length, ASSAY_WORKING);
        }
        write_until(&pen, midnight(c, i + 1), p->off);
    }
    return pen.n;
}

void assay_calendar_ledger(const struct assay_calendar *c, assay_instant from, assay_instant to, struct assay_arena *a,
                           struct assay_ledger *out) {
    from = within(from, ASSAY_INSTANT_MIN, END);
    to = within(to, ASSAY_INSTANT_MIN, END);
    out->entries = NULL;
    out->n = 0;
    if (from >= to) return;
    out->n = write_ledger(c, from, to, NULL);
    out->entries = assay_arena_alloc(a, out->n * sizeof *out->entries);
    write_ledger(c, from, to, out->entries);
}
