/* cluster.c -- the embedded PostgreSQL: see cluster.h for what lies where. */
#include "app/cluster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/child.h"
#include "assay/time.h"

#define PROGRAMS "/usr/lib/postgresql"
#define SOCKET_NAME ".s.PGSQL.5432"
#define READY_SECONDS 600 /* replay of the write-ahead log after a crash included */

struct assay_cluster {
    struct assay_arena arena; /* the texts below */
    char *state, *data, *run, *bin, *conninfo;
    struct assay_user user; /* who the server runs as */
    int state_fd, lock_fd;
    pid_t pid; /* of the server; 0: none */
    int pidfd;
    bool child; /* ours to reap; an adopted server is not */
};

static enum assay_status fail_path(struct assay_error *e, const char *what, const char *path) {
    return assay_fail(e, ASSAY_IO, "state-dir", "cannot %s %s: %s", what, path, strerror(errno));
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* --- files ---------------------------------------------------------------------------------------------------------- */
/* All by name within a directory that is open, never through a symbolic link: root may be at work in a directory that
 * belongs to the server's user. */

static int open_dir_at(int dir, const char *name) { return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

/* The start of a file as text; false where it cannot be read. */
static bool read_at(int dir, const char *name, char *buf, size_t size) {
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, buf, size - 1);
    close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

/* The last bytes of a file. */
static bool read_end_at(int dir, const char *name, char *buf, size_t size) {
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    off_t end = lseek(fd, 0, SEEK_END), from = end > (off_t)size - 1 ? end - ((off_t)size - 1) : 0;
    ssize_t n = pread(fd, buf, size - 1, from);
    close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

/* Give what root made to the server's user. */
static bool give(int fd, const struct assay_user *to) { return geteuid() != 0 || fchown(fd, to->uid, to->gid) == 0; }

/* Write a file of the server's as a whole: under another name, then renamed. */
static enum assay_status put_file(int dir, const char *name, const char *text, const struct assay_user *owner,
                                  struct assay_error *e) {
    char made[64];
    snprintf(made, sizeof made, "%s.new", name);
    unlinkat(dir, made, 0);
    int fd = openat(dir, made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && give(fd, owner) && write_all(fd, text, strlen(text)) && fsync(fd) == 0;
    enum assay_status st = ok ? ASSAY_OK : fail_path(e, "write", name);
    close_fd(&fd);
    if (ok && renameat(dir, made, dir, name) != 0) st = fail_path(e, "write", name);
    return st;
}

/* A directory of the server's user alone, made where there is none. */
static enum assay_status open_private(int dir, const char *name, const struct assay_user *owner, int *out,
                                      struct assay_error *e) {
    struct stat st;
    bool made = mkdirat(dir, name, 0700) == 0;
    if (!made && errno != EEXIST) return fail_path(e, "make", name);
    int fd = open_dir_at(dir, name);
    if (fd < 0) return fail_path(e, "open", name);
    enum assay_status s = ASSAY_OK;
    if ((made && !give(fd, owner)) || fstat(fd, &st) != 0 || (st.st_uid == owner->uid && fchmod(fd, 0700) != 0))
        s = fail_path(e, "secure", name);
    else if (st.st_uid != owner->uid)
        s = assay_fail(
            e, ASSAY_CONFIG, "state-dir",
            "%s belongs to user id %ld, but the server runs as %s: give it to that user (chown -R) or start as its owner", name,
            (long)st.st_uid, owner->name);
    if (s) close(fd);
    else *out = fd;
    return s;
}

/* Remove a file or a whole tree; what is not there is gone already. */
static bool remove_at(int dir, const char *name) {
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) return true;
    int fd = open_dir_at(dir, name);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        close_fd(&fd);
        return false;
    }
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) ok = remove_at(fd, entry->d_name);
    closedir(d);
    return ok && unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/* --- the state directory -------------------------------------------------------------------------------------------- */

static enum assay_status open_state(struct assay_cluster *c, const char *state_dir, struct assay_error *e) {
    char real[PATH_MAX];
    struct stat st;
    /* root's must let the server's user through */
    if (mkdir(state_dir, geteuid() == 0 ? 0755 : 0700) != 0 && errno != EEXIST) return fail_path(e, "make", state_dir);
    if (!realpath(state_dir, real)) return fail_path(e, "find", state_dir);
    c->state = assay_arena_printf(&c->arena, "%s", real);
    c->data = assay_arena_printf(&c->arena, "%s/postgres", real);
    c->state_fd = open_dir_at(AT_FDCWD, real);
    if (c->state_fd < 0 || fstat(c->state_fd, &st) != 0) return fail_path(e, "open", real);
    if (st.st_mode & S_IWOTH)
        return assay_fail(e, ASSAY_CONFIG, "state-dir", "everybody may write to %s: choose a directory of its own", real);
    return ASSAY_OK;
}

static enum assay_status take_lock(struct assay_cluster *c, struct assay_error *e) {
    char text[32];
    c->lock_fd = openat(c->state_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (c->lock_fd < 0) return fail_path(e, "open the lock in", c->state);
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail_path(e, "lock", c->state);
        if (!read_at(c->state_fd, "lock", text, sizeof text)) text[0] = '\0';
        return assay_fail(e, ASSAY_CONFIG, "state-dir", "%s is in use by another assayd, process %ld", c->state,
                          strtol(text, NULL, 10));
    }
    snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(c->lock_fd, 0) != 0 || !write_all(c->lock_fd, text, strlen(text)))
        return fail_path(e, "write the lock in", c->state);
    return ASSAY_OK;
}

static enum assay_status choose_user(struct assay_cluster *c, struct assay_error *e) {
    struct stat st;
    if (geteuid() != 0) return assay_user_numbered(geteuid(), &c->user, e);
    if (fstat(c->state_fd, &st) != 0) return fail_path(e, "open", c->state);
    enum assay_status s = st.st_uid ? assay_user_numbered(st.st_uid, &c->user, e) : assay_user_named("postgres", &c->user, e);
    if (s) return s;
    size_t n = assay_user_blocked_at(&c->user, c->state);
    if (!n) return ASSAY_OK;
    return assay_fail(e, ASSAY_CONFIG, "state-dir",
                      "the server runs as %s, who cannot enter %.*s: choose another state directory (/var/lib/assay, say) or "
                      "chmod o+x %.*s",
                      c->user.name, (int)n, c->state, (int)n, c->state);
}

/* --- the server's programs ------------------------------------------------------------------------------------------ */

/* The newest version under PROGRAMS, or `wanted` where that is not 0; 0: there is none. */
static long find_version(long wanted) {
    long best = 0;
    DIR *d = opendir(PROGRAMS);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        char path[PATH_MAX], *end;
        long v = strtol(entry->d_name, &end, 10);
        snprintf(path, sizeof path, "%s/%s/bin/postgres", PROGRAMS, entry->d_name);
        if (*end || v <= best || (wanted && v != wanted) || access(path, X_OK) != 0) continue;
        best = v;
    }
    if (d) closedir(d);
    return best;
}

