/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns a staging buffer in two halves, each with its fence and its command buffer, of one thread.
 * Knows nothing of what is copied. */
#include "engine/vulkan/upload.h"

#define N_HALVES 2

typedef struct {
  VkFence fence;
  VkCommandBuffer commands;
  gboolean sent; /* and not waited for yet */
} Half;

struct _VulkanUpload {
  VulkanDevice *device; /* borrowed */
  GMutex *queue;        /* borrowed */
  VkCommandPool pool;
  VulkanBuffer staging;
  uint64_t bytes; /* of a half */
  Half halves[N_HALVES];
  uint32_t next;
};

static gboolean
half_init (VulkanUpload *self, Half *half, GError **error)
{
  VkDevice device = self->device->device;
  VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
  VkCommandBufferAllocateInfo commands = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
    .commandPool = self->pool,
    .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
    .commandBufferCount = 1,
  };
  return VK (vkCreateFence (device, &fence, NULL, &half->fence), error) &&
         VK (vkAllocateCommandBuffers (device, &commands, &half->commands), error);
}

VulkanUpload *
vulkan_upload_new (VulkanDevice *device, GMutex *queue, uint64_t bytes, GError **error)
{
  VulkanUpload *self = g_new0 (VulkanUpload, 1);
  VkCommandPoolCreateInfo pool = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
    .queueFamilyIndex = device->can.queue_family,
  };
  self->device = device;
  self->queue = queue;
  self->bytes = bytes;
  gboolean ok = VK (vkCreateCommandPool (device->device, &pool, NULL, &self->pool), error) &&
                vulkan_buffer_init (&self->staging, device, VULKAN_MEMORY_READ, N_HALVES * bytes,
                                    "copying", error);
  for (uint32_t i = 0; ok && i < N_HALVES; i++)
    ok = half_init (self, &self->halves[i], error);
  if (ok)
    return self;
  vulkan_upload_free (self);
  return NULL;
}

void
vulkan_upload_free (VulkanUpload *self)
{
  if (self == NULL)
    return;
  VkDevice device = self->device->device;
  vulkan_upload_finish (self, NULL);
  for (uint32_t i = 0; i < N_HALVES; i++)
    if (self->halves[i].fence != VK_NULL_HANDLE)
      vkDestroyFence (device, self->halves[i].fence, NULL);
  vulkan_buffer_finish (&self->staging);
  if (self->pool != VK_NULL_HANDLE) /* frees its command buffers */
    vkDestroyCommandPool (device, self->pool, NULL);
  g_free (self);
}

static gboolean
wait_half (VulkanUpload *self, Half *half, GError **error)
{
  VkDevice device = self->device->device;
  gboolean sent = half->sent;
  half->sent = FALSE;
  return !sent ||
         (VK (vkWaitForFences (device, 1, &half->fence, VK_TRUE, VULKAN_TIMEOUT_NS), error) &&
          VK (vkResetFences (device, 1, &half->fence), error));
}

uint8_t *
vulkan_upload_begin (VulkanUpload *self, GError **error)
{
  if (!wait_half (self, &self->halves[self->next], error))
    return NULL;
  return (uint8_t *) self->staging.map + self->next * self->bytes;
}

gboolean
vulkan_upload_send (VulkanUpload *self, VulkanCopy *copies, uint32_t n, GError **error)
{
  Half *half = &self->halves[self->next];
  for (uint32_t i = 0; i < n; i++) {
    copies[i].src = &self->staging;
    copies[i].src_offset += self->next * self->bytes;
  }
  if (!vulkan_record_copies (half->commands, copies, n, error))
    return FALSE;
  VkSubmitInfo info = {
    .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
    .commandBufferCount = 1,
    .pCommandBuffers = &half->commands,
  };
  g_mutex_lock (self->queue);
  VkResult result = vkQueueSubmit (self->device->queue, 1, &info, half->fence);
  g_mutex_unlock (self->queue);
  half->sent = result == VK_SUCCESS;
  self->next = (self->next + 1) % N_HALVES;
  return vulkan_check (result, "vkQueueSubmit", __FILE__, __LINE__, error);
}

gboolean
vulkan_upload_finish (VulkanUpload *self, GError **error)
{
  gboolean ok = TRUE;
  for (uint32_t i = 0; i < N_HALVES; i++)
    ok = wait_half (self, &self->halves[i], ok ? error : NULL) && ok;
  return ok;
}
