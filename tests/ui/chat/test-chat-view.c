/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proves how the transcript behaves: it follows what is written unless the reader has gone up,
 * stays where the reader is while earlier messages are made, says how an answer ended and offers
 * what can be done, and tells screen readers whole sentences.
 */
#include "config.h"

#include "tests/ui/chat/fixture.h"

#include <adwaita.h>

#include "app/ui/bottega-announcer.h"
#include "app/ui/bottega-answer-row.h"
#include "app/ui/bottega-code-block.h"
#include "app/ui/bottega-earlier-mark.h"
#include "app/ui/bottega-markdown-view.h"
#include "app/ui/bottega-phase-line.h"
#include "app/ui/bottega-question-row.h"
#include "app/ui/bottega-stats-line.h"

static const char paragraphs[] =
    "One paragraph of the answer, long enough for a line.\n\n"
    "Another paragraph of the answer, long enough for a line.\n\n";

static GtkAdjustment *
get_adjustment (Fixture *fixture)
{
  GtkWidget *scroller = fixture_find (GTK_WIDGET (fixture->view), GTK_TYPE_SCROLLED_WINDOW);

  return gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (scroller));
}

static double
from_end (Fixture *fixture)
{
  GtkAdjustment *adjustment = get_adjustment (fixture);

  return gtk_adjustment_get_upper (adjustment) - gtk_adjustment_get_page_size (adjustment) -
         gtk_adjustment_get_value (adjustment);
}

static void
ask (Fixture *fixture,
     const char *question)
{
  g_autoptr (GError) error = NULL;

  bottega_conversation_send (fixture->conversation, question, &error);
  g_assert_no_error (error);
}

static char *
long_answer (guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append (text, paragraphs);
  return g_string_free_and_steal (text);
}

static gboolean
fills_page (Fixture *fixture)
{
  GtkAdjustment *adjustment = get_adjustment (fixture);

  return gtk_adjustment_get_upper (adjustment) > 2 * gtk_adjustment_get_page_size (adjustment);
}

static void
test_follow (void)
{
  g_autofree char *text = long_answer (60);
  GtkWidget *revealer, *button;
  Fixture fixture;
  double upper;

  fixture_open (&fixture, 800, text, 300);
  revealer = fixture_find (GTK_WIDGET (fixture.view), GTK_TYPE_REVEALER);
  ask (&fixture, "Question");
  fixture_run_until (&fixture, fills_page, 20);
  g_assert_cmpfloat (from_end (&fixture), <, 60);
  g_assert_false (gtk_revealer_get_reveal_child (GTK_REVEALER (revealer)));

  /* Who goes up stays there, and sees the way back. */
  gtk_adjustment_set_value (get_adjustment (&fixture), 100);
  fixture_run_for (&fixture, 0.1);
  upper = gtk_adjustment_get_upper (get_adjustment (&fixture));
  fixture_run_for (&fixture, 0.4);
  g_assert_cmpfloat (gtk_adjustment_get_upper (get_adjustment (&fixture)), >, upper);
  g_assert_cmpfloat (gtk_adjustment_get_value (get_adjustment (&fixture)), ==, 100);
  g_assert_true (gtk_revealer_get_reveal_child (GTK_REVEALER (revealer)));

  /* The way back. */
  button = fixture_find (revealer, GTK_TYPE_BUTTON);
  g_signal_emit_by_name (button, "clicked");
  fixture_run_until (&fixture, fixture_is_idle, 20);
  fixture_run_for (&fixture, 0.3);
  g_assert_cmpfloat (from_end (&fixture), <, 1);
  g_assert_false (gtk_revealer_get_reveal_child (GTK_REVEALER (revealer)));
  fixture_close (&fixture);
}

static guint
count_rows (GtkWidget *widget,
            GType type)
{
  guint n = g_type_is_a (G_OBJECT_TYPE (widget), type) ? 1 : 0;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    n += count_rows (child, type);
  return n;
}

