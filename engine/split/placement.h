/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of a model lies on which of two devices, and the choice of it for a budget of the first.
 * Knows layers and bytes; must not know devices. Thread: any. */
#pragma once

#include "engine/graph/plan.h"

typedef enum {
  SPLIT_FIRST,  /* the fast one that is short of memory: a graphics card */
  SPLIT_SECOND, /* the processor */
  SPLIT_N_DEVICES,
} SplitDevice;

/* What lies on the second device. Layers go there from the first one on, and the embedding before
 * them: so whole layers cost one crossing a batch, however many they are. */
typedef struct {
  uint32_t n_layers;  /* so many lie there whole, with what they keep of timelines */
  uint32_t n_experts; /* of so many the experts do, those of n_layers among them */
  gboolean embedding, output;
} SplitPlacement;

/* Where an op belongs. */
SplitDevice split_placement_device (const SplitPlacement *placement, const GraphOp *op);
/* "the experts of 3 of 24 layers on the processor", or NULL when all is on the first device. */
char *split_placement_describe (const SplitPlacement *placement, const ModelDesc *desc);

/* Bytes that the first device would hold. FALSE with error where it cannot tell. */
typedef gboolean (*SplitMeasure) (const SplitPlacement *placement, uint64_t *bytes,
                                  void *user_data, GError **error);

/* The placement with the most on the first device whose bytes stay within budget. In this order:
 * all; all but the embedding, which is only looked up; without the experts of the first layers, as
 * few as possible, of which each token reads a small part; without whole layers; nothing. *least:
 * the bytes of the smallest share that is of any use (the output alone). */
gboolean split_place (const ModelDesc *desc, uint64_t budget, SplitMeasure measure, void *user_data,
                      SplitPlacement *placement, uint64_t *least, GError **error);
/* Whether a placement leaves nothing to one of the devices. */
gboolean split_placement_is_whole (const SplitPlacement *placement, SplitDevice device,
                                   const ModelDesc *desc);
