/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records what touches the KV pages: rotating and storing, attending. Must not know weights. */
#include "engine/vulkan/recorder.h"

/* Whether K lies, and is read, as attention-narrow.comp wants it: the same for all plans of a
 * model. */
static gboolean
narrow_attention (const Recorder *self)
{
  const ModelHparams *h = &self->plan->desc->h;
  return self->quirks->narrow_rows > 0 && h->d_key % 8 == 0 && h->d_value % 16 == 0;
}

gboolean
record_rope_store (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  const ModelHparams *h = &self->plan->desc->h;
  gboolean rotates = op->rotation != MODEL_NO_ROTATION;
  ShaderRopePush push = {
    .qkv = recorder_buffer (self, op->src),
    .kv = exe->model->kv.address + (uint64_t) op->layer * exe->model->layer_units * 16,
    .tokens = exe->params.address + exe->at.tokens,
    .pages = exe->params.address + exe->at.pages,
    .rotation = exe->params.address + exe->at.rotation,
    .page_units = exe->model->page_units,
    .n_heads = h->n_heads,
    .n_heads_kv = h->n_heads_kv,
    .d_key = h->d_key,
    .d_value = h->d_value,
    .d_rope = rotates ? self->plan->desc->rotations[op->rotation].d_rope : 0,
    .halves = self->plan->desc->architecture->rope == MODEL_ROPE_HALVES,
    .pairs = narrow_attention (self),
  };
  return recorder_dispatch (self,
                            &(Dispatch) {
                                .kernel = SHADER_ROPE_STORE,
                                .constants = { self->quirks->lanes_small, 1 },
                                PUSH (push),
                                .grid = recorder_rows (op),
                                .reads = BIT (op->src),
                                .writes = BIT (op->src) | BIT_KV,
                            },
                            error);
}

/* Query heads that a workgroup takes: a divisor of those that share a KV head, small enough for the
 * accumulators to stay in registers. */
static uint32_t
heads_at_once (const ModelHparams *h)
{
  uint32_t shared = h->n_heads / h->n_heads_kv;
  for (uint32_t n = 4; n > 1; n--)
    if (shared % n == 0)
      return n;
  return 1;
}

gboolean
record_attention (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  const ModelHparams *h = &self->plan->desc->h;
  ShaderAttentionPush push = {
    .qkv = recorder_buffer (self, op->src),
    .kv = exe->model->kv.address + (uint64_t) op->layer * exe->model->layer_units * 16,
    .tokens = exe->params.address + exe->at.tokens,
    .pages = exe->params.address + exe->at.pages,
    .dst = recorder_buffer (self, op->dst),
    .parts = exe->activations.address + exe->parts,
    .batch = exe->params.address + exe->at.batch,
    .page_units = exe->model->page_units,
    .n_heads = h->n_heads,
    .n_heads_kv = h->n_heads_kv,
    .d_key = h->d_key,
    .d_value = h->d_value,
    .scale = h->attention_scale,
  };
  uint32_t heads = heads_at_once (h), lanes = self->quirks->lanes_small;
  gboolean narrow = narrow_attention (self);
  Dispatch attend = {
    .kernel = narrow ? SHADER_ATTENTION_NARROW : SHADER_ATTENTION,
    .constants = { lanes, 1, heads, narrow ? h->d_key / 2 : (h->d_key + 7) / 8,
                   narrow ? h->d_value / 16 : (h->d_value + 7) / 8,
                   lanes <= exe->model->backend->device->can.subgroup_min },
    PUSH (push),
    .grid = { { VULKAN_COUNT_TOKENS, VULKAN_COUNT_FIXED, VULKAN_COUNT_SPLITS },
              { 0, h->n_heads / heads, 0 } },
    .reads = BIT (op->src) | BIT_KV,
    .writes = BIT (op->dst) | BIT_PARTS,
  };
  Dispatch reduce = {
    .kernel = SHADER_ATTENTION_REDUCE,
    .constants = { lanes, 1 },
    PUSH (push),
    .grid = { { VULKAN_COUNT_SPLIT_TOKENS }, { 0, h->n_heads, 1 } },
    .reads = BIT_PARTS,
    .writes = BIT (op->dst),
  };
  return recorder_dispatch (self, &attend, error) && recorder_dispatch (self, &reduce, error);
}
