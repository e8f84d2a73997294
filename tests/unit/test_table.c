/* Tables for spreadsheets: which cells a reply becomes, RFC 4180, and what a spreadsheet would take for a formula. */
#include "check_main.h"

#include "assay/codec.h"

static struct assay_buf out;
static void teardown(void) { assay_buf_free(&out); }

static const char *table(const char *rows, const char *const *columns, const char *json) {
    out.n = 0;
    assay_table_write(&(struct assay_table){rows, columns}, assay_str_c(json), &out);
    ck_assert(out.n >= 3 && !memcmp(out.p, "\xEF\xBB\xBF", 3));
    return out.p + 3;
}

START_TEST(paths_are_columns) {
    static const char *const columns[] = {"/window.from", "code", "orders.open", "pay.amount", "none", NULL};
    ck_assert_str_eq(table("items", columns,
                           "{\"window\":{\"from\":\"2000-12-01\",\"x\":[{}]},\"items\":[{\"code\":\"P1\",\"orders\":{\"open\":2,"
                           "\"closed\":3},\"pay\":null},{\"pay\":{\"amount\":\"-0.05\"},\"code\":true}],\"next\":null}\n"),
                     "window.from,code,orders.open,pay.amount,none\r\n2000-12-01,P1,2,,\r\n2000-12-01,true,,-0.05,\r\n");
    ck_assert_str_eq(table("items", columns, "{\"items\":[],\"next\":null}"), "window.from,code,orders.open,pay.amount,none\r\n");
    static const char *const own[] = {"a", "b.c", NULL};
    ck_assert_str_eq(table(NULL, own, "{\"b\":{\"c\":7},\"a\":null}"), "a,b.c\r\n,7\r\n");
}
END_TEST

/* A member of the same name elsewhere is another column: paths are whole. */
START_TEST(paths_are_whole) {
    static const char *const columns[] = {"score", "a.score", NULL};
    ck_assert_str_eq(
        table("items", columns, "{\"score\":9,\"items\":[{\"a\":{\"score\":1,\"b\":{\"score\":3}},\"scores\":4,\"score\":2}]}"),
        "score,a.score\r\n2,1\r\n");
}
END_TEST

START_TEST(lists_are_joined) {
    static const char *const columns[] = {"words", "parts", NULL};
    ck_assert_str_eq(table("items", columns,
                           "{\"items\":[{\"words\":[\"a\",\"b\"],\"parts\":[{\"line\":\"R1\",\"part_no\":\"C4096\"},{\"line\":"
                           "\"R2\",\"part_no\":null}]},{\"words\":[],\"parts\":[]}]}"),
                     "words,parts\r\na|b,R1:C4096|R2:\r\n,\r\n");
}
END_TEST

/* Indicators are columns of their code, in the order in which rows bring them. */
START_TEST(coded_objects_are_columns) {
    static const char *const columns[] = {"p", "i.*", "z", NULL};
    ck_assert_str_eq(
        table("items", columns,
              "{\"items\":[{\"p\":1,\"i\":[{\"code\":\"tat\",\"value\":\"0.5\",\"rated\":true}],\"z\":8},"
              "{\"p\":2,\"i\":[{\"code\":\"nps\",\"value\":\"0.7\",\"rated\":false},{\"code\":\"tat\",\"value\":null,"
              "\"rated\":false}],\"z\":9}]}"),
        "p,i.tat.value,i.tat.rated,i.nps.value,i.nps.rated,z\r\n1,0.5,true,,,8\r\n2,,false,0.7,false,9\r\n");
}
END_TEST

/* --- cells: what goes in comes out ---------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *cell;
} cells[] = {
    {"plain", "plain"},
    {"", ""},
    {"-12.50", "-12.50"},
    {"-7", "-7"},
    {"0.9500", "0.9500"},
    {"a,b", "\"a,b\""},
    {"say \"x\"", "\"say \"\"x\"\"\""},
    {"two\r\nlines", "\"two\r\nlines\""},
    {" edge", "\" edge\""},
    {"=1+1", "'=1+1"},
    {"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"},
    {"+86 10 6261", "'+86 10 6261"},
    {"-1+1", "'-1+1"},
    {"-", "'-"},
    {"-1.", "'-1."},
    {"-.5", "'-.5"},
    {"@SUM(A1)", "'@SUM(A1)"},
    {"\tx", "'\tx"},
    {"\rx", "\"'\rx\""},
    {"\nx", "\"'\nx\""},
    {"=a,b", "\"'=a,b\""},
    {"\xEF\xBC\x9D"
     "1",
     "'\xEF\xBC\x9D"
     "1"}, /* of full width */
    {"'=1", "''=1"},
    {"'tis", "'tis"},
    {"''", "''"},
    {"a=b", "a=b"},
    {"北京中关村", "北京中关村"},
    {"\x01", "\x01"},
    {"back\\slash", "back\\slash"},
};

