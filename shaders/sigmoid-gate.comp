/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row times the sigmoids of its gates, or of one, in place. A workgroup is a piece of a row. */
#version 460
#include "refs.glsl"

layout (constant_id = 2) const bool ONE = false;

layout (push_constant) uniform Push
{
  ShaderGatePush p;
};

void
main ()
{
  uint row = gl_WorkGroupID.x, first = gl_WorkGroupID.y * p.piece;
  uint end = min (first + p.piece, p.width), at = row * p.dst_stride;
  for (uint i = first + gl_LocalInvocationID.x; i < end; i += gl_WorkGroupSize.x)
    p.dst.v[at + i] /= 1.0 + exp (-p.up.v[row * p.up_stride + (ONE ? 0 : i)]);
}
