/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns twins, and what is queued of them: see ahead.h. Must not know how tokens are sampled, nor
 * what a plan computes. */
#include "engine/vulkan/ahead.h"

#include "engine/vulkan/executable.h"

#include <string.h>

/* A step of one token: the first recording of each part. */
static const uint32_t buckets[VULKAN_N_PARTS];

static VulkanRecording *
recording_of (VulkanExecutable *exe)
{
  return &exe->recordings[VULKAN_PART_TOKENS][0];
}

/* ---- twins ---------------------------------------------------------------------------------- */

/* Commands that pick to's token from the results of from. */
static gboolean
record_next (VulkanExecutable *from, const VulkanExecutable *to, GError **error)
{
  const VulkanBackend *backend = from->model->backend;
  const uint32_t constants[VULKAN_N_CONSTANTS] = { backend->device->quirks.lanes_small, 1 };
  VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  VkMemoryBarrier barrier = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
  };
  ShaderNextPush push = {
    .result = from->results.address,
    .pick = from->params.address + from->at.pick,
    .token = to->params.address + to->at.tokens + offsetof (ShaderToken, id),
  };
  VkPipeline pipeline =
      vulkan_pipelines_get (backend->pipelines, SHADER_NEXT, constants, 0, error);
  if (pipeline == VK_NULL_HANDLE ||
      (from->next = vulkan_submitter_new_commands (backend->submitter, error)) == VK_NULL_HANDLE ||
      !VK (vkBeginCommandBuffer (from->next, &begin), error))
    return FALSE;
  vkCmdPipelineBarrier (from->next, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
  vkCmdBindPipeline (from->next, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdPushConstants (from->next, vulkan_pipelines_layout (backend->pipelines),
                      VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
  vkCmdDispatch (from->next, 1, 1, 1);
  return VK (vkEndCommandBuffer (from->next), error);
}

void
vulkan_ahead_part (VulkanExecutable *exe)
{
  VulkanExecutable *twin = exe->twin;
  exe->twin = NULL;
  if (twin == NULL || exe->is_twin)
    return;
  exe->model->scratch_bytes -= vulkan_executable_bytes (twin);
  vulkan_executable_free (twin);
}

/* Makes exe's twin unless it has one. Answers can do without, so a card that has no room for it is
 * not asked again; what else is wrong with it the next step says. */
static gboolean
need_twin (VulkanExecutable *exe)
{
  if (exe->twin != NULL)
    return TRUE;
  VulkanExecutable *twin = vulkan_executable_new (exe->model, exe->plan, NULL);
  if (twin != NULL) {
    exe->twin = twin;
    twin->twin = exe;
    twin->is_twin = TRUE;
    if (record_next (exe, twin, NULL) && record_next (twin, exe, NULL))
      return TRUE;
    vulkan_ahead_part (exe);
  }
  exe->model->ahead.is_refused = TRUE;
  return FALSE;
}

/* ---- what is queued ------------------------------------------------------------------------- */

/* A step that takes longer gains nothing that anybody could tell. */
#define MOST_US 250000

/* Whether the step after a batch can be queued: its page is there, the host has nothing to do for
 * it, and nobody looks at whole rows. */
static gboolean
can_queue (VulkanExecutable *exe, const EngineBatch *batch)
{
  const GraphPlan *plan = exe->plan;
  double us = recording_of (exe)->each_us * exe->exchange.commands->len;
  return exe->model->backend->device->quirks.ahead != 0 && batch->next != NULL &&
         !exe->model->ahead.is_refused &&
         plan->max_tokens == 1 && plan->n_segments == 0 && batch->n_outputs == 1 &&
         !batch->want_logits && plan->buffer_width[GRAPH_BUFFER_LOGITS] > 0 &&
         exe->file_op == NULL && exe->model->states.n_slots == 0 &&
         batch->next->n_recent <= SHADER_MOST_RECENT &&
         (batch->runs[0].position + 1) % ENGINE_PAGE_TOKENS != 0 && us > 0 &&
         us <= MOST_US;
}

static void
write_pick (VulkanExecutable *exe, const EnginePick *pick)
{
  ShaderPick shared = {
    .temperature = pick->temperature,
    .top_k = pick->top_k,
    .top_p = pick->top_p,
    .min_p = pick->min_p,
    .penalty = pick->penalty,
    .uniform_number = pick->uniform,
    .n_recent = pick->n_recent,
  };
  for (uint32_t i = 0; i < pick->n_recent; i++)
    shared.recent[i] = (uint32_t) pick->recent[i];
  memcpy ((uint8_t *) exe->params.map + exe->at.pick, &shared, sizeof shared);
}

static void
remember (VulkanAhead *self, VulkanExecutable *exe, int started, const EngineBatch *batch)
{
  const EngineBatchRun *run = &batch->runs[0];
  self->exe = exe;
  self->started = started;
  self->position = run->position;
  self->n_candidates = batch->n_candidates;
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    if (self->pages[group] == NULL)
      self->pages[group] = g_array_new (FALSE, FALSE, sizeof (uint32_t));
    g_array_set_size (self->pages[group], 0);
    if (exe->model->kv[group].n_layers > 0)
      g_array_append_vals (self->pages[group], run->pages[group], run->n_pages);
  }
}

/* Submits the commands that exe's exchange lists; as vulkan_submitter_start (). each_us: of one. */
static int
start (VulkanExecutable *exe, double each_us, GError **error)
{
  const GArray *commands = exe->exchange.commands;
  return vulkan_submitter_start (exe->model->backend->submitter,
                                 (const VkCommandBuffer *) (void *) commands->data, commands->len,
                                 each_us, error);
}

/* Queues what comes after batch, whose commands of exe have been submitted, on its twin. */
static gboolean
queue_next (VulkanExecutable *exe, const EngineBatch *batch, GError **error)
{
  static const int32_t token = 0; /* the device picks it */
  static const uint32_t output = 0;
  VulkanExecutable *twin = exe->twin;
  EngineBatchRun run = batch->runs[0];
  EngineBatch next = *batch;
  run.position++;
  next.tokens = &token;
  next.runs = &run;
  next.outputs = &output;
  vulkan_batch_write (twin, &next, buckets);
  write_pick (exe, batch->next);
  if (!vulkan_exchange_list (twin, &next, buckets, error))
    return FALSE;
  g_array_prepend_val (twin->exchange.commands, exe->next);
  int started = start (twin, recording_of (exe)->each_us, error);
  if (started < 0)
    return FALSE;
  recording_of (twin)->each_us = recording_of (exe)->each_us;
  remember (&exe->model->ahead, twin, started, &next);
  return TRUE;
}

static gboolean
is_cancelled (const gint *cancel, GError **error)
{
  if (cancel == NULL || g_atomic_int_get (cancel) == 0)
    return FALSE;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "Stopped.");
  return TRUE;
}

