/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens on the engine thread: jobs one after the other, events into the ring, the fall back
 * to the processor when a device fails. It must not touch anything of the main thread but the wake
 * source.
 *
 * The lock guards the queue and the number of the running job, for moments; it is never held while
 * the engine works. */
#define G_LOG_DOMAIN "bottega-engine-worker"
#include "config.h"

#include "app/assistant/bottega-engine-worker.h"
#include "app/assistant/bottega-kept-files.h"

#include <glib/gi18n-lib.h>
#include <stdatomic.h>
#include <string.h>

#define RING_EVENTS       256
#define RING_FULL_WAIT_US 2000
#define KEEP_AT_END_US    (3 * G_USEC_PER_SEC)

struct _BottegaEngineWorker {
  GThread *thread;
  BottegaEngineSource *source;
  GSource *wake;
  BottegaEventRing *ring;
  atomic_bool awake; /* the wake source has been set and not yet acknowledged */
  atomic_bool quit;

  GMutex lock; /* guards the next ten */
  GCond pushed, ended;
  GQueue jobs;
  guint64 running; /* id of the job in progress; 0: none */
  BottegaJobKind running_kind;
  gboolean cancelled; /* the running job has been */
  gboolean kept_all;  /* the thread is about to end */
  guint64 keep_bytes;
  char *spaces_folder; /* where they are; NULL: not known yet */
  gboolean saving;     /* a failed device is being replaced: the source must not be cancelled */

  /* The engine thread's own. */
  guint64 load_id;     /* of the last load */
  char *path, *device; /* device: what it really runs on; NULL: nothing loaded */
  char *draft_path;    /* NULL: none */
  char *load_error;    /* why nothing is loaded; NULL */
  guint context_tokens, wanted_context_tokens;
  char *kv_type;
  guint64 text_job; /* whose text waits for room in the ring */
  GString *text;
  guint text_tokens;
  gboolean text_is_thought;
};

void
bottega_job_free (BottegaJob *job)
{
  if (job == NULL)
    return;
  g_free (job->path);
  g_free (job->device);
  g_free (job->kv_type);
  g_free (job->draft_path);
  g_strfreev (job->ids);
  bottega_prompt_free (job->prompt);
  g_free (job);
}

/* ---- events out ---- */

static gboolean
try_push (BottegaEngineWorker *self, BottegaEvent *event)
{
  if (!bottega_event_ring_push (self->ring, event))
    return FALSE;
  if (!atomic_exchange (&self->awake, TRUE))
    g_source_set_ready_time (self->wake, 0);

  return TRUE;
}

/* Waits for room: for the few events that must not be lost. Ends when the program does. */
static void
push_or_wait (BottegaEngineWorker *self, BottegaEvent *event)
{
  while (!try_push (self, event)) {
    if (atomic_load (&self->quit)) {
      bottega_event_clear (event);
      return;
    }
    g_usleep (RING_FULL_WAIT_US);
  }
}

static gboolean
try_push_text (BottegaEngineWorker *self)
{
  BottegaEvent event = {
    self->text_is_thought ? BOTTEGA_EVENT_THOUGHT : BOTTEGA_EVENT_TEXT,
    self->text_job,
    .done = self->text_tokens,
  };

  if (self->text_tokens == 0 && self->text->len == 0)
    return TRUE;
  event.text = g_strndup (self->text->str, self->text->len);
  if (!try_push (self, &event)) {
    bottega_event_clear (&event);
    return FALSE;
  }
  g_string_truncate (self->text, 0);
  self->text_tokens = 0;

  return TRUE;
}

static void
push_text (BottegaEngineWorker *self)
{
  while (!try_push_text (self) && !atomic_load (&self->quit))
    g_usleep (RING_FULL_WAIT_US);
}

static void
push_event (BottegaEngineWorker *self, BottegaEvent *event)
{
  push_text (self);
  push_or_wait (self, event);
}

/* Text of the other kind goes first. */
static void
set_text_is_thought (BottegaEngineWorker *self, gboolean is_thought)
{
  if (self->text_is_thought != is_thought)
    push_text (self);
  self->text_is_thought = is_thought;
}

