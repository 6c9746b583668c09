/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole tiny models on two devices against the same on one, in every kind of placement: several
 * timelines in a batch, decode, a batch without outputs, pages that are copied, cancel. The second
 * device is the processor, the first what the argument says: the same bits from two processors, as
 * good as the same from a graphics card. */
#include "engine/cpu/cpu.h"
#include "engine/split/split.h"
#include "engine/vulkan/vulkan.h"
#include "tests/engine/split/models.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define N_VOCAB 320
#define N_PAGES 6
#define CHUNK   32
#define N_ROWS  6 /* of logits that a script gives */

static char *path, *cache_dir; /* pipelines are compiled once */
static double limit;           /* of the mean square of differences, to that of the logits */
static gboolean on_vulkan;

static EngineBackend *
open_first (void)
{
  g_autoptr (GError) error = NULL;
  EngineBackend *backend = on_vulkan ? vulkan_backend_open (0, cache_dir, &error)
                                     : cpu_backend_open (2, cpu_tier_best (), &error);

  g_assert_no_error (error);
  return backend;
}

static EngineBackend *
open_second (void)
{
  g_autoptr (GError) error = NULL;
  EngineBackend *backend = cpu_backend_open (1, cpu_tier_best (), &error);

  g_assert_no_error (error);
  return backend;
}

/* A loaded model and its executables. */
typedef struct {
  EngineBackend *backend;
  EngineBackendModel *model;
  GraphPlan *chunk, *decode;
  EngineBackendExecutable *of_chunk, *of_decode;
} World;

static gboolean
world_open (World *world, EngineBackend *backend, const ModelDesc *desc, GError **error)
{
  const EngineKvSize kv = { { N_PAGES, N_PAGES }, 6 };
  const EngineBackendVtable *vtable = backend->vtable;

  *world = (World) { .backend = backend };
  world->chunk = graph_plan_build (desc, 0, TINY_LAYERS, TRUE, TRUE, CHUNK, 2);
  world->decode = graph_plan_build (desc, 0, TINY_LAYERS, TRUE, TRUE, 1, 1);
  if ((world->chunk->needs & ~vtable->caps (backend)->can) != 0) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED, "It cannot do that.");
    return FALSE;
  }
  world->model = vtable->load (backend, world->chunk, &kv, NULL, NULL, NULL, error);
  if (world->model == NULL)
    return FALSE;
  world->of_chunk = vtable->compile (world->model, world->chunk, error);
  world->of_decode = vtable->compile (world->model, world->decode, error);
  return world->of_chunk != NULL && world->of_decode != NULL;
}

static void
world_close (World *world)
{
  if (world->model != NULL) {
    world->backend->vtable->discard (world->of_chunk);
    world->backend->vtable->discard (world->of_decode);
    world->backend->vtable->unload (world->model);
  }
  graph_plan_free (world->chunk);
  graph_plan_free (world->decode);
  world->backend->vtable->close (world->backend);
}

static const int32_t text[CHUNK] = { 5, 99, 3, 17, 250, 8, 41, 77, 12, 300, 6,
                                     64, 31, 19, 200, 9, 55, 2, 81, 140, 7, 33 };

static gboolean
run (World *world, const EngineBatchRun *runs, uint32_t n_runs, uint32_t n_outputs, float *logits,
     const gint *cancel, EngineRunCost *cost, GError **error)
{
  EngineCandidate candidates[2];
  float lse[2];
  uint32_t outputs[2], n_tokens = runs[n_runs - 1].first + runs[n_runs - 1].n_tokens;
  EngineResult result = { candidates, lse, logits };
  EngineBatch batch = { .tokens = text,
                        .n_tokens = n_tokens,
                        .runs = runs,
                        .n_runs = n_runs,
                        .outputs = outputs,
                        .n_outputs = n_outputs,
                        .n_candidates = 1,
                        .want_logits = TRUE };

  for (uint32_t i = 0; i < n_outputs; i++)
    outputs[i] = runs[i].first + runs[i].n_tokens - 1;
  if (!world->backend->vtable->run (n_tokens == 1 ? world->of_decode : world->of_chunk, &batch,
                                    &result, cancel, cost, error))
    return FALSE;
  for (uint32_t i = 0; i < n_outputs; i++) {
    const float *row = logits + (size_t) i * N_VOCAB;

    for (uint32_t id = 0; id < N_VOCAB; id++)
      g_assert_true (row[id] <= row[candidates[i].id]);
  }
  return TRUE;
}