static enum assay_status choose_programs(struct assay_cluster *c, struct assay_error *e) {
    const char *given = getenv("ASSAY_PG_BIN");
    char text[16];
    if (given && *given) {
        c->bin = assay_arena_printf(&c->arena, "%s", given);
        if (given[0] == '/' && access(assay_arena_printf(&c->arena, "%s/postgres", given), X_OK) == 0) return ASSAY_OK;
        return assay_fail(e, ASSAY_CONFIG, "ASSAY_PG_BIN", "%s is not a folder with the programs of a PostgreSQL server", given);
    }
    /* a data directory is of one version for ever (pg_upgrade makes another) */
    long made_by = read_at(c->state_fd, "postgres/PG_VERSION", text, sizeof text) ? strtol(text, NULL, 10) : 0;
    long version = find_version(made_by);
    c->bin = assay_arena_printf(&c->arena, "%s/%ld/bin", PROGRAMS, version);
    if (version) return ASSAY_OK;
    if (made_by)
        return assay_fail(e, ASSAY_CONFIG, "state-dir", "%s was made by PostgreSQL %ld, which is not installed", c->data,
                          made_by);
    return assay_fail(e, ASSAY_CONFIG, "ASSAY_PG_BIN",
                      "no PostgreSQL server in " PROGRAMS ": install postgresql, or set ASSAY_PG_BIN");
}

