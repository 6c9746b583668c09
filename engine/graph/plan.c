/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the forward pass of a transformer as a straight list of ops. Reads like the paper:
 * attention block, feed-forward block, output head. Knows shapes and roles; must not know any
 * device. */
#include "engine/graph/plan.h"

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
  [GRAPH_BUFFER_INPUTS] = "INPUTS",
  [GRAPH_BUFFER_OUT] = "OUT",
  [GRAPH_BUFFER_OUT_NORMED] = "OUT_NORMED",
  [GRAPH_BUFFER_LOGITS] = "LOGITS",
};

#define OPS_PER_LAYER 20
#define OPS_OUTSIDE   11

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
    .scale = 1,
    .also = { GRAPH_BUFFER_NONE, GRAPH_BUFFER_NONE },
    .rotation = MODEL_NO_ROTATION,
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
  if (vector == NULL)
    return GRAPH_BUFFER_X;
  add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_NORMED, vector, bias);
  return GRAPH_BUFFER_NORMED;
}

/* The last product of a block, from src into the residual stream: as it is, or normed first
 * (sandwich) and the sum multiplied by a number, or the sum normed afterwards. */
typedef struct {
  const ModelTensor *weight, *bias;
  const ModelTensor *norm;                /* of the result */
  const ModelTensor *sum_norm, *sum_bias; /* of the sum */
  const ModelTensor *factor;              /* of the sum, with norm */
} Ending;

static void
add_ending (GraphPlan *plan, GraphOp *op, const Ending *ending)
{
  if (ending->weight != NULL)
    weigh (op, ending->weight, ending->bias);
  op->scale = plan->desc->h.residual_scale;
  op->accumulate = ending->norm == NULL;
  if (ending->norm != NULL) {
    add_norm (plan, GRAPH_BUFFER_DELTA, GRAPH_BUFFER_X, ending->norm, NULL);
    plan->ops[plan->n_ops - 1].accumulate = TRUE;
    plan->ops[plan->n_ops - 1].factor = ending->factor;
  }
  if (ending->sum_norm != NULL)
    add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, ending->sum_norm, ending->sum_bias);
}

/* Where a block's last product goes. */
static GraphBuffer
ending_buffer (const Ending *ending)
{
  return ending->norm != NULL ? GRAPH_BUFFER_DELTA : GRAPH_BUFFER_X;
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
  GraphOp *op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_INPUTS);

  weigh (op, global[MODEL_ROLE_LAYER_MODEL_PROJ], NULL);
  op->scale = 1 / sqrtf ((float) h->d_model);
  op = add (plan, GRAPH_OP_NORM, GRAPH_BUFFER_INPUTS, GRAPH_BUFFER_INPUTS);
  op->vector = global[MODEL_ROLE_LAYER_PROJ_NORM];
  op->src_width = op->dst_width = h->d_layer_input;
  op->n_parts = h->n_layers;
  op->scale = (float) G_SQRT2 / 2; /* of the sum of both sources */
  op = add (plan, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_INPUTS);
  weigh (op, global[MODEL_ROLE_LAYER_EMBD], NULL);
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
    add_norm (plan, GRAPH_BUFFER_X, GRAPH_BUFFER_X, global[MODEL_ROLE_EMBD_NORM],
              global[MODEL_ROLE_EMBD_NORM_BIAS]);
  if (model_desc_has (plan->desc, MODEL_LAYER_INPUT))
    add_layer_inputs (plan);
}

static void
set_heads (GraphOp *op, const ModelLayer *layer, GraphKvGroup group, uint32_t kv_layer)
{
  op->group = group;
  op->layer = kv_layer;
  op->n_heads = layer->n_heads;
  op->n_heads_kv = layer->n_heads_kv;
  op->d_key = layer->d_key;
  op->d_value = layer->d_value;
  op->rotation = layer->rotation;
  op->window_tokens = layer->window_tokens;
  op->shares_kv = (layer->features & MODEL_OWN_KV) == 0;
}

