/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The desktop's portal: where it is on the session bus, and whether it is the only way out. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_PORTAL_NAME "org.freedesktop.portal.Desktop"
#define BOTTEGA_PORTAL_PATH "/org/freedesktop/portal/desktop"

/* The application's own connection, borrowed; NULL: there is no session bus. Main thread. */
GDBusConnection *bottega_portal_get_bus (void);
/* Inside of Flatpak. */
gboolean bottega_portal_is_sandboxed (void);

G_END_DECLS
