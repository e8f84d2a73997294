/* tls.c -- certificate and key: read, checked as a pair, presented, exchanged.
 *
 * A handshake borrows what it is given until it is over, and nobody tells when that is. So what was exchanged is kept, a few
 * kilobytes each time the files really change, until the server has stopped. */
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

enum { FILE_MOST = 1 << 20, CHAIN_MOST = 16, ID_MOST = 64 };

struct identity {
    struct identity *before; /* the one it took the place of */
    struct assay_buf certificate_file, key_file;
    unsigned n;
    gnutls_pcert_st chain[CHAIN_MOST];
    gnutls_privkey_t key;
    time_t expires;
};
struct assay_http_tls {
    char *certificate, *key; /* the files' names */
    _Atomic(struct identity *) current;
};
static _Atomic(struct assay_http_tls *) presented;

static void identity_free(struct identity *i) {
    for (unsigned k = 0; k < i->n; k++) gnutls_pcert_deinit(&i->chain[k]);
    if (i->key) gnutls_privkey_deinit(i->key);
    if (i->key_file.p) explicit_bzero(i->key_file.p, i->key_file.n);
    assay_buf_free(&i->certificate_file);
    assay_buf_free(&i->key_file);
    free(i);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
#define FAIL(setting, ...) assay_fail(e, ASSAY_CONFIG, setting, setting ": " __VA_ARGS__)

/* errno says why not. No stream: its buffer would keep a copy of the key. */
static bool read_file(const char *path, struct assay_buf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[4096];
    ssize_t n = -1;
    if (fd < 0) return false;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && out->n < FILE_MOST) assay_buf_add(out, chunk, (size_t)n);
    int why = errno;
    close(fd);
    explicit_bzero(chunk, sizeof chunk);
    errno = why;
    return n >= 0;
}

static gnutls_datum_t datum(const struct assay_buf *b) { return (gnutls_datum_t){(unsigned char *)b->p, (unsigned)b->n}; }

static enum assay_status read_chain(struct identity *i, const char *path, struct assay_error *e) {
    if (!read_file(path, &i->certificate_file)) return FAIL("tls-certificate", "cannot read %s: %s", path, strerror(errno));
    gnutls_datum_t pem = datum(&i->certificate_file);
    unsigned n = CHAIN_MOST;
    int rc = i->certificate_file.n
                 ? gnutls_pcert_list_import_x509_raw(i->chain, &n, &pem, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT)
                 : GNUTLS_E_NO_CERTIFICATE_FOUND;
    if (rc < 0)
        return FAIL("tls-certificate", "%s holds no certificates in PEM, the daemon's own first: %s", path, gnutls_strerror(rc));
    i->n = n;
    return ASSAY_OK;
}

static enum assay_status read_key(struct identity *i, const char *path, struct assay_error *e) {
    if (!read_file(path, &i->key_file)) return FAIL("tls-key", "cannot read %s: %s", path, strerror(errno));
    gnutls_datum_t pem = datum(&i->key_file);
    int rc = gnutls_privkey_init(&i->key);
    if (!rc && !i->key_file.n) rc = GNUTLS_E_BASE64_DECODING_ERROR;
    if (!rc) rc = gnutls_privkey_import_x509_raw(i->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    return rc < 0 ? FAIL("tls-key", "%s holds no key in PEM without a password: %s", path, gnutls_strerror(rc)) : ASSAY_OK;
}

static bool is_pair(const struct identity *i) {
    unsigned char of_key[ID_MOST], of_certificate[ID_MOST];
    size_t n = sizeof of_key, m = sizeof of_certificate;
    gnutls_pubkey_t pub;
    if (gnutls_pubkey_init(&pub) < 0) return false;
    bool same = gnutls_pubkey_import_privkey(pub, i->key, 0, 0) >= 0 &&
                gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, of_key, &n) >= 0 &&
                gnutls_pubkey_get_key_id(i->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_certificate, &m) >= 0 && n == m &&
                memcmp(of_key, of_certificate, n) == 0;
    gnutls_pubkey_deinit(pub);
    return same;
}

static time_t expiry(const struct identity *i) {
    gnutls_x509_crt_t crt;
    time_t t = (time_t)-1;
    if (gnutls_x509_crt_init(&crt) < 0) return t;
    if (gnutls_x509_crt_import(crt, &i->chain[0].cert, GNUTLS_X509_FMT_DER) >= 0) t = gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    return t;
}

static enum assay_status identity_read(const struct assay_http_tls *t, struct identity **out, struct assay_error *e) {
    struct identity *i = assay_xcalloc(1, sizeof *i);
    enum assay_status st = read_chain(i, t->certificate, e);
    if (!st) st = read_key(i, t->key, e);
    if (!st && !is_pair(i)) st = FAIL("tls-key", "%s is not the key of the certificate in %s", t->key, t->certificate);
    if (st) {
        identity_free(i);
        return st;
    }
    i->expires = expiry(i);
    *out = i;
    return ASSAY_OK;
}

/* --- the identity in force ---------------------------------------------------------------------------------------- */
enum assay_status assay_http_tls_open(const char *certificate, const char *key, struct assay_http_tls **out,
                                      struct assay_error *e) {
    struct assay_http_tls *t = assay_xcalloc(1, sizeof *t);
    struct identity *i = NULL;
    t->certificate = assay_xstrdup(certificate);
    t->key = assay_xstrdup(key);
    enum assay_status st = identity_read(t, &i, e);
    atomic_init(&t->current, i);
    if (st) assay_http_tls_free(t);
    else *out = t;
    return st;
}

static bool same_file(const struct assay_buf *a, const struct assay_buf *b) {
    return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

enum assay_status assay_http_tls_reload(struct assay_http_tls *t, bool *changed, struct assay_error *e) {
    struct identity *now = atomic_load(&t->current), *i;
    *changed = false;
    enum assay_status st = identity_read(t, &i, e);
    if (st) return st;
    if (same_file(&i->certificate_file, &now->certificate_file) && same_file(&i->key_file, &now->key_file)) {
        identity_free(i);
        return ASSAY_OK;
    }
    i->before = now;
    atomic_store(&t->current, i);
    *changed = true;
    return ASSAY_OK;
}

int64_t assay_http_tls_expires(const struct assay_http_tls *t) { return (int64_t)atomic_load(&t->current)->expires; }

void assay_http_tls_free(struct assay_http_tls *t) {
    if (!t) return;
    for (struct identity *i = atomic_load(&t->current), *before; i; i = before) {
        before = i->before;
        identity_free(i);
    }
    free(t->certificate);
    free(t->key);
    free(t);
}

/* --- the HTTP library's side -------------------------------------------------------------------------------------- */
void assay_http_tls_present(struct assay_http_tls *t) { atomic_store(&presented, t); }

int assay_http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
                            const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length, gnutls_pcert_st **pcert,
                            unsigned int *pcert_length, gnutls_privkey_t *privkey) {
    struct assay_http_tls *t = atomic_load(&presented);
    (void)session, (void)req_ca_rdn, (void)nreqs, (void)pk_algos, (void)pk_algos_length;
    if (!t) return -1;
    struct identity *i = atomic_load(&t->current);
    *pcert = i->chain;
    *pcert_length = i->n;
    *privkey = i->key;
    return 0;
}

ssize_t assay_http_tls_send(gnutls_session_t session, const void *p, size_t n) {
    ssize_t sent = gnutls_record_send(session, p, n);
    return sent > 0 ? sent : -1;
}
