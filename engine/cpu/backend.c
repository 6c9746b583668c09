/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vtable of the CPU back end: the device, what it holds, and what a batch must satisfy before
 * it is run. Must not know what a step computes. */
#include "engine/cpu/internal.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#define PREFERRED_CHUNK 512 /* tokens: a chunk's activations still fit the caches of most cores */
#define MAX_THREADS     256

const CpuKernels *
cpu_kernels (CpuTier tier)
{
  static const CpuKernels *const tiers[CPU_N_TIERS] = {
    [CPU_TIER_PORTABLE] = &cpu_kernels_portable,
#if defined(__x86_64__)
    [CPU_TIER_AVX2] = &cpu_kernels_avx2,
    [CPU_TIER_AVX_VNNI] = &cpu_kernels_avx_vnni,
    [CPU_TIER_AVX512] = &cpu_kernels_avx512,
    [CPU_TIER_AMX] = &cpu_kernels_amx,
#endif
  };

  return tiers[tier];
}

/* ---- the device ----------------------------------------------------------------------------- */

/* How many processors before `cpu` in the set share its core. */
static gboolean
is_second_thread (int cpu, const cpu_set_t *set)
{
  g_autofree char *path =
      g_strdup_printf ("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  g_autofree char *list = NULL;
  g_auto (GStrv) parts = NULL;

  if (!g_file_get_contents (path, &list, NULL, NULL))
    return FALSE;
  parts = g_strsplit (list, ",", -1);
  for (unsigned i = 0; parts[i] != NULL; i++) {
    unsigned first = 0, last = 0;
    int n = sscanf (parts[i], "%u-%u", &first, &last);

    for (unsigned other = first; n >= 1 && other <= (n == 2 ? last : first); other++)
      if ((int) other < cpu && CPU_ISSET (other, set))
        return TRUE;
  }
  return FALSE;
}

/* Cores that this process may run on. The second thread of a core adds heat, not speed: one thread
 * saturates a core's multipliers, and its share of the memory. */
unsigned
cpu_count_cores (void)
{
  unsigned n = 0;
  cpu_set_t set;

  CPU_ZERO (&set);
  if (sched_getaffinity (0, sizeof set, &set) != 0)
    return g_get_num_processors ();
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET (cpu, &set) && !is_second_thread (cpu, &set))
      n++;
  return MAX (n, 1);
}

static void
backend_close (EngineBackend *base)
{
  CpuBackend *backend = (CpuBackend *) base;

  cpu_pool_free (backend->pool);
  g_free (backend->caps.description);
  g_free (backend->caps.identity);
  g_free (backend);
}

static const EngineBackendCaps *
backend_caps (EngineBackend *base)
{
  CpuBackend *backend = (CpuBackend *) base;

  cpu_memory_available (&backend->caps.memory_bytes, &backend->caps.free_bytes);
  return &backend->caps;
}

static void
backend_memory (EngineBackendModel *base, uint64_t *weights_bytes, uint64_t *kv_bytes,
                uint64_t *scratch_bytes)
{
  EngineBytes bytes;

  cpu_model_bytes ((const CpuModel *) base, &bytes);
  *weights_bytes = bytes.weights;
  *kv_bytes = bytes.kv;
  *scratch_bytes = bytes.scratch;
}

static gboolean
backend_copy_page (EngineBackendModel *base, GraphKvGroup group, uint32_t src, uint32_t dst,
                   GError **error)
{
  CpuKv *kv = &((CpuModel *) base)->kv[group];

  if (src >= kv->n_pages || dst >= kv->n_pages) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID, "There is no page %u of %u.",
                 MAX (src, dst), kv->n_pages);
    return FALSE;
  }
  if (src != dst)
    memcpy (kv->data + dst * kv->page_bytes, kv->data + src * kv->page_bytes, kv->page_bytes);
  return TRUE;
}

static size_t
backend_part_bytes (EngineBackendModel *base, unsigned part)
{
  const CpuModel *model = (const CpuModel *) base;

  if (part == ENGINE_PART_STATES)
    return model->n_states > 0 ? model->state_floats * sizeof (float) : 0;
  return model->kv[part].n_pages > 0 ? model->kv[part].page_bytes : 0;
}

static void *
part_at (CpuModel *model, unsigned part, uint32_t index)
{
  uint8_t *data = part == ENGINE_PART_STATES ? (uint8_t *) model->states : model->kv[part].data;

  return data + index * backend_part_bytes (&model->base, part);
}

static gboolean
backend_read_part (EngineBackendModel *base, unsigned part, uint32_t index, void *dst,
                   GError **error)
{
  memcpy (dst, part_at ((CpuModel *) base, part, index), backend_part_bytes (base, part));
  return TRUE;
}

static gboolean
backend_write_part (EngineBackendModel *base, unsigned part, uint32_t index, const void *src,
                    GError **error)
{
  memcpy (part_at ((CpuModel *) base, part, index), src, backend_part_bytes (base, part));
  return TRUE;
}

