/* record.h -- what comes in (DOMAIN 2): repair events, shipments, dispatches, survey responses, as plain structs.
 *
 * One table describes every field of every type; codec decodes and encodes by it, so that a new field is one row. */
#ifndef ASSAY_RECORD_H
#define ASSAY_RECORD_H

#include "assay/time.h"

/* Ids are unique per provider and kind. The numbers are stored: never renumber. The order is the tie order of the
 * fold's sort only as far as `assay_type` says. */
enum assay_kind {
    ASSAY_KIND_REPAIR = 0,
    ASSAY_KIND_SHIPMENT = 1,
    ASSAY_KIND_DISPATCH = 2,
    ASSAY_KIND_SURVEY = 3,
    ASSAY_KIND_OBSERVATION = 4,
    ASSAY_KIND_COUNT
};
/* Stored; numeric order is the order of DOMAIN 2.5 (dispatch, then the rows of 2.1 from top to bottom). */
enum assay_type {
    ASSAY_DISPATCHED = 0,
    ASSAY_ORDER_OPENED = 1,
    ASSAY_PART_REQUESTED = 2,
    ASSAY_PART_SHIPPED = 3,
    ASSAY_PART_DELIVERED = 4,
    ASSAY_PART_CANCELLED = 5,
    ASSAY_PART_RECEIVED = 6,
    ASSAY_PART_MARKED = 7,
    ASSAY_ORDER_NOTED = 8,
    ASSAY_ORDER_COMPLETED = 9,
    ASSAY_ORDER_CLOSED_EVENT = 10,
    ASSAY_ORDER_CANCELLED = 11,
    ASSAY_ORDER_REOPENED = 12,
    ASSAY_EVENT_VOIDED = 13,
    ASSAY_SURVEY_RESPONSE = 14,
    ASSAY_OBSERVATION_MADE = 15,
    ASSAY_TYPE_COUNT
};

/* Closed word lists; 0 is "absent" everywhere. Stored: never renumber. */
enum assay_channel { ASSAY_CHANNEL_NONE, ASSAY_CHANNEL_WALK_IN, ASSAY_CHANNEL_CCC };
enum assay_class { ASSAY_CLASS_NONE, ASSAY_CLASS_ORDINARY, ASSAY_CLASS_KEY };
enum assay_warranty { ASSAY_WARRANTY_NONE, ASSAY_WARRANTY_IN, ASSAY_WARRANTY_OUT };
enum assay_mark {
    ASSAY_MARK_NONE,
    ASSAY_MARK_USED,
    ASSAY_MARK_UNUSED,
    ASSAY_MARK_DOA,
    ASSAY_MARK_MISMATCH,
    ASSAY_MARK_WRONG_SHIPMENT
};
enum assay_note { ASSAY_NOTE_NONE, ASSAY_NOTE_MACHINE_TESTING, ASSAY_NOTE_CUSTOMER, ASSAY_NOTE_FORCE_MAJEURE };
enum assay_close { ASSAY_CLOSE_NONE, ASSAY_CLOSE_REPAIRED, ASSAY_CLOSE_REPLACED, ASSAY_CLOSE_UNREPAIRED };
enum assay_answer {
    ASSAY_ANSWER_NONE,
    ASSAY_ANSWER_SATISFIED,
    ASSAY_ANSWER_AVERAGE,
    ASSAY_ANSWER_DISSATISFIED,
    ASSAY_ANSWER_COMPLAINT
};
enum assay_source { ASSAY_SOURCE_NONE, ASSAY_SOURCE_SAMPLED, ASSAY_SOURCE_VOLUNTEERED };
enum assay_responsibility { ASSAY_RESP_NONE, ASSAY_RESP_PROVIDER, ASSAY_RESP_SHARED, ASSAY_RESP_MANUFACTURER };
enum assay_rater {
    ASSAY_RATER_NONE,
    ASSAY_RATER_SELF,
    ASSAY_RATER_SUPERVISOR,
    ASSAY_RATER_PEER,
    ASSAY_RATER_CUSTOMER,
    ASSAY_RATER_AUDITOR
};
/* Courier class nDhh as n * 100 + hh (2D10 -> 210); 0 absent. */
typedef int16_t assay_courier;

struct assay_part {
    struct assay_str line, part_no;
};

/* A decimal in millionths: -0.5 is -500000. What an observation's value is kept in, exactly. */
typedef int64_t assay_decimal;
#define ASSAY_NO_DECIMAL INT64_MIN
/* Counts go as far as every JSON reader has them exactly. */
#define ASSAY_COUNT_MAX ((INT64_C(1) << 53) - 1)

/* One record. Text is borrowed from the request's or the row's memory. Absent: zero, ASSAY_STR_NONE, ASSAY_NO_INSTANT,
 * -1 or ASSAY_NO_DECIMAL for the numbers below. Fields a type does not have are absent. */
struct assay_record {
    enum assay_kind kind;
    enum assay_type type;
    struct assay_str id, provider, order; /* order: absent for a void, may be for a survey */
    assay_instant at;

    struct assay_str product, serial;
    enum assay_channel channel;
    enum assay_class customer_class;
    enum assay_warranty warranty;
    assay_instant reported_at;

    struct assay_str line, part_no, replaces, warehouse;
    int32_t request; /* >= 1; 0 absent */
    bool local;
    assay_courier courier;
    enum assay_mark mark;
    enum assay_note noted;         /* order.noted's reason */
    struct assay_str reason, note; /* other reasons: free text */
    enum assay_close outcome;

