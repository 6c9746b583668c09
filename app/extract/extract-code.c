/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Source code: blocks of lines that belong together, whole functions where they are short enough.
 * It knows no language; that people leave an empty line before what starts at the left edge is
 * true of all of them. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/extract-decode.h"
#include "app/extract/extract.h"

#include <string.h>

#define FULL_BYTES 3000 /* a longer group is cut, at an empty line where one is near */
#define LINE_BYTES 2000 /* minified code has lines without end */

static gsize
line_end (const char *text,
          gsize from,
          gsize n)
{
  const char *newline = memchr (text + from, '\n', n - from);
  gsize end = newline == NULL ? n : (gsize) (newline - text) + 1;

  if (end - from > LINE_BYTES) {
    end = from + LINE_BYTES;
    while (((guint8) text[end] & 0xC0) == 0x80)
      end--;
  }
  return end;
}

static gboolean
is_blank (const char *line,
          gsize n)
{
  return strspn (line, " \t\r\f\v") + 1 >= n && n > 0 && strchr (" \t\r\f\v\n", line[0]) != NULL;
}

static gboolean
starts_something (const char *line)
{
  return strchr (" \t)}]\r\n#", line[0]) == NULL ||
         (line[0] == '#' && !g_str_has_prefix (line, "#e") /* #else, #endif */);
}

gboolean
extract_code (const ExtractInput *input,
              BottegaDocument *document,
              ExtractFailure *failure)
{
  g_autofree char *text = extract_decode (input->data, input->size);
  gsize n = text == NULL ? 0 : strlen (text), start = 0, last_blank = 0;
  gboolean after_blank = FALSE;

  *failure = EXTRACT_BINARY;
  if (text == NULL)
    return FALSE;
  for (gsize at = 0; at < n && !extract_is_full (input, document);) {
    gsize end = line_end (text, at, n), cut = 0;
    gboolean blank = is_blank (text + at, end - at);

    if (after_blank && starts_something (text + at))
      cut = at;
    else if (end - start > FULL_BYTES)
      cut = last_blank > start ? last_blank : at;
    if (cut > start) {
      bottega_document_add_block (document, BOTTEGA_BLOCK_CODE, 0, 0, text + start,
                                  (gssize) (cut - start));
      start = cut;
    }
    if (blank)
      last_blank = end;
    after_blank = blank;
    at = end;
  }
  bottega_document_add_block (document, BOTTEGA_BLOCK_CODE, 0, 0, text + start,
                              (gssize) (n - start));
  return TRUE;
}