/* The memory of a buffer, where it holds n floats. */
static float *
find_buffer (const CpuExecutable *x, GraphBuffer buffer, size_t n, GError **error)
{
  size_t most = buffer < GRAPH_N_BUFFERS ? (size_t) graph_plan_buffer_rows (x->plan, buffer) *
                                               x->plan->buffer_width[buffer]
                                         : 0;

  if (n > most) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "The buffer holds %zu floats, not %zu.", most, n);
    return NULL;
  }
  return x->buffer[buffer];
}

static gboolean
backend_read_buffer (EngineBackendExecutable *base, GraphBuffer buffer, float *dst, size_t n,
                     GError **error)
{
  const float *src = find_buffer ((const CpuExecutable *) base, buffer, n, error);

  if (src == NULL)
    return FALSE;
  memcpy (dst, src, n * sizeof *dst);
  return TRUE;
}

static gboolean
backend_write_buffer (EngineBackendExecutable *base, GraphBuffer buffer, const float *src,
                      size_t n, GError **error)
{
  float *dst = find_buffer ((const CpuExecutable *) base, buffer, n, error);

  if (dst == NULL)
    return FALSE;
  memcpy (dst, src, n * sizeof *dst);
  return TRUE;
}

/* ---- running -------------------------------------------------------------------------------- */

/* The first page of a timeline that a run looks at. */
static uint32_t
first_page_of (const CpuExecutable *x, GraphKvGroup group, const EngineBatchRun *run)
{
  if (group == GRAPH_KV_FULL || run->position < x->window_tokens)
    return 0;
  return (run->position - x->window_tokens + 1) / ENGINE_PAGE_TOKENS;
}

static gboolean
check_timeline (const CpuExecutable *x, const EngineBatchRun *run)
{
  uint64_t end = (uint64_t) run->position + run->n_tokens;
  uint32_t n_pages = (uint32_t) ((end + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS);

  if (x->plan->state_floats > 0 &&
      (run->state_to >= x->model->n_states || run->state_from >= x->model->n_states ||
       (run->state_from == run->state_to && run->position > 0)))
    return FALSE;
  if (run->n_tokens == 0 || n_pages > run->n_pages || end > x->n_positions)
    return FALSE;
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    const CpuKv *kv = &x->model->kv[group];

    if (kv->n_layers == 0)
      continue;
    if (run->pages[group] == NULL || n_pages > x->partial.n_pages)
      return FALSE;
    for (uint32_t p = first_page_of (x, (GraphKvGroup) group, run); p < run->n_pages; p++)
      if (run->pages[group][p] >= kv->n_pages)
        return FALSE;
  }
  return TRUE;
}

/* Nothing that a batch says is used as an index before this has seen it. */
static gboolean
check_batch (const CpuExecutable *x, const EngineBatch *batch, GError **error)
{
  const GraphPlan *plan = x->plan;
  uint32_t covered = 0;
  gboolean ok = batch->n_tokens >= 1 && batch->n_tokens <= plan->max_tokens &&
                batch->n_outputs <= plan->max_outputs && batch->n_runs <= ENGINE_MAX_RUNS &&
                batch->segment < graph_plan_n_segments (plan);

  for (uint32_t i = 0; ok && i < batch->n_runs; i++) {
    ok = batch->runs[i].first == covered && check_timeline (x, &batch->runs[i]);
    covered += batch->runs[i].n_tokens;
  }
  ok = ok && covered == batch->n_tokens;
  for (uint32_t i = 0; ok && batch->tokens != NULL && i < batch->n_tokens; i++)
    ok = batch->tokens[i] >= 0 && (uint32_t) batch->tokens[i] < plan->desc->h.n_vocab;
  for (uint32_t i = 0; ok && i < batch->n_outputs; i++)
    ok = batch->outputs[i] < batch->n_tokens;
  if (batch->n_outputs > 0 && plan->buffer_width[GRAPH_BUFFER_LOGITS] > 0)
    ok = ok && batch->n_candidates >= 1 && batch->n_candidates <= ENGINE_MAX_CANDIDATES &&
         batch->n_candidates <= plan->desc->h.n_vocab;
  if (!ok)
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "A batch of %u tokens and %u outputs does not fit its plan.", batch->n_tokens,
                 batch->n_outputs);
  return ok;
}

static void
count_kv (const CpuExecutable *x, const EngineBatchRun *run, EngineRunCost *cost)
{
  uint64_t end = (uint64_t) run->position + run->n_tokens;

  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    uint64_t first = first_page_of (x, (GraphKvGroup) group, run) * ENGINE_PAGE_TOKENS;

    cost->kv_bytes += (end - first) * x->model->kv[group].page_bytes / ENGINE_PAGE_TOKENS;
  }
}

static void
count_cost (const CpuExecutable *x, const EngineBatch *batch, EngineRunCost *cost)
{
  for (uint32_t s = x->segment_first[batch->segment]; s < x->run.end; s++) {
    const CpuStep *step = &x->steps[s];

    if (step->op->kind == GRAPH_OP_EMBED)
      cost->weight_bytes += (uint64_t) batch->n_tokens * step->op->weights[0]->bytes /
                            step->op->weights[0]->ne[1];
    else if (step->work != cpu_experts_work && (!step->op->output_rows || batch->n_outputs > 0))
      for (uint32_t w = 0; w < step->n_weights; w++)
        cost->weight_bytes += step->weights[w]->strip_bytes * step->weights[w]->n_strips;
  }
  cost->weight_bytes += atomic_load (&x->experts.bytes_read);
  for (uint32_t i = 0; batch->segment == 0 && i < batch->n_runs; i++)
    count_kv (x, &batch->runs[i], cost);
}

