/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The definition of every op, executed: see reference.h. Clear before quick. */
#include "tests/engine/ops/reference-private.h"

#include <math.h>
#include <string.h>

Reference *
reference_new (const GraphPlan *plan, uint32_t context)
{
  Reference *r = g_new0 (Reference, 1);
  size_t tokens;

  r->plan = plan;
  r->context = context;
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];

    if (op->kind != GRAPH_OP_ROPE_STORE)
      continue;
    r->n_layers = MAX (r->n_layers, op->layer + 1);
    r->key_width = MAX (r->key_width, op->n_heads_kv * op->d_key);
    r->value_width = MAX (r->value_width, op->n_heads_kv * op->d_value);
  }
  for (unsigned b = 0; b < GRAPH_N_BUFFERS; b++)
    r->buffer[b] =
        g_new0 (double, (size_t) graph_plan_buffer_rows (plan, b) * plan->buffer_width[b] + 1);
  tokens = (size_t) ENGINE_MAX_RUNS * GRAPH_N_KV_GROUPS * r->n_layers * context;
  r->keys = g_new0 (float, tokens * r->key_width + 1);
  r->values = g_new0 (float, tokens * r->value_width + 1);
  r->states = g_new0 (double, (size_t) ENGINE_MAX_RUNS * plan->state_floats + 1);
  return r;
}

void
reference_free (Reference *r)
{
  for (unsigned b = 0; b < GRAPH_N_BUFFERS; b++)
    g_free (r->buffer[b]);
  g_free (r->keys);
  g_free (r->values);
  g_free (r->states);
  g_free (r);
}

float *
read_tensor (const Reference *r, const ModelTensor *tensor)
{
  size_t n = tensor->ne[0] * tensor->ne[1] * tensor->ne[2];
  g_autofree void *raw = g_malloc (tensor->bytes);
  float *values = g_new (float, n);
  GError *error = NULL;

  if (!model_gguf_read (r->plan->desc->gguf, tensor, 0, raw, tensor->bytes, &error))
    g_error ("%s", error->message);
  tensor->type->to_f32 (raw, values, n);
  return values;
}

static uint32_t
rows_of (const GraphOp *op, const EngineBatch *batch)
{
  return op->output_rows ? batch->n_outputs : batch->n_tokens;
}

static void
run_embed (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  g_autofree float *table = read_tensor (r, op->weights[0]);
  uint32_t n = op->dst_width;

  for (uint32_t run = 0; run < batch->n_runs; run++)
    for (uint32_t t = 0; t < batch->runs[run].n_tokens; t++) {
      uint32_t token = batch->runs[run].first + t;
      const uint32_t rows[] = { [GRAPH_PICK_TOKEN] = (uint32_t) batch->tokens[token],
                                [GRAPH_PICK_POSITION] = batch->runs[run].position + t,
                                [GRAPH_PICK_FIRST] = 0 };
      double *dst = row_of (r, op->dst, token);

      for (uint32_t i = 0; i < n; i++)
        dst[i] = (op->accumulate ? dst[i] : 0) +
                 (double) op->scale * (double) table[(size_t) rows[op->pick] * n + i];
    }
}

static double
inverse_rms (const Reference *r, const double *x, uint32_t n)
{
  double sum = 0;

  for (uint32_t i = 0; i < n; i++)
    sum += x[i] * x[i];
  return 1 / sqrt (sum / n + (double) r->plan->desc->h.norm_epsilon);
}

static void
run_norm (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  g_autofree float *weight = read_tensor (r, op->vector);
  g_autofree float *factor = op->factor != NULL ? read_tensor (r, op->factor) : NULL;
  uint32_t n = op->src_width, n_parts = graph_op_n_parts (op);

  for (uint32_t row = 0; row < rows_of (op, batch) * n_parts; row++) {
    uint32_t part = row % n_parts;
    const double *x = row_of (r, op->src, row / n_parts) + (size_t) part * n;
    const float *w = weight + part % op->vector->ne[1] * n;
    double *y = row_of (r, op->dst, row / n_parts) + (size_t) part * n;
    double inverse = inverse_rms (r, x, n) * (double) op->scale;

    for (uint32_t i = 0; i < n; i++)
      y[i] = ((op->accumulate ? y[i] : 0) + x[i] * inverse * (double) w[i]) *
             (factor != NULL ? (double) *factor : 1);
  }
}

