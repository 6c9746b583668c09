/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaIndexer: keeps the index of a space true to its files. One thread of its own, with a
 * connection of its own: looks at folders, has files read by bottega-extract, cuts them into
 * chunks, writes text and words (searchable at once), then vectors behind. Everything is committed
 * file by file and batch by batch, so that it can be killed at any point and goes on where it was.
 *
 * Main thread only. Properties and signals come on the main context, at most ten times a second.
 *
 * Properties (read-only, all notify):
 *   busy            boolean
 *   paused          boolean (writable): somebody chats; it waits between two batches
 *   files-done, files-total        uint, of this run
 *   passages-done, passages-total  uint: vectors made, of this run
 *   seconds-left    double; < 0: not known yet
 *   current         string: the name of the file being read, NULL
 *   error           string: what stopped it (disk full, say), NULL
 *
 * Signal "changed": documents came, went or changed their state (read them from the store).
 */
#pragma once

#include "app/extract/bottega-document.h"
#include "app/retrieval/bottega-embedder.h"
#include "app/retrieval/bottega-index-scan.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_INDEXER (bottega_indexer_get_type ())
G_DECLARE_FINAL_TYPE (BottegaIndexer, bottega_indexer, BOTTEGA, INDEXER, GObject)

/* path: of the space's file, which must be up to date (bottega_store_open () did that). embedder
 * NULL: words only. What an earlier process left undone begins at once. */
BottegaIndexer *bottega_indexer_new (const char *path, BottegaEmbedder *embedder);
/* The same with another reader of files than bottega-extract (on threads of its own, two at a
 * time; sha256 as in bottega_extraction_run ()), for tests. */
typedef BottegaDocument *(*BottegaExtract) (const char *path, char **sha256,
                                            GCancellable *cancellable, GError **error);
BottegaIndexer *bottega_indexer_new_with_extract (const char *path, BottegaEmbedder *embedder,
                                                  BottegaExtract extract, BottegaAccepts accepts);
/* Ends the thread, keeping what is committed; also at the last unref. Waits at most for one
 * batch. */
void bottega_indexer_shutdown (BottegaIndexer *self);

/* Files and folders (absolute paths), which from now on belong to the space. */
void bottega_indexer_add (BottegaIndexer *self, const char *const *paths);
/* Takes documents out of the space; their text is overwritten. The files stay. */
void bottega_indexer_remove (BottegaIndexer *self, const gint64 *documents, guint n);
/* Takes files and folders out, with all that is below them. */
void bottega_indexer_remove_paths (BottegaIndexer *self, const char *const *paths);
/* Reads these again from the beginning; n 0: all. */
void bottega_indexer_reindex (BottegaIndexer *self, const gint64 *documents, guint n);
/* Looks again at all that belongs to the space: new, changed (size, time, then hash) and gone. */
void bottega_indexer_refresh (BottegaIndexer *self);
/* Stops after the present batch; what is not done waits for refresh () or the next start. */
void bottega_indexer_cancel (BottegaIndexer *self);

G_END_DECLS
