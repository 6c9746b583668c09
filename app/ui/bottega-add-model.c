/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the conversation with the person while a model file is brought in. Must not know how a file
 * is checked or copied: the model store does that. */
#define G_LOG_DOMAIN "bottega-add-model"

#include "config.h"

#include "app/ui/bottega-add-model.h"
#include "app/ui/bottega-import-dialog.h"

#include <glib/gi18n.h>
#include <string.h>

typedef struct {
  BottegaAssistant *assistant;
  GWeakRef toasts; /* AdwToastOverlay: the window may go before the copy ends */
  AdwToast *toast;
  GCancellable *cancellable;
  char *name;
  gboolean had_model;
} Import;

static void
import_free (Import *import)
{
  g_weak_ref_clear (&import->toasts);
  g_clear_object (&import->assistant);
  g_clear_object (&import->toast);
  g_clear_object (&import->cancellable);
  g_free (import->name);
  g_free (import);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Import, import_free)

static AdwToast *
plain_toast_new (const char *title)
{
  AdwToast *toast = adw_toast_new ("");

  adw_toast_set_use_markup (toast, FALSE);
  adw_toast_set_title (toast, title);
  return toast;
}

static void
progress_cb (guint64 done_bytes,
             guint64 total_bytes,
             gpointer user_data)
{
  Import *import = user_data;
  guint percent =
      total_bytes > 0 ? (guint) (100.0 * (double) done_bytes / (double) total_bytes) : 0;
  /* TRANSLATORS: a model file is being copied; %s is its name, %u how much of it is done. */
  g_autofree char *title = g_strdup_printf (_ ("Adding %s… %u %%"), import->name, percent);

  adw_toast_set_title (import->toast, title);
}

static void
use_cb (AdwToast *toast,
        BottegaAssistant *assistant)
{
  BottegaModelItem *item = g_object_get_data (G_OBJECT (toast), "model");
  g_autoptr (GError) error = NULL;

  if (!bottega_assistant_use_model (assistant, item, &error))
    g_object_set (toast, "title", error->message, NULL);
}

static void
say_done (Import *import,
          AdwToastOverlay *toasts,
          BottegaModelItem *item)
{
  /* TRANSLATORS: %s is the name of a model. */
  g_autofree char *title = g_strdup_printf (_ ("“%s” added"), bottega_model_item_get_name (item));
  AdwToast *toast = plain_toast_new (title);
  g_autoptr (GError) error = NULL;

  if (bottega_model_item_get_searches (item)) {
    g_autofree char *serves =
        /* TRANSLATORS: %s is the name of a model. */
        g_strdup_printf (_ ("“%s” added to the search of documents"),
                         bottega_model_item_get_name (item));
    adw_toast_set_title (toast, serves);
  } else if (!import->had_model) {
    if (!bottega_assistant_use_model (import->assistant, item, &error))
      adw_toast_set_title (toast, error->message);
  } else if (!bottega_model_item_get_is_default (item)) {
    adw_toast_set_button_label (toast, _ ("_Use It"));
    g_object_set_data_full (G_OBJECT (toast), "model", g_object_ref (item), g_object_unref);
    g_signal_connect_object (toast, "button-clicked", G_CALLBACK (use_cb), import->assistant, 0);
  }
  if (toasts != NULL)
    adw_toast_overlay_add_toast (toasts, toast);
  else
    g_object_unref (g_object_ref_sink (toast));
}

static void
imported_cb (GObject *source,
             GAsyncResult *result,
             gpointer user_data)
{
  g_autoptr (Import) import = user_data;
  g_autoptr (AdwToastOverlay) toasts = g_weak_ref_get (&import->toasts);
  g_autoptr (GError) error = NULL;
  BottegaModelItem *item =
      bottega_model_store_import_finish (BOTTEGA_MODEL_STORE (source), result, &error);

  adw_toast_dismiss (import->toast);
  if (item != NULL)
    say_done (import, toasts, item);
  else if (toasts != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    adw_toast_overlay_add_toast (toasts, plain_toast_new (error->message));
}

void
bottega_add_model_start (BottegaAssistant *assistant,
                         AdwToastOverlay *toasts,
                         GFile *file,
                         BottegaImportHow how)
{
  Import *import = g_new0 (Import, 1);

  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant));
  g_return_if_fail (ADW_IS_TOAST_OVERLAY (toasts));
  g_return_if_fail (G_IS_FILE (file));

  import->assistant = g_object_ref (assistant);
  g_weak_ref_init (&import->toasts, toasts);
  import->cancellable = g_cancellable_new ();
  import->name = g_file_get_basename (file);
  import->had_model = bottega_assistant_get_has_model (assistant);
  import->toast = g_object_ref_sink (plain_toast_new (""));
  progress_cb (0, 0, import);
  adw_toast_set_timeout (import->toast, 0);
  adw_toast_set_button_label (import->toast, _ ("_Cancel"));
  g_signal_connect_object (import->toast, "button-clicked", G_CALLBACK (g_cancellable_cancel),
                           import->cancellable, G_CONNECT_SWAPPED);
  adw_toast_overlay_add_toast (toasts, g_object_ref (import->toast));
  bottega_model_store_import_async (bottega_assistant_get_models (assistant), file, how,
                                    progress_cb, import, import->cancellable, imported_cb, import);
}

