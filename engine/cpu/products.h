/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of packed weights and tokens, written once for every instruction set over the
 * operations of simd-*.h, for tiles of some strips and some tokens. A tile keeps its sums in
 * registers; the order in which a sum is made is the same for every tile size, so that one token
 * alone and a token among many get the same bits. Must not know threads or plans. */
#include "engine/cpu/layout.h"
#include "engine/cpu/simd-math.h"

#include <string.h>

#define PREFETCH_BYTES 4096

/* out: [strips][tokens][V_WIDTH]. second: bytes from the first strip to the second. act: one
 * pointer a token. one_byte: of activations, the low ones are 0; asks_ahead: CpuMatmulWork. */
typedef void (*TileFunc) (const uint8_t *strip, ptrdiff_t second, const void *const *act,
                          uint32_t columns, gboolean one_byte, gboolean asks_ahead, float *out);

/* With few tokens or one, whose kernels wait for memory. */
INLINE gboolean
is_small (const unsigned m_n, const unsigned n_n)
{
  return m_n * n_n <= 2;
}

/* ---- codes and scales of a block ------------------------------------------------------------ */

/* What is multiplied in place of a code. */
INLINE I
look_up (const CpuValues values, I codes)
{
  static const uint8_t iq4[16] = {
    Q8_BIAS - 127,
    Q8_BIAS - 104,
    Q8_BIAS - 83,
    Q8_BIAS - 65,
    Q8_BIAS - 49,
    Q8_BIAS - 35,
    Q8_BIAS - 22,
    Q8_BIAS - 10,
    Q8_BIAS + 1,
    Q8_BIAS + 13,
    Q8_BIAS + 25,
    Q8_BIAS + 38,
    Q8_BIAS + 53,
    Q8_BIAS + 69,
    Q8_BIAS + 89,
    Q8_BIAS + 113,
  };
  static const uint8_t fp4[16] = { 12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0 };

  return values == CPU_VALUES_IQ4   ? i_look_up (iq4, codes)
         : values == CPU_VALUES_FP4 ? i_look_up (fp4, codes)
                                    : codes;
}

/* By how many bits odd codes of nibbles lie higher than even ones: as high as they fit a byte. */
INLINE unsigned
odd_shift (const CpuFormat format)
{
  const CpuLayout *layout = &cpu_layouts[format];

  return layout->code_bits == 4 && layout->values == CPU_VALUES_CODES ? 4 - layout->high_bits : 0;
}

/* Codes of columns 8i .. 8i+3 of every lane, and those of 8i+4 .. 8i+7 times 2^odd_shift. */
INLINE void
load_shifted_codes (const CpuFormat format, const uint8_t *block, const unsigned i, I *even,
                    I *odd)
{
  const CpuLayout *layout = &cpu_layouts[format];
  const unsigned bytes = 4 * V_WIDTH, codes = layout->code_bits, bits = layout->high_bits;
  const uint8_t *high = block + codes * bytes;

  if (codes == 8) {
    *even = i_codes8 (i_load (block + 2 * i * bytes));
    *odd = i_codes8 (i_load (block + (2 * i + 1) * bytes));
    return;
  }
  I raw = i_load (block + i * codes / 4 * bytes);

  if (codes == 2) {
    *even = i_and (i_shift_left (raw, -4 * (int) (i % 2)), 3);
    *odd = i_and (i_shift_left (raw, -4 * (int) (i % 2) - 2), 3);
    if (bits == 1) {
      I above = i_load (high);

      *even = i_join (*even, i_shift_left (above, 2 - 2 * (int) i), 4);
      *odd = i_join (*odd, i_shift_left (above, 1 - 2 * (int) i), 4);
    }
  } else if (bits > 0) {
    const unsigned at = 2 * bits * i; /* low bits of odd codes, high of even */
    I rest = i_load (high + at / 8 * bytes);

    rest = i_and (i_shift_left (rest, 4 - (int) bits - (int) (at % 8)),
                  ((1 << 2 * bits) - 1) << (4 - bits));
    i_cross (raw, rest, even, odd);
  } else if (odd_shift (format) > 0) {
    *even = i_and (raw, 15);
    *odd = i_and (raw, 0xf0);
  } else {
    *even = look_up (layout->values, i_and (raw, 15));
    *odd = look_up (layout->values, i_and (i_shift_left (raw, -4), 15));
  }
}

