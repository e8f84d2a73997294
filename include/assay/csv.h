/* csv.h -- tables of text coming in: character sets, CSV framing, and rows as records (DOMAIN 2).
 *
 * bytes -> struct assay_text (UTF-8) -> struct assay_csv (rows of cells) -> struct assay_sheet (records, by the header)
 *
 * Everything streams in bounded memory and gives the same however the bytes are cut into chunks. Cells become records
 * directly, by the table of core/record.c; the names of columns and words in Chinese are one table, csv_names.c. Nothing
 * here knows the database, HTTP or the clock. */
#ifndef ASSAY_CSV_H
#define ASSAY_CSV_H

#include <iconv.h>

#include "assay/codec.h"

/* === character sets ================================================================================================ */
enum assay_charset {
    ASSAY_CHARSET_UNSAID, /* to be found out */
    ASSAY_CHARSET_UTF8,
    ASSAY_CHARSET_GB18030, /* and its subsets GBK and GB2312 */
    ASSAY_CHARSET_UTF16,   /* by its byte order mark, else big-endian */
    ASSAY_CHARSET_UTF16LE,
    ASSAY_CHARSET_UTF16BE,
};
/* By its name in a Content-Type, in either case; false: not one that is read. */
bool assay_charset_parse(struct assay_str name, enum assay_charset *out);

/* What decides where the character set is not said and there is no byte order mark. */
#define ASSAY_TEXT_SNIFF ((size_t)64 * 1024)

/* How many of a first line's column names are known; the line is UTF-8, without its end. */
typedef size_t assay_text_known(void *ctx, struct assay_str line);

/* Bytes in, pieces of text out. What is said wins; then the byte order mark (which is dropped); then the reading under
 * which more names of the first line are known; else the first 64 KiB decide for all that follows: UTF-8 where they are,
 * GB18030 where they are not but would be. A byte that is no text becomes 0xFF, which no reader of text takes, so that
 * just the row it stands in is refused. UTF-8 passes unchecked and uncopied. */
struct assay_text {
    enum assay_charset charset;
    assay_text_known *known;
    void *ctx;
    struct assay_buf held; /* while it is not decided; then what is to be read first */
    struct assay_buf out;
    const char *p, *end; /* what is left of the chunk */
    iconv_t cd;
    size_t n_tail; /* bytes of a character that runs over chunks */
    char tail[8];
    bool decided, opened, finished;
};
/* known may be NULL. */
void assay_text_init(struct assay_text *t, enum assay_charset said, assay_text_known *known, void *ctx);
/* The chunk is borrowed until next says false; only then may another be fed. */
void assay_text_feed(struct assay_text *t, const void *chunk, size_t n);
void assay_text_finish(struct assay_text *t);
/* The next piece, valid until the next call. */
bool assay_text_next(struct assay_text *t, struct assay_str *piece);
void assay_text_free(struct assay_text *t);

/* === framing (RFC 4180) ============================================================================================ */
#define ASSAY_CSV_COLUMNS_MAX 255

/* Rows end in LF, CRLF or CR; quoted cells may hold such ends, separators and doubled quotes; a quote inside an unquoted
 * cell is text. The separator is what the first row has outside quotes, of `,` `;` and tab the first that occurs, or what a
 * first line `sep=;` says. Rows without any text are passed over but counted. */
struct assay_csv {
    size_t max_row;
    char sep;            /* '\0' until the first row is read */
    const char *p, *end; /* what is left of the chunk */
    struct assay_buf carry, scratch;
    size_t line, row_line; /* of the next byte; of the row's first */
    int state;
    bool begun, skipping, after_cr, finished;
    struct assay_str cells[ASSAY_CSV_COLUMNS_MAX + 1];
};
struct assay_csv_row {
    enum assay_status status; /* ASSAY_OK, TOO_LARGE (more than max_row bytes, or too many cells), INVALID_CSV */
    size_t line, last_line;   /* where it begins and ends, from 1 */
    struct assay_str text;    /* as it came, without its end; "" where TOO_LARGE. All valid until the next call */
    size_t n;                 /* cells; 0 where the status is not OK */
    const struct assay_str *cells;
    char sep;
    const char *why; /* a status other than OK, in a few words */
};
void assay_csv_init(struct assay_csv *c, size_t max_row);
void assay_csv_feed(struct assay_csv *c, const void *chunk, size_t n); /* as assay_ndjson_feed */
void assay_csv_finish(struct assay_csv *c);
bool assay_csv_next(struct assay_csv *c, struct assay_csv_row *out);
void assay_csv_free(struct assay_csv *c);
/* Append a cell, quoted where it must be, behind a comma unless it is the first of its row. */
void assay_csv_cell(struct assay_buf *b, struct assay_str s, bool first);
void assay_csv_end_row(struct assay_buf *b); /* CRLF */
#define ASSAY_CSV_BOM "\xEF\xBB\xBF"

