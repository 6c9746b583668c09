/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the waiting: a space must be open and its lists read before what is in them can be shown.
 * Must not know how it is shown: the window's actions do that. */
#define G_LOG_DOMAIN "bottega-arrivals"

#include "config.h"

#include "app/assistant/bottega-spaces.h"
#include "app/ui/bottega-add-model.h"
#include "app/ui/bottega-arrivals.h"

typedef void (*Show) (GtkWidget *window, GObject *list, GVariant *what);

/* What is shown when a list has been read. */
typedef struct {
  GWeakRef window;
  GVariant *what;
  Show show;
  gulong handler;
} Wait;

static void
wait_free (gpointer data,
           GClosure *closure)
{
  Wait *wait = data;

  g_weak_ref_clear (&wait->window);
  g_variant_unref (wait->what);
  g_free (wait);
}

static void
loaded_cb (GObject *list,
           GParamSpec *pspec,
           Wait *wait)
{
  g_autoptr (GtkWidget) window = g_weak_ref_get (&wait->window);

  if (window != NULL)
    wait->show (window, list, wait->what);
  g_signal_handler_disconnect (list, wait->handler);
}

static void
show_when_loaded (GObject *list,
                  GtkWidget *window,
                  GVariant *what,
                  Show show)
{
  gboolean loaded;
  Wait *wait;

  g_object_get (list, "loaded", &loaded, NULL);
  if (loaded) {
    show (window, list, what);
    return;
  }
  wait = g_new0 (Wait, 1);
  g_weak_ref_init (&wait->window, window);
  wait->what = g_variant_ref (what);
  wait->show = show;
  wait->handler = g_signal_connect_data (list, "notify::loaded", G_CALLBACK (loaded_cb), wait,
                                         wait_free, 0);
}

/* The space that WHAT begins with. Opening one that is not there would make it. */
static gboolean
open_space (GtkWidget *window,
            BottegaAssistant *assistant,
            GVariant *what)
{
  const char *space;

  g_variant_get_child (what, 0, "&s", &space);
  if (g_strcmp0 (space, bottega_assistant_get_space (assistant)) == 0)
    return TRUE;
  if (!bottega_spaces_check_name (space, NULL) ||
      !bottega_spaces_exists (bottega_assistant_get_data_dir (assistant), space))
    return FALSE;
  gtk_widget_activate_action (window, "win.open-space", "s", space);
  return g_strcmp0 (space, bottega_assistant_get_space (assistant)) == 0;
}

static void
show_conversation (GtkWidget *window,
                   GObject *list,
                   GVariant *what)
{
  const char *id;

  g_variant_get_child (what, 1, "&s", &id);
  gtk_widget_activate_action (window, "win.open-conversation", "s", id);
}

static void
ask_in (GtkWidget *window,
        const char *path)
{
  g_autofree char *address = g_filename_to_uri (path, NULL, NULL);
  const char *const addresses[] = { address, NULL };
  g_autoptr (GVariant) what = g_variant_ref_sink (g_variant_new_strv (addresses, -1));

  gtk_widget_activate_action_variant (window, "win.ask-in", what);
}

static void
show_document (GtkWidget *window,
               GObject *library,
               GVariant *what)
{
  BottegaDocumentItem *item;
  gint64 id;

  g_variant_get_child (what, 1, "x", &id);
  item = bottega_library_find (BOTTEGA_LIBRARY (library), id);
  if (item != NULL)
    ask_in (window, bottega_document_item_get_path (item));
}

GSList *
bottega_arrivals_list (GVariant *addresses)
{
  g_autofree const char **list = g_variant_get_strv (addresses, NULL);
  GSList *files = NULL;

  for (const char **address = list; *address != NULL; address++)
    files = g_slist_prepend (files, g_file_new_for_uri (*address));
  return g_slist_reverse (files);
}

void
bottega_arrival_files (GtkWidget *window,
                       BottegaAssistant *assistant,
                       GVariant *what)
{
  g_autoslist (GFile) files = bottega_arrivals_list (what);
  gboolean documents = FALSE;

  for (GSList *l = files; l != NULL; l = l->next)
    documents |= !bottega_add_model_accepts (l->data) && bottega_library_accepts (l->data);
  gtk_widget_activate_action_variant (window, "win.add-files", what);
  if (documents)
    gtk_widget_activate_action_variant (window, "win.ask-in", what);
}

void
bottega_arrival_conversation (GtkWidget *window,
                              BottegaAssistant *assistant,
                              GVariant *what)
{
  if (open_space (window, assistant, what))
    show_when_loaded (G_OBJECT (bottega_assistant_get_conversations (assistant)), window, what,
                      show_conversation);
}

void
bottega_arrival_document (GtkWidget *window,
                          BottegaAssistant *assistant,
                          GVariant *what)
{
  if (open_space (window, assistant, what))
    show_when_loaded (G_OBJECT (bottega_assistant_get_library (assistant)), window, what,
                      show_document);
}

void
bottega_arrival_search (GtkWidget *window,
                        BottegaAssistant *assistant,
                        GVariant *what)
{
  gtk_widget_activate_action_variant (window, "win.search-for", what);
}
