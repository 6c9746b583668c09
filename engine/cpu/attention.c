/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ATTENTION: cuts a batch into blocks of queries of one timeline and one KV head, and walks each
 * over the timeline's pages. All query heads that share a KV head go together, so that a page is
 * read once for them. Must not know instruction sets. */
#include "engine/cpu/internal.h"

#include <math.h>
#include <string.h>

size_t
cpu_attention_scratch_floats (uint32_t n_rows, uint32_t d_key, uint32_t d_value)
{
  size_t kernel = (size_t) n_rows * (ENGINE_PAGE_TOKENS + d_value + 2) +
                  (size_t) (d_key + d_value) * ENGINE_PAGE_TOKENS;
  size_t state = (size_t) n_rows * (d_key + d_value + 3);

  return kernel + state;
}

/* Queries of a block: as many as fill its rows with the heads of a group. */
static uint32_t
queries_per_block (const ModelHparams *h)
{
  return MAX (CPU_ATTEND_ROWS / (h->n_heads / h->n_heads_kv), 1);
}

uint32_t
cpu_attention_units (CpuRun *run, const CpuStep *step)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  uint32_t queries = queries_per_block (h), n = 0;

  for (uint32_t i = 0; i < run->batch->n_runs; i++)
    n += (run->batch->runs[i].n_tokens + queries - 1) / queries;
  return n * h->n_heads_kv;
}

typedef struct {
  const EngineBatchRun *timeline;
  uint32_t kv_head;
  uint32_t first, n_queries; /* first: within the timeline's run */
} Block;

/* The last blocks see the most keys: they come first, so that no worker is left with one at the
 * end. */
static Block
find_block (const CpuRun *run, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  uint32_t queries = queries_per_block (h), block = unit / h->n_heads_kv, i = 0, n;
  Block found;

  while (n = (run->batch->runs[i].n_tokens + queries - 1) / queries, block >= n) {
    block -= n;
    i++;
  }
  found.timeline = &run->batch->runs[i];
  found.kv_head = unit % h->n_heads_kv;
  found.first = (n - 1 - block) * queries;
  found.n_queries = MIN (queries, found.timeline->n_tokens - found.first);
  return found;
}

/* Row r is query r / group, head r % group of the KV head. */
static void
gather_queries (const CpuRun *run, const CpuStep *step, const Block *block, float *q)
{
  const CpuExecutable *x = run->executable;
  const ModelHparams *h = &x->plan->desc->h;
  uint32_t group = h->n_heads / h->n_heads_kv;
  size_t width = x->width[step->src], n = (size_t) group * h->d_key;

  for (uint32_t i = 0; i < block->n_queries; i++) {
    const float *src = x->buffer[step->src] +
                       (block->timeline->first + block->first + i) * width + block->kv_head * n;

    for (size_t j = 0; j < n; j++)
      q[i * n + j] = src[j] * h->attention_scale;
  }
}

static void
scatter_results (const CpuRun *run, const CpuStep *step, const Block *block,
                 const CpuAttendWork *work)
{
  const CpuExecutable *x = run->executable;
  const ModelHparams *h = &x->plan->desc->h;
  uint32_t group = h->n_heads / h->n_heads_kv;
  size_t width = x->width[step->dst];

  for (uint32_t r = 0; r < work->n_rows; r++) {
    uint32_t token = block->timeline->first + block->first + r / group;
    float *dst = x->buffer[step->dst] + token * width +
                 (block->kv_head * group + r % group) * h->d_value;
    float inverse = 1.0f / work->sum[r];

    for (uint32_t j = 0; j < h->d_value; j++)
      dst[j] = work->out[(size_t) r * h->d_value + j] * inverse;
  }
}

void
cpu_attention_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const CpuExecutable *x = run->executable;
  const ModelHparams *h = &x->plan->desc->h;
  uint32_t group = h->n_heads / h->n_heads_kv;
  Block block = find_block (run, unit);
  uint32_t n_rows = block.n_queries * group, position = block.timeline->position + block.first;
  uint32_t last = position + block.n_queries - 1;
  float *q = cpu_run_scratch (run, worker), *max = q + (size_t) n_rows * h->d_key;
  float *sum = max + n_rows, *out = sum + n_rows;
  uint32_t *valid = (uint32_t *) (void *) (out + (size_t) n_rows * h->d_value);
  CpuAttendWork work = { n_rows, h->d_key, h->d_value, q, NULL, NULL, valid, max, sum, out,
                         (float *) (void *) (valid + n_rows) };

  gather_queries (run, step, &block, q);
  for (uint32_t r = 0; r < n_rows; r++)
    max[r] = -INFINITY;
  memset (sum, 0, n_rows * sizeof *sum);
  memset (out, 0, (size_t) n_rows * h->d_value * sizeof *out);
  for (uint32_t p = 0; p <= last / ENGINE_PAGE_TOKENS; p++) {
    for (uint32_t r = 0; r < n_rows; r++) {
      uint32_t visible = position + r / group + 1, before = p * ENGINE_PAGE_TOKENS;

      valid[r] = visible <= before ? 0 : MIN (visible - before, ENGINE_PAGE_TOKENS);
    }
    work.k = cpu_kv_head (&x->model->kv, block.timeline->pages[p], step->op->layer, block.kv_head);
    work.v = work.k + (size_t) h->d_key * ENGINE_PAGE_TOKENS;
    run->kernels->attend (&work);
  }
  scatter_results (run, step, &block, &work);
}
