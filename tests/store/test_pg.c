/* The tests' own PostgreSQL (tests/pg.c): fresh databases, and nothing left however the program ends. */
#include "pg.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_main.h"

static char conninfo[TEST_PG_CONNINFO];

static void make(void) { test_pg_database(conninfo); }
static void drop(void) { test_pg_drop(conninfo); }

static void command(const char *where, const char *sql) {
    PGconn *conn = PQconnectdb(where);
    PGresult *r = PQexec(conn, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        ck_abort_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(r);
    PQfinish(conn);
}

START_TEST(database_is_fresh) { command(conninfo, "CREATE TABLE once (v int)"); /* twice in one database it would fail */ }
END_TEST

START_TEST(database_is_a_copy) {
    char copy[TEST_PG_CONNINFO];
    command(conninfo, "CREATE TABLE once (v int)");
    test_pg_database_like(conninfo, copy);
    command(copy, "INSERT INTO once VALUES (1)");
    command(copy, "DROP TABLE once");
    command(conninfo, "INSERT INTO once VALUES (1)");
    test_pg_drop(copy);
}
END_TEST

START_TEST(crash_of_a_test) {
    ck_assert_int_gt(test_pg_pid(), 1);
    raise(SIGKILL);
}
END_TEST

START_TEST(nothing_is_left_by_a_killed_program) {
    int say[2];
    struct {
        char dir[64];
        int server;
    } had = {"", 0};
    ck_assert(pipe2(say, O_CLOEXEC) == 0);
    pid_t program = fork();
    if (program == 0) {
        test_pg_start();
        snprintf(had.dir, sizeof had.dir, "%s", test_pg_state_dir());
        had.server = test_pg_pid();
        if (write(say[1], &had, sizeof had) != sizeof had) _exit(1);
        if (fork() == 0) alarm(30); /* a test that hangs */
        for (;;) pause();
    }
    ck_assert(read(say[0], &had, sizeof had) == sizeof had);
    ck_assert(access(had.dir, F_OK) == 0 && kill(had.server, 0) == 0);
    kill(program, SIGKILL);
    waitpid(program, NULL, 0);
    for (int i = 0; i < 1000 && (access(had.dir, F_OK) == 0 || kill(had.server, 0) == 0); i++) usleep(10000);
    ck_assert(access(had.dir, F_OK) != 0);
    ck_assert(kill(had.server, 0) != 0 && errno == ESRCH);
}
END_TEST

static Suite *suite_of_pg(void) {
    Suite *s = suite_create("throwaway PostgreSQL");
    TCase *alone = tcase_create("alone"), *t = tcase_create("shared");
    tcase_set_timeout(alone, 60);
    tcase_add_test(alone, nothing_is_left_by_a_killed_program);
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, test_pg_start, NULL);
    tcase_add_checked_fixture(t, make, drop);
    tcase_add_loop_test(t, database_is_fresh, 0, 3);
    tcase_add_test(t, database_is_a_copy);
    tcase_add_test_raise_signal(t, crash_of_a_test, SIGKILL);
    tcase_add_test(t, database_is_fresh);
    suite_add_tcase(s, alone);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_pg)
