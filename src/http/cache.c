/* cache.c -- replies kept in memory: a poll is answered on the HTTP thread, from bytes that are there, without database or
 * worker.
 *
 * An entry is a whole successful reply to a GET: its body (with the ETag, and the gzip form once it was wanted) and the
 * headers its handler set. Its key is what was asked: route, variables, parameters, representation, and whose view it is.
 * Its tag, taken before the reply was worked out, says what that rests on; the entry is good while the tag is still the
 * one that holds now (http.h). So nothing is ever taken back from here: what changed is not found any more, and goes when
 * it is replaced or has not been used for longest.
 *
 * One lock, held for a lookup or for moving a few pointers. Must not know what tags mean. */
#include <stdlib.h>
#include <sys/random.h>

#include "internal.h"

#define BUCKETS_MIN ((size_t)64)
#define BUCKETS_MAX ((size_t)65536)
#define ENTRY_TYPICAL ((size_t)1024) /* bytes, for the number of buckets */
#define ENTRY_SHARE 4                /* a reply larger than this part of the cache is not kept */

struct entry {
    struct entry *chain, *newer, *older;
    atomic_uint refs;
    uint64_t hash;
    struct assay_str key;
    struct assay_http_tag tag;
    struct assay_http_body *body;
    size_t own, charged; /* its own bytes; those it counts for with its body, whose gzip form may come later */
    const char *content_type, *etag;
    size_t n_headers;
    struct assay_http_field *headers;
    _Alignas(struct assay_http_field) char text[]; /* the headers, then all text of the above */
};

struct assay_http_cache {
    pthread_mutex_t lock;
    size_t limit, n_buckets;
    uint64_t seed; /* keys are what clients ask: nobody shall choose those that meet in a bucket */
    struct entry **buckets;
    struct entry *newest, *oldest;
    struct assay_http_cache_stats stats;
    struct assay_metrics *metrics;
};

/* --- beginning and end ----------------------------------------------------------------------------------------------- */

#define READER(member)                                              \
    static double read_##member(void *arg) {                        \
        struct assay_http_cache_stats s;                            \
        assay_http_cache_stats((struct assay_http_cache *)arg, &s); \
        return (double)s.member;                                    \
    }
READER(hits)
READER(misses)
READER(not_modified)
READER(evictions)
READER(entries)
READER(bytes)

static void add_meters(struct assay_http_cache *c) {
    struct assay_metrics *m = c->metrics;
    if (!m) return;
    assay_metrics_reader(m, "assay_http_cache_hits_total", NULL, "Requests answered from kept replies.", true, read_hits, c);
    assay_metrics_reader(m, "assay_http_cache_misses_total", NULL, "Requests whose reply may be kept, and was worked out.", true,
                         read_misses, c);
    assay_metrics_reader(m, "assay_http_cache_not_modified_total", NULL, "Hits that were answered 304.", true, read_not_modified,
                         c);
    assay_metrics_reader(m, "assay_http_cache_evictions_total", NULL, "Kept replies that made room for others.", true,
                         read_evictions, c);
    assay_metrics_reader(m, "assay_http_cache_entries", NULL, "Replies kept.", false, read_entries, c);
    assay_metrics_reader(m, "assay_http_cache_bytes", NULL, "Bytes of replies kept.", false, read_bytes, c);
}

struct assay_http_cache *assay_http_cache_new(size_t bytes, struct assay_metrics *metrics) {
    struct assay_http_cache *c = assay_xcalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->limit = bytes;
    c->metrics = metrics;
    for (c->n_buckets = BUCKETS_MIN; c->n_buckets < bytes / ENTRY_TYPICAL && c->n_buckets < BUCKETS_MAX;) c->n_buckets *= 2;
    c->buckets = assay_xcalloc(c->n_buckets, sizeof(struct entry *));
    if (getrandom(&c->seed, sizeof c->seed, 0) != (ssize_t)sizeof c->seed) c->seed = (uint64_t)assay_clock_monotonic_us();
    add_meters(c);
    return c;
}

static void unref(struct entry *e) {
    if (atomic_fetch_sub(&e->refs, 1) != 1) return;
    assay_http_body_unref(e->body);
    free(e);
}

void assay_http_cache_free(struct assay_http_cache *c) {
    if (!c) return;
    if (c->metrics) assay_metrics_forget(c->metrics, c);
    for (struct entry *e = c->newest, *next; e; e = next) {
        next = e->older;
        unref(e);
    }
    pthread_mutex_destroy(&c->lock);
    free(c->buckets);
    free(c);
}

