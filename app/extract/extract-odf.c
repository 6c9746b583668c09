/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenDocument 1.0 to 1.4 (ISO/IEC 26300): texts, sheets as tables, slides as pages. Reads the
 * manifest (is it encrypted?), meta.xml, styles.xml and content.xml. Left out: what was deleted
 * under change tracking, comments, tables of contents, headers and footers. */
#include "app/extract/extract-archive.h"
#include "app/extract/extract-flow.h"
#include "app/extract/extract-xml.h"

#include <string.h>

#define MAX_LIST_LEVEL  10
#define MAX_INHERITANCE 32
#define MAX_SPACES      256

static const ExtractXmlNamespace namespaces[] = {
  { "urn:oasis:names:tc:opendocument:xmlns:office:1.0", "office" },
  { "urn:oasis:names:tc:opendocument:xmlns:text:1.0", "text" },
  { "urn:oasis:names:tc:opendocument:xmlns:table:1.0", "table" },
  { "urn:oasis:names:tc:opendocument:xmlns:style:1.0", "style" },
  { "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0", "draw" },
  { "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0", "presentation" },
  { "urn:oasis:names:tc:opendocument:xmlns:meta:1.0", "meta" },
  { "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0", "manifest" },
  { "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0", "fo" },
  { "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0", "svg" },
  { "http://purl.org/dc/elements/1.1/", "dc" },
  { NULL },
};

enum {
  DC_TITLE = 1,
  DC_LANGUAGE,
  STYLE,
  DEFAULT_STYLE,
  TEXT_PROPERTIES,
  LIST_STYLE,
  LIST_LEVEL_NUMBER,
  P,
  H,
  S,
  TAB,
  LINE_BREAK,
  LIST,
  LIST_ITEM,
  ASIDE,
  SHAPE,
  TABLE,
  HEADER_ROWS,
  ROW,
  CELL,
  SHEETS,
  PAGE,
  ENCRYPTION,
};

static const ExtractXmlName content_names[] = {
  { "style:style", STYLE },
  { "style:default-style", DEFAULT_STYLE },
  { "style:text-properties", TEXT_PROPERTIES },
  { "text:list-style", LIST_STYLE },
  { "text:list-level-style-number", LIST_LEVEL_NUMBER },
  { "style:master-page", EXTRACT_XML_SKIP },
  { "text:p", P },
  { "text:h", H },
  { "text:s", S },
  { "text:tab", TAB },
  { "text:line-break", LINE_BREAK },
  { "text:list", LIST },
  { "text:list-item", LIST_ITEM },
  { "text:note", ASIDE },
  { "text:note-citation", EXTRACT_XML_SKIP },
  { "text:ruby-text", EXTRACT_XML_SKIP },
  { "draw:frame", SHAPE },
  { "draw:custom-shape", SHAPE },
  { "draw:rect", SHAPE },
  { "draw:ellipse", SHAPE },
  { "draw:circle", SHAPE },
  { "draw:line", SHAPE },
  { "draw:path", SHAPE },
  { "draw:polygon", SHAPE },
  { "draw:polyline", SHAPE },
  { "draw:regular-polygon", SHAPE },
  { "draw:connector", SHAPE },
  { "draw:caption", SHAPE },
  { "draw:measure", SHAPE },
  { "draw:page", PAGE },
  { "table:table", TABLE },
  { "table:table-header-rows", HEADER_ROWS },
  { "table:table-row", ROW },
  { "table:table-cell", CELL },
  { "office:spreadsheet", SHEETS },
  { "presentation:notes", ASIDE },
  { "table:covered-table-cell", EXTRACT_XML_SKIP },
  { "office:annotation", EXTRACT_XML_SKIP },
  { "office:forms", EXTRACT_XML_SKIP },
  { "office:scripts", EXTRACT_XML_SKIP },
  { "office:binary-data", EXTRACT_XML_SKIP },
  { "svg:title", EXTRACT_XML_SKIP },
  { "svg:desc", EXTRACT_XML_SKIP },
  { "text:tracked-changes", EXTRACT_XML_SKIP },
  { "table:tracked-changes", EXTRACT_XML_SKIP },
  { "table:dde-links", EXTRACT_XML_SKIP },
  { "table:content-validations", EXTRACT_XML_SKIP },
  { "text:table-of-content", EXTRACT_XML_SKIP },
  { "text:illustration-index", EXTRACT_XML_SKIP },
  { "text:table-index", EXTRACT_XML_SKIP },
  { "text:object-index", EXTRACT_XML_SKIP },
  { "text:user-index", EXTRACT_XML_SKIP },
  { "text:alphabetical-index", EXTRACT_XML_SKIP },
  { NULL },
};

