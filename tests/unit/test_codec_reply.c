/* Replies byte for byte: the shapes of API.md, null where a value does not apply, seconds rounded down. */
#include "check_main.h"
#include "test_zone.h"

#include "assay/codec.h"

/* clang-format off: replies stand here as they are sent */

static struct assay_buf out;

static void teardown(void) { assay_buf_free(&out); }

static void is(const char *want) {
    ck_assert_str_eq(out.p ? out.p : "", want);
    out.n = 0;
}

/* === the writer ======================================================================================================= */

START_TEST(values_and_commas) {
    struct assay_buf *b = &out;
    assay_json_object(b, NULL);
    assay_json_object_end(b);
    is("{}");
    assay_json_array(b, NULL);
    assay_json_object(b, NULL);
    assay_json_int(b, "a", 0);
    assay_json_int(b, "b", INT64_MIN);
    assay_json_int(b, "c", INT64_MAX);
    assay_json_bool(b, "d", true);
    assay_json_bool(b, "e", false);
    assay_json_null(b, "f");
    assay_json_array(b, "g");
    assay_json_array_end(b);
    assay_json_object_end(b);
    assay_json_object(b, NULL);
    assay_json_object_end(b);
    assay_json_text(b, NULL, "{");
    assay_json_text(b, NULL, ",");
    assay_json_int(b, NULL, -7);
    assay_json_array_end(b);
    is("[{\"a\":0,\"b\":-9223372036854775808,\"c\":9223372036854775807,\"d\":true,\"e\":false,\"f\":null,\"g\":[]},{},\"{\",\","
       "\",-7]");
    assay_json_array(b, NULL);
    assay_json_str(b, NULL, ASSAY_STR_NONE);
    assay_json_str(b, NULL, ASSAY_STR(""));
    assay_json_text(b, NULL, NULL);
    assay_json_instant(b, NULL, ASSAY_NO_INSTANT);
    assay_json_instant(b, NULL, test_instant("2001-02-03T04:05:06.5+08:00"));
    assay_json_date(b, NULL, ASSAY_NO_DATE);
    assay_json_date(b, NULL, test_date("2001-02-03"));
    assay_json_month(b, NULL, ASSAY_NO_MONTH);
    assay_json_month(b, NULL, assay_month_of(2001, 2));
    assay_json_seconds(b, NULL, -1);
    assay_json_seconds(b, NULL, 0);
    assay_json_seconds(b, NULL, 1999999);
    assay_json_frac(b, NULL, (struct assay_frac){254, 267});
    assay_json_frac(b, NULL, (struct assay_frac){40, 1});
    assay_json_frac(b, NULL, (struct assay_frac){-1, 3});
    assay_json_money(b, NULL, 123450, 2, "CNY");
    assay_json_money(b, NULL, -5, 2, "CNY");
    assay_json_money(b, NULL, 7, 0, "JPY");
    assay_json_raw(b, NULL, ASSAY_STR("[1]"));
    assay_json_array_end(b);
    is("[null,\"\",null,null,\"2001-02-02T20:05:06.5Z\",null,\"2001-02-03\",null,\"2001-02\",null,0,1,\"0.9513\",\"40.0000\",\"-"
       "0.3333\","
       "{\"amount\":\"1234.50\",\"currency\":\"CNY\"},{\"amount\":\"-0.05\",\"currency\":\"CNY\"},{\"amount\":\"7\",\"currency\":"
       "\"JPY\"},[1]]");
    assay_json_object(b, NULL); /* a name that has to be escaped */
    assay_json_text(b, NULL, "a\"");
    assay_buf_addc(b, ':');
    assay_json_int(b, NULL, 1);
    assay_json_int(b, "b", 2);
    assay_json_object_end(b);
    is("{\"a\\\"\":1,\"b\":2}");
    assay_json_int(b, NULL, 1); /* lines of NDJSON need no comma */
    assay_buf_addc(b, '\n');
    assay_json_int(b, NULL, 2);
    is("1\n2");
}
END_TEST

/* === verdicts ========================================================================================================= */

#define OPENED "2001-02-05T01:00:00Z"

static const struct assay_city_row city_rows[] = {{.standard = {ASSAY_WORKING_DAYS, 2}}};
static const struct assay_lateness_row lateness[] = {{.name = "on_time"}, {.name = "late_1"}};
static const struct assay_assumption assumptions[] = {
    {"city-standards", ASSAY_POINT_STANDARD_CITY, "e", "z"},
    {"no-holidays", ASSAY_POINT_HOLIDAYS, "e", "z"},
    {"total", ASSAY_POINT_TOTAL, "e", "z"},
    {"no-holidays-either", ASSAY_POINT_HOLIDAYS, "e", "z"},
};
static const struct assay_scheme scheme = {
    .code = "hp-gold-fy01",
    .version = 3,
    .calendar_code = "cn-office",
    .n_city_rows = 1,
    .city_rows = city_rows,
    .n_lateness = 2,
    .lateness = lateness,
    .n_assumptions = 4,
    .assumptions = assumptions,
};
static const struct assay_provider_facts facts = {.effective_from = ASSAY_NO_DATE, .city = {"Beijing", 7}, .ascim = true};

