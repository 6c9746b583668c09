/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records what touches the KV pages: norming, rotating and storing, attending. All geometry is the
 * op's: heads may differ from layer to layer. Must not know weights. */
#include "engine/vulkan/recorder.h"

#include <string.h>

/* Accumulators of a lane of attention that stay in registers. */
#define MAX_ACCUMULATORS 64

/* What a type of keys and values has. Numbers that f16 cannot hold are not for matrices. */
static const struct {
  ShaderKernelId store, attend, attend_narrow, attend_matrix;
  uint32_t word; /* numbers in 32 bits */
} types[MODEL_N_KV_TYPES] = {
  [MODEL_KV_F16] = { SHADER_ROPE_STORE, SHADER_ATTENTION, SHADER_ATTENTION_NARROW,
                     SHADER_ATTENTION_MATRIX, 2 },
  [MODEL_KV_Q8_0] = { SHADER_ROPE_STORE_Q8_0, SHADER_ATTENTION_Q8_0, SHADER_ATTENTION_NARROW_Q8_0,
                      SHADER_ATTENTION_MATRIX_Q8_0, 4 },
  [MODEL_KV_F32] = { SHADER_ROPE_STORE_F32, SHADER_ATTENTION_F32, SHADER_ATTENTION_NARROW_F32,
                     SHADER_N_KERNELS, 1 },
};

static ModelKvType
type_of (const Recorder *self, const GraphOp *op)
{
  return self->exe->model->kv[op->group].type;
}

/* Whether a layer's K lies, and is read, as attention-narrow.comp wants it: the same for all plans
 * of a model. */
static gboolean
is_narrow (const Recorder *self, const GraphOp *op)
{
  uint32_t word = types[type_of (self, op)].word;
  return self->quirks->narrow_rows > 0 && op->d_key % (4 * word) == 0 &&
         op->d_value % (8 * word) == 0;
}

static uint64_t
pages_address (const Recorder *self, const GraphOp *op)
{
  return self->exe->params.address + self->exe->at.pages[op->group];
}

/* tensor: NULL gives an address that nothing reads. */
static uint64_t
vector_or_any (const Recorder *self, const ModelTensor *tensor)
{
  return tensor != NULL ? recorder_vector (self, tensor) : self->exe->params.address;
}

static uint32_t
store_features_of (const GraphOp *op)
{
  return (op->vector != NULL ? SHADER_HEADS_NORMED : 0) |
         (op->norm_values ? SHADER_VALUES_NORMED : 0) |
         (op->value_is_key ? SHADER_VALUE_IS_KEY : 0) | (op->shares_kv ? SHADER_KV_SHARED : 0);
}

/* Query heads that a workgroup takes: a divisor of those that share a KV head. */
static uint32_t
heads_at_once (const GraphOp *op, uint32_t lanes, uint32_t unit)
{
  uint32_t shared = op->n_heads / op->n_heads_kv;
  uint32_t each = MAX ((op->d_value + lanes - 1) / lanes, unit);
  for (uint32_t n = 4; n > 1; n--)
    if (shared % n == 0 && n * each <= MAX_ACCUMULATORS)
      return n;
  return 1;
}

/* Where the rotations of a batch's tokens are that the op turns by. */
static uint64_t
rotation_address (const Recorder *self, const GraphOp *op)
{
  const VulkanExecutable *exe = self->exe;
  uint64_t skipped = op->rotation != MODEL_NO_ROTATION ? op->rotation : 0;
  return exe->params.address + exe->at.rotations + skipped * exe->at.rotation_bytes;
}

/* Numbers of a head that are turned. */
static uint32_t
rotated_of (const Recorder *self, const GraphOp *op)
{
  return op->rotation != MODEL_NO_ROTATION ? self->plan->desc->rotations[op->rotation].d_rope : 0;
}

static gboolean
turns_halves (const Recorder *self)
{
  return self->plan->desc->architecture->rope == MODEL_ROPE_HALVES;
}

/* Whether the attention after op, of one token, can do op's work: see attention-narrow.comp. */
static gboolean
attention_stores (const Recorder *self, const GraphOp *op)
{
  const GraphOp *next = op + 1;
  return self->columns == 1 && self->most == 0 && self->index + 1 < self->segment_end &&
         next->kind == GRAPH_OP_ATTENTION && next->src == op->src && next->group == op->group &&
         next->layer == op->layer &&
         is_narrow (self, op) && type_of (self, op) == MODEL_KV_F16 &&
         store_features_of (op) == 0 && !next->whole_run &&
         heads_at_once (next, self->quirks->lanes_small, 8) == op->n_heads / op->n_heads_kv;
}

