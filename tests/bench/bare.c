/* bare.c -- the baseline of polls: libmicrohttpd with nothing behind it. One thread answers each GET with the same bytes and
 * the headers that the daemon sends with them, or 304 where If-None-Match names the tag.
 *
 * usage: bare FILE, the body. Prints the port it got; ends when its input does. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX ((size_t)64 << 20)
#define ETAG "\"0123456789abcdef0123456789abcdef\""

static char *body;
static size_t body_size;

static enum MHD_Result answer(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                              const char *upload, size_t *upload_size, void **con_cls) {
    static int seen;
    (void)cls, (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    if (!*con_cls) {
        *con_cls = &seen;
        return MHD_YES;
    }
    const char *held = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
    int same = held && strcmp(held, ETAG) == 0;
    struct MHD_Response *r = MHD_create_response_from_buffer(same ? 0 : body_size, body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(r, "ETag", ETAG);
    MHD_add_response_header(r, "Cache-Control", "private, no-cache");
    if (!same) MHD_add_response_header(r, "Content-Type", "application/json");
    MHD_add_response_header(r, "Vary", "Accept-Encoding");
    MHD_add_response_header(r, "X-Request-Id", "0123456789abcdef0123456789abcdef");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    enum MHD_Result rc = MHD_queue_response(c, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return rc;
}

int main(int argc, char **argv) {
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    body = malloc(BODY_MAX);
    if (!f || !body) return 2;
    body_size = fread(body, 1, BODY_MAX, f);
    fclose(f);
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR,
                                            (struct sockaddr *)&loopback, MHD_OPTION_END);
    if (!d) return 1;
    printf("%d\n", MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    char c;
    while (read(STDIN_FILENO, &c, 1) > 0) continue;
    MHD_stop_daemon(d);
    free(body);
    return 0;
}