static const ExtractXmlName meta_names[] = {
  { "dc:title", DC_TITLE },
  { "dc:language", DC_LANGUAGE },
  { NULL },
};

static const ExtractXmlName manifest_names[] = {
  { "manifest:encryption-data", ENCRYPTION },
  { NULL },
};

/* What a paragraph's style makes of it. */
typedef struct {
  char *parent;
  guint level; /* of a heading; 0: no word on it */
  gboolean is_code;
} Style;

typedef struct {
  char style; /* 0: bullets */
  guint start;
} ListLevel;

typedef struct {
  ListLevel levels[MAX_LIST_LEVEL];
} ListStyle;

/* An open text:list. */
typedef struct {
  ListStyle style; /* a copy: a file may state its style again */
  guint number;
  gboolean item_begins;
} List;

typedef struct {
  BottegaDocument *document;
  ExtractFlow *flow;
  GHashTable *styles, *list_styles;
  ListStyle *list_style; /* the one being read */
  gboolean in_default_style;
  GArray *lists; /* of List */
  char *value;   /* of the open cell, until a paragraph says it */
  GString *meta; /* text of the open element of meta.xml */
  gboolean in_header_rows, in_sheets, in_slide_title;
  guint table_depth;
} Odf;

static void
style_free (gpointer data)
{
  g_free (((Style *) data)->parent);
  g_free (data);
}

static guint
level_by_name (const char *name)
{
  return strcmp (name, "Title") == 0 ? 1 : 0;
}

static void
add_style (Odf *self, ExtractXmlElement *element)
{
  g_autofree char *name = extract_xml_attribute (element, "style:name"),
                  *family = extract_xml_attribute (element, "style:family");
  Style *style;

  if (name == NULL || g_strcmp0 (family, "paragraph") != 0)
    return;
  style = g_new0 (Style, 1);
  style->parent = extract_xml_attribute (element, "style:parent-style-name");
  style->level = (guint) extract_xml_number (element, "style:default-outline-level", 0, 6,
                                             level_by_name (name));
  style->is_code = strcmp (name, "Preformatted_20_Text") == 0;
  g_hash_table_insert (self->styles, g_steal_pointer (&name), style);
}

/* The first word that a style or one it inherits from has on what a paragraph is. */
static const Style *
find_style (Odf *self, const char *name)
{
  static const Style plain = { 0 };

  for (int i = 0; name != NULL && i < MAX_INHERITANCE; i++) {
    const Style *style = g_hash_table_lookup (self->styles, name);

    if (style == NULL)
      break;
    if (style->level > 0 || style->is_code)
      return style;
    name = style->parent;
  }
  return &plain;
}

static void
add_list_level (Odf *self, ExtractXmlElement *element)
{
  gint64 level = extract_xml_number (element, "text:level", 0, MAX_LIST_LEVEL, 0);
  g_autofree char *format = extract_xml_attribute (element, "style:num-format");

  if (self->list_style == NULL || level == 0)
    return;
  self->list_style->levels[level - 1].style = format != NULL ? format[0] : '\0';
  self->list_style->levels[level - 1].start =
      (guint) extract_xml_number (element, "text:start-value", 0, G_MAXINT32, 1);
}

static List *
innermost_list (Odf *self)
{
  return self->lists->len == 0 ? NULL : &g_array_index (self->lists, List, self->lists->len - 1);
}

static void
open_list (Odf *self, ExtractXmlElement *element)
{
  g_autofree char *name = extract_xml_attribute (element, "text:style-name");
  const List *outer = innermost_list (self);
  const ListStyle *style = name == NULL ? NULL : g_hash_table_lookup (self->list_styles, name);
  List list = { 0 };

  if (style != NULL)
    list.style = *style;
  else if (outer != NULL)
    list.style = outer->style;
  if (self->lists->len < MAX_LIST_LEVEL)
    list.number = list.style.levels[self->lists->len].start;
  g_array_append_val (self->lists, list);
}

static void
say_label (Odf *self, List *list)
{
  guint level = self->lists->len - 1;
  g_autofree char *label = NULL;

  if (level >= MAX_LIST_LEVEL)
    return;
  label = extract_flow_label (list->style.levels[level].style, list->number++);
  if (label != NULL)
    extract_flow_text (self->flow, label, strlen (label));
}

static void
open_paragraph (Odf *self, int tag, ExtractXmlElement *element)
{
  g_autofree char *name = extract_xml_attribute (element, "text:style-name");
  const Style *style = find_style (self, name);
  List *list = innermost_list (self);
  guint level = style->level;

  g_clear_pointer (&self->value, g_free);
  if (self->in_slide_title)
    level = 1;
  else if (tag == H)
    level = (guint) extract_xml_number (element, "text:outline-level", 1, 6, MAX (1, level));
  if (level > 0) {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_HEADING, level);
  } else if (list != NULL && list->item_begins) {
    list->item_begins = FALSE;
    extract_flow_open (self->flow, BOTTEGA_BLOCK_LIST_ITEM, self->lists->len);
    say_label (self, list);
  } else {
    extract_flow_open (self->flow, style->is_code ? BOTTEGA_BLOCK_CODE : BOTTEGA_BLOCK_PARAGRAPH,
                       0);
  }
}

