/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Italian and English as far as search needs them: tables of function words and endings. It must
 * not know how words are ranked. */
#include "app/retrieval/bottega-language.h"

#include <stdlib.h>
#include <string.h>

#define MAX_WORDS_LOOKED_AT 400
#define MIN_STEM            4

/* In order of bytes. */
static const char *const italian[] = {
  "a",
  "abbia",
  "abbiamo",
  "abbiano",
  "ad",
  "agli",
  "ai",
  "al",
  "alla",
  "alle",
  "allo",
  "anche",
  "ancora",
  "avere",
  "aveva",
  "avevano",
  "avuto",
  "c",
  "che",
  "chi",
  "ci",
  "cioe",
  "circa",
  "come",
  "con",
  "contro",
  "cosa",
  "cosi",
  "cui",
  "da",
  "dagli",
  "dai",
  "dal",
  "dalla",
  "dalle",
  "dallo",
  "degli",
  "dei",
  "del",
  "dell",
  "della",
  "delle",
  "dello",
  "dentro",
  "deve",
  "devo",
  "devono",
  "di",
  "dopo",
  "dove",
  "dovrebbe",
  "dunque",
  "e",
  "ed",
  "era",
  "erano",
  "essere",
  "fa",
  "faccio",
  "fai",
  "fanno",
  "far",
  "fare",
  "fatto",
  "fino",
  "fra",
  "gli",
  "ha",
  "hai",
  "hanno",
  "ho",
  "i",
  "il",
  "in",
  "io",
  "l",
  "la",
  "le",
  "lei",
  "li",
  "lo",
  "loro",
  "lui",
  "ma",
  "me",
  "mi",
  "mia",
  "mie",
  "miei",
  "mio",
  "molto",
  "ne",
  "negli",
  "nei",
  "nel",
  "nella",
  "nelle",
  "nello",
  "no",
  "noi",
  "non",
  "nostra",
  "nostro",
  "o",
  "ogni",
  "oppure",
  "per",
  "perche",
  "pero",
  "piu",
  "po",
  "poi",
  "possa",
  "possano",
  "possiamo",
  "posso",
  "possono",
  "prima",
  "puo",
  "qual",
  "quale",
  "quali",
  "quando",
  "quanta",
  "quante",
  "quanti",
  "quanto",
  "quella",
  "quelle",
  "quelli",
  "quello",
  "questa",
  "queste",
  "questi",
  "questo",
  "qui",
  "sara",
  "se",
  "sei",
  "senza",
  "si",
  "sia",
  "siamo",
  "siano",
  "sono",
  "sopra",
  "sotto",
  "sta",
  "stata",
  "state",
  "stati",
  "stato",
  "su",
  "sua",
  "sue",
  "sugli",
  "sui",
  "sul",
  "sulla",
  "sulle",
  "sullo",
  "suo",
  "suoi",
  "te",
  "ti",
  "tra",
  "troppo",
  "tua",
  "tuo",
  "tutta",
  "tutte",
  "tutti",
  "tutto",
  "un",
  "una",
  "uno",
  "va",
  "vado",
  "vai",
  "vanno",
  "vi",
  "voglio",
  "vorrei",
};

static const char *const english[] = {
  "a",
  "about",
  "after",
  "again",
  "all",
  "also",
  "am",
  "an",
  "and",
  "any",
  "are",
  "as",
  "at",
  "be",
  "because",
  "been",
  "before",
  "being",
  "between",
  "both",
  "but",
  "by",
  "can",
  "cannot",
  "could",
  "d",
  "did",
  "do",
  "does",
  "doing",
  "don",
  "down",
  "during",
  "each",
  "few",
  "for",
  "from",
  "further",
  "get",
  "gets",
  "got",
  "had",
  "has",
  "have",
  "having",
  "he",
  "her",
  "here",
  "hers",
  "him",
  "his",
  "how",
  "i",
  "if",
  "in",
  "into",
  "is",
  "it",
  "its",
  "itself",
  "just",
  "let",
  "ll",
  "may",
  "me",
  "might",
  "more",
  "most",
  "must",
  "my",
  "no",
  "nor",
  "not",
  "now",
  "of",
  "off",
  "on",
  "once",
  "only",
  "or",
  "other",
  "our",
  "out",
  "over",
  "own",
  "s",
  "same",
  "shall",
  "she",
  "should",
  "so",
  "some",
  "such",
  "t",
  "than",
  "that",
  "the",
  "their",
  "them",
  "then",
  "there",
  "these",
  "they",
  "this",
  "those",
  "through",
  "to",
  "too",
  "under",
  "until",
  "up",
  "us",
  "use",
  "used",
  "using",
  "very",
  "was",
  "we",
  "were",
  "what",
  "when",
  "where",
  "which",
  "while",
  "who",
  "whom",
  "whose",
  "why",
  "will",
  "with",
  "would",
  "you",
  "your",
};

