/* fold.c -- from the set of an order's records to its facts (DOMAIN 2.5, 3).
 *
 * One pass over the sorted records gathers what each says of the order and of its lines; then replacements, the first
 * request and the considered lines follow from the lines alone. Work is n log n whatever an order holds. */
#include "assay/order.h"

#include <stdlib.h>

#define INSERTION_MAX 24 /* up to here insertion sort beats qsort */

const char *assay_state_name(enum assay_state s) {
    switch (s) {
    case ASSAY_STATE_NONE: return NULL;
    case ASSAY_STATE_OPEN: return "open";
    case ASSAY_STATE_CLOSED: return "closed";
    case ASSAY_STATE_CANCELLED: return "cancelled";
    }
    return NULL;
}

/* --- sorting ------------------------------------------------------------------------------------------------------- */

static int record_cmp(const struct assay_record *a, const struct assay_record *b) {
    if (a->at != b->at) return a->at < b->at ? -1 : 1;
    if (a->type != b->type) return a->type < b->type ? -1 : 1;
    return assay_str_cmp(a->id, b->id);
}

static int folded_cmp(const void *a, const void *b) {
    const struct assay_folded_record *const *x = a, *const *y = b;
    return record_cmp(&(*x)->record, &(*y)->record);
}

static bool is_sorted(const struct assay_folded_record *recs, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (record_cmp(&recs[i - 1].record, &recs[i].record) > 0) return false;
    }
    return true;
}

/* Bring recs into the order of p (each element of recs once), moving each record once. */
static void permute(struct assay_folded_record *recs, struct assay_folded_record **p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == &recs[i]) continue;
        struct assay_folded_record first = recs[i];
        size_t hole = i;
        for (size_t from = (size_t)(p[hole] - recs); from != i; from = (size_t)(p[hole] - recs)) {
            recs[hole] = recs[from];
            p[hole] = &recs[hole];
            hole = from;
        }
        recs[hole] = first;
        p[hole] = &recs[hole];
    }
}

/* Records are large: sort pointers, then move each record once. */
static void sort_records(struct assay_folded_record *recs, size_t n, struct assay_arena *a) {
    if (is_sorted(recs, n)) return;
    struct assay_folded_record **p = assay_arena_alloc(a, n * sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = &recs[i];
    if (n > INSERTION_MAX) {
        qsort(p, n, sizeof *p, folded_cmp);
    } else {
        for (size_t i = 1; i < n; i++) {
            struct assay_folded_record *x = p[i];
            size_t j = i;
            for (; j > 0 && folded_cmp(&p[j - 1], &x) > 0; j--) p[j] = p[j - 1];
            p[j] = x;
        }
    }
    permute(recs, p, n);
}

static int name_cmp(const void *a, const void *b) {
    return assay_str_cmp(*(const struct assay_str *)a, *(const struct assay_str *)b);
}

static void sort_names(struct assay_str *names, size_t n) {
    if (n > INSERTION_MAX) {
        qsort(names, n, sizeof *names, name_cmp);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct assay_str x = names[i];
        size_t j = i;
        for (; j > 0 && assay_str_cmp(names[j - 1], x) > 0; j--) names[j] = names[j - 1];
        names[j] = x;
    }
}

/* --- lines --------------------------------------------------------------------------------------------------------- */

struct lines {
    struct assay_line *items; /* ascending by id */
    size_t n;
};

/* Whether the fold asks anything of the line a record names. */
static bool tells_of_line(const struct assay_record *r) {
    switch (r->type) {
    case ASSAY_PART_REQUESTED:
    case ASSAY_PART_SHIPPED:
    case ASSAY_PART_DELIVERED:
    case ASSAY_PART_CANCELLED:
    case ASSAY_PART_MARKED: return true;
    default: return false;
    }
}

static struct lines lines_of(const struct assay_order *o, struct assay_arena *a) {
    size_t max = 0;
    for (size_t i = 0; i < o->n_records; i++) max += 2 + o->records[i]->n_parts;
    struct assay_str *names = assay_arena_alloc(a, max * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < o->n_records; i++) {
        const struct assay_record *r = o->records[i];
        for (size_t k = 0; k < r->n_parts; k++) names[n++] = r->parts[k].line;
        if (!tells_of_line(r)) continue;
        if (!n || !assay_str_eq(names[n - 1], r->line)) names[n++] = r->line;
        if (r->replaces.p) names[n++] = r->replaces;
    }
    sort_names(names, n);

    struct lines out = {assay_arena_alloc(a, n * sizeof *out.items), 0};
    for (size_t i = 0; i < n; i++) {
        if (i && assay_str_eq(names[i], names[i - 1])) continue;
        out.items[out.n++] = (struct assay_line){
            .id = names[i], .first_shipped = ASSAY_NO_INSTANT, .first_cancelled = ASSAY_NO_INSTANT};
    }
    return out;
}

/* The line of that id, which is among them. */
static struct assay_line *line_find(const struct lines *l, struct assay_str id) {
    size_t low = 0, high = l->n;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (assay_str_cmp(l->items[mid].id, id) <= 0) low = mid;
        else high = mid;
    }
    return &l->items[low];
}

