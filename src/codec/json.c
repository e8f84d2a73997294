/* json.c -- one strict way in (bounded, positioned errors) and one fast way out of JSON. Must not know what a record or a
 * document is. */
#include "reader.h"

#include <stdio.h>

/* === in ============================================================================================================ */

static bool is_white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool all_white(struct assay_str text) {
    for (size_t i = 0; i < text.n; i++)
        if (!is_white(text.p[i])) return false;
    return true;
}

/* NDJSON gives one line at a time, so "line 1" would only mislead there. */
static enum assay_status fail_at(struct assay_error *e, enum assay_status status, struct assay_str text, size_t line,
                                 size_t column, const char *what) {
    if (!text.n || !memchr(text.p, '\n', text.n)) return assay_fail(e, status, "", "column %zu: %s", column, what);
    return assay_fail(e, status, "", "line %zu, column %zu: %s", line, column, what);
}

/* Brackets of either kind differ from '{' in one bit at most. Text without more of them than the limit cannot nest deeper,
 * which spares nearly all documents the exact walk. */
static bool may_be_deep(struct assay_str text) {
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) n += (text.p[i] | 0x20) == '{';
    return n > ASSAY_JSON_DEPTH_MAX;
}

static enum assay_status check_depth(struct assay_str text, struct assay_error *e) {
    size_t depth = 0, line = 1, column = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (((unsigned char)c & 0xC0) != 0x80) column++;
        if (c == '\n') line++, column = 0;
        if (in_string) {
            if (c == '"') in_string = false;
            else if (c == '\\' && i + 1 < text.n) i++, column++;
            continue;
        }
        if (c == '"') in_string = true;
        else if ((c == ']' || c == '}') && depth > 0) depth--;
        else if ((c == '[' || c == '{') && ++depth > ASSAY_JSON_DEPTH_MAX) {
            char what[64];
            snprintf(what, sizeof what, "nested more than %d deep", ASSAY_JSON_DEPTH_MAX);
            return fail_at(e, ASSAY_TOO_DEEP, text, line, column, what);
        }
    }
    return ASSAY_OK;
}

static enum assay_status status_of(const json_error_t *je) {
    switch (json_error_code(je)) {
    case json_error_invalid_utf8: return ASSAY_INVALID_UTF8;
    case json_error_duplicate_key: return ASSAY_DUPLICATE_KEY;
    case json_error_stack_overflow: return ASSAY_TOO_DEEP;
    case json_error_null_character:
    case json_error_null_byte_in_key: return ASSAY_NUL_CHARACTER;
    case json_error_numeric_overflow: return ASSAY_OUT_OF_RANGE;
    default: return ASSAY_INVALID_JSON;
    }
}

/* A raw NUL is never legal, but jansson 2.14 passes over one that follows a number or a literal. */
static enum assay_status check_nul(struct assay_str text, struct assay_error *e) {
    const char *nul = memchr(text.p, '\0', text.n);
    if (!nul) return ASSAY_OK;
    size_t line = 1, column = 1;
    for (const char *p = text.p; p < nul; p++) {
        column += ((unsigned char)*p & 0xC0) != 0x80;
        if (*p == '\n') line++, column = 1;
    }
    return fail_at(e, ASSAY_NUL_CHARACTER, text, line, column, "a NUL byte");
}

/* jansson quotes the text it stumbled over, at times from the middle of a character. */
static void mend_quote(char *text) {
    if (assay_utf8_valid(assay_str_c(text))) return;
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80) *text = '?';
}

enum assay_status assay_reader_load(struct assay_str text, json_t **out, struct assay_error *e) {
    *out = NULL;
    if (text.n == 0 || (is_white(text.p[0]) && all_white(text)))
        return assay_fail(e, ASSAY_EMPTY_BODY, "", "there is no JSON text");
    if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0)
        return fail_at(e, ASSAY_INVALID_JSON, text, 1, 1, "a byte order mark is no part of JSON (RFC 8259, section 8.1)");
    enum assay_status s = check_nul(text, e);
    if (s == ASSAY_OK && may_be_deep(text)) s = check_depth(text, e);
    if (s != ASSAY_OK) return s;
    json_error_t je;
    *out = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &je);
    if (*out) return ASSAY_OK;
    mend_quote(je.text);
    return fail_at(e, status_of(&je), text, je.line > 0 ? (size_t)je.line : 1, je.column > 0 ? (size_t)je.column : 1, je.text);
}

