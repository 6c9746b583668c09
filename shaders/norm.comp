/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RMS norm of one row per workgroup. Lanes stride over the row; the sum goes through shared memory,
 * so any workgroup size and any subgroup size will do. */
#version 460
#include "refs.glsl"

layout (push_constant) uniform Push
{
  ShaderNormPush p;
};
shared float sums[gl_WorkGroupSize.x];

void
main ()
{
  uint lane = gl_LocalInvocationID.x, first = gl_WorkGroupID.x * p.width;
  float sum = 0.0;
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x) {
    float x = p.src.v[first + i];
    sum += x * x;
  }
  sums[lane] = sum;
  barrier ();
  float all = 0.0;
  for (uint i = 0; i < gl_WorkGroupSize.x; i++)
    all += sums[i];
  float scale = 1.0 / sqrt (all / float (p.width) + p.epsilon);
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x)
    p.dst.v[first + i] = p.src.v[first + i] * scale * p.vector.v[i];
}