/* Codes of columns 8i .. 8i+3 and 8i+4 .. 8i+7 of every lane. */
INLINE void
load_codes (const CpuFormat format, const uint8_t *block, const unsigned i, I *even, I *odd)
{
  load_shifted_codes (format, block, i, even, odd);
  *odd = i_shift_left (*odd, -(int) odd_shift (format)); /* below are zeros: none goes astray */
}

/* An int that is repeated in a vector: from a register that takes a port. */
#define KEEP_IN_MEMORY(x) __asm__ ("" : "+m"(x))

/* A sum over columns [8 from, 8 to) of a block (all, or a half), of those over all and over the
 * first half. */
INLINE int32_t
part_of (int32_t all, int32_t first, const unsigned from, const unsigned to)
{
  return to - from == 4 ? all : from == 0 ? first
                                          : all - first;
}

/* How much higher a code is multiplied than it counts. */
INLINE int
bias_per_code (const CpuFormat format)
{
  return cpu_layouts[format].bits == 8 ? Q8_BIAS : cpu_layouts[format].bias;
}

/* What that adds too much in half a block (or a whole one). */
INLINE int32_t
bias_of (const CpuFormat format, const CpuActBlock *a, const unsigned from, const unsigned to)
{
  return -bias_per_code (format) * part_of (a->sum, a->sum_low, from, to);
}

INLINE gboolean
has_halves (const CpuScales scales)
{
  return scales >= CPU_SCALES_S8_HALF;
}

/* The scale of half a block. */
INLINE V
load_half_scale (const CpuScales scales, const uint8_t *at, const unsigned half)
{
  if (scales == CPU_SCALES_F32_HALF)
    return v_load ((const float *) (const void *) at + half * V_WIDTH);
  return scales == CPU_SCALES_S8_HALF ? v_load_s8 (at + half * V_WIDTH)
                                      : v_load_low4 (at + half * V_WIDTH);
}

/* The scale of a block, which for halves is what theirs are times, and what is added for each
 * activation. */
INLINE void
load_scales (const CpuScales scales, const uint8_t *head, const uint8_t *at, V *scale, V *min)
{
  const uint16_t *h16 = (const uint16_t *) (const void *) head;
  const uint16_t *f16 = (const uint16_t *) (const void *) at;

  switch (scales) {
  case CPU_SCALES_F16_MIN:
    *min = v_load_f16 (f16 + V_WIDTH);
    *scale = v_load_f16 (f16);
    return;
  case CPU_SCALES_F16:
    *scale = v_load_f16 (f16);
    return;
  case CPU_SCALES_E8:
    *scale = v_load_e8 (at);
    return;
  case CPU_SCALES_U8_MIN:
    *scale = v_mul (v_load_f16 (h16), v_load_u8 (at));
    *min = v_mul (v_sub (v_set1 (0), v_load_f16 (h16 + V_WIDTH)), v_load_u8 (at + V_WIDTH));
    return;
  case CPU_SCALES_S8:
    *scale = v_mul (v_load_f16 (h16), v_load_s8 (at));
    return;
  case CPU_SCALES_U4_HALF:
    *scale = v_load_f16 (h16);
    *min = v_sub (v_set1 (0), v_load_f16 (h16 + V_WIDTH));
    return;
  case CPU_SCALES_S8_HALF:
    *scale = v_load_f16 (h16);
    return;
  case CPU_SCALES_NONE:
  case CPU_SCALES_F32_HALF:
    *scale = v_set1 (1);
    return;
  }
}

