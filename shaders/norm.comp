/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RMS norm of one row, or of one part of a row, per workgroup, maybe in place or added to what is
 * there. With FOURS a lane keeps so many of its row's fours from the first look to the second: they
 * are asked for at once, and once. */
#version 460
#include "refs.glsl"
#include "sums.glsl"

layout (constant_id = 2) const bool ADD = false;
layout (constant_id = 3) const bool SCALED = false;
layout (constant_id = 4) const bool MULTIPLIED = false; /* the sum */
layout (constant_id = 5) const uint FOURS = 0;          /* 0: any width, one number at a time */

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
POINTER (16)
buffer Vec4sShared
{
  vec4 v[];
};

const uint LANES = gl_WorkGroupSize.x;

float
scale_for (float squares)
{
  return 1.0 / sqrt (sum_lanes (squares) / float (p.width) + p.epsilon);
}

/* src, vector, dst: of the row's first number. */
void
norm_fours (uint src, uint vector, uint dst)
{
  uint lane = gl_LocalInvocationID.x, n = p.width / 4;
  vec4 x[FOURS > 0 ? FOURS : 1], w[FOURS > 0 ? FOURS : 1];
  float squares = 0.0;
  [[unroll]] for (uint i = 0; i < FOURS; i++) {
    bool mine = lane + i * LANES < n;
    x[i] = mine ? Vec4sShared (p.src).v[src / 4 + lane + i * LANES] : vec4 (0.0);
    w[i] = mine ? Vec4sShared (p.vector).v[vector / 4 + lane + i * LANES] : vec4 (0.0);
  }
  [[unroll]] for (uint i = 0; i < FOURS; i++)
    squares += dot (x[i], x[i]);
  float scale = scale_for (squares) * (SCALED ? p.scale : 1.0);
  [[unroll]] for (uint i = 0; i < FOURS; i++) {
    uint at = dst / 4 + lane + i * LANES;
    if (lane + i * LANES < n) {
      vec4 y = x[i] * scale * w[i];
      y += ADD ? Vec4sShared (p.dst).v[at] : vec4 (0.0);
      Vec4sShared (p.dst).v[at] = MULTIPLIED ? y * p.factor.v[0] : y;
    }
  }
}

void
norm_ones (uint src, uint vector, uint dst)
{
  FloatsShared from = FloatsShared (p.src), to = FloatsShared (p.dst);
  float squares = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < p.width; i += LANES) {
    float x = from.v[src + i];
    squares += x * x;
  }
  float scale = scale_for (squares) * (SCALED ? p.scale : 1.0);
  for (uint i = gl_LocalInvocationID.x; i < p.width; i += LANES) {
    float y = from.v[src + i] * scale * p.vector.v[vector + i];
    y += ADD ? to.v[dst + i] : 0.0;
    to.v[dst + i] = MULTIPLIED ? y * p.factor.v[0] : y;
  }
}

void
main ()
{
  uint row = gl_WorkGroupID.x, part = gl_WorkGroupID.y * p.width;
  uint src = row * p.src_stride + part, dst = row * p.dst_stride + part;
  uint vector = gl_WorkGroupID.y * p.vector_stride;
  if (FOURS > 0)
    norm_fours (src, vector, dst);
  else
    norm_ones (src, vector, dst);
}
