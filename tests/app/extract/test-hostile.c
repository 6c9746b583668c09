/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Five hundred hostile or broken documents of all formats, the same on every run: cut, damaged,
 * misnamed, bombs, and things that are no files. Each must end within its limits with a document or
 * a reason that names the file; nothing may crash or stall the one who asked. Prints how many ended
 * how. */
#include "config.h"

#include "app/extract/bottega-extraction.h"
#include "app/extract/sandbox.h"
#include "tests/app/extract/documents.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_DOCUMENTS 500
#define N_THREADS   2
#define SEED        20261125

/* Small, so that what hits them hits them soon. */
static const BottegaExtractionLimits limits = { .memory_bytes = 256 << 20,
                                                .output_bytes = 4 << 20,
                                                .seconds = 1,
                                                .pages = 500 };
/* Four times the processor's second, and one to end it. */
#define LIMIT_US (5 * G_USEC_PER_SEC)

/* A document that is made, not found; NULL content: make () made the file itself. */
typedef struct {
  const char *name;
  GBytes *(*make) (const char *path);
  gboolean must_fail;
} Special;

static char *folder;
static guint step = 1; /* 1: all of them */
static gint next, n_documents, n_crashed, slowest_ms;
static gint ended[BOTTEGA_EXTRACTION_N_ERRORS];

static GBytes *
repeat (const char *head,
        const char *unit,
        guint n,
        const char *tail)
{
  GString *all = g_string_new (head);

  for (guint i = 0; i < n; i++)
    g_string_append (all, unit);
  g_string_append (all, tail);
  return g_string_free_to_bytes (all);
}

/* A packed document with this as its main part. */
static GBytes *
packed (const char *suffix,
        const char *part,
        GBytes *content)
{
  GPtrArray *parts = documents_parts (suffix);

  for (guint i = 0; i < parts->len; i += 2)
    if (g_str_equal (parts->pdata[i], part)) {
      g_bytes_unref (parts->pdata[i + 1]);
      parts->pdata[i + 1] = content;
    }
  return documents_zip (parts);
}

static GBytes *
empty (const char *path)
{
  return g_bytes_new (NULL, 0);
}

static GBytes *
fifo (const char *path)
{
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  return NULL;
}

static GBytes *
directory (const char *path)
{
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  return NULL;
}

static GBytes *
link_to_itself (const char *path)
{
  g_assert_cmpint (symlink (path, path), ==, 0);
  return NULL;
}

static GBytes *
link_to_device (const char *path)
{
  g_assert_cmpint (symlink ("/dev/zero", path), ==, 0);
  return NULL;
}

static GBytes *
sparse (const char *path)
{
  int fd = g_open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

  /* 300 MB of zeros that take no room. */
  g_assert_cmpint (ftruncate (fd, (off_t) 300 << 20), ==, 0);
  close (fd);
  return NULL;
}

static GBytes *
sparse_huge (const char *path)
{
  int fd = g_open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

  g_assert_cmpint (ftruncate (fd, (off_t) 1 << 40), ==, 0);
  close (fd);
  return NULL;
}

static GBytes *
deep_odt (const char *path)
{
  return packed ("odt", "content.xml", repeat ("<a>", "<b>", 1 << 20, ""));
}

static GBytes *
deep_docx (const char *path)
{
  return packed ("docx", "word/document.xml",
                 repeat ("<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/"
                         "2006/main\"><w:body>",
                         "<w:tbl><w:tr><w:tc>", 200000, ""));
}

static GBytes *
laughs (void)
{
  GString *xml = g_string_new ("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a0 \"ha\">");

  for (guint i = 1; i < 30; i++) {
    g_string_append_printf (xml, "<!ENTITY a%u \"", i);
    for (guint k = 0; k < 10; k++)
      g_string_append_printf (xml, "&a%u;", i - 1);
    g_string_append (xml, "\">");
  }
  g_string_append (xml, "]><l>&a29;</l>");
  return g_string_free_to_bytes (xml);
}

static GBytes *
laughing_odt (const char *path)
{
  return packed ("odt", "content.xml", laughs ());
}

static GBytes *
laughing_docx (const char *path)
{
  return packed ("docx", "word/document.xml", laughs ());
}

static GBytes *
laughing_epub (const char *path)
{
  return packed ("epub", "a.xhtml", laughs ());
}

