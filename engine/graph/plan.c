/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the forward pass of a transformer as a straight list of ops: from the embedding through
 * the layers to the output head. What a layer is made of stands in plan-mixers.c and plan-feed.c.
 * Knows shapes and roles; must not know any device. */
#include "engine/graph/plan-private.h"

#include <math.h>
#include <string.h>

static const char *const op_names[] = {
#define GRAPH_OP(id, traits, text) #id,
#include "engine/graph/ops.def"
#undef GRAPH_OP
};

static const char *const buffer_names[] = {
  [GRAPH_BUFFER_X] = "X",
  [GRAPH_BUFFER_NORMED] = "NORMED",
  [GRAPH_BUFFER_QKV] = "QKV",
  [GRAPH_BUFFER_ATTN] = "ATTN",
  [GRAPH_BUFFER_HIDDEN] = "HIDDEN",
  [GRAPH_BUFFER_WIDE] = "WIDE",
  [GRAPH_BUFFER_DELTA] = "DELTA",
  [GRAPH_BUFFER_ROUTER] = "ROUTER",
  [GRAPH_BUFFER_ROUTE] = "ROUTE",
  [GRAPH_BUFFER_EXPERTS] = "EXPERTS",
  [GRAPH_BUFFER_MIX] = "MIX",
  [GRAPH_BUFFER_CONV] = "CONV",
  [GRAPH_BUFFER_GATES] = "GATES",
  [GRAPH_BUFFER_Z] = "Z",
  [GRAPH_BUFFER_BRANCHES] = "BRANCHES",
  [GRAPH_BUFFER_INPUTS] = "INPUTS",
  [GRAPH_BUFFER_OUT] = "OUT",
  [GRAPH_BUFFER_OUT_NORMED] = "OUT_NORMED",
  [GRAPH_BUFFER_LOGITS] = "LOGITS",
};

#define OPS_PER_LAYER 24
#define OPS_OUTSIDE   11

gboolean
graph_buffer_is_output (GraphBuffer buffer)
{
  return buffer == GRAPH_BUFFER_OUT || buffer == GRAPH_BUFFER_OUT_NORMED ||
         buffer == GRAPH_BUFFER_LOGITS;
}

GraphOp *
plan_add (GraphPlan *plan, GraphOpKind kind, GraphBuffer src, GraphBuffer dst)
{
  GraphOp *op = &plan->ops[plan->n_ops++];

  *op = (GraphOp) {
    .kind = kind,
    .src = src,
    .dst = dst,
    .src_width = src < GRAPH_N_BUFFERS ? plan->buffer_width[src] : 0,
    .dst_width = dst < GRAPH_N_BUFFERS ? plan->buffer_width[dst] : 0,
    .output_rows = graph_buffer_is_output (src),
    .scale = 1,
    .also = { GRAPH_BUFFER_NONE, GRAPH_BUFFER_NONE },
    .rotation = MODEL_NO_ROTATION,
  };
  return op;
}

void
plan_weigh (GraphOp *op, const ModelTensor *weight, const ModelTensor *bias)
{
  op->biases[op->n_weights] = bias;
  op->weights[op->n_weights++] = weight;
}

void
plan_add_norm (GraphPlan *plan,
               GraphBuffer src,
               GraphBuffer dst,
               const ModelTensor *vector,
               const ModelTensor *bias)
{
  gboolean layer_norm = model_desc_has (plan->desc, MODEL_LAYER_NORM);
  GraphOp *op = plan_add (plan, layer_norm ? GRAPH_OP_LAYER_NORM : GRAPH_OP_NORM, src, dst);

  op->vector = vector;
  op->biases[0] = bias;
}

GraphBuffer
plan_add_pre_norm (GraphPlan *plan, const ModelTensor *vector, const ModelTensor *bias)
{
  if (vector == NULL)
    return GRAPH_BUFFER_X;
  plan_add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, vector, bias);
  return GRAPH_BUFFER_NORMED;
}

void
plan_add_ending (GraphPlan *plan, GraphOp *op, const PlanEnding *ending)
{
  if (ending->weight != NULL)
    plan_weigh (op, ending->weight, ending->bias);
  op->scale = plan->desc->h.residual_scale;
  op->accumulate = ending->norm == NULL;
  if (ending->norm != NULL) {
    plan_add_norm (plan, GRAPH_BUFFER_DELTA, GRAPH_BUFFER_X, ending->norm, NULL);
    plan->ops[plan->n_ops - 1].accumulate = TRUE;
    plan->ops[plan->n_ops - 1].factor = ending->factor;
  }
  if (ending->sum_norm != NULL)
    plan_add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, ending->sum_norm, ending->sum_bias);
}

