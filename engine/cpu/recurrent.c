/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CONV, DELTA_NET and what goes around gated queries: steps that walk along a timeline and leave a
 * state for its next batch. Channels and heads are independent of each other and are what the work
 * is cut by; tokens go one after the other, so that results do not depend on how a prompt is cut
 * into batches. Must not know instruction sets.
 * Source of the delta rule: Yang et al. 2024 (arXiv 2412.06464), equation 10. */
#include "engine/cpu/internal.h"

#include <math.h>
#include <string.h>

#define CHANNELS_PER_UNIT 128
#define MAX_TAPS          64

static inline float
sigmoid (float x)
{
  return 1 / (1 + expf (-x));
}

/* The state of a run before and after the batch; they never overlap. A timeline that begins has
 * none. */
static const float *
state_before (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline)
{
  const CpuModel *model = run->executable->model;

  if (timeline->position == 0)
    return NULL;
  return model->states + timeline->state_from * model->state_floats + step->op->state_first;
}

static float *
state_after (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline)
{
  const CpuModel *model = run->executable->model;

  return model->states + timeline->state_to * model->state_floats + step->op->state_first;
}

/* ---- CONV ----------------------------------------------------------------------------------- */

static uint32_t
channel_cuts (const CpuStep *step)
{
  return (step->op->dst_width + CHANNELS_PER_UNIT - 1) / CHANNELS_PER_UNIT;
}

uint32_t
cpu_conv_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_runs * channel_cuts (step);
}

/* What is convolved: a channel of a token, or its product with its gate. */
static inline float
conv_input (const float *row, uint32_t channel, uint32_t n, gboolean gated)
{
  return gated ? row[channel] * row[2 * n + channel] : row[channel];
}

/* One channel along a run: the last taps - 1 inputs are its state, oldest first, [taps - 1][n]. */
static void
convolve (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline, uint32_t channel)
{
  uint32_t n = step->op->dst_width, taps = run->executable->plan->desc->h.n_taps;
  gboolean gated = step->op->src_width == 3 * n;
  const float *kernel = step->vector + (size_t) channel * taps;
  const float *before = state_before (run, step, timeline);
  float *after = state_after (run, step, timeline), window[MAX_TAPS];

  for (uint32_t k = 0; k + 1 < taps; k++)
    window[k] = before != NULL ? before[(size_t) k * n + channel] : 0;
  for (uint32_t t = 0; t < timeline->n_tokens; t++) {
    const float *row = cpu_run_row (run, step->src, timeline->first + t);
    float *dst = cpu_run_row (run, step->dst, timeline->first + t) + channel, sum = 0;

    window[taps - 1] = conv_input (row, channel, n, gated);
    for (uint32_t k = 0; k < taps; k++)
      sum += kernel[k] * window[k];
    *dst = gated ? sum * row[n + channel] : sum * sigmoid (sum);
    memmove (window, window + 1, (taps - 1) * sizeof *window);
  }
  for (uint32_t k = 0; k + 1 < taps; k++)
    after[(size_t) k * n + channel] = window[k];
}

void
cpu_conv_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const EngineBatchRun *timeline = &run->batch->runs[unit / channel_cuts (step)];
  uint32_t first = unit % channel_cuts (step) * CHANNELS_PER_UNIT;
  uint32_t last = MIN (first + CHANNELS_PER_UNIT, step->op->dst_width);

  for (uint32_t channel = first; channel < last; channel++)
    convolve (run, step, timeline, channel);
}

/* ---- DELTA_NET ------------------------------------------------------------------------------ */

uint32_t
cpu_delta_net_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_runs * run->executable->plan->desc->h.n_state_heads;
}

/* dst[n] = src / its length, times factor; epsilon as ggml's l2 norm has it. */
static void
normalise (const float *src, uint32_t n, float epsilon, float factor, float *dst)
{
  float square = 0;

  for (uint32_t i = 0; i < n; i++)
    square += src[i] * src[i];
  factor /= MAX (sqrtf (square), epsilon);
  for (uint32_t i = 0; i < n; i++)
    dst[i] = src[i] * factor;
}

