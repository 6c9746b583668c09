/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ONE suite for all back ends: "test-ops BACKEND" builds small plans by hand on random weights,
 * runs them on that back end and compares every result with the reference (reference.h). A back
 * end is one row of the table at the end. */
#include "tests/engine/ops/suite.h"
#include "tests/engine/ops/test-experts.h"

#include "engine/vulkan/layout.h"
#include "engine/vulkan/vulkan.h"
#include "tests/engine/cpu/stand-ins.h"

#include <math.h>
#include <string.h>

typedef struct {
  const char *name;
  CpuTier tier;
  const char *quirks;                           /* of a Vulkan device; NULL: a processor */
  gboolean quantises;                           /* activations, for quantised weights */
  gboolean (*runs) (const ModelTypeInfo *type); /* NULL: every type */
  double tiles;                                 /* 0, or a limit: only test-tiles.c */
  gboolean products;                            /* only ops that multiply */
} Backend;

static const Backend *backend_under_test;

/* Every number format that there is. */
static ModelType types[64];
static size_t n_types;

/* Those that try every shape: between them they have all that shapes could meet in a format. The
 * others try a few, so that the suite stays quick. */
static gboolean
is_thorough (ModelType type)
{
  static const ModelType thorough[] = { MODEL_TYPE_F32, MODEL_TYPE_F16, MODEL_TYPE_Q4_1,
                                        MODEL_TYPE_Q8_0, MODEL_TYPE_Q4_K, MODEL_TYPE_Q6_K };

  for (size_t i = 0; i < G_N_ELEMENTS (thorough); i++)
    if (thorough[i] == type)
      return TRUE;
  return FALSE;
}

/* Of a device's kernels every number of columns and every end of a product is another pipeline, and
 * making them takes most of the suite's time. What formats differ in, how a block is read, is the
 * same code in all of them. */
static gboolean
tries_few (ModelType type)
{
  return backend_under_test->quirks != NULL && !is_thorough (type);
}

static double
limit_of (ModelType type)
{
  gboolean quantised = model_type_info (type)->block_weights > 1;

  if (quantised && backend_under_test->tiles > 0)
    return backend_under_test->tiles;
  return quantised && backend_under_test->quantises ? LIMIT_QUANTISED : LIMIT_FLOAT;
}

/* ---- the ops -------------------------------------------------------------------------------- */

static void
test_embed (gconstpointer data)
{
  ModelType type = *(const ModelType *) data;
  uint32_t widths[] = { 256, 768 };

  for (size_t i = 0; i < G_N_ELEMENTS (widths); i++) {
    g_autoptr (Case) c = case_new (i + 1, 17, 1);

    c->desc.h.n_vocab = 67;
    c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = widths[i];
    add_tensor (c, "embd", type, widths[i], 67, 1);
    write_file (c);
    weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
    add_run (c, 0, 17);
    compare (c, GRAPH_BUFFER_X, 17, LIMIT_EXACT);
  }
}

static void
test_norm (void)
{
  static const ModelType vector_types[] = { MODEL_TYPE_F32, MODEL_TYPE_F16 };
  static const uint32_t widths[] = { 32, 64, 96, 576, 1024, 1056 };

  for (size_t i = 0; i < G_N_ELEMENTS (widths) * 2; i++) {
    g_autoptr (Case) c = case_new (i + 1, 5, 1);
    uint32_t width = widths[i / 2];

    c->plan.buffer_width[GRAPH_BUFFER_X] = c->plan.buffer_width[GRAPH_BUFFER_NORMED] =
        c->desc.h.d_model = width;
    add_tensor (c, "embd", MODEL_TYPE_F32, width, 64, i % 3 == 0 ? 1e-3f : 30);
    add_tensor (c, "norm", vector_types[i % 2], width, 0, 1);
    write_file (c);
    weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
    add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED)->vector =
        model_gguf_find_tensor (c->gguf, "norm");
    add_run (c, 0, 5);
    compare (c, GRAPH_BUFFER_NORMED, 5, LIMIT_FLOAT);
  }
}