GraphBuffer
plan_ending_buffer (const PlanEnding *ending)
{
  return ending->norm != NULL ? GRAPH_BUFFER_DELTA : GRAPH_BUFFER_X;
}

static void
add_table (GraphPlan *plan, const ModelTensor *table, GraphPick pick)
{
  GraphOp *op;

  if (table == NULL)
    return;
  op = plan_add (plan, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X);
  plan_weigh (op, table, NULL);
  op->pick = pick;
  op->accumulate = pick != GRAPH_PICK_TOKEN;
  if (pick == GRAPH_PICK_TOKEN)
    op->scale = plan->desc->h.embedding_scale;
}

/* What each layer gets of its own for a token, from two sources: the token's id, by rows of a
 * table, and its embedding, by a matrix. Source: the public description of Gemma 3n and 4. */
static void
add_layer_inputs (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;
  const ModelHparams *h = &plan->desc->h;
  GraphOp *op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_INPUTS);

  plan_weigh (op, global[MODEL_ROLE_LAYER_MODEL_PROJ], NULL);
  op->scale = 1 / sqrtf ((float) h->d_model);
  op = plan_add (plan, GRAPH_OP_NORM, GRAPH_BUFFER_INPUTS, GRAPH_BUFFER_INPUTS);
  op->vector = global[MODEL_ROLE_LAYER_PROJ_NORM];
  op->src_width = op->dst_width = h->d_layer_input;
  op->n_parts = h->n_layers;
  op->scale = (float) G_SQRT2 / 2; /* of the sum of both sources */
  op = plan_add (plan, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_INPUTS);
  plan_weigh (op, global[MODEL_ROLE_LAYER_EMBD], NULL);
  op->accumulate = op->from_file = TRUE;
  op->scale = sqrtf ((float) h->d_layer_input / 2);
}

static void
add_embedding (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;

  add_table (plan, global[MODEL_ROLE_TOKEN_EMBD], GRAPH_PICK_TOKEN);
  add_table (plan, global[MODEL_ROLE_POSITION_EMBD], GRAPH_PICK_POSITION);
  add_table (plan, global[MODEL_ROLE_TOKEN_TYPES], GRAPH_PICK_FIRST);
  if (model_desc_has (plan->desc, MODEL_EMBD_NORM))
    plan_add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, global[MODEL_ROLE_EMBD_NORM],
                   global[MODEL_ROLE_EMBD_NORM_BIAS]);
  if (model_desc_has (plan->desc, MODEL_LAYER_INPUT))
    add_layer_inputs (plan);
}

/* The last token's row only, as a rule: logits of a whole chunk are never made. */
static void
add_output_head (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;
  GraphOp *op;

  plan_add (plan, GRAPH_OP_GATHER, GRAPH_BUFFER_X, GRAPH_BUFFER_OUT);
  plan_add_norm (plan, GRAPH_BUFFER_OUT, GRAPH_BUFFER_OUT_NORMED, global[MODEL_ROLE_OUTPUT_NORM],
                 global[MODEL_ROLE_OUTPUT_NORM_BIAS]);
  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT_NORMED, GRAPH_BUFFER_LOGITS);
  plan_weigh (op, global[MODEL_ROLE_OUTPUT], global[MODEL_ROLE_OUTPUT_BIAS]);
  op->scale = plan->desc->h.logit_scale;
  op->cap = plan->desc->h.logit_cap;
  plan_add (plan, GRAPH_OP_CANDIDATES, GRAPH_BUFFER_LOGITS, GRAPH_BUFFER_NONE);
}

/* One vector a run, in OUT. */
static void
add_pooling (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;
  gboolean mean = plan->desc->h.pooling == MODEL_POOLING_MEAN;

  if (model_desc_has (plan->desc, MODEL_PRE_NORM))
    plan_add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, global[MODEL_ROLE_OUTPUT_NORM],
                   global[MODEL_ROLE_OUTPUT_NORM_BIAS]);
  plan_add (plan, mean ? GRAPH_OP_POOL : GRAPH_OP_GATHER, GRAPH_BUFFER_X, GRAPH_BUFFER_OUT);
  if (global[MODEL_ROLE_DENSE_2] == NULL)
    return;
  plan_weigh (plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT, GRAPH_BUFFER_OUT_NORMED),
              global[MODEL_ROLE_DENSE_2], NULL);
  plan_weigh (plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT_NORMED, GRAPH_BUFFER_OUT),
              global[MODEL_ROLE_DENSE_3], NULL);
}

