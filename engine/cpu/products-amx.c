/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AMX with many tokens, and what it multiplies at most: all that this tier has of
 * its own. Codes of two strips by 32 columns stay in tiles while all tokens go past, as they stay
 * in vectors in panels.h, and what is done with a block's integers is done in the same order: so
 * results are the same bits as those of AVX-512, whose products the others are.
 *
 * What limits it, by the numbers of Intel's manual (none is measured). A product of tiles takes a
 * cycle for each token, with 64 columns or, as here, 32 (16 where scales are of halves): a block's
 * sum has a scale of its own, so the next block cannot follow in the same row; nor can the low
 * bytes follow the high ones, whose codes would have to be 128 times as large. So a block of 16
 * tokens with two bytes and two strips takes
 *   64 cycles to multiply (with one byte 32; halves 128),
 *   96 to store 64 bytes a cycle (64; 160): integers go from tiles to vectors through memory, which
 *      is 64 lines, and 32 are sums,
 *   80 to 96 for 5 to 6 vector instructions a sum, two a cycle (64; 160),
 * all at once, where AVX-512 has 23 instructions a sum and takes 368 (224; 480). */
#include "engine/cpu/simd-avx512.h"

#include "engine/cpu/products-amx.h"
#include "engine/cpu/products-avx512.h"
#include "engine/cpu/products.h"

#include "engine/cpu/panels.h"

#define TILE_TOKENS 16
#define TILE_BYTES  (4 * V_WIDTH) /* of a full row: the most that there can be */

/* A tile takes as long for one token as for 16: 96 cycles a block as above, or some 250 where one
 * step waits for the other and nothing overlaps. AVX-512 takes 23 a token, with one byte 14: 16
 * tokens are 368 or 224. */
#define FEWEST_TOKENS TILE_TOKENS

/* What is in which tile; _2: of the second strip. */
#define TILE_CODES       0
#define TILE_CODES_2     1
#define TILE_HIGH        2 /* bytes of activations */
#define TILE_LOW         3
#define TILE_SUMS_HIGH   4
#define TILE_SUMS_HIGH_2 5
#define TILE_SUMS_LOW    6
#define TILE_SUMS_LOW_2  7

typedef struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} TileConfig;

#define CONFIG_OF(columns)                                                                       \
  {                                                                                              \
    .palette = 1,                                                                                \
    .row_bytes = { TILE_BYTES, TILE_BYTES, columns, columns, TILE_BYTES, TILE_BYTES, TILE_BYTES, \
                   TILE_BYTES },                                                                 \
    .rows = { (columns) / 4, (columns) / 4, TILE_TOKENS, TILE_TOKENS, TILE_TOKENS, TILE_TOKENS,  \
              TILE_TOKENS, TILE_TOKENS },                                                        \
  }

static const TileConfig whole_blocks = CONFIG_OF (CPU_BLOCK);
static const TileConfig half_blocks = CONFIG_OF (CPU_BLOCK / 2);

/* Compilers do not know that loads of tiles read memory: what was written must be there. */
#define WRITTEN() __asm__ volatile ("" ::: "memory")

/* Up to 16 tokens with one block: what tiles have summed, and what becomes of it. */
typedef struct {
  _Alignas (64) int32_t dots[2][2][TILE_STRIPS][TILE_TOKENS][V_WIDTH]; /* of halves, of bytes */
  const PanelStrip *strips;
  const char *const *act; /* [n_tokens] */
  size_t at;              /* of the block behind act */
  float *sums;            /* [n_tokens][TILE_STRIPS][V_WIDTH] */
  uint32_t n_tokens;
} Group;

/* Signed, so that no sum needs anything taken back. */
INLINE void
unpack (const CpuFormat format, const uint8_t *head, const uint8_t *block, PanelStrip *p)
{
  load_codes_of (format, FALSE, block, p);
#pragma GCC unroll 8
  for (unsigned g = 0; g < CPU_BLOCK / 4; g++)
    p->codes[g] =
        _mm512_sub_epi8 (p->codes[g], _mm512_set1_epi8 ((char) bias_per_code (format)));
  load_scales_of (format, head, block, p);
}

