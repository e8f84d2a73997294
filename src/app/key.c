/* key.c -- `assayd key`: who may call a running daemon. A secret goes to stdout alone, so that it can be led into a file. */
#include <stdlib.h>

#include "app/client.h"
#include "app/commands.h"
#include "app/grid.h"
#include "app/words.h"
#include "assay/access.h"

enum { ROLE = ASSAY_CLIENT_OPTIONS_END, PROVIDER, EXPIRES, OVERLAP, JSON };
static const struct assay_option options[] = {
    ASSAY_CLIENT_OPTIONS,
    [ROLE] = {"role", "ROLE", NULL, NULL, "provider ccc logistics portal dashboard manufacturer admin",
              "new: what its holder is"},
    [PROVIDER] = {"provider", "CODE", NULL, NULL, NULL, "new: the only provider it may see and send of"},
    [EXPIRES] =
        {"expires", "INSTANT", NULL, NULL, NULL,
         "new, rotate: when the new key ends, as 2027-01-01T00:00:00+08:00; not said: never, or after as long a life as the "
         "key it replaces"},
    [OVERLAP] = {"overlap", "SECONDS", "86400", NULL, NULL, "rotate: how long the key that is replaced goes on"},
    [JSON] = {"json", NULL, NULL, NULL, NULL, "list: the keys as the daemon says them, one JSON object a line"},
};

/* --- asking ------------------------------------------------------------------------------------------------------------------- */

struct bytes {
    struct assay_str text;
    size_t at;
};
static ssize_t read_bytes(void *arg, void *to, size_t n) {
    struct bytes *b = arg;
    size_t left = b->text.n - b->at;
    if (n > left) n = left;
    memcpy(to, b->text.p + b->at, n);
    b->at += n;
    return (ssize_t)n;
}
static bool rewind_bytes(void *arg) {
    ((struct bytes *)arg)->at = 0;
    return true;
}

/* Once only: a key that was made and whose answer was lost is made again by hand, and the list shows both. */
static int send(struct assay_client *c, const char *method, const char *path, const struct assay_buf *document,
                struct assay_reply *r) {
    struct bytes bytes = {.text = document ? assay_buf_str(document) : ASSAY_STR("")};
    struct assay_body body = {&bytes, read_bytes, rewind_bytes, (int64_t)bytes.text.n};
    struct assay_request q = {.method = method,
                              .path = path,
                              .type = document ? "application/json" : NULL,
                              .accept = "application/json, application/problem+json",
                              .body = document ? &body : NULL};
    if (assay_client_ask(c, &q, r) != ASSAY_ANSWERED) {
        fprintf(stderr, "assayd: %s cannot be reached: %s\n", assay_client_url(c), r->why);
        return 3;
    }
    if (r->status < 300) return 0;
    assay_client_complain(path, r);
    return 3;
}

static const char *text_of(const struct assay_json_view *v, const char *key) {
    struct assay_str s = assay_json_string(assay_json_member(v, key));
    return s.p ? s.p : "-";
}

/* The secret, alone on stdout; whose it is, on stderr. */
static int show_made(const struct assay_reply *r) {
    struct assay_json_doc *d;
    struct assay_error e;
    if (assay_json_load(assay_buf_str(&r->body), &d, &e)) {
        fprintf(stderr, "assayd: the daemon answered with something else than JSON: %s\n", e.detail);
        return 3;
    }
    const struct assay_json_view *k = assay_json_root(d);
    fprintf(stderr, "%s: %s, role %s, provider %s, expires %s. This is the only time it is shown:\n", text_of(k, "key"),
            text_of(k, "name"), text_of(k, "role"), text_of(k, "provider"), text_of(k, "expires_at"));
    printf("%s\n", text_of(k, "secret"));
    assay_json_free(d);
    return 0;
}

static int ask_for_key(struct assay_client *c, const char *path, const struct assay_buf *document) {
    struct assay_reply r;
    int status = send(c, "POST", path, document, &r);
    if (!status) status = show_made(&r);
    assay_reply_free(&r);
    return status;
}

/* --- what can be done ----------------------------------------------------------------------------------------------------------- */

static void print_keys(struct assay_grid *t, const struct assay_json_view *items, bool json) {
    static const char *const words[] = {"key", "name", "role", "provider", "status"};
    static const char *const instants[] = {"created_at", "expires_at", "last_used_at"};
    for (size_t i = 0; i < assay_json_size(items); i++) {
        const struct assay_json_view *k = assay_json_item(items, i);
        struct assay_buf b = {0};
        if (json) assay_json_view_write(k, &b), puts(b.p);
        for (size_t w = 0; !json && w < sizeof words / sizeof *words; w++) assay_grid_cell(t, text_of(k, words[w]));
        for (size_t w = 0; !json && w < sizeof instants / sizeof *instants; w++) {
            b.n = 0;
            assay_words_instant(k, instants[w], &b);
            assay_grid_cell(t, b.p);
        }
        assay_buf_free(&b);
    }
}

