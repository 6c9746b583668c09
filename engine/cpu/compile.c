/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a plan to steps: looks weights up, decides which activations are also needed as integers
 * and who writes them, and lays out all memory that a run touches. Must not run anything. */
#include "engine/cpu/internal.h"
#include "engine/pages.h"

#include <string.h>

#define SLACK_BYTES ((size_t) 64) /* a last vector may reach past a buffer */

/* ---- memory --------------------------------------------------------------------------------- */

/* Reserves room in the arena and returns its offset. */
static size_t
reserve (CpuExecutable *x, size_t bytes)
{
  size_t offset = x->arena_bytes;

  x->arena_bytes += cpu_align_up (bytes + SLACK_BYTES);
  return offset;
}

static void
size_worker_scratch (CpuExecutable *x)
{
  const GraphPlan *plan = x->plan;
  uint32_t lanes = x->model->backend->kernels->lanes;
  size_t attention = 0, strips = 0, bytes;
  const ModelHparams *h = &plan->desc->h;
  uint32_t widest = MAX (4 * MAX (h->d_state, h->d_state_value), cpu_conv_scratch_floats (h));

  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];

    if (graph_op_uses_kv (op)) {
      uint32_t rows = MAX (CPU_ATTEND_ROWS, CPU_FEW_ROWS * (op->n_heads / op->n_heads_kv));

      attention = MAX (attention, cpu_attention_scratch_floats (rows, op->d_key, op->d_value));
    }
    widest = MAX (widest, op->src_width);
    for (uint32_t w = 0; w < op->n_weights; w++) {
      size_t columns = op->weights[w]->ne[0];

      widest = MAX (widest, (uint32_t) columns);
      if (cpu_pack_format (op->weights[w]->type, lanes) == CPU_FORMAT_EXPANDED)
        strips = MAX (strips, 2 * lanes * columns / CPU_BLOCK * CPU_EXPANDED_BLOCK_BYTES);
    }
  }
  for (unsigned b = 0; b < CPU_N_BUFFERS; b++)
    widest = MAX (widest, x->width[b]);
  bytes = cpu_align_up (MAX (MAX (attention, widest) * sizeof (float), strips) + SLACK_BYTES);
  x->own_act_offset = bytes;
  bytes += cpu_align_up ((size_t) CPU_FEW_ROWS * (widest / CPU_BLOCK) * sizeof (CpuActBlock));
  x->own_row_offset = bytes;
  bytes += cpu_align_up ((size_t) CPU_FEW_ROWS * widest * sizeof (float) + SLACK_BYTES);
  x->worker_scratch_bytes = bytes;
}

/* The largest results of one page that an ATTENTION op leaves for a token, in floats: numbers of
 * heads, and their values. */
static void
size_partials (const GraphPlan *plan, size_t *n_heads, size_t *n_values)
{
  *n_heads = *n_values = 0;
  for (uint32_t i = 0; i < plan->n_ops; i++)
    if (graph_op_uses_kv (&plan->ops[i])) {
      const GraphOp *op = &plan->ops[i];

      *n_heads = MAX (*n_heads, op->n_heads);
      *n_values = MAX (*n_values, (size_t) op->n_heads * op->d_value);
    }
}

static size_t
file_rows_bytes (const CpuExecutable *x)
{
  const ModelTensor *table = x->file_op != NULL ? x->file_op->weights[0] : NULL;

  return table == NULL ? 0
                       : x->plan->max_tokens * model_type_row_bytes (table->type, table->ne[0]);
}

/* Where in the arena everything lies. */
typedef struct {
  size_t buffer[CPU_N_BUFFERS], quantised[CPU_N_BUFFERS];
  size_t part_max, part_sum, rope, partial_max, partial_sum, partial_out, scratch, file_rows;
} Arena;

