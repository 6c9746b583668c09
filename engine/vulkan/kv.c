/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the memory of keys and values: what a layer needs of a page, and where it begins. Must not
 * know timelines, nor what a page holds when. */
#include "engine/vulkan/kv.h"

#include "shaders/shared.h"

#define UNIT_BYTES 16u
/* Bytes of a buffer, unless a layer alone takes more. */
#define BLOCK_BYTES (1ull << 30)

/* What one layer of a group takes. Layers that share memory (those of an encoder) get as much as
 * the largest of them needs. */
typedef struct {
  uint32_t page_units, token_bytes;
} LayerSize;

/* Units of a page for d numbers of each token; of f16 a token's are whole units. */
static uint32_t
page_units (ModelKvType type, uint32_t d)
{
  return (uint32_t) (model_kv_type_bytes (type, (size_t) SHADER_PAGE * ((d + 7) / 8 * 8)) /
                     UNIT_BYTES);
}

static LayerSize *
measure_layers (VulkanKv *kv, const GraphPlan *plan, GraphKvGroup group)
{
  for (uint32_t i = 0; i < plan->n_ops; i++)
    if (plan->ops[i].kind == GRAPH_OP_ROPE_STORE && plan->ops[i].group == group)
      kv->n_layers = MAX (kv->n_layers, plan->ops[i].layer + 1);
  LayerSize *sizes = g_new0 (LayerSize, kv->n_layers + 1);
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    if (op->kind != GRAPH_OP_ROPE_STORE || op->group != group)
      continue;
    uint32_t units = page_units (kv->type, op->d_key) + page_units (kv->type, op->d_value);
    LayerSize *size = &sizes[op->layer];
    size->page_units = MAX (size->page_units, op->n_heads_kv * units);
    size->token_bytes = size->page_units * UNIT_BYTES / SHADER_PAGE;
  }
  return sizes;
}

/* Kernels index units with 32 bits; narrow ones pairs of values, four in a unit. */
static gboolean
check_units (const VulkanKv *kv, const VulkanDevice *device, uint64_t units, GError **error)
{
  if (units <= (device->quirks.narrow_rows > 0 ? G_MAXINT32 / 4 : G_MAXINT32))
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
               "A context of %u tokens is too long for this device: choose a shorter one.",
               kv->n_pages * ENGINE_PAGE_TOKENS);
  return FALSE;
}

/* The buffer of layers [first, *end), as many as it takes. */
static gboolean
add_block (VulkanKv *kv, const VulkanDevice *device, const LayerSize *sizes, uint32_t first,
           uint32_t *end, GError **error)
{
  VulkanKvBlock block = { 0 };
  uint64_t most = MIN (BLOCK_BYTES, device->can.max_allocation_bytes / 2);
  for (*end = first; *end < kv->n_layers; ++*end) {
    uint64_t units = (uint64_t) (block.page_units + sizes[*end].page_units) * kv->n_pages;
    if (*end > first && units * UNIT_BYTES > most)
      break;
    if (!check_units (kv, device, units, error))
      return FALSE;
    kv->layers[*end] = (VulkanKvLayer) { kv->blocks->len, block.page_units };
    block.page_units += sizes[*end].page_units;
    kv->token_bytes += sizes[*end].token_bytes;
  }
  uint64_t bytes = (uint64_t) block.page_units * kv->n_pages * UNIT_BYTES;
  if (!vulkan_buffer_init (&block.buffer, device, VULKAN_MEMORY_DEVICE, MAX (bytes, UNIT_BYTES),
                           "the context", error))
    return FALSE;
  g_array_append_val (kv->blocks, block);
  return TRUE;
}

gboolean
vulkan_kv_init (VulkanKv kv[GRAPH_N_KV_GROUPS], const VulkanDevice *device, const GraphPlan *plan,
                const EngineKvSize *size, GError **error)
{
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    VulkanKv *self = &kv[group];
    self->type = size->type;
    g_autofree LayerSize *sizes = measure_layers (self, plan, group);
    self->n_pages = size->n_pages[group];
    self->layers = g_new0 (VulkanKvLayer, self->n_layers + 1);
    self->blocks = g_array_new (FALSE, FALSE, sizeof (VulkanKvBlock));
    for (uint32_t done = 0; done < self->n_layers;)
      if (!add_block (self, device, sizes, done, &done, error))
        return FALSE;
  }
  return TRUE;
}

