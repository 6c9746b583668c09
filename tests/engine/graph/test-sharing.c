/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models whose last layers share keys, whose layers get something of their own for each token,
 * whose heads differ with the window, and with experts beside dense blocks (Gemma 4): what such a
 * file must have, that each lack is named, what its plan holds, and that a table of which only rows
 * are read stays in the file. */
#include "engine/error.h"
#include "engine/graph/plan.h"
#include "engine/model/kv-type.h"
#include "tests/engine/opened.h"

#include <string.h>

/* 32 wide, 4 layers, the second and the last without a window; the last two share keys. */
#define N_LAYERS 4
#define N_VOCAB  8

static gboolean
is_full (uint32_t layer)
{
  return layer % 2 == 1;
}

typedef enum {
  NOTHING,
  WITHOUT, /* a tensor */
  TALLER,  /* a tensor, by a row */
  BESIDE,  /* a matrix of 32 columns and so many rows besides */
  NUMBER,  /* another value of a key */
} ChangeKind;

/* Whether models are mixtures of experts beside dense blocks. */
static gboolean with_experts;

typedef struct {
  ChangeKind kind;
  const char *name;
  uint32_t value;
  int code; /* -1: it loads */
  const char *says;
} Change;

static const struct {
  const char *key;
  uint32_t value;
} numbers[] = {
  { "block_count", N_LAYERS },
  { "embedding_length", 32 },
  { "context_length", 64 },
  { "attention.head_count", 2 },
  { "attention.head_count_kv", 1 },
  { "attention.key_length", 32 },
  { "attention.value_length", 32 },
  { "attention.key_length_swa", 16 },
  { "attention.value_length_swa", 16 },
  { "attention.sliding_window", 8 },
  { "attention.shared_kv_layers", 2 },
  { "embedding_length_per_layer_input", 24 },
  { "rope.dimension_count", 32 },
  { "rope.dimension_count_swa", 16 },
  { "pooling_type", 0 },
};

/* rows 0: a vector. All weights are 1. */
static void
add (TestGguf *gguf, const Change *change, const char *name, uint32_t columns, uint32_t rows)
{
  gboolean meant = change->name != NULL && strcmp (name, change->name) == 0;
  g_autofree float *ones = NULL;
  size_t n;

  if (meant && change->kind == WITHOUT)
    return;
  rows += meant && change->kind == TALLER;
  n = (size_t) columns * MAX (rows, 1);
  ones = g_new (float, n);
  for (size_t i = 0; i < n; i++)
    ones[i] = 1;
  test_gguf_add_tensor (gguf, name, MODEL_TYPE_F32, columns, rows, ones, n * sizeof *ones);
}

