/* scheme_json.c -- scheme documents (sql/schemes/NAME.json) into struct assay_scheme, with every mistake reported.
 *
 * What must be so that core need not ask: curves ascend, the last city row takes every city, the last lateness row every
 * delivery, each standard that is named stands there, each assumption is about a point the engine knows. */
#include "reader.h"

#include <stdlib.h>

#define ROWS_MAX 16    /* of the city and the lateness table */
#define CITIES_MAX 256 /* of a city row */
#define POINTS_MAX 64  /* of a curve */
#define ASSUMPTIONS_MAX 256
#define WINDOW_MAX 36
#define STANDARD_MAX 10000
#define NAME_MAX_CHARS 200
#define TEXT_MAX_CHARS 1000
#define CODE_WANTED "1 to 32 characters of A-Z a-z 0-9 . _ -"

/* A scheme and all it points to: one thing to free. */
struct box {
    struct assay_arena arena;
    struct assay_scheme scheme;
};

struct job {
    struct assay_reader reader;
    struct assay_scheme *out;
};

static bool is_said(const json_t *obj, const char *key) {
    const json_t *v = json_object_get(obj, key);
    return v && !json_is_null(v);
}

/* --- parts ---------------------------------------------------------------------------------------------------------- */

static void read_standard(struct job *j, const struct assay_place *at, const json_t *obj, const char *key,
                          struct assay_standard *out) {
    const char *units[] = {assay_unit_name(ASSAY_WORKING_HOURS), assay_unit_name(ASSAY_CALENDAR_HOURS),
                           assay_unit_name(ASSAY_WORKING_DAYS), assay_unit_name(ASSAY_CALENDAR_DAYS), NULL};
    struct assay_place p;
    const json_t *v = assay_member_object(&j->reader, at, obj, key, true, units, &p);
    int64_t n;
    int said = 0;
    if (!v) return;
    for (int u = 0; units[u]; u++) {
        if (!assay_member_int(&j->reader, &p, v, units[u], false, 0, STANDARD_MAX, &n)) {
            said += is_said(v, units[u]); /* what is wrong with it was reported */
            continue;
        }
        *out = (struct assay_standard){(enum assay_unit)(ASSAY_WORKING_HOURS + u), (int32_t)n};
        said++;
    }
    if (said != 1)
        assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE,
                        "exactly one of working_hours, calendar_hours, working_days, calendar_days is wanted");
}

static bool in_bounds(struct assay_frac v, const struct assay_frac *min, const struct assay_frac *max) {
    return (!min || assay_frac_cmp(v, *min) >= 0) && (!max || assay_frac_cmp(v, *max) <= 0);
}

static void refuse_bounds(struct job *j, const struct assay_place *at, const struct assay_frac *min,
                          const struct assay_frac *max) {
    char low[ASSAY_FRAC_TEXT] = "", high[ASSAY_FRAC_TEXT] = "";
    if (min) assay_frac_format(*min, 4, low);
    if (max) assay_frac_format(*max, 4, high);
    assay_read_fail(&j->reader, at, ASSAY_OUT_OF_RANGE, "%s%s%s%s%s is wanted", min ? "at least " : "", low,
                    min && max ? " and " : "", max ? "at most " : "", high);
}

/* A decimal within bounds (NULL: none). */
static bool read_bounded(struct job *j, const struct assay_place *at, const json_t *obj, const char *key,
                         const struct assay_frac *min, const struct assay_frac *max, struct assay_frac *out) {
    if (!assay_member_decimal(&j->reader, at, obj, key, true, out)) return false;
    if (in_bounds(*out, min, max)) return true;
    refuse_bounds(j, &(struct assay_place){at, key, 0}, min, max);
    return false;
}

static bool read_point(struct job *j, const struct assay_place *at, const json_t *v, struct assay_frac *x, struct assay_frac *y) {
    if (!json_is_array(v) || json_array_size(v) != 2) {
        assay_read_fail(&j->reader, at, json_is_array(v) ? ASSAY_INVALID_VALUE : ASSAY_WRONG_TYPE,
                        "a pair is wanted, as [\"0.95\", \"30\"]");
        return false;
    }
    bool ok = assay_read_decimal(&j->reader, &(struct assay_place){at, NULL, 0}, json_array_get(v, 0), x);
    return assay_read_decimal(&j->reader, &(struct assay_place){at, NULL, 1}, json_array_get(v, 1), y) && ok;
}

