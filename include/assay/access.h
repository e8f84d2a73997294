/* access.h -- who may do what: roles of callers, senders of records. Pure; which role may call which route stands in
 * src/http/routes.c. */
#ifndef ASSAY_ACCESS_H
#define ASSAY_ACCESS_H

#include "assay/record.h"

/* Stored: never renumber. */
enum assay_role {
    ASSAY_ROLE_PROVIDER = 1,     /* its own provider's data: uploads and reads */
    ASSAY_ROLE_CCC = 2,          /* sends dispatches and survey responses */
    ASSAY_ROLE_LOGISTICS = 3,    /* sends shipments and deliveries */
    ASSAY_ROLE_PORTAL = 4,       /* reads, of all providers or of one */
    ASSAY_ROLE_DASHBOARD = 5,    /* reads all */
    ASSAY_ROLE_MANUFACTURER = 6, /* everything but keys */
    ASSAY_ROLE_ADMIN = 7,        /* everything */
};
#define ASSAY_ROLE_COUNT 8                      /* above the highest */
const char *assay_role_name(enum assay_role r); /* "provider"; NULL where there is none */
bool assay_role_parse(struct assay_str s, enum assay_role *out);
/* What it is as a sender; 0: it sends nothing. */
enum assay_party assay_role_party(enum assay_role r);

/* Whether a caller of the role is one provider's. */
enum assay_binding { ASSAY_BOUND_NEVER, ASSAY_BOUND_PERHAPS, ASSAY_BOUND_ALWAYS };
enum assay_binding assay_role_binding(enum assay_role r);

/* A key that is asked for, and one in place of another. */
struct assay_key_request {
    struct assay_str name; /* for people: 1-64 characters */
    enum assay_role role;
    struct assay_str provider; /* absent: none */
    assay_instant expires_at;  /* NO_INSTANT: never */
};
#define ASSAY_KEY_OVERLAP_DEFAULT INT64_C(86400)
#define ASSAY_KEY_OVERLAP_MAX (90 * INT64_C(86400))
struct assay_key_rotation {
    int64_t overlap_seconds;  /* that the key in whose place it comes goes on */
    assay_instant expires_at; /* of the new one; NO_INSTANT: not said */
};

/* Who sends a record. */
struct assay_sender {
    enum assay_party party;
    struct assay_str provider; /* may send of this one only; absent: of any */
};
/* Who acts for the manufacturer: any record of any provider. */
#define ASSAY_SENDER_MANUFACTURER (&(const struct assay_sender){.party = ASSAY_PARTY_MANUFACTURER})
/* Whether a sender may send such a record at all (the table of DOMAIN 2.1): a provider may never write a ship time, nor take one
 * back. ASSAY_SENDER_NOT_ALLOWED names the field. What depends on the order as it stands is decided when the record is taken
 * (src/service/senders.c). */
enum assay_status assay_sender_check(enum assay_party party, const struct assay_record *r,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
/* A record of a provider that is none of the sender's. To the sender there is no such provider. */
bool assay_sender_is_foreign(const struct assay_sender *s, const struct assay_record *r);

#endif
