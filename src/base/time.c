/* time.c -- civil dates, RFC 3339, the clock. */
#include "assay/time.h"

#include <stdio.h>
#include <time.h>

/* Days from civil and back, after the era-of-400-years arithmetic of Howard Hinnant's "chrono-compatible low-level date
 * algorithms". */
assay_date assay_date_from_civil(int year, int month, int day) {
    int y = year - (month <= 2);
    int era = (y >= 0 ? y : y - 399) / 400;
    int yoe = y - era * 400;
    int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void assay_date_to_civil(assay_date d, int *year, int *month, int *day) {
    int z = d + 719468;
    int era = (z >= 0 ? z : z - 146096) / 146097;
    int doe = z - era * 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

bool assay_civil_valid(int year, int month, int day) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (month == 2 && leap);
}

int assay_date_weekday(assay_date d) {
    int w = (d + 3) % 7; /* 1970-01-01 was a Thursday */
    return w < 0 ? w + 7 : w;
}

/* n digits at s.p[at]; -1 where they are not all digits. */
static int digits_at(struct assay_str s, size_t at, size_t n) {
    if (at + n > s.n) return -1;
    int v = 0;
    for (size_t i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return -1;
        v = v * 10 + (s.p[i] - '0');
    }
    return v;
}

static bool char_at(struct assay_str s, size_t at, char c) { return at < s.n && s.p[at] == c; }

/* "YYYY-MM-DD" at the start of s. */
static bool parse_civil(struct assay_str s, assay_date *out) {
    int y = digits_at(s, 0, 4), m = digits_at(s, 5, 2), d = digits_at(s, 8, 2);
    if (y < 0 || m < 0 || d < 0 || !char_at(s, 4, '-') || !char_at(s, 7, '-') || !assay_civil_valid(y, m, d)) return false;
    *out = assay_date_from_civil(y, m, d);
    return true;
}

enum assay_status assay_date_parse(struct assay_str s, assay_date *out) {
    return s.n == 10 && parse_civil(s, out) ? ASSAY_OK : ASSAY_INVALID_TIME;
}

void assay_date_format(assay_date d, char out[ASSAY_DATE_TEXT]) {
    int y, m, day;
    assay_date_to_civil(d, &y, &m, &day);
    snprintf(out, ASSAY_DATE_TEXT, "%04d-%02d-%02d", y % 10000, m, day);
}

enum assay_status assay_instant_parse(struct assay_str s, assay_instant *out) {
    assay_date date;
    if (!parse_civil(s, &date)) return ASSAY_INVALID_TIME;
    if (!char_at(s, 10, 'T') && !char_at(s, 10, 't')) return ASSAY_INVALID_TIME;
    int h = digits_at(s, 11, 2), m = digits_at(s, 14, 2), sec = digits_at(s, 17, 2);
    if (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 || !char_at(s, 13, ':') || !char_at(s, 16, ':'))
        return ASSAY_INVALID_TIME;
    size_t i = 19;
    int64_t micros = 0;
    if (char_at(s, i, '.')) {
        int64_t unit = 100000;
        size_t first = ++i;
        for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, unit /= 10) {
            if (unit == 0) return ASSAY_INVALID_TIME;
            micros += (s.p[i] - '0') * unit;
        }
        if (i == first) return ASSAY_INVALID_TIME;
    }
    if (i == s.n) return ASSAY_MISSING_OFFSET;
    int offset = 0;
    if (char_at(s, i, 'Z') || char_at(s, i, 'z')) {
        i++;
    } else {
        if (!char_at(s, i, '+') && !char_at(s, i, '-')) return ASSAY_INVALID_TIME;
        int oh = digits_at(s, i + 1, 2), om = digits_at(s, i + 4, 2);
        if (oh < 0 || oh > 23 || om < 0 || om > 59 || !char_at(s, i + 3, ':')) return ASSAY_INVALID_TIME;
        offset = (oh * 60 + om) * 60 * (s.p[i] == '-' ? -1 : 1);
        i += 6;
    }
    if (i != s.n) return ASSAY_INVALID_TIME;
    int64_t seconds = (int64_t)date * 86400 + h * 3600 + m * 60 + sec - offset;
    assay_instant t = seconds * ASSAY_SECOND + micros;
    if (t < ASSAY_INSTANT_MIN || t >= ASSAY_INSTANT_MAX) return ASSAY_OUT_OF_RANGE;
    *out = t;
    return ASSAY_OK;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static char *put2(char *p, int v) {
    *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

/* Local wall clock of t at an offset, without the offset; returns the end. Written by hand: replies hold many. */
static char *format_local(assay_instant t, int offset, char *p) {
    int64_t local = t + (int64_t)offset * ASSAY_SECOND;
    int64_t seconds = floor_div(local, ASSAY_SECOND);
    int micros = (int)(local - seconds * ASSAY_SECOND);
    int64_t days = floor_div(seconds, 86400);
    int sod = (int)(seconds - days * 86400);
    int y, m, d;
    assay_date_to_civil((assay_date)days, &y, &m, &d);
    p = put2(p, y / 100);
    p = put2(p, y % 100);
    *p++ = '-';
    p = put2(p, m);
    *p++ = '-';
    p = put2(p, d);
    *p++ = 'T';
    p = put2(p, sod / 3600);
    *p++ = ':';
    p = put2(p, sod / 60 % 60);
    *p++ = ':';
    p = put2(p, sod % 60);
    if (micros) {
        *p++ = '.';
        for (int unit = 100000; micros; unit /= 10) {
            *p++ = (char)('0' + micros / unit);
            micros %= unit;
        }
    }
    return p;
}

void assay_instant_format(assay_instant t, char out[ASSAY_INSTANT_TEXT]) {
    char *p = format_local(t, 0, out);
    *p++ = 'Z';
    *p = '\0';
}

void assay_instant_format_at(assay_instant t, int offset_seconds, char out[ASSAY_INSTANT_TEXT]) {
    char *p = format_local(t, offset_seconds, out);
    int a = offset_seconds < 0 ? -offset_seconds : offset_seconds;
    *p++ = offset_seconds < 0 ? '-' : '+';
    p = put2(p, a / 3600);
    *p++ = ':';
    p = put2(p, a / 60 % 60);
    *p = '\0';
}

assay_month assay_date_month(assay_date d) {
    int y, m, day;
    assay_date_to_civil(d, &y, &m, &day);
    return assay_month_of(y, m);
}

assay_date assay_month_first(assay_month m) { return assay_date_from_civil(m / 12, m % 12 + 1, 1); }

enum assay_status assay_month_parse(struct assay_str s, assay_month *out) {
    int y = digits_at(s, 0, 4), m = digits_at(s, 5, 2);
    if (s.n != 7 || !char_at(s, 4, '-') || y < 1970 || y > 2099 || m < 1 || m > 12) return ASSAY_INVALID_VALUE;
    *out = assay_month_of(y, m);
    return ASSAY_OK;
}

void assay_month_format(assay_month m, char out[ASSAY_DATE_TEXT]) {
    snprintf(out, ASSAY_DATE_TEXT, "%04d-%02d", m / 12 % 10000, m % 12 + 1);
}

assay_instant assay_clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * ASSAY_SECOND + t.tv_nsec / 1000;
}

int64_t assay_clock_monotonic_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * ASSAY_SECOND + t.tv_nsec / 1000;
}
