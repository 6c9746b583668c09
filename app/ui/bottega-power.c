/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks the daemon of the power profiles, whose name on the bus has changed: first the new one. Must
 * not know why. */
#define G_LOG_DOMAIN "bottega-power"

#include "config.h"

#include "app/ui/bottega-power.h"

#include <glib/gi18n.h>

static const struct {
  const char *name, *path;
} daemons[] = {
  { "org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles" },
  { "net.hadess.PowerProfiles", "/net/hadess/PowerProfiles" },
};

typedef struct {
  GtkWidget *widget; /* owned */
  guint daemon;      /* that was asked */
} Ask;

static void ask (Ask *request);

static void
end (Ask *request,
     const char *sentence)
{
  gtk_widget_activate_action (request->widget, "win.say", "s", sentence);
  g_object_unref (request->widget);
  g_free (request);
}

static void
asked_cb (GObject *source,
          GAsyncResult *result,
          gpointer user_data)
{
  Ask *request = user_data;
  g_autoptr (GVariant) reply =
      g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);

  if (reply != NULL) {
    end (request, _ ("Power saver is off"));
  } else {
    request->daemon++;
    ask (request);
  }
}

static void
ask (Ask *request)
{
  g_autoptr (GDBusConnection) bus = NULL;
  guint i = request->daemon;

  if (i < G_N_ELEMENTS (daemons))
    bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, NULL);
  if (bus == NULL) {
    end (request, _ ("Turn off power saver in the settings of the system."));
    return;
  }
  g_dbus_connection_call (bus, daemons[i].name, daemons[i].path,
                          "org.freedesktop.DBus.Properties", "Set",
                          g_variant_new ("(ssv)", daemons[i].name, "ActiveProfile",
                                         g_variant_new_string ("balanced")),
                          NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, asked_cb, request);
}

void
bottega_power_balance (GtkWidget *widget)
{
  Ask *request = g_new0 (Ask, 1);

  g_return_if_fail (GTK_IS_WIDGET (widget));

  request->widget = g_object_ref (widget);
  ask (request);
}
