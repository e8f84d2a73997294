/* fetch.c -- one small document from a URL, over libcurl: bounded in time and size, no redirect, https unless the URL says http. */
#include "app/fetch.h"

#include <curl/curl.h>

enum { CONNECT_SECONDS = 5, WHOLE_SECONDS = 10 };

struct exchange {
    const atomic_bool *stop;
    struct assay_buf *out;
    bool too_long;
};

static size_t take(char *p, size_t size, size_t n, void *arg) {
    struct exchange *x = arg;
    x->too_long = x->out->n + size * n > ASSAY_JWKS_MAX;
    if (x->too_long) return 0;
    assay_buf_add(x->out, p, size * n);
    return size * n;
}

static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct exchange *x = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(x->stop);
}

static void prepare(CURL *h, const char *url, const char *ca_file, struct exchange *x) {
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, strncmp(url, "https:", 6) ? "http" : "https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    if (ca_file && *ca_file) curl_easy_setopt(h, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "assayd");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)WHOLE_SECONDS);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, x);
}

enum assay_status assay_fetch(void *arg, const char *url, const atomic_bool *stop, struct assay_buf *out, struct assay_error *e) {
    char why[CURL_ERROR_SIZE] = "";
    struct exchange x = {stop, out, false};
    long status = 0;
    CURL *h = curl_easy_init();
    if (!h) return assay_fail(e, ASSAY_IO, "", "libcurl cannot be used");
    prepare(h, url, arg, &x);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    CURLcode rc = curl_easy_perform(h);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(h);
    if (x.too_long) return assay_fail(e, ASSAY_IO, "", "%s answered with more than %zu bytes", url, ASSAY_JWKS_MAX);
    if (rc != CURLE_OK) return assay_fail(e, ASSAY_IO, "", "%s: %s", url, *why ? why : curl_easy_strerror(rc));
    return status == 200 ? ASSAY_OK : assay_fail(e, ASSAY_IO, "", "%s answered %ld", url, status);
}
