/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaWorker: one thread with a queue of jobs in and a queue of finished jobs out. The store and
 * the model store do their disk work on one. It knows nothing about what a job does.
 *
 * A job's `run` is called on the thread of the worker, then its `done` on the thread-default main
 * context of whoever made the worker, in the order of the pushes.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _BottegaWorker BottegaWorker;
typedef void (*BottegaWorkerFunc) (gpointer data);

/* name: of the thread and of the source, copied; the first 15 bytes are seen in ps and gdb. */
BottegaWorker *bottega_worker_new (const char *name);

/* Any thread. run: on the worker; done (may be NULL): later on the main context; destroy (may be
 * NULL): after done, on the main context, or on the thread of bottega_worker_free () for what never
 * got there. */
void bottega_worker_push (BottegaWorker *self, BottegaWorkerFunc run, BottegaWorkerFunc done,
                          gpointer data, GDestroyNotify destroy);

/* From a running job: calls report later on the main context, in order with the `done` of jobs; for
 * progress. destroy as above. Any thread. */
void bottega_worker_report (BottegaWorker *self, BottegaWorkerFunc report, gpointer data,
                            GDestroyNotify destroy);

/* Waits until every job pushed so far has run, and calls what is to be called on the main context
 * right here. Main thread. */
void bottega_worker_wait (BottegaWorker *self);

/* Runs what is queued, ends the thread and drops the `done` that were not delivered. Main thread.
 * NULL is fine. */
void bottega_worker_free (BottegaWorker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaWorker, bottega_worker_free)

G_END_DECLS
