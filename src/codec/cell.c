/* cell.c -- cells of a table as fields of a record, by the rows of core/record.c. What JSON says by types a table says by
 * text: numbers in digits, TRUE and FALSE, the parts of a dispatch in one cell. */
#include "cell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void assay_cell_fail(const struct assay_cell_reader *r, const struct assay_cell *c, const char *below, enum assay_status status,
                     const char *fmt, ...) {
    char pointer[sizeof((struct assay_error *)0)->field], what[sizeof((struct assay_error *)0)->detail];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(pointer, sizeof pointer, "/%s%s", c->field->name, below);
    assay_errors_add(r->errors, status, pointer, "%.*s: %s", ASSAY_STR_ARG(c->name), what);
    if (r->errors->n <= ASSAY_ERRORS_MAX) r->errors->items[r->errors->n - 1].column = c->column;
}

static bool is_ascii(struct assay_str s) {
    unsigned char all = 0;
    for (size_t i = 0; i < s.n; i++) all |= (unsigned char)s.p[i];
    return all < 0x80;
}

bool assay_cell_is_text(const struct assay_cell_reader *r, const struct assay_cell *c) {
    if (memchr(c->text.p, '\0', c->text.n)) {
        assay_cell_fail(r, c, "", ASSAY_NUL_CHARACTER, "a NUL is no text");
        return false;
    }
    if (is_ascii(c->text) || assay_utf8_valid(c->text)) return true;
    assay_cell_fail(r, c, "", ASSAY_INVALID_UTF8, "bytes that are no text in the file's character set");
    return false;
}

/* === text ========================================================================================================== */

static bool read_form(const struct assay_cell_reader *r, const struct assay_cell *c, enum assay_field_form form,
                      struct assay_str text, const char *below, struct assay_str *out) {
    const struct assay_text_form *f = assay_record_form(form);
    if (f->good(text)) {
        *out = text;
        return true;
    }
    bool too_long = text.n > f->max && assay_utf8_length(text) > f->max;
    assay_cell_fail(r, c, below, too_long ? ASSAY_TOO_LONG : ASSAY_INVALID_VALUE, "%s are wanted", f->wanted);
    return false;
}

static bool read_text(const struct assay_cell_reader *r, const struct assay_cell *c, size_t max, struct assay_str text,
                      const char *below, struct assay_str *out) {
    if (text.n > max && assay_utf8_length(text) > max) {
        assay_cell_fail(r, c, below, ASSAY_TOO_LONG, "%zu characters; at most %zu are allowed", assay_utf8_length(text), max);
        return false;
    }
    *out = text;
    return true;
}

/* === words and numbers ============================================================================================= */

static bool find_word(const struct assay_cell_reader *r, const struct assay_cell *c, const char *const *words, int *out) {
    struct assay_str said = assay_cell_word(c->field->name, c->text);
    struct assay_buf list = {0};
    for (int i = 0; words[i]; i++) {
        if (assay_str_is(said, words[i])) {
            *out = i;
            assay_buf_free(&list);
            return true;
        }
    }
    for (int i = 0; words[i]; i++) {
        const char *zh = assay_cell_zh(c->field->name, assay_str_c(words[i]));
        assay_buf_printf(&list, "%s%s%s%s", i ? ", " : "", words[i], zh ? " " : "", zh ? zh : "");
    }
    assay_cell_fail(r, c, "", ASSAY_INVALID_VALUE, "one of these is wanted: %s", list.p ? list.p : "");
    assay_buf_free(&list);
    return false;
}

static bool find_kind(const struct assay_cell_reader *r, const struct assay_cell *c, int *out) {
    const char *words[ASSAY_KIND_COUNT + 1] = {NULL};
    for (int i = 0; i < ASSAY_KIND_COUNT; i++) words[i] = assay_kind_name((enum assay_kind)i);
    return find_word(r, c, words, out);
}

static bool same_letters(struct assay_str s, const char *lower) {
    if (s.n != strlen(lower)) return false;
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] | 0x20) != lower[i]) return false;
    return true;
}

