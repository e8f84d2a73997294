/* spool.c -- external merge sort of staged records, and of the hashes of their ids. */

#include "service/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A staged record: this header, then the texts one behind the other. */
struct entry {
    uint32_t size; /* with header, a multiple of 8 */
    uint8_t kind, type, target_kind, party, n_provider, n_id, n_order, n_target;
    uint16_t flags;
    uint32_t n_content, n_packed, n_original, unused;
    int64_t at, received_at, upload_id, line;
};
#define HAS_ORDER 1
#define HAS_TARGET 2
#define FOREIGN 4

/* An id seen: which lines gave it, with which order. */
struct seen {
    uint64_t id_hash, order_hash;
    int64_t line;
};

#define READ_BUFFER ((size_t)64 << 10)
struct run {         /* of either kind, in the file */
    int64_t at, end; /* what is left to read */
    char *buf;
    size_t pos, n;
};

struct assay_spool {
    const char *dir;
    size_t run_bytes;
    int fd;
    int64_t written;
    _Atomic int64_t *staged; /* what all spools have written; NULL */
    /* the run being gathered */
    char *bytes;
    size_t used;
    uint32_t *offsets; /* of entries, in units of 8 bytes */
    size_t n, cap;
    struct seen *seen;
    size_t cap_seen;
    /* finished runs */
    struct run *runs, *seen_runs;
    size_t n_runs;
    bool spilled, sorted;
    size_t next;  /* reading from memory: position in offsets */
    size_t *heap; /* reading from runs: indices into runs */
    size_t heap_n;
    int64_t *late; /* lines that must wait, ascending */
    size_t n_late, cap_late;
    struct assay_item *held; /* those, as they come by */
    struct assay_arena held_arena;
    size_t n_held, next_held;
    struct assay_buf scratch;
};

struct assay_spool *assay_spool_new(const char *dir, size_t run_bytes, _Atomic int64_t *staged) {
    struct assay_spool *s = assay_xcalloc(1, sizeof *s);
    s->dir = dir;
    s->run_bytes = run_bytes;
    s->staged = staged;
    s->fd = -1;
    return s;
}

void assay_spool_free(struct assay_spool *s) {
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    if (s->staged) *s->staged -= s->written;
    for (size_t i = 0; i < s->n_runs; i++) free(s->runs[i].buf), free(s->seen_runs[i].buf);
    free(s->runs);
    free(s->seen_runs);
    free(s->bytes);
    free(s->offsets);
    free(s->seen);
    free(s->heap);
    free(s->late);
    free(s->held);
    assay_arena_free(&s->held_arena);
    assay_buf_free(&s->scratch);
    free(s);
}

size_t assay_spool_bytes(const struct assay_spool *s) { return (size_t)s->written; }

/* --- order --------------------------------------------------------------------------------------------------------------- */

static const struct entry *entry_at(const struct assay_spool *s, uint32_t offset) {
    return (const struct entry *)(const void *)(s->bytes + (size_t)offset * 8);
}
static struct assay_str provider_of(const struct entry *x) { return (struct assay_str){(const char *)(x + 1), x->n_provider}; }
static struct assay_str order_of(const struct entry *x) {
    return (struct assay_str){(const char *)(x + 1) + x->n_provider, x->n_order};
}

static int entry_cmp(const struct entry *a, const struct entry *b) {
    int c = assay_str_cmp(provider_of(a), provider_of(b));
    if (!c) c = assay_str_cmp(order_of(a), order_of(b));
    return c ? c : (a->line > b->line) - (a->line < b->line);
}

static int by_entry(const void *x, const void *y, void *spool) {
    return entry_cmp(entry_at(spool, *(const uint32_t *)x), entry_at(spool, *(const uint32_t *)y));
}

static int by_seen(const void *x, const void *y) {
    const struct seen *a = x, *b = y;
    if (a->id_hash != b->id_hash) return a->id_hash < b->id_hash ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* FNV-1a, finished by a multiplicative mix; what is absent is as what is empty. A collision only makes a record wait until the end of its upload. */
static uint64_t hash_of(uint64_t h, const char *p, size_t n) {
    for (size_t i = 0; p && i < n; i++) h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    return h * UINT64_C(0x9e3779b97f4a7c15);
}

/* --- writing --------------------------------------------------------------------------------------------------------------- */

static enum assay_status open_file(struct assay_spool *s, struct assay_error *e) {
    s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd >= 0) return ASSAY_OK;
    /* A file system without O_TMPFILE: a name for a moment. */
    struct assay_buf path = {0};
    assay_buf_printf(&path, "%s/assay-spool-XXXXXX", s->dir);
    s->fd = mkostemp(path.p, O_CLOEXEC);
    if (s->fd >= 0) unlink(path.p);
    enum assay_status st = s->fd >= 0 ? ASSAY_OK
                                      : assay_fail(e, ASSAY_IO, "", "cannot stage the upload in %s: %s", s->dir, strerror(errno));
    assay_buf_free(&path);
    return st;
}

