/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine thread against a recorded text: everything arrives, in order and once; a cancel is
 * honoured at once; failures end in a sentence or on the processor; a main loop that sleeps loses
 * nothing. What several answers at once do to each other is in test-together.c. Also run under
 * ThreadSanitizer. */
#include "tests/app/seen.h"

static guint64
ask (BottegaEngineThread *thread, Seen *seen)
{
  return seen_ask (thread, NULL, seen);
}

static void
load (BottegaEngineThread *thread, const char *path)
{
  seen_load (thread, path, "auto", 0);
}

static void
count_fractions (BottegaEngineThread *thread, GParamSpec *pspec, guint *n)
{
  (*n)++;
}

static void
test_load (void)
{
  BottegaEngineThread *thread = seen_make_thread ((BottegaReplayOptions) { .load_s = 0.1 }, NULL);
  guint n_fractions = 0;

  g_signal_connect (thread, "notify::load-fraction", G_CALLBACK (count_fractions), &n_fractions);
  g_assert_cmpint (bottega_engine_thread_get_state (thread), ==, BOTTEGA_ENGINE_NO_MODEL);
  load (thread, "/models/a.gguf");
  g_assert_cmpint (bottega_engine_thread_get_state (thread), ==, BOTTEGA_ENGINE_LOADING);
  g_assert_cmpuint (bottega_engine_thread_get_context_size (thread), ==, 0);
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);
  g_assert_cmpuint (n_fractions, >, 3);
  g_assert_cmpstr (bottega_engine_thread_get_model_name (thread), ==, "a.gguf");
  g_assert_cmpuint (bottega_engine_thread_get_context_size (thread), ==, 8192);

  /* A load in progress is given up for the next one. */
  seen_load (thread, "/models/b.gguf", "cpu", 1024);
  seen_load (thread, "/models/c.gguf", "cpu", 2048);
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);
  g_assert_cmpstr (bottega_engine_thread_get_model_name (thread), ==, "c.gguf");
  g_assert_cmpuint (bottega_engine_thread_get_context_size (thread), ==, 2048);

  bottega_engine_thread_unload (thread);
  g_assert_cmpint (bottega_engine_thread_get_state (thread), ==, BOTTEGA_ENGINE_NO_MODEL);
  fixture_turn (0.02);
  g_assert_cmpint (bottega_engine_thread_get_state (thread), ==, BOTTEGA_ENGINE_NO_MODEL);
  g_assert_finalize_object (thread);
}

static void
test_generate (void)
{
  g_autofree char *text = seen_make_text (3000);
  g_auto (Seen) seen = { 0 };
  BottegaEngineThread *thread = seen_make_thread ((BottegaReplayOptions) { .text = text }, NULL);

  load (thread, "/models/a.gguf");
  ask (thread, &seen);
  fixture_wait (seen_is_finished, &seen);
  g_assert_null (seen.error);
  g_assert_cmpstr (seen.text->str, ==, text);
  g_assert_cmpstr (seen.log, ==, "srtf");
  g_assert_cmpuint (seen.n_tokens, ==, seen.stats.written_tokens);
  g_assert_cmpuint (seen.finished, ==, 1);
  g_assert_cmpint (seen.stats.stop, ==, ENGINE_STOP_END);
  g_assert_finalize_object (thread);
}

static void
test_sleeping_main_loop (void)
{
  g_autofree char *text = seen_make_text (20000);
  g_auto (Seen) seen = { 0 };
  BottegaEngineThread *thread = seen_make_thread ((BottegaReplayOptions) { .text = text }, NULL);

  load (thread, "/models/a.gguf");
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);
  ask (thread, &seen);
  /* The ring has room for a hundredth of this. */
  g_usleep (300000);
  g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (seen.n_texts, ==, 1);
  g_assert_cmpuint (seen.n_tokens, >, 100);
  fixture_wait (seen_is_finished, &seen);
  g_assert_cmpstr (seen.text->str, ==, text);
  g_assert_cmpuint (seen.n_tokens, ==, seen.stats.written_tokens);
  g_assert_finalize_object (thread);
}

static gboolean
is_second (gpointer data)
{
  const gpointer *pair = data;

  return bottega_engine_thread_get_position (pair[0], *(const guint64 *) pair[1]) == 1;
}

static gboolean
two_wait (gpointer thread)
{
  return bottega_engine_thread_get_waiting (thread) == 2;
}