/* ---- loading ---- */

static void
on_load_progress (double fraction, void *user_data)
{
  BottegaEngineWorker *self = user_data;
  BottegaEvent event = { BOTTEGA_EVENT_LOADING, self->load_id, .fraction = fraction };

  /* A lost one does not matter: the next comes soon. */
  if (!try_push (self, &event))
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
  BottegaLoadRequest request = {
    .path = self->path,
    .draft_path = self->draft_path,
    .device = device,
    .context_tokens = self->wanted_context_tokens,
    .kv_type = self->kv_type,
    .progress = on_load_progress,
    .progress_data = self,
  };
  BottegaEvent event = { BOTTEGA_EVENT_LOADED, self->load_id };
  BottegaEngineSourceInterface *iface = BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source);

  g_clear_pointer (&self->device, g_free);
  if (!iface->load (self->source, &request, &event.loaded, error)) {
    bottega_loaded_clear (&event.loaded);
    return FALSE;
  }
  self->device = g_strdup (event.loaded.device);
  self->context_tokens = event.loaded.context_tokens;
  g_clear_pointer (&self->load_error, g_free);
  event.text = g_strdup (note != NULL ? note : event.loaded.note);
  push_event (self, &event);

  return TRUE;
}

static void
load_failed (BottegaEngineWorker *self, GError *error)
{
  BottegaEvent event = { BOTTEGA_EVENT_LOAD_FAILED, self->load_id, .error = error };

  g_set_str (&self->load_error, error->message);
  push_event (self, &event);
}

/* After a failure of the device: the same model on the processor, and a note that says why. A
 * cancel of the answer must not stop this, or the next question would find no model. */
static gboolean
fall_back (BottegaEngineWorker *self, const GError *reason)
{
  GError *error = NULL;
  g_autofree char *note = NULL;
  gboolean ok;

  g_mutex_lock (&self->lock);
  self->saving = !atomic_load (&self->quit);
  if (self->saving)
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->rearm (self->source);
  g_mutex_unlock (&self->lock);

  /* Translators: %s is a whole sentence about what went wrong with the graphics card. */
  note = g_strdup_printf (_ ("%s Answers are now computed on the processor."), reason->message);
  ok = load_on (self, "cpu", note, &error);

  g_mutex_lock (&self->lock);
  self->saving = FALSE;
  ok = ok && !self->cancelled;
  g_mutex_unlock (&self->lock);

  if (error != NULL)
    load_failed (self, error);

  return ok;
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

  keep (self, NULL);
  self->load_id = job->id;
  self->wanted_context_tokens = job->context_tokens;
  g_set_str (&self->kv_type, job->kv_type);
  g_set_str (&self->path, job->path);
  g_set_str (&self->draft_path, job->draft_path);
  if (load_on (self, job->device, NULL, &error))
    return;
  if (is_device_error (error) && strcmp (job->device, "cpu") != 0 && !atomic_load (&self->quit)) {
    fall_back (self, error);
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
  push_event (self, &event);
}

/* ---- counting and generating ---- */

static gboolean
count_tokens (const EngineMessage *messages,
              gsize n_messages,
              const char *answer_prefix,
              guint *tokens,
              gpointer user_data,
              GError **error)
{
  BottegaEngineWorker *self = user_data;

  return BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)
      ->count (self->source, messages, n_messages, answer_prefix, tokens, error);
}

static gboolean
check_loaded (BottegaEngineWorker *self, GError **error)
{
  if (self->device != NULL)
    return TRUE;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                       self->load_error != NULL ? self->load_error
                                                : _ ("No model is loaded. Choose one first."));

  return FALSE;
}

static void
run_count (BottegaEngineWorker *self, BottegaJob *job)
{
  BottegaEvent event = { BOTTEGA_EVENT_COUNTED, job->id };
  gsize n_messages;
  const EngineMessage *messages = bottega_prompt_get_messages (job->prompt, &n_messages);

  if (check_loaded (self, &event.error))
    count_tokens (messages, n_messages, bottega_prompt_get_answer_prefix (job->prompt), &event.done,
                  self, &event.error);
  push_event (self, &event);
}

