/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns what the tests of the transcript have in common: the real chat view in a real window, fed by
 * the real conversation through the engine thread; only the engine itself is a recording. It must
 * not know what a test proves.
 */
#include "config.h"

#include "tests/ui/chat/fixture.h"

#include <adwaita.h>
#include <glib/gstdio.h>
#include <time.h>

#include "app/ui/bottega-window.h"

/* A turn that took less only looked whether there is something to do. */
#define IDLE_TURN_US 200

gint64
fixture_cpu_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void
load_style (void)
{
  g_autoptr (GtkCssProvider) provider = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (provider, "/io/github/bottega/Bottega/style-chat.css");
  gtk_style_context_add_provider_for_display (gdk_display_get_default (),
                                              GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void
start_assistant (Fixture *self,
                 const char *text,
                 double speed)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  BottegaReplayOptions options = { .text = text,
                                   .tokens_per_s = speed,
                                   .context_tokens = 1 << 20 };

  g_object_set (settings, "max-answer-tokens", 1u << 19, NULL);
  self->source = bottega_replay_source_new (&options);
  self->assistant = bottega_assistant_new (self->folder, self->source, settings);
  bottega_engine_thread_load (bottega_assistant_get_engine (self->assistant),
                              &(BottegaLoadRequest) { .path = "/replay" });
}

static void
open_assistant (Fixture *self,
                const char *text,
                double speed)
{
  g_autoptr (GError) error = NULL;

  *self = (Fixture) { 0 };
  self->folder = g_dir_make_tmp ("bottega-chat-XXXXXX", &error);
  g_assert_no_error (error);
  self->turns_us = g_array_new (FALSE, FALSE, sizeof (gint64));
  start_assistant (self, text, speed);
  self->conversation = bottega_conversation_list_create (
      bottega_assistant_get_conversations (self->assistant));
}

static void
stop_assistant (Fixture *self)
{
  bottega_assistant_shutdown (self->assistant);
  g_clear_object (&self->conversation);
  g_clear_object (&self->assistant);
  g_clear_object (&self->source);
}

static gboolean
list_is_loaded (Fixture *self)
{
  return bottega_conversation_list_get_loaded (
      bottega_assistant_get_conversations (self->assistant));
}

static gboolean
conversation_is_loaded (Fixture *self)
{
  return bottega_conversation_get_loaded (self->conversation);
}

void
fixture_restart (Fixture *self,
                 const char *text,
                 double speed)
{
  bottega_chat_view_set_conversation (self->view, NULL);
  stop_assistant (self);
  start_assistant (self, text, speed);
  fixture_run_until (self, list_is_loaded, 10);
  self->conversation = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (self->assistant)), 0);
  bottega_conversation_load_messages (self->conversation);
  fixture_run_until (self, conversation_is_loaded, 10);
  fixture_run_for (self, 0.3);
}

void
fixture_open (Fixture *self,
              int width,
              const char *text,
              double speed)
{
  open_assistant (self, text, speed);
  load_style ();
  self->view = BOTTEGA_CHAT_VIEW (bottega_chat_view_new ());
  bottega_chat_view_set_conversation (self->view, self->conversation);
  self->window = adw_window_new ();
  gtk_window_set_default_size (GTK_WINDOW (self->window), width, 720);
  adw_window_set_content (ADW_WINDOW (self->window), GTK_WIDGET (self->view));
  gtk_window_present (GTK_WINDOW (self->window));
  fixture_run_for (self, 0.7);
}

void
fixture_open_program (Fixture *self,
                      const char *text,
                      double speed)
{
  g_autoptr (GError) error = NULL;

  open_assistant (self, text, speed);
  self->application = g_object_new (ADW_TYPE_APPLICATION, "application-id", APP_ID, "flags",
                                    G_APPLICATION_NON_UNIQUE, "resource-base-path",
                                    "/io/github/bottega/Bottega", NULL);
  g_application_register (self->application, NULL, &error);
  g_assert_no_error (error);
  self->window = bottega_window_new (GTK_APPLICATION (self->application), self->assistant);
  self->view = BOTTEGA_CHAT_VIEW (fixture_find (self->window, BOTTEGA_TYPE_CHAT_VIEW));
  gtk_window_present (GTK_WINDOW (self->window));
  fixture_run_for (self, 0.7);
}

static void
remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    if (g_file_test (child, G_FILE_TEST_IS_DIR))
      remove_folder (child);
    else
      g_remove (child);
  }
  g_rmdir (path);
}

void
fixture_close (Fixture *self)
{
  bottega_assistant_shutdown (self->assistant);
  gtk_window_destroy (GTK_WINDOW (self->window));
  fixture_run_for (self, 0.05);
  g_clear_object (&self->application);
  stop_assistant (self);
  remove_folder (self->folder);
  g_clear_pointer (&self->folder, g_free);
  g_clear_pointer (&self->turns_us, g_array_unref);
}

BottegaMessage *
fixture_get_last (Fixture *self)
{
  GListModel *model = G_LIST_MODEL (self->conversation);
  guint n = g_list_model_get_n_items (model);
  g_autoptr (BottegaMessage) last = n > 0 ? g_list_model_get_item (model, n - 1) : NULL;

  return last;
}

static gboolean
wake_cb (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

void
fixture_run_until (Fixture *self,
                   gboolean (*done) (Fixture *self),
                   double seconds)
{
  gint64 end_us = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  guint wake = g_timeout_add (10, wake_cb, NULL);

  while (done == NULL || !done (self)) {
    if (g_get_monotonic_time () > end_us) {
      g_assert_null (done);
      break;
    }
    g_main_context_iteration (NULL, TRUE);
  }
  g_source_remove (wake);
}

void
fixture_run_for (Fixture *self,
                 double seconds)
{
  fixture_run_until (self, NULL, seconds);
}

gboolean
fixture_is_idle (Fixture *self)
{
  BottegaMessage *last = fixture_get_last (self);

  return last != NULL && !bottega_message_get_busy (last) &&
         !bottega_conversation_get_busy (self->conversation);
}

void
fixture_measure (Fixture *self,
                 gsize expected_bytes,
                 double seconds)
{
  gint64 end_us = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  while (!fixture_is_idle (self)) {
    BottegaMessage *last = fixture_get_last (self);
    gsize bytes = last != NULL ? bottega_message_get_text_bytes (last) : 0;
    gint64 turn_us = fixture_cpu_us ();

    g_assert_cmpint (g_get_monotonic_time (), <, end_us);
    g_main_context_iteration (NULL, TRUE);
    turn_us = fixture_cpu_us () - turn_us;
    self->total_us += turn_us;
    self->quarters_us[MIN (bytes * 4 / expected_bytes, 3)] += turn_us;
    if (turn_us >= IDLE_TURN_US)
      g_array_append_val (self->turns_us, turn_us);
  }
}

GtkWidget *
fixture_find (GtkWidget *widget,
              GType type)
{
  if (g_type_is_a (G_OBJECT_TYPE (widget), type))
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child)) {
    GtkWidget *found = fixture_find (child, type);
    if (found != NULL)
      return found;
  }
  return NULL;
}
