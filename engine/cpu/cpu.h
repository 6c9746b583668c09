/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The CPU back end's one door (see engine/backend.h). */
#pragma once

#include "engine/backend.h"

typedef enum {       /* instruction sets, the faster the later */
  CPU_TIER_PORTABLE, /* plain C, the reference */
  CPU_TIER_AVX2,     /* AVX2, FMA, F16C */
  CPU_TIER_AVX_VNNI, /* AVX2 and dot products of bytes, without AVX-512 */
  CPU_TIER_AVX512,   /* AVX-512 F, BW, VL, DQ and VNNI */
  CPU_TIER_AMX,      /* and tiles of bytes, which Linux lets a process use that asks */
  CPU_N_TIERS,
} CpuTier;

/* Whether this processor and its operating system run a tier; the best that they run. */
gboolean cpu_tier_runs (CpuTier tier);
CpuTier cpu_tier_best (void);
const char *cpu_tier_name (CpuTier tier);
/* Whether this processor adds bytes on ports that do not multiply (AMD's four, two of which do) or
 * on the same (Intel's two, of vectors of 512 bits). */
gboolean cpu_adds_beside (void);
/* Whether its prefetcher stops at every 4 KiB of memory (Intel's: by a Xeon of Cascade Lake) or
 * goes on (AMD's: by an EPYC of Zen 4, which only loses time where it is helped). */
gboolean cpu_stops_at_pages (void);
/* As the system calls it; free with g_free. */
char *cpu_processor_name (void);

/* n_threads 0: as many as help (physical cores that this process may use; for one token fewer, if
 * they read memory as fast: knee.h). tier must be one that
 * runs. Results are the same bits for any n_threads and any split of a prompt into
 * batches. */
EngineBackend *cpu_backend_open (unsigned n_threads, CpuTier tier, GError **error);

/* Bytes of RAM in all, and those that this process could still take: MemAvailable, less where a
 * cgroup says so. */
void cpu_memory_available (uint64_t *total_bytes, uint64_t *free_bytes);

/* Bytes per second that n_threads (0: as above) read from a buffer of that many bytes: the roof
 * for decode. Takes about 0.3 s. */
double cpu_measure_read_bandwidth (unsigned n_threads, size_t buffer_bytes);
/* Multiply-adds of bytes per second that n_threads reach with the instructions of a tier: twice the
 * roof for prefill, whose activations are two bytes each. Takes about 0.3 s. */
double cpu_measure_int8_rate (unsigned n_threads, CpuTier tier);
/* Physical cores that this process may run on. */
unsigned cpu_count_cores (void);
