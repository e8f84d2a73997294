/* pack.c -- the packed form of a record: what the fold reads, small, quick to read, checked at every byte.
 *
 *   type | voided << 7      one byte; the kind follows from the type
 *   at                      8 bytes, least significant first
 *   id                      length, bytes
 *   (tag, value)*           tags ascending, absent fields left out
 *   0
 *
 * Lengths, counts and numbers are varints (7 bits a byte, least significant first, shortest form). A tag is a row of the
 * table below plus one: to add a field is to append a row; to change one is a new ASSAY_PACK_VERSION. Provider and order
 * are the row's own and not repeated. Of an observation the fold reads nothing, so its figures have no row. */
#include "assay/record.h"

#include <stddef.h>

enum form { STRING, WORD, NUMBER, COURIER, FLAG, SMALL, INSTANT, PARTS };

static const struct row {
    enum form form;
    size_t offset; /* in struct assay_record */
    unsigned max;  /* WORD, SMALL: the greatest value */
} rows[] = {
#define AT(member) offsetof(struct assay_record, member)
    {STRING, AT(line), 0},
    {NUMBER, AT(request), 0},
    {STRING, AT(replaces), 0},
    {FLAG, AT(local), 0},
    {COURIER, AT(courier), 0},
    {WORD, AT(mark), ASSAY_MARK_WRONG_SHIPMENT},
    {WORD, AT(noted), ASSAY_NOTE_FORCE_MAJEURE},
    {WORD, AT(outcome), ASSAY_CLOSE_UNREPAIRED},
    {WORD, AT(channel), ASSAY_CHANNEL_CCC},
    {STRING, AT(product), 0},
    {WORD, AT(customer_class), ASSAY_CLASS_KEY},
    {STRING, AT(serial), 0},
    {WORD, AT(warranty), ASSAY_WARRANTY_OUT},
    {INSTANT, AT(reported_at), 0},
    {PARTS, AT(parts), 0},
    {WORD, AT(answer), ASSAY_ANSWER_COMPLAINT},
    {WORD, AT(source), ASSAY_SOURCE_VOLUNTEERED},
    {WORD, AT(responsibility), ASSAY_RESP_MANUFACTURER},
    {SMALL, AT(overall), 5},
    {SMALL, AT(attitude), 5},
    {SMALL, AT(recommend), 10},
#undef AT
};
#define ROWS (sizeof rows / sizeof *rows)
#define VOIDED 0x80u
_Static_assert(ASSAY_TYPE_COUNT <= VOIDED, "a type and the flag share a byte");
_Static_assert(sizeof(enum assay_mark) == sizeof(unsigned), "words are read and written as unsigned");

/* --- writing ------------------------------------------------------------------------------------------------------- */

static void put_number(struct assay_buf *b, uint64_t v) {
    for (; v > 0x7F; v >>= 7) assay_buf_addc(b, (char)(0x80 | (v & 0x7F)));
    assay_buf_addc(b, (char)v);
}

static void put_string(struct assay_buf *b, struct assay_str s) {
    put_number(b, s.n);
    assay_buf_add(b, s.p, s.n);
}

static void put_instant(struct assay_buf *b, assay_instant t) {
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)t >> (8 * i));
    assay_buf_add(b, bytes, sizeof bytes);
}

static void put_parts(struct assay_buf *b, const struct assay_record *r) {
    put_number(b, r->n_parts);
    for (size_t i = 0; i < r->n_parts; i++) put_string(b, r->parts[i].line);
}

/* Write one field behind its tag; an absent one leaves no trace. */
static void put_field(struct assay_buf *b, const struct assay_record *r, unsigned tag) {
    const struct row *row = &rows[tag - 1];
    const void *at = (const char *)r + row->offset;
    switch (row->form) {
    case STRING: {
        const struct assay_str *s = at;
        if (!s->p) return;
        assay_buf_addc(b, (char)tag);
        put_string(b, *s);
        return;
    }
    case WORD: {
        unsigned v = *(const unsigned *)at;
        if (!v) return;
        assay_buf_addc(b, (char)tag);
        assay_buf_addc(b, (char)v);
        return;
    }
    case NUMBER: {
        int32_t v = *(const int32_t *)at;
        if (v <= 0) return;
        assay_buf_addc(b, (char)tag);
        put_number(b, (uint64_t)v);
        return;
    }
    case COURIER: {
        assay_courier v = *(const assay_courier *)at;
        if (!v) return;
        assay_buf_addc(b, (char)tag);
        put_number(b, (uint64_t)v);
        return;
    }
    case FLAG:
        if (*(const bool *)at) assay_buf_addc(b, (char)tag);
        return;
    case SMALL: {
        int8_t v = *(const int8_t *)at;
        if (v < 0) return;
        assay_buf_addc(b, (char)tag);
        assay_buf_addc(b, (char)v);
        return;
    }
    case INSTANT: {
        assay_instant v = *(const assay_instant *)at;
        if (v == ASSAY_NO_INSTANT) return;
        assay_buf_addc(b, (char)tag);
        put_instant(b, v);
        return;
    }
    case PARTS:
        if (!r->n_parts) return;
        assay_buf_addc(b, (char)tag);
        put_parts(b, r);
        return;
    }
}

