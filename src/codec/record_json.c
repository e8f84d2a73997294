/* record_json.c -- records from and to JSON, by the table of core/record.c (DOMAIN 2.1-2.4). No type is written out here:
 * a new field is a row there. Must not know where records come from or go to. */
#include "record_rows.h"

#include <stdlib.h>

#define ALL UINT32_MAX
#define BIT(t) (UINT32_C(1) << (t))
#define HAS_ORDER (ALL & ~(BIT(ASSAY_EVENT_VOIDED) | BIT(ASSAY_OBSERVATION_MADE)))
#define AT(member) offsetof(struct assay_record, member)

/* What every record has, in front of the table's rows. A void's `order` is not needed and ignored (DOMAIN 2.1); an
 * observation has none. */
static const struct assay_field common[] = {
    {"id", ASSAY_FORM_ID, AT(id), 0, 0, NULL, ALL, ALL},
    {"provider", ASSAY_FORM_PROVIDER, AT(provider), 0, 0, NULL, ALL, ALL},
    {"order", ASSAY_FORM_ORDER, AT(order), 0, 0, NULL, HAS_ORDER & ~BIT(ASSAY_SURVEY_RESPONSE), HAS_ORDER},
    {"at", ASSAY_FORM_INSTANT, AT(at), 0, 0, NULL, ALL, ALL},
};
#define N_COMMON (sizeof common / sizeof *common)

static size_t row_count(void) { return N_COMMON + assay_fields_count; }
static const struct assay_field *row_at(size_t i) { return i < N_COMMON ? &common[i] : &assay_fields[i - N_COMMON]; }
static bool has_all(uint32_t mask, uint32_t bits) { return (mask & bits) == bits; }

size_t assay_record_rows(void) { return row_count(); }
const struct assay_field *assay_record_row(size_t i) { return row_at(i); }

const char *const *assay_record_words(size_t offset) {
    for (size_t i = 0; i < assay_fields_count; i++)
        if (assay_fields[i].offset == offset && assay_fields[i].words) return assay_fields[i].words;
    return NULL;
}

const char *assay_record_word(size_t offset, int value) { return value > 0 ? assay_record_words(offset)[value - 1] : NULL; }

/* One record being decoded. */
struct job {
    struct assay_reader reader;
    uint32_t types; /* the bit of its type; while that is not known, those of all types it may be */
    bool skip_type; /* `type` was looked at already */
    size_t first;   /* row to begin with: 0, or N_COMMON for stored content */
    struct assay_record *out;
};

/* === values ======================================================================================================== */

static void *member(const struct assay_field *f, struct assay_record *r) { return (char *)r + f->offset; }
static const void *member_of(const struct assay_field *f, const struct assay_record *r) { return (const char *)r + f->offset; }

static const struct assay_text_form forms[] = {
    [ASSAY_FORM_ID] = {assay_form_id, 64, "1 to 64 printable ASCII characters"},
    [ASSAY_FORM_PROVIDER] = {assay_form_provider, 32, "1 to 32 characters of A-Z a-z 0-9 . _ -"},
    [ASSAY_FORM_ORDER] = {assay_form_order, 64, "1 to 64 printable ASCII characters without space / ? # %"},
    [ASSAY_FORM_LINE] = {assay_form_line, 16, "1 to 16 characters of A-Z a-z 0-9 . _ -"},
    [ASSAY_FORM_CODE] = {assay_form_provider, 32, "1 to 32 characters of A-Z a-z 0-9 . _ -"},
};

const struct assay_text_form *assay_record_form(enum assay_field_form f) { return &forms[f]; }

static bool read_form(struct assay_reader *r, const struct assay_place *at, const json_t *v, enum assay_field_form form,
                      struct assay_str *out) {
    return assay_read_form(r, at, v, forms[form].good, forms[form].max, forms[form].wanted, out);
}

static bool read_short(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_str *out) {
    return assay_read_text(r, at, v, 1, 64, out);
}

const char *assay_record_instant_wanted(enum assay_status status) {
    return status == ASSAY_MISSING_OFFSET ? "an instant needs its UTC offset, as 2001-02-03T04:05:06+08:00"
           : status == ASSAY_OUT_OF_RANGE ? "an instant from 1970 to 2099 is wanted"
                                          : "an RFC 3339 instant that exists is wanted, as 2001-02-03T04:05:06+08:00";
}