static void
run_layer_norm (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  g_autofree float *weight = read_tensor (r, op->vector);
  g_autofree float *bias = op->biases[0] != NULL ? read_tensor (r, op->biases[0]) : NULL;
  uint32_t n = op->src_width;

  for (uint32_t t = 0; t < rows_of (op, batch); t++) {
    const double *x = row_of (r, op->src, t);
    double mean = 0, variance = 0, epsilon = (double) r->plan->desc->h.norm_epsilon;

    for (uint32_t i = 0; i < n; i++)
      mean += x[i] / n;
    for (uint32_t i = 0; i < n; i++)
      variance += (x[i] - mean) * (x[i] - mean) / n;
    for (uint32_t i = 0; i < n; i++)
      row_of (r, op->dst, t)[i] = (x[i] - mean) / sqrt (variance + epsilon) * (double) weight[i] +
                                  (bias != NULL ? (double) bias[i] : 0);
  }
}

static double
activate (ModelActivation activation, double x)
{
  switch (activation) {
  case MODEL_ACTIVATION_GELU:
    return 0.5 * x * (1 + tanh (sqrt (2 / G_PI) * (x + 0.044715 * x * x * x)));
  case MODEL_ACTIVATION_GELU_ERF:
    return 0.5 * x * (1 + erf (x / sqrt (2)));
  default:
    return x / (1 + exp (-x));
  }
}

static double
gated (const Reference *r, double x, double up)
{
  ModelActivation activation = r->plan->desc->architecture->activation;

  if (activation != MODEL_ACTIVATION_SWIGLU_OAI)
    return activate (activation, x) * up;
  x = MIN (x, 7);
  return x / (1 + exp (-1.702 * x)) * (CLAMP (up, -7, 7) + 1);
}

static double
cap (double x, float most)
{
  return most > 0 ? (double) most * tanh (x / (double) most) : x;
}

/* In four sums, which the processor can add side by side. */
static double
dot (const float *weight, const double *x, uint32_t n)
{
  double sums[4] = { 0 };
  uint32_t i = 0;

  for (; i + 4 <= n; i += 4)
    for (unsigned j = 0; j < 4; j++)
      sums[j] += (double) weight[i + j] * x[i + j];
  for (; i < n; i++)
    sums[0] += (double) weight[i] * x[i];
  return sums[0] + sums[1] + (sums[2] + sums[3]);
}

static void
run_matmul (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  uint32_t first = 0;

  for (uint32_t w = 0; w < op->n_weights; w++) {
    g_autofree float *weight = read_tensor (r, op->weights[w]);
    g_autofree float *bias = op->biases[w] != NULL ? read_tensor (r, op->biases[w]) : NULL;
    uint32_t rows = (uint32_t) op->weights[w]->ne[1], k = op->src_width;

    for (uint32_t t = 0; t < rows_of (op, batch); t++)
      for (uint32_t row = 0; row < rows; row++) {
        double *y = row_of (r, op->dst, t) + first + row;
        double x = dot (weight + (size_t) row * k, row_of (r, op->src, t), k);

        x = (x + (bias != NULL ? (double) bias[row] : 0)) * (double) op->scale;
        if (op->activate)
          x = activate (r->plan->desc->architecture->activation, x);
        *y = (op->accumulate ? *y : 0) + cap (x, op->cap);
      }
    first += rows;
  }
}

