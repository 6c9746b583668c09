/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RMS norm of one part of one row per workgroup, in place, times SiLU of its gates. */
#version 460
#include "refs.glsl"
#include "sums.glsl"
#include "activation.glsl"

layout (push_constant) uniform Push
{
  ShaderGatedNormPush p;
};

void
main ()
{
  uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.x;
  uint first = row * p.dst_stride + gl_WorkGroupID.y * p.width;
  uint gates = row * p.gates_stride + gl_WorkGroupID.y * p.width;
  float sum = 0.0;
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x) {
    float x = p.dst.v[first + i];
    sum += x * x;
  }
  float scale = 1.0 / sqrt (sum_lanes (sum) / float (p.width) + p.epsilon);
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x)
    p.dst.v[first + i] = gated (SHADER_SILU, p.gates.v[gates + i],
                                p.dst.v[first + i] * scale * p.vector.v[i]);
}