/* Two experts, 40 wide, whose gates and ups are one tensor: numbers count up. */
static void
add_experts (TestGguf *gguf, const Change *change, uint32_t layer)
{
  float both[2 * 80 * 32];
  g_autofree char *name = g_strdup_printf ("blk.%u.ffn_gate_up_exps.weight", layer);
  g_autofree char *down = g_strdup_printf ("blk.%u.ffn_down_exps.weight", layer);
  const struct {
    const char *name;
    uint32_t columns, rows;
  } tensors[] = {
    { "ffn_gate_inp.weight", 32, 2 },
    { "ffn_gate_inp.scale", 32, 0 },
    { "ffn_down_exps.scale", 2, 0 },
    { "pre_ffw_norm_2.weight", 32, 0 },
    { "post_ffw_norm_1.weight", 32, 0 },
    { "post_ffw_norm_2.weight", 32, 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (both); i++)
    both[i] = (float) i;
  if (change->kind != WITHOUT || strcmp (change->name, name) != 0)
    test_gguf_add_matrices (gguf, name, MODEL_TYPE_F32, 32, 80, 2, both, sizeof both);
  test_gguf_add_matrices (gguf, down, MODEL_TYPE_F32, 40, 32, 2, both, sizeof both / 2);
  for (size_t i = 0; i < G_N_ELEMENTS (tensors); i++) {
    g_autofree char *own = g_strdup_printf ("blk.%u.%s", layer, tensors[i].name);

    add (gguf, change, own, tensors[i].columns, tensors[i].rows);
  }
}

static void
add_layer (TestGguf *gguf, const Change *change, uint32_t layer)
{
  uint32_t head = is_full (layer) ? 32 : 16, ff = layer < 2 ? 48 : 64;
  const struct {
    const char *name;
    uint32_t columns, rows;
    gboolean of_own_keys;
  } tensors[] = {
    { "attn_norm", 32, 0, FALSE },
    { "attn_q", 32, 2 * head, FALSE },
    { "attn_k", 32, head, TRUE },
    { "attn_v", 32, head, TRUE },
    { "attn_q_norm", head, 0, FALSE },
    { "attn_k_norm", head, 0, TRUE },
    { "attn_output", 2 * head, 32, FALSE },
    { "post_attention_norm", 32, 0, FALSE },
    { "ffn_norm", 32, 0, FALSE },
    { "ffn_gate", 32, ff, FALSE },
    { "ffn_up", 32, ff, FALSE },
    { "ffn_down", ff, 32, FALSE },
    { "post_ffw_norm", 32, 0, FALSE },
    { "inp_gate", 32, 24, FALSE },
    { "proj", 24, 32, FALSE },
    { "post_norm", 32, 0, FALSE },
    { "layer_output_scale", 1, 0, FALSE },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (tensors); i++) {
    g_autofree char *name = g_strdup_printf ("blk.%u.%s.weight", layer, tensors[i].name);

    if (layer < 2 || !tensors[i].of_own_keys)
      add (gguf, change, name, tensors[i].columns, tensors[i].rows);
  }
  if (with_experts)
    add_experts (gguf, change, layer);
}

static TestGguf *
build (const Change *change)
{
  static const uint32_t widths[N_LAYERS] = { 48, 48, 64, 64 };
  static const uint8_t windows[N_LAYERS] = { 1, 0, 1, 0 };
  TestGguf *gguf = test_gguf_new (3);

  test_gguf_add_string (gguf, "general.architecture", "gemma4");
  test_gguf_add_f32 (gguf, "gemma4.attention.layer_norm_rms_epsilon", 1e-6f);
  test_gguf_add_array (gguf, "gemma4.feed_forward_length", MODEL_VALUE_U32, widths, N_LAYERS,
                       sizeof widths[0]);
  test_gguf_add_array (gguf, "gemma4.attention.sliding_window_pattern", MODEL_VALUE_BOOL, windows,
                       N_LAYERS, sizeof windows[0]);
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++) {
    g_autofree char *key = g_strconcat ("gemma4.", numbers[i].key, NULL);
    gboolean meant = change->kind == NUMBER && strcmp (change->name, numbers[i].key) == 0;

    test_gguf_add_u32 (gguf, key, meant ? change->value : numbers[i].value);
  }
  if (with_experts) {
    test_gguf_add_u32 (gguf, "gemma4.expert_count", 2);
    test_gguf_add_u32 (gguf, "gemma4.expert_used_count", 1);
    test_gguf_add_u32 (gguf, "gemma4.expert_feed_forward_length", 40);
  }
  add (gguf, change, "token_embd.weight", 32, N_VOCAB);
  add (gguf, change, "output_norm.weight", 32, 0);
  add (gguf, change, "rope_freqs.weight", 16, 0);
  add (gguf, change, "per_layer_token_embd.weight", N_LAYERS * 24, N_VOCAB);
  add (gguf, change, "per_layer_model_proj.weight", 32, N_LAYERS * 24);
  add (gguf, change, "per_layer_proj_norm.weight", 24, 0);
  for (uint32_t layer = 0; layer < N_LAYERS; layer++)
    add_layer (gguf, change, layer);
  if (change->kind == BESIDE)
    add (gguf, change, change->name, 32, change->value);
  return gguf;
}

static TestOpened
open_changed (const Change *change)
{
  g_autoptr (TestGguf) written = build (change);
  TestOpened o = test_open (written);

  g_assert_nonnull (o.gguf);
  return o;
}