static bool read_instant(struct assay_reader *r, const struct assay_place *at, const json_t *v, assay_instant *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    enum assay_status status = assay_instant_parse(s, out);
    if (status == ASSAY_OK) return true;
    *out = ASSAY_NO_INSTANT;
    assay_read_fail(r, at, status, "%s", assay_record_instant_wanted(status));
    return false;
}

static bool read_courier(struct assay_reader *r, const struct assay_place *at, const json_t *v, assay_courier *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    if (assay_courier_parse(s, out)) return true;
    assay_read_fail(r, at, ASSAY_INVALID_VALUE, "a courier class nDhh is wanted, n 1 to 9, hh 00 to 23, as 2D10");
    return false;
}

static bool read_decimal(struct assay_reader *r, const struct assay_place *at, const json_t *v, assay_decimal *out) {
    struct assay_str s;
    if (!assay_read_str(r, at, v, &s)) return false;
    if (assay_decimal_parse(s, out)) return true;
    assay_read_fail(r, at, ASSAY_INVALID_VALUE,
                    "a decimal is wanted: at most 12 digits before the point and 6 behind it, as \"97.5\"");
    return false;
}

static bool read_kind(struct assay_reader *r, const struct assay_place *at, const json_t *v, enum assay_kind *out) {
    const char *words[ASSAY_KIND_COUNT + 1] = {NULL};
    int k;
    for (int i = 0; i < ASSAY_KIND_COUNT; i++) words[i] = assay_kind_name((enum assay_kind)i);
    if (!assay_read_word(r, at, v, words, &k)) return false;
    *out = (enum assay_kind)k;
    return true;
}

struct numbered_part { /* remembers where it stood, for the pointer of a repeated line */
    struct assay_part part;
    size_t index;
};

static int by_line(const void *x, const void *y) {
    const struct numbered_part *a = x, *b = y;
    int c = assay_str_cmp(a->part.line, b->part.line);
    return c ? c : (a->index > b->index) - (a->index < b->index);
}

static bool read_part(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_part *out) {
    static const char *const known[] = {"line", "part_no", NULL};
    struct assay_place p;
    if (!assay_read_object(r, at, v, known)) return false;
    const json_t *line = assay_read_member(r, at, v, "line", true, &p);
    bool ok = line && read_form(r, &p, line, ASSAY_FORM_LINE, &out->line);
    const json_t *part_no = assay_read_member(r, at, v, "part_no", true, &p);
    return part_no && read_short(r, &p, part_no, &out->part_no) && ok;
}

static bool read_parts(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_record *out) {
    if (!assay_read_array(r, at, v)) return false;
    size_t n = json_array_size(v), good = 0;
    if (n == 0) return true;
    struct numbered_part *parts = assay_arena_alloc(r->arena, n * sizeof *parts);
    for (size_t i = 0; i < n; i++) {
        struct assay_place here = {at, NULL, i};
        parts[good] = (struct numbered_part){.index = i};
        good += read_part(r, &here, json_array_get(v, i), &parts[good].part);
    }
    qsort(parts, good, sizeof *parts, by_line);
    struct assay_part *sorted = assay_arena_alloc(r->arena, n * sizeof *sorted);
    for (size_t i = 0; i < good; i++) {
        sorted[i] = parts[i].part;
        if (i == 0 || !assay_str_eq(parts[i].part.line, parts[i - 1].part.line)) continue;
        struct assay_place element = {at, NULL, parts[i].index}, line = {&element, "line", 0};
        assay_read_fail(r, &line, ASSAY_INVALID_VALUE, "line %.*s stands twice", ASSAY_STR_ARG(parts[i].part.line));
        good = 0;
    }
    out->parts = sorted;
    out->n_parts = good;
    return good == n;
}

