/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes activations ready for matmul-matrix.comp: f16, each row multiplied by the power of two that
 * brings its largest number to between 2^14 and 2^15, so that nothing overflows and what is lost
 * below is 2^-39 of the largest. PARTS 2: the remainder follows as another block, for weights that
 * are floats themselves. A workgroup is one column of a tile, a lane blocks of it. */
#version 460
#include "refs.glsl"
#include "halves.glsl"
#ifdef EXPERTS
#include "experts.glsl"
#endif

layout (constant_id = 2) const uint PARTS = 1;

layout (push_constant) uniform Push
{
#ifdef EXPERTS
  ShaderExpertsPackPush p;
#else
  ShaderPackPush p;
#endif
};

const uint LANES = gl_WorkGroupSize.x;
shared float most[LANES];

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
  uint tile = gl_WorkGroupID.x, c = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
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
  for (uint i = lane; i < p.width; i += LANES)
    largest = max (largest, abs (p.src.v[first + i]));
  most[lane] = largest;
  barrier ();
  for (uint i = 0; i < LANES; i++)
    largest = max (largest, most[i]);
  uint exponent = exponent_for (largest);
  float scale = uintBitsToFloat (exponent << 23);
  if (lane == 0)
    p.scales.v[tile * p.columns + c] = uintBitsToFloat ((254u - exponent) << 23);
  Uvec4s halves = Uvec4s (p.codes);
  for (uint b = lane; b < p.blocks; b += LANES) {
    uint at = ((tile * p.blocks + b) * PARTS * 4) * p.columns + c;
    [[unroll]] for (uint piece = 0; piece < 4; piece++) {
      uint words[4], rest[4];
      [[unroll]] for (uint i = 0; i < 4; i++) {
        uint k = b * SHADER_BLOCK + piece * 8 + 2 * i;
        vec2 x = scale * vec2 (k < p.width ? p.src.v[first + k] : 0.0,
                               k + 1 < p.width ? p.src.v[first + k + 1] : 0.0);
        words[i] = half_pair (x.x, x.y);
        x -= unpackHalf2x16 (words[i]);
        rest[i] = half_pair (x.x, x.y);
      }
      halves.v[at + piece * p.columns] = uvec4 (words[0], words[1], words[2], words[3]);
      if (PARTS > 1)
        halves.v[at + (4 + piece) * p.columns] = uvec4 (rest[0], rest[1], rest[2], rest[3]);
    }
  }
}
