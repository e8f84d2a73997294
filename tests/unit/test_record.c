/* test_record.c -- names, forms, the table of fields, and the packed form (DOMAIN 2.1-2.3). */
#include "order_script.h"
#include "test_random.h"

/* --- names and forms --------------------------------------------------------------------------------------------------- */

START_TEST(test_type_names) {
    static const char *const names[] = {"dispatch",       "order.opened",    "part.requested", "part.shipped",
                                        "part.delivered", "part.cancelled",  "part.received",  "part.marked",
                                        "order.noted",    "order.completed", "order.closed",   "order.cancelled",
                                        "order.reopened", "event.voided",    "survey",         "observation"};
    for (int t = 0; t < ASSAY_TYPE_COUNT; t++) {
        enum assay_type back = ASSAY_TYPE_COUNT;
        bool event = t >= ASSAY_ORDER_OPENED && t <= ASSAY_EVENT_VOIDED;
        ck_assert_str_eq(assay_type_name((enum assay_type)t), names[t]);
        ck_assert_int_eq(assay_type_parse(assay_str_c(names[t]), &back), event); /* the others are never named on the wire */
        if (event) ck_assert_int_eq(back, t);
    }
    enum assay_type none;
    ck_assert(!assay_type_parse(ASSAY_STR("order.open"), &none));
    ck_assert(!assay_type_parse(ASSAY_STR("Order.opened"), &none));
    ck_assert(!assay_type_parse(ASSAY_STR_NONE, &none));
    ck_assert_ptr_null(assay_type_name(ASSAY_TYPE_COUNT));
}
END_TEST

START_TEST(test_kinds_and_parties) {
    for (int k = 0; k < ASSAY_KIND_COUNT; k++) {
        enum assay_kind back = ASSAY_KIND_COUNT;
        ck_assert(assay_kind_parse(assay_str_c(assay_kind_name((enum assay_kind)k)), &back));
        ck_assert_int_eq(back, k);
    }
    enum assay_kind none;
    ck_assert(!assay_kind_parse(ASSAY_STR("event"), &none));
    ck_assert_ptr_null(assay_kind_name(ASSAY_KIND_COUNT));
    ck_assert_int_eq(assay_type_kind(ASSAY_PART_SHIPPED), ASSAY_KIND_SHIPMENT);
    ck_assert_int_eq(assay_type_kind(ASSAY_PART_DELIVERED), ASSAY_KIND_SHIPMENT);
    ck_assert_int_eq(assay_type_kind(ASSAY_PART_RECEIVED), ASSAY_KIND_REPAIR);
    ck_assert_int_eq(assay_type_kind(ASSAY_EVENT_VOIDED), ASSAY_KIND_REPAIR);
    ck_assert_int_eq(assay_type_kind(ASSAY_DISPATCHED), ASSAY_KIND_DISPATCH);
    ck_assert_int_eq(assay_type_kind(ASSAY_SURVEY_RESPONSE), ASSAY_KIND_SURVEY);
    ck_assert_str_eq(assay_party_name(ASSAY_PARTY_LOGISTICS), "logistics");
    ck_assert_str_eq(assay_party_name(ASSAY_PARTY_MANUFACTURER), "manufacturer");
}
END_TEST

static struct assay_str repeat(char c, size_t n) {
    static char text[128];
    memset(text, c, n);
    return (struct assay_str){text, n};
}

