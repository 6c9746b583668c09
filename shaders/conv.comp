/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A convolution along the tokens of a run. A lane is a channel and keeps the window of its last
 * inputs; a workgroup takes a tile of a run's tokens, and what comes before them from the run, or
 * from its state. The tile with the last token leaves the state. */
#version 460
#include "refs.glsl"
#include "activation.glsl"

layout (constant_id = 2) const uint TAPS = 4;
/* src holds b, c and x side by side: inputs are b * x, results are multiplied by c. */
layout (constant_id = 3) const bool GATED = false;
layout (constant_id = 4) const bool BIASED = false;

layout (push_constant) uniform Push
{
  ShaderConvPush p;
};

float
read_input (uint token, uint channel)
{
  uint at = token * p.src_stride + p.src_first + channel;
  return GATED ? p.src.v[at] * p.src.v[at + 2 * p.channels] : p.src.v[at];
}

void
main ()
{
  ShaderRun run = RunsIn (p.runs).v[gl_WorkGroupID.z];
  uint channel = gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  uint begin = gl_WorkGroupID.y * SHADER_CONV_TILE;
  uint end = min (begin + SHADER_CONV_TILE, run.n_tokens);
  if (channel >= p.channels || begin >= end)
    return;
  float taps[TAPS], window[TAPS];
  [[unroll]] for (uint k = 0; k < TAPS; k++)
    taps[k] = p.taps.v[channel * TAPS + k];
  [[unroll]] for (uint k = 0; k + 1 < TAPS; k++) {
    uint ahead = begin + k; /* by TAPS - 1 tokens of the one that is meant */
    window[k] = 0.0;
    if (ahead >= TAPS - 1)
      window[k] = read_input (run.first + ahead - (TAPS - 1), channel);
    else if (run.position > 0)
      window[k] = run.from.v[p.state_first + ahead * p.channels + channel];
  }
  float bias = BIASED ? p.bias.v[channel] : 0.0;
  for (uint t = begin; t < end; t++) {
    uint token = run.first + t;
    float sum = bias;
    window[TAPS - 1] = read_input (token, channel);
    [[unroll]] for (uint k = 0; k < TAPS; k++)
      sum += taps[k] * window[k];
    [[unroll]] for (uint k = 0; k + 1 < TAPS; k++)
      window[k] = window[k + 1];
    if (GATED)
      sum *= p.src.v[token * p.src_stride + p.src_first + p.channels + channel];
    p.dst.v[token * p.dst_stride + channel] = GATED ? sum : activate (SHADER_SILU, sum);
  }
  if (end == run.n_tokens)
      [[unroll]]
    for (uint k = 0; k + 1 < TAPS; k++)
      run.to.v[p.state_first + k * p.channels + channel] = window[k];
}
