/* cloudevents.c -- records in the envelope of CloudEvents 1.0 (its JSON format): the envelope is opened, what remains is
 * the record and is read as any other. Must not know how the events came. */
#include <stdio.h>

#include "assay/csv.h"
#include "record_rows.h"

static const struct assay_place root = {NULL, NULL, 0};

struct event {
    struct assay_reader reader;
    const json_t *attributes, *data; /* data: NULL where it is not an object */
    json_t *flat;                    /* the record */
    enum assay_intake intake;
};

static struct assay_place place(const char *key) { return (struct assay_place){&root, key, 0}; }

/* A member of the event that is text and not empty; absent where it is not there. */
static bool attribute(struct event *v, const char *name, bool required, struct assay_str *out) {
    struct assay_place at;
    *out = ASSAY_STR_NONE;
    const json_t *x = assay_read_member(&v->reader, &root, v->attributes, name, required, &at);
    if (!x || !assay_read_str(&v->reader, &at, x, out)) return false;
    if (out->n) return true;
    assay_read_fail(&v->reader, &at, ASSAY_INVALID_VALUE, "the text is empty");
    *out = ASSAY_STR_NONE;
    return false;
}

/* Names of attributes are lower-case letters and digits: so are extensions', which anybody may add. */
static bool is_attribute_name(const char *name) {
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'))) return false;
    return *name != '\0';
}

static void check_names(struct event *v) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)v->attributes, key, value) {
        struct assay_place at = place(key);
        if (key[0] == '_') continue;
        if (strcmp(key, "data_base64") == 0)
            assay_read_fail(&v->reader, &at, ASSAY_UNKNOWN_FIELD, "the record is wanted as a JSON object in data");
        else if (!is_attribute_name(key))
            assay_read_fail(&v->reader, &at, ASSAY_UNKNOWN_FIELD, "an attribute's name has lower-case letters and digits only");
    }
}

static bool is_json_type(struct assay_str s) {
    const char *semicolon = memchr(s.p, ';', s.n);
    if (semicolon) s.n = (size_t)(semicolon - s.p);
    return assay_str_is(s, "application/json") || assay_str_is(s, "text/json") ||
           (s.n > 5 && memcmp(s.p + s.n - 5, "+json", 5) == 0);
}

static void read_envelope(struct event *v) {
    struct assay_str version, type;
    struct assay_place at = place("specversion");
    if (attribute(v, "specversion", true, &version) && !assay_str_is(version, "1.0"))
        assay_read_fail(&v->reader, &at, ASSAY_INVALID_VALUE, "1.0 is wanted");
    at = place("datacontenttype");
    if (attribute(v, "datacontenttype", false, &type) && !is_json_type(type))
        assay_read_fail(&v->reader, &at, ASSAY_INVALID_VALUE, "application/json is wanted");
    const json_t *data = assay_read_member(&v->reader, &root, v->attributes, "data", true, &at);
    if (data && !json_is_object(data))
        assay_read_fail(&v->reader, &at, ASSAY_WRONG_TYPE, "an object is wanted: the record's fields");
    else v->data = data;
}

static void put(struct event *v, const char *field, struct assay_str s) {
    if (s.p) (void)json_object_set_new(v->flat, field, json_stringn(s.p, s.n));
}

static void conflict(struct event *v, const char *field, const char *attribute_name) {
    struct assay_place data = place("data"), at = {&data, field, 0};
    assay_read_fail(&v->reader, &at, ASSAY_ATTRIBUTE_CONFLICT, "it is not what the attribute %s says", attribute_name);
}

/* What the attribute says becomes the field; data may say the same once more. */
static void join(struct event *v, const char *field, const char *attribute_name, struct assay_str said) {
    const json_t *also = v->data ? json_object_get(v->data, field) : NULL;
    if (!also || json_is_null(also)) {
        put(v, field, said);
        return;
    }
    if (!said.p) return;
    struct assay_str other = json_is_string(also) ? (struct assay_str){json_string_value(also), json_string_length(also)}
                                                  : ASSAY_STR("");
    assay_instant a, b;
    bool same = assay_str_eq(said, other);
    if (!same && strcmp(field, "at") == 0)
        same = assay_instant_parse(said, &a) == ASSAY_OK && assay_instant_parse(other, &b) == ASSAY_OK && a == b;
    if (!same) conflict(v, field, attribute_name);
}

