/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Word's .docx (ISO/IEC 29500, transitional and strict). Reads the relations to find the document,
 * its properties, styles, notes and numbering, then the document. Left out: what was deleted or
 * moved away under change tracking, hidden text, comments, fields' instructions, tables of contents,
 * headers and footers. */
#include "app/extract/extract-archive.h"
#include "app/extract/extract-flow.h"
#include "app/extract/extract-xml.h"

#include <string.h>

#define MAX_INHERITANCE 32
#define MAX_LIST_LEVEL  9

static const ExtractXmlNamespace namespaces[] = {
  { "http://schemas.openxmlformats.org/wordprocessingml/2006/main", "w" },
  { "http://purl.oclc.org/ooxml/wordprocessingml/main", "w" },
  { "http://schemas.openxmlformats.org/officeDocument/2006/math", "m" },
  { "http://purl.oclc.org/ooxml/officeDocument/math", "m" },
  { "http://schemas.openxmlformats.org/markup-compatibility/2006", "mc" },
  { "http://schemas.openxmlformats.org/package/2006/relationships", "rel" },
  { "http://purl.org/dc/elements/1.1/", "dc" },
  { NULL },
};

enum {
  RELATION = 1,
  DC_TITLE,
  DC_LANGUAGE,
  STYLE,
  STYLE_NAME,
  BASED_ON,
  OUTLINE_LEVEL,
  LANGUAGE,
  ABSTRACT_NUMBERING,
  NUMBERING,
  ABSTRACT_OF_NUMBERING,
  NUMBERING_LEVEL,
  NUMBERING_START,
  NUMBERING_FORMAT,
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

static const ExtractXmlName style_names[] = {
  { "w:style", STYLE },
  { "w:name", STYLE_NAME },
  { "w:basedOn", BASED_ON },
  { "w:outlineLvl", OUTLINE_LEVEL },
  { "w:numId", LIST_NUMBERING },
  { "w:ilvl", LIST_LEVEL },
  { "w:lang", LANGUAGE },
  { NULL },
};

static const ExtractXmlName numbering_names[] = {
  { "w:abstractNum", ABSTRACT_NUMBERING },
  { "w:num", NUMBERING },
  { "w:abstractNumId", ABSTRACT_OF_NUMBERING },
  { "w:lvl", NUMBERING_LEVEL },
  { "w:start", NUMBERING_START },
  { "w:numFmt", NUMBERING_FORMAT },
  { "w:lvlOverride", EXTRACT_XML_SKIP },
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

typedef struct {
  char *based_on;
  char *numbering; /* "0": none, against the style it is based on */
  guint level;     /* of a heading; 0: no word on it */
  guint list_level;
  gboolean is_code, is_contents;
} Style;

typedef struct {
  char format; /* 0: bullets */
  guint start, number;
  gboolean has_begun;
} NumberingLevel;

typedef struct {
  NumberingLevel levels[MAX_LIST_LEVEL];
} Numbering;

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
  GHashTable *styles;
  GHashTable *abstract_numberings, *numberings; /* by id; the latter borrowed from the former */
  GHashTable *notes;                            /* GString by "f1", "e1" */
  Style *style;                                 /* being read; as the next three */
  Numbering *numbering;
  NumberingLevel *level;
  char *numbering_id;
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
style_free (gpointer data)
{
  Style *style = data;

  g_free (style->based_on);
  g_free (style->numbering);
  g_free (style);
}

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
  g_autofree char *name = target == NULL ? NULL : extract_archive_resolve (self->relations_of, target);

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
  static const ExtractXmlReader reader = { namespaces, relation_names, relation_open,
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

/* --- styles ---------------------------------------------------------------------------------- */

/* The names of built-in styles are the same in every language of Word, in whatever case. */
static void
name_style (Style *style, const char *name)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  if (g_str_has_prefix (lower, "heading ") && g_ascii_isdigit (lower[8]))
    style->level = CLAMP ((guint) (lower[8] - '0'), 1, 6);
  else if (strcmp (lower, "title") == 0)
    style->level = 1;
  style->is_contents = g_str_has_prefix (lower, "toc ") && g_ascii_isdigit (lower[4]);
  style->is_code = strcmp (lower, "html preformatted") == 0 ||
                   strcmp (lower, "preformatted text") == 0 || strcmp (lower, "source code") == 0;
}

static ExtractFailure
style_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Docx *self = data;
  g_autofree char *value = extract_xml_attribute (element, "w:val"), *id = NULL;

  if (tag == LANGUAGE && self->document->language == NULL)
    extract_set_language (self->document, value);
  if (tag == STYLE && (id = extract_xml_attribute (element, "w:styleId")) != NULL) {
    self->style = g_new0 (Style, 1);
    g_hash_table_insert (self->styles, g_steal_pointer (&id), self->style);
  }
  if (self->style == NULL || value == NULL)
    return EXTRACT_OK;
  if (tag == STYLE_NAME) {
    name_style (self->style, value);
  } else if (tag == BASED_ON && self->style->based_on == NULL) {
    self->style->based_on = g_steal_pointer (&value);
  } else if (tag == OUTLINE_LEVEL && self->style->level == 0) {
    gint64 level = extract_xml_number (element, "w:val", 0, 9, 9);

    self->style->level = level == 9 ? 0 : MIN ((guint) level + 1, 6);
  } else if (tag == LIST_NUMBERING && self->style->numbering == NULL) {
    self->style->numbering = g_steal_pointer (&value);
  } else if (tag == LIST_LEVEL) {
    self->style->list_level = (guint) extract_xml_number (element, "w:val", 0, MAX_LIST_LEVEL - 1, 0);
  }
  return EXTRACT_OK;
}

static void
style_close (gpointer data, int tag)
{
  if (tag == STYLE)
    ((Docx *) data)->style = NULL;
}

/* A style with what it inherits. Strings are borrowed. */
static Style
find_style (Docx *self, const char *id)
{
  Style found = { 0 };

  for (int i = 0; id != NULL && i < MAX_INHERITANCE; i++) {
    const Style *style = g_hash_table_lookup (self->styles, id);

    if (style == NULL)
      break;
    found.level = found.level > 0 ? found.level : style->level;
    found.is_code |= style->is_code;
    found.is_contents |= style->is_contents;
    if (found.numbering == NULL && style->numbering != NULL) {
      found.numbering = style->numbering;
      found.list_level = style->list_level;
    }
    id = style->based_on;
  }
  return found;
}

/* --- numbering ------------------------------------------------------------------------------- */

static char
number_format (const char *name)
{
  static const struct {
    const char *name;
    char format;
  } formats[] = { { "decimal", '1' }, { "lowerLetter", 'a' }, { "upperLetter", 'A' }, { "lowerRoman", 'i' }, { "upperRoman", 'I' } };

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_strcmp0 (name, formats[i].name) == 0)
      return formats[i].format;
  return '\0';
}

