/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the pre-tokenizers cut. The lists of pieces were made with the makers' regular expressions;
 * compare-regex.py does the same for as many random strings as wanted. vectors/words.txt has a line
 * with = and a text, then the bytes of its pieces by each family: written by --words FILE, which
 * reads the texts of such a file, when compare-peer.py had found no difference. */
#include "engine/text/pretokenizer.h"

#include <stdio.h>
#include <string.h>

static const char *words_path;

typedef struct {
  const char *pre, *text;
  const char *pieces; /* with bars between them */
} Case;

static const Case cases[] = {
  { "gpt-2", "Hello  world 123's", "Hello| | world| 123|'s" },
  { "gpt-2", "it'S it's we'll'd", "it|'|S| it|'s| we|'ll|'d" },
  { "gpt-2", "a\n\n b \t", "a|\n\n| b| \t" },
  { "gpt-2", "x=1; //!\r\ny", "x|=|1|;| //!|\r|\n|y" },
  { "gpt-2", "\302\240caff\303\250", "\302\240|caff\303\250" },
  { "smollm", "a  12 b3", "a|  |1|2| b|3" },
  { "smollm", "   x", "  | x" },
  { "smollm", "\302\275\340\245\251 \342\205\247", "\302\275|\340\245\251| |\342\205\247" },
  { "llama-bpe", "it'S (We'LL) 12345\n\n\tx", "it|'S| (|We|'LL|)| |123|45|\n\n|\tx" },
  { "llama-bpe", "end.\r\n\r\n  next", "end|.\r\n\r\n| | next" },
  { "llama-bpe", "a \n \n  b", "a| \n \n| | b" },
  { "llama-bpe", "#include <x>", "#include| <|x|>" },
  { "qwen2", "12 34\302\240x", "1|2| |3|4|\302\240x" },
  { "qwen2", "  \n", "  \n" },
  { "qwen2", "", "" },
  /* Bytes that are no UTF-8 are signs of one byte each. */
  { "gpt-2", "a\377\376 b\303", "a|\377\376| b|\303" },
  { "llama-bpe", "\303\250\303(", "\303\250|\303(" },
};

static void
test_cases (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const TextPretokenizer *pre = text_pretokenizer_find (cases[i].pre);
    const char *text = cases[i].text;
    g_autoptr (GString) got = g_string_new (NULL);
    TextPieces pieces;
    size_t done = 0, piece;

    text_pieces_begin (&pieces, pre, text, strlen (text));
    while ((piece = text_pieces_next (&pieces)) > 0) {
      g_string_append_printf (got, "%s%.*s", got->len > 0 ? "|" : "", (int) piece, text + done);
      done += piece;
    }
    g_assert_cmpuint (done, ==, strlen (text));
    g_assert_cmpstr (got->str, ==, cases[i].pieces);
  }
}

static void
test_names (void)
{
  const TextPretokenizer *llama = text_pretokenizer_find ("llama-bpe");
  const TextPretokenizer *gemma4 = text_pretokenizer_find ("gemma4");

  g_assert_null (text_pretokenizer_find ("nobody-knows"));
  g_assert_true (text_pretokenizer_takes_whole (llama, "a", 1));
  g_assert_true (text_pretokenizer_adds_bos (llama));
  g_assert_false (text_pretokenizer_insists_on_bos (llama));
  g_assert_false (text_pretokenizer_takes_whole (text_pretokenizer_find ("qwen2"), "a", 1));
  g_assert_false (text_pretokenizer_adds_bos (text_pretokenizer_find ("smollm")));
  g_assert_true (text_pretokenizer_insists_on_bos (gemma4));
  g_assert_true (text_pretokenizer_of_characters (gemma4));
  g_assert_true (text_pretokenizer_takes_whole (gemma4, "\n\n", 2));
  g_assert_false (text_pretokenizer_takes_whole (gemma4, "\na", 2));
}

/* One name of each family. */
static const char *const names[] = {
  "gpt-2",
  "smollm",
  "default",
  "llama-bpe",
  "qwen2",
  "qwen35",
  "gpt-4o",
  "tekken",
  "bloom",
  "viking",
  "falcon",
  "deepseek-llm",
  "deepseek-v3",
  "deepseek-coder",
  "tiny_aya",
  "afmoe",
  "youtu",
  "kimi-k2",
  "k2-horizon",
  "chameleon",
  "jais-2",
  "laguna",
  "bailingmoe",
  "seed-coder",
  "ufakzeka",
  "exaone-moe",
  "minicpm5",
  "superbpe",
  "gemma4",
  "granite-embed-multi-97m",
};

/* "gpt-2 3 1 4": the name and the bytes of all pieces. */
static char *
piece_line (const char *name, const char *text)
{
  GString *line = g_string_new (name);
  TextPieces pieces;
  size_t piece;

  text_pieces_begin (&pieces, text_pretokenizer_find (name), text, strlen (text));
  while ((piece = text_pieces_next (&pieces)) > 0)
    g_string_append_printf (line, " %zu", piece);
  return g_string_free (line, FALSE);
}

static char **
read_lines (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *all = NULL;

  g_file_get_contents (path, &all, NULL, &error);
  g_assert_no_error (error);
  return g_strsplit (g_strchomp (all), "\n", -1);
}

static void
test_words (void)
{
  g_auto (GStrv) lines = read_lines (words_path);
  g_autofree char *text = NULL;
  unsigned n = 0;

  for (char **line = lines; *line != NULL; line++) {
    g_autofree char *name = g_strndup (*line, strcspn (*line, " ")), *got = NULL;

    if (**line == '=') {
      g_free (text);
      text = g_strcompress (*line + 1);
      continue;
    }
    got = piece_line (name, text);
    g_assert_cmpstr (got, ==, *line);
    n++;
  }
  g_assert_cmpuint (n, >=, 10 * G_N_ELEMENTS (names));
}

static int
write_words (const char *path)
{
  g_auto (GStrv) lines = read_lines (path);

  for (char **line = lines; *line != NULL; line++) {
    g_autofree char *text = g_strcompress (*line + 1);

    if (**line != '=')
      continue;
    puts (*line);
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
      g_autofree char *pieces = piece_line (names[i], text);

      puts (pieces);
    }
  }
  return 0;
}

/* Much of one thing takes time proportional to it in every family. */
static void
test_long (void)
{
  static const char *const units[] = { "a", "A", " ", "7", "~",
                                       "\n", "'", "\344\270\255", "\314\200" };

  for (size_t u = 0; u < G_N_ELEMENTS (units); u++) {
    g_autoptr (GString) text = g_string_new (NULL);

    while (text->len < 1 << 17)
      g_string_append (text, units[u]);
    g_string_append (text, "x");
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
      TextPieces pieces;
      size_t piece, sum = 0;

      text_pieces_begin (&pieces, text_pretokenizer_find (names[i]), text->str, text->len);
      while ((piece = text_pieces_next (&pieces)) > 0)
        sum += piece;
      g_assert_cmpuint (sum, ==, text->len);
    }
  }
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--words") == 0)
    return write_words (argv[2]);
  g_test_init (&argc, &argv, NULL);
  words_path = argc > 1 ? argv[1] : NULL;
  g_test_add_func ("/text/pretokenizer/words", test_words);
  g_test_add_func ("/text/pretokenizer/long", test_long);
  g_test_add_func ("/text/pretokenizer/cases", test_cases);
  g_test_add_func ("/text/pretokenizer/names", test_names);
  return g_test_run ();
}