/* One value by its row. */
static void read_value(struct job *j, const struct assay_place *at, const struct assay_field *f, const json_t *v) {
    struct assay_reader *r = &j->reader;
    void *to = member(f, j->out);
    int64_t n;
    int word;
    switch (f->form) {
    case ASSAY_FORM_ID:
    case ASSAY_FORM_PROVIDER:
    case ASSAY_FORM_ORDER:
    case ASSAY_FORM_LINE:
    case ASSAY_FORM_CODE: (void)read_form(r, at, v, f->form, to); return;
    case ASSAY_FORM_SHORT: (void)read_short(r, at, v, to); return;
    case ASSAY_FORM_TEXT: (void)assay_read_text(r, at, v, (size_t)f->min, (size_t)f->max, to); return;
    case ASSAY_FORM_INSTANT: (void)read_instant(r, at, v, to); return;
    case ASSAY_FORM_WORD:
        if (assay_read_word(r, at, v, f->words, &word)) *(int *)to = word + 1;
        return;
    case ASSAY_FORM_KIND: (void)read_kind(r, at, v, to); return;
    case ASSAY_FORM_BOOL: (void)assay_read_bool(r, at, v, to); return;
    case ASSAY_FORM_COURIER: (void)read_courier(r, at, v, to); return;
    case ASSAY_FORM_INT32:
        if (assay_read_int(r, at, v, f->min, f->max, &n)) *(int32_t *)to = (int32_t)n;
        return;
    case ASSAY_FORM_INT8:
        if (assay_read_int(r, at, v, f->min, f->max, &n)) *(int8_t *)to = (int8_t)n;
        return;
    case ASSAY_FORM_COUNT:
        if (assay_read_int(r, at, v, f->min, ASSAY_COUNT_MAX, &n)) *(int64_t *)to = n;
        return;
    case ASSAY_FORM_DECIMAL: (void)read_decimal(r, at, v, to); return;
    case ASSAY_FORM_PARTS: (void)read_parts(r, at, v, j->out); return;
    }
}

void assay_record_read_value(struct assay_reader *r, const struct assay_place *at, const struct assay_field *f, const json_t *v,
                             struct assay_record *out) {
    read_value(&(struct job){.reader = *r, .out = out}, at, f, v);
}

/* === members ======================================================================================================= */

/* The row of a name among those the type has; row_count() where it has none. Members mostly come in the table's order, so
 * the search goes on where the last one ended. */
static size_t find_row(const struct job *j, const char *name, size_t hint) {
    size_t n = row_count(), i = hint;
    for (size_t tried = j->first; tried < n; tried++, i++) {
        if (i >= n) i = j->first;
        const struct assay_field *f = row_at(i);
        if (has_all(f->allowed, j->types) && strcmp(f->name, name) == 0) return i;
    }
    return n;
}

/* Which types have a field of this name. */
uint32_t assay_record_types_with(const char *name) {
    uint32_t types = 0;
    for (size_t i = 0; i < row_count(); i++)
        if (strcmp(row_at(i)->name, name) == 0) types |= row_at(i)->allowed;
    return types & (BIT(ASSAY_TYPE_COUNT) - 1);
}

bool assay_record_is_common(const char *name) {
    for (size_t i = 0; i < N_COMMON; i++)
        if (strcmp(common[i].name, name) == 0) return true;
    return false;
}

void assay_record_list_types(uint32_t types, struct assay_buf *b) {
    for (int t = 0; t < ASSAY_TYPE_COUNT; t++)
        if (types & BIT(t)) assay_buf_printf(b, "%s%s", b->n ? ", " : "", assay_type_name((enum assay_type)t));
}

static void refuse_unknown(struct job *j, const struct assay_place *at) {
    uint32_t having = assay_record_types_with(at->key);
    if (j->first == 0 && assay_record_is_common(at->key) && !(j->types & BIT(ASSAY_OBSERVATION_MADE)))
        return; /* a void's order */
    bool type_known = (j->types & (j->types - 1)) == 0;
    if (!type_known && (having & j->types)) return; /* who knows: its type is an error already */
    if (!having) {
        assay_read_fail(&j->reader, at, ASSAY_UNKNOWN_FIELD, "the records of this route have no such field");
        return;
    }
    struct assay_buf mine = {0}, theirs = {0};
    assay_record_list_types(j->types, &mine);
    assay_record_list_types(having, &theirs);
    assay_read_fail(&j->reader, at, ASSAY_UNKNOWN_FIELD, "%s has no such field; it belongs to %s",
                    type_known ? mine.p : "none of these types", theirs.p);
    assay_buf_free(&mine);
    assay_buf_free(&theirs);
}

