/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: bytes as bottega-extract might write them, had a document taken it over. Refused, or
 * a document that holds all it promises: its own bytes again, text that needs no cleaning, places
 * inside of it. */
#include "app/extract/bottega-document.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size), again = NULL;
  g_autoptr (BottegaDocument) document = bottega_document_parse (bytes);

  if (document == NULL)
    return 0;
  again = bottega_document_serialize (document);
  g_assert_true (g_bytes_equal (bytes, again));
  g_assert_true (g_utf8_validate (document->text->str, (gssize) document->text->len, NULL));
  for (guint i = 0; i < document->lines->len; i++) {
    const BottegaLine *line = &g_array_index (document->lines, BottegaLine, i);

    g_assert_true (g_utf8_validate_len (document->text->str + line->offset, line->length, NULL));
  }
  return 0;
}

GBytes *
fuzz_seed (unsigned i)
{
  g_autoptr (BottegaDocument) document = bottega_document_new ("application/pdf");
  BottegaLine line = { .length = 3, .page = 1, .width = 9, .height = 9 };

  if (i > 1)
    return NULL;
  document->n_pages = 3;
  document->title = i == 0 ? NULL : g_strdup ("Perch\xC3\xA9");
  document->language = i == 0 ? NULL : g_strdup ("it");
  for (guint n = 0; n < 4; n++)
    bottega_document_add_block (document, (BottegaBlockKind) (n + i), n, 1 + n / 2,
                                "Una r\xC3\xACga di testo, \xE2\x80\x9C"
                                "detta\xE2\x80\x9D",
                                -1);
  for (; i == 1 && line.offset < 12; line.offset += 4)
    g_array_append_val (document->lines, line);
  return bottega_document_serialize (document);
}
