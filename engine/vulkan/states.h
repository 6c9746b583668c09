/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What recurrent layers keep of a timeline: slots of a plan's state_floats each, one allocation a
 * slot. Which slot holds what is the session's; where a layer's part of it lies is the op's. */
#pragma once

#include "engine/backend.h"
#include "engine/vulkan/submit.h"

typedef struct {
  uint32_t n_slots;
  VulkanBuffer *slots; /* [n_slots] owned */
} VulkanStates;

/* Safe to finish after a failure. No slots when the plan keeps no states. */
gboolean vulkan_states_init (VulkanStates *self, const VulkanDevice *device, const GraphPlan *plan,
                             const EngineKvSize *size, GError **error);
/* Bytes that init would allocate. */
uint64_t vulkan_states_measure (const GraphPlan *plan, const EngineKvSize *size);
void vulkan_states_finish (VulkanStates *self);
uint64_t vulkan_states_bytes (const VulkanStates *self);
/* Bytes of one slot, which read and write take; 0: there are none. */
size_t vulkan_states_slot_bytes (const VulkanStates *self);
gboolean vulkan_states_read (const VulkanStates *self, VulkanSubmitter *submitter, uint32_t slot,
                             void *dst, GError **error);
gboolean vulkan_states_write (const VulkanStates *self, VulkanSubmitter *submitter, uint32_t slot,
                              const void *src, GError **error);
/* Whether a batch's runs name slots that there are, and may read and write at once. */
gboolean vulkan_states_check (const VulkanStates *self, const EngineBatch *batch, GError **error);
