/* tls.h -- the daemon's identity under TLS: a certificate with its chain and the key, read from files and exchanged while
 * connections go on. The handshake itself is the HTTP library's. */
#ifndef ASSAY_HTTP_TLS_H
#define ASSAY_HTTP_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "assay/http.h"

/* TLS 1.2 and 1.3 with ephemeral keys and authenticated ciphers, nothing else. */
#define ASSAY_HTTP_TLS_PRIORITIES                                                                                                \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:-RSA:-DHE-RSA:%SERVER_" \
    "PRECEDENCE"

/* Handshakes present this identity from now on; NULL: none any more. The library's callback is given nothing of ours, so
 * there is one a process. */
void assay_http_tls_present(struct assay_http_tls *t);
int assay_http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
                            const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length, gnutls_pcert_st **pcert,
                            unsigned int *pcert_length, gnutls_privkey_t *privkey);

/* Send past the HTTP library on a session whose handshake is over. As send(2) without waiting. */
ssize_t assay_http_tls_send(gnutls_session_t session, const void *p, size_t n);

#endif
