/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Norms (each head of its own, where HAS says so) and rotates q and k of one token in place, then
 * stores its k and v as f16 in the token's KV page.
 * A page of a layer holds for each KV head: K as [d_key / 8][64 tokens] units of 8 values, so
 * that lanes that are tokens read side by side, then V as [64 tokens][d_value / 8] units. With
 * `pairs` K lies as [d_key / 2][64 tokens] pairs of values instead, for attention-narrow.comp. */
#version 460
#include "refs.glsl"
#include "halves.glsl"

layout (constant_id = 2) const uint HAS = 0; /* SHADER_HEADS_NORMED … */
const bool NORMED = (HAS & SHADER_HEADS_NORMED) != 0;
const bool SHARED = (HAS & SHADER_KV_SHARED) != 0;
/* Values are stored before keys change. */
const bool VALUES_FIRST = (HAS & (SHADER_VALUES_NORMED | SHADER_VALUE_IS_KEY)) != 0;

layout (push_constant) uniform Push
{
  ShaderRopePush p;
};
/* Lanes read what other lanes of the workgroup rotated. */
POINTER (16)
coherent buffer FloatsShared
{
  float v[];
};

/* Where head `own` of this workgroup begins, first its query heads, then those of k; first: the
 * token's row. */
uint
start_of (uint first, uint own)
{
  uint n = p.heads_each, group = gl_WorkGroupID.y;
  uint head = own < n ? group * n + own : p.n_heads + group * p.heads_kv_each + own - n;
  return first + head * p.d_key;
}

/* Lanes that share a head. */
const uint SHARE = gl_WorkGroupSize.x < 8 ? gl_WorkGroupSize.x : 8;
const uint AT_ONCE = gl_WorkGroupSize.x / SHARE;
shared float squares[HAS != 0 ? gl_WorkGroupSize.x : 1];

/* Heads of q and k that there are. */
uint
n_turned ()
{
  return p.heads_each + (SHARED ? 0 : p.heads_kv_each);
}

/* 1 / rms of width numbers (0: nothing) from `at` on, for the lanes that share them. All lanes of
 * the workgroup call it. */
float
inverse_rms (FloatsShared qkv, uint at, uint width)
{
  uint lane = gl_LocalInvocationID.x, own = lane % SHARE;
  float sum = 0.0;
  for (uint i = own; i < width; i += SHARE)
    sum += qkv.v[at + i] * qkv.v[at + i];
  barrier ();
  squares[lane] = sum;
  barrier ();
  float all = 0.0;
  for (uint i = 0; i < SHARE; i++)
    all += squares[lane - own + i];
  return 1.0 / sqrt (all / float (max (width, 1)) + p.epsilon);
}

/* RMS norm of each head of q and k. */
void
norm_heads (FloatsShared qkv, uint first)
{
  uint lane = gl_LocalInvocationID.x, own = lane % SHARE;
  for (uint head0 = 0; head0 < n_turned (); head0 += AT_ONCE) {
    uint head = head0 + lane / SHARE, at = start_of (first, head);
    uint width = head < n_turned () ? p.d_key : 0;
    float scale = inverse_rms (qkv, at, width);
    for (uint i = own; i < width; i += SHARE)
      qkv.v[at + i] *= scale * (head < p.heads_each ? p.q_norm.v[i] : p.k_norm.v[i]);
  }
  memoryBarrierBuffer ();
  barrier ();
}

void
rotate (FloatsShared qkv, uint token, uint first)
{
  uint pairs = p.d_rope / 2, n = n_turned () * pairs;
  for (uint at = gl_LocalInvocationID.x; at < n; at += gl_WorkGroupSize.x) {
    uint head = at / pairs, i = at % pairs;
    uint a = start_of (first, head) + (p.halves != 0 ? i : 2 * i);
    uint b = a + (p.halves != 0 ? pairs : 1);
    float c = p.rotation.v[(token * pairs + i) * 2], s = p.rotation.v[(token * pairs + i) * 2 + 1];
    float x = qkv.v[a], y = qkv.v[b];
    qkv.v[a] = x * c - y * s;
    qkv.v[b] = x * s + y * c;
  }
}