static gboolean
is_ready (Fixture *fixture)
{
  return count_rows (GTK_WIDGET (fixture->view), BOTTEGA_TYPE_ANSWER_ROW) >= 20;
}

static gboolean
is_whole (Fixture *fixture)
{
  return count_rows (GTK_WIDGET (fixture->view), BOTTEGA_TYPE_ANSWER_ROW) == 40;
}

/* A long conversation opens at its end; a reader who goes up meanwhile stays at the same words. */
static void
test_open (void)
{
  g_autofree char *text = long_answer (6);
  Fixture fixture;
  GtkWidget *last;
  graphene_rect_t before, after;

  fixture_open (&fixture, 800, text, 0);
  for (guint i = 0; i < 40; i++) {
    ask (&fixture, "Question");
    fixture_run_until (&fixture, fixture_is_idle, 20);
  }
  bottega_chat_view_set_conversation (fixture.view, NULL);
  g_assert_cmpuint (count_rows (GTK_WIDGET (fixture.view), BOTTEGA_TYPE_ANSWER_ROW), ==, 0);

  bottega_chat_view_set_conversation (fixture.view, fixture.conversation);
  g_assert_cmpuint (count_rows (GTK_WIDGET (fixture.view), BOTTEGA_TYPE_ANSWER_ROW), <, 40);
  fixture_run_for (&fixture, 0.05);
  gtk_adjustment_set_value (get_adjustment (&fixture),
                            gtk_adjustment_get_value (get_adjustment (&fixture)) - 300);
  fixture_run_for (&fixture, 0.02);
  last = gtk_widget_get_last_child (fixture_find (GTK_WIDGET (fixture.view), GTK_TYPE_BOX));
  while (fixture_find (last, BOTTEGA_TYPE_ANSWER_ROW) == NULL)
    last = gtk_widget_get_prev_sibling (last);
  g_assert_true (gtk_widget_compute_bounds (last, fixture.window, &before));
  fixture_run_until (&fixture, is_ready, 20);
  fixture_run_for (&fixture, 0.2);
  g_assert_true (gtk_widget_compute_bounds (last, fixture.window, &after));
  g_assert_cmpfloat_with_epsilon (before.origin.y, after.origin.y, 2);

  /* Nobody has gone up: the first messages are not made. Then somebody has. */
  g_assert_false (is_whole (&fixture));
  while (!is_whole (&fixture)) {
    gtk_adjustment_set_value (get_adjustment (&fixture), 0);
    fixture_run_for (&fixture, 0.1);
  }
  fixture_close (&fixture);
}

static gboolean
has_text (Fixture *fixture)
{
  BottegaMessage *last = fixture_get_last (fixture);

  return last != NULL && bottega_message_get_text_bytes (last) > 100;
}

/* The visible button with this label below WIDGET, or NULL. */
static GtkWidget *
find_button (GtkWidget *widget,
             const char *label)
{
  if (GTK_IS_BUTTON (widget) && gtk_widget_get_mapped (widget) &&
      g_strcmp0 (gtk_button_get_label (GTK_BUTTON (widget)), label) == 0)
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child)) {
    GtkWidget *found = find_button (child, label);
    if (found != NULL)
      return found;
  }
  return NULL;
}

static GtkWidget *
find_label (GtkWidget *widget,
            const char *text)
{
  if (GTK_IS_LABEL (widget) && gtk_widget_get_mapped (widget) &&
      g_strcmp0 (gtk_label_get_label (GTK_LABEL (widget)), text) == 0)
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child)) {
    GtkWidget *found = find_label (child, text);
    if (found != NULL)
      return found;
  }
  return NULL;
}

