/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Few columns of activations, on devices of 8 lanes where loads from one address for all lanes are
 * nearly free and gathers are dear (drivers in software): a word of codes goes to all lanes and
 * each lane masks out its own weight, so lanes are columns of the weights, and ROWS sums stay in
 * registers: of ROWS rows, or of fewer rows for several activations, which share the codes once
 * these are numbers. The masked code is not shifted down: the activation carries the power of two
 * instead. Needs a WIDE form with groups of ROWS rows, and a workgroup that is one subgroup of 8.
 *
 * Of one column, the norm before it costs no dispatch: whoever wrote the residual stream left it
 * multiplied by the norm's vector, with its sum of squares in parts; here the sum's root divides
 * the result. In turn this kernel leaves the same for the next norm when it writes that stream. */
#version 460
#include "refs.glsl"
#include "narrow.glsl"
#include "activation.glsl"
#extension GL_KHR_shader_subgroup_arithmetic : require

layout (constant_id = 2) const uint ROWS = 32;
layout (constant_id = 3) const uint MODE = SHADER_STORE;
layout (constant_id = 4) const bool GATED = false; /* the second half of the rows are those of up */
layout (constant_id = 5) const bool FEEDS_NORM = false;
layout (constant_id = 6) const uint FEATURES = 0;
layout (constant_id = 7) const uint COLUMNS = 1;

/* Planes by fours of units: which of the four is a constant of the instruction, where an index that
 * is added up costs three of them. */
POINTER (16)
readonly restrict buffer Uvec4Fours
{
  uvec4 v[][4];
};
POINTER (8)
readonly restrict buffer Uvec2Fours
{
  uvec2 v[][4];
};
POINTER (16)
readonly restrict buffer UintFours
{
  uint v[][4];
};
POINTER (16)
readonly restrict buffer Vec4Fours
{
  vec4 v[][4];
};
POINTER (8)
readonly restrict buffer Vec2Fours
{
  vec2 v[][4];
};

layout (push_constant) uniform Push
{
  ShaderMatvecPush p;
};

#ifndef OFFSET
#define OFFSET 0
#endif
/* What is taken off every code as it comes out of a word: bytes have no sign there. */
#if defined TABLE || defined LIFTED
#define BIAS 128
#else
#define BIAS OFFSET
#endif
#if HIGH > 0 && !defined FIVES
#define UPPER /* bits of codes that lie apart */
#endif
#if defined FIVES || defined LIFTED
#define TWO_WORDS /* of which a lane's code is in one */
#endif

const uint TAKEN = ROWS / COLUMNS; /* rows at once */
const uint OWN = GATED ? TAKEN / 2 : TAKEN;

/* x[8i + lane] of a column that begins at vector `first`. */
float
spread (uint first, uint i, uint lane)
{
  uint at = first + 2 * i;
  return pick (Vec4sIn (p.x).v[at], Vec4sIn (p.x).v[at + 1], lane);
}

/* 2 to the power of -n. */
float
shift_down (uint n)
{
  return uintBitsToFloat ((127u - n) << 23);
}

/* Where block 0 of this workgroup's rows begins, in blocks of a plane; OWN divides the group, so
 * that rows follow each other. */
uint
start_of (uint row)
{
  return row / ROWS * p.blocks * ROWS + row % ROWS;
}

/* Where a lane's four codes of a block (weights lane, 8 + lane, 16 + lane, 24 + lane) stand in
 * their words, and what makes their place undone. */
struct Field {
  uvec4 mask;
  vec4 down;
#ifdef TWO_WORDS
  uvec4 mask_other; /* where a lane's codes are in the one word, its mask in the other is 0 */
#endif
};

Field
codes_field (uint lane)
{
#if defined LIFTED
  uint at = 8 * (lane / 2), mask = 0xffu << at;
  return Field (uvec4 (lane % 2 == 0 ? mask : 0), vec4 (shift_down (at)),
                uvec4 (lane % 2 == 1 ? mask : 0));
#elif defined FIVES
  uint at = 5 * (lane % 6), mask = 31u << at;
  if (lane < 6)
    return Field (uvec4 (mask), vec4 (shift_down (at)), uvec4 (0));
  return Field (uvec4 (0), vec2 (1.0, shift_down (10)).xyxy * shift_down (at),
                uvec2 (mask, mask << 10).xyxy);
#elif defined TABLE
  return Field (uvec4 (0xfu), vec4 (1.0)); /* they are shifted down to be looked up */
#elif WORDS == 4
  return Field (uvec4 (0xfu << (4 * lane)), vec4 (shift_down (4 * lane)));
#else
  uint at = 8 * (lane / 2) + 2 * (lane % 2);
  return Field (uvec4 (3u, 48u, 3u, 48u) << at, vec4 (1.0, 0.0625, 1.0, 0.0625) * shift_down (at));
#endif
}

