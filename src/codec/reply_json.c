/* reply_json.c -- evaluations, compensation, uploads, lists and problems as the API shows them (API.md). */
#include "reader.h"

void assay_list_begin(struct assay_buf *b) {
    assay_json_object(b, NULL);
    assay_json_array(b, "items");
}

void assay_list_end(struct assay_buf *b, struct assay_str next) {
    assay_json_array_end(b);
    assay_json_str(b, "next", next);
    assay_json_object_end(b);
}

/* --- evaluations ------------------------------------------------------------------------------------------------------ */

static void write_frac_or_null(struct assay_buf *b, const char *key, bool known, struct assay_frac f) {
    if (known) assay_json_frac(b, key, f);
    else assay_json_null(b, key);
}

static void write_money_or_null(struct assay_buf *b, const char *key, const struct assay_money *m) {
    if (m->known) assay_json_money(b, key, m->amount, m->minor_digits, m->currency);
    else assay_json_null(b, key);
}

static void write_indicator(const struct assay_indicator_result *r, struct assay_buf *b) {
    assay_json_object(b, NULL);
    assay_json_text(b, "code", r->indicator->code);
    assay_json_int(b, "numerator", r->numerator);
    assay_json_int(b, "denominator", r->denominator);
    write_frac_or_null(b, "value", r->rated, r->value);
    write_frac_or_null(b, "score", r->rated, r->score);
    assay_json_frac(b, "max", r->indicator->max);
    assay_json_bool(b, "rated", r->rated);
    assay_json_object_end(b);
}

static void write_scheme_and_period(const struct assay_evaluation *e, bool with_version, struct assay_buf *b) {
    assay_json_text(b, "scheme", e->scheme->code);
    if (with_version) assay_json_int(b, "scheme_version", e->scheme->version);
    assay_json_month(b, "period", e->period);
}

static void write_counts(const struct assay_evaluation *e, struct assay_buf *b) {
    assay_json_object(b, "orders");
    assay_json_int(b, "closed", e->closed);
    assay_json_int(b, "counted", e->counted);
    assay_json_int(b, "compliant", e->compliant);
    assay_json_int(b, "missed", e->missed);
    assay_json_int(b, "exempt", e->exempt);
    assay_json_int(b, "undetermined", e->undetermined);
    assay_json_int(b, "open", e->open);
    assay_json_object_end(b);
}

static void write_window(const struct assay_evaluation *e, struct assay_buf *b) {
    assay_json_object(b, "window");
    assay_json_date(b, "from", e->window_from);
    assay_json_date(b, "to", e->window_to);
    assay_json_object_end(b);
}

void assay_evaluation_write(const struct assay_evaluation_reply *r, struct assay_buf *b, const char *key) {
    const struct assay_evaluation *e = r->evaluation;
    assay_json_object(b, key);
    assay_json_str(b, "provider", r->provider);
    write_scheme_and_period(e, true, b);
    write_window(e, b);
    assay_json_text(b, "status", r->final ? "final" : "provisional");
    assay_json_array(b, "indicators");
    for (size_t i = 0; i < e->n_indicators; i++) write_indicator(&e->indicators[i], b);
    assay_json_array_end(b);
    assay_json_frac(b, "score", e->rated ? e->score : ASSAY_FRAC_ZERO);
    assay_json_frac(b, "max", e->rated ? e->max : ASSAY_FRAC_ZERO);
    write_frac_or_null(b, "ratio", e->rated, e->ratio);
    assay_json_null(b, "grade");
    if (e->rank > 0) assay_json_int(b, "rank", e->rank);
    else assay_json_null(b, "rank");
    assay_json_int(b, "ranked", r->ranked);
    write_counts(e, b);
    assay_json_instant(b, "last_record_at", r->last_record_at);
    assay_reply_assumptions(e->scheme, e->points, b, "assumptions");
    write_money_or_null(b, "compensation", &r->compensation);
    assay_json_object_end(b);
}

/* --- compensation ------------------------------------------------------------------------------------------------------ */

