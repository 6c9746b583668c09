/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A physical device: what it can do, what is known about its driver, and the logical device with
 * its one compute queue. */
#pragma once

#include "engine/vulkan/instance.h"
#include "engine/vulkan/vulkan.h"

/* The best way of tiles of products in prefill that may be used. */
typedef enum {
  VULKAN_TILING_NONE,
  VULKAN_TILING_INT,    /* integer dot products */
  VULKAN_TILING_MATRIX, /* f16 matrices of a subgroup */
} VulkanTiling;

/* What a subgroup multiplies at once: f16 [m][k] by [k][n], sums in f32. m = 0: nothing. */
typedef struct {
  uint32_t m, n, k;
  uint32_t subgroup; /* its size */
} VulkanMatrix;

/* What this back end does differently on some drivers: one row per driver in device.c, first
 * match. */
typedef struct {
  VkDriverId driver;     /* 0: any */
  uint32_t vendor;       /* 0: any */
  gboolean float_dots;   /* weights become floats: faster where the int8 dot product is emulated */
  uint32_t slow_dots;    /* integer dots of no own instruction: better made of floats */
  uint32_t lanes;        /* workgroup width of the matrix kernels */
  uint32_t group;        /* rows interleaved in the planes of weights */
  uint32_t lanes_small;  /* workgroup width of all other kernels */
  uint32_t narrow_rows;  /* rows of a workgroup of matvec.comp; 0: the device is not for it */
  uint32_t split;        /* lanes that share a row in the matrix kernels when columns are few */
  uint32_t fill;         /* workgroups that keep the device busy */
  uint32_t max_columns;  /* columns that a matrix kernel takes at once */
  uint32_t tiling;       /* VulkanTiling; open () takes it down to what the device can do */
  uint32_t fill_tiles;   /* workgroups of tiles that keep the device busy */
  uint32_t sums;         /* matrices of results that a subgroup keeps in registers */
  uint32_t ahead;        /* the next token is queued before the last is read */
  gboolean staged;       /* weights are copied in even where the host could write them */
  uint32_t chunk_tokens; /* preferred prefill batch */
} VulkanQuirks;

/* What is asked of the driver once per physical device. */
typedef struct {
  VkPhysicalDeviceProperties properties;
  VkPhysicalDeviceDriverProperties driver;
  VkPhysicalDeviceIDProperties id;
  VkPhysicalDeviceMemoryProperties memory;
  uint32_t subgroup_size, subgroup_min, subgroup_max;
  uint32_t queue_family, timestamp_bits;
  gboolean has_storage16, has_int_dot, int_dot_fast, has_float16;
  gboolean has_cooperative_matrix, has_budget;
  gboolean has_subgroup_control, has_executable_info, has_addresses;
  gboolean has_memory_model, has_full_subgroups;
  gboolean imports_memory; /* a driver in software, which takes memory that the host has mapped */
  VulkanMatrix matrix;
  uint64_t max_allocation_bytes;
  const char *missing; /* what is required and absent; NULL when usable */
} VulkanAbilities;

typedef struct {
  VulkanInstance *instance; /* owned */
  VkPhysicalDevice physical;
  VulkanAbilities can;
  VulkanQuirks quirks;
  VulkanDeviceInfo *info; /* owned */
  VkDevice device;
  VkQueue queue;
} VulkanDevice;

/* Free memory of heap now, clamped to its size; the size where the driver does not tell. */
uint64_t vulkan_device_free_bytes (const VulkanDevice *self, uint32_t heap);
gboolean vulkan_device_is_unified (const VulkanDevice *self);
/* The heap that weights go to: the largest device-local one. */
uint32_t vulkan_device_weights_heap (const VulkanDevice *self);

VulkanDevice *vulkan_device_open (unsigned index, GError **error);
void vulkan_device_close (VulkanDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VulkanDevice, vulkan_device_close)
