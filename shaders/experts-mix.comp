/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dst[token] = (or +=) scale * the weighted sum of what its experts made, in the order of their
 * choice. A lane is a column; workgroups: (groups of columns, tokens). */
#version 460
#include "refs.glsl"

layout (constant_id = 2) const bool ACCUMULATE = false;

layout (push_constant) uniform Push
{
  ShaderMixPush p;
};

void
main ()
{
  uint column = gl_GlobalInvocationID.x, token = gl_WorkGroupID.y;
  if (column >= p.width)
    return;
  float sum = 0.0;
  for (uint i = 0; i < p.used; i++)
    sum += uintBitsToFloat (p.route.v[(2 * token + 1) * p.used + i]) *
           p.parts.v[(token * p.used + i) * p.width + column];
  uint at = token * p.stride + column;
  p.dst.v[at] = p.scale * sum + (ACCUMULATE ? p.dst.v[at] : 0.0);
}
