/* test_explain.c -- segments, ledgers, the records used, and what is told to people (DOMAIN 4.4). */
#include "order_script.h"

static struct rulebook book;
static struct script script;
static struct assay_order order;
static struct assay_verdict verdict;
static struct assay_explanation told;

static void setup(void) { rulebook_init(&book); }
static void teardown(void) {
    rulebook_free(&book);
    script_free(&script);
    script = (struct script){0};
}

static void explain(const char *text) {
    script_free(&script);
    script = (struct script){0};
    script_read(&script, text);
    assay_order_fold(script.recs, script.n, &script.arena, &order);
    assay_verdict_judge(&order, &book.rules, &script.arena, &verdict);
    assay_verdict_explain(&order, &verdict, &script.arena, &told);
}

static const char *segments(void) {
    struct assay_buf b = {0};
    assay_buf_adds(&b, "");
    for (size_t i = 0; i < told.n_segments; i++) {
        const struct assay_segment *s = &told.segments[i];
        assay_buf_printf(&b, "%s%s %c ", i ? "; " : "", s->code, *s->party);
        script_put_instant(&b, s->from);
        assay_buf_adds(&b, "..");
        script_put_instant(&b, s->to);
        assay_buf_printf(&b, " %lld", (long long)(s->working_us / ASSAY_SECOND));
    }
    const char *text = assay_arena_dup(&script.arena, assay_buf_str(&b)).p;
    assay_buf_free(&b);
    return text;
}

static const char *records(void) {
    struct assay_buf b = {0};
    assay_buf_adds(&b, "");
    for (size_t i = 0; i < told.n_records; i++) assay_buf_printf(&b, "%s%s", i ? " " : "", told.records[i]);
    const char *text = assay_arena_dup(&script.arena, assay_buf_str(&b)).p;
    assay_buf_free(&b);
    return text;
}

