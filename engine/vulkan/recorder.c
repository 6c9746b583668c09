/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turns a plan's ops into recorded command buffers: one function per op, a table of them, and
 * one place that adds a barrier exactly where a dispatch touches what an earlier one wrote.
 * Sizes that depend on the batch are indirect arguments (batch.c writes them), so a recording is
 * replayed as it is. Must not know a batch. */
#include "engine/vulkan/executable.h"

#include <string.h>

/* What dispatches read and write, as bits: the plan's buffers, and these. */
#define BIT(buffer) (1u << (buffer))
#define BIT_PACK    (1u << 16)
#define BIT_PARTS   (1u << 17)
#define BIT_KV      (1u << 18)
#define BIT_SLICES  (1u << 19)
#define BIT_RESULTS (1u << 20)
#define BIT_SQUARES (1u << 21)

typedef struct {
  VulkanExecutable *exe;
  const GraphPlan *plan;
  const VulkanQuirks *quirks;
  VulkanRecording *recording;
  VkCommandBuffer commands;
  uint32_t columns;
  uint32_t read, written; /* since the last barrier */
  uint32_t index;         /* of the op in the plan */
  uint32_t n_squares;     /* NORMED still lacks its division: parts of the sum of squares; else 0 */
} Recorder;

typedef struct {
  ShaderKernelId kernel;
  uint32_t constants[VULKAN_N_CONSTANTS];
  const void *push;
  uint32_t push_bytes;
  VulkanGrid grid;
  uint32_t reads, writes;
  uint32_t disjoint; /* of writes: other parts of the buffer than those since the last barrier */
} Dispatch;

static uint64_t
buffer_address (const Recorder *self, GraphBuffer buffer)
{
  return self->exe->activations.address + self->exe->offset[buffer];
}

static void
barrier (Recorder *self)
{
  VkMemoryBarrier memory = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
  };
  vkCmdPipelineBarrier (self->commands,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &memory, 0, NULL, 0, NULL);
  self->read = self->written = 0;
}

static gboolean
begin (Recorder *self, GError **error)
{
  VkCommandBufferBeginInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  self->commands = vulkan_submitter_new_commands (self->exe->model->backend->submitter, error);
  if (self->commands == VK_NULL_HANDLE)
    return FALSE;
  g_array_append_val (self->recording->commands, self->commands);
  if (!VK (vkBeginCommandBuffer (self->commands, &info), error))
    return FALSE;
  barrier (self);
  return TRUE;
}

static gboolean
end (Recorder *self, GError **error)
{
  return VK (vkEndCommandBuffer (self->commands), error);
}

static gboolean
dispatch (Recorder *self, const Dispatch *what, GError **error)
{
  VulkanPipelines *pipelines = self->exe->model->backend->pipelines;
  VkPipeline pipeline =
      vulkan_pipelines_get (pipelines, what->kernel, what->constants, error);
  if (pipeline == VK_NULL_HANDLE)
    return FALSE;
  if ((what->reads & self->written) != 0 ||
      (what->writes & ~what->disjoint & (self->written | self->read)) != 0)
    barrier (self);
  self->read |= what->reads;
  self->written |= what->writes;
  vkCmdBindPipeline (self->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdPushConstants (self->commands, vulkan_pipelines_layout (pipelines),
                      VK_SHADER_STAGE_COMPUTE_BIT, 0, what->push_bytes, what->push);
  uint64_t argument = self->recording->first_argument + self->recording->grids->len;
  vkCmdDispatchIndirect (self->commands, self->exe->params.buffer,
                         self->exe->at.arguments + argument * sizeof (VkDispatchIndirectCommand));
  g_array_append_val (self->recording->grids, what->grid);
  return TRUE;
}

#define PUSH(push) .push = &(push), .push_bytes = sizeof (push)

static VulkanGrid
rows_grid (const GraphOp *op)
{
  VulkanCount rows = op->output_rows ? VULKAN_COUNT_OUTPUTS : VULKAN_COUNT_TOKENS;
  return (VulkanGrid) { { rows }, { 0, 1, 1 } };
}

static gboolean
is_float (const VulkanLayout *layout)
{
  return layout->type->block_weights == 1;
}

static gboolean
record_embed (Recorder *self, const GraphOp *op, GError **error)
{
  const VulkanPart *part = vulkan_weights_part (self->exe->model->weights, op->weights[0]);
  const VulkanLayout *layout = &part->stack->layout;
  ShaderEmbedPush push = {
    .w = part->stack->planes,
    .tokens = self->exe->params.address + self->exe->at.tokens,
    .dst = buffer_address (self, op->dst),
    .blocks = layout->blocks,
    .width = op->dst_width,
    .group = layout->group,
    .row0 = part->first_row,
  };
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = SHADER_FORM_KERNEL (layout->form, SHADER_FAMILY_EMBED),
                       .constants = { self->quirks->lanes_small, 1, op->pick, op->accumulate },
                       PUSH (push),
                       .grid = rows_grid (op),
                       .reads = op->accumulate ? BIT (op->dst) : 0,
                       .writes = BIT (op->dst),
                   },
                   error);
}