START_TEST(test_forms) {
    ck_assert(assay_form_id(ASSAY_STR("a b~!/?#%")));
    ck_assert(assay_form_id(repeat('x', 64)));
    ck_assert(!assay_form_id(repeat('x', 65)));
    ck_assert(!assay_form_id(ASSAY_STR("")));
    ck_assert(!assay_form_id(ASSAY_STR_NONE));
    ck_assert(!assay_form_id(ASSAY_STR("a\tb")));
    ck_assert(!assay_form_id(ASSAY_STR("a\x7f")));
    ck_assert(!assay_form_id(ASSAY_STR("单")));

    ck_assert(assay_form_order(ASSAY_STR("W-1_2.3:4&5=")));
    for (const char *c = " /?#%"; *c; c++) ck_assert(!assay_form_order(repeat(*c, 1)));
    ck_assert(assay_form_order(repeat('x', 64)));
    ck_assert(!assay_form_order(repeat('x', 65)));

    ck_assert(assay_form_provider(ASSAY_STR("aZ09._-")));
    ck_assert(assay_form_provider(repeat('x', 32)));
    ck_assert(!assay_form_provider(repeat('x', 33)));
    ck_assert(!assay_form_provider(ASSAY_STR("P 1")));

    ck_assert(assay_form_line(ASSAY_STR("R1")));
    ck_assert(assay_form_line(repeat('x', 16)));
    ck_assert(!assay_form_line(repeat('x', 17)));
    ck_assert(!assay_form_line(ASSAY_STR("R1,")));
}
END_TEST

