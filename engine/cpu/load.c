/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model's weights from the file into their packed layout, and its KV pages. Tensors are
 * streamed in slices of some rows on all workers, so that memory is never held twice. Must not
 * know the ops. */
#include "engine/cpu/internal.h"
#include "engine/pages.h"

#include <string.h>

#define SLICE_BYTES (1u << 20) /* of the file, read at once by a worker */

/* Some strips of one matrix of a weight. */
typedef struct {
  CpuWeight *weight;
  uint32_t matrix;
  uint32_t first_strip, n_strips;
} Slice;

typedef struct {
  GArray *slices; /* Slice */
  const ModelGguf *gguf;
  EngineProgress progress;
  void *user_data;
  const gint *cancel;
  atomic_uint claimed, done;
  atomic_bool stop;
  GMutex mutex;
  GError *error; /* the first; under the mutex */
} Load;

/* ---- which weights there are ---------------------------------------------------------------- */

static CpuWeight *
add_weight (CpuModel *model, const ModelTensor *tensor)
{
  const CpuKernels *kernels = model->backend->kernels;
  CpuWeight *weight = g_hash_table_lookup (model->weights, tensor);

  if (weight != NULL)
    return NULL;
  weight = g_new0 (CpuWeight, 1);
  weight->tensor = tensor;
  weight->format = cpu_pack_format (tensor->type, kernels->lanes);
  weight->lanes = kernels->lanes;
  weight->columns = (uint32_t) tensor->ne[0];
  weight->rows = (uint32_t) tensor->ne[1];
  weight->n_matrices = (uint32_t) tensor->ne[2];
  weight->n_strips = (weight->rows + weight->lanes - 1) / weight->lanes;
  weight->strip_bytes =
      cpu_pack_strip_bytes (weight->format, tensor->type, weight->lanes, weight->columns);
  weight->strip_stride = weight->strip_bytes;
  g_hash_table_insert (model->weights, (gpointer) tensor, weight);
  return weight;
}

/* Gives a weight its place; the memory itself comes when the sum is known to fit. No gap is left
 * that need not be: the processor's prefetcher goes on from one weight into the next (decode of
 * Q4_0 and Q4_K_M 1.03 to 1.04 times as fast as with pages of their own). */
static void
place (CpuModel *model, CpuWeight *weight)
{
  weight->offset = model->weight_bytes;
  model->weight_bytes +=
      cpu_align_up (weight->strip_stride * weight->n_strips * weight->n_matrices);
}

/* Gate and up alternate strip by strip, since they are always read together. */
static void
place_pair (CpuModel *model, CpuWeight *gate, CpuWeight *up)
{
  if (gate->strip_bytes != up->strip_bytes || gate->n_strips != up->n_strips) {
    place (model, gate);
    place (model, up);
    return;
  }
  gate->strip_stride = up->strip_stride = 2 * gate->strip_bytes;
  place (model, gate);
  up->offset = gate->offset + gate->strip_bytes;
}

static void
collect_weights (CpuModel *model, const GraphPlan *plan)
{
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    CpuWeight *added[GRAPH_MAX_WEIGHTS] = { NULL };

    if (op->from_file)
      continue;
    for (uint32_t w = 0; w < op->n_weights; w++)
      added[w] = add_weight (model, op->weights[w]);
    if ((op->kind == GRAPH_OP_GATED || op->kind == GRAPH_OP_EXPERTS_GATED) &&
        added[0] != NULL && added[1] != NULL) {
      place_pair (model, added[0], added[1]);
      continue;
    }
    for (uint32_t w = 0; w < op->n_weights; w++)
      if (added[w] != NULL)
        place (model, added[w]);
  }
}

/* ---- reading -------------------------------------------------------------------------------- */

static void
add_slices (GArray *slices, CpuWeight *weight)
{
  size_t strip_file_bytes =
      model_type_row_bytes (weight->tensor->type, weight->columns) * weight->lanes;
  uint32_t n = (uint32_t) MAX (SLICE_BYTES / MAX (strip_file_bytes, 1), 1);

  for (uint32_t matrix = 0; matrix < weight->n_matrices; matrix++)
    for (uint32_t first = 0; first < weight->n_strips; first += n) {
      Slice slice = { weight, matrix, first, MIN (n, weight->n_strips - first) };

      g_array_append_val (slices, slice);
    }
}

