/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A closer look: the vectors of single sentences of a few passages, beside the question's. A
 * passage of 250 tokens has one vector for all that it says; the sentence that answers is nearer.
 * It must not know what follows from it. */
#include "app/retrieval/bottega-search-private.h"
#include "app/retrieval/bottega-sentences.h"

#include <string.h>

/* Short sentences are read together up to this; what is longer stays whole. */
#define UNIT_BYTES 220
#define MOST_UNITS 40
/* The mean of so many nearest ones: a single one may be chance. */
#define NEAREST 3

/* Appends sentences of a line [begin, end). */
static void
add_line (GPtrArray *units, GString *unit, const char *text, guint32 begin, guint32 end)
{
  while (begin < end) {
    guint32 next = bottega_sentence_next (text, begin, end);

    if (unit->len > 0 && unit->len + (next - begin) > UNIT_BYTES) {
      g_ptr_array_add (units, g_strdup (unit->str));
      g_string_truncate (unit, 0);
    }
    if (unit->len > 0)
      g_string_append_c (unit, ' ');
    g_string_append_len (unit, text + begin, next - begin);
    begin = next;
  }
}

static void
add_text (GPtrArray *units, const char *text)
{
  g_autoptr (GString) unit = g_string_new (NULL);
  guint32 n = (guint32) strlen (text);

  for (guint32 begin = 0; begin < n && units->len < MOST_UNITS;) {
    const char *newline = memchr (text + begin, '\n', n - begin);
    guint32 end = newline != NULL ? (guint32) (newline - text) : n;

    add_line (units, unit, text, begin, end);
    begin = end + 1;
  }
  if (unit->len > 0)
    g_ptr_array_add (units, g_strdup (unit->str));
}

gboolean
bottega_closer_look (BottegaEmbedder *embedder,
                     const float *question,
                     const char *const *texts,
                     guint n_texts,
                     double *nearest,
                     GCancellable *cancellable,
                     GError **error)
{
  guint dimensions = bottega_embedder_get_dimensions (embedder);
  g_autoptr (GPtrArray) units = g_ptr_array_new_with_free_func (g_free);
  g_autofree float *vectors = NULL;
  double best[NEAREST] = { 0 };
  guint n;

  for (guint i = 0; i < n_texts; i++)
    add_text (units, texts[i]);
  n = MIN (units->len, MOST_UNITS);
  *nearest = 0;
  if (n == 0)
    return TRUE;
  vectors = g_new (float, (gsize) n *dimensions);
  if (!bottega_embedder_embed (embedder, BOTTEGA_EMBED_SENTENCE, (const char *const *) units->pdata,
                               n, vectors, cancellable, error))
    return FALSE;
  for (guint u = 0; u < n; u++) {
    double cosine = 0;

    for (guint i = 0; i < dimensions; i++)
      cosine += (double) (vectors[(gsize) u * dimensions + i] * question[i]);
    for (guint k = 0; k < NEAREST; k++)
      if (cosine > best[k]) {
        double worse = best[k];

        best[k] = cosine;
        cosine = worse;
      }
  }
  for (guint k = 0; k < MIN (n, NEAREST); k++)
    *nearest += best[k] / MIN (n, NEAREST);

  return TRUE;
}
