/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the assistant and the window, from start to a clean end. Must not know what either shows.
 * Started by the session bus it makes neither before it is asked for one.
 *
 * Command line: files to open; --data-dir DIR keeps everything in DIR, in a process of its own;
 * --new-conversation and --library show these; --version. With G_MESSAGES_DEBUG=bottega-application
 * the time of the first frame is logged. */
#define G_LOG_DOMAIN "bottega-application"

#include "config.h"

#include "app/assistant/bottega-assistant.h"
#include "app/assistant/bottega-local-embedder.h"
#include "app/assistant/bottega-local-source.h"
#include "app/assistant/bottega-search-provider.h"
#include "app/ui/bottega-application.h"
#include "app/ui/bottega-arrivals.h"
#include "app/ui/bottega-notices.h"
#include "app/ui/bottega-offline-dialog.h"
#include "app/ui/bottega-preferences-dialog.h"
#include "app/ui/bottega-shortcuts.h"
#include "app/ui/bottega-window.h"

#include <glib/gi18n.h>

#define SERVICE_MS 10000 /* without a window and without a question */

struct _BottegaApplication {
  AdwApplication parent_instance;

  BottegaAssistant *assistant; /* NULL until there is a window */
  char *data_dir;              /* NULL: the person's own */
  BottegaNotices *notices;     /* as the assistant */
  BottegaSearchProvider *provider;
  GQueue arrivals; /* of Arrived: until the assistant is started */
  gboolean started;
  gulong painted_id;
};

G_DEFINE_FINAL_TYPE (BottegaApplication, bottega_application, ADW_TYPE_APPLICATION)

static const GOptionEntry options[] = {
  { "data-dir", 0, 0, G_OPTION_ARG_FILENAME, NULL,
    N_ ("Keep conversations and models in this folder"), N_ ("FOLDER") },
  { "new-conversation", 'n', 0, G_OPTION_ARG_NONE, NULL, N_ ("Open a new conversation"), NULL },
  { "library", 'l', 0, G_OPTION_ARG_NONE, NULL, N_ ("Show the library"), NULL },
  { "version", 'v', 0, G_OPTION_ARG_NONE, NULL, N_ ("Print the version"), NULL },
  { NULL },
};

/* ---- what is asked for from outside */

typedef struct {
  BottegaArrival show;
  GVariant *what;
} Arrived;

static void
arrived_free (Arrived *arrived)
{
  g_variant_unref (arrived->what);
  g_free (arrived);
}

static GtkWidget *
get_window (BottegaApplication *self)
{
  return GTK_WIDGET (gtk_application_get_active_window (GTK_APPLICATION (self)));
}

static void
show_arrivals (BottegaApplication *self)
{
  Arrived *arrived;

  while ((arrived = g_queue_pop_head (&self->arrivals)) != NULL) {
    arrived->show (get_window (self), self->assistant, arrived->what);
    arrived_free (arrived);
  }
}

/* At once, or when the window is there and the assistant started. WHAT may be floating. */
static void
arrive (BottegaApplication *self,
        BottegaArrival show,
        GVariant *what)
{
  Arrived *arrived = g_new (Arrived, 1);

  *arrived = (Arrived) { show, g_variant_ref_sink (what) };
  g_queue_push_tail (&self->arrivals, arrived);
  g_application_activate (G_APPLICATION (self));
  if (self->started)
    show_arrivals (self);
}

/* ---- actions */

/* The session bus may ask for any of them before there is a window. */
static GtkWidget *
show_window (BottegaApplication *self)
{
  g_application_activate (G_APPLICATION (self));
  return get_window (self);
}

static void
new_conversation_action (GSimpleAction *action,
                         GVariant *parameter,
                         gpointer user_data)
{
  gtk_widget_activate_action (show_window (user_data), "win.new-conversation", NULL);
}

static void
library_action (GSimpleAction *action,
                GVariant *parameter,
                gpointer user_data)
{
  gtk_widget_activate_action (show_window (user_data), "win.library", NULL);
}

static void
open_conversation_action (GSimpleAction *action,
                          GVariant *parameter,
                          gpointer user_data)
{
  arrive (user_data, bottega_arrival_conversation, parameter);
}

