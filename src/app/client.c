/* client.c -- requests to a daemon, over libcurl. */
#include "app/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

enum {
    CONNECT_SECONDS = 10,
    FIRST_WAIT_MS = 500,
    LONGEST_WAIT_MS = 30000,
    RETRY_AFTER_MOST_S = 600,
    PAUSE_MS = 50, /* how often a wait looks whether it should stop */
};
#define REPLY_BYTES_MAX ((size_t)256 << 20)

struct assay_client {
    CURL *curl;
    char *url, *authorization; /* authorization NULL: no key */
    const char *ca_file;       /* NULL: what the system trusts */
};

/* --- whom to ask ----------------------------------------------------------------------------------------------------------- */

/* The key of a file: its first line, trimmed. NULL where it cannot be read or is empty. */
static char *key_of_file(const char *path) {
    char line[4096];
    FILE *f = fopen(path, "re");
    if (!f) return NULL;
    const char *got = fgets(line, sizeof line, f);
    fclose(f);
    if (!got) return NULL;
    line[strcspn(line, " \t\r\n")] = '\0';
    return *line ? assay_xstrdup(line) : NULL;
}

static bool takes_keys(const struct assay_command *c) {
    return c->n_options > ASSAY_CLIENT_KEY && !strcmp(c->options[ASSAY_CLIENT_KEY].name, "key");
}

static bool find_key(const struct assay_cli *cli, char **key, int *status) {
    if (!takes_keys(cli->command)) return true;
    const char *given = assay_cli_given(cli, ASSAY_CLIENT_KEY), *file = assay_cli_given(cli, ASSAY_CLIENT_KEY_FILE),
               *state = assay_cli_given(cli, ASSAY_CLIENT_STATE_DIR);
    if (!given && !file && !state) { /* whatever the command line says wins over whatever the environment does */
        given = assay_cli_value(cli, ASSAY_CLIENT_KEY);
        file = assay_cli_value(cli, ASSAY_CLIENT_KEY_FILE);
        state = assay_cli_value(cli, ASSAY_CLIENT_STATE_DIR);
    }
    *key = given ? assay_xstrdup(given) : NULL;
    if (*key || (!file && !state)) return true; /* without a key: a daemon for a demo asks for none */
    struct assay_buf path = {0};
    if (file) assay_buf_adds(&path, file);
    else assay_buf_printf(&path, "%s/admin.key", state);
    errno = 0;
    *key = key_of_file(path.p);
    if (!*key)
        *status = assay_cli_wrong(cli->command, "no key can be read from %s%s%s", path.p, errno ? ": " : "",
                                  errno ? strerror(errno) : "");
    assay_buf_free(&path);
    return *key != NULL;
}

static bool is_url(const char *url) {
    return (!strncmp(url, "http://", 7) && url[7]) || (!strncmp(url, "https://", 8) && url[8]);
}

struct assay_client *assay_client_new(const struct assay_cli *cli, int *status) {
    const char *url = assay_cli_value(cli, ASSAY_CLIENT_URL);
    char *key = NULL;
    if (!url) url = cli->command->options[ASSAY_CLIENT_URL].preset;
    if (!is_url(url) || strpbrk(url, "?# ")) {
        *status = assay_cli_wrong(cli->command, "\"%s\" is no address of a daemon, as http://127.0.0.1:8080", url);
        return NULL;
    }
    if (!find_key(cli, &key, status)) return NULL;
    static bool begun;
    if (!begun) curl_global_init(CURL_GLOBAL_DEFAULT);
    begun = true;
    struct assay_client *c = assay_xcalloc(1, sizeof *c);
    c->curl = curl_easy_init();
    c->url = assay_xstrdup(url);
    c->ca_file = assay_cli_value(cli, ASSAY_CLIENT_CA_FILE);
    for (size_t n = strlen(c->url); n && c->url[n - 1] == '/'; n--) c->url[n - 1] = '\0';
    if (key) {
        struct assay_buf b = {0};
        assay_buf_printf(&b, "Authorization: Bearer %s", key);
        c->authorization = b.p;
    }
    free(key);
    if (c->curl) return c;
    fputs("assayd: libcurl cannot be used\n", stderr);
    assay_client_free(c);
    *status = 3;
    return NULL;
}

