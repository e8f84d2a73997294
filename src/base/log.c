/* log.c -- structured log lines: logfmt or JSON, one write each. */
#include "assay/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "assay/time.h"

struct assay_log {
    int fd;
    enum assay_log_format format;
    atomic_int level;
    atomic_uint_fast64_t dropped; /* lines, since one was last written */
    atomic_bool torn;             /* the last line was written in part */
};

/* Kept free behind the fields for what ends a line: cut=true, a brace, a line feed. */
#define TAIL_MAX 24

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct assay_log *assay_log_new(int fd, enum assay_log_level level, enum assay_log_format format) {
    struct assay_log *log = assay_xcalloc(1, sizeof *log);
    log->fd = fd;
    log->format = format;
    atomic_init(&log->level, level);
    return log;
}

void assay_log_free(struct assay_log *log) { free(log); }

void assay_log_set_level(struct assay_log *log, enum assay_log_level level) { atomic_store(&log->level, level); }

const char *assay_log_level_name(enum assay_log_level level) { return level_names[level]; }

bool assay_log_level_parse(struct assay_str s, enum assay_log_level *out) {
    for (int i = ASSAY_LOG_DEBUG; i <= ASSAY_LOG_ERROR; i++) {
        if (!assay_str_is(s, level_names[i])) continue;
        *out = (enum assay_log_level)i;
        return true;
    }
    return false;
}

bool assay_log_format_parse(struct assay_str s, enum assay_log_format *out) {
    if (!assay_str_is(s, "logfmt") && !assay_str_is(s, "json")) return false;
    *out = s.p[0] == 'j' ? ASSAY_LOG_JSON : ASSAY_LOG_LOGFMT;
    return true;
}

/* --- a line ------------------------------------------------------------------------------------------------------- */
static bool put(struct assay_log_line *l, const char *p, size_t n) {
    if (n > ASSAY_LOG_LINE_MAX - TAIL_MAX - l->n) return false;
    memcpy(l->text + l->n, p, n);
    l->n += n;
    return true;
}

static bool put_z(struct assay_log_line *l, const char *z) { return put(l, z, strlen(z)); }

static bool put_key(struct assay_log_line *l, const char *key) {
    if (l->log->format == ASSAY_LOG_JSON) return put_z(l, l->n > 1 ? ",\"" : "\"") && put_z(l, key) && put_z(l, "\":");
    return (l->n == 0 || put_z(l, " ")) && put_z(l, key) && put_z(l, "=");
}

/* Both formats quote alike. What is not UTF-8 is shown byte by byte, so that a line is always valid JSON. */
static bool put_quoted(struct assay_log_line *l, struct assay_str v) {
    bool utf8 = assay_utf8_valid(v);
    if (!put_z(l, "\"")) return false;
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        char esc[8];
        if (c == '"' || c == '\\') snprintf(esc, sizeof esc, "\\%c", c);
        else if (c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8)) snprintf(esc, sizeof esc, "\\u%04x", c);
        else snprintf(esc, sizeof esc, "%c", c);
        if (!put_z(l, esc)) return false;
    }
    return put_z(l, "\"");
}

static bool is_plain(struct assay_str v) {
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\') return false;
    }
    return v.n > 0;
}

/* A field stands whole or not at all. */
static void put_field(struct assay_log_line *l, const char *key, struct assay_str v, bool quote) {
    size_t before = l->n;
    if (l->cut) return;
    if (put_key(l, key) && (quote ? put_quoted(l, v) : put(l, v.p, v.n))) return;
    l->n = before;
    l->cut = true;
}

bool assay_log_begin(struct assay_log_line *l, const struct assay_log *log, enum assay_log_level level, const char *event) {
    if (!log || (int)level < atomic_load_explicit(&log->level, memory_order_relaxed)) return false;
    char now[ASSAY_INSTANT_TEXT];
    assay_instant_format(assay_clock_now(), now);
    l->log = log;
    l->n = 0;
    l->cut = false;
    if (log->format == ASSAY_LOG_JSON) put_z(l, "{");
    assay_log_text(l, "time", now);
    assay_log_text(l, "level", level_names[level]);
    assay_log_text(l, "event", event);
    return true;
}

void assay_log_str(struct assay_log_line *l, const char *key, struct assay_str v) {
    if (v.p) put_field(l, key, v, l->log->format == ASSAY_LOG_JSON || !is_plain(v));
}

void assay_log_text(struct assay_log_line *l, const char *key, const char *v) { assay_log_str(l, key, assay_str_c(v)); }

void assay_log_int(struct assay_log_line *l, const char *key, int64_t v) {
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, v);
    put_field(l, key, (struct assay_str){text, (size_t)n}, false);
}

/* A log that nobody reads must not stop the program: what would wait is dropped. A pipe that is ready takes a whole line. */
static bool is_ready(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) > 0;
}

/* On a full disk a part of a line may get in; what comes after begins on a line of its own. */
static bool write_line(struct assay_log *log, const char *p, size_t n) {
    bool torn = atomic_exchange(&log->torn, false);
    const struct iovec parts[] = {{"\n", torn ? 1 : 0}, {(void *)(uintptr_t)p, n}};
    ssize_t rc;
    do {
        errno = 0;
        rc = is_ready(log->fd) ? writev(log->fd, parts, 2) : -1;
    } while (rc < 0 && errno == EINTR);
    if (rc < (ssize_t)(n + torn) && (rc > 0 || torn)) atomic_store(&log->torn, true);
    return rc >= 0;
}

static void finish_line(struct assay_log_line *l) {
    bool json = l->log->format == ASSAY_LOG_JSON;
    int n = snprintf(l->text + l->n, TAIL_MAX, "%s%s\n", !l->cut ? "" : json ? ",\"cut\":true" : " cut=true", json ? "}" : "");
    l->n += (size_t)n;
}

static void tell_dropped(struct assay_log *log) {
    struct assay_log_line l;
    uint64_t n = atomic_exchange(&log->dropped, 0);
    if (n == 0 || !assay_log_begin(&l, log, ASSAY_LOG_WARN, "log_lines_dropped")) return;
    assay_log_int(&l, "lines", (int64_t)n);
    finish_line(&l);
    if (!write_line(log, l.text, l.n)) atomic_fetch_add(&log->dropped, n);
}

void assay_log_end(struct assay_log_line *l) {
    struct assay_log *log = (struct assay_log *)(uintptr_t)l->log; /* only the count of what it dropped changes */
    finish_line(l);
    if (atomic_load_explicit(&log->dropped, memory_order_relaxed) > 0) tell_dropped(log);
    if (!write_line(log, l->text, l->n)) atomic_fetch_add(&log->dropped, 1);
}

void assay_log_message(const struct assay_log *log, enum assay_log_level level, const char *event, const char *fmt, ...) {
    struct assay_log_line l;
    if (!assay_log_begin(&l, log, level, event)) return;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assay_log_text(&l, "message", text);
    assay_log_end(&l);
}

void assay_log_error(const struct assay_log *log, enum assay_log_level level, const char *event, const struct assay_error *e) {
    struct assay_log_line l;
    if (!assay_log_begin(&l, log, level, event)) return;
    assay_log_text(&l, "code", assay_status_code(e->status));
    if (e->field[0]) assay_log_text(&l, "field", e->field);
    if (e->detail[0]) assay_log_text(&l, "detail", e->detail);
    assay_log_end(&l);
}
