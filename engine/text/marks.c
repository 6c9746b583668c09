/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading of pieces as SentencePiece writes them. It knows no kind of tokenizer. */
#include "engine/text/marks.h"

#include <string.h>

void
text_marks_to_spaces (const char *text, size_t n, GByteArray *out)
{
  while (n > 0) {
    const char *mark = memmem (text, n, TEXT_MARK, strlen (TEXT_MARK));
    size_t before = mark != NULL ? (size_t) (mark - text) : n;

    if (before > 0)
      g_byte_array_append (out, (const guint8 *) text, (guint) before);
    if (mark == NULL)
      return;
    g_byte_array_append (out, (const guint8 *) " ", 1);
    text += before + strlen (TEXT_MARK);
    n -= before + strlen (TEXT_MARK);
  }
}

int
text_marks_byte (const ModelString *token)
{
  int high, low;

  if (token->length != 6 || memcmp (token->data, "<0x", 3) != 0 || token->data[5] != '>')
    return -1;
  high = g_ascii_xdigit_value (token->data[3]);
  low = g_ascii_xdigit_value (token->data[4]);
  return high >= 0 && low >= 0 ? high * 16 + low : -1;
}
