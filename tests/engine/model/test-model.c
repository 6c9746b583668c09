/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From file to description: sound models of every type, and each way in which one may not be
 * what it says. A refusal must name what is wrong. */
#include "engine/model/kv-type.h"

#include "engine/error.h"
#include "tests/engine/opened.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static void
test_defaults (void)
{
  TestLlama llama = { .untied = TRUE, .rope_freqs = TRUE };
  g_autoptr (TestGguf) written = test_gguf_build_llama (&llama, MODEL_TYPE_Q8_0, 1);
  TestOpened o = test_open (written);
  const ModelHparams *h = &o.desc->h;
  double second;
  uint64_t matrices = 2 * (256 * 256 * 2 + 128 * 256 * 2 + 256 * 512 * 3) + 2 * 320 * 256;

  g_assert_no_error (o.error);
  g_assert_cmpstr (o.desc->architecture->name, ==, "llama");
  g_assert_cmpint (o.desc->architecture->rope, ==, MODEL_ROPE_INTERLEAVED);
  g_assert_cmpuint (h->n_layers, ==, 2);
  g_assert_cmpuint (h->n_vocab, ==, 320);
  g_assert_cmpuint (h->d_key, ==, 64);
  g_assert_cmpuint (h->d_rope, ==, 64);
  g_assert_true (h->attention_scale == 0.125f);
  second = (double) o.desc->rotations[0].frequency[1] * (double) (1 + 7.0f / 31);
  g_assert_cmpfloat (fabs (second - pow (10000, -1 / 32.0)), <, 1e-7);
  g_assert_false (o.desc->tied_output);
  g_assert_nonnull (o.desc->global[MODEL_ROLE_ROPE_FREQS]);
  g_assert_cmpstr (o.desc->layer[1][MODEL_ROLE_FFN_DOWN]->name, ==, "blk.1.ffn_down.weight");
  g_assert_cmpuint (o.desc->n_parameters, ==, matrices + 5 * 256 + 32);
  g_assert_cmpuint (o.desc->weight_bytes, ==, matrices / 32 * 34 + (5 * 256 + 32) * 4);
  g_assert_cmpuint (o.desc->decode_bytes, ==, o.desc->weight_bytes - 319 * 256 / 32 * 34);
  g_assert_cmpuint (o.desc->prompt_weights, ==, o.desc->n_parameters - 2 * 320 * 256);
  g_assert_cmpuint (model_desc_kv_bytes (o.desc, MODEL_KV_F16), ==, 2 * 2 * 128 * 2);
  test_opened_clear (&o);
}

static void
test_all_types (void)
{
  for (uint32_t i = 0; i < 64 * 8; i++) {
    TestLlama llama = { .untied = (i & 1) != 0, .mixed = (i & 2) != 0, .f16_norms = (i & 4) != 0 };
    g_autoptr (TestGguf) written = NULL;
    TestOpened o;

    if (model_type_info (i / 8) == NULL)
      continue;
    written = test_gguf_build_llama (&llama, (ModelType) (i / 8), i);
    o = test_open (written);
    g_assert_no_error (o.error);
    g_assert_cmpint (o.desc->tied_output, ==, !llama.untied);
    g_assert_true ((o.desc->global[MODEL_ROLE_OUTPUT] == o.desc->global[MODEL_ROLE_TOKEN_EMBD]) ==
                   o.desc->tied_output);
    test_opened_clear (&o);
  }
}

/* The weights that the writer makes are numbers of the size asked for. Codes are uniform, which
 * does not make their mean 0: it is -0.5 where they are 0..15 minus 8, and 0.5 of 0..3 minus 1. */
static void
test_written_weights (void)
{
  enum {
    N = 1 << 14
  };

  for (uint32_t id = 0; id < 64; id++) {
    const ModelTypeInfo *type = model_type_info (id);
    g_autofree void *blocks = type != NULL ? g_malloc (model_type_row_bytes (type, N)) : NULL;
    g_autofree float *weights = g_new (float, N);
    uint64_t state = 3;
    double sum = 0, squares = 0;

    if (type == NULL)
      continue;
    test_random_weights (&state, (ModelType) id, 0.1f, blocks, N);
    type->to_f32 (blocks, weights, N);
    for (size_t j = 0; j < N; j++) {
      sum += (double) weights[j];
      squares += (double) weights[j] * (double) weights[j];
    }
    g_test_message ("%s: mean %g, deviation %g", type->name, sum / N, sqrt (squares / N));
    g_assert_cmpfloat (fabs (sum / N), <, 0.05);
    g_assert_true (sqrt (squares / N) > 0.07 && sqrt (squares / N) < 0.2);
  }
}

