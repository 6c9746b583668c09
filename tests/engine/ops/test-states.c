/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CONV, DELTA_NET and SSM over several timelines and batches: what a batch leaves is what the next
 * begins with, a timeline that begins has nothing. And the gates that go with them. */
#include "tests/engine/ops/suite.h"

#define N_BATCHES  3
#define MAX_RUNS   3
#define MAX_TOKENS 101

/* Timelines, and the tokens of each by batch; 0: it begins anew with one token, and what its slots
 * hold by then is nothing to it. */
typedef struct {
  uint32_t n_runs, lengths[N_BATCHES][MAX_RUNS];
} Schedule;

static const Schedule schedules[] = {
  { 3, { { 5, 1, 40 }, { 1, 0, 3 }, { 2, 17, 1 } } },
  { 1, { { 1 }, { 1 }, { MAX_TOKENS } } },
};

/* A state's shape: heads share keys; a head's state is [d_state][d_value]. */
typedef struct {
  uint32_t n_taps, n_heads, n_keys, d_state, d_value;
} Shape;

static const ModelTensor *
tensor (const Case *c, const char *name)
{
  const ModelTensor *found = model_gguf_find_tensor (c->gguf, name);

  g_assert_nonnull (found);
  return found;
}

/* n numbers within the limits. rows 0: a vector of columns. */
static void
add_numbers (Case *c, const char *name, uint32_t columns, uint32_t rows, float least, float most)
{
  size_t n = (size_t) columns * MAX (rows, 1);
  g_autofree float *values = g_new (float, n);

  for (size_t i = 0; i < n; i++)
    values[i] = least + (most - least) * (test_random_real (&c->random) + 1) / 2;
  test_gguf_add_tensor (c->builder, name, MODEL_TYPE_F32, columns, rows, values,
                        n * sizeof *values);
}

/* Random rows in a buffer. The table is a tensor of that name, added before. */
static void
fill (Case *c, GraphBuffer buffer, const char *table)
{
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, buffer), table);
}

static Case *
new_case (const Shape *shape)
{
  Case *c = case_new (shape->n_heads + shape->d_state, MAX_TOKENS, 1);

  c->desc.h.n_taps = shape->n_taps;
  c->desc.h.n_state_heads = shape->n_heads;
  c->desc.h.n_state_keys = shape->n_keys;
  c->desc.h.d_state = shape->d_state;
  c->desc.h.d_state_value = shape->d_value;
  c->n_states = 2 * MAX_RUNS;
  return c;
}

/* All batches; compares rows of the buffers. */
static void
follow (Case *c, const Schedule *schedule, const GraphBuffer *buffers, size_t n_buffers)
{
  const uint32_t n_runs = schedule->n_runs;
  CaseRunning running = case_begin (c);
  uint32_t positions[MAX_RUNS] = { 0 };

  for (uint32_t b = 0; b < N_BATCHES; b++) {
    CaseResult results[4];

    next_batch (c);
    for (uint32_t i = 0; i < n_runs; i++) {
      uint32_t n = schedule->lengths[b][i];

      positions[i] = n == 0 ? 0 : positions[i];
      add_run (c, positions[i], MAX (n, 1));
      positions[i] += MAX (n, 1);
      c->runs[i].state_from = b % 2 * n_runs + i;
      c->runs[i].state_to = (b + 1) % 2 * n_runs + i;
    }
    for (size_t i = 0; i < n_buffers; i++)
      results[i] = (CaseResult) { buffers[i], c->batch.n_tokens, LIMIT_FLOAT };
    case_step (c, &running, results, n_buffers);
  }
  case_end (&running);
}

static void
run_batches (Case *c, const GraphBuffer *buffers, size_t n_buffers)
{
  for (size_t i = 0; i < G_N_ELEMENTS (schedules); i++)
    follow (c, &schedules[i], buffers, n_buffers);
}

static void
try_conv (uint32_t n, uint32_t n_taps, gboolean gated, uint32_t src_first)
{
  const Shape shape = { n_taps, 1, 1, n, 1 };
  g_autoptr (Case) c = new_case (&shape);
  uint32_t width = gated ? 3 * n : n;
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_MIX] = src_first + width;
  c->plan.buffer_width[GRAPH_BUFFER_CONV] = n;
  add_tensor (c, "embd", MODEL_TYPE_F32, src_first + width, 64, 1);
  add_tensor (c, "taps", MODEL_TYPE_F32, n_taps, n, 1);
  add_tensor (c, "bias", MODEL_TYPE_F32, n, 0, 1);
  write_file (c);
  fill (c, GRAPH_BUFFER_MIX, "embd");
  op = add_op (c, GRAPH_OP_CONV, GRAPH_BUFFER_MIX, GRAPH_BUFFER_CONV);
  op->vector = tensor (c, "taps");
  op->biases[0] = src_first > 0 ? tensor (c, "bias") : NULL;
  op->src_first = src_first;
  op->src_width = width;
  c->plan.state_floats = 3 + (n_taps - 1) * n;
  op->state_first = 3;
  run_batches (c, (const GraphBuffer[]) { GRAPH_BUFFER_CONV }, 1);
}