static void read_points(struct job *j, const struct assay_place *at, const json_t *points, const struct assay_frac *min,
                        const struct assay_frac *max, struct assay_curve *out) {
    size_t n = json_array_size(points);
    struct assay_frac *x = assay_arena_alloc(j->reader.arena, n * sizeof *x),
                      *y = assay_arena_alloc(j->reader.arena, n * sizeof *y);
    bool before = false; /* x[i - 1] is known */
    for (size_t i = 0; i < n; i++) {
        struct assay_place p = {at, NULL, i};
        bool ok = read_point(j, &p, json_array_get(points, i), &x[i], &y[i]);
        if (ok && before && assay_frac_cmp(x[i - 1], x[i]) >= 0)
            assay_read_fail(&j->reader, &(struct assay_place){&p, NULL, 0}, ASSAY_INVALID_VALUE,
                            "x must be greater than that of the point before");
        if (ok && !in_bounds(y[i], min, max)) refuse_bounds(j, &(struct assay_place){&p, NULL, 1}, min, max);
        before = ok;
    }
    out->n = n;
    out->x = x;
    out->y = y;
}

static void read_curve(struct job *j, const struct assay_place *at, const json_t *obj, const char *key,
                       const struct assay_frac *min, const struct assay_frac *max, struct assay_curve *out) {
    static const char *const known[] = {"kind", "points", NULL};
    static const char *const kinds[] = {"linear", "stepped", NULL};
    struct assay_place p, q;
    const json_t *v = assay_member_object(&j->reader, at, obj, key, true, known, &p);
    int kind = 0;
    if (!v) return;
    (void)assay_member_word(&j->reader, &p, v, "kind", true, kinds, &kind);
    out->stepped = kind == 1;
    const json_t *points = assay_member_array(&j->reader, &p, v, "points", true, 1, POINTS_MAX, &q);
    if (points) read_points(j, &q, points, min, max, out);
}

/* Text in both languages. */
static void read_bilingual(struct job *j, const struct assay_place *at, const json_t *obj, const char *key, size_t max,
                           const char **en, const char **zh) {
    static const char *const known[] = {"en", "zh-CN", NULL};
    struct assay_place p;
    struct assay_str s;
    const json_t *v = assay_member_object(&j->reader, at, obj, key, true, known, &p);
    if (!v) return;
    if (assay_member_text(&j->reader, &p, v, "en", true, max, &s)) *en = s.p;
    if (assay_member_text(&j->reader, &p, v, "zh-CN", true, max, &s)) *zh = s.p;
}

static void read_code(struct job *j, const struct assay_place *at, const json_t *obj, const char *key, const char **out) {
    struct assay_str s;
    if (assay_member_form(&j->reader, at, obj, key, true, assay_form_provider, 32, CODE_WANTED, &s)) *out = s.p;
}

/* --- clocks --------------------------------------------------------------------------------------------------------- */

static void read_notes(struct job *j, const struct assay_place *at, const json_t *obj) {
    struct assay_place p;
    const json_t *v = assay_member_array(&j->reader, at, obj, "exempted_by", false, 0, ROWS_MAX, &p);
    int note;
    for (size_t i = 0; v && i < json_array_size(v); i++) {
        struct assay_place q = {&p, NULL, i};
        if (assay_read_word(&j->reader, &q, json_array_get(v, i), ASSAY_WORDS(noted), &note))
            j->out->exempting_notes |= (uint8_t)(1u << (note + 1));
    }
}

static void read_diagnosis(struct job *j, const struct assay_place *at, const json_t *obj) {
    static const char *const known[] = {"limit", "exempted_by", NULL};
    struct assay_place p;
    const json_t *v = assay_member_object(&j->reader, at, obj, "diagnosis", true, known, &p);
    if (!v) return;
    read_standard(j, &p, v, "limit", &j->out->diagnosis_limit);
    /* The reply says `limit_working_seconds`: DOMAIN 4.2 is in working time. */
    enum assay_unit unit = j->out->diagnosis_limit.unit;
    if (unit && unit != ASSAY_WORKING_HOURS)
        assay_read_fail(&j->reader, &(struct assay_place){&p, "limit", 0}, ASSAY_INVALID_VALUE,
                        "the diagnosis limit is in working_hours");
    read_notes(j, &p, v);
}

