/* reads.c -- an order with its verdict. */
#include <stdlib.h>

#include "service/internal.h"

enum assay_status assay_no_such(struct assay_error *e, const char *what, struct assay_str name) {
    return assay_fail(e, ASSAY_NOT_FOUND, "", "there is no %s %.*s", what, (int)(name.n < 64 ? name.n : 64), name.p);
}

enum assay_status assay_read_order(struct assay_session *s, struct assay_str provider, struct assay_str order,
                                   struct assay_str scheme, struct assay_order_view *out, struct assay_error *e) {
    const struct assay_config *cfg = assay_session_pin(s);
    const struct assay_config_scheme *sc = assay_config_scheme(cfg, scheme);
    struct assay_order_row *row = NULL;
    memset(out, 0, sizeof *out);
    out->provider = assay_config_provider(cfg, provider);
    if (!out->provider) return assay_no_such(e, "provider", provider);
    if (!sc) return assay_no_such(e, "scheme", scheme);
    struct assay_order_key key = {out->provider->id, order};
    enum assay_status st = assay_store_order(s->db, key, &s->arena, &row, e);
    if (st) return st;
    if (!row || row->state == ASSAY_STATE_NONE) return assay_no_such(e, "order", order);
    out->row = *row;
    st = assay_packed_read(row->packed, &s->arena, &out->records, &out->n_records, e);
    if (st) return st;
    struct assay_judged j;
    assay_order_fold(out->records, out->n_records, &s->arena, &out->order);
    assay_judge_order(cfg, sc, out->provider, &out->order, key, &s->arena, &j);
    out->verdict = j.verdict;
    out->calendar_version = j.row.calendar_version;
    return ASSAY_OK;
}
