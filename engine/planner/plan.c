/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public prediction: what engine_model_open () would do with a file, without doing it. Must not
 * know how it is decided. */
#include "engine/planner/planner-private.h"

void
engine_plan_free (EnginePlan *plan)
{
  if (plan == NULL)
    return;
  for (uint32_t i = 0; i < plan->n_heaps; i++) {
    g_free (plan->heaps[i].device);
    g_free (plan->heaps[i].description);
  }
  g_free (plan->placement);
  g_free (plan->refusal);
  g_free (plan);
}

const EnginePlan *
engine_model_plan (const EngineModel *model)
{
  return model->plan;
}

/* Calls use for a model of which there is no more than its metadata and a place. NULL on failure;
 * what does not fit is none. */
static EnginePlan *
plan_for (const char *path, const EngineModelOptions *options, PlannerUse use, GError **error)
{
  const EngineModelOptions defaults = { 0 };
  g_autoptr (GError) problem = NULL;
  EngineModel model = { 0 };
  EnginePlan *plan = NULL;

  if ((model.gguf = model_gguf_open (path, error)) != NULL &&
      (model.desc = model_desc_new (model.gguf, error)) != NULL) {
    planner_use_device (&model, options != NULL ? options : &defaults, use, &problem);
    if (problem == NULL || (model.plan != NULL && model.plan->refusal != NULL))
      plan = g_steal_pointer (&model.plan);
    else
      g_propagate_error (error, g_steal_pointer (&problem));
    planner_leave_device (&model);
  }
  model_desc_free (model.desc);
  model_gguf_free (model.gguf);
  g_free (model.device);
  return plan;
}

static gboolean
predict (EngineModel *model, const EngineModelOptions *options, GError **error)
{
  planner_predict (model, options);
  return TRUE;
}

static gboolean
measure_and_predict (EngineModel *model, const EngineModelOptions *options, GError **error)
{
  planner_measure (model, options);
  planner_predict (model, options);
  return TRUE;
}

EnginePlan *
engine_plan (const char *path, const EngineModelOptions *options, GError **error)
{
  return plan_for (path, options, predict, error);
}

EnginePlan *
engine_plan_measured (const char *path, const EngineModelOptions *options, GError **error)
{
  return plan_for (path, options, measure_and_predict, error);
}
