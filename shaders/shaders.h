/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiled kernels: ids from kernels.def, words from build.py. */
#pragma once

#include "shaders/shared.h"

#include <stddef.h>

typedef enum {
#define SHADER_KERNEL(id, file, defines, push) SHADER_##id,
#include "shaders/kernels.def"
#undef SHADER_KERNEL
  SHADER_N_KERNELS,
} ShaderKernelId;

typedef struct {
  const char *name;
  const uint32_t *words; /* SPIR-V */
  size_t bytes;
} ShaderKernel;

extern const ShaderKernel shader_kernels[SHADER_N_KERNELS];
