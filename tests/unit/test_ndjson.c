/* Lines out of chunks: the same lines whatever the chunks, numbers that count blank lines, bounded lines. */
#include "check_main.h"
#include "test_zone.h"

#include "assay/codec.h"

static const struct {
    size_t max;
    const char *text, *lines; /* "number:text|", or "number!" for too large */
} cases[] = {
    {8, "", ""},
    {8, "\n", ""},
    {8, "a", "1:a|"},
    {8, "a\n", "1:a|"},
    {8, "a\nb", "1:a|2:b|"},
    {8, "a\r\nb\r\n", "1:a|2:b|"},
    {8, "\n\r\n \t \na\n\n\nb\n\n", "4:a|7:b|"},
    {8, "a\rb\n", "1:a\rb|"},
    {8, "a\r\r\n", "1:a\r|"},
    {8, "a\r", "1:a\r|"}, /* a CR without its LF is a byte of the line (white space to JSON) */
    {3, "abc\nabcd\nab\n", "1:abc|2!3:ab|"},
    {3, "abc\r\nabcd\r\nab\r\n", "1:abc|2!3:ab|"},
    {3, "abcdefghijkl", "1!"},
    {3, "abcdefghijkl\n", "1!"},
    {3, "abcdefghijkl\r\nx", "1!2:x|"},
    {3, "abcd", "1!"},
    {3, "abc\r", "1!"},
    {3, "abc", "1:abc|"},
    {3, "   \n    \n     \nx", "2!3!4:x|"}, /* what is too long is not looked at */
    {0, "\n\r\na\n", "3!"},
    {3, "abcd\n\nabcd\nx\nabcde", "1!3!4:x|5!"},
};

static void show(const struct assay_ndjson_line *l, struct assay_buf *b) {
    if (l->status == ASSAY_TOO_LARGE) assay_buf_printf(b, "%zu!", l->number);
    else assay_buf_printf(b, "%zu:%.*s|", l->number, ASSAY_STR_ARG(l->text));
}

/* Feed in chunks of the sizes next_size gives; each chunk is a copy of its own, so that reading outside shows. */
static void run(const char *text, size_t n, size_t max, size_t (*next_size)(void *), void *ctx, struct assay_buf *out) {
    struct assay_ndjson r;
    struct assay_ndjson_line line;
    assay_ndjson_init(&r, max);
    out->n = 0;
    assay_buf_adds(out, "");
    for (size_t at = 0; at < n;) {
        size_t size = next_size(ctx);
        if (size > n - at) size = n - at;
        char *chunk = assay_xmalloc(size);
        memcpy(chunk, text + at, size);
        assay_ndjson_feed(&r, chunk, size);
        while (assay_ndjson_next(&r, &line)) show(&line, out);
        free(chunk);
        at += size;
    }
    assay_ndjson_finish(&r);
    while (assay_ndjson_next(&r, &line)) show(&line, out);
    ck_assert(!assay_ndjson_next(&r, &line));
    ck_assert_uint_le(r.carry.n, max + 1);
    assay_ndjson_free(&r);
}

static size_t fixed_size(void *ctx) { return *(size_t *)ctx; }
static size_t random_size(void *ctx) { return (size_t)test_random_below(ctx, 8); } /* 0 too */

START_TEST(any_chunks_give_the_same_lines) {
    struct assay_buf out = {0};
    size_t n = strlen(cases[_i].text);
    for (size_t size = 1; size <= n + 1; size++) {
        run(cases[_i].text, n, cases[_i].max, fixed_size, &size, &out);
        ck_assert_msg(strcmp(out.p, cases[_i].lines) == 0, "case %d, chunks of %zu: %s", _i, size, out.p);
    }
    assay_buf_free(&out);
}
END_TEST

/* The same by the simplest means: the whole text at hand. */
static void reference(const char *text, size_t n, size_t max, struct assay_buf *out) {
    size_t number = 0;
    out->n = 0;
    assay_buf_adds(out, "");
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && text[end] != '\n') end++;
        struct assay_str line = {text + i, end - i};
        if (end < n && line.n && line.p[line.n - 1] == '\r') line.n--;
        bool blank = true;
        for (size_t k = 0; k < line.n; k++) blank = blank && strchr(" \t\r", line.p[k]);
        struct assay_ndjson_line l = {line.n > max ? ASSAY_TOO_LARGE : ASSAY_OK, line, ++number};
        if (line.n > max || !blank) show(&l, out);
        i = end + 1;
    }
}

START_TEST(random_texts_against_a_reference) {
    static const char letters[] = "ab \t\r\n\n\n\r\n";
    uint64_t seed = 20010203;
    struct assay_buf text = {0}, got = {0}, want = {0};
    for (int round = 0; round < 20000; round++) {
        uint64_t began = seed;
        size_t n = (size_t)test_random_below(&seed, 40), max = (size_t)test_random_below(&seed, 6);
        text.n = 0;
        assay_buf_adds(&text, "");
        for (size_t i = 0; i < n; i++) assay_buf_addc(&text, letters[test_random_below(&seed, sizeof letters - 1)]);
        run(text.p, text.n, max, random_size, &seed, &got);
        reference(text.p, text.n, max, &want);
        ck_assert_msg(strcmp(got.p, want.p) == 0, "seed %llu: %s, not %s", (unsigned long long)began, got.p, want.p);
    }
    assay_buf_free(&text);
    assay_buf_free(&got);
    assay_buf_free(&want);
}
END_TEST

START_TEST(a_line_inside_a_chunk_is_not_copied) {
    static const char chunk[] = "one\ntwo\nthr";
    struct assay_ndjson r;
    struct assay_ndjson_line line;
    assay_ndjson_init(&r, 100);
    assay_ndjson_feed(&r, chunk, sizeof chunk - 1);
    ck_assert(assay_ndjson_next(&r, &line) && line.text.p == chunk);
    ck_assert(assay_ndjson_next(&r, &line) && line.text.p == chunk + 4);
    ck_assert(!assay_ndjson_next(&r, &line));
    assay_ndjson_feed(&r, "ee\nfour\n", 8);
    ck_assert(assay_ndjson_next(&r, &line) && assay_str_is(line.text, "three") && line.number == 3);
    ck_assert(assay_ndjson_next(&r, &line) && assay_str_is(line.text, "four") && line.number == 4);
    ck_assert(!assay_ndjson_next(&r, &line));
    assay_ndjson_free(&r);
}
END_TEST

START_TEST(no_bound_is_a_bound_too) {
    struct assay_ndjson r;
    struct assay_ndjson_line line;
    assay_ndjson_init(&r, SIZE_MAX);
    assay_ndjson_feed(&r, "ab", 2);
    ck_assert(!assay_ndjson_next(&r, &line));
    assay_ndjson_feed(&r, "c\n", 2);
    ck_assert(assay_ndjson_next(&r, &line) && line.status == ASSAY_OK && assay_str_is(line.text, "abc"));
    assay_ndjson_free(&r);
}
END_TEST

static Suite *suite_ndjson(void) {
    Suite *s = suite_create("ndjson");
    TCase *t = tcase_create("ndjson");
    tcase_add_loop_test(t, any_chunks_give_the_same_lines, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(t, random_texts_against_a_reference);
    tcase_add_test(t, a_line_inside_a_chunk_is_not_copied);
    tcase_add_test(t, no_bound_is_a_bound_too);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_ndjson)
