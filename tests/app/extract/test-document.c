/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The document as a value: what becomes of strangers' text, and that its bytes come back as they
 * were or not at all. */
#include "app/extract/bottega-document.h"

#include <math.h>

static void
test_clean (void)
{
  static const struct {
    const char *in, *out;
    gboolean is_code;
  } cases[] = {
    { "  a \t\n b\xC2\xA0\xE2\x80\x83 c  ", "a b c", FALSE },
    { "e\xCC\x80", "\xC3\xA8", FALSE }, /* NFC */
    { "o\xEF\xAC\x83"
      "cina",
      "officina", FALSE }, /* the ffi ligature */
    { "sil\xC2\xADla\xE2\x80\x8B"
      "ba",
      "sillaba", FALSE }, /* soft hyphen, zero width */
    { "a\x01\x7F\xC2\x85"
      "b",
      "a b", FALSE },                                 /* controls; NEL is a blank */
    { "evil\xE2\x80\xAEtxt", "eviltxt", FALSE },      /* a mark of direction */
    { "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xA7", /* a joiner makes this one picture */
      "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xA7", FALSE },
    { "a\xFF"
      "b",
      "a\xEF\xBF\xBD"
      "b",
      FALSE },
    { "\xC2\xAD \xE2\x80\x8B\n", "", FALSE },
    { "\n\nif (x)\r\n\ty;  \n\n z\n", "if (x)\n    y;\n\n z", TRUE },
    { "a\tb\tc", "a   b   c", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *once = bottega_document_clean (cases[i].in, -1, cases[i].is_code);
    g_autofree char *twice = bottega_document_clean (once, -1, cases[i].is_code);

    g_assert_cmpstr (once, ==, cases[i].out);
    g_assert_cmpstr (twice, ==, once);
  }
}

static BottegaDocument *
make_document (void)
{
  BottegaDocument *document = bottega_document_new ("application/pdf");
  BottegaLine line = { .length = 7, .page = 1, .x = 1, .y = 2, .width = 3, .height = 4 };

  document->title = g_strdup ("Bottega");
  document->n_pages = 2;
  g_assert_true (bottega_document_add_block (document, BOTTEGA_BLOCK_HEADING, 1, 1, "Bottega", -1));
  g_assert_false (bottega_document_add_block (document, BOTTEGA_BLOCK_PARAGRAPH, 0, 1, " \n ", -1));
  g_assert_true (bottega_document_add_block (document, BOTTEGA_BLOCK_CODE, 0, 2, "a\n  b", -1));
  g_assert_true (bottega_document_add_block (document, BOTTEGA_BLOCK_LIST_ITEM, 2, 2,
                                             "perch\xC3\xA9", -1));
  g_assert_cmpstr (document->text->str, ==, "Bottega\na\n  b\nperch\xC3\xA9\n");
  g_array_append_val (document->lines, line);
  line.offset = 14;
  line.length = 7;
  line.page = 2;
  g_array_append_val (document->lines, line);
  return document;
}

static void
test_round_trip (void)
{
  g_autoptr (BottegaDocument) document = make_document ();
  g_autoptr (GBytes) bytes = bottega_document_serialize (document);
  g_autoptr (BottegaDocument) back = bottega_document_parse (bytes);
  g_autoptr (GBytes) again = NULL;

  g_assert_nonnull (back);
  again = bottega_document_serialize (back);
  g_assert_true (g_bytes_equal (bytes, again));
  g_assert_cmpstr (back->title, ==, "Bottega");
  g_assert_null (back->language);
  g_assert_cmpuint (back->blocks->len, ==, 3);
  g_assert_cmpuint (g_array_index (back->lines, BottegaLine, 1).page, ==, 2);
}

static void
refuse (BottegaDocument *document)
{
  g_autoptr (BottegaDocument) owned = document;
  g_autoptr (GBytes) bytes = bottega_document_serialize (owned);
  g_autoptr (BottegaDocument) back = bottega_document_parse (bytes);

  g_assert_null (back);
}

#define REFUSE(change)                            \
  G_STMT_START                                    \
  {                                               \
    BottegaDocument *d = make_document ();        \
    BottegaBlock *b = (gpointer) d->blocks->data; \
    BottegaLine *l = (gpointer) d->lines->data;   \
    (void) b;                                     \
    (void) l;                                     \
    change;                                       \
    refuse (d);                                   \
  }                                               \
  G_STMT_END

static void
test_refusals (void)
{
  REFUSE (b[0].offset = 1);
  REFUSE (b[1].length += 1);
  REFUSE (b[2].length = G_MAXUINT32);
  REFUSE (b[1].offset = 0);
  REFUSE (b[1].page = 3);
  REFUSE (b[1].kind = BOTTEGA_BLOCK_N_KINDS);
  REFUSE (b[1].kind = BOTTEGA_BLOCK_PARAGRAPH); /* with a newline in it */
  REFUSE (d->text->str[0] = '\n');
  REFUSE (d->text->str[0] = '\0');
  REFUSE (d->text->str[0] = (char) 0xFF);
  REFUSE (d->text->str[0] = ' ');
  REFUSE (g_string_append_c (d->text, 'x'));
  REFUSE (g_array_set_size (d->blocks, 2));
  REFUSE (l[0].page = 0);
  REFUSE (l[1].page = 3);
  REFUSE (l[0].length = 15); /* into the next line */
  REFUSE (l[1].length = 6);  /* into a character */
  REFUSE (l[1].length = G_MAXUINT32);
  REFUSE (l[0].x = NAN);
  REFUSE (l[0].y = INFINITY);
  REFUSE (l[0].width = -1);
  REFUSE (d->n_pages = G_MAXUINT32);
  REFUSE (d->title[0] = '\n');
  REFUSE (d->title[0] = (char) 0xFF);
}

/* Every cut, and every byte as something else: refused, or a document that holds what it must. */
static void
test_damaged_bytes (void)
{
  g_autoptr (BottegaDocument) document = make_document ();
  g_autoptr (GBytes) bytes = bottega_document_serialize (document);
  gsize n = g_bytes_get_size (bytes);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GBytes) cut = g_bytes_new_from_bytes (bytes, 0, i);

    g_assert_null (bottega_document_parse (cut));
    for (guint value = 0; value < 256; value += 5) {
      guint8 *copy = g_memdup2 (g_bytes_get_data (bytes, NULL), n);
      g_autoptr (GBytes) changed = NULL, again = NULL;
      g_autoptr (BottegaDocument) back = NULL;

      copy[i] = (guint8) value;
      changed = g_bytes_new_take (copy, n);
      back = bottega_document_parse (changed);
      again = back == NULL ? NULL : bottega_document_serialize (back);
      g_assert_true (back == NULL || g_bytes_equal (again, changed));
    }
  }
}

int
main (int argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/document/clean", test_clean);
  g_test_add_func ("/document/round-trip", test_round_trip);
  g_test_add_func ("/document/refusals", test_refusals);
  g_test_add_func ("/document/damaged-bytes", test_damaged_bytes);
  return g_test_run ();
}
