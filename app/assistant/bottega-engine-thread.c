/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The main thread's side of the engine thread: who waits for which job, what is loaded, and the one
 * source that takes events off the ring. What the thread does is in bottega-engine-worker.c;
 * nothing here may wait for it. */
#define G_LOG_DOMAIN "bottega-engine-thread"
#include "config.h"

#include "app/assistant/bottega-engine-clients.h"
#include "app/assistant/bottega-engine-thread.h"
#include "app/assistant/bottega-engine-worker.h"

/* Twice what the ring holds. */
#define MAX_EVENTS_A_TURN 512

struct _BottegaEngineThread {
  GObject parent_instance;

  BottegaEngineSource *source;
  BottegaPerformance *performance; /* NULL: none */
  BottegaEngineWorker *worker;     /* NULL after shutdown */
  GSource *wake;
  BottegaEngineClients *clients;
  GArray *removed; /* of guint64: jobs cancelled while they waited, to be told */
  guint64 last_job, load_job;

  BottegaEngineState state;
  double load_fraction;
  BottegaLoaded loaded;
  char *model_path, *error, *note;
  int error_code; /* of ENGINE_ERROR, while error is set */
};

typedef struct {
  GSource parent;
  BottegaEngineThread *owner; /* borrowed */
} WakeSource;

enum {
  PROP_0,
  PROP_STATE,
  PROP_LOAD_FRACTION,
  PROP_MODEL_PATH,
  PROP_MODEL_NAME,
  PROP_DEVICE,
  PROP_DEVICE_DESCRIPTION,
  PROP_CONTEXT_SIZE,
  PROP_ERROR,
  PROP_NOTE,
  PROP_WAITING,
  PROP_ANSWERING,
  N_PROPS,
};

