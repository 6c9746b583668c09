/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiny models of several architectures, from tables: see models.h. */
#include "tests/engine/split/models.h"

#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

const char *const tiny_names[TINY_N_KINDS] = { "llama", "qwen3moe", "gpt-oss",
                                               "gemma3", "qwen35moe", "gemma4",
                                               "qwen35", "lfm2", "granitehybrid" };

#define N_VOCAB 320

#define BIT(kind) (1u << TINY_##kind)
enum {
  MIXTURES = BIT (QWEN3MOE) | BIT (GPT_OSS) | BIT (QWEN35MOE),
  GEMMAS = BIT (GEMMA3) | BIT (GEMMA4),
  DELTAS = BIT (QWEN35) | BIT (QWEN35MOE),
  MIXED = BIT (LFM2) | BIT (GRANITEHYBRID), /* attention in odd layers, as with delta nets */
  DENSE = BIT (LLAMA) | GEMMAS | BIT (QWEN35) | MIXED,
  WINDOWS = BIT (GPT_OSS) | GEMMAS,
  STATES = DELTAS | BIT (GRANITEHYBRID),
  ALL = MIXTURES | DENSE,
  ATTENTION = ALL & ~(DELTAS | MIXED), /* in all layers */
};

/* Layers, as bits. */
enum {
  EVERY = 0x3f,
  EVEN = 0x15,
  ODD = 0x2a,
  OWN = 0x0f, /* with keys of their own, where others share them */
};

static const struct {
  unsigned kinds;
  const char *key;
  uint32_t value;
} numbers[] = {
  { ALL, "context_length", 512 },
  { ALL, "embedding_length", 64 },
  { ALL, "block_count", TINY_LAYERS },
  { ALL, "feed_forward_length", 96 },
  { ALL, "attention.head_count", 2 },
  { ALL & ~MIXED, "attention.head_count_kv", 1 },
  { ALL, "attention.key_length", 32 },
  { ALL, "attention.value_length", 32 },
  { ALL, "rope.dimension_count", 32 },
  { WINDOWS, "attention.sliding_window", 16 },
  { MIXTURES, "expert_count", 8 },
  { MIXTURES, "expert_used_count", 2 },
  { MIXTURES, "expert_feed_forward_length", 32 },
  { BIT (QWEN35MOE), "expert_shared_feed_forward_length", 64 },
  { DELTAS, "full_attention_interval", 2 },
  { STATES, "ssm.conv_kernel", 4 },
  { STATES, "ssm.state_size", 16 },
  { STATES, "ssm.group_count", 2 },
  { STATES, "ssm.time_step_rank", 4 },
  { STATES, "ssm.inner_size", 64 },
  { BIT (LFM2), "shortconv.l_cache", 3 },
  { BIT (GEMMA4), "attention.key_length_swa", 32 },
  { BIT (GEMMA4), "attention.value_length_swa", 32 },
  { BIT (GEMMA4), "rope.dimension_count_swa", 32 },
  { BIT (GEMMA4), "attention.shared_kv_layers", 2 },
  { BIT (GEMMA4), "embedding_length_per_layer_input", 32 },
};

typedef enum {
  MATRIX,
  FLOATS, /* a matrix in F32 */
  NORM,   /* around 1 */
  LOUD,   /* around 8 */
  BIAS,   /* around 0 */
  DECAY,  /* below 0 */
} Content;

