/* calendar_json.c -- calendar documents into struct assay_calendar, with every mistake reported. */
#include "reader.h"

#include <stdlib.h>

#define INTERVALS_MAX 24    /* of a day */
#define EXCEPTIONS_MAX 4096 /* ten years of days */

static bool two_digits(const char *p, int max, int *out) {
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') return false;
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return *out <= max;
}

/* "08:30", "08:30:15" or "24:00" as the second of the day. */
static bool clock_parse(struct assay_str s, int32_t *out) {
    int h, m, sec = 0;
    if ((s.n != 5 && s.n != 8) || !two_digits(s.p, 24, &h) || s.p[2] != ':' || !two_digits(s.p + 3, 59, &m)) return false;
    if (s.n == 8 && (s.p[5] != ':' || !two_digits(s.p + 6, 59, &sec))) return false;
    *out = h * 3600 + m * 60 + sec;
    return *out <= 86400;
}

static bool read_clock(struct assay_reader *r, const struct assay_place *at, const json_t *v, int32_t *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    if (clock_parse(s, out)) return true;
    assay_read_fail(r, at, ASSAY_INVALID_VALUE, "a time of the day is wanted, as 08:30 (00:00 to 24:00)");
    return false;
}

static bool read_interval(struct assay_reader *r, const struct assay_place *at, const json_t *v, int32_t after,
                          struct assay_hours *out) {
    if (!json_is_array(v) || json_array_size(v) != 2) {
        assay_read_fail(r, at, json_is_array(v) ? ASSAY_INVALID_VALUE : ASSAY_WRONG_TYPE,
                        "a pair is wanted, as [\"08:30\", \"12:00\"]");
        return false;
    }
    bool ok = read_clock(r, &(struct assay_place){at, NULL, 0}, json_array_get(v, 0), &out->from);
    ok = read_clock(r, &(struct assay_place){at, NULL, 1}, json_array_get(v, 1), &out->to) && ok;
    if (!ok) return false;
    if (out->from >= out->to) assay_read_fail(r, at, ASSAY_INVALID_VALUE, "an interval ends after it begins");
    else if (out->from < after) assay_read_fail(r, at, ASSAY_INVALID_VALUE, "an interval begins before the one before it ends");
    return true;
}

static void read_day(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_day_hours *out) {
    size_t n = json_array_size(v);
    struct assay_hours *hours = assay_arena_alloc(r->arena, n * sizeof *hours);
    int32_t after = 0;
    for (size_t i = 0; i < n; i++) {
        if (!read_interval(r, &(struct assay_place){at, NULL, i}, json_array_get(v, i), after, &hours[i])) continue;
        after = hours[i].to;
    }
    *out = (struct assay_day_hours){n, hours};
}

static void read_weekly(struct assay_reader *r, const struct assay_place *at, const json_t *obj,
                        struct assay_calendar_spec *spec) {
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
    struct assay_place p, q;
    const json_t *v = assay_member_object(r, at, obj, "weekly", true, days, &p);
    for (int d = 0; v && days[d]; d++) {
        const json_t *hours = assay_member_array(r, &p, v, days[d], false, 0, INTERVALS_MAX, &q);
        if (hours) read_day(r, &q, hours, &spec->weekly[d]);
    }
}

/* A date with where it stood, so that a repeated one can be pointed at. */
struct dated {
    assay_date date;
    size_t index;
};

static int by_date(const void *x, const void *y) {
    const struct dated *a = x, *b = y;
    if (a->date != b->date) return a->date < b->date ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static void refuse_repeated(struct assay_reader *r, const struct assay_place *at, struct dated *dates, size_t n) {
    qsort(dates, n, sizeof *dates, by_date);
    for (size_t i = 1; i < n; i++) {
        if (dates[i].date != dates[i - 1].date) continue;
        struct assay_place row = {at, NULL, dates[i].index}, p = {&row, "date", 0};
        assay_read_fail(r, &p, ASSAY_INVALID_VALUE, "this date stands in the list already");
    }
}

static bool read_exception(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_exception *out) {
    static const char *const known[] = {"date", "hours", "name", NULL};
    struct assay_place p;
    struct assay_str name;
    if (!assay_read_object(r, at, v, known)) return false;
    const json_t *hours = assay_member_array(r, at, v, "hours", true, 0, INTERVALS_MAX, &p);
    if (hours) read_day(r, &p, hours, &out->day);
    if (assay_member_text(r, at, v, "name", false, 200, &name)) out->name = name.p;
    return assay_member_date(r, at, v, "date", true, &out->date);
}

static void read_exceptions(struct assay_reader *r, const struct assay_place *at, const json_t *obj,
                            struct assay_calendar_spec *spec) {
    struct assay_place p;
    const json_t *v = assay_member_array(r, at, obj, "exceptions", false, 0, EXCEPTIONS_MAX, &p);
    if (!v) return;
    size_t n = json_array_size(v), dated = 0;
    struct assay_exception *list = assay_arena_zalloc(r->arena, n * sizeof *list);
    struct dated *dates = assay_arena_alloc(r->arena, n * sizeof *dates);
    for (size_t i = 0; i < n; i++)
        if (read_exception(r, &(struct assay_place){&p, NULL, i}, json_array_get(v, i), &list[i]))
            dates[dated++] = (struct dated){list[i].date, i};
    refuse_repeated(r, &p, dates, dated);
    spec->exceptions = list;
    spec->n_exceptions = n;
}

static void read_calendar(struct assay_reader *r, const json_t *v, assay_zone_lookup *zone, void *ctx,
                          struct assay_calendar_spec *spec) {
    static const char *const known[] = {"time_zone", "weekly", "exceptions", NULL};
    static const struct assay_place root = {NULL, NULL, 0};
    if (!assay_read_object(r, &root, v, known)) return;
    (void)assay_member_zone(r, &root, v, "time_zone", zone, ctx, &spec->zone);
    read_weekly(r, &root, v, spec);
    read_exceptions(r, &root, v, spec);
}

enum assay_status assay_calendar_new_from_json(struct assay_str text, assay_zone_lookup *zone, void *ctx,
                                               struct assay_calendar **out, struct assay_errors *es) {
    json_t *v;
    *out = NULL;
    enum assay_status status = assay_reader_load_into(text, &v, es);
    if (status != ASSAY_OK) return status;
    struct assay_arena arena = {0};
    struct assay_reader r = {&arena, es};
    struct assay_calendar_spec spec = {.zone = NULL};
    struct assay_error e;
    read_calendar(&r, v, zone, ctx, &spec);
    if (es->n == 0 && assay_calendar_new(&spec, out, &e) != ASSAY_OK) assay_errors_add(es, e.status, e.field, "%s", e.detail);
    json_decref(v);
    assay_arena_free(&arena);
    return assay_read_result(&r);
}
