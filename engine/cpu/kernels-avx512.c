/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The AVX-512 VNNI tier: its table, and what is its own besides products. That of AMX, which is the
 * same but for products. */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/kernels-simd.h"
#include "engine/cpu/products-amx.h"
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

#define BLOCKS 4 /* that are quantised at a time: what is one number of each is made for all */

/* The largest of each vector, x[0] to x[3] in every quarter. */
static inline V
maxima (const V x[BLOCKS])
{
  V a = v_max (_mm512_unpacklo_ps (x[0], x[1]), _mm512_unpackhi_ps (x[0], x[1]));
  V b = v_max (_mm512_unpacklo_ps (x[2], x[3]), _mm512_unpackhi_ps (x[2], x[3]));
  V most = v_max (_mm512_shuffle_ps (a, b, _MM_SHUFFLE (1, 0, 1, 0)),
                  _mm512_shuffle_ps (a, b, _MM_SHUFFLE (3, 2, 3, 2)));

  most = v_max (most, _mm512_shuffle_f32x4 (most, most, _MM_SHUFFLE (1, 0, 3, 2)));
  return v_max (most, _mm512_shuffle_f32x4 (most, most, _MM_SHUFFLE (2, 3, 0, 1)));
}

/* What the columns of a quarter add to four numbers: to q, those below 16 and those above; and to
 * pairs, likewise. */
static inline I
sum_quarters (I q, I low)
{
  const I odd = _mm512_maskz_set1_epi16 (0xff00ff00, CPU_PAIR_BIAS);
  I next = _mm512_shuffle_i32x4 (low, low, _MM_SHUFFLE (2, 3, 0, 1)); /* of the odd quarter after */
  I pairs = _mm512_dpwssd_epi32 (_mm512_maskz_madd_epi16 (0x0f0f, low, next), q, odd);
  V sums = _mm512_castsi512_ps (_mm512_madd_epi16 (q, _mm512_set1_epi16 (1)));
  V first = _mm512_shuffle_ps (sums, _mm512_castsi512_ps (pairs), _MM_SHUFFLE (2, 0, 2, 0));
  V second = _mm512_shuffle_ps (sums, _mm512_castsi512_ps (pairs), _MM_SHUFFLE (3, 1, 3, 1));

  return _mm512_add_epi32 (_mm512_castps_si512 (first), _mm512_castps_si512 (second));
}

/* sum, sum_low, pairs, pairs_low, which lie in this order: of each block a quarter. */
static inline I
sum_blocks (const I x[BLOCKS])
{
  I a = _mm512_add_epi32 (_mm512_shuffle_i32x4 (x[0], x[1], _MM_SHUFFLE (1, 0, 1, 0)),
                          _mm512_shuffle_i32x4 (x[0], x[1], _MM_SHUFFLE (3, 2, 3, 2)));
  I b = _mm512_add_epi32 (_mm512_shuffle_i32x4 (x[2], x[3], _MM_SHUFFLE (1, 0, 1, 0)),
                          _mm512_shuffle_i32x4 (x[2], x[3], _MM_SHUFFLE (3, 2, 3, 2)));
  I sums = _mm512_add_epi32 (_mm512_shuffle_i32x4 (a, b, _MM_SHUFFLE (2, 0, 2, 0)),
                             _mm512_shuffle_i32x4 (a, b, _MM_SHUFFLE (3, 1, 3, 1)));

  return _mm512_add_epi32 (_mm512_shuffle_epi32 (sums, _MM_PERM_CCAA),
                           _mm512_maskz_shuffle_epi32 (0x5555, sums, _MM_PERM_DDBB));
}

