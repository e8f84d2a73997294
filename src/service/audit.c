/* audit.c -- the log of administrative acts: each is written in the transaction that does it, in the name of the session's actor.
 * Nothing here changes or removes a row. */
#include "service/internal.h"

void assay_audit_id_format(int64_t id, char out[ASSAY_AUDIT_ID_TEXT]) {
    assay_upload_id_format(id, out);
    out[0] = 'a';
}

bool assay_audit_id_parse(struct assay_str s, int64_t *id) {
    char text[ASSAY_AUDIT_ID_TEXT];
    if (s.n != 17 || s.p[0] != 'a') return false;
    memcpy(text, s.p, s.n);
    text[0] = 'u';
    return assay_upload_id_parse((struct assay_str){text, s.n}, id);
}

static struct assay_str or_else(struct assay_str s, const char *otherwise) { return s.p ? s : assay_str_c(otherwise); }

void assay_audit_sign(const struct assay_session *s, struct assay_audit_row *rows, size_t n) {
    assay_instant now = assay_service_now(s->service);
    int64_t id = assay_upload_id_new(now);
    for (size_t i = 0; i < n; i++) {
        rows[i].audit_id = id + (int64_t)i;
        rows[i].at = now;
        rows[i].actor = or_else(s->actor.id, "assayd");
        rows[i].role = or_else(s->actor.role, "program");
        rows[i].request_id = or_else(s->actor.request_id, "");
    }
}

enum assay_status assay_audit_act(struct assay_session *s, struct assay_audit_row *rows, size_t n, struct assay_error *e) {
    assay_audit_sign(s, rows, n);
    return assay_store_audit_add(s->db, rows, n, e);
}
