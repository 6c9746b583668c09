/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model store's other half: looking at files before they are brought in, and bringing them in.
 * Must not know the list but through bottega-model-store-private.h. */
#define G_LOG_DOMAIN "bottega-model-adding"
#include "config.h"

#include "app/assistant/bottega-model-files.h"
#include "app/assistant/bottega-model-import.h"
#include "app/assistant/bottega-model-store-private.h"
#include "app/retrieval/bottega-index-scan.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>

#define PROGRESS_US 100000

/* A model that is there already, as the worker may know it. */
typedef struct {
  char *path, *sha256; /* sha256 NULL: not known */
} Known;

typedef struct {
  BottegaModelStore *store; /* borrowed by the worker, owned through the task */
  BottegaEngineSource *source;
  GFile *file;
  char *own, *embed;
  GPtrArray *known; /* of Known */
  GCancellable *cancellable;
  BottegaImportHow how;
  GPtrArray *files;    /* of GFile: all parts */
  guint64 total_bytes; /* of all parts */
  /* What comes of it. */
  char *path, *sha256;
  BottegaModelFacts facts;
  BottegaModelLook *look;
  GError *error;
  gint64 reported_us;
  /* Main thread. */
  GTask *task;
  BottegaModelItem *item;
  BottegaImportProgress progress;
  gpointer progress_data;
} Import;

typedef struct {
  Import *import;
  guint64 done_bytes, total_bytes;
} Report;

static void
known_free (gpointer data)
{
  Known *known = data;

  g_free (known->path);
  g_free (known->sha256);
  g_free (known);
}

static void
import_free (gpointer data)
{
  Import *import = data;

  g_object_unref (import->file);
  g_free (import->own);
  g_free (import->embed);
  g_ptr_array_unref (import->known);
  g_clear_object (&import->cancellable);
  g_ptr_array_unref (import->files);
  g_free (import->path);
  g_free (import->sha256);
  bottega_model_facts_clear (&import->facts);
  g_clear_pointer (&import->look, bottega_model_look_free);
  g_clear_error (&import->error);
  g_clear_object (&import->task);
  g_clear_object (&import->item);
  g_free (import);
}

/* ---- progress ---- */

static void
report_done (gpointer data)
{
  const Report *report = data;
  const Import *import = report->import;
  double total_bytes = (double) MAX (report->total_bytes, 1);

  bottega_model_item_set_import_fraction (import->item, (double) report->done_bytes / total_bytes);
  if (import->progress != NULL)
    import->progress (report->done_bytes, report->total_bytes, import->progress_data);
}

/* The worker's thread. */
static void
on_import_progress (guint64 done_bytes, guint64 total_bytes, gpointer user_data)
{
  Import *import = user_data;
  gint64 now_us = g_get_monotonic_time ();
  Report *report;

  if (done_bytes < total_bytes && now_us - import->reported_us < PROGRESS_US)
    return;
  import->reported_us = now_us;
  report = g_new0 (Report, 1);
  *report = (Report) { import, done_bytes, total_bytes };
  bottega_worker_report (import->store->copier, report_done, report, g_free);
}

static BottegaImportWatch
watch (Import *import, guint64 before_bytes, gboolean loud)
{
  return (BottegaImportWatch) { loud ? on_import_progress : NULL, import, import->cancellable,
                                before_bytes, import->total_bytes };
}

/* ---- the worker's side ---- */

static gboolean
read_facts (Import *import, const char *path)
{
  return BOTTEGA_ENGINE_SOURCE_GET_IFACE (import->source)
      ->read_facts (import->source, path, &import->facts, &import->error);
}

/* All parts beside the file that was named, and their size. FALSE and a sentence: one is not
 * there. */
