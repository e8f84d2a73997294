/* record_rows.h -- inside src/codec only: the rows of a record's fields, the common ones first, as every format reads them. */
#ifndef ASSAY_CODEC_RECORD_ROWS_H
#define ASSAY_CODEC_RECORD_ROWS_H

#include "reader.h"

/* What is common to all records (id, provider, order, at), then the table of core/record.c. */
size_t assay_record_rows(void);
const struct assay_field *assay_record_row(size_t i);
/* The bits of the types that a route takes; a single one is implied. */
uint32_t assay_intake_types(enum assay_intake intake);
/* The bits of the types that have a field of this name; whether it is common to all; "a, b, c". */
uint32_t assay_record_types_with(const char *name);
bool assay_record_is_common(const char *name);
void assay_record_list_types(uint32_t types, struct assay_buf *b);

struct assay_text_form { /* of ID, PROVIDER, ORDER, LINE */
    bool (*good)(struct assay_str);
    size_t max;
    const char *wanted;
};
const struct assay_text_form *assay_record_form(enum assay_field_form f);
const char *assay_record_instant_wanted(enum assay_status status);

/* One value by its row. */
void assay_record_read_value(struct assay_reader *r, const struct assay_place *at, const struct assay_field *f, const json_t *v,
                             struct assay_record *out);
/* What is asked of a record as a whole, once its fields are read. */
void assay_record_settle(struct assay_record *out, assay_instant received_at, struct assay_errors *es);
/* An observation is a ratio of two counts or a value; which of them were said. */
void assay_record_check_ratio(bool numerator, bool denominator, bool value, struct assay_errors *es);
/* assay_record_from_json of what is parsed. */
enum assay_status assay_record_from_object(const json_t *v, enum assay_intake intake, assay_instant received_at,
                                           struct assay_arena *a, struct assay_record *out,
                                           struct assay_errors *es) ASSAY_MUST_CHECK;

#endif
