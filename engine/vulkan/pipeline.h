/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compute pipelines by kernel and specialisation constants, made once, cached on disk. */
#pragma once

#include "engine/vulkan/device.h"
#include "shaders/shaders.h"

/* Constants 0 and 1 are the workgroup's width and height; the rest is the kernel's own. */
#define VULKAN_N_CONSTANTS 12
/* Push constants that every device has. */
#define VULKAN_PUSH_BYTES 128

typedef struct _VulkanPipelines VulkanPipelines;

/* Reads the cache file of this device and driver version when there is one; a damaged file is
 * ignored. cache_dir NULL: no file. */
VulkanPipelines *vulkan_pipelines_new (const VulkanDevice *device, const char *cache_dir,
                                       GError **error);
void vulkan_pipelines_free (VulkanPipelines *self);
/* Writes the cache file when pipelines were made since it was read. Failing to is no error. */
void vulkan_pipelines_save (VulkanPipelines *self);

/* The pipeline of kernel; made at the first request. subgroup: the size that its subgroups must
 * have, 0: any. VK_NULL_HANDLE with error set on failure. */
VkPipeline vulkan_pipelines_get (VulkanPipelines *self, ShaderKernelId kernel,
                                 const uint32_t constants[VULKAN_N_CONSTANTS], uint32_t subgroup,
                                 GError **error);
VkPipelineLayout vulkan_pipelines_layout (const VulkanPipelines *self);
