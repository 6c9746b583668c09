/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our engine behind the engine thread, on the real model (BOTTEGA_TEST_MODEL): the same question
 * gives the same answer, turns are reused, an answer goes on where it was cut, a cancel ends a long
 * reading at once. */
#include "app/assistant/bottega-engine-thread.h"
#include "app/assistant/bottega-local-source.h"
#include "tests/app/seen.h"

#include <string.h>

static guint64
ask_in (BottegaEngineThread *thread, const char *path, BottegaPrompt *prompt, guint max_tokens,
        Seen *seen)
{
  EngineGenerate options = ENGINE_GENERATE_GREEDY;

  options.max_tokens = max_tokens;

  return bottega_engine_thread_generate (thread, path, BOTTEGA_ANSWER_CHAT, prompt, max_tokens,
                                         &options, &seen_events, seen);
}

static guint64
ask (BottegaEngineThread *thread, BottegaPrompt *prompt, guint max_tokens, Seen *seen)
{
  return ask_in (thread, NULL, prompt, max_tokens, seen);
}

static void
ask_and_wait (BottegaEngineThread *thread, BottegaPrompt *prompt, guint max_tokens, Seen *seen)
{
  ask (thread, prompt, max_tokens, seen);
  fixture_wait (seen_is_finished, seen);
  g_assert_cmpstr (seen->error, ==, NULL);
}

static BottegaEngineThread *
load_with_draft (const char *path, const char *draft_path, guint context_tokens)
{
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (NULL);
  BottegaEngineThread *thread = bottega_engine_thread_new (source);

  const BottegaLoadRequest request = {
    .path = path, .draft_path = draft_path, .device = "cpu", .context_tokens = context_tokens
  };

  bottega_engine_thread_load (thread, &request);
  fixture_wait (fixture_is_settled, thread);

  return thread;
}

static BottegaEngineThread *
load (const char *path, guint context_tokens)
{
  return load_with_draft (path, NULL, context_tokens);
}

static gboolean
has_read (gpointer data)
{
  const char *log = ((Seen *) data)->log;

  return log != NULL && strchr (log, 'r') != NULL;
}

static BottegaPrompt *
make_prompt (const char *question)
{
  BottegaPrompt *prompt = bottega_prompt_new ("You are a helpful assistant.");

  bottega_prompt_add (prompt, "user", "q", question);

  return prompt;
}

static void
test_turns (gconstpointer path)
{
  BottegaEngineThread *thread = load (path, 1024);
  g_auto (Seen) first = { 0 };
  g_auto (Seen) again = { 0 };
  g_auto (Seen) second = { 0 };
  BottegaPrompt *prompt;

  g_assert_cmpstr (bottega_engine_thread_get_error (thread), ==, NULL);
  g_assert_cmpuint (bottega_engine_thread_get_context_size (thread), ==, 1024);
  g_assert_cmpstr (bottega_engine_thread_get_device (thread), ==, "cpu");
  g_assert_nonnull (bottega_engine_thread_get_device_description (thread));

  ask_and_wait (thread, make_prompt ("What is the capital of France?"), 24, &first);
  g_test_message ("%s", first.text->str);
  g_assert_nonnull (strstr (first.text->str, "Paris"));
  g_assert_true (has_read (&first));
  g_assert_cmpuint (first.stats.reused_tokens, ==, 0);

  ask_and_wait (thread, make_prompt ("What is the capital of France?"), 24, &again);
  g_assert_cmpstr (again.text->str, ==, first.text->str);
  g_assert_cmpuint (again.stats.reused_tokens, >, 10);

  prompt = make_prompt ("What is the capital of France?");
  bottega_prompt_add (prompt, "assistant", "a", first.text->str);
  bottega_prompt_add (prompt, "user", "q2", "And of Italy?");
  ask_and_wait (thread, prompt, 8, &second);
  g_assert_cmpuint (second.stats.read_tokens, <, second.stats.prompt_tokens / 2);
  g_assert_finalize_object (thread);
}

static void
test_goes_on (gconstpointer path)
{
  BottegaEngineThread *thread = load (path, 1024);
  g_auto (Seen) whole = { 0 };
  g_auto (Seen) begin = { 0 };
  g_auto (Seen) rest = { 0 };
  BottegaPrompt *prompt;

  ask_and_wait (thread, make_prompt ("Name three fruits."), 20, &whole);
  ask_and_wait (thread, make_prompt ("Name three fruits."), 10, &begin);
  g_assert_cmpint (begin.stats.stop, ==, ENGINE_STOP_MAX_TOKENS);
  prompt = make_prompt ("Name three fruits.");
  bottega_prompt_set_answer_prefix (prompt, begin.text->str);
  ask_and_wait (thread, prompt, 10, &rest);
  g_string_append (begin.text, rest.text->str);
  g_assert_cmpstr (begin.text->str, ==, whole.text->str);
  g_assert_finalize_object (thread);
}

