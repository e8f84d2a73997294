/* sample.c -- `assayd sample`: writes the made-up network as NDJSON, one stream of it or all of them at once.
 *
 * Must not know: the network's stories (sample_network.c), the daemon that may be running. */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assay/codec.h"

enum { BLOCK = 1 << 18, UTC_OFFSET = 8 * 3600 };
/* What --no-rate leaves without a labour rate. */
#define PRODUCT_WITHOUT_RATE "tape_library"

/* What can be asked for; each is a file of --out. */
enum stream { PROVIDERS, DISPATCHES, EVENTS, SURVEYS, RATES, STREAM_COUNT };
static const struct {
    const char *name, *file;
} streams[] = {
    [PROVIDERS] = {"providers", "providers.ndjson"},
    [DISPATCHES] = {"dispatches", "dispatches.ndjson"},
    [EVENTS] = {"events", "events.ndjson"},
    [SURVEYS] = {"surveys", "surveys.ndjson"},
    [RATES] = {"rates", "rates.json"},
};
_Static_assert(sizeof streams / sizeof *streams == STREAM_COUNT, "a row for each stream");

/* --- writing ------------------------------------------------------------------------------------------------------ */
struct out {
    bool wanted;
    int fd;
    struct assay_buf block;
    int64_t records;
    int error; /* errno of the first thing that failed */
};

static void flush(struct out *o) {
    for (size_t done = 0; !o->error && done < o->block.n;) {
        ssize_t n = write(o->fd, o->block.p + done, o->block.n - done);
        if (n >= 0) done += (size_t)n;
        else if (errno != EINTR) o->error = errno;
    }
    o->block.n = 0;
}

static void end_record(struct out *o) {
    assay_buf_addc(&o->block, '\n');
    o->records++;
    if (o->block.n >= BLOCK) flush(o);
}

static void write_provider(const struct assay_sample *s, int32_t i, struct out *o) {
    struct assay_sample_provider p;
    assay_sample_provider_at(s, i, &p);
    for (size_t k = 0; k < p.n_facts; k++) {
        const struct assay_provider_facts *f = &p.facts[k];
        assay_json_object(&o->block, NULL);
        assay_json_str(&o->block, "code", p.code);
        assay_json_str(&o->block, "name", p.name);
        assay_json_str(&o->block, "city", f->city);
        assay_json_bool(&o->block, "ascim", f->ascim);
        if (f->effective_from != ASSAY_NO_DATE) assay_json_date(&o->block, "effective_from", f->effective_from);
        assay_json_object_end(&o->block);
        end_record(o);
    }
}

static void write_record(const struct assay_record *r, struct out *o) {
    struct assay_buf *b = &o->block;
    char at[ASSAY_INSTANT_TEXT];
    assay_instant_format_at(r->at, UTC_OFFSET, at);
    assay_json_object(b, NULL);
    assay_json_str(b, "id", r->id);
    if (r->kind == ASSAY_KIND_REPAIR || r->kind == ASSAY_KIND_SHIPMENT) assay_json_text(b, "type", assay_type_name(r->type));
    assay_json_str(b, "provider", r->provider);
    if (r->order.p) assay_json_str(b, "order", r->order);
    assay_json_text(b, "at", at);
    size_t content = b->n; /* an object of its own, whose members go on where these end */
    assay_record_content(r, b);
    if (b->n - content == 2) b->n = content + 1, b->p[content] = '}';
    else b->p[content] = ',';
    end_record(o);
}

static enum stream stream_of(enum assay_kind kind) {
    if (kind == ASSAY_KIND_DISPATCH) return DISPATCHES;
    return kind == ASSAY_KIND_SURVEY ? SURVEYS : EVENTS;
}

static void write_orders(const struct assay_sample *s, int64_t orders, struct out outs[STREAM_COUNT]) {
    struct assay_sample_order *order = assay_xmalloc(sizeof *order);
    for (int64_t i = 0; i < orders; i++) {
        assay_sample_order_at(s, i, order);
        for (size_t k = 0; k < order->n; k++) {
            struct out *o = &outs[stream_of(order->records[k].kind)];
            if (o->wanted) write_record(&order->records[k], o);
        }
    }
    free(order);
}

static void write_streams(const struct assay_sample_spec *spec, bool no_rate, struct out outs[STREAM_COUNT]) {
    struct assay_sample *s = assay_sample_new(spec);
    for (int32_t i = 0; outs[PROVIDERS].wanted && i < spec->providers; i++) write_provider(s, i, &outs[PROVIDERS]);
    if (outs[RATES].wanted) assay_sample_rates(spec, no_rate ? PRODUCT_WITHOUT_RATE : NULL, &outs[RATES].block);
    if (outs[DISPATCHES].wanted || outs[EVENTS].wanted || outs[SURVEYS].wanted) write_orders(s, spec->orders, outs);
    assay_sample_free(s);
}

/* --- the command line --------------------------------------------------------------------------------------------- */
enum { WANT_PROVIDERS, WANT_ORDERS, SEED, FROM, MONTHS, KIND, NO_RATE, OUT };
static const struct assay_option sample_options[] = {
    [WANT_PROVIDERS] = {"providers", "N", "20", NULL, NULL, "how many providers"},
    [WANT_ORDERS] = {"orders", "N", "1000", NULL, NULL, "how many orders are opened"},
    [SEED] = {"seed", "N", "1", NULL, NULL, "which network"},
    [FROM] = {"from", "YYYY-MM", "2000-12", NULL, NULL, "the first month"},
    [MONTHS] = {"months", "N", "6", NULL, NULL, "how many months; what would happen later is not written"},
    [KIND] = {"kind", "KIND", "all", NULL, "providers dispatches events surveys rates all", "which of the files"},
    [NO_RATE] = {"no-rate", NULL, NULL, NULL, NULL, "leave the product " PRODUCT_WITHOUT_RATE " out of the labour rates"},
    [OUT] = {"out", "DIR", NULL, NULL, NULL, "write the files there; without it the one KIND goes to the standard output"},
};

