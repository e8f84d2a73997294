/* peers.c -- addresses and networks, IPv4 as the IPv6 addresses it is mapped to, so that there is one way to compare. */
#include "http/peers.h"

#include <arpa/inet.h>

#include "internal.h"

struct network {
    struct in6_addr address;
    unsigned bits; /* that count */
};
struct assay_http_networks {
    size_t n;
    struct network list[];
};

static void map_v4(const void *v4, struct in6_addr *out) {
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(out->s6_addr, prefix, sizeof prefix);
    memcpy(out->s6_addr + sizeof prefix, v4, 4);
}

/* v4: it was written as one. */
static bool parse_address(struct assay_str s, struct in6_addr *out, bool *v4) {
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n)) return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *v4 = inet_pton(AF_INET, text, &four) == 1;
    if (*v4) map_v4(&four, out);
    return *v4 || inet_pton(AF_INET6, text, out) == 1;
}

static bool parse_bits(struct assay_str s, unsigned most, unsigned *out) {
    unsigned v = 0;
    if (s.n < 1 || s.n > 3) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    *out = v;
    return v <= most;
}

static bool within(const struct in6_addr *a, const struct network *n) {
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(a->s6_addr, n->address.s6_addr, whole) != 0) return false;
    return !rest || ((a->s6_addr[whole] ^ n->address.s6_addr[whole]) >> (8 - rest)) == 0;
}

static bool is_listed(const struct assay_http_networks *list, const struct in6_addr *a) {
    for (size_t i = 0; list && i < list->n; i++)
        if (within(a, &list->list[i])) return true;
    return false;
}

/* A network whose address has bits beyond its length is a slip of somebody who meant another: refused. */
static bool is_exact(const struct network *n) {
    for (unsigned bit = n->bits; bit < 128; bit++)
        if (n->address.s6_addr[bit / 8] & (0x80 >> bit % 8)) return false;
    return true;
}

static enum assay_status parse_network(struct assay_str s, struct network *out, struct assay_error *e) {
    const char *slash = memchr(s.p, '/', s.n), *why = NULL;
    struct assay_str address = {s.p, slash ? (size_t)(slash - s.p) : s.n};
    bool v4 = false;
    out->bits = 128;
    if (!parse_address(address, &out->address, &v4)) why = "is no address or network, as 10.0.0.0/8 or ::1";
    else if (slash && !parse_bits((struct assay_str){slash + 1, s.n - address.n - 1}, v4 ? 32 : 128, &out->bits))
        why = "has no length from 0 to 32 (IPv4) or 128 (IPv6) behind its slash";
    else {
        if (slash && v4) out->bits += 96;
        if (!is_exact(out)) why = "has bits beyond its length";
        else if (slash && out->bits == (v4 ? 96 : 0)) why = "would let anyone say who they are; name the proxies";
    }
    return why ? assay_fail(e, ASSAY_CONFIG, "trusted-proxies", "trusted-proxies: \"%.*s\" %s", (int)(s.n < 80 ? s.n : 80), s.p,
                            why)
               : ASSAY_OK;
}

enum assay_status assay_http_networks_parse(const char *text, struct assay_arena *a, const struct assay_http_networks **out,
                                            struct assay_error *e) {
    struct assay_str rest = assay_str_c(text), s;
    struct assay_http_networks *list = assay_arena_alloc(a, sizeof *list + (strlen(text) / 2 + 1) * sizeof *list->list);
    list->n = 0;
    *out = NULL;
    while (assay_http_list_next(&rest, &s)) {
        enum assay_status st = parse_network(s, &list->list[list->n], e);
        if (st) return st;
        list->n++;
    }
    if (list->n) *out = list;
    return ASSAY_OK;
}

/* An entry of X-Forwarded-For; some proxies add the port. */
static bool parse_entry(struct assay_str s, struct in6_addr *out) {
    bool v4;
    const char *end;
    if (s.n && s.p[0] == '[' && (end = memchr(s.p, ']', s.n))) s = (struct assay_str){s.p + 1, (size_t)(end - s.p - 1)};
    else if (s.n && (end = memchr(s.p, ':', s.n)) && !memchr(end + 1, ':', s.n - (size_t)(end + 1 - s.p)))
        s.n = (size_t)(end - s.p);
    return parse_address(s, out, &v4);
}

static bool address_of(const struct sockaddr *peer, struct in6_addr *out) {
    if (peer && peer->sa_family == AF_INET) map_v4(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, out);
    else if (peer && peer->sa_family == AF_INET6) *out = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    else return false;
    return true;
}

void assay_http_client(const struct assay_http_networks *trusted, const struct sockaddr *peer, struct assay_str forwarded,
                       char out[INET6_ADDRSTRLEN]) {
    struct in6_addr client, said;
    out[0] = '\0';
    if (!address_of(peer, &client)) return;
    /* From the right: each entry was written by the one behind it, and holds as long as that one is trusted. */
    while (forwarded.p && is_listed(trusted, &client)) {
        size_t from = forwarded.n;
        while (from > 0 && forwarded.p[from - 1] != ',') from--;
        if (!parse_entry(assay_http_trim((struct assay_str){forwarded.p + from, forwarded.n - from}), &said)) break;
        client = said;
        if (!from) break;
        forwarded.n = from - 1;
    }
    if (IN6_IS_ADDR_V4MAPPED(&client)) inet_ntop(AF_INET, client.s6_addr + 12, out, INET6_ADDRSTRLEN);
    else inet_ntop(AF_INET6, &client, out, INET6_ADDRSTRLEN);
}