static void
open_abstract_numbering (Docx *self, ExtractXmlElement *element)
{
  char *id = extract_xml_attribute (element, "w:abstractNumId");

  self->numbering = NULL;
  if (id == NULL || g_hash_table_contains (self->abstract_numberings, id)) {
    g_free (id);
    return;
  }
  self->numbering = g_new0 (Numbering, 1);
  for (int i = 0; i < MAX_LIST_LEVEL; i++)
    self->numbering->levels[i].start = 1;
  g_hash_table_insert (self->abstract_numberings, id, self->numbering);
}

static ExtractFailure
numbering_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Docx *self = data;
  g_autofree char *value = extract_xml_attribute (element, "w:val");
  gpointer found;

  switch (tag) {
  case ABSTRACT_NUMBERING:
    open_abstract_numbering (self, element);
    break;
  case NUMBERING_LEVEL:
    self->level = self->numbering == NULL ? NULL : &self->numbering->levels[extract_xml_number (element, "w:ilvl", 0, MAX_LIST_LEVEL - 1, 0)];
    break;
  case NUMBERING_START:
    if (self->level != NULL)
      self->level->start = (guint) extract_xml_number (element, "w:val", 0, G_MAXINT32, 1);
    break;
  case NUMBERING_FORMAT:
    if (self->level != NULL)
      self->level->format = number_format (value);
    break;
  case NUMBERING:
    g_free (self->numbering_id);
    self->numbering_id = extract_xml_attribute (element, "w:numId");
    break;
  case ABSTRACT_OF_NUMBERING:
    found = value == NULL ? NULL : g_hash_table_lookup (self->abstract_numberings, value);
    if (found != NULL && self->numbering_id != NULL)
      g_hash_table_insert (self->numberings, g_steal_pointer (&self->numbering_id), found);
    break;
  }
  return EXTRACT_OK;
}

