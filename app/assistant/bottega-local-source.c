/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our engine behind the interface: one model, and a session for each of the conversations used
 * last, which the engine keeps in step with their prompts. Of a conversation it knows the file that
 * it may be kept in. */
#define G_LOG_DOMAIN "bottega-local-source"
#include "config.h"

#include "app/assistant/bottega-local-source.h"

#include "app/assistant/bottega-kept-files.h"
#include "app/assistant/bottega-local-devices.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>

/* Conversations that have a session, but for answers in progress, each of which has one; the engine
 * holds more of others than it is told to. */
#define MAX_HELD 8
/* Fewer tokens are read as soon as they are read from a file. */
#define MIN_KEPT_TOKENS 64

/* A conversation. */
typedef struct {
  char *path; /* NULL: all that is none */
  EngineSession *session;
  char *shared_path; /* of the beginning that others may have too; NULL: none */
  guint n_shared;    /* its tokens */
  gboolean changed;  /* since the file was written */
  gboolean in_use;   /* by an answer in progress */
} Held;

struct _BottegaSourceAnswer {
  Held *held; /* borrowed: it stays while it is in use */
  EngineAnswer *answer;
  double restore_s; /* that the file of the conversation took */
};

struct _BottegaLocalSource {
  GObject parent_instance;

  char *cache_dir;
  EngineModel *model;     /* the engine thread's; NULL: nothing loaded */
  GPtrArray *held;        /* the engine thread's: of Held, the one used last at the end */
  GMutex lock;            /* guards the next four: cancel and plan come from other threads */
  EngineSession *session; /* that is being kept; changed on the engine thread only */
  guint64 held_ram_bytes; /* by the model; with the next what a plan may count on */
  guint64 held_card_bytes;
  char *card;     /* NULL: none */
  gint cancelled; /* atomic */
};

static void local_iface_init (BottegaEngineSourceInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaLocalSource, bottega_local_source, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BOTTEGA_TYPE_ENGINE_SOURCE, local_iface_init))

/* The session that a cancel is for; one that came a moment ago is for it too. */
static void
set_session (BottegaLocalSource *self, EngineSession *session)
{
  g_mutex_lock (&self->lock);
  self->session = session;
  if (session != NULL) {
    engine_session_rearm (session);
    if (g_atomic_int_get (&self->cancelled))
      engine_session_cancel (session);
  }
  g_mutex_unlock (&self->lock);
}

static void
held_free (gpointer data)
{
  Held *held = data;

  engine_session_free (held->session);
  g_free (held->path);
  g_free (held->shared_path);
  g_free (held);
}

/* The one used longest ago goes; those in use stay. */
static void
make_place (BottegaLocalSource *self)
{
  for (guint i = 0; self->held->len >= MAX_HELD && i < self->held->len; i++)
    if (!((const Held *) self->held->pdata[i])->in_use) {
      g_ptr_array_remove_index (self->held, i);
      return;
    }
}

/* The conversation of that file. */
static Held *
find_held (BottegaLocalSource *self, const char *path, GError **error)
{
  EngineSession *session;
  Held *held;

  for (guint i = 0; i < self->held->len; i++) {
    held = self->held->pdata[i];
    if (!held->in_use && g_strcmp0 (held->path, path) == 0) {
      g_ptr_array_add (self->held, g_ptr_array_steal_index (self->held, i));
      return held;
    }
  }
  session = engine_session_new (self->model, error);
  if (session == NULL)
    return NULL;
  make_place (self);
  held = g_new (Held, 1);
  *held = (Held) { .path = g_strdup (path), .session = session };
  g_ptr_array_add (self->held, held);

  return held;
}

/* Of plan, by which the model was loaded; NULL: nothing. What the processor keeps of conversations
 * is left out: memory counts only once it is written to. */
