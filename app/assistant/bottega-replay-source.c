/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine without a model: a recorded text at a steady speed, with failures on demand. Each
 * answer has a clock of its own, so that several are written as fast as one. Tests rely on its
 * waits ending at once on a cancel. */
#define G_LOG_DOMAIN "bottega-replay-source"

#include "app/assistant/bottega-replay-source.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* A step comes back after so long, be there something to tell or not. */
#define MOST_SLEEP_US 5000
#define CHUNK_TOKENS  64

struct _BottegaSourceAnswer {
  EngineGenerate options;
  EngineEventFunc on_event;
  gpointer user_data;
  EngineStats stats;
  gint64 begin_us, write_us; /* write_us: when all was read; 0: not yet */
  const char *at;            /* in the text: what comes next */
  GError *error;             /* owned */
  gboolean done;
  atomic_bool cancelled;
};

struct _BottegaReplaySource {
  GObject parent_instance;

  BottegaReplayOptions options;
  char *text, *path;    /* path: of the "model", engine thread */
  guint context_tokens; /* of it */
  atomic_bool cancelled, measured;
  atomic_uint n_loads, n_threads;      /* of the last load */
  atomic_int fail_load, fail_generate; /* < 0: none */
  atomic_uint fail_after_tokens;
  GMutex lock; /* guards last_prompt */
  char *last_prompt;
};

static void replay_iface_init (BottegaEngineSourceInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaReplaySource, bottega_replay_source, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BOTTEGA_TYPE_ENGINE_SOURCE,
                                                      replay_iface_init))

/* Sleeps until a moment of the monotonic clock in short slices. FALSE when cancelled. */
static gboolean
sleep_until (BottegaReplaySource *self, double until_us)
{
  for (;;) {
    double left_us = until_us - (double) g_get_monotonic_time ();

    if (atomic_load (&self->cancelled))
      return FALSE;
    if (left_us <= 0)
      return TRUE;
    g_usleep ((gulong) MIN (left_us, MOST_SLEEP_US) + 1);
  }
}

static gboolean
take_failure (atomic_int *failure, GError **error)
{
  int code = atomic_exchange (failure, -1);

  if (code < 0)
    return FALSE;
  g_set_error_literal (error, ENGINE_ERROR, code, "The replay was told to fail here.");

  return TRUE;
}

static gboolean
replay_load (BottegaEngineSource *source,
             const BottegaLoadRequest *request,
             BottegaLoaded *loaded,
             GError **error)
{
  BottegaReplaySource *self = BOTTEGA_REPLAY_SOURCE (source);
  const double begin_us = (double) g_get_monotonic_time ();
  const guint n_steps = 20;

  g_clear_pointer (&self->path, g_free);
  for (guint i = 1; i <= n_steps; i++) {
    if (!sleep_until (self, begin_us + self->options.load_s * 1e6 * i / n_steps)) {
      g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "Loading was cancelled.");
      return FALSE;
    }
    if (request->progress != NULL)
      request->progress ((double) i / n_steps, request->progress_data);
  }
  if (take_failure (&self->fail_load, error))
    return FALSE;

  self->path = g_strdup (request->path);
  atomic_store (&self->n_threads, request->n_threads);
  atomic_fetch_add (&self->n_loads, 1);
  loaded->model_name = g_path_get_basename (request->path);
  loaded->device = g_strdup (strcmp (request->device, "cpu") == 0 ? "cpu" : "replay:0");
  loaded->device_description = g_strdup ("A recorded text, no model");
  self->context_tokens =
      request->context_tokens > 0 ? request->context_tokens : self->options.context_tokens;
  loaded->context_tokens = self->context_tokens;
  loaded->load_bytes = self->options.model_bytes;
  loaded->load_s = self->options.load_s;

  return TRUE;
}

static void
replay_unload (BottegaEngineSource *source)
{
  g_clear_pointer (&BOTTEGA_REPLAY_SOURCE (source)->path, g_free);
}

