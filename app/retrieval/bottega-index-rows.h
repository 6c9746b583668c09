/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows of documents as the indexer writes them. Each function is one transaction, or, where a
 * text is long, several short ones between which nothing half done is in sight: a document's new
 * text and words are written beside the old ones (as another edition) and then change places.
 *
 * Whatever stops in the middle is swept away by bottega_index_recover (). FALSE, NULL or -1 and a
 * sentence (BOTTEGA_STORE_ERROR) on failure. On the thread of the connection. */
#pragma once

#include "app/retrieval/bottega-chunker.h"
#include "app/retrieval/bottega-store-documents.h"

G_BEGIN_DECLS

/* What the indexer must know of a document. */
typedef struct {
  gint64 id;
  char *path, *sha256; /* sha256 NULL: never read */
  BottegaDocumentState state;
  guint64 size_bytes;
  gint64 mtime_ns; /* -1: to be read again */
  guint n_chunks, n_vectors;
} BottegaIndexEntry;
void bottega_index_entry_free (BottegaIndexEntry *entry);

/* A chunk without a vector. */
typedef struct {
  gint64 id, document;
  guint seq;
  char *text; /* as it is indexed */
} BottegaIndexPassage;
void bottega_index_passage_clear (BottegaIndexPassage *passage);

/* ---- the whole ---- */

/* At start: what a killed process left behind goes. */
gboolean bottega_index_recover (BottegaDatabase *db, GError **error);
/* embedder: id of the model that vectors will be made with, NULL: none. Vectors of another model
 * go; states follow. */
gboolean bottega_index_set_embedder (BottegaDatabase *db, const char *embedder, GError **error);
/* One step of taking the words of removed texts out of the word indexes; the last one truncates the
 * log. *more: call it again. */
gboolean bottega_index_tidy (BottegaDatabase *db, gboolean *more, GError **error);

/* ---- what belongs to the space ---- */

/* GPtrArray of char * (paths). */
GPtrArray *bottega_index_list_roots (BottegaDatabase *db, GError **error);
GPtrArray *bottega_index_list_exclusions (BottegaDatabase *db, GError **error);
/* Also takes back what was excluded there. */
gboolean bottega_index_add_root (BottegaDatabase *db, const char *path, gboolean folder,
                                 GError **error);
/* Roots at this path and below it go; below another root it is not to be found again. */
gboolean bottega_index_remove_roots (BottegaDatabase *db, const char *path, GError **error);

/* ---- documents ---- */

/* GPtrArray of BottegaIndexEntry by id. */
GPtrArray *bottega_index_list (BottegaDatabase *db, GError **error);
/* New ones, waiting; known paths are left alone. */
gboolean bottega_index_add (BottegaDatabase *db, const GPtrArray *paths, GError **error);
/* To be read again; id 0: all. */
gboolean bottega_index_renew (BottegaDatabase *db, gint64 id, GError **error);
/* gone FALSE: back to what it was. */
gboolean bottega_index_set_gone (BottegaDatabase *db, gint64 id, gboolean gone, GError **error);
/* The same content at another place or of another time. */
gboolean bottega_index_move (BottegaDatabase *db, gint64 id, const char *path, gint64 mtime_ns,
                             GError **error);
/* Takes it out, overwriting its text. */
gboolean bottega_index_remove (BottegaDatabase *db, gint64 id, GError **error);

/* What was found in a file. */
typedef struct {
  gint64 id;
  const BottegaDocument *document;
  const GArray *chunks; /* of BottegaChunk */
  const char *sha256;
  guint64 size_bytes;
  gint64 mtime_ns;
  gboolean vectors; /* will follow */
} BottegaIndexText;
gboolean bottega_index_put (BottegaDatabase *db, const BottegaIndexText *text, GError **error);
/* sentence: why there is no text; what was there goes. mtime_ns -1: worth another try. */
gboolean bottega_index_put_failure (BottegaDatabase *db, gint64 id, const char *sentence,
                                    guint64 size_bytes, gint64 mtime_ns, GError **error);

/* ---- vectors ---- */

/* Ids (gint64) of the documents that wait for vectors, those of the newest files first. */
GArray *bottega_index_list_wanting (BottegaDatabase *db, GError **error);
/* Appends up to n BottegaIndexPassage of a document from seq on to passages. */
gboolean bottega_index_list_passages (BottegaDatabase *db, gint64 document, guint seq, guint n,
                                      GArray *passages, GError **error);
/* vectors: a row of n_dimensions for each passage, of length 1. Passages that are gone are left
 * out. */
gboolean bottega_index_put_vectors (BottegaDatabase *db, const GArray *passages,
                                    const float *vectors, guint n_dimensions, GError **error);

G_END_DECLS
