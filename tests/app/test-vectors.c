/* SPDX-License-Identifier: GPL-3.0-or-later */
/* app/retrieval/bottega-vectors against the same sums in double precision. */
#include "app/retrieval/bottega-products.h"
#include "app/retrieval/bottega-vectors.h"

#include <math.h>

#define DIMENSIONS 100 /* no multiple of anything */

/* A vector of length 1 about a centre. */
static void
make_vector (GRand *random, float centre, float *vector, guint n)
{
  double length = 0;

  for (guint i = 0; i < n; i++) {
    vector[i] = (float) g_rand_double_range (random, -1, 1) + (i < 10 ? centre : 0);
    length += (double) vector[i] * (double) vector[i];
  }
  for (guint i = 0; i < n; i++)
    vector[i] /= (float) sqrt (length);
}

static void
append (BottegaVectors *vectors, gint64 chunk, gint64 document, guint tag, const float *vector)
{
  gint8 codes[DIMENSIONS];
  float scale = bottega_vectors_quantise (vector, DIMENSIONS, codes);

  bottega_vectors_append (vectors, chunk, document, tag, scale, codes);
}

static void
test_products (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  BottegaProduct fast = bottega_product_choose ();

  for (guint n = BOTTEGA_PRODUCT_STEP; n <= 8192; n *= 2) {
    g_autofree gint8 *a = g_new (gint8, n);
    g_autofree gint16 *b = g_new (gint16, n);

    for (guint i = 0; i < n; i++) {
      a[i] = (gint8) g_rand_int_range (random, -127, 128);
      b[i] = (gint16) g_rand_int_range (random, -2047, 2048);
    }
    g_assert_cmpint (fast (a, b, n), ==, bottega_product_portable (a, b, n));
    for (guint i = 0; i < n; i++) {
      a[i] = -127;
      b[i] = 2047;
    }
    g_assert_cmpint (fast (a, b, n), ==, -127 * 2047 * (gint32) n);
  }
}

static void
test_exact (void)
{
  enum {
    N = 10000
  };
  g_autoptr (GRand) random = g_rand_new_with_seed (2);
  g_autoptr (BottegaVectors) vectors = bottega_vectors_new (DIMENSIONS);
  g_autofree float *rows = g_new (float, (gsize) N *DIMENSIONS);
  g_autoptr (GArray) hits = NULL;
  BottegaVectorsSpread spread;
  float query[DIMENSIONS];
  double best = -2, sum = 0, bias = 0;

  for (guint r = 0; r < N; r++) {
    make_vector (random, 0.2f, rows + (gsize) r * DIMENSIONS, DIMENSIONS);
    append (vectors, 1000 + r, r % 7, 0, rows + (gsize) r * DIMENSIONS);
  }
  make_vector (random, 0.2f, query, DIMENSIONS);
  for (guint r = 0; r < N; r++) {
    double dot = 0;

    for (guint i = 0; i < DIMENSIONS; i++)
      dot += (double) rows[(gsize) r * DIMENSIONS + i] * (double) query[i];
    best = MAX (best, dot);
    sum += dot;
  }
  bias = sum / N;

  hits = bottega_vectors_scan (vectors, query, 50, NULL, 0, &spread);
  g_assert_cmpuint (hits->len, ==, 50);
  g_assert_cmpuint (spread.n, ==, N);
  g_assert_cmpfloat_with_epsilon (spread.mean, 0, 0.002);
  g_assert_cmpfloat (spread.deviation, >, 0.01);
  g_assert_cmpfloat_with_epsilon (g_array_index (hits, BottegaVectorHit, 0).cosine, best, 0.004);
  for (guint h = 0; h < hits->len; h++) {
    const BottegaVectorHit *hit = &g_array_index (hits, BottegaVectorHit, h);
    BottegaVectorHit again;

    g_assert_cmpint (hit->chunk, ==, 1000 + hit->row);
    g_assert_cmpfloat_with_epsilon (hit->cosine - hit->score, bias, 0.002);
    if (h > 0)
      g_assert_cmpfloat (hit->score, <=, hit[-1].score);
    g_assert_true (bottega_vectors_find (vectors, hit->chunk, &again));
    g_assert_cmpuint (again.row, ==, hit->row);
    g_assert_cmpfloat (again.score, ==, hit->score);
  }
}