/* --- what each record says ----------------------------------------------------------------------------------------- */

struct folding {
    struct assay_order *o;
    struct lines lines;
    bool ignored;  /* a close or cancellation had no effect, and no reopening followed */
    bool reopened; /* a reopening had an effect */
};

static void take_end(struct folding *f, const struct assay_record *r, enum assay_state to) {
    struct assay_order *o = f->o;
    if (o->state == ASSAY_STATE_OPEN) {
        o->state = to;
        o->close = to == ASSAY_STATE_CLOSED ? r : NULL;
        return;
    }
    if (o->state == ASSAY_STATE_CLOSED || to == ASSAY_STATE_CLOSED) f->ignored = true;
}

static void take_reopening(struct folding *f) {
    if (f->o->state == ASSAY_STATE_OPEN) return;
    f->o->state = ASSAY_STATE_OPEN;
    f->o->close = NULL;
    f->reopened = true;
    f->ignored = false;
}

/* Records come in fold order: what is kept first is the earliest, what is overwritten ends as the latest. */
static void take(struct folding *f, const struct assay_record *r) {
    struct assay_order *o = f->o;
    struct assay_line *line = tells_of_line(r) ? line_find(&f->lines, r->line) : NULL;
    switch (r->type) {
    case ASSAY_DISPATCHED:
        if (!o->dispatch) o->dispatch = r;
        for (size_t i = 0; i < r->n_parts; i++) line_find(&f->lines, r->parts[i].line)->recommended = true;
        return;
    case ASSAY_ORDER_OPENED:
        if (!o->opening) o->opening = r;
        return;
    case ASSAY_PART_REQUESTED: line->local = r->local; return;
    case ASSAY_PART_SHIPPED:
        if (!line->shipped) line->first_shipped = r->at;
        line->shipped = r;
        return;
    case ASSAY_PART_DELIVERED: line->delivered = r; return;
    case ASSAY_PART_CANCELLED:
        if (line->first_cancelled == ASSAY_NO_INSTANT) line->first_cancelled = r->at;
        return;
    case ASSAY_PART_MARKED:
        if (r->mark == ASSAY_MARK_DOA || r->mark == ASSAY_MARK_MISMATCH) line->faulty = true;
        return;
    case ASSAY_ORDER_NOTED:
        if (!o->exempting[r->noted]) o->exempting[r->noted] = r;
        return;
    case ASSAY_ORDER_CLOSED_EVENT: take_end(f, r, ASSAY_STATE_CLOSED); return;
    case ASSAY_ORDER_CANCELLED: take_end(f, r, ASSAY_STATE_CANCELLED); return;
    case ASSAY_ORDER_REOPENED: take_reopening(f); return;
    case ASSAY_PART_RECEIVED: /* the provider's own word: it never stands in for a delivery */
    case ASSAY_ORDER_COMPLETED:
    case ASSAY_EVENT_VOIDED:
    case ASSAY_SURVEY_RESPONSE:
    case ASSAY_OBSERVATION_MADE:
    case ASSAY_TYPE_COUNT: return;
    }
}