/* Columns and rows (0: a vector) of one layer's tensors, and how many matrices (0: one). */
static const struct {
  unsigned kinds, layers;
  Content content;
  const char *name;
  uint32_t columns, rows, n;
} tensors[] = {
  { ALL, EVERY, NORM, "attn_norm.weight", 64, 0, 0 },
  { ATTENTION, EVERY, MATRIX, "attn_q.weight", 64, 64, 0 },
  { ATTENTION & ~BIT (GEMMA4), EVERY, MATRIX, "attn_k.weight", 64, 32, 0 },
  { ATTENTION & ~BIT (GEMMA4), EVERY, MATRIX, "attn_v.weight", 64, 32, 0 },
  { BIT (GEMMA4), OWN, MATRIX, "attn_k.weight", 64, 32, 0 },
  { BIT (GEMMA4), OWN, MATRIX, "attn_v.weight", 64, 32, 0 },
  { ATTENTION, EVERY, MATRIX, "attn_output.weight", 64, 64, 0 },
  { BIT (QWEN3MOE) | GEMMAS, EVERY, NORM, "attn_q_norm.weight", 32, 0, 0 },
  { BIT (QWEN3MOE) | BIT (GEMMA3), EVERY, NORM, "attn_k_norm.weight", 32, 0, 0 },
  { BIT (GEMMA4), OWN, NORM, "attn_k_norm.weight", 32, 0, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "attn_q.bias", 64, 0, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "attn_k.bias", 32, 0, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "attn_v.bias", 32, 0, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "attn_output.bias", 64, 0, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "attn_sinks.weight", 2, 0, 0 },
  { BIT (GPT_OSS) | DELTAS | GEMMAS, EVERY, NORM, "post_attention_norm.weight", 64, 0, 0 },
  { BIT (LLAMA) | BIT (QWEN3MOE) | GEMMAS | MIXED, EVERY, NORM, "ffn_norm.weight", 64, 0, 0 },
  { GEMMAS, EVERY, NORM, "post_ffw_norm.weight", 64, 0, 0 },
  { DENSE, EVERY, MATRIX, "ffn_gate.weight", 64, 96, 0 },
  { DENSE, EVERY, MATRIX, "ffn_up.weight", 64, 96, 0 },
  { DENSE, EVERY, MATRIX, "ffn_down.weight", 96, 64, 0 },
  { MIXTURES, EVERY, FLOATS, "ffn_gate_inp.weight", 64, 8, 0 },
  { MIXTURES, EVERY, MATRIX, "ffn_gate_exps.weight", 64, 32, 8 },
  { MIXTURES, EVERY, MATRIX, "ffn_up_exps.weight", 64, 32, 8 },
  { MIXTURES, EVERY, MATRIX, "ffn_down_exps.weight", 32, 64, 8 },
  { BIT (GPT_OSS), EVERY, BIAS, "ffn_gate_inp.bias", 8, 0, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "ffn_gate_exps.bias", 32, 8, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "ffn_up_exps.bias", 32, 8, 0 },
  { BIT (GPT_OSS), EVERY, BIAS, "ffn_down_exps.bias", 64, 8, 0 },
  { BIT (QWEN35MOE), EVERY, BIAS, "ffn_gate_inp_shexp.weight", 64, 0, 0 },
  { BIT (QWEN35MOE), EVERY, MATRIX, "ffn_gate_shexp.weight", 64, 64, 0 },
  { BIT (QWEN35MOE), EVERY, MATRIX, "ffn_up_shexp.weight", 64, 64, 0 },
  { BIT (QWEN35MOE), EVERY, MATRIX, "ffn_down_shexp.weight", 64, 64, 0 },
  { DELTAS, ODD, MATRIX, "attn_q.weight", 64, 128, 0 },
  { MIXED, ODD, MATRIX, "attn_q.weight", 64, 64, 0 },
  { DELTAS | MIXED, ODD, MATRIX, "attn_k.weight", 64, 32, 0 },
  { DELTAS | MIXED, ODD, MATRIX, "attn_v.weight", 64, 32, 0 },
  { DELTAS | MIXED, ODD, MATRIX, "attn_output.weight", 64, 64, 0 },
  { DELTAS | BIT (LFM2), ODD, NORM, "attn_q_norm.weight", 32, 0, 0 },
  { DELTAS | BIT (LFM2), ODD, NORM, "attn_k_norm.weight", 32, 0, 0 },
  { DELTAS, EVEN, MATRIX, "attn_qkv.weight", 64, 128, 0 },
  { DELTAS, EVEN, MATRIX, "attn_gate.weight", 64, 64, 0 },
  { STATES, EVEN, FLOATS, "ssm_conv1d.weight", 4, 128, 0 },
  { STATES, EVEN, BIAS, "ssm_dt.bias", 4, 0, 0 },
  { DELTAS, EVEN, DECAY, "ssm_a", 4, 0, 0 },
  { DELTAS, EVEN, FLOATS, "ssm_beta.weight", 64, 4, 0 },
  { DELTAS, EVEN, FLOATS, "ssm_alpha.weight", 64, 4, 0 },
  { DELTAS, EVEN, NORM, "ssm_norm.weight", 16, 0, 0 },
  { STATES, EVEN, MATRIX, "ssm_out.weight", 64, 64, 0 },
  { BIT (GRANITEHYBRID), EVEN, MATRIX, "ssm_in.weight", 64, 196, 0 },
  { BIT (GRANITEHYBRID), EVEN, BIAS, "ssm_conv1d.bias", 128, 0, 0 },
  { BIT (GRANITEHYBRID), EVEN, DECAY, "ssm_a", 1, 4, 0 },
  { BIT (GRANITEHYBRID), EVEN, BIAS, "ssm_d", 1, 4, 0 },
  { BIT (GRANITEHYBRID), EVEN, NORM, "ssm_norm.weight", 32, 2, 0 },
  { BIT (LFM2), EVEN, MATRIX, "shortconv.in_proj.weight", 64, 192, 0 },
  { BIT (LFM2), EVEN, FLOATS, "shortconv.conv.weight", 3, 64, 0 },
  { BIT (LFM2), EVEN, MATRIX, "shortconv.out_proj.weight", 64, 64, 0 },
  { BIT (GEMMA4), EVERY, MATRIX, "inp_gate.weight", 64, 32, 0 },
  { BIT (GEMMA4), EVERY, MATRIX, "proj.weight", 32, 64, 0 },
  { BIT (GEMMA4), EVERY, NORM, "post_norm.weight", 64, 0, 0 },
};

