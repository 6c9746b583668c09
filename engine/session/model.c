/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model's plans and executables by batch class. Must not know what a back end makes of a plan. */
#include "engine/session/session.h"

static GraphPlan *
build_plan (const EngineModel *model, SessionClass class)
{
  const struct {
    uint32_t tokens, outputs;
  } sizes[SESSION_N_CLASSES] = {
    [SESSION_CLASS_DECODE] = { 1, 1 },
    [SESSION_CLASS_SMALL] = { SESSION_SMALL_TOKENS, SESSION_SMALL_TOKENS },
    [SESSION_CLASS_CHUNK] = { model->chunk_tokens,
                              session_model_embeds (model) ? ENGINE_MAX_RUNS : 1 },
  };

  return graph_plan_build (model->desc, 0, model->desc->h.n_layers, TRUE, TRUE, sizes[class].tokens,
                           sizes[class].outputs);
}

/* More where they are small beside keys and values: other conversations go on from them. */
static uint32_t
count_states (const EngineModel *model, uint64_t state_bytes)
{
  uint64_t kv_bytes = model_desc_kv_bytes (model->desc, model->kv.type) * model->context_tokens;

  return (uint32_t) CLAMP (kv_bytes / 16 / state_bytes, SESSION_STATES, SESSION_MOST_STATES);
}

static ModelKvType
choose_kv_type (EngineModel *model, ModelKvType wanted)
{
  ModelKvType type = model_desc_kv_type (model->desc, wanted, &model->kv_note);

  if ((model->backend->vtable->caps (model->backend)->kv_types & MODEL_KV_BIT (type)) != 0)
    return type;
  if (!session_model_embeds (model))
    model->kv_note =
        "The memory of conversations stays precise (f16): the device has no other.";
  return MODEL_KV_F16;
}

void
session_model_plan (EngineModel *model, ModelKvType wanted)
{
  gboolean embeds = session_model_embeds (model);
  uint32_t n_pages = (model->context_tokens + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS;
  EngineKvSize *kv = &model->kv;
  const GraphPlan *chunk;

  if (embeds)
    n_pages = session_embed_pages (model);
  for (SessionClass class = embeds ? SESSION_CLASS_CHUNK : 0; class < SESSION_N_CLASSES; class ++)
    model->plans[class] = build_plan (model, class);
  chunk = model->plans[SESSION_CLASS_CHUNK];
  *kv = (EngineKvSize) { .n_pages[GRAPH_KV_FULL] = n_pages,
                         .type = choose_kv_type (model, wanted) };
  if (chunk->n_kv_layers[GRAPH_KV_WINDOW] > 0)
    kv->n_pages[GRAPH_KV_WINDOW] = session_window_pages (
        session_model_window_tokens (model), model->chunk_tokens, model->context_tokens);
  if (chunk->state_floats > 0)
    kv->n_states = count_states (model, chunk->state_floats * sizeof (float));
}

gboolean
session_model_load (EngineModel *model, const EngineModelOptions *options, GError **error)
{
  gboolean embeds = session_model_embeds (model);

  model->weights = model->backend->vtable->load (
      model->backend, model->plans[SESSION_CLASS_CHUNK], &model->kv, options->progress,
      options->progress_data, options->cancel, error);
  if (model->weights == NULL)
    return FALSE;
  session_cache_init (&model->cache, &model->kv, session_model_window_tokens (model),
                      model->weights);
  /* Both classes that every answer needs are made now, off the first token's path. */
  return (embeds || session_model_executable (model, SESSION_CLASS_DECODE, error) != NULL) &&
         session_model_executable (model, SESSION_CLASS_CHUNK, error) != NULL;
}

void
session_model_unload (EngineModel *model)
{
  session_cache_finish (&model->cache);
  g_clear_pointer (&model->rows.candidates, g_free);
  g_clear_pointer (&model->rows.logits, g_free);
  model->rows.n_rows = 0;
  model->read_us = 0;
  for (SessionClass class = 0; class < SESSION_N_CLASSES; class ++) {
    if (model->executables[class] != NULL)
      model->backend->vtable->discard (model->executables[class]);
    model->executables[class] = NULL;
  }
  if (model->weights != NULL)
    model->backend->vtable->unload (model->weights);
  model->weights = NULL;
  for (SessionClass class = 0; class < SESSION_N_CLASSES; class ++)
    g_clear_pointer (&model->plans[class], graph_plan_free);
}

SessionClass
session_model_class (const EngineModel *model, uint32_t n_tokens, uint32_t n_outputs)
{
  SessionClass class = 0;

  while (class < SESSION_CLASS_CHUNK && (n_tokens > model->plans[class]->max_tokens ||
                                         n_outputs > model->plans[class]->max_outputs))
    class ++;
  return class;
}

EngineBackendExecutable *
session_model_executable (EngineModel *model, SessionClass class, GError **error)
{
  if (model->executables[class] == NULL)
    model->executables[class] =
        model->backend->vtable->compile (model->weights, model->plans[class], error);
  return model->executables[class];
}