static void
weigh_qkv (GraphOp *op, const ModelTensor *const *tensors)
{
  if (tensors[MODEL_ROLE_ATTN_QKV] != NULL) {
    weigh (op, tensors[MODEL_ROLE_ATTN_QKV], tensors[MODEL_ROLE_ATTN_QKV_BIAS]);
    return;
  }
  weigh (op, tensors[MODEL_ROLE_ATTN_Q], tensors[MODEL_ROLE_ATTN_Q_BIAS]);
  if (tensors[MODEL_ROLE_ATTN_K] != NULL)
    weigh (op, tensors[MODEL_ROLE_ATTN_K], tensors[MODEL_ROLE_ATTN_K_BIAS]);
  if (tensors[MODEL_ROLE_ATTN_V] != NULL)
    weigh (op, tensors[MODEL_ROLE_ATTN_V], tensors[MODEL_ROLE_ATTN_V_BIAS]);
}

/* A model that makes vectors sees whole texts in a batch, so that keys and values are needed within
 * their layer only, and all layers use the same memory for them. Layers of others that share keys
 * come last, and use those of the last before them in their group. */
static void
take_kv_layer (GraphPlan *plan, const ModelLayer *layer, GraphKvGroup *group, uint32_t *kv_layer)
{
  gboolean keeps = model_desc_has (plan->desc, MODEL_HEAD);

  *group = keeps && layer->window_tokens > 0 ? GRAPH_KV_WINDOW : GRAPH_KV_FULL;
  if (!keeps)
    plan->n_kv_layers[GRAPH_KV_FULL] = 1;
  else if ((layer->features & MODEL_OWN_KV) != 0)
    plan->n_kv_layers[*group]++;
  *kv_layer = keeps ? plan->n_kv_layers[*group] - 1 : 0;
}

static gboolean
value_is_key (const ModelTensor *const *tensors)
{
  return tensors[MODEL_ROLE_ATTN_K] != NULL && tensors[MODEL_ROLE_ATTN_V] == NULL;
}

static uint32_t
qkv_width (const ModelTensor *const *tensors, const ModelLayer *layer)
{
  uint32_t own = (layer->features & MODEL_OWN_KV) != 0 ? layer->n_heads_kv : 0;

  return layer->n_heads * layer->d_key +
         own * (layer->d_key + (value_is_key (tensors) ? 0 : layer->d_value));
}

static void
add_qkv (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer,
         GraphBuffer src)
{
  gboolean gated = model_desc_has (plan->desc, MODEL_GATED_QUERY);
  uint32_t gates = layer->n_heads * layer->d_key;
  GraphOp *op = add (plan, GRAPH_OP_MATMUL, src, gated ? GRAPH_BUFFER_MIX : GRAPH_BUFFER_QKV);

  op->dst_width = qkv_width (tensors, layer) + (gated ? gates : 0);
  weigh_qkv (op, tensors);
  if (!gated)
    return;
  op = add (plan, GRAPH_OP_SPLIT_GATES, GRAPH_BUFFER_MIX, GRAPH_BUFFER_QKV);
  op->src_width = qkv_width (tensors, layer) + gates;
  op->dst_width = qkv_width (tensors, layer);
  op->also[0] = GRAPH_BUFFER_Z;
  op->n_heads = layer->n_heads;
  op->d_key = layer->d_key;
}

