/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a placement takes of each device, asked of that device for the plans that it would get. Must
 * not know what the device is. */
#include "engine/split/cut.h"
#include "engine/split/split.h"

/* Weights and KV are those of the first plan, and each executable has scratch of its own. */
gboolean
split_backend_measure (EngineBackend *backend, SplitDevice device, const GraphPlan *const *plans,
                       uint32_t n_plans, const EngineKvSize *kv, const SplitPlacement *placement,
                       EngineBytes *bytes, GError **error)
{
  *bytes = (EngineBytes) { 0 };
  for (uint32_t i = 0; i < n_plans; i++) {
    g_autoptr (SplitCut) cut = split_cut_new (plans[i], placement);
    EngineBytes own = { 0 };

    if (cut->plans[device]->n_ops > 0 &&
        !backend->vtable->measure (backend, cut->plans[device], kv, &own, error))
      return FALSE;
    if (i == 0) {
      bytes->weights = own.weights;
      bytes->kv = own.kv;
    }
    bytes->scratch += own.scratch;
  }
  return TRUE;
}

/* ---- the choice for a budget ---------------------------------------------------------------- */

typedef struct {
  EngineBackend *first;
  const GraphPlan *const *plans;
  uint32_t n_plans;
  const EngineKvSize *kv;
} Measuring;

static gboolean
measure (const SplitPlacement *placement, uint64_t *sum, void *user_data, GError **error)
{
  const Measuring *m = user_data;
  EngineBytes bytes;

  if (!split_backend_measure (m->first, SPLIT_FIRST, m->plans, m->n_plans, m->kv, placement,
                              &bytes, error))
    return FALSE;
  *sum = engine_bytes_sum (&bytes);
  return TRUE;
}

gboolean
split_backend_place (EngineBackend *first, const GraphPlan *const *plans, uint32_t n_plans,
                     const EngineKvSize *kv, uint64_t budget, SplitPlacement *placement,
                     uint64_t *least, GError **error)
{
  Measuring measuring = { first, plans, n_plans, kv };

  return split_place (plans[0]->desc, budget, measure, &measuring, placement, least, error);
}
