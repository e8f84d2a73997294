/* bench_decode.c -- what a row costs from bytes to a record, by format: nanoseconds a row, the best of several passes over the
 * same events. Nothing is stored. */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "assay/csv.h"

enum { ROWS = 100000, PASSES = 7 };
#define CHUNK ((size_t)64 * 1024)
#define RECEIVED (INT64_C(1000000000) * ASSAY_SECOND)

static int64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* others on the machine do not count */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct assay_arena arena;
static struct assay_errors errors;
static size_t taken;

static void pass_lines(const struct assay_buf *b) {
    struct assay_ndjson lines;
    struct assay_ndjson_line line;
    struct assay_record r;
    assay_ndjson_init(&lines, 65536);
    for (size_t at = 0; at < b->n; at += CHUNK) {
        assay_ndjson_feed(&lines, b->p + at, CHUNK < b->n - at ? CHUNK : b->n - at);
        while (assay_ndjson_next(&lines, &line)) {
            assay_arena_reset(&arena);
            taken += assay_record_from_json(line.text, ASSAY_INTAKE_EVENTS, RECEIVED, &arena, &r, &errors) == ASSAY_OK;
        }
    }
    assay_ndjson_free(&lines);
}

static void pass_table(const struct assay_buf *b) {
    struct assay_text text;
    struct assay_csv csv;
    struct assay_csv_row row;
    struct assay_str piece;
    struct assay_record r;
    struct assay_sheet *sheet = NULL;
    assay_text_init(&text, ASSAY_CHARSET_UNSAID, NULL, NULL);
    assay_csv_init(&csv, 65536);
    for (size_t at = 0; at < b->n; at += CHUNK) {
        assay_text_feed(&text, b->p + at, CHUNK < b->n - at ? CHUNK : b->n - at);
        while (assay_text_next(&text, &piece)) {
            assay_csv_feed(&csv, piece.p, piece.n);
            while (assay_csv_next(&csv, &row)) {
                assay_arena_reset(&arena);
                if (!sheet) {
                    if (assay_sheet_new(ASSAY_INTAKE_EVENTS, &row, NULL, &sheet, &errors) != ASSAY_OK) abort();
                } else {
                    taken += assay_sheet_record(sheet, &row, RECEIVED, &arena, &r, &errors) == ASSAY_OK;
                }
            }
        }
    }
    assay_sheet_free(sheet);
    assay_text_free(&text);
    assay_csv_free(&csv);
}

static void measure(const char *name, const struct assay_buf *b, void (*pass)(const struct assay_buf *)) {
    int64_t best = INT64_MAX;
    for (int i = 0; i < PASSES; i++) {
        taken = 0;
        int64_t from = now_ns();
        pass(b);
        int64_t ns = now_ns() - from;
        if (ns < best) best = ns;
        if (taken != ROWS) {
            fprintf(stderr, "%s: %zu of %d rows were taken\n", name, taken, ROWS);
            exit(EXIT_FAILURE);
        }
    }
    printf("%-14s %6.0f ns a row, %6.1f MB/s\n", name, (double)best / ROWS, (double)b->n * 1000 / (double)best);
}

static struct assay_buf converted(const struct assay_buf *b, const char *charset) {
    struct assay_buf out = {0};
    iconv_t cd = iconv_open(charset, "UTF-8");
    if (cd == (iconv_t)-1) exit(EXIT_FAILURE);
    assay_buf_reserve(&out, b->n * 2);
    char *in = b->p, *to = out.p;
    size_t left = b->n, room = b->n * 2;
    if (iconv(cd, &in, &left, &to, &room) == (size_t)-1) exit(EXIT_FAILURE);
    iconv_close(cd);
    out.n = b->n * 2 - room;
    return out;
}

int main(void) {
    struct assay_buf lines = {0}, table = {0};
    assay_buf_adds(&table, "id,type,provider,order,at,channel,product,customer_class,warranty,serial,request,line,part_no\r\n");
    for (int i = 0; i < ROWS; i++) {
        char at[32];
        snprintf(at, sizeof at, "2001-02-%02dT%02d:%02d:00+08:00", 1 + i % 28, i % 24, i % 60);
        if (i % 2) {
            assay_buf_printf(&table, "E%07d,order.opened,P%03d,W%06d,%s,walk_in,激光打印机,key,in,CN%08d,,,\r\n", i, i % 200,
                             i / 2, at, i);
            assay_buf_printf(
                &lines,
                "{\"id\":\"E%07d\",\"type\":\"order.opened\",\"provider\":\"P%03d\",\"order\":\"W%06d\",\"at\":\"%s\","
                "\"channel\":"
                "\"walk_in\",\"product\":\"激光打印机\",\"customer_class\":\"key\",\"warranty\":\"in\",\"serial\":\"CN%08d\"}\n",
                i, i % 200, i / 2, at, i);
        } else {
            assay_buf_printf(&table, "E%07d,part.requested,P%03d,W%06d,%s,,,,,,1,R1,C4096-69001\r\n", i, i % 200, i / 2, at);
            assay_buf_printf(
                &lines,
                "{\"id\":\"E%07d\",\"type\":\"part.requested\",\"provider\":\"P%03d\",\"order\":\"W%06d\",\"at\":\"%s\","
                "\"request\":1,\"line\":\"R1\",\"part_no\":\"C4096-69001\"}\n",
                i, i % 200, i / 2, at);
        }
    }
    struct assay_buf coded = converted(&table, "GB18030");
    measure("NDJSON", &lines, pass_lines);
    measure("CSV, UTF-8", &table, pass_table);
    measure("CSV, GB18030", &coded, pass_table);
    assay_buf_free(&lines);
    assay_buf_free(&table);
    assay_buf_free(&coded);
    assay_arena_free(&arena);
    return EXIT_SUCCESS;
}
