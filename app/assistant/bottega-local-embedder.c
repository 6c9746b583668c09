/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests in two queues, one thread that serves questions before passages, and the model behind
 * them. It must not know what the texts are.
 *
 * The lock guards the queues and the flags; it is not held while the engine works. Who asks waits
 * on its own request. */
#define G_LOG_DOMAIN "bottega-local-embedder"
#include "config.h"

#include "app/assistant/bottega-engine-source.h"
#include "app/assistant/bottega-local-embedder.h"
#include "app/assistant/bottega-model-files.h"
#include "engine/engine.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* A question waits at most for one piece of passages: about so long. */
#define PIECE_US      100000
#define MOST_PIECE    16
#define IDLE_US       (3 * 60 * G_USEC_PER_SEC)
#define BYTES_A_TOKEN 4 /* without a model, an estimate */

typedef struct {
  BottegaEmbedKind kind;
  const char *const *texts;
  guint n, n_done;
  float *vectors;
  GCancellable *cancellable;
  GError *error;
  gboolean finished;
} Request;

struct _BottegaLocalEmbedder {
  GObject parent_instance;

  char *path, *device; /* path NULL: no model */
  guint n_threads;

  GMutex text_lock;   /* guards the three below, which are made once */
  gboolean looked_up; /* the three are what they will ever be */
  EngineModel *text;  /* metadata and tokenizer; NULL: no model, or it cannot be read */
  char *id, *text_error;

  GMutex lock; /* guards all below but the thread's own */
  GCond changed;
  GThread *thread;             /* NULL: not started */
  GQueue waited_for, passages; /* of Request, borrowed */
  gboolean yielding, quit;
  Request *running;

  /* The thread's own; session is also read under the lock, for cancelling. */
  EngineModel *model;
  EngineSession *session;
  double us_per_text;
};

static void embedder_iface_init (BottegaEmbedderInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaLocalEmbedder, bottega_local_embedder, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BOTTEGA_TYPE_EMBEDDER, embedder_iface_init))

/* ---- the model ---- */

/* The file without its weights: for counting, and for what is asked before there is a text. */
static EngineModel *
look_up (BottegaLocalEmbedder *self)
{
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&self->text_lock);
  if (!self->looked_up && self->path != NULL) {
    self->text = engine_model_open_text (self->path, &error);
    if (self->text == NULL)
      self->text_error = g_strdup (error->message);
    else if (engine_model_embedding_size (self->text) == 0)
      self->text_error = g_strdup_printf (_ ("“%s” is no model that makes vectors."), self->path);
    else
      self->id = g_strdup_printf ("%s:%u", engine_model_info (self->text)->name,
                                  engine_model_embedding_size (self->text));
  }
  self->looked_up = TRUE;
  g_mutex_unlock (&self->text_lock);

  return self->text_error == NULL ? self->text : NULL;
}

static void
unload (BottegaLocalEmbedder *self)
{
  EngineSession *session;

  g_mutex_lock (&self->lock);
  session = g_steal_pointer (&self->session);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&session, engine_session_free);
  g_clear_pointer (&self->model, engine_model_close);
}