/* dots += products of columns [8 from, 8 to) of a block with one byte of the activations: plane 0
 * the high ones, 1 the low ones. */
INLINE void
dot_plane (const CpuFormat format, const unsigned m_n, const unsigned n_n, const unsigned from,
           const unsigned to, const unsigned plane, const uint8_t *const *block,
           const CpuActBlock *const *act, I (*dots)[TILE_COLUMNS])
{
  const unsigned bits = cpu_layouts[format].bits;
  I dot[TILE_STRIPS][TILE_COLUMNS];

#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      dot[m][n] = i_dot_start (bits, dots[m][n]);
#pragma GCC unroll 4
  for (unsigned i = from; i < to; i++) {
    I even[TILE_STRIPS], odd[TILE_STRIPS];

#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      load_codes (format, block[m], i, &even[m], &odd[m]);
#pragma GCC unroll 8
    for (unsigned n = 0; n < n_n; n++) {
      I a_even = i_repeat4 (act[n]->q[plane] + 8 * i);
      I a_odd = i_repeat4 (act[n]->q[plane] + 8 * i + 4);

#pragma GCC unroll 2
      for (unsigned m = 0; m < m_n; m++)
        dot[m][n] = i_dot (bits, dot[m][n], even[m], odd[m], a_even, a_odd);
    }
  }
#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      dots[m][n] = i_dot_finish (bits, dot[m][n], dots[m][n]);
}

#if I_DOT_WAITS
/* Where a sum over columns [8 from, 8 to) begins: with what the unsigned codes add too much. */
INLINE I
start_of (const CpuFormat format, const CpuActBlock *a, const unsigned from, const unsigned to)
{
  const int bias = bias_per_code (format);
  int32_t rest;

  if (bias == 0)
    return i_set1 (0);
  if (from == 0)
    return i_times_repeated (-bias, to < 4 ? &a->sum_low : &a->sum);
  rest = bias_of (format, a, from, to);
  KEEP_IN_MEMORY (rest);
  return i_set1 (rest);
}

/* dots = sums of products of columns [8 from, 8 to), for a small tile: four chains of sums that
 * overlap, where one after another would keep the processor waiting. Odd codes have chains of their
 * own, which are shifted where each of them was not. Few instructions matter: a core whose other
 * thread is busy takes two a cycle. */
INLINE void
dot_chains (const CpuFormat format, const unsigned m_n, const unsigned n_n, const unsigned from,
            const unsigned to, const uint8_t *const *block, const CpuActBlock *const *act,
            const gboolean one_byte, I (*dots)[TILE_COLUMNS])
{
#pragma GCC unroll 2
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++) {
      const CpuActBlock *a = act[n];
      I high[2] = { i_set1 (0), i_set1 (0) };
      I low[2] = { start_of (format, a, from, to), i_set1 (0) };

      __asm__ ("" : "+r"(a)); /* one pointer, not one for each place in the block */
#pragma GCC unroll 4
      for (unsigned i = from; i < to; i++) {
        I even, odd;

        load_shifted_codes (format, block[m], i, &even, &odd);
        high[0] = i_dot_repeat4 (high[0], even, a->q[0] + 8 * i);
        high[1] = i_dot_repeat4 (high[1], odd, a->q[0] + 8 * i + 4);
        if (!one_byte) {
          low[0] = i_dot_repeat4 (low[0], even, a->q[1] + 8 * i);
          low[1] = i_dot_repeat4 (low[1], odd, a->q[1] + 8 * i + 4);
        }
      }
      dots[m][n] = i_add (i_carry (high[0], low[0]),
                          i_shift_right (i_carry (high[1], low[1]), odd_shift (format)));
    }
}
#endif

/* The same for any tile. The high bytes go first: their sums and the bias are what the low bytes
 * are added to, and no register more is needed. Integers are exact: both ways give the same. */
