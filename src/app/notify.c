/* notify.c -- a datagram to the socket that NOTIFY_SOCKET names. The protocol is stable and this small; libsystemd would be one
 * more library to load, with parsers of its own in a process that holds keys. */
#include "app/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "assay/str.h"
#include "assay/time.h"

void assay_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof to.sun_path || (*path != '/' && *path != '@')) return;
    memcpy(to.sun_path, path, n);
    if (*path == '@') to.sun_path[0] = '\0'; /* an abstract one */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    /* Who does not read it in time does without. */
    (void)!sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}

void assay_notify_reloading(void) {
    struct assay_buf b = {0};
    assay_buf_printf(&b, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)assay_clock_monotonic_us());
    assay_notify(b.p);
    assay_buf_free(&b);
}
