/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No test: what answers take from each other, through the whole assistant. `bench-streams MODEL
 * EMBEDDER [DEVICE]` prints as JSON how fast one answer is written, and two at once in all; the
 * longest wait for a token of the one on the screen, alone, beside another one that is being read
 * and written, and the same while documents are being indexed; and how many were meanwhile.
 *
 * Tokens are counted where the window would show them: on the main loop. Guesses are off, since one
 * answer alone may guess and two do not. */
#include "app/assistant/bottega-local-embedder.h"
#include "app/assistant/bottega-local-source.h"
#include "tests/app/seen.h"

#include <glib/gstdio.h>
#include <stdlib.h>

#define N_ROUNDS    5 /* by turns, of which medians are told */
#define N_TOKENS    160
#define N_DOCUMENTS 60
#define N_WORDS     6000 /* of each */

typedef struct {
  char *folder;
  BottegaAssistant *assistant;
  BottegaEngineThread *engine;
} Bench;

/* However long it takes. */
static void
wait_for (FixtureCondition condition, gpointer data)
{
  while (!condition (data))
    g_main_context_iteration (NULL, TRUE);
}

static void
begin (Bench *self, const char *model, const char *embedder, const char *device)
{
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (NULL);
  /* As the window does. */
  g_autoptr (BottegaEmbedder) vectors =
      bottega_local_embedder_new (embedder, "cpu", MAX (1, g_get_num_processors () / 2));
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  const BottegaLoadRequest request = { .path = model, .device = device, .context_tokens = 4096 };

  self->folder = fixture_make_folder ();
  self->assistant = bottega_assistant_new (self->folder, source, settings);
  self->engine = bottega_assistant_get_engine (self->assistant);
  bottega_assistant_set_embedder (self->assistant, vectors);
  bottega_assistant_start (self->assistant);
  bottega_engine_thread_load (self->engine, &request);
  wait_for (fixture_is_settled, self->engine);
  g_assert_cmpstr (bottega_engine_thread_get_error (self->engine), ==, NULL);
  bottega_engine_thread_set_shown (self->engine, "/shown");
}

static void
end (Bench *self)
{
  bottega_assistant_shutdown (self->assistant);
  g_assert_finalize_object (self->assistant);
  fixture_remove_folder (self->folder);
}

/* n_words: of the question; each begins otherwise, so that nothing of it has been read before. */
static void
ask (Bench *self, const char *path, guint n_words, Seen *seen)
{
  static guint n_asked;
  g_autoptr (GString) text = g_string_new (NULL);
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  BottegaPrompt *prompt = bottega_prompt_new (NULL);

  g_string_printf (text, "Letter %u. Write a long story about a carpenter.", ++n_asked);
  for (guint i = 0; i < n_words; i++)
    g_string_append_printf (text, " oak%u", (i * 7 + n_asked) % 100);
  bottega_prompt_add (prompt, "user", "q", text->str);
  options.max_tokens = N_TOKENS;
  options.ignore_end = TRUE;
  options.speculate = FALSE;
  bottega_engine_thread_generate (self->engine, path, BOTTEGA_ANSWER_CHAT, prompt, N_TOKENS,
                                  &options, &seen_events, seen);
}

