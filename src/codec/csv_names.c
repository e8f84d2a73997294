/* csv_names.c -- the Chinese names of columns and words (DOMAIN 1): the one table of them. The first name of a field or word
 * is the one that templates write. */
#include "csv_names.h"

#include "record_rows.h"

/* clang-format off */
static const struct {
    const char *field, *zh;
} columns[] = {
    {"id", "编号"},               {"id", "记录编号"},
    {"type", "类型"},             {"type", "事件类型"},
    {"provider", "服务商"},       {"provider", "服务商编号"},   {"provider", "维修中心"},
    {"order", "维修单"},          {"order", "维修单号"},
    {"at", "时间"},               {"at", "发生时间"},
    {"channel", "渠道"},
    {"product", "产品"},
    {"customer_class", "客户类别"}, {"customer_class", "客户类型"},
    {"serial", "序列号"},
    {"warranty", "保修"},         {"warranty", "保修状态"},
    {"reported_at", "报修时间"},
    {"request", "备件申请"},      {"request", "申请序号"},
    {"line", "备件行"},
    {"part_no", "备件号"},
    {"replaces", "替换备件行"},
    {"local", "本地库存"},
    {"courier", "快递等级"},
    {"warehouse", "仓库"},
    {"mark", "备件标记"},
    {"reason", "原因"},
    {"note", "备注"},
    {"outcome", "结单结果"},      {"outcome", "结果"},
    {"target", "作废编号"},
    {"target_kind", "作废类别"},
    {"answer", "回访结果"},
    {"source", "回访来源"},
    {"responsibility", "责任方"},
    {"overall", "总体评分"},
    {"attitude", "态度评分"},
    {"recommend", "推荐评分"},
    {"parts", "推荐备件"},
    {"indicator", "指标"},
    {"numerator", "分子"},
    {"denominator", "分母"},
    {"value", "数值"},
    {"rater", "评分方"},
};
static const struct {
    const char *field, *zh;
} provider_columns[] = {
    {"code", "服务商"},           {"code", "服务商编号"},       {"code", "维修中心"},
    {"name", "名称"},             {"name", "服务商名称"},
    {"city", "城市"},
    {"ascim", "自有备件库存"},
    {"status", "状态"},
    {"effective_from", "生效日期"},
};
static const struct {
    const char *field, *word, *zh;
} words[] = {
    {"type", "order.opened", "开单"},
    {"type", "part.requested", "备件申请"},
    {"type", "part.shipped", "备件发运"},
    {"type", "part.delivered", "备件送达"},
    {"type", "part.cancelled", "备件取消"},
    {"type", "part.received", "备件签收"},
    {"type", "part.marked", "备件标记"},
    {"type", "order.noted", "情况说明"},
    {"type", "order.completed", "完工"},
    {"type", "order.closed", "结单"},
    {"type", "order.cancelled", "取消"},
    {"type", "order.reopened", "重新开单"},
    {"type", "event.voided", "作废"},
    {"channel", "walk_in", "送修"},
    {"channel", "ccc", "派单"},
    {"customer_class", "ordinary", "普通"},
    {"customer_class", "key", "大用户"},
    {"warranty", "in", "保内"},
    {"warranty", "out", "保外"},
    {"mark", "used", "已使用"},
    {"mark", "unused", "未使用"},
    {"mark", "doa", "到货即坏"},
    {"mark", "mismatch", "内外不符"},
    {"mark", "wrong_shipment", "错发"},
    {"reason", "machine_testing", "拷机"},
    {"reason", "customer", "客户原因"},
    {"reason", "force_majeure", "不可抗力"},
    {"outcome", "repaired", "修复"},
    {"outcome", "replaced", "更换"},
    {"outcome", "unrepaired", "未修复"},
    {"target_kind", "repair", "维修"},
    {"target_kind", "shipment", "发运"},
    {"target_kind", "dispatch", "派单"},
    {"target_kind", "survey", "回访"},
    {"target_kind", "observation", "观测"},
    {"answer", "satisfied", "满意"},
    {"answer", "average", "一般"},
    {"answer", "dissatisfied", "不满意"},
    {"answer", "complaint", "投诉"},
    {"source", "sampled", "抽样"},
    {"source", "volunteered", "用户主动反馈"},
    {"responsibility", "provider", "服务商"},
    {"responsibility", "shared", "双方"},
    {"responsibility", "manufacturer", "厂商"},
    {"rater", "self", "自评"},
    {"rater", "supervisor", "上级"},
    {"rater", "peer", "同级"},
    {"rater", "customer", "客户"},
    {"rater", "auditor", "审核员"},
    {"local", "true", "是"},
    {"local", "false", "否"},
    {"ascim", "true", "是"},
    {"ascim", "false", "否"},
    {"status", "active", "正常"},
    {"status", "suspended", "暂停"},
    {"status", "inactive", "停用"},
};
/* clang-format on */
#define N(table) (sizeof(table) / sizeof *(table))

static const char *const provider_fields[] = {"code", "name", "city", "ascim", "status", "effective_from", NULL};
const char *const *assay_provider_columns(void) { return provider_fields; }

static const char *own_name(struct assay_str name, bool providers) {
    if (providers) {
        for (const char *const *f = provider_fields; *f; f++)
            if (assay_str_is(name, *f)) return *f;
        return NULL;
    }
    if (assay_str_is(name, "type")) return "type";
    for (size_t i = 0; i < assay_record_rows(); i++)
        if (assay_str_is(name, assay_record_row(i)->name)) return assay_record_row(i)->name;
    return NULL;
}

const char *assay_column_field(struct assay_str name, bool providers) {
    const char *own = own_name(name, providers);
    if (own) return own;
    for (size_t i = 0; providers && i < N(provider_columns); i++)
        if (assay_str_is(name, provider_columns[i].zh)) return provider_columns[i].field;
    for (size_t i = 0; !providers && i < N(columns); i++)
        if (assay_str_is(name, columns[i].zh)) return columns[i].field;
    return NULL;
}

const char *assay_column_zh(const char *field, bool providers) {
    for (size_t i = 0; providers && i < N(provider_columns); i++)
        if (strcmp(field, provider_columns[i].field) == 0) return provider_columns[i].zh;
    for (size_t i = 0; !providers && i < N(columns); i++)
        if (strcmp(field, columns[i].field) == 0) return columns[i].zh;
    return NULL;
}

struct assay_str assay_cell_word(const char *field, struct assay_str cell) {
    if (cell.n == 0 || !((unsigned char)cell.p[0] & 0x80)) return cell;
    for (size_t i = 0; i < N(words); i++)
        if (assay_str_is(cell, words[i].zh) && strcmp(field, words[i].field) == 0) return assay_str_c(words[i].word);
    return cell;
}

const char *assay_cell_zh(const char *field, struct assay_str word) {
    for (size_t i = 0; i < N(words); i++)
        if (assay_str_is(word, words[i].word) && strcmp(field, words[i].field) == 0) return words[i].zh;
    return NULL;
}
