/* What others wrote to break JSON readers: the parsing cases of JSONTestSuite, and the Big List of Naughty Strings as
 * values of every form of text. Both stand beside the checkout or are skipped. */
#include <dirent.h>
#include <jansson.h>

#include "check_main.h"

#include "assay/codec.h"

static bool read_file(const char *path, struct assay_buf *b) {
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    char chunk[4096];
    size_t n;
    b->n = 0;
    assay_buf_adds(b, "");
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) assay_buf_add(b, chunk, n);
    fclose(f);
    return true;
}

/* === JSONTestSuite ===================================================================================================== */

#define CASES "data/JSONTestSuite/test_parsing"

/* Cases that the suite says must be accepted and that are refused here, each with its reason. */
static const struct {
    const char *name;
    enum assay_status status;
    const char *why;
} exceptions[] = {
    {"y_object_duplicated_key.json", ASSAY_DUPLICATE_KEY, "nobody can know which of two values is meant"},
    {"y_object_duplicated_key_and_value.json", ASSAY_DUPLICATE_KEY, "the rule looks at names only"},
    {"y_object_escaped_null_in_key.json", ASSAY_NUL_CHARACTER, "NUL is refused in all text, as PostgreSQL cannot keep it"},
};

static enum assay_status wanted_of(const char *name) {
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].name, name) == 0) return exceptions[i].status;
    return ASSAY_OK;
}

/* From memory of its own, so that reading past the end shows. */
static enum assay_status load(const struct assay_buf *b, struct assay_error *e) {
    struct assay_json_doc *d = NULL;
    char *text = assay_xmalloc(b->n);
    memcpy(text, b->p, b->n);
    enum assay_status s = assay_json_load((struct assay_str){text, b->n}, &d, e);
    ck_assert_int_eq(s == ASSAY_OK, d != NULL);
    assay_json_free(d);
    free(text);
    return s;
}

START_TEST(parsing_cases) {
    char path[4096], file[8192];
    struct {
        int accepted, refused;
    } y = {0, 0}, n = {0, 0}, i = {0, 0};
    struct assay_buf b = {0};
    DIR *dir = opendir(test_shared(path, CASES));
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *name = entry->d_name;
        if (name[0] == '.') continue;
        ck_assert_msg(strchr("yni", name[0]) && name[1] == '_', "%s", name);
        snprintf(file, sizeof file, "%s/%s", path, name);
        ck_assert(read_file(file, &b));
        struct assay_error e = {.status = ASSAY_OK};
        enum assay_status s = load(&b, &e);
        int *count = name[0] == 'y' ? &y.accepted : name[0] == 'n' ? &n.accepted : &i.accepted;
        count[s == ASSAY_OK ? 0 : 1]++;
        if (name[0] == 'y') ck_assert_msg(s == wanted_of(name), "%s: %s %s", name, assay_status_code(s), e.detail);
        if (name[0] == 'n') ck_assert_msg(s != ASSAY_OK, "%s was accepted", name);
        if (s == ASSAY_OK) continue;
        ck_assert_msg(e.detail[0] && assay_utf8_valid(assay_str_c(e.detail)), "%s: %s", name, e.detail);
    }
    closedir(dir);
    assay_buf_free(&b);
    printf("# JSONTestSuite: y %d accepted, %d refused by rule; n %d refused; i %d accepted, %d refused\n", y.accepted, y.refused,
           n.refused, i.accepted, i.refused);
    ck_assert_int_eq(y.refused, (int)(sizeof exceptions / sizeof *exceptions));
    ck_assert_int_eq(y.accepted + y.refused + n.refused + i.accepted + i.refused, 318);
}
END_TEST

/* === naughty strings =================================================================================================== */

#define STRINGS "data/blns/blns.json"

