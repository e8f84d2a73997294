/* words.c -- a verdict told to the manager of a repair centre, in English and Chinese (DOMAIN 4.4): which rule, which line
 * governed and why, the standard and its reason, the ends in the scheme's local time, what was used and what was left, what
 * is missing and who can mend it, what was assumed.
 *
 * The words are a table of sentences with {places}; the values that fill them are worked out once for both languages. */
#include "core/words.h"

#include "core/standard.h"

/* clang-format off */
enum sentence {
    NEXT_PARAGRAPH,
    COMPLIANT, MISSED_DIAGNOSIS, MISSED_CYCLE, MISSED_BOTH, UNDETERMINED, PENDING, CANCELLED, BEFORE_SCHEME,
    MISSING_OPEN, OPEN_WITHOUT_OPENING,
    DIAGNOSIS_NOT_APPLICABLE, DIAGNOSIS_PENDING, DIAGNOSIS_MET, DIAGNOSIS_MISSED, DIAGNOSIS_EXEMPT, DIAGNOSIS_INVERTED,
    START_NO_PARTS, START_LOCAL, START_LONE_LINE, START_GOVERNING, START_REPLACED, MISSING_SHIPMENT,
    STANDARD_NO_PARTS, STANDARD_CITY_ON_TIME, STANDARD_CITY_UNKNOWN, STANDARD_LATE, BEYOND_SLOWEST,
    CYCLE_MET, CYCLE_MISSED, CYCLE_PENDING, CYCLE_INVERTED,
    ASSUMPTIONS, FOOT,
    SENTENCES
};
static const struct {
    const char *en, *zh;
} sentences[SENTENCES] = {
    [NEXT_PARAGRAPH] = {"\n", "\n"},
    [COMPLIANT] = {"Compliant: every limit that applies was kept.", "达标：适用的各项时限均已满足。"},
    [MISSED_DIAGNOSIS] = {"Missed: parts were requested too late.", "未达标：备件申请超时。"},
    [MISSED_CYCLE] = {"Missed: the repair took too long.", "未达标：维修周期超时。"},
    [MISSED_BOTH] = {
        "Missed: parts were requested too late, and the repair took too long.",
        "未达标：备件申请超时，且维修周期超时。",
    },
    [UNDETERMINED] = {
        "Undetermined: data is missing or contradicts itself, and missing data never counts as a pass.",
        "无法判定：数据缺失或矛盾，缺失数据不视为达标。",
    },
    [PENDING] = {"Pending: the order is still open.", "待定：维修单尚未结单。"},
    [CANCELLED] = {"Out of scope: the order was cancelled.", "不在评估范围：维修单已取消。"},
    [BEFORE_SCHEME] = {
        "Out of scope: the order belongs to {opened_on}, before the scheme starts on {starts}.",
        "不在评估范围：维修单日期为 {opened_on}，早于方案生效日期 {starts}。",
    },
    [MISSING_OPEN] = {
        "The order was closed at {closed}, but neither an opening nor a dispatch is on record. The provider can mend this by "
        "sending the opening.",
        "维修单已于 {closed} 结单，但没有开单或派单记录。请服务商补报开单记录。",
    },
    [OPEN_WITHOUT_OPENING] = {
        "Neither an opening nor a dispatch is on record yet, so no clock runs.",
        "尚无开单或派单记录，时限未开始计算。",
    },
    [DIAGNOSIS_NOT_APPLICABLE] = {
        "Diagnosis rule: does not apply, because the provider requested no part.",
        "诊断时限：不适用，服务商未申请备件。",
    },
    [DIAGNOSIS_PENDING] = {
        "Diagnosis rule: no part is requested yet; {limit} after {origin} at {dstart} run out at {ddeadline}.",
        "诊断时限：尚未申请备件；自{origin}（{dstart}）起 {limit}，至 {ddeadline} 止。",
    },
    [DIAGNOSIS_MET] = {
        "Diagnosis rule: from {origin} at {dstart} to the first request at {dend}, {dspent} used of {limit}: met.",
        "诊断时限：自{origin}（{dstart}）至首次申请备件（{dend}），用时 {dspent}，时限 {limit}：达标。",
    },
    [DIAGNOSIS_MISSED] = {
        "Diagnosis rule: from {origin} at {dstart} to the first request at {dend}, {dspent} used of {limit}: missed by "
        "{dover}. The request was due by {ddeadline}.",
        "诊断时限：自{origin}（{dstart}）至首次申请备件（{dend}），用时 {dspent}，时限 {limit}：超时 {dover}。应于 "
        "{ddeadline} 前申请。",
    },
    [DIAGNOSIS_EXEMPT] = {
        "Diagnosis rule: from {origin} at {dstart} to the first request at {dend}, {dspent} used of {limit}, but the note of "
        "{noted} ({note}) excuses this. It excuses the diagnosis rule only.",
        "诊断时限：自{origin}（{dstart}）至首次申请备件（{dend}），用时 {dspent}，时限 {limit}；因 {noted} 的备注（{note}）予"
        "以豁免。该豁免仅适用于诊断时限。",
    },
    [DIAGNOSIS_INVERTED] = {
        "Diagnosis rule: the first request at {dend} lies before {origin} at {dstart}, so no time can be counted. The "
        "provider can mend this by voiding the wrong record and sending it again with the right time.",
        "诊断时限：首次申请备件（{dend}）早于{origin}（{dstart}），无法计时。请服务商作废错误记录并按正确时间重报。",
    },
    [START_NO_PARTS] = {
        "Repair cycle: no part line counts, so it starts with {origin} at {start}.",
        "维修周期：没有计入的备件行，自{origin}（{start}）起算。",
    },
    [START_LOCAL] = {
        "Repair cycle: every part came from the provider's own ASCIM stock, so it starts with {origin} at {start}.",
        "维修周期：备件均由服务商 ASCIM 库存提供，自{origin}（{start}）起算。",
    },
    [START_LONE_LINE] = {
        "Repair cycle: it starts when part line {line} was shipped at {start} (class {courier}, expected {expected}).",
        "维修周期：自备件行 {line} 发货（{start}，时效 {courier}，预计 {expected} 到达）起算。",
    },
    [START_GOVERNING] = {
        "Repair cycle: of {lines} part lines, line {line} was expected to arrive last ({expected}, class {courier}), so it "
        "starts when that line was shipped at {start}.",
        "维修周期：共 {lines} 个备件行，备件行 {line} 预计最晚到达（{expected}，时效 {courier}），自其发货（{start}）起算。",
    },
    [START_REPLACED] = {
        "The shipment is that of line {shipped_line}, which replaces it.",
        "该发货为其更换件（备件行 {shipped_line}）的发货。",
    },
    [MISSING_SHIPMENT] = {
        "Repair cycle: it starts with the shipment of the parts, but no shipment is on record for {missing}. Logistics can "
        "mend this by reporting the shipment; the provider can cancel a line that is not needed.",
        "维修周期：自备件发货起算，但{missing}没有发货记录。请物流补报发货；不再需要的备件行可由服务商取消。",
    },
    [STANDARD_NO_PARTS] = {
        "Standard: {standard}, that of repairs without shipped parts.",
        "标准：{standard}（无需发运备件的维修）。",
    },
    [STANDARD_CITY_ON_TIME] = {
        "Standard: {standard}, that of {city}, because every delivery on record came as promised.",
        "标准：{standard}（按城市：{city}），有送达记录的备件均按承诺送达。",
    },
    [STANDARD_CITY_UNKNOWN] = {
        "Standard: {standard}, that of {city}, because no delivery is on record.",
        "标准：{standard}（按城市：{city}），没有送达记录。",
    },
    [STANDARD_LATE] = {
        "Standard: {standard} ({reason}), because line {late_line} was promised for {late_promise} and delivered at "
        "{late_delivered}.",
        "标准：{standard}（{reason}），因备件行 {late_line} 承诺 {late_promise} 送达，实际 {late_delivered} 送达。",
    },
    [BEYOND_SLOWEST] = {"That is later than the slowest class, and the order is flagged.", "该送达晚于最慢时效，已作标记。"},
    [CYCLE_MET] = {"Closed at {end}: {spent} used, {left} to spare: met.", "结单时间 {end}：用时 {spent}，剩余 {left}：达标。"},
    [CYCLE_MISSED] = {
        "Closed at {end}: {spent} used, {over} too many: missed. The time ran out at {deadline}.",
        "结单时间 {end}：用时 {spent}，超出 {over}：未达标。截止时间为 {deadline}。",
    },
    [CYCLE_PENDING] = {"The time runs out at {deadline}.", "截止时间为 {deadline}。"},
    [CYCLE_INVERTED] = {
        "The close at {end} lies before that start, so no time can be counted. The provider can mend this by voiding the "
        "wrong record and sending it again with the right time.",
        "结单时间（{end}）早于起算时间，无法计时。请服务商作废错误记录并按正确时间重报。",
    },
    [ASSUMPTIONS] = {
        "The source is silent on some points; this result rests on: {assumptions}",
        "原文未明确之处按以下假定处理：{assumptions}",
    },
    [FOOT] = {
        "Scheme {scheme}, version {version}. Times are those of {zone}.",
        "评估方案 {scheme}，版本 {version}。时间为 {zone} 当地时间。",
    },
};
/* clang-format on */

