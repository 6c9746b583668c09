/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vtable of a back end made of two: each call goes to whom it concerns, and a batch from
 * segment to segment with what crosses between them. Must not know what the two are. */
#include "engine/split/cut.h"
#include "engine/split/split.h"

typedef struct {
  EngineBackend base;
  EngineBackend *backends[SPLIT_N_DEVICES]; /* owned */
  SplitPlacement placement;
  EngineBackendCaps caps;
  char *kept_layout;
} SplitBackend;

typedef struct {
  EngineBackendModel base;
  SplitBackend *backend;
  EngineBackendModel *models[SPLIT_N_DEVICES]; /* NULL: nothing lies there */
  uint32_t n_kv_layers[SPLIT_N_DEVICES][GRAPH_N_KV_GROUPS];
} SplitModel;

typedef struct {
  EngineBackendExecutable base;
  SplitModel *model;
  SplitCut *cut;
  EngineBackendExecutable *executables[SPLIT_N_DEVICES]; /* NULL: nothing lies there */
  float *copy;                                           /* the largest buffer that crosses */
} SplitExecutable;

static void
backend_close (EngineBackend *base)
{
  SplitBackend *self = (SplitBackend *) base;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    self->backends[d]->vtable->close (self->backends[d]);
  g_free (self->caps.description);
  g_free (self->kept_layout);
  g_free (self);
}

/* Those of the first, which is what people chose; the second makes up for what it cannot do. */
static const EngineBackendCaps *
backend_caps (EngineBackend *base)
{
  SplitBackend *self = (SplitBackend *) base;
  const EngineBackendCaps *caps[SPLIT_N_DEVICES];
  const EngineBackendCaps *first;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    caps[d] = self->backends[d]->vtable->caps (self->backends[d]);
  first = caps[SPLIT_FIRST];
  self->caps.memory_bytes = first->memory_bytes;
  self->caps.free_bytes = first->free_bytes;
  self->caps.preferred_chunk = first->preferred_chunk;
  self->caps.can = first->can | caps[SPLIT_SECOND]->can;
  self->caps.kv_types = first->kv_types & caps[SPLIT_SECOND]->kv_types;
  return &self->caps;
}

/* ---- models --------------------------------------------------------------------------------- */

/* A share of the progress of loading. */
typedef struct {
  EngineProgress progress;
  void *user_data;
  double from, share;
} Progress;

static void
report_share (double fraction, void *user_data)
{
  const Progress *part = user_data;

  part->progress (part->from + fraction * part->share, part->user_data);
}

static double
weight_bytes (const GraphPlan *plan)
{
  double bytes = 1; /* never nothing */

  for (uint32_t i = 0; i < plan->n_ops; i++)
    for (uint32_t w = 0; w < plan->ops[i].n_weights; w++)
      bytes += (double) plan->ops[i].weights[w]->bytes;
  return bytes;
}

static gboolean
check_needs (EngineBackend *backend, const GraphPlan *plan, GError **error)
{
  const EngineBackendCaps *caps = backend->vtable->caps (backend);

  if ((plan->needs & ~caps->can) == 0)
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED,
               "Layers of the architecture “%s” cannot run on %s yet: choose another device.",
               plan->desc->architecture->name, caps->description);
  return FALSE;
}

static void
model_unload (EngineBackendModel *base)
{
  SplitModel *self = (SplitModel *) base;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    if (self->models[d] != NULL)
      self->backend->backends[d]->vtable->unload (self->models[d]);
  g_free (self);
}

static EngineBackendModel *
model_load (EngineBackend *base, const GraphPlan *plan, const EngineKvSize *kv,
            EngineProgress progress, void *user_data, const gint *cancel, GError **error)
{
  SplitBackend *backend = (SplitBackend *) base;
  g_autoptr (SplitCut) cut = split_cut_new (plan, &backend->placement);
  SplitModel *self = g_new0 (SplitModel, 1);
  double all = weight_bytes (cut->plans[SPLIT_FIRST]) + weight_bytes (cut->plans[SPLIT_SECOND]);
  Progress part = { progress, user_data, 0, 0 };

  self->base.backend = base;
  self->backend = backend;
  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++) {
    EngineBackend *own = backend->backends[d];
    const GraphPlan *own_plan = cut->plans[d];

    part.share = weight_bytes (own_plan) / all;
    for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
      self->n_kv_layers[d][group] = own_plan->n_kv_layers[group];
    if (own_plan->n_ops > 0 &&
        (!check_needs (own, own_plan, error) ||
         (self->models[d] = own->vtable->load (own, own_plan, kv,
                                               progress != NULL ? report_share : NULL, &part,
                                               cancel, error)) == NULL)) {
      model_unload (&self->base);
      return NULL;
    }
    part.from += part.share;
  }
  return &self->base;
}

