/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See seen.h. Fails the test when what it is told does not fit together. */
#include "tests/app/seen.h"

#include <string.h>

void
seen_clear (Seen *seen)
{
  if (seen->text != NULL)
    g_string_free (seen->text, TRUE);
  g_free (seen->log);
  g_free (seen->error);
}

static void
note (Seen *seen, char letter)
{
  gsize n = seen->log != NULL ? strlen (seen->log) : 0;

  if (n == 0 || seen->log[n - 1] != letter) {
    g_autofree char *old = seen->log;

    seen->log = g_strdup_printf ("%s%c", old != NULL ? old : "", letter);
  }
}

static void
on_started (const BottegaPromptFit *fit, gpointer data)
{
  Seen *seen = data;

  note (seen, 's');
  seen->last_read = 0; /* it may begin anew */
}

static void
on_reading (guint done, guint total, double left_s, gpointer data)
{
  Seen *seen = data;

  note (seen, 'r');
  g_assert_cmpuint (done, >=, seen->last_read);
  g_assert_cmpuint (done, <=, total);
  seen->last_read = done;
}

static void
on_text (const char *utf8, gsize bytes, guint n_tokens, gpointer data)
{
  Seen *seen = data;
  gint64 now_us = g_get_monotonic_time ();

  note (seen, 't');
  if (seen->first_us == 0)
    seen->first_us = now_us;
  else
    seen->longest_us = MAX (seen->longest_us, (guint) (now_us - seen->last_us));
  seen->last_us = now_us;
  if (seen->text == NULL)
    seen->text = g_string_new (NULL);
  g_assert_true (g_utf8_validate (utf8, (gssize) bytes, NULL));
  g_string_append_len (seen->text, utf8, (gssize) bytes);
  seen->n_tokens += n_tokens;
  seen->n_texts++;
}

static void
on_lost (const char *reason, gpointer data)
{
  g_assert_nonnull (reason);
  note (data, 'l');
}

static void
on_resumed (const BottegaPromptFit *fit, gpointer data)
{
  Seen *seen = data;

  note (seen, 'u');
  seen->last_read = 0;
}

static void
on_finished (const EngineStats *stats, const GError *error, gpointer data)
{
  Seen *seen = data;

  note (seen, 'f');
  seen->finished++;
  seen->has_stats = stats != NULL;
  if (stats != NULL)
    seen->stats = *stats;
  g_set_str (&seen->error, error != NULL ? error->message : NULL);
}

const BottegaGenerateEvents seen_events = {
  .started = on_started,
  .reading = on_reading,
  .text = on_text,
  .finished = on_finished,
  .lost = on_lost,
  .resumed = on_resumed,
};

gboolean
seen_is_finished (gpointer data)
{
  return ((Seen *) data)->finished > 0;
}

gboolean
seen_has_text (gpointer data)
{
  return ((Seen *) data)->text != NULL;
}

guint64
seen_ask (BottegaEngineThread *thread, const char *path, Seen *seen)
{
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  BottegaPrompt *prompt = bottega_prompt_new (NULL);

  options.max_tokens = 1000000;
  bottega_prompt_add (prompt, "user", "q", "What is this?");

  return bottega_engine_thread_generate (thread, path, BOTTEGA_ANSWER_CHAT, prompt, 100, &options,
                                         &seen_events, seen);
}

static gboolean
has_state (gpointer data)
{
  gpointer *pair = data;

  return bottega_engine_thread_get_state (pair[0]) == GPOINTER_TO_UINT (pair[1]);
}

void
seen_wait_state (BottegaEngineThread *thread, BottegaEngineState state)
{
  gpointer pair[] = { thread, GUINT_TO_POINTER (state) };

  fixture_wait (has_state, pair);
}

char *
seen_make_text (guint n_words)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n_words; i++)
    g_string_append_printf (text, "parolà%u ", i);

  return g_string_free (text, FALSE);
}

BottegaEngineThread *
seen_make_thread (BottegaReplayOptions options, BottegaReplaySource **source)
{
  g_autoptr (BottegaEngineSource) replay = bottega_replay_source_new (&options);
  BottegaEngineThread *thread = bottega_engine_thread_new (replay);

  if (source != NULL)
    *source = BOTTEGA_REPLAY_SOURCE (replay);

  return thread;
}

void
seen_load (BottegaEngineThread *thread, const char *path, const char *device, guint context_tokens)
{
  const BottegaLoadRequest request = {
    .path = path, .device = device, .context_tokens = context_tokens
  };

  bottega_engine_thread_load (thread, &request);
}
