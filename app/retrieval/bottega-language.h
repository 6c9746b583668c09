/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What search knows of Italian and English: which of them a text is in, words that say nothing of
 * their own, and where a word's ending begins. Folds text as FTS5's unicode61 tokenizer does with
 * remove_diacritics 2, so that its words are those of the index.
 *
 * Pure functions; any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_LANGUAGE_UNKNOWN, /* another one, too little text, or as much of one as of the other */
  BOTTEGA_LANGUAGE_ITALIAN,
  BOTTEGA_LANGUAGE_ENGLISH,
  BOTTEGA_N_LANGUAGES,
} BottegaLanguage;

/* "it", "en"; NULL for UNKNOWN. */
const char *bottega_language_code (BottegaLanguage language);
/* "it", "it-IT", "IT_it" …; code may be NULL. */
BottegaLanguage bottega_language_from_code (const char *code);
/* n_bytes -1: NUL-terminated. Looks at the first few hundred words. */
BottegaLanguage bottega_language_detect (const char *text, gssize n_bytes);

/* The words of a text in order, in small letters without accents; GPtrArray of char *. */
GPtrArray *bottega_language_words (const char *text, gssize n_bytes);
/* word: as from bottega_language_words (). In either language: questions mix them. */
gboolean bottega_language_is_stop_word (const char *word);
/* How many bytes of a word are its stem: what its other forms begin with as well ("documenti",
 * "documento": "document"). All of it where the language is not known, the word is short, or it
 * has figures. */
gsize bottega_language_stem (const char *word, BottegaLanguage language);

G_END_DECLS
