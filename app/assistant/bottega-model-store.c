/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of model files: found and looked at on a worker, removed, one of them the default; what
 * each needs on this computer. It must not load a model; that is for the engine thread. */
#define G_LOG_DOMAIN "bottega-model-store"
#include "config.h"

#include "app/assistant/bottega-model-files.h"
#include "app/assistant/bottega-model-import.h"
#include "app/assistant/bottega-model-store-private.h"
#include "app/assistant/bottega-model-text.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

enum {
  PROP_0,
  PROP_LOADED,
  PROP_MACHINE,
  N_PROPS
};

enum {
  SIGNAL_DEFAULTS_CHANGED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

/* Fewer tokens than these say little about a speed. */
#define LEAST_WRITTEN 16
#define LEAST_READ    64

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
  case PROP_MACHINE:
    g_value_set_pointer (value, &BOTTEGA_MODEL_STORE (object)->machine);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_model_store_dispose (GObject *object)
{
  BottegaModelStore *self = BOTTEGA_MODEL_STORE (object);

  /* Nobody waits for a copy at the end; it leaves nothing behind. */
  for (guint i = 0; i < self->items->len; i++)
    bottega_model_store_cancel_import (self, g_ptr_array_index (self->items, i));
  g_clear_pointer (&self->copier, bottega_worker_free);
  g_clear_pointer (&self->worker, bottega_worker_free);
  g_clear_pointer (&self->records, bottega_model_records_free);

  G_OBJECT_CLASS (bottega_model_store_parent_class)->dispose (object);
}

static void
bottega_model_store_finalize (GObject *object)
{
  BottegaModelStore *self = BOTTEGA_MODEL_STORE (object);

  g_ptr_array_unref (self->items);
  g_strfreev (self->folders);
  g_free (self->own);
  g_free (self->embed);
  bottega_machine_clear (&self->machine);
  g_clear_object (&self->source);
  g_clear_object (&self->settings);

  G_OBJECT_CLASS (bottega_model_store_parent_class)->finalize (object);
}

static void
bottega_model_store_class_init (BottegaModelStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->dispose = bottega_model_store_dispose;
  object_class->finalize = bottega_model_store_finalize;
  object_class->get_property = bottega_model_store_get_property;
  properties[PROP_LOADED] = g_param_spec_boolean ("loaded", NULL, NULL, FALSE, flags);
  properties[PROP_MACHINE] = g_param_spec_pointer ("machine", NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  signals[SIGNAL_DEFAULTS_CHANGED] =
      g_signal_new ("defaults-changed", BOTTEGA_TYPE_MODEL_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
bottega_model_store_init (BottegaModelStore *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
}

/* ---- the list ---- */

void
bottega_model_store_insert (BottegaModelStore *self, BottegaModelItem *item)
{
  guint position = 0;

  while (position < self->items->len &&
         g_utf8_collate (bottega_model_item_get_name (g_ptr_array_index (self->items, position)),
                         bottega_model_item_get_name (item)) <= 0)
    position++;
  g_ptr_array_insert (self->items, (int) position, g_object_ref (item));
  g_list_model_items_changed (G_LIST_MODEL (self), position, 0, 1);
}

void
bottega_model_store_take_out (BottegaModelStore *self, BottegaModelItem *item)
{
  guint position;

  if (!g_ptr_array_find (self->items, item, &position))
    return;
  g_ptr_array_remove_index (self->items, position);
  g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 0);
}

void
bottega_model_store_update_default (BottegaModelStore *self)
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
  bottega_model_store_update_default (self);
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
  gboolean gone;
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

  check->gone = !g_file_test (check->path, G_FILE_TEST_EXISTS);
  if (!check->gone)
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (check->source)
        ->read_facts (check->source, check->path, &check->facts, &check->error);
}

/* What is remembered of a file that was looked at. */
static void
know (BottegaModelStore *self, BottegaModelItem *item)
{
  g_autofree char *sha256 = bottega_model_records_get_sha256 (
      self->records, bottega_model_item_get_path (item), bottega_model_item_get_size_bytes (item));

  bottega_model_item_set_sha256 (item, sha256);
  bottega_model_store_update_here (self, item);
}

static void
check_done (gpointer data)
{
  Check *check = data;
  BottegaModelStore *self = check->store;
  gboolean listed = g_ptr_array_find (self->items, check->item, NULL);

  /* Its name, and so its place, is known only now. */
  if (listed)
    bottega_model_store_take_out (self, check->item);
  if (check->gone)
    bottega_model_item_set_gone (check->item);
  else
    bottega_model_item_set_facts (check->item, &check->facts,
                                  check->error != NULL ? check->error->message : NULL);
  know (self, check->item);
  if (listed)
    bottega_model_store_insert (self, check->item);
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
  GStrv in_place;
  GPtrArray *paths, *gone; /* found; used in place and not there */
} Scan;

static void
scan_free (gpointer data)
{
  Scan *scan = data;

  g_strfreev (scan->in_place);
  g_ptr_array_unref (scan->paths);
  g_ptr_array_unref (scan->gone);
  g_free (scan);
}

/* Of the parts of a model the first stands for all. */
static gboolean
is_model_name (const char *name)
{
  guint part, n_parts;

  if (name[0] == '.' || !g_str_has_suffix (name, ".gguf"))
    return FALSE;
  bottega_model_files_part (name, &part, &n_parts);

  return part == 1;
}

static void
scan_run (gpointer data)
{
  Scan *scan = data;

  for (guint i = 0; scan->folders[i] != NULL; i++) {
    g_autoptr (GDir) dir = g_dir_open (scan->folders[i], 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
      if (is_model_name (name))
        g_ptr_array_add (scan->paths, g_build_filename (scan->folders[i], name, NULL));
  }
  for (guint i = 0; scan->in_place[i] != NULL; i++)
    g_ptr_array_add (g_file_test (scan->in_place[i], G_FILE_TEST_EXISTS) ? scan->paths : scan->gone,
                     g_strdup (scan->in_place[i]));
}

static gboolean
holds (GPtrArray *paths, const char *path)
{
  return g_ptr_array_find_with_equal_func (paths, path, g_str_equal, NULL);
}

/* A file came back, or went. */
static void
look_again (BottegaModelStore *self, Scan *scan, BottegaModelItem *item)
{
  const char *path = bottega_model_item_get_path (item);
  gboolean gone = bottega_model_item_get_state (item) == BOTTEGA_MODEL_BROKEN &&
                  bottega_model_item_get_in_place (item);

  if (holds (scan->gone, path)) {
    bottega_model_item_set_gone (item);
    bottega_model_store_update_here (self, item);
  } else if (gone && holds (scan->paths, path))
    check_item (self, item);
}

static void
add_found (BottegaModelStore *self, Scan *scan, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  gboolean in_place = g_strv_contains ((const char *const *) scan->in_place, path);
  gboolean own = strcmp (folder, self->own) == 0 || strcmp (folder, self->embed) == 0;
  g_autoptr (BottegaModelItem) item = NULL;

  if (bottega_model_store_find (self, path) != NULL)
    return;
  item = bottega_model_item_new (path, BOTTEGA_MODEL_CHECKING, own || in_place);
  bottega_model_item_set_in_place (item, in_place);
  bottega_model_store_insert (self, item);
  check_item (self, item);
}

static void
scan_done (gpointer data)
{
  Scan *scan = data;
  BottegaModelStore *self = scan->store;

  for (guint i = self->items->len; i > 0; i--) {
    g_autoptr (BottegaModelItem) item = g_object_ref (g_ptr_array_index (self->items, i - 1));
    const char *path = bottega_model_item_get_path (item);

    if (holds (scan->paths, path) || holds (scan->gone, path))
      look_again (self, scan, item);
    else if (bottega_model_item_get_state (item) != BOTTEGA_MODEL_IMPORTING)
      bottega_model_store_take_out (self, item);
  }
  for (guint i = 0; i < scan->paths->len; i++)
    add_found (self, scan, g_ptr_array_index (scan->paths, i));
  for (guint i = 0; i < scan->gone->len; i++)
    add_found (self, scan, g_ptr_array_index (scan->gone, i));
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
  scan->in_place = bottega_model_records_list_in_place (self->records);
  scan->paths = g_ptr_array_new_with_free_func (g_free);
  scan->gone = g_ptr_array_new_with_free_func (g_free);
  self->n_checking++;
  bottega_worker_push (self->worker, scan_run, scan_done, scan, scan_free);
}

static void
sweep_run (gpointer folder)
{
  bottega_model_import_sweep (folder);
}

/* Of models that answer, then of those that search. */
static GStrv
list_folders (BottegaModelStore *self)
{
  g_auto (GStrv) writing = bottega_model_files_folders (self->own, NULL);
  g_auto (GStrv) searching = bottega_model_files_folders (self->own, "embed");
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();

  for (guint i = 0; writing[i] != NULL; i++)
    g_strv_builder_add_many (folders, writing[i], searching[i], NULL);

  return g_strv_builder_end (folders);
}

BottegaModelStore *
bottega_model_store_new (const char *data_dir, BottegaEngineSource *source,
                         BottegaSettings *settings)
{
  BottegaModelStore *self = g_object_new (BOTTEGA_TYPE_MODEL_STORE, NULL);

  self->own = g_build_filename (data_dir, "models", NULL);
  self->embed = g_build_filename (self->own, "embed", NULL);
  self->folders = list_folders (self);
  self->records = bottega_model_records_new (data_dir);
  self->source = g_object_ref (source);
  self->settings = g_object_ref (settings);
  g_signal_connect_object (settings, "notify::default-model",
                           G_CALLBACK (bottega_model_store_update_default), self,
                           G_CONNECT_SWAPPED);

  self->worker = bottega_worker_new ("models");
  self->copier = bottega_worker_new ("model copies");
  bottega_worker_push (self->copier, sweep_run, NULL, g_strdup (self->own), g_free);
  bottega_worker_push (self->copier, sweep_run, NULL, g_strdup (self->embed), g_free);
  bottega_model_store_refresh (self);

  return self;
}

gboolean
bottega_model_store_get_loaded (BottegaModelStore *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), FALSE);

  return self->loaded;
}

/* ---- this computer ---- */

typedef struct {
  BottegaModelStore *store; /* borrowed */
  BottegaEngineSource *source;
  char *device;
  BottegaMachine machine;
  gboolean known;
} Measure;

static void
measure_free (gpointer data)
{
  Measure *measure = data;

  g_free (measure->device);
  bottega_machine_clear (&measure->machine);
  g_free (measure);
}

static void
measure_run (gpointer data)
{
  Measure *measure = data;

  measure->known = BOTTEGA_ENGINE_SOURCE_GET_IFACE (measure->source)
                       ->measure (measure->source, measure->device, &measure->machine);
}

static void
measure_done (gpointer data)
{
  Measure *measure = data;
  BottegaModelStore *self = measure->store;

  self->measuring = FALSE;
  if (!measure->known)
    return;
  bottega_machine_clear (&self->machine);
  self->machine = measure->machine;
  measure->machine = (BottegaMachine) { 0 };
  bottega_model_records_add_read_speed (self->records, self->machine.device,
                                        self->machine.read_bytes_s);
  self->machine.read_bytes_s =
      bottega_model_records_get_read_speed (self->records, self->machine.device);
  for (guint i = 0; i < self->items->len; i++)
    bottega_model_store_update_here (self, g_ptr_array_index (self->items, i));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MACHINE]);
}

