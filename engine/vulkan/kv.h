/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pages of keys and values of a model, one set for each group of layers. A page holds all
 * layers of its group, one after the other; how a layer's part lies is said in shaders/rope.comp.
 */
#pragma once

#include "engine/backend.h"
#include "engine/vulkan/memory.h"

typedef struct {
  VulkanBuffer buffer;
  uint32_t n_pages, n_layers;
  uint32_t page_units;     /* of 16 bytes */
  uint32_t *layer_units;   /* [n_layers] where a layer begins in a page; owned */
  uint32_t token_elements; /* numbers that a token leaves */
} VulkanKv;

/* plan: one with all layers of the model. */
gboolean vulkan_kv_init (VulkanKv kv[GRAPH_N_KV_GROUPS], const VulkanDevice *device,
                         const GraphPlan *plan, const EngineKvSize *size, GError **error);
void vulkan_kv_finish (VulkanKv kv[GRAPH_N_KV_GROUPS]);
/* Bytes that the pages take. */
uint64_t vulkan_kv_bytes (const VulkanKv kv[GRAPH_N_KV_GROUPS]);

/* The address of the op's layer in page 0. */
static inline uint64_t
vulkan_kv_layer (const VulkanKv kv[GRAPH_N_KV_GROUPS], const GraphOp *op)
{
  return kv[op->group].buffer.address + (uint64_t) kv[op->group].layer_units[op->layer] * 16;
}
