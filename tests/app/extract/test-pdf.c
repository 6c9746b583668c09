/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PDF to blocks, on pages drawn here: what is what, in which order, and that every line's bytes are
 * the words that poppler finds in its rectangle. */
#include "config.h"

#include "app/extract/bottega-extraction.h"
#include "tests/app/extract/documents.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <poppler.h>
#include <string.h>

#define N_PAGES 4

static char *folder;

static char *
write_file (const char *name,
            GBytes *bytes)
{
  char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                                      (gssize) g_bytes_get_size (bytes), NULL));
  return path;
}

static BottegaDocument *
extract (const char *name,
         GBytes *bytes,
         GError **error)
{
  g_autofree char *path = write_file (name, bytes);

  return bottega_extraction_run (path, NULL, NULL, NULL, error);
}

/* The blocks as lines "kind level page|text", for comparing. */
static char *
dump (const BottegaDocument *document)
{
  static const char kinds[][3] = { "P", "H", "L", "TH", "TR", "C" };
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < document->blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (document->blocks, BottegaBlock, i);

    g_string_append_printf (out, "%s%u p%u|%.*s\n", kinds[block->kind], block->level, block->page,
                            (int) block->length, document->text->str + block->offset);
  }
  return g_string_free (out, FALSE);
}

/* Lines of prose from y down. */
static double
show_lines (cairo_t *cairo,
            double x,
            double y,
            const char *const *lines)
{
  for (; *lines != NULL; lines++, y += 12)
    documents_show (cairo, x, y, 10, FALSE, *lines);
  return y;
}

static void
draw_book (cairo_t *cairo,
           gpointer data)
{
  static const char *const first[] = {
    "La bottega \xC3\xA8 il luogo dove un artigiano lavora e vende quello che produce con le "
    "proprie",
    "mani. Nelle citt\xC3\xA0 medievali ogni mestiere aveva una strada, e le botteghe stavano ac-",
    "canto all\xE2\x80\x99"
    "altra.",
    NULL
  };
  static const char *const second[] = {
    "Il secondo capoverso comincia dopo uno spazio e non ha nulla a che fare con il primo.", NULL
  };
  static const char *const torn[] = {
    "Questo capoverso arriva fino alla fine della pagina e poi continua su quella che viene "
    "do-",
    NULL
  };
  static const char *const rest[] = { "po, senza che il lettore se ne accorga.", NULL };
  static const char *const items[] = { "\xE2\x80\xA2 lo scalpello", "\xE2\x80\xA2 la lima",
                                       "\xE2\x80\xA2 la pialla", "\xE2\x80\xA2 la sega" };
  static const char *const titles[] = { "1 Le botteghe", "1.1 Gli attrezzi", "1.2 I maestri",
                                        "2 Il mercato" };

  for (guint page = 1; page <= N_PAGES; page++) {
    g_autofree char *number = g_strdup_printf ("%u / %u", page, N_PAGES);
    gboolean small = page == 2 || page == 3;
    double y;

    documents_show (cairo, 50, 40, 9, FALSE, "Storia delle botteghe");
    documents_show (cairo, 520, 40, 9, FALSE, number);
    if (page == 3)
      show_lines (cairo, 50, 70, rest);
    documents_show (cairo, 50, 110, small ? 14 : 18, TRUE, titles[page - 1]);
    y = show_lines (cairo, 50, 150, first);
    y = show_lines (cairo, 50, y + 8, second) + 12;
    documents_show (cairo, 50, y, 10, FALSE, "\xE2\x80\xA2 il martello, che serve per battere");
    documents_show (cairo, 50, y + 16, 10, FALSE, items[page - 1]);
    if (page == 1) {
      static const char *const cells[3][3] = { { "Attrezzo", "Peso", "Prezzo" },
                                               { "Martello", "2 kg", "12 euro" },
                                               { "Scalpello", "1 kg", "8 euro" } };

      for (guint row = 0; row < 3; row++)
        for (guint column = 0; column < 3; column++)
          documents_show (cairo, 60 + 150 * column, y + 60 + 14 * row, 10, row == 0,
                          cells[row][column]);
    }
    if (page == 2)
      show_lines (cairo, 50, 780, torn);
    cairo_show_page (cairo);
  }
}

static void
assert_has (const char *dump_text,
            const char *words)
{
  if (strstr (dump_text, words) == NULL)
    g_error ("no \"%s\" in\n%s", words, dump_text);
}

