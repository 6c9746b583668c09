/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the table of tiles and which of them a product gets. Knows what a tile needs of a device;
 * must not know recordings. */
#include "engine/vulkan/tile.h"

#include "engine/vulkan/unpack.h"

/* Outputs of a lane of matmul-tile.comp. */
#define EACH_ROWS    4u
#define EACH_COLUMNS 8u

/* From large to small; matrices before integer dots. */
static const VulkanTile tiles[] = {
  { VULKAN_TILING_MATRIX, 128, 128, 64, 32 },
  { VULKAN_TILING_MATRIX, 64, 128, 32, 32 },
  { VULKAN_TILING_MATRIX, 64, 64, 32, 32 },
  { VULKAN_TILING_MATRIX, 64, 32, 32, 16 },
  { VULKAN_TILING_MATRIX, 32, 32, 16, 16 },
  { VULKAN_TILING_INT, 128, 64, 0, 0 },
  { VULKAN_TILING_INT, 64, 64, 0, 0 },
  { VULKAN_TILING_INT, 64, 32, 0, 0 },
  { VULKAN_TILING_INT, 32, 32, 0, 0 },
};

/* The part of a subgroup: that of the table, halved until its sums fit into registers. */
static void
find_part (const VulkanDevice *device, const VulkanTile *tile, uint32_t *rows, uint32_t *columns)
{
  const VulkanMatrix *matrix = &device->can.matrix;
  *rows = tile->sub_rows;
  *columns = tile->sub_columns;
  while (*rows / matrix->m * (*columns / matrix->n) > device->quirks.sums)
    if (*rows / matrix->m >= *columns / matrix->n)
      *rows /= 2;
    else
      *columns /= 2;
}

static uint32_t
subgroups_of (const VulkanDevice *device, const VulkanTile *tile)
{
  uint32_t rows, columns;
  find_part (device, tile, &rows, &columns);
  return tile->rows / rows * (tile->columns / columns);
}

static uint32_t
lanes_of (const VulkanDevice *device, const VulkanTile *tile)
{
  return tile->tiling == VULKAN_TILING_MATRIX
             ? subgroups_of (device, tile) * device->can.matrix.subgroup
             : tile->rows / EACH_ROWS * (tile->columns / EACH_COLUMNS);
}

/* Bytes that a workgroup shares: both halves of the items, the rooms for results, the book. */
static uint32_t
shared_bytes (const VulkanDevice *device, const VulkanTile *tile, const VulkanLayout *layout)
{
  const VulkanMatrix *matrix = &device->can.matrix;
  uint32_t items = 2 * (tile->rows + tile->columns);
  uint32_t book = vulkan_format_book (vulkan_format (layout->type->id), NULL) * 4;
  if (tile->tiling == VULKAN_TILING_INT)
    return items * (3 + 1) * 16 + book;
  return items * (SHADER_BLOCK / 4 + 2) * 8 +
         subgroups_of (device, tile) * matrix->m * matrix->n * 4 + book;
}

static ShaderFamily
family_of (const VulkanTile *tile, gboolean experts)
{
  static const ShaderFamily families[][2] = {
    [VULKAN_TILING_INT] = { SHADER_FAMILY_MATMUL_TILE, SHADER_FAMILY_EXPERTS_TILE },
    [VULKAN_TILING_MATRIX] = { SHADER_FAMILY_MATMUL_MATRIX, SHADER_FAMILY_EXPERTS_MATRIX },
  };
  return families[tile->tiling][experts ? 1 : 0];
}

VulkanWay
vulkan_way (const VulkanTile *tile, const VulkanLayout *layout, gboolean ints, gboolean experts,
            uint32_t columns)
{
  if (tile != NULL)
    return (VulkanWay) {
      .tile = tile,
      .pack = tile->tiling == VULKAN_TILING_MATRIX ? VULKAN_PACK_HALF : VULKAN_PACK_INT,
      .family = family_of (tile, experts),
      .columns = tile->columns,
      .parts = layout->type->block_weights == 1 ? 2 : 1, /* as matmul-matrix.comp has it */
    };
  ShaderFamily by_ints = experts ? SHADER_FAMILY_EXPERTS_INT : SHADER_FAMILY_MATMUL_INT;
  ShaderFamily by_floats = experts ? SHADER_FAMILY_EXPERTS : SHADER_FAMILY_MATMUL;
  return (VulkanWay) {
    .pack = ints ? VULKAN_PACK_INT : VULKAN_PACK_FLOAT,
    .family = ints ? by_ints : by_floats,
    .columns = columns,
    .parts = 1,
  };
}

