/* access.c -- roles, and who may send what (DOMAIN 2.1-2.4). */
#include "assay/access.h"

static const struct {
    const char *name;
    enum assay_party party;
    enum assay_binding binding;
} roles[ASSAY_ROLE_COUNT] = {
    [ASSAY_ROLE_PROVIDER] = {"provider", ASSAY_PARTY_PROVIDER, ASSAY_BOUND_ALWAYS},
    [ASSAY_ROLE_CCC] = {"ccc", ASSAY_PARTY_CCC, ASSAY_BOUND_NEVER},
    [ASSAY_ROLE_LOGISTICS] = {"logistics", ASSAY_PARTY_LOGISTICS, ASSAY_BOUND_NEVER},
    [ASSAY_ROLE_PORTAL] = {"portal", 0, ASSAY_BOUND_PERHAPS},
    [ASSAY_ROLE_DASHBOARD] = {"dashboard", 0, ASSAY_BOUND_NEVER},
    [ASSAY_ROLE_MANUFACTURER] = {"manufacturer", ASSAY_PARTY_MANUFACTURER, ASSAY_BOUND_NEVER},
    [ASSAY_ROLE_ADMIN] = {"admin", ASSAY_PARTY_MANUFACTURER, ASSAY_BOUND_NEVER},
};

const char *assay_role_name(enum assay_role r) { return (unsigned)r < ASSAY_ROLE_COUNT ? roles[r].name : NULL; }

bool assay_role_parse(struct assay_str s, enum assay_role *out) {
    for (unsigned r = 1; r < ASSAY_ROLE_COUNT; r++) {
        if (!assay_str_is(s, roles[r].name)) continue;
        *out = (enum assay_role)r;
        return true;
    }
    return false;
}

enum assay_party assay_role_party(enum assay_role r) { return (unsigned)r < ASSAY_ROLE_COUNT ? roles[r].party : 0; }

enum assay_binding assay_role_binding(enum assay_role r) {
    return (unsigned)r < ASSAY_ROLE_COUNT ? roles[r].binding : ASSAY_BOUND_NEVER;
}

/* --- senders -------------------------------------------------------------------------------------------------------------- */

#define BY(party) (1u << ASSAY_PARTY_##party)

/* The manufacturer may send everything. A void: whoever may send what it names, see below. */
static const unsigned senders[ASSAY_TYPE_COUNT] = {
    [ASSAY_DISPATCHED] = BY(CCC),
    [ASSAY_ORDER_OPENED] = BY(PROVIDER),
    [ASSAY_PART_REQUESTED] = BY(PROVIDER),
    [ASSAY_PART_SHIPPED] = BY(LOGISTICS),
    [ASSAY_PART_DELIVERED] = BY(LOGISTICS),
    [ASSAY_PART_CANCELLED] = BY(PROVIDER),
    [ASSAY_PART_RECEIVED] = BY(PROVIDER),
    [ASSAY_PART_MARKED] = BY(PROVIDER),
    [ASSAY_ORDER_NOTED] = BY(PROVIDER),
    [ASSAY_ORDER_COMPLETED] = BY(PROVIDER),
    [ASSAY_ORDER_CLOSED_EVENT] = BY(PROVIDER),
    [ASSAY_ORDER_CANCELLED] = BY(PROVIDER),
    [ASSAY_ORDER_REOPENED] = BY(PROVIDER),
    [ASSAY_SURVEY_RESPONSE] = BY(CCC),
    [ASSAY_OBSERVATION_MADE] = BY(PROVIDER) | BY(CCC), /* a provider's are of itself, by itself */
};
static const unsigned voiders[ASSAY_KIND_COUNT] = {
    [ASSAY_KIND_REPAIR] = BY(PROVIDER),
    [ASSAY_KIND_SHIPMENT] = BY(LOGISTICS),
    [ASSAY_KIND_DISPATCH] = BY(CCC),
    [ASSAY_KIND_SURVEY] = BY(CCC),
    [ASSAY_KIND_OBSERVATION] = BY(PROVIDER) | BY(CCC),
};

enum assay_status assay_sender_check(enum assay_party party, const struct assay_record *r, struct assay_error *e) {
    const char *who = assay_party_name(party);
    if (party == ASSAY_PARTY_MANUFACTURER) return ASSAY_OK;
    if (r->type == ASSAY_EVENT_VOIDED) {
        if (voiders[r->target_kind] & 1u << party) return ASSAY_OK;
        return assay_fail(e, ASSAY_SENDER_NOT_ALLOWED, "/target_kind", "%s may not take back records of kind %s", who,
                          assay_kind_name(r->target_kind));
    }
    if (!(senders[r->type] & 1u << party))
        return assay_fail(e, ASSAY_SENDER_NOT_ALLOWED, "/type", "%s may not send %s", who, assay_type_name(r->type));
    if (r->type == ASSAY_OBSERVATION_MADE && party == ASSAY_PARTY_PROVIDER && r->rater != ASSAY_RATER_SELF)
        return assay_fail(e, ASSAY_SENDER_NOT_ALLOWED, "/rater", "a provider may send only observations that it rates itself");
    return ASSAY_OK;
}

bool assay_sender_is_foreign(const struct assay_sender *s, const struct assay_record *r) {
    return s->provider.p && !assay_str_eq(s->provider, r->provider);
}
