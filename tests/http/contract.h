/* contract.h -- the contract as the tests see it: the document that is compiled in, its references, and a checker of the
 * part of JSON Schema that it uses. A keyword the checker does not know fails the test: nothing is passed over in silence. */
#ifndef ASSAY_TEST_CONTRACT_H
#define ASSAY_TEST_CONTRACT_H

#include <jansson.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

#include "assay/str.h"
#include "check_main.h"
#include "http/embedded.h"

/* --- files ----------------------------------------------------------------------------------------------------------- */

static inline const char *contract_path(char out[4096], const char *below) {
    const char *root = getenv("ASSAY_SOURCE_ROOT");
    snprintf(out, 4096, "%s/api/%s", root ? root : ".", below);
    return out;
}

/* The text of a file below api/; false where there is none. */
static inline bool contract_read(const char *below, struct assay_buf *out) {
    char path[4096], chunk[16384];
    FILE *f = fopen(contract_path(path, below), "rb");
    if (!f) return false;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) assay_buf_add(out, chunk, n);
    fclose(f);
    return true;
}

/* --- the document ---------------------------------------------------------------------------------------------------- */

static inline json_t *contract_load(void) {
    json_error_t e;
    json_t *doc = json_loads(assay_openapi_json, JSON_REJECT_DUPLICATES, &e);
    ck_assert_msg(doc != NULL, "the contract is no JSON: line %d: %s", e.line, e.text);
    return doc;
}

/* What a "$ref" ("#/components/...") leads to; anything else is itself. */
static inline const json_t *contract_deref(const json_t *root, const json_t *v) {
    const json_t *doc = root;
    const char *ref = json_string_value(json_object_get(v, "$ref"));
    if (!ref) return v;
    ck_assert_msg(!strncmp(ref, "#/", 2), "only references within the document are used: %s", ref);
    const char *p = ref + 1;
    while (*p == '/') {
        size_t n = strcspn(++p, "/");
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        doc = json_object_get(doc, name);
        p += n;
    }
    ck_assert_msg(doc != NULL, "%s leads nowhere", ref);
    return contract_deref(root, doc);
}

/* --- schemas --------------------------------------------------------------------------------------------------------- */

struct contract_check {
    const json_t *doc;
    bool closed; /* a member that no schema describes is a fault, as in replies of ours; else as the schema says */
    char path[512], why[1024];
};

static inline bool contract_fault(struct contract_check *c, const char *what, const char *detail) {
    if (!c->why[0]) snprintf(c->why, sizeof c->why, "%s: %s %.400s", c->path[0] ? c->path : "/", what, detail);
    return false;
}

static inline bool contract_valid(struct contract_check *c, const json_t *schema, const json_t *v);

static inline bool contract_valid_at(struct contract_check *c, const json_t *schema, const json_t *v, const char *name) {
    size_t n = strlen(c->path);
    snprintf(c->path + n, sizeof c->path - n, "/%s", name);
    bool ok = contract_valid(c, schema, v);
    c->path[n] = '\0';
    return ok;
}

static inline bool contract_type_is(const char *type, const json_t *v) {
    if (!strcmp(type, "integer")) return json_is_integer(v);
    if (!strcmp(type, "number")) return json_is_number(v);
    if (!strcmp(type, "null")) return json_is_null(v);
    if (!strcmp(type, "boolean")) return json_is_boolean(v);
    if (!strcmp(type, "string")) return json_is_string(v);
    if (!strcmp(type, "array")) return json_is_array(v);
    ck_assert_str_eq(type, "object");
    return json_is_object(v);
}

static inline bool contract_type(struct contract_check *c, const json_t *types, const json_t *v) {
    if (json_is_string(types))
        return contract_type_is(json_string_value(types), v) || contract_fault(c, "is no", json_string_value(types));
    for (size_t i = 0; i < json_array_size(types); i++)
        if (contract_type_is(json_string_value(json_array_get(types, i)), v)) return true;
    return contract_fault(c, "has none of its types", "");
}

static inline bool contract_pattern(struct contract_check *c, const char *pattern, const char *text) {
    regex_t re;
    ck_assert_msg(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) == 0, "%s is no pattern", pattern);
    bool ok = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return ok || contract_fault(c, "does not match", pattern);
}

static inline bool contract_one_of(struct contract_check *c, const json_t *schemas, const json_t *v) {
    size_t fits = 0;
    char first[sizeof c->why] = "", kept[sizeof c->why];
    memcpy(kept, c->why, sizeof kept);
    for (size_t i = 0; i < json_array_size(schemas); i++) {
        c->why[0] = '\0';
        fits += contract_valid(c, json_array_get(schemas, i), v);
        /* What is wrong with the branch that fits best is not known; the longest path is a good guess. */
        if (strlen(c->why) > strlen(first)) memcpy(first, c->why, sizeof first);
    }
    memcpy(c->why, kept, sizeof kept);
    return fits == 1 || contract_fault(c, fits ? "fits several of oneOf" : "fits none of oneOf;", first);
}

static inline bool contract_has_name(const json_t *names, const char *name) {
    for (size_t i = 0; i < json_array_size(names); i++)
        if (!strcmp(json_string_value(json_array_get(names, i)), name)) return true;
    return false;
}