static bool read_bool(const struct assay_cell_reader *r, const struct assay_cell *c, bool *out) {
    struct assay_str said = assay_cell_word(c->field->name, c->text);
    *out = same_letters(said, "true") || assay_str_is(said, "1");
    if (*out || same_letters(said, "false") || assay_str_is(said, "0")) return true;
    assay_cell_fail(r, c, "", ASSAY_INVALID_VALUE, "TRUE or FALSE is wanted");
    return false;
}

static bool parse_int(struct assay_str s, int64_t *out) {
    bool minus = s.n > 1 && s.p[0] == '-';
    int64_t v = 0;
    for (size_t i = minus; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || s.n > 18) return false;
        v = v * 10 + (s.p[i] - '0');
    }
    *out = minus ? -v : v;
    return s.n > 0;
}

static bool read_int(const struct assay_cell_reader *r, const struct assay_cell *c, int64_t *out) {
    if (!parse_int(c->text, out)) {
        assay_cell_fail(r, c, "", ASSAY_WRONG_TYPE, "a whole number is wanted");
        return false;
    }
    if (*out >= c->field->min && *out <= c->field->max) return true;
    assay_cell_fail(r, c, "", ASSAY_OUT_OF_RANGE, "%lld is not within %d to %d", (long long)*out, (int)c->field->min,
                    (int)c->field->max);
    return false;
}

static void read_courier(const struct assay_cell_reader *r, const struct assay_cell *c, assay_courier *out) {
    if (!assay_courier_parse(c->text, out))
        assay_cell_fail(r, c, "", ASSAY_INVALID_VALUE, "a courier class nDhh is wanted, n 1 to 9, hh 00 to 23, as 2D10");
}

static void read_instant(const struct assay_cell_reader *r, const struct assay_cell *c, assay_instant *out) {
    enum assay_status st = assay_local_parse(c->text, r->zone, out);
    if (st == ASSAY_OK) return;
    *out = ASSAY_NO_INSTANT;
    const char *zone = r->zone ? assay_zone_name(r->zone) : "";
    if (st == ASSAY_AMBIGUOUS_TIME)
        assay_cell_fail(r, c, "", st, "the clocks of %s showed this time twice; say its UTC offset", zone);
    else if (st == ASSAY_MISSING_OFFSET)
        assay_cell_fail(r, c, "", st, "a time needs its UTC offset, as 2001-02-03T04:05:06+08:00, or the upload a time_zone");
    else if (st == ASSAY_INVALID_TIME && r->zone)
        assay_cell_fail(r, c, "", st, "an RFC 3339 instant or a local time that %s had is wanted, as 2001-02-03 04:05", zone);
    else assay_cell_fail(r, c, "", st, "%s", assay_record_instant_wanted(st));
}

/* === parts: R1:C4096-69001|R2:Q1860-69003 =========================================================================== */

struct numbered_part { /* remembers where it stood */
    struct assay_part part;
    size_t index;
};