static gboolean
read_slice (const Load *load, const Slice *slice, GByteArray *buffer, GError **error)
{
  const CpuWeight *weight = slice->weight;
  const ModelTypeInfo *type = weight->tensor->type;
  size_t row_bytes = model_type_row_bytes (type, weight->columns);
  uint32_t first = slice->first_strip * weight->lanes;
  uint32_t n_rows = MIN (slice->n_strips * weight->lanes, weight->rows - first);
  size_t file_row = (size_t) slice->matrix * weight->rows + first;
  size_t strip = (size_t) slice->matrix * weight->n_strips + slice->first_strip;

  g_byte_array_set_size (buffer, (guint) (n_rows * row_bytes));
  if (!model_gguf_read (load->gguf, weight->tensor, file_row * row_bytes, buffer->data, buffer->len,
                        error))
    return FALSE;
  for (uint32_t s = 0; s < slice->n_strips; s++) {
    uint32_t row = s * weight->lanes;

    cpu_pack_strip (weight->format, type, weight->lanes, weight->columns,
                    buffer->data + row * row_bytes, MIN (weight->lanes, n_rows - row),
                    weight->data + (strip + s) * weight->strip_stride);
  }
  return TRUE;
}

static void
fail (Load *load, GError *error)
{
  atomic_store (&load->stop, TRUE);
  g_mutex_lock (&load->mutex);
  if (load->error == NULL)
    load->error = error;
  else
    g_error_free (error);
  g_mutex_unlock (&load->mutex);
}

static void
load_worker (void *data, unsigned worker, uint32_t job)
{
  Load *load = data;
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  unsigned i;

  while (!atomic_load (&load->stop) &&
         (i = atomic_fetch_add (&load->claimed, 1)) < load->slices->len) {
    GError *error = NULL;

    if (load->cancel != NULL && g_atomic_int_get (load->cancel) != 0)
      g_set_error (&error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "Loading was stopped.");
    else
      read_slice (load, &g_array_index (load->slices, Slice, i), buffer, &error);
    if (error != NULL) {
      fail (load, error);
      return;
    }
    atomic_fetch_add (&load->done, 1);
    if (worker == 0 && load->progress != NULL)
      load->progress ((double) atomic_load (&load->done) / load->slices->len, load->user_data);
  }
}

static gboolean
read_weights (CpuModel *model, const ModelGguf *gguf, EngineProgress progress, void *user_data,
              const gint *cancel, GError **error)
{
  g_autoptr (GArray) slices = g_array_new (FALSE, FALSE, sizeof (Slice));
  Load load = {
    .slices = slices,
    .gguf = gguf,
    .progress = progress,
    .user_data = user_data,
    .cancel = cancel,
  };
  GHashTableIter iter;
  gpointer weight;

  g_hash_table_iter_init (&iter, model->weights);
  while (g_hash_table_iter_next (&iter, NULL, &weight))
    add_slices (slices, weight);
  g_mutex_init (&load.mutex);
  cpu_pool_start (model->backend->pool, load_worker, &load);
  load_worker (&load, 0, 0);
  cpu_pool_stop (model->backend->pool);
  g_mutex_clear (&load.mutex);
  if (load.error != NULL) {
    g_propagate_error (error, load.error);
    return FALSE;
  }
  if (progress != NULL)
    progress (1, user_data);
  return TRUE;
}

/* Biases of experts have a row each. */
static size_t
vector_length (const ModelTensor *tensor)
{
  return tensor->ne[0] * tensor->ne[1];
}

/* Gives a vector its place among those that are to be read. */
static void
add_vector (CpuModel *model, const ModelTensor *tensor)
{
  if (g_hash_table_contains (model->vectors, tensor))
    return;
  g_hash_table_insert (model->vectors, (gpointer) tensor, NULL);
  model->vector_bytes += vector_length (tensor) * sizeof (float);
}

static void
collect_vectors (CpuModel *model, const GraphPlan *plan)
{
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const ModelTensor *vectors[GRAPH_MAX_VECTORS];
    uint32_t n = graph_op_vectors (&plan->ops[i], vectors);

    for (uint32_t v = 0; v < n; v++)
      add_vector (model, vectors[v]);
  }
}

/* NULL on failure. */
static float *
read_vector (const ModelGguf *gguf, const ModelTensor *tensor, GError **error)
{
  size_t n = vector_length (tensor);
  g_autofree uint8_t *raw = g_try_malloc (tensor->bytes);
  g_autofree float *vector = g_try_malloc_n (n, sizeof *vector);

  if (raw == NULL || vector == NULL) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                 "There is no memory for the tensor %s.", tensor->name);
    return NULL;
  }
  if (!model_gguf_read (gguf, tensor, 0, raw, tensor->bytes, error))
    return NULL;
  tensor->type->to_f32 (raw, vector, n);
  return g_steal_pointer (&vector);
}

static gboolean
read_vectors (CpuModel *model, const ModelGguf *gguf, GError **error)
{
  GHashTableIter iter;
  gpointer tensor;

  g_hash_table_iter_init (&iter, model->vectors);
  while (g_hash_table_iter_next (&iter, &tensor, NULL)) {
    float *vector = read_vector (gguf, tensor, error);

    if (vector == NULL)
      return FALSE;
    g_hash_table_iter_replace (&iter, vector);
  }
  return TRUE;
}

/* ---- the model ------------------------------------------------------------------------------ */

