/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts the parts together: data folder, store, settings, models, engine thread, conversations. It
 * must not do the work of any of them. */
#define G_LOG_DOMAIN "bottega-assistant"
#include "config.h"

#include "app/assistant/bottega-assistant.h"
#include "app/assistant/bottega-conversation-private.h"
#include "app/assistant/bottega-engine-rest.h"
#include "app/assistant/bottega-kept-files.h"
#include "app/assistant/bottega-library-private.h"
#include "app/assistant/bottega-model-planning.h"
#include "app/assistant/bottega-spaces.h"
#include "app/retrieval/bottega-worker.h"

#include <glib/gi18n-lib.h>

struct _BottegaAssistant {
  GObject parent_instance;

  char *data_dir, *device_line, *storage_error;
  char *space;        /* name of the one that is open */
  GHashTable *stores; /* name -> GWeakRef: those that somebody still holds cannot be opened twice */
  BottegaEngineSource *source;
  BottegaStore *store;
  BottegaSettings *settings;
  BottegaEngineThread *engine;
  BottegaPerformance *performance;
  BottegaModelStore *models;
  BottegaLibrary *library;
  BottegaEmbedder *embedder; /* NULL: none */
  BottegaEngineRest *rest;
  BottegaConversationList *conversations;
  BottegaWorker *worker; /* asks for the device line */
  gboolean started, shut_down;
};

enum {
  PROP_0,
  PROP_SETTINGS,
  PROP_ENGINE,
  PROP_MODELS,
  PROP_CONVERSATIONS,
  PROP_LIBRARY,
  PROP_SPACE,
  PROP_HAS_MODEL,
  PROP_DEVICE_LINE,
  PROP_STORAGE_ERROR,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaAssistant, bottega_assistant, G_TYPE_OBJECT)

static void
bottega_assistant_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaAssistant *self = BOTTEGA_ASSISTANT (object);

  switch (id) {
  case PROP_SETTINGS:
    g_value_set_object (value, self->settings);
    break;
  case PROP_ENGINE:
    g_value_set_object (value, self->engine);
    break;
  case PROP_MODELS:
    g_value_set_object (value, self->models);
    break;
  case PROP_CONVERSATIONS:
    g_value_set_object (value, self->conversations);
    break;
  case PROP_LIBRARY:
    g_value_set_object (value, self->library);
    break;
  case PROP_SPACE:
    g_value_set_string (value, self->space);
    break;
  case PROP_HAS_MODEL:
    g_value_set_boolean (value, bottega_assistant_get_has_model (self));
    break;
  case PROP_DEVICE_LINE:
    g_value_set_string (value, self->device_line);
    break;
  case PROP_STORAGE_ERROR:
    g_value_set_string (value, self->storage_error);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_assistant_dispose (GObject *object)
{
  bottega_assistant_shutdown (BOTTEGA_ASSISTANT (object));

  G_OBJECT_CLASS (bottega_assistant_parent_class)->dispose (object);
}

static void
bottega_assistant_finalize (GObject *object)
{
  BottegaAssistant *self = BOTTEGA_ASSISTANT (object);

  g_clear_object (&self->conversations);
  g_clear_object (&self->library);
  g_clear_object (&self->embedder);
  g_clear_object (&self->rest);
  g_clear_object (&self->models);
  g_clear_object (&self->engine);
  g_clear_object (&self->performance);
  g_clear_object (&self->settings);
  g_clear_object (&self->store);
  g_clear_object (&self->source);
  g_hash_table_unref (self->stores);
  g_free (self->space);
  g_free (self->data_dir);
  g_free (self->device_line);
  g_free (self->storage_error);

  G_OBJECT_CLASS (bottega_assistant_parent_class)->finalize (object);
}

static void
bottega_assistant_class_init (BottegaAssistantClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->dispose = bottega_assistant_dispose;
  object_class->finalize = bottega_assistant_finalize;
  object_class->get_property = bottega_assistant_get_property;

  properties[PROP_SETTINGS] =
      g_param_spec_object ("settings", NULL, NULL, BOTTEGA_TYPE_SETTINGS, flags);
  properties[PROP_ENGINE] =
      g_param_spec_object ("engine", NULL, NULL, BOTTEGA_TYPE_ENGINE_THREAD, flags);
  properties[PROP_MODELS] =
      g_param_spec_object ("models", NULL, NULL, BOTTEGA_TYPE_MODEL_STORE, flags);
  properties[PROP_CONVERSATIONS] =
      g_param_spec_object ("conversations", NULL, NULL, BOTTEGA_TYPE_CONVERSATION_LIST, flags);
  properties[PROP_LIBRARY] =
      g_param_spec_object ("library", NULL, NULL, BOTTEGA_TYPE_LIBRARY, flags);
  properties[PROP_SPACE] = g_param_spec_string ("space", NULL, NULL, NULL, flags);
  properties[PROP_HAS_MODEL] = g_param_spec_boolean ("has-model", NULL, NULL, FALSE, flags);
  properties[PROP_DEVICE_LINE] = g_param_spec_string ("device-line", NULL, NULL, NULL, flags);
  properties[PROP_STORAGE_ERROR] = g_param_spec_string ("storage-error", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
bottega_assistant_init (BottegaAssistant *self)
{
  self->stores = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, weak_ref_free);
}

/* ---- the store ---- */

static void
set_storage_error (BottegaAssistant *self, const char *sentence)
{
  if (g_set_str (&self->storage_error, sentence))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STORAGE_ERROR]);
}

