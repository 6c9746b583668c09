/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX2: tiles of 2 strips of 8 rows by 2 tokens, or 1 by 4, are what 16 registers
 * hold. */
#include "engine/cpu/simd-avx2.h"

#include "engine/cpu/products-avx2.h"
#include "engine/cpu/products.h"

#define PRODUCT(kind, format)                             \
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

PRODUCT (float, F32)
PRODUCT (float, F16)
PRODUCT (float, BF16)
PRODUCT (integer, Q4_0)
PRODUCT (integer, Q4_1)
PRODUCT (integer, Q5_0)
PRODUCT (integer, Q5_1)
PRODUCT (integer, Q8_0)
PRODUCT (integer, Q2_K)
PRODUCT (integer, Q3_K)
PRODUCT (integer, Q4_K)
PRODUCT (integer, Q5_K)
PRODUCT (integer, Q6_K)
PRODUCT (integer, IQ4_NL)
PRODUCT (integer, IQ4_XS)
PRODUCT (integer, MXFP4)
PRODUCT (integer, EXPANDED)

const CpuMatmulFunc cpu_products_avx2[CPU_N_FORMATS] = PRODUCT_TABLE;
