/* sample_story.c -- the story of one order of the made-up network, from its opening to the last survey about it.
 *
 * A record past the end of the network's months is told like any other but not kept, so what is open at the end is open
 * because time ran out. Must not know: who the providers are, any rule that judges. */
#include "sample_internal.h"

enum { FEW = ASSAY_SAMPLE_PARTS_MAX }; /* lines that are recommended, or asked for, at once */

/* How often things happen, in 10,000 of what could. */
enum {
    CCC = 5500,
    KEY_CUSTOMER = 1500,
    IN_WARRANTY = 6500,
    SERIAL_TOLD = 7000,
    IN_OFFICE_HOURS = 9200, /* opened so, of those on weekdays */
    WITHOUT_PARTS = 3000,
    RECOMMENDED = 8500, /* a CCC order with parts has some recommended; otherwise the provider appends */
    APPENDED = 1800,    /* beside recommended ones */
    CONFIRMED = 3500,   /* the provider requests a recommended line too */
    REQUESTED_AGAIN = 100,
    REQUESTED_LATER = 500, /* a second request, days after the first */
    ASCIM_ALL_LOCAL = 5500,
    ASCIM_SOME_LOCAL = 2000,
    LOCAL_WITHOUT_STOCK = 50, /* says local, is no ASCIM */

    DISPATCH_MISSING = 60,
    OPENING_MISSING = 300, /* of an order with a dispatch */
    OPENING_MISSING_WALK_IN = 30,
    DISPATCHED_TWICE = 120,
    OPENED_TWICE = 40,
    CANCELLED_EARLY = 200,
    CANCELLED_LATE = 80,
    CLOSED_THOUGH_CANCELLED = 500, /* of the cancelled */
    REOPENED_THOUGH_CANCELLED = 700,

    NOTED_WHEN_SLOW = 3500,
    NOTED_OTHERWISE = 200,
    NOTE_IN_TIME = 8000, /* the note of a slow diagnosis precedes the request */
    FOUR_HOURS_EXACTLY = 40,

    SHIPPED_BEFORE = 60, /* before dispatch and opening */
    SHIPMENT_MISSING = 80,
    SHIPPED_TOGETHER = 6000, /* with the line before */
    SHIPMENT_VOIDED = 30,
    LINE_CANCELLED = 150,
    SHIPPED_THOUGH_CANCELLED = 2500, /* of the cancelled lines */
    CANCELLED_ON_THE_WAY = 60,
    DELIVERY_MISSING = 250,
    DELIVERED_LATE = 900,
    DELIVERED_ON_THE_DOT = 100,
    DELIVERED_TWICE = 40,
    SIGNED_FOR = 7000,
    DEAD_ON_ARRIVAL = 220,
    MISMATCHED = 130,
    WRONG_SHIPMENT = 120,
    MARK_FORGOTTEN = 500, /* of a part that is replaced */
    REPLACEMENT_CANCELLED = 600,
    UNUSED = 800,
    MARKED = 9000,

    NEVER_FINISHED = 70,
    COMPLETION_TOLD = 9000,
    CLOSED_TWICE = 40,
    CLOSE_VOIDED = 50,
    REOPENED = 250,
    REOPENED_FOR_GOOD = 1000, /* of the reopened: never closed again */

    SURVEYED = 2600,
    SURVEYED_TWICE = 300, /* of the surveyed */
    SURVEY_WITHOUT_ORDER = 80,
    SURVEY_OF_UNKNOWN_ORDER = 25,
    SURVEY_VOIDED = 40,
    VOLUNTEERED = 1500,
};

