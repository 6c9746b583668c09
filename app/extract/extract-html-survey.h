/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of a page is not its text: a first reading counts letters and links, and tells which
 * elements the second leaves out (menus, lists of links, footers, all around the main part). */
#pragma once

#include "app/extract/extract-html-parser.h"

G_BEGIN_DECLS

typedef struct _ExtractHtmlSurvey ExtractHtmlSurvey;

/* is_chapter: a part of a book, which has no frame around it. NULL: failure is set. */
ExtractHtmlSurvey *extract_html_survey_new (const char *html, gboolean is_chapter,
                                            ExtractFailure *failure);
void extract_html_survey_free (ExtractHtmlSurvey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExtractHtmlSurvey, extract_html_survey_free)

/* Whether to leave out an element of the second reading. */
gboolean extract_html_survey_drops (ExtractHtmlSurvey *self, const ExtractHtmlElement *element);
/* The tag outside of which nothing is text; EXTRACT_HTML_BODY: all is. */
ExtractHtmlTag extract_html_survey_root (ExtractHtmlSurvey *self);
/* The chapter is a table of contents. */
gboolean extract_html_survey_is_contents (ExtractHtmlSurvey *self);

G_END_DECLS
