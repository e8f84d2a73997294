/* order.h -- the fold: from the set of an order's records to its facts (DOMAIN 2.5, 3).
 *
 * A pure function of the set: any order of the records gives the same facts. */
#ifndef ASSAY_ORDER_H
#define ASSAY_ORDER_H

#include "assay/record.h"
#include "assay/scheme.h"

/* Stored: never renumber. NONE: no event and no dispatch stands (all voided, or only responses name it). */
enum assay_state { ASSAY_STATE_NONE = 0, ASSAY_STATE_OPEN = 1, ASSAY_STATE_CLOSED = 2, ASSAY_STATE_CANCELLED = 3 };
const char *assay_state_name(enum assay_state s);

struct assay_folded_record {
    struct assay_record record;
    bool voided;
};

struct assay_line { /* a line the records name, as they tell of it */
    struct assay_str id;
    const struct assay_record *shipped, *delivered; /* the latest of each; NULL */
    assay_instant first_shipped, first_cancelled;   /* NO_INSTANT: never */
    bool recommended;                               /* by the CCC */
    bool faulty;                                    /* marked doa or mismatch */
    bool local;                                     /* the last request says so */
    bool replacement;                               /* a request of it replaces a faulty line */
    bool first;                                     /* of the first request or append */
    bool cancelled;                                 /* before (strictly) every shipment of its own */
    bool used;                      /* considered, or left by its cancellation, or met on the way along replacements */
    bool ships;                     /* its shipment is a considered line's effective one */
    struct assay_line *replaced_by; /* the replacement that stands; NULL */
    struct assay_line *passed_over; /* a later one, cancelled before it shipped; NULL */
    struct assay_line *final;       /* the end of the chain of replacements, itself where there is none; set
                                       where a considered line's chain led over this line, else NULL */
};
struct assay_shipment {                   /* a line's effective shipment */
    const struct assay_record *shipped;   /* NULL: none */
    const struct assay_record *delivered; /* NULL: not recorded */
    struct assay_str line;                /* that shipped: the line itself or the one that finally replaces it */
    bool replaced;                        /* line is a replacement's */
    bool local_said;                      /* the (last) request of that line says local (ASCIM is the judge's to ask) */
};
struct assay_considered { /* a considered line, after DOMAIN 3's cancellations */
    struct assay_str line;
    struct assay_shipment shipment;
};

struct assay_order {
    enum assay_state state;
    enum assay_channel channel;  /* NONE: neither opening nor dispatch */
    assay_instant dispatched_at; /* the earliest dispatch's; NO_INSTANT where none stands */
    assay_instant opened_at;     /* the earliest opening's, else dispatched_at; NO_INSTANT with neither */
    assay_instant clock_start;   /* where the diagnosis clock starts: ccc dispatched_at (or what stands in), walk-in opened_at */
    assay_instant reported_at;   /* earliest opening's, where it has none the dispatch's; NO_INSTANT where none says */
    assay_instant closed_at;     /* the close that stands; NO_INSTANT unless state is CLOSED */
    assay_instant first_requested_at;
    struct assay_str product, serial;
    enum assay_class customer_class;
    enum assay_warranty warranty;
    enum assay_close outcome; /* of the close that stands */

    const struct assay_record *close, *dispatch, *opening; /* the records those came from; NULL */
    const struct assay_record *first_request;
    const struct assay_record *exempting[4]; /* by enum assay_note: the earliest note of each reason; NULL */

    size_t n_considered;
    const struct assay_considered *considered; /* ascending by line */
    size_t n_lines;
    const struct assay_line *lines; /* ascending by id */
    assay_points points;            /* REPLACEMENT, REPLACEMENT_CANCELLED, END_STATES, LAST_CLOSE as far as the fold met them */

    size_t n_surveys; /* responses that name the order and stand */
    const struct assay_record *const *surveys;
    size_t n_records; /* all that stand, in fold order */
    const struct assay_record *const *records;
};

/* Fold. recs may be in any order and is sorted in place; voided ones are passed over. Results point into recs and the
 * arena. n may be 0. The records are of one order; voids themselves are not among them. */
void assay_order_fold(struct assay_folded_record *recs, size_t n, struct assay_arena *a, struct assay_order *out);

#endif