static void
set_held_bytes (BottegaLocalSource *self, const EnginePlan *plan)
{
  g_mutex_lock (&self->lock);
  self->held_ram_bytes = self->held_card_bytes = 0;
  g_clear_pointer (&self->card, g_free);
  for (guint i = 0; plan != NULL && i < plan->n_heaps; i++) {
    const EnginePlanHeap *heap = &plan->heaps[i];
    guint64 bytes = heap->weights_bytes + heap->scratch_bytes + heap->draft_bytes;

    if (heap->is_ram) {
      self->held_ram_bytes += bytes;
    } else {
      self->held_card_bytes = bytes + heap->kv_bytes;
      self->card = g_strdup (heap->device);
    }
  }
  g_mutex_unlock (&self->lock);
}

static void
local_unload (BottegaEngineSource *source)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  g_ptr_array_set_size (self->held, 0);
  g_clear_pointer (&self->model, engine_model_close);
  set_held_bytes (self, NULL);
}

/* ---- conversations on the disk ---- */

/* How many tokens of the prompt a file has. One that is of no use, by another model or damaged,
 * goes. */
static guint
look_into (Held *held, const char *path, const GArray *prompt)
{
  g_autoptr (GError) error = NULL;
  guint n;

  if (path == NULL || !g_file_test (path, G_FILE_TEST_EXISTS))
    return 0;
  n = engine_session_restorable (held->session, path, prompt, &error);
  if (g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE))
    g_unlink (path);

  return n;
}

/* Goes on from a file where one has more of the prompt than memory: its own, or that of the
 * beginning that it shares with others. Returns the seconds that it took. */
static double
restore (Held *held, const GArray *prompt)
{
  gint64 begin_us = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  guint n_own = look_into (held, held->path, prompt);
  guint n_shared = look_into (held, held->shared_path, prompt);
  const char *path = n_own >= n_shared ? held->path : held->shared_path;

  if (path == NULL ||
      MAX (n_own, n_shared) < engine_session_reusable (held->session, prompt) + MIN_KEPT_TOKENS)
    return (double) (g_get_monotonic_time () - begin_us) / 1e6;
  engine_session_restore (held->session, path, &error);
  held->changed = path != held->path;
  if (g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE))
    g_unlink (path);
  else
    bottega_kept_files_touch (path);

  return (double) (g_get_monotonic_time () - begin_us) / 1e6;
}

static gboolean
keep_in (BottegaLocalSource *self, Held *held, const char *path, guint n_tokens, guint64 bytes)
{
  gboolean ok;

  if (!bottega_kept_files_prepare (path, bytes))
    return FALSE;
  set_session (self, held->session);
  ok = n_tokens > 0 ? engine_session_save_prefix (held->session, n_tokens, path, NULL)
                    : engine_session_save (held->session, path, NULL);
  set_session (self, NULL);

  return ok;
}

/* Once: it stays the same. */
static void
keep_shared (BottegaLocalSource *self, Held *held, guint64 most_bytes)
{
  guint64 bytes;

  if (held->shared_path == NULL || held->n_shared < MIN_KEPT_TOKENS ||
      engine_session_n_tokens (held->session) < held->n_shared ||
      g_file_test (held->shared_path, G_FILE_TEST_EXISTS))
    return;
  bytes = engine_session_prefix_bytes (held->session, held->n_shared);
  if (bytes <= most_bytes &&
      keep_in (self, held, held->shared_path, held->n_shared, bytes))
    bottega_kept_files_remove_older (held->shared_path);
}

static void
local_keep (BottegaEngineSource *source, const char *path, guint64 most_bytes)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  for (guint i = 0; i < self->held->len && !g_atomic_int_get (&self->cancelled); i++) {
    Held *held = self->held->pdata[i];
    guint64 bytes;

    if (held->path == NULL || (path != NULL && strcmp (path, held->path) != 0))
      continue;
    keep_shared (self, held, most_bytes);
    if (!held->changed)
      continue;
    bytes = engine_session_saved_bytes (held->session);
    if (engine_session_n_tokens (held->session) >= MIN_KEPT_TOKENS && bytes <= most_bytes)
      held->changed = !keep_in (self, held, held->path, 0, bytes);
  }
}

