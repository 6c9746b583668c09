/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX-512 VNNI: of up to 6 tokens as tiles of one strip, of more as panels; of
 * floats as tiles of 2 strips too, which fill its 32 registers. */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/products-avx512.h"
#include "engine/cpu/products.h"

#include "engine/cpu/panels.h"

#define TILES_UP_TO_6(kind, format, m) \
  TILES_UP_TO_4 (kind, format, m)      \
  TILE (kind, format, m, 5)            \
  TILE (kind, format, m, 6)
#define ROW_OF_6(format, m) ROW_OF_4 (format, m), tile_##format##_##m##_5, tile_##format##_##m##_6

#define PRODUCT_float(format)                             \
  TILES_UP_TO_6 (float, format, 1)                        \
  TILES_UP_TO_6 (float, format, 2)                        \
  static void matmul_##format (const CpuMatmulWork *work) \
  {                                                       \
    static const TileFunc tiles[2][TILE_COLUMNS] = {      \
      { ROW_OF_6 (format, 1) },                           \
      { ROW_OF_6 (format, 2) },                           \
    };                                                    \
                                                          \
    matmul (work, tiles, 6);                              \
  }

#define PRODUCT_integer(format)                                                         \
  TILES_UP_TO_6 (integer, format, 1)                                                    \
  static void matmul_##format (const CpuMatmulWork *work)                               \
  {                                                                                     \
    static const TileFunc tiles[2][TILE_COLUMNS] = { { ROW_OF_6 (format, 1) }, { 0 } }; \
                                                                                        \
    if (work->n_tokens > 6)                                                             \
      matmul_panels (CPU_FORMAT_##format, work);                                        \
    else                                                                                \
      matmul (work, tiles, 6);                                                          \
  }

#define PRODUCT(kind, format) PRODUCT_##kind (format)

PRODUCTS (PRODUCT, PRODUCT)

const CpuMatmulFunc cpu_products_avx512[CPU_N_FORMATS] = PRODUCT_TABLE;
