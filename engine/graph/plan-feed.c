/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The half of a layer that works on each token by itself: feed-forward, mixtures of experts, inputs
 * of a layer's own. Knows shapes and roles; must not know what mixes tokens, or any device. */
#include "engine/graph/plan-private.h"

#include <math.h>

/* What a layer's output is multiplied by, where the feed-forward block is the last of it. */
static const ModelTensor *
end_factor (const ModelTensor *const *tensors)
{
  return tensors[MODEL_ROLE_LAYER_GATE] == NULL ? tensors[MODEL_ROLE_LAYER_SCALE] : NULL;
}

/* What the feed-forward block makes of src, in HIDDEN. */
static void
add_hidden (GraphPlan *plan, const ModelTensor *const *tensors, GraphBuffer src, uint32_t d_ff)
{
  GraphOp *op;

  if (model_desc_has (plan->desc, MODEL_GATED)) {
    op = plan_add (plan, GRAPH_OP_GATED, src, GRAPH_BUFFER_HIDDEN);
    plan_weigh (op, tensors[MODEL_ROLE_FFN_GATE], tensors[MODEL_ROLE_FFN_GATE_BIAS]);
    plan_weigh (op, tensors[MODEL_ROLE_FFN_UP], tensors[MODEL_ROLE_FFN_UP_BIAS]);
  } else if (model_desc_has (plan->desc, MODEL_FUSED_GATE)) {
    op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_WIDE);
    op->dst_width = 2 * d_ff;
    plan_weigh (op, tensors[MODEL_ROLE_FFN_UP], tensors[MODEL_ROLE_FFN_UP_BIAS]);
    op = plan_add (plan, GRAPH_OP_GATE, GRAPH_BUFFER_WIDE, GRAPH_BUFFER_HIDDEN);
    op->src_width = 2 * d_ff;
  } else {
    op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_HIDDEN);
    plan_weigh (op, tensors[MODEL_ROLE_FFN_UP], tensors[MODEL_ROLE_FFN_UP_BIAS]);
    op->activate = TRUE;
  }
  op->dst_width = d_ff;
}

/* The expert that all tokens go to. */
static void
add_shared_expert (GraphPlan *plan, const ModelTensor *const *tensors, GraphBuffer src)
{
  const PlanEnding ending = { .weight = tensors[MODEL_ROLE_FFN_DOWN_SHARED] };
  uint32_t width = plan->desc->h.d_ff_shared;
  GraphOp *op = plan_add (plan, GRAPH_OP_GATED, src, GRAPH_BUFFER_HIDDEN);

  op->dst_width = width;
  plan_weigh (op, tensors[MODEL_ROLE_FFN_GATE_SHARED], NULL);
  plan_weigh (op, tensors[MODEL_ROLE_FFN_UP_SHARED], NULL);
  if (tensors[MODEL_ROLE_FFN_SHARED_GATE] != NULL) {
    op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_GATES);
    op->dst_width = 1;
    plan_weigh (op, tensors[MODEL_ROLE_FFN_SHARED_GATE], NULL);
    op = plan_add (plan, GRAPH_OP_SIGMOID_GATE, GRAPH_BUFFER_GATES, GRAPH_BUFFER_HIDDEN);
    op->src_width = 1;
    op->dst_width = width;
  }
  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_X);
  op->src_width = width;
  plan_add_ending (plan, op, &ending);
}

/* The choice of experts by what src says of a token. */
static GraphOp *
add_router (GraphPlan *plan, const ModelTensor *const *tensors, GraphBuffer src)
{
  GraphOp *op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_ROUTER), *route;

  plan_weigh (op, tensors[MODEL_ROLE_FFN_ROUTER], tensors[MODEL_ROLE_FFN_ROUTER_BIAS]);
  route = plan_add (plan, GRAPH_OP_ROUTE, GRAPH_BUFFER_ROUTER, GRAPH_BUFFER_ROUTE);
  route->vector = tensors[MODEL_ROLE_FFN_DOWN_EXPS_SCALE];
  return op;
}

/* What the chosen experts make of src; returns their last product, which lacks its weights. */
static GraphOp *
add_experts (GraphPlan *plan, const ModelTensor *const *tensors, GraphBuffer src, GraphBuffer dst)
{
  GraphOp *op = plan_add (plan, GRAPH_OP_EXPERTS_GATED, src, GRAPH_BUFFER_EXPERTS);

  op->route = GRAPH_BUFFER_ROUTE;
  plan_weigh (op, tensors[MODEL_ROLE_FFN_GATE_EXPS], tensors[MODEL_ROLE_FFN_GATE_EXPS_BIAS]);
  plan_weigh (op, tensors[MODEL_ROLE_FFN_UP_EXPS], tensors[MODEL_ROLE_FFN_UP_EXPS_BIAS]);
  op = plan_add (plan, GRAPH_OP_EXPERTS_DOWN, GRAPH_BUFFER_EXPERTS, dst);
  op->route = GRAPH_BUFFER_ROUTE;
  return op;
}

