/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WordPiece: a tiny vocabulary in both ways of writing it, and the rules of BERT's words. */
#include "tests/engine/text/tokens.h"

#include <string.h>

/* As BERT writes it. Ids: 0 [PAD], 1 [UNK], 2 [CLS], 3 [SEP], then from 4 on. */
static const char *const hashes[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing", "##s",
                                      "un", "##play", "caffe", ",", "\344\270\255", "a", "##a",
                                      "\342\205\267", "$", "", "##" };
static const char *const spaces[] = {
  "[PAD]", "[UNK]", "[CLS]", "[SEP]", "\342\226\201play",
  "ing", "s", "\342\226\201un", "play", "\342\226\201caffe",
  "\342\226\201,", "\342\226\201\344\270\255", "\342\226\201a", "a", "\342\226\201\342\205\267",
  "\342\226\201$", "", "\342\226\201"
};

static TextTokenizer *
make (const char *const *texts, gboolean cased)
{
  g_autoptr (TestGguf) gguf = test_gguf_new (3);
  g_autoptr (GError) error = NULL;
  int32_t types[G_N_ELEMENTS (hashes)];
  TextTokenizer *tokenizer;

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    types[i] = i == 1 ? 2 : i < 4 ? 3
                                  : 1;
  test_gguf_add_string (gguf, "tokenizer.ggml.model", "bert");
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", texts, G_N_ELEMENTS (hashes));
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, types,
                       G_N_ELEMENTS (types), 4);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.cls_token_id", 2);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.seperator_token_id", 3);
  if (cased)
    test_gguf_add_bool (gguf, "tokenizer.ggml.normalizer.lowercase", FALSE);
  tokenizer = test_tokenizer_of_gguf (gguf, &error);
  g_assert_no_error (error);
  return tokenizer;
}

typedef struct {
  const char *text, *ids;
} Case;

static const Case cases[] = {
  { "", "2 3" },
  { "playing plays", "2 4 5 4 6 3" },
  { "unplaying", "2 7 8 5 3" },
  { "PLAY", "2 4 3" },
  { "Caff\303\250", "2 9 3" },      /* lower case and no accent */
  { "caffe\314\200,", "2 9 10 3" }, /* also when it stands apart */
  { "a,a", "2 12 10 12 3" },
  { "a\344\270\255a", "2 12 11 12 3" }, /* an ideograph is a word */
  { "aaa", "2 12 13 13 3" },
  { "a$", "2 12 15 3" },
  { "a\342\202\254", "2 1 3" },             /* a euro sign is no punctuation: the word is unknown */
  { "playx play", "2 1 4 3" },              /* one piece unknown, all of the word is */
  { "a\001\302\255 \t\r\na", "2 12 12 3" }, /* controls go, spaces part */
  { "a\014a", "2 12 12 3" },                /* a form feed too */
  { "\342\205\247", "2 14 3" },             /* a Roman numeral */
  { "a\377", "2 12 3" },
  { "[CLS]", "2 1 1 1 3" },
};

static void
test_cases (void)
{
  g_autoptr (TextTokenizer) hash = make (hashes, FALSE), space = make (spaces, FALSE);

  g_assert_cmpstr (text_tokenizer_description (hash), ==, "wordpiece");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *of_hash = test_ids_with_ends (hash, cases[i].text, -1, FALSE);
    g_autofree char *of_space = test_ids_with_ends (space, cases[i].text, -1, FALSE);

    g_test_message ("case %zu", i);
    g_assert_cmpstr (of_hash, ==, cases[i].ids);
    g_assert_cmpstr (of_space, ==, cases[i].ids);
  }
}

static void
test_cased (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (hashes, TRUE);
  g_autofree char *upper = test_ids (tokenizer, "PLAY", -1, FALSE);
  g_autofree char *lower = test_ids (tokenizer, "play", -1, FALSE);
  g_autofree char *accent = test_ids (tokenizer, "Caff\303\250", -1, FALSE);

  g_assert_cmpstr (upper, ==, "1");
  g_assert_cmpstr (lower, ==, "4");
  g_assert_cmpstr (accent, ==, "1");
}

/* A word may have any length, and costs no more than that. */
static void
test_long_word (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (hashes, FALSE);
  g_autofree char *letters = g_strnfill (1 << 20, 'a');
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));

  text_tokenizer_encode (tokenizer, letters, -1, FALSE, tokens);
  g_assert_cmpuint (tokens->len, ==, 1 << 20);
  g_assert_cmpint (g_array_index (tokens, int32_t, 0), ==, 12);
  g_assert_cmpint (g_array_index (tokens, int32_t, 1 << 19), ==, 13);
}

static void
test_shown (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (spaces, FALSE);
  g_autoptr (GString) out = g_string_new (NULL);

  for (int32_t id = 4; id < 8; id++)
    text_tokenizer_decode (tokenizer, id, FALSE, out);
  g_assert_cmpstr (out->str, ==, " playings un");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/wordpiece/cases", test_cases);
  g_test_add_func ("/text/wordpiece/cased", test_cased);
  g_test_add_func ("/text/wordpiece/long-word", test_long_word);
  g_test_add_func ("/text/wordpiece/shown", test_shown);
  return g_test_run ();
}