/* 200 MB of one letter in a few kilobytes. */
static GBytes *
bomb_of (const char *suffix,
         const char *part,
         const char *head)
{
  gsize n = (gsize) 200 << 20, at = strlen (head);
  char *text = g_malloc (n);

  memset (text, 'a', n);
  memcpy (text, head, at);
  return packed (suffix, part, g_bytes_new_take (text, n));
}

static GBytes *
bomb_odt (const char *path)
{
  return bomb_of ("odt", "content.xml", "<a>");
}

static GBytes *
bomb_docx (const char *path)
{
  return bomb_of ("docx", "word/document.xml", "<a>");
}

static GBytes *
bomb_epub (const char *path)
{
  return bomb_of ("epub", "a.xhtml", "<html><body><p>");
}

static GBytes *
nested_zip (const char *path)
{
  GBytes *bytes = documents_sound ("epub");

  for (guint i = 0; i < 20; i++)
    bytes = packed ("epub", "a.xhtml", bytes);
  return bytes;
}

/* The book's package lists this many chapters, all the same. */
static GBytes *
many_chapters (const char *path)
{
  GString *package = g_string_new ("<package xmlns=\"http://www.idpf.org/2007/opf\"><manifest>"
                                   "<item id=\"a\" href=\"a.xhtml\" "
                                   "media-type=\"application/xhtml+xml\"/>"
                                   "</manifest><spine>");

  for (guint i = 0; i < 200000; i++)
    g_string_append (package, "<itemref idref=\"a\"/>");
  g_string_append (package, "</spine></package>");
  return packed ("epub", "a.opf", g_string_free_to_bytes (package));
}

static GBytes *
repeated_cells (const char *path)
{
  return packed ("ods", "content.xml",
                 repeat ("<office:document-content "
                         "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" "
                         "xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" "
                         "xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\">"
                         "<office:body><office:spreadsheet><table:table>",
                         "<table:table-row table:number-rows-repeated=\"1000000\">"
                         "<table:table-cell table:number-columns-repeated=\"1000000\">"
                         "<text:p>x</text:p>"
                         "</table:table-cell></table:table-row>",
                         10,
                         "</table:table></office:spreadsheet></office:body>"
                         "</office:document-content>"));
}

static GBytes *
many_pages (const char *path)
{
  GString *pdf = g_string_new ("%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n"
                               "2 0 obj <</Type /Pages /Count 10000 /MediaBox [0 0 9 9] /Kids [");

  for (guint i = 0; i < 10000; i++)
    g_string_append_printf (pdf, "%u 0 R ", i + 3);
  g_string_append (pdf, "]>> endobj\n");
  for (guint i = 0; i < 10000; i++)
    g_string_append_printf (pdf, "%u 0 obj <</Type /Page /Parent 2 0 R>> endobj\n", i + 3);
  g_string_append (pdf, "trailer <</Root 1 0 R>>\n");
  return g_string_free_to_bytes (pdf);
}

static GBytes *
pdf_with (const char *pages,
          const char *page,
          const char *content,
          const char *trailer)
{
  g_autofree char *stream = g_strdup_printf ("<</Length %u>> stream\n%s\nendstream",
                                             (guint) strlen (content), content);
  const char *const objects[] = { "<</Type /Catalog /Pages 2 0 R>>", pages, page, stream,
                                  "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>" };

  return documents_pdf_of (objects, G_N_ELEMENTS (objects), trailer);
}

#define ONE_PAGE "<</Type /Pages /Kids [3 0 R] /Count 1>>"
#define PAGE                                                                        \
  "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources " \
  "<</Font <</F 5 0 R>> /XObject <</X 4 0 R>>>>>>"

static GBytes *
looping_pages (const char *path)
{
  return pdf_with ("<</Type /Pages /Kids [2 0 R 2 0 R] /Count 2>>", PAGE, "", "");
}

static GBytes *
false_count (const char *path)
{
  return pdf_with ("<</Type /Pages /Kids [3 0 R] /Count 2147483647>>", PAGE, "", "");
}

static GBytes *
looping_tables (const char *path)
{
  return pdf_with (ONE_PAGE, PAGE, "", "/Prev 9 /XRefStm 9");
}

