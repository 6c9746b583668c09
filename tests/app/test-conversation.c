/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations on a recorded text: what is sent is answered, kept and found again; what is
 * stopped, refused, replaced or continued ends as it should; the state table has no other edges
 * than these. */
#include "app/assistant/bottega-conversation-list.h"
#include "app/assistant/bottega-stats-text.h"
#include "app/retrieval/bottega-store-chats.h"
#include "tests/app/fixture.h"

#include <sqlite3.h>
#include <string.h>
#include <time.h>

static guint
n_items (gpointer model)
{
  return g_list_model_get_n_items (G_LIST_MODEL (model));
}

static void
assert_message (BottegaConversation *conversation,
                guint position,
                BottegaMessageState state,
                const char *text)
{
  BottegaMessage *message = fixture_message (conversation, position);

  g_assert_cmpstr (bottega_message_get_text (message), ==, text);
  g_assert_cmpint (bottega_message_get_state (message), ==, state);
}

/* The first of the list, with its messages. */
static BottegaConversation *
open_first (Fixture *fixture)
{
  BottegaConversation *conversation = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (fixture->assistant)), 0);

  g_assert_nonnull (conversation);
  bottega_conversation_load_messages (conversation);
  fixture_wait (fixture_is_loaded, conversation);

  return conversation;
}

static void
assert_prompt (Fixture *fixture, const char *expected)
{
  g_autofree char *prompt = bottega_replay_source_dup_last_prompt (fixture->source);

  g_assert_cmpstr (prompt, ==, expected);
}

static void
test_states (void)
{
  /* From each state, where one may go: one letter for each of the table's names. */
  static const char names[] = "IQDLRWSF";
  static const char *expected[] = { "Q", "IDLRSF", "QISF", "IQRSF", "IWSF", "IQSF", "IF", "Q" };

  for (int from = 0; from < (int) strlen (names); from++)
    for (int to = 0; to < (int) strlen (names); to++)
      g_assert_cmpint (bottega_conversation_state_may (from, to), ==,
                       strchr (expected[from], names[to]) != NULL);
}

static void
note_state (BottegaConversation *conversation, GParamSpec *pspec, GString *log)
{
  g_string_append_c (log, "IQDLRWSF"[bottega_conversation_get_state (conversation)]);
}

static void
add_piece (BottegaMessage *message, const char *piece, GString *text)
{
  g_string_append (text, piece);
}

static void
on_items (GListModel *model, guint position, guint n_removed, guint n_added, GString *text)
{
  for (guint i = position; i < position + n_added; i++) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (model, i);

    if (bottega_message_get_role (message) == BOTTEGA_MESSAGE_ROLE_ASSISTANT)
      g_signal_connect (message, "appended", G_CALLBACK (add_piece), text);
  }
}

