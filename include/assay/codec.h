/* codec.h -- between JSON text and the core's structs: records, documents (schemes, calendars, providers, rates) and
 * replies.
 *
 * Reading is strict and total: UTF-8, no duplicate names, bounded depth, unknown members refused by name, and all
 * errors of a record or document are collected at once, each with its JSON pointer (RFC 6901). Everywhere a member that
 * is null is absent and a member whose name begins with `_` is ignored. Writing goes straight into a struct assay_buf.
 *
 * Nothing here knows the database, HTTP or the clock; the JSON library is not seen outside src/codec. No function keeps
 * state between calls save in the objects it is handed, so all may be called from any thread. */
#ifndef ASSAY_CODEC_H
#define ASSAY_CODEC_H

#include "assay/evaluate.h"

/* === reading JSON ================================================================================================== */
/* How deep objects and arrays may nest. */
#define ASSAY_JSON_DEPTH_MAX 32

/* A parsed document. Bounding the text is the caller's (the body limit). */
struct assay_json_doc;
/* Parse one JSON text (RFC 8259). Any value may stand at the top; what is wanted there is the decoders' to say.
 * Refused: EMPTY_BODY (nothing but white space), INVALID_JSON (also a byte order mark: RFC 8259 section 8.1 forbids
 * senders to add one), INVALID_UTF8, DUPLICATE_KEY, TOO_DEEP, NUL_CHARACTER in a member's name, OUT_OF_RANGE (a number
 * beyond 64 bits). The detail says where ("line 3, column 14: ..."; of a text of one line only the column).
 * A NUL escaped in a string value parses; whoever reads that value refuses it by its pointer (NUL_CHARACTER). */
enum assay_status assay_json_load(struct assay_str text, struct assay_json_doc **out, struct assay_error *e) ASSAY_MUST_CHECK;
void assay_json_free(struct assay_json_doc *d); /* NULL is fine */
/* Do both texts say the same, however written (spaces, order of members)? False where one cannot be read. */
bool assay_json_equal(struct assay_str x, struct assay_str y);
bool assay_json_is_array(const struct assay_json_doc *d);
/* Elements of an array; 1 for anything else. */
size_t assay_json_count(const struct assay_json_doc *d);
/* Element i of an array (the document itself when it is no array), rewritten compactly, members in their order. */
void assay_json_element_write(const struct assay_json_doc *d, size_t i, struct assay_buf *b);

/* === writing JSON ================================================================================================== */
/* Each call appends one value to an object (key given) or to an array (key NULL). Commas come by themselves: one is
 * put unless the buffer is empty or ends in one of { [ : , or a line feed. Absent values (ASSAY_STR_NONE, NULL,
 * ASSAY_NO_INSTANT, ASSAY_NO_DATE) become null. The output is always valid UTF-8: a byte that is not becomes U+FFFD. */
void assay_json_object(struct assay_buf *b, const char *key);
void assay_json_object_end(struct assay_buf *b);
void assay_json_array(struct assay_buf *b, const char *key);
void assay_json_array_end(struct assay_buf *b);
void assay_json_str(struct assay_buf *b, const char *key, struct assay_str s);
void assay_json_text(struct assay_buf *b, const char *key, const char *z);
void assay_json_int(struct assay_buf *b, const char *key, int64_t v);
void assay_json_bool(struct assay_buf *b, const char *key, bool v);
void assay_json_null(struct assay_buf *b, const char *key);
void assay_json_instant(struct assay_buf *b, const char *key, assay_instant t); /* UTC with Z */
void assay_json_date(struct assay_buf *b, const char *key, assay_date d);
void assay_json_month(struct assay_buf *b, const char *key, assay_month m);      /* ASSAY_NO_MONTH: null */
void assay_json_seconds(struct assay_buf *b, const char *key, int64_t us);       /* whole seconds, rounded down; < 0: null */
void assay_json_frac(struct assay_buf *b, const char *key, struct assay_frac f); /* "0.9500": 4 decimals */
void assay_json_money(struct assay_buf *b, const char *key, int64_t amount, int minor_digits, const char *currency);
void assay_json_raw(struct assay_buf *b, const char *key, struct assay_str json); /* a value that is JSON already */

