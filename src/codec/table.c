/* table.c -- replies as tables for spreadsheets: from the JSON that the writers of this folder made to CSV (RFC 4180).
 *
 * A table names its columns by the paths of the JSON's members, so that there is one writer of each reply and a column is
 * one name. The JSON is ours: it is walked, not checked again. */
#include "assay/codec.h"

#include <stdlib.h>

/* Of one table; what arrays of coded objects make beyond it is left out. */
#define COLUMNS_MAX 128
#define PATH_MAX_BYTES 128

/* --- walking JSON --------------------------------------------------------------------------------------------------- */

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static const char *skip_space(const char *p) {
    while (is_space(*p)) p++;
    return p;
}

static const char *skip_string(const char *p) {
    for (p++; *p != '"'; p++)
        if (*p == '\\') p++;
    return p + 1;
}

/* Behind the value at p. */
static const char *skip_value(const char *p) {
    int depth = 0;
    do {
        if (*p == '"') {
            p = skip_string(p);
            continue;
        }
        if (*p == '{' || *p == '[') depth++, p++;
        else if (*p == '}' || *p == ']') depth--, p++;
        else if (depth > 0 && (*p == ',' || *p == ':' || is_space(*p))) p++;
        else
            while (*p && !strchr(",:]} \n\r\t", *p)) p++;
    } while (depth > 0);
    return p;
}

/* The next member of the object (or element of the array) at *p, which stands behind its bracket or behind the value before.
 * key: NULL for an array. */
static bool next_value(const char **p, struct assay_str *key, struct assay_str *value) {
    const char *q = skip_space(*p);
    if (*q == ',') q = skip_space(q + 1);
    if (*q == '}' || *q == ']') return false;
    if (key) {
        const char *end = skip_string(q);
        *key = (struct assay_str){q + 1, (size_t)(end - q) - 2};
        q = skip_space(skip_space(end) + 1); /* the colon */
    }
    const char *end = skip_value(q);
    *value = (struct assay_str){q, (size_t)(end - q)};
    *p = end;
    return true;
}

/* --- cells ------------------------------------------------------------------------------------------------------------ */

static void add_code_point(struct assay_buf *b, unsigned long c) {
    if (c < 0x80) {
        assay_buf_addc(b, (char)c);
    } else if (c < 0x800) {
        assay_buf_addc(b, (char)(0xC0 | c >> 6));
        assay_buf_addc(b, (char)(0x80 | (c & 0x3F)));
    } else {
        assay_buf_addc(b, (char)(0xE0 | c >> 12));
        assay_buf_addc(b, (char)(0x80 | (c >> 6 & 0x3F)));
        assay_buf_addc(b, (char)(0x80 | (c & 0x3F)));
    }
}

/* A string's text. Our writers escape by \u only what is below U+0020. */
static void add_unescaped(struct assay_str s, struct assay_buf *b) {
    static const char names[] = "bfnrt", meant[] = "\b\f\n\r\t";
    for (size_t i = 1; i + 1 < s.n; i++) {
        char c = s.p[i];
        if (c != '\\') {
            assay_buf_addc(b, c);
            continue;
        }
        c = s.p[++i];
        const char *known = memchr(names, c, sizeof names - 1);
        if (c == 'u') {
            char hex[5] = {s.p[i + 1], s.p[i + 2], s.p[i + 3], s.p[i + 4], '\0'};
            add_code_point(b, strtoul(hex, NULL, 16));
            i += 4;
        } else {
            assay_buf_addc(b, known ? meant[known - names] : c);
        }
    }
}

/* A scalar as text; what lies within arrays is joined: elements by |, an object's values by :, as CSV brings them in. */
static void add_text(struct assay_str v, struct assay_buf *b) {
    bool object = v.p[0] == '{', first = true;
    struct assay_str key, value;
    const char *p = v.p + 1;
    if (v.p[0] == '"') add_unescaped(v, b);
    else if (object || v.p[0] == '[')
        for (; next_value(&p, object ? &key : NULL, &value); first = false) {
            if (!first) assay_buf_addc(b, object ? ':' : '|');
            add_text(value, b);
        }
    else if (v.p[0] != 'n') assay_buf_add(b, v.p, v.n); /* null: nothing */
}

