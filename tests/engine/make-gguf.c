/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer of GGUF files for tests: see make-gguf.h. It may abort: a test that cannot write its
 * files has failed. */
#include "tests/engine/make-gguf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  char *name;
  uint32_t type, n_dims;
  uint64_t ne[3];
  GBytes *data;
} Tensor;

struct _TestGguf {
  uint32_t version;
  GByteArray *values;
  uint64_t n_values;
  GPtrArray *tensors;
};

uint64_t
test_random (uint64_t *state)
{
  uint64_t z = *state += UINT64_C (0x9e3779b97f4a7c15);

  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return z ^ z >> 31;
}

float
test_random_real (uint64_t *state)
{
  return (float) (test_random (state) >> 40) * 0x1p-23f - 1;
}

/* ---- random weights ------------------------------------------------------------------- */

static void
random_bytes (uint64_t *state, void *dst, size_t n)
{
  uint8_t *out = dst;

  for (size_t i = 0; i < n; i++)
    out[i] = (uint8_t) (test_random (state) >> 56);
}

static void
random_float (uint64_t *state, ModelType type, float deviation, uint8_t *dst)
{
  float value = deviation * sqrtf (3) * test_random_real (state);
  uint32_t bits;
  uint16_t half = model_f32_to_f16 (value);

  memcpy (&bits, &value, sizeof bits);
  if (type == MODEL_TYPE_BF16)
    half = (uint16_t) (bits >> 16);
  if (type == MODEL_TYPE_F32)
    memcpy (dst, &value, sizeof value);
  else
    memcpy (dst, &half, sizeof half);
}

/* Where the f16 scales of a block are; min: what the second, of minimums, is times the first, so
 * that the mean is about 0. The other formats have scales of their own kinds. */
static const struct {
  ModelType type;
  uint32_t scale_at, min_at;
  float min;
} scales[] = {
  { MODEL_TYPE_Q4_0, 0, 0, 0 },
  { MODEL_TYPE_Q4_1, 0, 2, -7.5f },
  { MODEL_TYPE_Q5_0, 0, 0, 0 },
  { MODEL_TYPE_Q5_1, 0, 2, -15.5f },
  { MODEL_TYPE_Q8_0, 0, 0, 0 },
  { MODEL_TYPE_Q2_K, 80, 82, 1.5f },
  { MODEL_TYPE_Q3_K, 108, 0, 0 },
  { MODEL_TYPE_Q4_K, 0, 2, 7.5f },
  { MODEL_TYPE_Q5_K, 0, 2, 15.5f },
  { MODEL_TYPE_Q6_K, 208, 0, 0 },
  { MODEL_TYPE_IQ4_NL, 0, 0, 0 },
  { MODEL_TYPE_IQ4_XS, 0, 0, 0 },
  { MODEL_TYPE_IQ2_XXS, 0, 0, 0 },
  { MODEL_TYPE_IQ2_XS, 0, 0, 0 },
  { MODEL_TYPE_IQ2_S, 0, 0, 0 },
  { MODEL_TYPE_IQ3_XXS, 0, 0, 0 },
  { MODEL_TYPE_IQ3_S, 0, 0, 0 },
  { MODEL_TYPE_IQ1_S, 0, 0, 0 },
  { MODEL_TYPE_TQ1_0, 52, 0, 0 },
  { MODEL_TYPE_TQ2_0, 64, 0, 0 },
  { MODEL_TYPE_Q1_0, 0, 0, 0 },
  { MODEL_TYPE_Q2_0, 0, 0, 0 },
};

/* The root of the mean square of a block. */
static float
rms_of_block (const ModelTypeInfo *info, const uint8_t *block)
{
  float weights[256], sum = 0;

  info->to_f32 (block, weights, info->block_weights);
  for (uint32_t i = 0; i < info->block_weights; i++)
    sum += weights[i] * weights[i];
  return sqrtf (sum / (float) info->block_weights);
}

static void
put16 (uint8_t *dst, float value)
{
  uint16_t half = model_f32_to_f16 (value);

  memcpy (dst, &half, sizeof half);
}

/* IQ1_M keeps its f16 scale in the top nibbles of four words. */
static void
put_iq1_m (uint8_t *block, float value)
{
  uint16_t half = model_f32_to_f16 (value);

  for (unsigned i = 0; i < 4; i++)
    block[49 + 2 * i] = (uint8_t) ((block[49 + 2 * i] & 15) | (half >> (4 * i) & 15) << 4);
}

