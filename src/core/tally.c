/* tally.c -- what one order, or one response without an order, adds to the tallies (DOMAIN 5, 6). Weights, curves and
 * rates are not applied here, save the labour rate an order earns at. */
#include <stdio.h>
#include <string.h>

#include "assay/evaluate.h"

static void nothing(struct assay_contribution *out) {
    *out = (struct assay_contribution){.month = ASSAY_NO_MONTH, .rate = ASSAY_NO_RATE};
}

static assay_month month_of(const struct assay_scheme *s, assay_instant t) {
    return assay_date_month(assay_zone_date(s->zone, t, NULL));
}

static assay_points point(enum assay_point p) { return 1u << p; }

/* Each place counts once for an order, however often the order touched it. */
static void add_points(struct assay_contribution *c, assay_points points) {
    for (int p = 0; p < ASSAY_POINT_COUNT; p++) c->counts[ASSAY_TALLY_POINTS + p] += points >> p & 1u;
}

/* Count one answer; the assumptions it took are returned. order_class: that of the order it names. */
static assay_points add_answer(struct assay_contribution *c, const struct assay_record *r, enum assay_class order_class) {
    assay_points used = 0;
    enum assay_class class = r->customer_class ? r->customer_class : order_class;
    if (!class) {
        class = ASSAY_CLASS_ORDINARY;
        used |= point(ASSAY_POINT_SURVEY_CLASS);
    }
    enum assay_responsibility resp = r->responsibility;
    if (r->answer == ASSAY_ANSWER_SATISFIED) {
        resp = ASSAY_RESP_PROVIDER; /* ignored on a satisfied answer: all of them share a cell */
    } else if (!resp) {
        resp = ASSAY_RESP_PROVIDER;
        used |= point(ASSAY_POINT_SURVEY_RESPONSIBILITY);
    } else if (resp == ASSAY_RESP_MANUFACTURER) {
        used |= point(ASSAY_POINT_SURVEY_MANUFACTURER);
    }
    c->counts[assay_tally_answer(class, r->answer, resp)]++;
    return used;
}

/* The cell of a closed order's outcome; -1: the order is none of a scheme's closed orders. */
static int outcome_cell(const struct assay_verdict *v) {
    switch (v->outcome) {
    case ASSAY_COMPLIANT: return ASSAY_TALLY_COMPLIANT;
    case ASSAY_MISSED: return ASSAY_TALLY_MISSED;
    case ASSAY_UNDETERMINED:
        return v->reason == ASSAY_REASON_MISSING_SHIPMENT ? ASSAY_TALLY_UNDETERMINED_LOGISTICS
                                                          : ASSAY_TALLY_UNDETERMINED_PROVIDER;
    default: return -1;
    }
}

static void add_closed(struct assay_contribution *c, const struct assay_order *o, const struct assay_verdict *v, int cell) {
    bool left_out = cell == ASSAY_TALLY_UNDETERMINED_LOGISTICS;
    assay_points used = v->points;
    if (left_out) used |= point(ASSAY_POINT_MISSING_SHIPMENT);
    c->month = month_of(v->scheme, o->closed_at);
    c->counts[ASSAY_TALLY_CLOSED] = 1;
    c->counts[cell] = 1;
    c->counts[ASSAY_TALLY_EXEMPT] = !left_out && v->diagnosis.outcome == ASSAY_CLOCK_EXEMPT;
    for (size_t i = 0; i < o->n_surveys; i++) used |= add_answer(c, o->surveys[i], o->customer_class);
    if (o->n_surveys > 1) used |= point(ASSAY_POINT_SURVEY_EACH);
    add_points(c, used);
}

void assay_contribution_of_order(const struct assay_order *o, const struct assay_verdict *v, const struct assay_rates *rates,
                                 struct assay_contribution *out) {
    nothing(out);
    int cell = outcome_cell(v);
    if (cell < 0) return;
    add_closed(out, o, v, cell);
    out->paid = true;
    int64_t amount;
    if (rates && assay_rates_find(rates, o->product, o->warranty, v->opened_on, &amount)) out->rate = amount;
}

void assay_contribution_of_survey(const struct assay_record *survey, const struct assay_scheme *s,
                                  struct assay_contribution *out) {
    nothing(out);
    assay_date on = assay_zone_date(s->zone, survey->at, NULL);
    if (on < s->starts) return;
    out->month = assay_date_month(on);
    add_points(out, add_answer(out, survey, ASSAY_CLASS_NONE) | point(ASSAY_POINT_SURVEY_NO_ORDER));
}

/* --- names --------------------------------------------------------------------------------------------------------- */

/* The word of a value of a record's field, as the wire says it. */
static const char *word_of(const char *field, int value) {
    for (size_t i = 0; i < assay_fields_count; i++)
        if (assay_fields[i].words && strcmp(assay_fields[i].name, field) == 0) return assay_fields[i].words[value - 1];
    return "?";
}

const char *assay_tally_name(int element, char buf[64]) {
    static const char *const names[ASSAY_TALLY_ANSWERS] = {
        [ASSAY_TALLY_CLOSED] = "closed",
        [ASSAY_TALLY_COMPLIANT] = "compliant",
        [ASSAY_TALLY_MISSED] = "missed",
        [ASSAY_TALLY_UNDETERMINED_PROVIDER] = "undetermined/provider",
        [ASSAY_TALLY_UNDETERMINED_LOGISTICS] = "undetermined/logistics",
        [ASSAY_TALLY_EXEMPT] = "exempt",
    };
    int answer = element - ASSAY_TALLY_ANSWERS, p = element - ASSAY_TALLY_POINTS;
    if (element >= 0 && answer < 0) {
        snprintf(buf, 64, "%s", names[element]);
    } else if (answer >= 0 && p < 0) {
        snprintf(buf, 64, "answer/%s/%s/%s", word_of("customer_class", answer / 12 + 1), word_of("answer", answer / 3 % 4 + 1),
                 word_of("responsibility", answer % 3 + 1));
    } else if (p >= 0 && p < ASSAY_POINT_COUNT) {
        snprintf(buf, 64, "assumption/%s", assay_point_about((enum assay_point)p));
    } else {
        snprintf(buf, 64, "element/%d", element);
    }
    return buf;
}
