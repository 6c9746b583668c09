/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The weights of a model on a device. Must not know KV pages, nor what a plan computes. */
#pragma once

#include "engine/backend.h"
#include "engine/vulkan/layout.h"
#include "engine/vulkan/memory.h"
#include "engine/vulkan/submit.h"
#include "shaders/shared.h"

/* One matrix, or several of one op stacked row after row so that one dispatch covers them. */
typedef struct {
  const ModelTensor *parts[GRAPH_MAX_WEIGHTS]; /* borrowed */
  uint32_t n_parts;
  VulkanLayout layout;  /* rows: of all parts */
  ShaderWeights planes; /* addresses */
} VulkanTensor;

/* Where a tensor of the file lies. */
typedef struct {
  VulkanTensor *stack;
  uint32_t first_row;
} VulkanPart;

typedef struct {
  const ModelTensor *tensor;
  uint64_t address; /* f32 [n] */
  float *host;      /* the same, owned */
  uint32_t n;
} VulkanVector;

typedef struct {
  VulkanDevice *device; /* borrowed */
  GPtrArray *stacks;    /* VulkanTensor */
  GHashTable *parts;    /* ModelTensor* -> VulkanPart* */
  GHashTable *vectors;  /* ModelTensor* -> VulkanVector* */
  GArray *blocks;       /* VulkanBuffer */
  uint64_t bytes;       /* of all blocks */
} VulkanWeights;

/* Bytes that the weights of a plan take; nothing is read or allocated. */
gboolean vulkan_weights_measure (VulkanDevice *device, const GraphPlan *plan, uint64_t *bytes,
                                 GError **error);
/* Repacks and uploads all that plan refers to, on many threads. Memory of the host beyond the
 * device's own: some 4 MiB a thread. */
VulkanWeights *vulkan_weights_new (VulkanDevice *device, VulkanSubmitter *submitter,
                                   const GraphPlan *plan, EngineProgress progress, void *user_data,
                                   const gint *cancel, GError **error);
void vulkan_weights_free (VulkanWeights *self);
const VulkanPart *vulkan_weights_part (const VulkanWeights *self, const ModelTensor *tensor);
const VulkanVector *vulkan_weights_vector (const VulkanWeights *self, const ModelTensor *tensor);