/* Sums up arena_bytes. */
static void
lay_out (CpuExecutable *x, const gboolean needs_quantised[CPU_N_BUFFERS], Arena *at)
{
  const GraphPlan *plan = x->plan;
  const ModelHparams *h = &plan->desc->h;
  size_t parts = (size_t) plan->max_outputs * (h->n_vocab / CPU_PART + 1);
  size_t pages = (size_t) CPU_FEW_ROWS * x->partial.n_pages, n_heads, n_values;
  size_t n_workers = cpu_pool_n_workers (x->model->backend->pool);

  for (unsigned b = 0; b < CPU_N_BUFFERS; b++) {
    uint32_t rows = b >= GRAPH_N_BUFFERS ? plan->max_tokens : graph_plan_buffer_rows (plan, b);
    size_t n = (size_t) rows * x->width[b];

    at->buffer[b] = reserve (x, n * sizeof (float));
    at->quantised[b] =
        reserve (x, needs_quantised[b] ? n / CPU_BLOCK * sizeof (CpuActBlock) : 0);
  }
  at->part_max = reserve (x, parts * sizeof (float));
  at->part_sum = reserve (x, parts * sizeof (float));
  at->rope =
      reserve (x, (size_t) x->rotations->len * plan->max_tokens * x->d_rope * sizeof (float));
  size_worker_scratch (x);
  size_partials (plan, &n_heads, &n_values);
  at->partial_max = reserve (x, pages * n_heads * sizeof (float));
  at->partial_sum = reserve (x, pages * n_heads * sizeof (float));
  at->partial_out = reserve (x, pages * n_values * sizeof (float));
  at->scratch = reserve (x, x->worker_scratch_bytes * n_workers);
  at->file_rows = reserve (x, file_rows_bytes (x));
}

static gboolean
allocate (CpuExecutable *x, const gboolean needs_quantised[CPU_N_BUFFERS], const Arena *at,
          GError **error)
{
  x->arena = engine_pages_map (x->arena_bytes);
  if (x->arena == NULL) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                 "The system refused %.1f MB of working memory; choose a smaller chunk.",
                 (double) x->arena_bytes / 1e6);
    return FALSE;
  }
  for (unsigned b = 0; b < CPU_N_BUFFERS; b++) {
    x->buffer[b] = (float *) (void *) (x->arena + at->buffer[b]);
    if (needs_quantised[b])
      x->quantised[b] = (CpuActBlock *) (void *) (x->arena + at->quantised[b]);
  }
  x->part_max = (float *) (void *) (x->arena + at->part_max);
  x->part_sum = (float *) (void *) (x->arena + at->part_sum);
  x->rope = (float *) (void *) (x->arena + at->rope);
  x->worker_scratch = x->arena + at->scratch;
  x->file_rows = x->arena + at->file_rows;
  x->partial.max = (float *) (void *) (x->arena + at->partial_max);
  x->partial.sum = (float *) (void *) (x->arena + at->partial_sum);
  x->partial.out = (float *) (void *) (x->arena + at->partial_out);
  return TRUE;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static const struct {
  CpuUnitsFunc units;
  CpuWorkFunc work;
} step_functions[GRAPH_N_OPS] = {
  [GRAPH_OP_EMBED] = { cpu_embed_units, cpu_embed_work },
  [GRAPH_OP_NORM] = { cpu_norm_units, cpu_norm_work },
  [GRAPH_OP_LAYER_NORM] = { cpu_norm_units, cpu_norm_work },
  [GRAPH_OP_MATMUL] = { cpu_matmul_units, cpu_matmul_work },
  [GRAPH_OP_ROPE_STORE] = { cpu_rope_store_units, cpu_rope_store_work },
  [GRAPH_OP_ATTENTION] = { cpu_attention_units, cpu_attention_work },
  [GRAPH_OP_GATED] = { cpu_matmul_units, cpu_matmul_work },
  [GRAPH_OP_ROUTE] = { cpu_route_units, cpu_route_work },
  [GRAPH_OP_EXPERTS_GATED] = { cpu_experts_units, cpu_experts_work },
  [GRAPH_OP_EXPERTS_DOWN] = { cpu_experts_units, cpu_experts_work },
  [GRAPH_OP_GATE] = { cpu_gate_units, cpu_gate_work },
  [GRAPH_OP_CONV] = { cpu_conv_units, cpu_conv_work },
  [GRAPH_OP_DELTA_NET] = { cpu_delta_net_units, cpu_delta_net_work },
  [GRAPH_OP_SSM] = { cpu_ssm_units, cpu_ssm_work },
  [GRAPH_OP_SPLIT_GATES] = { cpu_split_gates_units, cpu_split_gates_work },
  [GRAPH_OP_SIGMOID_GATE] = { cpu_sigmoid_gate_units, cpu_sigmoid_gate_work },
  [GRAPH_OP_GATHER] = { cpu_gather_units, cpu_gather_work },
  [GRAPH_OP_POOL] = { cpu_pool_units, cpu_pool_work },
  [GRAPH_OP_CANDIDATES] = { cpu_parts_units, cpu_parts_work },
};

