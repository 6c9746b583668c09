/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Notifications: a long answer, or the documents, are done while the window is not the one in use.
 * They lead to what they are about (app.open-conversation, app.library) and go when the window is
 * looked at. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_NOTICES (bottega_notices_get_type ())
G_DECLARE_FINAL_TYPE (BottegaNotices, bottega_notices, BOTTEGA, NOTICES, GObject)

/* Watches from now on, for as long as it lives. */
BottegaNotices *bottega_notices_new (GtkWindow *window, BottegaAssistant *assistant);

G_END_DECLS