static void read_members(struct job *j, const struct assay_place *root, const json_t *obj) {
    uint64_t seen = 0;
    size_t hint = j->first, n = row_count();
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)obj, key, v) {
        struct assay_place at = {root, key, 0};
        if (key[0] == '_' || (j->skip_type && strcmp(key, "type") == 0)) continue;
        size_t i = find_row(j, key, hint);
        if (i == n) {
            refuse_unknown(j, &at);
            continue;
        }
        hint = i + 1;
        if (json_is_null(v)) continue;
        seen |= UINT64_C(1) << i;
        read_value(j, &at, row_at(i), v);
    }
    for (size_t i = j->first; i < n; i++) {
        const struct assay_field *f = row_at(i);
        if ((seen >> i & 1) || !has_all(f->required, j->types)) continue;
        assay_read_fail(&j->reader, &(struct assay_place){root, f->name, 0}, ASSAY_MISSING_FIELD, "%s is required", f->name);
    }
}

/* === a record ====================================================================================================== */

static uint32_t event_types(void) {
    uint32_t types = 0;
    for (int t = 0; t < ASSAY_TYPE_COUNT; t++) {
        enum assay_kind k = assay_type_kind((enum assay_type)t);
        if (k == ASSAY_KIND_REPAIR || k == ASSAY_KIND_SHIPMENT) types |= BIT(t);
    }
    return types;
}

static void refuse_type(struct assay_reader *r, const struct assay_place *at) {
    struct assay_buf names = {0};
    assay_record_list_types(event_types(), &names);
    assay_read_fail(r, at, ASSAY_INVALID_VALUE, "one of these is wanted: %s", names.p);
    assay_buf_free(&names);
}

uint32_t assay_intake_types(enum assay_intake intake) {
    switch (intake) {
    case ASSAY_INTAKE_EVENTS: return event_types();
    case ASSAY_INTAKE_DISPATCHES: return BIT(ASSAY_DISPATCHED);
    case ASSAY_INTAKE_SURVEYS: return BIT(ASSAY_SURVEY_RESPONSE);
    case ASSAY_INTAKE_OBSERVATIONS: return BIT(ASSAY_OBSERVATION_MADE);
    case ASSAY_INTAKE_COUNT: break;
    }
    return 0;
}

/* An event says its type, the other routes imply it. */
static void read_type(struct job *j, enum assay_intake intake, const struct assay_place *root, const json_t *obj) {
    struct assay_str s;
    struct assay_place at;
    uint32_t types = assay_intake_types(intake);
    if ((types & (types - 1)) == 0) {
        j->out->type = (enum assay_type)__builtin_ctz(types);
        j->types = types;
    } else {
        j->skip_type = true;
        const json_t *v = assay_read_member(&j->reader, root, obj, "type", true, &at);
        bool is_text = v && assay_read_str(&j->reader, &at, v, &s);
        bool known = is_text && assay_type_parse(s, &j->out->type);
        if (is_text && !known) refuse_type(&j->reader, &at);
        j->types = known ? BIT(j->out->type) : event_types();
    }
    j->out->kind = assay_type_kind(j->out->type);
}

/* What is asked of a record as a whole, once its fields are read. */
void assay_record_settle(struct assay_record *out, assay_instant received_at, struct assay_errors *es) {
    if (out->at != ASSAY_NO_INSTANT && out->at > received_at + ASSAY_FUTURE_TOLERANCE)
        assay_errors_add(es, ASSAY_FUTURE_TIME, "/at", "more than 5 minutes after its receipt");
    if (assay_id_is_revert(out->id))
        assay_errors_add(es, ASSAY_INVALID_VALUE, "/id", "ids that begin with " ASSAY_REVERT_PREFIX " are the server's own");
    /* DOMAIN 2.3: nobody is responsible for a satisfied answer, so it is no difference of content either. */
    if (out->answer == ASSAY_ANSWER_SATISFIED) out->responsibility = ASSAY_RESP_NONE;
}

static bool has(const json_t *obj, const char *key) {
    const json_t *v = json_object_get(obj, key);
    return v && !json_is_null(v);
}

/* DOMAIN 2.4: an observation is a ratio of two counts or a value. What of them was said, well or badly. */
void assay_record_check_ratio(bool numerator, bool denominator, bool value, struct assay_errors *es) {
    if (value && (numerator || denominator))
        assay_errors_add(es, ASSAY_INVALID_VALUE, "/value", "either value or numerator and denominator, not both");
    else if (!value && !numerator && !denominator)
        assay_errors_add(es, ASSAY_MISSING_FIELD, "/value", "value, or numerator and denominator, is required");
    else if (!value && numerator != denominator)
        assay_errors_add(es, ASSAY_MISSING_FIELD, numerator ? "/denominator" : "/numerator",
                         "numerator and denominator go together");
}

