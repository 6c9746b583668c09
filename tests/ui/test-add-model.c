/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adding a model: which files are taken, that the first one is used at once, a later one only
 * offered. No engine runs: the replay source takes any file for a model. Needs a display. */
#include "config.h"

#include "app/ui/bottega-add-model.h"
#include "tests/app/fixture.h"

#include <string.h>

#define PATIENCE_S 20

typedef struct {
  char *dir;
  BottegaAssistant *assistant;
  GtkWidget *toasts;
} AddFixture;

static void
set_up (AddFixture *fixture, gconstpointer data)
{
  g_autoptr (BottegaEngineSource) source =
      bottega_replay_source_new (&(BottegaReplayOptions) { .text = "Yes.", .tokens_per_s = 1000 });
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();

  fixture->dir = fixture_make_folder ();
  fixture->assistant = bottega_assistant_new (fixture->dir, source, settings);
  fixture->toasts = g_object_ref_sink (adw_toast_overlay_new ());
  bottega_assistant_start (fixture->assistant);
}

static void
tear_down (AddFixture *fixture, gconstpointer data)
{
  bottega_assistant_shutdown (fixture->assistant);
  g_clear_object (&fixture->toasts);
  g_clear_object (&fixture->assistant);
  fixture_remove_folder (fixture->dir);
}

static GFile *
write_file (AddFixture *fixture, const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);

  g_assert_true (g_file_set_contents (path, content, -1, NULL));
  return g_file_new_for_path (path);
}

/* Adds a file and waits until n models are there and looked at. */
static void
add (AddFixture *fixture, const char *name, const char *content, guint n)
{
  g_autoptr (GFile) file = write_file (fixture, name, content);
  BottegaModelStore *models = bottega_assistant_get_models (fixture->assistant);
  gint64 end_us = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC;
  BottegaModelItem *item = NULL;

  bottega_add_model_start (fixture->assistant, ADW_TOAST_OVERLAY (fixture->toasts), file,
                           BOTTEGA_IMPORT_COPY);
  while (g_get_monotonic_time () < end_us) {
    g_main_context_iteration (NULL, FALSE);
    item = bottega_model_store_find (models, name);
    if (g_list_model_get_n_items (G_LIST_MODEL (models)) == n && item != NULL &&
        bottega_model_item_get_state (item) == BOTTEGA_MODEL_READY)
      break;
    g_usleep (1000);
  }
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (models)), ==, n);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_first_is_used (AddFixture *fixture, gconstpointer data)
{
  BottegaModelStore *models = bottega_assistant_get_models (fixture->assistant);
  g_autoptr (BottegaModelItem) first = NULL;
  g_autofree char *first_path = NULL;

  g_assert_false (bottega_assistant_get_has_model (fixture->assistant));
  add (fixture, "one.gguf", "GGUF one", 1);
  first = g_list_model_get_item (G_LIST_MODEL (models), 0);
  first_path = g_strdup (bottega_model_item_get_path (first));
  g_assert_true (bottega_assistant_get_has_model (fixture->assistant));
  g_assert_true (bottega_model_item_get_is_default (first));

  add (fixture, "two.gguf", "GGUF two", 2);
  g_assert_cmpstr (bottega_model_item_get_path (bottega_model_store_get_default (models)), ==,
                   first_path);
}

static void
test_accepts (void)
{
  static const struct {
    const char *path;
    gboolean taken;
  } cases[] = {
    { "/home/me/model.gguf", TRUE },
    { "/home/me/MODEL.Q4_K.GGUF", TRUE },
    { "/home/me/model.gguf.part", FALSE },
    { "/home/me/gguf", FALSE },
    { "/home/me/model.bin", FALSE },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GFile) file = g_file_new_for_path (cases[i].path);
    g_assert_cmpint (bottega_add_model_accepts (file), ==, cases[i].taken);
  }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/ui/add-model/accepts", test_accepts);
  g_test_add ("/ui/add-model/first-is-used", AddFixture, NULL, set_up, test_first_is_used,
              tear_down);
  return g_test_run ();
}
