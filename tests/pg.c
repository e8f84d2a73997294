/* pg.c -- see pg.h. The keeper is forked before any test runs; it shares nothing with the program but two pipes: what it
 * says once (a directory and a connection string, or why not) and a life line whose end it waits for. */
#include "pg.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/cluster.h"

static struct {
    pid_t owner, keeper;
    int life;
    char dir[64], conninfo[TEST_PG_CONNINFO];
} pg;

/* --- the keeper ---------------------------------------------------------------------------------------------------- */

static bool run(const char *const *argv) {
    char *const environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
    pid_t pid;
    int status = -1;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environment) != 0) return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return status == 0;
}

static bool copy_tree(const char *from, const char *to) {
    return run((const char *const[]){"cp", "-a", "--reflink=auto", from, to, NULL});
}

static void remove_tree(const char *dir) { run((const char *const[]){"rm", "-rf", dir, NULL}); }

/* A directory that the server's user can enter. */
static bool make_dir(char dir[64]) {
    snprintf(dir, 64, "/tmp/assay-test-XXXXXX");
    return mkdtemp(dir) && chmod(dir, 0755) == 0;
}

static enum assay_status make_template(const char *template, struct assay_error *e) {
    struct assay_cluster *c = NULL;
    char dir[64], data[128], half[PATH_MAX];
    if (!make_dir(dir)) return assay_fail(e, ASSAY_IO, "", "cannot make a directory in /tmp: %s", strerror(errno));
    enum assay_status st = assay_cluster_start(dir, &c, e);
    assay_cluster_stop(c);
    snprintf(data, sizeof data, "%s/postgres", dir);
    snprintf(half, sizeof half, "%.4000s.new", template);
    remove_tree(half);
    if (!st && (!copy_tree(data, half) || rename(half, template) != 0))
        st = assay_fail(e, ASSAY_IO, "", "cannot make %s", template);
    remove_tree(dir);
    return st;
}

/* DIR/postgres from the template, which is made by whoever comes first. */
static enum assay_status copy_template(const char *dir, struct assay_error *e) {
    char template[1024], lock[1100], to[128];
    const char *cache = getenv("ASSAY_TEST_CACHE");
    enum assay_status st = ASSAY_OK;
    if (!cache) return ASSAY_OK;
    snprintf(template, sizeof template, "%s/pg-template-%ld", cache, (long)geteuid());
    snprintf(lock, sizeof lock, "%s.lock", template);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) return assay_fail(e, ASSAY_IO, "", "cannot lock %s: %s", lock, strerror(errno));
    if (access(template, F_OK) != 0) st = make_template(template, e);
    close(fd);
    snprintf(to, sizeof to, "%s/postgres", dir);
    if (!st && !copy_tree(template, to)) st = assay_fail(e, ASSAY_IO, "", "cannot copy %s", template);
    return st;
}

static void set_speed(const char *dir) {
    char path[128];
    snprintf(path, sizeof path, "%s/postgres/postgresql.auto.conf", dir);
    FILE *f = getenv("ASSAY_TEST_PG_DURABLE") ? NULL : fopen(path, "a");
    if (!f) return;
    fprintf(f, "fsync = off\nfull_page_writes = off\nshared_buffers = 64MB\n");
    fclose(f);
}

static enum assay_status bring_up(const char *dir, struct assay_cluster **c, struct assay_error *e) {
    enum assay_status st = copy_template(dir, e);
    if (st) return st;
    set_speed(dir);
    return assay_cluster_start(dir, c, e);
}

