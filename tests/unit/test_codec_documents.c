/* Schemes, calendars, providers and rates from JSON: what stands in the structs, and every mistake with its pointer.
 * The mistakes are made in the real documents of sql/, a text replaced at a time. */
#include "check_main.h"
#include "test_zone.h"

#include "assay/codec.h"

#define N(a) (int)(sizeof(a) / sizeof *(a))

static struct assay_errors errors;
static struct assay_zone *shanghai;
static struct assay_arena arena;

static void setup(void) { shanghai = test_zone("Asia/Shanghai"); }
static void teardown(void) {
    assay_zone_free(shanghai);
    assay_arena_free(&arena);
}

static const struct assay_zone *lookup(void *ctx, const char *name) {
    ck_assert_ptr_eq(ctx, &errors);
    return strcmp(name, "Asia/Shanghai") == 0 ? shanghai : NULL;
}

static const char *told(void) {
    static struct assay_buf b;
    b.n = 0;
    assay_buf_adds(&b, "");
    for (size_t i = 0; i < assay_errors_kept(&errors); i++) {
        ck_assert(errors.items[i].detail[0]);
        assay_buf_printf(&b, "%s%s %s", i ? ", " : "", errors.items[i].field, assay_status_code(errors.items[i].status));
    }
    return b.p;
}

static void read_source(const char *name, struct assay_buf *b) {
    char path[4096], chunk[4096];
    const char *root = getenv("ASSAY_SOURCE_ROOT");
    size_t n;
    snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s", path);
    b->n = 0;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) assay_buf_add(b, chunk, n);
    fclose(f);
}

/* The first occurrence of `find` becomes `put`; an empty find changes nothing. */
static void change(const char *text, const char *find, const char *put, struct assay_buf *out) {
    const char *at = strstr(text, find);
    ck_assert_msg(at != NULL, "%s stands nowhere", find);
    assay_buf_add(out, text, (size_t)(at - text));
    assay_buf_adds(out, put);
    assay_buf_adds(out, at + strlen(find));
}

/* === schemes ========================================================================================================== */

static enum assay_status scheme_from(const char *text, struct assay_scheme **s) {
    return assay_scheme_new_from_json(assay_str_c(text), "gold", 3, ASSAY_NO_DATE, lookup, &errors, s, &errors);
}

static bool frac_is(struct assay_frac f, int64_t num, int64_t den) { return f.num == num && f.den == den; }

