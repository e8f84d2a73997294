/* recompute.c -- incremental = full: start from the records alone, refold everything, compare with what is stored.
 *
 * Provider by provider, each in a transaction of its own: a snapshot to verify, the head's lock to repair. Nothing that
 * was derived is read before it has been derived again. */
#include <stdio.h>
#include <stdlib.h>

#include "service/internal.h"

struct verify {
    struct assay_session *s;
    const struct assay_config *cfg;
    const struct assay_config_provider *provider;
    struct assay_arena *a;
    bool repair;
    void (*report)(void *arg, const struct assay_difference *d);
    void *arg;
    struct assay_verify_result *out;
    /* stored */
    struct assay_head *head; /* NULL: none */
    struct assay_record_row *records;
    struct assay_order_row *orders;
    struct assay_verdict_row *verdicts;
    struct assay_tally_row *tallies;
    struct assay_pay_row *pays;
    struct assay_record_key *voided;
    size_t n_records, n_orders, n_verdicts, n_tallies, n_pays, n_voided;
    /* derived from the records */
    struct assay_record_key *targets; /* what voids name, by kind and id */
    size_t n_targets;
    struct assay_tally_sums sums;
    /* to put right */
    struct assay_order_row *fix_orders;
    struct assay_verdict_row *fix_verdicts;
    struct assay_record_key *stray_marks; /* as voided, that no void stands behind */
    size_t n_fix_orders, n_fix_verdicts, n_stray_marks;
    size_t next_order; /* stored orders come by number, as the records do */
    bool *compared;    /* of stored verdicts: those of orders that were derived */
};

static void differs(struct verify *v, const char *what, struct assay_str key, const char *detail) {
    struct assay_difference d = {what, v->provider->code, key, detail};
    v->out->differences++;
    if (v->report) v->report(v->arg, &d);
}

static int by_record_key(const void *x, const void *y) {
    const struct assay_record_key *a = x, *b = y;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return assay_str_cmp(a->id, b->id);
}

static bool is_voided(const struct verify *v, enum assay_kind kind, struct assay_str id) {
    struct assay_record_key key = {v->provider->id, kind, id};
    return v->n_targets && bsearch(&key, v->targets, v->n_targets, sizeof key, by_record_key);
}

/* The sheet that the provider's figures under the config's k-th scheme are on. */
static int16_t sheet_of(const struct verify *v, size_t k) {
    return assay_config_sheet(v->cfg, v->provider->id, v->cfg->schemes[k].id);
}

/* --- reading -------------------------------------------------------------------------------------------------------------- */

static enum assay_status load_stored(struct verify *v, struct assay_error *e) {
    int32_t id = v->provider->id;
    struct assay_db *db = v->s->db;
    enum assay_status st = assay_store_records_of(db, id, v->a, &v->records, &v->n_records, e);
    if (!st) st = assay_store_head(db, id, v->a, &v->head, e);
    if (!st) st = assay_store_verdicts_of(db, id, v->a, &v->verdicts, &v->n_verdicts, e);
    if (!st) st = assay_store_tallies_of(db, id, v->a, &v->tallies, &v->n_tallies, e);
    if (!st) st = assay_store_pays_of(db, id, v->a, &v->pays, &v->n_pays, e);
    if (!st) st = assay_store_voided_of(db, id, v->a, &v->voided, &v->n_voided, e);
    if (!st) st = assay_store_orders_of(db, id, ASSAY_STR_NONE, INT32_MAX, v->a, &v->orders, &v->n_orders, e);
    return st;
}

static enum assay_status record_of(const struct verify *v, const struct assay_record_row *row, struct assay_record *r,
                                   struct assay_error *e) {
    assay_record_init(r);
    r->kind = row->key.kind, r->type = row->type, r->id = row->key.id, r->provider = v->provider->code, r->order = row->order_no,
    r->at = row->at;
    return assay_record_from_content(row->content, v->a, r, e);
}

