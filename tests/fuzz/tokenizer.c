/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the first byte chooses a pre-tokenizer, the others are text. Ids are in range,
 * text comes back from them byte by byte, control tokens come from nowhere, and what is shown is
 * valid UTF-8 however it is cut. */
#include "engine/text/tokenizer.h"
#include "tests/engine/make-gguf.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const pres[] = { "gpt-2", "smollm", "llama-bpe", "qwen2" };

/* Made once and kept. */
static const TextTokenizer *
tokenizer_of (unsigned i)
{
  static TextTokenizer *tokenizers[G_N_ELEMENTS (pres)];

  if (tokenizers[i] == NULL) {
    TestLlama llama = { .pre = pres[i] };
    g_autoptr (TestGguf) written = test_gguf_build_vocabulary (&llama);
    g_autoptr (GByteArray) bytes = test_gguf_bytes (written, 32, NULL);
    int fd = memfd_create ("vocabulary", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
    g_autoptr (ModelGguf) gguf = NULL;

    test_write_file (path, bytes);
    gguf = model_gguf_open (path, NULL);
    tokenizers[i] = text_tokenizer_new (gguf, NULL);
    close (fd);
  }
  g_assert_nonnull (tokenizers[i]);
  return tokenizers[i];
}

static void
check_stream (const char *text, size_t n)
{
  TextUtf8Stream stream = { 0 };
  g_autoptr (GString) out = g_string_new (NULL);

  for (size_t i = 0; i < n; i += 1 + i % 3)
    text_utf8_stream_push (&stream, text + i, MIN (1 + i % 3, n - i), out);
  text_utf8_stream_end (&stream, out);
  for (gsize i = 0; i < out->len; i++) /* GLib's check takes a NUL for an end */
    if (out->str[i] == '\0')
      out->str[i] = ' ';
  g_assert_true (g_utf8_validate (out->str, (gssize) out->len, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const TextTokenizer *tokenizer = tokenizer_of (size > 0 ? data[0] % G_N_ELEMENTS (pres) : 0);
  gboolean parse_special = size > 0 && data[0] >= 128;
  const char *text = size > 0 ? (const char *) data + 1 : "";
  size_t n = size > 0 ? size - 1 : 0;
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GString) back = g_string_new (NULL);

  text_tokenizer_encode (tokenizer, text, (gssize) n, parse_special, tokens);
  for (guint i = 0; i < tokens->len; i++) {
    int32_t id = g_array_index (tokens, int32_t, i);

    g_assert_true (id >= 0 && (uint32_t) id < text_tokenizer_n_vocab (tokenizer));
    g_assert_true (parse_special || !text_tokenizer_is_special (tokenizer, id));
    text_tokenizer_decode (tokenizer, id, TRUE, back);
  }
  g_assert_cmpmem (back->str, back->len, text, n);
  check_stream (text, n);
  return 0;
}

GBytes *
fuzz_seed (unsigned i)
{
  static const char *const seeds[] = {
    "\1 the  caff\303\250 123's\r\n\n\tx",
    "\200<|im_start|>user\nhi<|im_end|>\n",
    "\2'LL we'd \342\205\247\302\240\343\200\200z\360\237\221\213",
    "\3\377\376\355\240\200\360\237",
  };

  return i < G_N_ELEMENTS (seeds) ? g_bytes_new_static (seeds[i], strlen (seeds[i])) : NULL;
}