/* Several ops may share the memory of a layer: then it has room for the largest. */
static void
size_kv (CpuKv *kv, const GraphPlan *plan, GraphKvGroup group, const EngineKvSize *size)
{
  size_t at = 0;

  kv->type = size->type;
  for (uint32_t i = 0; i < plan->n_ops; i++)
    if (graph_op_uses_kv (&plan->ops[i]) && plan->ops[i].group == group)
      kv->n_layers = MAX (kv->n_layers, plan->ops[i].layer + 1);
  kv->offset = g_new0 (size_t, kv->n_layers + 1);
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];

    if (graph_op_uses_kv (op) && op->group == group)
      kv->offset[op->layer] =
          MAX (kv->offset[op->layer], op->n_heads_kv * cpu_kv_head_bytes (kv->type, op));
  }
  for (uint32_t layer = 0; layer <= kv->n_layers; layer++) {
    size_t bytes = kv->offset[layer];

    kv->offset[layer] = at;
    at += bytes;
  }
  kv->page_bytes = at;
  kv->n_pages = size->n_pages[group];
}

static size_t
kv_bytes (const CpuModel *model)
{
  size_t bytes = 0;

  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    bytes += model->kv[group].page_bytes * model->kv[group].n_pages;
  return bytes;
}

static size_t
state_bytes (const CpuModel *model)
{
  return model->n_states * model->state_floats * sizeof (float);
}

static gboolean
allocate (CpuModel *model, GError **error)
{
  GHashTableIter iter;
  gpointer value;
  gboolean ok = TRUE;

  if (model->weight_bytes > 0)
    ok = (model->weight_memory = engine_pages_map (model->weight_bytes)) != NULL;
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    CpuKv *kv = &model->kv[group];
    size_t bytes = kv->page_bytes * kv->n_pages;

    ok = ok && (bytes == 0 || (kv->data = engine_pages_map (bytes)) != NULL);
  }
  if (state_bytes (model) > 0)
    ok = ok && (model->states = engine_pages_map (state_bytes (model))) != NULL;
  if (!ok) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                 "The system refused %.1f GB of memory for the model.",
                 (double) (model->weight_bytes + kv_bytes (model)) / 1e9);
    return FALSE;
  }
  g_hash_table_iter_init (&iter, model->weights);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    CpuWeight *weight = value;

    weight->data = model->weight_memory + weight->offset;
  }
  return TRUE;
}

/* What a plan refers to and what timelines need, without memory yet. */
static CpuModel *
shape_of (EngineBackend *backend, const GraphPlan *plan, const EngineKvSize *kv)
{
  CpuModel *model = g_new0 (CpuModel, 1);

  model->base.backend = backend;
  model->backend = (CpuBackend *) backend;
  model->weights = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  model->vectors = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  collect_weights (model, plan);
  collect_vectors (model, plan);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    size_kv (&model->kv[group], plan, (GraphKvGroup) group, kv);
  model->n_states = kv->n_states;
  model->state_floats = plan->state_floats;
  return model;
}

void
cpu_model_bytes (const CpuModel *model, EngineBytes *bytes)
{
  bytes->weights = model->weight_bytes + model->vector_bytes;
  bytes->kv = kv_bytes (model) + state_bytes (model);
  bytes->scratch = model->scratch_bytes;
}

gboolean
cpu_model_measure (EngineBackend *backend, const GraphPlan *plan, const EngineKvSize *kv,
                   EngineBytes *bytes, GError **error)
{
  CpuModel *shape = shape_of (backend, plan, kv);

  cpu_model_bytes (shape, bytes);
  bytes->scratch = cpu_executable_measure (shape, plan);
  cpu_model_unload (&shape->base);
  return TRUE;
}

EngineBackendModel *
cpu_model_load (EngineBackend *backend, const GraphPlan *plan, const EngineKvSize *kv,
                EngineProgress progress, void *user_data, const gint *cancel, GError **error)
{
  CpuModel *model = shape_of (backend, plan, kv);

  if (!allocate (model, error) || !read_vectors (model, plan->desc->gguf, error) ||
      !read_weights (model, plan->desc->gguf, progress, user_data, cancel, error)) {
    cpu_model_unload (&model->base);
    return NULL;
  }
  return &model->base;
}

void
cpu_model_unload (EngineBackendModel *base)
{
  CpuModel *model = (CpuModel *) base;

  if (model == NULL)
    return;
  engine_pages_unmap (model->weight_memory, model->weight_bytes);
  if (model->states != NULL)
    engine_pages_unmap (model->states, state_bytes (model));
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    engine_pages_unmap (model->kv[group].data,
                        model->kv[group].page_bytes * model->kv[group].n_pages);
    g_free (model->kv[group].offset);
  }
  g_hash_table_unref (model->weights);
  g_hash_table_unref (model->vectors);
  g_free (model);
}
