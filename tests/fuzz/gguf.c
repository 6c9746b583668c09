/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the input is a model file. Whatever it holds, it is refused with a sentence or
 * loads as far as a prompt's tokens. */
#include "engine/error.h"
#include "engine/model/model.h"
#include "engine/text/chat.h"
#include "tests/engine/make-gguf.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

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

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int fd = memfd_create ("fuzz", MFD_CLOEXEC);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);

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

  if (i >= G_N_ELEMENTS (types))
    return NULL;
  gguf = test_gguf_build_llama (&llama, types[i], i);
  return g_byte_array_free_to_bytes (test_gguf_bytes (gguf, i == 2 ? 64 : 32, NULL));
}