void assay_compensation_write(const struct assay_compensation_reply *r, struct assay_buf *b, const char *key) {
    const struct assay_compensation *c = r->compensation;
    bool priced = r->currency != NULL; /* without a rate table there is no currency, so no sum of money either */
    struct assay_money base = {priced, c->base, r->minor_digits, r->currency},
                       adjustments = {priced, r->adjustments, r->minor_digits, r->currency},
                       total = {.minor_digits = r->minor_digits, .currency = r->currency};
    total.known = priced && c->no_rate_lines == 0 && !__builtin_add_overflow(c->total, r->adjustments, &total.amount);
    assay_json_object(b, key);
    assay_json_str(b, "provider", r->provider);
    write_scheme_and_period(r->evaluation, false, b);
    assay_json_text(b, "status", r->final ? "final" : "draft");
    assay_json_int(b, "lines", c->lines);
    assay_json_int(b, "no_rate_lines", c->no_rate_lines);
    write_money_or_null(b, "base", &base);
    assay_json_frac(b, "multiplier", c->multiplier);
    write_money_or_null(b, "adjustments", &adjustments);
    write_money_or_null(b, "total", &total);
    assay_reply_assumptions(r->evaluation->scheme, r->evaluation->points, b, "assumptions");
    assay_json_object_end(b);
}

void assay_pay_line_write(const struct assay_pay_line_reply *l, struct assay_buf *b, const char *key) {
    bool known = l->rate != ASSAY_NO_RATE;
    struct assay_money rate = {known, l->rate, l->minor_digits, l->currency},
                       amount = {known, l->amount, l->minor_digits, l->currency};
    assay_json_object(b, key);
    assay_json_str(b, "order", l->order);
    assay_json_str(b, "product", l->product);
    assay_json_text(b, "warranty", ASSAY_WORD(warranty, l->warranty));
    write_money_or_null(b, "rate", &rate);
    assay_json_frac(b, "multiplier", l->multiplier);
    write_money_or_null(b, "amount", &amount);
    assay_json_text(b, "status", l->held ? "held" : known ? "ok" : "no_rate");
    assay_reply_link(l->provider, l->order, l->scheme, b, "verdict");
    assay_json_object_end(b);
}

/* --- uploads ----------------------------------------------------------------------------------------------------------- */

static void write_upload_error(const struct assay_upload_error *e, struct assay_buf *b) {
    assay_json_object(b, NULL);
    assay_json_int(b, "line", (int64_t)e->line);
    if (e->column) assay_json_int(b, "column", e->column);
    assay_json_str(b, "id", e->id);
    assay_json_text(b, "code", assay_status_code(e->status));
    assay_json_text(b, "detail", e->detail);
    assay_json_text(b, "pointer", e->pointer);
    assay_json_object_end(b);
}

static void write_changes(const struct assay_upload_reply *u, struct assay_buf *b) {
    assay_json_bool(b, "dry_run", true);
    assay_json_array(b, "verdicts");
    for (size_t i = 0; i < u->n_changes; i++) {
        const struct assay_verdict_change *c = &u->changes[i];
        assay_json_object(b, NULL);
        assay_json_str(b, "scheme", c->scheme);
        assay_json_str(b, "provider", c->provider);
        assay_json_str(b, "order", c->order);
        assay_json_text(b, "before", assay_outcome_name(c->before));
        assay_json_text(b, "after", assay_outcome_name(c->after));
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
}

void assay_upload_errors_write(const struct assay_upload_reply *u, struct assay_buf *b, const char *key) {
    assay_json_array(b, key);
    for (size_t i = 0; i < u->n_errors; i++) write_upload_error(&u->errors[i], b);
    assay_json_array_end(b);
}

void assay_upload_write(const struct assay_upload_reply *u, struct assay_buf *b, const char *key) {
    assay_json_object(b, key);
    assay_json_str(b, "upload", u->upload);
    assay_json_int(b, "received", u->received);
    assay_json_int(b, "accepted", u->accepted);
    assay_json_int(b, "duplicates", u->duplicates);
    assay_json_int(b, "rejected", u->rejected);
    assay_upload_errors_write(u, b, "errors");
    if (u->dry_run) write_changes(u, b);
    assay_json_object_end(b);
}

void assay_accepted_write(struct assay_str id, bool duplicate, const struct assay_upload_reply *trial, struct assay_buf *b,
                          const char *key) {
    assay_json_object(b, key);
    assay_json_str(b, "id", id);
    assay_json_text(b, "status", duplicate ? "duplicate" : "accepted");
    if (trial) write_changes(trial, b);
    assay_json_object_end(b);
}