INLINE void
dot_planes (const CpuFormat format, const unsigned m_n, const unsigned n_n, const unsigned from,
            const unsigned to, const uint8_t *const *block, const CpuActBlock *const *act,
            gboolean one_byte, I (*dots)[TILE_COLUMNS])
{
#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      dots[m][n] = i_set1 (0);
  dot_plane (format, m_n, n_n, from, to, 0, block, act, dots);
#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      dots[m][n] = i_carry (dots[m][n], i_set1 (bias_of (format, act[n], from, to)));
  if (!is_small (m_n, n_n)) /* unpack the codes again: kept, they push sums out of registers */
    __asm__ volatile ("" ::: "memory");
  if (!one_byte)
    dot_plane (format, m_n, n_n, from, to, 1, block, act, dots);
}

/* Sums of products of columns [8 from, 8 to) of a block, as floats. */
INLINE void
dot_block (const CpuFormat format, const unsigned m_n, const unsigned n_n, const unsigned from,
           const unsigned to, const uint8_t *const *block, const CpuActBlock *const *act,
           gboolean one_byte, V (*dots)[TILE_COLUMNS])
{
  I dot[TILE_STRIPS][TILE_COLUMNS];

#if I_DOT_WAITS
  if (is_small (m_n, n_n) && one_byte)
    dot_chains (format, m_n, n_n, from, to, block, act, TRUE, dot);
  else if (is_small (m_n, n_n))
    dot_chains (format, m_n, n_n, from, to, block, act, FALSE, dot);
  else
#endif
    dot_planes (format, m_n, n_n, from, to, block, act, one_byte, dot);
#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      dots[m][n] = v_from_int (dot[m][n]);
}

/* Of halves that have them: what is added for each activation. */
INLINE void
load_half_mins (const CpuScales scales, const uint8_t *at, V mins[2])
{
  if (scales == CPU_SCALES_U4_HALF) {
    mins[0] = v_load_high4 (at);
    mins[1] = v_load_high4 (at + V_WIDTH);
  }
}

INLINE V
join_halves (V lower, V lower_scale, V upper, V upper_scale)
{
  return v_fma (upper, upper_scale, v_mul (lower, lower_scale));
}

/* sum + scale * (act's scale * dot) + min * (act's scaled sum, of halves times theirs) */
INLINE V
add_dot (const CpuScales scales, V sum, const CpuActBlock *a, V dot, V scale, V min,
         const V half_min[2])
{
  sum = v_fma (v_mul (dot, v_set1 (a->scale)), scale, sum);
  if (scales == CPU_SCALES_F16_MIN || scales == CPU_SCALES_U8_MIN)
    return v_fma (min, v_set1 (a->scaled_sum), sum);
  if (scales == CPU_SCALES_U4_HALF)
    return v_fma (min,
                  join_halves (v_set1 (a->scale * (float) a->sum_low), half_min[0],
                               v_set1 (a->scale * (float) (a->sum - a->sum_low)), half_min[1]),
                  sum);
  return sum;
}

/* One block of 32 columns is added to sums. */
INLINE void
add_block (const CpuFormat format, const unsigned m_n, const unsigned n_n,
           const uint8_t *const *head, const uint8_t *const *block, const CpuActBlock *const *act,
           gboolean one_byte, V (*sums)[TILE_COLUMNS])
{
  const CpuScales kind = cpu_layouts[format].scales;
  const unsigned at = cpu_layout_planes_bytes (&cpu_layouts[format]) * V_WIDTH;
  V dots[TILE_STRIPS][TILE_COLUMNS], scale[TILE_STRIPS], min[TILE_STRIPS];

  if (has_halves (kind)) {
    V upper[TILE_STRIPS][TILE_COLUMNS];

    dot_block (format, m_n, n_n, 0, 2, block, act, one_byte, dots);
    dot_block (format, m_n, n_n, 2, 4, block, act, one_byte, upper);
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
#pragma GCC unroll 8
      for (unsigned n = 0; n < n_n; n++)
        dots[m][n] = join_halves (dots[m][n], load_half_scale (kind, block[m] + at, 0),
                                  upper[m][n], load_half_scale (kind, block[m] + at, 1));
  } else {
    dot_block (format, m_n, n_n, 0, 4, block, act, one_byte, dots);
  }
#pragma GCC unroll 2
  for (unsigned m = 0; m < m_n; m++)
    load_scales (kind, head[m], block[m] + at, &scale[m], &min[m]);
#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++) {
      V half_min[2];

      load_half_mins (kind, block[m] + at, half_min);
      sums[m][n] =
          add_dot (kind, sums[m][n], act[n], dots[m][n], scale[m], min[m], half_min);
    }
}

