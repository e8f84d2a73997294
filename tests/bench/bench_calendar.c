/* bench_calendar.c -- what a question to the calendar costs: nanoseconds per call, the median of several runs.
 * Not a test: prints a table. The hours are those of DOMAIN 4.2, with and without holidays, and in a zone with
 * daylight saving time. */
#include "assay/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAIRS 4096
#define ROUNDS 200
#define RUNS 9
#define HOUR (3600 * ASSAY_SECOND)

struct pair {
    assay_instant from, to;
    int64_t working;
};

static double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* others on the machine do not count */
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint64_t next_random(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int64_t random_below(uint64_t *state, int64_t n) { return (int64_t)(next_random(state) % (uint64_t)n); }

static struct assay_zone *read_zone(const char *name) {
    static char bytes[1 << 16];
    char path[256];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct assay_zone *z = NULL;
    struct assay_error e;
    return assay_zone_new(name, (struct assay_str){bytes, n}, &z, &e) == ASSAY_OK ? z : NULL;
}

enum question { WORKING, AFTER, WORKING_DAYS, DEADLINE };

static int64_t ask(const struct assay_calendar *c, enum question q, const struct pair *p) {
    switch (q) {
    case WORKING: return assay_calendar_working(c, p->from, p->to);
    case AFTER: return assay_calendar_after(c, p->from, p->working);
    case WORKING_DAYS: return assay_calendar_working_days(c, p->from, p->to);
    case DEADLINE: return assay_calendar_days_deadline(c, p->from, p->working / (8 * HOUR), true);
    }
    return 0;
}

static double median_ns(const struct assay_calendar *c, enum question q, const struct pair *pairs) {
    double runs[RUNS];
    volatile int64_t sink = 0;
    for (size_t r = 0; r < RUNS; r++) {
        double start = now_ns();
        int64_t sum = 0;
        for (size_t k = 0; k < ROUNDS; k++)
            for (size_t i = 0; i < PAIRS; i++) sum += ask(c, q, &pairs[i]);
        sink = sum;
        runs[r] = (now_ns() - start) / (ROUNDS * PAIRS);
    }
    (void)sink;
    qsort(runs, RUNS, sizeof *runs, by_value);
    return runs[RUNS / 2];
}

/* Pairs that start in one of `years` years and are at most `span` apart. */
static void make_pairs(const struct assay_calendar *c, int64_t years, int64_t span, struct pair *pairs) {
    uint64_t state = 1;
    for (size_t i = 0; i < PAIRS; i++) {
        pairs[i].from = (int64_t)31 * 365 * ASSAY_DAY + random_below(&state, years * 365 * ASSAY_DAY);
        pairs[i].to = pairs[i].from + random_below(&state, span);
        pairs[i].working = assay_calendar_working(c, pairs[i].from, pairs[i].to);
    }
}

static void bench(const char *zone_name, size_t holidays) {
    static const struct assay_hours office[] = {{30600, 43200}, {46800, 63000}};
    static struct pair pairs[PAIRS];
    static struct assay_exception off[512];
    struct assay_zone *zone = read_zone(zone_name);
    if (!zone) {
        printf("%-18s no zone file\n", zone_name);
        return;
    }
    for (size_t i = 0; i < holidays; i++) off[i] = (struct assay_exception){.date = 11400 + (assay_date)i * 21};
    struct assay_calendar_spec spec = {.zone = zone, .n_exceptions = holidays, .exceptions = off};
    for (size_t i = 0; i < 5; i++) spec.weekly[i] = (struct assay_day_hours){2, office};
    struct assay_calendar *c = NULL;
    struct assay_error e;
    double start = now_ns();
    if (assay_calendar_new(&spec, &c, &e) == ASSAY_OK) {
        static const struct {
            const char *name;
            int64_t years, span;
        } spreads[] = {{"weeks", 2, 30 * ASSAY_DAY}, {"months", 5, 180 * ASSAY_DAY}, {"years", 25, 20 * 365 * ASSAY_DAY}};
        printf("%-18s %3zu holidays, built in %.1f ms\n", zone_name, holidays, (now_ns() - start) / 1e6);
        for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++) {
            make_pairs(c, spreads[i].years, spreads[i].span, pairs);
            printf("  %-6s apart: working %5.1f  after %5.1f  working_days %5.1f  days_deadline %5.1f  ns\n", spreads[i].name,
                   median_ns(c, WORKING, pairs), median_ns(c, AFTER, pairs), median_ns(c, WORKING_DAYS, pairs),
                   median_ns(c, DEADLINE, pairs));
        }
        assay_calendar_free(c);
    }
    assay_zone_free(zone);
}

int main(void) {
    bench("Asia/Shanghai", 0);
    bench("Asia/Shanghai", 400);
    bench("America/New_York", 400);
    return 0;
}
