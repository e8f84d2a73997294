/* test_load.c -- what `assayd load` tells from a file, how it reads one twice, what it says; tables for a terminal. */
#include "check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "app/grid.h"
#include "app/load.h"
#include "app/words.h"

/* --- what a file is ------------------------------------------------------------------------------------------------------------ */

#define EVENT \
    "{\"id\": \"e1\", \"type\": \"order.opened\", \"provider\": \"P1\", \"order\": \"W1\", \"at\": \"2001-02-05T09:00:00Z\"}"
#define SURVEY "{\"id\": \"s1\", \"provider\": \"P1\", \"at\": \"2001-02-05T09:00:00Z\", \"answer\": \"average\"}"
#define DISPATCH                                                                                                           \
    "{\"id\":\"d1\",\"provider\":\"P1\",\"order\":\"W1\",\"at\":\"2001-02-05T09:00:00Z\",\"parts\":[{\"type\":1,\"line\":" \
    "\"R1\"}]}"
#define PROVIDER "{\"code\": \"P1\", \"name\": \"\xE5\x8C\x97\xE4\xBA\xAC\", \"city\": \"Beijing\", \"ascim\": false}"
#define OBSERVATION \
    "{\"id\": \"o1\", \"provider\": \"P1\", \"indicator\": \"calls\", \"at\": \"2001-02-05T09:00:00Z\", \"value\": \"3\"}"
#define RATES "{\n  \"currency\": \"CNY\",\n  \"rates\": [{\"product\": \"*\", \"code\": 1, \"name\": 2}]\n}\n"

static const struct {
    const char *name, *text;
    bool part; /* there is more of it */
    enum assay_load_kind kind;
    enum assay_load_format format;
} guesses[] = {
    {"a", EVENT "\n" EVENT "\n", false, ASSAY_LOAD_EVENTS, ASSAY_LOAD_NDJSON},
    {"a.ndjson", EVENT, false, ASSAY_LOAD_EVENTS, ASSAY_LOAD_NDJSON},
    {"a.json", EVENT, false, ASSAY_LOAD_EVENTS, ASSAY_LOAD_JSON},
    {"a.json", EVENT "\n" EVENT, false, ASSAY_LOAD_EVENTS, ASSAY_LOAD_NDJSON},
    {"a.json", " [\n " EVENT ",\n" EVENT "]", false, ASSAY_LOAD_EVENTS, ASSAY_LOAD_JSON},
    {"a.json", "[" EVENT ", {\"id\": \"e", true, ASSAY_LOAD_EVENTS, ASSAY_LOAD_JSON},
    {"", SURVEY "\n", false, ASSAY_LOAD_SURVEYS, ASSAY_LOAD_NDJSON},
    {"events.ndjson", DISPATCH "\n", false, ASSAY_LOAD_DISPATCHES, ASSAY_LOAD_NDJSON}, /* content before name */
    {"", OBSERVATION "\n", false, ASSAY_LOAD_OBSERVATIONS, ASSAY_LOAD_NDJSON},
    {"", "\xEF\xBB\xBF" PROVIDER "\n", false, ASSAY_LOAD_PROVIDERS, ASSAY_LOAD_NDJSON},
    {"", RATES, false, ASSAY_LOAD_RATES, ASSAY_LOAD_JSON},
    {"", "id,type,provider,order,at\r\ne1,order.opened,P1,W1,x\r\n", false, ASSAY_LOAD_EVENTS, ASSAY_LOAD_CSV},
    {"", "\xEF\xBB\xBF\"id\"; \"provider\" ;\"answer\"\n", false, ASSAY_LOAD_SURVEYS, ASSAY_LOAD_CSV},
    {"dir.events/2001 Surveys.CSV", "\xB1\xE0\xBA\xC5,x\n", false, ASSAY_LOAD_SURVEYS,
     ASSAY_LOAD_CSV}, /* the folder's name is not asked */
    {"\xE6\xB4\xBE\xE5\x8D\x95.csv", "a,b\n", false, ASSAY_LOAD_DISPATCHES, ASSAY_LOAD_CSV},
    {"repair.jsonl", "{oops\n" EVENT "\n", false, ASSAY_LOAD_EVENTS,
     ASSAY_LOAD_NDJSON}, /* a bad line is the daemon's to refuse */
    {"providers.csv", "", false, ASSAY_LOAD_PROVIDERS, ASSAY_LOAD_CSV},
    {"mystery", "{\"a\": 1}\n", false, ASSAY_LOAD_KINDS, ASSAY_LOAD_NDJSON},
    {"mystery", "{\"x\": {\"type\": 1, \"provider\": 2}}\n", false, ASSAY_LOAD_KINDS,
     ASSAY_LOAD_NDJSON}, /* not at its own depth */
    {"", "{\"id\": \"a\\\"type\\\": \", \"provider\": \"type\", \"answer\": 1}\n", false, ASSAY_LOAD_SURVEYS, ASSAY_LOAD_NDJSON},
};

