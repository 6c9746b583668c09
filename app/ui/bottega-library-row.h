/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One document of the library: what it is, how far it has been read or why it cannot be, and its
 * menu. It asks for everything through the actions library.… of the page around it, whose parameter
 * is the document's id. Main thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-document-item.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_LIBRARY_ROW (bottega_library_row_get_type ())
G_DECLARE_FINAL_TYPE (BottegaLibraryRow, bottega_library_row, BOTTEGA, LIBRARY_ROW, AdwBin)

GtkWidget *bottega_library_row_new (void);
/* NULL: none. */
void bottega_library_row_set_item (BottegaLibraryRow *self, BottegaDocumentItem *item);
BottegaDocumentItem *bottega_library_row_get_item (BottegaLibraryRow *self);
void bottega_library_row_popup_menu (BottegaLibraryRow *self);

/* "12 pages · 1.2 MB · Ready": what a row says below the title. Free with g_free. */
char *bottega_library_row_describe (BottegaDocumentItem *item);

G_END_DECLS
