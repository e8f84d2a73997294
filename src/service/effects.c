/* effects.c -- what a transaction did, as rows of the feed of changes: a row for each order it touched, and with the last row
 * of each provider the months whose counts or pay moved. Knows the packed form of effects and nothing else does. */
#include <stdlib.h>

#include "service/internal.h"

/* --- the packed form: items of a tag and a scheme; a month's has the month too ------------------------------------------- */

#define TAG_MONTH 0x40
#define TAG_COUNTS 0x01
#define TAG_PAY 0x02

static void add16(struct assay_buf *b, uint16_t v) {
    assay_buf_addc(b, (char)(v >> 8));
    assay_buf_addc(b, (char)(v & 0xFF));
}

static uint16_t get16(const char *p) { return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]); }

void assay_effect_add(struct assay_buf *b, const struct assay_effect *x) {
    bool month = x->month != ASSAY_NO_MONTH;
    assay_buf_addc(b, (char)(month ? TAG_MONTH | (x->counts ? TAG_COUNTS : 0) | (x->pay ? TAG_PAY : 0) : (int)x->outcome));
    add16(b, (uint16_t)x->scheme_id);
    if (month) add16(b, (uint16_t)x->month);
}

bool assay_effect_next(struct assay_str *rest, struct assay_effect *out) {
    if (rest->n < 3) return false;
    unsigned tag = (unsigned char)rest->p[0];
    size_t n = tag & TAG_MONTH ? 5 : 3;
    if (rest->n < n) return false;
    *out = (struct assay_effect){.scheme_id = (int16_t)get16(rest->p + 1), .month = ASSAY_NO_MONTH};
    if (tag & TAG_MONTH) {
        out->month = get16(rest->p + 3);
        out->counts = tag & TAG_COUNTS;
        out->pay = tag & TAG_PAY;
    } else {
        out->outcome = (enum assay_outcome)tag;
    }
    *rest = (struct assay_str){rest->p + n, rest->n - n};
    return true;
}

/* --- rows ----------------------------------------------------------------------------------------------------------------- */

static int by_provider_and_seq(const void *x, const void *y) {
    const struct assay_touched *a = x, *b = y;
    if (a->key.provider_id != b->key.provider_id) return a->key.provider_id < b->key.provider_id ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* Counts come by (provider, scheme, month), pay by these and the rate: both as items of one month, in that order. `from` and
 * `pay` are where the provider's begin, and are moved behind them. */
static void add_months(const struct assay_tally_sums *sums, int32_t provider_id, size_t *from, size_t *pay, struct assay_buf *b) {
    const struct assay_tally_row *t = sums->rows, *t_end = t + sums->n;
    const struct assay_pay_row *p = sums->pays, *p_end = p + sums->n_pays;
    for (t += *from, p += *pay;;) {
        bool counts = t < t_end && t->provider_id == provider_id, pays = p < p_end && p->provider_id == provider_id;
        if (!counts && !pays) break;
        int c = !counts ? 1 : !pays ? -1 : (abs(t->scheme_id) > abs(p->scheme_id)) - (abs(t->scheme_id) < abs(p->scheme_id));
        int16_t sheet = c <= 0 ? t->scheme_id : p->scheme_id; /* of those in force: the scheme's number, or its negative */
        if (!c) c = (t->month > p->month) - (t->month < p->month);
        struct assay_effect x = {
            .scheme_id = (int16_t)abs(sheet), .month = c <= 0 ? t->month : p->month, .counts = c <= 0, .pay = c >= 0};
        assay_effect_add(b, &x);
        t += c <= 0;
        if (c >= 0) /* all rates of the month */
            while (p < p_end && p->provider_id == provider_id && p->scheme_id == sheet && p->month == x.month) p++;
    }
    *from = (size_t)(t - sums->rows);
    *pay = (size_t)(p - sums->pays);
}

static struct assay_str kept(struct assay_buf *b, struct assay_arena *a) {
    struct assay_str s = b->n ? assay_arena_dup(a, assay_buf_str(b)) : ASSAY_STR_NONE;
    b->n = 0;
    return s;
}

static void add_verdicts(const struct assay_touched *t, struct assay_buf *b) {
    for (size_t i = 0; i < t->n_verdicts; i++) {
        struct assay_effect x = {
            .scheme_id = (int16_t)abs(t->verdicts[i].scheme_id), .outcome = t->verdicts[i].outcome, .month = ASSAY_NO_MONTH};
        assay_effect_add(b, &x);
    }
}

struct assay_change_row *assay_changes_make(struct assay_touched *orders, size_t n, const struct assay_tally_sums *sums,
                                            const struct assay_head *heads, size_t n_heads, int64_t place, struct assay_arena *a,
                                            size_t *n_rows) {
    struct assay_change_row *rows = assay_arena_alloc(a, (n + n_heads + 1) * sizeof *rows);
    struct assay_buf effects = {0};
    size_t count = 0, order = 0, tally = 0, pay = 0;
    if (n) qsort(orders, n, sizeof *orders, by_provider_and_seq);
    for (size_t h = 0; h < n_heads; h++) {
        int32_t id = heads[h].provider_id;
        size_t first = count;
        for (; order < n && orders[order].key.provider_id == id; order++) {
            const struct assay_touched *t = &orders[order];
            add_verdicts(t, &effects);
            bool last = order + 1 == n || orders[order + 1].key.provider_id != id;
            if (last) add_months(sums, id, &tally, &pay, &effects);
            rows[count++] = (struct assay_change_row){place, t->seq, id, ASSAY_CHANGE_ORDER, t->key.order_no, kept(&effects, a)};
        }
        if (count > first) continue;
        add_months(sums, id, &tally, &pay, &effects); /* no order of it: the records were about none */
        struct assay_str moved = kept(&effects, a);
        if (moved.p)
            rows[count++] = (struct assay_change_row){place, heads[h].seq, id, ASSAY_CHANGE_FIGURES, ASSAY_STR_NONE, moved};
    }
    assay_buf_free(&effects);
    *n_rows = count;
    return rows;
}
