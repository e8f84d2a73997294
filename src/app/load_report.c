/* load_report.c -- how a load goes, in words: the line of progress, counts, errors. */
#include "app/grid.h"
#include "app/load.h"

enum { BAR_LEAST = 8, BAR_MOST = 40, NAME_MOST = 32, CHANGES_MOST = 10 };

/* n * by / of, whose product may be beyond 64 bits. */
static int64_t scaled(int64_t n, int64_t by, int64_t of) {
    __extension__ typedef __int128 wide;
    return (int64_t)((wide)n * by / of);
}

void assay_load_bytes(int64_t n, struct assay_buf *out) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t u = 0;
    int64_t unit = 1;
    /* The unit in which it is less than a thousand when it is rounded, once. */
    for (; scaled(n, 2, unit) >= 1999 && u + 1 < sizeof units / sizeof *units; u++) unit *= 1000;
    int64_t whole = (scaled(n, 2, unit) + 1) / 2, tenths = (scaled(n, 20, unit) + 1) / 2;
    if (u == 0 || tenths >= 1000) assay_buf_printf(out, "%lld %s", (long long)whole, units[u]);
    else assay_buf_printf(out, "%lld.%lld %s", (long long)(tenths / 10), (long long)(tenths % 10), units[u]);
}

static void add_duration(int64_t seconds, struct assay_buf *out) {
    if (seconds >= 3600)
        assay_buf_printf(out, "%lld:%02lld:%02lld", (long long)(seconds / 3600), (long long)(seconds / 60 % 60),
                         (long long)(seconds % 60));
    else assay_buf_printf(out, "%lld:%02lld", (long long)(seconds / 60), (long long)(seconds % 60));
}

/* Bytes per second, or 0 while nothing can be said. */
static int64_t rate_of(int64_t sent, int64_t elapsed_us) { return elapsed_us > 0 ? scaled(sent, 1000000, elapsed_us) : 0; }

void assay_load_progress(const char *name, int64_t sent, int64_t total, int64_t elapsed_us, int width, struct assay_buf *out) {
    struct assay_buf tail = {0}, head = {0};
    int64_t rate = rate_of(sent, elapsed_us);
    bool whole = total >= 0 && sent >= total;
    assay_text_cut(name, NAME_MOST, &head);
    if (total >= 0) assay_buf_printf(&tail, " %3lld%% ", total ? (long long)scaled(sent, 100, total) : 100);
    else assay_buf_adds(&tail, " ");
    assay_load_bytes(sent, &tail);
    assay_buf_adds(&tail, "  ");
    if (!whole) {
        assay_load_bytes(rate, &tail);
        assay_buf_adds(&tail, "/s  ");
    }
    if (whole) {
        assay_buf_adds(&tail, "being applied ");
        add_duration(elapsed_us / 1000000, &tail);
    } else if (total >= 0 && rate > 0) {
        assay_buf_adds(&tail, "ETA ");
        add_duration((total - sent + rate - 1) / rate, &tail);
    } else {
        add_duration(elapsed_us / 1000000, &tail);
    }
    int bar = width - 1 - (int)assay_text_width(head.p ? head.p : "") - (int)tail.n - 3;
    if (bar > BAR_MOST) bar = BAR_MOST;
    assay_buf_adds(out, head.p ? head.p : "");
    if (total >= 0 && bar >= BAR_LEAST) {
        int full = total ? (int)scaled(sent, bar, total) : bar;
        assay_buf_adds(out, " [");
        for (int i = 0; i < bar; i++) assay_buf_addc(out, i < full ? '#' : '-');
        assay_buf_addc(out, ']');
    }
    assay_buf_adds(out, tail.p);
    assay_buf_free(&head);
    assay_buf_free(&tail);
}

static int64_t number(const struct assay_json_view *v, const char *key) {
    int64_t n = 0;
    (void)assay_json_integer(assay_json_member(v, key), &n);
    return n;
}

struct assay_load_counts assay_load_counts(const struct assay_json_view *reply, int status) {
    struct assay_load_counts c = {0};
    int64_t n;
    struct assay_str fate = assay_json_string(assay_json_member(reply, "status"));
    if (assay_json_integer(assay_json_member(reply, "received"), &n)) {
        c = (struct assay_load_counts){true, n, number(reply, "accepted"), number(reply, "duplicates"),
                                       number(reply, "rejected")};
    } else if (status < 300) { /* one record, or a document */
        bool duplicate = assay_str_is(fate, "duplicate");
        c = (struct assay_load_counts){.known = true, .received = 1, .accepted = !duplicate, .duplicates = duplicate};
    }
    return c;
}

static struct assay_str text(const struct assay_json_view *v, const char *key) {
    struct assay_str s = assay_json_string(assay_json_member(v, key));
    return s.p ? s : ASSAY_STR("");
}

static void add_error(const struct assay_json_view *x, struct assay_buf *out) {
    int64_t line;
    struct assay_str id = text(x, "id"), pointer = text(x, "pointer");
    assay_buf_adds(out, "  ");
    if (assay_json_integer(assay_json_member(x, "line"), &line)) assay_buf_printf(out, "line %lld", (long long)line);
    if (id.n) assay_buf_printf(out, " (%.*s)", ASSAY_STR_ARG(id));
    assay_buf_printf(out, ": %.*s: %.*s", ASSAY_STR_ARG(text(x, "code")), ASSAY_STR_ARG(text(x, "detail")));
    if (pointer.n) assay_buf_printf(out, " (%.*s)", ASSAY_STR_ARG(pointer));
    assay_buf_addc(out, '\n');
}

static void add_changes(const struct assay_json_view *verdicts, struct assay_buf *out) {
    size_t n = assay_json_size(verdicts);
    assay_buf_printf(out, "  dry run: nothing was kept; %zu verdict%s would change\n", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n && i < CHANGES_MOST; i++) {
        const struct assay_json_view *x = assay_json_item(verdicts, i);
        struct assay_str before = text(x, "before"), after = text(x, "after");
        if (!before.n) before = ASSAY_STR("none");
        if (!after.n) after = ASSAY_STR("none");
        assay_buf_printf(out, "    %.*s %.*s: %.*s -> %.*s\n", ASSAY_STR_ARG(text(x, "provider")),
                         ASSAY_STR_ARG(text(x, "order")), ASSAY_STR_ARG(before), ASSAY_STR_ARG(after));
    }
    if (n > CHANGES_MOST) assay_buf_printf(out, "    and %zu more\n", n - CHANGES_MOST);
}

void assay_load_details(const struct assay_json_view *reply, int64_t rejected, size_t most, struct assay_buf *out) {
    const struct assay_json_view *errors = assay_json_member(reply, "errors");
    size_t n = assay_json_size(errors);
    int64_t lines = 0, last = -1;
    for (size_t i = 0; i < n && i < most; i++) {
        const struct assay_json_view *x = assay_json_item(errors, i);
        int64_t line = number(x, "line");
        lines += line != last;
        last = line;
        add_error(x, out);
    }
    if (rejected > lines) assay_buf_printf(out, "  and %lld more\n", (long long)(rejected - lines));
    if (assay_json_is_true(assay_json_member(reply, "dry_run"))) add_changes(assay_json_member(reply, "verdicts"), out);
}