static void
run_gated (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  float *weights[2], *biases[2];
  uint32_t k = op->src_width;

  for (unsigned w = 0; w < 2; w++) {
    weights[w] = read_tensor (r, op->weights[w]);
    biases[w] = op->biases[w] != NULL ? read_tensor (r, op->biases[w]) : NULL;
  }

  for (uint32_t t = 0; t < rows_of (op, batch); t++)
    for (uint32_t row = 0; row < op->weights[0]->ne[1]; row++) {
      double product[2];

      for (unsigned w = 0; w < 2; w++)
        product[w] = dot (weights[w] + (size_t) row * k, row_of (r, op->src, t), k) +
                     (biases[w] != NULL ? (double) biases[w][row] : 0);
      row_of (r, op->dst, t)[row] = gated (r, product[0], product[1]);
    }
  for (unsigned w = 0; w < 2; w++) {
    g_free (weights[w]);
    g_free (biases[w]);
  }
}

static void
run_gate (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  for (uint32_t t = 0; t < rows_of (op, batch); t++)
    for (uint32_t i = 0; i < op->dst_width; i++) {
      const double *x = row_of (r, op->src, t), *up = x + op->dst_width;

      if (op->also[0] != GRAPH_BUFFER_NONE)
        up = row_of (r, op->also[0], t) + op->also_first;
      row_of (r, op->dst, t)[i] = gated (r, x[i], up[i]);
    }
}

/* Rotates the leading dimensions of one head. */
static void
rotate (const ModelDesc *desc, uint32_t index, uint32_t position, double *x)
{
  const ModelRotation *rotation = &desc->rotations[index];
  double magnitude = (double) rotation->magnitude;
  uint32_t half = rotation->d_rope / 2;
  gboolean halves = desc->architecture->rope == MODEL_ROPE_HALVES;

  for (uint32_t i = 0; i < half; i++) {
    double angle = position * (double) rotation->frequency[i];
    double *a = x + (halves ? i : 2 * i), *b = x + (halves ? i + half : 2 * i + 1);
    double a0 = *a, b0 = *b;

    *a = magnitude * (a0 * cos (angle) - b0 * sin (angle));
    *b = magnitude * (a0 * sin (angle) + b0 * cos (angle));
  }
}

static float
as_f16 (double x)
{
  return model_f16_to_f32 (model_f32_to_f16 ((float) x));
}

/* n numbers of a head, as the cache holds them. */
static void
keep (const Reference *r, const double *x, uint32_t n, float *kept)
{
  for (uint32_t i = 0; i < n; i += 32) {
    double most = 0;
    float scale;

    if (r->kv_type != MODEL_KV_Q8_0) {
      for (uint32_t j = i; j < MIN (i + 32, n); j++)
        kept[j] = r->kv_type == MODEL_KV_F16 ? as_f16 (x[j]) : (float) x[j];
      continue;
    }
    for (uint32_t j = i; j < i + 32; j++)
      most = MAX (most, fabs (x[j]));
    scale = as_f16 (most / 127);
    for (uint32_t j = i; j < i + 32; j++)
      kept[j] = scale > 0 ? scale * (float) CLAMP (rint (x[j] / (double) scale), -127, 127) : 0;
  }
}

/* Row of a cache: one position of one layer of one timeline. */
static size_t
cache_row (const Reference *r, uint32_t timeline, const GraphOp *op, uint32_t position)
{
  size_t layer = ((size_t) timeline * GRAPH_N_KV_GROUPS + op->group) * r->n_layers + op->layer;

  return layer * r->context + position;
}

/* norm: [d_key] or NULL. */
static void
turn_heads (const Reference *r, const GraphOp *op, const float *norm, uint32_t n_heads,
            uint32_t position, double *x)
{
  for (uint32_t head = 0; head < n_heads; head++, x += op->d_key) {
    double inverse = norm != NULL ? inverse_rms (r, x, op->d_key) : 1;

    for (uint32_t i = 0; norm != NULL && i < op->d_key; i++)
      x[i] *= inverse * (double) norm[i];
    if (op->rotation != MODEL_NO_ROTATION)
      rotate (r->plan->desc, op->rotation, position, x);
  }
}

