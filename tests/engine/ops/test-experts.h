/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cases of mixtures of experts, a part of the op suite (see test-ops.c). */
#pragma once

#include "engine/model/quant.h"

#include <glib.h>

/* limit_of: the NMSE of a product with weights of a type on the back end under test. is_thorough:
 * whether a type is tried on all shapes. */
void test_experts_add (const ModelType *types, size_t n_types, double (*limit_of) (ModelType),
                       gboolean (*is_thorough) (ModelType));
/* One block of a mixture of a type, 2 of 8 experts a token. */
void test_experts_block (ModelType type, double (*limit_of) (ModelType), uint32_t n_tokens);
