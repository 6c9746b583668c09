/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AVX-512: a vector is 16 floats or 16 rows. Included by files compiled for this instruction set
 * only. */
#include <immintrin.h>
#include <stdint.h>

typedef __m512 V;
typedef __m512i I;

#define V_WIDTH        16
#define V_TILE_ROWS    6
#define V_TILE_VECTORS 4

static inline V
v_set1 (float x)
{
  return _mm512_set1_ps (x);
}

static inline V
v_load (const float *p)
{
  return _mm512_loadu_ps (p);
}

static inline void
v_store (float *p, V x)
{
  _mm512_storeu_ps (p, x);
}

static inline V
v_load_f16 (const uint16_t *p)
{
  return _mm512_cvtph_ps (_mm256_loadu_si256 ((const __m256i *) (const void *) p));
}

static inline void
v_store_f16 (uint16_t *p, V x)
{
  _mm256_storeu_si256 ((__m256i *) (void *) p, _mm512_cvtps_ph (x, _MM_FROUND_TO_NEAREST_INT));
}

static inline V
v_load_bf16 (const uint16_t *p)
{
  __m256i half = _mm256_loadu_si256 ((const __m256i *) (const void *) p);

  return _mm512_castsi512_ps (_mm512_slli_epi32 (_mm512_cvtepu16_epi32 (half), 16));
}

static inline V
v_load_u8 (const uint8_t *p)
{
  return _mm512_cvtepi32_ps (
      _mm512_cvtepu8_epi32 (_mm_loadu_si128 ((const __m128i *) (const void *) p)));
}

static inline V
v_load_s8 (const uint8_t *p)
{
  return _mm512_cvtepi32_ps (
      _mm512_cvtepi8_epi32 (_mm_loadu_si128 ((const __m128i *) (const void *) p)));
}

/* The low and the high nibbles of bytes. */
static inline V
v_load_low4 (const uint8_t *p)
{
  __m128i bytes = _mm_loadu_si128 ((const __m128i *) (const void *) p);

  return _mm512_cvtepi32_ps (
      _mm512_cvtepu8_epi32 (_mm_and_si128 (bytes, _mm_set1_epi8 (15))));
}

static inline V
v_load_high4 (const uint8_t *p)
{
  __m128i bytes = _mm_loadu_si128 ((const __m128i *) (const void *) p);

  return _mm512_cvtepi32_ps (
      _mm512_cvtepu8_epi32 (_mm_and_si128 (_mm_srli_epi16 (bytes, 4), _mm_set1_epi8 (15))));
}

/* 2^(e - 128) of bytes e; 0 where that would be subnormal. */
static inline V
v_load_e8 (const uint8_t *p)
{
  __m128i bytes = _mm_loadu_si128 ((const __m128i *) (const void *) p);
  I e = _mm512_cvtepu8_epi32 (_mm_subs_epu8 (bytes, _mm_set1_epi8 (1)));

  return _mm512_castsi512_ps (_mm512_slli_epi32 (e, 23));
}

/* p[0], p[0], p[1], p[1] … */
static inline V
v_load_twice (const float *p)
{
  const I order = _mm512_setr_epi32 (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);

  return _mm512_permutexvar_ps (order, _mm512_castps256_ps512 (_mm256_loadu_ps (p)));
}

/* x[1], x[0], x[3], x[2] … */
static inline V
v_swap_neighbours (V x)
{
  return _mm512_permute_ps (x, 0xb1);
}

static inline V
v_add (V a, V b)
{
  return _mm512_add_ps (a, b);
}

static inline V
v_sub (V a, V b)
{
  return _mm512_sub_ps (a, b);
}

static inline V
v_mul (V a, V b)
{
  return _mm512_mul_ps (a, b);
}

static inline V
v_div (V a, V b)
{
  return _mm512_div_ps (a, b);
}

static inline V
v_fma (V a, V b, V c)
{
  return _mm512_fmadd_ps (a, b, c);
}

static inline V
v_max (V a, V b)
{
  return _mm512_max_ps (a, b);
}

static inline V
v_min (V a, V b)
{
  return _mm512_min_ps (a, b);
}

/* 0 where x < limit, else y. */
static inline V
v_zero_where_less (V y, V x, V limit)
{
  return _mm512_maskz_mov_ps (_mm512_cmp_ps_mask (x, limit, _CMP_NLT_UQ), y);
}

/* p * 2^n, where t = n + 1.5 * 2^23. */
static inline V
v_scale2 (V p, V t)
{
  return _mm512_castsi512_ps (_mm512_add_epi32 (
      _mm512_castps_si512 (p), _mm512_slli_epi32 (_mm512_castps_si512 (t), 23)));
}