gboolean
vulkan_ahead_run (VulkanExecutable *exe, const EngineBatch *batch, const gint *cancel,
                  gboolean *done, uint64_t *device_us, GError **error)
{
  VulkanSubmitter *submitter = exe->model->backend->submitter;
  GError *failure = NULL;
  double us = 0;
  *done = can_queue (exe, batch) && need_twin (exe);
  if (!*done)
    return TRUE;
  if (is_cancelled (cancel, error))
    return FALSE;
  int started = start (exe, recording_of (exe)->each_us, error);
  if (started < 0)
    return FALSE;
  gboolean queued = queue_next (exe, batch, &failure);
  if (!vulkan_submitter_finish (submitter, started, &us, queued ? error : NULL) || !queued) {
    vulkan_ahead_drop (&exe->model->ahead);
    if (!queued)
      g_propagate_error (error, failure);
    return FALSE;
  }
  recording_of (exe)->each_us = us / exe->exchange.commands->len;
  *device_us = (uint64_t) us;
  return TRUE;
}

/* Whether a batch is what was queued, as far as the host can tell without the token. */
static gboolean
is_queued (const VulkanAhead *self, const VulkanExecutable *exe, const EngineBatch *batch)
{
  const EngineBatchRun *run = &batch->runs[0];
  if ((self->exe != exe && self->exe->twin != exe) || batch->n_tokens != 1 ||
      batch->n_outputs != 1 || batch->want_logits || batch->n_candidates != self->n_candidates ||
      run->position != self->position)
    return FALSE;
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    const GArray *pages = self->pages[group];
    if (pages->len > 0 && (pages->len != run->n_pages ||
                           memcmp (pages->data, run->pages[group],
                                   pages->len * sizeof (uint32_t)) != 0))
      return FALSE;
  }
  return TRUE;
}

static uint32_t
token_of (const VulkanExecutable *exe)
{
  const ShaderToken *tokens =
      (const ShaderToken *) (const void *) ((const uint8_t *) exe->params.map + exe->at.tokens);
  return tokens[0].id;
}

gboolean
vulkan_ahead_take (VulkanExecutable *exe, const EngineBatch *batch, VulkanExecutable **ready,
                   uint64_t *device_us, GError **error)
{
  VulkanAhead *self = &exe->model->ahead;
  VulkanExecutable *queued = self->exe;
  int started = self->started;
  double us = 0;
  *ready = NULL;
  if (queued == NULL)
    return TRUE;
  gboolean is_it = is_queued (self, exe, batch), more = TRUE;
  self->exe = NULL;
  if (is_it && can_queue (queued, batch))
    more = queue_next (queued, batch, error);
  if (!vulkan_submitter_finish (exe->model->backend->submitter, started, &us,
                                more ? error : NULL) ||
      !more) {
    vulkan_ahead_drop (self);
    return FALSE;
  }
  if (!is_it || token_of (queued) != (uint32_t) batch->tokens[0]) {
    vulkan_ahead_drop (self);
    return TRUE;
  }
  recording_of (queued)->each_us = us / queued->exchange.commands->len;
  *device_us = (uint64_t) us;
  *ready = queued;
  return TRUE;
}

void
vulkan_ahead_drop (VulkanAhead *self)
{
  double us;
  if (self->exe == NULL)
    return;
  VulkanSubmitter *submitter = self->exe->model->backend->submitter;
  self->exe = NULL;
  vulkan_submitter_finish (submitter, self->started, &us, NULL);
}

void
vulkan_ahead_finish (VulkanAhead *self)
{
  vulkan_ahead_drop (self);
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
    g_clear_pointer (&self->pages[group], g_array_unref);
}
