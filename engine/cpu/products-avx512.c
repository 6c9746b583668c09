/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX-512 VNNI: tiles of 2 strips of 16 rows by 6 tokens (4 for Q6_K, which
 * needs two integer sums) fill its 32 registers. */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/products-avx512.h"
#include "engine/cpu/products.h"

#define TILES_UP_TO_4(kind, format, m) \
  TILE (kind, format, m, 1)            \
  TILE (kind, format, m, 2)            \
  TILE (kind, format, m, 3)            \
  TILE (kind, format, m, 4)
#define ROW_OF_4(format, m) \
  tile_##format##_##m##_1, tile_##format##_##m##_2, tile_##format##_##m##_3, tile_##format##_##m##_4

#define PRODUCT_4(kind, name, format)                                            \
  TILES_UP_TO_4 (kind, format, 1)                                                \
  TILES_UP_TO_4 (kind, format, 2)                                                \
  void cpu_matmul_##name##_avx512 (const CpuMatmulWork *work)                    \
  {                                                                              \
    static const TileFunc tiles[2][TILE_COLUMNS] = { { ROW_OF_4 (format, 1) },   \
                                                     { ROW_OF_4 (format, 2) } }; \
                                                                                 \
    matmul (work, tiles, 4);                                                     \
  }
#define PRODUCT_6(kind, name, format)                                     \
  TILES_UP_TO_4 (kind, format, 1)                                         \
  TILES_UP_TO_4 (kind, format, 2)                                         \
  TILE (kind, format, 1, 5)                                               \
  TILE (kind, format, 1, 6)                                               \
  TILE (kind, format, 2, 5)                                               \
  TILE (kind, format, 2, 6)                                               \
  void cpu_matmul_##name##_avx512 (const CpuMatmulWork *work)             \
  {                                                                       \
    static const TileFunc tiles[2][TILE_COLUMNS] = {                      \
      { ROW_OF_4 (format, 1), tile_##format##_1_5, tile_##format##_1_6 }, \
      { ROW_OF_4 (format, 2), tile_##format##_2_5, tile_##format##_2_6 }, \
    };                                                                    \
                                                                          \
    matmul (work, tiles, 6);                                              \
  }

PRODUCT_6 (float, f32, F32)
PRODUCT_6 (float, f16, F16)
PRODUCT_6 (float, bf16, BF16)
PRODUCT_6 (integer, q4_0, Q4_0)
PRODUCT_6 (integer, q4_1, Q4_1)
PRODUCT_6 (integer, q8_0, Q8_0)
PRODUCT_6 (integer, q4_k, Q4_K)
PRODUCT_4 (integer, q6_k, Q6_K)
