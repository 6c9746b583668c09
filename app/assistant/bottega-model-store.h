/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaModelStore: a GListModel of BottegaModelItem, by name: the GGUF files in <data-dir>/models
 * and in bottega/models of the system's data folders, those below "embed" there, which serve the
 * search of documents, and those that the person uses where they lie. The parts of a model are one
 * item. Files are read and copied on a worker thread. Main thread only.
 *
 * Properties (read-only, notify):
 *   loaded   boolean: every file found has been looked at
 *   machine  pointer: see bottega_model_store_get_machine ()
 * Signal: defaults-changed (path)
 */
#pragma once

#include "app/assistant/bottega-engine-source.h"
#include "app/assistant/bottega-model-item.h"
#include "app/assistant/bottega-model-records.h"
#include "app/assistant/bottega-model-text.h"
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

/* ---- bringing files in ---- */

/* What is known of a file before it is brought in; all owned. */
typedef struct {
  BottegaModelFacts facts;
  guint n_files;      /* its parts, all of them there */
  guint64 file_bytes; /* of all parts */
  gboolean local;     /* it can be used where it lies */
  gboolean handed;    /* by a portal, maybe for this session alone */
  gboolean shares;    /* a copy takes no room: the file system shares the blocks */
  guint64 free_bytes; /* of the disk that a copy would go to */
  char *duplicate;    /* name of the model that it is already; NULL: none */
} BottegaModelLook;
void bottega_model_look_free (BottegaModelLook *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaModelLook, bottega_model_look_free)

/* Looks at a file and copies nothing. Errors as for importing: the engine's sentence above all. */
void bottega_model_store_look_async (BottegaModelStore *self, GFile *file,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data);
BottegaModelLook *bottega_model_store_look_finish (BottegaModelStore *self, GAsyncResult *result,
                                                   GError **error);

typedef enum {
  BOTTEGA_IMPORT_COPY,     /* a reflink where the file system can, else a copy */
  BOTTEGA_IMPORT_IN_PLACE, /* a local file stays where it is; only its checksum is made */
} BottegaImportHow;

typedef void (*BottegaImportProgress) (guint64 done_bytes, guint64 total_bytes, gpointer user_data);

/* Checks a GGUF file, of a model in parts all of them, and brings it into <data-dir>/models, or
 * into "embed" there when it makes vectors. A model that is there already is recognised by its
 * checksum. The item shows up as "importing" meanwhile. progress: main thread, may be NULL.
 * cancellable ends it and leaves nothing behind; so does bottega_model_store_cancel_import (). */
void bottega_model_store_import_async (BottegaModelStore *self, GFile *file, BottegaImportHow how,
                                       BottegaImportProgress progress, gpointer progress_data,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback, gpointer user_data);
/* Borrowed; NULL on error. */
BottegaModelItem *bottega_model_store_import_finish (BottegaModelStore *self, GAsyncResult *result,
                                                     GError **error);

/* item: one that is importing. */
void bottega_model_store_cancel_import (BottegaModelStore *self, BottegaModelItem *item);

/* ---- the list ---- */

/* Puts the files into the trash, or deletes them where there is none; what is used in place stays
 * and only leaves the list. The loaded one may be removed too (the file stays readable until it is
 * unloaded). */
gboolean bottega_model_store_remove (BottegaModelStore *self, BottegaModelItem *item,
                                     GError **error);

/* By path, or by name. Borrowed or NULL. */
BottegaModelItem *bottega_model_store_find (BottegaModelStore *self, const char *path_or_name);
/* The person's choice when it is there and sound, else the first sound one, else NULL. Borrowed. */
BottegaModelItem *bottega_model_store_get_default (BottegaModelStore *self);
void bottega_model_store_set_default (BottegaModelStore *self, BottegaModelItem *item);

/* Would it fit this computer's free memory with this context (0: its own)? FALSE and a sentence
 * with numbers. A quick check on the main memory; the engine's own word at loading is the last. */
gboolean bottega_model_store_will_fit (BottegaModelStore *self,
                                       BottegaModelItem *item,
                                       guint context_tokens,
                                       GError **error);

/* ---- this computer ---- */

/* Asks in the background for the device that the preferences name and how fast it reads: 0.3 s of
 * all cores. "machine" notifies and every item's "here" is made anew. */
void bottega_model_store_measure (BottegaModelStore *self);
/* Borrowed until the main loop turns; NULL: not measured yet. */
const BottegaMachine *bottega_model_store_get_machine (BottegaModelStore *self);
void bottega_model_store_get_need (BottegaModelStore *self, BottegaModelItem *item,
                                   BottegaModelNeed *need);
/* Of real answers on the machine's device. */
void bottega_model_store_get_figures (BottegaModelStore *self, BottegaModelItem *item,
                                      BottegaModelFigures *figures);
/* An answer has ended: its speeds are remembered. */
void bottega_model_store_add_answer (BottegaModelStore *self, const char *path, const char *device,
                                     const EngineStats *stats);

/* ---- what the person set for one model ---- */

/* Clear it with bottega_model_defaults_clear (). */
void bottega_model_store_get_defaults (BottegaModelStore *self, const char *path,
                                       BottegaModelDefaults *defaults);
void bottega_model_store_set_defaults (BottegaModelStore *self, const char *path,
                                       const BottegaModelDefaults *defaults);
/* The model that guesses for it: the one that was set, where it is there and can. Borrowed or
 * NULL. */
BottegaModelItem *bottega_model_store_get_draft (BottegaModelStore *self, BottegaModelItem *item);
/* The context that it is loaded with: its own, else the preferences', at most what it was trained
 * for. 0: automatic. */
guint bottega_model_store_get_context (BottegaModelStore *self, BottegaModelItem *item);

G_END_DECLS
