/* Records from and to JSON (DOMAIN 2.1-2.3, 2.5): every code with its pointer, all errors at once, content as identity. */
#include "check_main.h"

#include "assay/codec.h"

#define N(a) (int)(sizeof(a) / sizeof *(a))

#define RECEIVED "2001-03-01T00:00:00Z"
#define E ASSAY_INTAKE_EVENTS
#define D ASSAY_INTAKE_DISPATCHES
#define S ASSAY_INTAKE_SURVEYS
#define O ASSAY_INTAKE_OBSERVATIONS
#define SEEN(rest) "{\"id\":\"o\",\"provider\":\"P\",\"at\":\"2001-02-03T04:05:06Z\"" rest "}"
#define HEAD "\"id\":\"a-1\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-03T04:05:06+08:00\""
#define EVENT(type, more) "{\"type\":\"" type "\"," HEAD more "}"
#define PLAIN(more) "{" HEAD more "}"
#define OPENED(more) EVENT("order.opened", ",\"channel\":\"ccc\",\"product\":\"server\"" more)
#define REQUESTED(more) EVENT("part.requested", ",\"request\":1,\"line\":\"R1\",\"part_no\":\"C1\"" more)
#define TEN "0123456789"
#define HUNDRED "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN

static struct assay_arena arena;
static struct assay_errors errors;

static assay_instant instant(const char *text) {
    assay_instant t;
    ck_assert_int_eq(assay_instant_parse(assay_str_c(text), &t), ASSAY_OK);
    return t;
}

static enum assay_status decode(enum assay_intake intake, const char *json, struct assay_record *out) {
    return assay_record_from_json(assay_str_c(json), intake, instant(RECEIVED), &arena, out, &errors);
}

/* "/at future_time, /line missing_field" */
static const char *told(void) {
    static struct assay_buf b;
    b.n = 0;
    assay_buf_adds(&b, "");
    for (size_t i = 0; i < assay_errors_kept(&errors); i++)
        assay_buf_printf(&b, "%s%s %s", i ? ", " : "", errors.items[i].field, assay_status_code(errors.items[i].status));
    return b.p;
}

static void accept(enum assay_intake intake, const char *json, struct assay_record *out) {
    ck_assert_msg(decode(intake, json, out) == ASSAY_OK, "%s: %s", json, told());
}

static void setup(void) { arena = (struct assay_arena){0}; }
static void teardown(void) { assay_arena_free(&arena); }

/* === what is accepted and what is said of the rest ===================================================================== */