gboolean
record_rope_store (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  self->stores = attention_stores (self, op);
  if (self->stores)
    return TRUE;
  /* On a card a workgroup is a KV head and the query heads that share it. */
  uint32_t each = self->quirks->narrow_rows > 0 ? op->n_heads_kv : 1;
  uint32_t page_units;
  uint64_t kv = vulkan_kv_layer (exe->model->kv, op, &page_units);
  ShaderRopePush push = {
    .qkv = recorder_buffer (self, op->src),
    .kv = kv,
    .tokens = exe->params.address + exe->at.tokens,
    .pages = pages_address (self, op),
    .rotation = rotation_address (self, op),
    .q_norm = vector_or_any (self, op->vector),
    .k_norm = vector_or_any (self, op->k_norm),
    .page_units = page_units,
    .n_heads = op->n_heads,
    .n_heads_kv = op->n_heads_kv,
    .d_key = op->d_key,
    .d_value = op->d_value,
    .d_rope = rotated_of (self, op),
    .halves = turns_halves (self),
    .words = is_narrow (self, op),
    .stride = recorder_stride (self, op->src),
    .heads_each = each * (op->n_heads / op->n_heads_kv),
    .heads_kv_each = each,
    .epsilon = self->plan->desc->h.norm_epsilon,
  };
  /* A lane turns a pair, or two. */
  uint32_t lanes = recorder_row_lanes (self, (push.heads_each + each) * op->d_key * 4);
  return record (self,
                 &(Dispatch) {
                     .kernel = types[type_of (self, op)].store,
                     .constants = { lanes, 1, store_features_of (op) },
                     PUSH (push),
                     .grid = { { VULKAN_COUNT_TOKENS }, { 0, op->n_heads_kv / each, 1 } },
                     .reads = BIT (op->src),
                     .writes = BIT (op->src) | (op->shares_kv ? 0 : BIT_KV),
                 },
                 error);
}

static uint32_t
window_of (const GraphOp *op)
{
  if (op->window_tokens == 0)
    return SHADER_WINDOW_NONE;
  return op->whole_run ? SHADER_WINDOW_SIDES : SHADER_WINDOW_PAST;
}

static uint32_t
features_of (const Recorder *self, const GraphOp *op)
{
  return (op->cap > 0 ? SHADER_CAPPED : 0) | (op->vector != NULL ? SHADER_SINKS : 0) |
         (self->plan->desc->h.temperature > 0 ? SHADER_TEMPERED : 0);
}

static ShaderAttentionPush
attention_push (const Recorder *self, const GraphOp *op)
{
  const VulkanExecutable *exe = self->exe;
  const ModelHparams *h = &self->plan->desc->h;
  uint32_t page_units;
  uint64_t kv = vulkan_kv_layer (exe->model->kv, op, &page_units);
  return (ShaderAttentionPush) {
    .qkv = recorder_buffer (self, op->src),
    .kv = kv,
    .tokens = exe->params.address + exe->at.tokens,
    .pages = pages_address (self, op),
    .dst = recorder_buffer (self, op->dst),
    .parts = exe->activations.address + exe->parts,
    .batch = exe->params.address + exe->at.batch,
    .sinks = vector_or_any (self, op->vector),
    .rotation = rotation_address (self, op),
    .page_units = page_units,
    .n_heads = op->n_heads,
    .n_heads_kv = op->n_heads_kv,
    .d_key = op->d_key,
    .d_value = op->d_value,
    .src_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
    .scale = h->attention_scale,
    .cap = op->cap,
    .temperature = h->temperature,
    .temperature_floor = h->temperature_floor_tokens,
    .window = op->window_tokens,
    .d_rope = rotated_of (self, op),
    .halves = turns_halves (self),
  };
}

/* Query heads of a token that share a KV head and a workgroup of so many rows: the most that leave
 * next to no row empty, for fewer tokens differ less in what they see. */
static uint32_t
heads_of_rows (const GraphOp *op, uint32_t rows)
{
  uint32_t shared = op->n_heads / op->n_heads_kv;
  for (uint32_t n = MIN (shared, rows); n > 1; n--)
    if (shared % n == 0 && rows % n <= rows / 16)
      return n;
  return 1;
}

/* What a workgroup of attention-matrix.comp shares. */
static uint64_t
matrix_bytes (const GraphOp *op, uint32_t rows, uint32_t lanes)
{
  uint64_t page = ENGINE_PAGE_TOKENS;
  uint64_t tile = MAX (page * (op->d_key + 8), op->d_value * (page + 8));
  return tile * 2 + rows * ((page + 4) * 4 + (page + 8) * 2) + lanes * 4 + rows * 4;
}

