/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiny models of the families that test-kinds.c does not have: each tensor
 * is missed and measured, each setting has its limits and its sentence, and the plans hold what
 * makes the family. A model is two lines of words, a change of it one. */
#include "engine/error.h"
#include "engine/graph/plan.h"
#include "tests/engine/opened.h"

#include <stdlib.h>
#include <string.h>

/* Settings: key=value, where a value is a whole number, a real one (with a point), true or false,
 * ~text, or a list [1,0]; keys of general and tokenizer stand as they are, others follow the
 * architecture. Tensors: name:columns[xrows[xmatrices]]; NAME is blk.N.NAME.weight of every layer,
 * =NAME the name itself. */
typedef struct {
  const char *name;
  uint32_t n_layers;
  const char *settings, *tensors;
} Family;

#define SETTINGS                                                  \
  "embedding_length=32 context_length=64 feed_forward_length=48 " \
  "attention.head_count=2 attention.layer_norm_rms_epsilon=0.00001 "
#define TABLES    "=token_embd.weight:32x8 =output_norm.weight:32 "
#define ATTENTION "attn_norm:32 attn_q:32x32 attn_k:32x16 attn_v:32x16 attn_output:32x32 "
#define QK_NORMS  "attn_q_norm:16 attn_k_norm:16 "
#define GATED     "ffn_norm:32 ffn_gate:32x48 ffn_up:32x48 ffn_down:48x32 "
#define SANDWICH  "post_attention_norm:32 post_ffw_norm:32 "
#define EXPERTS \
  "ffn_gate_inp:32x4 ffn_gate_exps:32x16x4 ffn_up_exps:32x16x4 ffn_down_exps:16x32x4 "
#define MIXTURE "expert_count=4 expert_used_count=2 expert_feed_forward_length=16 "

static const Family families[] = {
  { "llama", 2, SETTINGS "attention.head_count_kv=1", TABLES ATTENTION GATED },
  { "mistral3", 1, SETTINGS "attention.head_count_kv=1 attention.temperature_scale=0.1",
    TABLES ATTENTION GATED },
  { "granite", 1, SETTINGS "attention.head_count_kv=1 embedding_scale=12.0 residual_scale=0.25",
    TABLES ATTENTION GATED },
  { "smollm3", 4, SETTINGS "attention.head_count_kv=1", TABLES ATTENTION GATED },
  { "qwen3", 1, SETTINGS "attention.head_count_kv=1", TABLES ATTENTION QK_NORMS GATED },
  { "qwen3moe", 1, SETTINGS MIXTURE "attention.head_count_kv=1",
    TABLES ATTENTION QK_NORMS EXPERTS "ffn_norm:32" },
  { "phi3", 1, SETTINGS "attention.head_count_kv=1",
    TABLES "attn_norm:32 attn_qkv:32x64 attn_output:32x32 ffn_norm:32 ffn_up:32x96 "
           "ffn_down:48x32" },
  { "gemma2", 2,
    SETTINGS "attention.head_count_kv=1 attention.sliding_window=16 attn_logit_softcapping=50.0 "
             "final_logit_softcapping=30.0",
    TABLES ATTENTION GATED SANDWICH },
  { "gemma3", 6, SETTINGS "attention.head_count_kv=1 attention.sliding_window=16",
    TABLES ATTENTION QK_NORMS GATED SANDWICH },
  { "gpt-oss", 2, SETTINGS MIXTURE "attention.head_count_kv=1 attention.sliding_window=16",
    TABLES ATTENTION EXPERTS "attn_sinks:2 post_attention_norm:32" },
  { "lfm2", 2, SETTINGS "attention.head_count_kv=[0,1] shortconv.l_cache=3",
    TABLES "attn_norm:32 =blk.0.shortconv.in_proj.weight:32x96 =blk.0.shortconv.conv.weight:3x32 "
           "=blk.0.shortconv.out_proj.weight:32x32 =blk.1.attn_q.weight:32x32 "
           "=blk.1.attn_k.weight:32x16 =blk.1.attn_v.weight:32x16 =blk.1.attn_output.weight:32x32 "
           "=blk.1.attn_q_norm.weight:16 =blk.1.attn_k_norm.weight:16 " GATED },
  { "nomic-bert", 1,
    "embedding_length=32 context_length=64 feed_forward_length=48 attention.head_count=2 "
    "attention.layer_norm_epsilon=0.00001 attention.causal=false pooling_type=1",
    "=token_embd.weight:32x8 =token_types.weight:32x2 =token_embd_norm.weight:32 "
    "attn_qkv:32x96 attn_output:32x32 attn_output_norm:32 ffn_gate:32x48 ffn_up:32x48 "
    "ffn_down:48x32 layer_output_norm:32" },
  { "gemma-embedding", 1, SETTINGS "attention.head_count_kv=1 attention.sliding_window=16",
    TABLES ATTENTION QK_NORMS GATED SANDWICH },
};