/* row: of the cache. */
static void
store_values (Reference *r, const GraphOp *op, const double *v, size_t row)
{
  for (uint32_t head = 0; head < op->n_heads_kv; head++, v += op->d_value) {
    double scale = op->norm_values ? inverse_rms (r, v, op->d_value) : 1;
    g_autofree double *normed = g_new (double, op->d_value);

    for (uint32_t i = 0; i < op->d_value; i++)
      normed[i] = v[i] * scale;
    keep (r, normed, op->d_value, r->values + row * r->value_width + head * op->d_value);
  }
}

static void
run_rope_store (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  g_autofree float *q_norm = op->vector != NULL ? read_tensor (r, op->vector) : NULL;
  g_autofree float *k_norm = op->k_norm != NULL ? read_tensor (r, op->k_norm) : NULL;
  uint32_t n_keys = op->n_heads_kv * op->d_key;

  for (uint32_t i = 0; i < batch->n_runs; i++)
    for (uint32_t t = 0; t < batch->runs[i].n_tokens; t++) {
      uint32_t position = batch->runs[i].position + t;
      double *q = row_of (r, op->src, batch->runs[i].first + t), *k = q + op->n_heads * op->d_key;
      size_t row = cache_row (r, i, op, position);

      turn_heads (r, op, q_norm, op->n_heads, position, q);
      if (op->shares_kv)
        continue;
      store_values (r, op, op->value_is_key ? k : k + n_keys, row);
      turn_heads (r, op, k_norm, op->n_heads_kv, position, k);
      for (uint32_t head = 0; head < op->n_heads_kv; head++)
        keep (r, k + head * op->d_key, op->d_key,
              r->keys + row * r->key_width + head * op->d_key);
    }
}

static gboolean
sees (const GraphOp *op, uint32_t position, uint32_t other)
{
  uint32_t window = op->window_tokens;

  if (op->whole_run)
    return window == 0 || (position > other ? position - other : other - position) <= window / 2;
  return other <= position && (window == 0 || position - other < window);
}

/* One query head over the first n positions, as far as it sees them. sink: NULL or a score without
 * a value. */
static void
attend (const Reference *r, const GraphOp *op, const double *q, uint32_t position,
        const float *keys, const float *values, uint32_t n, const float *sink, double *out)
{
  const ModelHparams *h = &r->plan->desc->h;
  g_autofree double *p = g_new (double, n);
  double most = sink != NULL ? (double) *sink : -INFINITY, sum = 0;
  double scale = (double) h->attention_scale;

  if (h->temperature > 0)
    scale *= 1 + (double) h->temperature *
                     log (1 + floor (position / (double) h->temperature_floor_tokens));
  for (uint32_t j = 0; j < n; j++) {
    p[j] = sees (op, position, j)
               ? cap (dot (keys + (size_t) j * r->key_width, q, op->d_key) * scale, op->cap)
               : -INFINITY;
    most = MAX (most, p[j]);
  }
  for (uint32_t j = 0; j < n; j++)
    sum += p[j] = exp (p[j] - most);
  if (sink != NULL)
    sum += exp ((double) *sink - most);
  for (uint32_t d = 0; d < op->d_value; d++)
    out[d] = 0;
  for (uint32_t j = 0; j < n; j++) {
    double part = p[j] / sum;

    for (uint32_t d = 0; d < op->d_value; d++)
      out[d] += part * (double) values[(size_t) j * r->value_width + d];
  }
}