static const char *const note_texts[][3] = {
    [ASSAY_NOTE_MACHINE_TESTING] = {"故障不能立即重现，需连续测试", "间歇性死机，烤机观察中", "需运行诊断程序整夜测试"},
    [ASSAY_NOTE_CUSTOMER] = {"用户要求改日上门", "用户机房下班，无法进入", "等待用户备份数据"},
    [ASSAY_NOTE_FORCE_MAJEURE] = {"大雪封路，工程师无法到达", "现场停电", "台风，全市停工"},
};
static const char *const cancel_texts[] = {"用户自行解决", "用户取消报修", "重复派单", "用户拒绝付费"};
static const char *const reopen_texts[] = {"故障再现", "用户反映问题未解决", "更换后仍有异响", "打印有黑线"};
static const char *const uncancel_texts[] = {"用户撤回取消", "取消有误"};
static const char *const line_texts[] = {"诊断有误，不需要此备件", "备件停产", "用户不同意更换"};
static const char *const void_texts[] = {"录入错误", "误操作", "重复录入"};

/* --- local time --------------------------------------------------------------------------------------------------- */
/* When someone who keeps office hours (cn-office without holidays) has put `work` seconds in, from t on. Made-up people
 * keep these hours; no rule is judged here, so the calendars of core are not needed. */