static gboolean
record_norm (Recorder *self, const GraphOp *op, GError **error)
{
  const GraphOp *before = op - 1;
  if (self->index > 0 && before->n_weights == 1 && before->accumulate && before->dst == op->src &&
      self->n_squares > 0)
    return TRUE; /* the product before has done all but the division */
  self->n_squares = 0;
  ShaderNormPush push = {
    .src = buffer_address (self, op->src),
    .vector = vulkan_weights_vector (self->exe->model->weights, op->vector)->address,
    .dst = buffer_address (self, op->dst),
    .width = op->dst_width,
    .epsilon = self->plan->desc->h.norm_epsilon,
  };
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = SHADER_NORM,
                       .constants = { self->quirks->lanes_small, 1 },
                       PUSH (push),
                       .grid = rows_grid (op),
                       .reads = BIT (op->src),
                       .writes = BIT (op->dst),
                   },
                   error);
}

static uint64_t
vector_address (const Recorder *self, const ModelTensor *tensor)
{
  return vulkan_weights_vector (self->exe->model->weights, tensor)->address;
}

static gboolean
record_layer_norm (Recorder *self, const GraphOp *op, GError **error)
{
  const ModelTensor *bias = op->biases[0] != NULL ? op->biases[0] : op->vector;
  ShaderNormPush push = {
    .src = buffer_address (self, op->src),
    .vector = vector_address (self, op->vector),
    .dst = buffer_address (self, op->dst),
    .bias = vector_address (self, bias),
    .width = op->dst_width,
    .epsilon = self->plan->desc->h.norm_epsilon,
  };
  self->n_squares = 0;
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = SHADER_LAYER_NORM,
                       .constants = { self->quirks->lanes_small, 1, op->biases[0] != NULL },
                       PUSH (push),
                       .grid = rows_grid (op),
                       .reads = BIT (op->src),
                       .writes = BIT (op->dst),
                   },
                   error);
}

/* Whether a matrix kernel takes activations as they lie: one column of floats without a ragged
 * end. */
static gboolean
takes_plain (const Recorder *self, const VulkanLayout *layout, const GraphOp *op, gboolean ints)
{
  return !ints && self->columns == 1 && op->src_width == layout->blocks * SHADER_BLOCK;
}

static gboolean
record_pack (Recorder *self, const VulkanLayout *layout, const GraphOp *op, gboolean ints,
             GError **error)
{
  VulkanExecutable *exe = self->exe;
  ShaderPackPush push = {
    .src = buffer_address (self, op->src),
    .dst = exe->activations.address + exe->pack,
    .codes = exe->activations.address + exe->pack,
    .scales = exe->activations.address + exe->pack_scales,
    .width = op->src_width,
    .blocks = layout->blocks,
    .columns = self->columns,
  };
  VulkanGrid grid = {
    { op->output_rows ? VULKAN_COUNT_OUTPUT_TILES : VULKAN_COUNT_TOKEN_TILES }, { 0, 1, 1 }
  };
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = ints ? SHADER_PACK_INT : SHADER_PACK_FLOAT,
                       .constants = { self->quirks->lanes_small, 1 },
                       PUSH (push),
                       .grid = grid,
                       .reads = BIT (op->src),
                       .writes = BIT_PACK,
                   },
                   error);
}

/* Rows [row0, row0 + rows) of a stack into dst from column `first` on. */
typedef struct {
  const VulkanTensor *stack;
  uint32_t row0, rows, first, mode;
  const ModelTensor *bias; /* or NULL */
  gboolean more;           /* not the op's first dispatch: writes beside what the others wrote */
} Product;

