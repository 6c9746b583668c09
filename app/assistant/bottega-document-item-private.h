/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the library makes and changes an item. Main thread only. */
#pragma once

#include "app/assistant/bottega-document-item.h"

G_BEGIN_DECLS

/* row is copied. */
BottegaDocumentItem *bottega_document_item_new (const BottegaDocumentRow *row);
/* Takes over what has changed and notifies; the id must be the same. */
void bottega_document_item_update (BottegaDocumentItem *self, const BottegaDocumentRow *row);
const char *bottega_document_item_get_language (BottegaDocumentItem *self);

G_END_DECLS
