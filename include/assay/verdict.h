/* verdict.h -- the turnaround verdict of an order (DOMAIN 4), and its explanation. Pure. */
#ifndef ASSAY_VERDICT_H
#define ASSAY_VERDICT_H

#include "assay/order.h"

/* The version of the rules in code: raised whenever the same records and documents give other figures than before. A
 * daemon that finds figures of another version derives all of them again before it serves. */
#define ASSAY_ENGINE 1

/* Stored: never renumber. */
enum assay_clock_outcome {
    ASSAY_CLOCK_NONE = 0, /* null: does not apply at all (missing_open) */
    ASSAY_CLOCK_MET,
    ASSAY_CLOCK_MISSED,
    ASSAY_CLOCK_EXEMPT,
    ASSAY_CLOCK_NOT_APPLICABLE,
    ASSAY_CLOCK_PENDING,
    ASSAY_CLOCK_UNDETERMINED,
};
enum assay_outcome {
    ASSAY_OUTCOME_NONE = 0, /* the order does not exist */
    ASSAY_COMPLIANT,
    ASSAY_MISSED,
    ASSAY_UNDETERMINED,
    ASSAY_PENDING,
    ASSAY_OUT_OF_SCOPE,
};
enum assay_reason {
    ASSAY_REASON_NONE = 0,
    ASSAY_REASON_MISSING_OPEN,
    ASSAY_REASON_REQUEST_BEFORE_OPEN,
    ASSAY_REASON_CLOSE_BEFORE_START,
    ASSAY_REASON_MISSING_SHIPMENT,
};
enum assay_rule { ASSAY_RULE_NONE = 0, ASSAY_RULE_NO_PARTS, ASSAY_RULE_LOCAL_STOCK, ASSAY_RULE_LAST_SHIPMENT };
const char *assay_clock_outcome_name(enum assay_clock_outcome v); /* NULL for 0; so below */
const char *assay_outcome_name(enum assay_outcome v);
const char *assay_reason_name(enum assay_reason v);
const char *assay_rule_name(enum assay_rule v);
bool assay_outcome_parse(struct assay_str s, enum assay_outcome *out);

struct assay_diagnosis {
    enum assay_clock_outcome outcome;
    assay_instant start, end;       /* end: first request; NO_INSTANT */
    int64_t working_us, elapsed_us; /* -1: an end is unknown or inverted */
    struct assay_standard limit;
    enum assay_note exempt; /* the earliest qualifying note's reason where exempt */
    const struct assay_record *exempt_record;
    assay_instant deadline; /* NO_INSTANT where the clock does not run (null, not_applicable) */
};
struct assay_candidate { /* a considered line as the start rule saw it */
    const struct assay_considered *considered;
    bool local;             /* local and the provider is ASCIM */
    assay_instant expected; /* shipment + promised transit; NO_INSTANT where not shipped or local */
    int lateness;           /* row of the scheme's lateness table; -1 where none */
};
struct assay_cycle {
    enum assay_clock_outcome outcome;
    enum assay_rule rule;
    assay_instant start, end;
    const struct assay_candidate *governing;      /* last_shipment only; NULL */
    struct assay_standard standard;               /* unit 0: null */
    const char *standard_reason;                  /* "no_parts", "city", "late_1", ...; NULL */
    int64_t working_us, elapsed_us, elapsed_days; /* -1: unknown; elapsed_days counts in the standard's kind of day (working
                                                     days for hour standards) */
    int64_t margin;         /* in the standard's unit, rounded down; for hours in whole hours; INT64_MIN: unknown */
    assay_instant deadline; /* NO_INSTANT without a start */
    bool beyond_slowest;
};

struct assay_verdict {
    enum assay_outcome outcome;
    enum assay_reason reason;
    struct assay_diagnosis diagnosis; /* outcome NONE: null */
    struct assay_cycle cycle;
    const struct assay_scheme *scheme;
    const struct assay_calendar *calendar;
    const struct assay_provider_facts *facts; /* on the opening date; NULL without one */
    assay_date opened_on;                     /* the date scope, scheme, facts and rate were asked with (close's where no
                                                 opening is known); NO_DATE */
    assay_points points;
    size_t n_candidates;
    const struct assay_candidate *candidates; /* by line; empty for out of scope */
};

/* What judging needs besides the order. */
struct assay_rules {
    const struct assay_scheme_versions *schemes;    /* of one scheme */
    const struct assay_provider_versions *provider; /* NULL: no facts are known (no city, no ASCIM) */
    /* the newest calendar of a code; NULL: none, and nothing can be judged */
    const struct assay_calendar *(*calendar)(void *ctx, const char *code);
    void *ctx;
};
/* Judge. The clock is not asked: an open order is pending whatever the time. out points into o, the rules and the arena.
 * o->state NONE gives outcome NONE, as do rules without a scheme or its calendar. */
void assay_verdict_judge(const struct assay_order *o, const struct assay_rules *r, struct assay_arena *a,
                         struct assay_verdict *out);

/* The instant an open order's clocks run out: the earlier of a pending diagnosis' and the cycle's deadline as
 * GET /v1/orders/at-risk lists them; NO_INSTANT where none runs. which: "diagnosis" or "cycle". */
assay_instant assay_verdict_next_deadline(const struct assay_verdict *v, const char **which);

/* --- explanation -------------------------------------------------------------------------------------------------- */
struct assay_segment {
    const char *code;  /* "report_to_open", ... */
    const char *party; /* "provider" or "manufacturer" */
    assay_instant from, to;
    int64_t working_us;
};
struct assay_explanation {
    size_t n_segments;
    const struct assay_segment *segments;
    struct assay_ledger cycle_ledger, diagnosis_ledger; /* empty where the elapsed time is unknown */
    size_t n_records;
    const char *const *records; /* "repair:ID", "shipment:ID", "dispatch:ID" in fold order: those the verdict used */
    const char *text_en, *text_zh;
};
void assay_verdict_explain(const struct assay_order *o, const struct assay_verdict *v, struct assay_arena *a,
                           struct assay_explanation *out);

#endif