static const Family *
find_family (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++)
    if (strcmp (families[i].name, name) == 0)
      return &families[i];
  g_assert_not_reached ();
}

/* ---- words to files -------------------------------------------------------------------------- */

static void
add_list (TestGguf *gguf, const char *key, const char *value)
{
  g_auto (GStrv) parts = g_strsplit (value + 1, ",", -1);
  int32_t numbers[8];
  size_t n = 0;

  for (; parts[n] != NULL && *parts[n] != ']'; n++)
    numbers[n] = atoi (parts[n]);
  test_gguf_add_array (gguf, key, MODEL_VALUE_I32, numbers, n, 4);
}

static void
add_setting (TestGguf *gguf, const char *architecture, const char *name, const char *value)
{
  gboolean whole = g_str_has_prefix (name, "general.") || g_str_has_prefix (name, "tokenizer.");
  g_autofree char *key = whole ? g_strdup (name) : g_strconcat (architecture, ".", name, NULL);

  if (*value == '~')
    test_gguf_add_string (gguf, key, value + 1);
  else if (*value == '[')
    add_list (gguf, key, value);
  else if (*value == 't' || *value == 'f')
    test_gguf_add_bool (gguf, key, *value == 't');
  else if (strchr (value, '.') != NULL)
    test_gguf_add_f32 (gguf, key, (float) g_ascii_strtod (value, NULL));
  else
    test_gguf_add_u32 (gguf, key, (uint32_t) atoi (value));
}

static gboolean
holds (char **words, const char *start)
{
  for (; *words != NULL; words++)
    if (g_str_has_prefix (*words, start))
      return TRUE;
  return FALSE;
}

/* Those of the family that no change replaces (key=…) or removes (-key), then the changes. */
static void
add_settings (TestGguf *gguf, const Family *family, char **changes)
{
  g_auto (GStrv) words = g_strsplit (family->settings, " ", -1);
  g_autofree char *layers = g_strdup_printf ("%u", family->n_layers);

  test_gguf_add_string (gguf, "general.architecture", family->name);
  if (!holds (changes, "block_count=") && !holds (changes, "-block_count"))
    add_setting (gguf, family->name, "block_count", layers);
  for (char **word = words; *word != NULL; word++) {
    g_auto (GStrv) pair = g_strsplit (*word, "=", 2);
    g_autofree char *again = g_strconcat (*pair != NULL ? *pair : "", "=", NULL);
    g_autofree char *away = g_strconcat ("-", *pair, NULL);

    if (*pair != NULL && !holds (changes, again) && !holds (changes, away))
      add_setting (gguf, family->name, pair[0], pair[1]);
  }
  for (; *changes != NULL; changes++) {
    g_auto (GStrv) pair = g_strsplit (*changes, "=", 2);

    if (**changes != '-' && **changes != '+' && g_strv_length (pair) == 2)
      add_setting (gguf, family->name, pair[0], pair[1]);
  }
}

