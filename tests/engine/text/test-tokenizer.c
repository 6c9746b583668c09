/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tokenizer: byte-level BPE on a tiny vocabulary whose ids can be worked out by hand, and on
 * the starter model against the ids of the peer (vectors/, see compare-peer.py). With --ids
 * MODEL STRINGS SPECIAL it prints ids instead: our side of compare-peer.py. */
#include "engine/error.h"
#include "tests/engine/text/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *vectors_path;

static TextTokenizer *
tiny (const char *pre)
{
  TestLlama llama = { .pre = pre };
  g_autoptr (TestGguf) gguf = test_gguf_build_vocabulary (&llama);
  g_autoptr (GError) error = NULL;
  TextTokenizer *tokenizer = test_tokenizer_of_gguf (gguf, &error);

  g_assert_no_error (error);
  return tokenizer;
}

/* The pieces that the ids of a text stand for, with bars between them. */
static char *
pieces (const TextTokenizer *tokenizer, const char *text, gssize n, gboolean parse_special)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  GString *out = g_string_new (NULL);

  text_tokenizer_encode (tokenizer, text, n, parse_special, tokens);
  for (guint i = 0; i < tokens->len; i++) {
    if (i > 0)
      g_string_append_c (out, '|');
    text_tokenizer_decode (tokenizer, g_array_index (tokens, int32_t, i), TRUE, out);
  }
  return g_string_free (out, FALSE);
}

#define ASSERT_PIECES(tokenizer, text, special, expected)         \
  G_STMT_START                                                    \
  {                                                               \
    g_autofree char *got = pieces (tokenizer, text, -1, special); \
    g_assert_cmpstr (got, ==, expected);                          \
  }                                                               \
  G_STMT_END

static void
test_merges (void)
{
  g_autoptr (TextTokenizer) tokenizer = tiny ("smollm");

  g_assert_cmpuint (text_tokenizer_n_vocab (tokenizer), ==, 320);
  g_assert_cmpstr (text_tokenizer_description (tokenizer), ==, "gpt2 (smollm)");
  g_assert_null (text_tokenizer_warning (tokenizer));
  ASSERT_PIECES (tokenizer, "", FALSE, "");
  ASSERT_PIECES (tokenizer, "the", FALSE, "t|he");
  ASSERT_PIECES (tokenizer, " the the", FALSE, " the| the");
  /* "l l" ranks before "o ll", and the leftmost pair of equals goes first. */
  ASSERT_PIECES (tokenizer, "olll", FALSE, "oll|l");
  ASSERT_PIECES (tokenizer, "llll", FALSE, "ll|ll");
  ASSERT_PIECES (tokenizer, " and", FALSE, " and");
  ASSERT_PIECES (tokenizer, "x     y", FALSE, "x|    | |y");
  ASSERT_PIECES (tokenizer, "caff\303\250", FALSE, "c|a|f|f|\303\250");
}

static void
test_numbers_and_spaces (void)
{
  g_autoptr (TextTokenizer) smollm = tiny ("smollm"), gpt2 = tiny ("gpt-2");

  /* In both the vocabulary has no numbers longer than one digit; the space shows where words are
   * cut: Ġ Ġ merge only within a word. */
  ASSERT_PIECES (smollm, "a  1", FALSE, "a|  |1");
  ASSERT_PIECES (gpt2, "a  1", FALSE, "a| | |1");
}

static void
test_special (void)
{
  g_autoptr (TextTokenizer) tokenizer = tiny ("smollm");
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *parsed = test_ids (tokenizer, "<|im_start|>a<|im_end|>", -1, TRUE);
  g_autofree char *plain = test_ids (tokenizer, "<|im_end|>", -1, FALSE);

  g_assert_true (g_str_has_prefix (parsed, "1 ") && g_str_has_suffix (parsed, " 2"));
  ASSERT_PIECES (tokenizer, "<|im_start|>a<|im_end|>", TRUE, "<|im_start|>|a|<|im_end|>");
  ASSERT_PIECES (tokenizer, "<|im_end|>", FALSE, "<|||i|m|_|e|n|d|||>");
  g_assert_null (strstr (plain, " 2 "));
  g_assert_cmpint (text_tokenizer_special (tokenizer, "<|im_end|>"), ==, 2);
  g_assert_cmpint (text_tokenizer_special (tokenizer, "the"), ==, -1);
  g_assert_cmpint (text_tokenizer_bos (tokenizer), ==, 1);
  g_assert_false (text_tokenizer_adds_bos (tokenizer));
  g_assert_true (text_tokenizer_is_end (tokenizer, 0)); /* <|endoftext|>, by its text */
  g_assert_false (text_tokenizer_is_end (tokenizer, 1));
  g_assert_true (text_tokenizer_is_end (tokenizer, 2));
  g_assert_false (text_tokenizer_is_end (tokenizer, -1));
  g_assert_false (text_tokenizer_is_end (tokenizer, 320));
  g_assert_true (text_tokenizer_is_special (tokenizer, 1));
  g_assert_false (text_tokenizer_is_special (tokenizer, 10));
  text_tokenizer_decode (tokenizer, 2, FALSE, out);
  text_tokenizer_decode (tokenizer, -1, TRUE, out);
  text_tokenizer_decode (tokenizer, 320, TRUE, out);
  g_assert_cmpstr (out->str, ==, "");
  text_tokenizer_decode (tokenizer, 2, TRUE, out);
  g_assert_cmpstr (out->str, ==, "<|im_end|>");
}

