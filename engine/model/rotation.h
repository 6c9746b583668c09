/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rotary position embeddings as tables of frequencies. Private to engine/model. */
#pragma once

#include "engine/model/model-private.h"

/* What a file says of stretching. */
typedef struct {
  float factor;             /* positions are divided by it; 1: not */
  float magnitude;          /* of the rotated vectors */
  uint32_t original_tokens; /* the context before stretching */
  gboolean yarn;
  float beta_fast, beta_slow; /* turns within the original context */
} RotationScaling;

gboolean
rotation_read_scaling (const ModelDesc *desc, RotationScaling *scaling, GError **error);

/* factors: [d_rope / 2] that frequencies are divided by, or NULL. The table is the caller's. */
ModelRotation rotation_new (uint32_t d_rope, double base, const RotationScaling *scaling,
                            const float *factors);
