/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Model files: found, looked at, imported once, refused with the engine's sentence, cancelled
 * without a trace. */
#include "app/assistant/bottega-model-planning.h"
#include "tests/app/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *folder, *models;
  BottegaSettings *settings;
  BottegaModelStore *store;
} Models;

static gboolean
is_loaded (gpointer store)
{
  return bottega_model_store_get_loaded (store);
}

static void
write_file (const char *folder, const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, content, -1, &error);
  g_assert_no_error (error);
}

static void
set_up (Models *models)
{
  const BottegaReplayOptions options = { .text = "x" };
  g_autoptr (BottegaEngineSource) source = bottega_replay_source_new (&options);

  models->folder = fixture_make_folder ();
  models->models = g_build_filename (models->folder, "models", NULL);
  g_mkdir (models->models, 0700);
  write_file (models->models, "beta.gguf", "beta");
  write_file (models->models, "alpha.gguf", "alpha");
  write_file (models->models, "bad.gguf", "broken");
  write_file (models->models, "notes.txt", "not a model");
  write_file (models->models, ".import-left", "from a killed import");
  models->settings = bottega_settings_new_in_memory ();
  models->store = bottega_model_store_new (models->folder, source, models->settings);
  fixture_wait (is_loaded, models->store);
}

static void
tear_down (Models *models)
{
  g_assert_finalize_object (models->store);
  g_object_unref (models->settings);
  g_free (models->models);
  fixture_remove_folder (models->folder);
}

static char *
names (Models *models)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (models->store)); i++) {
    g_autoptr (BottegaModelItem) item = g_list_model_get_item (G_LIST_MODEL (models->store), i);

    g_string_append_printf (text, "%s%s ", bottega_model_item_get_name (item),
                            bottega_model_item_get_is_default (item) ? "*" : "");
  }

  return g_string_free (text, FALSE);
}

static void
assert_names (Models *models, const char *expected)
{
  g_autofree char *found = names (models);

  g_assert_cmpstr (found, ==, expected);
}

/* Without what an earlier run left, which the store removes in its own time. */
static guint
n_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    n += !g_str_equal (name, ".import-left");

  return n;
}

static void
test_found (void)
{
  Models models;
  BottegaModelItem *bad;
  g_autofree char *left = NULL;

  set_up (&models);
  assert_names (&models, "alpha.gguf* bad.gguf beta.gguf ");
  bad = bottega_model_store_find (models.store, "bad.gguf");
  g_assert_cmpint (bottega_model_item_get_state (bad), ==, BOTTEGA_MODEL_BROKEN);
  g_assert_nonnull (strstr (bottega_model_item_get_error (bad), "is not a GGUF file."));
  g_assert_nonnull (
      strstr (bottega_model_item_get_subtitle (bottega_model_store_get_default (models.store)),
              "replay"));
  left = g_build_filename (models.models, ".import-left", NULL);
  /* Removed beside the reading of the folder, which may be ready sooner. */
  for (guint round = 0; g_file_test (left, G_FILE_TEST_EXISTS); round++) {
    g_assert_cmpuint (round, <, 1000);
    fixture_turn (0.01);
  }

  bottega_model_store_set_default (models.store,
                                   bottega_model_store_find (models.store, "beta.gguf"));
  assert_names (&models, "alpha.gguf bad.gguf beta.gguf* ");
  /* One that is gone or broken is nobody's default. */
  bottega_settings_set_default_model (models.settings, "/nowhere.gguf");
  assert_names (&models, "alpha.gguf* bad.gguf beta.gguf ");
  tear_down (&models);
}

static gboolean
has_three (gpointer store)
{
  return g_list_model_get_n_items (store) == 3;
}

static void
test_refresh_and_remove (void)
{
  Models models;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  set_up (&models);
  g_assert_true (bottega_model_store_remove (
      models.store, bottega_model_store_find (models.store, "bad.gguf"), &error));
  assert_names (&models, "alpha.gguf* beta.gguf ");
  path = g_build_filename (models.models, "bad.gguf", NULL);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));

  write_file (models.models, "gamma.gguf", "gamma");
  bottega_model_store_refresh (models.store);
  fixture_wait (has_three, models.store);
  assert_names (&models, "alpha.gguf* beta.gguf gamma.gguf ");
  tear_down (&models);
}

typedef struct {
  gboolean done;
  char *path;
  GError *error;
  guint64 last_bytes, total_bytes;
} Imported;

