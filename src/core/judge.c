/* judge.c -- the turnaround verdict of a folded order (DOMAIN 4).
 *
 * The rules are tables tried from the top: start_rules, the scheme's lateness rows and city rows, outcome_rules. */
#include "assay/verdict.h"

#include "core/standard.h"

#define POINT(name) (1u << ASSAY_POINT_##name)

/* --- names --------------------------------------------------------------------------------------------------------- */

static const char *name_at(const char *const *names, size_t n, unsigned v) { return v < n ? names[v] : NULL; }
#define NAME_AT(names, v) name_at(names, sizeof names / sizeof *names, (unsigned)(v))

static const char *const clock_outcomes[] = {NULL, "met", "missed", "exempt", "not_applicable", "pending", "undetermined"};
static const char *const outcomes[] = {NULL, "compliant", "missed", "undetermined", "pending", "out_of_scope"};
static const char *const reasons[] = {NULL, "missing_open", "request_before_open", "close_before_start", "missing_shipment"};
static const char *const rules[] = {NULL, "no_parts", "local_stock", "last_shipment"};

const char *assay_clock_outcome_name(enum assay_clock_outcome v) { return NAME_AT(clock_outcomes, v); }

const char *assay_outcome_name(enum assay_outcome v) { return NAME_AT(outcomes, v); }

const char *assay_reason_name(enum assay_reason v) { return NAME_AT(reasons, v); }

const char *assay_rule_name(enum assay_rule v) { return NAME_AT(rules, v); }

bool assay_outcome_parse(struct assay_str s, enum assay_outcome *out) {
    for (unsigned v = 1; v < sizeof outcomes / sizeof *outcomes; v++) {
        if (!assay_str_is(s, outcomes[v])) continue;
        *out = (enum assay_outcome)v;
        return true;
    }
    return false;
}

/* --- what a standard says of a clock -------------------------------------------------------------------------------- */