static gboolean
record_product (Recorder *self, const GraphOp *op, const Product *product, gboolean plain,
                gboolean ints, GError **error)
{
  VulkanExecutable *exe = self->exe;
  const VulkanLayout *layout = &product->stack->layout;
  uint64_t base = exe->activations.address;
  ShaderMatmulPush push = {
    .w = product->stack->planes,
    .x = plain ? buffer_address (self, op->src) : base + exe->pack,
    .x_codes = base + exe->pack,
    .x_scales = base + exe->pack_scales,
    .dst = buffer_address (self, op->dst),
    .bias = product->bias != NULL ? vector_address (self, product->bias) : base,
    .rows = product->rows,
    .blocks = layout->blocks,
    .stride = op->dst_width,
    .first = product->first,
    .group = layout->group,
    .row0 = product->row0,
  };
  ShaderFamily family = ints ? SHADER_FAMILY_MATMUL_INT : SHADER_FAMILY_MATMUL;
  uint32_t groups = (product->rows + self->quirks->lanes - 1) / self->quirks->lanes;
  VulkanGrid grid = { { VULKAN_COUNT_FIXED,
                        op->output_rows ? VULKAN_COUNT_OUTPUT_TILES : VULKAN_COUNT_TOKEN_TILES },
                      { groups, 0, 1 } };
  uint32_t split = self->columns == 1 ? self->quirks->split : 1;
  gboolean reads_dst = product->mode != SHADER_STORE && product->mode < SHADER_ACTIVATE;
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = SHADER_FORM_KERNEL (layout->form, family),
                       .constants = { self->quirks->lanes, split, self->columns, product->mode,
                                      layout->group, product->bias != NULL },
                       PUSH (push),
                       .grid = grid,
                       .reads = (plain ? BIT (op->src) : BIT_PACK) |
                                (reads_dst ? BIT (op->dst) : 0),
                       .writes = BIT (op->dst),
                       .disjoint = product->more ? BIT (op->dst) : 0,
                   },
                   error);
}

static gboolean
has_kernel (const VulkanLayout *layout, ShaderFamily family)
{
  return shader_kernels[SHADER_FORM_KERNEL (layout->form, family)].words != NULL;
}

/* matvec.comp, where it applies: one column, a device for it, a form that has it. */
static gboolean
is_narrow (const Recorder *self, const GraphOp *op, const VulkanLayout *layout)
{
  return self->columns == 1 && self->quirks->narrow_rows > 0 &&
         has_kernel (layout, SHADER_FAMILY_MATVEC) &&
         op->src_width == layout->blocks * SHADER_BLOCK;
}

/* The up matrix lies right behind the gate matrix. */
static gboolean
is_stacked (const Recorder *self, const GraphOp *op)
{
  const VulkanPart *gate = vulkan_weights_part (self->exe->model->weights, op->weights[0]);
  const VulkanPart *up = vulkan_weights_part (self->exe->model->weights, op->weights[1]);
  return gate->stack == up->stack && up->first_row == gate->first_row + op->dst_width;
}

static gboolean
all_narrow (const Recorder *self, const GraphOp *op)
{
  for (uint32_t w = 0; w < op->n_weights; w++) {
    const VulkanPart *part = vulkan_weights_part (self->exe->model->weights, op->weights[w]);
    if (!is_narrow (self, op, &part->stack->layout))
      return FALSE;
  }
  return op->n_weights > 0 && (op->kind == GRAPH_OP_MATMUL || is_stacked (self, op));
}

/* The norm after op (which writes the residual stream), when op can do its work: the ops that
 * follow are that norm and one product of matvec.comp. */
static const GraphOp *
norm_to_feed (const Recorder *self, const GraphOp *op)
{
  if (self->index + 2 >= self->plan->n_ops || !op->accumulate || op->n_weights != 1)
    return NULL;
  const GraphOp *norm = &self->plan->ops[self->index + 1], *product = norm + 1;
  return norm->kind == GRAPH_OP_NORM && norm->src == op->dst && !norm->output_rows &&
                 product->src == norm->dst && all_narrow (self, product)
             ? norm
             : NULL;
}

