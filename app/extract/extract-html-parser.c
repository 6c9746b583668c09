/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one place that parses HTML, and the table of its elements. */
#include "app/extract/extract-html-parser.h"

#include <libxml/HTMLparser.h>
#include <string.h>

/* Pages with thousands of unclosed elements exist; the depth costs a few bytes each. */
#define MAX_DEPTH 4096

static const struct {
  ExtractHtmlTag tag;
  const char *names;
} elements[] = {
  { EXTRACT_HTML_HTML, "html" },
  { EXTRACT_HTML_BODY, "body" },
  { EXTRACT_HTML_TITLE, "title" },
  { EXTRACT_HTML_BLOCK,
    "p div section header aside figure figcaption address fieldset legend summary details dd center"
    " blockquote form hgroup caption search frameset" },
  { EXTRACT_HTML_MAIN, "main" },
  { EXTRACT_HTML_ARTICLE, "article" },
  { EXTRACT_HTML_FOOTER, "footer" },
  { EXTRACT_HTML_HEADING, "h1 h2 h3 h4 h5 h6" },
  { EXTRACT_HTML_LIST, "ul menu dir dl" },
  { EXTRACT_HTML_NUMBERED_LIST, "ol" },
  { EXTRACT_HTML_ITEM, "li dt" },
  { EXTRACT_HTML_TABLE, "table" },
  { EXTRACT_HTML_TABLE_HEAD, "thead" },
  { EXTRACT_HTML_ROW, "tr" },
  { EXTRACT_HTML_CELL, "td" },
  { EXTRACT_HTML_HEADER_CELL, "th" },
  { EXTRACT_HTML_CODE, "pre xmp listing plaintext" },
  { EXTRACT_HTML_BREAK, "br hr" },
  { EXTRACT_HTML_LINK, "a" },
  { EXTRACT_HTML_SKIP,
    "script style template noscript nav svg select button textarea datalist iframe object video"
    " audio canvas dialog rp rt noframes" },
};

typedef struct {
  const ExtractHtmlReader *reader;
  gpointer data;
  htmlParserCtxt *parser;
  GHashTable *tags;
  GArray *open; /* of ExtractHtmlTag */
  guint skip;   /* open elements inside and with the one that is passed over */
  guint number;
  ExtractFailure failure;
} Parsing;

static GHashTable *
table_of_tags (void)
{
  GHashTable *tags = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    g_auto (GStrv) names = g_strsplit (elements[i].names, " ", -1);

    for (char **name = names; *name != NULL; name++)
      g_hash_table_insert (tags, g_strdup (*name), GINT_TO_POINTER (elements[i].tag));
  }
  return tags;
}

const char *
extract_html_attribute (const ExtractHtmlElement *element, const char *name)
{
  for (const char *const *p = element->attributes; p != NULL && p[0] != NULL; p += 2)
    if (g_ascii_strcasecmp (p[0], name) == 0)
      return p[1] != NULL ? p[1] : "";
  return NULL;
}

gboolean
extract_html_has_word (const ExtractHtmlElement *element, const char *attribute,
                       const char *prefix)
{
  const char *value = extract_html_attribute (element, attribute);

  for (; value != NULL && *value != '\0'; value += strcspn (value, " \t\r\n")) {
    value += strspn (value, " \t\r\n");
    if (g_ascii_strncasecmp (value, prefix, strlen (prefix)) == 0)
      return TRUE;
  }
  return FALSE;
}

/* What no reader of the page sees. */
static gboolean
is_hidden (const ExtractHtmlElement *element)
{
  const char *aria = extract_html_attribute (element, "aria-hidden");
  const char *style = extract_html_attribute (element, "style");
  const char *display = style == NULL ? NULL : strstr (style, "display");

  if (element->tag == EXTRACT_HTML_SKIP || extract_html_attribute (element, "hidden") != NULL ||
      (aria != NULL && strcmp (aria, "true") == 0) ||
      extract_html_has_word (element, "class", "headerlink"))
    return TRUE;
  if (display == NULL)
    return FALSE;
  display += strlen ("display");
  display += strspn (display, ": ");
  return g_str_has_prefix (display, "none");
}

static ExtractHtmlTag
tag_of (Parsing *self, const ExtractHtmlElement *element)
{
  const char *role = extract_html_attribute (element, "role");

  if (role != NULL && strcmp (role, "main") == 0)
    return EXTRACT_HTML_MAIN;
  return GPOINTER_TO_INT (g_hash_table_lookup (self->tags, element->name));
}

static void
start_element (void *data, const xmlChar *name, const xmlChar **attributes)
{
  Parsing *self = data;
  ExtractHtmlElement element = { .name = (const char *) name,
                                 .attributes = (const char *const *) attributes };
  ExtractFailure failure = EXTRACT_OK;

  element.number = self->number++;
  if (self->skip > 0) {
    self->skip++;
    return;
  }
  element.tag = tag_of (self, &element);
  element.skip = is_hidden (&element);
  if (!element.skip)
    failure = self->reader->open (self->data, &element);
  if (failure == EXTRACT_OK && self->open->len >= MAX_DEPTH)
    failure = EXTRACT_TOO_DEEP;
  if (failure != EXTRACT_OK) {
    self->failure = failure;
    xmlStopParser (self->parser);
  }
  if (element.skip)
    self->skip = 1;
  else
    g_array_append_val (self->open, element.tag);
}

static void
end_element (void *data, const xmlChar *name)
{
  Parsing *self = data;
  ExtractHtmlTag tag;

  if (self->skip > 0) {
    self->skip--;
    return;
  }
  if (self->open->len == 0)
    return;
  tag = g_array_index (self->open, ExtractHtmlTag, self->open->len - 1);
  g_array_set_size (self->open, self->open->len - 1);
  self->reader->close (self->data, tag);
}

static void
characters (void *data, const xmlChar *text, int n_bytes)
{
  Parsing *self = data;

  if (self->skip == 0)
    self->reader->text (self->data, (const char *) text, (gsize) n_bytes);
}

gboolean
extract_html_parse (const char *html, const ExtractHtmlReader *reader, gpointer data,
                    ExtractFailure *failure)
{
  Parsing self = { .reader = reader, .data = data };
  htmlSAXHandler events = { .startElement = start_element,
                            .endElement = end_element,
                            .characters = characters,
                            .ignorableWhitespace = characters };
  gsize n_bytes = strlen (html);

  *failure = EXTRACT_TOO_MUCH_TEXT;
  if (n_bytes > G_MAXINT)
    return FALSE;
  *failure = EXTRACT_MEMORY;
  self.parser = htmlNewParserCtxt ();
  if (self.parser == NULL)
    return FALSE;
  self.tags = table_of_tags ();
  self.open = g_array_new (FALSE, FALSE, sizeof (ExtractHtmlTag));
  *self.parser->sax = events;
  self.parser->userData = &self;
  /* The encoding is known: a page's own word on it is not asked again. */
  htmlCtxtReadMemory (self.parser, html, (int) n_bytes, NULL, "UTF-8",
                      HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                          HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC | HTML_PARSE_NODEFDTD);
  while (self.failure == EXTRACT_OK && self.open->len > 0) {
    self.skip = 0;
    end_element (&self, NULL);
  }
  htmlFreeParserCtxt (self.parser);
  g_hash_table_unref (self.tags);
  g_array_unref (self.open);
  *failure = self.failure;
  return self.failure == EXTRACT_OK;
}
