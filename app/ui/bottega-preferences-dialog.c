/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the rows of the preferences. Must not know how a setting is stored or used. */
#define G_LOG_DOMAIN "bottega-preferences-dialog"

#include "config.h"

#include "app/assistant/bottega-devices.h"
#include "app/assistant/bottega-model-planning.h"
#include "app/ui/bottega-device-row.h"
#include "app/ui/bottega-preferences-dialog.h"

#include <glib/gi18n.h>

struct _BottegaPreferencesDialog {
  AdwPreferencesDialog parent_instance;

  GtkTextView *instructions_view;
  AdwSwitchRow *only_documents_row;
  GtkSpinButton *temperature_button;
  GtkSpinButton *answer_button;
  GtkSpinButton *kept_button;
  AdwComboRow *device_row;
  AdwActionRow *device_now_row;
  AdwComboRow *context_row;
  AdwComboRow *kv_row;
  GtkWidget *reload_group;

  BottegaAssistant *assistant;
  GPtrArray *device_ids; /* of char *, in the order of the row */
  char *loaded_device;   /* the settings that the loaded model was loaded with */
  guint loaded_context;
  char *loaded_kv_type;
  guint64 kv_bytes[2]; /* of the default model, in the order of the row; 0: not known */
  guint prices_asked;  /* times that these were: what answers an earlier one is out of date */
  gboolean filling;    /* the rows are being set from the settings */
};

G_DEFINE_FINAL_TYPE (BottegaPreferencesDialog, bottega_preferences_dialog,
                     ADW_TYPE_PREFERENCES_DIALOG)

static const char *const kv_types[] = { "f16", "q8_0" };
static const guint context_choices[] = { 0, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072 };

static BottegaSettings *
get_settings (BottegaPreferencesDialog *self)
{
  return bottega_assistant_get_settings (self->assistant);
}

static gboolean
needs_reload (BottegaPreferencesDialog *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);

  return bottega_engine_thread_get_model_path (engine) != NULL &&
         (g_strcmp0 (self->loaded_device, bottega_settings_get_device (get_settings (self))) != 0 ||
          g_strcmp0 (self->loaded_kv_type, bottega_settings_get_kv_type (get_settings (self))) !=
              0 ||
          self->loaded_context != bottega_settings_get_context_length (get_settings (self)));
}

static void
update_reload_cb (BottegaPreferencesDialog *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);
  const char *description = bottega_engine_thread_get_device_description (engine);

  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  gtk_widget_set_visible (self->reload_group, needs_reload (self));
  if (description == NULL)
    description = _ ("No model is loaded.");
  adw_action_row_set_subtitle (self->device_now_row, description);
}

/* What is set now is what the next load uses. */
static void
remember_loaded (BottegaPreferencesDialog *self)
{
  g_set_str (&self->loaded_device, bottega_settings_get_device (get_settings (self)));
  g_set_str (&self->loaded_kv_type, bottega_settings_get_kv_type (get_settings (self)));
  self->loaded_context = bottega_settings_get_context_length (get_settings (self));
}

static void
reload_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  BottegaPreferencesDialog *self = BOTTEGA_PREFERENCES_DIALOG (widget);

  remember_loaded (self);
  bottega_assistant_reload_model (self->assistant);
  update_reload_cb (self);
}

/* A change that was not applied yet is applied now, so that what is set is what is used. */
static void
closed_cb (BottegaPreferencesDialog *self)
{
  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  if (needs_reload (self))
    bottega_assistant_reload_model (self->assistant);
}

/* ---- device */

static void
device_selected_cb (BottegaPreferencesDialog *self)
{
  guint selected = adw_combo_row_get_selected (self->device_row);

  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  if (self->filling || selected >= self->device_ids->len)
    return;
  g_object_set (get_settings (self), "device", g_ptr_array_index (self->device_ids, selected),
                NULL);
}

/* devices: GPtrArray of EngineDevice; NULL while they are not known. */
static void
fill_devices (BottegaPreferencesDialog *self,
              GPtrArray *devices)
{
  self->filling = TRUE;
  bottega_device_row_fill (self->device_row, self->device_ids, NULL, devices,
                           bottega_settings_get_device (get_settings (self)));
  self->filling = FALSE;
}

