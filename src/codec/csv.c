/* csv.c -- rows of cells out of a stream of chunks (RFC 4180), in bounded memory, and cells back. Must not know what a
 * cell means. */
#include "assay/csv.h"

enum { CELL_BEGIN, CELL_PLAIN, CELL_QUOTED, CELL_QUOTE_SEEN };

void assay_csv_init(struct assay_csv *c, size_t max_row) {
    if (max_row > SIZE_MAX / 2) max_row = SIZE_MAX / 2;
    c->max_row = max_row;
    c->sep = '\0';
    c->p = c->end = NULL;
    c->carry = c->scratch = (struct assay_buf){0};
    c->line = 1, c->row_line = 0;
    c->state = CELL_BEGIN;
    c->begun = c->skipping = c->after_cr = c->finished = false;
}

void assay_csv_feed(struct assay_csv *c, const void *chunk, size_t n) {
    if (n == 0) return;
    c->p = chunk;
    c->end = c->p + n;
}

void assay_csv_finish(struct assay_csv *c) { c->finished = true; }

void assay_csv_free(struct assay_csv *c) {
    assay_buf_free(&c->carry);
    assay_buf_free(&c->scratch);
}

/* === where a row ends ============================================================================================== */

static bool is_end(char ch) { return ch == '\n' || ch == '\r'; }

/* Before the first row is known any of the three may separate. */
static bool is_sep(char sep, char ch) { return sep ? ch == sep : ch == ',' || ch == ';' || ch == '\t'; }

static int step(char sep, int state, char ch) {
    switch (state) {
    case CELL_QUOTED: return ch == '"' ? CELL_QUOTE_SEEN : CELL_QUOTED;
    case CELL_QUOTE_SEEN:
        if (ch == '"') return CELL_QUOTED;
        break;
    case CELL_BEGIN:
        if (ch == '"') return CELL_QUOTED;
        break;
    default: break;
    }
    return is_sep(sep, ch) ? CELL_BEGIN : CELL_PLAIN;
}

/* The end of the row under way, or NULL where it runs over the chunk. Most rows have no quote: they end at the first end. */
static const char *find_end(struct assay_csv *c) {
    const char *p = c->p;
    if (c->state != CELL_QUOTED && c->state != CELL_QUOTE_SEEN) {
        const char *feed = memchr(p, '\n', (size_t)(c->end - p));
        size_t n = (size_t)((feed ? feed : c->end) - p);
        if (feed && !memchr(p, '"', n)) {
            const char *cr = memchr(p, '\r', n);
            return cr ? cr : feed;
        }
    }
    for (; p < c->end; p++) {
        if (is_end(*p) && c->state != CELL_QUOTED) return p;
        c->state = step(c->sep, c->state, *p);
    }
    return NULL;
}

/* Ends of lines inside a row: of CRLF one. */
static size_t count_ends(struct assay_str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] == '\n' ? !(i > 0 && s.p[i - 1] == '\r') : s.p[i] == '\r';
    return n;
}

static void begin_row(struct assay_csv *c) {
    c->begun = true;
    c->carry.n = 0;
    c->row_line = c->line;
    c->state = CELL_BEGIN;
}

static void pass_end(struct assay_csv *c, const char *end) {
    c->after_cr = *end == '\r';
    c->p = end + 1;
    c->line++;
    c->begun = false;
}

/* A row of more than max_row bytes: it is given up where the bound lies and reading goes on behind the next end of a line,
 * wherever chunks and quotes are, so that a quote that was never closed costs no more than that. */
static void give_up(struct assay_csv *c) {
    const char *bound = c->p + (c->max_row - c->carry.n);
    c->line += count_ends(assay_buf_str(&c->carry)) + count_ends((struct assay_str){c->p, (size_t)(bound - c->p)});
    bool split = c->carry.n && c->carry.p[c->carry.n - 1] == '\r' && bound > c->p && *c->p == '\n';
    c->line -= split; /* one end, counted in both */
    c->after_cr = bound > c->p ? bound[-1] == '\r' : c->carry.n && c->carry.p[c->carry.n - 1] == '\r';
    c->p = bound;
    c->skipping = true;
    c->carry.n = 0;
}

/* Behind the bound. True: the row is over and may be told. */
static bool skip(struct assay_csv *c) {
    if (c->p < c->end) {
        c->p += c->after_cr && *c->p == '\n';
        c->after_cr = false;
    }
    while (c->p < c->end && !is_end(*c->p)) c->p++;
    if (c->p == c->end) return false;
    pass_end(c, c->p);
    c->skipping = false;
    return true;
}

/* === what a row holds ============================================================================================== */

/* One quoted cell from the quote at *at; false where something follows its end. */
static bool take_quoted(struct assay_csv *c, struct assay_str s, size_t *at, struct assay_str *cell) {
    size_t i = *at + 1, from = i, start = c->scratch.n;
    bool copied = false;
    for (;;) {
        const char *quote = i < s.n ? memchr(s.p + i, '"', s.n - i) : NULL;
        if (!quote) return false;
        size_t q = (size_t)(quote - s.p);
        if (q + 1 < s.n && s.p[q + 1] == '"') {
            assay_buf_add(&c->scratch, s.p + from, q + 1 - from);
            copied = true;
            i = from = q + 2;
            continue;
        }
        if (copied) assay_buf_add(&c->scratch, s.p + from, q - from);
        *cell = copied ? (struct assay_str){c->scratch.p + start, c->scratch.n - start}
                       : (struct assay_str){s.p + from, q - from};
        *at = q + 1;
        return *at == s.n || s.p[*at] == c->sep;
    }
}

