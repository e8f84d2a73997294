/* peers.h -- whose request it is: the peer's address, or what a trusted proxy says of it. Knows no request. */
#ifndef ASSAY_HTTP_PEERS_H
#define ASSAY_HTTP_PEERS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "assay/http.h"

/* The client's address as text: the peer's; where that is one of `trusted` (NULL: none), the rightmost entry of
 * X-Forwarded-For that is not, for what stands left of that anyone can have written. "" where there is no address. */
void assay_http_client(const struct assay_http_networks *trusted, const struct sockaddr *peer, struct assay_str forwarded,
                       char out[INET6_ADDRSTRLEN]);

#endif
