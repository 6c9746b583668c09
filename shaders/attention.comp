/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attention of one token over the keys it sees, with an online softmax in f32 (flash
 * attention). A workgroup is HEADS query heads that share a KV head, over one split of the
 * pages: for q . k a lane is a key, for p . v a lane is a unit's dimensions of one of SUBSETS
 * interleaved sets of keys. The mask is the loop bound, and so is a window. Splits leave (max,
 * sum, output) for attention-reduce.comp. */
#version 460
#include "refs.glsl"
#include "kv.glsl"
#include "activation.glsl"
#include "attention.glsl"
#extension GL_KHR_shader_subgroup_basic : require

layout (constant_id = 2) const uint HEADS = 1;
layout (constant_id = 3) const uint K_UNITS = 8;
layout (constant_id = 4) const uint V_UNITS = 8;
layout (constant_id = 5) const bool ONE_SUBGROUP = false;

const uint LANES = gl_WorkGroupSize.x;
const uint SUBSETS = LANES > V_UNITS ? LANES / V_UNITS : 1;
const uint UNITS_A_LANE = (V_UNITS + LANES - 1) / LANES;
/* A card's cache of instructions holds some 32 KB: loops over units and keys are unrolled in
 * pieces, and those inside a loop over heads as a whole, or else that is not, and its accumulators
 * are found by comparing numbers, which took 60 KB. */
const uint K_STEP = K_UNITS % 8 == 0 ? 8 : K_UNITS % 4 == 0 ? 4
                                                            : 1;
const uint VALUES_AT_ONCE = 4;
const uint ACC = HEADS * UNITS_A_LANE * KV_UNIT;

shared float q[HEADS * K_UNITS * KV_UNIT];
shared float score[HEADS * SHADER_PAGE];
shared float lanes[LANES * KV_UNIT];
/* Of each head, what a lane found of its share of lanes or keys: all look at these few. */
const uint SHARES = LANES % 16 == 0 ? 16 : LANES;
shared float shares[HEADS * SHARES];

void
meet ()
{
  if (ONE_SUBGROUP)
    subgroupBarrier ();
  else
    barrier ();
}

void
unpack_unit (uvec4 unit, out float x[KV_UNIT])
{
  [[unroll]] for (uint i = 0; i < 4; i++) {
    float few[KV_WORD];
    kv_unpack (unit[i], few);
    [[unroll]] for (uint j = 0; j < KV_WORD; j++)
      x[KV_WORD * i + j] = few[j];
  }
}

void
load_q (uint token, uint head0)
{
  uint first = token * p.src_stride + head0 * p.d_key;
  float scale = query_scale (token);
  for (uint at = gl_LocalInvocationID.x; at < HEADS * K_UNITS * KV_UNIT; at += LANES) {
    uint h = at / (K_UNITS * KV_UNIT), d = at % (K_UNITS * KV_UNIT);
    q[at] = d < p.d_key ? p.qkv.v[first + h * p.d_key + d] * scale : 0.0;
  }
}

/* score[h][key] = q[h] . k[key] of one page. */
void
score_page (uint base, uvec2 keys)
{
  uint scales = base + kv_scales_at (p.d_key);
  for (uint key = gl_LocalInvocationID.x; key < SHADER_PAGE; key += LANES) {
    float dots[HEADS];
    [[unroll]] for (uint h = 0; h < HEADS; h++)
      dots[h] = 0.0;
    [[dont_unroll]] for (uint step = 0; step < K_UNITS; step += K_STEP)
        [[unroll]]
      for (uint u = step; u < step + K_STEP; u++) {
        float k[KV_UNIT], scale = kv_scale (kv, scales, u * KV_UNIT / KV_BLOCK, key);
        unpack_unit (kv.v[base + u * SHADER_PAGE + key], k);
        [[unroll]] for (uint h = 0; h < HEADS; h++) {
          float dot_product = 0.0;
          [[unroll]] for (uint i = 0; i < KV_UNIT; i++)
            dot_product += k[i] * q[(h * K_UNITS + u) * KV_UNIT + i];
          dots[h] += scale * dot_product;
        }
      }
    [[unroll]] for (uint h = 0; h < HEADS; h++)
      score[h * SHADER_PAGE + key] =
          score_of (dots[h], key >= keys.x && key < keys.y);
  }
}

/* Scores become probabilities against the new maximum. */
void
soften_page (inout float largest[HEADS], inout float sum[HEADS], out float shrink[HEADS])
{
  for (uint at = gl_LocalInvocationID.x; at < HEADS * SHARES; at += LANES) {
    uint h = at / SHARES, share = at % SHARES;
    float most = -1e30;
    [[unroll]] for (uint key = 0; key < SHADER_PAGE; key += SHARES)
      most = max (most, score[h * SHADER_PAGE + key + share]);
    shares[at] = most;
  }
  meet ();
  [[unroll]] for (uint h = 0; h < HEADS; h++) {
    float most = largest[h];
    [[unroll]] for (uint share = 0; share < SHARES; share++)
      most = max (most, shares[h * SHARES + share]);
    shrink[h] = exp (largest[h] - most);
    largest[h] = most;
    sum[h] *= shrink[h];
  }
  for (uint key = gl_LocalInvocationID.x; key < SHADER_PAGE; key += LANES) {
    [[unroll]] for (uint h = 0; h < HEADS; h++) {
      float e = exp (score[h * SHADER_PAGE + key] - largest[h]);
      score[h * SHADER_PAGE + key] = e;
      sum[h] += e;
    }
  }
}

