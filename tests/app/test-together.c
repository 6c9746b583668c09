/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several answers at once on a recorded text: each gets all of its own, the urgent ones first, and
 * what waits says so; one that is cancelled, a load, a device that is lost and the end of the
 * program do to the others what they should. Also run under ThreadSanitizer. */
#include "tests/app/seen.h"

#include <string.h>

static BottegaEngineThread *
begin (BottegaReplayOptions options, guint context_tokens, BottegaReplaySource **source)
{
  BottegaEngineThread *thread = seen_make_thread (options, source);

  seen_load (thread, "/models/a.gguf", "auto", context_tokens);
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);

  return thread;
}

/* A question of so many bytes, four to a token. */
static guint64
ask_long (BottegaEngineThread *thread, const char *path, guint n_bytes,
          const BottegaGenerateEvents *events, gpointer data)
{
  g_autofree char *text = g_strnfill (n_bytes, 'q');
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  BottegaPrompt *prompt = bottega_prompt_new (NULL);

  bottega_prompt_add (prompt, "user", "q", text);

  return bottega_engine_thread_generate (thread, path, BOTTEGA_ANSWER_CHAT, prompt, 100, &options,
                                         events, data);
}

static void
assert_whole (const Seen *seen, const char *text)
{
  g_assert_cmpuint (seen->finished, ==, 1);
  g_assert_null (seen->error);
  g_assert_cmpstr (seen->text->str, ==, text);
  g_assert_cmpstr (seen->log, ==, "srtf");
  g_assert_cmpuint (seen->n_tokens, ==, seen->stats.written_tokens);
}

static void
test_two (void)
{
  static const double speeds[] = { 0, 400 };
  g_autofree char *text = seen_make_text (100);

  for (guint i = 0; i < G_N_ELEMENTS (speeds); i++) {
    g_auto (Seen) first = { 0 };
    g_auto (Seen) second = { 0 };
    BottegaEngineThread *thread =
        begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = speeds[i] }, 0, NULL);

    seen_ask (thread, "/1", &first);
    seen_ask (thread, "/2", &second);
    fixture_wait (seen_has_text, &first);
    fixture_wait (seen_has_text, &second);
    if (speeds[i] > 0) {
      g_assert_cmpuint (first.finished + second.finished, ==, 0);
      g_assert_cmpuint (bottega_engine_thread_get_waiting (thread), ==, 0);
    }
    fixture_wait (seen_is_finished, &first);
    fixture_wait (seen_is_finished, &second);
    assert_whole (&first, text);
    assert_whole (&second, text);
    g_assert_false (bottega_engine_thread_get_answering (thread));
    g_assert_finalize_object (thread);
  }
}

static void
test_cancel_one (void)
{
  g_autofree char *text = seen_make_text (60);
  g_auto (Seen) first = { 0 };
  g_auto (Seen) second = { 0 };
  BottegaEngineThread *thread =
      begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = 300 }, 0, NULL);
  guint64 job = seen_ask (thread, "/1", &first);
  gint64 begin_us;

  seen_ask (thread, "/2", &second);
  fixture_wait (seen_has_text, &first);
  fixture_wait (seen_has_text, &second);
  begin_us = g_get_monotonic_time ();
  bottega_engine_thread_cancel (thread, job);
  fixture_wait (seen_is_finished, &first);
  g_assert_cmpint (g_get_monotonic_time () - begin_us, <, 100000);
  g_assert_cmpint (first.stats.stop, ==, ENGINE_STOP_CANCELLED);
  g_assert_cmpuint (second.finished, ==, 0);
  fixture_wait (seen_is_finished, &second);
  assert_whole (&second, text);
  g_assert_finalize_object (thread);
}

static gboolean
two_wait (gpointer thread)
{
  return bottega_engine_thread_get_waiting (thread) == 2;
}

