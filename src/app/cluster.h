/* cluster.h -- the private PostgreSQL of a daemon that was given no database URL: made, started, adopted and stopped in
 * its state directory. Runs the server's programs, nothing else; must not know: SQL beyond creating the database, libpq.
 *
 *   DIR/lock           held by the one daemon that uses DIR; says its process
 *   DIR/postgres/      the data directory; assay.conf, pg_hba.conf and pg_ident.conf in it are rewritten at each start
 *   DIR/postgres/log/  the server's log, a file per weekday, each overwritten a week later
 *   DIR/postgres.log   what the server said at its last start, before its own log was open
 *   DIR/run/           the socket, in reach of the server's user and root only; elsewhere where that path is too long
 *
 * Only over that socket, and only as the operating system users that own daemon and server (peer), can one connect. */
#ifndef ASSAY_CLUSTER_H
#define ASSAY_CLUSTER_H

#include "assay/error.h"
#include "assay/str.h"

struct assay_cluster;

/* Bring the cluster of state_dir (created where its parent exists) up and wait until it accepts connections, crash
 * recovery included. A server left behind by a killed daemon is adopted. Started by root, the server runs as the owner
 * of state_dir, or as `postgres` where that is root. ASSAY_PG_BIN names the folder of the server's programs; by default
 * the newest of /usr/lib/postgresql, or the one that made the data directory.
 * ASSAY_CONFIG: what the operator has to mend (field "state-dir" or "ASSAY_PG_BIN"), another daemon's lock included.
 * ASSAY_IO, ASSAY_DATABASE_UNAVAILABLE: with what initdb or the server said. *out is the caller's to stop. */
enum assay_status assay_cluster_start(const char *state_dir, struct assay_cluster **out, struct assay_error *e) ASSAY_MUST_CHECK;

/* Whether a daemon uses the cluster of state_dir at this moment; then conninfo is where its server listens. Changes nothing. */
bool assay_cluster_in_use(const char *state_dir, struct assay_buf *conninfo);

/* "host=/... port=5432 user=assay dbname=assay"; lives as long as the cluster. */
const char *assay_cluster_conninfo(const struct assay_cluster *c);

/* A descriptor that polls readable once the server has ended by itself (stop, then start again). */
int assay_cluster_ended_fd(const struct assay_cluster *c);

/* Stop the server (clients are cut off, a checkpoint is written; at most a minute and a half, harsher step by step) and
 * let go of the state directory. NULL is allowed. */
void assay_cluster_stop(struct assay_cluster *c);

#endif
