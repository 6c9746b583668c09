/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share: the step from a device and plans to a placement and what
 * each device would hold. Nobody else includes it. */
#pragma once

#include "engine/planner/planner.h"
#include "engine/split/split.h"

/* Spreads a model, whose session plans are made, over its back end and the processor, and writes
 * model->plan. FALSE with the numbers where it does not fit; the plan is written nevertheless. */
gboolean planner_place (EngineModel *model, const EngineModelOptions *options, GError **error);
