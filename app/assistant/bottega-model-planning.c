/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the thread on which the planner is asked. Must not know what is shown of it. */
#define G_LOG_DOMAIN "bottega-model-planning"

#include "config.h"

#include "app/assistant/bottega-model-planning.h"
#include "app/assistant/bottega-model-store-private.h"

typedef struct {
  BottegaEngineSource *source;
  char *path, *device, *kv_type;
  guint context_tokens;
  gboolean measure;
} Planning;

static void
planning_free (gpointer data)
{
  Planning *planning = data;

  g_object_unref (planning->source);
  g_free (planning->path);
  g_free (planning->device);
  g_free (planning->kv_type);
  g_free (planning);
}

static void
plan_on_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Planning *planning = data;
  const BottegaLoadRequest request = {
    .path = planning->path,
    .device = planning->device,
    .context_tokens = planning->context_tokens,
    .kv_type = planning->kv_type,
  };
  GError *error = NULL;
  BottegaPlan *plan = BOTTEGA_ENGINE_SOURCE_GET_IFACE (planning->source)
                          ->plan (planning->source, &request, planning->measure, &error);

  if (plan != NULL)
    g_task_return_pointer (task, plan, (GDestroyNotify) bottega_plan_free);
  else
    g_task_return_error (task, error);
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
  Planning *planning;
  const char *path;

  g_return_if_fail (BOTTEGA_IS_MODEL_STORE (self));
  g_return_if_fail (BOTTEGA_IS_MODEL_ITEM (item));

  path = bottega_model_item_get_path (item);
  bottega_model_store_get_defaults (self, path, &defaults);
  planning = g_new (Planning, 1);
  *planning = (Planning) {
    .source = g_object_ref (self->source),
    .path = g_strdup (path),
    .device = g_strdup (defaults.device != NULL ? defaults.device
                                                : bottega_settings_get_device (self->settings)),
    .kv_type =
        g_strdup (kv_type != NULL ? kv_type : bottega_settings_get_kv_type (self->settings)),
    .context_tokens = bottega_model_store_get_context (self, item),
    .measure = measure,
  };
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
  need->weights_bytes = plan->weights_bytes;
  need->context_tokens = plan->context_tokens;
  need->planned_kv_bytes = plan->kv_bytes;
  need->planned_work_bytes = plan->work_bytes;
  need->planned_tok_s = plan->token_s > 0 ? 1 / plan->token_s : 0;
}
