/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents pinned in conversations, on the real model (BOTTEGA_TEST_MODEL) behind a whole
 * assistant: read whole and once, in this conversation, in others and after a restart; what is kept
 * of them holds nothing of the talk, and goes with the document. */
#include "tests/app/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#define PAGE_TOKENS 64 /* what is kept ends with a whole page */

typedef struct {
  char *folder;
  BottegaSettings *settings;
  BottegaAssistant *assistant;
  BottegaLibrary *library;
} Pins;

static gboolean
is_indexed (gpointer library)
{
  return bottega_library_get_n_ready (library) == 2 && !bottega_library_get_busy (library);
}

static void
begin (Pins *pins)
{
  pins->assistant = fixture_start_local (pins->folder, pins->settings);
  pins->library = bottega_assistant_get_library (pins->assistant);
}

static void
end (Pins *pins)
{
  bottega_assistant_shutdown (pins->assistant);
  g_assert_finalize_object (pins->assistant);
}

static void
write_document (Pins *pins, const char *name, guint n_lines)
{
  g_autofree char *folder = g_build_filename (pins->folder, "documents", NULL);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 1; i <= n_lines; i++)
    g_string_append_printf (text, "Rule %u of the market: stall %u pays %u coins.\n\n", i, i,
                            7 * i);
  g_mkdir_with_parents (folder, 0700);
  g_assert_true (g_file_set_contents (path, text->str, -1, NULL));
}

static void
set_up (Pins *pins, gconstpointer data)
{
  g_autofree char *documents = NULL;
  g_autoptr (GFile) file = NULL;
  GSList files = { 0 };

  pins->folder = fixture_make_folder ();
  pins->settings = bottega_settings_new_in_memory ();
  g_object_set (pins->settings, "temperature", 0.0, "max-answer-tokens", 6, NULL);
  begin (pins);
  write_document (pins, "market.txt", 15);
  write_document (pins, "long.txt", 400);
  documents = g_build_filename (pins->folder, "documents", NULL);
  file = g_file_new_for_path (documents);
  files.data = file;
  g_assert_cmpuint (bottega_library_add (pins->library, &files), ==, 0);
  fixture_wait (is_indexed, pins->library);
}

static void
tear_down (Pins *pins, gconstpointer data)
{
  end (pins);
  g_object_unref (pins->settings);
  fixture_remove_folder (pins->folder);
}

static BottegaDocumentItem *
find (Pins *pins, const char *name)
{
  g_autoptr (GPtrArray) found = bottega_library_complete (pins->library, name, 9);

  g_assert_cmpuint (found->len, ==, 1);

  return g_ptr_array_index (found, 0); /* the library has it too */
}

static gint64
id_of (Pins *pins, const char *name)
{
  fixture_wait (is_indexed, pins->library);

  return bottega_document_item_get_id (find (pins, name));
}

static BottegaMessage *
ask (BottegaConversation *conversation, const char *question)
{
  BottegaMessage *answer = fixture_ask (conversation, question);

  g_assert_cmpstr (bottega_conversation_get_error (conversation), ==, NULL);

  return answer;
}

static BottegaConversation *
ask_pinned (Pins *pins, const char *question, EngineStats *stats)
{
  BottegaConversation *conversation = fixture_create (pins->assistant);
  g_autoptr (GError) error = NULL;

  g_assert_true (bottega_conversation_pin (conversation, id_of (pins, "market"), &error));
  g_assert_no_error (error);
  *stats = *bottega_message_get_stats (ask (conversation, question));

  return conversation;
}

static guint
pinned_tokens (BottegaConversation *conversation)
{
  return bottega_conversation_get_context_of (conversation, NULL)[BOTTEGA_PROMPT_PINNED];
}

/* The one file of pins; NULL: none. */
static char *
find_file (Pins *pins)
{
  g_autofree char *folder = g_build_filename (pins->folder, "spaces", "personal.kv", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "pins-"))
      return g_build_filename (folder, name, NULL);

  return NULL;
}

/* Read once: the second conversation has it from memory, the third, after a restart, from a file
 * that is the same to the byte whatever is asked. */