START_TEST(test_segments) {
    static const struct {
        const char *script, *want;
    } rows[] = {
        {"open 02-05/09:00 walk_in reported=02-05/08:00; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/09:30 A; "
         "close 02-07/12:00",
         "report_to_open p 02-05/08:00..02-05/09:00 1800; open_to_request p 02-05/09:00..02-05/10:00 3600; "
         "request_to_ship m 02-05/10:00..02-05/15:00 14400; ship_to_deliver m 02-05/15:00..02-06/09:30 12600; "
         "deliver_to_close p 02-06/09:30..02-07/12:00 37800"},
        {"dispatch 02-05/09:00 reported=02-05/08:30 lines=R1; open 02-05/09:00 ccc; req 02-05/10:00 1 A; ship 02-05/11:00 R1 "
         "2D18; ship 02-05/12:00 A 2D10",
         "report_to_open p 02-05/08:30..02-05/09:00 1800; dispatch_to_request p 02-05/09:00..02-05/10:00 3600; "
         "request_to_ship m 02-05/10:00..02-05/11:00 3600"},
        /* without parts */
        {"open 02-05/09:00 walk_in; close 02-05/12:30", "open_to_close p 02-05/09:00..02-05/12:30 10800"},
        {"dispatch 02-05/09:00; close 02-05/12:30", "dispatch_to_close p 02-05/09:00..02-05/12:30 10800"},
        {"open 02-05/09:00 walk_in reported=02-05/09:00", "report_to_open p 02-05/09:00..02-05/09:00 0"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; drop 02-05/11:00 A; close 02-05/12:00",
         "open_to_close p 02-05/09:00..02-05/12:00 10800"},
        /* unknown stretches */
        {"dispatch 02-05/09:00 lines=R1; ship 02-05/11:00 R1 2D18; deliver 02-06/12:00 R1; close 02-06/13:00",
         "ship_to_deliver m 02-05/11:00..02-06/12:00 32400; deliver_to_close p 02-06/12:00..02-06/13:00 0"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; close 02-06/12:00", "open_to_request p 02-05/09:00..02-05/10:00 3600"},
        /* negative stretches: shipped before the request, closed before the delivery, reported after the opening */
        {"open 02-05/09:00 walk_in reported=02-05/09:30; req 02-05/12:00 1 A; ship 02-05/11:00 A 2D10; deliver 02-06/12:00 A; "
         "close 02-06/11:00",
         "open_to_request p 02-05/09:00..02-05/12:00 10800; ship_to_deliver m 02-05/11:00..02-06/12:00 32400"},
        {"open 02-05/09:00 walk_in; req 02-05/08:00 1 A; ship 02-05/11:00 A 2D10; close 02-06/11:00",
         "request_to_ship m 02-05/08:00..02-05/11:00 9000"},
        /* nothing known to begin or not judged */
        {"req 02-05/08:00 1 A; close 02-06/11:00", ""},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; cancel 02-06/11:00", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        explain(rows[i].script);
        ck_assert_msg(!strcmp(segments(), rows[i].want), "%s\n  want %s\n  got  %s", rows[i].script, rows[i].want, segments());
    }
    book.facts.ascim = true;
    explain("open 02-05/09:00 walk_in; req 02-05/10:00 1 A local=1; close 02-05/12:30");
    ck_assert_str_eq(segments(), "open_to_close p 02-05/09:00..02-05/12:30 10800");
}
END_TEST

START_TEST(test_records_used) {
    static const struct {
        const char *script, *want;
    } rows[] = {
        {"open 02-05/09:00 walk_in; open 02-05/09:30 walk_in; note 02-05/09:40 customer; req 02-05/10:00 1 A; req 02-05/11:00 2 "
         "B;"
         "ship 02-05/12:00 A 2D10; ship 02-05/15:00 A 2D10; ship 02-05/15:00 B 2D10; deliver 02-05/14:00 A; deliver 02-06/09:00 "
         "A;"
         "receive 02-06/09:30 A; mark 02-06/10:00 A used; complete 02-06/11:00; close 02-06/12:00; survey 02-08/09:00 satisfied",
         "repair:e1 repair:e4 shipment:e7 shipment:e10 repair:e14"},
        {"dispatch 02-05/09:00 lines=R1; dispatch 02-05/10:00; dispatch 02-05/11:00 lines=R2; open 02-05/09:30 ccc; ship "
         "02-05/12:00 R1 2D10; drop 02-05/12:00 R2",
         "dispatch:e1 repair:e4 dispatch:e3 shipment:e5 repair:e6"},
        /* a delivery before the shipment that counts */
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; deliver 02-05/11:00 A; ship 02-05/12:00 A 2D10",
         "repair:e1 repair:e2 shipment:e4"},
        /* a note that excused */
        {"open 02-05/09:00 walk_in; note 02-05/09:40 customer; note 02-05/09:50 customer; req 02-05/15:00 1 A",
         "repair:e1 repair:e2 repair:e4"},
        /* a chain of replacements: requests and marks on the way, the shipment of its end, the one passed over */
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/11:00 A 2D10; mark 02-06/09:00 A doa; req 02-06/10:00 2 B "
         "replaces=A;"
         "ship 02-06/11:00 B 2D10; mark 02-07/09:00 B mismatch; req 02-07/10:00 3 C replaces=B; req 02-07/11:00 4 D replaces=B;"
         "drop 02-07/12:00 D; ship 02-07/13:00 C 2D10; mark 02-08/09:00 C doa; close 02-09/09:00",
         "repair:e1 repair:e2 repair:e4 repair:e5 repair:e7 repair:e8 repair:e9 repair:e10 shipment:e11 repair:e13"},
        /* what makes and unmakes the state */
        {"open 02-05/09:00 walk_in; close 02-05/10:00; close 02-05/11:00; reopen 02-05/12:00; close 02-06/09:00",
         "repair:e1 repair:e2 repair:e3 repair:e4 repair:e5"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; cancel 02-05/11:00", "repair:e1 repair:e3"},
        {"req 02-05/10:00 1 A; close 02-05/11:00", "repair:e2"},
        {"!open 02-05/09:00 walk_in; open 02-05/10:00 walk_in", "repair:e2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        explain(rows[i].script);
        ck_assert_msg(!strcmp(records(), rows[i].want), "%s\n  want %s\n  got  %s", rows[i].script, rows[i].want, records());
    }
    book.facts.ascim = true; /* a local line needs no shipment */
    explain("open 02-05/09:00 walk_in; req 02-05/10:00 1 A local=1; req 02-05/10:00 1 B; ship 02-05/11:00 A 2D10; ship "
            "02-05/11:00 B 2D10");
    ck_assert_str_eq(records(), "repair:e1 repair:e2 repair:e3 shipment:e5");
}
END_TEST

START_TEST(test_ledgers) {
    explain("open 02-05/09:00 walk_in; req 02-05/14:00 1 A; ship 02-05/15:00 A 2D10; close 02-06/09:00");
    ck_assert_uint_eq(told.diagnosis_ledger.n, 3); /* working, break, working */
    ck_assert_int_eq(told.diagnosis_ledger.entries[1].kind, ASSAY_BREAK);
    ck_assert_uint_eq(told.cycle_ledger.n, 3); /* working, night, working */
    ck_assert_int_eq(told.cycle_ledger.entries[1].kind, ASSAY_NIGHT);
    explain("open 02-05/09:00 walk_in; req 02-05/08:00 1 A; close 02-06/09:00");
    ck_assert_uint_eq(told.diagnosis_ledger.n, 0);
    ck_assert_uint_eq(told.cycle_ledger.n, 0);
}
END_TEST

START_TEST(test_words) {
    static const struct {
        const char *script, *en, *zh;
    } rows[] = {
        {"open 02-05/09:00 walk_in; close 02-05/12:30",
         "Compliant: every limit that applies was kept.\n"
         "Diagnosis rule: does not apply, because the provider requested no part.\n"
         "Repair cycle: no part line counts, so it starts with the opening at 2001-02-05 09:00. Standard: 1 working day, that of "
         "repairs "
         "without shipped parts. Closed at 2001-02-05 12:30: 0 working days used, 1 working day to spare: met.\n"
         "Scheme hp-gold-fy01, version 1. Times are those of Asia/Shanghai.",
         "达标：适用的各项时限均已满足。\n"
         "诊断时限：不适用，服务商未申请备件。\n"
         "维修周期：没有计入的备件行，自开单（2001-02-05 09:00）起算。标准：1 个工作日（无需发运备件的维修）。结单时间 "
         "2001-02-05 12:30：用时 0 "
         "个工作日，剩余 1 个工作日：达标。\n"
         "评估方案 hp-gold-fy01，版本 1。时间为 Asia/Shanghai 当地时间。"},
        {"dispatch 02-05/09:00 lines=R1; req 02-05/14:00:01.5 1 A; ship 02-05/15:00:30 R1 2D10; ship 02-05/15:00 A 3D10; deliver "
         "02-06/11:00 R1; close 02-12/09:00",
         "Missed: parts were requested too late, and the repair took too long.\n"
         "Diagnosis rule: from the dispatch at 2001-02-05 09:00 to the first request at 2001-02-05 14:00:01.500000, 4 h 1 s of "
         "working time "
         "used of 4 h of working time: missed by 1 s of working time. The request was due by 2001-02-05 14:00.\n"
         "Repair cycle: of 2 part lines, line A was expected to arrive last (2001-02-07 10:00, class 3D10), so it starts when "
         "that line was "
         "shipped at 2001-02-05 15:00. Standard: 3 working days (parts late, first step), because line R1 was promised for "
         "2001-02-06 10:00 "
         "and delivered at 2001-02-06 11:00. Closed at 2001-02-12 09:00: 5 working days used, 2 working days too many: missed. "
         "The time ran "
         "out at 2001-02-09 00:00.\n"
         "Scheme hp-gold-fy01, version 1. Times are those of Asia/Shanghai.",
         "未达标：备件申请超时，且维修周期超时。\n"
         "诊断时限：自派单（2001-02-05 09:00）至首次申请备件（2001-02-05 14:00:01.500000），用时 4 小时 1 秒工作时间，时限 4 "
         "小时工作时间：超时 1 秒工作时间。"
         "应于 2001-02-05 14:00 前申请。\n"
         "维修周期：共 2 个备件行，备件行 A 预计最晚到达（2001-02-07 10:00，时效 3D10），自其发货（2001-02-05 "
         "15:00）起算。标准：3 个工作日（备件晚到第一档），"
         "因备件行 R1 承诺 2001-02-06 10:00 送达，实际 2001-02-06 11:00 送达。结单时间 2001-02-12 09:00：用时 5 个工作日，超出 2 "
         "个工作日：未达标。"
         "截止时间为 2001-02-09 00:00。\n"
         "评估方案 hp-gold-fy01，版本 1。时间为 Asia/Shanghai 当地时间。"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        explain(rows[i].script);
        ck_assert_str_eq(told.text_en, rows[i].en);
        ck_assert_str_eq(told.text_zh, rows[i].zh);
    }
}
END_TEST

/* What each kind of verdict must say, piece by piece. */
START_TEST(test_words_of_every_kind) {
    static const struct {
        const char *script, *en, *zh;
    } rows[] = {
        {"open 02-05/09:00 walk_in; cancel 02-05/10:00", "Out of scope: the order was cancelled.", "维修单已取消"},
        {"open 2000-11-30/09:00 walk_in", "the order belongs to 2000-11-30, before the scheme starts on 2000-12-01",
         "早于方案生效日期 2000-12-01"},
        {"close 02-05/10:00",
         "closed at 2001-02-05 10:00, but neither an opening nor a dispatch is on record. The provider can mend",
         "请服务商补报开单记录"},
        {"receive 02-05/10:00 A", "no clock runs", "时限未开始计算"},
        {"open 02-05/09:00 walk_in", "4 h of working time after the opening at 2001-02-05 09:00 run out at 2001-02-05 14:00",
         "至 2001-02-05 14:00 止"},
        {"open 02-05/09:00 walk_in", "The time runs out at 2001-02-07 00:00.", "截止时间为 2001-02-07 00:00。"},
        {"open 02-05/09:00 walk_in; note 02-05/10:00 customer; req 02-05/15:00 1 A",
         "the note of 2001-02-05 10:00 (on the customer's account) excuses", "（客户原因）予以豁免"},
        {"open 02-05/09:00 walk_in; note 02-05/10:00 machine_testing; req 02-05/15:00 1 A", "(the machine was under test)",
         "（机器测试中）"},
        {"open 02-05/09:00 walk_in; note 02-05/10:00 force_majeure; req 02-05/15:00 1 A", "(force majeure)", "（不可抗力）"},
        {"open 02-05/09:00 walk_in; req 02-05/08:00 1 A",
         "the first request at 2001-02-05 08:00 lies before the opening at 2001-02-05 09:00", "早于开单（2001-02-05 09:00）"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; mark 02-05/11:00 B doa; req 02-05/12:00 2 C "
         "replaces=B; close 02-07/09:00",
         "no shipment is on record for line A, line B (replaced by C). Logistics can mend",
         "备件行 A、备件行 B（更换件 C）没有发货记录"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-08/10:00 A 2D10; close 02-07/09:00",
         "The close at 2001-02-07 09:00 lies before that start", "早于起算时间"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10",
         "it starts when part line A was shipped at 2001-02-05 15:00 (class 2D10, expected 2001-02-06 10:00)", "时效 2D10"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10",
         "2 working days, that of Beijing, because no delivery is on record", "没有送达记录"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/10:00 A",
         "because every delivery on record came as promised", "均按承诺送达"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-08/10:00 A",
         "(parts late, second step)", "备件晚到第二档"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-08/10:00 A",
         "later than the slowest class", "晚于最慢时效"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 C replaces=A; ship "
         "02-05/13:00 C 2D10",
         "The shipment is that of line C, which replaces it.", "更换件（备件行 C）"},
        {"open 02-05/09:00 walk_in; close 02-05/10:00; reopen 02-05/11:00; close 02-05/12:00",
         "this result rests on: The last close ends the cycle.", "以最后一次结单为准。"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        explain(rows[i].script);
        ck_assert_msg(strstr(told.text_en, rows[i].en), "%s\n  want %s\n  in   %s", rows[i].script, rows[i].en, told.text_en);
        ck_assert_msg(strstr(told.text_zh, rows[i].zh), "%s\n  want %s\n  in   %s", rows[i].script, rows[i].zh, told.text_zh);
        ck_assert_ptr_null(strpbrk(told.text_en, "{}"));
        ck_assert_ptr_null(strpbrk(told.text_zh, "{}"));
    }
    book.facts.ascim = true;
    explain("open 02-05/09:00 walk_in; req 02-05/10:00 1 A local=1; close 02-05/12:30");
    ck_assert_ptr_nonnull(strstr(told.text_en, "every part came from the provider's own ASCIM stock"));
    ck_assert_ptr_nonnull(strstr(told.text_zh, "ASCIM 库存"));
}
END_TEST

/* More lines than are worth naming, and units besides days. */
START_TEST(test_words_of_other_units) {
    explain("open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; req 02-05/10:00 1 C; req 02-05/10:00 1 D; req "
            "02-05/10:00 1 E;"
            "req 02-05/10:00 1 F; req 02-05/10:00 1 G; req 02-05/10:00 1 H; req 02-05/10:00 1 I; req 02-05/10:00 1 J");
    ck_assert_ptr_nonnull(strstr(told.text_en, "line G, line H and 2 more."));
    ck_assert_ptr_nonnull(strstr(told.text_zh, "备件行 H等共 10 行"));

    book.scheme.no_parts = (struct assay_standard){ASSAY_CALENDAR_HOURS, 25};
    explain("open 02-05/09:00 walk_in; close 02-05/12:30:00.000001");
    ck_assert_ptr_nonnull(strstr(told.text_en, "3 h 30 min used, 21 h 29 min 59 s to spare: met"));
    ck_assert_ptr_nonnull(strstr(told.text_zh, "用时 3 小时 30 分"));
    explain("open 02-05/09:00 walk_in; close 02-06/10:00:00.000001");
    ck_assert_ptr_nonnull(strstr(told.text_en, "25 h used, 0.000001 s too many: missed"));
    book.scheme.no_parts = (struct assay_standard){ASSAY_CALENDAR_DAYS, 1};
    explain("open 02-05/09:00 walk_in; close 02-05/12:30");
    ck_assert_ptr_nonnull(strstr(told.text_en, "0 days used, 1 day to spare: met"));
    ck_assert_ptr_nonnull(strstr(told.text_zh, "用时 0 天，剩余 1 天：达标"));
}
END_TEST

START_TEST(test_no_order_is_not_explained) {
    explain("survey 02-05/09:00 satisfied");
    ck_assert_str_eq(told.text_en, "");
    ck_assert_uint_eq(told.n_records, 0);
    ck_assert_uint_eq(told.n_segments, 0);
}
END_TEST

static Suite *suite_of_explain(void) {
    Suite *s = suite_create("explain");
    TCase *t = tcase_create("explain");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_segments);
    tcase_add_test(t, test_records_used);
    tcase_add_test(t, test_ledgers);
    tcase_add_test(t, test_words);
    tcase_add_test(t, test_words_of_every_kind);
    tcase_add_test(t, test_words_of_other_units);
    tcase_add_test(t, test_no_order_is_not_explained);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_explain)
