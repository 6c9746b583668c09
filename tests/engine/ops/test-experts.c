/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mixtures of experts: the choice by itself, with ties, and a feed-forward block from its norm to
 * the sum, on odd shapes: experts that nobody uses, tokens from one to more than a group holds. */
#include "tests/engine/ops/test-experts.h"

#include "tests/engine/ops/case.h"

#define LIMIT_FLOAT 1e-9

static double (*limit_of_type) (ModelType);
static gboolean (*type_is_thorough) (ModelType);

typedef struct {
  uint32_t n_experts, n_used;
  ModelGating gating;
  gboolean norm_used;
  float scale;
  gboolean scaled; /* each expert by a number of its own */
} Choice;

static const Choice choices[] = {
  { 8, 2, MODEL_GATING_SOFTMAX, TRUE, 1 },
  { 128, 8, MODEL_GATING_SOFTMAX, TRUE, 1, TRUE },
  { 60, 4, MODEL_GATING_SOFTMAX, FALSE, 1 },
  { 32, 4, MODEL_GATING_SOFTMAX_OF_USED, FALSE, 1 },
  { 17, 17, MODEL_GATING_SIGMOID, TRUE, 2.5f },
  { 257, 6, MODEL_GATING_SIGMOID, FALSE, 1.5f, TRUE },
  { 1, 1, MODEL_GATING_SOFTMAX_OF_USED, TRUE, 1 },
  { 3, 1, MODEL_GATING_SOFTMAX, TRUE, 1 },
  { 512, 10, MODEL_GATING_SOFTMAX, TRUE, 1 },
};

static void
set_choice (Case *c, const Choice *choice)
{
  ModelHparams *h = &c->desc.h;

  h->n_experts = choice->n_experts;
  h->n_experts_used = choice->n_used;
  h->gating = choice->gating;
  h->norm_used = choice->norm_used;
  h->expert_scale = choice->scale;
  c->plan.buffer_width[GRAPH_BUFFER_ROUTE] = 2 * choice->n_used;
}

/* Logits straight out of a table. Codes of 4 bits with one scale make many ties. */
static void
try_route (const Choice *choice, uint32_t n_tokens, gboolean ties)
{
  g_autoptr (Case) c = case_new (choice->n_experts + n_tokens, n_tokens, 1);
  uint32_t width = ties ? (choice->n_experts + 31) / 32 * 32 : choice->n_experts;
  Choice wide = *choice;
  GraphOp *op;

  wide.n_experts = width;
  set_choice (c, &wide);
  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = width;
  add_tensor (c, "embd", ties ? MODEL_TYPE_Q4_0 : MODEL_TYPE_F32, width, 64, ties ? 1 : 3);
  add_tensor (c, "scales", MODEL_TYPE_F32, width, 0, 1);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  op = add_op (c, GRAPH_OP_ROUTE, GRAPH_BUFFER_X, GRAPH_BUFFER_ROUTE);
  if (choice->scaled)
    op->vector = model_gguf_find_tensor (c->gguf, "scales");
  add_run (c, 0, n_tokens);
  compare (c, GRAPH_BUFFER_ROUTE, n_tokens, LIMIT_FLOAT);
}

static void
test_route (void)
{
  static const uint32_t tokens[] = { 1, 2, 4, 5, 9, 40 };

  for (size_t i = 0; i < G_N_ELEMENTS (choices); i++)
    for (size_t t = 0; t < G_N_ELEMENTS (tokens); t++) {
      try_route (&choices[i], tokens[t], FALSE);
      try_route (&choices[i], tokens[t], TRUE);
    }
}

typedef struct {
  ModelType gate, up, down;
  uint32_t k, f; /* columns of gate, and of down */
  ModelActivation activation;
  float scale; /* of the result; the residual is kept when it is not 1 */
  gboolean biased;
} Block;

static void
add_block_tensors (Case *c, const Choice *choice, const Block *b)
{
  uint32_t n = choice->n_experts;

  add_tensor (c, "embd", MODEL_TYPE_F32, b->k, 64, 2);
  add_tensor (c, "norm", MODEL_TYPE_F32, b->k, 0, 1);
  add_tensor (c, "router", MODEL_TYPE_F32, b->k, n, 0.2f);
  add_matrices (c, "gate", b->gate, b->k, b->f, n, 0.2f);
  add_matrices (c, "up", b->up, b->k, b->f, n, 0.2f);
  add_matrices (c, "down", b->down, b->f, b->k, n, 0.2f);
  add_tensor (c, "gate bias", MODEL_TYPE_F32, b->f, n, 1);
  add_tensor (c, "up bias", MODEL_TYPE_F32, b->f, n, 1);
  add_tensor (c, "down bias", MODEL_TYPE_F32, b->k, n, 1);
  write_file (c);
}

/* weight: its bias is named after it. */
static void
weigh_experts (Case *c, GraphOp *op, const Block *b, const char *weight)
{
  g_autofree char *bias = g_strconcat (weight, " bias", NULL);

  if (b->biased)
    op->biases[op->n_weights] = model_gguf_find_tensor (c->gguf, bias);
  weigh (c, op, weight);
}