static assay_instant deadline_of(struct assay_verdict *v, struct assay_standard s, assay_instant start) {
    if (standard_asks_calendar(s)) v->points |= POINT(HOLIDAYS);
    switch (s.unit) {
    case ASSAY_WORKING_HOURS: return assay_calendar_after(v->calendar, start, standard_budget(s));
    case ASSAY_CALENDAR_HOURS: return start + standard_budget(s);
    case ASSAY_WORKING_DAYS: return assay_calendar_days_deadline(v->calendar, start, s.n, true);
    case ASSAY_CALENDAR_DAYS: return assay_calendar_days_deadline(v->calendar, start, s.n, false);
    }
    return ASSAY_NO_INSTANT;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t margin(struct assay_standard s, int64_t spent) {
    int64_t left = standard_budget(s) - spent;
    return standard_in_hours(s) ? floor_div(left, ASSAY_HOUR) : left;
}

/* Compare, and say what the comparison relied on. */
static enum assay_clock_outcome compare(struct assay_standard s, int64_t spent, assay_points *points) {
    if (standard_in_hours(s) && spent == standard_budget(s)) *points |= POINT(LIMIT_INCLUSIVE);
    return spent <= standard_budget(s) ? ASSAY_CLOCK_MET : ASSAY_CLOCK_MISSED;
}

/* --- the diagnosis clock (DOMAIN 4.2) ------------------------------------------------------------------------------- */

/* The earliest note of an exempting reason, at or before the first request. */
static const struct assay_record *exempting_note(const struct assay_order *o, const struct assay_scheme *s) {
    const struct assay_record *best = NULL;
    for (unsigned note = ASSAY_NOTE_NONE + 1; note < sizeof o->exempting / sizeof *o->exempting; note++) {
        const struct assay_record *r = o->exempting[note];
        if (!r || !(s->exempting_notes & 1u << note) || r->at > o->first_requested_at) continue;
        if (!best || r->at < best->at || (r->at == best->at && assay_str_cmp(r->id, best->id) < 0)) best = r;
    }
    return best;
}

static void compare_diagnosis(const struct assay_order *o, struct assay_verdict *v) {
    struct assay_diagnosis *d = &v->diagnosis;
    d->working_us = assay_calendar_working(v->calendar, d->start, d->end);
    d->elapsed_us = d->end - d->start;
    d->outcome = compare(d->limit, standard_spent(d->limit, v->calendar, d->start, d->end, d->working_us), &v->points);
    if (d->outcome != ASSAY_CLOCK_MISSED) return;
    d->exempt_record = exempting_note(o, v->scheme);
    if (!d->exempt_record) return;
    d->outcome = ASSAY_CLOCK_EXEMPT;
    d->exempt = d->exempt_record->noted;
    v->points |= POINT(EXEMPT_ONLY_DIAGNOSIS);
}

static void judge_diagnosis(const struct assay_order *o, struct assay_verdict *v) {
    struct assay_diagnosis *d = &v->diagnosis;
    d->start = o->clock_start;
    d->end = o->first_requested_at;
    if (d->end == ASSAY_NO_INSTANT && o->state == ASSAY_STATE_CLOSED) {
        d->outcome = ASSAY_CLOCK_NOT_APPLICABLE;
        return;
    }
    d->deadline = deadline_of(v, d->limit, d->start);
    if (d->end == ASSAY_NO_INSTANT) d->outcome = ASSAY_CLOCK_PENDING;
    else if (d->end < d->start) d->outcome = ASSAY_CLOCK_UNDETERMINED;
    else compare_diagnosis(o, v);
}

/* --- candidates (DOMAIN 3, 4.1, 4.3) -------------------------------------------------------------------------------- */

/* Class nDhh counted from a shipment: hh:00 local on day n, the day of shipment being day 1. */
static assay_instant class_instant(const struct assay_zone *z, assay_instant shipped, assay_courier c) {
    return assay_zone_instant(z, assay_zone_date(z, shipped, NULL) + c / 100 - 1, c % 100 * 3600);
}

/* The first row whose bound the delivery keeps; without a delivery on record, the first. */
static int lateness_of(const struct assay_scheme *s, const struct assay_shipment *sh, assay_instant promise) {
    if (!sh->delivered) return 0;
    for (size_t i = 0; i < s->n_lateness; i++) {
        const struct assay_lateness_row *row = &s->lateness[i];
        if (row->until == ASSAY_UNTIL_EVER) return (int)i;
        assay_instant until = row->until == ASSAY_UNTIL_PROMISE ? promise
                                                                : class_instant(s->zone, sh->shipped->at, row->until_class);
        if (sh->delivered->at <= until) return (int)i;
    }
    return (int)s->n_lateness - 1;
}

static struct assay_candidate candidate_of(const struct assay_considered *c, const struct assay_verdict *v) {
    struct assay_candidate out = {.considered = c, .expected = ASSAY_NO_INSTANT, .lateness = -1};
    out.local = c->shipment.local_said && v->facts && v->facts->ascim;
    if (out.local || !c->shipment.shipped) return out;
    out.expected = class_instant(v->scheme->zone, c->shipment.shipped->at, c->shipment.shipped->courier);
    out.lateness = lateness_of(v->scheme, &c->shipment, out.expected);
    return out;
}

static void list_candidates(const struct assay_order *o, struct assay_arena *a, struct assay_verdict *v) {
    struct assay_candidate *c = assay_arena_alloc(a, o->n_considered * sizeof *c);
    for (size_t i = 0; i < o->n_considered; i++) {
        c[i] = candidate_of(&o->considered[i], v);
        if (c[i].expected != ASSAY_NO_INSTANT) v->points |= POINT(EXPECTED_ARRIVAL);
    }
    v->candidates = c;
    v->n_candidates = o->n_considered;
}

/* --- the start of the cycle (DOMAIN 4.1) ---------------------------------------------------------------------------- */

enum { NO_LINES = 1, ALL_LOCAL = 2 };
static const struct start_rule {
    enum assay_rule rule;
    unsigned when;    /* all of these hold */
    bool by_shipment; /* start and standard are the governing line's; else the clock's start and no_parts */
} start_rules[] = {
    {ASSAY_RULE_NO_PARTS, NO_LINES, false},
    {ASSAY_RULE_LOCAL_STOCK, ALL_LOCAL, false},
    {ASSAY_RULE_LAST_SHIPMENT, 0, true},
};

static const struct start_rule *start_rule_of(const struct assay_verdict *v) {
    size_t local = 0;
    for (size_t i = 0; i < v->n_candidates; i++) local += v->candidates[i].local;
    unsigned facts = !v->n_candidates ? NO_LINES : local == v->n_candidates ? ALL_LOCAL : 0;
    const struct start_rule *row = start_rules;
    while ((row->when & facts) != row->when) row++;
    return row;
}

/* Expected last; of equals the later shipment, then the greater line id. */
static bool governs_over(const struct assay_candidate *a, const struct assay_candidate *b) {
    if (a->expected != b->expected) return a->expected > b->expected;
    assay_instant sa = a->considered->shipment.shipped->at, sb = b->considered->shipment.shipped->at;
    if (sa != sb) return sa > sb;
    return assay_str_cmp(a->considered->line, b->considered->line) > 0;
}

/* Among the lines that are not local: the one that governs, the worst lateness, and what the choice relied on. */
struct choice {
    const struct assay_candidate *governing; /* NULL: a shipment is missing */
    int lateness;
    assay_points points;
};

static struct choice choose(const struct assay_verdict *v) {
    struct choice out = {.lateness = -1};
    size_t lines = 0;
    bool tie = false, differ = false;
    for (size_t i = 0; i < v->n_candidates; i++) {
        const struct assay_candidate *c = &v->candidates[i];
        if (c->local) continue;
        if (!c->considered->shipment.shipped) return (struct choice){.lateness = -1};
        if (lines++ && c->lateness != out.lateness) differ = true;
        if (c->lateness > out.lateness) out.lateness = c->lateness;
        if (out.governing && c->expected == out.governing->expected) tie = true;
        if (out.governing && !governs_over(c, out.governing)) continue;
        if (out.governing && c->expected > out.governing->expected) tie = false;
        out.governing = c;
    }
    if (tie) out.points |= POINT(GOVERNING_TIE);
    if (differ) out.points |= POINT(WORST_LINE);
    return out;
}

/* --- the standard (DOMAIN 4.3) -------------------------------------------------------------------------------------- */

static struct assay_standard city_standard(const struct assay_scheme *s, struct assay_str city) {
    for (size_t i = 0; i < s->n_city_rows; i++) {
        const struct assay_city_row *row = &s->city_rows[i];
        if (!row->n_cities) return row->standard;
        for (size_t k = 0; k < row->n_cities; k++) {
            if (assay_str_eq(row->cities[k], city)) return row->standard;
        }
    }
    return (struct assay_standard){0};
}

static void set_standard_by_lateness(struct assay_verdict *v, int lateness) {
    const struct assay_lateness_row *row = &v->scheme->lateness[lateness];
    struct assay_str city = v->facts ? v->facts->city : ASSAY_STR_NONE;
    v->cycle.standard = row->by_city ? city_standard(v->scheme, city) : row->standard;
    v->cycle.standard_reason = row->standard_reason;
    v->cycle.beyond_slowest = row->beyond_slowest;
    v->points |= 1u << row->point;
    if (row->beyond_slowest) v->points |= POINT(BEYOND_SLOWEST);
}

static void set_standard_no_parts(struct assay_verdict *v) {
    v->cycle.standard = v->scheme->no_parts;
    v->cycle.standard_reason = "no_parts";
    v->points |= POINT(STANDARD_NO_PARTS);
}

/* --- the cycle clock (DOMAIN 4.1, 4.3, 4.4) ------------------------------------------------------------------------- */

static void compare_cycle(struct assay_verdict *v) {
    struct assay_cycle *c = &v->cycle;
    c->working_us = assay_calendar_working(v->calendar, c->start, c->end);
    c->elapsed_us = c->end - c->start;
    int64_t spent = standard_spent(c->standard, v->calendar, c->start, c->end, c->working_us);
    c->elapsed_days = standard_in_hours(c->standard) ? assay_calendar_working_days(v->calendar, c->start, c->end) : spent;
    c->outcome = compare(c->standard, spent, &v->points);
    c->margin = margin(c->standard, spent);
}

static void start_cycle(const struct assay_order *o, struct assay_verdict *v) {
    struct assay_cycle *c = &v->cycle;
    const struct start_rule *row = start_rule_of(v);
    c->rule = row->rule;
    if (!row->by_shipment) {
        c->start = o->clock_start;
        set_standard_no_parts(v);
        return;
    }
    struct choice choice = choose(v);
    if (!choice.governing) return;
    c->governing = choice.governing;
    c->start = choice.governing->considered->shipment.shipped->at;
    v->points |= choice.points;
    set_standard_by_lateness(v, choice.lateness);
}

static void judge_cycle(const struct assay_order *o, struct assay_verdict *v) {
    struct assay_cycle *c = &v->cycle;
    start_cycle(o, v);
    c->end = o->closed_at;
    if (c->start != ASSAY_NO_INSTANT) c->deadline = deadline_of(v, c->standard, c->start);
    if (c->end == ASSAY_NO_INSTANT) c->outcome = ASSAY_CLOCK_PENDING;
    else if (c->start == ASSAY_NO_INSTANT || c->end < c->start) c->outcome = ASSAY_CLOCK_UNDETERMINED;
    else compare_cycle(v);
}

/* --- the order's outcome (DOMAIN 4.4) ------------------------------------------------------------------------------- */

enum {
    OUT_OF_SCOPE = 1 << 0,
    IS_OPEN = 1 << 1,
    NO_OPENING = 1 << 2,
    CLOCK_MISSED = 1 << 3,
    REQUEST_INVERTED = 1 << 4,
    CLOSE_INVERTED = 1 << 5,
    NO_SHIPMENT = 1 << 6,
};
static const struct outcome_rule {
    unsigned when; /* all of these hold */
    enum assay_outcome outcome;
    enum assay_reason reason;
} outcome_rules[] = {
    {OUT_OF_SCOPE, ASSAY_OUT_OF_SCOPE, ASSAY_REASON_NONE},
    {IS_OPEN, ASSAY_PENDING, ASSAY_REASON_NONE},
    {NO_OPENING, ASSAY_UNDETERMINED, ASSAY_REASON_MISSING_OPEN},
    {CLOCK_MISSED, ASSAY_MISSED, ASSAY_REASON_NONE},
    {REQUEST_INVERTED, ASSAY_UNDETERMINED, ASSAY_REASON_REQUEST_BEFORE_OPEN},
    {CLOSE_INVERTED, ASSAY_UNDETERMINED, ASSAY_REASON_CLOSE_BEFORE_START},
    {NO_SHIPMENT, ASSAY_UNDETERMINED, ASSAY_REASON_MISSING_SHIPMENT},
    {0, ASSAY_COMPLIANT, ASSAY_REASON_NONE},
};

static void conclude(struct assay_verdict *v, unsigned facts) {
    const struct outcome_rule *row = outcome_rules;
    while ((row->when & facts) != row->when) row++;
    v->outcome = row->outcome;
    v->reason = row->reason;
}

static unsigned clock_facts(const struct assay_verdict *v) {
    const struct assay_diagnosis *d = &v->diagnosis;
    const struct assay_cycle *c = &v->cycle;
    unsigned facts = 0;
    if (d->outcome == ASSAY_CLOCK_MISSED || c->outcome == ASSAY_CLOCK_MISSED) facts |= CLOCK_MISSED;
    if (d->outcome == ASSAY_CLOCK_UNDETERMINED) facts |= REQUEST_INVERTED;
    if (c->outcome == ASSAY_CLOCK_UNDETERMINED) facts |= c->start == ASSAY_NO_INSTANT ? NO_SHIPMENT : CLOSE_INVERTED;
    return facts;
}

/* --- judging -------------------------------------------------------------------------------------------------------- */

/* The date that scope, scheme and facts are asked with: the opening's, else the close's, in the scheme's zone. Versions
 * of one scheme share their zone; the first has it. */
static assay_date date_asked(const struct assay_order *o, const struct assay_scheme *first) {
    assay_instant t = o->opened_at != ASSAY_NO_INSTANT ? o->opened_at : o->closed_at;
    return t == ASSAY_NO_INSTANT ? ASSAY_NO_DATE : assay_zone_date(first->zone, t, NULL);
}

static void init(struct assay_verdict *v) {
    *v = (struct assay_verdict){.opened_on = ASSAY_NO_DATE};
    v->diagnosis.start = v->diagnosis.end = v->diagnosis.deadline = ASSAY_NO_INSTANT;
    v->diagnosis.working_us = v->diagnosis.elapsed_us = -1;
    v->cycle.start = v->cycle.end = v->cycle.deadline = ASSAY_NO_INSTANT;
    v->cycle.working_us = v->cycle.elapsed_us = v->cycle.elapsed_days = -1;
    v->cycle.margin = INT64_MIN;
}

/* What the fold relied on, as far as the verdict rests on it. */
static assay_points points_of_fold(const struct assay_order *o, const struct assay_verdict *v) {
    assay_points p = o->points;
    if (v->cycle.outcome == ASSAY_CLOCK_NONE) p &= ~(POINT(REPLACEMENT) | POINT(REPLACEMENT_CANCELLED));
    if (o->state == ASSAY_STATE_OPEN && v->cycle.deadline == ASSAY_NO_INSTANT) p &= ~POINT(LAST_CLOSE);
    return p;
}

void assay_verdict_judge(const struct assay_order *o, const struct assay_rules *r, struct assay_arena *a,
                         struct assay_verdict *out) {
    init(out);
    const struct assay_scheme *first = assay_scheme_on(r->schemes, ASSAY_NO_DATE);
    if (o->state == ASSAY_STATE_NONE || !first) return;

    out->opened_on = date_asked(o, first);
    out->scheme = assay_scheme_on(r->schemes, out->opened_on);
    out->calendar = r->calendar(r->ctx, out->scheme->calendar_code);
    if (!out->calendar) return;
    if (r->provider && o->opened_at != ASSAY_NO_INSTANT) out->facts = assay_provider_on(r->provider, out->opened_on);
    out->diagnosis.limit = out->scheme->diagnosis_limit;

    bool before = out->opened_on != ASSAY_NO_DATE && out->opened_on < out->scheme->starts;
    if (before || o->state == ASSAY_STATE_CANCELLED) {
        if (!before) out->points = o->points & POINT(END_STATES);
        conclude(out, OUT_OF_SCOPE);
        return;
    }
    unsigned facts = o->state == ASSAY_STATE_OPEN ? IS_OPEN : 0;
    if (o->opened_at == ASSAY_NO_INSTANT) {
        out->points = points_of_fold(o, out);
        conclude(out, facts | NO_OPENING);
        return;
    }
    list_candidates(o, a, out);
    judge_diagnosis(o, out);
    judge_cycle(o, out);
    out->points |= points_of_fold(o, out);
    conclude(out, facts | clock_facts(out));
}

assay_instant assay_verdict_next_deadline(const struct assay_verdict *v, const char **which) {
    *which = NULL;
    if (v->outcome != ASSAY_PENDING) return ASSAY_NO_INSTANT;
    assay_instant next = v->cycle.deadline;
    if (next != ASSAY_NO_INSTANT) *which = "cycle";
    if (v->diagnosis.outcome != ASSAY_CLOCK_PENDING || v->diagnosis.deadline == ASSAY_NO_INSTANT) return next;
    if (next != ASSAY_NO_INSTANT && next < v->diagnosis.deadline) return next;
    *which = "diagnosis";
    return v->diagnosis.deadline;
}