/* path is its own, or the folder that it is in. */
static gboolean
is_of (const Held *held, const char *path)
{
  return held->path != NULL && g_str_has_prefix (held->path, path) &&
         (held->path[strlen (path)] == '\0' || held->path[strlen (path)] == G_DIR_SEPARATOR);
}

static void
local_forget (BottegaEngineSource *source, const char *path)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  for (guint i = self->held->len; i > 0; i--)
    if (is_of (self->held->pdata[i - 1], path))
      g_ptr_array_remove_index (self->held, i - 1);
}

/* ---- loading, reading, writing ---- */

/* Answers are the same without a model that guesses: one that cannot be had is noted, and no
 * error. */
static EngineModel *
open_model (const char *path, EngineModelOptions *options, char **note, GError **error)
{
  g_autoptr (GError) problem = NULL;
  EngineModel *model = engine_model_open (path, options, &problem);

  if (model != NULL || options->draft_path == NULL ||
      g_error_matches (problem, ENGINE_ERROR, ENGINE_ERROR_CANCELLED)) {
    if (problem != NULL)
      g_propagate_error (error, g_steal_pointer (&problem));
    return model;
  }
  options->draft_path = NULL;
  model = engine_model_open (path, options, error);
  if (model != NULL)
    /* Translators: %s is a whole sentence about what went wrong with the draft model. */
    *note = g_strdup_printf (_ ("%s Answers are written without a draft model."), problem->message);
  return model;
}

/* Of the memory of the card that a request names; 0: no limit. Memory that is the processor's too
 * is not made more by one. */
static guint64
limit_card (const BottegaLoadRequest *request)
{
  g_autoptr (GPtrArray) devices = request->gpu_percent > 0 ? engine_devices () : NULL;
  const EngineDevice *device =
      devices != NULL ? bottega_local_find_device (devices, request->device) : NULL;

  return device != NULL && strcmp (device->kind, "discrete") == 0
             ? device->memory_bytes / 100 * request->gpu_percent
             : 0;
}

static EngineModelOptions
make_options (BottegaLocalSource *self, const BottegaLoadRequest *request)
{
  return (EngineModelOptions) {
    .device = request->device,
    .draft_path = request->draft_path,
    .context_tokens = request->context_tokens,
    .kv_type = request->kv_type,
    .n_threads = request->n_threads,
    .chunk_tokens = request->chunk_tokens,
    .gpu_memory_bytes = limit_card (request),
    .cache_dir = self->cache_dir,
    .progress = request->progress,
    .progress_data = request->progress_data,
  };
}