static double
seconds_of (const Seen *seen)
{
  return (double) (seen->last_us - seen->first_us) / 1e6;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median_of (double values[N_ROUNDS])
{
  qsort (values, N_ROUNDS, sizeof values[0], compare);

  return values[N_ROUNDS / 2];
}

/* Tokens a second of one alone, and its longest gap in ms. */
static double
measure_alone (Bench *self, double *gap_ms)
{
  g_auto (Seen) seen = { 0 };

  ask (self, "/shown", 0, &seen);
  wait_for (seen_is_finished, &seen);
  g_assert_null (seen.error);
  *gap_ms = seen.longest_us / 1e3;

  return seen.n_tokens / seconds_of (&seen);
}

/* The same of two that begin together. */
static double
measure_two (Bench *self)
{
  g_auto (Seen) first = { 0 };
  g_auto (Seen) second = { 0 };

  ask (self, "/shown", 0, &first);
  ask (self, "/other", 0, &second);
  wait_for (seen_is_finished, &first);
  wait_for (seen_is_finished, &second);
  g_assert_null (first.error);
  g_assert_null (second.error);

  return (first.n_tokens + second.n_tokens) /
         ((double) (MAX (first.last_us, second.last_us) - MIN (first.first_us, second.first_us)) /
          1e6);
}

/* The longest wait for a token of the one on the screen, in ms, while another one comes in that is
 * long to read. */
static double
measure_gap (Bench *self)
{
  g_auto (Seen) shown = { 0 };
  g_auto (Seen) other = { 0 };

  ask (self, "/shown", 0, &shown);
  wait_for (seen_has_text, &shown);
  ask (self, "/other", 400, &other);
  wait_for (seen_is_finished, &shown);
  wait_for (seen_is_finished, &other);
  g_assert_null (shown.error);
  g_assert_null (other.error);

  return shown.longest_us / 1e3;
}

static void
add_documents (Bench *self)
{
  g_autofree char *folder = g_build_filename (self->folder, "documents", NULL);
  g_autoptr (GFile) file = g_file_new_for_path (folder);
  GSList files = { .data = file };

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  for (guint i = 0; i < N_DOCUMENTS; i++) {
    g_autofree char *name = g_strdup_printf ("%s/%u.txt", folder, i);
    g_autoptr (GString) text = g_string_new (NULL);

    for (guint word = 0; word < N_WORDS; word++)
      g_string_append_printf (text, "wood%u%s", (word * 31 + i) % 977,
                              word % 12 == 11 ? ".\n" : " ");
    g_assert_true (g_file_set_contents (name, text->str, -1, NULL));
  }
  bottega_library_add (bottega_assistant_get_library (self->assistant), &files);
}

static gboolean
is_some_ready (gpointer library)
{
  return bottega_library_get_n_ready (library) > 0;
}

int
main (int argc, char **argv)
{
  double alone[N_ROUNDS], together[N_ROUNDS], gap_alone[N_ROUNDS], gap[N_ROUNDS];
  double gap_indexing[N_ROUNDS], most = 0;
  Bench bench = { 0 };
  BottegaLibrary *library;
  guint n_before;

  if (argc < 3) {
    g_printerr ("Usage: bench-streams MODEL EMBEDDER [DEVICE]\n");
    return 2;
  }
  begin (&bench, argv[1], argv[2], argc > 3 ? argv[3] : "cpu");
  measure_alone (&bench, gap_alone); /* warm */
  for (guint i = 0; i < N_ROUNDS; i++) {
    alone[i] = measure_alone (&bench, &gap_alone[i]);
    together[i] = measure_two (&bench);
    gap[i] = measure_gap (&bench);
  }

  library = bottega_assistant_get_library (bench.assistant);
  add_documents (&bench);
  wait_for (is_some_ready, library);
  n_before = bottega_library_get_n_ready (library);
  for (guint i = 0; i < N_ROUNDS; i++) {
    gap_indexing[i] = measure_gap (&bench);
    most = MAX (most, gap_indexing[i]);
  }
  g_print ("{\"alone_tok_s\": %.2f, \"together_tok_s\": %.2f, \"gap_alone_ms\": %.1f, "
           "\"gap_ms\": %.1f, \"gap_indexing_ms\": %.1f, \"most_gap_indexing_ms\": %.1f, "
           "\"documents\": %u, \"indexed_before\": %u, \"indexed_after\": %u, "
           "\"indexing\": %s}\n",
           median_of (alone), median_of (together), median_of (gap_alone), median_of (gap),
           median_of (gap_indexing), most, N_DOCUMENTS, n_before,
           bottega_library_get_n_ready (library),
           bottega_library_get_busy (library) ? "true" : "false");
  end (&bench);

  return 0;
}