/* What an encoder starts from: vectors of tokens, positions and one type, summed. */
static void
test_embed_sums (gconstpointer data)
{
  ModelType type = *(const ModelType *) data;
  g_autoptr (Case) c = case_new (type + 1, 40, 1);
  static const char *const tables[] = { "tokens", "positions", "types" };

  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = 256;
  for (unsigned i = 0; i < G_N_ELEMENTS (tables); i++)
    add_tensor (c, tables[i], i == 1 ? MODEL_TYPE_F32 : type, 256, i == 2 ? 2 : 64, 1);
  write_file (c);
  for (unsigned i = 0; i < G_N_ELEMENTS (tables); i++) {
    GraphOp *op = add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X);

    weigh (c, op, tables[i]);
    op->pick = (GraphPick) i;
    op->accumulate = i > 0;
  }
  add_run (c, 0, 20);
  add_run (c, 44, 20);
  compare (c, GRAPH_BUFFER_X, 40, LIMIT_FLOAT);
}

/* Also in place, as after the sum of a residual. */
static void
try_layer_norm (uint32_t width, gboolean biased, gboolean in_place, float deviation)
{
  g_autoptr (Case) c = case_new (width + biased, 5, 1);
  GraphBuffer dst = in_place ? GRAPH_BUFFER_X : GRAPH_BUFFER_NORMED;
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_X] = c->plan.buffer_width[GRAPH_BUFFER_NORMED] =
      c->desc.h.d_model = width;
  add_tensor (c, "embd", MODEL_TYPE_F32, width, 64, deviation);
  add_tensor (c, "norm", MODEL_TYPE_F32, width, 0, 1);
  add_tensor (c, "bias", MODEL_TYPE_F16, width, 0, 1);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  op = add_op (c, GRAPH_OP_LAYER_NORM, GRAPH_BUFFER_X, dst);
  op->vector = model_gguf_find_tensor (c->gguf, "norm");
  op->biases[0] = biased ? model_gguf_find_tensor (c->gguf, "bias") : NULL;
  add_run (c, 0, 5);
  compare (c, dst, 5, LIMIT_FLOAT);
}

static void
test_layer_norm (void)
{
  static const uint32_t widths[] = { 32, 33, 64, 96, 384, 1023, 1056 };

  for (size_t i = 0; i < G_N_ELEMENTS (widths); i++)
    for (unsigned j = 0; j < 4; j++)
      try_layer_norm (widths[i], j % 2 == 0, j < 2, i % 3 == 0 ? 1e-2f : 30);
}

/* NORMED = rows of a table x weights; with accumulate X += X x weights, which needs k rows. */
static void
try_matmul (ModelType type, uint32_t rows, uint32_t k, uint32_t n_tokens, gboolean accumulate)
{
  g_autoptr (Case) c = case_new (rows * 1000u + k + n_tokens, n_tokens, 1);
  GraphBuffer dst = accumulate ? GRAPH_BUFFER_X : GRAPH_BUFFER_QKV;
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_X] = c->plan.buffer_width[GRAPH_BUFFER_NORMED] = k;
  c->plan.buffer_width[GRAPH_BUFFER_QKV] = accumulate ? 0 : 2 * rows + 3;
  c->desc.h.d_model = k;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, 2);
  add_tensor (c, "norm", MODEL_TYPE_F32, k, 0, 1);
  add_tensor (c, "w0", type, k, accumulate ? k : rows, 0.1f);
  add_tensor (c, "w1", type, k, 3, 0.1f);
  add_tensor (c, "w2", type, k, rows, 0.1f);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED)->vector =
      model_gguf_find_tensor (c->gguf, "norm");
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_NORMED, dst);
  weigh (c, op, "w0");
  if (!accumulate) {
    weigh (c, op, "w1");
    weigh (c, op, "w2");
  }
  op->accumulate = accumulate;
  add_run (c, 0, n_tokens);
  compare (c, dst, n_tokens, limit_of (type));
}

