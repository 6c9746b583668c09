/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every op of a plan in plain double arithmetic, straight from its definition in ops.def: what all
 * back ends are compared with. It reads tensors from the file, knows no pages, no threads and no
 * quantised activations. */
#pragma once

#include "engine/backend.h"

typedef struct {
  const GraphPlan *plan;
  double *buffer[GRAPH_N_BUFFERS]; /* as plan.h gives their shapes */
  uint32_t n_layers, context;      /* of the caches; layers of one group, the most */
  uint32_t key_width, value_width; /* the widest of all layers */
  ModelKvType kv_type;             /* F16 unless it is set to another */
  /* [runs][groups][layers][context][width] of every timeline, as kv_type holds it */
  float *keys, *values;
  double *states; /* [runs][plan->state_floats] */
} Reference;

/* context: tokens that a timeline may hold. g_error on failure: it is a test's. */
Reference *reference_new (const GraphPlan *plan, uint32_t context);
void reference_free (Reference *reference);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reference, reference_free)

/* Runs all ops but CANDIDATES. Run i of the batch is timeline i, whatever its pages. */
void reference_run (Reference *reference, const EngineBatch *batch);

/* Sum of squared differences over the sum of squares; 0 for equal, infinite when got has no
 * number. */
double reference_nmse (const double *want, const float *got, size_t n);
