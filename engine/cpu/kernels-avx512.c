/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The AVX-512 VNNI tier: its table, and what is its own besides products. */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/kernels-simd.h"
#include "engine/cpu/products-avx512.h"

/* A vector of 32 words holds columns 4g .. 4g+3 and 16+4g .. 16+4g+3 as its quarter g. */

/* 32 values q as their two bytes, q = 128 * high + low, in the order of columns. */
static inline void
store_planes (I high, I low, int8_t q[2][CPU_BLOCK])
{
  const I order =
      _mm512_setr_epi32 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15); /* fours of bytes */

  _mm512_storeu_si512 (q, _mm512_permutexvar_epi32 (order, _mm512_packs_epi16 (high, low)));
}

/* Of a vector of ints, those of columns below 16 and those above. */
static inline __m128i
fold (I x)
{
  __m256i half = _mm256_add_epi32 (_mm512_castsi512_si256 (x), _mm512_extracti64x4_epi64 (x, 1));

  return _mm_add_epi32 (_mm256_castsi256_si128 (half), _mm256_extracti128_si256 (half, 1));
}

/* sum, sum_low, pairs, pairs_low of a block, which lie in this order. */
static inline __m128i
sum_block (I q, I low)
{
  const I odd = _mm512_maskz_set1_epi16 (0xff00ff00, CPU_PAIR_BIAS);
  I next = _mm512_shuffle_i32x4 (low, low, 0xb1); /* in even quarters: of the odd one after */
  I pairs = _mm512_add_epi32 (_mm512_madd_epi16 (q, odd),
                              _mm512_maskz_madd_epi16 (0x0f0f, low, next));
  __m128i sums = _mm_hadd_epi32 (fold (_mm512_madd_epi16 (q, _mm512_set1_epi16 (1))),
                                 fold (pairs));

  return _mm_add_epi32 (_mm_shuffle_epi32 (sums, _MM_SHUFFLE (2, 2, 0, 0)),
                        _mm_maskz_shuffle_epi32 (0x5, sums, _MM_SHUFFLE (3, 3, 1, 1)));
}

static void
kernel_quantise (const float *src, uint32_t n, gboolean one_byte, CpuActBlock *dst)
{
  const float largest = one_byte ? CPU_ACT_MAX / CPU_ACT_BASE : CPU_ACT_MAX;

  for (; n > 0; n -= CPU_BLOCK, src += CPU_BLOCK, dst++) {
    V a = v_load (src), b = v_load (src + 16);
    float most = v_maximum (v_max (_mm512_abs_ps (a), _mm512_abs_ps (b)));
    V inverse = v_set1 (most > 0 ? largest / most : 0);
    I q = _mm512_packs_epi32 (_mm512_cvtps_epi32 (v_mul (a, inverse)),
                              _mm512_cvtps_epi32 (v_mul (b, inverse)));
    I high, low;
    __m128i sums;

    if (one_byte)
      q = _mm512_slli_epi16 (q, 7);
    high = _mm512_srai_epi16 (_mm512_add_epi16 (q, _mm512_set1_epi16 (CPU_ACT_BASE / 2)), 7);
    low = _mm512_sub_epi16 (q, _mm512_slli_epi16 (high, 7));
    store_planes (high, low, dst->q);
    sums = sum_block (q, low);
    memcpy ((char *) dst + offsetof (CpuActBlock, sum), &sums, sizeof sums);
    dst->scale = most / CPU_ACT_MAX;
    dst->scaled_sum = dst->scale * (float) dst->sum;
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
