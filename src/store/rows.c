/* rows.c -- shapes of rows, and reading and binding by them. */
#include "store/rows.h"

#include <stdlib.h>

_Static_assert(sizeof(enum assay_kind) == sizeof(int), "PG_FORM_ENUM reads and writes enums as int");

#define AT(type, form, member) {PG_FORM_##form, offsetof(struct type, member)}

const struct pg_shape pg_shape_record_key = {sizeof(struct assay_record_key), 3, {
    AT(assay_record_key, INT4, provider_id), AT(assay_record_key, ENUM, kind), AT(assay_record_key, TEXT, id),
}};
const struct pg_shape pg_shape_order_key = {sizeof(struct assay_order_key), 2, {
    AT(assay_order_key, INT4, provider_id), AT(assay_order_key, TEXT, order_no),
}};
const struct pg_shape pg_shape_head = {sizeof(struct assay_head), 4, {
    AT(assay_head, INT4, provider_id), AT(assay_head, INT8, seq), AT(assay_head, INT8, revision), AT(assay_head, INSTANT, last_record_at),
}};
const struct pg_shape pg_shape_record = {sizeof(struct assay_record_row), 11, {
    AT(assay_record_row, INT8, seq), AT(assay_record_row, INSTANT, at), AT(assay_record_row, INSTANT, received_at),
    AT(assay_record_row, ID8, upload_id), AT(assay_record_row, INT4, key.provider_id), AT(assay_record_row, ENUM, key.kind),
    AT(assay_record_row, ENUM, type), AT(assay_record_row, ENUM, party), AT(assay_record_row, TEXT, key.id),
    AT(assay_record_row, TEXT, order_no), AT(assay_record_row, TEXT, content),
}};
const struct pg_shape pg_shape_order = {sizeof(struct assay_order_row), 11, {
    AT(assay_order_row, INT4, key.provider_id), AT(assay_order_row, ENUM, state), AT(assay_order_row, ENUM, channel),
    AT(assay_order_row, ENUM, customer_class), AT(assay_order_row, ENUM, warranty), AT(assay_order_row, INSTANT, opened_at),
    AT(assay_order_row, INSTANT, dispatched_at), AT(assay_order_row, INSTANT, closed_at), AT(assay_order_row, TEXT, key.order_no),
    AT(assay_order_row, TEXT, product), AT(assay_order_row, BYTEA, packed),
}};
const struct pg_shape pg_shape_verdict = {sizeof(struct assay_verdict_row), 12, {
    AT(assay_verdict_row, INT4, key.provider_id), AT(assay_verdict_row, INT2, scheme_id), AT(assay_verdict_row, ENUM, outcome),
    AT(assay_verdict_row, ENUM, reason), AT(assay_verdict_row, INT4, scheme_version), AT(assay_verdict_row, INT4, calendar_version),
    AT(assay_verdict_row, MONTH, month), AT(assay_verdict_row, ENUM, diagnosis), AT(assay_verdict_row, ENUM, cycle),
    AT(assay_verdict_row, INSTANT, diagnosis_deadline), AT(assay_verdict_row, INSTANT, cycle_deadline),
    AT(assay_verdict_row, TEXT, key.order_no),
}};
const struct pg_shape pg_shape_tally = {sizeof(struct assay_tally_row), 3, {
    AT(assay_tally_row, INT4, provider_id), AT(assay_tally_row, INT2, scheme_id), AT(assay_tally_row, INT4, month),
}};
const struct pg_shape pg_shape_pay = {sizeof(struct assay_pay_row), 5, {
    AT(assay_pay_row, INT4, provider_id), AT(assay_pay_row, INT2, scheme_id), AT(assay_pay_row, INT4, month),
    AT(assay_pay_row, INT8, rate), AT(assay_pay_row, INT4, orders),
}};
const struct pg_shape pg_shape_provider = {sizeof(struct assay_provider_row), 9, {
    AT(assay_provider_row, INT4, provider_id), AT(assay_provider_row, INT4, version), AT(assay_provider_row, DATE, effective_from),
    AT(assay_provider_row, INSTANT, recorded_at), AT(assay_provider_row, TEXT, code), AT(assay_provider_row, TEXT, name),
    AT(assay_provider_row, TEXT, city), AT(assay_provider_row, BOOL, ascim), AT(assay_provider_row, TEXT, status),
}};
const struct pg_shape pg_shape_document = {sizeof(struct assay_document_row), 6, {
    AT(assay_document_row, INT2, scheme_id), AT(assay_document_row, TEXT, code), AT(assay_document_row, INT4, version),
    AT(assay_document_row, DATE, effective_from), AT(assay_document_row, INSTANT, recorded_at), AT(assay_document_row, TEXT, document),
}};
const struct pg_shape pg_shape_line = {sizeof(struct assay_line_row), 4, {
    AT(assay_line_row, TEXT, order_no), AT(assay_line_row, TEXT, product), AT(assay_line_row, ENUM, warranty),
    AT(assay_line_row, INT8, rate),
}};
const struct pg_shape pg_shape_risk = {sizeof(struct assay_risk_row), 8, {
    AT(assay_risk_row, INT4, provider_id), AT(assay_risk_row, TEXT, order_no), AT(assay_risk_row, INSTANT, deadline),
    AT(assay_risk_row, INSTANT, opened_at), AT(assay_risk_row, BOOL, cycle), AT(assay_risk_row, ENUM, channel),
    AT(assay_risk_row, ENUM, customer_class), AT(assay_risk_row, TEXT, product),
}};
const struct pg_shape pg_shape_upload = {sizeof(struct assay_upload_row), 11, {
    AT(assay_upload_row, INT8, upload_id), AT(assay_upload_row, TEXT, kind), AT(assay_upload_row, ENUM, party),
    AT(assay_upload_row, TEXT, status), AT(assay_upload_row, TEXT, request_id), AT(assay_upload_row, INSTANT, received_at),
    AT(assay_upload_row, INSTANT, finished_at), AT(assay_upload_row, INT8, received), AT(assay_upload_row, INT8, accepted),
    AT(assay_upload_row, INT8, duplicates), AT(assay_upload_row, INT8, rejected),
}};
const struct pg_shape pg_shape_rejection = {sizeof(struct assay_rejection_row), 7, {
    AT(assay_rejection_row, INT8, n), AT(assay_rejection_row, INT8, line), AT(assay_rejection_row, TEXT, id),
    AT(assay_rejection_row, TEXT, code), AT(assay_rejection_row, TEXT, pointer), AT(assay_rejection_row, TEXT, detail),
    AT(assay_rejection_row, BYTEA, body),
}};