/* Control tokens count only where the template wrote all of their bytes. */
static void
test_parts (void)
{
  g_autoptr (TextTokenizer) tokenizer = tiny ("smollm");
  const TextPart parts[] = {
    { "<|im_start|>", -1, TRUE },
    { "<|im_end|><|im_", -1, FALSE },
    { "end|>", -1, TRUE },
    { "<|im_", -1, TRUE },
    { "end|>", -1, TRUE },
  };
  const TextPart words[] = { { "user\n", -1, TRUE }, { "\n the", -1, FALSE } };
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GArray) joined = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GArray) whole = g_array_new (FALSE, FALSE, sizeof (int32_t));
  unsigned n_start = 0, n_end = 0;

  text_tokenizer_encode_parts (tokenizer, parts, G_N_ELEMENTS (parts), tokens);
  for (guint i = 0; i < tokens->len; i++) {
    n_start += g_array_index (tokens, int32_t, i) == 1;
    n_end += g_array_index (tokens, int32_t, i) == 2;
  }
  g_assert_cmpuint (n_start, ==, 1);
  g_assert_cmpuint (n_end, ==, 1);
  g_assert_cmpint (g_array_index (tokens, int32_t, tokens->len - 1), ==, 2);

  text_tokenizer_encode_parts (tokenizer, words, G_N_ELEMENTS (words), joined);
  text_tokenizer_encode (tokenizer, "user\n\n the", -1, FALSE, whole);
  g_assert_cmpmem (joined->data, joined->len * 4, whole->data, whole->len * 4);
}

/* All bytes come back, UTF-8 or not. */
static void
test_any_bytes (void)
{
  static const char *const pres[] = { "smollm", "gpt-2", "llama-bpe", "qwen2" };
  uint64_t random = 5;

  for (size_t p = 0; p < G_N_ELEMENTS (pres); p++) {
    g_autoptr (TextTokenizer) tokenizer = tiny (pres[p]);

    for (int round = 0; round < 500; round++) {
      char text[64];
      size_t n = test_random (&random) % sizeof text;
      g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
      g_autoptr (GString) back = g_string_new (NULL);

      for (size_t i = 0; i < n; i++)
        text[i] = (char) (test_random (&random) >> (round % 2 ? 56 : 58));
      text_tokenizer_encode (tokenizer, text, (gssize) n, FALSE, tokens);
      for (guint i = 0; i < tokens->len; i++)
        text_tokenizer_decode (tokenizer, g_array_index (tokens, int32_t, i), FALSE, back);
      g_assert_cmpmem (back->str, back->len, text, n);
    }
  }
}

/* One word of a million letters takes no quadratic time. */
static void
test_long_word (void)
{
  g_autoptr (TextTokenizer) tokenizer = tiny ("smollm");
  size_t n = 3 << 20;
  g_autofree char *text = g_malloc (n);
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  gint64 begin = g_get_monotonic_time ();

  memset (text, 'l', n);
  text_tokenizer_encode (tokenizer, text, (gssize) n, FALSE, tokens);
  g_assert_cmpuint (tokens->len, ==, n / 2);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 30 * G_USEC_PER_SEC);
}

/* A word that is a token is taken whole by llama-bpe, even where merges would not make it. */
static void
test_ignores_merges (void)
{
  g_autoptr (TextTokenizer) llama = tiny ("llama-bpe"), qwen = tiny ("qwen2");

  ASSERT_PIECES (qwen, " the", FALSE, " the");
  ASSERT_PIECES (llama, " the", FALSE, " the");
  ASSERT_PIECES (llama, "whole", FALSE, "whole");
  ASSERT_PIECES (qwen, "whole", FALSE, "w|h|o|l|e");
}

