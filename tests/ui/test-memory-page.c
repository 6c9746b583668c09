/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page "Memory and Speed" alone in a window, with a recorded text for an engine: what does not
 * fit is said, times come once they are measured, the newest of many changes wins. */
#include "config.h"

#include "app/ui/bottega-memory-page.h"
#include "tests/app/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#define PATIENCE_S 20

typedef struct {
  char *dir, *model;
  BottegaAssistant *assistant;
  BottegaSettings *settings;
  GtkWidget *window, *page;
} PageFixture;

static void
set_up (PageFixture *fixture, gconstpointer memory_bytes)
{
  g_autoptr (BottegaEngineSource) source = bottega_replay_source_new (&(BottegaReplayOptions) {
      .text = "Yes.", .memory_bytes = GPOINTER_TO_SIZE (memory_bytes), .context_tokens = 1 << 20 });
  g_autofree char *models = NULL;

  fixture->dir = fixture_make_folder ();
  models = g_build_filename (fixture->dir, "models", NULL);
  fixture->model = g_build_filename (models, "one.gguf", NULL);
  g_assert_cmpint (g_mkdir (models, 0700), ==, 0);
  g_assert_true (g_file_set_contents (fixture->model, "GGUF one", -1, NULL));
  fixture->settings = bottega_settings_new_in_memory ();
  g_object_set (fixture->settings, "context-length", 1024, NULL);
  fixture->assistant = bottega_assistant_new (fixture->dir, source, fixture->settings);
  bottega_assistant_start (fixture->assistant);
  fixture->page = g_object_new (BOTTEGA_TYPE_MEMORY_PAGE, NULL);
  bottega_memory_page_set_assistant (BOTTEGA_MEMORY_PAGE (fixture->page), fixture->assistant);
  fixture->window = gtk_window_new ();
  /* Wide enough for what comes later: of a window that has to grow GTK complains. */
  gtk_window_set_default_size (GTK_WINDOW (fixture->window), 600, 700);
  gtk_window_set_child (GTK_WINDOW (fixture->window), fixture->page);
  gtk_window_present (GTK_WINDOW (fixture->window));
}

static void
tear_down (PageFixture *fixture, gconstpointer data)
{
  gtk_window_destroy (GTK_WINDOW (fixture->window));
  bottega_assistant_shutdown (fixture->assistant);
  g_clear_object (&fixture->assistant);
  g_clear_object (&fixture->settings);
  fixture_remove_folder (fixture->dir);
  g_free (fixture->model);
}

/* Whether a label in sight, or the tooltip of a bar, has these words. */
static gboolean
has_words (GtkWidget *widget, const char *words)
{
  const char *text = GTK_IS_LABEL (widget) ? gtk_label_get_label (GTK_LABEL (widget))
                                           : gtk_widget_get_tooltip_text (widget);

  if (!gtk_widget_get_mapped (widget))
    return FALSE;
  if (text != NULL && strstr (text, words) != NULL)
    return TRUE;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    if (has_words (child, words))
      return TRUE;
  return FALSE;
}

static void
print_words (GtkWidget *widget)
{
  const char *text = GTK_IS_LABEL (widget) ? gtk_label_get_label (GTK_LABEL (widget))
                                           : gtk_widget_get_tooltip_text (widget);

  if (text != NULL && gtk_widget_get_mapped (widget))
    g_test_message ("%s", text);
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    print_words (child);
}

static void
sees (PageFixture *fixture, const char *words)
{
  gint64 end_us = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC;

  while (!has_words (fixture->page, words) && g_get_monotonic_time () < end_us) {
    g_main_context_iteration (NULL, FALSE);
    g_usleep (1000);
  }
  if (has_words (fixture->page, words))
    return;
  print_words (fixture->page);
  g_error ("“%s” did not come", words);
}

/* The bytes first; the devices are measured for somebody who looks. */
static void
test_times (PageFixture *fixture, gconstpointer data)
{
  sees (fixture, "First word of a 1,000-token question: about 2.0\u00a0s, then about 40 tokens "
                 "per second");
  sees (fixture, "Memory: weights 8 bytes, conversation 1.0\u00a0MB");
  sees (fixture, "What the model reads at once: 1,024 tokens");
}

/* Of many changes the last one is what is shown in the end. */
static void
test_newest (PageFixture *fixture, gconstpointer data)
{
  for (guint tokens = 2000; tokens <= 5000; tokens += 100) {
    g_object_set (fixture->settings, "context-length", tokens, NULL);
    g_main_context_iteration (NULL, FALSE);
  }
  sees (fixture, "5,000 tokens");
  sees (fixture, "conversation 5.1\u00a0MB");
  g_assert_false (has_words (fixture->page, "conversation 5.0\u00a0MB"));
}

/* The page says so, with numbers and what to change; and takes it back when that is done. */
static void
test_refused (PageFixture *fixture, gconstpointer data)
{
  sees (fixture, "tokens per second");
  g_object_set (fixture->settings, "context-length", 65536, NULL);
  sees (fixture, "It does not fit: it needs 67.1\u00a0MB, and may take 48.0\u00a0MB. A shorter "
                 "context or compact precision would help most.");
  g_assert_false (has_words (fixture->page, "tokens per second"));
  g_object_set (fixture->settings, "kv-type", "q8_0", NULL);
  sees (fixture, "tokens per second");
}

/* What was set for the model alone holds, and is said. */
static void
test_own (PageFixture *fixture, gconstpointer data)
{
  BottegaModelStore *models = bottega_assistant_get_models (fixture->assistant);
  const BottegaModelDefaults own = { .has_context = TRUE, .context_tokens = 2048 };

  sees (fixture, "1,024 tokens");
  bottega_model_store_set_defaults (models, fixture->model, &own);
  g_object_set (fixture->settings, "context-length", 4096, NULL);
  sees (fixture, "What the model reads at once: 2,048 tokens");
  sees (fixture, "alone, in its details: context length.");
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
#define CASE(name, memory, test)                                                             \
  g_test_add ("/ui/memory-page/" name, PageFixture, GSIZE_TO_POINTER (memory), set_up, test, \
              tear_down)
  CASE ("times", 0, test_times);
  CASE ("newest", 0, test_newest);
  CASE ("refused", 64000000, test_refused);
  CASE ("own", 0, test_own);

  return g_test_run ();
}
