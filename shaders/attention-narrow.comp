/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attention.comp for one subgroup of 8 lanes on a driver in software: the same arithmetic, but K
 * lies as [d_key / KV_WORD][64 tokens] words, so that eight keys' words lie side by side, and none
 * is gathered. A lane is a key for q . k and a word of each eight for p . v.
 * STORES: of one token, with f16 pages and heads that are not normed, this does rope.comp's work
 * too, by the same arithmetic: a workgroup has all query heads of its KV head, and the split that
 * ends with the token's own page stores its k and v before it reads that page. */
#version 460
#include "refs.glsl"
#include "narrow.glsl"
#include "kv.glsl"
#include "activation.glsl"
#include "attention.glsl"
#ifdef STORES
#include "halves.glsl"
#endif
#extension GL_KHR_shader_subgroup_arithmetic : require

layout (constant_id = 2) const uint HEADS = 1;
layout (constant_id = 3) const uint K_WORDS = 32;
layout (constant_id = 4) const uint V_VECTORS = 4; /* of 8 words */

#define STEP   4u /* groups of 8 keys at once */
#define GROUPS (SHADER_PAGE / 8)
const uint SCORES = HEADS * GROUPS;
const uint STEP_DOTS = HEADS * STEP;
const uint ACC = HEADS * V_VECTORS * KV_WORD;
#ifdef KV_Q8_0
const uint SCALED_WORDS = KV_BLOCK / KV_WORD; /* of a key: those with a scale of their own */
#else
const uint SCALED_WORDS = K_WORDS;
#endif

const uint D_KEY = K_WORDS * KV_WORD;
#ifdef STORES
#define TURNED (HEADS + 1) /* the last is the key */
#else
#define TURNED HEADS
#endif

shared float q[TURNED * D_KEY];
shared float probability[HEADS * SHADER_PAGE];

#ifdef STORES
/* Head h of q, from `first` on in qkv, turned for the token and times scale. */
void
turn_head (uint token, uint first, uint h, float scale)
{
  uint lane = gl_LocalInvocationID.x, pairs = p.d_rope / 2;
  for (uint i = lane; i < pairs; i += 8) {
    uint a = p.halves != 0 ? i : 2 * i, b = a + (p.halves != 0 ? pairs : 1);
    float c = p.rotation.v[(token * pairs + i) * 2], s = p.rotation.v[(token * pairs + i) * 2 + 1];
    float x = p.qkv.v[first + a], y = p.qkv.v[first + b];
    q[h * D_KEY + a] = (x * c - y * s) * scale;
    q[h * D_KEY + b] = (x * s + y * c) * scale;
  }
  for (uint d = p.d_rope + lane; d < D_KEY; d += 8)
    q[h * D_KEY + d] = p.qkv.v[first + d] * scale;
}

void
load_q (uint token, uint head0)
{
  uint first = token * p.src_stride, kv_head = head0 / HEADS;
  for (uint h = 0; h < HEADS; h++)
    turn_head (token, first + (head0 + h) * D_KEY, h, query_scale (token));
  turn_head (token, first + (p.n_heads + kv_head) * D_KEY, HEADS, 1.0);
}

/* The token's key, which load_q () has turned, and its value go to their page. base: of the page
 * and KV head. */
void
store_token (uint token, uint kv_head, uint base)
{
  uint slot = p.tokens.v[token].position % SHADER_PAGE;
  uint value = token * p.src_stride + (p.n_heads + p.n_heads_kv) * D_KEY + kv_head * p.d_value;
  uint v_base = base + kv_page_units (p.d_key) + slot * kv_units (p.d_value);
  Uints words = Uints (kv);
  for (uint w = gl_LocalInvocationID.x; w < K_WORDS; w += 8)
    words.v[4 * base + w * SHADER_PAGE + slot] =
        half_pair (q[HEADS * D_KEY + 2 * w], q[HEADS * D_KEY + 2 * w + 1]);
  for (uint w = gl_LocalInvocationID.x; w < p.d_value / 2; w += 8)
    words.v[4 * v_base + w] = half_pair (p.qkv.v[value + 2 * w], p.qkv.v[value + 2 * w + 1]);
  memoryBarrierBuffer ();
}
#else
void
load_q (uint token, uint head0)
{
  uint first = token * p.src_stride + head0 * p.d_key;
  float scale = query_scale (token);
  for (uint at = gl_LocalInvocationID.x; at < HEADS * D_KEY; at += 8)
    q[at] = p.qkv.v[first + at] * scale;
}
#endif