static char *program(struct assay_cluster *c, const char *name) { return assay_arena_printf(&c->arena, "%s/%s", c->bin, name); }

/* What a program said from its last complaint on, on one line. */
static const char *complaint(char *text) {
    static const char *const signs[] = {"FATAL: ", "PANIC: ", "ERROR: ", "error: "};
    char *from = NULL;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        for (char *p = text; (p = strstr(p, signs[i])); p++)
            if (!from || p > from) from = p;
    if (!from) from = text;
    for (char *p = from; *p; p++)
        if (*p == '\n') *p = ' ';
    return from;
}

static enum assay_status run(struct assay_cluster *c, const char *const *argv, const char *input, struct assay_error *e) {
    const struct assay_child child = {.user = &c->user, .dir = "/", .argv = argv};
    struct assay_buf said = {0};
    char ending[32];
    int status = 0;
    enum assay_status st = assay_child_run(&child, input, &said, &status, e);
    if (!st && status != 0) {
        assay_buf_addc(&said, '\n');
        st = assay_fail(e, ASSAY_DATABASE_UNAVAILABLE, "", "%s failed (%s): %s", argv[0], assay_child_ending(status, ending),
                        complaint(said.p));
    }
    assay_buf_free(&said);
    return st;
}

/* --- the data directory --------------------------------------------------------------------------------------------- */

