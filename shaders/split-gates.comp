/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Queries and gates that come head by head are put apart, keys and values behind the queries. A
 * workgroup is a piece of a row. */
#version 460
#include "refs.glsl"

layout (push_constant) uniform Push
{
  ShaderSplitGatesPush p;
};

void
main ()
{
  uint row = gl_WorkGroupID.x, first = gl_WorkGroupID.y * p.piece;
  uint end = min (first + p.piece, p.width), queries = p.n_heads * p.d_key;
  for (uint i = first + gl_LocalInvocationID.x; i < end; i += gl_WorkGroupSize.x) {
    float x = p.src.v[row * p.src_stride + i];
    uint part = i / p.d_key, at = part / 2 * p.d_key + i % p.d_key;
    if (i >= 2 * queries)
      p.dst.v[row * p.dst_stride + i - queries] = x;
    else if (part % 2 == 0)
      p.dst.v[row * p.dst_stride + at] = x;
    else
      p.gates.v[row * p.gates_stride + at] = x;
  }
}
