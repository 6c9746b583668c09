/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SentencePiece BPE on a vocabulary whose ids can be worked out by hand: scores, the space before a
 * text, bytes, tokens inside of a text, and what is shown of an answer token by token. */
#include "tests/engine/text/tokens.h"

#include <string.h>

#define M "\342\226\201" /* of a space */

/* 0 unknown, 1 BOS, 2 EOS, 3 control, 4 user-defined, then pieces; bytes come last. */
static const char *const pieces[] = { "<unk>", "<s>", "</s>", "<|x|>", "[I]", M, "a", "b",
                                      "ab", M "a", M "ab", M M, "ba", "\303\250", "c" };
#define N_PIECES G_N_ELEMENTS (pieces)
#define BYTE(b)  ((int) N_PIECES + (b))

static TextTokenizer *
make (gboolean with_bytes, gboolean prefix, const char *name)
{
  static const float piece_scores[N_PIECES] = { 0, 0, 0, 0, 0, -9, -9, -9,
                                                -2, -3, -4, -5, -1, -9, -9 };
  g_autoptr (TestGguf) gguf = test_gguf_new (3);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  int32_t types[N_PIECES + 256];
  float scores[N_PIECES + 256];
  TextTokenizer *tokenizer;

  for (size_t i = 0; i < N_PIECES + 256; i++) {
    g_ptr_array_add (texts, i < N_PIECES ? g_strdup (pieces[i])
                                         : g_strdup_printf ("<0x%02X>", (unsigned) (i - N_PIECES)));
    scores[i] = i < N_PIECES ? piece_scores[i] : 0;
    types[i] = i == 0 ? 2 : i < 4      ? 3
                        : i == 4       ? 4
                        : i < N_PIECES ? 1
                                       : 6;
  }
  test_gguf_add_string (gguf, "general.name", name);
  test_gguf_add_string (gguf, "tokenizer.ggml.model", "llama");
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", (const char *const *) texts->pdata,
                         with_bytes ? N_PIECES + 256 : N_PIECES);
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, types,
                       with_bytes ? N_PIECES + 256 : N_PIECES, 4);
  test_gguf_add_array (gguf, "tokenizer.ggml.scores", MODEL_VALUE_F32, scores,
                       with_bytes ? N_PIECES + 256 : N_PIECES, 4);
  test_gguf_add_bool (gguf, "tokenizer.ggml.add_space_prefix", prefix);
  tokenizer = test_tokenizer_of_gguf (gguf, &error);
  g_assert_no_error (error);
  return tokenizer;
}

static void
assert_ids (const TextTokenizer *tokenizer, const char *text, gboolean special,
            const char *expected)
{
  g_autofree char *got = test_ids (tokenizer, text, -1, special);

  g_assert_cmpstr (got, ==, expected);
}

static void
test_scores (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (TRUE, FALSE, "tiny");

  assert_ids (tokenizer, "", FALSE, "");
  /* "ba" is better than "ab", though "ab" stands before; " a" is better than " ab". */
  assert_ids (tokenizer, "ab", FALSE, "8");
  assert_ids (tokenizer, "aba", FALSE, "6 12");
  assert_ids (tokenizer, "bab", FALSE, "12 7");
  assert_ids (tokenizer, " ab", FALSE, "10"); /* by way of "ab" */
  assert_ids (tokenizer, " aba", FALSE, "9 12");
  /* The leftmost of equals; marks in a text are spaces. */
  assert_ids (tokenizer, "   ", FALSE, "11 5");
  assert_ids (tokenizer, "a" M "a", FALSE, "6 9");
  assert_ids (tokenizer, "caff\303\250", FALSE, "14 6 117 117 13");
}

