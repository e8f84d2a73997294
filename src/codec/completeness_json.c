/* completeness_json.c -- what is missing of a provider's records, as the API shows it, with its texts. */
#include "reader.h"

/* Who can mend it, and what it means. */
static const struct {
    const char *code, *party, *en, *zh;
} missing_texts[] = {
    [ASSAY_MISSING_PERIOD_RUNNING] = {"period_running", "none", "The period is not over: records are still to come.",
                                      "本期尚未结束，仍会有记录到达。"},
    [ASSAY_MISSING_NO_RECORDS] = {"no_records", "provider",
                                  "The provider sent no repair event dated in the period: an upload may be missing.",
                                  "服务商没有本期的维修事件，可能漏传数据。"},
    [ASSAY_MISSING_NEVER_OPENED] = {"never_opened", "provider",
                                    "Orders were dispatched in the period but never opened by the provider.",
                                    "本期派单中有服务商从未开单的维修单。"},
    [ASSAY_MISSING_CLOSED_WITHOUT_OPENING] = {"closed_without_opening", "provider",
                                              "Orders were closed in the period without an opening.",
                                              "本期结单中有缺少开单记录的维修单。"},
    [ASSAY_MISSING_OPEN] = {"missing_open", "provider",
                            "Orders closed in the period cannot be judged: they have neither opening nor dispatch.",
                            "本期结单中有无法判定的维修单：既无开单也无派单记录。"},
    [ASSAY_MISSING_REQUEST_BEFORE_OPEN] =
        {"request_before_open", "provider",
         "Orders closed in the period cannot be judged: parts were requested before the clock began.",
         "本期结单中有无法判定的维修单：备件申请早于计时起点。"},
    [ASSAY_MISSING_CLOSE_BEFORE_START] =
        {"close_before_start", "provider",
         "Orders closed in the period cannot be judged: they were closed before the cycle began.",
         "本期结单中有无法判定的维修单：结单早于维修周期起点。"},
    [ASSAY_MISSING_SHIPMENT] = {"missing_shipment", "logistics",
                                "Orders closed in the period cannot be judged: a part has no shipment on record.",
                                "本期结单中有无法判定的维修单：备件没有发货记录。"},
    [ASSAY_MISSING_ORPHAN_RECORDS] = {"orphan_records", "provider",
                                      "Records dated in the period belong to orders with neither opening nor dispatch.",
                                      "本期有记录所属的维修单既无开单也无派单。"},
    [ASSAY_MISSING_SURVEYS_UNKNOWN] = {"surveys_of_unknown_orders", "ccc",
                                       "Survey responses dated in the period name orders that do not exist.",
                                       "本期有回访记录所指的维修单不存在。"},
    [ASSAY_MISSING_SILENT_DAYS] = {"silent_days", "provider",
                                   "On some days orders were dispatched but the provider sent no repair event dated that day.",
                                   "本期有若干天已有派单，但服务商没有当天的维修事件。"},
};
_Static_assert(sizeof missing_texts / sizeof *missing_texts == ASSAY_MISSING_COUNT, "each has its text");

const char *assay_missing_code(enum assay_missing m) { return missing_texts[m].code; }

int64_t assay_completeness_findings(const struct assay_completeness *c) {
    int64_t n = 0;
    for (int m = 0; m < ASSAY_MISSING_COUNT; m++) n += m == ASSAY_MISSING_PERIOD_RUNNING ? 0 : c->missing[m];
    return n;
}

static void write_reasons(const struct assay_completeness *c, struct assay_buf *b) {
    assay_json_array(b, "reasons");
    for (int m = 0; m < ASSAY_MISSING_COUNT; m++) {
        if (!c->missing[m]) continue;
        assay_json_object(b, NULL);
        assay_json_text(b, "code", missing_texts[m].code);
        assay_json_int(b, "count", c->missing[m]);
        assay_json_text(b, "party", missing_texts[m].party);
        assay_json_object(b, "text");
        assay_json_text(b, "en", missing_texts[m].en);
        assay_json_text(b, "zh-CN", missing_texts[m].zh);
        assay_json_object_end(b);
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
}

static void write_records(const struct assay_completeness *c, struct assay_buf *b) {
    assay_json_object(b, "records");
    for (int k = 0; k < ASSAY_KIND_COUNT; k++) {
        assay_json_object(b, assay_kind_name((enum assay_kind)k));
        assay_json_int(b, "count", c->kinds[k].count);
        assay_json_instant(b, "last_received_at", c->kinds[k].last_received_at);
        assay_json_object_end(b);
    }
    assay_json_object_end(b);
}

void assay_completeness_write(const struct assay_completeness *c, const char *scheme, assay_month period, struct assay_buf *b,
                              const char *key) {
    int64_t findings = assay_completeness_findings(c);
    assay_json_object(b, key);
    assay_json_str(b, "provider", c->provider);
    assay_json_text(b, "scheme", scheme);
    assay_json_month(b, "period", period);
    assay_json_bool(b, "complete", findings == 0 && !c->missing[ASSAY_MISSING_PERIOD_RUNNING]);
    assay_json_int(b, "findings", findings);
    write_reasons(c, b);
    assay_json_object(b, "missing");
    for (int m = 0; m < ASSAY_MISSING_COUNT; m++) assay_json_int(b, missing_texts[m].code, c->missing[m]);
    assay_json_object_end(b);
    assay_json_object(b, "orders");
    assay_json_int(b, "dispatched", c->dispatched);
    assay_json_int(b, "opened", c->opened);
    assay_json_int(b, "closed", c->closed);
    assay_json_int(b, "cancelled", c->cancelled);
    assay_json_int(b, "open", c->open);
    assay_json_object_end(b);
    write_records(c, b);
    assay_json_instant(b, "last_record_at", c->last_record_at);
    assay_json_str(b, "last_upload", c->last_upload);
    assay_json_object_end(b);
}
