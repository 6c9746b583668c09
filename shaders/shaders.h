/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiled kernels: ids from kernels.def, words from build.py. */
#pragma once

#include "shaders/shared.h"

#include <stddef.h>

/* How weights lie in their planes. */
typedef enum {
#define SHADER_FORM(id, ...) SHADER_FORM_##id,
#include "shaders/kernels.def"
#undef SHADER_FORM
  SHADER_N_FORMS,
} ShaderForm;

/* Kernels that read weights, one module a form. */
typedef enum {
#define SHADER_FAMILY(id, ...) SHADER_FAMILY_##id,
#include "shaders/kernels.def"
#undef SHADER_FAMILY
  SHADER_N_FAMILIES,
} ShaderFamily;

/* Kernels of one module; behind them those of the families, form by form. */
typedef enum {
#define SHADER_KERNEL(id, ...) SHADER_##id,
#include "shaders/kernels.def"
#undef SHADER_KERNEL
  SHADER_FIRST_OF_FORMS,
} ShaderKernelId;

#define SHADER_FORM_KERNEL(form, family) \
  ((ShaderKernelId) (SHADER_FIRST_OF_FORMS + (form) * SHADER_N_FAMILIES + (family)))
#define SHADER_N_KERNELS SHADER_FORM_KERNEL (SHADER_N_FORMS, 0)

typedef struct {
  const char *name;
  const uint32_t *words; /* SPIR-V; NULL: the form has no such family */
  size_t bytes;
} ShaderKernel;

extern const ShaderKernel shader_kernels[SHADER_N_KERNELS];