/* clang-format off */
static const struct {
    enum assay_intake intake;
    const char *json, *told;
} cases[] = {
    /* each type, with the least and with everything */
    {E, OPENED(""), ""},
    {E, OPENED(",\"customer_class\":\"key\",\"serial\":\"\xE5\xBA\x8F\xE5\x8F\xB7\",\"warranty\":\"in\",\"reported_at\":\"2001-02-03T00:00:00Z\""), ""},
    {E, REQUESTED(""), ""},
    {E, REQUESTED(",\"replaces\":\"R0\",\"local\":true"), ""},
    {E, EVENT("part.shipped", ",\"line\":\"R1\",\"courier\":\"2D10\""), ""},
    {E, EVENT("part.shipped", ",\"line\":\"R1\",\"courier\":\"9D23\",\"warehouse\":\"north\""), ""},
    {E, EVENT("part.delivered", ",\"line\":\"R1\""), ""},
    {E, EVENT("part.cancelled", ",\"line\":\"R1\",\"reason\":\"not needed\""), ""},
    {E, EVENT("part.received", ",\"line\":\"R1\""), ""},
    {E, EVENT("part.marked", ",\"line\":\"R1\",\"mark\":\"wrong_shipment\""), ""},
    {E, EVENT("order.noted", ",\"reason\":\"force_majeure\",\"note\":\"snow\""), ""},
    {E, EVENT("order.completed", ""), ""},
    {E, EVENT("order.closed", ",\"outcome\":\"repaired\""), ""},
    {E, EVENT("order.cancelled", ",\"reason\":\"\""), ""},
    {E, EVENT("order.reopened", ",\"reason\":\"again\""), ""},
    {E, EVENT("event.voided", ",\"target\":\"x y\",\"target_kind\":\"shipment\""), ""},
    {D, PLAIN(""), ""},
    {D, PLAIN(",\"reported_at\":\"2001-02-03T00:00:00Z\",\"product\":\"server\",\"customer_class\":\"key\",\"serial\":\"s\",\"parts\":[{\"line\":\"R1\",\"part_no\":\"C1\"}]"), ""},
    {S, PLAIN(",\"answer\":\"satisfied\""), ""},
    {S, PLAIN(",\"answer\":\"complaint\",\"customer_class\":\"ordinary\",\"source\":\"sampled\",\"responsibility\":\"shared\",\"overall\":1,\"attitude\":5,\"recommend\":0"), ""},
    {S, "{\"id\":\"s\",\"provider\":\"P\",\"at\":\"2001-02-03T04:05:06Z\",\"answer\":\"average\"}", ""},

    /* observations: a ratio of counts or a value, and no order */
    {O, SEEN(",\"indicator\":\"answer-rate\",\"numerator\":0,\"denominator\":1"), ""},
    {O, SEEN(",\"indicator\":\"audit\",\"value\":\"-97.5\",\"rater\":\"auditor\",\"numerator\":null"), ""},
    {O, SEEN(",\"indicator\":\"x\",\"numerator\":9007199254740991,\"denominator\":9007199254740991"), ""},
    {O, "{}", "/id missing_field, /provider missing_field, /at missing_field, /indicator missing_field, /value missing_field"},
    {O, SEEN(",\"indicator\":\"x\",\"numerator\":1"), "/denominator missing_field"},
    {O, SEEN(",\"indicator\":\"x\",\"denominator\":1"), "/numerator missing_field"},
    {O, SEEN(",\"indicator\":\"x\",\"numerator\":1,\"denominator\":2,\"value\":\"0.5\""), "/value invalid_value"},
    {O, SEEN(",\"indicator\":\"x\",\"denominator\":2,\"value\":\"0.5\""), "/value invalid_value"},
    {O, SEEN(",\"indicator\":\"x\",\"numerator\":-1,\"denominator\":0"), "/numerator out_of_range, /denominator out_of_range"},
    {O, SEEN(",\"indicator\":\"x\",\"numerator\":9007199254740992,\"denominator\":1.5"), "/numerator out_of_range, /denominator wrong_type"},
    {O, SEEN(",\"indicator\":\"x\",\"value\":97.5"), "/value wrong_type"},
    {O, SEEN(",\"indicator\":\"x\",\"value\":\"97,5\""), "/value invalid_value"},
    {O, SEEN(",\"indicator\":\"a b\",\"value\":\"1\",\"rater\":\"boss\""), "/indicator invalid_value, /rater invalid_value"},
    {O, SEEN(",\"indicator\":\"x\",\"value\":\"1\",\"order\":\"W1\",\"answer\":\"average\""), "/order unknown_field, /answer unknown_field"},
    {S, PLAIN(",\"answer\":\"average\",\"indicator\":\"x\""), "/indicator unknown_field"},

    /* ids of reverts are the server's */
    {E, "{\"type\":\"event.voided\",\"id\":\"revert:u1:2\",\"provider\":\"P\",\"at\":\"2001-02-03T04:05:06Z\",\"target\":\"t\"}", "/id invalid_value"},
    {E, "{\"type\":\"event.voided\",\"id\":\"revert\",\"provider\":\"P\",\"at\":\"2001-02-03T04:05:06Z\",\"target\":\"t\"}", ""},

    /* null is absent, names with _ are ignored */
    {E, OPENED(",\"serial\":null,\"_line\":7,\"_anything\":{\"x\":[1]},\"courier_\":null"), "/courier_ unknown_field"},
    {E, "{\"type\":\"order.completed\",\"id\":null,\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-02-03T04:05:06Z\"}", "/id missing_field"},
    {S, PLAIN(",\"answer\":null"), "/answer missing_field"},
    {D, PLAIN(",\"parts\":null"), ""},
    {D, PLAIN(",\"parts\":[]"), ""},

    /* a void needs no order and ignores what stands there */
    {E, "{\"type\":\"event.voided\",\"id\":\"v\",\"provider\":\"P\",\"at\":\"2001-02-03T04:05:06Z\",\"target\":\"t\"}", ""},
    {E, "{\"type\":\"event.voided\",\"id\":\"v\",\"provider\":\"P\",\"order\":{\"a b\":17},\"at\":\"2001-02-03T04:05:06Z\",\"target\":\"t\"}", ""},
    {E, EVENT("event.voided", ",\"target_kind\":\"order\""), "/target_kind invalid_value, /target missing_field"},

    /* what is missing */
    {E, "{}", "/type missing_field, /id missing_field, /provider missing_field, /at missing_field"},
    {E, "{\"type\":\"part.requested\"}", "/id missing_field, /provider missing_field, /order missing_field, /at missing_field, "
                                         "/request missing_field, /line missing_field, /part_no missing_field"},
    {D, "{}", "/id missing_field, /provider missing_field, /order missing_field, /at missing_field"},
    {S, "{}", "/id missing_field, /provider missing_field, /at missing_field, /answer missing_field"},
    {E, EVENT("part.shipped", ""), "/line missing_field, /courier missing_field"},
    {E, EVENT("part.marked", ",\"line\":\"1\""), "/mark missing_field"},
    {E, EVENT("order.noted", ""), "/reason missing_field"},

    /* unknown, or another type's */
    {E, OPENED(",\"courier\":\"2D10\""), "/courier unknown_field"},
    {E, OPENED(",\"prodcut\":1"), "/prodcut unknown_field"},
    {E, OPENED(",\"a/b~c\":1"), "/a~1b~0c unknown_field"},
    {E, OPENED(",\"received_at\":\"2001-02-03T04:05:06Z\""), "/received_at unknown_field"},
    {D, PLAIN(",\"type\":\"dispatch\""), "/type unknown_field"},
    {D, PLAIN(",\"warranty\":\"in\""), "/warranty unknown_field"},
    {S, PLAIN(",\"answer\":\"average\",\"parts\":[]"), "/parts unknown_field"},
    {E, OPENED(",\"Serial\":\"x\""), "/Serial unknown_field"},

    /* while the type is not known, its fields are not judged but the others are */
    {E, "{\"type\":\"order.open\"," HEAD ",\"courier\":17,\"nonsense\":1}", "/type invalid_value, /nonsense unknown_field"},
    {E, "{\"type\":17," HEAD "}", "/type wrong_type"},
    {E, "{\"type\":\"dispatch\"," HEAD "}", "/type invalid_value"},
    {E, "{\"type\":\"order.opened\\u0000\"," HEAD "}", "/type nul_character"},

    /* wrong types */
    {E, "[]", " wrong_type"},
    {E, "17", " wrong_type"},
    {E, "\"x\"", " wrong_type"},
    {E, "null", " wrong_type"},
    {E, OPENED(",\"serial\":17"), "/serial wrong_type"},
    {E, OPENED(",\"serial\":[\"x\"]"), "/serial wrong_type"},
    {E, OPENED(",\"reported_at\":981144306"), "/reported_at wrong_type"},
    {E, REQUESTED(",\"local\":\"true\""), "/local wrong_type"},
    {E, REQUESTED(",\"local\":1"), "/local wrong_type"},
    {E, EVENT("part.requested", ",\"request\":1.0,\"line\":\"R1\",\"part_no\":\"C1\""), "/request wrong_type"},
    {E, EVENT("part.requested", ",\"request\":1e0,\"line\":\"R1\",\"part_no\":\"C1\""), "/request wrong_type"},
    {E, EVENT("part.requested", ",\"request\":\"1\",\"line\":1,\"part_no\":\"C1\""), "/request wrong_type, /line wrong_type"},
    {D, PLAIN(",\"parts\":{\"line\":\"R1\",\"part_no\":\"C1\"}"), "/parts wrong_type"},
    {D, PLAIN(",\"parts\":[\"R1:C1\",null]"), "/parts/0 wrong_type, /parts/1 wrong_type"},

    /* forms */
    {E, "{\"type\":\"order.completed\",\"id\":\"\",\"provider\":\"P 1\",\"order\":\"W/1\",\"at\":\"2001-02-03T04:05:06Z\"}",
     "/id invalid_value, /provider invalid_value, /order invalid_value"},
    {E, "{\"type\":\"order.completed\",\"id\":\"" SIXTY "12345\",\"provider\":\"" TEN TEN TEN "123\",\"order\":\"" SIXTY "12345\",\"at\":\"2001-02-03T04:05:06Z\"}",
     "/id too_long, /provider too_long, /order too_long"},
    {E, "{\"type\":\"order.completed\",\"id\":\"" SIXTY "1234\",\"provider\":\"" TEN TEN TEN "12\",\"order\":\"" SIXTY "1234\",\"at\":\"2001-02-03T04:05:06Z\"}", ""},
    {E, "{\"type\":\"order.completed\",\"id\":\"\xC3\xA9\",\"provider\":\"P\",\"order\":\"W\xE5\x8F\xB7\",\"at\":\"2001-02-03T04:05:06Z\"}",
     "/id invalid_value, /order invalid_value"},
    {E, "{\"type\":\"order.completed\",\"id\":\"a\\tb\",\"provider\":\"P\",\"order\":\"a?b\",\"at\":\"2001-02-03T04:05:06Z\"}",
     "/id invalid_value, /order invalid_value"},
    {E, "{\"type\":\"order.completed\",\"id\":\" ~\",\"provider\":\"a.Z_9-\",\"order\":\"!\\\"$&'()*+,-.:;<=>@[\\\\]^_`{|}~\",\"at\":\"2001-02-03T04:05:06Z\"}", ""},
    {E, REQUESTED(",\"replaces\":\"" TEN "1234567\""), "/replaces too_long"},
    {E, REQUESTED(",\"replaces\":\"" TEN "123456\""), ""},
    {E, REQUESTED(",\"replaces\":\"a b\""), "/replaces invalid_value"},
    {E, REQUESTED(",\"replaces\":\"a\\u0000\""), "/replaces nul_character"},
    {E, OPENED(",\"serial\":\"\""), "/serial invalid_value"},
    {E, OPENED(",\"serial\":\"" SIXTY "1234\""), ""},
    {E, OPENED(",\"serial\":\"" SIXTY "12345\""), "/serial too_long"},
    {E, OPENED(",\"serial\":\"" SIXTY "123\xE5\x8F\xB7\""), ""}, /* 64 characters, 66 bytes */
    {E, OPENED(",\"serial\":\"" SIXTY "123\xE5\x8F\xB7\xE5\x8F\xB7\""), "/serial too_long"},
    {E, EVENT("order.opened", ",\"channel\":\"phone\",\"product\":\"\""), "/channel invalid_value, /product invalid_value"},
    {E, OPENED(",\"customer_class\":\"KEY\",\"warranty\":\"\""), "/customer_class invalid_value, /warranty invalid_value"},
    {E, EVENT("part.shipped", ",\"line\":\"1\",\"courier\":\"0D10\""), "/courier invalid_value"},
    {E, EVENT("part.shipped", ",\"line\":\"1\",\"courier\":\"2D24\""), "/courier invalid_value"},
    {E, EVENT("part.shipped", ",\"line\":\"1\",\"courier\":\"2d10\""), "/courier invalid_value"},
    {E, EVENT("part.shipped", ",\"line\":\"1\",\"courier\":\"10D10\""), "/courier invalid_value"},
    {E, EVENT("part.shipped", ",\"line\":\"1\",\"courier\":210"), "/courier wrong_type"},
    {E, EVENT("part.requested", ",\"request\":0,\"line\":\"R1\",\"part_no\":\"C1\""), "/request out_of_range"},
    {E, EVENT("part.requested", ",\"request\":-1,\"line\":\"R1\",\"part_no\":\"C1\""), "/request out_of_range"},
    {E, EVENT("part.requested", ",\"request\":2147483647,\"line\":\"R1\",\"part_no\":\"C1\""), ""},
    {E, EVENT("part.requested", ",\"request\":2147483648,\"line\":\"R1\",\"part_no\":\"C1\""), "/request out_of_range"},
    {E, EVENT("part.requested", ",\"request\":4294967297,\"line\":\"R1\",\"part_no\":\"C1\""), "/request out_of_range"},
    {S, PLAIN(",\"answer\":\"average\",\"overall\":0,\"attitude\":6,\"recommend\":11"),
     "/overall out_of_range, /attitude out_of_range, /recommend out_of_range"},
    {S, PLAIN(",\"answer\":\"average\",\"overall\":257,\"attitude\":1,\"recommend\":-1"), "/overall out_of_range, /recommend out_of_range"},
    {S, PLAIN(",\"answer\":\"average\",\"overall\":5,\"attitude\":1,\"recommend\":10"), ""},
    {S, PLAIN(",\"answer\":\"good\",\"source\":\"phone\",\"responsibility\":\"nobody\""),
     "/answer invalid_value, /source invalid_value, /responsibility invalid_value"},
    {S, PLAIN(",\"answer\":\"satisfied\",\"responsibility\":\"nobody\""), "/responsibility invalid_value"},

    /* instants */
    {E, "{\"type\":\"order.completed\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-02-03T04:05:06\"}", "/at missing_offset"},
    {E, "{\"type\":\"order.completed\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-02-29T04:05:06Z\"}", "/at invalid_time"},
    {E, "{\"type\":\"order.completed\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"yesterday\"}", "/at invalid_time"},
    {E, "{\"type\":\"order.completed\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"1969-12-31T23:59:59Z\"}", "/at out_of_range"},
    {E, "{\"type\":\"order.completed\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-03-01T00:05:00Z\"}", ""},
    {E, "{\"type\":\"order.completed\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-03-01T08:05:00+08:00\"}", ""},
    {E, "{\"type\":\"order.completed\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-03-01T00:05:00.000001Z\"}", "/at future_time"},
    {E, "{\"type\":\"order.opened\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-03-01T00:00:00Z\",\"channel\":\"ccc\",\"product\":\"x\","
        "\"reported_at\":\"2001-04-01T00:00:00Z\"}", ""}, /* only `at` is bound to its receipt */

    /* parts */
    {D, PLAIN(",\"parts\":[{\"line\":\"R1\",\"part_no\":\"C1\"},{\"line\":\"R2\",\"part_no\":\"C1\"},{\"line\":\"R1\",\"part_no\":\"C2\"}]"),
     "/parts/2/line invalid_value"},
    {D, PLAIN(",\"parts\":[{\"line\":\"R 1\",\"part_no\":\"\"},{\"lin\":\"R2\",\"part_no\":\"C1\"},{}]"),
     "/parts/0/line invalid_value, /parts/0/part_no invalid_value, /parts/1/lin unknown_field, /parts/1/line missing_field, "
     "/parts/2/line missing_field, /parts/2/part_no missing_field"},

    /* all at once */
    {E, "{\"type\":\"part.shipped\",\"id\":7,\"order\":\"W 1\",\"at\":\"now\",\"line\":\"\",\"courier\":\"fast\",\"local\":true}",
     "/id wrong_type, /order invalid_value, /at invalid_time, /line invalid_value, /courier invalid_value, /local unknown_field, "
     "/provider missing_field"},

    /* the text itself */
    {E, "", " empty_body"},
    {E, " \t\r\n", " empty_body"},
    {E, "{", " invalid_json"},
    {E, "{\"id\":\"a\",\"id\":\"b\"}", " duplicate_key"},
    {E, "{\"id\":\"a\xFF\"}", " invalid_utf8"},
    {E, "{\"a\\u0000b\":1}", " nul_character"},
    {E, "{\"request\":9223372036854775808}", " out_of_range"},
    {E, "{\"request\":1e999}", " out_of_range"},
    {E, "{\"request\":-1e999999}", " out_of_range"},
    {E, "{\"request\":" HUNDRED HUNDRED HUNDRED HUNDRED "}", " out_of_range"}, /* 400 digits */
    {E, "{\"id\":\"\\ud800\"}", " invalid_json"}, /* half a pair */
    {E, "{\"id\":\"\\udc00\\ud800\"}", " invalid_json"},
    {E, "{\"id\":\"\xED\xA0\x80\"}", " invalid_utf8"}, /* the same, as bytes */
    {E, "{\"id\":\"\xC0\x80\"}", " invalid_utf8"}, /* NUL in two bytes */
    {E, "{\"id\":\"\xF4\x90\x80\x80\"}", " invalid_utf8"}, /* beyond Unicode */
    {E, "{\"\\ud800\":1}", " invalid_json"},
    {E, OPENED(",\"serial\":\"\\u0000\""), "/serial nul_character"},
    {E, OPENED(",\"serial\":\"" HUNDRED HUNDRED HUNDRED HUNDRED "\""), "/serial too_long"},
    {E, "{}x", " invalid_json"},
    {E, "{\"id\":NaN}", " invalid_json"},
    {E, "\xEF\xBB\xBF{}", " invalid_json"},
    {E, "{} {}", " invalid_json"},
};
/* clang-format on */

