/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EPUB 2 and 3: container.xml names the package, whose spine gives the order of the chapters; each
 * is a page of HTML. Left out: cover, navigation, tables of contents. A book whose parts were
 * packed with the folder they lay in is read as well. */
#include "app/extract/extract-archive.h"
#include "app/extract/extract-decode.h"
#include "app/extract/extract-html.h"
#include "app/extract/extract-xml.h"

#include <string.h>

#define CONTAINER "META-INF/container.xml"

static const ExtractXmlNamespace namespaces[] = {
  { "urn:oasis:names:tc:opendocument:xmlns:container", "container" },
  { "http://www.idpf.org/2007/opf", "opf" },
  { "http://purl.org/dc/elements/1.1/", "dc" },
  { "http://www.w3.org/2001/04/xmlenc#", "enc" },
  { NULL },
};

enum {
  ROOT_FILE = 1,
  TITLE,
  LANGUAGE,
  ITEM,
  ITEM_REFERENCE,
  GUIDE_REFERENCE,
  CIPHER
};

static const ExtractXmlName names[] = {
  { "container:rootfile", ROOT_FILE },
  { "dc:title", TITLE },
  { "dc:language", LANGUAGE },
  { "opf:item", ITEM },
  { "opf:itemref", ITEM_REFERENCE },
  { "opf:reference", GUIDE_REFERENCE },
  { "enc:CipherReference", CIPHER },
  { NULL },
};

typedef struct {
  BottegaDocument *document;
  char *top;             /* before the names in the container's own parts */
  char *package;         /* the name of the part */
  GHashTable *items;     /* name of a chapter's part by its id */
  GPtrArray *spine;      /* of char *: ids */
  GHashTable *left_out;  /* names of parts */
  GHashTable *encrypted; /* the same */
  GString *text;         /* of the open element */
} Epub;

static void
add_item (Epub *self, ExtractXmlElement *element)
{
  g_autofree char *id = extract_xml_attribute (element, "id"),
                  *reference = extract_xml_attribute (element, "href"),
                  *type = extract_xml_attribute (element, "media-type"),
                  *properties = extract_xml_attribute (element, "properties"), *name = NULL;

  if (id == NULL || reference == NULL || type == NULL || strstr (type, "html") == NULL ||
      (properties != NULL && strstr (properties, "nav") != NULL))
    return;
  name = extract_archive_resolve (self->package, reference);
  if (name != NULL)
    g_hash_table_insert (self->items, g_steal_pointer (&id), g_steal_pointer (&name));
}

static void
add_guide (Epub *self, ExtractXmlElement *element)
{
  g_autofree char *type = extract_xml_attribute (element, "type"),
                  *reference = extract_xml_attribute (element, "href");
  char *name = NULL;

  if (reference != NULL && (g_strcmp0 (type, "cover") == 0 || g_strcmp0 (type, "toc") == 0))
    name = extract_archive_resolve (self->package, reference);
  if (name != NULL)
    g_hash_table_add (self->left_out, name);
}

static ExtractFailure
package_open (gpointer data, int tag, ExtractXmlElement *element)
{
  Epub *self = data;
  g_autofree char *value = NULL, *name = NULL;

  g_string_truncate (self->text, 0);
  switch (tag) {
  case ROOT_FILE:
    value = extract_xml_attribute (element, "full-path");
    if (self->package == NULL && value != NULL)
      self->package = extract_archive_resolve (self->top, value);
    break;
  case ITEM:
    add_item (self, element);
    break;
  case ITEM_REFERENCE:
    value = extract_xml_attribute (element, "idref");
    if (value != NULL)
      g_ptr_array_add (self->spine, g_steal_pointer (&value));
    break;
  case GUIDE_REFERENCE:
    add_guide (self, element);
    break;
  case CIPHER:
    value = extract_xml_attribute (element, "URI");
    if (value != NULL && (name = extract_archive_resolve (self->top, value)) != NULL)
      g_hash_table_add (self->encrypted, g_steal_pointer (&name));
    break;
  }
  return EXTRACT_OK;
}