static void
add_attention_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  const Ending ending = {
    tensors[MODEL_ROLE_ATTN_OUTPUT],
    tensors[MODEL_ROLE_ATTN_OUTPUT_BIAS],
    tensors[MODEL_ROLE_ATTN_POST_NORM],
    tensors[MODEL_ROLE_ATTN_OUTPUT_NORM],
    tensors[MODEL_ROLE_ATTN_OUTPUT_NORM_BIAS],
  };
  GraphBuffer src =
      add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], tensors[MODEL_ROLE_ATTN_NORM_BIAS]);
  uint32_t kv_layer;
  GraphKvGroup group;
  GraphOp *op;

  take_kv_layer (plan, layer, &group, &kv_layer);
  add_qkv (plan, tensors, layer, src);
  op = add (plan, GRAPH_OP_ROPE_STORE, GRAPH_BUFFER_QKV, GRAPH_BUFFER_QKV);
  op->src_width = op->dst_width = qkv_width (tensors, layer);
  op->vector = tensors[MODEL_ROLE_ATTN_Q_NORM];
  op->k_norm = tensors[MODEL_ROLE_ATTN_K_NORM];
  op->norm_values = model_desc_has (plan->desc, MODEL_VALUE_NORM);
  op->value_is_key = value_is_key (tensors);
  set_heads (op, layer, group, kv_layer);

  op = add (plan, GRAPH_OP_ATTENTION, GRAPH_BUFFER_QKV, GRAPH_BUFFER_ATTN);
  op->src_width = op[-1].src_width;
  op->dst_width = layer->n_heads * layer->d_value;
  op->vector = tensors[MODEL_ROLE_ATTN_SINKS];
  op->cap = plan->desc->h.attention_cap;
  op->whole_run = !model_desc_has (plan->desc, MODEL_CAUSAL);
  set_heads (op, layer, group, kv_layer);

  if (model_desc_has (plan->desc, MODEL_GATED_QUERY)) {
    op = add (plan, GRAPH_OP_SIGMOID_GATE, GRAPH_BUFFER_Z, GRAPH_BUFFER_ATTN);
    op->src_width = op->dst_width = layer->n_heads * layer->d_value;
  }

  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_ATTN, ending_buffer (&ending));
  op->src_width = layer->n_heads * layer->d_value;
  add_ending (plan, op, &ending);
}

static GraphOp *
add_conv (GraphPlan *plan, const ModelLayer *layer, const ModelTensor *kernel)
{
  GraphOp *op = add (plan, GRAPH_OP_CONV, GRAPH_BUFFER_MIX, GRAPH_BUFFER_CONV);

  op->dst_width = model_layer_channels (plan->desc, layer);
  op->vector = kernel;
  op->state_first = plan->state_floats;
  plan->state_floats += (plan->desc->h.n_taps - 1) * op->dst_width;
  return op;
}

static void
add_short_conv_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  const Ending ending = { .weight = tensors[MODEL_ROLE_CONV_OUT] };
  GraphBuffer src = add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], NULL);
  uint32_t width = plan->desc->h.d_model;
  GraphOp *op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_MIX);

  op->dst_width = 3 * width;
  weigh (op, tensors[MODEL_ROLE_CONV_IN], NULL);
  add_conv (plan, layer, tensors[MODEL_ROLE_CONV])->src_width = 3 * width;
  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_CONV, ending_buffer (&ending));
  op->src_width = width;
  add_ending (plan, op, &ending);
}

/* Yang et al. 2024 (gated delta networks, arXiv 2412.06464). */
static void
add_delta_net_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  const Ending ending = { .weight = tensors[MODEL_ROLE_DELTA_OUT] };
  const ModelHparams *h = &plan->desc->h;
  uint32_t channels = model_layer_channels (plan->desc, layer);
  uint32_t values = h->n_state_heads * h->d_state;
  GraphBuffer src = add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], NULL);
  GraphOp *op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_MIX);

  op->dst_width = channels;
  weigh (op, tensors[MODEL_ROLE_DELTA_QKV], NULL);
  op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_GATES);
  weigh (op, tensors[MODEL_ROLE_DELTA_ALPHA], NULL);
  weigh (op, tensors[MODEL_ROLE_DELTA_BETA], NULL);
  op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_Z);
  op->dst_width = values;
  weigh (op, tensors[MODEL_ROLE_DELTA_GATE], NULL);
  add_conv (plan, layer, tensors[MODEL_ROLE_DELTA_CONV])->src_width = channels;

  op = add (plan, GRAPH_OP_DELTA_NET, GRAPH_BUFFER_CONV, GRAPH_BUFFER_ATTN);
  op->src_width = channels;
  op->dst_width = values;
  op->also[0] = GRAPH_BUFFER_GATES;
  op->also[1] = GRAPH_BUFFER_Z;
  op->vector = tensors[MODEL_ROLE_DELTA_NORM];
  op->step = tensors[MODEL_ROLE_DELTA_STEP];
  op->decay = tensors[MODEL_ROLE_DELTA_DECAY];
  op->state_first = plan->state_floats;
  plan->state_floats += values * h->d_state;

  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_ATTN, ending_buffer (&ending));
  op->src_width = values;
  add_ending (plan, op, &ending);
}

