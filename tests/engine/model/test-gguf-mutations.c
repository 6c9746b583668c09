/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 2,000 damaged copies of a sound model. Each is refused with a sentence or loads as far as a
 * prompt's tokens and the first bytes of every tensor; none may crash, hang, or take more memory
 * than the file's size and 64 MiB (a limit of the process, so that even a short peak would
 * show). Mutation i is a function of i alone: run with -p /model/gguf-mutations/KIND to see one
 * kind again. */
#include "engine/error.h"
#include "engine/model/model.h"
#include "engine/text/chat.h"
#include "tests/engine/make-gguf.h"
#include "tests/engine/model/memory-limit.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define N_PER_KIND  250
#define MAX_SECONDS 60 /* for a kind; it takes well under one */
#define LIMIT_BYTES ((guint64) 64 << 20)

typedef struct {
  GByteArray *sound;
  size_t header_bytes;
  char *path;
} Fixture;

static void
fixture_set_up (Fixture *f, gconstpointer data)
{
  TestLlama llama = { .n_layers = 1,
                      .d_model = 32,
                      .d_ff = 64,
                      .n_heads = 2,
                      .n_heads_kv = 1,
                      .d_head = 16,
                      .n_vocab = 280,
                      .rope_freqs = TRUE };
  g_autoptr (TestGguf) gguf = test_gguf_build_llama (&llama, MODEL_TYPE_Q4_0, 1);

  f->sound = test_gguf_bytes (gguf, 32, &f->header_bytes);
  g_close (g_file_open_tmp ("bottega-mutant-XXXXXX", &f->path, NULL), NULL);
}

static void
fixture_tear_down (Fixture *f, gconstpointer data)
{
  g_byte_array_unref (f->sound);
  g_remove (f->path);
  g_free (f->path);
}

/* ---- kinds of damage ------------------------------------------------------------------- */

static uint64_t
below (uint64_t *random, uint64_t n)
{
  return test_random (random) % n;
}

/* Numbers that arithmetic trips over. */
static uint64_t
wild_number (uint64_t *random)
{
  static const uint64_t wild[] = {
    0,
    1,
    2,
    3,
    7,
    31,
    33,
    63,
    64,
    255,
    256,
    65535,
    65536,
    (1u << 31) - 1,
    1u << 31,
    UINT32_MAX,
    UINT64_C (1) << 32,
    (UINT64_C (1) << 32) + 1,
    UINT64_C (1) << 40,
    UINT64_C (1) << 61,
    (UINT64_C (1) << 61) + 1,
    UINT64_C (1) << 62,
    UINT64_C (1) << 63,
    (UINT64_C (1) << 63) - 1,
    UINT64_MAX,
    UINT64_MAX - 1,
    UINT64_MAX - 31,
  };

  return wild[below (random, G_N_ELEMENTS (wild))];
}

static void
cut (const Fixture *f, GByteArray *b, uint64_t *random)
{
  g_byte_array_set_size (b, (guint) below (random, random[0] & 1 ? f->header_bytes : b->len));
}

static void
wild_u64 (const Fixture *f, GByteArray *b, uint64_t *random)
{
  uint64_t value = wild_number (random);

  memcpy (b->data + below (random, f->header_bytes - 8), &value, sizeof value);
}

/* Where a string's length stands: a number, and that many bytes of text after it. */
static void
wild_length (const Fixture *f, GByteArray *b, uint64_t *random)
{
  for (int tries = 0; tries < 10000; tries++) {
    size_t at = below (random, f->header_bytes - 80);
    uint64_t length, value;
    gboolean readable = TRUE;

    memcpy (&length, b->data + at, sizeof length);
    for (uint64_t i = 0; length >= 1 && length <= 64 && i < length; i++)
      readable = readable && b->data[at + 8 + i] >= ' ';
    if (length < 1 || length > 64 || !readable)
      continue;
    value = test_random (random) & 1 ? wild_number (random) : length + below (random, 5) - 2;
    memcpy (b->data + at, &value, sizeof value);
    return;
  }
}

