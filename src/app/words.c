/* words.c -- words of the API in English and Chinese, instants and durations for people. */
#include "app/words.h"

#include <stdlib.h>
#include <time.h>

static const struct {
    const char *word, *en, *zh;
} words[] = {
    /* states */
    {"open", "open", "未结"},
    {"closed", "closed", "已结单"},
    {"cancelled", "cancelled", "已取消"},
    /* outcomes of orders and clocks */
    {"compliant", "compliant", "达标"},
    {"missed", "missed", "未达标"},
    {"undetermined", "undetermined", "无法判定"},
    {"pending", "pending", "待定"},
    {"out_of_scope", "out of scope", "不在范围"},
    {"met", "met", "达标"},
    {"exempt", "exempt", "豁免"},
    {"not_applicable", "not applicable", "不适用"},
    /* reasons */
    {"missing_open", "no opening", "缺少开单"},
    {"missing_shipment", "no shipment", "缺少发货"},
    {"request_before_open", "request before opening", "申请早于开单"},
    {"close_before_start", "close before start", "结单早于起算"},
    /* facts */
    {"walk_in", "walk-in", "自行送修"},
    {"ccc", "CCC", "CCC 派单"},
    {"ordinary", "ordinary", "普通"},
    {"key", "key", "大用户"},
    {"in", "in", "保内"},
    {"out", "out", "保外"},
    {"provider", "provider", "服务商"},
    {"manufacturer", "manufacturer", "厂家"},
    /* stretches of a ledger */
    {"working", "working", "工作"},
    {"break", "break", "休息"},
    {"night", "night", "夜间"},
    {"weekend", "weekend", "周末"},
    {"holiday", "holiday", "节假日"},
    /* where the time went */
    {"report_to_open", "report to opening", "报修至开单"},
    {"dispatch_to_close", "dispatch to close", "派单至结单"},
    {"open_to_close", "opening to close", "开单至结单"},
    {"dispatch_to_request", "dispatch to request", "派单至申请"},
    {"open_to_request", "opening to request", "开单至申请"},
    {"request_to_ship", "request to shipment", "申请至发货"},
    {"ship_to_deliver", "shipment to delivery", "发货至送达"},
    {"deliver_to_close", "delivery to close", "送达至结单"},
    /* lateness */
    {"on_time", "on time", "准时"},
    {"late_1", "late by 1", "晚一档"},
    {"late_2", "late by 2", "晚两档"},
    {"beyond_slowest", "beyond the slowest", "晚于最慢时效"},
};

const char *assay_words_of(const char *word, bool chinese) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word)) return chinese ? words[i].zh : words[i].en;
    return word;
}

bool assay_words_chinese(const struct assay_cli *cli, size_t lang_option) {
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *lang = assay_cli_value(cli, lang_option);
    for (size_t i = 0; !lang && i < 3; i++) {
        lang = getenv(variables[i]);
        if (lang && !*lang) lang = NULL;
    }
    return lang && !strncmp(lang, "zh", 2);
}

const char *assay_words_member(const struct assay_json_view *object, const char *key, bool chinese) {
    struct assay_str s = assay_json_string(assay_json_member(object, key));
    return s.p ? assay_words_of(s.p, chinese) : "-";
}

void assay_words_instant(const struct assay_json_view *object, const char *key, struct assay_buf *out) {
    struct assay_str s = assay_json_string(assay_json_member(object, key));
    assay_instant at;
    struct tm tm;
    char day[32], zone[16];
    if (!s.p || assay_instant_parse(s, &at)) {
        assay_buf_adds(out, s.p ? s.p : "-");
        return;
    }
    time_t seconds = (time_t)(at / ASSAY_SECOND);
    localtime_r(&seconds, &tm);
    strftime(day, sizeof day, tm.tm_sec ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    assay_buf_printf(out, "%s %.3s:%s", day, zone, zone + 3);
}

void assay_words_duration(const struct assay_json_view *object, const char *key, bool chinese, struct assay_buf *out) {
    int64_t s;
    if (!assay_json_integer(assay_json_member(object, key), &s)) {
        assay_buf_adds(out, "-");
        return;
    }
    assay_buf_printf(out, chinese ? "%lld 小时 %02lld 分" : "%lld h %02lld min", (long long)(s / 3600), (long long)(s / 60 % 60));
    if (s % 60) assay_buf_printf(out, chinese ? " %02lld 秒" : " %02lld s", (long long)(s % 60));
}
