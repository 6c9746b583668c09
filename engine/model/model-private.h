/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that make a ModelDesc share. Private to engine/model. */
#pragma once

#include "engine/error.h"
#include "engine/model/model.h"

/* Far beyond any model, and small enough that products of two fit into 64 bits with room to
 * spare. */
#define MODEL_MAX_LAYERS    1024
#define MODEL_MAX_D_MODEL   (1 << 18)
#define MODEL_MAX_D_FF      (1 << 20)
#define MODEL_MAX_HEADS     4096
#define MODEL_MAX_HEAD_SIZE 1024
#define MODEL_MAX_CONTEXT   (1 << 28)
#define MODEL_MAX_VOCAB     (1 << 24)
#define MODEL_MAX_EXPERTS   4096

/* "<architecture>.<key>". Free with g_free. */
char *model_key (const ModelDesc *desc, const char *key);
/* A whole number in 1..max of <architecture>.<key>; of an array the first. fallback 0: the key must
 * be there. */
gboolean model_read_count (const ModelDesc *desc,
                           const char *key,
                           uint64_t fallback,
                           uint64_t max,
                           uint32_t *result,
                           GError **error);
/* The same with 0 allowed and the default. */
gboolean model_read_count_or_0 (const ModelDesc *desc,
                                const char *key,
                                uint64_t max,
                                uint32_t *result,
                                GError **error);
/* One number for each layer, 0 to max, from a number or an array. values: [n_layers]. fallback 0:
 * the key must be there. */
gboolean model_read_per_layer (const ModelDesc *desc,
                               const char *key,
                               uint64_t fallback,
                               uint64_t max,
                               uint32_t *values,
                               GError **error);
/* A number above 0, at most max. fallback 0: the key must be there. */
gboolean model_read_real (const ModelDesc *desc,
                          const char *key,
                          double fallback,
                          double max,
                          float *result,
                          GError **error);

/* desc->architecture is known: fills features and h, then layers. */
gboolean model_read_hparams (ModelDesc *desc, GError **error);
gboolean model_read_layers (ModelDesc *desc, GError **error);
