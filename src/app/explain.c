/* explain.c -- `assayd explain`: a verdict from files, as a person wants to read it. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>

#include "app/commands.h"
#include "app/explain.h"
#include "app/words.h"
#include "assay/service.h"

#define FILES_MAX 64
#define FILE_BYTES_MAX ((size_t)1 << 30)

struct request {
    const char *files[FILES_MAX];
    int n_files;
    const char *scheme, *calendar; /* paths */
    const char *provider, *order;
    bool chinese;
};

static const struct assay_option options[] = {
    ASSAY_CLIENT_OPTIONS,
    [ASSAY_EXPLAIN_FILE] =
        {"file", "FILE", NULL, NULL, NULL,
         "judge the records of this file (NDJSON, - is the standard input) instead of asking a daemon; may be said "
         "many times: providers, dispatches, repair events and survey responses in any order"},
    [ASSAY_EXPLAIN_SCHEME] = {"scheme", "FILE", "hp-gold-fy01", NULL, NULL,
                              "with --file a scheme's document, else a scheme's code"},
    [ASSAY_EXPLAIN_CALENDAR] = {"calendar", "FILE", "cn-office", NULL, NULL, "with --file: a calendar's document"},
    [ASSAY_EXPLAIN_LANG] = ASSAY_LANG_OPTION,
    [ASSAY_EXPLAIN_JSON] = {"json", NULL, NULL, NULL, NULL, "the daemon's verdict as it is, in JSON"},
};

static bool read_request(const struct assay_cli *cli, struct request *q) {
    for (size_t i = 0; i < cli->n_given; i++) {
        if (cli->given[i].option != ASSAY_EXPLAIN_FILE) continue;
        if (q->n_files == FILES_MAX) return false;
        q->files[q->n_files++] = cli->given[i].value;
    }
    q->scheme = assay_cli_value(cli, ASSAY_EXPLAIN_SCHEME);
    q->calendar = assay_cli_value(cli, ASSAY_EXPLAIN_CALENDAR);
    q->chinese = assay_words_chinese(cli, ASSAY_EXPLAIN_LANG);
    q->provider = cli->n_operands > 0 ? cli->operands[0] : NULL;
    q->order = cli->n_operands > 1 ? cli->operands[1] : NULL;
    return true;
}