static void
test_conv (void)
{
  if (!suite_can (GRAPH_NEEDS_RECURRENCE))
    return;
  try_conv (192, 4, FALSE, 0);
  try_conv (33, 2, FALSE, 0);
  try_conv (64, 3, TRUE, 0);
  try_conv (129, 5, TRUE, 0);
  try_conv (7, 64, FALSE, 0);
}

static void
try_delta_net (const Shape *shape)
{
  g_autoptr (Case) c = new_case (shape);
  uint32_t n = shape->d_state, values = shape->n_heads * n, keys = shape->n_keys * n;
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_CONV] = 2 * keys + values;
  c->plan.buffer_width[GRAPH_BUFFER_GATES] = 2 * shape->n_heads;
  c->plan.buffer_width[GRAPH_BUFFER_Z] = c->plan.buffer_width[GRAPH_BUFFER_ATTN] = values;
  add_tensor (c, "qkv", MODEL_TYPE_F32, 2 * keys + values, 64, 1);
  add_tensor (c, "gates", MODEL_TYPE_F32, 2 * shape->n_heads, 64, 1);
  add_tensor (c, "z", MODEL_TYPE_F32, values, 64, 1);
  add_numbers (c, "norm", n, 0, 0.5f, 2);
  add_numbers (c, "steps", shape->n_heads, 0, -2, 2);
  add_numbers (c, "decays", shape->n_heads, 0, -1, -0.01f);
  write_file (c);
  fill (c, GRAPH_BUFFER_CONV, "qkv");
  fill (c, GRAPH_BUFFER_GATES, "gates");
  fill (c, GRAPH_BUFFER_Z, "z");
  op = add_op (c, GRAPH_OP_DELTA_NET, GRAPH_BUFFER_CONV, GRAPH_BUFFER_ATTN);
  op->also[0] = GRAPH_BUFFER_GATES;
  op->also[1] = GRAPH_BUFFER_Z;
  op->vector = tensor (c, "norm");
  op->step = tensor (c, "steps");
  op->decay = tensor (c, "decays");
  c->plan.state_floats = 8 + values * n;
  op->state_first = 8;
  run_batches (c, (const GraphBuffer[]) { GRAPH_BUFFER_ATTN }, 1);
}

static void
test_delta_net (void)
{
  if (!suite_can (GRAPH_NEEDS_RECURRENCE))
    return;
  try_delta_net (&(Shape) { 4, 4, 2, 64, 64 });
  try_delta_net (&(Shape) { 4, 3, 3, 128, 128 });
  try_delta_net (&(Shape) { 4, 4, 1, 20, 20 });
  try_delta_net (&(Shape) { 4, 1, 1, 1, 1 });
  try_delta_net (&(Shape) { 4, 2, 2, 260, 260 });
}

/* Convolution, state space and the norm of its parts, as a layer has them; without the norm where
 * that cannot be done. */
static void
try_ssm (const Shape *shape)
{
  g_autoptr (Case) c = new_case (shape);
  uint32_t values = shape->n_heads * shape->d_value;
  uint32_t channels = values + 2 * shape->n_keys * shape->d_state;
  uint32_t width = values + channels + shape->n_heads;
  gboolean norms =
      (case_backend->vtable->caps (case_backend)->can & GRAPH_NEEDS_LAYER_INPUTS) != 0;
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_MIX] = width;
  c->plan.buffer_width[GRAPH_BUFFER_CONV] = channels;
  c->plan.buffer_width[GRAPH_BUFFER_ATTN] = c->plan.buffer_width[GRAPH_BUFFER_Z] = values;
  add_tensor (c, "embd", MODEL_TYPE_F32, width, 64, 1);
  add_tensor (c, "taps", MODEL_TYPE_F32, shape->n_taps, channels, 0.7f);
  add_tensor (c, "bias", MODEL_TYPE_F32, channels, 0, 0.3f);
  add_numbers (c, "steps", shape->n_heads, 0, -2, 2);
  add_numbers (c, "decays", 1, shape->n_heads, -1, -0.01f);
  add_numbers (c, "skips", 1, shape->n_heads, -1, 1);
  add_numbers (c, "norm", values / shape->n_keys, shape->n_keys, 0.5f, 2);
  write_file (c);
  fill (c, GRAPH_BUFFER_MIX, "embd");
  op = add_op (c, GRAPH_OP_CONV, GRAPH_BUFFER_MIX, GRAPH_BUFFER_CONV);
  op->src_first = values;
  op->src_width = channels;
  op->vector = tensor (c, "taps");
  op->biases[0] = tensor (c, "bias");
  op = add_op (c, GRAPH_OP_SSM, GRAPH_BUFFER_CONV, GRAPH_BUFFER_ATTN);
  op->also[0] = GRAPH_BUFFER_MIX;
  op->step = tensor (c, "steps");
  op->decay = tensor (c, "decays");
  op->skip = tensor (c, "skips");
  op->state_first = (shape->n_taps - 1) * channels;
  c->plan.state_floats = op->state_first + values * shape->d_state;
  if (norms) {
    op = add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_ATTN, GRAPH_BUFFER_Z);
    op->src_width = op->dst_width = values / shape->n_keys;
    op->n_parts = shape->n_keys;
    op->vector = tensor (c, "norm");
  }
  run_batches (c, (const GraphBuffer[]) { GRAPH_BUFFER_CONV, GRAPH_BUFFER_ATTN, GRAPH_BUFFER_Z },
               norms ? 3 : 2);
}

