/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merging by scores: two neighbours merge when both together are a piece. It knows no special
 * tokens and adds no spaces. Source: Kudo and Richardson 2018 (arXiv 1808.06226). */
#include "engine/text/spm.h"

#include "engine/text/marks.h"
#include "engine/text/utf8.h"

struct _TextSpm {
  TextSpmVocabulary vocabulary;
  uint32_t *ranks;      /* [n_tokens]: the better the score, the lower; equal ones are equal */
  size_t longest_bytes; /* of a token */
  gboolean part_words;
};

static int
compare_scores (gconstpointer a, gconstpointer b, gpointer data)
{
  const float *scores = data;
  float x = scores[*(const uint32_t *) a], y = scores[*(const uint32_t *) b];

  return (x < y) - (x > y);
}

/* Scores are finite. */
static uint32_t *
rank (const float *scores, uint32_t n)
{
  uint32_t *ranks = g_new0 (uint32_t, n);
  g_autoptr (GArray) order = g_array_sized_new (FALSE, FALSE, sizeof (uint32_t), n);

  if (scores == NULL)
    return ranks;
  for (uint32_t i = 0; i < n; i++)
    g_array_append_val (order, i);
  g_array_sort_with_data (order, compare_scores, (gpointer) scores);
  for (uint32_t i = 1; i < n; i++) {
    uint32_t id = g_array_index (order, uint32_t, i);
    uint32_t before = g_array_index (order, uint32_t, i - 1);

    ranks[id] = scores[id] < scores[before] ? i : ranks[before];
  }
  return ranks;
}

TextSpm *
text_spm_new (const TextSpmVocabulary *vocabulary)
{
  TextSpm *spm = g_new0 (TextSpm, 1);

  spm->vocabulary = *vocabulary;
  spm->ranks = rank (vocabulary->scores, vocabulary->n_tokens);
  spm->vocabulary.scores = NULL; /* the caller's */
  for (uint32_t i = 0; i < vocabulary->n_tokens; i++) {
    size_t n;

    text_strings_get (vocabulary->symbols, i, &n);
    spm->longest_bytes = MAX (spm->longest_bytes, n);
  }
  spm->part_words = text_marks_part_words (vocabulary->symbols);
  return spm;
}

void
text_spm_free (TextSpm *spm)
{
  if (spm == NULL)
    return;
  g_free (spm->ranks);
  g_free (spm);
}

/* ---- one text ------------------------------------------------------------------------- */

typedef struct {
  const TextSpm *spm;
  const char *text;
} Word;

static gboolean
find_merge (gconstpointer data, const TextMergePart *left, const TextMergePart *right,
            TextMerge *merge)
{
  const Word *word = data;
  size_t bytes = (size_t) left->bytes + right->bytes;

  if (bytes > word->spm->longest_bytes)
    return FALSE;
  merge->id = text_strings_find (word->spm->vocabulary.symbols, word->text + left->begin, bytes);
  if (merge->id == TEXT_STRINGS_NONE)
    return FALSE;
  merge->rank = word->spm->ranks[merge->id];
  return TRUE;
}

/* Appends what stands for a character that is no piece. first: where this text's tokens begin. */
static void
append_unknown (const TextSpm *spm, const char *bytes, size_t n, guint first, GArray *tokens)
{
  const TextSpmVocabulary *vocabulary = &spm->vocabulary;
  gboolean has_bytes = TRUE;

  for (size_t i = 0; i < n; i++)
    has_bytes &= vocabulary->byte_tokens[(guchar) bytes[i]] >= 0;
  if (has_bytes) {
    for (size_t i = 0; i < n; i++)
      g_array_append_val (tokens, vocabulary->byte_tokens[(guchar) bytes[i]]);
  } else if (vocabulary->unknown >= 0 &&
             (tokens->len == first ||
              g_array_index (tokens, int32_t, tokens->len - 1) != vocabulary->unknown)) {
    g_array_append_val (tokens, vocabulary->unknown);
  }
}

/* first: where this text's tokens begin. */
static void
encode_word (const TextSpm *spm, const char *text, size_t n, guint first,
             TextMergeScratch *scratch, GArray *tokens)
{
  Word word = { spm, text };

  text_merge_begin (scratch, n);
  for (size_t i = 0; i < n;) {
    int whole = text_utf8_character_bytes (text + i, n - i);
    uint32_t bytes = whole > 0 ? (uint32_t) whole : 1;

    text_merge_add (scratch, text_strings_find (spm->vocabulary.symbols, text + i, bytes), bytes);
    i += bytes;
  }
  text_merge_all (scratch, find_merge, &word);
  for (int32_t i = n > 0 ? 0 : -1; i >= 0; i = scratch->parts[i].next) {
    const TextMergePart *part = &scratch->parts[i];

    if (part->id < spm->vocabulary.n_tokens) {
      int32_t token = (int32_t) part->id;

      g_array_append_val (tokens, token);
    } else {
      append_unknown (spm, text + part->begin, part->bytes, first, tokens);
    }
  }
}

void
text_spm_encode (const TextSpm *spm, const char *text, size_t n, TextMergeScratch *scratch,
                 GArray *tokens)
{
  guint first = tokens->len;

  for (size_t bytes; n > 0; text += bytes, n -= bytes) {
    bytes = text_marks_word_bytes (spm->part_words, text, n);
    encode_word (spm, text, bytes, first, scratch, tokens);
  }
}