/* What fills one place, in both languages. */
struct value {
    const char *name, *en, *zh;
};
#define VALUES_MAX 48
#define SENTENCES_MAX 16

struct telling {
    const struct assay_order *o;
    const struct assay_verdict *v;
    struct assay_arena *a;
    size_t n_values, n_said;
    struct value values[VALUES_MAX];
    enum sentence said[SENTENCES_MAX];
};

static void say(struct telling *t, enum sentence s) {
    if (t->n_said < SENTENCES_MAX) t->said[t->n_said++] = s;
}

static void set_both(struct telling *t, const char *name, const char *en, const char *zh) {
    if (t->n_values < VALUES_MAX) t->values[t->n_values++] = (struct value){name, en, zh};
}

static void set(struct telling *t, const char *name, const char *text) { set_both(t, name, text, text); }

static void set_str(struct telling *t, const char *name, struct assay_str s) {
    set(t, name, s.p ? assay_arena_dup(t->a, s).p : "-");
}

static void set_number(struct telling *t, const char *name, int64_t n) {
    set(t, name, assay_arena_printf(t->a, "%lld", (long long)n));
}

static void set_date(struct telling *t, const char *name, assay_date d) {
    char *text = assay_arena_alloc(t->a, ASSAY_DATE_TEXT);
    assay_date_format(d, text);
    set(t, name, text);
}