static void
run_attention (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  g_autofree float *sinks = op->vector != NULL ? read_tensor (r, op->vector) : NULL;

  for (uint32_t i = 0; i < batch->n_runs; i++)
    for (uint32_t t = 0; t < batch->runs[i].n_tokens; t++)
      for (uint32_t head = 0; head < op->n_heads; head++) {
        size_t row = cache_row (r, i, op, 0), kv_head = head / (op->n_heads / op->n_heads_kv);
        uint32_t token = batch->runs[i].first + t, position = batch->runs[i].position;
        uint32_t last = op->whole_run ? batch->runs[i].n_tokens - 1 : t;

        attend (r, op, row_of (r, op->src, token) + head * op->d_key, position + t,
                r->keys + row * r->key_width + kv_head * op->d_key,
                r->values + row * r->value_width + kv_head * op->d_value, position + last + 1,
                sinks != NULL ? &sinks[head] : NULL,
                row_of (r, op->dst, token) + head * op->d_value);
      }
}

/* The larger logit first, of equal ones the smaller id. */
static uint32_t
next_choice (const double *logits, uint32_t n, const double *chosen, uint32_t n_chosen)
{
  uint32_t best = n;

  for (uint32_t i = 0; i < n; i++) {
    gboolean taken = FALSE;

    for (uint32_t j = 0; j < n_chosen; j++)
      taken = taken || (uint32_t) chosen[j] == i;
    if (!taken && (best == n || logits[i] > logits[best]))
      best = i;
  }
  return best;
}

static void
run_route (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  const ModelHparams *h = &r->plan->desc->h;
  uint32_t n = op->src_width, n_used = h->n_experts_used;
  g_autofree float *scales = op->vector != NULL ? read_tensor (r, op->vector) : NULL;

  for (uint32_t t = 0; t < batch->n_tokens; t++) {
    const double *logits = row_of (r, op->src, t);
    double *ids = row_of (r, op->dst, t), *weights = ids + n_used, total = 0, sum = 0;

    for (uint32_t i = 0; i < n_used; i++)
      ids[i] = next_choice (logits, n, ids, i);
    for (uint32_t i = 0; i < (h->gating == MODEL_GATING_SOFTMAX ? n : n_used); i++)
      total += exp (logits[h->gating == MODEL_GATING_SOFTMAX ? i : (uint32_t) ids[i]]);
    for (uint32_t i = 0; i < n_used; i++) {
      double x = logits[(uint32_t) ids[i]];

      weights[i] = h->gating == MODEL_GATING_SIGMOID ? 1 / (1 + exp (-x)) : exp (x) / total;
      sum += weights[i];
    }
    for (uint32_t i = 0; i < n_used; i++)
      weights[i] *= (double) h->expert_scale / (h->norm_used ? sum : 1) *
                    (scales != NULL ? (double) scales[(uint32_t) ids[i]] : 1);
  }
}

/* dst[n][used][rows]: products of src (of its part for the choice, when it has parts) with the rows
 * of the experts chosen. Free with g_free. */
static double *
multiply_experts (Reference *r, const GraphOp *op, uint32_t w, gboolean parts,
                  const EngineBatch *batch)
{
  g_autofree float *weight = read_tensor (r, op->weights[w]);
  g_autofree float *bias = op->biases[w] != NULL ? read_tensor (r, op->biases[w]) : NULL;
  size_t k = op->weights[w]->ne[0], rows = op->weights[w]->ne[1];
  uint32_t n_used = r->plan->desc->h.n_experts_used;
  double *result = g_new (double, batch->n_tokens *n_used *rows), *y = result;

  for (uint32_t t = 0; t < batch->n_tokens; t++)
    for (uint32_t i = 0; i < n_used; i++) {
      size_t first = (size_t) row_of (r, op->route, t)[i] * rows;
      const double *x = row_of (r, op->src, t) + (parts ? i * k : 0);

      for (size_t row = first; row < first + rows; row++)
        *y++ = dot (weight + row * k, x, (uint32_t) k) + (bias != NULL ? (double) bias[row] : 0);
    }
  return result;
}

