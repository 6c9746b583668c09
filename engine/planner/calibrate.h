/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Measures a device by running models made up for it on the back end itself. Thread: the caller's;
 * it should have the device for itself. */
#pragma once

#include "engine/planner/rates.h"

/* Adds to rates what they lack of a number format in models like desc of a size, and of a type of
 * keys and values. About three seconds a format on two cores of a processor. FALSE: a sentence;
 * what was measured stays. */
gboolean planner_calibrate (EngineBackend *backend, PlannerRates *rates, const ModelDesc *desc,
                            ModelType type, uint32_t set_log2, ModelKvType kv_type,
                            GError **error);
