/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the pre-tokenizers cut. The lists of pieces were made with the makers' regular expressions;
 * compare-regex.py does the same for as many random strings as wanted. */
#include "engine/text/pretokenizer.h"

#include <string.h>

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/pretokenizer/cases", test_cases);
  g_test_add_func ("/text/pretokenizer/names", test_names);
  return g_test_run ();
}
