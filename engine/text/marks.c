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

/* A word that is longer is cut there, which bounds the memory that merging takes. */
#define MAX_WORD_BYTES ((size_t) 1 << 20)

gboolean
text_marks_part_words (const TextStrings *strings)
{
  for (uint32_t i = 0; i < text_strings_count (strings); i++) {
    size_t n, begin = 0;
    const char *bytes = text_strings_get (strings, i, &n);

    while (begin < n && bytes[begin] == ' ')
      begin++;
    if (begin < n && memchr (bytes + begin, ' ', n - begin) != NULL &&
        text_strings_find (strings, bytes, n) == i)
      return FALSE;
  }
  return TRUE;
}

size_t
text_marks_word_bytes (gboolean part_words, const char *text, size_t n)
{
  size_t most = MIN (n, MAX_WORD_BYTES), begin = 0;
  const char *space;

  if (!part_words)
    return most;
  while (begin < most && text[begin] == ' ')
    begin++;
  space = memchr (text + begin, ' ', most - begin);
  return space != NULL ? (size_t) (space - text) : most;
}
