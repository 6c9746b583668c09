/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns pipelines, their one layout (push constants only: buffers go by address) and the cache file.
 * Knows the kernels by name and number; must not know what they compute. */
#include "engine/vulkan/pipeline.h"

#include "engine/vulkan/cache.h"

#include <string.h>

#define CACHE_MAGIC "BTGVKC1"

typedef struct {
  ShaderKernelId kernel;
  uint32_t constants[VULKAN_N_CONSTANTS];
  uint32_t subgroup;
} PipelineKey;

typedef struct {
  PipelineKey key;
  VkPipeline pipeline;
} PipelineEntry;

struct _VulkanPipelines {
  VkDevice device; /* borrowed */
  VkPipelineLayout layout;
  VkPipelineCache cache;
  char *file;      /* NULL: none */
  GArray *entries; /* PipelineEntry */
  gboolean grown;  /* since the file was read or written */
};

static gboolean
create_cache (VulkanPipelines *self, GError **error)
{
  g_autofree char *contents = NULL;
  gsize bytes = 0;
  const void *data = engine_cache_read (self->file, CACHE_MAGIC, &contents, &bytes);
  VkPipelineCacheCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
    .initialDataSize = data == NULL ? 0 : bytes,
    .pInitialData = data,
  };
  return VK (vkCreatePipelineCache (self->device, &info, NULL, &self->cache), error);
}

VulkanPipelines *
vulkan_pipelines_new (const VulkanDevice *device, const char *cache_dir, GError **error)
{
  VulkanPipelines *self = g_new0 (VulkanPipelines, 1);
  self->device = device->device;
  self->entries = g_array_new (FALSE, FALSE, sizeof (PipelineEntry));
  self->file = vulkan_cache_file (device, cache_dir, "cache");
  VkPushConstantRange range = { VK_SHADER_STAGE_COMPUTE_BIT, 0, VULKAN_PUSH_BYTES };
  VkPipelineLayoutCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
    .pushConstantRangeCount = 1,
    .pPushConstantRanges = &range,
  };
  if (!VK (vkCreatePipelineLayout (self->device, &info, NULL, &self->layout), error) ||
      !create_cache (self, error)) {
    vulkan_pipelines_free (self);
    return NULL;
  }
  return self;
}

void
vulkan_pipelines_free (VulkanPipelines *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->entries->len; i++)
    vkDestroyPipeline (self->device,
                       g_array_index (self->entries, PipelineEntry, i).pipeline, NULL);
  if (self->cache != VK_NULL_HANDLE)
    vkDestroyPipelineCache (self->device, self->cache, NULL);
  if (self->layout != VK_NULL_HANDLE)
    vkDestroyPipelineLayout (self->device, self->layout, NULL);
  g_array_unref (self->entries);
  g_free (self->file);
  g_free (self);
}

void
vulkan_pipelines_save (VulkanPipelines *self)
{
  size_t bytes = 0;
  if (self->file == NULL || !self->grown ||
      vkGetPipelineCacheData (self->device, self->cache, &bytes, NULL) != VK_SUCCESS || bytes == 0)
    return;
  g_autofree char *contents = g_try_malloc (bytes);
  if (contents != NULL &&
      vkGetPipelineCacheData (self->device, self->cache, &bytes, contents) == VK_SUCCESS &&
      engine_cache_write (self->file, CACHE_MAGIC, contents, bytes))
    self->grown = FALSE;
}

static VkPipeline
create (VulkanPipelines *self, const PipelineKey *key, GError **error)
{
  const ShaderKernel *kernel = &shader_kernels[key->kernel];
  VkShaderModule module;
  VkShaderModuleCreateInfo module_info = {
    .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
    .codeSize = kernel->bytes,
    .pCode = kernel->words,
  };
  if (!VK (vkCreateShaderModule (self->device, &module_info, NULL, &module), error))
    return VK_NULL_HANDLE;
  VkSpecializationMapEntry entries[VULKAN_N_CONSTANTS];
  for (uint32_t i = 0; i < VULKAN_N_CONSTANTS; i++)
    entries[i] = (VkSpecializationMapEntry) { i, i * 4, 4 };
  VkSpecializationInfo special = { VULKAN_N_CONSTANTS, entries, sizeof key->constants,
                                   key->constants };
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
    .requiredSubgroupSize = key->subgroup,
  };
  VkComputePipelineCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
    .stage = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .pNext = key->subgroup > 0 ? &size : NULL,
        .flags = key->subgroup > 0 ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
        .module = module,
        .pName = "main",
        .pSpecializationInfo = &special,
    },
    .layout = self->layout,
  };
  VkPipeline pipeline = VK_NULL_HANDLE;
  if (!VK (vkCreateComputePipelines (self->device, self->cache, 1, &info, NULL, &pipeline), error))
    g_prefix_error (error, "The kernel %s could not be made. ", kernel->name);
  vkDestroyShaderModule (self->device, module, NULL);
  return pipeline;
}

VkPipeline
vulkan_pipelines_get (VulkanPipelines *self, ShaderKernelId kernel,
                      const uint32_t constants[VULKAN_N_CONSTANTS], uint32_t subgroup,
                      GError **error)
{
  PipelineEntry entry = { .key = { .kernel = kernel, .subgroup = subgroup } };
  memcpy (entry.key.constants, constants, sizeof entry.key.constants);
  for (guint i = 0; i < self->entries->len; i++) {
    const PipelineEntry *old = &g_array_index (self->entries, PipelineEntry, i);
    if (memcmp (&old->key, &entry.key, sizeof entry.key) == 0)
      return old->pipeline;
  }
  entry.pipeline = create (self, &entry.key, error);
  if (entry.pipeline != VK_NULL_HANDLE) {
    g_array_append_val (self->entries, entry);
    self->grown = TRUE;
  }
  return entry.pipeline;
}

VkPipelineLayout
vulkan_pipelines_layout (const VulkanPipelines *self)
{
  return self->layout;
}
