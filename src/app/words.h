/* words.h -- the contract's words and instants as people of either language read them on a terminal. */
#ifndef ASSAY_APP_WORDS_H
#define ASSAY_APP_WORDS_H

#include "app/cli.h"
#include "assay/json_view.h"

#define ASSAY_LANG_OPTION \
    { "lang", "LANGUAGE", "that of LANG", NULL, "en zh", "the language of the answer" }
/* By --lang, else by the environment. */
bool assay_words_chinese(const struct assay_cli *cli, size_t lang_option);

/* A word of the API ("missed", "walk_in", "of_the_cycle") for people; a word that is not known stands as it is. */
const char *assay_words_of(const char *word, bool chinese);
/* The string member's word; "-" where there is none. */
const char *assay_words_member(const struct assay_json_view *object, const char *key, bool chinese);

/* An instant in this machine's time zone, to the minute (or second where it has any): "2001-02-05 09:20 +08:00". "-" where
 * there is none. */
void assay_words_instant(const struct assay_json_view *object, const char *key, struct assay_buf *out);
/* "2 h 30 min" of the seconds; "-" where there are none. */
void assay_words_duration(const struct assay_json_view *object, const char *key, bool chinese, struct assay_buf *out);

#endif