/* A closed CCC order of two lines: R1 shipped as itself, R2 by its replacement and not yet delivered. */
static void make_order(struct assay_order *o) {
    static struct assay_record shipped[2], delivered;
    static struct assay_considered considered[3];
    assay_record_init(&shipped[0]);
    assay_record_init(&shipped[1]);
    assay_record_init(&delivered);
    shipped[0].at = test_instant("2001-02-05T02:00:00Z");
    shipped[0].courier = 210;
    shipped[1].at = test_instant("2001-02-05T03:00:00Z");
    shipped[1].courier = 318;
    delivered.at = test_instant("2001-02-06T01:59:59.999999Z");
    considered[0] = (struct assay_considered){ASSAY_STR("R1"), {&shipped[0], &delivered, ASSAY_STR("R1"), false, false}};
    considered[1] = (struct assay_considered){ASSAY_STR("R2"), {&shipped[1], NULL, ASSAY_STR("R2b"), true, false}};
    considered[2] = (struct assay_considered){ASSAY_STR("R3"), {NULL, NULL, ASSAY_STR("R3"), false, true}};
    *o = (struct assay_order){
        .state = ASSAY_STATE_CLOSED,
        .channel = ASSAY_CHANNEL_CCC,
        .dispatched_at = test_instant(OPENED),
        .opened_at = test_instant("2001-02-05T01:30:00.25Z"),
        .reported_at = ASSAY_NO_INSTANT,
        .closed_at = test_instant("2001-02-07T09:00:00Z"),
        .first_requested_at = ASSAY_NO_INSTANT,
        .product = ASSAY_STR("server"),
        .customer_class = ASSAY_CLASS_KEY,
        .outcome = ASSAY_CLOSE_REPLACED,
        .n_considered = 3,
        .considered = considered,
    };
}

static void make_verdict(const struct assay_order *o, struct assay_verdict *v) {
    static struct assay_candidate candidates[3];
    candidates[0] = (struct assay_candidate){&o->considered[0], false, test_instant("2001-02-06T02:00:00Z"), 0};
    candidates[1] = (struct assay_candidate){&o->considered[1], false, test_instant("2001-02-07T10:00:00Z"), 1};
    candidates[2] = (struct assay_candidate){&o->considered[2], true, ASSAY_NO_INSTANT, -1};
    *v = (struct assay_verdict){
        .outcome = ASSAY_COMPLIANT,
        .diagnosis = {.outcome = ASSAY_CLOCK_EXEMPT,
                      .start = test_instant(OPENED),
                      .end = test_instant("2001-02-05T08:00:00Z"),
                      .working_us = INT64_C(21600999999),
                      .elapsed_us = INT64_C(25200000000),
                      .limit = {ASSAY_WORKING_HOURS, 4},
                      .exempt = ASSAY_NOTE_CUSTOMER,
                      .deadline = test_instant("2001-02-05T06:00:00Z")},
        .cycle = {.outcome = ASSAY_CLOCK_MET,
                  .rule = ASSAY_RULE_LAST_SHIPMENT,
                  .start = test_instant("2001-02-05T03:00:00Z"),
                  .end = test_instant("2001-02-07T09:00:00Z"),
                  .governing = &candidates[1],
                  .standard = {ASSAY_WORKING_DAYS, 2},
                  .standard_reason = "city",
                  .working_us = INT64_C(86399999999),
                  .elapsed_us = INT64_C(194400000001),
                  .elapsed_days = 2,
                  .margin = 0,
                  .deadline = test_instant("2001-02-07T16:00:00Z"),
                  .beyond_slowest = true},
        .scheme = &scheme,
        .facts = &facts,
        .points = 1u << ASSAY_POINT_STANDARD_CITY | 1u << ASSAY_POINT_HOLIDAYS,
        .n_candidates = 3,
        .candidates = candidates,
    };
}

#define DIAGNOSIS                                                                                                               \
    "{\"outcome\":\"exempt\",\"start\":\"2001-02-05T01:00:00Z\",\"end\":\"2001-02-05T08:00:00Z\",\"elapsed_working_seconds\":"  \
    "21600,"                                                                                                                    \
    "\"elapsed_seconds\":25200,\"limit_working_seconds\":14400,\"exempt_reason\":\"customer\",\"deadline\":\"2001-02-05T06:00:" \
    "00Z\"}"
#define CYCLE                                                                                                               \
    "{\"outcome\":\"met\",\"rule\":\"last_shipment\",\"start\":\"2001-02-05T03:00:00Z\",\"end\":\"2001-02-07T09:00:00Z\","  \
    "\"governing_line\":\"R2\","                                                                                            \
    "\"standard\":{\"working_days\":2},\"standard_reason\":\"city\",\"elapsed_working_seconds\":86399,\"elapsed_seconds\":" \
    "194400,\"elapsed_days\":2,"                                                                                            \
    "\"margin\":0,\"deadline\":\"2001-02-07T16:00:00Z\",\"beyond_slowest\":true}"

