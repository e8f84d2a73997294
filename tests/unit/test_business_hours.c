/* test_business_hours.c -- the calendar against 5,826 answers of other business-hours libraries (shared/data/business_hours).
 *
 * A line of the file is a case: hours of the week, `holidays` (dates without hours), `special_days` (a date's own hours,
 * which win over holidays), `breaks` (taken out of a date's hours), a question `within` (working seconds between start
 * and end; whole multiples of `truncated_to_s` where the library rounds down) or `after` (start plus duration_s), and the
 * answer `expected`. Where libraries differ, `also_accept` holds the other answer.
 *
 * Two cases add nothing to an instant outside hours and expect the next opening. The conventions fixed for Assay beside
 * the file say that a zero duration does not move, so of those the start is demanded, and they are counted apart. */
#include "check_main.h"
#include "test_zone.h"

#include <jansson.h>
#include <zlib.h>

#define VECTORS 5826
#define OF_NOTHING 2 /* of them add no time */
#define MOST_HOURS 16
#define FILE_BELOW "data/business_hours/vectors.jsonl.gz"

/* --- the file ---------------------------------------------------------------------------------------------------- */

struct vector {
    json_t *json;
    char *calendar; /* what it says of hours, as text: cases of one calendar stand together */
};

static int by_calendar(const void *a, const void *b) {
    const struct vector *x = a, *y = b;
    return strcmp(x->calendar, y->calendar);
}

static char *calendar_text(json_t *json) {
    static const char *const members[] = {"tz", "intervals", "holidays", "special_days", "breaks"};
    json_t *of = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(json, members[i])) json_object_set(of, members[i], json_object_get(json, members[i]));
    char *text = json_dumps(of, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(of);
    return text;
}

static struct vector *read_vectors(const char *path, size_t *n) {
    static char line[1 << 16];
    gzFile f = gzopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    struct vector *all = assay_xcalloc(VECTORS, sizeof *all);
    *n = 0;
    while (gzgets(f, line, sizeof line)) {
        ck_assert_msg(*n < VECTORS, "more than %d vectors", VECTORS);
        json_error_t e;
        json_t *json = json_loads(line, 0, &e);
        ck_assert_msg(json != NULL, "line %zu: %s", *n + 1, e.text);
        all[(*n)++] = (struct vector){json, calendar_text(json)};
    }
    gzclose(f);
    qsort(all, *n, sizeof *all, by_calendar);
    return all;
}

static void free_vectors(struct vector *all, size_t n) {
    for (size_t i = 0; i < n; i++) {
        json_decref(all[i].json);
        free(all[i].calendar);
    }
    free(all);
}

/* --- a case's calendar ------------------------------------------------------------------------------------------- */

struct day {
    assay_date date;
    size_t n;
    struct assay_hours hours[MOST_HOURS];
};

static int32_t parse_clock(const char *text) {
    int h = 0, m = 0;
    ck_assert_int_eq(sscanf(text, "%d:%d", &h, &m), 2);
    return (h * 60 + m) * 60;
}

/* [["09:00", "12:00"], …]; absent: no hours. */
static void read_hours(const json_t *list, struct day *day) {
    size_t i;
    json_t *pair;
    day->n = 0;
    json_array_foreach(list, i, pair) {
        ck_assert_uint_lt(day->n, MOST_HOURS);
        day->hours[day->n++] = (struct assay_hours){parse_clock(json_string_value(json_array_get(pair, 0))),
                                                    parse_clock(json_string_value(json_array_get(pair, 1)))};
    }
}

/* Cut [from, to) out of the day's hours. */
static void take_out(struct day *day, struct assay_hours pause) {
    struct day left = {.date = day->date};
    for (size_t i = 0; i < day->n; i++) {
        struct assay_hours h = day->hours[i];
        ck_assert_uint_lt(left.n + 1, MOST_HOURS);
        if (h.from < pause.from) left.hours[left.n++] = (struct assay_hours){h.from, h.to < pause.from ? h.to : pause.from};
        if (h.to > pause.to) left.hours[left.n++] = (struct assay_hours){h.from > pause.to ? h.from : pause.to, h.to};
    }
    *day = left;
}

/* The date's own hours among those listed so far, or a new entry with those of the week. */
static struct day *own_day(struct day *own, size_t *n, const struct day *weekly, const char *date) {
    assay_date d = test_date(date);
    for (size_t i = 0; i < *n; i++)
        if (own[i].date == d) return &own[i];
    own[*n] = weekly[assay_date_weekday(d)];
    own[*n].date = d;
    return &own[(*n)++];
}

