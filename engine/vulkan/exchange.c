/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what carries activations between an executable and the host: see exchange.h. */
#include "engine/vulkan/exchange.h"

#include "engine/vulkan/executable.h"

#include <string.h>

/* Of all segments: the buffers that go in, or out. */
static void
collect (const GraphPlan *plan, GraphBuffers *in, GraphBuffers *out)
{
  *in = *out = 0;
  for (uint32_t s = 0; s < plan->n_segments; s++) {
    *in |= plan->segments[s].imports;
    *out |= plan->segments[s].exports;
  }
}

/* offset may be NULL. */
static uint64_t
place (const GraphPlan *plan, GraphBuffers buffers, uint64_t *offset)
{
  uint64_t end = 0;
  for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++) {
    if ((buffers & GRAPH_BUFFER_BIT (b)) == 0)
      continue;
    if (offset != NULL)
      offset[b] = end;
    end += (uint64_t) graph_plan_buffer_rows (plan, b) * plan->buffer_width[b] * sizeof (float);
  }
  return end;
}

uint64_t
vulkan_exchange_bytes (const VulkanExecutable *exe)
{
  const VulkanDevice *device = exe->model->backend->device;
  GraphBuffers in, out;
  collect (exe->plan, &in, &out);
  return vulkan_buffer_is_seen (device) || in == 0 ? 0 : place (exe->plan, in | out, NULL);
}

gboolean
vulkan_exchange_init (VulkanExecutable *exe, GError **error)
{
  const VulkanBackend *backend = exe->model->backend;
  VulkanExchange *self = &exe->exchange;
  GraphBuffers in, out;
  self->imports = g_array_new (FALSE, FALSE, sizeof (VulkanCopy));
  self->commands = g_array_new (FALSE, FALSE, sizeof (VkCommandBuffer));
  collect (exe->plan, &in, &out);
  uint64_t bytes = place (exe->plan, in | out, self->offset);
  if (exe->activations.map != NULL || bytes == 0)
    return TRUE;
  self->before = vulkan_submitter_new_commands (backend->submitter, error);
  self->after = self->before == VK_NULL_HANDLE
                    ? VK_NULL_HANDLE
                    : vulkan_submitter_new_commands (backend->submitter, error);
  return self->after != VK_NULL_HANDLE &&
         (in == 0 || vulkan_buffer_init (&self->in, backend->device, VULKAN_MEMORY_WRITE, bytes,
                                         "copying", error)) &&
         (out == 0 || vulkan_buffer_init (&self->out, backend->device, VULKAN_MEMORY_READ, bytes,
                                          "copying", error));
}

void
vulkan_exchange_finish (VulkanExecutable *exe)
{
  VulkanExchange *self = &exe->exchange;
  vulkan_submitter_free_commands (exe->model->backend->submitter, self->before);
  vulkan_submitter_free_commands (exe->model->backend->submitter, self->after);
  vulkan_buffer_finish (&self->in);
  vulkan_buffer_finish (&self->out);
  g_clear_pointer (&self->imports, g_array_unref);
  g_clear_pointer (&self->commands, g_array_unref);
}

static gboolean
check_size (const VulkanExecutable *exe, GraphBuffer buffer, size_t n, GError **error)
{
  const GraphPlan *plan = exe->plan;
  size_t most = (size_t) graph_plan_buffer_rows (plan, buffer) * plan->buffer_width[buffer];
  if (n <= most)
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID, "The buffer holds %zu floats, not %zu.",
               most, n);
  return FALSE;
}

gboolean
vulkan_exchange_write (VulkanExecutable *exe, GraphBuffer buffer, const float *src, size_t n,
                       GError **error)
{
  VulkanExchange *self = &exe->exchange;
  if (!check_size (exe, buffer, n, error))
    return FALSE;
  if (exe->activations.map != NULL || self->in.map == NULL)
    return vulkan_submitter_write (exe->model->backend->submitter, &exe->activations,
                                   exe->offset[buffer], src, n * sizeof *src, error);
  VulkanCopy copy = { &self->in, &exe->activations, self->offset[buffer], exe->offset[buffer],
                      n * sizeof *src };
  memcpy ((uint8_t *) self->in.map + copy.src_offset, src, copy.bytes);
  if (n > 0)
    g_array_append_val (self->imports, copy);
  return TRUE;
}

gboolean
vulkan_exchange_read (VulkanExecutable *exe, GraphBuffer buffer, float *dst, size_t n,
                      GError **error)
{
  const VulkanExchange *self = &exe->exchange;
  if (!check_size (exe, buffer, n, error))
    return FALSE;
  if ((self->ready & GRAPH_BUFFER_BIT (buffer)) == 0)
    return vulkan_submitter_read (exe->model->backend->submitter, &exe->activations,
                                  exe->offset[buffer], dst, n * sizeof *dst, error);
  const uint8_t *src = self->out.map != NULL
                           ? (const uint8_t *) self->out.map + self->offset[buffer]
                           : (const uint8_t *) exe->activations.map + exe->offset[buffer];
  memcpy (dst, src, n * sizeof *dst);
  return TRUE;
}

/* The rows that the batch has of each exported buffer. */
static gboolean
append_exports (VulkanExecutable *exe, const EngineBatch *batch, GraphBuffers exports,
                GError **error)
{
  VulkanExchange *self = &exe->exchange;
  VulkanCopy copies[GRAPH_N_BUFFERS];
  uint32_t n = 0;
  for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++) {
    if ((exports & GRAPH_BUFFER_BIT (b)) == 0)
      continue;
    uint64_t rows = graph_buffer_is_output (b) ? batch->n_outputs : batch->n_tokens;
    copies[n] = (VulkanCopy) { &exe->activations, &self->out, exe->offset[b], self->offset[b],
                               rows * exe->plan->buffer_width[b] * sizeof (float) };
    n += copies[n].bytes > 0;
  }
  if (n == 0)
    return TRUE;
  g_array_append_val (self->commands, self->after);
  return vulkan_record_copies (self->after, copies, n, error);
}

static void
append_segment (VulkanExchange *self, const VulkanRecording *recording, uint32_t segment)
{
  uint32_t first = segment > 0 ? recording->ends[segment - 1] : 0;
  for (uint32_t i = first; i < recording->ends[segment]; i++)
    g_array_append_val (self->commands, g_array_index (recording->commands, VkCommandBuffer, i));
}

gboolean
vulkan_exchange_list (VulkanExecutable *exe, const EngineBatch *batch, const uint32_t buckets[],
                      GError **error)
{
  VulkanExchange *self = &exe->exchange;
  g_array_set_size (self->commands, 0);
  self->ready = 0;
  if (self->imports->len > 0) {
    g_array_append_val (self->commands, self->before);
    if (!vulkan_record_copies (self->before, (const VulkanCopy *) (void *) self->imports->data,
                               self->imports->len, error))
      return FALSE;
    g_array_set_size (self->imports, 0);
  }
  append_segment (self, &exe->recordings[VULKAN_PART_TOKENS][buckets[VULKAN_PART_TOKENS]],
                  batch->segment);
  if (batch->n_outputs > 0)
    append_segment (self, &exe->recordings[VULKAN_PART_OUTPUTS][buckets[VULKAN_PART_OUTPUTS]],
                    batch->segment);
  if (exe->plan->n_segments == 0)
    return TRUE;
  self->ready = exe->plan->segments[batch->segment].exports;
  return self->out.map == NULL || append_exports (exe, batch, self->ready, error);
}
