/* error.c -- the error value and the table of stable codes. */
#include "assay/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_row {
    const char *code, *title, *title_zh;
};

static const struct code_row codes[] = {{"ok", "OK", "成功"},
#define X(name, code, en, zh) {code, en, zh},
                                        ASSAY_ERROR_CODES(X)
#undef X
};
_Static_assert(sizeof codes / sizeof *codes == ASSAY_STATUS_COUNT, "a row for each status");

static const struct code_row *row_of(enum assay_status s) {
    return (unsigned)s < ASSAY_STATUS_COUNT ? &codes[s] : &codes[ASSAY_INTERNAL];
}

const char *assay_status_code(enum assay_status s) { return row_of(s)->code; }
const char *assay_status_title(enum assay_status s) { return row_of(s)->title; }
const char *assay_status_title_zh(enum assay_status s) { return row_of(s)->title_zh; }

/* Cut text that did not fit back to a whole character: drop a lead byte without its full tail. */
static void cut_utf8(char *s, size_t size, int wanted) {
    if (wanted < 0 || (size_t)wanted < size) return;
    size_t n = size - 1, i = n;
    while (i > 0 && ((unsigned char)s[i - 1] & 0xC0) == 0x80) i--;
    if (i == 0) return;
    unsigned char lead = (unsigned char)s[i - 1];
    size_t len = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (i - 1 + len > n) s[i - 1] = '\0';
}

static void fill(struct assay_error *e, enum assay_status status, const char *field, const char *fmt, va_list ap) {
    e->status = status;
    e->line = e->column = 0;
    cut_utf8(e->field, sizeof e->field, snprintf(e->field, sizeof e->field, "%s", field ? field : ""));
    cut_utf8(e->detail, sizeof e->detail, vsnprintf(e->detail, sizeof e->detail, fmt, ap));
}

enum assay_status assay_fail(struct assay_error *e, enum assay_status status, const char *field, const char *fmt, ...) {
    if (!e) return status;
    va_list ap;
    va_start(ap, fmt);
    fill(e, status, field, fmt, ap);
    va_end(ap);
    return status;
}

void assay_errors_add(struct assay_errors *es, enum assay_status status, const char *field, const char *fmt, ...) {
    if (es->n++ >= ASSAY_ERRORS_MAX) return;
    va_list ap;
    va_start(ap, fmt);
    fill(&es->items[es->n - 1], status, field, fmt, ap);
    va_end(ap);
}