static void
assert_lacks (const char *dump_text,
              const char *words)
{
  if (strstr (dump_text, words) != NULL)
    g_error ("\"%s\" in\n%s", words, dump_text);
}

static void
test_book (void)
{
  g_autoptr (GBytes) pdf = documents_draw_pdf (draw_book, NULL, "Microsoft Word - a.doc");
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaDocument) document = extract ("book.pdf", pdf, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = dump (document);
  g_assert_cmpuint (document->n_pages, ==, N_PAGES);
  g_assert_cmpstr (document->title, ==, "1 Le botteghe");
  assert_has (text, "H1 p1|1 Le botteghe\n");
  assert_has (text, "H2 p2|1.1 Gli attrezzi\n");
  assert_has (text, "H1 p4|2 Il mercato\n");
  /* One paragraph of three lines, its hyphen gone; the next is its own. */
  assert_has (text, "produce con le proprie mani. Nelle citt\xC3\xA0 medievali");
  assert_has (text, "le botteghe stavano accanto all\xE2\x80\x99"
                    "altra.\nP0 p1|Il secondo");
  assert_has (text, "L1 p1|il martello, che serve per battere\nL1 p1|lo scalpello\n");
  assert_has (text, "TH0 p1|Attrezzo | Peso | Prezzo\nTR0 p1|Martello | 2 kg | 12 euro\n"
                    "TR0 p1|Scalpello | 1 kg | 8 euro\n");
  assert_has (text, "P0 p2|Questo capoverso arriva fino alla fine della pagina e poi continua su "
                    "quella che viene dopo, senza che il lettore se ne accorga.\n");
  assert_lacks (text, "Storia delle botteghe");
  assert_lacks (text, "/ 4");
}

static void
draw_columns (cairo_t *cairo,
              gpointer data)
{
  for (guint page = 0; page < 2; page++) {
    documents_show (cairo, 120, 60, 18, TRUE, page == 0 ? "Un articolo in due colonne" : "Seguito");
    for (guint column = 0; column < 2; column++)
      for (guint line = 0; line < 40; line++) {
        g_autofree char *text = g_strdup_printf ("pagina%u colonna%u riga%02u di prosa che va "
                                                 "avanti",
                                                 page, column, line);

        documents_show (cairo, 50 + 260 * column, 100 + 12 * line, 10, FALSE, text);
      }
    cairo_show_page (cairo);
  }
}

static void
test_columns (void)
{
  g_autoptr (GBytes) pdf = documents_draw_pdf (draw_columns, NULL, NULL);
  g_autoptr (BottegaDocument) document = extract ("columns.pdf", pdf, NULL);
  gsize last = 0;

  g_assert_nonnull (document);
  g_assert_cmpstr (document->title, ==, "Un articolo in due colonne");
  for (guint page = 0; page < 2; page++)
    for (guint column = 0; column < 2; column++)
      for (guint line = 0; line < 40; line++) {
        g_autofree char *words = g_strdup_printf ("pagina%u colonna%u riga%02u", page, column,
                                                  line);
        const char *found = strstr (document->text->str, words);

        g_assert_nonnull (found);
        g_assert_cmpuint ((gsize) (found - document->text->str), >=, last);
        last = (gsize) (found - document->text->str);
      }
}

/* Letters and digits alone: blanks, hyphens and bullets are where text and page may differ. */
static char *
fold (const char *text,
      gssize n)
{
  g_autofree char *clean = bottega_document_clean (text, n, FALSE);
  GString *out = g_string_new (NULL);

  for (const char *p = clean; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_isalnum (g_utf8_get_char (p)))
      g_string_append_unichar (out, g_utf8_get_char (p));
  return g_string_free (out, FALSE);
}

static void
check_lines (GBytes *pdf,
             const BottegaDocument *document)
{
  PopplerDocument *poppler = poppler_document_new_from_bytes (pdf, NULL, NULL);

  g_assert_cmpuint (document->lines->len, >, 20);
  for (guint i = 0; i < document->lines->len; i++) {
    const BottegaLine *line = &g_array_index (document->lines, BottegaLine, i);
    PopplerPage *page = poppler_document_get_page (poppler, (int) line->page - 1);
    PopplerRectangle place = { line->x - 0.1, line->y + line->height * 0.4,
                               line->x + line->width + 0.1, line->y + line->height * 0.6 };
    g_autofree char *there = poppler_page_get_selected_text (page, POPPLER_SELECTION_GLYPH, &place);
    g_autofree char *seen = fold (there, -1);
    g_autofree char *said = fold (document->text->str + line->offset, line->length);

    g_assert_cmpstr (said, ==, seen);
    g_object_unref (page);
  }
  g_object_unref (poppler);
}