START_TEST(test_courier_classes) {
    static const char *const refused[] = {"",     "2D",   "2D1",  "2D100", "0D10",  "AD10", "2d10",
                                          "2D24", "2D-1", "2D1a", "2E10",  " 2D10", "12D10"};
    assay_courier c;
    char back[8];
    for (int n = 1; n <= 9; n++) {
        for (int hour = 0; hour < 24; hour++) {
            char text[16];
            snprintf(text, sizeof text, "%dD%02d", n, hour);
            ck_assert(assay_courier_parse(assay_str_c(text), &c));
            ck_assert_int_eq(c, n * 100 + hour);
            assay_courier_format(c, back);
            ck_assert_str_eq(back, text);
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ck_assert_msg(!assay_courier_parse(assay_str_c(refused[i]), &c), "%s", refused[i]);
}
END_TEST

START_TEST(test_decimals) {
    static const struct {
        const char *text, *shortest;
        assay_decimal value;
    } good[] = {{"0", "0", 0},
                {"-0", "0", 0},
                {"-0.000", "0", 0},
                {"97.5", "97.5", 97500000},
                {"97.500000", "97.5", 97500000},
                {"007", "7", 7000000},
                {"-0.5", "-0.5", -500000},
                {"0.000001", "0.000001", 1},
                {"100", "100", 100000000},
                {"999999999999.999999", "999999999999.999999", 999999999999999999},
                {"-999999999999.999999", "-999999999999.999999", -999999999999999999}};
    static const char *const bad[] = {
        "", "-", ".5", "5.", "+1", "1e3", " 1", "1 ", "1,5", "1.0000000", "1000000000000", "--1", "1.2.3", "0x1", "\xEF\xBC\x91"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assay_decimal d;
        char text[ASSAY_DECIMAL_TEXT];
        ck_assert_msg(assay_decimal_parse(assay_str_c(good[i].text), &d) && d == good[i].value, "%s", good[i].text);
        assay_decimal_format(d, text);
        ck_assert_str_eq(text, good[i].shortest);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assay_decimal d;
        ck_assert_msg(!assay_decimal_parse(assay_str_c(bad[i]), &d), "%s", bad[i]);
    }
}
END_TEST

/* Of an observation the fold reads nothing, but its packed form is whole. */
START_TEST(test_observation_packed) {
    struct assay_record r, back;
    struct assay_buf b = {0};
    struct assay_arena a = {0};
    size_t pos = 0;
    bool voided;
    assay_record_init(&r);
    r.kind = ASSAY_KIND_OBSERVATION, r.type = ASSAY_OBSERVATION_MADE, r.id = ASSAY_STR("o-1"), r.at = 17;
    r.indicator = ASSAY_STR("answer-rate"), r.numerator = 95, r.denominator = 100;
    assay_record_pack(&r, false, &b);
    ck_assert_int_eq(assay_record_unpack(assay_buf_str(&b), &pos, &a, &back, &voided), ASSAY_OK);
    ck_assert_uint_eq(pos, b.n);
    ck_assert(back.kind == ASSAY_KIND_OBSERVATION && back.at == 17 && assay_str_is(back.id, "o-1") && !voided);
    ck_assert(back.numerator == -1 && back.denominator == -1 && back.value == ASSAY_NO_DECIMAL);
    assay_buf_free(&b);
    assay_arena_free(&a);
}
END_TEST

/* DOMAIN 2.1-2.4 once more, as the fields each type requires (first) and allows besides. */
START_TEST(test_table_of_fields) {
    static const struct {
        enum assay_type type;
        const char *required, *allowed;
    } want[] = {
        {ASSAY_DISPATCHED, "", "product customer_class serial reported_at parts "},
        {ASSAY_ORDER_OPENED, "channel product ", "customer_class serial warranty reported_at "},
        {ASSAY_PART_REQUESTED, "request line part_no ", "replaces local "},
        {ASSAY_PART_SHIPPED, "line courier ", "warehouse "},
        {ASSAY_PART_DELIVERED, "line ", ""},
        {ASSAY_PART_CANCELLED, "line ", "reason "},
        {ASSAY_PART_RECEIVED, "line ", ""},
        {ASSAY_PART_MARKED, "line mark ", ""},
        {ASSAY_ORDER_NOTED, "reason ", "note "},
        {ASSAY_ORDER_COMPLETED, "", ""},
        {ASSAY_ORDER_CLOSED_EVENT, "", "outcome "},
        {ASSAY_ORDER_CANCELLED, "", "reason "},
        {ASSAY_ORDER_REOPENED, "", "reason "},
        {ASSAY_EVENT_VOIDED, "target ", "reason target_kind "},
        {ASSAY_SURVEY_RESPONSE, "answer ", "customer_class source responsibility overall attitude recommend "},
        {ASSAY_OBSERVATION_MADE, "indicator ", "numerator denominator value rater "},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct assay_buf required = {0}, allowed = {0};
        assay_buf_adds(&required, "");
        assay_buf_adds(&allowed, "");
        for (size_t f = 0; f < assay_fields_count; f++) {
            const struct assay_field *field = &assay_fields[f];
            uint32_t bit = UINT32_C(1) << want[i].type;
            ck_assert_msg(!(field->required & ~field->allowed), "%s is required where it is not allowed", field->name);
            if (field->required & bit) assay_buf_printf(&required, "%s ", field->name);
            else if (field->allowed & bit) assay_buf_printf(&allowed, "%s ", field->name);
        }
        ck_assert_str_eq(required.p, want[i].required);
        ck_assert_str_eq(allowed.p, want[i].allowed);
        assay_buf_free(&required);
        assay_buf_free(&allowed);
    }
}
END_TEST

START_TEST(test_absent_is_absent) {
    struct assay_record r;
    memset(&r, 0xFF, sizeof r);
    assay_record_init(&r);
    ck_assert(!r.id.p && !r.order.p && !r.parts && !r.n_parts && !r.local && !r.request && !r.courier && !r.channel);
    ck_assert(r.at == ASSAY_NO_INSTANT && r.reported_at == ASSAY_NO_INSTANT);
    ck_assert(r.overall == -1 && r.attitude == -1 && r.recommend == -1);
    ck_assert_int_eq(r.target_kind, ASSAY_KIND_REPAIR);
}
END_TEST

/* --- the packed form --------------------------------------------------------------------------------------------------- */

static void same_str(struct assay_str a, struct assay_str b) {
    ck_assert_int_eq(a.p == NULL, b.p == NULL);
    ck_assert(assay_str_eq(a, b));
}

static void same_packed(const struct assay_record *a, const struct assay_record *b) {
    ck_assert_int_eq(a->type, b->type);
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert(a->at == b->at && a->reported_at == b->reported_at);
    same_str(a->id, b->id);
    same_str(a->line, b->line);
    same_str(a->replaces, b->replaces);
    same_str(a->product, b->product);
    same_str(a->serial, b->serial);
    ck_assert(a->request == b->request && a->local == b->local && a->courier == b->courier && a->mark == b->mark);
    ck_assert(a->noted == b->noted && a->outcome == b->outcome && a->channel == b->channel && a->warranty == b->warranty);
    ck_assert(a->customer_class == b->customer_class && a->answer == b->answer && a->source == b->source);
    ck_assert(a->responsibility == b->responsibility && a->overall == b->overall && a->attitude == b->attitude);
    ck_assert_int_eq(a->recommend, b->recommend);
    ck_assert_uint_eq(a->n_parts, b->n_parts);
    for (size_t i = 0; i < a->n_parts; i++) same_str(a->parts[i].line, b->parts[i].line);
}

static const char every_field[] = "open 02-05/09:00 ccc product=server class=key serial=S warranty=out reported=02-05/08:00; req "
                                  "02-05/10:00 7 A replaces=B local=1;"
                                  "ship 02-05/15:00 A 9D23; deliver 02-06/10:00 A; drop 02-06/11:00 A; mark 02-06/12:00 A "
                                  "wrong_shipment; note 02-06/13:00 force_majeure;"
                                  "close 02-07/09:00 outcome=unrepaired; !close 02-08/09:00; dispatch 02-05/08:30 lines=R1,R2,R3;"
                                  "survey 02-09/09:00 complaint source=volunteered resp=manufacturer overall=5 class=ordinary; "
                                  "cancel 02-10/09:00; reopen 02-11/09:00";

START_TEST(test_pack_and_back) {
    struct script s = {0};
    struct assay_buf b = {0};
    script_read(&s, every_field);
    s.recs[1].record.request = INT32_MAX;
    s.recs[0].record.product = ASSAY_STR(""); /* empty is not absent */
    s.recs[10].record.recommend = 0;
    for (size_t i = 0; i < s.n; i++) assay_record_pack(&s.recs[i].record, s.recs[i].voided, &b);
    size_t pos = 0;
    for (size_t i = 0; i < s.n; i++) {
        struct assay_record r;
        bool voided;
        ck_assert_int_eq(assay_record_unpack(assay_buf_str(&b), &pos, &s.arena, &r, &voided), ASSAY_OK);
        same_packed(&s.recs[i].record, &r);
        ck_assert_int_eq(voided, s.recs[i].voided);
    }
    ck_assert_uint_eq(pos, b.n);
    ck_assert_uint_lt(b.n, 40 * s.n); /* compact */
    assay_buf_free(&b);
    script_free(&s);
}
END_TEST

static enum assay_status unpack(const void *p, size_t n, struct assay_arena *a) {
    /* An exact copy, so that the address sanitizer sees a byte too far. */
    char *copy = assay_xmalloc(n);
    struct assay_record r;
    size_t pos = 0;
    bool voided;
    memcpy(copy, p, n);
    enum assay_status st = assay_record_unpack((struct assay_str){copy, n}, &pos, a, &r, &voided);
    ck_assert(st == ASSAY_OK || st == ASSAY_INTERNAL);
    if (st == ASSAY_OK) ck_assert_uint_le(pos, n);
    free(copy);
    return st;
}

START_TEST(test_unpack_refuses_what_pack_does_not_write) {
    struct assay_arena a = {0};
#define BYTES(...) (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})
#define AT_AND_ID 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x'
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 0), &a), ASSAY_OK);
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 2, 0x80, 1, 0), &a), ASSAY_OK);
    ck_assert_int_eq(unpack(BYTES(16, AT_AND_ID, 0), &a), ASSAY_INTERNAL);            /* no such type */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID), &a), ASSAY_INTERNAL);                /* no end */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 99, 0), &a), ASSAY_INTERNAL);         /* no such tag */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 4, 4, 0), &a), ASSAY_INTERNAL);       /* a tag twice */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 4, 2, 1, 0), &a), ASSAY_INTERNAL);    /* tags descending */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 1, 5, 'A', 0), &a), ASSAY_INTERNAL);  /* a string beyond the end */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 2, 0, 0), &a), ASSAY_INTERNAL);       /* request 0 */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 2, 0x80, 0, 0), &a), ASSAY_INTERNAL); /* a number not in shortest form */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0), &a), ASSAY_INTERNAL); /* beyond int32 */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0), &a), ASSAY_INTERNAL);
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 5, 99, 0), &a), ASSAY_INTERNAL);                         /* class 0D99 */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 5, 124, 0), &a), ASSAY_INTERNAL);                        /* class 1D24 */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 6, 6, 0), &a), ASSAY_INTERNAL);                          /* no such mark */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 6, 0, 0), &a), ASSAY_INTERNAL);                          /* an absent mark */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 15, 0x80, 0x80, 0x80, 0x80, 1, 0), &a), ASSAY_INTERNAL); /* parts without end */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 15, 0, 0), &a), ASSAY_INTERNAL);                         /* no parts, said */
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 14, 0, 0, 0, 0, 0, 0, 0, 0x7F, 0), &a), ASSAY_OK);
    ck_assert_int_eq(unpack(BYTES(9, AT_AND_ID, 14, 0, 0, 0, 0, 0, 0, 0, 0x80, 0), &a), ASSAY_INTERNAL); /* an absent instant */
    ck_assert_int_eq(unpack("", 0, &a), ASSAY_INTERNAL);
    ck_assert_uint_lt(a.used, 4096);

    struct assay_record r;
    size_t pos = 5;
    bool voided;
    ck_assert_int_eq(assay_record_unpack(ASSAY_STR("abc"), &pos, &a, &r, &voided), ASSAY_INTERNAL);
    assay_arena_free(&a);
}
END_TEST

