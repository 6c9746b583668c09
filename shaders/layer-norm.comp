/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layer norm of one row per workgroup, maybe in place: mean and then variance go through shared
 * memory, so any workgroup size and any subgroup size will do. */
#version 460
#include "refs.glsl"
#include "sums.glsl"

layout (constant_id = 2) const bool BIASED = false;

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

void
main ()
{
  FloatsShared src = FloatsShared (p.src), dst = FloatsShared (p.dst);
  uint lane = gl_LocalInvocationID.x, first = gl_WorkGroupID.x * p.src_stride;
  float sum = 0.0, squares = 0.0;
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x)
    sum += src.v[first + i];
  float mean = sum_lanes (sum) / float (p.width);
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x) {
    float x = src.v[first + i] - mean;
    squares += x * x;
  }
  float scale = 1.0 / sqrt (sum_lanes (squares) / float (p.width) + p.epsilon);
  for (uint i = lane; i < p.width; i += gl_WorkGroupSize.x) {
    float y = (src.v[first + i] - mean) * scale * p.vector.v[i];
    dst.v[gl_WorkGroupID.x * p.dst_stride + i] = BIASED ? y + p.bias.v[i] : y;
  }
}
