/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaModelStore: a GListModel of BottegaModelItem, by name: the GGUF files in <data-dir>/models
 * and in bottega/models of the system's data folders. Files are read and copied on a worker thread.
 * Main thread only.
 *
 * Properties: loaded (boolean, read-only, notifies): every file found has been looked at.
 */
#pragma once

#include "app/assistant/bottega-engine-source.h"
#include "app/assistant/bottega-model-item.h"
#include "app/assistant/bottega-settings.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_MODEL_STORE_ERROR (bottega_model_store_error_quark ())
GQuark bottega_model_store_error_quark (void);
typedef enum {
  BOTTEGA_MODEL_STORE_ERROR_EXISTS,    /* the same file is there already */
  BOTTEGA_MODEL_STORE_ERROR_NO_SPACE,  /* the disk is too small; the message has the numbers */
  BOTTEGA_MODEL_STORE_ERROR_NO_MEMORY, /* it will not fit; the message has the numbers */
  BOTTEGA_MODEL_STORE_ERROR_READ_ONLY, /* it belongs to the system */
  BOTTEGA_MODEL_STORE_ERROR_FAILED,
} BottegaModelStoreError;

#define BOTTEGA_TYPE_MODEL_STORE (bottega_model_store_get_type ())
G_DECLARE_FINAL_TYPE (BottegaModelStore, bottega_model_store, BOTTEGA, MODEL_STORE, GObject)

/* Begins to look for files at once. source is asked for the facts of a file (any thread). */
BottegaModelStore *bottega_model_store_new (const char *data_dir, BottegaEngineSource *source,
                                            BottegaSettings *settings);
gboolean bottega_model_store_get_loaded (BottegaModelStore *self);
/* Looks again: files that came or went. */
void bottega_model_store_refresh (BottegaModelStore *self);

typedef void (*BottegaImportProgress) (guint64 done_bytes, guint64 total_bytes, gpointer user_data);

/* Checks a GGUF file and brings it into <data-dir>/models (a reflink where the file system can,
 * else a copy under a temporary name). A file that is there already is recognised. The item shows
 * up as "importing" meanwhile. progress: main thread, may be NULL. cancellable ends it and leaves
 * nothing behind. */
void bottega_model_store_import_async (BottegaModelStore *self, GFile *file,
                                       BottegaImportProgress progress, gpointer progress_data,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback, gpointer user_data);
/* Borrowed; NULL on error. */
BottegaModelItem *bottega_model_store_import_finish (BottegaModelStore *self, GAsyncResult *result,
                                                     GError **error);

/* Deletes the file. The loaded one may be removed too (the file stays readable until it is
 * unloaded). */
gboolean bottega_model_store_remove (BottegaModelStore *self, BottegaModelItem *item,
                                     GError **error);

/* By path, or by name. Borrowed or NULL. */
BottegaModelItem *bottega_model_store_find (BottegaModelStore *self, const char *path_or_name);
/* The person's choice when it is there and sound, else the first sound one, else NULL. Borrowed. */
BottegaModelItem *bottega_model_store_get_default (BottegaModelStore *self);
void bottega_model_store_set_default (BottegaModelStore *self, BottegaModelItem *item);

/* Would it fit this computer's free memory with this context (0: automatic)? FALSE and a sentence
 * with numbers. A quick check on the main memory; the engine's own word at loading is the last. */
gboolean bottega_model_store_will_fit (BottegaModelStore *self,
                                       BottegaModelItem *item,
                                       guint context_tokens,
                                       GError **error);

G_END_DECLS