static void
on_engine_event (const EngineEvent *engine_event, void *user_data)
{
  BottegaEngineWorker *self = user_data;
  BottegaEvent event = { BOTTEGA_EVENT_READING, self->text_job };

  switch (engine_event->kind) {
  case ENGINE_EVENT_READING:
    event.done = engine_event->done;
    event.total = engine_event->total;
    event.left_s = engine_event->left_s;
    if (!try_push (self, &event))
      bottega_event_clear (&event);
    break;

  case ENGINE_EVENT_TOKEN:
    set_text_is_thought (self, engine_event->text_kind == ENGINE_TEXT_THOUGHT);
    /* The syntax of a tool call is nothing to read. */
    if (engine_event->text_kind != ENGINE_TEXT_TOOL)
      g_string_append (self->text, engine_event->text);
    self->text_tokens += engine_event->token >= 0;
    try_push_text (self);
    break;

  default:
    break;
  }
}

/* Makes the prompt fit and lets the engine write. began: whether any token came. */
static gboolean
generate_once (BottegaEngineWorker *self, BottegaJob *job, BottegaEvent *finished, gboolean *began)
{
  BottegaEvent started = { BOTTEGA_EVENT_STARTED, job->id };
  const EngineMessage *messages;
  gsize n_messages;
  guint reserve_tokens = MIN (job->reserve_tokens, self->context_tokens / 4);
  gboolean ok;

  if (!bottega_prompt_fit (job->prompt, self->context_tokens, reserve_tokens, count_tokens, self,
                           &started.fit, &finished->error))
    return FALSE;
  started.text = g_strdup (started.fit.first_message);
  started.fit.first_message = NULL;
  push_event (self, &started);

  messages = bottega_prompt_get_messages (job->prompt, &n_messages);
  finished->stats = (EngineStats) { 0 };
  ok = BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)
           ->generate (self->source, job->path, messages, n_messages,
                       bottega_prompt_get_answer_prefix (job->prompt),
                       &job->options, on_engine_event, self, &finished->stats, &finished->error);
  finished->has_stats = ok || finished->stats.written_tokens > 0;
  *began = finished->stats.written_tokens > 0;

  return ok;
}

static void
run_generate (BottegaEngineWorker *self, BottegaJob *job)
{
  BottegaEvent began_event = { BOTTEGA_EVENT_BEGAN, job->id };
  BottegaEvent finished = { BOTTEGA_EVENT_FINISHED, job->id };
  gboolean began = FALSE;

  push_event (self, &began_event);
  self->text_job = job->id;

  /* A device that fails before the first word costs a second try, not the answer; later it costs
   * this answer and the next question finds the processor ready. */
  if (check_loaded (self, &finished.error) &&
      !generate_once (self, job, &finished, &began) &&
      is_device_error (finished.error) &&
      strcmp (self->device, "cpu") != 0 &&
      fall_back (self, finished.error) &&
      !began) {
    g_clear_error (&finished.error);
    generate_once (self, job, &finished, &began);
  }
  push_event (self, &finished);
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
  [BOTTEGA_JOB_GENERATE] = run_generate,
  [BOTTEGA_JOB_COUNT] = run_count,
  [BOTTEGA_JOB_KEEP] = run_keep,
  [BOTTEGA_JOB_FORGET] = run_forget,
  [BOTTEGA_JOB_SWEEP] = run_sweep,
  [BOTTEGA_JOB_FIT] = run_fit,
};

