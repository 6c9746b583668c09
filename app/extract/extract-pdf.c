/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PDF through poppler: opening, what has no text, title and language. The way from pages to blocks
 * is in pdf-lines.c, pdf-tables.c and pdf-blocks.c. Extracting text needs no file: fonts are not
 * drawn, and only old CJK documents lack what poppler would look for (poppler-data). */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/pdf.h"

#include <string.h>

/* A page with fewer letters than this says nothing: a number, a stamp. */
#define PAGE_LETTERS   25
#define LANGUAGE_BYTES 16

static gboolean
has_pictures (PopplerDocument *pdf)
{
  PopplerPage *page = poppler_document_get_page (pdf, 0);
  GList *pictures = page == NULL ? NULL : poppler_page_get_image_mapping (page);
  gboolean has = pictures != NULL;

  poppler_page_free_image_mapping (pictures);
  g_clear_object (&page);
  return has;
}

/* The catalog's /Lang where it can be seen from outside, else what the XMP metadata says. */
static void
take_language (const ExtractInput *input,
               PopplerDocument *pdf,
               BottegaDocument *document)
{
  const guint8 *lang = memmem (input->data, input->size, "/Lang", 5);
  g_autofree char *xmp = poppler_document_get_metadata (pdf);
  const char *stated = xmp == NULL ? NULL : strstr (xmp, "<dc:language>");

  stated = stated == NULL ? NULL : strstr (stated, "<rdf:li>");
  if (stated != NULL) {
    g_autofree char *language = g_strndup (stated + strlen ("<rdf:li>"), LANGUAGE_BYTES);

    language[strcspn (language, "<")] = '\0';
    extract_set_language (document, language);
  }
  if (lang != NULL && (gsize) (input->data + input->size - lang) > 5 + 2 * LANGUAGE_BYTES) {
    g_autofree char *language = g_strndup ((const char *) lang + 5, LANGUAGE_BYTES);
    char *from = language + strspn (language, " ");

    if (*from == '(') {
      from[1 + strcspn (from + 1, ")")] = '\0';
      extract_set_language (document, from + 1);
    }
  }
}

/* The lines of all pages; n_said: receives how many pages say something. */
static GArray *
take_lines (const ExtractInput *input,
            PopplerDocument *pdf,
            guint n_pages,
            guint *n_said)
{
  g_autoptr (GArray) lines = pdf_lines_new ();
  guint64 letters = 0;

  *n_said = 0;
  for (guint i = 0; i < n_pages; i++) {
    PopplerPage *page = poppler_document_get_page (pdf, (int) i);
    gsize n = page == NULL ? 0 : pdf_add_lines (lines, page, i + 1);

    g_clear_object (&page);
    *n_said += n >= PAGE_LETTERS;
    letters += n;
    if (letters > input->output_bytes)
      return NULL;
  }
  return g_steal_pointer (&lines);
}

static gboolean
read_pdf (const ExtractInput *input,
          PopplerDocument *pdf,
          BottegaDocument *document,
          ExtractFailure *failure)
{
  g_autoptr (GArray) lines = NULL;
  g_autofree char *title = poppler_document_get_title (pdf);
  guint n_pages = (guint) MAX (poppler_document_get_n_pages (pdf), 0), n_said = 0;
  PdfStyle style;

  *failure = n_pages == 0 ? EXTRACT_DAMAGED : EXTRACT_TOO_MANY_PAGES;
  if (n_pages == 0 || n_pages > input->pages)
    return FALSE;
  *failure = EXTRACT_TOO_MUCH_TEXT;
  lines = take_lines (input, pdf, n_pages, &n_said);
  if (lines == NULL)
    return FALSE;
  *failure = lines->len == 0 && !has_pictures (pdf) ? EXTRACT_EMPTY : EXTRACT_PICTURES;
  /* A cover with words does not make a scanned book readable. */
  if (lines->len == 0 || (n_pages >= 5 && n_said * 5 < n_pages))
    return FALSE;
  document->n_pages = n_pages;
  extract_set_title (document, title);
  take_language (input, pdf, document);
  style = pdf_measure (lines);
  pdf_drop_running (lines, style, n_pages);
  pdf_find_tables (lines);
  *failure = EXTRACT_TOO_MUCH_TEXT;
  return pdf_add_blocks (input, document, lines, style);
}

gboolean
extract_pdf (const ExtractInput *input,
             BottegaDocument *document,
             ExtractFailure *failure)
{
  g_autoptr (GError) error = NULL;
  PopplerDocument *pdf = poppler_document_new_from_bytes (input->bytes, NULL, &error);
  gboolean done;

  *failure = g_error_matches (error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED) ? EXTRACT_ENCRYPTED
                                                                             : EXTRACT_DAMAGED;
  if (pdf == NULL)
    return FALSE;
  done = read_pdf (input, pdf, document, failure);
  g_object_unref (pdf);
  return done;
}