/* Random bits, and a scale that makes the deviation what it shall be; 4-bit floats have scales that
 * are powers of two, or nearly: their magnitudes are 3 on average. */
static void
random_block (uint64_t *state, const ModelTypeInfo *info, float deviation, uint8_t *dst)
{
  float value;

  if (info->block_weights == 1) {
    random_float (state, (ModelType) info->id, deviation, dst);
    return;
  }
  random_bytes (state, dst, info->block_bytes);
  deviation *= 1 + test_random_real (state) / 3;
  if (info->id == MODEL_TYPE_MXFP4)
    dst[0] = (uint8_t) (127 + ilogbf (deviation / 3));
  for (unsigned i = 0; i < 4 && info->id == MODEL_TYPE_NVFP4; i++)
    dst[i] = (uint8_t) (MAX (7 + ilogbf (deviation / 3), 0) << 3 | (dst[i] & 7));
  if (info->id == MODEL_TYPE_IQ1_M) {
    put_iq1_m (dst, 1);
    put_iq1_m (dst, deviation / rms_of_block (info, dst));
  }
  for (size_t i = 0; i < G_N_ELEMENTS (scales); i++)
    if (scales[i].type == info->id) {
      put16 (dst + scales[i].scale_at, 1);
      if (scales[i].min_at > 0)
        put16 (dst + scales[i].min_at, scales[i].min);
      value = deviation / MAX (rms_of_block (info, dst), 1e-3f);
      put16 (dst + scales[i].scale_at, value);
      if (scales[i].min_at > 0)
        put16 (dst + scales[i].min_at, value * scales[i].min);
    }
}

void
test_random_weights (uint64_t *state, ModelType type, float deviation, void *dst, size_t n)
{
  const ModelTypeInfo *info = model_type_info (type);

  g_assert (n % info->block_weights == 0);
  for (size_t i = 0; i < n / info->block_weights; i++)
    random_block (state, info, deviation, (uint8_t *) dst + i * info->block_bytes);
}

/* ---- metadata ------------------------------------------------------------------------- */

static void
append (GByteArray *array, const void *data, size_t n)
{
  g_byte_array_append (array, data, (guint) n);
}

static void
append_u32 (GByteArray *array, uint32_t value)
{
  append (array, &value, sizeof value);
}

static void
append_u64 (GByteArray *array, uint64_t value)
{
  append (array, &value, sizeof value);
}

static void
append_string (GByteArray *array, const char *string)
{
  append_u64 (array, strlen (string));
  append (array, string, strlen (string));
}

static void
tensor_free (gpointer data)
{
  Tensor *tensor = data;

  g_free (tensor->name);
  g_bytes_unref (tensor->data);
  g_free (tensor);
}

TestGguf *
test_gguf_new (uint32_t version)
{
  TestGguf *gguf = g_new0 (TestGguf, 1);

  gguf->version = version;
  gguf->values = g_byte_array_new ();
  gguf->tensors = g_ptr_array_new_with_free_func (tensor_free);
  return gguf;
}

void
test_gguf_free (TestGguf *gguf)
{
  g_byte_array_unref (gguf->values);
  g_ptr_array_unref (gguf->tensors);
  g_free (gguf);
}

void
test_gguf_add_raw (TestGguf *gguf, const char *key, uint32_t type, const void *bytes, size_t n)
{
  append_string (gguf->values, key);
  append_u32 (gguf->values, type);
  append (gguf->values, bytes, n);
  gguf->n_values++;
}

void
test_gguf_add_u32 (TestGguf *gguf, const char *key, uint32_t value)
{
  test_gguf_add_raw (gguf, key, MODEL_VALUE_U32, &value, sizeof value);
}

void
test_gguf_add_f32 (TestGguf *gguf, const char *key, float value)
{
  test_gguf_add_raw (gguf, key, MODEL_VALUE_F32, &value, sizeof value);
}

void
test_gguf_add_bool (TestGguf *gguf, const char *key, gboolean value)
{
  uint8_t byte = value ? 1 : 0;

  test_gguf_add_raw (gguf, key, MODEL_VALUE_BOOL, &byte, sizeof byte);
}

