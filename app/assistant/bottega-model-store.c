/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of model files: found and looked at on a worker, imported, removed, one of them the
 * default. It must not load a model; that is for the engine thread. */
#define G_LOG_DOMAIN "bottega-model-store"
#include "config.h"

#include "app/assistant/bottega-model-import.h"
#include "app/assistant/bottega-model-item-private.h"
#include "app/assistant/bottega-model-store.h"
#include "app/retrieval/bottega-worker.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

/* What a model takes beside its file and its conversation: working memory of the engine. */
#define SCRATCH_BYTES (128 * 1024 * 1024)
#define PROGRESS_US   100000

struct _BottegaModelStore {
  GObject parent_instance;

  GPtrArray *items; /* of BottegaModelItem, by name */
  GStrv folders;    /* the person's own first */
  BottegaEngineSource *source;
  BottegaSettings *settings;
  BottegaWorker *worker;
  guint n_checking; /* files that are being looked at, and scans */
  gboolean loaded;
};

enum {
  PROP_0,
  PROP_LOADED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void list_model_iface_init (GListModelInterface *iface);

G_DEFINE_QUARK (bottega-model-store-error-quark, bottega_model_store_error)
G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaModelStore, bottega_model_store, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_iface_init))

/* ---- GListModel ---- */

static GType
store_get_item_type (GListModel *model)
{
  return BOTTEGA_TYPE_MODEL_ITEM;
}

static guint
store_get_n_items (GListModel *model)
{
  return BOTTEGA_MODEL_STORE (model)->items->len;
}

static gpointer
store_get_item (GListModel *model, guint position)
{
  BottegaModelStore *self = BOTTEGA_MODEL_STORE (model);

  if (position >= self->items->len)
    return NULL;

  return g_object_ref (g_ptr_array_index (self->items, position));
}

static void
list_model_iface_init (GListModelInterface *iface)
{
  iface->get_item_type = store_get_item_type;
  iface->get_n_items = store_get_n_items;
  iface->get_item = store_get_item;
}

/* ---- GObject ---- */

static void
bottega_model_store_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id) {
  case PROP_LOADED:
    g_value_set_boolean (value, BOTTEGA_MODEL_STORE (object)->loaded);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_model_store_dispose (GObject *object)
{
  g_clear_pointer (&BOTTEGA_MODEL_STORE (object)->worker, bottega_worker_free);

  G_OBJECT_CLASS (bottega_model_store_parent_class)->dispose (object);
}

static void
bottega_model_store_finalize (GObject *object)
{
  BottegaModelStore *self = BOTTEGA_MODEL_STORE (object);

  g_ptr_array_unref (self->items);
  g_strfreev (self->folders);
  g_clear_object (&self->source);
  g_clear_object (&self->settings);

  G_OBJECT_CLASS (bottega_model_store_parent_class)->finalize (object);
}

static void
bottega_model_store_class_init (BottegaModelStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = bottega_model_store_dispose;
  object_class->finalize = bottega_model_store_finalize;
  object_class->get_property = bottega_model_store_get_property;
  properties[PROP_LOADED] =
      g_param_spec_boolean ("loaded", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
bottega_model_store_init (BottegaModelStore *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
}

/* ---- the list ---- */

static void
insert (BottegaModelStore *self, BottegaModelItem *item)
{
  guint position = 0;

  while (position < self->items->len &&
         g_utf8_collate (bottega_model_item_get_name (g_ptr_array_index (self->items, position)),
                         bottega_model_item_get_name (item)) <= 0)
    position++;
  g_ptr_array_insert (self->items, (int) position, g_object_ref (item));
  g_list_model_items_changed (G_LIST_MODEL (self), position, 0, 1);
}

static void
take_out (BottegaModelStore *self, BottegaModelItem *item)
{
  guint position;

  if (!g_ptr_array_find (self->items, item, &position))
    return;
  g_ptr_array_remove_index (self->items, position);
  g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 0);
}

static void
update_default (BottegaModelStore *self)
{
  BottegaModelItem *chosen = bottega_model_store_get_default (self);

  for (guint i = 0; i < self->items->len; i++) {
    BottegaModelItem *item = g_ptr_array_index (self->items, i);

    bottega_model_item_set_is_default (item, item == chosen);
  }
}

/* One thing less to wait for. */
static void
checked (BottegaModelStore *self)
{
  self->n_checking--;
  update_default (self);
  if (self->n_checking == 0 && !self->loaded) {
    self->loaded = TRUE;
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOADED]);
  }
}

