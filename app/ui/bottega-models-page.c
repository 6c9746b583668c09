/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the three lists of models and the removal that can be undone. Must not know how a file is
 * brought in or loaded: the window's actions and the model store do that. */
#define G_LOG_DOMAIN "bottega-models-page"

#include "config.h"

#include "app/ui/bottega-catalogue-row.h"
#include "app/ui/bottega-model-details.h"
#include "app/ui/bottega-model-row.h"
#include "app/ui/bottega-models-page.h"

#include <glib/gi18n.h>

#define SAME_SPEED 0.1
#define CATALOGUE  "/io/github/bottega/Bottega/catalogue.json"

struct _BottegaModelsPage {
  AdwBin parent_instance;

  GtkListBox *installed;
  GtkWidget *empty_row;
  GtkWidget *choose_button;
  GtkWidget *search_group;
  GtkListBox *search_list;
  GtkWidget *get_group;
  GtkListBox *get_list;

  BottegaAssistant *assistant;
  AdwToastOverlay *toasts; /* of the window, which holds this page */
  GPtrArray *removed;      /* of BottegaModelItem: hidden, to be deleted */
  GPtrArray *catalogue;    /* of BottegaCatalogueEntry */
  double shown_bytes_s;    /* the speed that its rows were made for */
  GtkFilter *answers, *searches;
  GListModel *shown_answers, *shown_searches;
  GtkCheckButton *group;
};

G_DEFINE_FINAL_TYPE (BottegaModelsPage, bottega_models_page, ADW_TYPE_BIN)

static BottegaModelStore *
get_models (BottegaModelsPage *self)
{
  return bottega_assistant_get_models (self->assistant);
}

static gboolean
answers (gpointer item,
         gpointer user_data)
{
  BottegaModelsPage *self = user_data;

  return !bottega_model_item_get_searches (item) &&
         !g_ptr_array_find (self->removed, item, NULL);
}

static gboolean
searches (gpointer item,
          gpointer user_data)
{
  BottegaModelsPage *self = user_data;

  return bottega_model_item_get_searches (item) &&
         !g_ptr_array_find (self->removed, item, NULL);
}

static void
filter_again (BottegaModelsPage *self)
{
  gtk_filter_changed (self->answers, GTK_FILTER_CHANGE_DIFFERENT);
  gtk_filter_changed (self->searches, GTK_FILTER_CHANGE_DIFFERENT);
}

static void
update_lists_cb (BottegaModelsPage *self)
{
  gboolean any = g_list_model_get_n_items (self->shown_answers) > 0;

  g_assert (BOTTEGA_IS_MODELS_PAGE (self));

  gtk_widget_set_visible (GTK_WIDGET (self->installed), any);
  gtk_widget_set_visible (self->empty_row, !any);
  gtk_widget_set_visible (self->search_group, g_list_model_get_n_items (self->shown_searches) > 0);
}

/* ---- models to get */

static gboolean
is_installed (BottegaModelsPage *self,
              const BottegaCatalogueEntry *entry)
{
  GListModel *models = G_LIST_MODEL (get_models (self));

  for (guint i = 0; i < g_list_model_get_n_items (models); i++) {
    g_autoptr (BottegaModelItem) item = g_list_model_get_item (models, i);
    g_autofree char *name = g_path_get_basename (bottega_model_item_get_path (item));
    const char *sha256 = bottega_model_item_get_sha256 (item);

    if (bottega_model_item_get_state (item) != BOTTEGA_MODEL_READY ||
        g_ptr_array_find (self->removed, item, NULL))
      continue;
    if (sha256 != NULL && entry->sha256 != NULL ? g_str_equal (sha256, entry->sha256)
                                                : g_str_equal (name, entry->file))
      return TRUE;
  }
  return FALSE;
}

static void
fill_catalogue (BottegaModelsPage *self)
{
  const BottegaMachine *machine = bottega_model_store_get_machine (get_models (self));

  if (machine != NULL)
    bottega_catalogue_sort (self->catalogue, machine);
  gtk_list_box_remove_all (self->get_list);
  for (guint i = 0; i < self->catalogue->len; i++)
    gtk_list_box_append (self->get_list,
                         bottega_catalogue_row_new (self->catalogue->pdata[i], machine));
}

/* What was got is marked; the list is not made anew, so that what is open stays open. */
static void
mark_installed_cb (BottegaModelsPage *self)
{
  guint i = 0;

  g_assert (BOTTEGA_IS_MODELS_PAGE (self));

  for (GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (self->get_list)); row != NULL;
       row = gtk_widget_get_next_sibling (row))
    if (BOTTEGA_IS_CATALOGUE_ROW (row) && i < self->catalogue->len)
      bottega_catalogue_row_set_installed (BOTTEGA_CATALOGUE_ROW (row),
                                           is_installed (self, self->catalogue->pdata[i++]));
}