static void
test_lines (void)
{
  g_autoptr (GBytes) book = documents_draw_pdf (draw_book, NULL, NULL);
  g_autoptr (GBytes) columns = documents_draw_pdf (draw_columns, NULL, NULL);
  g_autoptr (BottegaDocument) of_book = extract ("book.pdf", book, NULL);
  g_autoptr (BottegaDocument) of_columns = extract ("columns.pdf", columns, NULL);

  check_lines (book, of_book);
  check_lines (columns, of_columns);
}

static void
draw_picture (cairo_t *cairo,
              gpointer data)
{
  cairo_surface_t *picture = cairo_image_surface_create (CAIRO_FORMAT_RGB24, 20, 20);

  for (guint page = 0; page < 6; page++) {
    cairo_set_source_surface (cairo, picture, 50, 50);
    cairo_paint (cairo);
    cairo_set_source_rgb (cairo, 0, 0, 0);
    if (page == 0 && data != NULL)
      documents_show (cairo, 50, 30, 12, FALSE, "Una copertina con qualche parola stampata");
    cairo_show_page (cairo);
  }
  cairo_surface_destroy (picture);
}

static void
draw_nothing (cairo_t *cairo,
              gpointer data)
{
  cairo_show_page (cairo);
}

static void
test_no_text (void)
{
  g_autoptr (GBytes) scan = documents_draw_pdf (draw_picture, NULL, NULL);
  g_autoptr (GBytes) cover = documents_draw_pdf (draw_picture, (gpointer) "", NULL);
  g_autoptr (GBytes) blank = documents_draw_pdf (draw_nothing, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (extract ("scan.pdf", scan, &error));
  g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_NO_TEXT);
  g_assert_nonnull (strstr (error->message, "\xE2\x80\x9Cscan.pdf\xE2\x80\x9D"));
  g_assert_nonnull (strstr (error->message, "pictures"));
  g_clear_error (&error);
  g_assert_null (extract ("cover.pdf", cover, &error));
  g_assert_nonnull (strstr (error->message, "pictures"));
  g_clear_error (&error);
  g_assert_null (extract ("blank.pdf", blank, &error));
  g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_NO_TEXT);
  g_assert_nonnull (strstr (error->message, "empty"));
}

static void
draw_manual (cairo_t *cairo,
             gpointer data)
{
  for (guint page = 0; page < 300; page++) {
    for (guint line = 0; line < 50; line++) {
      g_autofree char *text = g_strdup_printf ("Pagina %u, riga %u: parole che riempiono la "
                                               "pagina di un manuale come tanti.",
                                               page, line);

      documents_show (cairo, 50, 60 + 14 * line, 10, FALSE, text);
    }
    cairo_show_page (cairo);
  }
}

/* 300 pages take a few seconds at most; figures are for people, the bar is far. */
static void
test_speed (void)
{
  g_autoptr (GBytes) pdf = documents_draw_pdf (draw_manual, NULL, NULL);
  gint64 before = g_get_monotonic_time ();
  g_autoptr (BottegaDocument) document = extract ("manual.pdf", pdf, NULL);
  double seconds = (double) (g_get_monotonic_time () - before) / G_USEC_PER_SEC;

  g_assert_nonnull (document);
  g_assert_cmpuint (document->n_pages, ==, 300);
  g_test_message ("300 pages, %" G_GSIZE_FORMAT " bytes of text: %.2f s", document->text->len,
                  seconds);
  g_assert_cmpfloat (seconds, <, 20);
}

int
main (int argc,
      char **argv)
{
  int status;

  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("bottega-pdf-XXXXXX", NULL);
  g_test_add_func ("/pdf/book", test_book);
  g_test_add_func ("/pdf/columns", test_columns);
  g_test_add_func ("/pdf/lines", test_lines);
  g_test_add_func ("/pdf/no-text", test_no_text);
  g_test_add_func ("/pdf/speed", test_speed);
  status = g_test_run ();
  {
    static const char *const names[] = { "book.pdf", "columns.pdf", "scan.pdf",
                                         "cover.pdf", "blank.pdf", "manual.pdf" };

    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_remove (path);
    }
  }
  g_rmdir (folder);
  g_free (folder);
  return status;
}
