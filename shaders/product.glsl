/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all kernels of weights times tiles of activations share: what they are told, and how a
 * result ends. */
#include "activation.glsl"

layout (constant_id = 2) const uint COLUMNS = 1; /* of a tile of activations */
layout (constant_id = 3) const uint MODE = SHADER_STORE;
layout (constant_id = 4) const uint GROUP = 1;
layout (constant_id = 5) const uint FEATURES = 0;

#ifdef EXPERTS /* tiles are pairs of token and expert, weights those of a tile's expert */
#include "experts.glsl"
#endif

layout (push_constant) uniform Push
{
#ifdef EXPERTS
  ShaderExpertsPush p;
#else
  ShaderMatmulPush p;
#endif
};
#ifdef EXPERTS
Tile pairs;
#endif

/* y: of row and column c of tile. */
void
finish (uint row, uint tile, uint c, float y)
{
#ifdef EXPERTS
  if (c >= pairs.n)
    return;
  uint at = tile_pair (p.tiles, pairs, COLUMNS, c) * p.stride + row;
  uint bias = pairs.expert * p.rows + row;
#else
  uint at = (tile * COLUMNS + c) * p.stride + p.first + row;
  uint bias = row;
#endif
  if ((FEATURES & SHADER_BIASED) != 0)
    y += p.bias.v[bias];
#ifndef EXPERTS
  if ((FEATURES & SHADER_SCALED) != 0)
    y *= p.scale;
  if ((FEATURES & SHADER_CAPPED) != 0)
    y = cap_softly (y, p.cap);
#endif
  p.dst.v[at] = finished (MODE, y, MODE == SHADER_STORE ? 0.0 : p.dst.v[at]);
}
