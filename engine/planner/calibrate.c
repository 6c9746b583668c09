/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times batches of two made-up models, one of large matrices and one of next to none, and takes the
 * times apart: what weights cost, what all else does. Must not know what device it is. */
#include "engine/planner/calibrate.h"

#include "engine/planner/sample.h"

#include <string.h>

#define DEPTH_TOKENS 2048u /* for attention: as far into a conversation */
#define FEW_TOKENS   64u
#define RUNS         7
#define MOST_TIMES   3   /* that take turns */
#define ROUNDS       4   /* each time's part of the other is taken away from it again */
#define N_CANDIDATES 40u /* as the sampler asks for by default */
#define LARGE_HEAD   64u
/* A time is of so long at least: short batches are run several times. */
#define LEAST_US 1500
/* A card's clock, and a processor's, rise for so long. */
#define WARM_UP_US 300000
/* Harmless as a key, whatever its type. */
#define KEY_BYTE 0x28
/* Of the layers that batches of many tokens run. */
#define MANY_WEIGHTS (64u << 20) /* more than caches hold */

/* A card reads small matrices in less time than it takes to begin: it is timed on those of models
 * that it is bought for, a processor on matrices as wide as the model's own. */
static const PlannerShape of_card = { 1, 4096, 11008, 64, 16, LARGE_HEAD };
static const PlannerShape small = { 16, 64, 64, 4, 1, LARGE_HEAD };
/* Of the small one, whatever is measured: all back ends have it. */
#define SMALL_TYPE MODEL_TYPE_Q8_0

/* A made-up model on the device. */
typedef struct {
  PlannerSample sample;
  GraphPlan *one_plan, *many_plan; /* the second of some layers only */
  EngineBackend *backend;
  EngineBackendModel *model;
  EngineBackendExecutable *one, *many;
  EngineKvSize kv;
  uint32_t chunk_tokens;
  int32_t *tokens;
  uint32_t *pages;
} Probe;

/* A batch of it, the time that it took, and what it is made of. */
typedef struct {
  PlannerBatch batch;
  gboolean is_many; /* of the many plan */
  double seconds;
} Time;

static void
probe_finish (Probe *p)
{
  const EngineBackendVtable *vtable = p->backend->vtable;

  if (p->one != NULL)
    vtable->discard (p->one);
  if (p->many != NULL)
    vtable->discard (p->many);
  if (p->model != NULL)
    vtable->unload (p->model);
  graph_plan_free (p->one_plan);
  graph_plan_free (p->many_plan);
  planner_sample_finish (&p->sample);
  g_free (p->tokens);
  g_free (p->pages);
}

/* Pages that nothing was written to are not memory yet: reading them would cost nothing. */
static gboolean
fill_pages (Probe *p, uint32_t n_pages, GError **error)
{
  const EngineBackendVtable *vtable = p->backend->vtable;
  size_t bytes = vtable->part_bytes (p->model, GRAPH_KV_FULL);
  g_autofree uint8_t *page = g_malloc (bytes);

  memset (page, KEY_BYTE, bytes);
  for (uint32_t i = 0; i < n_pages; i++)
    if (!vtable->write_part (p->model, GRAPH_KV_FULL, i, page, error))
      return FALSE;
  return TRUE;
}

