/* changes_json.c -- items of the feed of changes as the API shows them (API.md, Ingest): a kind, what it is of, and the link
 * to read it again. */
#include "reader.h"

static const char *kind_name(enum assay_changed kind) {
    static const char *const names[] = {"order", "verdict", "evaluation", "statement", "configuration"};
    return names[kind];
}

static void link_provider(struct assay_str provider, struct assay_buf *b) {
    assay_buf_adds(b, "/v1/providers/");
    assay_link_segment(provider, b);
}

static void link_month(assay_month m, struct assay_buf *b) {
    char text[ASSAY_DATE_TEXT];
    assay_month_format(m, text);
    assay_buf_adds(b, text);
}

static void link_document(const struct assay_change_item *c, struct assay_buf *b) {
    static const char *const paths[][2] = {{"calendar", "/v1/calendars/"}, {"rates", "/v1/rates/"}, {"scheme", "/v1/schemes/"}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(c->document, paths[i][0]) != 0) continue;
        assay_buf_adds(b, paths[i][1]);
        assay_link_segment(c->code, b);
        return;
    }
    if (c->provider.p) link_provider(c->provider, b);
    else assay_buf_adds(b, "/v1/providers");
}

static void add_link(const struct assay_change_item *c, struct assay_buf *b) {
    switch (c->kind) {
    case ASSAY_CHANGED_ORDER:
        link_provider(c->provider, b);
        assay_buf_adds(b, "/orders/");
        assay_link_segment(c->order, b);
        return;
    case ASSAY_CHANGED_VERDICT: assay_link_verdict(c->provider, c->order, c->scheme, b); return;
    case ASSAY_CHANGED_EVALUATION:
        link_provider(c->provider, b);
        assay_buf_adds(b, "/evaluations/");
        assay_link_segment(assay_str_c(c->scheme), b);
        assay_buf_addc(b, '/');
        link_month(c->period, b);
        return;
    case ASSAY_CHANGED_STATEMENT:
        link_provider(c->provider, b);
        assay_buf_adds(b, "/compensation/");
        link_month(c->period, b);
        assay_buf_adds(b, "?scheme=");
        assay_link_segment(assay_str_c(c->scheme), b);
        return;
    case ASSAY_CHANGED_CONFIGURATION: link_document(c, b); return;
    }
}

void assay_change_item_write(const struct assay_change_item *c, struct assay_buf *b, const char *key) {
    struct assay_buf link = {0};
    add_link(c, &link);
    assay_json_object(b, key);
    assay_json_text(b, "kind", kind_name(c->kind));
    assay_json_str(b, "provider", c->provider);
    assay_json_int(b, "seq", c->seq);
    assay_json_str(b, "order", c->order);
    assay_json_text(b, "scheme", c->scheme);
    assay_json_month(b, "period", c->period);
    assay_json_text(b, "outcome", assay_outcome_name(c->outcome));
    assay_json_text(b, "document", c->document);
    assay_json_str(b, "code", c->code);
    assay_json_str(b, "href", assay_buf_str(&link));
    assay_json_object_end(b);
    assay_buf_free(&link);
}

void assay_changes_end(struct assay_buf *b, struct assay_str next, bool more) {
    assay_json_array_end(b);
    assay_json_str(b, "next", next);
    assay_json_bool(b, "more", more);
    assay_json_object_end(b);
}