/* ---- looking at files ---- */

typedef struct {
  BottegaModelStore *store; /* borrowed: the worker ends before it */
  BottegaEngineSource *source;
  BottegaModelItem *item; /* owned; main thread */
  char *path;
  BottegaModelFacts facts;
  GError *error;
} Check;

static void
check_free (gpointer data)
{
  Check *check = data;

  g_object_unref (check->item);
  g_free (check->path);
  bottega_model_facts_clear (&check->facts);
  g_clear_error (&check->error);
  g_free (check);
}

static void
check_run (gpointer data)
{
  Check *check = data;

  BOTTEGA_ENGINE_SOURCE_GET_IFACE (check->source)
      ->read_facts (check->source, check->path, &check->facts, &check->error);
}

static void
check_done (gpointer data)
{
  Check *check = data;
  BottegaModelStore *self = check->store;
  gboolean listed = g_ptr_array_find (self->items, check->item, NULL);

  /* Its name, and so its place, is known only now. */
  if (listed)
    take_out (self, check->item);
  bottega_model_item_set_facts (check->item, &check->facts,
                                check->error != NULL ? check->error->message : NULL);
  if (listed)
    insert (self, check->item);
  checked (self);
}

static void
check_item (BottegaModelStore *self, BottegaModelItem *item)
{
  Check *check = g_new0 (Check, 1);

  check->store = self;
  check->source = self->source;
  check->item = g_object_ref (item);
  check->path = g_strdup (bottega_model_item_get_path (item));
  self->n_checking++;
  bottega_worker_push (self->worker, check_run, check_done, check, check_free);
}

typedef struct {
  BottegaModelStore *store; /* borrowed */
  char **folders;           /* borrowed, never changes */
  GPtrArray *paths;
} Scan;

static void
scan_free (gpointer data)
{
  g_ptr_array_unref (((Scan *) data)->paths);
  g_free (data);
}

static void
scan_run (gpointer data)
{
  Scan *scan = data;

  for (guint i = 0; scan->folders[i] != NULL; i++) {
    g_autoptr (GDir) dir = g_dir_open (scan->folders[i], 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
      if (name[0] != '.' && g_str_has_suffix (name, ".gguf"))
        g_ptr_array_add (scan->paths, g_build_filename (scan->folders[i], name, NULL));
  }
}

static void
scan_done (gpointer data)
{
  Scan *scan = data;
  BottegaModelStore *self = scan->store;

  for (guint i = self->items->len; i > 0; i--) {
    BottegaModelItem *item = g_ptr_array_index (self->items, i - 1);

    if (bottega_model_item_get_state (item) != BOTTEGA_MODEL_IMPORTING &&
        !g_ptr_array_find_with_equal_func (scan->paths, bottega_model_item_get_path (item),
                                           g_str_equal,
                                           NULL))
      take_out (self, item);
  }
  for (guint i = 0; i < scan->paths->len; i++) {
    const char *path = g_ptr_array_index (scan->paths, i);
    g_autofree char *folder = g_path_get_dirname (path);
    g_autoptr (BottegaModelItem) item = NULL;

    if (bottega_model_store_find (self, path) != NULL)
      continue;
    item = bottega_model_item_new (path, BOTTEGA_MODEL_CHECKING,
                                   strcmp (folder, self->folders[0]) == 0);
    insert (self, item);
    check_item (self, item);
  }
  checked (self);
}

void
bottega_model_store_refresh (BottegaModelStore *self)
{
  Scan *scan;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));

  scan = g_new0 (Scan, 1);
  scan->store = self;
  scan->folders = self->folders;
  scan->paths = g_ptr_array_new_with_free_func (g_free);
  self->n_checking++;
  bottega_worker_push (self->worker, scan_run, scan_done, scan, scan_free);
}

static void
sweep_run (gpointer folder)
{
  bottega_model_import_sweep (folder);
}

