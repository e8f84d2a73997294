/* keys.c -- the keys of the database, held in memory, and their life: made, used, replaced, revoked.
 *
 * A key that was once known stays in memory until the service ends: who calls with it may be pointed to, and what changes of
 * it (its end, its last use) is atomic. There are thousands of them, not millions. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "service/internal.h"

#define ID_TEXT 22 /* assay_0123456789abcdef */
#define SECRET_BYTES 32
#define DIGEST_BYTES 32
/* The last use is written down when it is so much later than what is written. */
#define USED_EVERY (60 * ASSAY_SECOND)

struct key {
    struct assay_principal who;
    char id[ID_TEXT + 1], *provider;
    unsigned char digest[DIGEST_BYTES];
    _Atomic assay_instant expires_at, revoked_at, used_at; /* NO_INSTANT: never */
    assay_instant written_at;                              /* the watcher's: the last use that the database has */
    bool seen;                                             /* by the load under way */
};
struct assay_keys {
    pthread_rwlock_t lock;     /* of the list */
    pthread_mutex_t load_lock; /* one load at a time */
    struct key **list;         /* by id */
    size_t n, cap;
    _Atomic int64_t revision; /* that was loaded; -1: none */
};

struct assay_keys *assay_keys_new(void) {
    struct assay_keys *k = assay_xcalloc(1, sizeof *k);
    pthread_rwlock_init(&k->lock, NULL);
    pthread_mutex_init(&k->load_lock, NULL);
    atomic_init(&k->revision, -1);
    return k;
}

void assay_keys_free(struct assay_keys *k) {
    if (!k) return;
    for (size_t i = 0; i < k->n; i++) {
        free(k->list[i]->provider);
        free(k->list[i]);
    }
    free(k->list);
    pthread_rwlock_destroy(&k->lock);
    pthread_mutex_destroy(&k->load_lock);
    free(k);
}

/* --- coming in -------------------------------------------------------------------------------------------------------------- */

static void digest_of(struct assay_str key, unsigned char out[DIGEST_BYTES]) {
    if (!EVP_Digest(key.p, key.n, out, NULL, EVP_sha256(), NULL)) abort(); /* only for want of memory */
}

