/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The half of a layer that mixes tokens: attention, or what keeps a state instead of keys and
 * values. Knows shapes and roles; must not know feed-forward blocks or any device. */
#include "engine/graph/plan-private.h"

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
    plan_weigh (op, tensors[MODEL_ROLE_ATTN_QKV], tensors[MODEL_ROLE_ATTN_QKV_BIAS]);
    return;
  }
  plan_weigh (op, tensors[MODEL_ROLE_ATTN_Q], tensors[MODEL_ROLE_ATTN_Q_BIAS]);
  if (tensors[MODEL_ROLE_ATTN_K] != NULL)
    plan_weigh (op, tensors[MODEL_ROLE_ATTN_K], tensors[MODEL_ROLE_ATTN_K_BIAS]);
  if (tensors[MODEL_ROLE_ATTN_V] != NULL)
    plan_weigh (op, tensors[MODEL_ROLE_ATTN_V], tensors[MODEL_ROLE_ATTN_V_BIAS]);
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
  GraphOp *op = plan_add (plan, GRAPH_OP_MATMUL, src, gated ? GRAPH_BUFFER_MIX : GRAPH_BUFFER_QKV);

  op->dst_width = qkv_width (tensors, layer) + (gated ? gates : 0);
  weigh_qkv (op, tensors);
  if (!gated)
    return;
  op = plan_add (plan, GRAPH_OP_SPLIT_GATES, GRAPH_BUFFER_MIX, GRAPH_BUFFER_QKV);
  op->src_width = qkv_width (tensors, layer) + gates;
  op->dst_width = qkv_width (tensors, layer);
  op->also[0] = GRAPH_BUFFER_Z;
  op->n_heads = layer->n_heads;
  op->d_key = layer->d_key;
}

static void
add_attention_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  const PlanEnding ending = {
    tensors[MODEL_ROLE_ATTN_OUTPUT],
    tensors[MODEL_ROLE_ATTN_OUTPUT_BIAS],
    tensors[MODEL_ROLE_ATTN_POST_NORM],
    tensors[MODEL_ROLE_ATTN_OUTPUT_NORM],
    tensors[MODEL_ROLE_ATTN_OUTPUT_NORM_BIAS],
  };
  GraphBuffer src =
      plan_add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], tensors[MODEL_ROLE_ATTN_NORM_BIAS]);
  uint32_t kv_layer;
  GraphKvGroup group;
  GraphOp *op;

  take_kv_layer (plan, layer, &group, &kv_layer);
  add_qkv (plan, tensors, layer, src);
  op = plan_add (plan, GRAPH_OP_ROPE_STORE, GRAPH_BUFFER_QKV, GRAPH_BUFFER_QKV);
  op->src_width = op->dst_width = qkv_width (tensors, layer);
  op->vector = tensors[MODEL_ROLE_ATTN_Q_NORM];
  op->k_norm = tensors[MODEL_ROLE_ATTN_K_NORM];
  op->norm_values = model_desc_has (plan->desc, MODEL_VALUE_NORM);
  op->value_is_key = value_is_key (tensors);
  set_heads (op, layer, group, kv_layer);

  op = plan_add (plan, GRAPH_OP_ATTENTION, GRAPH_BUFFER_QKV, GRAPH_BUFFER_ATTN);
  op->src_width = op[-1].src_width;
  op->dst_width = layer->n_heads * layer->d_value;
  op->vector = tensors[MODEL_ROLE_ATTN_SINKS];
  op->cap = plan->desc->h.attention_cap;
  op->whole_run = !model_desc_has (plan->desc, MODEL_CAUSAL);
  set_heads (op, layer, group, kv_layer);

  if (model_desc_has (plan->desc, MODEL_GATED_QUERY)) {
    op = plan_add (plan, GRAPH_OP_SIGMOID_GATE, GRAPH_BUFFER_Z, GRAPH_BUFFER_ATTN);
    op->src_width = op->dst_width = layer->n_heads * layer->d_value;
  }

  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_ATTN, plan_ending_buffer (&ending));
  op->src_width = layer->n_heads * layer->d_value;
  plan_add_ending (plan, op, &ending);
}

