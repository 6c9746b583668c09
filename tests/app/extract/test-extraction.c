/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The runner: what it opens, the sentences for what it does not, its limits and its cancelling,
 * also from several threads at once. */
#include "config.h"

#include "app/extract/bottega-extraction.h"
#include "app/extract/sandbox.h"
#include "tests/app/extract/documents.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static char *
write_file (const char *name,
            GBytes *bytes)
{
  char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL) ?: (gpointer) "",
                                      (gssize) g_bytes_get_size (bytes), NULL));
  return path;
}

static char *
write_text (const char *name,
            const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return write_file (name, bytes);
}

/* It fails like this, with a sentence that names the file. Takes the path, and the file. */
static void
check_failure (char *path,
               const BottegaExtractionLimits *limits,
               BottegaExtractionError code,
               const char *words)
{
  g_autofree char *owned = path;
  g_autofree char *name = g_path_get_basename (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaDocument) document = bottega_extraction_run (path, limits, NULL, NULL, &error);

  g_assert_null (document);
  g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, (int) code);
  if (strstr (error->message, name) == NULL || strstr (error->message, words) == NULL)
    g_error ("%s", error->message);
  g_remove (path);
}

static void
test_every_format (void)
{
  for (guint i = 0; documents_suffixes[i] != NULL; i++) {
    g_autofree char *name = g_strconcat ("sound.", documents_suffixes[i], NULL);
    g_autoptr (GBytes) bytes = documents_sound (documents_suffixes[i]);
    g_autofree char *path = write_file (name, bytes), *sha256 = NULL;
    g_autofree char *expected = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
    g_autoptr (GError) error = NULL;
    g_autoptr (BottegaDocument) document = bottega_extraction_run (path, NULL, &sha256, NULL,
                                                                   &error);

    g_assert_no_error (error);
    g_assert_cmpstr (sha256, ==, expected);
    g_assert_true (bottega_extraction_accepts (name));
    g_assert_nonnull (strstr (document->text->str, "officina"));
    g_remove (path);
  }
  g_assert_false (bottega_extraction_accepts ("a.xyz"));
  g_assert_false (bottega_extraction_accepts ("pdf"));
  g_assert_true (bottega_extraction_accepts ("A.PDF"));
  g_assert_true (g_strv_contains (bottega_extraction_suffixes (), "epub"));
}

static void
test_no_document (void)
{
  g_autofree char *there = write_text ("there.txt", "parole");
  char *path = g_build_filename (folder, "link.txt", NULL);

  g_assert_cmpint (symlink (there, path), ==, 0);
  check_failure (path, NULL, BOTTEGA_EXTRACTION_ERROR_OPEN, "link");
  g_remove (there);
  path = g_build_filename (folder, "fifo.txt", NULL);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  check_failure (path, NULL, BOTTEGA_EXTRACTION_ERROR_OPEN, "not a file");
  path = g_build_filename (folder, "folder.txt", NULL);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  check_failure (path, NULL, BOTTEGA_EXTRACTION_ERROR_OPEN, "not a file");
  path = g_build_filename (folder, "nowhere.txt", NULL);
  check_failure (path, NULL, BOTTEGA_EXTRACTION_ERROR_OPEN, "cannot be opened");
}

static void
test_reasons (void)
{
  check_failure (write_text ("a.xyz", "parole"), NULL, BOTTEGA_EXTRACTION_ERROR_UNSUPPORTED,
                 "cannot read");
  check_failure (write_text ("a.pdf", "<html>"), NULL, BOTTEGA_EXTRACTION_ERROR_DAMAGED,
                 "not a PDF file");
  check_failure (write_text ("b.pdf", "%PDF-1.7 and no more"), NULL,
                 BOTTEGA_EXTRACTION_ERROR_DAMAGED, "damaged");
  check_failure (write_text ("a.txt", ""), NULL, BOTTEGA_EXTRACTION_ERROR_NO_TEXT, "empty");
}

static void
draw_pages (cairo_t *cairo,
            gpointer data)
{
  for (guint i = 0; i < 20; i++) {
    documents_show (cairo, 50, 50, 10, FALSE, "Una pagina come tutte le altre, con poche parole.");
    cairo_show_page (cairo);
  }
}

static void
test_limits (void)
{
  static const BottegaExtractionLimits few_pages = { .pages = 10 };
  static const BottegaExtractionLimits little = { .output_bytes = 500 };
  static const BottegaExtractionLimits tight = { .memory_bytes = 4 << 20 };
  g_autoptr (GBytes) pdf = documents_draw_pdf (draw_pages, NULL, NULL);
  GString *text = g_string_new (NULL);
  g_autoptr (GBytes) much = NULL;

  check_failure (write_file ("pages.pdf", pdf), &few_pages, BOTTEGA_EXTRACTION_ERROR_TOO_BIG,
                 "too many pages");
  check_failure (write_file ("output.pdf", pdf), &little, BOTTEGA_EXTRACTION_ERROR_TOO_BIG,
                 "more than");
  for (guint i = 0; i < 1 << 18; i++)
    g_string_append (text, "Una riga come tante altre.\n\n");
  much = g_string_free_to_bytes (text);
  if (!SANDBOX_SANITIZED)
    check_failure (write_file ("memory.txt", much), &tight, BOTTEGA_EXTRACTION_ERROR_TOO_BIG,
                   "memory");
}

/* Brackets without end take cmark a long time. */
static char *
write_slow (const char *name)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GBytes) bytes = NULL;

  for (guint i = 0; i < 6000; i++)
    g_string_append (text, "<div><table><tr><td><ul><li><p><b><i>x\n");
  for (guint i = 0; i < 200000; i++)
    g_string_append (text, "<b><p><i>y</b>\n");
  bytes = g_string_free_to_bytes (text);
  return write_file (name, bytes);
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (20000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancel (void)
{
  g_autofree char *path = write_slow ("slow.html");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gint64 before = g_get_monotonic_time ();
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);
  BottegaDocument *document = bottega_extraction_run (path, NULL, NULL, cancellable, &error);

  g_thread_join (thread);
  g_remove (path);
  if (document != NULL) { /* a fast machine was done before */
    bottega_document_free (document);
    g_test_skip ("was done too soon");
    return;
  }
  g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_CANCELLED);
  g_assert_nonnull (strstr (error->message, "slow.html"));
  g_assert_cmpint (g_get_monotonic_time () - before, <, G_USEC_PER_SEC);
  /* And one that was cancelled before it began. */
  g_clear_error (&error);
  g_assert_null (bottega_extraction_run ("/nowhere", NULL, NULL, cancellable, &error));
  g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_CANCELLED);
}

static gpointer
run_many (gpointer path)
{
  for (guint i = 0; i < 8; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BottegaDocument) document = bottega_extraction_run (path, NULL, NULL, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (document->blocks->len, >, 0);
  }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (GBytes) bytes = documents_sound ("odt");
  g_autofree char *path = write_file ("threads.odt", bytes);
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("run", run_many, path);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_remove (path);
}

int
main (int argc,
      char **argv)
{
  int status;

  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("bottega-extraction-XXXXXX", NULL);
  g_test_add_func ("/extraction/every-format", test_every_format);
  g_test_add_func ("/extraction/no-document", test_no_document);
  g_test_add_func ("/extraction/reasons", test_reasons);
  g_test_add_func ("/extraction/limits", test_limits);
  g_test_add_func ("/extraction/cancel", test_cancel);
  g_test_add_func ("/extraction/threads", test_threads);
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}
