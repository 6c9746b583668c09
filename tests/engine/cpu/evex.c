/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The products of AVX-VNNI in the encoding of AVX-512, under the names that meson.build gives them;
 * everything else of the tier is AVX2 in any case. */
#include "tests/engine/cpu/evex.h"

#ifdef HAVE_EVEX
extern const CpuMatmulFunc evex_products[CPU_N_FORMATS];
uint64_t evex_multiply_bytes (uint32_t rounds, int32_t *sum);

static const CpuKernels *
stand_in (void)
{
  static CpuKernels kernels;

  kernels = cpu_kernels_avx_vnni;
  kernels.matmul = evex_products;
  kernels.multiply_bytes = evex_multiply_bytes;
  return &kernels;
}
#endif

const CpuKernels *
evex_kernels (CpuTier tier)
{
  if (cpu_tier_runs (tier))
    return cpu_kernels (tier);
#ifdef HAVE_EVEX
  if (tier == CPU_TIER_AVX_VNNI && cpu_tier_runs (CPU_TIER_AVX512))
    return stand_in ();
#endif
  return NULL;
}

EngineBackend *
evex_backend_open (unsigned n_threads, CpuTier tier)
{
  const CpuKernels *kernels = evex_kernels (tier);
  g_autoptr (GError) error = NULL;
  EngineBackend *backend;

  if (kernels == NULL)
    return NULL;
  backend = cpu_backend_open (n_threads, cpu_tier_runs (tier) ? tier : CPU_TIER_AVX2, &error);
  g_assert_no_error (error);
  ((CpuBackend *) backend)->kernels = kernels;
  return backend;
}
