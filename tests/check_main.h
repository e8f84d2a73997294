/* check_main.h -- the main() of every test program: a list of suites, Check's TAP for the runner, and skips that say why.
 *
 *   ASSAY_TESTS(suite_of_calendar, suite_of_vectors)
 *
 * with each `static Suite *suite_of_x(void)`. A test that cannot run here calls test_skip("name", "why") in place of
 * being added; the runner prints these. */
#ifndef ASSAY_CHECK_MAIN_H
#define ASSAY_CHECK_MAIN_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static inline void test_skip(const char *name, const char *why) {
    const char *file = getenv("ASSAY_TEST_SKIPS");
    FILE *f = file ? fopen(file, "a") : NULL;
    fprintf(f ? f : stderr, "skipped %s: %s\n", name, why);
    if (f) fclose(f);
}

/* The folder of shared material beside the checkout, or NULL. */
static inline const char *test_shared(char buf[4096], const char *below) {
    const char *root = getenv("ASSAY_SHARED");
    const char *src = getenv("ASSAY_SOURCE_ROOT");
    if (root) snprintf(buf, 4096, "%s/%s", root, below);
    else snprintf(buf, 4096, "%s/../shared/%s", src ? src : ".", below);
    FILE *f = fopen(buf, "r");
    if (!f) return NULL;
    fclose(f);
    return buf;
}

/* How often a looped test runs: what its rounds vary is data, which shows the thread sanitizer nothing that one has not. */
#ifdef __SANITIZE_THREAD__
#define LOOPS(n) 1
#else
#define LOOPS(n) (n)
#endif

#define ASSAY_TESTS(...)                                                                                    \
    int main(void) {                                                                                        \
        Suite *(*const suites[])(void) = {__VA_ARGS__};                                                     \
        SRunner *runner = srunner_create(suites[0]());                                                      \
        for (size_t i = 1; i < sizeof suites / sizeof *suites; i++) srunner_add_suite(runner, suites[i]()); \
        if (!getenv("ASSAY_CHECK_PLAIN")) srunner_set_tap(runner, "-");                                     \
        srunner_run_all(runner, getenv("ASSAY_CHECK_PLAIN") ? CK_NORMAL : CK_SILENT);                       \
        int failed = srunner_ntests_failed(runner);                                                         \
        srunner_free(runner);                                                                               \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                                        \
    }

#endif