static inline float
v_sum (V x)
{
  return _mm512_reduce_add_ps (x);
}

static inline float
v_maximum (V x)
{
  return _mm512_reduce_max_ps (x);
}

static inline V
v_from_int (I x)
{
  return _mm512_cvtepi32_ps (x);
}

/* The first n of 16 lanes. */
static inline V
v_load_first (const float *p, uint32_t n)
{
  return _mm512_maskz_loadu_ps ((__mmask16) ((1u << n) - 1), p);
}

static inline void
v_store_first (float *p, uint32_t n, V x)
{
  _mm512_mask_storeu_ps (p, (__mmask16) ((1u << n) - 1), x);
}

/* ---- integer products, see products.h ------------------------------------------------------- */

#define TILE_COLUMNS 6
#define TILE_STRIPS  2

static inline I
i_load (const uint8_t *p)
{
  return _mm512_loadu_si512 (p);
}

static inline I
i_set1 (int32_t x)
{
  return _mm512_set1_epi32 (x);
}

/* Four bytes in every lane, straight from memory: by way of a general register it takes twice as
 * long. */
static inline I
i_repeat4 (const int8_t *p)
{
  return _mm512_broadcastd_epi32 (_mm_loadu_si32 (p));
}

static inline I
i_add (I a, I b)
{
  return _mm512_add_epi32 (a, b);
}

/* Of each int, with its sign. */
static inline I
i_shift_right (I x, unsigned n)
{
  return n == 0 ? x : _mm512_srai_epi32 (x, n);
}

static inline I
i_sub (I a, I b)
{
  return _mm512_sub_epi32 (a, b);
}

/* x | bits in each byte */
static inline I
i_or (I x, int bits)
{
  return _mm512_or_si512 (x, _mm512_set1_epi8 ((char) bits));
}

static inline I
i_and (I x, int mask)
{
  return _mm512_and_si512 (x, _mm512_set1_epi8 ((char) mask));
}

/* Shifts bytes whose bits that would go astray are masked afterwards; n < 0: to the right. */
static inline I
i_shift_left (I x, int n)
{
  return n == 0  ? x
         : n > 0 ? _mm512_slli_epi16 (x, n)
                 : _mm512_srli_epi16 (x, -n);
}

/* The low nibbles of a with the high ones of b, and the other way round. */
static inline void
i_cross (I a, I b, I *low_high, I *high_low)
{
  I low = _mm512_set1_epi8 (15);

  __asm__ ("" : "+v"(low)); /* in a register: GCC reads it from the stack each time */
  *low_high = _mm512_ternarylogic_epi32 (a, b, low, 0xe4);
  *high_low = _mm512_ternarylogic_epi32 (b, a, low, 0xe4);
}

/* codes | (bits & mask) in each byte */
static inline I
i_join (I codes, I bits, int mask)
{
  return _mm512_ternarylogic_epi32 (codes, bits, _mm512_set1_epi8 ((char) mask), 0xf8);
}

/* table[x] for each byte x < 16 */
static inline I
i_look_up (const uint8_t table[16], I x)
{
  __m128i values = _mm_loadu_si128 ((const __m128i *) (const void *) table);

  return _mm512_shuffle_epi8 (_mm512_broadcast_i32x4 (values), x);
}

static inline I
i_dpbusd (I sum, I codes, I a)
{
  return _mm512_dpbusd_epi32 (sum, codes, a);
}

/* In one instruction, which GCC 14 does not find. It and i_add_bytes () stay in the order in which
 * they are written. */
static inline I
i_dot_repeat4 (I sum, I codes, const int8_t *p)
{
  __asm__ volatile ("vpdpbusd %2%{1to16%}, %1, %0"
                    : "+v"(sum)
                    : "v"(codes), "m"(*(const int8_t (*)[4]) p));
  return sum;
}

/* factor * *p in every lane, without a general register. */
static inline I
i_times_repeated (int32_t factor, const int32_t *p)
{
  I product;

  __asm__ ("vpmulld %2%{1to16}, %1, %0" : "=v"(product) : "v"(i_set1 (factor)), "m"(*p));
  return product;
}

#include "engine/cpu/simd-dpbusd.h"

/* Of each byte, in registers: half of what is added would else be read from the stack. */
static inline I
i_add_bytes (I a, I b)
{
  I sum;

  __asm__ volatile ("vpaddb %2, %1, %0" : "=v"(sum) : "v"(a), "v"(b));
  return sum;
}

/* CPU_ACT_BASE * high + low */
static inline I
i_carry (I high, I low)
{
  return i_add (_mm512_slli_epi32 (high, 7), low);
}
