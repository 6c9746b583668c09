/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The button of the header bar that names the model, and its popover to choose another one. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MODEL_CHOOSER (bottega_model_chooser_get_type ())
G_DECLARE_FINAL_TYPE (BottegaModelChooser, bottega_model_chooser, BOTTEGA, MODEL_CHOOSER, AdwBin)

/* Property "narrow" (boolean): shortens the name. */
void bottega_model_chooser_set_assistant (BottegaModelChooser *self, BottegaAssistant *assistant);

G_END_DECLS
