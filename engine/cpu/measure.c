/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What limits the kernels, measured: how fast memory is read, how fast bytes are multiplied. Must
 * not know models. */
#include "engine/cpu/internal.h"
#include "engine/pages.h"

#include <string.h>

#define MEASURE_US      250000
#define BANDWIDTH_SLICE (1u << 20) /* bytes between two looks at the clock */
#define MULTIPLY_ROUNDS 100000u    /* likewise */

/* One thread's part of a measurement. */
typedef struct {
  const uint64_t *words; /* NULL: bytes are multiplied */
  size_t n_words;
  const CpuKernels *kernels;
  double per_s; /* the result */
  uint64_t sink;
} Probe;

/* Adds with 16 independent sums, so that it is the memory that limits. */
static uint64_t
read_slice (const uint64_t *words, size_t n)
{
  uint64_t sums[16] = { 0 }, sum = 0;

  for (size_t i = 0; i + 16 <= n; i += 16)
    for (unsigned j = 0; j < 16; j++)
      sums[j] += words[i + j];
  for (unsigned j = 0; j < 16; j++)
    sum += sums[j];
  return sum;
}

static gpointer
probe_for_a_while (gpointer data)
{
  Probe *probe = data;
  size_t slice = MIN (BANDWIDTH_SLICE / sizeof *probe->words, probe->n_words), at = 0;
  gint64 start_us = g_get_monotonic_time (), us;
  uint64_t done = 0;

  do {
    if (probe->words != NULL) {
      if (at + slice > probe->n_words)
        at = 0;
      probe->sink += read_slice (probe->words + at, slice);
      at += slice;
      done += slice * sizeof *probe->words;
    } else {
      int32_t sum;

      done += probe->kernels->multiply_bytes (MULTIPLY_ROUNDS, &sum);
      probe->sink += (uint64_t) sum;
    }
    us = g_get_monotonic_time () - start_us;
  } while (us < MEASURE_US);
  probe->per_s = (double) done / ((double) us * 1e-6);
  return NULL;
}

/* The sum over all of probes[n], each on a thread of its own. */
static double
probe_together (Probe *probes, unsigned n)
{
  g_autofree GThread **threads = g_new0 (GThread *, n);
  double sum = 0;

  for (unsigned i = 0; i < n; i++)
    threads[i] = g_thread_try_new ("probe", probe_for_a_while, &probes[i], NULL);
  for (unsigned i = 0; i < n; i++) {
    if (threads[i] != NULL)
      g_thread_join (threads[i]);
    sum += probes[i].per_s;
  }
  return sum;
}

double
cpu_measure_read_bandwidth (unsigned n_threads, size_t buffer_bytes)
{
  g_autofree Probe *probes = NULL;
  uint64_t *words;
  double sum;

  if (n_threads == 0)
    n_threads = cpu_count_cores ();
  buffer_bytes = MAX (buffer_bytes, (size_t) n_threads * 4096);
  words = engine_pages_map (buffer_bytes);
  if (words == NULL)
    return 0;
  memset (words, 1, buffer_bytes);
  probes = g_new0 (Probe, n_threads);
  for (unsigned i = 0; i < n_threads; i++) {
    probes[i].n_words = buffer_bytes / sizeof *words / n_threads;
    probes[i].words = words + i * probes[i].n_words;
  }
  sum = probe_together (probes, n_threads);
  engine_pages_unmap (words, buffer_bytes);
  return sum;
}

double
cpu_measure_int8_rate (unsigned n_threads, CpuTier tier)
{
  g_autofree Probe *probes = NULL;

  if (n_threads == 0)
    n_threads = cpu_count_cores ();
  probes = g_new0 (Probe, n_threads);
  for (unsigned i = 0; i < n_threads; i++)
    probes[i].kernels = cpu_kernels (tier);
  return probe_together (probes, n_threads);
}
