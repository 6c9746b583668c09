/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the library share. Main thread only. */
#pragma once

#include "app/assistant/bottega-library-private.h"
#include "app/retrieval/bottega-indexer.h"
#include "app/retrieval/bottega-worker.h"

G_BEGIN_DECLS

/* What only the search's thread touches. */
typedef struct {
  char *path;
  BottegaEmbedder *embedder; /* NULL: none */
  BottegaSearcher *searcher; /* opened with the first search */
} BottegaLibrarySearchSide;

struct _BottegaLibrary {
  GObject parent_instance;

  BottegaStore *store;
  BottegaEngineThread *engine;
  BottegaEmbedder *embedder; /* NULL: none */
  BottegaIndexer *indexer;   /* NULL: not started, or not available */
  GPtrArray *items;          /* of BottegaDocumentItem, by title */
  BottegaWorker *searches;   /* NULL: none yet */
  BottegaLibrarySearchSide side;
  guint refresh_source;
  gboolean started, shut_down, loaded, listing, list_again;

  guint n_ready;
  gboolean busy;
  double fraction;
  char *progress_text, *error;
};

/* The indexer's properties. */
typedef struct {
  gboolean busy, paused;
  guint files_done, files_total, passages_done, passages_total;
  double seconds_left;
} BottegaLibraryProgress;

/* ---- bottega-library-search.c ---- */
void bottega_library_end_searches (BottegaLibrary *self);

G_END_DECLS