gboolean
vulkan_way_packs_alike (const VulkanWay *a, const VulkanWay *b)
{
  return a->pack == b->pack && a->columns == b->columns && a->parts == b->parts;
}

uint32_t
vulkan_way_subgroup (const VulkanDevice *device, const VulkanWay *way)
{
  return way->pack == VULKAN_PACK_HALF ? device->can.matrix.subgroup : 0;
}

uint32_t
vulkan_way_features (const VulkanDevice *device, const VulkanWay *way, uint32_t lanes)
{
  if (way->tile != NULL)
    return 0;
  return (lanes % device->can.subgroup_max == 0 ? SHADER_WHOLE_SUBGROUPS : 0) |
         (device->quirks.slow_dots ? SHADER_SLOW_DOTS : 0);
}

static gboolean
fits (const VulkanDevice *device, const VulkanTile *tile, const VulkanLayout *layout)
{
  const VkPhysicalDeviceLimits *limits = &device->can.properties.limits;
  const VulkanMatrix *matrix = &device->can.matrix;
  ShaderFamily family = family_of (tile, FALSE);
  if (tile->tiling > device->quirks.tiling ||
      shader_kernels[SHADER_FORM_KERNEL (layout->form, family)].words == NULL)
    return FALSE;
  if (tile->tiling == VULKAN_TILING_MATRIX &&
      (tile->sub_rows % matrix->m != 0 || tile->sub_columns % matrix->n != 0))
    return FALSE;
  uint32_t lanes = lanes_of (device, tile);
  return lanes <= limits->maxComputeWorkGroupInvocations &&
         lanes <= limits->maxComputeWorkGroupSize[0] &&
         shared_bytes (device, tile, layout) <= limits->maxComputeSharedMemorySize;
}

const VulkanTile *
vulkan_tile_choose (const VulkanDevice *device, const VulkanLayout *layout, uint32_t rows,
                    uint32_t n_columns, uint32_t most_columns)
{
  const VulkanTile *best = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (tiles); i++) {
    const VulkanTile *tile = &tiles[i];
    if (tile->columns > most_columns || (best != NULL && tile->tiling != best->tiling) ||
        !fits (device, tile, layout))
      continue;
    best = tile;
    uint32_t groups = (rows + tile->rows - 1) / tile->rows *
                      ((n_columns + tile->columns - 1) / tile->columns);
    if (groups >= device->quirks.fill_tiles)
      break;
  }
  return best;
}

const VulkanTile *
vulkan_tile_at (const VulkanDevice *device, const VulkanLayout *layout, uint32_t i,
                uint32_t most_columns)
{
  return i < G_N_ELEMENTS (tiles) && tiles[i].columns <= most_columns &&
                 fits (device, &tiles[i], layout)
             ? &tiles[i]
             : NULL;
}

uint32_t
vulkan_tile_index (const VulkanTile *tile)
{
  return (uint32_t) (tile - tiles);
}

const VulkanTile *
vulkan_tile_of_experts (const VulkanDevice *device, const VulkanLayout *layout, uint32_t columns)
{
  for (size_t i = 0; i < G_N_ELEMENTS (tiles); i++)
    if (tiles[i].columns == columns && fits (device, &tiles[i], layout))
      return &tiles[i];
  return NULL;
}

void
vulkan_tile_constants (const VulkanDevice *device, const VulkanTile *tile, uint32_t *constants)
{
  constants[0] = lanes_of (device, tile);
  constants[1] = 1;
  constants[6] = tile->rows;
  if (tile->tiling != VULKAN_TILING_MATRIX)
    return;
  find_part (device, tile, &constants[7], &constants[8]);
  constants[9] = device->can.matrix.m;
  constants[10] = device->can.matrix.n;
  constants[11] = device->can.matrix.k;
}
