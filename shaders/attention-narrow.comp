/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attention.comp for one subgroup of 8 lanes on a driver in software: the same arithmetic, but K
 * lies as [d_key / KV_WORD][64 tokens] words, so that eight keys' words lie side by side, and none
 * is gathered. A lane is a key for q . k and a word of each eight for p . v. */
#version 460
#include "refs.glsl"
#include "narrow.glsl"
#include "kv.glsl"
#include "activation.glsl"
#include "attention.glsl"
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

shared float q[HEADS * K_WORDS * KV_WORD];
shared float probability[HEADS * SHADER_PAGE];

void
load_q (uint token, uint head0)
{
  uint first = token * p.src_stride + head0 * p.d_key;
  float scale = query_scale (token);
  for (uint at = gl_LocalInvocationID.x; at < HEADS * K_WORDS * KV_WORD; at += 8)
    q[at] = p.qkv.v[first + at] * scale;
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
          sums[h * STEP + g] += k[i] * q[(h * K_WORDS + d) * KV_WORD + i];
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
      float v[KV_WORD], scale = kv_scale (kv, scales, j, key);
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
  for (uint page = pages.x; page < pages.y; page++) {
    uint base = page_table.v[first_page + page] * p.page_units +
                kv_head * (kv_page_units (p.d_key) + kv_page_units (p.d_value));
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
