/* load.h -- inside `assayd load`: what a file is, reading it, telling how it goes. Must not know: HTTP (client.h). */
#ifndef ASSAY_LOAD_H
#define ASSAY_LOAD_H

#include <signal.h>
#include <sys/types.h>

#include "assay/json_view.h"

/* --- what a file is (load_guess.c) ---------------------------------------------------------------------------------------- */

/* In the order they are sent where nothing else was said: providers come before what names them. */
enum assay_load_kind {
    ASSAY_LOAD_PROVIDERS,
    ASSAY_LOAD_RATES,
    ASSAY_LOAD_DISPATCHES,
    ASSAY_LOAD_EVENTS,
    ASSAY_LOAD_SURVEYS,
    ASSAY_LOAD_OBSERVATIONS,
    ASSAY_LOAD_KINDS /* not known */
};
#define ASSAY_LOAD_KIND_WORDS "providers rates ccc-dispatches repair-events survey-responses observations"
const char *assay_load_kind_name(enum assay_load_kind k); /* as --kind has it, and as the route is called */
enum assay_load_kind assay_load_kind_of(const char *name);

enum assay_load_format { ASSAY_LOAD_NDJSON, ASSAY_LOAD_JSON, ASSAY_LOAD_CSV };
const char *assay_load_media_type(enum assay_load_format f);

struct assay_load_guess {
    enum assay_load_kind kind; /* ASSAY_LOAD_KINDS: neither content nor name tells */
    enum assay_load_format format;
    bool gzip;
};
/* From the first bytes of a file, and from its name where they do not tell. whole: there is no more than these bytes. */
#define ASSAY_LOAD_HEAD 65536
struct assay_load_guess assay_load_guess(const char *name, const void *head, size_t n, bool whole);

/* --- reading it (load_source.c) -------------------------------------------------------------------------------------------- */

/* A file, or a pipe whose bytes are kept in an unnamed file as they come, so that they can be read again. */
struct assay_load_source;
/* path "-": the standard input. NULL with errno where it cannot be opened. */
struct assay_load_source *assay_load_open(const char *path);
void assay_load_close(struct assay_load_source *s);
int64_t assay_load_size(const struct assay_load_source *s); /* -1: not known yet */
ssize_t assay_load_read(void *source, void *to, size_t n);  /* 0: the end; -1 with errno */
bool assay_load_rewind(void *source);

/* --- how it goes (load_report.c) ------------------------------------------------------------------------------------------- */

/* One line of progress for a terminal of `width` columns. total -1: not known. */
void assay_load_progress(const char *name, int64_t sent, int64_t total, int64_t elapsed_us, int width, struct assay_buf *out);
/* "1.4 MB", "812 B" */
void assay_load_bytes(int64_t n, struct assay_buf *out);

struct assay_load_counts {
    bool known; /* the reply says what became of the records */
    int64_t received, accepted, duplicates, rejected;
};
/* What a reply says: an upload's counts, a single record's fate, a document's new version. status is HTTP's. */
struct assay_load_counts assay_load_counts(const struct assay_json_view *reply, int status);
/* The lines below a file's counts: its first `most` errors, the verdicts that a dry run would change. */
void assay_load_details(const struct assay_json_view *reply, int64_t rejected, size_t most, struct assay_buf *out);

#endif