static void check_case(int i) {
    struct assay_record r;
    enum assay_status s = decode(cases[i].intake, cases[i].json, &r);
    ck_assert_msg(strcmp(told(), cases[i].told) == 0, "%s\n  said   %s\n  wanted %s", cases[i].json, told(), cases[i].told);
    ck_assert_int_eq(s == ASSAY_OK, errors.n == 0);
    bool meaning = errors.items[0].field[0] || errors.items[0].status == ASSAY_WRONG_TYPE ||
                   errors.items[0].status == ASSAY_OUT_OF_RANGE;
    if (errors.n) ck_assert_int_eq(assay_json_is_syntax(s), !meaning);
    for (size_t k = 0; k < assay_errors_kept(&errors); k++) ck_assert(errors.items[k].detail[0]);
}

START_TEST(each_case) {
    for (int i = 0; i < N(cases); i++) check_case(i);
}
END_TEST

/* clang-format off */
static const struct {
    enum assay_intake intake;
    const char *json, *detail; /* stands in the first error's */
} details[] = {
    {E, OPENED(",\"courier\":\"2D10\""), "order.opened has no such field; it belongs to part.shipped"},
    {D, PLAIN(",\"warranty\":\"in\""), "dispatch has no such field; it belongs to order.opened"},
    {E, OPENED(",\"reason\":\"x\""), "it belongs to part.cancelled, order.noted, order.cancelled, order.reopened, event.voided"},
    {E, EVENT("order.opened", ",\"channel\":\"phone\",\"product\":\"x\""), "walk_in, ccc"},
    {E, EVENT("event.voided", ",\"target\":\"t\",\"target_kind\":\"x\""), "repair, shipment, dispatch, survey, observation"},
    {E, "{\"type\":\"x\"}", "order.opened, part.requested, part.shipped, part.delivered, part.cancelled, part.received, part.marked, "
                            "order.noted, order.completed, order.closed, order.cancelled, order.reopened, event.voided"},
    {E, EVENT("part.requested", ",\"request\":1.5,\"line\":\"R1\",\"part_no\":\"C1\""), "an integer is wanted, this is a number with a fraction"},
    {S, PLAIN(",\"answer\":\"average\",\"overall\":6"), "6 is not within 1 to 5"},
    {E, OPENED(",\"serial\":\"" SIXTY "12345\""), "65 characters; at most 64"},
    {E, "{\"a\":1,}", "column 8: "},
    {E, "{\n  \"a\": 1,\n  \"b\" 2\n}", "line 3, column 7: "},
    {E, "{\"a\":1,\"a\":2}", "duplicate object key"},
    {E, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]", "column 33: nested more than 32 deep"},
    {E, "{\"x\":\"[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[\",\n\"\xE5\x8F\xB7\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "line 2, column 36: nested more than 32 deep"},
};
/* clang-format on */

static void check_detail(int i) {
    struct assay_record r;
    ck_assert_int_ne(decode(details[i].intake, details[i].json, &r), ASSAY_OK);
    ck_assert_msg(strstr(errors.items[0].detail, details[i].detail) != NULL, "%s\n  said   %s\n  wanted %s", details[i].json,
                  errors.items[0].detail, details[i].detail);
}

START_TEST(each_detail) {
    for (int i = 0; i < N(details); i++) check_detail(i);
}
END_TEST

/* jansson 2.14 lets a NUL byte pass behind a number or a literal. */
START_TEST(nul_bytes_are_refused_everywhere) {
    static const struct {
        const char *text;
        size_t n;
        const char *where;
    } texts[] = {{"[1\0]", 4, "column 3: "}, {"{\"a\":true\0}", 11, "column 10: "},
                 {"1\0", 2, "column 2: "},   {"[\"a\0\"]", 6, "column 4: "},
                 {"\0", 1, "column 1: "},    {"[\"\xE5\x8F\xB7\",\n1\0]", 10, "line 2, column 2: "}};
    struct assay_json_doc *d;
    struct assay_error e;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_msg(assay_json_load((struct assay_str){texts[i].text, texts[i].n}, &d, &e) == ASSAY_NUL_CHARACTER, "text %zu",
                      i);
        ck_assert_msg(strncmp(e.detail, texts[i].where, strlen(texts[i].where)) == 0, "text %zu: %s", i, e.detail);
    }
}
END_TEST