static size_t compress_all(const char *text, unsigned char *to, size_t room) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)strlen(text), .next_out = to, .avail_out = (uInt)room};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

START_TEST(test_guess) {
    unsigned char packed[4096];
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
        const char *text = guesses[i].text;
        char name[64];
        struct assay_load_guess g = assay_load_guess(guesses[i].name, text, strlen(text), !guesses[i].part);
        ck_assert_msg(g.kind == guesses[i].kind && g.format == guesses[i].format && !g.gzip, "row %zu: kind %d format %d", i,
                      g.kind, g.format);
        if (guesses[i].part || !*text) continue;
        snprintf(name, sizeof name, "%s%s", guesses[i].name, *guesses[i].name ? ".gz" : "");
        g = assay_load_guess(name, packed, compress_all(text, packed, sizeof packed), true);
        ck_assert_msg(g.kind == guesses[i].kind && g.format == guesses[i].format && g.gzip,
                      "row %zu, compressed: kind %d format %d", i, g.kind, g.format);
    }
    /* Neither nonsense nor a cut stream may do harm. */
    struct assay_load_guess g = assay_load_guess("events.gz", "\x1F\x8B\x08", 3, true);
    ck_assert(g.gzip && g.kind == ASSAY_LOAD_EVENTS);
    for (int k = 0; k < ASSAY_LOAD_KINDS; k++)
        ck_assert_int_eq(assay_load_kind_of(assay_load_kind_name((enum assay_load_kind)k)), k);
}
END_TEST

/* --- reading ----------------------------------------------------------------------------------------------------------------------- */

static size_t drain(struct assay_load_source *s, char *to, size_t most, size_t step) {
    size_t n = 0;
    ssize_t got;
    while (n < most && (got = assay_load_read(s, to + n, step < most - n ? step : most - n)) > 0) n += (size_t)got;
    return n;
}

START_TEST(test_pipe_is_read_again) {
    int ends[2];
    char text[100000], again[100001];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i * 7 % 26);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) _exit(write(ends[1], text, sizeof text) != (ssize_t)sizeof text);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    struct assay_load_source *s = assay_load_open("-");
    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(assay_load_size(s), -1);
    ck_assert_uint_eq(drain(s, again, 5000, 999), 5000);
    for (int i = 0; i < 3; i++) { /* from the beginning: what was kept, then what comes */
        ck_assert(assay_load_rewind(s));
        ck_assert_uint_eq(drain(s, again, i ? sizeof again : 70001, 4096), i ? sizeof text : 70001);
        ck_assert_int_eq(memcmp(again, text, i ? sizeof text : 70001), 0);
    }
    ck_assert_int_eq(assay_load_size(s), sizeof text);
    assay_load_close(s);
    close(ends[0]);
}
END_TEST

START_TEST(test_file_as_it_was) {
    char path[] = "/tmp/assay-load-test-XXXXXX", text[64];
    int fd = mkstemp(path);
    ck_assert(fd >= 0 && write(fd, "0123456789", 10) == 10);
    struct assay_load_source *s = assay_load_open(path);
    ck_assert_int_eq(assay_load_size(s), 10);
    ck_assert_int_eq(write(fd, "more", 4), 4); /* appended meanwhile: not announced, so not sent */
    ck_assert_uint_eq(drain(s, text, sizeof text, 3), 10);
    ck_assert(assay_load_rewind(s));
    ck_assert_int_eq(ftruncate(fd, 4), 0);
    ck_assert_int_eq(assay_load_read(s, text, sizeof text), 4);
    ck_assert_int_eq(assay_load_read(s, text, sizeof text), -1); /* shorter: an error, never a silent end */
    assay_load_close(s);
    close(fd);
    unlink(path);
    ck_assert_ptr_null(assay_load_open("/tmp"));
    ck_assert_int_eq(errno, EISDIR);
    ck_assert_ptr_null(assay_load_open("/nowhere"));
}
END_TEST

/* --- what is said ----------------------------------------------------------------------------------------------------------------------- */