/* Two timelines, and a third that goes on where the first was copied. logits: [N_ROWS][N_VOCAB]. */
static void
play (World *world, float *logits)
{
  const uint32_t one[] = { 4 }, two[] = { 1 }, third[] = { 2 };
  const struct {
    EngineBatchRun runs[2];
    uint32_t n_runs, n_outputs;
  } batches[] = {
    { { { 0, 20, 0, { one, one }, 1, 0, 0 }, { 20, 9, 0, { two, two }, 1, 1, 1 } }, 2, 2 },
    { { { 0, 1, 20, { one, one }, 1, 0, 2 } }, 1, 1 },
    { { { 0, 5, 9, { two, two }, 1, 1, 3 } }, 1, 0 },
    { { { 0, 1, 14, { two, two }, 1, 3, 4 } }, 1, 1 },
    { { { 0, 3, 20, { third, third }, 1, 0, 5 }, { 3, 18, 21, { one, one }, 1, 2, 1 } }, 2, 2 },
  };
  GError *error = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (batches); i++) {
    EngineRunCost cost = { 0 };

    if (i == 4)
      for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
        if (world->chunk->n_kv_layers[group] > 0) {
          world->backend->vtable->copy_page (world->model, group, one[0], third[0], &error);
          g_assert_no_error (error);
        }
    run (world, batches[i].runs, batches[i].n_runs, batches[i].n_outputs, logits, NULL, &cost,
         &error);
    g_assert_no_error (error);
    g_assert_cmpuint (cost.weight_bytes, >, 0);
    logits += (size_t) batches[i].n_outputs * N_VOCAB;
  }
}

/* A cancel ends a batch, and the next one is as if it had not been. */
static void
check_cancel (World *world)
{
  const uint32_t page[] = { 0 };
  EngineBatchRun whole = { 0, 20, 0, { page, page }, 1, 0, 0 };
  float before[N_VOCAB], after[N_VOCAB];
  gint cancel = 1;
  g_autoptr (GError) error = NULL;

  g_assert_true (run (world, &whole, 1, 1, before, NULL, NULL, &error));
  g_assert_false (run (world, &whole, 1, 1, after, &cancel, NULL, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_true (run (world, &whole, 1, 1, after, NULL, NULL, &error));
  g_assert_cmpmem (before, sizeof before, after, sizeof after);
}

static void
compare (const SplitPlacement *placement, const float *want, const float *got)
{
  double difference = 0, all = 0;

  for (size_t i = 0; i < (size_t) N_ROWS * N_VOCAB; i++) {
    difference += ((double) got[i] - want[i]) * ((double) got[i] - want[i]);
    all += (double) want[i] * want[i];
  }
  g_test_message ("%u layers, %u experts, embedding %d, output %d: %g", placement->n_layers,
                  placement->n_experts, placement->embedding, placement->output,
                  difference / all);
  g_assert_cmpfloat (difference, <=, limit * all);
}

static const SplitPlacement placements[] = {
  { 0, 2, TRUE, FALSE },
  { 2, 4, TRUE, FALSE },
  { 6, 6, TRUE, FALSE },
  { 3, 3, FALSE, TRUE },
  { 4, 6, TRUE, FALSE },
  { 0, 6, FALSE, FALSE },
  { 0, 0, TRUE, FALSE },
  { 6, 6, TRUE, TRUE },
};
#define N_ON_CARDS 4 /* software drivers are slow */

static void
test_kind (gconstpointer data)
{
  g_autofree float *want = g_new0 (float, N_ROWS *N_VOCAB);
  g_autoptr (GError) error = NULL;
  ModelGguf *gguf;
  ModelDesc *desc;
  World world;
  unsigned n_run = 0;

  tiny_write (path, (TinyKind) GPOINTER_TO_INT (data), 7);
  gguf = model_gguf_open (path, &error);
  g_assert_no_error (error);
  desc = model_desc_new (gguf, &error);
  g_assert_no_error (error);
  world_open (&world, open_second (), desc, &error);
  g_assert_no_error (error);
  play (&world, want);
  world_close (&world);
  for (size_t i = 0; i < (on_vulkan ? N_ON_CARDS : G_N_ELEMENTS (placements)); i++) {
    g_autofree float *got = g_new0 (float, N_ROWS *N_VOCAB);

    if (world_open (&world,
                    split_backend_open (open_first (), open_second (), &placements[i], desc), desc,
                    &error)) {
      play (&world, got);
      compare (&placements[i], want, got);
      check_cancel (&world);
      n_run++;
    }
    world_close (&world);
    if (on_vulkan && g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED))
      g_clear_error (&error); /* some ops run on the processor alone as yet */
    g_assert_no_error (error);
  }
  g_assert_cmpuint (n_run, >=, 1);
  model_desc_free (desc);
  model_gguf_free (gguf);
}

/* What is measured beforehand is what is held afterwards. */
static void
test_measure (gconstpointer data)
{
  const EngineKvSize kv = { { N_PAGES, N_PAGES }, 6 };
  g_autoptr (GError) error = NULL;
  ModelGguf *gguf;
  ModelDesc *desc;

  tiny_write (path, (TinyKind) GPOINTER_TO_INT (data), 7);
  gguf = model_gguf_open (path, &error);
  desc = model_desc_new (gguf, &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < N_ON_CARDS; i++) {
    EngineBackend *first = open_first ();
    g_autoptr (GraphPlan) chunk = graph_plan_build (desc, 0, TINY_LAYERS, TRUE, TRUE, CHUNK, 2);
    g_autoptr (GraphPlan) decode = graph_plan_build (desc, 0, TINY_LAYERS, TRUE, TRUE, 1, 1);
    const GraphPlan *plans[] = { chunk, decode };
    EngineBytes measured, held;
    World world;

    g_assert_true (split_backend_measure (first, SPLIT_FIRST, plans, 2, &kv, &placements[i],
                                          &measured, &error));
    if (!world_open (&world, split_backend_open (first, open_second (), &placements[i], desc), desc,
                     &error)) {
      g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED); /* states, as yet */
      g_clear_error (&error);
      world_close (&world);
      continue;
    }
    held = split_model_bytes (world.model, SPLIT_FIRST);
    g_assert_cmpuint (engine_bytes_sum (&held), ==, engine_bytes_sum (&measured));
    world_close (&world);
  }
  model_desc_free (desc);
  model_gguf_free (gguf);
}

