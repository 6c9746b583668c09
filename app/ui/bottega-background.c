/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the time between the window's end and the program's. Must not know what is on its way beyond
 * whether there is anything. */
#define G_LOG_DOMAIN "bottega-background"

#include "config.h"

#include "app/ui/bottega-background.h"
#include "app/ui/bottega-portal.h"

#include <glib/gi18n.h>

#define PORTAL_INTERFACE "org.freedesktop.portal.Background"
#define REQUEST          "org.freedesktop.portal.Request"

/* One for each time that the window is closed with work left; it goes with the window. */
typedef struct {
  GtkWindow *window; /* borrowed */
  BottegaAssistant *assistant;
  GCancellable *cancellable;
  guint source, response; /* 0: none */
} Background;

static gboolean
is_answering (BottegaAssistant *assistant)
{
  GListModel *list = G_LIST_MODEL (bottega_assistant_get_conversations (assistant));

  for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
    g_autoptr (BottegaConversation) conversation = g_list_model_get_item (list, i);

    if (bottega_conversation_get_busy (conversation))
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_indexing (BottegaAssistant *assistant)
{
  return bottega_library_get_busy (bottega_assistant_get_library (assistant));
}

static gboolean
is_copying (BottegaAssistant *assistant)
{
  GListModel *models = G_LIST_MODEL (bottega_assistant_get_models (assistant));

  for (guint i = 0; i < g_list_model_get_n_items (models); i++) {
    g_autoptr (BottegaModelItem) model = g_list_model_get_item (models, i);

    if (bottega_model_item_get_state (model) == BOTTEGA_MODEL_IMPORTING)
      return TRUE;
  }
  return FALSE;
}

/* What comes to its end without a window, and what the desktop is told of it. */
static const struct {
  gboolean (*is_on) (BottegaAssistant *assistant);
  const char *words;
} works[] = {
  { is_copying, N_ ("A model is being copied to its end.") },
  { is_indexing, N_ ("Documents are being read to their end.") },
  { is_answering, N_ ("An answer is being written to its end.") },
};

/* NULL: nothing is on its way. */
static const char *
describe (BottegaAssistant *assistant)
{
  for (guint i = 0; i < G_N_ELEMENTS (works); i++)
    if (works[i].is_on (assistant))
      return _ (works[i].words);
  return NULL;
}

static void
background_free (gpointer data)
{
  Background *background = data;

  g_clear_handle_id (&background->source, g_source_remove);
  if (background->response != 0)
    g_dbus_connection_signal_unsubscribe (bottega_portal_get_bus (), background->response);
  g_cancellable_cancel (background->cancellable);
  g_object_unref (background->cancellable);
  g_object_unref (background->assistant);
  g_free (background);
}

/* Nothing signals that all of it is done, and nobody waits for the second. */
static gboolean
look_cb (gpointer data)
{
  Background *background = data;

  if (gtk_widget_get_visible (GTK_WIDGET (background->window))) {
    background->source = 0;
    g_object_set_data (G_OBJECT (background->window), "background", NULL);
    return G_SOURCE_REMOVE;
  }
  if (describe (background->assistant) != NULL)
    return G_SOURCE_CONTINUE;
  background->source = 0;
  gtk_window_destroy (background->window);
  return G_SOURCE_REMOVE;
}

/* ---- the portal */

/* As quitting does. */
static void
end (Background *background)
{
  if (!gtk_widget_get_visible (GTK_WIDGET (background->window)))
    gtk_window_destroy (background->window);
}

static void
call_portal (Background *background,
             const char *method,
             GVariant *arguments,
             GAsyncReadyCallback callback)
{
  g_dbus_connection_call (bottega_portal_get_bus (), BOTTEGA_PORTAL_NAME, BOTTEGA_PORTAL_PATH,
                          PORTAL_INTERFACE, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                          background->cancellable, callback, background);
}

/* (u, a{sv}): 0 and "background" is yes; then the desktop is told what it may show. */
static void
response_cb (GDBusConnection *bus,
             const char *sender,
             const char *path,
             const char *interface,
             const char *signal,
             GVariant *parameters,
             gpointer data)
{
  Background *background = data;
  g_autoptr (GVariant) results = g_variant_get_child_value (parameters, 1);
  gboolean allowed = FALSE;
  GVariantBuilder status;
  const char *words;
  guint32 answer;

  g_variant_get_child (parameters, 0, "u", &answer);
  g_variant_lookup (results, "background", "b", &allowed);
  if (answer != 0 || !allowed) {
    end (background);
    return;
  }
  words = describe (background->assistant);
  if (words == NULL)
    return;
  g_variant_builder_init (&status, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&status, "{sv}", "message", g_variant_new_string (words));
  call_portal (background, "SetStatus", g_variant_new ("(a{sv})", &status), NULL);
}

/* Where there is no portal, a sandbox allows nothing, and elsewhere there is nobody to ask. */
static void
asked_cb (GObject *source,
          GAsyncResult *result,
          gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
      g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (error != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) &&
      bottega_portal_is_sandboxed ())
    end (data);
}

/* Where its answer comes, by the portal's rule, so that none is missed. */
static char *
request_path (const char *token)
{
  const char *name = g_dbus_connection_get_unique_name (bottega_portal_get_bus ());
  g_autofree char *sender = g_strdup (name + 1);

  return g_strdup_printf (BOTTEGA_PORTAL_PATH "/request/%s/%s", g_strdelimit (sender, ".", '_'),
                          token);
}

static void
ask_portal (Background *background,
            const char *reason)
{
  g_autofree char *token = g_strdup_printf ("bottega%u", g_random_int ());
  g_autofree char *path = request_path (token);
  GVariantBuilder options;

  background->response = g_dbus_connection_signal_subscribe (
      bottega_portal_get_bus (), BOTTEGA_PORTAL_NAME, REQUEST, "Response", path, NULL,
      G_DBUS_SIGNAL_FLAGS_NONE, response_cb, background, NULL);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "handle_token", g_variant_new_string (token));
  g_variant_builder_add (&options, "{sv}", "autostart", g_variant_new_boolean (FALSE));
  g_variant_builder_add (&options, "{sv}", "reason", g_variant_new_string (reason));
  call_portal (background, "RequestBackground", g_variant_new ("(sa{sv})", "", &options), asked_cb);
}

gboolean
bottega_background_keep (GtkWindow *window,
                         BottegaAssistant *assistant)
{
  Background *background;
  const char *reason;

  g_return_val_if_fail (GTK_IS_WINDOW (window), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), FALSE);

  reason = describe (assistant);
  if (reason == NULL)
    return FALSE;
  background = g_new0 (Background, 1);
  background->window = window;
  background->assistant = g_object_ref (assistant);
  background->cancellable = g_cancellable_new ();
  background->source = g_timeout_add_seconds (1, look_cb, background);
  g_source_set_name_by_id (background->source, "bottega-background");
  g_object_set_data_full (G_OBJECT (window), "background", background, background_free);
  gtk_widget_set_visible (GTK_WIDGET (window), FALSE);
  if (bottega_portal_get_bus () != NULL)
    ask_portal (background, reason);
  return TRUE;
}
