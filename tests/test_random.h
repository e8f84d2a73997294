/* test_random.h -- a seeded generator for tests: the same numbers everywhere for a seed. */
#ifndef ASSAY_TEST_RANDOM_H
#define ASSAY_TEST_RANDOM_H

#include <stdint.h>

/* splitmix64 */
static inline uint64_t test_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}
static inline int64_t test_random_below(uint64_t *state, int64_t n) { return (int64_t)(test_random(state) % (uint64_t)n); }

#endif
