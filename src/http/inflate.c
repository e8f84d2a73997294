/* inflate.c -- bodies sent with Content-Encoding: gzip, inflated as they are read, within bounds of size and ratio. What is
 * damaged or ends early is an error and never the end of the body, so that nothing is lost in silence. */
#include <stdlib.h>
#include <zlib.h>

#include "http/app.h"

#define INPUT ((size_t)64 * 1024)
#define RATIO_GRACE ((uint64_t)1 << 20) /* small bodies may be as dense as they like */

struct assay_inflate {
    struct assay_http_request *r;
    bool gzip, between; /* between members: here it may end */
    uint64_t in, out, most, ratio;
    z_stream z;
    unsigned char input[INPUT];
};

struct assay_inflate *assay_inflate_new(struct assay_http_request *r, uint64_t most) {
    const struct assay_app *app = r->app;
    struct assay_inflate *z = assay_xmalloc(sizeof *z);
    memset(z, 0, offsetof(struct assay_inflate, input));
    z->r = r;
    z->most = most;
    z->ratio = app->inflate_ratio ? app->inflate_ratio : ASSAY_INFLATE_RATIO;
    z->gzip = r->gzip_body;
    /* 16: with the header and the checksum of gzip. It fails for want of memory only. */
    if (z->gzip && inflateInit2(&z->z, 16 + MAX_WBITS) != Z_OK) abort();
    return z;
}

void assay_inflate_free(struct assay_inflate *z) {
    if (z && z->gzip) inflateEnd(&z->z);
    free(z);
}

static ssize_t fail(struct assay_error *e, enum assay_status st, const char *why) {
    assay_fail(e, st, "", "%s", why);
    return -1;
}

static ssize_t read_plain(struct assay_inflate *z, void *buf, size_t n, struct assay_error *e) {
    ssize_t got = assay_http_read(z->r, buf, n);
    if (got < 0) *e = z->r->body_error;
    return got;
}

/* 1: there is input, 0: the body ends, -1. */
static ssize_t more_input(struct assay_inflate *z, struct assay_error *e) {
    if (z->z.avail_in > 0) return 1;
    ssize_t n = read_plain(z, z->input, sizeof z->input, e);
    if (n <= 0) return n;
    z->in += (uint64_t)n;
    z->z.next_in = z->input;
    z->z.avail_in = (uInt)n;
    return 1;
}

static ssize_t check_bounds(const struct assay_inflate *z, size_t got, struct assay_error *e) {
    if (z->out > z->most) return fail(e, ASSAY_TOO_LARGE, "inflated, the body is larger than is taken here");
    if (z->out > RATIO_GRACE && (z->out - RATIO_GRACE) / z->ratio > z->in)
        return fail(e, ASSAY_TOO_LARGE, "the body inflates to more times its size than is taken");
    return (ssize_t)got;
}

ssize_t assay_inflate_read(struct assay_inflate *z, void *buf, size_t n, struct assay_error *e) {
    if (!z->gzip) return read_plain(z, buf, n, e);
    if (n > INPUT) n = INPUT;
    for (;;) {
        ssize_t input = more_input(z, e);
        if (input < 0) return -1;
        if (input == 0) {
            if (z->between) return 0;
            return fail(e, ASSAY_INVALID_GZIP, "the gzip stream ends early: it was cut off on its way, or is not gzip");
        }
        if (z->between) inflateReset(&z->z), z->between = false; /* one more member */
        z->z.next_out = buf;
        z->z.avail_out = (uInt)n;
        int rc = inflate(&z->z, Z_NO_FLUSH);
        size_t got = n - z->z.avail_out;
        z->out += got;
        if (rc == Z_STREAM_END) z->between = true;
        else if (rc != Z_OK && rc != Z_BUF_ERROR)
            return fail(e, ASSAY_INVALID_GZIP, "the gzip stream is damaged, or is not gzip");
        if (got > 0) return check_bounds(z, got, e);
    }
}

uint64_t assay_app_inflated_bytes(const struct assay_http_request *r) {
    const struct assay_app *app = r->app;
    return app->inflated_bytes ? app->inflated_bytes : ASSAY_INFLATED_BYTES;
}

enum assay_status assay_app_inflate(struct assay_http_request *r, struct assay_error *e) {
    if (!r->gzip_body) return ASSAY_OK;
    struct assay_inflate *z = assay_inflate_new(r, r->route->max_body);
    struct assay_buf whole = {0};
    ssize_t n;
    do {
        assay_buf_reserve(&whole, INPUT);
        n = assay_inflate_read(z, whole.p + whole.n, INPUT, e);
        if (n > 0) whole.n += (size_t)n;
    } while (n > 0);
    assay_inflate_free(z);
    if (n == 0) r->body = assay_arena_dup(r->arena, assay_buf_str(&whole)), r->gzip_body = false;
    assay_buf_free(&whole);
    return n == 0 ? ASSAY_OK : e->status;
}