static void
test_bytes (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (TRUE, FALSE, "tiny");
  g_autoptr (TextTokenizer) without = make (FALSE, FALSE, "tiny");
  g_autofree char *expected = g_strdup_printf ("%d %d %d %d 6", BYTE (0xf0), BYTE (0x9f),
                                               BYTE (0x91), BYTE (0x8b));
  g_autofree char *invalid = g_strdup_printf ("%d 6 %d %d", BYTE (0xc3), BYTE (0xff), BYTE (10));

  assert_ids (tokenizer, "\360\237\221\213a", FALSE, expected);
  assert_ids (tokenizer, "\303a\377\n", FALSE, invalid);
  /* Unknown characters in a row are one token, where bytes have none. */
  assert_ids (without, "a\360\237\221\213xa\na", FALSE, "6 0 6 0 6");
}

/* What stands after a token of the text begins like a text of its own. */
static void
test_tokens_in_text (void)
{
  g_autoptr (TextTokenizer) plain = make (FALSE, TRUE, "tiny"), phi = make (FALSE, TRUE, "Phi-3 x");

  g_assert_true (text_tokenizer_adds_bos (plain));
  g_assert_false (text_tokenizer_adds_eos (plain));
  g_assert_cmpint (text_tokenizer_bos (plain), ==, 1);
  g_assert_true (text_tokenizer_is_end (plain, 2));
  assert_ids (plain, "a", FALSE, "9");
  assert_ids (plain, "a[I]a[I]", FALSE, "9 4 9 4");
  assert_ids (plain, "<|x|>a", TRUE, "3 9");
  assert_ids (plain, "<|x|> \n a", TRUE, "3 11 0 9");
  assert_ids (plain, "a</s><s>b", TRUE, "9 2 1 5 7");
  assert_ids (plain, "<s>", FALSE, "5 0");
  assert_ids (phi, "<|x|> \n a", TRUE, "3 9");
  assert_ids (phi, "<s> a<|x|>  ", TRUE, "1 5 9 3");
}

/* All ids one by one, as an answer comes, after a token of the prompt. */
static char *
stream (const TextTokenizer *tokenizer, int32_t previous, const int32_t *ids, size_t n)
{
  g_autoptr (GString) bytes = g_string_new (NULL);
  GString *out = g_string_new (NULL);
  TextUtf8Stream utf8 = { 0 };

  for (size_t i = 0; i < n; i++) {
    g_string_truncate (bytes, 0);
    text_tokenizer_decode (tokenizer, ids[i], FALSE, bytes);
    if (i == 0)
      text_tokenizer_drop_prefix (tokenizer, previous, bytes);
    text_utf8_stream_push (&utf8, bytes->str, bytes->len, out);
    g_string_append_c (out, '|');
  }
  text_utf8_stream_end (&utf8, out);
  return g_string_free (out, FALSE);
}

static void
test_answers (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (TRUE, TRUE, "tiny");
  g_autoptr (TextTokenizer) bare = make (TRUE, FALSE, "tiny");
  const int32_t ids[] = { 10, BYTE (0xe2), BYTE (0x82), 3, BYTE (0xac), 9, 11, BYTE (' '), 4 };
  static const struct {
    gboolean prefix;
    int32_t previous;
    const char *shown;
  } cases[] = {
    { TRUE, -1, "ab||||\342\202\254| a|  | |[I]|" },
    { TRUE, 3, "ab||||\342\202\254| a|  | |[I]|" },
    { TRUE, 6, " ab||||\342\202\254| a|  | |[I]|" }, /* the prompt's last word goes on */
    { FALSE, -1, " ab||||\342\202\254| a|  | |[I]|" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *shown = stream (cases[i].prefix ? tokenizer : bare, cases[i].previous, ids,
                                     G_N_ELEMENTS (ids));

    g_assert_cmpstr (shown, ==, cases[i].shown);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/spm/scores", test_scores);
  g_test_add_func ("/text/spm/bytes", test_bytes);
  g_test_add_func ("/text/spm/tokens-in-text", test_tokens_in_text);
  g_test_add_func ("/text/spm/answers", test_answers);
  return g_test_run ();
}