static GraphOp *
add_conv (GraphPlan *plan, const ModelLayer *layer, const ModelTensor *kernel)
{
  GraphOp *op = plan_add (plan, GRAPH_OP_CONV, GRAPH_BUFFER_MIX, GRAPH_BUFFER_CONV);

  op->dst_width = model_layer_channels (plan->desc, layer);
  op->vector = kernel;
  op->state_first = plan->state_floats;
  plan->state_floats += (plan->desc->h.n_taps - 1) * op->dst_width;
  return op;
}

static void
add_short_conv_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  const PlanEnding ending = { .weight = tensors[MODEL_ROLE_CONV_OUT] };
  GraphBuffer src = plan_add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], NULL);
  uint32_t width = plan->desc->h.d_model;
  GraphOp *op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_MIX);

  op->dst_width = 3 * width;
  plan_weigh (op, tensors[MODEL_ROLE_CONV_IN], NULL);
  add_conv (plan, layer, tensors[MODEL_ROLE_CONV])->src_width = 3 * width;
  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_CONV, plan_ending_buffer (&ending));
  op->src_width = width;
  plan_add_ending (plan, op, &ending);
}

/* Yang et al. 2024 (gated delta networks, arXiv 2412.06464). */
static void
add_delta_net_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  const PlanEnding ending = { .weight = tensors[MODEL_ROLE_DELTA_OUT] };
  const ModelHparams *h = &plan->desc->h;
  uint32_t channels = model_layer_channels (plan->desc, layer);
  uint32_t values = h->n_state_heads * h->d_state;
  GraphBuffer src = plan_add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], NULL);
  GraphOp *op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_MIX);

  op->dst_width = channels;
  plan_weigh (op, tensors[MODEL_ROLE_DELTA_QKV], NULL);
  op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_GATES);
  plan_weigh (op, tensors[MODEL_ROLE_DELTA_ALPHA], NULL);
  plan_weigh (op, tensors[MODEL_ROLE_DELTA_BETA], NULL);
  op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_Z);
  op->dst_width = values;
  plan_weigh (op, tensors[MODEL_ROLE_DELTA_GATE], NULL);
  add_conv (plan, layer, tensors[MODEL_ROLE_DELTA_CONV])->src_width = channels;

  op = plan_add (plan, GRAPH_OP_DELTA_NET, GRAPH_BUFFER_CONV, GRAPH_BUFFER_ATTN);
  op->src_width = channels;
  op->dst_width = values;
  op->also[0] = GRAPH_BUFFER_GATES;
  op->also[1] = GRAPH_BUFFER_Z;
  op->vector = tensors[MODEL_ROLE_DELTA_NORM];
  op->step = tensors[MODEL_ROLE_DELTA_STEP];
  op->decay = tensors[MODEL_ROLE_DELTA_DECAY];
  op->state_first = plan->state_floats;
  plan->state_floats += values * h->d_state;

  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_ATTN, plan_ending_buffer (&ending));
  op->src_width = values;
  plan_add_ending (plan, op, &ending);
}

