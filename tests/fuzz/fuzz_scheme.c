/* fuzz_scheme.c -- any bytes as a document. The first byte picks which: a scheme, a calendar, a provider or rates. What is
 * accepted must keep what its struct promises core; what is refused must say why. */
#include <stdlib.h>

#include "assay/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

/* A zone of one fixed offset, +08:00, as the smallest zone file there is. */
static struct assay_zone *make_zone(void) {
    static const char header[44] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4";
    static const char type[10] = "\0\0\x70\x80\0\0CST";
    struct assay_buf b = {0};
    struct assay_error e;
    struct assay_zone *zone;
    for (int version = 1; version <= 2; version++) {
        assay_buf_add(&b, header, sizeof header);
        assay_buf_add(&b, type, sizeof type);
    }
    assay_buf_adds(&b, "\nCST-8\n");
    must(assay_zone_new("Fuzz/Fixed", assay_buf_str(&b), &zone, &e) == ASSAY_OK);
    assay_buf_free(&b);
    return zone;
}

static const struct assay_zone *lookup(void *zone, const char *name) { return name[0] == 'A' ? zone : NULL; }

static void check_curve(const struct assay_curve *c) {
    must(c->n >= 1);
    for (size_t i = 1; i < c->n; i++) must(assay_frac_cmp(c->x[i - 1], c->x[i]) < 0);
}

static void check_scheme(const struct assay_scheme *s) {
    must(s->name_en && s->name_zh && s->zone && s->calendar_code && s->rates_code && s->window_months >= 1);
    must(s->diagnosis_limit.unit == ASSAY_WORKING_HOURS && s->no_parts.unit);
    must(s->n_city_rows >= 1 && s->city_rows[s->n_city_rows - 1].n_cities == 0);
    for (size_t i = 0; i + 1 < s->n_city_rows; i++) must(s->city_rows[i].n_cities > 0 && s->city_rows[i].standard.unit);
    must(s->n_lateness >= 1 && s->lateness[s->n_lateness - 1].until == ASSAY_UNTIL_EVER);
    for (size_t i = 0; i < s->n_lateness; i++)
        must(s->lateness[i].name && s->lateness[i].standard_reason && (s->lateness[i].by_city || s->lateness[i].standard.unit));
    must(s->n_indicators >= 1 && s->n_indicators <= ASSAY_INDICATORS_MAX);
    for (size_t i = 0; i < s->n_indicators; i++) {
        must(s->indicators[i].code && s->indicators[i].measure);
        check_curve(&s->indicators[i].curve);
    }
    check_curve(&s->pay_multiplier);
    for (size_t i = 0; i < s->n_assumptions; i++)
        must(s->assumptions[i].id && s->assumptions[i].text_en && s->assumptions[i].text_zh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct assay_zone *zone;
    struct assay_arena arena = {0};
    struct assay_errors es;
    struct assay_scheme *scheme = NULL;
    struct assay_calendar *calendar = NULL;
    struct assay_provider provider;
    struct assay_rates *rates = NULL;
    enum assay_status s = ASSAY_OK;
    if (size == 0) return 0;
    if (!zone) zone = make_zone();
    struct assay_str text = {(const char *)data + 1, size - 1};
    switch (data[0] % 4) {
    case 0: s = assay_scheme_new_from_json(text, "fuzz", 1, ASSAY_NO_DATE, lookup, zone, &scheme, &es); break;
    case 1: s = assay_calendar_new_from_json(text, lookup, zone, &calendar, &es); break;
    case 2: s = assay_provider_from_json(text, ASSAY_STR_NONE, &arena, &provider, &es); break;
    case 3: s = assay_rates_new_from_json(text, "fuzz", 1, &rates, &es); break;
    }
    must((s == ASSAY_OK) == (es.n == 0));
    for (size_t i = 0; i < assay_errors_kept(&es); i++) must(es.items[i].detail[0]);
    if (scheme) check_scheme(scheme);
    if (rates)
        for (size_t i = 0; i < rates->n; i++) must(rates->rows[i].amount >= 0 && rates->rows[i].product.n > 0);
    assay_scheme_free(scheme);
    assay_calendar_free(calendar);
    assay_rates_free(rates);
    assay_arena_free(&arena);
    return 0;
}
