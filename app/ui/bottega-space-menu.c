/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the menu of spaces and its two dialogs. Must not know how a space is kept, nor who shows
 * what is in it: the window's action opens one. */
#define G_LOG_DOMAIN "bottega-space-menu"

#include "config.h"

#include "app/assistant/bottega-spaces.h"
#include "app/ui/bottega-space-menu.h"

#include <glib/gi18n.h>

struct _BottegaSpaceMenu {
  AdwBin parent_instance;

  GtkMenuButton *button;
  GtkLabel *label;

  BottegaAssistant *assistant;
  GSimpleAction *open; /* its state is the open space's name */
};

G_DEFINE_FINAL_TYPE (BottegaSpaceMenu, bottega_space_menu, ADW_TYPE_BIN)

const char *
bottega_space_menu_title (const char *name)
{
  g_return_val_if_fail (name != NULL, NULL);

  return g_str_equal (name, BOTTEGA_SPACE_DEFAULT) ? _ ("Personal") : name;
}

static gboolean
open_space (BottegaSpaceMenu *self,
            const char *name)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "win.open-space", "s", name);
  return g_str_equal (bottega_assistant_get_space (self->assistant), name);
}

static void
update_cb (BottegaSpaceMenu *self)
{
  const char *name = bottega_assistant_get_space (self->assistant);
  const char *title = bottega_space_menu_title (name);
  /* TRANSLATORS: the button that opens the menu of spaces; %s is the name of the open one. */
  g_autofree char *description = g_strdup_printf (_ ("Space: %s"), title);

  g_assert (BOTTEGA_IS_SPACE_MENU (self));

  gtk_label_set_label (self->label, title);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  description, -1);
  g_simple_action_set_state (self->open, g_variant_new_string (name));
}

/* The spaces that are there now. */
static void
fill_menu (GtkMenuButton *button,
           gpointer user_data)
{
  BottegaSpaceMenu *self = user_data;
  const char *open = bottega_assistant_get_space (self->assistant);
  g_auto (GStrv) names = bottega_spaces_list (bottega_assistant_get_data_dir (self->assistant));
  g_autoptr (GMenu) menu = g_menu_new ();
  g_autoptr (GMenu) spaces = g_menu_new ();
  g_autoptr (GMenu) changes = g_menu_new ();

  for (char **name = names; *name != NULL; name++) {
    g_autoptr (GMenuItem) item = g_menu_item_new (bottega_space_menu_title (*name), NULL);

    g_menu_item_set_action_and_target (item, "space.open", "s", *name);
    g_menu_append_item (spaces, item);
  }
  g_menu_append (changes, _ ("_New Space…"), "space.new");
  if (!g_str_equal (open, BOTTEGA_SPACE_DEFAULT))
    g_menu_append (changes, _ ("_Delete This Space…"), "space.delete");
  g_menu_append_section (menu, NULL, G_MENU_MODEL (spaces));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (changes));
  gtk_menu_button_set_menu_model (button, G_MENU_MODEL (menu));
}

static void
open_action (GSimpleAction *action,
             GVariant *parameter,
             gpointer user_data)
{
  open_space (user_data, g_variant_get_string (parameter, NULL));
}

/* ---- a new one */

static void
name_changed_cb (GtkEditable *entry,
                 AdwAlertDialog *dialog)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (entry)));

  adw_alert_dialog_set_response_enabled (dialog, "create", bottega_spaces_check_name (name, NULL));
}

static void
new_response_cb (BottegaSpaceMenu *self,
                 const char *response,
                 AdwAlertDialog *dialog)
{
  GtkEditable *entry = GTK_EDITABLE (adw_alert_dialog_get_extra_child (dialog));
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (entry)));

  g_assert (BOTTEGA_IS_SPACE_MENU (self));

  if (g_str_equal (response, "create") && bottega_spaces_check_name (name, NULL))
    open_space (self, name);
}

