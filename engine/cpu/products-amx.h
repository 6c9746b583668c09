/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What products-amx.c offers to the tier's table. */
#pragma once

#include "engine/cpu/internal.h"

extern const CpuMatmulFunc cpu_products_amx[CPU_N_FORMATS];
uint64_t cpu_multiply_bytes_amx (uint32_t rounds, int32_t *sum);