static void
test_cancel (void)
{
  g_autofree char *text = seen_make_text (3000);
  g_auto (Seen) running = { 0 };
  g_auto (Seen) waiting = { 0 };
  g_auto (Seen) last = { 0 };
  BottegaEngineThread *thread =
      seen_make_thread ((BottegaReplayOptions) { .text = text, .tokens_per_s = 300 }, NULL);
  guint64 first_job, second_job, last_job;
  gint64 begin_us;

  load (thread, "/models/a.gguf");
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);
  /* Of one conversation: one after the other. */
  first_job = seen_ask (thread, "/a.kv", &running);
  second_job = seen_ask (thread, "/a.kv", &waiting);
  last_job = seen_ask (thread, "/a.kv", &last);
  fixture_wait (seen_has_text, &running);
  fixture_wait (two_wait, thread);
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, first_job), ==, 0);
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, second_job), ==, 1);
  g_assert_cmpuint (bottega_engine_thread_get_position (thread, last_job), ==, 2);

  /* One that waits ends while the first still runs, and not from within the call. */
  bottega_engine_thread_cancel (thread, second_job);
  g_assert_cmpuint (waiting.finished, ==, 0);
  fixture_wait (seen_is_finished, &waiting);
  g_assert_cmpuint (running.finished, ==, 0);
  g_assert_null (waiting.error);
  g_assert_false (waiting.has_stats);
  g_assert_cmpuint (bottega_engine_thread_get_waiting (thread), ==, 1);
  fixture_wait (is_second, (gpointer[]) { thread, &last_job });

  begin_us = g_get_monotonic_time ();
  bottega_engine_thread_cancel (thread, first_job);
  fixture_wait (seen_is_finished, &running);
  g_assert_cmpint (g_get_monotonic_time () - begin_us, <, 100000);
  g_assert_cmpint (running.stats.stop, ==, ENGINE_STOP_CANCELLED);
  g_assert_null (running.error);
  g_assert_cmpuint (running.finished, ==, 1);

  /* A cancel of what has ended does not touch what runs now. */
  fixture_wait (seen_has_text, &last);
  bottega_engine_thread_cancel (thread, first_job);
  bottega_engine_thread_cancel (thread, 4711);
  fixture_turn (0.05);
  g_assert_cmpuint (last.finished, ==, 0);
  bottega_engine_thread_cancel (thread, last_job);
  fixture_wait (seen_is_finished, &last);
  g_assert_finalize_object (thread);
}

static void
test_no_model (void)
{
  g_auto (Seen) seen = { 0 };
  g_auto (Seen) again = { 0 };
  BottegaReplaySource *source;
  BottegaEngineThread *thread = seen_make_thread ((BottegaReplayOptions) { .text = "x" }, &source);

  ask (thread, &seen);
  fixture_wait (seen_is_finished, &seen);
  g_assert_cmpstr (seen.error, ==, "No model is loaded. Choose one first.");

  /* A broken file: the state says so, and so does a question. */
  bottega_replay_source_fail_load (source, ENGINE_ERROR_BAD_FILE);
  load (thread, "/models/a.gguf");
  seen_wait_state (thread, BOTTEGA_ENGINE_FAILED);
  g_assert_cmpstr (bottega_engine_thread_get_error (thread), ==,
                   "The replay was told to fail here.");
  ask (thread, &again);
  fixture_wait (seen_is_finished, &again);
  g_assert_cmpstr (again.error, ==, "The replay was told to fail here.");
  g_assert_finalize_object (thread);
}

static void
test_device_fails_at_load (void)
{
  BottegaReplaySource *source;
  BottegaEngineThread *thread = seen_make_thread ((BottegaReplayOptions) { .text = "x" }, &source);

  bottega_replay_source_fail_load (source, ENGINE_ERROR_NO_MEMORY);
  load (thread, "/models/a.gguf");
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);
  g_assert_cmpstr (bottega_engine_thread_get_device (thread), ==, "cpu");
  g_assert_nonnull (bottega_engine_thread_get_note (thread));
  g_assert_finalize_object (thread);
}

static void
test_device_fails_while_answering (void)
{
  g_auto (Seen) before = { 0 };
  g_auto (Seen) midway = { 0 };
  g_auto (Seen) after = { 0 };
  BottegaReplaySource *source;
  BottegaEngineThread *thread =
      seen_make_thread ((BottegaReplayOptions) { .text = "one two three four five six" }, &source);

  /* Before the first word: the answer comes all the same, from the processor. */
  bottega_replay_source_fail_generate (source, ENGINE_ERROR_DEVICE_LOST, 0);
  load (thread, "/models/a.gguf");
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);
  g_assert_cmpstr (bottega_engine_thread_get_device (thread), ==, "replay:0");
  ask (thread, &before);
  fixture_wait (seen_is_finished, &before);
  g_assert_null (before.error);
  g_assert_cmpstr (before.text->str, ==, "one two three four five six");
  g_assert_cmpstr (bottega_engine_thread_get_device (thread), ==, "cpu");
  g_assert_nonnull (bottega_engine_thread_get_note (thread));

  /* Midway: the answer goes on there, and the next question works. */
  load (thread, "/models/a.gguf");
  g_assert_null (bottega_engine_thread_get_note (thread));
  seen_wait_state (thread, BOTTEGA_ENGINE_READY);
  bottega_replay_source_fail_generate (source, ENGINE_ERROR_DEVICE_LOST, 2);
  seen_ask (thread, "/a.kv", &midway);
  seen_ask (thread, "/a.kv", &after);
  fixture_wait (seen_is_finished, &midway);
  g_assert_null (midway.error);
  g_assert_cmpstr (midway.text->str, ==, "one two three four five six");
  g_assert_cmpstr (midway.log, ==, "srtlurtf");
  g_assert_cmpuint (midway.n_tokens, ==, midway.stats.written_tokens);
  fixture_wait (seen_is_finished, &after);
  g_assert_null (after.error);
  g_assert_cmpstr (after.text->str, ==, "one two three four five six");
  g_assert_cmpstr (bottega_engine_thread_get_device (thread), ==, "cpu");
  g_assert_finalize_object (thread);
}

