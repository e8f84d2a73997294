/* rows.c -- shapes of rows, and reading and binding by them. */
#include "store/rows.h"

#include <arpa/inet.h>
#include <stdlib.h>

_Static_assert(sizeof(enum assay_kind) == sizeof(int) && sizeof(enum assay_change_what) == sizeof(int),
               "PG_FORM_ENUM reads and writes enums as int");

/* clang-format off */
#define AT(type, form, member) {PG_FORM_##form, offsetof(struct type, member)}
#define SHAPE(name, type, ...)                                                                                              \
    static const struct pg_column name##_columns[] = {__VA_ARGS__};                                                         \
    const struct pg_shape pg_shape_##name = {sizeof(struct type), sizeof name##_columns / sizeof *name##_columns, name##_columns}

SHAPE(record_key, assay_record_key,
    AT(assay_record_key, INT4, provider_id), AT(assay_record_key, ENUM, kind), AT(assay_record_key, TEXT, id));
SHAPE(order_key, assay_order_key,
    AT(assay_order_key, INT4, provider_id), AT(assay_order_key, TEXT, order_no));
SHAPE(head, assay_head,
    AT(assay_head, INT4, provider_id), AT(assay_head, INT8, seq), AT(assay_head, INT8, revision),
    AT(assay_head, INSTANT, last_record_at));
SHAPE(record, assay_record_row,
    AT(assay_record_row, INT8, seq), AT(assay_record_row, INSTANT, at), AT(assay_record_row, INSTANT, received_at),
    AT(assay_record_row, ID8, upload_id), AT(assay_record_row, INT4, key.provider_id), AT(assay_record_row, ENUM, key.kind),
    AT(assay_record_row, ENUM, type), AT(assay_record_row, ENUM, party), AT(assay_record_row, TEXT, key.id),
    AT(assay_record_row, TEXT, order_no), AT(assay_record_row, TEXT, content));
SHAPE(order, assay_order_row,
    AT(assay_order_row, INT4, key.provider_id), AT(assay_order_row, ENUM, state), AT(assay_order_row, ENUM, channel),
    AT(assay_order_row, ENUM, customer_class), AT(assay_order_row, ENUM, warranty), AT(assay_order_row, INSTANT, opened_at),
    AT(assay_order_row, INSTANT, dispatched_at), AT(assay_order_row, INSTANT, closed_at),
    AT(assay_order_row, TEXT, key.order_no), AT(assay_order_row, TEXT, product), AT(assay_order_row, BYTEA, packed));
SHAPE(verdict, assay_verdict_row,
    AT(assay_verdict_row, INT4, key.provider_id), AT(assay_verdict_row, INT2, scheme_id), AT(assay_verdict_row, ENUM, outcome),
    AT(assay_verdict_row, ENUM, reason), AT(assay_verdict_row, INT4, scheme_version),
    AT(assay_verdict_row, INT4, calendar_version), AT(assay_verdict_row, MONTH, month), AT(assay_verdict_row, ENUM, diagnosis),
    AT(assay_verdict_row, ENUM, cycle), AT(assay_verdict_row, INSTANT, diagnosis_deadline),
    AT(assay_verdict_row, INSTANT, cycle_deadline), AT(assay_verdict_row, TEXT, key.order_no),
    AT(assay_verdict_row, RATE, rate));
SHAPE(tally, assay_tally_row,
    AT(assay_tally_row, INT4, provider_id), AT(assay_tally_row, INT2, scheme_id), AT(assay_tally_row, INT4, month));
SHAPE(pay, assay_pay_row,
    AT(assay_pay_row, INT4, provider_id), AT(assay_pay_row, INT2, scheme_id), AT(assay_pay_row, INT4, month),
    AT(assay_pay_row, INT8, rate), AT(assay_pay_row, INT4, orders));
SHAPE(change, assay_change_row,
    AT(assay_change_row, INT8, place), AT(assay_change_row, INT8, seq), AT(assay_change_row, INT4, provider_id),
    AT(assay_change_row, ENUM, what), AT(assay_change_row, TEXT, name), AT(assay_change_row, BYTEA, effects));