START_TEST(depth_is_bounded_exactly) {
    struct assay_buf b = {0};
    struct assay_json_doc *d;
    struct assay_error e;
    for (int i = 0; i < ASSAY_JSON_DEPTH_MAX; i++) assay_buf_addc(&b, '[');
    for (int i = 0; i < ASSAY_JSON_DEPTH_MAX; i++) assay_buf_addc(&b, ']');
    ck_assert_int_eq(assay_json_load(assay_buf_str(&b), &d, &e), ASSAY_OK);
    assay_json_free(d);
    b.n = 0;
    assay_buf_addc(&b, '[');
    for (int i = 0; i < 100; i++) assay_buf_adds(&b, i ? ",{\"a\":[]}" : "{\"a\":[]}"); /* many brackets, little depth */
    assay_buf_addc(&b, ']');
    ck_assert_int_eq(assay_json_load(assay_buf_str(&b), &d, &e), ASSAY_OK);
    ck_assert_uint_eq(assay_json_count(d), 100);
    assay_json_free(d);
    b.n = 0;
    for (int i = 0; i < 100000; i++) assay_buf_adds(&b, "{\"a\":");
    ck_assert_int_eq(assay_json_load(assay_buf_str(&b), &d, &e), ASSAY_TOO_DEEP);
    ck_assert_ptr_null(d);
    assay_buf_free(&b);
}
END_TEST

