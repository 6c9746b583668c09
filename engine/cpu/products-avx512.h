/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What products-avx512.c offers to the tier's table. */
#pragma once

#include "engine/cpu/internal.h"

extern const CpuMatmulFunc cpu_products_avx512[CPU_N_FORMATS];
