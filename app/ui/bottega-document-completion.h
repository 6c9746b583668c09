/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Completes @name in a text view to a document: a list above the cursor, chosen from with the arrow
 * keys and Enter or with the pointer. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-library.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_DOCUMENT_COMPLETION (bottega_document_completion_get_type ())
G_DECLARE_FINAL_TYPE (BottegaDocumentCompletion, bottega_document_completion, BOTTEGA,
                      DOCUMENT_COMPLETION, GtkPopover)

/* Signal "chosen" (BottegaDocumentItem *item): @name has left the text. The parent of the popover
 * is the caller's to set. */
GtkWidget *bottega_document_completion_new (GtkTextView *view);
/* NULL: nothing to complete. */
void bottega_document_completion_set_library (BottegaDocumentCompletion *self,
                                              BottegaLibrary *library);
/* A key pressed in the view, before the view sees it. TRUE: it was for the list. */
gboolean bottega_document_completion_take_key (BottegaDocumentCompletion *self, guint key);

G_END_DECLS