/* === records (DOMAIN 2.1-2.4) ====================================================================================== */
/* The route a record came by says what it may be. */
enum assay_intake {
    ASSAY_INTAKE_EVENTS,       /* /v1/repair-events: kinds repair and shipment, by `type` */
    ASSAY_INTAKE_DISPATCHES,   /* /v1/ccc-dispatches */
    ASSAY_INTAKE_SURVEYS,      /* /v1/survey-responses */
    ASSAY_INTAKE_OBSERVATIONS, /* /v1/observations */
    ASSAY_INTAKE_COUNT
};
/* How far after its receipt a record's `at` may lie. */
#define ASSAY_FUTURE_TOLERANCE (INT64_C(300) * ASSAY_SECOND)

/* Decode element i of a document. ASSAY_OK, or ASSAY_VALIDATION_FAILED with every error in *es (its n is reset first).
 * Results live in the arena; the document may be freed at once. Also after errors out->id is set when it is a well-formed
 * id, so that a report can name the record; nothing else of *out may then be used.
 * Codes: UNKNOWN_FIELD (also for a field of another type: the detail says which types have it), MISSING_FIELD, WRONG_TYPE,
 * INVALID_VALUE, OUT_OF_RANGE, TOO_LONG, INVALID_TIME, MISSING_OFFSET, FUTURE_TIME (`at` only), NUL_CHARACTER. */
enum assay_status assay_record_decode(const struct assay_json_doc *d, size_t i, enum assay_intake intake,
                                      assay_instant received_at, struct assay_arena *a, struct assay_record *out,
                                      struct assay_errors *es) ASSAY_MUST_CHECK;
/* The same from a text of one record (an NDJSON line, a body of one object). Where the text does not parse, that one
 * error stands in *es and its status is returned. */
enum assay_status assay_record_from_json(struct assay_str text, enum assay_intake intake, assay_instant received_at,
                                         struct assay_arena *a, struct assay_record *out,
                                         struct assay_errors *es) ASSAY_MUST_CHECK;
/* True for the statuses that say the text itself is not acceptable JSON (HTTP 400), as against VALIDATION_FAILED and a
 * number beyond 64 bits (422). */
bool assay_json_is_syntax(enum assay_status s);

/* Canonical content: the JSON object of the record's fields besides kind, type, id, provider, order and at, in the table's
 * order, absent left out, instants in UTC, parts by line. Two records of one id have the same content (DOMAIN 2.5) if and
 * only if type, order and at are equal and these bytes are. May be appended behind anything. */
void assay_record_content(const struct assay_record *r, struct assay_buf *b);
/* Read content back into r, whose kind, type, id, provider, order and at the caller has set; every other field is
 * overwritten. Text is in the arena. ASSAY_INTERNAL where the bytes are not what assay_record_content writes. */
enum assay_status assay_record_from_content(struct assay_str content, struct assay_arena *a, struct assay_record *r,
                                            struct assay_error *e) ASSAY_MUST_CHECK;

/* What the server knows of a record besides what was sent. */
struct assay_record_origin {
    enum assay_party party;    /* 0: not shown */
    assay_instant received_at; /* ASSAY_NO_INSTANT: not shown */
    struct assay_str upload;   /* ASSAY_STR_NONE: shown as null */
    int64_t seq;               /* 0: not shown */
    bool voided;
};
/* The record as it may be sent: type (events only), id, provider, order, at and its fields; where origin is not NULL, as the
 * API shows it: with kind, party, received_at, upload, seq, voided. */
void assay_record_write(const struct assay_record *r, const struct assay_record_origin *origin, struct assay_buf *b,
                        const char *key);
/* A refused row as one line of the re-sendable file (with its line feed): the original's members, then _line, _code and
 * _detail (such members of the original are dropped); where the original is no JSON object, it stands as text in _original. */
void assay_rejected_write(struct assay_str original, size_t line, const char *code, const char *detail, struct assay_buf *b);

/* === NDJSON framing ================================================================================================ */
/* Cuts a stream of chunks into lines. Feed a chunk, take lines until there are none, feed the next; finish, take the
 * rest. A line inside a chunk is not copied. Lines end in LF or CRLF; the last needs no end. Lines of white space only
 * are passed over but counted. A line longer than max_line bytes (its end not counted) is reported once, as TOO_LARGE
 * without its text, and reading goes on at the next line. Memory is bounded by max_line. */