/* Of a page and KV head. */
uint
base_of (uint page, uint kv_head)
{
  return page * p.page_units + kv_head * (kv_page_units (p.d_key) + kv_page_units (p.d_value));
}

/* What a block of this lane's key of a group is times. */
float
key_scale (uint scales, uint block, uint group)
{
#ifdef KV_Q8_0
  uvec4 eight = kv.v[scales + block * GROUPS + group];
  uint lane = gl_LocalInvocationID.x;
  uint two = lane < 4 ? (lane < 2 ? eight.x : eight.y) : (lane < 6 ? eight.z : eight.w);
  vec2 x = unpackHalf2x16 (two);
  return lane % 2 == 0 ? x.x : x.y;
#else
  return 1.0;
#endif
}

/* dots += q . k of the words of a block, of this lane's key in STEP groups. */
void
add_block (uint base, uint block, uint first, inout float dots[STEP_DOTS])
{
  uint lane = gl_LocalInvocationID.x, scales = base + kv_scales_at (p.d_key);
  float sums[STEP_DOTS];
  [[unroll]] for (uint i = 0; i < STEP_DOTS; i++)
    sums[i] = 0.0;
  for (uint d = block * SCALED_WORDS; d < (block + 1) * SCALED_WORDS; d++)
      [[unroll]]
    for (uint g = 0; g < STEP; g++) {
      uint at = base + d * (SHADER_PAGE / 4) + (first + g) * 2;
      float k[KV_WORD];
      kv_unpack (pick (kv.v[at], kv.v[at + 1], lane), k);
      [[unroll]] for (uint h = 0; h < HEADS; h++)
          [[unroll]]
        for (uint i = 0; i < KV_WORD; i++)
          sums[h * STEP + g] += k[i] * q[h * D_KEY + d * KV_WORD + i];
    }
  [[unroll]] for (uint g = 0; g < STEP; g++) {
    float scale = key_scale (scales, block, first + g);
    [[unroll]] for (uint h = 0; h < HEADS; h++)
      dots[h * STEP + g] += scale * sums[h * STEP + g];
  }
}

/* scores[h][group] = q[h] . k of this lane's key of each group. */
void
score_page (uint base, uvec2 keys, out float scores[SCORES])
{
  uint lane = gl_LocalInvocationID.x;
  [[unroll]] for (uint first = 0; first < GROUPS; first += STEP) {
    float dots[STEP_DOTS];
    [[unroll]] for (uint i = 0; i < STEP_DOTS; i++)
      dots[i] = 0.0;
    for (uint block = 0; block < K_WORDS / SCALED_WORDS; block++)
      add_block (base, block, first, dots);
    [[unroll]] for (uint g = 0; g < STEP; g++)
        [[unroll]]
      for (uint h = 0; h < HEADS; h++) {
        uint key = (first + g) * 8 + lane;
        scores[h * GROUPS + first + g] =
            score_of (dots[h * STEP + g], key >= keys.x && key < keys.y);
      }
  }
}

void
soften_page (float scores[SCORES], inout float largest[HEADS], inout float sum[HEADS],
             inout float acc[ACC])
{
  uint lane = gl_LocalInvocationID.x;
  [[unroll]] for (uint h = 0; h < HEADS; h++) {
    float most = scores[h * GROUPS];
    [[unroll]] for (uint g = 1; g < GROUPS; g++)
      most = max (most, scores[h * GROUPS + g]);
    most = max (largest[h], subgroupMax (most));
    float shrink = exp (largest[h] - most);
    largest[h] = most;
    sum[h] *= shrink;
    [[unroll]] for (uint g = 0; g < GROUPS; g++) {
      float e = exp (scores[h * GROUPS + g] - most);
      sum[h] += e;
      probability[h * SHADER_PAGE + g * 8 + lane] = e;
    }
    [[unroll]] for (uint i = 0; i < V_VECTORS * KV_WORD; i++)
      acc[h * V_VECTORS * KV_WORD + i] *= shrink;
  }
}

