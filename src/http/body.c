/* body.c -- bytes of a representation: shared, with their ETag and their gzip form made at most once.
 *
 * The ETag is SHA-256 cut to 128 bits: equal bytes give equal tags on every machine and after every restart, and nobody
 * can craft two representations that share one, which a quick hash would not promise. It costs about a millisecond per
 * megabyte, once per representation; the library is there anyway, libpq stands on it. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "internal.h"

#define ETAG_BYTES 16
#define GZIP_LEVEL 5 /* JSON shrinks nearly as well as with 9 at a third of the time */

struct assay_http_body {
    atomic_uint refs;
    struct assay_str bytes;
    char *owned;          /* NULL: static */
    pthread_mutex_t lock; /* while one of the two below is made */
    atomic_bool has_etag, has_gzip;
    char etag[ETAG_BYTES * 2 + 1];
    char *gzip;
    size_t gzip_size;
};

static struct assay_http_body *body_new(struct assay_str bytes, char *owned) {
    struct assay_http_body *body = assay_xcalloc(1, sizeof *body);
    atomic_init(&body->refs, 1);
    body->bytes = bytes;
    body->owned = owned;
    pthread_mutex_init(&body->lock, NULL);
    return body;
}

struct assay_http_body *assay_http_body_take(struct assay_buf *b) {
    /* It may be kept for long: a buffer that has just doubled is nearly half empty. */
    if (b->cap - b->n > b->n / 8 + 256) b->p = assay_xrealloc(b->p, b->n + 1);
    struct assay_http_body *body = body_new(assay_buf_str(b), b->p);
    *b = (struct assay_buf){0};
    return body;
}

struct assay_http_body *assay_http_body_static(struct assay_str s) {
    return body_new(s, NULL);
}

struct assay_http_body *assay_http_body_ref(struct assay_http_body *body) {
    atomic_fetch_add(&body->refs, 1);
    return body;
}

void assay_http_body_unref(struct assay_http_body *body) {
    if (!body || atomic_fetch_sub(&body->refs, 1) != 1) return;
    pthread_mutex_destroy(&body->lock);
    free(body->owned);
    free(body->gzip);
    free(body);
}

struct assay_str assay_http_body_bytes(const struct assay_http_body *body) {
    return body->bytes;
}

static void make_etag(struct assay_http_body *body) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(body->bytes.p, body->bytes.n, digest, NULL, EVP_sha256(), NULL)) abort(); /* only for want of memory */
    for (size_t i = 0; i < ETAG_BYTES; i++) snprintf(body->etag + 2 * i, 3, "%02x", digest[i]);
    atomic_store(&body->has_etag, true);
}

const char *assay_http_body_etag(const struct assay_http_body *body) {
    struct assay_http_body *b = (struct assay_http_body *)(uintptr_t)body; /* made late, but seen from outside it never changes */
    if (atomic_load(&b->has_etag)) return b->etag;
    pthread_mutex_lock(&b->lock);
    if (!atomic_load(&b->has_etag)) make_etag(b);
    pthread_mutex_unlock(&b->lock);
    return b->etag;
}

static void make_gzip(struct assay_http_body *body) {
    z_stream z = {0};
    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort(); /* only for want of memory */
    uLong bound = deflateBound(&z, body->bytes.n);
    body->gzip = assay_xmalloc(bound);
    z.next_in = (Bytef *)(uintptr_t)body->bytes.p;
    z.next_out = (Bytef *)body->gzip;
    /* zlib counts in unsigned int; bodies beyond 4 GiB are fed in pieces. */
    size_t in = body->bytes.n, out = bound;
    int rc = Z_OK;
    while (rc == Z_OK) {
        uInt some_in = in > UINT32_MAX ? UINT32_MAX : (uInt)in, some_out = out > UINT32_MAX ? UINT32_MAX : (uInt)out;
        z.avail_in = some_in;
        z.avail_out = some_out;
        rc = deflate(&z, some_in == in ? Z_FINISH : Z_NO_FLUSH);
        in -= some_in - z.avail_in;
        out -= some_out - z.avail_out;
    }
    deflateEnd(&z);
    if (rc != Z_STREAM_END) abort(); /* deflateBound says it fits */
    body->gzip_size = bound - out;
    body->gzip = assay_xrealloc(body->gzip, body->gzip_size);
    atomic_store(&body->has_gzip, true);
}

struct assay_str assay_http_body_gzip(struct assay_http_body *body) {
    if (!atomic_load(&body->has_gzip)) {
        pthread_mutex_lock(&body->lock);
        if (!atomic_load(&body->has_gzip)) make_gzip(body);
        pthread_mutex_unlock(&body->lock);
    }
    return (struct assay_str){body->gzip, body->gzip_size};
}

size_t assay_http_body_footprint(const struct assay_http_body *body) {
    size_t gzip = atomic_load(&body->has_gzip) ? body->gzip_size : 0;
    return sizeof *body + (body->owned ? body->bytes.n : 0) + gzip;
}

bool assay_http_body_has_gzip(const struct assay_http_body *body) { return atomic_load(&body->has_gzip); }
