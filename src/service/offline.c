/* offline.c -- a network judged from files, without a database: the same core, other hands. */
#include <stdlib.h>

#include "service/internal.h"
#include "store/embedded.h"

struct line { /* a record as it came */
    struct assay_record record;
    struct assay_str content;
    size_t position;
};

struct provider {
    struct assay_str code;
    struct assay_provider_facts *facts; /* by effective_from */
    size_t n;
};

struct assay_offline {
    struct assay_zones zones;
    struct assay_arena arena;
    struct assay_scheme *scheme;
    struct assay_calendar *calendar;
    const struct assay_scheme *version;
    struct line *lines;
    size_t n_lines, cap_lines;
    struct provider *providers;
    size_t n_providers;
};

static const char *shipped(const struct assay_embedded *list, const char *name) {
    for (; list->name; list++)
        if (!strcmp(list->name, name)) return list->text;
    return NULL;
}

enum assay_status assay_offline_new(const char *zone_dir, const char *scheme, const char *calendar, struct assay_offline **out,
                                    struct assay_error *e) {
    struct assay_offline *o = assay_xcalloc(1, sizeof *o);
    struct assay_errors *es = assay_xcalloc(1, sizeof *es);
    const char *what = "calendar";
    pthread_mutex_init(&o->zones.lock, NULL);
    o->zones.dir = zone_dir ? zone_dir : "/usr/share/zoneinfo";
    if (!calendar) calendar = shipped(assay_seed_calendars, "cn-office");
    if (!scheme) scheme = shipped(assay_seed_schemes, "hp-gold-fy01");
    enum assay_status st = assay_calendar_new_from_json(assay_str_c(calendar), assay_zones_get, &o->zones, &o->calendar, es);
    if (!st) {
        what = "scheme";
        st = assay_scheme_new_from_json(assay_str_c(scheme), "hp-gold-fy01", 1, ASSAY_NO_DATE, assay_zones_get, &o->zones,
                                        &o->scheme, es);
    }
    if (st) {
        assay_fail(e, st, es->items[0].field, "%s: %s %s", what, es->items[0].field, es->items[0].detail);
        assay_offline_free(o);
        o = NULL;
    } else {
        o->version = o->scheme;
    }
    free(es);
    *out = o;
    return st;
}