void
add_values (uint base, uvec2 keys, inout float acc[ACC])
{
  uint lane = gl_LocalInvocationID.x, scales = base + kv_scales_at (p.d_value);
  for (uint key = keys.x; key < keys.y; key++)
      [[unroll]]
    for (uint j = 0; j < V_VECTORS; j++) {
      uint at = base + (key * V_VECTORS + j) * 2;
      float v[KV_WORD], scale = kv_scale (Uvec4sIn (kv), scales, j, key);
      kv_unpack (pick (kv.v[at], kv.v[at + 1], lane), v);
      [[unroll]] for (uint h = 0; h < HEADS; h++) {
        float weight = scale * probability[h * SHADER_PAGE + key];
        [[unroll]] for (uint i = 0; i < KV_WORD; i++)
          acc[(h * V_VECTORS + j) * KV_WORD + i] += weight * v[i];
      }
    }
}

void
store (uint token, uint head, uint h, float largest, float all, float acc[ACC], uint n_splits)
{
  uint lane = gl_LocalInvocationID.x;
  bool whole = n_splits == 1;
  uint part = ((token * p.n_heads + head) * n_splits + gl_WorkGroupID.z) * (2 + p.d_value);
  float scale = whole ? 1.0 / all : 1.0;
  if (!whole && lane == 0) {
    p.parts.v[part] = largest;
    p.parts.v[part + 1] = all;
  }
  [[unroll]] for (uint i = 0; i < V_VECTORS * KV_WORD; i++) {
    uint d = (i / KV_WORD * 8 + lane) * KV_WORD + i % KV_WORD;
    float y = acc[h * V_VECTORS * KV_WORD + i] * scale;
    if (whole)
      p.dst.v[token * p.dst_stride + head * p.d_value + d] = y;
    else
      p.parts.v[part + 2 + d] = y;
  }
}

void
main ()
{
  uint token = gl_WorkGroupID.x, head0 = gl_WorkGroupID.y * HEADS;
  uint kv_head = head0 / (p.n_heads / p.n_heads_kv);
  uint first_page = p.tokens.v[token].first_page;
  uvec2 keys = visible_keys (token), pages = split_pages (keys);
  float largest[HEADS], sum[HEADS], acc[ACC], scores[SCORES];
  [[unroll]] for (uint h = 0; h < HEADS; h++) {
    largest[h] = first_largest (head0 + h);
    sum[h] = gl_LocalInvocationID.x == 0 ? first_sum () : 0.0;
  }
  [[unroll]] for (uint i = 0; i < ACC; i++)
    acc[i] = 0.0;
  take_pointers ();
  load_q (token, head0);
  subgroupBarrier ();
#ifdef STORES
  uint own_page = p.tokens.v[token].position / SHADER_PAGE;
  if (own_page >= pages.x && own_page < pages.y)
    store_token (token, kv_head, base_of (page_table.v[first_page + own_page], kv_head));
  subgroupBarrier ();
#endif
  for (uint page = pages.x; page < pages.y; page++) {
    uint base = base_of (page_table.v[first_page + page], kv_head);
    uvec2 in_page = keys_in_page (keys, page);
    score_page (base, in_page, scores);
    soften_page (scores, largest, sum, acc);
    subgroupBarrier ();
    add_values (base + kv_page_units (p.d_key), in_page, acc);
    subgroupBarrier ();
  }
  [[unroll]] for (uint h = 0; h < HEADS; h++)
    store (token, head0 + h, h, largest[h], subgroupAdd (sum[h]), acc, number_of_splits ());
}
