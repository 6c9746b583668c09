/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records products of weights and activations: which kernel takes them, what makes activations
 * ready, how results end. Must not know attention. */
#include "engine/vulkan/recorder.h"

static gboolean
is_float (const VulkanLayout *layout)
{
  return layout->type->block_weights == 1;
}

/* Whether a matrix kernel takes activations as they lie: one column of floats without a ragged
 * end. */
static gboolean
takes_plain (const VulkanLayout *layout, const GraphOp *op, const VulkanWay *way)
{
  return way->pack == VULKAN_PACK_FLOAT && way->columns == 1 &&
         op->src_width == layout->blocks * SHADER_BLOCK;
}

/* What activations of a product in tiles are rows of. */
static VulkanCount
tiles_of (const GraphOp *op)
{
  return op->output_rows ? VULKAN_COUNT_OUTPUT_TILES : VULKAN_COUNT_TOKEN_TILES;
}

static gboolean
record_pack (Recorder *self, const VulkanLayout *layout, const GraphOp *op, const VulkanWay *way,
             GError **error)
{
  static const ShaderKernelId kernels[] = {
    [VULKAN_PACK_FLOAT] = SHADER_PACK_FLOAT,
    [VULKAN_PACK_INT] = SHADER_PACK_INT,
    [VULKAN_PACK_HALF] = SHADER_PACK_HALF,
  };
  VulkanExecutable *exe = self->exe;
  ShaderPackPush push = {
    .src = recorder_buffer (self, op->src),
    .dst = exe->activations.address + exe->pack,
    .codes = exe->activations.address + exe->pack,
    .scales = exe->activations.address + exe->pack_scales,
    .width = op->src_width,
    .blocks = layout->blocks,
    .columns = way->columns,
    .stride = recorder_stride (self, op->src),
  };
  Dispatch pack = recorder_pack (self, way, push.width, push.stride);
  pack.kernel = kernels[way->pack];
  pack.push = &push;
  pack.push_bytes = sizeof push;
  pack.grid.kind[0] = tiles_of (op);
  pack.reads = BIT (op->src);
  return record (self, &pack, error);
}

/* Rows [row0, row0 + rows) of a stack into dst from column `first` on. */
typedef struct {
  const VulkanTensor *stack;
  uint32_t row0, rows, first, mode;
  const ModelTensor *bias; /* or NULL */
  gboolean more;           /* not the op's first dispatch: writes beside what the others wrote */
} Product;

static uint32_t
features_of (const GraphOp *op, const Product *product)
{
  return (product->bias != NULL ? SHADER_BIASED : 0) | (op->scale != 1 ? SHADER_SCALED : 0) |
         (op->cap > 0 ? SHADER_CAPPED : 0);
}

static gboolean
reads_dst (const Product *product)
{
  return product->mode != SHADER_STORE && product->mode < SHADER_ACTIVATE;
}

/* Few columns leave a card as idle as one does: rows are split for them too, while the parts of all
 * columns find room in half of what a workgroup may share. */
static VulkanRows
rows_of (const Recorder *self, const Product *product, const VulkanWay *way)
{
  const VulkanBackend *backend = self->exe->model->backend;
  uint32_t most = backend->device->can.properties.limits.maxComputeSharedMemorySize / 2;
  VulkanRows own = vulkan_tuner_rows (backend->tuner, &product->stack->layout, product->rows);
  while (own.split > 1 && own.split * own.lanes * way->columns * sizeof (float) > most)
    own.split /= 2;
  return own;
}

static gboolean
record_product (Recorder *self, const GraphOp *op, const Product *product, const VulkanWay *way,
                GError **error)
{
  VulkanExecutable *exe = self->exe;
  const VulkanDevice *device = exe->model->backend->device;
  const VulkanLayout *layout = &product->stack->layout;
  gboolean plain = takes_plain (layout, op, way);
  uint64_t base = exe->activations.address;
  ShaderMatmulPush push = {
    .w = product->stack->planes,
    .x = plain ? recorder_buffer (self, op->src) : base + exe->pack,
    .x_codes = base + exe->pack,
    .x_scales = base + exe->pack_scales,
    .dst = recorder_buffer (self, op->dst),
    .bias = product->bias != NULL ? recorder_vector (self, product->bias) : base,
    .rows = product->rows,
    .blocks = layout->blocks,
    .stride = recorder_stride (self, op->dst),
    .first = product->first,
    .group = layout->group,
    .row0 = product->row0,
    .scale = op->scale,
    .cap = op->cap,
  };
  VulkanRows own = { self->quirks->lanes, 1 };
  if (way->tile == NULL)
    own = rows_of (self, product, way);
  uint32_t rows = way->tile != NULL ? way->tile->rows : own.lanes;
  Dispatch multiply = {
    .kernel = SHADER_FORM_KERNEL (layout->form, way->family),
    .constants = { own.lanes, own.split, way->columns, product->mode, layout->group,
                   features_of (op, product) | vulkan_way_features (device, way, own.lanes) },
    .subgroup = vulkan_way_subgroup (device, way),
    PUSH (push),
    .grid = { { VULKAN_COUNT_FIXED, tiles_of (op) },
              { (product->rows + rows - 1) / rows, way->columns, 1 } },
    .reads = (plain ? BIT (op->src) : BIT_PACK) | (reads_dst (product) ? BIT (op->dst) : 0),
    .writes = BIT (op->dst),
    .disjoint = product->more ? BIT (op->dst) : 0,
  };
  if (way->tile != NULL)
    vulkan_tile_constants (device, way->tile, multiply.constants);
  return record (self, &multiply, error);
}

