/* reader.h -- inside src/codec only: walking a parsed document, collecting every error with its JSON pointer.
 *
 * A place is a path from the root, made on the stack of whoever descends, turned into text only when an error is
 * reported. Each assay_read_* looks at one member, reports what is wrong with it, and says whether it gave a value. */
#ifndef ASSAY_CODEC_READER_H
#define ASSAY_CODEC_READER_H

#include <jansson.h>

#include "assay/codec.h"

/* --- loading ------------------------------------------------------------------------------------------------------ */
enum assay_status assay_reader_load(struct assay_str text, json_t **out, struct assay_error *e) ASSAY_MUST_CHECK;
/* As above into an emptied *es. */
enum assay_status assay_reader_load_into(struct assay_str text, json_t **out, struct assay_errors *es) ASSAY_MUST_CHECK;
const json_t *assay_reader_element(const struct assay_json_doc *d, size_t i); /* borrowed; NULL past the end */
void assay_reader_dump(const json_t *v, struct assay_buf *b);

/* --- places and errors -------------------------------------------------------------------------------------------- */
struct assay_place {
    const struct assay_place *up; /* NULL: the root, which has no key */
    const char *key;              /* NULL: an element, at index */
    size_t index;
};
struct assay_reader {
    struct assay_arena *arena; /* everything that outlives the document is here */
    struct assay_errors *errors;
};
void assay_read_fail(struct assay_reader *r, const struct assay_place *at, enum assay_status status, const char *fmt, ...)
    ASSAY_PRINTF(4, 5);
/* ASSAY_OK while nothing was reported, else ASSAY_VALIDATION_FAILED. */
enum assay_status assay_read_result(const struct assay_reader *r);

/* --- values ------------------------------------------------------------------------------------------------------- */
/* Each reads the value at `at`; a wrong type is reported with what is wanted. */
/* Borrowed from v; without a NUL. */
bool assay_read_str(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_str *out);
bool assay_read_int(struct assay_reader *r, const struct assay_place *at, const json_t *v, int64_t min, int64_t max,
                    int64_t *out);
bool assay_read_bool(struct assay_reader *r, const struct assay_place *at, const json_t *v, bool *out);
bool assay_read_array(struct assay_reader *r, const struct assay_place *at, const json_t *v);
/* One of the NULL-terminated words; *out is its index. */
bool assay_read_word(struct assay_reader *r, const struct assay_place *at, const json_t *v, const char *const *words, int *out);
/* A string of min..max characters, copied to the arena. */
bool assay_read_text(struct assay_reader *r, const struct assay_place *at, const json_t *v, size_t min, size_t max,
                     struct assay_str *out);
/* A decimal as a string or an integer, at most six decimals, |x| <= 10^6. */
bool assay_read_decimal(struct assay_reader *r, const struct assay_place *at, const json_t *v, struct assay_frac *out);
bool assay_read_date(struct assay_reader *r, const struct assay_place *at, const json_t *v, assay_date *out);
/* A string that `good` accepts, copied to the arena; `wanted` says what that is, max is how long it may be. */
bool assay_read_form(struct assay_reader *r, const struct assay_place *at, const json_t *v, bool (*good)(struct assay_str),
                     size_t max, const char *wanted, struct assay_str *out);

/* --- members ------------------------------------------------------------------------------------------------------ */
/* True when v is an object; its members not among `known` (NULL-terminated) are reported, save those beginning with `_`. */
bool assay_read_object(struct assay_reader *r, const struct assay_place *at, const json_t *v, const char *const *known);
/* Member `key` of obj at `at`; *place is made for it. NULL where it is absent or null, reported when required. */
const json_t *assay_read_member(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                                bool required, struct assay_place *place);
/* Read a member at once; true when it gave a value. */
bool assay_member_text(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       size_t max, struct assay_str *out); /* 1..max characters */
bool assay_member_form(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       bool (*good)(struct assay_str), size_t max, const char *wanted, struct assay_str *out);
bool assay_member_decimal(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                          struct assay_frac *out);
bool assay_member_int(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                      int64_t min, int64_t max, int64_t *out);
bool assay_member_bool(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       bool *out);
bool assay_member_date(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       assay_date *out);
bool assay_member_word(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key, bool required,
                       const char *const *words, int *out);
/* The member as an object of `known` members, or as an array of min..max elements; NULL where it is not; *place is its. */
const json_t *assay_member_object(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                                  bool required, const char *const *known, struct assay_place *place);
const json_t *assay_member_array(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                                 bool required, size_t min, size_t max, struct assay_place *place);
/* A time zone's name, looked up. */
bool assay_member_zone(struct assay_reader *r, const struct assay_place *at, const json_t *obj, const char *key,
                       assay_zone_lookup *lookup, void *ctx, const struct assay_zone **out);

/* --- words -------------------------------------------------------------------------------------------------------- */
/* The closed list of the record field at this offset of struct assay_record, and a word of it (NULL for 0, absent). */
const char *const *assay_record_words(size_t offset);
const char *assay_record_word(size_t offset, int value);
#define ASSAY_WORDS(field) assay_record_words(offsetof(struct assay_record, field))
#define ASSAY_WORD(field, value) assay_record_word(offsetof(struct assay_record, field), (int)(value))

/* --- replies ------------------------------------------------------------------------------------------------------ */
void assay_reply_link(struct assay_str provider, struct assay_str order, const char *scheme, struct assay_buf *b,
                      const char *key);
/* A path segment, percent-encoded where needed. */
void assay_link_segment(struct assay_str s, struct assay_buf *b);
/* The ids of the scheme's assumptions about any of the points. */
void assay_reply_assumptions(const struct assay_scheme *s, assay_points points, struct assay_buf *b, const char *key);

#endif
