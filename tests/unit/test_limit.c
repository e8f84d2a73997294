/* Token buckets, at times given by the test. */
#include "http/limit.h"

#include <stdio.h>

#include "check_main.h"

#define S INT64_C(1000000)

static int64_t take(struct assay_http_limit *l, const char *key, int64_t at_us) {
    return assay_http_limit_take(l, assay_str_c(key), at_us);
}

START_TEST(a_burst_then_the_rate) {
    struct assay_http_limit *l = assay_http_limit_new(2, 5);
    for (int i = 0; i < 5; i++) ck_assert_int_eq(take(l, "a", 10 * S), 0);
    ck_assert_int_eq(take(l, "a", 10 * S), 1);                               /* empty: half a second, told as one */
    ck_assert_int_eq(take(l, "a", 10 * S + 499999), 1);                      /* a microsecond early */
    ck_assert_int_eq(take(l, "a", 10 * S + 500000), 0);                      /* to the microsecond */
    ck_assert_int_eq(take(l, "a", 10 * S + 500000), 1);                      /* one, not two */
    ck_assert_int_eq(take(l, "a", 11 * S), 0);                               /* what was refused cost nothing */
    for (int i = 0; i < 5; i++) ck_assert_int_eq(take(l, "a", 9999 * S), 0); /* never more than a burst */
    ck_assert_int_eq(take(l, "a", 9999 * S), 1);
    assay_http_limit_free(l);
}
END_TEST

START_TEST(keys_do_not_share) {
    struct assay_http_limit *l = assay_http_limit_new(1, 1);
    ck_assert_int_eq(take(l, "a", S), 0);
    ck_assert_int_eq(take(l, "b", S), 0);
    ck_assert_int_eq(take(l, "a", S), 1);
    ck_assert_int_eq(take(l, "b", S), 1);
    ck_assert_int_eq(take(l, "", S), 0);
    assay_http_limit_free(l);
}
END_TEST

/* Over any span from the first request on, no more than burst + rate * span are let in, and no fewer where enough are asked. */
START_TEST(law_of_the_bucket) {
    static const int64_t rates[] = {1, 3, 7, 1000, 999983, 1000000}, bursts[] = {1, 2, 10, 1000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
        for (size_t b = 0; b < sizeof bursts / sizeof *bursts; b++) {
            struct assay_http_limit *l = assay_http_limit_new(rates[r], bursts[b]);
            int64_t start = 77 * S, step = S / rates[r] / 3 + 1, let_in = 0, now = start;
            for (int i = 0; i < 5000; i++, now += step) {
                let_in += take(l, "key", now) == 0;
                ck_assert_int_le(let_in, bursts[b] + rates[r] * (now - start) / S);
            }
            /* Asked more often than the rate, with room for what comes back in between: not one less than is due. */
            int64_t due = rates[r] * (now - step - start) / S;
            if (bursts[b] > 1 && step <= S / rates[r]) ck_assert_int_ge(let_in, due < 5000 ? due : 5000);
            assay_http_limit_free(l);
        }
}
END_TEST

START_TEST(waits_are_true) {
    struct assay_http_limit *l = assay_http_limit_new(1, 3);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(take(l, "k", 0), 0);
    int64_t wait = take(l, "k", 250000);
    ck_assert_int_eq(wait, 1);
    ck_assert_int_eq(take(l, "k", 250000 + wait * S), 0); /* who waits so long is let in */
    assay_http_limit_free(l);
}
END_TEST

START_TEST(a_clock_that_stands_or_goes_back_gives_nothing) {
    struct assay_http_limit *l = assay_http_limit_new(1000000, 1);
    ck_assert_int_eq(take(l, "k", 5 * S), 0);
    ck_assert_int_eq(take(l, "k", 4 * S), 1);
    ck_assert_int_eq(take(l, "k", 5 * S), 1);
    ck_assert_int_eq(take(l, "k", 5 * S + 1), 0);
    ck_assert_int_eq(take(l, "k", INT64_MAX / 2), 0); /* no overflow after ages */
    assay_http_limit_free(l);
}
END_TEST

/* More keys than there is room for: the table stays as it is, and whoever keeps asking stays limited. */
START_TEST(room_is_bounded) {
    struct assay_http_limit *l = assay_http_limit_new(1, 1);
    char key[32];
    int64_t now = S, let_in = 0;
    ck_assert_int_eq(take(l, "busy", now), 0);
    for (int i = 0; i < 20 * ASSAY_HTTP_LIMIT_BUCKETS; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        ck_assert_int_eq(take(l, key, ++now), 0); /* a new key is never refused for lack of room */
        let_in += take(l, "busy", now) == 0;
    }
    ck_assert_int_le(let_in, 1); /* 82 ms have passed: one that is asked about all the time was not the oldest */
    assay_http_limit_free(l);
}
END_TEST

START_TEST(none_is_no_limit) {
    for (int i = 0; i < 100; i++) ck_assert_int_eq(take(NULL, "k", 0), 0);
    assay_http_limit_free(NULL);
}
END_TEST

static Suite *suite_of_limit(void) {
    Suite *s = suite_create("limit");
    TCase *t = tcase_create("limit");
    tcase_add_test(t, a_burst_then_the_rate);
    tcase_add_test(t, keys_do_not_share);
    tcase_add_test(t, law_of_the_bucket);
    tcase_add_test(t, waits_are_true);
    tcase_add_test(t, a_clock_that_stands_or_goes_back_gives_nothing);
    tcase_add_test(t, room_is_bounded);
    tcase_add_test(t, none_is_no_limit);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_limit)