/* Everything under another name, renamed when it is whole: whoever is killed half-way begins again. */
static enum assay_status make_data(struct assay_cluster *c, struct assay_error *e) {
    static const char include[] = "\n# assayd's settings; yours may follow\ninclude 'assay.conf'\n";
    const char *made = assay_arena_printf(&c->arena, "%s.new", c->data);
    /* clang-format off */
    const char *const initdb[] = {program(c, "initdb"), "-D", made, "-U", "assay", "--encoding=UTF8", "--locale=C",
                                  "--data-checksums", "--auth-local=peer", "--auth-host=reject", "--no-instructions", NULL};
    /* clang-format on */
    const char *const single[] = {program(c, "postgres"), "--single", "-D", made, "-c", "exit_on_error=on", "template1", NULL};
    int dir = -1, conf = -1;
    enum assay_status st;
    if (!remove_at(c->state_fd, "postgres.new")) return fail_path(e, "remove", made);
    if ((st = open_private(c->state_fd, "postgres.new", &c->user, &dir, e))) return st;
    if ((st = run(c, initdb, NULL, e))) goto out;
    if ((st = run(c, single, "CREATE DATABASE assay;\n", e))) goto out;
    conf = openat(dir, "postgresql.conf", O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (conf < 0 || !write_all(conf, include, sizeof include - 1) || fsync(conf) != 0) {
        st = fail_path(e, "write the configuration in", made);
    } else if (renameat(c->state_fd, "postgres.new", c->state_fd, "postgres") != 0 || fsync(c->state_fd) != 0) {
        st = fail_path(e, "rename", made);
    }
out:
    close_fd(&conf);
    close_fd(&dir);
    if (st) remove_at(c->state_fd, "postgres.new");
    return st;
}

static enum assay_status ensure_data(struct assay_cluster *c, struct assay_error *e) {
    struct stat st;
    if (fstatat(c->state_fd, "postgres", &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? make_data(c, e) : fail_path(e, "open", c->data);
    if (fstatat(c->state_fd, "postgres/PG_VERSION", &st, AT_SYMLINK_NOFOLLOW) != 0)
        return assay_fail(e, ASSAY_CONFIG, "state-dir", "%s is there but is no data directory of PostgreSQL: move it away",
                          c->data);
    return ASSAY_OK;
}

/* --- the socket ------------------------------------------------------------------------------------------------------ */

/* Whether a path needs no quoting in the server's list of directories nor in a connection string. */
static bool is_plain(const char *path) {
    return strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+@~-") == strlen(path);
}

/* A socket's path holds so many bytes and no more: a long state directory has its socket elsewhere, under a name that
 * follows from its own, so that the next daemon finds it. */
static enum assay_status choose_run(struct assay_cluster *c, struct assay_error *e) {
    struct sockaddr_un address;
    int fd = -1;
    enum assay_status st;
    c->run = assay_arena_printf(&c->arena, "%s/run", c->state);
    if (strlen(c->run) + sizeof "/" SOCKET_NAME <= sizeof address.sun_path && is_plain(c->run)) {
        st = open_private(c->state_fd, "run", &c->user, &fd, e);
    } else {
        uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
        for (const char *p = c->state; *p; p++) hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
        c->run = assay_arena_printf(&c->arena, "%s/assay-%016llx", geteuid() == 0 ? "/run" : "/tmp", (unsigned long long)hash);
        st = open_private(AT_FDCWD, c->run, &c->user, &fd, e);
    }
    close_fd(&fd);
    c->conninfo = assay_arena_printf(&c->arena, "host=%s port=5432 user=assay dbname=assay", c->run);
    return st;
}

/* --- settings --------------------------------------------------------------------------------------------------------- */

static long clamp(long v, long low, long high) { return v < low ? low : v > high ? high : v; }

static void render_settings(const struct assay_cluster *c, struct assay_buf *b) {
    long memory = (long)((long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / (1 << 20)); /* MiB */
    assay_buf_adds(b, "# Written by assayd at every start. Settings of your own go below the include in postgresql.conf.\n"
                      "\n"
                      "# in reach of this machine's owner only\n"
                      "listen_addresses = ''\n"
                      "port = 5432\n"
                      "unix_socket_permissions = 0700\n");
    assay_buf_printf(b, "unix_socket_directories = '%s'\n", c->run);
    assay_buf_adds(b, "max_connections = 50\n"
                      "max_logical_replication_workers = 0\n"
                      "cluster_name = 'assay'\n"
                      "\n"
                      "# what was acknowledged survives a power cut\n"
                      "fsync = on\n"
                      "synchronous_commit = on\n"
                      "full_page_writes = on\n"
                      "\n"
                      "# a small machine, shared with the daemon\n");
    assay_buf_printf(b, "shared_buffers = %ldMB\n", clamp(memory / 8, 32, 256));
    assay_buf_printf(b, "effective_cache_size = %ldMB\n", clamp(memory / 2, 64, 1 << 20));
    assay_buf_printf(b, "maintenance_work_mem = %ldMB\n", clamp(memory / 32, 16, 128));
    assay_buf_adds(b, "work_mem = 8MB\n"
                      "random_page_cost = 1.1\n"
                      "jit = off\n"
                      "# no query needs it, and containers give little shared memory\n"
                      "max_parallel_workers_per_gather = 0\n"
                      "min_wal_size = 128MB\n"
                      "max_wal_size = 1GB\n"
                      "checkpoint_timeout = 15min\n"
                      "\n"
                      "# a log that stays small and holds nobody's data: refused statements are the daemon's to tell\n"
                      "logging_collector = on\n"
                      "log_destination = 'stderr'\n"
                      "log_directory = 'log'\n"
                      "log_filename = 'postgres-%a.log'\n"
                      "log_file_mode = 0600\n"
                      "log_rotation_age = 1d\n"
                      "log_rotation_size = 0\n"
                      "log_truncate_on_rotation = on\n"
                      "log_line_prefix = '%m [%p] '\n"
                      "log_min_messages = log\n"
                      "log_min_error_statement = panic\n"
                      "log_error_verbosity = terse\n"
                      "log_checkpoints = off\n"
                      "\n"
                      "timezone = 'UTC'\n"
                      "log_timezone = 'UTC'\n"
                      "datestyle = 'iso, ymd'\n"
                      "lc_messages = 'C'\n");
}

/* Who the operating system says it is decides: as the database's one role, daemon and server's owner, nobody else. */
static enum assay_status write_access(const struct assay_cluster *c, int dir, struct assay_error *e) {
    static const char hba[] = "# Written by assayd at every start.\n"
                              "local  all          assay  peer  map=assay\n"
                              "local  replication  assay  peer  map=assay\n";
    struct assay_user self;
    char ident[256];
    enum assay_status st = assay_user_numbered(geteuid(), &self, e);
    if (st) return st;
    snprintf(ident, sizeof ident, "# Written by assayd at every start.\nassay  \"%s\"  assay\nassay  \"%s\"  assay\n", self.name,
             c->user.name);
    st = put_file(dir, "pg_hba.conf", hba, &c->user, e);
    return st ? st : put_file(dir, "pg_ident.conf", ident, &c->user, e);
}

static enum assay_status write_settings(struct assay_cluster *c, struct assay_error *e) {
    struct assay_buf b = {0};
    int dir = -1;
    enum assay_status st = open_private(c->state_fd, "postgres", &c->user, &dir, e);
    if (st) return st;
    render_settings(c, &b);
    st = put_file(dir, "assay.conf", b.p, &c->user, e);
    if (!st) st = write_access(c, dir, e);
    assay_buf_free(&b);
    close(dir);
    return st;
}

/* --- the server ------------------------------------------------------------------------------------------------------- */

static bool ended_within(const struct assay_cluster *c, int64_t us) {
    int64_t until = assay_clock_monotonic_us() + us;
    for (;;) {
        struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
        int64_t left = until - assay_clock_monotonic_us();
        int n = poll(&p, 1, left > 0 ? (int)((left + 999) / 1000) : 0);
        if (n > 0) return true;
        if (left <= 0) return false;
    }
}

static void forget_server(struct assay_cluster *c, int *status) {
    if (c->child)
        while (waitpid(c->pid, status, 0) < 0 && errno == EINTR) {}
    close_fd(&c->pidfd);
    c->pid = 0;
}

/* fast: cut clients off, checkpoint; immediate: leave the rest to recovery; then none of its asking. */
static void end_server(struct assay_cluster *c) {
    static const struct { int signal, seconds; } steps[] = {{SIGINT, 60}, {SIGQUIT, 20}, {SIGKILL, 10}};
    int status;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        pidfd_send_signal(c->pidfd, steps[i].signal, NULL, 0);
        if (ended_within(c, steps[i].seconds * ASSAY_SECOND)) break;
    }
    forget_server(c, &status);
}

/* The running server's own notes (postmaster.pid): process, and at last whether it is ready. */
static long read_notes(const struct assay_cluster *c, bool *ready) {
    char text[1024], *status = text;
    *ready = false;
    if (!read_at(c->state_fd, "postgres/postmaster.pid", text, sizeof text)) return 0;
    for (int line = 1; line < 8 && status; line++) {
        status = strchr(status, '\n');
        if (status) status++;
    }
    *ready = status && strncmp(status, "ready", 5) == 0;
    return strtol(text, NULL, 10);
}

enum wait_result { READY, ENDED, STUCK };

static enum wait_result await_ready(const struct assay_cluster *c) {
    int64_t until = assay_clock_monotonic_us() + READY_SECONDS * ASSAY_SECOND;
    bool ready;
    while (assay_clock_monotonic_us() < until) {
        if (ended_within(c, 20000)) return ENDED;
        if (read_notes(c, &ready) == c->pid && ready) return READY;
    }
    return STUCK;
}

static bool same_file(const struct stat *a, const struct stat *b) { return a->st_dev == b->st_dev && a->st_ino == b->st_ino; }

/* Who the notes of a server that was not stopped name: nobody any more, that server, left behind by a killed daemon (a
 * process that works in our data directory), or somebody who was given its number since. */
enum holder { NOBODY, SURVIVOR, STRANGER, UNKNOWN };

static enum holder find_holder(struct assay_cluster *c) {
    char cwd[64];
    struct stat works, ours;
    bool ready;
    enum holder h = UNKNOWN;
    long pid = read_notes(c, &ready);
    if (pid < 1) return NOBODY;
    c->pidfd = pidfd_open((pid_t)pid, 0); /* held before looking: the number cannot become another's meanwhile */
    if (c->pidfd < 0) return NOBODY;
    snprintf(cwd, sizeof cwd, "/proc/%ld/cwd", pid);
    if (ended_within(c, 0)) h = STRANGER; /* dead, but nobody has waited for it */
    else if (stat(cwd, &works) == 0 && fstatat(c->state_fd, "postgres", &ours, 0) == 0)
        h = same_file(&works, &ours) ? SURVIVOR : STRANGER;
    if (h == SURVIVOR) c->pid = (pid_t)pid;
    else close_fd(&c->pidfd);
    return h;
}

/* Whether it is our server that listens where clients will look. */
static bool listens(const struct assay_cluster *c) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t n = sizeof peer;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/" SOCKET_NAME, c->run);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == c->pid;
    close_fd(&fd);
    return ok;
}

/* The server takes a stranger of its own user for another server and would not start. What it left in other cases it
 * judges best itself. */
static void clear_stale(const struct assay_cluster *c) {
    unlinkat(c->state_fd, "postgres/postmaster.pid", 0);
    int dir = open_dir_at(AT_FDCWD, c->run);
    if (dir < 0) return;
    unlinkat(dir, SOCKET_NAME ".lock", 0);
    close(dir);
}

/* What a server that did not come up said: to us, or already in its own log. */
static const char *last_words(const struct assay_cluster *c, char *buf, size_t size) {
    char name[256], *file;
    bool said = read_end_at(c->state_fd, "postgres.log", buf, size);
    if (!said || !strstr(buf, "redirecting log output")) return complaint(buf);
    if (!read_at(c->state_fd, "postgres/current_logfiles", name, sizeof name) || strncmp(name, "stderr log/", 11) != 0)
        return complaint(buf);
    file = name + 11;
    file[strcspn(file, "\n/")] = '\0';
    int dir = open_dir_at(c->state_fd, "postgres/log");
    if (dir < 0 || !read_end_at(dir, file, buf, size)) snprintf(buf, size, "see %s/log/%s", c->data, file);
    close_fd(&dir);
    return complaint(buf);
}

static enum assay_status fail_launch(struct assay_cluster *c, enum wait_result why, struct assay_error *e) {
    char said[4096] = "", ending[32];
    int status = 0;
    if (why == STUCK) {
        end_server(c);
        return assay_fail(e, ASSAY_DATABASE_UNAVAILABLE, "", "PostgreSQL was not ready after %d s: %s", READY_SECONDS,
                          last_words(c, said, sizeof said));
    }
    forget_server(c, &status);
    return assay_fail(e, ASSAY_DATABASE_UNAVAILABLE, "", "PostgreSQL ended while starting (%s): %s",
                      assay_child_ending(status, ending), last_words(c, said, sizeof said));
}

static enum assay_status launch(struct assay_cluster *c, struct assay_error *e) {
    const char *const argv[] = {program(c, "postgres"), "-D", c->data, NULL};
    struct assay_child child = {.user = &c->user, .dir = c->data, .argv = argv, .in = -1, .outlives = true};
    unlinkat(c->state_fd, "postgres.log", 0);
    child.out = openat(c->state_fd, "postgres.log", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (child.out < 0) return fail_path(e, "write postgres.log in", c->state);
    pid_t pid = assay_child_start(&child);
    close(child.out);
    if (pid < 0) return assay_fail(e, ASSAY_IO, "", "cannot start %s: %s", argv[0], strerror(errno));
    c->pid = pid;
    c->child = true;
    c->pidfd = pidfd_open(pid, 0);
    if (c->pidfd < 0) {
        enum assay_status st = assay_fail(e, ASSAY_IO, "", "cannot watch %s: %s", argv[0], strerror(errno));
        kill(pid, SIGQUIT);
        forget_server(c, &(int){0});
        return st;
    }
    enum wait_result r = await_ready(c);
    return r == READY ? ASSAY_OK : fail_launch(c, r, e);
}

/* One round over all processes: kill those of a server of this data directory; how many there were. */
static int kill_orphans(const struct assay_cluster *c) {
    struct stat works, ours;
    int n = 0;
    DIR *d = opendir("/proc");
    if (!d || fstatat(c->state_fd, "postgres", &ours, 0) != 0) ours = (struct stat){0};
    for (struct dirent *entry; d && (entry = readdir(d));) {
        char name[64], exe[PATH_MAX];
        long pid = strtol(entry->d_name, NULL, 10);
        snprintf(name, sizeof name, "%ld/cwd", pid);
        if (pid <= 1 || fstatat(dirfd(d), name, &works, 0) != 0 || !same_file(&works, &ours)) continue;
        snprintf(name, sizeof name, "%ld/exe", pid);
        ssize_t len = readlinkat(dirfd(d), name, exe, sizeof exe - 1);
        exe[len > 0 ? len : 0] = '\0';
        const char *base = strrchr(exe, '/');
        if (!base || strncmp(base, "/postgres", 9) != 0 || (base[9] != '\0' && base[9] != ' ')) continue; /* somebody's shell */
        kill((pid_t)pid, SIGKILL);
        n++;
    }
    if (d) closedir(d);
    return n;
}

/* A server process that was busy when its parent was killed works on, and no server starts beside it. With the parent
 * gone nothing of its work counts any more. False where there was none, or it would not go. */
static bool end_orphans(const struct assay_cluster *c) {
    const struct timespec pause = {.tv_nsec = 20000000};
    if (!kill_orphans(c)) return false;
    for (int tries = 0; tries < 250; tries++) {
        nanosleep(&pause, NULL);
        if (!kill_orphans(c)) return true;
    }
    return false;
}

static enum assay_status adopt_or_launch(struct assay_cluster *c, struct assay_error *e) {
    struct assay_error said = {0};
    enum holder h = find_holder(c);
    if (h == SURVIVOR) {
        if (await_ready(c) == READY && listens(c)) {
            pidfd_send_signal(c->pidfd, SIGHUP, NULL, 0); /* the settings may be newer than it is */
            return ASSAY_OK;
        }
        end_server(c); /* it was stopping, or does not listen where this daemon's clients look */
    }
    if (h == STRANGER) clear_stale(c);
    enum assay_status st = launch(c, &said);
    if (st && strstr(said.detail, "pre-existing shared memory block") && end_orphans(c)) st = launch(c, &said);
    if (st && e) *e = said;
    return st;
}

/* --- the whole --------------------------------------------------------------------------------------------------------- */

static void free_cluster(struct assay_cluster *c) {
    close_fd(&c->pidfd);
    close_fd(&c->state_fd);
    close_fd(&c->lock_fd); /* last: lets the next daemon in */
    assay_arena_free(&c->arena);
    free(c);
}

enum assay_status assay_cluster_start(const char *state_dir, struct assay_cluster **out, struct assay_error *e) {
    struct assay_cluster *c = assay_xcalloc(1, sizeof *c);
    enum assay_status st;
    c->state_fd = c->lock_fd = c->pidfd = -1;
    if ((st = open_state(c, state_dir, e)) || (st = take_lock(c, e)) || (st = choose_user(c, e)) ||
        (st = choose_programs(c, e)) || (st = choose_run(c, e)) || (st = ensure_data(c, e)) || (st = write_settings(c, e)) ||
        (st = adopt_or_launch(c, e))) {
        free_cluster(c);
        return st;
    }
    *out = c;
    return ASSAY_OK;
}

bool assay_cluster_in_use(const char *state_dir, struct assay_buf *conninfo) {
    struct assay_cluster *c = assay_xcalloc(1, sizeof *c);
    struct assay_error e;
    struct stat there;
    c->state_fd = c->lock_fd = c->pidfd = -1;
    bool used = stat(state_dir, &there) == 0 && open_state(c, state_dir, &e) == ASSAY_OK;
    if (used) c->lock_fd = openat(c->state_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    used = used && c->lock_fd >= 0 && flock(c->lock_fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    used = used && choose_user(c, &e) == ASSAY_OK && choose_run(c, &e) == ASSAY_OK;
    if (used) assay_buf_adds(conninfo, c->conninfo);
    free_cluster(c);
    return used;
}

const char *assay_cluster_conninfo(const struct assay_cluster *c) { return c->conninfo; }

int assay_cluster_ended_fd(const struct assay_cluster *c) { return c->pidfd; }

void assay_cluster_stop(struct assay_cluster *c) {
    if (!c) return;
    end_server(c);
    if (strncmp(c->run, c->state, strlen(c->state)) != 0) rmdir(c->run); /* no litter outside */
    free_cluster(c);
}