static bool is_decimal(struct assay_str s) {
    size_t i = s.n && s.p[0] == '-', digits = 0, points = 0;
    for (; i < s.n; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9') digits++;
        else if (s.p[i] == '.' && digits && !points) points++;
        else return false;
    }
    return digits > 0 && s.p[s.n - 1] != '.';
}

/* What a spreadsheet may take for a formula: text that begins with one of = + - @ (of full width too), TAB, CR or LF, behind
 * any number of apostrophes, so that taking away the one put before gives the text again. Decimal numbers are no formulas. */
static bool is_formula(struct assay_str s) {
    static const char starts[] = "=+-@\t\r\n";
    static const char *const wide[] = {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};
    size_t i = 0;
    if (is_decimal(s)) return false;
    while (i < s.n && s.p[i] == '\'') i++;
    if (i == s.n) return false;
    if (memchr(starts, s.p[i], sizeof starts - 1)) return true;
    for (size_t k = 0; k < 4; k++)
        if (s.n - i >= 3 && !memcmp(s.p + i, wide[k], 3)) return true;
    return false;
}

static bool needs_quotes(struct assay_str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\r' || s.p[i] == '\n') return true;
    return s.n && (s.p[0] == ' ' || s.p[s.n - 1] == ' ');
}

static void add_cell(struct assay_str text, struct assay_buf *b) {
    bool quotes = needs_quotes(text);
    if (quotes) assay_buf_addc(b, '"');
    if (is_formula(text)) assay_buf_addc(b, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"') assay_buf_addc(b, '"');
        assay_buf_addc(b, text.p[i]);
    }
    if (quotes) assay_buf_addc(b, '"');
}

/* --- columns ---------------------------------------------------------------------------------------------------------- */

struct row {
    size_t n, hint; /* columns; the one to be tried first: members mostly come in the columns' order */
    const char *columns[COLUMNS_MAX];
    struct assay_str cells[COLUMNS_MAX], shared[COLUMNS_MAX]; /* shared: the document's own, in every row */
    char path[PATH_MAX_BYTES];
    struct assay_arena arena;
};

static void add_column(struct row *r, const char *path) {
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->columns[i], path)) return;
    if (r->n < COLUMNS_MAX) r->columns[r->n++] = path;
}

/* The columns that an array of coded objects makes: NAME.CODE.MEMBER. */
static void add_coded(struct row *r, struct assay_str name, const char *array) {
    struct assay_str element, key, value, member, ignored;
    for (const char *p = array + 1; next_value(&p, NULL, &element);) {
        const char *q = element.p + 1;
        if (!next_value(&q, &key, &value)) continue;
        while (next_value(&q, &member, &ignored))
            add_column(r, assay_arena_printf(&r->arena, "%.*s.%.*s.%.*s", ASSAY_STR_ARG(name), (int)value.n - 2, value.p + 1,
                                             ASSAY_STR_ARG(member)));
    }
}

/* NAME.* becomes what the rows have under NAME. */
static void expand_column(struct row *r, const char *column, const char *rows) {
    struct assay_str name = {column, strlen(column) - 2}, object, key, value;
    for (const char *p = rows + 1; next_value(&p, NULL, &object);)
        for (const char *q = object.p + 1; next_value(&q, &key, &value);)
            if (assay_str_eq(key, name) && value.p[0] == '[') add_coded(r, name, value.p);
}

static void make_columns(struct row *r, const struct assay_table *t, const char *rows) {
    for (const char *const *c = t->columns; *c; c++) {
        size_t n = strlen(*c);
        if (n > 2 && !strcmp(*c + n - 2, ".*")) {
            if (rows) expand_column(r, *c, rows);
        } else {
            add_column(r, *c);
        }
    }
}