static void
on_store_failed (BottegaAssistant *self, const char *sentence)
{
  set_storage_error (self, sentence);
}

/* The store of a space: the one that is open still, or a new one. */
static BottegaStore *
find_store (BottegaAssistant *self, const char *name, GError **error)
{
  GWeakRef *ref = g_hash_table_lookup (self->stores, name);
  BottegaStore *store = ref != NULL ? g_weak_ref_get (ref) : NULL;

  if (store != NULL)
    return store;
  store = bottega_store_open (self->data_dir, name, error);
  if (store != NULL) {
    ref = g_new0 (GWeakRef, 1);
    g_weak_ref_init (ref, store);
    g_hash_table_replace (self->stores, g_strdup (name), ref);
  }

  return store;
}

static BottegaStore *
open_in_memory (void)
{
  g_autoptr (GError) error = NULL;
  BottegaStore *store = bottega_store_open_in_memory (&error);

  if (store == NULL)
    g_error ("SQLite does not work at all: %s", error->message);

  return store;
}

/* Makes all that belongs to a space; takes the store. */
static void
set_store (BottegaAssistant *self, BottegaStore *store, const char *name)
{
  self->store = store;
  g_set_str (&self->space, name);
  g_signal_connect_object (store, "failed", G_CALLBACK (on_store_failed), self,
                           G_CONNECT_SWAPPED);
  self->library = bottega_library_new (store, self->engine);
  self->conversations =
      bottega_conversation_list_new (store, self->engine, self->settings, self->library);
}

/* Answers in progress end as interrupted: they can go on when the space is open again. */
static void
end_space (BottegaAssistant *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->conversations)); i++) {
    g_autoptr (BottegaConversation) conversation =
        g_list_model_get_item (G_LIST_MODEL (self->conversations), i);

    bottega_conversation_interrupt (conversation);
  }
  bottega_engine_thread_keep (self->engine, NULL);
  bottega_library_shutdown (self->library);
  bottega_store_flush (self->store);
}

