/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan cut in two: for each device a plan of the ops that lie there, in segments, and the order
 * in which they run with what crosses between them. Must not know devices. */
#pragma once

#include "engine/split/placement.h"

/* A segment of one device's plan. */
typedef struct {
  SplitDevice device;
  uint32_t segment;
  GraphBuffers imports;  /* copied from the other device before it */
  gboolean only_outputs; /* there is nothing to do in a batch without outputs */
} SplitStep;

typedef struct {
  GraphPlan *plans[SPLIT_N_DEVICES]; /* owned; without ops where nothing lies on the device */
  uint32_t n_steps;
  SplitStep *steps;       /* the device changes from each to the next */
  GraphBuffers on_second; /* whose last values lie there, in the end */
} SplitCut;

/* plan: whole, without segments; its desc must outlive the cut. */
SplitCut *split_cut_new (const GraphPlan *plan, const SplitPlacement *placement);
void split_cut_free (SplitCut *cut);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SplitCut, split_cut_free)