void assay_client_free(struct assay_client *c) {
    if (!c) return;
    curl_easy_cleanup(c->curl);
    free(c->url);
    free(c->authorization);
    free(c);
}

const char *assay_client_url(const struct assay_client *c) { return c->url; }

void assay_reply_free(struct assay_reply *r) { assay_buf_free(&r->body); }

/* --- one try ---------------------------------------------------------------------------------------------------------------- */

struct exchange {
    const struct assay_request *q;
    struct assay_reply *reply;
    int64_t sent;
    bool unreadable, too_long;
};

static bool is_stopped(const struct assay_request *q) { return q->stop && *q->stop; }

static size_t read_body(char *to, size_t size, size_t n, void *arg) {
    struct exchange *x = arg;
    if (is_stopped(x->q)) return CURL_READFUNC_ABORT;
    ssize_t got = x->q->body->read(x->q->body->arg, to, size * n);
    if (got < 0) {
        x->unreadable = !is_stopped(x->q);
        return CURL_READFUNC_ABORT;
    }
    x->sent += got;
    if (got == 0) x->reply->sent = true;
    return (size_t)got;
}

/* libcurl asks for this where a connection it kept was closed meanwhile. */
static int seek_body(void *arg, curl_off_t offset, int origin) {
    struct exchange *x = arg;
    x->sent = 0;
    return offset == 0 && origin == SEEK_SET && x->q->body->rewind(x->q->body->arg) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg) {
    struct exchange *x = arg;
    x->too_long = x->reply->body.n + size * n > REPLY_BYTES_MAX;
    if (x->too_long) return 0;
    assay_buf_add(&x->reply->body, p, size * n);
    return size * n;
}

static struct assay_str header_value(const char *p, size_t n, const char *name) {
    size_t k = strlen(name);
    if (n <= k || strncasecmp(p, name, k) != 0 || p[k] != ':') return ASSAY_STR_NONE;
    for (p += k + 1, n -= k + 1; n && (*p == ' ' || *p == '\t'); p++) n--;
    while (n && strchr(" \t\r\n", p[n - 1])) n--;
    return (struct assay_str){p, n};
}

static void keep(char *to, size_t room, struct assay_str s) {
    if (s.p && s.n < room) snprintf(to, room, "%.*s", ASSAY_STR_ARG(s));
}

static size_t take_header(char *p, size_t size, size_t n, void *arg) {
    struct assay_reply *r = ((struct exchange *)arg)->reply;
    n *= size;
    if (n > 5 && !strncmp(p, "HTTP/", 5)) { /* a further reply begins: the one before was an interim one */
        r->etag[0] = r->next[0] = '\0';
        return n;
    }
    keep(r->etag, sizeof r->etag, header_value(p, n, "ETag"));
    struct assay_str link = header_value(p, n, "Link");
    const char *end = link.p ? memchr(link.p, '>', link.n) : NULL;
    if (end && link.p[0] == '<' && memmem(end, (size_t)(link.p + link.n - end), "rel=\"next\"", 10)) {
        struct assay_str path = {link.p + 1, (size_t)(end - link.p - 1)};
        const char *authority = memmem(path.p, path.n, "://", 3);
        const char *slash = authority ? memchr(authority + 3, '/', (size_t)(end - authority - 3)) : NULL;
        if (slash) path = (struct assay_str){slash, (size_t)(end - slash)};
        keep(r->next, sizeof r->next, path);
    }
    return n;
}

static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct exchange *x = arg;
    (void)a, (void)b, (void)c, (void)d;
    if (x->q->progress) x->q->progress(x->q->arg, x->sent);
    return is_stopped(x->q);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value) {
    struct assay_buf b = {0};
    if (!value) return list;
    if (name) assay_buf_printf(&b, "%s: %s", name, value);
    else assay_buf_adds(&b, value);
    list = curl_slist_append(list, b.p);
    assay_buf_free(&b);
    return list;
}

