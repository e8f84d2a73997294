/* stream.c -- request bodies in memory: collected whole, or passed through a ring to a handler that reads them, so that
 * receiving and processing overlap and neither outruns the other. */
#include <limits.h>
#include <stdlib.h>

#include "internal.h"

#define BUFFER_MIN ((size_t)16 * 1024) /* buffers start small: an announced body costs nothing until it comes */

/* --- memory, within the server's bound ---------------------------------------------------------------------------- */
static bool budget_take(struct assay_http_site *site, size_t n) {
    uint64_t before = atomic_fetch_add(&site->buffered, n);
    if (before + n <= site->c.buffered_bytes) return true;
    atomic_fetch_sub(&site->buffered, n);
    return false;
}

static size_t larger(size_t size, size_t needed, uint64_t most) {
    size_t n = size ? size : BUFFER_MIN;
    while (n < needed) n *= 2;
    return n > most && needed <= most ? (size_t)most : n;
}

void assay_http_buffer_free(struct assay_http_exchange *x) {
    free(x->buffer);
    atomic_fetch_sub(&x->site->buffered, x->buffer_size);
    x->buffer = NULL;
    x->buffer_size = 0;
}

bool assay_http_collect(struct assay_http_exchange *x, const char *p, size_t n, uint64_t most) {
    size_t have = (size_t)x->body_in;
    if (n > x->buffer_size - have) {
        size_t size = larger(x->buffer_size ? x->buffer_size * 2 : 0, have + n, most);
        if (!budget_take(x->site, size - x->buffer_size)) return false;
        x->buffer = assay_xrealloc(x->buffer, size);
        x->buffer_size = size;
    }
    memcpy(x->buffer + have, p, n);
    x->body_in += n;
    return true;
}

/* --- the ring ----------------------------------------------------------------------------------------------------- */
static void ring_copy_in(char *ring, size_t size, uint64_t at, const char *p, size_t n) {
    size_t from = (size_t)(at % size), first = n < size - from ? n : size - from;
    memcpy(ring + from, p, first);
    memcpy(ring, p + first, n - first);
}

static void ring_copy_out(const char *ring, size_t size, uint64_t at, char *p, size_t n) {
    size_t from = (size_t)(at % size), first = n < size - from ? n : size - from;
    memcpy(p, ring + from, first);
    memcpy(p + first, ring, n - first);
}

/* Double the ring, up to the bound of one body and of all; it may stay as it is. */
static void ring_grow(struct assay_http_exchange *x) {
    size_t most = x->site->c.stream_bytes, size = x->buffer_size ? x->buffer_size * 2 : BUFFER_MIN;
    if (size > most) size = most;
    if (size <= x->buffer_size || !budget_take(x->site, size - x->buffer_size)) return;
    char *ring = assay_xmalloc(size);
    size_t held = (size_t)(x->body_in - x->body_out);
    /* Positions are counters modulo the size: what is held has to move. */
    for (size_t done = 0; done < held && x->buffer_size;) {
        size_t from = (size_t)((x->body_out + done) % x->buffer_size), n = held - done;
        if (n > x->buffer_size - from) n = x->buffer_size - from;
        ring_copy_in(ring, size, x->body_out + done, x->buffer + from, n);
        done += n;
    }
    free(x->buffer);
    x->buffer = ring;
    x->buffer_size = size;
}

static size_t ring_free(const struct assay_http_exchange *x) { return x->buffer_size - (size_t)(x->body_in - x->body_out); }

size_t assay_http_ring_put(struct assay_http_exchange *x, const char *p, size_t n) {
    while (n > ring_free(x)) {
        size_t before = x->buffer_size;
        ring_grow(x);
        if (x->buffer_size == before) break;
    }
    if (n > ring_free(x)) n = ring_free(x);
    if (n == 0) return 0;
    ring_copy_in(x->buffer, x->buffer_size, x->body_in, p, n);
    x->body_in += n;
    pthread_cond_signal(&x->moved);
    return n;
}

void assay_http_body_fail(struct assay_http_exchange *x, enum assay_status why, const char *detail) {
    if (x->failure.status) return;
    assay_fail(&x->failure, why, "", "%s", detail);
    pthread_cond_signal(&x->moved);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
static ssize_t read_collected(struct assay_http_exchange *x, void *buf, size_t n) {
    size_t left = x->pub.body.n - (size_t)x->body_out;
    if (n > left) n = left;
    if (n > 0) memcpy(buf, x->pub.body.p + x->body_out, n);
    x->body_out += n;
    return (ssize_t)n;
}

ssize_t assay_http_read(void *request, void *buf, size_t n) {
    struct assay_http_exchange *x = request;
    if (n > SSIZE_MAX) n = SSIZE_MAX;
    if (!x->server || x->pub.route->kind != ASSAY_HTTP_STREAM) return read_collected(x, buf, n);
    ssize_t got = -1;
    pthread_mutex_lock(&x->lock);
    while (!x->failure.status && !x->body_end && x->body_in == x->body_out) pthread_cond_wait(&x->moved, &x->lock);
    if (x->failure.status) {
        x->pub.body_error = x->failure;
        goto out;
    }
    size_t held = (size_t)(x->body_in - x->body_out);
    if (n > held) n = held;
    if (n > 0) ring_copy_out(x->buffer, x->buffer_size, x->body_out, buf, n);
    x->body_out += n;
    got = (ssize_t)n;
    /* Half a ring at a time: each side works on while the other does. */
    if (!x->body_end && ring_free(x) >= x->buffer_size / 2) assay_http_resume(x);
out:
    pthread_mutex_unlock(&x->lock);
    return got;
}
