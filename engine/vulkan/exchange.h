/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes into and out of an executable's activations between the segments of its plan: in place
 * where the host sees them, else through memory that both see, copied by the same submit that runs
 * the segment. Must not know ops. */
#pragma once

#include "engine/vulkan/submit.h"

typedef struct _VulkanExecutable VulkanExecutable;

typedef struct {
  VulkanBuffer in, out;             /* empty where the host sees the activations */
  uint64_t offset[GRAPH_N_BUFFERS]; /* of a buffer in both */
  GArray *imports;                  /* VulkanCopy: written, and not yet copied */
  GraphBuffers ready;               /* what the last run left in out */
  GArray *commands;                 /* VkCommandBuffer: of a run, with its copies */
  VkCommandBuffer before, after;
} VulkanExchange;

/* Bytes that `in` takes of the device for a plan. */
uint64_t vulkan_exchange_bytes (const VulkanExecutable *exe);
/* Places the buffers; nothing to do for a plan without segments. */
gboolean vulkan_exchange_init (VulkanExecutable *exe, GError **error);
void vulkan_exchange_finish (VulkanExecutable *exe);

gboolean vulkan_exchange_write (VulkanExecutable *exe, GraphBuffer buffer, const float *src,
                                size_t n, GError **error);
/* What the last run exported, or any buffer, by a copy of its own. */
gboolean vulkan_exchange_read (VulkanExecutable *exe, GraphBuffer buffer, float *dst, size_t n,
                               GError **error);

/* exe->exchange.commands becomes what the batch's segment submits: the copies in, the recorded
 * commands of both parts, the copies out. */
gboolean vulkan_exchange_list (VulkanExecutable *exe, const EngineBatch *batch,
                               const uint32_t buckets[], GError **error);
