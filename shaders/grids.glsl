/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number formats whose codes are indices into a book: IQ2_* and IQ3_* (magnitudes, with signs beside
 * them), IQ1_* (-1, 0, 1, moved by an eighth). Their planes hold the file's own bits; the book is
 * where p.w.high points to (vulkan_layout_book () makes it).
 *
 *   codes   IQ2_*, IQ3_*: a word of signs, in the order of upper bits (weights.glsl), and a word of
 *           four bytes, or two words of eight: the indices, or their lower 8 bits.
 *           PARITY: the file says 7 of 8 signs, the last one makes their number even. Its place, bit
 *           25 + 2j for weights 8j .. 8j + 7, holds a bit of something else: of the scale in IQ2_XXS
 *           and IQ3_XXS, the index's highest in IQ2_XS.
 *           IQ1_*: one word of four bytes, the lower 8 bits of indices.
 *   scales  IQ2_XS: a byte, two scales of 4 bits; IQ2_S: the same, above it four times 2 bits of
 *           indices; IQ3_S: a scale, above it eight bits of indices; IQ1_S: four times 3 bits of
 *           indices, 3 bits of scale, the direction; IQ1_M: four times 3 bits and a direction
 *   supers  f16; IQ1_M: four times 16 bits, of two blocks each: four scales of 3 bits and 4 bits of
 *           an f16
 *   book    IQ2_*: two words an entry, of weights 0, 2, 4, 6 and 1, 3, 5, 7; IQ3_*: one word, of
 *           weights 0, 2, 1, 3; IQ1_*: one word, 4 bits a weight, one more than its value */

#ifdef PARITY
/* The four bits that stand in the places of signs. */
uint
guests (uint signs)
{
  uint x = (signs >> 25) & 0x55u;
  x = (x | x >> 1) & 0x33u;
  return (x | x >> 2) & 0x0fu;
}

/* All 32 signs. */
uint
with_parity (uint signs)
{
  uint known = signs & 0x55ffffffu;
  uint x = known ^ known >> 16;
  x ^= x >> 8;
  return known | ((x ^ x >> 1) & 0x55u) << 25;
}
#endif

/* magnitudes (1 to 127) with a minus where signs has bit `word` of a byte. */
uint
with_signs (uint magnitudes, uint signs, uint word)
{
  uint minus = (signs >> word) & 0x01010101u;
  return (magnitudes ^ ((minus << 8) - minus)) + minus;
}

void
load_grid (ShaderWeights w, uint row, uint b, uint blocks, uint group, uint q[WORDS],
           inout Block block)
{
  uint super_at = row_start (row, (blocks + 7) / 8, group) + b / 8 * group;
#ifdef GRID_M
  uvec2 d = Uvec2sIn (w.supers).v[super_at];
#else
  float unit = half_at (w.supers, super_at);
#endif
#ifndef GRID_XXS
  uint units = (blocks + SCALE_BLOCKS - 1) / SCALE_BLOCKS;
  uint s = bits_at (w.scales, row_start (row, units, group) + b / SCALE_BLOCKS * group, b);
#endif
#if defined GRID_IQ2
#ifdef PARITY
  uint signs = with_parity (q[0]), more = guests (q[0]);
#else
  uint signs = q[0], more = s >> 8;
#endif
  [[unroll]] for (uint j = 0; j < 4; j++) {
    uint entry = (q[1] >> (8 * j)) & 255u;
#if defined GRID_XS
    entry |= ((more >> j) & 1u) << 8;
#elif defined GRID_S
    entry |= ((more >> (2 * j)) & 3u) << 8;
#endif
    [[unroll]] for (uint h = 0; h < 2; h++)
      block.codes[2 * j + h] =
          int (with_signs (book_at (w, 2 * entry + h), signs, 2 * j + h));
  }
#ifdef GRID_XXS
  uvec2 scale = uvec2 (more);
#else
  uvec2 scale = uvec2 (s & 15u, (s >> 4) & 15u);
#endif
  vec2 scales = unit * (0.5 + vec2 (scale)) * 0.25;
#elif defined GRID_IQ3
#ifdef PARITY
  uint signs = with_parity (q[0]);
#else
  uint signs = q[0];
#endif
  [[unroll]] for (uint j = 0; j < 4; j++) {
    uvec2 entry = (uvec2 (q[1 + j / 2]) >> (uvec2 (0, 8) + 16 * (j % 2))) & 255u;
#ifdef GRID_S
    entry |= ((uvec2 (s) >> uvec2 (8 + 2 * j, 9 + 2 * j)) & 1u) << 8;
#endif
    uint first = book_at (w, entry.x), second = book_at (w, entry.y);
    uint even = (first & 0xffffu) | second << 16, odd = first >> 16 | (second & 0xffff0000u);
    block.codes[2 * j] = int (with_signs (even, signs, 2 * j));
    block.codes[2 * j + 1] = int (with_signs (odd, signs, 2 * j + 1));
  }
#ifdef GRID_S
  vec2 scales = vec2 (unit * float (1 + 2 * (s & 15u)));
#else
  vec2 scales = vec2 (unit * (0.5 + float (guests (q[0]))) * 0.5);
#endif
#elif defined GRID_IQ1
#ifdef GRID_M
  uvec4 of_two = uvec4 (d.x & 0xffffu, d.x >> 16, d.y & 0xffffu, d.y >> 16);
  float unit = unpackHalf2x16 (of_two.x >> 12 | (of_two.y >> 12) << 4 | (of_two.z >> 12) << 8 |
                               (of_two.w >> 12) << 12)
                   .x;
  uint own = ((b & 4u) == 0 ? d.x : d.y) >> (16 * (b / 2 % 2) + 6 * (b % 2));
  uvec2 scale = uvec2 (own & 7u, (own >> 3) & 7u);
#else
  uvec2 scale = uvec2 ((s >> 12) & 7u);
#endif
  [[unroll]] for (uint j = 0; j < 4; j++) {
#ifdef GRID_M
    uint more = s >> (4 * j), down = (more >> 3) & 1u;
#else
    uint more = s >> (3 * j), down = s >> 15;
#endif
    uint entry = book_at (w, ((q[0] >> (8 * j)) & 255u) | (more & 7u) << 8);
    /* Eight times the value, and one more or less: signed bytes, from 128 less than nothing. */
    uint move = down == 0 ? 0x79797979u : 0x77777777u;
    block.codes[2 * j] = int ((((entry & 0x0f0f0f0fu) << 3) + move) ^ 0x80808080u);
    block.codes[2 * j + 1] = int ((((entry >> 4 & 0x0f0f0f0fu) << 3) + move) ^ 0x80808080u);
  }
  vec2 scales = unit * vec2 (2 * scale + 1) * 0.125;
#endif
  block.scale[0] = scales.x;
  block.scale[1] = scales.y;
  block.minimum[0] = block.minimum[1] = 0.0;
}
