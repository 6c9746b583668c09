/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The back end as a session sees it, on a tiny model: any cut of a text into batches gives the same
 * logits, pages can be copied, a cancel and a lack of memory are errors with a sentence, and the
 * pipeline cache survives damage. What each op computes is tests/engine/ops' to say. */
#include "engine/vulkan/vulkan.h"
#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define N_PAGES      8
#define N_TOKENS     70 /* over the end of a page */
#define N_CANDIDATES 5

typedef struct {
  char *folder;
  ModelGguf *gguf;
  ModelDesc *desc;
  EngineBackend *backend;
  GraphPlan *load_plan;
  EngineBackendModel *model;
  int32_t tokens[N_TOKENS + 1];
  gboolean software;
} World;

/* The index of a device that can be used, software or not; -1: none. */
static int
any_device (gboolean *software)
{
  g_autoptr (GPtrArray) devices = vulkan_devices (NULL);

  for (guint i = 0; devices != NULL && i < devices->len; i++)
    if (((VulkanDeviceInfo *) g_ptr_array_index (devices, i))->usable) {
      VulkanDeviceInfo *info = g_ptr_array_index (devices, i);

      *software = info->kind == VULKAN_KIND_SOFTWARE;
      return (int) i;
    }
  return -1;
}

static void
world_open_model (World *world)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (world->folder, "tiny.gguf", NULL);
  TestLlama llama = { .rope_freqs = TRUE, .mixed = TRUE };
  uint64_t random = 7;

  test_gguf_write_llama (path, &llama, MODEL_TYPE_Q4_K, 3);
  world->gguf = model_gguf_open (path, &error);
  g_assert_no_error (error);
  world->desc = model_desc_new (world->gguf, &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < G_N_ELEMENTS (world->tokens); i++)
    world->tokens[i] = (int32_t) (test_random (&random) % world->desc->h.n_vocab);
  world->load_plan =
      graph_plan_build (world->desc, 0, world->desc->h.n_layers, TRUE, TRUE, 16, 16);
}

static void
world_init (World *world, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gboolean software = FALSE;
  int device = any_device (&software);

  memset (world, 0, sizeof *world);
  world->software = software; /* exact; cards round activations to bytes */
  if (device < 0) {
    g_test_skip ("no Vulkan device");
    return;
  }
  world->folder = g_dir_make_tmp ("bottega-vulkan-XXXXXX", NULL);
  world_open_model (world);
  world->backend = vulkan_backend_open ((unsigned) device, world->folder, &error);
  g_assert_no_error (error);
  world->model = world->backend->vtable->load (world->backend, world->load_plan,
                                               &(EngineKvSize) { { N_PAGES } }, NULL,
                                               NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_unlink (path);
  }
  g_rmdir (folder);
}

static void
world_finish (World *world, gconstpointer data)
{
  if (world->backend == NULL)
    return;
  world->backend->vtable->unload (world->model);
  world->backend->vtable->close (world->backend);
  graph_plan_free (world->load_plan);
  model_desc_free (world->desc);
  model_gguf_free (world->gguf);
  remove_folder (world->folder);
  g_free (world->folder);
}

typedef struct {
  EngineCandidate candidates[N_CANDIDATES];
  float lse;
} Answer;