enum {
  SIGNAL_ANSWERED,
  SIGNAL_NEEDED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_ENUM_TYPE (BottegaEngineState, bottega_engine_state,
                    G_DEFINE_ENUM_VALUE (BOTTEGA_ENGINE_NO_MODEL, "no-model"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_ENGINE_LOADING, "loading"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_ENGINE_READY, "ready"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_ENGINE_FAILED, "failed"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_ENGINE_RESTING, "resting"))

G_DEFINE_FINAL_TYPE (BottegaEngineThread, bottega_engine_thread, G_TYPE_OBJECT)

static void
notify (BottegaEngineThread *self, guint property)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

static void
notify_answers (BottegaEngineThread *self)
{
  notify (self, PROP_WAITING);
  notify (self, PROP_ANSWERING);
}

/* Takes the client out of the list: the job has ended. */
static BottegaEngineClient *
steal_client (BottegaEngineThread *self, guint64 job)
{
  BottegaEngineClient *client = bottega_engine_clients_steal (self->clients, job);

  if (client != NULL && client->kind == BOTTEGA_JOB_GENERATE)
    notify_answers (self);

  return client;
}

static void
set_state (BottegaEngineThread *self, BottegaEngineState state)
{
  if (self->state == state)
    return;
  self->state = state;
  notify (self, PROP_STATE);
}

/* Replaces what is known of the loaded model; takes what loaded owns. */
static void
set_loaded (BottegaEngineThread *self, BottegaLoaded *loaded)
{
  bottega_loaded_clear (&self->loaded);
  self->loaded = *loaded;
  *loaded = (BottegaLoaded) { 0 };
  if (self->performance != NULL)
    bottega_performance_set_loaded (self->performance, self->model_path,
                                    self->loaded.device != NULL ? &self->loaded : NULL);
  notify (self, PROP_MODEL_NAME);
  notify (self, PROP_DEVICE);
  notify (self, PROP_DEVICE_DESCRIPTION);
  notify (self, PROP_CONTEXT_SIZE);
}

static void
set_string (BottegaEngineThread *self, char **string, const char *value, guint property)
{
  if (g_set_str (string, value))
    notify (self, property);
}

/* ---- one function for each kind of event ---- */

static void
on_loading (BottegaEngineThread *self, BottegaEvent *event)
{
  if (event->job != self->load_job)
    return;
  set_state (self, BOTTEGA_ENGINE_LOADING);
  self->load_fraction = CLAMP (event->fraction, 0, 1);
  notify (self, PROP_LOAD_FRACTION);
}

static void
on_loaded (BottegaEngineThread *self, BottegaEvent *event)
{
  if (event->job != self->load_job)
    return;
  g_object_freeze_notify (G_OBJECT (self));
  set_loaded (self, &event->loaded);
  set_string (self, &self->error, NULL, PROP_ERROR);
  set_string (self, &self->note, event->text, PROP_NOTE);
  self->load_fraction = 1;
  notify (self, PROP_LOAD_FRACTION);
  set_state (self, BOTTEGA_ENGINE_READY);
  g_object_thaw_notify (G_OBJECT (self));
}

static void
on_load_failed (BottegaEngineThread *self, BottegaEvent *event)
{
  if (event->job != self->load_job)
    return;
  g_object_freeze_notify (G_OBJECT (self));
  set_loaded (self, &event->loaded);
  self->error_code = event->error->domain == ENGINE_ERROR ? event->error->code : -1;
  set_string (self, &self->error, event->error->message, PROP_ERROR);
  set_state (self, BOTTEGA_ENGINE_FAILED);
  g_object_thaw_notify (G_OBJECT (self));
}

static void
on_unloaded (BottegaEngineThread *self, BottegaEvent *event)
{
  /* The properties have been set when it was asked for. */
}

static void
on_waiting (BottegaEngineThread *self, BottegaEvent *event)
{
  BottegaEngineClient *client = bottega_engine_clients_find (self->clients, event->job);

  if (client == NULL)
    return;
  client->n_before = event->done;
  notify (self, PROP_WAITING);
}

static void
on_began (BottegaEngineThread *self, BottegaEvent *event)
{
  BottegaEngineClient *client = bottega_engine_clients_find (self->clients, event->job);

  if (client == NULL)
    return;
  client->began = TRUE;
  notify (self, PROP_WAITING);
}

static void
on_started (BottegaEngineThread *self, BottegaEvent *event)
{
  BottegaEngineClient *client = bottega_engine_clients_find (self->clients, event->job);

  event->fit.first_message = event->text;
  if (client != NULL && client->events.started != NULL)
    client->events.started (&event->fit, client->user_data);
}

static void
on_lost (BottegaEngineThread *self, BottegaEvent *event)
{
  BottegaEngineClient *client = bottega_engine_clients_find (self->clients, event->job);

  if (client != NULL && client->events.lost != NULL)
    client->events.lost (event->text, client->user_data);
}

static void
on_resumed (BottegaEngineThread *self, BottegaEvent *event)
{
  BottegaEngineClient *client = bottega_engine_clients_find (self->clients, event->job);

  event->fit.first_message = event->text;
  if (client != NULL && client->events.resumed != NULL)
    client->events.resumed (&event->fit, client->user_data);
}

static void
on_reading (BottegaEngineThread *self, BottegaEvent *event)
{
  BottegaEngineClient *client = bottega_engine_clients_find (self->clients, event->job);

  if (client != NULL && client->events.reading != NULL)
    client->events.reading (event->done, event->total, event->left_s, client->user_data);
}

static void
on_text (BottegaEngineThread *self, BottegaEvent *event)
{
  bottega_engine_clients_add_text (self->clients, event);
}

static void
on_finished (BottegaEngineThread *self, BottegaEvent *event)
{
  g_autoptr (BottegaEngineClient) client = steal_client (self, event->job);

  if (client == NULL)
    return;
  if (event->gaps != NULL && client->events.gaps != NULL)
    client->events.gaps (event->gaps, client->user_data);
  if (client->events.finished != NULL)
    client->events.finished (event->has_stats ? &event->stats : NULL, event->error,
                             client->user_data);
  if (event->has_stats)
    g_signal_emit (self, signals[SIGNAL_ANSWERED], 0, &event->stats);
}

static void
on_counted (BottegaEngineThread *self, BottegaEvent *event)
{
  g_autoptr (BottegaEngineClient) client = steal_client (self, event->job);

  if (client != NULL && client->counted != NULL)
    client->counted (event->error == NULL ? event->done : 0, event->error, client->user_data);
}

static void (*const on_event[]) (BottegaEngineThread *self, BottegaEvent *event) = {
  [BOTTEGA_EVENT_LOADING] = on_loading,
  [BOTTEGA_EVENT_LOADED] = on_loaded,
  [BOTTEGA_EVENT_LOAD_FAILED] = on_load_failed,
  [BOTTEGA_EVENT_UNLOADED] = on_unloaded,
  [BOTTEGA_EVENT_WAITING] = on_waiting,
  [BOTTEGA_EVENT_BEGAN] = on_began,
  [BOTTEGA_EVENT_STARTED] = on_started,
  [BOTTEGA_EVENT_LOST] = on_lost,
  [BOTTEGA_EVENT_RESUMED] = on_resumed,
  [BOTTEGA_EVENT_READING] = on_reading,
  [BOTTEGA_EVENT_TEXT] = on_text,
  [BOTTEGA_EVENT_THOUGHT] = on_text,
  [BOTTEGA_EVENT_FINISHED] = on_finished,
  [BOTTEGA_EVENT_COUNTED] = on_counted,
};

/* ---- the source ---- */

static void
tell_removed (BottegaEngineThread *self)
{
  g_autoptr (GArray) removed = self->removed;

  self->removed = g_array_new (FALSE, FALSE, sizeof (guint64));
  for (guint i = 0; i < removed->len; i++) {
    BottegaEvent event = { BOTTEGA_EVENT_FINISHED, g_array_index (removed, guint64, i) };

    on_finished (self, &event);
  }
}

static gboolean
is_text (const BottegaEvent *event)
{
  return event->kind == BOTTEGA_EVENT_TEXT || event->kind == BOTTEGA_EVENT_THOUGHT;
}

/* Takes all events that are there, but not for ever: an engine that is faster than this loop would
 * keep it here. Pieces of text of a job become one, up to its next event of another kind. */
static void
drain (BottegaEngineThread *self)
{
  BottegaEvent event;
  guint n = 0;

  while (self->worker != NULL && n < MAX_EVENTS_A_TURN &&
         bottega_engine_worker_pop (self->worker, &event)) {
    if (!is_text (&event))
      bottega_engine_clients_tell_text (self->clients, event.job);
    on_event[event.kind](self, &event);
    bottega_event_clear (&event);
    n++;
  }
  bottega_engine_clients_tell_text (self->clients, 0);
  if (n == MAX_EVENTS_A_TURN && self->worker != NULL)
    g_source_set_ready_time (self->wake, 0);
}

static gboolean
wake_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_autoptr (BottegaEngineThread) self = g_object_ref (((WakeSource *) source)->owner);

