/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a text, folded so that they can be compared, and which language they are of. For
 * questions and sentences; long texts are for the index.
 *
 * Pure functions; any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_LANGUAGE_ENGLISH,
  BOTTEGA_LANGUAGE_ITALIAN,
  BOTTEGA_N_LANGUAGES,
} BottegaLanguage;

typedef struct {
  char *text;       /* without case and accents; of a number the digits alone: "1200" for 1,200 */
  gsize end;        /* where it ends in what was split, in bytes */
  gboolean number;  /* has a digit */
  gboolean content; /* not one of the words that say nothing by themselves */
} BottegaWord;

/* GArray of BottegaWord; free with g_array_unref. n_bytes -1: NUL-terminated. */
GArray *bottega_words_split (const char *text, gssize n_bytes);

/* Italian when more of its words are, those in “quotation marks” aside; English when in doubt. */
BottegaLanguage bottega_words_language (const char *text);

/* The beginning that forms of one word share ("contratti" and "contratto"), as a length in bytes of
 * its folded text. */
gsize bottega_word_stem_bytes (const BottegaWord *word);

G_END_DECLS
