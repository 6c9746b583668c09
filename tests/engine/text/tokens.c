/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Helpers of the tests of tokenizers: it reads and writes files in the temporary folder and knows
 * no kind of tokenizer. */
#include "tests/engine/text/tokens.h"

#include <glib/gstdio.h>
#include <string.h>

TextTokenizer *
test_tokenizer_of_gguf (const TestGguf *gguf, GError **error)
{
  g_autoptr (GByteArray) bytes = test_gguf_bytes (gguf, 32, NULL);
  g_autoptr (ModelGguf) opened = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("bottega-tokenizer-XXXXXX", &path, error);

  g_assert_cmpint (fd, >=, 0);
  g_close (fd, NULL);
  test_write_file (path, bytes);
  opened = model_gguf_open (path, error);
  g_remove (path);
  return opened != NULL ? text_tokenizer_new (opened, error) : NULL;
}

char *
test_ids (const TextTokenizer *tokenizer, const char *text, gssize n, gboolean parse_special)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (int32_t));
  GString *out = g_string_new (NULL);

  text_tokenizer_encode (tokenizer, text, n, parse_special, tokens);
  for (guint i = 0; i < tokens->len; i++)
    g_string_append_printf (out, "%s%d", i > 0 ? " " : "", g_array_index (tokens, int32_t, i));
  return g_string_free (out, FALSE);
}

char *
test_ids_with_ends (const TextTokenizer *tokenizer, const char *text, gssize n,
                    gboolean parse_special)
{
  g_autofree char *inner = test_ids (tokenizer, text, n, parse_special);
  GString *out = g_string_new (NULL);

  if (text_tokenizer_adds_bos (tokenizer))
    g_string_append_printf (out, "%d ", text_tokenizer_bos (tokenizer));
  if (*inner != '\0')
    g_string_append_printf (out, "%s ", inner);
  if (text_tokenizer_adds_eos (tokenizer))
    g_string_append_printf (out, "%d ", text_tokenizer_eos (tokenizer));
  return g_strchomp (g_string_free (out, FALSE));
}

void
test_vectors (const char *model_path, const char *vectors_path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelGguf) gguf = model_gguf_open (model_path, &error);
  g_autoptr (TextTokenizer) tokenizer = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  unsigned n = 0;

  g_assert_no_error (error);
  tokenizer = text_tokenizer_new (gguf, &error);
  g_assert_no_error (error);
  g_file_get_contents (vectors_path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL && **line != '\0'; line++) {
    char *tab = strrchr (*line, '\t');
    g_autofree char *input = NULL, *got = NULL;

    g_assert_nonnull (tab);
    *tab = '\0';
    input = g_strcompress (*line);
    got = test_ids_with_ends (tokenizer, input, -1, FALSE);
    g_test_message ("%s", *line);
    g_assert_cmpstr (got, ==, tab + 1);
    n++;
  }
  g_assert_cmpuint (n, >, 300);
}
