/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Picks a token from the candidates of one row as the host's sampler will, by the same number drawn
 * (engine/session/sampler.c has the definitions), and gives it to the step that is queued behind:
 * that begins before the host has read this one. The host's own pick counts; where rounding makes
 * them differ, that step is done again. One workgroup. */
#version 460
#include "refs.glsl"
#include "sums.glsl"

layout (push_constant) uniform Push
{
  ShaderNextPush p;
};
POINTER (16)
readonly restrict buffer PickIn
{
  ShaderPick v;
};

const uint LANES = gl_WorkGroupSize.x;

shared float logits[SHADER_PICKED], best[SHADER_PICKED];
shared uint ids[SHADER_PICKED], best_ids[SHADER_PICKED];

/* One of few: logits that reach the threshold are hardly more than are asked for. */
uint
load_candidates (PickIn pick)
{
  uint n = min (p.result.v[0], SHADER_PICKED);
  for (uint i = gl_LocalInvocationID.x; i < n; i += LANES) {
    uint id = p.result.v[4 + 2 * i];
    float x = uintBitsToFloat (p.result.v[5 + 2 * i]);
    bool recent = false;
    for (uint j = 0; j < pick.v.n_recent; j++)
      recent = recent || pick.v.recent[j] == id;
    if (recent)
      x = x > 0.0 ? x / pick.v.penalty : x * pick.v.penalty;
    ids[i] = id;
    logits[i] = x;
  }
  barrier ();
  return n;
}

/* By falling logit, ties by rising id: a candidate's place is the number of better ones. */
void
sort_candidates (uint n)
{
  for (uint i = gl_LocalInvocationID.x; i < n; i += LANES) {
    uint place = 0;
    for (uint j = 0; j < n; j++)
      place += logits[j] > logits[i] || (logits[j] == logits[i] && ids[j] < ids[i]) ? 1 : 0;
    best[place] = logits[i];
    best_ids[place] = ids[i];
  }
  barrier ();
}

/* logits[i] = exp ((best[i] - best[0]) / temperature). */
void
weigh (uint n, float temperature)
{
  barrier ();
  for (uint i = gl_LocalInvocationID.x; i < n; i += LANES)
    logits[i] = exp ((best[i] - best[0]) / temperature);
  barrier ();
}

float
sum_of_weights (uint n)
{
  float sum = 0.0;
  for (uint i = 0; i < n; i++)
    sum += logits[i];
  return sum;
}

/* How many of the best top-p and min-p leave, by weights without a temperature. */
uint
cut_tail (PickIn pick, uint n)
{
  float most = pick.v.top_p * sum_of_weights (n), sum = 0.0;
  for (uint i = 0; i < n; i++) {
    if (i > 0 && (logits[i] < pick.v.min_p || sum >= most))
      return i;
    sum += logits[i];
  }
  return n;
}

uint
draw (PickIn pick, uint n)
{
  float target = pick.v.uniform_number * sum_of_weights (n);
  for (uint i = 0; i < n; i++) {
    target -= logits[i];
    if (target < 0.0)
      return best_ids[i];
  }
  return best_ids[n - 1];
}

void
main ()
{
  PickIn pick = PickIn (p.pick);
  uint n = load_candidates (pick);
  sort_candidates (n);
  uint token = best_ids[0];
  if (pick.v.temperature > 0.0) {
    n = pick.v.top_k > 0 ? min (n, pick.v.top_k) : n;
    weigh (n, 1.0);
    n = cut_tail (pick, n);
    weigh (n, pick.v.temperature);
    token = draw (pick, n);
  }
  if (gl_LocalInvocationID.x == 0)
    p.token.v[0] = token;
}
