/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A page of a document with the lines of a passage washed in yellow. It is as wide as it may be and
 * as high as the page is then. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-library.h"
#include "app/assistant/bottega-page.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_PAGE_VIEW (bottega_page_view_get_type ())
G_DECLARE_FINAL_TYPE (BottegaPageView, bottega_page_view, BOTTEGA, PAGE_VIEW, GtkWidget)

/* NULL: paper without anything on it. Copied as far as it is kept. */
void bottega_page_view_set_page (BottegaPageView *self, const BottegaPage *page);
/* MARKS: of BottegaMark; copied. NULL: none. */
void bottega_page_view_set_marks (BottegaPageView *self, GArray *marks);
/* 1: as wide as the widget; 2: twice as wide as the room there is. */
void bottega_page_view_set_zoom (BottegaPageView *self, double zoom);
/* Where the first mark is in the widget; FALSE: there is none, or no page. */
gboolean bottega_page_view_get_marked (BottegaPageView *self, graphene_rect_t *bounds);

G_END_DECLS
