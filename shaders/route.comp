/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chooses a token's experts by their logits, by falling logit, ties by rising id, and weighs them.
 * A workgroup is a token. Each choice is the first in that order after the last one, so that
 * nothing is marked; what is not a number is never chosen but for want of others. */
#version 460
#include "refs.glsl"

#define NONE 0xffffffffu

layout (constant_id = 2) const bool SCALED = false;

layout (push_constant) uniform Push
{
  ShaderRoutePush p;
};

shared float values[gl_WorkGroupSize.x];
shared uint ids[gl_WorkGroupSize.x];

bool
precedes (float x, uint id, float y, uint other)
{
  return x > y || (x == y && id < other);
}

/* The lanes' first, for all of them. */
void
join (inout float x, inout uint id)
{
  barrier ();
  values[gl_LocalInvocationID.x] = x;
  ids[gl_LocalInvocationID.x] = id;
  barrier ();
  for (uint i = 0; i < gl_WorkGroupSize.x; i++)
    if (ids[i] != NONE && (id == NONE || precedes (values[i], ids[i], x, id))) {
      x = values[i];
      id = ids[i];
    }
}

float
sum_of_exp (uint first, float largest)
{
  float sum = 0.0;
  for (uint e = gl_LocalInvocationID.x; e < p.n_experts; e += gl_WorkGroupSize.x)
    sum += exp (p.logits.v[first + e] - largest);
  barrier ();
  values[gl_LocalInvocationID.x] = sum;
  barrier ();
  sum = 0.0;
  for (uint i = 0; i < gl_WorkGroupSize.x; i++)
    sum += values[i];
  return sum;
}

void
main ()
{
  uint lane = gl_LocalInvocationID.x;
  uint first = gl_WorkGroupID.x * p.stride, route = gl_WorkGroupID.x * 2 * p.used;
  float last = 0.0, largest = 0.0, total = 0.0, sum = 0.0;
  uint last_id = NONE;
  for (uint i = 0; i < p.used; i++) {
    float x = 0.0;
    uint id = NONE;
    for (uint e = lane; e < p.n_experts; e += gl_WorkGroupSize.x) {
      float y = p.logits.v[first + e];
      if ((i == 0 || precedes (last, last_id, y, e)) && (id == NONE || precedes (y, e, x, id))) {
        x = y;
        id = e;
      }
    }
    join (x, id);
    last = x;
    last_id = min (id, p.n_experts - 1);
    if (i == 0)
      largest = x;
    total += exp (x - largest);
    if (lane == 0)
      p.route.v[route + i] = last_id;
  }
  if (p.gating == SHADER_GATING_SOFTMAX)
    total = sum_of_exp (first, largest);
  if (lane > 0)
    return;
  for (uint i = 0; i < p.used; i++) {
    /* Within bounds in the turn after the last, too: see shaders/README.md. */
    float x = p.logits.v[first + min (p.route.v[route + i], p.n_experts - 1)];
    bool sigmoid = p.gating == SHADER_GATING_SIGMOID;
    float w = sigmoid ? 1.0 / (1.0 + exp (-x)) : exp (x - largest) / total;
    sum += w;
    p.route.v[route + p.used + i] = floatBitsToUint (w);
  }
  float factor = p.norm_used != 0 ? p.scale / max (sum, 6.103515625e-5) : p.scale;
  for (uint i = 0; i < p.used; i++) {
    uint at = route + p.used + i;
    float own = SCALED ? p.scales.v[min (p.route.v[route + i], p.n_experts - 1)] : 1.0;
    p.route.v[at] = floatBitsToUint (uintBitsToFloat (p.route.v[at]) * factor * own);
  }
}
