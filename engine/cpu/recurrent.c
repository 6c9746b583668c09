/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CONV, DELTA_NET, SSM and what goes around gated queries: steps that walk along a timeline and
 * leave a state for its next batch. Channels and heads are independent of each other and are what
 * the work is cut by; tokens go one after the other, so that results do not depend on how a prompt
 * is cut into batches. Must not know instruction sets.
 * Sources: of the delta rule Yang et al. 2024 (arXiv 2412.06464), equation 10; of the state space
 * Dao and Gu 2024 (arXiv 2405.21060), equation 1. */
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

uint32_t
cpu_conv_scratch_floats (const ModelHparams *h)
{
  return (2 * h->n_taps + 1) * CHANNELS_PER_UNIT;
}

/* Channels first … of a run. Their last taps - 1 inputs are their state, oldest first:
 * [taps - 1][all channels]. */
typedef struct {
  CpuConvolveWork work;
  const float *rows[MAX_TAPS]; /* the window that moves along the run, oldest first */
  float *inputs;               /* [taps][n] of a gated source: products of it with its gates */
  uint32_t first;
  gboolean gated;
} Window;

/* Taps by tap instead of by channel, and what the run saw last. */
static void
open_window (const CpuRun *run, const CpuStep *step, const EngineBatchRun *timeline,
             float *scratch, Window *window)
{
  uint32_t all = step->op->dst_width, n = window->work.n, n_taps = window->work.n_taps;
  const float *before = state_before (run, step, timeline);
  float *taps = scratch, *zeros = taps + n_taps * n;

  for (uint32_t c = 0; c < n; c++)
    for (uint32_t k = 0; k < n_taps; k++)
      taps[k * n + c] = step->vector[(size_t) (window->first + c) * n_taps + k];
  memset (zeros, 0, n * sizeof *zeros);
  for (uint32_t k = 0; k + 1 < n_taps; k++)
    window->rows[k] = before != NULL ? before + (size_t) k * all + window->first : zeros;
  window->inputs = zeros + n;
  window->work.taps = taps;
  window->work.rows = window->rows;
  if (step->biases[0] != NULL)
    window->work.bias = step->biases[0] + window->first;
}

static void
convolve_token (const CpuRun *run, const CpuStep *step, Window *window, uint32_t token, uint32_t t)
{
  uint32_t all = step->op->dst_width, n = window->work.n, last = window->work.n_taps - 1;
  const float *row = cpu_run_row (run, step->src, token) + step->op->src_first + window->first;
  float *input = window->inputs + (size_t) (t % (last + 1)) * n;

  for (uint32_t c = 0; window->gated && c < n; c++)
    input[c] = row[c] * row[2 * (size_t) all + c];
  window->rows[last] = window->gated ? input : row;
  window->work.dst = cpu_run_row (run, step->dst, token) + window->first;
  run->kernels->convolve (&window->work);
  for (uint32_t c = 0; window->gated && c < n; c++)
    window->work.dst[c] *= row[all + c];
  memmove (window->rows, window->rows + 1, last * sizeof *window->rows);
}

void
cpu_conv_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const EngineBatchRun *timeline = &run->batch->runs[unit / channel_cuts (step)];
  uint32_t all = step->op->dst_width, first = unit % channel_cuts (step) * CHANNELS_PER_UNIT;
  gboolean gated = step->op->src_width == 3 * all;
  float *after = state_after (run, step, timeline) + first;
  Window window = {
    .work = { .n_taps = run->executable->plan->desc->h.n_taps,
              .n = MIN (CHANNELS_PER_UNIT, all - first),
              .activate = !gated },
    .first = first,
    .gated = gated,
  };

  open_window (run, step, timeline, cpu_run_scratch (run, worker), &window);
  for (uint32_t t = 0; t < timeline->n_tokens; t++)
    convolve_token (run, step, &window, timeline->first + t, t);
  for (uint32_t k = 0; k + 1 < window.work.n_taps; k++)
    memcpy (after + (size_t) k * all, window.rows[k], window.work.n * sizeof *after);
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

static float
softplus (float x)
{
  return x > 20 ? x : log1pf (expf (x));
}

/* What a head's state was before the run. A timeline that begins has zeros, which stand in `after`
 * then. */
