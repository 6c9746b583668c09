/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Word's .docx (ISO/IEC 29500, transitional and strict). Reads the relations to find the document,
 * its properties, styles, notes and numbering, then the document. Left out: what was deleted or
 * moved away under change tracking, hidden text, comments, fields' instructions, tables of
 * contents, headers and footers. */
#include "app/extract/extract-archive.h"
#include "app/extract/extract-docx-styles.h"
#include "app/extract/extract-flow.h"
#include "app/extract/extract-xml.h"

#include <string.h>

enum {
  RELATION = 1,
  DC_TITLE,
  DC_LANGUAGE,
  OUTLINE_LEVEL,
  NOTE,
  P,
  P_STYLE,
  LIST_LEVEL,
  LIST_NUMBERING,
  T,
  TAB,
  BREAK,
  HYPHEN,
  VANISH,
  RUN,
  FOOTNOTE_REFERENCE,
  ENDNOTE_REFERENCE,
  TEXT_BOX,
  GALLERY,
  CONTROL,
  TABLE,
  ROW,
  HEADER_ROW,
  CELL,
  COLUMNS,
  MERGE,
};

static const ExtractXmlName relation_names[] = {
  { "rel:Relationship", RELATION },
  { NULL },
};

static const ExtractXmlName property_names[] = {
  { "dc:title", DC_TITLE },
  { "dc:language", DC_LANGUAGE },
  { NULL },
};

static const ExtractXmlName note_names[] = {
  { "w:footnote", NOTE },
  { "w:endnote", NOTE },
  { "w:p", P },
  { "w:t", T },
  { "w:tab", TAB },
  { "w:br", BREAK },
  { "w:del", EXTRACT_XML_SKIP },
  { "w:moveFrom", EXTRACT_XML_SKIP },
  { NULL },
};

static const ExtractXmlName document_names[] = {
  { "w:p", P },
  { "w:pStyle", P_STYLE },
  { "w:outlineLvl", OUTLINE_LEVEL },
  { "w:ilvl", LIST_LEVEL },
  { "w:numId", LIST_NUMBERING },
  { "w:r", RUN },
  { "w:vanish", VANISH },
  { "w:t", T },
  { "m:t", T },
  { "w:tab", TAB },
  { "w:br", BREAK },
  { "w:cr", BREAK },
  { "w:noBreakHyphen", HYPHEN },
  { "w:footnoteReference", FOOTNOTE_REFERENCE },
  { "w:endnoteReference", ENDNOTE_REFERENCE },
  { "w:txbxContent", TEXT_BOX },
  { "w:sdt", CONTROL },
  { "w:docPartGallery", GALLERY },
  { "w:tbl", TABLE },
  { "w:tr", ROW },
  { "w:tblHeader", HEADER_ROW },
  { "w:tc", CELL },
  { "w:gridSpan", COLUMNS },
  { "w:vMerge", MERGE },
  { "w:tabs", EXTRACT_XML_SKIP },
  { "w:rt", EXTRACT_XML_SKIP },
  { "w:pPrChange", EXTRACT_XML_SKIP },
  { "w:rPrChange", EXTRACT_XML_SKIP },
  { "w:tblPrChange", EXTRACT_XML_SKIP },
  { "w:tcPrChange", EXTRACT_XML_SKIP },
  { "w:trPrChange", EXTRACT_XML_SKIP },
  { "w:del", EXTRACT_XML_SKIP },
  { "w:moveFrom", EXTRACT_XML_SKIP },
  /* The same as mc:Choice, for older programs. */
  { "mc:Fallback", EXTRACT_XML_SKIP },
  { NULL },
};

/* The parts that are read, by the last word of their relation's type. */
enum {
  DOCUMENT,
  PROPERTIES,
  STYLES,
  NUMBERINGS,
  FOOTNOTES,
  ENDNOTES,
  N_PARTS
};

static const struct {
  const char *relation, *usual_name;
} part_names[N_PARTS] = {
  [DOCUMENT] = { "/officeDocument", "word/document.xml" },
  [PROPERTIES] = { "/core-properties", "docProps/core.xml" },
  [STYLES] = { "/styles", "word/styles.xml" },
  [NUMBERINGS] = { "/numbering", "word/numbering.xml" },
  [FOOTNOTES] = { "/footnotes", "word/footnotes.xml" },
  [ENDNOTES] = { "/endnotes", "word/endnotes.xml" },
};

/* A w:p that is open: its properties come before its text. */
typedef struct {
  char *style, *numbering;
  guint level, list_level;
  gboolean has_list_level, is_open;
} Paragraph;