/* attention-matrix.comp for many tokens, where the device multiplies matrices, heads are whole ones
 * and a workgroup has room: FALSE where not. */
static gboolean
choose_matrix (const Recorder *self, const GraphOp *op, Dispatch *attend)
{
  const VulkanDevice *device = self->exe->model->backend->device;
  const VkPhysicalDeviceLimits *limits = &device->can.properties.limits;
  const VulkanMatrix *matrix = &device->can.matrix;
  uint32_t word = types[type_of (self, op)].word, parts = 1;
  if (self->most == 0 || self->quirks->tiling != VULKAN_TILING_MATRIX ||
      types[type_of (self, op)].attend_matrix == SHADER_N_KERNELS ||
      op->d_key % MAX (matrix->k, 4 * word) != 0 || op->d_value % MAX (matrix->n, 4 * word) != 0)
    return FALSE;
  while (op->d_value / matrix->n > parts * self->quirks->sums)
    parts *= 2;
  uint32_t rows = ENGINE_PAGE_TOKENS, lanes;
  for (;; rows /= 2) {
    lanes = rows / matrix->m * parts * matrix->subgroup;
    if (rows < matrix->m)
      return FALSE;
    if (lanes <= MIN (limits->maxComputeWorkGroupInvocations, limits->maxComputeWorkGroupSize[0]) &&
        matrix_bytes (op, rows, lanes) <= limits->maxComputeSharedMemorySize)
      break;
  }
  if (ENGINE_PAGE_TOKENS % (matrix->n * parts) != 0 || op->d_value % (matrix->n * parts) != 0 ||
      lanes > 16 * rows)
    return FALSE;
  uint32_t heads = heads_of_rows (op, rows);
  uint32_t constants[] = { lanes, 1, heads, op->d_key, op->d_value, parts,
                           attend->constants[6], attend->constants[7],
                           matrix->m, matrix->n, matrix->k, rows };
  G_STATIC_ASSERT (sizeof constants == sizeof attend->constants);
  memcpy (attend->constants, constants, sizeof constants);
  attend->kernel = types[type_of (self, op)].attend_matrix;
  attend->subgroup = matrix->subgroup;
  attend->grid.kind[0] = VULKAN_COUNT_TOKEN_TILES;
  attend->grid.fixed[0] = rows / heads;
  attend->grid.fixed[1] = op->n_heads / heads;
  self->exe->tile_tokens = MAX (self->exe->tile_tokens, rows / heads);
  return TRUE;
}

gboolean
record_attention (Recorder *self, const GraphOp *op, GError **error)
{
  ShaderAttentionPush push = attention_push (self, op);
  uint32_t word = types[type_of (self, op)].word, unit = 4 * word;
  uint32_t lanes = self->quirks->lanes_small, heads = heads_at_once (op, lanes, unit);
  uint32_t window = window_of (op);
  gboolean narrow = is_narrow (self, op), all = window == SHADER_WINDOW_NONE;
  Dispatch attend = {
    .kernel = self->stores ? SHADER_ATTENTION_NARROW_STORES
              : narrow     ? types[type_of (self, op)].attend_narrow
                           : types[type_of (self, op)].attend,
    .constants = { lanes, 1, heads, narrow ? op->d_key / word : (op->d_key + unit - 1) / unit,
                   narrow ? op->d_value / (8 * word) : (op->d_value + unit - 1) / unit,
                   lanes <= self->exe->model->backend->device->can.subgroup_min, window,
                   features_of (self, op) },
    PUSH (push),
    .grid = { { VULKAN_COUNT_TOKENS, VULKAN_COUNT_FIXED,
                all ? VULKAN_COUNT_SPLITS : VULKAN_COUNT_WINDOW_SPLITS },
              { 0, op->n_heads / heads, 0 } },
    .reads = BIT (op->src) | BIT_KV,
    .writes = BIT (op->dst) | BIT_PARTS | (self->stores ? BIT_KV : 0),
  };
  Dispatch reduce = {
    .kernel = SHADER_ATTENTION_REDUCE,
    .constants = { lanes, 1, !all },
    PUSH (push),
    .grid = { { all ? VULKAN_COUNT_SPLIT_TOKENS : VULKAN_COUNT_WINDOW_SPLIT_TOKENS },
              { 0, op->n_heads, 1 } },
    .reads = BIT_PARTS,
    .writes = BIT (op->dst),
  };
  self->stores = FALSE;
  choose_matrix (self, op, &attend);
  return record (self, &attend, error) && record (self, &reduce, error);
}
