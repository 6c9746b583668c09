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
#define OPS_OUTSIDE   6

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
    .output_rows = is_output_buffer (src) || (is_output_buffer (dst) && kind != GRAPH_OP_GATHER),
  };
  return op;
}

static void
weigh (GraphOp *op, const ModelTensor *weight)
{
  op->weights[op->n_weights++] = weight;
}

static void
add_norm (GraphPlan *plan, GraphBuffer src, GraphBuffer dst, const ModelTensor *vector)
{
  add (plan, GRAPH_OP_NORM, src, dst)->vector = vector;
}

static void
add_attention_block (GraphPlan *plan, const ModelTensor *const *tensors, uint32_t kv_layer)
{
  GraphOp *op;

  add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, tensors[MODEL_ROLE_ATTN_NORM]);

  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_NORMED, GRAPH_BUFFER_QKV);
  weigh (op, tensors[MODEL_ROLE_ATTN_Q]);
  weigh (op, tensors[MODEL_ROLE_ATTN_K]);
  weigh (op, tensors[MODEL_ROLE_ATTN_V]);

  op = add (plan, GRAPH_OP_ROPE_STORE, GRAPH_BUFFER_QKV, GRAPH_BUFFER_QKV);
  op->vector = plan->desc->global[MODEL_ROLE_ROPE_FREQS];
  op->layer = kv_layer;

  op = add (plan, GRAPH_OP_ATTENTION, GRAPH_BUFFER_QKV, GRAPH_BUFFER_ATTN);
  op->layer = kv_layer;

  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_ATTN, GRAPH_BUFFER_X);
  weigh (op, tensors[MODEL_ROLE_ATTN_OUTPUT]);
  op->accumulate = TRUE;
}

static void
add_feed_forward_block (GraphPlan *plan, const ModelTensor *const *tensors)
{
  GraphOp *op;

  add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, tensors[MODEL_ROLE_FFN_NORM]);

  op = add (plan, GRAPH_OP_GATED, GRAPH_BUFFER_NORMED, GRAPH_BUFFER_HIDDEN);
  weigh (op, tensors[MODEL_ROLE_FFN_GATE]);
  weigh (op, tensors[MODEL_ROLE_FFN_UP]);

  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_X);
  weigh (op, tensors[MODEL_ROLE_FFN_DOWN]);
  op->accumulate = TRUE;
}

/* The last token's row only, as a rule: logits of a whole chunk are never made. */
static void
add_output_head (GraphPlan *plan)
{
  add (plan, GRAPH_OP_GATHER, GRAPH_BUFFER_X, GRAPH_BUFFER_OUT);
  add_norm (plan, GRAPH_BUFFER_OUT, GRAPH_BUFFER_OUT_NORMED,
            plan->desc->global[MODEL_ROLE_OUTPUT_NORM]);
  weigh (add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT_NORMED, GRAPH_BUFFER_LOGITS),
         plan->desc->global[MODEL_ROLE_OUTPUT]);
  add (plan, GRAPH_OP_CANDIDATES, GRAPH_BUFFER_LOGITS, GRAPH_BUFFER_NONE);
}

static void
set_widths (GraphPlan *plan, gboolean layers, gboolean output)
{
  const ModelHparams *h = &plan->desc->h;

  plan->buffer_width[GRAPH_BUFFER_X] = h->d_model;
  if (layers) {
    plan->buffer_width[GRAPH_BUFFER_NORMED] = h->d_model;
    plan->buffer_width[GRAPH_BUFFER_QKV] =
        h->n_heads * h->d_key + h->n_heads_kv * (h->d_key + h->d_value);
    plan->buffer_width[GRAPH_BUFFER_ATTN] = h->n_heads * h->d_value;
    plan->buffer_width[GRAPH_BUFFER_HIDDEN] = h->d_ff;
  }
  if (output) {
    plan->buffer_width[GRAPH_BUFFER_OUT] = h->d_model;
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
    weigh (add (plan, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_X),
           desc->global[MODEL_ROLE_TOKEN_EMBD]);
  for (uint32_t layer = first_layer; layer < last_layer; layer++) {
    const ModelTensor *const *tensors = (const ModelTensor *const *) desc->layer[layer];

    add_attention_block (plan, tensors, layer - first_layer);
    add_feed_forward_block (plan, tensors);
  }
  if (output)
    add_output_head (plan);
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
      g_string_append_printf (out, "%s%s", w == 0 ? " x " : " | ", op->weights[w]->name);
    if (op->vector != NULL)
      g_string_append_printf (out, " * %s", op->vector->name);
    g_string_append (out, op->accumulate ? " += " : " -> ");
    print_buffer (plan, op->dst, out);
    g_string_append_c (out, '\n');
  }
  return g_string_free (out, FALSE);
}