/* Three conversations at once, and a fourth when it is the one on the screen. */
static void
test_shown (void)
{
  g_autofree char *text = seen_make_text (400);
  BottegaEngineThread *thread =
      begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = 100 }, 0, NULL);
  static const char *const paths[] = { "/0", "/1", "/2", "/3", "/4" };
  Seen seen[G_N_ELEMENTS (paths)] = { 0 };
  guint64 jobs[G_N_ELEMENTS (paths)];

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    jobs[i] = seen_ask (thread, paths[i], &seen[i]);
  for (guint i = 0; i < 3; i++)
    fixture_wait (seen_has_text, &seen[i]);
  fixture_wait (two_wait, thread);
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, jobs[2]), ==, 0);
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, jobs[3]), ==, 3);
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, jobs[4]), ==, 4);
  bottega_engine_thread_set_shown (thread, paths[4]);
  fixture_wait (seen_has_text, &seen[4]);
  g_assert_false (seen_has_text (&seen[3]));
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, jobs[3]), ==, 4);
  for (guint i = 0; i < 3; i++)
    bottega_engine_thread_cancel (thread, jobs[i]);
  fixture_wait (seen_has_text, &seen[3]);
  g_assert_cmpuint (bottega_engine_thread_get_waiting (thread), ==, 0);
  g_assert_finalize_object (thread);
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    seen_clear (&seen[i]);
}

/* Of two that are to be read. */
typedef struct {
  guint done, total;
  const guint *first; /* must have been read before this one; NULL: nothing */
  gboolean finished;
} Reading;

static void
on_reading (guint done, guint total, double left_s, gpointer data)
{
  Reading *reading = data;

  if (reading->first != NULL)
    g_assert_cmpuint (*reading->first, ==, total);
  reading->done = done;
  reading->total = total;
}

static void
on_read (const EngineStats *stats, const GError *error, gpointer data)
{
  g_assert_no_error (error);
  ((Reading *) data)->finished = TRUE;
}

/* The one on the screen is read first, though it was asked last. */
static void
test_reads_urgent_first (void)
{
  static const BottegaGenerateEvents events = { .reading = on_reading, .finished = on_read };
  BottegaEngineThread *thread =
      begin ((BottegaReplayOptions) { .text = "one two", .load_s = 0.1 }, 0, NULL);
  Reading shown = { 0 }, other = { .first = &shown.done };

  /* Both begin when the model is there. */
  seen_load (thread, "/models/b.gguf", "auto", 0);
  bottega_engine_thread_set_shown (thread, "/2");
  ask_long (thread, "/1", 4000, &events, &other);
  ask_long (thread, "/2", 4000, &events, &shown);
  fixture_wait_flag (&other.finished);
  fixture_wait_flag (&shown.finished);
  g_assert_cmpuint (other.done, ==, 1004);
  g_assert_cmpuint (shown.done, ==, 1004);
  g_assert_finalize_object (thread);
}

static gboolean
one_waits (gpointer thread)
{
  return bottega_engine_thread_get_waiting (thread) == 1;
}

/* Without room in the context for both, the second waits, is not read, and comes whole. */
static void
test_room (void)
{
  g_autofree char *text = seen_make_text (40);
  g_auto (Seen) first = { 0 };
  g_auto (Seen) second = { 0 };
  g_auto (Seen) small = { 0 };
  BottegaEngineThread *thread =
      begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = 300 }, 1000, NULL);
  guint64 job;

  ask_long (thread, "/1", 2000, &seen_events, &first);
  fixture_wait (seen_has_text, &first);
  job = ask_long (thread, "/2", 2000, &seen_events, &second);
  fixture_wait (one_waits, thread);
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, job), ==, 1);
  g_assert_null (second.log);
  fixture_wait (seen_is_finished, &first);
  fixture_wait (seen_is_finished, &second);
  assert_whole (&second, text);
  g_assert_cmpint (second.first_us, >=, first.last_us);

  /* One that waits for room can be cancelled like any other, and what is small has room. */
  seen_clear (&first);
  seen_clear (&second);
  first = second = (Seen) { 0 };
  ask_long (thread, "/1", 2000, &seen_events, &first);
  fixture_wait (seen_has_text, &first);
  job = ask_long (thread, "/2", 2000, &seen_events, &second);
  fixture_wait (one_waits, thread);
  bottega_engine_thread_cancel (thread, job);
  fixture_wait (seen_is_finished, &second);
  g_assert_false (second.has_stats);
  seen_ask (thread, "/3", &small);
  fixture_wait (seen_has_text, &small);
  g_assert_cmpuint (first.finished, ==, 0);
  fixture_wait (seen_is_finished, &small);
  fixture_wait (seen_is_finished, &first);
  g_assert_finalize_object (thread);
}