/* A model that guesses changes no word; one that is gone is noted, and answers come without it. */
static void
test_draft (gconstpointer path)
{
  const char *const drafts[] = { NULL, path, "/nowhere/small.gguf" };
  g_autofree char *text = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (drafts); i++) {
    BottegaEngineThread *thread = load_with_draft (path, drafts[i], 1024);
    const char *note = bottega_engine_thread_get_note (thread);
    g_auto (Seen) seen = { 0 };

    ask_and_wait (thread, make_prompt ("Why is the sky blue?"), 40, &seen);
    if (i == 0)
      text = g_strdup (seen.text->str);
    g_assert_cmpstr (seen.text->str, ==, text);
    g_assert_cmpint (seen.stats.model_drafted_tokens > 0, ==, i == 1);
    g_assert_cmpint (note != NULL, ==, i == 2);
    if (note != NULL)
      g_assert_nonnull (strstr (note, "small.gguf"));
    g_assert_finalize_object (thread);
  }
}

/* Two at once, one of which is read while the other is written: each text is the one that it is
 * alone. */
static void
test_together (gconstpointer path)
{
  BottegaEngineThread *thread = load (path, 1024);
  static const char *const questions[] = { "Why is the sky blue?", "Name three fruits." };
  g_auto (Seen) first = { 0 };
  g_auto (Seen) second = { 0 };
  Seen *const together[] = { &first, &second };

  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    ask (thread, make_prompt (questions[i]), 40, together[i]);
  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    fixture_wait (seen_is_finished, together[i]);
  g_assert_cmpuint (first.stats.shared_tokens, >, 0);
  for (guint i = 0; i < G_N_ELEMENTS (questions); i++) {
    g_auto (Seen) alone = { 0 };

    g_assert_cmpstr (together[i]->error, ==, NULL);
    ask_and_wait (thread, make_prompt (questions[i]), 40, &alone);
    g_assert_cmpstr (together[i]->text->str, ==, alone.text->str);
    g_assert_cmpuint (alone.stats.shared_tokens, ==, 0);
  }
  g_assert_finalize_object (thread);
}

/* Questions in three conversations, some of which are cancelled at once or soon, and a model that
 * is loaded again among them: each ends once, and those that were left alone say the same. */
static void
test_storm (gconstpointer path)
{
  static const char *const paths[] = { "/nowhere/1.kv", "/nowhere/2.kv", NULL };
  BottegaEngineThread *thread = load (path, 1024);
  const BottegaLoadRequest again = { .path = path, .device = "cpu", .context_tokens = 1024 };
  g_autofree char *text = NULL;
  Seen seen[18] = { 0 };
  guint64 jobs[G_N_ELEMENTS (seen)];

  for (guint i = 0; i < G_N_ELEMENTS (seen); i++) {
    jobs[i] = ask_in (thread, paths[i % G_N_ELEMENTS (paths)],
                      make_prompt ("Name three fruits."), 12, &seen[i]);
    if (i % 4 == 1)
      bottega_engine_thread_cancel (thread, jobs[i]);
    if (i % 4 == 3) {
      fixture_turn (0.02);
      bottega_engine_thread_cancel (thread, jobs[i - 1]);
    }
    if (i == 8)
      bottega_engine_thread_load (thread, &again);
  }
  for (guint i = 0; i < G_N_ELEMENTS (seen); i++) {
    fixture_wait (seen_is_finished, &seen[i]);
    g_assert_cmpstr (seen[i].error, ==, NULL);
    if (i % 4 == 0 || i % 4 == 3) {
      if (text == NULL)
        text = g_strdup (seen[i].text->str);
      g_assert_cmpstr (seen[i].text->str, ==, text);
      g_assert_cmpuint (seen[i].stats.written_tokens, >, 4);
    }
  }
  g_assert_finalize_object (thread);
  for (guint i = 0; i < G_N_ELEMENTS (seen); i++)
    seen_clear (&seen[i]);
}

static void
test_cancel_while_reading (gconstpointer path)
{
  BottegaEngineThread *thread = load (path, 8192);
  g_auto (Seen) stopped = { 0 };
  g_auto (Seen) after = { 0 };
  GString *question = g_string_new (NULL);
  guint64 job;

  for (guint i = 0; i < 1500; i++)
    g_string_append_printf (question, "word%u ", i % 10);
  job = ask (thread, make_prompt (question->str), 20, &stopped);
  fixture_wait (has_read, &stopped);
  bottega_engine_thread_cancel (thread, job);
  fixture_wait (seen_is_finished, &stopped);
  g_assert_cmpstr (stopped.error, ==, NULL);
  g_assert_cmpint (stopped.stats.stop, ==, ENGINE_STOP_CANCELLED);
  g_assert_cmpuint (stopped.stats.written_tokens, ==, 0);

  ask_and_wait (thread, make_prompt ("Say yes."), 4, &after);
  g_assert_cmpuint (after.text->len, >, 0);
  g_assert_finalize_object (thread);
  g_string_free (question, TRUE);
}