typedef struct {
  ExtractArchive *archive;
  BottegaDocument *document;
  ExtractFlow *flow;
  char *parts[N_PARTS]; /* names */
  const char *relations_of;
  ExtractDocxStyles *styles;
  GHashTable *notes;  /* GString by "f1", "e1" */
  GString *text;      /* of a property */
  GString *note;      /* being read; borrowed from notes */
  char note_kind;     /* 'f', 'e' */
  GArray *paragraphs; /* of Paragraph, the innermost last */
  ExtractCell *cell;  /* while its properties are read */
  gboolean in_text, in_run, is_hidden;
  gboolean row_begins, row_is_header;
  guint controls, contents_at; /* open w:sdt, and which of them is a table of contents */
} Docx;

static void
string_free (gpointer data)
{
  g_string_free (data, TRUE);
}

static void
paragraph_clear (gpointer data)
{
  Paragraph *paragraph = data;

  g_free (paragraph->style);
  g_free (paragraph->numbering);
}

static gboolean
is_on (ExtractXmlElement *element)
{
  g_autofree char *value = extract_xml_attribute (element, "w:val");

  return value == NULL || (strcmp (value, "0") != 0 && strcmp (value, "false") != 0 &&
                           strcmp (value, "off") != 0);
}

static void
gather_text (gpointer data, const char *text, gsize n_bytes)
{
  g_string_append_len (((Docx *) data)->text, text, (gssize) n_bytes);
}

/* --- relations and properties ---------------------------------------------------------------- */

static ExtractFailure
relation_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Docx *self = data;
  g_autofree char *type = extract_xml_attribute (element, "Type"),
                  *target = extract_xml_attribute (element, "Target");
  g_autofree char *name = NULL;

  if (target != NULL)
    name = extract_archive_resolve (self->relations_of, target);
  for (int i = 0; i < N_PARTS && type != NULL && name != NULL; i++)
    if (g_str_has_suffix (type, part_names[i].relation) &&
        extract_archive_get (self->archive, name) != NULL) {
      g_free (self->parts[i]);
      self->parts[i] = g_strdup (name);
    }
  return EXTRACT_OK;
}

static void
nothing_closes (gpointer data, int tag)
{
}

/* What cannot be read, or is not there, changes nothing: the usual names stay. */
static void
read_relations (Docx *self, const char *of)
{
  static const ExtractXmlReader reader = { extract_docx_namespaces, relation_names, relation_open,
                                           nothing_closes, NULL };
  const char *slash = strrchr (of, '/'), *file = slash != NULL ? slash + 1 : of;
  g_autofree char *name = g_strdup_printf ("%.*s_rels/%s.rels", (int) (file - of), of, file);
  GBytes *part = extract_archive_get (self->archive, name);
  ExtractFailure ignored;

  self->relations_of = of;
  if (part != NULL)
    extract_xml_read (part, &reader, self, &ignored);
}

static ExtractFailure
property_open (gpointer data, int tag, ExtractXmlElement *element)
{
  g_string_truncate (((Docx *) data)->text, 0);
  return EXTRACT_OK;
}

static void
property_close (gpointer data, int tag)
{
  Docx *self = data;

  if (tag == DC_TITLE)
    extract_set_title (self->document, self->text->str);
  else
    extract_set_language (self->document, self->text->str);
}

/* --- notes ----------------------------------------------------------------------------------- */

static ExtractFailure
note_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Docx *self = data;
  g_autofree char *id = NULL, *type = NULL;

  self->in_text = tag == T;
  if (tag == NOTE) {
    id = extract_xml_attribute (element, "w:id");
    type = extract_xml_attribute (element, "w:type");
    /* The others are the lines between text and notes. */
    if (id == NULL || (type != NULL && strcmp (type, "normal") != 0)) {
      extract_xml_skip (element);
      return EXTRACT_OK;
    }
    self->note = g_string_new (NULL);
    g_hash_table_replace (self->notes, g_strdup_printf ("%c%s", self->note_kind, id), self->note);
  } else if (self->note != NULL && tag != T) {
    g_string_append_c (self->note, ' ');
  }
  return EXTRACT_OK;
}

static void
note_close (gpointer data, int tag)
{
  Docx *self = data;

  self->in_text = FALSE;
  if (tag == NOTE)
    self->note = NULL;
}

static void
note_text (gpointer data, const char *text, gsize n_bytes)
{
  Docx *self = data;

  if (self->in_text && self->note != NULL)
    g_string_append_len (self->note, text, (gssize) n_bytes);
}

/* --- the document ---------------------------------------------------------------------------- */

static Paragraph *
innermost_paragraph (Docx *self)
{
  guint n = self->paragraphs->len;

  return n == 0 ? NULL : &g_array_index (self->paragraphs, Paragraph, n - 1);
}