static void
test_matmul (gconstpointer data)
{
  static const uint32_t rows[] = { 1, 2, 3, 15, 16, 17, 31, 33, 63, 65 };
  static const uint32_t tokens[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17, 40, 130 };
  ModelType type = *(const ModelType *) data;
  uint32_t block = MAX (model_type_info (type)->block_weights, 32);
  size_t step = is_thorough (type) ? 1 : 4;

  try_matmul (type, 200, 1024, 20, FALSE);
  if (tries_few (type)) {
    try_matmul (type, 15, block, 1, FALSE);
    try_matmul (type, 65, block * 3, 1, FALSE);
    try_matmul (type, 33, block * 2, 130, FALSE);
    return;
  }
  for (size_t r = 0; r < G_N_ELEMENTS (rows); r += step)
    for (uint32_t blocks = 1; blocks <= 3; blocks++)
      try_matmul (type, rows[r], block * blocks, tokens[(r * 3 + blocks) % G_N_ELEMENTS (tokens)],
                  FALSE);
  for (size_t t = 0; t < G_N_ELEMENTS (tokens); t += step)
    try_matmul (type, 33, block * 2, tokens[t], FALSE);
  try_matmul (type, 0, block * 2, 1, TRUE);
  try_matmul (type, 0, block * 3, 7, TRUE);
}

/* HIDDEN = act (X x weights + biases), the second of two without a bias, then X += HIDDEN x weights
 * + bias and its norm in place: the feed-forward block of an encoder. */
static void
try_biased (ModelType type, uint32_t rows, uint32_t n_tokens, ModelActivation activation)
{
  uint32_t k = MAX (model_type_info (type)->block_weights, 32);
  g_autoptr (Case) c = case_new (rows + n_tokens, n_tokens, 1);
  const CaseResult results[] = { { GRAPH_BUFFER_QKV, n_tokens, limit_of (type) },
                                 { GRAPH_BUFFER_HIDDEN, n_tokens, 2 * limit_of (type) },
                                 { GRAPH_BUFFER_X, n_tokens, 4 * limit_of (type) } };
  GraphOp *op;

  c->architecture.activation = activation;
  c->plan.buffer_width[GRAPH_BUFFER_X] = c->desc.h.d_model = k;
  c->plan.buffer_width[GRAPH_BUFFER_QKV] = rows + 5;
  c->plan.buffer_width[GRAPH_BUFFER_HIDDEN] = 2 * k;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, 1);
  add_tensor (c, "w0", type, k, rows, 0.3f);
  add_tensor (c, "b0", MODEL_TYPE_F32, rows, 0, 2);
  add_tensor (c, "w1", type, k, 5, 0.3f);
  add_tensor (c, "up", type, k, 2 * k, 0.2f);
  add_tensor (c, "up bias", MODEL_TYPE_F32, 2 * k, 0, 1);
  add_tensor (c, "down", type, 2 * k, k, 0.2f);
  add_tensor (c, "down bias", MODEL_TYPE_F16, k, 0, 1);
  add_tensor (c, "norm", MODEL_TYPE_F32, k, 0, 1);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_QKV);
  weigh (c, op, "w0");
  weigh (c, op, "w1");
  op->biases[0] = model_gguf_find_tensor (c->gguf, "b0");
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_HIDDEN);
  weigh (c, op, "up");
  op->biases[0] = model_gguf_find_tensor (c->gguf, "up bias");
  op->activate = TRUE;
  op = add_op (c, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_X);
  weigh (c, op, "down");
  op->biases[0] = model_gguf_find_tensor (c->gguf, "down bias");
  op->accumulate = TRUE;
  add_op (c, GRAPH_OP_LAYER_NORM, GRAPH_BUFFER_X, GRAPH_BUFFER_X)->vector =
      model_gguf_find_tensor (c->gguf, "norm");
  add_run (c, 0, n_tokens);
  compare_all (c, results, G_N_ELEMENTS (results));
}

static void
test_biased (gconstpointer data)
{
  static const uint32_t rows[] = { 1, 15, 17, 32, 65, 16 }, tokens[] = { 1, 2, 4, 5, 9, 40 };
  static const ModelActivation activations[] = { MODEL_ACTIVATION_SILU, MODEL_ACTIVATION_GELU,
                                                 MODEL_ACTIVATION_GELU_ERF };
  ModelType type = *(const ModelType *) data;

  /* What a product ends with is the same code for all formats. */
  if (!is_thorough (type)) {
    try_biased (type, 1, 1, MODEL_ACTIVATION_GELU_ERF);
    if (!tries_few (type))
      try_biased (type, 65, 9, MODEL_ACTIVATION_GELU_ERF);
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    try_biased (type, rows[i], tokens[i], activations[i % 3]);
    try_biased (type, rows[i], tokens[(i + 2) % G_N_ELEMENTS (tokens)], MODEL_ACTIVATION_GELU_ERF);
  }
}

