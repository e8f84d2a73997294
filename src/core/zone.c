/* zone.c -- time zones: the offset from UTC at an instant, and the instant of a wall clock.
 *
 * A zone is a sorted list of the seconds at which its offset changes. The footer of a TZif file (the rule for all later
 * years) is written out into the same list for a little over 400 years: the Gregorian calendar repeats after 400 years,
 * weekdays included, so whatever lies beyond is folded back. Must not know: files, calendars, the clock. */
#include "zone_internal.h"

#include <stdlib.h>

#define DAY_SECONDS INT64_C(86400)
#define CYCLE (INT64_C(146097) * DAY_SECONDS) /* 400 Gregorian years */
#define OFFSET_BOUND 93600                    /* no clock is 26 hours or more from UTC (RFC 8536 3.2) */
#define LAST_YEAR 3000                        /* transitions listed beyond it are not a real zone's */
#define RULES_FROM 1900                       /* the first year for which a footer that stands alone is written out */

struct assay_zone {
    char *name;
    size_t n;
    int64_t *at;     /* n seconds since 1970, ascending: from at[i] on offset[i + 1] holds */
    int32_t *offset; /* n + 1 seconds east; neighbours differ */
    int64_t horizon; /* from here on the rules repeat every CYCLE; INT64_MAX where there are none */
};

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* --- building ---------------------------------------------------------------------------------------------------- */

/* Append a transition. The last word on an instant holds, and one that changes nothing is none. */
static void push_transition(struct assay_zone *z, int64_t at, int32_t offset) {
    while (z->n > 0 && z->at[z->n - 1] >= at) z->n--;
    if (z->offset[z->n] == offset) return;
    z->at[z->n] = at;
    z->offset[++z->n] = offset;
}

static void reserve(struct assay_zone *z, size_t transitions) {
    z->at = assay_xrealloc(z->at, (transitions + 1) * sizeof *z->at);
    z->offset = assay_xrealloc(z->offset, (transitions + 1) * sizeof *z->offset);
}

/* --- the footer: a POSIX TZ string ------------------------------------------------------------------------------- */

enum rule_kind { RULE_JULIAN, RULE_DAY, RULE_MONTH }; /* Jn (1-365, no leap day), n (0-365), Mm.w.d */
struct rule {
    enum rule_kind kind;
    int n;                /* of the first two */
    int month, week, day; /* week 5 is the last one; day 0 is Sunday */
    int time;             /* seconds of that local day, may be negative or beyond 24 hours */
};
struct footer {
    int32_t std, dst; /* seconds east */
    bool has_dst;
    struct rule start, end; /* of daylight saving time */
};
struct scan {
    const char *p, *end;
};

static bool scan_char(struct scan *s, char c) {
    if (s->p >= s->end || *s->p != c) return false;
    s->p++;
    return true;
}

static bool scan_int(struct scan *s, int min, int max, int *out) {
    const char *from = s->p;
    int v = 0;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
        v = v * 10 + (*s->p++ - '0');
        if (v > max) return false;
    }
    *out = v;
    return s->p > from && v >= min;
}