/* Holidays, then special days over them, then breaks out of what stands. */
static size_t read_own_days(json_t *json, const struct day *weekly, struct day *own) {
    size_t n = 0, i;
    json_t *value;
    const char *date;
    json_array_foreach(json_object_get(json, "holidays"), i, value) own_day(own, &n, weekly, json_string_value(value))->n = 0;
    json_object_foreach(json_object_get(json, "special_days"), date, value) read_hours(value, own_day(own, &n, weekly, date));
    json_object_foreach(json_object_get(json, "breaks"), date, value) {
        struct day pauses, *day = own_day(own, &n, weekly, date);
        read_hours(value, &pauses);
        for (size_t k = 0; k < pauses.n; k++) take_out(day, pauses.hours[k]);
    }
    return n;
}

static struct assay_calendar *make_calendar(json_t *json, const struct assay_zone *zone) {
    static const char *const names[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    struct assay_calendar_spec spec = {.zone = zone};
    struct day weekly[7] = {0};
    for (size_t i = 0; i < 7; i++) {
        read_hours(json_object_get(json_object_get(json, "intervals"), names[i]), &weekly[i]);
        spec.weekly[i] = (struct assay_day_hours){weekly[i].n, weekly[i].hours};
    }
    size_t most = json_array_size(json_object_get(json, "holidays")) + json_object_size(json_object_get(json, "special_days")) +
                  json_object_size(json_object_get(json, "breaks"));
    struct day *own = assay_xcalloc(most + 1, sizeof *own);
    struct assay_exception *exceptions = assay_xcalloc(most + 1, sizeof *exceptions);
    spec.n_exceptions = read_own_days(json, weekly, own);
    spec.exceptions = exceptions;
    for (size_t i = 0; i < spec.n_exceptions; i++)
        exceptions[i] = (struct assay_exception){.date = own[i].date, .day = {own[i].n, own[i].hours}};
    struct assay_calendar *c = NULL;
    struct assay_error e = {0};
    enum assay_status s = assay_calendar_new(&spec, &c, &e);
    ck_assert_msg(s == ASSAY_OK, "%s: %s", e.field, e.detail);
    free(exceptions);
    free(own);
    return c;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *json, const char *member) { return json_string_value(json_object_get(json, member)); }

static bool within_holds(const json_t *json, const struct assay_calendar *c) {
    int64_t seconds = assay_calendar_working(c, test_instant(text_of(json, "start")), test_instant(text_of(json, "end"))) /
                      ASSAY_SECOND;
    int64_t step = json_integer_value(json_object_get(json, "truncated_to_s"));
    if (step > 0) seconds -= seconds % step;
    return seconds == json_integer_value(json_object_get(json, "expected"));
}

static int64_t duration_of(const json_t *json) { return json_integer_value(json_object_get(json, "duration_s")) * ASSAY_SECOND; }

static bool after_holds(const json_t *json, const struct assay_calendar *c) {
    assay_instant start = test_instant(text_of(json, "start")), got = assay_calendar_after(c, start, duration_of(json));
    if (duration_of(json) == 0) return got == start;
    const char *other = text_of(json, "also_accept");
    return got == test_instant(text_of(json, "expected")) || (other && got == test_instant(other));
}

START_TEST(vectors) {
    char path[4096];
    size_t n = 0, wrong = 0, within = 0, of_nothing = 0;
    struct vector *all = read_vectors(test_shared(path, FILE_BELOW), &n);
    struct assay_zone *zone = NULL;
    struct assay_calendar *c = NULL;
    for (size_t i = 0; i < n; i++) {
        json_t *json = all[i].json;
        if (i == 0 || strcmp(all[i].calendar, all[i - 1].calendar) != 0) {
            assay_calendar_free(c);
            assay_zone_free(zone);
            zone = test_zone(text_of(json, "tz"));
            c = make_calendar(json, zone);
        }
        bool is_within = strcmp(text_of(json, "op"), "within") == 0;
        within += is_within;
        of_nothing += !is_within && duration_of(json) == 0;
        if (is_within ? within_holds(json, c) : after_holds(json, c)) continue;
        if (wrong++ < 20) fprintf(stderr, "%s (%s, %s)\n", text_of(json, "id"), text_of(json, "class"), text_of(json, "source"));
    }
    assay_calendar_free(c);
    assay_zone_free(zone);
    free_vectors(all, n);
    fprintf(stderr, "business hours: %zu vectors run (%zu within, %zu after; %zu of no duration, held to Assay's convention)\n",
            n, within, n - within, of_nothing);
    ck_assert_uint_eq(n, VECTORS);
    ck_assert_uint_eq(of_nothing, OF_NOTHING);
    ck_assert_msg(wrong == 0, "%zu of %zu vectors are wrong", wrong, n);
}
END_TEST

static Suite *suite_of_vectors(void) {
    char path[4096];
    Suite *s = suite_create("business_hours");
    TCase *tc = tcase_create("vectors");
    tcase_set_timeout(tc, 120);
    if (test_shared(path, FILE_BELOW)) tcase_add_test(tc, vectors);
    else test_skip("business_hours", "no " FILE_BELOW " (set ASSAY_SHARED)");
    suite_add_tcase(s, tc);
    return s;
}

ASSAY_TESTS(suite_of_vectors)
