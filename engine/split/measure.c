/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a placement takes of the first device, asked of that device for the plans that it would
 * get. Must not know what the device is. */
#include "engine/split/cut.h"
#include "engine/split/split.h"

typedef struct {
  EngineBackend *first;
  const GraphPlan *const *plans;
  uint32_t n_plans;
  const EngineKvSize *kv;
} Measuring;

/* Weights and KV are those of the first plan, and each executable has scratch of its own. */
static gboolean
measure (const SplitPlacement *placement, uint64_t *bytes, void *user_data, GError **error)
{
  const Measuring *m = user_data;

  *bytes = 0;
  for (uint32_t i = 0; i < m->n_plans; i++) {
    g_autoptr (SplitCut) cut = split_cut_new (m->plans[i], placement);
    EngineBytes own = { 0 };

    if (cut->plans[SPLIT_FIRST]->n_ops > 0 &&
        !m->first->vtable->measure (m->first, cut->plans[SPLIT_FIRST], m->kv, &own, error))
      return FALSE;
    *bytes += (i == 0 ? own.weights + own.kv : 0) + own.scratch;
  }
  return TRUE;
}

gboolean
split_backend_measure (EngineBackend *first, const GraphPlan *const *plans, uint32_t n_plans,
                       const EngineKvSize *kv, const SplitPlacement *placement, uint64_t *bytes,
                       GError **error)
{
  Measuring measuring = { first, plans, n_plans, kv };

  return measure (placement, bytes, &measuring, error);
}

gboolean
split_backend_place (EngineBackend *first, const GraphPlan *const *plans, uint32_t n_plans,
                     const EngineKvSize *kv, uint64_t budget, SplitPlacement *placement,
                     uint64_t *least, GError **error)
{
  Measuring measuring = { first, plans, n_plans, kv };

  return split_place (plans[0]->desc, budget, measure, &measuring, placement, least, error);
}