START_TEST(the_scheme_of_fy01) {
    struct assay_buf text = {0};
    struct assay_scheme *s;
    read_source("sql/schemes/hp-gold-fy01.json", &text);
    ck_assert_msg(scheme_from(text.p, &s) == ASSAY_OK, "%s: %s", told(), errors.items[0].detail);
    memset(text.p, 'x', text.n); /* nothing of it is borrowed */
    assay_buf_free(&text);

    ck_assert_str_eq(s->code, "gold");
    ck_assert_str_eq(s->name_zh, "FY01年金牌服务商业绩评估方案");
    ck_assert(strncmp(s->name_en, "FY01 Gold", 9) == 0);
    ck_assert(s->version == 3 && s->effective_from == ASSAY_NO_DATE && s->zone == shanghai && s->window_months == 3);
    ck_assert_int_eq(s->starts, assay_date_from_civil(2000, 12, 1));
    ck_assert_str_eq(s->calendar_code, "cn-office");
    ck_assert_str_eq(s->rates_code, "fy01-labour");
    ck_assert(s->diagnosis_limit.unit == ASSAY_WORKING_HOURS && s->diagnosis_limit.n == 4);
    ck_assert_int_eq(s->exempting_notes,
                     1 << ASSAY_NOTE_MACHINE_TESTING | 1 << ASSAY_NOTE_CUSTOMER | 1 << ASSAY_NOTE_FORCE_MAJEURE);
    ck_assert(s->no_parts.unit == ASSAY_WORKING_DAYS && s->no_parts.n == 1);

    ck_assert_uint_eq(s->n_city_rows, 2);
    ck_assert_uint_eq(s->city_rows[0].n_cities, 8);
    ck_assert(assay_str_is(s->city_rows[0].cities[0], "Beijing") && assay_str_is(s->city_rows[0].cities[7], "深圳"));
    ck_assert(s->city_rows[0].standard.n == 2 && s->city_rows[1].n_cities == 0 && s->city_rows[1].standard.n == 3);

    static const struct assay_lateness_row rows[] = {
        {"on_time", ASSAY_UNTIL_PROMISE, 0, "city", true, {0, 0}, false, ASSAY_POINT_STANDARD_CITY},
        {"late_1", ASSAY_UNTIL_CLASS, 310, "late_1", false, {ASSAY_WORKING_DAYS, 3}, false, ASSAY_POINT_STANDARD_LATE_1},
        {"late_2", ASSAY_UNTIL_CLASS, 318, "late_2", false, {ASSAY_WORKING_DAYS, 4}, false, ASSAY_POINT_STANDARD_LATE_2},
        {"beyond_slowest", ASSAY_UNTIL_EVER, 0, "late_2", false, {ASSAY_WORKING_DAYS, 4}, true, ASSAY_POINT_STANDARD_LATE_2},
    };
    ck_assert_uint_eq(s->n_lateness, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct assay_lateness_row *got = &s->lateness[i], *want = &rows[i];
        ck_assert_str_eq(got->name, want->name);
        ck_assert_str_eq(got->standard_reason, want->standard_reason);
        ck_assert(got->until == want->until && got->until_class == want->until_class && got->by_city == want->by_city);
        ck_assert(got->standard.unit == want->standard.unit && got->standard.n == want->standard.n);
        ck_assert(got->beyond_slowest == want->beyond_slowest && got->point == want->point);
    }

    ck_assert_uint_eq(s->n_indicators, 2);
    const struct assay_indicator *tat = &s->indicators[0], *sat = &s->indicators[1];
    ck_assert_str_eq(tat->code, "tat");
    ck_assert(tat->measure == ASSAY_MEASURE_COMPLIANCE && frac_is(tat->max, 40, 1) && !tat->curve.stepped && tat->curve.n == 3);
    ck_assert(frac_is(tat->curve.x[0], 9, 10) && frac_is(tat->curve.y[0], 0, 1) && frac_is(tat->curve.x[1], 19, 20));
    ck_assert(frac_is(tat->curve.y[1], 30, 1) && frac_is(tat->curve.x[2], 1, 1) && frac_is(tat->curve.y[2], 40, 1));
    ck_assert(sat->measure == ASSAY_MEASURE_SATISFACTION);
    ck_assert(frac_is(sat->weight[ASSAY_ANSWER_SATISFIED], 1, 1) && frac_is(sat->weight[ASSAY_ANSWER_AVERAGE], 1, 1));
    ck_assert(frac_is(sat->weight[ASSAY_ANSWER_DISSATISFIED], 3, 2) && frac_is(sat->weight[ASSAY_ANSWER_COMPLAINT], 2, 1));
    ck_assert(frac_is(sat->factor[ASSAY_CLASS_ORDINARY], 1, 1) && frac_is(sat->factor[ASSAY_CLASS_KEY], 2, 1));
    ck_assert(frac_is(sat->share[ASSAY_RESP_PROVIDER], 1, 1) && frac_is(sat->share[ASSAY_RESP_SHARED], 1, 2) &&
              frac_is(sat->share[ASSAY_RESP_MANUFACTURER], 0, 1));
    ck_assert(s->pay_multiplier.n == 2 && frac_is(s->pay_multiplier.y[1], 1, 1) && frac_is(s->pay_unrated, 1, 1));

    assay_points about = 0;
    for (size_t i = 0; i < s->n_assumptions; i++) about |= UINT32_C(1) << s->assumptions[i].about;
    ck_assert_uint_eq(about, (UINT64_C(1) << ASSAY_POINT_COUNT) - 1); /* FY01 says something of every point */
    ck_assert_str_eq(s->assumptions[0].id, "no-parts-standard");
    ck_assert(s->assumptions[0].text_en && s->assumptions[0].text_zh);
    assay_scheme_free(s);
    assay_scheme_free(NULL);
}
END_TEST

#define CURVE "\"curve\": {\"kind\": \"linear\", \"points\": [[\"0.90\", \"0\"], [\"0.95\", \"30\"], [\"1\", \"40\"]]}"

