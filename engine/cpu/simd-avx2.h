/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AVX2 with FMA and F16C: a vector is 8 floats or 8 rows. With SIMD_DPBUSD bytes are multiplied by
 * VPDPBUSD on them. Included by files compiled for these instruction sets only. */
#include <immintrin.h>
#include <stdint.h>

typedef __m256 V;
typedef __m256i I;

#define V_WIDTH        8
#define V_TILE_ROWS    3
#define V_TILE_VECTORS 4

static inline V
v_set1 (float x)
{
  return _mm256_set1_ps (x);
}

static inline V
v_load (const float *p)
{
  return _mm256_loadu_ps (p);
}

static inline void
v_store (float *p, V x)
{
  _mm256_storeu_ps (p, x);
}

static inline V
v_load_f16 (const uint16_t *p)
{
  return _mm256_cvtph_ps (_mm_loadu_si128 ((const __m128i *) (const void *) p));
}

static inline void
v_store_f16 (uint16_t *p, V x)
{
  _mm_storeu_si128 ((__m128i *) (void *) p, _mm256_cvtps_ph (x, _MM_FROUND_TO_NEAREST_INT));
}

static inline V
v_load_bf16 (const uint16_t *p)
{
  __m128i half = _mm_loadu_si128 ((const __m128i *) (const void *) p);

  return _mm256_castsi256_ps (_mm256_slli_epi32 (_mm256_cvtepu16_epi32 (half), 16));
}

static inline V
v_load_u8 (const uint8_t *p)
{
  __m128i bytes = _mm_loadl_epi64 ((const __m128i *) (const void *) p);

  return _mm256_cvtepi32_ps (_mm256_cvtepu8_epi32 (bytes));
}

static inline V
v_load_s8 (const uint8_t *p)
{
  __m128i bytes = _mm_loadl_epi64 ((const __m128i *) (const void *) p);

  return _mm256_cvtepi32_ps (_mm256_cvtepi8_epi32 (bytes));
}

/* The low and the high nibbles of bytes. */
static inline V
v_load_low4 (const uint8_t *p)
{
  __m128i bytes = _mm_loadl_epi64 ((const __m128i *) (const void *) p);

  return _mm256_cvtepi32_ps (
      _mm256_cvtepu8_epi32 (_mm_and_si128 (bytes, _mm_set1_epi8 (15))));
}

static inline V
v_load_high4 (const uint8_t *p)
{
  __m128i bytes = _mm_loadl_epi64 ((const __m128i *) (const void *) p);

  return _mm256_cvtepi32_ps (
      _mm256_cvtepu8_epi32 (_mm_and_si128 (_mm_srli_epi16 (bytes, 4), _mm_set1_epi8 (15))));
}

/* 2^(e - 128) of bytes e; 0 where that would be subnormal. */
static inline V
v_load_e8 (const uint8_t *p)
{
  __m128i bytes = _mm_loadl_epi64 ((const __m128i *) (const void *) p);
  I e = _mm256_cvtepu8_epi32 (_mm_subs_epu8 (bytes, _mm_set1_epi8 (1)));

  return _mm256_castsi256_ps (_mm256_slli_epi32 (e, 23));
}

/* p[0], p[0], p[1], p[1] … */
static inline V
v_load_twice (const float *p)
{
  const I order = _mm256_setr_epi32 (0, 0, 1, 1, 2, 2, 3, 3);

  return _mm256_permutevar8x32_ps (_mm256_castps128_ps256 (_mm_loadu_ps (p)), order);
}

/* x[1], x[0], x[3], x[2] … */
static inline V
v_swap_neighbours (V x)
{
  return _mm256_permute_ps (x, 0xb1);
}

static inline V
v_add (V a, V b)
{
  return _mm256_add_ps (a, b);
}

static inline V
v_sub (V a, V b)
{
  return _mm256_sub_ps (a, b);
}

static inline V
v_mul (V a, V b)
{
  return _mm256_mul_ps (a, b);
}

static inline V
v_div (V a, V b)
{
  return _mm256_div_ps (a, b);
}

static inline V
v_fma (V a, V b, V c)
{
  return _mm256_fmadd_ps (a, b, c);
}

static inline V
v_max (V a, V b)
{
  return _mm256_max_ps (a, b);
}

static inline V
v_min (V a, V b)
{
  return _mm256_min_ps (a, b);
}

/* 0 where x < limit, else y. */
static inline V
v_zero_where_less (V y, V x, V limit)
{
  return _mm256_and_ps (_mm256_cmp_ps (x, limit, _CMP_NLT_UQ), y);
}

/* p * 2^n, where t = n + 1.5 * 2^23. */
static inline V
v_scale2 (V p, V t)
{
  return _mm256_castsi256_ps (_mm256_add_epi32 (
      _mm256_castps_si256 (p), _mm256_slli_epi32 (_mm256_castps_si256 (t), 23)));
}

static inline float
v_sum (V x)
{
  __m128 a = _mm_add_ps (_mm256_castps256_ps128 (x), _mm256_extractf128_ps (x, 1));

  a = _mm_add_ps (a, _mm_movehl_ps (a, a));
  return _mm_cvtss_f32 (_mm_add_ss (a, _mm_movehdup_ps (a)));
}

static inline float
v_maximum (V x)
{
  __m128 a = _mm_max_ps (_mm256_castps256_ps128 (x), _mm256_extractf128_ps (x, 1));

  a = _mm_max_ps (a, _mm_movehl_ps (a, a));
  return _mm_cvtss_f32 (_mm_max_ss (a, _mm_movehdup_ps (a)));
}

static inline V
v_from_int (I x)
{
  return _mm256_cvtepi32_ps (x);
}