struct assay_ndjson {
    size_t max_line;
    size_t line;            /* number of the last line begun, from 1 */
    const char *p, *end;    /* what is left of the chunk */
    struct assay_buf carry; /* the beginning of a line that runs over chunks */
    bool begun, skipping, finished;
};
struct assay_ndjson_line {
    enum assay_status status; /* ASSAY_OK or ASSAY_TOO_LARGE */
    struct assay_str text;    /* valid until the next call; without its end */
    size_t number;            /* from 1 */
};
void assay_ndjson_init(struct assay_ndjson *r, size_t max_line);
/* The chunk is borrowed until next says false; only then may another be fed. */
void assay_ndjson_feed(struct assay_ndjson *r, const void *chunk, size_t n);
void assay_ndjson_finish(struct assay_ndjson *r);
bool assay_ndjson_next(struct assay_ndjson *r, struct assay_ndjson_line *out);
void assay_ndjson_free(struct assay_ndjson *r);

/* === documents ===================================================================================================== */
/* All: ASSAY_OK; or the status of a text that does not parse, with that one error in *es; or ASSAY_VALIDATION_FAILED
 * with every error in *es, each with its pointer and what would be right. *es is reset first. */

/* The zone of an IANA name, or NULL where there is none. */
typedef const struct assay_zone *assay_zone_lookup(void *ctx, const char *name);

/* A scheme (shape: sql/schemes/hp-gold-fy01.json), owned as one block: free with assay_scheme_free. The zone is borrowed.
 * The document may say `effective_from` (a date); where it does not, the one given here holds. */
enum assay_status assay_scheme_new_from_json(struct assay_str text, const char *code, int32_t version, assay_date effective_from,
                                             assay_zone_lookup *zone, void *ctx, struct assay_scheme **out,
                                             struct assay_errors *es) ASSAY_MUST_CHECK;
void assay_scheme_free(struct assay_scheme *s);

/* A calendar: {"time_zone", "weekly": {"mon": [["08:30","12:00"], ...], ...}, "exceptions": [{"date", "hours", "name"?}]}.
 * A weekday left out has no hours; "24:00" ends a day; seconds may be said ("08:30:15"). Free with assay_calendar_free. */
enum assay_status assay_calendar_new_from_json(struct assay_str text, assay_zone_lookup *zone, void *ctx,
                                               struct assay_calendar **out, struct assay_errors *es) ASSAY_MUST_CHECK;

/* A provider: {"name", "city", "ascim", "status"?, "effective_from"?}, and "code" in the bulk form. */
/* Stored: never renumber. */
enum assay_provider_status { ASSAY_PROVIDER_ACTIVE = 1, ASSAY_PROVIDER_SUSPENDED, ASSAY_PROVIDER_INACTIVE };
const char *assay_provider_status_name(enum assay_provider_status s);
struct assay_provider {
    struct assay_str code, name;
    struct assay_provider_facts facts; /* effective_from ASSAY_NO_DATE: not said */
    enum assay_provider_status status; /* not said: active */
};
/* code: the one in the URL (then `code` may be left out and must agree when it is there), or ASSAY_STR_NONE (then it is
 * required). Results live in the arena. */
enum assay_status assay_provider_decode(const struct assay_json_doc *d, size_t i, struct assay_str code, struct assay_arena *a,
                                        struct assay_provider *out, struct assay_errors *es) ASSAY_MUST_CHECK;
enum assay_status assay_provider_from_json(struct assay_str text, struct assay_str code, struct assay_arena *a,
                                           struct assay_provider *out, struct assay_errors *es) ASSAY_MUST_CHECK;
void assay_provider_write(const struct assay_provider *p, struct assay_buf *b, const char *key);

/* A key that is asked for: {"name", "role", "provider"?, "expires_at"?}. Whether role and provider go together, and whether there is
 * such a provider, is not looked at here. One in place of another: {"overlap_seconds"?, "expires_at"?}. */
struct assay_key_request;
struct assay_key_rotation;
enum assay_status assay_key_request_from_json(struct assay_str text, struct assay_arena *a, struct assay_key_request *out,
                                              struct assay_errors *es) ASSAY_MUST_CHECK;
enum assay_status assay_key_rotation_from_json(struct assay_str text, struct assay_arena *a, struct assay_key_rotation *out,
                                               struct assay_errors *es) ASSAY_MUST_CHECK;

/* Labour rates: {"currency": "CNY", "rates": [{"product", "warranty", "from"?, "amount"}], "effective_from"?}. A row
 * without `from` holds from the document's effective_from, else always. Owned as one block. */
enum assay_status assay_rates_new_from_json(struct assay_str text, const char *code, int32_t version, struct assay_rates **out,
                                            struct assay_errors *es) ASSAY_MUST_CHECK;