BottegaModelStore *
bottega_model_store_new (const char *data_dir, BottegaEngineSource *source,
                         BottegaSettings *settings)
{
  BottegaModelStore *self = g_object_new (BOTTEGA_TYPE_MODEL_STORE, NULL);
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();
  const char *const *system = g_get_system_data_dirs ();

  g_strv_builder_take (folders, g_build_filename (data_dir, "models", NULL));
  for (guint i = 0; system[i] != NULL; i++)
    g_strv_builder_take (folders, g_build_filename (system[i], "bottega", "models", NULL));
  self->folders = g_strv_builder_end (folders);
  self->source = g_object_ref (source);
  self->settings = g_object_ref (settings);
  g_signal_connect_object (settings, "notify::default-model", G_CALLBACK (update_default), self,
                           G_CONNECT_SWAPPED);

  self->worker = bottega_worker_new ("models");
  bottega_worker_push (self->worker, sweep_run, NULL, g_strdup (self->folders[0]), g_free);
  bottega_model_store_refresh (self);

  return self;
}

gboolean
bottega_model_store_get_loaded (BottegaModelStore *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), FALSE);

  return self->loaded;
}

/* ---- importing ---- */

typedef struct {
  BottegaModelStore *store; /* borrowed by the worker, owned through the task */
  BottegaEngineSource *source;
  GFile *file;
  char *folder, *basename;
  GPtrArray *known; /* of char *: sound files that are there already */
  GCancellable *cancellable;
  /* What comes of it. */
  char *path, *duplicate;
  BottegaModelFacts facts;
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
import_free (gpointer data)
{
  Import *import = data;

  g_object_unref (import->file);
  g_free (import->folder);
  g_free (import->basename);
  g_ptr_array_unref (import->known);
  g_clear_object (&import->cancellable);
  g_free (import->path);
  g_free (import->duplicate);
  bottega_model_facts_clear (&import->facts);
  g_clear_error (&import->error);
  g_clear_object (&import->task);
  g_clear_object (&import->item);
  g_free (import);
}

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
  bottega_worker_report (import->store->worker, report_done, report, g_free);
}

static gboolean
read_import_facts (Import *import, const char *path)
{
  return BOTTEGA_ENGINE_SOURCE_GET_IFACE (import->source)
      ->read_facts (import->source, path, &import->facts, &import->error);
}

static gboolean
find_duplicate (Import *import, const char *path)
{
  for (guint i = 0; i < import->known->len; i++) {
    const char *known = g_ptr_array_index (import->known, i);

    if (!bottega_model_import_same (path, known))
      continue;
    import->duplicate = g_strdup (known);
    g_set_error (&import->error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_EXISTS,
                 _ ("This model is here already, as “%s”."), known);
    return TRUE;
  }

  return FALSE;
}

/* A local file is looked at before it is copied, another one after. */
static void
import_run (gpointer data)
{
  Import *import = data;
  const char *local = g_file_peek_path (import->file);
  g_autofree char *temporary = NULL;

  if (local != NULL && (!read_import_facts (import, local) || find_duplicate (import, local)))
    return;
  temporary = bottega_model_import_copy (import->file, import->folder, on_import_progress, import,
                                         import->cancellable, &import->error);
  if (temporary == NULL)
    return;
  if (local != NULL ||
      (read_import_facts (import, temporary) && !find_duplicate (import, temporary)))
    import->path =
        bottega_model_import_keep (temporary, import->folder, import->basename, &import->error);
  if (import->path == NULL)
    g_unlink (temporary);
}

static void
import_done (gpointer data)
{
  Import *import = data;
  BottegaModelStore *self = import->store;

  take_out (self, import->item);
  if (import->path != NULL) {
    bottega_model_item_set_path (import->item, import->path);
    bottega_model_item_set_facts (import->item, &import->facts, NULL);
    insert (self, import->item);
    update_default (self);
    g_task_return_pointer (import->task, import->item, NULL);
  } else
    g_task_return_error (import->task, g_steal_pointer (&import->error));
}