static enum assay_status write_all(struct assay_spool *s, const void *p, size_t n, struct assay_error *e) {
    for (const char *c = p; n > 0;) {
        ssize_t w = write(s->fd, c, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) return assay_fail(e, ASSAY_IO, "", "cannot stage the upload in %s: %s", s->dir, strerror(errno));
        c += w;
        n -= (size_t)w;
        s->written += w;
        if (s->staged) *s->staged += w;
    }
    return ASSAY_OK;
}

static void sort_run(struct assay_spool *s) {
    if (s->n) qsort_r(s->offsets, s->n, sizeof *s->offsets, by_entry, s);
    if (s->n) qsort(s->seen, s->n, sizeof *s->seen, by_seen);
}

static enum assay_status spill(struct assay_spool *s, struct assay_error *e) {
    enum assay_status st = s->fd < 0 ? open_file(s, e) : ASSAY_OK;
    sort_run(s);
    struct run run = {.at = s->written};
    for (size_t i = 0; i < s->n && !st; i++) {
        const struct entry *x = entry_at(s, s->offsets[i]);
        assay_buf_add(&s->scratch, x, x->size);
        if (s->scratch.n >= READ_BUFFER || i + 1 == s->n) {
            st = write_all(s, s->scratch.p, s->scratch.n, e);
            s->scratch.n = 0;
        }
    }
    run.end = s->written;
    struct run seen_run = {.at = s->written};
    if (!st) st = write_all(s, s->seen, s->n * sizeof *s->seen, e);
    seen_run.end = s->written;
    s->runs = assay_xrealloc(s->runs, (s->n_runs + 1) * sizeof *s->runs);
    s->seen_runs = assay_xrealloc(s->seen_runs, (s->n_runs + 1) * sizeof *s->seen_runs);
    s->runs[s->n_runs] = run;
    s->seen_runs[s->n_runs++] = seen_run;
    s->spilled = true;
    s->n = s->used = 0;
    return st;
}

static char *put(char *p, struct assay_str s) {
    if (s.p && s.n) memcpy(p, s.p, s.n);
    return p + s.n;
}

enum assay_status assay_spool_add(struct assay_spool *s, const struct assay_item *it, struct assay_error *e) {
    size_t size = sizeof(struct entry) + it->provider.n + it->order.n + it->id.n + it->target.n + it->content.n + it->packed.n +
                  it->original.n;
    size = (size + 7) & ~(size_t)7;
    if (s->used + size > s->run_bytes && s->n > 0) {
        enum assay_status st = spill(s, e);
        if (st) return st;
    }
    if (!s->bytes || size > s->run_bytes) {
        if (size > s->run_bytes) s->run_bytes = size;
        s->bytes = assay_xrealloc(s->bytes, s->run_bytes);
    }
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 1024;
        s->offsets = assay_xrealloc(s->offsets, s->cap * sizeof *s->offsets);
        s->seen = assay_xrealloc(s->seen, s->cap * sizeof *s->seen);
    }
    struct entry *x = (struct entry *)(void *)(s->bytes + s->used);
    *x = (struct entry){
        .size = (uint32_t)size,
        .kind = (uint8_t)it->kind,
        .type = (uint8_t)it->type,
        .target_kind = (uint8_t)it->target_kind,
        .party = (uint8_t)it->party,
        .n_provider = (uint8_t)it->provider.n,
        .n_id = (uint8_t)it->id.n,
        .n_order = (uint8_t)it->order.n,
        .n_target = (uint8_t)it->target.n,
        .flags = (uint16_t)((it->order.p ? HAS_ORDER : 0) | (it->target.p ? HAS_TARGET : 0) | (it->foreign ? FOREIGN : 0)),
        .n_content = (uint32_t)it->content.n,
        .n_packed = (uint32_t)it->packed.n,
        .n_original = (uint32_t)it->original.n,
        .at = it->at,
        .received_at = it->received_at,
        .upload_id = it->upload_id,
        .line = it->line};
    char *p = put(put((char *)(x + 1), it->provider), it->order);
    put(put(put(put(put(p, it->id), it->target), it->content), it->packed), it->original);
    uint64_t h = hash_of(UINT64_C(0xcbf29ce484222325) + x->kind, it->provider.p, it->provider.n);
    s->seen[s->n] = (struct seen){.id_hash = hash_of(h, it->id.p, it->id.n),
                                  .order_hash = hash_of(x->flags & HAS_ORDER, it->order.p, it->order.n),
                                  .line = it->line};
    s->offsets[s->n++] = (uint32_t)(s->used / 8);
    s->used += size;
    return ASSAY_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */

