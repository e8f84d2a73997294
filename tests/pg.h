/* pg.h -- a throwaway PostgreSQL for the tests of one program, and a fresh database for each test.
 *
 *   tcase_add_unchecked_fixture(t, test_pg_start, NULL);      one server for the program, however often it is asked for
 *   tcase_add_checked_fixture(t, make, drop);                 with make() { test_pg_database(conninfo); } ...
 *
 * A keeper process owns the server: when the program ends, in whatever way, it stops the server and removes its
 * directory. fsync is off (speed); ASSAY_TEST_PG_DURABLE=1 leaves it on. The data directory is copied from a template
 * made once per build (in ASSAY_TEST_CACHE, the build directory; without that, made anew each time). */
#ifndef ASSAY_TEST_PG_H
#define ASSAY_TEST_PG_H

#include <stddef.h>

#define TEST_PG_CONNINFO 256

/* Start, or find started. Call it in the process that runs the suites, not in a forked test. */
void test_pg_start(void);
/* A new empty database of this test's own: its connection string. test_pg_drop removes it (clients are cut off). */
void test_pg_database(char conninfo[TEST_PG_CONNINFO]);
/* The same as a copy of another (which nobody may be connected to): a migrated one, say. */
void test_pg_database_like(const char *template_conninfo, char conninfo[TEST_PG_CONNINFO]);
void test_pg_drop(const char *conninfo);
/* The state directory of the server, for tests that want to kill it or look at it; its process (0: none). */
const char *test_pg_state_dir(void);
int test_pg_pid(void);

#endif
