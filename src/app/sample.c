/* sample.c -- `assayd sample`: writes the made-up network as NDJSON, one stream of it or all of them at once.
 *
 * Must not know: the network's stories (sample_network.c), the daemon that may be running. */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
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
static const char usage[] =
    "usage: assayd sample [--providers N] [--orders N] [--seed N] [--from YYYY-MM] [--months N] [--no-rate]\n"
    "                     (--out DIR [--kind KIND] | --kind KIND)\n"
    "\n"
    "Makes up a network of repair-service providers and writes its records, the same for the same seed.\n"
    "  --providers N    how many providers (20)\n"
    "  --orders N       how many orders are opened (1000)\n"
    "  --seed N         which network (1)\n"
    "  --from YYYY-MM   the first month (2000-12)\n"
    "  --months N       how many months (6); what would happen later is not written\n"
    "  --kind KIND      providers, dispatches, events, surveys, rates, or all (all)\n"
    "  --no-rate        leave the product " PRODUCT_WITHOUT_RATE " out of the labour rates\n"
    "  --out DIR        write providers.ndjson, dispatches.ndjson, events.ndjson, surveys.ndjson and rates.json there;\n"
    "                   without it the one KIND goes to the standard output\n";

struct options {
    struct assay_sample_spec spec;
    bool wanted[STREAM_COUNT];
    bool all, no_rate, help;
    const char *dir; /* NULL: standard output */
};

static bool complain(const char *what, const char *detail) {
    fprintf(stderr, "assayd sample: %s: %s\n", what, detail);
    return false;
}

static bool parse_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *out) {
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno == 0 && *text && !*end && v >= min && v <= max) {
        *out = v;
        return true;
    }
    fprintf(stderr, "assayd sample: --%s: \"%s\" is not a whole number from %lld to %lld\n", name, text, (long long)min,
            (long long)max);
    return false;
}

static bool parse_kind(const char *text, struct options *o) {
    o->all = strcmp(text, "all") == 0;
    bool known = o->all;
    for (int i = 0; i < STREAM_COUNT; i++) {
        bool named = strcmp(text, streams[i].name) == 0;
        o->wanted[i] = o->all || named;
        known = known || named;
    }
    return known || complain("--kind", "must be providers, dispatches, events, surveys, rates or all");
}

static bool parse_option(int c, const char *name, const char *value, struct options *o) {
    int64_t n = 0;
    switch (c) {
    case 'p':
        if (!parse_number(name, value, 1, ASSAY_SAMPLE_PROVIDERS_MAX, &n)) return false;
        o->spec.providers = (int32_t)n;
        return true;
    case 'n': return parse_number(name, value, 0, ASSAY_SAMPLE_ORDERS_MAX, &o->spec.orders);
    case 's':
        if (!parse_number(name, value, 0, INT64_MAX, &n)) return false;
        o->spec.seed = (uint64_t)n;
        return true;
    case 'm':
        if (!parse_number(name, value, 1, ASSAY_SAMPLE_MONTHS_MAX, &n)) return false;
        o->spec.months = (int32_t)n;
        return true;
    case 'f':
        return assay_month_parse(assay_str_c(value), &o->spec.from) == ASSAY_OK || complain("--from", "must be a month, YYYY-MM");
    case 'k': return parse_kind(value, o);
    case 'o': o->dir = value; return true;
    case 'r': return o->no_rate = true;
    case 'h': return o->help = true;
    default: return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *o) {
    static const struct option longs[] = {
        {"providers", required_argument, NULL, 'p'},
        {"orders", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"from", required_argument, NULL, 'f'},
        {"months", required_argument, NULL, 'm'},
        {"kind", required_argument, NULL, 'k'},
        {"out", required_argument, NULL, 'o'},
        {"no-rate", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *o = (struct options){.spec = {.seed = 1, .providers = 20, .orders = 1000, .from = assay_month_of(2000, 12), .months = 6}};
    if (!parse_kind("all", o)) return false;
    optind = 0; /* start afresh, whoever used getopt before */
    for (int c, i = 0; (c = getopt_long(argc, argv, "", longs, &i)) != -1;) {
        if (!parse_option(c, c == '?' ? NULL : longs[i].name, optarg, o)) return false;
    }
    if (o->help) return true;
    if (optind < argc) return complain("unexpected argument", argv[optind]);
    if (o->all && !o->dir) return complain("--kind", "name one kind, or a folder for all of them with --out");
    if (assay_month_first(o->spec.from + o->spec.months) * ASSAY_DAY > assay_clock_now())
        return complain("--months", "the months must be over: records may not lie in the future");
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

int assay_cmd_sample(int argc, char **argv) {
    struct options o;
    if (!parse_options(argc, argv, &o)) {
        fputs("Try 'assayd sample --help'.\n", stderr);
        return 2;
    }
    if (o.help) {
        fputs(usage, stdout);
        return 0;
    }
    struct out outs[STREAM_COUNT] = {0};
    bool ok = open_streams(&o, outs);
    if (ok) write_streams(&o.spec, o.no_rate, outs);
    for (int i = 0; i < STREAM_COUNT; i++) ok = close_stream(&o, (enum stream)i, &outs[i]) && ok;
    return ok ? 0 : 1;
}