/* Small numbers are types, counts and dimensions. */
static void
wrong_type (const Fixture *f, GByteArray *b, uint64_t *random)
{
  for (int tries = 0; tries < 10000; tries++) {
    size_t at = below (random, f->header_bytes - 4);
    uint32_t value;

    memcpy (&value, b->data + at, sizeof value);
    if (value > 14)
      continue;
    value = (uint32_t) below (random, 44);
    memcpy (b->data + at, &value, sizeof value);
    return;
  }
}

/* One name over another of the same length. */
static void
duplicate_name (const Fixture *f, GByteArray *b, uint64_t *random)
{
  static const char *const pairs[][2] = {
    { "blk.0.attn_q.", "blk.0.attn_k." },
    { "blk.0.attn_k.", "blk.0.attn_v." },
    { "blk.0.ffn_gate.", "blk.0.ffn_down." },
    { "blk.0.attn_norm.", "blk.0.ffn_gate.w" },
    { "llama.block_count", "general.alignment" },
    { "llama.embedding_length", "llama.rope.freq_base12" },
    { "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id" },
    { "tokenizer.ggml.model", "tokenizer.ggml.merge" },
    { "tokenizer.ggml.tokens", "tokenizer.ggml.merges" },
    { "tokenizer.ggml.merges", "tokenizer.ggml.tokens" },
    { "llama.rope.freq_base", "llama.block_count123" },
    { "general.name", "general.type" },
  };
  size_t i = below (random, G_N_ELEMENTS (pairs));
  guint8 *at = memmem (b->data, b->len, pairs[i][0], strlen (pairs[i][0]));

  if (at != NULL)
    memcpy (at, pairs[i][1], strlen (pairs[i][1]));
  wild_u64 (f, b, random); /* and one more fault elsewhere, or all would be alike */
}

static void
random_bytes (const Fixture *f, GByteArray *b, uint64_t *random)
{
  for (uint64_t n = 1 + below (random, 16); n > 0; n--)
    b->data[below (random, f->header_bytes)] = (guint8) test_random (random);
}

/* Bytes go or come in, and all that follows is shifted. */
static void
shift (const Fixture *f, GByteArray *b, uint64_t *random)
{
  guint at = (guint) below (random, f->header_bytes), n = (guint) (1 + below (random, 40));

  if (test_random (random) & 1) {
    g_byte_array_remove_range (b, at, n);
    return;
  }
  g_byte_array_set_size (b, b->len + n);
  memmove (b->data + at + n, b->data + at, b->len - n - at);
}

/* A wild number over one of the model's own settings, which the reader has no reason to doubt. */
static void
wild_setting (const Fixture *f, GByteArray *b, uint64_t *random)
{
  static const char *const keys[] = {
    "llama.block_count",
    "llama.context_length",
    "llama.embedding_length",
    "llama.feed_forward_length",
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
    "llama.attention.value_length",
    "llama.rope.dimension_count",
    "llama.rope.freq_base",
    "llama.attention.layer_norm_rms_epsilon",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.model",
    "tokenizer.ggml.token_type",
    "tokenizer.chat_template",
  };
  const char *key = keys[below (random, G_N_ELEMENTS (keys))];
  guint8 *at = memmem (b->data, b->len, key, strlen (key));
  uint32_t value = (uint32_t) (test_random (random) & 1 ? wild_number (random)
                                                        : test_random (random));

  memcpy (at + strlen (key) + 4, &value, sizeof value);
}

static const struct {
  const char *name;
  void (*damage) (const Fixture *f, GByteArray *b, uint64_t *random);
} kinds[] = {
  { "cut", cut },
  { "wild-number", wild_u64 },
  { "wild-length", wild_length },
  { "wrong-type", wrong_type },
  { "duplicate-name", duplicate_name },
  { "random-bytes", random_bytes },
  { "shift", shift },
  { "wild-setting", wild_setting },
};