void
bottega_model_store_measure (BottegaModelStore *self)
{
  Measure *measure;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));

  if (self->measuring)
    return;
  self->measuring = TRUE;
  measure = g_new0 (Measure, 1);
  measure->store = self;
  measure->source = self->source;
  measure->device = g_strdup (bottega_settings_get_device (self->settings));
  bottega_worker_push (self->worker, measure_run, measure_done, measure, measure_free);
}

const BottegaMachine *
bottega_model_store_get_machine (BottegaModelStore *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), NULL);

  return self->machine.device != NULL ? &self->machine : NULL;
}

void
bottega_model_store_update_here (BottegaModelStore *self, BottegaModelItem *item)
{
  BottegaModelNeed need;
  BottegaModelFigures figures;
  g_autofree char *here = NULL;

  if (bottega_model_item_get_state (item) == BOTTEGA_MODEL_READY &&
      !bottega_model_item_get_searches (item) &&
      self->machine.device != NULL) {
    bottega_model_store_get_need (self, item, &need);
    bottega_model_store_get_figures (self, item, &figures);
    here = bottega_model_text_here (&need, &figures, &self->machine);
  }
  bottega_model_item_set_here (item, here);
}

void
bottega_model_store_get_figures (BottegaModelStore *self,
                                 BottegaModelItem *item,
                                 BottegaModelFigures *figures)
{
  *figures = (BottegaModelFigures) { 0 };
  if (self->machine.device != NULL)
    bottega_model_records_get_figures (self->records, bottega_model_item_get_path (item),
                                       self->machine.device, figures);
}