static int by_line(const void *x, const void *y) {
    const struct numbered_part *a = x, *b = y;
    int order = assay_str_cmp(a->part.line, b->part.line);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static bool read_part(const struct assay_cell_reader *r, const struct assay_cell *c, struct assay_str text,
                      struct numbered_part *p) {
    char below[32];
    const char *colon = memchr(text.p, ':', text.n);
    snprintf(below, sizeof below, "/%zu", p->index);
    if (!colon) {
        assay_cell_fail(r, c, below, ASSAY_INVALID_VALUE, "line:part_no is wanted, several joined by |");
        return false;
    }
    struct assay_str line = {text.p, (size_t)(colon - text.p)}, part_no = {colon + 1, text.n - line.n - 1};
    snprintf(below, sizeof below, "/%zu/line", p->index);
    bool ok = read_form(r, c, ASSAY_FORM_LINE, line, below, &p->part.line);
    snprintf(below, sizeof below, "/%zu/part_no", p->index);
    if (part_no.n == 0) {
        assay_cell_fail(r, c, below, ASSAY_INVALID_VALUE, "the text is empty");
        return false;
    }
    return read_text(r, c, 64, part_no, below, &p->part.part_no) && ok;
}

static void read_parts(const struct assay_cell_reader *r, const struct assay_cell *c, struct assay_record *out) {
    size_t n = 1, good = 0;
    for (size_t i = 0; i < c->text.n; i++) n += c->text.p[i] == '|';
    struct numbered_part *parts = assay_arena_alloc(r->arena, n * sizeof *parts);
    struct assay_str rest = c->text;
    for (size_t i = 0; i < n; i++) {
        const char *bar = memchr(rest.p, '|', rest.n);
        struct assay_str text = {rest.p, bar ? (size_t)(bar - rest.p) : rest.n};
        parts[good] = (struct numbered_part){.index = i};
        good += read_part(r, c, text, &parts[good]);
        if (bar) rest = (struct assay_str){bar + 1, rest.n - text.n - 1};
    }
    qsort(parts, good, sizeof *parts, by_line);
    struct assay_part *sorted = assay_arena_alloc(r->arena, n * sizeof *sorted);
    for (size_t i = 0; i < good; i++) {
        char below[32];
        sorted[i] = parts[i].part;
        if (i == 0 || !assay_str_eq(parts[i].part.line, parts[i - 1].part.line)) continue;
        snprintf(below, sizeof below, "/%zu/line", parts[i].index);
        assay_cell_fail(r, c, below, ASSAY_INVALID_VALUE, "line %.*s stands twice", ASSAY_STR_ARG(parts[i].part.line));
        good = 0;
    }
    out->parts = sorted;
    out->n_parts = good;
}

/* === any field ===================================================================================================== */

/* A form that JSON knows and tables have no habit of their own for: what the cell says as a string; where that is not what
 * is wanted, and it is a whole number, as a number. */
static void read_as_json(const struct assay_cell_reader *r, const struct assay_cell *c, struct assay_record *out) {
    static const struct assay_place root = {NULL, NULL, 0};
    const struct assay_place at = {&root, c->field->name, 0};
    struct assay_reader reader = {r->arena, r->errors};
    size_t before = r->errors->n;
    int64_t number;
    json_t *v = json_stringn(c->text.p, c->text.n);
    assay_record_read_value(&reader, &at, c->field, v, out);
    json_decref(v);
    if (r->errors->n > before && parse_int(c->text, &number)) {
        r->errors->n = before;
        v = json_integer(number);
        assay_record_read_value(&reader, &at, c->field, v, out);
        json_decref(v);
    }
    for (size_t i = before; i < assay_errors_kept(r->errors); i++) r->errors->items[i].column = c->column;
}

void assay_cell_read(const struct assay_cell_reader *r, const struct assay_cell *c, struct assay_record *out) {
    const struct assay_field *f = c->field;
    void *to = (char *)out + f->offset;
    int64_t number;
    int word;
    if (!assay_cell_is_text(r, c)) return;
    switch (f->form) {
    case ASSAY_FORM_ID:
    case ASSAY_FORM_PROVIDER:
    case ASSAY_FORM_ORDER:
    case ASSAY_FORM_LINE:
    case ASSAY_FORM_CODE: (void)read_form(r, c, f->form, c->text, "", to); return;
    case ASSAY_FORM_SHORT: (void)read_text(r, c, 64, c->text, "", to); return;
    case ASSAY_FORM_TEXT: (void)read_text(r, c, (size_t)f->max, c->text, "", to); return;
    case ASSAY_FORM_INSTANT: read_instant(r, c, to); return;
    case ASSAY_FORM_WORD:
        if (find_word(r, c, f->words, &word)) *(int *)to = word + 1;
        return;
    case ASSAY_FORM_KIND:
        if (find_kind(r, c, &word)) *(enum assay_kind *)to = (enum assay_kind)word;
        return;
    case ASSAY_FORM_BOOL: (void)read_bool(r, c, to); return;
    case ASSAY_FORM_COURIER: read_courier(r, c, to); return;
    case ASSAY_FORM_INT32:
        if (read_int(r, c, &number)) *(int32_t *)to = (int32_t)number;
        return;
    case ASSAY_FORM_INT8:
        if (read_int(r, c, &number)) *(int8_t *)to = (int8_t)number;
        return;
    case ASSAY_FORM_PARTS: read_parts(r, c, out); return;
    default: read_as_json(r, c, out); return;
    }
}