/* ---- what is done with a file ---------------------------------------------------------- */

static gboolean
use_text (const ModelGguf *gguf, GError **error)
{
  g_autoptr (TextTokenizer) tokenizer = text_tokenizer_new (gguf, error);
  g_autoptr (TextChat) chat = NULL;
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GString) text = g_string_new (NULL);
  static const TextMessage message = { "user", "the caff\303\250 <|im_end|> 12\n\n \377" };

  if (tokenizer == NULL)
    return FALSE;
  chat = text_chat_new (gguf, tokenizer);
  if (!text_chat_encode (chat, &message, 1, TRUE, tokens, error))
    return FALSE;
  for (guint i = 0; i < tokens->len; i++) {
    g_assert_cmpint (g_array_index (tokens, int32_t, i), >=, 0);
    g_assert_cmpuint ((guint) g_array_index (tokens, int32_t, i), <,
                      text_tokenizer_n_vocab (tokenizer));
    text_tokenizer_decode (tokenizer, g_array_index (tokens, int32_t, i), TRUE, text);
  }
  return TRUE;
}

static gboolean
use_tensors (const ModelGguf *gguf, GError **error)
{
  for (uint64_t i = 0; i < model_gguf_n_tensors (gguf); i++) {
    const ModelTensor *tensor = model_gguf_tensor (gguf, i);
    char data[64];
    size_t n = MIN (tensor->bytes, sizeof data);

    if (!model_gguf_read (gguf, tensor, tensor->bytes - n, data, n, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
use_file (const char *path, GError **error)
{
  g_autoptr (ModelGguf) gguf = model_gguf_open (path, error);
  g_autoptr (ModelDesc) desc = gguf != NULL ? model_desc_new (gguf, error) : NULL;

  return desc != NULL && use_tensors (gguf, error) && use_text (gguf, error);
}

static void
test_kind (Fixture *f, gconstpointer data)
{
  unsigned kind = GPOINTER_TO_UINT (data), n_refused = 0;

  alarm (MAX_SECONDS);
  for (unsigned i = 0; i < N_PER_KIND; i++) {
    uint64_t random = (uint64_t) kind << 32 | i;
    g_autoptr (GByteArray) b = g_byte_array_new ();
    g_autoptr (GError) error = NULL;

    g_byte_array_append (b, f->sound->data, f->sound->len);
    test_random (&random);
    kinds[kind].damage (f, b, &random);
    test_write_file (f->path, b);
    if (use_file (f->path, &error)) {
      g_assert_no_error (error);
      continue;
    }
    n_refused++;
    g_assert_true (error != NULL && error->domain == ENGINE_ERROR);
    if (error->code != ENGINE_ERROR_BAD_FILE && error->code != ENGINE_ERROR_UNSUPPORTED)
      g_error ("%s %u: %s", kinds[kind].name, i, error->message);
    g_assert_true (g_str_has_prefix (error->message, "The model file “bottega-mutant-"));
    g_assert_true (g_str_has_suffix (error->message, "."));
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
  }
  alarm (0);
  g_test_message ("%u of %u refused", n_refused, N_PER_KIND);
  g_assert_cmpuint (n_refused, >, N_PER_KIND / 10);
}

static void
test_sound (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  test_write_file (f->path, f->sound);
  g_assert_true (use_file (f->path, &error));
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!test_limit_memory (LIMIT_BYTES))
    g_test_message ("memory is not limited here");
  g_test_add ("/model/gguf-mutations/sound", Fixture, NULL, fixture_set_up, test_sound,
              fixture_tear_down);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *name = g_strconcat ("/model/gguf-mutations/", kinds[i].name, NULL);

    g_test_add (name, Fixture, GUINT_TO_POINTER (i), fixture_set_up, test_kind, fixture_tear_down);
  }
  return g_test_run ();
}