static GBytes *
encrypted_pdf (const char *path)
{
  return pdf_with (ONE_PAGE, PAGE, "BT /F 9 Tf (x) Tj ET",
                   "/ID [<00><00>] /Encrypt <</Filter /Standard /V 1 /R 2 /P -4 "
                   "/O <0000000000000000000000000000000000000000000000000000000000000000> "
                   "/U <1111111111111111111111111111111111111111111111111111111111111111>>>");
}

static GBytes *
pages_of_nothing (const char *path)
{
  return pdf_with (ONE_PAGE, PAGE, "0 0 9 9 re f", "");
}

static GBytes *
endless_text (const char *path)
{
  g_autoptr (GBytes) text = repeat ("BT /F 9 Tf ", "1 0 Td (aaaaaaaaaaaaaaaaaaaaaaaaa) Tj ", 200000,
                                    " ET");
  g_autofree char *copy = g_strndup (g_bytes_get_data (text, NULL), g_bytes_get_size (text));

  return pdf_with (ONE_PAGE, PAGE, copy, "");
}

static GBytes *
deep_arrays (const char *path)
{
  g_autoptr (GBytes) text = repeat ("", "[", 500000, "");
  g_autofree char *copy = g_strndup (g_bytes_get_data (text, NULL), g_bytes_get_size (text));

  return pdf_with (ONE_PAGE, copy, "", "");
}

static GBytes *
deep_states (const char *path)
{
  g_autoptr (GBytes) text = repeat ("", "q ", 500000, "");
  g_autofree char *copy = g_strndup (g_bytes_get_data (text, NULL), g_bytes_get_size (text));

  return pdf_with (ONE_PAGE, PAGE, copy, "");
}

/* A form that draws itself. */
static GBytes *
looping_form (const char *path)
{
  static const char form[] =
      "<</Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</X 4 0 R>>>> "
      "/Length 11>> stream\n/X Do /X Do\nendstream";
  static const char font[] = "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>";
  static const char page[] = PAGE;
  const char *const objects[] = { "<</Type /Catalog /Pages 2 0 R>>", ONE_PAGE, page, form, font };

  return documents_pdf_of (objects, G_N_ELEMENTS (objects), "");
}

static GBytes *
far_away (const char *path)
{
  return pdf_with (ONE_PAGE, PAGE,
                   "BT /F 1e30 Tf 1e38 -1e38 Td (away and away and away and away) Tj /F 1e-30 Tf "
                   "(small and smaller and smaller still) Tj ET",
                   "");
}

static GBytes *
deep_quotes (const char *path)
{
  return repeat ("", ">", 1 << 20, " a");
}

static GBytes *
deep_brackets (const char *path)
{
  return repeat ("", "[![", 1 << 19, "a");
}

static GBytes *
deep_lists (const char *path)
{
  return repeat ("", "* ", 1 << 19, "a");
}

static GBytes *
wide_table (const char *path)
{
  return repeat ("a|b\n-|-\n", "|", 1 << 20, "\n");
}

static GBytes *
deep_html (const char *path)
{
  return repeat ("<html><body>", "<div><table><tr><td><ul><li>", 200000, "x");
}

static GBytes *
entities_html (const char *path)
{
  return repeat ("<p>", "&#x10FFFF;&nbsp;&zwj;&#0;&#xD800;", 100000, "</p>");
}

static GBytes *
open_quote (const char *path)
{
  return repeat ("\"", "a,b\n", 1 << 20, "");
}

static GBytes *
one_line (const char *path)
{
  return repeat ("", "var a=1;", 1 << 20, "");
}

static GBytes *
much_text (const char *path)
{
  return repeat ("", "Una riga di testo come tante altre, che non finisce mai.\n\n", 200000, "");
}

static GBytes *
combining (const char *path)
{
  return repeat ("a", "\xCC\x81", 1 << 20, "");
}

static GBytes *
noise (const char *path)
{
  GRand *random = g_rand_new_with_seed (SEED);
  guint32 *words = g_new (guint32, 1 << 16);

  for (guint i = 0; i < 1 << 16; i++)
    words[i] = g_rand_int (random);
  g_rand_free (random);
  return g_bytes_new_take (words, sizeof (guint32) << 16);
}