  g_source_set_ready_time (source, -1);
  if (self->worker != NULL)
    bottega_engine_worker_acknowledge (self->worker);
  tell_removed (self);
  drain (self);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = { .dispatch = wake_dispatch };

/* ---- GObject ---- */

static void
bottega_engine_thread_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaEngineThread *self = BOTTEGA_ENGINE_THREAD (object);

  switch (id) {
  case PROP_STATE:
    g_value_set_enum (value, self->state);
    break;
  case PROP_LOAD_FRACTION:
    g_value_set_double (value, self->load_fraction);
    break;
  case PROP_MODEL_PATH:
    g_value_set_string (value, self->model_path);
    break;
  case PROP_MODEL_NAME:
    g_value_set_string (value, self->loaded.model_name);
    break;
  case PROP_DEVICE:
    g_value_set_string (value, self->loaded.device);
    break;
  case PROP_DEVICE_DESCRIPTION:
    g_value_set_string (value, self->loaded.device_description);
    break;
  case PROP_CONTEXT_SIZE:
    g_value_set_uint (value, self->loaded.context_tokens);
    break;
  case PROP_ERROR:
    g_value_set_string (value, self->error);
    break;
  case PROP_NOTE:
    g_value_set_string (value, self->note);
    break;
  case PROP_WAITING:
    g_value_set_uint (value, bottega_engine_thread_get_waiting (self));
    break;
  case PROP_ANSWERING:
    g_value_set_boolean (value, bottega_engine_thread_get_answering (self));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_engine_thread_dispose (GObject *object)
{
  bottega_engine_thread_shutdown (BOTTEGA_ENGINE_THREAD (object));

  G_OBJECT_CLASS (bottega_engine_thread_parent_class)->dispose (object);
}

static void
bottega_engine_thread_finalize (GObject *object)
{
  BottegaEngineThread *self = BOTTEGA_ENGINE_THREAD (object);

  bottega_engine_clients_free (self->clients);
  g_array_unref (self->removed);
  bottega_loaded_clear (&self->loaded);
  g_free (self->model_path);
  g_free (self->error);
  g_free (self->note);
  g_clear_object (&self->source);
  g_clear_object (&self->performance);

  G_OBJECT_CLASS (bottega_engine_thread_parent_class)->finalize (object);
}

static void
bottega_engine_thread_class_init (BottegaEngineThreadClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->dispose = bottega_engine_thread_dispose;
  object_class->finalize = bottega_engine_thread_finalize;
  object_class->get_property = bottega_engine_thread_get_property;

  properties[PROP_STATE] = g_param_spec_enum ("state", NULL, NULL, BOTTEGA_TYPE_ENGINE_STATE,
                                              BOTTEGA_ENGINE_NO_MODEL, flags);
  properties[PROP_LOAD_FRACTION] =
      g_param_spec_double ("load-fraction", NULL, NULL, 0, 1, 0, flags);
  properties[PROP_MODEL_PATH] = g_param_spec_string ("model-path", NULL, NULL, NULL, flags);
  properties[PROP_MODEL_NAME] = g_param_spec_string ("model-name", NULL, NULL, NULL, flags);
  properties[PROP_DEVICE] = g_param_spec_string ("device", NULL, NULL, NULL, flags);
  properties[PROP_DEVICE_DESCRIPTION] =
      g_param_spec_string ("device-description", NULL, NULL, NULL, flags);
  properties[PROP_CONTEXT_SIZE] =
      g_param_spec_uint ("context-size", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_ERROR] = g_param_spec_string ("error", NULL, NULL, NULL, flags);
  properties[PROP_NOTE] = g_param_spec_string ("note", NULL, NULL, NULL, flags);
  properties[PROP_WAITING] = g_param_spec_uint ("waiting", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_ANSWERING] =
      g_param_spec_boolean ("answering", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  signals[SIGNAL_ANSWERED] =
      g_signal_new ("answered", BOTTEGA_TYPE_ENGINE_THREAD, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[SIGNAL_NEEDED] = g_signal_new ("needed", BOTTEGA_TYPE_ENGINE_THREAD, G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bottega_engine_thread_init (BottegaEngineThread *self)
{
  self->clients = bottega_engine_clients_new ();
  self->removed = g_array_new (FALSE, FALSE, sizeof (guint64));
}

BottegaEngineThread *
bottega_engine_thread_new (BottegaEngineSource *source)
{
  BottegaEngineThread *self = g_object_new (BOTTEGA_TYPE_ENGINE_THREAD, NULL);

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_SOURCE (source), NULL);

  self->source = g_object_ref (source);
  self->wake = g_source_new (&wake_funcs, sizeof (WakeSource));
  ((WakeSource *) self->wake)->owner = self;
  g_source_set_static_name (self->wake, "[bottega] engine events");
  g_source_attach (self->wake, g_main_context_get_thread_default ());
  self->worker = bottega_engine_worker_new (source, self->wake);

  return self;
}

void
bottega_engine_thread_shutdown (BottegaEngineThread *self)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));

  if (self->worker == NULL)
    return;
  g_clear_pointer (&self->worker, bottega_engine_worker_free);
  g_source_destroy (self->wake);
  g_clear_pointer (&self->wake, g_source_unref);
  bottega_engine_clients_clear (self->clients);
  g_array_set_size (self->removed, 0);
}

static guint64
push_job (BottegaEngineThread *self, BottegaJob *job)
{
  if (job->prompt != NULL && self->state == BOTTEGA_ENGINE_RESTING)
    g_signal_emit (self, signals[SIGNAL_NEEDED], 0);
  job->id = ++self->last_job;
  if (self->worker == NULL)
    bottega_job_free (job);
  else
    bottega_engine_worker_push (self->worker, job);

  return self->last_job;
}

void
bottega_engine_thread_load (BottegaEngineThread *self, const BottegaLoadRequest *request)
{
  BottegaLoadRequest whole;
  BottegaJob *job;
  BottegaLoaded none = { 0 };

  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));
  g_return_if_fail (request != NULL && request->path != NULL);