/* At least want bytes of the run at its position, or what is left of it. */
static enum assay_status fill(struct assay_spool *s, struct run *r, size_t want, struct assay_error *e) {
    if (r->n - r->pos >= want || r->at == r->end) return ASSAY_OK;
    size_t kept = r->n - r->pos, cap = want > READ_BUFFER ? want : READ_BUFFER;
    if (!r->buf || cap > READ_BUFFER) {
        char *b = assay_xmalloc(cap);
        if (r->buf && kept) memcpy(b, r->buf + r->pos, kept);
        free(r->buf);
        r->buf = b;
    } else if (kept) {
        memmove(r->buf, r->buf + r->pos, kept);
    }
    r->pos = 0;
    r->n = kept;
    while (r->n < cap && r->at < r->end) {
        size_t n = cap - r->n;
        if ((int64_t)n > r->end - r->at) n = (size_t)(r->end - r->at);
        ssize_t got = pread(s->fd, r->buf + r->n, n, r->at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return assay_fail(e, ASSAY_IO, "", "cannot read the staged upload: %s",
                              got < 0 ? strerror(errno) : "it is shorter than what was written");
        r->n += (size_t)got;
        r->at += got;
    }
    return ASSAY_OK;
}

static enum assay_status peek_entry(struct assay_spool *s, struct run *r, const struct entry **out, struct assay_error *e) {
    *out = NULL;
    enum assay_status st = fill(s, r, sizeof(struct entry), e);
    if (st || r->n == r->pos) return st;
    uint32_t size;
    memcpy(&size, r->buf + r->pos, sizeof size);
    if ((st = fill(s, r, size, e))) return st;
    *out = (const struct entry *)(const void *)(r->buf + r->pos);
    return ASSAY_OK;
}

static bool run_before(const struct assay_spool *s, size_t a, size_t b) {
    const struct run *x = &s->runs[a], *y = &s->runs[b];
    return entry_cmp((const struct entry *)(const void *)(x->buf + x->pos),
                     (const struct entry *)(const void *)(y->buf + y->pos)) < 0;
}

static void sift_down(struct assay_spool *s, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < s->heap_n; c++)
            if (run_before(s, s->heap[c], s->heap[least])) least = c;
        if (least == i) return;
        size_t t = s->heap[i];
        s->heap[i] = s->heap[least];
        s->heap[least] = t;
        i = least;
    }
}

/* Held in memory until the end: a file that repeats more ids with other orders than this is refused. */
#define LATE_MAX 100000

static void note_late(struct assay_spool *s, int64_t line) {
    if (s->n_late > LATE_MAX) return;
    if (s->n_late == s->cap_late) {
        s->cap_late = s->cap_late ? 2 * s->cap_late : 64;
        s->late = assay_xrealloc(s->late, s->cap_late * sizeof *s->late);
    }
    s->late[s->n_late++] = line;
}

/* Of each id in turn, by line: those whose order is not the first line's must wait. */
struct same_id {
    struct seen first;
    bool any;
};
static void take_seen(struct assay_spool *s, struct same_id *same, const struct seen *x) {
    if (!same->any || same->first.id_hash != x->id_hash) {
        same->first = *x;
        same->any = true;
    } else if (same->first.order_hash != x->order_hash) {
        note_late(s, x->line);
    }
}

static enum assay_status merge_seen(struct assay_spool *s, struct assay_error *e) {
    struct same_id same = {.any = false};
    /* Runs are few (one per upload_run_bytes), so the least is found by looking at each. */
    for (;;) {
        const struct seen *least = NULL;
        struct run *from = NULL;
        for (size_t i = 0; i < s->n_runs; i++) {
            struct run *r = &s->seen_runs[i];
            enum assay_status st = fill(s, r, sizeof *least, e);
            if (st) return st;
            if (r->n == r->pos) continue;
            const struct seen *x = (const struct seen *)(const void *)(r->buf + r->pos);
            if (!least || by_seen(x, least) < 0) least = x, from = r;
        }
        if (!least) return ASSAY_OK;
        take_seen(s, &same, least);
        from->pos += sizeof *least;
    }
}