static void
test_ask_and_reopen (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "Una **risposta** breve.",
                                         .read_tokens_per_s = 400 };
  g_autoptr (GString) states = g_string_new (NULL);
  g_autoptr (GString) pieces = g_string_new (NULL);
  BottegaConversation *conversation;
  BottegaConversationList *list;
  BottegaMessage *answer;

  fixture_set_up (&fixture, &options);
  list = bottega_assistant_get_conversations (fixture.assistant);
  conversation = fixture_create (fixture.assistant);
  g_signal_connect (conversation, "notify::state", G_CALLBACK (note_state), states);
  g_signal_connect (conversation, "items-changed", G_CALLBACK (on_items), pieces);
  g_assert_true (bottega_conversation_get_empty (conversation));
  g_assert_cmpuint (n_items (list), ==, 0);

  fixture_send (conversation,
                "When can the landlord raise the rent of this flat, and by how much?\n"
                "Please.");
  g_assert_cmpuint (n_items (list), ==, 1);
  g_assert_cmpuint (n_items (conversation), ==, 2);
  g_assert_cmpstr (bottega_conversation_get_title (conversation), ==,
                   "When can the landlord raise the rent of this…");
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpstr (states->str, ==, "QRWI");
  g_assert_cmpstr (pieces->str, ==, "Una **risposta** breve.");
  assert_message (conversation, 1, BOTTEGA_MESSAGE_STATE_COMPLETE, "Una **risposta** breve.");
  g_assert_cmpuint (bottega_conversation_get_context_used (conversation), >, 0);
  g_assert_cmpuint (bottega_conversation_get_context_size (conversation), ==, 8192);
  fixture_ask (conversation, "And then?");
  g_assert_cmpuint (n_items (conversation), ==, 4);
  assert_prompt (&fixture,
                 "user: When can the landlord raise the rent of this flat, and by how "
                 "much?\nPlease.\nassistant: Una **risposta** breve.\nuser: And then?\n");
  g_object_unref (conversation);

  fixture_reopen (&fixture, NULL);
  conversation = open_first (&fixture);
  g_assert_cmpuint (n_items (conversation), ==, 4);
  assert_message (conversation, 3, BOTTEGA_MESSAGE_STATE_COMPLETE, "Una **risposta** breve.");
  answer = fixture_message (conversation, 1);
  g_assert_cmpstr (bottega_message_get_model_name (answer), ==, "recorded.gguf");
  g_assert_nonnull (bottega_message_get_stats (answer));
  g_assert_nonnull (strstr (bottega_message_get_stats_line (answer), "to first word"));
  g_assert_cmpuint (bottega_conversation_get_context_used (conversation), >, 0);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_stop (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "one two three four five six seven eight",
                                         .tokens_per_s = 20 };
  BottegaConversation *conversation;
  const char *text;

  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  fixture_send (conversation, "Count.");
  fixture_wait (fixture_is_writing, conversation);
  bottega_conversation_stop (conversation);
  bottega_conversation_stop (conversation);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpint (bottega_conversation_get_state (conversation), ==, BOTTEGA_CONVERSATION_IDLE);
  text = bottega_message_get_text (fixture_message (conversation, 1));
  g_assert_true (g_str_has_prefix ("one two three four five six seven eight", text));
  g_assert_cmpuint (strlen (text), <, 38);
  g_assert_cmpint (bottega_message_get_state (fixture_message (conversation, 1)), ==,
                   BOTTEGA_MESSAGE_STATE_STOPPED);

  /* Before it was even committed. */
  fixture_send (conversation, "Again.");
  bottega_conversation_stop (conversation);
  fixture_wait (fixture_is_idle, conversation);
  assert_message (conversation, 3, BOTTEGA_MESSAGE_STATE_STOPPED, "");
  g_object_unref (conversation);

  fixture_reopen (&fixture, NULL);
  conversation = open_first (&fixture);
  assert_message (conversation, 3, BOTTEGA_MESSAGE_STATE_STOPPED, "");
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_queue (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "one two three", .tokens_per_s = 50 };
  BottegaConversation *conversation;
  GListModel *queue;
  g_autoptr (BottegaMessage) second = NULL;

  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  queue = bottega_conversation_get_queue (conversation);
  fixture_send (conversation, "first");
  fixture_send (conversation, "second");
  fixture_send (conversation, "third");
  g_assert_cmpuint (n_items (conversation), ==, 2);
  g_assert_cmpuint (n_items (queue), ==, 2);
  second = g_list_model_get_item (queue, 0);
  bottega_conversation_remove_queued (conversation, second);
  g_assert_cmpuint (n_items (queue), ==, 1);
  fixture_wait (fixture_is_idle, conversation);
  /* It went on by itself. */
  g_assert_cmpuint (n_items (queue), ==, 0);
  g_assert_cmpuint (n_items (conversation), ==, 4);
  assert_message (conversation, 2, BOTTEGA_MESSAGE_STATE_COMPLETE, "third");
  assert_message (conversation, 3, BOTTEGA_MESSAGE_STATE_COMPLETE, "one two three");

  /* After a stop the queue waits, also over a restart. */
  fixture_send (conversation, "fourth");
  fixture_send (conversation, "fifth");
  bottega_conversation_stop (conversation);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpuint (n_items (queue), ==, 1);
  g_object_unref (conversation);
  fixture_reopen (&fixture, NULL);
  conversation = open_first (&fixture);
  queue = bottega_conversation_get_queue (conversation);
  g_assert_cmpuint (n_items (conversation), ==, 6);
  g_assert_cmpuint (n_items (queue), ==, 1);
  bottega_conversation_send_queued (conversation);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpuint (n_items (queue), ==, 0);
  assert_message (conversation, 6, BOTTEGA_MESSAGE_STATE_COMPLETE, "fifth");
  assert_message (conversation, 7, BOTTEGA_MESSAGE_STATE_COMPLETE, "A short answer.");
  g_object_unref (conversation);

  fixture_reopen (&fixture, NULL);
  conversation = open_first (&fixture);
  g_assert_cmpuint (n_items (conversation), ==, 8);
  assert_message (conversation, 6, BOTTEGA_MESSAGE_STATE_COMPLETE, "fifth");
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_regenerate_and_edit (void)
{
  Fixture fixture;
  BottegaConversation *conversation;
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaMessage) gone = NULL;

  fixture_set_up (&fixture, NULL);
  conversation = fixture_create (fixture.assistant);
  fixture_ask (conversation, "first");
  fixture_ask (conversation, "second");
  gone = g_object_ref (fixture_message (conversation, 3));

  g_assert_true (bottega_conversation_regenerate (conversation, gone, &error));
  g_assert_false (bottega_conversation_regenerate (conversation, fixture_message (conversation, 3),
                                                   &error));
  g_assert_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_BUSY);
  g_clear_error (&error);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpuint (n_items (conversation), ==, 4);
  g_assert_true (fixture_message (conversation, 3) != gone);
  assert_prompt (&fixture, "user: first\nassistant: A short answer.\nuser: second\n");
  g_assert_false (bottega_conversation_regenerate (conversation, gone, &error));
  g_assert_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_INVALID);
  g_clear_error (&error);

  g_assert_true (bottega_conversation_edit_and_resend (
      conversation, fixture_message (conversation, 0), "better", &error));
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpuint (n_items (conversation), ==, 2);
  assert_prompt (&fixture, "user: better\n");
  g_object_unref (conversation);

  fixture_reopen (&fixture, NULL);
  conversation = open_first (&fixture);
  g_assert_cmpuint (n_items (conversation), ==, 2);
  assert_message (conversation, 0, BOTTEGA_MESSAGE_STATE_COMPLETE, "better");
  assert_message (conversation, 1, BOTTEGA_MESSAGE_STATE_COMPLETE, "A short answer.");
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_continue (void)
{
  Fixture fixture;
  BottegaConversation *conversation;
  g_autoptr (GError) error = NULL;
  BottegaMessage *answer;

  fixture_set_up (&fixture, NULL);
  g_object_set (bottega_assistant_get_settings (fixture.assistant), "max-answer-tokens", 2, NULL);
  conversation = fixture_create (fixture.assistant);
  fixture_ask (conversation, "first");
  answer = fixture_message (conversation, 1);
  assert_message (conversation, 1, BOTTEGA_MESSAGE_STATE_COMPLETE, "A short ");
  g_assert_true (bottega_conversation_can_continue (conversation, answer));
  g_object_set (bottega_assistant_get_settings (fixture.assistant), "max-answer-tokens", 1000,
                NULL);
  g_assert_true (bottega_conversation_continue (conversation, answer, &error));
  fixture_wait (fixture_is_idle, conversation);
  assert_message (conversation, 1, BOTTEGA_MESSAGE_STATE_COMPLETE, "A short answer.");
  assert_prompt (&fixture, "user: first\nprefix: A short \n");
  g_assert_false (bottega_conversation_can_continue (conversation, answer));
  g_assert_false (bottega_conversation_continue (conversation, answer, &error));
  g_assert_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_INVALID);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_failure (void)
{
  Fixture fixture;
  BottegaConversation *conversation;

  fixture_set_up (&fixture, NULL);
  conversation = fixture_create (fixture.assistant);
  bottega_replay_source_fail_generate (fixture.source, ENGINE_ERROR_INVALID, 2);
  fixture_send (conversation, "first");
  fixture_send (conversation, "second");
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpint (bottega_conversation_get_state (conversation), ==,
                   BOTTEGA_CONVERSATION_FAILED);
  assert_message (conversation, 1, BOTTEGA_MESSAGE_STATE_FAILED, "A short ");
  g_assert_cmpstr (bottega_conversation_get_error (conversation), ==,
                   "The replay was told to fail here.");
  g_assert_cmpuint (n_items (bottega_conversation_get_queue (conversation)), ==, 1);
  fixture_ask (conversation, "third");
  g_assert_null (bottega_conversation_get_error (conversation));
  /* With that success the queue moves on again. */
  g_assert_cmpuint (n_items (bottega_conversation_get_queue (conversation)), ==, 0);
  g_assert_cmpuint (n_items (conversation), ==, 6);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
on_refused (BottegaConversation *conversation, const char *text, const char *sentence, char **told)
{
  g_free (*told);
  *told = g_strdup_printf ("%s / %s", text, sentence);
}

static void
test_budget (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "An answer of thirty-two letters.",
                                         .context_tokens = 128 };
  BottegaConversation *conversation;
  g_autofree char *told = NULL;
  g_autofree char *long_text = g_strnfill (2000, 'x');
  guint n_items_before;

  /* 96 tokens for the prompt; a turn makes 4 + 2 and 4 + 8. */
  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  g_signal_connect (conversation, "refused", G_CALLBACK (on_refused), &told);
  for (guint i = 0; i < 6; i++)
    fixture_ask (conversation, "question");
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (conversation), ==, 0);
  g_assert_null (bottega_conversation_get_first_included (conversation));
  fixture_ask (conversation, "question");
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (conversation), ==, 3);
  g_assert_true (bottega_conversation_get_first_included (conversation) ==
                 fixture_message (conversation, 6));
  g_assert_false (bottega_message_get_included (fixture_message (conversation, 5)));
  g_assert_true (bottega_message_get_included (fixture_message (conversation, 6)));

  n_items_before = n_items (conversation);
  fixture_ask (conversation, long_text);
  g_assert_cmpuint (n_items (conversation), ==, n_items_before);
  g_assert_true (g_str_has_prefix (told, long_text));
  g_assert_nonnull (strstr (told, "504"));
  g_assert_nonnull (strstr (told, "96"));
  g_assert_cmpint (bottega_conversation_get_state (conversation), ==, BOTTEGA_CONVERSATION_IDLE);
  g_object_unref (conversation);

  fixture_reopen (&fixture, &options);
  conversation = open_first (&fixture);
  g_assert_cmpuint (n_items (conversation), ==, n_items_before);
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (conversation), ==, 3);
  g_assert_true (bottega_conversation_get_first_included (conversation) ==
                 fixture_message (conversation, 6));
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_instructions (void)
{
  Fixture fixture;
  BottegaConversation *conversation;

  fixture_set_up (&fixture, NULL);
  g_object_set (bottega_assistant_get_settings (fixture.assistant), "instructions", "Be brief.",
                NULL);
  conversation = fixture_create (fixture.assistant);
  fixture_ask (conversation, "first");
  assert_prompt (&fixture, "system: Be brief.\nuser: first\n");
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_cannot_send (void)
{
  Fixture fixture;
  BottegaConversation *conversation;
  g_autoptr (GError) error = NULL;

  fixture_set_up (&fixture, NULL);
  conversation = fixture_create (fixture.assistant);
  g_assert_false (bottega_conversation_send (conversation, " \n\t ", &error));
  g_assert_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_EMPTY);
  g_clear_error (&error);
  bottega_engine_thread_unload (bottega_assistant_get_engine (fixture.assistant));
  g_assert_false (bottega_conversation_send (conversation, "first", &error));
  g_assert_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_NO_MODEL);
  g_assert_true (bottega_conversation_get_empty (conversation));
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static gboolean
has_items (gpointer model)
{
  return n_items (model) > 0;
}