static void
test_layers (void)
{
  g_auto (TestOpened) o = open_changed (&(Change) { NOTHING });

  g_assert_no_error (o.error);
  for (uint32_t i = 0; i < N_LAYERS; i++) {
    const ModelLayer *layer = &o.desc->layers[i];

    g_assert_cmpuint (layer->d_key, ==, is_full (i) ? 32 : 16);
    g_assert_cmpuint (layer->d_value, ==, layer->d_key);
    g_assert_cmpuint (layer->window_tokens, ==, is_full (i) ? 0 : 8);
    g_assert_cmpuint (o.desc->rotations[layer->rotation].d_rope, ==, layer->d_key);
    g_assert_cmpuint (layer->d_ff, ==, i < 2 ? 48 : 64);
    g_assert_true (((layer->features & MODEL_OWN_KV) != 0) == (i < 2));
  }
  g_assert_true (o.desc->h.attention_scale == 1);
  g_assert_true (o.desc->tied_output);
  /* Keys and values of one layer alone grow with the text. */
  g_assert_cmpuint (model_desc_kv_bytes (o.desc, MODEL_KV_F16), ==, (32 + 32) * 2);
  g_assert_cmpuint (o.desc->file_only_bytes, ==, N_VOCAB * N_LAYERS * 24 * sizeof (float));
  /* Of both tables a token reads a row, of one that is the output's matrix all. */
  g_assert_cmpuint (o.desc->decode_bytes, ==,
                    o.desc->weight_bytes - (N_VOCAB - 1) * N_LAYERS * 24 * sizeof (float) +
                        32 * sizeof (float));
}

static void
test_plan (void)
{
  static const char *const lines[] = {
    "MATMUL     X[4][32] x per_layer_model_proj.weight -> INPUTS[4][96]",
    "NORM       INPUTS[4][96] * per_layer_proj_norm.weight -> INPUTS[4][96]",
    "EMBED      - x per_layer_token_embd.weight += INPUTS[4][96]",
    "MATMUL     NORMED[4][32] x blk.1.attn_q.weight | blk.1.attn_k.weight | blk.1.attn_v.weight",
    "MATMUL     NORMED[4][32] x blk.2.attn_q.weight -> QKV",
    "MATMUL     HIDDEN[4][64] x blk.3.proj.weight -> DELTA[4][32]",
    "NORM       DELTA[4][32] * blk.3.post_norm.weight += X[4][32]",
  };
  g_auto (TestOpened) o = open_changed (&(Change) { NOTHING });
  g_autoptr (GraphPlan) plan = graph_plan_build (o.desc, 0, N_LAYERS, TRUE, TRUE, 4, 1);
  g_autofree char *text = graph_plan_print (plan);
  uint32_t attends = 0;

  g_test_message ("%s", text);
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    g_assert_nonnull (strstr (text, lines[i]));
  g_assert_cmpuint (plan->n_kv_layers[GRAPH_KV_FULL], ==, 1);
  g_assert_cmpuint (plan->n_kv_layers[GRAPH_KV_WINDOW], ==, 1);
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];

    g_assert_true (op->from_file == (op->kind == GRAPH_OP_EMBED && op->accumulate));
    if (op->kind != GRAPH_OP_ATTENTION)
      continue;
    g_assert_cmpuint (op->layer, ==, 0);
    g_assert_cmpint (op->group, ==, is_full (attends) ? GRAPH_KV_FULL : GRAPH_KV_WINDOW);
    g_assert_true (op->shares_kv == (attends >= 2));
    g_assert_cmpuint (op->src_width, ==, (is_full (attends) ? 32 : 16) * (attends < 2 ? 4 : 2));
    attends++;
  }
  g_assert_cmpuint (attends, ==, N_LAYERS);
}

