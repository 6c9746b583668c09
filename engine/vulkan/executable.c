/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns an executable's memory: where each activation and each parameter lies. Knows the plan's
 * shapes; recording them is recorder.c's, a batch's values are batch.c's. */
#include "engine/vulkan/executable.h"

#include <string.h>

#define ALIGNMENT   256u
#define MAX_COLUMNS 16u
/* Dispatches that one op may take. */
#define DISPATCHES_AN_OP 5u

static uint64_t
align (uint64_t bytes)
{
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint64_t
place (uint64_t *end, uint64_t bytes)
{
  uint64_t at = *end;
  *end += align (bytes);
  return at;
}

/* Up to whole tiles, as they are read and written whole. */
static uint32_t
pad_rows (const VulkanExecutable *self, uint32_t rows)
{
  gboolean tiled = self->model->backend->device->quirks.tiling != VULKAN_TILING_NONE;
  uint32_t tile = !tiled || rows <= MAX_COLUMNS ? MAX_COLUMNS
                  : rows <= VULKAN_TILE_LEAST   ? VULKAN_TILE_LEAST
                                                : VULKAN_TILE_MOST;
  return rows == 1 ? 1 : (rows + tile - 1) / tile * tile;
}

/* What products of experts need: each tile's columns packed, and what an expert makes of a
 * token. */
static void
place_experts (VulkanExecutable *self, uint64_t *end, uint64_t *pack)
{
  const GraphPlan *plan = self->plan;
  const ModelHparams *h = &plan->desc->h;
  uint64_t parts = 0, columns = plan->max_tokens == 1 ? 1 : MAX_COLUMNS;
  uint64_t pairs = (uint64_t) plan->max_tokens * h->n_experts_used;
  uint64_t experts = MIN (pairs, h->n_experts);
  /* Wider tiles have less than twice as many columns as an expert has pairs. */
  uint64_t last = MAX (experts * columns, 2 * pairs), packed = last + pairs;
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    if (op->kind != GRAPH_OP_EXPERTS_GATED && op->kind != GRAPH_OP_EXPERTS_DOWN)
      continue;
    uint64_t width = (op->weights[0]->ne[0] + SHADER_BLOCK - 1) / SHADER_BLOCK * SHADER_BLOCK;
    *pack = MAX (*pack, packed * width * 4);
    if (op->kind == GRAPH_OP_EXPERTS_DOWN)
      parts = MAX (parts, pairs * op->dst_width * 4);
  }
  self->expert_counts = place (end, (uint64_t) h->n_experts * 2 * 4);
  /* Most words are in tiles of the most or of two columns. */
  self->expert_tiles =
      place (end, (SHADER_TILES_HEAD + SHADER_TILE_HEAD * experts + last + 2 * pairs) * 4);
  self->expert_parts = place (end, parts);
}

/* Places the activations; the sum is what they take. */
static uint64_t
place_activations (VulkanExecutable *self)
{
  const GraphPlan *plan = self->plan;
  uint64_t end = 0, pack = 0, part = 0;
  for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++) {
    self->rows[b] = pad_rows (self, graph_plan_buffer_rows (plan, b));
    self->offset[b] = place (&end, (uint64_t) self->rows[b] * plan->buffer_width[b] * 4);
  }
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    uint64_t width = ((uint64_t) op->src_width + SHADER_BLOCK - 1) / SHADER_BLOCK * SHADER_BLOCK;
    if (op->n_weights > 0 && op->src < GRAPH_N_BUFFERS)
      pack = MAX (pack, self->rows[op->src] * width * 4);
    if (op->kind == GRAPH_OP_ATTENTION)
      part = MAX (part, (uint64_t) op->n_heads * (2 + op->d_value) * 4);
  }
  place_experts (self, &end, &pack);
  self->pack = place (&end, pack);
  self->pack_scales = place (&end, pack / 4); /* 2 floats for 32 values */
  self->max_split_tokens =
      MAX (plan->max_tokens, self->model->backend->device->quirks.fill);
  self->parts = place (&end, self->max_split_tokens * part);
  self->slices = place (&end, (uint64_t) plan->max_outputs * SHADER_SLICES * 8);
  self->squares = place (&end, (uint64_t) plan->desc->h.d_model * 4);
  return end;
}

static uint64_t
place_parameters (VulkanExecutable *self)
{
  const GraphPlan *plan = self->plan;
  VulkanParameters *at = &self->at;
  uint64_t end = 0;
  uint32_t n_pages = 0, d_rope = 0;
  at->batch = place (&end, sizeof (ShaderBatch));
  at->runs = place (&end, ENGINE_MAX_RUNS * sizeof (ShaderRun));
  at->tokens = place (&end, (uint64_t) plan->max_tokens * sizeof (ShaderToken));
  /* Tables of all groups are as long as the timeline. */
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
    n_pages = MAX (n_pages, self->model->kv[group].n_pages);
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
    at->pages[group] = place (&end, (uint64_t) ENGINE_MAX_RUNS * n_pages * 4);
  at->pick = place (&end, sizeof (ShaderPick));
  at->outputs = place (&end, (uint64_t) plan->max_outputs * sizeof (ShaderOutput));
  for (uint32_t i = 0; i < plan->desc->n_rotations; i++)
    d_rope = MAX (d_rope, plan->desc->rotations[i].d_rope);
  at->rotation_bytes = align ((uint64_t) plan->max_tokens * (d_rope / 2) * 8);
  at->rotations = place (&end, plan->desc->n_rotations * at->rotation_bytes);
  for (uint32_t i = 0; i < plan->n_ops; i++)
    if (plan->ops[i].from_file)
      self->file_op = &plan->ops[i];
  if (self->file_op != NULL)
    at->file_rows = place (&end, (uint64_t) plan->max_tokens *
                                     vulkan_file_row_floats (self->file_op) * sizeof (float));
  at->max_arguments = (plan->n_ops * DISPATCHES_AN_OP + 1) * VULKAN_N_BUCKETS;
  at->arguments =
      place (&end, (uint64_t) at->max_arguments * sizeof (VkDispatchIndirectCommand));
  at->bytes = end;
  return end;
}