static size_t characters(struct assay_str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* Every byte of s within lo..hi and not among `but`. */
static bool made_of(struct assay_str s, char lo, char hi, const char *but) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < lo || s.p[i] > hi || strchr(but, s.p[i])) return false;
    return true;
}
static bool is_text(struct assay_str s) { return characters(s) <= 1000; }
static bool is_product(struct assay_str s) { return s.n > 0 && characters(s) <= 1000; }
static bool is_short(struct assay_str s) { return s.n > 0 && characters(s) <= 64; }
static bool is_id(struct assay_str s) { return s.n > 0 && s.n <= 64 && made_of(s, ' ', '~', ""); }
static bool is_order(struct assay_str s) { return s.n > 0 && s.n <= 64 && made_of(s, '!', '~', "/?#%"); }
static bool is_line(struct assay_str s) { return s.n > 0 && s.n <= 16 && made_of(s, '-', 'z', "/:;<=>?@[\\]^`"); }

/* Where a naughty string is put: a record with a hole for it. */
static const struct {
    const char *name, *before, *after;
    size_t offset; /* of the field in struct assay_record */
    bool (*allowed)(struct assay_str);
} holes[] = {
    {"text",
     "{\"type\":\"order.cancelled\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-02-03T04:05:06Z\",\"reason\":",
     "}", offsetof(struct assay_record, reason), is_text},
    {"product",
     "{\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-02-03T04:05:06Z\",\"type\":\"order.opened\",\"channel\":"
     "\"ccc\",\"product\":",
     "}", offsetof(struct assay_record, product), is_product},
    {"part_no",
     "{\"type\":\"part.requested\",\"id\":\"a\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-02-03T04:05:06Z\",\"request\":1,"
     "\"line\":\"1\",\"part_no\":",
     "}", offsetof(struct assay_record, part_no), is_short},
    {"id", "{\"type\":\"order.completed\",\"provider\":\"P\",\"order\":\"W\",\"at\":\"2001-02-03T04:05:06Z\",\"id\":", "}",
     offsetof(struct assay_record, id), is_id},
    {"order", "{\"type\":\"order.completed\",\"provider\":\"P\",\"id\":\"a\",\"at\":\"2001-02-03T04:05:06Z\",\"order\":", "}",
     offsetof(struct assay_record, order), is_order},
    {"line",
     "{\"type\":\"part.delivered\",\"provider\":\"P\",\"id\":\"a\",\"order\":\"W\",\"at\":\"2001-02-03T04:05:06Z\",\"line\":",
     "}", offsetof(struct assay_record, line), is_line},
};
#define N_HOLES (int)(sizeof holes / sizeof *holes)

static struct assay_arena arena;
static struct assay_errors errors;

/* quoted is the string as JSON. */
static void try_string(int hole, struct assay_str s, struct assay_str quoted) {
    struct assay_buf b = {0}, again = {0};
    struct assay_record r, back;
    struct assay_error e;
    assay_buf_adds(&b, holes[hole].before);
    assay_buf_add(&b, quoted.p, quoted.n);
    assay_buf_adds(&b, holes[hole].after);
    enum assay_status status = assay_record_from_json(assay_buf_str(&b), ASSAY_INTAKE_EVENTS, ASSAY_INSTANT_MAX, &arena, &r,
                                                      &errors);
    bool allowed = holes[hole].allowed(s);
    ck_assert_msg((status == ASSAY_OK) == allowed, "%s: %s", b.p, allowed ? errors.items[0].detail : "was accepted");
    if (!allowed) {
        ck_assert_uint_eq(errors.n, 1);
        ck_assert(errors.items[0].field[0] == '/');
        goto out;
    }
    const struct assay_str *got = (const struct assay_str *)((const char *)&r + holes[hole].offset);
    ck_assert_msg(got->p && assay_str_eq(*got, s), "%s", b.p);
    b.n = 0;
    assay_record_content(&r, &b);
    back = r;
    ck_assert_int_eq(assay_record_from_content(assay_buf_str(&b), &arena, &back, &e), ASSAY_OK);
    assay_record_content(&back, &again);
    ck_assert_str_eq(b.p, again.p);
    ck_assert(assay_str_eq(*(const struct assay_str *)((const char *)&back + holes[hole].offset), s));
out:
    assay_buf_free(&b);
    assay_buf_free(&again);
    assay_arena_reset(&arena);
}

