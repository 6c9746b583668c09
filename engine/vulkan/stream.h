/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of tensors on their way from the file to the device, many pieces at a time. Must not know
 * which tensors there are, nor why they lie where they do. */
#pragma once

#include "engine/backend.h"
#include "engine/vulkan/layout.h"
#include "engine/vulkan/memory.h"

/* Some groups of rows. */
typedef struct {
  const VulkanLayout *layout; /* borrowed, as the tensor */
  const ModelTensor *tensor;
  uint32_t first, n;                 /* rows of the tensor */
  uint32_t all;                      /* the same with rows of zeros behind them */
  uint32_t block;                    /* index of the buffer that they go to */
  uint64_t offsets[VULKAN_N_PLANES]; /* and where each plane of them begins there */
} VulkanPiece;

/* Cuts rows of a tensor into pieces and appends them to a GArray of VulkanPiece. part: all of it,
 * block and offsets filled in. */
void vulkan_stream_cut (GArray *pieces, const VulkanPiece *part);

/* Reads, packs and uploads n pieces, on as many threads as there are processors and at most 16:
 * while one reads, others pack and what they packed is copied. Host memory: some 4 MiB a thread.
 * Looks at *cancel (may be NULL) before each piece: ENGINE_ERROR_CANCELLED. progress (may be NULL)
 * is called on this thread alone. All has arrived, or nothing is on its way any more, on return. */
gboolean vulkan_stream_run (VulkanDevice *device, const ModelGguf *gguf, const VulkanBuffer *blocks,
                            const VulkanPiece *pieces, uint32_t n, EngineProgress progress,
                            void *user_data, const gint *cancel, GError **error);
