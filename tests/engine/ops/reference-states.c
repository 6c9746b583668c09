/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The definitions of the ops that walk along a timeline, and of those around gated queries. */
#include "tests/engine/ops/reference-private.h"

#include <math.h>
#include <string.h>

static double
sigmoid (double x)
{
  return 1 / (1 + exp (-x));
}

static double
softplus (double x)
{
  return log1p (exp (x));
}

/* The part of an op in what run i's timeline keeps. A timeline that begins has zeros. n: floats. */
static double *
state_of (Reference *r, const GraphOp *op, const EngineBatch *batch, uint32_t i, size_t n)
{
  double *state = r->states + (size_t) i * r->plan->state_floats + op->state_first;

  if (batch->runs[i].position == 0)
    memset (state, 0, n * sizeof *state);
  return state;
}

/* One channel of one token. past: its last inputs, [taps - 1] n_channels apart, oldest first. */
static double
convolve (double *past, uint32_t n_channels, const float *taps, uint32_t n_taps, double x)
{
  double sum = x * (double) taps[n_taps - 1];

  for (uint32_t k = 0; k + 1 < n_taps; k++)
    sum += past[(size_t) k * n_channels] * (double) taps[k];
  for (uint32_t k = 0; k + 1 < n_taps; k++)
    past[(size_t) k * n_channels] = k + 2 < n_taps ? past[(size_t) (k + 1) * n_channels] : x;
  return sum;
}

void
run_conv (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  uint32_t n = op->dst_width, n_taps = r->plan->desc->h.n_taps;
  gboolean gated = op->src_width == 3 * n;
  g_autofree float *taps = read_tensor (r, op->vector);
  g_autofree float *bias = op->biases[0] != NULL ? read_tensor (r, op->biases[0]) : NULL;

  for (uint32_t i = 0; i < batch->n_runs; i++) {
    double *past = state_of (r, op, batch, i, (size_t) (n_taps - 1) * n);

    for (uint32_t t = 0; t < batch->runs[i].n_tokens; t++)
      for (uint32_t c = 0; c < n; c++) {
        const double *src = row_of (r, op->src, batch->runs[i].first + t) + op->src_first + c;
        double x = convolve (past + c, n, taps + (size_t) c * n_taps, n_taps,
                             gated ? src[0] * src[2 * n] : src[0]);

        x += bias != NULL ? (double) bias[c] : 0;
        row_of (r, op->dst, batch->runs[i].first + t)[c] = gated ? x * src[n] : x * sigmoid (x);
      }
  }
}

/* x of unit length, times factor. */
static void
normalise (const Reference *r, const double *x, uint32_t n, double factor, double *dst)
{
  double square = 0;

  for (uint32_t i = 0; i < n; i++)
    square += x[i] * x[i];
  for (uint32_t i = 0; i < n; i++)
    dst[i] = x[i] * factor / MAX (sqrt (square), (double) r->plan->desc->h.norm_epsilon);
}

/* state[n][n] after a token, and what it answers to q: out[n]. */
static void
apply_delta_rule (double *state, const double *q, const double *k, const double *v, double decay,
                  double strength, uint32_t n, double *out)
{
  for (uint32_t j = 0; j < n; j++) {
    double known = 0;

    for (uint32_t i = 0; i < n; i++)
      known += k[i] * decay * state[(size_t) i * n + j];
    out[j] = 0;
    for (uint32_t i = 0; i < n; i++) {
      double *s = &state[(size_t) i * n + j];

      *s = decay * *s + k[i] * strength * (v[j] - known);
      out[j] += q[i] * *s;
    }
  }
}