/* clang-format off */
static const struct {
    const char *find, *put, *told;
} schemes[] = {
    {"", "", ""},
    /* what may differ */
    {"\"starts\"", "\"effective_from\": \"2001-04-01\", \"_by\": \"x\", \"starts\"", ""},
    {"\"max\": \"40\"", "\"max\": 40", ""},
    {"\"grades\": [],", "", ""},
    {"{\"working_days\": 1}", "{\"calendar_hours\": 36}", ""},
    {"\"working_days\": 1}", "\"working_days\": 1, \"calendar_days\": null}", ""},
    {"\"linear\"", "\"stepped\"", ""},
    {"\"exempted_by\": [\"machine_testing\", \"customer\", \"force_majeure\"]", "\"exempted_by\": []", ""},
    /* members */
    {"\"window_months\"", "\"window\"", "/window unknown_field, /window_months missing_field"},
    {"\"starts\": \"2000-12-01\"", "\"starts\": \"2000-12-32\"", "/starts invalid_time"},
    {"\"starts\": \"2000-12-01\"", "\"starts\": null", "/starts missing_field"},
    {"\"starts\"", "\"effective_from\": \"soon\", \"starts\"", "/effective_from invalid_time"},
    {"Asia/Shanghai", "Asia/Peking", "/time_zone invalid_value"},
    {"\"calendar\": \"cn-office\"", "\"calendar\": \"cn office\"", "/calendar invalid_value"},
    {"\"rates\": \"fy01-labour\"", "\"rates\": {}", "/rates wrong_type"},
    {"\"cycle\": \"month\"", "\"cycle\": \"quarter\"", "/cycle invalid_value"},
    {"\"window_months\": 3", "\"window_months\": 0", "/window_months out_of_range"},
    {"\"window_months\": 3", "\"window_months\": 3.0", "/window_months wrong_type"},
    {"\"grades\": []", "\"grades\": [\"A\"]", "/grades invalid_value"},
    {"\"zh-CN\": \"FY01", "\"zh\": \"FY01", "/name/zh unknown_field, /name/zh-CN missing_field"},
    {"\"en\": \"FY01 Gold Service Provider performance evaluation\"", "\"en\": \"\"", "/name/en invalid_value"},
    /* clocks */
    {"{\"working_hours\": 4}", "{\"working_hours\": -4}", "/clocks/diagnosis/limit/working_hours out_of_range"},
    {"{\"working_hours\": 4}", "{\"working_days\": 4}", "/clocks/diagnosis/limit invalid_value"},
    {"{\"working_hours\": 4}", "{}", "/clocks/diagnosis/limit invalid_value"},
    {"{\"working_hours\": 4}", "4", "/clocks/diagnosis/limit wrong_type"},
    {"{\"working_hours\": 4}", "{\"working_hours\": 4, \"working_days\": 1}", "/clocks/diagnosis/limit invalid_value, /clocks/diagnosis/limit invalid_value"},
    {"{\"working_hours\": 4}", "{\"hours\": 4}", "/clocks/diagnosis/limit/hours unknown_field, /clocks/diagnosis/limit invalid_value"},
    {"\"machine_testing\"", "\"testing\"", "/clocks/diagnosis/exempted_by/0 invalid_value"},
    {"\"no_parts\": {\"working_days\": 1},", "", "/clocks/cycle/standards/no_parts missing_field"},
    {"\"late_2\": {\"working_days\": 4}", "\"late_2\": {\"working_days\": \"4\"}", "/clocks/cycle/standards/late_2/working_days wrong_type"},
    {"\"late_2\": {", "\"late_3\": {", "/clocks/cycle/standards/late_3 unknown_field, /clocks/cycle/lateness/2/standard invalid_value, /clocks/cycle/lateness/3/standard invalid_value"},
    /* the city table */
    {"{\"standard\": {\"working_days\": 3}}", "{\"cities\": [\"Xi'an\"], \"standard\": {\"working_days\": 3}}", "/clocks/cycle/standards/city/1/cities invalid_value"},
    {"\"cities\": [\"Beijing\", ", "\"towns\": [\"Beijing\", ", "/clocks/cycle/standards/city/0/towns unknown_field, /clocks/cycle/standards/city/0/cities missing_field"},
    {"\"深圳\"", "\"Beijing\"", "/clocks/cycle/standards/city/0/cities/7 invalid_value"},
    {"\"深圳\"", "17", "/clocks/cycle/standards/city/0/cities/7 wrong_type"},
    {"{\"standard\": {\"working_days\": 3}}", "{}", "/clocks/cycle/standards/city/1/standard missing_field"},
    /* the lateness table */
    {"\"lateness\": [", "\"lateness\": [], \"x\": [", "/clocks/cycle/x unknown_field, /clocks/cycle/lateness out_of_range"},
    {"\"until\": \"3D10\", ", "", "/clocks/cycle/lateness/1/until missing_field"},
    {"\"until\": \"3D10\"", "\"until\": \"3D18\"", "/clocks/cycle/lateness/2/until invalid_value"},
    {"\"until\": \"3D10\"", "\"until\": \"4D09\"", "/clocks/cycle/lateness/2/until invalid_value"},
    {"\"until\": \"3D10\"", "\"until\": \"promise\"", "/clocks/cycle/lateness/1/until invalid_value"},
    {"\"until\": \"3D10\"", "\"until\": \"noon\"", "/clocks/cycle/lateness/1/until invalid_value"},
    {"\"beyond_slowest\": true", "\"until\": \"4D10\"", "/clocks/cycle/lateness/3/until invalid_value"},
    {"\"beyond_slowest\": true", "\"beyond_slowest\": 1", "/clocks/cycle/lateness/3/beyond_slowest wrong_type"},
    {"\"standard\": \"city\"}", "\"standard\": \"no_parts\"}", "/clocks/cycle/lateness/0/standard invalid_value"},
    {"\"standard\": \"city\"}", "\"standard\": \"town\"}", "/clocks/cycle/lateness/0/standard invalid_value"},
    {"{\"name\": \"late_2\"", "{\"name\": \"late_1\"", "/clocks/cycle/lateness/2/name invalid_value"},
    /* indicators */
    {"\"code\": \"satisfaction\"", "\"code\": \"tat\"", "/indicators/1/code invalid_value"},
    {"\"measure\": \"compliance\"", "\"measure\": \"luck\"", "/indicators/0/measure invalid_value"},
    {"\"max\": \"40\"", "\"max\": 40.0", "/indicators/0/max wrong_type"},
    {"\"max\": \"40\"", "\"max\": \"4O\"", "/indicators/0/max invalid_value"},
    {"\"max\": \"40\"", "\"max\": \"-1\"", "/indicators/0/max out_of_range"},
    {"\"max\": \"40\"", "\"max\": \"39.9\"", "/indicators/0/curve/points/2/1 out_of_range"},
    {"\"max\": \"40\"", "\"max\": \"0.0000001\"", "/indicators/0/max out_of_range"},
    {"\"max\": \"40\"", "\"max\": 1000001", "/indicators/0/max out_of_range"},
    {"\"max\": \"40\",", "\"max\": \"40\", \"weights\": {},", "/indicators/0/weights unknown_field"},
    {"[\"0.95\", \"30\"]", "[\"0.90\", \"30\"]", "/indicators/0/curve/points/1/0 invalid_value"},
    {"[\"0.95\", \"30\"]", "[\"0.95\"]", "/indicators/0/curve/points/1 invalid_value"},
    {"[\"0.95\", \"30\"]", "{}", "/indicators/0/curve/points/1 wrong_type"},
    {"[\"0.95\", \"30\"]", "[0.95, null]", "/indicators/0/curve/points/1/0 wrong_type, /indicators/0/curve/points/1/1 wrong_type"},
    {CURVE, "\"curve\": {\"kind\": \"wavy\", \"points\": []}", "/indicators/0/curve/kind invalid_value, /indicators/0/curve/points out_of_range"},
    {"\"complaint\": \"2\"", "\"complain\": \"2\"", "/indicators/1/weights/complain unknown_field, /indicators/1/weights/complaint missing_field"},
    {"\"key\": \"2\"", "\"key\": \"-2\"", "/indicators/1/class_factors/key out_of_range"},
    {"\"shared\": \"0.5\"", "\"shared\": \"1.5\"", "/indicators/1/responsibility_shares/shared out_of_range"},
    {"\"class_factors\": {\"ordinary\": \"1\", \"key\": \"2\"},", "", "/indicators/1/class_factors missing_field"},
    /* pay */
    {"[\"1\", \"1\"]", "[\"1\", \"-1\"]", "/pay/multiplier/points/1/1 out_of_range"},
    {"\"unrated\": \"1\"", "\"unrated\": \"-1\"", "/pay/unrated out_of_range"},
    {"\"unrated\": \"1\"", "\"unrated\": true", "/pay/unrated wrong_type"},
    /* assumptions */
    {"\"about\": \"limit_inclusive\"", "\"about\": \"limit_exclusive\"", "/assumptions/5/about invalid_value"},
    {"\"id\": \"city-standards\"", "\"id\": \"no-parts-standard\"", "/assumptions/1/id invalid_value"},
    {"\"id\": \"city-standards\", ", "", "/assumptions/1/id missing_field"},
    {"{\"id\": \"city-standards\"", "7, {\"id\": \"city-standards\"", "/assumptions/1 wrong_type"},
    /* all at once, from top to bottom */
    {"\"starts\": \"2000-12-01\",\n  \"calendar\": \"cn-office\",\n  \"rates\": \"fy01-labour\",\n  \"cycle\": \"month\"",
     "\"starts\": 0, \"calendar\": 1, \"rates\": 2, \"cycle\": 3, \"more\": 4",
     "/more unknown_field, /starts wrong_type, /calendar wrong_type, /rates wrong_type, /cycle wrong_type"},
    /* the text */
    {"\"window_months\": 3", "\"window_months\": 3,, ", " invalid_json"},
    {"\"window_months\": 3", "\"window_months\": 3, \"window_months\": 4", " duplicate_key"},
};
/* clang-format on */

