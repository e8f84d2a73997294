/* grid.h -- text for a terminal, measured in columns: a Chinese character takes two. Must not know what it tells. */
#ifndef ASSAY_GRID_H
#define ASSAY_GRID_H

#include <stdio.h>

#include "assay/str.h"

/* Columns of UTF-8 text; a byte that is none, or a control character, counts as the one '?' it is shown as. Call
 * assay_text_begin once before. */
void assay_text_begin(void);
size_t assay_text_width(const char *text);
/* At most so many columns of it, with an ellipsis where it was cut. */
void assay_text_cut(const char *text, size_t columns, struct assay_buf *out);

/* Rows of cells that are aligned when all are known. Zero-initialise. */
#define ASSAY_TABLE_COLUMNS_MAX 16
struct assay_grid {
    size_t n_columns, n_cells, room;
    char **cells;
};
/* The header; it decides how many columns there are. Ends with a NULL. */
void assay_grid_begin(struct assay_grid *t, const char *const *header);
void assay_grid_cell(struct assay_grid *t, const char *text); /* NULL: "-" */
/* Print what has come, header first, and forget it. */
void assay_grid_print(struct assay_grid *t, FILE *f);
void assay_grid_free(struct assay_grid *t);

#endif
