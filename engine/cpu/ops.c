/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small steps: embedding rows, norms, quantised activations, rotation and the KV store,
 * gathering and pooling output rows. Each is split over tokens. Must not know how steps are
 * scheduled. */
#include "engine/cpu/internal.h"

#include <math.h>
#include <string.h>

#define TOKENS_PER_UNIT 8 /* of the steps that do little per token */

/* The position in its timeline of batch row `token`, and the run it belongs to. */
static uint32_t
position_of (const EngineBatch *batch, uint32_t token, const EngineBatchRun **run)
{
  uint32_t i = 0;

  while (token >= batch->runs[i].first + batch->runs[i].n_tokens)
    i++;
  *run = &batch->runs[i];
  return batch->runs[i].position + token - batch->runs[i].first;
}

/* ---- EMBED ---------------------------------------------------------------------------------- */

uint32_t
cpu_embed_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_tokens;
}

static uint32_t
pick_row (const CpuRun *run, GraphPick pick, uint32_t token)
{
  const EngineBatchRun *timeline;

  switch (pick) {
  case GRAPH_PICK_POSITION:
    return position_of (run->batch, token, &timeline);
  case GRAPH_PICK_FIRST:
    return 0;
  default:
    return (uint32_t) run->batch->tokens[token];
  }
}

void
cpu_embed_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const ModelTensor *table = step->op->weights[0];
  uint32_t n = (uint32_t) table->ne[0];
  float *dst = cpu_run_row (run, step->dst, unit);
  float *row = step->op->accumulate ? cpu_run_scratch (run, worker) : dst;

  if (step->op->from_file)
    table->type->to_f32 (run->executable->file_rows + unit * model_type_row_bytes (table->type, n),
                         row, n);
  else
    cpu_pack_row_to_f32 (step->weights[0], pick_row (run, step->op->pick, unit), row);
  if (step->op->scale != 1)
    run->kernels->scale (row, step->op->scale, n, row);
  for (uint32_t i = 0; step->op->accumulate && i < n; i++)
    dst[i] += row[i];
}

/* ---- NORM, quantising ----------------------------------------------------------------------- */

uint32_t
cpu_norm_units (CpuRun *run, const CpuStep *step)
{
  return step->joined && cpu_run_has_few (run, step) ? 0 : cpu_run_rows (run, step);
}

void
cpu_norm_row (const CpuRun *run, const CpuStep *step, const float *src, float *dst)
{
  float epsilon = run->executable->plan->desc->h.norm_epsilon;
  size_t n = step->op->src_width;

  if (step->op->kind == GRAPH_OP_LAYER_NORM)
    run->kernels->layer_norm (src, step->vector, step->biases[0], epsilon, step->op->src_width,
                              dst);
  else
    for (uint32_t part = 0; part < graph_op_n_parts (step->op); part++)
      run->kernels->norm (src + part * n, step->vector + part % step->op->vector->ne[1] * n,
                          epsilon, step->op->src_width, dst + part * n);
}

void
cpu_norm_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const GraphOp *op = step->op;
  uint32_t n = graph_op_n_parts (op) * op->src_width;
  float *dst = cpu_run_row (run, step->dst, unit), factor = 1;
  float *row = op->accumulate ? cpu_run_scratch (run, worker) : dst;

  cpu_norm_row (run, step, cpu_run_row (run, step->src, unit), row);
  if (op->scale != 1)
    run->kernels->scale (row, op->scale, n, row);
  if (step->factor != NULL)
    factor = step->factor[0];
  for (uint32_t i = 0; op->accumulate && i < n; i++)
    dst[i] = (dst[i] + row[i]) * factor;
  if (step->write_quantised)
    run->kernels->quantise (dst, n, run->executable->one_byte,
                            cpu_run_quantised_row (run, step->dst, unit));
}

/* For products whose source was not left in quantised form by the step that made it. */
uint32_t
cpu_quantise_units (CpuRun *run, const CpuStep *step)
{
  return cpu_run_has_few (run, step) ? 0 : cpu_run_rows (run, step);
}