static void
devices_cb (GObject *source,
            GAsyncResult *result,
            gpointer user_data)
{
  g_autoptr (BottegaPreferencesDialog) self = user_data;
  g_autoptr (GPtrArray) devices = bottega_devices_list_finish (result);

  if (devices != NULL && self->assistant != NULL)
    fill_devices (self, devices);
}

/* ---- context */

static void
context_selected_cb (BottegaPreferencesDialog *self)
{
  guint selected = adw_combo_row_get_selected (self->context_row);

  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  if (!self->filling && selected < G_N_ELEMENTS (context_choices))
    g_object_set (get_settings (self), "context-length", context_choices[selected], NULL);
}

static void
fill_context (BottegaPreferencesDialog *self)
{
  g_autoptr (GtkStringList) names = gtk_string_list_new (NULL);
  BottegaModelItem *item =
      bottega_model_store_get_default (bottega_assistant_get_models (self->assistant));
  guint trained = item != NULL ? bottega_model_item_get_context (item) : 0;
  guint tokens = bottega_settings_get_context_length (get_settings (self));
  guint selected = 0;

  gtk_string_list_append (names, _ ("Automatic"));
  for (guint i = 1; i < G_N_ELEMENTS (context_choices); i++) {
    /* More than the model was trained for would not be used. */
    if (trained > 0 && context_choices[i] > trained)
      break;
    gtk_string_list_take (names, g_strdup_printf (_ ("%'u tokens"), context_choices[i]));
    if (context_choices[i] <= tokens)
      selected = i;
  }
  self->filling = TRUE;
  adw_combo_row_set_model (self->context_row, G_LIST_MODEL (names));
  adw_combo_row_set_selected (self->context_row, selected);
  self->filling = FALSE;
}

/* ---- what keys and values are kept as */

static void
kv_selected_cb (BottegaPreferencesDialog *self)
{
  guint selected = adw_combo_row_get_selected (self->kv_row);

  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  if (!self->filling && selected < G_N_ELEMENTS (kv_types))
    g_object_set (get_settings (self), "kv-type", kv_types[selected], NULL);
}

static void
fill_kv (BottegaPreferencesDialog *self)
{
  self->filling = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (kv_types); i++)
    if (g_strcmp0 (kv_types[i], bottega_settings_get_kv_type (get_settings (self))) == 0)
      adw_combo_row_set_selected (self->kv_row, i);
  self->filling = FALSE;
}

static void
show_prices (BottegaPreferencesDialog *self)
{
  g_autofree char *precise = g_format_size (self->kv_bytes[0]);
  g_autofree char *compact = g_format_size (self->kv_bytes[1]);
  g_autofree char *text = NULL;

  if (self->kv_bytes[0] == 0 || self->kv_bytes[1] == 0)
    return;
  if (self->kv_bytes[0] == self->kv_bytes[1])
    text = g_strdup_printf (_ ("This model keeps conversations precise: %s."), precise);
  else
    /* Translators: two sizes, "189 MB". */
    text = g_strdup_printf (_ ("Precise takes %s, compact %s. Answers hardly change."), precise,
                            compact);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->kv_row), text);
}

/* A plan that was asked for. */
typedef struct {
  BottegaPreferencesDialog *self; /* owned */
  guint index, asked;             /* asked: see the dialog's */
} Price;

static void
price_cb (GObject *source,
          GAsyncResult *result,
          gpointer user_data)
{
  g_autofree Price *price = user_data;
  g_autoptr (BottegaPreferencesDialog) self = price->self;
  g_autoptr (BottegaPlan) plan = bottega_model_store_plan_finish (result, NULL);

  if (plan == NULL || self->assistant == NULL || price->asked != self->prices_asked)
    return;
  self->kv_bytes[price->index] = plan->kv_bytes;
  show_prices (self);
}

