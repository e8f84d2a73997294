/* load.c -- a load generator that costs little: one thread, N keep-alive connections, each sending its next request when
 * the answer to the last one is there. It repeats one GET, or posts repair events of which each is new.
 *
 * Prints one JSON object. Ends with 1 where anything but the expected status came. Must not know: the daemon's code. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 2048
#define HEAD_MAX 4096
#define CONNECTIONS_MAX 1024
#define STATUS_MAX 600

/* --- made-up events --------------------------------------------------------------------------------------------------------- */

/* What happens to each order in turn: a walk-in repair with one part. */
struct step {
    const char *type, *fields;
    int64_t after_s; /* since the opening */
};
static const struct step story[] = {
    {"order.opened", ",\"channel\":\"walk_in\",\"product\":\"laser_printer\",\"customer_class\":\"ordinary\",\"warranty\":\"in\"",
     0},
    {"part.requested", ",\"request\":1,\"line\":\"1\",\"part_no\":\"C5080-63308\"", 3600},
    {"part.shipped", ",\"line\":\"1\",\"courier\":\"2D10\",\"warehouse\":\"SH01\"", 7200},
    {"part.delivered", ",\"line\":\"1\"", 72000},
    {"part.marked", ",\"line\":\"1\",\"mark\":\"used\"", 80000},
    {"order.closed", ",\"outcome\":\"repaired\"", 84000},
};
enum { STEPS = sizeof story / sizeof *story };

/* So many orders are under way at once: an order's events lie this far apart. */
#define ORDERS_AT_ONCE UINT64_C(1000)
#define FIRST_OPENING INT64_C(976000000) /* 2000-12-05; openings are spread over ten weeks */
#define OPENINGS_SPAN UINT64_C(6000000)

struct providers {
    char *text;
    const char **codes;
    size_t n;
};

/* splitmix64's last step: one to one, so that ids of different numbers differ. */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int write_event(uint64_t seq, const struct providers *p, char *out, size_t size) {
    uint64_t block = seq / (ORDERS_AT_ONCE * STEPS), order = block * ORDERS_AT_ONCE + seq % ORDERS_AT_ONCE;
    const struct step *s = &story[seq / ORDERS_AT_ONCE % STEPS];
    time_t at = FIRST_OPENING + (int64_t)(mix(order) % OPENINGS_SPAN) + s->after_s;
    struct tm t;
    gmtime_r(&at, &t);
    return snprintf(out, size,
                    "{\"id\":\"%016llx\",\"type\":\"%s\",\"provider\":\"%s\",\"order\":\"B%08llu\",\"at\":\"%04d-%02d-%02dT%02d:%"
                    "02d:%02dZ\"%s}",
                    (unsigned long long)mix(seq + 1), s->type, p->codes[order % p->n], (unsigned long long)order,
                    t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, s->fields);
}

static bool read_file(const char *path, char **text, size_t *n) {
    size_t size = 1 << 20;
    FILE *f = fopen(path, "re");
    *text = f ? malloc(size) : NULL;
    if (*text) *n = fread(*text, 1, size - 1, f), (*text)[*n] = '\0';
    if (f) fclose(f);
    return *text != NULL;
}

/* One code a line. */
static bool read_providers(const char *path, struct providers *p) {
    size_t n, lines = 0;
    if (!read_file(path, &p->text, &n)) return false;
    for (size_t i = 0; i < n; i++) lines += p->text[i] == '\n';
    p->codes = malloc((lines + 1) * sizeof *p->codes);
    if (!p->codes) return false;
    char *save = NULL;
    for (char *code = strtok_r(p->text, "\n", &save); code; code = strtok_r(NULL, "\n", &save)) p->codes[p->n++] = code;
    return p->n > 0;
}

/* --- what is asked ------------------------------------------------------------------------------------------------------------ */

struct options {
    struct sockaddr_in address;
    const char *get;     /* the path; NULL: events are posted */
    char head[HEAD_MAX]; /* fields of every request */
    size_t connections;
    double seconds;
    int expect;
    uint64_t first; /* event */
    struct providers providers;
};

struct connection {
    int fd;
    bool wants_out;
    char out[REQUEST_MAX + HEAD_MAX];
    size_t out_n, out_sent;
    int64_t started_us;
    char head[HEAD_MAX]; /* of the reply */
    size_t head_n;
    bool in_body;
    uint64_t body_left;
    int status;
};

struct load {
    struct options o;
    int epoll;
    struct connection *connections;
    size_t under_way;
    uint64_t next_event;
    int64_t end_us; /* no request begins later */
    uint64_t statuses[STATUS_MAX], requests, bytes;
    uint32_t *latencies;
    size_t n, cap;
};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool complain(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "not understood");
    return false;
}

