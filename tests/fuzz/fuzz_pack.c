/* fuzz_pack.c -- any bytes as the packed records of an order's row, as a damaged database might give them. What is read is
 * what pack writes, byte by byte; what is not is refused, and nothing of it is read beyond its end. */
#include <stdlib.h>

#include "assay/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static bool within(struct assay_str s, struct assay_str bytes) {
    return !s.p || (s.p >= bytes.p && s.p + s.n <= bytes.p + bytes.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assay_str bytes = {(const char *)data, size};
    struct assay_arena arena = {0};
    struct assay_buf again = {0};
    struct assay_record r;
    bool voided;
    size_t at = 0, before = 0;
    while (assay_record_unpack(bytes, &at, &arena, &r, &voided) == ASSAY_OK) {
        must(at > before && at <= size);
        must((unsigned)r.type < ASSAY_TYPE_COUNT && r.kind == assay_type_kind(r.type));
        must(within(r.id, bytes) && within(r.line, bytes) && within(r.product, bytes));
        for (size_t i = 0; i < r.n_parts; i++) must(within(r.parts[i].line, bytes));
        again.n = 0;
        assay_record_pack(&r, voided, &again);
        must(assay_str_eq(assay_buf_str(&again), (struct assay_str){bytes.p + before, at - before}));
        before = at;
    }
    must(at == before); /* a refusal does not move on */
    assay_buf_free(&again);
    assay_arena_free(&arena);
    return 0;
}