/* taller: this one has a row, or a column, too many. */
static void
add_tensor (TestGguf *gguf, const char *name, const char *shape, gboolean taller)
{
  g_auto (GStrv) sizes = g_strsplit (shape, "x", 3);
  guint n_sizes = g_strv_length (sizes);
  uint64_t ne[3] = { 1, 0, 0 };
  size_t bytes;
  g_autofree void *zeros = NULL;

  for (guint i = 0; i < n_sizes; i++)
    ne[i] = g_ascii_strtoull (sizes[i], NULL, 10);
  ne[MIN (n_sizes - 1, 1)] += taller;
  bytes = ne[0] * MAX (ne[1], 1) * MAX (ne[2], 1) * sizeof (float);
  zeros = g_malloc0 (bytes);
  if (ne[2] > 0)
    test_gguf_add_matrices (gguf, name, MODEL_TYPE_F32, ne[0], ne[1], ne[2], zeros, bytes);
  else
    test_gguf_add_tensor (gguf, name, MODEL_TYPE_F32, ne[0], ne[1], zeros, bytes);
}

/* All tensors of a family: full name → shape. */
static GHashTable *
list_tensors (const Family *family)
{
  g_auto (GStrv) words = g_strsplit (family->tensors, " ", -1);
  GHashTable *all = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (char **word = words; *word != NULL; word++) {
    g_auto (GStrv) pair = g_strsplit (*word, ":", 2);
    gboolean of_file = **word == '=';

    for (uint32_t i = 0; i < (of_file ? 1 : family->n_layers) && *pair != NULL; i++)
      g_hash_table_insert (all,
                           of_file ? g_strdup (pair[0] + 1)
                                   : g_strdup_printf ("blk.%u.%s.weight", i, pair[0]),
                           g_strdup (pair[1]));
  }
  return all;
}

/* changes: words as above; also -TENSOR, and +TENSOR:shape. without, taller: a tensor or NULL. */
static TestGguf *
build (const Family *family, const char *changes, const char *without, const char *taller)
{
  g_auto (GStrv) words = g_strsplit (changes, " ", -1);
  g_autoptr (GHashTable) all = list_tensors (family);
  TestGguf *gguf = test_gguf_new (3);
  GHashTableIter iter;
  gpointer name, shape;

  add_settings (gguf, family, words);
  for (char **word = words; *word != NULL; word++)
    if (**word == '+') {
      g_auto (GStrv) pair = g_strsplit (*word + 1, ":", 2);

      g_hash_table_insert (all, g_strdup (pair[0]), g_strdup (pair[1]));
    }
  g_hash_table_iter_init (&iter, all);
  while (g_hash_table_iter_next (&iter, &name, &shape))
    if (g_strcmp0 (name, without) != 0)
      add_tensor (gguf, name, shape, g_strcmp0 (name, taller) == 0);
  return gguf;
}