void assay_rates_free(struct assay_rates *t);

/* === replies ======================================================================================================= */
/* All append one JSON value under the key (NULL: an array's element or the document itself). Names are API.md's. */

/* Links: "/v1/providers/P/orders/O/verdict?scheme=S", percent-encoded where RFC 3986 asks for it. scheme NULL: without. */
void assay_link_verdict(struct assay_str provider, struct assay_str order, const char *scheme, struct assay_buf *b);

struct assay_verdict_reply {
    struct assay_str provider, order;
    const struct assay_order *facts;
    const struct assay_verdict *verdict;
    const struct assay_explanation *explanation;
    int32_t calendar_version;
};
void assay_verdict_write(const struct assay_verdict_reply *r, struct assay_buf *b, const char *key);

/* An order in a list; an entry of at-risk when clock is set. */
struct assay_order_summary {
    struct assay_str provider, order;
    enum assay_state state;
    enum assay_channel channel;
    struct assay_str product;
    enum assay_class customer_class;
    enum assay_warranty warranty;
    assay_instant opened_at, closed_at;
    enum assay_outcome outcome;
    enum assay_reason reason;
    assay_instant deadline;
    const char *scheme; /* of the verdict; for its link */
    const char *clock;  /* "diagnosis" or "cycle": at-risk only; NULL: left out */
};
void assay_order_summary_of(struct assay_str provider, struct assay_str order, const struct assay_order *facts,
                            const struct assay_verdict *v, struct assay_order_summary *out);
void assay_order_summary_write(const struct assay_order_summary *o, struct assay_buf *b, const char *key);

/* An order in detail: the summary's members, then `facts`, `records` (all, the voided ones too, as given) and `clocks`. */
struct assay_order_reply {
    struct assay_str provider, order;
    const struct assay_order *facts;
    const struct assay_verdict *verdict;
    size_t n_records;
    const struct assay_record *records;
    const struct assay_record_origin *origins; /* one for each record */
};
void assay_order_write(const struct assay_order_reply *o, struct assay_buf *b, const char *key);

struct assay_money {
    bool known; /* false: null */
    int64_t amount;
    int minor_digits;
    const char *currency;
};
struct assay_evaluation_reply {
    struct assay_str provider;
    const struct assay_evaluation *evaluation;
    bool final; /* "final", else "provisional" */
    int32_t ranked;
    assay_instant last_record_at;
    struct assay_money compensation;
};
void assay_evaluation_write(const struct assay_evaluation_reply *r, struct assay_buf *b, const char *key);

struct assay_compensation_reply {
    struct assay_str provider;
    const struct assay_evaluation *evaluation; /* scheme, period, assumptions */
    const struct assay_compensation *compensation;
    bool final; /* "final", else "draft" */
    int64_t adjustments;
    const char *currency;
    int minor_digits;
};
void assay_compensation_write(const struct assay_compensation_reply *r, struct assay_buf *b, const char *key);

struct assay_pay_line_reply {
    struct assay_str provider, order, product;
    enum assay_warranty warranty;
    int64_t rate; /* minor units, or ASSAY_NO_RATE: rate and amount are null and the status is no_rate */
    struct assay_frac multiplier;
    int64_t amount;
    bool held; /* by an appeal */
    const char *currency, *scheme;
    int minor_digits;
};
void assay_pay_line_write(const struct assay_pay_line_reply *l, struct assay_buf *b, const char *key);

/* What may be missing of a provider's records of a period. Anything that counts makes the period incomplete. Records are
 * those that stand; they belong to a period by `at`. */
