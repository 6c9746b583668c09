/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Spreads a model over a card and the processor when the card is short of memory, and says what
 * each would hold. Owns the budgets; which part goes where for one is engine/split's to say, what
 * it takes the back ends'. Nothing is allocated here. */
#include "engine/planner/planner-private.h"

#include <string.h>

/* Left to the desktop and its programs, of a card and of RAM alike. */
#define RESERVE_BYTES ((uint64_t) 256 << 20)
/* A token of the vocabulary with its merges and look-up tables, and what the rest of the metadata
 * takes: 5.8 MB for the 49,152 of the starter model. */
#define TOKEN_BYTES 118u

static gboolean
is_processor (const EngineModel *model)
{
  return strcmp (model->device, "cpu") == 0;
}

/* Not every back end does everything that an architecture may ask for. */
static gboolean
check_needs (const EngineModel *model, const GraphPlan *plan, GError **error)
{
  const EngineBackendCaps *caps = model->backend->vtable->caps (model->backend);

  if ((plan->needs & ~caps->can) == 0)
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED,
               "Models of the architecture “%s” cannot run on %s yet: choose another device.",
               model->desc->architecture->name, caps->description);
  return FALSE;
}

/* All plans that will be compiled, the one that refers to all weights first. */
static uint32_t
list_plans (const EngineModel *model, const GraphPlan *plans[SESSION_N_CLASSES])
{
  uint32_t n = 0;

  for (SessionClass class = SESSION_N_CLASSES; class --> 0;)
    if (model->plans[class] != NULL)
      plans[n++] = model->plans[class];
  return n;
}

/* ---- what a device would hold --------------------------------------------------------------- */

/* What is free once a model is gone that is to go. */
static uint64_t
free_then (const EngineBackendCaps *caps, const char *device, const EngineModelOptions *options)
{
  uint64_t freed = 0;

  if (caps->unified_memory)
    freed = options->freed_ram_bytes;
  else if (g_strcmp0 (device, options->freed_device) == 0)
    freed = options->freed_device_bytes;
  return freed > 0 ? MIN (caps->free_bytes + freed, caps->memory_bytes) : caps->free_bytes;
}

/* What a draft model will have taken of it by then. */
static uint64_t
taken_then (const EngineModel *model, const EngineBackendCaps *caps, const char *device)
{
  const EnginePlan *draft = model->draft_plan;
  uint64_t taken = 0;

  for (uint32_t i = 0; draft != NULL && i < draft->n_heaps; i++)
    if (caps->unified_memory ? draft->heaps[i].is_ram
                             : strcmp (draft->heaps[i].device, device) == 0)
      taken += planner_heap_bytes (&draft->heaps[i]);
  return taken;
}

static EnginePlanHeap *
add_heap (const EngineModel *model, EngineBackend *backend, const char *device,
          const EngineModelOptions *options)
{
  const EngineBackendCaps *caps = backend->vtable->caps (backend);
  EnginePlanHeap *heap = &model->plan->heaps[model->plan->n_heaps++];
  uint64_t free_bytes = free_then (caps, device, options);
  uint64_t gone = RESERVE_BYTES + taken_then (model, caps, device);

  *heap = (EnginePlanHeap) {
    .device = g_strdup (device),
    .description = g_strdup (caps->description),
    .is_ram = caps->unified_memory,
    .memory_bytes = caps->memory_bytes,
    .free_bytes = free_bytes,
    .allowed_bytes = free_bytes - MIN (gone, free_bytes),
  };
  if (options->gpu_memory_bytes > 0 && strcmp (device, "cpu") != 0)
    heap->allowed_bytes = MIN (heap->allowed_bytes, options->gpu_memory_bytes);
  return heap;
}

static void
fill_heap (EnginePlanHeap *heap, const EngineBytes *bytes)
{
  heap->weights_bytes = bytes->weights;
  heap->kv_bytes = bytes->kv;
  heap->scratch_bytes = bytes->scratch;
}

/* ---- refusals ------------------------------------------------------------------------------- */

static gboolean
refuse (const EngineModel *model, char *refusal, GError **error)
{
  model->plan->refusal = refusal;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY, refusal);
  return FALSE;
}