void assay_offline_free(struct assay_offline *o) {
    if (!o) return;
    assay_scheme_free(o->scheme);
    assay_calendar_free(o->calendar);
    for (size_t i = 0; i < o->zones.n; i++) assay_zone_free(o->zones.zones[i]);
    free(o->zones.zones);
    pthread_mutex_destroy(&o->zones.lock);
    for (size_t i = 0; i < o->n_providers; i++) free(o->providers[i].facts);
    free(o->providers);
    free(o->lines);
    assay_arena_free(&o->arena);
    free(o);
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

static struct provider *provider_of(struct assay_offline *o, struct assay_str code) {
    for (size_t i = 0; i < o->n_providers; i++)
        if (assay_str_eq(o->providers[i].code, code)) return &o->providers[i];
    return NULL;
}

static void add_provider(struct assay_offline *o, const struct assay_provider *p) {
    struct provider *known = provider_of(o, p->code);
    if (!known) {
        o->providers = assay_xrealloc(o->providers, (o->n_providers + 1) * sizeof *o->providers);
        known = &o->providers[o->n_providers++];
        *known = (struct provider){.code = p->code};
    }
    size_t at = 0;
    while (at < known->n && known->facts[at].effective_from < p->facts.effective_from) at++;
    bool again = at < known->n && known->facts[at].effective_from == p->facts.effective_from;
    if (!again) {
        known->facts = assay_xrealloc(known->facts, (known->n + 1) * sizeof *known->facts);
        memmove(&known->facts[at + 1], &known->facts[at], (known->n - at) * sizeof *known->facts);
        known->n++;
    }
    known->facts[at] = p->facts;
}

/* A member name at the beginning of the object's text decides what the line is: events have a type, responses an answer,
 * providers a city, observations an indicator; what is left is a dispatch. Members are looked for as text, decoding comes after. */
static bool has_member(struct assay_str text, const char *quoted) {
    return memmem(text.p, text.n, quoted, strlen(quoted)) != NULL;
}

enum assay_status assay_offline_line(struct assay_offline *o, struct assay_str text, assay_instant now, struct assay_errors *es) {
    enum assay_intake intake = ASSAY_INTAKE_DISPATCHES;
    struct assay_provider p;
    es->n = 0;
    if (has_member(text, "\"ascim\"") || has_member(text, "\"city\"")) {
        enum assay_status st = assay_provider_from_json(text, ASSAY_STR_NONE, &o->arena, &p, es);
        if (!st) add_provider(o, &p);
        return st;
    }
    if (has_member(text, "\"type\"")) intake = ASSAY_INTAKE_EVENTS;
    else if (has_member(text, "\"answer\"")) intake = ASSAY_INTAKE_SURVEYS;
    else if (has_member(text, "\"indicator\"")) intake = ASSAY_INTAKE_OBSERVATIONS;
    if (o->n_lines == o->cap_lines) {
        o->cap_lines = o->cap_lines ? 2 * o->cap_lines : 256;
        o->lines = assay_xrealloc(o->lines, o->cap_lines * sizeof *o->lines);
    }
    struct line *l = &o->lines[o->n_lines];
    enum assay_status st = assay_record_from_json(text, intake, now, &o->arena, &l->record, es);
    if (st) return st;
    struct assay_buf content = {0};
    assay_record_content(&l->record, &content);
    l->content = assay_arena_dup(&o->arena, assay_buf_str(&content));
    l->position = o->n_lines++;
    assay_buf_free(&content);
    return ASSAY_OK;
}

/* --- judging ---------------------------------------------------------------------------------------------------------------- */

static int by_id(const void *x, const void *y) {
    const struct line *a = x, *b = y;
    int c = assay_str_cmp(a->record.provider, b->record.provider);
    if (!c) c = (a->record.kind > b->record.kind) - (a->record.kind < b->record.kind);
    if (!c) c = assay_str_cmp(a->record.id, b->record.id);
    return c ? c : (a->position > b->position) - (a->position < b->position);
}

static int by_order(const void *x, const void *y) {
    const struct assay_record *a = &((const struct assay_folded_record *)x)->record,
                              *b = &((const struct assay_folded_record *)y)->record;
    int c = assay_str_cmp(a->provider, b->provider);
    return c ? c : assay_str_cmp(a->order, b->order);
}

static int by_target(const void *x, const void *y) {
    const struct assay_record *a = x, *b = y;
    int c = assay_str_cmp(a->provider, b->provider);
    if (!c) c = (a->target_kind > b->target_kind) - (a->target_kind < b->target_kind);
    return c ? c : assay_str_cmp(a->target, b->target);
}

static const struct assay_calendar *only_calendar(void *ctx, const char *code) {
    (void)code;
    return ctx;
}

/* Each id once, voids apart: what the fold is given. */
static struct assay_folded_record *standing(struct assay_offline *o, size_t *n) {
    struct assay_record *voids = assay_arena_alloc(&o->arena, (o->n_lines + 1) * sizeof *voids);
    struct assay_folded_record *recs = assay_arena_alloc(&o->arena, (o->n_lines + 1) * sizeof *recs);
    size_t n_voids = 0;
    *n = 0;
    if (o->n_lines) qsort(o->lines, o->n_lines, sizeof *o->lines, by_id);
    for (size_t i = 0; i < o->n_lines; i++) {
        const struct assay_record *r = &o->lines[i].record, *before = i ? &o->lines[i - 1].record : NULL;
        bool again = before && before->kind == r->kind && assay_str_eq(before->id, r->id) &&
                     assay_str_eq(before->provider, r->provider);
        if (again) continue;
        if (r->type == ASSAY_EVENT_VOIDED) voids[n_voids++] = *r;
        else if (r->order.p) recs[(*n)++] = (struct assay_folded_record){*r, false};
    }
    if (n_voids) qsort(voids, n_voids, sizeof *voids, by_target);
    for (size_t i = 0; i < *n; i++) {
        struct assay_record key = {
            .provider = recs[i].record.provider, .target_kind = recs[i].record.kind, .target = recs[i].record.id};
        recs[i].voided = n_voids && bsearch(&key, voids, n_voids, sizeof key, by_target);
    }
    if (*n) qsort(recs, *n, sizeof *recs, by_order);
    return recs;
}

void assay_offline_judge(struct assay_offline *o, const struct assay_offline_order **orders, size_t *n) {
    size_t n_recs, count = 0;
    struct assay_folded_record *recs = standing(o, &n_recs);
    struct assay_offline_order *out = assay_arena_zalloc(&o->arena, (n_recs + 1) * sizeof *out);
    const struct assay_scheme_versions versions = {1, &o->version};
    for (size_t i = 0, j; i < n_recs; i = j) {
        for (j = i + 1; j < n_recs && by_order(&recs[i], &recs[j]) == 0; j++) continue;
        struct assay_offline_order *x = &out[count];
        const struct provider *p = provider_of(o, recs[i].record.provider);
        struct assay_provider_versions *facts = assay_arena_zalloc(&o->arena, sizeof *facts);
        if (p) *facts = (struct assay_provider_versions){p->n, p->facts};
        x->provider = recs[i].record.provider;
        x->order = recs[i].record.order;
        assay_order_fold(&recs[i], j - i, &o->arena, &x->facts);
        if (x->facts.state == ASSAY_STATE_NONE) continue;
        struct assay_rules rules = {
            .schemes = &versions, .provider = p ? facts : NULL, .calendar = only_calendar, .ctx = o->calendar};
        assay_verdict_judge(&x->facts, &rules, &o->arena, &x->verdict);
        count++;
    }
    *orders = out;
    *n = count;
}