START_TEST(a_verdict) {
    /* Stretches of 1.5 s and 1.5 s are 1 and 2 seconds: together the 3 they are. */
    struct assay_ledger_entry ledger[] = {
        {test_instant("2001-02-05T03:00:00.4Z"), test_instant("2001-02-05T03:00:01.9Z"), ASSAY_WORKING},
        {test_instant("2001-02-05T03:00:01.9Z"), test_instant("2001-02-05T03:00:03.4Z"), ASSAY_BREAK},
    };
    const struct assay_segment segments[] = {
        {"dispatch_to_request", "provider", test_instant(OPENED), test_instant("2001-02-05T08:00:00.9Z"), INT64_C(21600999999)},
        {"request_to_ship", "manufacturer", test_instant("2001-02-05T08:00:00.9Z"), test_instant("2001-02-05T08:00:01Z"), 100000},
    };
    static const char *const records[] = {"dispatch:D1", "repair:a\"b"};
    const struct assay_explanation explanation = {
        .n_segments = 2,
        .segments = segments,
        .cycle_ledger = {ledger, 2},
        .n_records = 2,
        .records = records,
        .text_en = "Met.",
        .text_zh = "达标。",
    };
    struct assay_order o;
    struct assay_verdict v;
    make_order(&o);
    make_verdict(&o, &v);
    const struct assay_verdict_reply reply = {ASSAY_STR("P001"), ASSAY_STR("W1"), &o, &v, &explanation, 5};
    assay_verdict_write(&reply, &out, NULL);
    is("{\"provider\":\"P001\",\"order\":\"W1\",\"scheme\":\"hp-gold-fy01\",\"scheme_version\":3,\"calendar\":\"cn-office\","
       "\"calendar_version\":5,"
       "\"outcome\":\"compliant\",\"reason\":null,\"channel\":\"ccc\",\"opened_at\":\"2001-02-05T01:30:00.25Z\",\"closed_at\":"
       "\"2001-02-07T09:00:00Z\","
       "\"diagnosis\":" DIAGNOSIS ",\"cycle\":" CYCLE ","
       "\"assumptions\":[\"city-standards\",\"no-holidays\",\"no-holidays-either\"],\"provider_facts\":{\"city\":\"Beijing\","
       "\"ascim\":true},"
       "\"segments\":[{\"code\":\"dispatch_to_request\",\"from\":\"2001-02-05T01:00:00Z\",\"to\":\"2001-02-05T08:00:00.9Z\","
       "\"party\":\"provider\",\"seconds\":25200,\"working_seconds\":21600},"
       "{\"code\":\"request_to_ship\",\"from\":\"2001-02-05T08:00:00.9Z\",\"to\":\"2001-02-05T08:00:01Z\",\"party\":"
       "\"manufacturer\",\"seconds\":0,\"working_seconds\":0}],"
       "\"explanation\":{\"candidates\":["
       "{\"line\":\"R1\",\"shipped_line\":\"R1\",\"shipped_at\":\"2001-02-05T02:00:00Z\",\"expected_at\":\"2001-02-06T02:00:"
       "00Z\",\"delivered_at\":\"2001-02-06T01:59:59.999999Z\",\"courier\":\"2D10\",\"lateness\":\"on_time\",\"local\":false},"
       "{\"line\":\"R2\",\"shipped_line\":\"R2b\",\"shipped_at\":\"2001-02-05T03:00:00Z\",\"expected_at\":\"2001-02-07T10:00:"
       "00Z\",\"delivered_at\":null,\"courier\":\"3D18\",\"lateness\":\"late_1\",\"local\":false},"
       "{\"line\":\"R3\",\"shipped_line\":null,\"shipped_at\":null,\"expected_at\":null,\"delivered_at\":null,\"courier\":null,"
       "\"lateness\":null,\"local\":true}],"
       "\"ledger\":[{\"from\":\"2001-02-05T03:00:00.4Z\",\"to\":\"2001-02-05T03:00:01.9Z\",\"kind\":\"working\",\"seconds\":1},"
       "{\"from\":\"2001-02-05T03:00:01.9Z\",\"to\":\"2001-02-05T03:00:03.4Z\",\"kind\":\"break\",\"seconds\":2}],\"diagnosis_"
       "ledger\":[],"
       "\"records\":[\"dispatch:D1\",\"repair:a\\\"b\"],\"text\":{\"en\":\"Met.\",\"zh-CN\":\"达标。\"}}}");
}
END_TEST