static _Noreturn void keep(int life, int say) {
    struct assay_cluster *c = NULL;
    struct assay_error e = {0};
    char dir[64], text[512];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid(); /* who kills the tests' group leaves us to tidy up */
    for (int s = 1; s < NSIG; s++) signal(s, s == SIGCHLD ? SIG_DFL : SIG_IGN);
    for (int fd = 0; fd <= 2; fd++) dup2(null, fd); /* or the runner would wait for our end of its pipes */
    if (!make_dir(dir)) _exit(1);
    enum assay_status st = bring_up(dir, &c, &e);
    if (st) snprintf(text, sizeof text, "%s %s", assay_status_code(st), e.detail);
    else snprintf(text, sizeof text, "%s\n%s", dir, assay_cluster_conninfo(c));
    bool said = write(say, text, strlen(text)) == (ssize_t)strlen(text);
    close(say);
    char byte;
    while (said && c && read(life, &byte, 1) < 0 && errno == EINTR) {}
    assay_cluster_stop(c);
    remove_tree(dir);
    _exit(0);
}

/* --- the program's side -------------------------------------------------------------------------------------------- */

/* A test's own process holds no life line: one that hangs must not keep the server of a program that was killed. */
static void drop_life_line(void) {
    if (pg.life >= 0) close(pg.life);
    pg.life = -1;
}

static void test_pg_stop(void) {
    if (pg.owner != getpid()) return; /* a forked test ends: not ours to stop */
    close(pg.life);
    while (waitpid(pg.keeper, NULL, 0) < 0 && errno == EINTR) {}
}

void test_pg_start(void) {
    int life[2], say[2];
    char text[512];
    size_t n = 0;
    if (pg.owner) return;
    ck_assert(pipe2(life, O_CLOEXEC) == 0 && pipe2(say, O_CLOEXEC) == 0);
    pg.keeper = fork();
    ck_assert(pg.keeper >= 0);
    if (pg.keeper == 0) {
        close(life[1]);
        close(say[0]);
        keep(life[0], say[1]);
    }
    close(life[0]);
    close(say[1]);
    pg.life = life[1];
    pg.owner = getpid();
    atexit(test_pg_stop);
    pthread_atfork(NULL, NULL, drop_life_line);
    for (ssize_t r; n < sizeof text - 1 && (r = read(say[0], text + n, sizeof text - 1 - n)) > 0;) n += (size_t)r;
    text[n] = '\0';
    close(say[0]);
    char *info = strstr(text, "\nhost=");
    if (!info) ck_abort_msg("no PostgreSQL for the tests: %s", text);
    snprintf(pg.dir, sizeof pg.dir, "%.*s", (int)(info - text), text);
    snprintf(pg.conninfo, sizeof pg.conninfo, "%.*s", TEST_PG_CONNINFO - 1, info + 1);
}

/* One statement on the server's first database. */
static void command(const char *fmt, ...) {
    char sql[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    ck_assert_msg(pg.owner != 0, "test_pg_start was not called");
    PGconn *conn = PQconnectdb(pg.conninfo);
    PGresult *r = PQexec(conn, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK) ck_abort_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(r);
    PQfinish(conn);
}

static const char *name_of(const char *conninfo) {
    const char *p = strstr(conninfo, "dbname=");
    return p ? p + 7 : "";
}

void test_pg_database_like(const char *template_conninfo, char conninfo[TEST_PG_CONNINFO]) {
    static int made;
    int head = (int)(name_of(pg.conninfo) - pg.conninfo);
    snprintf(conninfo, TEST_PG_CONNINFO, "%.*stest_%ld_%d", head, pg.conninfo, (long)getpid(), ++made);
    command("CREATE DATABASE %s TEMPLATE %s", name_of(conninfo), name_of(template_conninfo));
}

void test_pg_database(char conninfo[TEST_PG_CONNINFO]) { test_pg_database_like("dbname=template0", conninfo); }

void test_pg_drop(const char *conninfo) { command("DROP DATABASE IF EXISTS %s WITH (FORCE)", name_of(conninfo)); }

const char *test_pg_state_dir(void) { return pg.dir; }

int test_pg_pid(void) {
    char path[128];
    int pid = 0;
    snprintf(path, sizeof path, "%s/postgres/postmaster.pid", pg.dir);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (fscanf(f, "%d", &pid) != 1) pid = 0;
    fclose(f);
    return pid;
}
