/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ties the parts to the vtable of engine/backend.h. Holds no logic of its own beyond what a call of
 * that table means. */
#include "engine/vulkan/cache.h"
#include "engine/vulkan/executable.h"

static void
close_backend (EngineBackend *base)
{
  VulkanBackend *self = (VulkanBackend *) base;
  if (self->pipelines != NULL)
    vulkan_pipelines_save (self->pipelines);
  vulkan_pipelines_free (self->pipelines);
  vulkan_tuner_free (self->tuner);
  vulkan_submitter_free (self->submitter);
  vulkan_device_close (self->device);
  g_free (self->caps.description);
  g_free (self->caps.identity);
  g_free (self);
}

static const EngineBackendCaps *
get_caps (EngineBackend *base)
{
  VulkanBackend *self = (VulkanBackend *) base;
  self->caps.free_bytes =
      vulkan_device_free_bytes (self->device, vulkan_device_weights_heap (self->device));
  return &self->caps;
}

static gboolean
measure (EngineBackend *base, const GraphPlan *plan, const EngineKvSize *kv, EngineBytes *bytes,
         GError **error)
{
  VulkanModel shape = { .base.backend = base, .backend = (VulkanBackend *) base };
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
    shape.kv[group].n_pages = kv->n_pages[group];
  bytes->kv = vulkan_kv_measure (plan, kv) + vulkan_states_measure (plan, kv);
  bytes->scratch = vulkan_executable_measure (&shape, plan);
  return vulkan_weights_measure (shape.backend->device, plan, &bytes->weights, error);
}

static void
unload (EngineBackendModel *base)
{
  VulkanModel *self = (VulkanModel *) base;
  vulkan_ahead_finish (&self->ahead);
  vulkan_weights_free (self->weights);
  vulkan_kv_finish (self->kv);
  vulkan_states_finish (&self->states);
  g_free (self);
}

static EngineBackendModel *
load (EngineBackend *base, const GraphPlan *plan, const EngineKvSize *kv, EngineProgress progress,
      void *user_data, const gint *cancel, GError **error)
{
  VulkanModel *self = g_new0 (VulkanModel, 1);
  self->base.backend = base;
  self->backend = (VulkanBackend *) base;
  if (!vulkan_kv_init (self->kv, self->backend->device, plan, kv, error) ||
      !vulkan_states_init (&self->states, self->backend->device, plan, kv, error) ||
      (self->weights = vulkan_weights_new (self->backend->device, self->backend->submitter, plan,
                                           progress, user_data, cancel, error)) == NULL) {
    unload (&self->base);
    return NULL;
  }
  vulkan_tuner_learn (self->backend->tuner, self->backend->pipelines, self->backend->submitter,
                      self->weights, plan);
  return &self->base;
}

static void
get_memory (EngineBackendModel *base, uint64_t *weights_bytes, uint64_t *kv_bytes,
            uint64_t *scratch_bytes)
{
  const VulkanModel *self = (const VulkanModel *) base;
  *weights_bytes = self->weights->bytes;
  *kv_bytes = vulkan_kv_bytes (self->kv) + vulkan_states_bytes (&self->states);
  *scratch_bytes = self->scratch_bytes;
}

static EngineBackendExecutable *
compile (EngineBackendModel *base, const GraphPlan *plan, GError **error)
{
  VulkanExecutable *executable = vulkan_executable_new ((VulkanModel *) base, plan, error);
  return executable == NULL ? NULL : &executable->base;
}

static void
discard (EngineBackendExecutable *base)
{
  VulkanExecutable *self = (VulkanExecutable *) base;
  vulkan_ahead_drop (&self->model->ahead);
  self->model->scratch_bytes -= vulkan_executable_bytes (self);
  vulkan_executable_free (self);
}