/* ---- what else may stand in a file ---------------------------------------------------- */

typedef struct {
  const char *name;
  void (*change) (TestGguf *gguf); /* on top of a sound model */
  int code;                        /* -1: it still loads */
  const char *says;                /* part of the sentence */
} Case;

/* Adds a key of the llama family as u32. */
#define ADD_U32(function, key, value)     \
  static void function (TestGguf *gguf)   \
  {                                       \
    test_gguf_add_u32 (gguf, key, value); \
  }
#define ADD_F32(function, key, value)     \
  static void function (TestGguf *gguf)   \
  {                                       \
    test_gguf_add_f32 (gguf, key, value); \
  }
#define ADD_STRING(function, key, value)     \
  static void function (TestGguf *gguf)      \
  {                                          \
    test_gguf_add_string (gguf, key, value); \
  }

ADD_U32 (experts, "llama.expert_count", 8)
ADD_U32 (no_experts, "llama.expert_count", 0)
ADD_STRING (adapter, "general.type", "adapter")
ADD_STRING (ordinary, "general.type", "model")
ADD_STRING (yarn, "llama.rope.scaling.type", "yarn")
ADD_STRING (unknown_scaling, "llama.rope.scaling.type", "dynamic")
ADD_STRING (llama3_without_factors, "llama.rope.scaling.type", "llama3")
ADD_F32 (linear, "llama.rope.scaling.factor", 4)
ADD_F32 (zero_factor, "llama.rope.scaling.factor", 0)
ADD_F32 (attention_factor, "llama.rope.scaling.attn_factor", 1.2f)
ADD_U32 (factor_is_whole, "llama.rope.scaling.factor", 2)

static void
looks_ahead (TestGguf *gguf)
{
  test_gguf_add_bool (gguf, "llama.attention.causal", FALSE);
}

static void
bias (TestGguf *gguf)
{
  g_autofree float *zeros = g_new0 (float, 256);

  test_gguf_add_tensor (gguf, "blk.0.attn_q.bias", MODEL_TYPE_F32, 256, 0, zeros, 1024);
}

static void
other_tensor (TestGguf *gguf)
{
  g_autofree float *zeros = g_new0 (float, 64);

  test_gguf_add_tensor (gguf, "blk.0.attn_q_norm.weight", MODEL_TYPE_F32, 64, 0, zeros, 256);
}

static void
unused (TestGguf *gguf)
{
  test_gguf_add_tensor (gguf, "blk.0.attn_rot_embd.weight", MODEL_TYPE_F32, 2, 0, "12345678", 8);
}

static void
layer_too_many (TestGguf *gguf)
{
  g_autofree float *zeros = g_new0 (float, 256);

  test_gguf_add_tensor (gguf, "blk.2.attn_norm.weight", MODEL_TYPE_F32, 256, 0, zeros, 1024);
}

static void
nothing (TestGguf *gguf)
{
}

