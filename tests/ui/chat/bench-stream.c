/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proves that text is shown smoothly: with a recorded answer at 300 tokens per second a turn of the
 * main loop takes at most 16 ms of CPU time at the 99th percentile and 50 ms at most, and a token
 * late in a long answer costs no more than an early one; also where all of the answer is one list,
 * table, listing or paragraph. A conversation of 200 messages opens within 150 ms. What else runs
 * on the machine only adds to that: a run over the bounds is done again, and what is slow stays so.
 */
#include "config.h"

#include "tests/ui/chat/fixture.h"

#include <adwaita.h>
#include <string.h>

#define P99_US 16000
#define MAX_US 50000
/* The last quarter may cost so much more than the second: the rest is noise of the machine. */
#define GROWTH 1.8
/* Where cost per token grew with the length, it would be 7/3. */
#define GROWTH_MONOTONE 1.9

#define OPEN_US 150000

#define N_RUNS 3

/* Returns whether it was within the bounds. */
typedef gboolean (*Run) (gconstpointer data);

static int
compare (gconstpointer a,
         gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

static gboolean
is_smooth (Fixture *fixture,
           double most_growth)
{
  GArray *turns = fixture->turns_us;
  double growth = (double) fixture->quarters_us[3] / MAX (fixture->quarters_us[1], 1);
  gint64 p99, most;

  g_array_sort (turns, compare);
  p99 = g_array_index (turns, gint64, turns->len * 99 / 100);
  most = g_array_index (turns, gint64, turns->len - 1);
  g_test_message ("%u turns, median %.1f ms, 99th percentile %.1f ms, most %.1f ms; last quarter "
                  "%.2f times the second; %.0f ms in all",
                  turns->len, g_array_index (turns, gint64, turns->len / 2) / 1e3, p99 / 1e3,
                  most / 1e3, growth, fixture->total_us / 1e3);
  return p99 <= P99_US && most <= MAX_US && growth <= most_growth;
}

static gboolean
measure (Fixture *fixture,
         const char *text,
         double most_growth)
{
  g_autoptr (GError) error = NULL;
  gboolean smooth;

  bottega_conversation_send (fixture->conversation, "Tell me about gardens.", &error);
  g_assert_no_error (error);
  fixture_measure (fixture, strlen (text), 60);
  smooth = is_smooth (fixture, most_growth);
  fixture_close (fixture);
  return smooth;
}

static char *
read_answer (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "answer.md", NULL);
  g_autoptr (GError) error = NULL;
  char *text;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

/* Its first half, to the end of a paragraph: where not the length is what matters. */
static char *
read_half (void)
{
  char *text = read_answer ();

  *strstr (text + strlen (text) / 2, "\n\n") = 0;
  return text;
}

static gboolean
run_recorded (gconstpointer unused)
{
  g_autofree char *text = read_answer ();
  Fixture fixture;

  fixture_open (&fixture, 1100, text, 300);
  return measure (&fixture, text, GROWTH);
}

static gboolean
run_program (gconstpointer unused)
{
  g_autofree char *text = read_half ();
  Fixture fixture;

  fixture_open_program (&fixture, text, 300);
  return measure (&fixture, text, GROWTH);
}

typedef struct {
  const char *start, *part;
  gsize bytes;
} Monotone;

/* The same thing over and over. Long paragraphs are cut, so that their cost goes up and down: of
 * them there are several lengths in each quarter. */
static gboolean
run_monotone (gconstpointer data)
{
  const Monotone *monotone = data;
  g_autoptr (GString) text = g_string_new (monotone->start);
  Fixture fixture;

  while (text->len < monotone->bytes)
    g_string_append (text, monotone->part);
  fixture_open (&fixture, 1100, text->str, 1000);
  return measure (&fixture, text->str, GROWTH_MONOTONE);
}

static gboolean
run_open_long (gconstpointer unused)
{
  Fixture fixture;
  g_autofree char *text = read_answer ();
  g_autofree char *half = read_half ();
  gint64 open_us, first_us, most_us = 0;
  GtkWidget *column;

  text[1500] = 0;
  fixture_open (&fixture, 1100, text, 0);
  for (guint i = 0; i < 100; i++) {
    g_autoptr (GError) error = NULL;
    bottega_conversation_send (fixture.conversation, "And what do I do in autumn?", &error);
    g_assert_no_error (error);
    fixture_run_until (&fixture, fixture_is_idle, 20);
  }
  fixture_restart (&fixture, half, 300);

  open_us = fixture_cpu_us ();
  bottega_chat_view_set_conversation (fixture.view, fixture.conversation);
  first_us = fixture_cpu_us () - open_us;
  column = fixture_find (GTK_WIDGET (fixture.view), ADW_TYPE_CLAMP);
  for (gint64 end_us = g_get_monotonic_time () + 200000; g_get_monotonic_time () < end_us;) {
    gint64 turn_us = fixture_cpu_us ();
    g_main_context_iteration (NULL, FALSE);
    turn_us = fixture_cpu_us () - turn_us;
    most_us = MAX (most_us, turn_us);
  }
  g_test_message ("200 messages: %.1f ms to open, %.1f ms the longest turn", first_us / 1e3,
                  most_us / 1e3);
  g_assert_nonnull (column);

  /* A long conversation does not make the next answer halt. */
  fixture_run_for (&fixture, 2);
  return measure (&fixture, half, GROWTH) && first_us + most_us <= OPEN_US;
}

typedef struct {
  const char *name;
  Run run;
  gconstpointer data;
} Case;

static void
test_smooth (gconstpointer data)
{
  const Case *smooth = data;

  for (guint i = 0; i < N_RUNS; i++)
    if (smooth->run (smooth->data))
      return;
  g_test_fail_printf ("%s: over the bounds in all of %d runs", smooth->name, N_RUNS);
}

int
main (int argc,
      char *argv[])
{
  static const Monotone code = {
    "```python\n", "def area (width, height):\n    return width * height\n\n", 8000
  };
  static const Monotone table = { "| a | b |\n|---|---:|\n", "| some words | **12** |\n", 8000 };
  static const Monotone list = { "", "1. An item with **bold** and more words in it\n", 8000 };
  static const Monotone nested = { "- Item\n", "  - nested item with words in it\n", 8000 };
  static const Monotone paragraph = { "", "A sentence with *some* words in it. ", 16000 };
  static const Monotone words = { "", "words without an end ", 16000 };

  static const Case cases[] = {
    { "recorded", run_recorded, NULL },
    { "program", run_program, NULL },
    { "code", run_monotone, &code },
    { "table", run_monotone, &table },
    { "list", run_monotone, &list },
    { "nested-list", run_monotone, &nested },
    { "paragraph", run_monotone, &paragraph },
    { "endless", run_monotone, &words },
    { "open-long", run_open_long, NULL },
  };

  g_test_init (&argc, &argv, NULL);
  adw_init ();
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/ui/stream/", cases[i].name, NULL);

    g_test_add_data_func (path, &cases[i], test_smooth);
  }
  return g_test_run ();
}
