/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the op suite share: how far a result may be from the reference, and the tests
 * that each adds. */
#pragma once

#include "tests/engine/ops/case.h"

/* NMSE against the reference. Activations may be int8 in blocks of 32 when the weights are
 * quantised; everything else is f32 arithmetic, and what the KV cache rounds keys and values to. */
#define LIMIT_EXACT     0.0
#define LIMIT_FLOAT     1e-9
#define LIMIT_QUANTISED 2e-4
#define LIMIT_HALVES    1e-7 /* weights and activations in f16 */
#define LIMIT_ATTENTION 1e-6

/* Whether the back end can run plans with these needs; skips the test when not. */
static inline gboolean
suite_can (GraphNeeds needs)
{
  if ((case_backend->vtable->caps (case_backend)->can & needs) == needs)
    return TRUE;
  g_test_skip ("this back end does not do that yet");
  return FALSE;
}

/* Products by tiles. */
void add_tile_tests (double (*limit_of) (ModelType));
void add_attention_tests (void);
/* Attention of many tokens by matrices. */
void add_attention_tile_tests (void);
void add_state_tests (void);
/* limit_of: the NMSE of a product with weights of a type on the back end under test. */
void add_scale_tests (double (*limit_of) (ModelType));
