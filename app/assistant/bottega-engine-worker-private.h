/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files of the worker share: bottega-engine-worker.c, the thread and what it does
 * besides, and bottega-engine-answers.c, the answers in progress. All on the engine thread.
 */
#pragma once

#include "app/assistant/bottega-engine-worker.h"

#include <stdatomic.h>

G_BEGIN_DECLS

struct _BottegaEngineWorker {
  GThread *thread;
  BottegaEngineSource *source;
  GSource *wake;
  BottegaEventRing *ring;
  atomic_bool awake; /* the wake source has been set and not yet acknowledged */
  atomic_bool quit;

  GMutex lock; /* guards the next six, and of the jobs what is the queue's, cancelled and data */
  GCond pushed, ended;
  BottegaEngineQueue *queue;
  gboolean kept_all; /* the thread is about to end */
  guint64 keep_bytes;
  char *spaces_folder; /* where they are; NULL: not known yet */

  /* The engine thread's own. */
  guint64 load_id;             /* of the last load, as the next */
  BottegaLoadRequest *request; /* NULL: there was none */
  char *device;                /* what it really runs on; NULL: nothing loaded */
  char *load_error;            /* why nothing is loaded; NULL */
  guint context_tokens;
};

/* ---- bottega-engine-worker.c ---- */

/* FALSE, and takes nothing, when the ring is full. */
gboolean bottega_engine_worker_try_push (BottegaEngineWorker *self, BottegaEvent *event);
/* Waits for room: for the few events that must not be lost. Ends when the program does. */
void bottega_engine_worker_push_event (BottegaEngineWorker *self, BottegaEvent *event);
/* The error says why no model is loaded. */
gboolean bottega_engine_worker_check_loaded (BottegaEngineWorker *self, GError **error);
/* An error that the processor may not have, and the model is not there. */
gboolean bottega_engine_worker_may_fall_back (BottegaEngineWorker *self, const GError *error);
/* The same model on the processor, and a note that says why; no answer is in progress. */
gboolean bottega_engine_worker_fall_back (BottegaEngineWorker *self, const GError *reason);

/* ---- bottega-engine-answers.c ---- */

/* Begins a GENERATE job that was taken; it may be done at once, or wait again for room. */
void bottega_engine_worker_begin_answer (BottegaEngineWorker *self, BottegaJob *job);
/* All that are in progress get on. */
void bottega_engine_worker_step_answers (BottegaEngineWorker *self);
/* Tells the source of a cancel; with the lock. */
void bottega_engine_worker_cancel_answer (BottegaEngineWorker *self, BottegaJob *job);
/* All end without a word: the program does. */
void bottega_engine_worker_drop_answers (BottegaEngineWorker *self);
void bottega_engine_worker_count (BottegaEngineWorker *self, BottegaJob *job);

G_END_DECLS