/* Answers that write more than was reserved for them share what is left: the one that is not on the
 * screen pauses; where that is not enough, it ends as at the end of the context. */
static void
test_room_used_up (void)
{
  static const guint contexts[] = { 780, 600 };
  g_autofree char *text = seen_make_text (150); /* of 379 tokens, so that 774 are needed */

  for (guint i = 0; i < G_N_ELEMENTS (contexts); i++) {
    g_auto (Seen) first = { 0 };
    g_auto (Seen) second = { 0 };
    BottegaEngineThread *thread =
        begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = 400 }, contexts[i], NULL);

    bottega_engine_thread_set_shown (thread, "/2");
    seen_ask (thread, "/1", &first);
    seen_ask (thread, "/2", &second);
    fixture_wait (seen_is_finished, &second);
    assert_whole (&second, text);
    g_assert_cmpuint (second.n_tokens, ==, 379);
    fixture_wait (seen_is_finished, &first);
    g_assert_null (first.error);
    g_test_message ("%u and %u tokens", first.n_tokens, second.n_tokens);
    g_assert_cmpint (first.stats.stop, ==, i == 0 ? ENGINE_STOP_END : ENGINE_STOP_CONTEXT);
    g_assert_true (g_str_has_prefix (text, first.text->str));
    g_assert_cmpint (strlen (first.text->str) == strlen (text), ==, i == 0);
    if (i == 0) { /* it waited while the second wrote ten tokens or so */
      g_assert_cmpint (first.last_us, >=, second.last_us);
      g_assert_cmpuint (first.longest_us, >, 15000);
    }
    g_assert_finalize_object (thread);
  }
}

static void
on_counted (guint tokens, const GError *error, gpointer data)
{
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

/* The meter does not wait for an answer, and a load waits for all that were asked for before it. */
static void
test_between (void)
{
  g_autofree char *text = seen_make_text (30);
  g_auto (Seen) first = { 0 };
  g_auto (Seen) second = { 0 };
  g_auto (Seen) after = { 0 };
  BottegaEngineThread *thread =
      begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = 200 }, 0, NULL);
  BottegaPrompt *prompt = bottega_prompt_new (NULL);
  gboolean counted = FALSE;

  seen_ask (thread, "/1", &first);
  seen_ask (thread, "/2", &second);
  fixture_wait (seen_has_text, &first);
  fixture_wait (seen_has_text, &second);
  bottega_prompt_add (prompt, "user", "q", "sixteen letters.");
  bottega_engine_thread_count (thread, prompt, on_counted, &counted);
  fixture_wait_flag (&counted);
  g_assert_cmpuint (first.finished + second.finished, ==, 0);

  seen_load (thread, "/models/b.gguf", "auto", 0);
  seen_ask (thread, "/3", &after);
  fixture_wait (one_waits, thread);
  fixture_wait (seen_is_finished, &first);
  fixture_wait (seen_is_finished, &second);
  assert_whole (&first, text);
  assert_whole (&second, text);
  fixture_wait (seen_has_text, &after);
  g_assert_cmpstr (bottega_engine_thread_get_model_name (thread), ==, "b.gguf");
  fixture_wait (seen_is_finished, &after);
  assert_whole (&after, text);
  g_assert_finalize_object (thread);
}

static gboolean
has_begun (gpointer seen)
{
  return ((Seen *) seen)->log != NULL;
}

static void
assert_resumed (const Seen *seen, const char *text)
{
  g_assert_cmpuint (seen->finished, ==, 1);
  g_assert_null (seen->error);
  g_assert_cmpstr (seen->text->str, ==, text);
  g_assert_cmpstr (seen->log, ==, "srtlurtf");
  g_assert_cmpuint (seen->n_tokens, ==, seen->stats.written_tokens);
}