void
test_gguf_add_string (TestGguf *gguf, const char *key, const char *value)
{
  test_gguf_add_raw (gguf, key, MODEL_VALUE_STRING, NULL, 0);
  append_string (gguf->values, value);
}

void
test_gguf_add_array (TestGguf *gguf,
                     const char *key,
                     uint32_t type,
                     const void *elements,
                     size_t n,
                     size_t element_bytes)
{
  test_gguf_add_raw (gguf, key, MODEL_VALUE_ARRAY, NULL, 0);
  append_u32 (gguf->values, type);
  append_u64 (gguf->values, n);
  append (gguf->values, elements, n * element_bytes);
}

void
test_gguf_add_strings (TestGguf *gguf, const char *key, const char *const *strings, size_t n)
{
  test_gguf_add_array (gguf, key, MODEL_VALUE_STRING, NULL, n, 0);
  for (size_t i = 0; i < n; i++)
    append_string (gguf->values, strings[i]);
}

void
test_gguf_add_tensor (TestGguf *gguf,
                      const char *name,
                      uint32_t type,
                      uint64_t columns,
                      uint64_t rows,
                      const void *data,
                      size_t n_bytes)
{
  Tensor *tensor = g_new0 (Tensor, 1);

  tensor->name = g_strdup (name);
  tensor->type = type;
  tensor->n_dims = rows > 0 ? 2 : 1;
  tensor->ne[0] = columns;
  tensor->ne[1] = rows;
  tensor->data = g_bytes_new (data, n_bytes);
  g_ptr_array_add (gguf->tensors, tensor);
}

void
test_gguf_add_matrices (TestGguf *gguf, const char *name, uint32_t type, uint64_t columns,
                        uint64_t rows, uint64_t n, const void *data, size_t n_bytes)
{
  Tensor *tensor;

  test_gguf_add_tensor (gguf, name, type, columns, rows, data, n_bytes);
  tensor = g_ptr_array_index (gguf->tensors, gguf->tensors->len - 1);
  tensor->n_dims = 3;
  tensor->ne[2] = n;
}

static void
pad (GByteArray *bytes, uint32_t alignment)
{
  static const uint8_t zero = 0;

  while (bytes->len % alignment != 0)
    append (bytes, &zero, 1);
}

GByteArray *
test_gguf_bytes (const TestGguf *gguf, uint32_t alignment, size_t *header_bytes)
{
  GByteArray *bytes = g_byte_array_new ();
  uint64_t offset = 0;

  append (bytes, "GGUF", 4);
  append_u32 (bytes, gguf->version);
  append_u64 (bytes, gguf->tensors->len);
  append_u64 (bytes, gguf->n_values + (alignment != 32));
  if (alignment != 32) {
    append_string (bytes, "general.alignment");
    append_u32 (bytes, MODEL_VALUE_U32);
    append_u32 (bytes, alignment);
  }
  append (bytes, gguf->values->data, gguf->values->len);
  for (guint i = 0; i < gguf->tensors->len; i++) {
    const Tensor *tensor = g_ptr_array_index (gguf->tensors, i);

    append_string (bytes, tensor->name);
    append_u32 (bytes, tensor->n_dims);
    append (bytes, tensor->ne, tensor->n_dims * sizeof tensor->ne[0]);
    append_u32 (bytes, tensor->type);
    append_u64 (bytes, offset);
    offset += (g_bytes_get_size (tensor->data) + alignment - 1) / alignment * alignment;
  }
  pad (bytes, alignment);
  if (header_bytes != NULL)
    *header_bytes = bytes->len;
  for (guint i = 0; i < gguf->tensors->len; i++) {
    const Tensor *tensor = g_ptr_array_index (gguf->tensors, i);
    size_t n;
    const void *data = g_bytes_get_data (tensor->data, &n);

    append (bytes, data, n);
    pad (bytes, alignment);
  }
  return bytes;
}

void
test_write_file (const char *path, const GByteArray *bytes)
{
  FILE *file = fopen (path, "wb"); /* no g_file_set_contents: it waits for the disk */

  if (file == NULL || fwrite (bytes->data, 1, bytes->len, file) != bytes->len || fclose (file) != 0)
    g_error ("%s cannot be written", path);
}

