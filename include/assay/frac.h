/* frac.h -- exact arithmetic: checked integers, fractions of 64-bit integers, decimals.
 *
 * Rates, scores and multipliers are fractions until they are shown; money is integers of the minor unit. Products go
 * through __int128 and results are reduced; what does not fit after reduction is ASSAY_OVERFLOW, never wrapped. */
#ifndef ASSAY_FRAC_H
#define ASSAY_FRAC_H

#include <stdint.h>

#include "assay/str.h"

/* num/den, den > 0, lowest terms (functions here return it so; {0, 1} is zero). */
struct assay_frac {
    int64_t num, den;
};
#define ASSAY_FRAC_ZERO ((struct assay_frac){0, 1})
#define ASSAY_FRAC_ONE ((struct assay_frac){1, 1})

enum assay_status assay_frac_make(int64_t num, int64_t den, struct assay_frac *out) ASSAY_MUST_CHECK; /* den != 0 */
enum assay_status assay_frac_add(struct assay_frac a, struct assay_frac b, struct assay_frac *out) ASSAY_MUST_CHECK;
enum assay_status assay_frac_sub(struct assay_frac a, struct assay_frac b, struct assay_frac *out) ASSAY_MUST_CHECK;
enum assay_status assay_frac_mul(struct assay_frac a, struct assay_frac b, struct assay_frac *out) ASSAY_MUST_CHECK;
enum assay_status assay_frac_div(struct assay_frac a, struct assay_frac b, struct assay_frac *out) ASSAY_MUST_CHECK; /* b != 0 */
int assay_frac_cmp(struct assay_frac a, struct assay_frac b); /* exact, cannot overflow */

/* A decimal string ("0.95", "-3", "1/3" is not one): optional sign, digits, optional point and digits, at most 18
 * digits in all, nothing else. ASSAY_INVALID_VALUE otherwise. */
enum assay_status assay_frac_parse(struct assay_str s, struct assay_frac *out) ASSAY_MUST_CHECK;

/* Shown: `digits` (0..6) decimals, rounded half away from zero: "0.9500". */
#define ASSAY_FRAC_TEXT 48
void assay_frac_format(struct assay_frac f, int digits, char out[ASSAY_FRAC_TEXT]);

/* amount (minor units) x f, rounded half up to the minor unit. */
enum assay_status assay_money_mul(int64_t amount, struct assay_frac f, int64_t *out) ASSAY_MUST_CHECK;
/* 123450 with 2 digits -> "1234.50". */
void assay_money_format(int64_t amount, int minor_digits, char out[ASSAY_FRAC_TEXT]);
/* "1234.5" with 2 digits -> 123450; more decimals than the currency has is ASSAY_INVALID_VALUE. */
enum assay_status assay_money_parse(struct assay_str s, int minor_digits, int64_t *out) ASSAY_MUST_CHECK;
/* Minor digits of an ISO 4217 code (CNY 2, JPY 0, KWD 3); -1 where the code is not one. */
int assay_currency_digits(struct assay_str code);

#endif