static void
test_endings (void)
{
  g_autofree char *text = long_answer (6);
  Fixture fixture;
  GtkWidget *view;
  BottegaMessage *answer;
  gsize bytes;

  fixture_open (&fixture, 800, text, 300);
  view = GTK_WIDGET (fixture.view);
  ask (&fixture, "Question");
  fixture_run_until (&fixture, has_text, 20);
  g_assert_null (find_button (view, "Continue"));
  bottega_conversation_stop (fixture.conversation);
  fixture_run_until (&fixture, fixture_is_idle, 20);
  fixture_run_for (&fixture, 0.2);

  /* A stopped answer can go on, in the same row. */
  answer = fixture_get_last (&fixture);
  bytes = bottega_message_get_text_bytes (answer);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_STOPPED);
  g_assert_nonnull (find_button (view, "Continue"));
  g_signal_emit_by_name (find_button (view, "Continue"), "clicked");
  fixture_run_for (&fixture, 0.1);
  g_assert_null (find_button (view, "Continue"));
  fixture_run_until (&fixture, fixture_is_idle, 20);
  fixture_run_for (&fixture, 0.1);
  g_assert_true (fixture_get_last (&fixture) == answer);
  g_assert_cmpuint (bottega_message_get_text_bytes (answer), >, bytes);
  g_assert_cmpuint (count_rows (view, BOTTEGA_TYPE_ANSWER_ROW), ==, 1);

  /* A failed one says why and can be asked again. */
  bottega_replay_source_fail_generate (BOTTEGA_REPLAY_SOURCE (fixture.source),
                                       ENGINE_ERROR_INVALID, 4);
  ask (&fixture, "Question");
  fixture_run_until (&fixture, fixture_is_idle, 20);
  fixture_run_for (&fixture, 0.1);
  g_assert_nonnull (find_button (view, "Try again"));
  g_signal_emit_by_name (find_button (view, "Try again"), "clicked");
  fixture_run_until (&fixture, fixture_is_idle, 20);
  fixture_run_for (&fixture, 0.1);
  g_assert_null (find_button (view, "Try again"));
  g_assert_cmpint (bottega_message_get_state (fixture_get_last (&fixture)), ==,
                   BOTTEGA_MESSAGE_STATE_COMPLETE);
  fixture_close (&fixture);
}

static gboolean
is_at_rest (Fixture *fixture)
{
  return !bottega_engine_thread_get_answering (bottega_assistant_get_engine (fixture->assistant));
}

static gboolean
is_short (Fixture *fixture)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (fixture->assistant);

  return bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_READY &&
         bottega_engine_thread_get_context_size (engine) == 512;
}

/* Turns that leave are marked: by a line, or by their summary, as the person chose. */
static void
test_mark (void)
{
  for (guint summed = 0; summed < 2; summed++) {
    g_autofree char *question = g_strnfill (200, 'q');
    GtkWidget *mark, *expander;
    Fixture fixture;

    fixture_open (&fixture, 800, "A summary of what was said.", 0);
    g_object_set (bottega_assistant_get_settings (fixture.assistant), "summarise-turns",
                  (gboolean) summed, NULL);
    bottega_engine_thread_load (
        bottega_assistant_get_engine (fixture.assistant),
        &(BottegaLoadRequest) { .path = "/replay", .context_tokens = 512 });
    fixture_run_until (&fixture, is_short, 20);
    mark = fixture_find (GTK_WIDGET (fixture.view), BOTTEGA_TYPE_EARLIER_MARK);
    expander = fixture_find (mark, GTK_TYPE_EXPANDER);
    while (bottega_conversation_get_dropped_turns (fixture.conversation) == 0) {
      g_assert_false (gtk_widget_get_mapped (mark));
      ask (&fixture, question);
      fixture_run_until (&fixture, fixture_is_idle, 20);
      fixture_run_until (&fixture, is_at_rest, 20);
    }
    fixture_run_for (&fixture, 0.2);
    g_assert_true (gtk_widget_get_visible (mark));
    g_assert_true (gtk_widget_get_visible (expander) == (summed == 1));
    if (summed == 1) {
      gtk_expander_set_expanded (GTK_EXPANDER (expander), TRUE);
      fixture_run_for (&fixture, 0.1);
      g_assert_nonnull (find_label (expander, "A summary of what was said."));
    }
    fixture_close (&fixture);
  }
}