/* A token is token_bytes of text; a message costs four more. */
static gboolean
replay_count (BottegaEngineSource *source,
              const EngineMessage *messages,
              gsize n_messages,
              const char *answer_prefix,
              guint *tokens,
              GError **error)
{
  BottegaReplaySource *self = BOTTEGA_REPLAY_SOURCE (source);
  gsize n = 0;

  for (gsize i = 0; i < n_messages; i++)
    n += 4 + strlen (messages[i].content) / self->options.token_bytes;
  if (answer_prefix != NULL)
    n += strlen (answer_prefix) / self->options.token_bytes;
  *tokens = (guint) n;

  return TRUE;
}

static void
remember_prompt (BottegaReplaySource *self, const EngineMessage *messages, gsize n,
                 const char *prefix)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < n; i++)
    g_string_append_printf (text, "%s: %s\n", messages[i].role, messages[i].content);
  if (prefix != NULL)
    g_string_append_printf (text, "prefix: %s\n", prefix);

  g_mutex_lock (&self->lock);
  g_free (self->last_prompt);
  self->last_prompt = g_string_free (text, FALSE);
  g_mutex_unlock (&self->lock);
}

/* Bytes of the token at `at`: about token_bytes, whole characters. */
static gsize
token_bytes_at (BottegaReplaySource *self, const char *at)
{
  const char *end = at;

  while (*end != '\0' && (gsize) (end - at) < self->options.token_bytes)
    end = g_utf8_next_char (end);

  return (gsize) (end - at);
}

static BottegaSourceAnswer *
replay_begin (BottegaEngineSource *source,
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
  BottegaReplaySource *self = BOTTEGA_REPLAY_SOURCE (source);
  BottegaSourceAnswer *answer;
  guint tokens = 0;

  remember_prompt (self, messages, n_messages, answer_prefix);
  if (!replay_count (source, messages, n_messages, answer_prefix, &tokens, error))
    return NULL;
  answer = g_new0 (BottegaSourceAnswer, 1);
  answer->options = *options;
  answer->on_event = on_event;
  answer->user_data = user_data;
  answer->stats.prompt_tokens = tokens;
  answer->begin_us = g_get_monotonic_time ();
  answer->at = self->text;
  if (answer_prefix != NULL && g_str_has_prefix (self->text, answer_prefix))
    answer->at += strlen (answer_prefix);
  atomic_init (&answer->cancelled, FALSE);

  return answer;
}

static gboolean
is_reading (const BottegaSourceAnswer *answer)
{
  return answer->stats.read_tokens < answer->stats.prompt_tokens;
}

/* When it will have its next chunk or token to tell; 0: at once. */
static double
next_us (BottegaReplaySource *self, const BottegaSourceAnswer *answer)
{
  double speed = is_reading (answer) ? self->options.read_tokens_per_s : self->options.tokens_per_s;
  guint n = is_reading (answer)
                ? MIN (answer->stats.read_tokens + CHUNK_TOKENS, answer->stats.prompt_tokens)
                : answer->stats.written_tokens + 1;

  if (speed <= 0)
    return 0;

  return (double) (is_reading (answer) ? answer->begin_us : answer->write_us) + 1e6 * n / speed;
}

static void
read_chunk (BottegaReplaySource *self, BottegaSourceAnswer *answer)
{
  const double speed = self->options.read_tokens_per_s;
  EngineStats *stats = &answer->stats;
  EngineEvent event = { ENGINE_EVENT_READING, .total = stats->prompt_tokens };

  stats->read_tokens = MIN (stats->read_tokens + CHUNK_TOKENS, stats->prompt_tokens);
  event.done = stats->read_tokens;
  event.left_s = speed > 0 ? (stats->prompt_tokens - stats->read_tokens) / speed : 0;
  answer->on_event (&event, answer->user_data);
  if (is_reading (answer))
    return;
  answer->write_us = g_get_monotonic_time ();
  stats->ttft_s = stats->prefill_s = (double) (answer->write_us - answer->begin_us) / 1e6;
}

/* Ends the answer with an error, if one was asked for here; one of the device ends all of the step.
 */
static gboolean
fail (BottegaReplaySource *self, BottegaSourceAnswer *answer,
      BottegaSourceAnswer *const *answers, gsize n_answers)
{
  if (atomic_load (&self->fail_generate) < 0 ||
      answer->stats.written_tokens < atomic_load (&self->fail_after_tokens) ||
      !take_failure (&self->fail_generate, &answer->error))
    return FALSE;
  answer->done = TRUE;
  for (gsize i = 0;
       i < n_answers && g_error_matches (answer->error, ENGINE_ERROR, ENGINE_ERROR_DEVICE_LOST);
       i++) {
    answers[i]->done = TRUE;
    if (answers[i]->error == NULL)
      answers[i]->error = g_error_copy (answer->error);
  }

  return TRUE;
}

