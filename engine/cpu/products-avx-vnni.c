/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX-VNNI, and what it multiplies at most: all that this tier has of its own. Sums
 * of 2 strips by 4 tokens do not all stay in 16 registers, and are still faster than smaller
 * tiles. */
#define SIMD_DPBUSD
#include "engine/cpu/simd-avx2.h"

#include "engine/cpu/products-avx2.h"
#include "engine/cpu/products.h"

PRODUCTS (PRODUCT_4, PRODUCT_4)

const CpuMatmulFunc cpu_products_avx_vnni[CPU_N_FORMATS] = PRODUCT_TABLE;

#define CHAINS 12 /* more than an instruction takes cycles times ports */

uint64_t
cpu_multiply_bytes_avx_vnni (uint32_t rounds, int32_t *sum)
{
  I total = i_set1 (0), a = _mm256_set1_epi8 (3), b = _mm256_set1_epi8 (-5);
  I chains[CHAINS];
  int32_t lanes[V_WIDTH];

  for (unsigned i = 0; i < CHAINS; i++)
    chains[i] = i_set1 (0);
  for (uint32_t round = 0; round < rounds; round++)
    for (unsigned i = 0; i < CHAINS; i++)
      chains[i] = i_dpbusd (chains[i], a, b);
  for (unsigned i = 0; i < CHAINS; i++)
    total = i_add (total, chains[i]);
  memcpy (lanes, &total, sizeof lanes);
  *sum = lanes[0];
  return (uint64_t) rounds * CHAINS * sizeof (I);
}
