/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names that a question is about: what is written with a capital inside of a sentence, in mixed
 * case, or with figures among letters (Oracle, WireGuard, S3). Where no passage has the name, none
 * answers, however near it is in matter; and names stay what they are in another language. It must
 * not know how sure that makes the search. */
#include "app/retrieval/bottega-search-private.h"

#include <string.h>

/* A name of this many bytes may go on ("German" for Germania), and no more of it is compared. */
#define OPEN_BYTES 4
#define MOST_BYTES 6
#define MOST_NAMES 8

/* Written with a capital in English and translated altogether: no names for this purpose. In the
 * form of bottega_language_words (). */
static const char *const ordinary[] = {
  "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january",
  "february", "march", "april", "may", "june", "july", "august", "september", "october",
  "november", "december", "english", "french", "german", "dutch", "spanish", "greek", "swiss",
  "chinese", "japanese", "christmas", "easter"
};

static gboolean
is_ordinary (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (ordinary); i++)
    if (strcmp (word, ordinary[i]) == 0)
      return TRUE;

  return FALSE;
}

/* How a word is written. */
typedef enum {
  WRITTEN_SMALL,
  WRITTEN_CAPITAL, /* the first letter alone */
  WRITTEN_MIXED,   /* capitals further in, or figures among letters */
} Writing;

static Writing
writing_of (const char *begin, const char *end)
{
  gboolean capital = FALSE, inner = FALSE, letters = FALSE, figures = FALSE;

  for (const char *p = begin; p < end; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    capital |= p == begin && g_unichar_isupper (c);
    inner |= p > begin && g_unichar_isupper (c);
    letters |= g_unichar_isalpha (c);
    figures |= g_unichar_isdigit (c);
  }
  if (inner || (letters && figures))
    return WRITTEN_MIXED;

  return capital ? WRITTEN_CAPITAL : WRITTEN_SMALL;
}

typedef struct {
  const char *begin, *end;
  Writing writing;
  gboolean opens; /* a sentence: its capital says nothing */
} Word;

static gboolean
is_inner (gunichar c)
{
  return g_unichar_isalnum (c) || g_unichar_ismark (c);
}

static GArray *
split (const char *question)
{
  GArray *words = g_array_new (FALSE, FALSE, sizeof (Word));
  const char *p = question;
  gboolean opens = TRUE;

  while (*p != '\0') {
    Word word = { .begin = p, .opens = opens };
    gunichar c = g_utf8_get_char (p);

    while (*p != '\0' && is_inner (g_utf8_get_char (p)))
      p = g_utf8_next_char (p);
    if (p == word.begin) {
      opens |= c == '.' || c == '!' || c == '?' || c == ':' || c == '\n';
      p = g_utf8_next_char (p);
      continue;
    }
    word.end = p;
    word.writing = writing_of (word.begin, word.end);
    opens = FALSE;
    g_array_append_val (words, word);
  }

  return words;
}

/* In a heading, or where everything is in capitals, they tell nothing. */
static gboolean
capitals_tell (const GArray *words)
{
  guint n = 0, n_capital = 0;

  for (guint i = 0; i < words->len; i++) {
    const Word *word = &g_array_index (words, Word, i);

    if (word->opens || word->end - word->begin < 2)
      continue;
    n++;
    n_capital += word->writing != WRITTEN_SMALL;
  }

  return n <= 2 || n_capital * 2 <= n;
}

GPtrArray *
bottega_names_new (const char *question, BottegaLanguage language)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) words = split (question);
  gboolean tell = capitals_tell (words);

  for (guint i = 0; i < words->len && names->len < MOST_NAMES; i++) {
    const Word *word = &g_array_index (words, Word, i);
    g_autoptr (GPtrArray) folded = NULL;

    /* In German, say, every noun has a capital. */
    if (word->end - word->begin < 2 || word->writing == WRITTEN_SMALL || !tell ||
        (word->writing == WRITTEN_CAPITAL &&
         (word->opens || language == BOTTEGA_LANGUAGE_UNKNOWN)))
      continue;
    folded = bottega_language_words (word->begin, word->end - word->begin);
    for (guint f = 0; f < folded->len; f++) {
      const char *name = folded->pdata[f];

      if (!is_ordinary (name) && !bottega_language_is_stop_word (name))
        g_ptr_array_add (names, g_strdup (name));
    }
  }

  return names;
}

static gboolean
is_name (const char *name, const char *word)
{
  gsize n = strlen (name);

  if (n < OPEN_BYTES)
    return strcmp (name, word) == 0;

  return strncmp (name, word, MIN (n, MOST_BYTES)) == 0;
}

double
bottega_names_missing (const GPtrArray *names, const char *const *texts, guint n_texts)
{
  gboolean found[2 * MOST_NAMES] = { FALSE };
  guint n = MIN (names->len, G_N_ELEMENTS (found)), missing = 0;

  if (n == 0)
    return 0;
  for (guint t = 0; t < n_texts; t++) {
    g_autoptr (GPtrArray) words =
        texts[t] != NULL ? bottega_language_words (texts[t], -1) : g_ptr_array_new ();

    for (guint w = 0; w < words->len; w++)
      for (guint i = 0; i < n; i++)
        found[i] |= is_name (names->pdata[i], words->pdata[w]);
  }
  for (guint i = 0; i < n; i++)
    missing += !found[i];

  return (double) missing / n;
}
