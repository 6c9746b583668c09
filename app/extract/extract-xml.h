/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads XML as a stream of events through libxml2, without a tree, an entity, a DTD or anything
 * outside of the bytes. Elements are told apart by one table per vocabulary, by namespace and name,
 * whatever prefixes a file chose. It knows no vocabulary itself. */
#pragma once

#include "app/extract/extract.h"

G_BEGIN_DECLS

/* Both tables end with a row of NULL. */
typedef struct {
  const char *uri, *prefix; /* several URIs may have one prefix */
} ExtractXmlNamespace;

typedef struct {
  const char *name; /* "text:p" with a prefix of the table; "p" for no namespace */
  int tag;          /* > 0, or EXTRACT_XML_SKIP */
} ExtractXmlName;

/* Of elements whose whole content is left out without a call. */
#define EXTRACT_XML_SKIP (-1)

typedef struct _ExtractXmlElement ExtractXmlElement;

typedef struct {
  const ExtractXmlNamespace *namespaces;
  const ExtractXmlName *names; /* elements without a row are passed over, their content is not */
  /* Anything but EXTRACT_OK ends the reading. */
  ExtractFailure (*open) (gpointer data, int tag, ExtractXmlElement *element);
  void (*close) (gpointer data, int tag);
  void (*text) (gpointer data, const char *text, gsize n_bytes);
} ExtractXmlReader;

/* FALSE: failure says why; what was read until then has been told. */
gboolean extract_xml_read (GBytes *part, const ExtractXmlReader *reader, gpointer data,
                           ExtractFailure *failure);

/* In open () only. An attribute by its name in the form of ExtractXmlName; NULL: none. Free with
 * g_free. */
char *extract_xml_attribute (ExtractXmlElement *element, const char *name);
/* The same as a number from minimum to maximum; fallback where there is none. */
gint64 extract_xml_number (ExtractXmlElement *element, const char *name, gint64 minimum,
                           gint64 maximum, gint64 fallback);
/* In open () only. Leaves out the content of this element; close () is not called for it. */
void extract_xml_skip (ExtractXmlElement *element);

G_END_DECLS
