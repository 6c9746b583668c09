/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a model will take of which device, decided before anything of it is allocated: context and
 * chunk, keys and values, placement, budgets. Loading and the public prediction (engine_plan) go
 * through the same functions. Thread: any, on a model of its own. */
#pragma once

#include "engine/session/session.h"

/* The context that options ask for, or what stands for none. */
uint32_t planner_context_tokens (const ModelDesc *desc, uint32_t wanted);

/* What is done with a model that has a back end, plans and a place. */
typedef gboolean (*PlannerUse) (EngineModel *model, const EngineModelOptions *options,
                                GError **error);

/* Opens the device that options name, or the choice of it ("auto": the processor where the card is
 * not enough), plans the model for it (model->plan, model->backend, which becomes one of two
 * devices where the first is short of memory) and calls use. ENGINE_ERROR_NO_MEMORY with the
 * numbers, before use, where it does not fit; model->plan then says so too. */
gboolean planner_use_device (EngineModel *model, const EngineModelOptions *options, PlannerUse use,
                             GError **error);
/* What a draft model takes beside the model that a plan is of; it comes first, and the plan knows
 * that already. */
void planner_add_draft (EnginePlan *plan, const EnginePlan *draft);
/* Of a plan, on graphics cards. */
uint64_t planner_card_bytes (const EnginePlan *plan);
/* The options of a draft model, for which options ask. */
EngineModelOptions planner_draft_options (const ModelDesc *desc, const ModelDesc *draft,
                                          const EngineModelOptions *options);
/* What is left of a limit on a card's memory, 0 being none, when so much of it is taken. */
uint64_t planner_limit_left (uint64_t limit_bytes, uint64_t taken_bytes);

/* Frees weights, plans and back end. */
void planner_leave_device (EngineModel *model);