/* What mixes the tokens. */
static void
add_mixer_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  if ((layer->features & MODEL_SHORT_CONV) != 0)
    add_short_conv_block (plan, tensors, layer);
  else if ((layer->features & MODEL_DELTA_NET) != 0)
    add_delta_net_block (plan, tensors, layer);
  else
    add_attention_block (plan, tensors, layer);
}

/* What the feed-forward block makes of src, in HIDDEN. */
static void
add_hidden (GraphPlan *plan, const ModelTensor *const *tensors, GraphBuffer src, uint32_t d_ff)
{
  GraphOp *op;

  if (model_desc_has (plan->desc, MODEL_GATED)) {
    op = add (plan, GRAPH_OP_GATED, src, GRAPH_BUFFER_HIDDEN);
    weigh (op, tensors[MODEL_ROLE_FFN_GATE], tensors[MODEL_ROLE_FFN_GATE_BIAS]);
    weigh (op, tensors[MODEL_ROLE_FFN_UP], tensors[MODEL_ROLE_FFN_UP_BIAS]);
  } else if (model_desc_has (plan->desc, MODEL_FUSED_GATE)) {
    op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_WIDE);
    op->dst_width = 2 * d_ff;
    weigh (op, tensors[MODEL_ROLE_FFN_UP], tensors[MODEL_ROLE_FFN_UP_BIAS]);
    op = add (plan, GRAPH_OP_GATE, GRAPH_BUFFER_WIDE, GRAPH_BUFFER_HIDDEN);
    op->src_width = 2 * d_ff;
  } else {
    op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_HIDDEN);
    weigh (op, tensors[MODEL_ROLE_FFN_UP], tensors[MODEL_ROLE_FFN_UP_BIAS]);
    op->activate = TRUE;
  }
  op->dst_width = d_ff;
}

/* The expert that all tokens go to. */
static void
add_shared_expert (GraphPlan *plan, const ModelTensor *const *tensors, GraphBuffer src)
{
  const Ending ending = { .weight = tensors[MODEL_ROLE_FFN_DOWN_SHARED] };
  uint32_t width = plan->desc->h.d_ff_shared;
  GraphOp *op = add (plan, GRAPH_OP_GATED, src, GRAPH_BUFFER_HIDDEN);

  op->dst_width = width;
  weigh (op, tensors[MODEL_ROLE_FFN_GATE_SHARED], NULL);
  weigh (op, tensors[MODEL_ROLE_FFN_UP_SHARED], NULL);
  if (tensors[MODEL_ROLE_FFN_SHARED_GATE] != NULL) {
    op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_GATES);
    op->dst_width = 1;
    weigh (op, tensors[MODEL_ROLE_FFN_SHARED_GATE], NULL);
    op = add (plan, GRAPH_OP_SIGMOID_GATE, GRAPH_BUFFER_GATES, GRAPH_BUFFER_HIDDEN);
    op->src_width = 1;
    op->dst_width = width;
  }
  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_X);
  op->src_width = width;
  add_ending (plan, op, &ending);
}