/* ---- the question before it */

typedef struct {
  BottegaAssistant *assistant;
  AdwToastOverlay *toasts;
  GWeakRef parent; /* GtkWidget: for the file dialog */
} Choice;

static Choice *
choice_new (BottegaAssistant *assistant,
            AdwToastOverlay *toasts,
            GtkWidget *parent)
{
  Choice *choice = g_new0 (Choice, 1);

  choice->assistant = g_object_ref (assistant);
  choice->toasts = g_object_ref (toasts);
  g_weak_ref_init (&choice->parent, parent);
  return choice;
}

static void
choice_free (gpointer data)
{
  Choice *choice = data;

  g_object_unref (choice->assistant);
  g_object_unref (choice->toasts);
  g_weak_ref_clear (&choice->parent);
  g_free (choice);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Choice, choice_free)

static void
wanted_cb (GFile *file,
           BottegaImportHow how,
           gpointer user_data)
{
  Choice *choice = user_data;

  bottega_add_model_start (choice->assistant, choice->toasts, file, how);
}

/* lasts: the file can be read in later sessions too, wherever it comes from. */
static void
ask (BottegaAssistant *assistant,
     AdwToastOverlay *toasts,
     GFile *file,
     GtkWidget *parent,
     gboolean lasts)
{
  adw_dialog_present (bottega_import_dialog_new (assistant, file, lasts, wanted_cb,
                                                 choice_new (assistant, toasts, parent),
                                                 choice_free),
                      parent);
}

void
bottega_add_model_ask (BottegaAssistant *assistant,
                       AdwToastOverlay *toasts,
                       GFile *file,
                       GtkWidget *parent)
{
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant));
  g_return_if_fail (ADW_IS_TOAST_OVERLAY (toasts));
  g_return_if_fail (G_IS_FILE (file));

  ask (assistant, toasts, file, parent, FALSE);
}

/* ---- the file dialog */

static void
chosen_cb (GObject *source,
           GAsyncResult *result,
           gpointer user_data)
{
  g_autoptr (Choice) choice = user_data;
  g_autoptr (GtkWidget) parent = g_weak_ref_get (&choice->parent);
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) file = gtk_file_dialog_open_finish (GTK_FILE_DIALOG (source), result, &error);

  /* What is chosen a portal hands over for good, what is dropped or opened it does not. */
  if (file != NULL && parent != NULL)
    ask (choice->assistant, choice->toasts, file, parent, TRUE);
  else if (error != NULL && !g_error_matches (error, GTK_DIALOG_ERROR, GTK_DIALOG_ERROR_DISMISSED))
    adw_toast_overlay_add_toast (choice->toasts, plain_toast_new (error->message));
}

void
bottega_add_model_choose (BottegaAssistant *assistant,
                          AdwToastOverlay *toasts,
                          GtkWidget *parent)
{
  g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
  g_autoptr (GtkFileFilter) filter = gtk_file_filter_new ();
  g_autoptr (GListStore) filters = g_list_store_new (GTK_TYPE_FILE_FILTER);

  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant));
  g_return_if_fail (ADW_IS_TOAST_OVERLAY (toasts));

  gtk_file_filter_set_name (filter, _ ("Model files (GGUF)"));
  gtk_file_filter_add_suffix (filter, "gguf");
  g_list_store_append (filters, filter);
  gtk_file_dialog_set_title (dialog, _ ("Add a Model"));
  gtk_file_dialog_set_accept_label (dialog, _ ("_Add"));
  gtk_file_dialog_set_filters (dialog, G_LIST_MODEL (filters));
  gtk_file_dialog_open (dialog, GTK_WINDOW (gtk_widget_get_root (parent)), NULL, chosen_cb,
                        choice_new (assistant, toasts, parent));
}

gboolean
bottega_add_model_accepts (GFile *file)
{
  g_autofree char *name = NULL;
  g_autofree char *lower = NULL;

  g_return_val_if_fail (G_IS_FILE (file), FALSE);

  name = g_file_get_basename (file);
  if (name == NULL)
    return FALSE;
  lower = g_utf8_strdown (name, -1);
  return g_str_has_suffix (lower, ".gguf");
}