/* The open paragraph begins with its first text; FALSE: it is left out. */
static gboolean
begin_paragraph (Docx *self)
{
  Paragraph *paragraph = innermost_paragraph (self);
  const char *numbering;
  guint list_level;
  g_autofree char *label = NULL;
  ExtractDocxStyle style;

  if (paragraph == NULL || self->contents_at > 0 || (self->in_run && self->is_hidden))
    return FALSE;
  if (paragraph->is_open)
    return TRUE;
  style = extract_docx_styles_find (self->styles, paragraph->style);
  if (style.is_contents)
    return FALSE;
  paragraph->is_open = TRUE;
  numbering = paragraph->numbering != NULL ? paragraph->numbering : style.numbering;
  list_level = paragraph->has_list_level ? paragraph->list_level : style.list_level;
  if (paragraph->level > 0 || style.level > 0) {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_HEADING,
                       paragraph->level > 0 ? paragraph->level : style.level);
  } else if (numbering != NULL && strcmp (numbering, "0") != 0) {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_LIST_ITEM, list_level + 1);
    label = extract_docx_styles_label (self->styles, numbering, list_level);
    if (label != NULL)
      extract_flow_text (self->flow, label, strlen (label));
  } else {
    extract_flow_open (self->flow, style.is_code ? BOTTEGA_BLOCK_CODE : BOTTEGA_BLOCK_PARAGRAPH,
                       0);
  }
  return TRUE;
}

static void
say (Docx *self, const char *text)
{
  if (begin_paragraph (self))
    extract_flow_text (self->flow, text, strlen (text));
}

/* A note is said once, where it is called first. */
static void
say_note (Docx *self, char kind, ExtractXmlElement *element)
{
  g_autofree char *id = extract_xml_attribute (element, "w:id");
  g_autofree char *key = g_strdup_printf ("%c%s", kind, id != NULL ? id : "");
  const GString *note = g_hash_table_lookup (self->notes, key);

  if (note == NULL || !begin_paragraph (self))
    return;
  extract_flow_open_aside (self->flow);
  extract_flow_open (self->flow, BOTTEGA_BLOCK_PARAGRAPH, 0);
  extract_flow_text (self->flow, note->str, note->len);
  extract_flow_close_aside (self->flow);
  g_hash_table_remove (self->notes, key);
}

static void
open_paragraph_property (Docx *self, int tag, ExtractXmlElement *element)
{
  Paragraph *paragraph = innermost_paragraph (self);
  gint64 level;

  if (paragraph == NULL)
    return;
  switch (tag) {
  case P_STYLE:
    g_free (paragraph->style);
    paragraph->style = extract_xml_attribute (element, "w:val");
    break;
  case LIST_NUMBERING:
    g_free (paragraph->numbering);
    paragraph->numbering = extract_xml_attribute (element, "w:val");
    break;
  case LIST_LEVEL:
    paragraph->has_list_level = TRUE;
    paragraph->list_level = (guint) extract_xml_number (element, "w:val", 0,
                                                        EXTRACT_DOCX_LIST_LEVELS - 1, 0);
    break;
  case OUTLINE_LEVEL:
    level = extract_xml_number (element, "w:val", 0, 9, 9);
    paragraph->level = level == 9 ? 0 : MIN ((guint) level + 1, 6);
    break;
  }
}

static void
open_table_part (Docx *self, int tag, ExtractXmlElement *element)
{
  g_autofree char *value = NULL;

  switch (tag) {
  case TABLE:
    extract_flow_open_table (self->flow, EXTRACT_TABLE);
    break;
  case ROW:
    self->row_begins = TRUE;
    self->row_is_header = FALSE;
    break;
  case HEADER_ROW:
    self->row_is_header = is_on (element);
    break;
  case CELL:
    if (self->row_begins)
      extract_flow_open_row (self->flow, self->row_is_header);
    self->row_begins = FALSE;
    self->cell = extract_flow_open_cell (self->flow, &(ExtractCell) { 0 });
    break;
  case COLUMNS:
    if (self->cell != NULL)
      self->cell->columns = (guint) extract_xml_number (element, "w:val", 1, G_MAXINT16, 1);
    break;
  case MERGE:
    value = extract_xml_attribute (element, "w:val");
    if (self->cell != NULL)
      self->cell->continued = g_strcmp0 (value, "restart") != 0;
    break;
  }
}

static void
open_control (Docx *self, int tag, ExtractXmlElement *element)
{
  g_autofree char *gallery = NULL;

  if (tag == CONTROL) {
    self->controls++;
    return;
  }
  gallery = extract_xml_attribute (element, "w:val");
  if (g_strcmp0 (gallery, "Table of Contents") == 0 && self->contents_at == 0)
    self->contents_at = self->controls;
}

