/* fuzz_inflate.c -- any bytes as a body sent with Content-Encoding: gzip. The first byte sizes what is read at once, the
 * second chooses the bounds. A body is taken whole or not at all, the same however it is read; it is what zlib makes of its
 * members; it keeps the bounds; and any bytes compressed, in one member or two, come out as they were. */
#include <stdlib.h>
#include <zlib.h>

#include "http/app.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM ((size_t)64 * 1024)
#define GRACE ((uint64_t)1 << 20) /* small bodies may be as dense as they like */

static void must(bool holds) {
    if (!holds) abort();
}

/* How the handler reads, and what came of it. */
static struct reading {
    size_t chunk;
    uint64_t most;
    bool reached, whole;
    enum assay_status status;
    struct assay_buf out;
} reading;

static enum assay_http_flow take(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_error e = {0};
    struct assay_inflate *z = assay_inflate_new(r, reading.most);
    ssize_t n;
    must(r->gzip_body);
    reading.reached = true;
    do {
        assay_buf_reserve(&reading.out, reading.chunk);
        n = assay_inflate_read(z, reading.out.p + reading.out.n, reading.chunk, &e);
        if (n > 0) reading.out.n += (size_t)n;
        must(reading.out.n <= reading.most + reading.chunk);
    } while (n > 0);
    assay_inflate_free(z);
    reading.whole = n == 0;
    reading.status = n == 0 ? ASSAY_OK : e.status;
    must(n == 0 || ((e.status == ASSAY_INVALID_GZIP || e.status == ASSAY_TOO_LARGE) && e.detail[0]));
    struct assay_buf none = {0};
    assay_http_reply(r, 200, "application/json", &none);
    return ASSAY_HTTP_DONE;
}

static void read_body(struct assay_str body, size_t chunk, uint64_t most, uint64_t ratio, struct assay_buf *out) {
    static const char *const accepts[] = {"application/json", NULL};
    static const struct assay_http_route route = {.name = "take",
                                                  .method = ASSAY_HTTP_POST,
                                                  .pattern = "/take",
                                                  .kind = ASSAY_HTTP_WORKER,
                                                  .handler = take,
                                                  .accepts = accepts,
                                                  .max_body = 1 << 20,
                                                  .flags = ASSAY_HTTP_GZIP_BODY};
    static const struct assay_http_field fields[] = {
        {"Host", "a"}, {"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}, {NULL, NULL}};
    struct assay_app app = {.inflate_ratio = ratio};
    struct assay_http_config c;
    struct assay_http_result result;
    assay_http_config_init(&c);
    c.routes = &route;
    c.n_routes = 1;
    c.app = &app;
    struct assay_http_call call = {.method = "POST", .target = "/take", .headers = fields, .body = body, .received_at = 1};
    reading = (struct reading){.chunk = chunk, .most = most};
    assay_http_call(&c, &call, NULL, &result);
    must(reading.reached && result.status == 200);
    assay_http_result_free(&result);
    *out = reading.out;
}

/* What zlib by itself makes of a sequence of members; false where it is none. */
static bool by_zlib(struct assay_str body, size_t most, struct assay_buf *out) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)body.p, .avail_in = (uInt)body.n};
    int rc = Z_STREAM_END;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) abort();
    for (bool first = true; z.avail_in > 0 || first; first = false) {
        if (inflateReset(&z) != Z_OK) abort();
        do {
            assay_buf_reserve(out, ROOM);
            z.next_out = (Bytef *)out->p + out->n;
            z.avail_out = (uInt)ROOM;
            rc = inflate(&z, Z_NO_FLUSH);
            out->n += ROOM - z.avail_out;
        } while (rc == Z_OK && out->n <= most);
        if (rc != Z_STREAM_END) break;
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END;
}

static void compress_member(struct assay_str s, struct assay_buf *out) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)s.p, .avail_in = (uInt)s.n};
    if (deflateInit2(&z, 1, Z_DEFLATED, 16 + 9, 1, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    size_t room = deflateBound(&z, s.n) + 64;
    assay_buf_reserve(out, room);
    z.next_out = (Bytef *)out->p + out->n;
    z.avail_out = (uInt)room;
    must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->n += room - z.avail_out;
    deflateEnd(&z);
}

static void there_and_back(struct assay_str s, size_t chunk) {
    struct assay_buf packed = {0}, out;
    size_t half = chunk % (s.n + 1);
    compress_member((struct assay_str){s.p, half}, &packed);
    compress_member((struct assay_str){s.p + half, s.n - half}, &packed);
    read_body(assay_buf_str(&packed), chunk, s.n, 0, &out);
    must(reading.whole && assay_str_eq(assay_buf_str(&out), s));
    assay_buf_free(&out);
    if (packed.n > 1) { /* cut off anywhere in its last member, it is not taken */
        read_body((struct assay_str){packed.p, packed.n - 1}, chunk, s.n, 0, &out);
        must(!reading.whole);
        assay_buf_free(&out);
    }
    assay_buf_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > ROOM) return 0;
    struct assay_str body = {(const char *)data + 2, size - 2};
    struct assay_buf once, bits, reference = {0};
    size_t chunk = (size_t)data[0] + 1;
    uint64_t most = data[1] & 1 ? 100 : 4 << 20, ratio = data[1] & 2 ? 2 : 0;
    read_body(body, ROOM, most, ratio, &once);
    enum assay_status status = reading.status;
    bool whole = reading.whole;
    must(!whole || once.n <= most);
    must(!whole || once.n <= GRACE + (body.n + 1) * (ratio ? ratio : ASSAY_INFLATE_RATIO));
    if (once.n <= ROOM) { /* megabytes in small bits tell nothing more */
        read_body(body, chunk, most, ratio, &bits);
        must(reading.whole == whole && (!whole || assay_str_eq(assay_buf_str(&bits), assay_buf_str(&once))));
        assay_buf_free(&bits);
    }
    if (status != ASSAY_TOO_LARGE) {
        must(by_zlib(body, most, &reference) == whole);
        must(!whole || assay_str_eq(assay_buf_str(&reference), assay_buf_str(&once)));
    }
    assay_buf_free(&once);
    assay_buf_free(&reference);
    there_and_back(body, chunk);
    return 0;
}
