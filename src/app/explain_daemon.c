/* explain_daemon.c -- a verdict as a running daemon gives it, as a person wants to read it. */
#include <stdlib.h>

#include "app/explain.h"
#include "app/grid.h"
#include "app/words.h"

/* Headings in both languages. */
static const char *pick(bool chinese, const char *en, const char *zh) { return chinese ? zh : en; }

static const char *plain(const struct assay_json_view *v, const char *key) {
    struct assay_str s = assay_json_string(assay_json_member(v, key));
    return s.p ? s.p : "-";
}

enum how { PLAIN, WORD, INSTANT, DURATION };
struct column {
    const char *key;
    enum how as;
    const char *en, *zh;
};

static void add_cell(struct assay_grid *t, const struct assay_json_view *row, const struct column *c, bool chinese) {
    struct assay_buf b = {0};
    switch (c->as) {
    case PLAIN: assay_buf_adds(&b, plain(row, c->key)); break;
    case WORD: assay_buf_adds(&b, assay_words_member(row, c->key, chinese)); break;
    case INSTANT: assay_words_instant(row, c->key, &b); break;
    case DURATION: assay_words_duration(row, c->key, chinese, &b); break;
    }
    assay_grid_cell(t, b.p);
    assay_buf_free(&b);
}

static void print_rows(const char *title, const struct assay_json_view *rows, const struct column *columns, size_t n,
                       bool chinese) {
    struct assay_grid t = {0};
    const char *header[ASSAY_TABLE_COLUMNS_MAX + 1] = {0};
    if (!assay_json_size(rows)) return;
    for (size_t i = 0; i < n; i++) header[i] = pick(chinese, columns[i].en, columns[i].zh);
    assay_grid_begin(&t, header);
    for (size_t i = 0; i < assay_json_size(rows); i++)
        for (size_t k = 0; k < n; k++) add_cell(&t, assay_json_item(rows, i), &columns[k], chinese);
    printf("\n%s\n", title);
    assay_grid_print(&t, stdout);
}
#define PRINT_ROWS(title, rows, columns, chinese) print_rows(title, rows, columns, sizeof(columns) / sizeof *(columns), chinese)

static const struct column candidate_columns[] = {
    {"line", PLAIN, "LINE", "备件行"},
    {"shipped_at", INSTANT, "SHIPPED", "发货"},
    {"expected_at", INSTANT, "EXPECTED", "预计到达"},
    {"delivered_at", INSTANT, "DELIVERED", "送达"},
    {"courier", PLAIN, "COURIER", "时效"},
    {"lateness", WORD, "LATENESS", "准时情况"},
};
static const struct column segment_columns[] = {
    {"code", WORD, "SEGMENT", "阶段"},
    {"party", WORD, "PARTY", "责任方"},
    {"seconds", DURATION, "TIME", "用时"},
    {"working_seconds", DURATION, "WORKING TIME", "工作时间"},
};
static const struct column ledger_columns[] = {
    {"from", INSTANT, "FROM", "自"},
    {"to", INSTANT, "TO", "至"},
    {"kind", WORD, "KIND", "类别"},
    {"seconds", DURATION, "TIME", "时长"},
};
/* A clock is one row of the table of clocks. */
static const struct column clock_columns[] = {
    {"outcome", WORD, "OUTCOME", "结果"},
    {"start", INSTANT, "START", "起算"},
    {"end", INSTANT, "END", "截止"},
    {"elapsed_working_seconds", DURATION, "WORKING TIME", "工作时间"},
    {"elapsed_seconds", DURATION, "TIME", "用时"},
    {"deadline", INSTANT, "DEADLINE", "期限"},
};