/* The wall clock of the scheme's zone: "2001-02-05 09:00", seconds and fractions only where there are any. */
static void set_instant(struct telling *t, const char *name, assay_instant at) {
    if (at == ASSAY_NO_INSTANT) return;
    char date[ASSAY_DATE_TEXT];
    int second;
    assay_date_format(assay_zone_date(t->v->scheme->zone, at, &second), date);
    int64_t us = (at % ASSAY_SECOND + ASSAY_SECOND) % ASSAY_SECOND;
    const char *text = assay_arena_printf(t->a, "%s %02d:%02d", date, second / 3600, second / 60 % 60);
    if (us) text = assay_arena_printf(t->a, "%s:%02d.%06lld", text, second % 60, (long long)us);
    else if (second % 60) text = assay_arena_printf(t->a, "%s:%02d", text, second % 60);
    set(t, name, text);
}

static const char *count(struct assay_arena *a, int64_t n, const char *one, const char *many) {
    return assay_arena_printf(a, "%lld %s", (long long)n, n == 1 ? one : many);
}

/* "2 h 30 min" of a duration; whatever is below a second counts as part of one where nothing else would show. */
static const char *duration(struct assay_arena *a, int64_t us, const char *h, const char *min, const char *s) {
    long long seconds = us / ASSAY_SECOND;
    if (!seconds && us) return assay_arena_printf(a, "%lld.%06lld %s", seconds, (long long)us, s);
    const char *text = "";
    if (seconds >= 3600) text = assay_arena_printf(a, "%lld %s ", seconds / 3600, h);
    if (seconds / 60 % 60) text = assay_arena_printf(a, "%s%lld %s ", text, seconds / 60 % 60, min);
    if (seconds % 60 || !*text) text = assay_arena_printf(a, "%s%lld %s ", text, seconds % 60, s);
    return assay_arena_printf(a, "%.*s", (int)strlen(text) - 1, text);
}

/* An amount of a standard's unit: microseconds of an hour standard, dates of a day standard. */
static void set_amount(struct telling *t, const char *name, struct assay_standard s, int64_t amount) {
    const char *en = NULL, *zh = NULL;
    switch (s.unit) {
    case ASSAY_WORKING_HOURS:
        en = assay_arena_printf(t->a, "%s of working time", duration(t->a, amount, "h", "min", "s"));
        zh = assay_arena_printf(t->a, "%s工作时间", duration(t->a, amount, "小时", "分", "秒"));
        break;
    case ASSAY_CALENDAR_HOURS:
        en = duration(t->a, amount, "h", "min", "s");
        zh = duration(t->a, amount, "小时", "分", "秒");
        break;
    case ASSAY_WORKING_DAYS:
        en = count(t->a, amount, "working day", "working days");
        zh = count(t->a, amount, "个工作日", "个工作日");
        break;
    case ASSAY_CALENDAR_DAYS:
        en = count(t->a, amount, "day", "days");
        zh = count(t->a, amount, "天", "天");
        break;
    }
    set_both(t, name, en ? en : "-", zh ? zh : "-");
}

