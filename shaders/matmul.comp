/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights times activations: a lane is a row, a workgroup's x its rows, COLUMNS columns at once
 * so that a weight is unpacked once for all of them; the activations' address is the same for
 * all lanes. SPLIT lanes share a row's blocks where rows alone would not fill the device. f32
 * accumulators. */
#version 460
#include "refs.glsl"
#include "weights.glsl"
#include "product.glsl"
#extension GL_KHR_shader_subgroup_basic : require
#ifdef DOT_INT
#extension GL_EXT_integer_dot_product : require
#endif

const uint SPLIT = gl_WorkGroupSize.y;
shared float parts[SPLIT > 1 ? SPLIT *COLUMNS *gl_WorkGroupSize.x : 1];

/* The lane's place in the workgroup. Where its rows are whole subgroups, all lanes of one have the
 * same share of their rows, and the driver is told so: one load, and registers that they share, for
 * the activations that they all read. */
uvec2
place ()
{
  if ((FEATURES & SHADER_WHOLE_SUBGROUPS) == 0)
    return gl_LocalInvocationID.xy;
  uint a_row = gl_WorkGroupSize.x / gl_SubgroupSize;
  return uvec2 (gl_SubgroupID % a_row * gl_SubgroupSize + gl_SubgroupInvocationID,
                gl_SubgroupID / a_row);
}

#ifdef DOT_INT
/* Sums of products of bytes: exact as floats too, which devices without an instruction for dot
 * products make far quicker than what their drivers would do instead. */
struct Sum {
  int whole;
  float slow;
};

void
add_dot (inout Sum sum, int codes, uint x)
{
  if ((FEATURES & SHADER_SLOW_DOTS) == 0)
    sum.whole += dotPacked4x8EXT (codes, int (x));
  else
      [[unroll]]
    for (int t = 0; t < 4; t++) {
#ifdef SIGNED_CODES
      float code = float (bitfieldExtract (codes, 8 * t, 8));
#else
      float code = float (bitfieldExtract (uint (codes), 8 * t, 8));
#endif
      sum.slow += code * float (bitfieldExtract (int (x), 8 * t, 8));
    }
}

float
total (Sum sum)
{
  return (FEATURES & SHADER_SLOW_DOTS) == 0 ? float (sum.whole) : sum.slow;
}

/* What a block's minimums and the offset of its codes add to a dot product: they multiply the sum
 * of the activations, which is known for the whole block and counted for its first half. */
float
shifted (Block block, uvec4 x0, float scale, float scaled_sum)
{
#if !defined HAS_MINIMUM && OFFSET == 0
  return 0.0;
#elif defined HALVES
  Sum sum = Sum (0, 0.0);
  [[unroll]] for (uint word = 0; word < 4; word++)
    add_dot (sum, 0x01010101, x0[word]);
  float sum0 = scale * total (sum), sum1 = scaled_sum - sum0;
  return (block.minimum[0] - OFFSET * block.scale[0]) * sum0 +
         (block.minimum[1] - OFFSET * block.scale[1]) * sum1;
#else
  return (block.minimum[0] - OFFSET * block.scale[0]) * scaled_sum;
#endif
}

void
multiply_block (Block block, uint b, uint tile, inout float acc[COLUMNS])
{
  [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
    uint at = (tile * p.blocks + b) * COLUMNS + c;
    uvec4 x0 = p.x_codes.v[at * 2], x1 = p.x_codes.v[at * 2 + 1];
    vec2 scales = Vec2sIn (p.x_scales).v[at]; /* and the sum */
    Sum dot0 = Sum (0, 0.0), dot1 = Sum (0, 0.0);
    [[unroll]] for (uint word = 0; word < 4; word++) {
      add_dot (dot0, block.codes[word], x0[word]);
      add_dot (dot1, block.codes[word + 4], x1[word]);
    }
#ifdef HALVES
    acc[c] += scales.x * (block.scale[0] * total (dot0) + block.scale[1] * total (dot1));
#else
    acc[c] += scales.x * block.scale[0] *
              total (Sum (dot0.whole + dot1.whole, dot0.slow + dot1.slow));
#endif
    acc[c] += shifted (block, x0, scales.x, scales.y);
  }
}
#else
/* x_at: where the tile's activations begin. */
void
multiply_block (Block block, uint b, uint x_at, inout float acc[COLUMNS])
{
  [[unroll]] for (uint i = 0; i < SHADER_BLOCK; i++) {
    float w = weight (block, i);
    uint at = x_at + (b * SHADER_BLOCK + i) * COLUMNS;
    [[unroll]] for (uint c = 0; c < COLUMNS; c++)
      acc[c] += w * p.x.v[at + c];
  }
}
#endif

/* share: of SPLIT; x_at: where the tile's activations begin, or the tile where they are bytes. */
void
multiply (uint row, uint share, uint x_at, inout float acc[COLUMNS])
{
  Row at = find_row (row, p.blocks, GROUP);
  uint units = (p.blocks + SCALE_BLOCKS - 1) / SCALE_BLOCKS;
  for (uint unit = share; unit < units; unit += SPLIT) {
    Packed fetched[SCALE_BLOCKS];
    [[unroll]] for (uint i = 0; i < SCALE_BLOCKS; i++)
      fetched[i] = fetch_of_unit (p.w, at, unit, i, GROUP);
    [[unroll]] for (uint i = 0; i < SCALE_BLOCKS; i++) {
      uint b = unit * SCALE_BLOCKS + i;
#if SCALE_BLOCKS > 1 && SUPERS == 0 /* else rows are whole units */
      if (b >= p.blocks)
        break;
#endif
      multiply_block (unpack_block (p.w, fetched[i], b), b, x_at, acc);
    }
  }
}

void
main ()
{
  uvec2 own = place ();
  uint row = gl_WorkGroupID.x * gl_WorkGroupSize.x + own.x;
  float acc[COLUMNS];
  [[unroll]] for (uint c = 0; c < COLUMNS; c++)
    acc[c] = 0.0;
  uint tile = gl_WorkGroupID.y, row0 = p.row0;
#ifdef DOT_INT
  uint x_at = tile;
#else
  uint x_at = tile * p.blocks * SHADER_BLOCK * COLUMNS;
#endif
#ifdef EXPERTS
  pairs = load_tile (p.tiles, tile, COLUMNS, p.used);
  if (pairs.n == 0)
    return;
  row0 += pairs.expert * p.rows;
#ifndef DOT_INT
  if (p.x_stride > 0)
    x_at = (p.by_pair != 0 ? tile : tile / p.used) * p.x_stride;
#endif
#endif
  fill_book (p.w);
  multiply (row0 + row, own.y, x_at, acc);
  if (SPLIT > 1) {
    [[unroll]] for (uint c = 0; c < COLUMNS; c++)
      parts[(own.y * COLUMNS + c) * gl_WorkGroupSize.x + own.x] = acc[c];
    barrier ();
    if (own.y > 0)
      return;
    [[unroll]] for (uint c = 0; c < COLUMNS; c++)
      for (uint other = 1; other < SPLIT; other++)
        acc[c] += parts[(other * COLUMNS + c) * gl_WorkGroupSize.x + own.x];
  }
  if (row < p.rows)
      [[unroll]]
    for (uint c = 0; c < COLUMNS; c++)
      finish (row, tile, c, acc[c]);
}
