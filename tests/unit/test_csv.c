/* Tables: rows out of chunks (the same whatever the chunks), character sets, local times, and cells as records, which are
 * those that JSON gives. csv-spectrum stands beside the checkout or is skipped. */
#include <dirent.h>
#include <jansson.h>

#include "check_main.h"
#include "test_zone.h"

#include "assay/csv.h"

/* === framing ============================================================================================================== */

static const struct {
    size_t max;
    const char *text, *rows; /* "line[-last]:cell|cell;" or "line-last!" for a refused row */
} cases[] = {
    {64, "", ""},
    {64, "\n\r\n\r", ""},
    {64, "a,b", "1:a|b;"},
    {64, "a,b\nc,d\n", "1:a|b;2:c|d;"},
    {64, "a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
    {64, "a,b\rc,d\r", "1:a|b;2:c|d;"},
    {64, "a,b\r\n\r\n\nc,d\r\ne,f\ng,h", "1:a|b;4:c|d;5:e|f;6:g|h;"},
    {64, "a,\n,b\n,\n", "1:a|;2:|b;"}, /* a row of empty cells says nothing */
    {64, "a,b\n\"x\ny\",\"p\r\nq\"\nc,d\n", "1:a|b;2-4:x\ny|p\r\nq;5:c|d;"},
    {64, "a\n\"he said \"\"no\"\"\"\n\"\"\"\"\n", "1:a;2:he said \"no\";3:\";"},
    {64, "a\n\"\"\n\"\"\"\"\"\"\n", "1:a;3:\"\";"},
    {64, "a,b\n3\" disk,x\"y\n", "1:a|b;2:3\" disk|x\"y;"}, /* a quote inside is text */
    {64, "a,b\n\"x\"y,z\nc,d\n", "1:a|b;2-2!3:c|d;"},
    {64, "a,b\n\"x,y\nc,d\n", "1:a|b;2-4!"},
    {64, "a;b\n1,5;2\n", "1:a|b;2:1,5|2;"},
    {64, "a\tb\n1;5\t2\n", "1:a|b;2:1;5|2;"},
    {64, "sep=;\na;b\n1,5;\"x;y\"\n", "2:a|b;3:1,5|x;y;"},
    {64, "SEP=,\r\na,b;c\r\n", "2:a|b;c;"},
    {64, "\"a,1\";b\n1;2\n", "1:a,1|b;2:1|2;"},
    {4, "a,bb\nccccc\nd,ee\n", "1:a|bb;2-2!3:d|ee;"},
    {4, "a,bb\r\nccccc\r\nd,ee", "1:a|bb;2-2!3:d|ee;"},
    {4, "a,bb\rccccccccccccc\rd,ee\r", "1:a|bb;2-2!3:d|ee;"},
    {4, "a,b\n\"c\nd\ne,f\n", "1:a|b;2-3!4:e|f;"}, /* a quote never closed costs what the bound says, */
    {4, "a,b\n\"c\r\nd\r\ne,f\r\ng,h", "1:a|b;2-3!4:e|f;5:g|h;"},
    {4, "a,b\n\"c\n\n\n\nd,e\n", "1:a|b;2-4!6:d|e;"}, /* and reading goes on behind it */
    {4, "a\nbbbbbbb", "1:a;2-2!"},
};

static void show(const struct assay_csv_row *r, struct assay_buf *b) {
    if (r->status) {
        assay_buf_printf(b, "%zu-%zu!", r->line, r->last_line);
        return;
    }
    if (r->last_line != r->line) assay_buf_printf(b, "%zu-%zu:", r->line, r->last_line);
    else assay_buf_printf(b, "%zu:", r->line);
    for (size_t i = 0; i < r->n; i++) assay_buf_printf(b, "%s%.*s", i ? "|" : "", ASSAY_STR_ARG(r->cells[i]));
    assay_buf_addc(b, ';');
}

/* Feed in chunks of the sizes next_size gives; each chunk is a copy of its own, so that reading outside shows. */
static void frame(const char *text, size_t n, size_t max, uint64_t seed, struct assay_buf *out) {
    struct assay_csv c;
    struct assay_csv_row row;
    uint64_t random = seed;
    assay_csv_init(&c, max);
    out->n = 0;
    assay_buf_adds(out, "");
    for (size_t at = 0; at < n;) {
        size_t size = seed ? 1 + (size_t)test_random_below(&random, 9) : n;
        if (size > n - at) size = n - at;
        char *chunk = assay_xmalloc(size);
        memcpy(chunk, text + at, size);
        assay_csv_feed(&c, chunk, size);
        while (assay_csv_next(&c, &row)) show(&row, out);
        free(chunk);
        at += size;
    }
    assay_csv_finish(&c);
    while (assay_csv_next(&c, &row)) show(&row, out);
    ck_assert(!assay_csv_next(&c, &row));
    ck_assert_uint_le(c.carry.n, max + 1);
    assay_csv_free(&c);
}

START_TEST(rows_of_text) {
    struct assay_buf out = {0};
    frame(cases[_i].text, strlen(cases[_i].text), cases[_i].max, 0, &out);
    ck_assert_str_eq(out.p, cases[_i].rows);
    for (uint64_t seed = 1; seed < 40; seed++) {
        frame(cases[_i].text, strlen(cases[_i].text), cases[_i].max, seed, &out);
        ck_assert_msg(!strcmp(out.p, cases[_i].rows), "seed %llu: %s, not %s", (unsigned long long)seed, out.p, cases[_i].rows);
    }
    assay_buf_free(&out);
}
END_TEST

/* Any bytes cut in any way are the same rows. */
START_TEST(chunks_do_not_matter) {
    static const char sharp[] = "\",;\t\r\n\nab\"\r\n,";
    uint64_t random = 7;
    struct assay_buf whole = {0}, cut = {0};
    for (int i = 0; i < 3000; i++) {
        char text[64];
        size_t n = (size_t)test_random_below(&random, sizeof text), max = (size_t)test_random_below(&random, 24);
        for (size_t k = 0; k < n; k++) text[k] = sharp[test_random_below(&random, sizeof sharp - 1)];
        frame(text, n, max, 0, &whole);
        frame(text, n, max, 1 + (uint64_t)i, &cut);
        ck_assert_msg(!strcmp(whole.p, cut.p), "case %d: %s, cut %s", i, whole.p, cut.p);
    }
    assay_buf_free(&whole);
    assay_buf_free(&cut);
}
END_TEST

START_TEST(cells_come_back) {
    static const char *const cells[] = {"", "a", "a,b", "a\"b", "x\r\ny", " a", "b ", "\"", "中文", "=1+1"};
    struct assay_buf b = {0};
    struct assay_csv c;
    struct assay_csv_row row;
    size_t n = sizeof cells / sizeof *cells;
    for (size_t i = 0; i < n; i++) assay_csv_cell(&b, assay_str_c(cells[i]), i == 0);
    assay_csv_end_row(&b);
    assay_csv_init(&c, 1000);
    assay_csv_feed(&c, b.p, b.n);
    ck_assert(assay_csv_next(&c, &row) && row.n == n);
    for (size_t i = 0; i < n; i++) ck_assert_msg(assay_str_is(row.cells[i], cells[i]), "%zu", i);
    assay_csv_free(&c);
    assay_buf_free(&b);
}
END_TEST

START_TEST(too_many_cells) {
    struct assay_buf b = {0}, out = {0};
    for (int i = 0; i < 255; i++) assay_buf_addc(&b, ',');
    assay_buf_adds(&b, "x\n");
    frame(b.p, b.n, 1000, 0, &out);
    ck_assert_int_eq(out.p[0], '1');
    ck_assert(!strchr(out.p, '!'));
    b.n = 0;
    for (int i = 0; i < 256; i++) assay_buf_addc(&b, ',');
    assay_buf_adds(&b, "x\ny\n");
    frame(b.p, b.n, 1000, 0, &out);
    ck_assert_str_eq(out.p, "1-1!2:y;");
    assay_buf_free(&b);
    assay_buf_free(&out);
}
END_TEST

/* --- csv-spectrum --------------------------------------------------------------------------------------------------------- */

#define SPECTRUM "data/csv-spectrum"

static void read_file(const char *path, struct assay_buf *b) {
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s", path);
    char chunk[4096];
    size_t n;
    b->n = 0;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) assay_buf_add(b, chunk, n);
    fclose(f);
}

