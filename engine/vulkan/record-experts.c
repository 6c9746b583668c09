/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records mixtures of experts: the choice, tiles of pairs of token and expert, products of these,
 * and the weighted sum. Must not know dense products. */
#include "engine/vulkan/recorder.h"

/* Whether all experts of the plan have a tile of so many columns. */
static gboolean
have_tiles (const Recorder *self, uint32_t columns)
{
  const VulkanDevice *device = self->exe->model->backend->device;
  for (uint32_t i = 0; i < self->plan->n_ops; i++) {
    const GraphOp *op = &self->plan->ops[i];
    if (op->kind != GRAPH_OP_EXPERTS_GATED && op->kind != GRAPH_OP_EXPERTS_DOWN)
      continue;
    for (uint32_t w = 0; w < op->n_weights; w++) {
      const VulkanPart *part = vulkan_weights_part (self->exe->model->weights, op->weights[w]);
      if (vulkan_tile_of_experts (device, &part->stack->layout, columns) == NULL)
        return FALSE;
    }
  }
  return TRUE;
}

/* Columns of a tile: as many pairs as an expert will have, so that few lanes work for nothing; from
 * VULKAN_TILE_LEAST on it is one of those of tile.h. */
static uint32_t
tile_columns (const Recorder *self)
{
  const ModelHparams *h = &self->plan->desc->h;
  uint32_t columns = 1, most = self->most > 0 ? VULKAN_TILE_MOST_EXPERTS : self->columns;
  uint64_t n_tokens = self->plan->max_tokens;
  if (self->most == 0 && self->columns < self->quirks->max_columns)
    n_tokens = self->columns;
  while (2 * columns <= most && columns * h->n_experts < n_tokens * h->n_experts_used)
    columns *= 2;
  if (columns >= VULKAN_TILE_LEAST && have_tiles (self, columns))
    return columns;
  return MIN (columns, self->columns);
}

/* Where products find their tiles: see experts.glsl. */
static uint64_t
tiles_address (const Recorder *self, GraphBuffer route)
{
  if (tile_columns (self) == 1)
    return recorder_buffer (self, route);
  return self->exe->activations.address + self->exe->expert_tiles;
}

static uint32_t
tiles_bit (const Recorder *self, GraphBuffer route)
{
  return tile_columns (self) == 1 ? BIT (route) : BIT_TILES;
}

static gboolean
record_sort (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  const ModelHparams *h = &self->plan->desc->h;
  uint64_t counts = exe->activations.address + exe->expert_counts;
  ShaderSortPush push = {
    .route = recorder_buffer (self, op->dst),
    .counts = counts,
    .firsts = counts + (uint64_t) h->n_experts * 4,
    .tiles = exe->activations.address + exe->expert_tiles,
    .batch = exe->params.address + exe->at.batch,
    .n_experts = h->n_experts,
    .used = h->n_experts_used,
    .columns = tile_columns (self),
  };
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_EXPERTS_SORT,
                     .constants = { self->quirks->lanes, 1 },
                     PUSH (push),
                     .grid = { { VULKAN_COUNT_FIXED }, { 1, 1, 1 } },
                     .reads = BIT (op->dst),
                     .writes = BIT_TILES,
                 },
                 error);
}

gboolean
record_route (Recorder *self, const GraphOp *op, GError **error)
{
  const ModelHparams *h = &self->plan->desc->h;
  ShaderRoutePush push = {
    .logits = recorder_buffer (self, op->src),
    .route = recorder_buffer (self, op->dst),
    .scales = op->vector != NULL ? recorder_vector (self, op->vector)
                                 : recorder_buffer (self, op->src),
    .n_experts = op->src_width,
    .used = h->n_experts_used,
    .stride = recorder_stride (self, op->src),
    .gating = h->gating,
    .norm_used = h->norm_used,
    .scale = h->expert_scale,
  };
  Dispatch choose = {
    .kernel = SHADER_ROUTE,
    .constants = { self->quirks->lanes_small, 1, op->vector != NULL },
    PUSH (push),
    .grid = recorder_rows (op),
    .reads = BIT (op->src),
    .writes = BIT (op->dst),
  };
  return record (self, &choose, error) &&
         (tile_columns (self) == 1 || record_sort (self, op, error));
}