static void
imported_clear (Imported *imported)
{
  g_free (imported->path);
  g_clear_error (&imported->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Imported, imported_clear)

static void
on_progress (guint64 done_bytes, guint64 total_bytes, gpointer data)
{
  Imported *imported = data;

  g_assert_cmpuint (done_bytes, >=, imported->last_bytes);
  imported->last_bytes = done_bytes;
  imported->total_bytes = total_bytes;
}

static void
on_imported (GObject *store, GAsyncResult *result, gpointer data)
{
  Imported *imported = data;
  BottegaModelItem *item = bottega_model_store_import_finish (BOTTEGA_MODEL_STORE (store), result,
                                                              &imported->error);

  imported->path = item != NULL ? g_strdup (bottega_model_item_get_path (item)) : NULL;
  imported->done = TRUE;
}

/* Imports <folder>/name. */
static void
import (Models *models, const char *name, GCancellable *cancellable, Imported *imported)
{
  g_autoptr (GFile) file = g_file_new_build_filename (models->folder, name, NULL);

  bottega_model_store_import_async (models->store, file, BOTTEGA_IMPORT_COPY, on_progress,
                                    imported, cancellable, on_imported, imported);
  fixture_wait_flag (&imported->done);
}

static void
test_import (void)
{
  Models models;
  g_auto (Imported) imported = { 0 };
  g_auto (Imported) again = { 0 };
  g_auto (Imported) other = { 0 };
  g_autofree char *big = g_strnfill (10 * 1024 * 1024, 'm');
  g_autofree char *content = NULL;
  guint n;

  set_up (&models);
  write_file (models.folder, "alpha.gguf", big);
  import (&models, "alpha.gguf", NULL, &imported);
  g_assert_no_error (imported.error);
  g_assert_cmpuint (imported.last_bytes, ==, 10 * 1024 * 1024);
  g_assert_cmpuint (imported.total_bytes, ==, imported.last_bytes);
  /* There was another alpha.gguf: it is untouched. */
  g_assert_true (g_str_has_suffix (imported.path, "/models/alpha-2.gguf"));
  g_assert_true (g_file_get_contents (imported.path, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, big);
  assert_names (&models, "alpha.gguf* alpha.gguf bad.gguf beta.gguf ");

  n = n_files (models.models);
  import (&models, "alpha.gguf", NULL, &again);
  g_assert_error (again.error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_EXISTS);
  g_assert_nonnull (strstr (again.error->message, "alpha-2.gguf"));
  g_assert_cmpuint (n_files (models.models), ==, n);

  /* One byte differs, at the end. */
  big[strlen (big) - 1] = 'n';
  write_file (models.folder, "other", big);
  import (&models, "other", NULL, &other);
  g_assert_no_error (other.error);
  g_assert_true (g_str_has_suffix (other.path, "/models/other.gguf"));
  tear_down (&models);
}

static void
test_import_refused (void)
{
  Models models;
  g_auto (Imported) broken = { 0 };
  g_auto (Imported) missing = { 0 };
  g_auto (Imported) cancelled = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  guint n;

  set_up (&models);
  n = n_files (models.models);
  write_file (models.folder, "new.gguf", "broken");
  import (&models, "new.gguf", NULL, &broken);
  g_assert_error (broken.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
  import (&models, "nowhere.gguf", NULL, &missing);
  g_assert_nonnull (missing.error);
  write_file (models.folder, "sound.gguf", "sound");
  g_cancellable_cancel (cancellable);
  import (&models, "sound.gguf", cancellable, &cancelled);
  g_assert_error (cancelled.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_assert_cmpuint (n_files (models.models), ==, n);
  assert_names (&models, "alpha.gguf* bad.gguf beta.gguf ");
  tear_down (&models);
}

static void
test_will_fit (void)
{
  Models models;
  BottegaModelItem *item;
  g_autoptr (GError) error = NULL;

  set_up (&models);
  item = bottega_model_store_get_default (models.store);
  g_assert_true (bottega_model_store_will_fit (models.store, item, 0, &error));
  g_assert_false (bottega_model_store_will_fit (models.store, item, G_MAXUINT, &error));
  g_assert_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_NO_MEMORY);
  g_assert_nonnull (strstr (error->message, "TB"));
  tear_down (&models);
}

/* ---- plans ---- */

static void
planned (GObject *store, GAsyncResult *result, gpointer data)
{
  *(BottegaPlan **) data = bottega_model_store_plan_finish (result, NULL);
}

static gboolean
is_planned (gpointer data)
{
  return *(BottegaPlan **) data != NULL;
}

static BottegaPlan *
plan (Models *models, const char *kv_type)
{
  BottegaPlan *got = NULL;

  bottega_model_store_plan_async (models->store, bottega_model_store_get_default (models->store),
                                  kv_type, FALSE, planned, &got);
  fixture_wait (is_planned, &got);

  return got;
}

/* A plan is asked with the settings, and its sums take the place of what is reckoned. */
static void
test_plan (void)
{
  Models models;
  BottegaModelNeed need = { .kv_bytes_per_token = 1, .decode_bytes = 1 }, listed;
  g_autoptr (BottegaPlan) precise = NULL;
  g_autoptr (BottegaPlan) compact = NULL;
  g_autoptr (BottegaPlan) as_set = NULL;

  set_up (&models);
  g_object_set (models.settings, "context-length", 640, NULL);
  precise = plan (&models, NULL);
  compact = plan (&models, "q8_0");
  g_object_set (models.settings, "kv-type", "q8_0", NULL);
  as_set = plan (&models, NULL);
  bottega_model_store_get_need (models.store, bottega_model_store_get_default (models.store),
                                &listed);
  g_assert_cmpuint (listed.kv_bytes_per_token * 640, ==, as_set->kv_bytes);
  g_assert_cmpuint (precise->kv_bytes, ==, 640 * 1024);
  g_assert_cmpuint (compact->kv_bytes, ==, 640 * 1024 / 64 * 34);
  g_assert_cmpuint (as_set->kv_bytes, ==, compact->kv_bytes);
  compact->work_bytes = 7;
  compact->token_s = 0.125;
  bottega_model_need_take_plan (&need, compact);
  g_assert_cmpuint (bottega_model_need_bytes (&need), ==,
                    strlen ("alpha") + compact->kv_bytes + 7);
  g_assert_cmpfloat (bottega_model_decode_speed (&need, NULL, &(BottegaMachine) { 0 }), ==, 8);
  tear_down (&models);
}

/* ---- draft models ---- */

static BottegaModelItem *
find (Models *models, const char *name)
{
  BottegaModelItem *item = bottega_model_store_find (models->store, name);

  g_assert_nonnull (item);
  return item;
}

static gboolean
has_six (gpointer store)
{
  guint n = 0;

  for (guint i = 0; i < g_list_model_get_n_items (store); i++) {
    g_autoptr (BottegaModelItem) item = g_list_model_get_item (store, i);

    n += bottega_model_item_get_state (item) != BOTTEGA_MODEL_CHECKING;
  }

  return n == 6;
}

/* Smaller models of the same vocabulary alone can guess; the one that was set is counted with the
 * memory, and no more thought of when it is gone. */
static void
test_draft (void)
{
  Models models;
  BottegaModelItem *alpha, *beta;
  BottegaModelDefaults set = { 0 };
  BottegaModelNeed alone, both;
  g_autoptr (BottegaPlan) planned = NULL;

  set_up (&models);
  write_file (models.models, "other.gguf", "other");
  write_file (models.models, "vectors.gguf", "vectors");
  write_file (models.models, "large.gguf", "a larger one");
  bottega_model_store_refresh (models.store);
  fixture_wait (has_six, models.store);
  alpha = find (&models, "alpha.gguf");
  beta = find (&models, "beta.gguf");
  g_assert_true (bottega_model_item_can_draft (beta, alpha));
  g_assert_false (bottega_model_item_can_draft (alpha, beta));
  g_assert_false (bottega_model_item_can_draft (alpha, alpha));
  g_assert_true (bottega_model_item_can_draft (alpha, find (&models, "large.gguf")));
  g_assert_false (
      bottega_model_item_can_draft (find (&models, "other.gguf"), find (&models, "large.gguf")));
  g_assert_false (bottega_model_item_can_draft (find (&models, "vectors.gguf"),
                                                find (&models, "large.gguf")));
  g_assert_false (bottega_model_item_can_draft (find (&models, "bad.gguf"), alpha));

  bottega_model_store_get_need (models.store, alpha, &alone);
  g_assert_null (bottega_model_store_get_draft (models.store, alpha));
  set.draft = (char *) bottega_model_item_get_path (beta);
  bottega_model_store_set_defaults (models.store, bottega_model_item_get_path (alpha), &set);
  g_assert_true (bottega_model_store_get_draft (models.store, alpha) == beta);
  bottega_model_store_get_need (models.store, alpha, &both);
  g_assert_cmpuint (bottega_model_need_bytes (&both), ==,
                    bottega_model_need_bytes (&alone) + 4 + 1024 * both.context_tokens);
  planned = plan (&models, NULL);
  g_assert_cmpuint (planned->draft_bytes, ==, 4);
  bottega_model_need_take_plan (&both, planned);
  g_assert_cmpuint (both.weights_bytes, ==, planned->weights_bytes + 4);
  set.draft = (char *) bottega_model_item_get_path (alpha);
  bottega_model_store_set_defaults (models.store, bottega_model_item_get_path (beta), &set);
  g_assert_null (bottega_model_store_get_draft (models.store, beta));
  g_assert_true (bottega_model_store_remove (models.store, beta, NULL));
  g_assert_null (bottega_model_store_get_draft (models.store, alpha));
  tear_down (&models);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/models/found", test_found);
  g_test_add_func ("/app/models/refresh-and-remove", test_refresh_and_remove);
  g_test_add_func ("/app/models/import", test_import);
  g_test_add_func ("/app/models/import-refused", test_import_refused);
  g_test_add_func ("/app/models/will-fit", test_will_fit);
  g_test_add_func ("/app/models/plan", test_plan);
  g_test_add_func ("/app/models/draft", test_draft);
  return fixture_run_with_trash ();
}
