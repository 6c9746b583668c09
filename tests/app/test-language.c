/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Languages, words and stems of app/retrieval/bottega-language. Knows nothing of the index. */
#include "app/retrieval/bottega-language.h"

#include <string.h>

static void
test_detect (void)
{
  static const struct {
    const char *text;
    BottegaLanguage language;
  } cases[] = {
    { "Quando può aumentare l'affitto il proprietario?", BOTTEGA_LANGUAGE_ITALIAN },
    { "When may the landlord raise the rent?", BOTTEGA_LANGUAGE_ENGLISH },
    { "Il conduttore deve pagare entro i primi cinque giorni di ogni mese.",
      BOTTEGA_LANGUAGE_ITALIAN },
    { "perché è così?", BOTTEGA_LANGUAGE_ITALIAN },
    { "perche\u0301 e\u0300 cosi\u0300", BOTTEGA_LANGUAGE_ITALIAN },
    { "Der Mieter zahlt die Miete am ersten Tag eines jeden Monats an den Vermieter.",
      BOTTEGA_LANGUAGE_UNKNOWN },
    { "int x = y[0] + 12; return x;", BOTTEGA_LANGUAGE_UNKNOWN },
    { "", BOTTEGA_LANGUAGE_UNKNOWN },
    { "\xff\xfe no \xc3", BOTTEGA_LANGUAGE_UNKNOWN },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s", cases[i].text);
    g_assert_cmpint (bottega_language_detect (cases[i].text, -1), ==, cases[i].language);
  }
  g_assert_cmpint (bottega_language_detect ("the rent and the landlord è", 19), ==,
                   BOTTEGA_LANGUAGE_ENGLISH);
}

static void
test_codes (void)
{
  g_assert_cmpint (bottega_language_from_code ("it"), ==, BOTTEGA_LANGUAGE_ITALIAN);
  g_assert_cmpint (bottega_language_from_code ("IT_it"), ==, BOTTEGA_LANGUAGE_ITALIAN);
  g_assert_cmpint (bottega_language_from_code ("en-GB"), ==, BOTTEGA_LANGUAGE_ENGLISH);
  g_assert_cmpint (bottega_language_from_code ("ita"), ==, BOTTEGA_LANGUAGE_UNKNOWN);
  g_assert_cmpint (bottega_language_from_code (""), ==, BOTTEGA_LANGUAGE_UNKNOWN);
  g_assert_cmpint (bottega_language_from_code (NULL), ==, BOTTEGA_LANGUAGE_UNKNOWN);
  g_assert_cmpstr (bottega_language_code (BOTTEGA_LANGUAGE_ENGLISH), ==, "en");
  g_assert_null (bottega_language_code (BOTTEGA_LANGUAGE_UNKNOWN));
}

static void
test_words (void)
{
  g_autoptr (GPtrArray) words = bottega_language_words ("L'Età è 3.5 — Più_VOLTE, CAFE\u0301!", -1);
  static const char *const expected[] = { "l", "eta", "e", "3", "5", "piu", "volte", "cafe" };

  g_assert_cmpuint (words->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < words->len; i++)
    g_assert_cmpstr (g_ptr_array_index (words, i), ==, expected[i]);
  g_assert_true (bottega_language_is_stop_word ("perche"));
  g_assert_true (bottega_language_is_stop_word ("where"));
  g_assert_false (bottega_language_is_stop_word ("affitto"));
}

static void
test_stems (void)
{
  static const struct {
    const char *word, *stem;
    BottegaLanguage language;
  } cases[] = {
    { "documenti", "document", BOTTEGA_LANGUAGE_ITALIAN },
    { "documento", "document", BOTTEGA_LANGUAGE_ITALIAN },
    { "cancellare", "cancell", BOTTEGA_LANGUAGE_ITALIAN },
    { "cancellato", "cancell", BOTTEGA_LANGUAGE_ITALIAN },
    { "casa", "casa", BOTTEGA_LANGUAGE_ITALIAN },
    { "ipv6e", "ipv6e", BOTTEGA_LANGUAGE_ITALIAN },
    { "landlords", "landlord", BOTTEGA_LANGUAGE_ENGLISH },
    { "policies", "polic", BOTTEGA_LANGUAGE_ENGLISH },
    { "stopped", "stop", BOTTEGA_LANGUAGE_ENGLISH },
    { "installing", "install", BOTTEGA_LANGUAGE_ENGLISH },
    { "process", "process", BOTTEGA_LANGUAGE_ENGLISH },
    { "documenti", "documenti", BOTTEGA_LANGUAGE_UNKNOWN },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *stem =
        g_strndup (cases[i].word, bottega_language_stem (cases[i].word, cases[i].language));

    g_assert_cmpstr (stem, ==, cases[i].stem);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/language/detect", test_detect);
  g_test_add_func ("/language/codes", test_codes);
  g_test_add_func ("/language/words", test_words);
  g_test_add_func ("/language/stems", test_stems);

  return g_test_run ();
}