/* Of all threads, in seconds. */
static double
processor_s (void)
{
  struct rusage usage;

  if (getrusage (RUSAGE_SELF, &usage) != 0)
    return 0;
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* What the diagnosis of answers asks about. */
static void
describe_load (const EngineModel *model, const BottegaLoadRequest *request, double busy_s,
               BottegaLoaded *loaded)
{
  const EngineModelInfo *info = engine_model_info (model);
  const EnginePlan *plan = engine_model_plan (model);

  loaded->n_layers = info->n_layers;
  loaded->n_layers_apart = plan != NULL ? plan->n_layers_apart : 0;
  loaded->decode_bytes = info->decode_bytes;
  loaded->kv_token_bytes = strcmp (engine_model_kv_type (model), "q8_0") == 0
                               ? info->kv_bytes_per_token_q8_0
                               : info->kv_bytes_per_token_f16;
  loaded->card_bytes = engine_model_gpu_bytes (model);
  loaded->load_bytes = info->file_bytes - info->file_only_bytes;
  loaded->load_s = engine_model_load_s (model);
  loaded->load_busy_s = busy_s;
  if (strcmp (loaded->device, "cpu") == 0 || loaded->n_layers_apart > 0) {
    loaded->n_threads = request->n_threads;
    loaded->n_usual_threads = engine_processor_threads ();
  }
}

static gboolean
local_load (BottegaEngineSource *source,
            const BottegaLoadRequest *request,
            BottegaLoaded *loaded,
            GError **error)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);
  EngineModelOptions options = make_options (self, request);
  double busy_s;

  /* First the old one goes: two models need not fit at once. */
  local_unload (source);
  busy_s = processor_s ();
  self->model = open_model (request->path, &options, &loaded->note, error);
  if (self->model == NULL)
    return FALSE;

  loaded->model_name = g_strdup (engine_model_info (self->model)->name);
  loaded->device = g_strdup (engine_model_device (self->model));
  loaded->device_description = g_strdup (engine_model_device_description (self->model));
  loaded->context_tokens = engine_model_context_tokens (self->model);
  engine_model_memory (self->model, &loaded->weights_bytes, &loaded->kv_bytes,
                       &loaded->scratch_bytes);
  describe_load (self->model, request, processor_s () - busy_s, loaded);
  set_held_bytes (self, engine_model_plan (self->model));

  return TRUE;
}

/* The tokens of the messages and, where an answer is to go on, of its beginning. */
static GArray *
encode (BottegaLocalSource *self,
        const EngineMessage *messages,
        gsize n_messages,
        const char *answer_prefix,
        GError **error)
{
  g_autoptr (GArray) tokens = NULL;
  g_autoptr (GArray) prefix = NULL;

  if (self->model == NULL) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                         _ ("No model is loaded. Choose one first."));
    return NULL;
  }
  tokens = engine_model_encode_chat (self->model, messages, n_messages, TRUE, error);
  if (tokens == NULL)
    return NULL;
  if (answer_prefix != NULL && *answer_prefix != '\0') {
    prefix = engine_model_encode (self->model, answer_prefix, FALSE, ENGINE_ENDS_NONE);
    g_array_append_vals (tokens, prefix->data, prefix->len);
  }

  return g_steal_pointer (&tokens);
}

static gboolean
local_count (BottegaEngineSource *source,
             const EngineMessage *messages,
             gsize n_messages,
             const char *answer_prefix,
             guint *n_tokens,
             GError **error)
{
  g_autoptr (GArray) tokens =
      encode (BOTTEGA_LOCAL_SOURCE (source), messages, n_messages, answer_prefix, error);

  if (tokens == NULL)
    return FALSE;
  *n_tokens = tokens->len;

  return TRUE;
}

static guint
count_common (const GArray *a, const GArray *b)
{
  guint n = 0;

  while (n < MIN (a->len, b->len) &&
         g_array_index (a, gint32, n) == g_array_index (b, gint32, n))
    n++;

  return n;
}

/* Tokens of the prompt that do not depend on what is asked: those that two other questions would
 * have in front of them as well, whatever the model's template makes of a system text. */
static guint
count_shared (BottegaLocalSource *self, const EngineMessage *messages, gsize n_messages,
              const GArray *prompt)
{
  EngineMessage other[] = { { 0 }, { "user", "A", NULL } };
  g_autoptr (GArray) a = NULL, b = NULL;

  if (n_messages < 2 || strcmp (messages[0].role, "system") != 0)
    return 0;
  other[0] = messages[0];
  a = encode (self, other, G_N_ELEMENTS (other), NULL, NULL);
  other[1].content = "7";
  b = encode (self, other, G_N_ELEMENTS (other), NULL, NULL);

  return a != NULL && b != NULL ? MIN (count_common (a, b), count_common (a, prompt)) : 0;
}