START_TEST(a_verdict_of_nothing_known) {
    const struct assay_explanation explanation = {.text_en = "e", .text_zh = "z"};
    const struct assay_order o = {.state = ASSAY_STATE_CLOSED, .opened_at = ASSAY_NO_INSTANT, .closed_at = ASSAY_NO_INSTANT};
    const struct assay_verdict v = {.outcome = ASSAY_UNDETERMINED, .reason = ASSAY_REASON_MISSING_OPEN, .scheme = &scheme};
    const struct assay_verdict_reply reply = {ASSAY_STR("P"), ASSAY_STR("W"), &o, &v, &explanation, 1};
    assay_verdict_write(&reply, &out, NULL);
    is("{\"provider\":\"P\",\"order\":\"W\",\"scheme\":\"hp-gold-fy01\",\"scheme_version\":3,\"calendar\":\"cn-office\","
       "\"calendar_version\":1,"
       "\"outcome\":\"undetermined\",\"reason\":\"missing_open\",\"channel\":null,\"opened_at\":null,\"closed_at\":null,"
       "\"diagnosis\":null,\"cycle\":null,"
       "\"assumptions\":[],\"provider_facts\":null,\"segments\":[],\"explanation\":{\"candidates\":[],\"ledger\":[],\"diagnosis_"
       "ledger\":[],\"records\":[],"
       "\"text\":{\"en\":\"e\",\"zh-CN\":\"z\"}}}");
}
END_TEST

START_TEST(clocks_that_do_not_know) {
    struct assay_order o = {.state = ASSAY_STATE_OPEN,
                            .opened_at = ASSAY_NO_INSTANT,
                            .closed_at = ASSAY_NO_INSTANT,
                            .dispatched_at = ASSAY_NO_INSTANT,
                            .reported_at = ASSAY_NO_INSTANT,
                            .first_requested_at = ASSAY_NO_INSTANT};
    const struct assay_verdict v = {
        .outcome = ASSAY_PENDING,
        .diagnosis = {.outcome = ASSAY_CLOCK_PENDING,
                      .start = ASSAY_NO_INSTANT,
                      .end = ASSAY_NO_INSTANT,
                      .working_us = -1,
                      .elapsed_us = -1,
                      .deadline = ASSAY_NO_INSTANT},
        .cycle = {.outcome = ASSAY_CLOCK_UNDETERMINED,
                  .start = ASSAY_NO_INSTANT,
                  .end = ASSAY_NO_INSTANT,
                  .working_us = -1,
                  .elapsed_us = -1,
                  .elapsed_days = -1,
                  .margin = INT64_MIN,
                  .deadline = ASSAY_NO_INSTANT},
        .scheme = &scheme,
    };
    const struct assay_order_reply reply = {ASSAY_STR("P"), ASSAY_STR("a\"<b>"), &o, &v, 0, NULL, NULL};
    assay_order_write(&reply, &out, NULL);
    is("{\"provider\":\"P\",\"order\":\"a\\\"<b>\",\"state\":\"open\",\"channel\":null,\"product\":null,\"customer_class\":null,"
       "\"warranty\":null,"
       "\"opened_at\":null,\"closed_at\":null,\"outcome\":\"pending\",\"reason\":null,\"deadline\":null,"
       "\"verdict\":\"/v1/providers/P/orders/a%22%3Cb%3E/verdict?scheme=hp-gold-fy01\","
       "\"facts\":{\"serial\":null,\"reported_at\":null,\"dispatched_at\":null,\"first_requested_at\":null,\"close_outcome\":"
       "null,\"considered_lines\":[]},"
       "\"records\":[],\"clocks\":{\"diagnosis\":{\"outcome\":\"pending\",\"start\":null,\"end\":null,\"elapsed_working_"
       "seconds\":null,\"elapsed_seconds\":null,"
       "\"limit_working_seconds\":null,\"exempt_reason\":null,\"deadline\":null},"
       "\"cycle\":{\"outcome\":\"undetermined\",\"rule\":null,\"start\":null,\"end\":null,\"governing_line\":null,\"standard\":"
       "null,\"standard_reason\":null,"
       "\"elapsed_working_seconds\":null,\"elapsed_seconds\":null,\"elapsed_days\":null,\"margin\":null,\"deadline\":null,"
       "\"beyond_slowest\":false}}}");
}
END_TEST

/* === orders =========================================================================================================== */

