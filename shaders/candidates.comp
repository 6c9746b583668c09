/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The largest logits of a row and log-sum-exp of all, in three passes of fixed size:
 *   SLICE   a workgroup per slice: its maximum and its sum of exponentials;
 *   CUT     one workgroup: log-sum-exp, and as threshold the k-th largest maximum of a slice, so
 *           that at least k logits reach it and few more do;
 *   COLLECT a workgroup per slice: appends (id, logit) of all that reach the threshold.
 * The host sorts what came back and keeps k. */
#version 460
#include "refs.glsl"

layout (push_constant) uniform Push
{
  ShaderCandidatesPush p;
};

shared float values[SHADER_SLICES];

#if defined PASS_SLICE
void
main ()
{
  uint slice = gl_WorkGroupID.x, output_row = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
  uint first = slice * p.slice, end = min (first + p.slice, p.vocab);
  float largest = -1e30;
  for (uint i = first + lane; i < end; i += gl_WorkGroupSize.x)
    largest = max (largest, p.logits.v[output_row * p.vocab + i]);
  values[lane] = largest;
  barrier ();
  for (uint i = 0; i < gl_WorkGroupSize.x; i++)
    largest = max (largest, values[i]);
  float sum = 0.0;
  for (uint i = first + lane; i < end; i += gl_WorkGroupSize.x)
    sum += exp (p.logits.v[output_row * p.vocab + i] - largest);
  barrier ();
  values[lane] = sum;
  barrier ();
  float all = 0.0;
  for (uint i = 0; i < gl_WorkGroupSize.x; i++)
    all += values[i];
  if (lane == 0) {
    uint at = (output_row * SHADER_SLICES + slice) * 2;
    p.slices.v[at] = largest;
    p.slices.v[at + 1] = all;
  }
}
#elif defined PASS_CUT
void
main ()
{
  uint output_row = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
  uint first = output_row * SHADER_SLICES * 2;
  for (uint i = lane; i < SHADER_SLICES; i += gl_WorkGroupSize.x)
    values[i] = p.slices.v[first + 2 * i];
  barrier ();
  uint wanted = BatchIn (p.batch).v.n_candidates - 1;
  for (uint i = lane; i < SHADER_SLICES; i += gl_WorkGroupSize.x) {
    float mine = values[i];
    uint above = 0;
    for (uint j = 0; j < SHADER_SLICES; j++) {
      float other = values[j];
      above += other > mine || (other == mine && j < i) ? 1 : 0;
    }
    if (above == wanted)
      p.result.v[output_row * SHADER_RESULT_WORDS + 1] = floatBitsToUint (mine);
  }
  if (lane > 0)
    return;
  float largest = -1e30, sum = 0.0;
  for (uint i = 0; i < SHADER_SLICES; i++)
    largest = max (largest, values[i]);
  for (uint i = 0; i < SHADER_SLICES; i++)
    sum += p.slices.v[first + 2 * i + 1] * exp (values[i] - largest);
  p.result.v[output_row * SHADER_RESULT_WORDS] = 0;
  p.result.v[output_row * SHADER_RESULT_WORDS + 2] = floatBitsToUint (largest + log (sum));
}
#else
void
main ()
{
  uint slice = gl_WorkGroupID.x, output_row = gl_WorkGroupID.y;
  uint first = slice * p.slice, end = min (first + p.slice, p.vocab);
  uint result = output_row * SHADER_RESULT_WORDS;
  float threshold = uintBitsToFloat (p.result.v[result + 1]);
  if (p.slices.v[(output_row * SHADER_SLICES + slice) * 2] < threshold)
    return;
  for (uint i = first + gl_LocalInvocationID.x; i < end; i += gl_WorkGroupSize.x) {
    float logit = p.logits.v[output_row * p.vocab + i];
    if (logit >= threshold) {
      uint at = atomicAdd (p.result.v[result], 1u);
      if (at < SHADER_FOUND) {
        p.result.v[result + 4 + 2 * at] = i;
        p.result.v[result + 5 + 2 * at] = floatBitsToUint (logit);
      }
    }
  }
}
#endif