void
cpu_quantise_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  run->kernels->quantise (cpu_run_row (run, step->src, unit), step->op->src_width,
                          run->executable->one_byte,
                          cpu_run_quantised_row (run, step->src, unit));
}

/* ---- ROPE_STORE ----------------------------------------------------------------------------- */

/* Cosines of a batch row, d_rope / 2; the sines follow. */
static float *
rope_row (const CpuRun *run, uint32_t table, uint32_t token)
{
  const CpuExecutable *x = run->executable;

  return x->rope + ((size_t) table * x->plan->max_tokens + token) * x->d_rope;
}

uint32_t
cpu_rope_table_units (CpuRun *run, const CpuStep *step)
{
  return (run->batch->n_tokens + TOKENS_PER_UNIT - 1) / TOKENS_PER_UNIT;
}

/* Angles in double: a position of 100,000 leaves a float no digits for its cosine. */
void
cpu_rope_table_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const CpuExecutable *x = run->executable;
  uint32_t index = g_array_index (x->rotations, uint32_t, step->rope_table);
  const ModelRotation *rotation = &x->plan->desc->rotations[index];
  uint32_t half = rotation->d_rope / 2, first = unit * TOKENS_PER_UNIT;
  uint32_t last = MIN (first + TOKENS_PER_UNIT, run->batch->n_tokens);

  for (uint32_t t = first; t < last; t++) {
    const EngineBatchRun *timeline;
    double position = position_of (run->batch, t, &timeline);
    float *row = rope_row (run, step->rope_table, t);

    for (uint32_t i = 0; i < half; i++) {
      double angle = position * (double) rotation->frequency[i];

      row[i] = rotation->magnitude * (float) cos (angle);
      row[half + i] = rotation->magnitude * (float) sin (angle);
    }
  }
}

uint32_t
cpu_rope_store_units (CpuRun *run, const CpuStep *step)
{
  if (step->joined && cpu_run_has_few (run, step))
    return 0;
  return (run->batch->n_tokens + TOKENS_PER_UNIT - 1) / TOKENS_PER_UNIT;
}

void
cpu_turn_heads (const CpuRun *run, const CpuStep *step, uint32_t token, const float *norm,
                uint32_t n_heads, float *x)
{
  const ModelDesc *desc = run->executable->plan->desc;
  const GraphOp *op = step->op;

  for (uint32_t head = 0; head < n_heads; head++, x += op->d_key) {
    if (norm != NULL)
      run->kernels->norm (x, norm, desc->h.norm_epsilon, op->d_key, x);
    if (op->rotation != MODEL_NO_ROTATION) {
      uint32_t d_rope = desc->rotations[op->rotation].d_rope;
      const float *table = rope_row (run, step->rope_table, token);

      run->kernels->rope (x, table, table + d_rope / 2, d_rope,
                          desc->architecture->rope == MODEL_ROPE_HALVES);
    }
  }
}

/* The page of a token's head, and its slot in it. */
static uint8_t *
kv_head_at (const CpuRun *run, const GraphOp *op, uint32_t head, const EngineBatchRun *timeline,
            uint32_t position, uint32_t *slot)
{
  *slot = position % ENGINE_PAGE_TOKENS;
  return cpu_kv_head (run->executable->model, op,
                      timeline->pages[op->group][position / ENGINE_PAGE_TOKENS], head);
}

void
cpu_store_key (const CpuRun *run, const GraphOp *op, uint32_t head, const EngineBatchRun *timeline,
               uint32_t position, const float *k)
{
  uint32_t slot;
  uint8_t *to = kv_head_at (run, op, head, timeline, position, &slot);

  cpu_run_kv (run, op)->store_key (k, op->d_key, slot, to);
}