/* Bytes that a batch reads, from shapes alone. */
static void
add_up_cost (const VulkanExecutable *self, const EngineBatch *batch, EngineRunCost *cost)
{
  const VulkanKv *kv = self->model->kv;
  cost->weight_bytes = 0;
  for (uint32_t i = graph_plan_segment_first (self->plan, batch->segment);
       i < graph_plan_segment_first (self->plan, batch->segment + 1); i++) {
    const GraphOp *op = &self->plan->ops[i];
    for (uint32_t w = 0; w < op->n_weights; w++)
      if (op->weights[w]->ne[2] > 1) /* experts: as many as the tokens can use */
        cost->weight_bytes += op->weights[w]->bytes / op->weights[w]->ne[2] *
                              MIN (op->weights[w]->ne[2],
                                   (uint64_t) batch->n_tokens * self->plan->desc->h.n_experts_used);
      else if (op->kind == GRAPH_OP_EMBED)
        cost->weight_bytes += op->weights[w]->bytes / op->weights[w]->ne[1] * batch->n_tokens;
      else if (!op->output_rows || batch->n_outputs > 0)
        cost->weight_bytes += op->weights[w]->bytes;
  }
  uint64_t keys[GRAPH_N_KV_GROUPS] = { 0 };
  for (uint32_t r = 0; batch->segment == 0 && r < batch->n_runs; r++) {
    const EngineBatchRun *run = &batch->runs[r];
    keys[GRAPH_KV_FULL] += run->position + run->n_tokens;
    keys[GRAPH_KV_WINDOW] += MIN (run->position, self->window_tokens) + run->n_tokens;
  }
  cost->kv_bytes = 0;
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
    cost->kv_bytes += keys[group] * kv[group].token_bytes;
}

/* What one command buffer takes is kept with the recording that most of them are from. */
static gboolean
submit (VulkanExecutable *self, const EngineBatch *batch, const uint32_t buckets[VULKAN_N_PARTS],
        const gint *cancel, uint64_t *device_us, GError **error)
{
  const GArray *commands = self->exchange.commands;
  VulkanRecording *recording =
      &self->recordings[VULKAN_PART_TOKENS][buckets[VULKAN_PART_TOKENS]];
  double each_us = recording->each_us * batch->n_tokens;
  gboolean done;
  if (!vulkan_exchange_list (self, batch, buckets, error) ||
      !vulkan_ahead_run (self, batch, cancel, &done, device_us, error))
    return FALSE;
  if (done)
    return TRUE;
  gboolean ok = vulkan_submitter_run (self->model->backend->submitter,
                                      (const VkCommandBuffer *) (void *) commands->data,
                                      commands->len, &each_us, cancel, device_us, error);
  recording->each_us = each_us / batch->n_tokens;
  return ok;
}

/* Whether the batch's segment ends in candidates. */
static gboolean
makes_candidates (const VulkanExecutable *self, const EngineBatch *batch)
{
  const GraphPlan *plan = self->plan;
  return batch->n_outputs > 0 && plan->buffer_width[GRAPH_BUFFER_LOGITS] > 0 &&
         graph_plan_segment_first (plan, batch->segment + 1) == plan->n_ops;
}

/* Records what is not recorded yet, and runs it. */
static gboolean
run_batch (VulkanExecutable *self, const EngineBatch *batch, const gint *cancel,
           uint64_t *device_us, GError **error)
{
  uint32_t buckets[VULKAN_N_PARTS] = { vulkan_bucket (self, batch->n_tokens),
                                       vulkan_bucket (self, MAX (batch->n_outputs, 1)) };
  if (!vulkan_states_check (&self->model->states, batch, error))
    return FALSE;
  for (VulkanPlanPart part = 0; part < VULKAN_N_PARTS; part++)
    if (!vulkan_record (self, part, buckets[part], error))
      return FALSE;
  if (batch->segment == 0) {
    if (!vulkan_batch_read_rows (self, batch, error))
      return FALSE;
    vulkan_batch_write (self, batch, buckets);
  }
  return submit (self, batch, buckets, cancel, device_us, error);
}

static gboolean
run (EngineBackendExecutable *base, const EngineBatch *batch, EngineResult *result,
     const gint *cancel, EngineRunCost *cost, GError **error)
{
  VulkanExecutable *self = (VulkanExecutable *) base, *ready;
  uint64_t device_us = 0;
  if (!vulkan_ahead_take (self, batch, &ready, &device_us, error) ||
      (ready == NULL && !run_batch (self, batch, cancel, &device_us, error)) ||
      (makes_candidates (self, batch) &&
       !vulkan_batch_read (ready != NULL ? ready : self, batch, result, error)))
    return FALSE;
  if (cost != NULL) {
    add_up_cost (self, batch, cost);
    cost->device_us = device_us;
    cost->was_queued = ready != NULL;
    cost->next_is_queued = self->model->ahead.exe != NULL;
  }
  return TRUE;
}

