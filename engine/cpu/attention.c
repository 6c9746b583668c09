/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ATTENTION: cuts a batch into blocks of queries of one timeline and one KV head, and walks each
 * over the timeline's pages. All query heads that share a KV head go together, so that a page is
 * read once for them. When there are few tokens, pages are spread over the workers too, each
 * page's result is kept apart, and a second step merges them in page order: the same bits either
 * way. Must not know instruction sets. */
#include "engine/cpu/internal.h"

#include <math.h>
#include <string.h>

#define UNITS_PER_WORKER 3 /* that a batch is cut into, if it can be */
#define PAGES_PER_SPLIT  2 /* at least */

size_t
cpu_attention_scratch_floats (uint32_t n_rows, uint32_t d_key, uint32_t d_value)
{
  const size_t block = sizeof (CpuActBlock) / sizeof (float);
  const size_t page_blocks = ENGINE_PAGE_TOKENS / CPU_BLOCK;
  size_t wide = (size_t) (d_key + d_value) * ENGINE_PAGE_TOKENS;
  size_t integers = ENGINE_PAGE_TOKENS + n_rows * page_blocks * block;
  size_t kernel = (size_t) n_rows * (ENGINE_PAGE_TOKENS + d_value + 2) + MAX (wide, integers);
  size_t state = (size_t) n_rows * (d_key + d_value + 4);
  size_t queries = (size_t) n_rows * (d_key / CPU_BLOCK) * block;

  return kernel + state + queries;
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

/* Query heads that share a KV head. */
static uint32_t
group_of (const CpuStep *step)
{
  return step->op->n_heads / step->op->n_heads_kv;
}

/* Into how many units one timeline and KV head should be cut, so that all workers have some. */
static uint32_t
units_wanted (const CpuRun *run, const CpuStep *step)
{
  unsigned n_workers = cpu_pool_n_workers (run->executable->model->backend->pool);
  uint32_t units = run->batch->n_runs * step->op->n_heads_kv;

  return n_workers == 1 ? 1 : (UNITS_PER_WORKER * n_workers + units - 1) / units;
}

/* Queries of a block: as many as fill its rows with the heads of a group, or fewer where there are
 * not as many blocks as workers could take. */
static uint32_t
queries_per_block (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline)
{
  uint32_t n_blocks = units_wanted (run, step);

  return CLAMP ((timeline->n_tokens + n_blocks - 1) / n_blocks, 1,
                MAX (CPU_ATTEND_ROWS / group_of (step), 1));
}

/* The first page that a query of a timeline's run sees; for those after it none before. */
static uint32_t
first_page_of (const CpuStep *step, const EngineBatchRun *timeline, uint32_t query)
{
  return cpu_first_seen (step->op, timeline, query) / ENGINE_PAGE_TOKENS;
}

/* Pages of a split of one timeline. Its last one also takes all pages with new tokens. */
static uint32_t
pages_per_split (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline)
{
  uint32_t n_splits = units_wanted (run, step);
  uint32_t n_pages =
      timeline->position / ENGINE_PAGE_TOKENS + 1 - first_page_of (step, timeline, 0);

  return MAX ((n_pages + n_splits - 1) / n_splits, PAGES_PER_SPLIT);
}

static uint32_t
n_splits_of (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline)
{
  uint32_t last = timeline->position / ENGINE_PAGE_TOKENS;

  return (last - first_page_of (step, timeline, 0)) / pages_per_split (run, step, timeline) + 1;
}

/* Units of a timeline for one KV head. */
static uint32_t
n_blocks_of (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline)
{
  uint32_t queries;

  if (cpu_run_has_few (run, step))
    return n_splits_of (run, step, timeline);
  queries = queries_per_block (run, step, timeline);
  return (timeline->n_tokens + queries - 1) / queries;
}

uint32_t
cpu_attention_units (CpuRun *run, const CpuStep *step)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < run->batch->n_runs; i++)
    n += n_blocks_of (run, step, &run->batch->runs[i]);
  return n * step->op->n_heads_kv;
}

static void
set_split (const CpuRun *run, const CpuStep *step, uint32_t split, Block *block)
{
  uint32_t pages = pages_per_split (run, step, block->timeline);
  uint32_t n_splits = n_splits_of (run, step, block->timeline);

  block->first = 0;
  block->n_queries = block->timeline->n_tokens;
  block->split = n_splits > 1;
  block->first_page = first_page_of (step, block->timeline, 0) + split * pages;
  if (split + 1 < n_splits)
    block->last_page = block->first_page + pages - 1;
  else
    block->last_page =
        (block->timeline->position + block->timeline->n_tokens - 1) / ENGINE_PAGE_TOKENS;
}

/* In the order of tokens, as other steps: so a worker's share is of the tokens that lie in its own
 * cache. Where the last see the most keys, who has the first helps. */