/* state[n][n] = decay * state + k (strength * (v - k decay state)); out = q state. scratch: [n]. */
static void
delta_rule (float *state, const float *q, const float *k, const float *v, float decay,
            float strength, uint32_t n, float *scratch, float *out)
{
  memset (scratch, 0, n * sizeof *scratch);
  for (uint32_t i = 0; i < n; i++) {
    float *row = state + (size_t) i * n;

    for (uint32_t j = 0; j < n; j++)
      row[j] *= decay;
    for (uint32_t j = 0; j < n; j++)
      scratch[j] += k[i] * row[j];
  }
  for (uint32_t j = 0; j < n; j++)
    scratch[j] = strength * (v[j] - scratch[j]);
  memset (out, 0, n * sizeof *out);
  for (uint32_t i = 0; i < n; i++) {
    float *row = state + (size_t) i * n;

    for (uint32_t j = 0; j < n; j++)
      row[j] += k[i] * scratch[j];
    for (uint32_t j = 0; j < n; j++)
      out[j] += q[i] * row[j];
  }
}

static float
softplus (float x)
{
  return x > 20 ? x : log1pf (expf (x));
}

/* One head along a run. */
void
cpu_delta_net_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  const EngineBatchRun *timeline = &run->batch->runs[unit / h->n_state_heads];
  uint32_t head = unit % h->n_state_heads, n = h->d_state, key = head % h->n_state_keys * n;
  const float *before = state_before (run, step, timeline);
  float *state = state_after (run, step, timeline) + (size_t) head * n * n;
  float *q = cpu_run_scratch (run, worker), *k = q + n, *delta = k + n, *out = delta + n;

  if (before != NULL)
    memcpy (state, before + (size_t) head * n * n, (size_t) n * n * sizeof *state);
  else
    memset (state, 0, (size_t) n * n * sizeof *state);
  for (uint32_t t = 0; t < timeline->n_tokens; t++) {
    uint32_t token = timeline->first + t;
    const float *src = cpu_run_row (run, step->src, token);
    const float *gates = cpu_run_row (run, step->op->also[0], token);
    const float *z = cpu_run_row (run, step->op->also[1], token) + (size_t) head * n;
    float *dst = cpu_run_row (run, step->dst, token) + (size_t) head * n;
    float decay = expf (step->decay[head] * softplus (gates[head] + step->steps[head]));

    normalise (src + key, n, h->norm_epsilon, 1 / sqrtf ((float) n), q);
    normalise (src + h->n_state_keys * n + key, n, h->norm_epsilon, 1, k);
    delta_rule (state, q, k, src + 2 * h->n_state_keys * n + (size_t) head * n, decay,
                sigmoid (gates[h->n_state_heads + head]), n, delta, out);
    run->kernels->norm (out, step->vector, h->norm_epsilon, n, dst);
    for (uint32_t i = 0; i < n; i++)
      dst[i] *= z[i] * sigmoid (z[i]);
  }
}

/* ---- gated queries -------------------------------------------------------------------------- */

uint32_t
cpu_split_gates_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_tokens;
}

/* Each head of the source holds its query and then its gate; keys and values follow. */
void
cpu_split_gates_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const GraphOp *op = step->op;
  const float *src = cpu_run_row (run, step->src, unit);
  float *dst = cpu_run_row (run, step->dst, unit), *gates = cpu_run_row (run, op->also[0], unit);
  uint32_t n = op->d_key, queries = op->n_heads * n;

  for (uint32_t head = 0; head < op->n_heads; head++) {
    memcpy (dst + head * n, src + 2 * head * n, n * sizeof *dst);
    memcpy (gates + head * n, src + (2 * head + 1) * n, n * sizeof *gates);
  }
  memcpy (dst + queries, src + 2 * queries, (op->dst_width - queries) * sizeof *dst);
}

uint32_t
cpu_sigmoid_gate_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_tokens;
}

void
cpu_sigmoid_gate_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const float *gates = cpu_run_row (run, step->src, unit);
  float *dst = cpu_run_row (run, step->dst, unit);

  if (step->op->src_width == 1)
    run->kernels->scale (dst, sigmoid (gates[0]), step->op->dst_width, dst);
  for (uint32_t i = 0; step->op->src_width > 1 && i < step->op->dst_width; i++)
    dst[i] *= sigmoid (gates[i]);
}