static const struct {
  const char *code;
  const char *const *words;
  guint n_words;
} languages[BOTTEGA_N_LANGUAGES] = {
  [BOTTEGA_LANGUAGE_ITALIAN] = { "it", italian, G_N_ELEMENTS (italian) },
  [BOTTEGA_LANGUAGE_ENGLISH] = { "en", english, G_N_ELEMENTS (english) },
};

/* Longer endings first. stem: bytes that must remain. */
typedef struct {
  const char *ending;
  guint stem;
} Ending;

static const Ending italian_endings[] = {
  { "amente", 4 },
  { "issimo", 4 },
  { "issima", 4 },
  { "zioni", 4 },
  { "zione", 4 },
  { "menti", 5 },
  { "mento", 5 },
  { "ando", 4 },
  { "endo", 4 },
  { "ato", 4 },
  { "ata", 4 },
  { "ati", 4 },
  { "ate", 4 },
  { "ito", 4 },
  { "ita", 4 },
  { "iti", 4 },
  { "ite", 4 },
  { "uto", 4 },
  { "uta", 4 },
  { "uti", 4 },
  { "ute", 4 },
  { "are", 4 },
  { "ere", 4 },
  { "ire", 4 },
  { "ano", 4 },
  { "ono", 4 },
  { "o", 3 },
  { "a", 3 },
  { "i", 3 },
  { "e", 3 },
  { NULL, 0 },
};
static const Ending english_endings[] = {
  { "ies", 2 },
  { "ing", 4 },
  { "ed", 4 },
  { "es", 3 },
  { "ly", 4 },
  { "s", 3 },
  { "e", 4 },
  { NULL, 0 },
};
static const Ending *const endings[BOTTEGA_N_LANGUAGES] = {
  [BOTTEGA_LANGUAGE_ITALIAN] = italian_endings,
  [BOTTEGA_LANGUAGE_ENGLISH] = english_endings,
};

const char *
bottega_language_code (BottegaLanguage language)
{
  return (guint) language < BOTTEGA_N_LANGUAGES ? languages[language].code : NULL;
}

BottegaLanguage
bottega_language_from_code (const char *code)
{
  if (code == NULL)
    return BOTTEGA_LANGUAGE_UNKNOWN;

  for (guint i = BOTTEGA_LANGUAGE_UNKNOWN + 1; i < BOTTEGA_N_LANGUAGES; i++)
    if (g_ascii_strncasecmp (code, languages[i].code, 2) == 0 && !g_ascii_isalnum (code[2]))
      return i;

  return BOTTEGA_LANGUAGE_UNKNOWN;
}

static int
compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp (a, *(const char *const *) b);
}

static gboolean
is_of (BottegaLanguage language, const char *word)
{
  return bsearch (word, languages[language].words, languages[language].n_words, sizeof (char *),
                  compare_words) != NULL;
}

gboolean
bottega_language_is_stop_word (const char *word)
{
  return is_of (BOTTEGA_LANGUAGE_ITALIAN, word) || is_of (BOTTEGA_LANGUAGE_ENGLISH, word);
}

/* ---- words ---- */

