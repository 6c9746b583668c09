/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's side of BottegaEngineThread: the thread's loop, its queue of jobs and its writer's
 * end of the ring. Private to BottegaEngineThread. Unless said otherwise the functions here are for
 * the main thread.
 */
#pragma once

#include "app/assistant/bottega-event-ring.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_JOB_LOAD,
  BOTTEGA_JOB_UNLOAD,
  BOTTEGA_JOB_GENERATE,
  BOTTEGA_JOB_COUNT,
  BOTTEGA_JOB_KEEP,   /* to its file; path NULL: all conversations */
  BOTTEGA_JOB_FORGET, /* a conversation by its file, or all of a folder: both are removed */
  BOTTEGA_JOB_SWEEP,  /* a folder */
  BOTTEGA_JOB_FIT,    /* all files to what they may take */
} BottegaJobKind;

typedef struct {
  BottegaJobKind kind;
  guint64 id;
  char *path;             /* LOAD; the conversation's file: GENERATE, KEEP; FORGET, SWEEP */
  char *device;           /* LOAD */
  char *draft_path;       /* LOAD: of a model that guesses; NULL: none */
  char **ids;             /* SWEEP: of the conversations that there are */
  guint context_tokens;   /* LOAD */
  char *kv_type;          /* LOAD */
  BottegaPrompt *prompt;  /* GENERATE, COUNT */
  guint reserve_tokens;   /* GENERATE */
  EngineGenerate options; /* GENERATE */
} BottegaJob;

void bottega_job_free (BottegaJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaJob, bottega_job_free)

typedef struct _BottegaEngineWorker BottegaEngineWorker;

/* source: kept with a reference. wake: a GSource whose ready time is set to 0 when events are
 * there; kept with a reference. */
BottegaEngineWorker *bottega_engine_worker_new (BottegaEngineSource *source, GSource *wake);
/* Cancels, drops what waits, keeps conversations for at most 3 seconds, unloads, joins. */
void bottega_engine_worker_free (BottegaEngineWorker *self);

/* Takes the job. */
void bottega_engine_worker_push (BottegaEngineWorker *self, BottegaJob *job);
/* Takes a LOAD or UNLOAD job. One that runs is given up for it, one that waits is replaced, so that
 * questions which wait for a model find the new one. */
void bottega_engine_worker_push_load (BottegaEngineWorker *self, BottegaJob *job);

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
