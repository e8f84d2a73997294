/* verdict_json.c -- verdicts, their explanations and orders as the API shows them (API.md, Reads). */
#include "reader.h"

/* --- small parts ------------------------------------------------------------------------------------------------------ */

static void write_standard(const struct assay_standard *s, struct assay_buf *b, const char *key) {
    if (!s->unit) {
        assay_json_null(b, key);
        return;
    }
    assay_json_object(b, key);
    assay_json_int(b, assay_unit_name(s->unit), s->n);
    assay_json_object_end(b);
}

static bool is_path_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._~!$&'()*+,;=:@", c));
}

void assay_link_segment(struct assay_str s, struct assay_buf *b) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
        if (is_path_char(s.p[i])) assay_buf_addc(b, s.p[i]);
        else assay_buf_add(b, escaped, sizeof escaped);
    }
}

void assay_link_verdict(struct assay_str provider, struct assay_str order, const char *scheme, struct assay_buf *b) {
    assay_buf_adds(b, "/v1/providers/");
    assay_link_segment(provider, b);
    assay_buf_adds(b, "/orders/");
    assay_link_segment(order, b);
    assay_buf_adds(b, "/verdict");
    if (!scheme) return;
    assay_buf_adds(b, "?scheme=");
    assay_link_segment(assay_str_c(scheme), b);
}

void assay_reply_link(struct assay_str provider, struct assay_str order, const char *scheme, struct assay_buf *b,
                      const char *key) {
    struct assay_buf link = {0};
    assay_link_verdict(provider, order, scheme, &link);
    assay_json_str(b, key, assay_buf_str(&link));
    assay_buf_free(&link);
}

void assay_reply_assumptions(const struct assay_scheme *s, assay_points points, struct assay_buf *b, const char *key) {
    assay_json_array(b, key);
    for (size_t i = 0; i < s->n_assumptions; i++)
        if (points & (UINT32_C(1) << s->assumptions[i].about)) assay_json_text(b, NULL, s->assumptions[i].id);
    assay_json_array_end(b);
}

/* --- the verdict ------------------------------------------------------------------------------------------------------ */

static void write_diagnosis(const struct assay_diagnosis *d, struct assay_buf *b) {
    if (!d->outcome) {
        assay_json_null(b, "diagnosis");
        return;
    }
    assay_json_object(b, "diagnosis");
    assay_json_text(b, "outcome", assay_clock_outcome_name(d->outcome));
    assay_json_instant(b, "start", d->start);
    assay_json_instant(b, "end", d->end);
    assay_json_seconds(b, "elapsed_working_seconds", d->working_us);
    assay_json_seconds(b, "elapsed_seconds", d->elapsed_us);
    assay_json_seconds(b, "limit_working_seconds", d->limit.unit == ASSAY_WORKING_HOURS ? d->limit.n * 3600 * ASSAY_SECOND : -1);
    assay_json_text(b, "exempt_reason", ASSAY_WORD(noted, d->exempt));
    assay_json_instant(b, "deadline", d->deadline);
    assay_json_object_end(b);
}

static void write_cycle(const struct assay_cycle *c, struct assay_buf *b) {
    if (!c->outcome) {
        assay_json_null(b, "cycle");
        return;
    }
    assay_json_object(b, "cycle");
    assay_json_text(b, "outcome", assay_clock_outcome_name(c->outcome));
    assay_json_text(b, "rule", assay_rule_name(c->rule));
    assay_json_instant(b, "start", c->start);
    assay_json_instant(b, "end", c->end);
    assay_json_str(b, "governing_line", c->governing ? c->governing->considered->line : ASSAY_STR_NONE);
    write_standard(&c->standard, b, "standard");
    assay_json_text(b, "standard_reason", c->standard_reason);
    assay_json_seconds(b, "elapsed_working_seconds", c->working_us);
    assay_json_seconds(b, "elapsed_seconds", c->elapsed_us);
    if (c->elapsed_days >= 0) assay_json_int(b, "elapsed_days", c->elapsed_days);
    else assay_json_null(b, "elapsed_days");
    if (c->margin != INT64_MIN) assay_json_int(b, "margin", c->margin);
    else assay_json_null(b, "margin");
    assay_json_instant(b, "deadline", c->deadline);
    assay_json_bool(b, "beyond_slowest", c->beyond_slowest);
    assay_json_object_end(b);
}

