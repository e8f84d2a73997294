/* charset.c -- any of a few character sets to UTF-8, in a stream. Must not know what the text means. */
#include <errno.h>

#include "assay/csv.h"

#define PIECE ((size_t)16 * 1024) /* bytes converted at a time */
#define NO_TEXT '\xFF'

bool assay_charset_parse(struct assay_str name, enum assay_charset *out) {
    static const struct {
        const char *name;
        enum assay_charset charset;
    } rows[] = {
        {"utf-8", ASSAY_CHARSET_UTF8},      {"utf8", ASSAY_CHARSET_UTF8},        {"us-ascii", ASSAY_CHARSET_UTF8},
        {"gb18030", ASSAY_CHARSET_GB18030}, {"gbk", ASSAY_CHARSET_GB18030},      {"gb2312", ASSAY_CHARSET_GB18030},
        {"cp936", ASSAY_CHARSET_GB18030},   {"x-gbk", ASSAY_CHARSET_GB18030},    {"windows-936", ASSAY_CHARSET_GB18030},
        {"utf-16", ASSAY_CHARSET_UTF16},    {"utf-16le", ASSAY_CHARSET_UTF16LE}, {"utf-16be", ASSAY_CHARSET_UTF16BE},
    };
    char lower[16];
    if (name.n >= sizeof lower) return false;
    for (size_t i = 0; i < name.n; i++) lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!assay_str_is((struct assay_str){lower, name.n}, rows[i].name)) continue;
        *out = rows[i].charset;
        return true;
    }
    return false;
}

void assay_text_init(struct assay_text *t, enum assay_charset said, assay_text_known *known, void *ctx) {
    *t = (struct assay_text){.charset = said, .known = known, .ctx = ctx};
}

void assay_text_feed(struct assay_text *t, const void *chunk, size_t n) {
    if (n == 0) return;
    t->p = chunk;
    t->end = t->p + n;
}

void assay_text_finish(struct assay_text *t) { t->finished = true; }

void assay_text_free(struct assay_text *t) {
    if (t->opened) iconv_close(t->cd);
    assay_buf_free(&t->held);
    assay_buf_free(&t->out);
}

/* === conversion ==================================================================================================== */

static const char *iconv_name(enum assay_charset c) {
    switch (c) {
    case ASSAY_CHARSET_GB18030: return "GB18030";
    case ASSAY_CHARSET_UTF16LE: return "UTF-16LE";
    case ASSAY_CHARSET_UTF16BE:
    case ASSAY_CHARSET_UTF16: return "UTF-16BE"; /* its mark was looked at */
    case ASSAY_CHARSET_UNSAID:
    case ASSAY_CHARSET_UTF8: break;
    }
    return "UTF-8";
}

/* Append s to out as UTF-8, each byte that is no text as NO_TEXT. Returns how many bytes were used: all but the beginning of
 * a character at the end. *bad counts what was no text. */
static size_t convert(iconv_t cd, struct assay_str s, struct assay_buf *out, size_t *bad) {
    char *in = (char *)(uintptr_t)s.p;
    size_t left = s.n;
    while (left > 0) {
        assay_buf_reserve(out, left * 2 + 16);
        char *to = out->p + out->n;
        size_t room = left * 2 + 16, before = room;
        size_t rc = iconv(cd, &in, &left, &to, &room);
        int why = rc == (size_t)-1 ? errno : 0;
        out->n += before - room;
        out->p[out->n] = '\0';
        if (why == EINVAL) break;
        if (why != EILSEQ) continue; /* done, or the room was too small */
        assay_buf_addc(out, NO_TEXT);
        in++, left--, ++*bad;
    }
    return s.n - left;
}

/* === which it is =================================================================================================== */

/* Length of the character at p, 0 where it is none; what could still become one counts as long as what is left. */
static size_t utf8_step(const char *p, size_t left) {
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2, have = n < left ? n : left;
    if (n == 1) return 1;
    if (c < 0xC2 || c > 0xF4) return 0;
    for (size_t i = 1; i < have; i++)
        if (((unsigned char)p[i] & 0xC0) != 0x80) return 0;
    return have < n || assay_utf8_valid((struct assay_str){p, n}) ? have : 0;
}

static size_t utf8_errors(struct assay_str s) {
    size_t bad = 0;
    for (size_t i = 0; i < s.n;) {
        size_t step = utf8_step(s.p + i, s.n - i);
        bad += step == 0;
        i += step ? step : 1;
    }
    return bad;
}

static size_t gb18030_errors(iconv_t cd, struct assay_str s, struct assay_buf *out) {
    size_t bad = 0;
    (void)convert(cd, s, out, &bad);
    return bad;
}

static struct assay_str first_line(struct assay_str s) {
    size_t n = 0;
    while (n < s.n && s.p[n] != '\n' && s.p[n] != '\r') n++;
    return (struct assay_str){s.p, n};
}

