/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which instruction sets this processor and its operating system run. The system must save the wide
 * registers on a context switch (XCR0), or their instructions fault. Must not know any kernel. */
#include "engine/cpu/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>

#define XCR0_AVX    0x06u /* xmm and ymm state */
#define XCR0_AVX512 0xe6u /* and masks, upper halves of zmm0-15, zmm16-31 */

static uint64_t
read_xcr0 (void)
{
  uint32_t low, high;

  __asm__ volatile ("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t) high << 32 | low;
}

CpuTier
cpu_tier_best (void)
{
  const uint32_t need_1c = bit_FMA | bit_F16C | bit_AVX | bit_OSXSAVE;
  const uint32_t need_7b = bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ;
  uint32_t a, b, c, d;
  uint64_t xcr0;

  if (!__get_cpuid (1, &a, &b, &c, &d) || (c & need_1c) != need_1c)
    return CPU_TIER_PORTABLE;
  xcr0 = read_xcr0 ();
  if ((xcr0 & XCR0_AVX) != XCR0_AVX || !__get_cpuid_count (7, 0, &a, &b, &c, &d) ||
      (b & bit_AVX2) == 0)
    return CPU_TIER_PORTABLE;
  if ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || (b & need_7b) != need_7b ||
      (c & bit_AVX512VNNI) == 0)
    return CPU_TIER_AVX2;
  return CPU_TIER_AVX512;
}

#else

CpuTier
cpu_tier_best (void)
{
  return CPU_TIER_PORTABLE;
}

#endif

const char *
cpu_tier_name (CpuTier tier)
{
  static const char *const names[CPU_N_TIERS] = {
    [CPU_TIER_PORTABLE] = "portable C",
    [CPU_TIER_AVX2] = "AVX2",
    [CPU_TIER_AVX512] = "AVX-512 VNNI",
  };

  return names[tier];
}
