/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unigram tokenizers: a tiny vocabulary whose best cuts can be worked out by hand, how spaces and
 * characters are normalised, files that lie, and the embedding model against the ids of the peer
 * (vectors/, see compare-peer.py). */
#include "engine/error.h"
#include "tests/engine/make-gguf.h"
#include "tests/engine/text/tokens.h"

#include <math.h>
#include <string.h>

static const char *vectors_path;

#define MARK "\342\226\201"

/* ids: 0 <unk>, 1 <s>, 2 </s>, then what follows */
static const char *const tokens[] = { "<unk>", "<s>", "</s>", MARK, "a", "b", "c",
                                      "ab", "bc", MARK "ab", "\303\250", "fi", "x", MARK "x" };
static const int32_t types[] = { 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5 };
static const float scores[] = { 0, 0, 0, -2, -3, -3, -3, -4, -3.5f, -5, -4, -4, -4, 0 };

/* What a test changes in the file. */
typedef struct {
  gboolean prefix, fold;
  const void *map;
  size_t n_map;
  gboolean with_bytes; /* the last token becomes <0xC3> and is followed by <0xA9> */
} Tiny;

static TestGguf *
tiny_gguf (const Tiny *tiny)
{
  TestGguf *gguf = test_gguf_new (3);
  const char *texts[G_N_ELEMENTS (tokens) + 1];
  int32_t kinds[G_N_ELEMENTS (tokens) + 1];
  float numbers[G_N_ELEMENTS (tokens) + 1];
  size_t n = G_N_ELEMENTS (tokens);

  memcpy (texts, tokens, sizeof tokens);
  memcpy (kinds, types, sizeof types);
  memcpy (numbers, scores, sizeof scores);
  if (tiny->with_bytes) {
    texts[n - 1] = "<0xC3>";
    texts[n] = "<0xA9>";
    kinds[n - 1] = kinds[n] = 6;
    numbers[n] = 0;
    n++;
  }
  test_gguf_add_string (gguf, "tokenizer.ggml.model", "t5");
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", texts, n);
  test_gguf_add_array (gguf, "tokenizer.ggml.token_type", MODEL_VALUE_I32, kinds, n, 4);
  test_gguf_add_array (gguf, "tokenizer.ggml.scores", MODEL_VALUE_F32, numbers, n, 4);
  test_gguf_add_bool (gguf, "tokenizer.ggml.add_space_prefix", tiny->prefix);
  test_gguf_add_bool (gguf, "tokenizer.ggml.remove_extra_whitespaces", tiny->fold);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.bos_token_id", 1);
  test_gguf_add_u32 (gguf, "tokenizer.ggml.eos_token_id", 2);
  if (tiny->map != NULL)
    test_gguf_add_array (gguf, "tokenizer.ggml.precompiled_charsmap", MODEL_VALUE_U8, tiny->map,
                         tiny->n_map, 1);
  return gguf;
}

static TextTokenizer *
make (const Tiny *tiny)
{
  g_autoptr (TestGguf) gguf = tiny_gguf (tiny);
  g_autoptr (GError) error = NULL;
  TextTokenizer *tokenizer = test_tokenizer_of_gguf (gguf, &error);

  g_assert_no_error (error);
  return tokenizer;
}

#define ASSERT_IDS(tokenizer, text, expected)                     \
  G_STMT_START                                                    \
  {                                                               \
    g_autofree char *got = test_ids (tokenizer, text, -1, FALSE); \
    g_assert_cmpstr (got, ==, expected);                          \
  }                                                               \
  G_STMT_END

static void
test_best_cut (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (&(Tiny) { TRUE, TRUE });

  g_assert_cmpstr (text_tokenizer_description (tokenizer), ==, "unigram");
  g_assert_cmpint (text_tokenizer_eos (tokenizer), ==, 2);
  g_assert_true (text_tokenizer_adds_eos (tokenizer));
  g_assert_false (text_tokenizer_adds_bos (tokenizer));
  ASSERT_IDS (tokenizer, "ab", "9");
  /* "▁ab c" costs 8, "▁ a bc" 8.5; without the prefix piece "a bc" 6.5 beats "ab c" 7. */
  ASSERT_IDS (tokenizer, "abc", "9 6");
  ASSERT_IDS (tokenizer, "cabc", "3 6 4 8");
  ASSERT_IDS (tokenizer, "a ab", "3 4 9");
  ASSERT_IDS (tokenizer, "x", "3 12"); /* a piece that is unused is not used */
}

