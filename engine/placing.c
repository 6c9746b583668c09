/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens back ends, and spreads a model over a card and the processor when the card is short of
 * memory. Owns the budget; what goes where for it is engine/split's to say. */
#include "engine/placing.h"

#include "engine/cpu/cpu.h"
#include "engine/devices.h"
#include "engine/split/split.h"
#include "engine/vulkan/vulkan.h"

/* Left to the desktop and its programs on a card that other programs use too. */
#define RESERVE_BYTES ((uint64_t) 256 << 20)

EngineBackend *
engine_backend_open (const char *device, const EngineModelOptions *options, GError **error)
{
  CpuTier tier = cpu_tier_best ();

  if (g_str_has_prefix (device, "vulkan:"))
    return vulkan_backend_open ((unsigned) g_ascii_strtoull (device + strlen ("vulkan:"), NULL, 10),
                                options->cache_dir, error);
  if (options->cpu_tier != NULL && !engine_cpu_tier_parse (options->cpu_tier, &tier, error))
    return NULL;
  return cpu_backend_open (options->n_threads, tier, error);
}

/* What a model may take of a card; FALSE when it is not asked to keep within anything. */
static gboolean
find_budget (const EngineBackendCaps *caps, const EngineModelOptions *options, uint64_t *budget)
{
  uint64_t reserve = MIN (RESERVE_BYTES, caps->free_bytes);

  if (options->gpu_memory_bytes == 0 && caps->unified_memory)
    return FALSE;
  *budget = caps->free_bytes - reserve;
  if (options->gpu_memory_bytes > 0)
    *budget = MIN (*budget, options->gpu_memory_bytes);
  return TRUE;
}

static gboolean
refuse (const EngineModel *model, uint64_t least, uint64_t budget, GError **error)
{
  const EngineBackendCaps *caps = model->backend->vtable->caps (model->backend);

  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
               "No part of “%s” fits %s: its output alone needs %.1f MB there, and %.1f MB may be "
               "used. Choose the processor, or a smaller model.",
               model->info->name, caps->description, (double) least / 1e6, (double) budget / 1e6);
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

gboolean
engine_model_place (EngineModel *model, const EngineModelOptions *options, GError **error)
{
  EngineBackend *first = model->backend, *second;
  const EngineBackendCaps *caps = first->vtable->caps (first);
  const GraphPlan *plans[SESSION_N_CLASSES];
  uint32_t n_plans = list_plans (model, plans);
  SplitPlacement placement;
  uint64_t budget, least;

  /* What the device cannot do at all is refused where it is loaded. */
  if (strcmp (model->device, "cpu") == 0 || (plans[0]->needs & ~caps->can) != 0 ||
      !find_budget (caps, options, &budget))
    return TRUE;
  if (!split_backend_place (first, plans, n_plans, &model->kv, budget, &placement, &least, error))
    return FALSE;
  if (split_placement_is_whole (&placement, SPLIT_FIRST, model->desc))
    return TRUE;
  if (split_placement_is_whole (&placement, SPLIT_SECOND, model->desc))
    return refuse (model, least, budget, error);
  second = engine_backend_open ("cpu", options, error);
  if (second == NULL)
    return FALSE;
  model->backend = split_backend_open (first, second, &placement, model->desc);
  model->split = TRUE;
  return TRUE;
}