static const Change changes[] = {
  /* Larger models have no inputs; then their tensors are left over. */
  { NUMBER, "embedding_length_per_layer_input", 0, ENGINE_ERROR_UNSUPPORTED, "inp_gate" },
  { NUMBER, "embedding_length_per_layer_input", 32, ENGINE_ERROR_BAD_FILE,
    "“per_layer_token_embd.weight” is 96×8×1 where its settings ask for 128×8×1" },
  { WITHOUT, "per_layer_token_embd.weight", 0, ENGINE_ERROR_BAD_FILE,
    "lacks the tensor “per_layer_token_embd.weight”" },
  { WITHOUT, "per_layer_model_proj.weight", 0, ENGINE_ERROR_BAD_FILE, "per_layer_model_proj" },
  { WITHOUT, "per_layer_proj_norm.weight", 0, ENGINE_ERROR_BAD_FILE, "per_layer_proj_norm" },
  { WITHOUT, "blk.2.inp_gate.weight", 0, ENGINE_ERROR_BAD_FILE,
    "lacks the tensor “blk.2.inp_gate.weight”" },
  { WITHOUT, "blk.3.proj.weight", 0, ENGINE_ERROR_BAD_FILE, "blk.3.proj" },
  { WITHOUT, "blk.0.post_norm.weight", 0, ENGINE_ERROR_BAD_FILE, "blk.0.post_norm" },
  { WITHOUT, "blk.1.layer_output_scale.weight", 0, -1, NULL },
  { TALLER, "per_layer_token_embd.weight", 0, ENGINE_ERROR_BAD_FILE, "96×9" },
  { TALLER, "blk.2.inp_gate.weight", 0, ENGINE_ERROR_BAD_FILE, "32×25" },
  { TALLER, "blk.0.attn_q.weight", 0, ENGINE_ERROR_BAD_FILE, "32×33" },
  /* Without v values are keys; without k there is nothing. */
  { WITHOUT, "blk.1.attn_v.weight", 0, -1, NULL },
  { WITHOUT, "blk.1.attn_k.weight", 0, ENGINE_ERROR_BAD_FILE, "lacks the tensor “blk.1.attn_k" },
  { WITHOUT, "blk.1.attn_k_norm.weight", 0, ENGINE_ERROR_BAD_FILE, "blk.1.attn_k_norm" },
  /* Files have keys even of layers that do not use them. */
  { BESIDE, "blk.2.attn_k.weight", 16, -1, NULL },
  { BESIDE, "blk.2.attn_k.bias", 16, ENGINE_ERROR_UNSUPPORTED, "blk.2.attn_k.bias" },
  { NUMBER, "attention.shared_kv_layers", 3, ENGINE_ERROR_BAD_FILE,
    "layer 1 shares keys, and no layer before it" },
  { NUMBER, "attention.shared_kv_layers", 5, ENGINE_ERROR_BAD_FILE, "shared_kv_layers" },
  { NUMBER, "attention.value_length", 16, ENGINE_ERROR_BAD_FILE, "blk.1.attn_v" },
  { NUMBER, "attention.key_length_swa", 17, ENGINE_ERROR_BAD_FILE, "blk.0.attn_q" },
  { NUMBER, "rope.dimension_count_swa", 15, ENGINE_ERROR_BAD_FILE, "an odd number (15)" },
  { NUMBER, "rope.dimension_count_swa", 18, ENGINE_ERROR_BAD_FILE, "dimension_count_swa" },
  { NUMBER, "pooling_type", 1, ENGINE_ERROR_UNSUPPORTED, "makes vectors with layers that share" },
};

static void
try_changes (const Change *list, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    g_auto (TestOpened) o = open_changed (&list[i]);

    g_test_message ("%s: %s", list[i].name != NULL ? list[i].name : "as it is",
                    o.error != NULL ? o.error->message : "loads");
    if (list[i].code < 0) {
      g_assert_no_error (o.error);
      continue;
    }
    g_assert_error (o.error, ENGINE_ERROR, list[i].code);
    g_assert_nonnull (strstr (o.error->message, list[i].says));
  }
}

static void
test_changes (void)
{
  try_changes (changes, G_N_ELEMENTS (changes));
}

