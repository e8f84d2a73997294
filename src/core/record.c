/* record.c -- names, forms and the table of fields (DOMAIN 2.1-2.4). */
#include "assay/record.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

void assay_record_init(struct assay_record *r) {
    *r = (struct assay_record){.at = ASSAY_NO_INSTANT,
                               .reported_at = ASSAY_NO_INSTANT,
                               .overall = -1,
                               .attitude = -1,
                               .recommend = -1,
                               .numerator = -1,
                               .denominator = -1,
                               .value = ASSAY_NO_DECIMAL};
}

/* --- names --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum assay_kind kind;
    bool event; /* named on the wire as an event's `type` */
} types[] = {
    [ASSAY_DISPATCHED] = {"dispatch", ASSAY_KIND_DISPATCH, false},
    [ASSAY_ORDER_OPENED] = {"order.opened", ASSAY_KIND_REPAIR, true},
    [ASSAY_PART_REQUESTED] = {"part.requested", ASSAY_KIND_REPAIR, true},
    [ASSAY_PART_SHIPPED] = {"part.shipped", ASSAY_KIND_SHIPMENT, true},
    [ASSAY_PART_DELIVERED] = {"part.delivered", ASSAY_KIND_SHIPMENT, true},
    [ASSAY_PART_CANCELLED] = {"part.cancelled", ASSAY_KIND_REPAIR, true},
    [ASSAY_PART_RECEIVED] = {"part.received", ASSAY_KIND_REPAIR, true},
    [ASSAY_PART_MARKED] = {"part.marked", ASSAY_KIND_REPAIR, true},
    [ASSAY_ORDER_NOTED] = {"order.noted", ASSAY_KIND_REPAIR, true},
    [ASSAY_ORDER_COMPLETED] = {"order.completed", ASSAY_KIND_REPAIR, true},
    [ASSAY_ORDER_CLOSED_EVENT] = {"order.closed", ASSAY_KIND_REPAIR, true},
    [ASSAY_ORDER_CANCELLED] = {"order.cancelled", ASSAY_KIND_REPAIR, true},
    [ASSAY_ORDER_REOPENED] = {"order.reopened", ASSAY_KIND_REPAIR, true},
    [ASSAY_EVENT_VOIDED] = {"event.voided", ASSAY_KIND_REPAIR, true},
    [ASSAY_SURVEY_RESPONSE] = {"survey", ASSAY_KIND_SURVEY, false},
    [ASSAY_OBSERVATION_MADE] = {"observation", ASSAY_KIND_OBSERVATION, false},
};
_Static_assert(sizeof types / sizeof *types == ASSAY_TYPE_COUNT, "a row for each type");

static const char *const kinds[] = {"repair", "shipment", "dispatch", "survey", "observation"};
_Static_assert(sizeof kinds / sizeof *kinds == ASSAY_KIND_COUNT, "a name for each kind");

const char *assay_type_name(enum assay_type t) { return (unsigned)t < ASSAY_TYPE_COUNT ? types[t].name : NULL; }

enum assay_kind assay_type_kind(enum assay_type t) { return (unsigned)t < ASSAY_TYPE_COUNT ? types[t].kind : ASSAY_KIND_REPAIR; }

bool assay_type_parse(struct assay_str s, enum assay_type *out) {
    for (unsigned t = 0; t < ASSAY_TYPE_COUNT; t++) {
        if (!types[t].event || !assay_str_is(s, types[t].name)) continue;
        *out = (enum assay_type)t;
        return true;
    }
    return false;
}

const char *assay_kind_name(enum assay_kind k) { return (unsigned)k < ASSAY_KIND_COUNT ? kinds[k] : NULL; }

bool assay_kind_parse(struct assay_str s, enum assay_kind *out) {
    for (unsigned k = 0; k < ASSAY_KIND_COUNT; k++) {
        if (!assay_str_is(s, kinds[k])) continue;
        *out = (enum assay_kind)k;
        return true;
    }
    return false;
}

const char *assay_party_name(enum assay_party p) {
    switch (p) {
    case ASSAY_PARTY_PROVIDER: return "provider";
    case ASSAY_PARTY_CCC: return "ccc";
    case ASSAY_PARTY_LOGISTICS: return "logistics";
    case ASSAY_PARTY_MANUFACTURER: return "manufacturer";
    }
    return NULL;
}

/* --- forms --------------------------------------------------------------------------------------------------------- */

static bool is_word_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool is_printable(char c) { return c >= ' ' && c <= '~'; }

static bool is_order_char(char c) { return is_printable(c) && c != ' ' && c != '/' && c != '?' && c != '#' && c != '%'; }

