/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens on the engine thread: jobs as the queue gives them, a step of the answers in
 * progress between any two, events into the ring, the fall back to the processor when a device
 * fails. It must not touch anything of the main thread but the wake source.
 *
 * The lock guards the queue, for moments; it is never held while the engine works. */
#define G_LOG_DOMAIN "bottega-engine-worker"
#include "config.h"

#include "app/assistant/bottega-engine-worker-private.h"
#include "app/assistant/bottega-kept-files.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define RING_EVENTS       256
#define RING_FULL_WAIT_US 2000
#define KEEP_AT_END_US    (3 * G_USEC_PER_SEC)

/* ---- events out ---- */

gboolean
bottega_engine_worker_try_push (BottegaEngineWorker *self, BottegaEvent *event)
{
  if (!bottega_event_ring_push (self->ring, event))
    return FALSE;
  if (!atomic_exchange (&self->awake, TRUE))
    g_source_set_ready_time (self->wake, 0);

  return TRUE;
}

void
bottega_engine_worker_push_event (BottegaEngineWorker *self, BottegaEvent *event)
{
  while (!bottega_engine_worker_try_push (self, event)) {
    if (atomic_load (&self->quit)) {
      bottega_event_clear (event);
      return;
    }
    g_usleep (RING_FULL_WAIT_US);
  }
}

/* How many others come before those that wait: told when it changes. With the lock. */
static void
tell_waiting (BottegaEngineWorker *self)
{
  BottegaJob *job;
  guint n_before;

  while ((job = bottega_engine_queue_moved (self->queue, &n_before)) != NULL) {
    BottegaEvent event = { BOTTEGA_EVENT_WAITING, job->id, .done = n_before };

    /* Without room in the ring it is told at the next step. */
    if (!bottega_engine_worker_try_push (self, &event))
      return;
    job->told_before = n_before;
  }
}

/* ---- loading ---- */

static void
on_load_progress (double fraction, void *user_data)
{
  BottegaEngineWorker *self = user_data;
  BottegaEvent event = { BOTTEGA_EVENT_LOADING, self->load_id, .fraction = fraction };

  /* A lost one does not matter: the next comes soon. */
  if (!bottega_engine_worker_try_push (self, &event))
    bottega_event_clear (&event);
}

/* Errors that another device may not have. */
static gboolean
is_device_error (const GError *error)
{
  return g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE) ||
         g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY) ||
         g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_DEVICE_LOST);
}

static gboolean
load_on (BottegaEngineWorker *self, const char *device, const char *note, GError **error)
{
  BottegaLoadRequest request = *self->request;
  BottegaEvent event = { BOTTEGA_EVENT_LOADED, self->load_id };
  BottegaEngineSourceInterface *iface = BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source);

  request.device = device;
  request.progress = on_load_progress;
  request.progress_data = self;
  g_clear_pointer (&self->device, g_free);
  if (!iface->load (self->source, &request, &event.loaded, error)) {
    bottega_loaded_clear (&event.loaded);
    return FALSE;
  }
  self->device = g_strdup (event.loaded.device);
  self->context_tokens = event.loaded.context_tokens;
  g_clear_pointer (&self->load_error, g_free);
  event.text = g_strdup (note != NULL ? note : event.loaded.note);
  bottega_engine_worker_push_event (self, &event);

  return TRUE;
}

static void
load_failed (BottegaEngineWorker *self, GError *error)
{
  BottegaEvent event = { BOTTEGA_EVENT_LOAD_FAILED, self->load_id, .error = error };

  g_set_str (&self->load_error, error->message);
  bottega_engine_worker_push_event (self, &event);
}

gboolean
bottega_engine_worker_may_fall_back (BottegaEngineWorker *self, const GError *error)
{
  return is_device_error (error) && self->device != NULL && strcmp (self->device, "cpu") != 0;
}

