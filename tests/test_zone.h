/* test_zone.h -- zones and instants for tests: the system's zone files, RFC 3339 constants. */
#ifndef ASSAY_TEST_ZONE_H
#define ASSAY_TEST_ZONE_H

#include <stdio.h>
#include <stdlib.h>

#include "assay/calendar.h"
#include "test_random.h"

/* The bytes of a zone file, to be freed; {NULL, 0} where there is none. */
static inline struct assay_str test_zone_bytes(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f) return ASSAY_STR_NONE;
    enum { MOST = 1 << 16 };
    char *bytes = assay_xmalloc(MOST);
    size_t n = fread(bytes, 1, MOST, f);
    fclose(f);
    return (struct assay_str){bytes, n};
}

/* A zone of the system, to be freed; the process ends where it cannot be had, for no test of time means anything then. */
static inline struct assay_zone *test_zone(const char *name) {
    struct assay_str bytes = test_zone_bytes(name);
    struct assay_zone *z = NULL;
    struct assay_error e = {.detail = "no such file (is tzdata installed?)"};
    if (!bytes.p || assay_zone_new(name, bytes, &z, &e) != ASSAY_OK) {
        fprintf(stderr, "zone %s: %s\n", name, e.detail);
        exit(EXIT_FAILURE);
    }
    free((char *)bytes.p);
    return z;
}

/* An RFC 3339 constant. */
static inline assay_instant test_instant(const char *text) {
    assay_instant t = 0;
    if (assay_instant_parse(assay_str_c(text), &t) == ASSAY_OK) return t;
    fprintf(stderr, "not an instant: %s\n", text);
    exit(EXIT_FAILURE);
}

static inline assay_date test_date(const char *text) {
    assay_date d = 0;
    if (assay_date_parse(assay_str_c(text), &d) == ASSAY_OK) return d;
    fprintf(stderr, "not a date: %s\n", text);
    exit(EXIT_FAILURE);
}

#endif
