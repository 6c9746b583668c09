/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What some models do to results besides: scales, caps, norms that are added, gates with biases,
 * gates whose two halves one matrix makes, and what layers have of their own for a token. */
#include "tests/engine/ops/suite.h"

static double (*limit_of_type) (ModelType);

static const ModelTensor *
tensor (const Case *c, const char *name)
{
  return model_gguf_find_tensor (c->gguf, name);
}

/* X = scale * row; DELTA = (X x w + b) * scale, capped; X += norm (DELTA); X += (X x w) * scale. */
static void
try_scales (ModelType type, uint32_t n_tokens)
{
  uint32_t k = MAX (model_type_info (type)->block_weights, 32) * 2;
  g_autoptr (Case) c = case_new (k + n_tokens, n_tokens, 1);
  double limit = limit_of_type (type);
  const CaseResult results[] = { { GRAPH_BUFFER_DELTA, n_tokens, 2 * limit },
                                 { GRAPH_BUFFER_X, n_tokens, 4 * limit } };
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = k;
  c->plan.buffer_width[GRAPH_BUFFER_DELTA] = k;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, 1);
  add_tensor (c, "w", type, k, k, 0.1f);
  add_tensor (c, "b", MODEL_TYPE_F32, k, 0, 1);
  add_tensor (c, "norm", MODEL_TYPE_F32, k, 0, 1);
  write_file (c);
  op = add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X);
  weigh (c, op, "embd");
  op->scale = 6;
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_DELTA);
  weigh (c, op, "w");
  op->biases[0] = tensor (c, "b");
  op->scale = 0.25f;
  op->cap = 1.5f;
  op = add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_DELTA, GRAPH_BUFFER_X);
  op->vector = tensor (c, "norm");
  op->accumulate = TRUE;
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_DELTA, GRAPH_BUFFER_X);
  weigh (c, op, "w");
  op->scale = 0.5f;
  op->accumulate = TRUE;
  add_run (c, 0, n_tokens);
  compare_all (c, results, G_N_ELEMENTS (results));
}

static void
test_scales (gconstpointer data)
{
  static const uint32_t tokens[] = { 1, 3, 5, 40 };

  if (!suite_can (GRAPH_NEEDS_SCALES))
    return;
  for (size_t t = 0; t < G_N_ELEMENTS (tokens); t++)
    try_scales (*(const ModelType *) data, tokens[t]);
}

static void
try_gate (ModelType gate, ModelType up, uint32_t rows, uint32_t n_tokens,
          ModelActivation activation)
{
  uint32_t k = MAX (model_type_info (gate)->block_weights, model_type_info (up)->block_weights);
  g_autoptr (Case) c = NULL;
  double limit = 2 * MAX (limit_of_type (gate), limit_of_type (up));
  GraphOp *op;

  k = MAX (k, 32);
  c = case_new (rows + n_tokens, n_tokens, 1);
  c->architecture.activation = activation;
  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = k;
  c->plan.buffer_width[GRAPH_BUFFER_HIDDEN] = c->desc.h.d_ff = rows;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, 2);
  add_tensor (c, "gate", gate, k, rows, 0.3f);
  add_tensor (c, "gate bias", MODEL_TYPE_F32, rows, 0, 1);
  add_tensor (c, "up", up, k, rows, 0.3f);
  add_tensor (c, "up bias", MODEL_TYPE_F32, rows, 0, 1);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  op = add_op (c, GRAPH_OP_GATED, GRAPH_BUFFER_X, GRAPH_BUFFER_HIDDEN);
  weigh (c, op, "gate");
  weigh (c, op, "up");
  op->biases[0] = tensor (c, "gate bias");
  op->biases[1] = tensor (c, "up bias");
  add_run (c, 0, n_tokens);
  compare (c, GRAPH_BUFFER_HIDDEN, n_tokens, limit);
}

/* A matrix that makes gate and up side by side, then GATE. */
static void
try_fused (ModelType type, uint32_t rows, uint32_t n_tokens, ModelActivation activation)
{
  uint32_t k = MAX (model_type_info (type)->block_weights, 32);
  g_autoptr (Case) c = case_new (rows + n_tokens, n_tokens, 1);

  c->architecture.activation = activation;
  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = k;
  c->plan.buffer_width[GRAPH_BUFFER_WIDE] = 2 * rows;
  c->plan.buffer_width[GRAPH_BUFFER_HIDDEN] = c->desc.h.d_ff = rows;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, 2);
  add_tensor (c, "up", type, k, 2 * rows, 0.3f);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  weigh (c, add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_WIDE), "up");
  add_op (c, GRAPH_OP_GATE, GRAPH_BUFFER_WIDE, GRAPH_BUFFER_HIDDEN);
  add_run (c, 0, n_tokens);
  compare (c, GRAPH_BUFFER_HIDDEN, n_tokens, 2 * limit_of_type (type));
}

