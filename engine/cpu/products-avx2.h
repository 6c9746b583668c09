/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What products-avx2.c and products-avx-vnni.c offer to the tables of their tiers. */
#pragma once

#include "engine/cpu/internal.h"

extern const CpuMatmulFunc cpu_products_avx2[CPU_N_FORMATS];

extern const CpuMatmulFunc cpu_products_avx_vnni[CPU_N_FORMATS];
uint64_t cpu_multiply_bytes_avx_vnni (uint32_t rounds, int32_t *sum);