static void
on_counted (guint tokens, const GError *error, gpointer data)
{
  g_assert_no_error (error);
  *(guint *) data = tokens;
}

static gboolean
is_not_zero (gpointer data)
{
  return *(guint *) data != 0;
}

static void
test_count (void)
{
  BottegaEngineThread *thread = seen_make_thread ((BottegaReplayOptions) { .text = "x" }, NULL);
  BottegaPrompt *prompt = bottega_prompt_new (NULL);
  guint tokens = 0;

  load (thread, "/models/a.gguf");
  bottega_prompt_add (prompt, "user", "q", "sixteen letters.");
  bottega_engine_thread_count (thread, prompt, on_counted, &tokens);
  fixture_wait (is_not_zero, &tokens);
  g_assert_cmpuint (tokens, ==, 8);
  g_assert_finalize_object (thread);
}

static void
test_shutdown_midway (void)
{
  g_autofree char *text = seen_make_text (3000);

  for (guint i = 0; i < 20; i++) {
    g_auto (Seen) seen = { 0 };
    g_auto (Seen) waiting = { 0 };
    BottegaEngineThread *thread = seen_make_thread (
        (BottegaReplayOptions) { .text = text, .tokens_per_s = i % 2 ? 0 : 500 }, NULL);
    gint64 begin_us;

    load (thread, "/models/a.gguf");
    ask (thread, &seen);
    ask (thread, &waiting);
    if (i % 3 == 0)
      fixture_wait (seen_has_text, &seen);
    else
      g_usleep (i * 1000);
    begin_us = g_get_monotonic_time ();
    g_assert_finalize_object (thread);
    g_assert_cmpint (g_get_monotonic_time () - begin_us, <, 500000);
    g_assert_cmpuint (waiting.finished, ==, 0);
  }
}

/* Questions, cancels and loads from a main loop that never rests. */
static void
test_storm (void)
{
  g_autofree char *text = seen_make_text (200);
  BottegaEngineThread *thread =
      seen_make_thread ((BottegaReplayOptions) { .text = text, .tokens_per_s = 20000 }, NULL);
  Seen seen[60] = { 0 };
  guint64 jobs[60];

  load (thread, "/models/a.gguf");
  for (guint i = 0; i < G_N_ELEMENTS (seen); i++) {
    jobs[i] = ask (thread, &seen[i]);
    if (i % 7 == 3)
      bottega_engine_thread_cancel (thread, jobs[i / 2]);
    if (i % 20 == 10)
      load (thread, "/models/b.gguf");
    g_main_context_iteration (NULL, FALSE);
  }
  for (guint i = 0; i < G_N_ELEMENTS (seen); i++) {
    fixture_wait (seen_is_finished, &seen[i]);
    g_assert_cmpuint (seen[i].finished, ==, 1);
    g_assert_null (seen[i].error);
    if (seen[i].has_stats && seen[i].stats.stop == ENGINE_STOP_END)
      g_assert_cmpstr (seen[i].text->str, ==, text);
    seen_clear (&seen[i]);
  }
  g_assert_finalize_object (thread);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/engine-thread/load", test_load);
  g_test_add_func ("/app/engine-thread/generate", test_generate);
  g_test_add_func ("/app/engine-thread/sleeping-main-loop", test_sleeping_main_loop);
  g_test_add_func ("/app/engine-thread/cancel", test_cancel);
  g_test_add_func ("/app/engine-thread/no-model", test_no_model);
  g_test_add_func ("/app/engine-thread/device-fails-at-load", test_device_fails_at_load);
  g_test_add_func ("/app/engine-thread/device-fails-while-answering",
                   test_device_fails_while_answering);
  g_test_add_func ("/app/engine-thread/count", test_count);
  g_test_add_func ("/app/engine-thread/shutdown-midway", test_shutdown_midway);
  g_test_add_func ("/app/engine-thread/storm", test_storm);

  return g_test_run ();
}
