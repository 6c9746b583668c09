/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number formats whose codes are indices of a book: IQ2_* and IQ3_* (magnitudes, with signs beside
 * them), IQ1_* (-1, 0, 1, moved by an eighth). Their planes hold the file's own bits.
 *
 *   codes   IQ2_*, IQ3_*: a word of signs, in the order of upper bits (weights.glsl), and a word of
 *           four bytes, or two words of eight: the indices, or their lower 8 bits.
 *           PARITY: the file says 7 of 8 signs, the last one makes their number even. Its place,
 *           bit 25 + 2j for weights 8j .. 8j + 7, holds a bit of something else: of the scale in
 *           IQ2_XXS and IQ3_XXS, the index's highest in IQ2_XS.
 *           IQ1_*: one word of four bytes, the lower 8 bits of indices.
 *   scales  IQ2_XS: a byte, two scales of 4 bits; IQ2_S: the same, above it four times 2 bits of
 *           indices; IQ3_S: a scale, above it eight bits of indices; IQ1_S: four times 3 bits of
 *           indices, 3 bits of scale, the direction; IQ1_M: four times 3 bits and a direction
 *   supers  f16; IQ1_M: four times 16 bits, of two blocks each: four scales of 3 bits and 4 bits
 *           of an f16
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

/* q: a block's words of codes, s: what the plane of scales says of it, super: what that of supers
 * says. */
#if defined GRID_IQ2
void
decode (ShaderWeights w, uint q[WORDS], uint s, uint b, uvec2 super, inout Block block)
{
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
      block.codes[2 * j + h] = int (with_signs (book_at (w, 2 * entry + h), signs, 2 * j + h));
  }
#ifdef GRID_XXS
  uvec2 scale = uvec2 (more);
#else
  uvec2 scale = uvec2 (s, s >> 4) & 15u;
#endif
  vec2 scales = unpackHalf2x16 (super.x).x * (0.5 + vec2 (scale)) * 0.25;
  block.scale[0] = scales.x;
  block.scale[1] = scales.y;
}
#elif defined GRID_IQ3
void
decode (ShaderWeights w, uint q[WORDS], uint s, uint b, uvec2 super, inout Block block)
{
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
  float scale = float (1 + 2 * (s & 15u));
#else
  float scale = (0.5 + float (guests (q[0]))) * 0.5;
#endif
  block.scale[0] = block.scale[1] = unpackHalf2x16 (super.x).x * scale;
}
#elif defined GRID_IQ1
/* Eight times the weights of an entry, and one more or less: signed bytes, reckoned from 128 below
 * zero so that nothing is carried from one to the next. */
void
move (uint entry, bool down, uint j, inout Block block)
{
  uint by = down ? 0x77777777u : 0x79797979u;
  block.codes[2 * j] = int ((((entry & 0x0f0f0f0fu) << 3) + by) ^ 0x80808080u);
  block.codes[2 * j + 1] = int ((((entry >> 4 & 0x0f0f0f0fu) << 3) + by) ^ 0x80808080u);
}

void
decode (ShaderWeights w, uint q[WORDS], uint s, uint b, uvec2 super, inout Block block)
{
  [[unroll]] for (uint j = 0; j < 4; j++) {
#ifdef GRID_M
    uint more = s >> (4 * j), down = more & 8u;
#else
    uint more = s >> (3 * j), down = s & 0x8000u;
#endif
    uint entry = book_at (w, ((q[0] >> (8 * j)) & 255u) | (more & 7u) << 8);
    move (entry, down != 0, j, block);
  }
#ifdef GRID_M
  uvec2 top = (super & 0xf000u) >> 12 | super >> 28 << 4; /* of two words: 4 bits each of the f16 */
  float unit = unpackHalf2x16 (top.x | top.y << 8).x;
  uint own = ((b & 4u) == 0 ? super.x : super.y) >> (16 * (b / 2 % 2) + 6 * (b % 2));
  uvec2 scale = uvec2 (own, own >> 3) & 7u;
#else
  float unit = unpackHalf2x16 (super.x).x;
  uvec2 scale = uvec2 ((s >> 12) & 7u);
#endif
  vec2 scales = unit * vec2 (2 * scale + 1) * 0.125;
  block.scale[0] = scales.x;
  block.scale[1] = scales.y;
}
#endif

/* As fetch_scales (): of the scales (x), of the supers (y, z). */
uvec4
fetch_grid (ShaderWeights w, uint at, uint super_at, uint i)
{
#ifdef GRID_M
  uvec2 super = Uvec2sIn (w.supers).v[super_at];
#else
  uvec2 super = uvec2 (uint (Uint16sIn (w.supers).v[super_at]), 0);
#endif
#ifdef GRID_XXS
  return uvec4 (0, super, 0);
#else
  return uvec4 (bits_at (w.scales, at, i), super, 0);
#endif
}

void
make_grid (ShaderWeights w, uint q[WORDS], uvec4 s, uint b, inout Block block)
{
  decode (w, q, s.x, b, s.yz, block);
  block.minimum[0] = block.minimum[1] = 0.0;
}