static void
ask_prices_cb (BottegaPreferencesDialog *self)
{
  BottegaModelStore *models = bottega_assistant_get_models (self->assistant);
  BottegaModelItem *item = bottega_model_store_get_default (models);

  g_assert (BOTTEGA_IS_PREFERENCES_DIALOG (self));

  self->kv_bytes[0] = self->kv_bytes[1] = 0;
  self->prices_asked++;
  for (guint i = 0; item != NULL && i < G_N_ELEMENTS (kv_types); i++) {
    Price *price = g_new (Price, 1);

    *price = (Price) { g_object_ref (self), i, self->prices_asked };
    bottega_model_store_plan_async (models, item, kv_types[i], FALSE, price_cb, price);
  }
}

/* ---- the class */

static void
bottega_preferences_dialog_dispose (GObject *object)
{
  BottegaPreferencesDialog *self = BOTTEGA_PREFERENCES_DIALOG (object);

  g_clear_object (&self->assistant);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_PREFERENCES_DIALOG);
  G_OBJECT_CLASS (bottega_preferences_dialog_parent_class)->dispose (object);
}

static void
bottega_preferences_dialog_finalize (GObject *object)
{
  BottegaPreferencesDialog *self = BOTTEGA_PREFERENCES_DIALOG (object);

  g_ptr_array_unref (self->device_ids);
  g_free (self->loaded_device);
  g_free (self->loaded_kv_type);
  G_OBJECT_CLASS (bottega_preferences_dialog_parent_class)->finalize (object);
}

static void
bottega_preferences_dialog_class_init (BottegaPreferencesDialogClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_preferences_dialog_dispose;
  object_class->finalize = bottega_preferences_dialog_finalize;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-preferences-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, instructions_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, only_documents_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, temperature_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, answer_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, kept_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, device_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, device_now_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, context_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, kv_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaPreferencesDialog, reload_group);
  gtk_widget_class_install_action (widget_class, "preferences.reload", NULL, reload_action);
}

static void
bottega_preferences_dialog_init (BottegaPreferencesDialog *self)
{
  self->device_ids = g_ptr_array_new_with_free_func (g_free);
  gtk_widget_init_template (GTK_WIDGET (self));
}

static void
bind_settings (BottegaPreferencesDialog *self)
{
  BottegaSettings *settings = get_settings (self);
  const GBindingFlags both = G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL;

  g_object_bind_property (settings, "instructions",
                          gtk_text_view_get_buffer (self->instructions_view), "text", both);
  g_object_bind_property (settings, "only-documents", self->only_documents_row, "active", both);
  g_object_bind_property (settings, "temperature", self->temperature_button, "value", both);
  g_object_bind_property (settings, "max-answer-tokens", self->answer_button, "value", both);
  g_object_bind_property (settings, "kept-megabytes", self->kept_button, "value", both);
  g_signal_connect_object (settings, "notify::device", G_CALLBACK (update_reload_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::context-length", G_CALLBACK (update_reload_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::kv-type", G_CALLBACK (update_reload_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::device", G_CALLBACK (ask_prices_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::context-length", G_CALLBACK (ask_prices_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (bottega_assistant_get_engine (self->assistant), "notify",
                           G_CALLBACK (update_reload_cb), self, G_CONNECT_SWAPPED);
}

AdwDialog *
bottega_preferences_dialog_new (BottegaAssistant *assistant)
{
  BottegaPreferencesDialog *self = g_object_new (BOTTEGA_TYPE_PREFERENCES_DIALOG, NULL);

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);

  self->assistant = g_object_ref (assistant);
  remember_loaded (self);
  fill_devices (self, NULL);
  fill_context (self);
  fill_kv (self);
  g_signal_connect_object (self->kv_row, "notify::selected", G_CALLBACK (kv_selected_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->device_row, "notify::selected",
                           G_CALLBACK (device_selected_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->context_row, "notify::selected",
                           G_CALLBACK (context_selected_cb), self, G_CONNECT_SWAPPED);
  bind_settings (self);
  g_signal_connect (self, "closed", G_CALLBACK (closed_cb), NULL);
  update_reload_cb (self);
  ask_prices_cb (self);
  bottega_devices_list_async (devices_cb, g_object_ref (self));
  return ADW_DIALOG (self);
}