static bool city_stands_before(const struct assay_city_row *rows, size_t n, struct assay_str city) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows[i].n_cities; k++)
            if (assay_str_eq(rows[i].cities[k], city)) return true;
    return false;
}

/* rows[0..n-1] are read; their row n is being. */
static void read_cities(struct job *j, const struct assay_place *at, const json_t *cities, struct assay_city_row *rows,
                        size_t n) {
    size_t count = json_array_size(cities);
    struct assay_str *list = assay_arena_zalloc(j->reader.arena, count * sizeof *list);
    rows[n].cities = list;
    for (size_t i = 0; i < count; i++) {
        struct assay_place p = {at, NULL, i};
        struct assay_str city;
        if (!assay_read_text(&j->reader, &p, json_array_get(cities, i), 1, 64, &city)) continue;
        if (city_stands_before(rows, n + 1, city))
            assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE, "this city stands in the table already");
        list[rows[n].n_cities++] = city;
    }
}

static void read_city_row(struct job *j, const struct assay_place *at, const json_t *v, bool last, struct assay_city_row *rows,
                          size_t n) {
    static const char *const known[] = {"cities", "standard", NULL};
    struct assay_place p;
    if (!assay_read_object(&j->reader, at, v, known)) return;
    read_standard(j, at, v, "standard", &rows[n].standard);
    p = (struct assay_place){at, "cities", 0};
    const json_t *said = assay_read_member(&j->reader, at, v, "cities", !last, &p);
    if (said && last) assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE, "the last row is for every other city and names none");
    if (!said || last) return;
    const json_t *cities = assay_member_array(&j->reader, at, v, "cities", true, 1, CITIES_MAX, &p);
    if (cities) read_cities(j, &p, cities, rows, n);
}

static void read_city_table(struct job *j, const struct assay_place *at, const json_t *obj) {
    struct assay_place p;
    const json_t *v = assay_member_array(&j->reader, at, obj, "city", true, 1, ROWS_MAX, &p);
    if (!v) return;
    size_t n = json_array_size(v);
    struct assay_city_row *rows = assay_arena_zalloc(j->reader.arena, n * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        read_city_row(j, &(struct assay_place){&p, NULL, i}, json_array_get(v, i), i + 1 == n, rows, i);
    j->out->city_rows = rows;
    j->out->n_city_rows = n;
}

/* The standards a scheme may name are the points the engine knows of them: pointers into this very place. */
#define STANDARDS "/clocks/cycle/standards/"
struct named_standard {
    const char *name;
    enum assay_point point;
    bool said;
    struct assay_standard standard;
};
struct standards {
    size_t n;
    struct named_standard rows[ASSAY_POINT_COUNT];
    const char *names[ASSAY_POINT_COUNT + 1]; /* NULL-terminated */
};

static void standards_init(struct standards *s) {
    *s = (struct standards){.n = 0};
    for (int p = 0; p < ASSAY_POINT_COUNT; p++) {
        const char *about = assay_point_about((enum assay_point)p);
        if (strncmp(about, STANDARDS, sizeof STANDARDS - 1) != 0) continue;
        s->names[s->n] = about + sizeof STANDARDS - 1;
        s->rows[s->n] = (struct named_standard){.name = s->names[s->n], .point = (enum assay_point)p};
        s->n++;
    }
}

static void read_standards(struct job *j, const struct assay_place *at, const json_t *obj, struct standards *s) {
    struct assay_place p;
    standards_init(s);
    const json_t *v = assay_member_object(&j->reader, at, obj, "standards", true, s->names, &p);
    if (!v) return;
    read_city_table(j, &p, v);
    for (size_t i = 0; i < s->n; i++) {
        struct named_standard *row = &s->rows[i];
        bool no_parts = row->point == ASSAY_POINT_STANDARD_NO_PARTS;
        row->said = is_said(v, row->name);
        if (row->point == ASSAY_POINT_STANDARD_CITY || (!row->said && !no_parts)) continue;
        read_standard(j, &p, v, row->name, &row->standard);
        if (no_parts) j->out->no_parts = row->standard;
    }
}

static void read_lateness_standard(struct job *j, const struct assay_place *at, const json_t *v, const struct standards *s,
                                   struct assay_lateness_row *out) {
    int i;
    if (!assay_member_word(&j->reader, at, v, "standard", true, s->names, &i)) return;
    const struct named_standard *row = &s->rows[i];
    struct assay_place p = {at, "standard", 0};
    if (row->point == ASSAY_POINT_STANDARD_NO_PARTS)
        assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE, "no_parts is not a standard of a shipped line");
    else if (!row->said) assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE, "clocks.cycle.standards has no %s", row->name);
    out->standard_reason = row->name;
    out->by_city = row->point == ASSAY_POINT_STANDARD_CITY;
    out->standard = row->standard;
    out->point = row->point;
}

