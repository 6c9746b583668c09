/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes documents: PDF by cairo or by hand, packed formats by libarchive. It must not include an
 * extractor: what it makes is what other programs would write. */
#include "tests/app/extract/documents.h"

#include <archive.h>
#include <archive_entry.h>
#include <cairo-pdf.h>
#include <string.h>

#define ZIP_BYTES ((gsize) 16 << 20)

const char *const documents_suffixes[] = { "pdf", "odt", "ods", "docx", "epub", "html",
                                           "md", "txt", "csv", "c", NULL };

static const char html[] =
    "<!DOCTYPE html><html lang=\"it\"><head><title>Bottega</title><style>p{}</style></head><body>"
    "<h1>Bottega</h1><p>Una officina &egrave; un luogo di lavoro.</p><ul><li>uno</li><li>due</li>"
    "</ul><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    "<pre>int x;\n  y;</pre></body></html>";
static const char markdown[] =
    "---\ntitle: Bottega\n---\n# Bottega\n\nUna *officina* è un [luogo](http://x.y) di lavoro.\n\n"
    "- uno\n  - due\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```c\nint x;\n```\n";
static const char plain[] =
    "BOTTEGA\n\nBottega: una officina è un luogo di lavoro dove si fanno le cose a mano,\n"
    "una per una.\n\n - uno\n - due\n\nTitolo\n======\n\n    int x;\n";
static const char csv[] = "nome,valore\nBottega,1\n\"officina, grande\",2\n";
static const char code[] = "/* Bottega, officina. */\n#include <stdio.h>\n\nint\nmain (void)\n{\n"
                           "  return 0;\n}\n";
static const char odf_text[] =
    "<office:body><office:text><text:h text:outline-level=\"1\">Bottega</text:h><text:p>Una "
    "officina è un luogo di lavoro.</text:p><text:list><text:list-item><text:p>uno</text:p>"
    "</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>a"
    "</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell>"
    "</table:table-row></table:table></office:text></office:body>";
static const char odf_sheet[] =
    "<office:body><office:spreadsheet><table:table table:name=\"Bottega\"><table:table-row>"
    "<table:table-cell><text:p>officina</text:p></table:table-cell><table:table-cell "
    "table:number-columns-repeated=\"2\"><text:p>1</text:p></table:table-cell></table:table-row>"
    "</table:table></office:spreadsheet></office:body>";