static gboolean
probe_init (Probe *p, EngineBackend *backend, const PlannerShape *shape, ModelType type,
            ModelKvType kv_type, GError **error)
{
  const EngineBackendVtable *vtable = backend->vtable;
  uint32_t chunk = vtable->caps (backend)->preferred_chunk;
  uint32_t positions = DEPTH_TOKENS + chunk, n_pages, n_many;

  *p = (Probe) { .backend = backend, .chunk_tokens = chunk };
  if (!planner_sample_init (&p->sample, shape, type, positions, error))
    return FALSE;
  n_many = (uint32_t) CLAMP (MANY_WEIGHTS / planner_shape_layer_weights (shape), 1,
                             shape->n_layers);
  n_pages = (positions + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS;
  p->kv = (EngineKvSize) { .n_pages[GRAPH_KV_FULL] = n_pages, .type = kv_type };
  p->tokens = g_new (int32_t, chunk);
  p->pages = g_new (uint32_t, n_pages);
  for (uint32_t i = 0; i < chunk; i++)
    p->tokens[i] = (int32_t) (i * 7 % 1000);
  for (uint32_t i = 0; i < n_pages; i++)
    p->pages[i] = i;
  p->one_plan = graph_plan_build (p->sample.desc, 0, shape->n_layers, TRUE, TRUE, 1, 1);
  p->many_plan = graph_plan_build (p->sample.desc, 0, n_many, TRUE, TRUE, chunk, 1);
  p->model = vtable->load (backend, p->one_plan, &p->kv, NULL, NULL, NULL, error);
  return p->model != NULL && fill_pages (p, n_pages, error) &&
         (p->one = vtable->compile (p->model, p->one_plan, error)) != NULL &&
         (p->many = vtable->compile (p->model, p->many_plan, error)) != NULL;
}

static gboolean
run (Probe *p, const Time *time, GError **error)
{
  const PlannerBatch *of = &time->batch;
  const uint32_t output = of->n_tokens - 1;
  const EngineBatchRun runs = {
    .n_tokens = of->n_tokens,
    .position = of->first_position,
    .pages = { p->pages, p->pages },
    .n_pages = (of->first_position + of->n_tokens + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS,
  };
  const EngineBatch batch = {
    .tokens = p->tokens,
    .n_tokens = of->n_tokens,
    .runs = &runs,
    .n_runs = 1,
    .outputs = &output,
    .n_outputs = of->n_outputs,
    .n_candidates = N_CANDIDATES,
  };
  EngineCandidate candidates[N_CANDIDATES];
  float lse;
  EngineResult result = { candidates, &lse, NULL };

  return p->backend->vtable->run (time->is_many ? p->many : p->one, &batch, &result, NULL, NULL,
                                  error);
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static gboolean
warm_up (Probe *p, const Time *time, GError **error)
{
  gint64 start_us = g_get_monotonic_time ();

  while (g_get_monotonic_time () - start_us < WARM_UP_US)
    if (!run (p, time, error))
      return FALSE;
  return TRUE;
}

/* Seconds of a batch that is run so many times. */
static double
run_seconds (Probe *p, const Time *time, uint32_t repeats, GError **error)
{
  gint64 start_us = g_get_monotonic_time ();

  for (uint32_t r = 0; r < repeats; r++)
    if (!run (p, time, error))
      return -1;
  return (double) MAX (g_get_monotonic_time () - start_us, 1) / 1e6 / repeats;
}

/* A fast one of some runs: what else the computer does only adds to them. Batches take turns, so
 * that a busy second does not hit all runs of one. */
static gboolean
measure (Probe *p, Time *times, unsigned n_times, GError **error)
{
  double seconds[MOST_TIMES][RUNS];
  uint32_t repeats[MOST_TIMES] = { 1, 1, 1 };

  for (int i = -1; i < RUNS; i++) /* the first one warms up */
    for (unsigned t = 0; t < n_times; t++) {
      double took = run_seconds (p, &times[t], repeats[t], error);

      if (took < 0)
        return FALSE;
      if (i < 0)
        repeats[t] = (uint32_t) CLAMP (LEAST_US / 1e6 / took, 1, 100);
      else
        seconds[t][i] = took;
    }
  for (unsigned t = 0; t < n_times; t++) {
    qsort (seconds[t], RUNS, sizeof *seconds[t], compare_doubles);
    times[t].seconds = seconds[t][RUNS / 3];
  }
  return TRUE;
}

/* Seconds of the products of a batch, per second of each weight: sum of weights at a width. */
static double
product_seconds (const Probe *p, const Time *time, const PlannerProduct *product)
{
  const GraphPlan *plan = time->is_many ? p->many_plan : p->one_plan;
  double seconds = 0;

  for (uint32_t i = 0; i < plan->n_ops; i++)
    for (uint32_t w = 0; w < plan->ops[i].n_weights; w++) {
      const GraphOp *op = &plan->ops[i];
      double tokens, weights;

      weights = planner_op_weights (plan->desc, op, w,
                                    op->output_rows ? time->batch.n_outputs : time->batch.n_tokens,
                                    &tokens);
      seconds += planner_product_seconds (product, weights, tokens);
    }
  return seconds;
}

static PlannerWork
work_of (const Probe *p, const Time *time)
{
  return planner_work_of (time->is_many ? p->many_plan : p->one_plan, &time->batch);
}

/* ---- taking apart --------------------------------------------------------------------------- */

enum {
  TIME_ONE,
  TIME_MANY,
  TIME_MANY_DEEP,
  N_SMALL_TIMES,
};

static void
list_small_times (const Probe *p, Time times[N_SMALL_TIMES])
{
  times[TIME_ONE] = (Time) { { 1, 1, 0 }, FALSE, 0 };
  times[TIME_MANY] = (Time) { { p->chunk_tokens, 1, 0 }, TRUE, 0 };
  times[TIME_MANY_DEEP] = (Time) { { p->chunk_tokens, 1, DEPTH_TOKENS }, TRUE, 0 };
}

/* What a number of a key costs, from the difference that depth makes. */
static double
key_seconds (const Probe *p, const Time *shallow, const Time *deep)
{
  PlannerWork less = work_of (p, shallow), more = work_of (p, deep);
  double keys = more.one_keys - less.one_keys + more.many_keys - less.many_keys;

  return MAX (deep->seconds - shallow->seconds, 0) / keys;
}

/* What ops and floats cost: two batches with next to no products, the one of few floats. */
static void
solve_ops (const Probe *p, const Time times[N_SMALL_TIMES], const PlannerProduct *product,
           PlannerOther *other)
{
  PlannerWork one = work_of (p, &times[TIME_ONE]), many = work_of (p, &times[TIME_MANY]);

  for (int round = 0; round < ROUNDS; round++) {
    double rest = times[TIME_ONE].seconds - product_seconds (p, &times[TIME_ONE], product) -
                  one.floats * other->float_s - one.one_keys * other->one_key_s;

    other->op_s = MAX (rest, 0) / one.ops;
    rest = times[TIME_MANY].seconds - product_seconds (p, &times[TIME_MANY], product) -
           many.ops * other->op_s - many.many_keys * other->many_key_s;
    other->float_s = MAX (rest, 0) / many.floats;
  }
}

/* What weights cost at each width, when all else is known. */
static void
solve_product (const Probe *p, const Time times[PLANNER_N_WIDTHS], const PlannerOther *other,
               PlannerProduct *product)
{
  for (int width = 0; width < PLANNER_N_WIDTHS; width++) {
    const GraphPlan *plan = times[width].is_many ? p->many_plan : p->one_plan;
    PlannerWork work = work_of (p, &times[width]);
    double rest = times[width].seconds - planner_work_seconds (other, &work), weights = 0, tokens;

    for (uint32_t i = 0; i < plan->n_ops; i++)
      for (uint32_t w = 0; w < plan->ops[i].n_weights; w++)
        if (!plan->ops[i].output_rows || width == PLANNER_ONE)
          weights += planner_op_weights (plan->desc, &plan->ops[i], w, 1, &tokens);
    product->tokens[width] = times[width].batch.n_tokens;
    product->weight_s[width] = MAX (rest, 0.3 * times[width].seconds) / weights;
  }
}

/* ---- what is measured ----------------------------------------------------------------------- */

/* The shape of a layer to measure on, and the width that it stands for. */
static PlannerShape
shape_for (EngineBackend *backend, const ModelDesc *desc, ModelType type, uint32_t set_log2,
           uint32_t *d_model)
{
  if (backend->vtable->caps (backend)->unified_memory) {
    *d_model = desc->h.d_model;
    return planner_shape_like (desc, model_type_info (type), UINT64_C (1) << set_log2);
  }
  *d_model = of_card.d_model;
  return of_card;
}

/* Products of the format, in a model of the size. layer: of its shape. */
static gboolean
time_products (Probe *p, EngineBackend *backend, const PlannerShape *layer,
               const PlannerProduct *product, ModelKvType kv_type, Time times[PLANNER_N_WIDTHS],
               GError **error)
{
  const ModelTypeInfo *type = model_type_info (product->type);
  PlannerShape shape = *layer;
  double layer_bytes = (double) planner_shape_layer_weights (&shape) * type->block_bytes /
                       type->block_weights;

  shape.n_layers = (uint32_t) MAX ((double) (1u << product->set_log2) / layer_bytes, 1);
  if (!probe_init (p, backend, &shape, (ModelType) product->type, kv_type, error))
    return FALSE;
  times[PLANNER_ONE] = (Time) { { 1, 1, 0 }, FALSE, 0 };
  times[PLANNER_FEW] = (Time) { { MIN (FEW_TOKENS, p->chunk_tokens / 2), 1, 0 }, TRUE, 0 };
  times[PLANNER_MANY] = (Time) { { p->chunk_tokens, 1, 0 }, TRUE, 0 };
  return warm_up (p, &times[PLANNER_ONE], error) && measure (p, times, PLANNER_N_WIDTHS, error);
}

/* The time of a copy to the host and back. */
static gboolean
time_crossing (const Probe *p, PlannerOther *other, GError **error)
{
  const EngineBackendVtable *vtable = p->backend->vtable;
  size_t width = p->sample.desc->h.d_model, most = width * p->chunk_tokens;
  const size_t sizes[2] = { width, most };
  g_autofree float *floats = g_new0 (float, most);
  double seconds[2];

  for (int s = 0; s < 2; s++) {
    gint64 start_us = g_get_monotonic_time ();

    for (int i = 0; i < RUNS; i++)
      if (!vtable->read_buffer (p->many, GRAPH_BUFFER_X, floats, sizes[s], error) ||
          !vtable->write_buffer (p->many, GRAPH_BUFFER_X, floats, sizes[s], error))
        return FALSE;
    seconds[s] = (double) (g_get_monotonic_time () - start_us) / 1e6 / RUNS;
  }
  other->crossing_float_s = MAX (seconds[1] - seconds[0], 0) / (double) (most - width);
  other->crossing_s = seconds[0];
  return TRUE;
}

static gboolean
time_small (Probe *p, EngineBackend *backend, PlannerOther *other, Time times[N_SMALL_TIMES],
            GError **error)
{
  if (!probe_init (p, backend, &small, SMALL_TYPE, (ModelKvType) other->kv_type, error))
    return FALSE;
  list_small_times (p, times);
  return warm_up (p, &times[TIME_ONE], error) && measure (p, times, N_SMALL_TIMES, error) &&
         time_crossing (p, other, error);
}

/* Products are first taken for all that there is, and all else from what they leave. */
static gboolean
measure_other (EngineBackend *backend, Probe *p, const Time products[PLANNER_N_WIDTHS],
               PlannerProduct *product, PlannerOther *other, GError **error)
{
  Time deep = { { 1, 1, DEPTH_TOKENS }, FALSE, 0 }; /* beside weights that fill the caches */
  Time times[N_SMALL_TIMES];
  Probe little;
  gboolean ok = time_small (&little, backend, other, times, error) && measure (p, &deep, 1, error);

  if (ok) {
    other->one_key_s = key_seconds (p, &products[PLANNER_ONE], &deep);
    other->many_key_s = key_seconds (&little, &times[TIME_MANY], &times[TIME_MANY_DEEP]);
  }
  for (int round = 0; ok && round < ROUNDS; round++) {
    solve_product (p, products, other, product);
    solve_ops (&little, times, product, other);
  }
  probe_finish (&little);
  return ok;
}

gboolean
planner_calibrate (EngineBackend *backend, PlannerRates *rates, const ModelDesc *desc,
                   ModelType type, uint32_t set_log2, ModelKvType kv_type, GError **error)
{
  const PlannerOther *known = planner_rates_other (rates, kv_type, set_log2);
  PlannerOther other = { .kv_type = kv_type, .set_log2 = set_log2 };
  PlannerProduct product = { .type = type, .set_log2 = set_log2 };
  PlannerShape layer = shape_for (backend, desc, type, set_log2, &product.d_model);
  gboolean has = planner_rates_product (rates, type, set_log2, product.d_model) != NULL, ok;
  Time times[PLANNER_N_WIDTHS];
  Probe probe;

  if (known != NULL && has)
    return TRUE;
  ok = time_products (&probe, backend, &layer, &product, kv_type, times, error);
  if (ok && known == NULL) {
    ok = measure_other (backend, &probe, times, &product, &other, error);
    if (ok)
      g_array_append_val (rates->others, other);
  } else {
    other = ok ? *known : other;
  }
  if (ok && !has) {
    solve_product (&probe, times, &other, &product);
    g_array_append_val (rates->products, product);
  }
  probe_finish (&probe);
  return ok;
}