gboolean
bottega_engine_worker_fall_back (BottegaEngineWorker *self, const GError *reason)
{
  GError *error = NULL;
  g_autofree char *note = NULL;

  g_mutex_lock (&self->lock);
  if (!atomic_load (&self->quit))
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->rearm (self->source);
  g_mutex_unlock (&self->lock);

  /* Translators: %s is a whole sentence about what went wrong with the graphics card. */
  note = g_strdup_printf (_ ("%s Answers are now computed on the processor."), reason->message);
  if (load_on (self, "cpu", note, &error))
    return TRUE;
  load_failed (self, error);

  return FALSE;
}

/* Files that are too many go. */
static void
fit (BottegaEngineWorker *self)
{
  g_autofree char *folder = NULL;
  guint64 bytes;

  g_mutex_lock (&self->lock);
  bytes = self->keep_bytes;
  folder = g_strdup (self->spaces_folder);
  g_mutex_unlock (&self->lock);
  if (folder != NULL)
    bottega_kept_files_fit (folder, bytes);
}

/* Conversations outlive the model on the disk, path NULL: all of them. */
static void
keep (BottegaEngineWorker *self, const char *path)
{
  BottegaEngineSourceInterface *iface = BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source);
  guint64 bytes;

  g_mutex_lock (&self->lock);
  bytes = self->keep_bytes;
  g_mutex_unlock (&self->lock);
  if (bytes == 0 || iface->keep == NULL)
    return;
  iface->keep (self->source, path, bytes);
  fit (self);
}

static void
run_load (BottegaEngineWorker *self, BottegaJob *job)
{
  GError *error = NULL;
  const char *device = job->request->device;

  keep (self, NULL);
  self->load_id = job->id;
  bottega_load_request_free (self->request);
  self->request = g_steal_pointer (&job->request);
  if (load_on (self, device, NULL, &error))
    return;
  if (is_device_error (error) && strcmp (device, "cpu") != 0 && !atomic_load (&self->quit)) {
    bottega_engine_worker_fall_back (self, error);
    g_error_free (error);
    return;
  }
  load_failed (self, error);
}

static void
run_unload (BottegaEngineWorker *self, BottegaJob *job)
{
  BottegaEvent event = { BOTTEGA_EVENT_UNLOADED, job->id };

  keep (self, NULL);
  BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->unload (self->source);
  g_clear_pointer (&self->device, g_free);
  g_clear_pointer (&self->load_error, g_free);
  bottega_engine_worker_push_event (self, &event);
}

gboolean
bottega_engine_worker_check_loaded (BottegaEngineWorker *self, GError **error)
{
  if (self->device != NULL)
    return TRUE;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                       self->load_error != NULL ? self->load_error
                                                : _ ("No model is loaded. Choose one first."));

  return FALSE;
}

/* ---- conversations on the disk ---- */

static void
run_keep (BottegaEngineWorker *self, BottegaJob *job)
{
  keep (self, job->path);
}

static void
run_forget (BottegaEngineWorker *self, BottegaJob *job)
{
  BottegaEngineSourceInterface *iface = BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source);

  if (iface->forget != NULL)
    iface->forget (self->source, job->path);
  bottega_kept_files_wipe (job->path);
}

static void
run_sweep (BottegaEngineWorker *self, BottegaJob *job)
{
  bottega_kept_files_sweep (job->path, (const char *const *) job->ids);
}

static void
run_fit (BottegaEngineWorker *self, BottegaJob *job)
{
  fit (self);
}

static void (*const run_job[]) (BottegaEngineWorker *self, BottegaJob *job) = {
  [BOTTEGA_JOB_LOAD] = run_load,
  [BOTTEGA_JOB_UNLOAD] = run_unload,
  [BOTTEGA_JOB_GENERATE] = bottega_engine_worker_begin_answer,
  [BOTTEGA_JOB_COUNT] = bottega_engine_worker_count,
  [BOTTEGA_JOB_KEEP] = run_keep,
  [BOTTEGA_JOB_FORGET] = run_forget,
  [BOTTEGA_JOB_SWEEP] = run_sweep,
  [BOTTEGA_JOB_FIT] = run_fit,
};

