/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times the CPU back end alone, below sessions: prefill in chunks and decode of a real model,
 * medians of alternating rounds. "cpu-run MODEL [TIER [THREADS [PROMPT [CHUNK [DECODE
 * [ROUNDS]]]]]]". Its checksum of candidates shows at a glance whether a change changed results. */
#include "engine/cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  EngineBackend *backend;
  EngineBackendExecutable *prefill, *decode;
  uint32_t n_vocab, chunk;
  uint32_t *pages;
  uint32_t n_pages;
  int32_t *tokens;
  uint64_t checksum;
} Bench;

static void
die (GError *error)
{
  fprintf (stderr, "cpu-run: %s\n", error->message);
  exit (1);
}

static int32_t
run (Bench *b, EngineBackendExecutable *executable, uint32_t position, uint32_t n, gboolean output)
{
  EngineBatchRun timeline = { 0, n, position, b->pages, b->n_pages };
  uint32_t row = n - 1;
  EngineCandidate best[40] = { 0 };
  float lse = 0;
  EngineBatch batch = { b->tokens + position, n, &timeline, 1, &row, output ? 1 : 0, 40, FALSE };
  EngineResult result = { best, &lse, NULL };
  GError *error = NULL;

  if (!b->backend->vtable->run (executable, &batch, &result, NULL, NULL, &error))
    die (error);
  b->checksum = b->checksum * 31 + (uint64_t) best[0].id + (uint64_t) (best[0].logit * 1e6f);
  return best[0].id;
}

static double
seconds_since (gint64 start_us)
{
  return (double) (g_get_monotonic_time () - start_us) * 1e-6;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static void
round_of (Bench *b, uint32_t prompt, uint32_t n_decode, double *prefill_s, double *decode_s)
{
  gint64 start_us = g_get_monotonic_time ();

  for (uint32_t at = 0; at < prompt; at += b->chunk) {
    uint32_t n = MIN (b->chunk, prompt - at);

    b->tokens[prompt] = run (b, b->prefill, at, n, at + n == prompt);
  }
  *prefill_s = seconds_since (start_us);
  start_us = g_get_monotonic_time ();
  for (uint32_t i = 0; i < n_decode; i++)
    b->tokens[prompt + i + 1] = run (b, b->decode, prompt + i, 1, TRUE);
  *decode_s = seconds_since (start_us);
}

static void
measure (Bench *b, uint32_t prompt, uint32_t n_decode, uint32_t n_rounds)
{
  g_autofree double *prefill = g_new (double, n_rounds), *decode = g_new (double, n_rounds);

  for (uint32_t i = 0; i < n_rounds; i++) {
    b->checksum = 0;
    round_of (b, prompt, n_decode, &prefill[i], &decode[i]);
  }
  qsort (prefill, n_rounds, sizeof *prefill, compare);
  qsort (decode, n_rounds, sizeof *decode, compare);
  printf ("prefill %u: median %.1f tok/s, best %.1f; decode %u: median %.1f tok/s, best %.1f; "
          "checksum %016" G_GINT64_MODIFIER "x\n",
          prompt, prompt / prefill[n_rounds / 2], prompt / prefill[0], n_decode,
          n_decode / decode[n_rounds / 2], n_decode / decode[0], b->checksum);
}

/* A prompt of all sorts of tokens, on pages in falling order. */
static void
set_tokens (Bench *b, uint32_t n_vocab, uint32_t prompt, uint32_t n_decode)
{
  b->n_vocab = n_vocab;
  b->n_pages = (prompt + n_decode + ENGINE_PAGE_TOKENS) / ENGINE_PAGE_TOKENS;
  b->pages = g_new (uint32_t, b->n_pages);
  b->tokens = g_new0 (int32_t, prompt + n_decode + 1);
  for (uint32_t i = 0; i < b->n_pages; i++)
    b->pages[i] = b->n_pages - 1 - i;
  for (uint32_t i = 0; i < prompt; i++)
    b->tokens[i] = (int32_t) ((i * 2654435761u + 12345u) % (n_vocab - 100)) + 50;
}

int
main (int argc, char **argv)
{
  static const char *const tiers[CPU_N_TIERS] = { "portable", "avx2", "avx512" };
  unsigned long numbers[5] = { 0, 512, 512, 64, 5 };
  CpuTier tier = cpu_tier_best ();
  GError *error = NULL;
  Bench b = { 0 };

  for (int t = 0; argc > 2 && t < CPU_N_TIERS; t++)
    if (strcmp (argv[2], tiers[t]) == 0)
      tier = (CpuTier) t;
  for (int i = 3; i < argc && i < 8; i++)
    numbers[i - 3] = strtoul (argv[i], NULL, 10);

  g_autoptr (ModelGguf) gguf = model_gguf_open (argc > 1 ? argv[1] : "", &error);
  if (gguf == NULL)
    die (error);
  g_autoptr (ModelDesc) desc = model_desc_new (gguf, &error);
  if (desc == NULL)
    die (error);
  uint32_t layers = desc->h.n_layers, prompt = (uint32_t) numbers[1];
  g_autoptr (GraphPlan) prefill =
      graph_plan_build (desc, 0, layers, 1, 1, (uint32_t) numbers[2], 1);
  g_autoptr (GraphPlan) decode = graph_plan_build (desc, 0, layers, 1, 1, 1, 1);

  b.chunk = (uint32_t) numbers[2];
  b.backend = cpu_backend_open ((unsigned) numbers[0], tier, &error);
  if (b.backend == NULL)
    die (error);
  set_tokens (&b, desc->h.n_vocab, prompt, (uint32_t) numbers[3]);

  const EngineBackendVtable *vtable = b.backend->vtable;
  gint64 start_us = g_get_monotonic_time ();
  EngineBackendModel *model =
      vtable->load (b.backend, prefill, b.n_pages, NULL, NULL, NULL, &error);
  if (model == NULL)
    die (error);
  printf ("%s; load %.3f s\n", vtable->caps (b.backend)->description, seconds_since (start_us));
  b.prefill = vtable->compile (model, prefill, &error);
  b.decode = b.prefill == NULL ? NULL : vtable->compile (model, decode, &error);
  if (b.decode == NULL)
    die (error);
  uint64_t weights, kv, scratch;

  vtable->memory (model, &weights, &kv, &scratch);
  printf ("weights %.1f MB, KV %.1f MB, scratch %.1f MB; RAM is read at %.1f GB/s\n",
          (double) weights / 1e6, (double) kv / 1e6, (double) scratch / 1e6,
          cpu_measure_read_bandwidth ((unsigned) MAX (numbers[0], 1), weights) / 1e9);
  measure (&b, prompt, (uint32_t) numbers[3], (uint32_t) numbers[4]);
  vtable->discard (b.decode);
  vtable->discard (b.prefill);
  vtable->unload (model);
  vtable->close (b.backend);
  g_free (b.tokens);
  g_free (b.pages);
  return 0;
}