static void
package_close (gpointer data, int tag)
{
  Epub *self = data;

  if (tag == TITLE && self->document->title == NULL)
    extract_set_title (self->document, self->text->str);
  else if (tag == LANGUAGE && self->document->language == NULL)
    extract_set_language (self->document, self->text->str);
}

static void
package_text (gpointer data, const char *text, gsize n_bytes)
{
  g_string_append_len (((Epub *) data)->text, text, (gssize) n_bytes);
}

/* Fonts may be scrambled in a book that anybody can read: only encrypted chapters matter. */
static gboolean
read_chapters (Epub *self, ExtractArchive *archive, ExtractFlow *flow, ExtractFailure *failure)
{
  guint n_read = 0;

  for (guint i = 0; i < self->spine->len; i++) {
    const char *name = g_hash_table_lookup (self->items, self->spine->pdata[i]);
    GBytes *part = name == NULL ? NULL : extract_archive_get (archive, name);
    g_autofree char *html = NULL;

    *failure = EXTRACT_ENCRYPTED;
    if (name != NULL && g_hash_table_contains (self->encrypted, name))
      return FALSE;
    if (part == NULL)
      continue;
    n_read++;
    /* Each chapter once: a spine may name one a million times. */
    if (g_hash_table_contains (self->left_out, name))
      continue;
    g_hash_table_add (self->left_out, g_strdup (name));
    html = extract_decode (g_bytes_get_data (part, NULL), g_bytes_get_size (part));
    if (html != NULL &&
        !extract_html_read (html, EXTRACT_HTML_CHAPTER, flow, self->document, failure))
      return FALSE;
  }
  *failure = EXTRACT_DAMAGED;
  return n_read > 0;
}

static gboolean
read_book (Epub *self, ExtractArchive *archive, ExtractFlow *flow, ExtractFailure *failure)
{
  static const ExtractXmlReader reader = { namespaces, names, package_open, package_close,
                                           package_text };
  g_autofree char *container_name = NULL, *encryption_name = NULL;
  GBytes *container, *encryption, *package = NULL;

  *failure = EXTRACT_DAMAGED;
  self->top = extract_archive_find_top (archive, CONTAINER);
  if (self->top == NULL)
    return FALSE;
  container_name = g_strconcat (self->top, CONTAINER, NULL);
  encryption_name = g_strconcat (self->top, "META-INF/encryption.xml", NULL);
  container = extract_archive_get (archive, container_name);
  encryption = extract_archive_get (archive, encryption_name);
  if (!extract_xml_read (container, &reader, self, failure))
    return FALSE;
  if (encryption != NULL && !extract_xml_read (encryption, &reader, self, failure))
    return FALSE;
  *failure = EXTRACT_DAMAGED;
  if (self->package != NULL)
    package = extract_archive_get (archive, self->package);
  if (package == NULL || !extract_xml_read (package, &reader, self, failure))
    return FALSE;
  return read_chapters (self, archive, flow, failure);
}

gboolean
extract_epub (const ExtractInput *input, BottegaDocument *document, ExtractFailure *failure)
{
  g_autoptr (ExtractArchive) archive = extract_archive_open (input, failure);
  g_autoptr (ExtractFlow) flow = NULL;
  Epub self = { .document = document };
  gboolean ok;

  if (archive == NULL)
    return FALSE;
  flow = extract_flow_new (input, document);
  self.items = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self.spine = g_ptr_array_new_with_free_func (g_free);
  self.left_out = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self.encrypted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self.text = g_string_new (NULL);
  ok = read_book (&self, archive, flow, failure);
  g_free (self.top);
  g_free (self.package);
  g_hash_table_unref (self.items);
  g_ptr_array_unref (self.spine);
  g_hash_table_unref (self.left_out);
  g_hash_table_unref (self.encrypted);
  g_string_free (self.text, TRUE);
  return ok;
}
