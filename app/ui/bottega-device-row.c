/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the order and the names of the devices that can be chosen. Must not know what is done with
 * the choice. */
#define G_LOG_DOMAIN "bottega-device-row"

#include "config.h"

#include "app/assistant/bottega-devices.h"
#include "app/ui/bottega-device-row.h"

#include <glib/gi18n.h>

static gboolean
is_same_id (gconstpointer a,
            gconstpointer b)
{
  return g_strcmp0 (a, b) == 0;
}

static void
add_device (GtkStringList *names,
            GPtrArray *ids,
            const char *id,
            const char *name)
{
  gtk_string_list_append (names, name);
  g_ptr_array_add (ids, g_strdup (id));
}

void
bottega_device_row_fill (AdwComboRow *row,
                         GPtrArray *ids,
                         const char *unset,
                         GPtrArray *devices,
                         const char *chosen)
{
  g_autoptr (GtkStringList) names = gtk_string_list_new (NULL);
  guint selected = 0;

  g_ptr_array_set_size (ids, 0);
  if (unset != NULL)
    add_device (names, ids, NULL, unset);
  add_device (names, ids, "auto", _ ("Automatic"));
  add_device (names, ids, "cpu", _ ("Processor"));
  for (guint i = 0; devices != NULL && i < devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);

    if (device->usable && g_strcmp0 (device->id, "cpu") != 0)
      add_device (names, ids, device->id, device->name);
  }
  if (!g_ptr_array_find_with_equal_func (ids, chosen, is_same_id, &selected)) {
    add_device (names, ids, chosen, chosen);
    selected = ids->len - 1;
  }
  adw_combo_row_set_model (row, G_LIST_MODEL (names));
  adw_combo_row_set_selected (row, selected);
}