static void check_scheme(int i) {
    struct assay_buf text = {0}, changed = {0};
    struct assay_scheme *s;
    read_source("sql/schemes/hp-gold-fy01.json", &text);
    change(text.p, schemes[i].find, schemes[i].put, &changed);
    enum assay_status status = scheme_from(changed.p, &s);
    ck_assert_msg(strcmp(told(), schemes[i].told) == 0, "%s -> %s\n  said   %s\n  wanted %s", schemes[i].find, schemes[i].put,
                  told(), schemes[i].told);
    ck_assert((status == ASSAY_OK) == (errors.n == 0) && (status == ASSAY_OK) == (s != NULL));
    assay_scheme_free(s);
    assay_buf_free(&text);
    assay_buf_free(&changed);
}

START_TEST(each_scheme) {
    for (int i = 0; i < N(schemes); i++) check_scheme(i);
}
END_TEST

START_TEST(a_scheme_says_from_when) {
    struct assay_buf text = {0}, changed = {0};
    struct assay_scheme *s;
    assay_date given = assay_date_from_civil(2001, 3, 1);
    read_source("sql/schemes/hp-gold-fy01.json", &text);
    ck_assert_int_eq(assay_scheme_new_from_json(assay_buf_str(&text), "g", 1, given, lookup, &errors, &s, &errors), ASSAY_OK);
    ck_assert_int_eq(s->effective_from, given);
    assay_scheme_free(s);
    change(text.p, "\"starts\"", "\"effective_from\": \"2001-04-01\", \"starts\"", &changed);
    ck_assert_int_eq(assay_scheme_new_from_json(assay_buf_str(&changed), "g", 1, given, lookup, &errors, &s, &errors), ASSAY_OK);
    ck_assert_int_eq(s->effective_from, assay_date_from_civil(2001, 4, 1));
    assay_scheme_free(s);
    assay_buf_free(&text);
    assay_buf_free(&changed);
}
END_TEST