START_TEST(test_bytes) {
    static const struct {
        int64_t n;
        const char *text;
    } rows[] = {{0, "0 B"},
                {999, "999 B"},
                {1000, "1.0 kB"},
                {1449, "1.4 kB"},
                {1450, "1.5 kB"},
                {99949, "99.9 kB"},
                {123456, "123 kB"},
                {999499, "999 kB"},
                {999950, "1.0 MB"},
                {1500000, "1.5 MB"},
                {INT64_C(27100000000), "27.1 GB"},
                {INT64_C(5000000000000000), "5000 TB"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_buf b = {0};
        assay_load_bytes(rows[i].n, &b);
        ck_assert_str_eq(b.p, rows[i].text);
        assay_buf_free(&b);
    }
}
END_TEST

START_TEST(test_progress) {
    static const struct {
        int64_t sent, total, us;
        int width;
        const char *text;
    } rows[] = {
        {500000, 2000000, 1000000, 70, "e.ndjson [####------------]  25% 500 kB  500 kB/s  ETA 0:03"},
        {0, 2000000, 1000, 60, "e.ndjson [------------------]   0% 0 B  0 B/s  0:00"},
        {2000000, 2000000, 65000000, 45, "e.ndjson 100% 2.0 MB  being applied 1:05"},
        {1500000, -1, 3000000, 60, "e.ndjson 1.5 MB  500 kB/s  0:03"},
        {1, INT64_C(8000000), 1000000, 40, "e.ndjson   0% 1 B  1 B/s  ETA 2222:13:19"},
        {0, 0, 0, 40, "e.ndjson 100% 0 B  being applied 0:00"},
    };
    assay_text_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_buf b = {0};
        assay_load_progress("e.ndjson", rows[i].sent, rows[i].total, rows[i].us, rows[i].width, &b);
        /* The bar takes what room there is: only its share of '#' is looked at where the row has one. */
        const char *bar = strchr(rows[i].text, '[');
        if (!bar) ck_assert_str_eq(b.p, rows[i].text);
        else {
            ck_assert_msg(!strncmp(b.p, "e.ndjson [", 10) && strstr(b.p, strchr(rows[i].text, ']')), "row %zu: %s", i, b.p);
            size_t full = strspn(strchr(b.p, '[') + 1, "#"), all = strcspn(strchr(b.p, '[') + 1, "]");
            ck_assert_msg(full == all * (size_t)rows[i].sent / (size_t)rows[i].total, "row %zu: %s", i, b.p);
        }
        ck_assert_msg((int)assay_text_width(b.p) < (rows[i].width > 50 ? rows[i].width : 46), "row %zu is too wide: %s", i, b.p);
        assay_buf_free(&b);
    }
}
END_TEST

static const struct assay_json_view *parsed(const char *text, struct assay_json_doc **d) {
    struct assay_error e;
    ck_assert_int_eq(assay_json_load(assay_str_c(text), d, &e), ASSAY_OK);
    return assay_json_root(*d);
}