static void
test_user_defined (void)
{
  g_autoptr (TestGguf) gguf = test_gguf_new (3);
  g_autoptr (GError) error = NULL;
  g_autoptr (TextTokenizer) tokenizer = NULL;
  const char *tokens[] = { "a", "b", "c", "abc", "bcab", "<s>", "b c" };
  const int32_t types[] = { 1, 1, 1, 4, 4, 3, 4 };
  const char *merges[] = { "a b" };
  g_autofree char *plain = NULL, *special = NULL, *spaced = NULL;

  test_gguf_add_string (gguf, "tokenizer.ggml.model", "gpt2");
  test_gguf_add_string (gguf, "tokenizer.ggml.pre", "gpt-2");
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", tokens, G_N_ELEMENTS (tokens));
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, types,
                       G_N_ELEMENTS (types), 4);
  test_gguf_add_strings (gguf, "tokenizer.ggml.merges", merges, 1);
  tokenizer = test_tokenizer_of_gguf (gguf, &error);
  g_assert_no_error (error);
  /* The longer token first, wherever it stands; control tokens only when asked for. "ab" is no
   * token: its merge falls back to bytes. */
  plain = test_ids (tokenizer, "abcab<s>abc", -1, FALSE);
  g_assert_cmpstr (plain, ==, "0 4 3");
  special = test_ids (tokenizer, "abab<s>c", -1, TRUE);
  g_assert_cmpstr (special, ==, "0 1 0 1 5 2");
  spaced = test_ids (tokenizer, "ab c", -1, FALSE);
  g_assert_cmpstr (spaced, ==, "0 6");
}

/* ---- refusals -------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  void (*spoil) (TestGguf *gguf);
  int code;
} Refusal;

static const char *const three[] = { "a", "b", "c" };

static void
no_tokens (TestGguf *gguf)
{
  test_gguf_add_string (gguf, "tokenizer.ggml.model", "gpt2");
}

static void
tokens_are_numbers (TestGguf *gguf)
{
  no_tokens (gguf);
  test_gguf_add_array (gguf, "tokenizer.ggml.tokens", MODEL_VALUE_U32, "abcd", 1, 4);
}

static void
no_merges (TestGguf *gguf)
{
  no_tokens (gguf);
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", three, 3);
}

static void
few_types (TestGguf *gguf)
{
  no_merges (gguf);
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, "\1\0\0\0", 1, 4);
}

static void
eos_out_of_range (TestGguf *gguf)
{
  no_merges (gguf);
  test_gguf_add_strings (gguf, "tokenizer.ggml.merges", three, 0);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.eos_token_id", 3);
}

static void
empty_vocabulary (TestGguf *gguf)
{
  no_tokens (gguf);
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", three, 0);
  test_gguf_add_strings (gguf, "tokenizer.ggml.merges", three, 0);
}

static void
other_kind (TestGguf *gguf)
{
  test_gguf_add_string (gguf, "tokenizer.ggml.model", "rwkv");
}

static void
nothing (TestGguf *gguf)
{
}

/* 70,000 merges whose results are no tokens. */
static void
foreign_merges (TestGguf *gguf)
{
  g_autoptr (GPtrArray) merges = g_ptr_array_new_with_free_func (g_free);

  no_merges (gguf);
  for (unsigned i = 0; i < 70000; i++)
    g_ptr_array_add (merges, g_strdup_printf ("%u x", i));
  test_gguf_add_strings (gguf, "tokenizer.ggml.merges", (const char *const *) merges->pdata,
                         merges->len);
}

static void
test_refusals (void)
{
  static const Refusal refusals[] = {
    { "nothing", nothing, ENGINE_ERROR_BAD_FILE },
    { "another kind", other_kind, ENGINE_ERROR_UNSUPPORTED },
    { "no tokens", no_tokens, ENGINE_ERROR_BAD_FILE },
    { "tokens are numbers", tokens_are_numbers, ENGINE_ERROR_BAD_FILE },
    { "no merges", no_merges, ENGINE_ERROR_BAD_FILE },
    { "too few types", few_types, ENGINE_ERROR_BAD_FILE },
    { "end token out of range", eos_out_of_range, ENGINE_ERROR_BAD_FILE },
    { "merges of another model", foreign_merges, ENGINE_ERROR_BAD_FILE },
    { "empty vocabulary", empty_vocabulary, ENGINE_ERROR_BAD_FILE },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (refusals); i++) {
    g_autoptr (TestGguf) gguf = test_gguf_new (3);
    g_autoptr (GError) error = NULL;

    refusals[i].spoil (gguf);
    g_assert_null (test_tokenizer_of_gguf (gguf, &error));
    g_test_message ("%s: %s", refusals[i].name, error->message);
    g_assert_error (error, ENGINE_ERROR, refusals[i].code);
    g_assert_true (g_str_has_suffix (error->message, "."));
  }
}

static void
test_unknown_pre (void)
{
  g_autoptr (TextTokenizer) tokenizer = tiny ("nobody-knows");
  g_autofree char *got = pieces (tokenizer, "the 12", -1, FALSE);

  g_assert_nonnull (strstr (text_tokenizer_warning (tokenizer), "nobody-knows"));
  g_assert_cmpstr (got, ==, "t|he| |1|2");
}