/* Products of one op: those of its tiles with one weight. */
typedef struct {
  const GraphOp *op;
  const VulkanPart *part;
  const ModelTensor *bias; /* or NULL */
  uint32_t mode;
  gboolean by_pair; /* a row of src is a pair's */
  VulkanWay way;
  gboolean plain;
  uint64_t dst;
  uint32_t dst_bit;
} Product;

static gboolean
record_pack (Recorder *self, const Product *product, GError **error)
{
  static const ShaderKernelId kernels[] = {
    [VULKAN_PACK_FLOAT] = SHADER_EXPERTS_PACK_FLOAT,
    [VULKAN_PACK_INT] = SHADER_EXPERTS_PACK_INT,
    [VULKAN_PACK_HALF] = SHADER_EXPERTS_PACK_HALF,
  };
  VulkanExecutable *exe = self->exe;
  const GraphOp *op = product->op;
  uint32_t width = (uint32_t) op->weights[0]->ne[0];
  uint64_t packed = exe->activations.address + exe->pack;
  ShaderExpertsPackPush push = {
    .src = recorder_buffer (self, op->src),
    .dst = packed,
    .codes = packed,
    .scales = exe->activations.address + exe->pack_scales,
    .width = width,
    .blocks = product->part->stack->layout.blocks,
    .columns = product->way.columns,
    .stride = product->by_pair ? width : recorder_stride (self, op->src),
    .tiles = tiles_address (self, op->route),
    .used = self->plan->desc->h.n_experts_used,
    .by_pair = product->by_pair,
  };
  Dispatch pack = recorder_pack (self, &product->way, push.width, push.stride);
  pack.kernel = kernels[product->way.pack];
  pack.push = &push;
  pack.push_bytes = sizeof push;
  pack.grid.kind[0] = VULKAN_COUNT_EXPERT_TILES;
  pack.reads = BIT (op->src) | tiles_bit (self, op->route);
  return record (self, &pack, error);
}

static gboolean
record_product (Recorder *self, const Product *product, GError **error)
{
  VulkanExecutable *exe = self->exe;
  const GraphOp *op = product->op;
  const VulkanDevice *device = exe->model->backend->device;
  const VulkanWay *way = &product->way;
  const VulkanLayout *layout = &product->part->stack->layout;
  uint64_t base = exe->activations.address;
  uint32_t rows = (uint32_t) op->weights[0]->ne[1];
  uint32_t row_stride =
      product->by_pair ? (uint32_t) op->weights[0]->ne[0] : recorder_stride (self, op->src);
  ShaderExpertsPush push = {
    .w = product->part->stack->planes,
    .x = product->plain ? recorder_buffer (self, op->src) : base + exe->pack,
    .x_codes = base + exe->pack,
    .x_scales = base + exe->pack_scales,
    .dst = product->dst,
    .bias = product->bias != NULL ? recorder_vector (self, product->bias) : base,
    .tiles = tiles_address (self, op->route),
    .rows = rows,
    .blocks = layout->blocks,
    .stride = rows,
    .group = layout->group,
    .row0 = product->part->first_row,
    .used = self->plan->desc->h.n_experts_used,
    .by_pair = product->by_pair,
    .x_stride = product->plain ? row_stride : 0,
  };
  uint32_t at_once = way->tile != NULL ? way->tile->rows : self->quirks->lanes;
  Dispatch multiply = {
    .kernel = SHADER_FORM_KERNEL (layout->form, way->family),
    .constants = { self->quirks->lanes, way->columns == 1 ? self->quirks->split : 1, way->columns,
                   product->mode, layout->group,
                   (product->bias != NULL ? SHADER_BIASED : 0) |
                       vulkan_way_features (device, way, self->quirks->lanes) },
    .subgroup = vulkan_way_subgroup (device, way),
    PUSH (push),
    .grid = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_EXPERT_TILES },
              { (rows + at_once - 1) / at_once, way->columns, 1 } },
    .reads = (product->plain ? BIT (op->src) : BIT_PACK) | tiles_bit (self, op->route) |
             (product->mode == SHADER_STORE ? 0 : product->dst_bit),
    .writes = product->dst_bit,
  };
  if (way->tile != NULL)
    vulkan_tile_constants (device, way->tile, multiply.constants);
  return record (self, &multiply, error);
}