static void
add_experts (GraphPlan *plan, const ModelTensor *const *tensors, GraphBuffer src,
             const Ending *ending)
{
  GraphOp *op = add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_ROUTER);

  weigh (op, tensors[MODEL_ROLE_FFN_ROUTER], tensors[MODEL_ROLE_FFN_ROUTER_BIAS]);
  add (plan, GRAPH_OP_ROUTE, GRAPH_BUFFER_ROUTER, GRAPH_BUFFER_ROUTE);

  op = add (plan, GRAPH_OP_EXPERTS_GATED, src, GRAPH_BUFFER_EXPERTS);
  op->route = GRAPH_BUFFER_ROUTE;
  weigh (op, tensors[MODEL_ROLE_FFN_GATE_EXPS], tensors[MODEL_ROLE_FFN_GATE_EXPS_BIAS]);
  weigh (op, tensors[MODEL_ROLE_FFN_UP_EXPS], tensors[MODEL_ROLE_FFN_UP_EXPS_BIAS]);

  op = add (plan, GRAPH_OP_EXPERTS_DOWN, GRAPH_BUFFER_EXPERTS, ending_buffer (ending));
  op->route = GRAPH_BUFFER_ROUTE;
  add_ending (plan, op, ending);
}

static void
add_feed_forward_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  gboolean experts = tensors[MODEL_ROLE_FFN_ROUTER] != NULL;
  const Ending ending = {
    tensors[experts ? MODEL_ROLE_FFN_DOWN_EXPS : MODEL_ROLE_FFN_DOWN],
    tensors[experts ? MODEL_ROLE_FFN_DOWN_EXPS_BIAS : MODEL_ROLE_FFN_DOWN_BIAS],
    tensors[MODEL_ROLE_FFN_POST_NORM],
    tensors[MODEL_ROLE_LAYER_OUTPUT_NORM],
    tensors[MODEL_ROLE_LAYER_OUTPUT_NORM_BIAS],
    tensors[MODEL_ROLE_LAYER_GATE] == NULL ? tensors[MODEL_ROLE_LAYER_SCALE] : NULL,
  };
  const ModelTensor *norm = tensors[MODEL_ROLE_FFN_NORM];
  GraphBuffer src;
  GraphOp *op;

  if (norm == NULL)
    norm = tensors[MODEL_ROLE_FFN_LATE_NORM];
  src = add_pre_norm (plan, norm, tensors[MODEL_ROLE_FFN_NORM_BIAS]);
  if (experts) {
    add_experts (plan, tensors, src, &ending);
    if (tensors[MODEL_ROLE_FFN_DOWN_SHARED] != NULL)
      add_shared_expert (plan, tensors, src);
    return;
  }
  add_hidden (plan, tensors, src, layer->d_ff);
  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, ending_buffer (&ending));
  op->src_width = layer->d_ff;
  add_ending (plan, op, &ending);
}

/* What a layer has of its own for a token, gated by what it made of it. */
static void
add_layer_input_block (GraphPlan *plan, const ModelTensor *const *tensors, uint32_t layer)
{
  const Ending ending = { .weight = tensors[MODEL_ROLE_LAYER_PROJ],
                          .norm = tensors[MODEL_ROLE_LAYER_POST_NORM],
                          .factor = tensors[MODEL_ROLE_LAYER_SCALE] };
  uint32_t width = plan->desc->h.d_layer_input;
  GraphOp *op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_X, GRAPH_BUFFER_HIDDEN);

  weigh (op, tensors[MODEL_ROLE_LAYER_GATE], NULL);
  op->dst_width = width;
  op = add (plan, GRAPH_OP_GATE, GRAPH_BUFFER_HIDDEN, GRAPH_BUFFER_HIDDEN);
  op->src_width = op->dst_width = width;
  op->also[0] = GRAPH_BUFFER_INPUTS;
  op->also_first = layer * width;
  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_HIDDEN, ending_buffer (&ending));
  op->src_width = width;
  add_ending (plan, op, &ending);
}

