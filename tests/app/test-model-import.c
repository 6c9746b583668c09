/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bringing models in: checksums, parts, files used where they lie, what goes wrong on the way and
 * leaves nothing behind; what is remembered of a model, and what is said of it. */
#include "app/assistant/bottega-model-files.h"
#include "app/assistant/bottega-model-import.h"
#include "app/assistant/bottega-model-store.h"
#include "tests/app/fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB (1024 * 1024)

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

static char *
write_file (Models *models, const char *name, const char *content, gsize bytes)
{
  char *path = g_build_filename (models->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, content, (gssize) bytes, &error);
  g_assert_no_error (error);

  return path;
}

static void
open_store (Models *models)
{
  const BottegaReplayOptions options = { .text = "x" };
  g_autoptr (BottegaEngineSource) source = bottega_replay_source_new (&options);

  models->settings = bottega_settings_new_in_memory ();
  models->store = bottega_model_store_new (models->folder, source, models->settings);
  fixture_wait (is_loaded, models->store);
}

static void
close_store (Models *models)
{
  g_assert_finalize_object (models->store);
  g_clear_object (&models->settings);
}

static void
set_up (Models *models)
{
  models->folder = fixture_make_folder ();
  models->models = g_build_filename (models->folder, "models", NULL);
  open_store (models);
}

static void
tear_down (Models *models)
{
  close_store (models);
  g_free (models->models);
  fixture_remove_folder (models->folder);
}

/* The names of all files in a folder, hidden ones too, sorted. */
static char *
list (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort_values (names, (GCompareFunc) strcmp);
  g_ptr_array_add (names, NULL);

  return g_strjoinv (" ", (char **) names->pdata);
}

typedef struct {
  gboolean done;
  BottegaModelItem *item;
  GError *error;
  guint64 last_bytes, cancel_at_bytes;
  GCancellable *cancellable;
} Imported;

static void
on_progress (guint64 done_bytes, guint64 total_bytes, gpointer data)
{
  Imported *imported = data;

  g_assert_cmpuint (done_bytes, >=, imported->last_bytes);
  g_assert_cmpuint (done_bytes, <=, total_bytes);
  imported->last_bytes = done_bytes;
  if (imported->cancel_at_bytes > 0 && done_bytes >= imported->cancel_at_bytes)
    g_cancellable_cancel (imported->cancellable);
}

static void
on_imported (GObject *store, GAsyncResult *result, gpointer data)
{
  Imported *imported = data;

  imported->item = bottega_model_store_import_finish (BOTTEGA_MODEL_STORE (store), result,
                                                      &imported->error);
  imported->done = TRUE;
}

static BottegaModelItem *
import (Models *models, const char *path, BottegaImportHow how, Imported *imported)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);

  *imported = (Imported) { .cancellable = imported->cancellable,
                           .cancel_at_bytes = imported->cancel_at_bytes };
  bottega_model_store_import_async (models->store, file, how, on_progress, imported,
                                    imported->cancellable, on_imported, imported);
  fixture_wait_flag (&imported->done);

  return imported->item;
}

static char *
sha256_of (const char *content, gsize bytes)
{
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) content, bytes);
}

/* ---- names ---- */