START_TEST(no_scheme_at_all) {
    static const char *const texts[] = {"[]", "null", "17"};
    struct assay_scheme *s;
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(scheme_from(texts[i], &s), ASSAY_VALIDATION_FAILED);
        ck_assert_str_eq(told(), " wrong_type");
    }
    ck_assert_int_eq(scheme_from("", &s), ASSAY_EMPTY_BODY);
    ck_assert_int_eq(scheme_from("{}", &s), ASSAY_VALIDATION_FAILED);
    ck_assert_str_eq(
        told(),
        "/name missing_field, /time_zone missing_field, /starts missing_field, /calendar missing_field, /rates missing_field, "
        "/cycle missing_field, /window_months missing_field, /clocks missing_field, /indicators missing_field, /pay "
        "missing_field");
}
END_TEST

/* === calendars ======================================================================================================== */

#define CAL(weekly, exceptions) "{\"time_zone\": \"Asia/Shanghai\", \"weekly\": {" weekly "}, \"exceptions\": [" exceptions "]}"

/* clang-format off */
static const struct {
    const char *text, *told;
} calendars[] = {
    {CAL("", ""), ""},
    {"{\"time_zone\": \"Asia/Shanghai\", \"weekly\": {\"mon\": null}}", ""},
    {CAL("\"mon\": [[\"00:00\", \"24:00\"]], \"tue\": [[\"08:30\", \"12:00\"], [\"12:00\", \"17:30:59\"]]", ""), ""},
    {CAL("", "{\"date\": \"2001-10-01\", \"hours\": [], \"name\": \"国庆节\"}, {\"date\": \"2001-09-29\", \"hours\": [[\"08:30\", \"12:00\"]]}"), ""},
    {"{}", "/time_zone missing_field, /weekly missing_field"},
    {"{\"time_zone\": \"Mars\", \"weekly\": [], \"holidays\": []}", "/holidays unknown_field, /time_zone invalid_value, /weekly wrong_type"},
    {CAL("\"monday\": []", ""), "/weekly/monday unknown_field"},
    {CAL("\"mon\": [[\"8:30\", \"12:00\"]]", ""), "/weekly/mon/0/0 invalid_value"},
    {CAL("\"mon\": [[\"08:60\", \"24:01\"]]", ""), "/weekly/mon/0/0 invalid_value, /weekly/mon/0/1 invalid_value"},
    {CAL("\"mon\": [[\"08:30\", \"25:00\"]]", ""), "/weekly/mon/0/1 invalid_value"},
    {CAL("\"mon\": [[\"08:30\", \"24:00:01\"]]", ""), "/weekly/mon/0/1 invalid_value"},
    {CAL("\"mon\": [[\"08-30\", \"09:00-0\"]]", ""), "/weekly/mon/0/0 invalid_value, /weekly/mon/0/1 invalid_value"},
    {CAL("\"mon\": [[\"12:00\", \"08:30\"]]", ""), "/weekly/mon/0 invalid_value"},
    {CAL("\"mon\": [[\"12:00\", \"12:00\"]]", ""), "/weekly/mon/0 invalid_value"},
    {CAL("\"mon\": [[\"08:30\", \"12:00\"], [\"11:59\", \"13:00\"]]", ""), "/weekly/mon/1 invalid_value"},
    {CAL("\"mon\": [[\"13:00\", \"17:30\"], [\"08:30\", \"12:00\"]]", ""), "/weekly/mon/1 invalid_value"},
    {CAL("\"mon\": [[\"08:30\"]], \"tue\": [\"08:30\"], \"wed\": [[8, 17]]", ""),
     "/weekly/mon/0 invalid_value, /weekly/tue/0 wrong_type, /weekly/wed/0/0 wrong_type, /weekly/wed/0/1 wrong_type"},
    {CAL("", "{\"date\": \"2001-10-01\"}, {\"hours\": []}, {\"date\": \"2001-02-29\", \"hours\": [[]], \"label\": 1}, 7"),
     "/exceptions/0/hours missing_field, /exceptions/1/date missing_field, /exceptions/2/label unknown_field, /exceptions/2/hours/0 invalid_value, "
     "/exceptions/2/date invalid_time, /exceptions/3 wrong_type"},
    {CAL("", "{\"date\": \"2001-10-01\", \"hours\": []}, {\"date\": \"2001-10-02\", \"hours\": []}, {\"date\": \"2001-10-01\", \"hours\": []}"),
     "/exceptions/2/date invalid_value"},
    {CAL("\"mon\": [[\"08:30\", \"12:00\"], [\"11:00\", \"13:00\"], [\"12:30\", \"14:00\"]], \"sun\": [[\"09:00\", \"10:00\"], [\"09:30\", \"10:30\"]]",
         "{\"date\": \"2001-10-02\", \"hours\": []}, {\"date\": \"2001-10-02\", \"hours\": []}, {\"date\": \"2001-10-02\", \"hours\": []}"),
     "/weekly/mon/1 invalid_value, /weekly/mon/2 invalid_value, /weekly/sun/1 invalid_value, /exceptions/1/date invalid_value, /exceptions/2/date invalid_value"},
    {"{\"time_zone\": ", " invalid_json"},
};
/* clang-format on */