static bool read_file(const char *path, struct assay_buf *out) {
    bool named = strcmp(path, "-") != 0;
    FILE *f = named ? fopen(path, "re") : stdin;
    if (!f) {
        fprintf(stderr, "assayd: cannot read %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t n;
    char chunk[65536];
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && out->n < FILE_BYTES_MAX) assay_buf_add(out, chunk, n);
    bool ok = !ferror(f);
    if (named) fclose(f);
    return ok;
}

/* Bad lines are named and passed over; false when there were any. */
static bool load_file(struct assay_offline *o, const char *path) {
    struct assay_buf text = {0};
    struct assay_ndjson lines;
    struct assay_ndjson_line line;
    bool good = read_file(path, &text);
    assay_ndjson_init(&lines, (size_t)1 << 24);
    assay_ndjson_feed(&lines, text.p ? text.p : "", text.n);
    for (int pass = 0; pass < 2; pass++) {
        while (assay_ndjson_next(&lines, &line)) {
            struct assay_errors es = {0};
            if (line.status) assay_errors_add(&es, line.status, "", "the line is too long");
            else if (assay_offline_line(o, line.text, assay_clock_now(), &es) == ASSAY_OK) continue;
            for (size_t i = 0; i < assay_errors_kept(&es); i++)
                fprintf(stderr, "%s:%zu: %s %s\n", path, line.number, es.items[i].field, es.items[i].detail);
            good = false;
        }
        if (pass == 0) assay_ndjson_finish(&lines);
    }
    assay_ndjson_free(&lines);
    assay_buf_free(&text);
    return good;
}

/* --- printing ----------------------------------------------------------------------------------------------------------------- */

static const char *or_dash(const char *s) { return s ? s : "-"; }

static void say_instant(const struct assay_zone *z, assay_instant t, char out[ASSAY_INSTANT_TEXT]) {
    if (t == ASSAY_NO_INSTANT) snprintf(out, ASSAY_INSTANT_TEXT, "-");
    else assay_instant_format_at(t, assay_zone_offset(z, t), out);
}

static void say_duration(int64_t us, char out[48]) {
    long long s = us / ASSAY_SECOND;
    if (us < 0) snprintf(out, 48, "-");
    else if (s % 60) snprintf(out, 48, "%lld h %02lld min %02lld s", s / 3600, s / 60 % 60, s % 60);
    else snprintf(out, 48, "%lld h %02lld min", s / 3600, s / 60 % 60);
}

static void print_line(const struct assay_offline_order *x) {
    const struct assay_verdict *v = &x->verdict;
    printf("%-12.*s %-16.*s %-10s %-13s %-15s diagnosis %-14s cycle %-14s %s\n", ASSAY_STR_ARG(x->provider),
           ASSAY_STR_ARG(x->order), assay_state_name(x->facts.state), or_dash(assay_outcome_name(v->outcome)),
           or_dash(assay_rule_name(v->cycle.rule)), or_dash(assay_clock_outcome_name(v->diagnosis.outcome)),
           or_dash(assay_clock_outcome_name(v->cycle.outcome)), v->reason ? assay_reason_name(v->reason) : "");
}

static void print_ledger(const char *title, const struct assay_ledger *l, const struct assay_zone *z) {
    char from[ASSAY_INSTANT_TEXT], to[ASSAY_INSTANT_TEXT], length[48];
    int64_t sum = 0;
    if (!l->n) return;
    printf("\n%s\n", title);
    for (size_t i = 0; i < l->n; i++) {
        const struct assay_ledger_entry *x = &l->entries[i];
        say_instant(z, x->from, from);
        say_instant(z, x->to, to);
        say_duration(x->to - x->from, length);
        printf("  %s  %s  %-8s %s\n", from, to, assay_stretch_name(x->kind), length);
        sum += x->to - x->from;
    }
    say_duration(sum, length);
    printf("  together %s\n", length);
}

static void print_clock(const char *name, enum assay_clock_outcome outcome, assay_instant start, assay_instant end,
                        int64_t working, int64_t elapsed, assay_instant deadline, const struct assay_zone *z) {
    char a[ASSAY_INSTANT_TEXT], b[ASSAY_INSTANT_TEXT], d[ASSAY_INSTANT_TEXT], w[48], p[48];
    say_instant(z, start, a);
    say_instant(z, end, b);
    say_instant(z, deadline, d);
    say_duration(working, w);
    say_duration(elapsed, p);
    printf("%-10s %s\n  from %s to %s\n  working time %s of %s; deadline %s\n", name, or_dash(assay_clock_outcome_name(outcome)),
           a, b, w, p, d);
}

static void print_verdict(const struct assay_offline_order *x, bool chinese) {
    const struct assay_verdict *v = &x->verdict;
    const struct assay_cycle *c = &v->cycle;
    const struct assay_zone *z = v->scheme->zone;
    struct assay_arena a = {0};
    struct assay_explanation e;
    assay_verdict_explain(&x->facts, v, &a, &e);
    printf("%.*s / %.*s: %s%s%s\n%s (%s, version %d)\n\n%s\n\n", ASSAY_STR_ARG(x->provider), ASSAY_STR_ARG(x->order),
           or_dash(assay_outcome_name(v->outcome)), v->reason ? ", " : "", v->reason ? assay_reason_name(v->reason) : "",
           chinese ? v->scheme->name_zh : v->scheme->name_en, v->scheme->code, v->scheme->version,
           chinese ? e.text_zh : e.text_en);
    if (v->diagnosis.outcome)
        print_clock("diagnosis", v->diagnosis.outcome, v->diagnosis.start, v->diagnosis.end, v->diagnosis.working_us,
                    v->diagnosis.elapsed_us, v->diagnosis.deadline, z);
    if (c->outcome) {
        print_clock("cycle", c->outcome, c->start, c->end, c->working_us, c->elapsed_us, c->deadline, z);
        printf("  rule %s", or_dash(assay_rule_name(c->rule)));
        if (c->governing) printf(", governing line %.*s", ASSAY_STR_ARG(c->governing->considered->line));
        if (c->standard.unit)
            printf(", standard %d %s (%s)", c->standard.n, assay_unit_name(c->standard.unit), or_dash(c->standard_reason));
        if (c->margin != INT64_MIN) printf(", margin %lld", (long long)c->margin);
        puts("");
    }
    for (size_t i = 0; i < v->n_candidates; i++) {
        const struct assay_candidate *k = &v->candidates[i];
        const struct assay_shipment *s = &k->considered->shipment;
        char shipped[ASSAY_INSTANT_TEXT], expected[ASSAY_INSTANT_TEXT], delivered[ASSAY_INSTANT_TEXT];
        say_instant(z, s->shipped ? s->shipped->at : ASSAY_NO_INSTANT, shipped);
        say_instant(z, k->expected, expected);
        say_instant(z, s->delivered ? s->delivered->at : ASSAY_NO_INSTANT, delivered);
        printf("  line %.*s%s: shipped %s, expected %s, delivered %s%s%s\n", ASSAY_STR_ARG(k->considered->line),
               k->local ? " (local stock)" : "", shipped, expected, delivered, k->lateness >= 0 ? ", " : "",
               k->lateness >= 0 ? v->scheme->lateness[k->lateness].name : "");
    }
    if (e.n_segments) puts("\nwhere the time went");
    for (size_t i = 0; i < e.n_segments; i++) {
        const struct assay_segment *s = &e.segments[i];
        char all[48], working[48];
        say_duration(s->to - s->from, all);
        say_duration(s->working_us, working);
        printf("  %-20s %-13s %s, of it working %s\n", s->code, s->party, all, working);
    }
    print_ledger("ledger of the diagnosis", &e.diagnosis_ledger, z);
    print_ledger("ledger of the cycle", &e.cycle_ledger, z);
    printf("\nrecords used:");
    for (size_t i = 0; i < e.n_records; i++) printf(" %s", e.records[i]);
    puts("\nassumptions used:");
    for (size_t i = 0; i < v->scheme->n_assumptions; i++) {
        const struct assay_assumption *s = &v->scheme->assumptions[i];
        if (v->points >> s->about & 1) printf("  %s: %s\n", s->id, chinese ? s->text_zh : s->text_en);
    }
    assay_arena_free(&a);
}

static int explain_files(const struct request *request) {
    const struct request q = *request;
    struct assay_buf scheme = {0}, calendar = {0};
    struct assay_offline *o = NULL;
    struct assay_error e;
    int status = 0;
    bool readable = (!q.scheme || read_file(q.scheme, &scheme)) && (!q.calendar || read_file(q.calendar, &calendar));
    if (!readable) status = 1;
    else if (assay_offline_new(NULL, q.scheme ? scheme.p : NULL, q.calendar ? calendar.p : NULL, &o, &e)) {
        fprintf(stderr, "assayd: %s\n", e.detail);
        status = 1;
    }
    for (int i = 0; o && i < q.n_files; i++)
        if (!load_file(o, q.files[i])) status = 1;
    if (o) {
        const struct assay_offline_order *orders;
        size_t n, shown = 0;
        assay_offline_judge(o, &orders, &n);
        for (size_t i = 0; i < n; i++) {
            if (!q.provider) print_line(&orders[i]);
            else if (assay_str_is(orders[i].provider, q.provider) && assay_str_is(orders[i].order, q.order))
                print_verdict(&orders[i], q.chinese);
            else continue;
            shown++;
        }
        if (q.provider && !shown) {
            fprintf(stderr, "assayd: there is no order %s of %s in these files\n", q.order, q.provider);
            status = 1;
        }
    }
    assay_offline_free(o);
    assay_buf_free(&scheme);
    assay_buf_free(&calendar);
    return status;
}

static int run_explain(int argc, char **argv) {
    struct assay_cli cli;
    struct request q = {0};
    int status;
    if (!assay_cli_begin(&assay_command_explain, argc, argv, &cli, &status)) return status;
    if (!read_request(&cli, &q)) return assay_cli_wrong(cli.command, "at most %d files", FILES_MAX);
    if (cli.n_operands == 2 && !q.n_files) return assay_explain_from_daemon(&cli, q.provider, q.order);
    if (cli.n_operands != 2 && (cli.n_operands || !q.n_files))
        return assay_cli_wrong(cli.command, "say which: PROVIDER ORDER, or --file FILE");
    if (assay_cli_flag(&cli, ASSAY_EXPLAIN_JSON)) return assay_cli_wrong(cli.command, "--json is for a daemon's answer");
    return explain_files(&q);
}

const struct assay_command assay_command_explain = {
    .name = "explain",
    .group = "Figures",
    .summary = "say why an order was judged as it was",
    .synopsis =
        "PROVIDER ORDER [--url URL] [--lang en|zh] [--json]\n--file FILE... [--scheme FILE] [--calendar FILE] [PROVIDER ORDER]",
    .about =
        "Asks a daemon for an order's verdict and tells it with everything it rests on: the clocks, the part lines, where the "
        "time went, the ledgers to the second, the records and the assumptions.\n"
        "With --file it needs neither daemon nor database: it judges the records of files. Without PROVIDER ORDER it then "
        "prints one line for each order.",
    ASSAY_OPTIONS(options),
    .examples =
        (const struct assay_example[]){
            {"Why did W000017 of BJ01 miss?", "assayd explain BJ01 W000017 --state-dir /var/lib/assay"},
            {"From files, in Chinese:", "assayd explain --file providers.ndjson --file events.ndjson --lang zh P001 W000026"},
            {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "told"},
                                                      {1, "with --file: a record is bad, or there is no such order"},
                                                      {2, "wrong usage"},
                                                      {3, "the daemon could not be reached, or refused"},
                                                      {0}},
    .run = run_explain,
};
