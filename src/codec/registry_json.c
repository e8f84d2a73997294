/* registry_json.c -- providers and labour rates from JSON, with every mistake reported. */
#include "reader.h"

#include <stdlib.h>

#define CODE_WANTED "1 to 32 characters of A-Z a-z 0-9 . _ -"

/* === providers ===================================================================================================== */

/* words[0] is ASSAY_PROVIDER_ACTIVE */
static const char *const provider_statuses[] = {"active", "suspended", "inactive", NULL};

const char *assay_provider_status_name(enum assay_provider_status s) {
    return s >= ASSAY_PROVIDER_ACTIVE && s <= ASSAY_PROVIDER_INACTIVE ? provider_statuses[s - ASSAY_PROVIDER_ACTIVE] : NULL;
}

static void read_provider_code(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_str code,
                               struct assay_provider *out) {
    bool said = assay_member_form(r, at, v, "code", !code.p, assay_form_provider, 32, CODE_WANTED, &out->code);
    if (!code.p) return;
    if (said && !assay_str_eq(out->code, code))
        assay_read_fail(r, &(struct assay_place){at, "code", 0}, ASSAY_INVALID_VALUE, "the address is that of %.*s",
                        ASSAY_STR_ARG(code));
    out->code = assay_arena_dup(r->arena, code);
}

static enum assay_status read_provider(const json_t *v, struct assay_str code, struct assay_arena *a, struct assay_provider *out,
                                       struct assay_errors *es) {
    static const char *const known[] = {"code", "name", "city", "ascim", "status", "effective_from", NULL};
    static const struct assay_place root = {NULL, NULL, 0};
    struct assay_reader r = {a, es};
    int status = 0;
    *out = (struct assay_provider){.facts.effective_from = ASSAY_NO_DATE};
    if (!assay_read_object(&r, &root, v, known)) return assay_read_result(&r);
    read_provider_code(&r, &root, v, code, out);
    (void)assay_member_text(&r, &root, v, "name", true, 200, &out->name);
    (void)assay_member_text(&r, &root, v, "city", true, 64, &out->facts.city);
    (void)assay_member_bool(&r, &root, v, "ascim", true, &out->facts.ascim);
    (void)assay_member_word(&r, &root, v, "status", false, provider_statuses, &status);
    (void)assay_member_date(&r, &root, v, "effective_from", false, &out->facts.effective_from);
    out->status = (enum assay_provider_status)(ASSAY_PROVIDER_ACTIVE + status);
    return assay_read_result(&r);
}

enum assay_status assay_provider_decode(const struct assay_json_doc *d, size_t i, struct assay_str code, struct assay_arena *a,
                                        struct assay_provider *out, struct assay_errors *es) {
    es->n = 0;
    return read_provider(assay_reader_element(d, i), code, a, out, es);
}

enum assay_status assay_provider_from_json(struct assay_str text, struct assay_str code, struct assay_arena *a,
                                           struct assay_provider *out, struct assay_errors *es) {
    json_t *v;
    enum assay_status status = assay_reader_load_into(text, &v, es);
    if (status != ASSAY_OK) return status;
    status = read_provider(v, code, a, out, es);
    json_decref(v);
    return status;
}

void assay_provider_write(const struct assay_provider *p, struct assay_buf *b, const char *key) {
    assay_json_object(b, key);
    assay_json_str(b, "code", p->code);
    assay_json_str(b, "name", p->name);
    assay_json_str(b, "city", p->facts.city);
    assay_json_bool(b, "ascim", p->facts.ascim);
    assay_json_text(b, "status", assay_provider_status_name(p->status));
    assay_json_date(b, "effective_from", p->facts.effective_from);
    assay_json_object_end(b);
}

/* === labour rates ================================================================================================== */

#define RATES_MAX 10000
#define AMOUNT_MAX INT64_C(1000000000000) /* minor units: what a repair costs, times any order count, fits 64 bits */

struct rates_box { /* a table and all it points to: one thing to free */
    struct assay_arena arena;
    struct assay_rates rates;
};

struct numbered_rate { /* remembers where it stood, for the pointer of a repeated row */
    struct assay_rate rate;
    size_t index;
};

