/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Device memory: buffers that kernels reach by address, with what is free checked beforehand. */
#pragma once

#include "engine/vulkan/device.h"

typedef enum {
  VULKAN_MEMORY_DEVICE,  /* KV, activations; mapped only where unified */
  VULKAN_MEMORY_WRITE,   /* the host writes, the device reads: parameters, staging */
  VULKAN_MEMORY_READ,    /* the device writes, the host reads: results */
  VULKAN_MEMORY_WEIGHTS, /* as DEVICE, but all of it is read for every token */
} VulkanMemoryKind;

typedef struct {
  VkBuffer buffer; /* VK_NULL_HANDLE: empty */
  VkDeviceMemory memory;
  uint64_t bytes;
  uint64_t address; /* of the device */
  void *map;        /* NULL when the host cannot see it */
  VkDevice device;  /* borrowed */
  void *imported;   /* the host's own pages, or NULL; owned */
  size_t imported_bytes;
} VulkanBuffer;

/* Allocates bytes (contents undefined). ENGINE_ERROR_NO_MEMORY with the numbers when the
 * budget says that it will not fit. what names it in that message ("the weights"). */
gboolean vulkan_buffer_init (VulkanBuffer *self, const VulkanDevice *device, VulkanMemoryKind kind,
                             uint64_t bytes, const char *what, GError **error);
/* Whether the host sees buffers of VULKAN_MEMORY_DEVICE. */
gboolean vulkan_buffer_is_seen (const VulkanDevice *device);
/* Safe on an all-zero struct. */
void vulkan_buffer_finish (VulkanBuffer *self);