START_TEST(errors_are_counted_beyond_what_is_kept) {
    struct assay_buf b = {0};
    struct assay_record r;
    assay_buf_adds(&b, "{" HEAD ",\"answer\":\"average\"");
    for (int i = 0; i < 50; i++) assay_buf_printf(&b, ",\"x%d\":1", i);
    assay_buf_addc(&b, '}');
    ck_assert_int_eq(decode(S, b.p, &r), ASSAY_VALIDATION_FAILED);
    ck_assert_uint_eq(errors.n, 50);
    ck_assert_uint_eq(assay_errors_kept(&errors), ASSAY_ERRORS_MAX);
    ck_assert_str_eq(errors.items[31].field, "/x31");
    assay_buf_free(&b);
}
END_TEST

START_TEST(the_id_is_known_of_a_refused_record) {
    struct assay_record r;
    ck_assert_int_eq(decode(E, "{\"id\":\"a-1\",\"type\":\"x\"}", &r), ASSAY_VALIDATION_FAILED);
    ck_assert(assay_str_is(r.id, "a-1"));
    ck_assert_int_eq(decode(E, "{\"id\":\"\",\"type\":\"x\"}", &r), ASSAY_VALIDATION_FAILED);
    ck_assert_ptr_null(r.id.p);
    ck_assert_int_eq(decode(E, "{", &r), ASSAY_INVALID_JSON);
    ck_assert_ptr_null(r.id.p);
}
END_TEST

START_TEST(fields_arrive_in_the_struct) {
    struct assay_record r;
    accept(E,
           OPENED(",\"customer_class\":\"key\",\"serial\":\"s\",\"warranty\":\"out\",\"reported_at\":\"2001-02-03T00:00:00.5Z\""),
           &r);
    ck_assert_int_eq(r.kind, ASSAY_KIND_REPAIR);
    ck_assert_int_eq(r.type, ASSAY_ORDER_OPENED);
    ck_assert(assay_str_is(r.id, "a-1") && assay_str_is(r.provider, "P001") && assay_str_is(r.order, "W1"));
    ck_assert_int_eq(r.at, instant("2001-02-02T20:05:06Z"));
    ck_assert_int_eq(r.reported_at, instant("2001-02-03T00:00:00.5Z"));
    ck_assert(assay_str_is(r.product, "server") && assay_str_is(r.serial, "s"));
    ck_assert(r.channel == ASSAY_CHANNEL_CCC && r.customer_class == ASSAY_CLASS_KEY && r.warranty == ASSAY_WARRANTY_OUT);
    ck_assert(r.overall == -1 && !r.line.p && !r.local && r.request == 0);

    accept(E, REQUESTED(",\"replaces\":\"R0\",\"local\":true"), &r);
    ck_assert(r.request == 1 && r.local && assay_str_is(r.line, "R1") && assay_str_is(r.part_no, "C1") &&
              assay_str_is(r.replaces, "R0"));

    accept(E, EVENT("part.shipped", ",\"line\":\"R1\",\"courier\":\"3D18\",\"warehouse\":\"\""), &r);
    ck_assert(r.kind == ASSAY_KIND_SHIPMENT && r.courier == 318 && r.warehouse.p && r.warehouse.n == 0);

    accept(E, EVENT("order.noted", ",\"reason\":\"customer\",\"note\":\"n\""), &r);
    ck_assert(r.noted == ASSAY_NOTE_CUSTOMER && !r.reason.p && assay_str_is(r.note, "n"));

    accept(E, EVENT("event.voided", ",\"target\":\"t\",\"target_kind\":\"survey\",\"reason\":\"r\""), &r);
    ck_assert(r.kind == ASSAY_KIND_REPAIR && r.target_kind == ASSAY_KIND_SURVEY && assay_str_is(r.target, "t") && !r.order.p);
    ck_assert(assay_str_is(r.reason, "r") && r.noted == ASSAY_NOTE_NONE);

    accept(D,
           PLAIN(",\"parts\":[{\"line\":\"R2\",\"part_no\":\"C2\"},{\"part_no\":\"C1\",\"line\":\"R1\"},{"
                 "\"line\":\"R10\",\"part_no\":\"C9\"}]"),
           &r);
    ck_assert(r.kind == ASSAY_KIND_DISPATCH && r.type == ASSAY_DISPATCHED);
    ck_assert_uint_eq(r.n_parts, 3);
    ck_assert(assay_str_is(r.parts[0].line, "R1") && assay_str_is(r.parts[1].line, "R10") && assay_str_is(r.parts[2].line, "R2"));
    ck_assert(assay_str_is(r.parts[1].part_no, "C9"));

    accept(S,
           PLAIN(",\"answer\":\"dissatisfied\",\"source\":\"volunteered\",\"responsibility\":\"manufacturer\","
                 "\"overall\":3,\"recommend\":0"),
           &r);
    ck_assert(r.kind == ASSAY_KIND_SURVEY && r.type == ASSAY_SURVEY_RESPONSE && r.answer == ASSAY_ANSWER_DISSATISFIED);
    ck_assert(r.source == ASSAY_SOURCE_VOLUNTEERED && r.responsibility == ASSAY_RESP_MANUFACTURER);
    ck_assert(r.overall == 3 && r.attitude == -1 && r.recommend == 0);
}
END_TEST