#ifdef UPPER
/* The same of the upper bits, times what they are worth. */
Field
high_field (uint lane)
{
  float worth = float (1 << WORDS);
#if HIGH == 2
  uint at = 8 * (lane / 2) + 2 * (lane % 2);
  return Field (uvec4 (3u, 48u, 3u, 48u) << at,
                vec4 (1.0, 0.0625, 1.0, 0.0625) * worth * shift_down (at));
#else
  uint at = 8 * (lane / 2) + lane % 2;
  return Field (uvec4 (1u, 4u, 16u, 64u) << at,
                vec4 (1.0, 0.25, 0.0625, 0.015625) * worth * shift_down (at));
#endif
}
#endif

/* Where rows' blocks begin in the plane of codes and in the others, in fours of units. */
struct Place {
  uint codes, other;
};

Place
place_of (uint at)
{
#ifdef LIFTED
  return Place ((2 * at - at % ROWS) / 4, at / 4);
#else
  return Place (at / 4, at / 4);
#endif
}

/* A lane's codes of row r of a place, where they stand in their words. */
vec4
codes_at (Place place, uint r, Field field, uint lane)
{
#if defined LIFTED
  uvec4 w0 = Uvec4Fours (p.w.codes).v[place.codes + r / 4][r % 4];
  uvec4 w1 = Uvec4Fours (p.w.codes).v[place.codes + (r + ROWS) / 4][r % 4];
  uvec4 even = uvec4 (w0.xz, w1.xz), odd = uvec4 (w0.yw, w1.yw);
  return vec4 ((even & field.mask) | (odd & field.mask_other));
#elif defined FIVES
  uvec4 six = Uvec4Fours (p.w.codes).v[place.codes + r / 4][r % 4];
  uvec4 two = Uvec2Fours (p.w.high).v[place.other + r / 4][r % 4].xxyy;
  return vec4 (ivec4 ((six & field.mask) | (two & field.mask_other)));
#elif defined TABLE
  uvec4 c = (Uvec4Fours (p.w.codes).v[place.codes + r / 4][r % 4] >> (4 * lane)) & field.mask;
  return vec4 (uvec4 (p.w.high.v[c.x], p.w.high.v[c.y], p.w.high.v[c.z], p.w.high.v[c.w]) ^ 0x80u);
#elif WORDS == 4
  return vec4 (Uvec4Fours (p.w.codes).v[place.codes + r / 4][r % 4] & field.mask);
#else
  return vec4 (Uvec2Fours (p.w.codes).v[place.codes + r / 4][r % 4].xxyy & field.mask);
#endif
}

#ifdef UPPER
/* The words that hold its upper bits. */
uvec4
high_at (Place place, uint r)
{
#if HIGH == 2
  return Uvec2Fours (p.w.high).v[place.other + r / 4][r % 4].xxyy;
#else
  return uvec4 (UintFours (p.w.high).v[place.other + r / 4][r % 4]);
#endif
}
#endif

/* What codes of a row come to: dots are the products of its codes in the first and the second half
 * of a block, sums those of x. */
float
scaled (Place place, uint r, vec2 dots, vec2 sums)
{
  vec2 offset = -float (BIAS) * sums; /* the same for all rows */
#if defined WIDE_SCALE
  float all = dots.x + dots.y;
  if (BIAS != 0) /* drivers do not drop an addition of nothing, and may make two of one of a sum */
    all += -float (BIAS) * (sums.x + sums.y);
  return uintBitsToFloat (UintFours (p.w.scales).v[place.other + r / 4][r % 4]) * all;
#elif defined WIDE
  vec2 s = Vec2Fours (p.w.scales).v[place.other + r / 4][r % 4];
  return s.x * (dots.x + dots.y) + s.y * (sums.x + sums.y);
#elif defined WIDE_HALVES
  vec2 s = Vec2Fours (p.w.scales).v[place.other + r / 4][r % 4];
  return s.x * (dots.x + offset.x) + s.y * (dots.y + offset.y);
#elif defined WIDE_BOTH
  vec4 s = Vec4Fours (p.w.scales).v[place.other + r / 4][r % 4];
  return s.x * dots.x + s.y * dots.y + s.z * sums.x + s.w * sums.y;
#endif
}