static void
test_unknown (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (&(Tiny) { TRUE, TRUE });
  g_autoptr (TextTokenizer) with_bytes = make (&(Tiny) { TRUE, TRUE, .with_bytes = TRUE });
  g_autoptr (GString) out = g_string_new (NULL);

  ASSERT_IDS (tokenizer, "zz\303\251a", "3 0 4"); /* those in a row are one */
  ASSERT_IDS (tokenizer, "z az", "3 0 3 4 0");
  ASSERT_IDS (with_bytes, "a\303\251", "3 4 13 14");
  ASSERT_IDS (with_bytes, "az", "3 4 0");
  text_tokenizer_decode (with_bytes, 9, FALSE, out);
  text_tokenizer_decode (with_bytes, 13, FALSE, out);
  text_tokenizer_decode (with_bytes, 14, FALSE, out);
  g_assert_cmpstr (out->str, ==, " ab\303\251");
}

static void
test_spaces (void)
{
  g_autoptr (TextTokenizer) both = make (&(Tiny) { TRUE, TRUE });
  g_autoptr (TextTokenizer) fold = make (&(Tiny) { .fold = TRUE });
  g_autoptr (TextTokenizer) prefix = make (&(Tiny) { .prefix = TRUE });
  g_autoptr (TextTokenizer) none = make (&(Tiny) { 0 });

  ASSERT_IDS (both, "", "");
  ASSERT_IDS (both, " \t\n ", "");
  ASSERT_IDS (both, "  ab \n\n c  ", "9 3 6");
  ASSERT_IDS (fold, "  ab \n\n c  ", "7 3 6");
  ASSERT_IDS (prefix, "a  c ", "3 4 3 3 6 3");
  ASSERT_IDS (none, "a  c ", "4 3 3 6 3");
  /* A mark that somebody wrote is a space that stays. */
  ASSERT_IDS (both, MARK "ab", "3 9");
}

/* Without a map: NFKC, and bytes that are no UTF-8 are unknown characters. */
static void
test_nfkc (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (&(Tiny) { TRUE, TRUE });

  ASSERT_IDS (tokenizer, "e\314\200", "3 10");
  ASSERT_IDS (tokenizer, "\357\254\201", "3 11");                 /* a ligature */
  ASSERT_IDS (tokenizer, "\357\275\201\343\200\200b", "3 4 3 5"); /* wide a, wide space */
  ASSERT_IDS (tokenizer, "a\377\300b", "3 4 0 5");
  ASSERT_IDS (tokenizer, "a\342\200\250b\001", "3 4 3 5");
}

/* "A" → "ab", "AA" → "c", "B" → nothing, as a double array written by hand. */
static void
make_map (GByteArray *out)
{
  uint32_t units[256] = { 0 };
  const char texts[] = "ab\0c\0";
  uint32_t n_bytes = sizeof units;

  /* The root's children begin at 0; A's at 128: its value, and its child A; that one's at 200. */
  units[0] = 0;
  units['A'] = ((uint32_t) 'A' ^ 128) << 10 | 1 << 8 | 'A';
  units[128] = 1u << 31 | 0;
  units[128 ^ 'A'] = ((uint32_t) (128 ^ 'A') ^ 200) << 10 | 1 << 8 | 'A';
  units[200] = 1u << 31 | 3;
  units['B'] = ((uint32_t) 'B' ^ 210) << 10 | 1 << 8 | 'B';
  units[210] = 1u << 31 | 2;
  for (size_t i = 0; i < G_N_ELEMENTS (units); i++)
    units[i] = GUINT32_TO_LE (units[i]);
  n_bytes = GUINT32_TO_LE (n_bytes);
  g_byte_array_append (out, (const guint8 *) &n_bytes, 4);
  g_byte_array_append (out, (const guint8 *) units, sizeof units);
  g_byte_array_append (out, (const guint8 *) texts, sizeof texts - 1);
}

static void
test_charsmap (void)
{
  g_autoptr (GByteArray) map = g_byte_array_new ();
  g_autoptr (TextTokenizer) tokenizer = NULL;

  make_map (map);
  tokenizer = make (&(Tiny) { TRUE, TRUE, map->data, map->len });
  ASSERT_IDS (tokenizer, "A", "9");
  ASSERT_IDS (tokenizer, "AA", "3 6"); /* the longest */
  ASSERT_IDS (tokenizer, "AAA", "3 6 7");
  ASSERT_IDS (tokenizer, "aBb", "9");
  ASSERT_IDS (tokenizer, "B", "");
  ASSERT_IDS (tokenizer, "a\377b\n", "3 4 0 5 0"); /* the map says nothing of line ends */
}