START_TEST(elements_of_an_array) {
    static const char text[] = "[" OPENED("") ", 17, {\"a\" : [1, 2.5,\"\\u00e9\\n\"] , \"_b\":null}]";
    struct assay_json_doc *d;
    struct assay_error e;
    struct assay_record r;
    struct assay_buf b = {0};
    ck_assert_int_eq(assay_json_load(assay_str_c(text), &d, &e), ASSAY_OK);
    ck_assert(assay_json_is_array(d));
    ck_assert_uint_eq(assay_json_count(d), 3);
    ck_assert_int_eq(assay_record_decode(d, 0, E, instant(RECEIVED), &arena, &r, &errors), ASSAY_OK);
    ck_assert_int_eq(assay_record_decode(d, 1, E, instant(RECEIVED), &arena, &r, &errors), ASSAY_VALIDATION_FAILED);
    ck_assert_int_eq(assay_record_decode(d, 2, E, instant(RECEIVED), &arena, &r, &errors), ASSAY_VALIDATION_FAILED);
    ck_assert_int_eq(assay_record_decode(d, 3, E, instant(RECEIVED), &arena, &r, &errors),
                     ASSAY_VALIDATION_FAILED); /* past the end */
    assay_json_element_write(d, 2, &b);
    ck_assert_str_eq(b.p, "{\"a\":[1,2.5,\"\xC3\xA9\\n\"],\"_b\":null}");
    assay_json_free(d);
    assay_json_free(NULL);
    assay_buf_free(&b);
}
END_TEST

/* === content =========================================================================================================== */

static const char *content(enum assay_intake intake, const char *json, struct assay_buf *b) {
    struct assay_record r;
    accept(intake, json, &r);
    b->n = 0;
    assay_record_content(&r, b);
    return b->p;
}

/* clang-format off */
static const struct {
    enum assay_intake intake;
    const char *json, *content;
} contents[] = {
    {E, EVENT("order.completed", ""), "{}"},
    {E, OPENED(",\"warranty\":\"in\",\"serial\":\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e9\\ud834\\udd1e\x7f\""),
     "{\"channel\":\"ccc\",\"product\":\"server\",\"serial\":\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\xC3\xA9\xF0\x9D\x84\x9E\x7f\",\"warranty\":\"in\"}"},
    {E, OPENED(",\"reported_at\":\"2001-02-03T08:00:00.1200+08:00\""), "{\"channel\":\"ccc\",\"product\":\"server\",\"reported_at\":\"2001-02-03T00:00:00.12Z\"}"},
    {E, REQUESTED(",\"local\":false"), "{\"request\":1,\"line\":\"R1\",\"part_no\":\"C1\"}"},
    {E, REQUESTED(",\"local\":true,\"replaces\":\"R0\""), "{\"request\":1,\"line\":\"R1\",\"part_no\":\"C1\",\"replaces\":\"R0\",\"local\":true}"},
    {E, EVENT("part.shipped", ",\"courier\":\"2D09\",\"line\":\"1\""), "{\"line\":\"1\",\"courier\":\"2D09\"}"},
    {E, EVENT("order.noted", ",\"note\":\"\",\"reason\":\"machine_testing\""), "{\"reason\":\"machine_testing\",\"note\":\"\"}"},
    {E, EVENT("event.voided", ",\"target_kind\":\"repair\",\"target\":\"t\""), "{\"target\":\"t\"}"},
    {E, EVENT("event.voided", ",\"reason\":\"r\",\"target_kind\":\"dispatch\",\"target\":\"t\""), "{\"reason\":\"r\",\"target\":\"t\",\"target_kind\":\"dispatch\"}"},
    {D, PLAIN(",\"parts\":[{\"line\":\"R2\",\"part_no\":\"C2\"},{\"line\":\"R1\",\"part_no\":\"C1\"}],\"product\":\"p\""),
     "{\"product\":\"p\",\"parts\":[{\"line\":\"R1\",\"part_no\":\"C1\"},{\"line\":\"R2\",\"part_no\":\"C2\"}]}"},
    {S, PLAIN(",\"recommend\":0,\"overall\":5,\"answer\":\"satisfied\",\"responsibility\":\"shared\""), "{\"answer\":\"satisfied\",\"overall\":5,\"recommend\":0}"},
    {S, PLAIN(",\"answer\":\"average\",\"responsibility\":\"shared\""), "{\"answer\":\"average\",\"responsibility\":\"shared\"}"},
    {O, SEEN(",\"rater\":\"self\",\"value\":\"097.50\",\"indicator\":\"audit\""), "{\"indicator\":\"audit\",\"value\":\"97.5\",\"rater\":\"self\"}"},
    {O, SEEN(",\"indicator\":\"x\",\"denominator\":100,\"numerator\":0"), "{\"indicator\":\"x\",\"numerator\":0,\"denominator\":100}"},
};
/* clang-format on */

static void check_content(int i) {
    struct assay_buf b = {0};
    ck_assert_str_eq(content(contents[i].intake, contents[i].json, &b), contents[i].content);
    assay_buf_free(&b);
}