static CpuStep *
add_step (CpuExecutable *x, const GraphOp *op, CpuUnitsFunc units, CpuWorkFunc work)
{
  CpuStep *step = &x->steps[x->n_steps++];

  *step = (CpuStep) { .units = units, .work = work, .op = op, .src = op->src, .dst = op->dst };
  return step;
}

static const CpuWeight *
weight_of (const CpuExecutable *x, const GraphOp *op, uint32_t w)
{
  return g_hash_table_lookup (x->model->weights, op->weights[w]);
}

static const float *
vector_of (const CpuExecutable *x, const ModelTensor *tensor)
{
  return tensor != NULL ? g_hash_table_lookup (x->model->vectors, tensor) : NULL;
}

/* Whether a product reads its source as integers. */
static gboolean
reads_quantised (const CpuExecutable *x, const GraphOp *op)
{
  if (op->src == GRAPH_BUFFER_NONE)
    return FALSE;
  for (uint32_t w = 0; w < op->n_weights; w++)
    if (cpu_format_is_quantised (weight_of (x, op, w)->format))
      return TRUE;
  return FALSE;
}

static uint32_t
rope_table_of (CpuExecutable *x, uint32_t rotation)
{
  guint index = 0;

  while (index < x->rotations->len && g_array_index (x->rotations, uint32_t, index) != rotation)
    index++;
  if (index == x->rotations->len)
    g_array_append_val (x->rotations, rotation);
  return index;
}

static void
allocate_experts (CpuExecutable *x)
{
  const ModelHparams *h = &x->plan->desc->h;
  size_t n_pairs = (size_t) x->plan->max_tokens * h->n_experts_used;

  x->experts.groups = g_new (CpuExpertGroup, cpu_most_groups (h, x->plan->max_tokens));
  x->experts.pairs = g_new (uint32_t, n_pairs);
  x->experts.tokens = g_new (uint32_t, n_pairs);
  x->experts.next = g_new (uint32_t, h->n_experts);
}

static void
allocate_progress (CpuExecutable *x)
{
  x->shares_stride = cpu_align_up (x->n_steps * sizeof *x->shares) / sizeof *x->shares;
  x->shares = g_aligned_alloc0 (x->shares_stride * cpu_pool_n_workers (x->model->backend->pool),
                                sizeof *x->shares, CPU_CACHE_LINE);
  x->progress = g_aligned_alloc0 (1, sizeof *x->progress, CPU_CACHE_LINE);
}

static gboolean
is_gated (const GraphOp *op)
{
  return op->kind == GRAPH_OP_GATED || op->kind == GRAPH_OP_EXPERTS_GATED;
}

static gboolean
is_product (const GraphOp *op)
{
  return step_functions[op->kind].work == cpu_matmul_work ||
         step_functions[op->kind].work == cpu_experts_work;
}

