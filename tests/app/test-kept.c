/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations that are kept on the disk, on the real model (BOTTEGA_TEST_MODEL) behind a whole
 * assistant: written when they are left, used after a restart, and gone with their conversation,
 * their space, a model that is another, and the setting. */
#include "app/assistant/bottega-kept-files.h"
#include "app/assistant/bottega-local-source.h"
#include "app/assistant/bottega-spaces.h"
#include "tests/app/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *folder;
  BottegaSettings *settings;
  BottegaAssistant *assistant;
} Kept;

static void
begin (Kept *kept)
{
  kept->assistant = fixture_start_local (kept->folder, kept->settings);
}

static void
set_up (Kept *kept, gconstpointer data)
{
  kept->folder = fixture_make_folder ();
  kept->settings = bottega_settings_new_in_memory ();
  g_object_set (kept->settings, "temperature", 0.0, "max-answer-tokens", 6, "instructions",
                "You are a clerk of a small town who answers letters about roads, schools, trees, "
                "dogs, bridges, taxes, fountains and markets briefly, kindly and in plain words, "
                "and who never forgets to thank for the letter and to wish a good day at its end.",
                NULL);
  begin (kept);
}

static void
end (Kept *kept)
{
  bottega_assistant_shutdown (kept->assistant);
  g_assert_finalize_object (kept->assistant);
}

static void
tear_down (Kept *kept, gconstpointer data)
{
  end (kept);
  g_object_unref (kept->settings);
  fixture_remove_folder (kept->folder);
}

static BottegaConversation *
find (Kept *kept, const char *id)
{
  BottegaConversation *conversation =
      bottega_conversation_list_find (bottega_assistant_get_conversations (kept->assistant), id);

  g_assert_nonnull (conversation);
  bottega_conversation_load_messages (conversation);
  fixture_wait (fixture_is_loaded, conversation);

  return conversation;
}

/* Asks and waits; the figures of the answer. */
static EngineStats
ask (BottegaConversation *conversation, const char *question)
{
  const EngineStats *stats = bottega_message_get_stats (fixture_ask (conversation, question));

  g_assert_cmpstr (bottega_conversation_get_error (conversation), ==, NULL);
  g_assert_nonnull (stats);

  return *stats;
}

/* The file of a conversation in a space; it need not be there. */
static char *
path_of (Kept *kept, const char *space, const char *id)
{
  g_autofree char *store = bottega_spaces_get_path (kept->folder, space);

  return bottega_kept_files_get_path (store, id);
}

static gboolean
is_there (const char *path)
{
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static gboolean
is_gone (const char *path)
{
  return !is_there (path);
}

/* A conversation with an answer that was left, and its file. */
static BottegaConversation *
leave_one (Kept *kept, char **path)
{
  BottegaConversation *conversation = fixture_create (kept->assistant);

  *path = path_of (kept, "personal", bottega_conversation_get_id (conversation));
  ask (conversation, "Where is the fountain?");
  bottega_conversation_leave (conversation);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_there (*path));

  return conversation;
}

/* Left, closed, opened again: nothing of it is read twice, and nothing is written twice. */
static void
test_restart (Kept *kept, gconstpointer data)
{
  BottegaConversation *conversation = fixture_create (kept->assistant);
  g_autofree char *id = g_strdup (bottega_conversation_get_id (conversation));
  g_autofree char *path = path_of (kept, "personal", id);
  EngineStats first = ask (conversation, "Where is the fountain?"), second, third;
  GStatBuf info, later;

  g_assert_cmpuint (first.reused_tokens, ==, 0);
  g_assert_true (is_gone (path));
  bottega_conversation_leave (conversation);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_there (path));
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0600);
  g_clear_object (&conversation);
  end (kept);
  g_assert_cmpint (g_stat (path, &later), ==, 0);
  g_assert_cmpint (info.st_ino, ==, later.st_ino);

  begin (kept);
  conversation = g_object_ref (find (kept, id));
  second = ask (conversation, "And the market?");
  g_test_message ("%u of %u tokens reused", second.reused_tokens, second.prompt_tokens);
  g_assert_cmpuint (second.reused_tokens, >=, first.prompt_tokens);
  g_clear_object (&conversation);
  end (kept); /* not left: the end of the program keeps it */

  begin (kept);
  third = ask (find (kept, id), "And the bridge?");
  g_assert_cmpuint (third.reused_tokens, >=, second.prompt_tokens);
}