static void
test_edit (void)
{
  Fixture fixture;
  GtkWidget *view, *field;

  fixture_open (&fixture, 800, paragraphs, 0);
  view = GTK_WIDGET (fixture.view);
  ask (&fixture, "First question");
  fixture_run_until (&fixture, fixture_is_idle, 20);
  ask (&fixture, "Second question");
  fixture_run_until (&fixture, fixture_is_idle, 20);
  fixture_run_for (&fixture, 0.2);

  g_signal_emit_by_name (fixture_find (fixture_find (view, BOTTEGA_TYPE_QUESTION_ROW),
                                       GTK_TYPE_BUTTON),
                         "clicked");
  fixture_run_for (&fixture, 0.1);
  g_assert_nonnull (find_button (view, "_Cancel"));
  g_signal_emit_by_name (find_button (view, "_Cancel"), "clicked");
  fixture_run_for (&fixture, 0.1);
  g_assert_null (find_button (view, "_Cancel"));

  g_signal_emit_by_name (fixture_find (fixture_find (view, BOTTEGA_TYPE_QUESTION_ROW),
                                       GTK_TYPE_BUTTON),
                         "clicked");
  field = fixture_find (view, GTK_TYPE_TEXT_VIEW);
  gtk_text_buffer_set_text (gtk_text_view_get_buffer (GTK_TEXT_VIEW (field)), "Better question",
                            -1);
  fixture_run_for (&fixture, 0.1);
  g_signal_emit_by_name (find_button (view, "_Send"), "clicked");
  fixture_run_until (&fixture, fixture_is_idle, 20);
  fixture_run_for (&fixture, 0.1);

  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (fixture.conversation)), ==, 2);
  g_assert_cmpuint (count_rows (view, BOTTEGA_TYPE_QUESTION_ROW), ==, 1);
  g_assert_cmpuint (count_rows (view, BOTTEGA_TYPE_ANSWER_ROW), ==, 1);
  {
    g_autoptr (BottegaMessage) question =
        g_list_model_get_item (G_LIST_MODEL (fixture.conversation), 0);
    g_assert_cmpstr (bottega_message_get_text (question), ==, "Better question");
  }
  fixture_close (&fixture);
}

/* Whatever is asked of it, the view shows all of the text, and listings have a height. */
static void
test_code_height (void)
{
  GtkWidget *window = gtk_window_new ();
  GtkWidget *view = bottega_markdown_view_new ();
  Fixture fixture = { 0 };
  int one, three;

  gtk_window_set_child (GTK_WINDOW (window), view);
  gtk_window_present (GTK_WINDOW (window));
  bottega_markdown_view_set_text (BOTTEGA_MARKDOWN_VIEW (view), "```\na\n```\n", TRUE);
  fixture_run_for (&fixture, 0.3);
  one = gtk_widget_get_height (fixture_find (view, GTK_TYPE_TEXT_VIEW));
  bottega_markdown_view_set_text (BOTTEGA_MARKDOWN_VIEW (view), "```\na\nb\nc\n```\n", TRUE);
  fixture_run_for (&fixture, 0.3);
  three = gtk_widget_get_height (fixture_find (view, GTK_TYPE_TEXT_VIEW));
  g_assert_cmpint (one, >, 12);
  g_assert_cmpint (three, >=, one + 20);
  gtk_window_destroy (GTK_WINDOW (window));
}

