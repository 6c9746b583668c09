/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the bus interface, the names of results ("c:ID:SPACE", "d:ID:SPACE") and how they look. It
 * must not know how is searched, nor what showing one means. */
#define G_LOG_DOMAIN "bottega-search-provider"
#include "config.h"

#include "app/assistant/bottega-search-provider.h"

#include "app/assistant/bottega-settings.h"
#include "app/assistant/bottega-spaces.h"
#include "app/retrieval/bottega-quick-search.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* Of each kind; the Shell shows five. */
#define MOST_RESULTS 5

struct _BottegaSearchProvider {
  GObject parent_instance;

  GApplication *application; /* borrowed */
  BottegaSettings *settings;
  char *data_dir;
  GHashTable *hits; /* result -> BottegaQuickHit: of the last search */
  GDBusConnection *bus;
  guint registration;
};

enum {
  CONVERSATION,
  DOCUMENT,
  SEARCH,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BottegaSearchProvider, bottega_search_provider, G_TYPE_OBJECT)

static const char interface_xml[] =
    "<node><interface name='org.gnome.Shell.SearchProvider2'>"
    "<method name='GetInitialResultSet'>"
    "<arg type='as' direction='in'/><arg type='as' direction='out'/></method>"
    "<method name='GetSubsearchResultSet'><arg type='as' direction='in'/>"
    "<arg type='as' direction='in'/><arg type='as' direction='out'/></method>"
    "<method name='GetResultMetas'>"
    "<arg type='as' direction='in'/><arg type='aa{sv}' direction='out'/></method>"
    "<method name='ActivateResult'><arg type='s' direction='in'/>"
    "<arg type='as' direction='in'/><arg type='u' direction='in'/></method>"
    "<method name='LaunchSearch'>"
    "<arg type='as' direction='in'/><arg type='u' direction='in'/></method>"
    "</interface></node>";

/* ---- searching ---- */

typedef struct {
  char *path, *space, *query;
  GDBusMethodInvocation *invocation;
} Search;

static void
search_free (gpointer data)
{
  Search *search = data;

  g_free (search->path);
  g_free (search->space);
  g_free (search->query);
  g_clear_object (&search->invocation);
  g_free (search);
}

static void
work (GTask *task, gpointer self, gpointer data, GCancellable *cancellable)
{
  Search *search = data;
  GError *error = NULL;
  GPtrArray *hits = bottega_quick_search (search->path, search->query, MOST_RESULTS, &error);

  if (hits != NULL)
    g_task_return_pointer (task, hits, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

/* A space without a file yet, or one that is broken, has no results: the window says why. */
static void
on_found (GObject *object, GAsyncResult *result, gpointer data)
{
  BottegaSearchProvider *self = BOTTEGA_SEARCH_PROVIDER (object);
  Search *search = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) hits = g_task_propagate_pointer (G_TASK (result), &error);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_auto (GStrv) list = NULL;

  if (hits == NULL)
    g_debug ("nothing to search: %s", error->message);
  g_hash_table_remove_all (self->hits);
  while (hits != NULL && hits->len > 0) {
    BottegaQuickHit *hit = g_ptr_array_steal_index (hits, 0);
    char *name =
        g_strdup_printf ("%c:%s:%s", hit->is_document ? 'd' : 'c', hit->id, search->space);

    g_strv_builder_add (names, name);
    g_hash_table_replace (self->hits, name, hit);
  }
  list = g_strv_builder_end (names);
  g_dbus_method_invocation_return_value (g_steal_pointer (&search->invocation),
                                         g_variant_new ("(^as)", list));
  g_application_release (self->application);
}

static void
get_results (BottegaSearchProvider *self, GVariant *terms, GDBusMethodInvocation *invocation)
{
  g_autofree const char **words = g_variant_get_strv (terms, NULL);
  g_autoptr (GTask) task = g_task_new (self, NULL, on_found, NULL);
  Search *search = g_new0 (Search, 1);
  const char *space = bottega_settings_get_space (self->settings);

  if (!bottega_spaces_check_name (space, NULL) || !bottega_spaces_exists (self->data_dir, space))
    space = BOTTEGA_SPACE_DEFAULT;
  search->path = bottega_spaces_get_path (self->data_dir, space);
  search->space = g_strdup (space);
  search->query = g_strjoinv (" ", (char **) words);
  search->invocation = g_object_ref (invocation);
  g_application_hold (self->application);
  g_task_set_task_data (task, search, search_free);
  g_task_run_in_thread (task, work);
}

static void
get_initial_results (BottegaSearchProvider *self, GVariant *arguments,
                     GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariant) terms = g_variant_get_child_value (arguments, 0);

  get_results (self, terms, invocation);
}