/* The rows as objects of the header's names, as the suite tells them. */
static json_t *objects_of(const struct assay_buf *text) {
    struct assay_csv c;
    struct assay_csv_row row;
    char names[32][64];
    size_t n = 0;
    json_t *all = json_array();
    assay_csv_init(&c, 4096);
    assay_csv_feed(&c, text->p, text->n);
    for (int finished = 0; finished < 2; finished++) {
        while (assay_csv_next(&c, &row)) {
            ck_assert_int_eq(row.status, ASSAY_OK);
            json_t *o = n ? json_object() : NULL;
            for (size_t i = 0; i < row.n; i++) {
                if (n) json_object_set_new(o, names[i], json_stringn(row.cells[i].p, row.cells[i].n));
                else snprintf(names[i], sizeof names[i], "%.*s", ASSAY_STR_ARG(row.cells[i]));
            }
            if (n) json_array_append_new(all, o);
            else n = row.n;
        }
        assay_csv_finish(&c);
    }
    assay_csv_free(&c);
    return all;
}

START_TEST(spectrum) {
    char path[4096], file[8192];
    struct assay_buf text = {0};
    int n = 0;
    DIR *d = opendir(test_shared(path, SPECTRUM "/csvs"));
    ck_assert(d != NULL);
    for (const struct dirent *x; (x = readdir(d));) {
        /* Their JSON tells another file: other names, and ends of lines that the copy's CSV has lost. */
        if (!strcmp(x->d_name, "location_coordinates.csv") || !strcmp(x->d_name, "newlines_crlf.csv")) continue;
        if (x->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, x->d_name);
        read_file(file, &text);
        json_t *found = objects_of(&text);
        snprintf(file, sizeof file, "%.*s/json/%.*s.json", (int)(strlen(path) - 5), path, (int)(strlen(x->d_name) - 4),
                 x->d_name);
        json_t *wanted = json_load_file(file, 0, NULL);
        ck_assert_msg(wanted && json_equal(found, wanted), "%s", x->d_name);
        json_decref(found);
        json_decref(wanted);
        n++;
    }
    closedir(d);
    ck_assert_int_ge(n, 10);
    assay_buf_free(&text);
}
END_TEST

/* === character sets ======================================================================================================= */

static size_t to_charset(const char *name, const char *utf8, char *out, size_t size) {
    iconv_t cd = iconv_open(name, "UTF-8");
    char *in = (char *)(uintptr_t)utf8, *to = out;
    size_t left = strlen(utf8), room = size;
    ck_assert(cd != (iconv_t)-1);
    ck_assert(iconv(cd, &in, &left, &to, &room) != (size_t)-1);
    iconv_close(cd);
    return size - room;
}

