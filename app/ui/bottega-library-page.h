/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library: the documents of the space, what is being read, adding and removing. Main thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_LIBRARY_PAGE (bottega_library_page_get_type ())
G_DECLARE_FINAL_TYPE (BottegaLibraryPage, bottega_library_page, BOTTEGA, LIBRARY_PAGE, AdwBin)

/* Of the space that is open, whichever it is. toasts: where a removal that can be undone is said;
 * they are dismissed before another space is opened. */
GtkWidget *bottega_library_page_new (BottegaAssistant *assistant, AdwToastOverlay *toasts);

void bottega_library_page_focus (BottegaLibraryPage *self);
void bottega_library_page_search (BottegaLibraryPage *self);

G_END_DECLS
