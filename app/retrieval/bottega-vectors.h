/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaVectors: the vectors of a space in memory, a byte a number, and the exact search through
 * all of them. Each has a tag, its language: a multilingual model puts passages in the question's
 * own language nearer, so that each tag's mean is taken off before scores are compared.
 *
 * It knows neither where vectors come from nor what stands behind a chunk's id. One thread at a
 * time; a scan uses a second one by itself. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Writes n codes of -127 to 127; the number that each must be multiplied with, 0 for a vector of
 * zeros. */
float bottega_vectors_quantise (const float *vector, guint n, gint8 *codes);

typedef struct _BottegaVectors BottegaVectors;

#define BOTTEGA_VECTORS_N_TAGS 8

BottegaVectors *bottega_vectors_new (guint dimensions);
void bottega_vectors_free (BottegaVectors *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaVectors, bottega_vectors_free)

guint bottega_vectors_get_n (BottegaVectors *self);
guint bottega_vectors_get_dimensions (BottegaVectors *self);
/* All memory it holds. */
gsize bottega_vectors_get_bytes (BottegaVectors *self);

/* codes: as many as there are dimensions; copied. tag < BOTTEGA_VECTORS_N_TAGS. */
void bottega_vectors_append (BottegaVectors *self, gint64 chunk, gint64 document, guint tag,
                             float scale, const gint8 *codes);

typedef struct {
  gint64 chunk, document;
  guint row;    /* for bottega_vectors_similarity () */
  float cosine; /* with the question, as it is */
  float score;  /* cosine without the mean of its tag */
} BottegaVectorHit;

/* What the scores of all rows that took part are like. */
typedef struct {
  guint n;
  double mean, deviation;
} BottegaVectorsSpread;

/* The n_best nearest to a vector (cosine and score grow with its length), best first: GArray of
 * BottegaVectorHit. documents NULL: in all. spread may be NULL. */
GArray *bottega_vectors_scan (BottegaVectors *self, const float *query, guint n_best,
                              const gint64 *documents, guint n_documents,
                              BottegaVectorsSpread *spread);

/* What the last scan gave a chunk that may not have been among the best; FALSE: it has no vector,
 * or took no part. */
gboolean bottega_vectors_find (BottegaVectors *self, gint64 chunk, BottegaVectorHit *hit);
/* Of a row with a vector of length 1. */
float bottega_vectors_cosine (BottegaVectors *self, guint row, const float *vector);
guint bottega_vectors_get_tag (BottegaVectors *self, guint row);
/* Cosine of two rows. */
float bottega_vectors_similarity (BottegaVectors *self, guint row_a, guint row_b);

G_END_DECLS
