/* keys_json.c -- what is asked of keys, from JSON. */
#include "assay/access.h"
#include "reader.h"
#include "record_rows.h"

static const struct assay_place root = {NULL, NULL, 0};

static void read_expiry(struct assay_reader *r, const json_t *v, assay_instant *out) {
    struct assay_place at;
    struct assay_str s;
    const json_t *said = assay_read_member(r, &root, v, "expires_at", false, &at);
    *out = ASSAY_NO_INSTANT;
    if (!said || !assay_read_str(r, &at, said, &s)) return;
    enum assay_status status = assay_instant_parse(s, out);
    if (status) assay_read_fail(r, &at, status, "%s", assay_record_instant_wanted(status));
}

static void read_key(struct assay_reader *r, const json_t *v, struct assay_key_request *out) {
    static const char *const known[] = {"name", "role", "provider", "expires_at", NULL};
    const char *roles[ASSAY_ROLE_COUNT] = {NULL};
    int role = 0;
    for (int i = 1; i < ASSAY_ROLE_COUNT; i++) roles[i - 1] = assay_role_name((enum assay_role)i);
    if (!assay_read_object(r, &root, v, known)) return;
    (void)assay_member_text(r, &root, v, "name", true, 64, &out->name);
    if (assay_member_word(r, &root, v, "role", true, roles, &role)) out->role = (enum assay_role)(role + 1);
    (void)assay_member_text(r, &root, v, "provider", false, 32, &out->provider);
    read_expiry(r, v, &out->expires_at);
}

enum assay_status assay_key_request_from_json(struct assay_str text, struct assay_arena *a, struct assay_key_request *out,
                                              struct assay_errors *es) {
    json_t *v;
    struct assay_reader r = {a, es};
    enum assay_status status = assay_reader_load_into(text, &v, es);
    if (status) return status;
    *out = (struct assay_key_request){.expires_at = ASSAY_NO_INSTANT};
    read_key(&r, v, out);
    json_decref(v);
    return assay_read_result(&r);
}

enum assay_status assay_key_rotation_from_json(struct assay_str text, struct assay_arena *a, struct assay_key_rotation *out,
                                               struct assay_errors *es) {
    static const char *const known[] = {"overlap_seconds", "expires_at", NULL};
    json_t *v;
    struct assay_reader r = {a, es};
    enum assay_status status = assay_reader_load_into(text, &v, es);
    if (status) return status;
    *out = (struct assay_key_rotation){ASSAY_KEY_OVERLAP_DEFAULT, ASSAY_NO_INSTANT};
    if (assay_read_object(&r, &root, v, known)) {
        (void)assay_member_int(&r, &root, v, "overlap_seconds", false, 0, ASSAY_KEY_OVERLAP_MAX, &out->overlap_seconds);
        read_expiry(&r, v, &out->expires_at);
    }
    json_decref(v);
    return assay_read_result(&r);
}
