/* scheme.h -- a scheme (评估方案) as data, and the facts that are versioned beside it (DOMAIN 2.5, 4-7).
 *
 * Every number of a scheme stands in its document (sql/schemes/NAME.json); codec parses it into these structs, core
 * interprets them. Nothing here is FY01's. All immutable once made; all memory belongs to whoever made them. */
#ifndef ASSAY_SCHEME_H
#define ASSAY_SCHEME_H

#include "assay/calendar.h"
#include "assay/frac.h"
#include "assay/record.h"

/* --- assumptions [A] --------------------------------------------------------------------------------------------- */
/* The places where the engine relies on something a source does not say. A scheme's `assumptions` entry names one in
 * `about`; a result that touched the place lists the entry's id. A bit set of these travels with each verdict, and a
 * count of each stands in the tallies, so that an evaluation lists exactly what its orders used. */
/* clang-format off */
#define ASSAY_POINTS(X) \
    X(STANDARD_NO_PARTS,   "/clocks/cycle/standards/no_parts")  /* that standard decided */ \
    X(STANDARD_CITY,       "/clocks/cycle/standards/city") \
    X(STANDARD_LATE_1,     "/clocks/cycle/standards/late_1") \
    X(STANDARD_LATE_2,     "/clocks/cycle/standards/late_2") \
    X(HOLIDAYS,            "/calendar")               /* working time or days were counted */ \
    X(LIMIT_INCLUSIVE,     "limit_inclusive")         /* a duration of exactly the limit was met */ \
    X(EXEMPT_ONLY_DIAGNOSIS,"exempt_only_diagnosis")  /* a note exempted the diagnosis clock */ \
    X(EXPECTED_ARRIVAL,    "expected_arrival")        /* a promise nDhh was turned into an instant */ \
    X(GOVERNING_TIE,       "governing_tie")           /* two lines were expected at the same instant */ \
    X(WORST_LINE,          "worst_line")              /* lines differed in lateness; the worst decided */ \
    X(BEYOND_SLOWEST,      "beyond_slowest")          /* later than the slowest class */ \
    X(REPLACEMENT,         "replacement_in_place")    /* a replacement took the original's place */ \
    X(REPLACEMENT_CANCELLED,"replacement_cancelled")  /* a replacement cancelled before shipping was passed over */ \
    X(END_STATES,          "end_states")              /* a close or cancellation had no effect in the state it met */ \
    X(LAST_CLOSE,          "last_close")              /* reopened: the last close ended the cycle */ \
    /* evaluation */ \
    X(MISSING_SHIPMENT,    "missing_shipment_left_out") /* an order was left out of the rate */ \
    X(SURVEY_CURVE,        "/indicators/satisfaction")  /* maximum and curve of the satisfaction score */ \
    X(SURVEY_CLASS,        "survey_class")            /* a response without a class, and no order's: ordinary */ \
    X(SURVEY_RESPONSIBILITY,"survey_responsibility")  /* a response without responsibility: the provider's */ \
    X(SURVEY_MANUFACTURER, "survey_manufacturer")     /* a response the manufacturer answers for: share 0 */ \
    X(SURVEY_EACH,         "survey_each")             /* several responses to one order, each counts */ \
    X(SURVEY_NO_ORDER,     "survey_no_order")         /* a response without an order counts by its own date */ \
    X(TOTAL,               "total")                   /* the total is the sum of scores over the sum of maxima */ \
    /* pay */ \
    X(RATES,               "/rates")                  /* the labour rates */ \
    X(MULTIPLIER,          "/pay/multiplier")         /* the multiplier's curve */
/* clang-format on */
enum assay_point {
#define X(name, about) ASSAY_POINT_##name,
    ASSAY_POINTS(X)
#undef X
        ASSAY_POINT_COUNT
};
const char *assay_point_about(enum assay_point p);
typedef uint32_t assay_points; /* bit (1u << enum assay_point) */
_Static_assert(ASSAY_POINT_COUNT <= 32, "assay_points has a bit for each");

struct assay_assumption {
    const char *id;
    enum assay_point about;
    const char *text_en, *text_zh;
};

/* --- parts of a scheme --------------------------------------------------------------------------------------------- */
enum assay_unit { ASSAY_WORKING_HOURS = 1, ASSAY_CALENDAR_HOURS, ASSAY_WORKING_DAYS, ASSAY_CALENDAR_DAYS };
const char *assay_unit_name(enum assay_unit u); /* "working_hours" */
struct assay_standard {
    enum assay_unit unit; /* 0: none */
    int32_t n;
};

/* A curve through points, x ascending. linear: between points exactly linear, constant outside. stepped: the y of the
 * last point whose x <= the argument (of the first below it). */
