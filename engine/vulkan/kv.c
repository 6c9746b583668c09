/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the memory of keys and values: what a layer needs of a page, and where it begins. Must not
 * know timelines, nor what a page holds when. */
#include "engine/vulkan/kv.h"

#include "shaders/shared.h"

static uint32_t
units_of (const GraphOp *op)
{
  return op->n_heads_kv * SHADER_PAGE * ((op->d_key + 7) / 8 + (op->d_value + 7) / 8);
}

/* Layers that share memory (those of an encoder) get as much as the largest of them needs. */
static void
place_layers (VulkanKv *kv, const GraphPlan *plan, GraphKvGroup group)
{
  for (uint32_t i = 0; i < plan->n_ops; i++)
    if (plan->ops[i].kind == GRAPH_OP_ROPE_STORE && plan->ops[i].group == group)
      kv->n_layers = MAX (kv->n_layers, plan->ops[i].layer + 1);
  g_autofree uint32_t *units = g_new0 (uint32_t, kv->n_layers + 1);
  g_autofree uint32_t *elements = g_new0 (uint32_t, kv->n_layers + 1);
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    if (op->kind != GRAPH_OP_ROPE_STORE || op->group != group)
      continue;
    units[op->layer] = MAX (units[op->layer], units_of (op));
    elements[op->layer] =
        MAX (elements[op->layer], op->n_heads_kv * (op->d_key + op->d_value));
  }
  kv->layer_units = g_new0 (uint32_t, kv->n_layers + 1);
  for (uint32_t i = 0; i < kv->n_layers; i++) {
    kv->layer_units[i] = kv->page_units;
    kv->page_units += units[i];
    kv->token_elements += elements[i];
  }
}

gboolean
vulkan_kv_init (VulkanKv kv[GRAPH_N_KV_GROUPS], const VulkanDevice *device, const GraphPlan *plan,
                const EngineKvSize *size, GError **error)
{
  /* Kernels index units with 32 bits; narrow ones pairs of values, four in a unit. */
  uint64_t most = device->quirks.narrow_rows > 0 ? G_MAXINT32 / 4 : G_MAXINT32;
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    VulkanKv *self = &kv[group];
    self->n_pages = size->n_pages[group];
    place_layers (self, plan, group);
    uint64_t units = (uint64_t) self->page_units * self->n_pages;
    if (units > most) {
      g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                   "A context of %u tokens is too long for this device: choose a shorter one.",
                   self->n_pages * ENGINE_PAGE_TOKENS);
      return FALSE;
    }
    if (!vulkan_buffer_init (&self->buffer, device, VULKAN_MEMORY_DEVICE, MAX (units * 16, 16),
                             "the context", error))
      return FALSE;
  }
  return TRUE;
}

void
vulkan_kv_finish (VulkanKv kv[GRAPH_N_KV_GROUPS])
{
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    vulkan_buffer_finish (&kv[group].buffer);
    g_clear_pointer (&kv[group].layer_units, g_free);
  }
}

uint64_t
vulkan_kv_bytes (const VulkanKv kv[GRAPH_N_KV_GROUPS])
{
  uint64_t bytes = 0;
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++)
    bytes += kv[group].buffer.bytes;
  return bytes;
}