  whole = *request;
  if (whole.device == NULL || *whole.device == '\0')
    whole.device = "auto";
  job = g_new0 (BottegaJob, 1);
  job->kind = BOTTEGA_JOB_LOAD;
  job->request = bottega_load_request_copy (&whole);

  g_object_freeze_notify (G_OBJECT (self));
  self->load_job = push_job (self, job);
  set_string (self, &self->model_path, request->path, PROP_MODEL_PATH);
  set_string (self, &self->error, NULL, PROP_ERROR);
  set_string (self, &self->note, NULL, PROP_NOTE);
  set_loaded (self, &none);
  self->load_fraction = 0;
  notify (self, PROP_LOAD_FRACTION);
  set_state (self, BOTTEGA_ENGINE_LOADING);
  g_object_thaw_notify (G_OBJECT (self));
}

void
bottega_engine_thread_unload (BottegaEngineThread *self)
{
  BottegaJob *job;
  BottegaLoaded none = { 0 };

  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));

  job = g_new0 (BottegaJob, 1);
  job->kind = BOTTEGA_JOB_UNLOAD;
  self->load_job = push_job (self, job);

  g_object_freeze_notify (G_OBJECT (self));
  set_string (self, &self->model_path, NULL, PROP_MODEL_PATH);
  set_string (self, &self->error, NULL, PROP_ERROR);
  set_loaded (self, &none);
  set_state (self, BOTTEGA_ENGINE_NO_MODEL);
  g_object_thaw_notify (G_OBJECT (self));
}