/* The first device is a card: it rounds activations to bytes. */
static gboolean
is_card (void)
{
  g_autoptr (GPtrArray) devices = vulkan_devices (NULL);

  return devices != NULL && devices->len > 0 &&
         ((VulkanDeviceInfo *) g_ptr_array_index (devices, 0))->kind != VULKAN_KIND_SOFTWARE;
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("bottega-split-XXXXXX", NULL);
  gboolean rounds; /* activations to bytes: then the choice of experts may fall otherwise */
  int status;

  cache_dir = dir;
  path = g_build_filename (dir, "tiny.gguf", NULL);
  g_test_init (&argc, &argv, NULL);
  on_vulkan = argc > 1 && g_str_has_prefix (argv[1], "vulkan");
  rounds = on_vulkan && (strcmp (argv[1], "vulkan-staged") == 0 || is_card ());
  if (on_vulkan)
    limit = rounds ? 0.02 : 1e-5;
  for (int kind = 0; kind < TINY_N_KINDS; kind++) {
    g_autofree char *name = g_strconcat ("/engine/split/", tiny_names[kind], NULL);

    if (!rounds || kind == TINY_GEMMA3 || kind == TINY_QWEN3MOE)
      g_test_add_data_func (name, GINT_TO_POINTER (kind), test_kind);
  }
  if (on_vulkan) {
    g_test_add_data_func ("/engine/split/measure/dense", GINT_TO_POINTER (TINY_GEMMA3),
                          test_measure);
    g_test_add_data_func ("/engine/split/measure/mixture", GINT_TO_POINTER (TINY_GPT_OSS),
                          test_measure);
    g_test_add_data_func ("/engine/split/measure/states", GINT_TO_POINTER (TINY_QWEN35MOE),
                          test_measure);
  }
  status = g_test_run ();
  tiny_remove_folder (dir);
  g_free (path);
  return status;
}
