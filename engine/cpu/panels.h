/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of packed weights and many tokens, for tiers with 32 registers: the codes of two strips
 * by 32 columns stay in 16 of them while all tokens go past, and sums lie in the first level of the
 * cache. Included after products.h, whose tiles make the same bits. Must not know threads or plans.
 *
 * Low bytes can be multiplied in pairs (S. Winograd, "A New Algorithm for Inner Product", 1968):
 *   w0 y0 + w1 y1 = (w0 + y1) (w1 + y0) - w0 w1 - y0 y1
 * which is half as many multiplications, where what is taken off belongs to a row or to a token
 * alone: the one is found once for all tokens, the other once for all rows. Codes of up to 6 bits
 * and digits of 7 add up within a byte, so that the integers are the same. Cores that add on ports
 * of their own gain; those that use the same for both lose. High bytes stay as they are: they would
 * not fit, and half of each kind is what keeps all ports busy. */

#define PANEL_TOKENS 96

/* A strip by 32 columns; [2]: of halves, or the first of all. */
typedef struct {
  I codes[8]; /* of columns 4g .. 4g+3 */
  I rows[2];  /* in pairs: what rows have too little */
  V scale, min, half_scale[2], half_min[2];
} PanelStrip;

INLINE gboolean
fits_pairs (const CpuFormat format)
{
  return cpu_layouts[format].bits < 8;
}

/* In pairs, odd codes are taken with CPU_PAIR_BIAS more: no sum with a digit is negative then. */
INLINE void
load_codes_of (const CpuFormat format, const gboolean in_pairs, const uint8_t *block, PanelStrip *p)
{
  const unsigned halves = has_halves (cpu_layouts[format].scales) ? 2 : 1;

  p->rows[0] = p->rows[1] = i_set1 (0);
#pragma GCC unroll 4
  for (unsigned i = 0; i < 4; i++) {
    I even, odd, *rows = &p->rows[halves * i / 4];

    load_codes (format, block, i, &even, &odd);
    if (in_pairs) {
      odd = i_or (odd, CPU_PAIR_BIAS);
      *rows = i_dpbusd (*rows, odd, even);
    }
    __asm__ ("" : "+v"(even), "+v"(odd)); /* once, not again for each token */
    p->codes[2 * i] = even;
    p->codes[2 * i + 1] = odd;
  }
  for (unsigned h = 0; in_pairs && h < halves; h++)
    p->rows[h] = i_sub (i_set1 (0), p->rows[h]);
}

INLINE void
load_scales_of (const CpuFormat format, const uint8_t *head, const uint8_t *block, PanelStrip *p)
{
  const CpuScales kind = cpu_layouts[format].scales;
  const uint8_t *at = block + cpu_layout_planes_bytes (&cpu_layouts[format]) * V_WIDTH;

  load_scales (kind, head, at, &p->scale, &p->min);
  load_half_mins (kind, at, p->half_min);
  for (unsigned h = 0; h < 2 && has_halves (kind); h++)
    p->half_scale[h] = load_half_scale (kind, at, h);
}

/* What a token has too little in columns [8 from, 8 to). */
INLINE int32_t
carry_of (const CpuFormat format, const gboolean in_pairs, const CpuActBlock *a,
          const unsigned from, const unsigned to)
{
  return bias_of (format, a, from, to) -
         (in_pairs ? part_of (a->pairs, a->pairs_low, from, to) : 0);
}

/* Sums of products of columns [8 from, 8 to) with one token, as floats. The order is the one in
 * which instructions are wanted: each kind apart, they wait for each other's ports. */
INLINE void
dot_token (const CpuFormat format, const gboolean in_pairs, const gboolean one_byte,
           const unsigned from, const unsigned to, const PanelStrip *p, const CpuActBlock *a,
           V *dots)
{
  int32_t carry = carry_of (format, in_pairs, a, from, to);
  I high[2][TILE_STRIPS], low[TILE_STRIPS];

  KEEP_IN_MEMORY (carry);
#pragma GCC unroll 2
  for (unsigned m = 0; m < TILE_STRIPS; m++) {
    high[0][m] = high[1][m] = i_set1 (0);
    low[m] = in_pairs ? p[m].rows[from / 2] : i_set1 (0);
  }
#pragma GCC unroll 4
  for (unsigned i = from; i < to; i++) {
    I even, odd;

    if (in_pairs) {
      even = i_repeat4 (a->q[1] + 8 * i);
      odd = i_repeat4 (a->q[1] + 8 * i + 4);
    }
#pragma GCC unroll 2
    for (unsigned m = 0; m < TILE_STRIPS; m++) {
      const I *codes = p[m].codes + 2 * i;

      high[0][m] = i_dot_repeat4 (high[0][m], codes[0], a->q[0] + 8 * i);
      high[1][m] = i_dot_repeat4 (high[1][m], codes[1], a->q[0] + 8 * i + 4);
      if (in_pairs) {
        low[m] = i_dpbusd (low[m], i_add_bytes (codes[1], even), i_add_bytes (codes[0], odd));
      } else if (!one_byte) {
        low[m] = i_dot_repeat4 (low[m], codes[0], a->q[1] + 8 * i);
        low[m] = i_dot_repeat4 (low[m], codes[1], a->q[1] + 8 * i + 4);
      }
    }
  }
#pragma GCC unroll 2
  for (unsigned m = 0; m < TILE_STRIPS; m++)
    dots[m] = v_from_int (i_add (low[m], i_carry (i_add (high[0][m], high[1][m]), i_set1 (carry))));
}