static ExtractFailure
document_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Docx *self = data;

  switch (tag) {
  case P:
    self->cell = NULL;
    self->in_run = FALSE;
    g_array_set_size (self->paragraphs, self->paragraphs->len + 1);
    break;
  case RUN:
    self->in_run = TRUE;
    self->is_hidden = FALSE;
    break;
  case VANISH:
    self->is_hidden = is_on (element);
    break;
  case T:
    self->in_text = begin_paragraph (self);
    break;
  case TAB:
  case BREAK:
  case HYPHEN:
    say (self, tag == TAB ? "\t" : tag == BREAK ? "\n"
                                                : "-");
    break;
  case FOOTNOTE_REFERENCE:
  case ENDNOTE_REFERENCE:
    say_note (self, tag == FOOTNOTE_REFERENCE ? 'f' : 'e', element);
    break;
  case TEXT_BOX:
    extract_flow_open_aside (self->flow);
    break;
  case CONTROL:
  case GALLERY:
    open_control (self, tag, element);
    break;
  default:
    open_paragraph_property (self, tag, element);
    open_table_part (self, tag, element);
  }
  return extract_flow_failure (self->flow);
}

static void
document_close (gpointer data, int tag)
{
  Docx *self = data;

  switch (tag) {
  case P:
    if (innermost_paragraph (self)->is_open)
      extract_flow_close (self->flow);
    g_array_set_size (self->paragraphs, self->paragraphs->len - 1);
    break;
  case RUN:
    self->in_run = FALSE;
    break;
  case T:
    self->in_text = FALSE;
    break;
  case TEXT_BOX:
    extract_flow_close_aside (self->flow);
    break;
  case CONTROL:
    if (self->contents_at == self->controls)
      self->contents_at = 0;
    self->controls--;
    break;
  case TABLE:
    extract_flow_close_table (self->flow);
    break;
  case ROW:
    extract_flow_close_row (self->flow);
    break;
  case CELL:
    self->cell = NULL;
    extract_flow_close_cell (self->flow);
    break;
  }
}

static void
document_text (gpointer data, const char *text, gsize n_bytes)
{
  Docx *self = data;

  if (self->in_text)
    extract_flow_text (self->flow, text, n_bytes);
}

static gboolean
read_part (Docx *self, int part, ExtractFailure *failure)
{
  static const ExtractXmlReader readers[N_PARTS] = {
    [PROPERTIES] = { extract_docx_namespaces, property_names, property_open, property_close,
                     gather_text },
    [FOOTNOTES] = { extract_docx_namespaces, note_names, note_open, note_close, note_text },
    [ENDNOTES] = { extract_docx_namespaces, note_names, note_open, note_close, note_text },
    [DOCUMENT] = { extract_docx_namespaces, document_names, document_open, document_close,
                   document_text },
  };
  GBytes *bytes = extract_archive_get (self->archive, self->parts[part]);
  gboolean ok;

  *failure = EXTRACT_DAMAGED;
  if (bytes == NULL)
    return FALSE;
  self->note_kind = part == FOOTNOTES ? 'f' : 'e';
  if (readers[part].open == NULL)
    ok = extract_docx_styles_read (self->styles, bytes, failure);
  else
    ok = extract_xml_read (bytes, &readers[part], self, failure);
  self->note = NULL;
  self->in_text = FALSE;
  return ok;
}

static gboolean
read_parts (Docx *self, ExtractFailure *failure)
{
  static const int order[] = { PROPERTIES, STYLES, NUMBERINGS, FOOTNOTES, ENDNOTES };

  /* Without its styles or notes a document still says what it says. */
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    if (!read_part (self, order[i], failure) && *failure != EXTRACT_DAMAGED)
      return FALSE;
  return read_part (self, DOCUMENT, failure);
}

gboolean
extract_docx (const ExtractInput *input, BottegaDocument *document, ExtractFailure *failure)
{
  g_autoptr (ExtractArchive) archive = extract_archive_open (input, failure);
  g_autoptr (ExtractFlow) flow = NULL;
  g_autoptr (ExtractDocxStyles) styles = NULL;
  Docx self = { .archive = archive, .document = document };
  g_autofree char *main_part = NULL;
  gboolean ok;

  if (archive == NULL)
    return FALSE;
  self.flow = flow = extract_flow_new (input, document);
  self.styles = styles = extract_docx_styles_new (document);
  self.notes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, string_free);
  self.text = g_string_new (NULL);
  self.paragraphs = g_array_new (FALSE, TRUE, sizeof (Paragraph));
  g_array_set_clear_func (self.paragraphs, paragraph_clear);
  for (int i = 0; i < N_PARTS; i++)
    self.parts[i] = g_strdup (part_names[i].usual_name);
  read_relations (&self, "");
  main_part = g_strdup (self.parts[DOCUMENT]);
  read_relations (&self, main_part);
  ok = read_parts (&self, failure);
  for (int i = 0; i < N_PARTS; i++)
    g_free (self.parts[i]);
  g_hash_table_unref (self.notes);
  g_string_free (self.text, TRUE);
  g_array_unref (self.paragraphs);
  return ok;
}
