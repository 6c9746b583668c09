/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CANDIDATES: the largest logits of a row and the log-sum-exp of all of it, from fixed parts of
 * the vocabulary, so that the result does not depend on the number of workers. Must not know
 * sampling. */
#include "engine/cpu/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
n_parts (const CpuStep *step)
{
  return (step->op->src_width + CPU_PART - 1) / CPU_PART;
}

static const float *
logits_of (const CpuRun *run, const CpuStep *step, uint32_t row)
{
  return run->executable->buffer[step->src] + (size_t) row * step->op->src_width;
}

uint32_t
cpu_parts_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_outputs * n_parts (step);
}

void
cpu_parts_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  CpuExecutable *x = run->executable;
  uint32_t row = unit / n_parts (step), first = unit % n_parts (step) * CPU_PART;
  uint32_t n = MIN (CPU_PART, step->op->src_width - first);
  const float *logits = logits_of (run, step, row) + first;

  run->kernels->max_sum_exp (logits, n, &x->part_max[unit], &x->part_sum[unit]);
  if (run->batch->want_logits)
    memcpy (run->result->logits + (size_t) row * step->op->src_width + first, logits,
            n * sizeof *logits);
}

uint32_t
cpu_candidates_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_outputs;
}

/* log (sum of exp), from the parts' own. -inf or NaN logits of a broken model pass through. */
static float
log_sum_exp (const float *max, const float *sum, uint32_t n)
{
  float top = -INFINITY;
  double total = 0;

  for (uint32_t i = 0; i < n; i++)
    top = max[i] > top ? max[i] : top;
  if (!isfinite (top))
    return top;
  for (uint32_t i = 0; i < n; i++)
    total += (double) sum[i] * exp ((double) max[i] - (double) top);
  return (float) ((double) top + log (total));
}

static int
compare (const void *a, const void *b)
{
  const EngineCandidate *x = a, *y = b;

  if (x->logit != y->logit)
    return x->logit > y->logit ? -1 : 1;
  return x->id < y->id ? -1 : 1;
}

/* Sinks entry i of a heap whose root is the worst candidate. */
static void
sink (EngineCandidate *heap, uint32_t n, uint32_t i)
{
  for (;;) {
    uint32_t child = 2 * i + 1;
    EngineCandidate swap;

    if (child >= n)
      return;
    if (child + 1 < n && compare (&heap[child + 1], &heap[child]) > 0)
      child++;
    if (compare (&heap[i], &heap[child]) >= 0)
      return;
    swap = heap[i];
    heap[i] = heap[child];
    heap[child] = swap;
    i = child;
  }
}

/* A logit that is not a number counts as the smallest. */
static EngineCandidate
candidate (const float *logits, uint32_t id)
{
  return (EngineCandidate) { (int32_t) id, isnan (logits[id]) ? -INFINITY : logits[id] };
}

/* The n best of a row: a heap of the best so far, and whole parts skipped when their maximum
 * loses. */
static void
select_best (const float *logits, uint32_t n_vocab, const float *part_max, uint32_t n,
             EngineCandidate *best)
{
  uint32_t n_best = 0;

  for (uint32_t first = 0; first < n_vocab; first += CPU_PART) {
    uint32_t last = MIN (first + CPU_PART, n_vocab);

    if (n_best == n && part_max[first / CPU_PART] <= best[0].logit)
      continue;
    for (uint32_t id = first; id < last; id++) {
      EngineCandidate next;

      if (n_best == n && !(logits[id] > best[0].logit))
        continue;
      next = candidate (logits, id);
      if (n_best < n) {
        best[n_best++] = next;
        if (n_best == n)
          for (uint32_t i = n / 2; i-- > 0;)
            sink (best, n, i);
      } else {
        best[0] = next;
        sink (best, n, 0);
      }
    }
  }
  qsort (best, n, sizeof *best, compare);
}

void
cpu_candidates_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const CpuExecutable *x = run->executable;
  uint32_t n = run->batch->n_candidates, parts = n_parts (step);
  const float *max = x->part_max + (size_t) unit * parts;

  run->result->lse[unit] = log_sum_exp (max, x->part_sum + (size_t) unit * parts, parts);
  select_best (logits_of (run, step, unit), step->op->src_width, max, n,
               run->result->candidates + (size_t) unit * n);
}