/* All ones in the first n of 8 lanes. */
static inline I
first_lanes (uint32_t n)
{
  return _mm256_cmpgt_epi32 (_mm256_set1_epi32 ((int) n),
                             _mm256_setr_epi32 (0, 1, 2, 3, 4, 5, 6, 7));
}

static inline V
v_load_first (const float *p, uint32_t n)
{
  return _mm256_maskload_ps (p, first_lanes (n));
}

static inline void
v_store_first (float *p, uint32_t n, V x)
{
  _mm256_maskstore_ps (p, first_lanes (n), x);
}

/* ---- integer products, see products.h ------------------------------------------------------- */

#define TILE_COLUMNS 4
#define TILE_STRIPS  2

static inline I
i_load (const uint8_t *p)
{
  return _mm256_loadu_si256 ((const __m256i *) (const void *) p);
}

static inline I
i_set1 (int32_t x)
{
  return _mm256_set1_epi32 (x);
}

/* Four bytes in every lane. */
static inline I
i_repeat4 (const int8_t *p)
{
  return _mm256_broadcastd_epi32 (_mm_loadu_si32 (p));
}

static inline I
i_add (I a, I b)
{
  return _mm256_add_epi32 (a, b);
}

static inline I
i_and (I x, int mask)
{
  return _mm256_and_si256 (x, _mm256_set1_epi8 ((char) mask));
}

/* Shifts bytes whose bits that would go astray are masked afterwards; n < 0: to the right. */
static inline I
i_shift_left (I x, int n)
{
  return n == 0  ? x
         : n > 0 ? _mm256_slli_epi16 (x, n)
                 : _mm256_srli_epi16 (x, -n);
}

/* The low nibbles of a with the high ones of b, and the other way round. */
static inline void
i_cross (I a, I b, I *low_high, I *high_low)
{
  I differ = i_and (_mm256_xor_si256 (a, b), 15);

  *low_high = _mm256_xor_si256 (b, differ);
  *high_low = _mm256_xor_si256 (a, differ);
}

/* codes | (bits & mask) in each byte */
static inline I
i_join (I codes, I bits, int mask)
{
  return _mm256_or_si256 (codes, i_and (bits, mask));
}

/* table[x] for each byte x < 16 */
static inline I
i_look_up (const uint8_t table[16], I x)
{
  __m128i values = _mm_loadu_si128 ((const __m128i *) (const void *) table);

  return _mm256_shuffle_epi8 (_mm256_broadcastsi128_si256 (values), x);
}

/* CPU_ACT_BASE * high + low */
static inline I
i_carry (I high, I low)
{
  return i_add (_mm256_slli_epi32 (high, 7), low);
}

#ifdef SIMD_DPBUSD

/* The instruction is the same in the encoding of AVX-512, by which tests run it. */
static inline I
i_dpbusd (I sum, I codes, I a)
{
#ifdef __AVXVNNI__
  return _mm256_dpbusd_avx_epi32 (sum, codes, a);
#else
  return _mm256_dpbusd_epi32 (sum, codes, a);
#endif
}

static inline I
i_dot_repeat4 (I sum, I codes, const int8_t *p)
{
  return i_dpbusd (sum, codes, i_repeat4 (p));
}

/* Of each int, with its sign. */
static inline I
i_shift_right (I x, unsigned n)
{
  return n == 0 ? x : _mm256_srai_epi32 (x, (int) n);
}

/* factor * *p in every lane */
static inline I
i_times_repeated (int32_t factor, const int32_t *p)
{
  return _mm256_mullo_epi32 (i_set1 (factor), i_set1 (*p));
}

#include "engine/cpu/simd-dpbusd.h"

#else

#define Q8_BIAS     0     /* the codes are made signed again */
#define I_DOT_WAITS FALSE /* only an addition waits for the sum */

/* Stored codes of Q8_0 as the product takes them. */
static inline I
i_codes8 (I x)
{
  return _mm256_xor_si256 (x, _mm256_set1_epi8 (-128));
}

/* Pairs of bytes are multiplied and added to 16 bits that saturate. Below that limit by themselves:
 * 4-bit codes, of which even 8 steps fit (8 * 2 * 15 * 127 = 30480), two steps of 6-bit codes
 * (32004), and signed bytes when the magnitudes take the unsigned side (2 * 128 * 127 = 32512).
 * So sums of 4-bit codes stay in 16 bits until i_dot_finish. */
static inline I
i_dot (const unsigned bits, I dot, I even, I odd, I a_even, I a_odd)
{
  const I ones = _mm256_set1_epi16 (1);
  I low, high;

  if (bits == 8) {
    low = _mm256_maddubs_epi16 (_mm256_abs_epi8 (even), _mm256_sign_epi8 (a_even, even));
    high = _mm256_maddubs_epi16 (_mm256_abs_epi8 (odd), _mm256_sign_epi8 (a_odd, odd));
    dot = _mm256_add_epi32 (dot, _mm256_madd_epi16 (low, ones));
    return _mm256_add_epi32 (dot, _mm256_madd_epi16 (high, ones));
  }
  low = _mm256_add_epi16 (_mm256_maddubs_epi16 (even, a_even), _mm256_maddubs_epi16 (odd, a_odd));
  if (bits == 4)
    return _mm256_add_epi16 (dot, low);
  return _mm256_add_epi32 (dot, _mm256_madd_epi16 (low, ones));
}

/* A dot product that is added to carry begins with start and ends with finish. */
static inline I
i_dot_start (const unsigned bits, I carry)
{
  return bits == 4 ? _mm256_setzero_si256 () : carry;
}

static inline I
i_dot_finish (const unsigned bits, I dot, I carry)
{
  if (bits != 4)
    return dot;
  return _mm256_add_epi32 (_mm256_madd_epi16 (dot, _mm256_set1_epi16 (1)), carry);
}

#endif
