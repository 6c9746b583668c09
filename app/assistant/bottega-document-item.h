/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaDocumentItem: a document of the space, as the library page lists it. Main thread only;
 * only the library changes it.
 *
 * Properties (read-only, all notify):
 *   id         int64
 *   path, title, name   string; name: of the file
 *   icon-name  string   by media type
 *   state      BottegaDocumentState
 *   state-text string   localised: "Ready", "Words ready, meaning 62 %", "Waiting", the reason it
 *                       failed, "The file is not there at the moment"
 *   detail     string   localised: "12 pages · 1.2 MB"
 *   fraction   double   of its vectors, 0 to 1
 *   n-pages    uint     0: no pages
 */
#pragma once

#include "app/retrieval/bottega-store-documents.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_DOCUMENT_STATE (bottega_document_state_get_type ())
GType bottega_document_state_get_type (void);

#define BOTTEGA_TYPE_DOCUMENT_ITEM (bottega_document_item_get_type ())
G_DECLARE_FINAL_TYPE (BottegaDocumentItem, bottega_document_item, BOTTEGA, DOCUMENT_ITEM, GObject)

gint64 bottega_document_item_get_id (BottegaDocumentItem *self);
const char *bottega_document_item_get_path (BottegaDocumentItem *self);
const char *bottega_document_item_get_title (BottegaDocumentItem *self);
const char *bottega_document_item_get_name (BottegaDocumentItem *self);
const char *bottega_document_item_get_icon_name (BottegaDocumentItem *self);
BottegaDocumentState bottega_document_item_get_state (BottegaDocumentItem *self);
const char *bottega_document_item_get_state_text (BottegaDocumentItem *self);
const char *bottega_document_item_get_detail (BottegaDocumentItem *self);
double bottega_document_item_get_fraction (BottegaDocumentItem *self);
guint bottega_document_item_get_n_pages (BottegaDocumentItem *self);
/* About so many its text makes; 0: it has not been read. */
guint bottega_document_item_get_tokens (BottegaDocumentItem *self);

G_END_DECLS