gboolean
bottega_assistant_open_space (BottegaAssistant *self, const char *name, GError **error)
{
  g_autoptr (BottegaConversationList) conversations = NULL;
  g_autoptr (BottegaLibrary) library = NULL;
  g_autoptr (BottegaStore) old = NULL;
  BottegaStore *store;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self) && name != NULL, FALSE);
  g_return_val_if_fail (!self->shut_down, FALSE);

  if (g_strcmp0 (self->space, name) == 0)
    return TRUE;
  if (!bottega_spaces_check_name (name, error))
    return FALSE;
  store = find_store (self, name, error);
  if (store == NULL)
    return FALSE;

  end_space (self);
  conversations = g_steal_pointer (&self->conversations);
  library = g_steal_pointer (&self->library);
  old = g_steal_pointer (&self->store);
  g_signal_handlers_disconnect_by_data (old, self);
  set_store (self, store, name);
  set_storage_error (self, NULL);
  if (self->started)
    bottega_library_start (self->library, self->embedder);
  g_object_set (self->settings, "space", name, NULL);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SPACE]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LIBRARY]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CONVERSATIONS]);

  return TRUE;
}

gboolean
bottega_assistant_delete_space (BottegaAssistant *self, const char *name, GError **error)
{
  GWeakRef *ref;
  g_autoptr (BottegaStore) held = NULL;
  g_autofree char *path = NULL, *kept = NULL;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self) && name != NULL, FALSE);

  ref = g_hash_table_lookup (self->stores, name);
  held = ref != NULL ? g_weak_ref_get (ref) : NULL;
  if (held != NULL || strcmp (name, BOTTEGA_SPACE_DEFAULT) == 0) {
    g_set_error_literal (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_LOCKED,
                         _ ("This space is in use. Open another one, then delete it."));
    return FALSE;
  }

  if (!bottega_spaces_check_name (name, error))
    return FALSE;
  /* The engine may be writing there still: its part comes after that. */
  path = bottega_spaces_get_path (self->data_dir, name);
  kept = bottega_kept_files_get_folder (path);
  bottega_engine_thread_forget (self->engine, kept);

  return bottega_spaces_delete (self->data_dir, name, error);
}

/* The space that was open last; where that cannot be, one in memory stands in. */
static void
open_last_space (BottegaAssistant *self)
{
  g_autoptr (GError) error = NULL;
  const char *name = bottega_settings_get_space (self->settings);
  BottegaStore *store;

  if (!bottega_spaces_check_name (name, NULL) || !bottega_spaces_exists (self->data_dir, name))
    name = BOTTEGA_SPACE_DEFAULT;
  store = find_store (self, name, &error);
  if (store == NULL) {
    set_storage_error (self, error->message);
    store = open_in_memory ();
  }
  set_store (self, store, name);
}

/* ---- models ---- */

/* With what the person set for this model, else with what holds for all. */
static void
load_path (BottegaAssistant *self, const char *path)
{
  g_auto (BottegaModelDefaults) defaults = { 0 };
  BottegaLoadRequest request;

  bottega_model_store_get_request (self->models, path, &defaults, &request);
  bottega_settings_set_model_defaults (self->settings, &defaults);
  bottega_engine_thread_load (self->engine, &request);
}

static void
load (BottegaAssistant *self, BottegaModelItem *item)
{
  g_autofree char *path = g_strdup (bottega_model_item_get_path (item));

  load_path (self, path);
}

/* What can change without loading again does so at once. */
static void
on_defaults_changed (BottegaAssistant *self, const char *path)
{
  g_auto (BottegaModelDefaults) defaults = { 0 };

  if (g_strcmp0 (path, bottega_engine_thread_get_model_path (self->engine)) != 0)
    return;
  bottega_model_store_get_defaults (self->models, path, &defaults);
  bottega_settings_set_model_defaults (self->settings, &defaults);
}

static void
on_answered (BottegaAssistant *self, const EngineStats *stats)
{
  const char *path = bottega_engine_thread_get_model_path (self->engine);
  const char *device = bottega_engine_thread_get_device (self->engine);

  if (path != NULL && device != NULL)
    bottega_model_store_add_answer (self->models, path, device, stats);
}