/* The document is jansson's value itself; outside of this folder nobody can look into it. */
enum assay_status assay_json_load(struct assay_str text, struct assay_json_doc **out, struct assay_error *e) {
    json_t *root;
    enum assay_status s = assay_reader_load(text, &root, e);
    *out = (struct assay_json_doc *)root;
    return s;
}

void assay_json_free(struct assay_json_doc *d) { json_decref((json_t *)d); }

bool assay_json_equal(struct assay_str x, struct assay_str y) {
    struct assay_json_doc *a = NULL, *b = NULL;
    struct assay_error ignored;
    if (assay_str_eq(x, y)) return true;
    bool equal = assay_json_load(x, &a, &ignored) == ASSAY_OK && assay_json_load(y, &b, &ignored) == ASSAY_OK &&
                 json_equal((json_t *)a, (json_t *)b);
    assay_json_free(a);
    assay_json_free(b);
    return equal;
}

bool assay_json_is_array(const struct assay_json_doc *d) { return json_is_array((const json_t *)d); }

size_t assay_json_count(const struct assay_json_doc *d) {
    return assay_json_is_array(d) ? json_array_size((const json_t *)d) : 1;
}

const json_t *assay_reader_element(const struct assay_json_doc *d, size_t i) {
    return assay_json_is_array(d) ? json_array_get((const json_t *)d, i) : (const json_t *)d;
}

static int dump_to_buf(const char *p, size_t n, void *ctx) {
    assay_buf_add(ctx, p, n);
    return 0;
}

void assay_reader_dump(const json_t *v, struct assay_buf *b) {
    /* Fails only where the callback does, and it does not. */
    (void)json_dump_callback(v, dump_to_buf, b, JSON_COMPACT | JSON_ENCODE_ANY);
}

void assay_json_element_write(const struct assay_json_doc *d, size_t i, struct assay_buf *b) {
    const json_t *v = assay_reader_element(d, i);
    if (v) assay_reader_dump(v, b);
}

bool assay_json_is_syntax(enum assay_status s) {
    return s != ASSAY_OK && s != ASSAY_VALIDATION_FAILED && s != ASSAY_OUT_OF_RANGE; /* a number too big is good JSON */
}

/* === out =========================================================================================================== */

/* The comma before a value and, in an object, its name. */
static void begin(struct assay_buf *b, const char *key) {
    char last = b->n ? b->p[b->n - 1] : '\n';
    if (last != '{' && last != '[' && last != ':' && last != ',' && last != '\n') assay_buf_addc(b, ',');
    if (!key) return;
    size_t n = strlen(key);
    assay_buf_reserve(b, n + 3);
    assay_buf_addc(b, '"');
    assay_buf_add(b, key, n);
    assay_buf_add(b, "\":", 2);
}

void assay_json_object(struct assay_buf *b, const char *key) {
    begin(b, key);
    assay_buf_addc(b, '{');
}
void assay_json_object_end(struct assay_buf *b) { assay_buf_addc(b, '}'); }

void assay_json_array(struct assay_buf *b, const char *key) {
    begin(b, key);
    assay_buf_addc(b, '[');
}
void assay_json_array_end(struct assay_buf *b) { assay_buf_addc(b, ']'); }

static void add_escape(struct assay_buf *b, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = c ? memchr(from, c, sizeof from - 1) : NULL;
    if (known) {
        char two[2] = {'\\', to[known - from]};
        assay_buf_add(b, two, sizeof two);
        return;
    }
    char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    assay_buf_add(b, six, sizeof six);
}

static bool is_plain(unsigned char c) { return c >= 0x20 && c != '"' && c != '\\'; }

