/* rows.h -- between the structs of store.h and the columns of statements. Internal to src/store.
 *
 * A shape lists the members of a struct in the order of a statement's columns; by it rows are bound as one array
 * parameter a column, and results are read. It knows representation only, nothing of what the rows mean. */
#ifndef ASSAY_STORE_ROWS_H
#define ASSAY_STORE_ROWS_H

#include "store/pg.h"

enum pg_form {
    PG_FORM_INT2,
    PG_FORM_ENUM, /* an enum, in a smallint */
    PG_FORM_INT4,
    PG_FORM_ID4,   /* int32_t; null: 0 */
    PG_FORM_MONTH, /* assay_month; null: ASSAY_NO_MONTH */
    PG_FORM_INT8,
    PG_FORM_ID8,  /* int64_t; null: 0 */
    PG_FORM_TEXT, /* struct assay_str; null: absent; so below */
    PG_FORM_BYTEA,
    PG_FORM_INSTANT, /* null: ASSAY_NO_INSTANT */
    PG_FORM_DATE,    /* -infinity: ASSAY_NO_DATE */
    PG_FORM_BOOL,
    PG_FORM_RATE, /* a verdict's paid and rate; null: not paid */
};
struct pg_column {
    enum pg_form form;
    size_t offset;
};
struct pg_shape {
    size_t size; /* of the struct */
    int n;
    const struct pg_column *columns;
};
extern const struct pg_shape pg_shape_record_key, pg_shape_order_key, pg_shape_head, pg_shape_record, pg_shape_order,
    pg_shape_verdict, pg_shape_tally /* then come counts */, pg_shape_pay, pg_shape_provider, pg_shape_document, pg_shape_sheet,
    pg_shape_recomputation /* then come schemes */, pg_shape_line, pg_shape_risk, pg_shape_upload, pg_shape_rejection,
    pg_shape_key, pg_shape_key_listed, pg_shape_audit, pg_shape_vital, pg_shape_change;

/* Append one array parameter a column. */
void pg_rows_bind(struct pg_args *a, const struct pg_shape *shape, const void *rows, size_t n);
/* COPY the rows by statement q, whose columns are the shape's. Some hundred rows are quicker so than by arrays. */
enum assay_status pg_rows_copy(struct assay_db *db, enum assay_query q, const struct pg_shape *shape, const void *rows, size_t n,
                               struct assay_error *e) ASSAY_MUST_CHECK;
/* Read a row's columns from `column` on into *out; other members are left alone. Text goes into the arena. */
void pg_row_read(const PGresult *r, int row, int column, const struct pg_shape *shape, struct assay_arena *a, void *out);
/* The row in the arena, members that are no column cleared. */
void *pg_row_new(const PGresult *r, int row, int column, const struct pg_shape *shape, struct assay_arena *a);
/* All rows of a result whose columns are exactly the shape's. */
void *pg_rows_new(const PGresult *r, const struct pg_shape *shape, struct assay_arena *a);

/* Run a statement whose columns are the shape's; *rows (in the arena) and *n. */
enum assay_status pg_fetch(struct assay_db *db, enum assay_query q, const struct pg_args *args, const struct pg_shape *shape,
                           struct assay_arena *a, void **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;

#endif