static gboolean
record_narrow (Recorder *self, const GraphOp *op, const Product *product, gboolean gated,
               GError **error)
{
  const VulkanLayout *layout = &product->stack->layout;
  uint32_t own = gated ? self->quirks->narrow_rows / 2 : self->quirks->narrow_rows;
  uint32_t groups = (product->rows + own - 1) / own;
  gboolean accumulates = product->mode == SHADER_ACCUMULATE;
  VulkanExecutable *exe = self->exe;
  const GraphOp *norm = norm_to_feed (self, op);
  uint64_t squares = exe->activations.address + exe->squares;
  ShaderMatvecPush push = {
    .w = product->stack->planes,
    .x = buffer_address (self, op->src),
    .dst = buffer_address (self, op->dst),
    /* Valid even where n is 0: see GUARD_BYTES in memory.c. */
    .squares = squares,
    .vector = norm == NULL ? squares
                           : vulkan_weights_vector (exe->model->weights, norm->vector)->address,
    .normed = norm == NULL ? squares : buffer_address (self, norm->dst),
    .squares_out = squares,
    .rows = product->rows,
    .blocks = layout->blocks,
    .first = product->first,
    .row0 = product->row0,
    .n_squares = op->src == GRAPH_BUFFER_NORMED ? self->n_squares : 0,
    .width = (float) op->src_width,
    .epsilon = self->plan->desc->h.norm_epsilon,
  };
  uint32_t normed = norm == NULL ? 0 : BIT (norm->dst) | BIT_SQUARES;
  if (norm != NULL)
    self->n_squares = groups;
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = SHADER_FORM_KERNEL (layout->form, SHADER_FAMILY_MATVEC),
                       .constants = { self->quirks->lanes, 1, self->quirks->narrow_rows,
                                      product->mode, gated, norm != NULL },
                       PUSH (push),
                       .grid = { { VULKAN_COUNT_FIXED,
                                   op->output_rows ? VULKAN_COUNT_OUTPUTS : VULKAN_COUNT_TOKENS },
                                 { groups, 0, 1 } },
                       .reads = BIT (op->src) | (accumulates ? BIT (op->dst) : 0) |
                                (push.n_squares > 0 ? BIT_SQUARES : 0),
                       .writes = BIT (op->dst) | normed,
                       .disjoint = product->more ? BIT (op->dst) : 0,
                   },
                   error);
}