/* The question must be on disk before the engine sees it: while another program holds the file,
 * nothing is asked, and the answer says why. */
static void
test_not_committed (void)
{
  Fixture fixture;
  g_autofree char *path = NULL, *prompt = NULL;
  BottegaConversation *conversation;
  sqlite3 *other = NULL;

  fixture_set_up (&fixture, NULL);
  path = g_build_filename (fixture.folder, "spaces", "personal.sqlite", NULL);
  g_assert_cmpint (sqlite3_open (path, &other), ==, SQLITE_OK);
  sqlite3_busy_timeout (other, 10000); /* the space may still be writing its own first rows */
  g_assert_cmpint (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
  conversation = fixture_create (fixture.assistant);
  fixture_ask (conversation, "first");
  sqlite3_close (other);

  g_assert_cmpint (bottega_conversation_get_state (conversation), ==, BOTTEGA_CONVERSATION_FAILED);
  g_assert_nonnull (strstr (bottega_conversation_get_error (conversation), "in use"));
  g_assert_nonnull (bottega_assistant_get_storage_error (fixture.assistant));
  prompt = bottega_replay_source_dup_last_prompt (fixture.source);
  g_assert_null (prompt);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static gint64 longest_turn_us;

/* CPU time of this thread: what else the machine does must not count. */
static gint64
thread_cpu_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);

  return (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Polls as the main loop does, and notes what the rest of a turn took. */
static int
timed_poll (GPollFD *fds, guint n_fds, int timeout_ms)
{
  static gint64 left_us;
  int result;

  if (left_us > 0)
    longest_turn_us = MAX (longest_turn_us, thread_cpu_us () - left_us);
  result = g_poll (fds, n_fds, timeout_ms);
  left_us = thread_cpu_us ();

  return result;
}

/* A conversation of n messages, written past the assistant. */
static void
put_conversation (BottegaStore *store, guint number, guint n)
{
  const EngineStats stats = { .prompt_tokens = 100, .written_tokens = 50, .ttft_s = 0.5 };
  g_autofree char *id = g_strdup_printf ("c%u", number);
  g_autofree char *title = g_strdup_printf ("Questions %u", number);
  const BottegaStoreConversation conversation = { id, title, NULL, number, number };
  g_autoptr (GPtrArray) rows =
      g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_store_message_free);

  for (guint i = 0; i < n; i++) {
    BottegaStoreMessage *row = g_new0 (BottegaStoreMessage, 1);

    row->id = g_strdup_printf ("m%u-%u", number, i);
    row->conversation = g_strdup (id);
    row->role = g_strdup (i % 2 ? "assistant" : "user");
    row->state = g_strdup ("complete");
    row->text = g_strnfill (500, 'x');
    row->stats = bottega_stats_to_json (&stats, NULL);
    row->created_us = i;
    g_ptr_array_add (rows, row);
  }
  bottega_store_put (store, &conversation, (const BottegaStoreMessage *const *) rows->pdata, n,
                     BOTTEGA_STORE_QUICK, NULL, NULL);
}

/* Years of use: the list and a long conversation come without holding the main loop up. */
static void
test_many (void)
{
  Fixture fixture;
  const guint n_conversations = 3000, n_messages = 2000;
  g_autoptr (BottegaStore) store = NULL;
  g_autoptr (GListModel) found = NULL;
  BottegaConversation *conversation;

  fixture_set_up (&fixture, NULL);
  fixture_end (&fixture);
  store = bottega_store_open (fixture.folder, "personal", NULL);
  for (guint i = 0; i < n_conversations; i++)
    put_conversation (store, i, i + 1 == n_conversations ? n_messages : 1);
  g_clear_object (&store);

  longest_turn_us = 0;
  g_main_context_set_poll_func (NULL, timed_poll);
  fixture_begin (&fixture, NULL);
  g_assert_cmpuint (n_items (bottega_assistant_get_conversations (fixture.assistant)), ==,
                    n_conversations);
  conversation = open_first (&fixture);
  g_assert_cmpuint (n_items (conversation), ==, n_messages);
  found = bottega_conversation_list_search (
      bottega_assistant_get_conversations (fixture.assistant), "quest");
  fixture_wait (has_items, found);
  g_main_context_set_poll_func (NULL, NULL);
  g_test_message ("longest turn of the main loop: %.1f ms", (double) longest_turn_us / 1000);
  /* Under 16 ms by itself; the rest is for the sanitizers. */
  g_assert_cmpint (longest_turn_us, <, 250000);
  g_clear_object (&found);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_waits_for_model (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "one", .load_s = 0.1 };
  BottegaConversation *conversation;
  g_autoptr (GString) states = g_string_new (NULL);

  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  g_signal_connect (conversation, "notify::state", G_CALLBACK (note_state), states);
  bottega_assistant_reload_model (fixture.assistant);
  fixture_ask (conversation, "first");
  g_assert_cmpstr (states->str, ==, "QLRWI");
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_shutdown_interrupts (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "one two three four five six seven eight",
                                         .tokens_per_s = 20 };
  BottegaConversation *conversation;

  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  fixture_send (conversation, "Count.");
  fixture_wait (fixture_is_writing, conversation);
  bottega_assistant_shutdown (fixture.assistant);
  g_assert_false (bottega_conversation_get_busy (conversation));
  g_object_unref (conversation);
  fixture_reopen (&fixture, NULL);
  conversation = open_first (&fixture);
  g_assert_cmpint (bottega_message_get_state (fixture_message (conversation, 1)), ==,
                   BOTTEGA_MESSAGE_STATE_INTERRUPTED);
  g_assert_true (g_str_has_prefix (bottega_message_get_text (fixture_message (conversation, 1)),
                                   "one"));
  g_assert_true (bottega_conversation_can_continue (conversation,
                                                    fixture_message (conversation, 1)));
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
count_removals (GListModel *model, guint position, guint n_removed, guint n_added, guint *n)
{
  *n += n_removed > n_added;
}

static char *
titles (gpointer model)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n_items (model); i++) {
    g_autoptr (BottegaConversation) conversation = g_list_model_get_item (model, i);

    g_string_append_printf (text, "%s|", bottega_conversation_get_title (conversation));
  }

  return g_string_free (text, FALSE);
}