static const float *
open_state (const float *before, float *after, size_t n)
{
  if (before != NULL)
    return before;
  memset (after, 0, n * sizeof *after);
  return after;
}

/* One head along a run: state = decay * state + k (strength * (v - k decay state)), out = q
 * state. */
void
cpu_delta_net_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  const EngineBatchRun *timeline = &run->batch->runs[unit / h->n_state_heads];
  uint32_t head = unit % h->n_state_heads, n = h->d_state, key = head % h->n_state_keys * n;
  size_t first = (size_t) head * n * n;
  const float *before = state_before (run, step, timeline);
  float *q = cpu_run_scratch (run, worker), *k = q + n, *delta = k + n, *out = delta + n;
  CpuRecurWork work = { .n_rows = n, .n = n, .k = k, .q = q, .v = delta, .out = out };

  work.after = state_after (run, step, timeline) + first;
  work.before = open_state (before != NULL ? before + first : NULL, work.after, (size_t) n * n);
  for (uint32_t t = 0; t < timeline->n_tokens; t++) {
    uint32_t token = timeline->first + t;
    const float *src = cpu_run_row (run, step->src, token);
    const float *gates = cpu_run_row (run, step->op->also[0], token);
    const float *z = cpu_run_row (run, step->op->also[1], token) + (size_t) head * n;
    const float *v = src + 2 * h->n_state_keys * n + (size_t) head * n;
    float *dst = cpu_run_row (run, step->dst, token) + (size_t) head * n;
    float strength = sigmoid (gates[h->n_state_heads + head]);

    work.decay = expf (step->decay[head] * softplus (gates[head] + step->steps[head]));
    normalise (src + key, n, h->norm_epsilon, 1 / sqrtf ((float) n), q);
    normalise (src + h->n_state_keys * n + key, n, h->norm_epsilon, 1, k);
    run->kernels->sum_rows (k, work.before, n, n, delta);
    for (uint32_t j = 0; j < n; j++)
      delta[j] = strength * (v[j] - work.decay * delta[j]);
    run->kernels->recur (&work);
    run->kernels->norm (out, step->vector, h->norm_epsilon, n, dst);
    run->kernels->gate (MODEL_ACTIVATION_SILU, z, dst, n, dst);
    work.before = work.after;
  }
}

/* ---- SSM ------------------------------------------------------------------------------------ */

uint32_t
cpu_ssm_units (CpuRun *run, const CpuStep *step)
{
  return run->batch->n_runs * run->executable->plan->desc->h.n_state_heads;
}

/* One head along a run; heads that are neighbours share b and c. */
void
cpu_ssm_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const ModelHparams *h = &run->executable->plan->desc->h;
  const EngineBatchRun *timeline = &run->batch->runs[unit / h->n_state_heads];
  uint32_t head = unit % h->n_state_heads, n = h->d_state_value, values = step->op->dst_width;
  uint32_t key = values + head / (h->n_state_heads / h->n_state_keys) * h->d_state;
  size_t first = (size_t) head * h->d_state * n;
  const float *before = state_before (run, step, timeline);
  float *v = cpu_run_scratch (run, worker), *out = v + n;
  CpuRecurWork work = { .n_rows = h->d_state, .n = n, .v = v, .out = out };

  work.after = state_after (run, step, timeline) + first;
  work.before = open_state (before != NULL ? before + first : NULL, work.after,
                            (size_t) h->d_state * n);
  for (uint32_t t = 0; t < timeline->n_tokens; t++) {
    uint32_t token = timeline->first + t;
    const float *src = cpu_run_row (run, step->src, token), *x = src + (size_t) head * n;
    const float *also = cpu_run_row (run, step->op->also[0], token);
    float size = softplus (also[values + step->op->src_width + head] + step->steps[head]);

    work.decay = expf (step->decay[head] * size);
    work.k = src + key;
    work.q = work.k + h->n_state_keys * h->d_state;
    run->kernels->scale (x, size, n, v);
    run->kernels->recur (&work);
    for (uint32_t j = 0; j < n; j++)
      out[j] += step->skip[head] * x[j];
    run->kernels->gate (MODEL_ACTIVATION_SILU, also + (size_t) head * n, out, n,
                        cpu_run_row (run, step->dst, token) + (size_t) head * n);
    work.before = work.after;
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
