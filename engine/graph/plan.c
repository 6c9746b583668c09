/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the forward pass of a transformer as a straight list of ops. Reads like the paper:
 * attention block, feed-forward block, output head. Knows shapes and roles; must not know any
 * device. */
#include "engine/graph/plan.h"

#include <string.h>

static const char *const op_names[] = {
#define GRAPH_OP(id, text) #id,
#include "engine/graph/ops.def"
#undef GRAPH_OP
};

static const char *const buffer_names[] = {
  [GRAPH_BUFFER_X] = "X",
  [GRAPH_BUFFER_NORMED] = "NORMED",
  [GRAPH_BUFFER_QKV] = "QKV",
  [GRAPH_BUFFER_ATTN] = "ATTN",
  [GRAPH_BUFFER_HIDDEN] = "HIDDEN",
  [GRAPH_BUFFER_OUT] = "OUT",
  [GRAPH_BUFFER_OUT_NORMED] = "OUT_NORMED",
  [GRAPH_BUFFER_LOGITS] = "LOGITS",
};

#define OPS_PER_LAYER 8
#define OPS_OUTSIDE   8

static gboolean
is_output_buffer (GraphBuffer buffer)
{
  return buffer == GRAPH_BUFFER_OUT || buffer == GRAPH_BUFFER_OUT_NORMED ||
         buffer == GRAPH_BUFFER_LOGITS;
}

/* Appends an op; the widths come from the buffers, which must have theirs already. */
static GraphOp *
add (GraphPlan *plan, GraphOpKind kind, GraphBuffer src, GraphBuffer dst)
{
  GraphOp *op = &plan->ops[plan->n_ops++];

  *op = (GraphOp) {
    .kind = kind,
    .src = src,
    .dst = dst,
    .src_width = src < GRAPH_N_BUFFERS ? plan->buffer_width[src] : 0,
    .dst_width = dst < GRAPH_N_BUFFERS ? plan->buffer_width[dst] : 0,
    .output_rows = is_output_buffer (src),
  };
  return op;
}

/* bias: of the weight, or NULL. */
static void
weigh (GraphOp *op, const ModelTensor *weight, const ModelTensor *bias)
{
  op->biases[op->n_weights] = bias;
  op->weights[op->n_weights++] = weight;
}

static void
add_norm (GraphPlan *plan,
          GraphBuffer src,
          GraphBuffer dst,
          const ModelTensor *vector,
          const ModelTensor *bias)
{
  gboolean layer_norm = model_desc_has (plan->desc, MODEL_LAYER_NORM);
  GraphOp *op = add (plan, layer_norm ? GRAPH_OP_LAYER_NORM : GRAPH_OP_NORM, src, dst);

  op->vector = vector;
  op->biases[0] = bias;
}

/* What a block reads: the residual stream, or its norm. */
static GraphBuffer
add_pre_norm (GraphPlan *plan, const ModelTensor *vector, const ModelTensor *bias)
{
  if (!model_desc_has (plan->desc, MODEL_PRE_NORM))
    return GRAPH_BUFFER_X;
  add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, vector, bias);
  return GRAPH_BUFFER_NORMED;
}

static void
add_post_norm (GraphPlan *plan, const ModelTensor *vector, const ModelTensor *bias)
{
  if (model_desc_has (plan->desc, MODEL_POST_NORM))
    add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, vector, bias);
}

static void
add_table (GraphPlan *plan, const ModelTensor *table, GraphPick pick)
{
  GraphOp *op;

  if (table == NULL)
    return;
  op = add (plan, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X);
  weigh (op, table, NULL);
  op->pick = pick;
  op->accumulate = pick != GRAPH_PICK_TOKEN;
}

static void
add_embedding (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;

  add_table (plan, global[MODEL_ROLE_TOKEN_EMBD], GRAPH_PICK_TOKEN);
  add_table (plan, global[MODEL_ROLE_POSITION_EMBD], GRAPH_PICK_POSITION);
  add_table (plan, global[MODEL_ROLE_TOKEN_TYPES], GRAPH_PICK_FIRST);
  if (model_desc_has (plan->desc, MODEL_EMBD_NORM))
    add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, global[MODEL_ROLE_EMBD_NORM],
              global[MODEL_ROLE_EMBD_NORM_BIAS]);
}

/* Without causal attention a batch holds whole texts, so that keys and values are needed within
 * their layer only, and all layers use the same memory for them. */
static void
add_attention_block (GraphPlan *plan, const ModelTensor *const *tensors, uint32_t layer)
{
  gboolean whole_run = !model_desc_has (plan->desc, MODEL_CAUSAL);
  uint32_t kv_layer = whole_run ? 0 : layer;
  GraphBuffer src =
      add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], tensors[MODEL_ROLE_ATTN_NORM_BIAS]);
  GraphOp *op;

  op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_QKV);
  weigh (op, tensors[MODEL_ROLE_ATTN_Q], tensors[MODEL_ROLE_ATTN_Q_BIAS]);
  weigh (op, tensors[MODEL_ROLE_ATTN_K], tensors[MODEL_ROLE_ATTN_K_BIAS]);
  weigh (op, tensors[MODEL_ROLE_ATTN_V], tensors[MODEL_ROLE_ATTN_V_BIAS]);

  op = add (plan, GRAPH_OP_ROPE_STORE, GRAPH_BUFFER_QKV, GRAPH_BUFFER_QKV);
  op->vector = plan->desc->global[MODEL_ROLE_ROPE_FREQS];
  op->layer = kv_layer;

  op = add (plan, GRAPH_OP_ATTENTION, GRAPH_BUFFER_QKV, GRAPH_BUFFER_ATTN);
  op->layer = kv_layer;
  op->whole_run = whole_run;

  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_ATTN, GRAPH_BUFFER_X);
  weigh (op, tensors[MODEL_ROLE_ATTN_OUTPUT], tensors[MODEL_ROLE_ATTN_OUTPUT_BIAS]);
  op->accumulate = TRUE;

  add_post_norm (plan, tensors[MODEL_ROLE_ATTN_OUTPUT_NORM],
                 tensors[MODEL_ROLE_ATTN_OUTPUT_NORM_BIAS]);
}