static BottegaSourceAnswer *
local_begin (BottegaEngineSource *source,
             const char *path,
             const char *shared_path,
             const EngineMessage *messages,
             gsize n_messages,
             const char *answer_prefix,
             const EngineGenerate *options,
             EngineEventFunc on_event,
             gpointer user_data,
             GError **error)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);
  g_autoptr (GArray) tokens = encode (self, messages, n_messages, answer_prefix, error);
  Held *held = tokens != NULL ? find_held (self, path, error) : NULL;
  BottegaSourceAnswer *answer;
  EngineAnswer *engine;
  double restore_s;

  if (held == NULL)
    return NULL;
  engine_session_rearm (held->session); /* of an earlier cancel; none for this one yet */
  /* The file is named after the text: while that is the same, so are its tokens. */
  if (g_set_str (&held->shared_path, shared_path))
    held->n_shared = shared_path != NULL ? count_shared (self, messages, n_messages, tokens) : 0;
  restore_s = restore (held, tokens);
  engine = engine_answer_new (held->session, tokens, options, on_event, user_data, error);
  if (engine == NULL)
    return NULL;
  held->in_use = TRUE;
  answer = g_new0 (BottegaSourceAnswer, 1);
  *answer = (BottegaSourceAnswer) { held, engine, restore_s };

  return answer;
}

static void
local_step (BottegaEngineSource *source, BottegaSourceAnswer *const *answers, gsize n_answers)
{
  EngineAnswer *engine[ENGINE_MAX_ANSWERS];

  for (gsize i = 0; i < n_answers; i++)
    engine[i] = answers[i]->answer;
  engine_model_step (BOTTEGA_LOCAL_SOURCE (source)->model, engine, n_answers);
}

static gboolean
local_is_done (BottegaEngineSource *source, const BottegaSourceAnswer *answer)
{
  return engine_answer_done (answer->answer);
}

static gboolean
local_end (BottegaEngineSource *source, BottegaSourceAnswer *answer, EngineStats *stats,
           GError **error)
{
  EngineStats own = { 0 };
  gboolean ok = engine_answer_finish (answer->answer, &own, error);

  answer->held->in_use = FALSE;
  answer->held->changed = answer->held->changed || own.read_tokens + own.written_tokens > 0;
  if (own.ttft_s > 0) /* the wait was longer by that */
    own.ttft_s += answer->restore_s;
  if (stats != NULL)
    *stats = own;
  g_free (answer);

  return ok;
}

static void
local_cancel_answer (BottegaEngineSource *source, BottegaSourceAnswer *answer)
{
  engine_session_cancel (answer->held->session);
}

static guint
local_get_room (BottegaEngineSource *source, BottegaSourceAnswer *const *answers, gsize n_answers)
{
  EngineAnswer *engine[ENGINE_MAX_ANSWERS];

  for (gsize i = 0; i < n_answers; i++)
    engine[i] = answers[i]->answer;

  return engine_model_room (BOTTEGA_LOCAL_SOURCE (source)->model, engine, n_answers);
}

static void
local_rearm (BottegaEngineSource *source)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  g_mutex_lock (&self->lock);
  g_atomic_int_set (&self->cancelled, FALSE);
  if (self->session != NULL)
    engine_session_rearm (self->session);
  g_mutex_unlock (&self->lock);
}

static void
local_cancel (BottegaEngineSource *source)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  g_mutex_lock (&self->lock);
  g_atomic_int_set (&self->cancelled, TRUE);
  if (self->session != NULL)
    engine_session_cancel (self->session);
  g_mutex_unlock (&self->lock);
}