static void set_body(CURL *h, struct exchange *x) {
    const struct assay_request *q = x->q;
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, q->method);
    if (!q->body) return;
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body->size); /* -1: chunked */
    curl_easy_setopt(h, CURLOPT_READFUNCTION, read_body);
    curl_easy_setopt(h, CURLOPT_READDATA, x);
    curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(h, CURLOPT_SEEKDATA, x);
    curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
}

static CURLcode try_once(struct assay_client *c, struct exchange *x, char why[CURL_ERROR_SIZE]) {
    const struct assay_request *q = x->q;
    struct assay_buf url = {0};
    struct curl_slist *headers = NULL;
    CURL *h = c->curl;
    assay_buf_printf(&url, "%s%s", c->url, q->path);
    headers = add_header(headers, NULL, c->authorization);
    headers = add_header(headers, "Content-Type", q->type);
    headers = add_header(headers, "Content-Encoding", q->encoding);
    headers = add_header(headers, "Accept", q->accept);
    headers = add_header(headers, "Accept-Language", q->language);
    headers = add_header(headers, "If-Match", q->if_match);
    if (q->body && q->body->size < 0) headers = add_header(headers, "Transfer-Encoding", "chunked");
    curl_easy_reset(h);
    curl_easy_setopt(h, CURLOPT_URL, url.p);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    if (c->ca_file) curl_easy_setopt(h, CURLOPT_CAINFO, c->ca_file);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "assayd/" ASSAY_VERSION);
    curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L); /* a body may take minutes to be applied; a dead peer is noticed */
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, x);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    set_body(h, x);
    CURLcode code = curl_easy_perform(h);
    long status = 0;
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    x->reply->status = (int)status;
    curl_slist_free_all(headers);
    assay_buf_free(&url);
    return code;
}

/* --- patience ---------------------------------------------------------------------------------------------------------------- */

static bool is_passing(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

/* A daemon that refuses before the body is at its end may close on what is still being sent: its reply counts all the same. */
static bool has_answer(CURLcode code, const struct assay_reply *r) {
    return r->status >= 200 && (code == CURLE_OK || (r->status >= 400 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR)));
}

/* Half of it by chance, so that many who were put off at once do not come again at once. */
static int64_t with_jitter(int64_t ms) {
    uint32_t noise = 0;
    if (getrandom(&noise, sizeof noise, 0) < 0) noise = 0;
    return ms / 2 + (int64_t)((uint64_t)noise * (uint64_t)(ms / 2 + 1) >> 32);
}

static int64_t wait_of(struct assay_client *c, int tries) {
    curl_off_t after = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &after);
    if (after > 0) return (after < RETRY_AFTER_MOST_S ? after : RETRY_AFTER_MOST_S) * 1000;
    int64_t ms = FIRST_WAIT_MS;
    for (int i = 1; i < tries && ms < LONGEST_WAIT_MS; i++) ms *= 2;
    return with_jitter(ms < LONGEST_WAIT_MS ? ms : LONGEST_WAIT_MS);
}

static void pause_for(int64_t ms, const struct assay_request *q) {
    int64_t until = assay_clock_monotonic_us() + ms * 1000;
    while (!is_stopped(q) && assay_clock_monotonic_us() < until)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
}

