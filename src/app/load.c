/* load.c -- `assayd load`: files into a running daemon, one after the other, told as it goes. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/client.h"
#include "app/commands.h"
#include "app/grid.h"
#include "app/load.h"

enum { KIND = ASSAY_CLIENT_OPTIONS_END, CODE, TIME_ZONE, CHARSET, ATOMIC, DRY_RUN, REJECTED, ERRORS, RETRIES, JSON, QUIET };
static const struct assay_option options[] = {
    ASSAY_CLIENT_OPTIONS,
    [KIND] = {"kind", "KIND", "told from the content, else from the name", NULL, ASSAY_LOAD_KIND_WORDS, "what the files hold"},
    [CODE] = {"code", "CODE", "the file's name without its ending", NULL, NULL, "of rates: their code"},
    [TIME_ZONE] = {"time-zone", "ZONE", NULL, NULL, NULL,
                   "where instants have no offset, they are of this zone, as Asia/Shanghai"},
    [CHARSET] = {"charset", "NAME", "told by the daemon", NULL, NULL, "the character set of the files, as GB18030"},
    [ATOMIC] = {"atomic", NULL, NULL, NULL, NULL, "all of a file or nothing of it"},
    [DRY_RUN] = {"dry-run", NULL, NULL, NULL, NULL, "keep nothing; say what would be taken and which verdicts would change"},
    [REJECTED] = {"rejected", "FILE", NULL, NULL, NULL,
                  "write the refused rows there, to be mended and loaded again; with several files it is a folder of files"},
    [ERRORS] = {"errors", "N", "10", NULL, NULL, "how many errors of a file are shown"},
    [RETRIES] = {"retries", "N", "8", NULL, NULL, "how often a file is sent again while the daemon is away or overloaded"},
    [JSON] = {"json", NULL, NULL, NULL, NULL,
              "instead of words, a line of JSON per file: file, kind, status, and the daemon's reply"},
    [QUIET] = {"quiet", NULL, NULL, NULL, NULL, "no progress, and of files that were taken whole no word"},
};

enum state { NOT_SENT, SENDING, SENT, DONE };
struct file {
    const char *path, *name; /* name: as it is called when people read it */
    struct assay_load_source *source;
    struct assay_load_guess guess;
    enum state state;
    struct assay_load_counts counts;
};

struct load {
    const struct assay_cli *cli;
    struct assay_client *client;
    size_t n_files;
    struct file *files;
    int64_t most_errors, retries;
    bool json, quiet, bar;
    /* of the file under way */
    struct file *file;
    int64_t began_us, drawn_us;
    int status; /* the worst so far */
};

static volatile sig_atomic_t stopped;
static void stop(int number) { stopped = number; }

static void worse(struct load *l, int status) {
    if (status > l->status) l->status = status;
}

/* --- before anything is sent ----------------------------------------------------------------------------------------------- */

static bool look_at(struct load *l, struct file *f) {
    const char *kind = assay_cli_value(l->cli, KIND);
    char *head = assay_xmalloc(ASSAY_LOAD_HEAD);
    size_t n = 0;
    ssize_t got = 1;
    f->source = assay_load_open(f->path);
    if (f->source)
        for (; n < ASSAY_LOAD_HEAD && (got = assay_load_read(f->source, head + n, ASSAY_LOAD_HEAD - n)) > 0; n += (size_t)got)
            continue;
    bool good = f->source && got >= 0;
    if (!good && !stopped) fprintf(stderr, "assayd load: cannot read %s: %s\n", f->name, strerror(errno));
    if (good) {
        f->guess = assay_load_guess(strcmp(f->path, "-") ? f->path : "", head, n, got == 0);
        if (kind) f->guess.kind = assay_load_kind_of(kind);
        good = f->guess.kind != ASSAY_LOAD_KINDS;
        if (!good) fprintf(stderr, "assayd load: what %s holds is not plain; say it with --kind\n", f->name);
    }
    free(head);
    return good;
}