void assay_record_pack(const struct assay_record *r, bool voided, struct assay_buf *buf) {
    assay_buf_reserve(buf, 64);
    assay_buf_addc(buf, (char)((unsigned)r->type | (voided ? VOIDED : 0)));
    put_instant(buf, r->at);
    put_string(buf, r->id);
    for (unsigned tag = 1; tag <= ROWS; tag++) put_field(buf, r, tag);
    assay_buf_addc(buf, 0);
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

/* Reads past the end or of malformed bytes give zero and set `bad`, so that one check at the end is enough. */
struct reader {
    const unsigned char *p, *end;
    bool bad;
};

static size_t left(const struct reader *in) { return (size_t)(in->end - in->p); }

static unsigned get_byte(struct reader *in) {
    if (in->p == in->end) {
        in->bad = true;
        return 0;
    }
    return *in->p++;
}

static uint32_t get_number(struct reader *in) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        unsigned byte = get_byte(in);
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte & 0x80) continue;
        if ((shift && !byte) || v > UINT32_MAX) break;
        return (uint32_t)v;
    }
    in->bad = true;
    return 0;
}

static struct assay_str get_string(struct reader *in) {
    uint32_t n = get_number(in);
    if (n > left(in)) in->bad = true;
    if (in->bad) return ASSAY_STR_NONE;
    struct assay_str s = {(const char *)in->p, n};
    in->p += n;
    return s;
}

static assay_instant get_instant(struct reader *in) {
    if (left(in) < 8) {
        in->bad = true;
        return 0;
    }
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)in->p[i] << (8 * i);
    in->p += 8;
    return (assay_instant)v;
}

static unsigned get_word(struct reader *in, unsigned min, unsigned max) {
    unsigned v = get_byte(in);
    if (v < min || v > max) in->bad = true;
    return v;
}

static assay_courier get_courier(struct reader *in) {
    uint32_t v = get_number(in);
    if (v < 100 || v > 923 || v % 100 > 23) {
        in->bad = true;
        return 0;
    }
    return (assay_courier)v;
}

static void get_parts(struct reader *in, struct assay_arena *a, struct assay_record *r) {
    uint32_t n = get_number(in);
    if (n > left(in)) in->bad = true; /* a part takes a byte at least: no count can ask for more memory than was sent */
    if (in->bad || !n) {
        in->bad = true;
        return;
    }
    struct assay_part *parts = assay_arena_alloc(a, n * sizeof *parts);
    for (uint32_t i = 0; i < n; i++) parts[i] = (struct assay_part){.line = get_string(in)};
    r->parts = parts;
    r->n_parts = n;
}

static void get_field(struct reader *in, struct assay_arena *a, struct assay_record *r, unsigned tag) {
    const struct row *row = &rows[tag - 1];
    void *at = (char *)r + row->offset;
    switch (row->form) {
    case STRING: *(struct assay_str *)at = get_string(in); return;
    case WORD: *(unsigned *)at = get_word(in, 1, row->max); return;
    case NUMBER: {
        uint32_t v = get_number(in);
        if (v < 1 || v > INT32_MAX) in->bad = true;
        *(int32_t *)at = in->bad ? 0 : (int32_t)v;
        return;
    }
    case COURIER: *(assay_courier *)at = get_courier(in); return;
    case FLAG: *(bool *)at = true; return;
    case SMALL: *(int8_t *)at = (int8_t)get_word(in, 0, row->max); return;
    case INSTANT: {
        assay_instant v = get_instant(in);
        if (v == ASSAY_NO_INSTANT) in->bad = true; /* an absent one has no tag */
        *(assay_instant *)at = v;
        return;
    }
    case PARTS: get_parts(in, a, r); return;
    }
}

enum assay_status assay_record_unpack(struct assay_str bytes, size_t *pos, struct assay_arena *a, struct assay_record *r,
                                      bool *voided) {
    if (!bytes.p || *pos > bytes.n) return ASSAY_INTERNAL;
    const unsigned char *base = (const unsigned char *)bytes.p;
    struct reader in = {base + *pos, base + bytes.n, false};
    assay_record_init(r);

    unsigned head = get_byte(&in);
    *voided = head & VOIDED;
    if ((head & ~VOIDED) >= ASSAY_TYPE_COUNT) return ASSAY_INTERNAL;
    r->type = (enum assay_type)(head & ~VOIDED);
    r->kind = assay_type_kind(r->type);
    r->at = get_instant(&in);
    r->id = get_string(&in);

    unsigned tag, last = 0;
    while (!in.bad && (tag = get_byte(&in)) != 0) {
        if (tag <= last || tag > ROWS) return ASSAY_INTERNAL;
        get_field(&in, a, r, tag);
        last = tag;
    }
    if (in.bad) return ASSAY_INTERNAL;
    *pos = (size_t)(in.p - base);
    return ASSAY_OK;
}