static void
write_token (BottegaReplaySource *self, BottegaSourceAnswer *answer)
{
  gsize bytes = token_bytes_at (self, answer->at);
  g_autofree char *piece = g_strndup (answer->at, bytes);
  gboolean is_thought = (gsize) (answer->at - self->text) < self->options.thought_bytes;
  EngineEvent event = {
    ENGINE_EVENT_TOKEN,
    .token = 1,
    .text = piece,
    .text_kind = is_thought ? ENGINE_TEXT_THOUGHT : ENGINE_TEXT_ANSWER,
  };

  answer->on_event (&event, answer->user_data);
  answer->stats.written_tokens++;
  answer->at += bytes;
}

/* TRUE: it is done now. */
static gboolean
end_if_done (BottegaSourceAnswer *answer)
{
  if (atomic_load (&answer->cancelled))
    answer->stats.stop = ENGINE_STOP_CANCELLED;
  else if (!is_reading (answer) && *answer->at == '\0')
    answer->stats.stop = ENGINE_STOP_END;
  else if (!is_reading (answer) && answer->stats.written_tokens >= answer->options.max_tokens)
    answer->stats.stop = ENGINE_STOP_MAX_TOKENS;
  else
    return FALSE;
  answer->done = TRUE;

  return TRUE;
}

/* Sleeps until the first of them has something to tell, but not for long. */
static void
sleep_for (BottegaReplaySource *self, BottegaSourceAnswer *const *answers, gsize n_answers)
{
  double until_us = (double) g_get_monotonic_time () + MOST_SLEEP_US, now_us;

  for (gsize i = 0; i < n_answers; i++)
    if (!answers[i]->done)
      until_us = MIN (until_us, next_us (self, answers[i]));
  now_us = (double) g_get_monotonic_time ();
  if (until_us > now_us)
    g_usleep ((gulong) (until_us - now_us) + 1);
}

static void
replay_step (BottegaEngineSource *source, BottegaSourceAnswer *const *answers, gsize n_answers)
{
  BottegaReplaySource *self = BOTTEGA_REPLAY_SOURCE (source);
  gboolean has_read = FALSE;
  double now_us;

  sleep_for (self, answers, n_answers);
  now_us = (double) g_get_monotonic_time ();
  for (gsize i = 0; i < n_answers; i++) {
    BottegaSourceAnswer *answer = answers[i];

    if (answer->done || end_if_done (answer) || next_us (self, answer) > now_us)
      continue;
    if (is_reading (answer)) {
      if (!has_read)
        read_chunk (self, answer);
      has_read = TRUE;
    } else if (!fail (self, answer, answers, n_answers)) {
      write_token (self, answer);
    }
  }
}

static gboolean
replay_is_done (BottegaEngineSource *source, const BottegaSourceAnswer *answer)
{
  return answer->done;
}

static gboolean
replay_end (BottegaEngineSource *source, BottegaSourceAnswer *answer, EngineStats *stats,
            GError **error)
{
  gboolean ok = answer->error == NULL;

  if (!answer->done)
    answer->stats.stop = ENGINE_STOP_CANCELLED;
  if (answer->write_us > 0)
    answer->stats.decode_s = (double) (g_get_monotonic_time () - answer->write_us) / 1e6;
  if (answer->stats.decode_s > 0)
    answer->stats.decode_tok_s = answer->stats.plain_tok_s =
        answer->stats.written_tokens / answer->stats.decode_s;
  answer->stats.plain_tokens = answer->stats.written_tokens;
  if (stats != NULL)
    *stats = answer->stats;
  if (!ok)
    g_propagate_error (error, answer->error);
  g_free (answer);

  return ok;
}

static void
replay_cancel_answer (BottegaEngineSource *source, BottegaSourceAnswer *answer)
{
  atomic_store (&answer->cancelled, TRUE);
}

