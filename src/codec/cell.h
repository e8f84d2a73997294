/* cell.h -- inside src/codec only: one cell of a table as one field of a record. */
#ifndef ASSAY_CODEC_CELL_H
#define ASSAY_CODEC_CELL_H

#include "csv_names.h"
#include "record_rows.h"

struct assay_cell {
    struct assay_str text; /* not empty */
    struct assay_str name; /* of its column, as the file says it */
    unsigned column;       /* from 1 */
    const struct assay_field *field;
};
struct assay_cell_reader {
    const struct assay_zone *zone; /* NULL: none was said */
    struct assay_arena *arena;
    struct assay_errors *errors;
};
/* Read it into its field. Text is borrowed. Errors have pointer and column. */
void assay_cell_read(const struct assay_cell_reader *r, const struct assay_cell *c, struct assay_record *out);
/* Report that something is wrong with it; below is the rest of the pointer ("" or "/0/line"). */
void assay_cell_fail(const struct assay_cell_reader *r, const struct assay_cell *c, const char *below, enum assay_status status,
                     const char *fmt, ...) ASSAY_PRINTF(5, 6);
/* True where it is text: UTF-8 without NUL. Else that is reported. */
bool assay_cell_is_text(const struct assay_cell_reader *r, const struct assay_cell *c);

#endif
