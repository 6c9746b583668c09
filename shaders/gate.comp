/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gate and up that one matrix made side by side become one. A workgroup is a piece of a row. */
#version 460
#include "refs.glsl"
#include "activation.glsl"

layout (constant_id = 2) const uint ACTIVATION = SHADER_SILU;

layout (push_constant) uniform Push
{
  ShaderGatePush p;
};

void
main ()
{
  uint row = gl_WorkGroupID.x, first = gl_WorkGroupID.y * p.piece;
  uint end = min (first + p.piece, p.width), at = row * p.src_stride;
  for (uint i = first + gl_LocalInvocationID.x; i < end; i += gl_WorkGroupSize.x)
    p.dst.v[row * p.dst_stride + i] =
        gated (ACTIVATION, p.src.v[at + i], p.src.v[at + p.width + i]);
}