/* Those of a whole block, or of the half whose columns begin there. */
INLINE void
load_tiles_of_codes (const PanelStrip *strips, const unsigned from)
{
  _tile_loadd (TILE_CODES, &strips[0].codes[from / 4], TILE_BYTES);
  _tile_loadd (TILE_CODES_2, &strips[1].codes[from / 4], TILE_BYTES);
}

/* Columns of a half, or all. act: of the first token, stride bytes before that of the next. */
INLINE void
multiply_tiles (const gboolean one_byte, const char *act, size_t stride,
                int32_t (*dots)[TILE_STRIPS][TILE_TOKENS][V_WIDTH])
{
  _tile_loadd (TILE_HIGH, act, stride);
  _tile_zero (TILE_SUMS_HIGH);
  _tile_dpbssd (TILE_SUMS_HIGH, TILE_HIGH, TILE_CODES);
  _tile_zero (TILE_SUMS_HIGH_2);
  _tile_dpbssd (TILE_SUMS_HIGH_2, TILE_HIGH, TILE_CODES_2);
  if (!one_byte) {
    _tile_loadd (TILE_LOW, act + CPU_BLOCK, stride);
    _tile_zero (TILE_SUMS_LOW);
    _tile_dpbssd (TILE_SUMS_LOW, TILE_LOW, TILE_CODES);
    _tile_zero (TILE_SUMS_LOW_2);
    _tile_dpbssd (TILE_SUMS_LOW_2, TILE_LOW, TILE_CODES_2);
  }
  _tile_stored (TILE_SUMS_HIGH, dots[0][0], TILE_BYTES);
  _tile_stored (TILE_SUMS_HIGH_2, dots[0][1], TILE_BYTES);
  if (!one_byte) {
    _tile_stored (TILE_SUMS_LOW, dots[1][0], TILE_BYTES);
    _tile_stored (TILE_SUMS_LOW_2, dots[1][1], TILE_BYTES);
  }
}

/* stride: from a token's activations to the next one's, or 0 where they lie anywhere. Then, and
 * where tokens are too few for a tile, whose last rows are anything, they are brought together. */
INLINE void
multiply_group (const CpuFormat format, const gboolean one_byte, size_t stride, Group *g)
{
  const gboolean halves = has_halves (cpu_layouts[format].scales);
  const size_t at = g->at + offsetof (CpuActBlock, q);
  char together[TILE_TOKENS][2 * CPU_BLOCK];
  const char *act = g->act[0] + at;

  if (stride == 0 || g->n_tokens < TILE_TOKENS) {
    for (uint32_t n = 0; n < g->n_tokens; n++)
      memcpy (together[n], g->act[n] + at, sizeof together[n]);
    act = together[0];
    stride = sizeof together[0];
  }
  WRITTEN ();
  for (unsigned h = 0; h < (halves ? 2 : 1); h++) {
    if (halves)
      load_tiles_of_codes (g->strips, h * CPU_BLOCK / 2);
    multiply_tiles (one_byte, act + h * CPU_BLOCK / 2, stride, g->dots[h]);
  }
}

INLINE V
dot_of (const gboolean one_byte, const int32_t (*dots)[TILE_STRIPS][TILE_TOKENS][V_WIDTH],
        const unsigned m, uint32_t n)
{
  I high = _mm512_slli_epi32 (_mm512_load_si512 (dots[0][m][n]), 7);

  return v_from_int (one_byte ? high : i_add (high, _mm512_load_si512 (dots[1][m][n])));
}

/* What add_token () does with what vectors have summed. Sums might be stored over anything: what is
 * in variables is not loaded for each token. */
