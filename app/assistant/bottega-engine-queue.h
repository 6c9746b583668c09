/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEngineQueue: the jobs of the engine thread, those that run and those that wait, and which
 * of them may begin next. Plain data: it calls nobody and has no lock; whoever shares one between
 * threads guards it. Private to the engine thread's files.
 *
 * Jobs are ranked (the table is in the .c); within a rank the first to come is the first to begin.
 * What is asked for before a model is loaded or unloaded comes before that, and what is asked for
 * after it comes after.
 */
#pragma once

#include "app/assistant/bottega-engine-thread.h"

G_BEGIN_DECLS

/* Answers that run at once. */
#define BOTTEGA_QUEUE_MOST_ANSWERS 4

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
  guint64 id;                  /* they rise */
  BottegaLoadRequest *request; /* LOAD; owned */
  char *path;                  /* the conversation's file: GENERATE, KEEP; FORGET, SWEEP */
  char **ids;                  /* SWEEP: of the conversations that there are */
  BottegaPrompt *prompt;       /* GENERATE, COUNT */
  BottegaAnswerClass class;    /* GENERATE, as the next */
  guint reserve_tokens;
  EngineGenerate options;

  /* The queue's own. */
  gboolean running;
  gboolean blocked; /* there was no room for it beside those that run */
  guint told_before;

  /* Of whoever runs it. */
  gboolean cancelled;
  gpointer data;
  BottegaPromptFit fit; /* GENERATE: what the prompt has been made */
  guint fit_context;    /* to fit; 0: not yet */
  gboolean resumes;     /* it goes on with what a device that failed has written: the next two */
  EngineStats before;
  BottegaGaps *gaps; /* NULL: none */
} BottegaJob;

void bottega_job_free (BottegaJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaJob, bottega_job_free)

typedef struct _BottegaEngineQueue BottegaEngineQueue;

BottegaEngineQueue *bottega_engine_queue_new (void);
/* And all its jobs. */
void bottega_engine_queue_free (BottegaEngineQueue *self);

/* Takes the job. */
void bottega_engine_queue_push (BottegaEngineQueue *self, BottegaJob *job);
/* Takes a LOAD or UNLOAD job: one that waits is replaced in its place, so that questions which wait
 * for a model find the new one. TRUE: one is running that must be given up for it; then it comes
 * right after that. */
gboolean bottega_engine_queue_push_load (BottegaEngineQueue *self, BottegaJob *job);
/* The file of the conversation on the screen, whose answers are the most urgent; NULL: none. */
void bottega_engine_queue_set_shown (BottegaEngineQueue *self, const char *path);

/* The next job that may begin now, which is running from now on; borrowed. NULL: none. */
BottegaJob *bottega_engine_queue_take (BottegaEngineQueue *self);
/* A running job waits again, in its old place. blocked: until an answer has ended, and nothing less
 * urgent overtakes it. */
void bottega_engine_queue_put_back (BottegaEngineQueue *self, BottegaJob *job, gboolean blocked);
/* The job has ended, or is not wanted any more: it leaves the queue and is freed. */
void bottega_engine_queue_end (BottegaEngineQueue *self, BottegaJob *job);

/* Any job; borrowed. NULL: it has ended. */
BottegaJob *bottega_engine_queue_find (BottegaEngineQueue *self, guint64 id);
/* The oldest job; NULL: there is none. */
BottegaJob *bottega_engine_queue_first (BottegaEngineQueue *self);
/* The running answers, most urgent first, at most BOTTEGA_QUEUE_MOST_ANSWERS; borrowed. */
guint bottega_engine_queue_get_answers (BottegaEngineQueue *self, BottegaJob **answers);
/* All of BOTTEGA_ANSWER_AHEAD are cancelled: those that wait end as soon as they are taken. */
void bottega_engine_queue_cancel_ahead (BottegaEngineQueue *self);
/* The running job that is no answer: there is one at most. */
BottegaJob *bottega_engine_queue_get_other (BottegaEngineQueue *self);

/* How many answers must end before this one begins: those that run, and those that come before it;
 * 0: it runs, or it will begin as soon as the model is there. */
guint bottega_engine_queue_before (BottegaEngineQueue *self, const BottegaJob *job);
/* An answer that waits for another number than was told before. NULL: there is none. */
BottegaJob *bottega_engine_queue_moved (BottegaEngineQueue *self, guint *n_before);

G_END_DECLS