/* === rows as records =============================================================================================== */
/* What the header of one file says of its columns: immutable once made. */
struct assay_sheet;
/* The columns of a route. Names are the fields' or their Chinese ones (csv_names.c), blanks around them aside; a column
 * whose name begins with `_` is ignored, as is one without a name and without cells. zone (may be NULL): of times without an
 * offset. ASSAY_OK, or ASSAY_VALIDATION_FAILED with every error in *es, each with line and column: UNKNOWN_FIELD,
 * REPEATED_COLUMN, MISSING_FIELD (one that every record of the route must have), and the header's own INVALID_CSV ... */
enum assay_status assay_sheet_new(enum assay_intake intake, const struct assay_csv_row *header, const struct assay_zone *zone,
                                  struct assay_sheet **out, struct assay_errors *es) ASSAY_MUST_CHECK;
/* A sheet of providers. */
enum assay_status assay_sheet_new_providers(const struct assay_csv_row *header, struct assay_sheet **out,
                                            struct assay_errors *es) ASSAY_MUST_CHECK;
void assay_sheet_free(struct assay_sheet *s); /* NULL is fine */
/* As assay_record_from_json. An empty cell is absent. Text is borrowed from the row; what is not in it is in the arena. The
 * errors have their column and its name. Besides the codes of JSON: RAGGED_ROW, INVALID_CSV, TOO_LARGE, INVALID_UTF8 (a
 * byte that is no text in the file's character set), AMBIGUOUS_TIME. */
enum assay_status assay_sheet_record(const struct assay_sheet *s, const struct assay_csv_row *row, assay_instant received_at,
                                     struct assay_arena *a, struct assay_record *out, struct assay_errors *es) ASSAY_MUST_CHECK;
enum assay_status assay_sheet_provider(const struct assay_sheet *s, const struct assay_csv_row *row, struct assay_arena *a,
                                       struct assay_provider *out, struct assay_errors *es) ASSAY_MUST_CHECK;
/* For the file of refused rows: the header, and a row's cells as they came, without those columns that such a file adds.
 * One line without its end each, comma-separated. text: a row's, as it came. */
void assay_sheet_header_write(const struct assay_sheet *s, struct assay_buf *b);
void assay_sheet_cells_write(const struct assay_sheet *s, struct assay_str text, struct assay_buf *b);
/* The file's header line and one of its rows: _line, _code and _detail, then what the two above wrote (header absent: where
 * nothing was refused nothing is known of it). */
void assay_rejected_header_write(struct assay_str header, struct assay_buf *b);
void assay_rejected_row_write(struct assay_str cells, size_t line, const char *code, const char *detail, struct assay_buf *b);
/* How many names of a header line are columns of the route (assay_text_known); ctx: enum assay_intake *, NULL: providers. */
size_t assay_sheet_known(void *ctx, struct assay_str line);

/* === templates ===================================================================================================== */
/* A file to fill in: every column, in English or Chinese, and example rows that upload cleanly once provider P001 is
 * registered. kind: "repair-events" ... or "providers"; false: there is none of that name. With a byte order mark. */
bool assay_template_write(struct assay_str kind, bool zh, struct assay_buf *b);

/* === local times =================================================================================================== */
/* An RFC 3339 instant; or, with a zone, the local time of a spreadsheet: "2001/2/5 9:00", "2001-02-05 09:00:00.5", also
 * with T. Statuses as assay_instant_parse, and AMBIGUOUS_TIME (the zone's clocks showed it twice); INVALID_TIME also where
 * they skipped it. MISSING_OFFSET: it is such a local time, but there is no zone. */
enum assay_status assay_local_parse(struct assay_str s, const struct assay_zone *zone, assay_instant *out) ASSAY_MUST_CHECK;

/* === CloudEvents 1.0 =============================================================================================== */
/* Element i of a document as a CloudEvent of the JSON format: `id` is the record's, `type` its type, bare or behind a
 * reverse-DNS prefix ("org.example.order.opened"; dispatch, survey and so on by the route), `time` its `at`, `subject` its
 * provider (else `data.provider`, else the last segment of `source`), `data` its other fields. What an attribute and the
 * data both say must agree: ATTRIBUTE_CONFLICT. Otherwise as assay_record_decode; the pointers are the event's. */
enum assay_status assay_cloudevent_decode(const struct assay_json_doc *d, size_t i, enum assay_intake intake,
                                          assay_instant received_at, struct assay_arena *a, struct assay_record *out,
                                          struct assay_errors *es) ASSAY_MUST_CHECK;

#endif
