/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model made up for measuring, of one number format: no file of it lies anywhere, and its weights
 * are noise. Thread: any. */
#pragma once

#include "engine/model/model.h"

typedef struct {
  uint32_t n_layers, d_model, d_ff, n_heads, n_heads_kv, d_head;
} PlannerShape;

typedef struct {
  ModelGguf *gguf;
  ModelDesc *desc;
} PlannerSample;

/* One layer of a model of llama's make as wide as desc, rounded up to blocks of the type; of so
 * many bytes at most, where the feed-forward can be narrower. */
PlannerShape planner_shape_like (const ModelDesc *desc, const ModelTypeInfo *type,
                                 uint64_t most_bytes);
/* Weights of one layer, all of whose matrices are of the type. */
uint64_t planner_shape_layer_weights (const PlannerShape *shape);
/* context_tokens: that it may be run with. FALSE with a sentence. */
gboolean planner_sample_init (PlannerSample *sample, const PlannerShape *shape, ModelType type,
                              uint32_t context_tokens, GError **error);
/* Safe on zeros. */
void planner_sample_finish (PlannerSample *sample);