static void
test_gate (gconstpointer data)
{
  static const uint32_t rows[] = { 1, 15, 16, 65 }, tokens[] = { 1, 4, 9, 40 };
  static const ModelActivation activations[] = { MODEL_ACTIVATION_SWIGLU_OAI,
                                                 MODEL_ACTIVATION_SILU, MODEL_ACTIVATION_GELU };
  ModelType type = *(const ModelType *) data;

  if (!suite_can (GRAPH_NEEDS_GATE))
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    try_gate (type, type, rows[i], tokens[i], activations[i % 3]);
    try_fused (type, rows[i], tokens[i], activations[(i + 1) % 3]);
  }
  try_gate (type, MODEL_TYPE_F16, 40, 9, MODEL_ACTIVATION_SWIGLU_OAI);
}

/* A table of which rows are read from the file alone: INPUTS = norm of each part of a row, then +=
 * its rows; HIDDEN = act (HIDDEN) * a part of INPUTS, in place; X = (X + norm (DELTA)) * factor. */
static void
try_inputs (ModelType type, uint32_t width, uint32_t n_parts, uint32_t n_tokens)
{
  g_autoptr (Case) c = case_new (width + n_tokens, n_tokens, 1);
  const CaseResult results[] = { { GRAPH_BUFFER_INPUTS, n_tokens, LIMIT_FLOAT },
                                 { GRAPH_BUFFER_HIDDEN, n_tokens, LIMIT_FLOAT },
                                 { GRAPH_BUFFER_X, n_tokens, LIMIT_FLOAT } };
  GraphOp *op;

  c->architecture.activation = MODEL_ACTIVATION_GELU;
  c->plan.buffer_width[GRAPH_BUFFER_INPUTS] = n_parts * width;
  c->plan.buffer_width[GRAPH_BUFFER_HIDDEN] = width;
  c->plan.buffer_width[GRAPH_BUFFER_X] = width;
  add_tensor (c, "embd", MODEL_TYPE_F32, width, 64, 1);
  add_tensor (c, "wide", MODEL_TYPE_F32, n_parts * width, 64, 20);
  add_tensor (c, "table", type, n_parts * width, 64, 1);
  add_tensor (c, "norm", MODEL_TYPE_F32, width, 0, 1);
  add_tensor (c, "norms", MODEL_TYPE_F32, width, n_parts, 1);
  add_tensor (c, "factor", MODEL_TYPE_F32, 1, 0, 1);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_HIDDEN), "embd");
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_INPUTS), "wide");
  op = add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_INPUTS, GRAPH_BUFFER_INPUTS);
  op->vector = tensor (c, n_tokens % 2 == 0 ? "norm" : "norms");
  op->src_width = op->dst_width = width;
  op->n_parts = n_parts;
  op->scale = 0.7f;
  op = add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_INPUTS);
  weigh (c, op, "table");
  op->from_file = op->accumulate = TRUE;
  op->scale = 11;
  op = add_op (c, GRAPH_OP_GATE, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_HIDDEN);
  op->also[0] = GRAPH_BUFFER_INPUTS;
  op->also_first = (n_parts - 1) * width;
  op = add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_X);
  op->vector = tensor (c, "norm");
  op->factor = tensor (c, "factor");
  op->accumulate = TRUE;
  add_run (c, 0, n_tokens);
  compare_all (c, results, G_N_ELEMENTS (results));
}

static void
test_inputs (gconstpointer data)
{
  static const uint32_t parts[] = { 1, 3, 5, 2 }, tokens[] = { 1, 4, 9, 40 };
  ModelType type = *(const ModelType *) data;
  uint32_t block = MAX (model_type_info (type)->block_weights, 32);

  if (!suite_can (GRAPH_NEEDS_LAYER_INPUTS))
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (parts); i++)
    try_inputs (type, block * (1 + (uint32_t) i), parts[i], tokens[i]);
}

void
add_scale_tests (double (*limit_of) (ModelType))
{
  static const ModelType types[] = { MODEL_TYPE_F32, MODEL_TYPE_F16, MODEL_TYPE_Q4_0,
                                     MODEL_TYPE_Q6_K };

  limit_of_type = limit_of;
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    const char *name = model_type_info (types[i])->name;
    g_autofree char *scales = g_strdup_printf ("/ops/scales/%s", name);
    g_autofree char *gate = g_strdup_printf ("/ops/gate/%s", name);
    g_autofree char *inputs = g_strdup_printf ("/ops/inputs/%s", name);

    g_test_add_data_func (scales, &types[i], test_scales);
    g_test_add_data_func (gate, &types[i], test_gate);
    g_test_add_data_func (inputs, &types[i], test_inputs);
  }
}