START_TEST(an_order_in_detail) {
    struct assay_order o;
    struct assay_verdict v;
    struct assay_record r;
    const struct assay_record_origin origin = {ASSAY_PARTY_CCC, test_instant(OPENED), ASSAY_STR_NONE, 9, false};
    make_order(&o);
    make_verdict(&o, &v);
    assay_record_init(&r);
    r.kind = ASSAY_KIND_DISPATCH, r.type = ASSAY_DISPATCHED, r.id = ASSAY_STR("D1"), r.provider = ASSAY_STR("P001"),
    r.order = ASSAY_STR("W1"), r.at = test_instant(OPENED);
    const struct assay_order_reply reply = {ASSAY_STR("P001"), ASSAY_STR("W1"), &o, &v, 1, &r, &origin};
    assay_order_write(&reply, &out, NULL);
    is("{\"provider\":\"P001\",\"order\":\"W1\",\"state\":\"closed\",\"channel\":\"ccc\",\"product\":\"server\",\"customer_"
       "class\":\"key\",\"warranty\":null,"
       "\"opened_at\":\"2001-02-05T01:30:00.25Z\",\"closed_at\":\"2001-02-07T09:00:00Z\",\"outcome\":\"compliant\",\"reason\":"
       "null,\"deadline\":null,"
       "\"verdict\":\"/v1/providers/P001/orders/W1/verdict?scheme=hp-gold-fy01\","
       "\"facts\":{\"serial\":null,\"reported_at\":null,\"dispatched_at\":\"2001-02-05T01:00:00Z\",\"first_requested_at\":null,"
       "\"close_outcome\":\"replaced\",\"considered_lines\":["
       "{\"line\":\"R1\",\"shipped_line\":\"R1\",\"shipped_at\":\"2001-02-05T02:00:00Z\",\"delivered_at\":\"2001-02-06T01:59:59."
       "999999Z\",\"courier\":\"2D10\"},"
       "{\"line\":\"R2\",\"shipped_line\":\"R2b\",\"shipped_at\":\"2001-02-05T03:00:00Z\",\"delivered_at\":null,\"courier\":"
       "\"3D18\"},"
       "{\"line\":\"R3\",\"shipped_line\":null,\"shipped_at\":null,\"delivered_at\":null,\"courier\":null}]},"
       "\"records\":[{\"kind\":\"dispatch\",\"id\":\"D1\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T01:00:00Z\","
       "\"party\":\"ccc\",\"received_at\":\"2001-02-05T01:00:00Z\","
       "\"upload\":null,\"seq\":9,\"voided\":false}],\"clocks\":{\"diagnosis\":" DIAGNOSIS ",\"cycle\":" CYCLE "}}");
}
END_TEST

START_TEST(an_order_in_lists) {
    struct assay_order_summary s = {
        .provider = ASSAY_STR("P001"),
        .order = ASSAY_STR("W1"),
        .state = ASSAY_STATE_OPEN,
        .channel = ASSAY_CHANNEL_WALK_IN,
        .product = ASSAY_STR("notebook"),
        .customer_class = ASSAY_CLASS_ORDINARY,
        .warranty = ASSAY_WARRANTY_OUT,
        .opened_at = test_instant(OPENED),
        .closed_at = ASSAY_NO_INSTANT,
        .outcome = ASSAY_UNDETERMINED,
        .reason = ASSAY_REASON_MISSING_SHIPMENT,
        .deadline = test_instant("2001-02-05T06:00:00Z"),
    };
    assay_list_begin(&out);
    assay_order_summary_write(&s, &out, NULL);
    s.clock = "cycle";
    s.scheme = "x y";
    assay_order_summary_write(&s, &out, NULL);
    assay_list_end(&out, ASSAY_STR("abc"));
    is("{\"items\":[{\"provider\":\"P001\",\"order\":\"W1\",\"state\":\"open\",\"channel\":\"walk_in\",\"product\":\"notebook\","
       "\"customer_class\":\"ordinary\","
       "\"warranty\":\"out\",\"opened_at\":\"2001-02-05T01:00:00Z\",\"closed_at\":null,\"outcome\":\"undetermined\",\"reason\":"
       "\"missing_shipment\","
       "\"deadline\":\"2001-02-05T06:00:00Z\",\"verdict\":\"/v1/providers/P001/orders/W1/verdict\"},"
       "{\"provider\":\"P001\",\"order\":\"W1\",\"state\":\"open\",\"channel\":\"walk_in\",\"product\":\"notebook\",\"customer_"
       "class\":\"ordinary\","
       "\"warranty\":\"out\",\"opened_at\":\"2001-02-05T01:00:00Z\",\"closed_at\":null,\"outcome\":\"undetermined\",\"reason\":"
       "\"missing_shipment\",\"clock\":\"cycle\","
       "\"deadline\":\"2001-02-05T06:00:00Z\",\"verdict\":\"/v1/providers/P001/orders/W1/"
       "verdict?scheme=x%20y\"}],\"next\":\"abc\"}");
    assay_list_begin(&out);
    assay_list_end(&out, ASSAY_STR_NONE);
    is("{\"items\":[],\"next\":null}");
}
END_TEST

/* Every character an order number may have, in a link: pchar of RFC 3986 stays, the rest is escaped. */
START_TEST(links_are_escaped) {
    assay_link_verdict(ASSAY_STR("a.Z_9-"), ASSAY_STR("!\"$&'()*+,-.:;<=>@[\\]^_`{|}~"), NULL, &out);
    is("/v1/providers/a.Z_9-/orders/!%22$&'()*+,-.:;%3C=%3E@%5B%5C%5D%5E_%60%7B%7C%7D~/verdict");
}
END_TEST

/* === evaluations and pay ============================================================================================== */

static const struct assay_indicator indicators[] = {
    {.code = "tat", .max = {40, 1}},
    {.code = "satisfaction", .max = {40, 1}},
};