/* X += experts (norm (X)), on all the way. */
static void
try_block (const Choice *choice, const Block *b, uint32_t n_tokens)
{
  g_autoptr (Case) c = case_new (choice->n_experts + b->k + b->f + n_tokens, n_tokens, 1);
  double limit = 2 * MAX (limit_of_type (b->gate), limit_of_type (b->up));
  const CaseResult results[] = {
    { GRAPH_BUFFER_ROUTE, n_tokens, LIMIT_FLOAT },
    { GRAPH_BUFFER_EXPERTS, n_tokens, limit },
    { GRAPH_BUFFER_X, n_tokens, limit + 2 * limit_of_type (b->down) },
  };
  GraphOp *op;

  c->architecture.activation = b->activation;
  set_choice (c, choice);
  c->plan.buffer_width[GRAPH_BUFFER_X] = c->plan.buffer_width[GRAPH_BUFFER_NORMED] =
      c->desc.h.d_model = b->k;
  c->plan.buffer_width[GRAPH_BUFFER_ROUTER] = choice->n_experts;
  c->plan.buffer_width[GRAPH_BUFFER_EXPERTS] = choice->n_used * b->f;
  c->desc.h.d_ff_expert = b->f;
  add_block_tensors (c, choice, b);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED)->vector =
      model_gguf_find_tensor (c->gguf, "norm");
  weigh (c, add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_NORMED, GRAPH_BUFFER_ROUTER), "router");
  add_op (c, GRAPH_OP_ROUTE, GRAPH_BUFFER_ROUTER, GRAPH_BUFFER_ROUTE);
  op = add_op (c, GRAPH_OP_EXPERTS_GATED, GRAPH_BUFFER_NORMED, GRAPH_BUFFER_EXPERTS);
  op->route = GRAPH_BUFFER_ROUTE;
  weigh_experts (c, op, b, "gate");
  weigh_experts (c, op, b, "up");
  op = add_op (c, GRAPH_OP_EXPERTS_DOWN, GRAPH_BUFFER_EXPERTS, GRAPH_BUFFER_X);
  op->route = GRAPH_BUFFER_ROUTE;
  op->scale = b->scale;
  op->accumulate = b->scale < 1 || b->scale > 1;
  weigh_experts (c, op, b, "down");
  add_run (c, 0, n_tokens);
  compare_all (c, results, G_N_ELEMENTS (results));
}

void
test_experts_block (ModelType type, double (*limit_of) (ModelType), uint32_t n_tokens)
{
  uint32_t block = MAX (model_type_info (type)->block_weights, 32);
  Block b = { type, type, type, block, 2 * block, MODEL_ACTIVATION_SILU, 0.5f };

  limit_of_type = limit_of;
  try_block (&choices[0], &b, n_tokens);
}

/* Experts with biases, as gpt-oss has them. What ends a product is the same code for all
 * formats. */
static void
test_biases (ModelType type, uint32_t block)
{
  static const uint32_t tokens[] = { 1, 3, 9, 40 };

  for (size_t t = 0; t < G_N_ELEMENTS (tokens); t++) {
    Block b = { type, type, type, block, 2 * block, MODEL_ACTIVATION_SWIGLU_OAI,
                t % 2 == 0 ? 1 : 0.5f, TRUE };

    if (type_is_thorough (type) || type == MODEL_TYPE_MXFP4)
      try_block (&choices[0], &b, tokens[t]);
  }
}

static void
test_block (gconstpointer data)
{
  static const uint32_t tokens[] = { 1, 2, 3, 4, 5, 8, 17, 40, 130 };
  ModelType type = *(const ModelType *) data;
  uint32_t block = MAX (model_type_info (type)->block_weights, 32);
  const struct {
    Block block;
    uint32_t tokens;
  } others[] = {
    { { type, type, type, 3 * block, 2 * block, MODEL_ACTIVATION_GELU, 1 }, 7 },
    { { type, MODEL_TYPE_F16, type, block, 2 * block, MODEL_ACTIVATION_SILU, 1 }, 3 },
    { { type, MODEL_TYPE_F16, MODEL_TYPE_BF16, 2 * block, 40, MODEL_ACTIVATION_SILU, 1 }, 230 },
  };

  for (size_t t = 0; t < G_N_ELEMENTS (tokens) && type_is_thorough (type); t++)
    for (size_t i = 0; i < G_N_ELEMENTS (choices); i += 1 + t / 2) {
      Block b = { type, type, type, block, block, MODEL_ACTIVATION_SILU, t % 2 == 0 ? 1 : 0.5f };

      /* Of long blocks many experts are many weights to make, and no other code. */
      if (choices[i].n_experts > 17 && block > 32)
        continue;
      try_block (&choices[i], &b, tokens[t]);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    try_block (&choices[0], &others[i].block, others[i].tokens);
  test_biases (type, block);
}

void
test_experts_add (const ModelType *types, size_t n_types, double (*limit_of) (ModelType),
                  gboolean (*is_thorough) (ModelType))
{
  type_is_thorough = is_thorough;
  limit_of_type = limit_of;
  g_test_add_func ("/ops/route", test_route);
  for (size_t i = 0; i < n_types; i++) {
    g_autofree char *path =
        g_strdup_printf ("/ops/experts/%s", model_type_info (types[i])->name);

    g_test_add_data_func (path, &types[i], test_block);
  }
}