static void
run_experts_gated (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  g_autofree double *gate = multiply_experts (r, op, 0, FALSE, batch);
  g_autofree double *up = multiply_experts (r, op, 1, FALSE, batch);
  uint32_t n = r->plan->desc->h.n_experts_used * (uint32_t) op->weights[0]->ne[1];

  for (uint32_t t = 0; t < batch->n_tokens; t++)
    for (uint32_t i = 0; i < n; i++)
      row_of (r, op->dst, t)[i] = gated (r, gate[(size_t) t * n + i], up[(size_t) t * n + i]);
}

static void
run_experts_down (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  g_autofree double *parts = multiply_experts (r, op, 0, TRUE, batch);
  uint32_t n_used = r->plan->desc->h.n_experts_used, n = op->dst_width;

  for (uint32_t t = 0; t < batch->n_tokens; t++)
    for (uint32_t i = 0; i < n; i++) {
      double *y = row_of (r, op->dst, t) + i, sum = 0;

      for (uint32_t used = 0; used < n_used; used++)
        sum += row_of (r, op->route, t)[n_used + used] *
               parts[((size_t) t * n_used + used) * n + i];
      *y = (op->accumulate ? *y : 0) + (double) op->scale * sum;
    }
}

static void
run_gather (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  for (uint32_t i = 0; i < batch->n_outputs; i++)
    memcpy (row_of (r, op->dst, i), row_of (r, op->src, batch->outputs[i]),
            op->src_width * sizeof (double));
}

static void
run_pool (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
  for (uint32_t i = 0; i < batch->n_outputs; i++) {
    const EngineBatchRun *run = batch->runs;

    while (batch->outputs[i] >= run->first + run->n_tokens)
      run++;
    for (uint32_t d = 0; d < op->src_width; d++) {
      double sum = 0;

      for (uint32_t t = 0; t < run->n_tokens; t++)
        sum += row_of (r, op->src, run->first + t)[d];
      row_of (r, op->dst, i)[d] = sum / run->n_tokens;
    }
  }
}

static void
run_nothing (Reference *r, const GraphOp *op, const EngineBatch *batch)
{
}

void
reference_run (Reference *r, const EngineBatch *batch)
{
  static const ReferenceOp ops[GRAPH_N_OPS] = {
    [GRAPH_OP_EMBED] = run_embed,
    [GRAPH_OP_NORM] = run_norm,
    [GRAPH_OP_LAYER_NORM] = run_layer_norm,
    [GRAPH_OP_MATMUL] = run_matmul,
    [GRAPH_OP_ROPE_STORE] = run_rope_store,
    [GRAPH_OP_ATTENTION] = run_attention,
    [GRAPH_OP_GATED] = run_gated,
    [GRAPH_OP_ROUTE] = run_route,
    [GRAPH_OP_EXPERTS_GATED] = run_experts_gated,
    [GRAPH_OP_EXPERTS_DOWN] = run_experts_down,
    [GRAPH_OP_GATE] = run_gate,
    [GRAPH_OP_CONV] = run_conv,
    [GRAPH_OP_DELTA_NET] = run_delta_net,
    [GRAPH_OP_SSM] = run_ssm,
    [GRAPH_OP_SPLIT_GATES] = run_split_gates,
    [GRAPH_OP_SIGMOID_GATE] = run_sigmoid_gate,
    [GRAPH_OP_GATHER] = run_gather,
    [GRAPH_OP_POOL] = run_pool,
    [GRAPH_OP_CANDIDATES] = run_nothing,
  };

  for (uint32_t i = 0; i < r->plan->n_ops; i++)
    ops[r->plan->ops[i].kind](r, &r->plan->ops[i], batch);
}

double
reference_nmse (const double *want, const float *got, size_t n)
{
  double difference = 0, square = 0;

  for (size_t i = 0; i < n; i++) {
    double d = (double) got[i] - want[i];

    if (!isfinite (got[i]))
      return INFINITY;
    difference += d * d;
    square += want[i] * want[i];
  }
  if (difference <= 0)
    return 0;
  return square > 0 ? difference / square : INFINITY;
}
