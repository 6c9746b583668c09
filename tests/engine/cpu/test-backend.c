/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The back end as a session uses it, on whole tiny models: the same bits for any number of
 * threads and any cut of a prompt, branches by copied pages, cancelling, and refusals that say
 * why. */
#include "engine/cpu/cpu.h"
#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define N_TOKENS 150
#define N_PAGES  8
#define N_BEST   40

typedef struct {
  char *path;
  ModelGguf *gguf;
  ModelDesc *desc;
  EngineBackend *backend;
  GraphPlan *plan;
  EngineBackendModel *model;
  EngineBackendExecutable *executable;
} Fixture;

static void
close_device (Fixture *f)
{
  const EngineBackendVtable *vtable = f->backend->vtable;

  vtable->discard (f->executable);
  vtable->unload (f->model);
  vtable->close (f->backend);
  g_clear_pointer (&f->plan, graph_plan_free);
}

static void
fixture_clear (Fixture *f)
{
  if (f->plan != NULL)
    close_device (f);
  g_unlink (f->path);
  g_free (f->path);
  model_desc_free (f->desc);
  model_gguf_free (f->gguf);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static void
make_model (Fixture *f, const TestLlama *llama, ModelType type)
{
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("cpu-XXXXXX.gguf", &f->path, &error);

  g_assert_no_error (error);
  g_close (fd, NULL);
  test_gguf_write_llama (f->path, llama, type, 42);
  f->gguf = model_gguf_open (f->path, &error);
  g_assert_no_error (error);
  f->desc = model_desc_new (f->gguf, &error);
  g_assert_no_error (error);
}

static void
open_device (Fixture *f, unsigned n_threads, CpuTier tier, uint32_t chunk)
{
  g_autoptr (GError) error = NULL;

  f->backend = cpu_backend_open (n_threads, tier, &error);
  g_assert_no_error (error);
  f->plan = graph_plan_build (f->desc, 0, f->desc->h.n_layers, TRUE, TRUE, chunk, 2);
  f->model = f->backend->vtable->load (f->backend, f->plan,
                                       &(EngineKvSize) { { N_PAGES } }, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  f->executable = f->backend->vtable->compile (f->model, f->plan, &error);
  g_assert_no_error (error);
}

static int32_t
token_at (uint32_t position)
{
  return (int32_t) (position * 37 % 300);
}

/* Reads tokens [from, to) of the timeline in chunks; the last one's results stay. */
static gboolean
read_tokens (Fixture *f, const uint32_t *pages, uint32_t from, uint32_t to, EngineResult *result,
             const gint *cancel, GError **error)
{
  for (uint32_t at = from; at < to; at += f->plan->max_tokens) {
    uint32_t n = MIN (f->plan->max_tokens, to - at), row = n - 1;
    g_autofree int32_t *tokens = g_new (int32_t, n);
    EngineBatchRun run = { 0, n, at, { pages }, N_PAGES / 2 };
    EngineBatch batch = { tokens, n, &run, 1, &row, 1, N_BEST, TRUE };

    for (uint32_t i = 0; i < n; i++)
      tokens[i] = token_at (at + i);
    if (!f->backend->vtable->run (f->executable, &batch, result, cancel, NULL, error))
      return FALSE;
  }
  return TRUE;
}

typedef struct {
  EngineCandidate best[N_BEST];
  float lse;
  float logits[512];
} Outcome;

static Outcome
read_all (Fixture *f)
{
  static const uint32_t pages[] = { 5, 0, 3, 1 };
  Outcome outcome = { 0 };
  EngineResult result = { outcome.best, &outcome.lse, outcome.logits };
  g_autoptr (GError) error = NULL;

  read_tokens (f, pages, 0, N_TOKENS, &result, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (isfinite (outcome.lse));
  return outcome;
}

/* Every format, by its number; those with products of their own shapes over every cut. */
static void
test_same_bits (gconstpointer data)
{
  static const struct {
    uint32_t chunk;
    unsigned n_threads;
  } cuts[] = {
    { N_TOKENS, 1 },
    { 7, 2 },
    { 149, 3 },
    { N_TOKENS, 2 },
    { N_TOKENS, 3 },
    { 64, 3 },
    { 1, 2 },
    { 1, 0 }, /* as many as one token needs, which is found on the way */
  };
  static const ModelType all_cuts[] = { MODEL_TYPE_F16, MODEL_TYPE_Q4_1, MODEL_TYPE_Q8_0,
                                        MODEL_TYPE_Q4_K, MODEL_TYPE_IQ2_S };
  CpuTier tier = (CpuTier) GPOINTER_TO_INT (data);

  for (uint32_t type = 0; type < 64; type++) {
    TestLlama llama = { .n_layers = 1, .n_heads = 6, .n_heads_kv = 2, .d_head = 128 };
    g_auto (Fixture) f = { 0 };
    Outcome want = { 0 };
    size_t n_cuts = 3;

    if (model_type_info (type) == NULL)
      continue;
    for (size_t i = 0; i < G_N_ELEMENTS (all_cuts); i++)
      if (all_cuts[i] == type)
        n_cuts = G_N_ELEMENTS (cuts);
    /* Plain C has one product for all formats. */
    if (n_cuts == 3 && tier == CPU_TIER_PORTABLE && tier != cpu_tier_best ())
      continue;
    llama.untied = type % 2 == 0;
    llama.rope_freqs = type % 2 == 1;
    llama.mixed = type % 3 == 0;
    make_model (&f, &llama, (ModelType) type);
    for (size_t c = 0; c < n_cuts; c++) {
      Outcome got;

      open_device (&f, cuts[c].n_threads, tier, cuts[c].chunk);
      got = read_all (&f);
      close_device (&f);
      if (c == 0)
        want = got;
      g_assert_cmpmem (&got, sizeof got, &want, sizeof want);
    }
  }
}

/* A timeline that branches inside a page: both branches end as if read alone. */
static void
test_branch (void)
{
  static const uint32_t pages[] = { 0, 1, 2, 3 }, branch[] = { 0, 7, 6, 5 };
  g_auto (Fixture) f = { 0 };
  Outcome alone = { 0 }, branched = { 0 };
  EngineResult result = { branched.best, &branched.lse, branched.logits };
  g_autoptr (GError) error = NULL;

  make_model (&f, NULL, MODEL_TYPE_Q4_1);
  open_device (&f, 2, cpu_tier_best (), 64);
  alone = read_all (&f);
  read_tokens (&f, pages, 0, 100, &result, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (f.backend->vtable->copy_page (f.model, GRAPH_KV_FULL, 1, 7, &error));
  read_tokens (&f, branch, 100, N_TOKENS, &result, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (&alone, sizeof alone, &branched, sizeof branched);
  g_assert_false (f.backend->vtable->copy_page (f.model, GRAPH_KV_FULL, 1, N_PAGES, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
}

static gint cancel_flag;

static gpointer
cancel_later (gpointer data)
{
  g_usleep (30000);
  *(gint64 *) data = g_get_monotonic_time ();
  g_atomic_int_set (&cancel_flag, 1);
  return NULL;
}

static void
test_cancel (void)
{
  static const uint32_t pages[] = { 0, 1, 2, 3 };
  TestLlama llama = { .n_layers = 8, .d_model = 1024, .d_ff = 2048 };
  g_auto (Fixture) f = { 0 };
  Outcome outcome = { 0 };
  EngineResult result = { outcome.best, &outcome.lse, outcome.logits };
  g_autoptr (GError) error = NULL;
  gint64 set_us = 0;
  GThread *thread;

  make_model (&f, &llama, MODEL_TYPE_Q8_0);
  open_device (&f, 2, CPU_TIER_PORTABLE, N_TOKENS);
  cancel_flag = 0;
  thread = g_thread_new ("cancel", cancel_later, &set_us);
  while (read_tokens (&f, pages, 0, N_TOKENS, &result, &cancel_flag, &error))
    ;
  g_thread_join (thread);
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_test_message ("cancelled after %" G_GINT64_FORMAT " us", g_get_monotonic_time () - set_us);
  g_assert_cmpint (g_get_monotonic_time () - set_us, <, 100000);
  g_clear_error (&error);
  cancel_flag = 0;
  read_tokens (&f, pages, 0, 8, &result, &cancel_flag, &error);
  g_assert_no_error (error);
}

static void
test_refusals (void)
{
  static const uint32_t pages[] = { 0, 1, N_PAGES };
  static const int32_t tokens[] = { 1, 2, 400 };
  static const uint32_t rows[] = { 0, 5 };
  const struct {
    EngineBatch batch;
    EngineBatchRun run;
  } bad[] = {
    { { tokens, 3, NULL, 1 }, { 0, 3, 0, { pages }, 1 } },                    /* no such token */
    { { tokens, 2, NULL, 1 }, { 0, 2, 63, { pages }, 1 } },                   /* past its pages */
    { { tokens, 2, NULL, 1 }, { 0, 2, 0, { pages }, 3 } },                    /* no such page */
    { { tokens, 2, NULL, 1 }, { 0, 1, 0, { pages }, 1 } },                    /* a row has no run */
    { { tokens, 2, NULL, 1 }, { 1, 2, 0, { pages }, 1 } },                    /* begins at 1 */
    { { tokens, 9, NULL, 1 }, { 0, 9, 0, { pages }, 1 } },                    /* too many */
    { { tokens, 0, NULL, 0 }, { 0, 0, 0, { pages }, 1 } },                    /* nothing */
    { { tokens, 2, NULL, 1, rows, 2, 1, FALSE }, { 0, 2, 0, { pages }, 1 } }, /* no such row */
    { { tokens, 2, NULL, 1, rows, 1, 0, FALSE }, { 0, 2, 0, { pages }, 1 } }, /* no candidates */
    { { tokens, 2, NULL, 1, rows, 1, 257, FALSE }, { 0, 2, 0, { pages }, 1 } },
  };
  g_auto (Fixture) f = { 0 };
  EngineBackendModel *model;
  g_autoptr (GError) error = NULL;
  gint cancel = 1;

  make_model (&f, NULL, MODEL_TYPE_Q4_0);
  open_device (&f, 1, CPU_TIER_PORTABLE, 8);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    EngineBatch batch = bad[i].batch;
    Outcome outcome;
    EngineResult result = { outcome.best, &outcome.lse, outcome.logits };

    batch.runs = &bad[i].run;
    g_assert_false (f.backend->vtable->run (f.executable, &batch, &result, NULL, NULL, &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
    g_clear_error (&error);
  }
  model = f.backend->vtable->load (f.backend, f.plan,
                                   &(EngineKvSize) { { 1u << 30 } }, NULL, NULL, NULL, &error);
  g_assert_null (model);
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  model = f.backend->vtable->load (f.backend, f.plan,
                                   &(EngineKvSize) { { 1 } }, NULL, NULL, &cancel, &error);
  g_assert_null (model);
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (cpu_backend_open (100000, CPU_TIER_PORTABLE, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE);
}

/* A file that shrinks while it is open gives an error, not a signal. */
static void
test_truncated (void)
{
  g_auto (Fixture) f = { 0 };
  g_autoptr (GError) error = NULL;

  make_model (&f, NULL, MODEL_TYPE_Q4_0);
  open_device (&f, 2, cpu_tier_best (), 8);
  g_assert_cmpint (truncate (f.path, (off_t) model_gguf_file_bytes (f.gguf) / 2), ==, 0);
  g_assert_null (f.backend->vtable->load (f.backend, f.plan,
                                          &(EngineKvSize) { { 1 } }, NULL, NULL, NULL, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
}

static void
test_description (void)
{
  g_autoptr (GError) error = NULL;
  EngineBackend *backend = cpu_backend_open (2, CPU_TIER_PORTABLE, &error);
  const EngineBackendCaps *caps = backend->vtable->caps (backend);

  g_assert_cmpstr (caps->name, ==, "cpu");
  g_assert_cmpstr (caps->description, ==, "portable C, 2 threads");
  g_assert_cmpuint (caps->memory_bytes, >=, caps->free_bytes);
  g_assert_cmpuint (caps->free_bytes, >, 1000000);
  g_assert_cmpuint (caps->preferred_chunk, >, 0);
  backend->vtable->close (backend);
  g_assert_cmpfloat (cpu_measure_read_bandwidth (1, 1 << 22), >, 1e8);
  for (CpuTier tier = 0; tier < CPU_N_TIERS; tier++)
    if (cpu_tier_runs (tier))
      g_assert_cmpfloat (cpu_measure_int8_rate (1, tier), >, 1e7);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (CpuTier tier = 0; tier < CPU_N_TIERS; tier++) {
    g_autofree char *path = g_strdup_printf ("/cpu/same-bits/%s", cpu_tier_name (tier));

    if (cpu_tier_runs (tier))
      g_test_add_data_func (path, GINT_TO_POINTER ((int) tier), test_same_bits);
  }
  g_test_add_func ("/cpu/branch", test_branch);
  g_test_add_func ("/cpu/cancel", test_cancel);
  g_test_add_func ("/cpu/refusals", test_refusals);
  g_test_add_func ("/cpu/truncated", test_truncated);
  g_test_add_func ("/cpu/description", test_description);
  return g_test_run ();
}
