/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads HTML, and XHTML as browsers do, as a stream of events through libxml2's HTML parser:
 * anything is accepted, opened elements are always closed, what a page never shows (scripts, forms'
 * controls, hidden elements) is passed over. It knows nothing of blocks. */
#pragma once

#include "app/extract/extract.h"

G_BEGIN_DECLS

typedef enum {
  EXTRACT_HTML_INLINE, /* and everything unknown */
  EXTRACT_HTML_HTML,
  EXTRACT_HTML_BODY,
  EXTRACT_HTML_TITLE,
  EXTRACT_HTML_BLOCK,
  EXTRACT_HTML_MAIN,
  EXTRACT_HTML_ARTICLE,
  EXTRACT_HTML_FOOTER,
  EXTRACT_HTML_HEADING,
  EXTRACT_HTML_LIST,
  EXTRACT_HTML_NUMBERED_LIST,
  EXTRACT_HTML_ITEM,
  EXTRACT_HTML_TABLE,
  EXTRACT_HTML_TABLE_HEAD,
  EXTRACT_HTML_ROW,
  EXTRACT_HTML_CELL,
  EXTRACT_HTML_HEADER_CELL,
  EXTRACT_HTML_CODE,
  EXTRACT_HTML_BREAK,
  EXTRACT_HTML_LINK,
  EXTRACT_HTML_SKIP, /* never seen by a reader */
} ExtractHtmlTag;

typedef struct {
  ExtractHtmlTag tag;
  const char *name;
  const char *const *attributes; /* name, value, …, NULL */
  guint number;                  /* from 0, the same in each reading of the same bytes */
  gboolean skip;                 /* set it to pass over the content; then close () is not called */
} ExtractHtmlElement;

typedef struct {
  ExtractFailure (*open) (gpointer data, ExtractHtmlElement *element);
  void (*close) (gpointer data, ExtractHtmlTag tag);
  void (*text) (gpointer data, const char *text, gsize n_bytes);
} ExtractHtmlReader;

/* html: UTF-8. FALSE: failure says why. */
gboolean extract_html_parse (const char *html, const ExtractHtmlReader *reader, gpointer data,
                             ExtractFailure *failure);

/* Borrowed; NULL: it has none. */
const char *extract_html_attribute (const ExtractHtmlElement *element, const char *name);
/* Whether a list of words separated by blanks ("class") has one; TRUE for prefix "nav" and the word
 * "navbar". */
gboolean extract_html_has_word (const ExtractHtmlElement *element, const char *attribute,
                                const char *prefix);

G_END_DECLS
