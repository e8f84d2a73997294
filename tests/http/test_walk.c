/* test_walk.c -- pages of a list whose order changes between them: each provider once, none lost, in networks of any size. */
#include "check_main.h"
#include "http/app.h"
#include "test_random.h"

#define MOST 24500

static struct assay_config_provider providers[MOST];
static char codes[MOST][24];
static struct assay_config config = {.providers = providers};
static int32_t order[MOST]; /* indexes of providers, as the list stands now */
static size_t n_providers, page_size;
static int32_t page[MOST];
static size_t on_page;
static char next[16384];

/* Ids have holes: the i-th provider's is 2 i + 1. */
static void make_network(size_t n) {
    n_providers = n;
    for (size_t i = 0; i < n; i++) {
        snprintf(codes[i], sizeof codes[i], "P%05zu", i);
        providers[i] = (struct assay_config_provider){.id = (int32_t)(2 * i + 1), .code = assay_str_c(codes[i])};
        order[i] = (int32_t)i;
    }
    config.n_providers = n;
    config.max_id = (int32_t)(2 * n);
}

static void shuffle(uint64_t *rnd, size_t swaps) {
    for (size_t k = 0; k < swaps; k++) {
        size_t i = (size_t)test_random_below(rnd, (int64_t)n_providers), j = (size_t)test_random_below(rnd, (int64_t)n_providers);
        int32_t x = order[i];
        order[i] = order[j];
        order[j] = x;
    }
}

static enum assay_http_flow list(struct assay_http_request *r, void *worker) {
    struct assay_walk w;
    struct assay_buf b = {0};
    size_t i = 0;
    on_page = 0;
    next[0] = '\0';
    if (!assay_walk_begin(r, &config, &w)) {
        assay_http_reply_problem(r, ASSAY_INVALID_CURSOR, NULL);
        return ASSAY_HTTP_DONE;
    }
    while (w.last.p && i < n_providers && !assay_str_eq(providers[order[i]].code, w.last)) i++;
    i += w.last.p != NULL;
    for (; i < n_providers && on_page < page_size; i++) {
        if (assay_walk_given(&w, providers[order[i]].id)) continue;
        assay_walk_give(&w, &providers[order[i]]);
        page[on_page++] = order[i];
    }
    while (i < n_providers && assay_walk_given(&w, providers[order[i]].id)) i++;
    if (i < n_providers) assay_walk_cursor(&w, &b);
    ck_assert_uint_lt(b.n, 8000); /* it must fit a request's target */
    if (b.n) memcpy(next, b.p, b.n + 1);
    assay_buf_free(&b);
    assay_http_reply_empty(r, 204);
    return ASSAY_HTTP_DONE;
}

static const char *const params[] = {"cursor", NULL};
static const struct assay_http_route routes[] = {
    {.name = "l", .method = ASSAY_HTTP_GET, .pattern = "/l", .handler = list, .params = params}};

static int get_page(const char *cursor) {
    struct assay_http_config c;
    struct assay_http_result out;
    struct assay_buf target = {0};
    assay_http_config_init(&c);
    c.routes = routes;
    c.n_routes = 1;
    assay_buf_printf(&target, *cursor ? "/l?cursor=%s" : "/l", cursor);
    assay_http_call(&c, &(struct assay_http_call){.method = "GET", .target = target.p}, NULL, &out);
    assay_http_result_free(&out);
    assay_buf_free(&target);
    return out.status;
}

START_TEST(each_once_whatever_moves) {
    static const struct {
        size_t n, page;
    } rows[] = {{1, 1}, {1, 5}, {8, 1}, {9, 4}, {100, 7}, {1000, 100}, {1000, 1000}, {11900, 1000}};
    uint64_t rnd = 3;
    for (size_t q = 0; q < sizeof rows / sizeof *rows; q++) {
        static unsigned char seen[MOST];
        size_t total = 0;
        char cursor[sizeof next] = "";
        make_network(rows[q].n);
        page_size = rows[q].page;
        memset(seen, 0, sizeof seen);
        do {
            shuffle(&rnd, rows[q].n);
            ck_assert_int_eq(get_page(cursor), 204);
            for (size_t i = 0; i < on_page; i++) ck_assert_msg(!seen[page[i]]++, "row %zu: %s comes twice", q, codes[page[i]]);
            total += on_page;
            memcpy(cursor, next, sizeof cursor);
        } while (*cursor);
        ck_assert_uint_eq(total, rows[q].n);
    }
}
END_TEST

/* More providers than a cursor has room for: it goes on behind the last one given, wherever that is. */
START_TEST(the_largest_networks_go_on_behind_the_last) {
    make_network(MOST);
    page_size = 5;
    ck_assert_int_eq(get_page(""), 204);
    ck_assert_int_eq(page[4], 4);
    ck_assert_uint_lt(strlen(next), 64);
    char cursor[64];
    memcpy(cursor, next, sizeof cursor);
    order[4] = 9, order[9] = 4; /* the last one given falls back */
    ck_assert_int_eq(get_page(cursor), 204);
    ck_assert_int_eq(page[0], 10);
    make_network(MOST);
    page_size = MOST - 1;
    ck_assert_int_eq(get_page(""), 204);
    ck_assert_str_ne(next, "");
    memcpy(cursor, next, sizeof cursor);
    ck_assert_int_eq(get_page(cursor), 204);
    ck_assert_uint_eq(on_page, 1);
    ck_assert_str_eq(next, "");
}
END_TEST

START_TEST(cursors_are_checked) {
    make_network(10);
    page_size = 3;
    ck_assert_int_eq(get_page(""), 204);
    char cursor[sizeof next];
    memcpy(cursor, next, sizeof cursor);
    for (size_t i = 0; cursor[i]; i++) {
        char was = cursor[i];
        cursor[i] = was == '0' ? '1' : '0';
        ck_assert_int_eq(get_page(cursor), 400);
        cursor[i] = was;
    }
    ck_assert_int_eq(get_page("e"), 400);
    /* A network that has grown, or a cursor that says more than there is. */
    make_network(1000);
    ck_assert_int_eq(get_page(cursor), 204);
    ck_assert_int_eq(page[0], 3);
    page_size = 900;
    ck_assert_int_eq(get_page(""), 204);
    memcpy(cursor, next, sizeof cursor);
    make_network(10);
    ck_assert_int_eq(get_page(cursor), 204);
    ck_assert_uint_eq(on_page, 0);
}
END_TEST

static Suite *suite_of_walk(void) {
    Suite *s = suite_create("walk");
    TCase *t = tcase_create("walk");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, each_once_whatever_moves);
    tcase_add_test(t, the_largest_networks_go_on_behind_the_last);
    tcase_add_test(t, cursors_are_checked);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_walk)
