/* test_calendar.c -- zones against known facts and against the C library; calendars against tables of edge cases and,
 * as properties, against a slow reading of the definitions. */
#include "check_main.h"
#include "test_zone.h"

#include <time.h>

#define SEED UINT64_C(20001201)
#define LAST ((assay_instant)84006 * ASSAY_DAY) /* 2200-01-01 */
#define HOUR (3600 * ASSAY_SECOND)
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* For long loops, where Check's own assertions would note each success in a file. where: a zone, say. */
#define MUST(ok, where)                                                                      \
    do                                                                                       \
        if (!(ok)) ck_abort_msg("%s (%s, seed %llu)", #ok, where, (unsigned long long)SEED); \
    while (0)
#define MUST_EQUAL(got, expected, where) must_equal(got, expected, #got, where)
static void must_equal(int64_t got, int64_t expected, const char *what, const char *where) {
    if (got == expected) return;
    ck_abort_msg("%s is %lld, not %lld (%s, seed %llu)", what, (long long)got, (long long)expected, where,
                 (unsigned long long)SEED);
}

/* --- zones: facts ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *zone, *wall, *instant; /* the instant of a wall clock; "24:00" is second 86400 */
} walls[] = {
    {"Asia/Shanghai", "2001-02-03 04:05:06", "2001-02-03T04:05:06+08:00"},
    {"Asia/Shanghai", "1986-07-01 12:00:00", "1986-07-01T12:00:00+09:00"}, /* daylight saving 1986-1991 */
    {"Asia/Shanghai", "1991-09-15 12:00:00", "1991-09-15T12:00:00+08:00"},
    {"Asia/Kathmandu", "1985-12-31 23:59:59", "1985-12-31T23:59:59+05:30"},
    {"Asia/Kathmandu", "1986-01-01 00:05:00", "1985-12-31T18:30:00Z"}, /* 00:00-00:15 was skipped */
    {"America/New_York", "2024-03-10 01:59:59", "2024-03-10T01:59:59-05:00"},
    {"America/New_York", "2024-03-10 02:00:00", "2024-03-10T03:00:00-04:00"}, /* gap */
    {"America/New_York", "2024-03-10 02:30:00", "2024-03-10T03:00:00-04:00"},
    {"America/New_York", "2024-03-10 03:00:00", "2024-03-10T03:00:00-04:00"},
    {"America/New_York", "2024-11-03 01:30:00", "2024-11-03T01:30:00-04:00"}, /* twice: the first */
    {"America/New_York", "2024-11-03 02:00:00", "2024-11-03T02:00:00-05:00"},
    {"America/New_York", "2150-07-01 00:00:00", NULL},                           /* by the footer; see below */
    {"Australia/Lord_Howe", "2024-10-06 02:15:00", "2024-10-06T02:30:00+11:00"}, /* half an hour is skipped */
    {"Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-07T01:45:00+11:00"}, /* and repeated */
    {"Australia/Lord_Howe", "2024-04-07 02:00:00", "2024-04-07T02:00:00+10:30"},
    {"Pacific/Apia", "2011-12-29 24:00", "2011-12-31T00:00:00+14:00"}, /* the 30th was skipped */
    {"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-31T00:00:00+14:00"},
    {"Pacific/Apia", "2011-12-31 00:00:00", "2011-12-31T00:00:00+14:00"},
    {"America/Havana", "2024-03-10 00:00:00", "2024-03-10T01:00:00-04:00"}, /* midnight is in the gap */
    {"America/Havana", "2024-03-09 24:00", "2024-03-10T01:00:00-04:00"},
    {"America/Havana", "2024-11-03 00:30:00", "2024-11-03T00:30:00-04:00"},
    {"America/St_Johns", "2005-10-29 24:00", "2005-10-30T00:00:00-02:30"}, /* back to 23:01 a minute past midnight */
    {"America/St_Johns", "2005-10-30 00:01:00", "2005-10-30T00:01:00-03:30"},
    {"Europe/Dublin", "2024-07-01 09:00:00", "2024-07-01T09:00:00+01:00"}, /* its winter is "daylight saving", negative */
    {"Europe/Dublin", "2024-12-01 09:00:00", "2024-12-01T09:00:00Z"},
};

static void parse_wall(const char *wall, assay_date *d, int *second) {
    char date[11] = "", h[3] = "", m[3] = "";
    memcpy(date, wall, 10);
    memcpy(h, wall + 11, 2);
    memcpy(m, wall + 14, 2);
    *d = test_date(date);
    *second = (int)strtol(h, NULL, 10) * 3600 + (int)strtol(m, NULL, 10) * 60;
    if (wall[16] == ':') *second += (int)strtol(wall + 17, NULL, 10);
}

START_TEST(wall_clocks) {
    for (size_t row = 0; row < COUNT(walls); row++) {
        struct assay_zone *z = test_zone(walls[row].zone);
        ck_assert_str_eq(assay_zone_name(z), walls[row].zone);
        assay_date d = 0;
        int second = 0;
        parse_wall(walls[row].wall, &d, &second);
        assay_instant got = assay_zone_instant(z, d, second);
        assay_instant expected = walls[row].instant ? test_instant(walls[row].instant) : d * ASSAY_DAY + 4 * HOUR;
        ck_assert_msg(got == expected, "%s %s: %lld, not %lld", walls[row].zone, walls[row].wall, (long long)got,
                      (long long)expected);
        assay_zone_free(z);
    }
}
END_TEST

START_TEST(rules_repeat_for_ever) {
    struct assay_zone *z = test_zone("America/New_York");
    for (int year = 2100; year < 6000; year += 97) {
        assay_date july = assay_date_from_civil(year, 7, 4), january = assay_date_from_civil(year, 1, 4);
        ck_assert_int_eq(assay_zone_offset(z, july * ASSAY_DAY), -4 * 3600);
        ck_assert_int_eq(assay_zone_offset(z, january * ASSAY_DAY), -5 * 3600);
        ck_assert_int_eq(assay_zone_instant(z, july, 0), july * ASSAY_DAY + 4 * HOUR);
        int second = 0;
        ck_assert_int_eq(assay_zone_date(z, july * ASSAY_DAY, &second), july - 1);
        ck_assert_int_eq(second, 20 * 3600);
    }
    assay_zone_free(z);
}
END_TEST

/* --- zones: the C library as a second opinion -------------------------------------------------------------------- */

static const char *const many_zones[] = {
    "Asia/Shanghai",    "America/New_York",  "Australia/Lord_Howe", "Pacific/Apia",         "Africa/Cairo",
    "America/St_Johns", "America/Havana",    "Asia/Kathmandu",      "Europe/Dublin",        "Africa/Casablanca",
    "Asia/Gaza",        "Pacific/Kwajalein", "America/Nuuk",        "Asia/Tehran",          "America/Sao_Paulo",
    "Pacific/Chatham",  "Asia/Jerusalem",    "Antarctica/Troll",    "America/Scoresbysund", "Etc/UTC",
    "Etc/GMT+12",       "EST5EDT",           "Europe/Berlin",       "Pacific/Kiritimati",
};