static bool names_type(struct assay_str s, const char *name) {
    size_t n = strlen(name);
    return assay_str_is(s, name) || (s.n > n && s.p[s.n - n - 1] == '.' && memcmp(s.p + s.n - n, name, n) == 0);
}

/* "order.opened", bare or behind a prefix. Routes of one type imply it, so it is only checked. */
static void read_type(struct event *v, struct assay_str said) {
    uint32_t types = assay_intake_types(v->intake);
    struct assay_buf wanted = {0};
    for (int t = 0; t < ASSAY_TYPE_COUNT; t++) {
        const char *name = assay_type_name((enum assay_type)t);
        if (!(types >> t & 1) || !names_type(said, name)) continue;
        if (types & (types - 1)) join(v, "type", "type", assay_str_c(name));
        return;
    }
    struct assay_place at = place("type");
    assay_record_list_types(types, &wanted);
    assay_read_fail(&v->reader, &at, ASSAY_INVALID_VALUE, "one of these is wanted, bare or behind a prefix: %s",
                    wanted.p ? wanted.p : "");
    assay_buf_free(&wanted);
}

static struct assay_str last_segment(struct assay_str s) {
    while (s.n && s.p[s.n - 1] == '/') s.n--;
    size_t from = s.n;
    while (from && s.p[from - 1] != '/' && s.p[from - 1] != ':') from--;
    return (struct assay_str){s.p + from, s.n - from};
}

static void read_attributes(struct event *v) {
    struct assay_str id, source, type, subject, time;
    if (attribute(v, "id", true, &id)) join(v, "id", "id", id);
    if (attribute(v, "type", true, &type)) read_type(v, type);
    if (attribute(v, "time", false, &time)) join(v, "at", "time", time);
    bool has_source = attribute(v, "source", true, &source);
    if (attribute(v, "subject", false, &subject)) join(v, "provider", "subject", subject);
    else if (has_source && (!v->data || !json_object_get(v->data, "provider"))) put(v, "provider", last_segment(source));
}

/* Pointers of the record as pointers of the event. */
static void move_pointer(const struct event *v, struct assay_error *e) {
    static const char *const same[][2] = {{"/id", "/id"}, {"/type", "/type"}, {"/at", "/time"}, {"/provider", "/subject"}};
    char moved[sizeof e->field];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (strcmp(e->field, same[i][0]) != 0 || (v->data && json_object_get(v->data, same[i][0] + 1))) continue;
        bool by_source = i == 3 && !json_object_get(v->attributes, "subject");
        snprintf(e->field, sizeof e->field, "%s", by_source ? "/source" : same[i][1]);
        return;
    }
    int n = snprintf(moved, sizeof moved, "/data%s", e->field);
    if (n > 0 && (size_t)n < sizeof moved) memcpy(e->field, moved, (size_t)n + 1);
}

enum assay_status assay_cloudevent_decode(const struct assay_json_doc *d, size_t i, enum assay_intake intake,
                                          assay_instant received_at, struct assay_arena *a, struct assay_record *out,
                                          struct assay_errors *es) {
    struct event v = {.reader = {a, es}, .attributes = assay_reader_element(d, i), .intake = intake};
    struct assay_errors inner;
    es->n = 0;
    assay_record_init(out);
    if (!json_is_object(v.attributes)) {
        assay_errors_add(es, ASSAY_WRONG_TYPE, "", "an object is wanted: one CloudEvent");
        return ASSAY_VALIDATION_FAILED;
    }
    check_names(&v);
    read_envelope(&v);
    v.flat = v.data ? json_copy((json_t *)(uintptr_t)v.data) : json_object();
    read_attributes(&v);
    size_t envelope = es->n;
    enum assay_status st = assay_record_from_object(v.flat, intake, received_at, a, out, &inner);
    /* What the envelope's own errors made missing need not be said again. */
    for (size_t k = 0; st && k < assay_errors_kept(&inner); k++) {
        struct assay_error *e = &inner.items[k];
        if (envelope && e->status == ASSAY_MISSING_FIELD) continue;
        move_pointer(&v, e);
        assay_errors_add(es, e->status, e->field, "%s", e->detail);
    }
    json_decref(v.flat);
    if (!es->n) return ASSAY_OK;
    return ASSAY_VALIDATION_FAILED;
}