/* The letter without its accent, in small; 0: it is an accent itself. */
static gunichar
fold (gunichar c)
{
  gunichar base[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];

  if (g_unichar_ismark (c))
    return 0;
  if (c >= 0x80 && g_unichar_fully_decompose (c, FALSE, base, G_N_ELEMENTS (base)) > 1)
    c = base[0];

  return g_unichar_tolower (c);
}

/* Calls for each word, at most n_most; the buffer is the function's own. */
static void
each_word (const char *text,
           gssize n_bytes,
           guint n_most,
           void (*func) (const char *word, gpointer data),
           gpointer data)
{
  const char *end = text + (n_bytes < 0 ? (gssize) strlen (text) : n_bytes);
  g_autoptr (GString) word = g_string_new (NULL);

  for (guint n = 0; n < n_most && text <= end;) {
    gunichar c = text < end ? g_utf8_get_char_validated (text, end - text) : ' ';
    gboolean valid = c != (gunichar) -1 && c != (gunichar) -2;

    if (valid && (g_unichar_isalnum (c) || (g_unichar_ismark (c) && word->len > 0))) {
      gunichar folded = fold (c);

      if (folded != 0)
        g_string_append_unichar (word, folded);
    } else if (word->len > 0) {
      func (word->str, data);
      g_string_truncate (word, 0);
      n++;
    }
    text = valid && text < end ? g_utf8_next_char (text) : text + 1;
  }
}

static void
add_word (const char *word, gpointer data)
{
  g_ptr_array_add (data, g_strdup (word));
}

GPtrArray *
bottega_language_words (const char *text, gssize n_bytes)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);

  each_word (text, n_bytes, G_MAXUINT, add_word, words);

  return words;
}

/* ---- language ---- */

typedef struct {
  guint n_words, of[BOTTEGA_N_LANGUAGES];
} Census;

/* A word of both languages says nothing. */
static void
count_word (const char *word, gpointer data)
{
  Census *census = data;
  gboolean it = is_of (BOTTEGA_LANGUAGE_ITALIAN, word);
  gboolean en = is_of (BOTTEGA_LANGUAGE_ENGLISH, word);

  census->n_words++;
  if (it != en)
    census->of[it ? BOTTEGA_LANGUAGE_ITALIAN : BOTTEGA_LANGUAGE_ENGLISH]++;
}

BottegaLanguage
bottega_language_detect (const char *text, gssize n_bytes)
{
  Census census = { 0 };
  guint it, en;

  each_word (text, n_bytes, MAX_WORDS_LOOKED_AT, count_word, &census);
  it = census.of[BOTTEGA_LANGUAGE_ITALIAN];
  en = census.of[BOTTEGA_LANGUAGE_ENGLISH];
  /* A third or more of running text is such words; of code or another language, far fewer. */
  if (it == en || MAX (it, en) * 6 < census.n_words)
    return BOTTEGA_LANGUAGE_UNKNOWN;

  return it > en ? BOTTEGA_LANGUAGE_ITALIAN : BOTTEGA_LANGUAGE_ENGLISH;
}

/* ---- stems ---- */

/* "running", "stopped": the doubled letter is of the ending. */
static gsize
undouble (const char *word, gsize stem, const char *ending)
{
  if (strcmp (ending, "ing") != 0 && strcmp (ending, "ed") != 0)
    return stem;
  if (word[stem - 1] != word[stem - 2] || strchr ("ls", word[stem - 1]) != NULL)
    return stem;

  return stem - 1;
}

gsize
bottega_language_stem (const char *word, BottegaLanguage language)
{
  gsize n = strlen (word);
  const Ending *ending = (guint) language < BOTTEGA_N_LANGUAGES ? endings[language] : NULL;

  if (ending == NULL || n <= MIN_STEM || strpbrk (word, "0123456789") != NULL)
    return n;

  for (; ending->ending != NULL; ending++) {
    if (n < strlen (ending->ending) + ending->stem || !g_str_has_suffix (word, ending->ending))
      continue;
    if (strcmp (ending->ending, "s") == 0 && word[n - 2] == 's')
      continue;
    return undouble (word, n - strlen (ending->ending), ending->ending);
  }

  return n;
}