static guint
replay_get_room (BottegaEngineSource *source, BottegaSourceAnswer *const *answers, gsize n_answers)
{
  guint context = BOTTEGA_REPLAY_SOURCE (source)->context_tokens, used = 0;

  for (gsize i = 0; i < n_answers; i++)
    used += answers[i]->stats.read_tokens + answers[i]->stats.written_tokens;

  return context - MIN (used, context);
}

static void
replay_rearm (BottegaEngineSource *source)
{
  atomic_store (&BOTTEGA_REPLAY_SOURCE (source)->cancelled, FALSE);
}

static void
replay_cancel (BottegaEngineSource *source)
{
  atomic_store (&BOTTEGA_REPLAY_SOURCE (source)->cancelled, TRUE);
}

/* Any file passes but one that begins with "broken"; "other" has a vocabulary of its own. */
static gboolean
replay_read_facts (BottegaEngineSource *source, const char *path, BottegaModelFacts *facts,
                   GError **error)
{
  g_autofree char *content = NULL;
  g_autoptr (GError) local_error = NULL;
  gsize bytes;

  if (!g_file_get_contents (path, &content, &bytes, &local_error)) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_IO, local_error->message);
    return FALSE;
  }
  if (g_str_has_prefix (content, "broken")) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE, "“%s” is not a GGUF file.", path);
    return FALSE;
  }
  *facts = (BottegaModelFacts) {
    .name = g_path_get_basename (path),
    .architecture = g_strdup ("replay"),
    .types = g_strdup ("text"),
    .file_bytes = bytes,
    .parameters = 1,
    .decode_bytes = bytes,
    .embedding_size = g_str_has_prefix (content, "vectors") ? 8 : 0,
    .kv_bytes_per_token = 1024,
    .compact_kv_bytes_per_token = 1024 / 64 * 34,
    .context_tokens = BOTTEGA_REPLAY_SOURCE (source)->options.context_tokens,
    .vocabulary = g_str_has_prefix (content, "other") ? 2 : 1,
    .takes_guesses = TRUE,
  };

  return TRUE;
}

static char *
replay_describe_device (BottegaEngineSource *source)
{
  return g_strdup ("A recorded text, no model");
}

/* A machine whose figures are easy to reckon with: 1,000 bytes of a file in a second. */
static gboolean
replay_measure (BottegaEngineSource *source, const char *device, BottegaMachine *machine)
{
  *machine = (BottegaMachine) {
    .device = g_strdup ("cpu"),
    .name = g_strdup ("A recorded text"),
    .memory_bytes = BOTTEGA_REPLAY_SOURCE (source)->options.memory_bytes,
    .read_bytes_s = 1000,
  };

  return TRUE;
}

/* As that machine. */
static gboolean
replay_limits (BottegaEngineSource *source, guint64 set_bytes, BottegaLimits *limits)
{
  *limits = (BottegaLimits) { .read_bytes_s = 1000, .set_bytes_s = 1000, .int8_s = 4000 };

  return TRUE;
}

/* A kilobyte a token, or as q8_0 its 34 parts of 64. */
static BottegaPlan *
replay_plan (BottegaEngineSource *source, const BottegaLoadRequest *request, gboolean measure,
             GError **error)
{
  BottegaReplaySource *self = BOTTEGA_REPLAY_SOURCE (source);
  BottegaModelFacts facts = { 0 };
  BottegaPlan *plan;

  if (!replay_read_facts (source, request->path, &facts, error))
    return NULL;
  plan = g_new0 (BottegaPlan, 1);
  plan->weights_bytes = facts.file_bytes;
  plan->context_tokens =
      request->context_tokens > 0 ? request->context_tokens : facts.context_tokens;
  plan->kv_bytes = (guint64) plan->context_tokens * 1024;
  if (g_strcmp0 (request->kv_type, "q8_0") == 0)
    plan->kv_bytes = plan->kv_bytes / 64 * 34;
  bottega_model_facts_clear (&facts);
  if (request->draft_path != NULL &&
      replay_read_facts (source, request->draft_path, &facts, NULL)) {
    plan->draft_bytes = facts.file_bytes;
    bottega_model_facts_clear (&facts);
  }
  plan->n_heaps = 1;
  plan->heaps[0] = (BottegaPlanHeap) {
    .device = g_strdup ("cpu"),
    .is_ram = TRUE,
    .memory_bytes = self->options.memory_bytes,
    .others_bytes = self->options.memory_bytes / 4,
    .allowed_bytes = self->options.memory_bytes / 4 * 3,
    .weights_bytes = plan->weights_bytes,
    .kv_bytes = plan->kv_bytes,
    .draft_bytes = plan->draft_bytes,
  };
  plan->n_layers = 1;
  if (plan->weights_bytes + plan->kv_bytes > plan->heaps[0].allowed_bytes)
    plan->refusal = g_strdup ("A recorded text is too long.");
  if (measure)
    atomic_store (&self->measured, TRUE);
  if (atomic_load (&self->measured) && plan->refusal == NULL) {
    plan->first_s = 2;
    plan->token_s = 0.025;
  }

  return plan;
}