static uint64_t
results_bytes (const GraphPlan *plan)
{
  return (uint64_t) MAX (plan->max_outputs, 1) * SHADER_RESULT_WORDS * sizeof (uint32_t);
}

uint64_t
vulkan_executable_bytes (const VulkanExecutable *self)
{
  return self->activations.bytes + self->params.bytes + self->results.bytes +
         self->exchange.in.bytes;
}

uint64_t
vulkan_executable_measure (VulkanModel *model, const GraphPlan *plan)
{
  VulkanExecutable shape = { .model = model, .plan = plan };
  return place_activations (&shape) + place_parameters (&shape) + results_bytes (plan) +
         vulkan_exchange_bytes (&shape);
}

static gboolean
allocate (VulkanExecutable *self, GError **error)
{
  VulkanDevice *device = self->model->backend->device;
  uint64_t results = results_bytes (self->plan);
  if (!vulkan_buffer_init (&self->activations, device, VULKAN_MEMORY_DEVICE,
                           place_activations (self), "the activations", error) ||
      !vulkan_buffer_init (&self->params, device, VULKAN_MEMORY_WRITE, place_parameters (self),
                           "the parameters of a batch", error) ||
      !vulkan_buffer_init (&self->results, device, VULKAN_MEMORY_DEVICE, results, "the results",
                           error))
    return FALSE;
  if (self->results.map == NULL &&
      !vulkan_buffer_init (&self->readback, device, VULKAN_MEMORY_READ, results, "the results",
                           error))
    return FALSE;
  memset (self->params.map, 0, self->at.bytes);
  return vulkan_exchange_init (self, error);
}

uint32_t
vulkan_bucket (const VulkanExecutable *self, uint32_t n_rows)
{
  const VulkanQuirks *quirks = &self->model->backend->device->quirks;
  uint32_t bucket = 0, most = quirks->max_columns;
  if (n_rows > MAX_COLUMNS && quirks->tiling != VULKAN_TILING_NONE)
    return n_rows <= VULKAN_TILE_LEAST ? VULKAN_BUCKET_FEW : VULKAN_BUCKET_MANY;
  while ((1u << bucket) < n_rows && (2u << bucket) <= most)
    bucket++;
  return bucket;
}

/* What the plan's largest batch will need is recorded now, off the first token's path. */
static gboolean
prepare (VulkanExecutable *self, GError **error)
{
  const GraphPlan *plan = self->plan;
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    if (op->rotation != MODEL_NO_ROTATION)
      self->rotations |= 1u << op->rotation;
    self->whole_run |= op->whole_run;
    self->window_tokens = MAX (self->window_tokens, op->window_tokens);
  }
  return vulkan_record (self, VULKAN_PART_TOKENS, vulkan_bucket (self, plan->max_tokens), error) &&
         vulkan_record (self, VULKAN_PART_OUTPUTS, 0, error);
}

VulkanExecutable *
vulkan_executable_new (VulkanModel *model, const GraphPlan *plan, GError **error)
{
  VulkanExecutable *self = g_new0 (VulkanExecutable, 1);
  self->base.model = &model->base;
  self->model = model;
  self->plan = plan;
  if (!allocate (self, error) || !prepare (self, error)) {
    vulkan_executable_free (self);
    return NULL;
  }
  model->scratch_bytes += vulkan_executable_bytes (self);
  vulkan_pipelines_save (model->backend->pipelines);
  return self;
}

void
vulkan_executable_free (VulkanExecutable *self)
{
  if (self == NULL)
    return;
  for (uint32_t part = 0; part < VULKAN_N_PARTS; part++)
    for (uint32_t bucket = 0; bucket < VULKAN_N_BUCKETS; bucket++) {
      VulkanRecording *recording = &self->recordings[part][bucket];
      if (recording->commands == NULL)
        continue;
      for (guint i = 0; i < recording->commands->len; i++)
        vulkan_submitter_free_commands (self->model->backend->submitter,
                                        g_array_index (recording->commands, VkCommandBuffer, i));
      g_array_unref (recording->commands);
      g_array_unref (recording->grids);
      g_free (recording->ends);
    }
  vulkan_ahead_part (self);
  vulkan_submitter_free_commands (self->model->backend->submitter, self->next);
  vulkan_exchange_finish (self);
  vulkan_buffer_finish (&self->activations);
  vulkan_buffer_finish (&self->params);
  vulkan_buffer_finish (&self->results);
  vulkan_buffer_finish (&self->readback);
  g_free (self);
}