TestGguf *
test_gguf_part (const TestGguf *gguf, uint32_t part, uint32_t n_parts)
{
  TestGguf *out = test_gguf_new (gguf->version);
  guint first = part * gguf->tensors->len / n_parts;
  guint end = (part + 1) * gguf->tensors->len / n_parts;
  uint16_t number = (uint16_t) part, count = (uint16_t) n_parts;
  int32_t total = (int32_t) gguf->tensors->len;

  if (part == 0) {
    append (out->values, gguf->values->data, gguf->values->len);
    out->n_values = gguf->n_values;
  }
  test_gguf_add_raw (out, "split.no", MODEL_VALUE_U16, &number, sizeof number);
  test_gguf_add_raw (out, "split.count", MODEL_VALUE_U16, &count, sizeof count);
  test_gguf_add_raw (out, "split.tensors.count", MODEL_VALUE_I32, &total, sizeof total);
  for (guint i = first; i < end; i++) {
    const Tensor *tensor = g_ptr_array_index (gguf->tensors, i);
    gsize n;
    const void *data = g_bytes_get_data (tensor->data, &n);

    test_gguf_add_tensor (out, tensor->name, tensor->type, tensor->ne[0],
                          tensor->n_dims > 1 ? tensor->ne[1] : 0, data, n);
  }
  return out;
}

/* ---- a tiny llama --------------------------------------------------------------------- */

static void
set_default (uint32_t *field, uint32_t value)
{
  if (*field == 0)
    *field = value;
}

TestLlama
test_llama_complete (const TestLlama *llama)
{
  TestLlama l = { 0 };

  if (llama != NULL)
    l = *llama;
  set_default (&l.n_layers, 2);
  set_default (&l.d_model, 256);
  set_default (&l.d_ff, 512);
  set_default (&l.n_heads, 4);
  set_default (&l.n_heads_kv, 2);
  set_default (&l.d_head, 64);
  set_default (&l.n_vocab, 320);
  set_default (&l.context_tokens, 512);
  l.rope_base = l.rope_base > 0 ? l.rope_base : 10000;
  l.pre = l.pre != NULL ? l.pre : "smollm";
  return l;
}

/* How byte-level BPE writes a byte as a printable character: itself where it is printable in
 * Latin-1, else a character from U+0100 on, in the order of the bytes. */
static gunichar
printable_of_byte (unsigned byte)
{
  unsigned n = 0;

  for (unsigned b = 0; b <= byte; b++) {
    gboolean printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;

    if (b == byte)
      return printable ? b : 0x100 + n;
    n += !printable;
  }
  g_assert_not_reached ();
}

static const char *const special_tokens[] = { "<|endoftext|>", "<|im_start|>", "<|im_end|>" };
static const char *const merges[] = { "Ġ t", "h e", "i n", "Ġt he", "Ġ a", "a n",
                                      "e r", "o n", "Ġ Ġ", "ĠĠ ĠĠ", "l l", "o ll",
                                      "Ġ c", "Ġc i", "Ã ¨", "Ġa n", "Ġan d", "Ġan d" };
/* The last merge of the list is there twice on purpose: files have such, the first one counts. */
#define N_MERGED (G_N_ELEMENTS (merges) - 1)

/* texts: BOS and EOS go around a text. */
static void
add_vocabulary (TestGguf *gguf, const TestLlama *l, gboolean texts)
{
  g_autoptr (GPtrArray) tokens = g_ptr_array_new_with_free_func (g_free);
  g_autofree int32_t *kinds = g_new (int32_t, l->n_vocab);

  g_assert (l->n_vocab >= 280);
  for (size_t i = 0; i < G_N_ELEMENTS (special_tokens); i++) {
    kinds[tokens->len] = 3; /* control */
    g_ptr_array_add (tokens, g_strdup (special_tokens[i]));
  }
  for (unsigned b = 0; b < 256; b++) {
    char text[8] = { 0 };

    g_unichar_to_utf8 (printable_of_byte (b), text);
    kinds[tokens->len] = 1; /* normal */
    g_ptr_array_add (tokens, g_strdup (text));
  }
  for (size_t i = 0; i < N_MERGED; i++) {
    g_auto (GStrv) parts = g_strsplit (merges[i], " ", 2);

    kinds[tokens->len] = 1;
    g_ptr_array_add (tokens, g_strconcat (parts[0], parts[1], NULL));
  }
  kinds[tokens->len] = 1;
  g_ptr_array_add (tokens, g_strdup ("whole")); /* a word that no merge makes */
  while (tokens->len < l->n_vocab) {
    kinds[tokens->len] = 5; /* unused */
    g_ptr_array_add (tokens, g_strdup_printf ("<unused_%u>", tokens->len));
  }
  test_gguf_add_string (gguf, "tokenizer.ggml.model", "gpt2");
  test_gguf_add_string (gguf, "tokenizer.ggml.pre", l->pre);
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", (const char *const *) tokens->pdata,
                         tokens->len);
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, kinds, tokens->len,
                       sizeof *kinds);
  test_gguf_add_strings (gguf, "tokenizer.ggml.merges", merges, G_N_ELEMENTS (merges));
  test_gguf_add_u32 (gguf, "tokenizer.ggml.bos_token_id", 1);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.eos_token_id", 2);
  test_gguf_add_bool (gguf, "tokenizer.ggml.add_bos_token", texts);
  test_gguf_add_bool (gguf, "tokenizer.ggml.add_eos_token", texts);
  test_gguf_add_string (gguf, "tokenizer.chat_template",
                        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
                        "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if "
                        "add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
}

