/* fuzz_ndjson.c -- any bytes as a stream of lines. The first byte bounds the lines, the second sizes the chunks. However
 * the stream is cut, the lines are those of the whole, numbered from 1, none beyond the bound. */
#include <stdlib.h>

#include "assay/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void note(const struct assay_ndjson_line *l, size_t max, struct assay_buf *out) {
    must(l->number > 0 && l->text.n <= max && !memchr(l->text.p, '\n', l->text.n));
    assay_buf_printf(out, "%zu %d ", l->number, l->status == ASSAY_OK);
    assay_buf_add(out, l->text.p, l->text.n);
    assay_buf_addc(out, '\n');
}

static void cut(const char *p, size_t n, size_t max, size_t chunk, struct assay_buf *out) {
    struct assay_ndjson r;
    struct assay_ndjson_line line;
    assay_ndjson_init(&r, max);
    for (size_t at = 0; at < n; at += chunk) {
        assay_ndjson_feed(&r, p + at, chunk < n - at ? chunk : n - at);
        while (assay_ndjson_next(&r, &line)) note(&line, max, out);
        must(r.carry.n <= max + 1);
    }
    assay_ndjson_finish(&r);
    while (assay_ndjson_next(&r, &line)) note(&line, max, out);
    assay_ndjson_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assay_buf whole = {0}, chunks = {0};
    if (size < 3) return 0;
    const char *p = (const char *)data + 2;
    cut(p, size - 2, data[0], size, &whole);
    cut(p, size - 2, data[0], (size_t)data[1] + 1, &chunks);
    must(assay_str_eq(assay_buf_str(&whole), assay_buf_str(&chunks)));
    assay_buf_free(&whole);
    assay_buf_free(&chunks);
    return 0;
}
