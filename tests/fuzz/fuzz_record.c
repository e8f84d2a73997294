/* fuzz_record.c -- any bytes as a record. The first byte picks the route, the rest is the text. What is accepted must
 * come back from its content, and everything written must be JSON again; what is refused must be refused with a reason.
 * Run by libFuzzer (meson -Dfuzz=true, clang) or, over the corpus, by replay.c. */
#include <stdlib.h>

#include "assay/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void must_parse(struct assay_str text) {
    struct assay_json_doc *d;
    struct assay_error e;
    must(assay_json_load(text, &d, &e) == ASSAY_OK && !assay_json_is_array(d));
    assay_json_free(d);
}

static void check_accepted(const struct assay_record *r, struct assay_arena *a) {
    struct assay_buf one = {0}, two = {0};
    struct assay_record back = *r;
    struct assay_error e;
    assay_record_content(r, &one);
    must(assay_record_from_content(assay_buf_str(&one), a, &back, &e) == ASSAY_OK);
    assay_record_content(&back, &two);
    must(assay_str_eq(assay_buf_str(&one), assay_buf_str(&two)));
    one.n = 0;
    assay_record_write(r, NULL, &one, NULL);
    must_parse(assay_buf_str(&one));
    for (size_t i = 1; i < r->n_parts; i++) must(assay_str_cmp(r->parts[i - 1].line, r->parts[i].line) < 0);
    assay_buf_free(&one);
    assay_buf_free(&two);
}

static void check_refused(struct assay_str text, enum assay_status status, const struct assay_errors *es) {
    struct assay_buf row = {0};
    must(es->n > 0 && (es->n == 1 || status == ASSAY_VALIDATION_FAILED));
    for (size_t i = 0; i < assay_errors_kept(es); i++) must(es->items[i].status != ASSAY_OK && es->items[i].detail[0]);
    assay_rejected_write(text, 1, assay_status_code(es->items[0].status), es->items[0].detail, &row);
    must(row.n > 0 && row.p[row.n - 1] == '\n' && !memchr(row.p, '\n', row.n - 1));
    must_parse((struct assay_str){row.p, row.n - 1});
    assay_buf_free(&row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assay_arena arena = {0};
    struct assay_errors es;
    struct assay_record r;
    if (size == 0) return 0;
    struct assay_str text = {(const char *)data + 1, size - 1};
    enum assay_intake intake = (enum assay_intake)(data[0] % 4);
    enum assay_status s = assay_record_from_json(text, intake, ASSAY_INSTANT_MAX, &arena, &r, &es);
    if (s == ASSAY_OK) check_accepted(&r, &arena);
    else check_refused(text, s, &es);
    assay_arena_free(&arena);
    return 0;
}