static void
test_names (void)
{
  static const struct {
    const char *path;
    guint part, n_parts;
    const char *numbered;
  } cases[] = {
    { "/a/m.gguf", 1, 1, "/a/m-2.gguf" },
    { "m-00002-of-00003.gguf", 2, 3, "m-2-00002-of-00003.gguf" },
    { "m-00004-of-00003.gguf", 1, 1, "m-00004-of-00003-2.gguf" },
    { "m-00000-of-00003.gguf", 1, 1, "m-00000-of-00003-2.gguf" },
    { "m-0001-of-0003.gguf", 1, 1, "m-0001-of-0003-2.gguf" },
    { "-00001-of-00002.gguf", 1, 1, "-00001-of-00002-2.gguf" },
    { "m-00001-of-99999.gguf", 1, 1, "m-00001-of-99999-2.gguf" },
    { "other", 1, 1, "other-2.gguf" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint part, n_parts;
    g_auto (GStrv) files = bottega_model_files_list (cases[i].path);
    g_autofree char *numbered = bottega_model_files_number (cases[i].path, 2);

    bottega_model_files_part (cases[i].path, &part, &n_parts);
    g_assert_cmpuint (part, ==, cases[i].part);
    g_assert_cmpuint (n_parts, ==, cases[i].n_parts);
    g_assert_cmpuint (g_strv_length (files), ==, cases[i].n_parts);
    g_assert_cmpstr (files[part - 1], ==, cases[i].path);
    g_assert_cmpstr (numbered, ==, cases[i].numbered);
  }
}

/* ---- copies ---- */

static void
test_checksum (void)
{
  Models models;
  Imported imported = { 0 };
  gsize bytes = 9 * MIB + 17;
  g_autofree char *content = g_strnfill (bytes, 'm');
  g_autofree char *expected = sha256_of (content, bytes);
  g_autofree char *path = NULL;
  g_autofree char *record = NULL;

  set_up (&models);
  path = write_file (&models, "model.gguf", content, bytes);
  g_assert_nonnull (import (&models, path, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_cmpuint (imported.last_bytes, ==, bytes);
  g_assert_cmpstr (bottega_model_item_get_sha256 (imported.item), ==, expected);
  g_assert_true (bottega_model_item_get_removable (imported.item));
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));

  /* It is still known after the next start, for as long as the file has this size. */
  close_store (&models);
  open_store (&models);
  g_assert_cmpstr (bottega_model_item_get_sha256 (
                       bottega_model_store_find (models.store, "model.gguf")),
                   ==, expected);
  close_store (&models);
  record = g_build_filename (models.models, "model.gguf", NULL);
  g_assert_true (g_file_set_contents (record, "another", -1, NULL));
  open_store (&models);
  g_assert_null (bottega_model_item_get_sha256 (
      bottega_model_store_find (models.store, "model.gguf")));
  tear_down (&models);
}

/* The same beginning, end and samples, and yet another file: only the checksum tells. */
static void
test_nearly_the_same (void)
{
  Models models;
  Imported imported = { 0 };
  gsize bytes = 8 * MIB;
  g_autofree char *content = g_strnfill (bytes, 'm');
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *found = NULL;

  set_up (&models);
  first = write_file (&models, "one.gguf", content, bytes);
  content[bytes / 64 / 2 * 3] = 'n';
  second = write_file (&models, "two.gguf", content, bytes);
  g_assert_true (bottega_model_import_same (first, second));
  g_assert_nonnull (import (&models, first, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_nonnull (import (&models, second, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_null (import (&models, second, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_error (imported.error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_EXISTS);
  g_assert_nonnull (strstr (imported.error->message, "two.gguf"));
  g_clear_error (&imported.error);
  found = list (models.models);
  g_assert_cmpstr (found, ==, "one.gguf two.gguf");
  tear_down (&models);
}

/* Where the file system has no reflinks, the copy is a copy; where it has, they are taken. */
static void
test_shared_or_copied (void)
{
  g_autofree char *folder = fixture_make_folder ();
  g_autofree char *path = g_build_filename (folder, "from", NULL);
  g_autofree char *to = g_build_filename (folder, "to", NULL);
  g_autofree char *content = g_strnfill (MIB + 5, 's');
  g_autofree char *expected = sha256_of (content, MIB + 5);
  g_autofree char *sha256 = NULL;
  g_autofree char *copied = NULL;
  g_autofree char *found = NULL;
  g_autofree char *temporary = NULL;
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;
  const BottegaImportWatch watch = { 0 };
  gsize bytes;

  g_assert_true (g_file_set_contents (path, content, MIB + 5, NULL));
  g_test_message ("shared blocks: %d", bottega_model_import_can_share (path, to));
  found = list (to);
  g_assert_cmpstr (found, ==, "");
  temporary = bottega_model_import_copy (file, to, &watch, &sha256, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (sha256, ==, expected);
  g_assert_true (g_file_get_contents (temporary, &copied, &bytes, NULL));
  g_assert_cmpmem (copied, bytes, content, MIB + 5);
  bottega_model_import_sweep (to);
  g_assert_false (g_file_test (temporary, G_FILE_TEST_EXISTS));
  fixture_remove_folder (g_steal_pointer (&folder));
}

/* ---- what goes wrong ---- */

static void
test_cancel (void)
{
  Models models;
  Imported imported = { .cancellable = g_cancellable_new (), .cancel_at_bytes = 4 * MIB };
  g_autoptr (GCancellable) cancellable = imported.cancellable;
  gsize bytes = 64 * MIB;
  g_autofree char *path = NULL;
  g_autofree char *found = NULL;
  FILE *file;

  set_up (&models);
  path = write_file (&models, "big.gguf", "GGUF", 4);
  file = fopen (path, "r+");
  g_assert_cmpint (ftruncate (fileno (file), (off_t) bytes), ==, 0);
  fclose (file);
  g_assert_null (import (&models, path, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_error (imported.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (imported.last_bytes, <, bytes);
  g_clear_error (&imported.error);
  found = list (models.models);
  g_assert_cmpstr (found, ==, "");
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (models.store)), ==, 0);
  tear_down (&models);
}

/* The kernel stops the file at a size, as a disk that fills up does. */
static void
test_disk_ends (void)
{
  Models models;
  Imported imported = { 0 };
  struct rlimit old, small = { 6 * MIB, 6 * MIB };
  g_autofree char *content = g_strnfill (10 * MIB, 'm');
  g_autofree char *path = NULL;
  g_autofree char *found = NULL;

  set_up (&models);
  path = write_file (&models, "model.gguf", content, 10 * MIB);
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &old), ==, 0);
  small.rlim_max = old.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  import (&models, path, BOTTEGA_IMPORT_COPY, &imported);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
  /* On a file system with reflinks nothing is written. */
  if (imported.item == NULL) {
    g_assert_error (imported.error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_FAILED);
    g_clear_error (&imported.error);
    found = list (models.models);
    g_assert_cmpstr (found, ==, "");
  }
  tear_down (&models);
}

static void
test_no_space (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = fixture_make_folder ();
  g_autofree char *below = g_build_filename (folder, "not", "there", NULL);

  g_assert_true (bottega_model_import_check_space (folder, 1, &error));
  g_assert_cmpuint (bottega_model_import_free_bytes (below), >, 0);
  g_assert_cmpuint (bottega_model_import_free_bytes (below), <, G_MAXUINT64);
  g_assert_false (bottega_model_import_check_space (below, G_MAXINT64, &error));
  g_assert_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "EB"));
  fixture_remove_folder (g_steal_pointer (&folder));
}

/* ---- parts ---- */

static void
test_parts (void)
{
  Models models;
  Imported imported = { 0 };
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *third = NULL;
  g_autofree char *found = NULL;
  g_autofree char *again = NULL;
  g_autofree char *left = NULL;
  g_auto (GStrv) sums = NULL;
  g_autofree char *expected = sha256_of ("two", 3);
  g_autoptr (GError) error = NULL;

  set_up (&models);
  first = write_file (&models, "m-00001-of-00003.gguf", "one", 3);
  second = write_file (&models, "m-00002-of-00003.gguf", "two", 3);
  g_assert_null (import (&models, second, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_nonnull (strstr (imported.error->message, "m-00003-of-00003.gguf"));
  g_clear_error (&imported.error);
  found = list (models.models);
  g_assert_cmpstr (found, ==, "");

  third = write_file (&models, "m-00003-of-00003.gguf", "three", 5);
  g_assert_nonnull (import (&models, second, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_true (g_str_has_suffix (bottega_model_item_get_path (imported.item),
                                   "/models/m-00001-of-00003.gguf"));
  sums = g_strsplit (bottega_model_item_get_sha256 (imported.item), " ", -1);
  g_assert_cmpuint (g_strv_length (sums), ==, 3);
  g_assert_cmpstr (sums[1], ==, expected);
  again = list (models.models);
  g_assert_cmpstr (again, ==, "m-00001-of-00003.gguf m-00002-of-00003.gguf m-00003-of-00003.gguf");

  /* One item after another start, too; and all parts go. */
  close_store (&models);
  open_store (&models);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (models.store)), ==, 1);
  g_assert_true (bottega_model_store_remove (
      models.store, bottega_model_store_get_default (models.store), &error));
  left = list (models.models);
  g_assert_cmpstr (left, ==, "");
  tear_down (&models);
}

/* A name of one part is taken: all parts get the number. */
static void
test_parts_are_numbered_together (void)
{
  Models models;
  Imported imported = { 0 };
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *taken = NULL;
  g_autofree char *found = NULL;

  set_up (&models);
  g_mkdir (models.models, 0700);
  taken = g_build_filename (models.models, "m-00002-of-00002.gguf", NULL);
  g_assert_true (g_file_set_contents (taken, "mine", -1, NULL));
  first = write_file (&models, "m-00001-of-00002.gguf", "one", 3);
  second = write_file (&models, "m-00002-of-00002.gguf", "two", 3);
  g_assert_nonnull (import (&models, first, BOTTEGA_IMPORT_COPY, &imported));
  found = list (models.models);
  g_assert_cmpstr (found, ==,
                   "m-00002-of-00002.gguf m-2-00001-of-00002.gguf m-2-00002-of-00002.gguf");
  tear_down (&models);
}

/* ---- in place ---- */

static gboolean
is_gone (gpointer item)
{
  return bottega_model_item_get_state (item) == BOTTEGA_MODEL_BROKEN;
}

static gboolean
is_ready (gpointer item)
{
  return bottega_model_item_get_state (item) == BOTTEGA_MODEL_READY;
}

static void
test_in_place (void)
{
  Models models;
  Imported imported = { 0 };
  BottegaModelItem *item;
  g_autofree char *path = NULL;
  g_autofree char *away = NULL;
  g_autofree char *found = NULL;
  g_autofree char *expected = sha256_of ("content", 7);
  g_autoptr (GError) error = NULL;

  set_up (&models);
  path = write_file (&models, "mine [1].gguf", "content", 7);
  away = g_strconcat (path, ".away", NULL);
  g_assert_nonnull (import (&models, path, BOTTEGA_IMPORT_IN_PLACE, &imported));
  g_assert_true (bottega_model_item_get_in_place (imported.item));
  g_assert_cmpstr (bottega_model_item_get_path (imported.item), ==, path);
  g_assert_cmpstr (bottega_model_item_get_sha256 (imported.item), ==, expected);
  found = list (models.models);
  g_assert_cmpstr (found, ==, "");
  g_assert_null (import (&models, path, BOTTEGA_IMPORT_COPY, &imported));
  g_assert_error (imported.error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_EXISTS);
  g_clear_error (&imported.error);

  close_store (&models);
  open_store (&models);
  item = bottega_model_store_find (models.store, path);
  g_assert_true (bottega_model_item_get_in_place (item));
  g_assert_cmpint (bottega_model_item_get_state (item), ==, BOTTEGA_MODEL_READY);

  /* It goes, and comes back. */
  g_assert_cmpint (g_rename (path, away), ==, 0);
  bottega_model_store_refresh (models.store);
  fixture_wait (is_gone, item);
  g_assert_nonnull (strstr (bottega_model_item_get_error (item), path));
  g_assert_null (bottega_model_store_get_default (models.store));
  g_assert_cmpint (g_rename (away, path), ==, 0);
  bottega_model_store_refresh (models.store);
  fixture_wait (is_ready, item);
  g_assert_true (bottega_model_store_get_default (models.store) == item);

  g_assert_true (bottega_model_store_remove (models.store, item, &error));
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  close_store (&models);
  open_store (&models);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (models.store)), ==, 0);
  tear_down (&models);
}

/* ---- models that make vectors ---- */

static void
test_embedding_model (void)
{
  Models models;
  Imported imported = { 0 };
  g_autofree char *path = NULL;
  g_autofree char *expected = NULL;
  BottegaModelFacts e5 = { .embedding_size = 384 };

  set_up (&models);
  path = write_file (&models, "search.gguf", "vectors", 7);
  g_assert_nonnull (import (&models, path, BOTTEGA_IMPORT_COPY, &imported));
  expected = g_build_filename (models.models, "embed", "search.gguf", NULL);
  g_assert_cmpstr (bottega_model_item_get_path (imported.item), ==, expected);
  g_assert_true (bottega_model_item_get_searches (imported.item));
  g_assert_false (bottega_model_item_get_usable (imported.item));
  g_assert_null (bottega_model_store_get_default (models.store));
  close_store (&models);
  open_store (&models);
  g_assert_true (bottega_model_item_get_searches (
      bottega_model_store_find (models.store, expected)));

  e5.title = (char *) "Multilingual E5 Small";
  e5.architecture = (char *) "bert";
  g_assert_true (bottega_model_facts_fit_search (&e5));
  e5.embedding_size = 768;
  g_assert_false (bottega_model_facts_fit_search (&e5));
  tear_down (&models);
}

/* ---- looking ---- */

typedef struct {
  gboolean done;
  BottegaModelLook *look;
  GError *error;
} Looked;

static void
on_looked (GObject *store, GAsyncResult *result, gpointer data)
{
  Looked *looked = data;

  looked->look =
      bottega_model_store_look_finish (BOTTEGA_MODEL_STORE (store), result, &looked->error);
  looked->done = TRUE;
}

static void
look (Models *models, const char *path, Looked *looked)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);

  *looked = (Looked) { 0 };
  bottega_model_store_look_async (models->store, file, NULL, on_looked, looked);
  fixture_wait_flag (&looked->done);
}

static void
test_look (void)
{
  Models models;
  Imported imported = { 0 };
  Looked looked;
  g_autofree char *path = NULL;
  g_autofree char *broken = NULL;
  g_autofree char *found = NULL;

  set_up (&models);
  path = write_file (&models, "fine.gguf", "fine", 4);
  broken = write_file (&models, "broken.gguf", "broken", 6);
  look (&models, path, &looked);
  g_assert_no_error (looked.error);
  g_assert_cmpstr (looked.look->facts.architecture, ==, "replay");
  g_assert_cmpuint (looked.look->file_bytes, ==, 4);
  g_assert_cmpuint (looked.look->n_files, ==, 1);
  g_assert_true (looked.look->local);
  g_assert_null (looked.look->duplicate);
  g_assert_cmpuint (looked.look->free_bytes, >, 0);
  bottega_model_look_free (looked.look);
  found = list (models.models);
  g_assert_cmpstr (found, ==, "");

  look (&models, broken, &looked);
  g_assert_error (looked.error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
  g_clear_error (&looked.error);

  import (&models, path, BOTTEGA_IMPORT_COPY, &imported);
  look (&models, path, &looked);
  g_assert_cmpstr (looked.look->duplicate, ==, "fine.gguf");
  bottega_model_look_free (looked.look);
  tear_down (&models);
}

/* ---- what is remembered ---- */

static void
test_records (void)
{
  g_autofree char *folder = fixture_make_folder ();
  const char *path = "/home/me/a [b] #1.gguf";
  BottegaModelRecords *records = bottega_model_records_new (folder);
  const BottegaModelDefaults set = { TRUE, TRUE, 4096, 0.3, (char *) "Short.\nIn Italian.",
                                     (char *) "cpu", (char *) "q8_0", (char *) "/small.gguf" };
  g_auto (BottegaModelDefaults) got = { 0 };
  g_auto (GStrv) in_place = NULL;
  g_autofree char *file = g_build_filename (folder, "models.ini", NULL);
  g_autofree char *bad = g_build_filename (folder, "models.ini.bad", NULL);
  BottegaModelFigures figures;

  bottega_model_records_set_defaults (records, path, &set);
  bottega_model_records_set_in_place (records, path, TRUE);
  bottega_model_records_add_figures (records, path, "vulkan:0", 30, 0);
  bottega_model_records_add_figures (records, path, "vulkan:0", 40, 500);
  bottega_model_records_add_read_speed (records, "cpu", 2e9);
  bottega_model_records_add_read_speed (records, "cpu", 1e9);
  bottega_model_records_free (records);

  records = bottega_model_records_new (folder);
  bottega_model_records_get_defaults (records, path, &got);
  g_assert_true (got.has_context && got.has_temperature);
  g_assert_cmpuint (got.context_tokens, ==, 4096);
  g_assert_cmpfloat (got.temperature, ==, 0.3);
  g_assert_cmpstr (got.instructions, ==, set.instructions);
  g_assert_cmpstr (got.device, ==, "cpu");
  g_assert_cmpstr (got.kv_type, ==, "q8_0");
  g_assert_cmpstr (got.draft, ==, "/small.gguf");
  in_place = bottega_model_records_list_in_place (records);
  g_assert_cmpuint (g_strv_length (in_place), ==, 1);
  g_assert_cmpstr (in_place[0], ==, path);
  bottega_model_records_get_figures (records, path, "vulkan:0", &figures);
  g_assert_cmpuint (figures.n_answers, ==, 2);
  g_assert_cmpfloat (figures.decode_tok_s, ==, 35);
  g_assert_cmpfloat (figures.prefill_tok_s, ==, 500);
  bottega_model_records_get_figures (records, path, "cpu", &figures);
  g_assert_cmpfloat (figures.decode_tok_s, ==, 0);
  g_assert_cmpfloat (bottega_model_records_get_read_speed (records, "cpu"), ==, 2e9);

  /* Reset: none of them is set any more, the rest stays. */
  bottega_model_records_set_defaults (records, path, &(BottegaModelDefaults) { 0 });
  bottega_model_defaults_clear (&got);
  bottega_model_records_get_defaults (records, path, &got);
  g_assert_false (bottega_model_defaults_any (&got));
  bottega_model_records_get_figures (records, path, "vulkan:0", &figures);
  g_assert_cmpuint (figures.n_answers, ==, 2);
  bottega_model_records_free (records);

  /* A file that is no key file is set aside, not written over. */
  g_assert_true (g_file_set_contents (file, "\x01 nonsense", -1, NULL));
  g_test_expect_message ("bottega-model-records", G_LOG_LEVEL_WARNING, "*set aside*");
  records = bottega_model_records_new (folder);
  g_test_assert_expected_messages ();
  g_assert_true (g_file_test (bad, G_FILE_TEST_EXISTS));
  bottega_model_records_free (records);
  fixture_remove_folder (g_steal_pointer (&folder));
}

static gboolean
has_machine (gpointer store)
{
  return bottega_model_store_get_machine (store) != NULL;
}

/* A prediction until answers were measured; the model's own context is what counts. */
static void
test_here (void)
{
  Models models;
  Imported imported = { 0 };
  BottegaModelNeed need;
  g_autofree char *path = NULL;
  const BottegaModelDefaults own = { .has_context = TRUE, .context_tokens = 2048 };
  const EngineStats stats = { .plain_tokens = 100, .plain_tok_s = 7 };

  set_up (&models);
  path = write_file (&models, "fine.gguf", "fine fine fine fine ", 20);
  import (&models, path, BOTTEGA_IMPORT_COPY, &imported);
  g_assert_null (bottega_model_item_get_here (imported.item));
  bottega_model_store_measure (models.store);
  fixture_wait (has_machine, models.store);
  g_assert_cmpstr (bottega_model_item_get_here (imported.item), ==, "Fits: about 50 tok/s");

  bottega_model_store_get_need (models.store, imported.item, &need);
  g_assert_cmpuint (need.context_tokens, ==, 8192);
  bottega_model_store_set_defaults (models.store, bottega_model_item_get_path (imported.item),
                                    &own);
  bottega_model_store_get_need (models.store, imported.item, &need);
  g_assert_cmpuint (need.context_tokens, ==, 2048);
  g_assert_cmpuint (bottega_model_need_bytes (&need), ==,
                    20 + 2048 * 1024 + BOTTEGA_MODEL_SCRATCH_BYTES);

  bottega_model_store_add_answer (models.store, bottega_model_item_get_path (imported.item), "cpu",
                                  &stats);
  g_assert_cmpstr (bottega_model_item_get_here (imported.item), ==, "Fits: 7.0 tok/s, measured");
  tear_down (&models);
}

static void
test_words (void)
{
  const BottegaMachine machine = { .memory_bytes = 8000000000, .read_bytes_s = 1e10 };
  const BottegaModelNeed big = { .weights_bytes = 10000000000, .decode_bytes = 10000000000 };
  const BottegaModelFigures figures = { .prefill_tok_s = 250 };
  const BottegaMachine card = { .is_card = TRUE,
                                .memory_bytes = 8000000000,
                                .beside_bytes = 8000000000 };
  g_autofree char *here = bottega_model_text_here (&big, NULL, &machine);
  g_autofree char *on_card = bottega_model_text_here (&big, NULL, &card);
  g_autofree char *word = bottega_model_text_first_word (&figures);
  g_autofree char *some = bottega_model_text_languages ("en, it,xx", 2, 0);
  g_autofree char *all = bottega_model_text_languages ("en,it,xx", 0, 0);
  g_autofree char *billion = bottega_model_text_parameters (4022468096);
  g_autofree char *million = bottega_model_text_parameters (134515008);

  g_assert_cmpstr (here, ==, "Needs 3.3\302\240GB more memory than this computer has free");
  g_assert_cmpstr (on_card, ==, "Fits the graphics card in part, the rest stays on the processor");
  g_assert_true (bottega_model_need_fits (&big, &card));
  g_assert_cmpstr (word, ==, "About 2.0 s for a question of 500 tokens, as measured");
  g_assert_cmpstr (some, ==, "English, Italian and 1 more");
  g_assert_cmpstr (all, ==, "English, Italian, xx");
  g_assert_cmpstr (billion, ==, "4.0 billion");
  g_assert_cmpstr (million, ==, "135 million");
  g_assert_cmpstr (bottega_model_text_license ("Apache-2.0"), ==, "Apache 2.0");
  g_assert_cmpstr (bottega_model_text_license ("my-own"), ==, "my-own");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/model-import/names", test_names);
  g_test_add_func ("/app/model-import/checksum", test_checksum);
  g_test_add_func ("/app/model-import/nearly-the-same", test_nearly_the_same);
  g_test_add_func ("/app/model-import/shared-or-copied", test_shared_or_copied);
  g_test_add_func ("/app/model-import/cancel", test_cancel);
  g_test_add_func ("/app/model-import/disk-ends", test_disk_ends);
  g_test_add_func ("/app/model-import/no-space", test_no_space);
  g_test_add_func ("/app/model-import/parts", test_parts);
  g_test_add_func ("/app/model-import/parts-numbered", test_parts_are_numbered_together);
  g_test_add_func ("/app/model-import/in-place", test_in_place);
  g_test_add_func ("/app/model-import/embedding-model", test_embedding_model);
  g_test_add_func ("/app/model-import/look", test_look);
  g_test_add_func ("/app/model-import/records", test_records);
  g_test_add_func ("/app/model-import/here", test_here);
  g_test_add_func ("/app/model-import/words", test_words);
  return fixture_run_with_trash ();
}