/* Runs tokens [from, n) in batches of at most `step`; the last one's candidates. */
static Answer
read_tokens (World *world, uint32_t from, uint32_t n, uint32_t step, const uint32_t pages[2])
{
  const EngineBackendVtable *vtable = world->backend->vtable;
  g_autoptr (GError) error = NULL;
  g_autoptr (GraphPlan) plan =
      graph_plan_build (world->desc, 0, world->desc->h.n_layers, TRUE, TRUE, step, 1);
  EngineBackendExecutable *executable = vtable->compile (world->model, plan, &error);
  Answer answer = { 0 };
  EngineResult result = { answer.candidates, &answer.lse, NULL };

  g_assert_no_error (error);
  for (uint32_t at = from; at < n; at += step) {
    uint32_t count = MIN (step, n - at), last = count - 1;
    EngineBatchRun run = { 0, count, at, { pages }, (at + count - 1) / ENGINE_PAGE_TOKENS + 1 };
    EngineBatch batch = { world->tokens + at, count, &run, 1, &last, at + count == n,
                          N_CANDIDATES, FALSE };
    EngineRunCost cost = { 0 };

    vtable->run (executable, &batch, &result, NULL, &cost, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (cost.weight_bytes, >, 0);
  }
  vtable->discard (executable);
  return answer;
}

static void
assert_same (const Answer *a, const Answer *b, float limit)
{
  g_assert_cmpfloat_with_epsilon (a->lse, b->lse, limit);
  for (size_t i = 0; i < N_CANDIDATES; i++) {
    g_assert_cmpint (a->candidates[i].id, ==, b->candidates[i].id);
    g_assert_cmpfloat_with_epsilon (a->candidates[i].logit, b->candidates[i].logit, limit);
  }
}

/* One token at a time, small batches with ragged ends, and a chunk with its padding. */
static void
test_cuts (World *world, gconstpointer data)
{
  static const uint32_t steps[] = { 2, 3, 5, 8, 16, 64, N_TOKENS };
  const uint32_t pages[] = { 6, 1 };

  if (world->backend == NULL)
    return;
  Answer whole = read_tokens (world, 0, N_TOKENS, 1, pages);
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++) {
    Answer cut = read_tokens (world, 0, N_TOKENS, steps[i], pages);

    g_test_message ("step %u: lse %.6f, %.6f token by token", steps[i], (double) cut.lse,
                    (double) whole.lse);
    assert_same (&whole, &cut, world->software ? 1e-3f : 1e-1f);
  }
}

static void
test_copied_page (World *world, gconstpointer data)
{
  const uint32_t pages[] = { 0, 1 }, branch[] = { 0, 5 };
  g_autoptr (GError) error = NULL;

  if (world->backend == NULL)
    return;
  read_tokens (world, 0, N_TOKENS, 16, pages);
  g_assert_true (world->backend->vtable->copy_page (world->model, GRAPH_KV_FULL, 1, 5, &error));
  g_assert_no_error (error);
  Answer original = read_tokens (world, N_TOKENS, N_TOKENS + 1, 1, pages);
  Answer copy = read_tokens (world, N_TOKENS, N_TOKENS + 1, 1, branch);
  assert_same (&original, &copy, 1e-6f);
}