static void check_calendar(int i) {
    struct assay_calendar *c;
    enum assay_status s = assay_calendar_new_from_json(assay_str_c(calendars[i].text), lookup, &errors, &c, &errors);
    ck_assert_msg(strcmp(told(), calendars[i].told) == 0, "%s\n  said   %s\n  wanted %s", calendars[i].text, told(),
                  calendars[i].told);
    ck_assert((s == ASSAY_OK) == (errors.n == 0) && (s == ASSAY_OK) == (c != NULL));
    assay_calendar_free(c);
}

START_TEST(each_calendar) {
    for (int i = 0; i < N(calendars); i++) check_calendar(i);
}
END_TEST

START_TEST(the_calendar_of_the_office) {
    struct assay_buf text = {0};
    struct assay_calendar *c;
    read_source("sql/calendars/cn-office.json", &text);
    ck_assert_int_eq(assay_calendar_new_from_json(assay_buf_str(&text), lookup, &errors, &c, &errors), ASSAY_OK);
    assay_buf_free(&text);
    ck_assert_int_eq(
        assay_calendar_working(c, test_instant("2001-02-02T08:30:00+08:00"), test_instant("2001-02-05T09:30:00+08:00")),
        9 * 3600 * ASSAY_SECOND);
    ck_assert(!assay_calendar_is_working_day(c, test_date("2001-02-03")) &&
              assay_calendar_is_working_day(c, test_date("2001-02-05")));
    assay_calendar_free(c);
}
END_TEST

START_TEST(exceptions_arrive) {
    static const char text[] = CAL(
        "\"mon\": [[\"08:30\", \"12:00\"], [\"13:00\", \"17:30:15\"]]",
        "{\"date\": \"2001-02-05\", \"hours\": []}, {\"date\": \"2001-02-03\", \"hours\": [[\"00:00\", \"24:00\"]]}");
    struct assay_calendar *c;
    ck_assert_int_eq(assay_calendar_new_from_json(assay_str_c(text), lookup, &errors, &c, &errors), ASSAY_OK);
    ck_assert_int_eq(
        assay_calendar_working(c, test_instant("2001-02-03T00:00:00+08:00"), test_instant("2001-02-04T00:00:00+08:00")),
        ASSAY_DAY);
    ck_assert(!assay_calendar_is_working_day(c, test_date("2001-02-05")) &&
              assay_calendar_is_working_day(c, test_date("2001-02-12")));
    ck_assert_int_eq(
        assay_calendar_working(c, test_instant("2001-02-12T00:00:00+08:00"), test_instant("2001-02-13T00:00:00+08:00")),
        (8 * 3600 + 15) * ASSAY_SECOND);
    assay_calendar_free(c);
}
END_TEST

/* === providers ======================================================================================================== */

