/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of one HTML page: a file of its own, or a chapter of an EPUB. */
#pragma once

#include "app/extract/extract-flow.h"

G_BEGIN_DECLS

typedef enum {
  EXTRACT_HTML_PAGE,    /* title and language are the document's; menus and footers are left out */
  EXTRACT_HTML_CHAPTER, /* page breaks count; a table of contents is left out */
} ExtractHtmlKind;

/* html: UTF-8. The page numbers of a book go to the flow and to document->n_pages. */
gboolean extract_html_read (const char *html, ExtractHtmlKind kind, ExtractFlow *flow,
                            BottegaDocument *document, ExtractFailure *failure);

G_END_DECLS