/* scales: of the blocks, one each. */
static inline void
store_numbers (__m128 scales, const I x[BLOCKS], CpuActBlock *dst)
{
  I sums = sum_blocks (x);
  __m128i of_all = _mm512_castsi512_si128 (
      _mm512_permutexvar_epi32 (_mm512_setr_epi32 (0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
                                sums));
  __m128 scaled = _mm_mul_ps (scales, _mm_cvtepi32_ps (of_all));
  __m128 first = _mm_unpacklo_ps (scales, scaled), last = _mm_unpackhi_ps (scales, scaled);

  _Static_assert (offsetof (CpuActBlock, scaled_sum) == sizeof (float) &&
                      offsetof (CpuActBlock, pairs_low) - offsetof (CpuActBlock, sum) == 12,
                  "numbers of a block lie in the order in which they are stored");
  _mm_storel_pi ((__m64 *) (void *) &dst[0].scale, first);
  _mm_storeh_pi ((__m64 *) (void *) &dst[1].scale, first);
  _mm_storel_pi ((__m64 *) (void *) &dst[2].scale, last);
  _mm_storeh_pi ((__m64 *) (void *) &dst[3].scale, last);
  _mm_storeu_si128 ((__m128i *) (void *) &dst[0].sum, _mm512_castsi512_si128 (sums));
  _mm_storeu_si128 ((__m128i *) (void *) &dst[1].sum, _mm512_extracti32x4_epi32 (sums, 1));
  _mm_storeu_si128 ((__m128i *) (void *) &dst[2].sum, _mm512_extracti32x4_epi32 (sums, 2));
  _mm_storeu_si128 ((__m128i *) (void *) &dst[3].sum, _mm512_extracti32x4_epi32 (sums, 3));
}

static inline void
quantise_blocks (const float *src, gboolean one_byte, CpuActBlock *dst)
{
  const V largest = v_set1 (one_byte ? CPU_ACT_MAX / CPU_ACT_BASE : CPU_ACT_MAX);
  V lanes[BLOCKS], most, inverse;
  I sums[BLOCKS];

#pragma GCC unroll 4
  for (unsigned b = 0; b < BLOCKS; b++)
    lanes[b] = v_max (_mm512_abs_ps (v_load (src + b * CPU_BLOCK)),
                      _mm512_abs_ps (v_load (src + b * CPU_BLOCK + V_WIDTH)));
  most = maxima (lanes);
  inverse = _mm512_maskz_div_ps (_mm512_cmp_ps_mask (most, v_set1 (0), _CMP_GT_OQ), largest,
                                 most);
#pragma GCC unroll 4
  for (unsigned b = 0; b < BLOCKS; b++) {
    V factor = _mm512_permutexvar_ps (_mm512_set1_epi32 ((int) b), inverse);
    V x = v_load (src + b * CPU_BLOCK), y = v_load (src + b * CPU_BLOCK + V_WIDTH);
    I q = _mm512_packs_epi32 (_mm512_cvtps_epi32 (v_mul (x, factor)),
                              _mm512_cvtps_epi32 (v_mul (y, factor)));
    I high, low;

    if (one_byte)
      q = _mm512_slli_epi16 (q, 7);
    high = _mm512_srai_epi16 (_mm512_add_epi16 (q, _mm512_set1_epi16 (CPU_ACT_BASE / 2)), 7);
    low = _mm512_sub_epi16 (q, _mm512_slli_epi16 (high, 7));
    store_planes (high, low, dst[b].q);
    sums[b] = sum_quarters (q, low);
  }
  store_numbers (_mm_div_ps (_mm512_castps512_ps128 (most), _mm_set1_ps (CPU_ACT_MAX)), sums,
                 dst);
}

/* The last blocks, if they are not as many, are taken with some before them once more. */
static void
kernel_quantise (const float *src, uint32_t n, gboolean one_byte, CpuActBlock *dst)
{
  const uint32_t at_once = BLOCKS * CPU_BLOCK;

  if (n < at_once) {
    float few[BLOCKS * CPU_BLOCK] = { 0 };
    CpuActBlock blocks[BLOCKS];

    memcpy (few, src, n * sizeof *src);
    quantise_blocks (few, one_byte, blocks);
    memcpy (dst, blocks, n / CPU_BLOCK * sizeof *dst);
    return;
  }
  for (uint32_t first = 0; first < n; first += at_once) {
    uint32_t from = MIN (first, n - at_once);

    quantise_blocks (src + from, one_byte, dst + from / CPU_BLOCK);
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
  .matmul = cpu_products_avx512,
  .multiply_bytes = kernel_multiply_bytes,
  KERNELS,
};

const CpuKernels cpu_kernels_amx = {
  .tier = CPU_TIER_AMX,
  .matmul = cpu_products_amx,
  .multiply_bytes = cpu_multiply_bytes_amx,
  KERNELS,
};
