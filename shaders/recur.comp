/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of a head along a run: a gated delta rule (DELTA), or a state space. Columns of a state
 * are independent of each other. A workgroup takes some of them from the first token to the last:
 * lane (x, y) keeps share y of the rows of column x in registers. What tokens bring comes in tiles
 * through shared memory.
 *
 *   state = decay * state + k * change, out = q state
 *
 * where change is strength * (v - k decay state), or step * v. As both k state and q state are sums
 * over rows of the state as it was, out = decay * q state + (q k) * change, and a token takes one
 * exchange between the lanes of a column. Keys and queries of a delta rule are normed; their
 * lengths are divided out of the sums. */
#version 460
#include "refs.glsl"
#include "activation.glsl"

layout (constant_id = 2) const uint FOURS = 8;  /* rows of a lane, by four */
layout (constant_id = 3) const uint TILE = 8;   /* tokens */
layout (constant_id = 4) const uint SHARE = 16; /* lanes for each of them */

layout (push_constant) uniform Push
{
  ShaderRecurPush p;
};

const uint COLUMNS = gl_WorkGroupSize.x;
const uint LANES = gl_WorkGroupSize.x * gl_WorkGroupSize.y;
const uint ALL = gl_WorkGroupSize.y * FOURS;

/* What one token does to the sums over rows. */
struct Token {
  float decay;
  float strength;
  float held;    /* of k state */
  float key;     /* of what is added */
  float query;   /* of q state */
  float product; /* of change in out */
};

shared vec4 keys[TILE * ALL], queries[TILE * ALL];
shared float values[TILE * COLUMNS], results[TILE * COLUMNS];
shared float sums[4 * LANES];
shared Token tokens[TILE];

/* log (1 + exp (x)): the logarithm by the series of atanh, as that of a number next to 1 may be
 * far off. */
float
softplus (float x)
{
  float u = exp (-abs (x)), s = u / (2.0 + u), s2 = s * s;
  float sum = 1.0 / 13.0;
  sum = sum * s2 + 1.0 / 11.0;
  sum = sum * s2 + 1.0 / 9.0;
  sum = sum * s2 + 1.0 / 7.0;
  sum = sum * s2 + 1.0 / 5.0;
  sum = sum * s2 + 1.0 / 3.0;
  return max (x, 0.0) + 2.0 * s * (sum * s2 + 1.0);
}

vec4
read_four (uint at, uint row)
{
  vec4 x = vec4 (0.0);
  at += row;
  if (row + 4 <= p.rows)
    return vec4 (p.src.v[at], p.src.v[at + 1], p.src.v[at + 2], p.src.v[at + 3]);
  [[unroll]] for (uint i = 0; i < 3; i++)
    if (row + i < p.rows)
      x[i] = p.src.v[at + i];
  return x;
}

void
read_tile (uint first, uint n)
{
  uint head = gl_WorkGroupID.y, key = head / p.heads_each % p.n_keys * p.rows;
  for (uint i = gl_LocalInvocationIndex; i < n * ALL; i += LANES) {
    uint at = (first + i / ALL) * p.src_stride + key, row = i % ALL * 4;
    keys[i] = read_four (at + p.k_first, row);
    queries[i] = read_four (at + p.q_first, row);
  }
  for (uint i = gl_LocalInvocationIndex; i < n * COLUMNS; i += LANES) {
    uint column = gl_WorkGroupID.x * COLUMNS + i % COLUMNS;
    uint at = (first + i / COLUMNS) * p.src_stride + p.v_first + head * p.width;
    values[i] = column < p.width ? p.src.v[at + column] : 0.0;
  }
}

/* Lane's part of the products of its token's key and query. */
void
multiply_keys ()
{
  uint lane = gl_LocalInvocationIndex, first = lane / SHARE * ALL;
  vec3 sum = vec3 (0.0);
  for (uint i = lane % SHARE; i < ALL; i += SHARE) {
    vec4 k = keys[first + i], q = queries[first + i];
    sum += vec3 (dot (k, q), dot (k, k), dot (q, q));
  }
  sums[lane] = sum.x;
  sums[LANES + lane] = sum.y;
  sums[2 * LANES + lane] = sum.z;
}