/* properties, patternProperties ("^_" is the only one) and additionalProperties, which belong together. */
static inline bool contract_members(struct contract_check *c, const json_t *schema, const json_t *v) {
    const json_t *properties = json_object_get(schema, "properties"), *more = json_object_get(schema, "additionalProperties");
    const json_t *patterns = json_object_get(schema, "patternProperties"), *p;
    const char *name;
    json_t *member;
    bool described = properties && !more && c->closed, ok = true;
    ck_assert(!patterns || (json_object_size(patterns) == 1 && json_object_get(patterns, "^_")));
    json_object_foreach((json_t *)v, name, member) {
        if ((p = json_object_get(properties, name))) ok = contract_valid_at(c, p, member, name) && ok;
        else if (patterns && name[0] == '_') continue;
        else if (json_is_object(more)) ok = contract_valid_at(c, more, member, name) && ok;
        else if (json_is_false(more) || described) ok = contract_fault(c, "has a member that is not described:", name);
    }
    return ok;
}

static inline bool contract_keyword(struct contract_check *c, const char *key, const json_t *rule, const json_t *schema,
                                    const json_t *v) {
    static const char *const notes[] = {
        "description",          "title", "format", "default", "examples", "discriminator", "patternProperties",
        "additionalProperties", NULL};
    json_int_t n = json_integer_value(rule), value = json_integer_value(v);
    bool text = json_is_string(v), list = json_is_array(v), number = json_is_integer(v), ok = true;
    if (!strcmp(key, "$ref")) return contract_valid(c, contract_deref(c->doc, schema), v);
    if (!strcmp(key, "type")) return contract_type(c, rule, v);
    if (!strcmp(key, "const")) return json_equal(rule, v) || contract_fault(c, "is not the constant", json_string_value(rule));
    if (!strcmp(key, "oneOf")) return contract_one_of(c, rule, v);
    if (!strcmp(key, "enum")) {
        for (size_t i = 0; i < json_array_size(rule); i++)
            if (json_equal(json_array_get(rule, i), v)) return true;
        return contract_fault(c, "is none of the enumerated:", text ? json_string_value(v) : "");
    }
    if (!strcmp(key, "pattern")) return !text || contract_pattern(c, json_string_value(rule), json_string_value(v));
    if (!strcmp(key, "minimum")) return !number || value >= n || contract_fault(c, "is too small", "");
    if (!strcmp(key, "maximum")) return !number || value <= n || contract_fault(c, "is too great", "");
    if (!strcmp(key, "minItems")) return !list || (json_int_t)json_array_size(v) >= n || contract_fault(c, "has too few", "");
    if (!strcmp(key, "maxItems")) return !list || (json_int_t)json_array_size(v) <= n || contract_fault(c, "has too many", "");
    if (!strcmp(key, "minProperties"))
        return !json_is_object(v) || (json_int_t)json_object_size(v) >= n || contract_fault(c, "has too few", "");
    if (!strcmp(key, "maxProperties"))
        return !json_is_object(v) || (json_int_t)json_object_size(v) <= n || contract_fault(c, "has too many", "");
    if (!strcmp(key, "minLength") || !strcmp(key, "maxLength")) {
        json_int_t length = text ? (json_int_t)assay_utf8_length(assay_str_c(json_string_value(v))) : n;
        return (key[1] == 'i' ? length >= n : length <= n) || contract_fault(c, "has the wrong", key + 3);
    }
    if (!strcmp(key, "items")) {
        char index[24];
        for (size_t i = 0; list && i < json_array_size(v); i++) {
            snprintf(index, sizeof index, "%zu", i);
            ok = contract_valid_at(c, rule, json_array_get(v, i), index) && ok;
        }
        return ok;
    }
    if (!strcmp(key, "required")) {
        for (size_t i = 0; json_is_object(v) && i < json_array_size(rule); i++) {
            const char *name = json_string_value(json_array_get(rule, i));
            if (!json_object_get(v, name)) ok = contract_fault(c, "has no", name);
        }
        return ok;
    }
    bool members = !strcmp(key, "properties") || (!strcmp(key, "additionalProperties") && !json_object_get(schema, "properties"));
    if (members) return !json_is_object(v) || contract_members(c, schema, v);
    for (size_t i = 0; notes[i]; i++)
        if (!strcmp(key, notes[i])) return true;
    ck_abort_msg("the tests know no keyword %s", key);
}

/* Whether v is what the schema says; c->why tells the first fault. */
static inline bool contract_valid(struct contract_check *c, const json_t *schema, const json_t *v) {
    const char *key;
    json_t *rule;
    bool ok = true;
    json_object_foreach((json_t *)schema, key, rule) ok = contract_keyword(c, key, rule, schema, v) && ok;
    return ok;
}

/* --- operations ------------------------------------------------------------------------------------------------------ */

/* The operation of an id, or NULL. */
static inline const json_t *contract_operation(const json_t *doc, const char *id) {
    const char *path, *method;
    json_t *item, *op;
    json_object_foreach(json_object_get(doc, "paths"), path, item) {
        json_object_foreach(item, method, op) {
            const char *its = json_string_value(json_object_get(op, "operationId"));
            if (its && !strcmp(its, id)) return op;
        }
    }
    return NULL;
}

/* What an operation says of a status: the response itself, or the default; NULL where it has neither. */
static inline const json_t *contract_response(const json_t *doc, const json_t *op, int status) {
    char text[16];
    snprintf(text, sizeof text, "%d", status);
    const json_t *responses = json_object_get(op, "responses"), *r = json_object_get(responses, text);
    return contract_deref(doc, r);
}

/* Note that a reply was seen and is as the contract says, for the coverage (tests/contract/contract_coverage.py). */
static inline void contract_seen(const char *operation, int status, const char *media_type) {
    const char *folder = getenv("ASSAY_CONTRACT_SEEN");
    char path[4096];
    if (!folder) return;
    snprintf(path, sizeof path, "%s/%ld", folder, (long)getpid());
    FILE *f = fopen(path, "a");
    ck_assert_msg(f != NULL, "cannot write %s", path);
    fprintf(f, "%s %d %s\n", operation, status, *media_type ? media_type : "-");
    fclose(f);
}

#endif
