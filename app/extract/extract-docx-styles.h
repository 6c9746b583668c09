/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the styles and the numbering of a .docx make of its paragraphs: headings, code, items of
 * lists with their labels. It knows nothing of the text. */
#pragma once

#include "app/extract/extract-xml.h"

G_BEGIN_DECLS

#define EXTRACT_DOCX_LIST_LEVELS 9

/* The vocabulary of all parts, as prefixes "w", "m", "mc", "rel", "dc". */
extern const ExtractXmlNamespace extract_docx_namespaces[];

typedef struct {
  char *based_on;
  char *numbering; /* its id; "0": none, against the style it is based on */
  guint level;     /* of a heading, 1 to 6; 0: none */
  guint list_level;
  gboolean is_code, is_contents;
} ExtractDocxStyle;

typedef struct _ExtractDocxStyles ExtractDocxStyles;

/* document is borrowed: its language is set from the styles where nothing else has. */
ExtractDocxStyles *extract_docx_styles_new (BottegaDocument *document);
void extract_docx_styles_free (ExtractDocxStyles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExtractDocxStyles, extract_docx_styles_free)

/* Adds what styles.xml or numbering.xml says. */
gboolean extract_docx_styles_read (ExtractDocxStyles *self, GBytes *part, ExtractFailure *failure);

/* A style with all that it inherits; id may be NULL. Strings are borrowed. */
ExtractDocxStyle extract_docx_styles_find (ExtractDocxStyles *self, const char *id);

/* The label of the next item at this level (from 0), "3. "; NULL: bullets. Free with g_free. */
char *extract_docx_styles_label (ExtractDocxStyles *self, const char *numbering, guint level);

G_END_DECLS
