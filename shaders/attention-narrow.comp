/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attention.comp for one subgroup of 8 lanes on a driver in software: the same arithmetic, but K
 * lies as [d_key / 2][64 tokens] pairs, so that eight keys' pairs lie side by side, and nothing
 * is gathered. A lane is a key for q . k and two dimensions of each 16 for p . v. */
#version 460
#include "refs.glsl"
#include "narrow.glsl"
#include "activation.glsl"
#include "attention.glsl"
#extension GL_KHR_shader_subgroup_arithmetic : require

layout (constant_id = 2) const uint HEADS = 1;
layout (constant_id = 3) const uint K_PAIRS = 32;
layout (constant_id = 4) const uint V_VECTORS = 4; /* of 16 dimensions */

#define STEP   4u /* groups of 8 keys at once */
#define GROUPS (SHADER_PAGE / 8)
const uint SCORES = HEADS * GROUPS;
const uint STEP_DOTS = HEADS * STEP;
const uint ACC = HEADS * V_VECTORS * 2;

shared float q[HEADS * K_PAIRS * 2];
shared float probability[HEADS * SHADER_PAGE];

void
load_q (uint token, uint head0)
{
  uint first = token * p.src_stride + head0 * p.d_key;
  float scale = query_scale (token);
  for (uint at = gl_LocalInvocationID.x; at < HEADS * K_PAIRS * 2; at += 8)
    q[at] = p.qkv.v[first + at] * scale;
}

/* scores[h][group] = q[h] . k of this lane's key of each group; base in units of 4 pairs. */
void
score_page (uint base, uvec2 keys, out float scores[SCORES])
{
  uint lane = gl_LocalInvocationID.x;
  [[unroll]] for (uint first = 0; first < GROUPS; first += STEP) {
    float dots[STEP_DOTS];
    [[unroll]] for (uint i = 0; i < STEP_DOTS; i++)
      dots[i] = 0.0;
    for (uint d = 0; d < K_PAIRS; d++)
        [[unroll]]
      for (uint g = 0; g < STEP; g++) {
        uint at = base + d * (SHADER_PAGE / 4) + (first + g) * 2;
        vec2 k = unpackHalf2x16 (pick (kv.v[at], kv.v[at + 1], lane));
        [[unroll]] for (uint h = 0; h < HEADS; h++)
          dots[h * STEP + g] +=
              k.x * q[(h * K_PAIRS + d) * 2] + k.y * q[(h * K_PAIRS + d) * 2 + 1];
      }
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
    [[unroll]] for (uint i = 0; i < V_VECTORS * 2; i++)
      acc[h * V_VECTORS * 2 + i] *= shrink;
  }
}

void
add_values (uint base, uvec2 keys, inout float acc[ACC])
{
  uint lane = gl_LocalInvocationID.x;
  for (uint key = keys.x; key < keys.y; key++)
      [[unroll]]
    for (uint j = 0; j < V_VECTORS; j++) {
      uint at = base + (key * V_VECTORS + j) * 2;
      vec2 v = unpackHalf2x16 (pick (kv.v[at], kv.v[at + 1], lane));
      [[unroll]] for (uint h = 0; h < HEADS; h++) {
        float weight = probability[h * SHADER_PAGE + key];
        acc[(h * V_VECTORS + j) * 2] += weight * v.x;
        acc[(h * V_VECTORS + j) * 2 + 1] += weight * v.y;
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
  [[unroll]] for (uint i = 0; i < V_VECTORS * 2; i++) {
    uint d = i / 2 * 16 + lane * 2 + i % 2;
    float y = acc[h * V_VECTORS * 2 + i] * scale;
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
                kv_head * SHADER_PAGE * (K_PAIRS / 4 + V_VECTORS * 2);
    uvec2 in_page = keys_in_page (keys, page);
    score_page (base, in_page, scores);
    soften_page (scores, largest, sum, acc);
    subgroupBarrier ();
    add_values (base + SHADER_PAGE * K_PAIRS / 4, in_page, acc);
    subgroupBarrier ();
  }
  [[unroll]] for (uint h = 0; h < HEADS; h++)
    store (token, head0 + h, h, largest[h], subgroupAdd (sum[h]), acc, number_of_splits ());
}
