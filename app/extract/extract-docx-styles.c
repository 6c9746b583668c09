/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads word/styles.xml and word/numbering.xml into tables, and counts the items of lists as the
 * document is read. It knows nothing of the text. */
#include "app/extract/extract-docx-styles.h"
#include "app/extract/extract-flow.h"

#include <string.h>

#define MAX_INHERITANCE 32

const ExtractXmlNamespace extract_docx_namespaces[] = {
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
  STYLE = 1,
  STYLE_NAME,
  BASED_ON,
  OUTLINE_LEVEL,
  LIST_NUMBERING,
  LIST_LEVEL,
  LANGUAGE,
  ABSTRACT_NUMBERING,
  NUMBERING,
  ABSTRACT_OF_NUMBERING,
  NUMBERING_LEVEL,
  NUMBERING_START,
  NUMBERING_FORMAT,
};

static const ExtractXmlName names[] = {
  { "w:style", STYLE },
  { "w:name", STYLE_NAME },
  { "w:basedOn", BASED_ON },
  { "w:outlineLvl", OUTLINE_LEVEL },
  { "w:numId", LIST_NUMBERING },
  { "w:ilvl", LIST_LEVEL },
  { "w:lang", LANGUAGE },
  { "w:abstractNum", ABSTRACT_NUMBERING },
  { "w:num", NUMBERING },
  { "w:abstractNumId", ABSTRACT_OF_NUMBERING },
  { "w:lvl", NUMBERING_LEVEL },
  { "w:start", NUMBERING_START },
  { "w:numFmt", NUMBERING_FORMAT },
  { "w:lvlOverride", EXTRACT_XML_SKIP },
  { NULL },
};

typedef struct {
  char format; /* 0: bullets */
  guint start, number;
  gboolean has_begun;
} NumberingLevel;

typedef struct {
  NumberingLevel levels[EXTRACT_DOCX_LIST_LEVELS];
} Numbering;

struct _ExtractDocxStyles {
  BottegaDocument *document;
  GHashTable *styles;                           /* of ExtractDocxStyle by id */
  GHashTable *abstract_numberings, *numberings; /* by id; the latter borrowed from the former */
  ExtractDocxStyle *style;                      /* being read; as the next three */
  Numbering *numbering;
  NumberingLevel *level;
  char *numbering_id;
};

static void
style_free (gpointer data)
{
  ExtractDocxStyle *style = data;

  g_free (style->based_on);
  g_free (style->numbering);
  g_free (style);
}

/* The names of built-in styles are the same in every language of Word, in whatever case. */
static void
name_style (ExtractDocxStyle *style, const char *name)
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

static void
open_style_part (ExtractDocxStyles *self, int tag, ExtractXmlElement *element)
{
  g_autofree char *value = extract_xml_attribute (element, "w:val"), *id = NULL;

  if (tag == LANGUAGE && self->document->language == NULL)
    extract_set_language (self->document, value);
  if (tag == STYLE && (id = extract_xml_attribute (element, "w:styleId")) != NULL) {
    self->style = g_new0 (ExtractDocxStyle, 1);
    g_hash_table_insert (self->styles, g_steal_pointer (&id), self->style);
  }
  if (self->style == NULL || value == NULL)
    return;
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
    self->style->list_level = (guint) extract_xml_number (element, "w:val", 0,
                                                          EXTRACT_DOCX_LIST_LEVELS - 1, 0);
  }
}

/* A style with what it inherits. Strings are borrowed. */
ExtractDocxStyle
extract_docx_styles_find (ExtractDocxStyles *self, const char *id)
{
  ExtractDocxStyle found = { 0 };

  for (int i = 0; id != NULL && i < MAX_INHERITANCE; i++) {
    const ExtractDocxStyle *style = g_hash_table_lookup (self->styles, id);

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
  static const char *const names_of_formats[] = { "decimal", "lowerLetter", "upperLetter",
                                                  "lowerRoman", "upperRoman" };

  for (guint i = 0; i < G_N_ELEMENTS (names_of_formats); i++)
    if (g_strcmp0 (name, names_of_formats[i]) == 0)
      return "1aAiI"[i];
  return '\0';
}

static void
open_abstract_numbering (ExtractDocxStyles *self, ExtractXmlElement *element)
{
  char *id = extract_xml_attribute (element, "w:abstractNumId");

  self->numbering = NULL;
  if (id == NULL || g_hash_table_contains (self->abstract_numberings, id)) {
    g_free (id);
    return;
  }
  self->numbering = g_new0 (Numbering, 1);
  for (int i = 0; i < EXTRACT_DOCX_LIST_LEVELS; i++)
    self->numbering->levels[i].start = 1;
  g_hash_table_insert (self->abstract_numberings, id, self->numbering);
}

static ExtractFailure
open_element (gpointer data, int tag, ExtractXmlElement *element)
{
  ExtractDocxStyles *self = data;
  g_autofree char *value = extract_xml_attribute (element, "w:val");
  gpointer found;
  gint64 at;

  switch (tag) {
  case ABSTRACT_NUMBERING:
    open_abstract_numbering (self, element);
    break;
  case NUMBERING_LEVEL:
    at = extract_xml_number (element, "w:ilvl", 0, EXTRACT_DOCX_LIST_LEVELS - 1, 0);
    self->level = self->numbering == NULL ? NULL : &self->numbering->levels[at];
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
  default:
    open_style_part (self, tag, element);
  }
  return EXTRACT_OK;
}

static void
close_element (gpointer data, int tag)
{
  ExtractDocxStyles *self = data;

  if (tag == STYLE)
    self->style = NULL;
  else if (tag == NUMBERING_LEVEL)
    self->level = NULL;
  else if (tag == ABSTRACT_NUMBERING)
    self->numbering = NULL;
}

ExtractDocxStyles *
extract_docx_styles_new (BottegaDocument *document)
{
  ExtractDocxStyles *self = g_new0 (ExtractDocxStyles, 1);

  self->document = document;
  self->styles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, style_free);
  self->abstract_numberings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->numberings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
extract_docx_styles_free (ExtractDocxStyles *self)
{
  g_hash_table_unref (self->styles);
  g_hash_table_unref (self->numberings);
  g_hash_table_unref (self->abstract_numberings);
  g_free (self->numbering_id);
  g_free (self);
}

gboolean
extract_docx_styles_read (ExtractDocxStyles *self, GBytes *part, ExtractFailure *failure)
{
  static const ExtractXmlReader reader = { extract_docx_namespaces, names, open_element,
                                           close_element, NULL };

  return extract_xml_read (part, &reader, self, failure);
}

char *
extract_docx_styles_label (ExtractDocxStyles *self, const char *id, guint at)
{
  Numbering *numbering = g_hash_table_lookup (self->numberings, id);
  NumberingLevel *level;

  if (numbering == NULL)
    return NULL;
  level = &numbering->levels[at];
  level->number = level->has_begun ? level->number + 1 : level->start;
  level->has_begun = TRUE;
  for (guint i = at + 1; i < EXTRACT_DOCX_LIST_LEVELS; i++)
    numbering->levels[i].has_begun = FALSE;
  return extract_flow_label (level->format, level->number);
}