SplitPlacement
split_backend_parts (EngineBackend *base, EngineBackend *parts[SPLIT_N_DEVICES])
{
  const SplitBackend *self = (const SplitBackend *) base;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    parts[d] = self->backends[d];
  return self->placement;
}

EngineBytes
split_model_bytes (EngineBackendModel *base, SplitDevice device)
{
  const SplitModel *self = (const SplitModel *) base;
  EngineBytes bytes = { 0 };

  if (self->models[device] != NULL)
    self->backend->backends[device]->vtable->memory (self->models[device], &bytes.weights,
                                                     &bytes.kv, &bytes.scratch);
  return bytes;
}

static void
model_memory (EngineBackendModel *base, uint64_t *weights_bytes, uint64_t *kv_bytes,
              uint64_t *scratch_bytes)
{
  EngineBytes first = split_model_bytes (base, SPLIT_FIRST);
  EngineBytes second = split_model_bytes (base, SPLIT_SECOND);

  *weights_bytes = first.weights + second.weights;
  *kv_bytes = first.kv + second.kv;
  *scratch_bytes = first.scratch + second.scratch;
}

static gboolean
model_copy_page (EngineBackendModel *base, GraphKvGroup group, uint32_t src, uint32_t dst,
                 GError **error)
{
  const SplitModel *self = (const SplitModel *) base;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    if (self->n_kv_layers[d][group] > 0 &&
        !self->backend->backends[d]->vtable->copy_page (self->models[d], group, src, dst, error))
      return FALSE;
  return TRUE;
}

/* The first device's bytes, then the second's. */
static size_t
model_part_bytes (EngineBackendModel *base, unsigned part)
{
  const SplitModel *self = (const SplitModel *) base;
  size_t bytes = 0;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    if (self->models[d] != NULL)
      bytes += self->backend->backends[d]->vtable->part_bytes (self->models[d], part);
  return bytes;
}

/* Out to dst, or, where that is NULL, in from src. */
static gboolean
move_part (EngineBackendModel *base, unsigned part, uint32_t index, uint8_t *dst,
           const uint8_t *src, GError **error)
{
  const SplitModel *self = (const SplitModel *) base;
  size_t done = 0;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++) {
    const EngineBackendVtable *own = self->backend->backends[d]->vtable;
    EngineBackendModel *model = self->models[d];
    size_t bytes = model != NULL ? own->part_bytes (model, part) : 0;

    if (bytes > 0 && (dst != NULL ? !own->read_part (model, part, index, dst + done, error)
                                  : !own->write_part (model, part, index, src + done, error)))
      return FALSE;
    done += bytes;
  }
  return TRUE;
}

static gboolean
model_read_part (EngineBackendModel *base, unsigned part, uint32_t index, void *dst,
                 GError **error)
{
  return move_part (base, part, index, dst, NULL, error);
}

static gboolean
model_write_part (EngineBackendModel *base, unsigned part, uint32_t index, const void *src,
                  GError **error)
{
  return move_part (base, part, index, NULL, src, error);
}

/* ---- executables ---------------------------------------------------------------------------- */

static void
executable_discard (EngineBackendExecutable *base)
{
  SplitExecutable *self = (SplitExecutable *) base;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    if (self->executables[d] != NULL)
      self->model->backend->backends[d]->vtable->discard (self->executables[d]);
  split_cut_free (self->cut);
  g_free (self->copy);
  g_free (self);
}

static size_t
largest_crossing (const SplitCut *cut)
{
  size_t most = 1;

  for (uint32_t s = 0; s < cut->n_steps; s++)
    for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++) {
      const GraphPlan *plan = cut->plans[cut->steps[s].device];

      if ((cut->steps[s].imports & GRAPH_BUFFER_BIT (b)) != 0)
        most = MAX (most, (size_t) graph_plan_buffer_rows (plan, b) * plan->buffer_width[b]);
    }
  return most;
}

static EngineBackendExecutable *
executable_compile (EngineBackendModel *base, const GraphPlan *plan, GError **error)
{
  SplitModel *model = (SplitModel *) base;
  SplitExecutable *self = g_new0 (SplitExecutable, 1);

  self->base.model = base;
  self->model = model;
  self->cut = split_cut_new (plan, &model->backend->placement);
  self->copy = g_try_new (float, largest_crossing (self->cut));
  if (self->copy == NULL) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                 "There is no memory for what crosses from device to device.");
    executable_discard (&self->base);
    return NULL;
  }
  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    if (model->models[d] != NULL &&
        (self->executables[d] = model->backend->backends[d]->vtable->compile (
             model->models[d], self->cut->plans[d], error)) == NULL) {
      executable_discard (&self->base);
      return NULL;
    }
  return &self->base;
}

