/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the rows about how answers are written, and going back to defaults. Must not know how a
 * setting is stored or used; memory and speed have a page of their own. */
#define G_LOG_DOMAIN "bottega-preferences-dialog"

#include "config.h"

#include "app/assistant/bottega-presets.h"
#include "app/ui/bottega-memory-page.h"
#include "app/ui/bottega-preferences-dialog.h"
#include "app/ui/bottega-wheel.h"

#include <glib/gi18n.h>

struct _BottegaPreferencesDialog {
  AdwPreferencesDialog parent_instance;

  GtkTextView *instructions_view;
  AdwSwitchRow *only_documents_row;
  GtkSpinButton *temperature_button;
  GtkSpinButton *answer_button;
  BottegaMemoryPage *memory_page;

  BottegaSettings *settings;
};

G_DEFINE_FINAL_TYPE (BottegaPreferencesDialog, bottega_preferences_dialog,
                     ADW_TYPE_PREFERENCES_DIALOG)

/* ---- going back to defaults */

static void
update_reset_cb (BottegaPreferencesDialog *self)
{
  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "preferences.reset",
                                 bottega_presets_any_set (self->settings));
}

static void
undo_cb (BottegaPreferencesDialog *self,
         AdwToast *toast)
{
  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  if (self->settings != NULL)
    bottega_presets_restore (g_object_get_data (G_OBJECT (toast), "saved"), self->settings);
}

static void
reset_action (GtkWidget *widget,
              const char *name,
              GVariant *parameter)
{
  BottegaPreferencesDialog *self = BOTTEGA_PREFERENCES_DIALOG (widget);
  AdwToast *toast = adw_toast_new (_ ("Memory and speed are back to their defaults"));

  adw_toast_set_button_label (toast, _ ("_Undo"));
  g_object_set_data_full (G_OBJECT (toast), "saved", bottega_presets_save (self->settings),
                          (GDestroyNotify) g_hash_table_unref);
  g_signal_connect_object (toast, "button-clicked", G_CALLBACK (undo_cb), self, G_CONNECT_SWAPPED);
  bottega_memory_page_focus (self->memory_page);
  bottega_presets_reset (self->settings);
  adw_preferences_dialog_add_toast (ADW_PREFERENCES_DIALOG (self), toast);
}

/* A change that was not applied yet is applied now, so that what is set is what is used. */
static void
closed_cb (BottegaPreferencesDialog *self)
{
  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  bottega_memory_page_apply (self->memory_page);
}

/* ---- the class */

static void
bottega_preferences_dialog_dispose (GObject *object)
{
  BottegaPreferencesDialog *self = BOTTEGA_PREFERENCES_DIALOG (object);

  g_clear_object (&self->settings);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_PREFERENCES_DIALOG);
  G_OBJECT_CLASS (bottega_preferences_dialog_parent_class)->dispose (object);
}

static void
bottega_preferences_dialog_class_init (BottegaPreferencesDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_preferences_dialog_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-preferences-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, instructions_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, only_documents_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, temperature_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, answer_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, memory_page);
  gtk_widget_class_install_action (widget_class, "preferences.reset", NULL, reset_action);
  g_type_ensure (BOTTEGA_TYPE_MEMORY_PAGE);
}

static void
bottega_preferences_dialog_init (BottegaPreferencesDialog *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  bottega_wheel_scrolls_only (GTK_WIDGET (self->temperature_button));
  bottega_wheel_scrolls_only (GTK_WIDGET (self->answer_button));
}

AdwDialog *
bottega_preferences_dialog_new (BottegaAssistant *assistant)
{
  BottegaPreferencesDialog *self = g_object_new (BOTTEGA_TYPE_PREFERENCES_DIALOG, NULL);
  const GBindingFlags both = G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL;
  BottegaSettings *settings;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);

  settings = self->settings = g_object_ref (bottega_assistant_get_settings (assistant));
  g_object_bind_property (settings, "instructions",
                          gtk_text_view_get_buffer (self->instructions_view), "text", both);
  g_object_bind_property (settings, "only-documents", self->only_documents_row, "active", both);
  g_object_bind_property (settings, "temperature", self->temperature_button, "value", both);
  g_object_bind_property (settings, "max-answer-tokens", self->answer_button, "value", both);
  bottega_memory_page_set_assistant (self->memory_page, assistant);
  g_signal_connect_object (settings, "notify", G_CALLBACK (update_reset_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect (self, "closed", G_CALLBACK (closed_cb), NULL);
  update_reset_cb (self);
  return ADW_DIALOG (self);
}
