/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes activations ready for the matrix kernels: `columns` rows of src become one tile, block by
 * block. Float dots want the 32 values of a block with the columns side by side; integer dots want
 * bytes (symmetric, scale = largest / 127 per 32) in the order of four_codes () with (scale,
 * scale * sum of the bytes). A lane is a block of one column; several workgroups may
 * share a tile. Columns past the batch's end hold whatever is there; nobody reads their results. */
#version 460
#include "refs.glsl"
#ifdef EXPERTS
#include "experts.glsl"
#endif

layout (push_constant) uniform Push
{
#ifdef EXPERTS
  ShaderExpertsPackPush p;
#else
  ShaderPackPush p;
#endif
};

POINTER (8)
restrict buffer Vec2s
{
  vec2 v[];
};

layout (constant_id = 3) const bool BY_FOURS = false; /* rows are whole blocks, and aligned */

/* left: of a block's values, the others are 0. */
void
load_values (uint first, uint left, out float x[SHADER_BLOCK])
{
  [[unroll]] for (uint u = 0; u < SHADER_BLOCK / 4; u++) {
    vec4 four;
    if (BY_FOURS)
      four = Vec4sIn (p.src).v[first / 4 + u];
    [[unroll]] for (uint i = 0; i < 4; i++)
      x[4 * u + i] = BY_FOURS           ? four[i]
                     : 4 * u + i < left ? p.src.v[first + 4 * u + i]
                                        : 0.0;
  }
}

void
main ()
{
  uint tile = gl_WorkGroupID.x;
  uint n = p.columns * p.blocks;
#ifdef EXPERTS
  Tile pairs = load_tile (p.tiles, tile, p.columns, p.used);
  if (pairs.n == 0)
    return;
#endif
  uint lanes = gl_NumWorkGroups.y * gl_WorkGroupSize.x;
  for (uint at = gl_WorkGroupID.y * gl_WorkGroupSize.x + gl_LocalInvocationID.x; at < n;
       at += lanes) {
    uint b = at / p.columns, c = at % p.columns;
#ifdef EXPERTS
    uint pair = tile_pair (p.tiles, pairs, p.columns, c);
    uint first = (p.by_pair != 0 ? pair : pair / p.used) * p.stride + b * SHADER_BLOCK;
#else
    uint first = (tile * p.columns + c) * p.stride + b * SHADER_BLOCK;
#endif
    uint left = min (p.width - b * SHADER_BLOCK, SHADER_BLOCK);
    float x[SHADER_BLOCK];
    load_values (first, left, x);
#ifdef DOT_INT
    float largest = 0.0;
    [[unroll]] for (uint i = 0; i < SHADER_BLOCK; i++)
      largest = max (largest, abs (x[i]));
    float scale = largest / 127.0;
    float inverse = largest > 0.0 ? 127.0 / largest : 0.0;
    int sum = 0;
    uint out_at = (tile * p.blocks + b) * p.columns + c;
    uvec4 words[2];
    [[unroll]] for (uint word = 0; word < 8; word++) {
      uint packed_bytes = 0;
      [[unroll]] for (uint t = 0; t < 4; t++) {
        int q = int (roundEven (x[word / 2 * 8 + 2 * t + word % 2] * inverse));
        sum += q;
        packed_bytes |= (uint (q) & 255u) << (8 * t);
      }
      words[word / 4][word % 4] = packed_bytes;
    }
    Uvec4s (p.codes).v[out_at * 2] = words[0];
    Uvec4s (p.codes).v[out_at * 2 + 1] = words[1];
    Vec2s (p.scales).v[out_at] = vec2 (scale, scale * float (sum));
#else
    uint out_at = (tile * p.blocks + b) * SHADER_BLOCK * p.columns + c;
    [[unroll]] for (uint i = 0; i < SHADER_BLOCK; i++)
      p.dst.v[out_at + i * p.columns] = x[i];
#endif
  }
}
