/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the first byte chooses a tokenizer, the others are text; with some of them the text
 * is the map of characters too. Ids are in range, control tokens come from nowhere, what is shown
 * is valid UTF-8 however it is cut, and from byte-level BPE text comes back byte by byte. */
#include "engine/text/tokenizer.h"
#include "tests/engine/make-gguf.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARK "\342\226\201" /* of a space in pieces */

static const char *const pieces[] = { "[UNK]", "<s>", "</s>", MARK, "a", "b", "ab", MARK "ab",
                                      "##b", "\303\250", "e", MARK MARK, "\n", "\n\n", "<0x41>" };
/* For kinds that want them: pairs, "left right". */
static const char *const merges[] = { "a b", MARK " ab", MARK " " MARK, "\n \n", "\303\250 e" };

static TextTokenizer *
tokenizer_of_gguf (const TestGguf *written)
{
  g_autoptr (GByteArray) bytes = test_gguf_bytes (written, 32, NULL);
  int fd = memfd_create ("vocabulary", MFD_CLOEXEC);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (ModelGguf) gguf = NULL;
  TextTokenizer *tokenizer;

  test_write_file (path, bytes);
  gguf = model_gguf_open (path, NULL);
  tokenizer = text_tokenizer_new (gguf, NULL);
  close (fd);
  return tokenizer;
}

static TextTokenizer *
make_bpe (const char *pre, const void *map, size_t n)
{
  TestLlama llama = { .pre = pre };
  g_autoptr (TestGguf) gguf = test_gguf_build_vocabulary (&llama);

  return tokenizer_of_gguf (gguf);
}

/* The kind of tokenizer.ggml.model; map may be NULL. */
static TextTokenizer *
make_pieces (const char *model, const void *map, size_t n)
{
  g_autoptr (TestGguf) gguf = test_gguf_new (3);
  int32_t types[G_N_ELEMENTS (pieces)] = { 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 6 };
  float scores[G_N_ELEMENTS (pieces)];

  for (size_t i = 0; i < G_N_ELEMENTS (pieces); i++)
    scores[i] = -1 - 0.3f * (float) i;
  test_gguf_add_string (gguf, "tokenizer.ggml.model", model);
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", pieces, G_N_ELEMENTS (pieces));
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, types,
                       G_N_ELEMENTS (types), 4);
  test_gguf_add_array (gguf, "tokenizer.ggml.scores", MODEL_VALUE_F32, scores,
                       G_N_ELEMENTS (scores), 4);
  test_gguf_add_strings (gguf, "tokenizer.ggml.merges", merges, G_N_ELEMENTS (merges));
  if (n > 0)
    test_gguf_add_array (gguf, "tokenizer.ggml.precompiled_charsmap", MODEL_VALUE_U8, map, n, 1);
  return tokenizer_of_gguf (gguf);
}

static const struct {
  TextTokenizer *(*make) (const char *name, const void *map, size_t n);
  const char *name;
  gboolean maps; /* made anew with the text as its map */
  gboolean text_comes_back;
} choices[] = {
  { make_bpe, "gpt-2", FALSE, TRUE },
  { make_bpe, "smollm", FALSE, TRUE },
  { make_bpe, "llama-bpe", FALSE, TRUE },
  { make_bpe, "qwen2", FALSE, TRUE },
  { make_bpe, "qwen35", FALSE, TRUE },
  { make_bpe, "gpt-4o", FALSE, TRUE },
  { make_bpe, "tekken", FALSE, TRUE },
  { make_bpe, "default", FALSE, TRUE },
  { make_bpe, "bloom", FALSE, TRUE },
  { make_bpe, "deepseek-llm", FALSE, TRUE },
  { make_bpe, "deepseek-coder", FALSE, TRUE },
  { make_bpe, "deepseek-v3", FALSE, TRUE },
  { make_bpe, "afmoe", FALSE, TRUE },
  { make_bpe, "youtu", FALSE, TRUE },
  { make_bpe, "superbpe", FALSE, TRUE },
  { make_bpe, "kimi-k2", FALSE, TRUE },
  { make_bpe, "exaone-moe", FALSE, TRUE },
  { make_bpe, "jais-2", FALSE, TRUE },
  { make_bpe, "chameleon", FALSE, TRUE },
  { make_pieces, "llama", FALSE, FALSE },
  { make_pieces, "gemma4", FALSE, FALSE },
  { make_pieces, "t5", FALSE, FALSE },
  { make_pieces, "bert", FALSE, FALSE },
  { make_pieces, "t5", TRUE, FALSE },
};

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

static void
check_text (const TextTokenizer *tokenizer, const char *text, size_t n, gboolean parse_special,
            gboolean text_comes_back)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GString) back = g_string_new (NULL);

  text_tokenizer_encode (tokenizer, text, (gssize) n, parse_special, tokens);
  for (guint i = 0; i < tokens->len; i++) {
    int32_t id = g_array_index (tokens, int32_t, i);

    g_assert_true (id >= 0 && (uint32_t) id < text_tokenizer_n_vocab (tokenizer));
    /* 0 is what stands for the unknown in those that have one. */
    g_assert_true (parse_special || (!text_comes_back && id == 0) ||
                   !text_tokenizer_is_special (tokenizer, id));
    text_tokenizer_decode (tokenizer, id, TRUE, back);
  }
  if (text_comes_back)
    g_assert_cmpmem (back->str, back->len, text, n);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static TextTokenizer *kept[G_N_ELEMENTS (choices)];
  unsigned choice = size > 0 ? data[0] % 128 % G_N_ELEMENTS (choices) : 0;
  gboolean parse_special = size > 0 && data[0] >= 128;
  const char *text = size > 0 ? (const char *) data + 1 : "";
  size_t n = size > 0 ? size - 1 : 0;

  if (choices[choice].maps) {
    g_autoptr (TextTokenizer) tokenizer = choices[choice].make (choices[choice].name, text, n);

    if (tokenizer != NULL)
      check_text (tokenizer, text, n, parse_special, FALSE);
    return 0;
  }
  if (kept[choice] == NULL)
    kept[choice] = choices[choice].make (choices[choice].name, NULL, 0);
  g_assert_nonnull (kept[choice]);
  check_text (kept[choice], text, n, parse_special, choices[choice].text_comes_back);
  check_stream (text, n);
  return 0;
}

GBytes *
fuzz_seed (unsigned i)
{
  static const char map[] = "\14\0\0\0"               /* bytes of the trie */
                            "\0\0\1\0\0\0\0\0a\1\0\0" /* three units */
                            "ab\0 ab\0";
  static const char *const texts[] = {
    " the  caff\303\250 123's\r\n\n\tx<|im_start|>user\nhi<|im_end|>\n",
    "'LL we'd ABc \342\205\247\302\240\343\200\200z\360\237\221\213~12345\377\376\355\240",
    " ab </s>e\314\200 \342\226\201 \357\254\201\344\270\255\355\225\234 [UNK]\014<0x41>",
  };
  unsigned choice = i / G_N_ELEMENTS (texts);
  const char *text = texts[i % G_N_ELEMENTS (texts)];
  GByteArray *bytes;
  guint8 first = (guint8) (choice + 128 * (i & 1));

  if (choice >= G_N_ELEMENTS (choices))
    return NULL;
  bytes = g_byte_array_new ();
  g_byte_array_append (bytes, &first, 1);
  if (choices[choice].maps)
    g_byte_array_append (bytes, (const guint8 *) map, sizeof map);
  g_byte_array_append (bytes, (const guint8 *) text, (guint) strlen (text));
  return g_byte_array_free_to_bytes (bytes);
}
