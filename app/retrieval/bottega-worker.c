/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's thread, its two queues and the one source that empties the second. It must not know
 * what a job is about. */
#define G_LOG_DOMAIN "bottega-worker"

#include "app/retrieval/bottega-worker.h"

typedef struct {
  BottegaWorkerFunc run, done;
  gpointer data;
  GDestroyNotify destroy;
} Job;

struct _BottegaWorker {
  GThread *thread;
  GSource *source; /* main: wakes for `out` */
  guint refs;      /* main: free () and a dispatch in progress */
  gboolean freed;  /* main */
  GMutex lock;     /* guards all below */
  GCond pushed;    /* `in` or `quit` changed */
  GCond ran;       /* n_ran changed */
  GQueue in, out;  /* of Job */
  guint64 n_pushed, n_ran;
  gboolean quit;
};

typedef struct {
  GSource parent;
  BottegaWorker *worker;
} WorkerSource;

static void
job_free (gpointer data)
{
  Job *job = data;

  if (job->destroy != NULL)
    job->destroy (job->data);
  g_free (job);
}

static gpointer
worker_thread (gpointer data)
{
  BottegaWorker *self = data;

  g_mutex_lock (&self->lock);
  for (;;) {
    Job *job;

    while (g_queue_is_empty (&self->in) && !self->quit)
      g_cond_wait (&self->pushed, &self->lock);
    job = g_queue_pop_head (&self->in);
    if (job == NULL)
      break;
    g_mutex_unlock (&self->lock);

    job->run (job->data);

    g_mutex_lock (&self->lock);
    g_queue_push_tail (&self->out, job);
    self->n_ran++;
    g_cond_broadcast (&self->ran);
    g_source_set_ready_time (self->source, 0);
  }
  g_mutex_unlock (&self->lock);

  return NULL;
}

static void
worker_unref (BottegaWorker *self)
{
  if (--self->refs > 0)
    return;

  g_cond_clear (&self->pushed);
  g_cond_clear (&self->ran);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* Calls what is to be called. A callback may free the worker: the rest is then dropped. */
static void
worker_deliver (BottegaWorker *self)
{
  self->refs++;
  for (;;) {
    Job *job;

    g_mutex_lock (&self->lock);
    job = g_queue_pop_head (&self->out);
    g_mutex_unlock (&self->lock);
    if (job == NULL)
      break;
    if (job->done != NULL && !self->freed)
      job->done (job->data);
    job_free (job);
  }
  worker_unref (self);
}

static gboolean
worker_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_source_set_ready_time (source, -1);
  worker_deliver (((WorkerSource *) source)->worker);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs worker_source_funcs = { .dispatch = worker_source_dispatch };

BottegaWorker *
bottega_worker_new (const char *name)
{
  BottegaWorker *self = g_new0 (BottegaWorker, 1);
  g_autofree char *source_name = g_strdup_printf ("[bottega] %s", name);

  self->refs = 1;
  g_mutex_init (&self->lock);
  g_cond_init (&self->pushed);
  g_cond_init (&self->ran);

  self->source = g_source_new (&worker_source_funcs, sizeof (WorkerSource));
  ((WorkerSource *) self->source)->worker = self;
  g_source_set_name (self->source, source_name);
  g_source_attach (self->source, g_main_context_get_thread_default ());

  self->thread = g_thread_new (name, worker_thread, self);

  return self;
}

void
bottega_worker_push (BottegaWorker *self,
                     BottegaWorkerFunc run,
                     BottegaWorkerFunc done,
                     gpointer data,
                     GDestroyNotify destroy)
{
  Job *job = g_new (Job, 1);

  g_return_if_fail (self != NULL && run != NULL);

  *job = (Job) { run, done, data, destroy };
  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->in, job);
  self->n_pushed++;
  g_cond_signal (&self->pushed);
  g_mutex_unlock (&self->lock);
}

void
bottega_worker_report (BottegaWorker *self,
                       BottegaWorkerFunc report,
                       gpointer data,
                       GDestroyNotify destroy)
{
  Job *job = g_new (Job, 1);

  g_return_if_fail (self != NULL && report != NULL);

  *job = (Job) { NULL, report, data, destroy };
  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->out, job);
  g_source_set_ready_time (self->source, 0);
  g_mutex_unlock (&self->lock);
}

void
bottega_worker_wait (BottegaWorker *self)
{
  guint64 target;

  g_return_if_fail (self != NULL);

  g_mutex_lock (&self->lock);
  target = self->n_pushed;
  while (self->n_ran < target)
    g_cond_wait (&self->ran, &self->lock);
  g_mutex_unlock (&self->lock);
  worker_deliver (self);
}

void
bottega_worker_free (BottegaWorker *self)
{
  if (self == NULL)
    return;

  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  g_cond_signal (&self->pushed);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);

  self->freed = TRUE;
  g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  worker_deliver (self);
  worker_unref (self);
}