/* Strips lie one after another, so that what comes next is ahead even past the end of this one; of
 * two that are read at once, the next pair lies behind both. */
INLINE void
prefetch (const unsigned m_n, const uint8_t *p, const uint8_t *end, ptrdiff_t second,
          unsigned bytes)
{
  p += m_n * PREFETCH_BYTES;
  if (m_n > 1 && p >= end)
    p += second;
  for (unsigned m = 0; m < m_n; m++)
    for (unsigned at = 0; at < bytes; at += 64)
      __builtin_prefetch (p + m * second + at, 0, 3);
}

INLINE void
store_sums (const unsigned m_n, const unsigned n_n, V (*sums)[TILE_COLUMNS], float *out)
{
#pragma GCC unroll 2
  for (unsigned m = 0; m < m_n; m++)
#pragma GCC unroll 8
    for (unsigned n = 0; n < n_n; n++)
      v_store (out + (m * n_n + n) * V_WIDTH, sums[m][n]);
}

/* The bytes of a strip: heads, if it has any, with so many blocks after each. */
typedef struct {
  unsigned head_bytes, block_bytes, n_blocks;
  const uint8_t *end;
} StripWalk;

INLINE StripWalk
walk_strip (const CpuFormat format, const uint8_t *strip, uint32_t columns)
{
  const CpuLayout *layout = &cpu_layouts[format];
  const unsigned head_bytes = cpu_layout_head_bytes (layout) * V_WIDTH;

  return (StripWalk) { .head_bytes = head_bytes,
                       .block_bytes = cpu_layout_block_bytes (layout) * V_WIDTH,
                       .n_blocks = head_bytes > 0 ? CPU_HEAD_BLOCKS : 1,
                       .end = strip + cpu_layout_lane_bytes (layout, columns) * V_WIDTH };
}

INLINE void
tile_integer (const CpuFormat format, const unsigned m_n, const unsigned n_n, const uint8_t *strip,
              ptrdiff_t second, const void *const *act, uint32_t columns, gboolean one_byte,
              gboolean asks_ahead, float *out)
{
  const StripWalk walk = walk_strip (format, strip, columns);
  const CpuActBlock *a[TILE_COLUMNS];
  V sums[TILE_STRIPS][TILE_COLUMNS];

#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++) {
    a[n] = act[n];
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      sums[m][n] = v_set1 (0);
  }
  while (strip < walk.end) {
    const uint8_t *head[TILE_STRIPS] = { strip, strip + second };

    strip += walk.head_bytes;
    for (unsigned b = 0; b < walk.n_blocks; b++) {
      const uint8_t *block[TILE_STRIPS] = { strip, strip + second };

      /* Small tiles read so fast that AMD's own prefetcher does better. */
      if (!is_small (m_n, n_n) || asks_ahead)
        prefetch (m_n, strip, walk.end, second, walk.block_bytes);
      __asm__ ("" : "+r"(one_byte), "+r"(asks_ahead)); /* one loop for all, not four */
      add_block (format, m_n, n_n, head, block, a, one_byte, sums);
      strip += walk.block_bytes;
#pragma GCC unroll 8
      for (unsigned n = 0; n < n_n; n++)
        a[n]++;
    }
  }
  store_sums (m_n, n_n, sums, out);
}

