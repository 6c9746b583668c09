/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tiers AVX2 and AVX-VNNI, which differ in how bytes are multiplied: their tables, and what is
 * their own besides products. */
#include "engine/cpu/simd-avx2.h"

#include "engine/cpu/kernels-simd.h"
#include "engine/cpu/products-avx2.h"

static int32_t
sum_lanes (I x)
{
  __m128i a = _mm_add_epi32 (_mm256_castsi256_si128 (x), _mm256_extracti128_si256 (x, 1));

  a = _mm_add_epi32 (a, _mm_shuffle_epi32 (a, 0x4e));
  return _mm_cvtsi128_si32 (_mm_add_epi32 (a, _mm_shuffle_epi32 (a, 0xb1)));
}

/* 32 values as bytes, in order. */
static inline void
store_bytes (const I *q, int8_t *dst)
{
  /* Packing works within halves of 128 bits: this puts the groups of four back in order. */
  const I order = _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7);
  I packed = _mm256_packs_epi16 (_mm256_packs_epi32 (q[0], q[1]), _mm256_packs_epi32 (q[2], q[3]));

  packed = _mm256_permutevar8x32_epi32 (packed, order);
  _mm256_storeu_si256 ((__m256i *) (void *) dst, packed);
}

static void
kernel_quantise (const float *src, uint32_t n, gboolean one_byte, CpuActBlock *dst)
{
  const int shift = one_byte ? 7 : 0;
  const float largest = CPU_ACT_MAX >> shift;
  const V sign = v_set1 (-0.0f);

  for (; n > 0; n -= CPU_BLOCK, src += CPU_BLOCK, dst++) {
    V most = v_set1 (0), inverse;
    float top;
    I q[4], high[4], low[4];

    for (unsigned i = 0; i < 4; i++)
      most = v_max (_mm256_andnot_ps (sign, v_load (src + 8 * i)), most);
    top = v_maximum (most);
    inverse = v_set1 (top > 0 ? largest / top : 0);
    for (unsigned i = 0; i < 4; i++) {
      q[i] = _mm256_cvtps_epi32 (v_mul (v_load (src + 8 * i), inverse));
      q[i] = _mm256_slli_epi32 (q[i], shift);
      high[i] =
          _mm256_srai_epi32 (_mm256_add_epi32 (q[i], _mm256_set1_epi32 (CPU_ACT_BASE / 2)), 7);
      low[i] = _mm256_sub_epi32 (q[i], _mm256_slli_epi32 (high[i], 7));
    }
    store_bytes (high, dst->q[0]);
    store_bytes (low, dst->q[1]);
    dst->sum_low = sum_lanes (_mm256_add_epi32 (q[0], q[1]));
    dst->sum = dst->sum_low + sum_lanes (_mm256_add_epi32 (q[2], q[3]));
    dst->scale = top / CPU_ACT_MAX;
    dst->scaled_sum = dst->scale * (float) dst->sum;
  }
}

#define KV_LANES V_WIDTH

#include "engine/cpu/pages-q8_0.h"

#define CHAINS 8

static uint64_t
kernel_multiply_bytes (uint32_t rounds, int32_t *sum)
{
  const I ones = _mm256_set1_epi16 (1), b = _mm256_set1_epi8 (-5);
  I a = _mm256_set1_epi8 (3), chains[CHAINS], total = _mm256_setzero_si256 ();

  for (unsigned i = 0; i < CHAINS; i++)
    chains[i] = _mm256_setzero_si256 ();
  for (uint32_t round = 0; round < rounds; round++)
    for (unsigned i = 0; i < CHAINS; i++) {
      __asm__ ("" : "+x"(a)); /* else the product is taken out of the loop */
      chains[i] = _mm256_add_epi32 (chains[i],
                                    _mm256_madd_epi16 (_mm256_maddubs_epi16 (a, b), ones));
    }
  for (unsigned i = 0; i < CHAINS; i++)
    total = _mm256_add_epi32 (total, chains[i]);
  *sum = sum_lanes (total);
  return (uint64_t) rounds * CHAINS * sizeof (I);
}

const CpuKernels cpu_kernels_avx2 = {
  .tier = CPU_TIER_AVX2,
  .matmul = cpu_products_avx2,
  .multiply_bytes = kernel_multiply_bytes,
  KERNELS,
};

const CpuKernels cpu_kernels_avx_vnni = {
  .tier = CPU_TIER_AVX_VNNI,
  .matmul = cpu_products_avx_vnni,
  .multiply_bytes = cpu_multiply_bytes_avx_vnni,
  KERNELS,
};
