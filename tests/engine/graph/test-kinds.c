/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models with experts that all tokens go to, and with layers that keep states: what such a file
 * must have, that each lack is named, and what their plans hold. */
#include "engine/error.h"
#include "engine/graph/plan.h"
#include "tests/engine/opened.h"

#include <string.h>

/* Kinds of models: tiny ones, 32 wide, 2 heads of 16 with one key head, 8 tokens. */
enum {
  QWEN2MOE = 1 << 0,
  GRANITEMOE = 1 << 1,
  QWEN35MOE = 1 << 2,
  GRANITEHYBRID = 1 << 3,
  MIXTURES = QWEN2MOE | GRANITEMOE | QWEN35MOE,
  STATES = QWEN35MOE | GRANITEHYBRID, /* in the first of two layers */
  ALL = MIXTURES | STATES,
};
static const char *const names[] = { "qwen2moe", "granitemoe", "qwen35moe", "granitehybrid" };

typedef struct {
  const char *name;
  uint32_t columns, rows, n; /* rows 0: a vector; n 0: one matrix */
} Shape;

static const struct {
  unsigned kinds; /* that have it */
  const char *key;
  uint32_t value;
} numbers[] = {
  { ALL, "embedding_length", 32 },
  { ALL, "context_length", 64 },
  { ALL, "feed_forward_length", 48 },
  { ALL, "attention.head_count", 2 },
  { QWEN2MOE | GRANITEMOE, "block_count", 1 },
  { STATES, "block_count", 2 },
  { MIXTURES, "attention.head_count_kv", 1 },
  { MIXTURES, "expert_count", 4 },
  { MIXTURES, "expert_used_count", 2 },
  { MIXTURES, "expert_feed_forward_length", 16 },
  { MIXTURES, "expert_shared_feed_forward_length", 40 },
  { QWEN35MOE, "full_attention_interval", 2 },
  { STATES, "ssm.conv_kernel", 4 },
  { STATES, "ssm.state_size", 8 },
  { STATES, "ssm.group_count", 2 },
  { STATES, "ssm.time_step_rank", 4 },
  { QWEN35MOE, "ssm.inner_size", 32 },
  { GRANITEHYBRID, "ssm.inner_size", 64 },
};