static void decode(enum assay_charset said, const char *bytes, size_t n, uint64_t seed, struct assay_buf *out) {
    enum assay_intake intake = ASSAY_INTAKE_EVENTS;
    struct assay_text t;
    struct assay_str piece;
    uint64_t random = seed;
    assay_text_init(&t, said, assay_sheet_known, &intake);
    out->n = 0;
    assay_buf_adds(out, "");
    for (size_t at = 0; at < n;) {
        size_t size = seed ? 1 + (size_t)test_random_below(&random, 5) : n;
        if (size > n - at) size = n - at;
        char *chunk = assay_xmalloc(size);
        memcpy(chunk, bytes + at, size);
        assay_text_feed(&t, chunk, size);
        while (assay_text_next(&t, &piece)) assay_buf_add(out, piece.p, piece.n);
        free(chunk);
        at += size;
    }
    assay_text_finish(&t);
    while (assay_text_next(&t, &piece)) assay_buf_add(out, piece.p, piece.n);
    assay_text_free(&t);
}

static const char chinese[] = "编号,服务商,备注\nA-1,P001,\"中文|文本，𠀀\"\r\n";

/* Said, marked, told by the header, or found out: each gives the same text, in any chunks. */
static const struct {
    const char *name, *mark;
    size_t n_mark;
    enum assay_charset said;
} sets[] = {
    {"UTF-8", "", 0, ASSAY_CHARSET_UNSAID},
    {"UTF-8", "\xEF\xBB\xBF", 3, ASSAY_CHARSET_UNSAID},
    {"UTF-8", "\xEF\xBB\xBF", 3, ASSAY_CHARSET_UTF8},
    {"UTF-8", "", 0, ASSAY_CHARSET_UTF8},
    {"GB18030", "", 0, ASSAY_CHARSET_UNSAID},
    {"GB18030", "", 0, ASSAY_CHARSET_GB18030},
    {"GB18030", "\x84\x31\x95\x33", 4, ASSAY_CHARSET_UNSAID},
    {"UTF-16LE", "\xFF\xFE", 2, ASSAY_CHARSET_UNSAID},
    {"UTF-16BE", "\xFE\xFF", 2, ASSAY_CHARSET_UNSAID},
    {"UTF-16LE", "\xFF\xFE", 2, ASSAY_CHARSET_UTF16},
    {"UTF-16BE", "", 0, ASSAY_CHARSET_UTF16},
    {"UTF-16LE", "", 0, ASSAY_CHARSET_UTF16LE},
};

START_TEST(character_sets) {
    char bytes[256];
    struct assay_buf out = {0};
    memcpy(bytes, sets[_i].mark, sets[_i].n_mark);
    size_t n = sets[_i].n_mark + to_charset(sets[_i].name, chinese, bytes + sets[_i].n_mark, sizeof bytes - 4);
    for (uint64_t seed = 0; seed < 30; seed++) {
        decode(sets[_i].said, bytes, n, seed, &out);
        ck_assert_msg(!strcmp(out.p, chinese), "%s, seed %llu: %s", sets[_i].name, (unsigned long long)seed, out.p);
    }
    assay_buf_free(&out);
}
END_TEST

START_TEST(names_of_character_sets) {
    enum assay_charset c;
    ck_assert(assay_charset_parse(ASSAY_STR("UTF-8"), &c) && c == ASSAY_CHARSET_UTF8);
    ck_assert(assay_charset_parse(ASSAY_STR("gb2312"), &c) && c == ASSAY_CHARSET_GB18030);
    ck_assert(assay_charset_parse(ASSAY_STR("GBK"), &c) && c == ASSAY_CHARSET_GB18030);
    ck_assert(!assay_charset_parse(ASSAY_STR("latin1"), &c));
    ck_assert(!assay_charset_parse(ASSAY_STR(""), &c));
    ck_assert(!assay_charset_parse(ASSAY_STR("a-very-long-name-of-a-character-set"), &c));
}
END_TEST

/* The names of the header tell, where the bytes alone would be either; where it is ASCII all of the beginning tells. */
START_TEST(headers_and_beginnings_decide) {
    struct assay_buf out = {0}, in = {0};
    /* 模 is C4 A3 in GB2312, which is also UTF-8 (U+0123). */
    decode(ASSAY_CHARSET_UNSAID, "id,note\nA,\xC4\xA3\n", 13, 0, &out);
    ck_assert_str_eq(out.p, "id,note\nA,\xC4\xA3\n");
    decode(ASSAY_CHARSET_UNSAID, "id,note\nA,\xC4\xA3\nB,\xD6\xD0\n", 18, 0, &out); /* 中 is no UTF-8 */
    ck_assert_str_eq(out.p, "id,note\nA,模\nB,中\n");
    char header[64];
    size_t n = to_charset("GB18030", "编号,备注\n", header, sizeof header);
    assay_buf_add(&in, header, n);
    assay_buf_add(&in, "A,\xC4\xA3\n", 5);
    decode(ASSAY_CHARSET_UNSAID, in.p, in.n, 0, &out);
    ck_assert_str_eq(out.p, "编号,备注\nA,模\n");
    /* Also where what follows looks like another: E4 B8 AD, an end of line in the second byte's place, is no GB18030. */
    in.n = n;
    for (int i = 0; i < 20; i++) assay_buf_adds(&in, "A,\xE4\xB8\xAD\n");
    decode(ASSAY_CHARSET_UNSAID, in.p, in.n, 0, &out);
    ck_assert(!strncmp(out.p, "编号,备注\n", 14));
    /* What is said wins over what it looks like. */
    decode(ASSAY_CHARSET_GB18030, "A,\xC4\xA3\n", 5, 0, &out);
    ck_assert_str_eq(out.p, "A,模\n");
    assay_buf_free(&in);
    assay_buf_free(&out);
}
END_TEST