/* ---- the thread ---- */

/* One job that may begin: an answer joins the others, anything else is done then and there. With
 * the lock, but for that. FALSE: there is none. */
static gboolean
run_next (BottegaEngineWorker *self)
{
  BottegaJob *job = bottega_engine_queue_take (self->queue);
  gboolean is_answer = job != NULL && job->kind == BOTTEGA_JOB_GENERATE;

  if (job == NULL)
    return FALSE;
  /* Under the lock, so that a cancel that finds the job running comes after. */
  if (!is_answer)
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->rearm (self->source);
  g_mutex_unlock (&self->lock);
  run_job[job->kind](self, job);
  g_mutex_lock (&self->lock);
  if (!is_answer)
    bottega_engine_queue_end (self->queue, job);

  return TRUE;
}

static gboolean
has_answers (BottegaEngineWorker *self)
{
  BottegaJob *answers[BOTTEGA_QUEUE_MOST_ANSWERS];

  return bottega_engine_queue_get_answers (self->queue, answers) > 0;
}

/* What is to be done yet when the program ends. */
static void
clean_up (BottegaEngineWorker *self)
{
  BottegaJob *job;

  bottega_engine_worker_drop_answers (self);
  g_mutex_lock (&self->lock);
  BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->rearm (self->source);
  while ((job = bottega_engine_queue_first (self->queue)) != NULL) {
    g_mutex_unlock (&self->lock);
    if (job->kind == BOTTEGA_JOB_FORGET) /* what was deleted must not come back */
      run_forget (self, job);
    g_mutex_lock (&self->lock);
    bottega_engine_queue_end (self->queue, job);
  }
  g_mutex_unlock (&self->lock);
  keep (self, NULL);
}

static gpointer
engine_thread (gpointer data)
{
  BottegaEngineWorker *self = data;

  g_mutex_lock (&self->lock);
  while (!atomic_load (&self->quit)) {
    if (run_next (self))
      continue;
    tell_waiting (self);
    if (!has_answers (self)) {
      g_cond_wait (&self->pushed, &self->lock);
      continue;
    }
    g_mutex_unlock (&self->lock);
    bottega_engine_worker_step_answers (self);
    g_mutex_lock (&self->lock);
  }
  g_mutex_unlock (&self->lock);

  clean_up (self);
  g_mutex_lock (&self->lock);
  self->kept_all = TRUE;
  g_cond_signal (&self->ended);
  g_mutex_unlock (&self->lock);

  BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->unload (self->source);

  return NULL;
}

/* ---- for the main thread ---- */

BottegaEngineWorker *
bottega_engine_worker_new (BottegaEngineSource *source, GSource *wake)
{
  BottegaEngineWorker *self = g_new0 (BottegaEngineWorker, 1);

  self->source = g_object_ref (source);
  self->wake = g_source_ref (wake);
  self->ring = bottega_event_ring_new (RING_EVENTS);
  self->queue = bottega_engine_queue_new ();
  atomic_init (&self->awake, FALSE);
  atomic_init (&self->quit, FALSE);
  g_mutex_init (&self->lock);
  g_cond_init (&self->pushed);
  g_cond_init (&self->ended);
  self->thread = g_thread_new ("engine", engine_thread, self);

  return self;
}

/* The running ones; those that are cancelled: only these. With the lock. */
static void
cancel_answers (BottegaEngineWorker *self, gboolean cancelled)
{
  BottegaJob *answers[BOTTEGA_QUEUE_MOST_ANSWERS];
  guint n = bottega_engine_queue_get_answers (self->queue, answers);

  for (guint i = 0; i < n; i++)
    if (answers[i]->cancelled || !cancelled) {
      answers[i]->cancelled = TRUE;
      bottega_engine_worker_cancel_answer (self, answers[i]);
    }
}