static gboolean
check_heap (const EngineModel *model, const EnginePlanHeap *heap, GError **error)
{
  uint64_t need = planner_heap_bytes (heap);
  const char *where = heap->is_ram ? "memory" : "graphics memory";

  if (need <= heap->allowed_bytes)
    return TRUE;
  return refuse (
      model,
      g_strdup_printf ("The model needs %.1f GB of %s (%.1f GB for its weights, %.1f GB for the "
                       "conversation, %.1f GB to work in), and of %.1f GB it may take %.1f GB. "
                       "Close other programs, choose a smaller model or a shorter context.",
                       (double) need / 1e9, where, (double) heap->weights_bytes / 1e9,
                       (double) heap->kv_bytes / 1e9, (double) heap->scratch_bytes / 1e9,
                       (double) heap->memory_bytes / 1e9, (double) heap->allowed_bytes / 1e9),
      error);
}

static gboolean
refuse_all (const EngineModel *model, uint64_t least, GError **error)
{
  g_autofree char *name = model_gguf_name (model->gguf);
  const EnginePlanHeap *heap = &model->plan->heaps[0];

  return refuse (
      model,
      g_strdup_printf ("No part of “%s” fits %s: its output alone needs %.1f MB there, and %.1f MB "
                       "may be used. Choose the processor, or a smaller model.",
                       name, heap->description, (double) least / 1e6,
                       (double) heap->allowed_bytes / 1e6),
      error);
}

/* ---- the placement -------------------------------------------------------------------------- */

static void
begin_plan (EngineModel *model, const EngineModelOptions *options)
{
  EnginePlan *plan = g_new0 (EnginePlan, 1);

  model->plan = plan;
  plan->context_tokens = model->context_tokens;
  plan->kv_type = model_kv_type_name (model->kv.type);
  plan->n_layers = model->desc->h.n_layers;
  plan->text_bytes = (uint64_t) model->desc->h.n_vocab * TOKEN_BYTES;
  add_heap (model, model->backend, model->device, options);
}

/* The share of the processor; model->backend becomes one of both. */
static gboolean
add_processor (EngineModel *model, const EngineModelOptions *options,
               const GraphPlan *const *plans, uint32_t n_plans, const SplitPlacement *placement,
               GError **error)
{
  EngineBackend *first = model->backend, *second = planner_backend_open ("cpu", options, error);
  EngineBytes bytes;
  gboolean ok;

  if (second == NULL)
    return FALSE;
  ok = split_backend_measure (second, SPLIT_SECOND, plans, n_plans, &model->kv, placement, &bytes,
                              error);
  if (ok)
    fill_heap (add_heap (model, second, "cpu", options), &bytes);
  model->plan->n_layers_apart = placement->n_layers;
  model->plan->placement = split_placement_describe (placement, model->desc);
  model->backend = split_backend_open (first, second, placement, model->desc);
  model->split = TRUE;
  return ok;
}

/* Memory that the processor uses too is not made more by leaving it a part of the model. */
static gboolean
may_split (const EngineModel *model, const EngineModelOptions *options)
{
  return !is_processor (model) &&
         (options->gpu_memory_bytes > 0 || !model->plan->heaps[0].is_ram);
}

gboolean
planner_place (EngineModel *model, const EngineModelOptions *options, GError **error)
{
  const GraphPlan *plans[SESSION_N_CLASSES];
  uint32_t n_plans = list_plans (model, plans);
  EngineBackend *first = model->backend;
  SplitPlacement placement = { 0 };
  EngineBytes bytes;
  uint64_t least;

  if (!check_needs (model, plans[0], error))
    return FALSE;
  begin_plan (model, options);
  if (may_split (model, options)) {
    if (!split_backend_place (first, plans, n_plans, &model->kv,
                              model->plan->heaps[0].allowed_bytes, &placement, &least, error))
      return FALSE;
    if (split_placement_is_whole (&placement, SPLIT_SECOND, model->desc))
      return refuse_all (model, least, error);
  }
  if (!split_backend_measure (first, SPLIT_FIRST, plans, n_plans, &model->kv, &placement, &bytes,
                              error))
    return FALSE;
  fill_heap (&model->plan->heaps[0], &bytes);
  if (!split_placement_is_whole (&placement, SPLIT_FIRST, model->desc) &&
      !add_processor (model, options, plans, n_plans, &placement, error))
    return FALSE;
  for (uint32_t i = 0; i < model->plan->n_heaps; i++)
    if (!check_heap (model, &model->plan->heaps[i], error))
      return FALSE;
  return TRUE;
}
