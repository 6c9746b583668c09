/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kill -9 in the middle of an answer: the program runs itself as a child that writes an answer at a
 * steady speed, tells over a pipe what it has shown, and is killed. Everything but the last second
 * must be found again, and the answer be marked as interrupted. */
#include "tests/app/fixture.h"

#include <gio/gio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOKENS_PER_S 200
#define TOKEN_BYTES  4
#define N_KILLS      5

static char *
make_text (void)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < 5000; i++)
    g_string_append_printf (text, "%03u ", i % 1000);

  return g_string_free (text, FALSE);
}

/* ---- the child ---- */

static void
on_appended (BottegaMessage *message, const char *piece, gpointer data)
{
  g_autofree char *line =
      g_strdup_printf ("%" G_GSIZE_FORMAT "\n", bottega_message_get_text_bytes (message));

  if (write (STDOUT_FILENO, line, strlen (line)) < 0)
    _exit (3);
}

static int
write_for_ever (char *folder)
{
  g_autofree char *text = make_text ();
  const BottegaReplayOptions options = { .text = text, .tokens_per_s = TOKENS_PER_S };
  Fixture fixture = { .folder = folder };
  g_autoptr (BottegaConversation) conversation = NULL;
  g_autoptr (GError) error = NULL;

  fixture_begin (&fixture, &options);
  g_object_set (bottega_assistant_get_settings (fixture.assistant), "max-answer-tokens", 100000,
                NULL);
  conversation = bottega_conversation_list_create (
      bottega_assistant_get_conversations (fixture.assistant));
  if (!bottega_conversation_send (conversation, "Count, please.", &error))
    return 2;
  g_signal_connect (fixture_message (conversation, 1), "appended", G_CALLBACK (on_appended), NULL);
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

/* ---- the parent ---- */

/* Runs the child for this long and kills it. Gives the bytes of the answer that it has shown. */
static gsize
run_and_kill (const char *program, const char *folder, guint run_ms)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, program,
                                                    "--write-to", folder, NULL);
  g_autoptr (GDataInputStream) lines = NULL;
  g_autofree char *line = NULL;
  gsize shown = 0;

  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child));

  /* From the first token on. */
  line = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (line);
  g_usleep (run_ms * 1000);
  g_subprocess_send_signal (child, SIGKILL);
  g_subprocess_wait (child, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_if_signaled (child));

  do {
    shown = g_ascii_strtoull (line, NULL, 10);
    g_free (line);
    line = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  } while (line != NULL);

  return shown;
}

static void
test_kill (gconstpointer program)
{
  g_autofree char *text = make_text ();

  for (guint i = 0; i < N_KILLS; i++) {
    Fixture fixture;
    g_autoptr (BottegaConversation) conversation = NULL;
    BottegaMessage *answer;
    gsize shown, kept;

    /* The parent's assistant makes the folder and the model, then lets go of them. */
    fixture_set_up (&fixture, NULL);
    fixture_end (&fixture);
    shown = run_and_kill (program, fixture.folder, 300 + 450 * i);

    fixture_begin (&fixture, NULL);
    g_assert_null (bottega_assistant_get_storage_error (fixture.assistant));
    conversation = g_list_model_get_item (
        G_LIST_MODEL (bottega_assistant_get_conversations (fixture.assistant)), 0);
    g_assert_nonnull (conversation);
    bottega_conversation_load_messages (conversation);
    fixture_wait (fixture_is_loaded, conversation);
    g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (conversation)), ==, 2);
    g_assert_cmpstr (bottega_message_get_text (fixture_message (conversation, 0)), ==,
                     "Count, please.");
    answer = fixture_message (conversation, 1);
    g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_INTERRUPTED);
    g_assert_cmpstr (bottega_message_get_model_name (answer), ==, "recorded.gguf");
    kept = bottega_message_get_text_bytes (answer);
    g_test_message ("shown %" G_GSIZE_FORMAT " bytes, kept %" G_GSIZE_FORMAT
                    ": %.2f s of text were lost",
                    shown, kept, (double) (shown - kept) / (TOKEN_BYTES * TOKENS_PER_S));
    g_assert_true (g_str_has_prefix (text, bottega_message_get_text (answer)));
    g_assert_cmpuint (kept + TOKENS_PER_S * TOKEN_BYTES, >=, shown);
    g_clear_object (&conversation);
    fixture_tear_down (&fixture);
  }
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--write-to") == 0)
    return write_for_ever (argv[2]);

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/app/crash/kill-in-the-middle", argv[0], test_kill);

  return g_test_run ();
}