void assay_http_cache_stats(struct assay_http_cache *c, struct assay_http_cache_stats *out) {
    pthread_mutex_lock(&c->lock);
    *out = c->stats;
    pthread_mutex_unlock(&c->lock);
}

/* --- entries, with the lock held ----------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct assay_http_cache *c, struct assay_str key) {
    uint64_t h = c->seed;
    for (size_t i = 0; i < key.n; i++) h = (h ^ (unsigned char)key.p[i]) * UINT64_C(0x9E3779B97F4A7C15), h ^= h >> 29;
    return h;
}

static struct entry **find(struct assay_http_cache *c, uint64_t hash, struct assay_str key) {
    struct entry **at = &c->buckets[hash & (c->n_buckets - 1)];
    while (*at && !((*at)->hash == hash && assay_str_eq((*at)->key, key))) at = &(*at)->chain;
    return at;
}

static void unlink_entry(struct assay_http_cache *c, struct entry *e) {
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void push_newest(struct assay_http_cache *c, struct entry *e) {
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(struct assay_http_cache *c, struct entry **at) {
    struct entry *e = *at;
    *at = e->chain;
    unlink_entry(c, e);
    c->stats.entries--;
    c->stats.bytes -= e->charged;
    unref(e);
}

static void make_room(struct assay_http_cache *c) {
    while (c->stats.bytes > c->limit) {
        struct entry **at = find(c, c->oldest->hash, c->oldest->key);
        if (!*at) abort(); /* each that is linked is in its bucket */
        drop(c, at);
        c->stats.evictions++;
    }
}

static void charge(struct assay_http_cache *c, struct entry *e, size_t bytes) {
    c->stats.bytes += bytes - e->charged;
    e->charged = bytes;
}

static size_t footprint(const struct entry *e) { return e->own + assay_http_body_footprint(e->body); }

/* --- keys ------------------------------------------------------------------------------------------------------------------ */

static void add_part(struct assay_buf *b, struct assay_str s) {
    uint32_t n = (uint32_t)s.n;
    assay_buf_add(b, &n, sizeof n);
    assay_buf_add(b, s.p, s.n);
}

static int by_name(const void *x, const void *y) {
    return assay_str_cmp(((const struct assay_http_named *)x)->name, ((const struct assay_http_named *)y)->name);
}

/* What is asked, however it was spelt: decoded, parameters by name. */
static struct assay_str make_key(struct assay_http_exchange *x, uint64_t audience) {
    struct assay_buf b = {0};
    struct assay_http_named params[ASSAY_HTTP_PARAMS_MAX];
    memcpy(params, x->params, x->n_params * sizeof *params);
    if (x->n_params > 1) qsort(params, x->n_params, sizeof *params, by_name);
    add_part(&b, assay_str_c(x->pub.route->name));
    assay_buf_add(&b, &audience, sizeof audience);
    assay_buf_add(&b, &x->pub.produce, sizeof x->pub.produce);
    for (size_t i = 0; i < ASSAY_HTTP_VARS_MAX && x->pub.vars[i].p; i++) add_part(&b, x->pub.vars[i]);
    for (size_t i = 0; i < x->n_params; i++) add_part(&b, params[i].name), add_part(&b, params[i].value);
    struct assay_str key = assay_arena_dup(&x->arena, assay_buf_str(&b));
    assay_buf_free(&b);
    return key;
}

/* --- recalling -------------------------------------------------------------------------------------------------------------- */

static bool same_tag(const struct assay_http_tag *a, const struct assay_http_tag *b) {
    return a->audience == b->audience && a->config == b->config && a->data == b->data;
}

static void reply_with(struct assay_http_exchange *x, const struct entry *e) {
    assay_http_reply_body(&x->pub, 200, e->content_type ? assay_arena_dup(&x->arena, assay_str_c(e->content_type)).p : NULL,
                          assay_http_body_ref(e->body));
    if (e->etag) assay_http_reply_etag(&x->pub, e->etag);
    for (size_t i = 0; i < e->n_headers; i++) assay_http_reply_header(&x->pub, e->headers[i].name, e->headers[i].value);
}