/* "<+0330>" or at least three letters. */
static bool scan_name(struct scan *s) {
    bool quoted = scan_char(s, '<');
    const char *from = s->p;
    for (; s->p < s->end; s->p++) {
        char c = *s->p;
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool digit = (c >= '0' && c <= '9') || c == '+' || c == '-';
        if (!letter && !(quoted && digit)) break;
    }
    return s->p - from >= 3 && (!quoted || scan_char(s, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool scan_time(struct scan *s, int max_hours, int *out) {
    bool negative = scan_char(s, '-');
    if (!negative) scan_char(s, '+');
    int h = 0, m = 0, sec = 0;
    if (!scan_int(s, 0, max_hours, &h)) return false;
    if (scan_char(s, ':')) {
        if (!scan_int(s, 0, 59, &m)) return false;
        if (scan_char(s, ':') && !scan_int(s, 0, 59, &sec)) return false;
    }
    *out = (h * 3600 + m * 60 + sec) * (negative ? -1 : 1);
    return true;
}

/* ",date[/time]"; without a time 02:00. */
static bool scan_rule(struct scan *s, struct rule *r) {
    *r = (struct rule){.time = 2 * 3600};
    if (!scan_char(s, ',')) return false;
    if (scan_char(s, 'M')) {
        r->kind = RULE_MONTH;
        if (!scan_int(s, 1, 12, &r->month) || !scan_char(s, '.') || !scan_int(s, 1, 5, &r->week) || !scan_char(s, '.') ||
            !scan_int(s, 0, 6, &r->day))
            return false;
    } else {
        r->kind = scan_char(s, 'J') ? RULE_JULIAN : RULE_DAY;
        if (!scan_int(s, r->kind == RULE_JULIAN, 365, &r->n)) return false;
    }
    return !scan_char(s, '/') || scan_time(s, 167, &r->time);
}

/* POSIX counts offsets west of UTC. */
static bool parse_footer(struct assay_str text, struct footer *f) {
    struct scan s = {text.p, text.p + text.n};
    int west = 0;
    *f = (struct footer){0};
    if (!scan_name(&s) || !scan_time(&s, 24, &west)) return false;
    f->std = -west;
    if (s.p == s.end) return true;
    if (!scan_name(&s)) return false;
    west -= 3600;
    if (s.p < s.end && *s.p != ',' && !scan_time(&s, 24, &west)) return false;
    f->dst = -west;
    f->has_dst = true;
    return scan_rule(&s, &f->start) && scan_rule(&s, &f->end) && s.p == s.end;
}

static int64_t rule_second(const struct rule *r, int year) {
    assay_date d = assay_date_from_civil(year, 1, 1);
    if (r->kind == RULE_DAY) {
        d += r->n;
    } else if (r->kind == RULE_JULIAN) {
        bool leap = assay_date_from_civil(year, 3, 1) - d == 60;
        d += r->n - 1 + (leap && r->n >= 60);
    } else {
        d = assay_date_from_civil(year, r->month, 1);
        assay_date next = r->month == 12 ? d + 31 : assay_date_from_civil(year, r->month + 1, 1);
        int sunday_first = (assay_date_weekday(d) + 1) % 7;
        d += (r->day - sunday_first + 7) % 7 + 7 * (r->week - 1);
        if (d >= next) d -= 7;
    }
    return d * DAY_SECONDS + r->time;
}

/* Both changes of a year. Where daylight saving ends no earlier than the next year's starts it goes on all year: the
 * start, pushed later, has the last word. */
static void push_year(struct assay_zone *z, const struct footer *f, int year, int64_t after) {
    int64_t start = rule_second(&f->start, year) - f->std, end = rule_second(&f->end, year) - f->dst;
    if (end <= start && end > after) push_transition(z, end, f->std);
    if (start > after) push_transition(z, start, f->dst);
    if (end > start && end > after) push_transition(z, end, f->std);
}

static void push_rules(struct assay_zone *z, const struct footer *f, bool listed, int64_t last) {
    int first_year = RULES_FROM, month = 0, day = 0;
    if (listed && last > assay_date_from_civil(RULES_FROM, 1, 1) * DAY_SECONDS)
        assay_date_to_civil((assay_date)floor_div(last, DAY_SECONDS), &first_year, &month, &day);
    int horizon = first_year + 402;
    reserve(z, z->n + 2 * (size_t)(horizon - first_year + 1));
    for (int year = first_year; year <= horizon; year++) push_year(z, f, year, listed ? last : INT64_MIN);
    z->horizon = assay_date_from_civil(horizon, 1, 1) * DAY_SECONDS;
}

/* --- TZif -------------------------------------------------------------------------------------------------------- */

#define HEADER_SIZE 44u
struct block { /* one version's data */
    size_t time_size, times, types, leaps;
    const unsigned char *at, *index, *type; /* the tables of transitions and of types */
    size_t size;                            /* header and data */
};

static int64_t read_be(const unsigned char *p, size_t n) {
    uint64_t v = p[0] & 0x80 ? ~UINT64_C(0) : 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | p[i];
    return (int64_t)v;
}

/* The block at p; false where it is not whole. */
static bool read_block(const unsigned char *p, size_t n, size_t time_size, struct block *b) {
    if (n < HEADER_SIZE || memcmp(p, "TZif", 4) != 0) return false;
    size_t count[6]; /* isut, isstd, leap, time, type, char */
    for (size_t i = 0; i < 6; i++) count[i] = (size_t)(read_be(p + 20 + 4 * i, 4) & 0xFFFFFFFF);
    *b = (struct block){.time_size = time_size, .leaps = count[2], .times = count[3], .types = count[4]};
    b->at = p + HEADER_SIZE;
    b->size = HEADER_SIZE + b->times * (time_size + 1) + b->types * 6 + count[5] + b->leaps * (time_size + 4);
    b->size += count[1] + count[0];
    if (b->size > n) return false;
    b->index = b->at + b->times * time_size;
    b->type = b->index + b->times;
    return true;
}

static int32_t type_offset(const struct block *b, size_t type) { return (int32_t)read_be(b->type + 6 * type, 4); }

/* NULL, or what is wrong with it. */
static const char *read_transitions(struct assay_zone *z, const struct block *b, int64_t *last) {
    if (b->types == 0) return "it has no type";
    if (b->leaps > 0) return "it counts leap seconds";
    for (size_t i = 0; i < b->types; i++)
        if (type_offset(b, i) <= -OFFSET_BOUND || type_offset(b, i) >= OFFSET_BOUND) return "an offset is out of range";
    reserve(z, b->times);
    z->offset[0] = type_offset(b, 0);
    for (size_t i = 0; i < b->times; i++) {
        int64_t at = read_be(b->at + i * b->time_size, b->time_size);
        if (b->index[i] >= b->types) return "a transition names no type";
        if (i > 0 && at <= *last) return "the transitions are not in order";
        push_transition(z, at, type_offset(b, b->index[i]));
        *last = at;
    }
    bool real = b->times == 0 || *last < assay_date_from_civil(LAST_YEAR, 1, 1) * DAY_SECONDS;
    return real ? NULL : "a transition is too far in the future";
}

/* "\n<TZ string>\n" behind the last block; an empty one says nothing. */
static const char *read_footer(struct assay_zone *z, const struct block *b, int64_t last, const char *p, size_t n) {
    const char *end = n > 1 && p[0] == '\n' ? memchr(p + 1, '\n', n - 1) : NULL;
    if (!end) return "the footer is cut off";
    struct assay_str text = {p + 1, (size_t)(end - p - 1)};
    struct footer f;
    if (text.n == 0) return NULL;
    if (!parse_footer(text, &f)) return "the footer is not a time zone rule";
    if (f.has_dst) push_rules(z, &f, b->times > 0, last);
    else if (z->offset[z->n] != f.std) return "the footer contradicts the last transition";
    return NULL;
}

static const char *read_tzif(struct assay_zone *z, struct assay_str bytes) {
    const unsigned char *p = (const unsigned char *)bytes.p;
    struct block b;
    int64_t last = 0;
    if (!read_block(p, bytes.n, 4, &b)) return "it is not a whole TZif file";
    if (p[4] == 0) return read_transitions(z, &b, &last);
    p += b.size; /* version 1's block is for readers that know no better */
    size_t left = bytes.n - b.size;
    if (!read_block(p, left, 8, &b)) return "its second block is not whole";
    const char *wrong = read_transitions(z, &b, &last);
    return wrong ? wrong : read_footer(z, &b, last, (const char *)p + b.size, left - b.size);
}

enum assay_status assay_zone_new(const char *name, struct assay_str tzif, struct assay_zone **out, struct assay_error *e) {
    struct assay_zone *z = assay_xcalloc(1, sizeof *z);
    z->name = assay_xstrdup(name);
    z->horizon = INT64_MAX;
    const char *wrong = read_tzif(z, tzif);
    if (wrong) {
        assay_zone_free(z);
        return assay_fail(e, ASSAY_CONFIG, "", "time zone %s: %s", name, wrong);
    }
    *out = z;
    return ASSAY_OK;
}

void assay_zone_free(struct assay_zone *z) {
    if (!z) return;
    free(z->name);
    free(z->at);
    free(z->offset);
    free(z);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

const char *assay_zone_name(const struct assay_zone *z) { return z->name; }

/* What to take from a second so that the list covers it: whole cycles. */
static int64_t cycles_beyond(const struct assay_zone *z, int64_t second) {
    return second < z->horizon ? 0 : ((second - z->horizon) / CYCLE + 1) * CYCLE;
}

/* How many transitions are at or before the second: the index of the offset in force. */
static size_t offset_index(const struct assay_zone *z, int64_t second) {
    size_t lo = 0, n = z->n;
    while (n > 0) {
        size_t half = (n + 1) / 2;
        if (z->at[lo + half - 1] <= second) lo += half;
        n -= half;
    }
    return lo;
}

int assay_zone_offset(const struct assay_zone *z, assay_instant t) {
    int64_t second = floor_div(t, ASSAY_SECOND);
    return z->offset[offset_index(z, second - cycles_beyond(z, second))];
}

int assay_zone_offset_until(const struct assay_zone *z, assay_instant t, assay_instant *until) {
    int64_t second = floor_div(t, ASSAY_SECOND), folded = cycles_beyond(z, second);
    size_t i = offset_index(z, second - folded);
    if (i == z->n || __builtin_mul_overflow(z->at[i] + folded, ASSAY_SECOND, until)) *until = INT64_MAX;
    return z->offset[i];
}

assay_date assay_zone_date(const struct assay_zone *z, assay_instant t, int *seconds) {
    int64_t local = floor_div(t, ASSAY_SECOND) + assay_zone_offset(z, t);
    int64_t date = floor_div(local, DAY_SECONDS);
    if (seconds) *seconds = (int)(local - date * DAY_SECONDS);
    return (assay_date)date;
}

/* Gaps and repeated times in one idea: the first second at which the wall clock shows this time or a later one. It
 * never goes back as the wall time goes on, so intervals of wall time turn into intervals that do not overlap. */
assay_instant assay_zone_instant(const struct assay_zone *z, assay_date d, int second_of_day) {
    int64_t local = d * DAY_SECONDS + second_of_day;
    int64_t folded = cycles_beyond(z, local);
    local -= folded;
    size_t i = offset_index(z, local - OFFSET_BOUND);
    while (i < z->n && local - z->offset[i] >= z->at[i]) i++;
    int64_t second = local - z->offset[i];
    if (i > 0 && second < z->at[i - 1]) second = z->at[i - 1];
    return (second + folded) * ASSAY_SECOND;
}
