/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A page is drawn in the sealed process: what is printed is ink at the place where it stands, also
 * in a font that the document does not bring; what is no page is an error with a sentence. */
#include "config.h"

#include "app/extract/bottega-extraction.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

#define WIDTH 300 /* pixels; the page is 300 points wide and 400 high */

static char *folder;

/* A page with one line of Helvetica at its top and a black square at (200, 300) from the top. */
static const char text_page[] =
    "%PDF-1.4\n"
    "1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n"
    "2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj\n"
    "3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 4 0 R /Resources "
    "<</Font <</F 5 0 R>>>>>> endobj\n"
    "4 0 obj <</Length 75>> stream\n"
    "BT /F 24 Tf 20 360 Td (Hammer and chisel) Tj ET 200 80 20 20 re f          \n"
    "endstream endobj\n"
    "5 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj\n"
    "trailer <</Root 1 0 R>>\n";

static char *
write_file (const char *name,
            const char *text)
{
  char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return path;
}

/* How many pixels of a rectangle are dark. */
static guint
count_ink (const BottegaDrawing *drawing,
           guint x,
           guint y,
           guint width,
           guint height)
{
  const guint8 *pixels = g_bytes_get_data (drawing->pixels, NULL);
  guint n = 0;

  for (guint row = y; row < y + height; row++)
    for (guint column = x; column < x + width; column++)
      n += pixels[(gsize) row * drawing->stride_bytes + 4 * column] < 100;
  return n;
}

static void
test_page (void)
{
  g_autofree char *path = write_file ("page.pdf", text_page);
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaDrawing) drawing = bottega_extraction_draw (path, 1, WIDTH, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (drawing->width, ==, WIDTH);
  g_assert_cmpuint (drawing->height, ==, 400);
  g_assert_cmpfloat (drawing->width_points, ==, 300);
  g_assert_cmpfloat (drawing->height_points, ==, 400);
  g_assert_cmpuint (g_bytes_get_size (drawing->pixels), ==, 400 * drawing->stride_bytes);
  g_assert_cmpuint (count_ink (drawing, 202, 302, 16, 16), ==, 256);
  g_assert_cmpuint (count_ink (drawing, 0, 60, WIDTH, 200), ==, 0);
  if (count_ink (drawing, 20, 15, 220, 35) == 0) {
    /* Opening a font of the system takes Landlock. */
    g_test_skip ("this kernel lacks Landlock");
    return;
  }
  g_assert_cmpuint (count_ink (drawing, 20, 15, 220, 35), >, 200);
}

static void
test_larger (void)
{
  g_autofree char *path = write_file ("larger.pdf", text_page);
  g_autoptr (BottegaDrawing) drawing = bottega_extraction_draw (path, 1, 3 * WIDTH, NULL, NULL);

  g_assert_nonnull (drawing);
  g_assert_cmpuint (drawing->height, ==, 1200);
  g_assert_cmpuint (count_ink (drawing, 606, 906, 48, 48), ==, 48 * 48);
}

static void
test_no_page (void)
{
  g_autofree char *path = write_file ("one.pdf", text_page);
  g_autofree char *broken = write_file ("broken.pdf", "%PDF-1.4\n1 0 obj <</Type");
  g_autoptr (GError) error = NULL;

  g_assert_null (bottega_extraction_draw (path, 2, WIDTH, NULL, &error));
  g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_DAMAGED);
  g_clear_error (&error);
  g_assert_null (bottega_extraction_draw (broken, 1, WIDTH, NULL, &error));
  g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_DAMAGED);
  g_assert_nonnull (strstr (error->message, "broken.pdf"));
}

int
main (int argc,
      char **argv)
{
  static const char *const files[] = { "page.pdf", "larger.pdf", "one.pdf", "broken.pdf" };
  int status;

  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("bottega-draw-XXXXXX", NULL);
  g_test_add_func ("/draw/page", test_page);
  g_test_add_func ("/draw/larger", test_larger);
  g_test_add_func ("/draw/no-page", test_no_page);
  status = g_test_run ();
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (folder, files[i], NULL);
    g_unlink (path);
  }
  g_rmdir (folder);
  g_free (folder);
  return status;
}