static void
replay_iface_init (BottegaEngineSourceInterface *iface)
{
  iface->load = replay_load;
  iface->unload = replay_unload;
  iface->count = replay_count;
  iface->begin = replay_begin;
  iface->step = replay_step;
  iface->is_done = replay_is_done;
  iface->end = replay_end;
  iface->cancel_answer = replay_cancel_answer;
  iface->get_room = replay_get_room;
  iface->rearm = replay_rearm;
  iface->cancel = replay_cancel;
  iface->read_facts = replay_read_facts;
  iface->describe_device = replay_describe_device;
  iface->measure = replay_measure;
  iface->plan = replay_plan;
  iface->limits = replay_limits;
}

static void
bottega_replay_source_finalize (GObject *object)
{
  BottegaReplaySource *self = BOTTEGA_REPLAY_SOURCE (object);

  g_free (self->text);
  g_free (self->path);
  g_free (self->last_prompt);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (bottega_replay_source_parent_class)->finalize (object);
}

static void
bottega_replay_source_class_init (BottegaReplaySourceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bottega_replay_source_finalize;
}

static void
bottega_replay_source_init (BottegaReplaySource *self)
{
  g_mutex_init (&self->lock);
  atomic_init (&self->cancelled, FALSE);
  atomic_init (&self->measured, FALSE);
  atomic_init (&self->n_loads, 0);
  atomic_init (&self->n_threads, 0);
  atomic_init (&self->fail_load, -1);
  atomic_init (&self->fail_generate, -1);
  atomic_init (&self->fail_after_tokens, 0);
}

BottegaEngineSource *
bottega_replay_source_new (const BottegaReplayOptions *options)
{
  BottegaReplaySource *self = g_object_new (BOTTEGA_TYPE_REPLAY_SOURCE, NULL);

  g_return_val_if_fail (options != NULL, NULL);

  self->options = *options;
  self->text = g_strdup (options->text != NULL ? options->text : "");
  self->options.text = self->text;
  if (self->options.context_tokens == 0)
    self->options.context_tokens = 8192;
  if (self->options.memory_bytes == 0)
    self->options.memory_bytes = G_GUINT64_CONSTANT (16) << 30;
  if (self->options.token_bytes == 0)
    self->options.token_bytes = 4;

  return BOTTEGA_ENGINE_SOURCE (self);
}

guint
bottega_replay_source_get_loads (BottegaReplaySource *self, guint *n_threads)
{
  g_return_val_if_fail (BOTTEGA_IS_REPLAY_SOURCE (self), 0);

  if (n_threads != NULL)
    *n_threads = atomic_load (&self->n_threads);

  return atomic_load (&self->n_loads);
}

void
bottega_replay_source_fail_load (BottegaReplaySource *self, int code)
{
  g_return_if_fail (BOTTEGA_IS_REPLAY_SOURCE (self));

  atomic_store (&self->fail_load, code);
}

void
bottega_replay_source_fail_generate (BottegaReplaySource *self, int code, guint after_tokens)
{
  g_return_if_fail (BOTTEGA_IS_REPLAY_SOURCE (self));

  atomic_store (&self->fail_after_tokens, after_tokens);
  atomic_store (&self->fail_generate, code);
}

char *
bottega_replay_source_dup_last_prompt (BottegaReplaySource *self)
{
  char *prompt;

  g_return_val_if_fail (BOTTEGA_IS_REPLAY_SOURCE (self), NULL);

  g_mutex_lock (&self->lock);
  prompt = g_strdup (self->last_prompt);
  g_mutex_unlock (&self->lock);

  return prompt;
}
