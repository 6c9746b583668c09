/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights times a tile of activations by integer dot products: a workgroup is ROWS rows and COLUMNS
 * columns, a lane EACH_ROWS x EACH_COLUMNS of them. In each step 32 weights of every row are
 * unpacked into memory that the workgroup shares, beside the columns' activations; what the next
 * step needs is on its way while this one multiplies, and the other half of that memory takes it,
 * so that a step has one barrier. */
#version 460
#include "refs.glsl"
#include "weights.glsl"
#include "product.glsl"
#extension GL_EXT_integer_dot_product : require

layout (constant_id = 6) const uint ROWS = 32;

#define EACH_ROWS    4
#define EACH_COLUMNS 8

const uint THREADS = gl_WorkGroupSize.x; /* ROWS / EACH_ROWS * COLUMNS / EACH_COLUMNS */
const uint WIDTH = ROWS / EACH_ROWS;
/* An item is a row's or a column's share of a step; what is read at once lies in banks of its
 * own. */
const uint ITEMS = ROWS + COLUMNS;
const uint STRIDE = 3;
const uint EACH = (ITEMS + THREADS - 1) / THREADS;

shared uvec4 codes[2 * ITEMS * STRIDE];
/* Of a row: its scales, and what is added for each of the activations; of a column: its scale, and
 * the sums of its activations. HALVES: one for each. */
shared vec4 factors[2 * ITEMS];

/* Of the items of a lane. */
struct Share {
  Packed weights;
  uvec4 x[2];
  vec2 scales;
};

/* row0: of the weights. */
void
fetch (uint step, uint row0, uint tile, inout Share shares[EACH])
{
  uint first = gl_WorkGroupID.x * ROWS;
  [[unroll]] for (uint i = 0; i < EACH; i++) {
    uint item = i * THREADS + gl_LocalInvocationIndex;
    if (item < ROWS) {
      uint row = row0 + min (first + item, p.rows - 1);
      shares[i].weights = fetch_block (p.w, row, step, p.blocks, GROUP);
    } else if (item < ITEMS) {
      uint at = 2 * ((tile * p.blocks + step) * COLUMNS + item - ROWS);
      shares[i].x[0] = p.x_codes.v[at];
      shares[i].x[1] = p.x_codes.v[at + 1];
      shares[i].scales = vec2 (p.x_scales.v[at], p.x_scales.v[at + 1]);
    }
  }
}

/* Scales of a row, and what is added. */
vec4
row_factors (Block block)
{
  vec2 scale = vec2 (block.scale[0], block.scale[1]);
#ifdef HAS_MINIMUM
  return vec4 (scale, vec2 (block.minimum[0], block.minimum[1]) - OFFSET * scale);
#else
  return vec4 (scale, -OFFSET * scale);
#endif
}

/* scales: the column's scale, and that times the sum of its codes. */
vec4
column_factors (uvec4 x0, vec2 scales)
{
#ifdef HALVES
  int sum = 0;
  [[unroll]] for (uint word = 0; word < 4; word++)
    sum += dotPacked4x8EXT (0x01010101, int (x0[word]));
  float first = scales.x * float (sum);
  return vec4 (scales.x, first, scales.y - first, 0.0);
#else
  return vec4 (scales, 0.0, 0.0);
#endif
}

void
put (uint step, Share shares[EACH])
{
  [[unroll]] for (uint i = 0; i < EACH; i++) {
    uint item = i * THREADS + gl_LocalInvocationIndex, at = step % 2 * ITEMS + item;
    if (item < ROWS) {
      Block block = unpack_block (p.w, shares[i].weights, step);
      codes[at * STRIDE] = uvec4 (block.codes[0], block.codes[1], block.codes[2], block.codes[3]);
      codes[at * STRIDE + 1] =
          uvec4 (block.codes[4], block.codes[5], block.codes[6], block.codes[7]);
      factors[at] = row_factors (block);
    } else if (item < ITEMS) {
      codes[at * STRIDE] = shares[i].x[0];
      codes[at * STRIDE + 1] = shares[i].x[1];
      factors[at] = column_factors (shares[i].x[0], shares[i].scales);
    }
  }
}

