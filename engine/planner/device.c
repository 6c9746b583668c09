/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a model onto a device: sizes, plans, placement, and the processor instead of a card
 * that was the engine's own choice and is not enough. Must not know what a placement costs. */
#include "engine/devices.h"
#include "engine/planner/planner-private.h"
#include "engine/vulkan/vulkan.h"

/* What auto means for a context: enough for a long talk without surprising the memory. */
#define DEFAULT_CONTEXT_TOKENS 8192
#define MIN_CONTEXT_TOKENS     64

EngineBackend *
planner_backend_open (const char *device, const EngineModelOptions *options, GError **error)
{
  CpuTier tier = cpu_tier_best ();

  if (g_str_has_prefix (device, "vulkan:"))
    return vulkan_backend_open ((unsigned) g_ascii_strtoull (device + strlen ("vulkan:"), NULL, 10),
                                options->cache_dir, error);
  if (options->cpu_tier != NULL && !engine_cpu_tier_parse (options->cpu_tier, &tier, error))
    return NULL;
  return cpu_backend_open (options->n_threads, tier, error);
}

uint32_t
planner_context_tokens (const ModelDesc *desc, uint32_t wanted)
{
  return wanted > 0 ? wanted : MIN (desc->h.context_tokens, DEFAULT_CONTEXT_TOKENS);
}

static gboolean
choose_sizes (EngineModel *model, const EngineModelOptions *options, GError **error)
{
  uint32_t trained = model->desc->h.context_tokens;
  uint32_t context = planner_context_tokens (model->desc, options->context_tokens);
  uint32_t preferred = model->backend->vtable->caps (model->backend)->preferred_chunk;

  if (context < MIN_CONTEXT_TOKENS || context > trained) {
    g_autofree char *name = model_gguf_name (model->gguf);

    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "A context of %u tokens is not possible: “%s” works with %d to %u.", context, name,
                 MIN_CONTEXT_TOKENS, trained);
    return FALSE;
  }
  model->context_tokens = context;
  model->chunk_tokens =
      MIN (options->chunk_tokens > 0 ? options->chunk_tokens : preferred, context);
  if (session_model_embeds (model)) /* a batch holds whole texts */
    model->chunk_tokens = MAX (model->chunk_tokens, context);
  return TRUE;
}

static gboolean
use_this (EngineModel *model, const EngineModelOptions *options, PlannerUse use, GError **error)
{
  ModelKvType kv_type;

  if (!model_kv_type_parse (options->kv_type, &kv_type, error))
    return FALSE;
  model->backend = planner_backend_open (model->device, options, error);
  if (model->backend == NULL || !choose_sizes (model, options, error) ||
      !model_desc_set_context (model->desc, model->context_tokens, error))
    return FALSE;
  session_model_plan (model, kv_type);
  return planner_place (model, options, error) && use (model, options, error);
}

gboolean
planner_use_device (EngineModel *model, const EngineModelOptions *options, PlannerUse use,
                    GError **error)
{
  g_autoptr (GError) problem = NULL;

  model->device = engine_device_resolve (options->device, error);
  if (model->device == NULL)
    return FALSE;
  if (use_this (model, options, use, &problem))
    return TRUE;
  if ((!g_error_matches (problem, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED) &&
       !g_error_matches (problem, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY)) ||
      !engine_device_is_automatic (options->device) || strcmp (model->device, "cpu") == 0) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  /* The card was our choice: the processor runs every architecture, and has more memory. */
  planner_leave_device (model);
  g_free (model->device);
  model->device = g_strdup ("cpu");
  return use_this (model, options, use, error);
}

void
planner_leave_device (EngineModel *model)
{
  if (model->backend == NULL)
    return;
  session_model_unload (model);
  model->backend->vtable->close (model->backend);
  model->backend = NULL;
  model->split = FALSE;
  g_clear_pointer (&model->plan, engine_plan_free);
}