static void
set_weights (CpuExecutable *x, CpuStep *step)
{
  const GraphOp *op = step->op;

  step->n_weights = op->from_file ? 0 : op->n_weights;
  for (uint32_t w = 0; w < step->n_weights; w++)
    step->weights[w] = weight_of (x, op, w);
  for (uint32_t b = 0; b < GRAPH_MAX_WEIGHTS; b++)
    step->biases[b] = vector_of (x, op->biases[b]);
  if (is_product (op))
    step->begin = cpu_matmul_begin;
}

/* A gate and an up of different formats: two products and then the activation. */
static void
add_mixed_gated (CpuExecutable *x, const GraphOp *op)
{
  for (uint32_t w = 0; w < 2; w++) {
    CpuStep *step =
        add_step (x, op, step_functions[op->kind].units, step_functions[op->kind].work);

    set_weights (x, step);
    step->n_weights = 1;
    step->weights[0] = step->weights[w];
    step->biases[0] = step->biases[w];
    if (w == 1)
      step->dst = CPU_BUFFER_UP;
  }
  add_step (x, op, cpu_gate_units, cpu_gate_work);
  x->width[CPU_BUFFER_UP] = MAX (x->width[CPU_BUFFER_UP], op->dst_width);
}

/* Whether nobody but the op after reads the buffer that op i writes. */
static gboolean
only_next_reads (const GraphPlan *plan, uint32_t i)
{
  GraphBuffer buffer = plan->ops[i].dst;

  return i + 1 < plan->n_ops && plan->ops[i + 1].src == buffer &&
         !graph_plan_is_read_after (plan, i + 1, buffer);
}

static gboolean
is_norm (const GraphOp *op)
{
  return op->kind == GRAPH_OP_NORM || op->kind == GRAPH_OP_LAYER_NORM;
}

/* Lets the step of op i do the work of op i - 1 when there are few rows. before: the last step
 * of op i - 1. Workers begin at different times, so what op i - 1 reads must not be what op i
 * writes. */
static void
join_steps (const GraphPlan *plan, uint32_t i, CpuStep *before, CpuStep *step)
{
  const GraphOp *op = &plan->ops[i], *last = op - 1;
  gboolean product = op->kind == GRAPH_OP_MATMUL || op->kind == GRAPH_OP_GATED;
  gboolean norm = product && is_norm (last);
  gboolean store = op->kind == GRAPH_OP_ATTENTION && last->kind == GRAPH_OP_ROPE_STORE &&
                   last->layer == op->layer && last->group == op->group;

  if ((!norm && !store) || last->accumulate || last->scale != 1 || last->src == op->dst ||
      !only_next_reads (plan, i - 1))
    return;
  step->before = before;
  before->joined = TRUE;
}

static void
add_plain (CpuExecutable *x, uint32_t i, gboolean write_quantised)
{
  const GraphOp *op = &x->plan->ops[i];
  CpuStep *step = add_step (x, op, step_functions[op->kind].units, step_functions[op->kind].work);
  CpuStep *before = step;

  set_weights (x, step);
  step->gated = is_gated (op);
  step->write_quantised = write_quantised;
  while (before > x->steps && before->op == op)
    before--;
  if (i > 0 && before->op == op - 1 && !graph_plan_starts_segment (x->plan, i))
    join_steps (x->plan, i, before, step);
  step->vector = vector_of (x, op->vector);
  step->k_norm = vector_of (x, op->k_norm);
  step->factor = vector_of (x, op->factor);
  step->steps = vector_of (x, op->step);
  step->decay = vector_of (x, op->decay);
  step->skip = vector_of (x, op->skip);
  if (op->kind == GRAPH_OP_ROPE_STORE && op->rotation != MODEL_NO_ROTATION)
    step->rope_table = rope_table_of (x, op->rotation);
  if (op->kind == GRAPH_OP_ROUTE)
    add_step (x, op, cpu_group_units, cpu_group_work)->vector = step->vector;
  if (op->kind == GRAPH_OP_EXPERTS_DOWN) {
    step->dst = CPU_BUFFER_PARTS;
    x->width[CPU_BUFFER_PARTS] = x->plan->desc->h.n_experts_used * op->dst_width;
    add_step (x, op, cpu_mix_units, cpu_mix_work);
  }
  if (op->kind == GRAPH_OP_ATTENTION)
    add_step (x, op, cpu_merge_units, cpu_merge_work)->vector = step->vector;
  if (op->kind == GRAPH_OP_CANDIDATES)
    add_step (x, op, cpu_candidates_units, cpu_candidates_work);
}

