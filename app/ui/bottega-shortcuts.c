/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the table of shortcuts and the dialog made from it (libadwaita 1.7 has none and GTK's own is
 * deprecated since 4.18). Must not know what the actions do. */
#define G_LOG_DOMAIN "bottega-shortcuts"

#include "config.h"

#include "app/ui/bottega-shortcuts.h"

#include <glib/gi18n.h>

typedef struct {
  const char *section; /* set: opens a group; the rest is NULL */
  const char *action;
  const char *accels;
  const char *title;
} Shortcut;

#define SECTION(title)                  { title, NULL, NULL, NULL },
#define SHORTCUT(action, accels, title) { NULL, action, accels, title },
static const Shortcut shortcuts[] = {
#include "app/ui/bottega-shortcuts.def"
};
#undef SECTION
#undef SHORTCUT

void
bottega_shortcuts_install (GtkApplication *application)
{
  g_return_if_fail (GTK_IS_APPLICATION (application));

  for (size_t i = 0; i < G_N_ELEMENTS (shortcuts); i++) {
    g_auto (GStrv) accels = NULL;
    if (shortcuts[i].action == NULL)
      continue;
    accels = g_strsplit (shortcuts[i].accels, " ", -1);
    gtk_application_set_accels_for_action (application, shortcuts[i].action,
                                           (const char *const *) accels);
  }
}

/* "Ctrl", "Shift", "C" as keycaps beside each other. */
static GtkWidget *
keycaps_new (const char *accel)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4);
  g_autofree char *label = NULL;
  g_auto (GStrv) keys = NULL;
  GdkModifierType modifiers;
  guint key;

  if (!gtk_accelerator_parse (accel, &key, &modifiers))
    return box;
  label = gtk_accelerator_get_label (key, modifiers);
  keys = g_strsplit (label, "+", -1);
  for (char **k = keys; *k != NULL; k++) {
    GtkWidget *cap = gtk_label_new (*k);
    gtk_widget_add_css_class (cap, "keycap");
    gtk_box_append (GTK_BOX (box), cap);
  }
  return box;
}

static GtkWidget *
row_new (const Shortcut *shortcut)
{
  GtkWidget *row = adw_action_row_new ();
  g_auto (GStrv) accels = g_strsplit (shortcut->accels, " ", -1);
  g_autoptr (GString) spoken = g_string_new (NULL);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ (shortcut->title));
  for (char **accel = accels; *accel != NULL; accel++) {
    GdkModifierType modifiers;
    guint key;
    GtkWidget *caps = keycaps_new (*accel);
    gtk_widget_set_valign (caps, GTK_ALIGN_CENTER);
    gtk_widget_set_margin_start (caps, accel == accels ? 0 : 6);
    adw_action_row_add_suffix (ADW_ACTION_ROW (row), caps);
    if (gtk_accelerator_parse (*accel, &key, &modifiers)) {
      g_autofree char *label = gtk_accelerator_get_label (key, modifiers);
      g_string_append_printf (spoken, "%s%s", spoken->len > 0 ? ", " : "", label);
    }
  }
  gtk_accessible_update_property (GTK_ACCESSIBLE (row),
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, spoken->str,
                                  -1);
  return row;
}

void
bottega_shortcuts_present (GtkWidget *parent)
{
  AdwDialog *dialog = adw_dialog_new ();
  GtkWidget *view = adw_toolbar_view_new ();
  GtkWidget *page = adw_preferences_page_new ();
  AdwPreferencesGroup *group = NULL;

  g_return_if_fail (GTK_IS_WIDGET (parent));

  for (size_t i = 0; i < G_N_ELEMENTS (shortcuts); i++) {
    if (shortcuts[i].section != NULL) {
      group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
      adw_preferences_group_set_title (group, _ (shortcuts[i].section));
      adw_preferences_page_add (ADW_PREFERENCES_PAGE (page), group);
    } else {
      adw_preferences_group_add (group, row_new (&shortcuts[i]));
    }
  }
  adw_toolbar_view_add_top_bar (ADW_TOOLBAR_VIEW (view), adw_header_bar_new ());
  adw_toolbar_view_set_content (ADW_TOOLBAR_VIEW (view), page);
  adw_dialog_set_title (dialog, _ ("Keyboard Shortcuts"));
  adw_dialog_set_content_width (dialog, 520);
  adw_dialog_set_content_height (dialog, 640);
  adw_dialog_set_child (dialog, view);
  adw_dialog_present (dialog, parent);
}
