/* The embedded PostgreSQL (app/cluster.c) with real servers: made, stopped, adopted, locked, moved, broken. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/cluster.h"
#include "check_main.h"

static char root[64];        /* everything is below it */
static char state[PATH_MAX]; /* a state directory whose cluster was made once; every test begins and ends with it stopped */

/* --- help ------------------------------------------------------------------------------------------------------------ */

static void below(char path[PATH_MAX], const char *fmt, ...) ASSAY_PRINTF(2, 3);
static void below(char path[PATH_MAX], const char *fmt, ...) {
    va_list ap;
    int n = snprintf(path, PATH_MAX, "%s/", root);
    va_start(ap, fmt);
    vsnprintf(path + n, (size_t)(PATH_MAX - n), fmt, ap);
    va_end(ap);
}

static void write_file(const char *path, const char *text, const char *mode) {
    FILE *f = fopen(path, mode);
    ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
    fputs(text, f);
    fclose(f);
}

static void run(const char *const *argv) {
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static long server_pid(const char *dir) {
    char path[PATH_MAX];
    long pid = 0;
    snprintf(path, sizeof path, "%.4000s/postgres/postmaster.pid", dir);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (fscanf(f, "%ld", &pid) != 1) pid = 0;
    fclose(f);
    return pid;
}

static struct assay_cluster *start(const char *dir) {
    struct assay_cluster *c = NULL;
    struct assay_error e = {0};
    enum assay_status s = assay_cluster_start(dir, &c, &e);
    if (s) ck_abort_msg("%s: %s", assay_status_code(s), e.detail);
    return c;
}

/* The start must fail so, and say that. */
static void refuse(const char *dir, enum assay_status want, const char *says) {
    struct assay_cluster *c = NULL;
    struct assay_error e = {0};
    enum assay_status s = assay_cluster_start(dir, &c, &e);
    if (s == ASSAY_OK) assay_cluster_stop(c);
    ck_assert_msg(s == want, "%s: %s", assay_status_code(s), e.detail);
    ck_assert_msg(strstr(e.detail, says) != NULL, "\"%s\" does not say \"%s\"", e.detail, says);
    ck_assert_ptr_null(c);
}

/* The first value of a query, "" for none; aborts where it fails. */
static void ask(PGconn *conn, const char *sql, char answer[256]) {
    PGresult *r = PQexec(conn, sql);
    ExecStatusType t = PQresultStatus(r);
    if (t != PGRES_TUPLES_OK && t != PGRES_COMMAND_OK) ck_abort_msg("%s: %s", sql, PQerrorMessage(conn));
    snprintf(answer, 256, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
}

static void check_answer(const char *conninfo, const char *sql, const char *want) {
    char answer[256];
    PGconn *conn = PQconnectdb(conninfo);
    ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s", PQerrorMessage(conn));
    ask(conn, sql, answer);
    PQfinish(conn);
    ck_assert_str_eq(answer, want);
}

static int open_fds(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static bool ended(const struct assay_cluster *c, int timeout_ms) {
    struct pollfd p = {.fd = assay_cluster_ended_fd(c), .events = POLLIN};
    return poll(&p, 1, timeout_ms) > 0;
}

static bool is_root(void) { return geteuid() == 0; }

/* --- once --------------------------------------------------------------------------------------------------------------- */

static void make_cluster(void) {
    char path[PATH_MAX];
    snprintf(root, sizeof root, "/tmp/assay-cluster-XXXXXX");
    ck_assert(mkdtemp(root) && chmod(root, 0755) == 0);
    below(state, "state");
    /* a start that was killed half-way: begun again */
    ck_assert(mkdir(state, 0755) == 0);
    below(path, "state/postgres.new");
    ck_assert(mkdir(path, 0700) == 0);
    below(path, "state/postgres.new/base");
    ck_assert(mkdir(path, 0700) == 0);
    below(path, "state/postgres.new/base/1");
    write_file(path, "half", "w");
    assay_cluster_stop(start(state));
    below(path, "state/postgres.new");
    ck_assert(access(path, F_OK) != 0);
}

static void end_server_of(const char *dir) {
    char path[64], name[32] = "";
    long pid = server_pid(dir);
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *f = fopen(path, "r");
    if (!f) return;
    if (fgets(name, sizeof name, f) && strcmp(name, "postgres\n") == 0) kill((pid_t)pid, SIGKILL);
    fclose(f);
}

static void remove_cluster(void) {
    char path[PATH_MAX];
    DIR *d = opendir(root);
    for (struct dirent *entry; d && (entry = readdir(d));) { /* whatever a test that failed left running */
        below(path, "%s", entry->d_name);
        end_server_of(path);
    }
    if (d) closedir(d);
    RUN("rm", "-rf", root);
}

/* --- tests -------------------------------------------------------------------------------------------------------------- */

START_TEST(runs_as_it_should) {
    static const struct {
        const char *setting, *value;
    } settings[] = {
        {"fsync", "on"},
        {"synchronous_commit", "on"},
        {"full_page_writes", "on"},
        {"data_checksums", "on"},
        {"listen_addresses", ""},
        {"server_encoding", "UTF8"},
        {"lc_collate", "C"},
        {"lc_ctype", "C"},
        {"TimeZone", "UTC"},
        {"max_connections", "50"},
        {"unix_socket_permissions", "0700"},
        {"logging_collector", "on"},
        {"jit", "off"},
    };
    char sql[256], path[PATH_MAX];
    struct stat st;
    int fds = open_fds();
    struct assay_cluster *c = start(state);
    const char *info = assay_cluster_conninfo(c);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        snprintf(sql, sizeof sql, "SELECT current_setting('%s')", settings[i].setting);
        check_answer(info, sql, settings[i].value);
    }
    check_answer(info, "SELECT current_database() || ' ' || current_user", "assay assay");
    snprintf(path, sizeof path, "%.4000s/run", state);
    ck_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
    snprintf(path, sizeof path, "%.4000s/postgres", state);
    ck_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
    if (is_root()) ck_assert_uint_eq(st.st_uid, getpwnam("postgres")->pw_uid);

    pid_t pid = (pid_t)server_pid(state);
    ck_assert_int_eq(getsid(pid), pid); /* no Ctrl-C of ours reaches it */
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    closedir(d);
    ck_assert(!ended(c, 0));
    assay_cluster_stop(c);
    ck_assert_int_eq(server_pid(state), 0);
    ck_assert(kill(pid, 0) != 0 && errno == ESRCH); /* gone, and no zombie of it */
    ck_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    ck_assert_int_eq(open_fds(), fds);
}
END_TEST

START_TEST(inherits_nothing) {
    char path[PATH_MAX], target[PATH_MAX], mine[PATH_MAX];
    below(mine, "mine");
    int leak = open(mine, O_RDWR | O_CREAT, 0600); /* without close-on-exec */
    struct assay_cluster *c = start(state);
    pid_t pid = (pid_t)server_pid(state);
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, entry->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0) continue;
        target[n] = '\0';
        ck_assert_str_ne(target, mine);
        ck_assert_msg(!strstr(target, "/lock"), "%s", target); /* or a killed daemon's lock would live on */
    }
    closedir(d);
    close(leak);
    assay_cluster_stop(c);
}
END_TEST