INLINE void
add_group (const CpuFormat format, const gboolean one_byte, const Group *g)
{
  const CpuScales kind = cpu_layouts[format].scales;
  const uint32_t n_tokens = g->n_tokens;
  const char *const *act = g->act;
  const size_t at = g->at;
  float *sum = g->sums;
  V scale[TILE_STRIPS], min[TILE_STRIPS], half_scale[TILE_STRIPS][2], half_min[TILE_STRIPS][2];

#pragma GCC unroll 2
  for (unsigned m = 0; m < TILE_STRIPS; m++) {
    scale[m] = g->strips[m].scale;
    min[m] = g->strips[m].min;
#pragma GCC unroll 2
    for (unsigned h = 0; h < 2; h++) {
      half_scale[m][h] = g->strips[m].half_scale[h];
      half_min[m][h] = g->strips[m].half_min[h];
    }
  }
  for (uint32_t n = 0; n < n_tokens; n++) {
    const CpuActBlock *a = (const void *) (act[n] + at);

#pragma GCC unroll 2
    for (unsigned m = 0; m < TILE_STRIPS; m++, sum += V_WIDTH) {
      V dot = dot_of (one_byte, g->dots[0], m, n);

      if (has_halves (kind))
        dot = join_halves (dot, half_scale[m][0], dot_of (one_byte, g->dots[1], m, n),
                           half_scale[m][1]);
      v_store (sum, add_dot (kind, v_load (sum), a, dot, scale[m], min[m], half_min[m]));
    }
  }
}

/* As panel () in panels.h; stride as above. Tiles multiply a group while vectors add the one before
 * to its sums: what tiles store would else be waited for. */
INLINE void
tile_panel (const CpuFormat format, const gboolean one_byte, const uint8_t *strip,
            ptrdiff_t second, uint32_t columns, const char *const *act, size_t stride,
            uint32_t n_tokens, float *sums)
{
  const StripWalk walk = walk_strip (format, strip, columns);
  PanelStrip strips[2][TILE_STRIPS]; /* of this block and the one before */
  Group groups[2], *before = NULL;
  unsigned n_blocks = 0, n_groups = 0;

  memset (sums, 0, (size_t) n_tokens * TILE_STRIPS * V_WIDTH * sizeof *sums);
  while (strip < walk.end) {
    const uint8_t *head = strip;

    strip += walk.head_bytes;
    for (unsigned b = 0; b < walk.n_blocks; b++, strip += walk.block_bytes) {
      PanelStrip *p = strips[n_blocks % 2];

      prefetch (TILE_STRIPS, strip, walk.end, second, walk.block_bytes);
      for (unsigned m = 0; m < TILE_STRIPS; m++)
        unpack (format, head + m * second, strip + m * second, &p[m]);
      WRITTEN ();
      if (!has_halves (cpu_layouts[format].scales))
        load_tiles_of_codes (p, 0);
      for (uint32_t n = 0; n < n_tokens; n += TILE_TOKENS) {
        Group *g = &groups[n_groups++ % 2];

        g->strips = p;
        g->act = act + n;
        g->at = n_blocks * sizeof (CpuActBlock);
        g->sums = sums + (size_t) n * TILE_STRIPS * V_WIDTH;
        g->n_tokens = MIN (TILE_TOKENS, n_tokens - n);
        multiply_group (format, one_byte, stride, g);
        if (before != NULL)
          add_group (format, one_byte, before);
        before = g;
      }
      n_blocks++;
    }
  }
  if (before != NULL)
    add_group (format, one_byte, before);
}