static enum assay_charset guess(struct assay_text *t, struct assay_str s) {
    size_t plain = utf8_errors(s);
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    if (cd == (iconv_t)-1) return ASSAY_CHARSET_UTF8;
    struct assay_buf other = {0};
    size_t coded = gb18030_errors(cd, s, &other);
    enum assay_charset found = plain <= coded ? ASSAY_CHARSET_UTF8 : ASSAY_CHARSET_GB18030;
    if (t->known) {
        size_t as_plain = t->known(t->ctx, first_line(s)), as_coded = t->known(t->ctx, first_line(assay_buf_str(&other)));
        if (as_plain != as_coded) found = as_plain > as_coded ? ASSAY_CHARSET_UTF8 : ASSAY_CHARSET_GB18030;
    }
    iconv_close(cd);
    assay_buf_free(&other);
    return found;
}

static bool begins(struct assay_str s, const char *mark, size_t n) { return s.n >= n && memcmp(s.p, mark, n) == 0; }

/* The character set of a byte order mark, and its length; UNSAID: there is none. */
static enum assay_charset by_mark(struct assay_str s, size_t *n) {
    *n = 2;
    if (begins(s, "\xFF\xFE", 2)) return ASSAY_CHARSET_UTF16LE;
    if (begins(s, "\xFE\xFF", 2)) return ASSAY_CHARSET_UTF16BE;
    *n = 3;
    if (begins(s, ASSAY_CSV_BOM, 3)) return ASSAY_CHARSET_UTF8;
    *n = 4;
    if (begins(s, "\x84\x31\x95\x33", 4)) return ASSAY_CHARSET_GB18030;
    *n = 0;
    return ASSAY_CHARSET_UNSAID;
}

static bool same_family(enum assay_charset said, enum assay_charset marked) {
    return said == marked ||
           (said == ASSAY_CHARSET_UTF16 && (marked == ASSAY_CHARSET_UTF16LE || marked == ASSAY_CHARSET_UTF16BE));
}

/* False: more must be seen. */
static bool decide(struct assay_text *t) {
    size_t wanted = t->charset == ASSAY_CHARSET_UNSAID ? ASSAY_TEXT_SNIFF : 4, n = (size_t)(t->end - t->p);
    if (n > wanted - t->held.n) n = wanted - t->held.n;
    if (n) {
        assay_buf_add(&t->held, t->p, n);
        t->p += n;
    }
    struct assay_str s = assay_buf_str(&t->held);
    size_t mark;
    enum assay_charset marked = by_mark(s, &mark);
    if (!t->finished && (s.n < 4 || (s.n < wanted && marked == ASSAY_CHARSET_UNSAID))) return false;
    bool by_it = marked != ASSAY_CHARSET_UNSAID && (t->charset == ASSAY_CHARSET_UNSAID || same_family(t->charset, marked));
    if (by_it) {
        t->charset = marked;
        t->held.n -= mark;
        memmove(t->held.p, t->held.p + mark, t->held.n);
    } else if (t->charset == ASSAY_CHARSET_UNSAID) {
        t->charset = guess(t, s);
    }
    t->decided = true;
    if (t->charset == ASSAY_CHARSET_UTF8) return true;
    t->cd = iconv_open("UTF-8", iconv_name(t->charset));
    t->opened = t->cd != (iconv_t)-1;
    if (!t->opened) t->charset = ASSAY_CHARSET_UTF8; /* a libc without it: what is no UTF-8 is refused row by row */
    return true;
}

/* === pieces ======================================================================================================== */

static bool next_plain(struct assay_text *t, struct assay_str *piece) {
    t->out.n = 0;
    if (t->held.n) { /* given away; its memory stands until the next call */
        struct assay_buf held = t->held;
        t->held = t->out;
        t->out = held;
        *piece = assay_buf_str(&t->out);
        return true;
    }
    if (t->p == t->end) return false;
    *piece = (struct assay_str){t->p, (size_t)(t->end - t->p)};
    t->p = t->end;
    return true;
}

static size_t take_input(struct assay_text *t, char *to, size_t room) {
    size_t n = t->held.n ? t->held.n : (size_t)(t->end - t->p);
    if (n > room) n = room;
    if (n == 0) return 0;
    memcpy(to, t->held.n ? t->held.p : t->p, n);
    if (t->held.n) {
        t->held.n -= n;
        memmove(t->held.p, t->held.p + n, t->held.n);
    } else {
        t->p += n;
    }
    return n;
}

static bool next_converted(struct assay_text *t, struct assay_str *piece) {
    char in[sizeof t->tail + PIECE];
    size_t bad = 0;
    t->out.n = 0;
    while (t->out.n == 0) {
        memcpy(in, t->tail, t->n_tail);
        size_t more = take_input(t, in + t->n_tail, PIECE), n = t->n_tail + more;
        if (more == 0) {
            if (!t->finished || n == 0) return false;
            assay_buf_addc(&t->out, NO_TEXT); /* it ends within a character */
            t->n_tail = 0;
            break;
        }
        size_t used = convert(t->cd, (struct assay_str){in, n}, &t->out, &bad);
        t->n_tail = n - used;
        if (t->n_tail > sizeof t->tail) t->n_tail = 0; /* no character of these sets is that long */
        memcpy(t->tail, in + used, t->n_tail);
    }
    *piece = assay_buf_str(&t->out);
    return true;
}

bool assay_text_next(struct assay_text *t, struct assay_str *piece) {
    if (!t->decided && !decide(t)) return false;
    return t->opened ? next_converted(t, piece) : next_plain(t, piece);
}