enum assay_client_outcome assay_client_ask(struct assay_client *c, const struct assay_request *q, struct assay_reply *out) {
    char why[CURL_ERROR_SIZE];
    *out = (struct assay_reply){0};
    for (;;) {
        struct exchange x = {.q = q, .reply = out};
        out->body.n = 0;
        out->sent = false;
        out->etag[0] = out->next[0] = why[0] = '\0';
        out->tries++;
        if (q->body && !q->body->rewind(q->body->arg)) return ASSAY_UNREADABLE;
        CURLcode code = try_once(c, &x, why);
        if (q->body && x.sent == q->body->size) out->sent = true;
        if (is_stopped(q)) return ASSAY_STOPPED;
        if (x.unreadable) return ASSAY_UNREADABLE;
        bool answered = has_answer(code, out);
        if (answered && !is_passing(out->status)) return ASSAY_ANSWERED;
        if (answered) snprintf(out->why, sizeof out->why, "it answered %d", out->status);
        else
            snprintf(out->why, sizeof out->why, "%s",
                     x.too_long ? "the reply is too long"
                     : *why     ? why
                                : curl_easy_strerror(code));
        if (x.too_long || code == CURLE_URL_MALFORMAT || code == CURLE_PEER_FAILED_VERIFICATION || out->tries > q->retries)
            return answered ? ASSAY_ANSWERED : ASSAY_UNREACHABLE;
        int64_t ms = wait_of(c, out->tries);
        if (q->waiting) q->waiting(q->arg, out->why, ms);
        pause_for(ms, q);
        if (is_stopped(q)) return ASSAY_STOPPED;
    }
}

/* --- in words ------------------------------------------------------------------------------------------------------------------ */

static const char *text_of(const struct assay_json_view *v, const char *key) {
    struct assay_str s = assay_json_string(assay_json_member(v, key));
    return s.p ? s.p : "";
}

void assay_client_complain(const char *what, const struct assay_reply *r) {
    struct assay_json_doc *d = NULL;
    struct assay_error e;
    if (assay_json_load(assay_buf_str(&r->body), &d, &e)) d = NULL;
    const struct assay_json_view *problem = assay_json_root(d), *errors = assay_json_member(problem, "errors");
    const char *code = text_of(problem, "code"), *detail = text_of(problem, "detail");
    fprintf(stderr, "assayd: %s: refused with %d%s%s%s%s\n", what, r->status, *code ? " " : "", code, *detail ? ": " : "",
            detail);
    for (size_t i = 0; i < assay_json_size(errors); i++) {
        const struct assay_json_view *x = assay_json_item(errors, i);
        const char *at = text_of(x, "pointer");
        if (!*at) at = text_of(x, "parameter");
        int64_t line;
        fputs("  ", stderr);
        if (assay_json_integer(assay_json_member(x, "line"), &line)) fprintf(stderr, "line %lld: ", (long long)line);
        fprintf(stderr, "%s: %s%s%s%s\n", text_of(x, "code"), text_of(x, "detail"), *at ? " (" : "", at, *at ? ")" : "");
    }
    if (r->status == 401) fputs("  Give the key with --key-file or ASSAY_KEY_FILE, or the daemon's --state-dir.\n", stderr);
    assay_json_free(d);
}

struct assay_json_doc *assay_client_get(struct assay_client *c, const char *path, const char *language, struct assay_reply *reply,
                                        int *status) {
    struct assay_request q = {.method = "GET",
                              .path = path,
                              .accept = "application/json, application/problem+json",
                              .language = language,
                              .retries = 2};
    struct assay_reply own = {0}, *r = reply ? reply : &own;
    struct assay_json_doc *d = NULL;
    struct assay_error e;
    enum assay_client_outcome got = assay_client_ask(c, &q, r);
    if (got != ASSAY_ANSWERED) fprintf(stderr, "assayd: %s cannot be reached: %s\n", c->url, r->why);
    else if (r->status >= 300) assay_client_complain(path, r);
    else if (assay_json_load(assay_buf_str(&r->body), &d, &e))
        fprintf(stderr, "assayd: %s%s answered with something else than JSON: %s\n", c->url, path, e.detail);
    if (!reply) assay_reply_free(&own);
    if (!d) *status = 3;
    return d;
}

void assay_url_escape(const char *text, struct assay_buf *b) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text)) assay_buf_addc(b, *text);
        else assay_buf_printf(b, "%%%02X", (unsigned char)*text);
    }
}
