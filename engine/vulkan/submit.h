/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue: command buffers in, a fence waited for, time on the device out. */
#pragma once

#include "engine/vulkan/memory.h"

/* A submit should take about this long, so that a cancel is honoured soon and no driver's watchdog
 * sees a hang. */
#define VULKAN_SUBMIT_TARGET_US 40000
/* Far beyond any watchdog of a driver: then the device is lost to us. */
#define VULKAN_TIMEOUT_NS 30000000000ull

typedef struct _VulkanSubmitter VulkanSubmitter;

VulkanSubmitter *vulkan_submitter_new (VulkanDevice *device, GError **error);
void vulkan_submitter_free (VulkanSubmitter *self);

/* A command buffer that may be submitted many times. */
VkCommandBuffer vulkan_submitter_new_commands (VulkanSubmitter *self, GError **error);
void vulkan_submitter_free_commands (VulkanSubmitter *self, VkCommandBuffer commands);

/* Runs n command buffers in order, several to a submit as their time so far (*each_us, kept by
 * the caller, 0 at first) allows. Looks at *cancel (may be NULL) between submits:
 * ENGINE_ERROR_CANCELLED. device_us grows by the time on the device's clock, or by wall time
 * where it has none. */
gboolean vulkan_submitter_run (VulkanSubmitter *self, const VkCommandBuffer *commands, uint32_t n,
                               double *each_us, const gint *cancel, uint64_t *device_us,
                               GError **error);

/* Submits n command buffers, cut as above, and does not wait: vulkan_submitter_finish () does, and
 * *us becomes their time. Two such works at most may be under way. Returns what to finish; -1 on
 * error. */
int vulkan_submitter_start (VulkanSubmitter *self, const VkCommandBuffer *commands, uint32_t n,
                            double each_us, GError **error);
gboolean vulkan_submitter_finish (VulkanSubmitter *self, int started, double *us, GError **error);

typedef struct {
  const VulkanBuffer *src, *dst;
  uint64_t src_offset, dst_offset, bytes;
} VulkanCopy;

/* Records copies into commands, which forgets what was recorded there. They wait for what was
 * submitted before, and what comes after waits for them, the host too. */
gboolean vulkan_record_copies (VkCommandBuffer commands, const VulkanCopy *copies, uint32_t n,
                               GError **error);
/* Copies between buffers and waits. */
gboolean vulkan_submitter_copy (VulkanSubmitter *self, const VulkanBuffer *src, uint64_t src_offset,
                                const VulkanBuffer *dst, uint64_t dst_offset, uint64_t bytes,
                                GError **error);
/* Writes host memory into a buffer that the host does not see, through a staging buffer. */
gboolean vulkan_submitter_write (VulkanSubmitter *self, const VulkanBuffer *dst,
                                 uint64_t dst_offset, const void *data, uint64_t bytes,
                                 GError **error);
/* Reads a buffer back; through a staging buffer where the host does not see it. */
gboolean vulkan_submitter_read (VulkanSubmitter *self, const VulkanBuffer *src, uint64_t src_offset,
                                void *data, uint64_t bytes, GError **error);
