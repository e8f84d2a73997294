/* child.c -- fork, become the user, exec. Between fork and exec only what is async-signal-safe: others may run threads. */
#include "app/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- users --------------------------------------------------------------------------------------------------------- */

static enum assay_status take_user(const struct passwd *pw, struct assay_user *out, struct assay_error *e) {
    *out = (struct assay_user){.uid = pw->pw_uid, .gid = pw->pw_gid, .n_groups = ASSAY_USER_GROUPS_MAX};
    if (strlen(pw->pw_name) >= sizeof out->name) return assay_fail(e, ASSAY_CONFIG, "", "user name %s is too long", pw->pw_name);
    memcpy(out->name, pw->pw_name, strlen(pw->pw_name) + 1);
    if (getgrouplist(pw->pw_name, pw->pw_gid, out->groups, &out->n_groups) < 0)
        return assay_fail(e, ASSAY_CONFIG, "", "user %s is in more than %d groups", out->name, ASSAY_USER_GROUPS_MAX);
    return ASSAY_OK;
}

enum assay_status assay_user_named(const char *name, struct assay_user *out, struct assay_error *e) {
    char buf[16384];
    struct passwd pw, *found = NULL;
    getpwnam_r(name, &pw, buf, sizeof buf, &found);
    return found ? take_user(found, out, e) : assay_fail(e, ASSAY_CONFIG, "", "there is no user %s", name);
}

enum assay_status assay_user_numbered(uid_t uid, struct assay_user *out, struct assay_error *e) {
    char buf[16384];
    struct passwd pw, *found = NULL;
    getpwuid_r(uid, &pw, buf, sizeof buf, &found);
    return found ? take_user(found, out, e) : assay_fail(e, ASSAY_CONFIG, "", "user id %ld has no name", (long)uid);
}

/* In the child: for good. */
static bool become(const struct assay_user *u) {
    if (geteuid() != 0) return geteuid() == u->uid;
    return setgroups((size_t)u->n_groups, u->groups) == 0 && setgid(u->gid) == 0 && setuid(u->uid) == 0;
}

/* In the child. */
static size_t first_blocked(const char *path) {
    char prefix[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof prefix) return n;
    for (size_t i = 1; i <= n; i++) {
        if (i > 1 && i < n && path[i] != '/') continue; /* "/", "/a", "/a/b" */
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        if (access(prefix, X_OK) != 0) return i;
    }
    return 0;
}

static pid_t wait_for(pid_t pid, int *status) {
    pid_t r;
    do r = waitpid(pid, status, 0);
    while (r < 0 && errno == EINTR);
    return r;
}

size_t assay_user_blocked_at(const struct assay_user *u, const char *path) {
    int fds[2], status;
    size_t blocked = strlen(path);
    if (pipe2(fds, O_CLOEXEC) != 0) return blocked;
    pid_t pid = fork();
    if (pid == 0) {
        if (become(u)) blocked = first_blocked(path);
        _exit(write(fds[1], &blocked, sizeof blocked) != sizeof blocked);
    }
    close(fds[1]);
    if (pid > 0 && read(fds[0], &blocked, sizeof blocked) != sizeof blocked) blocked = strlen(path);
    close(fds[0]);
    if (pid > 0) wait_for(pid, &status);
    return blocked;
}

/* --- programs ------------------------------------------------------------------------------------------------------ */

static bool put_descriptors(const struct assay_child *spec) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int in = spec->in >= 0 ? spec->in : null, out = spec->out >= 0 ? spec->out : null;
    /* out of the way of 0, 1 and 2, should the caller have had those closed */
    in = fcntl(in, F_DUPFD_CLOEXEC, 3);
    out = fcntl(out, F_DUPFD_CLOEXEC, 3);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) return false;
    close_range(3, ~0U, 0); /* where the kernel has it not, all of ours are close-on-exec */
    return true;
}

static _Noreturn void run_child(const struct assay_child *spec, pid_t parent) {
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", NULL};
    sigset_t none;
    for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!put_descriptors(spec) || !become(spec->user) || chdir(spec->dir) != 0) _exit(126);
    umask(077);
    if (spec->outlives) setsid(); /* a Ctrl-C at the terminal is the daemon's to hear */
    else if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(126);
    execve(spec->argv[0], (char *const *)spec->argv, (char *const *)environment);
    _exit(127);
}

pid_t assay_child_start(const struct assay_child *spec) {
    sigset_t all, old;
    pid_t parent = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* no handler of ours runs in the child */
    pid_t pid = fork();
    if (pid == 0) run_child(spec, parent);
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return pid;
}

/* A pipe's read end with the input in it: it fits a pipe, so nobody has to write while the program reads. */
static int pipe_of(const char *input) {
    int fds[2];
    size_t n = input ? strlen(input) : 0;
    if (n > PIPE_BUF) return errno = E2BIG, -1;
    if (pipe2(fds, O_CLOEXEC) != 0) return -1;
    ssize_t written = n ? write(fds[1], input, n) : 0;
    close(fds[1]);
    if (written == (ssize_t)n) return fds[0];
    close(fds[0]);
    return -1;
}

static void read_all(int fd, struct assay_buf *said) {
    char buf[4096];
    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        if (said->n < 65536) assay_buf_add(said, buf, (size_t)n);
    }
}

enum assay_status assay_child_run(const struct assay_child *spec, const char *input, struct assay_buf *said, int *status,
                                  struct assay_error *e) {
    struct assay_child child = *spec;
    int out[2] = {-1, -1}, in = pipe_of(input);
    pid_t pid = -1;
    if (in >= 0 && pipe2(out, O_CLOEXEC) == 0) {
        child.in = in;
        child.out = out[1];
        pid = assay_child_start(&child);
    }
    enum assay_status st = pid > 0 ? ASSAY_OK : assay_fail(e, ASSAY_IO, "", "cannot run %s: %s", spec->argv[0], strerror(errno));
    if (in >= 0) close(in);
    if (out[1] >= 0) close(out[1]);
    if (pid > 0) {
        read_all(out[0], said);
        wait_for(pid, status);
    }
    if (out[0] >= 0) close(out[0]);
    return st;
}

const char *assay_child_ending(int status, char buf[32]) {
    if (WIFSIGNALED(status)) snprintf(buf, 32, "signal %d", WTERMSIG(status));
    else snprintf(buf, 32, "exit status %d", WEXITSTATUS(status));
    return buf;
}
