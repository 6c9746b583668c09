/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the events of a page to blocks. A block begins with its first visible letter, so that empty
 * elements and those that only group others leave nothing behind. */
#include "app/extract/extract-html.h"
#include "app/extract/extract-decode.h"
#include "app/extract/extract-html-survey.h"

#include <string.h>

typedef struct {
  guint number; /* of the next item; 0: bullets */
  char style;
  gboolean item_begins;
} List;

typedef struct {
  ExtractHtmlKind kind;
  ExtractFlow *flow;
  BottegaDocument *document;
  ExtractHtmlSurvey *survey;
  ExtractHtmlTag root;
  guint in_root, in_heads, in_code;
  guint heading; /* the level of the open one; 0: none */
  GArray *lists; /* of List */
  GString *title;
  gboolean in_title;
} Html;

static List *
innermost_list (Html *self)
{
  return self->lists->len == 0 ? NULL : &g_array_index (self->lists, List, self->lists->len - 1);
}

static void
say_label (Html *self, List *list)
{
  g_autofree char *label = NULL;

  if (list->number == 0)
    return;
  label = extract_flow_label (list->style, list->number++);
  if (label != NULL)
    extract_flow_text (self->flow, label, strlen (label));
}

static void
begin_block (Html *self)
{
  List *list = innermost_list (self);

  if (self->heading > 0) {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_HEADING, self->heading);
  } else if (self->in_code > 0) {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_CODE, 0);
  } else if (list != NULL && list->item_begins) {
    list->item_begins = FALSE;
    extract_flow_open (self->flow, BOTTEGA_BLOCK_LIST_ITEM, self->lists->len);
    say_label (self, list);
  } else {
    extract_flow_open (self->flow, BOTTEGA_BLOCK_PARAGRAPH, 0);
  }
}

static void
say_text (gpointer data, const char *text, gsize n_bytes)
{
  Html *self = data;
  gsize blanks = 0;

  if (self->in_title) {
    g_string_append_len (self->title, text, (gssize) n_bytes);
    return;
  }
  if (self->in_root == 0)
    return;
  while (blanks < n_bytes && g_ascii_isspace (text[blanks]))
    blanks++;
  if (!extract_flow_is_open (self->flow)) {
    if (blanks == n_bytes)
      return;
    begin_block (self);
  }
  extract_flow_text (self->flow, text, n_bytes);
}

static guint
number_attribute (const ExtractHtmlElement *element, const char *name, guint fallback)
{
  const char *value = extract_html_attribute (element, name);
  char *end;
  gint64 number = value == NULL ? 0 : g_ascii_strtoll (value, &end, 10);

  return value == NULL || end == value || number < 0 ? fallback : (guint) MIN (number, G_MAXINT16);
}

static void
open_list (Html *self, const ExtractHtmlElement *element)
{
  const char *style = extract_html_attribute (element, "type");
  List list = { .style = style != NULL && *style != '\0' ? *style : '1' };

  if (element->tag == EXTRACT_HTML_NUMBERED_LIST)
    list.number = number_attribute (element, "start", 1);
  extract_flow_close (self->flow);
  g_array_append_val (self->lists, list);
}

static void
open_item (Html *self, const ExtractHtmlElement *element)
{
  List *list = innermost_list (self);

  extract_flow_close (self->flow);
  if (list == NULL)
    return;
  list->item_begins = TRUE;
  if (list->number > 0)
    list->number = number_attribute (element, "value", list->number);
}

static void
open_cell (Html *self, const ExtractHtmlElement *element)
{
  ExtractCell cell = { .columns = number_attribute (element, "colspan", 1),
                       .rows = number_attribute (element, "rowspan", 1),
                       .header = element->tag == EXTRACT_HTML_HEADER_CELL };

  extract_flow_open_cell (self->flow, &cell);
}

static void
open_table_part (Html *self, const ExtractHtmlElement *element)
{
  switch (element->tag) {
  case EXTRACT_HTML_TABLE:
    extract_flow_open_table (self->flow, EXTRACT_TABLE);
    break;
  case EXTRACT_HTML_TABLE_HEAD:
    self->in_heads++;
    break;
  case EXTRACT_HTML_ROW:
    extract_flow_open_row (self->flow, self->in_heads > 0);
    break;
  case EXTRACT_HTML_CELL:
  case EXTRACT_HTML_HEADER_CELL:
    open_cell (self, element);
    break;
  default:
    break;
  }
}

/* The number of a printed page stands in its name: "12", "page 12", "pg_12". */
static gboolean
is_page_break (Html *self, const ExtractHtmlElement *element)
{
  static const char *const names[] = { "title", "aria-label", "id" };

  if (self->kind != EXTRACT_HTML_CHAPTER ||
      (!extract_html_has_word (element, "epub:type", "pagebreak") &&
       !extract_html_has_word (element, "role", "doc-pagebreak")))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    const char *value = extract_html_attribute (element, names[i]);
    guint64 page = 0;

    if (value != NULL)
      page = g_ascii_strtoull (value + strcspn (value, "0123456789"), NULL, 10);
    if (page > 0 && page <= G_MAXUINT16) {
      extract_flow_set_page (self->flow, (guint) page);
      self->document->n_pages = MAX (self->document->n_pages, (guint) page);
      break;
    }
  }
  return TRUE;
}