static void read_until(struct job *j, const struct assay_place *at, const json_t *v, bool last, struct assay_lateness_row *out) {
    struct assay_place p;
    struct assay_str s;
    const json_t *until = assay_read_member(&j->reader, at, v, "until", !last, &p);
    out->until = ASSAY_UNTIL_EVER;
    if (!until || !assay_read_str(&j->reader, &p, until, &s)) return;
    if (last) assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE, "the last row is for every later delivery and has no until");
    else if (assay_str_is(s, "promise")) out->until = ASSAY_UNTIL_PROMISE;
    else if (assay_courier_parse(s, &out->until_class)) out->until = ASSAY_UNTIL_CLASS;
    else assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE, "\"promise\" or a courier class is wanted, as 3D10");
}

/* A row that an earlier one leaves nothing to is a mistake. */
static void check_lateness_row(struct job *j, const struct assay_place *at, const struct assay_lateness_row *rows, size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (rows[i].name && rows[k].name && strcmp(rows[i].name, rows[k].name) == 0)
            assay_read_fail(&j->reader, &(struct assay_place){at, "name", 0}, ASSAY_INVALID_VALUE,
                            "this name stands in the table already");
        if (rows[i].until == ASSAY_UNTIL_EVER || rows[i].until != rows[k].until) continue;
        if (rows[i].until == ASSAY_UNTIL_PROMISE || rows[i].until_class <= rows[k].until_class)
            assay_read_fail(&j->reader, &(struct assay_place){at, "until", 0}, ASSAY_INVALID_VALUE,
                            "must be later than that of every row before");
    }
}

static void read_lateness_row(struct job *j, const struct assay_place *at, const json_t *v, bool last, const struct standards *s,
                              struct assay_lateness_row *out) {
    static const char *const known[] = {"name", "until", "standard", "beyond_slowest", NULL};
    if (!assay_read_object(&j->reader, at, v, known)) return;
    read_code(j, at, v, "name", &out->name);
    read_until(j, at, v, last, out);
    read_lateness_standard(j, at, v, s, out);
    (void)assay_member_bool(&j->reader, at, v, "beyond_slowest", false, &out->beyond_slowest);
}

static void read_cycle(struct job *j, const struct assay_place *at, const json_t *obj) {
    static const char *const known[] = {"standards", "lateness", NULL};
    struct assay_place p, q;
    struct standards standards;
    const json_t *v = assay_member_object(&j->reader, at, obj, "cycle", true, known, &p);
    if (!v) return;
    read_standards(j, &p, v, &standards);
    const json_t *table = assay_member_array(&j->reader, &p, v, "lateness", true, 1, ROWS_MAX, &q);
    if (!table) return;
    size_t n = json_array_size(table);
    struct assay_lateness_row *rows = assay_arena_zalloc(j->reader.arena, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        struct assay_place row = {&q, NULL, i};
        read_lateness_row(j, &row, json_array_get(table, i), i + 1 == n, &standards, &rows[i]);
        check_lateness_row(j, &row, rows, i);
    }
    j->out->lateness = rows;
    j->out->n_lateness = n;
}

static void read_clocks(struct job *j, const struct assay_place *at, const json_t *obj) {
    static const char *const known[] = {"diagnosis", "cycle", NULL};
    struct assay_place p;
    const json_t *v = assay_member_object(&j->reader, at, obj, "clocks", true, known, &p);
    if (!v) return;
    read_diagnosis(j, &p, v);
    read_cycle(j, &p, v);
}

/* --- indicators ------------------------------------------------------------------------------------------------------ */

/* {"word": decimal, ...} with each word of the list, into out[1..]. */
static void read_by_words(struct job *j, const struct assay_place *at, const json_t *obj, const char *key,
                          const char *const *words, const struct assay_frac *max, struct assay_frac *out) {
    struct assay_place p;
    const json_t *v = assay_member_object(&j->reader, at, obj, key, true, words, &p);
    for (int i = 0; v && words[i]; i++) (void)read_bounded(j, &p, v, words[i], &ASSAY_FRAC_ZERO, max, &out[i + 1]);
}

