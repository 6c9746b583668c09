/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX-512 VNNI: tiles of 2 strips of 16 rows by 6 tokens (4 with two
 * scales a block, which needs two integer sums) fill its 32 registers. */
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

#define PRODUCT_4(kind, format)                                                  \
  TILES_UP_TO_4 (kind, format, 1)                                                \
  TILES_UP_TO_4 (kind, format, 2)                                                \
  static void matmul_##format (const CpuMatmulWork *work)                        \
  {                                                                              \
    static const TileFunc tiles[2][TILE_COLUMNS] = { { ROW_OF_4 (format, 1) },   \
                                                     { ROW_OF_4 (format, 2) } }; \
                                                                                 \
    matmul (work, tiles, 4);                                                     \
  }
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

PRODUCT_6 (float, F32)
PRODUCT_6 (float, F16)
PRODUCT_6 (float, BF16)
PRODUCT_6 (integer, Q4_0)
PRODUCT_6 (integer, Q4_1)
PRODUCT_6 (integer, Q5_0)
PRODUCT_6 (integer, Q5_1)
PRODUCT_6 (integer, Q8_0)
PRODUCT_4 (integer, Q2_K)
PRODUCT_4 (integer, Q3_K)
PRODUCT_6 (integer, Q4_K)
PRODUCT_6 (integer, Q5_K)
PRODUCT_4 (integer, Q6_K)
PRODUCT_6 (integer, IQ4_NL)
PRODUCT_6 (integer, IQ4_XS)
PRODUCT_6 (integer, MXFP4)
PRODUCT_4 (integer, EXPANDED)

const CpuMatmulFunc cpu_products_avx512[CPU_N_FORMATS] = PRODUCT_TABLE;