static int list_keys(const struct assay_cli *cli, struct assay_client *c) {
    static const char *const header[] = {"KEY", "NAME", "ROLE", "PROVIDER", "STATUS", "MADE", "EXPIRES", "LAST USED", NULL};
    struct assay_grid t = {0};
    struct assay_buf path = {0};
    int status = 0;
    bool json = assay_cli_flag(cli, JSON);
    assay_text_begin();
    assay_grid_begin(&t, header);
    assay_buf_adds(&path, "/v1/keys?limit=1000");
    while (path.n && !status) {
        struct assay_reply r;
        struct assay_json_doc *d = assay_client_get(c, path.p, NULL, &r, &status);
        print_keys(&t, assay_json_member(assay_json_root(d), "items"), json);
        path.n = 0;
        assay_buf_adds(&path, r.next);
        assay_json_free(d);
        assay_reply_free(&r);
    }
    if (!json && !status) assay_grid_print(&t, stdout);
    assay_grid_free(&t);
    assay_buf_free(&path);
    return status;
}

static int new_key(const struct assay_cli *cli, struct assay_client *c, const char *name) {
    struct assay_buf b = {0};
    if (!assay_cli_value(cli, ROLE)) return assay_cli_wrong(cli->command, "new wants --role");
    assay_json_object(&b, NULL);
    assay_json_text(&b, "name", name);
    assay_json_text(&b, "role", assay_cli_value(cli, ROLE));
    assay_json_text(&b, "provider", assay_cli_value(cli, PROVIDER));
    assay_json_text(&b, "expires_at", assay_cli_value(cli, EXPIRES));
    assay_json_object_end(&b);
    int status = ask_for_key(c, "/v1/keys", &b);
    assay_buf_free(&b);
    return status;
}

static int rotate_key(const struct assay_cli *cli, struct assay_client *c, const char *key) {
    struct assay_buf b = {0}, path = {0};
    int64_t overlap = ASSAY_KEY_OVERLAP_DEFAULT;
    if (!assay_cli_number(cli, OVERLAP, 0, ASSAY_KEY_OVERLAP_MAX, &overlap)) return 2;
    assay_json_object(&b, NULL);
    assay_json_int(&b, "overlap_seconds", overlap);
    assay_json_text(&b, "expires_at", assay_cli_value(cli, EXPIRES));
    assay_json_object_end(&b);
    assay_buf_adds(&path, "/v1/keys/");
    assay_url_escape(key, &path);
    assay_buf_adds(&path, "/rotate");
    int status = ask_for_key(c, path.p, &b);
    assay_buf_free(&b);
    assay_buf_free(&path);
    return status;
}

static int revoke_key(const struct assay_cli *cli, struct assay_client *c, const char *key) {
    struct assay_buf path = {0};
    struct assay_reply r;
    (void)cli;
    assay_buf_adds(&path, "/v1/keys/");
    assay_url_escape(key, &path);
    int status = send(c, "DELETE", path.p, NULL, &r);
    if (!status) fprintf(stderr, "%s is revoked\n", key);
    assay_reply_free(&r);
    assay_buf_free(&path);
    return status;
}

static int run_key(int argc, char **argv) {
    struct assay_cli cli;
    int status;
    if (!assay_cli_begin(&assay_command_key, argc, argv, &cli, &status)) return status;
    const char *act = cli.n_operands ? cli.operands[0] : "", *what = cli.n_operands > 1 ? cli.operands[1] : NULL;
    bool lists = !strcmp(act, "list"), makes = !strcmp(act, "new"), rotates = !strcmp(act, "rotate"),
         revokes = !strcmp(act, "revoke");
    if (!lists && !makes && !rotates && !revokes) return assay_cli_wrong(cli.command, "say list, new, rotate or revoke");
    if (lists && what) return assay_cli_wrong(cli.command, "list takes no \"%s\"", what);
    if (!lists && cli.n_operands != 2) return assay_cli_wrong(cli.command, "%s wants one %s", act, makes ? "name" : "key");
    struct assay_client *c = assay_client_new(&cli, &status);
    if (!c) return status;
    status = lists     ? list_keys(&cli, c)
             : makes   ? new_key(&cli, c, what)
             : rotates ? rotate_key(&cli, c, what)
                       : revoke_key(&cli, c, what);
    assay_client_free(c);
    fflush(stdout);
    return status;
}

const struct assay_command assay_command_key = {
    .name = "key",
    .group = "Daemon",
    .summary = "list, make, replace and revoke keys",
    .synopsis = "list|new NAME|rotate KEY|revoke KEY [options]",
    .about = "Asks a running daemon, with the administrator's key. A new key's secret is printed on stdout, this once; the "
             "daemon keeps "
             "its SHA-256 only. A change holds on every daemon of the database within a second, and stands in the audit log.",
    ASSAY_OPTIONS(options),
    .operands = "list new rotate revoke",
    .examples = (const struct assay_example[]){{"A key for the system of provider P001:",
                                                "assayd key new \"P001 service desk\" --role provider --provider P001 "
                                                "--state-dir /var/lib/assay >p001.key"},
                                               {"A new one in its place, while both hold for a week:",
                                                "assayd key rotate assay_0123456789abcdef --overlap 604800 --state-dir "
                                                "/var/lib/assay >p001.key"},
                                               {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "done"},
                                                      {2, "wrong usage"},
                                                      {3, "the daemon could not be reached, or refused"},
                                                      {0}},
    .run = run_key,
};