gboolean
bottega_engine_thread_rest (BottegaEngineThread *self)
{
  BottegaJob *job;

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_THREAD (self), FALSE);

  if (self->state != BOTTEGA_ENGINE_READY ||
      bottega_engine_clients_count_answers (self->clients) > 0)
    return FALSE;
  job = g_new0 (BottegaJob, 1);
  job->kind = BOTTEGA_JOB_UNLOAD;
  self->load_job = push_job (self, job);
  set_state (self, BOTTEGA_ENGINE_RESTING);

  return TRUE;
}

guint64
bottega_engine_thread_generate (BottegaEngineThread *self,
                                const char *path,
                                BottegaAnswerClass class,
                                BottegaPrompt *prompt,
                                guint reserve_tokens,
                                const EngineGenerate *options,
                                const BottegaGenerateEvents *events,
                                gpointer user_data)
{
  BottegaEngineClient *client;
  BottegaJob *job;
  guint64 id;

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_THREAD (self), 0);
  g_return_val_if_fail (prompt != NULL && options != NULL && events != NULL, 0);

  job = g_new0 (BottegaJob, 1);
  job->kind = BOTTEGA_JOB_GENERATE;
  job->path = g_strdup (path);
  job->class = class;
  job->prompt = prompt;
  job->reserve_tokens = reserve_tokens;
  job->options = *options;

  client = g_new0 (BottegaEngineClient, 1);
  client->kind = BOTTEGA_JOB_GENERATE;
  client->job = id = push_job (self, job);
  client->events = *events;
  client->user_data = user_data;
  bottega_engine_clients_add (self->clients, client);
  notify_answers (self);

  return id;
}

void
bottega_engine_thread_cancel (BottegaEngineThread *self, guint64 job)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));

  if (self->worker == NULL || bottega_engine_clients_find (self->clients, job) == NULL)
    return;
  if (bottega_engine_worker_cancel (self->worker, job) == BOTTEGA_CANCEL_REMOVED) {
    g_array_append_val (self->removed, job);
    g_source_set_ready_time (self->wake, 0);
  }
}

void
bottega_engine_thread_abandon (BottegaEngineThread *self, guint64 job)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));

  bottega_engine_thread_cancel (self, job);
  bottega_engine_client_free (steal_client (self, job));
}

