/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights times activations: a lane is a row, a workgroup's x its rows, COLUMNS columns at once
 * so that a weight is unpacked once for all of them; the activations' address is the same for
 * all lanes. SPLIT lanes share a row's blocks where rows alone would not fill the device. f32
 * accumulators. */
#version 460
#include "refs.glsl"
#include "weights.glsl"
#include "product.glsl"
#ifdef DOT_INT
#extension GL_EXT_integer_dot_product : require
#endif

const uint SPLIT = gl_WorkGroupSize.y;
shared float parts[SPLIT > 1 ? SPLIT *COLUMNS *gl_WorkGroupSize.x : 1];

#ifdef DOT_INT
/* What a block's minimums and the offset of its codes add to a dot product: they multiply the sum
 * of the activations, which is known for the whole block and counted for its first half. */
float
shifted (Block block, uvec4 x0, float scale, float scaled_sum)
{
#if !defined HAS_MINIMUM && OFFSET == 0
  return 0.0;
#elif defined HALVES
  int sum = 0;
  [[unroll]] for (uint word = 0; word < 4; word++)
    sum += dotPacked4x8EXT (0x01010101, int (x0[word]));
  float sum0 = scale * float (sum), sum1 = scaled_sum - sum0;
  return (block.minimum[0] - OFFSET * block.scale[0]) * sum0 +
         (block.minimum[1] - OFFSET * block.scale[1]) * sum1;
#else
  return (block.minimum[0] - OFFSET * block.scale[0]) * scaled_sum;
#endif
}
#endif

/* x_at: where the tile's activations begin. */
void
multiply (uint row, uint tile, uint x_at, inout float acc[COLUMNS])
{
  for (uint b = gl_LocalInvocationID.y; b < p.blocks; b += SPLIT) {
    Block block = load_block (p.w, row, b, p.blocks, GROUP);
#ifdef DOT_INT
    [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
      uint at = (tile * p.blocks + b) * COLUMNS + c;
      uvec4 x0 = p.x_codes.v[at * 2], x1 = p.x_codes.v[at * 2 + 1];
      float scale = p.x_scales.v[at * 2], scaled_sum = p.x_scales.v[at * 2 + 1];
      int dot0 = 0, dot1 = 0;
      [[unroll]] for (uint word = 0; word < 4; word++) {
        dot0 += dotPacked4x8EXT (block.codes[word], int (x0[word]));
        dot1 += dotPacked4x8EXT (block.codes[word + 4], int (x1[word]));
      }
#ifdef HALVES
      acc[c] += scale * (block.scale[0] * float (dot0) + block.scale[1] * float (dot1));
#else
      acc[c] += scale * block.scale[0] * float (dot0 + dot1);
#endif
      acc[c] += shifted (block, x0, scale, scaled_sum);
    }
#else
    [[unroll]] for (uint i = 0; i < SHADER_BLOCK; i++) {
      float w = weight (block, i);
      uint at = x_at + (b * SHADER_BLOCK + i) * COLUMNS;
      [[unroll]] for (uint c = 0; c < COLUMNS; c++)
        acc[c] += w * p.x.v[at + c];
    }
#endif
  }
}

void
main ()
{
  uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.x * gl_WorkGroupSize.x + lane;
  float acc[COLUMNS];
  [[unroll]] for (uint c = 0; c < COLUMNS; c++)
    acc[c] = 0.0;
  uint tile = gl_WorkGroupID.y, row0 = p.row0, x_at = tile * p.blocks * SHADER_BLOCK * COLUMNS;
#ifdef EXPERTS
  pairs = load_tile (p.tiles, tile, COLUMNS, p.used);
  if (pairs.n == 0)
    return;
  row0 += pairs.expert * p.rows;
  if (p.x_stride > 0)
    x_at = (p.by_pair != 0 ? tile : tile / p.used) * p.x_stride;
#endif
  fill_book (p.w);
  multiply (row0 + row, tile, x_at, acc);
  if (SPLIT > 1) {
    uint y = gl_LocalInvocationID.y;
    [[unroll]] for (uint c = 0; c < COLUMNS; c++)
      parts[(y * COLUMNS + c) * gl_WorkGroupSize.x + lane] = acc[c];
    barrier ();
    if (y > 0)
      return;
    [[unroll]] for (uint c = 0; c < COLUMNS; c++)
      for (uint other = 1; other < SPLIT; other++)
        acc[c] += parts[(other * COLUMNS + c) * gl_WorkGroupSize.x + lane];
  }
  if (row < p.rows)
      [[unroll]]
    for (uint c = 0; c < COLUMNS; c++)
      finish (row, tile, c, acc[c]);
}