/* Well-formed text: long runs of plain bytes between a few escapes. */
static void add_valid(struct assay_buf *b, struct assay_str s) {
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (is_plain((unsigned char)s.p[i])) continue;
        assay_buf_add(b, s.p + from, i - from);
        add_escape(b, (unsigned char)s.p[i]);
        from = i + 1;
    }
    assay_buf_add(b, s.p + from, s.n - from);
}

/* Echoed input may be anything: what is no character becomes U+FFFD. */
static void add_repaired(struct assay_buf *b, struct assay_str s) {
    for (size_t i = 0; i < s.n;) {
        size_t len = 1;
        while (len <= 4 && i + len <= s.n && !assay_utf8_valid((struct assay_str){s.p + i, len})) len++;
        if (len <= 4 && i + len <= s.n) {
            add_valid(b, (struct assay_str){s.p + i, len});
            i += len;
        } else {
            assay_buf_adds(b, "\xEF\xBF\xBD");
            i++;
        }
    }
}

void assay_json_str(struct assay_buf *b, const char *key, struct assay_str s) {
    begin(b, key);
    if (!s.p) {
        assay_buf_add(b, "null", 4);
        return;
    }
    assay_buf_reserve(b, s.n + 2);
    assay_buf_addc(b, '"');
    if (assay_utf8_valid(s)) add_valid(b, s);
    else add_repaired(b, s);
    assay_buf_addc(b, '"');
}

void assay_json_text(struct assay_buf *b, const char *key, const char *z) { assay_json_str(b, key, assay_str_c(z)); }

void assay_json_int(struct assay_buf *b, const char *key, int64_t v) {
    char digits[24], *p = digits + sizeof digits;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0) *--p = '-';
    begin(b, key);
    assay_buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void assay_json_bool(struct assay_buf *b, const char *key, bool v) {
    assay_json_raw(b, key, v ? ASSAY_STR("true") : ASSAY_STR("false"));
}

void assay_json_null(struct assay_buf *b, const char *key) { assay_json_raw(b, key, ASSAY_STR("null")); }

/* Text that needs no escapes. */
static void add_quoted(struct assay_buf *b, const char *key, const char *text) {
    begin(b, key);
    assay_buf_addc(b, '"');
    assay_buf_adds(b, text);
    assay_buf_addc(b, '"');
}

void assay_json_instant(struct assay_buf *b, const char *key, assay_instant t) {
    char text[ASSAY_INSTANT_TEXT];
    if (t == ASSAY_NO_INSTANT) {
        assay_json_null(b, key);
        return;
    }
    assay_instant_format(t, text);
    add_quoted(b, key, text);
}

void assay_json_date(struct assay_buf *b, const char *key, assay_date d) {
    char text[ASSAY_DATE_TEXT];
    if (d == ASSAY_NO_DATE) {
        assay_json_null(b, key);
        return;
    }
    assay_date_format(d, text);
    add_quoted(b, key, text);
}

void assay_json_month(struct assay_buf *b, const char *key, assay_month m) {
    char text[ASSAY_DATE_TEXT];
    if (m == ASSAY_NO_MONTH) {
        assay_json_null(b, key);
        return;
    }
    assay_month_format(m, text);
    add_quoted(b, key, text);
}

void assay_json_seconds(struct assay_buf *b, const char *key, int64_t us) {
    if (us < 0) assay_json_null(b, key);
    else assay_json_int(b, key, us / ASSAY_SECOND);
}

void assay_json_frac(struct assay_buf *b, const char *key, struct assay_frac f) {
    char text[ASSAY_FRAC_TEXT];
    assay_frac_format(f, 4, text);
    add_quoted(b, key, text);
}

void assay_json_money(struct assay_buf *b, const char *key, int64_t amount, int minor_digits, const char *currency) {
    char text[ASSAY_FRAC_TEXT];
    assay_money_format(amount, minor_digits, text);
    assay_json_object(b, key);
    add_quoted(b, "amount", text);
    assay_json_text(b, "currency", currency);
    assay_json_object_end(b);
}

void assay_json_raw(struct assay_buf *b, const char *key, struct assay_str json) {
    begin(b, key);
    assay_buf_add(b, json.p, json.n);
}
