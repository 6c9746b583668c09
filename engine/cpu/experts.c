/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mixtures of experts: which experts a token goes to, the pairs of token and expert sorted by
 * expert, so that an expert's rows are read once for all tokens of a batch that use it, and the
 * products of these pairs. A token's results are summed in the order of its choice, whatever else
 * is in the batch. Must not know formats or instruction sets. */
#include "engine/cpu/internal.h"

#include <math.h>
#include <string.h>

#define TOKENS_PER_UNIT  8
#define ROWS_PER_UNIT    32              /* with many pairs */
#define UNITS_PER_WORKER 8               /* with few, when memory is the limit */
#define MOST_UNITS       (1u << 19)      /* of a step; run.c counts to twice that */
#define LEAST_SUM        6.103515625e-5f /* that weights are divided by */

/* ---- ROUTE ---------------------------------------------------------------------------------- */

/* The largest logits with their ids, by falling logit, ties by rising id. Not a number is never
 * larger than another. */
static void
choose (const float *logits, uint32_t n, uint32_t n_used, uint32_t *ids, float *largest)
{
  for (uint32_t i = 0; i < n; i++) {
    uint32_t at = MIN (i, n_used);

    while (at > 0 && logits[i] > largest[at - 1])
      at--;
    if (at == n_used)
      continue;
    for (uint32_t j = MIN (i, n_used - 1); j > at; j--) {
      ids[j] = ids[j - 1];
      largest[j] = largest[j - 1];
    }
    ids[at] = i;
    largest[at] = logits[i];
  }
}

/* weights: the largest logits, become what the experts' results are multiplied by. */
static void
weigh (const CpuRun *run, const float *logits, uint32_t n, float *weights)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  float max = 0, total = 1, sum = 0;

  if (h->gating == MODEL_GATING_SOFTMAX)
    run->kernels->max_sum_exp (logits, n, &max, &total);
  else if (h->gating == MODEL_GATING_SOFTMAX_OF_USED)
    run->kernels->max_sum_exp (weights, h->n_experts_used, &max, &total);
  for (uint32_t i = 0; i < h->n_experts_used; i++) {
    if (h->gating == MODEL_GATING_SIGMOID)
      weights[i] = 1 / (1 + expf (-weights[i]));
    else
      weights[i] = expf (weights[i] - max) / total;
    sum += weights[i];
  }
  for (uint32_t i = 0; i < h->n_experts_used; i++) {
    if (h->norm_used)
      weights[i] /= sum < LEAST_SUM ? LEAST_SUM : sum;
    weights[i] *= h->expert_scale;
  }
}

static void
route_row (const CpuRun *run, const CpuStep *step, uint32_t token)
{
  uint32_t n_used = run->executable->plan->desc->h.n_experts_used;
  const float *logits = cpu_run_row (run, step->src, token);
  uint32_t n = step->op->src_width;
  float *dst = cpu_run_row (run, step->dst, token);

  choose (logits, n, n_used, (uint32_t *) (void *) dst, dst + n_used);
  weigh (run, logits, n, dst + n_used);
  for (uint32_t i = 0; step->vector != NULL && i < n_used; i++)
    dst[n_used + i] *= step->vector[cpu_run_chosen (run, step->dst, token * n_used + i)];
}

/* Few rows are left to the step after, which one worker does. */
uint32_t
cpu_route_units (CpuRun *run, const CpuStep *step)
{
  if (cpu_run_has_few (run, step))
    return 0;
  return (run->batch->n_tokens + TOKENS_PER_UNIT - 1) / TOKENS_PER_UNIT;
}

void
cpu_route_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  uint32_t first = unit * TOKENS_PER_UNIT;

  for (uint32_t t = first; t < MIN (first + TOKENS_PER_UNIT, run->batch->n_tokens); t++)
    route_row (run, step, t);
}

uint32_t
cpu_group_units (CpuRun *run, const CpuStep *step)
{
  return 1;
}

/* Sorts the batch's pairs by expert, and cuts what goes to one expert into groups. */
void
cpu_group_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  CpuExperts *experts = &run->executable->experts;
  uint32_t n_used = h->n_experts_used, at = 0;

  for (uint32_t t = 0; t < run->batch->n_tokens && cpu_run_has_few (run, step); t++)
    route_row (run, step, t);
  memset (experts->next, 0, h->n_experts * sizeof *experts->next);
  for (uint32_t pair = 0; pair < run->batch->n_tokens * n_used; pair++)
    experts->next[cpu_run_chosen (run, step->dst, pair)]++;
  experts->n_groups = 0;
  for (uint32_t e = 0; e < h->n_experts; e++) {
    uint32_t n = experts->next[e];

    experts->next[e] = at;
    for (uint32_t first = 0; first < n; first += CPU_GROUP_PAIRS)
      experts->groups[experts->n_groups++] =
          (CpuExpertGroup) { e, at + first, MIN (n - first, CPU_GROUP_PAIRS), first == 0 };
    at += n;
  }
  for (uint32_t pair = 0; pair < run->batch->n_tokens * n_used; pair++) {
    at = experts->next[cpu_run_chosen (run, step->dst, pair)]++;
    experts->pairs[at] = pair;
    experts->tokens[at] = pair / n_used;
  }
}

/* ---- products ------------------------------------------------------------------------------- */