uvec4
eight (FloatsShared qkv, uint first, uint left, float scale)
{
  float x[8];
  [[unroll]] for (uint i = 0; i < 8; i++)
    x[i] = i < left ? qkv.v[first + i] * scale : 0.0;
  return uvec4 (half_pair (x[0], x[1]), half_pair (x[2], x[3]), half_pair (x[4], x[5]),
                half_pair (x[6], x[7]));
}

/* Units of a head's key and value. */
uint
k_units ()
{
  return (p.d_key + 7) / 8;
}

uint
v_units ()
{
  return (p.d_value + 7) / 8;
}

/* Where the token's page begins, and its place in it. */
uint page_base, slot;

uint
base_of (uint own)
{
  uint head = gl_WorkGroupID.y * p.heads_kv_each + own;
  return page_base + head * SHADER_PAGE * (k_units () + v_units ());
}

void
store_key (FloatsShared qkv, uint first, uint own, uint u)
{
  uint base = base_of (own);
  uvec4 k = eight (qkv, start_of (first, p.heads_each + own) + u * 8, p.d_key - u * 8, 1.0);
  if (p.pairs == 0)
    p.kv.v[base + u * SHADER_PAGE + slot] = k;
  else
      [[unroll]]
    for (uint i = 0; i < 4; i++)
      Uints (p.kv).v[4 * base + (4 * u + i) * SHADER_PAGE + slot] = k[i];
}

/* Where the value of head `own` begins. */
uint
value_of (uint first, uint own)
{
  uint head = gl_WorkGroupID.y * p.heads_kv_each + own;
  if ((HAS & SHADER_VALUE_IS_KEY) != 0)
    return start_of (first, p.heads_each + own);
  return first + (p.n_heads + p.n_heads_kv) * p.d_key + head * p.d_value;
}

void
store_value (FloatsShared qkv, uint first, uint own, uint u, float scale)
{
  p.kv.v[base_of (own) + SHADER_PAGE * k_units () + slot * v_units () + u] =
      eight (qkv, value_of (first, own) + u * 8, p.d_value - u * 8, scale);
}

/* Values that are normed, or keys as they were. */
void
store_values (FloatsShared qkv, uint first)
{
  uint lane = gl_LocalInvocationID.x;
  for (uint head0 = 0; head0 < p.heads_kv_each; head0 += AT_ONCE) {
    uint own = head0 + lane / SHARE;
    bool has = own < p.heads_kv_each;
    float scale = 1.0;
    if ((HAS & SHADER_VALUES_NORMED) != 0)
      scale = inverse_rms (qkv, value_of (first, own), has ? p.d_value : 0);
    for (uint u = lane % SHARE; has && u < v_units (); u += SHARE)
      store_value (qkv, first, own, u, scale);
  }
  barrier ();
}

void
main ()
{
  uint token = gl_WorkGroupID.x;
  uint first = token * p.stride, position = p.tokens.v[token].position;
  FloatsShared qkv = FloatsShared (p.qkv);
  page_base =
      p.pages.v[p.tokens.v[token].first_page + position / SHADER_PAGE] * p.page_units;
  slot = position % SHADER_PAGE;
  if (VALUES_FIRST && !SHARED)
    store_values (qkv, first);
  if (NORMED)
    norm_heads (qkv, first);
  rotate (qkv, token, first);
  if (SHARED)
    return;
  memoryBarrierBuffer ();
  barrier ();
  uint units = k_units () + (VALUES_FIRST ? 0 : v_units ()), n = p.heads_kv_each * units;
  for (uint at = gl_LocalInvocationID.x; at < n; at += gl_WorkGroupSize.x) {
    uint own = at / units, u = at % units;
    if (u < k_units ())
      store_key (qkv, first, own, u);
    else
      store_value (qkv, first, own, u - k_units (), 1.0);
  }
}
