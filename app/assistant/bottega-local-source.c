/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our engine behind the interface: one model, one session whose timeline the engine keeps in step
 * with each prompt. It must not know conversations. */
#define G_LOG_DOMAIN "bottega-local-source"
#include "config.h"

#include "app/assistant/bottega-local-source.h"

#include <glib/gi18n-lib.h>
#include <string.h>

struct _BottegaLocalSource {
  GObject parent_instance;

  char *cache_dir;
  EngineModel *model;     /* the engine thread's; NULL: nothing loaded */
  GMutex lock;            /* guards the pointer below: cancel comes from other threads */
  EngineSession *session; /* changed on the engine thread only */
  gint cancel_load;       /* atomic */
};

static void local_iface_init (BottegaEngineSourceInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaLocalSource, bottega_local_source, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BOTTEGA_TYPE_ENGINE_SOURCE, local_iface_init))

static void
set_session (BottegaLocalSource *self, EngineSession *session)
{
  EngineSession *old;

  g_mutex_lock (&self->lock);
  old = self->session;
  self->session = session;
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&old, engine_session_free);
}

static void
local_unload (BottegaEngineSource *source)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  set_session (self, NULL);
  g_clear_pointer (&self->model, engine_model_close);
}

static gboolean
local_load (BottegaEngineSource *source,
            const BottegaLoadRequest *request,
            BottegaLoaded *loaded,
            GError **error)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);
  const EngineModelOptions options = {
    .device = request->device,
    .context_tokens = request->context_tokens,
    .cache_dir = self->cache_dir,
    .progress = request->progress,
    .progress_data = request->progress_data,
    .cancel = &self->cancel_load,
  };
  EngineSession *session;

  /* First the old one goes: two models need not fit at once. */
  local_unload (source);
  self->model = engine_model_open (request->path, &options, error);
  if (self->model == NULL)
    return FALSE;
  session = engine_session_new (self->model, error);
  if (session == NULL) {
    g_clear_pointer (&self->model, engine_model_close);
    return FALSE;
  }
  set_session (self, session);

  loaded->model_name = g_strdup (engine_model_info (self->model)->name);
  loaded->device = g_strdup (engine_model_device (self->model));
  loaded->device_description = g_strdup (engine_model_device_description (self->model));
  loaded->context_tokens = engine_model_context_tokens (self->model);
  engine_model_memory (self->model, &loaded->weights_bytes, &loaded->kv_bytes,
                       &loaded->scratch_bytes);

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

static gboolean
local_generate (BottegaEngineSource *source,
                const EngineMessage *messages,
                gsize n_messages,
                const char *answer_prefix,
                const EngineGenerate *options,
                EngineEventFunc on_event,
                gpointer user_data,
                EngineStats *stats,
                GError **error)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);
  g_autoptr (GArray) tokens = encode (self, messages, n_messages, answer_prefix, error);

  if (tokens == NULL)
    return FALSE;

  return engine_session_generate (self->session, tokens, options, on_event, user_data, stats,
                                  error);
}

static void
local_rearm (BottegaEngineSource *source)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  g_atomic_int_set (&self->cancel_load, FALSE);
  if (self->session != NULL)
    engine_session_rearm (self->session);
}

static void
local_cancel (BottegaEngineSource *source)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (source);

  g_atomic_int_set (&self->cancel_load, TRUE);
  g_mutex_lock (&self->lock);
  if (self->session != NULL)
    engine_session_cancel (self->session);
  g_mutex_unlock (&self->lock);
}

/* "Q4_1, F32": by their share of the bytes, biggest first. */
static char *
join_types (const EngineModelInfo *info)
{
  GString *types = g_string_new (NULL);
  guint64 done[G_N_ELEMENTS (info->types)] = { 0 };

  for (guint n = 0; n < info->n_types; n++) {
    guint best = info->n_types;

    for (guint i = 0; i < info->n_types; i++)
      if (!done[i] && (best == info->n_types || info->types[i].bytes > info->types[best].bytes))
        best = i;
    done[best] = TRUE;
    g_string_append_printf (types, "%s%s", types->len > 0 ? ", " : "", info->types[best].name);
  }

  return g_string_free (types, FALSE);
}

