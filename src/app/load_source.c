/* load_source.c -- a file or a pipe as a stream of bytes that can be read again from its beginning, in bounded memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/load.h"

struct assay_load_source {
    int fd, kept; /* kept: what came by the pipe; -1 of a file, which keeps itself */
    off_t at, n_kept;
    off_t size; /* -1: not known */
    bool ended; /* of a pipe */
};

/* An unnamed file in the folder for temporary files. */
static int open_spool(void) {
    const char *dir = getenv("TMPDIR");
    struct assay_buf path = {0};
    if (!dir || !*dir) dir = "/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) { /* not every file system has such files */
        assay_buf_printf(&path, "%s/assay-load-XXXXXX", dir);
        fd = mkostemp(path.p, O_CLOEXEC);
        if (fd >= 0) unlink(path.p);
    }
    assay_buf_free(&path);
    return fd;
}

struct assay_load_source *assay_load_open(const char *path) {
    struct stat st;
    int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO), kept = -1;
    if (fd < 0) return NULL;
    bool failed = fstat(fd, &st) != 0;
    if (!failed && S_ISDIR(st.st_mode)) errno = EISDIR, failed = true;
    if (!failed && !S_ISREG(st.st_mode)) failed = (kept = open_spool()) < 0;
    if (failed) {
        int why = errno;
        close(fd);
        errno = why;
        return NULL;
    }
    struct assay_load_source *s = assay_xcalloc(1, sizeof *s);
    *s = (struct assay_load_source){.fd = fd, .kept = kept, .size = kept < 0 ? st.st_size : -1};
    return s;
}

void assay_load_close(struct assay_load_source *s) {
    if (!s) return;
    close(s->fd);
    if (s->kept >= 0) close(s->kept);
    free(s);
}

int64_t assay_load_size(const struct assay_load_source *s) { return s->size; }

static bool keep(struct assay_load_source *s, const char *p, size_t n) {
    while (n) {
        ssize_t done = pwrite(s->kept, p, n, s->n_kept);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        p += done, n -= (size_t)done, s->n_kept += done;
    }
    return true;
}

static ssize_t read_pipe(struct assay_load_source *s, void *to, size_t n) {
    if (s->at < s->n_kept) return pread(s->kept, to, n, s->at);
    if (s->ended) return 0;
    ssize_t got = read(s->fd, to, n);
    if (got > 0 && !keep(s, to, (size_t)got)) return -1;
    if (got == 0) s->ended = true, s->size = s->n_kept;
    return got;
}

/* A file is read as long as it was when it was opened: what is appended meanwhile belongs to the next load. */
static ssize_t read_file(const struct assay_load_source *s, void *to, size_t n) {
    if ((off_t)n > s->size - s->at) n = (size_t)(s->size - s->at);
    ssize_t got = n ? pread(s->fd, to, n, s->at) : 0;
    if (got == 0 && n) return errno = EIO, -1; /* it became shorter */
    return got;
}

ssize_t assay_load_read(void *source, void *to, size_t n) {
    struct assay_load_source *s = source;
    ssize_t got = s->kept < 0 ? read_file(s, to, n) : read_pipe(s, to, n);
    if (got > 0) s->at += got;
    return got;
}

bool assay_load_rewind(void *source) {
    ((struct assay_load_source *)source)->at = 0;
    return true;
}
