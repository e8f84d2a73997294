/* json_view.h -- looking into a parsed document whose shape is known already: a daemon's reply, the first record of a file.
 *
 * Nothing here reports an error: what is not there, or is of another type, is absent (NULL, ASSAY_STR_NONE, false), and
 * everything may be asked of what is absent. Documents that people write are read by codec.h, which says what is wrong. */
#ifndef ASSAY_JSON_VIEW_H
#define ASSAY_JSON_VIEW_H

#include "assay/codec.h"

struct assay_json_view; /* a value, borrowed from its document */

const struct assay_json_view *assay_json_root(const struct assay_json_doc *d);
const struct assay_json_view *assay_json_member(const struct assay_json_view *object, const char *key);
size_t assay_json_size(const struct assay_json_view *array); /* 0 of what is no array */
const struct assay_json_view *assay_json_item(const struct assay_json_view *array, size_t i);

bool assay_json_is_object(const struct assay_json_view *v);
struct assay_str assay_json_string(const struct assay_json_view *v); /* of a string alone; NUL-terminated */
bool assay_json_integer(const struct assay_json_view *v, int64_t *out);
bool assay_json_is_true(const struct assay_json_view *v);
/* Compactly, as JSON. */
void assay_json_view_write(const struct assay_json_view *v, struct assay_buf *b);

#endif