static BottegaPlan *
make_plan (const EnginePlan *engine)
{
  BottegaPlan *plan = g_new0 (BottegaPlan, 1);

  plan->n_heaps = engine->n_heaps;
  for (guint i = 0; i < engine->n_heaps; i++) {
    const EnginePlanHeap *heap = &engine->heaps[i];

    plan->heaps[i] = (BottegaPlanHeap) {
      .device = g_strdup (heap->device),
      .is_ram = heap->is_ram,
      .memory_bytes = heap->memory_bytes,
      .others_bytes = heap->memory_bytes - MIN (heap->free_bytes, heap->memory_bytes),
      .allowed_bytes = heap->allowed_bytes,
      .weights_bytes = heap->weights_bytes,
      .kv_bytes = heap->kv_bytes,
      .work_bytes = heap->scratch_bytes,
      .draft_bytes = heap->draft_bytes,
    };
    plan->weights_bytes += heap->weights_bytes;
    plan->kv_bytes += heap->kv_bytes;
    plan->work_bytes += heap->scratch_bytes;
    plan->draft_bytes += heap->draft_bytes;
  }
  plan->work_bytes += engine->text_bytes;
  plan->context_tokens = engine->context_tokens;
  plan->n_layers = engine->n_layers;
  plan->n_layers_apart = engine->n_layers_apart;
  plan->refusal = g_strdup (engine->refusal);
  engine_plan_times (engine, BOTTEGA_PLAN_QUESTION_TOKENS, &plan->first_s, &plan->token_s);

  return plan;
}

/* The model that is loaded goes before another one comes. */
static BottegaPlan *
local_plan (BottegaEngineSource *source, const BottegaLoadRequest *request, gboolean measure,
            GError **error)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);
  EngineModelOptions options = make_options (self, request);
  g_autoptr (EnginePlan) plan = NULL;
  g_autoptr (GError) problem = NULL;
  g_autofree char *card = NULL;

  g_mutex_lock (&self->lock);
  options.freed_ram_bytes = self->held_ram_bytes;
  options.freed_device_bytes = self->held_card_bytes;
  options.freed_device = card = g_strdup (self->card);
  g_mutex_unlock (&self->lock);
  plan = measure ? engine_plan_measured (request->path, &options, &problem)
                 : engine_plan (request->path, &options, &problem);
  if (options.draft_path != NULL && (plan == NULL || plan->refusal != NULL)) {
    /* As for a load: a draft model that is no use is left out. */
    options.draft_path = NULL;
    g_clear_pointer (&plan, engine_plan_free);
    g_clear_error (&problem);
    plan = engine_plan (request->path, &options, &problem);
  }
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));

  return plan != NULL ? make_plan (plan) : NULL;
}

static void
local_iface_init (BottegaEngineSourceInterface *iface)
{
  iface->load = local_load;
  iface->unload = local_unload;
  iface->count = local_count;
  iface->begin = local_begin;
  iface->step = local_step;
  iface->is_done = local_is_done;
  iface->end = local_end;
  iface->cancel_answer = local_cancel_answer;
  iface->get_room = local_get_room;
  iface->keep = local_keep;
  iface->forget = local_forget;
  iface->rearm = local_rearm;
  iface->cancel = local_cancel;
  iface->read_facts = bottega_local_read_facts;
  iface->describe_device = bottega_local_describe_device;
  iface->measure = bottega_local_measure;
  iface->plan = local_plan;
  iface->limits = bottega_local_limits;
}

static void
bottega_local_source_finalize (GObject *object)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (object);

  local_unload (BOTTEGA_ENGINE_SOURCE (self));
  g_ptr_array_unref (self->held);
  g_mutex_clear (&self->lock);
  g_free (self->cache_dir);

  G_OBJECT_CLASS (bottega_local_source_parent_class)->finalize (object);
}

static void
bottega_local_source_class_init (BottegaLocalSourceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bottega_local_source_finalize;
}

static void
bottega_local_source_init (BottegaLocalSource *self)
{
  g_mutex_init (&self->lock);
  self->held = g_ptr_array_new_with_free_func (held_free);
}

BottegaEngineSource *
bottega_local_source_new (const char *cache_dir)
{
  BottegaLocalSource *self = g_object_new (BOTTEGA_TYPE_LOCAL_SOURCE, NULL);

  self->cache_dir = g_strdup (cache_dir);

  return BOTTEGA_ENGINE_SOURCE (self);
}
