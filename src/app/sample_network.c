/* sample_network.c -- who is in the made-up network, how busy its days are, what it pays. */
#include <stdlib.h>

#include "sample_internal.h"

enum { PROVIDER = 1, LOAD, ORDER }; /* what a generator of chance is for */

/* In 10,000. */
enum { NEAR = 3500, CHINESE = 5000, ASCIM = 2000, FACTS_CHANGE = 500 /* it moves, or becomes ASCIM, in the middle */ };

static const struct grade grades[] = {
    {.share = 3000, .slow_diagnosis = 90, .slow_repair = 100, .mistakes = 15, .unhappy = 250},
    {.share = 5000, .slow_diagnosis = 250, .slow_repair = 250, .mistakes = 50, .unhappy = 500},
    {.share = 2000, .slow_diagnosis = 900, .slow_repair = 1100, .mistakes = 180, .unhappy = 1500},
};

struct city {
    const char *en, *zh;
    bool near; /* a 2D10 city */
    const char *districts[4];
};
#define SOMEWHERE \
    { "中山路", "解放路", "人民路", "高新区" }
static const struct city cities[] = {
    {"Beijing", "北京", true, {"中关村", "朝阳", "海淀", "亦庄"}},
    {"Shanghai", "上海", true, {"徐家汇", "浦东", "静安", "杨浦"}},
    {"Guangzhou", "广州", true, {"天河", "越秀", "海珠", "白云"}},
    {"Shenzhen", "深圳", true, {"华强北", "福田", "南山", "罗湖"}},
    {"Tianjin", "天津", false, {"和平", "南开", "河西", "塘沽"}},
    {"Chongqing", "重庆", false, {"解放碑", "沙坪坝", "南坪", "观音桥"}},
    {"Chengdu", "成都", false, {"武侯", "锦江", "青羊", "高新"}},
    {"Wuhan", "武汉", false, {"武昌", "汉口", "汉阳", "光谷"}},
    {"Nanjing", "南京", false, {"新街口", "鼓楼", "江宁", "珠江路"}},
    {"Hangzhou", "杭州", false, {"西湖", "滨江", "文三路", "拱墅"}},
    {"Xi'an", "西安", false, {"雁塔", "碑林", "高新", "未央"}},
    {"Shenyang", "沈阳", false, {"三好街", "和平", "铁西", "沈河"}},
    {"Harbin", "哈尔滨", false, {"南岗", "道里", "香坊", "道外"}},
    {"Jinan", "济南", false, {"历下", "市中", "槐荫", "天桥"}},
    {"Qingdao", "青岛", false, {"市南", "市北", "崂山", "李沧"}},
    {"Dalian", "大连", false, {"中山", "西岗", "沙河口", "甘井子"}},
    {"Changsha", "长沙", false, {"岳麓", "芙蓉", "天心", "雨花"}},
    {"Zhengzhou", "郑州", false, {"金水", "二七", "中原", "管城"}},
    {"Fuzhou", "福州", false, SOMEWHERE},
    {"Xiamen", "厦门", false, {"思明", "湖里", "集美", "海沧"}},
    {"Kunming", "昆明", false, {"五华", "盘龙", "官渡", "西山"}},
    {"Nanning", "南宁", false, SOMEWHERE},
    {"Guiyang", "贵阳", false, SOMEWHERE},
    {"Taiyuan", "太原", false, SOMEWHERE},
    {"Shijiazhuang", "石家庄", false, SOMEWHERE},
    {"Hefei", "合肥", false, SOMEWHERE},
    {"Nanchang", "南昌", false, SOMEWHERE},
    {"Changchun", "长春", false, SOMEWHERE},
    {"Lanzhou", "兰州", false, SOMEWHERE},
    {"Urumqi", "乌鲁木齐", false, SOMEWHERE},
    {"Hohhot", "呼和浩特", false, SOMEWHERE},
    {"Haikou", "海口", false, SOMEWHERE},
};
static const char *const businesses[] = {"维修中心", "电脑服务中心", "技术服务有限公司", "金牌服务站", "科技维修部"};