/* acc[row * COLUMNS + column] */
void
multiply (uint tile, inout float acc[ROWS])
{
  uint lane = gl_LocalInvocationID.x;
  Field codes = codes_field (lane);
#ifdef UPPER
  Field upper = high_field (lane);
#endif
  uint row = p.row0 + gl_WorkGroupID.x * OWN;
  uint start = start_of (row), start_up = start_of (row + p.rows);
  for (uint b = 0; b < p.blocks; b++) {
    Place own = place_of (start + b * ROWS), up = place_of (start_up + b * ROWS);
    vec4 x_codes[COLUMNS];
#ifdef UPPER
    vec4 x_high[COLUMNS];
#endif
    vec2 sums[COLUMNS];
    [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
      uint first = (tile * COLUMNS + c) * p.x_stride / 4;
      vec4 x = vec4 (spread (first, 4 * b, lane), spread (first, 4 * b + 1, lane),
                     spread (first, 4 * b + 2, lane), spread (first, 4 * b + 3, lane));
      x_codes[c] = x * codes.down;
#ifdef UPPER
      x_high[c] = x * upper.down;
#endif
      sums[c] = vec2 (x.x + x.y, x.z + x.w);
    }
    [[unroll]] for (uint r = 0; r < TAKEN; r++) {
      Place place = r < OWN ? own : up;
      vec4 code = codes_at (place, r % OWN, codes, lane);
#ifdef UPPER
      vec4 high = vec4 (high_at (place, r % OWN) & upper.mask);
#endif
      [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
        vec4 y = code * x_codes[c];
#ifdef UPPER
        y += high * x_high[c];
#endif
        acc[r * COLUMNS + c] += scaled (place, r % OWN, vec2 (y.x + y.y, y.z + y.w), sums[c]);
      }
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

/* The results of one column of the workgroup's. */
void
finish (uint tile, uint column, float scale, inout float acc[ROWS], inout float squares)
{
  uint lane = gl_LocalInvocationID.x, dst = (tile * COLUMNS + column) * p.dst_stride;
  [[unroll]] for (uint first = 0; first < OWN; first += 8) {
    float y = 0.0, up = 0.0;
    [[unroll]] for (uint r = 0; r < 8; r++) {
      float sum = subgroupAdd (acc[(first + r) * COLUMNS + column]);
      y = lane == r ? sum : y;
      if (GATED) {
        sum = subgroupAdd (acc[(OWN + first + r) * COLUMNS + column]);
        up = lane == r ? sum : up;
      }
    }
    y *= scale;
    uint row = gl_WorkGroupID.x * OWN + first + lane, at = dst + row;
    if (row < p.rows) {
      if ((FEATURES & SHADER_BIASED) != 0)
        y += p.bias.v[row];
      if ((FEATURES & SHADER_SCALED) != 0)
        y *= p.scale;
      if ((FEATURES & SHADER_CAPPED) != 0)
        y = cap_softly (y, p.cap);
      if (GATED)
        y = gated (MODE - SHADER_GATE, y, up * scale);
      else
        y = finished (MODE, y, MODE == SHADER_STORE ? 0.0 : p.dst.v[at]);
      p.dst.v[at] = y;
      if (FEEDS_NORM) {
        squares += y * y;
        p.normed.v[row] = y * p.vector.v[row];
      }
    }
  }
}

void
main ()
{
  uint tile = gl_WorkGroupID.y;
  float acc[ROWS];
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    acc[i] = 0.0;
  multiply (tile, acc);
  float scale = norm_scale (), squares = 0.0;
  [[unroll]] for (uint c = 0; c < COLUMNS; c++)
    finish (tile, c, scale, acc, squares);
  if (FEEDS_NORM) {
    float all = subgroupAdd (squares);
    if (gl_LocalInvocationID.x == 0)
      p.squares_out.v[gl_WorkGroupID.x] = all;
  }
}
