/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What products-avx2.c offers to the tier's table. */
#pragma once

#include "engine/cpu/internal.h"

void cpu_matmul_f32_avx2 (const CpuMatmulWork *work);
void cpu_matmul_f16_avx2 (const CpuMatmulWork *work);
void cpu_matmul_bf16_avx2 (const CpuMatmulWork *work);
void cpu_matmul_q4_0_avx2 (const CpuMatmulWork *work);
void cpu_matmul_q4_1_avx2 (const CpuMatmulWork *work);
void cpu_matmul_q8_0_avx2 (const CpuMatmulWork *work);
void cpu_matmul_q4_k_avx2 (const CpuMatmulWork *work);
void cpu_matmul_q6_k_avx2 (const CpuMatmulWork *work);
