/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RMS norm of one row, or of one part of a row, per workgroup, maybe in place or added to what is
 * there. Lanes stride over the row; the sum goes through shared memory, so any workgroup size and
 * any subgroup size will do. */
#version 460
#include "refs.glsl"

layout (constant_id = 2) const bool ADD = false;
layout (constant_id = 3) const bool SCALED = false;
layout (constant_id = 4) const bool MULTIPLIED = false; /* the sum */

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
  uint part = gl_WorkGroupID.y * p.width, first = row * p.src_stride + part;
  uint vector = gl_WorkGroupID.y * p.vector_stride;
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
    uint at = row * p.dst_stride + part + i;
    float y = src.v[first + i] * scale * p.vector.v[vector + i] * (SCALED ? p.scale : 1.0);
    y += ADD ? dst.v[at] : 0.0;
    dst.v[at] = MULTIPLIED ? y * p.factor.v[0] : y;
  }
}