static int by_line(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

enum assay_status assay_spool_sort(struct assay_spool *s, struct assay_error *e) {
    enum assay_status st = ASSAY_OK;
    s->sorted = true;
    if (!s->spilled) {
        struct same_id same = {.any = false};
        sort_run(s);
        for (size_t i = 0; i < s->n; i++) take_seen(s, &same, &s->seen[i]);
    } else {
        if (s->n) st = spill(s, e);
        free(s->bytes), free(s->seen), free(s->offsets);
        s->bytes = NULL, s->seen = NULL, s->offsets = NULL;
        if (!st) st = merge_seen(s, e);
        s->heap = assay_xcalloc(s->n_runs, sizeof *s->heap);
        for (size_t i = 0; i < s->n_runs && !st; i++) {
            const struct entry *x;
            st = peek_entry(s, &s->runs[i], &x, e);
            if (!st && x) s->heap[s->heap_n++] = i;
        }
        for (size_t i = s->heap_n; i-- > 0 && !st;) sift_down(s, i);
    }
    if (s->n_late > LATE_MAX)
        return assay_fail(e, ASSAY_TOO_LARGE, "", "more than %d records repeat the id of a record of another order", LATE_MAX);
    if (s->n_late) qsort(s->late, s->n_late, sizeof *s->late, by_line);
    s->held = assay_xcalloc(s->n_late, sizeof *s->held);
    return st;
}

static void item_of(const struct entry *x, struct assay_arena *a, struct assay_item *out) {
    struct assay_str all = assay_arena_dup(a, (struct assay_str){(const char *)(x + 1), x->size - sizeof *x});
    const char *p = all.p;
#define TAKE(field, length) out->field = (struct assay_str){p, length}, p += length
    memset(out, 0, sizeof *out);
    TAKE(provider, x->n_provider);
    TAKE(order, x->n_order);
    TAKE(id, x->n_id);
    TAKE(target, x->n_target);
    TAKE(content, x->n_content);
    TAKE(packed, x->n_packed);
    TAKE(original, x->n_original);
#undef TAKE
    if (!(x->flags & HAS_ORDER)) out->order = ASSAY_STR_NONE;
    if (!(x->flags & HAS_TARGET)) out->target = ASSAY_STR_NONE;
    if (!x->n_original) out->original = ASSAY_STR_NONE;
    out->foreign = x->flags & FOREIGN;
    out->kind = x->kind, out->type = x->type, out->target_kind = x->target_kind, out->party = x->party;
    out->at = x->at, out->received_at = x->received_at, out->upload_id = x->upload_id, out->line = x->line;
}

static enum assay_status next_sorted(struct assay_spool *s, struct assay_arena *a, struct assay_item *out, bool *end,
                                     struct assay_error *e) {
    *end = false;
    if (!s->spilled) {
        if (s->next == s->n) *end = true;
        else item_of(entry_at(s, s->offsets[s->next++]), a, out);
        return ASSAY_OK;
    }
    if (s->heap_n == 0) {
        *end = true;
        return ASSAY_OK;
    }
    struct run *r = &s->runs[s->heap[0]];
    const struct entry *x = (const struct entry *)(const void *)(r->buf + r->pos);
    item_of(x, a, out);
    r->pos += x->size;
    enum assay_status st = peek_entry(s, r, &x, e);
    if (st) return st;
    if (!x) s->heap[0] = s->heap[--s->heap_n];
    sift_down(s, 0);
    return ASSAY_OK;
}

static int by_item_line(const void *x, const void *y) {
    const struct assay_item *a = x, *b = y;
    return (a->line > b->line) - (a->line < b->line);
}

enum assay_status assay_spool_next(struct assay_spool *s, struct assay_arena *a, struct assay_item *out, bool *end,
                                   struct assay_error *e) {
    for (;;) {
        enum assay_status st = next_sorted(s, a, out, end, e);
        if (st) return st;
        if (*end) break;
        bool late = s->n_late && bsearch(&out->line, s->late, s->n_late, sizeof *s->late, by_line);
        if (!late) return ASSAY_OK;
        out->late = true;
        s->held[s->n_held++] = assay_item_dup(out, &s->held_arena);
    }
    if (s->next_held == 0 && s->n_held) qsort(s->held, s->n_held, sizeof *s->held, by_item_line);
    if (s->next_held < s->n_held) {
        *out = s->held[s->next_held++];
        *end = false;
    }
    return ASSAY_OK;
}
