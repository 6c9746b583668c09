/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The window: the list of conversations beside the one that is shown. Everything that the widgets
 * in it ask for is an action here (win.…). */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_WINDOW (bottega_window_get_type ())
G_DECLARE_FINAL_TYPE (BottegaWindow, bottega_window, BOTTEGA, WINDOW, AdwApplicationWindow)

GtkWidget *bottega_window_new (GtkApplication *application, BottegaAssistant *assistant);

G_END_DECLS