/* --- what follows -------------------------------------------------------------------------------------------------- */

static void settle_header(struct assay_order *o) {
    const struct assay_record *opening = o->opening, *dispatch = o->dispatch;
    o->dispatched_at = dispatch ? dispatch->at : ASSAY_NO_INSTANT;
    o->opened_at = opening ? opening->at : o->dispatched_at;
    o->channel = dispatch ? ASSAY_CHANNEL_CCC : opening ? opening->channel : ASSAY_CHANNEL_NONE;
    o->clock_start = dispatch ? o->dispatched_at : o->opened_at;
    o->reported_at = opening ? opening->reported_at : ASSAY_NO_INSTANT;
    if (opening) {
        o->product = opening->product;
        o->serial = opening->serial;
        o->customer_class = opening->customer_class;
        o->warranty = opening->warranty;
    }
    if (dispatch) {
        if (!o->product.p) o->product = dispatch->product;
        if (!o->serial.p) o->serial = dispatch->serial;
        if (!o->customer_class) o->customer_class = dispatch->customer_class;
        if (!o->warranty) o->warranty = dispatch->warranty;
        if (o->reported_at == ASSAY_NO_INSTANT) o->reported_at = dispatch->reported_at;
    }
    o->closed_at = o->close ? o->close->at : ASSAY_NO_INSTANT;
    o->outcome = o->close ? o->close->outcome : ASSAY_CLOSE_NONE;
}

static void settle_cancellations(struct lines *l) {
    for (size_t i = 0; i < l->n; i++) {
        struct assay_line *line = &l->items[i];
        if (line->first_cancelled == ASSAY_NO_INSTANT) continue;
        line->cancelled = !line->shipped || line->first_cancelled < line->first_shipped;
    }
}

static void settle_replacements(const struct assay_order *o, struct lines *l) {
    for (size_t i = 0; i < o->n_records; i++) {
        const struct assay_record *r = o->records[i];
        if (r->type != ASSAY_PART_REQUESTED || !r->replaces.p || assay_str_eq(r->replaces, r->line)) continue;
        struct assay_line *original = line_find(l, r->replaces);
        if (!original->faulty) continue;
        struct assay_line *line = line_find(l, r->line);
        line->replacement = true;
        if (line->cancelled) {
            original->passed_over = line;
            continue;
        }
        original->replaced_by = line;
        original->passed_over = NULL;
    }
}

/* Follow the chain of replacements from `start` to its end, or to the last line before one repeats. Every line walked
 * over learns its end, so that all chains together cost one walk over the lines. `used` marks the walk: a line that was
 * walked over before has its end already, unless it is on this very walk: then the chain bit its tail. */
static void settle_final(struct assay_line *start) {
    struct assay_line *l = start;
    for (; !l->used; l = l->replaced_by) {
        l->used = true;
        if (l->replaced_by) continue;
        l->final = l;
        break;
    }
    if (!l->final) { /* a circle: each line on it ends at the one before it */
        struct assay_line *on = l;
        do {
            on->replaced_by->final = on;
            on = on->replaced_by;
        } while (on != l);
    }
    for (struct assay_line *walked = start; !walked->final; walked = walked->replaced_by) walked->final = l->final;
}

static bool is_ordinary_request(const struct lines *l, const struct assay_record *r) {
    if (r->type != ASSAY_PART_REQUESTED) return false;
    const struct assay_line *line = line_find(l, r->line);
    return !line->recommended && !line->replacement;
}