uint64_t
vulkan_kv_measure (const GraphPlan *plan, const EngineKvSize *size)
{
  uint64_t bytes = 0;
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    VulkanKv shape = { .type = size->type };
    g_autofree LayerSize *sizes = measure_layers (&shape, plan, group);
    for (uint32_t i = 0; i < shape.n_layers; i++)
      bytes += (uint64_t) sizes[i].page_units * size->n_pages[group] * UNIT_BYTES;
  }
  return bytes;
}

static const VulkanKvBlock *
block_at (const VulkanKv *kv, guint i)
{
  return &g_array_index (kv->blocks, VulkanKvBlock, i);
}

void
vulkan_kv_finish (VulkanKv kv[GRAPH_N_KV_GROUPS])
{
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    for (guint i = 0; kv[group].blocks != NULL && i < kv[group].blocks->len; i++)
      vulkan_buffer_finish (&g_array_index (kv[group].blocks, VulkanKvBlock, i).buffer);
    g_clear_pointer (&kv[group].blocks, g_array_unref);
    g_clear_pointer (&kv[group].layers, g_free);
  }
}

uint64_t
vulkan_kv_bytes (const VulkanKv kv[GRAPH_N_KV_GROUPS])
{
  uint64_t bytes = 0;
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
    for (guint i = 0; i < kv[group].blocks->len; i++)
      bytes += block_at (&kv[group], i)->buffer.bytes;
  return bytes;
}

uint64_t
vulkan_kv_layer (const VulkanKv kv[GRAPH_N_KV_GROUPS], const GraphOp *op, uint32_t *page_units)
{
  const VulkanKvLayer *layer = &kv[op->group].layers[op->layer];
  const VulkanKvBlock *block = block_at (&kv[op->group], layer->block);
  *page_units = block->page_units;
  return block->buffer.address + (uint64_t) layer->first_units * UNIT_BYTES;
}

gboolean
vulkan_kv_copy_page (const VulkanKv *kv, VulkanSubmitter *submitter, uint32_t src, uint32_t dst,
                     GError **error)
{
  if (src >= kv->n_pages || dst >= kv->n_pages) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID, "There is no page %u of %u.",
                 MAX (src, dst), kv->n_pages);
    return FALSE;
  }
  for (guint i = 0; i < kv->blocks->len; i++) {
    const VulkanKvBlock *block = block_at (kv, i);
    uint64_t bytes = (uint64_t) block->page_units * UNIT_BYTES;
    if (!vulkan_submitter_copy (submitter, &block->buffer, src * bytes, &block->buffer,
                                dst * bytes, bytes, error))
      return FALSE;
  }
  return TRUE;
}

size_t
vulkan_kv_page_bytes (const VulkanKv *kv)
{
  size_t bytes = 0;
  for (guint i = 0; kv->n_pages > 0 && i < kv->blocks->len; i++)
    bytes += (size_t) block_at (kv, i)->page_units * UNIT_BYTES;
  return bytes;
}

/* Out to dst, or, where that is NULL, in from src: one block after the other. */
static gboolean
move_page (const VulkanKv *kv, VulkanSubmitter *submitter, uint32_t page, uint8_t *dst,
           const uint8_t *src, GError **error)
{
  uint64_t done = 0;
  for (guint i = 0; i < kv->blocks->len; i++) {
    const VulkanBuffer *buffer = &block_at (kv, i)->buffer;
    uint64_t bytes = (uint64_t) block_at (kv, i)->page_units * UNIT_BYTES;
    if (dst != NULL
            ? !vulkan_submitter_read (submitter, buffer, page * bytes, dst + done, bytes, error)
            : !vulkan_submitter_write (submitter, buffer, page * bytes, src + done, bytes, error))
      return FALSE;
    done += bytes;
  }
  return TRUE;
}

gboolean
vulkan_kv_read_page (const VulkanKv *kv, VulkanSubmitter *submitter, uint32_t page, void *dst,
                     GError **error)
{
  return move_page (kv, submitter, page, dst, NULL, error);
}

gboolean
vulkan_kv_write_page (const VulkanKv *kv, VulkanSubmitter *submitter, uint32_t page,
                      const void *src, GError **error)
{
  return move_page (kv, submitter, page, NULL, src, error);
}
