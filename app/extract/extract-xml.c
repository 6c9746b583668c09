/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one place that parses XML. Entities of a document's own are never declared to the parser, so
 * that none expands; libxml2's own limits (depth 256, names, attributes) stay on. */
#include "app/extract/extract-xml.h"

#include <libxml/parserInternals.h>
#include <string.h>

/* libxml2 gives each attribute as five pointers. */
enum {
  LOCAL_NAME,
  PREFIX,
  URI,
  VALUE,
  VALUE_END,
  N_POINTERS
};

typedef struct {
  const ExtractXmlReader *reader;
  gpointer data;
  xmlParserCtxt *parser;
  GHashTable *tags;     /* tag by "prefix:name" */
  GHashTable *prefixes; /* prefix by URI */
  GArray *open;         /* of int: the tags of open elements */
  guint skip;           /* open elements inside and with the one that is left out */
  ExtractFailure failure;
} Reading;

struct _ExtractXmlElement {
  Reading *reading;
  const xmlChar **attributes;
  int n_attributes;
  gboolean skip;
};

static const char *
prefix_of (Reading *self, const char *uri)
{
  return uri == NULL ? "" : g_hash_table_lookup (self->prefixes, uri);
}

static int
tag_of (Reading *self, const char *uri, const char *name)
{
  const char *prefix = prefix_of (self, uri);
  char key[96];

  if (prefix == NULL || strlen (prefix) + strlen (name) + 2 > sizeof key)
    return 0;
  g_snprintf (key, sizeof key, "%s%s%s", prefix, prefix[0] != '\0' ? ":" : "", name);
  return GPOINTER_TO_INT (g_hash_table_lookup (self->tags, key));
}

static void
fail (Reading *self, ExtractFailure failure)
{
  if (self->failure == EXTRACT_OK)
    self->failure = failure;
  xmlStopParser (self->parser);
}

static void
start_element (void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
               int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
               const xmlChar **attributes)
{
  Reading *self = data;
  ExtractXmlElement element = { self, attributes, n_attributes, FALSE };
  ExtractFailure failure;
  int tag;

  if (self->skip > 0) {
    self->skip++;
    return;
  }
  tag = tag_of (self, (const char *) uri, (const char *) name);
  if (tag == EXTRACT_XML_SKIP) {
    self->skip = 1;
    return;
  }
  failure = tag == 0 ? EXTRACT_OK : self->reader->open (self->data, tag, &element);
  if (failure != EXTRACT_OK)
    fail (self, failure);
  if (element.skip)
    self->skip = 1;
  else
    g_array_append_val (self->open, tag);
}

static void
end_element (void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
  Reading *self = data;
  int tag;

  if (self->skip > 0) {
    self->skip--;
    return;
  }
  if (self->open->len == 0)
    return;
  tag = g_array_index (self->open, int, self->open->len - 1);
  g_array_set_size (self->open, self->open->len - 1);
  if (tag != 0)
    self->reader->close (self->data, tag);
}

static void
characters (void *data, const xmlChar *text, int n_bytes)
{
  Reading *self = data;

  if (self->skip == 0 && self->reader->text != NULL)
    self->reader->text (self->data, (const char *) text, (gsize) n_bytes);
}

static void
structured_error (void *data, xmlErrorPtr error)
{
  Reading *self = data;

  if (error->level != XML_ERR_FATAL)
    return;
  fail (self, strstr (error->message ? error->message : "", "depth") != NULL ? EXTRACT_TOO_DEEP
              : error->code == XML_ERR_NO_MEMORY ? EXTRACT_MEMORY
                                                 : EXTRACT_DAMAGED);
}

static xmlParserInput *
load_nothing (const char *url, const char *id, xmlParserCtxt *parser)
{
  return NULL;
}

static void
fill_tables (Reading *self, const ExtractXmlReader *reader)
{
  self->tags = g_hash_table_new (g_str_hash, g_str_equal);
  self->prefixes = g_hash_table_new (g_str_hash, g_str_equal);
  self->open = g_array_new (FALSE, FALSE, sizeof (int));
  for (const ExtractXmlName *row = reader->names; row->name != NULL; row++)
    g_hash_table_insert (self->tags, (gpointer) row->name, GINT_TO_POINTER (row->tag));
  for (const ExtractXmlNamespace *row = reader->namespaces; row->uri != NULL; row++)
    g_hash_table_insert (self->prefixes, (gpointer) row->uri, (gpointer) row->prefix);
}

gboolean
extract_xml_read (GBytes *part, const ExtractXmlReader *reader, gpointer data,
                  ExtractFailure *failure)
{
  Reading self = { reader, data };
  xmlSAXHandler events = { .initialized = XML_SAX2_MAGIC,
                           .startElementNs = start_element,
                           .endElementNs = end_element,
                           .characters = characters,
                           .ignorableWhitespace = characters,
                           .cdataBlock = characters,
                           .serror = structured_error };
  gsize n_bytes;
  const char *bytes = g_bytes_get_data (part, &n_bytes);

  *failure = n_bytes == 0 ? EXTRACT_DAMAGED : EXTRACT_TOO_MUCH_TEXT;
  if (n_bytes == 0 || n_bytes > G_MAXINT)
    return FALSE;
  xmlSetExternalEntityLoader (load_nothing);
  self.parser = xmlCreateMemoryParserCtxt (bytes, (int) n_bytes);
  *failure = EXTRACT_MEMORY;
  if (self.parser == NULL)
    return FALSE;
  fill_tables (&self, reader);
  xmlCtxtUseOptions (self.parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  *self.parser->sax = events;
  self.parser->userData = &self;
  xmlParseDocument (self.parser);
  if (self.failure == EXTRACT_OK && !self.parser->wellFormed)
    self.failure = EXTRACT_DAMAGED;
  xmlFreeParserCtxt (self.parser);
  g_hash_table_unref (self.tags);
  g_hash_table_unref (self.prefixes);
  g_array_unref (self.open);
  *failure = self.failure;
  return self.failure == EXTRACT_OK;
}

char *
extract_xml_attribute (ExtractXmlElement *element, const char *name)
{
  const char *colon = strchr (name, ':'), *local = colon != NULL ? colon + 1 : name;

  for (int i = 0; i < element->n_attributes; i++) {
    const char *const *attribute = (const char *const *) element->attributes + N_POINTERS * i;
    const char *prefix = prefix_of (element->reading, attribute[URI]);
    g_autoptr (GString) value = NULL;

    if (strcmp (attribute[LOCAL_NAME], local) != 0 || prefix == NULL ||
        strlen (prefix) != (colon != NULL ? (gsize) (colon - name) : 0) ||
        strncmp (prefix, name, strlen (prefix)) != 0)
      continue;
    value = g_string_new_len (attribute[VALUE], attribute[VALUE_END] - attribute[VALUE]);
    /* What libxml2 makes of "&amp;" where it is to replace no entities. */
    g_string_replace (value, "&#38;", "&", 0);
    return g_string_free (g_steal_pointer (&value), FALSE);
  }
  return NULL;
}

gint64
extract_xml_number (ExtractXmlElement *element, const char *name, gint64 minimum, gint64 maximum,
                    gint64 fallback)
{
  g_autofree char *value = extract_xml_attribute (element, name);
  char *end;
  gint64 number = value != NULL ? g_ascii_strtoll (value, &end, 10) : 0;

  return value == NULL || end == value ? fallback : CLAMP (number, minimum, maximum);
}

void
extract_xml_skip (ExtractXmlElement *element)
{
  element->skip = TRUE;
}