/* API.md's example. */
static void make_evaluation(struct assay_evaluation *e) {
    *e = (struct assay_evaluation){
        .scheme = &scheme,
        .period = assay_month_of(2001, 2),
        .window_from = test_date("2000-12-01"),
        .window_to = test_date("2001-02-28"),
        .n_indicators = 2,
        .indicators = {{&indicators[0], true, 95, 100, {19, 20}, {30, 1}, {40, 1}},
                       {&indicators[1], true, 254, 267, {254, 267}, {8080, 267}, {40, 1}}},
        .score = {16090, 267},
        .max = {80, 1},
        .ratio = {1609, 2136},
        .rated = true,
        .closed = 103,
        .counted = 100,
        .compliant = 95,
        .missed = 5,
        .exempt = 2,
        .undetermined = 3,
        .open = 12,
        .points = 1u << ASSAY_POINT_TOTAL,
        .rank = 3,
    };
}

START_TEST(an_evaluation) {
    struct assay_evaluation e;
    make_evaluation(&e);
    const struct assay_evaluation_reply reply = {ASSAY_STR("P001"),        &e, false, 120, test_instant(OPENED),
                                                 {true, 1234500, 2, "CNY"}};
    assay_evaluation_write(&reply, &out, NULL);
    is("{\"provider\":\"P001\",\"scheme\":\"hp-gold-fy01\",\"scheme_version\":3,\"period\":\"2001-02\",\"window\":{\"from\":"
       "\"2000-12-01\",\"to\":\"2001-02-28\"},"
       "\"status\":\"provisional\",\"indicators\":["
       "{\"code\":\"tat\",\"numerator\":95,\"denominator\":100,\"value\":\"0.9500\",\"score\":\"30.0000\",\"max\":\"40.0000\","
       "\"rated\":true},"
       "{\"code\":\"satisfaction\",\"numerator\":254,\"denominator\":267,\"value\":\"0.9513\",\"score\":\"30.2622\",\"max\":\"40."
       "0000\",\"rated\":true}],"
       "\"score\":\"60.2622\",\"max\":\"80.0000\",\"ratio\":\"0.7533\",\"grade\":null,\"rank\":3,\"ranked\":120,"
       "\"orders\":{\"closed\":103,\"counted\":100,\"compliant\":95,\"missed\":5,\"exempt\":2,\"undetermined\":3,\"open\":12},"
       "\"last_record_at\":\"2001-02-05T01:00:00Z\",\"assumptions\":[\"total\"],\"compensation\":{\"amount\":\"12345.00\","
       "\"currency\":\"CNY\"}}");
}
END_TEST

START_TEST(an_evaluation_of_nothing) {
    const struct assay_evaluation e = {
        .scheme = &scheme,
        .period = assay_month_of(2001, 2),
        .window_from = test_date("2000-12-01"),
        .window_to = test_date("2001-02-28"),
        .n_indicators = 1,
        .indicators = {{.indicator = &indicators[0]}},
    };
    const struct assay_evaluation_reply reply = {ASSAY_STR("P"), &e, true, 0, ASSAY_NO_INSTANT, {.known = false}};
    assay_evaluation_write(&reply, &out, NULL);
    is("{\"provider\":\"P\",\"scheme\":\"hp-gold-fy01\",\"scheme_version\":3,\"period\":\"2001-02\",\"window\":{\"from\":\"2000-"
       "12-01\",\"to\":\"2001-02-28\"},"
       "\"status\":\"final\",\"indicators\":[{\"code\":\"tat\",\"numerator\":0,\"denominator\":0,\"value\":null,\"score\":null,"
       "\"max\":\"40.0000\",\"rated\":false}],"
       "\"score\":\"0.0000\",\"max\":\"0.0000\",\"ratio\":null,\"grade\":null,\"rank\":null,\"ranked\":0,"
       "\"orders\":{\"closed\":0,\"counted\":0,\"compliant\":0,\"missed\":0,\"exempt\":0,\"undetermined\":0,\"open\":0},"
       "\"last_record_at\":null,\"assumptions\":[],\"compensation\":null}");
}
END_TEST

START_TEST(compensation) {
    struct assay_evaluation e;
    make_evaluation(&e);
    struct assay_compensation c = {.multiplier = {1609, 2136}, .lines = 3, .no_rate_lines = 0, .base = 20000, .total = 15066};
    struct assay_compensation_reply reply = {ASSAY_STR("P001"), &e, &c, false, -66, "CNY", 2};
    assay_compensation_write(&reply, &out, NULL);
    is("{\"provider\":\"P001\",\"scheme\":\"hp-gold-fy01\",\"period\":\"2001-02\",\"status\":\"draft\",\"lines\":3,\"no_rate_"
       "lines\":0,"
       "\"base\":{\"amount\":\"200.00\",\"currency\":\"CNY\"},\"multiplier\":\"0.7533\",\"adjustments\":{\"amount\":\"-0.66\","
       "\"currency\":\"CNY\"},"
       "\"total\":{\"amount\":\"150.00\",\"currency\":\"CNY\"},\"assumptions\":[\"total\"]}");
    c.no_rate_lines = 1;
    reply.final = true;
    assay_compensation_write(&reply, &out, NULL);
    ck_assert_ptr_nonnull(strstr(out.p, "\"status\":\"final\",\"lines\":3,\"no_rate_lines\":1,"));
    ck_assert_ptr_nonnull(strstr(out.p, "\"total\":null,"));
    out.n = 0;
    c.no_rate_lines = 0, c.lines = 0, c.base = 0, c.total = 0;
    reply.currency = NULL; /* without a rate table nothing is money */
    assay_compensation_write(&reply, &out, NULL);
    ck_assert_ptr_nonnull(strstr(
        out.p, "\"lines\":0,\"no_rate_lines\":0,\"base\":null,\"multiplier\":\"0.7533\",\"adjustments\":null,\"total\":null,"));
}
END_TEST

