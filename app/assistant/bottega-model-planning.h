/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a model of the list would take with the settings, by the engine's planner, asked on a thread
 * of its own. Main thread. */
#pragma once

#include "app/assistant/bottega-model-store.h"

G_BEGIN_DECLS

/* What a model is loaded with now: what was set for it alone, else what holds for all. defaults: of
 * the model, to be cleared; path may be of
 * a model that is not in the list. What request points to is of it, of the settings and of the
 * list. */
void bottega_model_store_get_request (BottegaModelStore *self, const char *path,
                                      BottegaModelDefaults *defaults,
                                      BottegaLoadRequest *request);

/* kv_type NULL: as it is set. measure: see BottegaEngineSource. */
void bottega_model_store_plan_async (BottegaModelStore *self, BottegaModelItem *item,
                                     const char *kv_type, gboolean measure,
                                     GAsyncReadyCallback callback, gpointer user_data);
BottegaPlan *bottega_model_store_plan_finish (GAsyncResult *result, GError **error);
/* Puts what a plan says in the place of what was reckoned. */
void bottega_model_need_take_plan (BottegaModelNeed *need, const BottegaPlan *plan);

G_END_DECLS
