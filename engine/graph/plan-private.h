/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that build a plan share. Private to engine/graph. */
#pragma once

#include "engine/graph/plan.h"

/* Appends an op; the widths come from the buffers, which must have theirs already. */
GraphOp *plan_add (GraphPlan *plan, GraphOpKind kind, GraphBuffer src, GraphBuffer dst);
/* bias: of the weight, or NULL. */
void plan_weigh (GraphOp *op, const ModelTensor *weight, const ModelTensor *bias);
/* bias: of a LAYER_NORM, or NULL. */
void plan_add_norm (GraphPlan *plan, GraphBuffer src, GraphBuffer dst, const ModelTensor *vector,
                    const ModelTensor *bias);
/* What a block reads: the residual stream, or its norm when there is a vector. */
GraphBuffer plan_add_pre_norm (GraphPlan *plan, const ModelTensor *vector,
                               const ModelTensor *bias);

/* The last product of a block, from src into the residual stream: as it is, or normed first
 * (sandwich) and the sum multiplied by a number, or the sum normed afterwards. */
typedef struct {
  const ModelTensor *weight, *bias;
  const ModelTensor *norm;                /* of the result */
  const ModelTensor *sum_norm, *sum_bias; /* of the sum */
  const ModelTensor *factor;              /* of the sum, with norm */
} PlanEnding;

/* op: the product, so far without weights and ending; a weight of NULL: it has them already. */
void plan_add_ending (GraphPlan *plan, GraphOp *op, const PlanEnding *ending);
/* Where a block's last product goes. */
GraphBuffer plan_ending_buffer (const PlanEnding *ending);

/* The blocks of a layer. tensors: by role, the layer's. */
void plan_add_mixer_block (GraphPlan *plan, const ModelTensor *const *tensors,
                           const ModelLayer *layer);
void plan_add_feed_forward_block (GraphPlan *plan, const ModelTensor *const *tensors,
                                  const ModelLayer *layer);
/* What a layer has of its own for a token, gated by what it made of it. layer: its number. */
void plan_add_layer_input_block (GraphPlan *plan, const ModelTensor *const *tensors,
                                 uint32_t layer);
/* Of the buffers that mixers alone use. */
void plan_set_mixer_widths (GraphPlan *plan);
