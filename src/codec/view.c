/* view.c -- a parsed document looked into by who knows its shape. Must not know what a record or a reply is. */
#include "assay/json_view.h"

#include "reader.h"

static const json_t *value_of(const struct assay_json_view *v) { return (const json_t *)v; }
static const struct assay_json_view *view_of(const json_t *v) { return (const struct assay_json_view *)v; }

const struct assay_json_view *assay_json_root(const struct assay_json_doc *d) { return (const struct assay_json_view *)d; }

const struct assay_json_view *assay_json_member(const struct assay_json_view *object, const char *key) {
    return view_of(json_object_get(value_of(object), key));
}

size_t assay_json_size(const struct assay_json_view *array) { return json_array_size(value_of(array)); }

const struct assay_json_view *assay_json_item(const struct assay_json_view *array, size_t i) {
    return view_of(json_array_get(value_of(array), i));
}

bool assay_json_is_object(const struct assay_json_view *v) { return json_is_object(value_of(v)); }

struct assay_str assay_json_string(const struct assay_json_view *v) {
    if (!json_is_string(value_of(v))) return ASSAY_STR_NONE;
    return (struct assay_str){json_string_value(value_of(v)), json_string_length(value_of(v))};
}

bool assay_json_integer(const struct assay_json_view *v, int64_t *out) {
    if (!json_is_integer(value_of(v))) return false;
    *out = json_integer_value(value_of(v));
    return true;
}

bool assay_json_is_true(const struct assay_json_view *v) { return json_is_true(value_of(v)); }

void assay_json_view_write(const struct assay_json_view *v, struct assay_buf *b) {
    if (v) assay_reader_dump(value_of(v), b);
}
