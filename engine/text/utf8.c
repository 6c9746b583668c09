/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streaming side of text: bytes of tokens in, whole characters out. It knows no tokens. */
#include "engine/text/tokenizer.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of the character that held begins: its length when whole, 0 when more bytes may complete
 * it, -1 when it can never be one. */
static int
character_bytes (const char *held, unsigned n)
{
  gunichar c = g_utf8_get_char_validated (held, n);

  /* A NUL is a character too, which the function above takes for an end. */
  if (held[0] == '\0')
    return 1;
  if (c == (gunichar) -2)
    return 0;
  return c == (gunichar) -1 ? -1 : (int) (g_utf8_next_char (held) - held);
}

void
text_utf8_stream_push (TextUtf8Stream *stream, const char *bytes, size_t n, GString *out)
{
  for (size_t i = 0; i < n; i++) {
    stream->held[stream->n_held++] = bytes[i];
    while (stream->n_held > 0) {
      int whole = character_bytes (stream->held, stream->n_held);
      unsigned used = whole < 0 ? 1 : (unsigned) whole;

      if (whole == 0)
        break;
      if (whole > 0)
        g_string_append_len (out, stream->held, whole);
      else
        g_string_append (out, REPLACEMENT);
      /* What follows a wrong byte may begin a character of its own. */
      stream->n_held -= used;
      memmove (stream->held, stream->held + used, stream->n_held);
    }
  }
}

void
text_utf8_stream_end (TextUtf8Stream *stream, GString *out)
{
  if (stream->n_held > 0)
    g_string_append (out, REPLACEMENT);
  stream->n_held = 0;
}