static void
try_gated (ModelType gate, ModelType up, uint32_t rows, uint32_t k, uint32_t n_tokens,
           ModelActivation activation)
{
  g_autoptr (Case) c = case_new (rows + k + n_tokens, n_tokens, 1);
  GraphOp *op;

  c->architecture.activation = activation;
  c->plan.buffer_width[GRAPH_BUFFER_X] = c->plan.buffer_width[GRAPH_BUFFER_NORMED] = k;
  c->plan.buffer_width[GRAPH_BUFFER_HIDDEN] = rows;
  c->desc.h.d_model = k;
  c->desc.h.d_ff = rows;
  add_tensor (c, "embd", MODEL_TYPE_F32, k, 64, 2);
  add_tensor (c, "norm", MODEL_TYPE_F32, k, 0, 1);
  add_tensor (c, "gate", gate, k, rows, 0.2f);
  add_tensor (c, "up", up, k, rows, 0.2f);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X), "embd");
  add_op (c, GRAPH_OP_NORM, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED)->vector =
      model_gguf_find_tensor (c->gguf, "norm");
  op = add_op (c, GRAPH_OP_GATED, GRAPH_BUFFER_NORMED, GRAPH_BUFFER_HIDDEN);
  weigh (c, op, "gate");
  weigh (c, op, "up");
  add_run (c, 0, n_tokens);
  compare (c, GRAPH_BUFFER_HIDDEN, n_tokens, 2 * MAX (limit_of (gate), limit_of (up)));
}

static void
test_gated (gconstpointer data)
{
  static const uint32_t rows[] = { 1, 15, 16, 17, 65, 96 };
  static const uint32_t tokens[] = { 1, 2, 6, 7, 17, 100 };
  ModelType type = *(const ModelType *) data;
  uint32_t block = MAX (model_type_info (type)->block_weights, 32);
  size_t step = is_thorough (type) ? 1 : 5;

  if (tries_few (type)) {
    try_gated (type, type, 65, 3 * block, 1, MODEL_ACTIVATION_SILU);
    return;
  }
  for (size_t r = 0; r < G_N_ELEMENTS (rows); r += step)
    for (size_t t = 0; t < G_N_ELEMENTS (tokens); t += step)
      try_gated (type, type, rows[r], block * (1 + (uint32_t) (r + t) % 3), tokens[t],
                 MODEL_ACTIVATION_SILU);
  try_gated (type, type, 40, block, 3, MODEL_ACTIVATION_GELU);
  try_gated (type, MODEL_TYPE_F16, 40, block, 9, MODEL_ACTIVATION_SILU);
}

static int
compare_ids (const void *a, const void *b, void *logits)
{
  int32_t x = *(const int32_t *) a, y = *(const int32_t *) b;
  const float *l = logits;

  if (l[x] > l[y] || l[x] < l[y])
    return l[x] > l[y] ? -1 : 1;
  return x < y ? -1 : x > y;
}

/* Exact: the ids and logits that sorting the whole row gives, ties by rising id. */
static void
check_candidates (const Case *c, uint32_t row)
{
  uint32_t n_vocab = c->desc.h.n_vocab, n = c->batch.n_candidates;
  float *logits = c->result.logits + (size_t) row * n_vocab;
  const EngineCandidate *best = c->result.candidates + (size_t) row * n;
  g_autofree int32_t *ids = g_new (int32_t, n_vocab);
  double sum = 0;

  for (uint32_t i = 0; i < n_vocab; i++)
    ids[i] = (int32_t) i;
  g_sort_array (ids, n_vocab, sizeof *ids, compare_ids, logits);
  for (uint32_t i = 0; i < n; i++) {
    g_assert_cmpint (best[i].id, ==, ids[i]);
    g_assert_cmpfloat (best[i].logit, ==, logits[ids[i]]);
  }
  for (uint32_t i = 0; i < n_vocab; i++)
    sum += exp ((double) logits[i] - (double) logits[ids[0]]);
  g_assert_cmpfloat_with_epsilon (c->result.lse[row], (double) logits[ids[0]] + log (sum), 1e-4);
}