static enum assay_status decode(const json_t *v, enum assay_intake intake, assay_instant received_at, struct assay_arena *a,
                                struct assay_record *out, struct assay_errors *es) {
    static const struct assay_place root = {NULL, NULL, 0};
    struct job j = {.reader = {a, es}, .out = out};
    assay_record_init(out);
    if (!json_is_object(v)) {
        assay_errors_add(es, ASSAY_WRONG_TYPE, "", "an object is wanted: one record");
        return ASSAY_VALIDATION_FAILED;
    }
    read_type(&j, intake, &root, v);
    read_members(&j, &root, v);
    if (out->type == ASSAY_OBSERVATION_MADE)
        assay_record_check_ratio(has(v, "numerator"), has(v, "denominator"), has(v, "value"), es);
    assay_record_settle(out, received_at, es);
    return assay_read_result(&j.reader);
}

enum assay_status assay_record_from_object(const json_t *v, enum assay_intake intake, assay_instant received_at,
                                           struct assay_arena *a, struct assay_record *out, struct assay_errors *es) {
    es->n = 0;
    return decode(v, intake, received_at, a, out, es);
}

enum assay_status assay_record_decode(const struct assay_json_doc *d, size_t i, enum assay_intake intake,
                                      assay_instant received_at, struct assay_arena *a, struct assay_record *out,
                                      struct assay_errors *es) {
    es->n = 0;
    return decode(assay_reader_element(d, i), intake, received_at, a, out, es);
}

enum assay_status assay_record_from_json(struct assay_str text, enum assay_intake intake, assay_instant received_at,
                                         struct assay_arena *a, struct assay_record *out, struct assay_errors *es) {
    json_t *root;
    assay_record_init(out);
    enum assay_status s = assay_reader_load_into(text, &root, es);
    if (s != ASSAY_OK) return s;
    s = decode(root, intake, received_at, a, out, es);
    json_decref(root);
    return s;
}

/* === out =========================================================================================================== */