void
make_token (uint t, uint token)
{
  uint head = gl_WorkGroupID.y, at = token * p.also_stride + head;
  float size = softplus (p.also.v[at + p.decays_first] + p.steps.v[head]);
  float decay = exp (p.decays.v[head] * size);
  vec3 sum = vec3 (0.0);
  for (uint i = t * SHARE; i < (t + 1) * SHARE; i++)
    sum += vec3 (sums[i], sums[LANES + i], sums[2 * LANES + i]);
#ifdef DELTA
  float strength = 1.0 / (1.0 + exp (-p.also.v[at + p.strengths_first]));
  float key = 1.0 / max (sqrt (sum.y), p.epsilon);
  float query = 1.0 / (max (sqrt (sum.z), p.epsilon) * sqrt (float (p.rows)));
  tokens[t] = Token (decay, strength, decay * key, key, decay * query, sum.x * key * query);
#else
  tokens[t] = Token (decay, size, 0.0, 1.0, decay, sum.x);
#endif
}

/* Sums of a column over its lanes. t: two tokens that follow each other take different places, so
 * that no lane is overtaken. */
vec2
sum_shares (uint t, vec2 mine)
{
  if (gl_WorkGroupSize.y == 1)
    return mine;
  uint first = t % 2 * 2 * LANES;
  sums[first + gl_LocalInvocationIndex] = mine.x;
  sums[first + LANES + gl_LocalInvocationIndex] = mine.y;
  barrier ();
  vec2 sum = vec2 (0.0);
  [[unroll]] for (uint y = 0; y < gl_WorkGroupSize.y; y++) {
    uint at = first + y * COLUMNS + gl_LocalInvocationID.x;
    sum += vec2 (sums[at], sums[at + LANES]);
  }
  return sum;
}

void
take_token (uint t, float skip, inout vec4 state[FOURS])
{
  uint first = t * ALL + gl_LocalInvocationID.y * FOURS;
  uint result = t * COLUMNS + gl_LocalInvocationID.x;
  vec4 k[FOURS], held = vec4 (0.0), found = vec4 (0.0);
  [[unroll]] for (uint i = 0; i < FOURS; i++) {
    k[i] = keys[first + i];
#ifdef DELTA
    held += k[i] * state[i];
#endif
    found += queries[first + i] * state[i];
  }
  vec2 sum = sum_shares (t, vec2 (dot (held, vec4 (1.0)), dot (found, vec4 (1.0))));
  float value = values[result];
  float change = tokens[t].strength * (value - tokens[t].held * sum.x);
  float step = tokens[t].key * change, decay = tokens[t].decay;
  [[unroll]] for (uint i = 0; i < FOURS; i++)
    state[i] = decay * state[i] + k[i] * step;
  if (gl_LocalInvocationID.y == 0)
    results[result] = tokens[t].query * sum.y + tokens[t].product * change + skip * value;
}

void
write_tile (uint first, uint n)
{
  for (uint i = gl_LocalInvocationIndex; i < n * COLUMNS; i += LANES) {
    uint column = gl_WorkGroupID.x * COLUMNS + i % COLUMNS, token = first + i / COLUMNS;
    uint at = gl_WorkGroupID.y * p.width + column;
    if (column >= p.width)
      continue;
#ifdef DELTA
    p.dst.v[token * p.dst_stride + at] = results[i];
#else
    float z = p.also.v[token * p.also_stride + at];
    p.dst.v[token * p.dst_stride + at] = gated (SHADER_SILU, z, results[i]);
#endif
  }
}

void
main ()
{
  ShaderRun run = RunsIn (p.runs).v[gl_WorkGroupID.z];
  uint head = gl_WorkGroupID.y, lane = gl_LocalInvocationIndex;
  uint column = gl_WorkGroupID.x * COLUMNS + gl_LocalInvocationID.x;
  uint row = gl_LocalInvocationID.y * FOURS * 4;
  uint n_rows = column < p.width && row < p.rows ? min (p.rows - row, FOURS * 4) : 0;
  uint first = p.state_first + (head * p.rows + row) * p.width + column;
  vec4 state[FOURS];
  [[unroll]] for (uint i = 0; i < FOURS * 4; i++) {
    state[i / 4][i % 4] = 0.0;
    if (run.position > 0 && i < n_rows)
      state[i / 4][i % 4] = run.from.v[first + i * p.width];
  }
#ifdef DELTA
  float skip = 0.0;
#else
  float skip = p.skips.v[head];
#endif
  for (uint done = 0; done < run.n_tokens; done += TILE) {
    uint n = min (TILE, run.n_tokens - done);
    read_tile (run.first + done, n);
    barrier ();
    multiply_keys ();
    barrier ();
    if (lane < n)
      make_token (lane, run.first + done + lane);
    barrier ();
    for (uint t = 0; t < n; t++)
      take_token (t, skip, state);
    barrier ();
    write_tile (run.first + done, n);
  }
  [[unroll]] for (uint i = 0; i < FOURS * 4; i++)
    if (i < n_rows)
      run.to.v[first + i * p.width] = state[i / 4][i % 4];
}
