/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share: the step from a device and plans to a placement and what
 * each device would hold. Nobody else includes it. */
#pragma once

#include "engine/planner/planner.h"
#include "engine/split/split.h"

/* device: "cpu" or "vulkan:N". */
EngineBackend *planner_backend_open (const char *device, const EngineModelOptions *options,
                                     GError **error);

/* Spreads a model, whose session plans are made, over its back end and the processor, and writes
 * model->plan. FALSE with the numbers where it does not fit; the plan is written nevertheless. */
gboolean planner_place (EngineModel *model, const EngineModelOptions *options, GError **error);

/* Of one model on a device; a draft model beside it is not counted. */
static inline uint64_t
planner_heap_bytes (const EnginePlanHeap *heap)
{
  return heap->weights_bytes + heap->kv_bytes + heap->scratch_bytes;
}

/* Fills in the times of model->plan, where its devices have been measured. */
void planner_predict (const EngineModel *model, const EngineModelOptions *options);
/* Measures of its devices what is not known yet and the model needs, and keeps it in the cache
 * folder. What cannot be measured stays unknown: a plan without times is one all the same. */
void planner_measure (EngineModel *model, const EngineModelOptions *options);
