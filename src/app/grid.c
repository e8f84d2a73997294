/* grid.c -- columns of text by how wide a terminal shows them. */
#include "app/grid.h"

#include <locale.h>
#include <stdlib.h>
#include <wchar.h>

/* Widths are the C library's, which knows them in a UTF-8 locale alone. */
void assay_text_begin(void) {
    if (!setlocale(LC_CTYPE, "C.UTF-8")) setlocale(LC_CTYPE, "");
}

/* The next character of p: how many bytes it has, and its columns; -1 columns where it cannot be shown. */
static size_t next(const char *p, int *columns) {
    wchar_t c;
    mbstate_t state = {0};
    size_t n = mbrtowc(&c, p, strlen(p), &state);
    if (n == 0 || n > 8) {
        *columns = -1;
        return 1;
    }
    *columns = wcwidth(c);
    return n;
}

size_t assay_text_width(const char *text) {
    size_t width = 0;
    for (int columns; *text; width += columns < 0 ? 1 : (size_t)columns) text += next(text, &columns);
    return width;
}

/* What cannot be shown, or would move the cursor, becomes '?'. */
static void add_shown(const char *text, size_t columns, struct assay_buf *out) {
    size_t used = 0;
    while (*text) {
        int wide;
        size_t n = next(text, &wide);
        if (used + (wide < 0 ? 1 : (size_t)wide) > columns) break;
        used += wide < 0 ? 1 : (size_t)wide;
        if (wide < 0) assay_buf_addc(out, '?');
        else assay_buf_add(out, text, n);
        text += n;
    }
}

void assay_text_cut(const char *text, size_t columns, struct assay_buf *out) {
    if (assay_text_width(text) <= columns) {
        add_shown(text, columns, out);
        return;
    }
    add_shown(text, columns ? columns - 1 : 0, out);
    if (columns) assay_buf_adds(out, "…");
}

void assay_grid_cell(struct assay_grid *t, const char *text) {
    if (t->n_cells == t->room) {
        t->room = t->room ? t->room * 2 : 256;
        t->cells = assay_xrealloc(t->cells, t->room * sizeof *t->cells);
    }
    t->cells[t->n_cells++] = assay_xstrdup(text && *text ? text : "-");
}

void assay_grid_begin(struct assay_grid *t, const char *const *header) {
    for (; header[t->n_columns] && t->n_columns < ASSAY_TABLE_COLUMNS_MAX; t->n_columns++)
        assay_grid_cell(t, header[t->n_columns]);
}

void assay_grid_free(struct assay_grid *t) {
    for (size_t i = 0; i < t->n_cells; i++) free(t->cells[i]);
    free(t->cells);
    *t = (struct assay_grid){0};
}

void assay_grid_print(struct assay_grid *t, FILE *f) {
    size_t widths[ASSAY_TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t width = assay_text_width(t->cells[i]);
        if (width > widths[i % t->n_columns]) widths[i % t->n_columns] = width;
    }
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t column = i % t->n_columns;
        bool last = column + 1 == t->n_columns;
        struct assay_buf b = {0};
        add_shown(t->cells[i], SIZE_MAX, &b);
        fprintf(f, "%s%*s", b.p ? b.p : "", last ? 0 : (int)(widths[column] - assay_text_width(t->cells[i]) + 2), "");
        if (last) fputc('\n', f);
        assay_buf_free(&b);
    }
    assay_grid_free(t);
}