/* With the lock held. The place of the first whose id is not below. */
static size_t place_of(const struct assay_keys *k, struct assay_str id) {
    size_t lo = 0, hi = k->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (assay_str_cmp(assay_str_c(k->list[mid]->id), id) < 0) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static struct key *find(struct assay_keys *k, struct assay_str id) {
    pthread_rwlock_rdlock(&k->lock);
    size_t at = place_of(k, id);
    struct key *x = at < k->n && assay_str_is(id, k->list[at]->id) ? k->list[at] : NULL;
    pthread_rwlock_unlock(&k->lock);
    return x;
}

enum assay_status assay_keys_check(struct assay_service *s, struct assay_str key, assay_instant now,
                                   const struct assay_principal **out, struct assay_error *e) {
    static const unsigned char nobodys[DIGEST_BYTES];
    unsigned char digest[DIGEST_BYTES];
    bool formed = key.n == ASSAY_KEY_TEXT - 1;
    struct key *x = formed ? find(s->keys, (struct assay_str){key.p, ID_TEXT}) : NULL;
    digest_of(formed ? key : ASSAY_STR(""), digest);
    /* As long for a name that nobody has as for one that somebody has. */
    bool same = CRYPTO_memcmp(digest, x ? x->digest : nobodys, DIGEST_BYTES) == 0;
    if (!x || !same) return assay_fail(e, ASSAY_UNAUTHORIZED, "", "the key is not valid");
    if (atomic_load(&x->revoked_at) != ASSAY_NO_INSTANT) return assay_fail(e, ASSAY_UNAUTHORIZED, "", "the key was revoked");
    assay_instant expires = atomic_load(&x->expires_at);
    if (expires != ASSAY_NO_INSTANT && now >= expires) return assay_fail(e, ASSAY_UNAUTHORIZED, "", "the key has expired");
    assay_instant used = atomic_load_explicit(&x->used_at, memory_order_relaxed);
    if (used == ASSAY_NO_INSTANT || now - used >= ASSAY_SECOND) atomic_store_explicit(&x->used_at, now, memory_order_relaxed);
    *out = &x->who;
    return ASSAY_OK;
}

/* --- what the database has --------------------------------------------------------------------------------------------------- */

static struct key *add_key(struct assay_keys *k, size_t at, const struct assay_key_row *row) {
    struct key *x = assay_xcalloc(1, sizeof *x);
    snprintf(x->id, sizeof x->id, "%.*s", ASSAY_STR_ARG(row->key_id));
    memcpy(x->digest, row->digest.p, DIGEST_BYTES);
    if (row->provider.p) x->provider = assay_xstrdup(row->provider.p);
    x->who = (struct assay_principal){.role = row->role,
                                      .id = assay_str_c(x->id),
                                      .provider = x->provider ? assay_str_c(x->provider) : ASSAY_STR_NONE,
                                      .provider_id = row->provider_id};
    atomic_init(&x->used_at, row->last_used_at);
    x->written_at = row->last_used_at;
    if (k->n == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 64;
        k->list = assay_xrealloc(k->list, k->cap * sizeof(struct key *));
    }
    memmove(&k->list[at + 1], &k->list[at], (k->n - at) * sizeof(struct key *));
    k->n++;
    return k->list[at] = x;
}

/* A key whose row makes no sense lets nobody in. */
static bool row_sound(const struct assay_key_row *r) {
    if (r->key_id.n != ID_TEXT || r->digest.n != DIGEST_BYTES || !assay_role_name(r->role)) return false;
    enum assay_binding binding = assay_role_binding(r->role);
    return binding == ASSAY_BOUND_PERHAPS || (binding == ASSAY_BOUND_ALWAYS) == (r->provider.p != NULL);
}

static void take_rows(struct assay_keys *k, const struct assay_key_row *rows, size_t n, assay_instant now) {
    pthread_rwlock_wrlock(&k->lock);
    for (size_t i = 0; i < k->n; i++) k->list[i]->seen = false;
    for (size_t i = 0; i < n; i++) {
        if (!row_sound(&rows[i])) continue;
        size_t at = place_of(k, rows[i].key_id);
        bool known = at < k->n && assay_str_is(rows[i].key_id, k->list[at]->id);
        struct key *x = known ? k->list[at] : add_key(k, at, &rows[i]);
        x->seen = memcmp(x->digest, rows[i].digest.p, DIGEST_BYTES) == 0;
        atomic_store(&x->expires_at, rows[i].expires_at);
        atomic_store(&x->revoked_at, rows[i].revoked_at);
    }
    /* A database that was restored may know less than it did. */
    for (size_t i = 0; i < k->n; i++)
        if (!k->list[i]->seen) atomic_store(&k->list[i]->revoked_at, now);
    pthread_rwlock_unlock(&k->lock);
}

enum assay_status assay_keys_load(struct assay_service *s, struct assay_db *db, struct assay_error *e) {
    struct assay_keys *k = s->keys;
    struct assay_arena a = {0};
    struct assay_key_row *rows;
    size_t n;
    int64_t data, config, revision;
    pthread_mutex_lock(&k->load_lock);
    /* The revision first: rows that are newer than it are loaded once more, never missed. */
    enum assay_status st = assay_store_revision(db, &data, &config, &revision, e);
    if (!st) st = assay_store_keys(db, &a, &rows, &n, e);
    if (!st) {
        take_rows(k, rows, n, assay_service_now(s));
        atomic_store(&k->revision, revision);
    }
    pthread_mutex_unlock(&k->load_lock);
    assay_arena_free(&a);
    return st;
}

enum assay_status assay_keys_look(struct assay_service *s, struct assay_db *db, int64_t revision, struct assay_error *e) {
    return atomic_load(&s->keys->revision) == revision ? ASSAY_OK : assay_keys_load(s, db, e);
}

void assay_keys_note_used(struct assay_service *s, struct assay_db *db, bool all) {
    struct assay_keys *k = s->keys;
    struct assay_arena a = {0};
    struct assay_error ignored;
    size_t n = 0;
    pthread_rwlock_rdlock(&k->lock);
    struct key **used = assay_arena_alloc(&a, (k->n + 1) * sizeof *used);
    struct assay_str *ids = assay_arena_alloc(&a, (k->n + 1) * sizeof *ids);
    assay_instant *at = assay_arena_alloc(&a, (k->n + 1) * sizeof *at);
    for (size_t i = 0; i < k->n; i++) {
        struct key *x = k->list[i];
        assay_instant t = atomic_load_explicit(&x->used_at, memory_order_relaxed);
        if (t == ASSAY_NO_INSTANT) continue;
        bool due = x->written_at == ASSAY_NO_INSTANT || t - x->written_at >= (all ? 1 : USED_EVERY);
        if (due) used[n] = x, ids[n] = assay_str_c(x->id), at[n] = t, n++;
    }
    pthread_rwlock_unlock(&k->lock);
    if (assay_store_keys_used(db, ids, at, n, &ignored) == ASSAY_OK)
        for (size_t i = 0; i < n; i++) used[i]->written_at = at[i];
    assay_arena_free(&a);
}

/* --- a key's life ------------------------------------------------------------------------------------------------------------- */

static void add_hex(struct assay_buf *b, size_t bytes) {
    unsigned char noise[SECRET_BYTES];
    while (getrandom(noise, bytes, 0) != (ssize_t)bytes) continue;
    for (size_t i = 0; i < bytes; i++) assay_buf_printf(b, "%02x", noise[i]);
    OPENSSL_cleanse(noise, sizeof noise);
}

/* Fills in what is made: the key, its id and its digest. */
static void make_key(struct assay_session *s, struct assay_key_made *out) {
    struct assay_buf text = {0};
    unsigned char digest[DIGEST_BYTES];
    assay_buf_adds(&text, "assay_");
    add_hex(&text, 8);
    assay_buf_addc(&text, '_');
    add_hex(&text, SECRET_BYTES);
    snprintf(out->key, sizeof out->key, "%.*s", (int)text.n, text.p);
    digest_of(assay_buf_str(&text), digest);
    out->row.key_id = assay_arena_dup(&s->arena, (struct assay_str){text.p, ID_TEXT});
    out->row.digest = assay_arena_dup(&s->arena, (struct assay_str){(const char *)digest, DIGEST_BYTES});
    OPENSSL_cleanse(text.p, text.n);
    assay_buf_free(&text);
}

static struct assay_str describe(struct assay_session *s, const struct assay_key_row *r) {
    struct assay_buf b = {0};
    assay_json_object(&b, NULL);
    assay_json_str(&b, "name", r->name);
    assay_json_text(&b, "role", assay_role_name(r->role));
    assay_json_str(&b, "provider", r->provider);
    assay_json_instant(&b, "expires_at", r->expires_at);
    assay_json_instant(&b, "revoked_at", r->revoked_at);
    assay_json_str(&b, "replaces", r->replaces);
    assay_json_object_end(&b);
    struct assay_str text = assay_arena_dup(&s->arena, assay_buf_str(&b));
    assay_buf_free(&b);
    return text;
}

static enum assay_status write_act(struct assay_session *s, const char *action, const struct assay_key_row *before,
                                   const struct assay_key_row *after, struct assay_error *e) {
    struct assay_audit_row act = {.action = assay_str_c(action),
                                  .subject = (after ? after : before)->key_id,
                                  .before = before ? describe(s, before) : ASSAY_STR_NONE,
                                  .after = after ? describe(s, after) : ASSAY_STR_NONE};
    return assay_audit_act(s, &act, 1, e);
}

static enum assay_status insert_key(struct assay_session *s, const char *action, struct assay_key_made *k,
                                    struct assay_error *e) {
    make_key(s, k);
    k->row.created_at = assay_service_now(s->service);
    k->row.created_by = s->actor.id.p ? s->actor.id : ASSAY_STR("assayd");
    k->row.revoked_at = k->row.last_used_at = ASSAY_NO_INSTANT;
    enum assay_status st = assay_store_key_insert(s->db, &k->row, e);
    return st ? st : write_act(s, action, NULL, &k->row, e);
}

/* Every change of keys: begin, take their lock. */
static enum assay_status begin(struct assay_session *s, struct assay_error *e) {
    enum assay_status st = assay_db_begin(s->db, false, e);
    return st ? st : assay_store_access_lock(s->db, e);
}

static enum assay_status end(struct assay_session *s, enum assay_status st, struct assay_error *e) {
    if (!st) st = assay_store_access_advance(s->db, e);
    if (!st) st = assay_db_commit(s->db, e);
    else assay_db_rollback(s->db);
    struct assay_error later; /* where it cannot be loaded now, the watcher will */
    if (!st && assay_keys_load(s->service, s->db, &later)) assay_revisions_lost(s->service->revisions);
    return st;
}

enum assay_status assay_key_find(struct assay_session *s, struct assay_str key_id, struct assay_key_row **row,
                                 struct assay_error *e) {
    struct assay_key_row *rows;
    size_t n;
    enum assay_status st = assay_store_keys(s->db, &s->arena, &rows, &n, e);
    for (size_t i = 0; !st && i < n; i++) {
        if (!assay_str_eq(rows[i].key_id, key_id)) continue;
        *row = &rows[i];
        return ASSAY_OK;
    }
    return st ? st : assay_fail(e, ASSAY_NOT_FOUND, "", "there is no key %.*s", ASSAY_STR_ARG(key_id));
}

static void check_request(struct assay_session *s, const struct assay_key_request *k, int32_t *provider_id,
                          struct assay_errors *es) {
    enum assay_binding binding = assay_role_binding(k->role);
    *provider_id = 0;
    size_t characters = assay_utf8_length(k->name);
    if (characters < 1 || characters > 64) assay_errors_add(es, ASSAY_INVALID_VALUE, "/name", "1 to 64 characters");
    if (!k->provider.p && binding == ASSAY_BOUND_ALWAYS)
        assay_errors_add(es, ASSAY_MISSING_FIELD, "/provider", "a key of this role is one provider's");
    if (k->provider.p && binding == ASSAY_BOUND_NEVER)
        assay_errors_add(es, ASSAY_INVALID_VALUE, "/provider", "a key of this role is not one provider's");
    else if (k->provider.p) {
        const struct assay_config *cfg = assay_service_config(s->service);
        const struct assay_config_provider *p = assay_config_provider(cfg, k->provider);
        if (p) *provider_id = p->id;
        else
            assay_errors_add(es, ASSAY_UNKNOWN_PROVIDER, "/provider", "provider %.*s is not registered",
                             ASSAY_STR_ARG(k->provider));
        assay_config_release(cfg);
    }
    if (k->expires_at != ASSAY_NO_INSTANT && k->expires_at <= assay_service_now(s->service))
        assay_errors_add(es, ASSAY_INVALID_VALUE, "/expires_at", "it lies in the past");
}

enum assay_status assay_key_create(struct assay_session *s, const struct assay_key_request *k, struct assay_key_made *out,
                                   struct assay_errors *es, struct assay_error *e) {
    int32_t provider_id;
    check_request(s, k, &provider_id, es);
    if (es->n) return ASSAY_VALIDATION_FAILED;
    *out = (struct assay_key_made){
        .row = {
            .name = k->name, .role = k->role, .provider_id = provider_id, .provider = k->provider, .expires_at = k->expires_at}};
    enum assay_status st = begin(s, e);
    if (!st) st = insert_key(s, "key.created", out, e);
    return end(s, st, e);
}

static bool has_ended(const struct assay_key_row *r, assay_instant now) {
    return r->revoked_at != ASSAY_NO_INSTANT || (r->expires_at != ASSAY_NO_INSTANT && r->expires_at <= now);
}

static enum assay_status rotate(struct assay_session *s, struct assay_str key_id, const struct assay_key_rotation *rotation,
                                struct assay_key_made *out, struct assay_error *e) {
    struct assay_key_row *old = NULL;
    assay_instant now = assay_service_now(s->service), until = now + rotation->overlap_seconds * ASSAY_SECOND;
    assay_instant expires_at = rotation->expires_at;
    enum assay_status st = assay_key_find(s, key_id, &old, e);
    if (st || !old) return st;
    if (expires_at == ASSAY_NO_INSTANT && old->expires_at != ASSAY_NO_INSTANT)
        expires_at = now + (old->expires_at - old->created_at);
    if (has_ended(old, now)) return assay_fail(e, ASSAY_KEY_ENDED, "", "the key has ended: make a new one");
    *out = (struct assay_key_made){.row = {.name = old->name,
                                           .role = old->role,
                                           .provider_id = old->provider_id,
                                           .provider = old->provider,
                                           .expires_at = expires_at,
                                           .replaces = old->key_id}};
    st = insert_key(s, "key.created", out, e);
    if (!st) st = assay_store_key_end(s->db, key_id, until, ASSAY_NO_INSTANT, e);
    struct assay_key_row left = *old;
    if (left.expires_at == ASSAY_NO_INSTANT || left.expires_at > until) left.expires_at = until;
    return st ? st : write_act(s, "key.replaced", old, &left, e);
}

enum assay_status assay_key_rotate(struct assay_session *s, struct assay_str key_id, const struct assay_key_rotation *rotation,
                                   struct assay_key_made *out, struct assay_error *e) {
    enum assay_status st = begin(s, e);
    if (!st) st = rotate(s, key_id, rotation, out, e);
    return end(s, st, e);
}

static enum assay_status revoke(struct assay_session *s, struct assay_str key_id, struct assay_error *e) {
    struct assay_key_row *row = NULL;
    assay_instant now = assay_service_now(s->service);
    enum assay_status st = assay_key_find(s, key_id, &row, e);
    if (st || !row || row->revoked_at != ASSAY_NO_INSTANT) return st;
    struct assay_key_row after = *row;
    after.revoked_at = now;
    st = assay_store_key_end(s->db, key_id, ASSAY_NO_INSTANT, now, e);
    return st ? st : write_act(s, "key.revoked", row, &after, e);
}

enum assay_status assay_key_revoke(struct assay_session *s, struct assay_str key_id, struct assay_error *e) {
    enum assay_status st = begin(s, e);
    if (!st) st = revoke(s, key_id, e);
    return end(s, st, e);
}
