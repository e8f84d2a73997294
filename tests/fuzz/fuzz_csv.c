/* fuzz_csv.c -- any bytes as a table in any character set. The first byte chooses route, character set and bound, the second
 * sizes the chunks. However the stream is cut, the rows and what becomes of them are those of the whole; a row that is taken
 * is one that JSON takes too, with the same content. */
#include <stdlib.h>

#include "assay/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECEIVED (INT64_C(1000000000) * ASSAY_SECOND)

static void must(bool holds) {
    if (!holds) abort();
}

struct reading {
    enum assay_intake intake;
    bool broken; /* the header cannot be taken */
    struct assay_sheet *sheet;
    struct assay_arena arena;
    struct assay_errors es;
    struct assay_buf *out;
};

static void same_as_json(struct reading *x, const struct assay_record *r) {
    struct assay_buf json = {0}, again = {0};
    struct assay_record y;
    assay_record_write(r, NULL, &json, NULL);
    must(assay_utf8_valid(assay_buf_str(&json)));
    must(assay_record_from_json(assay_buf_str(&json), x->intake, RECEIVED, &x->arena, &y, &x->es) == ASSAY_OK);
    assay_record_write(&y, NULL, &again, NULL);
    must(assay_str_eq(assay_buf_str(&json), assay_buf_str(&again)));
    assay_buf_add(x->out, json.p, json.n);
    assay_buf_free(&json);
    assay_buf_free(&again);
}

static void take_row(struct reading *x, const struct assay_csv_row *row) {
    struct assay_record r;
    must(row->line > 0 && row->last_line >= row->line);
    assay_buf_printf(x->out, "%zu-%zu:", row->line, row->last_line);
    if (x->broken) return;
    if (!x->sheet) {
        x->broken = assay_sheet_new(x->intake, row, NULL, &x->sheet, &x->es) != ASSAY_OK;
        must(x->broken == (x->sheet == NULL) && x->broken == (x->es.n > 0));
    } else if (assay_sheet_record(x->sheet, row, RECEIVED, &x->arena, &r, &x->es) == ASSAY_OK) {
        same_as_json(x, &r);
    } else {
        must(x->es.n > 0);
        assay_buf_printf(x->out, "%zu %s %s", x->es.n, x->es.items[0].field, x->es.items[0].detail);
        assay_sheet_cells_write(x->sheet, row->text, x->out);
    }
    assay_arena_reset(&x->arena);
}

static void run(const uint8_t *data, size_t n, uint8_t how, size_t chunk, struct assay_buf *out) {
    struct reading x = {.intake = (enum assay_intake)(how % 4), .out = out};
    struct assay_text t;
    struct assay_csv c;
    struct assay_csv_row row;
    struct assay_str piece;
    size_t max = how & 0x80 ? 40 : 4096;
    assay_text_init(&t, (enum assay_charset)(how / 4 % 6), assay_sheet_known, &x.intake);
    assay_csv_init(&c, max);
    for (size_t at = 0; at <= n; at += chunk) {
        if (at + chunk > n) assay_text_finish(&t);
        if (at < n) assay_text_feed(&t, data + at, chunk < n - at ? chunk : n - at);
        while (assay_text_next(&t, &piece)) {
            assay_csv_feed(&c, piece.p, piece.n);
            while (assay_csv_next(&c, &row)) take_row(&x, &row);
            must(c.carry.n <= max);
        }
    }
    assay_csv_finish(&c);
    while (assay_csv_next(&c, &row)) take_row(&x, &row);
    assay_text_free(&t);
    assay_csv_free(&c);
    assay_sheet_free(x.sheet);
    assay_arena_free(&x.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assay_buf whole = {0}, chunks = {0};
    if (size < 3) return 0;
    run(data + 2, size - 2, data[0], size, &whole);
    run(data + 2, size - 2, data[0], (size_t)data[1] + 1, &chunks);
    must(assay_str_eq(assay_buf_str(&whole), assay_buf_str(&chunks)));
    assay_buf_free(&whole);
    assay_buf_free(&chunks);
    return 0;
}
