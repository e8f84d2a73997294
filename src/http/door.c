/* door.c -- what stands before the HTTP library and beside it: the listening socket, the limit on connections with an
 * answer beyond it, deadlines, and the last breath of connections that are closed.
 *
 * The library is never given the socket to listen on. So the limit is one number however many HTTP threads there are, a
 * client beyond it is told so instead of hanging, and an orderly end needs no quiescing of the library: the socket is
 * closed here. The library has no notion of a deadline either (whatever arrives restarts its clock), so connections are
 * looked at ten times a second, and one whose time is up is shut down at the socket, which the library sees as the
 * client's leaving. */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"

#define TICK_US 100000
#define LOOK_EVERY 5 /* ticks between looks for clients that left */
#define LINGER_US 2000000
#define LINGERING_MAX 64
#define BACKLOG 1024

struct lingering {
    int fd;
    int64_t until_us;
};
struct assay_http_door {
    struct assay_http_site *site;
    struct assay_http_door_events events;
    int listener, wake;
    char address[NI_MAXHOST + NI_MAXSERV + 4];
    uint16_t port;
    pthread_t thread;
    bool running;
    atomic_bool ending;
    atomic_uint connections; /* taken and not closed */

    pthread_mutex_t lock; /* of the list, and of `shut` */
    pthread_cond_t closed;
    bool shutting, shut;
    unsigned listed;
    struct assay_http_conn *conns;

    pthread_mutex_t linger_lock; /* a leaf: taken with any other held */
    size_t n_lingering;
    struct lingering lingering[LINGERING_MAX];
};

const char *assay_http_door_address(const struct assay_http_door *d) { return d->address; }
uint16_t assay_http_door_port(const struct assay_http_door *d) { return d->port; }

static void wake(struct assay_http_door *d) {
    uint64_t one = 1;
    if (write(d->wake, &one, sizeof one) < 0) return; /* full: it will wake anyway */
}

/* --- lingering ---------------------------------------------------------------------------------------------------- */
/* The kernel answers data on a closed socket with a reset, and a reset destroys a reply the client has not read yet. So a
 * connection closed with data still to come is kept, read and forgotten, until its client closes too. */
static void linger_take(struct assay_http_door *d, int fd) {
    pthread_mutex_lock(&d->linger_lock);
    if (d->n_lingering == LINGERING_MAX) {
        close(d->lingering[0].fd);
        memmove(d->lingering, d->lingering + 1, (LINGERING_MAX - 1) * sizeof *d->lingering);
        d->n_lingering--;
    }
    d->lingering[d->n_lingering++] = (struct lingering){fd, assay_clock_monotonic_us() + LINGER_US};
    pthread_mutex_unlock(&d->linger_lock);
}

void assay_http_door_linger(struct assay_http_door *d, int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0) linger_take(d, copy);
}

/* A socket shut down for reading says 0 whatever its peer does: ask what the peer did. */
static bool peer_closed(int fd) {
    struct tcp_info info;
    socklen_t n = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0) return true;
    return info.tcpi_state == TCP_CLOSE || info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
           info.tcpi_state == TCP_CLOSING || info.tcpi_state == TCP_TIME_WAIT;
}

static bool linger_over(const struct lingering *l, int64_t now) {
    char sink[16384];
    ssize_t n = 0;
    for (int i = 0; i < 64 && (n = recv(l->fd, sink, sizeof sink, MSG_DONTWAIT)) > 0; i++) continue;
    if (now >= l->until_us) return true;
    if (n < 0) return errno != EAGAIN && errno != EINTR;
    return n == 0 && peer_closed(l->fd);
}

static size_t sweep_lingering(struct assay_http_door *d, int64_t now) {
    pthread_mutex_lock(&d->linger_lock);
    size_t kept = 0;
    for (size_t i = 0; i < d->n_lingering; i++) {
        if (linger_over(&d->lingering[i], now)) close(d->lingering[i].fd);
        else d->lingering[kept++] = d->lingering[i];
    }
    d->n_lingering = kept;
    pthread_mutex_unlock(&d->linger_lock);
    return kept;
}