static void compare_with_libc(const struct assay_zone *z, const char *tz) {
    uint64_t state = SEED;
    setenv("TZ", tz, 1);
    tzset();
    for (int i = 0; i < 4000; i++) {
        time_t t = (time_t)(test_random_below(&state, LAST) / ASSAY_SECOND);
        struct tm tm;
        MUST(localtime_r(&t, &tm) != NULL, tz);
        int second = 0;
        assay_date d = assay_zone_date(z, t * ASSAY_SECOND + 999999, &second);
        MUST_EQUAL(assay_zone_offset(z, t * ASSAY_SECOND), tm.tm_gmtoff, tz);
        MUST_EQUAL(d, assay_date_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), tz);
        MUST_EQUAL(second, tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec, tz);
    }
}

START_TEST(zones_like_libc) {
    for (size_t row = 0; row < COUNT(many_zones); row++) {
        struct assay_zone *z = test_zone(many_zones[row]);
        char tz[128];
        snprintf(tz, sizeof tz, ":/usr/share/zoneinfo/%s", many_zones[row]);
        compare_with_libc(z, tz);
        assay_zone_free(z);
    }
}
END_TEST

/* The definition of assay_zone_instant: the first instant at which the wall clock shows this or later. */
static int64_t wall_at(const struct assay_zone *z, assay_instant t) {
    int second = 0;
    assay_date d = assay_zone_date(z, t, &second);
    return d * INT64_C(86400) + second;
}

START_TEST(instants_by_definition) {
    for (size_t row = 0; row < COUNT(many_zones); row++) {
        struct assay_zone *z = test_zone(many_zones[row]);
        uint64_t state = SEED;
        for (int i = 0; i < 3000; i++) {
            assay_date d = (assay_date)test_random_below(&state, 84006);
            int second = (int)test_random_below(&state, 86401);
            int64_t wanted = d * INT64_C(86400) + second;
            assay_instant t = assay_zone_instant(z, d, second);
            MUST(wall_at(z, t) >= wanted, many_zones[row]);
            MUST(wall_at(z, t - 1) < wanted, many_zones[row]);
            for (int k = 0; k < 4; k++) MUST(wall_at(z, t - 1 - test_random_below(&state, 30 * HOUR)) < wanted, many_zones[row]);
        }
        assay_zone_free(z);
    }
}
END_TEST

/* --- zones: files made by hand ----------------------------------------------------------------------------------- */

static void put_be(struct assay_buf *b, int64_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) assay_buf_addc(b, (char)((uint64_t)v >> (8 * i) & 0xFF));
}

struct tzif { /* up to three types and transitions */
    int types, times, leaps;
    int32_t offset[3];
    int64_t at[3];
    int index[3];
};

static void put_block(struct assay_buf *b, char version, int time_size, const struct tzif *z) {
    assay_buf_adds(b, "TZif");
    assay_buf_addc(b, version);
    for (int i = 0; i < 15; i++) assay_buf_addc(b, '\0');
    put_be(b, 0, 4);
    put_be(b, 0, 4);
    put_be(b, z->leaps, 4);
    put_be(b, z->times, 4);
    put_be(b, z->types, 4);
    put_be(b, 4, 4);
    for (int i = 0; i < z->times; i++) put_be(b, z->at[i], time_size);
    for (int i = 0; i < z->times; i++) put_be(b, z->index[i], 1);
    for (int i = 0; i < z->types; i++) {
        put_be(b, z->offset[i], 4);
        put_be(b, 0, 2);
    }
    assay_buf_add(b, "XXX\0", 4);
    for (int i = 0; i < z->leaps; i++) {
        put_be(b, 78796800, time_size);
        put_be(b, 1, 4);
    }
}

/* footer NULL: a file of version 1. */
static enum assay_status make_zone(const struct tzif *spec, const char *footer, struct assay_zone **out, struct assay_error *e) {
    static const struct tzif none = {0};
    struct assay_buf b = {0};
    put_block(&b, footer ? '2' : '\0', 4, footer ? &none : spec);
    if (footer) put_block(&b, '2', 8, spec);
    if (footer) assay_buf_printf(&b, "\n%s\n", footer);
    enum assay_status s = assay_zone_new("made", assay_buf_str(&b), out, e);
    assay_buf_free(&b);
    return s;
}

static const struct {
    const char *footer;
    int32_t std; /* the offset the file starts with */
} footers[] = {
    {"EST5EDT,M3.2.0,M11.1.0", -18000},
    {"EST5EDT,J60/0,J300", -18000},
    {"EST5EDT,J59/0,J300", -18000},
    {"EST5EDT4,59/24:30:15,299/0:0:1", -18000},
    {"AEST-10AEDT,M10.1.0,M4.1.0/3", 36000},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7200},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37800},
    {"IST-2IDT,M3.4.4/26,M10.5.0", 7200},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", 7200},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", 3600},
    {"AAA-24BBB-23,M3.5.3/-167,M11.5.6/167", 86400},
    {"CST-8", 28800},
};

START_TEST(footers_like_libc) {
    for (size_t row = 0; row < COUNT(footers); row++) {
        struct tzif spec = {.types = 1, .offset = {footers[row].std}};
        struct assay_zone *z = NULL;
        struct assay_error e = {0};
        ck_assert_msg(make_zone(&spec, footers[row].footer, &z, &e) == ASSAY_OK, "%s", e.detail);
        compare_with_libc(z, footers[row].footer);
        assay_zone_free(z);
    }
}
END_TEST

START_TEST(footer_takes_over_from_the_list) {
    struct tzif spec = {
        .types = 3, .offset = {-18000, -14400, -10800}, .times = 2, .at = {946684800, 1000000000}, .index = {2, 1}};
    struct assay_zone *z = NULL;
    ck_assert_int_eq(make_zone(&spec, "EST5EDT,M3.2.0,M11.1.0", &z, NULL), ASSAY_OK);
    ck_assert_int_eq(assay_zone_offset(z, test_instant("1999-12-31T23:59:59Z")), -18000);
    ck_assert_int_eq(assay_zone_offset(z, test_instant("2000-01-01T00:00:00Z")), -10800);
    ck_assert_int_eq(assay_zone_offset(z, test_instant("2001-09-09T01:46:39.999999Z")), -10800);
    ck_assert_int_eq(assay_zone_offset(z, test_instant("2001-09-09T01:46:40Z")), -14400);
    ck_assert_int_eq(assay_zone_offset(z, test_instant("2001-11-05T00:00:00Z")), -18000); /* the footer's first change */
    assay_zone_free(z);
}
END_TEST

START_TEST(daylight_saving_all_year) { /* it ends the instant it starts again, or later */
    static const char *const all_year[] = {"XXX3EDT4,0/0,J365/23", "XXX3EDT4,0/0,J365/25"};
    for (size_t row = 0; row < COUNT(all_year); row++) {
        struct tzif spec = {.types = 1, .offset = {-14400}};
        struct assay_zone *z = NULL;
        ck_assert_int_eq(make_zone(&spec, all_year[row], &z, NULL), ASSAY_OK);
        for (assay_instant t = 0; t < LAST; t += HOUR) MUST_EQUAL(assay_zone_offset(z, t), -14400, all_year[row]);
        assay_zone_free(z);
    }
}
END_TEST

