/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the list of models and the removal that can be undone. Must not know how a file is brought
 * in or loaded: the window's actions and the model store do that. */
#define G_LOG_DOMAIN "bottega-models-dialog"

#include "config.h"

#include "app/ui/bottega-model-row.h"
#include "app/ui/bottega-models-dialog.h"

#include <glib/gi18n.h>

struct _BottegaModelsDialog {
  AdwDialog parent_instance;

  AdwToastOverlay *toasts;
  GtkStack *stack;
  GtkListBox *list;

  BottegaAssistant *assistant;
  GPtrArray *removed; /* of BottegaModelItem: hidden, to be deleted */
  GtkFilter *filter;
  GListModel *shown;
  GtkCheckButton *group;
};

G_DEFINE_FINAL_TYPE (BottegaModelsDialog, bottega_models_dialog, ADW_TYPE_DIALOG)

static gboolean
is_shown (gpointer item,
          gpointer user_data)
{
  BottegaModelsDialog *self = user_data;

  return !g_ptr_array_find (self->removed, item, NULL);
}

static void
items_changed_cb (BottegaModelsDialog *self)
{
  g_assert (BOTTEGA_IS_MODELS_DIALOG (self));

  gtk_stack_set_visible_child_name (self->stack,
                                    g_list_model_get_n_items (self->shown) > 0 ? "list" : "empty");
}

/* ---- removing */

static void
take_back (BottegaModelsDialog *self,
           BottegaModelItem *item)
{
  g_ptr_array_remove (self->removed, item);
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_LESS_STRICT);
}

static void
undo_cb (BottegaModelsDialog *self,
         AdwToast *toast)
{
  g_assert (BOTTEGA_IS_MODELS_DIALOG (self));

  take_back (self, g_object_get_data (G_OBJECT (toast), "model"));
}

static void
delete_file (BottegaModelsDialog *self,
             BottegaModelItem *item)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaModelItem) held = g_object_ref (item);

  if (!bottega_model_store_remove (bottega_assistant_get_models (self->assistant), held, &error)) {
    if (self->toasts != NULL)
      adw_toast_overlay_add_toast (self->toasts, adw_toast_new (error->message));
    take_back (self, held);
    return;
  }
  g_ptr_array_remove (self->removed, held);
}

static void
dismissed_cb (BottegaModelsDialog *self,
              AdwToast *toast)
{
  BottegaModelItem *item = g_object_get_data (G_OBJECT (toast), "model");

  g_assert (BOTTEGA_IS_MODELS_DIALOG (self));

  if (g_ptr_array_find (self->removed, item, NULL))
    delete_file (self, item);
}

void
bottega_models_dialog_remove (BottegaModelsDialog *self,
                              BottegaModelItem *item)
{
  g_autofree char *title = NULL;
  AdwToast *toast;

  g_return_if_fail (BOTTEGA_IS_MODELS_DIALOG (self));
  g_return_if_fail (BOTTEGA_IS_MODEL_ITEM (item));

  if (g_ptr_array_find (self->removed, item, NULL))
    return;
  g_ptr_array_add (self->removed, g_object_ref (item));
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_MORE_STRICT);
  /* TRANSLATORS: a model was removed; %s is its name. */
  title = g_strdup_printf (_ ("“%s” removed"), bottega_model_item_get_name (item));
  toast = adw_toast_new (title);
  adw_toast_set_use_markup (toast, FALSE);
  adw_toast_set_button_label (toast, _ ("_Undo"));
  g_object_set_data_full (G_OBJECT (toast), "model", g_object_ref (item), g_object_unref);
  g_signal_connect_object (toast, "button-clicked", G_CALLBACK (undo_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (dismissed_cb), self, G_CONNECT_SWAPPED);
  adw_toast_overlay_add_toast (self->toasts, toast);
}

static void
remove_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  BottegaModelsDialog *self = BOTTEGA_MODELS_DIALOG (widget);
  BottegaModelItem *item =
      bottega_model_store_find (bottega_assistant_get_models (self->assistant),
                                g_variant_get_string (parameter, NULL));

  if (item != NULL)
    bottega_models_dialog_remove (self, item);
}

static void
closed_cb (BottegaModelsDialog *self)
{
  g_assert (BOTTEGA_IS_MODELS_DIALOG (self));

  while (self->removed->len > 0) {
    g_autoptr (BottegaModelItem) item = g_object_ref (g_ptr_array_index (self->removed, 0));
    delete_file (self, item);
    g_ptr_array_remove (self->removed, item);
  }
}

/* ---- the class */

static GtkWidget *
row_new (gpointer item,
         gpointer user_data)
{
  BottegaModelsDialog *self = user_data;

  return bottega_model_row_new (item, self->group);
}

static void
bottega_models_dialog_dispose (GObject *object)
{
  BottegaModelsDialog *self = BOTTEGA_MODELS_DIALOG (object);

  if (self->list != NULL)
    gtk_list_box_bind_model (self->list, NULL, NULL, NULL, NULL);
  self->toasts = NULL;
  g_clear_object (&self->shown);
  g_clear_object (&self->filter);
  g_clear_object (&self->group);
  g_clear_object (&self->assistant);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_MODELS_DIALOG);
  G_OBJECT_CLASS (bottega_models_dialog_parent_class)->dispose (object);
}

static void
bottega_models_dialog_finalize (GObject *object)
{
  g_ptr_array_unref (BOTTEGA_MODELS_DIALOG (object)->removed);
  G_OBJECT_CLASS (bottega_models_dialog_parent_class)->finalize (object);
}

static void
bottega_models_dialog_class_init (BottegaModelsDialogClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_models_dialog_dispose;
  object_class->finalize = bottega_models_dialog_finalize;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-models-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsDialog, toasts);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsDialog, stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsDialog, list);
  gtk_widget_class_install_action (widget_class, "models.remove", "s", remove_action);
}

static void
bottega_models_dialog_init (BottegaModelsDialog *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->removed = g_ptr_array_new_with_free_func (g_object_unref);
  self->group = g_object_ref_sink (GTK_CHECK_BUTTON (gtk_check_button_new ()));
  g_signal_connect (self, "closed", G_CALLBACK (closed_cb), NULL);
}

AdwDialog *
bottega_models_dialog_new (BottegaAssistant *assistant)
{
  BottegaModelsDialog *self = g_object_new (BOTTEGA_TYPE_MODELS_DIALOG, NULL);
  BottegaModelStore *models;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);

  self->assistant = g_object_ref (assistant);
  models = bottega_assistant_get_models (assistant);
  self->filter = GTK_FILTER (gtk_custom_filter_new (is_shown, self, NULL));
  self->shown = G_LIST_MODEL (gtk_filter_list_model_new (g_object_ref (G_LIST_MODEL (models)),
                                                         g_object_ref (self->filter)));
  gtk_list_box_bind_model (self->list, self->shown, row_new, self, NULL);
  g_signal_connect_object (self->shown, "items-changed", G_CALLBACK (items_changed_cb), self,
                           G_CONNECT_SWAPPED);
  items_changed_cb (self);
  return ADW_DIALOG (self);
}
