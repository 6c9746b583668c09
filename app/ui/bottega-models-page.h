/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page of the models: which answers, which serve the search, which can be got. Asks for its
 * actions as win.… of the window it is in. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MODELS_PAGE (bottega_models_page_get_type ())
G_DECLARE_FINAL_TYPE (BottegaModelsPage, bottega_models_page, BOTTEGA, MODELS_PAGE, AdwBin)

/* toasts must outlive it: the window's. */
GtkWidget *bottega_models_page_new (BottegaAssistant *assistant, AdwToastOverlay *toasts);
/* It is being shown: looks for files anew, and how fast this computer is unless it is known. */
void bottega_models_page_shown (BottegaModelsPage *self);
/* Takes a model off the list, with a way back. */
void bottega_models_page_remove (BottegaModelsPage *self, BottegaModelItem *item);

G_END_DECLS
