/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the thread on which the planner is asked. Must not know what is shown of it. */
#define G_LOG_DOMAIN "bottega-model-planning"

#include "config.h"

#include "app/assistant/bottega-model-planning.h"
#include "app/assistant/bottega-model-store-private.h"

typedef struct {
  BottegaEngineSource *source;
  BottegaLoadRequest *request;
  gboolean measure;
} Planning;

static void
planning_free (gpointer data)
{
  Planning *planning = data;

  g_object_unref (planning->source);
  bottega_load_request_free (planning->request);
  g_free (planning);
}

static void
plan_on_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Planning *planning = data;
  GError *error = NULL;
  BottegaPlan *plan =
      BOTTEGA_ENGINE_SOURCE_GET_IFACE (planning->source)
          ->plan (planning->source, planning->request, planning->measure, &error);

  if (plan != NULL)
    g_task_return_pointer (task, plan, (GDestroyNotify) bottega_plan_free);
  else
    g_task_return_error (task, error);
}

void
bottega_model_store_get_request (BottegaModelStore *self,
                                 const char *path,
                                 BottegaModelDefaults *defaults,
                                 BottegaLoadRequest *request)
{
  BottegaModelItem *item, *draft;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (path != NULL);

  item = bottega_model_store_find (self, path);
  draft = item != NULL ? bottega_model_store_get_draft (self, item) : NULL;
  bottega_model_store_get_defaults (self, path, defaults);
  *request = (BottegaLoadRequest) {
    .path = path,
    .draft_path = draft != NULL ? bottega_model_item_get_path (draft) : NULL,
    .device = defaults->device != NULL ? defaults->device
                                       : bottega_settings_get_device (self->settings),
    .context_tokens = item != NULL ? bottega_model_store_get_context (self, item)
                                   : bottega_settings_get_context_length (self->settings),
    .kv_type = defaults->kv_type != NULL ? defaults->kv_type
                                         : bottega_settings_get_kv_type (self->settings),
    .n_threads = bottega_settings_get_load_threads (self->settings),
    .chunk_tokens = bottega_settings_get_chunk_tokens (self->settings),
    .gpu_percent = bottega_settings_get_gpu_percent (self->settings),
  };
}

void
bottega_model_store_get_need (BottegaModelStore *self,
                              BottegaModelItem *item,
                              BottegaModelNeed *need)
{
  const BottegaModelFacts *facts = bottega_model_item_get_facts (item);
  BottegaModelItem *draft = bottega_model_store_get_draft (self, item);
  guint context = bottega_model_store_get_context (self, item);
  g_auto (BottegaModelDefaults) defaults = { 0 };
  BottegaLoadRequest request;

  bottega_model_store_get_request (self, bottega_model_item_get_path (item), &defaults, &request);
  *need = (BottegaModelNeed) {
    .weights_bytes = facts->file_bytes - facts->file_only_bytes,
    .kv_bytes_per_token = g_strcmp0 (request.kv_type, "q8_0") == 0
                              ? facts->compact_kv_bytes_per_token
                              : facts->kv_bytes_per_token,
    .decode_bytes = facts->decode_bytes,
    .context_tokens =
        context > 0 ? context : bottega_model_automatic_context (facts->context_tokens),
  };
  if (draft != NULL)
    bottega_model_need_add_draft (need, bottega_model_item_get_facts (draft));
}

void
bottega_model_store_plan_async (BottegaModelStore *self,
                                BottegaModelItem *item,
                                const char *kv_type,
                                gboolean measure,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_auto (BottegaModelDefaults) defaults = { 0 };
  g_autoptr (GTask) task = NULL;
  BottegaLoadRequest request;
  Planning *planning;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (BOTTEGA_IS_MODEL_ITEM (item));

  bottega_model_store_get_request (self, bottega_model_item_get_path (item), &defaults, &request);
  if (kv_type != NULL)
    request.kv_type = kv_type;
  planning = g_new (Planning, 1);
  *planning = (Planning) { g_object_ref (self->source), bottega_load_request_copy (&request),
                           measure };
  /* Not of the store: the thread could be the last to have it, and it ends on the main thread. */
  task = g_task_new (NULL, NULL, callback, user_data);
  g_task_set_source_tag (task, bottega_model_store_plan_async);
  g_task_set_task_data (task, planning, planning_free);
  g_task_run_in_thread (task, plan_on_thread);
}

BottegaPlan *
bottega_model_store_plan_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
bottega_model_need_take_plan (BottegaModelNeed *need, const BottegaPlan *plan)
{
  need->weights_bytes = plan->weights_bytes + plan->draft_bytes;
  need->context_tokens = plan->context_tokens;
  need->planned_kv_bytes = plan->kv_bytes;
  need->planned_work_bytes = plan->work_bytes;
  need->planned_tok_s = plan->token_s > 0 ? 1 / plan->token_s : 0;
}