/* --- requests ------------------------------------------------------------------------------------------------------------------ */

static bool make_request(struct load *l, struct connection *c) {
    char body[REQUEST_MAX];
    int n;
    if (l->o.get) {
        n = snprintf(c->out, sizeof c->out, "GET %s HTTP/1.1\r\n%s\r\n", l->o.get, l->o.head);
    } else {
        int size = write_event(l->next_event++, &l->o.providers, body, sizeof body);
        n = snprintf(c->out, sizeof c->out,
                     "POST /v1/repair-events HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                     l->o.head, size, body);
    }
    c->out_n = (size_t)n;
    c->out_sent = 0;
    return n > 0 && c->out_n < sizeof c->out;
}

static bool want_out(struct load *l, struct connection *c, bool on) {
    if (c->wants_out == on) return true;
    struct epoll_event e = {.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    c->wants_out = on;
    return epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e) == 0 || complain("epoll");
}

static bool send_rest(struct load *l, struct connection *c) {
    while (c->out_sent < c->out_n) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_n - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return want_out(l, c, true);
        if (n < 0) return complain("send");
        c->out_sent += (size_t)n;
    }
    return want_out(l, c, false);
}

static bool begin_request(struct load *l, struct connection *c) {
    c->head_n = 0;
    c->in_body = false;
    c->started_us = now_us();
    return make_request(l, c) && send_rest(l, c);
}

/* --- replies ------------------------------------------------------------------------------------------------------------------- */

static bool note_latency(struct load *l, int64_t us) {
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1 << 16;
        uint32_t *more = realloc(l->latencies, l->cap * sizeof *more);
        if (!more) return complain("memory");
        l->latencies = more;
    }
    l->latencies[l->n++] = (uint32_t)us;
    return true;
}

static bool finish_reply(struct load *l, struct connection *c) {
    int64_t now = now_us();
    l->requests++;
    l->statuses[c->status]++;
    if (!note_latency(l, now - c->started_us)) return false;
    if (now < l->end_us) return begin_request(l, c);
    l->under_way--;
    return true;
}

/* The reply's head is whole: how long its body is. */
static bool read_head(struct connection *c) {
    static const char field[] = "\r\nContent-Length:";
    c->head[c->head_n] = '\0';
    c->status = strncmp(c->head, "HTTP/1.1 ", 9) == 0 ? (int)strtol(c->head + 9, NULL, 10) : 0;
    errno = 0;
    if (c->status < 200 || c->status >= STATUS_MAX) return complain("reply");
    const char *length = strcasestr(c->head, field);
    c->body_left = length && c->status != 304 ? strtoull(length + sizeof field - 1, NULL, 10) : 0;
    if (!length && c->status != 304 && c->status != 204) return complain("reply without a Content-Length");
    c->in_body = true;
    return true;
}

/* Takes n bytes of replies; a closed loop never has more than one reply to come. */
static bool take(struct load *l, struct connection *c, const char *p, size_t n) {
    l->bytes += n;
    if (!c->in_body) {
        size_t before = c->head_n, room = sizeof c->head - 1 - c->head_n, part = n < room ? n : room;
        memcpy(c->head + c->head_n, p, part);
        c->head_n += part;
        const char *end = memmem(c->head, c->head_n, "\r\n\r\n", 4);
        errno = 0;
        if (!end) return part == n || complain("reply with too long a head");
        c->head_n = (size_t)(end - c->head) + 4;
        if (!read_head(c)) return false;
        n -= c->head_n - before;
    }
    errno = 0;
    if (n > c->body_left) return complain("more than the reply's body");
    c->body_left -= n;
    return c->body_left > 0 || finish_reply(l, c);
}

static bool receive(struct load *l, struct connection *c) {
    static char chunk[1 << 18];
    ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
    if (n > 0) return take(l, c, chunk, (size_t)n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n == 0) errno = ECONNRESET;
    return complain("the daemon closed a connection");
}

/* --- the loop ------------------------------------------------------------------------------------------------------------------- */

static bool open_connection(struct load *l, struct connection *c) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&l->o.address, sizeof l->o.address) != 0) return complain("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0) return complain("epoll");
    return true;
}

static bool run(struct load *l) {
    struct epoll_event events[CONNECTIONS_MAX];
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->connections = calloc(l->o.connections, sizeof *l->connections);
    if (!l->connections) return complain("memory");
    for (size_t i = 0; i < l->o.connections; i++)
        if (!open_connection(l, &l->connections[i])) return false;
    l->end_us = now_us() + (int64_t)(l->o.seconds * 1e6);
    for (l->under_way = 0; l->under_way < l->o.connections; l->under_way++)
        if (!begin_request(l, &l->connections[l->under_way])) return false;
    while (l->under_way > 0) {
        int n = epoll_wait(l->epoll, events, CONNECTIONS_MAX, 60000);
        if (n < 0 && errno == EINTR) continue;
        errno = ETIMEDOUT;
        if (n <= 0) return complain("no reply");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) && !send_rest(l, c)) return false;
            if ((events[i].events & ~(uint32_t)EPOLLOUT) && !receive(l, c)) return false;
        }
    }
    return true;
}