static void
assert_titles (gpointer model, const char *expected)
{
  g_autofree char *found = titles (model);

  g_assert_cmpstr (found, ==, expected);
}

static void
test_list (void)
{
  Fixture fixture;
  BottegaConversationList *list;
  BottegaConversation *conversations[3];
  g_autoptr (GListModel) found = NULL;
  g_autoptr (GListModel) none = NULL;
  g_autoptr (GListModel) all = NULL;
  guint n_removals = 0;

  fixture_set_up (&fixture, NULL);
  list = bottega_assistant_get_conversations (fixture.assistant);
  for (guint i = 0; i < 3; i++) {
    g_autofree char *question = g_strdup_printf ("question %u", i);

    conversations[i] = fixture_create (fixture.assistant);
    fixture_ask (conversations[i], question);
  }
  assert_titles (list, "question 2|question 1|question 0|");

  /* A new question moves it to the top, in one change. */
  g_signal_connect (list, "items-changed", G_CALLBACK (count_removals), &n_removals);
  bottega_conversation_set_title (conversations[0], "  Perché  ");
  fixture_ask (conversations[0], "more");
  assert_titles (list, "Perché|question 2|question 1|");
  g_assert_cmpuint (n_removals, ==, 0);

  found = bottega_conversation_list_search (list, "perche");
  fixture_wait (has_items, found);
  assert_titles (found, "Perché|");
  none = bottega_conversation_list_search (list, "perche nothing");
  all = bottega_conversation_list_search (list, " ");
  g_assert_true (all == G_LIST_MODEL (list));

  /* Deleting takes it out of the results too; undo puts it back where it was. */
  bottega_conversation_list_delete (list, conversations[0]);
  assert_titles (list, "question 2|question 1|");
  assert_titles (found, "");
  g_assert_true (bottega_conversation_list_undo_delete (list, conversations[0]));
  assert_titles (list, "Perché|question 2|question 1|");
  bottega_conversation_list_delete (list, conversations[2]);
  bottega_conversation_list_purge (list, conversations[2]);
  g_assert_false (bottega_conversation_list_undo_delete (list, conversations[2]));
  assert_titles (none, "");
  for (guint i = 0; i < 3; i++)
    g_object_unref (conversations[i]);
  /* Results hold conversations, and these the store. */
  g_clear_object (&found);
  g_clear_object (&none);
  g_clear_object (&all);

  fixture_reopen (&fixture, NULL);
  assert_titles (bottega_assistant_get_conversations (fixture.assistant), "Perché|question 1|");
  fixture_tear_down (&fixture);
}