static gboolean
backend_run (EngineBackendExecutable *base, const EngineBatch *batch, EngineResult *result,
             const gint *cancel, EngineRunCost *cost, GError **error)
{
  CpuExecutable *x = (CpuExecutable *) base;
  CpuBackend *backend = x->model->backend;
  gboolean one = batch->n_tokens == 1 && graph_plan_n_segments (x->plan) == 1;
  gint64 start_us = g_get_monotonic_time (), us;

  if (!check_batch (x, batch, error))
    return FALSE;
  if (x->file_op != NULL && batch->segment == 0 &&
      !model_gguf_read_rows (x->plan->desc->gguf, x->file_op->weights[0], batch->tokens,
                             batch->n_tokens, x->file_rows, error))
    return FALSE;
  x->run = (CpuRun) {
    .executable = x,
    .kernels = backend->kernels,
    .batch = batch,
    .result = result,
    .cancel = cancel,
    .n_workers = one ? cpu_knee_workers (&x->knee) : cpu_pool_n_workers (backend->pool),
    .end = x->segment_first[batch->segment + 1],
  };
  atomic_store (&x->experts.bytes_read, 0);
  cpu_run_steps (x);
  if (atomic_load (&x->run.cancelled)) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "The computation was stopped.");
    return FALSE;
  }
  us = g_get_monotonic_time () - start_us;
  if (one)
    cpu_knee_ran (&x->knee, us);
  if (cost != NULL) {
    *cost = (EngineRunCost) { 0 };
    count_cost (x, batch, cost);
    cost->device_us = (uint64_t) us;
  }
  return TRUE;
}

/* Threads count: they share the memory. */
static char *
identify (CpuTier tier, unsigned n_threads)
{
  g_autofree char *processor = cpu_processor_name ();
  g_autofree char *name = g_strdup_printf ("cpu-%s-%s-%u", processor, cpu_tier_name (tier),
                                           n_threads);

  return g_strcanon (g_steal_pointer (&name), G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-", '_');
}

EngineBackend *
cpu_backend_open (unsigned n_threads, CpuTier tier, GError **error)
{
  static const EngineBackendVtable vtable = {
    .close = backend_close,
    .caps = backend_caps,
    .measure = cpu_model_measure,
    .load = cpu_model_load,
    .unload = cpu_model_unload,
    .memory = backend_memory,
    .compile = cpu_executable_compile,
    .discard = cpu_executable_discard,
    .run = backend_run,
    .copy_page = backend_copy_page,
    .part_bytes = backend_part_bytes,
    .read_part = backend_read_part,
    .write_part = backend_write_part,
    .read_buffer = backend_read_buffer,
    .write_buffer = backend_write_buffer,
  };
  const gboolean finds_knee = n_threads == 0;
  CpuBackend *backend;
  CpuPool *pool;

  if (tier >= CPU_N_TIERS || !cpu_tier_runs (tier) || n_threads > MAX_THREADS) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE,
                 "This processor does not run %s with %u threads.",
                 tier < CPU_N_TIERS ? cpu_tier_name (tier) : "that", n_threads);
    return NULL;
  }
  if (n_threads == 0)
    n_threads = MIN (cpu_count_cores (), MAX_THREADS);
  pool = cpu_pool_new (n_threads, error);
  if (pool == NULL)
    return NULL;
  backend = g_new0 (CpuBackend, 1);
  backend->base.vtable = &vtable;
  backend->pool = pool;
  backend->finds_knee = finds_knee;
  backend->kernels = cpu_kernels (tier);
  g_snprintf (backend->kept_layout, sizeof backend->kept_layout, "cpu, 2, %u lanes",
              backend->kernels->lanes);
  backend->caps = (EngineBackendCaps) {
    .name = "cpu",
    .description = g_strdup_printf ("%s, %u thread%s", cpu_tier_name (tier), n_threads,
                                    n_threads == 1 ? "" : "s"),
    .identity = identify (tier, n_threads),
    .unified_memory = TRUE,
    .preferred_chunk = PREFERRED_CHUNK,
    .kept_layout = backend->kept_layout,
    .kv_types = MODEL_KV_BIT (MODEL_N_KV_TYPES) - 1,
    .can = GRAPH_NEEDS_RECURRENCE | GRAPH_NEEDS_WINDOW | GRAPH_NEEDS_ATTENTION |
           GRAPH_NEEDS_QK_NORM | GRAPH_NEEDS_SCALES | GRAPH_NEEDS_GATE | GRAPH_NEEDS_EXPERTS |
           GRAPH_NEEDS_LAYER_INPUTS | GRAPH_NEEDS_SSM,
  };
  return &backend->base;
}
