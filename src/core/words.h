/* words.h -- a verdict in words (explain.c's other half). Internal to core. */
#ifndef ASSAY_CORE_WORDS_H
#define ASSAY_CORE_WORDS_H

#include "assay/verdict.h"

/* Sets out->text_en and text_zh, in the arena: paragraphs set apart by newlines. v is of an order that exists. */
void assay_words_tell(const struct assay_order *o, const struct assay_verdict *v, struct assay_arena *a,
                      struct assay_explanation *out);

#endif