static gboolean
copy_page (EngineBackendModel *base, GraphKvGroup group, uint32_t src, uint32_t dst,
           GError **error)
{
  VulkanModel *self = (VulkanModel *) base;
  vulkan_ahead_drop (&self->ahead);
  return vulkan_kv_copy_page (&self->kv[group], self->backend->submitter, src, dst, error);
}

static size_t
part_bytes (EngineBackendModel *base, unsigned part)
{
  const VulkanModel *self = (const VulkanModel *) base;
  return part == ENGINE_PART_STATES ? vulkan_states_slot_bytes (&self->states)
                                    : vulkan_kv_page_bytes (&self->kv[part]);
}

static gboolean
read_part (EngineBackendModel *base, unsigned part, uint32_t index, void *dst, GError **error)
{
  VulkanModel *self = (VulkanModel *) base;
  VulkanSubmitter *submitter = self->backend->submitter;
  return part == ENGINE_PART_STATES
             ? vulkan_states_read (&self->states, submitter, index, dst, error)
             : vulkan_kv_read_page (&self->kv[part], submitter, index, dst, error);
}

static gboolean
write_part (EngineBackendModel *base, unsigned part, uint32_t index, const void *src,
            GError **error)
{
  VulkanModel *self = (VulkanModel *) base;
  VulkanSubmitter *submitter = self->backend->submitter;
  vulkan_ahead_drop (&self->ahead);
  return part == ENGINE_PART_STATES
             ? vulkan_states_write (&self->states, submitter, index, src, error)
             : vulkan_kv_write_page (&self->kv[part], submitter, index, src, error);
}

static gboolean
read_buffer (EngineBackendExecutable *base, GraphBuffer buffer, float *dst, size_t n,
             GError **error)
{
  return vulkan_exchange_read ((VulkanExecutable *) base, buffer, dst, n, error);
}

static gboolean
write_buffer (EngineBackendExecutable *base, GraphBuffer buffer, const float *src, size_t n,
              GError **error)
{
  return vulkan_exchange_write ((VulkanExecutable *) base, buffer, src, n, error);
}

static const EngineBackendVtable vtable = {
  .close = close_backend,
  .caps = get_caps,
  .measure = measure,
  .load = load,
  .unload = unload,
  .memory = get_memory,
  .compile = compile,
  .discard = discard,
  .run = run,
  .copy_page = copy_page,
  .part_bytes = part_bytes,
  .read_part = read_part,
  .write_part = write_part,
  .read_buffer = read_buffer,
  .write_buffer = write_buffer,
};

EngineBackend *
vulkan_backend_open (unsigned index, const char *cache_dir, GError **error)
{
  VulkanBackend *self = g_new0 (VulkanBackend, 1);
  self->base.vtable = &vtable;
  if ((self->device = vulkan_device_open (index, error)) == NULL ||
      (self->submitter = vulkan_submitter_new (self->device, error)) == NULL ||
      (self->pipelines = vulkan_pipelines_new (self->device, cache_dir, error)) == NULL) {
    close_backend (&self->base);
    return NULL;
  }
  self->tuner = vulkan_tuner_new (self->device, cache_dir);
  const VulkanDeviceInfo *info = self->device->info;
  self->caps = (EngineBackendCaps) {
    .kept_layout = self->device->quirks.narrow_rows > 0 ? "vulkan narrow, 1" : "vulkan, 1",
    .kv_types = MODEL_KV_BIT (MODEL_N_KV_TYPES) - 1,
    .name = "vulkan",
    .description = g_strdup_printf ("%s, %s, Vulkan %s", info->name, info->driver, info->api),
    .identity = vulkan_cache_identity (self->device),
    .unified_memory = vulkan_device_is_unified (self->device),
    .memory_bytes = info->memory_bytes,
    .free_bytes = info->free_bytes,
    .preferred_chunk = self->device->quirks.chunk_tokens,
    .can = GRAPH_NEEDS_WINDOW | GRAPH_NEEDS_ATTENTION | GRAPH_NEEDS_QK_NORM | GRAPH_NEEDS_SCALES |
           GRAPH_NEEDS_GATE | GRAPH_NEEDS_EXPERTS | GRAPH_NEEDS_LAYER_INPUTS |
           GRAPH_NEEDS_RECURRENCE | GRAPH_NEEDS_SSM,
  };
  return &self->base;
}
