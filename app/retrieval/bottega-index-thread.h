/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread behind BottegaIndexer: takes commands, does the work on a connection of its own, and
 * says how far it is. Private to the indexer.
 *
 * Functions are for the thread of whoever made it, notify is called on the inner one. */
#pragma once

#include "app/retrieval/bottega-indexer.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_INDEX_ADD,          /* paths */
  BOTTEGA_INDEX_REMOVE_PATHS, /* paths */
  BOTTEGA_INDEX_REMOVE,       /* ids */
  BOTTEGA_INDEX_RENEW,        /* ids; none: all */
  BOTTEGA_INDEX_REFRESH,
  BOTTEGA_INDEX_CANCEL,
  BOTTEGA_INDEX_N_COMMANDS,
} BottegaIndexCommandKind;

typedef struct {
  BottegaIndexCommandKind kind;
  char **paths;
  gint64 *ids;
  guint n_ids;
} BottegaIndexCommand;

typedef struct {
  gboolean busy;
  guint64 n_handled; /* commands so far */
  guint64 n_changes; /* of documents so far */
  guint files_done, files_total, passages_done, passages_total;
  double seconds_left;   /* < 0: not known */
  char *current, *error; /* owned */
} BottegaIndexProgress;
void bottega_index_progress_clear (BottegaIndexProgress *progress);

typedef struct _BottegaIndexThread BottegaIndexThread;
typedef void (*BottegaIndexNotify) (gpointer data);

BottegaIndexThread *bottega_index_thread_new (const char *path, BottegaEmbedder *embedder,
                                              BottegaExtract extract, BottegaAccepts accepts,
                                              BottegaIndexNotify notify, gpointer data);
/* Ends it after the present batch. */
void bottega_index_thread_free (BottegaIndexThread *self);

/* Takes the command. A cancel interrupts what is being done. */
void bottega_index_thread_push (BottegaIndexThread *self, BottegaIndexCommand *command);
void bottega_index_thread_set_paused (BottegaIndexThread *self, gboolean paused);
/* A copy, for bottega_index_progress_clear (). */
BottegaIndexProgress bottega_index_thread_get_progress (BottegaIndexThread *self);

G_END_DECLS
