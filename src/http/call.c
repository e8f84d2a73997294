/* call.c -- the transport without a socket: a request runs through the same stages on the caller's thread. For tests of
 * handlers, and of the contract. */
#include <stdlib.h>

#include "internal.h"

static void completed(struct assay_http_exchange *x) {
    pthread_mutex_lock(&x->lock);
    x->done = true;
    pthread_cond_signal(&x->moved);
    pthread_mutex_unlock(&x->lock);
    assay_http_exchange_unref(x);
}

static bool again(struct assay_http_exchange *x) {
    pthread_mutex_lock(&x->lock);
    x->reserved = true; /* a place with the one worker there is: the caller's thread */
    pthread_cond_signal(&x->moved);
    pthread_mutex_unlock(&x->lock);
    return true;
}

static void take_headers(struct assay_http_exchange *x, const struct assay_http_call *call) {
    for (const struct assay_http_field *f = call->headers; f && f->name; f++)
        if (!assay_http_header_in(x, assay_str_c(f->name), assay_str_c(f->value)))
            x->bad_head = "A header field is malformed or given twice";
    if (call->body.n > 0 && !x->pub.headers.content_length.p)
        x->pub.headers.content_length = assay_str_c(assay_arena_printf(&x->arena, "%zu", call->body.n));
}

static void run(struct assay_http_exchange *x, void *worker) {
    const struct assay_http_route *route = x->pub.route;
    if (assay_http_forestall(x, worker)) {
        assay_http_finish(x);
        return;
    }
    assay_http_exchange_ref(x);
    for (bool over = false; !over;) {
        if (route->handler(&x->pub, worker) == ASSAY_HTTP_DONE) assay_http_complete(&x->pub);
        pthread_mutex_lock(&x->lock);
        while (!x->done && !x->reserved) pthread_cond_wait(&x->moved, &x->lock);
        x->reserved = false;
        over = x->done;
        pthread_mutex_unlock(&x->lock);
    }
}

static void tell(const struct assay_http_exchange *x, struct assay_http_result *out) {
    out->status = x->reply.status;
    for (const struct assay_http_header *h = x->reply.headers; h; h = h->next)
        assay_buf_printf(&out->head, "%s: %s\r\n", h->name, h->value);
    assay_buf_printf(&out->head, "Content-Length: %zu\r\n", x->reply.bytes.n);
    if (x->pub.method != ASSAY_HTTP_HEAD) assay_buf_add(&out->body, x->reply.bytes.p, x->reply.bytes.n);
}

void assay_http_call(const struct assay_http_config *c, const struct assay_http_call *call, void *worker,
                     struct assay_http_result *out) {
    struct assay_http_site *site;
    *out = (struct assay_http_result){0};
    if (assay_http_site_new(c, &site, NULL)) {
        out->status = 500;
        return;
    }
    struct assay_http_exchange *x = assay_http_exchange_new(site);
    x->completed = completed;
    x->again = again;
    x->pub.method = assay_http_method_parse(call->method);
    x->pub.received_at = call->received_at ? call->received_at : assay_clock_now();
    assay_http_target(x, assay_str_c(call->target));
    take_headers(x, call);
    if (assay_http_admit(x, 0, call->body.n > 0)) {
        if (call->body.n > 0) x->pub.body = call->body;
        run(x, worker);
    } else {
        assay_http_finish(x);
    }
    tell(x, out);
    assay_http_exchange_unref(x);
    assay_http_site_unref(site);
}

void assay_http_result_free(struct assay_http_result *r) {
    assay_buf_free(&r->head);
    assay_buf_free(&r->body);
}