START_TEST(test_counts) {
    static const struct {
        const char *reply;
        int status;
        struct assay_load_counts want;
    } rows[] = {
        {"{\"upload\":\"u1\",\"received\":9,\"accepted\":5,\"duplicates\":1,\"rejected\":3,\"errors\":[]}",
         200,
         {true, 9, 5, 1, 3}},
        {"{\"received\":2,\"accepted\":0,\"created\":0,\"rejected\":1,\"errors\":[]}", 422, {true, 2, 0, 0, 1}},
        {"{\"id\":\"e1\",\"status\":\"accepted\"}", 201, {true, 1, 1, 0, 0}},
        {"{\"id\":\"e1\",\"status\":\"duplicate\"}", 200, {true, 1, 0, 1, 0}},
        {"{\"type\":\"x\",\"status\":409,\"code\":\"id_conflict\"}", 409, {false, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_json_doc *d;
        struct assay_load_counts c = assay_load_counts(parsed(rows[i].reply, &d), rows[i].status), w = rows[i].want;
        ck_assert_msg(c.known == w.known && c.received == w.received && c.accepted == w.accepted &&
                          c.duplicates == w.duplicates && c.rejected == w.rejected,
                      "row %zu", i);
        assay_json_free(d);
    }
}
END_TEST

START_TEST(test_details) {
    struct assay_json_doc *d;
    struct assay_buf b = {0};
    assay_load_details(
        parsed("{\"errors\":[{\"line\":8,\"id\":\"E-4\",\"code\":\"unknown_field\",\"detail\":\"no such "
               "field\",\"pointer\":\"/warrant\"},"
               "{\"line\":8,\"id\":\"E-4\",\"code\":\"missing_field\",\"detail\":\"channel\",\"pointer\":\"/channel\"},"
               "{\"line\":9,\"id\":null,\"code\":\"invalid_json\",\"detail\":\"column 3\",\"pointer\":\"\"},"
               "{\"line\":12,\"id\":null,\"code\":\"x\",\"detail\":\"y\"}]}",
               &d),
        5, 3, &b);
    ck_assert_str_eq(
        b.p, "  line 8 (E-4): unknown_field: no such field (/warrant)\n  line 8 (E-4): missing_field: channel (/channel)\n"
             "  line 9: invalid_json: column 3\n  and 3 more\n"); /* of 5 records, 2 were named */
    assay_json_free(d);
    b.n = 0;
    assay_load_details(parsed("{\"errors\":[],\"dry_run\":true,\"verdicts\":[{\"provider\":\"P1\",\"order\":\"W1\",\"before\":"
                              "null,\"after\":\"missed\"}]}",
                              &d),
                       0, 3, &b);
    ck_assert_str_eq(b.p, "  dry run: nothing was kept; 1 verdict would change\n    P1 W1: none -> missed\n");
    assay_json_free(d);
    assay_buf_free(&b);
}
END_TEST

START_TEST(test_table_is_aligned) {
    static const char *const header[] = {"服务商", "ORDER", "X", NULL};
    struct assay_grid t = {0};
    char *text = NULL;
    size_t n = 0;
    assay_text_begin();
    ck_assert_uint_eq(assay_text_width("北京a\x1b\xFFé"), 8); /* control and broken bytes are a '?' each */
    assay_grid_begin(&t, header);
    static const char *const cells[] = {"P1", "W1", "1", "北京中关村", "\x1b[31m", "2", NULL, "", "三"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) assay_grid_cell(&t, cells[i]);
    FILE *f = open_memstream(&text, &n);
    assay_grid_print(&t, f);
    fclose(f);
    ck_assert_str_eq(text, "服务商      ORDER  X\nP1          W1     1\n北京中关村  ?[31m  2\n-           -      三\n");
    free(text);
    struct assay_buf b = {0};
    assay_text_cut("北京中关村", 6, &b);
    ck_assert_str_eq(b.p, "北京…");
    assay_buf_free(&b);
}
END_TEST

START_TEST(test_words) {
    struct assay_json_doc *d;
    const struct assay_json_view *v = parsed("{\"outcome\":\"missed\",\"city\":\"Wuhan\",\"at\":\"2001-02-05T01:20:00Z\",\"end\":"
                                             "\"2001-02-05T01:20:07.5Z\",\"s\":9005,\"n\":null}",
                                             &d);
    struct assay_buf b = {0};
    setenv("TZ", "Asia/Shanghai", 1);
    tzset();
    assay_words_instant(v, "at", &b);
    assay_buf_addc(&b, '|');
    assay_words_instant(v, "end", &b);
    assay_buf_addc(&b, '|');
    assay_words_instant(v, "n", &b);
    assay_buf_addc(&b, '|');
    assay_words_duration(v, "s", false, &b);
    assay_buf_addc(&b, '|');
    assay_words_duration(v, "s", true, &b);
    assay_buf_addc(&b, '|');
    assay_words_duration(v, "n", true, &b);
    ck_assert_str_eq(b.p, "2001-02-05 09:20 +08:00|2001-02-05 09:20:07 +08:00|-|2 h 30 min 05 s|2 小时 30 分 05 秒|-");
    ck_assert_str_eq(assay_words_member(v, "outcome", true), "未达标");
    ck_assert_str_eq(assay_words_member(v, "city", true), "Wuhan");
    ck_assert_str_eq(assay_words_member(v, "n", true), "-");
    assay_buf_free(&b);
    assay_json_free(d);
}
END_TEST

static Suite *suite_of_load(void) {
    Suite *suite = suite_create("load");
    TCase *t = tcase_create("load");
    tcase_add_test(t, test_guess);
    tcase_add_test(t, test_pipe_is_read_again);
    tcase_add_test(t, test_file_as_it_was);
    tcase_add_test(t, test_bytes);
    tcase_add_test(t, test_progress);
    tcase_add_test(t, test_counts);
    tcase_add_test(t, test_details);
    tcase_add_test(t, test_table_is_aligned);
    tcase_add_test(t, test_words);
    suite_add_tcase(suite, t);
    return suite;
}

ASSAY_TESTS(suite_of_load)