static int newest_first(const void *x, const void *y) {
    const struct assay_void *a = x, *b = y;
    return (a->seq < b->seq) - (a->seq > b->seq);
}

static enum assay_status list_targets(struct verify *v, struct assay_error *e) {
    struct assay_void *voids = assay_arena_alloc(v->a, (v->n_records + 1) * sizeof *voids);
    enum assay_status st = ASSAY_OK;
    size_t n = 0;
    for (size_t i = 0; i < v->n_records && !st; i++)
        if (v->records[i].type == ASSAY_EVENT_VOIDED) st = assay_void_of_row(&v->records[i], v->a, &voids[n++], e);
    if (st) return st;
    if (n) qsort(voids, n, sizeof *voids, newest_first);
    assay_voids_settle(voids, n, v->a);
    assay_voids_targets(voids, n, v->a, &v->targets, &v->n_targets);
    return ASSAY_OK;
}

/* --- comparing -------------------------------------------------------------------------------------------------------------- */

static void lost(struct verify *v, int64_t from, int64_t to, const char *what) {
    char key[24], detail[120];
    snprintf(key, sizeof key, "%lld", (long long)from);
    if (from == to) snprintf(detail, sizeof detail, "%s", what);
    else snprintf(detail, sizeof detail, "%s, up to number %lld", what, (long long)to);
    differs(v, "record", assay_str_c(assay_arena_printf(v->a, "%s", key)), assay_arena_printf(v->a, "%s", detail));
    v->out->lost++;
}

