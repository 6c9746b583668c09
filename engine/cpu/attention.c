/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ATTENTION: cuts a batch into blocks of queries of one timeline and one KV head, and walks each
 * over the timeline's pages. All query heads that share a KV head go together, so that a page is
 * read once for them. When there are few tokens, pages are spread over the workers too, each
 * page's result is kept apart, and a second step merges them in page order: the same bits either
 * way. Must not know instruction sets. */
#include "engine/cpu/internal.h"

#include <math.h>
#include <string.h>

#define SPLITS_PER_WORKER 3 /* units that few tokens are cut into */
#define PAGES_PER_SPLIT   2 /* at least */

size_t
cpu_attention_scratch_floats (uint32_t n_rows, uint32_t d_key, uint32_t d_value)
{
  size_t kernel = (size_t) n_rows * (ENGINE_PAGE_TOKENS + d_value + 2) +
                  (size_t) (d_key + d_value) * ENGINE_PAGE_TOKENS;
  size_t state = (size_t) n_rows * (d_key + d_value + 3) + 2 * (size_t) MAX (d_key, d_value);

  return kernel + state;
}

/* Some queries of one timeline for one KV head, and the pages to look at. */
typedef struct {
  const EngineBatchRun *timeline;
  uint32_t kv_head;
  uint32_t first, n_queries; /* first: within the timeline's run */
  uint32_t first_page, last_page;
  gboolean split; /* these are not all pages that the queries see */
} Block;

/* ---- cutting -------------------------------------------------------------------------------- */

/* Queries of a block: as many as fill its rows with the heads of a group. */
static uint32_t
queries_per_block (const ModelHparams *h)
{
  return MAX (CPU_ATTEND_ROWS / (h->n_heads / h->n_heads_kv), 1);
}

/* Pages of a split of one timeline. Its last one also takes all pages with new tokens. */
static uint32_t
pages_per_split (const CpuRun *run, const EngineBatchRun *timeline)
{
  uint32_t n_heads_kv = run->executable->plan->desc->h.n_heads_kv;
  unsigned n_workers = cpu_pool_n_workers (run->executable->model->backend->pool);
  uint32_t units = run->batch->n_runs * n_heads_kv, want = SPLITS_PER_WORKER * n_workers;
  uint32_t n_pages = timeline->position / ENGINE_PAGE_TOKENS + 1, n_splits;

  n_splits = n_workers == 1 ? 1 : (want + units - 1) / units;
  return MAX ((n_pages + n_splits - 1) / n_splits, PAGES_PER_SPLIT);
}

static uint32_t
n_splits_of (const CpuRun *run, const EngineBatchRun *timeline)
{
  return timeline->position / ENGINE_PAGE_TOKENS / pages_per_split (run, timeline) + 1;
}

/* Positions that a query of a timeline's run sees. */
static uint32_t
visible_to (const CpuStep *step, const EngineBatchRun *timeline, uint32_t query)
{
  return timeline->position + (step->op->whole_run ? timeline->n_tokens : query + 1);
}

/* Units of a timeline for one KV head. */
static uint32_t
n_blocks_of (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline)
{
  uint32_t queries = queries_per_block (&run->executable->plan->desc->h);

  if (cpu_run_has_few (run, step))
    return n_splits_of (run, timeline);
  return (timeline->n_tokens + queries - 1) / queries;
}

uint32_t
cpu_attention_units (CpuRun *run, const CpuStep *step)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < run->batch->n_runs; i++)
    n += n_blocks_of (run, step, &run->batch->runs[i]);
  return n * run->executable->plan->desc->h.n_heads_kv;
}

static void
set_split (const CpuRun *run, uint32_t split, Block *block)
{
  uint32_t pages = pages_per_split (run, block->timeline);

  block->first = 0;
  block->n_queries = block->timeline->n_tokens;
  block->split = n_splits_of (run, block->timeline) > 1;
  block->first_page = split * pages;
  if (split + 1 < n_splits_of (run, block->timeline))
    block->last_page = block->first_page + pages - 1;
}

/* The last blocks see the most keys: they come first, so that no worker is left with one at the
 * end. */
