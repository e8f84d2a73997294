/* keys.h -- who may come in (keys that are kept in the database), and what was done in whose name (the audit log).
 *
 * A key is 256 random bits behind a name by which it is found: assay_<16 hex>_<64 hex>. It is shown once, when it is made; the
 * database has its SHA-256. Every daemon has all keys in memory and sees a change of them within a second. */
#ifndef ASSAY_KEYS_H
#define ASSAY_KEYS_H

#include "assay/store.h"

struct assay_service;
struct assay_session;

/* Who acts, for the audit log. */
struct assay_actor {
    struct assay_str id, role, request_id; /* absent: the program itself */
};

/* Who calls. */
struct assay_principal {
    enum assay_role role;
    struct assay_str id;       /* for logs, limits of rate and the audit log: a key's name, never the key */
    struct assay_str provider; /* the only one it may see and send of; absent: all */
    int32_t provider_id;       /* of that; 0: all */
};

#define ASSAY_KEY_TEXT 88 /* with the terminating zero */
/* Any thread; does not wait for the database. *out lives as long as the service. ASSAY_UNAUTHORIZED: no such key, or one that has
 * expired or was revoked; e says which only where the whole key was right. */
enum assay_status assay_keys_check(struct assay_service *s, struct assay_str key, assay_instant now,
                                   const struct assay_principal **out, struct assay_error *e) ASSAY_MUST_CHECK;

struct assay_key_made {
    char key[ASSAY_KEY_TEXT]; /* the only time it is seen */
    struct assay_key_row row; /* its text in the session's arena */
};
/* Errors of fields go to es (VALIDATION_FAILED). In force when it returns. */
enum assay_status assay_key_create(struct assay_session *s, const struct assay_key_request *k, struct assay_key_made *out,
                                   struct assay_errors *es, struct assay_error *e) ASSAY_MUST_CHECK;
/* A new key in place of another, which goes on for so many seconds; NOT_FOUND, KEY_ENDED. The new one expires when
 * `expires_at` says; NO_INSTANT: it lives as long as the other was meant to when it was made. */
enum assay_status assay_key_rotate(struct assay_session *s, struct assay_str key_id, const struct assay_key_rotation *rotation,
                                   struct assay_key_made *out, struct assay_error *e) ASSAY_MUST_CHECK;
/* One key, its text in the session's arena; NOT_FOUND. */
enum assay_status assay_key_find(struct assay_session *s, struct assay_str key_id, struct assay_key_row **row,
                                 struct assay_error *e) ASSAY_MUST_CHECK;
/* On this daemon at once, on others within a second. Requests under way are answered. Again: nothing happens. NOT_FOUND. */
enum assay_status assay_key_revoke(struct assay_session *s, struct assay_str key_id, struct assay_error *e) ASSAY_MUST_CHECK;

/* Public form of an audit row's id. */
#define ASSAY_AUDIT_ID_TEXT 24
void assay_audit_id_format(int64_t id, char out[ASSAY_AUDIT_ID_TEXT]);
bool assay_audit_id_parse(struct assay_str s, int64_t *id);

#endif