/* A model that is loaded again finds it; another conversation has the beginning that all share. */
static void
test_reload (Kept *kept, gconstpointer data)
{
  g_autoptr (BottegaConversation) conversation = fixture_create (kept->assistant);
  EngineStats first = ask (conversation, "Where is the fountain?"), second;
  g_autoptr (BottegaConversation) other = fixture_create (kept->assistant);

  second = ask (other, "Is there a school?");
  g_assert_cmpuint (second.reused_tokens, >, 40);
  fixture_load_local (kept->assistant);
  second = ask (conversation, "And the market?");
  g_assert_cmpuint (second.reused_tokens, >=, first.prompt_tokens);
}

/* A file that is damaged or of something else is no matter: all is read, and the file goes. */
static void
test_damaged (Kept *kept, gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autoptr (BottegaConversation) conversation = leave_one (kept, &path);
  g_autofree char *bytes = NULL;
  EngineStats stats;
  gsize n;

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  bytes[n / 2] ^= 1;
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
  bottega_engine_thread_unload (bottega_assistant_get_engine (kept->assistant));
  fixture_load_local (kept->assistant);
  stats = ask (conversation, "And the market?");
  g_assert_cmpuint (stats.reused_tokens, ==, 0);
  g_assert_true (is_gone (path));
}

/* Deleted, undone, deleted for good: then nothing of it is left, nor does it come back. */
static void
test_delete (Kept *kept, gconstpointer data)
{
  BottegaConversationList *list = bottega_assistant_get_conversations (kept->assistant);
  g_autofree char *path = NULL;
  g_autoptr (BottegaConversation) conversation = leave_one (kept, &path);

  bottega_conversation_list_delete (list, conversation);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_there (path));
  g_assert_true (bottega_conversation_list_undo_delete (list, conversation));
  ask (conversation, "And the market?");
  bottega_conversation_list_delete (list, conversation);
  bottega_conversation_leave (conversation); /* the window shows another one */
  bottega_conversation_list_purge (list, conversation);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_gone (path));
  bottega_conversation_leave (conversation);
  end (kept);
  g_assert_true (is_gone (path));
  begin (kept);
}

/* With its space goes all that was kept for it, also what is on its way to the disk. */
static void
test_space (Kept *kept, gconstpointer data)
{
  g_autofree char *store = bottega_spaces_get_path (kept->folder, "work");
  g_autofree char *folder = bottega_kept_files_get_folder (store);
  g_autoptr (GError) error = NULL;

  bottega_assistant_open_space (kept->assistant, "work", &error);
  g_assert_no_error (error);
  fixture_wait (fixture_is_listed, kept->assistant);
  {
    g_autoptr (BottegaConversation) conversation = fixture_create (kept->assistant);

    ask (conversation, "Where is the fountain?");
  }
  bottega_assistant_open_space (kept->assistant, "personal", &error);
  g_assert_no_error (error);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_there (folder));
  g_assert_true (bottega_assistant_delete_space (kept->assistant, "work", &error));
  g_assert_no_error (error);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_gone (folder));
  end (kept);
  g_assert_true (is_gone (folder));
  g_assert_true (is_gone (store));
  begin (kept);
}

