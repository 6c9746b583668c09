/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the input is a model file, or one in two parts. Whatever it holds, it is refused
 * with a sentence or loads as far as a prompt's tokens. */
#include "engine/error.h"
#include "engine/model/model.h"
#include "engine/text/chat.h"
#include "tests/engine/make-gguf.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Before the first of two parts; the length of it (u32) and both follow. */
#define PARTS "PART"

static void
use_text (const ModelGguf *gguf)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TextTokenizer) tokenizer = text_tokenizer_new (gguf, &error);
  g_autoptr (TextChat) chat = NULL;
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  static const TextMessage message = { "user", "the caff\303\250 <|im_end|> 12\n\n \377" };

  g_assert_true ((tokenizer == NULL) == (error != NULL));
  if (tokenizer == NULL)
    return;
  chat = text_chat_new (gguf, tokenizer);
  g_assert_true (text_chat_encode (chat, &message, 1, TRUE, tokens, NULL));
  for (guint i = 0; i < tokens->len; i++)
    g_assert_cmpuint ((guint) g_array_index (tokens, int32_t, i), <,
                      text_tokenizer_n_vocab (tokenizer));
}

static void
use_model (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelGguf) gguf = model_gguf_open (path, &error);
  g_autoptr (ModelDesc) desc = NULL;

  g_assert_true ((gguf == NULL) == (error != NULL));
  if (gguf == NULL)
    return;
  desc = model_desc_new (gguf, &error);
  g_assert_true ((desc == NULL) == (error != NULL));
  for (uint64_t i = 0; i < model_gguf_n_tensors (gguf); i++) {
    const ModelTensor *tensor = model_gguf_tensor (gguf, i);
    char last;

    g_assert_true (model_gguf_read (gguf, tensor, tensor->bytes - 1, &last, 1, NULL));
  }
  use_text (gguf);
}

static void
write_bytes (const char *path, const uint8_t *data, size_t size)
{
  GByteArray bytes = { (guint8 *) data, (guint) size };

  test_write_file (path, &bytes);
}

static void
use_parts (const uint8_t *data, size_t size)
{
  g_autofree char *folder = g_dir_make_tmp ("bottega-fuzz-XXXXXX", NULL);
  g_autofree char *one = g_strdup_printf ("%s/m-00001-of-00002.gguf", folder);
  g_autofree char *two = g_strdup_printf ("%s/m-00002-of-00002.gguf", folder);
  uint32_t first;

  g_assert_nonnull (folder);
  memcpy (&first, data, sizeof first);
  data += sizeof first;
  size -= sizeof first;
  first = (uint32_t) MIN (first, size);
  write_bytes (one, data, first);
  write_bytes (two, data + first, size - first);
  use_model (one);
  use_model (two);
  unlink (one);
  unlink (two);
  rmdir (folder);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int fd;
  g_autofree char *path = NULL;

  if (size >= strlen (PARTS) + sizeof (uint32_t) && memcmp (data, PARTS, strlen (PARTS)) == 0) {
    use_parts (data + strlen (PARTS), size - strlen (PARTS));
    return 0;
  }
  fd = memfd_create ("fuzz", MFD_CLOEXEC);
  path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_assert_cmpint (fd, >=, 0);
  if (write (fd, data, size) == (ssize_t) size)
    use_model (path);
  close (fd);
  return 0;
}

GBytes *
fuzz_seed (unsigned i)
{
  static const ModelType types[] = { MODEL_TYPE_F32, MODEL_TYPE_Q4_0, MODEL_TYPE_Q8_0 };
  TestLlama llama = { .n_layers = 1,
                      .d_model = 32,
                      .d_ff = 32,
                      .n_heads = 1,
                      .n_heads_kv = 1,
                      .d_head = 32,
                      .n_vocab = 280,
                      .rope_freqs = i & 1,
                      .untied = i & 1 };
  g_autoptr (TestGguf) gguf = NULL;

  if (i > G_N_ELEMENTS (types))
    return NULL;
  gguf = test_gguf_build_llama (&llama, types[i % G_N_ELEMENTS (types)], i);
  if (i == G_N_ELEMENTS (types)) {
    g_autoptr (TestGguf) first = test_gguf_part (gguf, 0, 2), second = test_gguf_part (gguf, 1, 2);
    g_autoptr (GByteArray) a = test_gguf_bytes (first, 32, NULL);
    g_autoptr (GByteArray) b = test_gguf_bytes (second, 32, NULL);
    GByteArray *all = g_byte_array_new ();
    uint32_t n = a->len;

    g_byte_array_append (all, (const guint8 *) PARTS, strlen (PARTS));
    g_byte_array_append (all, (const guint8 *) &n, sizeof n);
    g_byte_array_append (all, a->data, a->len);
    g_byte_array_append (all, b->data, b->len);
    return g_byte_array_free_to_bytes (all);
  }
  return g_byte_array_free_to_bytes (test_gguf_bytes (gguf, i == 2 ? 64 : 32, NULL));
}