/* --- binding -------------------------------------------------------------------------------------------------------- */

static enum pg_oid oid_of(enum pg_form form) {
    switch (form) {
    case PG_FORM_INT2:
    case PG_FORM_ENUM: return PG_INT2;
    case PG_FORM_INT4:
    case PG_FORM_MONTH: return PG_INT4;
    case PG_FORM_INT8:
    case PG_FORM_ID8: return PG_INT8;
    case PG_FORM_TEXT: return PG_TEXT;
    case PG_FORM_BYTEA: return PG_BYTEA;
    case PG_FORM_INSTANT: return PG_TIMESTAMPTZ;
    case PG_FORM_DATE: return PG_DATE;
    case PG_FORM_BOOL: return PG_BOOL;
    }
    abort();
}

static void add_element(struct pg_args *a, enum pg_form form, const void *at) {
    switch (form) {
    case PG_FORM_INT2: pg_e_int2(a, *(const int16_t *)at); return;
    case PG_FORM_ENUM: pg_e_int2(a, (int16_t) * (const int *)at); return;
    case PG_FORM_INT4: pg_e_int4(a, *(const int32_t *)at); return;
    case PG_FORM_MONTH:
        if (*(const assay_month *)at == ASSAY_NO_MONTH) pg_e_null(a);
        else pg_e_int4(a, *(const assay_month *)at);
        return;
    case PG_FORM_INT8: pg_e_int8(a, *(const int64_t *)at); return;
    case PG_FORM_ID8:
        if (*(const int64_t *)at == 0) pg_e_null(a);
        else pg_e_int8(a, *(const int64_t *)at);
        return;
    case PG_FORM_TEXT:
    case PG_FORM_BYTEA: pg_e_text(a, *(const struct assay_str *)at); return;
    case PG_FORM_INSTANT: pg_e_instant(a, *(const assay_instant *)at); return;
    case PG_FORM_DATE: pg_e_date(a, *(const assay_date *)at); return;
    case PG_FORM_BOOL: pg_e_bool(a, *(const bool *)at); return;
    }
    abort();
}