static void
test_ssm (void)
{
  if (!suite_can (GRAPH_NEEDS_RECURRENCE | GRAPH_NEEDS_SSM))
    return;
  try_conv (140, 4, FALSE, 65);
  try_ssm (&(Shape) { 4, 4, 2, 64, 64 });
  try_ssm (&(Shape) { 4, 3, 1, 128, 64 });
  try_ssm (&(Shape) { 2, 6, 3, 20, 5 });
  try_ssm (&(Shape) { 4, 2, 1, 16, 33 });
  try_ssm (&(Shape) { 4, 2, 2, 256, 7 });
}

/* Queries and their gates come head by head; a gate for each value, or one for all. */
static void
try_gates (uint32_t n_heads, uint32_t d_key, uint32_t rest, uint32_t n_tokens)
{
  g_autoptr (Case) c = case_new (n_heads + n_tokens, n_tokens, 1);
  uint32_t queries = n_heads * d_key;
  const CaseResult results[] = { { GRAPH_BUFFER_QKV, n_tokens, LIMIT_EXACT },
                                 { GRAPH_BUFFER_Z, n_tokens, LIMIT_EXACT },
                                 { GRAPH_BUFFER_ATTN, n_tokens, LIMIT_FLOAT },
                                 { GRAPH_BUFFER_HIDDEN, n_tokens, LIMIT_FLOAT } };
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_MIX] = 2 * queries + rest;
  c->plan.buffer_width[GRAPH_BUFFER_QKV] = queries + rest;
  c->plan.buffer_width[GRAPH_BUFFER_Z] = c->plan.buffer_width[GRAPH_BUFFER_ATTN] = queries;
  c->plan.buffer_width[GRAPH_BUFFER_HIDDEN] = queries;
  c->plan.buffer_width[GRAPH_BUFFER_GATES] = 3;
  add_tensor (c, "mix", MODEL_TYPE_F32, 2 * queries + rest, 64, 1);
  add_tensor (c, "values", MODEL_TYPE_F32, queries, 64, 1);
  add_tensor (c, "gates", MODEL_TYPE_F32, 3, 64, 1);
  write_file (c);
  fill (c, GRAPH_BUFFER_MIX, "mix");
  fill (c, GRAPH_BUFFER_ATTN, "values");
  fill (c, GRAPH_BUFFER_HIDDEN, "values");
  fill (c, GRAPH_BUFFER_GATES, "gates");
  op = add_op (c, GRAPH_OP_SPLIT_GATES, GRAPH_BUFFER_MIX, GRAPH_BUFFER_QKV);
  op->also[0] = GRAPH_BUFFER_Z;
  op->n_heads = n_heads;
  op->d_key = d_key;
  add_op (c, GRAPH_OP_SIGMOID_GATE, GRAPH_BUFFER_Z, GRAPH_BUFFER_ATTN);
  add_op (c, GRAPH_OP_SIGMOID_GATE, GRAPH_BUFFER_GATES, GRAPH_BUFFER_HIDDEN)->src_width = 1;
  add_run (c, 0, n_tokens);
  compare_all (c, results, G_N_ELEMENTS (results));
}

static void
test_gates (void)
{
  if (!suite_can (GRAPH_NEEDS_RECURRENCE))
    return;
  try_gates (4, 64, 128, 1);
  try_gates (3, 20, 7, 33);
}

void
add_state_tests (void)
{
  g_test_add_func ("/ops/conv", test_conv);
  g_test_add_func ("/ops/delta-net", test_delta_net);
  g_test_add_func ("/ops/ssm", test_ssm);
  g_test_add_func ("/ops/split-and-sigmoid-gates", test_gates);
}
