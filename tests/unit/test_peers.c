/* Who the client is: the peer, or what trusted proxies say. */
#include "http/peers.h"

#include <arpa/inet.h>

#include "check_main.h"

static struct assay_arena arena;

static const struct assay_http_networks *trust(const char *text) {
    const struct assay_http_networks *list;
    struct assay_error e = {0};
    ck_assert_msg(assay_http_networks_parse(text, &arena, &list, &e) == ASSAY_OK, "%s: %s", text, e.detail);
    return list;
}

static const char *client(const char *trusted, const char *peer, const char *forwarded) {
    static char out[INET6_ADDRSTRLEN];
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    bool is_four = inet_pton(AF_INET, peer, &four.sin_addr) == 1;
    if (!is_four) ck_assert_int_eq(inet_pton(AF_INET6, peer, &six.sin6_addr), 1);
    assay_http_client(trust(trusted), is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six,
                      forwarded ? assay_str_c(forwarded) : ASSAY_STR_NONE, out);
    return out;
}

START_TEST(clients_by_trust) {
    static const struct {
        const char *trusted, *peer, *forwarded, *client;
    } rows[] = {
        {"", "192.0.2.7", NULL, "192.0.2.7"},
        {"", "192.0.2.7", "198.51.100.1", "192.0.2.7"}, /* nobody is trusted */
        {"10.0.0.0/8", "192.0.2.7", "198.51.100.1", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", NULL, "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.0/8", "10.1.2.3", "203.0.113.9, 198.51.100.1", "198.51.100.1"}, /* what the client wrote is left of it */
        {"10.0.0.0/8", "10.1.2.3", "203.0.113.9, 198.51.100.1, 10.9.9.9", "198.51.100.1"}, /* two proxies */
        {"10.0.0.0/8", "10.1.2.3", "10.8.8.8,10.9.9.9", "10.8.8.8"},                       /* all ours: the farthest */
        {"10.0.0.0/8", "10.1.2.3", "unknown", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1, _hidden, 10.9.9.9", "10.9.9.9"},
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1,", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1:4711", "198.51.100.1"},
        {"10.0.0.0/8", "10.1.2.3", "[2001:db8::5]:4711", "2001:db8::5"},
        {"10.0.0.0/8", "10.1.2.3", "2001:db8::5", "2001:db8::5"},
        {"10.0.0.0/8", "10.1.2.3", "198.51.100.1\" or so", "10.1.2.3"},
        {"10.0.0.0/8", "::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"}, /* a socket for both families */
        {"::1, fd00::/8", "::1", "fd12::1, 2001:db8::1", "2001:db8::1"},
        {"::1, fd00::/8", "::1", "2001:db8::1, fd12::1", "2001:db8::1"},
        {"127.0.0.1", "127.0.0.2", "198.51.100.1", "127.0.0.2"},
        {"192.0.2.128/25", "192.0.2.127", "198.51.100.1", "192.0.2.127"},
        {"192.0.2.128/25", "192.0.2.128", "198.51.100.1", "198.51.100.1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = client(rows[i].trusted, rows[i].peer, rows[i].forwarded);
        ck_assert_msg(!strcmp(got, rows[i].client), "row %zu: %s, not %s", i, got, rows[i].client);
    }
    assay_arena_free(&arena);
}
END_TEST

START_TEST(without_an_address) {
    char out[INET6_ADDRSTRLEN] = "x";
    assay_http_client(NULL, NULL, assay_str_c("198.51.100.1"), out);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(networks_are_checked) {
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0.1/8",           "10.0.0/8",     "10.0.0.0/", "10.0.0.0/-1",
                                      "10.0.0.0/8x", "proxy.example",        "fd00::/129",   "fd00::1/8", "0.0.0.0/0",
                                      "::/0",        "10.0.0.0/8, nonsense", "10.0.0.0/0008"};
    const struct assay_http_networks *list;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct assay_error e = {0};
        ck_assert_msg(assay_http_networks_parse(bad[i], &arena, &list, &e) == ASSAY_CONFIG, "%s was taken", bad[i]);
        ck_assert_str_eq(e.field, "trusted-proxies");
        ck_assert_ptr_null(list);
    }
    ck_assert_ptr_null(trust(""));
    ck_assert_ptr_null(trust(" , "));
    assay_arena_free(&arena);
}
END_TEST

static Suite *suite_of_peers(void) {
    Suite *s = suite_create("peers");
    TCase *t = tcase_create("peers");
    tcase_add_test(t, clients_by_trust);
    tcase_add_test(t, without_an_address);
    tcase_add_test(t, networks_are_checked);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_peers)