static bool all(struct assay_str s, size_t max, bool (*fits)(char)) {
    if (s.n < 1 || s.n > max) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!fits(s.p[i])) return false;
    }
    return true;
}

bool assay_form_id(struct assay_str s) { return all(s, 64, is_printable); }

bool assay_id_is_revert(struct assay_str id) {
    size_t n = sizeof ASSAY_REVERT_PREFIX - 1;
    return id.n >= n && memcmp(id.p, ASSAY_REVERT_PREFIX, n) == 0;
}

bool assay_form_provider(struct assay_str s) { return all(s, 32, is_word_char); }

bool assay_form_order(struct assay_str s) { return all(s, 64, is_order_char); }

bool assay_form_line(struct assay_str s) { return all(s, 16, is_word_char); }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool assay_courier_parse(struct assay_str s, assay_courier *out) {
    if (s.n != 4 || s.p[0] < '1' || s.p[0] > '9' || s.p[1] != 'D' || !is_digit(s.p[2]) || !is_digit(s.p[3])) return false;
    int hour = (s.p[2] - '0') * 10 + (s.p[3] - '0');
    if (hour > 23) return false;
    *out = (assay_courier)((s.p[0] - '0') * 100 + hour);
    return true;
}

void assay_courier_format(assay_courier c, char out[8]) {
    out[0] = (char)('0' + c / 100 % 10);
    out[1] = 'D';
    out[2] = (char)('0' + c / 10 % 10);
    out[3] = (char)('0' + c % 10);
    out[4] = '\0';
}

/* Digits at *p, at most max of them and at least one, into *v (times ten each); *n of them. */
static bool take_digits(const char **p, const char *end, int max, int64_t *v, int *n) {
    for (*n = 0; *p < end && is_digit(**p); ++*p, ++*n) {
        if (*n == max) return false;
        *v = *v * 10 + (**p - '0');
    }
    return *n > 0;
}

bool assay_decimal_parse(struct assay_str s, assay_decimal *out) {
    const char *p = s.p, *end = s.p + s.n;
    int64_t v = 0;
    int n, decimals = 0;
    bool negative = p < end && *p == '-';
    if (negative) p++;
    if (!take_digits(&p, end, 12, &v, &n)) return false;
    if (p < end && *p == '.') {
        p++;
        if (!take_digits(&p, end, 6, &v, &decimals)) return false;
    }
    if (p != end) return false;
    for (; decimals < 6; decimals++) v *= 10;
    *out = negative ? -v : v;
    return true;
}

void assay_decimal_format(assay_decimal d, char out[ASSAY_DECIMAL_TEXT]) {
    int64_t whole = d / 1000000, rest = d % 1000000;
    if (rest < 0) rest = -rest;
    if (whole < 0) whole = -whole;
    int n = snprintf(out, ASSAY_DECIMAL_TEXT, "%s%lld.%06lld", d < 0 ? "-" : "", (long long)whole, (long long)rest);
    while (out[n - 1] == '0') out[--n] = '\0';
    if (out[n - 1] == '.') out[n - 1] = '\0';
}

/* --- the table of fields ------------------------------------------------------------------------------------------- */

static const char *const channels[] = {"walk_in", "ccc", NULL};
static const char *const classes[] = {"ordinary", "key", NULL};
static const char *const warranties[] = {"in", "out", NULL};
static const char *const marks[] = {"used", "unused", "doa", "mismatch", "wrong_shipment", NULL};
static const char *const notes[] = {"machine_testing", "customer", "force_majeure", NULL};
static const char *const closes[] = {"repaired", "replaced", "unrepaired", NULL};
static const char *const answers[] = {"satisfied", "average", "dissatisfied", "complaint", NULL};
static const char *const sources[] = {"sampled", "volunteered", NULL};
static const char *const responsibilities[] = {"provider", "shared", "manufacturer", NULL};
static const char *const raters[] = {"self", "supervisor", "peer", "customer", "auditor", NULL};

#define BIT(t) (UINT32_C(1) << ASSAY_##t)
#define OPENED BIT(ORDER_OPENED)
#define DISPATCH BIT(DISPATCHED)
#define REQUESTED BIT(PART_REQUESTED)
#define SHIPPED BIT(PART_SHIPPED)
#define MARKED BIT(PART_MARKED)
#define NOTED BIT(ORDER_NOTED)
#define VOIDED BIT(EVENT_VOIDED)
#define SURVEY BIT(SURVEY_RESPONSE)
#define OBSERVATION BIT(OBSERVATION_MADE)
#define LINES (REQUESTED | SHIPPED | BIT(PART_DELIVERED) | BIT(PART_CANCELLED) | BIT(PART_RECEIVED) | MARKED)
#define REASONED (BIT(PART_CANCELLED) | BIT(ORDER_CANCELLED) | BIT(ORDER_REOPENED) | VOIDED)
#define AT(member) offsetof(struct assay_record, member)