static void
try_candidates (uint32_t n_vocab, uint32_t n_candidates, gboolean ties)
{
  static const uint32_t outputs[] = { 0, 3, 4 };
  g_autoptr (Case) c = case_new (n_vocab + n_candidates, 5, 3);
  const GraphBuffer sources[] = { GRAPH_BUFFER_X, GRAPH_BUFFER_OUT, GRAPH_BUFFER_LOGITS };
  GraphOp *op;

  c->plan.buffer_width[GRAPH_BUFFER_X] = c->plan.buffer_width[GRAPH_BUFFER_OUT] =
      c->desc.h.d_model = 32;
  c->plan.buffer_width[GRAPH_BUFFER_LOGITS] = c->desc.h.n_vocab = n_vocab;
  add_tensor (c, "embd", MODEL_TYPE_F32, 32, n_vocab, 1);
  /* Codes of 4 bits and one block: many rows with equal logits when all scales are equal too. */
  add_tensor (c, "output", ties ? MODEL_TYPE_Q4_0 : MODEL_TYPE_F32, 32, n_vocab, ties ? 0 : 1);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, sources[0]), "embd");
  add_op (c, GRAPH_OP_GATHER, sources[0], sources[1]);
  op = add_op (c, GRAPH_OP_MATMUL, sources[1], sources[2]);
  op->output_rows = TRUE;
  weigh (c, op, "output");
  add_op (c, GRAPH_OP_CANDIDATES, sources[2], GRAPH_BUFFER_NONE)->output_rows = TRUE;
  add_run (c, 0, 5);
  c->batch.outputs = outputs;
  c->batch.n_outputs = 3;
  c->batch.n_candidates = n_candidates;
  c->batch.want_logits = TRUE;
  c->result.candidates = g_new0 (EngineCandidate, 3 * n_candidates);
  c->result.lse = g_new0 (float, 3);
  c->result.logits = g_new0 (float, (size_t) 3 * n_vocab);
  compare (c, sources[2], 3, ties ? 1 : LIMIT_FLOAT);
  for (uint32_t row = 0; row < 3; row++)
    check_candidates (c, row);
}

static void
test_candidates (void)
{
  static const uint32_t vocabularies[] = { 256, 257, 1000, 1024, 1025, 5000, 49152 };
  static const uint32_t counts[] = { 1, 2, 40, 255, 256 };

  for (size_t v = 0; v < G_N_ELEMENTS (vocabularies); v++)
    for (size_t n = 0; n < G_N_ELEMENTS (counts); n++) {
      if (v < 6 || n % 2 == 0)
        try_candidates (vocabularies[v], counts[n], FALSE);
      if (v < 6)
        try_candidates (vocabularies[v], counts[n], TRUE);
    }
}

/* ---- back ends ------------------------------------------------------------------------------ */

/* The first device, software or not; none is no failure. */
static EngineBackend *
open_vulkan (const char *quirks)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) devices = vulkan_devices (&error);
  EngineBackend *opened = NULL;

  if (*quirks != '\0')
    g_setenv ("BOTTEGA_VULKAN_QUIRKS", quirks, TRUE);
  for (guint i = 0; devices != NULL && opened == NULL && i < devices->len; i++)
    if (((VulkanDeviceInfo *) g_ptr_array_index (devices, i))->usable) {
      opened = vulkan_backend_open (i, NULL, &error);
      g_assert_no_error (error);
    }
  return opened;
}

/* Of formats whose codes are 4, 6 and 8 bits. */
static gboolean
is_common (const ModelTypeInfo *type)
{
  return type->id == MODEL_TYPE_Q4_K || type->id == MODEL_TYPE_Q6_K || type->id == MODEL_TYPE_Q8_0;
}

/* What a graphics card without a row of its own would run, on the same device ("none"); such a card
 * without an instruction for dot products, with units for f16 matrices (on which two workgroups are
 * enough), and with integer dot products alone. */