static Block
find_block (const CpuRun *run, const CpuStep *step, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  uint32_t queries = queries_per_block (h), index = unit / h->n_heads_kv, i = 0, n;
  Block block = { .kv_head = unit % h->n_heads_kv };

  while (n = n_blocks_of (run, step, &run->batch->runs[i]), index >= n) {
    index -= n;
    i++;
  }
  block.timeline = &run->batch->runs[i];
  block.first = (n - 1 - index) * queries;
  block.n_queries = MIN (queries, block.timeline->n_tokens - block.first);
  block.last_page =
      (visible_to (step, block.timeline, block.first + block.n_queries - 1) - 1) /
      ENGINE_PAGE_TOKENS;
  if (cpu_run_has_few (run, step)) {
    block.last_page =
        (block.timeline->position + block.timeline->n_tokens - 1) / ENGINE_PAGE_TOKENS;
    set_split (run, index, &block);
  }
  return block;
}

/* ---- queries in, results out ---------------------------------------------------------------- */

/* Row r is query r / group, head r % group of the KV head; times the scale of the scores. */
static void
gather_queries (const CpuRun *run, const CpuStep *step, const Block *block, float *q)
{
  const ModelDesc *desc = run->executable->plan->desc;
  const ModelHparams *h = &desc->h;
  uint32_t group = h->n_heads / h->n_heads_kv, n = group * h->d_key;
  gboolean rotate = step->before != NULL && cpu_run_has_few (run, step) &&
                    step->op->rotation != MODEL_NO_ROTATION;

  for (uint32_t i = 0; i < block->n_queries; i++) {
    uint32_t token = block->timeline->first + block->first + i;
    float *to = q + (size_t) i * n;

    memcpy (to, cpu_run_row (run, step->src, token) + block->kv_head * n, n * sizeof *to);
    for (uint32_t head = 0; rotate && head < group; head++) {
      const float *table = cpu_run_rope_row (run, step->before->rope_table, token);

      run->kernels->rope (to + head * h->d_key, table, table + h->d_rope / 2, h->d_rope,
                          desc->architecture->rope == MODEL_ROPE_HALVES);
    }
    run->kernels->scale (to, h->attention_scale, n, to);
  }
}

/* What ROPE_STORE would have done for the new tokens of one KV head. Only the unit that looks at
 * their pages does it, so nobody reads them meanwhile. */
static void
store_new_keys (const CpuRun *run, const CpuStep *step, const Block *block, float *scratch)
{
  const ModelDesc *desc = run->executable->plan->desc;
  const ModelHparams *h = &desc->h;

  for (uint32_t i = 0; i < block->n_queries; i++) {
    uint32_t token = block->timeline->first + i;
    const float *table = cpu_run_rope_row (run, step->before->rope_table, token);
    const float *k = cpu_run_row (run, step->src, token) + h->n_heads * h->d_key;
    const float *v = k + h->n_heads_kv * h->d_key + block->kv_head * h->d_value;

    memcpy (scratch, k + block->kv_head * h->d_key, h->d_key * sizeof *scratch);
    if (step->op->rotation != MODEL_NO_ROTATION)
      run->kernels->rope (scratch, table, table + h->d_rope / 2, h->d_rope,
                          desc->architecture->rope == MODEL_ROPE_HALVES);
    cpu_kv_store (run, step->op->layer, block->kv_head, block->timeline,
                  block->timeline->position + i, scratch, v,
                  (uint16_t *) (void *) (scratch + h->d_key));
  }
}

static void
scatter_results (const CpuRun *run, const CpuStep *step, const Block *block,
                 const CpuAttendWork *work)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  uint32_t group = h->n_heads / h->n_heads_kv;

  for (uint32_t r = 0; r < work->n_rows; r++) {
    uint32_t token = block->timeline->first + block->first + r / group;
    uint32_t head = block->kv_head * group + r % group;

    run->kernels->scale (work->out + (size_t) r * h->d_value, 1.0f / work->sum[r], h->d_value,
                         cpu_run_row (run, step->dst, token) + head * h->d_value);
  }
}

/* Index of a page's result for one head of one batch row. */
static size_t
partial_index (const CpuRun *run, uint32_t token, uint32_t head, uint32_t page)
{
  const CpuExecutable *x = run->executable;

  return ((size_t) token * x->plan->desc->h.n_heads + head) * x->partial.n_pages + page;
}