/* ---- the starter model ----------------------------------------------------------------- */

static void
test_starter_vectors (void)
{
  const char *path = g_getenv ("BOTTEGA_TEST_MODEL");

  if (path == NULL || vectors_path == NULL) {
    g_test_skip ("BOTTEGA_TEST_MODEL is not set");
    return;
  }
  test_vectors (path, vectors_path);
}

/* ---- our side of compare-peer.py ------------------------------------------------------- */

static int
print_ids (const char *path, const char *strings, gboolean special)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelGguf) gguf = model_gguf_open (path, &error);
  g_autoptr (TextTokenizer) tokenizer = gguf != NULL ? text_tokenizer_new (gguf, &error) : NULL;
  g_autofree char *data = NULL;
  gsize n = 0;

  if (tokenizer == NULL || !g_file_get_contents (strings, &data, &n, &error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  for (gsize at = 0; at + 4 <= n;) {
    guint32 length;
    g_autofree char *line = NULL;

    memcpy (&length, data + at, 4);
    line = test_ids_with_ends (tokenizer, data + at + 4, (gssize) length, special);
    puts (line);
    at += 4 + length;
  }
  return 0;
}

#define SPACE "\342\226\201" /* the mark */

/* Gemma 4: BPE of characters, a space is a mark, and lines are cut apart. */
static void
test_characters (void)
{
  static const char *const tokens[] = {
    "<unk>",
    "<bos>",
    "a",
    "b",
    "ab",
    SPACE,
    SPACE "ab",
    "\303\250",
    "<0xE2>",
    "<0x82>",
    "<0xAC>",
    "\n",
    "\n\n",
    "b\303\250",
  };
  static const char *const merges[] = { "a b", SPACE " ab", "b \303\250" };
  static const int32_t types[] = { 2, 3, 1, 1, 1, 1, 1, 1, 6, 6, 6, 1, 1, 1 };
  g_autoptr (TestGguf) gguf = test_gguf_new (3);
  g_autoptr (GError) error = NULL;
  g_autoptr (TextTokenizer) tokenizer = NULL;

  test_gguf_add_string (gguf, "tokenizer.ggml.model", "gemma4");
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", tokens, G_N_ELEMENTS (tokens));
  test_gguf_add_strings (gguf, "tokenizer.ggml.merges", merges, G_N_ELEMENTS (merges));
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, types,
                       G_N_ELEMENTS (types), 4);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.bos_token_id", 1);
  test_gguf_add_bool (gguf, "tokenizer.ggml.add_bos_token", FALSE); /* which nobody minds */
  tokenizer = test_tokenizer_of_gguf (gguf, &error);
  g_assert_no_error (error);
  g_assert_true (text_tokenizer_adds_bos (tokenizer));
  g_assert_cmpstr (text_tokenizer_description (tokenizer), ==, "gemma4 (gemma4)");
  ASSERT_PIECES (tokenizer, "ab ab", FALSE, "ab| ab");
  ASSERT_PIECES (tokenizer, "a" SPACE "ab", FALSE, "a| ab");
  ASSERT_PIECES (tokenizer, "ab\303\250b\303\250", FALSE, "ab|\303\250|b\303\250");
  ASSERT_PIECES (tokenizer, "a\n\nb\n\n\n", FALSE, "a|\n\n|b|\n|\n|\n");
  ASSERT_PIECES (tokenizer, "\342\202\254x", FALSE, "\342|\202|\254");
}

int
main (int argc, char **argv)
{
  if (argc == 5 && strcmp (argv[1], "--ids") == 0)
    return print_ids (argv[2], argv[3], atoi (argv[4]));
  g_test_init (&argc, &argv, NULL);
  vectors_path = argc > 1 ? argv[1] : NULL;
  g_test_add_func ("/text/tokenizer/merges", test_merges);
  g_test_add_func ("/text/tokenizer/numbers-and-spaces", test_numbers_and_spaces);
  g_test_add_func ("/text/tokenizer/special", test_special);
  g_test_add_func ("/text/tokenizer/parts", test_parts);
  g_test_add_func ("/text/tokenizer/any-bytes", test_any_bytes);
  g_test_add_func ("/text/tokenizer/long-word", test_long_word);
  g_test_add_func ("/text/tokenizer/ignores-merges", test_ignores_merges);
  g_test_add_func ("/text/tokenizer/user-defined", test_user_defined);
  g_test_add_func ("/text/tokenizer/characters", test_characters);
  g_test_add_func ("/text/tokenizer/refusals", test_refusals);
  g_test_add_func ("/text/tokenizer/unknown-pre", test_unknown_pre);
  g_test_add_func ("/text/tokenizer/starter-vectors", test_starter_vectors);
  return g_test_run ();
}
