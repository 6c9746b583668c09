/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the dialog that asks for a title. Must not know where the title is kept. */
#define G_LOG_DOMAIN "bottega-rename-dialog"

#include "config.h"

#include "app/ui/bottega-rename-dialog.h"

#include <glib/gi18n.h>

static void
changed_cb (GtkEditable *entry,
            AdwAlertDialog *dialog)
{
  g_autofree char *title = g_strstrip (g_strdup (gtk_editable_get_text (entry)));

  adw_alert_dialog_set_response_enabled (dialog, "rename", *title != 0);
}

static void
response_cb (BottegaConversation *conversation,
             const char *response,
             AdwAlertDialog *dialog)
{
  GtkEditable *entry = GTK_EDITABLE (adw_alert_dialog_get_extra_child (dialog));
  g_autofree char *title = g_strstrip (g_strdup (gtk_editable_get_text (entry)));

  g_assert (BOTTEGA_IS_CONVERSATION (conversation));

  if (g_str_equal (response, "rename") && *title != 0)
    bottega_conversation_set_title (conversation, title);
}

void
bottega_rename_dialog_present (BottegaConversation *conversation,
                               GtkWidget *parent)
{
  AdwDialog *dialog = adw_alert_dialog_new (_ ("Rename Conversation"), NULL);
  AdwAlertDialog *alert = ADW_ALERT_DIALOG (dialog);
  GtkWidget *entry = gtk_entry_new ();

  g_return_if_fail (BOTTEGA_IS_CONVERSATION (conversation));

  gtk_editable_set_text (GTK_EDITABLE (entry), bottega_conversation_get_title (conversation));
  gtk_entry_set_activates_default (GTK_ENTRY (entry), TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Title"), -1);
  adw_alert_dialog_set_extra_child (alert, entry);
  adw_alert_dialog_add_responses (alert, "cancel", _ ("_Cancel"), "rename", _ ("_Rename"), NULL);
  adw_alert_dialog_set_response_appearance (alert, "rename", ADW_RESPONSE_SUGGESTED);
  adw_alert_dialog_set_default_response (alert, "rename");
  adw_alert_dialog_set_close_response (alert, "cancel");
  g_signal_connect_object (entry, "changed", G_CALLBACK (changed_cb), dialog, 0);
  g_signal_connect_object (dialog, "response", G_CALLBACK (response_cb), conversation,
                           G_CONNECT_SWAPPED);
  adw_dialog_set_focus (dialog, entry);
  adw_dialog_present (dialog, parent);
}