bool assay_http_recall(struct assay_http_exchange *x, bool last) {
    const struct assay_http_config *conf = &x->site->c;
    struct assay_http_cache *c = conf->cache;
    x->keep = c && c->limit && x->pub.route->scope && conf->tag && conf->tag(&x->pub, &x->tag);
    if (!x->keep) return false;
    if (!x->key.p) x->key = make_key(x, x->tag.audience);
    bool fresh = assay_http_no_cache(&x->pub);
    uint64_t hash = hash_of(c, x->key);
    pthread_mutex_lock(&c->lock);
    struct entry *e = fresh ? NULL : *find(c, hash, x->key);
    if (e && !same_tag(&e->tag, &x->tag)) e = NULL;
    if (e) {
        atomic_fetch_add(&e->refs, 1);
        unlink_entry(c, e);
        push_newest(c, e);
        charge(c, e, footprint(e));
        make_room(c);
        c->stats.hits++;
    } else if (last) {
        c->stats.misses++;
    }
    pthread_mutex_unlock(&c->lock);
    if (!e) return false;
    reply_with(x, e);
    unref(e);
    x->recalled = true;
    return true;
}

void assay_http_recalled_not_modified(const struct assay_http_exchange *x) {
    struct assay_http_cache *c = x->site->c.cache;
    pthread_mutex_lock(&c->lock);
    c->stats.not_modified++;
    pthread_mutex_unlock(&c->lock);
}

/* --- keeping ---------------------------------------------------------------------------------------------------------------- */

static const char *put_text(char **at, struct assay_str s) {
    char *p = *at;
    memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    *at += s.n + 1;
    return p;
}

static const char *put_text_c(char **at, const char *s) { return s ? put_text(at, assay_str_c(s)) : NULL; }

static struct entry *entry_of(const struct assay_http_exchange *x, uint64_t hash) {
    const struct assay_http_reply *reply = &x->reply;
    size_t n_headers = 0, text = x->key.n + 1;
    for (const struct assay_http_header *h = reply->headers; h; h = h->next)
        n_headers++, text += strlen(h->name) + strlen(h->value) + 2;
    if (reply->content_type) text += strlen(reply->content_type) + 1;
    if (reply->etag) text += strlen(reply->etag) + 1;
    size_t fields = n_headers * sizeof(struct assay_http_field);
    struct entry *e = assay_xcalloc(1, sizeof *e + fields + text);
    char *at = e->text + fields;
    atomic_init(&e->refs, 1);
    e->own = sizeof *e + fields + text;
    e->hash = hash;
    e->tag = x->tag;
    e->body = assay_http_body_ref(reply->body);
    e->key = (struct assay_str){put_text(&at, x->key), x->key.n};
    e->content_type = put_text_c(&at, reply->content_type);
    e->etag = put_text_c(&at, reply->etag);
    e->headers = (struct assay_http_field *)(void *)e->text;
    for (const struct assay_http_header *h = reply->headers; h; h = h->next) {
        struct assay_http_field *f = &e->headers[e->n_headers++];
        f->name = put_text_c(&at, h->name);
        f->value = put_text_c(&at, h->value);
    }
    return e;
}

/* Of two who worked out the same thing at once, the later tag stays. */
static bool is_older(const struct assay_http_tag *a, const struct assay_http_tag *b) {
    return a->config <= b->config && a->data <= b->data;
}

void assay_http_remember(struct assay_http_exchange *x) {
    struct assay_http_cache *c = x->site->c.cache;
    struct entry *e = entry_of(x, hash_of(c, x->key));
    pthread_mutex_lock(&c->lock);
    struct entry **at = find(c, e->hash, e->key);
    bool keep = footprint(e) <= c->limit / ENTRY_SHARE && (!*at || is_older(&(*at)->tag, &e->tag));
    if (keep) {
        if (*at) drop(c, at);
        struct entry **bucket = &c->buckets[e->hash & (c->n_buckets - 1)];
        e->chain = *bucket;
        *bucket = e;
        push_newest(c, e);
        c->stats.entries++;
        charge(c, e, footprint(e));
        make_room(c);
    }
    pthread_mutex_unlock(&c->lock);
    if (!keep) unref(e);
}

/* --- on a worker ------------------------------------------------------------------------------------------------------------ */

bool assay_http_wants_renewal(const struct assay_http_exchange *x) {
    const struct assay_http_route *route = x->pub.route;
    bool kind = route->method == ASSAY_HTTP_GET && !(route->flags & ASSAY_HTTP_VOLATILE);
    return kind && x->site->c.renew && assay_http_no_cache(&x->pub);
}

bool assay_http_forestall(struct assay_http_exchange *x, void *worker) {
    struct assay_error e = {0};
    enum assay_status st = assay_http_wants_renewal(x) ? x->site->c.renew(&x->pub, worker, &e) : ASSAY_OK;
    if (st) assay_http_reply_problem(&x->pub, st, &e);
    /* Others may have worked it out while this one waited for a worker. */
    return st || x->recalled || assay_http_recall(x, true);
}