static void
ask_in_document_action (GSimpleAction *action,
                        GVariant *parameter,
                        gpointer user_data)
{
  arrive (user_data, bottega_arrival_document, parameter);
}

static void
preferences_action (GSimpleAction *action,
                    GVariant *parameter,
                    gpointer user_data)
{
  BottegaApplication *self = user_data;
  GtkWidget *window = show_window (self);

  adw_dialog_present (bottega_preferences_dialog_new (self->assistant), window);
}

/* The same, at the page of memory and speed. */
static void
memory_action (GSimpleAction *action,
               GVariant *parameter,
               gpointer user_data)
{
  BottegaApplication *self = user_data;
  GtkWidget *window = show_window (self);
  AdwDialog *dialog = bottega_preferences_dialog_new (self->assistant);

  adw_preferences_dialog_set_visible_page_name (ADW_PREFERENCES_DIALOG (dialog), "memory");
  adw_dialog_present (dialog, window);
}

static void
offline_action (GSimpleAction *action,
                GVariant *parameter,
                gpointer user_data)
{
  adw_dialog_present (bottega_offline_dialog_new (), show_window (user_data));
}

static void
shortcuts_action (GSimpleAction *action,
                  GVariant *parameter,
                  gpointer user_data)
{
  bottega_shortcuts_present (show_window (user_data));
}

/* What a person would paste into a report of a problem. */
static char *
describe_system (BottegaApplication *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);
  const char *model = bottega_engine_thread_get_model_name (engine);
  const char *device = bottega_engine_thread_get_device_description (engine);

  return g_strdup_printf (
      "Bottega %s\nGTK %u.%u.%u\nlibadwaita %u.%u.%u\nModel: %s\nDevice: %s\nContext: %u tokens\n",
      PACKAGE_VERSION, gtk_get_major_version (), gtk_get_minor_version (), gtk_get_micro_version (),
      adw_get_major_version (), adw_get_minor_version (), adw_get_micro_version (),
      model != NULL ? model : "none", device != NULL ? device : "none",
      bottega_engine_thread_get_context_size (engine));
}

static void
about_action (GSimpleAction *action,
              GVariant *parameter,
              gpointer user_data)
{
  BottegaApplication *self = user_data;
  GtkWidget *window = show_window (self);
  AdwDialog *dialog = adw_about_dialog_new ();
  AdwAboutDialog *about = ADW_ABOUT_DIALOG (dialog);
  g_autofree char *system = describe_system (self);

  adw_about_dialog_set_application_name (about, "Bottega");
  adw_about_dialog_set_application_icon (about, APP_ID);
  adw_about_dialog_set_version (about, PACKAGE_VERSION);
  adw_about_dialog_set_developer_name (about, _ ("The Bottega contributors"));
  adw_about_dialog_set_license_type (about, GTK_LICENSE_GPL_3_0);
  adw_about_dialog_set_comments (
      about, _ ("An assistant that stays on this computer: its own engine runs the language model "
                "on your graphics card or processor, and nothing is sent anywhere.\n\nBottega is "
                "made openly with machines: its code, its texts and its drawings are written by AI "
                "agents to a person’s design, and checked by tests that anyone can run. What a "
                "model answers can be wrong: check what matters."));
  adw_about_dialog_set_debug_info (about, system);
  adw_about_dialog_set_debug_info_filename (about, "bottega.txt");
  /* TRANSLATORS: your name, one per line. */
  adw_about_dialog_set_translator_credits (about, _ ("translator-credits"));
  adw_dialog_present (dialog, window);
}

static void
quit_action (GSimpleAction *action,
             GVariant *parameter,
             gpointer user_data)
{
  GtkWidget *window = get_window (user_data);

  if (window != NULL)
    gtk_widget_activate_action (window, "win.quit", NULL);
}

static const GActionEntry actions[] = {
  { "new-conversation", new_conversation_action },
  { "library", library_action },
  { "open-conversation", open_conversation_action, "(ss)" },
  { "ask-in-document", ask_in_document_action, "(sx)" },
  { "preferences", preferences_action },
  { "memory", memory_action },
  { "offline", offline_action },
  { "shortcuts", shortcuts_action },
  { "about", about_action },
  { "quit", quit_action },
};

/* ---- what the desktop's search finds */