/* A question for a model that rests: with what is set by now. */
static void
on_needed (BottegaAssistant *self)
{
  g_autofree char *path = g_strdup (bottega_engine_thread_get_model_path (self->engine));

  if (path != NULL && !self->shut_down)
    load_path (self, path);
}

/* Files were found, or one was imported: if nothing is loaded, the default is. */
static void
on_models_changed (BottegaAssistant *self)
{
  BottegaModelItem *item = bottega_model_store_get_default (self->models);

  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HAS_MODEL]);
  if (self->started &&
      !self->shut_down &&
      item != NULL &&
      bottega_model_store_get_loaded (self->models) &&
      bottega_engine_thread_get_state (self->engine) == BOTTEGA_ENGINE_NO_MODEL)
    load (self, item);
}

static void
on_kept_megabytes (BottegaAssistant *self)
{
  g_autofree char *spaces = g_build_filename (self->data_dir, "spaces", NULL);

  bottega_engine_thread_set_keep (
      self->engine, (guint64) bottega_settings_get_kept_megabytes (self->settings) * 1000000,
      spaces);
}

static void
on_engine_state (BottegaAssistant *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HAS_MODEL]);
}

BottegaAssistant *
bottega_assistant_new (const char *data_dir, BottegaEngineSource *source, BottegaSettings *settings)
{
  BottegaAssistant *self;

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_SOURCE (source), NULL);

  self = g_object_new (BOTTEGA_TYPE_ASSISTANT, NULL);
  self->data_dir = bottega_spaces_get_data_dir (data_dir);
  self->source = g_object_ref (source);
  self->settings = settings != NULL ? g_object_ref (settings) : bottega_settings_new ();
  self->engine = bottega_engine_thread_new (source);
  self->performance = bottega_performance_new (source, self->data_dir, "/");
  bottega_engine_thread_set_performance (self->engine, self->performance);
  self->rest = bottega_engine_rest_new (self->engine, self->settings, 0);
  on_kept_megabytes (self);
  open_last_space (self);
  self->models = bottega_model_store_new (self->data_dir, source, self->settings);
  self->worker = bottega_worker_new ("devices");

  g_signal_connect_object (self->models, "notify::loaded", G_CALLBACK (on_models_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->models, "items-changed", G_CALLBACK (on_models_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->models, "defaults-changed", G_CALLBACK (on_defaults_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->engine, "notify::state", G_CALLBACK (on_engine_state), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->settings, "notify::kept-megabytes",
                           G_CALLBACK (on_kept_megabytes), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->engine, "answered", G_CALLBACK (on_answered), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->engine, "needed", G_CALLBACK (on_needed), self, G_CONNECT_SWAPPED);

  return self;
}

/* ---- the device line ---- */

typedef struct {
  BottegaAssistant *assistant; /* borrowed: the worker ends before it */
  BottegaEngineSource *source;
  char *line;
} Describe;

static void
describe_free (gpointer data)
{
  g_free (((Describe *) data)->line);
  g_free (data);
}

static void
describe_run (gpointer data)
{
  Describe *describe = data;

  describe->line =
      BOTTEGA_ENGINE_SOURCE_GET_IFACE (describe->source)->describe_device (describe->source);
}

static void
describe_done (gpointer data)
{
  Describe *describe = data;

  if (g_set_str (&describe->assistant->device_line, describe->line))
    g_object_notify_by_pspec (G_OBJECT (describe->assistant), properties[PROP_DEVICE_LINE]);
}

void
bottega_assistant_set_embedder (BottegaAssistant *self, BottegaEmbedder *embedder)
{
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (self));
  g_return_if_fail (!self->started);

  g_set_object (&self->embedder, embedder);
}

void
bottega_assistant_set_monitors (BottegaAssistant *self,
                                GMemoryMonitor *memory,
                                GPowerProfileMonitor *power)
{
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (self));
  g_return_if_fail (!self->started);

  bottega_engine_rest_watch (self->rest, memory, power);
}

