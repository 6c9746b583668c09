/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what all that asks the portal needs to know of it. Must not know what it is asked. */
#include "config.h"

#include "app/ui/bottega-portal.h"

GDBusConnection *
bottega_portal_get_bus (void)
{
  return g_application_get_dbus_connection (g_application_get_default ());
}

gboolean
bottega_portal_is_sandboxed (void)
{
  return g_file_test ("/.flatpak-info", G_FILE_TEST_EXISTS);
}