static void
test_delete_while_writing (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "one two three four five six seven eight",
                                         .tokens_per_s = 20 };
  BottegaConversationList *list;
  BottegaConversation *conversation;

  fixture_set_up (&fixture, &options);
  list = bottega_assistant_get_conversations (fixture.assistant);
  conversation = fixture_create (fixture.assistant);
  fixture_send (conversation, "Count.");
  fixture_wait (fixture_is_writing, conversation);
  bottega_conversation_list_delete (list, conversation);
  bottega_conversation_list_purge (list, conversation);
  fixture_wait (fixture_is_idle, conversation);
  g_object_unref (conversation);
  fixture_reopen (&fixture, NULL);
  g_assert_cmpuint (n_items (bottega_assistant_get_conversations (fixture.assistant)), ==, 0);
  fixture_tear_down (&fixture);
}

static void
test_corrupt_space (void)
{
  char *folder = fixture_make_folder ();
  g_autofree char *spaces = g_build_filename (folder, "spaces", NULL);
  g_autofree char *path = g_build_filename (spaces, "personal.sqlite", NULL);
  const BottegaReplayOptions options = { .text = "x" };
  g_autoptr (BottegaEngineSource) source = bottega_replay_source_new (&options);
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  BottegaAssistant *assistant;
  g_autofree char *content = NULL;

  g_mkdir_with_parents (spaces, 0700);
  g_assert_true (g_file_set_contents (path, "This is no database at all, it is a poem.", -1, NULL));
  assistant = bottega_assistant_new (folder, source, settings);
  g_assert_nonnull (bottega_assistant_get_storage_error (assistant));
  bottega_assistant_shutdown (assistant);
  g_assert_finalize_object (assistant);
  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, "This is no database at all, it is a poem.");
  fixture_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/conversation/states", test_states);
  g_test_add_func ("/app/conversation/ask-and-reopen", test_ask_and_reopen);
  g_test_add_func ("/app/conversation/stop", test_stop);
  g_test_add_func ("/app/conversation/queue", test_queue);
  g_test_add_func ("/app/conversation/regenerate-and-edit", test_regenerate_and_edit);
  g_test_add_func ("/app/conversation/continue", test_continue);
  g_test_add_func ("/app/conversation/failure", test_failure);
  g_test_add_func ("/app/conversation/budget", test_budget);
  g_test_add_func ("/app/conversation/instructions", test_instructions);
  g_test_add_func ("/app/conversation/cannot-send", test_cannot_send);
  g_test_add_func ("/app/conversation/not-committed", test_not_committed);
  g_test_add_func ("/app/conversation/many", test_many);
  g_test_add_func ("/app/conversation/waits-for-model", test_waits_for_model);
  g_test_add_func ("/app/conversation/shutdown-interrupts", test_shutdown_interrupts);
  g_test_add_func ("/app/conversation/list", test_list);
  g_test_add_func ("/app/conversation/delete-while-writing", test_delete_while_writing);
  g_test_add_func ("/app/conversation/corrupt-space", test_corrupt_space);

  return g_test_run ();
}
