/* log.h -- one structured line per thing that happened, to a file descriptor (stderr).
 *
 * A line is built field by field in a buffer of its own and leaves by one write, so that lines of many threads never
 * mix; nothing is allocated and no lock is held while a line is built. A line that would have to wait (nobody reads the
 * pipe) is dropped, and their number told with the next that is written. Values are escaped: a line is a line whatever
 * a client sent. A line that would be too long is cut between fields and ends with "cut". Callers keep secrets and
 * personal data out.
 *
 *   struct assay_log_line l;
 *   if (assay_log_begin(&l, log, ASSAY_LOG_INFO, "request")) {
 *       assay_log_str(&l, "method", method);
 *       assay_log_int(&l, "status", 200);
 *       assay_log_end(&l);
 *   } */
#ifndef ASSAY_LOG_H
#define ASSAY_LOG_H

#include "assay/str.h"

enum assay_log_level { ASSAY_LOG_DEBUG, ASSAY_LOG_INFO, ASSAY_LOG_WARN, ASSAY_LOG_ERROR };
enum assay_log_format { ASSAY_LOG_LOGFMT, ASSAY_LOG_JSON };

struct assay_log;
/* fd is borrowed. */
struct assay_log *assay_log_new(int fd, enum assay_log_level level, enum assay_log_format format);
void assay_log_free(struct assay_log *log);                                  /* NULL is fine */
void assay_log_set_level(struct assay_log *log, enum assay_log_level level); /* any thread, any time */
const char *assay_log_level_name(enum assay_log_level level);                /* "debug", "info", "warn", "error" */
bool assay_log_level_parse(struct assay_str s, enum assay_log_level *out);
bool assay_log_format_parse(struct assay_str s, enum assay_log_format *out); /* "logfmt", "json" */

#define ASSAY_LOG_LINE_MAX 4096
struct assay_log_line {
    const struct assay_log *log;
    size_t n;
    bool cut;
    char text[ASSAY_LOG_LINE_MAX];
};
/* False where the level is not wanted or log is NULL: then the line is not to be used. event: a constant snake_case word.
 * Time, level and event are the first fields. */
bool assay_log_begin(struct assay_log_line *l, const struct assay_log *log, enum assay_log_level level, const char *event);
/* Keys are constants of a-z and _. An absent value leaves the field out. */
void assay_log_str(struct assay_log_line *l, const char *key, struct assay_str v);
void assay_log_text(struct assay_log_line *l, const char *key, const char *v);
void assay_log_int(struct assay_log_line *l, const char *key, int64_t v);
void assay_log_end(struct assay_log_line *l);

/* A whole line with one text field, "message". */
void assay_log_message(const struct assay_log *log, enum assay_log_level level, const char *event, const char *fmt, ...)
    ASSAY_PRINTF(4, 5);
/* A whole line for an error: its code, field and detail. */
void assay_log_error(const struct assay_log *log, enum assay_log_level level, const char *event, const struct assay_error *e);

#endif