enum assay_missing {
    ASSAY_MISSING_PERIOD_RUNNING,         /* 1: the period is not over */
    ASSAY_MISSING_NO_RECORDS,             /* 1: no repair event dated in the period */
    ASSAY_MISSING_NEVER_OPENED,           /* orders dispatched in the period that have no opening */
    ASSAY_MISSING_CLOSED_WITHOUT_OPENING, /* orders closed in the period that have no opening, dispatched or not */
    ASSAY_MISSING_OPEN,                   /* undetermined verdicts of the period, by reason (DOMAIN 4.4): four rows */
    ASSAY_MISSING_REQUEST_BEFORE_OPEN,
    ASSAY_MISSING_CLOSE_BEFORE_START,
    ASSAY_MISSING_SHIPMENT,
    ASSAY_MISSING_ORPHAN_RECORDS,  /* repair events and shipments of orders with neither opening nor dispatch */
    ASSAY_MISSING_SURVEYS_UNKNOWN, /* responses naming an order that does not exist */
    ASSAY_MISSING_SILENT_DAYS,     /* days that are over, with dispatches but no repair event */
    ASSAY_MISSING_COUNT
};
const char *assay_missing_code(enum assay_missing m); /* "never_opened" */
struct assay_completeness {
    struct assay_str provider;
    int64_t dispatched, opened, closed, cancelled, open;
    int64_t missing[ASSAY_MISSING_COUNT];
    struct {
        int64_t count;
        assay_instant last_received_at;
    } kinds[ASSAY_KIND_COUNT];
    assay_instant last_record_at; /* whatever the period */
    struct assay_str last_upload; /* absent: none */
};
/* The counts of all that is missing, but for the period's running. */
int64_t assay_completeness_findings(const struct assay_completeness *c);
void assay_completeness_write(const struct assay_completeness *c, const char *scheme, assay_month period, struct assay_buf *b,
                              const char *key);

/* What became of an upload. */
struct assay_upload_error {
    size_t line;
    unsigned column;     /* of a table, from 1; 0: not of one */
    struct assay_str id; /* ASSAY_STR_NONE: not readable */
    enum assay_status status;
    const char *detail, *pointer;
};
struct assay_verdict_change { /* of a dry run */
    struct assay_str scheme, provider, order;
    enum assay_outcome before, after;
};
struct assay_upload_reply {
    struct assay_str upload; /* ASSAY_STR_NONE: null (a dry run makes none) */
    int64_t received, accepted, duplicates, rejected;
    size_t n_errors;
    const struct assay_upload_error *errors;
    bool refused; /* nothing was kept, because of the errors: shown as a problem */
    bool dry_run; /* adds "dry_run": true and "verdicts" */
    size_t n_changes;
    const struct assay_verdict_change *changes;
};
void assay_upload_write(const struct assay_upload_reply *u, struct assay_buf *b, const char *key);
/* Its "errors" alone, as an array. */
void assay_upload_errors_write(const struct assay_upload_reply *u, struct assay_buf *b, const char *key);
/* {"id", "status": "accepted" | "duplicate"}; trial (NULL: none) adds "dry_run": true and "verdicts". */
void assay_accepted_write(struct assay_str id, bool duplicate, const struct assay_upload_reply *trial, struct assay_buf *b,
                          const char *key);

/* An item of the feed of changes: what there is to read again. */
enum assay_changed {
    ASSAY_CHANGED_ORDER,
    ASSAY_CHANGED_VERDICT,
    ASSAY_CHANGED_EVALUATION,
    ASSAY_CHANGED_STATEMENT,
    ASSAY_CHANGED_CONFIGURATION
};
struct assay_change_item {
    enum assay_changed kind;
    int64_t seq;                            /* the provider's; of the configuration its revision */
    struct assay_str provider, order, code; /* absent: null. code: of the document */
    const char *scheme, *document;          /* NULL: null */
    assay_month period;                     /* NO_MONTH: null */
    enum assay_outcome outcome;             /* of a verdict; NONE: null */
};
void assay_change_item_write(const struct assay_change_item *c, struct assay_buf *b, const char *key);
/* {"items": [ ... ], "next": "cursor", "more": bool} */
void assay_changes_end(struct assay_buf *b, struct assay_str next, bool more);

/* {"items": [ ... ], "next": "cursor" | null} */
void assay_list_begin(struct assay_buf *b);
void assay_list_end(struct assay_buf *b, struct assay_str next);

/* === tables ======================================================================================================== */
/* A reply as a table: a row for each object of one of its arrays (or for the document itself), a column for each path. */
struct assay_table {
    const char *rows; /* the member that holds the rows ("items"); NULL: the document is the only row */
    /* Ends with NULL: paths in a row ("orders.counted") or in the document ("/provider"); "indicators.*", an array of objects
     * whose first member is their code, makes columns such as indicators.tat.value of what the rows hold. */
    const char *const *columns;
};
/* From JSON that the functions above wrote (NUL-terminated, not checked again) to CSV: RFC 4180 behind a byte order mark,
 * CRLF, the paths as the header row. null and what is not there are empty; arrays are joined by |, objects in them by :.
 * A text that a spreadsheet would take for a formula gets an apostrophe before it. */
void assay_table_write(const struct assay_table *t, struct assay_str json, struct assay_buf *b);

#endif