/* The op's weights in turn; the activations of one are packed for the other too, where both read
 * the same. */
static gboolean
record_products (Recorder *self, Product *products, uint32_t n, GError **error)
{
  VulkanWay packed = { 0 }; /* the last that was made ready */
  uint32_t columns = tile_columns (self);
  for (uint32_t w = 0; w < n; w++) {
    Product *product = &products[w];
    const VulkanLayout *layout = &product->part->stack->layout;
    const VulkanTile *tile = NULL;
    if (columns >= VULKAN_TILE_LEAST)
      tile = vulkan_tile_of_experts (self->exe->model->backend->device, layout, columns);
    product->way = vulkan_way (tile, layout,
                               !self->quirks->float_dots && layout->type->block_weights > 1, TRUE,
                               columns);
    product->plain = product->way.pack == VULKAN_PACK_FLOAT && columns == 1 &&
                     product->op->weights[w]->ne[0] == layout->blocks * SHADER_BLOCK;
    if (!product->plain && !vulkan_way_packs_alike (&packed, &product->way)) {
      if (!record_pack (self, product, error))
        return FALSE;
      packed = product->way;
    }
    if (!record_product (self, product, error))
      return FALSE;
  }
  return TRUE;
}

static Product
product_of (Recorder *self, const GraphOp *op, uint32_t w)
{
  return (Product) {
    .op = op,
    .part = vulkan_weights_part (self->exe->model->weights, op->weights[w]),
    .bias = op->biases[w],
    .mode = SHADER_STORE,
    .dst = recorder_buffer (self, op->dst),
    .dst_bit = BIT (op->dst),
  };
}

gboolean
record_experts_gated (Recorder *self, const GraphOp *op, GError **error)
{
  Product products[] = { product_of (self, op, 0), product_of (self, op, 1) };
  products[1].mode = SHADER_GATE + self->plan->desc->architecture->activation;
  return record_products (self, products, G_N_ELEMENTS (products), error);
}

gboolean
record_experts_down (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  Product product = product_of (self, op, 0);
  ShaderMixPush push = {
    .parts = exe->activations.address + exe->expert_parts,
    .route = recorder_buffer (self, op->route),
    .dst = recorder_buffer (self, op->dst),
    .width = op->dst_width,
    .used = self->plan->desc->h.n_experts_used,
    .stride = recorder_stride (self, op->dst),
    .scale = op->scale,
  };
  uint32_t groups = (op->dst_width + self->quirks->lanes - 1) / self->quirks->lanes;
  Dispatch mix = {
    .kernel = SHADER_EXPERTS_MIX,
    .constants = { self->quirks->lanes, 1, op->accumulate },
    PUSH (push),
    .grid = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_TOKENS }, { groups, 0, 1 } },
    .reads = BIT_PARTS | BIT (op->route) | (op->accumulate ? BIT (op->dst) : 0),
    .writes = BIT (op->dst),
  };
  product.by_pair = TRUE;
  product.dst = push.parts;
  product.dst_bit = BIT_PARTS;
  self->n_squares = 0; /* of the residual stream as it was */
  return record_products (self, &product, 1, error) && record (self, &mix, error);
}