/* ---- float formats -------------------------------------------------------------------------- */

INLINE V
load_floats (const CpuFormat format, const uint8_t *p)
{
  const uint16_t *p16 = (const uint16_t *) (const void *) p;

  return format == CPU_FORMAT_F32   ? v_load ((const float *) (const void *) p)
         : format == CPU_FORMAT_F16 ? v_load_f16 (p16)
                                    : v_load_bf16 (p16);
}

/* A block's products are summed apart and then added: short chains that overlap. */
INLINE void
tile_float (const CpuFormat format, const unsigned m_n, const unsigned n_n, const uint8_t *strip,
            ptrdiff_t second, const void *const *act, uint32_t columns, gboolean one_byte,
            gboolean asks_ahead, float *out)
{
  const size_t step = (format == CPU_FORMAT_F32 ? 4 : 2) * V_WIDTH;
  V sums[TILE_STRIPS][TILE_COLUMNS];

#pragma GCC unroll 8
  for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
    for (unsigned m = 0; m < m_n; m++)
      sums[m][n] = v_set1 (0);
  for (uint32_t first = 0; first < columns; first += CPU_BLOCK) {
    uint32_t last = MIN (first + CPU_BLOCK, columns);
    V part[TILE_STRIPS][TILE_COLUMNS];

#pragma GCC unroll 8
    for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
      for (unsigned m = 0; m < m_n; m++)
        part[m][n] = v_set1 (0);
    for (uint32_t k = first; k < last; k++, strip += step) {
      V w[TILE_STRIPS];

#pragma GCC unroll 2
      for (unsigned m = 0; m < m_n; m++)
        w[m] = load_floats (format, strip + (m == 0 ? 0 : second));
#pragma GCC unroll 8
      for (unsigned n = 0; n < n_n; n++) {
        V x = v_set1 (((const float *) act[n])[k]);

#pragma GCC unroll 2
        for (unsigned m = 0; m < m_n; m++)
          part[m][n] = v_fma (w[m], x, part[m][n]);
      }
    }
#pragma GCC unroll 8
    for (unsigned n = 0; n < n_n; n++)
#pragma GCC unroll 2
      for (unsigned m = 0; m < m_n; m++)
        sums[m][n] = v_add (sums[m][n], part[m][n]);
  }
  store_sums (m_n, n_n, sums, out);
}

/* ---- one function per format and tile size -------------------------------------------------- */

#define TILE(kind, format, m, n)                                                               \
  static void tile_##format##_##m##_##n (const uint8_t *strip, ptrdiff_t second,               \
                                         const void *const *act, uint32_t columns,             \
                                         gboolean one_byte, gboolean asks_ahead, float *out)   \
  {                                                                                            \
    tile_##kind (CPU_FORMAT_##format, m, n, strip, second, act, columns, one_byte, asks_ahead, \
                 out);                                                                         \
  }

/* A product of tiles of up to 2 strips by 4 tokens. */
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

/* Every format: those with one sum of integers a block, and those with two, which take more
 * registers. */
#define PRODUCTS(ONE, TWO) \
  ONE (float, F32)         \
  ONE (float, F16)         \
  ONE (float, BF16)        \
  ONE (integer, Q4_0)      \
  ONE (integer, Q4_1)      \
  ONE (integer, Q5_0)      \
  ONE (integer, Q5_1)      \
  ONE (integer, Q8_0)      \
  TWO (integer, Q2_K)      \
  TWO (integer, Q3_K)      \
  ONE (integer, Q4_K)      \
  ONE (integer, Q5_K)      \
  TWO (integer, Q6_K)      \
  ONE (integer, IQ4_NL)    \
  ONE (integer, IQ4_XS)    \
  ONE (integer, MXFP4)     \
  TWO (integer, EXPANDED)  \
  ONE (integer, CODES)