void pg_rows_bind(struct pg_args *a, const struct pg_shape *shape, const void *rows, size_t n) {
    for (int c = 0; c < shape->n; c++) {
        const struct pg_column *column = &shape->columns[c];
        const char *at = (const char *)rows + column->offset;
        pg_array(a, oid_of(column->form));
        for (size_t i = 0; i < n; i++, at += shape->size) add_element(a, column->form, at);
    }
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static void read_value(const PGresult *r, int row, int col, enum pg_form form, struct assay_arena *a, void *at) {
    switch (form) {
    case PG_FORM_INT2: *(int16_t *)at = pg_get_int2(r, row, col); return;
    case PG_FORM_ENUM: *(int *)at = pg_get_int2(r, row, col); return;
    case PG_FORM_INT4: *(int32_t *)at = pg_get_int4(r, row, col); return;
    case PG_FORM_MONTH: *(assay_month *)at = pg_null(r, row, col) ? ASSAY_NO_MONTH : pg_get_int4(r, row, col); return;
    case PG_FORM_INT8:
    case PG_FORM_ID8: *(int64_t *)at = pg_get_int8(r, row, col); return;
    case PG_FORM_TEXT:
    case PG_FORM_BYTEA: *(struct assay_str *)at = pg_get_text(r, row, col, a); return;
    case PG_FORM_INSTANT: *(assay_instant *)at = pg_get_instant(r, row, col); return;
    case PG_FORM_DATE: *(assay_date *)at = pg_get_date(r, row, col); return;
    case PG_FORM_BOOL: *(bool *)at = pg_get_bool(r, row, col); return;
    }
    abort();
}

void pg_row_read(const PGresult *r, int row, int column, const struct pg_shape *shape, struct assay_arena *a, void *out) {
    for (int c = 0; c < shape->n; c++)
        read_value(r, row, column + c, shape->columns[c].form, a, (char *)out + shape->columns[c].offset);
}

void *pg_row_new(const PGresult *r, int row, int column, const struct pg_shape *shape, struct assay_arena *a) {
    void *out = assay_arena_zalloc(a, shape->size);
    pg_row_read(r, row, column, shape, a, out);
    return out;
}

void *pg_rows_new(const PGresult *r, const struct pg_shape *shape, struct assay_arena *a) {
    size_t n = (size_t)PQntuples(r);
    char *rows = assay_arena_zalloc(a, n * shape->size);
    for (size_t i = 0; i < n; i++) pg_row_read(r, (int)i, 0, shape, a, rows + i * shape->size);
    return rows;
}

void pg_verdict_read(const PGresult *r, int row, int column, struct assay_arena *a, struct assay_verdict_row *out) {
    const int rate_at = column + pg_shape_verdict.n;
    *out = (struct assay_verdict_row){.paid = !pg_null(r, row, rate_at), .rate = pg_get_int8(r, row, rate_at)};
    pg_row_read(r, row, column, &pg_shape_verdict, a, out);
}

enum assay_status pg_fetch(struct assay_db *db, enum assay_query q, const struct pg_args *args, const struct pg_shape *shape,
                           struct assay_arena *a, void **rows, size_t *n, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, q, args, &r, e);
    if (s) return s;
    *rows = pg_rows_new(r, shape, a);
    *n = (size_t)PQntuples(r);
    PQclear(r);
    return ASSAY_OK;
}
