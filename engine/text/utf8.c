/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streaming side of text: bytes of tokens in, whole characters out. It knows no tokens. */
#include "engine/text/utf8.h"

#include "engine/text/tokenizer.h"

#include <string.h>

/* Bytes of the character that begins with this one; 0: none does. */
static unsigned
bytes_of_lead (guchar lead)
{
  if (lead < 0x80)
    return 1;
  if (lead < 0xc2 || lead > 0xf4)
    return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3
                                       : 4;
}

/* Whether a byte may follow the lead: overlong forms, surrogates and what lies beyond U+10FFFF
 * show in the second byte already. */
static gboolean
second_is_valid (guchar lead, guchar second)
{
  guchar low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90
                                                  : 0x80;
  guchar high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f
                                                   : 0xbf;

  return second >= low && second <= high;
}

int
text_utf8_character_bytes (const char *held, size_t n)
{
  guchar lead = (guchar) held[0];
  unsigned length = bytes_of_lead (lead);

  if (length == 0 || (n > 1 && length > 1 && !second_is_valid (lead, (guchar) held[1])))
    return -1;
  for (size_t i = 2; i < MIN (n, length); i++)
    if (((guchar) held[i] & 0xc0) != 0x80)
      return -1;
  return n >= length ? (int) length : 0;
}

void
text_utf8_stream_push (TextUtf8Stream *stream, const char *bytes, size_t n, GString *out)
{
  for (size_t i = 0; i < n; i++) {
    stream->held[stream->n_held++] = bytes[i];
    while (stream->n_held > 0) {
      int whole = text_utf8_character_bytes (stream->held, stream->n_held);
      unsigned used = whole < 0 ? 1 : (unsigned) whole;

      if (whole == 0)
        break;
      if (whole > 0)
        g_string_append_len (out, stream->held, whole);
      else
        g_string_append (out, TEXT_REPLACEMENT);
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
    g_string_append (out, TEXT_REPLACEMENT);
  stream->n_held = 0;
}

gboolean
text_is_space (gunichar c)
{
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}
