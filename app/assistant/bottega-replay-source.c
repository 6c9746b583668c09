/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine without a model: a recorded text at a steady speed, with failures on demand. Tests
 * rely on its waits ending at once on a cancel. */
#define G_LOG_DOMAIN "bottega-replay-source"

#include "app/assistant/bottega-replay-source.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

struct _BottegaReplaySource {
  GObject parent_instance;

  BottegaReplayOptions options;
  char *text, *path; /* path: of the "model", engine thread */
  atomic_bool cancelled;
  atomic_int fail_load, fail_generate; /* < 0: none */
  atomic_uint fail_after_tokens;
  GMutex lock; /* guards last_prompt */
  char *last_prompt;
};

static void replay_iface_init (BottegaEngineSourceInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaReplaySource, bottega_replay_source, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BOTTEGA_TYPE_ENGINE_SOURCE,
                                                      replay_iface_init))

/* Sleeps until a moment of the monotonic clock in slices of at most 5 ms. FALSE when cancelled. */
static gboolean
sleep_until (BottegaReplaySource *self, double until_us)
{
  for (;;) {
    double left_us = until_us - (double) g_get_monotonic_time ();

    if (atomic_load (&self->cancelled))
      return FALSE;
    if (left_us <= 0)
      return TRUE;
    g_usleep ((gulong) MIN (left_us, 5000) + 1);
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
  loaded->model_name = g_path_get_basename (request->path);
  loaded->device = g_strdup (strcmp (request->device, "cpu") == 0 ? "cpu" : "replay:0");
  loaded->device_description = g_strdup ("A recorded text, no model");
  loaded->context_tokens =
      request->context_tokens > 0 ? request->context_tokens : self->options.context_tokens;

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

static gboolean
replay_read (BottegaReplaySource *self, EngineEventFunc on_event, gpointer user_data,
             EngineStats *stats)
{
  const double speed = self->options.read_tokens_per_s;
  const guint chunk = 64;
  const double begin_us = (double) g_get_monotonic_time ();

  for (guint done = 0; done < stats->prompt_tokens;) {
    EngineEvent event = { ENGINE_EVENT_READING, .total = stats->prompt_tokens };

    done = MIN (done + chunk, stats->prompt_tokens);
    if (!sleep_until (self, speed > 0 ? begin_us + 1e6 * done / speed : 0))
      return FALSE;
    event.done = done;
    event.left_s = speed > 0 ? (stats->prompt_tokens - done) / speed : 0;
    on_event (&event, user_data);
    stats->read_tokens = done;
  }

  return TRUE;
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

static gboolean
replay_write (BottegaReplaySource *self,
              const EngineGenerate *options,
              EngineEventFunc on_event,
              gpointer user_data,
              EngineStats *stats,
              GError **error)
{
  const double speed = self->options.tokens_per_s;
  const double begin_us = (double) g_get_monotonic_time ();
  const char *at = self->text;

  stats->stop = ENGINE_STOP_END;
  while (*at != '\0') {
    gsize bytes = token_bytes_at (self, at);
    g_autofree char *piece = g_strndup (at, bytes);
    gboolean is_thought = (gsize) (at - self->text) < self->options.thought_bytes;
    EngineEvent event = {
      ENGINE_EVENT_TOKEN,
      .token = 1,
      .text = piece,
      .text_kind = is_thought ? ENGINE_TEXT_THOUGHT : ENGINE_TEXT_ANSWER,
    };

    if (stats->written_tokens >= options->max_tokens) {
      stats->stop = ENGINE_STOP_MAX_TOKENS;
      break;
    }
    if (atomic_load (&self->fail_generate) >= 0 &&
        stats->written_tokens >= atomic_load (&self->fail_after_tokens))
      return !take_failure (&self->fail_generate, error);
    if (!sleep_until (self, speed > 0 ? begin_us + 1e6 * (stats->written_tokens + 1) / speed : 0)) {
      stats->stop = ENGINE_STOP_CANCELLED;
      break;
    }
    on_event (&event, user_data);
    stats->written_tokens++;
    at += bytes;
  }
  stats->decode_s = ((double) g_get_monotonic_time () - begin_us) / 1e6;
  if (stats->decode_s > 0)
    stats->decode_tok_s = stats->plain_tok_s = stats->written_tokens / stats->decode_s;
  stats->plain_tokens = stats->written_tokens;

  return TRUE;
}

static gboolean
replay_generate (BottegaEngineSource *source,
                 const char *path,
                 const EngineMessage *messages,
                 gsize n_messages,
                 const char *answer_prefix,
                 const EngineGenerate *options,
                 EngineEventFunc on_event,
                 gpointer user_data,
                 EngineStats *stats,
                 GError **error)
{
  BottegaReplaySource *self = BOTTEGA_REPLAY_SOURCE (source);
  const gint64 begin_us = g_get_monotonic_time ();
  guint tokens = 0;

  remember_prompt (self, messages, n_messages, answer_prefix);
  if (!replay_count (source, messages, n_messages, answer_prefix, &tokens, error))
    return FALSE;
  *stats = (EngineStats) { .prompt_tokens = tokens };
  if (!replay_read (self, on_event, user_data, stats)) {
    stats->stop = ENGINE_STOP_CANCELLED;
    return TRUE;
  }
  stats->ttft_s = stats->prefill_s = (double) (g_get_monotonic_time () - begin_us) / 1e6;

  return replay_write (self, options, on_event, user_data, stats, error);
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
    .memory_bytes = G_GUINT64_CONSTANT (16) * 1024 * 1024 * 1024,
    .read_bytes_s = 1000,
  };

  return TRUE;
}

/* A kilobyte a token, or as q8_0 its 34 parts of 64. */
static BottegaPlan *
replay_plan (BottegaEngineSource *source, const BottegaLoadRequest *request, gboolean measure,
             GError **error)
{
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

  return plan;
}

static void
replay_iface_init (BottegaEngineSourceInterface *iface)
{
  iface->load = replay_load;
  iface->unload = replay_unload;
  iface->count = replay_count;
  iface->generate = replay_generate;
  iface->rearm = replay_rearm;
  iface->cancel = replay_cancel;
  iface->read_facts = replay_read_facts;
  iface->describe_device = replay_describe_device;
  iface->measure = replay_measure;
  iface->plan = replay_plan;
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
  if (self->options.token_bytes == 0)
    self->options.token_bytes = 4;

  return BOTTEGA_ENGINE_SOURCE (self);
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