static gboolean
has_kernel (const VulkanLayout *layout, ShaderFamily family)
{
  return shader_kernels[SHADER_FORM_KERNEL (layout->form, family)].words != NULL;
}

/* matvec.comp makes at least 8 rows at once; of more columns than leave room for these in a
 * workgroup matmul.comp is as quick. */
#define NARROW_ROWS 8

/* Where it applies: few columns, each of n_stacked matrices; a device for it, a form that has
 * it. */
static gboolean
is_narrow (const Recorder *self, const GraphOp *op, const VulkanLayout *layout, uint32_t n_stacked)
{
  return self->most == 0 &&
         n_stacked * self->columns * NARROW_ROWS <= self->quirks->narrow_rows &&
         recorder_stride (self, op->src) % 4 == 0 &&
         has_kernel (layout, SHADER_FAMILY_MATVEC) &&
         op->src_width == layout->blocks * SHADER_BLOCK;
}

/* The up matrix lies right behind the gate matrix: one dispatch of matvec.comp does both. */
static gboolean
is_stacked (const Recorder *self, const GraphOp *op)
{
  const VulkanPart *gate = vulkan_weights_part (self->exe->model->weights, op->weights[0]);
  const VulkanPart *up = vulkan_weights_part (self->exe->model->weights, op->weights[1]);
  return gate->stack == up->stack && up->first_row == gate->first_row + op->dst_width &&
         op->biases[0] == NULL && op->biases[1] == NULL;
}

static gboolean
all_narrow (const Recorder *self, const GraphOp *op)
{
  for (uint32_t w = 0; w < op->n_weights; w++) {
    const VulkanPart *part = vulkan_weights_part (self->exe->model->weights, op->weights[w]);
    if (!is_narrow (self, op, &part->stack->layout, 1))
      return FALSE;
  }
  return op->kind == GRAPH_OP_MATMUL || op->kind == GRAPH_OP_GATED;
}

/* The norm after op (which writes the residual stream), when op can do its work: the ops that
 * follow are that norm and one product of matvec.comp, and nothing else reads the norm. */
static const GraphOp *
norm_to_feed (const Recorder *self, const GraphOp *op)
{
  if (self->columns > 1 || self->index + 2 >= self->segment_end || !op->accumulate ||
      op->n_weights != 1)
    return NULL;
  const GraphOp *norm = &self->plan->ops[self->index + 1], *product = norm + 1;
  return norm->kind == GRAPH_OP_NORM && norm->src == op->dst && !norm->output_rows &&
                 !norm->accumulate && product->src == norm->dst && all_narrow (self, product) &&
                 !graph_plan_is_read_after (self->plan, self->index + 2, norm->dst)
             ? norm
             : NULL;
}

static gboolean
record_narrow (Recorder *self, const GraphOp *op, const Product *product, gboolean gated,
               GError **error)
{
  const VulkanLayout *layout = &product->stack->layout;
  uint32_t taken = self->quirks->narrow_rows / self->columns, own = gated ? taken / 2 : taken;
  uint32_t groups = (product->rows + own - 1) / own;
  VulkanExecutable *exe = self->exe;
  const GraphOp *norm = norm_to_feed (self, op);
  uint64_t squares = exe->activations.address + exe->squares;
  ShaderMatvecPush push = {
    .w = product->stack->planes,
    .x = recorder_buffer (self, op->src),
    .dst = recorder_buffer (self, op->dst) + product->first * sizeof (float),
    /* Valid even where n is 0: see GUARD_BYTES in memory.c. */
    .squares = squares,
    .vector = norm == NULL ? squares
                           : recorder_vector (self, norm->vector),
    .normed = norm == NULL ? squares : recorder_buffer (self, norm->dst),
    .squares_out = squares,
    .bias = product->bias != NULL ? recorder_vector (self, product->bias) : squares,
    .rows = product->rows,
    .blocks = layout->blocks,
    .x_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
    .row0 = product->row0,
    .n_squares = op->src == GRAPH_BUFFER_NORMED ? self->n_squares : 0,
    .width = (float) op->src_width,
    .epsilon = self->plan->desc->h.norm_epsilon,
    .scale = op->scale,
    .cap = op->cap,
  };
  uint32_t normed = norm == NULL ? 0 : BIT (norm->dst) | BIT_SQUARES;
  if (norm != NULL)
    self->n_squares = groups;
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_FORM_KERNEL (layout->form, SHADER_FAMILY_MATVEC),
                     .constants = { self->quirks->lanes, 1, self->quirks->narrow_rows,
                                    product->mode, gated, norm != NULL,
                                    features_of (op, product), self->columns },
                     PUSH (push),
                     .grid = { { VULKAN_COUNT_FIXED, tiles_of (op) },
                               { groups, self->columns, 1 } },
                     .reads = BIT (op->src) | (!gated && reads_dst (product) ? BIT (op->dst) : 0) |
                              (push.n_squares > 0 ? BIT_SQUARES : 0),
                     .writes = BIT (op->dst) | normed,
                     .disjoint = product->more ? BIT (op->dst) : 0,
                 },
                 error);
}