/* Every file is looked at first: a name mistyped last must not show after an hour. */
static bool look_at_all(struct load *l) {
    bool good = true;
    l->n_files = (size_t)l->cli->n_operands;
    l->files = assay_xcalloc(l->n_files + 1, sizeof *l->files);
    for (size_t i = 0; i < l->n_files && !stopped; i++) {
        struct file *f = &l->files[i];
        f->path = l->cli->operands[i];
        f->name = strcmp(f->path, "-") ? f->path : "standard input";
        good = look_at(l, f) && good;
    }
    /* Providers first, and otherwise the order that was given. */
    size_t n_first = 0;
    for (size_t i = 0; i < l->n_files; i++) {
        if (l->files[i].guess.kind != ASSAY_LOAD_PROVIDERS) continue;
        struct file f = l->files[i];
        memmove(&l->files[n_first + 1], &l->files[n_first], (i - n_first) * sizeof f);
        l->files[n_first++] = f;
    }
    return good;
}

/* --- progress ------------------------------------------------------------------------------------------------------------------ */

static int terminal_width(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static void clear_bar(const struct load *l) {
    if (l->bar && l->drawn_us) fputs("\r\033[K", stderr);
}

static void draw(void *arg, int64_t sent) {
    struct load *l = arg;
    int64_t now = assay_clock_monotonic_us(), size = assay_load_size(l->file->source);
    bool end = size >= 0 && sent >= size && l->file->state != SENT;
    if (end) l->file->state = SENT;
    if (!l->bar || (now - l->drawn_us < 100000 && !end)) return;
    struct assay_buf b = {0};
    assay_load_progress(l->file->name, sent, size, now - l->began_us, terminal_width(), &b);
    fprintf(stderr, "\r%s\033[K", b.p);
    assay_buf_free(&b);
    l->drawn_us = now;
}

static void tell_wait(void *arg, const char *why, int64_t ms) {
    struct load *l = arg;
    clear_bar(l);
    l->file->state = SENDING;
    if (!l->quiet)
        fprintf(stderr, "%s: %s; again in %lld.%lld s\n", l->file->name, why, (long long)(ms / 1000),
                (long long)(ms % 1000 / 100));
}

/* --- refused rows ---------------------------------------------------------------------------------------------------------------- */

/* With several files, each has its rows in a file of its own name in the folder. */
static FILE *open_rejected(const struct load *l, const char *to) {
    struct assay_buf path = {0};
    const char *slash = strrchr(l->file->path, '/'), *name = slash ? slash + 1 : l->file->path;
    assay_buf_adds(&path, to);
    if (l->n_files > 1) {
        if (mkdir(to, 0777) != 0 && errno != EEXIST) fprintf(stderr, "assayd load: %s: %s\n", to, strerror(errno));
        size_t n = strlen(name);
        if (n > 3 && !strcmp(name + n - 3, ".gz")) n -= 3; /* the rows come plain */
        assay_buf_printf(&path, "/%.*s", (int)n, strcmp(name, "-") ? name : "stdin");
    }
    FILE *f = fopen(path.p, "we");
    if (!f) fprintf(stderr, "assayd load: cannot write %s: %s\n", path.p, strerror(errno));
    assay_buf_free(&path);
    return f;
}

/* The rows as the daemon kept them, page by page. A table's further pages would repeat its header line. */
static bool copy_rejected(struct load *l, struct assay_str upload, FILE *f) {
    struct assay_buf path = {0};
    bool good = true, csv = false;
    assay_buf_printf(&path, "/v1/uploads/%.*s/rejected?limit=1000", ASSAY_STR_ARG(upload));
    for (size_t page = 0; good && path.n; page++) {
        struct assay_request q = {.method = "GET", .path = path.p, .retries = (int)l->retries, .stop = &stopped};
        struct assay_reply r;
        good = assay_client_ask(l->client, &q, &r) == ASSAY_ANSWERED && r.status == 200;
        csv = csv || l->file->guess.format == ASSAY_LOAD_CSV;
        const char *from = r.body.p ? r.body.p : "", *feed = csv && page ? strchr(from, '\n') : NULL;
        if (feed && *from != '{') from = feed + 1;
        if (!good && !stopped) fprintf(stderr, "assayd load: the refused rows cannot be had: %s\n", r.status ? path.p : r.why);
        else if (good) good = fputs(from, f) >= 0;
        path.n = 0;
        assay_buf_adds(&path, r.next);
        assay_reply_free(&r);
    }
    assay_buf_free(&path);
    return good;
}

static void write_rejected(struct load *l, const struct assay_json_view *reply, int status) {
    const char *to = assay_cli_value(l->cli, REJECTED);
    struct assay_str upload = assay_json_string(assay_json_member(reply, "upload"));
    if (!to || (status != 422 && !l->file->counts.rejected)) return;
    if (!upload.n) {
        fprintf(stderr, "%s: nothing of it was kept, so mend the file itself\n", l->file->name);
        return;
    }
    FILE *f = open_rejected(l, to);
    if (!f || !copy_rejected(l, upload, f)) worse(l, 3);
    if (f && fclose(f) != 0) {
        fprintf(stderr, "assayd load: cannot write to %s: %s\n", to, strerror(errno));
        worse(l, 3);
    }
}

/* --- what came of a file ----------------------------------------------------------------------------------------------------------- */

static void tell_json(const struct load *l, const struct assay_json_view *reply, int status) {
    struct assay_buf b = {0}, raw = {0};
    assay_json_view_write(reply, &raw);
    assay_json_object(&b, NULL);
    assay_json_text(&b, "file", l->file->path);
    assay_json_text(&b, "kind", assay_load_kind_name(l->file->guess.kind));
    assay_json_int(&b, "status", status);
    if (raw.n) assay_json_raw(&b, "reply", assay_buf_str(&raw));
    else assay_json_null(&b, "reply");
    assay_json_object_end(&b);
    puts(b.p);
    assay_buf_free(&b);
    assay_buf_free(&raw);
}

static void tell_words(const struct load *l, const struct assay_json_view *reply) {
    const struct assay_load_counts *c = &l->file->counts;
    struct assay_str upload = assay_json_string(assay_json_member(reply, "upload"));
    int64_t us = assay_clock_monotonic_us() - l->began_us;
    struct assay_buf b = {0};
    if (l->quiet && !c->rejected) return;
    assay_buf_printf(&b, "%s: %s: %lld received, %lld accepted, %lld duplicates, %lld rejected (", l->file->name,
                     assay_load_kind_name(l->file->guess.kind), (long long)c->received, (long long)c->accepted,
                     (long long)c->duplicates, (long long)c->rejected);
    assay_load_bytes(assay_load_size(l->file->source), &b);
    assay_buf_printf(&b, ", %lld.%02lld s", (long long)(us / 1000000), (long long)(us / 10000 % 100));
    if (upload.n) assay_buf_printf(&b, ", upload %.*s", ASSAY_STR_ARG(upload));
    assay_buf_adds(&b, ")\n");
    assay_load_details(reply, c->rejected, (size_t)l->most_errors, &b);
    fputs(b.p, stdout);
    assay_buf_free(&b);
}

/* 422: the content was refused, as a whole or in part; anything else that is no success is the daemon's no to the request. */
static void take_reply(struct load *l, const struct assay_reply *r) {
    struct assay_json_doc *d = NULL;
    struct assay_error e;
    if (assay_json_load(assay_buf_str(&r->body), &d, &e)) d = NULL;
    const struct assay_json_view *reply = assay_json_root(d);
    l->file->counts = assay_load_counts(reply, r->status);
    l->file->state = DONE;
    if (l->json) tell_json(l, reply, r->status);
    else if (l->file->counts.known) tell_words(l, reply);
    else assay_client_complain(l->file->name, r);
    if (r->status == 422 || l->file->counts.rejected) worse(l, 1);
    else if (r->status >= 300) worse(l, 3);
    write_rejected(l, reply, r->status);
    fflush(stdout);
    assay_json_free(d);
}

/* --- sending a file ------------------------------------------------------------------------------------------------------------------ */

static void add_parameter(struct assay_buf *path, const char *name, const char *value) {
    if (!value) return;
    assay_buf_printf(path, "%c%s=", memchr(path->p, '?', path->n) ? '&' : '?', name);
    assay_url_escape(value, path);
}

static void path_of(const struct load *l, struct assay_buf *path) {
    const struct file *f = l->file;
    assay_buf_printf(path, "/v1/%s", assay_load_kind_name(f->guess.kind));
    if (f->guess.kind == ASSAY_LOAD_RATES) {
        const char *code = assay_cli_value(l->cli, CODE), *slash = strrchr(f->path, '/');
        struct assay_buf stem = {0};
        if (!slash) slash = f->path - 1;
        assay_buf_add(&stem, slash + 1, strcspn(slash + 1, "."));
        assay_buf_addc(path, '/');
        assay_url_escape(code ? code : stem.p, path);
        assay_buf_free(&stem);
        return;
    }
    add_parameter(path, "time_zone", assay_cli_value(l->cli, TIME_ZONE));
    add_parameter(path, "atomic", assay_cli_flag(l->cli, ATOMIC) ? "true" : NULL);
    add_parameter(path, "dry_run", assay_cli_flag(l->cli, DRY_RUN) ? "true" : NULL);
}

/* A document that stands already is replaced only by who says which version he means. */
static void find_version(const struct load *l, const char *path, char etag[128]) {
    struct assay_request q = {.method = "GET", .path = path, .retries = (int)l->retries, .stop = &stopped};
    struct assay_reply r;
    if (assay_client_ask(l->client, &q, &r) == ASSAY_ANSWERED && r.status == 200) snprintf(etag, 128, "%s", r.etag);
    assay_reply_free(&r);
}

static void tell_failure(struct load *l, enum assay_client_outcome answer, const struct assay_reply *r) {
    if (answer == ASSAY_STOPPED) return;
    if (answer == ASSAY_UNREADABLE) fprintf(stderr, "assayd load: %s cannot be read: %s\n", l->file->name, strerror(errno));
    else
        fprintf(stderr, "assayd load: %s: %s cannot be reached: %s (tried %d times)\n", l->file->name,
                assay_client_url(l->client), r->why, r->tries);
    worse(l, 3);
}

/* False: the next files are not to be sent. */
static bool send_file(struct load *l, struct file *f) {
    const char *charset = assay_cli_value(l->cli, CHARSET);
    struct assay_buf path = {0}, type = {0};
    struct assay_body body = {f->source, assay_load_read, assay_load_rewind, assay_load_size(f->source)};
    char etag[128] = "";
    bool document = f->guess.kind == ASSAY_LOAD_RATES;
    l->file = f;
    l->began_us = assay_clock_monotonic_us();
    l->drawn_us = 0;
    f->state = SENDING;
    path_of(l, &path);
    if (document) find_version(l, path.p, etag);
    assay_buf_adds(&type, assay_load_media_type(f->guess.format));
    if (charset) assay_buf_printf(&type, "; charset=%s", charset);
    struct assay_request q = {.method = document ? "PUT" : "POST",
                              .path = path.p,
                              .type = type.p,
                              .encoding = f->guess.gzip ? "gzip" : NULL,
                              .accept = "application/json, application/problem+json",
                              .if_match = *etag ? etag : NULL,
                              .body = &body,
                              .retries = (int)l->retries,
                              .progress = draw,
                              .waiting = tell_wait,
                              .arg = l,
                              .stop = &stopped};
    struct assay_reply r;
    enum assay_client_outcome answer = assay_client_ask(l->client, &q, &r);
    if (r.sent) f->state = SENT;
    clear_bar(l);
    if (answer == ASSAY_ANSWERED) take_reply(l, &r);
    else tell_failure(l, answer, &r);
    bool go_on = answer == ASSAY_ANSWERED && r.status != 401 && r.status != 403 && (r.status < 500 || r.status > 599);
    assay_reply_free(&r);
    assay_buf_free(&path);
    assay_buf_free(&type);
    return go_on;
}

/* --- the command ----------------------------------------------------------------------------------------------------------------------- */

/* An upload is applied when its body is at its end: what was not sent whole left nothing. */
static void tell_what_stands(const struct load *l) {
    fputs("assayd load: stopped. What stands:\n", stderr);
    for (size_t i = 0; i < l->n_files; i++) {
        const struct file *f = &l->files[i];
        fprintf(stderr, "  %s: ", f->name);
        if (f->state == DONE) fprintf(stderr, "answered: %lld accepted\n", (long long)f->counts.accepted);
        else if (f->state == SENT)
            fputs("sent whole, not yet answered: it may have been taken; loading it again is harmless\n", stderr);
        else fputs(f->state == SENDING ? "nothing: it was not sent to its end\n" : "nothing: it was not sent\n", stderr);
    }
}

static void tell_sum(const struct load *l) {
    struct assay_load_counts sum = {0};
    if (l->n_files < 2 || l->json || l->quiet) return;
    for (size_t i = 0; i < l->n_files; i++) {
        const struct assay_load_counts *c = &l->files[i].counts;
        sum.received += c->received, sum.accepted += c->accepted, sum.duplicates += c->duplicates, sum.rejected += c->rejected;
    }
    printf("together: %lld received, %lld accepted, %lld duplicates, %lld rejected\n", (long long)sum.received,
           (long long)sum.accepted, (long long)sum.duplicates, (long long)sum.rejected);
}

static void catch_signals(void) {
    struct sigaction sa = {.sa_handler = stop}; /* no SA_RESTART: a read that waits ends */
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void load_all(struct load *l) {
    size_t i = 0;
    for (; i < l->n_files && !stopped; i++)
        if (!send_file(l, &l->files[i])) break;
    if (stopped) {
        clear_bar(l);
        tell_what_stands(l);
        l->status = 128 + stopped;
        return;
    }
    for (size_t k = i + 1; k < l->n_files; k++) fprintf(stderr, "assayd load: %s: not sent\n", l->files[k].name);
    tell_sum(l);
}

static int run_load(int argc, char **argv) {
    struct assay_cli cli;
    int status;
    if (!assay_cli_begin(&assay_command_load, argc, argv, &cli, &status)) return status;
    struct load l = {.cli = &cli, .most_errors = 10, .retries = 8};
    if (!assay_cli_number(&cli, ERRORS, 0, 1000, &l.most_errors) || !assay_cli_number(&cli, RETRIES, 0, 1000, &l.retries))
        return 2;
    if (!cli.n_operands) return assay_cli_wrong(cli.command, "say which files; - is the standard input");
    l.client = assay_client_new(&cli, &status);
    if (!l.client) return status;
    l.json = assay_cli_flag(&cli, JSON);
    l.quiet = assay_cli_flag(&cli, QUIET);
    l.bar = !l.quiet && isatty(STDERR_FILENO);
    assay_text_begin();
    catch_signals();
    if (look_at_all(&l)) load_all(&l);
    else l.status = stopped ? 128 + stopped : 2;
    for (size_t i = 0; i < l.n_files; i++) assay_load_close(l.files[i].source);
    free(l.files);
    assay_client_free(l.client);
    return l.status;
}

const struct assay_command assay_command_load = {
    .name = "load",
    .group = "Data",
    .summary = "send files of records to a running daemon",
    .synopsis = "[options] FILE...",
    .about =
        "Sends files to a daemon, one after the other as they are given, but files of providers first; - is the standard input. "
        "What a file holds and whether it is NDJSON, a JSON array or CSV is told from its first bytes, else from its name. A "
        "file that is compressed by gzip is sent as it is.\n"
        "Files of any size are streamed. While the daemon is away or overloaded the file is sent again, after Retry-After where "
        "that is said. Sending again is harmless: a record is taken once, whatever became of the first try. A file whose end was "
        "not sent left nothing behind.\n"
        "Refused rows are named with line, code and detail, and --rejected writes them to be mended and loaded again.",
    .operands = "FILE",
    ASSAY_OPTIONS(options),
    .examples =
        (const struct assay_example[]){
            {"A month's files, with the key of a daemon on this machine:",
             "assayd load --state-dir /var/lib/assay providers.csv events.ndjson.gz"},
            {"Rows of a database, as they are read:",
             "psql -qAtf events.sql | assayd load --key-file key --kind repair-events -"},
            {"What would it change?",
             "assayd load --key-file key --dry-run surveys.csv --charset GB18030 --time-zone Asia/Shanghai"},
            {"Mend what was refused, and load it again:", "assayd load --key-file key --rejected bad.ndjson events.ndjson"},
            {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "everything was taken, or stood already"},
                                                      {1, "some records were refused (with --atomic: so nothing was taken)"},
                                                      {2, "wrong usage, or a file that cannot be read"},
                                                      {3, "the daemon could not be reached, or refused the request"},
                                                      {130, "stopped by Ctrl-C"},
                                                      {0}},
    .run = run_load,
};