static void print_clocks(const struct assay_json_view *verdict, bool chinese) {
    static const struct {
        const char *key, *en, *zh;
    } clocks[] = {{"diagnosis", "diagnosis", "诊断"}, {"cycle", "cycle", "周期"}};
    enum { N = sizeof clock_columns / sizeof *clock_columns };
    const char *header[N + 2] = {pick(chinese, "CLOCK", "时钟")};
    struct assay_grid t = {0};
    for (size_t k = 0; k < N; k++) header[k + 1] = pick(chinese, clock_columns[k].en, clock_columns[k].zh);
    assay_grid_begin(&t, header);
    for (size_t i = 0; i < 2; i++) {
        const struct assay_json_view *clock = assay_json_member(verdict, clocks[i].key);
        assay_grid_cell(&t, pick(chinese, clocks[i].en, clocks[i].zh));
        for (size_t k = 0; k < N; k++) add_cell(&t, clock, &clock_columns[k], chinese);
    }
    assay_grid_print(&t, stdout);
}

static void print_list(const char *title, const struct assay_json_view *texts) {
    if (!assay_json_size(texts)) return;
    printf("\n%s", title);
    for (size_t i = 0; i < assay_json_size(texts); i++) printf(" %s", assay_json_string(assay_json_item(texts, i)).p);
    putchar('\n');
}

static void print_verdict(const struct assay_json_view *v, bool chinese) {
    const struct assay_json_view *e = assay_json_member(v, "explanation");
    struct assay_str text = assay_json_string(assay_json_member(assay_json_member(e, "text"), chinese ? "zh-CN" : "en"));
    const char *reason = plain(v, "reason");
    printf("%s / %s: %s", plain(v, "provider"), plain(v, "order"), assay_words_member(v, "outcome", chinese));
    if (strcmp(reason, "-") != 0) printf(", %s", assay_words_of(reason, chinese));
    printf("\n\n%s\n\n", text.p ? text.p : "");
    print_clocks(v, chinese);
    PRINT_ROWS(pick(chinese, "part lines", "备件行"), assay_json_member(e, "candidates"), candidate_columns, chinese);
    PRINT_ROWS(pick(chinese, "where the time went", "时间去向"), assay_json_member(v, "segments"), segment_columns, chinese);
    PRINT_ROWS(pick(chinese, "ledger of the diagnosis", "诊断时间明细"), assay_json_member(e, "diagnosis_ledger"), ledger_columns,
               chinese);
    PRINT_ROWS(pick(chinese, "ledger of the cycle", "周期时间明细"), assay_json_member(e, "ledger"), ledger_columns, chinese);
    print_list(pick(chinese, "records used:", "所依据的记录："), assay_json_member(e, "records"));
    print_list(pick(chinese, "assumptions used:", "所用假定："), assay_json_member(v, "assumptions"));
}

int assay_explain_from_daemon(const struct assay_cli *cli, const char *provider, const char *order) {
    const char *scheme = assay_cli_value(cli, ASSAY_EXPLAIN_SCHEME);
    bool chinese = assay_words_chinese(cli, ASSAY_EXPLAIN_LANG);
    struct assay_buf path = {0};
    struct assay_reply r = {0};
    int status = 0;
    struct assay_client *c = assay_client_new(cli, &status);
    if (!c) return status;
    assay_buf_adds(&path, "/v1/providers/");
    assay_url_escape(provider, &path);
    assay_buf_adds(&path, "/orders/");
    assay_url_escape(order, &path);
    assay_buf_adds(&path, "/verdict");
    if (scheme) assay_buf_adds(&path, "?scheme="), assay_url_escape(scheme, &path);
    assay_text_begin();
    struct assay_json_doc *d = assay_client_get(c, path.p, chinese ? "zh-CN" : NULL, &r, &status);
    if (d && assay_cli_flag(cli, ASSAY_EXPLAIN_JSON)) puts(r.body.p);
    else if (d) print_verdict(assay_json_root(d), chinese);
    assay_json_free(d);
    assay_reply_free(&r);
    assay_buf_free(&path);
    assay_client_free(c);
    return status;
}