/* The one that wrote goes on on the processor, the one that was still read comes from there. */
static void
test_device_lost (void)
{
  g_autofree char *text = seen_make_text (60);
  g_auto (Seen) writing = { 0 };
  g_auto (Seen) reading = { 0 };
  g_auto (Seen) next = { 0 };
  BottegaReplaySource *source;
  BottegaEngineThread *thread = begin (
      (BottegaReplayOptions) { .text = text, .tokens_per_s = 200, .read_tokens_per_s = 2000 }, 0,
      &source);

  seen_ask (thread, "/1", &writing);
  fixture_wait (seen_has_text, &writing);
  ask_long (thread, "/2", 8000, &seen_events, &reading);
  fixture_wait (has_begun, &reading);
  bottega_replay_source_fail_generate (source, ENGINE_ERROR_DEVICE_LOST, 10);
  fixture_wait (seen_is_finished, &writing);
  assert_resumed (&writing, text);
  g_assert_cmpstr (bottega_engine_thread_get_device (thread), ==, "cpu");
  fixture_wait (seen_is_finished, &reading);
  g_assert_null (reading.error);
  g_assert_cmpstr (reading.text->str, ==, text);
  g_assert_cmpuint (reading.finished, ==, 1);
  seen_ask (thread, "/1", &next);
  fixture_wait (seen_is_finished, &next);
  assert_whole (&next, text);
  g_assert_finalize_object (thread);
}

/* Both wrote: both go on, and end once each. */
static void
test_device_lost_for_both (void)
{
  g_autofree char *text = seen_make_text (60);
  g_auto (Seen) first = { 0 };
  g_auto (Seen) second = { 0 };
  BottegaReplaySource *source;
  BottegaEngineThread *thread =
      begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = 200 }, 0, &source);

  seen_ask (thread, "/1", &first);
  seen_ask (thread, "/2", &second);
  fixture_wait (seen_has_text, &first);
  fixture_wait (seen_has_text, &second);
  bottega_replay_source_fail_generate (source, ENGINE_ERROR_DEVICE_LOST, 0);
  fixture_wait (seen_is_finished, &first);
  fixture_wait (seen_is_finished, &second);
  assert_resumed (&first, text);
  assert_resumed (&second, text);
  g_assert_nonnull (bottega_engine_thread_get_note (thread));
  g_assert_finalize_object (thread);
}

/* An error of one is no matter to the others. */
static void
test_one_fails (void)
{
  g_autofree char *text = seen_make_text (30);
  g_auto (Seen) first = { 0 };
  g_auto (Seen) second = { 0 };
  BottegaReplaySource *source;
  BottegaEngineThread *thread =
      begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = 200 }, 0, &source);

  bottega_engine_thread_set_shown (thread, "/1");
  seen_ask (thread, "/1", &first);
  seen_ask (thread, "/2", &second);
  fixture_wait (seen_has_text, &first);
  fixture_wait (seen_has_text, &second);
  bottega_replay_source_fail_generate (source, ENGINE_ERROR_INVALID, 0);
  fixture_wait (seen_is_finished, &first);
  fixture_wait (seen_is_finished, &second);
  g_assert_true ((first.error != NULL) != (second.error != NULL));
  if (first.error == NULL)
    assert_whole (&first, text);
  else
    assert_whole (&second, text);
  g_assert_cmpstr (bottega_engine_thread_get_device (thread), ==, "replay:0");
  g_assert_finalize_object (thread);
}

static void
test_shutdown_midway (void)
{
  static const char *const paths[] = { "/0", "/1", "/2", "/3", "/1" };
  g_autofree char *text = seen_make_text (3000);

  for (guint i = 0; i < 12; i++) {
    Seen seen[G_N_ELEMENTS (paths)] = { 0 };
    BottegaEngineThread *thread =
        begin ((BottegaReplayOptions) { .text = text, .tokens_per_s = i % 2 ? 0 : 500 }, 0, NULL);
    gint64 begin_us;

    for (guint j = 0; j < G_N_ELEMENTS (paths); j++)
      seen_ask (thread, paths[j], &seen[j]);
    if (i % 3 == 0)
      fixture_wait (seen_has_text, &seen[1]);
    else
      g_usleep (i * 1000);
    begin_us = g_get_monotonic_time ();
    g_assert_finalize_object (thread);
    g_assert_cmpint (g_get_monotonic_time () - begin_us, <, 500000);
    for (guint j = 0; j < G_N_ELEMENTS (paths); j++)
      seen_clear (&seen[j]);
  }
}

