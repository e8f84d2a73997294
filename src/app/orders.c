/* orders.c -- `assayd orders`: a provider's orders, or everybody's, as a running daemon lists them. */
#include <errno.h>
#include <stdlib.h>

#include "app/client.h"
#include "app/commands.h"
#include "app/grid.h"
#include "app/words.h"

enum { STATE = ASSAY_CLIENT_OPTIONS_END, OUTCOME, PERIOD, SCHEME, LIMIT, LANG, JSON };
static const struct assay_option options[] = {
    ASSAY_CLIENT_OPTIONS,
    [STATE] = {"state", "STATE", NULL, NULL, "open closed cancelled", "only orders of this state"},
    [OUTCOME] = {"outcome", "OUTCOME", NULL, NULL, "compliant missed undetermined pending out_of_scope",
                 "only orders that were judged so"},
    [PERIOD] = {"period", "YYYY-MM", NULL, NULL, NULL, "only orders closed in this month"},
    [SCHEME] = {"scheme", "CODE", "hp-gold-fy01", NULL, NULL, "judged by this scheme"},
    [LIMIT] = {"limit", "N", "100", NULL, NULL, "so many orders at most, or all"},
    [LANG] = ASSAY_LANG_OPTION,
    [JSON] = {"json", NULL, NULL, NULL, NULL, "the orders as the daemon says them, one JSON object a line"},
};

enum { PAGE_MOST = 1000 };
struct listing {
    const struct assay_cli *cli;
    struct assay_client *client;
    int64_t left; /* orders still wanted */
    int64_t shown;
    bool json, chinese, more;
    struct assay_grid table;
};

static void add_cells(struct listing *l, const struct assay_json_view *order) {
    static const struct {
        const char *key;
        enum { PLAIN, WORD, INSTANT } as;
    } columns[] = {{"provider", PLAIN}, {"order", PLAIN},         {"state", WORD},        {"channel", WORD},
                   {"product", PLAIN},  {"customer_class", WORD}, {"warranty", WORD},     {"outcome", WORD},
                   {"reason", WORD},    {"opened_at", INSTANT},   {"closed_at", INSTANT}, {"deadline", INSTANT}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct assay_buf b = {0};
        const char *key = columns[i].key;
        if (columns[i].as == INSTANT) assay_words_instant(order, key, &b);
        else if (columns[i].as == WORD) assay_buf_adds(&b, assay_words_member(order, key, l->chinese));
        else
            assay_buf_adds(&b, assay_json_string(assay_json_member(order, key)).p
                                   ? assay_json_string(assay_json_member(order, key)).p
                                   : "-");
        assay_grid_cell(&l->table, b.p);
        assay_buf_free(&b);
    }
}

static void add_order(struct listing *l, const struct assay_json_view *order) {
    l->left--;
    l->shown++;
    if (!l->json) {
        add_cells(l, order);
        return;
    }
    struct assay_buf b = {0};
    assay_json_view_write(order, &b);
    puts(b.p);
    assay_buf_free(&b);
}

static void add_parameter(const struct listing *l, size_t option, struct assay_buf *path) {
    const char *value = assay_cli_value(l->cli, option);
    if (!value) return;
    assay_buf_printf(path, "&%s=", l->cli->command->options[option].name);
    assay_url_escape(value, path);
}

/* Page by page behind the cursors, until there are no more or enough. False: *status says why. */
static bool list_provider(struct listing *l, const char *provider, int *status) {
    struct assay_buf path = {0};
    bool good = true;
    assay_buf_adds(&path, "/v1/providers/");
    assay_url_escape(provider, &path);
    assay_buf_printf(&path, "/orders?limit=%lld", (long long)(l->left < PAGE_MOST ? l->left : PAGE_MOST));
    for (size_t i = STATE; i <= SCHEME; i++) add_parameter(l, i, &path);
    while (good && path.n && l->left > 0) {
        struct assay_reply r;
        struct assay_json_doc *d = assay_client_get(l->client, path.p, NULL, &r, status);
        const struct assay_json_view *items = assay_json_member(assay_json_root(d), "items");
        good = d != NULL;
        for (size_t i = 0; i < assay_json_size(items) && l->left > 0; i++) add_order(l, assay_json_item(items, i));
        path.n = 0;
        assay_buf_adds(&path, r.next);
        assay_json_free(d);
        assay_reply_free(&r);
    }
    l->more = l->more || path.n > 0;
    assay_buf_free(&path);
    return good;
}