/* clang-format off */
static const struct {
    const char *code, *text, *told, *shown; /* code NULL: the bulk form */
} providers[] = {
    {"P001", "{\"name\":\"One\",\"city\":\"Xi'an\",\"ascim\":false}", "",
     "{\"code\":\"P001\",\"name\":\"One\",\"city\":\"Xi'an\",\"ascim\":false,\"status\":\"active\",\"effective_from\":null}"},
    {"P001", "{\"code\":\"P001\",\"name\":\"一\",\"city\":\"北京\",\"ascim\":true,\"status\":\"suspended\",\"effective_from\":\"2001-02-03\"}", "",
     "{\"code\":\"P001\",\"name\":\"一\",\"city\":\"北京\",\"ascim\":true,\"status\":\"suspended\",\"effective_from\":\"2001-02-03\"}"},
    {NULL, "{\"code\":\"P-1\",\"name\":\"One\",\"city\":\"B\",\"ascim\":true,\"status\":\"inactive\",\"_line\":3}", "",
     "{\"code\":\"P-1\",\"name\":\"One\",\"city\":\"B\",\"ascim\":true,\"status\":\"inactive\",\"effective_from\":null}"},
    {"P001", "{\"code\":\"P002\",\"name\":\"One\",\"city\":\"B\",\"ascim\":true}", "/code invalid_value", NULL},
    {NULL, "{\"name\":\"One\",\"city\":\"B\",\"ascim\":true}", "/code missing_field", NULL},
    {NULL, "{\"code\":\"P 1\",\"name\":\"\",\"city\":17,\"ascim\":\"yes\",\"status\":\"gone\",\"effective_from\":\"2001\",\"phone\":\"1\"}",
     "/phone unknown_field, /code invalid_value, /name invalid_value, /city wrong_type, /ascim wrong_type, /status invalid_value, /effective_from invalid_time", NULL},
    {"P001", "{}", "/name missing_field, /city missing_field, /ascim missing_field", NULL},
    {"P001", "{\"name\":\"a\\u0000b\",\"city\":\"B\",\"ascim\":true}", "/name nul_character", NULL},
    {"P001", "[]", " wrong_type", NULL},
    {"P001", "{", " invalid_json", NULL},
};
/* clang-format on */

static void check_provider(int i) {
    struct assay_provider p;
    struct assay_buf b = {0};
    enum assay_status s = assay_provider_from_json(assay_str_c(providers[i].text), assay_str_c(providers[i].code), &arena, &p,
                                                   &errors);
    ck_assert_msg(strcmp(told(), providers[i].told) == 0, "%s\n  said   %s\n  wanted %s", providers[i].text, told(),
                  providers[i].told);
    ck_assert_int_eq(s == ASSAY_OK, errors.n == 0);
    if (s != ASSAY_OK) return;
    assay_provider_write(&p, &b, NULL);
    ck_assert_str_eq(b.p, providers[i].shown);
    assay_buf_free(&b);
}

START_TEST(each_provider) {
    for (int i = 0; i < N(providers); i++) check_provider(i);
}
END_TEST

START_TEST(providers_of_an_array) {
    struct assay_json_doc *d;
    struct assay_error e;
    struct assay_provider p;
    ck_assert_int_eq(assay_json_load(ASSAY_STR("[{\"code\":\"A\",\"name\":\"a\",\"city\":\"c\",\"ascim\":true}, {}]"), &d, &e),
                     ASSAY_OK);
    ck_assert_int_eq(assay_provider_decode(d, 0, ASSAY_STR_NONE, &arena, &p, &errors), ASSAY_OK);
    ck_assert_int_eq(assay_provider_decode(d, 1, ASSAY_STR_NONE, &arena, &p, &errors), ASSAY_VALIDATION_FAILED);
    ck_assert_uint_eq(errors.n, 4);
    ck_assert_int_eq(assay_provider_decode(d, 0, ASSAY_STR_NONE, &arena, &p, &errors), ASSAY_OK);
    ck_assert_int_eq(assay_provider_decode(d, 2, ASSAY_STR_NONE, &arena, &p, &errors),
                     ASSAY_VALIDATION_FAILED); /* past the end */
    ck_assert_int_eq(assay_provider_decode(d, 0, ASSAY_STR_NONE, &arena, &p, &errors), ASSAY_OK);
    assay_json_free(d);
    ck_assert(assay_str_is(p.code, "A") && assay_str_is(p.facts.city, "c") && p.facts.ascim && p.status == ASSAY_PROVIDER_ACTIVE);
}
END_TEST

/* === rates ============================================================================================================ */

#define RATES(currency, rows) "{\"currency\": \"" currency "\", \"rates\": [" rows "]}"
#define ROW(product, warranty, more, amount) \
    "{\"product\": \"" product "\", \"warranty\": \"" warranty "\"" more ", \"amount\": \"" amount "\"}"

