/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merges the splits that attention.comp left for one token and head. A lane is a dimension. */
#version 460
#include "refs.glsl"

layout (constant_id = 2) const uint SPLITS = 0; /* which of the batch's */

layout (push_constant) uniform Push
{
  ShaderAttentionPush p;
};

void
main ()
{
  uint token = gl_WorkGroupID.x, head = gl_WorkGroupID.y;
  uint n_splits = BatchIn (p.batch).v.n_splits[SPLITS];
  uint size = 2 + p.d_value, first = (token * p.n_heads + head) * n_splits * size;
  float largest = -1e30, sum = 0.0;
  for (uint s = 0; s < n_splits; s++)
    largest = max (largest, p.parts.v[first + s * size]);
  for (uint s = 0; s < n_splits; s++)
    sum += p.parts.v[first + s * size + 1] * exp (p.parts.v[first + s * size] - largest);
  for (uint d = gl_LocalInvocationID.x; d < p.d_value; d += gl_WorkGroupSize.x) {
    float y = 0.0;
    for (uint s = 0; s < n_splits; s++)
      y += p.parts.v[first + s * size + 2 + d] * exp (p.parts.v[first + s * size] - largest);
    p.dst.v[token * p.dst_stride + head * p.d_value + d] = y / sum;
  }
}