guint64
bottega_engine_thread_count (BottegaEngineThread *self,
                             BottegaPrompt *prompt,
                             BottegaCounted counted,
                             gpointer user_data)
{
  BottegaEngineClient *client;
  BottegaJob *job;

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_THREAD (self), 0);
  g_return_val_if_fail (prompt != NULL && counted != NULL, 0);

  job = g_new0 (BottegaJob, 1);
  job->kind = BOTTEGA_JOB_COUNT;
  job->prompt = prompt;

  client = g_new0 (BottegaEngineClient, 1);
  client->kind = BOTTEGA_JOB_COUNT;
  client->job = push_job (self, job);
  client->counted = counted;
  client->user_data = user_data;
  bottega_engine_clients_add (self->clients, client);

  return client->job;
}

/* A job that nobody waits for. */
static void
push_files_job (BottegaEngineThread *self, BottegaJobKind kind, const char *path,
                const char *const *ids)
{
  BottegaJob *job = g_new0 (BottegaJob, 1);

  job->kind = kind;
  job->path = g_strdup (path);
  job->ids = g_strdupv ((char **) ids);
  push_job (self, job);
}

void
bottega_engine_thread_set_keep (BottegaEngineThread *self, guint64 bytes,
                                const char *spaces_folder)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));
  g_return_if_fail (spaces_folder != NULL);

  if (self->worker == NULL)
    return;
  bottega_engine_worker_set_keep (self->worker, bytes, spaces_folder);
  push_files_job (self, BOTTEGA_JOB_FIT, NULL, NULL);
}

void
bottega_engine_thread_keep (BottegaEngineThread *self, const char *path)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));

  push_files_job (self, BOTTEGA_JOB_KEEP, path, NULL);
}

void
bottega_engine_thread_forget (BottegaEngineThread *self, const char *path)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));
  g_return_if_fail (path != NULL);

  push_files_job (self, BOTTEGA_JOB_FORGET, path, NULL);
}

void
bottega_engine_thread_sweep (BottegaEngineThread *self, const char *folder,
                             const char *const *ids)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));
  g_return_if_fail (folder != NULL && ids != NULL);

  push_files_job (self, BOTTEGA_JOB_SWEEP, folder, ids);
}

void
bottega_engine_thread_set_shown (BottegaEngineThread *self, const char *path)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));

  if (self->worker != NULL)
    bottega_engine_worker_set_shown (self->worker, path);
}

void
bottega_engine_thread_set_performance (BottegaEngineThread *self, BottegaPerformance *performance)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_THREAD (self));

  g_set_object (&self->performance, performance);
}

guint
bottega_engine_thread_get_position (BottegaEngineThread *self, guint64 job)
{
  const BottegaEngineClient *client;

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_THREAD (self), 0);

  client = bottega_engine_clients_find (self->clients, job);

  return client != NULL && !client->began ? client->n_before : 0;
}

/* ---- getters that only read ---- */

#define GETTER(type, name, otherwise, value)                           \
  type                                                                 \
      bottega_engine_thread_get_##name (BottegaEngineThread *self)     \
  {                                                                    \
    g_return_val_if_fail (BOTTEGA_IS_ENGINE_THREAD (self), otherwise); \
                                                                       \
    return value;                                                      \
  }

GETTER (BottegaEngineSource *, source, NULL, self->source)
GETTER (BottegaPerformance *, performance, NULL, self->performance)
GETTER (BottegaEngineState, state, BOTTEGA_ENGINE_NO_MODEL, self->state)
GETTER (double, load_fraction, 0, self->load_fraction)
GETTER (const char *, model_path, NULL, self->model_path)
GETTER (const char *, model_name, NULL, self->loaded.model_name)
GETTER (const char *, device, NULL, self->loaded.device)
GETTER (const char *, device_description, NULL, self->loaded.device_description)
GETTER (guint, context_size, 0, self->loaded.context_tokens)
GETTER (const char *, error, NULL, self->error)
GETTER (int, error_code, -1, self->error != NULL ? self->error_code : -1)
GETTER (const char *, note, NULL, self->note)
GETTER (guint, waiting, 0, bottega_engine_clients_count_waiting (self->clients))
GETTER (gboolean, answering, FALSE, bottega_engine_clients_count_answers (self->clients) > 0)
