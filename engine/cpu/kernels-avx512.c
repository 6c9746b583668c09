/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The AVX-512 VNNI tier: its table, and what is its own besides products. */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/kernels-simd.h"
#include "engine/cpu/products-avx512.h"

static void
kernel_quantise (const float *src, uint32_t n, CpuActBlock *dst)
{
  for (; n > 0; n -= CPU_BLOCK, src += CPU_BLOCK, dst++) {
    V a = v_load (src), b = v_load (src + 16);
    float most = v_maximum (v_max (_mm512_abs_ps (a), _mm512_abs_ps (b)));
    V inverse = v_set1 (most > 0 ? 127.0f / most : 0);
    I low = _mm512_cvtps_epi32 (v_mul (a, inverse)), high = _mm512_cvtps_epi32 (v_mul (b, inverse));
    __m128i low8 = _mm512_cvtsepi32_epi8 (low), high8 = _mm512_cvtsepi32_epi8 (high);

    dst->sum_low = _mm512_reduce_add_epi32 (low);
    dst->sum = dst->sum_low + _mm512_reduce_add_epi32 (high);
    dst->scale = most / 127.0f;
    dst->scaled_sum = dst->scale * (float) dst->sum;
    _mm_storeu_si128 ((__m128i *) (void *) dst->q, low8);
    _mm_storeu_si128 ((__m128i *) (void *) (dst->q + 16), high8);
  }
}

const CpuKernels cpu_kernels_avx512 = {
  .tier = CPU_TIER_AVX512,
  .lanes = V_WIDTH,
  .matmul = {
      [CPU_FORMAT_FILE] = cpu_matmul_file,
      [CPU_FORMAT_F32] = cpu_matmul_f32_avx512,
      [CPU_FORMAT_F16] = cpu_matmul_f16_avx512,
      [CPU_FORMAT_BF16] = cpu_matmul_bf16_avx512,
      [CPU_FORMAT_Q4_0] = cpu_matmul_q4_0_avx512,
      [CPU_FORMAT_Q4_1] = cpu_matmul_q4_1_avx512,
      [CPU_FORMAT_Q8_0] = cpu_matmul_q8_0_avx512,
      [CPU_FORMAT_Q4_K] = cpu_matmul_q4_k_avx512,
      [CPU_FORMAT_Q6_K] = cpu_matmul_q6_k_avx512,
  },
  .norm = kernel_norm,
  .gate = kernel_gate,
  .quantise = kernel_quantise,
  .rope = kernel_rope,
  .narrow = kernel_narrow,
  .scale = kernel_scale,
  .attend = kernel_attend,
  .merge = kernel_merge,
  .max_sum_exp = kernel_max_sum_exp,
};