/* What that makes: matmul_<format> of every format. */
#define PRODUCT_TABLE                        \
  {                                          \
    [CPU_FORMAT_FILE] = cpu_matmul_file,     \
    [CPU_FORMAT_F32] = matmul_F32,           \
    [CPU_FORMAT_F16] = matmul_F16,           \
    [CPU_FORMAT_BF16] = matmul_BF16,         \
    [CPU_FORMAT_Q4_0] = matmul_Q4_0,         \
    [CPU_FORMAT_Q4_1] = matmul_Q4_1,         \
    [CPU_FORMAT_Q5_0] = matmul_Q5_0,         \
    [CPU_FORMAT_Q5_1] = matmul_Q5_1,         \
    [CPU_FORMAT_Q8_0] = matmul_Q8_0,         \
    [CPU_FORMAT_Q2_K] = matmul_Q2_K,         \
    [CPU_FORMAT_Q3_K] = matmul_Q3_K,         \
    [CPU_FORMAT_Q4_K] = matmul_Q4_K,         \
    [CPU_FORMAT_Q5_K] = matmul_Q5_K,         \
    [CPU_FORMAT_Q6_K] = matmul_Q6_K,         \
    [CPU_FORMAT_IQ4_NL] = matmul_IQ4_NL,     \
    [CPU_FORMAT_IQ4_XS] = matmul_IQ4_XS,     \
    [CPU_FORMAT_MXFP4] = matmul_MXFP4,       \
    [CPU_FORMAT_EXPANDED] = matmul_EXPANDED, \
    [CPU_FORMAT_CODES] = matmul_CODES,       \
  }

/* ---- from tiles to results ------------------------------------------------------------------ */

static inline uint32_t
rows_of_strip (const CpuWeight *weight, uint32_t strip)
{
  return MIN (V_WIDTH, weight->rows - strip * V_WIDTH);
}

/* The sums of strip s to their rows, tokens from `first` on, of which sums are `stride` apart. */
INLINE void
store_rows (const CpuMatmulWork *w, uint32_t s, const float *sums, size_t stride, uint32_t first,
            unsigned n_tokens)
{
  uint32_t n_rows = rows_of_strip (w->weight, s);
  V bias = w->bias != NULL ? v_load_first (w->bias + s * V_WIDTH, n_rows) : v_set1 (0);

  for (unsigned n = 0; n < n_tokens; n++) {
    float *dst = cpu_work_dst (w, first + n) + s * V_WIDTH;
    V x = v_load (sums + n * stride);

    if (w->bias != NULL)
      x = v_add (x, bias);
    if (w->scale != 1)
      x = v_mul (x, v_set1 (w->scale));
    if (w->activate)
      x = v_activate (w->activation, x);
    if (w->cap > 0)
      x = v_cap (x, w->cap);
    if (w->accumulate)
      x = v_add (v_load_first (dst, n_rows), x);
    v_store_first (dst, n_rows, x);
  }
}

/* The same for strip s of the gate and of up. */
INLINE void
store_gated (const CpuMatmulWork *w, uint32_t s, const float *gates, const float *ups,
             size_t stride, uint32_t first, unsigned n_tokens)
{
  uint32_t n_rows = rows_of_strip (w->weight, s);

  for (unsigned n = 0; n < n_tokens; n++) {
    V gate = v_load (gates + n * stride), up = v_load (ups + n * stride);

    if (w->bias != NULL)
      gate = v_add (gate, v_load_first (w->bias + s * V_WIDTH, n_rows));
    if (w->up_bias != NULL)
      up = v_add (up, v_load_first (w->up_bias + s * V_WIDTH, n_rows));
    v_store_first (cpu_work_dst (w, first + n) + s * V_WIDTH, n_rows,
                   v_gate (w->activation, gate, up));
  }
}

/* Of m_n strips from s on (GATED: the strips s of both): the sums of the next strip are `second`
 * floats behind, those of the next token `stride`. */
