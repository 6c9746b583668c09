/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instruction sets that this machine lacks, where it has what can stand in for them. AVX-VNNI where
 * there is only AVX-512: the same source, its instructions of 256 bits in the other encoding. AMX
 * where there is only AVX-512: the kernels themselves, their instructions emulated. */
#pragma once

#include "engine/cpu/internal.h"

/* The kernels of a tier, or those that stand in for them; NULL: this machine runs neither. */
const CpuKernels *stand_in_kernels (CpuTier tier);
/* A back end that runs them, or NULL. */
EngineBackend *stand_in_backend_open (unsigned n_threads, CpuTier tier);