/* One head of one token. */
static void
delta_net_head (Reference *r, const GraphOp *op, uint32_t token, uint32_t head, double decay,
                const float *weight, double *state)
{
  const ModelHparams *h = &r->plan->desc->h;
  uint32_t n = h->d_state, key = head % h->n_state_keys * n, keys = h->n_state_keys * n;
  const double *src = row_of (r, op->src, token);
  const double *gates = row_of (r, op->also[0], token);
  const double *z = row_of (r, op->also[1], token) + (size_t) head * n;
  double *dst = row_of (r, op->dst, token) + (size_t) head * n, square = 0;
  g_autofree double *q = g_new (double, 3 * n);

  normalise (r, src + key, n, 1 / sqrt (n), q);
  normalise (r, src + keys + key, n, 1, q + n);
  apply_delta_rule (state, q, q + n, src + 2 * keys + (size_t) head * n, decay,
                    sigmoid (gates[h->n_state_heads + head]), n, q + 2 * n);
  for (uint32_t i = 0; i < n; i++)
    square += q[2 * n + i] * q[2 * n + i] / n;
  for (uint32_t i = 0; i < n; i++)
    dst[i] = q[2 * n + i] / sqrt (square + (double) h->norm_epsilon) * (double) weight[i] * z[i] *
             sigmoid (z[i]);
}

void
run_delta_net (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  const ModelHparams *h = &r->plan->desc->h;
  g_autofree float *weight = read_tensor (r, op->vector);
  g_autofree float *steps = read_tensor (r, op->step), *decays = read_tensor (r, op->decay);
  size_t n = (size_t) h->d_state * h->d_state;

  for (uint32_t i = 0; i < batch->n_runs; i++) {
    double *state = state_of (r, op, batch, i, h->n_state_heads * n);

    for (uint32_t t = 0; t < batch->runs[i].n_tokens; t++)
      for (uint32_t head = 0; head < h->n_state_heads; head++) {
        uint32_t token = batch->runs[i].first + t;
        double gate = row_of (r, op->also[0], token)[head] + (double) steps[head];

        delta_net_head (r, op, token, head, exp ((double) decays[head] * softplus (gate)), weight,
                        state + head * n);
      }
  }
}

/* One value of one head of one token. state: [d_state], n apart. */
static double
space_value (double *state, uint32_t n, uint32_t d_state, const double *b, const double *c,
             double decay, double x)
{
  double sum = 0;

  for (uint32_t k = 0; k < d_state; k++) {
    double *s = &state[(size_t) k * n];

    *s = decay * *s + b[k] * x;
    sum += c[k] * *s;
  }
  return sum;
}

void
run_ssm (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  const ModelHparams *h = &r->plan->desc->h;
  g_autofree float *steps = read_tensor (r, op->step), *decays = read_tensor (r, op->decay);
  g_autofree float *skips = read_tensor (r, op->skip);
  uint32_t n = h->d_state_value, values = op->dst_width;

  for (uint32_t i = 0; i < batch->n_runs; i++) {
    double *state = state_of (r, op, batch, i, (size_t) values * h->d_state);

    for (uint32_t t = 0; t < batch->runs[i].n_tokens; t++)
      for (uint32_t value = 0; value < values; value++) {
        uint32_t token = batch->runs[i].first + t, head = value / n;
        const double *src = row_of (r, op->src, token), *also = row_of (r, op->also[0], token);
        const double *b = src + values + head / (h->n_state_heads / h->n_state_keys) * h->d_state;
        double step = softplus (also[values + op->src_width + head] + (double) steps[head]);
        double y = space_value (state + (size_t) head * h->d_state * n + value % n, n, h->d_state,
                                b, b + h->n_state_keys * h->d_state,
                                exp (step * (double) decays[head]), step * src[value]);

        row_of (r, op->dst, token)[value] = (y + (double) skips[head] * src[value]) *
                                            also[value] * sigmoid (also[value]);
      }
  }
}

void
run_split_gates (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  uint32_t n = op->d_key, queries = op->n_heads * n;

  for (uint32_t t = 0; t < batch->n_tokens; t++)
    for (uint32_t i = 0; i < op->src_width; i++) {
      double x = row_of (r, op->src, t)[i];

      if (i >= 2 * queries)
        row_of (r, op->dst, t)[i - queries] = x;
      else
        row_of (r, i / n % 2 == 0 ? op->dst : op->also[0], t)[i / (2 * n) * n + i % n] = x;
    }
}

void
run_sigmoid_gate (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  for (uint32_t t = 0; t < batch->n_tokens; t++)
    for (uint32_t i = 0; i < op->dst_width; i++)
      row_of (r, op->dst, t)[i] *= sigmoid (row_of (r, op->src, t)[op->src_width > 1 ? i : 0]);
}