static void
keep_partial (const CpuRun *run, const Block *block, const CpuAttendWork *work, uint32_t page)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  const CpuPartial *partial = &run->executable->partial;
  uint32_t group = h->n_heads / h->n_heads_kv;

  for (uint32_t r = 0; r < work->n_rows; r++) {
    size_t at = partial_index (run, block->timeline->first + r / group,
                               block->kv_head * group + r % group, page);

    partial->max[at] = work->max[r];
    partial->sum[at] = work->sum[r];
    memcpy (partial->out + at * h->d_value, work->out + (size_t) r * h->d_value,
            h->d_value * sizeof (float));
  }
}

/* ---- the steps ------------------------------------------------------------------------------ */

static void
clear_state (const CpuAttendWork *work)
{
  for (uint32_t r = 0; r < work->n_rows; r++)
    work->max[r] = -INFINITY;
  memset (work->sum, 0, work->n_rows * sizeof *work->sum);
  memset (work->out, 0, (size_t) work->n_rows * work->d_value * sizeof *work->out);
}

static void
attend_page (const CpuRun *run, const CpuStep *step, const Block *block, CpuAttendWork *work,
             uint32_t *valid, uint32_t page)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  uint32_t group = h->n_heads / h->n_heads_kv, before = page * ENGINE_PAGE_TOKENS;

  for (uint32_t r = 0; r < work->n_rows; r++) {
    uint32_t visible = visible_to (step, block->timeline, block->first + r / group);

    valid[r] = visible <= before ? 0 : MIN (visible - before, ENGINE_PAGE_TOKENS);
  }
  work->k = cpu_kv_head (&run->executable->model->kv, block->timeline->pages[GRAPH_KV_FULL][page],
                         step->op->layer, block->kv_head);
  work->v = work->k + (size_t) h->d_key * ENGINE_PAGE_TOKENS;
  run->kernels->attend (work);
}

void
cpu_attention_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  Block block = find_block (run, step, unit);
  uint32_t n_rows = block.n_queries * (h->n_heads / h->n_heads_kv);
  float *q = cpu_run_scratch (run, worker), *max = q + (size_t) n_rows * h->d_key;
  float *sum = max + n_rows, *out = sum + n_rows;
  uint32_t *valid = (uint32_t *) (void *) (out + (size_t) n_rows * h->d_value);
  CpuAttendWork work = { n_rows, h->d_key, h->d_value, q, NULL, NULL, valid, max, sum, out,
                         (float *) (void *) (valid + n_rows) };

  gather_queries (run, step, &block, q);
  if (step->before != NULL && cpu_run_has_few (run, step) &&
      block.last_page >= block.timeline->position / ENGINE_PAGE_TOKENS)
    store_new_keys (run, step, &block, work.scratch);
  clear_state (&work);
  for (uint32_t page = block.first_page; page <= block.last_page; page++) {
    attend_page (run, step, &block, &work, valid, page);
    if (block.split) {
      keep_partial (run, &block, &work, page);
      clear_state (&work);
    }
  }
  if (!block.split)
    scatter_results (run, step, &block, &work);
}

uint32_t
cpu_merge_units (CpuRun *run, const CpuStep *step)
{
  gboolean split = FALSE;

  if (!cpu_run_has_few (run, step))
    return 0;
  for (uint32_t i = 0; i < run->batch->n_runs; i++)
    split = split || n_splits_of (run, &run->batch->runs[i]) > 1;
  return split ? run->batch->n_tokens * run->executable->plan->desc->h.n_heads : 0;
}

/* One head of one token over all its pages. */
void
cpu_merge_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  const CpuPartial *partial = &run->executable->partial;
  const EngineBatchRun *timeline = run->batch->runs;
  uint32_t token = unit / h->n_heads, head = unit % h->n_heads, n_pages;
  float max = -INFINITY, sum = 0, *out = cpu_run_scratch (run, worker);

  while (token >= timeline->first + timeline->n_tokens)
    timeline++;
  if (n_splits_of (run, timeline) == 1)
    return;
  n_pages = (timeline->position + token - timeline->first) / ENGINE_PAGE_TOKENS + 1;
  memset (out, 0, h->d_value * sizeof *out);
  for (uint32_t page = 0; page < n_pages; page++) {
    size_t at = partial_index (run, token, head, page);

    run->kernels->merge (&max, &sum, out, partial->max[at], partial->sum[at],
                         partial->out + at * h->d_value, h->d_value);
  }
  run->kernels->scale (out, 1.0f / sum, h->d_value,
                       cpu_run_row (run, step->dst, token) + head * h->d_value);
}