static bool list_all(struct listing *l, int *status) {
    struct assay_buf path = {0};
    bool good = true;
    assay_buf_adds(&path, "/v1/providers?limit=1000");
    while (good && path.n && l->left > 0) {
        struct assay_reply r;
        struct assay_json_doc *d = assay_client_get(l->client, path.p, NULL, &r, status);
        const struct assay_json_view *items = assay_json_member(assay_json_root(d), "items");
        good = d != NULL;
        for (size_t i = 0; good && i < assay_json_size(items); i++) {
            if (l->left <= 0) l->more = true;
            else good = list_provider(l, assay_json_string(assay_json_member(assay_json_item(items, i), "code")).p, status);
        }
        path.n = 0;
        assay_buf_adds(&path, r.next);
        assay_json_free(d);
        assay_reply_free(&r);
    }
    assay_buf_free(&path);
    return good;
}

static bool read_limit(const struct assay_cli *cli, int64_t *left) {
    const char *text = assay_cli_value(cli, LIMIT);
    *left = 100;
    if (!text || strcmp(text, "all") != 0) return assay_cli_number(cli, LIMIT, 1, INT64_MAX, left);
    *left = INT64_MAX;
    return true;
}

static void begin_table(struct listing *l) {
    static const char *const en[] = {"PROVIDER", "ORDER",  "STATE",  "CHANNEL", "PRODUCT",  "CLASS", "WARRANTY",
                                     "OUTCOME",  "REASON", "OPENED", "CLOSED",  "DEADLINE", NULL};
    static const char *const zh[] = {"服务商", "维修单", "状态",     "渠道",     "产品",     "客户", "保修",
                                     "结果",   "原因",   "开单时间", "结单时间", "截止时间", NULL};
    if (!l->json) assay_grid_begin(&l->table, l->chinese ? zh : en);
}

static int run_orders(int argc, char **argv) {
    struct assay_cli cli;
    int status;
    struct listing l = {.cli = &cli};
    if (!assay_cli_begin(&assay_command_orders, argc, argv, &cli, &status)) return status;
    if (cli.n_operands > 1) return assay_cli_wrong(cli.command, "one provider, not \"%s\" too", cli.operands[1]);
    if (!read_limit(&cli, &l.left)) return 2;
    l.client = assay_client_new(&cli, &status);
    if (!l.client) return status;
    l.json = assay_cli_flag(&cli, JSON);
    l.chinese = assay_words_chinese(&cli, LANG);
    assay_text_begin();
    begin_table(&l);
    bool good = cli.n_operands ? list_provider(&l, cli.operands[0], &status) : list_all(&l, &status);
    if (!l.json && (good || l.shown)) assay_grid_print(&l.table, stdout);
    assay_grid_free(&l.table);
    fflush(stdout);
    if (good && l.more && !l.json)
        fprintf(stderr,
                l.chinese ? "仅显示前 %lld 单；--limit all 显示全部\n" : "the first %lld only; --limit all shows every order\n",
                (long long)l.shown);
    assay_client_free(l.client);
    return good ? 0 : status;
}

const struct assay_command assay_command_orders = {
    .name = "orders",
    .group = "Figures",
    .summary = "list orders and how they were judged",
    .synopsis = "[PROVIDER] [options]",
    .about = "Asks a daemon for a provider's orders, or those of all providers one after the other, the newest opening first. "
             "Instants are those of this machine's time zone (TZ).",
    ASSAY_OPTIONS(options),
    .examples = (const struct assay_example[]){{"What did P001 miss in February?",
                                                "assayd orders P001 --outcome missed --period 2001-02 --key-file key"},
                                               {"Every order that cannot be judged, for a program:",
                                                "assayd orders --outcome undetermined --limit all --json --key-file key"},
                                               {0}},
    .exit_status = (const struct assay_exit_status[]){{0, "listed"},
                                                      {2, "wrong usage"},
                                                      {3, "the daemon could not be reached, or refused"},
                                                      {0}},
    .run = run_orders,
};