INLINE void
store_tokens (const CpuMatmulWork *w, uint32_t s, unsigned m_n, const float *sums, size_t second,
              size_t stride, uint32_t first, unsigned n_tokens)
{
  if (w->up != NULL) {
    store_gated (w, s, sums, sums + second, stride, first, n_tokens);
    return;
  }
  for (unsigned m = 0; m < m_n; m++)
    store_rows (w, s + m, sums + m * second, stride, first, n_tokens);
}

/* Rows of the file become strips of codes in scratch: once for all tokens. */
INLINE const uint8_t *
expand_strips (const CpuMatmulWork *w, const uint8_t *strip, unsigned m_n, ptrdiff_t *second)
{
  size_t bytes =
      cpu_layout_lane_bytes (&cpu_layouts[CPU_FORMAT_EXPANDED], w->weight->columns) * V_WIDTH;
  uint8_t *expanded = (uint8_t *) (void *) w->scratch;

  for (unsigned m = 0; m < m_n; m++)
    cpu_pack_expand (w->weight, strip + m * *second, expanded + m * bytes);
  *second = (ptrdiff_t) bytes;
  return expanded;
}

/* Where strip s lies, as products read it; second: bytes to the one that goes with it. */
INLINE const uint8_t *
find_strips (const CpuMatmulWork *w, uint32_t s, unsigned m_n, ptrdiff_t *second)
{
  const uint8_t *strip = w->weight->data + s * w->weight->strip_stride;

  *second = w->up != NULL ? w->up->data + s * w->up->strip_stride - strip
                          : (ptrdiff_t) w->weight->strip_stride;
  return w->weight->format == CPU_FORMAT_EXPANDED ? expand_strips (w, strip, m_n, second) : strip;
}

/* All tokens for the strips s and, if m_n is 2, s + 1 (GATED: the strips s of gate and up). Tokens
 * of one tile are limited by memory: then strips are read one after the other, as they lie. */
INLINE void
run_strips (const CpuMatmulWork *w, const TileFunc (*tiles)[TILE_COLUMNS], unsigned n_most,
            uint32_t s, unsigned m_n)
{
  _Alignas (64) float sums[TILE_STRIPS * TILE_COLUMNS * V_WIDTH];
  const void *act[TILE_COLUMNS];
  ptrdiff_t second;
  const uint8_t *strip = find_strips (w, s, m_n, &second);
  unsigned n;

  for (uint32_t t = 0; t < w->n_tokens; t += n) {
    n = MIN (n_most, w->n_tokens - t);
    for (unsigned i = 0; i < n; i++)
      act[i] = cpu_work_act (w, t + i);
    if (m_n == 2 && w->n_tokens <= n_most) {
      tiles[0][n - 1](strip, 0, act, w->weight->columns, w->one_byte, w->asks_ahead, sums);
      tiles[0][n - 1](strip + second, 0, act, w->weight->columns, w->one_byte, w->asks_ahead,
                      sums + n * V_WIDTH);
    } else {
      tiles[m_n - 1][n - 1](strip, second, act, w->weight->columns, w->one_byte, w->asks_ahead,
                            sums);
    }
    store_tokens (w, s, m_n, sums, n * V_WIDTH, V_WIDTH, t, n);
  }
}

G_GNUC_UNUSED static void /* by AMX */
matmul (const CpuMatmulWork *w, const TileFunc (*tiles)[TILE_COLUMNS], unsigned n_most)
{
  unsigned m_n;

  if (w->up != NULL) {
    for (uint32_t s = w->first_strip; s < w->first_strip + w->n_strips; s++)
      run_strips (w, tiles, n_most, s, 2);
    return;
  }
  for (uint32_t s = 0; s < w->n_strips; s += m_n) {
    m_n = MIN (2, w->n_strips - s);
    run_strips (w, tiles, n_most, w->first_strip + s, m_n);
  }
}