static void read_indicator(struct job *j, const struct assay_place *at, const json_t *v, struct assay_indicator *out) {
    static const char *const known[] = {"code", "measure", "max", "curve", "weights", "class_factors", "responsibility_shares",
                                        NULL};
    static const char *const plain[] = {"code", "measure", "max", "curve", NULL};
    static const char *const measures[] = {"compliance", "satisfaction", NULL};
    int measure = -1;
    if (json_is_object(v)) (void)assay_member_word(&j->reader, at, v, "measure", true, measures, &measure);
    if (!assay_read_object(&j->reader, at, v, measure == 0 ? plain : known)) return;
    read_code(j, at, v, "code", &out->code);
    bool has_max = read_bounded(j, at, v, "max", &ASSAY_FRAC_ZERO, NULL, &out->max);
    read_curve(j, at, v, "curve", NULL, has_max ? &out->max : NULL, &out->curve);
    if (measure < 0) return;
    out->measure = (enum assay_measure)(ASSAY_MEASURE_COMPLIANCE + measure);
    if (out->measure != ASSAY_MEASURE_SATISFACTION) return;
    read_by_words(j, at, v, "weights", ASSAY_WORDS(answer), NULL, out->weight);
    read_by_words(j, at, v, "class_factors", ASSAY_WORDS(customer_class), NULL, out->factor);
    read_by_words(j, at, v, "responsibility_shares", ASSAY_WORDS(responsibility), &ASSAY_FRAC_ONE, out->share);
}

static void read_indicators(struct job *j, const struct assay_place *at, const json_t *obj) {
    struct assay_place p;
    const json_t *v = assay_member_array(&j->reader, at, obj, "indicators", true, 1, ASSAY_INDICATORS_MAX, &p);
    if (!v) return;
    size_t n = json_array_size(v);
    struct assay_indicator *list = assay_arena_zalloc(j->reader.arena, n * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        struct assay_place q = {&p, NULL, i};
        read_indicator(j, &q, json_array_get(v, i), &list[i]);
        for (size_t k = 0; k < i; k++)
            if (list[i].code && list[k].code && strcmp(list[i].code, list[k].code) == 0)
                assay_read_fail(&j->reader, &(struct assay_place){&q, "code", 0}, ASSAY_INVALID_VALUE,
                                "this code stands in the list already");
    }
    j->out->indicators = list;
    j->out->n_indicators = n;
}

/* --- pay and assumptions ----------------------------------------------------------------------------------------------- */

static void read_pay(struct job *j, const struct assay_place *at, const json_t *obj) {
    static const char *const known[] = {"multiplier", "unrated", NULL};
    struct assay_place p;
    const json_t *v = assay_member_object(&j->reader, at, obj, "pay", true, known, &p);
    if (!v) return;
    read_curve(j, &p, v, "multiplier", &ASSAY_FRAC_ZERO, NULL, &j->out->pay_multiplier);
    (void)read_bounded(j, &p, v, "unrated", &ASSAY_FRAC_ZERO, NULL, &j->out->pay_unrated);
}

static void read_about(struct job *j, const struct assay_place *at, const json_t *v, enum assay_point *out) {
    struct assay_str s;
    if (!assay_member_text(&j->reader, at, v, "about", true, TEXT_MAX_CHARS, &s)) return;
    for (int p = 0; p < ASSAY_POINT_COUNT; p++) {
        if (!assay_str_is(s, assay_point_about((enum assay_point)p))) continue;
        *out = (enum assay_point)p;
        return;
    }
    assay_read_fail(&j->reader, &(struct assay_place){at, "about", 0}, ASSAY_INVALID_VALUE,
                    "a rule or pointer where the engine relies on an assumption is wanted, as %s or %s",
                    assay_point_about(ASSAY_POINT_LIMIT_INCLUSIVE), assay_point_about(ASSAY_POINT_STANDARD_CITY));
}

static void read_assumption(struct job *j, const struct assay_place *at, const json_t *v, struct assay_assumption *out) {
    static const char *const known[] = {"id", "about", "text", NULL};
    struct assay_str id;
    if (!assay_read_object(&j->reader, at, v, known)) return;
    if (assay_member_text(&j->reader, at, v, "id", true, 64, &id)) out->id = id.p;
    read_about(j, at, v, &out->about);
    read_bilingual(j, at, v, "text", TEXT_MAX_CHARS, &out->text_en, &out->text_zh);
}