/* --- the report ------------------------------------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static unsigned quantile(const struct load *l, double q) { return l->n ? l->latencies[(size_t)(q * (double)(l->n - 1))] : 0; }

static bool report(struct load *l, double seconds) {
    struct rusage cpu;
    getrusage(RUSAGE_SELF, &cpu);
    if (l->n) qsort(l->latencies, l->n, sizeof *l->latencies, by_value);
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"rate\": %.3f, \"bytes\": %llu, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": "
           "%u, ",
           (unsigned long long)l->requests, seconds, (double)l->requests / seconds, (unsigned long long)l->bytes,
           quantile(l, 0.5), quantile(l, 0.99), quantile(l, 1));
    printf("\"cpu_seconds\": %.3f, \"next_event\": %llu, \"statuses\": {",
           (double)(cpu.ru_utime.tv_sec + cpu.ru_stime.tv_sec) + (double)(cpu.ru_utime.tv_usec + cpu.ru_stime.tv_usec) / 1e6,
           (unsigned long long)l->next_event);
    const char *comma = "";
    for (int i = 0; i < STATUS_MAX; i++) {
        if (!l->statuses[i]) continue;
        printf("%s\"%d\": %llu", comma, i, (unsigned long long)l->statuses[i]);
        comma = ", ";
    }
    puts("}}");
    return l->statuses[l->o.expect] == l->requests;
}

/* --- the command line ---------------------------------------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: load --port N [--connections N] [--seconds S] [--key FILE] [--header LINE]... [--expect STATUS]\n"
    "            (--get PATH | --providers FILE [--first N])\n"
    "  --get PATH         ask for this again and again\n"
    "  --providers FILE   post repair events of these providers (a code a line), each event another\n"
    "  --first N          number of the first event; the report says the next one\n"
    "  --expect STATUS    what each reply must say (200; 201 for events)\n";

static void add_field(struct options *o, const char *name, const char *value) {
    size_t n = strlen(o->head);
    snprintf(o->head + n, sizeof o->head - n, "%s%s\r\n", name, value);
}

static bool add_key(struct options *o, const char *path) {
    char *text = NULL;
    size_t n;
    if (!read_file(path, &text, &n)) return complain(path);
    text[strcspn(text, "\r\n")] = '\0';
    add_field(o, "Authorization: Bearer ", text);
    free(text);
    return true;
}

static bool take_option(struct options *o, int c, const char *value) {
    switch (c) {
    case 'p': o->address.sin_port = htons((uint16_t)strtoul(value, NULL, 10)); break;
    case 'c': o->connections = strtoul(value, NULL, 10); break;
    case 's': o->seconds = strtod(value, NULL); break;
    case 'k': return add_key(o, value);
    case 'h': add_field(o, "", value); break;
    case 'e': o->expect = (int)strtol(value, NULL, 10); break;
    case 'g': o->get = value; break;
    case 'P': return read_providers(value, &o->providers) || complain(value);
    case 'f': o->first = strtoull(value, NULL, 10); break;
    default: return false;
    }
    return true;
}

static bool parse(int argc, char **argv, struct options *o) {
    static const struct option longs[] = {{"port", 1, NULL, 'p'}, {"connections", 1, NULL, 'c'}, {"seconds", 1, NULL, 's'},
                                          {"key", 1, NULL, 'k'},  {"header", 1, NULL, 'h'},      {"expect", 1, NULL, 'e'},
                                          {"get", 1, NULL, 'g'},  {"providers", 1, NULL, 'P'},   {"first", 1, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    *o = (struct options){
        .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, .connections = 64, .seconds = 5};
    add_field(o, "Host: ", "127.0.0.1");
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        if (!take_option(o, c, optarg)) return false;
    if (!o->expect) o->expect = o->get ? 200 : 201;
    bool sane = o->connections >= 1 && o->connections <= CONNECTIONS_MAX && o->seconds > 0 && o->expect > 0 &&
                o->expect < STATUS_MAX;
    return sane && optind == argc && o->address.sin_port && (o->get != NULL) != (o->providers.n > 0);
}

int main(int argc, char **argv) {
    static struct load l;
    if (!parse(argc, argv, &l.o)) {
        fputs(usage, stderr);
        return 2;
    }
    l.next_event = l.o.first;
    int64_t start = now_us();
    if (!run(&l)) return 1;
    return !report(&l, (double)(now_us() - start) / 1e6);
}