START_TEST(version_1) {
    struct tzif spec = {.types = 2, .offset = {3600, 7200}, .times = 2, .at = {-1000, 1000}, .index = {0, 1}};
    struct assay_zone *z = NULL;
    ck_assert_int_eq(make_zone(&spec, NULL, &z, NULL), ASSAY_OK);
    ck_assert_int_eq(assay_zone_offset(z, 999999999), 3600);
    ck_assert_int_eq(assay_zone_offset(z, 1000000000), 7200);
    ck_assert_int_eq(assay_zone_offset(z, ASSAY_INSTANT_MAX), 7200);
    assay_zone_free(z);
}
END_TEST

static const struct {
    struct tzif spec;
    const char *footer, *detail;
} bad_files[] = {
    {{.types = 0}, "", "no type"},
    {{.types = 1, .leaps = 1}, "", "leap seconds"},
    {{.types = 1, .offset = {93600}}, "", "out of range"},
    {{.types = 1, .times = 1, .index = {1}}, "", "names no type"},
    {{.types = 1, .times = 2, .at = {5, 5}}, "", "not in order"},
    {{.types = 1, .times = 1, .at = {INT64_MAX}}, "", "too far"},
    {{.types = 1, .offset = {3600}}, "UTC0", "contradicts"},
    {{.types = 1}, "U0", "not a time zone rule"},
    {{.types = 1}, "UTC", "not a time zone rule"},
    {{.types = 1}, "UTC25", "not a time zone rule"},
    {{.types = 1}, "UTC0:60", "not a time zone rule"},
    {{.types = 1}, "<UTC0", "not a time zone rule"},
    {{.types = 1}, "UTC0DST", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,M3.2.0", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,M13.2.0,M11.1.0", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,M3.6.0,M11.1.0", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,M3.2.7,M11.1.0", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,J0,J365", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,1,366", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,1/168,2", "not a time zone rule"},
    {{.types = 1}, "UTC0DST,1,2,3", "not a time zone rule"},
};

START_TEST(bad_zone_files) {
    for (size_t row = 0; row < COUNT(bad_files); row++) {
        struct assay_zone *z = NULL;
        struct assay_error e = {0};
        ck_assert_int_eq(make_zone(&bad_files[row].spec, bad_files[row].footer, &z, &e), ASSAY_CONFIG);
        ck_assert_msg(strstr(e.detail, bad_files[row].detail) != NULL, "\"%s\" lacks \"%s\"", e.detail, bad_files[row].detail);
        ck_assert_ptr_null(z);
    }
}
END_TEST

START_TEST(cut_zone_files) {
    struct assay_str whole = test_zone_bytes("America/New_York");
    ck_assert_ptr_nonnull(whole.p);
    for (size_t n = 0; n < whole.n; n++) {
        char *cut = assay_xmalloc(n ? n : 1); /* its own allocation, so that reading past it is seen */
        memcpy(cut, whole.p, n);
        struct assay_zone *z = NULL;
        MUST(assay_zone_new("cut", (struct assay_str){cut, n}, &z, NULL) == ASSAY_CONFIG, "America/New_York");
        free(cut);
    }
    free((char *)whole.p);
}
END_TEST

START_TEST(damaged_zone_files) { /* any bytes: refused or taken, never worse */
    struct assay_str whole = test_zone_bytes("Australia/Lord_Howe");
    ck_assert_ptr_nonnull(whole.p);
    char *bytes = (char *)whole.p;
    uint64_t state = SEED;
    for (int i = 0; i < 3000; i++) {
        size_t at = (size_t)test_random_below(&state, (int64_t)whole.n);
        char old = bytes[at];
        bytes[at] = (char)test_random(&state);
        struct assay_zone *z = NULL;
        if (assay_zone_new("damaged", whole, &z, NULL) == ASSAY_OK) {
            (void)assay_zone_offset(z, 0);
            (void)assay_zone_instant(z, 84006, 3600);
        }
        assay_zone_free(z);
        bytes[at] = old;
    }
    free(bytes);
}
END_TEST

/* --- calendars: edge cases --------------------------------------------------------------------------------------- */

/* Hours as text: "08:30-12:00 13:00-17:30". */
#define MOST_HOURS 8
struct day_text {
    struct assay_hours hours[MOST_HOURS];
    size_t n;
};

static struct day_text parse_day(const char *text) {
    struct day_text d = {.n = 0};
    int h1, m1, h2, m2, used = 0;
    while (d.n < MOST_HOURS && sscanf(text, " %d:%d-%d:%d%n", &h1, &m1, &h2, &m2, &used) == 4) {
        d.hours[d.n++] = (struct assay_hours){(h1 * 60 + m1) * 60, (h2 * 60 + m2) * 60};
        text += used;
    }
    return d;
}

struct exception_text {
    const char *date, *hours;
};
/* weekly: seven texts, Monday first, separated by '|' ("" where short). */
static enum assay_status try_calendar(const struct assay_zone *zone, const char *weekly, const struct exception_text *ex,
                                      size_t n, struct assay_calendar **out, struct assay_error *e) {
    struct day_text days[7] = {0}, own[16];
    struct assay_exception exceptions[16];
    struct assay_calendar_spec spec = {.zone = zone, .n_exceptions = n, .exceptions = exceptions};
    for (size_t i = 0; i < 7; i++) {
        days[i] = parse_day(weekly);
        spec.weekly[i] = (struct assay_day_hours){days[i].n, days[i].hours};
        const char *bar = strchr(weekly, '|');
        weekly = bar ? bar + 1 : "";
    }
    for (size_t i = 0; i < n && i < COUNT(own); i++) {
        own[i] = parse_day(ex[i].hours);
        exceptions[i] = (struct assay_exception){.date = test_date(ex[i].date), .day = {own[i].n, own[i].hours}};
    }
    return assay_calendar_new(&spec, out, e);
}

static const char office[] = "08:30-12:00 13:00-17:30|08:30-12:00 13:00-17:30|08:30-12:00 13:00-17:30|08:30-12:00 13:00-17:30|"
                             "08:30-12:00 13:00-17:30";
static const char always[] = "00:00-24:00|00:00-24:00|00:00-24:00|00:00-24:00|00:00-24:00|00:00-24:00|00:00-24:00";
static const char nights[] = "00:00-02:30|00:00-02:30|00:00-02:30|00:00-02:30|00:00-02:30|00:00-02:30|00:00-02:30";
static const char evenings[] = "22:00-24:00|22:00-24:00|22:00-24:00|22:00-24:00|22:00-24:00|22:00-24:00|22:00-24:00";
static const char half_two[] = "00:00-01:30|00:00-01:30|00:00-01:30|00:00-01:30|00:00-01:30|00:00-01:30|00:00-01:30";
static const char gap_hour[] = "||||||02:00-03:00 09:00-10:00";
static const char lord_howe[] = "||||||01:45-02:15 09:00-10:00";
static const char busy[] = "08:00-09:00 09:00-10:00 11:00-12:00 13:00-14:00 15:00-16:00 17:00-24:00";
static const char nothing[] = "";

/* The working days of the exceptions stand in every calendar of these tables. */
static const struct exception_text fixed[] = {
    {"2024-05-01", ""},            /* a Wednesday off */
    {"2024-05-11", "10:00-12:00"}, /* a Saturday made a working day */
    {"2024-05-06", "09:00-10:00"}, /* a Monday of its own hours */
};

static struct assay_calendar *make_calendar(const struct assay_zone *zone, const char *weekly) {
    struct assay_calendar *c = NULL;
    struct assay_error e = {0};
    ck_assert_msg(try_calendar(zone, weekly, fixed, COUNT(fixed), &c, &e) == ASSAY_OK, "%s: %s", e.field, e.detail);
    ck_assert_ptr_eq(assay_calendar_zone(c), zone);
    return c;
}

static const struct {
    const char *zone, *weekly, *from, *to;
    int64_t seconds;
} workings[] = {
    {"Asia/Shanghai", office, "2001-02-05T08:30:00+08:00", "2001-02-05T17:30:00+08:00", 28800},
    {"Asia/Shanghai", office, "2001-02-05T12:30:00+08:00", "2001-02-05T13:00:01+08:00", 1},
    {"Asia/Shanghai", office, "2001-02-09T17:30:00+08:00", "2001-02-12T08:30:00+08:00", 0},
    {"Asia/Shanghai", office, "2001-02-09T17:29:59+08:00", "2001-02-12T08:30:01+08:00", 2},
    {"Asia/Shanghai", office, "2001-02-12T00:00:00+08:00", "2001-02-05T00:00:00+08:00", 0}, /* inverted */
    {"Asia/Shanghai", office, "1986-05-05T08:30:00+09:00", "1986-05-05T17:30:00+09:00", 28800},
    {"Asia/Shanghai", office, "2024-05-01T00:00:00+08:00", "2024-05-02T00:00:00+08:00", 0},
    {"Asia/Shanghai", office, "2024-05-11T00:00:00+08:00", "2024-05-12T00:00:00+08:00", 7200},
    {"Asia/Shanghai", office, "2024-05-06T00:00:00+08:00", "2024-05-07T00:00:00+08:00", 3600},
    {"Asia/Shanghai", always, "2024-05-01T00:00:00+08:00", "2024-05-02T00:00:00+08:00", 0}, /* an exception wins */
    {"Asia/Shanghai", always, "2001-02-01T00:00:00+08:00", "2001-03-01T00:00:00+08:00", 28 * 86400},
    {"Asia/Shanghai", evenings, "2001-02-01T23:00:00+08:00", "2001-02-02T01:00:00+08:00", 3600},
    {"Asia/Shanghai", busy, "2001-02-05T00:00:00+08:00", "2001-02-06T00:00:00+08:00", 43200},
    {"Asia/Shanghai", nothing, "2001-01-01T00:00:00+08:00", "2024-05-01T00:00:00+08:00", 0},
    {"America/New_York", always, "2024-03-10T00:00:00-05:00", "2024-03-11T00:00:00-04:00", 23 * 3600},
    {"America/New_York", always, "2024-11-03T00:00:00-04:00", "2024-11-04T00:00:00-05:00", 25 * 3600},
    {"America/New_York", nights, "2024-03-10T00:00:00-05:00", "2024-03-11T00:00:00-04:00", 7200},   /* 02:00-02:30 is not there */
    {"America/New_York", nights, "2024-11-03T00:00:00-04:00", "2024-11-04T00:00:00-05:00", 12600},  /* 01:00-02:00 twice */
    {"America/New_York", half_two, "2024-11-03T00:00:00-04:00", "2024-11-04T00:00:00-05:00", 5400}, /* ends at the first 01:30 */
    {"America/New_York", gap_hour, "2024-03-10T00:00:00-05:00", "2024-03-11T00:00:00-04:00", 3600},
    {"America/New_York", gap_hour, "2024-03-17T00:00:00-04:00", "2024-03-18T00:00:00-04:00", 7200},
    {"Australia/Lord_Howe", always, "2024-10-06T00:00:00+10:30", "2024-10-07T00:00:00+11:00", 23 * 3600 + 1800},
    {"Australia/Lord_Howe", always, "2024-04-07T00:00:00+11:00", "2024-04-08T00:00:00+10:30", 24 * 3600 + 1800},
    {"Australia/Lord_Howe", lord_howe, "2024-10-06T00:00:00+10:30", "2024-10-07T00:00:00+11:00", 4500}, /* 01:45-02:00 */
    {"Australia/Lord_Howe", lord_howe, "2024-04-07T00:00:00+11:00", "2024-04-08T00:00:00+10:30", 7200}, /* from the first 01:45 */
    {"Pacific/Apia", always, "2011-12-29T00:00:00-10:00", "2012-01-01T00:00:00+14:00", 2 * 86400},
    {"Pacific/Apia", office, "2011-12-29T00:00:00-10:00", "2012-01-03T00:00:00+14:00", 2 * 28800}, /* Thu, (no Fri,) Mon */
    {"America/Havana", evenings, "2024-03-09T12:00:00-05:00", "2024-03-10T12:00:00-04:00", 7200},  /* to the midnight in a gap */
    {"America/St_Johns", evenings, "2005-10-29T12:00:00-02:30", "2005-10-30T12:00:00-03:30", 7200},
    {"America/St_Johns", always, "2005-10-29T00:00:00-02:30", "2005-10-31T00:00:00-03:30", 49 * 3600},
    {"Africa/Cairo", evenings, "2024-10-31T12:00:00+03:00", "2024-11-01T12:00:00+02:00", 10800}, /* 23:00-24:00 twice */
};

START_TEST(working_time) {
    for (size_t row = 0; row < COUNT(workings); row++) {
        struct assay_zone *z = test_zone(workings[row].zone);
        struct assay_calendar *c = make_calendar(z, workings[row].weekly);
        int64_t got = assay_calendar_working(c, test_instant(workings[row].from), test_instant(workings[row].to));
        ck_assert_msg(got == workings[row].seconds * ASSAY_SECOND, "%s from %s to %s: %lld us, not %lld s", workings[row].zone,
                      workings[row].from, workings[row].to, (long long)got, (long long)workings[row].seconds);
        assay_calendar_free(c);
        assay_zone_free(z);
    }
}
END_TEST

static const struct {
    const char *zone, *weekly, *from;
    int64_t seconds;
    const char *expected; /* NULL: not before 2200 */
} afters[] = {
    {"Asia/Shanghai", office, "2001-02-05T08:30:00+08:00", 3 * 3600 + 1800, "2001-02-05T12:00:00+08:00"}, /* ends at closing */
    {"Asia/Shanghai", office, "2001-02-05T08:30:00+08:00", 3 * 3600 + 1801, "2001-02-05T13:00:01+08:00"},
    {"Asia/Shanghai", office, "2001-02-05T12:30:00+08:00", 0, "2001-02-05T12:30:00+08:00"}, /* nothing does not move */
    {"Asia/Shanghai", office, "2001-02-05T12:30:00+08:00", 1, "2001-02-05T13:00:01+08:00"},
    {"Asia/Shanghai", office, "2001-02-09T16:30:00+08:00", 3600, "2001-02-09T17:30:00+08:00"},
    {"Asia/Shanghai", office, "2001-02-09T16:30:00+08:00", 4 * 3600, "2001-02-12T11:30:00+08:00"},
    {"Asia/Shanghai", office, "2024-04-30T17:00:00+08:00", 3600, "2024-05-02T09:00:00+08:00"}, /* over the holiday */
    {"Asia/Shanghai", office, "2024-05-10T17:00:00+08:00", 3600, "2024-05-11T10:30:00+08:00"}, /* into the working Saturday */
    {"Asia/Shanghai", always, "2001-02-05T23:00:00+08:00", 7200, "2001-02-06T01:00:00+08:00"},
    {"Asia/Shanghai", evenings, "2001-02-05T23:00:00+08:00", 3600, "2001-02-06T00:00:00+08:00"},
    {"Asia/Shanghai", evenings, "2001-02-05T23:00:00+08:00", 3601, "2001-02-06T22:00:01+08:00"},
    {"Asia/Shanghai", busy, "2001-02-05T08:30:00+08:00", 5 * 3600, "2001-02-05T17:30:00+08:00"},
    {"Asia/Shanghai", busy, "2001-02-05T23:30:00+08:00", 3600, "2001-02-12T08:30:00+08:00"},
    {"Asia/Shanghai", nothing, "2001-02-05T08:30:00+08:00", 2 * 3600, "2024-05-11T11:00:00+08:00"}, /* of the exceptions alone */
    {"Asia/Shanghai", nothing, "2001-02-05T08:30:00+08:00", 3 * 3600, "2024-05-11T12:00:00+08:00"},
    {"Asia/Shanghai", nothing, "2001-02-05T08:30:00+08:00", 3 * 3600 + 1, NULL},
    {"Asia/Shanghai", office, "2001-02-05T08:30:00+08:00", INT64_C(9000000000), NULL},
    {"America/New_York", nights, "2024-03-10T00:00:00-05:00", 7200, "2024-03-10T03:00:00-04:00"},
    {"America/New_York", nights, "2024-11-03T00:00:00-04:00", 7201, "2024-11-03T01:00:01-05:00"},
    {"America/New_York", gap_hour, "2024-03-10T00:00:00-05:00", 1, "2024-03-10T09:00:01-04:00"},
    {"Australia/Lord_Howe", lord_howe, "2024-10-06T00:00:00+10:30", 901, "2024-10-06T09:00:01+11:00"},
    {"Pacific/Apia", office, "2011-12-29T17:00:00-10:00", 3600, "2012-01-02T09:00:00+14:00"},
};

START_TEST(after) {
    for (size_t row = 0; row < COUNT(afters); row++) {
        struct assay_zone *z = test_zone(afters[row].zone);
        struct assay_calendar *c = make_calendar(z, afters[row].weekly);
        assay_instant got = assay_calendar_after(c, test_instant(afters[row].from), afters[row].seconds * ASSAY_SECOND);
        assay_instant expected = afters[row].expected ? test_instant(afters[row].expected) : ASSAY_NO_INSTANT;
        ck_assert_msg(got == expected, "%s: %lld s after %s: %lld, not %lld", afters[row].zone, (long long)afters[row].seconds,
                      afters[row].from, (long long)got, (long long)expected);
        assay_calendar_free(c);
        assay_zone_free(z);
    }
}
END_TEST

static const struct {
    const char *zone, *weekly, *from, *to, *text;
} ledgers[] = {
    {"Asia/Shanghai", office, "2001-02-05T08:00:00+08:00", "2001-02-05T18:00:00+08:00",
     "night 1800, working 12600, break 3600, working 16200, night 1800"},
    {"Asia/Shanghai", office, "2001-02-05T09:00:00+08:00", "2001-02-05T10:00:00+08:00", "working 3600"},
    {"Asia/Shanghai", office, "2001-02-05T09:00:00+08:00", "2001-02-05T09:00:00+08:00", ""},
    {"Asia/Shanghai", office, "2001-02-05T10:00:00+08:00", "2001-02-05T09:00:00+08:00", ""},
    {"Asia/Shanghai", office, "2001-02-05T17:00:00+08:00", "2001-02-06T09:00:00+08:00",
     "working 1800, night 54000, working 1800"},
    {"Asia/Shanghai", office, "2001-02-09T17:00:00+08:00", "2001-02-12T09:00:00+08:00",
     "working 1800, night 23400, weekend 172800, night 30600, working 1800"},
    {"Asia/Shanghai", office, "2024-04-30T17:00:00+08:00", "2024-05-02T09:00:00+08:00",
     "working 1800, night 23400, holiday 86400, night 30600, working 1800"},
    {"Asia/Shanghai", office, "2024-05-10T17:00:00+08:00", "2024-05-12T01:00:00+08:00",
     "working 1800, night 59400, working 7200, night 43200, weekend 3600"},
    {"Asia/Shanghai", always, "2001-02-05T17:00:00+08:00", "2001-02-09T17:00:00+08:00", "working 345600"},
    {"Asia/Shanghai", always, "2024-04-30T12:00:00+08:00", "2024-05-02T12:00:00+08:00",
     "working 43200, holiday 86400, working 43200"},
    {"Asia/Shanghai", busy, "2001-02-05T08:00:00+08:00", "2001-02-06T01:00:00+08:00",
     "working 7200, break 3600, working 3600, break 3600, working 3600, break 3600, working 3600, break 3600, working 25200, "
     "weekend 3600"},
    {"Asia/Shanghai", evenings, "2001-02-05T23:00:00+08:00", "2001-02-06T23:00:00+08:00",
     "working 3600, night 79200, working 3600"},
    {"America/New_York", nights, "2024-03-10T00:00:00-05:00", "2024-03-11T00:00:00-04:00", "working 7200, night 75600"},
    {"America/New_York", gap_hour, "2024-03-10T00:00:00-05:00", "2024-03-11T00:00:00-04:00",
     "night 28800, working 3600, night 50400"},
    {"Pacific/Apia", office, "2011-12-29T17:00:00-10:00", "2012-01-02T09:00:00+14:00",
     "working 1800, night 23400, weekend 172800, night 30600, working 1800"},
};

START_TEST(ledger) {
    for (size_t row = 0; row < COUNT(ledgers); row++) {
        struct assay_zone *z = test_zone(ledgers[row].zone);
        struct assay_calendar *c = make_calendar(z, ledgers[row].weekly);
        struct assay_arena a = {0};
        struct assay_buf text = {0};
        struct assay_ledger l;
        assay_calendar_ledger(c, test_instant(ledgers[row].from), test_instant(ledgers[row].to), &a, &l);
        for (size_t k = 0; k < l.n; k++)
            assay_buf_printf(&text, "%s%s %lld", k ? ", " : "", assay_stretch_name(l.entries[k].kind),
                             (long long)((l.entries[k].to - l.entries[k].from) / ASSAY_SECOND));
        ck_assert_str_eq(text.p ? text.p : "", ledgers[row].text);
        assay_buf_free(&text);
        assay_arena_free(&a);
        assay_calendar_free(c);
        assay_zone_free(z);
    }
}
END_TEST

static const struct {
    const char *zone, *weekly, *from, *to;
    int64_t working_days, days;
} day_counts[] = {
    {"Asia/Shanghai", office, "2001-02-05T09:00:00+08:00", "2001-02-05T23:59:59+08:00", 0, 0},
    {"Asia/Shanghai", office, "2001-02-05T23:59:59+08:00", "2001-02-06T00:00:00+08:00", 1, 1},
    {"Asia/Shanghai", office, "2001-02-09T09:00:00+08:00", "2001-02-11T20:00:00+08:00", 0, 2},
    {"Asia/Shanghai", office, "2001-02-09T09:00:00+08:00", "2001-02-12T00:00:00+08:00", 1, 3},
    {"Asia/Shanghai", office, "2001-02-10T09:00:00+08:00", "2001-02-12T00:00:00+08:00", 1, 2},
    {"Asia/Shanghai", office, "2024-04-30T09:00:00+08:00", "2024-05-12T00:00:00+08:00", 8, 12}, /* holiday and make-up day */
    {"Asia/Shanghai", office, "2001-02-12T09:00:00+08:00", "2001-02-05T09:00:00+08:00", 0, 0},
    {"Pacific/Apia", office, "2011-12-29T09:00:00-10:00", "2012-01-02T09:00:00+14:00", 1, 3}, /* the 30th never was */
    {"Pacific/Apia", always, "2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", 1, 1},
    {"America/New_York", office, "2024-03-08T23:30:00-05:00", "2024-03-11T00:00:00-04:00", 1, 3},
};

START_TEST(counted_days) {
    for (size_t row = 0; row < COUNT(day_counts); row++) {
        struct assay_zone *z = test_zone(day_counts[row].zone);
        struct assay_calendar *c = make_calendar(z, day_counts[row].weekly);
        assay_instant from = test_instant(day_counts[row].from), to = test_instant(day_counts[row].to);
        ck_assert_int_eq(assay_calendar_working_days(c, from, to), day_counts[row].working_days);
        ck_assert_int_eq(assay_calendar_days(c, from, to), day_counts[row].days);
        assay_calendar_free(c);
        assay_zone_free(z);
    }
}
END_TEST

static const struct {
    const char *zone, *weekly, *from;
    int64_t n;
    bool working;
    const char *expected;
} deadlines[] = {
    {"Asia/Shanghai", office, "2001-02-05T09:00:00+08:00", 0, true, "2001-02-06T00:00:00+08:00"},
    {"Asia/Shanghai", office, "2001-02-05T09:00:00+08:00", 1, true, "2001-02-07T00:00:00+08:00"},
    {"Asia/Shanghai", office, "2001-02-09T09:00:00+08:00", 1, true, "2001-02-13T00:00:00+08:00"},
    {"Asia/Shanghai", office, "2001-02-09T09:00:00+08:00", 1, false, "2001-02-11T00:00:00+08:00"},
    {"Asia/Shanghai", office, "2001-02-10T09:00:00+08:00", 0, true, "2001-02-11T00:00:00+08:00"},
    {"Asia/Shanghai", office, "2024-04-30T09:00:00+08:00", 1, true, "2024-05-03T00:00:00+08:00"},
    {"Asia/Shanghai", office, "2024-05-10T09:00:00+08:00", 1, true, "2024-05-12T00:00:00+08:00"},
    {"Asia/Shanghai", nothing, "2001-02-05T09:00:00+08:00", 2, true, "2024-05-12T00:00:00+08:00"},
    {"Asia/Shanghai", nothing, "2001-02-05T09:00:00+08:00", 3, true, NULL},
    {"Asia/Shanghai", office, "2001-02-05T09:00:00+08:00", INT64_MAX, false, NULL},
    {"Pacific/Apia", always, "2011-12-29T09:00:00-10:00", 0, false, "2011-12-31T00:00:00+14:00"},
    {"Pacific/Apia", always, "2011-12-29T09:00:00-10:00", 1, false, "2012-01-01T00:00:00+14:00"},
    {"Pacific/Apia", office, "2011-12-29T09:00:00-10:00", 1, true, "2012-01-03T00:00:00+14:00"},
    {"America/Havana", office, "2024-03-08T09:00:00-05:00", 1, false, "2024-03-10T01:00:00-04:00"},
};

START_TEST(deadline_in_days) {
    for (size_t row = 0; row < COUNT(deadlines); row++) {
        struct assay_zone *z = test_zone(deadlines[row].zone);
        struct assay_calendar *c = make_calendar(z, deadlines[row].weekly);
        assay_instant got = assay_calendar_days_deadline(c, test_instant(deadlines[row].from), deadlines[row].n,
                                                         deadlines[row].working);
        ck_assert_int_eq(got, deadlines[row].expected ? test_instant(deadlines[row].expected) : ASSAY_NO_INSTANT);
        assay_calendar_free(c);
        assay_zone_free(z);
    }
}
END_TEST

START_TEST(working_dates) {
    struct assay_zone *shanghai = test_zone("Asia/Shanghai"), *apia = test_zone("Pacific/Apia");
    struct assay_calendar *c = make_calendar(shanghai, office), *skips = make_calendar(apia, office);
    ck_assert(assay_calendar_is_working_day(c, test_date("2001-02-05")));
    ck_assert(!assay_calendar_is_working_day(c, test_date("2001-02-10")));
    ck_assert(!assay_calendar_is_working_day(c, test_date("2024-05-01")));
    ck_assert(assay_calendar_is_working_day(c, test_date("2024-05-11")));
    ck_assert(assay_calendar_is_working_day(c, assay_date_from_civil(2199, 12, 31)));
    ck_assert(!assay_calendar_is_working_day(c, assay_date_from_civil(1900, 1, 1)));
    ck_assert(!assay_calendar_is_working_day(c, assay_date_from_civil(2300, 1, 1)));
    ck_assert(assay_calendar_is_working_day(skips, test_date("2011-12-29")));
    ck_assert(!assay_calendar_is_working_day(skips, test_date("2011-12-30")));
    assay_calendar_free(c);
    assay_calendar_free(skips);
    assay_zone_free(shanghai);
    assay_zone_free(apia);
}
END_TEST

START_TEST(ends_of_time) {
    struct assay_zone *z = test_zone("America/New_York");
    struct assay_calendar *c = make_calendar(z, always);
    assay_instant end = LAST;
    ck_assert_int_eq(assay_calendar_working(c, 0, end), end - 3 * ASSAY_DAY + 3 * HOUR); /* less what the exceptions take */
    ck_assert_int_eq(assay_calendar_working(c, INT64_MIN, 0), 0);
    ck_assert_int_eq(assay_calendar_working(c, end, INT64_MAX), 0);
    ck_assert_int_eq(assay_calendar_working(c, INT64_MIN, INT64_MAX), assay_calendar_working(c, 0, end));
    ck_assert_int_eq(assay_calendar_after(c, end - ASSAY_SECOND, ASSAY_SECOND), end);
    ck_assert_int_eq(assay_calendar_after(c, end - ASSAY_SECOND, ASSAY_SECOND + 1), ASSAY_NO_INSTANT);
    ck_assert_int_eq(assay_calendar_after(c, 5, INT64_MAX), ASSAY_NO_INSTANT);
    ck_assert_int_eq(assay_calendar_days_deadline(c, end, 0, false), ASSAY_NO_INSTANT);
    assay_calendar_free(c);
    assay_zone_free(z);
}
END_TEST

static const struct {
    const char *weekly;
    struct exception_text exceptions[4];
    size_t n;
    const char *field;
} bad_calendars[] = {
    {"12:00-08:00", {{0}}, 0, "/weekly/mon/0"},
    {"08:00-08:00", {{0}}, 0, "/weekly/mon/0"},
    {"||08:00-24:01", {{0}}, 0, "/weekly/wed/0"},
    {"||||||08:00-12:00 11:59-13:00", {{0}}, 0, "/weekly/sun/1"},
    {"|13:00-17:00 08:00-12:00", {{0}}, 0, "/weekly/tue/1"},
    {"", {{"2024-01-01", ""}, {"2024-01-02", "09:00-10:00 10:00-09:00"}}, 2, "/exceptions/1/hours/1"},
    {"", {{"2024-01-03", ""}, {"2024-01-01", ""}, {"2024-01-03", "09:00-10:00"}}, 3, "/exceptions/2/date"},
};

START_TEST(refused_calendars) {
    for (size_t row = 0; row < COUNT(bad_calendars); row++) {
        struct assay_zone *z = test_zone("Etc/UTC");
        struct assay_calendar *c = NULL;
        struct assay_error e = {0};
        ck_assert_int_eq(try_calendar(z, bad_calendars[row].weekly, bad_calendars[row].exceptions, bad_calendars[row].n, &c, &e),
                         ASSAY_INVALID_VALUE);
        ck_assert_str_eq(e.field, bad_calendars[row].field);
        ck_assert_ptr_null(c);
        assay_zone_free(z);
    }
}
END_TEST

/* --- calendars: properties --------------------------------------------------------------------------------------- */

#define MOST_OWN 400
struct sample { /* a zone with random hours and exceptions, kept to be read again slowly */
    struct assay_zone *zone;
    struct assay_hours weekly[7][MOST_HOURS], own[MOST_OWN][MOST_HOURS];
    struct assay_exception exceptions[MOST_OWN];
    struct assay_calendar_spec spec;
    struct assay_calendar *calendar;
};

/* Up to four intervals on whole quarters of an hour; sometimes none, sometimes all day, sometimes touching. */
static struct assay_day_hours random_day(uint64_t *state, struct assay_hours *room) {
    int64_t shape = test_random_below(state, 10);
    if (shape < 3) return (struct assay_day_hours){0, room};
    if (shape == 3) {
        room[0] = (struct assay_hours){0, 86400};
        return (struct assay_day_hours){1, room};
    }
    size_t n = 0;
    int32_t at = (int32_t)test_random_below(state, 40);
    while (n < 4 && at < 96) {
        int32_t to = at + 1 + (int32_t)test_random_below(state, 20);
        if (to > 96) to = 96;
        room[n++] = (struct assay_hours){at * 900, to * 900};
        at = to + (int32_t)test_random_below(state, 12);
    }
    return (struct assay_day_hours){n, room};
}

/* Exceptions within some years of 2009, so that they meet one another and the clock changes. */
static struct sample *sample_new(const char *zone, uint64_t seed) {
    struct sample *s = assay_xcalloc(1, sizeof *s);
    uint64_t state = seed;
    s->zone = test_zone(zone);
    s->spec.zone = s->zone;
    s->spec.exceptions = s->exceptions;
    for (size_t i = 0; i < 7; i++) s->spec.weekly[i] = random_day(&state, s->weekly[i]);
    assay_date d = assay_date_from_civil(2009, 1, 1);
    for (size_t i = 0; i < MOST_OWN; i++) {
        d += 1 + (assay_date)test_random_below(&state, 6);
        s->exceptions[i] = (struct assay_exception){.date = d, .day = random_day(&state, s->own[i])};
    }
    s->spec.n_exceptions = MOST_OWN;
    for (size_t i = MOST_OWN - 1; i > 0; i--) { /* any order will do */
        size_t k = (size_t)test_random_below(&state, (int64_t)i + 1);
        struct assay_exception swap = s->exceptions[i];
        s->exceptions[i] = s->exceptions[k];
        s->exceptions[k] = swap;
    }
    ck_assert_int_eq(assay_calendar_new(&s->spec, &s->calendar, NULL), ASSAY_OK);
    return s;
}

static void sample_free(struct sample *s) {
    assay_calendar_free(s->calendar);
    assay_zone_free(s->zone);
    free(s);
}

static const struct assay_day_hours *slow_hours(const struct sample *s, assay_date d) {
    for (size_t i = 0; i < MOST_OWN; i++)
        if (s->exceptions[i].date == d) return &s->exceptions[i].day;
    return &s->spec.weekly[assay_date_weekday(d)];
}

static int64_t slow_overlap(const struct sample *s, assay_date d, assay_instant from, assay_instant to) {
    const struct assay_day_hours *day = slow_hours(s, d);
    int64_t sum = 0;
    for (size_t i = 0; i < day->n; i++) {
        assay_instant a = assay_zone_instant(s->zone, d, day->hours[i].from),
                      b = assay_zone_instant(s->zone, d, day->hours[i].to);
        if (a < from) a = from;
        if (b > to) b = to;
        if (a < b) sum += b - a;
    }
    return sum;
}

static int64_t slow_working(const struct sample *s, assay_instant from, assay_instant to) {
    int64_t sum = 0;
    for (assay_date d = (assay_date)(from / ASSAY_DAY) - 2; d <= (assay_date)(to / ASSAY_DAY) + 2; d++)
        sum += slow_overlap(s, d, from, to);
    return sum;
}

/* Around 2009-2013 mostly, anywhere sometimes; on a quarter of an hour sometimes, to meet edges. */
static assay_instant random_instant(uint64_t *state) {
    assay_instant t = test_random_below(state, LAST - 100 * ASSAY_DAY);
    if (test_random_below(state, 4) > 0)
        t = assay_date_from_civil(2009, 1, 1) * ASSAY_DAY + test_random_below(state, 1500 * ASSAY_DAY);
    int64_t edge = test_random_below(state, 4);
    if (edge < 2) t -= t % (900 * ASSAY_SECOND);
    return edge == 1 && t > 0 ? t - 1 : t;
}

/* Some spans within a day, some over years. */
static int64_t random_span(uint64_t *state, int64_t most) {
    return test_random_below(state, test_random_below(state, 2) ? ASSAY_DAY : most);
}

/* One try of each property on a sample s; where: its zone. */
static void working_by_definition(const struct sample *s, uint64_t *state, const char *where) {
    assay_instant a = random_instant(state), b = a + test_random_below(state, 20 * ASSAY_DAY);
    MUST_EQUAL(assay_calendar_working(s->calendar, a, b), slow_working(s, a, b), where);
}

static void working_adds_up(const struct sample *s, uint64_t *state, const char *where) {
    const struct assay_calendar *c = s->calendar;
    assay_instant t0 = random_instant(state), t1 = t0 + random_span(state, 3000 * ASSAY_DAY);
    assay_instant t2 = t1 + random_span(state, 3000 * ASSAY_DAY);
    MUST_EQUAL(assay_calendar_working(c, t0, t1) + assay_calendar_working(c, t1, t2), assay_calendar_working(c, t0, t2), where);
    MUST_EQUAL(assay_calendar_days(c, t0, t1) + assay_calendar_days(c, t1, t2), assay_calendar_days(c, t0, t2), where);
    MUST_EQUAL(assay_calendar_working_days(c, t0, t1) + assay_calendar_working_days(c, t1, t2),
               assay_calendar_working_days(c, t0, t2), where);
    MUST(assay_calendar_working(c, t0, t1) <= t1 - t0, where);
}

static void after_undoes_working(const struct sample *s, uint64_t *state, const char *where) {
    const struct assay_calendar *c = s->calendar;
    assay_instant t = random_instant(state), u = t + random_span(state, 4000 * ASSAY_DAY);
    MUST(assay_calendar_after(c, t, assay_calendar_working(c, t, u)) <= u, where);
    int64_t w = 1 + random_span(state, 20000 * HOUR);
    assay_instant v = assay_calendar_after(c, t, w);
    if (v == ASSAY_NO_INSTANT) {
        MUST(assay_calendar_working(c, t, INT64_MAX) < w, where);
        return;
    }
    MUST_EQUAL(assay_calendar_working(c, t, v), w, where);
    MUST_EQUAL(assay_calendar_working(c, t, v - 1), w - 1, where); /* it is the earliest */
}

static void ledger_is_whole(const struct sample *s, uint64_t *state, const char *where) {
    struct assay_arena arena = {0};
    struct assay_ledger l;
    assay_instant from = random_instant(state), to = from + random_span(state, 40 * ASSAY_DAY), at = from;
    int64_t working = 0;
    assay_calendar_ledger(s->calendar, from, to, &arena, &l);
    for (size_t k = 0; k < l.n; k++) {
        const struct assay_ledger_entry *e = &l.entries[k];
        MUST_EQUAL(e->from, at, where);
        MUST(e->from < e->to, where);
        MUST(k == 0 || e->kind != e[-1].kind, where);
        if (e->kind == ASSAY_WORKING) working += e->to - e->from;
        at = e->to;
    }
    MUST_EQUAL(at, to, where);
    MUST_EQUAL(working, assay_calendar_working(s->calendar, from, to), where);
    assay_arena_free(&arena);
}

static void deadline_agrees_with_the_count(const struct sample *s, uint64_t *state, const char *where) {
    const struct assay_calendar *c = s->calendar;
    assay_instant t = random_instant(state);
    int64_t n = test_random_below(state, 60);
    bool working = test_random_below(state, 2);
    int64_t (*count)(const struct assay_calendar *, assay_instant, assay_instant) = working ? assay_calendar_working_days
                                                                                            : assay_calendar_days;
    assay_instant deadline = assay_calendar_days_deadline(c, t, n, working);
    if (deadline == ASSAY_NO_INSTANT || deadline >= LAST) return;
    MUST(deadline > t, where);
    MUST_EQUAL(count(c, t, deadline - 1), n, where);
    bool next_counts = !working || assay_calendar_is_working_day(c, assay_zone_date(s->zone, deadline, NULL));
    MUST_EQUAL(count(c, t, deadline), n + next_counts, where);
    if (n == 0) return;
    assay_instant before = assay_calendar_days_deadline(c, t, n - 1, working);
    MUST(before < deadline, where);
    MUST_EQUAL(count(c, t, before - 1), n - 1, where);
    /* The nth day is the last before the deadline: a long day earlier it is not yet counted. */
    if (deadline - 26 * HOUR > t) MUST_EQUAL(count(c, t, deadline - 26 * HOUR), n - 1, where);
}

static const char *const property_zones[] = {
    "Asia/Shanghai",    "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",      "Africa/Cairo",
    "America/St_Johns", "America/Havana",   "Asia/Kathmandu",      "Africa/Casablanca", "Pacific/Kwajalein",
};

static const struct {
    void (*try_once)(const struct sample *s, uint64_t *state, const char *where);
    int tries;
} properties[] = {
    {working_by_definition, 300},           {working_adds_up, 5000}, {after_undoes_working, 5000}, {ledger_is_whole, 500},
    {deadline_agrees_with_the_count, 3000},
};

START_TEST(property) {
    for (size_t row = 0; row < COUNT(property_zones); row++) {
        struct sample *s = sample_new(property_zones[row], SEED + row);
        uint64_t state = SEED + row;
        for (int i = 0; i < properties[_i].tries; i++) properties[_i].try_once(s, &state, property_zones[row]);
        sample_free(s);
    }
}
END_TEST

/* --- suites ------------------------------------------------------------------------------------------------------ */

static Suite *suite_of_zone(void) {
    Suite *s = suite_create("zone");
    TCase *tc = tcase_create("zone");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, wall_clocks);
    tcase_add_test(tc, rules_repeat_for_ever);
    tcase_add_test(tc, zones_like_libc);
    tcase_add_test(tc, instants_by_definition);
    tcase_add_test(tc, footers_like_libc);
    tcase_add_test(tc, footer_takes_over_from_the_list);
    tcase_add_test(tc, daylight_saving_all_year);
    tcase_add_test(tc, version_1);
    tcase_add_test(tc, bad_zone_files);
    tcase_add_test(tc, cut_zone_files);
    tcase_add_test(tc, damaged_zone_files);
    suite_add_tcase(s, tc);
    return s;
}

static Suite *suite_of_calendar(void) {
    Suite *s = suite_create("calendar");
    TCase *tc = tcase_create("cases");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, working_time);
    tcase_add_test(tc, after);
    tcase_add_test(tc, ledger);
    tcase_add_test(tc, counted_days);
    tcase_add_test(tc, deadline_in_days);
    tcase_add_test(tc, working_dates);
    tcase_add_test(tc, ends_of_time);
    tcase_add_test(tc, refused_calendars);
    suite_add_tcase(s, tc);
    TCase *random = tcase_create("properties");
    tcase_set_timeout(random, 60);
    tcase_add_loop_test(random, property, 0, COUNT(properties));
    suite_add_tcase(s, random);
    return s;
}

ASSAY_TESTS(suite_of_zone, suite_of_calendar)
