/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Vulkan back end's one door (see engine/backend.h). */
#pragma once

#include "engine/backend.h"

typedef enum {
  VULKAN_KIND_DISCRETE,
  VULKAN_KIND_INTEGRATED,
  VULKAN_KIND_VIRTUAL,
  VULKAN_KIND_SOFTWARE,
  VULKAN_KIND_OTHER
} VulkanKind;

/* One physical device as `doctor` shows it and as the choice is made from it. */
typedef struct {
  unsigned index; /* N of "vulkan:N" */
  char *name;     /* "AMD Radeon RX 7600 (RADV NAVI33)" */
  char *driver;   /* "radv, Mesa 26.1.0" */
  char *api;      /* "1.4.335" */
  VulkanKind kind;
  uint64_t memory_bytes; /* largest device-local heap */
  uint64_t free_bytes;   /* of it, by VK_EXT_memory_budget, else memory_bytes */
  uint64_t max_buffer_range_bytes;
  uint32_t subgroup_min, subgroup_max;
  gboolean usable; /* has all that is required */
  char *missing;   /* what a device that is not usable lacks, as a sentence; else NULL */
  char *features;  /* "16-bit storage, integer dot product, cooperative matrix" */
} VulkanDeviceInfo;

void vulkan_device_info_free (VulkanDeviceInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VulkanDeviceInfo, vulkan_device_info_free)

/* All devices (GPtrArray of VulkanDeviceInfo, owned by the caller). Empty without an error when the
 * loader finds no driver; NULL with a sentence when the instance fails. */
GPtrArray *vulkan_devices (GError **error);

/* The one to use by default: usable, discrete before integrated before virtual, then by memory;
 * never a software driver. -1 when there is none. *why: a sentence that says the choice and its
 * reason; free with g_free. */
int vulkan_pick_device (GPtrArray *devices, char **why);

/* Opens device index. cache_dir: folder for the pipeline cache file, made when missing; NULL: no
 * cache. With BOTTEGA_VULKAN_VALIDATION=1 in the environment the validation layer watches every
 * call and each of its messages is a g_critical (). */
EngineBackend *vulkan_backend_open (unsigned index, const char *cache_dir, GError **error);