/* --- rows ------------------------------------------------------------------------------------------------------------- */

/* The column of the path; n where there is none. *below: some column lies under it. */
static size_t column_of(struct row *r, size_t length, bool *below) {
    *below = false;
    for (size_t i = 0; i < r->n; i++) {
        size_t k = (r->hint + i) % r->n;
        const char *column = r->columns[k];
        if (strncmp(column, r->path, length) != 0) continue;
        if (column[length] == '\0') {
            r->hint = k + 1;
            return k;
        }
        *below = *below || column[length] == '.';
    }
    return r->n;
}

static void note_members(struct row *r, const char *object, size_t length, struct assay_str *cells);

/* Coded objects: each one's members under its code, which is its first. */
static void note_coded(struct row *r, const char *array, size_t length, struct assay_str *cells) {
    struct assay_str element, key, code;
    for (const char *p = array + 1; next_value(&p, NULL, &element);) {
        const char *q = element.p + 1;
        if (element.p[0] != '{' || !next_value(&q, &key, &code) || length + code.n >= sizeof r->path) continue;
        memcpy(r->path + length, code.p + 1, code.n - 2);
        r->path[length + code.n - 2] = '.';
        note_members(r, element.p, length + code.n - 1, cells);
    }
}

/* Note the values of the object's members under their paths, which begin with the first `length` bytes of r->path. */
static void note_members(struct row *r, const char *object, size_t length, struct assay_str *cells) {
    struct assay_str key, value;
    for (const char *p = object + 1; next_value(&p, &key, &value);) {
        bool below;
        size_t end = length + key.n;
        if (end + 1 >= sizeof r->path) continue; /* longer than any column's */
        memcpy(r->path + length, key.p, key.n);
        size_t k = column_of(r, end, &below);
        if (k < r->n) cells[k] = value;
        if (!below) continue;
        r->path[end] = '.';
        if (value.p[0] == '{') note_members(r, value.p, end + 1, cells);
        if (value.p[0] == '[') note_coded(r, value.p, end + 1, cells);
    }
}

static void add_row(struct row *r, const char *object, struct assay_buf *text, struct assay_buf *b) {
    memcpy(r->cells, r->shared, sizeof r->cells);
    note_members(r, object, 0, r->cells);
    for (size_t i = 0; i < r->n; i++) {
        text->n = 0;
        if (i) assay_buf_addc(b, ',');
        if (r->cells[i].p) add_text(r->cells[i], text);
        add_cell(assay_buf_str(text), b);
    }
    assay_buf_adds(b, "\r\n");
}

static void add_head(const struct row *r, struct assay_buf *b) {
    assay_buf_adds(b, "\xEF\xBB\xBF");
    for (size_t i = 0; i < r->n; i++) {
        const char *name = r->columns[i];
        if (i) assay_buf_addc(b, ',');
        assay_buf_adds(b, name[0] == '/' ? name + 1 : name);
    }
    assay_buf_adds(b, "\r\n");
}

/* The document's array of rows; NULL where it has none. */
static const char *find_rows(const char *document, const char *name) {
    struct assay_str key, value;
    for (const char *p = document + 1; name && next_value(&p, &key, &value);)
        if (assay_str_is(key, name) && value.p[0] == '[') return value.p;
    return NULL;
}

void assay_table_write(const struct assay_table *t, struct assay_str json, struct assay_buf *b) {
    struct row *r = assay_xcalloc(1, sizeof *r);
    struct assay_buf text = {0};
    struct assay_str element;
    const char *document = skip_space(json.p), *rows = find_rows(document, t->rows);
    make_columns(r, t, rows);
    add_head(r, b);
    if (!t->rows) add_row(r, document, &text, b);
    r->path[0] = '/';
    if (rows) note_members(r, document, 1, r->shared);
    for (const char *p = rows ? rows + 1 : ""; rows && next_value(&p, NULL, &element);) add_row(r, element.p, &text, b);
    assay_buf_free(&text);
    assay_arena_free(&r->arena);
    free(r);
}
