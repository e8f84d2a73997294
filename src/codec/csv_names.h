/* csv_names.h -- inside src/codec only: columns and words as people write them. */
#ifndef ASSAY_CODEC_CSV_NAMES_H
#define ASSAY_CODEC_CSV_NAMES_H

#include "assay/csv.h"

/* The field that a column of this name holds, its own name or one in Chinese; NULL where there is none. `code` tells a
 * provider's own columns from a record's: the same Chinese name may stand for either. */
const char *assay_column_field(struct assay_str name, bool providers);
/* The Chinese name that templates use; NULL where there is none. */
const char *assay_column_zh(const char *field, bool providers);
/* The word of the contract that a cell of this field says: itself where it is no Chinese one. */
struct assay_str assay_cell_word(const char *field, struct assay_str cell);
/* The columns of a sheet of providers; NULL ends them. */
const char *const *assay_provider_columns(void);
/* The Chinese word for it; NULL where there is none. */
const char *assay_cell_zh(const char *field, struct assay_str word);

#endif