void
bottega_model_store_add_answer (BottegaModelStore *self,
                                const char *path,
                                const char *device,
                                const EngineStats *stats)
{
  BottegaModelItem *item;
  gboolean wrote, read;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (path != NULL && device != NULL && stats != NULL);

  /* How much could be guessed says nothing about the next answer. */
  wrote = stats->plain_tokens >= LEAST_WRITTEN;
  read = stats->read_tokens >= LEAST_READ && stats->others_s <= 0; /* else in short pieces */
  if (!wrote && !read)
    return;
  bottega_model_records_add_figures (self->records, path, device,
                                     wrote ? stats->plain_tok_s : 0,
                                     read ? stats->prefill_tok_s : 0);
  if (wrote)
    bottega_model_records_add_read_speed (self->records, device, stats->plain_gb_s * 1e9);
  if (g_strcmp0 (device, self->machine.device) == 0)
    self->machine.read_bytes_s = bottega_model_records_get_read_speed (self->records, device);
  item = bottega_model_store_find (self, path);
  if (item != NULL)
    bottega_model_store_update_here (self, item);
}

/* ---- what the person set for one model ---- */

void
bottega_model_store_get_defaults (BottegaModelStore *self,
                                  const char *path,
                                  BottegaModelDefaults *defaults)
{
  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));

  bottega_model_records_get_defaults (self->records, path, defaults);
}

