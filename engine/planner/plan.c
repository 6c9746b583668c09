/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public prediction: what engine_model_open () would do with a file, without doing it. Must not
 * know how it is decided. */
#include "engine/planner/planner-private.h"

#include <string.h>

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

/* ---- a draft model beside it ---------------------------------------------------------------- */

uint64_t
planner_card_bytes (const EnginePlan *plan)
{
  uint64_t sum = 0;

  for (uint32_t i = 0; i < plan->n_heaps; i++)
    if (strcmp (plan->heaps[i].device, "cpu") != 0)
      sum += planner_heap_bytes (&plan->heaps[i]);
  return sum;
}

EngineModelOptions
planner_draft_options (const ModelDesc *desc, const ModelDesc *draft,
                       const EngineModelOptions *options)
{
  EngineModelOptions its = *options;

  its.context_tokens = MIN (planner_context_tokens (desc, options->context_tokens),
                            draft->h.context_tokens);
  its.progress = NULL;
  return its;
}

uint64_t
planner_limit_left (uint64_t limit_bytes, uint64_t taken_bytes)
{
  return limit_bytes > 0 ? MAX (limit_bytes, taken_bytes + 1) - taken_bytes : 0;
}

/* The heap of that device in a plan, which gets one; NULL: it has no place for one more. */
static EnginePlanHeap *
find_heap (EnginePlan *plan, const EnginePlanHeap *like)
{
  for (uint32_t i = 0; i < plan->n_heaps; i++)
    if (strcmp (plan->heaps[i].device, like->device) == 0)
      return &plan->heaps[i];
  if (plan->n_heaps == G_N_ELEMENTS (plan->heaps))
    return NULL;
  plan->heaps[plan->n_heaps] = (EnginePlanHeap) { .device = g_strdup (like->device),
                                                  .description = g_strdup (like->description),
                                                  .is_ram = like->is_ram,
                                                  .memory_bytes = like->memory_bytes,
                                                  .free_bytes = like->free_bytes,
                                                  .allowed_bytes = like->allowed_bytes };
  return &plan->heaps[plan->n_heaps++];
}

void
planner_add_draft (EnginePlan *plan, const EnginePlan *draft)
{
  for (uint32_t i = 0; i < draft->n_heaps; i++) {
    EnginePlanHeap *heap = find_heap (plan, &draft->heaps[i]);

    if (heap != NULL)
      heap->draft_bytes += planner_heap_bytes (&draft->heaps[i]);
  }
  plan->text_bytes += draft->text_bytes;
}

/* ---- plans ---------------------------------------------------------------------------------- */

static gboolean
open_file (EngineModel *model, const char *path, GError **error)
{
  return (model->gguf = model_gguf_open (path, error)) != NULL &&
         (model->desc = model_desc_new (model->gguf, error)) != NULL;
}

static void
close_file (EngineModel *model)
{
  model_desc_free (model->desc);
  model_gguf_free (model->gguf);
  g_free (model->device);
}

/* Calls use for a model of which there is no more than its metadata and a place. NULL on failure;
 * what does not fit is none. */
static EnginePlan *
plan_file (EngineModel *model, const EngineModelOptions *options, PlannerUse use, GError **error)
{
  g_autoptr (GError) problem = NULL;
  EnginePlan *plan = NULL;

  planner_use_device (model, options, use, &problem);
  if (problem == NULL || (model->plan != NULL && model->plan->refusal != NULL))
    plan = g_steal_pointer (&model->plan);
  else
    g_propagate_error (error, g_steal_pointer (&problem));
  planner_leave_device (model);
  return plan;
}

static gboolean
use_no_more (EngineModel *model, const EngineModelOptions *options, GError **error)
{
  return TRUE;
}

/* Of the draft model that options ask for; NULL on failure. */
static EnginePlan *
plan_draft (const ModelDesc *desc, const EngineModelOptions *options, GError **error)
{
  EngineModel draft = { 0 };
  EnginePlan *plan = NULL;

  if (open_file (&draft, options->draft_path, error)) {
    EngineModelOptions its = planner_draft_options (desc, draft.desc, options);

    plan = plan_file (&draft, &its, use_no_more, error);
  }
  close_file (&draft);
  return plan;
}

static EnginePlan *
plan_for (const char *path, const EngineModelOptions *options, PlannerUse use, GError **error)
{
  EngineModelOptions own = options != NULL ? *options : (EngineModelOptions) { 0 };
  g_autoptr (EnginePlan) draft = NULL;
  EngineModel model = { 0 };
  EnginePlan *plan = NULL;
  gboolean ok = open_file (&model, path, error);

  if (ok && own.draft_path != NULL) {
    draft = plan_draft (model.desc, &own, error);
    ok = draft != NULL;
  }
  if (draft != NULL && draft->refusal != NULL) {
    plan = g_steal_pointer (&draft);
  } else if (ok) {
    model.draft_plan = draft;
    if (draft != NULL)
      own.gpu_memory_bytes = planner_limit_left (own.gpu_memory_bytes, planner_card_bytes (draft));
    plan = plan_file (&model, &own, use, error);
  }
  if (plan != NULL && draft != NULL)
    planner_add_draft (plan, draft);
  close_file (&model);
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
