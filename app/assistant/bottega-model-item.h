/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaModelItem: one model file as the Models page and the chooser show it. Main thread only;
 * only the model store changes it.
 *
 * Properties (read-only, all notify):
 *   name         string   of the model, or of the file while it is not yet read
 *   path         string   the file
 *   state        BottegaModelState
 *   error        string or NULL: the engine's sentence about a broken file
 *   warning      string or NULL: works, but …
 *   subtitle     string   localised: "92.1 MB · llama · Q4_1 · 2,048 tokens of context"
 *   architecture, types   string
 *   size-bytes   uint64
 *   context      uint     tokens, as trained
 *   removable    boolean  it lies in the person's own folder, or is used where it lies
 *   in-place     boolean  a file of the person's that is used where it lies
 *   searches     boolean  it makes vectors for the search of documents and writes no answers
 *   usable       boolean  sound, and Bottega can use it for what it is
 *   is-default   boolean  the one that is loaded at start
 *   import-fraction double 0 to 1 while importing
 *   sha256       string or NULL: checksums of its files, parted by spaces
 *   here         string or NULL: what it needs and how fast it is on this computer
 */
#pragma once

#include "app/assistant/bottega-engine-source.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_MODEL_CHECKING,
  BOTTEGA_MODEL_IMPORTING,
  BOTTEGA_MODEL_READY,
  BOTTEGA_MODEL_BROKEN,
} BottegaModelState;

#define BOTTEGA_TYPE_MODEL_STATE (bottega_model_state_get_type ())
GType bottega_model_state_get_type (void);

#define BOTTEGA_TYPE_MODEL_ITEM (bottega_model_item_get_type ())
G_DECLARE_FINAL_TYPE (BottegaModelItem, bottega_model_item, BOTTEGA, MODEL_ITEM, GObject)

const char *bottega_model_item_get_name (BottegaModelItem *self);
const char *bottega_model_item_get_path (BottegaModelItem *self);
BottegaModelState bottega_model_item_get_state (BottegaModelItem *self);
const char *bottega_model_item_get_error (BottegaModelItem *self);
const char *bottega_model_item_get_warning (BottegaModelItem *self);
const char *bottega_model_item_get_subtitle (BottegaModelItem *self);
guint64 bottega_model_item_get_size_bytes (BottegaModelItem *self);
guint bottega_model_item_get_context (BottegaModelItem *self);
gboolean bottega_model_item_get_removable (BottegaModelItem *self);
gboolean bottega_model_item_get_in_place (BottegaModelItem *self);
gboolean bottega_model_item_get_searches (BottegaModelItem *self);
gboolean bottega_model_item_get_usable (BottegaModelItem *self);
gboolean bottega_model_item_get_is_default (BottegaModelItem *self);
const char *bottega_model_item_get_sha256 (BottegaModelItem *self);
const char *bottega_model_item_get_here (BottegaModelItem *self);
/* All that is known of it; empty unless it is ready. Borrowed. */
const BottegaModelFacts *bottega_model_item_get_facts (BottegaModelItem *self);
/* Can it guess what another one, which is slower, will write? */
gboolean bottega_model_item_can_draft (BottegaModelItem *self, BottegaModelItem *other);

G_END_DECLS