static void
test_too_long (gconstpointer path)
{
  BottegaEngineThread *thread = load (path, 256);
  g_auto (Seen) refused = { 0 };
  g_autofree char *question = g_strnfill (4000, '7');

  ask (thread, make_prompt (question), 64, &refused);
  fixture_wait (seen_is_finished, &refused);
  g_test_message ("%s", refused.error);
  g_assert_nonnull (strstr (refused.error, "192"));
  g_assert_finalize_object (thread);
}

static void
test_broken_file (void)
{
  char *folder = fixture_make_folder ();
  g_autofree char *path = g_build_filename (folder, "poem.gguf", NULL);
  BottegaEngineThread *thread;

  g_assert_true (g_file_set_contents (path, "A poem is no model.", -1, NULL));
  thread = load (path, 0);
  g_assert_cmpint (bottega_engine_thread_get_state (thread), ==, BOTTEGA_ENGINE_FAILED);
  g_test_message ("%s", bottega_engine_thread_get_error (thread));
  g_assert_nonnull (strstr (bottega_engine_thread_get_error (thread), "poem.gguf"));
  g_assert_finalize_object (thread);
  fixture_remove_folder (folder);
}

static void
test_facts (gconstpointer path)
{
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (NULL);
  BottegaEngineSourceInterface *iface = BOTTEGA_ENGINE_SOURCE_GET_IFACE (source);
  BottegaModelFacts facts = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *line = iface->describe_device (source);
  const BottegaLoadRequest request = {
    .path = path, .device = "cpu", .context_tokens = 1024, .kv_type = "q8_0"
  };
  g_autoptr (BottegaPlan) plan = NULL;

  g_assert_true (iface->read_facts (source, path, &facts, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (facts.architecture, ==, "llama");
  g_assert_true (g_str_has_prefix (facts.types, "Q4_1, "));
  g_assert_cmpuint (facts.context_tokens, ==, 8192);
  g_assert_cmpuint (facts.file_bytes, ==, 98362432);
  g_assert_cmpuint (facts.embedding_size, ==, 0);
  g_assert_cmpuint (facts.vocabulary, !=, 0);
  g_assert_true (facts.takes_guesses);
  g_assert_cmpuint (facts.decode_bytes, >, 50000000);
  g_assert_cmpuint (facts.decode_bytes, <, facts.file_bytes);
  g_assert_nonnull (line);
  plan = iface->plan (source, &request, FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (plan->kv_bytes, ==, 1024 * facts.kv_bytes_per_token / 64 * 34);
  g_assert_cmpuint (plan->weights_bytes, >, facts.decode_bytes * 9 / 10);
  g_assert_cmpfloat (plan->token_s, ==, 0);
  g_test_message ("%s; %s; %s", facts.name, facts.types, line);
  bottega_model_facts_clear (&facts);
}

/* A model that makes vectors is told from one that answers, and the one that the search is fitted
 * to from others. */
static void
test_embedding_model (gconstpointer path)
{
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (NULL);
  BottegaModelFacts facts = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (
      BOTTEGA_ENGINE_SOURCE_GET_IFACE (source)->read_facts (source, path, &facts, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (facts.embedding_size, ==, 384);
  g_assert_cmpstr (facts.title, ==, "multilingual-e5-small");
  g_assert_cmpstr (facts.license, ==, "mit");
  g_assert_true (bottega_model_facts_fit_search (&facts));
  bottega_model_facts_clear (&facts);
}

int
main (int argc, char **argv)
{
  const char *path = g_getenv ("BOTTEGA_TEST_MODEL");
  const char *embed_path = g_getenv ("BOTTEGA_TEST_EMBED_MODEL");

  g_test_init (&argc, &argv, NULL);
  /* No driver: what this machine has must not matter, and one that is unloaded ends a program under
   * ThreadSanitizer. */
  g_setenv ("VK_DRIVER_FILES", "/nowhere", TRUE);
  g_test_add_func ("/app/local/broken-file", test_broken_file);
  if (embed_path != NULL)
    g_test_add_data_func ("/app/local/embedding-model", embed_path, test_embedding_model);
  if (path != NULL) {
    g_test_add_data_func ("/app/local/facts", path, test_facts);
    g_test_add_data_func ("/app/local/turns", path, test_turns);
    g_test_add_data_func ("/app/local/goes-on", path, test_goes_on);
    g_test_add_data_func ("/app/local/draft", path, test_draft);
    g_test_add_data_func ("/app/local/together", path, test_together);
    g_test_add_data_func ("/app/local/storm", path, test_storm);
    g_test_add_data_func ("/app/local/cancel-while-reading", path, test_cancel_while_reading);
    g_test_add_data_func ("/app/local/too-long", path, test_too_long);
  }

  return g_test_run ();
}