static void
open_language (Html *self, const ExtractHtmlElement *element)
{
  const char *language = extract_html_attribute (element, "lang");

  if (language == NULL)
    language = extract_html_attribute (element, "xml:lang");
  if (self->document->language == NULL)
    extract_set_language (self->document, language);
}

static void
open_text_part (Html *self, const ExtractHtmlElement *element)
{
  switch (element->tag) {
  case EXTRACT_HTML_HTML:
    open_language (self, element);
    break;
  case EXTRACT_HTML_TITLE:
    self->in_title = self->title->len == 0;
    break;
  case EXTRACT_HTML_HEADING:
    extract_flow_close (self->flow);
    self->heading = (guint) (element->name[1] - '0');
    break;
  case EXTRACT_HTML_LIST:
  case EXTRACT_HTML_NUMBERED_LIST:
    open_list (self, element);
    break;
  case EXTRACT_HTML_ITEM:
    open_item (self, element);
    break;
  case EXTRACT_HTML_CODE:
    extract_flow_close (self->flow);
    self->in_code++;
    break;
  case EXTRACT_HTML_BREAK:
    if (extract_flow_is_open (self->flow))
      extract_flow_text (self->flow, "\n", 1);
    break;
  case EXTRACT_HTML_INLINE:
  case EXTRACT_HTML_LINK:
    break;
  default:
    if (self->in_code == 0)
      extract_flow_close (self->flow);
  }
}

static ExtractFailure
open_element (gpointer data, ExtractHtmlElement *element)
{
  Html *self = data;

  element->skip = extract_html_survey_drops (self->survey, element) ||
                  is_page_break (self, element);
  if (element->skip)
    return EXTRACT_OK;
  if (element->tag == self->root)
    self->in_root++;
  if (element->tag >= EXTRACT_HTML_TABLE && element->tag <= EXTRACT_HTML_HEADER_CELL)
    open_table_part (self, element);
  else
    open_text_part (self, element);
  return extract_flow_failure (self->flow);
}

static void
close_element (gpointer data, ExtractHtmlTag tag)
{
  Html *self = data;

  switch (tag) {
  case EXTRACT_HTML_INLINE:
  case EXTRACT_HTML_LINK:
  case EXTRACT_HTML_BREAK:
    break;
  case EXTRACT_HTML_TITLE:
    self->in_title = FALSE;
    break;
  case EXTRACT_HTML_TABLE:
    extract_flow_close_table (self->flow);
    break;
  case EXTRACT_HTML_TABLE_HEAD:
    self->in_heads--;
    break;
  case EXTRACT_HTML_ROW:
    extract_flow_close_row (self->flow);
    break;
  case EXTRACT_HTML_CELL:
  case EXTRACT_HTML_HEADER_CELL:
    extract_flow_close_cell (self->flow);
    break;
  case EXTRACT_HTML_LIST:
  case EXTRACT_HTML_NUMBERED_LIST:
    extract_flow_close (self->flow);
    g_array_set_size (self->lists, self->lists->len - 1);
    break;
  case EXTRACT_HTML_HEADING:
    extract_flow_close (self->flow);
    self->heading = 0;
    break;
  case EXTRACT_HTML_CODE:
    extract_flow_close (self->flow);
    self->in_code--;
    break;
  default:
    if (self->in_code == 0)
      extract_flow_close (self->flow);
  }
  if (tag == self->root)
    self->in_root--;
}

gboolean
extract_html_read (const char *html, ExtractHtmlKind kind, ExtractFlow *flow,
                   BottegaDocument *document, ExtractFailure *failure)
{
  static const ExtractHtmlReader reader = { open_element, close_element, say_text };
  g_autoptr (ExtractHtmlSurvey) survey =
      extract_html_survey_new (html, kind == EXTRACT_HTML_CHAPTER, failure);
  Html self = { .kind = kind, .flow = flow, .document = document, .survey = survey };
  gboolean ok;

  if (survey == NULL)
    return FALSE;
  if (extract_html_survey_is_contents (survey))
    return TRUE;
  self.root = extract_html_survey_root (survey);
  /* A body need not be there, nor does the parser always make one. */
  self.in_root = self.root == EXTRACT_HTML_BODY ? 1 : 0;
  self.lists = g_array_new (FALSE, FALSE, sizeof (List));
  self.title = g_string_new (NULL);
  ok = extract_html_parse (html, &reader, &self, failure);
  extract_flow_close (flow);
  if (kind == EXTRACT_HTML_PAGE)
    extract_set_title (document, self.title->str);
  g_array_unref (self.lists);
  g_string_free (self.title, TRUE);
  return ok;
}

gboolean
extract_html (const ExtractInput *input, BottegaDocument *document, ExtractFailure *failure)
{
  g_autoptr (ExtractFlow) flow = NULL;
  g_autofree char *html = extract_decode (input->data, input->size);

  *failure = EXTRACT_BINARY;
  if (html == NULL)
    return FALSE;
  flow = extract_flow_new (input, document);
  return extract_html_read (html, EXTRACT_HTML_PAGE, flow, document, failure);
}
