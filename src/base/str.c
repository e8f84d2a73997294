/* str.c -- memory that ends the process when it runs out, arenas, buffers, UTF-8. */
#include "assay/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void out_of_memory(size_t n) {
    fprintf(stderr, "level=fatal msg=\"out of memory\" bytes=%zu\n", n);
    abort();
}

void *assay_xmalloc(size_t n) {
    void *p = malloc(n ? n : 1);
    if (!p) out_of_memory(n);
    return p;
}

void *assay_xcalloc(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p) out_of_memory(n * size);
    return p;
}

void *assay_xrealloc(void *p, size_t n) {
    void *q = realloc(p, n ? n : 1);
    if (!q) out_of_memory(n);
    return q;
}

char *assay_xstrdup(const char *s) {
    size_t n = strlen(s) + 1;
    return memcpy(assay_xmalloc(n), s, n);
}

/* --- UTF-8 --------------------------------------------------------------------------------------------------------- */

/* Length of the well-formed sequence at p (RFC 3629, table 3-7 of Unicode), 0 where there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
    unsigned c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xC2 || c > 0xF4) return 0;
    size_t len = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (left < len) return 0;
    unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return len;
}

bool assay_utf8_valid(struct assay_str s) {
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        size_t len = utf8_sequence(p + i, s.n - i);
        if (!len) return false;
        i += len;
    }
    return true;
}

size_t assay_utf8_length(struct assay_str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* --- arena --------------------------------------------------------------------------------------------------------- */

#define CHUNK_MIN 8192
#define ALIGN 16

struct assay_arena_chunk {
    struct assay_arena_chunk *next;
    size_t used, size; /* of data */
    _Alignas(ALIGN) char data[];
};

static struct assay_arena_chunk *chunk_new(size_t size, struct assay_arena_chunk *next) {
    struct assay_arena_chunk *c = assay_xmalloc(sizeof *c + size);
    *c = (struct assay_arena_chunk){.next = next, .used = 0, .size = size};
    return c;
}

void *assay_arena_alloc(struct assay_arena *a, size_t n) {
    if (n > SIZE_MAX / 2) out_of_memory(n);
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (!a->head || a->head->size - a->head->used < n) {
        /* Chunks double, so that a big request costs few of them; a lone huge allocation gets its own. */
        size_t size = a->head ? a->head->size * 2 : CHUNK_MIN;
        if (size > (size_t)1 << 20) size = (size_t)1 << 20;
        a->head = chunk_new(n > size ? n : size, a->head);
    }
    void *p = a->head->data + a->head->used;
    a->head->used += n;
    a->used += n;
    return p;
}

void *assay_arena_zalloc(struct assay_arena *a, size_t n) { return memset(assay_arena_alloc(a, n), 0, n); }

struct assay_str assay_arena_dup(struct assay_arena *a, struct assay_str s) {
    if (!s.p) return s;
    char *p = assay_arena_alloc(a, s.n + 1);
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct assay_str){p, s.n};
}

char *assay_arena_printf(struct assay_arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) n = 0;
    char *p = assay_arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void assay_arena_reset(struct assay_arena *a) {
    struct assay_arena_chunk *keep = a->head;
    if (!keep) return;
    for (struct assay_arena_chunk *c = keep->next, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    keep->next = NULL;
    keep->used = 0;
    a->used = 0;
}

void assay_arena_free(struct assay_arena *a) {
    for (struct assay_arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct assay_arena){0};
}

/* --- buffer -------------------------------------------------------------------------------------------------------- */

void assay_buf_reserve(struct assay_buf *b, size_t more) {
    if (more > SIZE_MAX / 4 || b->n > SIZE_MAX / 4) out_of_memory(more);
    size_t need = b->n + more + 1;
    if (need <= b->cap) return;
    size_t cap = b->cap ? b->cap * 2 : 256;
    if (cap < need) cap = need;
    b->p = assay_xrealloc(b->p, cap);
    b->cap = cap;
}

void assay_buf_add(struct assay_buf *b, const void *p, size_t n) {
    if (n >= b->cap - b->n) assay_buf_reserve(b, n); /* seldom: replies are made of many small pieces */
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void assay_buf_addc(struct assay_buf *b, char c) {
    if (b->cap - b->n <= 1) assay_buf_reserve(b, 1);
    b->p[b->n++] = c;
    b->p[b->n] = '\0';
}
void assay_buf_adds(struct assay_buf *b, const char *z) { assay_buf_add(b, z, strlen(z)); }

void assay_buf_printf(struct assay_buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n <= 0) return;
    assay_buf_reserve(b, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void assay_buf_free(struct assay_buf *b) {
    free(b->p);
    *b = (struct assay_buf){0};
}