START_TEST(content_is_canonical) {
    for (int i = 0; i < N(contents); i++) check_content(i);
}
END_TEST

/* Same content, same bytes; else other bytes (DOMAIN 2.5). */
/* clang-format off */
static const struct {
    enum assay_intake intake;
    const char *one, *other;
    bool same;
} pairs[] = {
    {E, OPENED(",\"serial\":\"x\",\"warranty\":\"in\""), "{\"warranty\":\"in\",\"serial\":\"\\u0078\",\"product\":\"server\",\"channel\":\"ccc\"," HEAD ",\"type\":\"order.opened\"}", true},
    {E, OPENED(""), OPENED(",\"serial\":null,\"_note\":\"x\""), true},
    {E, OPENED(",\"reported_at\":\"2001-02-03T00:00:00Z\""), OPENED(",\"reported_at\":\"2001-02-03T08:00:00.000+08:00\""), true},
    {E, OPENED(",\"reported_at\":\"2001-02-03T00:00:00Z\""), OPENED(",\"reported_at\":\"2001-02-03T00:00:00.000001Z\""), false},
    {E, REQUESTED(""), REQUESTED(",\"local\":false"), true},
    {E, REQUESTED(""), REQUESTED(",\"local\":true"), false},
    {E, EVENT("event.voided", ",\"target\":\"t\""), EVENT("event.voided", ",\"target\":\"t\",\"target_kind\":\"repair\""), true},
    {E, EVENT("event.voided", ",\"target\":\"t\""), EVENT("event.voided", ",\"target\":\"t\",\"target_kind\":\"shipment\""), false},
    {E, EVENT("order.cancelled", ""), EVENT("order.cancelled", ",\"reason\":\"\""), false},
    {D, PLAIN(""), PLAIN(",\"parts\":[]"), true},
    {D, PLAIN(",\"parts\":[{\"line\":\"1\",\"part_no\":\"a\"},{\"line\":\"2\",\"part_no\":\"b\"}]"), PLAIN(",\"parts\":[{\"part_no\":\"b\",\"line\":\"2\"},{\"part_no\":\"a\",\"line\":\"1\"}]"), true},
    {D, PLAIN(",\"parts\":[{\"line\":\"1\",\"part_no\":\"a\"}]"), PLAIN(",\"parts\":[{\"line\":\"1\",\"part_no\":\"b\"}]"), false},
    {S, PLAIN(",\"answer\":\"satisfied\""), PLAIN(",\"answer\":\"satisfied\",\"responsibility\":\"provider\""), true},
    {S, PLAIN(",\"answer\":\"average\""), PLAIN(",\"answer\":\"average\",\"responsibility\":\"provider\""), false},
    {S, PLAIN(",\"answer\":\"average\""), PLAIN(",\"answer\":\"average\",\"recommend\":0"), false},
    {O, SEEN(",\"indicator\":\"x\",\"value\":\"1.50\""), SEEN(",\"value\":\"1.5\",\"indicator\":\"x\",\"rater\":null"), true},
    {O, SEEN(",\"indicator\":\"x\",\"numerator\":1,\"denominator\":2"), SEEN(",\"indicator\":\"x\",\"numerator\":2,\"denominator\":4"), false},
};
/* clang-format on */

static void check_pair(int i) {
    struct assay_buf a = {0}, b = {0};
    content(pairs[i].intake, pairs[i].one, &a);
    content(pairs[i].intake, pairs[i].other, &b);
    ck_assert_msg(pairs[i].same == assay_str_eq(assay_buf_str(&a), assay_buf_str(&b)), "%s\n%s", a.p, b.p);
    assay_buf_free(&a);
    assay_buf_free(&b);
}

START_TEST(content_is_identity) {
    for (int i = 0; i < N(pairs); i++) check_pair(i);
}
END_TEST

/* Content read back is the record: every accepted case above. */
static void check_return(int i) {
    struct assay_record r, back;
    struct assay_buf a = {0}, b = {0};
    struct assay_error e;
    if (decode(cases[i].intake, cases[i].json, &r) != ASSAY_OK) return;
    assay_buf_addc(&a, '"'); /* content may stand behind anything */
    assay_record_content(&r, &a);
    memset(&back, 0x5A, sizeof back);
    back.kind = r.kind, back.type = r.type, back.at = r.at, back.id = r.id, back.provider = r.provider, back.order = r.order;
    ck_assert_msg(assay_record_from_content((struct assay_str){a.p + 1, a.n - 1}, &arena, &back, &e) == ASSAY_OK, "%s %s",
                  e.field, e.detail);
    assay_buf_addc(&b, '"');
    assay_record_content(&back, &b);
    ck_assert_str_eq(a.p, b.p);
    a.n = b.n = 0;
    assay_record_write(&r, NULL, &a, NULL);
    assay_record_write(&back, NULL, &b, NULL);
    ck_assert_str_eq(a.p, b.p);
    /* Without its origin it can be sent as it stands, and is the same record. */
    accept(cases[i].intake, a.p, &back);
    a.n = b.n = 0;
    assay_record_content(&r, &a);
    assay_record_content(&back, &b);
    ck_assert_str_eq(a.p, b.p);
    ck_assert(back.at == r.at && assay_str_eq(back.order, r.order) && assay_str_eq(back.id, r.id));
    assay_buf_free(&a);
    assay_buf_free(&b);
}

START_TEST(content_comes_back) {
    for (int i = 0; i < N(cases); i++) check_return(i);
}
END_TEST

START_TEST(content_that_is_not_ours) {
    static const char *const bad[] = {
        "", "[]", "{", "{\"line\":17}", "{\"id\":\"x\"}", "{\"courier\":\"2D10\"}", "{}", "{\"line\":\"a b\"}"};
    struct assay_record r;
    struct assay_error e;
    assay_record_init(&r);
    r.type = ASSAY_PART_DELIVERED;
    ck_assert_msg(assay_record_from_content(assay_str_c(bad[_i]), &arena, &r, &e) == ASSAY_INTERNAL, "%s", bad[_i]);
    ck_assert_int_eq(r.type, ASSAY_PART_DELIVERED);
}
END_TEST