static gboolean
find_files (Import *import)
{
  const char *local = g_file_peek_path (import->file);
  g_autofree char *basename = g_file_get_basename (import->file);
  g_auto (GStrv) names = bottega_model_files_list (basename);
  g_autoptr (GFile) folder = g_file_get_parent (import->file);

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GFile) file = names[1] != NULL && folder != NULL
                                 ? g_file_get_child (folder, names[i])
                                 : g_object_ref (import->file);
    g_autoptr (GFileInfo) info =
        g_file_query_info (file, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_FILE_QUERY_INFO_NONE,
                           import->cancellable, &import->error);

    if (info == NULL && g_error_matches (import->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) &&
        names[1] != NULL) {
      g_clear_error (&import->error);
      g_set_error (&import->error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_FAILED,
                   /* Translators: the name of a file; then a number of files. */
                   _ ("“%s” is missing: this model is made of %u files. Put all of them into one "
                      "folder, then add any of them."),
                   names[i], g_strv_length (names));
    }
    if (info == NULL)
      return FALSE;
    import->total_bytes += (guint64) g_file_info_get_size (info);
    g_ptr_array_add (import->files, g_steal_pointer (&file));
  }

  return local == NULL || read_facts (import, g_file_peek_path (import->files->pdata[0]));
}

/* The checksums of the files of a model, parted by spaces. */
static char *
hash_files (Import *import, GPtrArray *files, gboolean loud)
{
  g_autoptr (GPtrArray) sums = g_ptr_array_new_with_free_func (g_free);
  guint64 before_bytes = 0;

  for (guint i = 0; i < files->len; i++) {
    BottegaImportWatch watching = watch (import, before_bytes, loud);
    const char *path = g_file_peek_path (files->pdata[i]);
    char *sum = bottega_model_import_hash (path, &watching, &import->error);
    GStatBuf status;

    if (sum == NULL)
      return NULL;
    g_ptr_array_add (sums, sum);
    if (g_stat (path, &status) == 0)
      before_bytes += (guint64) status.st_size;
  }
  g_ptr_array_add (sums, NULL);

  return g_strjoinv (" ", (char **) sums->pdata);
}

static char *
hash_known (Import *import, const Known *known)
{
  g_auto (GStrv) paths = bottega_model_files_list (known->path);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_object_unref);

  if (known->sha256 != NULL)
    return g_strdup (known->sha256);
  for (guint i = 0; paths[i] != NULL; i++)
    g_ptr_array_add (files, g_file_new_for_path (paths[i]));

  return hash_files (import, files, FALSE);
}

static gboolean
refuse_duplicate (Import *import, const char *path)
{
  g_set_error (&import->error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_EXISTS,
               _ ("This model is here already, as “%s”."), path);

  return TRUE;
}

/* TRUE, with error set: it is here already, or it could not be found out. path is its first file;
 * only what looks the same is read to its end. */
static gboolean
find_duplicate (Import *import, const char *path)
{
  for (guint i = 0; i < import->known->len; i++) {
    const Known *known = g_ptr_array_index (import->known, i);
    g_autofree char *sha256 = NULL;

    if (!bottega_model_import_same (path, known->path))
      continue;
    if (strcmp (path, known->path) == 0)
      return refuse_duplicate (import, known->path);
    sha256 = hash_known (import, known);
    if (sha256 != NULL && import->sha256 == NULL)
      import->sha256 = hash_files (import, import->files, FALSE);
    if (sha256 == NULL || import->sha256 == NULL)
      return TRUE;
    if (strcmp (sha256, import->sha256) == 0)
      return refuse_duplicate (import, known->path);
  }

  return FALSE;
}

static const char *
folder_of (Import *import)
{
  return import->facts.embedding_size > 0 ? import->embed : import->own;
}

static void
unlink_all (GPtrArray *paths)
{
  for (guint i = 0; i < paths->len; i++)
    if (paths->pdata[i] != NULL)
      g_unlink (paths->pdata[i]);
}

/* Copies every part. FALSE, with error set: what was copied has to go. */
static gboolean
copy_files (Import *import, const char *folder, GPtrArray *temporaries, GPtrArray *names)
{
  g_autoptr (GPtrArray) sums = g_ptr_array_new_with_free_func (g_free);
  guint64 before_bytes = 0;

  for (guint i = 0; i < import->files->len; i++) {
    BottegaImportWatch watching = watch (import, before_bytes, TRUE);
    GStatBuf status;
    char *sha256;
    char *temporary = bottega_model_import_copy (import->files->pdata[i], folder, &watching,
                                                 &sha256, &import->error);

    if (temporary == NULL)
      return FALSE;
    g_ptr_array_add (temporaries, temporary);
    g_ptr_array_add (names, g_file_get_basename (import->files->pdata[i]));
    g_ptr_array_add (sums, sha256);
    if (g_stat (temporary, &status) == 0)
      before_bytes += (guint64) status.st_size;
  }
  g_ptr_array_add (sums, NULL);
  g_free (import->sha256);
  import->sha256 = g_strjoinv (" ", (char **) sums->pdata);

  return TRUE;
}

