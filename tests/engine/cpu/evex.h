/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AVX-VNNI where there is only AVX-512: the same source, its instructions of 256 bits in the other
 * encoding. */
#pragma once

#include "engine/cpu/internal.h"

/* The kernels of a tier, or those that stand in for them; NULL: this machine runs neither. */
const CpuKernels *evex_kernels (CpuTier tier);
/* A back end that runs them, or NULL. */
EngineBackend *evex_backend_open (unsigned n_threads, CpuTier tier);