/* clang-format off */
const struct assay_field assay_fields[] = {
    /* name             form                where               min max        words             required   allowed */
    {"channel",         ASSAY_FORM_WORD,    AT(channel),        0, 0,          channels,         OPENED,    OPENED},
    {"product",         ASSAY_FORM_TEXT,    AT(product),        1, 1000,       NULL,             OPENED,    OPENED | DISPATCH},
    {"customer_class",  ASSAY_FORM_WORD,    AT(customer_class), 0, 0,          classes,          0,         OPENED | DISPATCH | SURVEY},
    {"serial",          ASSAY_FORM_SHORT,   AT(serial),         0, 0,          NULL,             0,         OPENED | DISPATCH},
    {"warranty",        ASSAY_FORM_WORD,    AT(warranty),       0, 0,          warranties,       0,         OPENED},
    {"reported_at",     ASSAY_FORM_INSTANT, AT(reported_at),    0, 0,          NULL,             0,         OPENED | DISPATCH},
    {"request",         ASSAY_FORM_INT32,   AT(request),        1, INT32_MAX,  NULL,             REQUESTED, REQUESTED},
    {"line",            ASSAY_FORM_LINE,    AT(line),           0, 0,          NULL,             LINES,     LINES},
    {"part_no",         ASSAY_FORM_SHORT,   AT(part_no),        0, 0,          NULL,             REQUESTED, REQUESTED},
    {"replaces",        ASSAY_FORM_LINE,    AT(replaces),       0, 0,          NULL,             0,         REQUESTED},
    {"local",           ASSAY_FORM_BOOL,    AT(local),          0, 0,          NULL,             0,         REQUESTED},
    {"courier",         ASSAY_FORM_COURIER, AT(courier),        0, 0,          NULL,             SHIPPED,   SHIPPED},
    {"warehouse",       ASSAY_FORM_TEXT,    AT(warehouse),      0, 1000,       NULL,             0,         SHIPPED},
    {"mark",            ASSAY_FORM_WORD,    AT(mark),           0, 0,          marks,            MARKED,    MARKED},
    {"reason",          ASSAY_FORM_WORD,    AT(noted),          0, 0,          notes,            NOTED,     NOTED},
    {"reason",          ASSAY_FORM_TEXT,    AT(reason),         0, 1000,       NULL,             0,         REASONED},
    {"note",            ASSAY_FORM_TEXT,    AT(note),           0, 1000,       NULL,             0,         NOTED},
    {"outcome",         ASSAY_FORM_WORD,    AT(outcome),        0, 0,          closes,           0,         BIT(ORDER_CLOSED_EVENT)},
    {"target",          ASSAY_FORM_ID,      AT(target),         0, 0,          NULL,             VOIDED,    VOIDED},
    {"target_kind",     ASSAY_FORM_KIND,    AT(target_kind),    0, 0,          NULL,             0,         VOIDED},
    {"answer",          ASSAY_FORM_WORD,    AT(answer),         0, 0,          answers,          SURVEY,    SURVEY},
    {"source",          ASSAY_FORM_WORD,    AT(source),         0, 0,          sources,          0,         SURVEY},
    {"responsibility",  ASSAY_FORM_WORD,    AT(responsibility), 0, 0,          responsibilities, 0,         SURVEY},
    {"overall",         ASSAY_FORM_INT8,    AT(overall),        1, 5,          NULL,             0,         SURVEY},
    {"attitude",        ASSAY_FORM_INT8,    AT(attitude),       1, 5,          NULL,             0,         SURVEY},
    {"recommend",       ASSAY_FORM_INT8,    AT(recommend),      0, 10,         NULL,             0,         SURVEY},
    {"indicator",       ASSAY_FORM_CODE,    AT(indicator),      0, 0,          NULL,             OBSERVATION, OBSERVATION},
    {"numerator",       ASSAY_FORM_COUNT,   AT(numerator),      0, 0,          NULL,             0,         OBSERVATION},
    {"denominator",     ASSAY_FORM_COUNT,   AT(denominator),    1, 0,          NULL,             0,         OBSERVATION},
    {"value",           ASSAY_FORM_DECIMAL, AT(value),          0, 0,          NULL,             0,         OBSERVATION},
    {"rater",           ASSAY_FORM_WORD,    AT(rater),          0, 0,          raters,           0,         OBSERVATION},
    {"parts",           ASSAY_FORM_PARTS,   AT(parts),          0, 0,          NULL,             0,         DISPATCH},
};
/* clang-format on */
const size_t assay_fields_count = sizeof assay_fields / sizeof *assay_fields;
