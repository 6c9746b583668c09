/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The AVX-512 VNNI tier: its table, and what is its own besides products. */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/kernels-simd.h"
#include "engine/cpu/products-avx512.h"

/* 16 values q as their two bytes, q = 128 * high + low. */
static inline void
store_planes (I q, int8_t *high, int8_t *low)
{
  I upper = _mm512_srai_epi32 (_mm512_add_epi32 (q, _mm512_set1_epi32 (CPU_ACT_BASE / 2)), 7);
  I lower = _mm512_sub_epi32 (q, _mm512_slli_epi32 (upper, 7));

  _mm_storeu_si128 ((__m128i *) (void *) high, _mm512_cvtepi32_epi8 (upper));
  _mm_storeu_si128 ((__m128i *) (void *) low, _mm512_cvtepi32_epi8 (lower));
}

static void
kernel_quantise (const float *src, uint32_t n, gboolean one_byte, CpuActBlock *dst)
{
  const unsigned shift = one_byte ? 7 : 0;
  const float largest = CPU_ACT_MAX >> shift;

  for (; n > 0; n -= CPU_BLOCK, src += CPU_BLOCK, dst++) {
    V a = v_load (src), b = v_load (src + 16);
    float most = v_maximum (v_max (_mm512_abs_ps (a), _mm512_abs_ps (b)));
    V inverse = v_set1 (most > 0 ? largest / most : 0);
    I first = _mm512_slli_epi32 (_mm512_cvtps_epi32 (v_mul (a, inverse)), shift);
    I second = _mm512_slli_epi32 (_mm512_cvtps_epi32 (v_mul (b, inverse)), shift);

    dst->sum_low = _mm512_reduce_add_epi32 (first);
    dst->sum = dst->sum_low + _mm512_reduce_add_epi32 (second);
    dst->scale = most / CPU_ACT_MAX;
    dst->scaled_sum = dst->scale * (float) dst->sum;
    store_planes (first, dst->q[0], dst->q[1]);
    store_planes (second, dst->q[0] + 16, dst->q[1] + 16);
  }
}

#define KV_LANES V_WIDTH

#include "engine/cpu/pages-q8_0.h"

#define CHAINS 12 /* more than an instruction takes cycles times ports */

static uint64_t
kernel_multiply_bytes (uint32_t rounds, int32_t *sum)
{
  I total = _mm512_setzero_si512 (), a = _mm512_set1_epi8 (3), b = _mm512_set1_epi8 (-5);
  I chains[CHAINS];

  for (unsigned i = 0; i < CHAINS; i++)
    chains[i] = _mm512_setzero_si512 ();
  for (uint32_t round = 0; round < rounds; round++)
    for (unsigned i = 0; i < CHAINS; i++)
      chains[i] = _mm512_dpbusd_epi32 (chains[i], a, b);
  for (unsigned i = 0; i < CHAINS; i++)
    total = _mm512_add_epi32 (total, chains[i]);
  *sum = _mm512_reduce_add_epi32 (total);
  return (uint64_t) rounds * CHAINS * sizeof (I);
}

const CpuKernels cpu_kernels_avx512 = {
  .tier = CPU_TIER_AVX512,
  .lanes = V_WIDTH,
  .matmul = cpu_products_avx512,
  .norm = kernel_norm,
  .layer_norm = kernel_layer_norm,
  .gate = kernel_gate,
  .quantise = kernel_quantise,
  .rope = kernel_rope,
  .scale = kernel_scale,
  .sum_rows = kernel_sum_rows,
  .recur = kernel_recur,
  .convolve = kernel_convolve,
  .kv = KV_KERNELS,
  .merge = kernel_merge,
  .max_sum_exp = kernel_max_sum_exp,
  .multiply_bytes = kernel_multiply_bytes,
};