static void refuse(struct assay_csv_row *row, enum assay_status status, const char *why) {
    row->status = status;
    row->n = 0;
    row->why = why;
}

static void split(struct assay_csv *c, struct assay_csv_row *row) {
    struct assay_str s = row->text;
    size_t at = 0;
    c->scratch.n = 0;
    if (memchr(s.p, '"', s.n)) assay_buf_reserve(&c->scratch, s.n); /* cells point into it: it must not move */
    for (;;) {
        if (row->n > ASSAY_CSV_COLUMNS_MAX) {
            refuse(row, ASSAY_TOO_LARGE, "the row has more cells than a table may have columns");
            return;
        }
        struct assay_str *cell = &c->cells[row->n++];
        if (at < s.n && s.p[at] == '"') {
            if (!take_quoted(c, s, &at, cell)) {
                refuse(row, ASSAY_INVALID_CSV, "a quote is not closed, or text follows behind the closing one");
                return;
            }
        } else {
            const char *sep = at < s.n ? memchr(s.p + at, c->sep, s.n - at) : NULL;
            size_t to = sep ? (size_t)(sep - s.p) : s.n;
            *cell = (struct assay_str){s.p + at, to - at};
            at = to;
        }
        if (at == s.n) break;
        at++;
    }
    row->cells = c->cells;
}

static const char seps[3] = {',', ';', '\t'};

static char find_sep(struct assay_str s) {
    bool seen[3] = {false}, quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') quoted = !quoted;
        const char *sep = quoted ? NULL : memchr(seps, s.p[i], sizeof seps);
        if (sep) seen[sep - seps] = true;
    }
    for (size_t i = 0; i < 3; i++)
        if (seen[i]) return seps[i];
    return ',';
}

/* Excel's own first line; true where the row is that. */
static bool says_sep(struct assay_csv *c, struct assay_str s) {
    bool said = s.n == 5 && (s.p[0] | 0x20) == 's' && (s.p[1] | 0x20) == 'e' && (s.p[2] | 0x20) == 'p' && s.p[3] == '=' &&
                memchr(seps, s.p[4], sizeof seps);
    if (said) c->sep = s.p[4];
    return said;
}

static bool is_blank(const struct assay_csv_row *row) {
    for (size_t i = 0; i < row->n; i++)
        if (row->cells[i].n) return row->n == 1 && strspn(row->text.p, " \t") >= row->text.n;
    return true;
}

/* A whole row; false where it says nothing. */
static bool give(struct assay_csv *c, struct assay_str text, size_t last_line, struct assay_csv_row *row) {
    *row = (struct assay_csv_row){.line = c->row_line, .last_line = last_line, .text = text};
    if (text.n == 0 || (!c->sep && says_sep(c, text))) return false;
    if (!c->sep) c->sep = find_sep(text);
    row->sep = c->sep;
    split(c, row);
    return row->status != ASSAY_OK || !is_blank(row);
}

static bool give_too_large(struct assay_csv *c, size_t last_line, struct assay_csv_row *row) {
    *row = (struct assay_csv_row){.status = ASSAY_TOO_LARGE,
                                  .line = c->row_line,
                                  .last_line = last_line,
                                  .text = ASSAY_STR(""),
                                  .sep = c->sep,
                                  .why = "the row is longer than a record may be, or a quote in it is never closed"};
    return true;
}

/* The row ends at `end`, or at the end of everything (NULL). */
static bool end_row(struct assay_csv *c, const char *end, struct assay_csv_row *row) {
    struct assay_str text = {c->p, end ? (size_t)(end - c->p) : 0};
    if (c->carry.n) {
        if (text.n) assay_buf_add(&c->carry, text.p, text.n);
        text = assay_buf_str(&c->carry);
    }
    if (!text.p) text = ASSAY_STR("");
    c->line += count_ends(text);
    size_t last = c->line;
    if (end) pass_end(c, end);
    c->begun = false;
    return give(c, text, last, row);
}

bool assay_csv_next(struct assay_csv *c, struct assay_csv_row *row) {
    while (c->p < c->end) {
        if (c->skipping) {
            if (skip(c)) return give_too_large(c, c->line - 1, row);
            break;
        }
        if (c->after_cr && !c->begun) {
            c->after_cr = false;
            if (*c->p == '\n' && ++c->p == c->end) break;
        }
        if (!c->begun) begin_row(c);
        const char *end = find_end(c);
        size_t n = (size_t)((end ? end : c->end) - c->p);
        if (n > c->max_row - c->carry.n) {
            give_up(c);
        } else if (end) {
            if (end_row(c, end, row)) return true;
        } else {
            assay_buf_add(&c->carry, c->p, n);
            c->p = c->end;
        }
    }
    if (!c->finished || !c->begun) return false;
    if (!c->skipping) return end_row(c, NULL, row);
    c->begun = c->skipping = false;
    return give_too_large(c, c->line, row);
}

/* === out =========================================================================================================== */

void assay_csv_cell(struct assay_buf *b, struct assay_str s, bool first) {
    if (!first) assay_buf_addc(b, ',');
    bool quote = s.n == 0 ? false : s.p[0] == ' ' || s.p[s.n - 1] == ' ';
    for (size_t i = 0; i < s.n && !quote; i++) quote = s.p[i] == ',' || s.p[i] == '"' || is_end(s.p[i]);
    if (!quote) {
        assay_buf_add(b, s.p, s.n);
        return;
    }
    assay_buf_addc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') assay_buf_addc(b, '"');
        assay_buf_addc(b, s.p[i]);
    }
    assay_buf_addc(b, '"');
}

void assay_csv_end_row(struct assay_buf *b) { assay_buf_adds(b, "\r\n"); }