static gpointer
engine_thread (gpointer data)
{
  BottegaEngineWorker *self = data;
  BottegaJob *job;

  g_mutex_lock (&self->lock);
  while (!atomic_load (&self->quit)) {
    job = g_queue_pop_head (&self->jobs);
    if (job == NULL) {
      g_cond_wait (&self->pushed, &self->lock);
      continue;
    }
    /* Under the lock, so that a cancel that finds the job running comes after. */
    self->running = job->id;
    self->running_kind = job->kind;
    self->cancelled = FALSE;
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->rearm (self->source);
    g_mutex_unlock (&self->lock);

    run_job[job->kind](self, job);
    bottega_job_free (job);

    g_mutex_lock (&self->lock);
    self->running = 0;
  }
  BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->rearm (self->source);
  g_mutex_unlock (&self->lock);

  while ((job = g_queue_pop_head (&self->jobs)) != NULL) {
    if (job->kind == BOTTEGA_JOB_FORGET) /* what was deleted must not come back */
      run_forget (self, job);
    bottega_job_free (job);
  }
  keep (self, NULL);
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
  self->text = g_string_new (NULL);
  atomic_init (&self->awake, FALSE);
  atomic_init (&self->quit, FALSE);
  g_mutex_init (&self->lock);
  g_cond_init (&self->pushed);
  g_cond_init (&self->ended);
  self->thread = g_thread_new ("engine", engine_thread, self);

  return self;
}

void
bottega_engine_worker_free (BottegaEngineWorker *self)
{
  gint64 until_us;

  if (self == NULL)
    return;

  g_mutex_lock (&self->lock);
  atomic_store (&self->quit, TRUE);
  if (self->running != 0)
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
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

  g_queue_clear_full (&self->jobs, (GDestroyNotify) bottega_job_free);
  bottega_event_ring_free (self->ring);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->pushed);
  g_cond_clear (&self->ended);
  g_string_free (self->text, TRUE);
  g_free (self->path);
  g_free (self->draft_path);
  g_free (self->device);
  g_free (self->spaces_folder);
  g_free (self->load_error);
  g_free (self->kv_type);
  g_source_unref (self->wake);
  g_object_unref (self->source);
  g_free (self);
}

void
bottega_engine_worker_push (BottegaEngineWorker *self, BottegaJob *job)
{
  g_mutex_lock (&self->lock);
  /* A question does not wait for a file: that conversation is kept another time. */
  if (job->kind == BOTTEGA_JOB_GENERATE && self->running != 0 &&
      self->running_kind == BOTTEGA_JOB_KEEP)
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
  g_queue_push_tail (&self->jobs, job);
  g_cond_signal (&self->pushed);
  g_mutex_unlock (&self->lock);
}

static gboolean
is_load (BottegaJobKind kind)
{
  return kind == BOTTEGA_JOB_LOAD || kind == BOTTEGA_JOB_UNLOAD;
}

void
bottega_engine_worker_push_load (BottegaEngineWorker *self, BottegaJob *job)
{
  GList *link;

  g_mutex_lock (&self->lock);
  for (link = self->jobs.head; link != NULL; link = link->next)
    if (is_load (((const BottegaJob *) link->data)->kind))
      break;
  if (link != NULL) {
    bottega_job_free (link->data);
    link->data = job;
  } else if (self->running != 0 && is_load (self->running_kind)) {
    BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
    g_queue_push_head (&self->jobs, job);
  } else {
    g_queue_push_tail (&self->jobs, job);
  }
  g_cond_signal (&self->pushed);
  g_mutex_unlock (&self->lock);
}

BottegaCancel
bottega_engine_worker_cancel (BottegaEngineWorker *self, guint64 id)
{
  BottegaCancel what = BOTTEGA_CANCEL_UNKNOWN;

  g_mutex_lock (&self->lock);
  if (self->running == id) {
    self->cancelled = TRUE;
    if (!self->saving)
      BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->cancel (self->source);
    what = BOTTEGA_CANCEL_RUNNING;
  } else {
    for (GList *link = self->jobs.head; link != NULL; link = link->next) {
      BottegaJob *job = link->data;

      if (job->id != id)
        continue;
      g_queue_delete_link (&self->jobs, link);
      bottega_job_free (job);
      what = BOTTEGA_CANCEL_REMOVED;
      break;
    }
  }
  g_mutex_unlock (&self->lock);

  return what;
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