SHAPE(provider, assay_provider_row,
    AT(assay_provider_row, INT4, provider_id), AT(assay_provider_row, INT4, version),
    AT(assay_provider_row, DATE, effective_from), AT(assay_provider_row, INSTANT, recorded_at),
    AT(assay_provider_row, TEXT, code), AT(assay_provider_row, TEXT, name), AT(assay_provider_row, TEXT, city),
    AT(assay_provider_row, BOOL, ascim), AT(assay_provider_row, TEXT, status), AT(assay_provider_row, ID8, recomputation));
SHAPE(document, assay_document_row,
    AT(assay_document_row, INT2, scheme_id), AT(assay_document_row, TEXT, code), AT(assay_document_row, INT4, version),
    AT(assay_document_row, DATE, effective_from), AT(assay_document_row, INSTANT, recorded_at),
    AT(assay_document_row, TEXT, document), AT(assay_document_row, ID8, recomputation));
SHAPE(sheet, assay_sheet_row,
    AT(assay_sheet_row, INT4, provider_id), AT(assay_sheet_row, INT2, scheme_id), AT(assay_sheet_row, INT2, sheet));
SHAPE(recomputation, assay_recomputation,
    AT(assay_recomputation, INT8, id), AT(assay_recomputation, ENUM, cause_kind), AT(assay_recomputation, TEXT, cause_code),
    AT(assay_recomputation, INT4, cause_version), AT(assay_recomputation, ENUM, status), AT(assay_recomputation, BOOL, untidy),
    AT(assay_recomputation, BOOL, every_provider), AT(assay_recomputation, INSTANT, started_at),
    AT(assay_recomputation, INSTANT, finished_at), AT(assay_recomputation, TEXT, reason), AT(assay_recomputation, INT8, runner),
    AT(assay_recomputation, INSTANT, beat_at), AT(assay_recomputation, INT4, providers),
    AT(assay_recomputation, INT4, providers_done), AT(assay_recomputation, INT8, orders),
    AT(assay_recomputation, INT8, orders_judged), AT(assay_recomputation, INT8, orders_changed));
SHAPE(line, assay_line_row,
    AT(assay_line_row, TEXT, order_no), AT(assay_line_row, TEXT, product), AT(assay_line_row, ENUM, warranty),
    AT(assay_line_row, INT8, rate));
SHAPE(risk, assay_risk_row,
    AT(assay_risk_row, INT4, provider_id), AT(assay_risk_row, TEXT, order_no), AT(assay_risk_row, INSTANT, deadline),
    AT(assay_risk_row, INSTANT, opened_at), AT(assay_risk_row, BOOL, cycle), AT(assay_risk_row, ENUM, channel),
    AT(assay_risk_row, ENUM, customer_class), AT(assay_risk_row, ENUM, warranty), AT(assay_risk_row, TEXT, product));
SHAPE(upload, assay_upload_row,
    AT(assay_upload_row, INT8, upload_id), AT(assay_upload_row, TEXT, kind), AT(assay_upload_row, ENUM, party),
    AT(assay_upload_row, TEXT, status), AT(assay_upload_row, TEXT, request_id), AT(assay_upload_row, INSTANT, received_at),
    AT(assay_upload_row, INSTANT, finished_at), AT(assay_upload_row, INT8, received), AT(assay_upload_row, INT8, accepted),
    AT(assay_upload_row, INT8, duplicates), AT(assay_upload_row, INT8, rejected), AT(assay_upload_row, TEXT, content_type),
    AT(assay_upload_row, INT8, bytes), AT(assay_upload_row, BOOL, atomic), AT(assay_upload_row, INSTANT, seen_at),
    AT(assay_upload_row, ID8, reverted_by), AT(assay_upload_row, ID4, provider_id));