void
test_gguf_add_vocabulary (TestGguf *gguf, uint32_t n_vocab)
{
  TestLlama l = test_llama_complete (&(TestLlama) { .n_vocab = n_vocab });

  add_vocabulary (gguf, &l, FALSE);
}

static void
add_hparams (TestGguf *gguf, const TestLlama *l)
{
  test_gguf_add_string (gguf, "general.architecture", "llama");
  test_gguf_add_string (gguf, "general.name", "Tiny test model");
  test_gguf_add_u32 (gguf, "llama.block_count", l->n_layers);
  test_gguf_add_u32 (gguf, "llama.context_length", l->context_tokens);
  test_gguf_add_u32 (gguf, "llama.embedding_length", l->d_model);
  test_gguf_add_u32 (gguf, "llama.feed_forward_length", l->d_ff);
  test_gguf_add_u32 (gguf, "llama.attention.head_count", l->n_heads);
  test_gguf_add_u32 (gguf, "llama.attention.head_count_kv", l->n_heads_kv);
  test_gguf_add_u32 (gguf, "llama.attention.key_length", l->d_head);
  test_gguf_add_u32 (gguf, "llama.attention.value_length", l->d_head);
  test_gguf_add_u32 (gguf, "llama.rope.dimension_count", l->d_head);
  test_gguf_add_u32 (gguf, "llama.vocab_size", l->n_vocab);
  test_gguf_add_f32 (gguf, "llama.rope.freq_base", l->rope_base);
  test_gguf_add_f32 (gguf, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
}

static void
add_matrix (TestGguf *gguf,
            uint64_t *state,
            const char *name,
            ModelType type,
            uint64_t rows,
            uint64_t columns)
{
  size_t bytes = model_type_row_bytes (model_type_info (type), columns) * rows;
  g_autofree uint8_t *data = g_malloc (bytes);

  test_random_weights (state, type, 1 / sqrtf ((float) columns), data, rows * columns);
  test_gguf_add_tensor (gguf, name, type, columns, rows, data, bytes);
}

/* Around 1. */
static void
add_norm (TestGguf *gguf, uint64_t *state, const TestLlama *l, const char *name)
{
  g_autofree float *f32 = g_new (float, l->d_model);
  g_autofree uint16_t *f16 = g_new (uint16_t, l->d_model);

  for (uint32_t i = 0; i < l->d_model; i++) {
    f32[i] = 1 + 0.2f * test_random_real (state);
    f16[i] = model_f32_to_f16 (f32[i]);
  }
  if (l->f16_norms)
    test_gguf_add_tensor (gguf, name, MODEL_TYPE_F16, l->d_model, 0, f16, l->d_model * sizeof *f16);
  else
    test_gguf_add_tensor (gguf, name, MODEL_TYPE_F32, l->d_model, 0, f32, l->d_model * sizeof *f32);
}

static void
add_layer (TestGguf *gguf,
           uint64_t *state,
           const TestLlama *l,
           ModelType type,
           ModelType other,
           uint32_t layer)
{
  uint64_t q = (uint64_t) l->n_heads * l->d_head, kv = (uint64_t) l->n_heads_kv * l->d_head;
  const struct {
    const char *name;
    ModelType type;
    uint64_t rows, columns;
  } matrices[] = {
    { "attn_q", type, q, l->d_model },
    { "attn_k", type, kv, l->d_model },
    { "attn_v", type, kv, l->d_model },
    { "attn_output", type, l->d_model, q },
    { "ffn_gate", type, l->d_ff, l->d_model },
    { "ffn_up", type, l->d_ff, l->d_model },
    { "ffn_down", other, l->d_model, l->d_ff },
  };
  static const char *const norms[] = { "attn_norm", "ffn_norm" };

  for (size_t i = 0; i < G_N_ELEMENTS (norms); i++) {
    g_autofree char *name = g_strdup_printf ("blk.%u.%s.weight", layer, norms[i]);

    add_norm (gguf, state, l, name);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (matrices); i++) {
    g_autofree char *name = g_strdup_printf ("blk.%u.%s.weight", layer, matrices[i].name);

    add_matrix (gguf, state, name, matrices[i].type, matrices[i].rows, matrices[i].columns);
  }
}

static void
add_rope_freqs (TestGguf *gguf, const TestLlama *l)
{
  uint32_t n = l->d_head / 2;
  g_autofree float *factors = g_new (float, n);

  for (uint32_t i = 0; i < n; i++)
    factors[i] = 1 + 7 * (float) i / (float) MAX (n - 1, 1);
  test_gguf_add_tensor (gguf, "rope_freqs.weight", MODEL_TYPE_F32, n, 0, factors,
                        n * sizeof *factors);
}

TestGguf *
test_gguf_build_vocabulary (const TestLlama *llama)
{
  TestLlama l = test_llama_complete (llama);
  TestGguf *gguf = test_gguf_new (3);

  add_hparams (gguf, &l);
  add_vocabulary (gguf, &l, FALSE);
  return gguf;
}

TestGguf *
test_gguf_build_llama (const TestLlama *llama, ModelType type, uint64_t seed)
{
  TestLlama l = test_llama_complete (llama);
  TestGguf *gguf = test_gguf_build_vocabulary (llama);
  gboolean k_type = model_type_info (type)->block_weights == 256;
  ModelType other = !l.mixed ? type : k_type ? MODEL_TYPE_Q6_K
                                             : MODEL_TYPE_Q8_0;
  uint64_t state = seed;

  add_matrix (gguf, &state, "token_embd.weight", other, l.n_vocab, l.d_model);
  if (l.rope_freqs)
    add_rope_freqs (gguf, &l);
  for (uint32_t layer = 0; layer < l.n_layers; layer++)
    add_layer (gguf, &state, &l, type, other, layer);
  add_norm (gguf, &state, &l, "output_norm.weight");
  if (l.untied)
    add_matrix (gguf, &state, "output.weight", other, l.n_vocab, l.d_model);
  return gguf;
}

void
test_gguf_write_llama (const char *path, const TestLlama *llama, ModelType type, uint64_t seed)
{
  g_autoptr (TestGguf) gguf = test_gguf_build_llama (llama, type, seed);
  g_autoptr (GByteArray) bytes = test_gguf_bytes (gguf, 32, NULL);

  test_write_file (path, bytes);
}

/* ---- a tiny bert ---------------------------------------------------------------------- */

static TestBert
complete_bert (const TestBert *bert)
{
  TestBert b = { 0 };

  if (bert != NULL)
    b = *bert;
  set_default (&b.n_layers, 2);
  set_default (&b.d_model, 256);
  set_default (&b.d_ff, 512);
  set_default (&b.n_heads, 4);
  set_default (&b.n_vocab, 320);
  set_default (&b.context_tokens, 96);
  set_default (&b.pooling, 1);
  b.name = b.name != NULL ? b.name : "Tiny test model";
  return b;
}

static void
add_bert_hparams (TestGguf *gguf, const TestBert *b)
{
  test_gguf_add_string (gguf, "general.architecture", "bert");
  test_gguf_add_string (gguf, "general.name", b->name);
  test_gguf_add_u32 (gguf, "bert.block_count", b->n_layers);
  test_gguf_add_u32 (gguf, "bert.context_length", b->context_tokens);
  test_gguf_add_u32 (gguf, "bert.embedding_length", b->d_model);
  test_gguf_add_u32 (gguf, "bert.feed_forward_length", b->d_ff);
  test_gguf_add_u32 (gguf, "bert.attention.head_count", b->n_heads);
  test_gguf_add_f32 (gguf, "bert.attention.layer_norm_epsilon", 1e-12f);
  test_gguf_add_bool (gguf, "bert.attention.causal", FALSE);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.token_type_count", 2);
  if (b->pooling != 9)
    test_gguf_add_u32 (gguf, "bert.pooling_type", b->pooling);
  if (b->query_prefix != NULL)
    test_gguf_add_string (gguf, "bottega.embed.query_prefix", b->query_prefix);
  if (b->passage_prefix != NULL)
    test_gguf_add_string (gguf, "bottega.embed.passage_prefix", b->passage_prefix);
}

/* n values of about the given deviation around middle. */
static void
add_vector (TestGguf *gguf,
            uint64_t *state,
            const char *name,
            uint32_t n,
            float middle,
            float deviation)
{
  g_autofree float *values = g_new (float, n);

  for (uint32_t i = 0; i < n; i++)
    values[i] = middle + deviation * test_random_real (state);
  test_gguf_add_tensor (gguf, name, MODEL_TYPE_F32, n, 0, values, n * sizeof *values);
}

static void
add_layer_norm (TestGguf *gguf, uint64_t *state, const TestBert *b, const char *stem)
{
  g_autofree char *weight = g_strconcat (stem, ".weight", NULL);
  g_autofree char *bias = g_strconcat (stem, ".bias", NULL);

  add_vector (gguf, state, weight, b->d_model, 1, 0.3f);
  add_vector (gguf, state, bias, b->d_model, 0, 0.3f);
}

static void
add_bert_layer (TestGguf *gguf, uint64_t *state, const TestBert *b, ModelType type, uint32_t layer)
{
  const struct {
    const char *name;
    uint32_t rows, columns;
  } matrices[] = {
    { "attn_q", b->d_model, b->d_model },
    { "attn_k", b->d_model, b->d_model },
    { "attn_v", b->d_model, b->d_model },
    { "attn_output", b->d_model, b->d_model },
    { "ffn_up", b->d_ff, b->d_model },
    { "ffn_down", b->d_model, b->d_ff },
  };
  static const char *const norms[] = { "attn_output_norm", "layer_output_norm" };

  for (size_t i = 0; i < G_N_ELEMENTS (norms); i++) {
    g_autofree char *stem = g_strdup_printf ("blk.%u.%s", layer, norms[i]);

    add_layer_norm (gguf, state, b, stem);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (matrices); i++) {
    g_autofree char *weight = g_strdup_printf ("blk.%u.%s.weight", layer, matrices[i].name);
    g_autofree char *bias = g_strdup_printf ("blk.%u.%s.bias", layer, matrices[i].name);

    add_matrix (gguf, state, weight, type, matrices[i].rows, matrices[i].columns);
    add_vector (gguf, state, bias, matrices[i].rows, 0, 0.5f);
  }
}

TestGguf *
test_gguf_build_bert (const TestBert *bert, ModelType type, uint64_t seed)
{
  TestBert b = complete_bert (bert);
  const TestLlama vocabulary = { .n_vocab = b.n_vocab, .pre = "smollm" };
  TestGguf *gguf = test_gguf_new (3);
  uint64_t state = seed;

  add_bert_hparams (gguf, &b);
  add_vocabulary (gguf, &vocabulary, TRUE);
  add_matrix (gguf, &state, "token_embd.weight", type, b.n_vocab, b.d_model);
  add_matrix (gguf, &state, "position_embd.weight", MODEL_TYPE_F32, b.context_tokens, b.d_model);
  add_matrix (gguf, &state, "token_types.weight", MODEL_TYPE_F32, 2, b.d_model);
  add_layer_norm (gguf, &state, &b, "token_embd_norm");
  for (uint32_t layer = 0; layer < b.n_layers; layer++)
    add_bert_layer (gguf, &state, &b, type, layer);
  return gguf;
}

void
test_gguf_write_bert (const char *path, const TestBert *bert, ModelType type, uint64_t seed)
{
  g_autoptr (TestGguf) gguf = test_gguf_build_bert (bert, type, seed);
  g_autoptr (GByteArray) bytes = test_gguf_bytes (gguf, 32, NULL);

  test_write_file (path, bytes);
}