static void
test_additions (void)
{
  static const Case cases[] = {
    { "nothing", nothing, -1, NULL },
    { "no experts", no_experts, -1, NULL },
    { "an ordinary model", ordinary, -1, NULL },
    { "linear scaling", linear, -1, NULL },
    { "a factor as a whole number", factor_is_whole, -1, NULL },
    { "an unused tensor", unused, -1, NULL },
    { "experts without a number in use", experts, ENGINE_ERROR_BAD_FILE, "expert_used_count" },
    { "an adapter", adapter, ENGINE_ERROR_UNSUPPORTED, "adapter" },
    { "yarn", yarn, -1, NULL },
    { "an unknown method", unknown_scaling, ENGINE_ERROR_UNSUPPORTED, "dynamic" },
    { "llama3 scaling without factors", llama3_without_factors, ENGINE_ERROR_BAD_FILE,
      "llama3" },
    { "a zero factor", zero_factor, ENGINE_ERROR_BAD_FILE, "scaling.factor" },
    { "an attention factor", attention_factor, -1, NULL },
    { "attention to what follows", looks_ahead, ENGINE_ERROR_UNSUPPORTED, "causal" },
    { "a bias", bias, -1, NULL },
    { "a tensor of another kind", other_tensor, ENGINE_ERROR_UNSUPPORTED, "attn_q_norm" },
    { "a layer too many", layer_too_many, ENGINE_ERROR_UNSUPPORTED, "blk.2.attn_norm" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (TestGguf) written = test_gguf_build_llama (NULL, MODEL_TYPE_Q4_0, 1);
    TestOpened o;

    cases[i].change (written);
    o = test_open (written);
    g_test_message ("%s: %s", cases[i].name, o.error != NULL ? o.error->message : "loads");
    if (cases[i].code < 0) {
      g_assert_no_error (o.error);
    } else {
      g_assert_error (o.error, ENGINE_ERROR, cases[i].code);
      g_assert_nonnull (strstr (o.error->message, cases[i].says));
    }
    test_opened_clear (&o);
  }
}

static void
test_rope_scaling (void)
{
  TestLlama llama = { .rope_freqs = TRUE };
  g_autoptr (TestGguf) with_factors = test_gguf_build_llama (&llama, MODEL_TYPE_Q4_0, 1);
  g_autoptr (TestGguf) scaled = test_gguf_build_llama (NULL, MODEL_TYPE_Q4_0, 1);
  TestOpened o;

  test_gguf_add_string (with_factors, "llama.rope.scaling.type", "llama3");
  test_gguf_add_f32 (with_factors, "llama.rope.scaling.factor", 8); /* already in the factors */
  o = test_open (with_factors);
  g_assert_no_error (o.error);
  g_assert_cmpfloat (o.desc->rotations[0].frequency[0], ==, 1.0f);
  test_opened_clear (&o);

  test_gguf_add_string (scaled, "llama.rope.scaling.type", "linear");
  test_gguf_add_f32 (scaled, "llama.rope.scaling.factor", 4);
  o = test_open (scaled);
  g_assert_no_error (o.error);
  g_assert_cmpfloat (o.desc->rotations[0].frequency[0], ==, 0.25f);
  test_opened_clear (&o);
}

/* ---- numbers that lie ------------------------------------------------------------------ */

/* A sound model with one u32 of its metadata overwritten. */
static TestOpened
open_patched (const char *key, uint32_t type, const void *value, size_t n)
{
  g_autoptr (TestGguf) written = test_gguf_build_llama (NULL, MODEL_TYPE_Q4_0, 1);
  g_autoptr (GByteArray) bytes = test_gguf_bytes (written, 32, NULL);
  guint8 *at = memmem (bytes->data, bytes->len, key, strlen (key));

  g_assert_nonnull (at);
  at += strlen (key);
  memcpy (at, &type, 4);
  memcpy (at + 4, value, n);
  return test_open_bytes (bytes);
}

static void
test_bad_numbers (void)
{
  static const struct {
    const char *key;
    uint32_t value;
    const char *says;
  } cases[] = {
    { "llama.block_count", 0, "block_count" },
    { "llama.block_count", 1, "blk.1." }, /* a layer is left over */
    { "llama.block_count", 3, "blk.2." }, /* a layer is missing */
    { "llama.block_count", 100000, "block_count" },
    { "llama.embedding_length", 512, "512" },
    { "llama.embedding_length", 0, "embedding_length" },
    { "llama.feed_forward_length", 511, "511" },
    { "llama.context_length", 0, "context_length" },
    { "llama.attention.head_count", 3, "3 attention heads" },
    { "llama.attention.head_count", 0xffffffff, "head_count" },
    { "llama.attention.head_count_kv", 0, "head_count_kv" },
    { "llama.attention.head_count_kv", 4, "attn_k" },
    { "llama.attention.key_length", 1025, "key_length" },
    { "llama.attention.key_length", 32, "dimension_count" },
    { "llama.attention.value_length", 32, "attn_v" },
    { "llama.rope.dimension_count", 65, "dimension_count" },
    { "llama.rope.dimension_count", 63, "odd number" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    TestOpened o = open_patched (cases[i].key, MODEL_VALUE_U32, &cases[i].value, 4);

    g_assert_null (o.desc);
    g_test_message ("%s", o.error->message);
    g_assert_nonnull (strstr (o.error->message, cases[i].says));
    test_opened_clear (&o);
  }
}

static void
test_bad_kinds (void)
{
  static const float reals[] = { 0, -1, NAN, INFINITY, 1e-45f };
  static const char *const keys[] = { "llama.attention.layer_norm_rms_epsilon",
                                      "llama.rope.freq_base" };

  for (size_t k = 0; k < G_N_ELEMENTS (keys); k++)
    for (size_t i = 0; i < 4; i++) {
      TestOpened o = open_patched (keys[k], MODEL_VALUE_F32, &reals[i], 4);

      g_assert_null (o.desc);
      g_assert_error (o.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
      test_opened_clear (&o);
    }
  {
    TestOpened o = open_patched ("llama.block_count", MODEL_VALUE_F32, &reals[0], 4);

    g_assert_error (o.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
    g_assert_nonnull (strstr (o.error->message, "whole number"));
    test_opened_clear (&o);
  }
}

/* Number of key heads for each layer: the same is fine, different ones are another kind of
 * model. */
static void
test_per_layer_heads (void)
{
  static const struct {
    uint32_t heads[3];
    size_t n;
    int code;
  } cases[] = {
    { { 2, 2 }, 2, -1 },
    { { 2, 2, 2 }, 3, -1 },
    { { 2, 1 }, 2, ENGINE_ERROR_BAD_FILE },
    { { 2 }, 1, ENGINE_ERROR_BAD_FILE },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (TestGguf) written = test_gguf_build_llama (NULL, MODEL_TYPE_Q4_0, 1);
    g_autoptr (GByteArray) bytes = NULL;
    g_autofree char *path = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (ModelGguf) gguf = NULL;
    g_autoptr (ModelDesc) desc = NULL;
    guint8 *at;

    test_gguf_add_array (written, "llama.attention.head_count_KV", MODEL_VALUE_U32, cases[i].heads,
                         cases[i].n, 4);
    bytes = test_gguf_bytes (written, 32, NULL);
    /* The scalar of that name gives way to the array. */
    at = memmem (bytes->data, bytes->len, "head_count_kv", 13);
    memcpy (at, "head_count_xx", 13);
    at = memmem (bytes->data, bytes->len, "head_count_KV", 13);
    memcpy (at, "head_count_kv", 13);
    g_close (g_file_open_tmp ("bottega-model-XXXXXX", &path, NULL), NULL);
    test_write_file (path, bytes);
    gguf = model_gguf_open (path, &error);
    g_assert_no_error (error);
    desc = model_desc_new (gguf, &error);
    if (cases[i].code < 0)
      g_assert_no_error (error);
    else
      g_assert_error (error, ENGINE_ERROR, cases[i].code);
    g_remove (path);
  }
}

/* ---- tensors that are not what they should be ------------------------------------------ */

static void
test_bad_tensors (void)
{
  static const struct {
    const char *tensor;
    size_t at; /* offset from the end of its name: 4 n_dims, 8 each dimension, then type */
    uint32_t value;
    const char *says;
  } cases[] = {
    { "blk.1.ffn_gate.weight", 12, 256, "ffn_gate" },       /* rows */
    { "blk.0.ffn_norm.weight", 12, MODEL_TYPE_BF16, NULL }, /* half the bytes: loads */
    { "blk.0.ffn_norm.weight", 12, MODEL_TYPE_Q8_0, "vector" },
    { "blk.0.ffn_norm.weight", 12, 26, "I32" },
    { "blk.0.attn_v.weight", 20, MODEL_TYPE_IQ4_NL, NULL }, /* as large as Q4_0: loads */
    { "output_norm.weight", 4, 255, "output_norm" },
    { "token_embd.weight", 12, 319, "320 tokens" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (TestGguf) written = test_gguf_build_llama (NULL, MODEL_TYPE_Q4_0, 1);
    g_autoptr (GByteArray) bytes = test_gguf_bytes (written, 32, NULL);
    g_autofree char *path = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (ModelGguf) gguf = NULL;
    g_autoptr (ModelDesc) desc = NULL;
    guint8 *at = memmem (bytes->data, bytes->len, cases[i].tensor, strlen (cases[i].tensor));

    memcpy (at + strlen (cases[i].tensor) + cases[i].at, &cases[i].value, 4);
    g_close (g_file_open_tmp ("bottega-model-XXXXXX", &path, NULL), NULL);
    test_write_file (path, bytes);
    gguf = model_gguf_open (path, &error);
    g_assert_no_error (error);
    desc = model_desc_new (gguf, &error);
    g_test_message ("%s", error != NULL ? error->message : "loads");
    if (cases[i].says == NULL) {
      g_assert_no_error (error);
    } else {
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, cases[i].says));
    }
    g_remove (path);
  }
}

static void
test_missing_tensor (void)
{
  g_autoptr (TestGguf) written = test_gguf_build_vocabulary (NULL);
  TestOpened o = test_open (written);

  g_assert_error (o.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
  g_assert_nonnull (strstr (o.error->message, "token_embd"));
  test_opened_clear (&o);
}

static void
test_other_architecture (void)
{
  g_autoptr (TestGguf) written = test_gguf_new (3), silent = test_gguf_new (3);
  TestOpened o;

  test_gguf_add_string (written, "general.architecture", "mamba");
  o = test_open (written);
  g_assert_error (o.error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (o.error->message, "“mamba”"));
  g_assert_nonnull (strstr (o.error->message, "llama"));
  test_opened_clear (&o);
  o = test_open (silent);
  g_assert_error (o.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
  test_opened_clear (&o);
}

/* A tiny bert with every from[n] in its file replaced by to[n]. */
static TestOpened
open_bert (const TestBert *bert, const char *from, const char *to, size_t n)
{
  g_autoptr (TestGguf) written = test_gguf_build_bert (bert, MODEL_TYPE_Q4_0, 1);
  g_autoptr (GByteArray) bytes = test_gguf_bytes (written, 32, NULL);
  TestOpened o;

  for (size_t i = 0; n > 0 && i + n <= bytes->len; i++)
    if (memcmp (bytes->data + i, from, n) == 0)
      memcpy (bytes->data + i, to, n);
  o = test_open_bytes (bytes);
  g_assert_nonnull (o.gguf);
  return o;
}

/* Features say which tensors a model has: biases and norms after the blocks, and no output. */
static void
test_bert (void)
{
  TestOpened o = open_bert (NULL, NULL, NULL, 0);
  const TestBert last = { .pooling = 3 };

  g_assert_no_error (o.error);
  g_assert_true (model_desc_has (o.desc, MODEL_POST_NORM | MODEL_LAYER_NORM));
  g_assert_false (model_desc_has (o.desc, MODEL_POST_NORM | MODEL_HEAD));
  g_assert_cmpint (o.desc->h.pooling, ==, MODEL_POOLING_MEAN);
  g_assert_cmpuint (o.desc->h.n_types, ==, 2);
  g_assert_cmpuint (o.desc->h.d_rope, ==, 0);
  g_assert_cmpuint (o.desc->h.d_key, ==, 64);
  g_assert_true (o.desc->h.norm_epsilon == 1e-12f);
  g_assert_cmpuint (model_desc_kv_bytes (o.desc, MODEL_KV_F16), ==, 0);
  g_assert_null (o.desc->global[MODEL_ROLE_OUTPUT]);
  g_assert_null (o.desc->layer[1][MODEL_ROLE_ATTN_NORM]);
  g_assert_cmpstr (o.desc->layer[1][MODEL_ROLE_FFN_UP_BIAS]->name, ==, "blk.1.ffn_up.bias");
  test_opened_clear (&o);
  o = open_bert (&last, NULL, NULL, 0);
  g_assert_cmpint (o.desc->h.pooling, ==, MODEL_POOLING_LAST);
  test_opened_clear (&o);
}

static void
test_bad_bert (void)
{
  static const struct {
    uint32_t pooling;
    const char *from, *to; /* of one length, n; NULL: nothing */
    size_t n;
    int code;
    const char *says;
  } cases[] = {
    { 4, NULL, NULL, 0, ENGINE_ERROR_UNSUPPORTED, "pooling_type" },
    { 1, "attention.causal\a\0\0\0\0", "attention.causal\a\0\0\0\1", 21,
      ENGINE_ERROR_UNSUPPORTED, "causal" },
    { 1, "position_embd", "position_embX", 13, ENGINE_ERROR_BAD_FILE, "position_embd.weight" },
    { 1, "output_norm.weight", "output_norX.weight", 18, ENGINE_ERROR_BAD_FILE,
      "attn_output_norm.weight" },
    { 1, "blk.1.ffn_up.bias", "blk.1.ffn_up.biaX", 17, ENGINE_ERROR_UNSUPPORTED, "biaX" },
    { 1, "layer_norm_epsilon", "layer_norm_epsiloX", 18, ENGINE_ERROR_BAD_FILE,
      "layer_norm_epsilon" },
    { 1, "token_type_count\4\0\0\0\2", "token_type_count\4\0\0\0\3", 21,
      ENGINE_ERROR_BAD_FILE, "token_types.weight" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const TestBert bert = { .pooling = cases[i].pooling };
    TestOpened o = open_bert (&bert, cases[i].from, cases[i].to, cases[i].n);

    g_assert_null (o.desc);
    g_test_message ("%s", o.error->message);
    g_assert_error (o.error, ENGINE_ERROR, cases[i].code);
    g_assert_nonnull (strstr (o.error->message, cases[i].says));
    test_opened_clear (&o);
  }
}

static void
test_starter (void)
{
  const char *path = g_getenv ("BOTTEGA_TEST_MODEL");
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelGguf) gguf = NULL;
  g_autoptr (ModelDesc) desc = NULL;

  if (path == NULL) {
    g_test_skip ("BOTTEGA_TEST_MODEL is not set");
    return;
  }
  gguf = model_gguf_open (path, &error);
  g_assert_no_error (error);
  desc = model_desc_new (gguf, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (desc->n_parameters, ==, 134515008);
  g_assert_cmpuint (desc->h.n_layers, ==, 30);
  g_assert_cmpuint (desc->h.n_heads / desc->h.n_heads_kv, ==, 3);
  g_assert_true (desc->tied_output);
}

/* Rounded keys and values are for models that stand it, and heads that are whole blocks. */
static void
test_kv_types (void)
{
  static const struct {
    uint32_t d_key, d_value;
    gboolean exact;
    ModelFeatures features;
    ModelKvType type;
    uint64_t bytes;
    gboolean says_why;
  } cases[] = {
    { 64, 64, FALSE, MODEL_WRITER, MODEL_KV_Q8_0, 2 * 2 * 2 * 68, FALSE },
    { 64, 96, FALSE, MODEL_WRITER, MODEL_KV_Q8_0, 2 * 2 * (68 + 102), FALSE },
    { 64, 64, TRUE, MODEL_WRITER, MODEL_KV_F16, 2 * 2 * 2 * 128, TRUE },
    { 80, 80, FALSE, MODEL_WRITER, MODEL_KV_F16, 2 * 2 * 2 * 160, TRUE },
    { 64, 80, FALSE, MODEL_WRITER, MODEL_KV_F16, 2 * 2 * (128 + 160), TRUE },
    { 64, 64, FALSE, 0, MODEL_KV_F32, 0, FALSE }, /* it makes vectors */
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    ModelArchitecture architecture = { .exact_kv = cases[i].exact };
    ModelLayer layers[3] = {
      { .n_heads_kv = 2, .features = MODEL_ATTENTION | MODEL_OWN_KV },
      { .n_heads_kv = 2, .features = MODEL_ATTENTION | MODEL_OWN_KV },
      { .n_heads_kv = 2, .d_key = 7, .features = MODEL_SSM }, /* keeps a state */
    };
    ModelDesc desc = { .architecture = &architecture,
                       .features = cases[i].features,
                       .layers = layers,
                       .h.n_layers = 3 };
    const char *why = "";

    for (unsigned l = 0; l < 2; l++) {
      layers[l].d_key = cases[i].d_key;
      layers[l].d_value = cases[i].d_value;
    }
    g_assert_cmpint (model_desc_kv_type (&desc, MODEL_KV_F16, &why), ==,
                     cases[i].features == 0 ? MODEL_KV_F32 : MODEL_KV_F16);
    g_assert_null (why);
    g_assert_cmpint (model_desc_kv_type (&desc, MODEL_KV_Q8_0, &why), ==, cases[i].type);
    g_assert_cmpint (why != NULL, ==, cases[i].says_why);
    g_assert_cmpuint (model_desc_kv_bytes (&desc, MODEL_KV_Q8_0), ==, cases[i].bytes);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/desc/kv-types", test_kv_types);
  g_test_add_func ("/model/desc/defaults", test_defaults);
  g_test_add_func ("/model/desc/all-types", test_all_types);
  g_test_add_func ("/model/desc/written-weights", test_written_weights);
  g_test_add_func ("/model/desc/additions", test_additions);
  g_test_add_func ("/model/desc/rope-scaling", test_rope_scaling);
  g_test_add_func ("/model/desc/bad-numbers", test_bad_numbers);
  g_test_add_func ("/model/desc/bad-kinds", test_bad_kinds);
  g_test_add_func ("/model/desc/per-layer-heads", test_per_layer_heads);
  g_test_add_func ("/model/desc/bad-tensors", test_bad_tensors);
  g_test_add_func ("/model/desc/missing-tensor", test_missing_tensor);
  g_test_add_func ("/model/desc/other-architecture", test_other_architecture);
  g_test_add_func ("/model/desc/bert", test_bert);
  g_test_add_func ("/model/desc/bad-bert", test_bad_bert);
  g_test_add_func ("/model/desc/starter", test_starter);
  return g_test_run ();
}
