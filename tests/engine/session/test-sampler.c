/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sampler: what each option does, the same seed the same tokens, few candidates the same result
 * as the whole row. */
#include "engine/session/sampler.h"

#include <math.h>
#include <stdlib.h>

#define N_VOCAB 300

static float row[N_VOCAB];
static EngineCandidate sorted[N_VOCAB];

static int
compare (const void *a, const void *b)
{
  const EngineCandidate *x = a, *y = b;

  return x->logit == y->logit ? x->id - y->id : x->logit < y->logit ? 1
                                                                    : -1;
}

static void
make_row (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (int i = 0; i < N_VOCAB; i++) {
    row[i] = (float) g_rand_double_range (rand, -4, 4);
    sorted[i] = (EngineCandidate) { i, row[i] };
  }
  qsort (sorted, N_VOCAB, sizeof *sorted, compare);
}

static int32_t
pick_once (EngineGenerate options, const int32_t *recent, uint32_t n_recent, gboolean whole)
{
  SessionSampler sampler;
  gboolean whole_row;
  int32_t id;

  g_assert_true (session_sampler_init (&sampler, &options, NULL));
  id = session_sampler_pick (&sampler, sorted,
                             MIN (session_sampler_needs (&sampler, &whole_row), N_VOCAB),
                             whole || whole_row ? row : NULL, N_VOCAB, recent, n_recent);
  session_sampler_finish (&sampler);
  return id;
}

static void
test_greedy (void)
{
  g_assert_cmpint (pick_once (ENGINE_GENERATE_GREEDY, NULL, 0, FALSE), ==, sorted[0].id);
}

/* The best token penalised: the second takes its place, also when only few candidates are brought.
 */
static void
test_penalty (void)
{
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  int32_t recent[1] = { sorted[0].id };

  options.repetition_penalty = 2;
  options.repetition_window = 1;
  g_assert_cmpint (pick_once (options, recent, 1, FALSE), ==, sorted[1].id);
  g_assert_cmpint (pick_once (options, recent, 1, TRUE), ==, sorted[1].id);
  g_assert_cmpint (pick_once (options, NULL, 0, FALSE), ==, sorted[0].id);
}

/* Counts how often each rank is drawn. */
static void
histogram (EngineGenerate options, unsigned counts[N_VOCAB], unsigned draws)
{
  SessionSampler sampler;
  gboolean whole_row;

  g_assert_true (session_sampler_init (&sampler, &options, NULL));
  for (int i = 0; i < N_VOCAB; i++)
    counts[i] = 0;
  for (unsigned d = 0; d < draws; d++) {
    uint32_t n = session_sampler_needs (&sampler, &whole_row);
    int32_t id =
        session_sampler_pick (&sampler, sorted, n, whole_row ? row : NULL, N_VOCAB, NULL, 0);

    for (int rank = 0; rank < N_VOCAB; rank++)
      counts[rank] += sorted[rank].id == id;
  }
  session_sampler_finish (&sampler);
}

static void
test_top_k (void)
{
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  unsigned counts[N_VOCAB];
  double total = 0;

  options.top_k = 3;
  options.top_p = 1;
  options.min_p = 0;
  options.temperature = 1.5f;
  histogram (options, counts, 3000);
  g_assert_cmpuint (counts[0] + counts[1] + counts[2], ==, 3000);
  for (int i = 0; i < 3; i++)
    total += exp (sorted[i].logit / 1.5);
  for (int i = 0; i < 3; i++) {
    double expected = exp (sorted[i].logit / 1.5) / total * 3000;

    g_assert_cmpfloat (fabs (counts[i] - expected), <, 5 * sqrt (expected));
  }
}

/* Frequencies follow softmax (logit / temperature) over the whole row. */
static void
test_temperature (void)
{
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  unsigned counts[N_VOCAB];
  double total = 0, expected;

  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  options.repetition_penalty = 1;
  options.temperature = 0.5f;
  histogram (options, counts, 20000);
  for (int i = 0; i < N_VOCAB; i++)
    total += exp (sorted[i].logit / 0.5);
  expected = exp (sorted[0].logit / 0.5) / total * 20000;
  g_assert_cmpfloat (fabs (counts[0] - expected), <, 5 * sqrt (expected));
}

static void
test_tails (void)
{
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  unsigned counts[N_VOCAB], kept = 0;

  options.top_k = 100;
  options.top_p = 1;
  options.min_p = 0.5f; /* only what is at least half as likely as the best */
  histogram (options, counts, 4000);
  for (int i = 0; i < N_VOCAB; i++)
    if (exp (sorted[i].logit - sorted[0].logit) < 0.5)
      g_assert_cmpuint (counts[i], ==, 0);
    else
      kept++;
  g_assert_cmpuint (kept, >, 1);
  options.min_p = 0;
  options.top_p = 0.0001f; /* the best alone is enough */
  histogram (options, counts, 200);
  g_assert_cmpuint (counts[0], ==, 200);
}

static void
test_seed (void)
{
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  unsigned a[N_VOCAB], b[N_VOCAB], c[N_VOCAB];

  histogram (options, a, 500);
  histogram (options, b, 500);
  options.seed = 1;
  histogram (options, c, 500);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  g_assert_cmpint (memcmp (a, c, sizeof a), !=, 0);
}

static void
test_refusals (void)
{
  EngineGenerate good = ENGINE_GENERATE_DEFAULT, bad[6] = { good, good, good, good, good, good };

  bad[0].temperature = -1;
  bad[1].temperature = NAN;
  bad[2].top_p = 0;
  bad[3].min_p = 1;
  bad[4].repetition_penalty = 0.5f;
  bad[5].max_tokens = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    SessionSampler sampler;

    g_assert_false (session_sampler_init (&sampler, &bad[i], &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  make_row ();
  g_test_add_func ("/engine/session/sampler/greedy", test_greedy);
  g_test_add_func ("/engine/session/sampler/penalty", test_penalty);
  g_test_add_func ("/engine/session/sampler/top-k", test_top_k);
  g_test_add_func ("/engine/session/sampler/temperature", test_temperature);
  g_test_add_func ("/engine/session/sampler/tails", test_tails);
  g_test_add_func ("/engine/session/sampler/seed", test_seed);
  g_test_add_func ("/engine/session/sampler/refusals", test_refusals);
  return g_test_run ();
}