static void
set_layer_widths (GraphPlan *plan)
{
  const ModelDesc *desc = plan->desc;
  const ModelHparams *h = &desc->h;
  uint32_t *width = plan->buffer_width;

  if (model_desc_has (desc, MODEL_PRE_NORM))
    width[GRAPH_BUFFER_NORMED] = h->d_model;
  plan_set_mixer_widths (plan);
  for (uint32_t i = 0; i < h->n_layers; i++)
    if (desc->layer[i][MODEL_ROLE_FFN_ROUTER] == NULL || model_desc_has (desc, MODEL_TWO_BRANCHES))
      width[GRAPH_BUFFER_HIDDEN] = MAX (width[GRAPH_BUFFER_HIDDEN], desc->layers[i].d_ff);
  width[GRAPH_BUFFER_HIDDEN] = MAX (width[GRAPH_BUFFER_HIDDEN], h->d_ff_shared);
  if (model_desc_has (desc, MODEL_SHARED_GATE))
    width[GRAPH_BUFFER_GATES] = MAX (width[GRAPH_BUFFER_GATES], 1);
  if (model_desc_has (desc, MODEL_FUSED_GATE))
    width[GRAPH_BUFFER_WIDE] = 2 * h->d_ff;
  if (model_desc_has (desc, MODEL_SANDWICH))
    width[GRAPH_BUFFER_DELTA] = h->d_model;
  if (model_desc_has (desc, MODEL_LAYER_INPUT)) {
    width[GRAPH_BUFFER_INPUTS] = h->n_layers * h->d_layer_input;
    width[GRAPH_BUFFER_HIDDEN] = MAX (width[GRAPH_BUFFER_HIDDEN], h->d_layer_input);
  }
  if (model_desc_has (desc, MODEL_TWO_BRANCHES) && h->n_experts > 0)
    width[GRAPH_BUFFER_BRANCHES] = h->d_model;
  width[GRAPH_BUFFER_ROUTER] = h->n_experts;
  width[GRAPH_BUFFER_ROUTE] = 2 * h->n_experts_used;
  width[GRAPH_BUFFER_EXPERTS] = h->n_experts_used * h->d_ff_expert;
}

static void
set_widths (GraphPlan *plan, gboolean layers, gboolean output)
{
  const ModelHparams *h = &plan->desc->h;

  plan->buffer_width[GRAPH_BUFFER_X] = h->d_model;
  if (layers)
    set_layer_widths (plan);
  if (output)
    plan->buffer_width[GRAPH_BUFFER_OUT] = h->d_model;
  if (output && plan->desc->global[MODEL_ROLE_DENSE_2] != NULL)
    plan->buffer_width[GRAPH_BUFFER_OUT_NORMED] =
        (uint32_t) plan->desc->global[MODEL_ROLE_DENSE_2]->ne[1];
  if (output && model_desc_has (plan->desc, MODEL_HEAD)) {
    plan->buffer_width[GRAPH_BUFFER_OUT_NORMED] = h->d_model;
    plan->buffer_width[GRAPH_BUFFER_LOGITS] = h->n_vocab;
  }
}

uint32_t
graph_op_vectors (const GraphOp *op, const ModelTensor *vectors[GRAPH_MAX_VECTORS])
{
  const ModelTensor *const own[] = { op->vector, op->k_norm, op->factor,
                                     op->step, op->decay, op->skip };
  uint32_t n = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (own); i++)
    if (own[i] != NULL)
      vectors[n++] = own[i];
  for (uint32_t b = 0; b < GRAPH_MAX_WEIGHTS; b++)
    if (op->biases[b] != NULL)
      vectors[n++] = op->biases[b];
  return n;
}

GraphNeeds
graph_op_needs (const ModelDesc *desc, const GraphOp *op)
{
  gboolean biased = op->biases[0] != NULL || op->biases[1] != NULL;
  gboolean oai = desc->architecture->activation == MODEL_ACTIVATION_SWIGLU_OAI;
  GraphNeeds needs = 0;

  switch (op->kind) {
  case GRAPH_OP_ATTENTION:
    if (op->window_tokens > 0)
      needs |= GRAPH_NEEDS_WINDOW;
    if (op->cap > 0 || op->vector != NULL || desc->h.temperature > 0 ||
        op->n_heads != desc->h.n_heads || op->n_heads_kv != desc->h.n_heads_kv)
      needs |= GRAPH_NEEDS_ATTENTION;
    break;
  case GRAPH_OP_ROPE_STORE:
    if (op->vector != NULL)
      needs |= GRAPH_NEEDS_QK_NORM;
    if (op->norm_values || op->value_is_key || op->shares_kv)
      needs |= GRAPH_NEEDS_LAYER_INPUTS;
    break;
  case GRAPH_OP_EMBED:
  case GRAPH_OP_MATMUL:
  case GRAPH_OP_NORM:
    if (op->scale != 1 || op->cap > 0 || (op->kind == GRAPH_OP_NORM && op->accumulate))
      needs |= GRAPH_NEEDS_SCALES;
    if (op->from_file || op->n_parts > 1 || op->factor != NULL)
      needs |= GRAPH_NEEDS_LAYER_INPUTS;
    break;
  case GRAPH_OP_GATED:
    if (biased || oai)
      needs |= GRAPH_NEEDS_GATE;
    break;
  case GRAPH_OP_GATE:
    needs |= op->also[0] != GRAPH_BUFFER_NONE ? GRAPH_NEEDS_LAYER_INPUTS : GRAPH_NEEDS_GATE;
    break;
  case GRAPH_OP_ROUTE:
    needs |= GRAPH_NEEDS_EXPERTS;
    break;
  case GRAPH_OP_CONV:
  case GRAPH_OP_SPLIT_GATES:
  case GRAPH_OP_SIGMOID_GATE:
    needs |= GRAPH_NEEDS_RECURRENCE;
    break;
  case GRAPH_OP_SSM:
    needs |= GRAPH_NEEDS_RECURRENCE | GRAPH_NEEDS_SSM;
    break;
  default:
    break;
  }
  return needs;
}

