/* tokens.h -- keys and tokens for tests, made with OpenSSL alone: what reads them is not what wrote them. */
#ifndef ASSAY_TEST_TOKENS_H
#define ASSAY_TEST_TOKENS_H

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "assay/str.h"

static inline void token_must(bool holds) {
    if (!holds) abort();
}

static inline void token_add_base64(struct assay_buf *b, const void *p, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = p;
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)from[i] << 16 | (i + 1 < n ? (unsigned)from[i + 1] << 8 : 0) | (i + 2 < n ? from[i + 2] : 0u);
        for (size_t k = 0; k < 4 && i + k <= n; k++) assay_buf_addc(b, digits[v >> (18 - 6 * k) & 63]);
    }
}

static inline EVP_PKEY *token_rsa(unsigned bits) { return EVP_RSA_gen(bits); }
static inline EVP_PKEY *token_ec(const char *curve) { return EVP_EC_gen(curve); }

static inline void token_add_number(struct assay_buf *b, const EVP_PKEY *key, const char *param, const char *name, int least) {
    BIGNUM *v = NULL;
    unsigned char bytes[1024];
    token_must(EVP_PKEY_get_bn_param(key, param, &v) == 1);
    int n = BN_num_bytes(v) > least ? BN_num_bytes(v) : least;
    BN_bn2binpad(v, bytes, n);
    BN_free(v);
    assay_buf_printf(b, ",\"%s\":\"", name);
    token_add_base64(b, bytes, (size_t)n);
    assay_buf_addc(b, '"');
}

/* {"kty":...,"kid":...}; more: further members, as ",\"use\":\"sig\"". kid NULL: none. */
static inline void token_add_jwk(struct assay_buf *b, const EVP_PKEY *key, const char *kid, const char *more) {
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    assay_buf_printf(b, "{\"kty\":\"%s\"", rsa ? "RSA" : "EC");
    if (kid) assay_buf_printf(b, ",\"kid\":\"%s\"", kid);
    if (rsa) {
        token_add_number(b, key, OSSL_PKEY_PARAM_RSA_N, "n", 1);
        token_add_number(b, key, OSSL_PKEY_PARAM_RSA_E, "e", 1);
    } else {
        assay_buf_adds(b, EVP_PKEY_get_bits(key) == 256 ? ",\"crv\":\"P-256\"" : ",\"crv\":\"P-384\"");
        token_add_number(b, key, OSSL_PKEY_PARAM_EC_PUB_X, "x", (EVP_PKEY_get_bits(key) + 7) / 8);
        token_add_number(b, key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", (EVP_PKEY_get_bits(key) + 7) / 8);
    }
    assay_buf_printf(b, "%s}", more);
}

/* The signature over b's n bytes, as JWS has it. */
static inline void token_sign(EVP_PKEY *key, const char *p, size_t n, struct assay_buf *out) {
    unsigned char sig[2048];
    size_t len = sizeof sig;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    token_must(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1);
    token_must(EVP_DigestSign(c, sig, &len, (const unsigned char *)p, n) == 1);
    EVP_MD_CTX_free(c);
    if (!EVP_PKEY_is_a(key, "RSA")) { /* DER to r || s */
        const unsigned char *der = sig;
        ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)len);
        int half = (EVP_PKEY_get_bits(key) + 7) / 8;
        unsigned char raw[256];
        BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, half);
        BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + half, half);
        ECDSA_SIG_free(s);
        len = (size_t)half * 2;
        memcpy(sig, raw, len);
    }
    assay_buf_add(out, sig, len);
}

/* header.claims.signature; key NULL: an empty signature. To be freed. */
static inline char *token_make(EVP_PKEY *key, const char *header, const char *claims) {
    struct assay_buf b = {0}, sig = {0};
    token_add_base64(&b, header, strlen(header));
    assay_buf_addc(&b, '.');
    token_add_base64(&b, claims, strlen(claims));
    if (key) token_sign(key, b.p, b.n, &sig);
    assay_buf_addc(&b, '.');
    token_add_base64(&b, sig.p, sig.n);
    assay_buf_free(&sig);
    return b.p;
}

/* The old confusion: HS256 with the text of the public key as its secret. */
static inline char *token_confused(EVP_PKEY *key, const char *header, const char *claims) {
    struct assay_buf b = {0};
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char *pem;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    int len = (int)BIO_get_mem_data(bio, &pem);
    token_add_base64(&b, header, strlen(header));
    assay_buf_addc(&b, '.');
    token_add_base64(&b, claims, strlen(claims));
    HMAC(EVP_sha256(), pem, len, (const unsigned char *)b.p, b.n, mac, &n);
    BIO_free(bio);
    assay_buf_addc(&b, '.');
    token_add_base64(&b, mac, n);
    return b.p;
}

#endif