START_TEST(pay_lines) {
    struct assay_pay_line_reply l = {
        .provider = ASSAY_STR("P001"),
        .order = ASSAY_STR("W1"),
        .product = ASSAY_STR("server"),
        .warranty = ASSAY_WARRANTY_IN,
        .rate = 12000,
        .multiplier = {1609, 2136},
        .amount = 9039,
        .currency = "CNY",
        .scheme = "hp-gold-fy01",
        .minor_digits = 2,
    };
    assay_pay_line_write(&l, &out, NULL);
    is("{\"order\":\"W1\",\"product\":\"server\",\"warranty\":\"in\",\"rate\":{\"amount\":\"120.00\",\"currency\":\"CNY\"},"
       "\"multiplier\":\"0.7533\","
       "\"amount\":{\"amount\":\"90.39\",\"currency\":\"CNY\"},\"status\":\"ok\",\"verdict\":\"/v1/providers/P001/orders/W1/"
       "verdict?scheme=hp-gold-fy01\"}");
    l.rate = ASSAY_NO_RATE;
    l.product = ASSAY_STR_NONE;
    l.warranty = ASSAY_WARRANTY_NONE;
    assay_pay_line_write(&l, &out, NULL);
    is("{\"order\":\"W1\",\"product\":null,\"warranty\":null,\"rate\":null,\"multiplier\":\"0.7533\",\"amount\":null,\"status\":"
       "\"no_rate\","
       "\"verdict\":\"/v1/providers/P001/orders/W1/verdict?scheme=hp-gold-fy01\"}");
    l.held = true;
    assay_pay_line_write(&l, &out, NULL);
    ck_assert_ptr_nonnull(strstr(out.p, "\"status\":\"held\""));
}
END_TEST

/* === uploads ============================================================================================= */

START_TEST(uploads) {
    const struct assay_upload_error errors[] = {
        {7, 3, ASSAY_STR("a-1"), ASSAY_UNKNOWN_FIELD, "order.opened has no such field", "/courier"},
        {9, 0, ASSAY_STR_NONE, ASSAY_INVALID_JSON, "column 3: \"", ""},
    };
    struct assay_upload_reply u = {.upload = ASSAY_STR("17"),
                                   .received = 10,
                                   .accepted = 7,
                                   .duplicates = 1,
                                   .rejected = 2,
                                   .n_errors = 2,
                                   .errors = errors};
    assay_upload_write(&u, &out, NULL);
    is("{\"upload\":\"17\",\"received\":10,\"accepted\":7,\"duplicates\":1,\"rejected\":2,\"errors\":["
       "{\"line\":7,\"column\":3,\"id\":\"a-1\",\"code\":\"unknown_field\",\"detail\":\"order.opened has no such "
       "field\",\"pointer\":\"/courier\"},"
       "{\"line\":9,\"id\":null,\"code\":\"invalid_json\",\"detail\":\"column 3: \\\"\",\"pointer\":\"\"}]}");
    const struct assay_verdict_change change = {ASSAY_STR("S"), ASSAY_STR("P"), ASSAY_STR("W"), ASSAY_OUTCOME_NONE, ASSAY_MISSED};
    u = (struct assay_upload_reply){.received = 1, .accepted = 1, .dry_run = true, .n_changes = 1, .changes = &change};
    assay_upload_write(&u, &out, NULL);
    is("{\"upload\":null,\"received\":1,\"accepted\":1,\"duplicates\":0,\"rejected\":0,\"errors\":[],\"dry_run\":true,"
       "\"verdicts\":[{\"scheme\":\"S\",\"provider\":\"P\",\"order\":\"W\",\"before\":null,\"after\":\"missed\"}]}");
    assay_accepted_write(ASSAY_STR("a"), false, NULL, &out, NULL);
    is("{\"id\":\"a\",\"status\":\"accepted\"}");
    assay_accepted_write(ASSAY_STR("a"), true, NULL, &out, NULL);
    is("{\"id\":\"a\",\"status\":\"duplicate\"}");
    assay_accepted_write(ASSAY_STR("a"), false, &u, &out, NULL);
    is("{\"id\":\"a\",\"status\":\"accepted\",\"dry_run\":true,\"verdicts\":[{\"scheme\":\"S\",\"provider\":\"P\","
       "\"order\":\"W\",\"before\":null,\"after\":\"missed\"}]}");
    struct assay_upload_error wrong = {.line = 3, .status = ASSAY_ID_CONFLICT, .detail = "d", .pointer = "/id"};
    u = (struct assay_upload_reply){.n_errors = 1, .errors = &wrong};
    assay_upload_errors_write(&u, &out, NULL);
    is("[{\"line\":3,\"id\":null,\"code\":\"id_conflict\",\"detail\":\"d\",\"pointer\":\"/id\"}]");
}
END_TEST

