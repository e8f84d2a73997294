/* frac.c -- exact fractions, decimals and money. Every product goes through 128 bits and is reduced before it is kept. */
#include "assay/frac.h"

#include <stdio.h>

__extension__ typedef __int128 wide;

static wide wide_abs(wide x) { return x < 0 ? -x : x; }

static wide wide_gcd(wide a, wide b) {
    while (b) {
        wide t = a % b;
        a = b;
        b = t;
    }
    return a;
}

/* den != 0; both within +-2^126. */
static enum assay_status reduce(wide num, wide den, struct assay_frac *out) {
    if (den < 0) num = -num, den = -den;
    wide g = wide_gcd(wide_abs(num), den);
    num /= g;
    den /= g;
    if (num > INT64_MAX || num < -INT64_MAX || den > INT64_MAX) return ASSAY_OVERFLOW;
    *out = (struct assay_frac){(int64_t)num, (int64_t)den};
    return ASSAY_OK;
}

enum assay_status assay_frac_make(int64_t num, int64_t den, struct assay_frac *out) {
    return den ? reduce(num, den, out) : ASSAY_OUT_OF_RANGE;
}

/* a.num*b.den +- b.num*a.den could pass 2^127 only by a hair: each product is below 2^126. */
enum assay_status assay_frac_add(struct assay_frac a, struct assay_frac b, struct assay_frac *out) {
    return reduce((wide)a.num * b.den + (wide)b.num * a.den, (wide)a.den * b.den, out);
}

enum assay_status assay_frac_sub(struct assay_frac a, struct assay_frac b, struct assay_frac *out) {
    return reduce((wide)a.num * b.den - (wide)b.num * a.den, (wide)a.den * b.den, out);
}

enum assay_status assay_frac_mul(struct assay_frac a, struct assay_frac b, struct assay_frac *out) {
    return reduce((wide)a.num * b.num, (wide)a.den * b.den, out);
}

enum assay_status assay_frac_div(struct assay_frac a, struct assay_frac b, struct assay_frac *out) {
    return b.num ? reduce((wide)a.num * b.den, (wide)a.den * b.num, out) : ASSAY_OUT_OF_RANGE;
}

int assay_frac_cmp(struct assay_frac a, struct assay_frac b) {
    wide l = (wide)a.num * b.den, r = (wide)b.num * a.den;
    return (l > r) - (l < r);
}

/* Sign, digits and decimals of s; *scale is how many decimals it had. */
static bool parse_decimal(struct assay_str s, int64_t *digits, int *scale) {
    size_t i = 0;
    bool negative = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+')) i++;
    int64_t v = 0;
    int count = 0, decimals = 0;
    bool point = false, digit_before = false, digit_after = false;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && !point && digit_before) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || ++count > 18) return false;
        v = v * 10 + (c - '0');
        if (point) decimals++, digit_after = true;
        else digit_before = true;
    }
    if (!digit_before || (point && !digit_after)) return false;
    *digits = negative ? -v : v;
    *scale = decimals;
    return true;
}

static int64_t pow10_of(int n) {
    int64_t p = 1;
    while (n-- > 0) p *= 10;
    return p;
}

enum assay_status assay_frac_parse(struct assay_str s, struct assay_frac *out) {
    int64_t v;
    int scale;
    if (!parse_decimal(s, &v, &scale)) return ASSAY_INVALID_VALUE;
    return reduce(v, pow10_of(scale), out);
}

/* num/den rounded to an integer, half away from zero. */
static wide round_away(wide num, wide den) {
    wide q = wide_abs(num) / den, r = wide_abs(num) % den;
    if (2 * r >= den) q++;
    return num < 0 ? -q : q;
}

static void format_scaled(wide v, int digits, char out[ASSAY_FRAC_TEXT]) {
    if (digits < 0 || digits > 18) digits = 18;
    wide a = wide_abs(v), p = pow10_of(digits);
    unsigned long long whole = (unsigned long long)(a / p), rest = (unsigned long long)(a % p);
    const char *sign = v < 0 ? "-" : "";
    if (digits > 0) snprintf(out, ASSAY_FRAC_TEXT, "%s%llu.%0*llu", sign, whole, digits, rest);
    else snprintf(out, ASSAY_FRAC_TEXT, "%s%llu", sign, whole);
}

void assay_frac_format(struct assay_frac f, int digits, char out[ASSAY_FRAC_TEXT]) {
    format_scaled(round_away((wide)f.num * pow10_of(digits), f.den), digits, out);
}

enum assay_status assay_money_mul(int64_t amount, struct assay_frac f, int64_t *out) {
    /* Half up: towards positive infinity, so floor((2n + d) / 2d). */
    wide n = 2 * ((wide)amount * f.num) + f.den, d = 2 * (wide)f.den;
    wide q = n / d;
    if (n % d < 0) q--;
    if (q > INT64_MAX || q < -INT64_MAX) return ASSAY_OVERFLOW;
    *out = (int64_t)q;
    return ASSAY_OK;
}

void assay_money_format(int64_t amount, int minor_digits, char out[ASSAY_FRAC_TEXT]) { format_scaled(amount, minor_digits, out); }

enum assay_status assay_money_parse(struct assay_str s, int minor_digits, int64_t *out) {
    int64_t v;
    int scale;
    if (!parse_decimal(s, &v, &scale) || scale > minor_digits) return ASSAY_INVALID_VALUE;
    wide w = (wide)v * pow10_of(minor_digits - scale);
    if (w > INT64_MAX || w < -INT64_MAX) return ASSAY_OVERFLOW;
    *out = (int64_t)w;
    return ASSAY_OK;
}

/* ISO 4217 codes whose minor unit is not two digits; the currencies of everyday use otherwise. */
int assay_currency_digits(struct assay_str code) {
    static const char zero[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
    static const char three[] = "BHD IQD JOD KWD LYD OMR TND";
    static const char two[] =
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
        "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
        "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR "
        "NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
        "TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW";
    static const struct {
        const char *list;
        int digits;
    } lists[] = {{two, 2}, {zero, 0}, {three, 3}};
    if (code.n != 3) return -1;
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (const char *p = lists[l].list; *p; p += p[3] ? 4 : 3)
            if (memcmp(p, code.p, 3) == 0) return lists[l].digits;
    return -1;
}