static void settle_first_request(struct assay_order *o, struct lines *l) {
    const struct assay_record *first = NULL;
    for (size_t i = 0; i < o->n_records; i++) {
        const struct assay_record *r = o->records[i];
        if (is_ordinary_request(l, r) && (!first || r->request < first->request)) first = r;
    }
    o->first_request = first;
    o->first_requested_at = first ? first->at : ASSAY_NO_INSTANT;
    for (size_t i = 0; first && i < o->n_records; i++) {
        const struct assay_record *r = o->records[i];
        if (is_ordinary_request(l, r) && r->request == first->request) line_find(l, r->line)->first = true;
    }
}

static struct assay_shipment shipment_of(const struct assay_line *considered) {
    const struct assay_line *l = considered->final;
    bool delivered = l->shipped && l->delivered && l->delivered->at >= l->shipped->at;
    return (struct assay_shipment){.shipped = l->shipped,
                                   .delivered = delivered ? l->delivered : NULL,
                                   .line = l->id,
                                   .replaced = l != considered,
                                   .local_said = l->local};
}

/* Only a CCC order has recommended lines, so both channels read alike. */
static void settle_considered(struct assay_order *o, struct lines *l, struct assay_arena *a) {
    struct assay_considered *out = assay_arena_alloc(a, l->n * sizeof *out);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct assay_line *line = &l->items[i];
        if (!line->recommended && !line->first) continue;
        if (line->cancelled) continue;
        settle_final(line);
        line->final->ships = true;
        out[n++] = (struct assay_considered){line->id, shipment_of(line)};
        if (line->final != line) o->points |= 1u << ASSAY_POINT_REPLACEMENT;
    }
    for (size_t i = 0; i < l->n; i++) {
        struct assay_line *line = &l->items[i];
        if (line->final && line->passed_over) {
            o->points |= 1u << ASSAY_POINT_REPLACEMENT_CANCELLED;
            line->passed_over->used = true;
        }
        if ((line->recommended || line->first) && line->cancelled) line->used = true;
    }
    o->considered = out;
    o->n_considered = n;
    o->lines = l->items;
    o->n_lines = l->n;
}

static bool makes_an_order(const struct assay_record *r) { return r->type <= ASSAY_ORDER_REOPENED; }

/* The standing records and, of these, the surveys. */
static void gather(struct assay_order *o, const struct assay_folded_record *recs, size_t n, struct assay_arena *a) {
    const struct assay_record **records = assay_arena_alloc(a, n * sizeof *records);
    size_t surveys = 0;
    for (size_t i = 0; i < n; i++) {
        if (recs[i].voided) continue;
        const struct assay_record *r = &recs[i].record;
        records[o->n_records++] = r;
        if (r->type == ASSAY_SURVEY_RESPONSE) surveys++;
        if (makes_an_order(r)) o->state = ASSAY_STATE_OPEN;
    }
    o->records = records;
    if (!surveys) return;
    const struct assay_record **s = assay_arena_alloc(a, surveys * sizeof *s);
    for (size_t i = 0; i < o->n_records; i++) {
        if (records[i]->type == ASSAY_SURVEY_RESPONSE) s[o->n_surveys++] = records[i];
    }
    o->surveys = s;
}

void assay_order_fold(struct assay_folded_record *recs, size_t n, struct assay_arena *a, struct assay_order *out) {
    *out = (struct assay_order){0};
    sort_records(recs, n, a);
    gather(out, recs, n, a);

    struct folding f = {.o = out, .lines = lines_of(out, a)};
    for (size_t i = 0; i < out->n_records; i++) take(&f, out->records[i]);
    settle_header(out);
    if (f.ignored) out->points |= 1u << ASSAY_POINT_END_STATES;
    if (f.reopened && out->state != ASSAY_STATE_CANCELLED) out->points |= 1u << ASSAY_POINT_LAST_CLOSE;

    settle_cancellations(&f.lines);
    settle_replacements(out, &f.lines);
    settle_first_request(out, &f.lines);
    settle_considered(out, &f.lines, a);
}