/* The text again, from a cell as documented: unquoted, one apostrophe less where a formula would follow. */
static void undo(struct assay_str cell, struct assay_buf *text) {
    text->n = 0;
    bool quoted = cell.n && cell.p[0] == '"';
    for (size_t i = quoted; i < cell.n - quoted; i++) {
        if (quoted && cell.p[i] == '"') i++;
        assay_buf_addc(text, cell.p[i]);
    }
    size_t k = 0;
    while (k < text->n && text->p[k] == '\'') k++;
    bool formula = k > 0 && k < text->n &&
                   (memchr("=+-@\t\r\n", text->p[k], 7) ||
                    (text->n - k >= 3 && (!memcmp(text->p + k, "\xEF\xBC\x9D", 3) || !memcmp(text->p + k, "\xEF\xBC\x8B", 3) ||
                                          !memcmp(text->p + k, "\xEF\xBC\x8D", 3) || !memcmp(text->p + k, "\xEF\xBC\xA0", 3))));
    if (formula) memmove(text->p, text->p + 1, text->n--);
}

static void check_cell(struct assay_str text, const char *want) {
    static const char *const columns[] = {"v", NULL};
    struct assay_buf json = {0}, again = {0};
    assay_json_object(&json, NULL);
    assay_json_str(&json, "v", text);
    assay_json_object_end(&json);
    const char *cell = table(NULL, columns, json.p) + strlen("v\r\n");
    struct assay_str got = {cell, out.n - (size_t)(cell - out.p) - 2};
    if (want) ck_assert_msg(assay_str_is(got, want), "%.*s: %.*s", ASSAY_STR_ARG(text), ASSAY_STR_ARG(got));
    size_t first = got.n && got.p[0] == '"';
    bool number = got.n > first + 1 && got.p[first] == '-' && got.p[first + 1] >= '0' && got.p[first + 1] <= '9';
    ck_assert_msg(got.n == first || number || !memchr("=+-@\t\r\n", got.p[first], 7), "a formula: %.*s", ASSAY_STR_ARG(got));
    undo(got, &again);
    ck_assert_msg(assay_str_eq(assay_buf_str(&again), text), "%.*s came back as %.*s", ASSAY_STR_ARG(text), (int)again.n,
                  again.p);
    assay_buf_free(&json);
    assay_buf_free(&again);
}

START_TEST(cells_are_rfc_4180_and_no_formulas) {
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) check_cell(assay_str_c(cells[i].text), cells[i].cell);
}
END_TEST

/* Every text of up to four of the characters that matter comes back. */
START_TEST(every_cell_comes_back) {
    static const char *const atoms[] = {"'", "=", "-", "1", ".", ",", "\"", "\r", "\n", "\t", " ", "a", "\xEF\xBC\x9D", "@", "+"};
    enum { N = sizeof atoms / sizeof *atoms };
    for (size_t code = 0; code < (size_t)N * N * N * N; code++) {
        struct assay_buf text = {0};
        for (size_t k = 0, c = code; k < 4; k++, c /= N) assay_buf_adds(&text, atoms[c % N]);
        check_cell(assay_buf_str(&text), NULL);
        assay_buf_free(&text);
    }
}
END_TEST

static Suite *suite_of_table(void) {
    Suite *s = suite_create("table");
    TCase *t = tcase_create("table");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, paths_are_columns);
    tcase_add_test(t, paths_are_whole);
    tcase_add_test(t, lists_are_joined);
    tcase_add_test(t, coded_objects_are_columns);
    tcase_add_test(t, cells_are_rfc_4180_and_no_formulas);
    tcase_add_test(t, every_cell_comes_back);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_table)
