/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The preferences: how answers are written, and where they are computed. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_PREFERENCES_DIALOG (bottega_preferences_dialog_get_type ())
G_DECLARE_FINAL_TYPE (BottegaPreferencesDialog, bottega_preferences_dialog, BOTTEGA,
                      PREFERENCES_DIALOG, AdwPreferencesDialog)

AdwDialog *bottega_preferences_dialog_new (BottegaAssistant *assistant);

G_END_DECLS