SHAPE(rejection, assay_rejection_row,
    AT(assay_rejection_row, INT8, n), AT(assay_rejection_row, INT8, line), AT(assay_rejection_row, TEXT, id),
    AT(assay_rejection_row, TEXT, code), AT(assay_rejection_row, TEXT, pointer), AT(assay_rejection_row, TEXT, detail),
    AT(assay_rejection_row, BYTEA, body));
#define KEY_COLUMNS                                                                                                        \
    AT(assay_key_row, TEXT, key_id), AT(assay_key_row, TEXT, name), AT(assay_key_row, ENUM, role),                          \
    AT(assay_key_row, ID4, provider_id), AT(assay_key_row, BYTEA, digest), AT(assay_key_row, INSTANT, created_at),          \
    AT(assay_key_row, TEXT, created_by), AT(assay_key_row, INSTANT, expires_at), AT(assay_key_row, INSTANT, revoked_at),    \
    AT(assay_key_row, TEXT, replaces), AT(assay_key_row, INSTANT, last_used_at)
SHAPE(key, assay_key_row, KEY_COLUMNS);
SHAPE(key_listed, assay_key_row, KEY_COLUMNS, AT(assay_key_row, TEXT, provider));
SHAPE(vital, assay_vital, AT(assay_vital, TEXT, name), AT(assay_vital, TEXT, value));
SHAPE(audit, assay_audit_row,
    AT(assay_audit_row, INT8, audit_id), AT(assay_audit_row, INSTANT, at), AT(assay_audit_row, TEXT, actor),
    AT(assay_audit_row, TEXT, role), AT(assay_audit_row, TEXT, request_id), AT(assay_audit_row, TEXT, action),
    AT(assay_audit_row, TEXT, subject), AT(assay_audit_row, TEXT, before), AT(assay_audit_row, TEXT, after));
/* clang-format on */

/* --- binding -------------------------------------------------------------------------------------------------------- */

static enum pg_oid oid_of(enum pg_form form) {
    switch (form) {
    case PG_FORM_INT2:
    case PG_FORM_ENUM: return PG_INT2;
    case PG_FORM_INT4:
    case PG_FORM_ID4:
    case PG_FORM_MONTH: return PG_INT4;
    case PG_FORM_INT8:
    case PG_FORM_ID8:
    case PG_FORM_RATE: return PG_INT8;
    case PG_FORM_TEXT: return PG_TEXT;
    case PG_FORM_BYTEA: return PG_BYTEA;
    case PG_FORM_INSTANT: return PG_TIMESTAMPTZ;
    case PG_FORM_DATE: return PG_DATE;
    case PG_FORM_BOOL: return PG_BOOL;
    }
    abort();
}

static void add_rate(struct assay_buf *b, const struct assay_verdict_row *v) {
    if (v->paid) pg_field_int8(b, v->rate);
    else pg_field_null(b);
}

static void add_field(struct assay_buf *b, const struct pg_column *column, const void *row) {
    const void *at = (const char *)row + column->offset;
    switch (column->form) {
    case PG_FORM_INT2: pg_field_int2(b, *(const int16_t *)at); return;
    case PG_FORM_ENUM: pg_field_int2(b, (int16_t) * (const int *)at); return;
    case PG_FORM_INT4: pg_field_int4(b, *(const int32_t *)at); return;
    case PG_FORM_ID4:
        if (*(const int32_t *)at == 0) pg_field_null(b);
        else pg_field_int4(b, *(const int32_t *)at);
        return;
    case PG_FORM_MONTH:
        if (*(const assay_month *)at == ASSAY_NO_MONTH) pg_field_null(b);
        else pg_field_int4(b, *(const assay_month *)at);
        return;
    case PG_FORM_INT8: pg_field_int8(b, *(const int64_t *)at); return;
    case PG_FORM_ID8:
        if (*(const int64_t *)at == 0) pg_field_null(b);
        else pg_field_int8(b, *(const int64_t *)at);
        return;
    case PG_FORM_TEXT:
    case PG_FORM_BYTEA: pg_field_text(b, *(const struct assay_str *)at); return;
    case PG_FORM_INSTANT: pg_field_instant(b, *(const assay_instant *)at); return;
    case PG_FORM_DATE: pg_field_date(b, *(const assay_date *)at); return;
    case PG_FORM_BOOL: pg_field_bool(b, *(const bool *)at); return;
    case PG_FORM_RATE: add_rate(b, row); return;
    }
    abort();
}