static gboolean
load_on (BottegaLocalEmbedder *self, const char *device, GError **error)
{
  const EngineModelOptions options = { .device = device, .n_threads = self->n_threads };
  EngineSession *session;

  self->model = engine_model_open (self->path, &options, error);
  if (self->model == NULL)
    return FALSE;
  session = engine_session_new (self->model, error);
  if (session == NULL) {
    g_clear_pointer (&self->model, engine_model_close);
    return FALSE;
  }
  g_mutex_lock (&self->lock);
  self->session = session;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

static gboolean
load (BottegaLocalEmbedder *self, GError **error)
{
  g_autoptr (GError) device_error = NULL;

  if (self->session != NULL)
    return TRUE;
  if (load_on (self, self->device, &device_error))
    return TRUE;
  if (g_strcmp0 (self->device, "cpu") != 0 &&
      !g_error_matches (device_error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED)) {
    g_debug ("Vectors are made on the processor: %s", device_error->message);
    return load_on (self, "cpu", error);
  }
  g_propagate_error (error, g_steal_pointer (&device_error));

  return FALSE;
}

/* ---- the thread ---- */

/* How many of a request's texts come next. */
static guint
piece_of (BottegaLocalEmbedder *self, const Request *request)
{
  guint n = request->n - request->n_done;

  if (request->kind != BOTTEGA_EMBED_PASSAGE)
    return n;
  if (self->us_per_text <= 0)
    return 1;

  return MIN (n, (guint) CLAMP (PIECE_US / self->us_per_text, 1, MOST_PIECE));
}

static void
run_piece (BottegaLocalEmbedder *self, Request *request)
{
  static const EngineEmbedKind kinds[] = {
    [BOTTEGA_EMBED_PASSAGE] = ENGINE_EMBED_PASSAGE,
    [BOTTEGA_EMBED_QUERY] = ENGINE_EMBED_QUERY,
    [BOTTEGA_EMBED_SENTENCE] = ENGINE_EMBED_PASSAGE,
  };
  guint n = piece_of (self, request);
  gint64 started_us;
  double us;

  if (g_cancellable_set_error_if_cancelled (request->cancellable, &request->error) ||
      !load (self, &request->error))
    return;
  engine_session_rearm (self->session);
  started_us = g_get_monotonic_time ();
  if (!engine_session_embed (
          self->session, kinds[request->kind], request->texts + request->n_done, n,
          request->vectors + (gsize) request->n_done * engine_model_embedding_size (self->model),
          NULL, &request->error)) {
    /* A device that was lost comes back as the processor, or not at all. */
    if (g_error_matches (request->error, ENGINE_ERROR, ENGINE_ERROR_DEVICE_LOST) &&
        g_strcmp0 (self->device, "cpu") != 0) {
      unload (self);
      g_set_str (&self->device, "cpu");
      g_clear_error (&request->error);
    }
    return;
  }
  request->n_done += n;
  us = (double) (g_get_monotonic_time () - started_us) / n;
  if (request->kind == BOTTEGA_EMBED_PASSAGE)
    self->us_per_text = self->us_per_text <= 0 ? us : (self->us_per_text + us) / 2;
}

static GQueue *
queue_of (BottegaLocalEmbedder *self, BottegaEmbedKind kind)
{
  return kind == BOTTEGA_EMBED_PASSAGE ? &self->passages : &self->waited_for;
}

/* The next request; NULL: nothing to do now. With the lock. */
static Request *
next (BottegaLocalEmbedder *self)
{
  Request *request = g_queue_peek_head (&self->waited_for);

  if (request != NULL)
    return request;
  request = g_queue_peek_head (&self->passages);
  if (request != NULL && self->yielding && !g_cancellable_is_cancelled (request->cancellable))
    return NULL;

  return request;
}

static gpointer
embedder_thread (gpointer data)
{
  BottegaLocalEmbedder *self = data;
  gint64 idle_since_us = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  while (!self->quit) {
    Request *request = next (self);

    if (request == NULL && self->session == NULL) {
      g_cond_wait (&self->changed, &self->lock);
      continue;
    }
    if (request == NULL) {
      if (!g_cond_wait_until (&self->changed, &self->lock, idle_since_us + IDLE_US) &&
          next (self) == NULL) {
        g_mutex_unlock (&self->lock);
        unload (self);
        g_mutex_lock (&self->lock);
      }
      continue;
    }
    self->running = request;
    g_mutex_unlock (&self->lock);

    run_piece (self, request);

    g_mutex_lock (&self->lock);
    self->running = NULL;
    idle_since_us = g_get_monotonic_time ();
    if (request->n_done == request->n || request->error != NULL) {
      g_queue_remove (queue_of (self, request->kind), request);
      request->finished = TRUE;
      g_cond_broadcast (&self->changed);
    }
  }
  g_mutex_unlock (&self->lock);
  unload (self);

  return NULL;
}

/* ---- the interface ---- */

static guint
local_get_dimensions (BottegaEmbedder *embedder)
{
  const EngineModel *text = look_up (BOTTEGA_LOCAL_EMBEDDER (embedder));

  return text != NULL ? engine_model_embedding_size (text) : 0;
}

static const char *
local_get_id (BottegaEmbedder *embedder)
{
  BottegaLocalEmbedder *self = BOTTEGA_LOCAL_EMBEDDER (embedder);

  return look_up (self) != NULL ? self->id : NULL;
}

/* Any thread: wakes whoever waits, and the engine where it works for this request. */
static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
  BottegaLocalEmbedder *self = data;

  g_mutex_lock (&self->lock);
  if (self->running != NULL && self->running->cancellable == cancellable && self->session != NULL)
    engine_session_cancel (self->session);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static gboolean
finish (Request *request, GError **error)
{
  if (request->error == NULL)
    return TRUE;
  if (g_error_matches (request->error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED)) {
    g_clear_error (&request->error);
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("It was cancelled."));
    return FALSE;
  }
  g_propagate_error (error, request->error);

  return FALSE;
}

