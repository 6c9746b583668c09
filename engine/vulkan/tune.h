/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of kernels found by measuring on the user's own device: at the first load of a model a
 * few candidates for each kind of product are timed on its own weights, and what was found is kept
 * in the cache folder, by device, driver version and the kernels. */
#pragma once

#include "engine/vulkan/pipeline.h"
#include "engine/vulkan/tile.h"
#include "engine/vulkan/weights.h"

/* How one column, or few, are multiplied: lanes are rows, so many share one. */
typedef struct {
  uint32_t lanes, split;
} VulkanRows;

typedef struct _VulkanTuner VulkanTuner;

/* Reads what is kept; a damaged file, or one of other kernels, is ignored. cache_dir NULL: nothing
 * is kept. Drivers in software are not tuned, nor is anything where BOTTEGA_VULKAN_QUIRKS names
 * numbers. BOTTEGA_VULKAN_TUNE=MS: the time that may be taken, on any device; 0: nothing is
 * measured or read. */
VulkanTuner *vulkan_tuner_new (const VulkanDevice *device, const char *cache_dir);
void vulkan_tuner_free (VulkanTuner *self);

/* What was found for rows of a stack; the numbers of the device's row where nothing was. */
VulkanRows vulkan_tuner_rows (const VulkanTuner *self, const VulkanLayout *layout, uint32_t rows);
/* The same for batches of many columns: see vulkan_tile_choose. */
const VulkanTile *vulkan_tuner_tile (const VulkanTuner *self, const VulkanLayout *layout,
                                     uint32_t rows, uint32_t n_columns, uint32_t most_columns);

/* Measures what the products of plan still lack, those of most bytes first, until the time is over.
 * A candidate counts only when its results are those of the device's row. What fails (memory, a
 * pipeline) leaves things as they were. Thread: the engine's. */
void vulkan_tuner_learn (VulkanTuner *self, VulkanPipelines *pipelines, VulkanSubmitter *submitter,
                         const VulkanWeights *weights, const GraphPlan *plan);