/* As run_panels (). */
INLINE void
run_tiles (const CpuFormat format, const gboolean one_byte, const CpuMatmulWork *w, uint32_t s,
           unsigned m_n)
{
  _Alignas (64) float sums[PANEL_TOKENS * TILE_STRIPS * V_WIDTH];
  const char *act[PANEL_TOKENS];
  ptrdiff_t second;
  const uint8_t *strip = find_strips (w, s, m_n, &second);
  uint32_t n;

  for (uint32_t t = 0; t < w->n_tokens; t += n) {
    n = MIN (PANEL_TOKENS, w->n_tokens - t);
    for (uint32_t i = 0; i < n; i++)
      act[i] = cpu_work_act (w, t + i);
    tile_panel (format, one_byte, strip, m_n == 1 ? 0 : second, w->weight->columns, act,
                w->act_rows == NULL ? w->act_stride : 0, n, sums);
    store_tokens (w, s, m_n, sums, V_WIDTH, TILE_STRIPS * V_WIDTH, t, n);
  }
}

/* Tiles are a thread's while it has work for them, at a few hundred cycles for 10,000 and more of a
 * unit (of attention 600): the system need not save their 8 KB with a thread that has none, nor
 * keep its core from sleep. */
INLINE void
matmul_in_tiles (const CpuFormat format, const CpuMatmulWork *w)
{
  const unsigned step = w->up != NULL ? 1 : TILE_STRIPS;

  _tile_loadconfig (has_halves (cpu_layouts[format].scales) ? &half_blocks : &whole_blocks);
  for (uint32_t s = 0; s < w->n_strips; s += step) {
    const unsigned m_n = w->up != NULL ? TILE_STRIPS : MIN (TILE_STRIPS, w->n_strips - s);

    if (w->one_byte)
      run_tiles (format, TRUE, w, w->first_strip + s, m_n);
    else
      run_tiles (format, FALSE, w, w->first_strip + s, m_n);
  }
  _tile_release ();
}

#define PRODUCT_float(format)                             \
  static void matmul_##format (const CpuMatmulWork *work) \
  {                                                       \
    cpu_products_avx512[CPU_FORMAT_##format](work);       \
  }

#define PRODUCT_integer(format)                           \
  static void matmul_##format (const CpuMatmulWork *work) \
  {                                                       \
    if (work->n_tokens < FEWEST_TOKENS)                   \
      cpu_products_avx512[CPU_FORMAT_##format](work);     \
    else                                                  \
      matmul_in_tiles (CPU_FORMAT_##format, work);        \
  }

#define PRODUCT(kind, format) PRODUCT_##kind (format)

PRODUCTS (PRODUCT, PRODUCT)

const CpuMatmulFunc cpu_products_amx[CPU_N_FORMATS] = PRODUCT_TABLE;

/* Of blocks as they are, half of what a full tile would do. Four sums are more than an instruction
 * takes cycles before the next can begin. */
uint64_t
cpu_multiply_bytes_amx (uint32_t rounds, int32_t *sum)
{
  int32_t sums[TILE_TOKENS][V_WIDTH];

  _tile_loadconfig (&whole_blocks);
  _tile_zero (TILE_CODES);
  _tile_zero (TILE_HIGH);
  _tile_zero (TILE_SUMS_HIGH);
  _tile_zero (TILE_SUMS_HIGH_2);
  _tile_zero (TILE_SUMS_LOW);
  _tile_zero (TILE_SUMS_LOW_2);
  for (uint32_t round = 0; round < rounds; round++) {
    _tile_dpbssd (TILE_SUMS_HIGH, TILE_HIGH, TILE_CODES);
    _tile_dpbssd (TILE_SUMS_HIGH_2, TILE_HIGH, TILE_CODES);
    _tile_dpbssd (TILE_SUMS_LOW, TILE_HIGH, TILE_CODES);
    _tile_dpbssd (TILE_SUMS_LOW_2, TILE_HIGH, TILE_CODES);
  }
  _tile_stored (TILE_SUMS_LOW_2, sums, TILE_BYTES);
  _tile_release ();
  *sum = sums[0][0];
  return (uint64_t) rounds * 4 * TILE_TOKENS * V_WIDTH * CPU_BLOCK;
}