static const Backend backends[] = {
  { "cpu-portable", CPU_TIER_PORTABLE, NULL, FALSE, NULL },
  { "cpu-avx2", CPU_TIER_AVX2, NULL, TRUE, NULL },
  { "cpu-avx-vnni", CPU_TIER_AVX_VNNI, NULL, TRUE, NULL, .products = TRUE }, /* else AVX2 */
  { "cpu-avx512", CPU_TIER_AVX512, NULL, TRUE, NULL },
  { "cpu-amx", CPU_TIER_AMX, NULL, TRUE, NULL, .products = TRUE }, /* else AVX-512 */
  { "vulkan", 0, "", TRUE, vulkan_layout_runs },
  { "vulkan-hardware", 0, "none", TRUE, vulkan_layout_runs },
  { "vulkan-slow-dots", 0, "none,slow_dots=1", TRUE, is_common },
  { "vulkan-matrices", 0, "none,tiling=2,fill_tiles=2,sums=2", TRUE, vulkan_layout_runs,
    LIMIT_HALVES },
  { "vulkan-dots", 0, "none,tiling=1,fill_tiles=2", TRUE, vulkan_layout_runs, LIMIT_QUANTISED },
};

/* NULL: this machine lacks it. */
static EngineBackend *
open_backend (const Backend *backend)
{
  return backend->quirks != NULL ? open_vulkan (backend->quirks)
                                 : stand_in_backend_open (2, backend->tier);
}

static void
list_types (void)
{
  for (uint32_t id = 0; id < G_N_ELEMENTS (types); id++) {
    const ModelTypeInfo *info = model_type_info (id);

    if (info != NULL && (backend_under_test->runs == NULL || backend_under_test->runs (info)))
      types[n_types++] = (ModelType) id;
  }
}

static void
add_per_type (const char *op, void (*test) (gconstpointer))
{
  for (size_t i = 0; i < n_types; i++) {
    g_autofree char *path = g_strdup_printf ("/ops/%s/%s", op, model_type_info (types[i])->name);

    g_test_add_data_func (path, &types[i], test);
  }
}

static gboolean
is_no_type_thorough (ModelType type)
{
  return FALSE;
}

/* Experts multiply as others do, and take long: a few shapes, of formats of each kind. */
static void
add_product_tests (void)
{
  static const ModelType few[] = { MODEL_TYPE_Q4_0, MODEL_TYPE_Q8_0, MODEL_TYPE_Q4_K,
                                   MODEL_TYPE_Q6_K, MODEL_TYPE_MXFP4, MODEL_TYPE_TQ1_0 };

  add_per_type ("matmul", test_matmul);
  add_per_type ("biased", test_biased);
  add_per_type ("gated", test_gated);
  add_scale_tests (limit_of);
  test_experts_add (few, G_N_ELEMENTS (few), limit_of, is_no_type_thorough);
}

static void
add_all_tests (void)
{
  add_per_type ("embed", test_embed);
  add_per_type ("embed-sums", test_embed_sums);
  g_test_add_func ("/ops/norm", test_norm);
  g_test_add_func ("/ops/layer-norm", test_layer_norm);
  add_per_type ("matmul", test_matmul);
  add_per_type ("biased", test_biased);
  add_per_type ("gated", test_gated);
  add_attention_tests ();
  add_state_tests ();
  add_scale_tests (limit_of);
  if ((case_backend->vtable->caps (case_backend)->can & GRAPH_NEEDS_EXPERTS) != 0)
    test_experts_add (types, n_types, limit_of, is_thorough);
  g_test_add_func ("/ops/candidates", test_candidates);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS (backends); i++)
    if (strcmp (argv[1], backends[i].name) == 0)
      backend_under_test = &backends[i];
  if (backend_under_test == NULL) {
    g_printerr ("usage: test-ops BACKEND\n");
    return 2;
  }
  case_backend = open_backend (backend_under_test);
  if (case_backend == NULL) {
    g_print ("1..0 # SKIP this machine does not run %s\n", backend_under_test->name);
    return 0;
  }
  list_types ();
  if (backend_under_test->tiles > 0) {
    add_tile_tests (limit_of);
    if (strstr (backend_under_test->quirks, "tiling=2") != NULL)
      add_attention_tile_tests ();
  } else if (backend_under_test->products) {
    add_product_tests ();
  } else {
    add_all_tests ();
  }
  status = g_test_run ();
  case_backend->vtable->close (case_backend);
  return status;
}