static void
new_action (GSimpleAction *action,
            GVariant *parameter,
            gpointer user_data)
{
  AdwDialog *dialog = adw_alert_dialog_new (
      _ ("New Space"), _ ("A space has conversations and documents of its own."));
  AdwAlertDialog *alert = ADW_ALERT_DIALOG (dialog);
  GtkWidget *entry = gtk_entry_new ();

  gtk_entry_set_activates_default (GTK_ENTRY (entry), TRUE);
  gtk_entry_set_placeholder_text (GTK_ENTRY (entry), _ ("Name"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Name"), -1);
  adw_alert_dialog_set_extra_child (alert, entry);
  adw_alert_dialog_add_responses (alert, "cancel", _ ("_Cancel"), "create", _ ("C_reate"), NULL);
  adw_alert_dialog_set_response_appearance (alert, "create", ADW_RESPONSE_SUGGESTED);
  adw_alert_dialog_set_response_enabled (alert, "create", FALSE);
  adw_alert_dialog_set_default_response (alert, "create");
  adw_alert_dialog_set_close_response (alert, "cancel");
  g_signal_connect_object (entry, "changed", G_CALLBACK (name_changed_cb), dialog, 0);
  g_signal_connect_object (dialog, "response", G_CALLBACK (new_response_cb), user_data,
                           G_CONNECT_SWAPPED);
  adw_dialog_set_focus (dialog, entry);
  adw_dialog_present (dialog, GTK_WIDGET (user_data));
}

/* ---- deleting */

static void
delete_response_cb (BottegaSpaceMenu *self,
                    const char *response)
{
  g_autofree char *name = g_strdup (bottega_assistant_get_space (self->assistant));
  g_autoptr (GError) error = NULL;

  g_assert (BOTTEGA_IS_SPACE_MENU (self));

  if (!g_str_equal (response, "delete") || !open_space (self, BOTTEGA_SPACE_DEFAULT))
    return;
  if (!bottega_assistant_delete_space (self->assistant, name, &error))
    gtk_widget_activate_action (GTK_WIDGET (self), "win.say", "s", error->message);
}

static void
delete_action (GSimpleAction *action,
               GVariant *parameter,
               gpointer user_data)
{
  BottegaSpaceMenu *self = user_data;
  const char *title = bottega_space_menu_title (bottega_assistant_get_space (self->assistant));
  AdwDialog *dialog = adw_alert_dialog_new (NULL, NULL);
  AdwAlertDialog *alert = ADW_ALERT_DIALOG (dialog);

  /* TRANSLATORS: %s is the name of a space. */
  adw_alert_dialog_format_heading (alert, _ ("Delete “%s”?"), title);
  adw_alert_dialog_set_body (
      alert, _ ("Its conversations, and what was read of its documents, are deleted for good. The "
                "documents themselves stay where they are."));
  adw_alert_dialog_add_responses (alert, "cancel", _ ("_Cancel"), "delete", _ ("_Delete"), NULL);
  adw_alert_dialog_set_response_appearance (alert, "delete", ADW_RESPONSE_DESTRUCTIVE);
  adw_alert_dialog_set_default_response (alert, "cancel");
  adw_alert_dialog_set_close_response (alert, "cancel");
  g_signal_connect_object (dialog, "response", G_CALLBACK (delete_response_cb), self,
                           G_CONNECT_SWAPPED);
  adw_dialog_present (dialog, GTK_WIDGET (self));
}

/* ---- the class */

static void
bottega_space_menu_dispose (GObject *object)
{
  BottegaSpaceMenu *self = BOTTEGA_SPACE_MENU (object);

  g_clear_object (&self->assistant);
  G_OBJECT_CLASS (bottega_space_menu_parent_class)->dispose (object);
}

static void
bottega_space_menu_finalize (GObject *object)
{
  g_object_unref (BOTTEGA_SPACE_MENU (object)->open);
  G_OBJECT_CLASS (bottega_space_menu_parent_class)->finalize (object);
}

static void
bottega_space_menu_class_init (BottegaSpaceMenuClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bottega_space_menu_dispose;
  G_OBJECT_CLASS (klass)->finalize = bottega_space_menu_finalize;
}

static void
bottega_space_menu_init (BottegaSpaceMenu *self)
{
  static const GActionEntry entries[] = {
    { .name = "open", .activate = open_action, .parameter_type = "s", .state = "''" },
    { .name = "new", .activate = new_action },
    { .name = "delete", .activate = delete_action },
  };
  g_autoptr (GSimpleActionGroup) group = g_simple_action_group_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *label = gtk_label_new (NULL);
  GtkWidget *button = gtk_menu_button_new ();

  g_action_map_add_action_entries (G_ACTION_MAP (group), entries, G_N_ELEMENTS (entries), self);
  self->open = g_object_ref (
      G_SIMPLE_ACTION (g_action_map_lookup_action (G_ACTION_MAP (group), "open")));
  gtk_widget_insert_action_group (GTK_WIDGET (self), "space", G_ACTION_GROUP (group));
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), gtk_image_new_from_icon_name ("pan-down-symbolic"));
  gtk_menu_button_set_child (GTK_MENU_BUTTON (button), box);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_tooltip_text (button, _ ("Spaces"));
  gtk_menu_button_set_create_popup_func (GTK_MENU_BUTTON (button), fill_menu, self, NULL);
  adw_bin_set_child (ADW_BIN (self), button);
  self->button = GTK_MENU_BUTTON (button);
  self->label = GTK_LABEL (label);
}

void
bottega_space_menu_set_assistant (BottegaSpaceMenu *self,
                                  BottegaAssistant *assistant)
{
  g_return_if_fail (BOTTEGA_IS_SPACE_MENU (self) && self->assistant == NULL);
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant));

  self->assistant = g_object_ref (assistant);
  g_signal_connect_object (assistant, "notify::space", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  update_cb (self);
}