static const char *joined(struct assay_arena *a, const char *list, const char *separator, const char *more) {
    return *list ? assay_arena_printf(a, "%s%s%s", list, separator, more) : more;
}

/* --- telling: the diagnosis rule ------------------------------------------------------------------------------------ */

static void set_note(struct telling *t, enum assay_note note) {
    switch (note) {
    case ASSAY_NOTE_NONE: return;
    case ASSAY_NOTE_MACHINE_TESTING: set_both(t, "note", "the machine was under test", "机器测试中"); return;
    case ASSAY_NOTE_CUSTOMER: set_both(t, "note", "on the customer's account", "客户原因"); return;
    case ASSAY_NOTE_FORCE_MAJEURE: set_both(t, "note", "force majeure", "不可抗力"); return;
    }
}

static void tell_diagnosis(struct telling *t) {
    const struct assay_diagnosis *d = &t->v->diagnosis;
    set_instant(t, "dstart", d->start);
    set_instant(t, "dend", d->end);
    set_instant(t, "ddeadline", d->deadline);
    set_amount(t, "limit", d->limit, standard_budget(d->limit));
    if (d->working_us >= 0) {
        int64_t spent = standard_spent(d->limit, t->v->calendar, d->start, d->end, d->working_us);
        set_amount(t, "dspent", d->limit, spent);
        set_amount(t, "dover", d->limit, spent - standard_budget(d->limit));
    }
    set_note(t, d->exempt);
    if (d->exempt_record) set_instant(t, "noted", d->exempt_record->at);
    switch (d->outcome) {
    case ASSAY_CLOCK_NONE: return;
    case ASSAY_CLOCK_MET: say(t, DIAGNOSIS_MET); return;
    case ASSAY_CLOCK_MISSED: say(t, DIAGNOSIS_MISSED); return;
    case ASSAY_CLOCK_EXEMPT: say(t, DIAGNOSIS_EXEMPT); return;
    case ASSAY_CLOCK_NOT_APPLICABLE: say(t, DIAGNOSIS_NOT_APPLICABLE); return;
    case ASSAY_CLOCK_PENDING: say(t, DIAGNOSIS_PENDING); return;
    case ASSAY_CLOCK_UNDETERMINED: say(t, DIAGNOSIS_INVERTED); return;
    }
}

/* --- telling: the cycle --------------------------------------------------------------------------------------------- */

#define NAMED_LINES_MAX 8

/* The considered lines that wait for a shipment, by the line that must ship. */
static void tell_missing(struct telling *t) {
    const char *en = "", *zh = "";
    size_t n = 0;
    for (size_t i = 0; i < t->v->n_candidates; i++) {
        const struct assay_candidate *c = &t->v->candidates[i];
        const struct assay_shipment *sh = &c->considered->shipment;
        if (c->local || sh->shipped || ++n > NAMED_LINES_MAX) continue;
        const char *line = assay_arena_dup(t->a, c->considered->line).p, *by = assay_arena_dup(t->a, sh->line).p;
        en = joined(t->a, en, ", ",
                    sh->replaced ? assay_arena_printf(t->a, "line %s (replaced by %s)", line, by)
                                 : assay_arena_printf(t->a, "line %s", line));
        zh = joined(t->a, zh, "、",
                    sh->replaced ? assay_arena_printf(t->a, "备件行 %s（更换件 %s）", line, by)
                                 : assay_arena_printf(t->a, "备件行 %s", line));
    }
    if (n > NAMED_LINES_MAX) {
        en = assay_arena_printf(t->a, "%s and %zu more", en, n - NAMED_LINES_MAX);
        zh = assay_arena_printf(t->a, "%s等共 %zu 行", zh, n);
    }
    set_both(t, "missing", en, zh);
    say(t, MISSING_SHIPMENT);
}

static size_t travelling_lines(const struct assay_verdict *v) {
    size_t n = 0;
    for (size_t i = 0; i < v->n_candidates; i++) n += !v->candidates[i].local;
    return n;
}

