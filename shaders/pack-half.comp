/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes activations ready for matmul-matrix.comp: f16, each row multiplied by the power of two that
 * brings its largest number to between 2^14 and 2^15, so that nothing overflows and what is lost
 * below is 2^-39 of the largest. PARTS 2: the remainder follows as another block, for weights that
 * are floats themselves. A workgroup is a few columns of a tile, so that what lanes write lies side
 * by side; a lane is pieces of one of them. */
#version 460
#include "refs.glsl"
#include "halves.glsl"
#ifdef EXPERTS
#include "experts.glsl"
#endif

layout (constant_id = 2) const uint PARTS = 1;
layout (constant_id = 3) const bool BY_FOURS = false; /* rows are whole blocks, and aligned */

layout (push_constant) uniform Push
{
#ifdef EXPERTS
  ShaderExpertsPackPush p;
#else
  ShaderPackPush p;
#endif
};

const uint LANES = gl_WorkGroupSize.x;
const uint COLUMNS = SHADER_PACK_COLUMNS;
const uint PIECE = 8;
shared float most[LANES];

/* Piece i of the row that begins at first; behind its end are zeros. */
void
load_piece (uint first, uint i, out vec4 x[2])
{
  if (BY_FOURS) {
    x[0] = Vec4sIn (p.src).v[first / 4 + 2 * i];
    x[1] = Vec4sIn (p.src).v[first / 4 + 2 * i + 1];
    return;
  }
  [[unroll]] for (uint j = 0; j < PIECE; j++) {
    uint k = i * PIECE + j;
    x[j / 4][j % 4] = k < p.width ? p.src.v[first + k] : 0.0;
  }
}

/* The largest of a column's lanes. */
float
largest_of (float x)
{
  uint lane = gl_LocalInvocationID.x;
  most[lane] = x;
  for (uint n = LANES / 2; n >= COLUMNS; n /= 2) {
    barrier ();
    if (lane < n)
      most[lane] = max (most[lane], most[lane + n]);
  }
  barrier ();
  return most[lane % COLUMNS];
}

/* The power of two for a row whose largest number is x, as its exponent's bits. */
uint
exponent_for (float x)
{
  uint own = floatBitsToUint (x) >> 23;
  return x > 0.0 ? clamp (268u - own, 1u, 253u) : 127u;
}

void
main ()
{
  uint tile = gl_WorkGroupID.x, lane = gl_LocalInvocationID.x;
  uint c = gl_WorkGroupID.y * COLUMNS + lane % COLUMNS, n = p.blocks * SHADER_BLOCK / PIECE;
#ifdef EXPERTS
  Tile pairs = load_tile (p.tiles, tile, p.columns, p.used);
  if (pairs.n == 0)
    return;
  uint pair = tile_pair (p.tiles, pairs, p.columns, c);
  uint first = (p.by_pair != 0 ? pair : pair / p.used) * p.stride;
#else
  uint first = (tile * p.columns + c) * p.stride;
#endif
  float largest = 0.0;
  vec4 x[2];
  for (uint i = lane / COLUMNS; i < n; i += LANES / COLUMNS) {
    load_piece (first, i, x);
    vec4 both = max (abs (x[0]), abs (x[1]));
    largest = max (largest, max (max (both.x, both.y), max (both.z, both.w)));
  }
  uint exponent = exponent_for (largest_of (largest));
  float scale = uintBitsToFloat (exponent << 23);
  if (lane < COLUMNS)
    p.scales.v[tile * p.columns + c] = uintBitsToFloat ((254u - exponent) << 23);
  Uvec4s halves = Uvec4s (p.codes);
  for (uint i = lane / COLUMNS; i < n; i += LANES / COLUMNS) {
    uint b = i / (SHADER_BLOCK / PIECE), piece = i % (SHADER_BLOCK / PIECE);
    uint at = ((tile * p.blocks + b) * PARTS * 4 + piece) * p.columns + c;
    uint words[4], rest[4];
    load_piece (first, i, x);
    [[unroll]] for (uint w = 0; w < 4; w++) {
      vec2 two = scale * vec2 (x[w / 2][2 * w % 4], x[w / 2][2 * w % 4 + 1]);
      words[w] = half_pair (two.x, two.y);
      two -= unpackHalf2x16 (words[w]);
      rest[w] = half_pair (two.x, two.y);
    }
    halves.v[at] = uvec4 (words[0], words[1], words[2], words[3]);
    if (PARTS > 1)
      halves.v[at + 4 * p.columns] = uvec4 (rest[0], rest[1], rest[2], rest[3]);
  }
}