static gboolean
local_read_facts (BottegaEngineSource *source, const char *path, BottegaModelFacts *facts,
                  GError **error)
{
  g_autoptr (EngineModelInfo) info = engine_model_read_info (path, error);

  if (info == NULL)
    return FALSE;
  *facts = (BottegaModelFacts) {
    .name = g_strdup (info->name),
    .architecture = g_strdup (info->architecture),
    .types = join_types (info),
    .warning = g_strdup (info->warning),
    .title = g_strdup (info->title),
    .license = g_strdup (info->license),
    .languages = g_strdup (info->languages),
    .file_bytes = info->file_bytes,
    .file_only_bytes = info->file_only_bytes,
    .parameters = info->parameters,
    .kv_bytes_per_token = info->kv_bytes_per_token_f16,
    .decode_bytes = info->decode_bytes,
    .context_tokens = info->context_tokens,
    .embedding_size = info->embedding_size,
  };

  return TRUE;
}

/* "Radeon RX 7600, 8.6 GB, radv"; or that there is no card. */
static char *
local_describe_device (BottegaEngineSource *source)
{
  g_autofree char *id = engine_device_auto (NULL);
  g_autoptr (GPtrArray) devices = engine_devices ();

  for (guint i = 0; i < devices->len && id != NULL; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);
    g_autofree char *size = NULL;

    if (strcmp (device->id, id) != 0 || strcmp (device->kind, "processor") == 0)
      continue;
    size = g_format_size (device->memory_bytes);
    return g_strjoin (", ", device->name, size, device->driver, NULL);
  }

  return g_strdup (_ ("No graphics card found: answers are computed on the processor"));
}

static guint64
memory_of_processor (GPtrArray *devices)
{
  for (guint i = 0; i < devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);

    if (strcmp (device->kind, "processor") == 0)
      return device->memory_bytes;
  }

  return 0;
}

/* The device of a setting: its id, or of "vulkan" the first that is a card. NULL: not there. */
static const EngineDevice *
find_device (GPtrArray *devices, const char *setting)
{
  g_autofree char *automatic = NULL;

  if (strcmp (setting, "auto") == 0)
    setting = automatic = engine_device_auto (NULL);
  for (guint i = 0; setting != NULL && i < devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);

    if (device->usable &&
        (strcmp (device->id, setting) == 0 ||
         (strcmp (setting, "vulkan") == 0 && g_str_has_prefix (device->id, "vulkan:"))))
      return device;
  }

  return NULL;
}

static gboolean
local_measure (BottegaEngineSource *source, const char *setting, BottegaMachine *machine)
{
  g_autoptr (GPtrArray) devices = engine_devices ();
  const EngineDevice *device = find_device (devices, setting);

  if (device == NULL)
    return FALSE;
  *machine = (BottegaMachine) {
    .device = g_strdup (device->id),
    .name = g_strdup (device->name),
    .is_card = strcmp (device->kind, "discrete") == 0,
    .memory_bytes = device->memory_bytes,
    .beside_bytes = strcmp (device->kind, "discrete") == 0 ? memory_of_processor (devices) : 0,
    .read_bytes_s =
        strcmp (device->kind, "processor") == 0 ? engine_measure_read_bandwidth (0, 0) : 0,
  };

  return TRUE;
}

static void
local_iface_init (BottegaEngineSourceInterface *iface)
{
  iface->load = local_load;
  iface->unload = local_unload;
  iface->count = local_count;
  iface->generate = local_generate;
  iface->rearm = local_rearm;
  iface->cancel = local_cancel;
  iface->read_facts = local_read_facts;
  iface->describe_device = local_describe_device;
  iface->measure = local_measure;
}

static void
bottega_local_source_finalize (GObject *object)
{
  BottegaLocalSource *self = BOTTEGA_LOCAL_SOURCE (object);

  local_unload (BOTTEGA_ENGINE_SOURCE (self));
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
}

BottegaEngineSource *
bottega_local_source_new (const char *cache_dir)
{
  BottegaLocalSource *self = g_object_new (BOTTEGA_TYPE_LOCAL_SOURCE, NULL);

  self->cache_dir = g_strdup (cache_dir);

  return BOTTEGA_ENGINE_SOURCE (self);
}
