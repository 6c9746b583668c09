/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiles of products in prefill: which kernel and which size of tile a product of many columns gets.
 * See shaders/matmul-matrix.comp and matmul-tile.comp. */
#pragma once

#include "engine/vulkan/device.h"
#include "engine/vulkan/layout.h"

/* Columns of the largest tile, of the largest for experts, and of the smallest. */
#define VULKAN_TILE_MOST         128u
#define VULKAN_TILE_MOST_EXPERTS 64u
#define VULKAN_TILE_LEAST        32u

typedef enum {
  VULKAN_PACK_FLOAT,
  VULKAN_PACK_INT,
  VULKAN_PACK_HALF,
  VULKAN_N_PACKS,
} VulkanPack;

/* What a workgroup makes at once. */
typedef struct {
  VulkanTiling tiling;
  uint32_t rows, columns;
  uint32_t sub_rows, sub_columns; /* of a subgroup, where matrices are multiplied */
} VulkanTile;

/* How a product is computed. */
typedef struct {
  const VulkanTile *tile; /* NULL: a lane is a row, for few columns */
  VulkanPack pack;        /* what its activations are made into */
  ShaderFamily family;
  uint32_t columns; /* 0: no way at all */
  uint32_t parts;   /* halves that an activation is made into */
} VulkanWay;

/* The tile for `rows` rows of a stack and batches of n_columns, at most most_columns of them wide:
 * the largest that keeps the device busy. NULL: none can be used there. */
const VulkanTile *vulkan_tile_choose (const VulkanDevice *device, const VulkanLayout *layout,
                                      uint32_t rows, uint32_t n_columns, uint32_t most_columns);
/* Tile i of the table where it can be used there, else NULL; and the number of one. */
const VulkanTile *vulkan_tile_at (const VulkanDevice *device, const VulkanLayout *layout,
                                  uint32_t i, uint32_t most_columns);
uint32_t vulkan_tile_index (const VulkanTile *tile);
/* The tile of a mixture of experts: of exactly `columns` columns. */
const VulkanTile *vulkan_tile_of_experts (const VulkanDevice *device, const VulkanLayout *layout,
                                          uint32_t columns);
/* The way of a product by tile, or without one (NULL) of so many columns; ints: by integer dots
 * there. */
VulkanWay vulkan_way (const VulkanTile *tile, const VulkanLayout *layout, gboolean ints,
                      gboolean experts, uint32_t columns);
/* Whether activations that were made ready for a are so for b. */
gboolean vulkan_way_packs_alike (const VulkanWay *a, const VulkanWay *b);
/* The size that subgroups must have there; 0: any. */
uint32_t vulkan_way_subgroup (const VulkanDevice *device, const VulkanWay *way);
/* What kernels without a tile are told of the device (SHADER_WHOLE_SUBGROUPS …), where so many
 * lanes are rows; 0 of a tile. */
uint32_t vulkan_way_features (const VulkanDevice *device, const VulkanWay *way, uint32_t lanes);
/* Sets the constants that a tile's kernels have besides those of all products, the workgroup's size
 * among them. */
void vulkan_tile_constants (const VulkanDevice *device, const VulkanTile *tile,
                            uint32_t *constants);