/* sums: of two strips, [TILE_STRIPS][V_WIDTH] */
INLINE void
add_token (const CpuFormat format, const gboolean in_pairs, const gboolean one_byte,
           const PanelStrip *p, const void *act, float *sums)
{
  const CpuActBlock *a = act;
  const CpuScales kind = cpu_layouts[format].scales;
  V dots[TILE_STRIPS], upper[TILE_STRIPS];

  if (has_halves (kind)) {
    dot_token (format, in_pairs, one_byte, 0, 2, p, a, dots);
    dot_token (format, in_pairs, one_byte, 2, 4, p, a, upper);
  } else {
    dot_token (format, in_pairs, one_byte, 0, 4, p, a, dots);
  }
#pragma GCC unroll 2
  for (unsigned m = 0; m < TILE_STRIPS; m++, p++) {
    float *sum = sums + m * V_WIDTH;

    if (has_halves (kind))
      dots[m] = join_halves (dots[m], p->half_scale[0], upper[m], p->half_scale[1]);
    v_store (sum, add_dot (kind, v_load (sum), a, dots[m], p->scale, p->min, p->half_min));
  }
}

/* sums: [n_tokens][TILE_STRIPS][V_WIDTH], of two strips; act: one pointer a token. */
INLINE void
panel (const CpuFormat format, const gboolean in_pairs, const gboolean one_byte,
       const uint8_t *strip, ptrdiff_t second, uint32_t columns, const char *const *act,
       uint32_t n_tokens, float *sums)
{
  const StripWalk walk = walk_strip (format, strip, columns);
  size_t at = 0;

  memset (sums, 0, (size_t) n_tokens * TILE_STRIPS * V_WIDTH * sizeof *sums);
  while (strip < walk.end) {
    const uint8_t *head = strip;

    strip += walk.head_bytes;
    for (unsigned b = 0; b < walk.n_blocks; b++, at += sizeof (CpuActBlock)) {
      PanelStrip p[TILE_STRIPS];

      prefetch (TILE_STRIPS, strip, walk.end, second, walk.block_bytes);
#pragma GCC unroll 2
      for (unsigned m = 0; m < TILE_STRIPS; m++) {
        load_codes_of (format, in_pairs, strip + m * second, &p[m]);
        load_scales_of (format, head + m * second, strip + m * second, &p[m]);
      }
      for (uint32_t n = 0; n < n_tokens; n++)
        add_token (format, in_pairs, one_byte, p, act[n] + at, sums + n * TILE_STRIPS * V_WIDTH);
      strip += walk.block_bytes;
    }
  }
}

/* All tokens for the strips s and s + 1 (GATED: the strips s of gate and up); m_n 1: for s alone,
 * which is multiplied twice then, and kept once. */
INLINE void
run_panels (const CpuFormat format, const gboolean in_pairs, const gboolean one_byte,
            const CpuMatmulWork *w, uint32_t s, unsigned m_n)
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
    panel (format, in_pairs, one_byte, strip, m_n == 1 ? 0 : second, w->weight->columns, act, n,
           sums);
    store_tokens (w, s, m_n, sums, V_WIDTH, TILE_STRIPS * V_WIDTH, t, n);
  }
}

INLINE void
matmul_panels (const CpuFormat format, const CpuMatmulWork *w)
{
  const unsigned step = w->up != NULL ? 1 : TILE_STRIPS;

  for (uint32_t s = 0; s < w->n_strips; s += step) {
    const unsigned m_n = w->up != NULL ? TILE_STRIPS : MIN (TILE_STRIPS, w->n_strips - s);

    if (w->one_byte)
      run_panels (format, FALSE, TRUE, w, w->first_strip + s, m_n);
    else if (w->in_pairs && fits_pairs (format))
      run_panels (format, TRUE, FALSE, w, w->first_strip + s, m_n);
    else
      run_panels (format, FALSE, FALSE, w, w->first_strip + s, m_n);
  }
}
