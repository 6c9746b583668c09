/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the command pool, the fences, the timestamps and the staging buffer. Cuts long work into
 * submits by measured time. Knows nothing of what the command buffers do. */
#include "engine/vulkan/submit.h"

#include <string.h>

/* Submits in flight, so that the queue never runs dry: of work that is waited for, and of what was
 * started ahead. */
#define N_RUN_SLOTS   2
#define N_SLOTS       4
#define STAGING_BYTES (8u << 20)

typedef struct {
  VkFence fence;
  VkCommandBuffer before, after; /* write the timestamps; VK_NULL_HANDLE without a clock */
  uint32_t n;                    /* command buffers in flight; 0: idle */
  gint64 start_us;
} Slot;

struct _VulkanSubmitter {
  VulkanDevice *device; /* borrowed */
  VkCommandPool pool;
  VkQueryPool queries; /* 2 a slot; VK_NULL_HANDLE without a clock */
  Slot slots[N_SLOTS];
  VkCommandBuffer copy;
  VulkanBuffer staging; /* made when first needed */
};

VkCommandBuffer
vulkan_submitter_new_commands (VulkanSubmitter *self, GError **error)
{
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkCommandBufferAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
    .commandPool = self->pool,
    .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
    .commandBufferCount = 1,
  };
  if (!VK (vkAllocateCommandBuffers (self->device->device, &info, &commands), error))
    return VK_NULL_HANDLE;
  return commands;
}

void
vulkan_submitter_free_commands (VulkanSubmitter *self, VkCommandBuffer commands)
{
  if (commands != VK_NULL_HANDLE)
    vkFreeCommandBuffers (self->device->device, self->pool, 1, &commands);
}

/* A command buffer that writes timestamp `query`, resetting both of the slot first when it opens
 * it. */
static VkCommandBuffer
record_timestamp (VulkanSubmitter *self, uint32_t query, gboolean opens, GError **error)
{
  VkCommandBuffer commands = vulkan_submitter_new_commands (self, error);
  VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  if (commands == VK_NULL_HANDLE || !VK (vkBeginCommandBuffer (commands, &begin), error))
    return VK_NULL_HANDLE;
  if (opens)
    vkCmdResetQueryPool (commands, self->queries, query, 2);
  vkCmdWriteTimestamp (commands,
                       opens ? VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT
                             : VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                       self->queries, query);
  return VK (vkEndCommandBuffer (commands), error) ? commands : VK_NULL_HANDLE;
}

static gboolean
create_slots (VulkanSubmitter *self, GError **error)
{
  VkDevice device = self->device->device;
  if (self->device->can.timestamp_bits >= 36) {
    VkQueryPoolCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
      .queryType = VK_QUERY_TYPE_TIMESTAMP,
      .queryCount = 2 * N_SLOTS,
    };
    if (!VK (vkCreateQueryPool (device, &info, NULL, &self->queries), error))
      return FALSE;
  }
  for (uint32_t i = 0; i < N_SLOTS; i++) {
    Slot *slot = &self->slots[i];
    VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    if (!VK (vkCreateFence (device, &info, NULL, &slot->fence), error))
      return FALSE;
    if (self->queries == VK_NULL_HANDLE)
      continue;
    slot->before = record_timestamp (self, 2 * i, TRUE, error);
    slot->after = slot->before == VK_NULL_HANDLE
                      ? VK_NULL_HANDLE
                      : record_timestamp (self, 2 * i + 1, FALSE, error);
    if (slot->after == VK_NULL_HANDLE)
      return FALSE;
  }
  return TRUE;
}

VulkanSubmitter *
vulkan_submitter_new (VulkanDevice *device, GError **error)
{
  VulkanSubmitter *self = g_new0 (VulkanSubmitter, 1);
  self->device = device;
  VkCommandPoolCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
    .queueFamilyIndex = device->can.queue_family,
  };
  if (!VK (vkCreateCommandPool (device->device, &info, NULL, &self->pool), error) ||
      !create_slots (self, error) ||
      (self->copy = vulkan_submitter_new_commands (self, error)) == VK_NULL_HANDLE) {
    vulkan_submitter_free (self);
    return NULL;
  }
  return self;
}