static void tell_governing(struct telling *t) {
    const struct assay_candidate *g = t->v->cycle.governing;
    const struct assay_shipment *sh = &g->considered->shipment;
    char courier[8];
    assay_courier_format(sh->shipped->courier, courier);
    set_str(t, "courier", assay_str_c(courier));
    set_str(t, "line", g->considered->line);
    set_str(t, "shipped_line", sh->line);
    set_instant(t, "expected", g->expected);
    size_t lines = travelling_lines(t->v);
    set_number(t, "lines", (int64_t)lines);
    say(t, lines > 1 ? START_GOVERNING : START_LONE_LINE);
    if (sh->replaced) say(t, START_REPLACED);
}

static void tell_start(struct telling *t) {
    switch (t->v->cycle.rule) {
    case ASSAY_RULE_NONE: return;
    case ASSAY_RULE_NO_PARTS: say(t, START_NO_PARTS); return;
    case ASSAY_RULE_LOCAL_STOCK: say(t, START_LOCAL); return;
    case ASSAY_RULE_LAST_SHIPMENT:
        if (t->v->cycle.governing) tell_governing(t);
        else tell_missing(t);
        return;
    }
}

/* The line whose delivery decided the standard: the first of the worst lateness. NULL: none was delivered. */
static const struct assay_candidate *worst_line(const struct assay_verdict *v) {
    const struct assay_candidate *worst = NULL;
    for (size_t i = 0; i < v->n_candidates; i++) {
        const struct assay_candidate *c = &v->candidates[i];
        if (c->local || !c->considered->shipment.delivered) continue;
        if (!worst || c->lateness > worst->lateness) worst = c;
    }
    return worst;
}

/* A row's name in words a manager knows; a scheme's own name where it is none of these. */
static void set_reason(struct telling *t, const char *reason) {
    if (assay_str_is(assay_str_c(reason), "late_1")) set_both(t, "reason", "parts late, first step", "备件晚到第一档");
    else if (assay_str_is(assay_str_c(reason), "late_2")) set_both(t, "reason", "parts late, second step", "备件晚到第二档");
    else set(t, "reason", reason);
}

static void tell_standard(struct telling *t) {
    const struct assay_cycle *c = &t->v->cycle;
    if (!c->standard.unit) return;
    set_amount(t, "standard", c->standard, standard_budget(c->standard));
    if (t->v->cycle.rule != ASSAY_RULE_LAST_SHIPMENT) {
        say(t, STANDARD_NO_PARTS);
        return;
    }
    if (t->v->facts && t->v->facts->city.n) set_str(t, "city", t->v->facts->city);
    else set_both(t, "city", "an unknown city", "城市不详");
    set_reason(t, c->standard_reason);
    const struct assay_candidate *worst = worst_line(t->v);
    if (!worst || worst->lateness == 0) {
        say(t, worst ? STANDARD_CITY_ON_TIME : STANDARD_CITY_UNKNOWN);
        return;
    }
    set_str(t, "late_line", worst->considered->line);
    set_instant(t, "late_promise", worst->expected);
    set_instant(t, "late_delivered", worst->considered->shipment.delivered->at);
    say(t, STANDARD_LATE);
    if (c->beyond_slowest) say(t, BEYOND_SLOWEST);
}

static void tell_result(struct telling *t) {
    const struct assay_cycle *c = &t->v->cycle;
    set_instant(t, "end", c->end);
    set_instant(t, "deadline", c->deadline);
    if (c->working_us >= 0) {
        int64_t spent = standard_spent(c->standard, t->v->calendar, c->start, c->end, c->working_us);
        int64_t left = standard_budget(c->standard) - spent;
        set_amount(t, "spent", c->standard, spent);
        set_amount(t, "left", c->standard, left);
        set_amount(t, "over", c->standard, -left);
    }
    if (c->outcome == ASSAY_CLOCK_MET) say(t, CYCLE_MET);
    else if (c->outcome == ASSAY_CLOCK_MISSED) say(t, CYCLE_MISSED);
    else if (c->outcome == ASSAY_CLOCK_PENDING && c->deadline != ASSAY_NO_INSTANT) say(t, CYCLE_PENDING);
    else if (c->outcome == ASSAY_CLOCK_UNDETERMINED && c->start != ASSAY_NO_INSTANT) say(t, CYCLE_INVERTED);
}

/* --- telling: the whole --------------------------------------------------------------------------------------------- */