/* v[d_value] by its root mean square. */
static void
norm_value (const CpuRun *run, const float *v, uint32_t d_value, float *dst)
{
  float epsilon = run->executable->plan->desc->h.norm_epsilon, sum = 0;

  for (uint32_t d = 0; d < d_value; d++)
    sum += v[d] * v[d];
  run->kernels->scale (v, 1 / sqrtf (sum / (float) d_value + epsilon), d_value, dst);
}

void
cpu_store_value (const CpuRun *run, const GraphOp *op, uint32_t head,
                 const EngineBatchRun *timeline, uint32_t position, const float *v, float *scratch)
{
  uint32_t slot;
  uint8_t *to = kv_head_at (run, op, head, timeline, position, &slot);
  ModelKvType type = run->executable->model->kv[op->group].type;

  if (op->norm_values)
    norm_value (run, v, op->d_value, scratch);
  cpu_run_kv (run, op)->store_value (op->norm_values ? scratch : v, op->d_value, slot,
                                     to + cpu_kv_key_bytes (type, op));
}

/* Stores the values of a batch row, which may be the keys as they were, and turns its keys. */
static void
store_values (const CpuRun *run, const CpuStep *step, uint32_t token, float *k, void *scratch)
{
  const GraphOp *op = step->op;
  const EngineBatchRun *timeline;
  uint32_t position = position_of (run->batch, token, &timeline);
  const float *v = op->value_is_key ? k : k + op->n_heads_kv * op->d_key;

  for (uint32_t head = 0; head < op->n_heads_kv; head++)
    cpu_store_value (run, op, head, timeline, position, v + head * op->d_value, scratch);
  cpu_turn_heads (run, step, token, step->k_norm, op->n_heads_kv, k);
}

/* Keys [first, last) of the batch, head by head: those of one head share lines of the cache. */
static void
store_keys (const CpuRun *run, const CpuStep *step, uint32_t first, uint32_t last)
{
  const GraphOp *op = step->op;

  for (uint32_t head = 0; head < op->n_heads_kv; head++)
    for (uint32_t t = first; t < last; t++) {
      const EngineBatchRun *timeline;
      uint32_t position = position_of (run->batch, t, &timeline);
      const float *k = cpu_run_row (run, step->src, t) + (op->n_heads + head) * op->d_key;

      cpu_store_key (run, op, head, timeline, position, k);
    }
}

void
cpu_rope_store_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const GraphOp *op = step->op;
  uint32_t first = unit * TOKENS_PER_UNIT;
  uint32_t last = MIN (first + TOKENS_PER_UNIT, run->batch->n_tokens);

  for (uint32_t t = first; t < last; t++) {
    float *q = cpu_run_row (run, step->src, t);

    cpu_turn_heads (run, step, t, step->vector, op->n_heads, q);
    if (!op->shares_kv)
      store_values (run, step, t, q + op->n_heads * op->d_key, cpu_run_scratch (run, worker));
  }
  if (!op->shares_kv)
    store_keys (run, step, first, last);
}

/* ---- GATHER, POOL --------------------------------------------------------------------------- */

uint32_t
cpu_gather_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_outputs;
}

void
cpu_gather_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const float *src = cpu_run_row (run, step->src, run->batch->outputs[unit]);

  memcpy (cpu_run_row (run, step->dst, unit), src,
          step->op->src_width * sizeof (float));
}

uint32_t
cpu_pool_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_outputs;
}

void
cpu_pool_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const EngineBatchRun *timeline;
  uint32_t n = step->op->src_width;
  float *dst = cpu_run_row (run, step->dst, unit);

  position_of (run->batch, run->batch->outputs[unit], &timeline);
  memset (dst, 0, n * sizeof *dst);
  for (uint32_t t = 0; t < timeline->n_tokens; t++) {
    const float *src = cpu_run_row (run, step->src, timeline->first + t);

    for (uint32_t i = 0; i < n; i++)
      dst[i] += src[i];
  }
  run->kernels->scale (dst, 1.0f / (float) timeline->n_tokens, n, dst);
}