struct assay_curve {
    bool stepped;
    size_t n; /* >= 1 */
    const struct assay_frac *x, *y;
};
enum assay_status assay_curve_at(const struct assay_curve *c, struct assay_frac x, struct assay_frac *y) ASSAY_MUST_CHECK;

/* A row of the city table: the first whose cities hold the provider's city (exact), or that has none. */
struct assay_city_row {
    size_t n_cities; /* 0: any city */
    const struct assay_str *cities;
    struct assay_standard standard;
};
/* Lateness of one shipped line, rows tried from the top (DOMAIN 4.3); severity is the row's index. */
enum assay_until { ASSAY_UNTIL_PROMISE, ASSAY_UNTIL_CLASS, ASSAY_UNTIL_EVER };
struct assay_lateness_row {
    const char *name; /* "on_time", "late_1", ... */
    enum assay_until until;
    assay_courier until_class;   /* ASSAY_UNTIL_CLASS: counted from the line's own shipment */
    const char *standard_reason; /* "city", "late_1", "late_2": as the verdict says it */
    bool by_city;                /* standard from the city table, else `standard` */
    struct assay_standard standard;
    bool beyond_slowest;
    enum assay_point point; /* STANDARD_CITY, STANDARD_LATE_1 or STANDARD_LATE_2 */
};

enum assay_measure { ASSAY_MEASURE_COMPLIANCE = 1, ASSAY_MEASURE_SATISFACTION };
struct assay_indicator {
    const char *code;
    enum assay_measure measure;
    struct assay_frac max;
    struct assay_curve curve;
    /* ASSAY_MEASURE_SATISFACTION, indexed by the enums of record.h */
    struct assay_frac weight[5]; /* by enum assay_answer */
    struct assay_frac factor[3]; /* by enum assay_class */
    struct assay_frac share[4];  /* by enum assay_responsibility */
};

/* One version of a scheme. */
struct assay_scheme {
    const char *code, *name_en, *name_zh;
    int32_t version;
    assay_date effective_from; /* ASSAY_NO_DATE: always (the first) */
    const struct assay_zone *zone;
    assay_date starts; /* orders opened before are out of scope */
    const char *calendar_code, *rates_code;
    int32_t window_months; /* a period of one month, evaluated over this many, >= 1 */

    struct assay_standard diagnosis_limit;
    uint8_t exempting_notes; /* bit (1 << enum assay_note) */
    struct assay_standard no_parts;
    size_t n_city_rows;
    const struct assay_city_row *city_rows; /* the last has no cities */
    size_t n_lateness;
    const struct assay_lateness_row *lateness; /* the last is ASSAY_UNTIL_EVER */

    size_t n_indicators;
    const struct assay_indicator *indicators;

    struct assay_curve pay_multiplier; /* of the score ratio */
    struct assay_frac pay_unrated;     /* while nothing is rated */

    size_t n_assumptions;
    const struct assay_assumption *assumptions;
};

/* --- versioned facts ------------------------------------------------------------------------------------------------ */
struct assay_scheme_versions { /* of one scheme, sorted by (effective_from, version) */
    size_t n;
    const struct assay_scheme *const *versions;
};
/* The version in force on a date: the last whose effective_from <= d; the first where none is. NULL when n == 0. */
const struct assay_scheme *assay_scheme_on(const struct assay_scheme_versions *v, assay_date d);

struct assay_provider_facts {  /* one version */
    assay_date effective_from; /* ASSAY_NO_DATE: always */
    struct assay_str city;
    bool ascim;
};
struct assay_provider_versions { /* sorted by effective_from, each date once */
    size_t n;
    const struct assay_provider_facts *facts;
};
const struct assay_provider_facts *assay_provider_on(const struct assay_provider_versions *v, assay_date d);

struct assay_rate {               /* one row of a labour rate table */
    struct assay_str product;     /* "*": any */
    enum assay_warranty warranty; /* ASSAY_WARRANTY_NONE: any ("*") */
    assay_date from;              /* ASSAY_NO_DATE: always */
    int64_t amount;               /* minor units */
};
struct assay_rates {
    const char *code;
    int32_t version;
    char currency[4];
    int minor_digits;
    size_t n;
    const struct assay_rate *rows;
};
/* DOMAIN 6: the exact product beats "*", then the exact warranty beats "*", then the latest `from` <= opened.
 * warranty NONE and an absent product match "*" only. false where no row applies. */
bool assay_rates_find(const struct assay_rates *t, struct assay_str product, enum assay_warranty warranty, assay_date opened,
                      int64_t *amount);

#endif