void pg_rows_bind(struct pg_args *a, const struct pg_shape *shape, const void *rows, size_t n) {
    for (int c = 0; c < shape->n; c++) {
        struct assay_buf *b = pg_array(a, oid_of(shape->columns[c].form), n);
        for (size_t i = 0; i < n; i++) add_field(b, &shape->columns[c], (const char *)rows + i * shape->size);
    }
}

/* Signature, flags and length of the header's extension; what ends the rows. */
static const char copy_header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
static const char copy_trailer[] = "\377\377";
#define COPY_CHUNK ((size_t)64 * 1024)

static void add_copied_row(struct assay_buf *b, const struct pg_shape *shape, const void *row) {
    uint16_t fields = htons((uint16_t)shape->n);
    assay_buf_add(b, &fields, sizeof fields);
    for (int c = 0; c < shape->n; c++) add_field(b, &shape->columns[c], row);
}

enum assay_status pg_rows_copy(struct assay_db *db, enum assay_query q, const struct pg_shape *shape, const void *rows, size_t n,
                               struct assay_error *e) {
    struct assay_buf b = {0};
    enum assay_status s = pg_copy_begin(db, q, e);
    if (s) return s;
    assay_buf_add(&b, copy_header, sizeof copy_header);
    for (size_t i = 0; i < n && !s; i++) {
        add_copied_row(&b, shape, (const char *)rows + i * shape->size);
        if (b.n < COPY_CHUNK) continue;
        s = pg_copy_data(db, &b, e);
        b.n = 0;
    }
    assay_buf_add(&b, copy_trailer, sizeof copy_trailer - 1);
    if (!s) s = pg_copy_data(db, &b, e);
    if (!s) s = pg_copy_end(db, e);
    assay_buf_free(&b);
    return s;
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static void read_rate(const PGresult *r, int row, int col, struct assay_verdict_row *v) {
    v->paid = !pg_null(r, row, col);
    v->rate = pg_get_int8(r, row, col);
}

static void read_value(const PGresult *r, int row, int col, const struct pg_column *column, struct assay_arena *a, void *out) {
    void *at = (char *)out + column->offset;
    switch (column->form) {
    case PG_FORM_INT2: *(int16_t *)at = pg_get_int2(r, row, col); return;
    case PG_FORM_ENUM: *(int *)at = pg_get_int2(r, row, col); return;
    case PG_FORM_INT4:
    case PG_FORM_ID4: *(int32_t *)at = pg_get_int4(r, row, col); return;
    case PG_FORM_MONTH: *(assay_month *)at = pg_null(r, row, col) ? ASSAY_NO_MONTH : pg_get_int4(r, row, col); return;
    case PG_FORM_INT8:
    case PG_FORM_ID8: *(int64_t *)at = pg_get_int8(r, row, col); return;
    case PG_FORM_TEXT:
    case PG_FORM_BYTEA: *(struct assay_str *)at = pg_get_text(r, row, col, a); return;
    case PG_FORM_INSTANT: *(assay_instant *)at = pg_get_instant(r, row, col); return;
    case PG_FORM_DATE: *(assay_date *)at = pg_get_date(r, row, col); return;
    case PG_FORM_BOOL: *(bool *)at = pg_get_bool(r, row, col); return;
    case PG_FORM_RATE: read_rate(r, row, col, out); return;
    }
    abort();
}

void pg_row_read(const PGresult *r, int row, int column, const struct pg_shape *shape, struct assay_arena *a, void *out) {
    for (int c = 0; c < shape->n; c++) read_value(r, row, column + c, &shape->columns[c], a, out);
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