static void
add_feed_forward_block (GraphPlan *plan, const ModelTensor *const *tensors)
{
  GraphBuffer src =
      add_pre_norm (plan, tensors[MODEL_ROLE_FFN_NORM], tensors[MODEL_ROLE_FFN_NORM_BIAS]);
  GraphOp *op;

  if (model_desc_has (plan->desc, MODEL_GATED)) {
    op = add (plan, GRAPH_OP_GATED, src, GRAPH_BUFFER_HIDDEN);
    weigh (op, tensors[MODEL_ROLE_FFN_GATE], NULL);
    weigh (op, tensors[MODEL_ROLE_FFN_UP], NULL);
  } else {
    op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_HIDDEN);
    weigh (op, tensors[MODEL_ROLE_FFN_UP], tensors[MODEL_ROLE_FFN_UP_BIAS]);
    op->activate = TRUE;
  }

  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_X);
  weigh (op, tensors[MODEL_ROLE_FFN_DOWN], tensors[MODEL_ROLE_FFN_DOWN_BIAS]);
  op->accumulate = TRUE;

  add_post_norm (plan, tensors[MODEL_ROLE_LAYER_OUTPUT_NORM],
                 tensors[MODEL_ROLE_LAYER_OUTPUT_NORM_BIAS]);
}

/* The last token's row only, as a rule: logits of a whole chunk are never made. */
static void
add_output_head (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;

  add (plan, GRAPH_OP_GATHER, GRAPH_BUFFER_X, GRAPH_BUFFER_OUT);
  add_norm (plan, GRAPH_BUFFER_OUT, GRAPH_BUFFER_OUT_NORMED, global[MODEL_ROLE_OUTPUT_NORM],
            global[MODEL_ROLE_OUTPUT_NORM_BIAS]);
  weigh (add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT_NORMED, GRAPH_BUFFER_LOGITS),
         global[MODEL_ROLE_OUTPUT], NULL);
  add (plan, GRAPH_OP_CANDIDATES, GRAPH_BUFFER_LOGITS, GRAPH_BUFFER_NONE);
}

/* One vector a run, in OUT. */
static void
add_pooling (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;
  gboolean mean = plan->desc->h.pooling == MODEL_POOLING_MEAN;

  if (model_desc_has (plan->desc, MODEL_PRE_NORM))
    add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, global[MODEL_ROLE_OUTPUT_NORM],
              global[MODEL_ROLE_OUTPUT_NORM_BIAS]);
  add (plan, mean ? GRAPH_OP_POOL : GRAPH_OP_GATHER, GRAPH_BUFFER_X, GRAPH_BUFFER_OUT);
}

static void
set_widths (GraphPlan *plan, gboolean layers, gboolean output)
{
  const ModelHparams *h = &plan->desc->h;

  plan->buffer_width[GRAPH_BUFFER_X] = h->d_model;
  if (layers) {
    if (model_desc_has (plan->desc, MODEL_PRE_NORM))
      plan->buffer_width[GRAPH_BUFFER_NORMED] = h->d_model;
    plan->buffer_width[GRAPH_BUFFER_QKV] =
        h->n_heads * h->d_key + h->n_heads_kv * (h->d_key + h->d_value);
    plan->buffer_width[GRAPH_BUFFER_ATTN] = h->n_heads * h->d_value;
    plan->buffer_width[GRAPH_BUFFER_HIDDEN] = h->d_ff;
  }
  if (output)
    plan->buffer_width[GRAPH_BUFFER_OUT] = h->d_model;
  if (output && model_desc_has (plan->desc, MODEL_HEAD)) {
    plan->buffer_width[GRAPH_BUFFER_OUT_NORMED] = h->d_model;
    plan->buffer_width[GRAPH_BUFFER_LOGITS] = h->n_vocab;
  }
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

  plan->desc = desc;
  plan->max_tokens = max_tokens;
  plan->max_outputs = max_outputs;
  plan->ops = g_new0 (GraphOp, (size_t) (last_layer - first_layer) * OPS_PER_LAYER + OPS_OUTSIDE);
  set_widths (plan, last_layer > first_layer, output);

  if (embedding)
    add_embedding (plan);
  for (uint32_t layer = first_layer; layer < last_layer; layer++) {
    const ModelTensor *const *tensors = (const ModelTensor *const *) desc->layer[layer];

    add_attention_block (plan, tensors, layer - first_layer);
    add_feed_forward_block (plan, tensors);
  }
  if (output && model_desc_has (desc, MODEL_HEAD))
    add_output_head (plan);
  else if (output)
    add_pooling (plan);
  return plan;
}

void
graph_plan_free (GraphPlan *plan)
{
  if (plan == NULL)
    return;
  g_free (plan->ops);
  g_free (plan);
}

uint32_t
graph_plan_buffer_rows (const GraphPlan *plan, GraphBuffer buffer)
{
  return is_output_buffer (buffer) ? plan->max_outputs : plan->max_tokens;
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