/* A word more may be the rest of one, so that what was found first says little. */
static void
get_subsearch_results (BottegaSearchProvider *self, GVariant *arguments,
                       GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariant) terms = g_variant_get_child_value (arguments, 1);

  get_results (self, terms, invocation);
}

/* ---- how results look ---- */

/* "~/Documents" */
static char *
describe_place (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  const char *home = g_get_home_dir ();
  gsize n = strlen (home);

  if (g_str_has_prefix (folder, home) && (folder[n] == '/' || folder[n] == '\0'))
    return g_strdup_printf ("~%s", folder + n);

  return g_steal_pointer (&folder);
}

static void
add_meta (GVariantBuilder *metas, const char *name, const BottegaQuickHit *hit)
{
  g_autoptr (GIcon) icon = NULL;
  g_autofree char *description = NULL, *icon_name = NULL;

  if (hit->is_document) {
    g_autofree char *type = g_content_type_guess (hit->path, NULL, 0, NULL);

    icon = g_content_type_get_icon (type);
    description = describe_place (hit->path);
  } else {
    icon = g_themed_icon_new (APP_ID);
    description = g_strdup (_ ("Conversation"));
  }
  icon_name = g_icon_to_string (icon);
  g_variant_builder_open (metas, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (metas, "{sv}", "id", g_variant_new_string (name));
  g_variant_builder_add (metas, "{sv}", "name", g_variant_new_string (hit->title));
  g_variant_builder_add (metas, "{sv}", "description", g_variant_new_string (description));
  g_variant_builder_add (metas, "{sv}", "gicon", g_variant_new_string (icon_name));
  g_variant_builder_close (metas);
}

static void
get_metas (BottegaSearchProvider *self, GVariant *arguments, GDBusMethodInvocation *invocation)
{
  g_autofree const char **names = NULL;
  GVariantBuilder metas;

  g_variant_get (arguments, "(^a&s)", &names);
  g_variant_builder_init (&metas, G_VARIANT_TYPE ("aa{sv}"));
  for (const char **name = names; *name != NULL; name++) {
    const BottegaQuickHit *hit = g_hash_table_lookup (self->hits, *name);

    if (hit != NULL)
      add_meta (&metas, *name, hit);
  }
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(aa{sv})", &metas));
}

/* ---- what is chosen ---- */

static void
activate_result (BottegaSearchProvider *self, GVariant *arguments,
                 GDBusMethodInvocation *invocation)
{
  const char *name;
  g_auto (GStrv) parts = NULL;

  g_variant_get_child (arguments, 0, "&s", &name);
  parts = g_strsplit (name, ":", 3);
  if (g_strv_length (parts) == 3 && g_str_equal (parts[0], "c"))
    g_signal_emit (self, signals[CONVERSATION], 0, parts[2], parts[1]);
  else if (g_strv_length (parts) == 3 && g_str_equal (parts[0], "d"))
    g_signal_emit (self, signals[DOCUMENT], 0, parts[2], g_ascii_strtoll (parts[1], NULL, 10));
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static void
launch_search (BottegaSearchProvider *self, GVariant *arguments, GDBusMethodInvocation *invocation)
{
  g_autofree const char **words = NULL;
  g_autofree char *query = NULL;

  g_variant_get_child (arguments, 0, "^a&s", &words);
  query = g_strjoinv (" ", (char **) words);
  g_signal_emit (self, signals[SEARCH], 0, query);
  g_dbus_method_invocation_return_value (invocation, NULL);
}

/* ---- the bus ---- */

static const struct {
  const char *name;
  void (*call) (BottegaSearchProvider *self, GVariant *arguments,
                GDBusMethodInvocation *invocation);
} methods[] = {
  { "GetInitialResultSet", get_initial_results },
  { "GetSubsearchResultSet", get_subsearch_results },
  { "GetResultMetas", get_metas },
  { "ActivateResult", activate_result },
  { "LaunchSearch", launch_search },
};

/* GDBus lets through only what interface_xml declares. */
static void
on_call (GDBusConnection *bus, const char *sender, const char *path, const char *interface,
         const char *method, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (g_str_equal (method, methods[i].name))
      methods[i].call (data, arguments, invocation);
}

gboolean
bottega_search_provider_export (BottegaSearchProvider *self, GDBusConnection *bus,
                                const char *path, GError **error)
{
  static const GDBusInterfaceVTable vtable = { on_call };
  g_autoptr (GDBusNodeInfo) node = NULL;

  g_return_val_if_fail (BOTTEGA_IS_SEARCH_PROVIDER (self) && self->registration == 0, FALSE);

  node = g_dbus_node_info_new_for_xml (interface_xml, error);
  if (node == NULL)
    return FALSE;
  self->registration = g_dbus_connection_register_object (bus, path, node->interfaces[0], &vtable,
                                                          self, NULL, error);
  if (self->registration == 0)
    return FALSE;
  self->bus = g_object_ref (bus);
  return TRUE;
}

void
bottega_search_provider_unexport (BottegaSearchProvider *self)
{
  g_return_if_fail (BOTTEGA_IS_SEARCH_PROVIDER (self));

  if (self->registration != 0)
    g_dbus_connection_unregister_object (self->bus, self->registration);
  self->registration = 0;
  g_clear_object (&self->bus);
}

static void
bottega_search_provider_dispose (GObject *object)
{
  bottega_search_provider_unexport (BOTTEGA_SEARCH_PROVIDER (object));

  G_OBJECT_CLASS (bottega_search_provider_parent_class)->dispose (object);
}

static void
bottega_search_provider_finalize (GObject *object)
{
  BottegaSearchProvider *self = BOTTEGA_SEARCH_PROVIDER (object);

  g_hash_table_unref (self->hits);
  g_clear_object (&self->settings);
  g_free (self->data_dir);

  G_OBJECT_CLASS (bottega_search_provider_parent_class)->finalize (object);
}

static void
bottega_search_provider_class_init (BottegaSearchProviderClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = bottega_search_provider_dispose;
  object_class->finalize = bottega_search_provider_finalize;
  signals[CONVERSATION] =
      g_signal_new ("conversation", BOTTEGA_TYPE_SEARCH_PROVIDER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  signals[DOCUMENT] =
      g_signal_new ("document", BOTTEGA_TYPE_SEARCH_PROVIDER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_INT64);
  signals[SEARCH] = g_signal_new ("search", BOTTEGA_TYPE_SEARCH_PROVIDER, G_SIGNAL_RUN_LAST, 0,
                                  NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
bottega_search_provider_init (BottegaSearchProvider *self)
{
  self->settings = bottega_settings_new ();
  self->hits = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                      (GDestroyNotify) bottega_quick_hit_free);
}

BottegaSearchProvider *
bottega_search_provider_new (GApplication *application, const char *data_dir)
{
  BottegaSearchProvider *self = g_object_new (BOTTEGA_TYPE_SEARCH_PROVIDER, NULL);

  self->application = application;
  self->data_dir = bottega_spaces_get_data_dir (data_dir);
  return self;
}
