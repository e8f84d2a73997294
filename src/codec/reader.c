/* reader.c -- what every decoder needs: places as JSON pointers, typed values, members. */
#include "reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum assay_status assay_reader_load_into(struct assay_str text, json_t **out, struct assay_errors *es) {
    es->n = 0;
    enum assay_status s = assay_reader_load(text, out, &es->items[0]);
    if (s != ASSAY_OK) es->n = 1;
    return s;
}

/* --- places -------------------------------------------------------------------------------------------------------- */

struct pointer { /* over-long ones are cut by assay_errors_add, at a whole character */
    char text[sizeof((struct assay_error *)0)->field + 8];
    size_t n;
};

static void pointer_addc(struct pointer *p, char c) {
    if (p->n + 1 < sizeof p->text) p->text[p->n++] = c;
    p->text[p->n] = '\0';
}

/* RFC 6901: ~ is ~0 and / is ~1. */
static void pointer_add(struct pointer *p, const char *key) {
    for (; *key; key++) {
        if (*key != '~' && *key != '/') {
            pointer_addc(p, *key);
            continue;
        }
        pointer_addc(p, '~');
        pointer_addc(p, *key == '~' ? '0' : '1');
    }
}

static void pointer_make(struct pointer *p, const struct assay_place *at) {
    if (!at || !at->up) return; /* the root */
    pointer_make(p, at->up);
    pointer_addc(p, '/');
    if (at->key) {
        pointer_add(p, at->key);
        return;
    }
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", at->index);
    pointer_add(p, digits);
}

void assay_read_fail(struct assay_reader *r, const struct assay_place *at, enum assay_status status, const char *fmt, ...) {
    struct pointer p = {.n = 0};
    p.text[0] = '\0';
    pointer_make(&p, at);
    char detail[sizeof((struct assay_error *)0)->detail + 8]; /* longer than kept, so that the cut is made there */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    assay_errors_add(r->errors, status, p.text, "%s", detail);
}

enum assay_status assay_read_result(const struct assay_reader *r) { return r->errors->n ? ASSAY_VALIDATION_FAILED : ASSAY_OK; }

/* --- values -------------------------------------------------------------------------------------------------------- */

static const char *type_name(const json_t *v) {
    if (!v) return "nothing";
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number with a fraction or exponent";
    case JSON_NULL: return "null";
    default: return "a boolean";
    }
}

static bool wrong_type(struct assay_reader *r, const struct assay_place *at, const json_t *v, const char *wanted) {
    assay_read_fail(r, at, ASSAY_WRONG_TYPE, "%s is wanted, this is %s", wanted, type_name(v));
    return false;
}

bool assay_read_str(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_str *out) {
    if (!json_is_string(v)) return wrong_type(r, at, v, "a string");
    *out = (struct assay_str){json_string_value(v), json_string_length(v)};
    if (!memchr(out->p, '\0', out->n)) return true;
    assay_read_fail(r, at, ASSAY_NUL_CHARACTER, "the text holds a NUL character");
    return false;
}

bool assay_read_int(struct assay_reader *r, const struct assay_place *at, const json_t *v, int64_t min, int64_t max,
                    int64_t *out) {
    if (!json_is_integer(v)) return wrong_type(r, at, v, "an integer");
    *out = json_integer_value(v);
    if (*out >= min && *out <= max) return true;
    assay_read_fail(r, at, ASSAY_OUT_OF_RANGE, "%" PRId64 " is not within %" PRId64 " to %" PRId64, *out, min, max);
    return false;
}

bool assay_read_bool(struct assay_reader *r, const struct assay_place *at, const json_t *v, bool *out) {
    if (!json_is_boolean(v)) return wrong_type(r, at, v, "true or false");
    *out = json_is_true(v);
    return true;
}

bool assay_read_array(struct assay_reader *r, const struct assay_place *at, const json_t *v) {
    return json_is_array(v) || wrong_type(r, at, v, "an array");
}

/* "a, b, c" of as many words as fit. */
static void list_words(const char *const *words, char *text, size_t size) {
    size_t n = 0;
    text[0] = '\0';
    for (; *words; words++) {
        int k = snprintf(text + n, size - n, "%s%s", n ? ", " : "", *words);
        if (k < 0 || (size_t)k >= size - n) return;
        n += (size_t)k;
    }
}

bool assay_read_word(struct assay_reader *r, const struct assay_place *at, const json_t *v, const char *const *words, int *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    for (int i = 0; words[i]; i++) {
        if (!assay_str_is(s, words[i])) continue;
        *out = i;
        return true;
    }
    char list[256];
    list_words(words, list, sizeof list);
    assay_read_fail(r, at, ASSAY_INVALID_VALUE, "one of these is wanted: %s", list);
    return false;
}

bool assay_read_text(struct assay_reader *r, const struct assay_place *at, const json_t *v, size_t min, size_t max,
                     struct assay_str *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    if (s.n < min) {
        assay_read_fail(r, at, ASSAY_INVALID_VALUE, "the text is empty");
        return false;
    }
    /* A character has at least one byte, so short text need not be counted. */
    if (s.n > max && assay_utf8_length(s) > max) {
        assay_read_fail(r, at, ASSAY_TOO_LONG, "%zu characters; at most %zu are allowed", assay_utf8_length(s), max);
        return false;
    }
    *out = assay_arena_dup(r->arena, s);
    return true;
}

#define DECIMAL_MAX INT64_C(1000000)

