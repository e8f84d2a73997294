/* ndjson.c -- lines out of a stream of chunks, in bounded memory. Must not know what a line means. */
#include "assay/codec.h"

void assay_ndjson_init(struct assay_ndjson *r, size_t max_line) {
    if (max_line > SIZE_MAX / 2) max_line = SIZE_MAX / 2; /* so that it can be counted past */
    *r = (struct assay_ndjson){.max_line = max_line};
}

void assay_ndjson_feed(struct assay_ndjson *r, const void *chunk, size_t n) {
    if (n == 0) return;
    r->p = chunk;
    r->end = r->p + n;
}

void assay_ndjson_finish(struct assay_ndjson *r) { r->finished = true; }

void assay_ndjson_free(struct assay_ndjson *r) { assay_buf_free(&r->carry); }

static bool is_blank(struct assay_str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r') return false;
    return true;
}

/* The text of the line before is given up only now. */
static void begin_line(struct assay_ndjson *r) {
    if (r->begun) return;
    r->begun = true;
    r->carry.n = 0;
    r->line++;
}

/* One byte more than the bound may still be the CR of the line's end. */
static bool fits(const struct assay_ndjson *r, size_t more) { return more <= r->max_line + 1 - r->carry.n; }

static bool give_too_large(const struct assay_ndjson *r, struct assay_ndjson_line *out) {
    *out = (struct assay_ndjson_line){ASSAY_TOO_LARGE, ASSAY_STR(""), r->line};
    return true;
}

/* The chunk ends within a line: keep its beginning, or say once that it is too long and pass over the rest. */
static bool keep_rest(struct assay_ndjson *r, struct assay_ndjson_line *out) {
    size_t n = (size_t)(r->end - r->p);
    begin_line(r);
    if (!r->skipping && fits(r, n)) {
        assay_buf_add(&r->carry, r->p, n);
        r->p = r->end;
        return false;
    }
    bool first = !r->skipping;
    r->skipping = true;
    r->p = r->end;
    return first && give_too_large(r, out);
}

static bool end_line(struct assay_ndjson *r, struct assay_str text, struct assay_ndjson_line *out) {
    r->begun = false;
    if (text.n > r->max_line) return give_too_large(r, out);
    if (is_blank(text)) return false;
    *out = (struct assay_ndjson_line){ASSAY_OK, text, r->line};
    return true;
}

static bool end_fed_line(struct assay_ndjson *r, struct assay_str text, struct assay_ndjson_line *out) {
    if (r->skipping) {
        r->skipping = r->begun = false;
        return false;
    }
    if (fits(r, text.n) && r->carry.n) {
        assay_buf_add(&r->carry, text.p, text.n);
        text = assay_buf_str(&r->carry);
    } else if (r->carry.n) {
        r->begun = false;
        return give_too_large(r, out);
    }
    if (text.n && text.p[text.n - 1] == '\r') text.n--;
    return end_line(r, text, out);
}

bool assay_ndjson_next(struct assay_ndjson *r, struct assay_ndjson_line *out) {
    while (r->p != r->end) {
        const char *feed = memchr(r->p, '\n', (size_t)(r->end - r->p));
        if (!feed) return keep_rest(r, out);
        struct assay_str text = {r->p, (size_t)(feed - r->p)};
        begin_line(r);
        r->p = feed + 1;
        if (end_fed_line(r, text, out)) return true;
    }
    if (!r->finished || !r->begun) return false;
    if (!r->skipping) return end_line(r, assay_buf_str(&r->carry), out);
    r->begun = r->skipping = false;
    return false;
}
