/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copies the rows that something is wanted for. A workgroup is an output row. */
#version 460
#include "refs.glsl"

layout (push_constant) uniform Push
{
  ShaderGatherPush p;
};

void
main ()
{
  uint row = gl_WorkGroupID.x, from = p.outputs.v[row].row;
  for (uint i = gl_LocalInvocationID.x; i < p.width; i += gl_WorkGroupSize.x)
    p.dst.v[row * p.dst_stride + i] = p.src.v[from * p.src_stride + i];
}