/* clang-format off */
START_TEST(the_record_as_shown) {
    struct assay_record r;
    struct assay_buf b = {0};
    struct assay_record_origin origin = {ASSAY_PARTY_PROVIDER, instant(RECEIVED), ASSAY_STR("17"), 42, true};
    accept(E, REQUESTED(""), &r);
    assay_record_write(&r, &origin, &b, NULL);
    ck_assert_str_eq(b.p, "{\"kind\":\"repair\",\"type\":\"part.requested\",\"id\":\"a-1\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-02T20:05:06Z\","
                          "\"request\":1,\"line\":\"R1\",\"part_no\":\"C1\",\"local\":false,\"party\":\"provider\",\"received_at\":\"2001-03-01T00:00:00Z\","
                          "\"upload\":\"17\",\"seq\":42,\"voided\":true}");
    b.n = 0;
    accept(E, EVENT("event.voided", ",\"target\":\"t\""), &r);
    assay_json_object(&b, NULL);
    assay_record_write(&r, NULL, &b, "record");
    assay_json_object_end(&b);
    ck_assert_str_eq(b.p, "{\"record\":{\"type\":\"event.voided\",\"id\":\"a-1\",\"provider\":\"P001\",\"at\":\"2001-02-02T20:05:06Z\",\"target\":\"t\",\"target_kind\":\"repair\"}}");
    b.n = 0;
    accept(D, PLAIN(""), &r);
    assay_record_write(&r, NULL, &b, NULL);
    ck_assert_str_eq(b.p, "{\"id\":\"a-1\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-02T20:05:06Z\"}");
    assay_buf_free(&b);
}
END_TEST
/* clang-format on */

/* === refused rows ======================================================================================================= */

/* clang-format off */
static const struct {
    const char *original, *row;
} rejected[] = {
    {"{\"id\":\"a\", \"x\":[1,{\"y\":null}]}", "{\"id\":\"a\",\"x\":[1,{\"y\":null}],\"_line\":7,\"_code\":\"unknown_field\",\"_detail\":\"d\\\"\"}\n"},
    {"{\"_line\":1,\"id\":\"a\",\"_code\":\"c\",\"_detail\":\"x\",\"_mine\":2}", "{\"id\":\"a\",\"_mine\":2,\"_line\":7,\"_code\":\"unknown_field\",\"_detail\":\"d\\\"\"}\n"},
    {"{}", "{\"_line\":7,\"_code\":\"unknown_field\",\"_detail\":\"d\\\"\"}\n"},
    {"[1]", "{\"_line\":7,\"_code\":\"unknown_field\",\"_detail\":\"d\\\"\",\"_original\":\"[1]\"}\n"},
    {"{\"a\":\xFF", "{\"_line\":7,\"_code\":\"unknown_field\",\"_detail\":\"d\\\"\",\"_original\":\"{\\\"a\\\":\xEF\xBF\xBD\"}\n"},
    {"", "{\"_line\":7,\"_code\":\"unknown_field\",\"_detail\":\"d\\\"\",\"_original\":\"\"}\n"},
};
/* clang-format on */

static void check_rejected(int i) {
    struct assay_buf b = {0};
    assay_rejected_write(assay_str_c(rejected[i].original), 7, "unknown_field", "d\"", &b);
    ck_assert_str_eq(b.p, rejected[i].row);
    size_t once = b.n;
    struct assay_buf again = {0};
    assay_rejected_write((struct assay_str){b.p, once - 1}, 7, "unknown_field", "d\"", &again);
    if (rejected[i].original[0] == '{' && !strchr(rejected[i].original, '\xFF')) ck_assert_str_eq(again.p, b.p);
    assay_buf_free(&b);
    assay_buf_free(&again);
}

START_TEST(rejected_rows_can_be_sent_again) {
    for (int i = 0; i < N(rejected); i++) check_rejected(i);
}
END_TEST

/* === real records ======================================================================================================= */

static void all_lines(const char *path, enum assay_intake intake) {
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    struct assay_record r, back;
    struct assay_buf a = {0}, b = {0};
    struct assay_error e;
    ck_assert_ptr_nonnull(f);
    while ((n = getline(&line, &cap, f)) > 0) {
        struct assay_str text = {line, (size_t)n};
        ck_assert_msg(assay_record_from_json(text, intake, ASSAY_INSTANT_MAX, &arena, &r, &errors) == ASSAY_OK, "%s%s", line,
                      told());
        a.n = b.n = 0;
        assay_record_content(&r, &a);
        back = r;
        ck_assert_int_eq(assay_record_from_content(assay_buf_str(&a), &arena, &back, &e), ASSAY_OK);
        assay_record_content(&back, &b);
        ck_assert_str_eq(a.p, b.p);
        assay_arena_reset(&arena);
    }
    free(line);
    fclose(f);
    assay_buf_free(&a);
    assay_buf_free(&b);
}

START_TEST(golden_records) {
    char path[4096];
    if (test_shared(path, "golden/fy01/events.ndjson")) all_lines(path, E);
    if (test_shared(path, "golden/fy01/dispatches.ndjson")) all_lines(path, D);
    if (test_shared(path, "golden/fy01/surveys.ndjson")) all_lines(path, S);
}
END_TEST

static Suite *suite_record(void) {
    char path[4096];
    Suite *s = suite_create("codec_record");
    TCase *t = tcase_create("record");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, each_case);
    tcase_add_test(t, each_detail);
    tcase_add_test(t, nul_bytes_are_refused_everywhere);
    tcase_add_test(t, depth_is_bounded_exactly);
    tcase_add_test(t, errors_are_counted_beyond_what_is_kept);
    tcase_add_test(t, the_id_is_known_of_a_refused_record);
    tcase_add_test(t, fields_arrive_in_the_struct);
    tcase_add_test(t, elements_of_an_array);
    tcase_add_test(t, content_is_canonical);
    tcase_add_test(t, content_is_identity);
    tcase_add_test(t, content_comes_back);
    tcase_add_loop_test(t, content_that_is_not_ours, 0, 8);
    tcase_add_test(t, the_record_as_shown);
    tcase_add_test(t, rejected_rows_can_be_sent_again);
    if (test_shared(path, "golden/fy01/events.ndjson")) tcase_add_test(t, golden_records);
    else test_skip("golden_records", "golden/fy01 is not beside the checkout");
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_record)