void
bottega_assistant_start (BottegaAssistant *self)
{
  Describe *describe;

  g_return_if_fail (BOTTEGA_IS_ASSISTANT (self));

  if (self->started || self->shut_down)
    return;
  self->started = TRUE;
  on_models_changed (self);
  bottega_library_start (self->library, self->embedder);

  describe = g_new0 (Describe, 1);
  describe->assistant = self;
  describe->source = self->source;
  bottega_worker_push (self->worker, describe_run, describe_done, describe, describe_free);
}

gboolean
bottega_assistant_use_model (BottegaAssistant *self, BottegaModelItem *item, GError **error)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (item), FALSE);

  if (bottega_model_item_get_state (item) != BOTTEGA_MODEL_READY) {
    const char *sentence = bottega_model_item_get_error (item);

    g_set_error_literal (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_FAILED,
                         sentence != NULL ? sentence : _ ("This model is not ready yet."));
    return FALSE;
  }
  if (bottega_model_item_get_searches (item)) {
    g_set_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_FAILED,
                 _ ("“%s” serves the search of documents; it writes no answers."),
                 bottega_model_item_get_name (item));
    return FALSE;
  }
  if (!bottega_model_store_will_fit (self->models, item,
                                     bottega_model_store_get_context (self->models, item), error))
    return FALSE;
  bottega_model_store_set_default (self->models, item);
  load (self, item);

  return TRUE;
}

void
bottega_assistant_reload_model (BottegaAssistant *self)
{
  const char *path;

  g_return_if_fail (BOTTEGA_IS_ASSISTANT (self));

  path = bottega_engine_thread_get_model_path (self->engine);
  if (bottega_engine_thread_get_state (self->engine) == BOTTEGA_ENGINE_RESTING)
    return;
  if (path != NULL) {
    g_autofree char *copy = g_strdup (path);

    load_path (self, copy);
  } else
    on_models_changed (self);
}

BottegaConversation *
bottega_assistant_summarise (BottegaAssistant *self, BottegaDocumentItem *item, GError **error)
{
  g_autoptr (BottegaConversation) conversation = NULL;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);
  g_return_val_if_fail (BOTTEGA_IS_DOCUMENT_ITEM (item), NULL);

  conversation = bottega_conversation_list_create (self->conversations);
  if (!bottega_conversation_summarise (conversation, item, error))
    return NULL;

  return g_steal_pointer (&conversation);
}

void
bottega_assistant_shutdown (BottegaAssistant *self)
{
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (self));

  if (self->shut_down)
    return;
  self->shut_down = TRUE;
  bottega_engine_thread_shutdown (self->engine);
  end_space (self);
  bottega_performance_shutdown (self->performance);
  g_clear_pointer (&self->worker, bottega_worker_free);
}

const char *
bottega_assistant_get_data_dir (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->data_dir;
}

BottegaSettings *
bottega_assistant_get_settings (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->settings;
}

BottegaEngineThread *
bottega_assistant_get_engine (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->engine;
}

BottegaPerformance *
bottega_assistant_get_performance (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->performance;
}

BottegaModelStore *
bottega_assistant_get_models (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->models;
}

BottegaConversationList *
bottega_assistant_get_conversations (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->conversations;
}

BottegaLibrary *
bottega_assistant_get_library (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->library;
}

gboolean
bottega_assistant_get_has_model (BottegaAssistant *self)
{
  BottegaEngineState state;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), FALSE);

  state = bottega_engine_thread_get_state (self->engine);

  return state == BOTTEGA_ENGINE_LOADING ||
         state == BOTTEGA_ENGINE_READY ||
         state == BOTTEGA_ENGINE_RESTING ||
         bottega_model_store_get_default (self->models) != NULL;
}

const char *
bottega_assistant_get_device_line (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->device_line;
}

const char *
bottega_assistant_get_storage_error (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->storage_error;
}

const char *
bottega_assistant_get_space (BottegaAssistant *self)
{
  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (self), NULL);

  return self->space;
}
