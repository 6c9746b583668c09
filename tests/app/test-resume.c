/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers whose device fails after the first word, on a recorded text: they go on from there on the
 * processor, say why, and count as one; what was thought cannot, and one that was stopped does
 * not. */
#include "tests/app/fixture.h"

#include <string.h>

#define TEXT   "One two three four, perché no, five six seven eight nine ten eleven twelve."
#define REASON "The replay was told to fail here."

static const BottegaReplayOptions plain = { .text = TEXT, .tokens_per_s = 200 };

static void
note_state (BottegaConversation *conversation, GParamSpec *pspec, GString *log)
{
  g_string_append_c (log, "IQDLRWSF"[bottega_conversation_get_state (conversation)]);
}

static const char *
device_of (Fixture *fixture)
{
  return bottega_engine_thread_get_device (bottega_assistant_get_engine (fixture->assistant));
}

static BottegaMessage *
ask_failing (Fixture *fixture, BottegaConversation *conversation)
{
  g_assert_cmpstr (device_of (fixture), ==, "replay:0");
  bottega_replay_source_fail_generate (fixture->source, ENGINE_ERROR_DEVICE_LOST, 6);

  return fixture_ask (conversation, "And then?");
}

static void
test_goes_on (void)
{
  Fixture fixture;
  BottegaConversation *conversation;
  g_autoptr (GString) log = g_string_new (NULL);
  g_autofree char *prompt = NULL;
  const EngineStats *stats;
  BottegaMessage *answer;

  fixture_set_up (&fixture, &plain);
  conversation = fixture_create (fixture.assistant);
  g_signal_connect (conversation, "notify::state", G_CALLBACK (note_state), log);
  answer = ask_failing (&fixture, conversation);
  g_assert_cmpstr (device_of (&fixture), ==, "cpu");
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_COMPLETE);
  g_assert_cmpstr (bottega_message_get_text (answer), ==, TEXT);
  g_assert_nonnull (bottega_message_get_note (answer));
  g_assert_nonnull (strstr (bottega_message_get_note (answer), REASON));
  g_assert_nonnull (strstr (bottega_message_get_note (answer), "processor"));
  g_assert_null (bottega_conversation_get_error (conversation));
  g_test_message ("states %s", log->str);
  g_assert_true (g_str_has_prefix (log->str, "QRWQ"));
  g_assert_true (g_str_has_suffix (log->str, "RWI"));
  prompt = bottega_replay_source_dup_last_prompt (fixture.source);
  g_assert_true (g_str_has_prefix (prompt, "user: And then?\nprefix: One two "));

  /* One answer: its question was 4 + 2 tokens, and each of its own came once. */
  stats = bottega_message_get_stats (answer);
  g_assert_cmpuint (stats->prompt_tokens, ==, 6);
  g_assert_cmpuint (stats->written_tokens, ==, (strlen (TEXT) + 3) / 4);
  g_assert_cmpint (stats->stop, ==, ENGINE_STOP_END);
  g_assert_cmpuint (bottega_conversation_get_context_used (conversation), ==,
                    stats->prompt_tokens + stats->written_tokens);
  answer = fixture_ask (conversation, "And now?");
  g_assert_null (bottega_message_get_note (answer));
  g_assert_cmpstr (bottega_message_get_text (answer), ==, TEXT);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

/* What is thought is not said to the model again: the answer ends with the reason, as before. */
static void
test_thought (void)
{
  BottegaReplayOptions options = plain;
  Fixture fixture;
  BottegaConversation *conversation;
  BottegaMessage *answer;

  options.thought_bytes = 8;
  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  answer = ask_failing (&fixture, conversation);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_FAILED);
  g_assert_cmpstr (bottega_message_get_error (answer), ==, REASON);
  g_assert_cmpuint (bottega_message_get_text_bytes (answer), >, 0);
  g_assert_null (bottega_message_get_note (answer));
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static gboolean
is_lost (gpointer conversation)
{
  BottegaMessage *answer = fixture_message (conversation, 1);
  BottegaMessageState state = bottega_message_get_state (answer);

  return bottega_message_get_text_bytes (answer) > 0 && state != BOTTEGA_MESSAGE_STATE_WRITING;
}

/* While the model is loaded again: what has come stays. */
static void
test_stopped (void)
{
  BottegaReplayOptions options = plain;
  Fixture fixture;
  BottegaConversation *conversation;
  BottegaMessage *answer;

  options.load_s = 0.3;
  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  bottega_replay_source_fail_generate (fixture.source, ENGINE_ERROR_DEVICE_LOST, 6);
  fixture_send (conversation, "And then?");
  fixture_wait (is_lost, conversation);
  answer = fixture_message (conversation, 1);
  g_assert_true (bottega_message_get_busy (answer));
  g_assert_cmpstr (bottega_message_get_phase_text (answer), !=, "");
  bottega_conversation_stop (conversation);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_STOPPED);
  g_assert_true (g_str_has_prefix (TEXT, bottega_message_get_text (answer)));
  g_assert_cmpuint (bottega_message_get_text_bytes (answer), <, strlen (TEXT));
  g_assert_cmpuint (bottega_message_get_text_bytes (answer), >=, 6 * 4);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

/* The processor fails too: the answer ends with the reason, and keeps its text. */
static void
test_nowhere (void)
{
  Fixture fixture;
  BottegaConversation *conversation;
  BottegaMessage *answer;

  fixture_set_up (&fixture, &plain);
  conversation = fixture_create (fixture.assistant);
  bottega_replay_source_fail_load (fixture.source, ENGINE_ERROR_NO_MEMORY);
  answer = ask_failing (&fixture, conversation);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_FAILED);
  g_assert_cmpstr (bottega_message_get_error (answer), ==, REASON);
  g_assert_true (g_str_has_prefix (TEXT, bottega_message_get_text (answer)));
  g_assert_cmpuint (bottega_message_get_text_bytes (answer), >=, 6 * 4);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/resume/goes-on", test_goes_on);
  g_test_add_func ("/app/resume/thought", test_thought);
  g_test_add_func ("/app/resume/stopped", test_stopped);
  g_test_add_func ("/app/resume/nowhere", test_nowhere);

  return g_test_run ();
}