static const struct {
  unsigned kinds;
  Shape shape;
} tensors[] = {
  { ALL, { "token_embd.weight", 32, 8, 0 } },
  { ALL, { "output_norm.weight", 32, 0, 0 } },
  { ALL, { "blk.0.attn_norm.weight", 32, 0, 0 } },
  { QWEN2MOE | GRANITEMOE, { "blk.0.attn_q.weight", 32, 32, 0 } },
  { QWEN2MOE | GRANITEMOE, { "blk.0.attn_k.weight", 32, 16, 0 } },
  { QWEN2MOE | GRANITEMOE, { "blk.0.attn_v.weight", 32, 16, 0 } },
  { QWEN2MOE | GRANITEMOE, { "blk.0.attn_output.weight", 32, 32, 0 } },
  { QWEN2MOE | GRANITEMOE | GRANITEHYBRID, { "blk.0.ffn_norm.weight", 32, 0, 0 } },
  { QWEN35MOE, { "blk.0.post_attention_norm.weight", 32, 0, 0 } },
  { MIXTURES, { "blk.0.ffn_gate_inp.weight", 32, 4, 0 } },
  { MIXTURES, { "blk.0.ffn_gate_exps.weight", 32, 16, 4 } },
  { MIXTURES, { "blk.0.ffn_up_exps.weight", 32, 16, 4 } },
  { MIXTURES, { "blk.0.ffn_down_exps.weight", 16, 32, 4 } },
  { QWEN2MOE | QWEN35MOE, { "blk.0.ffn_gate_inp_shexp.weight", 32, 0, 0 } },
  { MIXTURES, { "blk.0.ffn_gate_shexp.weight", 32, 40, 0 } },
  { MIXTURES, { "blk.0.ffn_up_shexp.weight", 32, 40, 0 } },
  { MIXTURES, { "blk.0.ffn_down_shexp.weight", 40, 32, 0 } },
  { GRANITEHYBRID, { "blk.0.ffn_gate.weight", 32, 48, 0 } },
  { GRANITEHYBRID, { "blk.0.ffn_up.weight", 32, 48, 0 } },
  { GRANITEHYBRID, { "blk.0.ffn_down.weight", 48, 32, 0 } },
  { STATES, { "blk.1.attn_norm.weight", 32, 0, 0 } },
  { GRANITEHYBRID, { "blk.1.attn_q.weight", 32, 32, 0 } },
  { QWEN35MOE, { "blk.1.attn_q.weight", 32, 64, 0 } },
  { STATES, { "blk.1.attn_k.weight", 32, 16, 0 } },
  { STATES, { "blk.1.attn_v.weight", 32, 16, 0 } },
  { STATES, { "blk.1.attn_output.weight", 32, 32, 0 } },
  { QWEN35MOE, { "blk.1.attn_q_norm.weight", 16, 0, 0 } },
  { QWEN35MOE, { "blk.1.attn_k_norm.weight", 16, 0, 0 } },
  { GRANITEHYBRID, { "blk.1.ffn_norm.weight", 32, 0, 0 } },
  { QWEN35MOE, { "blk.1.post_attention_norm.weight", 32, 0, 0 } },
  { QWEN35MOE, { "blk.1.ffn_gate_inp.weight", 32, 4, 0 } },
  { QWEN35MOE, { "blk.1.ffn_gate_exps.weight", 32, 16, 4 } },
  { QWEN35MOE, { "blk.1.ffn_up_exps.weight", 32, 16, 4 } },
  { QWEN35MOE, { "blk.1.ffn_down_exps.weight", 16, 32, 4 } },
  { QWEN35MOE, { "blk.1.ffn_gate_inp_shexp.weight", 32, 0, 0 } },
  { QWEN35MOE, { "blk.1.ffn_gate_shexp.weight", 32, 40, 0 } },
  { QWEN35MOE, { "blk.1.ffn_up_shexp.weight", 32, 40, 0 } },
  { QWEN35MOE, { "blk.1.ffn_down_shexp.weight", 40, 32, 0 } },
  { GRANITEHYBRID, { "blk.1.ffn_gate.weight", 32, 48, 0 } },
  { GRANITEHYBRID, { "blk.1.ffn_up.weight", 32, 48, 0 } },
  { GRANITEHYBRID, { "blk.1.ffn_down.weight", 48, 32, 0 } },
  { QWEN35MOE, { "blk.0.attn_qkv.weight", 32, 64, 0 } },
  { QWEN35MOE, { "blk.0.attn_gate.weight", 32, 32, 0 } },
  { QWEN35MOE, { "blk.0.ssm_conv1d.weight", 4, 64, 0 } },
  { QWEN35MOE, { "blk.0.ssm_dt.bias", 4, 0, 0 } },
  { QWEN35MOE, { "blk.0.ssm_a", 4, 0, 0 } },
  { QWEN35MOE, { "blk.0.ssm_beta.weight", 32, 4, 0 } },
  { QWEN35MOE, { "blk.0.ssm_alpha.weight", 32, 4, 0 } },
  { QWEN35MOE, { "blk.0.ssm_norm.weight", 8, 0, 0 } },
  { QWEN35MOE, { "blk.0.ssm_out.weight", 32, 32, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_in.weight", 32, 164, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_conv1d.weight", 4, 96, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_conv1d.bias", 96, 0, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_dt.bias", 4, 0, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_a", 1, 4, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_d", 1, 4, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_norm.weight", 32, 2, 0 } },
  { GRANITEHYBRID, { "blk.0.ssm_out.weight", 64, 32, 0 } },
};

/* Lines of plans for 4 tokens. */
static const struct {
  unsigned kinds;
  const char *line;
} lines[] = {
  { QWEN2MOE | GRANITEMOE,
    "GATED      NORMED[4][32] x blk.0.ffn_gate_shexp.weight | blk.0.ffn_up_shexp.weight -> "
    "HIDDEN[4][40]" },
  { QWEN2MOE, "SIGMOID_GATE GATES[4][1] -> HIDDEN[4][40]" },
  { MIXTURES, "MATMUL     HIDDEN[4][40] x blk.0.ffn_down_shexp.weight += X[4][32]" },
  { QWEN35MOE, "DELTA_NET  CONV[4][64] * blk.0.ssm_norm.weight -> ATTN[4][32]" },
  { QWEN35MOE, "SIGMOID_GATE GATES[4][8] -> HIDDEN[4][40]" },
  { QWEN35MOE, "SPLIT_GATES MIX[4][96] -> QKV[4][64]" },
  { GRANITEHYBRID, "MATMUL     NORMED[4][32] x blk.0.ssm_in.weight -> MIX[4][164]" },
  { GRANITEHYBRID, "CONV       MIX[4][164] * blk.0.ssm_conv1d.weight -> CONV[4][96]" },
  { GRANITEHYBRID, "SSM        CONV[4][96] -> ATTN[4][64]" },
  { GRANITEHYBRID, "MATMUL     ATTN[4][64] x blk.0.ssm_out.weight += X[4][32]" },
};

typedef enum {
  NOTHING,
  WITHOUT, /* a tensor */
  TALLER,  /* a tensor, by a row */
  BESIDE,  /* a vector besides, 32 long */
  NUMBER,  /* another value of a key, or a key more */
} ChangeKind;

typedef struct {
  unsigned of; /* one kind of model */
  ChangeKind kind;
  const char *name;
  uint32_t value;
  int code; /* -1: it loads */
  const char *says;
} Change;

static const char *
name_of (unsigned kind)
{
  return names[g_bit_nth_lsf (kind, -1)];
}

static void
add_shape (TestGguf *gguf, const Shape *shape, const Change *change)
{
  gboolean meant = change->name != NULL && strcmp (shape->name, change->name) == 0;
  uint32_t rows = shape->rows + (meant && change->kind == TALLER);
  size_t bytes = (size_t) shape->columns * MAX (rows, 1) * MAX (shape->n, 1) * sizeof (float);
  g_autofree void *zeros = g_malloc0 (bytes);

  if (meant && change->kind == WITHOUT)
    return;
  if (shape->n > 0)
    test_gguf_add_matrices (gguf, shape->name, MODEL_TYPE_F32, shape->columns, rows, shape->n,
                            zeros, bytes);
  else
    test_gguf_add_tensor (gguf, shape->name, MODEL_TYPE_F32, shape->columns, rows, zeros, bytes);
}

static void
add_number (TestGguf *gguf, unsigned kind, const char *name, uint32_t value)
{
  g_autofree char *key = g_strdup_printf ("%s.%s", name_of (kind), name);

  test_gguf_add_u32 (gguf, key, value);
}

static TestGguf *
build (const Change *change)
{
  static const uint32_t heads_kv[] = { 0, 1 };
  g_autofree char *epsilon =
      g_strconcat (name_of (change->of), ".attention.layer_norm_rms_epsilon", NULL);
  TestGguf *gguf = test_gguf_new (3);

  test_gguf_add_string (gguf, "general.architecture", name_of (change->of));
  test_gguf_add_f32 (gguf, epsilon, 1e-5f);
  if (change->of == GRANITEHYBRID)
    test_gguf_add_array (gguf, "granitehybrid.attention.head_count_kv", MODEL_VALUE_U32, heads_kv,
                         2, sizeof heads_kv[0]);
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++)
    if ((numbers[i].kinds & change->of) != 0 &&
        (change->kind != NUMBER || strcmp (change->name, numbers[i].key) != 0))
      add_number (gguf, change->of, numbers[i].key, numbers[i].value);
  if (change->kind == NUMBER)
    add_number (gguf, change->of, change->name, change->value);
  for (size_t i = 0; i < G_N_ELEMENTS (tensors); i++)
    if ((tensors[i].kinds & change->of) != 0)
      add_shape (gguf, &tensors[i].shape, change);
  if (change->kind == BESIDE)
    add_shape (gguf, &(Shape) { change->name, 32, 0, 0 }, change);
  return gguf;
}

/* Takes written. A file is sound as a file, whatever it says. */
static TestOpened
open_written (TestGguf *written)
{
  TestOpened o = test_open (written);

  g_assert_nonnull (o.gguf);
  test_gguf_free (written);
  return o;
}

static void
test_plans (void)
{
  for (unsigned kind = 1; kind < ALL; kind *= 2) {
    g_auto (TestOpened) o = open_written (build (&(Change) { .of = kind }));
    g_autoptr (GraphPlan) plan = NULL;
    g_autofree char *text = NULL;
    uint64_t states = 0;

    g_assert_no_error (o.error);
    plan = graph_plan_build (o.desc, 0, o.desc->h.n_layers, TRUE, TRUE, 4, 1);
    text = graph_plan_print (plan);
    g_test_message ("%s\n%s", name_of (kind), text);
    for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
      g_assert_true ((lines[i].kinds & kind) == 0 || strstr (text, lines[i].line) != NULL);
    for (uint32_t layer = 0; layer < o.desc->h.n_layers; layer++)
      states += model_layer_state_floats (o.desc, &o.desc->layers[layer]);
    g_assert_cmpuint (plan->state_floats, ==, states);
  }
}

static const Change changes[] = {
  { QWEN2MOE, WITHOUT, "blk.0.ffn_gate_inp_shexp.weight", 0, ENGINE_ERROR_BAD_FILE,
    "lacks the tensor “blk.0.ffn_gate_inp_shexp.weight”" },
  { QWEN2MOE, WITHOUT, "blk.0.ffn_up_shexp.weight", 0, ENGINE_ERROR_BAD_FILE,
    "lacks the tensor “blk.0.ffn_up_shexp.weight”" },
  { QWEN2MOE, TALLER, "blk.0.ffn_down_shexp.weight", 0, ENGINE_ERROR_BAD_FILE, "40×33" },
  { QWEN2MOE, NUMBER, "expert_shared_feed_forward_length", 39, ENGINE_ERROR_BAD_FILE,
    "32×40×1 where its settings ask for 32×39×1" },
  { QWEN2MOE, NUMBER, "expert_gating_func", 7, ENGINE_ERROR_UNSUPPORTED, "the method 7" },
  { QWEN2MOE, NUMBER, "expert_used_count", 5, ENGINE_ERROR_BAD_FILE, "expert_used_count" },
  /* Old files say how wide all experts of a token are together. */
  { QWEN2MOE, NUMBER, "expert_feed_forward_length", 16, -1, NULL },
  { GRANITEMOE, NUMBER, "expert_shared_feed_forward_length", 0, ENGINE_ERROR_UNSUPPORTED,
    "blk.0.ffn_gate_shexp.weight" },
  { GRANITEMOE, BESIDE, "blk.0.ffn_gate_inp_shexp.weight", 0, ENGINE_ERROR_UNSUPPORTED,
    "ffn_gate_inp_shexp" },
  { GRANITEMOE, BESIDE, "blk.0.attn_q.bias", 0, -1, NULL },
  { QWEN35MOE, WITHOUT, "blk.0.ssm_a", 0, ENGINE_ERROR_BAD_FILE, "lacks the tensor" },
  { QWEN35MOE, NUMBER, "ssm.inner_size", 64, ENGINE_ERROR_BAD_FILE, "do not make up 64" },
  { QWEN35MOE, NUMBER, "full_attention_interval", 1, ENGINE_ERROR_BAD_FILE, "blk.0.attn_q" },
  { GRANITEHYBRID, WITHOUT, "blk.0.ssm_in.weight", 0, ENGINE_ERROR_BAD_FILE,
    "lacks the tensor “blk.0.ssm_in.weight”" },
  { GRANITEHYBRID, WITHOUT, "blk.0.ssm_conv1d.bias", 0, -1, NULL },
  { GRANITEHYBRID, TALLER, "blk.0.ssm_in.weight", 0, ENGINE_ERROR_BAD_FILE, "32×165" },
  { GRANITEHYBRID, TALLER, "blk.0.ssm_norm.weight", 0, ENGINE_ERROR_BAD_FILE, "32×3" },
  { GRANITEHYBRID, BESIDE, "blk.0.attn_q.weight", 0, ENGINE_ERROR_UNSUPPORTED, "blk.0.attn_q" },
  { GRANITEHYBRID, NUMBER, "ssm.group_count", 3, ENGINE_ERROR_BAD_FILE,
    "cannot share 3 keys evenly" },
  { GRANITEHYBRID, NUMBER, "ssm.inner_size", 66, ENGINE_ERROR_BAD_FILE, "do not make up 66" },
  { GRANITEHYBRID, NUMBER, "ssm.time_step_rank", 0, ENGINE_ERROR_BAD_FILE, "time_step_rank" },
  { GRANITEHYBRID, NUMBER, "ssm.conv_kernel", 65, ENGINE_ERROR_BAD_FILE, "conv_kernel" },
  { GRANITEHYBRID, NUMBER, "expert_count", 4, ENGINE_ERROR_BAD_FILE, "expert_used_count" },
};

static void
test_changes (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_auto (TestOpened) o = open_written (build (&changes[i]));

    g_test_message ("%s: %s", changes[i].name, o.error != NULL ? o.error->message : "loads");
    if (changes[i].code < 0) {
      g_assert_no_error (o.error);
      continue;
    }
    g_assert_null (o.desc);
    g_assert_error (o.error, ENGINE_ERROR, changes[i].code);
    g_assert_nonnull (strstr (o.error->message, changes[i].says));
  }
}

/* Some of Granite's files say that nothing rotates. */
static void
test_rope_switch (void)
{
  for (int rotates = 0; rotates < 2; rotates++) {
    TestGguf *written = build (&(Change) { .of = GRANITEMOE });
    g_auto (TestOpened) o = { 0 };

    test_gguf_add_bool (written, "granitemoe.rope.scaling.finetuned", rotates);
    o = open_written (written);
    g_assert_no_error (o.error);
    g_assert_cmpint (o.desc->layers[0].rotation != MODEL_NO_ROTATION, ==, rotates);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/graph/kinds/plans", test_plans);
  g_test_add_func ("/engine/graph/kinds/changes", test_changes);
  g_test_add_func ("/engine/graph/kinds/rope-switch", test_rope_switch);
  return g_test_run ();
}