bool assay_read_decimal(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_frac *out) {
    static const char wanted[] = "a decimal as a string (\"0.95\") or an integer";
    struct assay_str s;
    if (json_is_integer(v)) {
        *out = (struct assay_frac){json_integer_value(v), 1};
    } else if (!json_is_string(v)) {
        return wrong_type(r, at, v, wanted);
    } else if (!assay_read_str(r, at, v, &s)) {
        return false;
    } else if (assay_frac_parse(s, out) != ASSAY_OK) {
        assay_read_fail(r, at, ASSAY_INVALID_VALUE, "%s is wanted", wanted);
        return false;
    }
    bool fits = out->den <= DECIMAL_MAX && assay_frac_cmp(*out, (struct assay_frac){DECIMAL_MAX, 1}) <= 0 &&
                assay_frac_cmp(*out, (struct assay_frac){-DECIMAL_MAX, 1}) >= 0;
    if (!fits)
        assay_read_fail(r, at, ASSAY_OUT_OF_RANGE, "at most 6 decimals and a size of at most %" PRId64 " are allowed",
                        DECIMAL_MAX);
    return fits;
}

bool assay_read_date(struct assay_reader *r, const struct assay_place *at, const json_t *v, assay_date *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    if (assay_date_parse(s, out) == ASSAY_OK) return true;
    assay_read_fail(r, at, ASSAY_INVALID_TIME, "a date that exists is wanted, as 2001-02-03");
    return false;
}

bool assay_read_form(struct assay_reader *r, const struct assay_place *at, const json_t *v, bool (*good)(struct assay_str),
                     size_t max, const char *wanted, struct assay_str *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    if (good(s)) {
        *out = assay_arena_dup(r->arena, s);
        return true;
    }
    bool too_long = s.n > max && assay_utf8_length(s) > max;
    assay_read_fail(r, at, too_long ? ASSAY_TOO_LONG : ASSAY_INVALID_VALUE, "%s are wanted", wanted);
    return false;
}

/* --- members ------------------------------------------------------------------------------------------------------- */

static bool is_known(const char *key, const char *const *known) {
    for (; *known; known++)
        if (strcmp(key, *known) == 0) return true;
    return false;
}

bool assay_read_object(struct assay_reader *r, const struct assay_place *at, const json_t *v, const char *const *known) {
    if (!json_is_object(v)) return wrong_type(r, at, v, "an object");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)v, key, value) {
        if (key[0] == '_' || is_known(key, known)) continue;
        char list[256];
        list_words(known, list, sizeof list);
        assay_read_fail(r, &(struct assay_place){at, key, 0}, ASSAY_UNKNOWN_FIELD, "known here: %s", list);
    }
    return true;
}

const json_t *assay_read_member(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                                bool required, struct assay_place *place) {
    *place = (struct assay_place){at, key, 0};
    const json_t *v = json_object_get(obj, key);
    if (v && !json_is_null(v)) return v;
    if (required) assay_read_fail(r, place, ASSAY_MISSING_FIELD, "%s is required", key);
    return NULL;
}

bool assay_member_text(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       size_t max, struct assay_str *out) {
    struct assay_place p;
    const json_t *v = assay_read_member(r, at, obj, key, required, &p);
    return v && assay_read_text(r, &p, v, 1, max, out);
}

bool assay_member_form(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       bool (*good)(struct assay_str), size_t max, const char *wanted, struct assay_str *out) {
    struct assay_place p;
    const json_t *v = assay_read_member(r, at, obj, key, required, &p);
    return v && assay_read_form(r, &p, v, good, max, wanted, out);
}

bool assay_member_decimal(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                          struct assay_frac *out) {
    struct assay_place p;
    const json_t *v = assay_read_member(r, at, obj, key, required, &p);
    return v && assay_read_decimal(r, &p, v, out);
}

bool assay_member_int(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                      int64_t min, int64_t max, int64_t *out) {
    struct assay_place p;
    const json_t *v = assay_read_member(r, at, obj, key, required, &p);
    return v && assay_read_int(r, &p, v, min, max, out);
}

bool assay_member_bool(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       bool *out) {
    struct assay_place p;
    const json_t *v = assay_read_member(r, at, obj, key, required, &p);
    return v && assay_read_bool(r, &p, v, out);
}

bool assay_member_date(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       assay_date *out) {
    struct assay_place p;
    const json_t *v = assay_read_member(r, at, obj, key, required, &p);
    return v && assay_read_date(r, &p, v, out);
}

bool assay_member_word(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       const char *const *words, int *out) {
    struct assay_place p;
    const json_t *v = assay_read_member(r, at, obj, key, required, &p);
    return v && assay_read_word(r, &p, v, words, out);
}

const json_t *assay_member_object(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                                  bool required, const char *const *known, struct assay_place *place) {
    const json_t *v = assay_read_member(r, at, obj, key, required, place);
    return v && assay_read_object(r, place, v, known) ? v : NULL;
}

const json_t *assay_member_array(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                                 bool required, size_t min, size_t max, struct assay_place *place) {
    const json_t *v = assay_read_member(r, at, obj, key, required, place);
    if (!v || !assay_read_array(r, place, v)) return NULL;
    size_t n = json_array_size(v);
    if (n >= min && n <= max) return v;
    assay_read_fail(r, place, ASSAY_OUT_OF_RANGE, "%zu elements; %zu to %zu are wanted", n, min, max);
    return NULL;
}

bool assay_member_zone(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                       assay_zone_lookup *lookup, void *ctx, const struct assay_zone **out) {
    struct assay_str name;
    if (!assay_member_text(r, at, obj, key, true, 64, &name)) return false;
    *out = lookup(ctx, name.p);
    if (!*out)
        assay_read_fail(r, &(struct assay_place){at, key, 0}, ASSAY_INVALID_VALUE,
                        "the name of an IANA time zone is wanted, as Asia/Shanghai");
    return *out != NULL;
}
