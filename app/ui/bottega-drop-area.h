/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is dropped on the window: says what will be done with it while it is held there, and does it
 * with models and documents alike. Main thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_DROP_AREA (bottega_drop_area_get_type ())
G_DECLARE_FINAL_TYPE (BottegaDropArea, bottega_drop_area, BOTTEGA, DROP_AREA, AdwBin)

/* Takes what is dropped on TARGET (the window), from now on. TOASTS: where it is said. */
void bottega_drop_area_watch (BottegaDropArea *self, GtkWidget *target, BottegaAssistant *assistant,
                              AdwToastOverlay *toasts);

/* Does with FILES (of GFile) what a drop of them does; whether there was one to add. */
gboolean bottega_drop_area_take (BottegaDropArea *self, GSList *files);

G_END_DECLS
