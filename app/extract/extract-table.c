/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables in text files (RFC 4180 and what programs make of it): a row of cells per record. Which
 * character separates the cells is seen in the first records. It knows nothing of encodings. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/extract-decode.h"
#include "app/extract/extract.h"

#include <string.h>

#define SAMPLE_BYTES 8192

/* The one that occurs most outside of quotes; Italian programs write semicolons. */
static char
separator_of (const char *text)
{
  static const char candidates[] = "\t;,|";
  guint counts[sizeof candidates] = { 0 }, best = 0;
  gboolean quoted = FALSE;

  for (guint i = 0; i < SAMPLE_BYTES && text[i] != '\0'; i++) {
    const char *found = strchr (candidates, text[i]);

    quoted ^= text[i] == '"';
    if (found != NULL && !quoted)
      counts[found - candidates]++;
  }
  for (guint i = 1; candidates[i] != '\0'; i++)
    if (counts[i] > counts[best])
      best = i;
  return counts[best] > 0 ? candidates[best] : ',';
}

/* Appends one cell to row; returns what comes after it: the separator, a line's end, or the end. */
static const char *
take_cell (const char *text,
           char separator,
           GString *row,
           gboolean *has_digit)
{
  gboolean quoted = *text == '"';

  text += quoted;
  for (; *text != '\0'; text++) {
    if (quoted && *text == '"' && text[1] == '"')
      text++;
    else if (quoted && *text == '"') {
      quoted = FALSE;
      continue;
    } else if (!quoted && (*text == separator || *text == '\n' || *text == '\r')) {
      break;
    }
    *has_digit |= g_ascii_isdigit (*text);
    g_string_append_c (row, *text);
  }
  return text;
}

gboolean
extract_table (const ExtractInput *input,
               BottegaDocument *document,
               ExtractFailure *failure)
{
  g_autofree char *text = extract_decode (input->data, input->size);
  g_autoptr (GString) row = g_string_new (NULL);
  const char *at = text;
  gboolean is_first = TRUE;
  char separator;

  *failure = EXTRACT_BINARY;
  if (text == NULL)
    return FALSE;
  separator = separator_of (text);
  while (*at != '\0' && !extract_is_full (input, document)) {
    gboolean has_digit = FALSE;

    g_string_truncate (row, 0);
    for (at = take_cell (at, separator, row, &has_digit); *at == separator;) {
      g_string_append (row, " | ");
      at = take_cell (at + 1, separator, row, &has_digit);
    }
    at += *at == '\r';
    at += *at == '\n';
    /* A row of empty cells says nothing. */
    if (strspn (row->str, " |") < row->len &&
        bottega_document_add_block (document,
                                    is_first && !has_digit ? BOTTEGA_BLOCK_TABLE_HEADER
                                                           : BOTTEGA_BLOCK_TABLE_ROW,
                                    0, 0, row->str, (gssize) row->len))
      is_first = FALSE;
  }
  return TRUE;
}