void
vulkan_submitter_free (VulkanSubmitter *self)
{
  if (self == NULL)
    return;
  VkDevice device = self->device->device;
  vulkan_buffer_finish (&self->staging);
  for (uint32_t i = 0; i < N_SLOTS; i++)
    if (self->slots[i].fence != VK_NULL_HANDLE)
      vkDestroyFence (device, self->slots[i].fence, NULL);
  if (self->queries != VK_NULL_HANDLE)
    vkDestroyQueryPool (device, self->queries, NULL);
  if (self->pool != VK_NULL_HANDLE) /* frees its command buffers */
    vkDestroyCommandPool (device, self->pool, NULL);
  g_free (self);
}

/* One submit of a slot's work, which ends with the slot's fence or goes on. */
static gboolean
submit_piece (VulkanSubmitter *self, Slot *slot, const VkCommandBuffer *commands, uint32_t n,
              gboolean ends, GError **error)
{
  VkSubmitInfo infos[3];
  uint32_t n_infos = 0;
  const struct {
    const VkCommandBuffer *commands;
    uint32_t n;
  } parts[] = { { &slot->before, slot->n == 0 && slot->before != VK_NULL_HANDLE },
                { commands, n },
                { &slot->after, ends && slot->after != VK_NULL_HANDLE } };
  for (size_t i = 0; i < G_N_ELEMENTS (parts); i++)
    if (parts[i].n > 0)
      infos[n_infos++] = (VkSubmitInfo) {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = parts[i].n,
        .pCommandBuffers = parts[i].commands,
      };
  if (slot->n == 0)
    slot->start_us = g_get_monotonic_time ();
  if (!VK (vkQueueSubmit (self->device->queue, n_infos, infos,
                          ends ? slot->fence : VK_NULL_HANDLE),
           error))
    return FALSE;
  slot->n += n;
  return TRUE;
}

static gboolean
submit (VulkanSubmitter *self, Slot *slot, const VkCommandBuffer *commands, uint32_t n,
        GError **error)
{
  return submit_piece (self, slot, commands, n, TRUE, error);
}

/* Waits for a slot; *us: its time. No lock is held here. */
static gboolean
wait_slot (VulkanSubmitter *self, Slot *slot, double *us, GError **error)
{
  VkDevice device = self->device->device;
  slot->n = 0;
  if (!VK (vkWaitForFences (device, 1, &slot->fence, VK_TRUE, VULKAN_TIMEOUT_NS), error) ||
      !VK (vkResetFences (device, 1, &slot->fence), error))
    return FALSE;
  *us = (double) (g_get_monotonic_time () - slot->start_us);
  if (self->queries == VK_NULL_HANDLE)
    return TRUE;
  uint64_t times[2];
  uint32_t first = (uint32_t) (slot - self->slots) * 2;
  if (!VK (vkGetQueryPoolResults (device, self->queries, first, 2, sizeof times, times, 8,
                                  VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
           error))
    return FALSE;
  *us = (double) (times[1] - times[0]) *
        (double) self->device->can.properties.limits.timestampPeriod / 1000;
  return TRUE;
}

static gboolean
drain (VulkanSubmitter *self, GError **error)
{
  double us;
  gboolean ok = TRUE;
  for (uint32_t i = 0; i < N_RUN_SLOTS; i++)
    if (self->slots[i].n > 0 && !wait_slot (self, &self->slots[i], &us, ok ? error : NULL))
      ok = FALSE;
  return ok;
}

/* How many command buffers of each_us go into one submit. */
static uint32_t
submit_size (double each_us, uint32_t left)
{
  double fit = each_us > 0 ? VULKAN_SUBMIT_TARGET_US / each_us : 1;
  return fit >= left ? left : MAX (1, (uint32_t) fit);
}

gboolean
vulkan_submitter_run (VulkanSubmitter *self, const VkCommandBuffer *commands, uint32_t n,
                      double *each_us, const gint *cancel, uint64_t *device_us, GError **error)
{
  uint32_t given = 0, slot = 0;
  for (;;) {
    Slot *current = &self->slots[slot];
    if (current->n > 0) {
      double us = 0;
      uint32_t count = current->n;
      if (!wait_slot (self, current, &us, error)) {
        drain (self, NULL);
        return FALSE;
      }
      *device_us += (uint64_t) us;
      *each_us = *each_us == 0 ? us / count : 0.5 * *each_us + 0.5 * us / count;
    }
    gboolean cancelled = cancel != NULL && g_atomic_int_get (cancel) != 0;
    if (cancelled && given < n) {
      if (!drain (self, error))
        return FALSE;
      g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "Stopped.");
      return FALSE;
    }
    if (given < n) {
      uint32_t size = submit_size (*each_us, n - given);
      if (!submit (self, current, commands + given, size, error)) {
        drain (self, NULL);
        return FALSE;
      }
      given += size;
    }
    slot = (slot + 1) % N_RUN_SLOTS;
    if (given == n && self->slots[0].n == 0 && self->slots[1].n == 0)
      return TRUE;
  }
}

