/* template.c -- files to fill in: every column of a route, and rows that show how. The columns come from the table of
 * fields, the Chinese from csv_names.c; here stand only the examples. */
#include "csv_names.h"
#include "record_rows.h"

struct value {
    const char *field, *text, *zh; /* zh: where it is no word of csv_names.c and differs */
};
struct example {
    struct value values[12];
};

static const struct example events[] = {
    {{{"type", "order.opened", NULL},
      {"id", "EXAMPLE-1", NULL},
      {"provider", "P001", NULL},
      {"order", "EXAMPLE", NULL},
      {"at", "2001-02-05T09:00:00+08:00", NULL},
      {"channel", "walk_in", NULL},
      {"product", "laser_printer", NULL},
      {"customer_class", "key", NULL},
      {"warranty", "in", NULL}}},
    {{{"type", "order.closed", NULL},
      {"id", "EXAMPLE-2", NULL},
      {"provider", "P001", NULL},
      {"order", "EXAMPLE", NULL},
      {"at", "2001-02-06T15:30:00+08:00", NULL},
      {"outcome", "repaired", NULL}}},
};
static const struct example dispatches[] = {
    {{{"id", "EXAMPLE-D1", NULL},
      {"provider", "P001", NULL},
      {"order", "EXAMPLE-C", NULL},
      {"at", "2001-02-05T09:10:00+08:00", NULL},
      {"reported_at", "2001-02-05T08:50:00+08:00", NULL},
      {"product", "laser_printer", NULL},
      {"customer_class", "ordinary", NULL},
      {"parts", "R1:C4096-69001|R2:Q1860-69003", NULL}}},
};
static const struct example surveys[] = {
    {{{"id", "EXAMPLE-S1", NULL},
      {"provider", "P001", NULL},
      {"order", "EXAMPLE", NULL},
      {"at", "2001-02-07T10:00:00+08:00", NULL},
      {"answer", "satisfied", NULL},
      {"customer_class", "key", NULL},
      {"source", "sampled", NULL},
      {"overall", "5", NULL},
      {"attitude", "5", NULL},
      {"recommend", "10", NULL}}},
};
static const struct example observations[] = {
    {{{"id", "EXAMPLE-O1", NULL},
      {"provider", "P001", NULL},
      {"at", "2001-02-28T18:00:00+08:00", NULL},
      {"indicator", "answer_rate", NULL},
      {"numerator", "188", NULL},
      {"denominator", "200", NULL}}},
    {{{"id", "EXAMPLE-O2", NULL},
      {"provider", "P001", NULL},
      {"at", "2001-02-28T18:00:00+08:00", NULL},
      {"indicator", "audit_score", NULL},
      {"value", "97.5", NULL},
      {"rater", "auditor", NULL}}},
};
static const struct example providers[] = {
    {{{"code", "P001", NULL},
      {"name", "Golden Service Beijing", "北京金牌服务站"},
      {"city", "Beijing", NULL},
      {"ascim", "true", NULL},
      {"status", "active", NULL}}},
    {{{"code", "P002", NULL},
      {"name", "Chengdu Repair", "成都维修中心"},
      {"city", "Chengdu", NULL},
      {"ascim", "false", NULL},
      {"status", "active", NULL}}},
};
#define ROWS(rows) rows, sizeof(rows) / sizeof *(rows)
static const struct {
    const char *kind;
    int intake; /* -1: providers */
    const struct example *examples;
    size_t n;
} templates[] = {
    {"repair-events", ASSAY_INTAKE_EVENTS, ROWS(events)},
    {"ccc-dispatches", ASSAY_INTAKE_DISPATCHES, ROWS(dispatches)},
    {"survey-responses", ASSAY_INTAKE_SURVEYS, ROWS(surveys)},
    {"observations", ASSAY_INTAKE_OBSERVATIONS, ROWS(observations)},
    {"providers", -1, ROWS(providers)},
};

/* The columns of an intake, each name once, in the table's order. */
static size_t columns_of(enum assay_intake intake, const char **out) {
    uint32_t types = assay_intake_types(intake);
    size_t n = 0;
    if (types & (types - 1)) out[n++] = "type";
    for (size_t i = 0; i < assay_record_rows(); i++) {
        const struct assay_field *f = assay_record_row(i);
        bool known = !(f->allowed & types);
        for (size_t k = 0; k < n && !known; k++) known = strcmp(out[k], f->name) == 0;
        if (!known) out[n++] = f->name;
    }
    return n;
}

static struct assay_str cell_of(const struct example *x, const char *field, bool zh) {
    for (const struct value *v = x->values; v->field; v++) {
        if (strcmp(v->field, field) != 0) continue;
        const char *word = zh ? assay_cell_zh(field, assay_str_c(v->text)) : NULL;
        return assay_str_c(word ? word : zh && v->zh ? v->zh : v->text);
    }
    return ASSAY_STR("");
}

bool assay_template_write(struct assay_str kind, bool zh, struct assay_buf *b) {
    const char *columns[ASSAY_CSV_COLUMNS_MAX];
    size_t t = 0, n = 0;
    while (t < sizeof templates / sizeof *templates && !assay_str_is(kind, templates[t].kind)) t++;
    if (t == sizeof templates / sizeof *templates) return false;
    bool is_providers = templates[t].intake < 0;
    if (is_providers)
        for (const char *const *c = assay_provider_columns(); *c; c++) columns[n++] = *c;
    else n = columns_of((enum assay_intake)templates[t].intake, columns);
    assay_buf_adds(b, ASSAY_CSV_BOM);
    for (size_t i = 0; i < n; i++) {
        const char *name = zh ? assay_column_zh(columns[i], is_providers) : NULL;
        assay_csv_cell(b, assay_str_c(name ? name : columns[i]), i == 0);
    }
    assay_csv_end_row(b);
    for (size_t r = 0; r < templates[t].n; r++) {
        for (size_t i = 0; i < n; i++) assay_csv_cell(b, cell_of(&templates[t].examples[r], columns[i], zh), i == 0);
        assay_csv_end_row(b);
    }
    return true;
}
