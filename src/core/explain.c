/* explain.c -- why a verdict is what it is (DOMAIN 4.4): where the time went, the ledgers, the records used; words.c says
 * the same in words. Only reads come here, so clarity goes before speed. */
#include "core/words.h"

/* --- segments ------------------------------------------------------------------------------------------------------- */

#define SEGMENTS_MAX 5

/* Whether the cycle runs along a shipped line; else nothing was on the way between opening and close. */
static bool by_shipment(const struct assay_verdict *v) { return v->cycle.rule == ASSAY_RULE_LAST_SHIPMENT; }

static const struct assay_shipment *governing_shipment(const struct assay_verdict *v) {
    return v->cycle.governing ? &v->cycle.governing->considered->shipment : NULL;
}

static assay_instant at_of(const struct assay_record *r) { return r ? r->at : ASSAY_NO_INSTANT; }

static size_t list_stretches(const struct assay_order *o, const struct assay_verdict *v, struct assay_segment *s) {
    const struct assay_shipment *sh = governing_shipment(v);
    assay_instant shipped = at_of(sh ? sh->shipped : NULL), delivered = at_of(sh ? sh->delivered : NULL);
    assay_instant start = o->clock_start, requested = o->first_requested_at;
    bool ccc = o->channel == ASSAY_CHANNEL_CCC;
    size_t n = 0;
    s[n++] = (struct assay_segment){"report_to_open", "provider", o->reported_at, o->opened_at, 0};
    if (!by_shipment(v)) {
        s[n++] = (struct assay_segment){ccc ? "dispatch_to_close" : "open_to_close", "provider", start, o->closed_at, 0};
        return n;
    }
    s[n++] = (struct assay_segment){ccc ? "dispatch_to_request" : "open_to_request", "provider", start, requested, 0};
    s[n++] = (struct assay_segment){"request_to_ship", "manufacturer", requested, shipped, 0};
    s[n++] = (struct assay_segment){"ship_to_deliver", "manufacturer", shipped, delivered, 0};
    s[n++] = (struct assay_segment){"deliver_to_close", "provider", delivered, o->closed_at, 0};
    return n;
}

/* Unknown and negative stretches are left out; what is kept begins and ends with the facts it is named after, so that two
 * overlap where the facts do (a line shipped before the request, an opening after the dispatch). */
static void list_segments(const struct assay_order *o, const struct assay_verdict *v, struct assay_arena *a,
                          struct assay_explanation *out) {
    struct assay_segment s[SEGMENTS_MAX];
    struct assay_segment *kept = assay_arena_alloc(a, sizeof s);
    size_t n = list_stretches(o, v, s);
    for (size_t i = 0; i < n; i++) {
        if (s[i].from == ASSAY_NO_INSTANT || s[i].to == ASSAY_NO_INSTANT || s[i].to < s[i].from) continue;
        s[i].working_us = assay_calendar_working(v->calendar, s[i].from, s[i].to);
        kept[out->n_segments++] = s[i];
    }
    out->segments = kept;
}

/* --- records used --------------------------------------------------------------------------------------------------- */

static const struct assay_line *line_of(const struct assay_order *o, struct assay_str id) {
    size_t low = 0, high = o->n_lines;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = assay_str_cmp(o->lines[mid].id, id);
        if (c == 0) return &o->lines[mid];
        if (c < 0) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

static bool used_of_line(const struct assay_record *r, const struct assay_line *l, const struct assay_verdict *v) {
    if (!l || !l->used) return false;
    bool travels = by_shipment(v) && l->ships && l->shipped && !(l->local && v->facts && v->facts->ascim);
    switch (r->type) {
    case ASSAY_PART_REQUESTED: return true;
    case ASSAY_PART_SHIPPED: return travels && r == l->shipped;
    case ASSAY_PART_DELIVERED: return travels && r == l->delivered && r->at >= l->shipped->at;
    case ASSAY_PART_CANCELLED: return l->cancelled && r->at == l->first_cancelled;
    case ASSAY_PART_MARKED:
        return (r->mark == ASSAY_MARK_DOA || r->mark == ASSAY_MARK_MISMATCH) && (l->replaced_by || l->passed_over);
    default: return false;
    }
}

static bool is_used(const struct assay_record *r, const struct assay_order *o, const struct assay_verdict *v) {
    bool judged = v->cycle.outcome != ASSAY_CLOCK_NONE;
    switch (r->type) {
    case ASSAY_DISPATCHED: return r == o->dispatch || (judged && r->n_parts);
    case ASSAY_ORDER_OPENED: return r == o->opening;
    case ASSAY_PART_REQUESTED:
    case ASSAY_PART_SHIPPED:
    case ASSAY_PART_DELIVERED:
    case ASSAY_PART_CANCELLED:
    case ASSAY_PART_MARKED: return judged && used_of_line(r, line_of(o, r->line), v);
    case ASSAY_ORDER_NOTED: return r == v->diagnosis.exempt_record;
    case ASSAY_ORDER_CLOSED_EVENT:
    case ASSAY_ORDER_CANCELLED:
    case ASSAY_ORDER_REOPENED: return true;
    default: return false;
    }
}

static void list_records(const struct assay_order *o, const struct assay_verdict *v, struct assay_arena *a,
                         struct assay_explanation *out) {
    const char **names = assay_arena_alloc(a, o->n_records * sizeof *names);
    for (size_t i = 0; i < o->n_records; i++) {
        const struct assay_record *r = o->records[i];
        if (!is_used(r, o, v)) continue;
        names[out->n_records++] = assay_arena_printf(a, "%s:%.*s", assay_kind_name(r->kind), ASSAY_STR_ARG(r->id));
    }
    out->records = names;
}

void assay_verdict_explain(const struct assay_order *o, const struct assay_verdict *v, struct assay_arena *a,
                           struct assay_explanation *out) {
    *out = (struct assay_explanation){.text_en = "", .text_zh = ""};
    if (v->outcome == ASSAY_OUTCOME_NONE) return;
    if (v->cycle.outcome != ASSAY_CLOCK_NONE) list_segments(o, v, a, out);
    if (v->cycle.working_us >= 0) assay_calendar_ledger(v->calendar, v->cycle.start, v->cycle.end, a, &out->cycle_ledger);
    if (v->diagnosis.working_us >= 0)
        assay_calendar_ledger(v->calendar, v->diagnosis.start, v->diagnosis.end, a, &out->diagnosis_ledger);
    list_records(o, v, a, out);

    assay_words_tell(o, v, a, out);
}
