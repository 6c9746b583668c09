/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which kernels stand in for which. The products of AVX-VNNI in the encoding of AVX-512 are under
 * the names that meson.build gives them; everything else of the tier is AVX2 in any case. */
#include "tests/engine/cpu/stand-ins.h"

#include "tests/engine/cpu/emulate-amx.h"

#ifdef HAVE_EVEX
extern const CpuMatmulFunc evex_products[CPU_N_FORMATS];
uint64_t evex_multiply_bytes (uint32_t rounds, int32_t *sum);

static const CpuKernels *
in_evex (void)
{
  static CpuKernels kernels;

  kernels = cpu_kernels_avx_vnni;
  kernels.matmul = evex_products;
  kernels.multiply_bytes = evex_multiply_bytes;
  return &kernels;
}
#endif

const CpuKernels *
stand_in_kernels (CpuTier tier)
{
  if (cpu_tier_runs (tier))
    return cpu_kernels (tier);
  if (!cpu_tier_runs (CPU_TIER_AVX512))
    return NULL;
#ifdef HAVE_EVEX
  if (tier == CPU_TIER_AVX_VNNI)
    return in_evex ();
#endif
#ifdef HAVE_EMULATED_AMX
  if (tier == CPU_TIER_AMX) {
    emulate_amx ();
    return cpu_kernels (tier);
  }
#endif
  return NULL;
}

EngineBackend *
stand_in_backend_open (unsigned n_threads, CpuTier tier)
{
  const CpuKernels *kernels = stand_in_kernels (tier);
  const CpuTier same_lanes = tier == CPU_TIER_AMX ? CPU_TIER_AVX512 : CPU_TIER_AVX2;
  g_autoptr (GError) error = NULL;
  EngineBackend *backend;

  if (kernels == NULL)
    return NULL;
  backend = cpu_backend_open (n_threads, cpu_tier_runs (tier) ? tier : same_lanes, &error);
  g_assert_no_error (error);
  ((CpuBackend *) backend)->kernels = kernels;
  return backend;
}
