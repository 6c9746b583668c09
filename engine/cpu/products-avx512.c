/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX-512 VNNI: tiles of 2 strips of 16 rows by 6 tokens (4 with two
 * scales a block, which needs two integer sums) fill its 32 registers. */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/products-avx512.h"
#include "engine/cpu/products.h"

#define PRODUCT_6(kind, format)                                           \
  TILES_UP_TO_4 (kind, format, 1)                                         \
  TILES_UP_TO_4 (kind, format, 2)                                         \
  TILE (kind, format, 1, 5)                                               \
  TILE (kind, format, 1, 6)                                               \
  TILE (kind, format, 2, 5)                                               \
  TILE (kind, format, 2, 6)                                               \
  static void matmul_##format (const CpuMatmulWork *work)                 \
  {                                                                       \
    static const TileFunc tiles[2][TILE_COLUMNS] = {                      \
      { ROW_OF_4 (format, 1), tile_##format##_1_5, tile_##format##_1_6 }, \
      { ROW_OF_4 (format, 2), tile_##format##_2_5, tile_##format##_2_6 }, \
    };                                                                    \
                                                                          \
    matmul (work, tiles, 6);                                              \
  }

PRODUCTS (PRODUCT_6, PRODUCT_4)

const CpuMatmulFunc cpu_products_avx512[CPU_N_FORMATS] = PRODUCT_TABLE;