/* A damaged map is refused, or used without harm. */
static void
test_damaged_map (void)
{
  uint64_t random = 3;
  unsigned n_refused = 0, n_loaded = 0;

  for (int round = 0; round < 600; round++) {
    g_autoptr (GByteArray) map = g_byte_array_new ();
    g_autoptr (TestGguf) gguf = NULL;
    g_autoptr (TextTokenizer) tokenizer = NULL;
    g_autoptr (GError) error = NULL;
    g_autofree char *got = NULL;

    make_map (map);
    for (unsigned flips = 1 + (unsigned) (test_random (&random) % 20); flips > 0; flips--)
      map->data[test_random (&random) % map->len] = (guint8) test_random (&random);
    if (round % 4 == 0)
      g_byte_array_set_size (map, (guint) (test_random (&random) % map->len) + 1);
    gguf = tiny_gguf (&(Tiny) { TRUE, TRUE, map->data, map->len });
    tokenizer = test_tokenizer_of_gguf (gguf, &error);
    g_assert_true ((tokenizer == NULL) == (error != NULL));
    n_refused += tokenizer == NULL;
    n_loaded += tokenizer != NULL;
    if (tokenizer != NULL)
      got = test_ids (tokenizer, "AAAB ab\377A\303\250", -1, FALSE);
  }
  g_assert_cmpuint (n_refused, >, 50);
  g_assert_cmpuint (n_loaded, >, 100);
}

/* A text without spaces of many megabytes is cut in bounded memory. */
static void
test_long_word (void)
{
  g_autoptr (TextTokenizer) tokenizer = make (&(Tiny) { TRUE, TRUE });
  size_t n = 3 << 20;
  g_autofree char *text = g_malloc (n);
  g_autoptr (GArray) got = g_array_new (FALSE, FALSE, sizeof (int32_t));

  for (size_t i = 0; i < n; i++)
    text[i] = "ab"[i % 2];
  text_tokenizer_encode (tokenizer, text, (gssize) n, FALSE, got);
  g_assert_cmpuint (got->len, >=, n / 2);
  g_assert_cmpuint (got->len, <, n / 2 + 10);
}

/* ---- refusals -------------------------------------------------------------------------- */

static void
refuse (const char *key_left_out, const float *numbers, size_t n_numbers, const char *words)
{
  g_autoptr (TestGguf) gguf = test_gguf_new (3);
  g_autoptr (GError) error = NULL;

  test_gguf_add_string (gguf, "tokenizer.ggml.model", "t5");
  test_gguf_add_strings (gguf, "tokenizer.ggml.tokens", tokens, 3);
  if (numbers != NULL)
    test_gguf_add_array (gguf, "tokenizer.ggml.scores", MODEL_VALUE_F32, numbers, n_numbers, 4);
  g_assert_null (test_tokenizer_of_gguf (gguf, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_refusals (void)
{
  static const float numbers[] = { 0, -1, NAN };

  refuse ("scores", NULL, 0, "no scores");
  refuse (NULL, numbers, 2, "2 scores for 3 tokens");
  refuse (NULL, numbers, 3, "score of token 2");
}

/* ---- the embedding model --------------------------------------------------------------- */

static void
test_embedding_model (void)
{
  const char *path = g_getenv ("BOTTEGA_TEST_EMBED_MODEL");

  if (path == NULL || vectors_path == NULL) {
    g_test_skip ("BOTTEGA_TEST_EMBED_MODEL is not set");
    return;
  }
  test_vectors (path, vectors_path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  vectors_path = argc > 1 ? argv[1] : NULL;
  g_test_add_func ("/text/unigram/best-cut", test_best_cut);
  g_test_add_func ("/text/unigram/unknown", test_unknown);
  g_test_add_func ("/text/unigram/spaces", test_spaces);
  g_test_add_func ("/text/unigram/nfkc", test_nfkc);
  g_test_add_func ("/text/unigram/charsmap", test_charsmap);
  g_test_add_func ("/text/unigram/damaged-map", test_damaged_map);
  g_test_add_func ("/text/unigram/long-word", test_long_word);
  g_test_add_func ("/text/unigram/refusals", test_refusals);
  g_test_add_func ("/text/unigram/embedding-model", test_embedding_model);
  return g_test_run ();
}
