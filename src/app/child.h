/* child.h -- programs run by the daemon: as a given user, without a shell, with a clean environment and no descriptor but
 * the three it is given. Must not know: what the programs are for. */
#ifndef ASSAY_CHILD_H
#define ASSAY_CHILD_H

#include <sys/types.h>

#include "assay/str.h"

/* Whom a program runs as. Who runs this process already may run programs as himself, root as anybody. */
#define ASSAY_USER_GROUPS_MAX 128
struct assay_user {
    uid_t uid;
    gid_t gid;
    int n_groups;
    gid_t groups[ASSAY_USER_GROUPS_MAX];
    char name[64];
};
/* ASSAY_CONFIG where there is no such user (or one of too many groups). */
enum assay_status assay_user_named(const char *name, struct assay_user *out, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_user_numbered(uid_t uid, struct assay_user *out, struct assay_error *e) ASSAY_MUST_CHECK;

/* How many bytes of the absolute path name the first directory on the way (the last included) that the user cannot
 * enter; 0 where all can be. */
size_t assay_user_blocked_at(const struct assay_user *u, const char *path);

struct assay_child {
    const struct assay_user *user;
    const char *dir;         /* working directory */
    const char *const *argv; /* argv[0] is the program's absolute path; NULL-terminated */
    int in, out;             /* standard input; standard output and error. -1: /dev/null */
    bool outlives;           /* in a session of its own, lives on when this process dies; else it is killed then */
};
/* Start. Returns the process, which the caller has to wait for; -1 with errno. A program that cannot be executed ends
 * with status 127, one that cannot become its user or enter its directory with 126. */
pid_t assay_child_start(const struct assay_child *spec);

/* Run to the end (spec's in and out are not looked at): input (at most a few KiB; may be NULL) on standard input, what
 * the program says (its first 64 KiB) into said. *status as waitpid gives it. ASSAY_IO where it could not be run. */
enum assay_status assay_child_run(const struct assay_child *spec, const char *input, struct assay_buf *said, int *status,
                                  struct assay_error *e) ASSAY_MUST_CHECK;
/* "exit status 1", "signal 9" */
const char *assay_child_ending(int status, char buf[32]);

#endif