/* Nothing is written with 0, and what there is goes. */
static void
test_off (Kept *kept, gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autoptr (BottegaConversation) conversation = leave_one (kept, &path);

  g_object_set (kept->settings, "kept-megabytes", 0, NULL);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_gone (path));
  ask (conversation, "And the market?");
  bottega_conversation_leave (conversation);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_gone (path));
  g_object_set (kept->settings, "kept-megabytes", 1, NULL); /* less than it takes */
  bottega_conversation_leave (conversation);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_gone (path));
}

/* What a program that was killed left in a folder goes when its space is opened. */
static void
test_sweep (Kept *kept, gconstpointer data)
{
  BottegaConversation *conversation = fixture_create (kept->assistant);
  g_autofree char *path =
      path_of (kept, "personal", bottega_conversation_get_id (conversation));
  g_autofree char *part = g_strconcat (path, ".part", NULL);
  g_autofree char *stranger = path_of (kept, "personal", "no-such-conversation");

  ask (conversation, "Where is the fountain?");
  g_clear_object (&conversation);
  end (kept);
  g_assert_true (is_there (path));
  g_assert_true (g_file_set_contents (part, "half", -1, NULL));
  g_assert_true (g_file_set_contents (stranger, "whole", -1, NULL));
  begin (kept);
  fixture_finish_jobs (kept->assistant);
  g_assert_true (is_gone (part));
  g_assert_true (is_gone (stranger));
  g_assert_true (is_there (path));
}

static void
write_kept (const char *spaces, const char *space, const char *name, gsize bytes)
{
  g_autofree char *folder = g_build_filename (spaces, space, NULL);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *content = g_malloc0 (bytes);

  g_mkdir (folder, 0700);
  g_assert_true (g_file_set_contents (path, content, (gssize) bytes, NULL));
  g_usleep (12000); /* clocks of file systems tick in hundredths */
}

static char *
list (const char *spaces)
{
  static const char *const names[] = { "a.kv/1.kv", "b.kv/2.kv", "a.kv/3.kv", "b.kv/4.kv" };
  GString *found = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (spaces, names[i], NULL);

    if (is_there (path))
      g_string_append_printf (found, "%u", i + 1);
  }

  return g_string_free (found, FALSE);
}

/* In all spaces together those used longest ago go first. */
static void
test_budget (void)
{
  static const struct {
    guint64 most_bytes;
    const char *left;
  } steps[] = { { 5000, "1234" }, { 4000, "1234" }, { 3999, "134" }, { 2500, "14" }, { 0, "" } };
  char *spaces = fixture_make_folder ();
  g_autofree char *first = g_build_filename (spaces, "a.kv", "1.kv", NULL);
  g_autofree char *part = g_build_filename (spaces, "b.kv", "4.kv.part", NULL);

  write_kept (spaces, "a.kv", "1.kv", 1000);
  write_kept (spaces, "b.kv", "2.kv", 1000);
  write_kept (spaces, "a.kv", "3.kv", 1000);
  write_kept (spaces, "b.kv", "4.kv", 1000);
  write_kept (spaces, "b.kv", "4.kv.part", 1000); /* a program that was killed */
  bottega_kept_files_touch (first);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    g_autofree char *left = NULL;

    bottega_kept_files_fit (spaces, steps[i].most_bytes);
    left = list (spaces);
    g_assert_cmpstr (left, ==, steps[i].left);
    g_assert_true (is_gone (part));
  }
  fixture_remove_folder (spaces);
}

#define ADD(name, function) g_test_add ("/app/kept/" name, Kept, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_setenv ("VK_DRIVER_FILES", "/nowhere", TRUE); /* what this machine has must not matter */
  g_test_add_func ("/app/kept/budget", test_budget);
  if (g_getenv ("BOTTEGA_TEST_MODEL") != NULL) {
    ADD ("restart", test_restart);
    ADD ("reload", test_reload);
    ADD ("damaged", test_damaged);
    ADD ("delete", test_delete);
    ADD ("space", test_space);
    ADD ("off", test_off);
    ADD ("sweep", test_sweep);
  }

  return fixture_run_with_trash ();
}
