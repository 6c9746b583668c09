/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings a model file in while a toast says how far it is and offers to cancel. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

/* Brings file into the model store in the background, speaking through toasts. The first model is
 * used at once; later ones are offered. Main thread. */
void bottega_add_model_start (BottegaAssistant *assistant, AdwToastOverlay *toasts, GFile *file,
                              BottegaImportHow how);
/* Tells over parent what the file is and how it could be kept, then as above. */
void bottega_add_model_ask (BottegaAssistant *assistant, AdwToastOverlay *toasts, GFile *file,
                            GtkWidget *parent);
/* Opens the file dialog for GGUF files over parent, then as above. */
void bottega_add_model_choose (BottegaAssistant *assistant, AdwToastOverlay *toasts,
                               GtkWidget *parent);
/* TRUE for a local file whose name ends in .gguf, in any case. */
gboolean bottega_add_model_accepts (GFile *file);

G_END_DECLS
