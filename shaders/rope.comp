/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Norms (each head of its own, where HAS says so) and rotates q and k of one token in place, then
 * stores its k and v in the token's KV page.
 * A page of a layer holds for each KV head: K as [d_key / KV_UNIT][64 tokens] units, so that lanes
 * that are tokens read side by side, then V as [64 tokens][d_value / KV_UNIT] units (kv.glsl: each
 * with its scales behind it). With `words` K lies as [d_key / KV_WORD][64 tokens] words, for
 * attention-narrow.comp. */
#version 460
#include "refs.glsl"
#include "halves.glsl"
#include "kv.glsl"
#extension GL_EXT_shader_16bit_storage : require

layout (constant_id = 2) const uint HAS = 0; /* SHADER_HEADS_NORMED … */
const bool NORMED = (HAS & SHADER_HEADS_NORMED) != 0;
const bool SHARED = (HAS & SHADER_KV_SHARED) != 0;
/* Values are stored before keys change. */
const bool VALUES_FIRST = (HAS & (SHADER_VALUES_NORMED | SHADER_VALUE_IS_KEY)) != 0;

layout (push_constant) uniform Push
{
  ShaderRopePush p;
};
POINTER (16)
restrict buffer Halves
{
  uint16_t v[];
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

/* What a lane stores at once: PIECE numbers, as words, with the f16 that bytes are times. */
#ifdef KV_Q8_0
#define PIECE KV_BLOCK
#else
#define PIECE KV_UNIT
#endif
#define PIECE_WORDS (PIECE / KV_WORD)

#ifdef KV_Q8_0
/* Rounded for the scale as it is stored. */
void
pack_piece (FloatsShared qkv, uint first, uint left, float factor, out uint words[PIECE_WORDS],
            out uint scale)
{
  float most = 0.0;
  for (uint i = 0; i < PIECE; i++)
    most = max (most, abs (qkv.v[first + i] * factor));
  scale = half_bits (min (most / 127.0, 65504.0));
  float step = unpackHalf2x16 (scale).x, inverse = step > 0.0 ? factor / step : 0.0;
  [[unroll]] for (uint w = 0; w < PIECE_WORDS; w++) {
    words[w] = 0;
    [[unroll]] for (uint i = 0; i < 4; i++) {
      float x = roundEven (clamp (qkv.v[first + 4 * w + i] * inverse, -127.0, 127.0));
      words[w] |= (uint (int (x)) & 0xffu) << (8 * i);
    }
  }
}
#else
void
pack_piece (FloatsShared qkv, uint first, uint left, float factor, out uint words[PIECE_WORDS],
            out uint scale)
{
  float x[PIECE];
  [[unroll]] for (uint i = 0; i < PIECE; i++)
    x[i] = i < left ? qkv.v[first + i] * factor : 0.0;
  [[unroll]] for (uint w = 0; w < PIECE_WORDS; w++)
#ifdef KV_F32
    words[w] = floatBitsToUint (x[w]);
#else
    words[w] = half_pair (x[2 * w], x[2 * w + 1]);
#endif
  scale = 0;
}
#endif

/* Of a head's key or value. */
uint
pieces (uint d)
{
  return (d + PIECE - 1) / PIECE;
}

/* Where the token's page begins, and its place in it. */
uint page_base, slot;

uint
base_of (uint own)
{
  uint head = gl_WorkGroupID.y * p.heads_kv_each + own;
  return page_base + head * (kv_page_units (p.d_key) + kv_page_units (p.d_value));
}

/* at: where what it belongs to has its scales. */
void
store_scale (uint at, uint piece, uint scale)
{
#ifdef KV_Q8_0
  Halves (p.kv).v[8 * at + piece * SHADER_PAGE + slot] = uint16_t (scale);
#endif
}

void
store_key (FloatsShared qkv, uint first, uint own, uint piece)
{
  uint words[PIECE_WORDS], scale, base = base_of (own), d = piece * PIECE;
  pack_piece (qkv, start_of (first, p.heads_each + own) + d, p.d_key - d, 1.0, words, scale);
  store_scale (base + kv_scales_at (p.d_key), piece, scale);
  if (p.words == 0)
      [[unroll]]
    for (uint u = 0; u < PIECE / KV_UNIT; u++)
      p.kv.v[base + (piece * (PIECE / KV_UNIT) + u) * SHADER_PAGE + slot] =
          uvec4 (words[4 * u], words[4 * u + 1], words[4 * u + 2], words[4 * u + 3]);
  else
      [[unroll]]
    for (uint w = 0; w < PIECE_WORDS; w++)
      Uints (p.kv).v[4 * base + (piece * PIECE_WORDS + w) * SHADER_PAGE + slot] = words[w];
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
store_value (FloatsShared qkv, uint first, uint own, uint piece, float factor)
{
  uint words[PIECE_WORDS], scale, d = piece * PIECE;
  uint base = base_of (own) + kv_page_units (p.d_key);
  pack_piece (qkv, value_of (first, own) + d, p.d_value - d, factor, words, scale);
  store_scale (base + kv_scales_at (p.d_value), piece, scale);
  [[unroll]] for (uint u = 0; u < PIECE / KV_UNIT; u++)
    p.kv.v[base + slot * kv_units (p.d_value) + piece * (PIECE / KV_UNIT) + u] =
        uvec4 (words[4 * u], words[4 * u + 1], words[4 * u + 2], words[4 * u + 3]);
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
    for (uint i = lane % SHARE; has && i < pieces (p.d_value); i += SHARE)
      store_value (qkv, first, own, i, scale);
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
  uint keys = pieces (p.d_key), each = keys + (VALUES_FIRST ? 0 : pieces (p.d_value));
  for (uint at = gl_LocalInvocationID.x; at < p.heads_kv_each * each; at += gl_WorkGroupSize.x) {
    uint own = at / each, piece = at % each;
    if (piece < keys)
      store_key (qkv, first, own, piece);
    else
      store_value (qkv, first, own, piece - keys, 1.0);
  }
}
