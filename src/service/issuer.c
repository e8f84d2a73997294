/* issuer.c -- the set of keys in force, and the thread that asks a URL for a newer one. Does not know what a token is. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "assay/log.h"
#include "assay/service.h"
#include "service/issuer.h"

#define REFRESH_MS (10 * INT64_C(60000))
#define LEAST_MS INT64_C(60000)

struct assay_issuer {
    struct assay_service *service;
    const struct assay_log *log;
    char *jwks;
    assay_tokens_fetch *fetch;
    void *fetch_arg;
    int64_t refresh_ms, least_ms;
    pthread_rwlock_t set_lock; /* held while a signature is checked */
    struct assay_jwks *set;
    _Atomic uint64_t generation;
    _Atomic int64_t loads, failures, keys, loaded_at;
    /* of a URL */
    bool running;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool asked, at_once, failed; /* a key is lacking; somebody asked for it; the last attempt gave nothing */
    int64_t tried_ms;
    atomic_bool stop;
};

/* --- sources ------------------------------------------------------------------------------------------------------------------ */

bool assay_tokens_is_url(const char *jwks) { return !strncmp(jwks, "https://", 8) || !strncmp(jwks, "http://", 7); }

bool assay_tokens_url_safe(const char *url) {
    const char *host = strstr(url, "://");
    if (!host || strpbrk(url, "@ \t\r\n\\")) return false;
    host += 3;
    size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    struct assay_str h = {host, n};
    if (!strncmp(url, "https://", 8)) return n > 0;
    bool v4 = n > 4 && !strncmp(host, "127.", 4) && strspn(host, "0123456789.") == n;
    return !strncmp(url, "http://", 7) && (v4 || assay_str_is(h, "[::1]") || assay_str_is(h, "localhost"));
}

/* errno says why not. */
static bool read_file(const char *path, struct assay_buf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[4096];
    ssize_t n = -1;
    if (fd < 0) return false;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && out->n <= ASSAY_JWKS_MAX) assay_buf_add(out, chunk, (size_t)n);
    int why = errno;
    close(fd);
    errno = why;
    return n >= 0;
}

enum assay_status assay_tokens_read_file(const char *path, struct assay_jwks **out, struct assay_error *e) {
    struct assay_buf text = {0};
    struct assay_error why = {0};
    enum assay_status st = ASSAY_OK;
    if (!read_file(path, &text))
        st = assay_fail(e, ASSAY_CONFIG, "oidc-jwks", "oidc-jwks: cannot read %s: %s", path, strerror(errno));
    else if (assay_jwks_read(assay_buf_str(&text), out, &why))
        st = assay_fail(e, ASSAY_CONFIG, "oidc-jwks", "oidc-jwks: %s holds no keys: %s", path, why.detail);
    assay_buf_free(&text);
    return st;
}

static enum assay_status ask_url(const char *url, assay_tokens_fetch *fetch, void *arg, const atomic_bool *stop,
                                 struct assay_jwks **out, struct assay_error *e) {
    struct assay_buf text = {0};
    struct assay_error why = {0};
    enum assay_status st = fetch(arg, url, stop, &text, e);
    if (!st && assay_jwks_read(assay_buf_str(&text), out, &why))
        st = assay_fail(e, ASSAY_CONFIG, "oidc-jwks", "oidc-jwks: %s answered with no keys: %s", url, why.detail);
    assay_buf_free(&text);
    return st;
}

enum assay_status assay_tokens_read_keys(const char *jwks, assay_tokens_fetch *fetch, void *arg, const atomic_bool *stop,
                                         struct assay_jwks **out, struct assay_error *e) {
    return assay_tokens_is_url(jwks) ? ask_url(jwks, fetch, arg, stop, out, e) : assay_tokens_read_file(jwks, out, e);
}

/* --- the set in force --------------------------------------------------------------------------------------------------------- */

static enum assay_status load(struct assay_issuer *i, struct assay_error *e) {
    struct assay_jwks *set = NULL;
    enum assay_status st = assay_tokens_read_keys(i->jwks, i->fetch, i->fetch_arg, &i->stop, &set, e);
    if (st) {
        atomic_fetch_add(&i->failures, 1);
        return st;
    }
    pthread_rwlock_wrlock(&i->set_lock);
    struct assay_jwks *before = i->set;
    i->set = set;
    atomic_fetch_add(&i->generation, 1);
    pthread_rwlock_unlock(&i->set_lock);
    assay_jwks_free(before);
    atomic_store(&i->keys, (int64_t)assay_jwks_count(set));
    atomic_store(&i->loaded_at, assay_service_now(i->service) / ASSAY_SECOND);
    atomic_fetch_add(&i->loads, 1);
    return ASSAY_OK;
}

const struct assay_jwks *assay_issuer_take(struct assay_issuer *i, uint64_t *generation) {
    pthread_rwlock_rdlock(&i->set_lock);
    *generation = atomic_load(&i->generation);
    return i->set;
}