static void
open_table (Odf *self, ExtractXmlElement *element)
{
  g_autofree char *name = extract_xml_attribute (element, "table:name");
  gboolean is_sheet = self->in_sheets && self->table_depth == 0;

  self->table_depth++;
  if (is_sheet && name != NULL) {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_HEADING, 1);
    extract_flow_text (self->flow, name, strlen (name));
    extract_flow_close (self->flow);
  }
  extract_flow_open_table (self->flow, is_sheet ? EXTRACT_SHEET : EXTRACT_TABLE);
}

static guint
times (ExtractXmlElement *element, const char *name)
{
  return (guint) extract_xml_number (element, name, 1, G_MAXINT16, 1);
}

/* What a cell holds is said again as text, but not by every program. */
static char *
cell_value (ExtractXmlElement *element, const char *type)
{
  static const char *const values[][2] = { { "string", "office:string-value" },
                                           { "date", "office:date-value" },
                                           { "time", "office:time-value" },
                                           { "boolean", "office:boolean-value" },
                                           { "float", "office:value" },
                                           { "currency", "office:value" },
                                           { "percentage", "office:value" } };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    if (g_strcmp0 (type, values[i][0]) == 0)
      return extract_xml_attribute (element, values[i][1]);
  return NULL;
}

static void
open_cell (Odf *self, ExtractXmlElement *element)
{
  g_autofree char *type = extract_xml_attribute (element, "office:value-type");
  ExtractCell cell = { .columns = times (element, "table:number-columns-spanned"),
                       .rows = times (element, "table:number-rows-spanned"),
                       .repeat = times (element, "table:number-columns-repeated"),
                       .number = type != NULL && strcmp (type, "string") != 0 };

  extract_flow_open_cell (self->flow, &cell);
  g_free (self->value);
  self->value = cell_value (element, type);
}

static void
close_cell (Odf *self)
{
  if (self->value != NULL) {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_PARAGRAPH, 0);
    extract_flow_text (self->flow, self->value, strlen (self->value));
    g_clear_pointer (&self->value, g_free);
  }
  extract_flow_close_cell (self->flow);
}

static void
open_style_part (Odf *self, int tag, ExtractXmlElement *element)
{
  g_autofree char *name = NULL, *language = NULL;

  switch (tag) {
  case STYLE:
    add_style (self, element);
    break;
  case DEFAULT_STYLE:
    name = extract_xml_attribute (element, "style:family");
    self->in_default_style = g_strcmp0 (name, "paragraph") == 0;
    break;
  case TEXT_PROPERTIES:
    language = extract_xml_attribute (element, "fo:language");
    if (self->in_default_style && self->document->language == NULL &&
        g_strcmp0 (language, "none") != 0 && g_strcmp0 (language, "zxx") != 0)
      extract_set_language (self->document, language);
    break;
  case LIST_STYLE:
    name = extract_xml_attribute (element, "style:name");
    if (name != NULL) {
      self->list_style = g_new0 (ListStyle, 1);
      g_hash_table_insert (self->list_styles, g_steal_pointer (&name), self->list_style);
    }
    break;
  case LIST_LEVEL_NUMBER:
    add_list_level (self, element);
    break;
  }
}

static void
open_slide (Odf *self)
{
  self->document->n_pages++;
  extract_flow_set_page (self->flow, self->document->n_pages);
}

static void
open_shape (Odf *self, ExtractXmlElement *element)
{
  g_autofree char *class = extract_xml_attribute (element, "presentation:class");

  extract_flow_open_aside (self->flow);
  self->in_slide_title = g_strcmp0 (class, "title") == 0;
}

static void
open_item (Odf *self, ExtractXmlElement *element)
{
  List *list = innermost_list (self);

  if (list == NULL)
    return;
  list->item_begins = TRUE;
  list->number = (guint) extract_xml_number (element, "text:start-value", 0, G_MAXINT32,
                                             list->number);
}

static void
open_spaces (Odf *self, ExtractXmlElement *element)
{
  gint64 n = extract_xml_number (element, "text:c", 0, MAX_SPACES, 1);

  for (gint64 i = 0; i < n; i++)
    extract_flow_text (self->flow, " ", 1);
}

