/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One back end made of two: the layers of a model, or their experts, spread over both (see
 * placement.h). Knows neither by name: what it asks of them stands in engine/backend.h. */
#pragma once

#include "engine/backend.h"
#include "engine/split/placement.h"

/* Takes first and second, which it closes with itself, also on failure. Every plan that is loaded
 * or compiled is cut by placement. */
EngineBackend *split_backend_open (EngineBackend *first, EngineBackend *second,
                                   const SplitPlacement *placement, const ModelDesc *desc);

/* Chooses the placement (split_place) for plans of one desc that will all be compiled: the first
 * refers to all weights. first alone is asked; nothing is allocated. ENGINE_ERROR_UNSUPPORTED when
 * it cannot tell what a model takes. */
gboolean split_backend_place (EngineBackend *first, const GraphPlan *const *plans,
                              uint32_t n_plans, const EngineKvSize *kv, uint64_t budget,
                              SplitPlacement *placement, uint64_t *least, GError **error);

/* What the one of the two that is device would hold under a placement, once all plans are compiled;
 * one alone is SPLIT_FIRST under a placement of zeros. Nothing is allocated. */
gboolean split_backend_measure (EngineBackend *backend, SplitDevice device,
                                const GraphPlan *const *plans, uint32_t n_plans,
                                const EngineKvSize *kv, const SplitPlacement *placement,
                                EngineBytes *bytes, GError **error);
/* The two, and what lies on which of them. */
SplitPlacement split_backend_parts (EngineBackend *backend,
                                    EngineBackend *parts[SPLIT_N_DEVICES]);
/* What one of the two holds for a model of a split back end. */
EngineBytes split_model_bytes (EngineBackendModel *model, SplitDevice device);
