/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the first byte chooses a kind of document, the rest is its main part (of a container
 * that is sound but for it), or the whole file. Whatever it holds, there is a document that goes
 * through the serialised form and back, or a reason. */
#include "app/extract/extract.h"
#include "tests/fuzz/fuzz.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define OUTPUT_BYTES (1 << 20)
#define MAX_PAGES    50

#define XML_HEAD        "<?xml version=\"1.0\"?>"
#define ODF             "urn:oasis:names:tc:opendocument:xmlns:"
#define ODF_NAME(id)    " xmlns:" id "=\"" ODF id ":1.0\""
#define ODF_NAMES       ODF_NAME ("office") ODF_NAME ("text") ODF_NAME ("table")
#define ODF_DRAW        " xmlns:draw=\"" ODF "drawing:1.0\""
#define ODF_CONTENT     XML_HEAD "<office:document-content" ODF_NAMES ODF_DRAW "><office:body>"
#define ODF_END         "</office:body></office:document-content>"
#define WORD            "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
#define WORD_ROOT(name) XML_HEAD "<w:" name " xmlns:w=\"" WORD "\">"
#define EPUB_CONTAINER \
  XML_HEAD "<container xmlns=\"" ODF "container\"><rootfile full-path=\"a.opf\"/></container>"
#define EPUB_PACKAGE                                                         \
  XML_HEAD "<package xmlns=\"http://www.idpf.org/2007/opf\"><item id=\"a\" " \
           "href=\"a.html\" media-type=\"text/html\"/><itemref idref=\"a\"/></package>"
#define HTML                                                                          \
  "<html lang=it><title>Titolo</title><nav>x</nav><main><h1>a</h1><p>b<ol><li>c"      \
  "<ul><li>d</ul></ol><table><tr><th>e<th>f<tr><td rowspan=2>g<td>h<tr><td>i</table>" \
  "<pre>j\n k</pre></main></html>"

static const struct {
  const char *suffix;
  const char *part;         /* that the input is; NULL: the whole file */
  const char *others[4][2]; /* name and bytes */
  const char *seed;
} kinds[] = {
  { "odt",
    "content.xml",
    { { "styles.xml", XML_HEAD "<x/>" } },
    ODF_CONTENT "<text:h text:outline-level=\"2\">a</text:h><text:list><text:list-item><text:p>b"
                "</text:p></text:list-item></text:list><text:p>c<text:note><text:p>d</text:p>"
                "</text:note><draw:frame><text:p>e</text:p></draw:frame></text:p><table:table>"
                "<table:table-row><table:table-cell table:number-rows-spanned=\"2\"><text:p>f"
                "</text:p></table:table-cell><table:table-cell/></table:table-row><table:table-row>"
                "<table:covered-table-cell/><table:table-cell><text:p>g</text:p>"
                "</table:table-cell></table:table-row></table:table>" ODF_END },
  { "ods",
    "content.xml",
    { { NULL } },
    ODF_CONTENT "<office:spreadsheet><table:table table:name=\"s\"><table:table-row>"
                "<table:table-cell "
                "table:number-columns-repeated=\"9\"><text:p>a</text:p></table:table-cell>"
                "</table:table-row></table:table></office:spreadsheet>" ODF_END },
  { "docx",
    "word/document.xml",
    { { "word/styles.xml",
        WORD_ROOT ("styles") "<w:style w:type=\"paragraph\" w:styleId=\"h\"><w:name "
                             "w:val=\"heading 1\"/><w:basedOn w:val=\"h\"/></w:style>"
                             "</w:styles>" },
      { "word/numbering.xml",
        WORD_ROOT ("numbering") "<w:abstractNum w:abstractNumId=\"0\"><w:lvl w:ilvl=\"0\">"
                                "<w:numFmt w:val=\"lowerRoman\"/></w:lvl></w:abstractNum>"
                                "<w:num w:numId=\"1\"><w:abstractNumId w:val=\"0\"/></w:num>"
                                "</w:numbering>" },
      { "word/footnotes.xml",
        WORD_ROOT ("footnotes") "<w:footnote w:id=\"2\"><w:p><w:r><w:t>n</w:t></w:r></w:p>"
                                "</w:footnote></w:footnotes>" } },
    WORD_ROOT ("document") "<w:p><w:pPr><w:pStyle w:val=\"h\"/></w:pPr><w:r><w:t>a</w:t></w:r>"
                           "</w:p><w:p><w:pPr><w:numPr><w:ilvl w:val=\"0\"/><w:numId "
                           "w:val=\"1\"/></w:numPr></w:pPr><w:r><w:t>b</w:t>"
                           "<w:footnoteReference w:id=\"2\"/></w:r></w:p><w:tbl><w:tr><w:tc>"
                           "<w:tcPr><w:gridSpan w:val=\"2\"/><w:vMerge/></w:tcPr><w:p><w:r>"
                           "<w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:sdt><w:p><w:r>"
                           "<w:txbxContent><w:p><w:r><w:t>d</w:t></w:r></w:p>"
                           "</w:txbxContent></w:r></w:p></w:sdt></w:document>" },
  { "docx",
    "word/styles.xml",
    { { "word/document.xml", WORD_ROOT ("document") "<w:p><w:pPr><w:pStyle w:val=\"h\"/></w:pPr>"
                                                    "<w:r><w:t>a</w:t></w:r></w:p>"
                                                    "</w:document>" } },
    WORD_ROOT ("styles") "<w:style w:styleId=\"h\"><w:name w:val=\"toc 1\"/><w:basedOn "
                         "w:val=\"i\"/><w:outlineLvl w:val=\"3\"/></w:style></w:styles>" },
  { "epub",
    "a.html",
    { { "META-INF/container.xml", EPUB_CONTAINER }, { "a.opf", EPUB_PACKAGE } },
    HTML },
  { "epub",
    "a.opf",
    { { "META-INF/container.xml", EPUB_CONTAINER }, { "a.html", HTML } },
    EPUB_PACKAGE },
  { "html", NULL, { { NULL } }, HTML },
  { "md",
    NULL,
    { { NULL } },
    "# a\n\n- b\n  - c\n\n| d | e |\n| - | - |\n| f | g |\n\n```\nh\n```\n" },
  { "csv", NULL, { { NULL } }, "a;b\n\"c\"\"\nd\";2,5\n" },
  { "txt", NULL, { { NULL } }, "A\n=\n\n1. b\n\nc\351 d\n" },
};

