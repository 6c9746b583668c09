/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On which devices a model's layers lie, inside the engine. Thread: the engine thread. */
#pragma once

#include "engine/session/session.h"

/* device: "cpu" or "vulkan:N". */
EngineBackend *engine_backend_open (const char *device, const EngineModelOptions *options,
                                    GError **error);

/* A model with its plans made, on a graphics card that may be too small for it: then
 * model->backend becomes one of the card and the processor. Cards that share the computer's memory
 * are given all, unless options name a budget. ENGINE_ERROR_NO_MEMORY with the numbers when nothing
 * of the model would fit. */
gboolean engine_model_place (EngineModel *model, const EngineModelOptions *options,
                             GError **error);