static ExtractFailure
content_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Odf *self = data;

  switch (tag) {
  case P:
  case H:
    open_paragraph (self, tag, element);
    break;
  case S:
    open_spaces (self, element);
    break;
  case TAB:
  case LINE_BREAK:
    extract_flow_text (self->flow, tag == TAB ? "\t" : "\n", 1);
    break;
  case LIST:
    open_list (self, element);
    break;
  case LIST_ITEM:
    open_item (self, element);
    break;
  case ASIDE:
    extract_flow_open_aside (self->flow);
    break;
  case SHAPE:
    open_shape (self, element);
    break;
  case TABLE:
    open_table (self, element);
    break;
  case HEADER_ROWS:
    self->in_header_rows = TRUE;
    break;
  case ROW:
    extract_flow_open_row (self->flow, self->in_header_rows);
    break;
  case CELL:
    open_cell (self, element);
    break;
  case SHEETS:
    self->in_sheets = TRUE;
    break;
  case PAGE:
    open_slide (self);
    break;
  default:
    open_style_part (self, tag, element);
  }
  return extract_flow_failure (self->flow);
}

static void
content_close (gpointer data, int tag)
{
  Odf *self = data;

  switch (tag) {
  case P:
  case H:
    extract_flow_close (self->flow);
    break;
  case LIST:
    g_array_set_size (self->lists, self->lists->len - 1);
    break;
  case SHAPE:
    self->in_slide_title = FALSE;
    extract_flow_close_aside (self->flow);
    break;
  case ASIDE:
    extract_flow_close_aside (self->flow);
    break;
  case TABLE:
    self->table_depth--;
    extract_flow_close_table (self->flow);
    break;
  case HEADER_ROWS:
    self->in_header_rows = FALSE;
    break;
  case ROW:
    extract_flow_close_row (self->flow);
    break;
  case CELL:
    close_cell (self);
    break;
  case DEFAULT_STYLE:
    self->in_default_style = FALSE;
    break;
  case LIST_STYLE:
    self->list_style = NULL;
    break;
  }
}

static void
content_text (gpointer data, const char *text, gsize n_bytes)
{
  Odf *self = data;

  extract_flow_text (self->flow, text, n_bytes);
}

static ExtractFailure
meta_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Odf *self = data;

  g_string_truncate (self->meta, 0);
  return tag == ENCRYPTION ? EXTRACT_ENCRYPTED : EXTRACT_OK;
}

static void
meta_close (gpointer data, int tag)
{
  Odf *self = data;

  if (tag == DC_TITLE)
    extract_set_title (self->document, self->meta->str);
  else if (tag == DC_LANGUAGE)
    extract_set_language (self->document, self->meta->str);
}

static void
meta_text (gpointer data, const char *text, gsize n_bytes)
{
  Odf *self = data;

  g_string_append_len (self->meta, text, (gssize) n_bytes);
}

static gboolean
read_parts (Odf *self, ExtractArchive *archive, ExtractFailure *failure)
{
  static const struct {
    const char *name;
    gboolean is_needed;
    ExtractXmlReader reader;
  } parts[] = {
    { "META-INF/manifest.xml", FALSE, { namespaces, manifest_names, meta_open, meta_close, NULL } },
    { "meta.xml", FALSE, { namespaces, meta_names, meta_open, meta_close, meta_text } },
    { "styles.xml", FALSE, { namespaces, content_names, content_open, content_close, NULL } },
    { "content.xml",
      TRUE,
      { namespaces, content_names, content_open, content_close, content_text } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    GBytes *part = extract_archive_get (archive, parts[i].name);

    *failure = EXTRACT_DAMAGED;
    if (part == NULL && parts[i].is_needed)
      return FALSE;
    /* Without its styles or title a document still says what it says. */
    if (part != NULL && !extract_xml_read (part, &parts[i].reader, self, failure) &&
        (parts[i].is_needed || *failure != EXTRACT_DAMAGED))
      return FALSE;
  }
  return TRUE;
}

gboolean
extract_odf (const ExtractInput *input, BottegaDocument *document, ExtractFailure *failure)
{
  g_autoptr (ExtractArchive) archive = extract_archive_open (input, failure);
  g_autoptr (ExtractFlow) flow = NULL;
  Odf self = { .document = document };
  gboolean ok;

  if (archive == NULL)
    return FALSE;
  self.flow = flow = extract_flow_new (input, document);
  self.styles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, style_free);
  self.list_styles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self.lists = g_array_new (FALSE, FALSE, sizeof (List));
  self.meta = g_string_new (NULL);
  ok = read_parts (&self, archive, failure);
  g_hash_table_unref (self.styles);
  g_hash_table_unref (self.list_styles);
  g_array_unref (self.lists);
  g_free (self.value);
  g_string_free (self.meta, TRUE);
  return ok;
}