static const Special specials[] = {
  { "empty.pdf", empty, TRUE },
  { "empty.txt", empty, TRUE },
  { "fifo.txt", fifo, TRUE },
  { "fifo.pdf", fifo, TRUE },
  { "folder.pdf", directory, TRUE },
  { "loop.pdf", link_to_itself, TRUE },
  { "zero.txt", link_to_device, TRUE },
  { "sparse.txt", sparse, TRUE },
  { "sparse.pdf", sparse, TRUE },
  { "sparse.docx", sparse, TRUE },
  { "sparse.md", sparse, TRUE },
  { "terabyte.txt", sparse_huge, TRUE },
  { "terabyte.html", sparse_huge, TRUE },
  { "deep.odt", deep_odt, TRUE },
  { "deep.docx", deep_docx, TRUE },
  { "laughs.odt", laughing_odt, FALSE },
  { "laughs.docx", laughing_docx, FALSE },
  { "laughs.epub", laughing_epub, FALSE },
  { "bomb.odt", bomb_odt, TRUE },
  { "bomb.docx", bomb_docx, TRUE },
  { "bomb.epub", bomb_epub, TRUE },
  { "nested.epub", nested_zip, FALSE },
  { "chapters.epub", many_chapters, FALSE },
  { "cells.ods", repeated_cells, FALSE },
  { "pages.pdf", many_pages, TRUE },
  { "loop-pages.pdf", looping_pages, FALSE },
  { "count.pdf", false_count, TRUE },
  { "loop-tables.pdf", looping_tables, FALSE },
  { "password.pdf", encrypted_pdf, TRUE },
  { "nothing.pdf", pages_of_nothing, TRUE },
  { "endless.pdf", endless_text, FALSE },
  { "arrays.pdf", deep_arrays, TRUE },
  { "states.pdf", deep_states, FALSE },
  { "form.pdf", looping_form, FALSE },
  { "far.pdf", far_away, FALSE },
  { "quotes.md", deep_quotes, FALSE },
  { "brackets.md", deep_brackets, FALSE },
  { "lists.md", deep_lists, FALSE },
  { "table.md", wide_table, FALSE },
  { "deep.html", deep_html, FALSE },
  { "entities.html", entities_html, FALSE },
  { "quote.csv", open_quote, FALSE },
  { "line.js", one_line, FALSE },
  { "much.txt", much_text, TRUE },
  { "accents.txt", combining, FALSE },
  { "noise.txt", noise, TRUE },
  { "noise.pdf", noise, TRUE },
  { "noise.docx", noise, TRUE },
  { "noise.html", noise, FALSE },
  { "noise.c", noise, TRUE },
};

/* One kind of damage, by chance. */
static void
damage (GByteArray *bytes,
        GRand *random)
{
  guint at, n;

  if (bytes->len < 8)
    return;
  at = (guint) g_rand_int_range (random, 0, (gint32) bytes->len);
  n = (guint) g_rand_int_range (random, 1, (gint32) MIN (bytes->len - at, 64) + 1);
  switch (g_rand_int_range (random, 0, 6)) {
  case 0: /* cut */
    g_byte_array_set_size (bytes, MAX (at, 1));
    break;
  case 1: /* a hole */
    g_byte_array_remove_range (bytes, at, n);
    break;
  case 2: /* bits */
    bytes->data[at] ^= (guint8) (1 << g_rand_int_range (random, 0, 8));
    break;
  case 3: /* a byte of its own */
    memset (bytes->data + at, g_rand_int_range (random, 0, 256), n);
    break;
  case 4: /* numbers that are larger */
    for (guint i = at; i < bytes->len && i < at + 256; i++)
      if (g_ascii_isdigit (bytes->data[i]))
        bytes->data[i] = '9';
    break;
  default: { /* twice; the bytes may move as they grow */
    g_autofree guint8 *copy = g_memdup2 (bytes->data + at, n);

    g_byte_array_append (bytes, copy, n);
    break;
  }
  }
}

static GBytes *
damaged (GBytes *sound,
         GRand *random)
{
  GByteArray *bytes = g_bytes_unref_to_array (sound);

  for (int n = g_rand_int_range (random, 1, 6); n > 0; n--)
    damage (bytes, random);
  return g_byte_array_free_to_bytes (bytes);
}

