/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the assistant and its conversations do with the library. Main thread only. */
#pragma once

#include "app/assistant/bottega-engine-thread.h"
#include "app/assistant/bottega-grounding.h"
#include "app/assistant/bottega-library.h"
#include "app/retrieval/bottega-store.h"

G_BEGIN_DECLS

/* Keeps references. Nothing is read before bottega_library_start (). */
BottegaLibrary *bottega_library_new (BottegaStore *store, BottegaEngineThread *engine);
/* Lists the documents and begins to index what is to be indexed. embedder NULL: words only. */
void bottega_library_start (BottegaLibrary *self, BottegaEmbedder *embedder);
/* Ends the indexer and all searches, whose callbacks do not come any more. Also at the last unref.
 */
void bottega_library_shutdown (BottegaLibrary *self);

/* Searches on a thread of its own; strings and ids of the request are copied. grounded NULL with an
 * error; both borrowed. destroy is called in any case, the callback not after a shutdown. */
typedef void (*BottegaLibraryFound) (const BottegaGrounded *grounded, const GError *error,
                                     gpointer user_data);
void bottega_library_search (BottegaLibrary *self, const BottegaGroundingRequest *request,
                             GCancellable *cancellable, BottegaLibraryFound callback,
                             gpointer user_data, GDestroyNotify destroy);

/* Reads a whole document, cut into parts of at most part_bytes along its blocks: GPtrArray of
 * BottegaFound in its order. The rest as above. */
typedef void (*BottegaLibraryParts) (GPtrArray *parts, const GError *error, gpointer user_data);
void bottega_library_read_parts (BottegaLibrary *self, gint64 document, guint part_bytes,
                                 BottegaLibraryParts callback, gpointer user_data,
                                 GDestroyNotify destroy);

G_END_DECLS