static int64_t at_work(int64_t t, int64_t work) {
    static const int64_t opens = 8 * HOUR + 30 * MINUTE, noon = 12 * HOUR, resumes = 13 * HOUR, closes = 17 * HOUR + 30 * MINUTE;
    int64_t day = t / DAY, now = t % DAY;
    for (;;) {
        if (now >= closes || weekday(day) > 4) {
            day++;
            now = 0;
            continue;
        }
        if (now < opens) now = opens;
        if (now >= noon && now < resumes) now = resumes;
        int64_t stop = now < noon ? noon : closes;
        if (work <= stop - now) return day * DAY + now + work;
        work -= stop - now;
        now = stop;
    }
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* --- one order's story -------------------------------------------------------------------------------------------- */
/* Of two draws of chance none may stand beside the other as arguments: their order would be the compiler's. */
struct story {
    const struct assay_sample *network;
    struct assay_sample_order *out;
    struct rng rng;
    struct pen pen;
    struct host host;
    struct assay_str order, product, serial;
    enum assay_class customer_class;
    enum assay_warranty warranty;
    bool ccc;
    unsigned told[ASSAY_KIND_COUNT]; /* records of each kind, for ids */

    struct assay_part requested[FEW];
    size_t n_recommended, n_requested;
    int32_t request;      /* the last request's number */
    int64_t consigned_at; /* the shipment before this one; 0 none */
    assay_courier consigned_by;
    struct assay_str fitted[2 * FEW + 1]; /* lines that came and were fit for use */
    size_t n_fitted;

    int64_t clock; /* dispatched, or opened */
    int64_t asked; /* the first request, or the diagnosis where nothing was asked for */
    int64_t ready; /* the repair can begin; 0 while nothing is waited for */
};

/* The next record, of the order, with its id. It counts only where it happens before the end. */
static struct assay_record *tell(struct story *s, enum assay_type type, int64_t at) {
    static const char *const prefix[ASSAY_KIND_COUNT] = {"", "L", "D", "S", "O"};
    struct assay_sample_order *o = s->out;
    struct assay_record *r = &o->records[o->n];
    assay_record_init(r);
    r->type = type;
    r->kind = assay_type_kind(type);
    r->provider = s->host.code;
    r->order = s->order;
    r->at = (at - UTC_OFFSET) * ASSAY_SECOND;
    const char *start = s->pen.p;
    put_text(&s->pen, prefix[r->kind]);
    put(&s->pen, s->order.p, s->order.n);
    put(&s->pen, "-", 1);
    put_number(&s->pen, ++s->told[r->kind], 1);
    r->id = since(&s->pen, start);
    if (r->at < assay_sample_end(s->network) && o->n < ASSAY_SAMPLE_RECORDS_MAX) o->n++;
    return r;
}

static void tell_void(struct story *s, const struct assay_record *target, int64_t at) {
    struct assay_str id = target->id; /* target may be the very slot that tell() gives out */
    enum assay_kind kind = target->kind;
    struct assay_record *r = tell(s, ASSAY_EVENT_VOIDED, at);
    r->order = ASSAY_STR_NONE;
    r->target = id;
    r->target_kind = kind;
    r->reason = assay_str_c(ONE_OF(&s->rng, void_texts));
}

static void tell_note(struct story *s, int64_t at) {
    enum assay_note why = (enum assay_note)between(&s->rng, ASSAY_NOTE_MACHINE_TESTING, ASSAY_NOTE_FORCE_MAJEURE);
    struct assay_record *r = tell(s, ASSAY_ORDER_NOTED, at);
    r->noted = why;
    r->note = assay_str_c(ONE_OF(&s->rng, note_texts[why]));
}

static void tell_mark(struct story *s, struct assay_str line, enum assay_mark mark, int64_t at) {
    struct assay_record *r = tell(s, ASSAY_PART_MARKED, at);
    r->line = line;
    r->mark = mark;
}

static struct assay_record *tell_close(struct story *s, int64_t at) {
    uint32_t roll = below(&s->rng, 100);
    struct assay_record *r = tell(s, ASSAY_ORDER_CLOSED_EVENT, at);
    r->outcome = roll < 90 ? ASSAY_CLOSE_REPAIRED : roll < 96 ? ASSAY_CLOSE_REPLACED : ASSAY_CLOSE_UNREPAIRED;
    return r;
}

/* -- parts -- */
static struct assay_str make_line(struct story *s, const char *prefix, size_t n) {
    const char *start = s->pen.p;
    put_text(&s->pen, prefix);
    put_number(&s->pen, n, 1);
    return since(&s->pen, start);
}

static struct assay_str make_part_no(struct story *s) {
    const char *start = s->pen.p;
    put(&s->pen, chance(&s->rng, 8000) ? "C" : "Q", 1);
    put_number(&s->pen, (uint64_t)between(&s->rng, 1100, 9199), 4);
    put(&s->pen, "-6", 2);
    put_number(&s->pen, (uint64_t)between(&s->rng, 0, 9999), 4);
    return since(&s->pen, start);
}

static size_t few(struct rng *g) {
    uint32_t roll = below(g, 100);
    return roll < 68 ? 1 : roll < 91 ? 2 : FEW;
}

static void plan_parts(struct story *s) {
    if (chance(&s->rng, WITHOUT_PARTS)) return;
    if (s->ccc && chance(&s->rng, RECOMMENDED)) s->n_recommended = few(&s->rng);
    if (!s->n_recommended) s->n_requested = few(&s->rng);
    else if (chance(&s->rng, APPENDED)) s->n_requested = 1;
    for (size_t i = 0; i < s->n_recommended; i++)
        s->out->parts[i] = (struct assay_part){make_line(s, "R", i + 1), make_part_no(s)};
    for (size_t i = 0; i < s->n_requested; i++)
        s->requested[i] = (struct assay_part){make_line(s, s->ccc ? "A" : "", i + 1), make_part_no(s)};
}

static struct assay_record *tell_request(struct story *s, struct assay_part part, int64_t at, bool local) {
    struct assay_record *r = tell(s, ASSAY_PART_REQUESTED, at);
    r->request = s->request;
    r->line = part.line;
    r->part_no = part.part_no;
    r->local = local;
    return r;
}

static assay_courier pick_courier(struct story *s) {
    uint32_t roll = below(&s->rng, 100);
    if (s->host.near) return roll < 94 ? 210 : roll < 98 ? 310 : 318;
    return roll < 35 ? 210 : roll < 80 ? 310 : 318;
}

/* A courier comes in the late afternoon, on weekdays and some Saturdays. */
static int64_t pick_up(struct story *s, int64_t from) {
    int64_t packed = at_work(from, between(&s->rng, 20 * MINUTE, 3 * HOUR));
    int64_t day = packed / DAY;
    int64_t at = day * DAY + between(&s->rng, 16 * HOUR, 19 * HOUR + 30 * MINUTE);
    if (at >= packed) return at;
    at += DAY;
    while (weekday(at / DAY) == 6) at += DAY;
    return at;
}

static int64_t pick_arrival(struct story *s, int64_t promise) {
    if (chance(&s->rng, DELIVERED_ON_THE_DOT)) return promise;
    if (!chance(&s->rng, DELIVERED_LATE)) return promise - between(&s->rng, 5 * MINUTE, 170 * MINUTE);
    uint32_t roll = below(&s->rng, 100);
    if (roll < 55) return promise + between(&s->rng, 1, 8 * HOUR);
    int64_t days = roll < 80 ? 1 : 2;
    return (promise / DAY + days) * DAY + between(&s->rng, 9 * HOUR, 18 * HOUR);
}

static void tell_delivery(struct story *s, struct assay_str line, int64_t at) {
    if (chance(&s->rng, DELIVERY_MISSING)) return;
    tell(s, ASSAY_PART_DELIVERED, at)->line = line;
    if (chance(&s->rng, DELIVERED_TWICE)) tell(s, ASSAY_PART_DELIVERED, at + 20 * MINUTE)->line = line;
}

static struct assay_record *tell_shipment(struct story *s, struct assay_str line, int64_t at, assay_courier courier) {
    static const char *const warehouses[] = {"BJ01", "SH01", "GZ01", "CD01"};
    struct assay_record *r = tell(s, ASSAY_PART_SHIPPED, at);
    r->line = line;
    r->courier = courier;
    if (chance(&s->rng, 6000)) r->warehouse = assay_str_c(ONE_OF(&s->rng, warehouses));
    return r;
}

/* Ships the line and brings it; returns when it is in the provider's hands. */
static int64_t ship(struct story *s, struct assay_str line, int64_t from) {
    bool together = s->consigned_at >= from && chance(&s->rng, SHIPPED_TOGETHER);
    int64_t at = together ? s->consigned_at : pick_up(s, from);
    assay_courier courier = together ? s->consigned_by : pick_courier(s);
    s->consigned_at = at;
    s->consigned_by = courier;
    if (chance(&s->rng, SHIPMENT_VOIDED)) tell_void(s, tell_shipment(s, line, at - HOUR, courier), at - 30 * MINUTE);
    tell_shipment(s, line, at, courier);
    if (chance(&s->rng, CANCELLED_ON_THE_WAY)) {
        struct assay_record *r = tell(s, ASSAY_PART_CANCELLED, at + 2 * HOUR);
        r->line = line;
        r->reason = assay_str_c(ONE_OF(&s->rng, line_texts));
    }
    int64_t promise = (at / DAY + courier / 100 - 1) * DAY + courier % 100 * HOUR;
    int64_t arrived = later(pick_arrival(s, promise), at + HOUR);
    tell_delivery(s, line, arrived);
    if (chance(&s->rng, SIGNED_FOR))
        tell(s, ASSAY_PART_RECEIVED, arrived + between(&s->rng, 5 * MINUTE, 40 * MINUTE))->line = line;
    return at_work(arrived, between(&s->rng, 10 * MINUTE, 60 * MINUTE));
}

static void fit(struct story *s, struct assay_str line, int64_t ready) {
    s->ready = later(s->ready, ready);
    if (s->n_fitted < COUNT(s->fitted)) s->fitted[s->n_fitted++] = line;
}

/* What becomes of a line from the moment logistics knows of it. depth: how often it was replaced already. */
static void supply(struct story *s, struct assay_part part, int64_t from, int depth) {
    struct rng *g = &s->rng;
    if (chance(g, LINE_CANCELLED)) {
        struct assay_record *r = tell(s, ASSAY_PART_CANCELLED, from + between(g, 5 * MINUTE, 15 * MINUTE));
        r->line = part.line;
        r->reason = assay_str_c(ONE_OF(g, line_texts));
        if (!chance(g, SHIPPED_THOUGH_CANCELLED)) return;
    }
    if (chance(g, SHIPMENT_MISSING)) {
        fit(s, part.line, at_work(from + 2 * DAY, 0)); /* it came; logistics forgot to say so */
        return;
    }
    int64_t seen = ship(s, part.line, from);
    if (chance(g, WRONG_SHIPMENT)) {
        tell_mark(s, part.line, ASSAY_MARK_WRONG_SHIPMENT, seen);
        seen = ship(s, part.line, seen);
    }
    enum assay_mark fault = chance(g, DEAD_ON_ARRIVAL) ? ASSAY_MARK_DOA
                            : chance(g, MISMATCHED)    ? ASSAY_MARK_MISMATCH
                                                       : ASSAY_MARK_NONE;
    if (fault == ASSAY_MARK_NONE || depth == 2) {
        fit(s, part.line, seen);
        return;
    }
    if (!chance(g, MARK_FORGOTTEN)) tell_mark(s, part.line, fault, seen);
    const char *start = s->pen.p;
    put(&s->pen, part.line.p, part.line.n);
    put(&s->pen, "x", 1);
    struct assay_part replacement = {since(&s->pen, start), part.part_no};
    int64_t again = seen + between(g, 5 * MINUTE, 50 * MINUTE);
    s->request++;
    tell_request(s, replacement, again, false)->replaces = part.line;
    if (chance(g, REPLACEMENT_CANCELLED)) {
        tell(s, ASSAY_PART_CANCELLED, again + 10 * MINUTE)->line = replacement.line;
        fit(s, part.line, again);
        return;
    }
    supply(s, replacement, again, depth + 1);
}

/* Asks for one line and sees to it that it comes, from the provider's own stock or by courier. */
static void obtain(struct story *s, struct assay_part part, int64_t at, bool request, bool local) {
    if (request) tell_request(s, part, at, local);
    if (request && chance(&s->rng, REQUESTED_AGAIN)) tell_request(s, part, at + 30 * MINUTE, local);
    if (local && s->host.ascim) fit(s, part.line, at_work(at, 10 * MINUTE));
    else supply(s, part, at, 0);
}

static int local_odds(struct story *s) {
    if (!s->host.ascim) return chance(&s->rng, LOCAL_WITHOUT_STOCK) ? 10000 : 0;
    if (chance(&s->rng, ASCIM_ALL_LOCAL)) return 10000;
    return chance(&s->rng, ASCIM_SOME_LOCAL) ? 5000 : 0;
}

static void obtain_parts(struct story *s) {
    struct rng *g = &s->rng;
    int local_share = local_odds(s);
    s->request = 1;
    for (size_t i = 0; i < s->n_requested; i++) obtain(s, s->requested[i], s->asked, true, chance(g, local_share));
    for (size_t i = 0; i < s->n_recommended; i++) {
        bool local = chance(g, local_share), confirmed = local || chance(g, CONFIRMED);
        int64_t at = confirmed ? s->asked : chance(g, SHIPPED_BEFORE) ? s->clock - DAY : s->clock;
        obtain(s, s->out->parts[i], at, confirmed, local);
    }
    if ((s->n_requested || s->n_recommended) && chance(g, REQUESTED_LATER)) {
        s->request++;
        struct assay_part more = {make_line(s, "B", 1), make_part_no(s)};
        int64_t at = at_work(later(s->ready, s->asked), between(g, 20 * MINUTE, 3 * HOUR));
        obtain(s, more, at, true, chance(g, local_share));
    }
}

/* -- opening -- */
static struct assay_record *tell_dispatch(struct story *s, int64_t at, int64_t reported, size_t n_parts) {
    struct assay_record *r = tell(s, ASSAY_DISPATCHED, at);
    r->product = s->product;
    r->serial = s->serial;
    r->customer_class = s->customer_class;
    r->reported_at = (reported - UTC_OFFSET) * ASSAY_SECOND;
    r->parts = s->out->parts; /* the recommended lines, or the first of them */
    r->n_parts = n_parts;
    return r;
}

static void tell_dispatches(struct story *s, int64_t at) {
    int64_t reported = at - between(&s->rng, 2 * MINUTE, 2 * HOUR);
    bool twice = chance(&s->rng, DISPATCHED_TWICE);
    /* The second one names a part more where there are several. */
    tell_dispatch(s, at, reported, s->n_recommended - (twice && s->n_recommended > 1));
    if (!twice) return;
    int64_t again = at + between(&s->rng, 10 * MINUTE, 90 * MINUTE);
    struct assay_record *second = tell_dispatch(s, again, reported, s->n_recommended);
    if (s->n_recommended < 2 && chance(&s->rng, 3000)) tell_void(s, second, again + 5 * MINUTE);
}

static struct assay_record *tell_opening(struct story *s, int64_t at) {
    struct assay_record *r = tell(s, ASSAY_ORDER_OPENED, at);
    r->channel = s->ccc ? ASSAY_CHANNEL_CCC : ASSAY_CHANNEL_WALK_IN;
    r->product = s->product;
    r->serial = s->serial;
    r->customer_class = s->customer_class;
    r->warranty = s->warranty;
    if (!s->ccc && chance(&s->rng, 3000)) r->reported_at = r->at - between(&s->rng, 1, 45) * MINUTE * ASSAY_SECOND;
    return r;
}

/* Dispatch and opening, of which one or the other is sometimes never said. */
static void open_order(struct story *s, int64_t at) {
    struct rng *g = &s->rng;
    bool dispatched = s->ccc && !chance(g, DISPATCH_MISSING);
    int64_t opened = s->ccc ? at + between(g, 3 * MINUTE, 50 * MINUTE) : at;
    s->clock = dispatched || !s->ccc ? at : opened;
    if (dispatched) tell_dispatches(s, at);
    if (chance(g, dispatched ? OPENING_MISSING : s->ccc ? 0 : OPENING_MISSING_WALK_IN)) return;
    tell_opening(s, opened);
    if (!chance(g, OPENED_TWICE)) return;
    struct assay_record *again = tell_opening(s, opened + between(g, MINUTE, 3 * HOUR));
    if (chance(g, 5000)) tell_void(s, again, opened + 4 * HOUR);
}

/* When the first request is made (or would be), and what is noted before it. */
static void diagnose(struct story *s) {
    struct rng *g = &s->rng;
    bool slow = chance(g, s->host.grade->slow_diagnosis);
    int64_t took = slow ? between(g, 4 * HOUR + 1, 11 * HOUR) : between_short(g, 8 * MINUTE, 4 * HOUR);
    if (chance(g, FOUR_HOURS_EXACTLY)) took = 4 * HOUR;
    s->asked = at_work(s->clock, took);
    if (chance(g, s->host.grade->mistakes)) s->asked = s->clock - between(g, 5 * MINUTE, 3 * HOUR);
    if (!chance(g, slow ? NOTED_WHEN_SLOW : NOTED_OTHERWISE)) return;
    tell_note(s, chance(g, NOTE_IN_TIME) ? at_work(s->clock, took / 2) : s->asked + HOUR);
}

/* -- the end -- */
/* Returns whether the story ends here. */
static bool cancel(struct story *s, int64_t at) {
    struct rng *g = &s->rng;
    tell(s, ASSAY_ORDER_CANCELLED, at)->reason = assay_str_c(ONE_OF(g, cancel_texts));
    if (chance(g, CLOSED_THOUGH_CANCELLED)) tell_close(s, at + between(g, HOUR, DAY));
    if (!chance(g, REOPENED_THOUGH_CANCELLED)) return true;
    int64_t again = at_work(at, between(g, 20 * MINUTE, 4 * HOUR));
    tell(s, ASSAY_ORDER_REOPENED, again)->reason = assay_str_c(ONE_OF(g, uncancel_texts));
    s->ready = later(s->ready, again);
    return false;
}

static void mark_parts(struct story *s, int64_t at) {
    for (size_t i = 0; i < s->n_fitted; i++) {
        if (!chance(&s->rng, MARKED)) continue;
        tell_mark(s, s->fitted[i], chance(&s->rng, UNUSED) ? ASSAY_MARK_UNUSED : ASSAY_MARK_USED, at);
    }
}

/* Repairs and closes; returns the last close, or -1 where the order stays open. */
static int64_t finish(struct story *s) {
    struct rng *g = &s->rng;
    int64_t work = between_short(g, 25 * MINUTE, 5 * HOUR);
    if (chance(g, s->host.grade->slow_repair)) work += between(g, 9 * HOUR, 40 * HOUR);
    int64_t done = at_work(later(s->ready, later(s->asked, s->clock)), work);
    if (chance(g, NEVER_FINISHED)) return -1;
    mark_parts(s, done - 10 * MINUTE);
    if (chance(g, COMPLETION_TOLD)) tell(s, ASSAY_ORDER_COMPLETED, done);
    int64_t closed = at_work(done, between(g, 0, 40 * MINUTE));
    if (chance(g, s->host.grade->mistakes)) closed = s->clock - between(g, 10 * MINUTE, 20 * HOUR);
    struct assay_record *close = tell_close(s, closed);
    if (chance(g, CLOSE_VOIDED)) {
        tell_void(s, close, closed + 30 * MINUTE);
        closed = at_work(closed, between(g, 2 * HOUR, 9 * HOUR));
        tell_close(s, closed);
    }
    if (chance(g, CLOSED_TWICE)) tell_close(s, closed + between(g, HOUR, 2 * DAY));
    if (!chance(g, REOPENED)) return closed;
    int64_t complained = closed + between(g, 4 * HOUR, 6 * DAY);
    int64_t again = at_work(complained, between(g, 0, 3 * HOUR));
    tell(s, ASSAY_ORDER_REOPENED, again)->reason = assay_str_c(ONE_OF(g, reopen_texts));
    if (chance(g, REOPENED_FOR_GOOD)) return -1;
    closed = at_work(again, between(g, HOUR, 12 * HOUR));
    tell_close(s, closed);
    return closed;
}

static enum assay_answer pick_answer(struct story *s) {
    if (!chance(&s->rng, s->host.grade->unhappy)) return ASSAY_ANSWER_SATISFIED;
    uint32_t roll = below(&s->rng, 100);
    return roll < 55 ? ASSAY_ANSWER_AVERAGE : roll < 85 ? ASSAY_ANSWER_DISSATISFIED : ASSAY_ANSWER_COMPLAINT;
}

static enum assay_responsibility pick_responsibility(struct rng *g) {
    uint32_t roll = below(g, 100);
    return roll < 55   ? ASSAY_RESP_PROVIDER
           : roll < 75 ? ASSAY_RESP_SHARED
           : roll < 88 ? ASSAY_RESP_MANUFACTURER
                       : ASSAY_RESP_NONE;
}

static struct assay_record *tell_survey(struct story *s, int64_t at) {
    struct rng *g = &s->rng;
    struct assay_record *r = tell(s, ASSAY_SURVEY_RESPONSE, at);
    r->answer = pick_answer(s);
    r->source = chance(g, VOLUNTEERED) ? ASSAY_SOURCE_VOLUNTEERED : ASSAY_SOURCE_SAMPLED;
    if (chance(g, 6000)) r->customer_class = s->customer_class;
    bool happy = r->answer == ASSAY_ANSWER_SATISFIED;
    if (!happy || chance(g, 500)) r->responsibility = pick_responsibility(g);
    if (!chance(g, 4000)) return r;
    r->overall = (int8_t)(happy ? between(g, 4, 5) : between(g, 1, 3));
    r->attitude = (int8_t)(happy ? between(g, 3, 5) : between(g, 1, 4));
    r->recommend = (int8_t)(happy ? between(g, 7, 10) : between(g, 0, 6));
    return r;
}

static int64_t calling_hour(struct rng *g, int64_t after, int64_t days) {
    return (after / DAY + days) * DAY + between(g, 9 * HOUR, 20 * HOUR);
}

static void survey(struct story *s, int64_t closed) {
    struct rng *g = &s->rng;
    if (chance(g, SURVEY_WITHOUT_ORDER)) tell_survey(s, calling_hour(g, s->clock, between(g, 1, 9)))->order = ASSAY_STR_NONE;
    if (chance(g, SURVEY_OF_UNKNOWN_ORDER)) {
        const char *start = s->pen.p;
        put(&s->pen, "X", 1);
        put(&s->pen, s->order.p, s->order.n);
        tell_survey(s, calling_hour(g, s->clock, between(g, 1, 9)))->order = since(&s->pen, start);
    }
    if (closed < 0 || !chance(g, SURVEYED)) return;
    int64_t at = calling_hour(g, closed, between(g, 1, 7));
    struct assay_record *first = tell_survey(s, at);
    if (chance(g, SURVEY_VOIDED)) tell_void(s, first, at + 10 * MINUTE);
    if (chance(g, SURVEYED_TWICE)) tell_survey(s, calling_hour(g, at, 2));
}

/* -- the beginning -- */
static void introduce(struct story *s, int64_t i) {
    struct rng *g = &s->rng;
    assay_date day = assay_sample_pick_day(s->network, g, i);
    assay_sample_pick_host(s->network, g, day, &s->pen, &s->host);
    const char *start = s->pen.p;
    assay_sample_put_order(s->network, i, &s->pen);
    s->order = since(&s->pen, start);
    s->product = assay_str_c(assay_sample_pick_product(g));
    if (chance(g, SERIAL_TOLD)) {
        start = s->pen.p;
        put(&s->pen, chance(g, 7000) ? "CN" : "SG", 2);
        put_number(&s->pen, below(g, 100000000), 8);
        s->serial = since(&s->pen, start);
    }
    s->customer_class = chance(g, KEY_CUSTOMER) ? ASSAY_CLASS_KEY : chance(g, 9000) ? ASSAY_CLASS_ORDINARY : ASSAY_CLASS_NONE;
    s->warranty = chance(g, IN_WARRANTY) ? ASSAY_WARRANTY_IN : chance(g, 8500) ? ASSAY_WARRANTY_OUT : ASSAY_WARRANTY_NONE;
    s->ccc = chance(g, CCC);
    plan_parts(s);
    bool at_desk = weekday(day) < 5 && chance(g, IN_OFFICE_HOURS);
    int64_t opening = (int64_t)day * DAY;
    if (at_desk) opening = at_work(opening, between_short(g, 0, 8 * HOUR - 1));
    else opening += between(g, 7 * HOUR + 30 * MINUTE, 21 * HOUR);
    open_order(s, opening);
}

/* Returns the last close, or -1 where there is none. */
static int64_t live(struct story *s) {
    struct rng *g = &s->rng;
    if (chance(g, CANCELLED_EARLY) && cancel(s, at_work(s->clock, between(g, 10 * MINUTE, 3 * HOUR)))) return -1;
    diagnose(s);
    obtain_parts(s);
    if (chance(g, CANCELLED_LATE) && cancel(s, at_work(s->asked, between(g, HOUR, 20 * HOUR)))) return -1;
    return finish(s);
}

void assay_sample_order_at(const struct assay_sample *s, int64_t i, struct assay_sample_order *out) {
    struct story story = {
        .network = s,
        .out = out,
        .rng = assay_sample_order_rng(s, i),
        .pen = {out->text, out->text + sizeof out->text},
    };
    out->n = 0;
    introduce(&story, i);
    survey(&story, live(&story));
}