static void read_assumptions(struct job *j, const struct assay_place *at, const json_t *obj) {
    struct assay_place p;
    const json_t *v = assay_member_array(&j->reader, at, obj, "assumptions", false, 0, ASSUMPTIONS_MAX, &p);
    if (!v) return;
    size_t n = json_array_size(v);
    struct assay_assumption *list = assay_arena_zalloc(j->reader.arena, n * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        struct assay_place q = {&p, NULL, i};
        read_assumption(j, &q, json_array_get(v, i), &list[i]);
        for (size_t k = 0; k < i; k++)
            if (list[i].id && list[k].id && strcmp(list[i].id, list[k].id) == 0)
                assay_read_fail(&j->reader, &(struct assay_place){&q, "id", 0}, ASSAY_INVALID_VALUE,
                                "this id stands in the list already");
    }
    j->out->assumptions = list;
    j->out->n_assumptions = n;
}

/* --- the document ------------------------------------------------------------------------------------------------------ */

/* What the shape provides for and the engine has one kind of only. */
static void read_fixed(struct job *j, const struct assay_place *at, const json_t *v) {
    static const char *const cycles[] = {"month", NULL};
    struct assay_place p;
    int word;
    (void)assay_member_word(&j->reader, at, v, "cycle", true, cycles, &word);
    const json_t *grades = assay_read_member(&j->reader, at, v, "grades", false, &p);
    if (grades && assay_read_array(&j->reader, &p, grades) && json_array_size(grades) > 0)
        assay_read_fail(&j->reader, &p, ASSAY_INVALID_VALUE, "grades are not supported: an empty list is wanted");
}

static void read_scheme(struct job *j, const json_t *v, assay_zone_lookup *zone, void *ctx) {
    static const char *const known[] = {
        "name",          "effective_from", "time_zone",  "starts", "calendar", "rates",       "cycle",
        "window_months", "clocks",         "indicators", "grades", "pay",      "assumptions", NULL};
    static const struct assay_place root = {NULL, NULL, 0};
    struct assay_scheme *s = j->out;
    int64_t months = 1;
    if (!assay_read_object(&j->reader, &root, v, known)) return;
    read_bilingual(j, &root, v, "name", NAME_MAX_CHARS, &s->name_en, &s->name_zh);
    (void)assay_member_date(&j->reader, &root, v, "effective_from", false, &s->effective_from);
    (void)assay_member_zone(&j->reader, &root, v, "time_zone", zone, ctx, &s->zone);
    (void)assay_member_date(&j->reader, &root, v, "starts", true, &s->starts);
    read_code(j, &root, v, "calendar", &s->calendar_code);
    read_code(j, &root, v, "rates", &s->rates_code);
    read_fixed(j, &root, v);
    (void)assay_member_int(&j->reader, &root, v, "window_months", true, 1, WINDOW_MAX, &months);
    s->window_months = (int32_t)months;
    read_clocks(j, &root, v);
    read_indicators(j, &root, v);
    read_pay(j, &root, v);
    read_assumptions(j, &root, v);
}

enum assay_status assay_scheme_new_from_json(struct assay_str text, const char *code, int32_t version, assay_date effective_from,
                                             assay_zone_lookup *zone, void *ctx, struct assay_scheme **out,
                                             struct assay_errors *es) {
    json_t *v;
    *out = NULL;
    enum assay_status status = assay_reader_load_into(text, &v, es);
    if (status != ASSAY_OK) return status;
    struct box *box = assay_xcalloc(1, sizeof *box);
    struct job j = {.reader = {&box->arena, es}, .out = &box->scheme};
    box->scheme.code = assay_arena_dup(&box->arena, assay_str_c(code)).p;
    box->scheme.version = version;
    box->scheme.effective_from = effective_from;
    read_scheme(&j, v, zone, ctx);
    json_decref(v);
    status = assay_read_result(&j.reader);
    if (status == ASSAY_OK) *out = &box->scheme;
    else assay_scheme_free(&box->scheme);
    return status;
}

void assay_scheme_free(struct assay_scheme *s) {
    if (!s) return;
    struct box *box = (struct box *)((char *)s - offsetof(struct box, scheme));
    assay_arena_free(&box->arena);
    free(box);
}