/* Experts beside a dense block: each reads the residual stream through a norm of its own, the
 * router through a third, and the normed sum of their normed results is what is added. Source: the
 * public description of Gemma 4. */
static void
add_two_branches (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  GraphOp *op;

  plan_add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, tensors[MODEL_ROLE_FFN_NORM], NULL);
  add_hidden (plan, tensors, GRAPH_BUFFER_NORMED, layer->d_ff);
  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_DELTA);
  op->src_width = layer->d_ff;
  plan_weigh (op, tensors[MODEL_ROLE_FFN_DOWN], NULL);
  plan_add_norm (plan, GRAPH_BUFFER_DELTA, GRAPH_BUFFER_BRANCHES,
                 tensors[MODEL_ROLE_FFN_BRANCH_NORM], NULL);

  plan_add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, tensors[MODEL_ROLE_FFN_ROUTER_SCALE],
                 NULL);
  add_router (plan, tensors, GRAPH_BUFFER_NORMED)->scale =
      1 / sqrtf ((float) plan->desc->h.d_model);
  plan_add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, tensors[MODEL_ROLE_FFN_EXPS_NORM],
                 NULL);
  op = add_experts (plan, tensors, GRAPH_BUFFER_NORMED, GRAPH_BUFFER_DELTA);
  plan_weigh (op, tensors[MODEL_ROLE_FFN_DOWN_EXPS], NULL);
  plan_add_norm (plan, GRAPH_BUFFER_DELTA, GRAPH_BUFFER_BRANCHES,
                 tensors[MODEL_ROLE_FFN_EXPS_POST_NORM], NULL);
  plan->ops[plan->n_ops - 1].accumulate = TRUE;

  plan_add_norm (plan, GRAPH_BUFFER_BRANCHES, GRAPH_BUFFER_X, tensors[MODEL_ROLE_FFN_POST_NORM],
                 NULL);
  plan->ops[plan->n_ops - 1].accumulate = TRUE;
  plan->ops[plan->n_ops - 1].factor = end_factor (tensors);
}

void
plan_add_feed_forward_block (GraphPlan *plan, const ModelTensor *const *tensors,
                             const ModelLayer *layer)
{
  gboolean experts = tensors[MODEL_ROLE_FFN_ROUTER] != NULL;
  const PlanEnding ending = {
    tensors[experts ? MODEL_ROLE_FFN_DOWN_EXPS : MODEL_ROLE_FFN_DOWN],
    tensors[experts ? MODEL_ROLE_FFN_DOWN_EXPS_BIAS : MODEL_ROLE_FFN_DOWN_BIAS],
    tensors[MODEL_ROLE_FFN_POST_NORM],
    tensors[MODEL_ROLE_LAYER_OUTPUT_NORM],
    tensors[MODEL_ROLE_LAYER_OUTPUT_NORM_BIAS],
    end_factor (tensors),
  };
  const ModelTensor *norm = tensors[MODEL_ROLE_FFN_NORM];
  GraphBuffer src;
  GraphOp *op;

  if (experts && model_desc_has (plan->desc, MODEL_TWO_BRANCHES)) {
    add_two_branches (plan, tensors, layer);
    return;
  }
  if (norm == NULL)
    norm = tensors[MODEL_ROLE_FFN_LATE_NORM];
  src = plan_add_pre_norm (plan, norm, tensors[MODEL_ROLE_FFN_NORM_BIAS]);
  if (experts) {
    add_router (plan, tensors, src);
    op = add_experts (plan, tensors, src, plan_ending_buffer (&ending));
    plan_add_ending (plan, op, &ending);
    if (tensors[MODEL_ROLE_FFN_DOWN_SHARED] != NULL)
      add_shared_expert (plan, tensors, src);
    return;
  }
  add_hidden (plan, tensors, src, layer->d_ff);
  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, plan_ending_buffer (&ending));
  op->src_width = layer->d_ff;
  plan_add_ending (plan, op, &ending);
}

void
plan_add_layer_input_block (GraphPlan *plan, const ModelTensor *const *tensors, uint32_t layer)
{
  const PlanEnding ending = { .weight = tensors[MODEL_ROLE_LAYER_PROJ],
                              .norm = tensors[MODEL_ROLE_LAYER_POST_NORM],
                              .factor = tensors[MODEL_ROLE_LAYER_SCALE] };
  uint32_t width = plan->desc->h.d_layer_input;
  GraphOp *op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_HIDDEN);

  plan_weigh (op, tensors[MODEL_ROLE_LAYER_GATE], NULL);
  op->dst_width = width;
  op = plan_add (plan, GRAPH_OP_GATE, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_HIDDEN);
  op->src_width = op->dst_width = width;
  op->also[0] = GRAPH_BUFFER_INPUTS;
  op->also_first = layer * width;
  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, plan_ending_buffer (&ending));
  op->src_width = width;
  plan_add_ending (plan, op, &ending);
}