START_TEST(naughty_strings) {
    char path[4096];
    json_error_t error;
    json_t *list = json_load_file(test_shared(path, STRINGS), JSON_ALLOW_NUL, &error);
    struct assay_buf ours = {0};
    int allowed = 0;
    ck_assert_msg(json_is_array(list), "%s", error.text);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *v = json_array_get(list, i);
        struct assay_str s = {json_string_value(v), json_string_length(v)};
        char *theirs = json_dumps(v, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        try_string(_i, s, assay_str_c(theirs));
        ours.n = 0;
        assay_json_str(&ours, NULL, s);
        try_string(_i, s, assay_buf_str(&ours));
        allowed += holes[_i].allowed(s);
        free(theirs);
    }
    printf("# naughty strings as %s: %d of %zu accepted, each as its form says\n", holes[_i].name, allowed,
           json_array_size(list));
    json_decref(list);
    assay_buf_free(&ours);
    assay_arena_free(&arena);
}
END_TEST

/* The writer's strings are what an independent reader takes for the same string, for every code point there is. */
START_TEST(every_character_comes_back) {
    struct assay_buf text = {0}, json = {0};
    for (unsigned c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        text.n = 0;
        if (c < 0x80) {
            assay_buf_addc(&text, (char)c);
        } else {
            int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
            assay_buf_addc(&text, (char)((0xFF00u >> (tail + 1) & 0xFF) | c >> (6 * tail)));
            while (tail--) assay_buf_addc(&text, (char)(0x80 | (c >> (6 * tail) & 0x3F)));
        }
        if (c > 0x500 && c % 7 && c < 0x10FFF0) continue; /* a seventh of the far ones is enough */
        json.n = 0;
        assay_json_str(&json, NULL, assay_buf_str(&text));
        json_t *v = json_loadb(json.p, json.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ck_assert_msg(json_is_string(v) && json_string_length(v) == text.n && memcmp(json_string_value(v), text.p, text.n) == 0,
                      "U+%04X: %s", c, json.p);
        json_decref(v);
    }
    assay_buf_free(&text);
    assay_buf_free(&json);
}
END_TEST

static const struct {
    const char *bytes, *json;
} broken[] = {
    {"\xFF", "\"\xEF\xBF\xBD\""},
    {"a\xC3", "\"a\xEF\xBF\xBD\""},
    {"\xED\xA0\x80z", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\""},
    {"\xF0\x9D\x84\x9E\xF0\x9D\x84\"", "\"\xF0\x9D\x84\x9E\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\\\"\""},
    {"\xC3\xA9\xC0\x80\n", "\"\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\\n\""},
};

START_TEST(broken_text_is_repaired) {
    struct assay_buf b = {0};
    assay_json_text(&b, NULL, broken[_i].bytes);
    ck_assert_str_eq(b.p, broken[_i].json);
    assay_buf_free(&b);
}
END_TEST

static Suite *suite_json(void) {
    char path[4096];
    Suite *s = suite_create("json_suite");
    TCase *t = tcase_create("json");
    tcase_set_timeout(t, 60);
    if (test_shared(path, CASES)) tcase_add_test(t, parsing_cases);
    else test_skip("parsing_cases", CASES " is not beside the checkout");
    if (test_shared(path, STRINGS)) tcase_add_loop_test(t, naughty_strings, 0, N_HOLES);
    else test_skip("naughty_strings", STRINGS " is not beside the checkout");
    tcase_add_test(t, every_character_comes_back);
    tcase_add_loop_test(t, broken_text_is_repaired, 0, (int)(sizeof broken / sizeof *broken));
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_json)