/* --- taking connections ------------------------------------------------------------------------------------------- */
/* Under TLS there is nobody to speak with yet, and a handshake is the very work there is no room for: closed at once. */
static void turn_away(struct assay_http_door *d, int fd) {
    assay_metric_add(d->site->rejected[REJECTED_CONNECTIONS], 1);
    if (d->site->c.tls) {
        close(fd);
        return;
    }
    char id[ASSAY_HTTP_ID_TEXT];
    struct assay_buf wire = {0};
    assay_http_make_id(id);
    /* The request is not read. Where pages of one origin only may come, it is theirs to read; else that is not known. */
    const char *const *origins = d->site->c.origins;
    assay_http_wire_problem(&(struct assay_http_wire){.status = ASSAY_OVERLOADED,
                                                      .id = assay_str_c(id),
                                                      .site = d->site,
                                                      .origin = origins && !origins[1] ? origins[0] : NULL},
                            &wire);
    if (send(fd, wire.p, wire.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) shutdown(fd, SHUT_WR);
    assay_buf_free(&wire);
    linger_take(d, fd);
}

static void take(struct assay_http_door *d, int fd, const struct sockaddr *addr, socklen_t addr_len) {
    if (atomic_load(&d->connections) >= d->site->c.connections) {
        turn_away(d, fd);
        return;
    }
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    atomic_fetch_add(&d->connections, 1);
    d->events.arrived(d->events.arg, fd, addr, addr_len);
}

/* Take what has connected. False: no descriptor or memory for more just now. */
static bool accept_all(struct assay_http_door *d) {
    for (;;) {
        struct sockaddr_storage addr;
        socklen_t n = sizeof addr;
        int fd = accept4(d->listener, (struct sockaddr *)&addr, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) take(d, fd, (struct sockaddr *)&addr, n);
        else if (errno == EAGAIN) return true;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return false;
    }
}

static void shut_now(struct assay_http_door *d) {
    accept_all(d);
    close(d->listener);
    d->listener = -1;
    pthread_mutex_lock(&d->lock);
    d->shut = true;
    pthread_cond_broadcast(&d->closed);
    pthread_mutex_unlock(&d->lock);
}

/* --- deadlines ---------------------------------------------------------------------------------------------------- */
static int64_t body_us(const struct assay_http_exchange *x) {
    const struct assay_http_route *route = x->pub.route;
    return (route->body_ms ? route->body_ms : x->site->c.body_ms) * 1000;
}

/* Reset, or at its end: a client that ended only its own side is taken to have left, as the library takes it. */
static bool has_left(int fd) {
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* The library reads once per event of the kernel's, and an end that came in the same event as the last data it does not see
 * (epoll is edge-triggered). Shutting down what is at its end already makes another event. */
static void nudge(int fd) {
    if (has_left(fd)) shutdown(fd, SHUT_RD);
}

static void sweep_request(struct assay_http_door *d, struct assay_http_conn *conn, int64_t now, bool look) {
    const struct assay_http_config *c = &d->site->c;
    struct assay_http_exchange *x = conn->x;
    pthread_mutex_lock(&x->lock);
    int64_t age = now - x->phase_us;
    if (look && x->phase <= PHASE_BODY && !x->suspended) nudge(conn->fd);
    switch (x->phase) {
    case PHASE_HEAD:
        if (age > c->head_ms * 1000) shutdown(conn->fd, SHUT_RDWR);
        break;
    case PHASE_BODY:
        /* A body that stands still because its reader is slow is not its sender's fault; the whole time counts all the same. */
        if (!x->cut && (age > body_us(x) || (!x->suspended && now - x->moved_us > c->idle_ms * 1000)))
            d->events.late(d->events.arg, x);
        break;
    case PHASE_WORK:
        /* Under TLS a farewell that nobody reads yet stands before the end of the stream. */
        if (look && (has_left(conn->fd) || (c->tls && peer_closed(conn->fd)))) atomic_store(&x->gone, true);
        break;
    case PHASE_REPLY:
        if (age > c->reply_ms * 1000) shutdown(conn->fd, SHUT_RDWR);
        break;
    }
    pthread_mutex_unlock(&x->lock);
}

static void sweep(struct assay_http_door *d, int64_t now, bool look) {
    pthread_mutex_lock(&d->lock);
    for (struct assay_http_conn *conn = d->conns; conn; conn = conn->next) {
        if (conn->x) sweep_request(d, conn, now, look);
        else if (now - conn->since_us > d->site->c.idle_ms * 1000) shutdown(conn->fd, SHUT_RDWR);
        else if (look) nudge(conn->fd);
    }
    pthread_mutex_unlock(&d->lock);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */
static bool is_shutting(struct assay_http_door *d) {
    pthread_mutex_lock(&d->lock);
    bool shutting = d->shutting;
    pthread_mutex_unlock(&d->lock);
    return shutting;
}

static void *door_main(void *arg) {
    struct assay_http_door *d = arg;
    int64_t swept = 0, paused_until = 0;
    unsigned ticks = 0;
    while (!atomic_load(&d->ending)) {
        int64_t now = assay_clock_monotonic_us();
        struct pollfd fds[] = {{.fd = d->wake, .events = POLLIN},
                               {.fd = now < paused_until ? -1 : d->listener, .events = POLLIN}};
        bool idle = atomic_load(&d->connections) == 0 && sweep_lingering(d, now) == 0 && now >= paused_until;
        poll(fds, 2, idle ? -1 : TICK_US / 1000);
        uint64_t count;
        if ((fds[0].revents & POLLIN) && read(d->wake, &count, sizeof count) < 0) continue;
        now = assay_clock_monotonic_us();
        if (d->listener >= 0 && (fds[1].revents & POLLIN) && !accept_all(d)) paused_until = now + TICK_US;
        if (d->listener >= 0 && is_shutting(d)) shut_now(d);
        if (now - swept < TICK_US) continue;
        swept = now;
        sweep(d, now, ++ticks % LOOK_EVERY == 0);
        sweep_lingering(d, now);
    }
    return NULL;
}

/* --- the HTTP library's side -------------------------------------------------------------------------------------- */
struct assay_http_conn *assay_http_door_enter(struct assay_http_door *d, int fd) {
    struct assay_http_conn *conn = assay_xcalloc(1, sizeof *conn);
    conn->fd = fd;
    conn->since_us = assay_clock_monotonic_us();
    pthread_mutex_lock(&d->lock);
    conn->next = d->conns;
    if (conn->next) conn->next->prev = conn;
    d->conns = conn;
    d->listed++;
    pthread_mutex_unlock(&d->lock);
    return conn;
}

void assay_http_door_request(struct assay_http_door *d, struct assay_http_conn *conn, struct assay_http_exchange *x) {
    pthread_mutex_lock(&d->lock);
    conn->x = x;
    if (!x) conn->since_us = assay_clock_monotonic_us();
    pthread_mutex_unlock(&d->lock);
}

void assay_http_door_leave(struct assay_http_door *d, struct assay_http_conn *conn) {
    pthread_mutex_lock(&d->lock);
    if (conn->prev) conn->prev->next = conn->next;
    else d->conns = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
    d->listed--;
    pthread_mutex_unlock(&d->lock);
    free(conn);
    assay_http_door_lost(d);
}

void assay_http_door_lost(struct assay_http_door *d) { atomic_fetch_sub(&d->connections, 1); }

void assay_http_door_shut(struct assay_http_door *d) {
    pthread_mutex_lock(&d->lock);
    d->shutting = true;
    wake(d);
    while (!d->shut) pthread_cond_wait(&d->closed, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

bool assay_http_door_quiet(struct assay_http_door *d) {
    char byte;
    pthread_mutex_lock(&d->lock);
    bool quiet = d->listed == atomic_load(&d->connections);
    for (struct assay_http_conn *conn = d->conns; conn && quiet; conn = conn->next)
        quiet = !conn->x && recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
    pthread_mutex_unlock(&d->lock);
    return quiet;
}

void assay_http_door_each(struct assay_http_door *d, void (*fn)(void *arg, struct assay_http_exchange *x), void *arg) {
    pthread_mutex_lock(&d->lock);
    for (struct assay_http_conn *conn = d->conns; conn; conn = conn->next) {
        if (!conn->x) continue;
        pthread_mutex_lock(&conn->x->lock);
        fn(arg, conn->x);
        pthread_mutex_unlock(&conn->x->lock);
    }
    pthread_mutex_unlock(&d->lock);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */
/* "host:port", "[v6]:port" or ":port". */
static bool split_address(const char *listen, char host[NI_MAXHOST], char port[NI_MAXSERV]) {
    const char *colon = strrchr(listen, ':');
    if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) >= NI_MAXSERV) return false;
    struct assay_str h = {listen, (size_t)(colon - listen)};
    bool bracketed = h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']';
    if (bracketed) h = (struct assay_str){h.p + 1, h.n - 2};
    else if (memchr(h.p, ':', h.n)) return false;
    if (h.n >= NI_MAXHOST) return false;
    memcpy(host, h.p, h.n);
    host[h.n] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

/* All addresses: one IPv6 socket that takes IPv4 too, where the kernel has IPv6. */
static int listen_on(const struct addrinfo *a, bool all) {
    int on = 1, off = 0;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, all ? &off : &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int listen_any(const struct addrinfo *list, bool all) {
    static const int families[] = {AF_INET6, AF_INET};
    /* For all addresses IPv6 comes first; a host's addresses stand in the resolver's order. */
    for (size_t f = 0; all && f < 2; f++)
        for (const struct addrinfo *a = list; a; a = a->ai_next) {
            int fd = a->ai_family == families[f] ? listen_on(a, true) : -1;
            if (fd >= 0) return fd;
        }
    for (const struct addrinfo *a = list; a && !all; a = a->ai_next) {
        int fd = listen_on(a, false);
        if (fd >= 0) return fd;
    }
    return -1;
}

static enum assay_status name_address(struct assay_http_door *d, struct assay_error *e) {
    struct sockaddr_storage addr = {0};
    socklen_t n = sizeof addr;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(d->listener, (struct sockaddr *)&addr, &n) != 0 ||
        getnameinfo((struct sockaddr *)&addr, n, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return assay_fail(e, ASSAY_IO, "listen", "the address cannot be told: %s", strerror(errno));
    snprintf(d->address, sizeof d->address, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    d->port = (uint16_t)strtoul(port, NULL, 10);
    return ASSAY_OK;
}

static enum assay_status open_listener(struct assay_http_door *d, const char *listen, struct assay_error *e) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (!listen || !split_address(listen, host, port))
        return assay_fail(e, ASSAY_CONFIG, "listen", "must be host:port, [address]:port or :port");
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list;
    int rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (rc != 0) return assay_fail(e, ASSAY_CONFIG, "listen", "%s: %s", listen, gai_strerror(rc));
    d->listener = listen_any(list, !host[0]);
    int why = errno;
    freeaddrinfo(list);
    if (d->listener < 0) return assay_fail(e, ASSAY_IO, "listen", "%s: %s", listen, strerror(why));
    return name_address(d, e);
}

/* The limit must be reachable, or the kernel's would come first, and that one has no answer. */
static enum assay_status raise_files(unsigned connections, struct assay_error *e) {
    struct rlimit files;
    rlim_t need = (rlim_t)connections + ASSAY_HTTP_FILES_BESIDES;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= need) return ASSAY_OK;
    if (files.rlim_max < need)
        return assay_fail(e, ASSAY_CONFIG, "connections", "%u connections need %llu descriptors, but only %llu are allowed",
                          connections, (unsigned long long)need, (unsigned long long)files.rlim_max);
    files.rlim_cur = need;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) return assay_fail(e, ASSAY_IO, "connections", "setrlimit: %s", strerror(errno));
    return ASSAY_OK;
}

enum assay_status assay_http_door_open(struct assay_http_site *site, const struct assay_http_door_events *events,
                                       struct assay_http_door **out, struct assay_error *e) {
    struct assay_http_door *d = assay_xcalloc(1, sizeof *d);
    d->site = site;
    d->events = *events;
    d->listener = -1;
    d->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->linger_lock, NULL);
    pthread_cond_init(&d->closed, NULL);
    enum assay_status s = d->wake < 0 ? assay_fail(e, ASSAY_IO, "", "eventfd: %s", strerror(errno)) : ASSAY_OK;
    if (!s) s = raise_files(site->c.connections, e);
    if (!s) s = open_listener(d, site->c.listen, e);
    if (s) assay_http_door_free(d);
    else *out = d;
    return s;
}

static double read_connections(void *arg) { return atomic_load(&((struct assay_http_door *)arg)->connections); }

enum assay_status assay_http_door_start(struct assay_http_door *d, struct assay_error *e) {
    if (pthread_create(&d->thread, NULL, door_main, d) != 0) return assay_fail(e, ASSAY_IO, "", "no thread for the door");
    d->running = true;
    if (d->site->c.metrics)
        assay_metrics_reader(d->site->c.metrics, "assay_http_connections", NULL, "Open connections.", false, read_connections, d);
    return ASSAY_OK;
}

void assay_http_door_free(struct assay_http_door *d) {
    if (!d) return;
    if (d->running) {
        atomic_store(&d->ending, true);
        wake(d);
        pthread_join(d->thread, NULL);
        if (d->site->c.metrics) assay_metrics_forget(d->site->c.metrics, d);
    }
    for (size_t i = 0; i < d->n_lingering; i++) close(d->lingering[i].fd);
    if (d->listener >= 0) close(d->listener);
    if (d->wake >= 0) close(d->wake);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->linger_lock);
    pthread_cond_destroy(&d->closed);
    free(d);
}