/* Random text makes no warning of Pango or GTK (which would end the test). */
static void
test_random (void)
{
  static const char *const parts[] = { "**", "*", "`", "\n", "\n\n", "- ", "1. ", "> ", "# ", "|",
                                       "|-|\n", "[a](http://x)", "&", "<", "\x01", "word ", "é",
                                       "```\n", "🙂", "~~", "[x] ", "א", "<br>", "\"", "\\" };
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  GtkWidget *window = gtk_window_new ();
  GtkWidget *view = bottega_markdown_view_new ();
  Fixture fixture = { 0 };

  gtk_window_set_default_size (GTK_WINDOW (window), 360, 600);
  gtk_window_set_child (GTK_WINDOW (window), view);
  gtk_window_present (GTK_WINDOW (window));
  for (guint round = 0; round < 60; round++) {
    bottega_markdown_view_set_text (BOTTEGA_MARKDOWN_VIEW (view), "", FALSE);
    for (guint i = 0; i < 30; i++) {
      char bytes[2] = { (char) g_rand_int_range (rand, 1, 256), 0 };
      gboolean byte = g_rand_int_range (rand, 0, 8) == 0;
      bottega_markdown_view_append (
          BOTTEGA_MARKDOWN_VIEW (view),
          byte ? bytes : parts[g_rand_int_range (rand, 0, G_N_ELEMENTS (parts))]);
      if (i % 10 == 0)
        fixture_run_for (&fixture, 0.01);
    }
    bottega_markdown_view_finish (BOTTEGA_MARKDOWN_VIEW (view));
    fixture_run_for (&fixture, 0.02);
  }
  gtk_window_destroy (GTK_WINDOW (window));
}

static void
test_announcer (void)
{
  g_autoptr (GString) pending = g_string_new ("The rent is **850 €** now. It may");
  char *said = bottega_announcer_take (pending, FALSE);

  g_assert_cmpstr (said, ==, "The rent is 850 € now.");
  g_assert_cmpstr (pending->str, ==, " It may");
  g_free (said);
  g_assert_null (bottega_announcer_take (pending, FALSE));
  g_string_append (pending, " rise\nin 3.5");
  said = bottega_announcer_take (pending, FALSE);
  g_assert_cmpstr (said, ==, "It may rise");
  g_free (said);
  said = bottega_announcer_take (pending, TRUE);
  g_assert_cmpstr (said, ==, "in 3.5");
  g_free (said);
  g_assert_null (bottega_announcer_take (pending, TRUE));
}

static void
test_explain (void)
{
  EngineStats stats = { .written_tokens = 9, .decode_tok_s = 31, .read_tokens = 5 };
  static const char line[] = "0.42\u00a0s to first word · 31 tok/s · 5 tokens read";

  g_assert_true (g_str_has_prefix (bottega_stats_line_explain (line, &stats, 0), "Time"));
  g_assert_true (g_str_has_prefix (bottega_stats_line_explain (line, &stats, 26), "Speed"));
  g_assert_true (g_str_has_prefix (bottega_stats_line_explain (line, &stats, 42), "Reading"));
  stats.reused_tokens = 4;
  g_assert_true (g_str_has_prefix (bottega_stats_line_explain (line, &stats, 42), "Reuse"));
  stats.written_tokens = 0;
  g_assert_true (g_str_has_prefix (bottega_stats_line_explain ("31 tok/s", &stats, 0), "Speed"));
}

int
main (int argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/ui/chat/announcer", test_announcer);
  g_test_add_func ("/ui/chat/explain", test_explain);
  g_test_add_func ("/ui/chat/code-height", test_code_height);
  g_test_add_func ("/ui/chat/random", test_random);
  g_test_add_func ("/ui/chat/follow", test_follow);
  g_test_add_func ("/ui/chat/open", test_open);
  g_test_add_func ("/ui/chat/endings", test_endings);
  g_test_add_func ("/ui/chat/mark", test_mark);
  g_test_add_func ("/ui/chat/edit", test_edit);
  return g_test_run ();
}