/* What did not come from this computer is looked at only now. */
static gboolean
check_copied (Import *import, GPtrArray *temporaries)
{
  const char *first = g_ptr_array_index (temporaries, 0);

  if (g_file_peek_path (import->file) != NULL)
    return TRUE;
  if (!read_facts (import, first))
    return FALSE;
  for (guint i = 0; i < import->known->len; i++) {
    const Known *known = g_ptr_array_index (import->known, i);
    g_autofree char *sha256 = NULL;

    if (!bottega_model_import_same (first, known->path))
      continue;
    sha256 = hash_known (import, known);
    if (sha256 == NULL)
      return FALSE;
    if (strcmp (sha256, import->sha256) == 0)
      return !refuse_duplicate (import, known->path);
  }

  return TRUE;
}

static void
copy_in (Import *import)
{
  const char *folder = folder_of (import);
  g_autoptr (GPtrArray) temporaries = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  if (copy_files (import, folder, temporaries, names) && check_copied (import, temporaries)) {
    g_ptr_array_add (temporaries, NULL);
    g_ptr_array_add (names, NULL);
    import->path = bottega_model_import_keep ((const char *const *) temporaries->pdata,
                                              folder_of (import),
                                              (const char *const *) names->pdata, &import->error);
  }
  if (import->path == NULL)
    unlink_all (temporaries);
}

static void
import_run (gpointer data)
{
  Import *import = data;
  const char *local = g_file_peek_path (import->file);

  /* A local file is looked at before it is copied, another one after. */
  if (!find_files (import) ||
      (local != NULL && find_duplicate (import, g_file_peek_path (import->files->pdata[0]))))
    return;
  if (import->how == BOTTEGA_IMPORT_COPY) {
    copy_in (import);
    return;
  }
  g_clear_pointer (&import->sha256, g_free);
  import->sha256 = hash_files (import, import->files, TRUE);
  if (import->sha256 != NULL)
    import->path = g_file_get_path (import->files->pdata[0]);
}

/* ---- the main thread's side ---- */

static void
import_done (gpointer data)
{
  Import *import = data;
  BottegaModelStore *self = import->store;
  BottegaModelItem *item = import->item;

  bottega_model_store_take_out (self, item);
  if (import->path == NULL) {
    g_task_return_error (import->task, g_steal_pointer (&import->error));
    return;
  }
  if (import->how == BOTTEGA_IMPORT_IN_PLACE)
    bottega_model_records_set_in_place (self->records, import->path, TRUE);
  bottega_model_records_set_sha256 (self->records, import->path, import->facts.file_bytes,
                                    import->sha256);
  bottega_model_item_set_path (item, import->path);
  bottega_model_item_set_in_place (item, import->how == BOTTEGA_IMPORT_IN_PLACE);
  bottega_model_item_set_facts (item, &import->facts, NULL);
  bottega_model_item_set_sha256 (item, import->sha256);
  bottega_model_store_update_here (self, item);
  bottega_model_store_insert (self, item);
  bottega_model_store_update_default (self);
  g_task_return_pointer (import->task, item, NULL);
}

static Import *
import_new (BottegaModelStore *self, GFile *file, GCancellable *cancellable)
{
  Import *import = g_new0 (Import, 1);

  import->store = self;
  import->source = self->source;
  import->file = g_object_ref (file);
  import->own = g_strdup (self->own);
  import->embed = g_strdup (self->embed);
  import->files = g_ptr_array_new_with_free_func (g_object_unref);
  import->known = g_ptr_array_new_with_free_func (known_free);
  import->cancellable = cancellable != NULL ? g_object_ref (cancellable) : g_cancellable_new ();
  for (guint i = 0; i < self->items->len; i++) {
    BottegaModelItem *item = g_ptr_array_index (self->items, i);
    Known *known;

    if (bottega_model_item_get_state (item) != BOTTEGA_MODEL_READY)
      continue;
    known = g_new0 (Known, 1);
    known->path = g_strdup (bottega_model_item_get_path (item));
    known->sha256 = g_strdup (bottega_model_item_get_sha256 (item));
    g_ptr_array_add (import->known, known);
  }

  return import;
}