static int by_number(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* Whoever takes a record gives it the next number, in the transaction that writes it: a number without a record is a record
 * that was taken and is gone, whatever it was of. */
static void compare_numbers(struct verify *v) {
    int64_t *numbers = assay_arena_alloc(v->a, (v->n_records + 1) * sizeof *numbers), last = v->head ? v->head->seq : 0, next = 1;
    for (size_t i = 0; i < v->n_records; i++) numbers[i] = v->records[i].seq;
    if (v->n_records) qsort(numbers, v->n_records, sizeof *numbers, by_number);
    for (size_t i = 0; i < v->n_records; i++) {
        if (numbers[i] > last) {
            lost(v, numbers[i], numbers[v->n_records - 1], "a number that was not given");
            break;
        }
        if (numbers[i] < next) lost(v, numbers[i], numbers[i], "two records have it");
        else if (numbers[i] > next) lost(v, next, numbers[i] - 1, "was taken, and is gone");
        next = numbers[i] + 1;
    }
    if (next <= last) lost(v, next, last, "was taken, and is gone");
}

static void compare_voided(struct verify *v) {
    size_t i = 0, j = 0;
    while (i < v->n_voided || j < v->n_targets) {
        int c = i == v->n_voided ? 1 : j == v->n_targets ? -1 : by_record_key(&v->voided[i], &v->targets[j]);
        if (c < 0) {
            differs(v, "voided", v->voided[i].id, "marked as voided, but no void names it");
            v->stray_marks[v->n_stray_marks++] = v->voided[i];
        }
        if (c > 0) differs(v, "voided", v->targets[j].id, "a void names it, but it is not marked");
        i += c <= 0;
        j += c >= 0;
    }
}

static int by_packed_id(const void *x, const void *y) {
    const struct assay_folded_record *a = x, *b = y;
    if (a->record.kind != b->record.kind) return a->record.kind < b->record.kind ? -1 : 1;
    return assay_str_cmp(a->record.id, b->record.id);
}

/* The packed form of a set of records, whatever their order. */
static struct assay_str canonical_pack(struct assay_folded_record *recs, size_t n, struct assay_arena *a) {
    struct assay_buf b = {0};
    if (n) qsort(recs, n, sizeof *recs, by_packed_id);
    assay_packed_begin(&b);
    for (size_t i = 0; i < n; i++) assay_record_pack(&recs[i].record, recs[i].voided, &b);
    struct assay_str out = assay_arena_dup(a, assay_buf_str(&b));
    assay_buf_free(&b);
    return out;
}

static const char *order_difference(const struct assay_order_row *x, const struct assay_order_row *y) {
    if (x->state != y->state) return "state";
    if (x->channel != y->channel) return "channel";
    if (x->customer_class != y->customer_class) return "customer_class";
    if (x->warranty != y->warranty) return "warranty";
    if (x->opened_at != y->opened_at) return "opened_at";
    if (x->dispatched_at != y->dispatched_at) return "dispatched_at";
    if (x->closed_at != y->closed_at) return "closed_at";
    if (!assay_str_eq(x->product, y->product)) return "product";
    return NULL;
}

static void fix_order(struct verify *v, const struct assay_order_row *row) { v->fix_orders[v->n_fix_orders++] = *row; }

static const char *const stray = "stored, but no record names it";

/* stored: NULL where there is none. Without records (n 0) an order does not exist, and a row that says so is right. */
static void compare_order(struct verify *v, const struct assay_order_row *stored, const struct assay_order_row *row,
                          struct assay_folded_record *recs, size_t n) {
    struct assay_order_row right = *row;
    right.packed = canonical_pack(recs, n, v->a);
    const char *what = NULL;
    if (!stored) what = "missing";
    else what = order_difference(stored, row);
    if (stored && !what) {
        struct assay_folded_record *kept;
        size_t n_kept;
        struct assay_error e;
        if (assay_packed_read(stored->packed, v->a, &kept, &n_kept, &e)) what = "packed records unreadable";
        else if (!assay_str_eq(canonical_pack(kept, n_kept, v->a), right.packed)) what = "packed records";
    }
    if (!what) return;
    differs(v, "order", row->key.order_no, n ? what : stray);
    fix_order(v, &right);
}

static int by_verdict_key(const void *x, const void *y) {
    const struct assay_verdict_row *a = x, *b = y;
    if (a->scheme_id != b->scheme_id) return a->scheme_id < b->scheme_id ? -1 : 1;
    return assay_str_cmp(a->key.order_no, b->key.order_no);
}

static void compare_verdict(struct verify *v, const struct assay_verdict_row *row) {
    const struct assay_verdict_row *stored = v->n_verdicts ? bsearch(row, v->verdicts, v->n_verdicts, sizeof *row, by_verdict_key)
                                                           : NULL;
    if (stored) v->compared[stored - v->verdicts] = true;
    bool same = stored ? assay_verdict_row_equal(stored, row) ||
                             (stored->outcome == ASSAY_OUTCOME_NONE && row->outcome == ASSAY_OUTCOME_NONE)
                       : row->outcome == ASSAY_OUTCOME_NONE;
    if (same) return;
    const char *is = stored ? assay_outcome_name(stored->outcome) : NULL, *ought = assay_outcome_name(row->outcome);
    char detail[160];
    snprintf(detail, sizeof detail, "scheme %d: stored %s, from the records %s%s", abs(row->scheme_id), is ? is : "nothing",
             ought ? ought : "nothing", stored && stored->outcome == row->outcome ? " (other particulars differ)" : "");
    differs(v, "verdict", row->key.order_no, detail);
    v->fix_verdicts[v->n_fix_verdicts++] = *row;
}

/* Fold an order from its records (none: it does not exist), judge it, compare. compare_order sorts the records in place. */
static void verify_folded(struct verify *v, const struct assay_order_row *stored, struct assay_order_key key,
                          struct assay_folded_record *recs, size_t n) {
    struct assay_order o;
    struct assay_order_row row;
    assay_order_fold(recs, n, v->a, &o);
    assay_order_row_of(&o, key, &row);
    for (size_t k = 0; k < v->cfg->n_schemes; k++) {
        struct assay_judged judged;
        assay_judge_order(v->cfg, &v->cfg->schemes[k], v->provider, &o, key, v->a, &judged);
        assay_tally_sums_add(&v->sums, v->provider->id, judged.row.scheme_id, &judged.contribution, +1);
        compare_verdict(v, &judged.row);
    }
    if (n || stored) compare_order(v, stored, &row, recs, n);
}

/* Stored orders before that number (NONE: all that are left) have no records. */
static void verify_strays(struct verify *v, struct assay_str before) {
    for (; v->next_order < v->n_orders; v->next_order++) {
        const struct assay_order_row *row = &v->orders[v->next_order];
        if (before.p && assay_str_cmp(row->key.order_no, before) >= 0) return;
        verify_folded(v, row, row->key, NULL, 0);
    }
}

/* Records [i, j) are of one order. */
static enum assay_status verify_order(struct verify *v, size_t i, size_t j, struct assay_error *e) {
    struct assay_order_key key = {v->provider->id, v->records[i].order_no};
    struct assay_folded_record *recs = assay_arena_alloc(v->a, (j - i) * sizeof *recs);
    for (size_t k = i; k < j; k++) {
        enum assay_status st = record_of(v, &v->records[k], &recs[k - i].record, e);
        if (st) return st;
        recs[k - i].voided = is_voided(v, v->records[k].key.kind, v->records[k].key.id);
    }
    verify_strays(v, key.order_no);
    const struct assay_order_row *stored = v->next_order < v->n_orders ? &v->orders[v->next_order] : NULL;
    if (stored && !assay_str_eq(stored->key.order_no, key.order_no)) stored = NULL;
    if (stored) v->next_order++;
    verify_folded(v, stored, key, recs, j - i);
    v->out->orders++;
    v->out->verdicts += (int64_t)v->cfg->n_schemes;
    return ASSAY_OK;
}

/* Verdicts left behind by an order that is not even stored. */
static void verify_stray_verdicts(struct verify *v) {
    for (size_t i = 0; i < v->n_verdicts; i++)
        if (!v->compared[i] && v->verdicts[i].outcome != ASSAY_OUTCOME_NONE) verify_folded(v, NULL, v->verdicts[i].key, NULL, 0);
}

static enum assay_status verify_loose_survey(struct verify *v, const struct assay_record_row *row, struct assay_error *e) {
    struct assay_record r;
    if (is_voided(v, row->key.kind, row->key.id)) return ASSAY_OK;
    enum assay_status st = record_of(v, row, &r, e);
    for (size_t k = 0; k < v->cfg->n_schemes && !st; k++) {
        struct assay_contribution c;
        assay_judge_loose_survey(&v->cfg->schemes[k], &r, &c);
        assay_tally_sums_add(&v->sums, v->provider->id, sheet_of(v, k), &c, +1);
    }
    return st;
}

static struct assay_str tally_key(const struct verify *v, int16_t scheme_id, assay_month month, struct assay_arena *a) {
    char text[ASSAY_DATE_TEXT];
    const char *code = "?";
    assay_month_format(month, text);
    for (size_t k = 0; k < v->cfg->n_schemes; k++)
        if (v->cfg->schemes[k].id == abs(scheme_id)) code = v->cfg->schemes[k].code;
    return assay_str_c(assay_arena_printf(a, "%s/%s", code, text));
}

/* Evaluations over a window that holds the month, from stored counts and from the records': a wrong tally shows here as
 * the figure people read. */
static void compare_evaluation(struct verify *v, const struct assay_config_scheme *sc, assay_month period, const int64_t *is,
                               const int64_t *ought) {
    struct assay_evaluation x, y;
    const struct assay_scheme *s = assay_scheme_on(&sc->versions, assay_month_first(period + 1) - 1);
    if (assay_evaluate(s, period, is, 0, &x) || assay_evaluate(s, period, ought, 0, &y)) return;
    if (x.counted == y.counted && x.rated == y.rated && assay_frac_cmp(x.ratio, y.ratio) == 0 && x.undetermined == y.undetermined)
        return;
    char a[ASSAY_FRAC_TEXT], b[ASSAY_FRAC_TEXT], detail[160];
    assay_frac_format(x.ratio, 4, a);
    assay_frac_format(y.ratio, 4, b);
    snprintf(detail, sizeof detail, "stored ratio %s of %lld counted, from the records %s of %lld", a, (long long)x.counted, b,
             (long long)y.counted);
    differs(v, "evaluation", tally_key(v, sc->id, period, v->a), detail);
}

static void add_window(const struct assay_tally_row *rows, size_t n, int16_t scheme_id, assay_month from, assay_month to,
                       int64_t *counts) {
    memset(counts, 0, ASSAY_TALLY_COUNT * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        if (rows[i].scheme_id == scheme_id && rows[i].month >= from && rows[i].month <= to)
            for (int k = 0; k < ASSAY_TALLY_COUNT; k++) counts[k] += rows[i].counts[k];
}

static void compare_evaluations(struct verify *v) {
    for (size_t k = 0; k < v->cfg->n_schemes; k++) {
        const struct assay_config_scheme *sc = &v->cfg->schemes[k];
        int16_t sheet = sheet_of(v, k);
        assay_month lo = INT32_MAX, hi = INT32_MIN;
        for (size_t i = 0; i < v->n_tallies + v->sums.n; i++) {
            const struct assay_tally_row *r = i < v->n_tallies ? &v->tallies[i] : &v->sums.rows[i - v->n_tallies];
            if (r->scheme_id != sheet) continue;
            if (r->month < lo) lo = r->month;
            if (r->month > hi) hi = r->month;
        }
        if (lo > hi) continue;
        for (assay_month m = lo; m <= hi + 2; m++) {
            int64_t is[ASSAY_TALLY_COUNT], ought[ASSAY_TALLY_COUNT];
            const struct assay_scheme *s = assay_scheme_on(&sc->versions, assay_month_first(m + 1) - 1);
            add_window(v->tallies, v->n_tallies, sheet, m - s->window_months + 1, m, is);
            add_window(v->sums.rows, v->sums.n, sheet, m - s->window_months + 1, m, ought);
            compare_evaluation(v, sc, m, is, ought);
        }
    }
}

#define COMPARE(x, y) \
    if ((x) != (y)) return (x) < (y) ? -1 : 1
static int tally_cmp(const struct assay_tally_row *a, const struct assay_tally_row *b) {
    COMPARE(abs(a->scheme_id), abs(b->scheme_id)); /* of a scheme one sheet is in force */
    COMPARE(a->month, b->month);
    return 0;
}

static int pay_cmp(const struct assay_pay_row *a, const struct assay_pay_row *b) {
    COMPARE(abs(a->scheme_id), abs(b->scheme_id)); /* of a scheme one sheet is in force */
    COMPARE(a->month, b->month);
    COMPARE(a->rate, b->rate);
    return 0;
}
#undef COMPARE

/* A month's counts as stored and from the records; fix takes what is to be added to the stored ones. */
static void compare_tally(struct verify *v, const struct assay_tally_row *is, const struct assay_tally_row *ought,
                          struct assay_tally_sums *fix) {
    struct assay_contribution by = {.month = is->month};
    for (int k = 0; k < ASSAY_TALLY_COUNT; k++) {
        by.counts[k] = ought->counts[k] - is->counts[k];
        if (by.counts[k] == 0) continue;
        char name[64], detail[160];
        snprintf(detail, sizeof detail, "%s: stored %d, from the records %d", assay_tally_name(k, name), is->counts[k],
                 ought->counts[k]);
        differs(v, "tally", tally_key(v, is->scheme_id, is->month, v->a), detail);
    }
    assay_tally_sums_add(fix, v->provider->id, is->scheme_id, &by, +1);
    v->out->tallies++;
}

static void compare_pay(struct verify *v, const struct assay_pay_row *key, int32_t is, int32_t ought,
                        struct assay_tally_sums *fix) {
    if (is == ought) return;
    char detail[160];
    snprintf(detail, sizeof detail, "rate %lld: stored %d orders, from the records %d", (long long)key->rate, is, ought);
    differs(v, "pay", tally_key(v, key->scheme_id, key->month, v->a), detail);
    struct assay_contribution one = {.month = key->month, .paid = true, .rate = key->rate};
    int sign = is < ought ? +1 : -1;
    for (int32_t k = is; k != ought; k += sign) assay_tally_sums_add(fix, v->provider->id, key->scheme_id, &one, sign);
}

/* Both lists of each kind by key; leaves in v->sums what must be added to the stored rows. */
static void compare_sums(struct verify *v) {
    struct assay_tally_sums fix = {.arena = v->a}, ought = v->sums;
    for (size_t i = 0, j = 0; i < v->n_tallies || j < ought.n;) {
        int c = i == v->n_tallies ? 1 : j == ought.n ? -1 : tally_cmp(&v->tallies[i], &ought.rows[j]);
        struct assay_tally_row nothing = c < 0 ? v->tallies[i] : ought.rows[j]; /* the same key, no counts */
        memset(nothing.counts, 0, sizeof nothing.counts);
        compare_tally(v, c <= 0 ? &v->tallies[i] : &nothing, c >= 0 ? &ought.rows[j] : &nothing, &fix);
        i += c <= 0;
        j += c >= 0;
    }
    for (size_t i = 0, j = 0; i < v->n_pays || j < ought.n_pays;) {
        int c = i == v->n_pays ? 1 : j == ought.n_pays ? -1 : pay_cmp(&v->pays[i], &ought.pays[j]);
        compare_pay(v, c <= 0 ? &v->pays[i] : &ought.pays[j], c <= 0 ? v->pays[i].orders : 0, c >= 0 ? ought.pays[j].orders : 0,
                    &fix);
        i += c <= 0;
        j += c >= 0;
    }
    assay_tally_sums_close(&fix);
    v->sums = fix;
}

/* --- one provider ------------------------------------------------------------------------------------------------------------ */

static enum assay_status derive_and_compare(struct verify *v, struct assay_error *e) {
    enum assay_status st = load_stored(v, e);
    if (!st) st = list_targets(v, e);
    if (st) return st;
    v->sums.arena = v->a;
    size_t most = v->n_records + v->n_orders + v->n_verdicts + 1;
    v->fix_orders = assay_arena_alloc(v->a, most * sizeof *v->fix_orders);
    v->fix_verdicts = assay_arena_alloc(v->a, most * (v->cfg->n_schemes + 1) * sizeof *v->fix_verdicts);
    v->stray_marks = assay_arena_alloc(v->a, (v->n_voided + 1) * sizeof *v->stray_marks);
    v->compared = assay_arena_zalloc(v->a, v->n_verdicts + 1);
    compare_numbers(v);
    compare_voided(v);
    for (size_t i = 0, j; i < v->n_records && !st; i = j) {
        const struct assay_record_row *row = &v->records[i];
        j = i + 1;
        if (row->order_no.p) {
            while (j < v->n_records && assay_str_eq(v->records[j].order_no, row->order_no)) j++;
            st = verify_order(v, i, j, e);
        } else if (row->type == ASSAY_SURVEY_RESPONSE) {
            st = verify_loose_survey(v, row, e);
        }
    }
    if (st) return st;
    verify_strays(v, ASSAY_STR_NONE);
    verify_stray_verdicts(v);
    assay_tally_sums_close(&v->sums);
    compare_evaluations(v);
    compare_sums(v);
    v->out->records += (int64_t)v->n_records;
    v->out->providers++;
    return ASSAY_OK;
}

static enum assay_status put_right(struct verify *v, struct assay_error *e) {
    struct assay_ingest_save save = {.voided = v->targets,
                                     .n_voided = v->n_targets,
                                     .orders = v->fix_orders,
                                     .n_orders = v->n_fix_orders,
                                     .verdicts = v->fix_verdicts,
                                     .n_verdicts = v->n_fix_verdicts,
                                     .tallies = v->sums.rows,
                                     .n_tallies = v->sums.n,
                                     .pays = v->sums.pays,
                                     .n_pays = v->sums.n_pays};
    enum assay_status st = assay_store_voided_remove(v->s->db, v->stray_marks, v->n_stray_marks, e);
    /* What a recomputation has filled meanwhile was worked out from what is put right here. */
    if (!st) st = assay_store_position_reset(v->s->db, v->provider->id, e);
    return st ? st : assay_store_ingest_save(v->s->db, &save, false, e);
}

/* Readers are told to read the provider's figures again. */
static enum assay_status tell_repaired(struct verify *v, struct assay_error *e) {
    enum assay_status st = assay_store_config_advance(v->s->db, e);
    return st ? st
              : assay_store_change_configuration(v->s->db, v->cfg->revision + 1, ASSAY_CHANGE_RECOMPUTED, v->provider->code, e);
}

static enum assay_status run_provider(struct verify *v, struct assay_error *e) {
    struct assay_head *heads;
    int32_t id = v->provider->id;
    int64_t differences = v->out->differences - v->out->lost, locked;
    enum assay_status st = assay_db_begin(v->s->db, !v->repair, e);
    if (!st && v->repair) st = assay_store_config_lock(v->s->db, &locked, e); /* before the head, as all who change it do */
    if (!st && v->repair) st = assay_store_heads_lock(v->s->db, &id, 1, v->a, &heads, e);
    int64_t revision = 0;
    if (!st) st = assay_store_config_revision(v->s->db, &revision, e);
    if (!st && revision != v->cfg->revision) st = assay_fail(e, ASSAY_RETRY, "", "the configuration moved");
    if (!st) st = derive_and_compare(v, e);
    bool mend = !st && v->repair && v->out->differences - v->out->lost > differences;
    if (mend) st = put_right(v, e);
    if (mend && !st) st = tell_repaired(v, e);
    if (!st) st = assay_db_commit(v->s->db, e);
    else assay_db_rollback(v->s->db);
    if (!st && v->repair) assay_revisions_note(v->s->service->revisions, heads, 1, 0);
    if (mend && !st) assay_service_committed(v->s->service, NULL, 0, 1);
    return st;
}

static enum assay_status run_all(struct assay_session *s, bool repair, void (*report)(void *, const struct assay_difference *),
                                 void *arg, struct assay_verify_result *out, struct assay_error *e) {
    enum assay_status st = assay_db_restore(s->db, e);
    if (!st) st = assay_config_refresh(s->service, s->db, e);
    if (st) return st;
    struct assay_arena a = {0}, done = {0};
    struct assay_str last = ASSAY_STR_NONE; /* the provider done last: the next is found anew in every configuration */
    memset(out, 0, sizeof *out);
    for (bool more = true; more && !st;) {
        const struct assay_config *cfg = assay_service_config(s->service);
        size_t i = 0;
        while (i < cfg->n_providers && last.p && assay_str_cmp(cfg->providers[i].code, last) <= 0) i++;
        for (; i < cfg->n_providers && !st; i++) {
            struct verify v = {.s = s,
                               .cfg = cfg,
                               .provider = &cfg->providers[i],
                               .a = &a,
                               .repair = repair,
                               .report = report,
                               .arg = arg,
                               .out = out};
            st = run_provider(&v, e);
            assay_arena_reset(&a);
            if (st) break;
            assay_arena_reset(&done);
            last = assay_arena_dup(&done, cfg->providers[i].code);
        }
        more = st == ASSAY_RETRY;
        if (more) st = assay_config_refresh(s->service, s->db, e);
        assay_config_release(cfg);
    }
    assay_arena_free(&a);
    assay_arena_free(&done);
    return st;
}

enum assay_status assay_recompute_verify(struct assay_session *s, void (*report)(void *arg, const struct assay_difference *d),
                                         void *arg, struct assay_verify_result *out, struct assay_error *e) {
    return run_all(s, false, report, arg, out, e);
}

enum assay_status assay_recompute_repair(struct assay_session *s, void (*report)(void *arg, const struct assay_difference *d),
                                         void *arg, struct assay_verify_result *out, struct assay_error *e) {
    return run_all(s, true, report, arg, out, e);
}