void
bottega_model_store_set_defaults (BottegaModelStore *self,
                                  const char *path,
                                  const BottegaModelDefaults *defaults)
{
  BottegaModelItem *item;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));

  bottega_model_records_set_defaults (self->records, path, defaults);
  item = bottega_model_store_find (self, path);
  if (item != NULL)
    bottega_model_store_update_here (self, item);
  g_signal_emit (self, signals[SIGNAL_DEFAULTS_CHANGED], 0, path);
}

BottegaModelItem *
bottega_model_store_get_draft (BottegaModelStore *self, BottegaModelItem *item)
{
  g_auto (BottegaModelDefaults) defaults = { 0 };
  BottegaModelItem *draft;

  bottega_model_records_get_defaults (self->records, bottega_model_item_get_path (item), &defaults);
  draft = defaults.draft != NULL ? bottega_model_store_find (self, defaults.draft) : NULL;
  return draft != NULL && bottega_model_item_can_draft (draft, item) ? draft : NULL;
}

guint
bottega_model_store_get_context (BottegaModelStore *self, BottegaModelItem *item)
{
  g_auto (BottegaModelDefaults) defaults = { 0 };
  guint trained = bottega_model_item_get_context (item);
  guint wanted = bottega_settings_get_context_length (self->settings);

  bottega_model_records_get_defaults (self->records, bottega_model_item_get_path (item), &defaults);
  if (defaults.has_context)
    wanted = defaults.context_tokens;

  return trained > 0 ? MIN (wanted, trained) : wanted;
}

/* ---- the rest ---- */

/* To the trash where there is one: gigabytes that were downloaded are not got back easily. */
static gboolean
discard (const char *path, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);

  if (g_file_trash (file, NULL, NULL) || g_unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_FAILED,
               _ ("“%s” could not be removed: %s."), path, g_strerror (errno));

  return FALSE;
}

gboolean
bottega_model_store_remove (BottegaModelStore *self, BottegaModelItem *item, GError **error)
{
  const char *path;
  g_auto (GStrv) files = NULL;

  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (item), FALSE);

  path = bottega_model_item_get_path (item);
  if (!bottega_model_item_get_removable (item)) {
    g_set_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_READ_ONLY,
                 _ ("“%s” belongs to the system; only its package can remove it."), path);
    return FALSE;
  }
  files = bottega_model_files_list (path);
  for (guint i = 0; !bottega_model_item_get_in_place (item) && files[i] != NULL; i++)
    if (!discard (files[i], error))
      return FALSE;
  bottega_model_records_forget (self->records, path);
  bottega_model_store_take_out (self, item);
  bottega_model_store_update_default (self);

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

    if (bottega_model_item_get_state (item) != BOTTEGA_MODEL_READY ||
        bottega_model_item_get_searches (item))
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
  bottega_model_store_update_default (self);
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
  g_autofree char *needed = NULL, *available = NULL;
  BottegaModelNeed need;

  g_return_val_if_fail (BOTTEGA_IS_MODEL_STORE (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (item), FALSE);

  bottega_model_store_get_need (self, item, &need);
  need.context_tokens = context_tokens > 0 ? context_tokens : need.context_tokens;
  needed_bytes = bottega_model_need_bytes (&need);
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