void
bottega_model_store_import_async (BottegaModelStore *self,
                                  GFile *file,
                                  BottegaImportHow how,
                                  BottegaImportProgress progress,
                                  gpointer progress_data,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  Import *import;
  g_autofree char *basename = NULL;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (G_IS_FILE (file));
  g_return_if_fail (how == BOTTEGA_IMPORT_COPY || g_file_peek_path (file) != NULL);

  import = import_new (self, file, cancellable);
  import->how = how;
  import->task = g_task_new (self, import->cancellable, callback, user_data);
  g_task_set_source_tag (import->task, bottega_model_store_import_async);
  /* What arrived is kept, also when the cancel came too late. */
  g_task_set_check_cancellable (import->task, FALSE);
  import->progress = progress;
  import->progress_data = progress_data;
  basename = g_file_get_basename (file);
  import->item = bottega_model_item_new (basename, BOTTEGA_MODEL_IMPORTING, TRUE);
  g_object_set_data_full (G_OBJECT (import->item), "cancellable",
                          g_object_ref (import->cancellable), g_object_unref);
  bottega_model_store_insert (self, import->item);
  bottega_worker_push (self->copier, import_run, import_done, import, import_free);
}

BottegaModelItem *
bottega_model_store_import_finish (BottegaModelStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
bottega_model_store_cancel_import (BottegaModelStore *self, BottegaModelItem *item)
{
  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (BOTTEGA_IS_MODEL_ITEM (item));

  if (bottega_model_item_get_state (item) == BOTTEGA_MODEL_IMPORTING)
    g_cancellable_cancel (g_object_get_data (G_OBJECT (item), "cancellable"));
}

/* ---- looking ---- */

void
bottega_model_look_free (BottegaModelLook *look)
{
  bottega_model_facts_clear (&look->facts);
  g_free (look->duplicate);
  g_free (look);
}

/* Samples alone are compared here: the checksum has the last word when it is imported. */
static char *
find_likeness (Import *import, const char *path)
{
  for (guint i = 0; i < import->known->len; i++) {
    const Known *known = g_ptr_array_index (import->known, i);

    if (bottega_model_import_same (path, known->path))
      return g_path_get_basename (known->path);
  }

  return NULL;
}

static BottegaModelLook *
look_at (Import *import)
{
  BottegaModelLook *look = g_new0 (BottegaModelLook, 1);
  const char *first = g_file_peek_path (import->files->pdata[0]);

  look->n_files = import->files->len;
  look->file_bytes = import->total_bytes;
  look->local = first != NULL;
  look->facts = import->facts;
  import->facts = (BottegaModelFacts) { 0 };
  look->free_bytes = bottega_model_import_free_bytes (import->own);
  if (first != NULL) {
    look->handed = bottega_scan_is_handed (first);
    look->shares = bottega_model_import_can_share (first, import->own);
    look->duplicate = find_likeness (import, first);
  }

  return look;
}

static void
look_run (gpointer data)
{
  Import *import = data;

  if (find_files (import))
    import->look = look_at (import);
}

static void
look_done (gpointer data)
{
  Import *import = data;

  if (import->look != NULL)
    g_task_return_pointer (import->task, g_steal_pointer (&import->look),
                           (GDestroyNotify) bottega_model_look_free);
  else
    g_task_return_error (import->task, g_steal_pointer (&import->error));
}

void
bottega_model_store_look_async (BottegaModelStore *self,
                                GFile *file,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  Import *import;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (G_IS_FILE (file));

  import = import_new (self, file, cancellable);
  import->task = g_task_new (self, import->cancellable, callback, user_data);
  g_task_set_source_tag (import->task, bottega_model_store_look_async);
  bottega_worker_push (self->worker, look_run, look_done, import, import_free);
}

BottegaModelLook *
bottega_model_store_look_finish (BottegaModelStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