/* Number i of the damaged ones. Packed formats are damaged as files or, more telling, inside. */
static GBytes *
make_damaged (guint i,
              const char **suffix)
{
  guint n_suffixes = g_strv_length ((char **) documents_suffixes);
  GRand *random = g_rand_new_with_seed (SEED + i);
  GPtrArray *parts;
  GBytes *bytes;

  *suffix = documents_suffixes[i % n_suffixes];
  parts = i / n_suffixes % 2 == 0 ? documents_parts (*suffix) : NULL;
  if (parts != NULL) {
    for (guint k = 3; k < parts->len; k += 2)
      parts->pdata[k] = damaged (parts->pdata[k], random);
    bytes = documents_zip (parts);
  } else {
    bytes = damaged (documents_sound (*suffix), random);
  }
  if (i % 17 == 0) /* under another's name */
    *suffix = documents_suffixes[g_rand_int_range (random, 0, (gint32) n_suffixes)];
  g_rand_free (random);
  return bytes;
}

static void
check_one (const char *path,
           gboolean must_fail)
{
  g_autofree char *name = g_path_get_basename (path), *sha256 = NULL;
  g_autoptr (GError) error = NULL;
  gint64 before = g_get_monotonic_time ();
  g_autoptr (BottegaDocument) document = bottega_extraction_run (path, &limits, &sha256, NULL,
                                                                 &error);
  gint64 took = g_get_monotonic_time () - before;

  if (took > LIMIT_US || (document == NULL) != (error != NULL) || (must_fail && document != NULL))
    g_error ("%s: %" G_GINT64_FORMAT " ms, %s", name, took / 1000,
             error == NULL ? "a document" : error->message);
  if (g_atomic_int_get (&slowest_ms) < took / 1000)
    g_atomic_int_set (&slowest_ms, (gint) (took / 1000));
  if (document != NULL) {
    g_assert_cmpuint (document->blocks->len, >, 0);
    g_atomic_int_inc (&n_documents);
    return;
  }
  g_assert_true (error->domain == BOTTEGA_EXTRACTION_ERROR);
  g_assert_cmpint (error->code, !=, BOTTEGA_EXTRACTION_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, name));
  g_atomic_int_inc (&ended[error->code]);
  if (strstr (error->message, "stops the program") != NULL) {
    g_atomic_int_inc (&n_crashed);
    g_test_message ("stopped its reader: %s", name);
  }
}

static gpointer
work (gpointer data)
{
  guint i;

  while ((i = (guint) g_atomic_int_add (&next, (gint) step)) < N_DOCUMENTS) {
    const Special *special = i < G_N_ELEMENTS (specials) ? &specials[i] : NULL;
    const char *suffix;
    g_autoptr (GBytes) bytes = NULL;
    g_autofree char *name = NULL, *path = NULL;

    if (special == NULL)
      bytes = make_damaged (i, &suffix);
    name = special != NULL ? g_strdup (special->name) : g_strdup_printf ("%u.%s", i, suffix);
    path = g_build_filename (folder, name, NULL);
    if (special != NULL)
      bytes = special->make (path);
    if (bytes != NULL)
      g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL) ?: (gpointer) "",
                                          (gssize) g_bytes_get_size (bytes), NULL));
    check_one (path, special != NULL && special->must_fail);
    g_remove (path);
  }
  return NULL;
}

static void
test_all_end (void)
{
  static const char *const names[] = { "cannot be opened", "unsupported", "encrypted", "no text",
                                       "damaged", "too big", "cancelled", "failed" };
  GThread *threads[N_THREADS];
  guint n = 0;

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("documents", work, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < BOTTEGA_EXTRACTION_N_ERRORS; i++) {
    n += (guint) ended[i];
    if (ended[i] > 0)
      g_test_message ("%s: %d", names[i], ended[i]);
  }
  g_test_message ("read all the same: %d", n_documents);
  g_test_message ("stopped their reader: %d of the damaged", n_crashed);
  g_test_message ("slowest: %d ms", slowest_ms);
  g_assert_cmpuint (n + (guint) n_documents, ==, (N_DOCUMENTS + step - 1) / step);
}

int
main (int argc,
      char **argv)
{
  int status;

  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  if (SANDBOX_SANITIZED) /* slower, and without a limit of memory */
    step = 9;
  folder = g_dir_make_tmp ("bottega-hostile-XXXXXX", NULL);
  g_test_add_func ("/extract/hostile", test_all_end);
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}