void
add_values (uint base, uvec2 keys, float shrink[HEADS],
            inout float acc[ACC])
{
  uint lane = gl_LocalInvocationID.x, scales = base + kv_scales_at (p.d_value);
  [[unroll]] for (uint h = 0; h < HEADS; h++)
      [[unroll]]
    for (uint i = 0; i < UNITS_A_LANE * KV_UNIT; i++)
      acc[h * UNITS_A_LANE * KV_UNIT + i] *= shrink[h];
  if (lane >= SUBSETS * V_UNITS && SUBSETS > 1)
    return;
  uint first = keys.x + (SUBSETS > 1 ? lane / V_UNITS : 0);
  /* Several keys are asked for before the first is needed; behind the last one it comes again, with
   * no weight. */
  for (uint key0 = first; key0 < keys.y; key0 += SUBSETS * VALUES_AT_ONCE) {
    [[unroll]] for (uint ahead = 0; ahead < VALUES_AT_ONCE * UNITS_A_LANE; ahead++) {
      uint j = ahead % UNITS_A_LANE, key = key0 + ahead / UNITS_A_LANE * SUBSETS;
      bool inside = key < keys.y;
      key = min (key, keys.y - 1);
      uint u = SUBSETS > 1 ? lane % V_UNITS : min (lane + j * LANES, V_UNITS - 1);
      float v[KV_UNIT], scale = kv_scale (kv, scales, u * KV_UNIT / KV_BLOCK, key);
      unpack_unit (kv.v[base + key * V_UNITS + u], v);
      [[unroll]] for (uint h = 0; h < HEADS; h++) {
        float weight = inside ? scale * score[h * SHADER_PAGE + key] : 0.0;
        [[unroll]] for (uint i = 0; i < KV_UNIT; i++)
          acc[(h * UNITS_A_LANE + j) * KV_UNIT + i] += weight * v[i];
      }
    }
  }
}

/* Sums of one value per lane and head, the same in all lanes. */
void
sum_lanes (inout float x[HEADS])
{
  meet ();
  [[unroll]] for (uint h = 0; h < HEADS; h++)
    lanes[h * LANES + gl_LocalInvocationID.x] = x[h];
  meet ();
  for (uint at = gl_LocalInvocationID.x; at < HEADS * SHARES; at += LANES) {
    float part = 0.0;
    [[unroll]] for (uint i = 0; i < LANES; i += SHARES)
      part += lanes[at / SHARES * LANES + i + at % SHARES];
    shares[at] = part;
  }
  meet ();
  [[unroll]] for (uint h = 0; h < HEADS; h++) {
    x[h] = 0.0;
    [[unroll]] for (uint share = 0; share < SHARES; share++)
      x[h] += shares[h * SHARES + share];
  }
}

/* The subsets' outputs of head h, unit j, added up into the first subset's lanes. */
void
sum_subsets (inout float acc[ACC], uint h)
{
  uint lane = gl_LocalInvocationID.x;
  meet ();
  [[unroll]] for (uint i = 0; i < KV_UNIT; i++)
    lanes[lane * KV_UNIT + i] = acc[h * UNITS_A_LANE * KV_UNIT + i];
  meet ();
  if (lane < V_UNITS)
      [[unroll]]
    for (uint other = 1; other < SUBSETS; other++)
        [[unroll]]
      for (uint i = 0; i < KV_UNIT; i++)
        acc[h * UNITS_A_LANE * KV_UNIT + i] += lanes[(other * V_UNITS + lane) * KV_UNIT + i];
}

void
store (uint token, uint head, float largest, float sum, uint h,
       float acc[ACC], uint n_splits)
{
  uint lane = gl_LocalInvocationID.x, split = gl_WorkGroupID.z;
  bool whole = n_splits == 1;
  uint part = ((token * p.n_heads + head) * n_splits + split) * (2 + p.d_value);
  if (!whole && lane == 0) {
    p.parts.v[part] = largest;
    p.parts.v[part + 1] = sum;
  }
  if (lane >= V_UNITS)
    return;
  float scale = whole ? 1.0 / sum : 1.0;
  [[unroll]] for (uint j = 0; j < UNITS_A_LANE; j++)
      [[unroll]]
    for (uint i = 0; i < KV_UNIT; i++) {
      uint d = (lane + j * LANES) * KV_UNIT + i;
      float y = acc[(h * UNITS_A_LANE + j) * KV_UNIT + i] * scale;
      if (d < p.d_value && whole)
        p.dst.v[token * p.dst_stride + head * p.d_value + d] = y;
      else if (d < p.d_value)
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
  float largest[HEADS], sum[HEADS], shrink[HEADS], acc[ACC];
  [[unroll]] for (uint h = 0; h < HEADS; h++) {
    largest[h] = first_largest (head0 + h);
    sum[h] = gl_LocalInvocationID.x == 0 ? first_sum () : 0.0;
  }
  [[unroll]] for (uint i = 0; i < ACC; i++)
    acc[i] = 0.0;
  take_pointers ();
  load_q (token, head0);
  meet ();
  for (uint page = pages.x; page < pages.y; page++) {
    uint base = page_table.v[first_page + page] * p.page_units +
                kv_head * (kv_page_units (p.d_key) + kv_page_units (p.d_value));
    uvec2 in_page = keys_in_page (keys, page);
    score_page (base, in_page);
    meet ();
    soften_page (largest, sum, shrink);
    meet ();
    add_values (base + kv_page_units (p.d_key), in_page, shrink, acc);
    meet ();
  }
  sum_lanes (sum);
  [[unroll]] for (uint h = 0; h < HEADS; h++) {
    if (SUBSETS > 1)
      sum_subsets (acc, h);
    store (token, head0 + h, largest[h], sum[h], h, acc, number_of_splits ());
  }
}