/* The rows are made anew only for another speed: what is open and has the focus stays. */
static void
machine_cb (BottegaModelsPage *self)
{
  const BottegaMachine *machine = bottega_model_store_get_machine (get_models (self));
  double bytes_s = machine != NULL ? machine->read_bytes_s : 0;

  g_assert (BOTTEGA_IS_MODELS_PAGE (self));

  if (self->shown_bytes_s > 0 && ABS (bytes_s - self->shown_bytes_s) < bytes_s * SAME_SPEED)
    return;
  self->shown_bytes_s = bytes_s;
  fill_catalogue (self);
  mark_installed_cb (self);
}

static void
load_catalogue (BottegaModelsPage *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes =
      g_resources_lookup_data (CATALOGUE, G_RESOURCE_LOOKUP_FLAGS_NONE, &error);

  if (bytes != NULL)
    self->catalogue = bottega_catalogue_parse (g_bytes_get_data (bytes, NULL),
                                               (gssize) g_bytes_get_size (bytes), &error);
  if (self->catalogue == NULL) {
    g_warning ("The catalogue of models cannot be read: %s", error->message);
    self->catalogue = g_ptr_array_new ();
  }
  gtk_widget_set_visible (self->get_group, self->catalogue->len > 0);
}

/* ---- removing */

static void
take_back (BottegaModelsPage *self,
           BottegaModelItem *item)
{
  g_ptr_array_remove (self->removed, item);
  filter_again (self);
  mark_installed_cb (self);
}

static void
undo_cb (BottegaModelsPage *self,
         AdwToast *toast)
{
  g_assert (BOTTEGA_IS_MODELS_PAGE (self));

  take_back (self, g_object_get_data (G_OBJECT (toast), "model"));
}

static void
delete_item (BottegaModelsPage *self,
             BottegaModelItem *item)
{
  g_autoptr (GError) error = NULL;

  if (bottega_model_store_remove (get_models (self), item, &error)) {
    g_ptr_array_remove (self->removed, item);
    return;
  }
  gtk_widget_activate_action (GTK_WIDGET (self), "win.say", "s", error->message);
  take_back (self, item);
}

static void
dismissed_cb (BottegaModelsPage *self,
              AdwToast *toast)
{
  g_autoptr (BottegaModelItem) item = g_object_ref (g_object_get_data (G_OBJECT (toast), "model"));

  g_assert (BOTTEGA_IS_MODELS_PAGE (self));

  if (self->assistant != NULL && g_ptr_array_find (self->removed, item, NULL))
    delete_item (self, item);
}

void
bottega_models_page_remove (BottegaModelsPage *self,
                            BottegaModelItem *item)
{
  g_autofree char *title = NULL;
  AdwToast *toast;

  g_return_if_fail (BOTTEGA_IS_MODELS_PAGE (self));
  g_return_if_fail (BOTTEGA_IS_MODEL_ITEM (item));

  if (g_ptr_array_find (self->removed, item, NULL))
    return;
  g_ptr_array_add (self->removed, g_object_ref (item));
  filter_again (self);
  mark_installed_cb (self);
  title = bottega_model_item_get_in_place (item)
              /* TRANSLATORS: %s is the name of a model whose file stays where it is. */
              ? g_strdup_printf (_ ("“%s” taken off the list"), bottega_model_item_get_name (item))
              /* TRANSLATORS: a model was removed; %s is its name. */
              : g_strdup_printf (_ ("“%s” removed"), bottega_model_item_get_name (item));
  toast = adw_toast_new ("");
  adw_toast_set_use_markup (toast, FALSE);
  adw_toast_set_title (toast, title);
  adw_toast_set_button_label (toast, _ ("_Undo"));
  g_object_set_data_full (G_OBJECT (toast), "model", g_object_ref (item), g_object_unref);
  g_signal_connect_object (toast, "button-clicked", G_CALLBACK (undo_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (dismissed_cb), self, G_CONNECT_SWAPPED);
  adw_toast_overlay_add_toast (self->toasts, toast);
}

/* ---- what the menu of a row does */

static void
model_action (GtkWidget *widget,
              const char *name,
              GVariant *parameter)
{
  BottegaModelsPage *self = BOTTEGA_MODELS_PAGE (widget);
  BottegaModelItem *item =
      bottega_model_store_find (get_models (self), g_variant_get_string (parameter, NULL));

  if (item == NULL)
    return;
  if (g_str_equal (name, "models.remove"))
    bottega_models_page_remove (self, item);
  else if (g_str_equal (name, "models.cancel"))
    bottega_model_store_cancel_import (get_models (self), item);
  else
    adw_dialog_present (bottega_model_details_new (self->assistant, item, self->catalogue), widget);
}

/* ---- the class */

static GtkWidget *
row_new (gpointer item,
         gpointer user_data)
{
  BottegaModelsPage *self = user_data;

  return bottega_model_row_new (item, self->group);
}

static void
bottega_models_page_dispose (GObject *object)
{
  BottegaModelsPage *self = BOTTEGA_MODELS_PAGE (object);

  /* What was removed and not undone is meant. */
  while (self->assistant != NULL && self->removed->len > 0) {
    g_autoptr (BottegaModelItem) item = g_object_ref (self->removed->pdata[0]);

    bottega_model_store_remove (get_models (self), item, NULL);
    g_ptr_array_remove (self->removed, item);
  }
  if (self->installed != NULL) {
    gtk_list_box_bind_model (self->installed, NULL, NULL, NULL, NULL);
    gtk_list_box_bind_model (self->search_list, NULL, NULL, NULL, NULL);
  }
  g_clear_object (&self->shown_answers);
  g_clear_object (&self->shown_searches);
  g_clear_object (&self->answers);
  g_clear_object (&self->searches);
  g_clear_object (&self->group);
  g_clear_object (&self->assistant);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_MODELS_PAGE);
  G_OBJECT_CLASS (bottega_models_page_parent_class)->dispose (object);
}