static void
found_conversation_cb (BottegaApplication *self,
                       const char *space,
                       const char *id)
{
  arrive (self, bottega_arrival_conversation, g_variant_new ("(ss)", space, id));
}

static void
found_document_cb (BottegaApplication *self,
                   const char *space,
                   gint64 id)
{
  arrive (self, bottega_arrival_document, g_variant_new ("(sx)", space, id));
}

static void
search_cb (BottegaApplication *self,
           const char *query)
{
  arrive (self, bottega_arrival_search, g_variant_new_string (query));
}

static gboolean
bottega_application_dbus_register (GApplication *application,
                                   GDBusConnection *bus,
                                   const char *path,
                                   GError **error)
{
  BottegaApplication *self = BOTTEGA_APPLICATION (application);
  g_autofree char *provider_path = g_strconcat (path, "/SearchProvider", NULL);

  if (!G_APPLICATION_CLASS (bottega_application_parent_class)
           ->dbus_register (application, bus, path, error))
    return FALSE;
  self->provider = bottega_search_provider_new (application, self->data_dir);
  g_signal_connect_object (self->provider, "conversation", G_CALLBACK (found_conversation_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->provider, "document", G_CALLBACK (found_document_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->provider, "search", G_CALLBACK (search_cb), self,
                           G_CONNECT_SWAPPED);
  return bottega_search_provider_export (self->provider, bus, provider_path, error);
}

static void
bottega_application_dbus_unregister (GApplication *application,
                                     GDBusConnection *bus,
                                     const char *path)
{
  g_clear_object (&BOTTEGA_APPLICATION (application)->provider);
  G_APPLICATION_CLASS (bottega_application_parent_class)->dbus_unregister (application, bus, path);
}

/* ---- from start to end */

/* The engine looks for models and devices only once the person sees the window. */
static void
painted_cb (GdkFrameClock *clock,
            BottegaApplication *self)
{
  g_assert (BOTTEGA_IS_APPLICATION (self));

  g_clear_signal_handler (&self->painted_id, clock);
  g_debug ("first frame at %" G_GINT64_FORMAT " us of the monotonic clock",
           g_get_monotonic_time ());
  bottega_assistant_start (self->assistant);
  self->started = TRUE;
  show_arrivals (self);
}

static void
mapped_cb (BottegaApplication *self,
           GtkWidget *window)
{
  g_assert (BOTTEGA_IS_APPLICATION (self));

  g_signal_handlers_disconnect_by_func (window, mapped_cb, self);
  self->painted_id = g_signal_connect (gtk_widget_get_frame_clock (window), "after-paint",
                                       G_CALLBACK (painted_cb), self);
}

/* What finds passages in documents; half of the processor: it works in the background. */
static void
set_embedder (BottegaAssistant *assistant)
{
  g_autofree char *path =
      bottega_local_embedder_find_model (bottega_assistant_get_data_dir (assistant));
  const char *device = bottega_settings_get_device (bottega_assistant_get_settings (assistant));
  g_autoptr (BottegaEmbedder) embedder =
      bottega_local_embedder_new (path, device, MAX (1, g_get_num_processors () / 2));

  if (path != NULL)
    bottega_assistant_set_embedder (assistant, embedder);
}

/* They are there without their services too, and say nothing then. */
static void
set_monitors (BottegaAssistant *assistant)
{
  g_autoptr (GMemoryMonitor) memory = g_memory_monitor_dup_default ();
  g_autoptr (GPowerProfileMonitor) power = g_power_profile_monitor_dup_default ();

  bottega_assistant_set_monitors (assistant, memory, power);
}

static void
make_assistant (BottegaApplication *self)
{
  g_autofree char *cache_dir = g_build_filename (g_get_user_cache_dir (), "bottega", NULL);
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (cache_dir);

  self->assistant = bottega_assistant_new (self->data_dir, source, NULL);
  set_embedder (self->assistant);
  set_monitors (self->assistant);
}

static void
bottega_application_activate (GApplication *application)
{
  BottegaApplication *self = BOTTEGA_APPLICATION (application);
  GtkWidget *window = get_window (self);

  if (window == NULL) {
    if (self->assistant == NULL)
      make_assistant (self);
    /* From now on the window's end is the program's. */
    g_application_set_inactivity_timeout (application, 0);
    window = bottega_window_new (GTK_APPLICATION (application), self->assistant);
    self->notices = bottega_notices_new (GTK_WINDOW (window), self->assistant);
    g_signal_connect_object (window, "map", G_CALLBACK (mapped_cb), self, G_CONNECT_SWAPPED);
  }
  gtk_window_present (GTK_WINDOW (window));
}

static void
bottega_application_open (GApplication *application,
                          GFile **files,
                          int n_files,
                          const char *hint)
{
  g_autoptr (GStrvBuilder) addresses = g_strv_builder_new ();
  g_auto (GStrv) list = NULL;

  for (int i = 0; i < n_files; i++)
    g_strv_builder_take (addresses, g_file_get_uri (files[i]));
  list = g_strv_builder_end (addresses);
  arrive (BOTTEGA_APPLICATION (application), bottega_arrival_files,
          g_variant_new_strv ((const char *const *) list, -1));
}

static void
bottega_application_startup (GApplication *application)
{
  BottegaApplication *self = BOTTEGA_APPLICATION (application);

  G_APPLICATION_CLASS (bottega_application_parent_class)->startup (application);
  gtk_window_set_default_icon_name (APP_ID);
  /* Between two keys of a search it stays; then it goes again. */
  if (g_application_get_flags (application) & G_APPLICATION_IS_SERVICE)
    g_application_set_inactivity_timeout (application, SERVICE_MS);
  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
  bottega_shortcuts_install (GTK_APPLICATION (self));
}

static void
bottega_application_shutdown (GApplication *application)
{
  BottegaApplication *self = BOTTEGA_APPLICATION (application);

  g_clear_object (&self->notices);
  if (self->assistant != NULL)
    bottega_assistant_shutdown (self->assistant);
  G_APPLICATION_CLASS (bottega_application_parent_class)->shutdown (application);
  g_clear_object (&self->assistant);
}

static int
bottega_application_handle_local_options (GApplication *application,
                                          GVariantDict *dict)
{
  /* Options that are actions of the same name. */
  static const char *const shown[] = { "new-conversation", "library" };
  BottegaApplication *self = BOTTEGA_APPLICATION (application);
  g_autoptr (GError) error = NULL;

  if (g_variant_dict_contains (dict, "version")) {
    g_print ("Bottega %s\n", PACKAGE_VERSION);
    return 0;
  }
  if (g_variant_dict_lookup (dict, "data-dir", "^ay", &self->data_dir))
    g_application_set_flags (application,
                             g_application_get_flags (application) | G_APPLICATION_NON_UNIQUE);
  if (!g_application_register (application, NULL, &error)) {
    g_printerr ("bottega: %s\n", error->message);
    return 1;
  }
  for (guint i = 0; i < G_N_ELEMENTS (shown); i++) {
    if (!g_variant_dict_contains (dict, shown[i]))
      continue;
    g_action_group_activate_action (G_ACTION_GROUP (application), shown[i], NULL);
    if (g_application_get_is_remote (application))
      return 0;
  }
  return -1;
}

static void
bottega_application_finalize (GObject *object)
{
  BottegaApplication *self = BOTTEGA_APPLICATION (object);

  g_queue_clear_full (&self->arrivals, (GDestroyNotify) arrived_free);
  g_free (self->data_dir);
  G_OBJECT_CLASS (bottega_application_parent_class)->finalize (object);
}

static void
bottega_application_class_init (BottegaApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = bottega_application_finalize;
  application_class->activate = bottega_application_activate;
  application_class->open = bottega_application_open;
  application_class->dbus_register = bottega_application_dbus_register;
  application_class->dbus_unregister = bottega_application_dbus_unregister;
  application_class->startup = bottega_application_startup;
  application_class->shutdown = bottega_application_shutdown;
  application_class->handle_local_options = bottega_application_handle_local_options;
}

static void
bottega_application_init (BottegaApplication *self)
{
  g_queue_init (&self->arrivals);
  g_application_add_main_option_entries (G_APPLICATION (self), options);
}

BottegaApplication *
bottega_application_new (void)
{
  return g_object_new (BOTTEGA_TYPE_APPLICATION,
                       "application-id", APP_ID,
                       "flags", G_APPLICATION_HANDLES_OPEN,
                       "resource-base-path", "/io/github/bottega/Bottega",
                       NULL);
}
