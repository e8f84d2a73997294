/* local_time.c -- times as spreadsheets write them, in a zone that the sender names. Pure. */
#include "assay/calendar.h"
#include "assay/csv.h"

struct cursor {
    const char *p, *end;
};

/* 1 to most digits. */
static bool take_number(struct cursor *c, size_t most, int *out) {
    size_t n = 0;
    int v = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && n < most) v = v * 10 + (*c->p++ - '0'), n++;
    *out = v;
    return n > 0;
}

static bool take_char(struct cursor *c, const char *any) {
    if (c->p == c->end || !*c->p || !strchr(any, *c->p)) return false;
    c->p++;
    return true;
}

static bool take_fraction(struct cursor *c, int64_t *micros) {
    int64_t unit = 100000;
    const char *first = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, unit /= 10) {
        if (unit == 0) return false;
        *micros += (*c->p - '0') * unit;
    }
    return c->p > first;
}

struct local {
    assay_date date;
    int second; /* of the day */
    int64_t micros;
};

/* "2001/2/5 9:00", "2001-02-05 09:00:00", "2001-02-05T09:00:00.25": year first, so that no day is read as a month. */
static bool parse_local(struct assay_str s, struct local *out) {
    struct cursor c = {s.p, s.p + s.n};
    int year, month, day, hour, minute, second = 0;
    const char *begin = c.p;
    if (!take_number(&c, 4, &year) || c.p - begin != 4 || c.p == c.end) return false;
    const char sep[2] = {*c.p, '\0'};
    if (!take_char(&c, "-/") || !take_number(&c, 2, &month) || !take_char(&c, sep) || !take_number(&c, 2, &day)) return false;
    if (!take_char(&c, " Tt") || !take_number(&c, 2, &hour) || !take_char(&c, ":")) return false;
    begin = c.p;
    if (!take_number(&c, 2, &minute) || c.p - begin != 2) return false;
    out->micros = 0;
    if (take_char(&c, ":")) {
        begin = c.p;
        if (!take_number(&c, 2, &second) || c.p - begin != 2) return false;
        if (take_char(&c, ".") && !take_fraction(&c, &out->micros)) return false;
    }
    if (c.p != c.end || hour > 23 || minute > 59 || second > 59 || !assay_civil_valid(year, month, day)) return false;
    out->date = assay_date_from_civil(year, month, day);
    out->second = hour * 3600 + minute * 60 + second;
    return true;
}

static bool shows(const struct assay_zone *z, assay_instant t, const struct local *l) {
    int second;
    return assay_zone_date(z, t, &second) == l->date && second == l->second;
}

enum assay_status assay_local_parse(struct assay_str s, const struct assay_zone *zone, assay_instant *out) {
    struct local l;
    enum assay_status st = assay_instant_parse(s, out);
    if (st == ASSAY_OK || (st == ASSAY_OUT_OF_RANGE)) return st;
    if (!parse_local(s, &l)) return st;
    if (!zone) return ASSAY_MISSING_OFFSET;
    assay_instant first = assay_zone_instant(zone, l.date, l.second);
    if (!shows(zone, first, &l)) return ASSAY_INVALID_TIME; /* the clocks skipped it */
    /* Put back within a day, they show it again under the offset that holds then. */
    int64_t later = (int64_t)l.date * 86400 + l.second - assay_zone_offset(zone, first + ASSAY_DAY);
    if (later * ASSAY_SECOND > first && shows(zone, later * ASSAY_SECOND, &l)) return ASSAY_AMBIGUOUS_TIME;
    *out = first + l.micros;
    return *out < ASSAY_INSTANT_MIN || *out >= ASSAY_INSTANT_MAX ? ASSAY_OUT_OF_RANGE : ASSAY_OK;
}
