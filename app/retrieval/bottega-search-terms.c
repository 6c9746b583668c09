/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A question's words as terms of the word index: function words left out, endings cut, each with
 * the number of chunks that have it. It must not know vectors or how passages are ordered. */
#include "app/retrieval/bottega-search-private.h"

#include <math.h>
#include <string.h>

#define MOST_TERMS     16
#define MIN_OPEN_BYTES 4
/* A term in more than one chunk of so many is left out where a rarer one is there: ranking all of
 * those rows costs more than the term tells. */
#define COMMON_SHARE 20
#define SMALL_INDEX  2000

static const char sql_count[] =
    "SELECT ifnull (sum (doc), 0) FROM chunk_vocabulary WHERE term >= ?1 AND term < ?2";

static void
clear_term (gpointer data)
{
  g_free (((BottegaTerm *) data)->stem);
}

void
bottega_terms_free (BottegaTerms *terms)
{
  if (terms == NULL)
    return;
  g_array_unref (terms->terms);
  g_free (terms);
}

static gboolean
has_stem (const GArray *terms, const char *stem)
{
  for (guint i = 0; i < terms->len; i++)
    if (strcmp (g_array_index (terms, BottegaTerm, i).stem, stem) == 0)
      return TRUE;

  return FALSE;
}

/* A few words may be of no language that is known: the shorter stem of both then. */
static gsize
stem_of (const char *word, BottegaLanguage language)
{
  if (language != BOTTEGA_LANGUAGE_UNKNOWN)
    return bottega_language_stem (word, language);

  return MIN (bottega_language_stem (word, BOTTEGA_LANGUAGE_ITALIAN),
              bottega_language_stem (word, BOTTEGA_LANGUAGE_ENGLISH));
}

/* Function words only where there is nothing else. */
static void
collect (BottegaTerms *self, const GPtrArray *words, gboolean stop_words)
{
  for (guint i = 0; i < words->len && self->terms->len < MOST_TERMS; i++) {
    const char *word = g_ptr_array_index (words, i);
    g_autofree char *stem = NULL;
    BottegaTerm term = { 0 };

    if (!stop_words && bottega_language_is_stop_word (word))
      continue;
    stem = g_strndup (word, stem_of (word, self->language));
    if (has_stem (self->terms, stem))
      continue;
    term.open = strlen (stem) >= MIN_OPEN_BYTES;
    term.stem = g_steal_pointer (&stem);
    g_array_append_val (self->terms, term);
  }
}

static gboolean
count_term (BottegaDatabase *db, BottegaTerm *term, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_count, error);
  g_autofree char *end = NULL;
  int result;

  if (statement == NULL)
    return FALSE;
  /* The first string after all that begin with the stem; after the stem alone. */
  end = g_strconcat (term->stem, term->open ? "\xf4\x8f\xbf\xbf" : "\x01", NULL);
  bottega_database_bind_text (statement, 1, term->stem);
  bottega_database_bind_text (statement, 2, end);
  result = sqlite3_step (statement);
  if (result == SQLITE_ROW)
    term->n = (guint64) sqlite3_column_int64 (statement, 0);
  else
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_ROW;
}

/* Weights, and which terms are worth their time. */
static void
weigh (BottegaTerms *self, guint64 n_chunks)
{
  guint64 limit = n_chunks > SMALL_INDEX ? n_chunks / COMMON_SHARE : n_chunks;
  guint64 rarest = G_MAXUINT64;
  double all = 0, absent = 0;

  for (guint i = 0; i < self->terms->len; i++) {
    BottegaTerm *term = &g_array_index (self->terms, BottegaTerm, i);

    term->n = MIN (term->n, n_chunks);
    term->weight = log ((double) (n_chunks + 1) / ((double) term->n + 0.5));
    all += term->weight;
    absent += term->n == 0 ? term->weight : 0;
    if (term->n > 0)
      rarest = MIN (rarest, term->n);
  }
  for (guint i = 0; i < self->terms->len; i++) {
    BottegaTerm *term = &g_array_index (self->terms, BottegaTerm, i);

    term->used = term->n > 0 && term->n <= MAX (limit, rarest);
    self->used_weight += term->used ? term->weight : 0;
  }
  self->absent = all > 0 ? absent / all : 0;
}

BottegaTerms *
bottega_terms_new (BottegaDatabase *db, const char *question, guint64 n_chunks, GError **error)
{
  g_autoptr (BottegaTerms) self = g_new0 (BottegaTerms, 1);
  g_autoptr (GPtrArray) words = bottega_language_words (question, -1);

  self->terms = g_array_new (FALSE, FALSE, sizeof (BottegaTerm));
  g_array_set_clear_func (self->terms, clear_term);
  self->language = bottega_language_detect (question, -1);
  collect (self, words, FALSE);
  if (self->terms->len == 0)
    collect (self, words, TRUE);
  for (guint i = 0; i < self->terms->len; i++)
    if (!count_term (db, &g_array_index (self->terms, BottegaTerm, i), error))
      return NULL;
  weigh (self, n_chunks);

  return g_steal_pointer (&self);
}

char *
bottega_terms_expression (const BottegaTerms *self)
{
  GString *expression = g_string_new (NULL);

  for (guint i = 0; i < self->terms->len; i++) {
    const BottegaTerm *term = &g_array_index (self->terms, BottegaTerm, i);

    /* Stems are letters and figures alone. */
    if (term->used)
      g_string_append_printf (expression, "%s\"%s\"%s", expression->len > 0 ? " OR " : "",
                              term->stem, term->open ? "*" : "");
  }

  return g_string_free (expression, expression->len == 0);
}

static gboolean
is_word_of (const BottegaTerm *term, const char *word)
{
  return term->open ? g_str_has_prefix (word, term->stem) : strcmp (word, term->stem) == 0;
}

double
bottega_terms_coverage (const BottegaTerms *self, const char *const *texts, guint n_texts)
{
  gboolean found[MOST_TERMS] = { FALSE };
  double all = 0, covered = 0;

  for (guint t = 0; t < n_texts; t++) {
    g_autoptr (GPtrArray) words =
        texts[t] != NULL ? bottega_language_words (texts[t], -1) : g_ptr_array_new ();

    for (guint w = 0; w < words->len; w++)
      for (guint i = 0; i < self->terms->len; i++)
        found[i] |= is_word_of (&g_array_index (self->terms, BottegaTerm, i),
                                g_ptr_array_index (words, w));
  }
  for (guint i = 0; i < self->terms->len; i++) {
    double weight = g_array_index (self->terms, BottegaTerm, i).weight;

    all += weight;
    covered += found[i] ? weight : 0;
  }

  return all > 0 ? covered / all : 0;
}
