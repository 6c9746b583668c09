/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the file dialogs for documents and the words for what cannot be added. Must not know how a
 * document is read: the library does that. */
#define G_LOG_DOMAIN "bottega-add-documents"

#include "config.h"

#include "app/ui/bottega-add-documents.h"

#include <glib/gi18n.h>

typedef struct {
  BottegaLibrary *library;
  GWeakRef from; /* the widget may go before the dialog ends */
  gboolean folders;
  BottegaDocumentsAdded added;
} Choice;

static void
choice_free (Choice *choice)
{
  g_weak_ref_clear (&choice->from);
  g_clear_object (&choice->library);
  g_free (choice);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Choice, choice_free)

static void
say_refused (GtkWidget *from,
             GFile *first,
             guint n_refused)
{
  g_autofree char *name = g_file_get_basename (first);
  g_autofree char *shown = g_filename_display_name (name != NULL ? name : "");
  g_autofree char *sentence = NULL;

  if (n_refused == 1)
    /* TRANSLATORS: %s is the name of a file. */
    sentence = g_strdup_printf (_ ("“%s” is not a document that can be read."), shown);
  else
    /* TRANSLATORS: %s is the name of a file, %u the number of those like it. */
    sentence = g_strdup_printf (ngettext ("“%s” and %u other file cannot be read.",
                                          "“%s” and %u other files cannot be read.",
                                          n_refused - 1),
                                shown, n_refused - 1);
  gtk_widget_activate_action (from, "win.say", "s", sentence);
}

static void
say_added (GtkWidget *from,
           GSList *files)
{
  guint n = g_slist_length (files);
  g_autofree char *name = g_filename_display_basename (g_file_peek_path (files->data));
  g_autofree char *sentence = NULL;

  if (n == 1)
    /* TRANSLATORS: %s is the name of a file or folder. */
    sentence = g_strdup_printf (_ ("“%s” is being added"), name);
  else
    sentence = g_strdup_printf (ngettext ("%u document is being added",
                                          "%u documents are being added", n),
                                n);
  gtk_widget_activate_action (from, "win.say-added", "s", sentence);
}

gboolean
bottega_add_documents (BottegaLibrary *library,
                       GtkWidget *from,
                       GSList *files)
{
  g_autoptr (GSList) taken = NULL;
  GFile *first_refused = NULL;
  guint n_refused = 0;

  g_return_val_if_fail (BOTTEGA_IS_LIBRARY (library), FALSE);
  g_return_val_if_fail (GTK_IS_WIDGET (from), FALSE);

  for (GSList *l = files; l != NULL; l = l->next) {
    if (g_file_peek_path (l->data) != NULL && bottega_library_accepts (l->data)) {
      taken = g_slist_prepend (taken, l->data);
    } else {
      first_refused = first_refused != NULL ? first_refused : l->data;
      n_refused++;
    }
  }
  taken = g_slist_reverse (taken);
  if (taken != NULL) {
    bottega_library_add (library, taken);
    say_added (from, taken);
  }
  if (n_refused > 0)
    say_refused (from, first_refused, n_refused);
  return taken != NULL;
}

static GSList *
list_files (GListModel *files)
{
  GSList *list = NULL;

  for (guint i = g_list_model_get_n_items (files); i > 0; i--)
    list = g_slist_prepend (list, g_list_model_get_item (files, i - 1));
  return list;
}

static void
chosen_cb (GObject *source,
           GAsyncResult *result,
           gpointer user_data)
{
  g_autoptr (Choice) choice = user_data;
  GtkFileDialog *dialog = GTK_FILE_DIALOG (source);
  g_autoptr (GtkWidget) from = g_weak_ref_get (&choice->from);
  g_autoptr (GError) error = NULL;
  g_autoptr (GListModel) chosen =
      choice->folders ? gtk_file_dialog_select_multiple_folders_finish (dialog, result, &error)
                      : gtk_file_dialog_open_multiple_finish (dialog, result, &error);
  g_autoslist (GFile) files = chosen != NULL ? list_files (chosen) : NULL;

  if (from == NULL)
    return;
  if (files != NULL) {
    if (bottega_add_documents (choice->library, from, files) && choice->added != NULL)
      choice->added (from, files);
  } else if (error != NULL &&
             !g_error_matches (error, GTK_DIALOG_ERROR, GTK_DIALOG_ERROR_DISMISSED)) {
    gtk_widget_activate_action (from, "win.say", "s", error->message);
  }
}

void
bottega_add_documents_choose (BottegaLibrary *library,
                              GtkWidget *from,
                              gboolean folders,
                              BottegaDocumentsAdded added)
{
  g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
  GtkWindow *parent;
  Choice *choice;

  g_return_if_fail (BOTTEGA_IS_LIBRARY (library));
  g_return_if_fail (GTK_IS_WIDGET (from));

  parent = GTK_WINDOW (gtk_widget_get_root (from));
  choice = g_new0 (Choice, 1);
  choice->library = g_object_ref (library);
  g_weak_ref_init (&choice->from, from);
  choice->folders = folders;
  choice->added = added;
  gtk_file_dialog_set_accept_label (dialog, _ ("_Add"));
  if (folders) {
    gtk_file_dialog_set_title (dialog, _ ("Add Folders"));
    gtk_file_dialog_select_multiple_folders (dialog, parent, NULL, chosen_cb, choice);
  } else {
    g_autoptr (GtkFileFilter) filter = gtk_file_filter_new ();
    g_autoptr (GListStore) filters = g_list_store_new (GTK_TYPE_FILE_FILTER);

    gtk_file_filter_set_name (filter, _ ("Documents"));
    for (const char *const *suffix = bottega_library_suffixes (); *suffix != NULL; suffix++)
      gtk_file_filter_add_suffix (filter, *suffix);
    g_list_store_append (filters, filter);
    gtk_file_dialog_set_title (dialog, _ ("Add Documents"));
    gtk_file_dialog_set_filters (dialog, G_LIST_MODEL (filters));
    gtk_file_dialog_open_multiple (dialog, parent, NULL, chosen_cb, choice);
  }
}
