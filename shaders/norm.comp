/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RMS norm of one row per workgroup, maybe in place or added to what is there. Lanes stride over
 * the row; the sum goes through shared memory, so any workgroup size and any subgroup size will
 * do. */
#version 460
#include "refs.glsl"

layout (constant_id = 2) const bool ADD = false;

layout (push_constant) uniform Push
{
  ShaderNormPush p;
};
/* dst may be src. */
POINTER (16)
buffer FloatsShared
{
  float v[];
};
shared float sums[gl_WorkGroupSize.x];

void
main ()
{
  FloatsShared src = FloatsShared (p.src), dst = FloatsShared (p.dst);
  uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.x;
  uint first = row * p.src_stride;
  float sum = 0.0;
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x) {
    float x = src.v[first + i];
    sum += x * x;
  }
  sums[lane] = sum;
  barrier ();
  float all = 0.0;
  for (uint i = 0; i < gl_WorkGroupSize.x; i++)
    all += sums[i];
  float scale = 1.0 / sqrt (all / float (p.width) + p.epsilon);
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x) {
    uint at = row * p.dst_stride + i;
    float y = src.v[first + i] * scale * p.vector.v[i];
    dst.v[at] = ADD ? dst.v[at] + y : y;
  }
}