static void
test_cancel (World *world, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const gint cancel = 1;
  const uint32_t page = 0;
  float lse;
  EngineCandidate candidate;
  EngineResult result = { &candidate, &lse, NULL };
  EngineBatchRun run = { 0, 16, 0, { &page }, 1 };
  const uint32_t last = 15;

  if (world->backend == NULL)
    return;
  const EngineBackendVtable *vtable = world->backend->vtable;
  EngineBackendExecutable *executable = vtable->compile (world->model, world->load_plan, &error);
  EngineBatch batch = { world->tokens, 16, &run, 1, &last, 1, 1, FALSE };
  g_assert_no_error (error);
  g_assert_false (vtable->run (executable, &batch, &result, &cancel, NULL, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_true (vtable->run (executable, &batch, &result, NULL, NULL, &error)); /* and goes on */
  vtable->discard (executable);
  g_assert_null (vtable->load (world->backend, world->load_plan,
                               &(EngineKvSize) { { 1 } }, NULL, NULL, &cancel, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
}

static void
test_no_memory (World *world, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  if (world->backend == NULL)
    return;
  g_assert_null (world->backend->vtable->load (world->backend, world->load_plan,
                                               &(EngineKvSize) { { 500000 } }, NULL, NULL,
                                               NULL, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "context"));
}

static char *
cache_file (const World *world)
{
  g_autoptr (GDir) dir = g_dir_open (world->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".cache"))
      return g_build_filename (world->folder, name, NULL);
  return NULL;
}

/* Opens the back end and the model anew, as settings say. */
static void
world_reopen (World *world)
{
  g_autoptr (GError) error = NULL;

  world->backend->vtable->unload (world->model);
  world->backend->vtable->close (world->backend);
  world->backend =
      vulkan_backend_open ((unsigned) any_device (&world->software), world->folder, &error);
  g_assert_no_error (error);
  world->model = world->backend->vtable->load (world->backend, world->load_plan,
                                               &(EngineKvSize) { { N_PAGES } }, NULL,
                                               NULL, NULL, &error);
  g_assert_no_error (error);
}

/* A cache file cut short, with a flipped byte, or of another program must not reach the driver. */
static void
test_cache (World *world, gconstpointer data)
{
  const uint32_t pages[] = { 0, 1 };
  g_autofree char *contents = NULL;
  gsize length;

  if (world->backend == NULL)
    return;
  Answer before = read_tokens (world, 0, 3, 1, pages);
  g_autofree char *file = cache_file (world);
  if (file == NULL) {
    g_test_skip ("this driver has no cache data");
    return;
  }
  g_assert_true (g_file_get_contents (file, &contents, &length, NULL));
  for (int damage = 0; damage < 4; damage++) {
    g_autofree char *spoilt = g_memdup2 (contents, length);
    gsize left = damage == 1 ? length / 2 : damage == 2 ? 3
                                                        : length;

    if (damage == 3)
      spoilt[length - 1] ^= 1;
    g_assert_true (g_file_set_contents (file, spoilt, (gssize) left, NULL));
    world_reopen (world);
    Answer after = read_tokens (world, 0, 3, 1, pages);
    assert_same (&before, &after, 1e-6f);
  }
}

/* The file of what was measured; NULL: there is none. */
static char *
read_tuned (const World *world, char **file, gsize *length)
{
  g_autoptr (GDir) dir = g_dir_open (world->folder, 0, NULL);
  const char *name;
  char *contents = NULL;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".tune")) {
      g_free (*file);
      *file = g_build_filename (world->folder, name, NULL);
      g_assert_true (g_file_get_contents (*file, &contents, length, NULL));
    }
  return contents;
}

/* Numbers found by measuring change answers by rounding only, are kept and not measured again, and
 * a damaged file is as none. In a millisecond nothing is measured. */
static void
test_tuned (World *world, gconstpointer data)
{
  const uint32_t pages[] = { 0, 1 };
  g_autofree char *file = NULL, *none = NULL, *found = NULL, *again = NULL;
  gsize length = 0, length_again = 0;

  if (world->backend == NULL)
    return;
  if (!world->software) {
    g_test_skip ("a card has been tuned by its first load");
    return;
  }
  g_setenv ("BOTTEGA_VULKAN_QUIRKS", "none,tiling=1", TRUE);
  world_reopen (world);
  Answer before = read_tokens (world, 0, N_TOKENS, N_TOKENS, pages);
  none = read_tuned (world, &file, &length);
  g_assert_null (none);
  g_setenv ("BOTTEGA_VULKAN_TUNE", "60000", TRUE);
  world_reopen (world);
  Answer tuned = read_tokens (world, 0, N_TOKENS, N_TOKENS, pages);
  assert_same (&before, &tuned, 1e-2f);
  found = read_tuned (world, &file, &length);
  g_assert_nonnull (found);
  g_assert_cmpuint (length, >, 200);
  world_reopen (world);
  again = read_tuned (world, &file, &length_again);
  g_assert_cmpmem (found, length, again, length_again);
  found[length - 1] ^= 1;
  g_assert_true (g_file_set_contents (file, found, (gssize) length, NULL));
  g_setenv ("BOTTEGA_VULKAN_TUNE", "1", TRUE);
  world_reopen (world);
  Answer damaged = read_tokens (world, 0, N_TOKENS, N_TOKENS, pages);
  assert_same (&before, &damaged, 1e-6f);
  g_free (again);
  again = read_tuned (world, &file, &length_again);
  g_assert_cmpmem (found, length, again, length_again);
  g_unsetenv ("BOTTEGA_VULKAN_TUNE");
  g_unsetenv ("BOTTEGA_VULKAN_QUIRKS");
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*test) (World *, gconstpointer);
  } tests[] = {
    { "/vulkan/backend/cuts", test_cuts },
    { "/vulkan/backend/copied-page", test_copied_page },
    { "/vulkan/backend/cancel", test_cancel },
    { "/vulkan/backend/no-memory", test_no_memory },
    { "/vulkan/backend/cache", test_cache },
    { "/vulkan/backend/tuned", test_tuned },
  };

  g_setenv ("BOTTEGA_VULKAN_VALIDATION", "1", TRUE);
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, World, NULL, world_init, tests[i].test, world_finish);
  return g_test_run ();
}