/* What is not asked for takes no part, also when the row is found by its chunk. */
static void
test_documents (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  g_autoptr (BottegaVectors) vectors = bottega_vectors_new (DIMENSIONS);
  const gint64 wanted[] = { 5, 2 };
  g_autoptr (GArray) hits = NULL, none = NULL;
  BottegaVectorsSpread spread;
  BottegaVectorHit hit;
  float vector[DIMENSIONS];

  for (guint r = 0; r < 70; r++) {
    make_vector (random, 0, vector, DIMENSIONS);
    append (vectors, 500 - r, r % 7, 0, vector);
  }
  hits = bottega_vectors_scan (vectors, vector, 100, wanted, 2, &spread);
  g_assert_cmpuint (hits->len, ==, 20);
  g_assert_cmpuint (spread.n, ==, 20);
  for (guint h = 0; h < hits->len; h++)
    g_assert_true (g_array_index (hits, BottegaVectorHit, h).document == 2 ||
                   g_array_index (hits, BottegaVectorHit, h).document == 5);
  g_assert_true (bottega_vectors_find (vectors, 500 - 2, &hit));
  g_assert_false (bottega_vectors_find (vectors, 500 - 1, &hit));
  g_assert_false (bottega_vectors_find (vectors, 9, &hit));
  none = bottega_vectors_scan (vectors, vector, 10, wanted, 0, NULL);
  g_assert_cmpuint (none->len, ==, 0);
}

/* Two groups far apart: without the means all of the question's own group come first. */
static void
test_tags (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (4);
  g_autoptr (BottegaVectors) vectors = bottega_vectors_new (DIMENSIONS);
  g_autoptr (GArray) hits = NULL;
  float query[DIMENSIONS], vector[DIMENSIONS];
  guint n_other = 0;

  for (guint r = 0; r < 2000; r++) {
    make_vector (random, r % 2 == 0 ? 1 : -1, vector, DIMENSIONS);
    append (vectors, r, 1, r % 2, vector);
  }
  make_vector (random, 1, query, DIMENSIONS);
  hits = bottega_vectors_scan (vectors, query, 100, NULL, 0, NULL);
  for (guint h = 0; h < hits->len; h++)
    n_other += g_array_index (hits, BottegaVectorHit, h).chunk % 2;
  g_assert_cmpuint (n_other, >, 30);
  g_assert_cmpuint (n_other, <, 70);
}

static void
test_edges (void)
{
  g_autoptr (BottegaVectors) vectors = bottega_vectors_new (DIMENSIONS);
  g_autoptr (GArray) nothing = NULL, hits = NULL;
  BottegaVectorsSpread spread;
  BottegaVectorHit hit;
  float vector[DIMENSIONS] = { 0 };

  nothing = bottega_vectors_scan (vectors, vector, 5, NULL, 0, &spread);
  g_assert_cmpuint (nothing->len, ==, 0);
  g_assert_cmpuint (spread.n, ==, 0);
  g_assert_false (bottega_vectors_find (vectors, 1, &hit));
  append (vectors, 7, 1, 3, vector);
  vector[3] = 1;
  append (vectors, 8, 1, 3, vector);
  append (vectors, 9, 1, 3, vector);
  hits = bottega_vectors_scan (vectors, vector, 5, NULL, 0, &spread);
  g_assert_cmpuint (hits->len, ==, 3);
  g_assert_cmpint (g_array_index (hits, BottegaVectorHit, 0).chunk, ==, 8);
  g_assert_cmpint (g_array_index (hits, BottegaVectorHit, 1).chunk, ==, 9);
  g_assert_cmpfloat_with_epsilon (g_array_index (hits, BottegaVectorHit, 0).cosine, 1, 0.001);
  g_assert_cmpfloat_with_epsilon (g_array_index (hits, BottegaVectorHit, 2).cosine, 0, 0.001);
  g_assert_cmpfloat_with_epsilon (bottega_vectors_similarity (vectors, 1, 2), 1, 0.001);
  g_assert_cmpfloat (bottega_vectors_similarity (vectors, 0, 1), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vectors/products", test_products);
  g_test_add_func ("/vectors/exact", test_exact);
  g_test_add_func ("/vectors/documents", test_documents);
  g_test_add_func ("/vectors/tags", test_tags);
  g_test_add_func ("/vectors/edges", test_edges);

  return g_test_run ();
}
