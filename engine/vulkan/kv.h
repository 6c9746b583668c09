/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pages of keys and values of a model, one set for each group of layers. Layers share buffers
 * as long as a buffer stays within what a device allocates at once; in a buffer a page holds all of
 * its layers, one after the other. How a layer's part lies is said in shaders/rope.comp. */
#pragma once

#include "engine/backend.h"
#include "engine/vulkan/submit.h"

typedef struct {
  VulkanBuffer buffer;
  uint32_t page_units; /* of 16 bytes, of all layers in it */
} VulkanKvBlock;

typedef struct {
  uint32_t block;       /* index */
  uint32_t first_units; /* where it begins in a page */
} VulkanKvLayer;

typedef struct {
  ModelKvType type;
  uint32_t n_pages, n_layers;
  GArray *blocks;        /* VulkanKvBlock */
  VulkanKvLayer *layers; /* [n_layers] owned */
  uint32_t token_bytes;  /* that a token leaves */
} VulkanKv;

/* plan: one with all layers of the model. */
gboolean vulkan_kv_init (VulkanKv kv[GRAPH_N_KV_GROUPS], const VulkanDevice *device,
                         const GraphPlan *plan, const EngineKvSize *size, GError **error);
/* Bytes that the pages of a plan take. */
uint64_t vulkan_kv_measure (const GraphPlan *plan, const EngineKvSize *size);
void vulkan_kv_finish (VulkanKv kv[GRAPH_N_KV_GROUPS]);
/* Bytes that the pages take. */
uint64_t vulkan_kv_bytes (const VulkanKv kv[GRAPH_N_KV_GROUPS]);

/* The address of the op's layer in page 0, and the units from page to page. */
uint64_t vulkan_kv_layer (const VulkanKv kv[GRAPH_N_KV_GROUPS], const GraphOp *op,
                          uint32_t *page_units);
/* Bytes of a page over all blocks, which read and write take one after the other. */
size_t vulkan_kv_page_bytes (const VulkanKv *kv);
gboolean vulkan_kv_read_page (const VulkanKv *kv, VulkanSubmitter *submitter, uint32_t page,
                              void *dst, GError **error);
gboolean vulkan_kv_write_page (const VulkanKv *kv, VulkanSubmitter *submitter, uint32_t page,
                               const void *src, GError **error);
/* Copies a page of a group, whole. */
gboolean vulkan_kv_copy_page (const VulkanKv *kv, VulkanSubmitter *submitter, uint32_t src,
                              uint32_t dst, GError **error);
