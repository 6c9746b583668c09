/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sampling of the next token. Must not know back ends or text.
 * Generator: xoshiro256** seeded by splitmix64 (Blackman and Vigna), so that a seed gives the same
 * text on every machine. */
#include "engine/session/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
rotate (uint64_t x, int k)
{
  return (x << k) | (x >> (64 - k));
}

static uint64_t
draw_u64 (uint64_t s[4])
{
  uint64_t result = rotate (s[1] * 5, 7) * 9, t = s[1] << 17;

  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate (s[3], 45);
  return result;
}

static void
seed_state (uint64_t s[4], uint64_t seed)
{
  for (int i = 0; i < 4; i++) {
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    s[i] = z ^ (z >> 31);
  }
}

gboolean
session_sampler_init (SessionSampler *sampler, const EngineGenerate *options, GError **error)
{
  const struct {
    gboolean ok;
    const char *what;
  } checks[] = {
    { options->temperature >= 0 && options->temperature <= 100,
      "temperature must lie between 0 and 100" },
    { options->top_p > 0 && options->top_p <= 1, "top-p must lie above 0 and at most at 1" },
    { options->min_p >= 0 && options->min_p < 1, "min-p must lie between 0 and below 1" },
    { options->repetition_penalty >= 1 && options->repetition_penalty <= 10,
      "the repetition penalty must lie between 1 (off) and 10" },
    { options->max_tokens > 0, "the length of an answer must be at least one token" },
  };

  memset (sampler, 0, sizeof *sampler);
  for (size_t i = 0; i < G_N_ELEMENTS (checks); i++) {
    if (!checks[i].ok) { /* NaN fails every comparison, so it ends here too */
      g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID, "Cannot sample: %s.", checks[i].what);
      return FALSE;
    }
  }
  sampler->options = *options;
  seed_state (sampler->state, options->seed);
  return TRUE;
}

void
session_sampler_finish (SessionSampler *sampler)
{
  g_clear_pointer (&sampler->work, g_free);
}

static gboolean
penalises (const SessionSampler *sampler)
{
  return sampler->options.repetition_penalty > 1 && sampler->options.repetition_window > 0;
}

uint32_t
session_sampler_needs (const SessionSampler *sampler, gboolean *whole_row)
{
  const EngineGenerate *o = &sampler->options;
  /* A penalty only lowers logits, so what is best afterwards was among the best (kept + penalised).
   */
  uint64_t need = o->temperature <= 0 ? 1 : o->top_k;

  *whole_row = o->temperature > 0 && o->top_k == 0;
  if (penalises (sampler))
    need += o->repetition_window;
  if (need > ENGINE_MAX_CANDIDATES)
    *whole_row = TRUE;
  return *whole_row ? 1 : (uint32_t) need;
}

/* By falling logit, ties by rising id: a total order, so that sorting is the same everywhere. */
static int
compare_candidates (const void *a, const void *b)
{
  const EngineCandidate *x = a, *y = b;

  if (x->logit != y->logit)
    return x->logit < y->logit ? 1 : -1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static void
penalise (const SessionSampler *sampler,
          EngineCandidate *work,
          uint32_t n,
          const int32_t *recent,
          uint32_t n_recent)
{
  float penalty = sampler->options.repetition_penalty;

  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n_recent; j++) {
      if (recent[j] == work[i].id) {
        work[i].logit = work[i].logit > 0 ? work[i].logit / penalty : work[i].logit * penalty;
        break;
      }
    }
  }
}

/* How many of the sorted candidates top-p and min-p leave. Both look at the untempered
 * distribution over the top-k, so that a high temperature does not let nonsense in. */
static uint32_t
truncate_tail (const EngineGenerate *o, const EngineCandidate *work, uint32_t n)
{
  double total = 0, sum = 0;
  uint32_t kept = 0;

  for (uint32_t i = 0; i < n; i++)
    total += exp ((double) work[i].logit - work[0].logit);
  while (kept < n) {
    double p = exp ((double) work[kept].logit - work[0].logit); /* relative to the best */

    if (kept > 0 && (p < o->min_p || sum >= o->top_p * total))
      break;
    sum += p;
    kept++;
  }
  return kept;
}

/* In [0, 1). */
static double
draw_number (uint64_t s[4])
{
  return (double) (draw_u64 (s) >> 11) * 0x1p-53;
}

static int32_t
draw (SessionSampler *sampler, const EngineCandidate *work, uint32_t n)
{
  double temperature = sampler->options.temperature, total = 0, target;

  for (uint32_t i = 0; i < n; i++)
    total += exp (((double) work[i].logit - work[0].logit) / temperature);
  target = draw_number (sampler->state) * total;
  for (uint32_t i = 0; i < n; i++) {
    target -= exp (((double) work[i].logit - work[0].logit) / temperature);
    if (target < 0)
      return work[i].id;
  }
  return work[n - 1].id;
}

gboolean
session_sampler_foresee (const SessionSampler *sampler, const int32_t *recent, uint32_t n_recent,
                         EnginePick *pick)
{
  const EngineGenerate *o = &sampler->options;
  uint64_t state[4];
  gboolean whole_row;

  session_sampler_needs (sampler, &whole_row);
  memcpy (state, sampler->state, sizeof state);
  *pick = (EnginePick) {
    .temperature = o->temperature,
    .top_p = o->top_p,
    .min_p = o->min_p,
    .penalty = o->repetition_penalty,
    .top_k = o->top_k,
    .uniform = (float) draw_number (state),
    .recent = recent,
    .n_recent = penalises (sampler) ? n_recent : 0,
  };
  return !whole_row;
}

int32_t
session_sampler_pick (SessionSampler *sampler,
                      const EngineCandidate *candidates,
                      uint32_t n,
                      const float *logits,
                      uint32_t n_vocab,
                      const int32_t *recent,
                      uint32_t n_recent)
{
  const EngineGenerate *o = &sampler->options;

  if (logits != NULL)
    n = n_vocab;
  if (sampler->work_size < n) {
    sampler->work = g_renew (EngineCandidate, sampler->work, n);
    sampler->work_size = n;
  }
  if (logits == NULL)
    memcpy (sampler->work, candidates, n * sizeof *candidates);
  for (uint32_t i = 0; logits != NULL && i < n; i++)
    sampler->work[i] = (EngineCandidate) { (int32_t) i, logits[i] };
  if (penalises (sampler))
    penalise (sampler, sampler->work, n, recent, n_recent);
  if (logits != NULL || penalises (sampler))
    qsort (sampler->work, n, sizeof *sampler->work, compare_candidates);
  if (o->temperature <= 0)
    return sampler->work[0].id;
  if (o->top_k > 0)
    n = MIN (n, o->top_k);
  n = truncate_tail (o, sampler->work, n);
  return draw (sampler, sampler->work, n);
}