int
vulkan_submitter_start (VulkanSubmitter *self, const VkCommandBuffer *commands, uint32_t n,
                        double each_us, GError **error)
{
  int started = self->slots[N_RUN_SLOTS].n == 0 ? N_RUN_SLOTS : N_RUN_SLOTS + 1;
  Slot *slot = &self->slots[started];
  g_assert (slot->n == 0);
  for (uint32_t given = 0, size; given < n; given += size) {
    size = submit_size (each_us, n - given);
    if (!submit_piece (self, slot, commands + given, size, given + size == n, error)) {
      slot->n = 0; /* without a fence it cannot be waited for: the device is lost */
      return -1;
    }
  }
  return started;
}

gboolean
vulkan_submitter_finish (VulkanSubmitter *self, int started, double *us, GError **error)
{
  return wait_slot (self, &self->slots[started], us, error);
}

gboolean
vulkan_record_copies (VkCommandBuffer commands, const VulkanCopy *copies, uint32_t n,
                      GError **error)
{
  VkCommandBufferBeginInfo begin = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
    .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
  };
  VkMemoryBarrier barrier = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
  };
  VkMemoryBarrier after = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_SHADER_READ_BIT,
  };
  if (!VK (vkBeginCommandBuffer (commands, &begin), error))
    return FALSE;
  vkCmdPipelineBarrier (commands,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                        VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
  for (uint32_t i = 0; i < n; i++) {
    VkBufferCopy region = { copies[i].src_offset, copies[i].dst_offset, copies[i].bytes };
    vkCmdCopyBuffer (commands, copies[i].src->buffer, copies[i].dst->buffer, 1, &region);
  }
  vkCmdPipelineBarrier (commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                        VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1,
                        &after, 0, NULL, 0, NULL);
  return VK (vkEndCommandBuffer (commands), error);
}

static gboolean
run_copy (VulkanSubmitter *self, const VulkanBuffer *src, uint64_t src_offset,
          const VulkanBuffer *dst, uint64_t dst_offset, uint64_t bytes, GError **error)
{
  VulkanCopy copy = { src, dst, src_offset, dst_offset, bytes };
  double us;
  return vulkan_record_copies (self->copy, &copy, 1, error) &&
         submit (self, &self->slots[0], &self->copy, 1, error) &&
         wait_slot (self, &self->slots[0], &us, error);
}

gboolean
vulkan_submitter_copy (VulkanSubmitter *self, const VulkanBuffer *src, uint64_t src_offset,
                       const VulkanBuffer *dst, uint64_t dst_offset, uint64_t bytes, GError **error)
{
  return run_copy (self, src, src_offset, dst, dst_offset, bytes, error);
}

static gboolean
need_staging (VulkanSubmitter *self, GError **error)
{
  return self->staging.buffer != VK_NULL_HANDLE ||
         vulkan_buffer_init (&self->staging, self->device, VULKAN_MEMORY_READ, STAGING_BYTES,
                             "copying", error);
}

gboolean
vulkan_submitter_write (VulkanSubmitter *self, const VulkanBuffer *dst, uint64_t dst_offset,
                        const void *data, uint64_t bytes, GError **error)
{
  if (dst->map != NULL) {
    memcpy ((uint8_t *) dst->map + dst_offset, data, bytes);
    return TRUE;
  }
  if (!need_staging (self, error))
    return FALSE;
  for (uint64_t done = 0; done < bytes;) {
    uint64_t step = MIN (bytes - done, STAGING_BYTES);
    memcpy (self->staging.map, (const uint8_t *) data + done, step);
    if (!run_copy (self, &self->staging, 0, dst, dst_offset + done, step, error))
      return FALSE;
    done += step;
  }
  return TRUE;
}

gboolean
vulkan_submitter_read (VulkanSubmitter *self, const VulkanBuffer *src, uint64_t src_offset,
                       void *data, uint64_t bytes, GError **error)
{
  if (!need_staging (self, error))
    return FALSE;
  for (uint64_t done = 0; done < bytes;) {
    uint64_t step = MIN (bytes - done, STAGING_BYTES);
    if (!run_copy (self, src, src_offset + done, &self->staging, 0, step, error))
      return FALSE;
    memcpy ((uint8_t *) data + done, self->staging.map, step);
    done += step;
  }
  return TRUE;
}
