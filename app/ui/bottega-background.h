/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes on when the window is closed: answers, documents and copies of models that are on their
 * way come to their end out of sight, then the program ends. The desktop's portal is asked for
 * that, and a no ends it at once, as quitting does. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

/* For a window that is being closed. TRUE: there is something to end, and the window was hidden
 * instead; it is destroyed later, unless it is shown again. */
gboolean bottega_background_keep (GtkWindow *window, BottegaAssistant *assistant);

G_END_DECLS