static const char odf_open[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content "
    "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" "
    "xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" "
    "xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" office:version=\"1.2\">";
static const char word[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document "
    "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:pPr>"
    "<w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Bottega</w:t></w:r></w:p><w:p><w:r><w:t>Una "
    "officina è un luogo di lavoro.</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t>"
    "</w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body>"
    "</w:document>";
static const char word_types[] =
    "<?xml version=\"1.0\"?><Types "
    "xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default "
    "Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/word/document.xml\" "
    "ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    "\"/></Types>";
static const char word_relations[] =
    "<?xml version=\"1.0\"?><Relationships "
    "xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
    "<Relationship Id=\"r1\" Type=\"http://schemas.openxmlformats.org/officeDocument"
    "/2006/relationships/officeDocument\" "
    "Target=\"word/document.xml\"/></Relationships>";
static const char epub_container[] =
    "<?xml version=\"1.0\"?><container version=\"1.0\" "
    "xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles><rootfile "
    "full-path=\"a.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>";
static const char epub_package[] =
    "<?xml version=\"1.0\"?><package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\">"
    "<metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>Bottega"
    "</dc:title><dc:language>it"
    "</dc:language></metadata><manifest><item id=\"a\" href=\"a.xhtml\" "
    "media-type=\"application/xhtml+xml\"/></manifest><spine><itemref idref=\"a\"/>"
    "</spine></package>";
static const char epub_page[] =
    "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><head>"
    "<title>B</title></head><body><h1>Bottega</h1><p>Una officina è un luogo di "
    "lavoro.</p></body></html>";

GPtrArray *
documents_parts_new (void)
{
  return g_ptr_array_new ();
}

void
documents_add_part (GPtrArray *parts,
                    const char *name,
                    GBytes *content)
{
  g_ptr_array_add (parts, g_strdup (name));
  g_ptr_array_add (parts, content);
}

static void
add_text (GPtrArray *parts,
          const char *name,
          const char *text)
{
  documents_add_part (parts, name, g_bytes_new (text, strlen (text)));
}

GPtrArray *
documents_parts (const char *suffix)
{
  GPtrArray *parts = documents_parts_new ();

  if (g_str_equal (suffix, "odt") || g_str_equal (suffix, "ods")) {
    gboolean is_text = g_str_equal (suffix, "odt");
    g_autofree char *content = g_strconcat (odf_open, is_text ? odf_text : odf_sheet,
                                            "</office:document-content>", NULL);

    add_text (parts, "mimetype",
              is_text ? "application/vnd.oasis.opendocument.text"
                      : "application/vnd.oasis.opendocument.spreadsheet");
    add_text (parts, "content.xml", content);
  } else if (g_str_equal (suffix, "docx")) {
    add_text (parts, "[Content_Types].xml", word_types);
    add_text (parts, "_rels/.rels", word_relations);
    add_text (parts, "word/document.xml", word);
  } else if (g_str_equal (suffix, "epub")) {
    add_text (parts, "mimetype", "application/epub+zip");
    add_text (parts, "META-INF/container.xml", epub_container);
    add_text (parts, "a.opf", epub_package);
    add_text (parts, "a.xhtml", epub_page);
  } else {
    g_clear_pointer (&parts, g_ptr_array_unref);
  }
  return parts;
}

/* Takes the parts. */
GBytes *
documents_zip (GPtrArray *parts)
{
  struct archive *zip = archive_write_new ();
  guint8 *data = g_malloc (ZIP_BYTES);
  gsize used = 0;

  archive_write_set_format_zip (zip);
  g_assert_cmpint (archive_write_open_memory (zip, data, ZIP_BYTES, &used), ==, ARCHIVE_OK);
  for (guint i = 0; i < parts->len; i += 2) {
    struct archive_entry *entry = archive_entry_new ();
    g_autofree char *name = parts->pdata[i];
    g_autoptr (GBytes) content = parts->pdata[i + 1];

    archive_entry_set_pathname (entry, name);
    archive_entry_set_size (entry, (la_int64_t) g_bytes_get_size (content));
    archive_entry_set_filetype (entry, AE_IFREG);
    archive_entry_set_perm (entry, 0644);
    if (g_str_equal (name, "mimetype"))
      archive_write_zip_set_compression_store (zip);
    else
      archive_write_zip_set_compression_deflate (zip);
    if (archive_write_header (zip, entry) != ARCHIVE_OK)
      g_error ("%s: %s", name, archive_error_string (zip));
    archive_write_data (zip, g_bytes_get_data (content, NULL), g_bytes_get_size (content));
    archive_entry_free (entry);
  }
  g_assert_cmpint (archive_write_close (zip), ==, ARCHIVE_OK);
  archive_write_free (zip);
  g_ptr_array_unref (parts);
  return g_bytes_new_take (g_realloc (data, used), used);
}

static cairo_status_t
append (gpointer bytes,
        const unsigned char *data,
        unsigned int n)
{
  g_byte_array_append (bytes, data, n);
  return CAIRO_STATUS_SUCCESS;
}

GBytes *
documents_draw_pdf (DocumentsDraw draw,
                    gpointer data,
                    const char *title)
{
  GByteArray *bytes = g_byte_array_new ();
  cairo_surface_t *surface = cairo_pdf_surface_create_for_stream (append, bytes, 595, 842);
  cairo_t *cairo = cairo_create (surface);

  if (title != NULL)
    cairo_pdf_surface_set_metadata (surface, CAIRO_PDF_METADATA_TITLE, title);
  draw (cairo, data);
  cairo_destroy (cairo);
  cairo_surface_finish (surface);
  cairo_surface_destroy (surface);
  return g_byte_array_free_to_bytes (bytes);
}

double
documents_show (cairo_t *cairo,
                double x,
                double y,
                double size,
                gboolean bold,
                const char *text)
{
  cairo_text_extents_t extents;

  cairo_select_font_face (cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                          bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size (cairo, size);
  cairo_text_extents (cairo, text, &extents);
  cairo_move_to (cairo, x, y);
  cairo_show_text (cairo, text);
  return extents.x_advance;
}

GBytes *
documents_pdf_of (const char *const *objects,
                  guint n,
                  const char *trailer)
{
  GString *pdf = g_string_new ("%PDF-1.4\n");
  g_autofree gsize *places = g_new (gsize, n);
  gsize table;

  for (guint i = 0; i < n; i++) {
    places[i] = pdf->len;
    g_string_append_printf (pdf, "%u 0 obj\n%s\nendobj\n", i + 1, objects[i]);
  }
  table = pdf->len;
  g_string_append_printf (pdf, "xref\n0 %u\n0000000000 65535 f \n", n + 1);
  for (guint i = 0; i < n; i++)
    g_string_append_printf (pdf, "%010" G_GSIZE_FORMAT " 00000 n \n", places[i]);
  g_string_append_printf (pdf, "trailer <</Size %u /Root 1 0 R %s>>\nstartxref\n", n + 1, trailer);
  g_string_append_printf (pdf, "%" G_GSIZE_FORMAT "\n%%%%EOF\n", table);
  return g_string_free_to_bytes (pdf);
}

static GBytes *
sound_pdf (void)
{
  static const char content[] = "BT /F 18 Tf 50 780 Td (Bottega) Tj /F 10 Tf 0 -40 Td "
                                "(Una officina e' un luogo di lavoro.) Tj 0 -12 Td "
                                "(Seconda riga.) Tj ET";
  g_autofree char *stream = g_strdup_printf ("<</Length %u>> stream\n%s\nendstream",
                                             (guint) strlen (content), content);
  static const char page[] = "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
                             "/Resources <</Font <</F 5 0 R>>>>>>";
  const char *const objects[] = {
    "<</Type /Catalog /Pages 2 0 R /Lang (it-IT)>>",
    "<</Type /Pages /Kids [3 0 R] /Count 1>>",
    page,
    stream,
    "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
  };

  return documents_pdf_of (objects, G_N_ELEMENTS (objects), "");
}

GBytes *
documents_sound (const char *suffix)
{
  static const struct {
    const char *suffix, *text;
  } texts[] = {
    { "html", html }, { "md", markdown }, { "txt", plain }, { "csv", csv }, { "c", code }
  };
  GPtrArray *parts = documents_parts (suffix);

  if (parts != NULL)
    return documents_zip (parts);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (g_str_equal (texts[i].suffix, suffix))
      return g_bytes_new_static (texts[i].text, strlen (texts[i].text));
  return sound_pdf ();
}
