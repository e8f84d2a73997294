/* error.h -- what can go wrong, and how it is told.
 *
 * A function that can fail returns enum assay_status and must be checked. Details go into a struct assay_error that
 * the caller owns; reporting an error allocates nothing. Business refusals (a bad record among good ones) are
 * collected in a struct assay_errors, all at once, so that a sender can mend everything in one go.
 *
 * The stable codes of the API and their texts are one table, error_codes.h; HTTP statuses are src/http's business. */
#ifndef ASSAY_ERROR_H
#define ASSAY_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define ASSAY_MUST_CHECK __attribute__((warn_unused_result))
#define ASSAY_PRINTF(f, a) __attribute__((format(printf, f, a)))

#include "assay/error_codes.h"

enum assay_status {
    ASSAY_OK = 0,
#define X(name, code, en, zh) ASSAY_##name,
    ASSAY_ERROR_CODES(X)
#undef X
        ASSAY_STATUS_COUNT
};

/* One error. field is a JSON pointer ("/parts/0/line") or the name of a parameter or setting; "" where none applies. */
struct assay_error {
    enum assay_status status;
    unsigned line, column; /* of a text of rows, from 1; 0: not said */
    char field[96];
    char detail[320];
};

/* Fill *e (may be NULL) and return status, so that `return assay_fail(e, ...)` reads well. Over-long text is cut at a
 * whole UTF-8 character. */
enum assay_status assay_fail(struct assay_error *e, enum assay_status status, const char *field, const char *fmt, ...)
    ASSAY_PRINTF(4, 5);

/* The stable code ("unknown_field"), its English and its Chinese title. */
const char *assay_status_code(enum assay_status s);
const char *assay_status_title(enum assay_status s);
const char *assay_status_title_zh(enum assay_status s);

/* All errors of one record or document: at most ASSAY_ERRORS_MAX are kept, the rest is counted in n. Zero-initialise. */
#define ASSAY_ERRORS_MAX 32
struct assay_errors {
    size_t n; /* how many were reported; items[] holds the first min(n, ASSAY_ERRORS_MAX) */
    struct assay_error items[ASSAY_ERRORS_MAX];
};
void assay_errors_add(struct assay_errors *es, enum assay_status status, const char *field, const char *fmt, ...)
    ASSAY_PRINTF(4, 5);
static inline size_t assay_errors_kept(const struct assay_errors *es) {
    return es->n < ASSAY_ERRORS_MAX ? es->n : ASSAY_ERRORS_MAX;
}

#endif