/* Says of the ops from `first` on what they belong to. */
static void
set_block (GraphPlan *plan, uint32_t first, uint32_t block)
{
  for (uint32_t i = first; i < plan->n_ops; i++)
    plan->ops[i].block = block;
}

GraphPlan *
graph_plan_build (const ModelDesc *desc,
                  uint32_t first_layer,
                  uint32_t last_layer,
                  gboolean embedding,
                  gboolean output,
                  uint32_t max_tokens,
                  uint32_t max_outputs)
{
  GraphPlan *plan = g_new0 (GraphPlan, 1);
  uint32_t first;

  plan->desc = desc;
  plan->max_tokens = max_tokens;
  plan->max_outputs = max_outputs;
  plan->ops = g_new0 (GraphOp, (size_t) (last_layer - first_layer) * OPS_PER_LAYER + OPS_OUTSIDE);
  set_widths (plan, last_layer > first_layer, output);

  if (embedding)
    add_embedding (plan);
  set_block (plan, 0, GRAPH_BLOCK_EMBEDDING);
  for (uint32_t layer = first_layer; layer < last_layer; layer++) {
    const ModelTensor *const *tensors = (const ModelTensor *const *) desc->layer[layer];

    first = plan->n_ops;
    plan_add_mixer_block (plan, tensors, &desc->layers[layer]);
    plan_add_feed_forward_block (plan, tensors, &desc->layers[layer]);
    if (model_desc_has (desc, MODEL_LAYER_INPUT))
      plan_add_layer_input_block (plan, tensors, layer);
    set_block (plan, first, layer);
  }
  first = plan->n_ops;
  if (output && model_desc_has (desc, MODEL_HEAD))
    add_output_head (plan);
  else if (output)
    add_pooling (plan);
  set_block (plan, first, GRAPH_BLOCK_OUTPUT);
  for (uint32_t i = 0; i < plan->n_ops; i++)
    plan->needs |= graph_op_needs (desc, &plan->ops[i]);
  return plan;
}

void
graph_plan_free (GraphPlan *plan)
{
  if (plan == NULL)
    return;
  g_free (plan->ops);
  g_free (plan->segments);
  g_free (plan);
}

uint32_t
graph_plan_buffer_rows (const GraphPlan *plan, GraphBuffer buffer)
{
  return graph_buffer_is_output (buffer) ? plan->max_outputs : plan->max_tokens;
}

static void
print_buffer (const GraphPlan *plan, GraphBuffer buffer, GString *out)
{
  if (buffer == GRAPH_BUFFER_NONE)
    g_string_append (out, "-");
  else
    g_string_append_printf (out, "%s[%u][%u]", buffer_names[buffer],
                            graph_plan_buffer_rows (plan, buffer), plan->buffer_width[buffer]);
}

char *
graph_plan_print (const GraphPlan *plan)
{
  GString *out = g_string_new (NULL);

  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];

    g_string_append_printf (out, "%-10s ", op_names[op->kind]);
    print_buffer (plan, op->src, out);
    for (uint32_t w = 0; w < op->n_weights; w++)
      g_string_append_printf (out, "%s%s%s", w == 0 ? " x " : " | ", op->weights[w]->name,
                              op->biases[w] != NULL ? " + bias" : "");
    if (op->vector != NULL)
      g_string_append_printf (out, " * %s", op->vector->name);
    g_string_append (out, op->accumulate ? " += " : " -> ");
    print_buffer (plan, op->dst, out);
    g_string_append_c (out, '\n');
  }
  return g_string_free (out, FALSE);
}