/* A product with its activations made ready; consecutive products of one op share them. */
static gboolean
record_products (Recorder *self, const GraphOp *op, const Product *products, uint32_t n,
                 GError **error)
{
  int packed = -1; /* as ints: 1, as floats: 0 */
  for (uint32_t i = 0; i < n; i++) {
    const VulkanLayout *layout = &products[i].stack->layout;
    gboolean ints = !self->quirks->float_dots && !is_float (layout);
    if (is_narrow (self, op, layout) && products[i].mode <= SHADER_ACCUMULATE &&
        products[i].bias == NULL) {
      if (!record_narrow (self, op, &products[i], FALSE, error))
        return FALSE;
      continue;
    }
    gboolean plain = takes_plain (self, layout, op, ints);
    if (!plain && packed != ints && !record_pack (self, layout, op, ints, error))
      return FALSE;
    if (!plain)
      packed = ints;
    if (!record_product (self, op, &products[i], plain, ints, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
record_matmul (Recorder *self, const GraphOp *op, GError **error)
{
  Product products[GRAPH_MAX_WEIGHTS];
  uint32_t n = 0, first = 0, mode = op->accumulate ? SHADER_ACCUMULATE : SHADER_STORE;
  if (op->activate)
    mode = SHADER_ACTIVATE + self->plan->desc->architecture->activation;
  if (op->accumulate)
    self->n_squares = 0; /* of the residual stream as it was */
  for (uint32_t w = 0; w < op->n_weights; w++) {
    const VulkanPart *part = vulkan_weights_part (self->exe->model->weights, op->weights[w]);
    uint32_t rows = (uint32_t) op->weights[w]->ne[1];
    Product *last = n > 0 ? &products[n - 1] : NULL;
    if (last != NULL && last->stack == part->stack && last->row0 + last->rows == part->first_row &&
        last->bias == NULL && op->biases[w] == NULL)
      last->rows += rows;
    else
      products[n++] = (Product) { part->stack, part->first_row, rows, first, mode,
                                  op->biases[w], last != NULL };
    first += rows;
  }
  return record_products (self, op, products, n, error);
}

static gboolean
record_gated (Recorder *self, const GraphOp *op, GError **error)
{
  const VulkanPart *gate = vulkan_weights_part (self->exe->model->weights, op->weights[0]);
  const VulkanPart *up = vulkan_weights_part (self->exe->model->weights, op->weights[1]);
  uint32_t mode = SHADER_GATE + self->plan->desc->architecture->activation;
  if (is_stacked (self, op) && is_narrow (self, op, &gate->stack->layout)) {
    Product both = { gate->stack, gate->first_row, op->dst_width, 0, mode, NULL, FALSE };
    return record_narrow (self, op, &both, TRUE, error);
  }
  Product products[] = {
    { gate->stack, gate->first_row, op->dst_width, 0, SHADER_STORE, NULL, FALSE },
    { up->stack, up->first_row, op->dst_width, 0, mode, NULL, FALSE },
  };
  return record_products (self, op, products, G_N_ELEMENTS (products), error);
}

/* Whether K lies, and is read, as attention-narrow.comp wants it: the same for all plans of a
 * model. */
static gboolean
narrow_attention (const Recorder *self)
{
  const ModelHparams *h = &self->plan->desc->h;
  return self->quirks->narrow_rows > 0 && h->d_key % 8 == 0 && h->d_value % 16 == 0;
}

static gboolean
record_rope_store (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  const ModelHparams *h = &self->plan->desc->h;
  gboolean rotates = op->rotation != MODEL_NO_ROTATION;
  ShaderRopePush push = {
    .qkv = buffer_address (self, op->src),
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
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = SHADER_ROPE_STORE,
                       .constants = { self->quirks->lanes_small, 1 },
                       PUSH (push),
                       .grid = rows_grid (op),
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

static gboolean
record_attention (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  const ModelHparams *h = &self->plan->desc->h;
  ShaderAttentionPush push = {
    .qkv = buffer_address (self, op->src),
    .kv = exe->model->kv.address + (uint64_t) op->layer * exe->model->layer_units * 16,
    .tokens = exe->params.address + exe->at.tokens,
    .pages = exe->params.address + exe->at.pages,
    .dst = buffer_address (self, op->dst),
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
  return dispatch (self, &attend, error) && dispatch (self, &reduce, error);
}

static gboolean
record_gather (Recorder *self, const GraphOp *op, GError **error)
{
  ShaderGatherPush push = {
    .src = buffer_address (self, op->src),
    .outputs = self->exe->params.address + self->exe->at.outputs,
    .dst = buffer_address (self, op->dst),
    .width = op->dst_width,
  };
  return dispatch (self,
                   &(Dispatch) {
                       .kernel = op->kind == GRAPH_OP_POOL ? SHADER_POOL : SHADER_GATHER,
                       .constants = { self->quirks->lanes_small, 1 },
                       PUSH (push),
                       .grid = { { VULKAN_COUNT_OUTPUTS }, { 0, 1, 1 } },
                       .reads = BIT (op->src),
                       .writes = BIT (op->dst),
                   },
                   error);
}

static gboolean
record_candidates (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  ShaderCandidatesPush push = {
    .logits = buffer_address (self, op->src),
    .slices = exe->activations.address + exe->slices,
    .result = exe->results.address,
    .batch = exe->params.address + exe->at.batch,
    .vocab = op->src_width,
    .slice = (op->src_width + SHADER_SLICES - 1) / SHADER_SLICES,
  };
  VulkanGrid all = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_OUTPUTS }, { SHADER_SLICES, 0, 1 } };
  VulkanGrid one = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_OUTPUTS }, { 1, 0, 1 } };
  const struct {
    ShaderKernelId kernel;
    VulkanGrid grid;
    uint32_t reads, writes;
  } passes[] = {
    { SHADER_CANDIDATES_SLICE, all, BIT (op->src), BIT_SLICES },
    { SHADER_CANDIDATES_CUT, one, BIT_SLICES, BIT_RESULTS },
    { SHADER_CANDIDATES_COLLECT, all, BIT (op->src) | BIT_SLICES | BIT_RESULTS, BIT_RESULTS },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (passes); i++)
    if (!dispatch (self,
                   &(Dispatch) {
                       .kernel = passes[i].kernel,
                       .constants = { self->quirks->lanes_small, 1 },
                       PUSH (push),
                       .grid = passes[i].grid,
                       .reads = passes[i].reads,
                       .writes = passes[i].writes,
                   },
                   error))
      return FALSE;
  return TRUE;
}

static gboolean (*const record_op[GRAPH_N_OPS]) (Recorder *self, const GraphOp *op,
                                                 GError **error) = {
  [GRAPH_OP_EMBED] = record_embed,
  [GRAPH_OP_NORM] = record_norm,
  [GRAPH_OP_LAYER_NORM] = record_layer_norm,
  [GRAPH_OP_MATMUL] = record_matmul,
  [GRAPH_OP_ROPE_STORE] = record_rope_store,
  [GRAPH_OP_ATTENTION] = record_attention,
  [GRAPH_OP_GATED] = record_gated,
  [GRAPH_OP_GATHER] = record_gather,
  [GRAPH_OP_POOL] = record_gather,
  [GRAPH_OP_CANDIDATES] = record_candidates,
};

static VulkanPlanPart
part_of (const GraphOp *op)
{
  return op->output_rows || op->kind == GRAPH_OP_GATHER || op->kind == GRAPH_OP_POOL
             ? VULKAN_PART_OUTPUTS
             : VULKAN_PART_TOKENS;
}

/* What the host reads must be made visible to it at the end. */
static void
record_results (Recorder *self)
{
  VulkanExecutable *exe = self->exe;
  VkMemoryBarrier visible = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT,
  };
  VkPipelineStageFlags stages = VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  vkCmdPipelineBarrier (self->commands,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                        stages, 0, 1, &visible, 0, NULL, 0, NULL);
  if (exe->readback.buffer == VK_NULL_HANDLE)
    return;
  VkMemoryBarrier to_host = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
  };
  VkBufferCopy region = { 0, 0, exe->results.bytes };
  vkCmdCopyBuffer (self->commands, exe->results.buffer, exe->readback.buffer, 1, &region);
  vkCmdPipelineBarrier (self->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                        VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, NULL, 0, NULL);
}

static gboolean
record_part (Recorder *self, VulkanPlanPart part, GError **error)
{
  gboolean any = FALSE;
  for (uint32_t i = 0; i < self->plan->n_ops; i++) {
    const GraphOp *op = &self->plan->ops[i];
    if (part_of (op) != part)
      continue;
    self->index = i;
    /* A submit may end where the norm of a block stands. */
    gboolean norm = op->kind == GRAPH_OP_NORM || op->kind == GRAPH_OP_LAYER_NORM;
    if (!any || (norm && op->src == GRAPH_BUFFER_X)) {
      if ((any && !end (self, error)) || !begin (self, error))
        return FALSE;
      any = TRUE;
    }
    if (!record_op[op->kind](self, op, error))
      return FALSE;
  }
  if (any && part == VULKAN_PART_OUTPUTS)
    record_results (self);
  return !any || end (self, error);
}

gboolean
vulkan_record (VulkanExecutable *self, VulkanPlanPart part, uint32_t bucket, GError **error)
{
  VulkanRecording *recording = &self->recordings[part][bucket];
  if (recording->commands != NULL)
    return TRUE;
  Recorder recorder = {
    .exe = self,
    .plan = self->plan,
    .quirks = &self->model->backend->device->quirks,
    .recording = recording,
    .columns = 1u << bucket,
  };
  recording->columns = recorder.columns;
  recording->first_argument = self->n_arguments;
  recording->commands = g_array_new (FALSE, FALSE, sizeof (VkCommandBuffer));
  recording->grids = g_array_new (FALSE, FALSE, sizeof (VulkanGrid));
  gboolean ok = record_part (&recorder, part, error);
  if (ok && recording->first_argument + recording->grids->len <= self->at.max_arguments) {
    self->n_arguments += recording->grids->len;
    return TRUE;
  }
  for (guint i = 0; i < recording->commands->len; i++)
    vulkan_submitter_free_commands (self->model->backend->submitter,
                                    g_array_index (recording->commands, VkCommandBuffer, i));
  g_clear_pointer (&recording->commands, g_array_unref);
  g_clear_pointer (&recording->grids, g_array_unref);
  if (ok)
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                         "The plan has more operations than its executable was sized for.");
  return FALSE;
}
