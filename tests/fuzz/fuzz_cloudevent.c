/* fuzz_cloudevent.c -- any bytes as CloudEvents of every route: what is taken is a record that the plain form takes too,
 * with the same content; what is not has an error. */
#include <stdlib.h>

#include "assay/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECEIVED (INT64_C(1000000000) * ASSAY_SECOND)

static void must(bool holds) {
    if (!holds) abort();
}

static void take(const struct assay_json_doc *d, size_t i, enum assay_intake intake, struct assay_arena *a) {
    static struct assay_errors es;
    struct assay_record r, y;
    struct assay_buf json = {0}, again = {0};
    if (assay_cloudevent_decode(d, i, intake, RECEIVED, a, &r, &es) != ASSAY_OK) {
        must(es.n > 0);
        return;
    }
    must(es.n == 0);
    assay_record_write(&r, NULL, &json, NULL);
    must(assay_record_from_json(assay_buf_str(&json), intake, RECEIVED, a, &y, &es) == ASSAY_OK);
    assay_record_write(&y, NULL, &again, NULL);
    must(assay_str_eq(assay_buf_str(&json), assay_buf_str(&again)));
    assay_buf_free(&json);
    assay_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assay_json_doc *d;
    struct assay_arena a = {0};
    if (assay_json_load((struct assay_str){(const char *)data, size}, &d, NULL) != ASSAY_OK) return 0;
    for (size_t i = 0; i < assay_json_count(d); i++)
        for (int intake = 0; intake < 4; intake++) take(d, i, (enum assay_intake)intake, &a);
    assay_json_free(d);
    assay_arena_free(&a);
    return 0;
}