/* Cut anywhere or with any byte changed, it is refused or is another record: never a read outside. */
START_TEST(test_unpack_of_damaged_bytes) {
    struct script s = {0};
    script_read(&s, every_field);
    for (size_t i = 0; i < s.n; i++) {
        struct assay_buf b = {0};
        assay_record_pack(&s.recs[i].record, false, &b);
        for (size_t n = 0; n < b.n; n++) ck_assert_int_eq(unpack(b.p, n, &s.arena), ASSAY_INTERNAL);
        for (size_t at = 0; at < b.n; at++) {
            for (int bit = 0; bit < 8; bit++) {
                b.p[at] = (char)(b.p[at] ^ 1 << bit);
                (void)unpack(b.p, b.n, &s.arena);
                b.p[at] = (char)(b.p[at] ^ 1 << bit);
            }
        }
        assay_buf_free(&b);
    }
    script_free(&s);
}
END_TEST

START_TEST(test_unpack_of_noise) {
    struct assay_arena a = {0};
    uint64_t seed = 20010205;
    for (int i = 0; i < 20000; i++) {
        unsigned char bytes[64];
        size_t n = (size_t)test_random_below(&seed, sizeof bytes) + 1;
        for (size_t k = 0; k < n; k++)
            bytes[k] = (unsigned char)(test_random(&seed) >> 40 & (test_random_below(&seed, 2) ? 0xFF : 0x0F));
        bytes[0] &= 0x8F;
        (void)unpack(bytes, n, &a);
        assay_arena_reset(&a);
    }
    assay_arena_free(&a);
}
END_TEST

static Suite *suite_of_record(void) {
    Suite *s = suite_create("record");
    TCase *t = tcase_create("record");
    tcase_add_test(t, test_type_names);
    tcase_add_test(t, test_kinds_and_parties);
    tcase_add_test(t, test_forms);
    tcase_add_test(t, test_courier_classes);
    tcase_add_test(t, test_decimals);
    tcase_add_test(t, test_observation_packed);
    tcase_add_test(t, test_table_of_fields);
    tcase_add_test(t, test_absent_is_absent);
    tcase_add_test(t, test_pack_and_back);
    tcase_add_test(t, test_unpack_refuses_what_pack_does_not_write);
    tcase_add_test(t, test_unpack_of_damaged_bytes);
    tcase_add_test(t, test_unpack_of_noise);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_record)