/* The rows that the batch has of a buffer, from the device that a step is not on to the one that
 * it is on. */
static gboolean
carry (SplitExecutable *self, const SplitStep *step, GraphBuffer buffer, const EngineBatch *batch,
       GError **error)
{
  EngineBackend *const *backends = self->model->backend->backends;
  SplitDevice other = step->device == SPLIT_FIRST ? SPLIT_SECOND : SPLIT_FIRST;
  uint32_t rows = graph_buffer_is_output (buffer) ? batch->n_outputs : batch->n_tokens;
  size_t n = (size_t) rows * self->cut->plans[step->device]->buffer_width[buffer];

  return backends[other]->vtable->read_buffer (self->executables[other], buffer, self->copy, n,
                                               error) &&
         backends[step->device]->vtable->write_buffer (self->executables[step->device], buffer,
                                                       self->copy, n, error);
}

static gboolean
run_step (SplitExecutable *self, const SplitStep *step, const EngineBatch *batch,
          EngineResult *result, const gint *cancel, EngineRunCost *cost, GError **error)
{
  EngineBatch own = *batch;

  own.segment = step->segment;
  for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++)
    if ((step->imports & GRAPH_BUFFER_BIT (b)) != 0 && !carry (self, step, b, batch, error))
      return FALSE;
  return self->model->backend->backends[step->device]->vtable->run (
      self->executables[step->device], &own, result, cancel, cost, error);
}

static gboolean
executable_run (EngineBackendExecutable *base, const EngineBatch *batch, EngineResult *result,
                const gint *cancel, EngineRunCost *cost, GError **error)
{
  SplitExecutable *self = (SplitExecutable *) base;
  EngineRunCost sum = { 0 };

  for (uint32_t s = 0; s < self->cut->n_steps; s++) {
    const SplitStep *step = &self->cut->steps[s];
    EngineRunCost own = { 0 };

    if (step->only_outputs && batch->n_outputs == 0)
      continue;
    if (!run_step (self, step, batch, result, cancel, &own, error))
      return FALSE;
    sum.weight_bytes += own.weight_bytes;
    sum.kv_bytes += own.kv_bytes;
    sum.device_us += own.device_us;
  }
  if (cost != NULL)
    *cost = sum;
  return TRUE;
}

static gboolean
executable_read_buffer (EngineBackendExecutable *base, GraphBuffer buffer, float *dst, size_t n,
                        GError **error)
{
  SplitExecutable *self = (SplitExecutable *) base;
  SplitDevice device = (self->cut->on_second & GRAPH_BUFFER_BIT (buffer)) != 0 ? SPLIT_SECOND
                                                                               : SPLIT_FIRST;

  if (self->executables[device] == NULL) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID, "The plan does not use this buffer.");
    return FALSE;
  }
  return self->model->backend->backends[device]->vtable->read_buffer (self->executables[device],
                                                                      buffer, dst, n, error);
}

static const EngineBackendVtable vtable = {
  .close = backend_close,
  .caps = backend_caps,
  .load = model_load,
  .unload = model_unload,
  .memory = model_memory,
  .compile = executable_compile,
  .discard = executable_discard,
  .run = executable_run,
  .copy_page = model_copy_page,
  .part_bytes = model_part_bytes,
  .read_part = model_read_part,
  .write_part = model_write_part,
  .read_buffer = executable_read_buffer,
};

EngineBackend *
split_backend_open (EngineBackend *first, EngineBackend *second, const SplitPlacement *placement,
                    const ModelDesc *desc)
{
  SplitBackend *self = g_new0 (SplitBackend, 1);
  g_autofree char *text = NULL;

  self->base.vtable = &vtable;
  self->backends[SPLIT_FIRST] = first;
  self->backends[SPLIT_SECOND] = second;
  self->placement = *placement;
  text = split_placement_describe (placement, desc);
  self->caps.name = "split";
  self->caps.description =
      g_strdup_printf ("%s%s%s", first->vtable->caps (first)->description,
                       text != NULL ? ", " : "", text != NULL ? text : "");
  self->kept_layout =
      g_strdup_printf ("%s; %s; %s", first->vtable->caps (first)->kept_layout,
                       second->vtable->caps (second)->kept_layout, text != NULL ? text : "");
  self->caps.kept_layout = self->kept_layout;
  return &self->base;
}