static Block
find_block (const CpuRun *run, const CpuStep *step, uint32_t unit)
{
  uint32_t queries, index = unit / step->op->n_heads_kv, i = 0, n;
  Block block = { .kv_head = unit % step->op->n_heads_kv };

  while (n = n_blocks_of (run, step, &run->batch->runs[i]), index >= n) {
    index -= n;
    i++;
  }
  block.timeline = &run->batch->runs[i];
  if (cpu_run_has_few (run, step)) {
    set_split (run, step, index, &block);
    return block;
  }
  queries = queries_per_block (run, step, block.timeline);
  block.first = index * queries;
  block.n_queries = MIN (queries, block.timeline->n_tokens - block.first);
  block.first_page = first_page_of (step, block.timeline, block.first);
  block.last_page =
      (cpu_end_seen (step->op, block.timeline, block.first + block.n_queries - 1) - 1) /
      ENGINE_PAGE_TOKENS;
  return block;
}

/* ---- queries in, results out ---------------------------------------------------------------- */

/* What scores of a query are multiplied by. */
static float
score_scale (const ModelHparams *h, uint32_t position)
{
  double steps;

  if (h->temperature <= 0)
    return h->attention_scale;
  steps = floor (position / (double) h->temperature_floor_tokens);
  return (float) ((double) h->attention_scale * (1 + (double) h->temperature * log (1 + steps)));
}

/* Row r is query r / group, head r % group of the KV head; times the scale of the scores. */
static void
gather_queries (const CpuRun *run, const CpuStep *step, const Block *block, float *q)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  uint32_t group = group_of (step), n = group * step->op->d_key;
  const CpuStep *store = cpu_run_has_few (run, step) ? step->before : NULL;

  for (uint32_t i = 0; i < block->n_queries; i++) {
    uint32_t token = block->timeline->first + block->first + i;
    float *to = q + (size_t) i * n;

    memcpy (to, cpu_run_row (run, step->src, token) + block->kv_head * n, n * sizeof *to);
    if (store != NULL)
      cpu_turn_heads (run, store, token, store->vector, group, to);
    run->kernels->scale (to, score_scale (h, block->timeline->position + block->first + i), n, to);
  }
}

/* What ROPE_STORE would have done for the new tokens of one KV head. Only the unit that looks at
 * their pages does it, so nobody reads them meanwhile. */
static void
store_new_keys (const CpuRun *run, const CpuStep *step, const Block *block, float *scratch)
{
  const GraphOp *op = step->before->op;

  for (uint32_t i = 0; i < block->n_queries && !op->shares_kv; i++) {
    uint32_t token = block->timeline->first + i, position = block->timeline->position + i;
    const float *k = cpu_run_row (run, step->src, token) + op->n_heads * op->d_key;
    const float *v = op->value_is_key ? k : k + op->n_heads_kv * op->d_key;

    cpu_store_value (run, op, block->kv_head, block->timeline, position,
                     v + block->kv_head * op->d_value, scratch);
    memcpy (scratch, k + block->kv_head * op->d_key, op->d_key * sizeof *scratch);
    cpu_turn_heads (run, step->before, token, step->before->k_norm, 1, scratch);
    cpu_store_key (run, op, block->kv_head, block->timeline, position, scratch);
  }
}

/* A head's result from the state over all its pages. A sink is a score like that of a key, whose
 * value is zero: it takes part in the sum alone. */
static void
finish_head (const CpuRun *run, const CpuStep *step, uint32_t token, uint32_t head, float max,
             float sum, const float *out)
{
  uint32_t d_value = step->op->d_value;
  float top = max, mine = 1;

  if (step->vector != NULL) {
    top = MAX (max, step->vector[head]);
    mine = expf (max - top);
    sum = sum * mine + expf (step->vector[head] - top);
  }
  run->kernels->scale (out, mine / sum, d_value,
                       cpu_run_row (run, step->dst, token) + head * d_value);
}

static void
scatter_results (const CpuRun *run, const CpuStep *step, const Block *block,
                 const CpuAttendWork *work)
{
  uint32_t group = group_of (step);

  for (uint32_t r = 0; r < work->n_rows; r++)
    finish_head (run, step, block->timeline->first + block->first + r / group,
                 block->kv_head * group + r % group, work->max[r], work->sum[r],
                 work->out + (size_t) r * work->d_value);
}

/* Index of a page's result for one head of one batch row. */
static size_t
partial_index (const CpuRun *run, const CpuStep *step, uint32_t token, uint32_t head, uint32_t page)
{
  return ((size_t) token * step->op->n_heads + head) * run->executable->partial.n_pages + page;
}