static const struct product {
    const char *code;
    int share;                  /* of 10,000 */
    const char *in, *otherwise; /* labour rates in yuan: within the warranty, and for any other */
} products[] = {
    {"commercial_pc", 3200, "80.00", "95.00"},    {"server", 700, "260.00", "320.00"},
    {"notebook", 1900, "120.00", "150.00"},       {"laser_printer", 2600, "90.00", "110.00"},
    {"plotter", 500, "220.00", "270.00"},         {"inkjet_high_end", 700, "70.00", "85.00"},
    {"optical_library", 150, "380.00", "460.00"}, {"tape_library", 250, "350.00", "420.00"},
};

/* --- the network -------------------------------------------------------------------------------------------------- */
struct provider {
    uint8_t city, city_later, grade;
    bool chinese; /* writes the city so */
    bool ascim, ascim_later;
    uint32_t nth;          /* in its city: makes its name */
    assay_date changes_on; /* ASSAY_NO_DATE */
};

struct assay_sample {
    struct assay_sample_spec spec;
    assay_date first, last; /* days, the last not included */
    int code_digits, order_digits;
    struct provider *providers;
    uint64_t *load; /* by provider: the running sum of how much work it gets */
    uint64_t *busy; /* by day: the running sum of how many orders it sees */
};

static int digits_of(int64_t n, int least) {
    int d = 1;
    while (n >= 10) {
        n /= 10;
        d++;
    }
    return d > least ? d : least;
}

static uint8_t pick_city(struct rng *g, int32_t i) {
    if (i < 4) return (uint8_t)i; /* even the smallest network has the four near cities */
    return (uint8_t)(chance(g, NEAR) ? below(g, 4) : below(g, COUNT(cities)));
}

static uint8_t pick_grade(struct rng *g) {
    int roll = (int)below(g, 10000);
    uint8_t i = 0;
    while (roll >= grades[i].share) roll -= grades[i++].share;
    return i;
}

static void make_provider(const struct assay_sample *s, int32_t i, uint32_t nth_of[COUNT(cities)], struct provider *p) {
    struct rng g = rng_of(s->spec.seed, PROVIDER, (uint64_t)i);
    p->city = p->city_later = pick_city(&g, i);
    p->nth = nth_of[p->city]++;
    p->grade = pick_grade(&g);
    p->chinese = chance(&g, CHINESE);
    p->ascim = p->ascim_later = chance(&g, ASCIM);
    p->changes_on = ASSAY_NO_DATE;
    if (!chance(&g, FACTS_CHANGE)) return;
    p->changes_on = s->first + (s->last - s->first) / 2;
    if (chance(&g, 5000)) p->ascim_later = !p->ascim;
    else p->city_later = (uint8_t)below(&g, COUNT(cities));
}

struct assay_sample *assay_sample_new(const struct assay_sample_spec *spec) {
    /* Monday is the busiest; some work on Saturdays. */
    static const uint32_t by_weekday[] = {120, 108, 100, 98, 94, 22, 10};
    struct assay_sample *s = assay_xcalloc(1, sizeof *s);
    s->spec = *spec;
    s->first = assay_month_first(spec->from);
    s->last = assay_month_first(spec->from + spec->months);
    s->code_digits = digits_of(spec->providers, 3);
    s->order_digits = digits_of(spec->orders, 6);
    s->providers = assay_xcalloc((size_t)spec->providers, sizeof *s->providers);
    s->load = assay_xcalloc((size_t)spec->providers, sizeof *s->load);
    uint32_t nth_of[COUNT(cities)] = {0};
    uint64_t load = 0;
    for (int32_t i = 0; i < spec->providers; i++) {
        make_provider(s, i, nth_of, &s->providers[i]);
        struct rng g = rng_of(spec->seed, LOAD, (uint64_t)i);
        load += (uint64_t)between_short(&g, 20, 200) + (cities[s->providers[i].city].near ? 60 : 0);
        s->load[i] = load;
    }
    int32_t days = s->last - s->first;
    s->busy = assay_xcalloc((size_t)days, sizeof *s->busy);
    uint64_t busy = 0;
    for (int32_t d = 0; d < days; d++) s->busy[d] = busy += by_weekday[weekday(s->first + d)];
    return s;
}

void assay_sample_free(struct assay_sample *s) {
    if (!s) return;
    free(s->providers);
    free(s->load);
    free(s->busy);
    free(s);
}

assay_instant assay_sample_end(const struct assay_sample *s) { return (int64_t)s->last * ASSAY_DAY - UTC_OFFSET * ASSAY_SECOND; }

/* The index of the first running sum above `at`. */
static size_t above(const uint64_t *sums, size_t n, uint64_t at) {
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (sums[low + half] > at) n = half;
        else low += half + 1, n -= half + 1;
    }
    return low;
}

