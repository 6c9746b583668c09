/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The largest logits of a row and log-sum-exp of all, in three passes of fixed size:
 *   SLICE   the maximum and the sum of exponentials of each slice;
 *   CUT     one workgroup: log-sum-exp, and as threshold the k-th largest maximum of a slice (its
 *           upper 24 bits), so that at least k logits reach it and few more do;
 *   COLLECT appends (id, logit) of all that reach the threshold.
 * The host sorts what came back and keeps k. In SLICE and COLLECT a workgroup is a slice. */
#version 460
#include "refs.glsl"
#include "sums.glsl"

layout (push_constant) uniform Push
{
  ShaderCandidatesPush p;
};

const uint LANES = gl_WorkGroupSize.x;

#if defined PASS_SLICE
void
main ()
{
  uint slice = gl_WorkGroupID.x, output_row = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
  uint first = slice * p.slice, end = min (first + p.slice, p.vocab);
  float largest = -1e30, sum = 0.0;
  for (uint i = first + lane; i < end; i += LANES)
    largest = max (largest, p.logits.v[output_row * p.vocab + i]);
  largest = largest_of_lanes (largest);
  for (uint i = first + lane; i < end; i += LANES)
    sum += exp (p.logits.v[output_row * p.vocab + i] - largest);
  sum = sum_lanes (sum);
  if (lane == 0) {
    uint at = (output_row * SHADER_SLICES + slice) * 2;
    p.slices.v[at] = largest;
    p.slices.v[at + 1] = sum;
  }
}
#elif defined PASS_CUT
const uint EACH = (SHADER_SLICES + LANES - 1) / LANES;

/* Unsigned numbers in the order of the floats. */
uint
key_of (float x)
{
  uint bits = floatBitsToUint (x);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

float
float_of (uint key)
{
  return uintBitsToFloat ((key >> 31) != 0 ? key & 0x7fffffffu : ~key);
}

/* The largest key, but for its last 8 bits, that n slices reach, found bit by bit; 0 where there
 * are not so many. */
uint
find_threshold (float largest[EACH], uint n)
{
  uint threshold = 0;
  for (int bit = 31; bit >= 8; bit--) {
    uint next = threshold | 1u << bit;
    float reach = 0.0;
    for (uint i = 0; i < EACH; i++)
      reach += key_of (largest[i]) >= next ? 1.0 : 0.0;
    if (sum_lanes (reach) >= float (n))
      threshold = next;
  }
  return threshold;
}

void
main ()
{
  uint output_row = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
  uint first = output_row * SHADER_SLICES * 2, result = output_row * SHADER_RESULT_WORDS;
  float largest[EACH], most = -1e30, sum = 0.0;
  for (uint i = 0; i < EACH; i++) {
    uint slice = lane + i * LANES;
    largest[i] = slice < SHADER_SLICES ? p.slices.v[first + 2 * slice] : -1e30;
    most = max (most, largest[i]);
  }
  most = largest_of_lanes (most);
  for (uint i = 0; i < EACH; i++) {
    uint slice = lane + i * LANES;
    sum += slice < SHADER_SLICES ? p.slices.v[first + 2 * slice + 1] * exp (largest[i] - most)
                                 : 0.0;
  }
  sum = sum_lanes (sum);
  uint n = BatchIn (p.batch).v.n_candidates;
  float threshold = n == 1 ? most : float_of (find_threshold (largest, n));
  if (lane > 0)
    return;
  p.result.v[result] = 0;
  p.result.v[result + 1] = floatBitsToUint (threshold);
  p.result.v[result + 2] = floatBitsToUint (most + log (sum));
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
  for (uint i = first + gl_LocalInvocationID.x; i < end; i += LANES) {
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