/* The last token's row only, as a rule: logits of a whole chunk are never made. */
static void
add_output_head (GraphPlan *plan)
{
  const ModelTensor *const *global = plan->desc->global;
  GraphOp *op;

  add (plan, GRAPH_OP_GATHER, GRAPH_BUFFER_X, GRAPH_BUFFER_OUT);
  add_norm (plan, GRAPH_BUFFER_OUT, GRAPH_BUFFER_OUT_NORMED, global[MODEL_ROLE_OUTPUT_NORM],
            global[MODEL_ROLE_OUTPUT_NORM_BIAS]);
  op = add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT_NORMED, GRAPH_BUFFER_LOGITS);
  weigh (op, global[MODEL_ROLE_OUTPUT], global[MODEL_ROLE_OUTPUT_BIAS]);
  op->scale = plan->desc->h.logit_scale;
  op->cap = plan->desc->h.logit_cap;
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
  if (global[MODEL_ROLE_DENSE_2] == NULL)
    return;
  weigh (add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT, GRAPH_BUFFER_OUT_NORMED),
         global[MODEL_ROLE_DENSE_2], NULL);
  weigh (add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_OUT_NORMED, GRAPH_BUFFER_OUT),
         global[MODEL_ROLE_DENSE_3], NULL);
}

/* Of layers that are not attention, and of attention with gates. */
static void
set_mixer_widths (GraphPlan *plan)
{
  const ModelDesc *desc = plan->desc;
  const ModelHparams *h = &desc->h;
  uint32_t *width = plan->buffer_width, gates = h->n_heads * h->d_key;
  uint32_t values = h->n_state_heads * h->d_state;

  if (model_desc_has (desc, MODEL_SHORT_CONV)) {
    width[GRAPH_BUFFER_MIX] = 3 * h->d_model;
    width[GRAPH_BUFFER_CONV] = h->d_model;
  }
  if (model_desc_has (desc, MODEL_DELTA_NET)) {
    width[GRAPH_BUFFER_CONV] = (2 * h->n_state_keys + h->n_state_heads) * h->d_state;
    width[GRAPH_BUFFER_MIX] = width[GRAPH_BUFFER_CONV];
    width[GRAPH_BUFFER_GATES] = 2 * h->n_state_heads;
    width[GRAPH_BUFFER_Z] = width[GRAPH_BUFFER_ATTN] = values;
  }
  if (model_desc_has (desc, MODEL_GATED_QUERY)) {
    uint32_t mix = 2 * gates + h->n_heads_kv * (h->d_key + h->d_value);

    width[GRAPH_BUFFER_MIX] = MAX (width[GRAPH_BUFFER_MIX], mix);
    width[GRAPH_BUFFER_Z] = MAX (width[GRAPH_BUFFER_Z], gates);
  }
}

static void
set_layer_widths (GraphPlan *plan)
{
  const ModelDesc *desc = plan->desc;
  const ModelHparams *h = &desc->h;
  uint32_t *width = plan->buffer_width;

  if (model_desc_has (desc, MODEL_PRE_NORM))
    width[GRAPH_BUFFER_NORMED] = h->d_model;
  set_mixer_widths (plan);
  for (uint32_t i = 0; i < h->n_layers; i++) {
    const ModelLayer *layer = &desc->layers[i];
    uint32_t qkv = qkv_width ((const ModelTensor *const *) desc->layer[i], layer);

    if (desc->layer[i][MODEL_ROLE_FFN_ROUTER] == NULL)
      width[GRAPH_BUFFER_HIDDEN] = MAX (width[GRAPH_BUFFER_HIDDEN], layer->d_ff);
    if ((layer->features & MODEL_ATTENTION) == 0)
      continue;
    width[GRAPH_BUFFER_QKV] = MAX (width[GRAPH_BUFFER_QKV], qkv);
    width[GRAPH_BUFFER_ATTN] = MAX (width[GRAPH_BUFFER_ATTN], layer->n_heads * layer->d_value);
  }
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
    add_mixer_block (plan, tensors, &desc->layers[layer]);
    add_feed_forward_block (plan, tensors, &desc->layers[layer]);
    if (model_desc_has (desc, MODEL_LAYER_INPUT))
      add_layer_input_block (plan, tensors, layer);
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
