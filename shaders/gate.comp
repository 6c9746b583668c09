/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gate and up become one, maybe where the gate was. A workgroup is a piece of a row. */
#version 460
#include "refs.glsl"
#include "activation.glsl"

layout (constant_id = 2) const uint ACTIVATION = SHADER_SILU;

layout (push_constant) uniform Push
{
  ShaderGatePush p;
};

/* dst may be src. */
POINTER (16)
buffer FloatsShared
{
  float v[];
};

void
main ()
{
  FloatsShared src = FloatsShared (p.src), dst = FloatsShared (p.dst);
  uint row = gl_WorkGroupID.x, first = gl_WorkGroupID.y * p.piece;
  uint end = min (first + p.piece, p.width);
  for (uint i = first + gl_LocalInvocationID.x; i < end; i += gl_WorkGroupSize.x)
    dst.v[row * p.dst_stride + i] =
        gated (ACTIVATION, src.v[row * p.src_stride + i], p.up.v[row * p.up_stride + i]);
}