static void write_facts(const struct assay_provider_facts *f, struct assay_buf *b) {
    if (!f) {
        assay_json_null(b, "provider_facts");
        return;
    }
    assay_json_object(b, "provider_facts");
    assay_json_str(b, "city", f->city);
    assay_json_bool(b, "ascim", f->ascim);
    assay_json_object_end(b);
}

static void write_segments(const struct assay_explanation *e, struct assay_buf *b) {
    assay_json_array(b, "segments");
    for (size_t i = 0; i < e->n_segments; i++) {
        const struct assay_segment *s = &e->segments[i];
        assay_json_object(b, NULL);
        assay_json_text(b, "code", s->code);
        assay_json_instant(b, "from", s->from);
        assay_json_instant(b, "to", s->to);
        assay_json_text(b, "party", s->party);
        assay_json_seconds(b, "seconds", s->to - s->from);
        assay_json_seconds(b, "working_seconds", s->working_us);
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
}

/* What shipped for a line: null where nothing has. expected: NULL where that is not told. */
static void write_shipment(const struct assay_shipment *s, const assay_instant *expected, struct assay_buf *b) {
    char courier[8];
    const struct assay_record *shipped = s->shipped;
    if (shipped && shipped->courier) assay_courier_format(shipped->courier, courier);
    assay_json_str(b, "shipped_line", shipped ? s->line : ASSAY_STR_NONE);
    assay_json_instant(b, "shipped_at", shipped ? shipped->at : ASSAY_NO_INSTANT);
    if (expected) assay_json_instant(b, "expected_at", *expected);
    assay_json_instant(b, "delivered_at", s->delivered ? s->delivered->at : ASSAY_NO_INSTANT);
    assay_json_text(b, "courier", shipped && shipped->courier ? courier : NULL);
}

static void write_candidates(const struct assay_verdict *v, struct assay_buf *b) {
    assay_json_array(b, "candidates");
    for (size_t i = 0; i < v->n_candidates; i++) {
        const struct assay_candidate *c = &v->candidates[i];
        assay_json_object(b, NULL);
        assay_json_str(b, "line", c->considered->line);
        write_shipment(&c->considered->shipment, &c->expected, b);
        assay_json_text(b, "lateness", c->lateness >= 0 ? v->scheme->lateness[c->lateness].name : NULL);
        assay_json_bool(b, "local", c->local);
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
}

/* Seconds are counted from the ledger's beginning, so that those of its entries sum to those of the whole. */
static void write_ledger(const struct assay_ledger *l, struct assay_buf *b, const char *key) {
    assay_json_array(b, key);
    for (size_t i = 0; i < l->n; i++) {
        const struct assay_ledger_entry *e = &l->entries[i];
        assay_instant begin = l->entries[0].from;
        assay_json_object(b, NULL);
        assay_json_instant(b, "from", e->from);
        assay_json_instant(b, "to", e->to);
        assay_json_text(b, "kind", assay_stretch_name(e->kind));
        assay_json_int(b, "seconds", (e->to - begin) / ASSAY_SECOND - (e->from - begin) / ASSAY_SECOND);
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
}

static void write_explanation(const struct assay_verdict *v, const struct assay_explanation *e, struct assay_buf *b) {
    assay_json_object(b, "explanation");
    write_candidates(v, b);
    write_ledger(&e->cycle_ledger, b, "ledger");
    write_ledger(&e->diagnosis_ledger, b, "diagnosis_ledger");
    assay_json_array(b, "records");
    for (size_t i = 0; i < e->n_records; i++) assay_json_text(b, NULL, e->records[i]);
    assay_json_array_end(b);
    assay_json_object(b, "text");
    assay_json_text(b, "en", e->text_en);
    assay_json_text(b, "zh-CN", e->text_zh);
    assay_json_object_end(b);
    assay_json_object_end(b);
}

void assay_verdict_write(const struct assay_verdict_reply *r, struct assay_buf *b, const char *key) {
    const struct assay_verdict *v = r->verdict;
    assay_json_object(b, key);
    assay_json_str(b, "provider", r->provider);
    assay_json_str(b, "order", r->order);
    assay_json_text(b, "scheme", v->scheme->code);
    assay_json_int(b, "scheme_version", v->scheme->version);
    assay_json_text(b, "calendar", v->scheme->calendar_code);
    assay_json_int(b, "calendar_version", r->calendar_version);
    assay_json_text(b, "outcome", assay_outcome_name(v->outcome));
    assay_json_text(b, "reason", assay_reason_name(v->reason));
    assay_json_text(b, "channel", ASSAY_WORD(channel, r->facts->channel));
    assay_json_instant(b, "opened_at", r->facts->opened_at);
    assay_json_instant(b, "closed_at", r->facts->closed_at);
    write_diagnosis(&v->diagnosis, b);
    write_cycle(&v->cycle, b);
    assay_reply_assumptions(v->scheme, v->points, b, "assumptions");
    write_facts(v->facts, b);
    write_segments(r->explanation, b);
    write_explanation(v, r->explanation, b);
    assay_json_object_end(b);
}

/* --- orders ----------------------------------------------------------------------------------------------------------- */

void assay_order_summary_of(struct assay_str provider, struct assay_str order, const struct assay_order *facts,
                            const struct assay_verdict *v, struct assay_order_summary *out) {
    const char *clock;
    *out = (struct assay_order_summary){
        .provider = provider,
        .order = order,
        .state = facts->state,
        .channel = facts->channel,
        .product = facts->product,
        .customer_class = facts->customer_class,
        .warranty = facts->warranty,
        .opened_at = facts->opened_at,
        .closed_at = facts->closed_at,
        .outcome = v->outcome,
        .reason = v->reason,
        .deadline = assay_verdict_next_deadline(v, &clock),
        .scheme = v->scheme ? v->scheme->code : NULL,
    };
}

static void write_summary_members(const struct assay_order_summary *o, struct assay_buf *b) {
    assay_json_str(b, "provider", o->provider);
    assay_json_str(b, "order", o->order);
    assay_json_text(b, "state", o->state ? assay_state_name(o->state) : NULL);
    assay_json_text(b, "channel", ASSAY_WORD(channel, o->channel));
    assay_json_str(b, "product", o->product);
    assay_json_text(b, "customer_class", ASSAY_WORD(customer_class, o->customer_class));
    assay_json_text(b, "warranty", ASSAY_WORD(warranty, o->warranty));
    assay_json_instant(b, "opened_at", o->opened_at);
    assay_json_instant(b, "closed_at", o->closed_at);
    assay_json_text(b, "outcome", assay_outcome_name(o->outcome));
    assay_json_text(b, "reason", assay_reason_name(o->reason));
    if (o->clock) assay_json_text(b, "clock", o->clock);
    assay_json_instant(b, "deadline", o->deadline);
    assay_reply_link(o->provider, o->order, o->scheme, b, "verdict");
}

void assay_order_summary_write(const struct assay_order_summary *o, struct assay_buf *b, const char *key) {
    assay_json_object(b, key);
    write_summary_members(o, b);
    assay_json_object_end(b);
}

static void write_order_facts(const struct assay_order *o, struct assay_buf *b) {
    assay_json_object(b, "facts");
    assay_json_str(b, "serial", o->serial);
    assay_json_instant(b, "reported_at", o->reported_at);
    assay_json_instant(b, "dispatched_at", o->dispatched_at);
    assay_json_instant(b, "first_requested_at", o->first_requested_at);
    assay_json_text(b, "close_outcome", ASSAY_WORD(outcome, o->outcome));
    assay_json_array(b, "considered_lines");
    for (size_t i = 0; i < o->n_considered; i++) {
        assay_json_object(b, NULL);
        assay_json_str(b, "line", o->considered[i].line);
        write_shipment(&o->considered[i].shipment, NULL, b);
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
    assay_json_object_end(b);
}

void assay_order_write(const struct assay_order_reply *o, struct assay_buf *b, const char *key) {
    struct assay_order_summary summary;
    assay_order_summary_of(o->provider, o->order, o->facts, o->verdict, &summary);
    assay_json_object(b, key);
    write_summary_members(&summary, b);
    write_order_facts(o->facts, b);
    assay_json_array(b, "records");
    for (size_t i = 0; i < o->n_records; i++) assay_record_write(&o->records[i], &o->origins[i], b, NULL);
    assay_json_array_end(b);
    assay_json_object(b, "clocks");
    write_diagnosis(&o->verdict->diagnosis, b);
    write_cycle(&o->verdict->cycle, b);
    assay_json_object_end(b);
    assay_json_object_end(b);
}
