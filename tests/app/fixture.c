/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See fixture.h. Everything of a test lives in its folder, and the test fails when the main loop
 * does not bring what it waits for. */
#include "tests/app/fixture.h"

#include "app/assistant/bottega-local-source.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>

#define PATIENCE_S 60 /* a sanitizer on a busy machine is slow */

char *
fixture_make_folder (void)
{
  GError *error = NULL;
  char *folder = g_dir_make_tmp ("bottega-test-XXXXXX", &error);

  g_assert_no_error (error);

  return folder;
}

static int
remove_one (const char *path, const struct stat *info, int type, struct FTW *where)
{
  return remove (path);
}

void
fixture_remove_folder (char *folder)
{
  nftw (folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  g_free (folder);
}

int
fixture_run_with_trash (void)
{
  char *home = fixture_make_folder ();
  int status;

  g_setenv ("XDG_DATA_HOME", home, TRUE);
  g_setenv ("XDG_DATA_DIRS", "/nowhere", TRUE);
  status = g_test_run ();
  fixture_remove_folder (home);

  return status;
}

static gboolean
on_time (gpointer data)
{
  *(gboolean *) data = TRUE;

  return G_SOURCE_REMOVE;
}

void
fixture_wait (FixtureCondition condition, gpointer data)
{
  gboolean late = FALSE;
  guint timeout = g_timeout_add_seconds (PATIENCE_S, on_time, &late);

  while (!condition (data) && !late)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (late);
  g_source_remove (timeout);
}

static gboolean
is_set (gpointer data)
{
  return *(const gboolean *) data;
}

void
fixture_wait_flag (const gboolean *flag)
{
  fixture_wait (is_set, (gpointer) flag);
}

void
fixture_turn (double seconds)
{
  gboolean late = FALSE;

  g_timeout_add ((guint) (seconds * 1000), on_time, &late);
  while (!late)
    g_main_context_iteration (NULL, TRUE);
}

static gboolean
is_ready (gpointer data)
{
  return bottega_engine_thread_get_state (data) == BOTTEGA_ENGINE_READY;
}

gboolean
fixture_is_settled (gpointer engine_thread)
{
  BottegaEngineState state = bottega_engine_thread_get_state (engine_thread);

  return state == BOTTEGA_ENGINE_READY || state == BOTTEGA_ENGINE_FAILED;
}

gboolean
fixture_is_listed (gpointer assistant)
{
  return bottega_conversation_list_get_loaded (bottega_assistant_get_conversations (assistant));
}

static void
on_counted (guint tokens, const GError *error, gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

void
fixture_finish_jobs (BottegaAssistant *assistant)
{
  BottegaPrompt *prompt = bottega_prompt_new (NULL);
  gboolean done = FALSE;

  bottega_prompt_add (prompt, "user", NULL, "?");
  bottega_engine_thread_count (bottega_assistant_get_engine (assistant), prompt, on_counted, &done);
  fixture_wait_flag (&done);
}

static BottegaEmbedder *next_embedder;

void
fixture_use_embedder (BottegaEmbedder *embedder)
{
  next_embedder = embedder;
}

void
fixture_begin (Fixture *fixture, const BottegaReplayOptions *options)
{
  const BottegaReplayOptions plain = { .text = "A short answer." };
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();

  fixture->source =
      BOTTEGA_REPLAY_SOURCE (bottega_replay_source_new (options != NULL ? options : &plain));
  fixture->assistant = bottega_assistant_new (fixture->folder,
                                              BOTTEGA_ENGINE_SOURCE (fixture->source), settings);
  g_assert_cmpstr (bottega_assistant_get_storage_error (fixture->assistant), ==, NULL);
  bottega_assistant_set_embedder (fixture->assistant, next_embedder);
  bottega_assistant_start (fixture->assistant);
  fixture_wait (is_ready, bottega_assistant_get_engine (fixture->assistant));
  fixture_wait (fixture_is_listed, fixture->assistant);
}

void
fixture_end (Fixture *fixture)
{
  bottega_assistant_shutdown (fixture->assistant);
  g_assert_finalize_object (fixture->assistant);
  g_clear_object (&fixture->source);
}

void
fixture_set_up (Fixture *fixture, const BottegaReplayOptions *options)
{
  g_autofree char *models = NULL;
  g_autofree char *model = NULL;
  g_autoptr (GError) error = NULL;

  fixture->folder = fixture_make_folder ();
  models = g_build_filename (fixture->folder, "models", NULL);
  model = g_build_filename (models, "recorded.gguf", NULL);
  g_assert_cmpint (g_mkdir (models, 0700), ==, 0);
  g_file_set_contents (model, "a model", -1, &error);
  g_assert_no_error (error);
  fixture_begin (fixture, options);
}

void
fixture_reopen (Fixture *fixture, const BottegaReplayOptions *options)
{
  fixture_end (fixture);
  fixture_begin (fixture, options);
}

void
fixture_tear_down (Fixture *fixture)
{
  fixture_end (fixture);
  fixture_remove_folder (fixture->folder);
}

void
fixture_load_local (BottegaAssistant *assistant)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (assistant);
  const BottegaLoadRequest request = {
    .path = g_getenv ("BOTTEGA_TEST_MODEL"), .device = "cpu", .context_tokens = 1024
  };

  bottega_engine_thread_load (engine, &request);
  fixture_wait (is_ready, engine);
}

BottegaAssistant *
fixture_start_local (const char *folder, BottegaSettings *settings)
{
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (NULL);
  BottegaAssistant *assistant = bottega_assistant_new (folder, source, settings);

  bottega_assistant_start (assistant);
  fixture_wait (fixture_is_listed, assistant);
  fixture_load_local (assistant);

  return assistant;
}

BottegaConversation *
fixture_create (BottegaAssistant *assistant)
{
  return bottega_conversation_list_create (bottega_assistant_get_conversations (assistant));
}

void
fixture_send (BottegaConversation *conversation, const char *text)
{
  g_autoptr (GError) error = NULL;

  bottega_conversation_send (conversation, text, &error);
  g_assert_no_error (error);
}

BottegaMessage *
fixture_ask (BottegaConversation *conversation, const char *text)
{
  fixture_send (conversation, text);
  fixture_wait (fixture_is_idle, conversation);

  return fixture_last_message (conversation);
}

gboolean
fixture_is_idle (gpointer conversation)
{
  return !bottega_conversation_get_busy (conversation);
}

gboolean
fixture_is_loaded (gpointer conversation)
{
  return bottega_conversation_get_loaded (conversation);
}

gboolean
fixture_is_writing (gpointer conversation)
{
  return bottega_conversation_get_state (conversation) == BOTTEGA_CONVERSATION_WRITING;
}

BottegaMessage *
fixture_message (BottegaConversation *conversation, guint position)
{
  g_autoptr (BottegaMessage) message =
      g_list_model_get_item (G_LIST_MODEL (conversation), position);

  g_assert_nonnull (message);

  return message;
}

BottegaMessage *
fixture_last_message (BottegaConversation *conversation)
{
  return fixture_message (conversation,
                          g_list_model_get_n_items (G_LIST_MODEL (conversation)) - 1);
}