static enum sentence headline(const struct assay_order *o, const struct assay_verdict *v) {
    bool diagnosis = v->diagnosis.outcome == ASSAY_CLOCK_MISSED, cycle = v->cycle.outcome == ASSAY_CLOCK_MISSED;
    switch (v->outcome) {
    case ASSAY_OUTCOME_NONE: break;
    case ASSAY_COMPLIANT: return COMPLIANT;
    case ASSAY_MISSED: return diagnosis && cycle ? MISSED_BOTH : diagnosis ? MISSED_DIAGNOSIS : MISSED_CYCLE;
    case ASSAY_UNDETERMINED: return UNDETERMINED;
    case ASSAY_PENDING: return PENDING;
    case ASSAY_OUT_OF_SCOPE: return o->state == ASSAY_STATE_CANCELLED ? CANCELLED : BEFORE_SCHEME;
    }
    return NEXT_PARAGRAPH;
}

static void tell_clocks(struct telling *t) {
    bool dispatched = t->o->dispatch != NULL;
    set_both(t, "origin", dispatched ? "the dispatch" : "the opening", dispatched ? "派单" : "开单");
    set_instant(t, "start", t->v->cycle.start);
    say(t, NEXT_PARAGRAPH);
    tell_diagnosis(t);
    say(t, NEXT_PARAGRAPH);
    tell_start(t);
    tell_standard(t);
    tell_result(t);
}

static void tell_assumptions(struct telling *t) {
    const char *en = "", *zh = "";
    const struct assay_scheme *s = t->v->scheme;
    for (size_t i = 0; i < s->n_assumptions; i++) {
        const struct assay_assumption *x = &s->assumptions[i];
        if (!(t->v->points & 1u << x->about)) continue;
        en = joined(t->a, en, " ", x->text_en ? x->text_en : x->id);
        zh = joined(t->a, zh, "", x->text_zh ? x->text_zh : x->id);
    }
    if (!*en) return;
    set_both(t, "assumptions", en, zh);
    say(t, NEXT_PARAGRAPH);
    say(t, ASSUMPTIONS);
}

static void tell(struct telling *t) {
    const struct assay_verdict *v = t->v;
    say(t, headline(t->o, v));
    if (v->cycle.outcome != ASSAY_CLOCK_NONE) tell_clocks(t);
    else if (v->outcome == ASSAY_UNDETERMINED) say(t, MISSING_OPEN);
    else if (v->outcome == ASSAY_PENDING) say(t, OPEN_WITHOUT_OPENING);
    set_instant(t, "closed", t->o->closed_at);
    if (v->opened_on != ASSAY_NO_DATE) set_date(t, "opened_on", v->opened_on);
    set_date(t, "starts", v->scheme->starts);
    tell_assumptions(t);
    set(t, "scheme", v->scheme->code);
    set_number(t, "version", v->scheme->version);
    set(t, "zone", assay_zone_name(v->scheme->zone));
    say(t, NEXT_PARAGRAPH);
    say(t, FOOT);
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

static const char *value_of(const struct telling *t, struct assay_str name, bool zh) {
    for (size_t i = 0; i < t->n_values; i++) {
        if (assay_str_is(name, t->values[i].name)) return zh ? t->values[i].zh : t->values[i].en;
    }
    return "-";
}

static void fill(const struct telling *t, const char *text, bool zh, struct assay_buf *b) {
    for (const char *open; (open = strchr(text, '{')) != NULL;) {
        const char *close = strchr(open, '}');
        assay_buf_add(b, text, (size_t)(open - text));
        assay_buf_adds(b, value_of(t, (struct assay_str){open + 1, (size_t)(close - open - 1)}, zh));
        text = close + 1;
    }
    assay_buf_adds(b, text);
}

/* Sentences of a paragraph are set apart as the language does it. */
static const char *written(const struct telling *t, bool zh) {
    struct assay_buf b = {0};
    for (size_t i = 0; i < t->n_said; i++) {
        bool starts = i == 0 || t->said[i] == NEXT_PARAGRAPH || t->said[i - 1] == NEXT_PARAGRAPH;
        if (!starts && !zh) assay_buf_addc(&b, ' ');
        fill(t, zh ? sentences[t->said[i]].zh : sentences[t->said[i]].en, zh, &b);
    }
    const char *text = assay_arena_dup(t->a, assay_buf_str(&b)).p;
    assay_buf_free(&b);
    return text;
}

void assay_words_tell(const struct assay_order *o, const struct assay_verdict *v, struct assay_arena *a,
                      struct assay_explanation *out) {
    struct telling t = {.o = o, .v = v, .a = a};
    tell(&t);
    out->text_en = written(&t, false);
    out->text_zh = written(&t, true);
}
