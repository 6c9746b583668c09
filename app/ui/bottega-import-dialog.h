/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells what a model file is and asks whether it is to be copied or used where it lies; or says, in
 * the engine's words, why it cannot be added. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_IMPORT_DIALOG (bottega_import_dialog_get_type ())
G_DECLARE_FINAL_TYPE (BottegaImportDialog, bottega_import_dialog, BOTTEGA, IMPORT_DIALOG, AdwDialog)

/* Called at most once, when the person wants it. */
typedef void (*BottegaImportChosen) (GFile *file, BottegaImportHow how, gpointer user_data);

/* Looks at the file at once. lasts FALSE: what a portal handed over may be gone in the next
 * session, so that it is not offered to use it where it lies. user_data is freed with destroy when
 * the dialog goes. */
AdwDialog *bottega_import_dialog_new (BottegaAssistant *assistant, GFile *file, gboolean lasts,
                                      BottegaImportChosen chosen, gpointer user_data,
                                      GDestroyNotify destroy);

G_END_DECLS
