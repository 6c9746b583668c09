/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mean of all rows of a run. A workgroup is a run, a lane some of the columns. */
#version 460
#include "refs.glsl"

layout (push_constant) uniform Push
{
  ShaderGatherPush p;
};

void
main ()
{
  uint row = gl_WorkGroupID.x;
  ShaderOutput run = p.outputs.v[row];
  for (uint i = gl_LocalInvocationID.x; i < p.width; i += gl_WorkGroupSize.x) {
    float sum = 0.0;
    for (uint t = 0; t < run.n_rows; t++)
      sum += p.src.v[(run.first + t) * p.src_stride + i];
    p.dst.v[row * p.dst_stride + i] = sum / float (run.n_rows);
  }
}
