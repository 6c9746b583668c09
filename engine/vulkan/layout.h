/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the weights of a tensor lie on the device: planes of codes and scales, rows interleaved.
 * shaders/weights.glsl reads what this writes; both describe the same thing. */
#pragma once

#include "engine/model/gguf.h"
#include "shaders/shaders.h"

typedef enum {
  VULKAN_PLANE_CODES,
  VULKAN_PLANE_HIGH,
  VULKAN_PLANE_SCALES,
  VULKAN_PLANE_SUPERS,
  VULKAN_N_PLANES,
} VulkanPlane;

typedef struct {
  const ModelTypeInfo *type;
  ShaderForm form;                     /* how its weights lie in the planes */
  uint32_t padded_rows;                /* up to whole workgroups, with zeros */
  uint32_t columns, blocks;            /* blocks of 32, the last filled up with zeros */
  uint32_t group;                      /* rows interleaved */
  uint32_t row_bytes[VULKAN_N_PLANES]; /* of one row in each plane; 0: the plane does not exist */
} VulkanLayout;

/* Whether there are kernels for the type. */
gboolean vulkan_layout_runs (const ModelTypeInfo *type);
/* rows x columns of type, interleaved by group, padded to a multiple of pad_rows (itself a
 * multiple of group). wide: scales are unpacked to f32, where the type has a form for that. */
void vulkan_layout_init (VulkanLayout *self, const ModelTypeInfo *type, uint32_t rows,
                         uint32_t columns, uint32_t group, uint32_t pad_rows, gboolean wide);
uint64_t vulkan_layout_plane_bytes (const VulkanLayout *self, VulkanPlane plane);
/* Repacks rows [first, first + n) of the file's layout (src) into a group-aligned range: first
 * and n are multiples of group (n may end at rows instead: the rest of the group becomes zero).
 * planes[p]: where row first begins in each plane. Thread: any. */
void vulkan_layout_pack (const VulkanLayout *self, const uint8_t *src, uint32_t n,
                         uint8_t *const planes[VULKAN_N_PLANES]);