static struct assay_str put_code(struct pen *w, const struct assay_sample *s, int32_t i) {
    const char *start = w->p;
    put(w, "P", 1);
    put_number(w, (uint64_t)i + 1, s->code_digits);
    return since(w, start);
}

void assay_sample_provider_at(const struct assay_sample *s, int32_t i, struct assay_sample_provider *out) {
    const struct provider *p = &s->providers[i];
    const struct city *city = &cities[p->city], *moved = &cities[p->city_later];
    struct pen w = {out->text, out->text + sizeof out->text};
    out->code = put_code(&w, s, i);

    const char *start = w.p;
    uint32_t district = p->nth % COUNT(city->districts), business = p->nth / COUNT(city->districts) % COUNT(businesses);
    uint32_t branch = p->nth / (uint32_t)(COUNT(city->districts) * COUNT(businesses));
    put_text(&w, city->zh);
    put_text(&w, city->districts[district]);
    put_text(&w, businesses[business]);
    if (branch) put_number(&w, branch + 1, 1);
    out->name = since(&w, start);

    out->facts[0] = (struct assay_provider_facts){ASSAY_NO_DATE, assay_str_c(p->chinese ? city->zh : city->en), p->ascim};
    out->facts[1] = (struct assay_provider_facts){p->changes_on, assay_str_c(p->chinese ? moved->zh : moved->en), p->ascim_later};
    out->n_facts = p->changes_on == ASSAY_NO_DATE ? 1 : 2;
}

void assay_sample_rates(const struct assay_sample_spec *spec, const char *without, struct assay_buf *out) {
    char raised_on[ASSAY_DATE_TEXT];
    assay_date_format(assay_month_first(spec->from + spec->months / 2), raised_on);
    assay_buf_adds(out, "{\"currency\":\"CNY\",\"rates\":[");
    const char *comma = "\n";
    for (size_t i = 0; i < COUNT(products); i++) {
        const struct product *p = &products[i];
        if (without && strcmp(without, p->code) == 0) continue;
        assay_buf_printf(out, "%s{\"product\":\"%s\",\"warranty\":\"in\",\"amount\":\"%s\"}", comma, p->code, p->in);
        comma = ",\n";
        assay_buf_printf(out, "%s{\"product\":\"%s\",\"warranty\":\"*\",\"amount\":\"%s\"}", comma, p->code, p->otherwise);
    }
    assay_buf_printf(out, "%s{\"product\":\"server\",\"warranty\":\"in\",\"from\":\"%s\",\"amount\":\"275.00\"}\n]}\n", comma,
                     raised_on);
}

/* --- what an order asks ------------------------------------------------------------------------------------------- */
struct rng assay_sample_order_rng(const struct assay_sample *s, int64_t i) {
    return rng_of(s->spec.seed, ORDER, (uint64_t)i);
}

assay_date assay_sample_pick_day(const struct assay_sample *s, struct rng *g, int64_t i) {
    size_t days = (size_t)(s->last - s->first);
    uint64_t total = s->busy[days - 1];
    uint64_t share = ((uint64_t)i * 1024 + below(g, 1024)) * total / ((uint64_t)s->spec.orders * 1024);
    return s->first + (assay_date)above(s->busy, days, share);
}

void assay_sample_pick_host(const struct assay_sample *s, struct rng *g, assay_date day, struct pen *w, struct host *out) {
    size_t n = (size_t)s->spec.providers;
    size_t i = above(s->load, n, draw(g) % s->load[n - 1]);
    const struct provider *p = &s->providers[i];
    bool changed = p->changes_on != ASSAY_NO_DATE && day >= p->changes_on;
    *out = (struct host){
        .code = put_code(w, s, (int32_t)i),
        .grade = &grades[p->grade],
        .near = cities[changed ? p->city_later : p->city].near,
        .ascim = changed ? p->ascim_later : p->ascim,
    };
}

const char *assay_sample_pick_product(struct rng *g) {
    int roll = (int)below(g, 10000);
    const struct product *p = products;
    while (roll >= p->share) roll -= p++->share;
    return p->code;
}

void assay_sample_put_order(const struct assay_sample *s, int64_t i, struct pen *w) {
    put(w, "W", 1);
    put_number(w, (uint64_t)i + 1, s->order_digits);
}
