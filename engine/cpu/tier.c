/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which instruction sets this processor and its operating system run. The system must save the wide
 * registers on a context switch (XCR0), or their instructions fault. Must not know any kernel. */
#include "engine/cpu/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <asm/prctl.h>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define XCR0_AVX    0x06u    /* xmm and ymm state */
#define XCR0_AVX512 0xe6u    /* and masks, upper halves of zmm0-15, zmm16-31 */
#define XCR0_AMX    0x60000u /* how tiles are cut, and what is in them */

/* In leaf 7: tiles, and products of bytes in them. Compilers do not agree on names. */
#define BITS_7D_AMX (1u << 24 | 1u << 25)

static uint64_t
read_xcr0 (void)
{
  uint32_t low, high;

  __asm__ volatile ("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t) high << 32 | low;
}

/* AVX2 and what comes with it: the leaf 7 that says what else there is. */
static gboolean
runs_avx2 (uint32_t *leaf_b, uint32_t *leaf_c, uint32_t *leaf_d)
{
  const uint32_t need_1c = bit_FMA | bit_F16C | bit_AVX | bit_OSXSAVE;
  uint32_t a;

  return __get_cpuid (1, &a, leaf_b, leaf_c, leaf_d) && (*leaf_c & need_1c) == need_1c &&
         (read_xcr0 () & XCR0_AVX) == XCR0_AVX &&
         __get_cpuid_count (7, 0, &a, leaf_b, leaf_c, leaf_d) && (*leaf_b & bit_AVX2) != 0;
}

static gboolean
runs_avx512 (uint32_t leaf_b, uint32_t leaf_c)
{
  const uint32_t need_7b = bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ;

  return (read_xcr0 () & XCR0_AVX512) == XCR0_AVX512 && (leaf_b & need_7b) == need_7b &&
         (leaf_c & bit_AVX512VNNI) != 0;
}

/* Tiles are 8 KB for a thread to save, so Linux lets a process use them that has asked; all its
 * threads then, those that run already too. It refuses where one has a signal stack too small for
 * that, as may a sandbox: then there are none. */
static gboolean
may_use_tiles (void)
{
  return syscall (SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, ARCH_XCOMP_TILEDATA) == 0;
}

gboolean
cpu_tier_runs (CpuTier tier)
{
  uint32_t a, b, c, d;

  if (tier == CPU_TIER_PORTABLE)
    return TRUE;
  if (!runs_avx2 (&b, &c, &d))
    return FALSE;
  switch (tier) {
  case CPU_TIER_AVX2:
    return TRUE;
  case CPU_TIER_AVX_VNNI:
    return __get_cpuid_count (7, 1, &a, &b, &c, &d) && (a & bit_AVXVNNI) != 0;
  case CPU_TIER_AVX512:
    return runs_avx512 (b, c);
  case CPU_TIER_AMX:
    return runs_avx512 (b, c) && (d & BITS_7D_AMX) == BITS_7D_AMX &&
           (read_xcr0 () & XCR0_AMX) == XCR0_AMX && may_use_tiles ();
  default:
    return FALSE;
  }
}

gboolean
cpu_adds_beside (void)
{
  __builtin_cpu_init ();
  return __builtin_cpu_is ("amd");
}

gboolean
cpu_stops_at_pages (void)
{
  __builtin_cpu_init ();
  return __builtin_cpu_is ("intel");
}

#else

gboolean
cpu_tier_runs (CpuTier tier)
{
  return tier == CPU_TIER_PORTABLE;
}

gboolean
cpu_adds_beside (void)
{
  return FALSE;
}

gboolean
cpu_stops_at_pages (void)
{
  return FALSE;
}

#endif

CpuTier
cpu_tier_best (void)
{
  CpuTier best = CPU_N_TIERS - 1;

  while (!cpu_tier_runs (best))
    best--;
  return best;
}

const char *
cpu_tier_name (CpuTier tier)
{
  static const char *const names[CPU_N_TIERS] = {
    [CPU_TIER_PORTABLE] = "portable C",
    [CPU_TIER_AVX2] = "AVX2",
    [CPU_TIER_AVX_VNNI] = "AVX-VNNI",
    [CPU_TIER_AVX512] = "AVX-512 VNNI",
    [CPU_TIER_AMX] = "AMX",
  };

  return names[tier];
}

char *
cpu_processor_name (void)
{
  g_autofree char *text = NULL;
  const char *line;

  if (g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL) &&
      (line = strstr (text, "model name")) != NULL && (line = strchr (line, ':')) != NULL)
    return g_strstrip (g_strndup (line + 1, strcspn (line + 1, "\n")));
  return g_strdup ("Processor");
}