struct options {
    struct assay_sample_spec spec;
    bool wanted[STREAM_COUNT];
    bool all, no_rate;
    const char *dir; /* NULL: standard output */
};

static bool complain(const char *what, const char *detail) {
    fprintf(stderr, "assayd sample: %s: %s\n", what, detail);
    return false;
}

static bool wrong(const char *what, const char *detail) {
    assay_cli_wrong(&assay_command_sample, "%s: %s", what, detail);
    return false;
}

static void take_kind(const char *text, struct options *o) {
    o->all = strcmp(text, "all") == 0;
    for (int i = 0; i < STREAM_COUNT; i++) o->wanted[i] = o->all || strcmp(text, streams[i].name) == 0;
}

static bool read_options(const struct assay_cli *cli, struct options *o) {
    const char *from = assay_cli_value(cli, FROM), *kind = assay_cli_value(cli, KIND);
    int64_t providers = 20, orders = 1000, seed = 1, months = 6;
    if (!assay_cli_number(cli, WANT_PROVIDERS, 1, ASSAY_SAMPLE_PROVIDERS_MAX, &providers) ||
        !assay_cli_number(cli, WANT_ORDERS, 0, ASSAY_SAMPLE_ORDERS_MAX, &orders) ||
        !assay_cli_number(cli, SEED, 0, INT64_MAX, &seed) || !assay_cli_number(cli, MONTHS, 1, ASSAY_SAMPLE_MONTHS_MAX, &months))
        return false;
    *o = (struct options){.spec = {.seed = (uint64_t)seed,
                                   .providers = (int32_t)providers,
                                   .orders = orders,
                                   .from = assay_month_of(2000, 12),
                                   .months = (int32_t)months},
                          .no_rate = assay_cli_flag(cli, NO_RATE),
                          .dir = assay_cli_value(cli, OUT)};
    take_kind(kind ? kind : "all", o);
    if (from && assay_month_parse(assay_str_c(from), &o->spec.from)) return wrong("--from", "must be a month, YYYY-MM");
    if (cli->n_operands) return wrong("unexpected argument", cli->operands[0]);
    if (o->all && !o->dir) return wrong("--kind", "name one kind, or a folder for all of them with --out");
    if (assay_month_first(o->spec.from + o->spec.months) * ASSAY_DAY > assay_clock_now())
        return wrong("--months", "the months must be over: records may not lie in the future");
    return true;
}

/* --- the command -------------------------------------------------------------------------------------------------- */
/* Opens what is wanted. */
static bool open_streams(const struct options *o, struct out outs[STREAM_COUNT]) {
    if (o->dir && mkdir(o->dir, 0777) != 0 && errno != EEXIST) return complain(o->dir, strerror(errno));
    for (int i = 0; i < STREAM_COUNT; i++) {
        if (!o->wanted[i]) continue;
        struct assay_buf path = {0};
        if (o->dir) assay_buf_printf(&path, "%s/%s", o->dir, streams[i].file);
        outs[i].fd = o->dir ? open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : STDOUT_FILENO;
        bool opened = outs[i].fd >= 0;
        if (!opened) complain(path.p, strerror(errno));
        outs[i].wanted = opened;
        assay_buf_free(&path);
        if (!opened) return false;
    }
    return true;
}

/* Writes what is left and closes; false where anything of it failed. */
static bool close_stream(const struct options *o, enum stream i, struct out *out) {
    if (out->wanted) flush(out);
    if (out->wanted && o->dir && close(out->fd) != 0 && !out->error) out->error = errno;
    assay_buf_free(&out->block);
    if (out->error) return complain(streams[i].name, strerror(out->error));
    if (out->wanted && o->dir && i != RATES)
        fprintf(stderr, "%s/%s: %lld records\n", o->dir, streams[i].file, (long long)out->records);
    return true;
}

static int run_sample(int argc, char **argv) {
    struct assay_cli cli;
    struct options o;
    int status;
    if (!assay_cli_begin(&assay_command_sample, argc, argv, &cli, &status)) return status;
    if (!read_options(&cli, &o)) return 2;
    struct out outs[STREAM_COUNT] = {0};
    bool ok = open_streams(&o, outs);
    if (ok) write_streams(&o.spec, o.no_rate, outs);
    for (int i = 0; i < STREAM_COUNT; i++) ok = close_stream(&o, (enum stream)i, &outs[i]) && ok;
    return ok ? 0 : 1;
}

const struct assay_command assay_command_sample = {
    .name = "sample",
    .group = "Data",
    .summary = "write the records of a made-up network, for a first look or for load",
    .synopsis = "--out DIR [options]\n--kind KIND [options]",
    .about = "Makes up a network of repair-service providers and writes its records, the same for the same seed: "
             "providers.ndjson, dispatches.ndjson, events.ndjson, surveys.ndjson and rates.json.",
    ASSAY_OPTIONS(sample_options),
    .examples = (const struct assay_example[]){{"Ten thousand orders of fifty providers:",
                                                "assayd sample --providers 50 --orders 10000 --out sample"},
                                               {"Only the events, compressed:",
                                                "assayd sample --kind events | gzip > events.ndjson.gz"},
                                               {0}},
    .exit_status =
        (const struct assay_exit_status[]){{0, "written"}, {1, "a file could not be written"}, {2, "wrong usage"}, {0}},
    .run = run_sample,
};
