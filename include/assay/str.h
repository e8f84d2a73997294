/* str.h -- strings that know their length, arenas, growing buffers.
 *
 * Memory that cannot be had ends the process (one line on stderr): every bound on what callers may send is elsewhere,
 * nothing is acknowledged before it is committed, so stopping loses nothing and no path has to pretend otherwise. */
#ifndef ASSAY_STR_H
#define ASSAY_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "assay/error.h"

void *assay_xmalloc(size_t n);
void *assay_xcalloc(size_t n, size_t size);
void *assay_xrealloc(void *p, size_t n);
char *assay_xstrdup(const char *s);

/* A borrowed run of bytes. {NULL, 0} is "absent"; {"", 0} with a non-NULL pointer is an empty string. */
struct assay_str {
    const char *p;
    size_t n;
};
#define ASSAY_STR(lit) ((struct assay_str){(lit), sizeof(lit) - 1})
#define ASSAY_STR_NONE ((struct assay_str){NULL, 0})
#define ASSAY_STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct assay_str assay_str_c(const char *z) { return (struct assay_str){z, z ? strlen(z) : 0}; }
static inline bool assay_str_eq(struct assay_str a, struct assay_str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool assay_str_is(struct assay_str a, const char *z) { return assay_str_eq(a, assay_str_c(z)); }
/* Byte order; a prefix sorts first. */
static inline int assay_str_cmp(struct assay_str a, struct assay_str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}
/* True when s is well-formed UTF-8 (no surrogates, no over-long forms, at most U+10FFFF). */
bool assay_utf8_valid(struct assay_str s);
/* Number of code points of well-formed UTF-8. */
size_t assay_utf8_length(struct assay_str s);

/* An arena: allocations live until reset or free; nothing is freed singly. Zero-initialise. Not thread-safe. */
struct assay_arena {
    struct assay_arena_chunk *head;
    size_t used; /* bytes handed out since the last reset, for bounds and statistics */
};
void *assay_arena_alloc(struct assay_arena *a, size_t n);                    /* 16-byte aligned, not cleared */
void *assay_arena_zalloc(struct assay_arena *a, size_t n);                   /* cleared */
struct assay_str assay_arena_dup(struct assay_arena *a, struct assay_str s); /* NUL-terminated copy; absent stays absent */
char *assay_arena_printf(struct assay_arena *a, const char *fmt, ...) ASSAY_PRINTF(2, 3);
void assay_arena_reset(struct assay_arena *a); /* keeps one chunk for reuse */
void assay_arena_free(struct assay_arena *a);

/* A growing byte buffer, always NUL-terminated behind n. Zero-initialise; free with assay_buf_free. */
struct assay_buf {
    char *p;
    size_t n, cap;
};
void assay_buf_reserve(struct assay_buf *b, size_t more);
void assay_buf_add(struct assay_buf *b, const void *p, size_t n);
void assay_buf_addc(struct assay_buf *b, char c);
void assay_buf_adds(struct assay_buf *b, const char *z);
void assay_buf_printf(struct assay_buf *b, const char *fmt, ...) ASSAY_PRINTF(2, 3);
void assay_buf_free(struct assay_buf *b);
static inline struct assay_str assay_buf_str(const struct assay_buf *b) { return (struct assay_str){b->p ? b->p : "", b->n}; }

#endif
