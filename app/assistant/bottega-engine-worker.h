/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's side of BottegaEngineThread: the thread's loop, the queue of jobs behind a lock, and
 * the writer's end of the ring. Private to BottegaEngineThread. The functions here are for the main
 * thread.
 */
#pragma once

#include "app/assistant/bottega-engine-queue.h"
#include "app/assistant/bottega-event-ring.h"

G_BEGIN_DECLS

typedef struct _BottegaEngineWorker BottegaEngineWorker;

/* source: kept with a reference. wake: a GSource whose ready time is set to 0 when events are
 * there; kept with a reference. */
BottegaEngineWorker *bottega_engine_worker_new (BottegaEngineSource *source, GSource *wake);
/* Cancels, drops what waits, keeps conversations for at most 3 seconds, unloads, joins. */
void bottega_engine_worker_free (BottegaEngineWorker *self);

/* Takes the job. A load that runs is given up for another one. */
void bottega_engine_worker_push (BottegaEngineWorker *self, BottegaJob *job);
/* The conversation on the screen, by its file; NULL: none. */
void bottega_engine_worker_set_shown (BottegaEngineWorker *self, const char *path);

/* What kept conversations may take on the disk, in all spaces of a folder; 0, as at first: none is
 * kept. */
void bottega_engine_worker_set_keep (BottegaEngineWorker *self, guint64 bytes,
                                     const char *spaces_folder);

typedef enum {
  BOTTEGA_CANCEL_UNKNOWN, /* it has ended */
  BOTTEGA_CANCEL_REMOVED, /* it waited; it is gone and no event will come */
  BOTTEGA_CANCEL_RUNNING, /* it has been told; its last event will come */
} BottegaCancel;
BottegaCancel bottega_engine_worker_cancel (BottegaEngineWorker *self, guint64 id);

/* Gives the next event. */
gboolean bottega_engine_worker_pop (BottegaEngineWorker *self, BottegaEvent *event);
/* Call it before popping: wakes from now on are for events pushed from now on. */
void bottega_engine_worker_acknowledge (BottegaEngineWorker *self);

G_END_DECLS