/* Takes built. A file is sound as a file, whatever it says. */
static TestOpened
open_built (TestGguf *built)
{
  TestOpened o = test_open (built);

  g_assert_nonnull (o.gguf);
  test_gguf_free (built);
  return o;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Whichever tensor is not there, or is not as large as the settings say, is named. */
static void
test_tensors (gconstpointer data)
{
  const Family *family = data;
  g_autoptr (GHashTable) all = list_tensors (family);
  g_auto (TestOpened) sound = open_built (build (family, "", NULL, NULL));
  GHashTableIter iter;
  gpointer key;

  g_assert_no_error (sound.error);
  g_hash_table_iter_init (&iter, all);
  while (g_hash_table_iter_next (&iter, &key, NULL)) {
    const char *name = key;
    g_auto (TestOpened) lacking = open_built (build (family, "", name, NULL));
    g_auto (TestOpened) taller = open_built (build (family, "", NULL, name));

    g_test_message ("%s", lacking.error != NULL ? lacking.error->message : name);
    g_assert_error (lacking.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
    g_assert_nonnull (strstr (lacking.error->message, "lacks the tensor"));
    /* Rows of this one say how many tokens there are. */
    if (strcmp (name, "token_embd.weight") == 0 || strcmp (name, "token_types.weight") == 0)
      continue;
    g_test_message ("%s", taller.error != NULL ? taller.error->message : name);
    g_assert_error (taller.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
    g_assert_nonnull (strstr (taller.error->message, name));
  }
}

/* ---- settings -------------------------------------------------------------------------------- */

#define BAD         ENGINE_ERROR_BAD_FILE
#define UNSUPPORTED ENGINE_ERROR_UNSUPPORTED
#define LOADS       -1

static const struct {
  const char *family, *changes;
  int code;
  const char *says;
} cases[] = {
  /* what must be said */
  { "llama", "-block_count", BAD, "does not say “llama.block_count”" },
  { "llama", "-embedding_length", BAD, "does not say “llama.embedding_length”" },
  { "llama", "-context_length", BAD, "does not say “llama.context_length”" },
  { "llama", "-feed_forward_length", BAD, "does not say “llama.feed_forward_length”" },
  { "llama", "-attention.head_count", BAD, "does not say “llama.attention.head_count”" },
  { "llama", "-attention.layer_norm_rms_epsilon", BAD,
    "does not say “llama.attention.layer_norm_rms_epsilon”" },
  { "nomic-bert", "-attention.layer_norm_epsilon", BAD,
    "does not say “nomic-bert.attention.layer_norm_epsilon”" },
  { "qwen3moe", "-expert_used_count", BAD, "does not say “qwen3moe.expert_used_count”" },
  { "lfm2", "-shortconv.l_cache", BAD, "does not say “lfm2.shortconv.l_cache”" },
  { "llama", "attention.head_count=3", BAD, "does not say “llama.attention.key_length”" },
  /* numbers and lists */
  { "llama", "block_count=[]", BAD, "“llama.block_count” is a list without numbers" },
  { "llama", "expert_count=100000", BAD, "“llama.expert_count” is 100000, not within 0 and" },
  { "llama", "feed_forward_length=[48]", BAD, "does not have a number for each layer" },
  { "llama", "feed_forward_length=[48,-1]", BAD, "is -1, not within 0 and" },
  { "llama", "attention.head_count=[2,0]", UNSUPPORTED,
    "has no attention heads in layer 1, which this version cannot run in a llama model" },
  { "llama", "attention.head_count_kv=[1,0]", UNSUPPORTED, "no attention heads in layer 1" },
  { "llama", "nextn_predict_layers=2", BAD, "is 2, not within 0 and 1" },
  { "llama", "nextn_predict_layers=1", LOADS, NULL },
  { "lfm2", "shortconv.l_cache=65", BAD, "is 65, not within 1 and 64" },
  { "qwen3moe", "expert_used_count=5", BAD, "is 5, not within 1 and 4" },
  { "qwen3moe", "expert_used_count=0", BAD, "is 0, not within 1 and 4" },
  { "nomic-bert", "tokenizer.ggml.token_type_count=0", BAD, "is 0, not within 1 and" },
  { "nomic-bert", "tokenizer.ggml.token_type_count=3", BAD, "token_types.weight" },
  /* real numbers */
  { "granite", "embedding_scale=0.0", BAD, "“granite.embedding_scale” is 0, not above 0" },
  { "granite", "residual_scale=-1.0", BAD, "“granite.residual_scale” is -1, not above 0" },
  { "granite", "logit_scale=0.0", BAD, "“granite.logit_scale” is 0, not above 0" },
  { "granite", "attention.scale=2000000.0", BAD, "“granite.attention.scale” is 2e+06" },
  { "qwen3moe", "expert_weights_scale=0.0", BAD, "“qwen3moe.expert_weights_scale” is 0" },
  { "gemma2", "attn_logit_softcapping=-1.0", BAD, "is -1, not within 0 and a million" },
  { "gemma2", "final_logit_softcapping=2000000.0", BAD, "not within 0 and a million" },
  { "gemma2", "attn_logit_softcapping=0.0", LOADS, NULL },
  { "mistral3", "attention.temperature_scale=-0.5", BAD, "“mistral3.attention.temperature_scale”" },
  { "mistral3", "attention.temperature_length=0", BAD, "“mistral3.attention.temperature_length”" },
  /* kinds of models */
  { "llama", "general.type=~mmproj", UNSUPPORTED, "of the kind “mmproj”" },
  { "llama", "attention.causal=false", UNSUPPORTED, "looks ahead in the text" },
  { "nomic-bert", "attention.causal=true", UNSUPPORTED,
    "does not look ahead in the text (attention is causal), which this version cannot run in a "
    "nomic-bert model" },
  { "qwen3", "pooling_type=4", UNSUPPORTED, "makes no single vector of a text" },
  { "qwen3", "pooling_type=3", LOADS, NULL },
  { "qwen3", "expert_count=4", UNSUPPORTED,
    "is a mixture of 4 experts, which this version cannot run in a qwen3 model" },
  { "qwen3moe", "expert_gating_func=9", UNSUPPORTED, "chooses experts by the method 9" },
  { "qwen3moe", "expert_gating_func=2", LOADS, NULL },
  { "llama", "+blk.0.attn_sinks.weight:2", UNSUPPORTED,
    "has the tensor “blk.0.attn_sinks.weight”, which this version does not know how to use" },
  /* windows, and layers that share keys */
  { "gemma3", "attention.sliding_window_pattern=[1]", BAD, "does not have a value for each layer" },
  { "gemma3", "attention.sliding_window_pattern=[1,0,1,0,1,0]", LOADS, NULL },
  { "gemma3", "attention.sliding_window_pattern=0", BAD, "sliding_window_pattern” is 0" },
  { "gemma3", "attention.shared_kv_layers=7", BAD, "is 7, not within 0 and 6" },
  { "gemma3", "attention.shared_kv_layers=6", BAD, "layer 0 shares keys, and no layer before" },
  { "gemma3", "attention.shared_kv_layers=1", BAD, "layer 5 shares keys, and no layer before" },
  { "gemma-embedding", "attention.shared_kv_layers=1", UNSUPPORTED,
    "makes vectors with layers that share keys" },
  { "gemma-embedding", "+dense_2.weight:32x16", BAD, "lacks the tensor “dense_3.weight”" },
  { "gemma-embedding", "+dense_2.weight:32x16 +dense_3.weight:17x32", BAD, "makes 16 numbers" },
  { "gemma-embedding", "+dense_2.weight:32x16 +dense_3.weight:16x32", LOADS, NULL },
  /* rotations */
  { "llama", "rope.dimension_count=17", BAD, "is 17, not within 1 and 16" },
  { "llama", "rope.dimension_count=15", BAD, "an odd number (15) of dimensions" },
  { "gemma3", "rope.dimension_count_swa=7", BAD, "an odd number (7) of dimensions" },
  { "llama", "rope.freq_base=0.0", BAD, "“llama.rope.freq_base” is 0, not above 0" },
  { "llama", "rope.scaling.type=~longrope", BAD, "the method “longrope” and lacks its factors" },
  { "llama", "rope.scaling.type=~llama3", BAD, "the method “llama3” and lacks its factors" },
  { "llama", "rope.scaling.type=~dynamic", UNSUPPORTED, "the method “dynamic”, which" },
  { "llama", "rope.scaling.type=~none rope.scaling.factor=8.0", LOADS, NULL },
  { "llama", "rope.scale_linear=4.0", LOADS, NULL },
  { "llama", "rope.scaling.factor=-2.0", BAD, "“llama.rope.scaling.factor” is -2" },
  { "llama", "rope.scaling.attn_factor=0.0", BAD, "“llama.rope.scaling.attn_factor” is 0" },
  { "llama", "rope.scaling.original_context_length=0", BAD, "original_context_length” is 0" },
  { "llama", "rope.scaling.type=~yarn rope.scaling.yarn_beta_fast=0.0", BAD,
    "yarn_beta_fast” is 0" },
  { "llama", "rope.scaling.type=~yarn rope.scaling.yarn_beta_slow=0.0", BAD,
    "yarn_beta_slow” is 0" },
  { "llama", "+rope_freqs.weight:7", BAD, "“rope_freqs.weight” does not hold 8 numbers in F32" },
  { "llama", "+rope_freqs.weight:8", BAD, "“rope_freqs.weight” holds a number that is not above" },
  { "phi3", "rope.scaling.type=~longrope +rope_factors_long.weight:8", LOADS, NULL },
};

static void
test_settings (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (TestOpened) o =
        open_built (build (find_family (cases[i].family), cases[i].changes, NULL, NULL));

    g_test_message ("%s, %s: %s", cases[i].family, cases[i].changes,
                    o.error != NULL ? o.error->message : "loads");
    if (cases[i].code == LOADS) {
      g_assert_no_error (o.error);
      continue;
    }
    g_assert_null (o.desc);
    g_assert_error (o.error, ENGINE_ERROR, cases[i].code);
    g_assert_nonnull (strstr (o.error->message, cases[i].says));
  }
}

/* ---- plans ----------------------------------------------------------------------------------- */

/* Lines of plans for 4 tokens. */
static const struct {
  const char *family, *line;
} lines[] = {
  { "qwen3", "ROPE_STORE QKV[4][64] * blk.0.attn_q_norm.weight -> QKV[4][64]" },
  { "qwen3moe", "MATMUL     NORMED[4][32] x blk.0.ffn_gate_inp.weight -> ROUTER[4][4]" },
  { "qwen3moe", "ROUTE      ROUTER[4][4] -> ROUTE[4][4]" },
  { "qwen3moe", "EXPERTS_GATED NORMED[4][32] x blk.0.ffn_gate_exps.weight | "
                "blk.0.ffn_up_exps.weight -> EXPERTS[4][32]" },
  { "qwen3moe", "EXPERTS_DOWN EXPERTS[4][32] x blk.0.ffn_down_exps.weight += X[4][32]" },
  { "phi3", "MATMUL     NORMED[4][32] x blk.0.attn_qkv.weight -> QKV[4][64]" },
  { "phi3", "MATMUL     NORMED[4][32] x blk.0.ffn_up.weight -> WIDE[4][96]" },
  { "phi3", "GATE       WIDE[4][96] -> HIDDEN[4][48]" },
  { "gemma2", "NORM       DELTA[4][32] * blk.1.post_attention_norm.weight += X[4][32]" },
  { "gemma3", "NORM       DELTA[4][32] * blk.5.post_ffw_norm.weight += X[4][32]" },
  { "gemma3", "ROPE_STORE QKV[4][64] * blk.5.attn_q_norm.weight -> QKV[4][64]" },
  { "gpt-oss", "ATTENTION  QKV[4][64] * blk.0.attn_sinks.weight -> ATTN[4][32]" },
  { "gpt-oss", "NORM       X[4][32] * blk.1.post_attention_norm.weight -> NORMED[4][32]" },
  { "lfm2", "CONV       MIX[4][96] * blk.0.shortconv.conv.weight -> CONV[4][32]" },
  { "lfm2", "MATMUL     CONV[4][32] x blk.0.shortconv.out_proj.weight += X[4][32]" },
  { "lfm2", "ROPE_STORE QKV[4][64] * blk.1.attn_q_norm.weight -> QKV[4][64]" },
  { "nomic-bert", "EMBED      - x token_types.weight += X[4][32]" },
  { "nomic-bert", "LAYER_NORM X[4][32] * token_embd_norm.weight -> X[4][32]" },
  { "nomic-bert", "LAYER_NORM X[4][32] * blk.0.attn_output_norm.weight -> X[4][32]" },
  { "nomic-bert", "LAYER_NORM X[4][32] * blk.0.layer_output_norm.weight -> X[4][32]" },
  { "gemma-embedding", "POOL       X[4][32] -> OUT[1][32]" },
};

/* What the lines do not show. */
static const struct {
  const char *family;
  unsigned windows, rotates; /* a bit a layer with attention */
  float cap, logit_cap;      /* 0: none */
  float embedding, residual; /* factors */
} facts[] = {
  { "llama", 0, 3, 0, 0, 1, 1 },
  { "granite", 0, 1, 0, 0, 12, 0.25f },
  { "smollm3", 0, 7, 0, 0, 1, 1 },
  { "gemma2", 1, 3, 50, 30, 5.656854f, 1 },
  { "gemma3", 31, 63, 0, 0, 5.656854f, 1 },
  { "gpt-oss", 1, 3, 0, 0, 1, 1 },
  { "lfm2", 0, 1, 0, 0, 1, 1 },
  { "gemma-embedding", 1, 1, 0, 0, 5.656854f, 1 },
};

static void
check_facts (const GraphPlan *plan, size_t i)
{
  unsigned windows = 0, rotates = 0, layer = 0;

  for (uint32_t o = 0; o < plan->n_ops; o++) {
    const GraphOp *op = &plan->ops[o];

    if (op->kind == GRAPH_OP_EMBED)
      g_assert_cmpfloat_with_epsilon (op->scale, facts[i].embedding, 1e-5f);
    if (op->kind == GRAPH_OP_ROPE_STORE)
      rotates |= (unsigned) (op->rotation != MODEL_NO_ROTATION) << layer;
    if (op->kind == GRAPH_OP_ATTENTION) {
      g_assert_cmpfloat_with_epsilon (op->cap, facts[i].cap, 1e-5f);
      windows |= (unsigned) (op->window_tokens == 16) << layer++;
      /* Of a text that is read at once nothing has to be kept. */
      g_assert_cmpint (op->group, ==,
                       op->window_tokens > 0 && !op->whole_run ? GRAPH_KV_WINDOW : GRAPH_KV_FULL);
    }
    if (op->kind == GRAPH_OP_MATMUL && op->dst == GRAPH_BUFFER_LOGITS)
      g_assert_cmpfloat_with_epsilon (op->cap, facts[i].logit_cap, 1e-5f);
    if (op->kind == GRAPH_OP_MATMUL && op->accumulate)
      g_assert_cmpfloat_with_epsilon (op->scale, facts[i].residual, 1e-5f);
  }
  g_assert_cmpuint (windows, ==, facts[i].windows);
  g_assert_cmpuint (rotates, ==, facts[i].rotates);
}

static void
test_plan (gconstpointer data)
{
  const Family *family = data;
  g_auto (TestOpened) o = open_built (build (family, "", NULL, NULL));
  g_autoptr (GraphPlan) plan = NULL;
  g_autofree char *text = NULL;

  g_assert_no_error (o.error);
  plan = graph_plan_build (o.desc, 0, o.desc->h.n_layers, TRUE, TRUE, 4, 1);
  text = graph_plan_print (plan);
  g_test_message ("%s", text);
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    if (strcmp (lines[i].family, family->name) == 0)
      g_assert_nonnull (strstr (text, lines[i].line));
  for (size_t i = 0; i < G_N_ELEMENTS (facts); i++)
    if (strcmp (facts[i].family, family->name) == 0)
      check_facts (plan, i);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++) {
    g_autofree char *tensors =
        g_strconcat ("/engine/graph/families/tensors/", families[i].name, NULL);
    g_autofree char *plan = g_strconcat ("/engine/graph/families/plan/", families[i].name, NULL);

    g_test_add_data_func (tensors, &families[i], test_tensors);
    g_test_add_data_func (plan, &families[i], test_plan);
  }
  g_test_add_func ("/engine/graph/families/settings", test_settings);
  return g_test_run ();
}