void assay_issuer_put(struct assay_issuer *i) { pthread_rwlock_unlock(&i->set_lock); }

uint64_t assay_issuer_generation(const struct assay_issuer *i) { return atomic_load(&i->generation); }

void assay_issuer_stats(const struct assay_issuer *i, struct assay_tokens_stats *out) {
    out->loads = atomic_load(&i->loads);
    out->failures = atomic_load(&i->failures);
    out->keys = atomic_load(&i->keys);
    out->loaded_at = atomic_load(&i->loaded_at);
}

/* --- the thread ----------------------------------------------------------------------------------------------------------------- */

static int64_t clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* With the lock held. */
static int64_t due_ms(const struct assay_issuer *i) {
    if (i->at_once) return 0;
    return i->tried_ms + (i->asked || i->failed ? i->least_ms : i->refresh_ms);
}

static void wait_until(struct assay_issuer *i, int64_t ms) {
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(&i->moved, &i->lock, &t);
}

static void attempt(struct assay_issuer *i) {
    struct assay_error e = {0};
    bool had = atomic_load(&i->loads) > 0;
    i->asked = i->at_once = false;
    pthread_mutex_unlock(&i->lock);
    enum assay_status st = load(i, &e);
    if (st && !atomic_load(&i->stop))
        assay_log_message(i->log, ASSAY_LOG_WARN, "issuer_keys_failed", "%s: %s",
                          had ? "the issuer's keys stay as they were" : "no token can be checked", e.detail);
    pthread_mutex_lock(&i->lock);
    i->failed = st != ASSAY_OK;
    i->tried_ms = clock_ms();
}

static void *run(void *arg) {
    struct assay_issuer *i = arg;
    pthread_mutex_lock(&i->lock);
    while (!atomic_load(&i->stop)) {
        int64_t due = due_ms(i);
        if (clock_ms() >= due) attempt(i);
        else wait_until(i, due);
    }
    pthread_mutex_unlock(&i->lock);
    return NULL;
}

static void ask(struct assay_issuer *i, bool at_once) {
    pthread_mutex_lock(&i->lock);
    bool news = at_once || !i->asked;
    i->asked = true;
    i->at_once = i->at_once || at_once;
    if (news) pthread_cond_signal(&i->moved);
    pthread_mutex_unlock(&i->lock);
}

void assay_issuer_lacks(struct assay_issuer *i) {
    if (i->running) ask(i, false);
}

enum assay_status assay_issuer_reload(struct assay_issuer *i, bool *changed, struct assay_error *e) {
    *changed = false;
    if (i->running) {
        ask(i, true);
        return ASSAY_OK;
    }
    enum assay_status st = load(i, e);
    *changed = !st;
    return st;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------- */

static enum assay_status start_thread(struct assay_issuer *i, struct assay_error *e) {
    struct assay_error why = {0};
    i->failed = load(i, &why) != ASSAY_OK;
    i->tried_ms = clock_ms();
    if (i->failed) assay_log_message(i->log, ASSAY_LOG_WARN, "issuer_keys_failed", "no token can be checked yet: %s", why.detail);
    i->running = pthread_create(&i->thread, NULL, run, i) == 0;
    return i->running ? ASSAY_OK : assay_fail(e, ASSAY_INTERNAL, "", "no thread for the issuer's keys");
}

enum assay_status assay_issuer_open(const struct assay_tokens_options *o, struct assay_issuer **out, struct assay_error *e) {
    bool url = assay_tokens_is_url(o->jwks);
    if (url && !assay_tokens_url_safe(o->jwks))
        return assay_fail(e, ASSAY_CONFIG, "oidc-jwks", "oidc-jwks: https is wanted, and no user in it, not %s", o->jwks);
    struct assay_issuer *i = assay_xcalloc(1, sizeof *i);
    i->service = o->service;
    i->log = o->log;
    i->jwks = assay_xstrdup(o->jwks);
    i->fetch = o->fetch;
    i->fetch_arg = o->fetch_arg;
    i->refresh_ms = o->refresh_ms ? o->refresh_ms : REFRESH_MS;
    i->least_ms = o->least_ms ? o->least_ms : LEAST_MS;
    pthread_rwlock_init(&i->set_lock, NULL);
    pthread_mutex_init(&i->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&i->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum assay_status st = url ? start_thread(i, e) : load(i, e);
    if (st) assay_issuer_close(i);
    else *out = i;
    return st;
}

void assay_issuer_close(struct assay_issuer *i) {
    if (!i) return;
    if (i->running) {
        pthread_mutex_lock(&i->lock);
        atomic_store(&i->stop, true);
        pthread_cond_signal(&i->moved);
        pthread_mutex_unlock(&i->lock);
        pthread_join(i->thread, NULL);
    }
    assay_jwks_free(i->set);
    pthread_rwlock_destroy(&i->set_lock);
    pthread_mutex_destroy(&i->lock);
    pthread_cond_destroy(&i->moved);
    free(i->jwks);
    free(i);
}