/* needs_quantised: buffers that some product reads as integers. quantised: those whose integers are
 * up to date at this point of the plan. */
static void
add_op (CpuExecutable *x, uint32_t i, const gboolean needs_quantised[CPU_N_BUFFERS],
        gboolean quantised[CPU_N_BUFFERS])
{
  const GraphOp *op = &x->plan->ops[i];
  gboolean write_quantised =
      is_norm (op) && op->dst < GRAPH_N_BUFFERS && needs_quantised[op->dst];

  if (reads_quantised (x, op) && !quantised[op->src]) {
    add_step (x, op, cpu_quantise_units, cpu_quantise_work);
    quantised[op->src] = TRUE;
  }
  if (is_gated (op) && weight_of (x, op, 0)->format != weight_of (x, op, 1)->format)
    add_mixed_gated (x, op);
  else
    add_plain (x, i, write_quantised);
  if (op->dst < GRAPH_N_BUFFERS)
    quantised[op->dst] = write_quantised;
}

/* One step per table, before everything else; they are made for the batch's positions. */
static void
add_rope_tables (CpuExecutable *x)
{
  for (uint32_t i = 0; i < x->plan->n_ops; i++) {
    const GraphOp *op = &x->plan->ops[i];
    uint32_t n = x->rotations->len;

    if (op->kind == GRAPH_OP_ROPE_STORE && op->rotation != MODEL_NO_ROTATION)
      x->d_rope = MAX (x->d_rope, x->plan->desc->rotations[op->rotation].d_rope);
    if (op->kind == GRAPH_OP_ROPE_STORE && op->rotation != MODEL_NO_ROTATION &&
        rope_table_of (x, op->rotation) == n)
      add_step (x, op, cpu_rope_table_units, cpu_rope_table_work)->rope_table = n;
  }
}

/* Steps never work across the end of a segment, and of what lies in buffers then the floats alone
 * are known. */
static void
add_ops (CpuExecutable *x, const gboolean needs_quantised[CPU_N_BUFFERS])
{
  uint32_t n_segments = graph_plan_n_segments (x->plan);

  x->segment_first = g_new0 (uint32_t, n_segments + 1);
  for (uint32_t s = 0; s < n_segments; s++) {
    gboolean quantised[CPU_N_BUFFERS] = { FALSE };

    for (uint32_t i = graph_plan_segment_first (x->plan, s);
         i < graph_plan_segment_first (x->plan, s + 1); i++)
      add_op (x, i, needs_quantised, quantised);
    x->segment_first[s + 1] = x->n_steps;
  }
}

static gboolean
has_kv (const CpuModel *model, const GraphOp *op)
{
  const CpuKv *kv = &model->kv[op->group];

  return op->layer < kv->n_layers && op->n_heads_kv * cpu_kv_head_bytes (kv->type, op) <=
                                         kv->offset[op->layer + 1] - kv->offset[op->layer];
}

/* All weights and vectors of the plan must have been loaded, every layer have its KV. */
static gboolean
check (const CpuModel *model, const GraphPlan *plan, GError **error)
{
  gboolean ok = plan->max_tokens > 0;

  for (uint32_t i = 0; ok && i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    const ModelTensor *vectors[GRAPH_MAX_VECTORS];
    uint32_t n_vectors = graph_op_vectors (op, vectors);

    for (uint32_t w = 0; w < op->n_weights && !op->from_file; w++)
      ok = ok && g_hash_table_contains (model->weights, op->weights[w]);
    for (uint32_t v = 0; v < n_vectors; v++)
      ok = ok && g_hash_table_contains (model->vectors, vectors[v]);
    ok = ok && (!graph_op_uses_kv (op) || has_kv (model, op));
  }
  if (!ok)
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "The plan refers to tensors that were not loaded.");
  return ok;
}

