/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX2: tiles of 2 strips of 8 rows by 2 tokens, or 1 by 4, are what 16 registers
 * hold. */
#include "engine/cpu/simd-avx2.h"

#include "engine/cpu/products-avx2.h"
#include "engine/cpu/products.h"

#define PRODUCT(kind, name, format)                         \
  TILE (kind, format, 1, 1)                                 \
  TILE (kind, format, 1, 2)                                 \
  TILE (kind, format, 2, 1)                                 \
  TILE (kind, format, 2, 2)                                 \
  void cpu_matmul_##name##_avx2 (const CpuMatmulWork *work) \
  {                                                         \
    static const TileFunc tiles[2][TILE_COLUMNS] = {        \
      { tile_##format##_1_1, tile_##format##_1_2 },         \
      { tile_##format##_2_1, tile_##format##_2_2 },         \
    };                                                      \
                                                            \
    matmul (work, tiles, 2);                                \
  }

PRODUCT (float, f32, F32)
PRODUCT (float, f16, F16)
PRODUCT (float, bf16, BF16)
PRODUCT (integer, q4_0, Q4_0)
PRODUCT (integer, q4_1, Q4_1)
PRODUCT (integer, q8_0, Q8_0)
PRODUCT (integer, q4_k, Q4_K)
PRODUCT (integer, q6_k, Q6_K)
