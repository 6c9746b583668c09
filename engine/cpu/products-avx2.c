/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX2: what multiplies limits them, and tiles of 2 strips of 8 rows by 2 tokens
 * feed it. */
#include "engine/cpu/simd-avx2.h"

#include "engine/cpu/products-avx2.h"
#include "engine/cpu/products.h"

#define PRODUCT_2(kind, format)                           \
  TILE (kind, format, 1, 1)                               \
  TILE (kind, format, 1, 2)                               \
  TILE (kind, format, 2, 1)                               \
  TILE (kind, format, 2, 2)                               \
  static void matmul_##format (const CpuMatmulWork *work) \
  {                                                       \
    static const TileFunc tiles[2][TILE_COLUMNS] = {      \
      { tile_##format##_1_1, tile_##format##_1_2 },       \
      { tile_##format##_2_1, tile_##format##_2_2 },       \
    };                                                    \
                                                          \
    matmul (work, tiles, 2);                              \
  }

PRODUCTS (PRODUCT_2, PRODUCT_2)

const CpuMatmulFunc cpu_products_avx2[CPU_N_FORMATS] = PRODUCT_TABLE;