    struct assay_str target; /* event.voided */
    enum assay_kind target_kind;

    enum assay_answer answer;
    enum assay_source source;
    enum assay_responsibility responsibility;
    int8_t overall, attitude, recommend; /* -1 absent */

    struct assay_str indicator; /* observation: a ratio of counts, or a value; never both (DOMAIN 2.4) */
    int64_t numerator, denominator;
    assay_decimal value;
    enum assay_rater rater;

    const struct assay_part *parts; /* dispatch: sorted by line, lines unique */
    size_t n_parts;
};
void assay_record_init(struct assay_record *r); /* everything absent */

/* --- the table of fields ----------------------------------------------------------------------------------------- */
enum assay_field_form {
    ASSAY_FORM_ID,       /* 1-64 printable ASCII */
    ASSAY_FORM_PROVIDER, /* 1-32 of A-Z a-z 0-9 . _ - */
    ASSAY_FORM_ORDER,    /* 1-64 printable ASCII without space / ? # % */
    ASSAY_FORM_LINE,     /* 1-16 of A-Z a-z 0-9 . _ - */
    ASSAY_FORM_SHORT,    /* 1-64 characters of UTF-8 */
    ASSAY_FORM_TEXT,     /* min..max characters of UTF-8 (1..1000 for a product, 0..1000 for remarks) */
    ASSAY_FORM_INSTANT,
    ASSAY_FORM_WORD, /* one of `words`, stored as int (enum) */
    ASSAY_FORM_KIND, /* an assay_kind_name, stored as enum assay_kind; absent is ASSAY_KIND_REPAIR */
    ASSAY_FORM_BOOL,
    ASSAY_FORM_COURIER,
    ASSAY_FORM_INT32,   /* min..max */
    ASSAY_FORM_INT8,    /* min..max, -1 absent */
    ASSAY_FORM_COUNT,   /* int64_t, min..ASSAY_COUNT_MAX, -1 absent */
    ASSAY_FORM_CODE,    /* of an indicator: as ASSAY_FORM_PROVIDER */
    ASSAY_FORM_DECIMAL, /* assay_decimal */
    ASSAY_FORM_PARTS,
};
struct assay_field {
    const char *name;
    enum assay_field_form form;
    size_t offset;              /* in struct assay_record */
    int32_t min, max;           /* integers: of the value; ASSAY_FORM_TEXT: of its length in characters */
    const char *const *words;   /* words[0] is enum value 1; NULL-terminated */
    uint32_t required, allowed; /* bit (1 << enum assay_type): required by, allowed in */
};
/* The fields besides type, id, provider, order, at, in canonical order (that of stored content). */
extern const struct assay_field assay_fields[];
extern const size_t assay_fields_count;

/* "order.opened"; dispatches, responses and observations are never named on the wire: "dispatch", "survey", ... */
const char *assay_type_name(enum assay_type t);
const char *assay_kind_name(enum assay_kind k); /* "repair" */
bool assay_kind_parse(struct assay_str s, enum assay_kind *out);
/* The type of an event by its wire name (2.1 only). */
bool assay_type_parse(struct assay_str s, enum assay_type *out);
enum assay_kind assay_type_kind(enum assay_type t);

/* Voids that the server writes when an upload is taken back have ids that begin so; no sender's id may. Such a void of a
 * void does have an effect: what the other named is not voided by it any more. */
#define ASSAY_REVERT_PREFIX "revert:"
bool assay_id_is_revert(struct assay_str id);
/* Forms, shared by URLs, records and documents. */
bool assay_form_id(struct assay_str s);
bool assay_form_provider(struct assay_str s);
bool assay_form_order(struct assay_str s);
bool assay_form_line(struct assay_str s);
bool assay_courier_parse(struct assay_str s, assay_courier *out); /* "2D10" */
void assay_courier_format(assay_courier c, char out[8]);
/* "-12.5": an optional minus, 1 to 12 digits, where there is a point 1 to 6 digits behind it; nothing else. Written in the
 * shortest such form, so that equal values are equal texts. */
bool assay_decimal_parse(struct assay_str s, assay_decimal *out);
#define ASSAY_DECIMAL_TEXT 24
void assay_decimal_format(assay_decimal d, char out[ASSAY_DECIMAL_TEXT]);

/* Senders. Stored: never renumber. Who may send what is DOMAIN 2.1's column. */
enum assay_party {
    ASSAY_PARTY_PROVIDER = 1,
    ASSAY_PARTY_CCC = 2,
    ASSAY_PARTY_LOGISTICS = 3,
    ASSAY_PARTY_MANUFACTURER = 4,
};
const char *assay_party_name(enum assay_party p);

/* --- what the fold needs of a record, small and flat -------------------------------------------------------------- */
/* A packed record carries kind, type, at, id and the fields the fold reads (not part numbers, serials of parts, notes,
 * warehouses). An order's row keeps the packed records of its order, so that one row read replaces many; the records
 * stay the truth and `assayd recompute` rebuilds the packed form from them. */
#define ASSAY_PACK_VERSION 1
/* Append r to buf. voided: an event.voided names it. */
void assay_record_pack(const struct assay_record *r, bool voided, struct assay_buf *buf);
/* Read one packed record at *pos, text borrowed from bytes, parts from the arena; advances *pos. ASSAY_INTERNAL where
 * the bytes are not what pack wrote. */
enum assay_status assay_record_unpack(struct assay_str bytes, size_t *pos, struct assay_arena *a, struct assay_record *r,
                                      bool *voided) ASSAY_MUST_CHECK;

#endif