static const Change mixture_changes[] = {
  { NOTHING, NULL, 0, -1, NULL },
  { WITHOUT, "blk.1.ffn_gate_up_exps.weight", 0, ENGINE_ERROR_BAD_FILE,
    "lacks the tensor “blk.1.ffn_gate_exps.weight”" },
  { WITHOUT, "blk.1.ffn_gate_inp.scale", 0, ENGINE_ERROR_BAD_FILE, "blk.1.ffn_gate_inp.scale" },
  { WITHOUT, "blk.2.pre_ffw_norm_2.weight", 0, ENGINE_ERROR_BAD_FILE, "pre_ffw_norm_2" },
  { WITHOUT, "blk.2.post_ffw_norm_2.weight", 0, ENGINE_ERROR_BAD_FILE, "post_ffw_norm_2" },
  { WITHOUT, "blk.2.ffn_down.weight", 0, ENGINE_ERROR_BAD_FILE, "blk.2.ffn_down.weight" },
  { WITHOUT, "blk.2.ffn_down_exps.scale", 0, -1, NULL },
  { TALLER, "blk.0.ffn_gate_inp.weight", 0, ENGINE_ERROR_BAD_FILE, "32×3" },
};

static void
test_mixtures (void)
{
  with_experts = TRUE;
  try_changes (mixture_changes, G_N_ELEMENTS (mixture_changes));
  with_experts = FALSE;
}

/* Gates and ups of experts that are one tensor are two to back ends, in any cut. */
static void
test_halves (void)
{
  static const char *const lines[] = {
    "NORM       DELTA[4][32] * blk.0.post_ffw_norm_1.weight -> BRANCHES[4][32]",
    "ROUTE      ROUTER[4][2] * blk.0.ffn_down_exps.scale -> ROUTE[4][2]",
    "NORM       DELTA[4][32] * blk.0.post_ffw_norm_2.weight += BRANCHES[4][32]",
    "NORM       BRANCHES[4][32] * blk.0.post_ffw_norm.weight += X[4][32]",
  };
  g_auto (TestOpened) o = { 0 };
  g_autoptr (GraphPlan) plan = NULL;
  g_autofree char *text = NULL;
  float got[3][32];

  with_experts = TRUE;
  o = open_changed (&(Change) { NOTHING });
  with_experts = FALSE;
  g_assert_no_error (o.error);
  plan = graph_plan_build (o.desc, 0, N_LAYERS, TRUE, TRUE, 4, 1);
  text = graph_plan_print (plan);
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    g_assert_nonnull (strstr (text, lines[i]));
  for (unsigned up = 0; up < 2; up++) {
    const ModelTensor *half =
        o.desc->layer[0][up ? MODEL_ROLE_FFN_UP_EXPS : MODEL_ROLE_FFN_GATE_EXPS];

    g_assert_cmpuint (half->ne[1], ==, 40);
    g_assert_cmpuint (half->bytes, ==, 2 * 40 * 32 * sizeof (float));
    /* The last row of one expert and the first two of the next. */
    g_assert_true (model_gguf_read (o.gguf, half, 39 * sizeof got[0], got, sizeof got, &o.error));
    g_assert_cmpfloat (got[0][0], ==, (40 * up + 39) * 32);
    g_assert_cmpfloat (got[1][0], ==, (80 + 40 * up) * 32);
    g_assert_cmpfloat (got[2][31], ==, (80 + 40 * up + 1) * 32 + 31);
  }
}

/* Rows in any order, as a back end reads those of a batch. */
static void
test_rows (void)
{
  g_auto (TestOpened) o = open_changed (&(Change) { NOTHING });
  const ModelTensor *table = o.desc->global[MODEL_ROLE_LAYER_EMBD];
  static const int32_t rows[] = { 7, 0, 7 }, bad[] = { 1, N_VOCAB };
  float got[G_N_ELEMENTS (rows)][N_LAYERS * 24] = { { 0 } };

  g_assert_true (model_gguf_read_rows (o.gguf, table, rows, G_N_ELEMENTS (rows), got, &o.error));
  g_assert_no_error (o.error);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_true (got[i][0] == 1 && got[i][N_LAYERS * 24 - 1] == 1);
  g_assert_false (model_gguf_read_rows (o.gguf, table, bad, G_N_ELEMENTS (bad), got, &o.error));
  g_assert_error (o.error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/graph/sharing/layers", test_layers);
  g_test_add_func ("/graph/sharing/plan", test_plan);
  g_test_add_func ("/graph/sharing/changes", test_changes);
  g_test_add_func ("/graph/sharing/mixtures", test_mixtures);
  g_test_add_func ("/graph/sharing/halves", test_halves);
  g_test_add_func ("/graph/sharing/rows", test_rows);
  return g_test_run ();
}