static void
bottega_models_page_finalize (GObject *object)
{
  BottegaModelsPage *self = BOTTEGA_MODELS_PAGE (object);

  g_ptr_array_unref (self->removed);
  g_clear_pointer (&self->catalogue, g_ptr_array_unref);
  G_OBJECT_CLASS (bottega_models_page_parent_class)->finalize (object);
}

static void
bottega_models_page_class_init (BottegaModelsPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_models_page_dispose;
  object_class->finalize = bottega_models_page_finalize;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-models-page.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsPage, installed);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsPage, empty_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsPage, choose_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsPage, search_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsPage, search_list);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsPage, get_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelsPage, get_list);
  gtk_widget_class_install_action (widget_class, "models.remove", "s", model_action);
  gtk_widget_class_install_action (widget_class, "models.cancel", "s", model_action);
  gtk_widget_class_install_action (widget_class, "models.details", "s", model_action);
}

static void
bottega_models_page_init (BottegaModelsPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->removed = g_ptr_array_new_with_free_func (g_object_unref);
  self->group = g_object_ref_sink (GTK_CHECK_BUTTON (gtk_check_button_new ()));
}

static GListModel *
filtered (BottegaModelsPage *self,
          GtkFilter *filter)
{
  return G_LIST_MODEL (gtk_filter_list_model_new (g_object_ref (G_LIST_MODEL (get_models (self))),
                                                  g_object_ref (filter)));
}

GtkWidget *
bottega_models_page_new (BottegaAssistant *assistant,
                         AdwToastOverlay *toasts)
{
  BottegaModelsPage *self = g_object_new (BOTTEGA_TYPE_MODELS_PAGE, NULL);
  BottegaModelStore *models;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);
  g_return_val_if_fail (ADW_IS_TOAST_OVERLAY (toasts), NULL);

  self->assistant = g_object_ref (assistant);
  self->toasts = toasts;
  models = bottega_assistant_get_models (assistant);
  self->answers = GTK_FILTER (gtk_custom_filter_new (answers, self, NULL));
  self->searches = GTK_FILTER (gtk_custom_filter_new (searches, self, NULL));
  self->shown_answers = filtered (self, self->answers);
  self->shown_searches = filtered (self, self->searches);
  gtk_list_box_bind_model (self->installed, self->shown_answers, row_new, self, NULL);
  gtk_list_box_bind_model (self->search_list, self->shown_searches, row_new, self, NULL);
  g_signal_connect_object (self->shown_answers, "items-changed", G_CALLBACK (update_lists_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->shown_searches, "items-changed", G_CALLBACK (update_lists_cb),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (models, "items-changed", G_CALLBACK (mark_installed_cb), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  g_signal_connect_object (models, "notify::machine", G_CALLBACK (machine_cb), self,
                           G_CONNECT_SWAPPED);
  load_catalogue (self);
  machine_cb (self);
  update_lists_cb (self);
  return GTK_WIDGET (self);
}

void
bottega_models_page_shown (BottegaModelsPage *self)
{
  BottegaModelStore *models;
  GtkWidget *first;

  g_return_if_fail (BOTTEGA_IS_MODELS_PAGE (self));

  models = get_models (self);
  bottega_model_store_refresh (models);
  /* Not beside an answer, whose time it would take. */
  if (!bottega_engine_thread_get_answering (bottega_assistant_get_engine (self->assistant)))
    bottega_model_store_measure (models);
  first = GTK_WIDGET (gtk_list_box_get_row_at_index (self->installed, 0));
  gtk_widget_grab_focus (first != NULL ? first : self->choose_button);
}
