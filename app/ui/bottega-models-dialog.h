/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The installed models: their facts, which one answers, adding and removing. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MODELS_DIALOG (bottega_models_dialog_get_type ())
G_DECLARE_FINAL_TYPE (BottegaModelsDialog, bottega_models_dialog, BOTTEGA, MODELS_DIALOG, AdwDialog)

AdwDialog *bottega_models_dialog_new (BottegaAssistant *assistant);

/* Takes the model's row out and shows a toast with Undo in the dialog; the file is deleted when the
 * toast, or the dialog, goes. */
void bottega_models_dialog_remove (BottegaModelsDialog *self, BottegaModelItem *item);

G_END_DECLS