/* clang-format off */
static const struct {
    const char *text, *told;
} rates[] = {
    {RATES("CNY", ""), ""},
    {RATES("CNY", ROW("server", "in", ", \"from\": \"2001-01-01\"", "120.00") "," ROW("*", "*", "", "80")), ""},
    {RATES("CNY", ROW("*", "*", "", "0")), ""},
    {RATES("JPY", ROW("*", "*", "", "1200")), ""},
    {RATES("KWD", ROW("*", "*", "", "1.234")), ""},
    {RATES("JPY", ROW("*", "*", "", "12.5")), "/rates/0/amount invalid_value"},
    {RATES("CNY", ROW("*", "*", "", "1.234") "," ROW("a", "*", "", "-1") "," ROW("b", "*", "", "1e3") "," ROW("c", "*", "", "")),
     "/rates/0/amount invalid_value, /rates/1/amount out_of_range, /rates/2/amount invalid_value, /rates/3/amount invalid_value"},
    {RATES("CNY", ROW("*", "*", "", "10000000000.00")), ""},
    {RATES("CNY", ROW("*", "*", "", "10000000000.01")), "/rates/0/amount out_of_range"},
    {RATES("CNY", ROW("*", "*", "", "999999999999999999")), "/rates/0/amount out_of_range"},
    {RATES("RMB", ROW("*", "*", "", "1.234")), "/currency invalid_value"},
    {"{\"currency\": 1, \"rates\": {}}", "/currency wrong_type, /rates wrong_type"},
    {"{}", "/currency missing_field, /rates missing_field"},
    {RATES("CNY", "{}"), "/rates/0/product missing_field, /rates/0/warranty missing_field, /rates/0/amount missing_field"},
    {RATES("CNY", "{\"product\": \"\", \"warranty\": \"yes\", \"from\": \"x\", \"amount\": 120, \"unit\": 1}"),
     "/rates/0/unit unknown_field, /rates/0/product invalid_value, /rates/0/warranty invalid_value, /rates/0/from invalid_time, /rates/0/amount wrong_type"},
    {RATES("CNY", ROW("a", "in", "", "1") "," ROW("a", "out", "", "1") "," ROW("a", "*", "", "1") "," ROW("*", "in", "", "1") ","
           ROW("a", "in", ", \"from\": \"2001-01-01\"", "1") "," ROW("a", "in", "", "2")), "/rates/5 invalid_value"},
};
/* clang-format on */

static void check_rates(int i) {
    struct assay_rates *t;
    enum assay_status s = assay_rates_new_from_json(assay_str_c(rates[i].text), "r", 1, &t, &errors);
    ck_assert_msg(strcmp(told(), rates[i].told) == 0, "%s\n  said   %s\n  wanted %s", rates[i].text, told(), rates[i].told);
    ck_assert((s == ASSAY_OK) == (errors.n == 0) && (s == ASSAY_OK) == (t != NULL));
    assay_rates_free(t);
}

START_TEST(each_rate_table) {
    for (int i = 0; i < N(rates); i++) check_rates(i);
}
END_TEST

START_TEST(rates_arrive) {
    static const char text[] =
        "{\"currency\": \"CNY\", \"effective_from\": \"2001-01-01\", \"rates\": ["
        "{\"product\": \"*\", \"warranty\": \"*\", \"amount\": \"80\"},"
        "{\"product\": \"server\", \"warranty\": \"out\", \"from\": \"2001-02-01\", \"amount\": \"120.5\"}]}";
    struct assay_rates *t;
    int64_t amount;
    ck_assert_int_eq(assay_rates_new_from_json(assay_str_c(text), "fy01", 7, &t, &errors), ASSAY_OK);
    ck_assert_str_eq(t->code, "fy01");
    ck_assert_str_eq(t->currency, "CNY");
    ck_assert(t->version == 7 && t->minor_digits == 2 && t->n == 2);
    ck_assert(assay_rates_find(t, ASSAY_STR("server"), ASSAY_WARRANTY_OUT, test_date("2001-02-01"), &amount) && amount == 12050);
    ck_assert(assay_rates_find(t, ASSAY_STR("server"), ASSAY_WARRANTY_IN, test_date("2001-02-01"), &amount) && amount == 8000);
    ck_assert(!assay_rates_find(t, ASSAY_STR("server"), ASSAY_WARRANTY_OUT, test_date("2000-12-31"), &amount));
    assay_rates_free(t);
    assay_rates_free(NULL);
}
END_TEST

static Suite *suite_documents(void) {
    Suite *s = suite_create("codec_documents");
    TCase *t = tcase_create("documents");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_scheme_of_fy01);
    tcase_add_test(t, each_scheme);
    tcase_add_test(t, a_scheme_says_from_when);
    tcase_add_test(t, no_scheme_at_all);
    tcase_add_test(t, each_calendar);
    tcase_add_test(t, the_calendar_of_the_office);
    tcase_add_test(t, exceptions_arrive);
    tcase_add_test(t, each_provider);
    tcase_add_test(t, providers_of_an_array);
    tcase_add_test(t, each_rate_table);
    tcase_add_test(t, rates_arrive);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_documents)
