/* sheet.c -- a table's header bound to the fields of records, and its rows read by it. Must not know files or routes. */
#include <stdio.h>
#include <stdlib.h>

#include "cell.h"

#define BIT(t) (UINT32_C(1) << (t))
#define NONE UINT8_MAX

struct column {
    struct assay_str name;
    const char *field; /* NULL: ignored */
    bool report;       /* one that the file of refused rows adds */
};
struct assay_sheet {
    struct assay_arena arena;
    const struct assay_zone *zone;
    uint32_t types; /* 0: providers */
    char sep;
    size_t n;
    struct column *columns;
    int type_column, id_column;                            /* -1: there is none */
    uint8_t rows[ASSAY_TYPE_COUNT][ASSAY_CSV_COLUMNS_MAX]; /* of the table of fields, by type and column; NONE */
    uint64_t required[ASSAY_TYPE_COUNT];                   /* bits of rows */
};

void assay_sheet_free(struct assay_sheet *s) {
    if (!s) return;
    assay_arena_free(&s->arena);
    free(s);
}

/* === the header ==================================================================================================== */

static struct assay_str trim(struct assay_str s) {
    while (s.n && (*s.p == ' ' || *s.p == '\t')) s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

static bool is_report(struct assay_str name) {
    return assay_str_is(name, "_line") || assay_str_is(name, "_code") || assay_str_is(name, "_detail");
}

static void header_fail(struct assay_errors *es, const struct assay_csv_row *header, size_t column, enum assay_status status,
                        const char *field, const char *detail, struct assay_str name) {
    char pointer[96];
    snprintf(pointer, sizeof pointer, "%s%s", field ? "/" : "", field ? field : "");
    if (name.p) assay_errors_add(es, status, pointer, "%s: \"%.*s\"", detail, ASSAY_STR_ARG(name));
    else assay_errors_add(es, status, pointer, "%s", detail);
    if (es->n > ASSAY_ERRORS_MAX) return;
    es->items[es->n - 1].line = (unsigned)header->line;
    es->items[es->n - 1].column = (unsigned)column;
}

static bool field_fits(const struct assay_sheet *s, const char *field) {
    if (!s->types) return true;
    if (strcmp(field, "type") == 0) return (s->types & (s->types - 1)) != 0;
    return (assay_record_types_with(field) & s->types) != 0;
}

static void bind(struct assay_sheet *s, const struct assay_csv_row *header, size_t i, struct assay_errors *es) {
    struct column *c = &s->columns[i];
    struct assay_str name = trim(header->cells[i]);
    c->name = assay_arena_dup(&s->arena, name);
    c->report = is_report(name);
    if (name.n == 0 || name.p[0] == '_') return;
    if (!assay_utf8_valid(name)) {
        header_fail(es, header, i + 1, ASSAY_INVALID_UTF8, NULL, "this column's name is no text in the file's character set",
                    ASSAY_STR_NONE);
        return;
    }
    c->field = assay_column_field(name, !s->types);
    if (!c->field || !field_fits(s, c->field)) {
        c->field = NULL;
        header_fail(es, header, i + 1, ASSAY_UNKNOWN_FIELD, NULL, "there is no such column here", name);
        return;
    }
    for (size_t k = 0; k < i; k++)
        if (s->columns[k].field && strcmp(s->columns[k].field, c->field) == 0)
            header_fail(es, header, i + 1, ASSAY_REPEATED_COLUMN, c->field, "an earlier column says the same", name);
}

static int find_column(const struct assay_sheet *s, const char *field) {
    for (size_t i = 0; i < s->n; i++)
        if (s->columns[i].field && strcmp(s->columns[i].field, field) == 0) return (int)i;
    return -1;
}

/* The header alone; NULL where it cannot be read at all. */
static struct assay_sheet *sheet_new(uint32_t types, const struct assay_csv_row *header, const struct assay_zone *zone,
                                     struct assay_errors *es) {
    es->n = 0;
    if (header->status || header->n > ASSAY_CSV_COLUMNS_MAX) {
        header_fail(es, header, 0, header->status ? header->status : ASSAY_TOO_LARGE, NULL,
                    header->why ? header->why : "the table has too many columns", ASSAY_STR_NONE);
        return NULL;
    }
    struct assay_sheet *s = assay_xcalloc(1, sizeof *s);
    s->types = types;
    s->zone = zone;
    s->sep = header->sep;
    s->type_column = s->id_column = -1;
    s->n = header->n;
    s->columns = assay_arena_zalloc(&s->arena, s->n * sizeof *s->columns);
    for (size_t i = 0; i < s->n; i++) bind(s, header, i, es);
    return s;
}

static void bind_type(struct assay_sheet *s, int type) {
    for (size_t i = 0; i < assay_record_rows(); i++)
        if (assay_record_row(i)->required & BIT(type)) s->required[type] |= UINT64_C(1) << i;
    for (size_t c = 0; c < s->n; c++) {
        s->rows[type][c] = NONE;
        for (size_t i = 0; s->columns[c].field && i < assay_record_rows(); i++) {
            const struct assay_field *f = assay_record_row(i);
            if ((f->allowed & BIT(type)) && strcmp(f->name, s->columns[c].field) == 0) s->rows[type][c] = (uint8_t)i;
        }
    }
}

/* What every record of the route must have stands in a column, or no row could be taken. */
static void ask_columns(const struct assay_sheet *s, const struct assay_csv_row *header, struct assay_errors *es) {
    bool several = (s->types & (s->types - 1)) != 0;
    if (several && s->type_column < 0)
        header_fail(es, header, 0, ASSAY_MISSING_FIELD, "type", "the column is required", ASSAY_STR("type"));
    for (size_t i = 0; i < assay_record_rows(); i++) {
        const struct assay_field *f = assay_record_row(i);
        if ((f->required & s->types) == s->types && find_column(s, f->name) < 0)
            header_fail(es, header, 0, ASSAY_MISSING_FIELD, f->name, "the column is required", assay_str_c(f->name));
    }
}

static enum assay_status finish_header(struct assay_sheet *s, struct assay_sheet **out, const struct assay_errors *es) {
    *out = s;
    if (!es->n) return ASSAY_OK;
    assay_sheet_free(s);
    *out = NULL;
    return ASSAY_VALIDATION_FAILED;
}

enum assay_status assay_sheet_new(enum assay_intake intake, const struct assay_csv_row *header, const struct assay_zone *zone,
                                  struct assay_sheet **out, struct assay_errors *es) {
    struct assay_sheet *s = sheet_new(assay_intake_types(intake), header, zone, es);
    if (s) {
        s->type_column = find_column(s, "type");
        s->id_column = find_column(s, "id");
        ask_columns(s, header, es);
        for (int t = 0; t < ASSAY_TYPE_COUNT; t++)
            if (s->types & BIT(t)) bind_type(s, t);
    }
    return finish_header(s, out, es);
}

enum assay_status assay_sheet_new_providers(const struct assay_csv_row *header, struct assay_sheet **out,
                                            struct assay_errors *es) {
    struct assay_sheet *s = sheet_new(0, header, NULL, es);
    return finish_header(s, out, es);
}

/* === a row ========================================================================================================= */

/* True where the row has as many cells as the header. */
static bool check_row(const struct assay_sheet *s, const struct assay_csv_row *row, struct assay_errors *es) {
    es->n = 0;
    if (row->status && row->last_line > row->line)
        assay_errors_add(es, row->status, "", "%s; it holds lines %zu to %zu", row->why, row->line, row->last_line);
    else if (row->status) assay_errors_add(es, row->status, "", "%s", row->why);
    else if (row->n != s->n) assay_errors_add(es, ASSAY_RAGGED_ROW, "", "the row has %zu cells, the header %zu", row->n, s->n);
    return es->n == 0;
}

static bool find_type(struct assay_str said, uint32_t types, enum assay_type *out) {
    return assay_type_parse(assay_cell_word("type", said), out) && (types & BIT(*out));
}

static void refuse_type(const struct assay_sheet *s, const struct assay_csv_row *row, const struct assay_cell_reader *r) {
    static const struct assay_field type = {.name = "type"};
    size_t at = (size_t)s->type_column;
    struct assay_cell c = {row->cells[at], s->columns[at].name, (unsigned)at + 1, &type};
    if (c.text.n == 0) {
        assay_cell_fail(r, &c, "", ASSAY_MISSING_FIELD, "the type is required");
        return;
    }
    struct assay_buf names = {0};
    assay_record_list_types(s->types, &names);
    assay_cell_fail(r, &c, "", ASSAY_INVALID_VALUE, "one of these is wanted: %s", names.p ? names.p : "");
    assay_buf_free(&names);
}

/* A cell in a column that records of this type do not have. A common one (a void's order) is ignored. */
static void refuse_cell(const struct assay_sheet *s, const struct assay_cell_reader *r, size_t column, enum assay_type type) {
    const char *name = s->columns[column].field;
    if (!name || assay_record_is_common(name) || (int)column == s->type_column) return;
    struct assay_field field = {.name = name};
    struct assay_cell c = {ASSAY_STR(""), s->columns[column].name, (unsigned)column + 1, &field};
    struct assay_buf theirs = {0};
    assay_record_list_types(assay_record_types_with(name), &theirs);
    assay_cell_fail(r, &c, "", ASSAY_UNKNOWN_FIELD, "%s has no such field; it belongs to %s", assay_type_name(type),
                    theirs.p ? theirs.p : "none");
    assay_buf_free(&theirs);
}

static void refuse_missing(const struct assay_sheet *s, const struct assay_cell_reader *r, uint64_t missing) {
    for (size_t i = 0; i < assay_record_rows(); i++) {
        if (!(missing >> i & 1)) continue;
        const struct assay_field *f = assay_record_row(i);
        int at = find_column(s, f->name);
        struct assay_str name = at < 0 ? assay_str_c(f->name) : s->columns[at].name;
        assay_cell_fail(r, &(struct assay_cell){ASSAY_STR(""), name, (unsigned)(at + 1), f}, "", ASSAY_MISSING_FIELD,
                        "%s is required", f->name);
    }
}

static void read_cells(const struct assay_sheet *s, const struct assay_csv_row *row, const struct assay_cell_reader *r,
                       struct assay_record *out) {
    const uint8_t *rows = s->rows[out->type];
    uint64_t seen = 0;
    for (size_t i = 0; i < row->n; i++) {
        if (row->cells[i].n == 0) continue;
        if (rows[i] == NONE) {
            refuse_cell(s, r, i, out->type);
            continue;
        }
        seen |= UINT64_C(1) << rows[i];
        assay_cell_read(r, &(struct assay_cell){row->cells[i], s->columns[i].name, (unsigned)i + 1, assay_record_row(rows[i])},
                        out);
    }
    uint64_t missing = s->required[out->type] & ~seen;
    if (missing) refuse_missing(s, r, missing);
}

static bool says(const struct assay_sheet *s, const struct assay_csv_row *row, const char *field) {
    int at = find_column(s, field);
    return at >= 0 && row->cells[at].n > 0;
}

/* Errors that were found by their fields get the columns of these. */
static void point_to_columns(const struct assay_sheet *s, size_t from, struct assay_errors *es) {
    for (size_t i = from; i < assay_errors_kept(es); i++)
        if (es->items[i].field[0] == '/') es->items[i].column = (unsigned)(find_column(s, es->items[i].field + 1) + 1);
}

enum assay_status assay_sheet_record(const struct assay_sheet *s, const struct assay_csv_row *row, assay_instant received_at,
                                     struct assay_arena *a, struct assay_record *out, struct assay_errors *es) {
    struct assay_cell_reader r = {s->zone, a, es};
    assay_record_init(out);
    if (!check_row(s, row, es)) return ASSAY_VALIDATION_FAILED;
    if (s->type_column < 0) {
        out->type = (enum assay_type)__builtin_ctz(s->types);
    } else if (!find_type(row->cells[s->type_column], s->types, &out->type)) {
        refuse_type(s, row, &r);
        if (assay_form_id(row->cells[s->id_column])) out->id = row->cells[s->id_column];
        return ASSAY_VALIDATION_FAILED;
    }
    out->kind = assay_type_kind(out->type);
    read_cells(s, row, &r, out);
    size_t before = es->n;
    if (out->type == ASSAY_OBSERVATION_MADE)
        assay_record_check_ratio(says(s, row, "numerator"), says(s, row, "denominator"), says(s, row, "value"), es);
    assay_record_settle(out, received_at, es);
    point_to_columns(s, before, es);
    return es->n ? ASSAY_VALIDATION_FAILED : ASSAY_OK;
}

/* === providers ===================================================================================================== */

/* A registry is small: its rows are told as JSON and read by the rules of JSON. */
static void provider_json(const struct assay_sheet *s, const struct assay_csv_row *row, struct assay_buf *b) {
    assay_json_object(b, NULL);
    for (size_t i = 0; i < s->n; i++) {
        const char *field = s->columns[i].field;
        if (!field || row->cells[i].n == 0) continue;
        struct assay_str said = assay_cell_word(field, row->cells[i]);
        if (strcmp(field, "ascim") != 0) assay_json_str(b, field, said);
        else if (assay_str_is(said, "TRUE") || assay_str_is(said, "true") || assay_str_is(said, "1"))
            assay_json_bool(b, field, true);
        else if (assay_str_is(said, "FALSE") || assay_str_is(said, "false") || assay_str_is(said, "0"))
            assay_json_bool(b, field, false);
        else assay_json_str(b, field, said);
    }
    assay_json_object_end(b);
}

enum assay_status assay_sheet_provider(const struct assay_sheet *s, const struct assay_csv_row *row, struct assay_arena *a,
                                       struct assay_provider *out, struct assay_errors *es) {
    struct assay_cell_reader r = {NULL, a, es};
    if (!check_row(s, row, es)) return ASSAY_VALIDATION_FAILED;
    for (size_t i = 0; i < s->n; i++) {
        struct assay_field field = {.name = s->columns[i].field};
        if (field.name && row->cells[i].n)
            (void)assay_cell_is_text(&r, &(struct assay_cell){row->cells[i], s->columns[i].name, (unsigned)i + 1, &field});
    }
    if (es->n) return ASSAY_VALIDATION_FAILED;
    struct assay_buf json = {0};
    provider_json(s, row, &json);
    enum assay_status st = assay_provider_from_json(assay_buf_str(&json), ASSAY_STR_NONE, a, out, es);
    assay_buf_free(&json);
    point_to_columns(s, 0, es);
    return st;
}

/* === the file of refused rows ====================================================================================== */

void assay_sheet_header_write(const struct assay_sheet *s, struct assay_buf *b) {
    bool first = true;
    for (size_t i = 0; i < s->n; i++) {
        if (s->columns[i].report) continue;
        assay_csv_cell(b, s->columns[i].name, first);
        first = false;
    }
}

/* A file of text must be text: a byte that is none becomes U+FFFD. */
static void write_cell(struct assay_buf *b, struct assay_str cell, bool first) {
    struct assay_buf clean = {0};
    for (size_t i = 0; i < cell.n && !assay_utf8_valid(cell);) {
        size_t n = 1;
        while (n < 4 && i + n < cell.n && !assay_utf8_valid((struct assay_str){cell.p + i, n})) n++;
        bool good = assay_utf8_valid((struct assay_str){cell.p + i, n});
        if (good) assay_buf_add(&clean, cell.p + i, n);
        else assay_buf_adds(&clean, "\xEF\xBF\xBD");
        i += good ? n : 1;
    }
    assay_csv_cell(b, clean.n ? assay_buf_str(&clean) : cell, first);
    assay_buf_free(&clean);
}

void assay_sheet_cells_write(const struct assay_sheet *s, struct assay_str text, struct assay_buf *b) {
    struct assay_csv c;
    struct assay_csv_row row;
    bool first = true;
    assay_csv_init(&c, text.n);
    c.sep = s->sep;
    assay_csv_feed(&c, text.p, text.n);
    assay_csv_finish(&c);
    if (assay_csv_next(&c, &row) && row.status == ASSAY_OK) {
        for (size_t i = 0; i < row.n; i++) {
            if (i < s->n && s->columns[i].report) continue;
            write_cell(b, row.cells[i], first);
            first = false;
        }
    } else {
        write_cell(b, text, true); /* no cells can be told apart: all of it is one */
    }
    assay_csv_free(&c);
}

void assay_rejected_header_write(struct assay_str header, struct assay_buf *b) {
    assay_buf_adds(b, ASSAY_CSV_BOM "_line,_code,_detail");
    if (header.p) assay_buf_printf(b, ",%.*s", ASSAY_STR_ARG(header));
    assay_csv_end_row(b);
}

void assay_rejected_row_write(struct assay_str cells, size_t line, const char *code, const char *detail, struct assay_buf *b) {
    assay_buf_printf(b, "%zu,%s", line, code);
    assay_csv_cell(b, assay_str_c(detail), false);
    assay_buf_addc(b, ',');
    if (cells.n) assay_buf_add(b, cells.p, cells.n);
    assay_csv_end_row(b);
}

size_t assay_sheet_known(void *ctx, struct assay_str line) {
    const enum assay_intake *intake = ctx;
    struct assay_csv c;
    struct assay_csv_row row;
    size_t n = 0;
    assay_csv_init(&c, line.n);
    assay_csv_feed(&c, line.p, line.n);
    assay_csv_finish(&c);
    if (assay_csv_next(&c, &row))
        for (size_t i = 0; i < row.n; i++) n += assay_column_field(trim(row.cells[i]), !intake) != NULL;
    assay_csv_free(&c);
    return n;
}
