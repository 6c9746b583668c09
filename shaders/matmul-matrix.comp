/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights times a tile of activations on matrix units (KHR_cooperative_matrix, f16 in, f32 out): a
 * workgroup is ROWS rows and COLUMNS columns, a subgroup SUB_ROWS x SUB_COLUMNS of them. In each
 * step 32 weights of every row are unpacked into memory that the workgroup shares, beside the
 * columns' activations; what the next step needs is on its way while this one multiplies, and the
 * other half of that memory takes it, so that a step has one barrier. Activations are scaled to
 * f16 by pack-half.comp; weights that are floats themselves take them in two parts. */
#version 460
#include "refs.glsl"
#include "weights.glsl"
#include "product.glsl"
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

layout (constant_id = 6) const uint ROWS = 16;
layout (constant_id = 7) const uint SUB_ROWS = 16;
layout (constant_id = 8) const uint SUB_COLUMNS = 16;
/* What the device multiplies at once. */
layout (constant_id = 9) const uint M = 16;
layout (constant_id = 10) const uint N = 16;
layout (constant_id = 11) const uint K = 16;

#ifdef FLOATS
#define PARTS 2
#else
#define PARTS 1
#endif

const uint THREADS = gl_WorkGroupSize.x;
/* An item is a row's or a column's share of a step; what is read at once lies in banks of its
 * own. */
const uint ITEMS = ROWS + COLUMNS;
const uint STRIDE = SHADER_BLOCK / 4 + 2;
const uint EACH = (ITEMS + THREADS - 1) / THREADS;
const uint ABOVE = ROWS / SUB_ROWS; /* subgroups above each other */
const uint SUBGROUPS = ABOVE * (COLUMNS / SUB_COLUMNS);
const uint DOWN = SUB_ROWS / M, ACROSS = SUB_COLUMNS / N;

shared f16vec4 items[2 * ITEMS * STRIDE];
shared float results[SUBGROUPS * M * N];

/* Of the items of a lane. */
struct Share {
  Packed weights;
  uvec4 x[4];
};

coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> acc[DOWN * ACROSS];

/* row0: of the weights. */
void
fetch (uint step, uint row0, uint tile, inout Share shares[EACH])
{
  uint steps = p.blocks * PARTS, first = gl_WorkGroupID.x * ROWS;
  [[unroll]] for (uint i = 0; i < EACH; i++) {
    uint item = i * THREADS + gl_LocalInvocationIndex;
    if (item < ROWS) {
      uint row = row0 + min (first + item, p.rows - 1);
      shares[i].weights = fetch_block (p.w, row, step / PARTS, p.blocks, GROUP);
    } else if (item < ITEMS) {
      uint at = (tile * steps + step) * 4 * COLUMNS + item - ROWS;
      [[unroll]] for (uint piece = 0; piece < 4; piece++)
        shares[i].x[piece] = p.x_codes.v[at + piece * COLUMNS];
    }
  }
}

void
put (uint step, Share shares[EACH])
{
  [[unroll]] for (uint i = 0; i < EACH; i++) {
    uint item = i * THREADS + gl_LocalInvocationIndex;
    uint at = (step % 2 * ITEMS + item) * STRIDE;
    if (item < ROWS) {
      Block block = unpack_block (p.w, shares[i].weights, step / PARTS);
      [[unroll]] for (uint four = 0; four < SHADER_BLOCK / 4; four++)
        items[at + four] =
            f16vec4 (weight (block, 4 * four), weight (block, 4 * four + 1),
                     weight (block, 4 * four + 2), weight (block, 4 * four + 3));
    } else if (item < ITEMS) {
      [[unroll]] for (uint piece = 0; piece < 4; piece++) {
        uvec4 x = shares[i].x[piece];
        items[at + 2 * piece] = f16vec4 (unpackFloat2x16 (x.x), unpackFloat2x16 (x.y));
        items[at + 2 * piece + 1] = f16vec4 (unpackFloat2x16 (x.z), unpackFloat2x16 (x.w));
      }
    }
  }
}

void
multiply (uint step)
{
  uint row = step % 2 * ITEMS + gl_SubgroupID % ABOVE * SUB_ROWS;
  uint column = step % 2 * ITEMS + ROWS + gl_SubgroupID / ABOVE * SUB_COLUMNS;
  [[unroll]] for (uint k = 0; k < SHADER_BLOCK / 4; k += K / 4) {
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[DOWN];
    [[unroll]] for (uint i = 0; i < DOWN; i++)
      coopMatLoad (a[i], items, (row + i * M) * STRIDE + k, STRIDE,
                   gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0; j < ACROSS; j++) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
      coopMatLoad (b, items, (column + j * N) * STRIDE + k, STRIDE,
                   gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (uint i = 0; i < DOWN; i++)
        acc[j * DOWN + i] = coopMatMulAdd (a[i], b, acc[j * DOWN + i]);
    }
  }
}

/* One matrix of the subgroup's, its row i and column j of them. */
void
write (uint i, uint j, uint tile)
{
  uint room = gl_SubgroupID * M * N;
  uint row0 = gl_WorkGroupID.x * ROWS + gl_SubgroupID % ABOVE * SUB_ROWS + i * M;
  uint c0 = gl_SubgroupID / ABOVE * SUB_COLUMNS + j * N;
  coopMatStore (acc[j * DOWN + i], results, room, M, gl_CooperativeMatrixLayoutColumnMajor);
  subgroupBarrier ();
  for (uint at = gl_SubgroupInvocationID; at < M * N; at += gl_SubgroupSize) {
    uint row = row0 + at % M, c = c0 + at / M;
    if (row < p.rows)
      finish (row, tile, c, results[room + at] * p.x_scales.v[tile * COLUMNS + c]);
  }
  subgroupBarrier ();
}

void
main ()
{
  uint tile = gl_WorkGroupID.y, row0 = p.row0, steps = p.blocks * PARTS;
#ifdef EXPERTS
  pairs = load_tile (p.tiles, tile, COLUMNS, p.used);
  if (pairs.n == 0)
    return;
  row0 += pairs.expert * p.rows;
#endif
  fill_book (p.w);
  [[unroll]] for (uint i = 0; i < DOWN * ACROSS; i++)
    acc[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> (0.0);
  Share shares[EACH];
  fetch (0, row0, tile, shares);
  put (0, shares);
  for (uint step = 0; step < steps; step++) {
    barrier ();
    /* Behind the last step it once more: nobody reads that. */
    fetch (min (step + 1, steps - 1), row0, tile, shares);
    multiply (step);
    put (step + 1, shares);
  }
  [[unroll]] for (uint j = 0; j < ACROSS; j++)
      [[unroll]]
    for (uint i = 0; i < DOWN; i++)
      write (i, j, tile);
}