/* Dao and Gu 2024 (Mamba 2, arXiv 2405.21060). */
static void
add_ssm_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  const PlanEnding ending = { .weight = tensors[MODEL_ROLE_SSM_OUT] };
  const ModelHparams *h = &plan->desc->h;
  uint32_t channels = model_layer_channels (plan->desc, layer);
  uint32_t values = h->n_state_heads * h->d_state_value;
  GraphBuffer src = plan_add_pre_norm (plan, tensors[MODEL_ROLE_ATTN_NORM], NULL);
  GraphOp *op = plan_add (plan, GRAPH_OP_MATMUL, src, GRAPH_BUFFER_MIX);

  op->dst_width = values + channels + h->n_state_heads;
  plan_weigh (op, tensors[MODEL_ROLE_SSM_IN], NULL);
  op = add_conv (plan, layer, tensors[MODEL_ROLE_SSM_CONV]);
  op->src_first = values;
  op->src_width = channels;
  op->biases[0] = tensors[MODEL_ROLE_SSM_CONV_BIAS];

  op = plan_add (plan, GRAPH_OP_SSM, GRAPH_BUFFER_CONV, GRAPH_BUFFER_ATTN);
  op->src_width = channels;
  op->dst_width = values;
  op->also[0] = GRAPH_BUFFER_MIX;
  op->step = tensors[MODEL_ROLE_SSM_STEP];
  op->decay = tensors[MODEL_ROLE_SSM_DECAY];
  op->skip = tensors[MODEL_ROLE_SSM_SKIP];
  op->state_first = plan->state_floats;
  plan->state_floats += values * h->d_state;

  plan_add_norm (plan, GRAPH_BUFFER_ATTN, GRAPH_BUFFER_ATTN, tensors[MODEL_ROLE_SSM_NORM], NULL);
  op = &plan->ops[plan->n_ops - 1];
  op->src_width = op->dst_width = values / h->n_state_keys;
  op->n_parts = h->n_state_keys;
  op = plan_add (plan, GRAPH_OP_MATMUL, GRAPH_BUFFER_ATTN, plan_ending_buffer (&ending));
  op->src_width = values;
  plan_add_ending (plan, op, &ending);
}

/* What mixes the tokens. */
void
plan_add_mixer_block (GraphPlan *plan, const ModelTensor *const *tensors, const ModelLayer *layer)
{
  if ((layer->features & MODEL_SHORT_CONV) != 0)
    add_short_conv_block (plan, tensors, layer);
  else if ((layer->features & MODEL_DELTA_NET) != 0)
    add_delta_net_block (plan, tensors, layer);
  else if ((layer->features & MODEL_SSM) != 0)
    add_ssm_block (plan, tensors, layer);
  else
    add_attention_block (plan, tensors, layer);
}

void
plan_set_mixer_widths (GraphPlan *plan)
{
  const ModelDesc *desc = plan->desc;
  const ModelHparams *h = &desc->h;
  uint32_t *width = plan->buffer_width, gates = h->n_heads * h->d_key;
  uint32_t values = h->n_state_heads * h->d_state_value;
  uint32_t channels = 2 * h->n_state_keys * h->d_state + values;

  if (model_desc_has (desc, MODEL_SHORT_CONV)) {
    width[GRAPH_BUFFER_MIX] = 3 * h->d_model;
    width[GRAPH_BUFFER_CONV] = h->d_model;
  }
  if (model_desc_has (desc, MODEL_DELTA_NET)) {
    width[GRAPH_BUFFER_MIX] = width[GRAPH_BUFFER_CONV] = channels;
    width[GRAPH_BUFFER_GATES] = 2 * h->n_state_heads;
    width[GRAPH_BUFFER_Z] = width[GRAPH_BUFFER_ATTN] = values;
  }
  if (model_desc_has (desc, MODEL_SSM)) {
    width[GRAPH_BUFFER_CONV] = channels;
    width[GRAPH_BUFFER_MIX] = values + channels + h->n_state_heads;
    width[GRAPH_BUFFER_ATTN] = values;
  }
  if (model_desc_has (desc, MODEL_GATED_QUERY)) {
    uint32_t mix = 2 * gates + h->n_heads_kv * (h->d_key + h->d_value);

    width[GRAPH_BUFFER_MIX] = MAX (width[GRAPH_BUFFER_MIX], mix);
    width[GRAPH_BUFFER_Z] = MAX (width[GRAPH_BUFFER_Z], gates);
  }
  for (uint32_t i = 0; i < h->n_layers; i++) {
    const ModelLayer *layer = &desc->layers[i];
    uint32_t qkv = qkv_width ((const ModelTensor *const *) desc->layer[i], layer);

    if ((layer->features & MODEL_ATTENTION) == 0)
      continue;
    width[GRAPH_BUFFER_QKV] = MAX (width[GRAPH_BUFFER_QKV], qkv);
    width[GRAPH_BUFFER_ATTN] = MAX (width[GRAPH_BUFFER_ATTN], layer->n_heads * layer->d_value);
  }
}