static void
add_tensor (TestGguf *gguf, uint64_t *state, const char *name, Content content, uint32_t columns,
            uint32_t rows, uint32_t n)
{
  size_t count = (size_t) columns * MAX (rows, 1) * MAX (n, 1);
  ModelType type = content == MATRIX ? MODEL_TYPE_Q8_0 : MODEL_TYPE_F32;
  size_t bytes = model_type_row_bytes (model_type_info (type), count);
  g_autofree void *data = g_malloc (bytes);
  float *floats = data;

  if (content == MATRIX)
    test_random_weights (state, type, 1 / sqrtf ((float) columns), data, count);
  for (size_t i = 0; content != MATRIX && i < count; i++) {
    float x = test_random_real (state);

    floats[i] = content == NORM    ? 1 + 0.2f * x
                : content == LOUD  ? 8 + 1.6f * x
                : content == DECAY ? -0.5f - 0.4f * x
                : content == BIAS  ? 0.3f * x
                                   : 1.7f * x / sqrtf ((float) columns);
  }
  if (n > 0)
    test_gguf_add_matrices (gguf, name, type, columns, rows, n, data, bytes);
  else
    test_gguf_add_tensor (gguf, name, type, columns, rows, data, bytes);
}

static void
add_metadata (TestGguf *gguf, TinyKind kind)
{
  static const uint8_t pattern[TINY_LAYERS] = { 1, 0, 1, 0, 1, 0 };
  static const uint32_t heads_kv[TINY_LAYERS] = { 0, 1, 0, 1, 0, 1 };
  const char *arch = tiny_names[kind];
  g_autofree char *epsilon = g_strconcat (arch, ".attention.layer_norm_rms_epsilon", NULL);
  g_autofree char *heads = g_strconcat (arch, ".attention.head_count_kv", NULL);

  test_gguf_add_string (gguf, "general.architecture", arch);
  test_gguf_add_f32 (gguf, epsilon, 1e-5f);
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++)
    if ((numbers[i].kinds & (1u << kind)) != 0) {
      g_autofree char *key = g_strconcat (arch, ".", numbers[i].key, NULL);

      test_gguf_add_u32 (gguf, key, numbers[i].value);
    }
  if (((1u << kind) & MIXED) != 0)
    test_gguf_add_array (gguf, heads, MODEL_VALUE_U32, heads_kv, TINY_LAYERS, sizeof heads_kv[0]);
  if (kind == TINY_GEMMA4)
    test_gguf_add_array (gguf, "gemma4.attention.sliding_window_pattern", MODEL_VALUE_BOOL,
                         pattern, TINY_LAYERS, 1);
  test_gguf_add_vocabulary (gguf, N_VOCAB);
}

static void
write_tiny (const char *path, TinyKind kind, uint64_t seed, Content last_norm)
{
  g_autoptr (TestGguf) gguf = test_gguf_new (3);
  g_autoptr (GByteArray) bytes = NULL;
  uint64_t state = seed;

  add_metadata (gguf, kind);
  add_tensor (gguf, &state, "token_embd.weight", MATRIX, 64, N_VOCAB, 0);
  add_tensor (gguf, &state, kind == TINY_LFM2 ? "token_embd_norm.weight" : "output_norm.weight",
              last_norm, 64, 0, 0);
  if (kind != TINY_LLAMA) /* tied there */
    add_tensor (gguf, &state, "output.weight", MATRIX, 64, N_VOCAB, 0);
  if (kind == TINY_GEMMA4) {
    add_tensor (gguf, &state, "per_layer_token_embd.weight", MATRIX, 32 * TINY_LAYERS, N_VOCAB, 0);
    add_tensor (gguf, &state, "per_layer_model_proj.weight", MATRIX, 64, 32 * TINY_LAYERS, 0);
    add_tensor (gguf, &state, "per_layer_proj_norm.weight", NORM, 32, 0, 0);
  }
  for (unsigned layer = 0; layer < TINY_LAYERS; layer++)
    for (size_t i = 0; i < G_N_ELEMENTS (tensors); i++)
      if ((tensors[i].kinds & (1u << kind)) != 0 && (tensors[i].layers & (1u << layer)) != 0) {
        g_autofree char *name = g_strdup_printf ("blk.%u.%s", layer, tensors[i].name);

        add_tensor (gguf, &state, name, tensors[i].content, tensors[i].columns, tensors[i].rows,
                    tensors[i].n);
      }
  bytes = test_gguf_bytes (gguf, 32, NULL);
  test_write_file (path, bytes);
}

void
tiny_write (const char *path, TinyKind kind, uint64_t seed)
{
  write_tiny (path, kind, seed, NORM);
}

void
tiny_write_sure (const char *path, TinyKind kind, uint64_t seed)
{
  write_tiny (path, kind, seed, LOUD);
}

void
tiny_remove_folder (const char *path)
{
  GDir *files = g_dir_open (path, 0, NULL);
  const char *name;

  while (files != NULL && (name = g_dir_read_name (files)) != NULL) {
    g_autofree char *file = g_build_filename (path, name, NULL);

    g_unlink (file);
  }
  g_clear_pointer (&files, g_dir_close);
  g_rmdir (path);
}