/* ---- conversations ---- */

static void
assert_answer (BottegaConversation *conversation, BottegaMessageState state, const char *text)
{
  BottegaMessage *answer = fixture_message (conversation, 1);

  g_assert_cmpint (bottega_message_get_state (answer), ==, state);
  if (text != NULL)
    g_assert_cmpstr (bottega_message_get_text (answer), ==, text);
}

static gboolean
waits_for_another (gpointer conversation)
{
  return g_strcmp0 (bottega_message_get_phase_text (fixture_message (conversation, 1)),
                    "Waiting for 1 other answer") == 0;
}

/* Two are written at once, and each gets its own; one can be stopped. */
static void
test_two_conversations (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "one two three", .tokens_per_s = 10 };
  BottegaConversation *first, *second;

  fixture_set_up (&fixture, &options);
  first = fixture_create (fixture.assistant);
  fixture_send (first, "first");
  second = fixture_create (fixture.assistant);
  g_assert_true (second != first);
  bottega_conversation_enter (second);
  fixture_send (second, "second");
  fixture_wait (fixture_is_writing, first);
  fixture_wait (fixture_is_writing, second);
  g_assert_true (fixture_is_writing (first));
  bottega_conversation_stop (first);
  fixture_wait (fixture_is_idle, first);
  g_assert_true (fixture_is_writing (second));
  fixture_wait (fixture_is_idle, second);
  assert_answer (second, BOTTEGA_MESSAGE_STATE_COMPLETE, "one two three");
  assert_answer (first, BOTTEGA_MESSAGE_STATE_STOPPED, NULL);
  g_object_unref (first);
  g_object_unref (second);
  fixture_tear_down (&fixture);
}

/* Without room for both, the second says for how many it waits. */
static void
test_no_room_for_two (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = {
    .text = "one two three", .tokens_per_s = 5, .context_tokens = 256
  };
  g_autofree char *question = g_strnfill (400, 'q');
  BottegaConversation *first, *second;

  fixture_set_up (&fixture, &options);
  first = fixture_create (fixture.assistant);
  fixture_send (first, question);
  fixture_wait (fixture_is_writing, first);
  second = fixture_create (fixture.assistant);
  fixture_send (second, question);
  fixture_wait (waits_for_another, second);
  g_assert_cmpint (bottega_conversation_get_state (second), ==, BOTTEGA_CONVERSATION_QUEUED);
  fixture_wait (fixture_is_idle, second);
  assert_answer (second, BOTTEGA_MESSAGE_STATE_COMPLETE, "one two three");
  g_assert_false (bottega_conversation_get_busy (first));
  g_object_unref (first);
  g_object_unref (second);
  fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/together/two", test_two);
  g_test_add_func ("/app/together/cancel-one", test_cancel_one);
  g_test_add_func ("/app/together/shown", test_shown);
  g_test_add_func ("/app/together/reads-urgent-first", test_reads_urgent_first);
  g_test_add_func ("/app/together/room", test_room);
  g_test_add_func ("/app/together/room-used-up", test_room_used_up);
  g_test_add_func ("/app/together/between", test_between);
  g_test_add_func ("/app/together/device-lost", test_device_lost);
  g_test_add_func ("/app/together/device-lost-for-both", test_device_lost_for_both);
  g_test_add_func ("/app/together/one-fails", test_one_fails);
  g_test_add_func ("/app/together/shutdown-midway", test_shutdown_midway);
  g_test_add_func ("/app/together/two-conversations", test_two_conversations);
  g_test_add_func ("/app/together/no-room-for-two", test_no_room_for_two);

  return g_test_run ();
}