/* Behind the first 64 KiB nothing changes the decision: what does not fit is marked where it stands. */
START_TEST(later_bytes_do_not_decide) {
    struct assay_buf in = {0}, out = {0};
    while (in.n <= ASSAY_TEXT_SNIFF) assay_buf_adds(&in, "A,中\n");
    size_t clean = in.n;
    assay_buf_add(&in, "B,\xD6\xD0\n", 5);
    decode(ASSAY_CHARSET_UNSAID, in.p, in.n, 0, &out);
    ck_assert_uint_eq(out.n, in.n);
    ck_assert(!memcmp(out.p, in.p, in.n));
    ck_assert(!assay_utf8_valid(assay_buf_str(&out)));
    ck_assert(assay_utf8_valid((struct assay_str){out.p, clean}));
    char bad[] = "A,\xD6\xD0\nB,\xFF\x31\nC,\xD6";
    decode(ASSAY_CHARSET_GB18030, bad, sizeof bad - 1, 3, &out);
    ck_assert_str_eq(out.p, "A,中\nB,\xFF\x31\nC,\xFF");
    assay_buf_free(&in);
    assay_buf_free(&out);
}
END_TEST

/* === local times ========================================================================================================== */

static const struct {
    const char *text, *zone, *instant;
    enum assay_status status;
} times[] = {
    {"2001-02-05T09:00:00+08:00", NULL, "2001-02-05T01:00:00Z", ASSAY_OK},
    {"2001-02-05T09:00:00+08:00", "America/New_York", "2001-02-05T01:00:00Z", ASSAY_OK}, /* what is said wins */
    {"2001/2/5 9:00", "Asia/Shanghai", "2001-02-05T01:00:00Z", ASSAY_OK},
    {"2001-02-05 09:00:00", "Asia/Shanghai", "2001-02-05T01:00:00Z", ASSAY_OK},
    {"2001-02-05T09:00:00", "Asia/Shanghai", "2001-02-05T01:00:00Z", ASSAY_OK},
    {"2001/12/15 23:59:59.25", "Asia/Shanghai", "2001-12-15T15:59:59.25Z", ASSAY_OK},
    {"2001/2/5 9:00", NULL, NULL, ASSAY_MISSING_OFFSET},
    {"2001-02-05T09:00:00", NULL, NULL, ASSAY_MISSING_OFFSET},
    {"2001/2/5", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001/2/29 9:00", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001/2/5 24:00", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001/2/5 9:60", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001/2-5 9:00", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2/5/2001 9:00", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME}, /* whose order is a guess */
    {"01/2/5 9:00", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001/2/5 9:0", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001/2/5 9:00x", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001-02-05 09:00:00+08:00", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"36927.375", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME},
    {"2001-04-01 02:30", "America/New_York", NULL, ASSAY_INVALID_TIME}, /* skipped */
    {"2001-04-01 03:00", "America/New_York", "2001-04-01T07:00:00Z", ASSAY_OK},
    {"2001-10-28 01:30", "America/New_York", NULL, ASSAY_AMBIGUOUS_TIME}, /* shown twice */
    {"2001-10-28 00:59:59", "America/New_York", "2001-10-28T04:59:59Z", ASSAY_OK},
    {"2001-10-28 02:00", "America/New_York", "2001-10-28T07:00:00Z", ASSAY_OK},
    {"1988-04-17 02:30", "Asia/Shanghai", NULL, ASSAY_INVALID_TIME}, /* China had summer time then */
    {"1969-12-31 23:00", "America/New_York", "1970-01-01T04:00:00Z", ASSAY_OK},
    {"1969-12-31 23:00", "Asia/Shanghai", NULL, ASSAY_OUT_OF_RANGE},
    {"2100-01-01 08:00", "Asia/Shanghai", NULL, ASSAY_OUT_OF_RANGE},
};

START_TEST(local_times) {
    struct assay_zone *zone = times[_i].zone ? test_zone(times[_i].zone) : NULL;
    assay_instant t = 0;
    enum assay_status st = assay_local_parse(assay_str_c(times[_i].text), zone, &t);
    ck_assert_msg(st == times[_i].status, "%s: %s", times[_i].text, assay_status_code(st));
    if (times[_i].instant) ck_assert_int_eq(t, test_instant(times[_i].instant));
    assay_zone_free(zone);
}
END_TEST

/* === rows as records ====================================================================================================== */

#define RECEIVED "2001-06-01T00:00:00Z"

struct reading {
    struct assay_sheet *sheet;
    struct assay_arena arena;
    struct assay_errors es;
    struct assay_record record;
    enum assay_status status;
};

/* The last row of a text by its header. */
static void read_table(struct reading *x, enum assay_intake intake, const char *text, const struct assay_zone *zone) {
    struct assay_csv c;
    struct assay_csv_row row;
    *x = (struct reading){.status = ASSAY_OK};
    assay_csv_init(&c, 2000);
    assay_csv_feed(&c, text, strlen(text));
    for (int finished = 0; finished < 2; finished++) {
        while (assay_csv_next(&c, &row)) {
            if (!x->sheet) x->status = assay_sheet_new(intake, &row, zone, &x->sheet, &x->es);
            else x->status = assay_sheet_record(x->sheet, &row, test_instant(RECEIVED), &x->arena, &x->record, &x->es);
            if (!x->sheet) break;
        }
        assay_csv_finish(&c);
        if (x->status && !x->sheet) break;
    }
    /* What the record borrows is the row's. */
    if (x->sheet && x->status == ASSAY_OK) {
        struct assay_buf b = {0};
        assay_record_write(&x->record, NULL, &b, NULL);
        x->record.note = assay_arena_dup(&x->arena, assay_buf_str(&b)); /* as text, for the caller */
        assay_buf_free(&b);
    }
    assay_csv_free(&c);
}

static void done(struct reading *x) {
    assay_sheet_free(x->sheet);
    assay_arena_free(&x->arena);
}

/* What JSON makes of the same record. */
static void json_text(enum assay_intake intake, const char *json, struct assay_buf *out) {
    struct assay_arena a = {0};
    struct assay_record r;
    struct assay_errors es;
    ck_assert_msg(assay_record_from_json(assay_str_c(json), intake, test_instant(RECEIVED), &a, &r, &es) == ASSAY_OK, "%s: %s",
                  json, es.items[0].detail);
    out->n = 0;
    assay_record_write(&r, NULL, out, NULL);
    assay_arena_free(&a);
}

static const struct {
    enum assay_intake intake;
    const char *table, *json;
} same[] = {
    {ASSAY_INTAKE_EVENTS,
     "id,type,provider,order,at,channel,product,customer_class,warranty,serial\n"
     "007,order.opened,P001,W1,2001-02-05T09:00:00+08:00,walk_in,\"laser, printer\",key,in,00123\n",
     "{\"id\":\"007\",\"type\":\"order.opened\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T01:00:00Z\","
     "\"channel\":"
     "\"walk_in\",\"product\":\"laser, printer\",\"customer_class\":\"key\",\"warranty\":\"in\",\"serial\":\"00123\"}"},
    {ASSAY_INTAKE_EVENTS,
     "编号,类型,服务商,维修单,时间,渠道,产品,客户类别,保修\n"
     "A,开单,P001,W1,2001/2/5 9:00,送修,激光打印机,大用户,保内\n",
     "{\"id\":\"A\",\"type\":\"order.opened\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T01:00:00Z\",\"channel\":"
     "\"walk_in\",\"product\":\"激光打印机\",\"customer_class\":\"key\",\"warranty\":\"in\"}"},
    {ASSAY_INTAKE_EVENTS,
     "_line,类型,编号,服务商,维修单号,时间,备件申请,备件行,备件号,本地库存,_x\n"
     "9,备件申请,B,P001,W1,2001/2/5 10:00,2,R1,C4096,TRUE,zzz\n",
     "{\"id\":\"B\",\"type\":\"part.requested\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T02:00:00Z\","
     "\"request\":2,"
     "\"line\":\"R1\",\"part_no\":\"C4096\",\"local\":true}"},
    {ASSAY_INTAKE_EVENTS, "type,id,provider,at,order,target,target_kind\nevent.voided,V,P001,2001/2/5 10:00,,B,发运\n",
     "{\"id\":\"V\",\"type\":\"event.voided\",\"provider\":\"P001\",\"at\":\"2001-02-05T02:00:00Z\",\"target\":\"B\",\"target_"
     "kind\":"
     "\"shipment\"}"},
    {ASSAY_INTAKE_EVENTS, "type,id,provider,at,order,reason,outcome\norder.noted,N,P001,2001/2/5 10:00,W1,拷机,\n",
     "{\"id\":\"N\",\"type\":\"order.noted\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T02:00:00Z\",\"reason\":"
     "\"machine_testing\"}"},
    {ASSAY_INTAKE_EVENTS, "type,id,provider,at,order,reason\norder.cancelled,N,P001,2001/2/5 10:00,W1,拷机\n", /* free text */
     "{\"id\":\"N\",\"type\":\"order.cancelled\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T02:00:00Z\","
     "\"reason\":"
     "\"拷机\"}"},
    {ASSAY_INTAKE_DISPATCHES,
     "id,provider,order,at,parts,reported_at\nD,P001,W1,2001/2/5 10:00,R2:Q1860|R1:C4096,2001/2/5 9:30:30\n",
     "{\"id\":\"D\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T02:00:00Z\",\"reported_at\":\"2001-02-05T01:30:"
     "30Z\","
     "\"parts\":[{\"line\":\"R1\",\"part_no\":\"C4096\"},{\"line\":\"R2\",\"part_no\":\"Q1860\"}]}"},
    {ASSAY_INTAKE_DISPATCHES, "id;provider;order;at;parts\nD;P001;W1;2001/2/5 10:00;R1:a:b\n",
     "{\"id\":\"D\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T02:00:00Z\",\"parts\":[{\"line\":\"R1\",\"part_"
     "no\":"
     "\"a:b\"}]}"},
    {ASSAY_INTAKE_SURVEYS,
     "编号\t服务商\t时间\t回访结果\t总体评分\t推荐评分\t责任方\nS\tP001\t2001/2/5 10:00\t不满意\t2\t0\t厂商\n",
     "{\"id\":\"S\",\"provider\":\"P001\",\"at\":\"2001-02-05T02:00:00Z\",\"answer\":\"dissatisfied\",\"overall\":2,"
     "\"recommend\":0,"
     "\"responsibility\":\"manufacturer\"}"},
    {ASSAY_INTAKE_OBSERVATIONS, "编号,服务商,时间,指标,分子,分母,评分方\nO,P001,2001/2/5 10:00,answer_rate,188,200,客户\n",
     "{\"id\":\"O\",\"provider\":\"P001\",\"at\":\"2001-02-05T02:00:00Z\",\"indicator\":\"answer_rate\",\"numerator\":188,"
     "\"denominator\":200,\"rater\":\"customer\"}"},
    {ASSAY_INTAKE_OBSERVATIONS, "id,provider,at,indicator,value\nO,P001,2001/2/5 10:00,007,97\n",
     "{\"id\":\"O\",\"provider\":\"P001\",\"at\":\"2001-02-05T02:00:00Z\",\"indicator\":\"007\",\"value\":\"97\"}"},
    {ASSAY_INTAKE_SURVEYS, "id,provider,at,answer,responsibility\nS,P001,2001/2/5 10:00,满意,厂商\n",
     "{\"id\":\"S\",\"provider\":\"P001\",\"at\":\"2001-02-05T02:00:00Z\",\"answer\":\"satisfied\"}"},
};

START_TEST(cells_are_what_json_says) {
    struct assay_zone *zone = test_zone("Asia/Shanghai");
    struct reading x;
    struct assay_buf wanted = {0};
    read_table(&x, same[_i].intake, same[_i].table, zone);
    ck_assert_msg(x.status == ASSAY_OK, "%s: %s", x.es.items[0].field, x.es.items[0].detail);
    json_text(same[_i].intake, same[_i].json, &wanted);
    ck_assert_str_eq(x.record.note.p, wanted.p);
    done(&x);
    assay_buf_free(&wanted);
    assay_zone_free(zone);
}
END_TEST

#define EVENT "id,type,provider,order,at,channel,product,request,line,part_no,local,courier,reason\n"
static const struct {
    enum assay_intake intake;
    const char *table;
    const char *errors; /* "code pointer column;" each */
} wrong[] = {
    /* the header */
    {ASSAY_INTAKE_EVENTS, "id,type,provider,order,at,chanel\n", "unknown_field  6;"},
    {ASSAY_INTAKE_EVENTS, "id,type,provider,order,at,编号,at\n", "repeated_column /id 6;repeated_column /at 7;"},
    {ASSAY_INTAKE_EVENTS, "order,channel\n",
     "missing_field /type 0;missing_field /id 0;missing_field /provider 0;missing_field /at 0;"},
    {ASSAY_INTAKE_SURVEYS, "id,provider,at,channel\n", "unknown_field  4;missing_field /answer 0;"},
    {ASSAY_INTAKE_SURVEYS, "id,provider,at,answer,type\n", "unknown_field  5;"},
    {ASSAY_INTAKE_SURVEYS, "id,provider,at,\"answer\n", "invalid_csv  0;"},
    {ASSAY_INTAKE_SURVEYS, "id,provider,at,answer,\xC4\xFF\n", "invalid_utf8  5;"},
    /* a row */
    {ASSAY_INTAKE_EVENTS, EVENT "A,order.closed,P001,W1\n", "ragged_row  0;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,order.closed,P001,W1,2001-02-05T09:00:00Z,,,,,,,,,\n", "ragged_row  0;"},
    {ASSAY_INTAKE_EVENTS, EVENT "\"A\"x,order.closed,P001,W1,2001-02-05T09:00:00Z,,,,,,,,\n", "invalid_csv  0;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,order.close,P001,W1,2001-02-05T09:00:00Z,,,,,,,,\n", "invalid_value /type 2;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,,P001,W1,2001-02-05T09:00:00Z,,,,,,,,\n", "missing_field /type 2;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,survey,P001,W1,2001-02-05T09:00:00Z,,,,,,,,\n", "invalid_value /type 2;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,order.opened,P 1,W 1,2001/2/5 9:00,walkin,,,,,,,\n",
     "invalid_value /provider 3;invalid_value /order 4;missing_offset /at 5;invalid_value /channel 6;missing_field /product 7;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,order.closed,P001,W1,2001-02-05T09:00:00Z,walk_in,,,,,,,\n", "unknown_field /channel 6;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,part.requested,P001,W1,2001-02-05T09:00:00Z,,,0,R 1,,maybe,,\n",
     "out_of_range /request 8;invalid_value /line 9;invalid_value /local 11;missing_field /part_no 10;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,part.requested,P001,W1,2001-02-05T09:00:00Z,,,1.5,R1,\xFF,,,\n",
     "wrong_type /request 8;invalid_utf8 /part_no 10;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,part.shipped,P001,W1,2001-02-05T09:00:00Z,,,,R1,,,2D24,\n", "invalid_value /courier 12;"},
    {ASSAY_INTAKE_EVENTS, EVENT "A,order.closed,P001,W1,2001-06-02T09:00:00Z,,,,,,,,\n", "future_time /at 5;"},
    {ASSAY_INTAKE_OBSERVATIONS, "id,provider,order,at,indicator\n", "unknown_field  3;"},
    {ASSAY_INTAKE_OBSERVATIONS, "id,provider,at,indicator,value,numerator\nO,P001,2001-02-05T09:00:00Z,x,1,2\n",
     "invalid_value /value 5;"},
    {ASSAY_INTAKE_OBSERVATIONS, "id,provider,at,indicator,value,numerator\nrevert:x,P001,2001-02-05T09:00:00Z,x,,2\n",
     "missing_field /denominator 0;invalid_value /id 1;"},
    {ASSAY_INTAKE_OBSERVATIONS, "id,provider,at,indicator,value,numerator\nO,P001,2001-02-05T09:00:00Z,x,abc,\n",
     "invalid_value /value 5;"},
    {ASSAY_INTAKE_OBSERVATIONS, "id,provider,at,indicator,numerator,denominator\nO,P001,2001-02-05T09:00:00Z,x,1,many\n",
     "wrong_type /denominator 6;"},
    {ASSAY_INTAKE_DISPATCHES, "id,provider,order,at,parts\nD,P001,W1,2001-02-05T09:00:00Z,R1:a|R1:b|x|R 2:\n",
     "invalid_value /parts/2 5;invalid_value /parts/3/line 5;invalid_value /parts/3/part_no 5;invalid_value /parts/1/line 5;"},
};

START_TEST(errors_say_where) {
    struct reading x;
    struct assay_buf b = {0};
    assay_buf_adds(&b, "");
    read_table(&x, wrong[_i].intake, wrong[_i].table, NULL);
    ck_assert_int_eq(x.status, ASSAY_VALIDATION_FAILED);
    for (size_t i = 0; i < assay_errors_kept(&x.es); i++)
        assay_buf_printf(&b, "%s %s %u;", assay_status_code(x.es.items[i].status), x.es.items[i].field, x.es.items[i].column);
    ck_assert_str_eq(b.p, wrong[_i].errors);
    if (x.sheet) ck_assert(x.es.items[0].line == 0);
    else ck_assert_uint_eq(x.es.items[0].line, 1);
    done(&x);
    assay_buf_free(&b);
}
END_TEST

/* Every column and every word of the table of fields has its Chinese: what a template says in Chinese, a table takes. */
START_TEST(every_name_has_its_chinese) {
    for (size_t i = 0; i < assay_fields_count; i++) {
        const struct assay_field *f = &assay_fields[i];
        static const char *const kinds[] = {"repair-events", "ccc-dispatches", "survey-responses", "observations"};
        bool found = false;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            struct assay_buf en = {0}, zh = {0};
            ck_assert(assay_template_write(assay_str_c(kinds[k]), false, &en));
            ck_assert(assay_template_write(assay_str_c(kinds[k]), true, &zh));
            found = found || strstr(en.p, f->name);
            size_t head = strcspn(zh.p, "\r");
            for (size_t c = 3; c < head; c++) ck_assert_msg(!(zh.p[c] >= 'a' && zh.p[c] <= 'z'), "%s: %s", f->name, zh.p);
            assay_buf_free(&en);
            assay_buf_free(&zh);
        }
        ck_assert_msg(found, "%s is in no template", f->name);
    }
}
END_TEST

START_TEST(refused_rows_as_a_file) {
    struct reading x;
    struct assay_buf b = {0}, file = {0};
    read_table(&x, ASSAY_INTAKE_SURVEYS, "_line,id;x\n", NULL);
    ck_assert(x.sheet == NULL);
    read_table(&x, ASSAY_INTAKE_SURVEYS, "_line;_code;编号;provider;at; answer\n3;x;S;P001;2001-02-05T09:00:00Z;bad\n", NULL);
    ck_assert_int_eq(x.status, ASSAY_VALIDATION_FAILED);
    assay_sheet_header_write(x.sheet, &b);
    ck_assert_str_eq(b.p, "编号,provider,at,answer");
    assay_rejected_header_write(assay_buf_str(&b), &file);
    b.n = 0;
    assay_sheet_cells_write(x.sheet, ASSAY_STR("3;x;S;P001;\"a;\"\"b\";c,d"), &b);
    ck_assert_str_eq(b.p, "S,P001,\"a;\"\"b\",\"c,d\"");
    assay_rejected_row_write(assay_buf_str(&b), 2, "invalid_value", "answer: what, this?", &file);
    b.n = 0;
    assay_sheet_cells_write(x.sheet, ASSAY_STR("3;x;S;\"P\xFF;"), &b); /* cannot be told apart */
    ck_assert_str_eq(b.p, "\"3;x;S;\"\"P\xEF\xBF\xBD;\"");
    ck_assert_str_eq(file.p, "\xEF\xBB\xBF_line,_code,_detail,编号,provider,at,answer\r\n"
                             "2,invalid_value,\"answer: what, this?\",S,P001,\"a;\"\"b\",\"c,d\"\r\n");
    done(&x);
    assay_buf_free(&b);
    assay_buf_free(&file);
}
END_TEST

/* === CloudEvents ========================================================================================================== */

#define CE "\"specversion\":\"1.0\",\"source\":\"/providers/P001\""
#define DATA "\"data\":{\"order\":\"W1\",\"channel\":\"ccc\",\"product\":\"x\"}"
static const struct {
    const char *event, *errors;
} events[] = {
    {"{" CE ",\"id\":\"A\",\"type\":\"order.opened\",\"time\":\"2001-02-05T09:00:00+08:00\"," DATA "}", ""},
    {"{" CE ",\"id\":\"A\",\"type\":\"cn.assay.order.opened\",\"time\":\"2001-02-05T09:00:00+08:00\"," DATA
     ",\"traceparent\":\"x\"}",
     ""},
    {"{" CE ",\"id\":\"A\",\"type\":\"order.opened\",\"subject\":\"P001\",\"datacontenttype\":\"application/json\","
     "\"data\":{\"id\":\"A\",\"type\":\"order.opened\",\"provider\":\"P001\",\"at\":\"2001-02-05T01:00:00Z\",\"order\":\"W1\","
     "\"channel\":"
     "\"ccc\",\"product\":\"x\"},\"time\":\"2001-02-05T09:00:00+08:00\",\"_note\":1}",
     ""},
    {"[]", "wrong_type ;"},
    {"{}", "missing_field /specversion;missing_field /data;missing_field /id;missing_field /type;missing_field /source;"},
    {"{\"specversion\":\"0.3\",\"source\":\"\",\"id\":\"A\",\"type\":\"order.opened\",\"time\":\"2001-02-05T09:00:00Z\"," DATA
     "}",
     "invalid_value /specversion;invalid_value /source;"},
    {"{" CE ",\"id\":\"A\",\"type\":\"xorder.opened\",\"time\":\"2001-02-05T09:00:00Z\"," DATA "}", "invalid_value /type;"},
    {"{" CE ",\"id\":\"A\",\"type\":\"order.opened\"," DATA "}", "missing_field /time;"},
    {"{" CE ",\"id\":\"A\",\"type\":\"order.opened\",\"time\":\"2001-02-05\"," DATA "}", "invalid_time /time;"},
    {"{" CE ",\"id\":\"A\\u00e4\",\"type\":\"order.opened\",\"subject\":\"P 1\",\"time\":\"2001-02-05T09:00:00Z\"," DATA "}",
     "invalid_value /id;invalid_value /subject;"},
    {"{" CE ",\"id\":\"A\",\"type\":\"order.opened\",\"subject\":\"P002\",\"time\":\"2001-02-05T09:00:00Z\",\"data\":{\"id\":"
     "\"B\",\"type\":"
     "\"order.closed\",\"provider\":\"P001\",\"at\":\"2001-02-05T09:00:01Z\",\"order\":\"W1\"}}",
     "attribute_conflict /data/id;attribute_conflict /data/type;attribute_conflict /data/at;attribute_conflict /data/provider;"},
    {"{" CE
     ",\"id\":\"A\",\"type\":\"order.opened\",\"time\":\"2001-02-05T09:00:00Z\",\"data\":{\"order\":\"W1\",\"channel\":\"no\","
     "\"pruduct\":\"x\",\"product\":\"y\"}}",
     "invalid_value /data/channel;unknown_field /data/pruduct;"},
    {"{" CE ",\"id\":\"A\",\"type\":\"order.opened\",\"time\":\"2001-02-05T09:00:00Z\",\"data_base64\":\"\",\"Subject\":\"x\"}",
     "unknown_field /data_base64;unknown_field /Subject;missing_field /data;"},
    {"{" CE ",\"id\":\"A\",\"type\":\"order.opened\",\"time\":\"2001-02-05T09:00:00Z\",\"datacontenttype\":\"text/"
     "xml\",\"data\":\"<a/>\"}",
     "invalid_value /datacontenttype;wrong_type /data;"},
};

START_TEST(cloud_events) {
    struct assay_json_doc *d;
    struct assay_arena a = {0};
    struct assay_record r;
    struct assay_errors es;
    struct assay_buf b = {0}, wanted = {0};
    assay_buf_adds(&b, "");
    struct assay_buf text = {0};
    assay_buf_printf(&text, "[%s]", events[_i].event);
    ck_assert(assay_json_load(assay_buf_str(&text), &d, NULL) == ASSAY_OK);
    enum assay_status st = assay_cloudevent_decode(d, 0, ASSAY_INTAKE_EVENTS, test_instant(RECEIVED), &a, &r, &es);
    assay_json_free(d);
    ck_assert_int_eq(st == ASSAY_OK, events[_i].errors[0] == '\0');
    for (size_t i = 0; i < assay_errors_kept(&es); i++)
        assay_buf_printf(&b, "%s %s;", assay_status_code(es.items[i].status), es.items[i].field);
    ck_assert_str_eq(b.p, events[_i].errors);
    if (st == ASSAY_OK) {
        b.n = 0;
        assay_record_write(&r, NULL, &b, NULL);
        json_text(
            ASSAY_INTAKE_EVENTS,
            "{\"id\":\"A\",\"type\":\"order.opened\",\"provider\":\"P001\",\"order\":\"W1\",\"at\":\"2001-02-05T01:00:00Z\","
            "\"channel\":\"ccc\",\"product\":\"x\"}",
            &wanted);
        ck_assert_str_eq(b.p, wanted.p);
    }
    assay_arena_free(&a);
    assay_buf_free(&b);
    assay_buf_free(&wanted);
    assay_buf_free(&text);
}
END_TEST

/* Routes of one type imply it; an event still names it. */
START_TEST(cloud_events_of_one_type) {
    struct assay_json_doc *d;
    struct assay_arena a = {0};
    struct assay_record r;
    struct assay_errors es;
    static const char text[] =
        "{" CE ",\"id\":\"S\",\"type\":\"org.x.survey\",\"time\":\"2001-02-05T09:00:00Z\",\"data\":{\"answer\":\"average\"}}";
    ck_assert(assay_json_load(assay_str_c(text), &d, NULL) == ASSAY_OK);
    ck_assert(assay_cloudevent_decode(d, 0, ASSAY_INTAKE_SURVEYS, test_instant(RECEIVED), &a, &r, &es) == ASSAY_OK);
    ck_assert(r.type == ASSAY_SURVEY_RESPONSE && assay_str_is(r.provider, "P001"));
    ck_assert(assay_cloudevent_decode(d, 0, ASSAY_INTAKE_DISPATCHES, test_instant(RECEIVED), &a, &r, &es) != ASSAY_OK);
    ck_assert_str_eq(es.items[0].field, "/type");
    assay_json_free(d);
    assay_arena_free(&a);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

static Suite *suite_csv(void) {
    Suite *s = suite_create("csv");
    char path[4096];
    TCase *t = tcase_create("csv");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, rows_of_text, 0, COUNT(cases));
    tcase_add_test(t, chunks_do_not_matter);
    tcase_add_test(t, cells_come_back);
    tcase_add_test(t, too_many_cells);
    if (test_shared(path, SPECTRUM "/csvs")) tcase_add_test(t, spectrum);
    else test_skip("csv: csv-spectrum", "shared/" SPECTRUM " is not there");
    tcase_add_loop_test(t, character_sets, 0, COUNT(sets));
    tcase_add_test(t, names_of_character_sets);
    tcase_add_test(t, headers_and_beginnings_decide);
    tcase_add_test(t, later_bytes_do_not_decide);
    tcase_add_loop_test(t, local_times, 0, COUNT(times));
    tcase_add_loop_test(t, cells_are_what_json_says, 0, COUNT(same));
    tcase_add_loop_test(t, errors_say_where, 0, COUNT(wrong));
    tcase_add_test(t, every_name_has_its_chinese);
    tcase_add_test(t, refused_rows_as_a_file);
    tcase_add_loop_test(t, cloud_events, 0, COUNT(events));
    tcase_add_test(t, cloud_events_of_one_type);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_csv)
