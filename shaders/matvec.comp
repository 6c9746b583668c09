/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One column, on devices of 8 lanes where loads from one address for all lanes are nearly free
 * and gathers are dear (drivers in software): a word of codes goes to all lanes and each lane
 * masks out its own weight, so lanes are columns, and ROWS rows keep their sums in registers.
 * The masked code is not shifted down: the activation carries the power of two instead. Needs
 * WIDE planes with groups of ROWS rows, and a workgroup that is one subgroup of 8.
 *
 * The norm before it costs no dispatch: whoever wrote the residual stream left it multiplied by
 * the norm's vector, with its sum of squares in parts; here the sum's root divides the result.
 * In turn this kernel leaves the same for the next norm when it writes the residual stream. */
#version 460
#include "refs.glsl"
#include "narrow.glsl"
#include "activation.glsl"
#extension GL_KHR_shader_subgroup_arithmetic : require

layout (constant_id = 2) const uint ROWS = 32;
layout (constant_id = 3) const uint MODE = SHADER_STORE;
layout (constant_id = 4) const bool GATED = false; /* the second half of the rows are those of up */
layout (constant_id = 5) const bool FEEDS_NORM = false;

POINTER (8)
readonly restrict buffer Vec2sIn
{
  vec2 v[];
};
POINTER (8)
readonly restrict buffer Uvec2sIn
{
  uvec2 v[];
};

layout (push_constant) uniform Push
{
  ShaderMatvecPush p;
};

const uint OWN = GATED ? ROWS / 2 : ROWS;

/* x[8i + lane]. */
float
spread (uint i, uint lane)
{
  return pick (Vec4sIn (p.x).v[2 * i], Vec4sIn (p.x).v[2 * i + 1], lane);
}

/* 2 to the power of -n. */
float
shift_down (uint n)
{
  return uintBitsToFloat ((127u - n) << 23);
}

/* Where block 0 of this workgroup's rows begins, in blocks of a plane; OWN divides the group, so
 * that rows follow each other and their offsets are constants of the instructions. */
uint
start_of (uint row)
{
  return row / ROWS * p.blocks * ROWS + row % ROWS;
}

void
multiply (inout float acc[ROWS])
{
  uint lane = gl_LocalInvocationID.x;
#ifdef TYPE_Q8_0
  uint mask = 0xffu << (8 * (lane / 2));
  float down = shift_down (8 * (lane / 2));
  bool odd = lane % 2 == 1;
#else
  uint mask = 0xfu << (4 * lane);
  float down = shift_down (4 * lane);
#endif
#ifdef TYPE_Q6_K
  uint high_at = 8 * (lane / 2) + 2 * (lane % 2);
  uvec2 high_mask = uvec2 (3u << high_at, 48u << high_at);
  vec2 high_down = vec2 (16.0 * shift_down (high_at), shift_down (high_at));
#endif
  uint row = p.row0 + gl_WorkGroupID.x * OWN;
  uint start = start_of (row), start_up = start_of (row + p.rows) - OWN;
  for (uint b = 0; b < p.blocks; b++) {
    uint own = start + b * ROWS, up = start_up + b * ROWS;
    vec4 plain = vec4 (spread (4 * b, lane), spread (4 * b + 1, lane), spread (4 * b + 2, lane),
                       spread (4 * b + 3, lane));
    vec4 x = plain * down;
#ifdef TYPE_Q6_K
    vec4 y = plain * high_down.xyxy;
    float offset0 = -32.0 * (plain.x + plain.y), offset1 = -32.0 * (plain.z + plain.w);
#else
    float sum = plain.x + plain.y + plain.z + plain.w;
#endif
    [[unroll]] for (uint r = 0; r < ROWS; r++) {
      uint at = (r < OWN ? own : up) + r;
      vec2 scale = Vec2sIn (p.w.scales).v[at];
#if defined TYPE_Q8_0
      uint unit = 2 * at - at % ROWS;
      uvec4 w0 = p.w.codes.v[unit], w1 = p.w.codes.v[unit + ROWS];
      float dots = float (((odd ? w0.y : w0.x) ^ 0x80808080u) & mask) * x.x;
      dots += float (((odd ? w0.w : w0.z) ^ 0x80808080u) & mask) * x.y;
      dots += float (((odd ? w1.y : w1.x) ^ 0x80808080u) & mask) * x.z;
      dots += float (((odd ? w1.w : w1.z) ^ 0x80808080u) & mask) * x.w;
      acc[r] += scale.x * (dots - 128.0 * sum);
#else
      uvec4 w = p.w.codes.v[at];
      float dots0 = float (w.x & mask) * x.x + float (w.y & mask) * x.y;
      float dots1 = float (w.z & mask) * x.z + float (w.w & mask) * x.w;
#ifdef TYPE_Q6_K
      uvec2 high = Uvec2sIn (p.w.high).v[at];
      dots0 += float (high.x & high_mask.x) * y.x + float (high.x & high_mask.y) * y.y + offset0;
      dots1 += float (high.y & high_mask.x) * y.z + float (high.y & high_mask.y) * y.w + offset1;
      acc[r] += scale.x * dots0 + scale.y * dots1;
#else
      acc[r] += scale.x * (dots0 + dots1) + scale.y * sum;
#endif
#endif
    }
  }
}

/* What the norm before the product divides by. */
float
norm_scale ()
{
  float squares = 0.0;
  for (uint i = 0; i < p.n_squares; i++)
    squares += p.squares.v[i];
  return p.n_squares == 0 ? 1.0 : 1.0 / sqrt (squares / p.width + p.epsilon);
}

void
main ()
{
  uint lane = gl_LocalInvocationID.x;
  float acc[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; r++)
    acc[r] = 0.0;
  multiply (acc);
  float scale = norm_scale (), squares = 0.0;
  [[unroll]] for (uint first = 0; first < OWN; first += 8) {
    float y = 0.0, up = 0.0;
    [[unroll]] for (uint r = 0; r < 8; r++) {
      float sum = subgroupAdd (acc[first + r]);
      y = lane == r ? sum : y;
      if (GATED) {
        sum = subgroupAdd (acc[OWN + first + r]);
        up = lane == r ? sum : up;
      }
    }
    y *= scale;
    if (GATED)
      y = activate (MODE - SHADER_GATE, y) * (up * scale);
    uint row = gl_WorkGroupID.x * OWN + first + lane;
    if (row < p.rows) {
      if (MODE == SHADER_ACCUMULATE)
        y += p.dst.v[p.first + row];
      p.dst.v[p.first + row] = y;
      if (FEEDS_NORM) {
        squares += y * y;
        p.normed.v[row] = y * p.vector.v[row];
      }
    }
  }
  if (FEEDS_NORM) {
    float all = subgroupAdd (squares);
    if (lane == 0)
      p.squares_out.v[gl_WorkGroupID.x] = all;
  }
}