START_TEST(changes) {
#define P .provider = ASSAY_STR("P 1"), .period = ASSAY_NO_MONTH
    const struct {
        struct assay_change_item item;
        const char *want;
    } rows[] = {
        {{.kind = ASSAY_CHANGED_ORDER, .seq = 7, .order = ASSAY_STR("W/1"), P},
         "{\"kind\":\"order\",\"provider\":\"P 1\",\"seq\":7,\"order\":\"W/1\",\"scheme\":null,\"period\":null,\"outcome\":null,"
         "\"document\":null,\"code\":null,\"href\":\"/v1/providers/P%201/orders/W%2F1\"}"},
        {{.kind = ASSAY_CHANGED_VERDICT, .seq = 7, .order = ASSAY_STR("W/1"), .scheme = "s", .outcome = ASSAY_MISSED, P},
         "{\"kind\":\"verdict\",\"provider\":\"P "
         "1\",\"seq\":7,\"order\":\"W/1\",\"scheme\":\"s\",\"period\":null,\"outcome\":\"missed\","
         "\"document\":null,\"code\":null,\"href\":\"/v1/providers/P%201/orders/W%2F1/verdict?scheme=s\"}"},
        {{.kind = ASSAY_CHANGED_EVALUATION, .seq = 8, .scheme = "s", .provider = ASSAY_STR("P"), .period = 24013},
         "{\"kind\":\"evaluation\",\"provider\":\"P\",\"seq\":8,\"order\":null,\"scheme\":\"s\",\"period\":\"2001-02\","
         "\"outcome\":null,"
         "\"document\":null,\"code\":null,\"href\":\"/v1/providers/P/evaluations/s/2001-02\"}"},
        {{.kind = ASSAY_CHANGED_STATEMENT, .seq = 8, .scheme = "s", .provider = ASSAY_STR("P"), .period = 24013},
         "{\"kind\":\"statement\",\"provider\":\"P\",\"seq\":8,\"order\":null,\"scheme\":\"s\",\"period\":\"2001-02\","
         "\"outcome\":null,"
         "\"document\":null,\"code\":null,\"href\":\"/v1/providers/P/compensation/2001-02?scheme=s\"}"},
        {{.kind = ASSAY_CHANGED_CONFIGURATION, .seq = 3, .document = "figures", .code = ASSAY_STR("P 1"), P},
         "{\"kind\":\"configuration\",\"provider\":\"P "
         "1\",\"seq\":3,\"order\":null,\"scheme\":null,\"period\":null,\"outcome\":null,"
         "\"document\":\"figures\",\"code\":\"P 1\",\"href\":\"/v1/providers/P%201\"}"},
        {{.kind = ASSAY_CHANGED_CONFIGURATION,
          .seq = 4,
          .document = "calendar",
          .code = ASSAY_STR("c"),
          .period = ASSAY_NO_MONTH},
         "{\"kind\":\"configuration\",\"provider\":null,\"seq\":4,\"order\":null,\"scheme\":null,\"period\":null,\"outcome\":"
         "null,"
         "\"document\":\"calendar\",\"code\":\"c\",\"href\":\"/v1/calendars/c\"}"},
        {{.kind = ASSAY_CHANGED_CONFIGURATION, .seq = 5, .document = "providers", .period = ASSAY_NO_MONTH},
         "{\"kind\":\"configuration\",\"provider\":null,\"seq\":5,\"order\":null,\"scheme\":null,\"period\":null,\"outcome\":"
         "null,"
         "\"document\":\"providers\",\"code\":null,\"href\":\"/v1/providers\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assay_change_item_write(&rows[i].item, &out, NULL);
        is(rows[i].want);
    }
    assay_list_begin(&out);
    assay_changes_end(&out, ASSAY_STR("c1"), true);
    is("{\"items\":[],\"next\":\"c1\",\"more\":true}");
#undef P
}
END_TEST

static Suite *suite_reply(void) {
    Suite *s = suite_create("codec_reply");
    TCase *t = tcase_create("reply");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, values_and_commas);
    tcase_add_test(t, a_verdict);
    tcase_add_test(t, a_verdict_of_nothing_known);
    tcase_add_test(t, clocks_that_do_not_know);
    tcase_add_test(t, an_order_in_detail);
    tcase_add_test(t, an_order_in_lists);
    tcase_add_test(t, links_are_escaped);
    tcase_add_test(t, an_evaluation);
    tcase_add_test(t, an_evaluation_of_nothing);
    tcase_add_test(t, compensation);
    tcase_add_test(t, pay_lines);
    tcase_add_test(t, uploads);
    tcase_add_test(t, changes);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_reply)