static void
keep_partial (const CpuRun *run, const CpuStep *step, const Block *block,
              const CpuAttendWork *work, uint32_t page)
{
  const CpuPartial *partial = &run->executable->partial;
  uint32_t group = group_of (step), d_value = step->op->d_value;

  for (uint32_t r = 0; r < work->n_rows; r++) {
    size_t at = partial_index (run, step, block->timeline->first + r / group,
                               block->kv_head * group + r % group, page);

    partial->max[at] = work->max[r];
    partial->sum[at] = work->sum[r];
    memcpy (partial->out + at * d_value, work->out + (size_t) r * d_value,
            d_value * sizeof (float));
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

/* Where a position falls in a page: 0 before it, 64 after it. */
static uint32_t
within_page (uint32_t position, uint32_t page)
{
  uint32_t before = page * ENGINE_PAGE_TOKENS;

  return position <= before ? 0 : MIN (position - before, ENGINE_PAGE_TOKENS);
}

/* The block's keys in a page, values behind them. */
static uint8_t *
keys_of (const CpuRun *run, const CpuStep *step, const Block *block, uint32_t page)
{
  return cpu_kv_head (run->executable->model, step->op,
                      block->timeline->pages[step->op->group][page], block->kv_head);
}

/* from, to: [n_rows], the work's. */
static void
attend_page (const CpuRun *run, const CpuStep *step, const Block *block, CpuAttendWork *work,
             uint32_t *from, uint32_t *to, uint32_t page)
{
  uint32_t group = group_of (step);

  for (uint32_t r = 0; r < work->n_rows; r++) {
    uint32_t query = block->first + r / group;

    from[r] = within_page (cpu_first_seen (step->op, block->timeline, query), page);
    to[r] = within_page (cpu_end_seen (step->op, block->timeline, query), page);
  }
  work->k = keys_of (run, step, block, page);
  work->next_k = page < block->last_page ? keys_of (run, step, block, page + 1) : NULL;
  work->v = work->k + cpu_kv_key_bytes (run->executable->model->kv[step->op->group].type, step->op);
  cpu_run_kv (run, step->op)->attend (work);
}

void
cpu_attention_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const GraphOp *op = step->op;
  Block block = find_block (run, step, unit);
  uint32_t n_rows = block.n_queries * group_of (step);
  float *q = cpu_run_scratch (run, worker), *max = q + (size_t) n_rows * op->d_key;
  float *sum = max + n_rows, *out = sum + n_rows;
  uint32_t *from = (uint32_t *) (void *) (out + (size_t) n_rows * op->d_value);
  uint32_t *to = from + n_rows;
  CpuActBlock *q_act = (CpuActBlock *) (void *) (to + n_rows);
  CpuAttendWork work = {
    .n_rows = n_rows,
    .d_key = op->d_key,
    .d_value = op->d_value,
    .q = q,
    .q_act = q_act,
    .products = run->kernels->matmul,
    .from = from,
    .to = to,
    .cap = op->cap,
    .max = max,
    .sum = sum,
    .out = out,
    .scratch = (float *) (void *) (q_act + (size_t) n_rows * (op->d_key / CPU_BLOCK)),
  };

  gather_queries (run, step, &block, q);
  if (cpu_run_kv (run, op)->multiplies_integers)
    run->kernels->quantise (q, n_rows * op->d_key, FALSE, q_act);
  if (step->before != NULL && cpu_run_has_few (run, step) &&
      block.last_page >= block.timeline->position / ENGINE_PAGE_TOKENS)
    store_new_keys (run, step, &block, work.scratch);
  clear_state (&work);
  for (uint32_t page = block.first_page; page <= block.last_page; page++) {
    attend_page (run, step, &block, &work, from, to, page);
    if (block.split) {
      keep_partial (run, step, &block, &work, page);
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
    split = split || n_splits_of (run, step, &run->batch->runs[i]) > 1;
  return split ? run->batch->n_tokens * step->op->n_heads : 0;
}

/* One head of one token over all its pages. */
void
cpu_merge_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const CpuPartial *partial = &run->executable->partial;
  const EngineBatchRun *timeline = run->batch->runs;
  uint32_t token = unit / step->op->n_heads, head = unit % step->op->n_heads, query, last;
  uint32_t d_value = step->op->d_value;
  float max = -INFINITY, sum = 0, *out = cpu_run_scratch (run, worker);

  while (token >= timeline->first + timeline->n_tokens)
    timeline++;
  if (n_splits_of (run, step, timeline) == 1)
    return;
  query = token - timeline->first;
  last = (cpu_end_seen (step->op, timeline, query) - 1) / ENGINE_PAGE_TOKENS;
  memset (out, 0, d_value * sizeof *out);
  for (uint32_t page = first_page_of (step, timeline, query); page <= last; page++) {
    size_t at = partial_index (run, step, token, head, page);

    run->kernels->merge (&max, &sum, out, partial->max[at], partial->sum[at],
                         partial->out + at * d_value, d_value);
  }
  finish_head (run, step, token, head, max, sum, out);
}