void
bottega_engine_worker_free (BottegaEngineWorker *self)
{
  gint64 until_us;

  if (self == NULL)
    return;

  g_mutex_lock (&self->lock);
  atomic_store (&self->quit, TRUE);
  BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
  cancel_answers (self, FALSE);
  g_cond_signal (&self->pushed);
  until_us = g_get_monotonic_time () + KEEP_AT_END_US;
  while (!self->kept_all && g_cond_wait_until (&self->ended, &self->lock, until_us))
    ;
  if (!self->kept_all) { /* longer than anybody wants to wait */
    self->keep_bytes = 0;
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
  }
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);

  bottega_engine_queue_free (self->queue);
  bottega_event_ring_free (self->ring);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->pushed);
  g_cond_clear (&self->ended);
  bottega_load_request_free (self->request);
  g_free (self->device);
  g_free (self->spaces_folder);
  g_free (self->load_error);
  g_source_unref (self->wake);
  g_object_unref (self->source);
  g_free (self);
}

void
bottega_engine_worker_push (BottegaEngineWorker *self, BottegaJob *job)
{
  gboolean is_load = job->kind == BOTTEGA_JOB_LOAD || job->kind == BOTTEGA_JOB_UNLOAD;
  gboolean gives_way;

  g_mutex_lock (&self->lock);
  if (is_load) {
    bottega_engine_queue_cancel_ahead (self->queue);
    cancel_answers (self, TRUE);
    gives_way = bottega_engine_queue_push_load (self->queue, job);
  } else {
    const BottegaJob *other = bottega_engine_queue_get_other (self->queue);

    /* A question does not wait for a file: that conversation is kept another time. */
    gives_way = job->kind == BOTTEGA_JOB_GENERATE && other != NULL &&
                other->kind == BOTTEGA_JOB_KEEP;
    bottega_engine_queue_push (self->queue, job);
  }
  if (gives_way)
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
  g_cond_signal (&self->pushed);
  g_mutex_unlock (&self->lock);
}

BottegaCancel
bottega_engine_worker_cancel (BottegaEngineWorker *self, guint64 id)
{
  BottegaCancel what = BOTTEGA_CANCEL_UNKNOWN;
  BottegaJob *job;

  g_mutex_lock (&self->lock);
  job = bottega_engine_queue_find (self->queue, id);
  if (job != NULL && job->running) {
    job->cancelled = TRUE;
    if (job->kind == BOTTEGA_JOB_GENERATE)
      bottega_engine_worker_cancel_answer (self, job);
    else
      BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
    what = BOTTEGA_CANCEL_RUNNING;
  } else if (job != NULL) {
    bottega_engine_queue_end (self->queue, job);
    /* It may have been before others. */
    g_cond_signal (&self->pushed);
    what = BOTTEGA_CANCEL_REMOVED;
  }
  g_mutex_unlock (&self->lock);

  return what;
}

void
bottega_engine_worker_set_shown (BottegaEngineWorker *self, const char *path)
{
  g_mutex_lock (&self->lock);
  bottega_engine_queue_set_shown (self->queue, path);
  g_mutex_unlock (&self->lock);
}

void
bottega_engine_worker_set_keep (BottegaEngineWorker *self, guint64 bytes,
                                const char *spaces_folder)
{
  g_mutex_lock (&self->lock);
  self->keep_bytes = bytes;
  g_set_str (&self->spaces_folder, spaces_folder);
  g_mutex_unlock (&self->lock);
}

gboolean
bottega_engine_worker_pop (BottegaEngineWorker *self, BottegaEvent *event)
{
  return bottega_event_ring_pop (self->ring, event);
}

void
bottega_engine_worker_acknowledge (BottegaEngineWorker *self)
{
  atomic_store (&self->awake, FALSE);
}
