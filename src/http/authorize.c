/* authorize.c -- who calls, and what of the network is the caller's. Which roles may call a route stands in routes.c.
 *
 * A caller who is one provider's is held to it before anything is looked up: whatever path names another provider is not there,
 * and whether there is such a provider has no part in the answer, nor in the time it takes. So what a path shows is the same for
 * all who may see it, and one kept reply serves them all. */
#include <strings.h>

#include "http/app.h"

static const struct assay_principal administrator = {.role = ASSAY_ROLE_ADMIN, .id = {"admin", 5}};

bool assay_app_may(uint32_t access, enum assay_role role) { return access & 1u << role; }

const struct assay_principal *assay_app_principal(const struct assay_http_request *r) { return r->principal; }

struct assay_sender assay_app_sender(const struct assay_http_request *r) {
    const struct assay_principal *who = assay_app_principal(r);
    return (struct assay_sender){.party = assay_role_party(who->role), .provider = who->provider};
}

/* Compare without telling by the time how much was right. */
static bool same_secret(struct assay_str given, const char *secret) {
    size_t n = strlen(secret);
    unsigned char difference = given.n != n;
    for (size_t i = 0; i < given.n; i++) difference |= (unsigned char)(given.p[i] ^ secret[i % (n ? n : 1)]);
    return difference == 0;
}

static enum assay_status identify(const struct assay_http_request *r, const struct assay_principal **who, struct assay_error *e) {
    static const char scheme[] = "Bearer ";
    const struct assay_app *app = r->app;
    struct assay_str h = r->headers.authorization;
    *who = &administrator;
    if (!app->admin_key) return ASSAY_OK;
    if (h.n < sizeof scheme || strncasecmp(h.p, scheme, sizeof scheme - 1) != 0)
        return assay_fail(e, ASSAY_UNAUTHORIZED, "", h.p ? "the key is not valid" : "send Authorization: Bearer KEY");
    struct assay_str key = {h.p + sizeof scheme - 1, h.n - (sizeof scheme - 1)};
    if (same_secret(key, app->admin_key)) return ASSAY_OK;
    if (app->tokens && assay_jwt_formed(key))
        return assay_tokens_check(app->tokens, key, assay_service_now(app->service), r->arena, who, e);
    return assay_keys_check(app->service, key, assay_service_now(app->service), who, e);
}

/* Of a caller who is one provider's. */
static enum assay_status held_to_own(const struct assay_http_request *r, struct assay_str own, struct assay_error *e) {
    struct assay_str named;
    switch (ASSAY_SEES(r->route->access)) {
    case ASSAY_SEES_PATH:
        if (assay_str_eq(r->vars[0], own)) return ASSAY_OK;
        return assay_fail(e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", ASSAY_STR_ARG(r->vars[0]));
    case ASSAY_SEES_PARAM:
        named = assay_http_param(r, "provider");
        if (!named.p || assay_str_eq(named, own)) return ASSAY_OK;
        return assay_fail(e, ASSAY_INVALID_PARAMETER, "provider", "there is no such provider");
    case ASSAY_SEES_SENT:
    case ASSAY_SEES_ALL: return ASSAY_OK;
    default: return assay_fail(e, ASSAY_FORBIDDEN, "", "this shows the whole network, and the key is one provider's");
    }
}

enum assay_status assay_app_authorize(struct assay_http_request *r, struct assay_error *e) {
    const struct assay_principal *who;
    enum assay_status st = identify(r, &who, e);
    if (st) return st;
    r->principal = who;
    r->principal_id = who->id;
    if (!assay_app_may(r->route->access, who->role))
        return assay_fail(e, ASSAY_FORBIDDEN, "", "a key of role %s may not do that", assay_role_name(who->role));
    return who->provider.p ? held_to_own(r, who->provider, e) : ASSAY_OK;
}

const struct assay_config_provider *assay_app_provider_param(const struct assay_http_request *r, const struct assay_config *cfg,
                                                             struct assay_errors *es) {
    struct assay_str named = assay_http_param(r, "provider");
    if (!named.p) named = assay_app_principal(r)->provider;
    if (!named.p) return NULL;
    const struct assay_config_provider *p = assay_config_provider(cfg, named);
    if (!p) assay_errors_add(es, ASSAY_INVALID_PARAMETER, "provider", "there is no such provider");
    return p;
}

/* Whose uploads a caller sees: one provider's those of its keys, the others who send those of their kind; who reads all, all. */
void assay_app_own_uploads(const struct assay_http_request *r, struct assay_upload_filter *f) {
    const struct assay_principal *who = assay_app_principal(r);
    enum assay_party party = assay_role_party(who->role);
    if (who->provider.p) f->provider_id = who->provider_id;
    else if (party != ASSAY_PARTY_MANUFACTURER) f->party = party;
}

bool assay_app_sees_upload(const struct assay_http_request *r, const struct assay_upload_row *row) {
    struct assay_upload_filter f = {0};
    assay_app_own_uploads(r, &f);
    return (!f.provider_id || f.provider_id == row->provider_id) && (!f.party || f.party == row->party);
}
