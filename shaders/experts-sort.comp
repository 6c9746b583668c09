/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes tiles of a batch's pairs of token and expert: counts the pairs of each expert, sums counts
 * up to where each expert's tiles begin, and puts every pair in its place. One workgroup; the order
 * of pairs within an expert is whatever comes, for each has a result of its own. */
#version 460
#include "refs.glsl"

POINTER (16)
coherent restrict buffer Counts
{
  uint v[];
};

layout (push_constant) uniform Push
{
  ShaderSortPush p;
};

shared uint sums[gl_WorkGroupSize.x];

void
wait ()
{
  memoryBarrierBuffer ();
  barrier ();
}

uint
chosen (uint pair)
{
  return p.route.v[pair / p.used * 2 * p.used + pair % p.used];
}

uint
tiles_of (uint n_pairs)
{
  return (n_pairs + p.columns - 1) / p.columns;
}

void
main ()
{
  uint lane = gl_LocalInvocationID.x, width = gl_WorkGroupSize.x;
  uint size = SHADER_TILE_HEAD + p.columns;
  uint n_pairs = BatchIn (p.batch).v.n_tokens * p.used;
  uint each = (p.n_experts + width - 1) / width;
  uint first = min (lane * each, p.n_experts), last = min (first + each, p.n_experts);
  Counts counts = Counts (p.counts), firsts = Counts (p.firsts);
  for (uint e = first; e < last; e++)
    counts.v[e] = 0;
  wait ();
  for (uint pair = lane; pair < n_pairs; pair += width)
    atomicAdd (counts.v[chosen (pair)], 1);
  wait ();
  uint n_tiles = 0, before = 0;
  for (uint e = first; e < last; e++)
    n_tiles += tiles_of (counts.v[e]);
  sums[lane] = n_tiles;
  barrier ();
  for (uint i = 0; i < lane; i++)
    before += sums[i];
  if (lane == width - 1)
    p.tiles.v[0] = before + n_tiles;
  if (lane > 0 && lane < SHADER_TILES_HEAD)
    p.tiles.v[lane] = 0;
  for (uint e = first; e < last; e++) {
    uint n = counts.v[e];
    firsts.v[e] = before;
    for (uint t = 0; t < tiles_of (n); t++) {
      uint at = SHADER_TILES_HEAD + (before + t) * size;
      p.tiles.v[at] = e;
      p.tiles.v[at + 1] = min (n - t * p.columns, p.columns);
    }
    before += tiles_of (n);
    counts.v[e] = 0;
  }
  wait ();
  for (uint pair = lane; pair < n_pairs; pair += width) {
    uint e = chosen (pair), i = atomicAdd (counts.v[e], 1);
    uint at = SHADER_TILES_HEAD + (firsts.v[e] + i / p.columns) * size;
    p.tiles.v[at + SHADER_TILE_HEAD + i % p.columns] = pair;
  }
}