static void write_parts(const struct assay_record *r, const char *key, struct assay_buf *b) {
    if (r->n_parts == 0) return;
    assay_json_array(b, key);
    for (size_t i = 0; i < r->n_parts; i++) {
        assay_json_object(b, NULL);
        assay_json_str(b, "line", r->parts[i].line);
        assay_json_str(b, "part_no", r->parts[i].part_no);
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
}

static void write_courier(struct assay_buf *b, const char *key, assay_courier c) {
    char text[8];
    assay_courier_format(c, text);
    assay_json_text(b, key, text);
}

static void write_decimal(struct assay_buf *b, const char *key, assay_decimal d) {
    char text[ASSAY_DECIMAL_TEXT];
    assay_decimal_format(d, text);
    assay_json_text(b, key, text);
}

/* One field by its row; what is absent is left out. Defaults are content only where they are not the default. */
static void write_value(const struct assay_field *f, const struct assay_record *r, bool defaults, struct assay_buf *b) {
    const void *from = member_of(f, r);
    switch (f->form) {
    case ASSAY_FORM_ID:
    case ASSAY_FORM_PROVIDER:
    case ASSAY_FORM_ORDER:
    case ASSAY_FORM_LINE:
    case ASSAY_FORM_SHORT:
    case ASSAY_FORM_CODE:
    case ASSAY_FORM_TEXT:
        if (((const struct assay_str *)from)->p) assay_json_str(b, f->name, *(const struct assay_str *)from);
        return;
    case ASSAY_FORM_INSTANT:
        if (*(const assay_instant *)from != ASSAY_NO_INSTANT) assay_json_instant(b, f->name, *(const assay_instant *)from);
        return;
    case ASSAY_FORM_WORD:
        if (*(const int *)from > 0) assay_json_text(b, f->name, f->words[*(const int *)from - 1]);
        return;
    case ASSAY_FORM_KIND:
        if (defaults || *(const enum assay_kind *)from != ASSAY_KIND_REPAIR)
            assay_json_text(b, f->name, assay_kind_name(*(const enum assay_kind *)from));
        return;
    case ASSAY_FORM_BOOL:
        if (defaults || *(const bool *)from) assay_json_bool(b, f->name, *(const bool *)from);
        return;
    case ASSAY_FORM_COURIER:
        if (*(const assay_courier *)from) write_courier(b, f->name, *(const assay_courier *)from);
        return;
    case ASSAY_FORM_INT32:
        if (*(const int32_t *)from) assay_json_int(b, f->name, *(const int32_t *)from);
        return;
    case ASSAY_FORM_INT8:
        if (*(const int8_t *)from >= 0) assay_json_int(b, f->name, *(const int8_t *)from);
        return;
    case ASSAY_FORM_COUNT:
        if (*(const int64_t *)from >= 0) assay_json_int(b, f->name, *(const int64_t *)from);
        return;
    case ASSAY_FORM_DECIMAL:
        if (*(const assay_decimal *)from != ASSAY_NO_DECIMAL) write_decimal(b, f->name, *(const assay_decimal *)from);
        return;
    case ASSAY_FORM_PARTS: write_parts(r, f->name, b); return;
    }
}

static void write_fields(const struct assay_record *r, bool defaults, struct assay_buf *b) {
    for (size_t i = 0; i < assay_fields_count; i++)
        if (assay_fields[i].allowed & BIT(r->type)) write_value(&assay_fields[i], r, defaults, b);
}

void assay_record_content(const struct assay_record *r, struct assay_buf *b) {
    assay_buf_addc(b, '{');
    write_fields(r, false, b);
    assay_json_object_end(b);
}

enum assay_status assay_record_from_content(struct assay_str content, struct assay_arena *a, struct assay_record *r,
                                            struct assay_error *e) {
    static const struct assay_place root = {NULL, NULL, 0};
    struct assay_errors es;
    struct assay_record given = *r;
    struct job j = {.reader = {a, &es}, .types = BIT(r->type), .first = N_COMMON, .out = r};
    assay_record_init(r);
    r->kind = given.kind, r->type = given.type, r->at = given.at;
    r->id = given.id, r->provider = given.provider, r->order = given.order;
    json_t *v;
    if (assay_reader_load_into(content, &v, &es) == ASSAY_OK) {
        if (json_is_object(v)) read_members(&j, &root, v);
        else assay_errors_add(&es, ASSAY_WRONG_TYPE, "", "not an object");
        json_decref(v);
    }
    if (es.n == 0) return ASSAY_OK;
    return assay_fail(e, ASSAY_INTERNAL, es.items[0].field, "stored content: %s", es.items[0].detail);
}

void assay_record_write(const struct assay_record *r, const struct assay_record_origin *origin, struct assay_buf *b,
                        const char *key) {
    assay_json_object(b, key);
    if (origin) assay_json_text(b, "kind", assay_kind_name(r->kind));
    if (r->kind == ASSAY_KIND_REPAIR || r->kind == ASSAY_KIND_SHIPMENT) assay_json_text(b, "type", assay_type_name(r->type));
    for (size_t i = 0; i < N_COMMON; i++) write_value(&common[i], r, true, b);
    write_fields(r, true, b);
    if (origin) {
        if (origin->party) assay_json_text(b, "party", assay_party_name(origin->party));
        if (origin->received_at != ASSAY_NO_INSTANT) assay_json_instant(b, "received_at", origin->received_at);
        assay_json_str(b, "upload", origin->upload);
        if (origin->seq) assay_json_int(b, "seq", origin->seq);
        assay_json_bool(b, "voided", origin->voided);
    }
    assay_json_object_end(b);
}

/* --- refused rows ---------------------------------------------------------------------------------------------------- */

static bool is_report(const char *key) {
    return strcmp(key, "_line") == 0 || strcmp(key, "_code") == 0 || strcmp(key, "_detail") == 0 || strcmp(key, "_original") == 0;
}

void assay_rejected_write(struct assay_str original, size_t line, const char *code, const char *detail, struct assay_buf *b) {
    json_t *v;
    const char *key;
    json_t *value;
    bool parsed = assay_reader_load(original, &v, NULL) == ASSAY_OK && json_is_object(v);
    assay_buf_addc(b, '{');
    if (parsed) {
        json_object_foreach(v, key, value) {
            if (is_report(key)) continue;
            assay_json_text(b, NULL, key);
            assay_buf_addc(b, ':');
            assay_reader_dump(value, b);
        }
    }
    assay_json_int(b, "_line", line > INT64_MAX ? INT64_MAX : (int64_t)line);
    assay_json_text(b, "_code", code);
    assay_json_text(b, "_detail", detail);
    if (!parsed) assay_json_str(b, "_original", original.p ? original : ASSAY_STR(""));
    assay_json_object_end(b);
    assay_buf_addc(b, '\n');
    json_decref(v);
}