static VulkanWay
way_of (const Recorder *self, const Product *product)
{
  const VulkanLayout *layout = &product->stack->layout;
  const VulkanTile *tile = NULL;
  uint32_t n_columns = self->plan->max_tokens;
  if (self->most == VULKAN_TILE_LEAST)
    n_columns = MIN (n_columns, VULKAN_TILE_LEAST);
  if (self->most > 0)
    tile = vulkan_tuner_tile (self->exe->model->backend->tuner, layout, product->rows, n_columns,
                              self->most);
  return vulkan_way (tile, layout, !self->quirks->float_dots && !is_float (layout), FALSE,
                     self->columns);
}

/* A product with its activations made ready; consecutive products of one op share them. */
static gboolean
record_products (Recorder *self, const GraphOp *op, const Product *products, uint32_t n,
                 GError **error)
{
  VulkanWay packed = { 0 }; /* the last that was made ready */
  for (uint32_t i = 0; i < n; i++) {
    const VulkanLayout *layout = &products[i].stack->layout;
    VulkanWay way = way_of (self, &products[i]);
    if (is_narrow (self, op, layout, 1)) {
      if (!record_narrow (self, op, &products[i], FALSE, error))
        return FALSE;
      continue;
    }
    if (!takes_plain (layout, op, &way) && !vulkan_way_packs_alike (&packed, &way)) {
      if (!record_pack (self, layout, op, &way, error))
        return FALSE;
      packed = way;
    }
    if (!record_product (self, op, &products[i], &way, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
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

gboolean
record_gated (Recorder *self, const GraphOp *op, GError **error)
{
  const VulkanPart *gate = vulkan_weights_part (self->exe->model->weights, op->weights[0]);
  const VulkanPart *up = vulkan_weights_part (self->exe->model->weights, op->weights[1]);
  uint32_t mode = SHADER_GATE + self->plan->desc->architecture->activation;
  if (is_stacked (self, op) && is_narrow (self, op, &gate->stack->layout, 2)) {
    Product both = { gate->stack, gate->first_row, op->dst_width, 0, mode, NULL, FALSE };
    return record_narrow (self, op, &both, TRUE, error);
  }
  Product products[] = {
    { gate->stack, gate->first_row, op->dst_width, 0, SHADER_STORE, op->biases[0], FALSE },
    { up->stack, up->first_row, op->dst_width, 0, mode, op->biases[1], FALSE },
  };
  return record_products (self, op, products, G_N_ELEMENTS (products), error);
}

/* Numbers of a row that a workgroup of gate.comp takes, for each of its lanes. */
#define GATE_EACH 8

gboolean
record_gate (Recorder *self, const GraphOp *op, GError **error)
{
  gboolean beside = op->also[0] == GRAPH_BUFFER_NONE; /* up lies behind its gate */
  GraphBuffer up = beside ? op->src : op->also[0];
  ShaderGatePush push = {
    .src = recorder_buffer (self, op->src),
    .up = recorder_buffer (self, up) +
          (uint64_t) (beside ? op->dst_width : op->also_first) * sizeof (float),
    .dst = recorder_buffer (self, op->dst),
    .width = op->dst_width,
    .piece = self->quirks->lanes_small * GATE_EACH,
    .src_stride = recorder_stride (self, op->src),
    .up_stride = recorder_stride (self, up),
    .dst_stride = recorder_stride (self, op->dst),
  };
  VulkanGrid grid = recorder_rows (op);
  grid.fixed[1] = (push.width + push.piece - 1) / push.piece;
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_GATE_WIDE,
                     .constants = { self->quirks->lanes_small, 1,
                                    self->plan->desc->architecture->activation },
                     PUSH (push),
                     .grid = grid,
                     .reads = BIT (op->src) | BIT (up),
                     .writes = BIT (op->dst),
                 },
                 error);
}
