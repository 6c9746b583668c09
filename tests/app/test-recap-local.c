/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recaps by the real model (BOTTEGA_TEST_MODEL): it goes on from what it holds of the conversation,
 * so that next to nothing is read for one; and what it wrote is read when turns leave, not what it
 * did not. */
#include "tests/app/fixture.h"

#include <string.h>

#define ANSWER_TOKENS 24
/* The question for one, and what a template puts around it. */
#define MOST_READ 64

typedef struct {
  guint n;
  EngineStats last;
} Answered;

static void
on_answered (BottegaEngineThread *engine, const EngineStats *stats, Answered *answered)
{
  answered->n++;
  answered->last = *stats;
}

static gboolean
is_at_rest (gpointer engine)
{
  return !bottega_engine_thread_get_answering (engine);
}

/* About 160 tokens. */
static char *
make_question (guint number)
{
  GString *text = g_string_new (NULL);

  for (guint i = 1; i <= 10; i++)
    g_string_append_printf (text, "Box %u has %u apples and %u pears in it. ", number * 10 + i,
                            i + number, 2 * i);

  return g_string_free (g_string_append (text, "What is a pear?"), FALSE);
}

static void
test_real (void)
{
  char *folder = fixture_make_folder ();
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  g_autoptr (BottegaConversation) conversation = NULL;
  BottegaAssistant *assistant;
  BottegaEngineThread *engine;
  Answered answered = { 0 };
  guint n_recaps = 0, n_made = 0, left_out = 0;

  g_object_set (settings, "temperature", 0.0, "max-answer-tokens", ANSWER_TOKENS, NULL);
  assistant = fixture_start_local (folder, settings);
  engine = bottega_assistant_get_engine (assistant);
  conversation = fixture_create (assistant);
  g_signal_connect (engine, "answered", G_CALLBACK (on_answered), &answered);
  for (guint i = 0; bottega_conversation_get_dropped_turns (conversation) == 0; i++) {
    g_autofree char *question = make_question (i);

    g_assert_cmpuint (i, <, 12);
    fixture_ask (conversation, question);
    g_assert_cmpstr (bottega_conversation_get_error (conversation), ==, NULL);
    g_assert_cmpuint (answered.n, <=, i + 1 + n_recaps);
    if (bottega_conversation_get_dropped_turns (conversation) > 0)
      break;
    fixture_wait (is_at_rest, engine);
    if (answered.n == i + 1 + n_recaps)
      continue;
    n_recaps++;
    n_made += answered.last.stop == ENGINE_STOP_END;
    g_test_message ("of %u tokens %u were read, %u written", answered.last.prompt_tokens,
                    answered.last.read_tokens, answered.last.written_tokens);
    g_assert_cmpuint (answered.last.read_tokens, <=, MOST_READ);
    g_assert_cmpuint (answered.last.reused_tokens, >=, 2 * MOST_READ);
  }
  g_assert_cmpuint (n_recaps, >, 0);
  g_assert_cmpint (bottega_conversation_get_recap (conversation, &left_out) != NULL, ==,
                   n_made > 0);
  g_assert_cmpint (bottega_conversation_get_context_of (
                       conversation, NULL)[BOTTEGA_PROMPT_RECAP] > 0,
                   ==, n_made > 0);
  if (n_made > 0)
    g_test_message ("%s", bottega_conversation_get_recap (conversation, NULL));
  else
    g_assert_cmpuint (left_out, ==, bottega_conversation_get_dropped_turns (conversation));
  g_clear_object (&conversation);
  bottega_assistant_shutdown (assistant);
  g_assert_finalize_object (assistant);
  fixture_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_setenv ("VK_DRIVER_FILES", "/nowhere", TRUE); /* what this machine has must not matter */
  if (g_getenv ("BOTTEGA_TEST_MODEL") != NULL)
    g_test_add_func ("/app/recap-local/real", test_real);

  return fixture_run_with_trash ();
}