START_TEST(data_outlives_a_stop) {
    struct assay_cluster *c = start(state);
    check_answer(assay_cluster_conninfo(c), "CREATE TABLE IF NOT EXISTS kept AS SELECT 'still here' AS v", "");
    assay_cluster_stop(c);
    c = start(state);
    check_answer(assay_cluster_conninfo(c), "SELECT v FROM kept", "still here");
    assay_cluster_stop(c);
}
END_TEST

START_TEST(stop_cuts_off_clients) {
    struct assay_cluster *c = start(state);
    PGconn *conn = PQconnectdb(assay_cluster_conninfo(c));
    char answer[256];
    ask(conn, "BEGIN", answer);
    ck_assert(PQsendQuery(conn, "SELECT pg_sleep(600)"));
    assay_cluster_stop(c); /* within the test's time */
    ck_assert_int_eq(server_pid(state), 0);
    PQfinish(conn);
    assay_cluster_stop(NULL);
}
END_TEST

START_TEST(one_daemon_at_a_time) {
    struct assay_cluster *c = start(state);
    char says[64];
    snprintf(says, sizeof says, "in use by another assayd, process %ld", (long)getpid());
    pid_t pid = fork();
    if (pid == 0) {
        refuse(state, ASSAY_CONFIG, says);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    refuse(state, ASSAY_CONFIG, says); /* also from the same process */
    check_answer(assay_cluster_conninfo(c), "SELECT 1", "1");
    assay_cluster_stop(c);
}
END_TEST

/* Start in a process of its own and kill that: what is left. */
static long orphan_a_server(void) {
    int ready[2];
    char byte;
    ck_assert(pipe2(ready, O_CLOEXEC) == 0);
    pid_t owner = fork();
    if (owner == 0) {
        start(state);
        ck_assert(write(ready[1], "", 1) == 1);
        for (;;) pause();
    }
    close(ready[1]);
    ck_assert(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    kill(owner, SIGKILL);
    waitpid(owner, NULL, 0);
    long pid = server_pid(state);
    ck_assert_int_gt(pid, 1);
    return pid;
}

START_TEST(adopts_the_server_of_a_killed_daemon) {
    long pid = orphan_a_server();
    struct assay_cluster *c = start(state);
    ck_assert_int_eq(server_pid(state), pid);
    ck_assert(!ended(c, 0));
    check_answer(assay_cluster_conninfo(c), "SELECT 1", "1");
    assay_cluster_stop(c);
    ck_assert_int_eq(server_pid(state), 0);
    for (int i = 0; i < 500 && kill((pid_t)pid, 0) == 0; i++) usleep(10000); /* its new parent reaps it */
    ck_assert(kill((pid_t)pid, 0) != 0);
}
END_TEST

START_TEST(adopted_server_keeps_its_clients) {
    char info[256];
    snprintf(info, sizeof info, "host=%.100s/run port=5432 user=assay dbname=assay", state);
    long pid = orphan_a_server();
    PGconn *conn = PQconnectdb(info);
    char answer[256];
    ask(conn, "SELECT 1", answer);
    struct assay_cluster *c = start(state);
    ask(conn, "SELECT 2", answer);
    ck_assert_str_eq(answer, "2");
    ck_assert_int_eq(server_pid(state), pid);
    PQfinish(conn);
    assay_cluster_stop(c);
}
END_TEST

START_TEST(replaces_a_survivor_it_cannot_reach) {
    char run_dir[PATH_MAX];
    long pid = orphan_a_server();
    snprintf(run_dir, sizeof run_dir, "%.4000s/run", state);
    RUN("rm", "-rf", run_dir);
    struct assay_cluster *c = start(state);
    ck_assert_int_ne(server_pid(state), pid);
    check_answer(assay_cluster_conninfo(c), "SELECT 1", "1");
    assay_cluster_stop(c);
}
END_TEST

START_TEST(waits_for_a_survivor_that_is_stopping) {
    long pid = orphan_a_server();
    kill((pid_t)pid, SIGINT);
    struct assay_cluster *c = start(state);
    ck_assert_int_ne(server_pid(state), pid);
    check_answer(assay_cluster_conninfo(c), "SELECT 1", "1");
    assay_cluster_stop(c);
}
END_TEST

START_TEST(recovers_from_a_killed_server) {
    struct assay_cluster *c = start(state);
    PGconn *busy = PQconnectdb(assay_cluster_conninfo(c)); /* does not notice that its parent is gone */
    ck_assert(PQsendQuery(busy, "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"));
    check_answer(assay_cluster_conninfo(c), "CREATE TABLE IF NOT EXISTS recovered AS SELECT 'committed' AS v", "");
    kill((pid_t)server_pid(state), SIGKILL);
    ck_assert(ended(c, 5000));
    assay_cluster_stop(c); /* nothing to stop, no zombie left */
    ck_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    c = start(state);
    check_answer(assay_cluster_conninfo(c), "SELECT v FROM recovered", "committed");
    PQfinish(busy);
    assay_cluster_stop(c);
}
END_TEST

/* The notes of a server that ended, under a process number that is another's now. */
static void leave_notes(long pid) {
    char text[PATH_MAX], path[PATH_MAX];
    snprintf(text, sizeof text, "%ld\n%.1000s/postgres\n981173106\n5432\n%.1000s/run\n\n  1  2\nready   \n", pid, state, state);
    snprintf(path, sizeof path, "%.4000s/postgres/postmaster.pid", state);
    write_file(path, text, "w");
    snprintf(path, sizeof path, "%.4000s/run/.s.PGSQL.5432.lock", state);
    write_file(path, text, "w");
    if (is_root()) RUN("chown", "-R", "postgres:", state);
    if (is_root()) RUN("chown", "root:", state);
}

START_TEST(passes_over_stale_notes) {
    pid_t stranger = fork();
    if (stranger == 0) { /* of the server's own user: it takes such a one for another server */
        if (is_root() && setuid(getpwnam("postgres")->pw_uid) != 0) _exit(1);
        for (;;) pause();
    }
    usleep(50000);
    leave_notes(stranger);
    assay_cluster_stop(start(state));
    ck_assert(kill(stranger, 0) == 0);

    kill(stranger, SIGKILL);
    siginfo_t info;
    ck_assert(waitid(P_PID, (id_t)stranger, &info, WEXITED | WNOWAIT) == 0); /* a zombie now */
    leave_notes(stranger);
    assay_cluster_stop(start(state));

    waitpid(stranger, NULL, 0); /* and now nobody */
    leave_notes(stranger);
    assay_cluster_stop(start(state));

    leave_notes(getpid()); /* as in a container, where numbers repeat */
    assay_cluster_stop(start(state));
}
END_TEST

START_TEST(moves_and_finds_room_for_the_socket) {
    static const char *const names[] = {
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        "state, \xe7\x8a\xb6\xe6\x80\x81 'quoted'", /* a name that would need quoting */
        "back\\slash \"double\"",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char moved[PATH_MAX], first[256], host[256];
        struct stat st;
        below(moved, "%s", names[i]);
        ck_assert(rename(state, moved) == 0);
        struct assay_cluster *c = start(moved);
        snprintf(first, sizeof first, "%s", assay_cluster_conninfo(c));
        check_answer(first, "SELECT 1", "1");
        ck_assert(sscanf(first, "host=%255s", host) == 1);
        ck_assert_msg(strncmp(host, is_root() ? "/run/assay-" : "/tmp/assay-", 11) == 0, "%s", host);
        ck_assert(stat(host, &st) == 0 && (st.st_mode & 0777) == 0700);
        assay_cluster_stop(c);
        ck_assert(access(host, F_OK) != 0); /* no litter */
        c = start(moved);
        ck_assert_str_eq(assay_cluster_conninfo(c), first); /* the same again */
        assay_cluster_stop(c);
        ck_assert(rename(moved, state) == 0);
    }
}
END_TEST

/* 107 bytes is what a socket's path may have. */
START_TEST(keeps_the_socket_while_it_fits) {
    for (size_t length = 107; length <= 108; length++) {
        char moved[PATH_MAX], name[128] = "", want[PATH_MAX];
        memset(name, 'x', length - strlen(root) - strlen("//run/.s.PGSQL.5432"));
        below(moved, "%s", name);
        ck_assert(rename(state, moved) == 0);
        struct assay_cluster *c = start(moved);
        snprintf(want, sizeof want, "host=%.4000s/run ", moved);
        ck_assert_int_eq(strncmp(assay_cluster_conninfo(c), want, strlen(want)) == 0, length == 107);
        check_answer(assay_cluster_conninfo(c), "SELECT 1", "1");
        assay_cluster_stop(c);
        ck_assert(rename(moved, state) == 0);
    }
}
END_TEST

START_TEST(does_not_take_anothers_socket_directory) {
    char moved[PATH_MAX], host[256];
    below(moved, "%s", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789");
    ck_assert(rename(state, moved) == 0);
    struct assay_cluster *c = start(moved);
    ck_assert(sscanf(assay_cluster_conninfo(c), "host=%255s", host) == 1);
    assay_cluster_stop(c);
    ck_assert(symlink(root, host) == 0);
    refuse(moved, ASSAY_IO, host);
    ck_assert(unlink(host) == 0);
    if (is_root()) {
        ck_assert(mkdir(host, 0777) == 0 && chown(host, 65534, 65534) == 0);
        refuse(moved, ASSAY_CONFIG, "belongs to user id 65534");
        ck_assert(rmdir(host) == 0);
    }
    ck_assert(rename(moved, state) == 0);
}
END_TEST

START_TEST(rewrites_its_settings) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/postgres/assay.conf", state);
    ck_assert(unlink(path) == 0);
    snprintf(path, sizeof path, "%.4000s/postgres/pg_hba.conf", state);
    write_file(path, "local all all reject\n", "w");
    snprintf(path, sizeof path, "%.4000s/postgres/postgresql.conf", state);
    write_file(path, "work_mem = '3MB'\n", "a"); /* the operator's own, below ours */
    struct assay_cluster *c = start(state);
    check_answer(assay_cluster_conninfo(c), "SELECT current_setting('work_mem')", "3MB");
    assay_cluster_stop(c);
}
END_TEST

/* Whether user 65534 can connect. */
static bool nobody_connects(const char *info) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
        PGconn *conn = PQconnectdb(info);
        _exit(PQstatus(conn) == CONNECTION_OK ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    ck_assert_int_ne(WEXITSTATUS(status), 2);
    return WEXITSTATUS(status) == 0;
}

START_TEST(lets_nobody_else_in) {
    char path[PATH_MAX];
    if (!is_root()) return;
    struct assay_cluster *c = start(state);
    ck_assert(!nobody_connects(assay_cluster_conninfo(c)));
    snprintf(path, sizeof path, "%.4000s/run", state); /* even where the modes were opened by mistake */
    chmod(path, 0755);
    snprintf(path, sizeof path, "%.4000s/run/.s.PGSQL.5432", state);
    chmod(path, 0777);
    ck_assert(!nobody_connects(assay_cluster_conninfo(c)));
    assay_cluster_stop(c);
    assay_cluster_stop(start(state));
    snprintf(path, sizeof path, "%.4000s/run", state); /* and closed again */
    struct stat st;
    ck_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
}
END_TEST

START_TEST(runs_as_the_owner_of_its_directory) {
    char other[PATH_MAX], path[PATH_MAX];
    struct stat st;
    if (!is_root()) return;
    below(other, "other");
    RUN("cp", "-a", state, other);
    RUN("chown", "-R", "nobody:", other);
    struct assay_cluster *c = start(other); /* started by root */
    snprintf(path, sizeof path, "/proc/%ld", server_pid(other));
    ck_assert(stat(path, &st) == 0);
    ck_assert_uint_eq(st.st_uid, getpwnam("nobody")->pw_uid);
    check_answer(assay_cluster_conninfo(c), "SELECT 1", "1");
    assay_cluster_stop(c);
    RUN("chown", "-R", "nobody:", other);
    int status;
    pid_t pid = fork();
    if (pid == 0) { /* and by himself */
        if (setgid(getpwnam("nobody")->pw_gid) != 0 || setuid(getpwnam("nobody")->pw_uid) != 0) _exit(2);
        c = start(other);
        check_answer(assay_cluster_conninfo(c), "SELECT 1", "1");
        assay_cluster_stop(c);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(says_who_cannot_enter_what) {
    char dir[PATH_MAX], path[PATH_MAX], says[PATH_MAX + 64];
    if (!is_root()) return;
    below(dir, "private");
    ck_assert(mkdir(dir, 0700) == 0);
    below(path, "private/below/state");
    refuse(path, ASSAY_IO, "No such file or directory"); /* only the last directory is made */
    below(path, "private/state");
    snprintf(says, sizeof says, "postgres, who cannot enter %.4000s:", dir);
    refuse(path, ASSAY_CONFIG, says);
}
END_TEST

START_TEST(refuses_a_directory_open_to_all) {
    char dir[PATH_MAX];
    below(dir, "open");
    ck_assert(mkdir(dir, 0777) == 0 && chmod(dir, 01777) == 0);
    refuse(dir, ASSAY_CONFIG, "everybody may write");
}
END_TEST

START_TEST(refuses_what_is_no_data_directory) {
    char dir[PATH_MAX], path[PATH_MAX];
    below(dir, "strange");
    below(path, "strange/postgres");
    ck_assert(mkdir(dir, 0755) == 0 && mkdir(path, 0700) == 0);
    refuse(dir, ASSAY_CONFIG, "is no data directory");
    below(path, "strange/postgres/PG_VERSION");
    write_file(path, "9\n", "w");
    refuse(dir, ASSAY_CONFIG, "made by PostgreSQL 9, which is not installed");
}
END_TEST

START_TEST(refuses_anothers_data) {
    char path[PATH_MAX];
    if (!is_root()) return;
    snprintf(path, sizeof path, "%.4000s/postgres", state);
    ck_assert(chown(path, 65534, 65534) == 0);
    refuse(state, ASSAY_CONFIG, "belongs to user id 65534, but the server runs as postgres");
    ck_assert(chown(path, getpwnam("postgres")->pw_uid, getpwnam("postgres")->pw_gid) == 0);
    assay_cluster_stop(start(state));
}
END_TEST

START_TEST(says_what_the_programs_said) {
    char dir[PATH_MAX], path[PATH_MAX], fresh[PATH_MAX];
    int fds = open_fds();
    below(dir, "bin");
    below(fresh, "fresh");
    setenv("ASSAY_PG_BIN", dir, 1);
    refuse(fresh, ASSAY_CONFIG, "is not a folder with the programs");
    ck_assert(mkdir(dir, 0755) == 0);
    below(path, "bin/postgres");
    write_file(path, "#!/bin/sh\necho 'FATAL:  no luck today' >&2\nexit 3\n", "w");
    ck_assert(chmod(path, 0755) == 0);
    refuse(fresh, ASSAY_DATABASE_UNAVAILABLE, "bin/initdb failed (exit status 127)");
    below(path, "bin/initdb");
    write_file(path, "#!/bin/sh\necho 'all is well'\necho 'initdb: error: could not\n breathe' >&2\nexit 1\n", "w");
    ck_assert(chmod(path, 0755) == 0);
    refuse(fresh, ASSAY_DATABASE_UNAVAILABLE, "bin/initdb failed (exit status 1): error: could not  breathe");
    write_file(path, "#!/bin/sh\nexit 0\n", "w");
    refuse(fresh, ASSAY_DATABASE_UNAVAILABLE, "bin/postgres failed (exit status 3): FATAL:  no luck today");
    refuse(state, ASSAY_DATABASE_UNAVAILABLE, "ended while starting (exit status 3): FATAL:  no luck today");
    below(path, "fresh/postgres.new");
    ck_assert(access(path, F_OK) != 0); /* nothing half-made stays */
    below(path, "fresh/postgres");
    ck_assert(access(path, F_OK) != 0);
    ck_assert_int_eq(open_fds(), fds);
    ck_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}
END_TEST

START_TEST(says_what_the_server_said) {
    char path[PATH_MAX], control[PATH_MAX], aside[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/postgres/postgresql.auto.conf", state);
    write_file(path, "shared_buffers = 'plenty'\n", "a");
    refuse(state, ASSAY_DATABASE_UNAVAILABLE, "FATAL:  configuration file");
    write_file(path, "", "w");
    /* after its own log is open, it speaks there */
    snprintf(control, sizeof control, "%.4000s/postgres/pg_wal", state);
    snprintf(aside, sizeof aside, "%.4000s/postgres/pg_wal.aside", state);
    ck_assert(rename(control, aside) == 0);
    refuse(state, ASSAY_DATABASE_UNAVAILABLE, "FATAL:  required WAL directory \"pg_wal\" does not exist");
    ck_assert(rename(aside, control) == 0);
    assay_cluster_stop(start(state));
}
END_TEST

static Suite *suite_of_cluster(void) {
    Suite *s = suite_create("cluster");
    TCase *t = tcase_create("embedded PostgreSQL");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, make_cluster, remove_cluster);
    tcase_add_test(t, runs_as_it_should);
    tcase_add_test(t, inherits_nothing);
    tcase_add_test(t, data_outlives_a_stop);
    tcase_add_test(t, stop_cuts_off_clients);
    tcase_add_test(t, one_daemon_at_a_time);
    tcase_add_test(t, adopts_the_server_of_a_killed_daemon);
    tcase_add_test(t, adopted_server_keeps_its_clients);
    tcase_add_test(t, replaces_a_survivor_it_cannot_reach);
    tcase_add_test(t, waits_for_a_survivor_that_is_stopping);
    tcase_add_test(t, recovers_from_a_killed_server);
    tcase_add_test(t, passes_over_stale_notes);
    tcase_add_test(t, moves_and_finds_room_for_the_socket);
    tcase_add_test(t, keeps_the_socket_while_it_fits);
    tcase_add_test(t, does_not_take_anothers_socket_directory);
    tcase_add_test(t, rewrites_its_settings);
    tcase_add_test(t, lets_nobody_else_in);
    tcase_add_test(t, runs_as_the_owner_of_its_directory);
    tcase_add_test(t, says_who_cannot_enter_what);
    tcase_add_test(t, refuses_a_directory_open_to_all);
    tcase_add_test(t, refuses_what_is_no_data_directory);
    tcase_add_test(t, refuses_anothers_data);
    tcase_add_test(t, says_what_the_programs_said);
    tcase_add_test(t, says_what_the_server_said);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_cluster)
