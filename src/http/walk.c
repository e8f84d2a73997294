/* walk.c -- a walk through a list of providers whose order changes under it: no row lost, none doubled.
 *
 * A ranking moves while it is read page by page, so a place in it is no cursor: whoever overtakes is lost, whoever falls
 * behind comes twice. The cursor holds instead which providers were given already, a bit each; the next page is the best
 * of the others as they stand then. Nothing is kept for a walk: any daemon goes on with it, also after a restart. */
#include "http/app.h"

/* Beyond so many the cursor would not fit a request's target: it then names the last provider only. */
#define IDS_MAX 24000
#define WALK_ALL 'e'
#define WALK_LAST 'E'

bool assay_walk_begin(struct assay_http_request *r, const struct assay_config *cfg, struct assay_walk *w) {
    struct assay_str cursor = assay_http_param(r, "cursor"), field;
    *w = (struct assay_walk){.last = ASSAY_STR_NONE, .last_only = cfg->max_id > IDS_MAX, .n = (size_t)cfg->max_id / 8 + 1};
    w->given = assay_arena_zalloc(r->arena, w->n);
    if (!cursor.p) return true;
    if (assay_cursor_read(WALK_LAST, cursor, r->arena, &field, 1)) {
        w->last = field;
        return true;
    }
    if (!assay_cursor_read(WALK_ALL, cursor, r->arena, &field, 1)) return false;
    memcpy(w->given, field.p, field.n < w->n ? field.n : w->n);
    return true;
}

bool assay_walk_given(const struct assay_walk *w, int32_t id) { return w->given[id / 8] >> (id % 8) & 1; }

void assay_walk_give(struct assay_walk *w, const struct assay_config_provider *p) {
    w->given[p->id / 8] |= (unsigned char)(1u << (p->id % 8));
    w->last = p->code;
}

void assay_walk_cursor(const struct assay_walk *w, struct assay_buf *b) {
    struct assay_str field = {(const char *)w->given, w->n};
    while (field.n > 0 && field.p[field.n - 1] == 0) field.n--;
    if (w->last_only) assay_cursor_write(WALK_LAST, &w->last, 1, b);
    else assay_cursor_write(WALK_ALL, &field, 1, b);
}