static int rate_cmp(const struct assay_rate *a, const struct assay_rate *b) {
    int c = assay_str_cmp(a->product, b->product);
    if (c) return c;
    if (a->warranty != b->warranty) return a->warranty < b->warranty ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

static int by_rate(const void *x, const void *y) {
    const struct numbered_rate *a = x, *b = y;
    int c = rate_cmp(&a->rate, &b->rate);
    return c ? c : (a->index > b->index) - (a->index < b->index);
}

static void read_amount(struct assay_reader *r, const struct assay_place *at, const json_t *obj, int digits, int64_t *out) {
    struct assay_place p;
    struct assay_str s;
    const json_t *v = assay_read_member(r, at, obj, "amount", true, &p);
    if (!v || !assay_read_str(r, &p, v, &s) || digits < 0) return; /* without a currency nobody knows its decimals */
    enum assay_status status = assay_money_parse(s, digits, out);
    if (status == ASSAY_OVERFLOW || (status == ASSAY_OK && (*out < 0 || *out > AMOUNT_MAX)))
        assay_read_fail(r, &p, ASSAY_OUT_OF_RANGE, "at least 0 and at most %lld minor units are wanted", (long long)AMOUNT_MAX);
    else if (status != ASSAY_OK)
        assay_read_fail(r, &p, ASSAY_INVALID_VALUE, "a decimal string of at most %d decimals is wanted, as \"120.00\"", digits);
}

static bool read_rate(struct assay_reader *r, const struct assay_place *at, const json_t *v, int digits, assay_date from,
                      struct assay_rate *out) {
    static const char *const known[] = {"product", "warranty", "from", "amount", NULL};
    const char *const *said = ASSAY_WORDS(warranty);
    const char *words[] = {"*", said[0], said[1], NULL}; /* its index is enum assay_warranty, with "*" for absent */
    int warranty = 0;
    size_t before = r->errors->n;
    *out = (struct assay_rate){.from = from};
    if (!assay_read_object(r, at, v, known)) return false;
    (void)assay_member_text(r, at, v, "product", true, 1000, &out->product);
    (void)assay_member_word(r, at, v, "warranty", true, words, &warranty);
    (void)assay_member_date(r, at, v, "from", false, &out->from);
    read_amount(r, at, v, digits, &out->amount);
    out->warranty = (enum assay_warranty)warranty;
    return r->errors->n == before;
}

/* Rows end up sorted by product, warranty and date. */
static void read_rates(struct assay_reader *r, const struct assay_place *at, const json_t *v, int digits, assay_date from,
                       struct assay_rates *out) {
    size_t n = json_array_size(v), good = 0;
    struct numbered_rate *list = assay_xmalloc(n * sizeof *list);
    struct assay_rate *rows = assay_arena_alloc(r->arena, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        list[good].index = i;
        good += read_rate(r, &(struct assay_place){at, NULL, i}, json_array_get(v, i), digits, from, &list[good].rate);
    }
    qsort(list, good, sizeof *list, by_rate);
    for (size_t i = 0; i < good; i++) {
        rows[i] = list[i].rate;
        if (i == 0 || rate_cmp(&list[i].rate, &list[i - 1].rate) != 0) continue;
        assay_read_fail(r, &(struct assay_place){at, NULL, list[i].index}, ASSAY_INVALID_VALUE,
                        "the rate of this product, warranty and date stands in the table already");
    }
    free(list);
    out->rows = rows;
    out->n = good;
}

static void read_currency(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_rates *out) {
    struct assay_str s;
    out->minor_digits = -1;
    if (!assay_member_text(r, at, v, "currency", true, 64, &s)) return;
    out->minor_digits = assay_currency_digits(s);
    if (out->minor_digits >= 0) memcpy(out->currency, s.p, 3);
    else assay_read_fail(r, &(struct assay_place){at, "currency", 0}, ASSAY_INVALID_VALUE, "an ISO 4217 code is wanted, as CNY");
}

static void read_table(struct assay_reader *r, const json_t *v, struct assay_rates *out) {
    static const char *const known[] = {"currency", "rates", "effective_from", NULL};
    static const struct assay_place root = {NULL, NULL, 0};
    struct assay_place p;
    assay_date from = ASSAY_NO_DATE;
    if (!assay_read_object(r, &root, v, known)) return;
    read_currency(r, &root, v, out);
    (void)assay_member_date(r, &root, v, "effective_from", false, &from);
    const json_t *rows = assay_member_array(r, &root, v, "rates", true, 0, RATES_MAX, &p);
    if (rows) read_rates(r, &p, rows, out->minor_digits, from, out);
}

enum assay_status assay_rates_new_from_json(struct assay_str text, const char *code, int32_t version, struct assay_rates **out,
                                            struct assay_errors *es) {
    json_t *v;
    *out = NULL;
    enum assay_status status = assay_reader_load_into(text, &v, es);
    if (status != ASSAY_OK) return status;
    struct rates_box *box = assay_xcalloc(1, sizeof *box);
    struct assay_reader r = {&box->arena, es};
    box->rates.code = assay_arena_dup(&box->arena, assay_str_c(code)).p;
    box->rates.version = version;
    read_table(&r, v, &box->rates);
    json_decref(v);
    status = assay_read_result(&r);
    if (status == ASSAY_OK) *out = &box->rates;
    else assay_rates_free(&box->rates);
    return status;
}

void assay_rates_free(struct assay_rates *t) {
    if (!t) return;
    struct rates_box *box = (struct rates_box *)((char *)t - offsetof(struct rates_box, rates));
    assay_arena_free(&box->arena);
    free(box);
}