static void
numbering_close (gpointer data, int tag)
{
  Docx *self = data;

  if (tag == NUMBERING_LEVEL)
    self->level = NULL;
  else if (tag == ABSTRACT_NUMBERING)
    self->numbering = NULL;
}

static void
say_label (Docx *self, const char *id, guint at)
{
  Numbering *numbering = g_hash_table_lookup (self->numberings, id);
  NumberingLevel *level;
  g_autofree char *label = NULL;

  if (numbering == NULL)
    return;
  level = &numbering->levels[at];
  level->number = level->has_begun ? level->number + 1 : level->start;
  level->has_begun = TRUE;
  for (guint i = at + 1; i < MAX_LIST_LEVEL; i++)
    numbering->levels[i].has_begun = FALSE;
  label = extract_flow_label (level->format, level->number);
  if (label != NULL)
    extract_flow_text (self->flow, label, strlen (label));
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
  return self->paragraphs->len == 0 ? NULL : &g_array_index (self->paragraphs, Paragraph, self->paragraphs->len - 1);
}

/* The open paragraph begins with its first text; FALSE: it is left out. */
static gboolean
begin_paragraph (Docx *self)
{
  Paragraph *paragraph = innermost_paragraph (self);
  const char *numbering;
  guint list_level;
  Style style;

  if (paragraph == NULL || self->contents_at > 0 || (self->in_run && self->is_hidden))
    return FALSE;
  if (paragraph->is_open)
    return TRUE;
  style = find_style (self, paragraph->style);
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
    say_label (self, numbering, list_level);
  } else {
    extract_flow_open (self->flow, style.is_code ? BOTTEGA_BLOCK_CODE : BOTTEGA_BLOCK_PARAGRAPH, 0);
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
    paragraph->list_level = (guint) extract_xml_number (element, "w:val", 0, MAX_LIST_LEVEL - 1, 0);
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
read_parts (Docx *self, ExtractFailure *failure)
{
  static const struct {
    int part;
    char note_kind;
    ExtractXmlReader reader;
  } readings[] = {
    { PROPERTIES, 0, { namespaces, property_names, property_open, property_close, gather_text } },
    { STYLES, 0, { namespaces, style_names, style_open, style_close, NULL } },
    { NUMBERINGS, 0, { namespaces, numbering_names, numbering_open, numbering_close, NULL } },
    { FOOTNOTES, 'f', { namespaces, note_names, note_open, note_close, note_text } },
    { ENDNOTES, 'e', { namespaces, note_names, note_open, note_close, note_text } },
    { DOCUMENT, 0, { namespaces, document_names, document_open, document_close, document_text } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (readings); i++) {
    GBytes *part = extract_archive_get (self->archive, self->parts[readings[i].part]);
    gboolean is_needed = readings[i].part == DOCUMENT;

    self->note_kind = readings[i].note_kind;
    *failure = EXTRACT_DAMAGED;
    if (part == NULL && is_needed)
      return FALSE;
    /* Without its styles or notes a document still says what it says. */
    if (part != NULL && !extract_xml_read (part, &readings[i].reader, self, failure) &&
        (is_needed || *failure != EXTRACT_DAMAGED))
      return FALSE;
    self->style = NULL;
    self->note = NULL;
    self->in_text = FALSE;
  }
  return TRUE;
}

gboolean
extract_docx (const ExtractInput *input, BottegaDocument *document, ExtractFailure *failure)
{
  g_autoptr (ExtractArchive) archive = extract_archive_open (input, failure);
  g_autoptr (ExtractFlow) flow = NULL;
  Docx self = { .archive = archive, .document = document };
  g_autofree char *main_part = NULL;
  gboolean ok;

  if (archive == NULL)
    return FALSE;
  self.flow = flow = extract_flow_new (input, document);
  self.styles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, style_free);
  self.abstract_numberings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self.numberings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
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
  g_hash_table_unref (self.styles);
  g_hash_table_unref (self.numberings);
  g_hash_table_unref (self.abstract_numberings);
  g_hash_table_unref (self.notes);
  g_free (self.numbering_id);
  g_string_free (self.text, TRUE);
  g_array_unref (self.paragraphs);
  return ok;
}
