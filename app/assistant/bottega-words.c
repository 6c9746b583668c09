/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words and languages by small tables. It must not know what they are compared with. */
#include "app/assistant/bottega-words.h"

#include <string.h>

/* Words that tell the two languages apart and carry no content of their own. Folded. */
static const char *const function_words[BOTTEGA_N_LANGUAGES] = {
  [BOTTEGA_LANGUAGE_ENGLISH] =
      " the of and to is are was were be been what which who whom whose when where why how "
      "does do did can could should would will shall may must my your his her its our their "
      "this that these those it they them he she we you i an for with from on at by as about "
      "into than then there have has had not no any some or if but so also much many more "
      "most please tell me says say explain give let us ",
  [BOTTEGA_LANGUAGE_ITALIAN] =
      " il lo la gli le un uno una di del dello della dei degli delle da dal dalla dai dalle "
      "al allo alla ai agli alle nel nello nella nei negli nelle sul sulla sui sulle con per "
      "tra fra e ed o ma che chi cosa quale quali qual quanto quanta quanti quante quando "
      "dove come perche sono sei siamo ho hai ha abbiamo hanno era erano essere avere questo "
      "questa questi queste quello quella quelli quelle mio mia tuo tua suo sua loro si ci ne "
      "mi ti vi non piu anche se posso puo possono devo deve devono fare fa dice dimmi "
      "spiegami ",
};

static gboolean
is_in (const char *words, const char *word)
{
  gsize n = strlen (word);

  for (const char *at = strstr (words, word); at != NULL; at = strstr (at + 1, word))
    if (at[-1] == ' ' && at[n] == ' ')
      return TRUE;

  return FALSE;
}

static void
word_clear (gpointer data)
{
  g_free (((BottegaWord *) data)->text);
}

/* Case and accents away; of a number everything but its digits and letters. */
static char *
fold (const char *start, gsize n_bytes, gboolean number)
{
  g_autofree char *copy = g_strndup (start, n_bytes);
  g_autofree char *lower = g_utf8_casefold (copy, -1);
  g_autofree char *apart = g_utf8_normalize (lower, -1, G_NORMALIZE_ALL);
  GString *folded = g_string_new (NULL);

  for (const char *at = apart; at != NULL && *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);

    if (!g_unichar_ismark (c) && (!number || g_unichar_isalnum (c)))
      g_string_append_unichar (folded, c);
  }

  return g_string_free (folded, FALSE);
}

/* A separator inside a number: 1,200.50 */
static gboolean
joins_digits (const char *at, const char *end, gunichar before)
{
  return (*at == '.' || *at == ',') && g_unichar_isdigit (before) && at + 1 < end &&
         g_ascii_isdigit (at[1]);
}

GArray *
bottega_words_split (const char *text, gssize n_bytes)
{
  GArray *words = g_array_new (FALSE, FALSE, sizeof (BottegaWord));
  const char *end = text + (n_bytes < 0 ? strlen (text) : (gsize) n_bytes);
  const char *at = text;

  g_array_set_clear_func (words, word_clear);
  while (at < end) {
    const char *start = at;
    BottegaWord word = { 0 };
    gunichar c = g_utf8_get_char (at), before = 0;

    while (at < end && (g_unichar_isalnum (c) || g_unichar_ismark (c) ||
                        joins_digits (at, end, before))) {
      word.number |= g_unichar_isdigit (c);
      before = c;
      at = g_utf8_next_char (at);
      c = at < end ? g_utf8_get_char (at) : 0;
    }
    if (at == start) {
      at = g_utf8_next_char (at);
      continue;
    }
    word.text = fold (start, (gsize) (at - start), word.number);
    word.end = (gsize) (at - text);
    word.content = word.number || (strlen (word.text) > 1 &&
                                   !is_in (function_words[0], word.text) &&
                                   !is_in (function_words[1], word.text));
    g_array_append_val (words, word);
  }

  return words;
}

/* Titles and names in quotation marks may be of another language. */
static char *
without_quotations (const char *text)
{
  GString *own = g_string_new (NULL);
  const char *open, *close;

  while ((open = strstr (text, "“")) != NULL && (close = strstr (open, "”")) != NULL) {
    g_string_append_len (own, text, (gssize) (open - text));
    text = close + strlen ("”");
  }
  g_string_append (own, text);

  return g_string_free (own, FALSE);
}

BottegaLanguage
bottega_words_language (const char *text)
{
  g_autofree char *own = without_quotations (text);
  g_autoptr (GArray) words = bottega_words_split (own, -1);
  guint n[BOTTEGA_N_LANGUAGES] = { 0 };

  for (guint i = 0; i < words->len; i++)
    for (guint j = 0; j < BOTTEGA_N_LANGUAGES; j++)
      n[j] += is_in (function_words[j], g_array_index (words, BottegaWord, i).text);
  /* Letters that English lacks decide where the words do not. */
  for (const char *at = own; *at != '\0' && n[0] == n[1]; at = g_utf8_next_char (at))
    n[BOTTEGA_LANGUAGE_ITALIAN] += g_utf8_strchr ("àèéìòù", -1, g_utf8_get_char (at)) != NULL;

  return n[BOTTEGA_LANGUAGE_ITALIAN] > n[BOTTEGA_LANGUAGE_ENGLISH] ? BOTTEGA_LANGUAGE_ITALIAN
                                                                   : BOTTEGA_LANGUAGE_ENGLISH;
}

gsize
bottega_word_stem_bytes (const BottegaWord *word)
{
  gsize n = strlen (word->text);

  return word->number || n <= 4 ? n : MAX (4, n - 2);
}