static void
test_once (Pins *pins, gconstpointer data)
{
  EngineStats first, second, third, fourth;
  BottegaConversation *conversation = ask_pinned (pins, "Who pays 21 coins?", &first);
  guint n_pinned = pinned_tokens (conversation);
  g_autofree char *path = NULL, *again = NULL, *before = NULL, *after = NULL;
  gsize n_before, n_after;

  g_assert_cmpuint (n_pinned, >, 2 * PAGE_TOKENS);
  g_assert_cmpuint (first.reused_tokens, <, PAGE_TOKENS);
  bottega_conversation_leave (conversation);
  g_clear_object (&conversation);
  fixture_finish_jobs (pins->assistant);
  path = find_file (pins);
  g_assert_nonnull (path);
  conversation = ask_pinned (pins, "Is there a rule about dogs?", &second);
  g_assert_cmpuint (second.reused_tokens, >=, n_pinned);
  g_clear_object (&conversation);
  end (pins);
  g_assert_true (g_file_get_contents (path, &before, &n_before, NULL));

  begin (pins);
  conversation = ask_pinned (pins, "What of stall nine?", &third);
  g_test_message ("%u pinned; reused %u, %u", n_pinned, second.reused_tokens, third.reused_tokens);
  g_assert_cmpuint (third.reused_tokens % PAGE_TOKENS, ==, 0);
  g_assert_cmpuint (third.reused_tokens + PAGE_TOKENS, >, n_pinned);
  g_clear_object (&conversation);
  end (pins);

  g_unlink (path);
  begin (pins);
  conversation = ask_pinned (pins, "How many coins are paid by all?", &fourth);
  g_assert_cmpuint (fourth.reused_tokens, ==, 0);
  g_clear_object (&conversation);
  end (pins);
  again = find_file (pins);
  g_assert_cmpstr (again, ==, path);
  g_assert_true (g_file_get_contents (path, &after, &n_after, NULL));
  g_assert_cmpmem (before, n_before, after, n_after);
  begin (pins);
}

static gboolean
is_unpinned (gpointer conversation)
{
  guint n;

  bottega_conversation_get_pinned (conversation, &n);

  return n == 0;
}

/* With the document goes what is kept of it, and the next answer says so. */
static void
test_removed (Pins *pins, gconstpointer data)
{
  EngineStats stats;
  g_autoptr (BottegaConversation) conversation = ask_pinned (pins, "Who pays 21 coins?", &stats);
  g_autofree char *path = NULL;
  g_autofree char *gone = NULL;
  BottegaMessage *answer;

  bottega_conversation_leave (conversation);
  fixture_finish_jobs (pins->assistant);
  path = find_file (pins);
  g_assert_nonnull (path);
  bottega_library_remove (pins->library, find (pins, "market"));
  fixture_wait (is_unpinned, conversation);
  fixture_finish_jobs (pins->assistant);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  answer = ask (conversation, "And now?");
  g_assert_nonnull (bottega_message_get_note (answer));
  g_assert_nonnull (strstr (bottega_message_get_note (answer), "market"));
  g_assert_cmpuint (pinned_tokens (conversation), ==, 0);
  bottega_conversation_leave (conversation);
  fixture_finish_jobs (pins->assistant);
  gone = find_file (pins);
  g_assert_null (gone);
}

/* What does not fit is refused with its numbers; pins come back with the conversation, and go. */
static void
test_pin (Pins *pins, gconstpointer data)
{
  EngineStats stats;
  BottegaConversation *conversation = fixture_create (pins->assistant);
  g_autofree char *id = g_strdup (bottega_conversation_get_id (conversation));
  gint64 market = id_of (pins, "market");
  g_autoptr (GError) error = NULL;
  g_autofree char *left = NULL;

  g_assert_false (bottega_conversation_pin (conversation, id_of (pins, "long"), &error));
  g_assert_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_TOO_LONG);
  g_assert_nonnull (strstr (error->message, "tokens"));
  g_clear_error (&error);
  g_assert_false (bottega_conversation_pin (conversation, 12345, &error));
  g_assert_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_INVALID);
  g_clear_error (&error);
  g_clear_object (&conversation);

  conversation = ask_pinned (pins, "Who pays 21 coins?", &stats);
  g_clear_object (&conversation);
  end (pins);
  begin (pins);
  conversation = g_object_ref (bottega_conversation_list_find (
      bottega_assistant_get_conversations (pins->assistant), id));
  g_assert_true (bottega_conversation_is_pinned (conversation, market));
  bottega_conversation_unpin (conversation, market);
  g_assert_true (is_unpinned (conversation));
  fixture_finish_jobs (pins->assistant);
  left = find_file (pins);
  g_assert_null (left);
  g_clear_object (&conversation);
}

#define ADD(name, function) g_test_add ("/app/pins/" name, Pins, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_setenv ("VK_DRIVER_FILES", "/nowhere", TRUE); /* what this machine has must not matter */
  if (g_getenv ("BOTTEGA_TEST_MODEL") != NULL) {
    ADD ("once", test_once);
    ADD ("removed", test_removed);
    ADD ("pin", test_pin);
  }

  return fixture_run_with_trash ();
}