typedef struct archive Writer;

static void
add_part (Writer *writer, const char *name, const void *bytes, gsize n)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, name);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_size (entry, (la_int64_t) n);
  g_assert_cmpint (archive_write_header (writer, entry), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_data (writer, bytes, n), ==, (la_ssize_t) n);
  archive_entry_free (entry);
}

static GBytes *
make_file (guint kind, const guint8 *data, gsize size)
{
  gsize room = size + (64 << 10), used = 0;
  char *file = g_malloc (room);
  Writer *writer;

  if (kinds[kind].part == NULL) {
    g_free (file);
    return g_bytes_new (data, size);
  }
  writer = archive_write_new ();
  archive_write_set_format_zip (writer);
  archive_write_zip_set_compression_store (writer);
  g_assert_cmpint (archive_write_open_memory (writer, file, room, &used), ==, ARCHIVE_OK);
  for (guint i = 0; i < G_N_ELEMENTS (kinds[kind].others) && kinds[kind].others[i][0]; i++)
    add_part (writer, kinds[kind].others[i][0], kinds[kind].others[i][1],
              strlen (kinds[kind].others[i][1]));
  add_part (writer, kinds[kind].part, data, size);
  g_assert_cmpint (archive_write_close (writer), ==, ARCHIVE_OK);
  archive_write_free (writer);
  return g_bytes_new_take (file, used);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  guint kind = size == 0 ? 0 : data[0] % G_N_ELEMENTS (kinds);
  g_autoptr (GBytes) file = size == 0 ? NULL : make_file (kind, data + 1, size - 1);
  g_autoptr (BottegaDocument) document = NULL, back = NULL;
  g_autoptr (GBytes) bytes = NULL;
  ExtractInput input = { .bytes = file, .suffix = kinds[kind].suffix };
  ExtractFailure failure = EXTRACT_OK;

  if (file == NULL)
    return 0;
  input.data = g_bytes_get_data (file, &input.size);
  input.output_bytes = OUTPUT_BYTES;
  input.pages = MAX_PAGES;
  document = extract_document (&input, &failure);
  g_assert_true ((document == NULL) == (failure != EXTRACT_OK));
  if (document == NULL)
    return 0;
  bytes = bottega_document_serialize (document);
  back = bottega_document_parse (bytes);
  g_assert_nonnull (back);
  g_assert_cmpuint (back->blocks->len, ==, document->blocks->len);
  return 0;
}

GBytes *
fuzz_seed (unsigned i)
{
  GByteArray *seed = g_byte_array_new ();
  guint8 kind = (guint8) i;

  if (i >= G_N_ELEMENTS (kinds)) {
    g_byte_array_unref (seed);
    return NULL;
  }
  g_byte_array_append (seed, &kind, 1);
  g_byte_array_append (seed, (const guint8 *) kinds[i].seed, (guint) strlen (kinds[i].seed));
  return g_byte_array_free_to_bytes (seed);
}
