/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the slots of states. Must not know which layer keeps what in them. */
#include "engine/vulkan/states.h"

/* Kernels index a slot with 32 bits, some drivers by bytes. */
#define MAX_STATE_FLOATS (1u << 29)

gboolean
vulkan_states_init (VulkanStates *self, const VulkanDevice *device, const GraphPlan *plan,
                    const EngineKvSize *size, GError **error)
{
  if (plan->state_floats == 0 || size->n_states == 0)
    return TRUE;
  if (plan->state_floats > MAX_STATE_FLOATS) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                         "This model keeps more of a conversation than the graphics card can "
                         "address: choose the processor.");
    return FALSE;
  }
  self->slots = g_new0 (VulkanBuffer, size->n_states);
  for (; self->n_slots < size->n_states; self->n_slots++)
    if (!vulkan_buffer_init (&self->slots[self->n_slots], device, VULKAN_MEMORY_DEVICE,
                             plan->state_floats * sizeof (float), "the states", error))
      return FALSE;
  return TRUE;
}

uint64_t
vulkan_states_measure (const GraphPlan *plan, const EngineKvSize *size)
{
  return (uint64_t) plan->state_floats * sizeof (float) * size->n_states;
}

void
vulkan_states_finish (VulkanStates *self)
{
  for (uint32_t i = 0; i < self->n_slots; i++)
    vulkan_buffer_finish (&self->slots[i]);
  g_clear_pointer (&self->slots, g_free);
  self->n_slots = 0;
}

uint64_t
vulkan_states_bytes (const VulkanStates *self)
{
  return (uint64_t) self->n_slots * vulkan_states_slot_bytes (self);
}

size_t
vulkan_states_slot_bytes (const VulkanStates *self)
{
  return self->n_slots > 0 ? self->slots[0].bytes : 0;
}

gboolean
vulkan_states_read (const VulkanStates *self, VulkanSubmitter *submitter, uint32_t slot, void *dst,
                    GError **error)
{
  const VulkanBuffer *buffer = &self->slots[slot];
  return vulkan_submitter_read (submitter, buffer, 0, dst, buffer->bytes, error);
}

gboolean
vulkan_states_write (const VulkanStates *self, VulkanSubmitter *submitter, uint32_t slot,
                     const void *src, GError **error)
{
  const VulkanBuffer *buffer = &self->slots[slot];
  return vulkan_submitter_write (submitter, buffer, 0, src, buffer->bytes, error);
}

gboolean
vulkan_states_check (const VulkanStates *self, const EngineBatch *batch, GError **error)
{
  for (uint32_t r = 0; self->n_slots > 0 && r < batch->n_runs; r++) {
    const EngineBatchRun *run = &batch->runs[r];
    gboolean reads = run->position > 0;
    if (run->state_to < self->n_slots &&
        (!reads || (run->state_from < self->n_slots && run->state_from != run->state_to)))
      continue;
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "There is no way from state %u to state %u of %u.", run->state_from,
                 run->state_to, self->n_slots);
    return FALSE;
  }
  return TRUE;
}