/* Steps, and where their memory will be. */
static CpuExecutable *
shape_of (CpuModel *model, const GraphPlan *plan, gboolean needs_quantised[CPU_N_BUFFERS],
          Arena *at)
{
  CpuExecutable *x = g_new0 (CpuExecutable, 1);

  x->base.model = &model->base;
  x->model = model;
  x->plan = plan;
  x->rotations = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  memcpy (x->width, plan->buffer_width, sizeof plan->buffer_width);
  x->partial.n_pages = MAX (model->kv[GRAPH_KV_FULL].n_pages, model->kv[GRAPH_KV_WINDOW].n_pages);
  x->steps = g_new0 (CpuStep, (size_t) plan->n_ops * 4);
  x->n_positions = UINT32_MAX;
  x->one_byte = !model_desc_has (plan->desc, MODEL_HEAD);
  x->in_pairs = cpu_adds_beside ();
  x->asks_ahead = cpu_stops_at_pages ();
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    if (reads_quantised (x, &plan->ops[i]))
      needs_quantised[plan->ops[i].src] = TRUE;
    if (plan->ops[i].group == GRAPH_KV_WINDOW)
      x->window_tokens = MAX (x->window_tokens, plan->ops[i].window_tokens > 0
                                                    ? plan->ops[i].window_tokens
                                                    : UINT32_MAX);
    if (plan->ops[i].kind == GRAPH_OP_EMBED && plan->ops[i].pick == GRAPH_PICK_POSITION)
      x->n_positions = plan->ops[i].weights[0]->ne[1];
    if (plan->ops[i].from_file)
      x->file_op = &plan->ops[i];
  }
  add_rope_tables (x);
  add_ops (x, needs_quantised);
  lay_out (x, needs_quantised, at);
  return x;
}

EngineBackendExecutable *
cpu_executable_compile (EngineBackendModel *base, const GraphPlan *plan, GError **error)
{
  CpuModel *model = (CpuModel *) base;
  gboolean needs_quantised[CPU_N_BUFFERS] = { FALSE };
  CpuExecutable *x;
  Arena at;

  if (!check (model, plan, error))
    return NULL;
  x = shape_of (model, plan, needs_quantised, &at);
  allocate_progress (x);
  if (model->backend->finds_knee)
    cpu_knee_begin (&x->knee, cpu_pool_n_workers (model->backend->pool));
  else
    cpu_knee_set_all (&x->knee, cpu_pool_n_workers (model->backend->pool));
  allocate_experts (x);
  if (!allocate (x, needs_quantised, &at, error)) {
    cpu_executable_discard (&x->base);
    return NULL;
  }
  model->scratch_bytes += x->arena_bytes;
  return &x->base;
}

size_t
cpu_executable_measure (CpuModel *model, const GraphPlan *plan)
{
  gboolean needs_quantised[CPU_N_BUFFERS] = { FALSE };
  Arena at;
  CpuExecutable *x = shape_of (model, plan, needs_quantised, &at);
  size_t bytes = x->arena_bytes;

  cpu_executable_discard (&x->base);
  return bytes;
}

void
cpu_executable_discard (EngineBackendExecutable *base)
{
  CpuExecutable *x = (CpuExecutable *) base;

  if (x == NULL)
    return;
  cpu_pool_stop (x->model->backend->pool);
  if (x->arena != NULL) {
    x->model->scratch_bytes -= x->arena_bytes;
    engine_pages_unmap (x->arena, x->arena_bytes);
  }
  g_array_unref (x->rotations);
  g_free (x->experts.groups);
  g_free (x->experts.pairs);
  g_free (x->experts.tokens);
  g_free (x->experts.next);
  g_aligned_free (x->shares);
  g_aligned_free (x->progress);
  g_free (x->steps);
  g_free (x->segment_first);
  g_free (x);
}