/* Steps are cut before anything is routed: into as many units as there can be. */
static uint32_t
most_groups (const CpuRun *run)
{
  return cpu_most_groups (&run->executable->plan->desc->h, run->batch->n_tokens);
}

static uint32_t
strips_per_unit (const CpuRun *run, const CpuStep *step)
{
  unsigned n_workers = cpu_pool_n_workers (run->executable->model->backend->pool);
  const CpuWeight *weight = step->weights[0];
  uint64_t n_strips = (uint64_t) weight->n_strips * most_groups (run);
  uint32_t strips = MAX (ROWS_PER_UNIT / weight->lanes, (uint32_t) (n_strips / MOST_UNITS) + 2);

  if (cpu_run_has_few (run, step))
    strips = (uint32_t) (n_strips / (UNITS_PER_WORKER * n_workers));
  return CLAMP (strips & ~1u, 2, MAX (weight->n_strips, 2)); /* kernels take strips in pairs */
}

static uint32_t
cuts_of_expert (const CpuRun *run, const CpuStep *step)
{
  uint32_t strips = strips_per_unit (run, step);

  return (step->weights[0]->n_strips + strips - 1) / strips;
}

uint32_t
cpu_experts_units (CpuRun *run, const CpuStep *step)
{
  return most_groups (run) * cuts_of_expert (run, step);
}

/* EXPERTS_GATED reads rows of tokens, EXPERTS_DOWN those of pairs, which are parts of rows. */
static void
point_at_activations (const CpuRun *run, const CpuStep *step, unsigned worker,
                      const CpuExpertGroup *group, CpuMatmulWork *work)
{
  const CpuExecutable *x = run->executable;
  const char *scratch = cpu_run_scratch (run, worker);
  gboolean down = step->op->kind == GRAPH_OP_EXPERTS_DOWN;
  size_t width = down ? work->weight->columns : x->width[step->src];

  work->act_rows = (down ? x->experts.pairs : x->experts.tokens) + group->first;
  if (!cpu_format_is_quantised (work->weight->format)) {
    work->act = x->buffer[step->src];
    work->act_stride = width * sizeof (float);
    return;
  }
  work->one_byte = x->one_byte;
  work->in_pairs = x->in_pairs;
  work->asks_ahead = x->asks_ahead;
  work->act_stride = width / CPU_BLOCK * sizeof (CpuActBlock);
  work->act = cpu_run_has_few (run, step) ? (const void *) (scratch + x->own_act_offset)
                                          : x->quantised[step->src];
}

/* Rows of one expert as a weight of its own. */
static CpuWeight
expert_of (const CpuWeight *weight, uint32_t expert)
{
  CpuWeight one = *weight;

  one.data += (size_t) expert * weight->n_strips * weight->strip_stride;
  return one;
}

void
cpu_experts_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  CpuExecutable *x = run->executable;
  uint32_t cuts = cuts_of_expert (run, step), strips = strips_per_unit (run, step);
  const CpuExpertGroup *group = &x->experts.groups[unit / cuts];
  CpuWeight first, up;
  CpuMatmulWork work;

  if (unit / cuts >= x->experts.n_groups)
    return;
  first = expert_of (step->weights[0], group->expert);
  work = (CpuMatmulWork) {
    .weight = &first,
    .activation = x->plan->desc->architecture->activation,
    .scale = 1,
    .first_strip = unit % cuts * strips,
    .n_tokens = group->n_pairs,
    .dst = x->buffer[step->dst],
    .dst_stride = first.rows,
    .dst_rows = x->experts.pairs + group->first,
    .scratch = cpu_run_scratch (run, worker),
  };
  work.n_strips = MIN (strips, first.n_strips - work.first_strip);
  if (step->biases[0] != NULL)
    work.bias = step->biases[0] + (size_t) group->expert * first.rows;
  if (step->gated) {
    up = expert_of (step->weights[1], group->expert);
    work.up = &up;
    if (step->biases[1] != NULL)
      work.up_bias = step->biases[1] + (size_t) group->expert * up.rows;
  }
  point_at_activations (run, step, worker, group, &work);
  run->kernels->matmul[first.format](&work);
  if (group->is_first)
    atomic_fetch_add_explicit (&x->experts.bytes_read,
                               work.n_strips * first.strip_bytes * (step->gated ? 2 : 1),
                               memory_order_relaxed);
}

/* ---- the sum -------------------------------------------------------------------------------- */

uint32_t
cpu_mix_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_tokens;
}

void
cpu_mix_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const GraphOp *op = step->op;
  uint32_t n_used = run->executable->plan->desc->h.n_experts_used, n = op->dst_width;
  const float *weights = cpu_run_row (run, op->route, unit) + n_used;
  float *sum = cpu_run_row (run, CPU_BUFFER_PARTS, unit), *part = sum;
  float *dst = cpu_run_row (run, op->dst, unit);

  run->kernels->scale (sum, weights[0], n, sum);
  for (uint32_t used = 1; used < n_used; used++) {
    part += n;
    for (uint32_t i = 0; i < n; i++)
      sum[i] += weights[used] * part[i];
  }
  for (uint32_t i = 0; i < n; i++)
    dst[i] = (op->accumulate ? dst[i] : 0) + op->scale * sum[i];
}
