/* client.h -- asking a running daemon over HTTP: its address, the key, a request with its reply, patience with a daemon that
 * is away for a moment. Must not know: what any route means. The one place that knows libcurl. */
#ifndef ASSAY_CLIENT_H
#define ASSAY_CLIENT_H

#include <signal.h>

#include "app/cli.h"
#include "assay/json_view.h"

/* The rows every command that asks a daemon begins its options with, and their indexes. */
enum {
    ASSAY_CLIENT_URL,
    ASSAY_CLIENT_CA_FILE,
    ASSAY_CLIENT_KEY,
    ASSAY_CLIENT_KEY_FILE,
    ASSAY_CLIENT_STATE_DIR,
    ASSAY_CLIENT_OPTIONS_END
};
/* clang-format off */
#define ASSAY_CLIENT_URL_OPTIONS \
    [ASSAY_CLIENT_URL] = {"url", "URL", "http://127.0.0.1:8080", "ASSAY_URL", NULL, "where the daemon answers"}, \
    [ASSAY_CLIENT_CA_FILE] = {"ca-file", "FILE", NULL, "ASSAY_CA_FILE", NULL, "certificates (PEM) that may vouch for its own under https, instead of those the system trusts"}
#define ASSAY_CLIENT_OPTIONS \
    ASSAY_CLIENT_URL_OPTIONS, \
    [ASSAY_CLIENT_KEY] = {"key", "KEY", NULL, "ASSAY_KEY", NULL, "the key to show it; every user of this machine can read it on the command line, so rather use --key-file"}, \
    [ASSAY_CLIENT_KEY_FILE] = {"key-file", "FILE", NULL, "ASSAY_KEY_FILE", NULL, "the file that holds the key"}, \
    [ASSAY_CLIENT_STATE_DIR] = {"state-dir", "DIR", NULL, "ASSAY_STATE_DIR", NULL, "the daemon's state directory: where no key is given, the one in its admin.key is shown"}
/* clang-format on */

struct assay_client;
/* Whom and how, by those options (by the URL and who vouches for it alone, for a command that has only those). NULL (and a complaint on stderr): *status is what the command returns. Asks nobody yet. */
struct assay_client *assay_client_new(const struct assay_cli *cli, int *status);
void assay_client_free(struct assay_client *c);
const char *assay_client_url(const struct assay_client *c);

/* A body that is read as it is sent, and from its beginning again where it has to be sent again. */
struct assay_body {
    void *arg;
    ssize_t (*read)(void *arg, void *to, size_t n); /* 0: the end; -1: it cannot be read */
    bool (*rewind)(void *arg);
    int64_t size; /* -1: not known */
};

struct assay_request {
    const char *method, *path;     /* path with its query, from "/" */
    const char *type, *encoding;   /* Content-Type, Content-Encoding; NULL: none */
    const char *accept, *language; /* NULL: none */
    const char *if_match;          /* NULL: none */
    const struct assay_body *body; /* NULL: none */
    int retries;                   /* how often it is tried again */
    /* Called as bytes go out, some times a second; may be NULL. */
    void (*progress)(void *arg, int64_t sent);
    /* Called before a wait for another try; may be NULL. */
    void (*waiting)(void *arg, const char *why, int64_t ms);
    void *arg;
    const volatile sig_atomic_t *stop; /* set: give up at once; may be NULL */
};
enum assay_client_outcome {
    ASSAY_ANSWERED,    /* status, body and headers are the daemon's */
    ASSAY_UNREACHABLE, /* no reply; why says why */
    ASSAY_UNREADABLE,  /* the body to be sent could not be read */
    ASSAY_STOPPED,     /* by request.stop */
};
struct assay_reply {
    int status;
    struct assay_buf body;
    char etag[128];  /* "" where there is none */
    char next[1024]; /* path of the Link of relation "next", "" where there is none */
    bool sent;       /* the whole body was sent in the last try */
    int tries;
    char why[320];
};
/* What is tried again: a connection that fails or ends early, 429, 502, 503 and 504; after Retry-After, else after a time that
 * doubles. What the daemon takes is harmless to send again, so no reply is no loss. */
enum assay_client_outcome assay_client_ask(struct assay_client *c, const struct assay_request *q, struct assay_reply *out);
void assay_reply_free(struct assay_reply *r);

/* GET path and parse the reply. NULL (and what went wrong on stderr, with the daemon's words for it): *status is what the
 * command returns: 3. reply may be NULL; else it is the caller's to free. */
struct assay_json_doc *assay_client_get(struct assay_client *c, const char *path, const char *language, struct assay_reply *reply,
                                        int *status);
/* A reply that is no success, in words, on stderr: status, code, detail, and each error. */
void assay_client_complain(const char *what, const struct assay_reply *r);

/* "%2F" for every byte that may not stand in a segment of a path or a value of a query. */
void assay_url_escape(const char *text, struct assay_buf *b);

#endif