static gboolean
local_embed (BottegaEmbedder *embedder,
             BottegaEmbedKind kind,
             const char *const *texts,
             guint n,
             float *vectors,
             GCancellable *cancellable,
             GError **error)
{
  BottegaLocalEmbedder *self = BOTTEGA_LOCAL_EMBEDDER (embedder);
  Request request = { kind, texts, n, .vectors = vectors, .cancellable = cancellable };
  gulong handler = 0;

  if (look_up (self) == NULL) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                         self->text_error != NULL ? self->text_error
                                                  : _ ("There is no model that makes vectors."));
    return FALSE;
  }
  if (n == 0)
    return TRUE;
  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), self, NULL);

  g_mutex_lock (&self->lock);
  if (self->thread == NULL)
    self->thread = g_thread_new ("embedder", embedder_thread, self);
  g_queue_push_tail (queue_of (self, kind), &request);
  g_cond_broadcast (&self->changed);
  while (!request.finished)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);

  g_cancellable_disconnect (cancellable, handler);

  return finish (&request, error);
}

static void
local_set_yielding (BottegaEmbedder *embedder, gboolean yielding)
{
  BottegaLocalEmbedder *self = BOTTEGA_LOCAL_EMBEDDER (embedder);

  g_mutex_lock (&self->lock);
  self->yielding = yielding;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static guint
local_count_tokens (BottegaEmbedder *embedder, const char *text, gssize n_bytes)
{
  const EngineModel *model = look_up (BOTTEGA_LOCAL_EMBEDDER (embedder));
  g_autofree char *copy = NULL;
  g_autoptr (GArray) tokens = NULL;

  if (n_bytes < 0)
    n_bytes = (gssize) strlen (text);
  if (model == NULL)
    return (guint) (n_bytes + BYTES_A_TOKEN - 1) / BYTES_A_TOKEN;
  copy = g_strndup (text, (gsize) n_bytes);
  tokens = engine_model_encode (model, copy, FALSE, ENGINE_ENDS_NONE);

  return tokens->len;
}

static void
embedder_iface_init (BottegaEmbedderInterface *iface)
{
  iface->get_dimensions = local_get_dimensions;
  iface->get_id = local_get_id;
  iface->embed = local_embed;
  iface->set_yielding = local_set_yielding;
  iface->count_tokens = local_count_tokens;
}

/* ---- GObject ---- */

static void
bottega_local_embedder_finalize (GObject *object)
{
  BottegaLocalEmbedder *self = BOTTEGA_LOCAL_EMBEDDER (object);

  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->thread, g_thread_join);
  g_clear_pointer (&self->text, engine_model_close);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->text_lock);
  g_cond_clear (&self->changed);
  g_free (self->path);
  g_free (self->device);
  g_free (self->id);
  g_free (self->text_error);

  G_OBJECT_CLASS (bottega_local_embedder_parent_class)->finalize (object);
}

static void
bottega_local_embedder_class_init (BottegaLocalEmbedderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bottega_local_embedder_finalize;
}

static void
bottega_local_embedder_init (BottegaLocalEmbedder *self)
{
  g_mutex_init (&self->lock);
  g_mutex_init (&self->text_lock);
  g_cond_init (&self->changed);
}

BottegaEmbedder *
bottega_local_embedder_new (const char *model_path, const char *device, guint n_threads)
{
  BottegaLocalEmbedder *self = g_object_new (BOTTEGA_TYPE_LOCAL_EMBEDDER, NULL);

  self->path = g_strdup (model_path);
  self->device = g_strdup (device);
  self->n_threads = n_threads;

  return BOTTEGA_EMBEDDER (self);
}

/* Is it the model whose vectors the search can reckon with? Its usual name saves a look inside. */
static gboolean
is_suitable (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autoptr (EngineModelInfo) info = NULL;

  if (!g_str_has_suffix (name, ".gguf"))
    return FALSE;
  if (g_str_has_prefix (name, "multilingual-e5-small"))
    return TRUE;
  info = engine_model_read_info (path, NULL);
  if (info == NULL)
    return FALSE;

  return bottega_model_facts_fit_search (&(BottegaModelFacts) {
      .name = info->name,
      .title = info->title,
      .architecture = info->architecture,
      .embedding_size = info->embedding_size,
  });
}

/* The first by name that is suitable. */
static char *
first_model_in (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autofree char *first = NULL;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if ((first == NULL || strcmp (path, first) < 0) && is_suitable (path))
      g_set_str (&first, path);
  }

  return g_steal_pointer (&first);
}

char *
bottega_local_embedder_find_model (const char *data_dir)
{
  g_autofree char *own = g_build_filename (data_dir, "models", NULL);
  g_auto (GStrv) folders = bottega_model_files_folders (own, "embed");
  char *found = NULL;

  for (guint i = 0; found == NULL && folders[i] != NULL; i++)
    found = first_model_in (folders[i]);

  return found;
}