int
dot16 (uvec4 a, uvec4 b)
{
  int sum = 0;
  [[unroll]] for (uint word = 0; word < 4; word++)
    sum += dotPacked4x8EXT (int (a[word]), int (b[word]));
  return sum;
}

/* What a block of a row and a column adds to their result; fa, fb: their factors. */
float
product (uvec4 a0, uvec4 a1, vec4 fa, uvec4 b0, uvec4 b1, vec4 fb)
{
#ifdef HALVES
  float y = fb.x * (fa.x * float (dot16 (a0, b0)) + fa.y * float (dot16 (a1, b1)));
#if defined HAS_MINIMUM || OFFSET != 0
  y += fa.z * fb.y + fa.w * fb.z;
#endif
#else
  float y = fb.x * fa.x * float (dot16 (a0, b0) + dot16 (a1, b1));
#if defined HAS_MINIMUM || OFFSET != 0
  y += fa.z * fb.y;
#endif
#endif
  return y;
}

void
multiply (uint step, inout float acc[EACH_ROWS * EACH_COLUMNS])
{
  uint row = step % 2 * ITEMS + gl_LocalInvocationIndex % WIDTH;
  uint column = step % 2 * ITEMS + ROWS + gl_LocalInvocationIndex / WIDTH * EACH_COLUMNS;
  uvec4 a0[EACH_ROWS], a1[EACH_ROWS];
  vec4 fa[EACH_ROWS];
  [[unroll]] for (uint i = 0; i < EACH_ROWS; i++) {
    a0[i] = codes[(row + i * WIDTH) * STRIDE];
    a1[i] = codes[(row + i * WIDTH) * STRIDE + 1];
    fa[i] = factors[row + i * WIDTH];
  }
  [[unroll]] for (uint j = 0; j < EACH_COLUMNS; j++) {
    uvec4 b0 = codes[(column + j) * STRIDE], b1 = codes[(column + j) * STRIDE + 1];
    vec4 fb = factors[column + j];
    [[unroll]] for (uint i = 0; i < EACH_ROWS; i++)
      acc[j * EACH_ROWS + i] += product (a0[i], a1[i], fa[i], b0, b1, fb);
  }
}

void
main ()
{
  uint tile = gl_WorkGroupID.y, row0 = p.row0;
#ifdef EXPERTS
  pairs = load_tile (p.tiles, tile, COLUMNS, p.used);
  if (pairs.n == 0)
    return;
  row0 += pairs.expert * p.rows;
#endif
  fill_book (p.w);
  float acc[EACH_ROWS * EACH_COLUMNS];
  [[unroll]] for (uint i = 0; i < EACH_ROWS * EACH_COLUMNS; i++)
    acc[i] = 0.0;
  Share shares[EACH];
  fetch (0, row0, tile, shares);
  put (0, shares);
  for (uint step = 0; step < p.blocks; step++) {
    barrier ();
    /* Behind the last step it once more: nobody reads that. */
    fetch (min (step + 1, p.blocks - 1), row0, tile, shares);
    multiply (step, acc);
    put (step + 1, shares);
  }
  uint first = gl_WorkGroupID.x * ROWS + gl_LocalInvocationIndex % WIDTH;
  uint c0 = gl_LocalInvocationIndex / WIDTH * EACH_COLUMNS;
  [[unroll]] for (uint i = 0; i < EACH_ROWS; i++)
    if (first + i * WIDTH < p.rows)
        [[unroll]]
      for (uint j = 0; j < EACH_COLUMNS; j++)
        finish (first + i * WIDTH, tile, c0 + j, acc[j * EACH_ROWS + i]);
}
