/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of many columns at once, which some back ends compute by tiles: edges of tiles, every
 * end that a product can have, experts, and activations that no f16 holds. */
#include "tests/engine/ops/suite.h"
#include "tests/engine/ops/test-experts.h"

static double (*limit_of_type) (ModelType);

static const ModelTensor *
tensor (const Case *c, const char *name)
{
  return model_gguf_find_tensor (c->gguf, name);
}

/* QKV = (X x w0 + b0 | X x w1) * scale, the second where `ends`. deviation: of X. */
static void
try_product (ModelType type, uint32_t rows, uint32_t blocks, uint32_t n_tokens, float deviation,
             gboolean ends)
{
  uint32_t k = MAX (model_type_info (type)->block_weights, 32) * blocks;
  g_autoptr (Case) c = case_new (rows + k + n_tokens, n_tokens, 1);
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = k;
  c->plan.buffer_width[GRAPH_BUFFER_QKV] = ends ? rows + 3 : rows;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, deviation);
  add_tensor (c, "w0", type, k, rows, 0.1f);
  add_tensor (c, "b0", MODEL_TYPE_F32, rows, 0, deviation);
  add_tensor (c, "w1", type, k, 3, 0.1f);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_QKV);
  weigh (c, op, "w0");
  if (ends) {
    weigh (c, op, "w1");
    op->biases[0] = tensor (c, "b0");
    op->scale = 0.5f;
  }
  add_run (c, 0, n_tokens);
  compare (c, GRAPH_BUFFER_QKV, n_tokens, limit_of_type (type));
}

/* HIDDEN = act (X x gate) * (X x up); X += HIDDEN x down, as a block ends. */
static void
try_feed_forward (ModelType type, uint32_t n_tokens)
{
  uint32_t k = MAX (model_type_info (type)->block_weights, 32);
  g_autoptr (Case) c = case_new (k + n_tokens, n_tokens, 1);
  double limit = 2 * limit_of_type (type);
  const CaseResult results[] = { { GRAPH_BUFFER_HIDDEN, n_tokens, limit },
                                 { GRAPH_BUFFER_X, n_tokens, 2 * limit } };
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = k;
  c->plan.buffer_width[GRAPH_BUFFER_HIDDEN] = c->desc.h.d_ff = 2 * k;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, 1);
  add_tensor (c, "gate", type, k, 2 * k, 0.2f);
  add_tensor (c, "up", type, k, 2 * k, 0.2f);
  add_tensor (c, "down", type, 2 * k, k, 0.1f);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  op = add_op (c, GRAPH_OP_GATED, GRAPH_BUFFER_X, GRAPH_BUFFER_HIDDEN);
  weigh (c, op, "gate");
  weigh (c, op, "up");
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_X);
  weigh (c, op, "down");
  op->accumulate = TRUE;
  add_run (c, 0, n_tokens);
  compare_all (c, results, G_N_ELEMENTS (results));
}

/* All sizes of tiles, with rows and columns over their edges. */
static void
test_sizes (gconstpointer data)
{
  ModelType type = *(const ModelType *) data;

  try_product (type, 200, 3, 130, 2, FALSE);
  try_product (type, 33, 2, 40, 2, FALSE);
  try_product (type, 1, 1, 17, 2, FALSE);
}

/* One size: the formats differ in how a block is unpacked. */
static void
test_format (gconstpointer data)
{
  try_product (*(const ModelType *) data, 33, 2, 20, 2, FALSE);
}

/* Far beyond what f16 holds, and far below what it tells apart. */
static void
test_ranges (gconstpointer data)
{
  ModelType type = *(const ModelType *) data;

  try_product (type, 33, 1, 20, 3e6f, FALSE);
  try_product (type, 33, 1, 20, 3e-9f, FALSE);
}

static void
test_ends (gconstpointer data)
{
  ModelType type = *(const ModelType *) data;

  try_product (type, 33, 1, 20, 2, TRUE);
  try_feed_forward (type, 20);
}

static void
test_experts (gconstpointer data)
{
  test_experts_block (*(const ModelType *) data, limit_of_type, 130);
}

void
add_tile_tests (double (*limit_of) (ModelType))
{
  /* Between them: floats, an offset, minimums, halves with scales of their own, whole bytes, and
   * the ways of looking codes up. */
  static const ModelType types[] = { MODEL_TYPE_F16, MODEL_TYPE_Q4_0, MODEL_TYPE_Q8_0,
                                     MODEL_TYPE_Q4_K, MODEL_TYPE_Q6_K, MODEL_TYPE_IQ4_NL,
                                     MODEL_TYPE_IQ2_XS };
  static const ModelType *const q4_k = &types[3];

  limit_of_type = limit_of;
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autofree char *path =
        g_strdup_printf ("/ops/tiles/format/%s", model_type_info (types[i])->name);

    g_test_add_data_func (path, &types[i], test_format);
  }
  g_test_add_data_func ("/ops/tiles/sizes", q4_k, test_sizes);
  g_test_add_data_func ("/ops/tiles/ranges", q4_k, test_ranges);
  g_test_add_data_func ("/ops/tiles/ends", q4_k, test_ends);
  g_test_add_data_func ("/ops/tiles/experts", &types[2], test_experts);
}