void
bottega_model_store_import_async (BottegaModelStore *self,
                                  GFile *file,
                                  BottegaImportProgress progress,
                                  gpointer progress_data,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  Import *import;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (G_IS_FILE (file));

  import = g_new0 (Import, 1);
  import->store = self;
  import->source = self->source;
  import->file = g_object_ref (file);
  import->folder = g_strdup (self->folders[0]);
  import->basename = g_file_get_basename (file);
  import->known = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < self->items->len; i++) {
    BottegaModelItem *item = g_ptr_array_index (self->items, i);

    if (bottega_model_item_get_state (item) == BOTTEGA_MODEL_READY)
      g_ptr_array_add (import->known, g_strdup (bottega_model_item_get_path (item)));
  }
  import->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  import->task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (import->task, bottega_model_store_import_async);
  /* What arrived is kept, also when the cancel came too late. */
  g_task_set_check_cancellable (import->task, FALSE);
  import->progress = progress;
  import->progress_data = progress_data;
  import->item = bottega_model_item_new (import->basename, BOTTEGA_MODEL_IMPORTING, TRUE);
  insert (self, import->item);
  bottega_worker_push (self->worker, import_run, import_done, import, import_free);
}

BottegaModelItem *
bottega_model_store_import_finish (BottegaModelStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- the rest ---- */

gboolean
bottega_model_store_remove (BottegaModelStore *self, BottegaModelItem *item, GError **error)
{
  const char *path;

  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (item), FALSE);

  path = bottega_model_item_get_path (item);
  if (!bottega_model_item_get_removable (item)) {
    g_set_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_READ_ONLY,
                 _ ("“%s” belongs to the system; only its package can remove it."), path);
    return FALSE;
  }
  if (g_unlink (path) != 0 && errno != ENOENT) {
    g_set_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_FAILED,
                 _ ("“%s” could not be removed: %s."), path, g_strerror (errno));
    return FALSE;
  }
  take_out (self, item);
  update_default (self);

  return TRUE;
}

BottegaModelItem *
bottega_model_store_find (BottegaModelStore *self, const char *path_or_name)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), NULL);
  g_return_val_if_fail (path_or_name != NULL, NULL);

  for (guint i = 0; i < self->items->len; i++) {
    BottegaModelItem *item = g_ptr_array_index (self->items, i);

    if (strcmp (bottega_model_item_get_path (item), path_or_name) == 0 ||
        strcmp (bottega_model_item_get_name (item), path_or_name) == 0)
      return item;
  }

  return NULL;
}

BottegaModelItem *
bottega_model_store_get_default (BottegaModelStore *self)
{
  const char *wanted;
  BottegaModelItem *first = NULL;

  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), NULL);

  wanted = bottega_settings_get_default_model (self->settings);
  for (guint i = 0; i < self->items->len; i++) {
    BottegaModelItem *item = g_ptr_array_index (self->items, i);

    if (bottega_model_item_get_state (item) != BOTTEGA_MODEL_READY)
      continue;
    if (strcmp (bottega_model_item_get_path (item), wanted) == 0)
      return item;
    if (first == NULL)
      first = item;
  }

  return first;
}

void
bottega_model_store_set_default (BottegaModelStore *self, BottegaModelItem *item)
{
  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (BOTTEGA_IS_MODEL_ITEM (item));

  bottega_settings_set_default_model (self->settings, bottega_model_item_get_path (item));
  update_default (self);
}

/* Memory that programs can still get, in bytes; G_MAXUINT64 when the kernel does not say. */
static guint64
available_bytes (void)
{
  g_autofree char *text = NULL;
  const char *line;
  guint64 kib;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
    return G_MAXUINT64;
  line = strstr (text, "MemAvailable:");
  if (line == NULL || sscanf (line, "MemAvailable: %" G_GUINT64_FORMAT, &kib) != 1)
    return G_MAXUINT64;

  return kib * 1024;
}

gboolean
bottega_model_store_will_fit (BottegaModelStore *self,
                              BottegaModelItem *item,
                              guint context_tokens,
                              GError **error)
{
  guint64 needed_bytes, free_bytes = available_bytes ();
  g_autofree char *needed = NULL;
  g_autofree char *available = NULL;

  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (item), FALSE);

  needed_bytes = bottega_model_item_get_needed_bytes (item, context_tokens) + SCRATCH_BYTES;
  if (needed_bytes <= free_bytes)
    return TRUE;
  needed = g_format_size (needed_bytes);
  available = g_format_size (free_bytes);
  g_set_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_NO_MEMORY,
               /* Translators: a model's name, then two sizes. */
               _ ("“%s” needs about %s of memory and %s are free. Choose a shorter context or a "
                  "smaller model, or close other programs."),
               bottega_model_item_get_name (item), needed, available);

  return FALSE;
}
